//! The part of a walk that finds its way from folder to folder, on a reader thread.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::Arc;

use rustix::fs::{self, FileType, RawDir, SeekFrom};
use rustix::io::Errno;

use super::examine::{Folder, Outbox, Unheard, trouble};
use super::names::{Names, Turn};
use super::{DEPTH_LIMIT, Found, Whereabouts};
use crate::host::Trouble;
use crate::host::allowance::FOLDER_EVENTS;
use crate::host::file::open_folder;
use crate::host::mounts::KeepOut;
use crate::host::pattern::{Pattern, Progress};
use crate::host::place::{Place, Spot};
use crate::host::stat;
use crate::path::HostPath;

/// Bytes of names that a folder may always hold in memory, however much those above it hold.
const LEAST: usize = 32 << 10;

/// Bytes that getdents64(2) may give at once.
const BUFFER: usize = 64 << 10;

/// Mounts that a walk must stay out of, by the folder that they lie in.
pub type Closed = HashMap<HostPath, Vec<(Vec<u8>, KeepOut)>>;

/// Finds its way.
pub struct Walker {
    /// What matches.
    pub pattern: Pattern,
    /// Where it really must not go.
    pub closed: Closed,
    /// Where it is.
    pub at: Arc<Whereabouts>,
    /// Who is told.
    pub outbox: Outbox,
    /// Bytes of names that may be held in memory.
    pub room: usize,
    held: usize,
    buffer: Vec<MaybeUninit<u8>>,
}

/// A folder that is being walked: it, where in the pattern it is, how deep, and the mounts in it.
struct Level {
    folder: Arc<Folder>,
    progress: Progress,
    depth: usize,
    closed: Vec<(Vec<u8>, KeepOut)>,
}

/// How looking through a folder ended.
struct Pass {
    /// The last turn, if there are more behind it.
    more_behind: Option<Vec<u8>>,
    broken: Option<Errno>,
    names: u64,
}

impl Walker {
    /// One that has not begun.
    pub fn new(
        pattern: Pattern,
        closed: Closed,
        at: Arc<Whereabouts>,
        outbox: Outbox,
        room: usize,
    ) -> Walker {
        Walker { pattern, closed, at, outbox, room, held: 0, buffer: Vec::new() }
    }

    /// Walks from `base` on, and says when all is told.
    pub fn walk(&mut self, base: &Spot) {
        self.at.is(base.place());
        if self.begin(base).is_ok() {
            // Otherwise nobody listens any more.
            let _ = self.outbox.end();
        }
    }

    fn begin(&mut self, base: &Spot) -> Result<(), Unheard> {
        let itself = self.outbox.examiner().manner.itself;
        if self.pattern.is_plain() || itself {
            let found = self.outbox.examiner().examine(base);
            let is_folder = found.as_ref().is_some_and(is_folder);
            found.map_or(Ok(()), |found| self.outbox.tell(found))?;
            if self.pattern.is_plain() || !is_folder {
                return Ok(());
            }
        }
        let start = self.pattern.start();
        self.enter(base, start, 0)
    }

    fn enter(&mut self, spot: &Spot, progress: Progress, depth: usize) -> Result<(), Unheard> {
        let place = spot.place();
        self.at.is(place.clone());
        if depth >= DEPTH_LIMIT {
            return self.outbox.tell(Found::TooDeep(place));
        }
        let allowance = self.outbox.examiner().manner.allowance.as_ref();
        if allowance.is_some_and(|allowance| !allowance.spend(FOLDER_EVENTS)) {
            return self.outbox.tell(Found::OverAllowance(place));
        }
        self.at.goes_on();
        let fd = match open_folder(&spot.folder, &spot.name, &self.outbox.examiner().footprint) {
            Ok(fd) => Arc::new(fd),
            Err(errno) => return self.outbox.tell(trouble(&place, errno)),
        };
        let closed = self.closed.remove(&place.real).unwrap_or_default();
        let folder = Arc::new(Folder { fd, path: place.path.clone(), real: place.real.clone() });
        self.look_through(&Level { folder, progress, depth, closed }, &place)
    }

    /// Takes the names in order, as many at a time as there is room for.
    fn look_through(&mut self, level: &Level, place: &Place) -> Result<(), Unheard> {
        let mut floor = Vec::new();
        let (mut passes, mut most_passes) = (0, u64::MAX);
        loop {
            let pass = self.pass(level, &floor)?;
            if let Some(errno) = pass.broken {
                return self.outbox.tell(trouble(place, errno));
            }
            let Some(last) = pass.more_behind else { return Ok(()) };
            // Each pass tells of at least half of what there is room for. A folder that needs more of them grows as fast
            // as it is read, and would never end.
            passes += 1;
            if passes == 1 {
                most_passes = 16 + 8 * pass.names;
            }
            if passes > most_passes {
                let grows = Trouble::Changed(place.path.to_string());
                return self.outbox.tell(Found::Trouble(place.clone(), grows));
            }
            if let Err(errno) = fs::seek(&level.folder.fd, SeekFrom::Start(0)) {
                return self.outbox.tell(trouble(place, errno));
            }
            floor = last;
        }
    }

    fn pass(&mut self, level: &Level, floor: &[u8]) -> Result<Pass, Unheard> {
        let room = self.room.saturating_sub(self.held).max(LEAST.min(self.room));
        let mut names = Names::behind(floor, room);
        let (broken, count) = self.gather(level, &mut names);
        names.sort();
        let size = names.size();
        self.held += size;
        let mut left_out = Vec::new();
        let mut place = 0;
        while let Some(turn) = names.get(place) {
            self.take(level, turn, &mut left_out)?;
            place += 1;
        }
        self.held -= size;
        let last = names.last().map(|turn| turn.key.to_vec());
        let more_behind = last.filter(|_| names.left_some());
        // How often there is room for less than what there is.
        Ok(Pass { more_behind, broken, names: count / (place as u64).max(1) })
    }

    fn take(&mut self, level: &Level, turn: Turn<'_>, left_out: &mut Vec<u8>) -> Result<(), Unheard> {
        let name = turn.name();
        let closed = level.closed.iter().find(|(closed, _)| closed == name).map(|(_, why)| *why);
        match closed {
            // A mount that might not answer: nothing on it is touched, not even to tell what it is.
            Some(why) if why != KeepOut::Pseudo => {
                // It has two turns where a folder of its name would be told and entered.
                if left_out == name {
                    return Ok(());
                }
                left_out.clear();
                left_out.extend_from_slice(name);
                self.outbox.tell(Found::LeftOut(level.folder.spot(name).place(), why))
            }
            // The kind that merely has no files of its own does no harm by its name.
            Some(why) if turn.enters() => {
                self.outbox.tell(Found::LeftOut(level.folder.spot(name).place(), why))
            }
            _ if turn.enters() => self.go_into(level, turn),
            _ => self.outbox.examine(&level.folder, name),
        }
    }

    fn go_into(&mut self, level: &Level, turn: Turn<'_>) -> Result<(), Unheard> {
        let name = turn.name();
        // File systems that do not tell the type with the name.
        let is_folder = turn.kind == FileType::Directory
            || stat::at(&level.folder.fd, name).is_ok_and(|met| met.kind == FileType::Directory);
        if !is_folder {
            return Ok(());
        }
        let below = if self.pattern.takes_all(&level.progress) {
            level.progress.clone()
        } else {
            self.pattern.advance(&level.progress, name).1
        };
        self.enter(&level.folder.spot(name), below, level.depth + 1)
    }

    /// Looks through a folder once; gives the error that ended that early, if one did, and how many names there were.
    fn gather(&mut self, level: &Level, into: &mut Names<'_>) -> (Option<Errno>, u64) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, MaybeUninit::uninit());
        let ended = self.gather_with(&mut buffer, level, into);
        self.buffer = buffer;
        ended
    }

    fn gather_with(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        level: &Level,
        into: &mut Names<'_>,
    ) -> (Option<Errno>, u64) {
        let all = self.pattern.takes_all(&level.progress);
        let mut count = 0;
        let mut names = RawDir::new(&level.folder.fd, buffer);
        loop {
            if names.is_buffer_empty() {
                self.at.goes_on();
            }
            let entry = match names.next() {
                None => return (None, count),
                Some(Ok(entry)) => entry,
                Some(Err(Errno::INTR)) => continue,
                Some(Err(errno)) => return (Some(errno), count),
            };
            let (name, kind) = (entry.file_name().to_bytes(), entry.file_type());
            if name == b"." || name == b".." {
                continue;
            }
            count += 1;
            let maybe_folder = matches!(kind, FileType::Directory | FileType::Unknown);
            let (told, entered) = if all {
                (true, maybe_folder)
            } else {
                let (matched, below) = self.pattern.advance(&level.progress, name);
                (matched, maybe_folder && self.pattern.goes_deeper(&below))
            };
            if told {
                into.add(name, false, kind);
            }
            if entered {
                into.add(name, true, kind);
            }
        }
    }
}

fn is_folder(found: &Found) -> bool {
    matches!(found, Found::Match(found) if found.met.kind == FileType::Directory)
}
