//! Runs that are read at once, the smallest key first; of the same keys that of the earlier run.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io;

use super::Row;
use super::file::{Run, SpillFile};

/// Runs with the next row of each.
pub(super) struct Merge {
    runs: Vec<Reading>,
    heads: BinaryHeap<Reverse<Head>>,
}

/// A run that is being read.
struct Reading {
    run: Run,
    /// The number of the next chunk.
    next: u64,
    text: Vec<u8>,
    at: usize,
}

/// The next row of a run.
struct Head {
    key: Vec<u8>,
    run: usize,
    row: Vec<u8>,
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        (&self.key, self.run).cmp(&(&other.key, other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Merge {
    /// Of these runs of the file.
    pub fn of(file: &SpillFile, runs: Vec<Run>) -> io::Result<Merge> {
        let runs = runs.into_iter().map(|run| Reading { run, next: 0, text: Vec::new(), at: 0 }).collect();
        let mut merge = Merge { runs, heads: BinaryHeap::new() };
        (0..merge.runs.len()).try_for_each(|run| merge.refill(file, run))?;
        Ok(merge)
    }

    /// The next row; none at the end.
    pub fn next(&mut self, file: &SpillFile) -> io::Result<Option<Row>> {
        let Some(Reverse(Head { key, run, row })) = self.heads.pop() else { return Ok(None) };
        self.refill(file, run)?;
        Ok(Some((key, row)))
    }

    fn refill(&mut self, file: &SpillFile, run: usize) -> io::Result<()> {
        let Some(reading) = self.runs.get_mut(run) else { return Ok(()) };
        if let Some((key, row)) = reading.row(file)? {
            self.heads.push(Reverse(Head { key, run, row }));
        }
        Ok(())
    }
}

impl Reading {
    fn row(&mut self, file: &SpillFile) -> io::Result<Option<Row>> {
        if self.at == self.text.len() && !self.chunk(file)? {
            return Ok(None);
        }
        let (key, row) = (self.length(file)?, self.length(file)?);
        Ok(Some((self.take(file, key)?, self.take(file, row)?)))
    }

    fn chunk(&mut self, file: &SpillFile) -> io::Result<bool> {
        self.text.clear();
        self.at = 0;
        let is_one = file.get(&self.run, self.next, &mut self.text)?;
        self.next += 1;
        Ok(is_one)
    }

    fn length(&mut self, file: &SpillFile) -> io::Result<usize> {
        let bytes = self.take(file, 4)?;
        let length = bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Ok(length as usize)
    }

    /// So many bytes, of as many chunks as they are in. The tags have shown that the lengths are those that were written.
    fn take(&mut self, file: &SpillFile, count: usize) -> io::Result<Vec<u8>> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            if self.at == self.text.len() && !self.chunk(file)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let rest = self.text.get(self.at..).unwrap_or_default();
            let now = rest.get(..count - taken.len()).unwrap_or(rest);
            taken.extend_from_slice(now);
            self.at += now.len();
        }
        Ok(taken)
    }
}
