//! The receipt: what may be told about a bundle without opening it. Schema 1, frozen.
//!
//! It travels by ordinary means, so it holds no PHI, no host path and no user name.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::completeness::Completeness;
use super::digest::{Digest, Hasher};
use super::member::is_device_name;
use super::seal::{Chain, Counts, Signer, Tool};
use crate::case::BundleKind;
use crate::clock::Timestamp;

/// The longest receipt that is read back, in bytes.
pub const RECEIPT_LIMIT: usize = 64 << 10;

/// Bytes of a bundle's id at most.
pub const ID_LIMIT: usize = 80;

/// The schema's name.
pub const RECEIPT_SCHEMA: &str = "phi-ir.receipt/1";

/// The whole receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`RECEIPT_SCHEMA`].
    pub schema: String,
    /// The bundle's id.
    pub id: String,
    /// What kind of bundle.
    pub kind: BundleKind,
    /// When the sealed file was complete.
    pub sealed: Timestamp,
    /// The sealed file.
    pub ciphertext: Ciphertext,
    /// SHA-256 of `seal.json`.
    pub seal_sha256: Digest,
    /// The seal's numbers.
    pub counts: Counts,
    /// How much was to be collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// COMPLETE or PARTIAL.
    pub result: Completeness,
    /// What stopped the run before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// The collectors that the result speaks of, where not the whole profile was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_for: Option<Vec<String>>,
    /// The program.
    pub tool: Tool,
    /// Whose key signed.
    pub signer: Signer,
    /// The series that the bundle belongs to.
    pub chain: Chain,
}

/// The sealed file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ciphertext {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of all of it.
    pub sha256: Digest,
}

impl Ciphertext {
    /// Measures everything that `source` still gives.
    pub fn of(source: &mut impl Read) -> io::Result<Ciphertext> {
        let mut hasher = Hasher::new();
        let mut bytes = 0;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => return Ok(Ciphertext { bytes, sha256: hasher.finish() }),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(buffer.get(..count).unwrap_or_default());
            bytes += count as u64;
        }
    }
}

/// The code that is read out on the phone: the first 96 bits of the SHA-256 of the receipt's exact bytes, as six
/// groups of four hex digits. Shown, and never written inside anything that it speaks of.
pub fn spoken_code(receipt: &[u8]) -> String {
    let hex = Digest::of(receipt).hex();
    let groups: Vec<&str> = (0..6).filter_map(|group| hex.get(group * 4..group * 4 + 4)).collect();
    groups.join("-")
}

/// Whether two codes are the same, however they were written down: blanks, hyphens and capitals do not matter.
pub fn same_code(one: &str, other: &str) -> bool {
    let plain = |code: &str| -> String {
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    !plain(one).is_empty() && plain(one) == plain(other)
}

/// Whether a text can be a spoken code: 24 hex digits, however they are set apart.
pub fn is_code(text: &str) -> bool {
    let digits = text.chars().filter(|c| !" -.:".contains(*c));
    text.chars().all(|c| c.is_ascii_hexdigit() || " -.:".contains(c)) && digits.count() == 24
}

/// Whether a text can be a bundle's id: 1 to 80 of `a-z`, `0-9`, `.` and `-`, with a letter or digit at both ends, and
/// no name that Windows keeps for a device. It becomes the names of files and of a folder.
pub fn is_bundle_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=ID_LIMIT).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '.' || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
        && !is_device_name(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spoken_code_is_the_beginning_of_the_digest() {
        // SHA-256("abc") begins ba7816bf 8f01cfea 414140de.
        assert_eq!(spoken_code(b"abc"), "ba78-16bf-8f01-cfea-4141-40de");
    }

    #[test]
    fn a_code_is_the_same_however_it_was_written_down() {
        assert!(same_code("ba78-16bf-8f01-cfea-4141-40de", "BA78 16BF 8F01 CFEA 4141 40DE"));
        assert!(!same_code("ba78-16bf-8f01-cfea-4141-40de", "ba78-16bf-8f01-cfea-4141-40df"));
        assert!(!same_code("", " "));
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(is_bundle_id("clinic-db-c7-20261121t201948z-0a1b2c3d"));
        for bad in
            ["", ".", "..", "../x", "a/b", "A", ".hidden", "-r", "a.", "aux.lan-20261121", "com1", "c:\\x"]
        {
            assert!(!is_bundle_id(bad), "{bad}");
        }
    }
}
