//! The part of a walk that touches the disk, on a reader thread.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};

use rustix::fs::{self, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::{At, BATCH, DEPTH_LIMIT, Found, Match, Wanted};
use crate::host::Trouble;
use crate::host::footprint::Footprint;
use crate::host::mounts::KeepOut;
use crate::host::pattern::{Pattern, Progress};
use crate::host::place::Spot;
use crate::host::stat;
use crate::path::HostPath;

/// Finds on their way to whoever listens, in batches.
pub struct Outbox {
    finds: SyncSender<Vec<Found>>,
    batch: Vec<Found>,
}

/// Nobody listens any more.
struct Unheard;

impl Outbox {
    /// Hands on to `finds`, after what has been found before.
    pub fn new(finds: SyncSender<Vec<Found>>, before: Vec<Found>) -> Outbox {
        Outbox { finds, batch: before }
    }

    fn tell(&mut self, found: Found) -> Result<(), Unheard> {
        self.batch.push(found);
        if self.batch.len() >= BATCH { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Unheard> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.finds.send(std::mem::take(&mut self.batch)).map_err(|_| Unheard)
    }
}

/// The part of a walk that touches the disk.
pub struct Walker {
    /// What matches.
    pub pattern: Pattern,
    /// What is spoken of.
    pub wanted: Wanted,
    /// Where openings are counted.
    pub footprint: Arc<Footprint>,
    /// Where it really must not go.
    pub closed: HashMap<HostPath, KeepOut>,
    /// Where it is.
    pub at: At,
    /// Who is told.
    pub outbox: Outbox,
}

/// One turn in a folder: tell of a name, or go into it. A folder's own row comes at its name's place, what lies
/// below at the place of its name and a slash; so that everything comes sorted by the bytes of its path.
struct Turn {
    key: Vec<u8>,
    enter: bool,
    kind: FileType,
}

impl Walker {
    /// Walks from `base` on, and says when all is told.
    pub fn walk(&mut self, base: Spot) {
        let told = if self.pattern.is_plain() {
            self.tell_of(&base)
        } else {
            let start = self.pattern.start();
            self.enter(&base, &start, 0)
        };
        if told.is_ok() && self.outbox.send().is_ok() {
            let _ = self.outbox.finds.send(Vec::new());
        }
    }

    fn tell_of(&mut self, spot: &Spot) -> Result<(), Unheard> {
        self.is_at(spot);
        let met = match stat::at(&spot.folder, &spot.name) {
            Ok(met) => met,
            Err(errno) => return self.trouble(spot, errno),
        };
        if met.kind == FileType::Directory && self.wanted == Wanted::Files {
            return Ok(());
        }
        let target = (met.kind == FileType::Symlink)
            .then(|| fs::readlinkat(&spot.folder, spot.name.as_slice(), Vec::new()).ok())
            .flatten()
            .map(|target| target.into_bytes());
        if target.is_some() {
            self.footprint.link();
        }
        self.outbox.tell(Found::Match(Box::new(Match { spot: spot.clone(), met, target })))
    }

    fn trouble(&mut self, spot: &Spot, errno: Errno) -> Result<(), Unheard> {
        let trouble = Trouble::from_errno(errno, spot.path.to_string());
        self.outbox.tell(Found::Trouble(spot.place(), trouble))
    }

    fn is_at(&self, spot: &Spot) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(spot.place());
    }

    /// A mount that might not answer: nothing on it is touched, not even to tell what it is. The kind that merely has
    /// no files of its own does no harm.
    fn must_not_touch(&self, spot: &Spot) -> Option<KeepOut> {
        self.closed.get(&spot.real).copied().filter(|why| *why != KeepOut::Pseudo)
    }

    fn enter(&mut self, spot: &Spot, progress: &Progress, depth: usize) -> Result<(), Unheard> {
        self.is_at(spot);
        if depth >= DEPTH_LIMIT {
            return self.outbox.tell(Found::TooDeep(spot.place()));
        }
        let folder = match self.open(spot) {
            Ok(folder) => Arc::new(folder),
            Err(errno) => return self.trouble(spot, errno),
        };
        let (turns, broken) = self.turns(&folder, progress);
        let mut left_out = None;
        for turn in turns {
            let name = if turn.enter { turn.key.strip_suffix(b"/").unwrap_or(&turn.key) } else { &turn.key };
            let below = Spot {
                folder: Arc::clone(&folder),
                name: name.to_vec(),
                path: spot.path.join(name),
                real: spot.real.join(name),
            };
            if let Some(why) = self.must_not_touch(&below) {
                // It has two turns where a folder of its name would be told and entered.
                if left_out.replace(below.real.clone()) != Some(below.real.clone()) {
                    self.outbox.tell(Found::LeftOut(below.place(), why))?;
                }
            } else if turn.enter {
                self.go_into(&below, turn.kind, progress, depth)?;
            } else {
                self.tell_of(&below)?;
            }
        }
        match broken {
            Some(errno) => self.trouble(spot, errno),
            None => Ok(()),
        }
    }

    fn go_into(
        &mut self,
        spot: &Spot,
        kind: FileType,
        progress: &Progress,
        depth: usize,
    ) -> Result<(), Unheard> {
        if let Some(why) = self.closed.get(&spot.real).copied() {
            return self.outbox.tell(Found::LeftOut(spot.place(), why));
        }
        // File systems that do not tell the type with the name.
        let is_folder = kind == FileType::Directory
            || (kind == FileType::Unknown
                && stat::at(&spot.folder, &spot.name).is_ok_and(|met| met.kind == FileType::Directory));
        if !is_folder {
            return Ok(());
        }
        let (_, below) = self.pattern.advance(progress, &spot.name);
        self.enter(spot, &below, depth + 1)
    }

    fn open(&self, spot: &Spot) -> Result<OwnedFd, Errno> {
        let flags =
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let open = |flags| fs::openat(&spot.folder, spot.name.as_slice(), flags, Mode::empty());
        let (opened, kept) = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => (open(flags), false),
            other => (other, true),
        };
        let folder = opened?;
        self.footprint.folder(kept);
        Ok(folder)
    }

    /// What there is to do in a folder, sorted; and the error that ended its listing early, if one did.
    fn turns(&self, folder: &OwnedFd, progress: &Progress) -> (Vec<Turn>, Option<Errno>) {
        let mut turns = Vec::new();
        let mut broken = None;
        let mut buffer = vec![MaybeUninit::uninit(); 64 << 10];
        let mut names = RawDir::new(folder, &mut buffer);
        while let Some(next) = names.next() {
            let entry = match next {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                Err(errno) => {
                    broken = Some(errno);
                    break;
                }
            };
            let (name, kind) = (entry.file_name().to_bytes(), entry.file_type());
            if name == b"." || name == b".." {
                continue;
            }
            let (matched, below) = self.pattern.advance(progress, name);
            if matched {
                turns.push(Turn { key: name.to_vec(), enter: false, kind });
            }
            let maybe_folder = matches!(kind, FileType::Directory | FileType::Unknown);
            if maybe_folder && self.pattern.goes_deeper(&below) {
                turns.push(Turn { key: [name, b"/"].concat(), enter: true, kind });
            }
        }
        turns.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        (turns, broken)
    }
}
