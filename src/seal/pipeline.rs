//! Hashing, compression and encryption, each on a thread of its own, with bounded queues between them.
//!
//! ```text
//!   write ──┬─▶ hash ──▶ SHA-256 of the member
//!           └─▶ archive (probe, deflate or store) ─▶ envelope (age) ─▶ digest of all ─▶ output
//! ```
//! The queues bound what is under way to [`IN_FLIGHT`] bytes, which the output keeps free for them.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::archive::{Archive, Method, Zip, is_incompressible};
use super::envelope::{Recipients, Sealing};
use crate::clock::Timestamp;
use crate::custody::digest::{Digest, Hasher};
use crate::custody::receipt::Ciphertext;

/// The longest piece that travels through the queues, in bytes.
pub const CHUNK: usize = 128 << 10;

/// Pieces that may wait before the archive, and blocks that may wait before the envelope.
const QUEUE: usize = 4;

/// Bytes of one block between archive and envelope.
const BLOCK: usize = 64 << 10;

/// More than what can be under way between `write` and the output: waiting and current pieces (a deflated one
/// may be longer than it was), the compressor's window, blocks, and age's own chunk.
pub const IN_FLIGHT: u64 = ((QUEUE + 2) * CHUNK * 9 / 8 + (QUEUE + 3) * BLOCK + (256 << 10)) as u64;

enum Piece {
    Begin {
        name: String,
        modified: Timestamp,
    },
    Bytes(Arc<Vec<u8>>),
    End,
    /// The archive is complete. A queue that merely ends was given up, and must not look complete.
    Finish,
}

/// From the archive to the envelope.
enum Block {
    Bytes(Vec<u8>),
    Finish,
    /// The archive's thread is gone.
    Broken,
}

enum Hashed {
    Bytes(Arc<Vec<u8>>),
    End,
}

/// The running threads.
pub struct Pipeline<W> {
    to_archive: Option<SyncSender<Piece>>,
    to_hash: Option<SyncSender<Hashed>>,
    digests: Receiver<Digest>,
    archive: Option<JoinHandle<io::Result<()>>>,
    envelope: Option<JoinHandle<io::Result<(W, Ciphertext)>>>,
}

impl<W: Write + Send + 'static> Pipeline<W> {
    /// Writes the envelope's header and starts the threads.
    pub fn start(out: W, recipients: &Recipients) -> io::Result<Pipeline<W>> {
        // The header is written in small pieces by a library that does not say what the output said of them.
        let sealing = recipients.encrypt(BufWriter::new(Measured::new(out)))?;
        let (to_envelope, blocks) = sync_channel(QUEUE);
        let (to_archive, pieces) = sync_channel(QUEUE);
        let (to_hash, hashing) = sync_channel(QUEUE);
        let (digest, digests) = sync_channel(1);
        let envelope = spawn("envelope", move || encrypt(sealing, &blocks))?;
        let archive = spawn("archive", move || {
            let mut told = Told(to_envelope, Block::Broken);
            compress(Blocks::to(told.0.clone()), &pieces)?;
            told.1 = Block::Finish;
            Ok(())
        })?;
        spawn("hash", move || hash(&hashing, &digest))?;
        Ok(Pipeline {
            to_archive: Some(to_archive),
            to_hash: Some(to_hash),
            digests,
            archive: Some(archive),
            envelope: Some(envelope),
        })
    }

    /// Begins a member.
    pub fn begin(&mut self, name: String, modified: Timestamp) -> io::Result<()> {
        self.send(Piece::Begin { name, modified })
    }

    /// More of it, at most [`CHUNK`] bytes.
    pub fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let bytes = Arc::new(bytes);
        let hashing = self.to_hash.as_ref().map(|queue| queue.send(Hashed::Bytes(Arc::clone(&bytes))));
        if !matches!(hashing, Some(Ok(()))) {
            return Err(self.failure());
        }
        self.send(Piece::Bytes(bytes))
    }

    /// Ends it; the digest of all its bytes.
    pub fn end(&mut self) -> io::Result<Digest> {
        self.send(Piece::End)?;
        let asked = self.to_hash.as_ref().map(|queue| queue.send(Hashed::End));
        match (asked, self.digests.recv()) {
            (Some(Ok(())), Ok(digest)) => Ok(digest),
            _ => Err(self.failure()),
        }
    }

    /// Ends the archive and the envelope.
    pub fn finish(mut self) -> io::Result<(W, Ciphertext)> {
        self.send(Piece::Finish)?;
        self.stop()
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        match self.to_archive.as_ref().map(|queue| queue.send(piece)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why a thread is gone: the error nearest to the output, because the others only follow from it.
    fn failure(&mut self) -> io::Error {
        match self.stop() {
            Err(error) => error,
            Ok(_) => ended(),
        }
    }

    fn stop(&mut self) -> io::Result<(W, Ciphertext)> {
        self.to_archive = None;
        self.to_hash = None;
        let archived = self.archive.take().map_or_else(|| Err(ended()), join);
        let enveloped = self.envelope.take().map_or_else(|| Err(ended()), join);
        match (archived, enveloped) {
            (Ok(()), Ok(sealed)) => Ok(sealed),
            // If the envelope ended only because the archive did, the archive knows why.
            (Err(error), Err(follows)) if is_ended(&follows) => Err(error),
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<JoinHandle<io::Result<T>>> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("no thread can be started: {error}"));
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(told)
}

fn join<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    thread.join().unwrap_or_else(|_| Err(ended()))
}

fn ended() -> io::Error {
    io::Error::other(EndedEarly)
}

fn is_ended(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<EndedEarly>())
}

/// A thread found that another had ended; why, the other knows.
#[derive(Debug, thiserror::Error)]
#[error("a sealing thread ended early")]
struct EndedEarly;

fn hash(pieces: &Receiver<Hashed>, digests: &SyncSender<Digest>) -> io::Result<()> {
    let mut hasher = Hasher::new();
    for piece in pieces {
        match piece {
            Hashed::Bytes(bytes) => hasher.update(&bytes),
            Hashed::End => {
                if digests.send(std::mem::take(&mut hasher).finish()).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The archive's thread. A member is begun with its first bytes, because they decide how it is kept.
fn compress(out: Blocks, pieces: &Receiver<Piece>) -> io::Result<()> {
    let mut archive = Zip::new(out);
    let mut announced: Option<(String, Timestamp)> = None;
    for piece in pieces {
        match piece {
            Piece::Begin { name, modified } => announced = Some((name, modified)),
            Piece::Bytes(bytes) => {
                if let Some((name, modified)) = announced.take() {
                    let method = if is_incompressible(&bytes) { Method::Stored } else { Method::Deflated };
                    archive.begin(&name, modified, method)?;
                }
                archive.write(&bytes)?;
            }
            Piece::End => {
                if let Some((name, modified)) = announced.take() {
                    archive.begin(&name, modified, Method::Stored)?;
                }
            }
            Piece::Finish => return archive.finish()?.flush(),
        }
    }
    Err(ended())
}

/// Tells the envelope how the archive's thread ended, however it ends. The queue alone would not: an archive that
/// is given up keeps its end of it.
struct Told(SyncSender<Block>, Block);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(std::mem::replace(&mut self.1, Block::Broken));
    }
}

/// The envelope's thread.
fn encrypt<W: Write>(
    mut sealing: Sealing<BufWriter<Measured<W>>>,
    blocks: &Receiver<Block>,
) -> io::Result<(W, Ciphertext)> {
    for block in blocks {
        match block {
            Block::Bytes(bytes) => sealing.write_all(&bytes)?,
            Block::Finish => {
                let mut measured = sealing.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
                measured.flush()?;
                return Ok(measured.finish());
            }
            Block::Broken => break,
        }
    }
    Err(ended())
}

/// A writer that hands on whole blocks through a queue.
struct Blocks {
    queue: SyncSender<Block>,
    block: Vec<u8>,
}

impl Blocks {
    fn to(queue: SyncSender<Block>) -> Blocks {
        Blocks { queue, block: Vec::with_capacity(BLOCK) }
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() == BLOCK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.queue.send(Block::Bytes(block)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// A writer that counts and digests what passes.
struct Measured<W> {
    inner: W,
    bytes: u64,
    hasher: Hasher,
}

impl<W> Measured<W> {
    fn new(inner: W) -> Measured<W> {
        Measured { inner, bytes: 0, hasher: Hasher::new() }
    }

    fn finish(self) -> (W, Ciphertext) {
        (self.inner, Ciphertext { bytes: self.bytes, sha256: self.hasher.finish() })
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Pipeline<Vec<u8>> {
        let mut recipients = Recipients::none();
        recipients.add(&super::super::envelope::generate("now").recipient, None, "argument", "-r").unwrap();
        Pipeline::start(Vec::new(), &recipients).unwrap()
    }

    #[test]
    fn an_archive_that_fails_ends_the_envelope_too() {
        let mut pipeline = pipeline();
        let member = |pipeline: &mut Pipeline<Vec<u8>>| {
            pipeline.begin("same/name".into(), Timestamp::from_unix(0, 0)).and_then(|()| pipeline.end())
        };
        member(&mut pipeline).unwrap();
        // The archive refuses a name that it has; whoever waits for it must not wait for ever.
        let second = member(&mut pipeline);
        let finished = second.and_then(|_| pipeline.finish());
        let error = finished.err().unwrap();
        assert!(!is_ended(&error), "it must say why: {error}");
    }

    #[test]
    fn what_is_given_up_is_never_complete() {
        let mut pipeline = pipeline();
        pipeline.begin("a".into(), Timestamp::from_unix(0, 0)).unwrap();
        pipeline.end().unwrap();
        assert!(pipeline.stop().is_err());
    }
}
