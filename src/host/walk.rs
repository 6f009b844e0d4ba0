//! Walking folders for a pattern: sorted by the bytes of the path, never through a link, over local mounts, on two
//! reader threads, in bounded memory. What cannot be entered is told like everything else.

mod examine;
mod names;
mod seen;
#[cfg(test)]
mod tests;
mod walker;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use examine::{Batch, Examiner, Item, Outbox, TICKETS, Told};

use walker::{Closed, Walker};

use super::allowance::Allowance;
use super::extended::Names;
use super::mounts::KeepOut;
use super::patience::NoAnswer;
use super::pattern::Pattern;
use super::place::{LinkMet, Place, Spot};
use super::stat::Met;
use super::{Host, Trouble};
use crate::path::HostPath;

pub use seen::{Seen, Sight};

/// How deep a walk goes below its base. A folder is held open for each level.
pub const DEPTH_LIMIT: usize = 256;

/// Bytes of names that a walk holds in memory; a folder that has more is looked through again.
const ROOM: usize = 12 << 20;

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
    /// A folder that was not entered, because the allowance of watched openings is spent. It only ever ends once: nothing
    /// that would be entered behind this one is.
    OverAllowance(Place),
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
    /// Why that is not known, although it was to be asked for.
    pub target_missing: Option<Untold>,
    /// The names of its extended attributes, where they were asked for.
    pub extended: Option<Result<Names, Errno>>,
}

impl Match {
    /// What lies at `spot`, of which nothing else was asked.
    pub fn of(spot: Spot, met: Met) -> Match {
        Match { spot, met, target: None, target_missing: None, extended: None }
    }
}

/// Why something of a name is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// The allowance of watched openings is spent.
    OverAllowance,
    /// The kernel refused.
    Refused(Errno),
}

/// Which files and folders a walk speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that matches but folders.
    Files,
    /// Folders too.
    Everything,
}

/// How a walk goes.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What it speaks of.
    pub wanted: Wanted,
    /// A trusted link at the very end of a plain pattern is followed.
    pub follow: bool,
    /// The base itself is told as well, before what matches below it. For walks that want everything.
    pub itself: bool,
    /// Links are asked where they point.
    pub targets: bool,
    /// The names of extended attributes are asked for.
    pub extended: bool,
    /// What watched openings are taken from, before they are made.
    pub allowance: Option<Arc<Allowance>>,
    /// Bytes of names that are held in memory.
    pub room: usize,
}

impl Manner {
    /// A walk where nothing is counted.
    pub fn plain(wanted: Wanted, follow: bool) -> Manner {
        Manner { wanted, follow, itself: false, targets: true, extended: false, allowance: None, room: ROOM }
    }

    /// A walk through a folder that may be watched: the folder itself and everything below it. Its openings are taken
    /// from `allowance`: one for each folder, one for each link.
    pub fn sparing(allowance: &Arc<Allowance>) -> Manner {
        let allowance = Some(Arc::clone(allowance));
        Manner { itself: true, allowance, ..Manner::plain(Wanted::Everything, true) }
    }
}

/// Where a walker is, for whoever waits for it in vain, and whether it goes on.
#[derive(Default)]
struct Whereabouts {
    place: Mutex<Option<Place>>,
    stamp: AtomicUsize,
}

impl Whereabouts {
    fn is(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        self.goes_on();
    }

    fn goes_on(&self) {
        self.stamp.fetch_add(1, Ordering::Relaxed);
    }

    fn place(&self) -> Option<Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stamp(&self) -> usize {
        self.stamp.load(Ordering::Relaxed)
    }
}

/// A walk that is under way.
pub struct Walk<'h> {
    host: &'h Host,
    base: HostPath,
    /// The folder that the walker is in: as it was asked for, and where it really is.
    at: Arc<Whereabouts>,
    told: Receiver<Told>,
    /// What is being handed on, of which batch, and what of it is next.
    batch: Arc<Batch>,
    items: Vec<Item>,
    next: usize,
    ended: bool,
}

impl Host {
    /// Begins to walk for `pattern`. With `follow` a trusted link at the very end of a plain pattern is followed.
    pub fn walk<'h>(&'h self, pattern: &Pattern, wanted: Wanted, follow: bool) -> Walk<'h> {
        self.walk_in(pattern, Manner::plain(wanted, follow))
    }

    /// Begins to walk for `pattern` in a certain manner.
    pub fn walk_in<'h>(&'h self, pattern: &Pattern, manner: Manner) -> Walk<'h> {
        let base = pattern.base().clone();
        let (told, incoming) = sync_channel(TICKETS);
        let mut walk = Walk {
            host: self,
            base: base.clone(),
            at: Arc::default(),
            told: incoming,
            batch: Arc::default(),
            items: Vec::new(),
            next: 0,
            ended: false,
        };
        // A plain path is not followed at its end unless that was asked for; a folder to walk in always is.
        let follow = manner.follow || !pattern.is_plain();
        let (links, spot) = self.trace(&base, follow);
        let led: Vec<Found> = links.into_iter().map(Found::Led).collect();
        let spot = match spot {
            Ok(spot) => spot,
            Err(trouble) => return walk.ending_with(led, Found::Trouble(Place::plain(&base), trouble)),
        };
        let room = manner.room;
        let examiner = Examiner { manner, footprint: Arc::clone(self.footprint()) };
        let outbox = Outbox::new(told, led, examiner, self.patience().clone());
        let closed = self.closed_mounts(&spot.real);
        let mut walker = Walker::new(pattern.clone(), closed, Arc::clone(&walk.at), outbox, room);
        if self.patience().start(move || walker.walk(&spot)).is_err() {
            let gone = std::io::Error::other("no reader can be started");
            let trouble = Trouble::Io(base.to_string(), gone);
            walk = walk.ending_with(Vec::new(), Found::Trouble(Place::plain(&base), trouble));
        }
        walk
    }

    /// The mounts below `real` that a walk must stay out of, by the folder that they lie in.
    fn closed_mounts(&self, real: &HostPath) -> Closed {
        let mut closed = Closed::new();
        for mount in self.mounts().all().filter(|mount| mount.point.is_within(real)) {
            if let Some(why) = self.mounts().keep_out_of(&mount.point) {
                let name = mount.point.name().to_vec();
                closed.entry(mount.point.parent()).or_default().push((name, why));
            }
        }
        closed
    }
}

/// A batch, and what has come of it.
type Done = (Arc<Batch>, Vec<Item>);

impl Walk<'_> {
    fn ending_with(mut self, mut before: Vec<Found>, last: Found) -> Self {
        before.push(last);
        self.items = before.into_iter().map(Item::Said).collect();
        self.ended = true;
        self
    }

    /// The next batch; none when all is told. Or why there is none, and where that was.
    fn next_batch(&self) -> Result<Option<Done>, (NoAnswer, Option<Place>)> {
        match self.patiently(&self.told, || self.at.stamp()) {
            Ok(Told::Over) => Ok(None),
            Ok(Told::Batch(ticket)) => self
                .patiently(&ticket.answers, || ticket.batch.stamp())
                .map(|items| Some((Arc::clone(&ticket.batch), items)))
                .map_err(|none| (none, ticket.batch.place().or_else(|| self.at.place()))),
            Err(none) => Err((none, self.at.place())),
        }
    }

    /// Waits as long as `stamp` changes: each name and each look into a folder has a deadline of its own, however many
    /// come together, and however slowly an allowance lets them come.
    fn patiently<T>(&self, answers: &Receiver<T>, stamp: impl Fn() -> usize) -> Result<T, NoAnswer> {
        let mut seen = stamp();
        loop {
            match self.host.patience().await_one(answers) {
                Err(NoAnswer::Hung) if stamp() != seen => seen = stamp(),
                other => return other,
            }
        }
    }
}

impl Walk<'_> {
    /// Whether there is anything more to hand on.
    fn is_ready(&mut self) -> bool {
        while self.next >= self.items.len() {
            if self.ended {
                return false;
            }
            self.next = 0;
            match self.next_batch() {
                Ok(None) => (self.items, self.ended) = (Vec::new(), true),
                Ok(Some((batch, items))) => (self.batch, self.items) = (batch, items),
                Err((none, at)) => {
                    let place = at.unwrap_or_else(|| Place::plain(&self.base));
                    let trouble = self.host.no_answer(none, &place.real);
                    (self.items, self.ended) = (vec![Item::Said(Found::Trouble(place, trouble))], true);
                }
            }
        }
        true
    }

    fn take(&mut self) -> Option<Item> {
        let item = self.is_ready().then(|| self.items.get_mut(self.next)).flatten()?;
        self.next += 1;
        Some(std::mem::replace(item, Item::Taken))
    }

    /// The next thing that the walk comes across, as it lies in its batch: without a copy of its path, for whoever looks
    /// at names by the million.
    pub fn sight(&mut self) -> Option<Sight<'_>> {
        if !self.is_ready() {
            return None;
        }
        let place = self.next;
        if matches!(self.items.get(place), Some(Item::Said(found)) if !matches!(found, Found::Match(_))) {
            let Some(Item::Said(found)) = self.take() else { return None };
            return Some(Sight::Other(found));
        }
        self.next += 1;
        match self.items.get(place)? {
            Item::Seen(number, sighting) => {
                let (folder, name) = self.batch.named(*number)?;
                Some(Sight::Seen(Seen::of(folder, name, sighting)))
            }
            Item::Said(Found::Match(found)) => Some(Sight::Seen(found.seen())),
            _ => None,
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        match self.take()? {
            Item::Said(found) => Some(found),
            Item::Seen(number, sighting) => {
                let (folder, name) = self.batch.named(number)?;
                Some(Found::Match(Box::new(sighting.at(folder.spot(name)))))
            }
            Item::Taken => None,
        }
    }
}
