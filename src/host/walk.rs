//! Walking folders for a pattern: sorted by the bytes of the path, never through a link, over local mounts, on a
//! reader thread. What cannot be entered is told like everything else.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{self, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::footprint::Footprint;
use super::mounts::KeepOut;
use super::pattern::{Pattern, Progress};
use super::place::{LinkMet, Spot};
use super::stat::{self, Met};
use super::{Host, Trouble};
use crate::path::HostPath;

/// How deep a walk goes below its base. A folder is held open for each level.
pub const DEPTH_LIMIT: usize = 256;

/// Finds that are handed over together.
const BATCH: usize = 64;

/// What a walk comes across.
#[derive(Debug)]
pub enum Found {
    /// Something that matches. For a link, where it points.
    Match(Box<Match>),
    /// A link of root's that was followed to get to the base.
    Led(LinkMet),
    /// A folder that could not be entered, or a name that could not be examined.
    Trouble(HostPath, Trouble),
    /// A mount that was left out.
    LeftOut(HostPath, KeepOut),
    /// The walk ends here because it is too deep.
    TooDeep(HostPath),
}

/// Something that matches a pattern.
#[derive(Debug)]
pub struct Match {
    /// Where it is.
    pub spot: Spot,
    /// What it is.
    pub met: Met,
    /// Where a link points.
    pub target: Option<Vec<u8>>,
    /// Where it really lies, if links led there.
    pub resolved: Option<HostPath>,
}

/// Where a walker is, for whoever waits for it in vain.
type At = Arc<Mutex<Option<(HostPath, HostPath)>>>;

/// A walk that is under way.
pub struct Walk<'h> {
    host: &'h Host,
    base: HostPath,
    /// The folder that the walker is in: as it was asked for, and where it really is.
    at: At,
    finds: Receiver<Vec<Found>>,
    waiting: std::vec::IntoIter<Found>,
    ended: bool,
}

/// Which files and folders a walk speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that matches but folders.
    Files,
    /// Folders too.
    Everything,
}

impl Host {
    /// Begins to walk for `pattern`. With `follow` a trusted link at the very end of a plain pattern is followed.
    pub fn walk<'h>(&'h self, pattern: &Pattern, wanted: Wanted, follow: bool) -> Walk<'h> {
        let base = pattern.base().clone();
        let (finds, incoming) = sync_channel(2);
        let mut walk = Walk {
            host: self,
            base: base.clone(),
            at: At::default(),
            finds: incoming,
            waiting: Vec::new().into_iter(),
            ended: false,
        };
        // A plain path is not followed at its end unless that was asked for; a folder to walk in always is.
        let (links, spot) = self.trace(&base, follow || !pattern.is_plain());
        let led: Vec<Found> = links.into_iter().map(Found::Led).collect();
        let spot = match spot {
            Ok(spot) => spot,
            Err(trouble) => return walk.ending_with(led, base, trouble),
        };
        let mut walker = Walker {
            pattern: pattern.clone(),
            wanted,
            footprint: Arc::clone(self.footprint()),
            closed: self.closed_mounts(&spot.real),
            at: Arc::clone(&walk.at),
            outbox: Outbox { finds, batch: led },
        };
        if self.patience().start(move || walker.walk(spot)).is_err() {
            let gone = std::io::Error::other("no reader can be started");
            walk = walk.ending_with(Vec::new(), base.clone(), Trouble::Io(base.to_string(), gone));
        }
        walk
    }

    /// The mounts below `real` that a walk must stay out of.
    fn closed_mounts(&self, real: &HostPath) -> HashMap<HostPath, KeepOut> {
        let below = self.mounts().all().filter(|mount| mount.point.is_within(real));
        below
            .filter_map(|mount| Some((mount.point.clone(), self.mounts().keep_out_of(&mount.point)?)))
            .collect()
    }
}

impl Walk<'_> {
    fn ending_with(mut self, mut before: Vec<Found>, path: HostPath, trouble: Trouble) -> Self {
        before.push(Found::Trouble(path, trouble));
        self.waiting = before.into_iter();
        self.ended = true;
        self
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.waiting.next() {
                return Some(found);
            }
            if self.ended {
                return None;
            }
            match self.host.patience().await_one(&self.finds) {
                // An empty batch says that all is told; without one, the walker has ended some other way.
                Ok(batch) if batch.is_empty() => self.ended = true,
                Ok(batch) => self.waiting = batch.into_iter(),
                Err(none) => {
                    self.ended = true;
                    let at = self.at.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let (path, real) = at.unwrap_or_else(|| (self.base.clone(), self.base.clone()));
                    return Some(Found::Trouble(path, self.host.no_answer(none, &real)));
                }
            }
        }
    }
}

struct Outbox {
    finds: SyncSender<Vec<Found>>,
    batch: Vec<Found>,
}

/// Nobody listens any more.
struct Unheard;

impl Outbox {
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

struct Walker {
    pattern: Pattern,
    wanted: Wanted,
    footprint: Arc<Footprint>,
    /// Where it really must not go.
    closed: HashMap<HostPath, KeepOut>,
    at: At,
    outbox: Outbox,
}

/// One turn in a folder: tell of a name, or go into it. A folder's own row comes at its name's place, what lies
/// below at the place of its name and a slash; so that everything comes sorted by the bytes of its path.
struct Turn {
    key: Vec<u8>,
    enter: bool,
    kind: FileType,
}

impl Walker {
    fn walk(&mut self, base: Spot) {
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
        let met = match stat::at(&spot.folder, &spot.name) {
            Ok(met) => met,
            Err(errno) => return self.trouble(&spot.path, errno),
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
        let resolved = Some(spot.real.clone()).filter(|real| *real != spot.path);
        self.outbox.tell(Found::Match(Box::new(Match { spot: spot.clone(), met, target, resolved })))
    }

    fn trouble(&mut self, path: &HostPath, errno: Errno) -> Result<(), Unheard> {
        self.outbox.tell(Found::Trouble(path.clone(), Trouble::from_errno(errno, path.to_string())))
    }

    fn enter(&mut self, spot: &Spot, progress: &Progress, depth: usize) -> Result<(), Unheard> {
        let path = &spot.path;
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some((path.clone(), spot.real.clone()));
        if depth >= DEPTH_LIMIT {
            return self.outbox.tell(Found::TooDeep(path.clone()));
        }
        let folder = match self.open(spot) {
            Ok(folder) => Arc::new(folder),
            Err(errno) => return self.trouble(path, errno),
        };
        let (turns, broken) = self.turns(&folder, progress);
        for turn in turns {
            let name = if turn.enter { turn.key.strip_suffix(b"/").unwrap_or(&turn.key) } else { &turn.key };
            let below = Spot {
                folder: Arc::clone(&folder),
                name: name.to_vec(),
                path: path.join(name),
                real: spot.real.join(name),
            };
            if turn.enter {
                self.go_into(&below, turn.kind, progress, depth)?;
            } else {
                self.tell_of(&below)?;
            }
        }
        match broken {
            Some(errno) => self.trouble(path, errno),
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
            return self.outbox.tell(Found::LeftOut(spot.path.clone(), why));
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

#[cfg(test)]
mod tests {
    use super::super::test_host::host_with;
    use super::*;

    fn paths(host: &Host, pattern: &str, wanted: Wanted) -> Vec<String> {
        let pattern = Pattern::new(pattern).unwrap();
        host.walk(&pattern, wanted, false)
            .map(|found| match found {
                Found::Match(found) => found.spot.path.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_matches_comes_sorted_by_the_bytes_of_its_path() {
        let (_dir, host) =
            host_with(&[("/x/a/b", b""), ("/x/a.txt", b""), ("/x/a-1", b""), ("/x/a/c/d", b"")]);
        let found = paths(&host, "/x/**", Wanted::Everything);
        assert_eq!(found, ["/x/a", "/x/a-1", "/x/a.txt", "/x/a/b", "/x/a/c", "/x/a/c/d"]);
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(found, sorted);
        assert_eq!(paths(&host, "/x/**/d", Wanted::Files), ["/x/a/c/d"]);
        assert_eq!(paths(&host, "/x/a*", Wanted::Files), ["/x/a-1", "/x/a.txt"]);
        assert_eq!(paths(&host, "/x/a.txt", Wanted::Files), ["/x/a.txt"]);
    }

    #[test]
    fn links_are_told_and_not_entered() {
        let (dir, host) = host_with(&[("/x/real/file", b"")]);
        std::os::unix::fs::symlink("real", dir.path().join("x/link")).unwrap();
        let pattern = Pattern::new("/x/**").unwrap();
        let targets: Vec<_> = host
            .walk(&pattern, Wanted::Files, false)
            .filter_map(|found| match found {
                Found::Match(found) => Some((found.spot.path.to_string(), found.target)),
                _ => None,
            })
            .collect();
        assert_eq!(targets[0], ("/x/link".into(), Some(b"real".to_vec())));
        assert_eq!(targets.len(), 2);
    }

    #[test]
    fn a_missing_base_and_a_tree_without_end_are_told() {
        let (dir, host) = host_with(&[]);
        assert!(paths(&host, "/none/*", Wanted::Files)[0].contains("Missing"));
        let deep = (0..DEPTH_LIMIT + 5).fold(dir.path().join("x"), |path, _| path.join("d"));
        std::fs::create_dir_all(deep).unwrap();
        let found = paths(&host, "/x/**", Wanted::Everything);
        assert!(
            found.last().unwrap().contains("TooDeep") || found.iter().any(|line| line.contains("TooDeep"))
        );
    }

    #[test]
    fn an_unfinished_walk_can_be_dropped() {
        let files: Vec<(String, &[u8])> = (0..500).map(|n| (format!("/x/{n}"), &b""[..])).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let (_dir, host) = host_with(&files);
        let pattern = Pattern::new("/x/*").unwrap();
        assert_eq!(host.walk(&pattern, Wanted::Files, false).take(3).count(), 3);
        assert_eq!(host.walk(&pattern, Wanted::Files, false).count(), 500);
    }
}
