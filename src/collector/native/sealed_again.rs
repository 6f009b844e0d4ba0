//! The bytes of a small file that was sealed: those that were kept, or read once more where the digest shows that they
//! are the same.

use crate::collector::run::Run;
use crate::custody::digest::Digest;
use crate::host::Trouble;
use crate::intake::SealedCopy;

/// Longer files are no configuration.
const LIMIT: u64 = 4 << 20;

/// The bytes, or why they are not at hand.
pub fn bytes(run: &Run<'_, '_>, copy: &SealedCopy) -> Result<Vec<u8>, String> {
    if let Some(kept) = &copy.kept {
        return Ok(kept.to_vec());
    }
    if copy.size > LIMIT {
        return Err(format!("it is longer than the {} MiB that are read into memory", LIMIT >> 20));
    }
    match run.host.peek(&copy.real, copy.size) {
        Ok(bytes) if Digest::of(&bytes) == copy.sha256 => Ok(bytes),
        Ok(_) => Err("the host wrote to it after it was sealed; the sealed bytes are whole".into()),
        Err(Trouble::Missing(path)) => Err(Trouble::Vanished(path).to_string()),
        Err(trouble) => Err(trouble.to_string()),
    }
}
