//! Unpacking into a new folder that is nowhere else: private, member by member, with names that only we give.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::inspect::Unpack;
use crate::clock::Timestamp;
use crate::custody::member::Member;

/// A folder that did not exist before, and is given its name only when all of it is there.
pub struct NewFolder {
    building: PathBuf,
    name: PathBuf,
    open: Option<(File, Timestamp)>,
}

impl NewFolder {
    /// Makes the folder, under a name of its own until [`NewFolder::keep`].
    pub fn create(path: &Path) -> io::Result<NewFolder> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let building = path.with_file_name(name);
        DirBuilder::new().mode(0o700).create(&building)?;
        Ok(NewFolder { building, name: path.to_owned(), open: None })
    }

    /// All is there: the folder gets its name.
    pub fn keep(self) -> io::Result<()> {
        std::fs::rename(&self.building, &self.name)
    }

    /// It is not to be used: it goes away again.
    pub fn discard(self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.building)
    }

    /// Takes one member away again.
    pub fn remove(&mut self, member: &Member) -> io::Result<()> {
        self.open = None;
        std::fs::remove_file(self.building.join(member.as_str()))
    }
}

impl Unpack for NewFolder {
    fn begin(&mut self, member: &Member, modified: Timestamp) -> io::Result<()> {
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
