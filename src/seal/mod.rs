//! The sealed file: a plain ZIP inside an age file, written in one pass and read back strictly.
//!
//! Writing: [`Seal`] takes members, as a [`Vault`], and runs hashing, compression and encryption on threads of
//! their own; [`output`] owns the file. Reading: [`files`] finds, [`opened`] opens, [`container`] walks the archive and insists
//! on the one shape that we write, [`inspect`] feeds what it finds to `custody::inspector`.

pub mod archive;
pub mod container;
pub mod envelope;
pub mod files;
pub mod inspect;
pub mod members;
pub mod opened;
pub mod output;
mod pipeline;
pub mod random;
pub mod salvage;
pub mod signature;
pub mod spill;
pub mod stream;
pub mod unpack;

use std::io::{self, Write};

use crate::clock::Timestamp;
use crate::custody::member::Member;
use crate::custody::receipt::Ciphertext;
use crate::custody::{Sealed, Vault, VaultError};
use envelope::Recipients;
use output::Reserve;
use pipeline::{CHUNK, IN_FLIGHT, Pipeline};

/// Bytes kept back for what stands behind the evidence, names and lists aside: the entries of the steps that
/// an interruption leaves undone, and the seal.
const TAIL_ALLOWANCE: u64 = 768 << 10;

/// Free space without which a bundle cannot even be begun, in bytes.
pub const ROOM_TO_BEGIN: u64 = IN_FLIGHT + TAIL_ALLOWANCE;

/// A bundle being written. Nothing can be written after [`Seal::finish`].
pub struct Seal<W> {
    pipeline: Pipeline<W>,
    reserve: Option<Box<dyn Reserve>>,
    folder: String,
    tail: u64,
    size: u64,
}

impl<W: Write + Send + 'static> Seal<W> {
    /// Begins a bundle called `id` on `out`, for `recipients`. `reserve`, if there is one, is asked before the first
    /// byte, and before each piece of evidence, whether all that is under way and the end would still fit.
    pub fn create(
        id: &str,
        out: W,
        recipients: &Recipients,
        mut reserve: Option<Box<dyn Reserve>>,
    ) -> Result<Seal<W>, VaultError> {
        if let Some(reserve) = &mut reserve {
            reserve.hold(ROOM_TO_BEGIN)?;
        }
        let pipeline = Pipeline::start(out, recipients)?;
        Ok(Seal { pipeline, reserve, folder: id.to_owned(), tail: TAIL_ALLOWANCE, size: 0 })
    }

    /// Ends archive and envelope. Gives back the output and what the sealed file measures.
    pub fn finish(self) -> Result<(W, Ciphertext), VaultError> {
        Ok(self.pipeline.finish()?)
    }

    /// A piece counts only once it is under way: what there was no room for is not in the member.
    fn pass_on(&mut self, piece: Vec<u8>) -> Result<(), VaultError> {
        let length = piece.len() as u64;
        self.make_room()?;
        self.pipeline.write(piece)?;
        self.size += length;
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), VaultError> {
        match &mut self.reserve {
            Some(reserve) => reserve.hold(IN_FLIGHT + self.tail),
            None => Ok(()),
        }
    }
}

impl<W: Write + Send + 'static> Vault for Seal<W> {
    fn begin(&mut self, member: &Member, modified: Timestamp) -> Result<(), VaultError> {
        let name = format!("{}/{member}", self.folder);
        // One record in the directory and one line in a list, both with the name.
        self.tail += 2 * name.len() as u64 + 200;
        self.make_room()?;
        self.size = 0;
        Ok(self.pipeline.begin(name, modified)?)
    }

    fn write(&mut self, bytes: Vec<u8>) -> Result<(), VaultError> {
        if bytes.len() <= CHUNK {
            return self.pass_on(bytes);
        }
        bytes.chunks(CHUNK).try_for_each(|piece| self.pass_on(piece.to_vec()))
    }

    fn end(&mut self) -> Result<Sealed, VaultError> {
        let sha256 = self.pipeline.end()?;
        Ok(Sealed { size: self.size, sha256 })
    }

    fn release_reserve(&mut self) {
        self.reserve = None;
    }
}

/// Why a sealed file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is no age file, or its header is damaged.
    #[error("not an age file, or its beginning is damaged")]
    Header,
    /// Its last piece is empty, and not its only one.
    #[error("its last piece is empty, as age never leaves it")]
    LastPiece,
    /// It is an age file in letters.
    #[error("it is an age file in letters, and no bundle is; 'age' can turn it back into bytes")]
    Armored,
    /// It was sealed for keys of a kind that no bundle is sealed for.
    #[error("it was sealed for keys that are not X25519 keys, and no bundle is")]
    OtherKeys,
    /// Its passphrase takes hours or gigabytes to try.
    #[error("it asks for more work to try a passphrase than any bundle does")]
    TooMuchWork,
    /// None of the keys given opens it.
    #[error("none of the keys given opens this bundle")]
    NoKey,
    /// The passphrase does not open it.
    #[error("the passphrase does not open this bundle")]
    WrongPassphrase,
    /// It was sealed with a passphrase, and none was given, or the reverse.
    #[error("the bundle was sealed with {0}")]
    OtherKind(&'static str),
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}
