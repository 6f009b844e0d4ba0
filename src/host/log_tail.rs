//! The end of a log that somebody else writes to, followed for a moment: over its rotation too, and without a word about
//! what was in it before.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use super::held::{Held, Holding};
use super::{Host, Trouble};
use crate::path::HostPath;

/// Bytes that are read at once, and of one file between two looks at most.
const LIMIT: usize = 4 << 20;

/// Bytes that are read once more: longer than a record of the kernel's is.
const OVERLAP: u64 = 16 << 10;

/// A log, from where it ended when it was first looked at.
pub struct LogTail<'h> {
    host: &'h Host,
    path: HostPath,
    held: Held,
    offset: u64,
}

impl Host {
    /// Looks at the end of the log at `path`.
    pub fn tail(&self, path: &HostPath) -> Result<LogTail<'_>, Trouble> {
        let held = self.open_log(path)?;
        let offset = held.met.stat.size;
        Ok(LogTail { host: self, path: path.clone(), held, offset })
    }

    /// Looks at the log at `path` from where it was left: `known` says how far the file with this device and inode was
    /// read, if it was. A little before that, so that no record is torn.
    pub fn tail_since(
        &self,
        path: &HostPath,
        known: impl FnOnce((u64, u64)) -> Option<u64>,
    ) -> Result<LogTail<'_>, Trouble> {
        let held = self.open_log(path)?;
        let offset = known(held.met.identity).unwrap_or(0).saturating_sub(OVERLAP);
        Ok(LogTail { host: self, path: path.clone(), held, offset })
    }

    fn open_log(&self, path: &HostPath) -> Result<Held, Trouble> {
        match self.hold(&self.locate(path, true)?.spot)? {
            Holding::File(held) => Ok(held),
            Holding::Other(met) => Err(Trouble::OtherType(path.to_string(), met.kind_in_words())),
        }
    }
}

impl LogTail<'_> {
    /// What has been written since the last look.
    pub fn more(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut bytes = self.rest()?;
        // A log that is being rotated has no file of its name for a moment.
        match self.host.open_log(&self.path) {
            Ok(held) if held.met.identity != self.held.met.identity => {
                (self.held, self.offset) = (held, 0);
                bytes.extend(self.rest()?);
            }
            Ok(_) | Err(Trouble::Missing(_)) => {}
            Err(trouble) => return Err(trouble),
        }
        Ok(bytes)
    }

    /// What follows in this file, at most 4 MiB at once; nothing at its end.
    pub fn rest(&mut self) -> Result<Vec<u8>, Trouble> {
        let (file, offset) = (self.held.file.clone(), self.offset);
        let read = move || file.map_or_else(|| Ok(Vec::new()), |file| read_from(&file, offset));
        let read = self.host.patience().ask(read);
        let bytes = read
            .map_err(|none| self.host.no_answer(none, &self.path))?
            .map_err(|errno| Trouble::from_errno(errno, self.path.to_string()))?;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
}

fn read_from(file: &OwnedFd, offset: u64) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(64 << 10);
    while bytes.len() < LIMIT {
        bytes.reserve(64 << 10);
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;
    use std::io::Write as _;

    #[test]
    fn only_what_is_written_afterwards_is_read_and_a_rotation_loses_nothing() {
        let (dir, host) = host_with(&[("/log", b"before\n")]);
        let (log, old) = (dir.path().join("log"), dir.path().join("log.1"));
        let append = |path: &std::path::Path, text: &str| {
            let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let mut tail = host.tail(&HostPath::new("/log").unwrap()).unwrap();
        assert_eq!(tail.more().unwrap(), b"");
        append(&log, "one\n");
        assert_eq!(tail.more().unwrap(), b"one\n");
        append(&log, "two\n");
        std::fs::rename(&log, &old).unwrap();
        append(&old, "three\n");
        assert_eq!(tail.more().unwrap(), b"two\nthree\n");
        append(&log, "four\n");
        assert_eq!(tail.more().unwrap(), b"four\n");
        assert!(matches!(host.tail(&HostPath::new("/none").unwrap()), Err(Trouble::Missing(_))));
    }
}
