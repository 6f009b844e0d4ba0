//! What a reading brings into the page cache goes out of it again, and what was there stays: a server's own files must
//! not be pushed out of memory by an old log that somebody reads once.
//!
//! Which pages are there is asked (mincore(2)) well ahead of what is read, because the kernel reads ahead too. A page that
//! another program comes to want in the meantime may be read twice; nothing is ever written or held.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Advice, fadvise};

use super::sys;

/// What is asked about at once, in bytes.
const WINDOW: u64 = 4 << 20;

/// How far ahead of what is read it is asked: further than the kernel reads ahead, which is 128 KiB unless somebody has set
/// more (`read_ahead_kb`); 8 MiB were met.
const AHEAD: u64 = 32 << 20;

/// Shorter files are left as they are: they push nothing out.
const SHORTEST: u64 = 128 << 10;

/// A file whose reading leaves no trace in the page cache.
pub(super) struct Passing<'f> {
    file: &'f OwnedFd,
    length: u64,
    /// Up to here it is known what was there before.
    looked: u64,
    /// What was not, in order, as far as it has not been let go.
    absent: VecDeque<Range<u64>>,
}

impl<'f> Passing<'f> {
    /// A file of this length of which nothing has been read.
    pub(super) fn of(file: &'f OwnedFd, length: u64) -> Passing<'f> {
        let looked = if length < SHORTEST { length } else { 0 };
        Passing { file, length, looked, absent: VecDeque::new() }
    }

    /// To be called before what lies at `offset` is read.
    pub(super) fn before(&mut self, offset: u64) {
        while self.looked < self.length.min(offset.saturating_add(AHEAD)) {
            let end = self.length.min(self.looked.saturating_add(WINDOW));
            let page = rustix::param::page_size();
            let length = usize::try_from(end - self.looked).unwrap_or(0);
            match sys::pages_in_cache(self.file.as_fd(), self.looked, length, page) {
                Ok(pages) => self.note(&pages, page as u64),
                // Where it cannot be told, nothing is let go.
                Err(_) => return self.looked = self.length,
            }
            self.looked = end;
        }
    }

    /// Windows are let go one by one: the kernel keeps pages in larger pieces, which lie within one, and drops none of which
    /// a part is not meant.
    fn note(&mut self, pages: &[u8], page: u64) {
        let mut run = None;
        for (number, told) in (0_u64..).zip(pages) {
            let start = self.looked + number * page;
            match (&mut run, told & 1) {
                (None, 0) => run = Some(start..start + page),
                (Some(run), 0) => run.end += page,
                _ => self.absent.extend(run.take()),
            }
        }
        self.absent.extend(run);
    }

    /// To be called when all before `offset` has been read.
    pub(super) fn after(&mut self, offset: u64) {
        while self.absent.front().is_some_and(|range| range.end <= offset) {
            let Some(range) = self.absent.pop_front() else { break };
            // Best effort: it is a courtesy.
            let _ =
                fadvise(self.file, range.start, NonZeroU64::new(range.end - range.start), Advice::DontNeed);
        }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        // The rest too: the kernel may have read ahead of where the reading ended.
        self.after(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek as _, Write as _};

    use super::super::test_host::host_with;
    use super::*;
    use crate::path::HostPath;

    /// Pages of a file that are in the cache.
    fn cached(file: &File) -> Vec<usize> {
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        let pages = sys::pages_in_cache(file.as_fd(), 0, length, rustix::param::page_size()).unwrap();
        pages.iter().enumerate().filter(|(_, told)| **told & 1 == 1).map(|(number, _)| number).collect()
    }

    /// A file of which nothing is in the cache; none where its file system lives there.
    fn cold(length: usize) -> Option<(tempfile::TempDir, crate::host::Host, File)> {
        let (dir, host) = host_with(&[]);
        let mut file =
            File::options().create_new(true).read(true).write(true).open(dir.path().join("log")).unwrap();
        file.write_all(&vec![7; length]).unwrap();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        let is_cold = cached(&file).is_empty();
        if !is_cold {
            let _ = std::io::stderr().write_all(b"SKIPPED: the temporary folder lies in memory\n");
        }
        is_cold.then_some((dir, host, file))
    }

    #[test]
    fn what_was_not_in_the_cache_is_not_left_there() {
        let Some((_dir, host, mut file)) = cold(50_000_000) else { return };
        let path = HostPath::new("/log").unwrap();
        assert_eq!(host.peek(&path, u64::MAX).unwrap().len(), 50_000_000);
        assert_eq!(cached(&file), Vec::<usize>::new());
        // The control: whoever else reads it leaves it there.
        file.rewind().unwrap();
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
        assert!(cached(&file).len() > 2000);
    }

    #[test]
    fn what_was_in_the_cache_stays() {
        // A kernel that wants memory back takes pages of its own accord, now and then; a reading that lets them go does so
        // each time.
        let stayed: Vec<_> = (0..3).map_while(|_| pages_of_a_file_that_is_read_twice()).collect();
        assert!(
            stayed.is_empty() || stayed.iter().any(|[before, whole, part]| before == whole && before == part)
        );
    }

    /// The pages in the cache: before, after a reading of all of it, and after one that ends early.
    fn pages_of_a_file_that_is_read_twice() -> Option<[Vec<usize>; 3]> {
        let (_dir, host, file) = cold(50_000_000)?;
        fadvise(&file, 0, None, Advice::Random).unwrap();
        let mut one = [0];
        for place in [0, 41_000_000, 49_999_999] {
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut one, place).unwrap();
        }
        let before = cached(&file);
        assert!(!before.is_empty() && before.len() < 1000, "{before:?}");
        host.peek(&HostPath::new("/log").unwrap(), u64::MAX).unwrap();
        let whole = cached(&file);
        // A reading that ends early lets go what the kernel had read ahead.
        host.peek(&HostPath::new("/log").unwrap(), 2_000_000).unwrap();
        Some([before, whole, cached(&file)])
    }
}
