//! Opening a folder only so that it has been opened: the kernel is said to record that.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{self, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::file::open_folder;
use super::footprint::Footprint;
use super::stat::{self, Met};
use super::{Host, Trouble};
use crate::path::HostPath;

/// Events that a knock causes at most where every opening is recorded.
pub const KNOCK_EVENTS: u64 = 2;

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knock {
    /// The inode of the folder, or of the single file.
    pub place: u64,
    /// It is a folder.
    pub is_folder: bool,
    /// That of the first thing in it that lies on the same file system; none if there is none.
    pub inside: Option<u64>,
}

impl Host {
    /// Opens the folder at `path` as any reader of it does, and the first thing in it as a name alone, without its content.
    /// What is no folder is opened as a name.
    pub fn knock(&self, path: &HostPath) -> Result<Knock, Trouble> {
        let spot = self.locate(path, true)?.spot;
        let (folder, name) = (Arc::clone(&spot.folder), spot.name.clone());
        let footprint = Arc::clone(self.footprint());
        let knocked = self.patience().ask(move || knock(&folder, &name, &footprint));
        let knocked = knocked.map_err(|none| self.no_answer(none, &spot.real))?;
        knocked.map_err(|errno| Trouble::from_errno(errno, path.to_string()))
    }
}

fn knock(parent: &OwnedFd, name: &[u8], footprint: &Footprint) -> Result<Knock, Errno> {
    let met = stat::at(parent, name)?;
    if met.kind != FileType::Directory {
        name_alone(parent, name)?;
        return Ok(Knock { place: met.stat.ino, is_folder: false, inside: None });
    }
    let folder = open_folder(parent, name, footprint)?;
    let met = stat::of(&folder)?;
    Ok(Knock { place: met.stat.ino, is_folder: true, inside: first_in(&folder, &met)? })
}

fn name_alone(folder: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    fs::openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn first_in(folder: &OwnedFd, of: &Met) -> Result<Option<u64>, Errno> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut names = RawDir::new(folder, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        // What is mounted here is a place of its own.
        let Ok(met) = stat::at(folder, name) else { continue };
        if met.identity.0 == of.identity.0 && name_alone(folder, name).is_ok() {
            return Ok(Some(met.stat.ino));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;

    #[test]
    fn a_folder_and_something_in_it_are_opened_and_nothing_is_read() {
        let (dir, host) = host_with(&[("/phi/a", b"x"), ("/single", b"x")]);
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        let inode = |path: &str| {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(dir.path().join(path)).unwrap().ino()
        };
        let knock = |path: &str| host.knock(&HostPath::new(path).unwrap());
        assert_eq!(
            knock("/phi").unwrap(),
            Knock { place: inode("phi"), is_folder: true, inside: Some(inode("phi/a")) }
        );
        assert_eq!(
            knock("/single").unwrap(),
            Knock { place: inode("single"), is_folder: false, inside: None }
        );
        assert_eq!(knock("/empty").unwrap().inside, None);
        assert!(matches!(knock("/none"), Err(Trouble::Missing(_))));
        assert_eq!(host.footprint().counts().atimes_at_risk, 0);
    }
}
