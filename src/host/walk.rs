//! Walking folders for a pattern: sorted by the bytes of the path, never through a link, over local mounts, on two
//! reader threads, in bounded memory. What cannot be entered is told like everything else.

mod examine;
mod names;
mod reached;
mod seen;
#[cfg(test)]
mod tests;
mod walker;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

use examine::{Batch, Examiner, Item, Outbox, TICKETS, Told, Turned};
use reached::Reached;
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
    pattern: Pattern,
    manner: Manner,
    /// Where it begins; none if there is no such place.
    spot: Option<Spot>,
    /// The folder that the walker is in: as it was asked for, and where it really is.
    at: Arc<Whereabouts>,
    told: Receiver<Told>,
    /// What is being handed on, of which batch, and what of it is next.
    batch: Arc<Batch>,
    items: Vec<Item>,
    next: usize,
    ended: bool,
    /// How far it came, should another walker have to go on.
    reached: Reached,
    /// What did not answer, and what was left out: each is told once, however often a walker comes to it.
    silent: HashSet<HostPath>,
}

impl Host {
    /// Begins to walk for `pattern`. With `follow` a trusted link at the very end of a plain pattern is followed.
    pub fn walk<'h>(&'h self, pattern: &Pattern, wanted: Wanted, follow: bool) -> Walk<'h> {
        self.walk_in(pattern, Manner::plain(wanted, follow))
    }

    /// Begins to walk for `pattern` in a certain manner.
    pub fn walk_in<'h>(&'h self, pattern: &Pattern, manner: Manner) -> Walk<'h> {
        // A plain path is not followed at its end unless that was asked for; a folder to walk in always is.
        let follow = manner.follow || !pattern.is_plain();
        let (links, spot) = self.trace(pattern.base(), follow);
        let led: Vec<Found> = links.into_iter().map(Found::Led).collect();
        let mut walk = Walk {
            host: self,
            pattern: pattern.clone(),
            manner,
            spot: None,
            at: Arc::default(),
            told: sync_channel(0).1,
            batch: Arc::default(),
            items: Vec::new(),
            next: 0,
            ended: false,
            reached: Reached::default(),
            silent: HashSet::new(),
        };
        match spot {
            Ok(spot) => {
                walk.spot = Some(spot);
                walk.start(led, None);
            }
            Err(trouble) => {
                walk.items = led.into_iter().map(|led| Item::Said(led, Turned::Before)).collect();
                walk.end_with(Found::Trouble(Place::plain(pattern.base()), trouble));
            }
        }
        walk
    }

    /// The mounts below `real` that a walk must stay out of, by the folder that they lie in.
    fn closed_mounts(&self, real: &HostPath) -> Closed {
        let mut closed = Closed::new();
        for (point, why) in self.mounts().closed_below(real) {
            closed.entry(point.parent()).or_default().push((point.name().to_vec(), why));
        }
        closed
    }
}

/// Why no batch comes, and which one that is, if it is known.
struct Silence(NoAnswer, Option<Arc<Batch>>);

impl Walk<'_> {
    /// Starts a walker; one that goes on behind what was `reached` where another did not come back.
    fn start(&mut self, led: Vec<Found>, reached: Option<Vec<u8>>) {
        let Some(spot) = self.spot.clone() else { return };
        let (told, incoming) = sync_channel(TICKETS);
        (self.told, self.at) = (incoming, Arc::default());
        let examiner = Examiner { manner: self.manner.clone(), footprint: Arc::clone(self.host.footprint()) };
        let outbox = Outbox::new(told, led, examiner, self.host.patience().clone());
        let closed = self.host.closed_mounts(&spot.real);
        let (pattern, at) = (self.pattern.clone(), Arc::clone(&self.at));
        let mut walker = Walker::new(pattern, closed, at, outbox, self.manner.room);
        walker.careful = self.host.mounts().may_hang_below(&spot.real);
        if let Some(reached) = reached {
            walker.take_up(reached);
        }
        if self.host.patience().start(move || walker.walk(&spot)).is_err() {
            let gone = std::io::Error::other("no reader can be started");
            let base = self.pattern.base();
            self.end_with(Found::Trouble(Place::plain(base), Trouble::Io(base.to_string(), gone)));
        }
    }

    fn end_with(&mut self, last: Found) {
        self.items.push(Item::Said(last, Turned::Before));
        self.ended = true;
    }

    /// The next batch; none when all is told.
    fn next_batch(&self) -> Result<Option<Arc<Batch>>, Silence> {
        // Each name and each look into a folder has a deadline of its own, however many come together, and however slowly an
        // allowance lets them come.
        let patience = self.host.patience();
        match patience.await_moving(&self.told, || self.at.stamp()) {
            Ok(Told::Over) => Ok(None),
            Ok(Told::Batch(ticket)) => match patience.await_moving(&ticket.done, || ticket.batch.stamp()) {
                Ok(()) => Ok(Some(ticket.batch)),
                Err(none) => Err(Silence(none, Some(ticket.batch))),
            },
            Err(none) => Err(Silence(none, None)),
        }
    }

    /// Something does not answer. It is told, and what it is on is not asked again; another walker goes on behind it.
    fn pass_over(&mut self, Silence(none, batch): Silence) {
        let place = match &batch {
            Some(batch) => batch.place().or_else(|| self.at.place()),
            None => self.at.place(),
        };
        let place = place.unwrap_or_else(|| Place::plain(self.pattern.base()));
        let trouble = self.host.no_answer(none, &place.real);
        let turned = if batch.is_some() { Turned::Name } else { Turned::Before };
        // Those before it in its batch have been answered.
        self.items = batch.as_ref().map(|batch| batch.answers()).unwrap_or_default();
        self.items.push(Item::Said(Found::Trouble(place.clone(), trouble), turned));
        let reached = match batch {
            Some(batch) => {
                self.batch = batch;
                Reached::key(&self.pattern, &place.path, turned)
            }
            None => self.reached.bytes(),
        };
        let base = self.spot.as_ref().map(|spot| spot.real.clone());
        let may_go_on = |base: &HostPath| {
            *base != place.real && none == NoAnswer::Hung && self.host.may_ask(base).is_ok()
        };
        let goes_on = base.as_ref().is_some_and(may_go_on);
        self.silent.insert(place.real);
        if goes_on {
            self.start(Vec::new(), Some(reached));
        } else {
            if base.is_some_and(|base| !self.silent.contains(&base)) && none == NoAnswer::Hung {
                let base = self.pattern.base();
                let rest = Trouble::DeadMount(base.to_string());
                self.items.push(Item::Said(Found::Trouble(Place::plain(base), rest), Turned::Before));
            }
            self.ended = true;
        }
    }
}

impl Walk<'_> {
    /// Whether there is anything more to hand on.
    fn is_ready(&mut self) -> bool {
        loop {
            while self.next < self.items.len() {
                if !self.was_told() {
                    return true;
                }
                self.next += 1;
            }
            if self.ended {
                return false;
            }
            self.reached.settle(&self.pattern, &self.batch);
            (self.next, self.items) = (0, Vec::new());
            match self.next_batch() {
                Ok(None) => self.ended = true,
                Ok(Some(batch)) => (self.items, self.batch) = (batch.answers(), batch),
                Err(silence) => self.pass_over(silence),
            }
        }
    }

    /// Whether what is next is a place left out that was told before.
    fn was_told(&self) -> bool {
        self.items.get(self.next).and_then(left_out).is_some_and(|place| self.silent.contains(&place.real))
    }

    fn take(&mut self) -> Option<Item> {
        let item = self.is_ready().then(|| self.items.get_mut(self.next)).flatten()?;
        self.next += 1;
        self.silent.extend(left_out(item).map(|place| place.real.clone()));
        self.reached.note(item, &self.pattern);
        Some(std::mem::replace(item, Item::Taken))
    }

    /// The next thing that the walk comes across, as it lies in its batch: without a copy of its path, for whoever looks
    /// at names by the million.
    pub fn sight(&mut self) -> Option<Sight<'_>> {
        if !self.is_ready() {
            return None;
        }
        let place = self.next;
        if matches!(self.items.get(place), Some(Item::Said(found, _)) if !matches!(found, Found::Match(_))) {
            let Some(Item::Said(found, _)) = self.take() else { return None };
            return Some(Sight::Other(found));
        }
        self.next += 1;
        let item = self.items.get(place)?;
        self.reached.note(item, &self.pattern);
        match item {
            Item::Seen(number, sighting) => {
                let (folder, name) = self.batch.named(*number)?;
                Some(Sight::Seen(Seen::of(folder, name, sighting)))
            }
            Item::Said(Found::Match(found), _) => Some(Sight::Seen(found.seen())),
            _ => None,
        }
    }
}

/// A place that was left out because it might not answer, or does not.
fn left_out(item: &Item) -> Option<&Place> {
    match item {
        Item::Said(Found::LeftOut(place, why), _) if *why != KeepOut::Pseudo => Some(place),
        _ => None,
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        match self.take()? {
            Item::Said(found, _) => Some(found),
            Item::Seen(number, sighting) => {
                let (folder, name) = self.batch.named(number)?;
                Some(Found::Match(Box::new(sighting.at(folder.spot(name)))))
            }
            Item::Taken => None,
        }
    }
}
