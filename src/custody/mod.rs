//! What makes bytes evidence: entries chained in a ledger, lists, the seal document, the receipt, the verdict.
//!
//! Everything here is pure: no file, no clock, no key. The names in its JSON are frozen as schema 1 and stated
//! in `docs/seal-format.md`; optional keys may be added, nothing else may change without a new number.

pub mod bag;
pub mod brief;
pub mod completeness;
pub mod digest;
pub mod entry;
pub mod gap;
pub mod inspector;
pub mod json;
pub mod ledger;
pub mod member;
pub mod outcome;
pub mod plan;
pub mod receipt;
pub mod rows;
pub mod seal;
pub mod signers;
pub mod verdict;

use std::io;

use digest::Digest;
use member::Member;

use crate::clock::Timestamp;

/// What a vault knows of a member when it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Bytes of the member, uncompressed.
    pub size: u64,
    /// SHA-256 of exactly those bytes.
    pub sha256: Digest,
}

/// Where evidence goes: takes members one after another and never gives one back.
///
/// Evidence is never read inside a vault, so an error from it is custody's own and ends the run.
pub trait Vault {
    /// Begins a member. `modified` is what an unpacking tool will set as the file's time.
    fn begin(&mut self, member: &Member, modified: Timestamp) -> Result<(), VaultError>;

    /// More bytes of the member begun last.
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), VaultError>;

    /// Ends the member begun last.
    fn end(&mut self) -> Result<Sealed, VaultError>;

    /// From here on the space kept back for finishing may be used: the lists and the seal are being written.
    fn release_reserve(&mut self);
}

/// Why a vault takes no more.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The space kept back for finishing would be touched; what was taken so far can still be sealed.
    #[error("the output's file system has no room for more evidence")]
    NoSpace,
    /// No more space can be kept, or it can't be told whether; what was taken so far can still be sealed.
    #[error("no more room can be kept on the output's file system: {0}")]
    NoReserve(#[source] io::Error),
    /// The output cannot be written; the bundle is lost.
    #[error("cannot write the sealed file: {0}")]
    Io(#[from] io::Error),
}
