//! Unpacking into a new folder that is nowhere else: private, member by member, with names that only we give.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use super::inspect::Unpack;
use crate::clock::Timestamp;
use crate::custody::member::Member;

/// Free bytes that unpacking leaves on the disk.
const FLOOR: u64 = 16 << 20;

/// Bytes after which the room on the disk is looked at again.
const CHECKED_EACH: u64 = 16 << 20;

/// How unpacking is told to stop: nothing in the clear may be left behind.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    /// Nothing has been unpacked yet.
    pub idle: Arc<AtomicBool>,
    /// The number of the signal that asks to stop; 0 if none does.
    pub signal: Arc<AtomicUsize>,
}

impl Interruption {
    /// An interruption that has not come.
    pub fn none() -> Interruption {
        Interruption { idle: Arc::new(AtomicBool::new(true)), signal: Arc::default() }
    }

    /// One that is noted elsewhere too.
    pub fn noted_in(signal: Arc<AtomicUsize>) -> Interruption {
        Interruption { signal, ..Interruption::none() }
    }

    /// Whether somebody asks to stop.
    pub fn came(&self) -> bool {
        self.signal.load(Ordering::Acquire) != 0
    }

    fn check(&self) -> io::Result<()> {
        if self.came() { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}

/// Nothing is unpacked, and looking at it can be stopped all the same.
impl Unpack for Interruption {
    fn begin(&mut self, _: &Member, _: Timestamp) -> io::Result<()> {
        self.check()
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        self.check()
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder that did not exist before, is made when the first member comes, and gets its name only when all of it is
/// there. Dropped before that, it goes away again with everything in it.
pub struct NewFolder {
    building: PathBuf,
    name: PathBuf,
    made: bool,
    interruption: Interruption,
    /// Bytes that may be written before the room on the disk is looked at again.
    unchecked: u64,
    open: Option<(File, Timestamp)>,
}

impl NewFolder {
    /// Checks that the folder can be made; it is built under a name of its own until [`NewFolder::keep`].
    pub fn create(path: &Path, interruption: Interruption) -> io::Result<NewFolder> {
        path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let building = building(path);
        for taken in [path, &building] {
            if taken.symlink_metadata().is_ok() {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, taken.display().to_string()));
            }
        }
        let parent = parent_of(path);
        rustix::fs::access(parent, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?;
        Ok(NewFolder { building, name: path.to_owned(), made: false, interruption, unchecked: 0, open: None })
    }

    /// All is there: the folder gets its name.
    pub fn keep(mut self) -> io::Result<()> {
        self.interruption.check()?;
        self.make()?;
        std::fs::rename(&self.building, &self.name)?;
        self.made = false;
        Ok(())
    }

    /// It is not to be used: it goes away again.
    pub fn discard(mut self) -> io::Result<()> {
        self.remove_all()
    }

    /// Free bytes where it is built.
    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(parent_of(&self.building))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn make(&mut self) -> io::Result<()> {
        if !self.made {
            self.interruption.idle.store(false, Ordering::Release);
            DirBuilder::new().mode(0o700).create(&self.building)?;
            self.made = true;
        }
        Ok(())
    }

    fn remove_all(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.made) { std::fs::remove_dir_all(&self.building) } else { Ok(()) }
    }

    /// Takes one member away again.
    pub fn remove(&mut self, member: &Member) -> io::Result<()> {
        self.open = None;
        std::fs::remove_file(self.building.join(member.as_str()))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // Whoever wants to know whether that worked calls `discard`.
        let _ = self.remove_all();
    }
}

/// What a folder is called until all of it is there.
pub fn building(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Unpack for NewFolder {
    /// A hostile bundle may unpack to a thousand times its size: what does not fit is not begun.
    fn expect(&mut self, bytes: u64) -> io::Result<()> {
        let free = self.free()?;
        if bytes < free.saturating_sub(FLOOR) {
            return Ok(());
        }
        let words = format!("it unpacks to {bytes} bytes, and {free} are free");
        Err(io::Error::new(io::ErrorKind::StorageFull, words))
    }

    fn begin(&mut self, member: &Member, modified: Timestamp) -> io::Result<()> {
        self.make()?;
        // A member's name has neither `..` nor a leading slash, and no link was ever made below the folder.
        let path = self.building.join(member.as_str());
        if let Some(parent) = path.parent() {
            DirBuilder::new().mode(0o700).recursive(true).create(parent)?;
        }
        let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        self.open = Some((file, modified));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.interruption.check()?;
        match self.unchecked.checked_sub(bytes.len() as u64) {
            Some(rest) => self.unchecked = rest,
            None if self.free()? < FLOOR + CHECKED_EACH => {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "there is no room for more on this disk",
                ));
            }
            None => self.unchecked = CHECKED_EACH,
        }
        match &mut self.open {
            Some((file, _)) => file.write_all(bytes),
            None => Err(io::Error::other("no member is open")),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some((file, modified)) = self.open.take() {
            let seconds = u64::try_from(modified.unix()).unwrap_or(0);
            // A time that this system cannot hold is not worth losing the file for; the entry has the exact one.
            let _ = file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        }
        Ok(())
    }
}
