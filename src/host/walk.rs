//! Walking folders for a pattern: sorted by the bytes of the path, never through a link, over local mounts, on a
//! reader thread. What cannot be entered is told like everything else.

mod walker;

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use walker::{Outbox, Walker};

use super::mounts::KeepOut;
use super::pattern::Pattern;
use super::place::{LinkMet, Place, Spot};
use super::stat::Met;
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
    Trouble(Place, Trouble),
    /// A mount that was left out.
    LeftOut(Place, KeepOut),
    /// The walk ends here because it is too deep.
    TooDeep(Place),
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
}

/// Where a walker is, for whoever waits for it in vain.
type At = Arc<Mutex<Option<Place>>>;

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
            Err(trouble) => return walk.ending_with(led, &base, trouble),
        };
        let mut walker = Walker {
            pattern: pattern.clone(),
            wanted,
            footprint: Arc::clone(self.footprint()),
            closed: self.closed_mounts(&spot.real),
            at: Arc::clone(&walk.at),
            outbox: Outbox::new(finds, led),
        };
        if self.patience().start(move || walker.walk(spot)).is_err() {
            let gone = std::io::Error::other("no reader can be started");
            walk = walk.ending_with(Vec::new(), &base, Trouble::Io(base.to_string(), gone));
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
    fn ending_with(mut self, mut before: Vec<Found>, path: &HostPath, trouble: Trouble) -> Self {
        before.push(Found::Trouble(Place::plain(path), trouble));
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
                    let place = at.unwrap_or_else(|| Place::plain(&self.base));
                    let trouble = self.host.no_answer(none, &place.real);
                    return Some(Found::Trouble(place, trouble));
                }
            }
        }
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
