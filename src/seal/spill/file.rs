//! A file without a name that holds runs of rows, encrypted chunk by chunk (ChaCha20-Poly1305, RFC 8439) under a key
//! that is drawn for it and kept nowhere else.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{AeadInPlace as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use rustix::fs::{self, AtFlags, FallocateFlags, Mode, OFlags};
use zeroize::Zeroizing;

use crate::seal::random;

/// Bytes of the tag behind each chunk.
const TAG: usize = 16;
/// Names that are tried where a file needs one for a moment.
const ATTEMPTS: usize = 16;

/// The file.
pub(super) struct SpillFile {
    file: File,
    folder: PathBuf,
    cipher: ChaCha20Poly1305,
    /// Bytes of text of a chunk.
    chunk: usize,
    /// Chunks that have been written: the number of the next one, and with it its nonce.
    chunks: u64,
}

/// Rows that follow one another, sorted.
#[derive(Clone, Debug)]
pub(super) struct Run {
    first: u64,
    chunks: u64,
    /// Bytes of text in the last chunk.
    last: usize,
}

/// A run that is being written.
pub(super) struct Writing {
    first: u64,
    text: Vec<u8>,
}

impl SpillFile {
    /// A new one in this folder.
    pub fn create(folder: &Path, chunk: usize) -> io::Result<SpillFile> {
        let mut key = Zeroizing::new([0; 32]);
        random::fill(&mut *key)?;
        let cipher = ChaCha20Poly1305::new((&*key).into());
        let file = nameless(folder).map_err(|error| told(folder, "cannot make the file for", &error))?;
        Ok(SpillFile { file, folder: folder.to_owned(), cipher, chunk, chunks: 0 })
    }

    /// Begins a run.
    pub fn begin(&self) -> Writing {
        Writing { first: self.chunks, text: Vec::with_capacity(self.chunk) }
    }

    /// The next row of a run.
    pub fn write(&mut self, run: &mut Writing, key: &[u8], row: &[u8]) -> io::Result<()> {
        [&length(key)?[..], &length(row)?, key, row].into_iter().try_for_each(|part| self.bytes(run, part))
    }

    /// The next bytes of a run.
    pub fn bytes(&mut self, run: &mut Writing, mut part: &[u8]) -> io::Result<()> {
        while !part.is_empty() {
            let room = self.chunk - run.text.len();
            let (now, later) = part.split_at_checked(room).unwrap_or((part, &[]));
            run.text.extend_from_slice(now);
            part = later;
            if run.text.len() == self.chunk {
                self.put(&mut run.text)?;
            }
        }
        Ok(())
    }

    /// The run is whole.
    pub fn end(&mut self, mut run: Writing) -> io::Result<Run> {
        let rest = run.text.len();
        if rest > 0 {
            self.put(&mut run.text)?;
        }
        let last = if rest > 0 { rest } else { self.chunk };
        Ok(Run { first: run.first, chunks: self.chunks - run.first, last })
    }

    /// Encrypts and writes a chunk.
    fn put(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        let nonce = nonce(self.chunks);
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce, b"", text)
            .map_err(|_| io::Error::other("rows that wait could not be encrypted"))?;
        text.extend_from_slice(&tag);
        let written = self.file.write_all_at(text, self.offset(self.chunks));
        written.map_err(|error| told(&self.folder, "cannot write", &error))?;
        text.clear();
        self.chunks += 1;
        Ok(())
    }

    /// Reads the chunk of this number of a run; none behind its end.
    pub fn get(&self, run: &Run, number: u64, text: &mut Vec<u8>) -> io::Result<bool> {
        if number >= run.chunks {
            return Ok(false);
        }
        let length = if number + 1 == run.chunks { run.last } else { self.chunk };
        let mut tag = Tag::default();
        text.resize(length + TAG, 0);
        let at = run.first + number;
        let read = self.file.read_exact_at(text, self.offset(at));
        read.map_err(|error| told(&self.folder, "cannot read", &error))?;
        tag.copy_from_slice(text.get(length..).unwrap_or_default());
        text.truncate(length);
        let whole = self.cipher.decrypt_in_place_detached(&nonce(at), b"", text, &tag);
        whole.map_err(|_| {
            let changed = io::Error::new(io::ErrorKind::InvalidData, "they are not as they were written");
            told(&self.folder, "cannot use", &changed)
        })?;
        Ok(true)
    }

    /// A run is needed no more: its room is given back where the file system can.
    pub fn free(&self, run: &Run) {
        let (begin, end) = (self.offset(run.first), self.offset(run.first + run.chunks));
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Where it cannot, all room is given back at the end.
        let _ = fs::fallocate(&self.file, how, begin, end - begin);
    }

    fn offset(&self, chunk: u64) -> u64 {
        chunk * (self.chunk + TAG) as u64
    }
}

/// The number of a chunk: none occurs twice under one key.
fn nonce(chunk: u64) -> Nonce {
    let mut nonce = Nonce::default();
    for (byte, of_number) in nonce.iter_mut().zip(chunk.to_le_bytes()) {
        *byte = of_number;
    }
    nonce
}

fn length(part: &[u8]) -> io::Result<[u8; 4]> {
    let length =
        u32::try_from(part.len()).map_err(|_| io::Error::other("a row of more than 4 GiB cannot wait"))?;
    Ok(length.to_le_bytes())
}

fn told(folder: &Path, what: &str, error: &io::Error) -> io::Error {
    let words = format!("{what} the rows that wait in {}: {error}", folder.display());
    io::Error::new(error.kind(), words)
}

/// A file that nobody finds, open for reading and writing.
fn nameless(folder: &Path) -> io::Result<File> {
    let (private, flags) = (Mode::RUSR | Mode::WUSR, OFlags::RDWR | OFlags::CLOEXEC);
    if let Ok(file) = fs::open(folder, flags | OFlags::TMPFILE | OFlags::EXCL, private) {
        return Ok(file.into());
    }
    // Not every file system has files without names; there it has one until it is open.
    let at = fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for _ in 0..ATTEMPTS {
        let mut number = [0; 8];
        random::fill(&mut number)?;
        let name = format!(".phi-ir-rows-{:016x}", u64::from_le_bytes(number));
        match fs::openat(&at, &name, flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, private) {
            Ok(file) => {
                fs::unlinkat(&at, &name, AtFlags::empty())?;
                return Ok(file.into());
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
