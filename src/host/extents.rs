//! The data of a sparse file, without its holes: lseek(2), `SEEK_DATA` and `SEEK_HOLE`. A file system that does not
//! know them gives all of it as data.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::buffer::spare_capacity;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::file::{Opened, PIECE, Step, open_regular};
use super::footprint::Footprint;
use super::patience::NoAnswer;
use super::place::Spot;
use super::stat::{self, Met};
use super::{Host, Trouble};
use crate::custody::entry::FileStat;
use crate::path::HostPath;

/// Pieces that are read ahead.
const AHEAD: usize = 2;

/// A hole that nobody needs to read: as many zeros as this, in bytes.
const GULF: u64 = 1 << 30;

/// Stretches of data that are looked at for one.
const STRETCHES: usize = 100_000;

/// Where the first hole of a gibibyte or more begins, in a file of which less than a 64th is kept on its disk. Anybody
/// makes a file of 16 TiB in an instant, and reading that would take days. What a file system merely compresses has no
/// holes.
pub(super) fn gulf(file: &OwnedFd, stat: &FileStat) -> Result<Option<u64>, Errno> {
    let kept = stat.blocks.saturating_mul(512);
    if stat.size < GULF || stat.size / 64 <= kept {
        return Ok(None);
    }
    let (mut at, mut found) = (0, None);
    for _ in 0..STRETCHES {
        let next = next_data(file, at, stat.size)?;
        let (start, end) = next.unwrap_or((stat.size, stat.size));
        if start.saturating_sub(at) >= GULF {
            found = Some(at);
        }
        if found.is_some() || end >= stat.size {
            break;
        }
        at = end;
    }
    seek(file, SeekFrom::Start(0))?;
    Ok(found)
}

/// What reading a sparse file gives, in this order.
#[derive(Debug)]
pub enum Patch {
    /// It is open; a regular file.
    Opened(Met),
    /// It is something else, and was not opened.
    Other(Met),
    /// Some of its data, in order of offset.
    Data {
        /// Where it begins, in bytes.
        offset: u64,
        /// At least one byte.
        bytes: Vec<u8>,
    },
    /// All data has been given.
    Done {
        /// Its metadata now.
        after: Met,
        /// The limit cut it off.
        cut: bool,
    },
    /// It could not be opened, or not be read further.
    Failed(Errno, &'static str),
}

/// A sparse file that is being read.
pub struct Extents<'h> {
    host: &'h Host,
    path: HostPath,
    patches: Receiver<Patch>,
}

impl Extents<'_> {
    /// The next thing known of it.
    pub fn patch(&mut self) -> Result<Patch, Trouble> {
        self.host.patience().await_one(&self.patches).map_err(|none| self.host.no_answer(none, &self.path))
    }
}

impl Host {
    /// Begins to read the data of what lies at `spot`, at most `limit` bytes of data, up to the length that the file
    /// has when it is opened.
    pub fn extents<'h>(&'h self, spot: &Spot, limit: u64) -> Result<Extents<'h>, Trouble> {
        self.extents_from(spot, 0, limit)
    }

    /// The same from an offset on.
    pub fn extents_from<'h>(&'h self, spot: &Spot, from: u64, limit: u64) -> Result<Extents<'h>, Trouble> {
        self.may_ask(&spot.real)?;
        let (patch, patches) = sync_channel(AHEAD);
        let (folder, name) = (Arc::clone(&spot.folder), spot.name.clone());
        let footprint = Arc::clone(self.footprint());
        let started = self.patience().start(move || {
            if let Err((errno, doing)) = read_data(&folder, &name, (from, limit), &footprint, &patch) {
                let _ = patch.send(Patch::Failed(errno, doing));
            }
        });
        match started {
            Ok(()) => Ok(Extents { host: self, path: spot.real.clone(), patches }),
            Err(_) => Err(self.no_answer(NoAnswer::Gone, &spot.real)),
        }
    }
}

fn read_data(
    folder: &OwnedFd,
    name: &[u8],
    (from, limit): (u64, u64),
    footprint: &Footprint,
    patch: &SyncSender<Patch>,
) -> Step<()> {
    let (file, met) = match open_regular(folder, name, footprint)? {
        Opened::File(file, met) => (file, met),
        Opened::Other(met) => {
            let _ = patch.send(Patch::Other(met));
            return Ok(());
        }
    };
    let length = met.stat.size;
    if patch.send(Patch::Opened(met)).is_err() {
        return Ok(());
    }
    let (mut at, mut left) = (from, limit);
    while let Some((start, end)) = next_data(&file, at, length).map_err(|errno| (errno, "seek in"))? {
        at = start;
        while at < end && left > 0 {
            let room = usize::try_from((end - at).min(left)).unwrap_or(PIECE).min(PIECE);
            let bytes = read_at(&file, at, room).map_err(|errno| (errno, "read"))?;
            if bytes.is_empty() {
                // It became shorter; the metadata will say so.
                at = length;
                break;
            }
            footprint.read(bytes.len());
            let (offset, given) = (at, bytes.len() as u64);
            (at, left) = (at + given, left - given);
            if patch.send(Patch::Data { offset, bytes }).is_err() {
                return Ok(());
            }
        }
        if left == 0 {
            break;
        }
    }
    let cut = left == 0 && next_data(&file, at, length).is_ok_and(|more| more.is_some());
    let after = stat::of(&file).map_err(|errno| (errno, "examine"))?;
    let _ = patch.send(Patch::Done { after, cut });
    Ok(())
}

/// The next stretch of data at or behind `at`, below `length`.
fn next_data(file: &OwnedFd, at: u64, length: u64) -> Result<Option<(u64, u64)>, Errno> {
    if at >= length {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(at)) {
        Ok(start) => start.max(at),
        Err(Errno::NXIO) => return Ok(None),
        // This file system does not know its holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((at, length))),
        Err(errno) => return Err(errno),
    };
    let end = match seek(file, SeekFrom::Hole(start)) {
        Ok(end) if end > start => end.min(length),
        Ok(_) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NXIO) => length,
        Err(errno) => return Err(errno),
    };
    Ok((start < length).then_some((start, end)))
}

fn read_at(file: &OwnedFd, at: u64, room: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(room);
    loop {
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(room);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;
    use std::os::unix::fs::FileExt as _;

    fn data(host: &Host, limit: u64) -> (Vec<(u64, Vec<u8>)>, bool) {
        let spot = host.locate(&HostPath::new("/a").unwrap(), false).unwrap().spot;
        let mut extents = host.extents(&spot, limit).unwrap();
        let mut seen = Vec::new();
        loop {
            match extents.patch().unwrap() {
                Patch::Data { offset, bytes } => seen.push((offset, bytes)),
                Patch::Done { cut, .. } => return (seen, cut),
                Patch::Opened(met) => assert_eq!(met.stat.size, 1 << 40),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_terabyte_of_nothing_is_not_read() {
        let (dir, host) = host_with(&[("/a", b"first")]);
        let file = std::fs::File::options().write(true).open(dir.path().join("a")).unwrap();
        file.set_len(1 << 40).unwrap();
        file.write_all_at(b"last", (1 << 40) - 4).unwrap();
        let (seen, cut) = data(&host, u64::MAX);
        assert!(seen[0].1.starts_with(b"first") && !cut);
        let (offset, bytes) = seen.last().unwrap();
        assert!(bytes.ends_with(b"last") && offset + bytes.len() as u64 == 1 << 40);
        assert!(seen.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 1 << 20);
        assert!(data(&host, 3).1);
    }
}
