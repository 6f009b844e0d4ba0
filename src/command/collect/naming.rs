//! What a bundle is called.

use super::Said;
use crate::clock::Timestamp;
use crate::custody::receipt::is_bundle_id;
use crate::host::{Host, facts};
use crate::path::HostPath;
use crate::seal::random;
use crate::term::Failure;

/// Bytes of the host's name in a bundle's id: with case, time and random part it has 80 at most.
const NAME_BYTES: usize = 28;

/// `host-case-20261121t201948z-xxxxxxxx`, at most 80 bytes of `a-z`, `0-9`, `.` and `-`.
pub fn bundle_id(said: &Said, host: &Host, now: Timestamp) -> Result<String, Failure> {
    let name = match &said.pseudonym {
        Some(pseudonym) => pseudonym.clone(),
        None if host.is_live() => facts::kernel().nodename,
        None => {
            let hostname = HostPath::new("/etc/hostname").ok().and_then(|path| host.peek(&path, 256).ok());
            String::from_utf8_lossy(hostname.as_deref().unwrap_or(b"image")).into_owned()
        }
    };
    let plain: String = name
        .trim()
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' { c } else { '-' })
        .take(NAME_BYTES)
        .collect();
    let plain = plain.trim_matches(['-', '.']);
    // Windows keeps some names for devices, whatever follows the first dot.
    let mut plain = if is_bundle_id(plain) { plain.to_owned() } else { format!("host-{plain}") };
    plain.truncate(NAME_BYTES);
    let plain = plain.trim_end_matches(['-', '.']);
    let case = said.case_id.as_ref().map(|case| format!("-{}", case.as_str())).unwrap_or_default();
    let mut suffix = [0_u8; 4];
    random::fill(&mut suffix)?;
    let suffix = u32::from_be_bytes(suffix);
    Ok(format!("{plain}{case}-{}-{suffix:08x}", now.compact()))
}
