//! The part of a walk that finds its way from folder to folder, on a reader thread.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::Arc;

use rustix::fs::{self, FileType, RawDir, SeekFrom};
use rustix::io::Errno;

use super::examine::{Folder, Outbox, Turned, Unheard, gone, trouble};
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
    /// A mount that may not answer lies ahead: all is told before a folder is opened.
    pub careful: bool,
    /// How far an earlier walker came: see [`Walker::take_up`].
    reached: Option<Vec<u8>>,
    held: usize,
    buffer: Vec<MaybeUninit<u8>>,
}

/// A folder that is being walked: it, where in the pattern it is, how deep, and the mounts in it.
struct Level {
    folder: Arc<Folder>,
    progress: Progress,
    depth: usize,
    closed: Vec<(Vec<u8>, KeepOut)>,
    /// The last turn below this folder that was told before this walker began.
    reached: Option<Vec<u8>>,
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
        let (careful, reached) = (false, None);
        Walker { pattern, closed, at, outbox, room, careful, reached, held: 0, buffer: Vec::new() }
    }

    /// Goes on where another walker, which never came back, was: behind the turn that is called so below the base, with a
    /// slash behind it where that was to be entered. All turns of a walk come in the order of these bytes.
    pub fn take_up(&mut self, reached: Vec<u8>) {
        self.reached = Some(reached);
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
        let reached = self.reached.take();
        if (self.pattern.is_plain() || itself) && reached.is_none() {
            let found = self.outbox.examiner().examine(base);
            let is_folder = found.as_ref().is_some_and(is_folder);
            found.map_or(Ok(()), |found| self.outbox.tell(found, Turned::Before))?;
            if self.pattern.is_plain() || !is_folder {
                return Ok(());
            }
        }
        let start = self.pattern.start();
        self.enter(base, start, 0, reached)
    }

    fn enter(
        &mut self,
        spot: &Spot,
        progress: Progress,
        depth: usize,
        reached: Option<Vec<u8>>,
    ) -> Result<(), Unheard> {
        let place = spot.place();
        if self.careful {
            self.outbox.send()?;
        }
        self.at.is(place.clone());
        if depth >= DEPTH_LIMIT {
            return self.outbox.tell(Found::TooDeep(place), Turned::Entry);
        }
        let allowance = self.outbox.examiner().manner.allowance.as_ref();
        if allowance.is_some_and(|allowance| !allowance.spend(FOLDER_EVENTS)) {
            return self.outbox.tell(Found::OverAllowance(place), Turned::Entry);
        }
        self.at.goes_on();
        let fd = match open_folder(&spot.folder, &spot.name, &self.outbox.examiner().footprint) {
            Ok(fd) => Arc::new(fd),
            Err(errno) if depth == 0 => return self.outbox.tell(trouble(&place, errno), Turned::Entry),
            Err(errno) => return self.outbox.tell(gone(&place, errno), Turned::Entry),
        };
        let closed = self.closed.remove(&place.real).unwrap_or_default();
        let folder = Arc::new(Folder { fd, path: place.path.clone(), real: place.real.clone() });
        self.look_through(&Level { folder, progress, depth, closed, reached }, &place)
    }

    /// Takes the names in order, as many at a time as there is room for.
    fn look_through(&mut self, level: &Level, place: &Place) -> Result<(), Unheard> {
        let mut floor = Vec::new();
        let (mut passes, mut most_passes) = (0, u64::MAX);
        loop {
            self.at.is(place.clone());
            let pass = self.pass(level, &floor)?;
            if let Some(errno) = pass.broken {
                return self.outbox.tell(trouble(place, errno), Turned::Entry);
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
                return self.outbox.tell(Found::Trouble(place.clone(), grows), Turned::Entry);
            }
            if let Err(errno) = fs::seek(&level.folder.fd, SeekFrom::Start(0)) {
                return self.outbox.tell(trouble(place, errno), Turned::Entry);
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
        let mut place = 0;
        while let Some(turn) = names.get(place) {
            self.take(level, turn)?;
            place += 1;
        }
        self.held -= size;
        let last = names.last().map(|turn| turn.key.to_vec());
        let more_behind = last.filter(|_| names.left_some());
        // How often there is room for less than what there is.
        Ok(Pass { more_behind, broken, names: count / (place as u64).max(1) })
    }

    fn take(&mut self, level: &Level, turn: Turn<'_>) -> Result<(), Unheard> {
        let name = turn.name();
        let Some(reached) = beyond(level.reached.as_deref(), turn.key) else { return Ok(()) };
        let turned = if turn.enters() { Turned::Entry } else { Turned::Name };
        let closed = level.closed.iter().find(|(closed, _)| closed == name).map(|(_, why)| *why);
        match closed {
            // A mount that might not answer: nothing on it is touched, not even to tell what it is. It has two turns where
            // a folder of its name would be told and entered; the second is dropped where it is handed on.
            Some(why) if why != KeepOut::Pseudo => {
                self.outbox.tell(Found::LeftOut(level.folder.spot(name).place(), why), turned)
            }
            // The kind that merely has no files of its own does no harm by its name.
            Some(why) if turn.enters() => {
                self.outbox.tell(Found::LeftOut(level.folder.spot(name).place(), why), turned)
            }
            _ if turn.enters() => self.go_into(level, turn, reached),
            _ => self.outbox.examine(&level.folder, name),
        }
    }

    fn go_into(&mut self, level: &Level, turn: Turn<'_>, reached: Option<Vec<u8>>) -> Result<(), Unheard> {
        let name = turn.name();
        if turn.kind == FileType::Unknown {
            self.at.is(level.folder.spot(name).place());
        }
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
        self.enter(&level.folder.spot(name), below, level.depth + 1, reached)
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

/// Whether a turn comes behind the one that was reached, or leads there; with how much of that lies below it. None if it
/// was told before.
#[expect(clippy::option_option, reason = "whether, and what of it")]
fn beyond(reached: Option<&[u8]>, key: &[u8]) -> Option<Option<Vec<u8>>> {
    let Some(reached) = reached.filter(|reached| key <= *reached) else { return Some(None) };
    let below = reached.strip_prefix(key).filter(|below| !below.is_empty());
    below.filter(|_| key.last() == Some(&b'/')).map(|below| Some(below.to_vec()))
}

fn is_folder(found: &Found) -> bool {
    matches!(found, Found::Match(found) if found.met.kind == FileType::Directory)
}
