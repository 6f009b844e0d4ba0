//! Metadata of files, as the kernel tells it with statx(2), or stat(2) where it must.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use rustix::fs::{self, AtFlags, FileType, Statx, StatxAttributes, StatxFlags, StatxTimestamp};
use rustix::io::Errno;

use crate::clock::Timestamp;
use crate::custody::brief::Brief;
use crate::custody::entry::FileStat;

/// Metadata, and the type of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// What goes into entries and rows.
    pub stat: FileStat,
    /// File, folder, link, …
    pub kind: FileType,
    /// Device and inode, to know a file again.
    pub identity: (u64, u64),
    /// Those attributes that are set, of those that its file system tells of.
    pub attributes: Attributes,
}

/// Attributes of a file (`chattr`, and what the kernel adds): `STATX_ATTR_*` of linux/stat.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(StatxAttributes);

impl Attributes {
    /// Their names, sorted.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [(StatxAttributes, &str); 9] = [
            (StatxAttributes::APPEND, "append"),
            (StatxAttributes::AUTOMOUNT, "automount"),
            (StatxAttributes::COMPRESSED, "compressed"),
            (StatxAttributes::DAX, "dax"),
            (StatxAttributes::ENCRYPTED, "encrypted"),
            (StatxAttributes::IMMUTABLE, "immutable"),
            (StatxAttributes::MOUNT_ROOT, "mount_root"),
            (StatxAttributes::NODUMP, "nodump"),
            (StatxAttributes::VERITY, "verity"),
        ];
        if self.0.is_empty() {
            return Vec::new();
        }
        NAMES.iter().filter(|(bit, _)| self.0.contains(*bit)).map(|(_, name)| *name).collect()
    }
}

impl Met {
    /// A type in words, for reasons.
    pub fn kind_in_words(&self) -> &'static str {
        match self.kind {
            FileType::RegularFile => "a file",
            FileType::Directory => "a folder",
            FileType::Symlink => "a link",
            FileType::Fifo => "a FIFO",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            FileType::Unknown => "of unknown type",
        }
    }
}

/// Metadata of an open descriptor.
pub fn of(fd: impl AsFd) -> Result<Met, Errno> {
    stat(fd, c"", AtFlags::EMPTY_PATH)
}

/// Metadata of a name in a folder; of a link itself, and without waking an automounter.
pub fn at(folder: impl AsFd, name: &[u8]) -> Result<Met, Errno> {
    stat(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
}

fn stat(fd: impl AsFd, name: impl rustix::path::Arg + Copy, flags: AtFlags) -> Result<Met, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
    match fs::statx(&fd, name, flags, wanted) {
        Ok(statx) => Ok(from_statx(&statx)),
        // Before Linux 4.11, and in filters that do not know the call.
        Err(Errno::NOSYS) => Ok(from_stat(&fs::statat(&fd, name, flags)?)),
        Err(errno) => Err(errno),
    }
}

fn from_statx(statx: &Statx) -> Met {
    let time = |at: StatxTimestamp| Timestamp::from_unix(at.tv_sec, at.tv_nsec);
    let has = |flag| StatxFlags::from_bits_retain(statx.stx_mask).contains(flag);
    let mode = u32::from(statx.stx_mode);
    let stat = FileStat {
        atime: time(statx.stx_atime),
        blocks: statx.stx_blocks,
        btime: has(StatxFlags::BTIME).then(|| time(statx.stx_btime)),
        ctime: time(statx.stx_ctime),
        dev: Brief::device(statx.stx_dev_major, statx.stx_dev_minor),
        gid: statx.stx_gid,
        ino: statx.stx_ino,
        mode: Brief::mode(mode),
        mount_id: has(StatxFlags::MNT_ID).then_some(statx.stx_mnt_id),
        mtime: time(statx.stx_mtime),
        nlink: statx.stx_nlink.into(),
        size: statx.stx_size,
        uid: statx.stx_uid,
        unix: beyond(&[
            ("atime", statx.stx_atime.tv_sec),
            ("btime", if has(StatxFlags::BTIME) { statx.stx_btime.tv_sec } else { 0 }),
            ("ctime", statx.stx_ctime.tv_sec),
            ("mtime", statx.stx_mtime.tv_sec),
        ]),
    };
    let device = fs::makedev(statx.stx_dev_major, statx.stx_dev_minor);
    // What a file system does not tell of is no news.
    let attributes = Attributes(statx.stx_attributes & statx.stx_attributes_mask);
    Met { stat, kind: FileType::from_raw_mode(mode), identity: (device, statx.stx_ino), attributes }
}

/// Those of the times that cannot be written as a date.
fn beyond(times: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let odd = times.iter().filter(|(_, seconds)| !Timestamp::can_hold(*seconds));
    odd.map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect()
}

fn from_stat(stat: &fs::Stat) -> Met {
    let time = |seconds: i64, nanos: u64| Timestamp::from_unix(seconds, u32::try_from(nanos).unwrap_or(0));
    let kept = FileStat {
        atime: time(stat.st_atime, stat.st_atime_nsec),
        blocks: u64::try_from(stat.st_blocks).unwrap_or(0),
        btime: None,
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        dev: Brief::device(fs::major(stat.st_dev), fs::minor(stat.st_dev)),
        gid: stat.st_gid,
        ino: stat.st_ino,
        mode: Brief::mode(stat.st_mode),
        mount_id: None,
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        #[allow(clippy::useless_conversion, reason = "its width depends on the processor")]
        nlink: stat.st_nlink.into(),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        uid: stat.st_uid,
        unix: beyond(&[("atime", stat.st_atime), ("ctime", stat.st_ctime), ("mtime", stat.st_mtime)]),
    };
    Met {
        stat: kept,
        kind: FileType::from_raw_mode(stat.st_mode),
        identity: (stat.st_dev, stat.st_ino),
        attributes: Attributes(StatxAttributes::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_their_names_sorted() {
        let all = Attributes(StatxAttributes::all()).names();
        assert!(all.is_sorted() && all.len() == 9);
        let some = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
        assert_eq!(Attributes(some).names(), ["append", "immutable"]);
        assert!(Attributes(StatxAttributes::empty()).names().is_empty());
    }
}
