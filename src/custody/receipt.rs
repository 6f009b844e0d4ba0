//! The receipt: what may be told about a bundle without opening it. Schema 1, frozen.
//!
//! It travels by ordinary means, so it holds no PHI, no host path and no user name.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::completeness::Completeness;
use super::digest::{Digest, Hasher};
use super::seal::{Chain, Counts, Signer, Tool};
use crate::case::BundleKind;
use crate::clock::Timestamp;

/// The longest receipt that is read back, in bytes.
pub const RECEIPT_LIMIT: usize = 64 << 10;

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
    /// COMPLETE or PARTIAL.
    pub result: Completeness,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spoken_code_is_the_beginning_of_the_digest() {
        // SHA-256("abc") begins ba7816bf 8f01cfea 414140de.
        assert_eq!(spoken_code(b"abc"), "ba78-16bf-8f01-cfea-4141-40de");
    }
}
