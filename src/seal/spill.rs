//! Rows that are sorted, and may be more than memory holds: what does not fit waits on a disk, encrypted under a key that
//! is nowhere but in this process, in a file that has no name. Nothing of them can be read there, neither while this
//! runs nor after it was killed.

mod bytes;
mod file;
mod merge;

use std::io;
use std::path::{Path, PathBuf};

pub use bytes::{Bytes, BytesIn};
use file::{Run, SpillFile};
use merge::Merge;

/// A key, in the order of its bytes, and a row.
pub type Row = (Vec<u8>, Vec<u8>);

/// Bytes that are encrypted together, at least and at most.
const CHUNK: (usize, usize) = (1 << 10, 64 << 10);

/// Takes rows in any order and gives them by their keys. Rows with the same key stay in the order in which they came.
///
/// It holds as much as it is allowed, half as much again while it sorts, and beyond that two of the longest rows. Runs are
/// merged within the same memory, two at a time where it is too little for more.
pub struct Sorter {
    memory: usize,
    folder: PathBuf,
    bytes: Vec<u8>,
    rows: Vec<Span>,
    longest: usize,
    file: Option<SpillFile>,
    runs: Vec<Run>,
}

/// Where in memory a row is: its key from here on, and behind it the row.
#[derive(Clone, Copy)]
struct Span {
    begin: usize,
    key: usize,
    row: usize,
}

impl Span {
    fn key(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.begin..self.begin + self.key).unwrap_or_default()
    }

    fn row(self, bytes: &[u8]) -> &[u8] {
        let begin = self.begin + self.key;
        bytes.get(begin..begin + self.row).unwrap_or_default()
    }
}

impl Sorter {
    /// One that holds so many bytes, and lets what does not fit wait in this folder. Nothing is created before.
    pub fn new(memory: usize, folder: &Path) -> Sorter {
        Sorter {
            memory,
            folder: folder.to_owned(),
            bytes: Vec::new(),
            rows: Vec::new(),
            longest: 0,
            file: None,
            runs: Vec::new(),
        }
    }

    /// The next row.
    pub fn push(&mut self, key: &[u8], row: &[u8]) -> io::Result<()> {
        let length = key.len() + row.len() + size_of::<Span>();
        let held = self.bytes.len() + self.rows.len() * size_of::<Span>();
        if held + length > self.memory && !self.rows.is_empty() {
            self.spill()?;
        }
        self.longest = self.longest.max(length);
        self.rows.push(Span { begin: self.bytes.len(), key: key.len(), row: row.len() });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(row);
        Ok(())
    }

    /// All of them, by their keys. After an error there is no more.
    pub fn finish(mut self) -> io::Result<Sorted> {
        if self.file.is_none() {
            self.sort();
            return Ok(Sorted(Left::Held(self.bytes, self.rows.into_iter())));
        }
        self.spill()?;
        let fan = self.fan();
        let (Some(mut file), mut runs) = (self.file, self.runs) else { return Ok(Sorted(Left::None)) };
        // The memory is needed for what is read back.
        drop((self.bytes, self.rows));
        while runs.len() > fan {
            let groups: Vec<Vec<Run>> = runs.chunks(fan).map(<[Run]>::to_vec).collect();
            runs = groups.into_iter().map(|group| together(&mut file, group)).collect::<io::Result<_>>()?;
        }
        let merge = Merge::of(&file, runs)?;
        Ok(Sorted(Left::Spilt(Box::new((file, merge)))))
    }

    /// How many runs are read at once: each has a chunk and a row in memory.
    fn fan(&self) -> usize {
        (self.memory / (chunk(self.memory) + self.longest)).max(2)
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.rows.sort_by(|one, other| one.key(bytes).cmp(other.key(bytes)));
    }

    /// What is held goes to the disk.
    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(SpillFile::create(&self.folder, chunk(self.memory))?),
        };
        let mut run = file.begin();
        for span in &self.rows {
            file.write(&mut run, span.key(&self.bytes), span.row(&self.bytes))?;
        }
        self.runs.push(file.end(run)?);
        self.bytes.clear();
        self.rows.clear();
        Ok(())
    }
}

/// Bytes that are encrypted together, so that many runs can be read at once.
fn chunk(memory: usize) -> usize {
    (memory / 64).clamp(CHUNK.0, CHUNK.1)
}

/// Runs that follow one another become one.
fn together(file: &mut SpillFile, runs: Vec<Run>) -> io::Result<Run> {
    let mut merge = Merge::of(file, runs.clone())?;
    let mut run = file.begin();
    while let Some((key, row)) = merge.next(file)? {
        file.write(&mut run, &key, &row)?;
    }
    runs.iter().for_each(|run| file.free(run));
    file.end(run)
}

/// Rows by their keys.
pub struct Sorted(Left);

/// What is left.
enum Left {
    /// All of them were held.
    Held(Vec<u8>, std::vec::IntoIter<Span>),
    /// Some are on the disk.
    Spilt(Box<(SpillFile, Merge)>),
    /// None, or nothing that could be read.
    None,
}

impl Iterator for Sorted {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<io::Result<Row>> {
        let next = match &mut self.0 {
            Left::Held(bytes, rows) => {
                rows.next().map(|span| Ok((span.key(bytes).to_vec(), span.row(bytes).to_vec())))
            }
            Left::Spilt(spilt) => {
                let (file, merge) = &mut **spilt;
                merge.next(file).transpose()
            }
            Left::None => None,
        };
        if !matches!(next, Some(Ok(_))) {
            self.0 = Left::None;
        }
        next
    }
}

#[cfg(test)]
mod tests;
