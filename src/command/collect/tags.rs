//! The bag's tag files, as they are written before and behind the evidence.

use super::journey::bundle_lost;
use crate::clock::Timestamp;
use crate::custody::digest::Digest;
use crate::custody::member::Member;
use crate::custody::{Sealed, Vault, VaultError};
use crate::term::Failure;

/// Tag files being written, and their digests.
pub struct Tags<'v, V: Vault> {
    /// Where they go.
    pub vault: &'v mut V,
    /// The time that they get.
    pub at: Timestamp,
    /// What each holds, by its name.
    pub digests: Vec<(&'static str, Digest)>,
}

impl<V: Vault> Tags<'_, V> {
    /// Writes one; its digest.
    pub fn write(&mut self, name: &'static str, bytes: Vec<u8>) -> Result<Digest, Failure> {
        let sealed = self.seal(name, bytes).map_err(|error| bundle_lost(error.into()))?;
        self.digests.push((name, sealed.sha256));
        Ok(sealed.sha256)
    }

    fn seal(&mut self, name: &'static str, bytes: Vec<u8>) -> Result<Sealed, VaultError> {
        self.vault.begin(&Member::of_tag(name), self.at)?;
        if !bytes.is_empty() {
            self.vault.write(bytes)?;
        }
        self.vault.end()
    }

    /// The digest of one that was written.
    pub fn digest_of(&self, name: &str) -> Option<Digest> {
        self.digests.iter().find(|(known, _)| *known == name).map(|(_, digest)| *digest)
    }
}
