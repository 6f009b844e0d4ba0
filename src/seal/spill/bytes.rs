//! Bytes that come once and are then read at any place: the first of them are held, and where there are more than that, all
//! wait on the disk, encrypted as rows are.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{Run, SpillFile, Writing};

/// Bytes that are encrypted together.
const CHUNK: usize = 32 << 10;
/// Chunks that are kept after they were read, each in the place that its number has: 4 MiB.
const KEPT: usize = 128;

/// Takes bytes.
pub struct BytesIn {
    memory: usize,
    folder: PathBuf,
    held: Vec<u8>,
    spilt: Option<(SpillFile, Writing)>,
    size: u64,
}

/// Gives them back.
pub struct Bytes {
    held: Vec<u8>,
    spilt: Option<Spilt>,
    size: u64,
}

struct Spilt {
    file: SpillFile,
    run: Run,
    kept: RefCell<Vec<Option<Chunk>>>,
}

/// Its number, and its text.
type Chunk = (u64, Vec<u8>);

impl BytesIn {
    /// For so many bytes in memory; more of them wait in this folder.
    pub fn new(memory: usize, folder: &Path) -> BytesIn {
        BytesIn { memory, folder: folder.to_owned(), held: Vec::new(), spilt: None, size: 0 }
    }

    /// The next ones.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if self.spilt.is_none() && self.held.len() + bytes.len() <= self.memory {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        let (file, run) = match &mut self.spilt {
            Some(spilt) => spilt,
            none => {
                let mut file = SpillFile::create(&self.folder, CHUNK)?;
                let mut run = file.begin();
                file.bytes(&mut run, &std::mem::take(&mut self.held))?;
                none.insert((file, run))
            }
        };
        file.bytes(run, bytes)
    }

    /// How many there are by now.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All are there.
    pub fn finish(self) -> io::Result<Bytes> {
        let BytesIn { held, size, .. } = self;
        let Some((mut file, run)) = self.spilt else { return Ok(Bytes { held, spilt: None, size }) };
        let run = file.end(run)?;
        let kept = RefCell::new(vec![None; KEPT]);
        Ok(Bytes { held, spilt: Some(Spilt { file, run, kept }), size })
    }
}

impl Bytes {
    /// How many there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Those from `offset` on: as many as the buffer takes and one chunk has, none behind the end.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.spilt {
            None => Ok(copy(&self.held, usize::try_from(offset).unwrap_or(usize::MAX), buffer)),
            Some(spilt) => spilt.read_at(offset, buffer),
        }
    }
}

impl Spilt {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (number, within) = (offset / CHUNK as u64, offset % CHUNK as u64);
        let mut kept = self.kept.borrow_mut();
        let Some(place) = kept.get_mut((number % KEPT as u64) as usize) else { return Ok(0) };
        if place.as_ref().is_none_or(|(known, _)| *known != number) {
            let mut text = place.take().map(|(_, text)| text).unwrap_or_default();
            if !self.file.get(&self.run, number, &mut text)? {
                return Ok(0);
            }
            *place = Some((number, text));
        }
        Ok(place.as_ref().map_or(0, |(_, text)| copy(text, within as usize, buffer)))
    }
}

fn copy(text: &[u8], from: usize, buffer: &mut [u8]) -> usize {
    let from = text.get(from..).unwrap_or_default();
    buffer.iter_mut().zip(from).map(|(to, byte)| *to = *byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_any_place_whether_they_fit_into_memory_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<u8> = (0..3 * CHUNK * KEPT / 2 + 77).map(|at| (at / 251 + at % 251) as u8).collect();
        for memory in [all.len(), CHUNK / 2] {
            let mut bytes = BytesIn::new(memory, folder.path());
            all.chunks(10_007).for_each(|piece| bytes.push(piece).unwrap());
            assert_eq!(bytes.size(), all.len() as u64);
            let bytes = bytes.finish().unwrap();
            assert_eq!(bytes.spilt.is_some(), memory < all.len());
            let mut state = 7_usize;
            for _ in 0..2_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) % all.len();
                let mut buffer = [0; 300];
                let count = bytes.read_at(at as u64, &mut buffer).unwrap();
                assert!(count > 0);
                assert_eq!(buffer[..count], all[at..at + count]);
            }
            assert_eq!(bytes.read_at(all.len() as u64, &mut [0; 9]).unwrap(), 0);
            assert_eq!(bytes.read_at(u64::MAX, &mut [0; 9]).unwrap(), 0);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
