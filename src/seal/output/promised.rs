//! Small files whose place on the disk is taken before their bytes are known. The receipt and its signature are written
//! last of all; on a disk that somebody else is filling there would be no inode and no block left for them.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::fs::{self, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::room::Blocks;
use super::{Folder, OutputError};

/// What is kept for one such file, in bytes; none is longer than a few kilobytes.
const ROOM: u64 = 16 << 10;

/// A file that has its inode and its blocks.
pub struct Promised {
    file: File,
    /// What it is called meanwhile; where the file system has files without a name, it has none.
    called: Option<String>,
}

impl Folder {
    /// Takes the place of a small file that shall be called `name`. Nobody sees that name before the file is whole.
    pub fn promise(&self, name: &str) -> Result<Promised, OutputError> {
        let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match fs::openat(self, ".", nameless, Mode::from_raw_mode(0o600)) {
            Ok(fd) => self.with_room(Promised { file: fd.into(), called: None }, name),
            // Not every file system and kernel has such files; and no error of theirs says anything of other files.
            Err(_) => self.promise_as_partial(name),
        }
    }

    /// The same where everybody shall see that it is being written: until then it is called `.partial`.
    pub fn promise_as_partial(&self, name: &str) -> Result<Promised, OutputError> {
        if self.holds(name) {
            return Err(OutputError::Exists(self.path().join(name)));
        }
        let partial = format!("{name}.partial");
        let promised = Promised { file: self.create(&partial)?, called: Some(partial) };
        self.with_room(promised, name)
    }

    fn with_room(&self, promised: Promised, name: &str) -> Result<Promised, OutputError> {
        match Blocks::default().reach(&promised.file, ROOM) {
            Ok(()) => Ok(promised),
            Err(errno) => {
                self.withdraw(&promised);
                Err(self.failed("keep room for", name, errno.into()))
            }
        }
    }

    /// Writes the file through to the disk and gives it its name. One that cannot be written whole goes away.
    pub fn keep(&self, promised: &Promised, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let file = &promised.file;
        let written = file
            .write_all_at(bytes, 0)
            .and_then(|()| file.set_len(bytes.len() as u64))
            .and_then(|()| file.sync_all());
        let named = match written {
            Err(source) => Err(self.failed("write", name, source)),
            Ok(()) => match &promised.called {
                Some(called) => self.rename(called, name),
                None => self.name(file, name, bytes),
            },
        };
        named.inspect_err(|_| self.withdraw(promised))
    }

    /// Nothing came of it.
    pub fn withdraw(&self, promised: &Promised) {
        if let Some(called) = &promised.called {
            self.discard(called);
        }
    }

    /// Gives a file without a name its own. Without /proc and without root there is no way to; then its bytes are
    /// written again, to a file that has one.
    fn name(&self, file: &File, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let through = format!("/proc/self/fd/{}", file.as_raw_fd());
        let identity_of = |file: &File| match file.metadata() {
            Ok(met) => Ok((met.dev(), met.ino())),
            Err(source) => Err(self.failed("examine", name, source)),
        };
        let linked = match fs::linkat(file, "", self, name, AtFlags::EMPTY_PATH) {
            Err(Errno::EXIST) => Err(Errno::EXIST),
            Err(_) => fs::linkat(CWD, through.as_str(), self, name, AtFlags::SYMLINK_FOLLOW),
            Ok(()) => Ok(()),
        };
        match linked {
            // What lies at /proc may be no /proc.
            Ok(()) if self.is_called(identity_of(file)?, name) => Ok(()),
            Ok(()) => {
                self.discard(name);
                self.write_again(name, bytes)
            }
            Err(Errno::EXIST) => Err(OutputError::Exists(self.path().join(name))),
            Err(Errno::NOSPC | Errno::DQUOT) => Err(self.failed("name", name, Errno::NOSPC.into())),
            Err(_) => self.write_again(name, bytes),
        }
    }

    fn write_again(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        self.keep(&self.promise_as_partial(name)?, name, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promised_file_is_seen_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let names = || std::fs::read_dir(dir.path()).unwrap().count();
        let promised = folder.promise("a").unwrap();
        assert!(promised.called.is_some() || names() == 0);
        folder.keep(&promised, "a", b"one").unwrap();
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"one");
        assert_eq!(std::fs::metadata(dir.path().join("a")).unwrap().mode() & 0o777, 0o600);
        let second = folder.promise("a").unwrap();
        assert!(matches!(folder.keep(&second, "a", b"two"), Err(OutputError::Exists(_))));
        assert_eq!((std::fs::read(dir.path().join("a")).unwrap(), names()), (b"one".to_vec(), 1));
    }

    #[test]
    fn where_no_file_is_without_a_name_it_has_another_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let promised = folder.promise_as_partial("a").unwrap();
        folder.keep(&promised, "a", b"one").unwrap();
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"one");
        assert!(!dir.path().join("a.partial").exists());
        folder.withdraw(&folder.promise_as_partial("b").unwrap());
        assert!(!dir.path().join("b.partial").exists());
    }
}
