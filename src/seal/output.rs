//! The output folder and the sealed file in it: exclusive, private, with the space to finish kept ahead, and
//! read back before anybody is told that it exists.

mod promised;
mod room;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{self, Advice, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::custody::receipt::Ciphertext;

pub use promised::Promised;
pub use room::{Preallocated, Reserve, Space};

/// Why an output cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The folder is a symbolic link.
    #[error("{0} is a symbolic link")]
    Link(PathBuf),
    /// It is not a folder.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// Everyone may replace files in it.
    #[error("{0} can be written by everyone and has no sticky bit")]
    WorldWritable(PathBuf),
    /// The name is taken.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The file reads back differently from what was written.
    #[error("{0} reads back differently from what was written")]
    Differs(PathBuf),
    /// The system said no.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// An output folder, held open: whatever its path comes to mean later, files go into this one.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    identity: (u64, u64),
}

impl Folder {
    /// Opens a folder for output.
    pub fn open(path: &Path) -> Result<Folder, OutputError> {
        let failed = |what| move |source: io::Error| OutputError::Io { what, path: path.to_owned(), source };
        let met = std::fs::symlink_metadata(path).map_err(failed("use"))?;
        if met.is_symlink() {
            return Err(OutputError::Link(path.to_owned()));
        }
        if !met.is_dir() {
            return Err(OutputError::NotAFolder(path.to_owned()));
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let fd = fs::open(path, flags, Mode::empty()).map_err(|errno| failed("open")(errno.into()))?;
        let file = File::from(fd);
        let held = file.metadata().map_err(failed("examine"))?;
        if held.permissions().mode() & 0o1002 == 0o002 {
            return Err(OutputError::WorldWritable(path.to_owned()));
        }
        Ok(Folder { fd: file.into(), path: path.to_owned(), identity: (held.dev(), held.ino()) })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Device and inode.
    pub fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Creates a private file that did not exist.
    pub fn create(&self, name: &str) -> Result<File, OutputError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match retry_on_intr(|| fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o600))) {
            Ok(fd) => Ok(File::from(fd)),
            Err(Errno::EXIST) => Err(OutputError::Exists(self.path.join(name))),
            Err(errno) => Err(self.failed("create", name, errno.into())),
        }
    }

    /// Creates a small private file and writes it through to the disk. It has its name only when it is whole: whoever
    /// is killed on the way leaves no half of a key behind that looks like one.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        self.keep(&self.promise(name)?, name, bytes)
    }

    /// Gives a file its final name, which nothing may have yet.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), OutputError> {
        let renamed = match fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            // Old kernels and some file systems know no NOREPLACE; the names are ours and random.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::renameat(&self.fd, from, &self.fd, to),
            other => other,
        };
        match renamed {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(OutputError::Exists(self.path.join(to))),
            Err(errno) => Err(self.failed("rename", from, errno.into())),
        }
    }

    /// Whether anything has this name here.
    pub fn holds(&self, name: &str) -> bool {
        fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Where it is now, as far as that can be told: it may have been renamed, or unmounted, since it was opened.
    pub fn place(&self) -> PathBuf {
        let is_here =
            |path: &Path| std::fs::metadata(path).is_ok_and(|met| (met.dev(), met.ino()) == self.identity);
        let through = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        let elsewhere = || std::fs::read_link(through).ok().filter(|path| is_here(path));
        if is_here(&self.path) { self.path.clone() } else { elsewhere().unwrap_or_else(|| self.path.clone()) }
    }

    /// Whether a name leads to the file with this device and inode.
    pub fn is_called(&self, identity: (u64, u64), name: &str) -> bool {
        let met = fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        met.is_ok_and(|met| (met.st_dev, met.st_ino) == identity)
    }

    /// Takes a name away again; used only for what this run itself has made and cannot finish.
    pub fn discard(&self, name: &str) {
        let _ = fs::unlinkat(&self.fd, name, AtFlags::empty());
    }

    /// Writes the folder's own state through to the disk.
    pub fn sync(&self) -> Result<(), OutputError> {
        match retry_on_intr(|| fs::fsync(&self.fd)) {
            // Some file systems refuse to sync a folder; then there is nothing to do.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(errno) => Err(self.failed("sync", ".", errno.into())),
        }
    }

    /// Size and free space of the file system, in bytes, as an ordinary user sees it.
    pub fn space(&self) -> Result<Space, OutputError> {
        room::space_of(&self.fd).map_err(|errno| self.failed("examine", ".", errno.into()))
    }

    fn failed(&self, what: &'static str, name: &str, source: io::Error) -> OutputError {
        OutputError::Io { what, path: self.path.join(name), source }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The sealed file while it is written.
pub struct SealedFile {
    file: File,
    written: Arc<AtomicU64>,
    path: PathBuf,
}

impl SealedFile {
    /// Takes over a new file. Its file system shall keep `floor` bytes free.
    pub fn new(file: File, path: PathBuf, floor: u64) -> io::Result<(SealedFile, Preallocated)> {
        let written = Arc::new(AtomicU64::new(0));
        let reserve = Preallocated::none(file.try_clone()?, Arc::clone(&written), floor);
        Ok((SealedFile { file, written, path }, reserve))
    }

    /// Cuts what was kept ahead, writes everything through to the disk, drops the cache, reads all of it again,
    /// and compares; `breathe` is called between its pieces. What was read is not left in the cache.
    pub fn finish(mut self, expected: &Ciphertext, breathe: &dyn Fn()) -> Result<(), OutputError> {
        let path = self.path.clone();
        let failed = |what| {
            let path = path.clone();
            move |source| OutputError::Io { what, path, source }
        };
        self.file.set_len(expected.bytes).map_err(failed("cut"))?;
        self.file.sync_all().map_err(failed("sync"))?;
        // Best effort: a file system that has no cache to drop is read again all the same.
        let _ = fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        let found = self.file.seek(SeekFrom::Start(0)).and_then(|_| {
            let mut pieces = Breathing(&mut self.file, breathe);
            Ciphertext::of(&mut pieces)
        });
        let found = found.map_err(failed("read back"))?;
        let _ = fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        if found == *expected { Ok(()) } else { Err(OutputError::Differs(self.path)) }
    }
}

/// A reader that lets others go first between two pieces.
struct Breathing<'r>(&'r mut File, &'r dyn Fn());

impl Read for Breathing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1();
        self.0.read(buffer)
    }
}

impl Write for SealedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written.fetch_add(count as u64, Ordering::Release);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_and_a_folder_open_to_all_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path(), &link).unwrap();
        assert!(matches!(Folder::open(&link), Err(OutputError::Link(_))));
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Folder::open(&open), Err(OutputError::WorldWritable(_))));
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(Folder::open(&open).is_ok());
    }

    #[test]
    fn a_file_is_private_and_never_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        folder.write_new("a", b"one").unwrap();
        assert!(matches!(folder.write_new("a", b"two"), Err(OutputError::Exists(_))));
        folder.write_new("b", b"two").unwrap();
        assert!(matches!(folder.rename("b", "a"), Err(OutputError::Exists(_))));
        assert_eq!(std::fs::metadata(dir.path().join("a")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_was_kept_ahead_is_given_back_and_a_changed_file_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let make = |name: &str| {
            let file = folder.create(name).unwrap();
            let (mut sealed, mut reserve) = SealedFile::new(file, dir.path().join(name), 0).unwrap();
            reserve.hold(1 << 20).unwrap();
            sealed.write_all(b"sealed bytes").unwrap();
            (sealed, reserve)
        };
        let expected = Ciphertext { bytes: 12, sha256: crate::custody::digest::Digest::of(b"sealed bytes") };
        let (good, _reserve) = make("good");
        good.finish(&expected, &|| ()).unwrap();
        let met = std::fs::metadata(dir.path().join("good")).unwrap();
        assert_eq!(met.len(), 12);
        assert!(met.blocks() * 512 <= 64 << 10, "{} blocks are still held", met.blocks());

        let (bad, _reserve) = make("bad");
        std::fs::write(dir.path().join("bad"), b"sealed bytez").unwrap();
        assert!(matches!(bad.finish(&expected, &|| ()), Err(OutputError::Differs(_))));
    }

    #[test]
    fn a_floor_that_cannot_be_kept_stops_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = Folder::open(dir.path()).unwrap().create("a").unwrap();
        let (_sealed, mut reserve) = SealedFile::new(file, dir.path().join("a"), u64::MAX).unwrap();
        assert!(matches!(reserve.hold(1), Err(crate::custody::VaultError::NoSpace)));
    }

    #[test]
    fn zeros_serve_where_the_file_system_cannot_allocate() {
        let dir = tempfile::tempdir().unwrap();
        let file = Folder::open(dir.path()).unwrap().create("a").unwrap();
        let (mut sealed, reserve) = SealedFile::new(file, dir.path().join("a"), 0).unwrap();
        let mut reserve = reserve.by_zeros();
        reserve.hold(100_000).unwrap();
        sealed.write_all(b"x").unwrap();
        reserve.hold(100_000).unwrap();
        sealed
            .finish(&Ciphertext { bytes: 1, sha256: crate::custody::digest::Digest::of(b"x") }, &|| ())
            .unwrap();
    }
}
