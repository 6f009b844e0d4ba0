//! Reading one file: by descriptor, never a device or FIFO, up to the length it had when it was opened, with its
//! metadata before and after. On a reader thread, so that a file system that stops answering costs one deadline.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::buffer::spare_capacity;
use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::extents::gulf;
use super::footprint::Footprint;
use super::page_cache::Passing;
use super::patience::NoAnswer;
use super::place::Spot;
use super::stat::{self, Met};
use super::{Host, Trouble};
use crate::custody::digest::{Digest, Hasher};
use crate::path::HostPath;

/// Bytes of one piece.
pub const PIECE: usize = 128 << 10;

/// Pieces that are read ahead.
pub(super) const AHEAD: usize = 2;

/// What is read of a file that has no length of its own, as those of /proc.
const LENGTHLESS_LIMIT: u64 = 64 << 20;

/// What reading a file gives, in this order.
#[derive(Debug)]
pub enum Glimpse {
    /// It is open; a regular file.
    Opened(Met),
    /// It is something else, and was not opened.
    Other(Met),
    /// Some of its bytes.
    Bytes(Vec<u8>),
    /// All of it up to the limit has been given; its metadata now.
    Done(End),
    /// It could not be opened, or not be read further.
    Failed(Errno, &'static str),
}

/// How a file ended.
#[derive(Clone, Debug)]
pub struct End {
    /// Its metadata after the last byte.
    pub after: Met,
    /// Bytes given.
    pub given: u64,
    /// The limit cut it off.
    pub cut: bool,
    /// It was read up to a hole so long that reading it would only cost time ([`gulf`]): where that begins. All zeros
    /// from there on, but for what may lie behind it.
    pub hole: Option<u64>,
}

/// A file that is being read.
pub struct Reading<'h> {
    host: &'h Host,
    path: HostPath,
    glimpses: Receiver<Glimpse>,
    /// It was reached by its path, so that a silence is its mount's.
    by_path: bool,
}

impl<'h> Reading<'h> {
    /// A reading whose pieces come from elsewhere.
    pub(super) fn of(host: &'h Host, path: HostPath, glimpses: Receiver<Glimpse>) -> Reading<'h> {
        Reading { host, path, glimpses, by_path: false }
    }

    /// The same, of what was reached by its path: a silence is its mount's.
    pub(super) fn by_path(host: &'h Host, path: HostPath, glimpses: Receiver<Glimpse>) -> Reading<'h> {
        Reading { host, path, glimpses, by_path: true }
    }

    /// The next thing known of it.
    pub fn glimpse(&mut self) -> Result<Glimpse, Trouble> {
        match self.host.patience().await_one(&self.glimpses) {
            Ok(Glimpse::Done(end)) => {
                self.see_it_closed();
                Ok(Glimpse::Done(end))
            }
            other => other.map_err(|none| self.silence(none)),
        }
    }

    /// All of it is here, but closing it may hang as reading it can. That costs this file nothing; the next one on its
    /// mount would leave another reader behind.
    fn see_it_closed(&self) {
        match self.host.patience().await_one(&self.glimpses) {
            Err(NoAnswer::Gone) | Ok(_) => {}
            Err(none) => drop(self.silence(none)),
        }
    }

    fn silence(&self, none: NoAnswer) -> Trouble {
        if self.by_path {
            self.host.no_answer(none, &self.path)
        } else {
            self.host.no_answer_from_kernel(none, &self.path.to_string())
        }
    }
}

impl Host {
    /// Begins to read what lies at `spot`, at most `limit` bytes of it.
    pub fn read<'h>(&'h self, spot: &Spot, limit: u64) -> Result<Reading<'h>, Trouble> {
        self.may_ask(&spot.real)?;
        let (glimpse, glimpses) = sync_channel(AHEAD);
        let (folder, name) = (Arc::clone(&spot.folder), spot.name.clone());
        let footprint = Arc::clone(self.footprint());
        let started = self.patience().start(move || {
            if let Err((errno, doing)) = read_all(&folder, &name, limit, &footprint, &glimpse) {
                let _ = glimpse.send(Glimpse::Failed(errno, doing));
            }
        });
        match started {
            // Should it not answer, it is the mount of where it really lies that is dead.
            Ok(()) => Ok(Reading::by_path(self, spot.real.clone(), glimpses)),
            Err(_) => Err(self.no_answer(NoAnswer::Gone, &spot.real)),
        }
    }

    /// A small file as a whole, for planning; evidence goes through intake. More than `limit` bytes are cut.
    pub fn peek(&self, path: &HostPath, limit: u64) -> Result<Vec<u8>, Trouble> {
        let located = self.locate(path, true)?;
        let mut reading = self.read(&located.spot, limit)?;
        let mut bytes = Vec::new();
        loop {
            match reading.glimpse()? {
                Glimpse::Opened(_) => {}
                Glimpse::Other(met) => return Err(Trouble::OtherType(path.to_string(), met.kind_in_words())),
                Glimpse::Bytes(more) => bytes.extend_from_slice(&more),
                Glimpse::Done(_) => return Ok(bytes),
                Glimpse::Failed(errno, _) => return Err(Trouble::from_errno(errno, path.to_string())),
            }
        }
    }
}

impl Host {
    /// The digest of a regular file that holds still while it is read. What takes long is given up once `goes_on` says so;
    /// a file that is nothing but a hole for the most part is not read through.
    pub fn digest(&self, spot: &Spot, goes_on: &dyn Fn() -> bool) -> Result<Digest, Trouble> {
        self.read(spot, u64::MAX)?.digest(spot, goes_on)
    }
}

impl Reading<'_> {
    /// The same, of a reading that was begun at `spot`.
    pub fn digest(mut self, spot: &Spot, goes_on: &dyn Fn() -> bool) -> Result<Digest, Trouble> {
        let mut hasher = Hasher::new();
        let mut before = None;
        loop {
            match self.glimpse()? {
                Glimpse::Opened(met) => before = Some(met),
                Glimpse::Other(met) => {
                    return Err(Trouble::OtherType(spot.path.to_string(), met.kind_in_words()));
                }
                Glimpse::Bytes(_) if !goes_on() => return Err(Trouble::Stopped(spot.path.to_string())),
                Glimpse::Bytes(bytes) => hasher.update(&bytes),
                Glimpse::Done(End { hole: Some(_), .. }) => {
                    return Err(Trouble::Hollow(spot.path.to_string()));
                }
                Glimpse::Done(end) => {
                    let still = before.is_some_and(|before| {
                        // The time of the last writing can be set back, and this one cannot.
                        let times = |met: &Met| (met.stat.size, met.stat.mtime, met.stat.ctime);
                        times(&before) == times(&end.after)
                    });
                    return if still {
                        Ok(hasher.finish())
                    } else {
                        Err(Trouble::Changed(spot.path.to_string()))
                    };
                }
                Glimpse::Failed(errno, _) => return Err(Trouble::from_errno(errno, spot.path.to_string())),
            }
        }
    }
}

/// What went wrong, and at what.
pub(super) type Step<T> = Result<T, (Errno, &'static str)>;

fn read_all(
    folder: &OwnedFd,
    name: &[u8],
    limit: u64,
    footprint: &Footprint,
    glimpse: &SyncSender<Glimpse>,
) -> Step<()> {
    match open_regular(folder, name, footprint)? {
        Opened::File(file, met) => pour(&file, met, limit, footprint, glimpse),
        Opened::Other(met) => {
            let _ = glimpse.send(Glimpse::Other(met));
            Ok(())
        }
    }
}

/// Gives the bytes of a file that is open, up to the limit, and how it ended.
pub(super) fn pour(
    file: &OwnedFd,
    met: Met,
    limit: u64,
    footprint: &Footprint,
    glimpse: &SyncSender<Glimpse>,
) -> Step<()> {
    let length = met.stat.size;
    // What grows while it is read is read up to the length it had; files of /proc have none.
    let natural = if length == 0 { LENGTHLESS_LIMIT } else { length };
    let hole = gulf(file, &met.stat).map_err(|errno| (errno, "seek in"))?.filter(|start| *start < limit);
    let most = natural.min(limit).min(hole.unwrap_or(u64::MAX));
    if glimpse.send(Glimpse::Opened(met)).is_err() {
        return Ok(());
    }
    let mut given = 0;
    let mut passing = Passing::of(file, length);
    while given < most {
        passing.before(given);
        let room = usize::try_from(most - given).unwrap_or(PIECE).min(PIECE);
        let bytes = read_piece(file, room).map_err(|errno| (errno, "read"))?;
        if bytes.is_empty() {
            break;
        }
        given += bytes.len() as u64;
        passing.after(given);
        footprint.read(bytes.len());
        if glimpse.send(Glimpse::Bytes(bytes)).is_err() {
            return Ok(());
        }
    }
    drop(passing);
    let after = stat::of(file).map_err(|errno| (errno, "examine"))?;
    let hole = hole.filter(|start| given == *start);
    let cut = if length == 0 { given == most } else { hole.is_none() && most < length && given == most };
    let _ = glimpse.send(Glimpse::Done(End { after, given, cut, hole }));
    Ok(())
}

/// A whole piece, or less at the end.
fn read_piece(file: &OwnedFd, room: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(room);
    while bytes.len() < room {
        match rustix::io::read(file, spare_capacity(&mut bytes)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(Errno::INTR) => {}
            // What has been read is evidence; the error comes back with the next piece.
            Err(_) if !bytes.is_empty() => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(bytes)
}

/// What lies at a name.
pub(super) enum Opened {
    /// A regular file, open.
    File(OwnedFd, Met),
    /// Something else, which was not opened.
    Other(Met),
}

/// Opens a regular file, and nothing else.
pub(super) fn open_regular(folder: &OwnedFd, name: &[u8], footprint: &Footprint) -> Step<Opened> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = fs::openat(folder, name, flags, Mode::empty()).map_err(|errno| (errno, "open"))?;
    let met = stat::of(&path).map_err(|errno| (errno, "examine"))?;
    if met.kind != FileType::RegularFile {
        return Ok(Opened::Other(met));
    }
    let file = reopen(&path, folder, name, footprint).map_err(|errno| (errno, "open"))?;
    let opened = stat::of(&file).map_err(|errno| (errno, "examine"))?;
    if opened.kind != FileType::RegularFile {
        return Ok(Opened::Other(opened));
    }
    Ok(Opened::File(file, opened))
}

/// Opens what `path` already holds, through /proc, so that it is the same file for certain; without /proc by name.
/// The owner, or who may act as any owner, leaves the access time alone.
fn reopen(path: &OwnedFd, folder: &OwnedFd, name: &[u8], footprint: &Footprint) -> Result<OwnedFd, Errno> {
    let quiet = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let through = format!("/proc/self/fd/{}", path.as_raw_fd());
    let open = |flags: OFlags| match fs::open(through.as_str(), flags, Mode::empty()) {
        Err(Errno::NOENT) => fs::openat(folder, name, flags | OFlags::NOFOLLOW, Mode::empty()),
        other => other,
    };
    let (file, kept) = quietly(quiet, open)?;
    footprint.file(kept);
    Ok(file)
}

/// Opens without changing the access time, where that is allowed, or else with it; and says whether it was.
pub(super) fn quietly(
    flags: OFlags,
    open: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
) -> Result<(OwnedFd, bool), Errno> {
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => Ok((open(flags)?, false)),
        opened => Ok((opened?, true)),
    }
}

/// Opens a folder to look into it.
pub(super) fn open_folder(parent: &OwnedFd, name: &[u8], footprint: &Footprint) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let (folder, kept) = quietly(flags, |flags| fs::openat(parent, name, flags, Mode::empty()))?;
    footprint.folder(kept);
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;

    fn path(text: &str) -> HostPath {
        HostPath::new(text).unwrap()
    }

    #[test]
    fn a_file_is_given_whole_or_up_to_the_limit() {
        let long = vec![7_u8; 300_000];
        let (_dir, host) = host_with(&[("/a", &long), ("/empty", b"")]);
        assert_eq!(host.peek(&path("/a"), u64::MAX).unwrap(), long);
        assert_eq!(host.peek(&path("/a"), 1000).unwrap().len(), 1000);
        assert!(host.peek(&path("/empty"), u64::MAX).unwrap().is_empty());
        assert!(matches!(host.peek(&path("/none"), 1), Err(Trouble::Missing(_))));
    }

    #[test]
    fn a_digest_ends_where_it_is_told_to_and_what_is_all_but_a_hole_has_none() {
        let (dir, host) = host_with(&[("/a", &[7; 300_000]), ("/hollow", b"x")]);
        let hollow = std::fs::File::options().write(true).open(dir.path().join("hollow")).unwrap();
        hollow.set_len(8 << 40).unwrap();
        let digest = |name: &str, goes_on: bool| {
            let spot = host.locate(&path(name), false).unwrap().spot;
            host.digest(&spot, &|| goes_on)
        };
        assert!(digest("/a", true).is_ok());
        assert!(matches!(digest("/a", false), Err(Trouble::Stopped(_))));
        assert!(matches!(digest("/hollow", true), Err(Trouble::Hollow(_))));
    }

    #[test]
    fn what_is_not_a_file_is_told_and_never_opened() {
        let (dir, host) = host_with(&[("/a", b"")]);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.path().join("fifo"),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        // Opening a FIFO for reading would wait for a writer.
        assert!(matches!(host.peek(&path("/fifo"), 1), Err(Trouble::OtherType(_, "a FIFO"))));
        assert!(matches!(host.peek(&HostPath::root(), 1), Err(Trouble::OtherType(_, "a folder"))));
    }

    #[test]
    fn the_access_time_stays_as_it_was() {
        let (dir, host) = host_with(&[("/a", b"x")]);
        let file = dir.path().join("a");
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        std::fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_times(std::fs::FileTimes::new().set_accessed(old))
            .unwrap();
        host.peek(&path("/a"), 10).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().accessed().unwrap(), old);
        assert_eq!(host.footprint().counts().atimes_at_risk, 0);
    }

    #[test]
    fn a_file_of_proc_has_no_length_and_is_read_to_its_end() {
        let host = Host::live(&[]).unwrap();
        let status = host.peek(&path("/proc/self/status"), u64::MAX).unwrap();
        assert!(status.starts_with(b"Name:"));
    }
}
