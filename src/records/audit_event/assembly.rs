//! Puts records together to events as the lines of a log pass, oldest file first. Nothing is allocated for a line, and
//! nothing is read of it but type and event.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::time::Duration;

use super::super::audit_log::{EventId, Head};
use super::flight::{Flight, Known, versions};
use super::{Event, Place, Shortfall};
use crate::clock::Timestamp;

/// Lines that pass behind the last record of an event before it is over.
pub const WINDOW: u64 = 4_096;
/// And as much time in the log, where it is not plain that all of its records are there.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the events that are not over.
const IN_FLIGHT: usize = 8 << 20;
/// Events that are over and wait, for a while, for such as began earlier.
const WAITING: usize = 512;
/// However little time passes in the log, so many windows are enough: its clock may have been set back.
const WINDOWS: u64 = 16;
/// Events of which it is remembered what they were, so that a copy of them is known as one: at most 3 MiB.
const REMEMBERED: usize = 7 << 14;
/// Buffers that are kept for the next event, and bytes of the largest of them.
const SPARE: usize = 1_024;
const SPARE_BYTES: usize = 16 << 10;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are records, duplicates among them.
    pub records: u64,
    /// Events that were put together, each as often as logs tell it differently: of a sieve that does not learn, those that
    /// it wanted; else all.
    pub events: u64,
    /// Lines that are no record, empty ones aside.
    pub unparsed: u64,
    /// Records that another file has too, byte for byte.
    pub duplicates: u64,
    /// Events of which two files have different bytes for one record.
    pub conflicts: u64,
    /// Records that came when their event seemed to be over.
    pub late: u64,
    /// Events that were given up for want of room.
    pub cut_off: u64,
    /// Events that are no longer remembered, so that a copy of them would not have been known as one.
    pub forgotten: u64,
    /// Machines whose boots were not told apart.
    pub nodes_left: u64,
}

/// What joins the records of one event, whichever file they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) epoch: u32,
    /// A hash of the name of the machine.
    pub(super) node: u64,
    pub(super) id: EventId,
}

impl Key {
    /// A hash that nobody can foresee who does not know the seed. An event may share it with another.
    pub(super) fn mark(&self, seed: u64) -> u64 {
        let step = |sum: u64, word: u64| {
            (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed << 1).rotate_left(29)
        };
        // Few events of a boot have a number in common, so that the time can be left out.
        [self.id.serial, self.node].into_iter().fold(seed ^ u64::from(self.epoch), step)
    }
}

/// For what is a hash already, which nobody could foresee.
pub(super) type AsItIs = BuildHasherDefault<Itself>;

#[derive(Default)]
pub(super) struct Itself(u64);

impl Hasher for Itself {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// When a record came: its number among all, wanted or not, and the time in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) record: u64,
    pub(super) now: Timestamp,
}

/// Puts events together. They leave nearly in the order of time and number: one of which records seem to be missing is
/// held back longer than others, and comes behind them.
pub(super) struct Assembly {
    hasher: RandomState,
    seed: u64,
    /// The number of the last record, and that at which it was last seen what is over.
    line: u64,
    settled: u64,
    /// The time of the last record.
    now: Timestamp,
    index: HashMap<Key, usize>,
    flights: Vec<(Key, Flight)>,
    /// Places in `flights` that are free, with buffers that are used again.
    free: Vec<usize>,
    /// Those that are not over, in the order of their last records.
    queue: VecDeque<(u64, usize)>,
    /// Bytes of all that are here.
    weight: usize,
    /// Those that are over, the earliest first.
    waiting: BinaryHeap<Reverse<(EventId, u64, usize)>>,
    /// The event of the line before.
    last: Option<(Key, usize)>,
    remembered: HashMap<u64, Known, AsItIs>,
    remembered_order: VecDeque<u64>,
    counts: Counts,
}

impl Assembly {
    pub(super) fn new() -> Assembly {
        let hasher = RandomState::new();
        Assembly {
            seed: hasher.hash_one(0),
            hasher,
            line: 0,
            settled: 0,
            now: Timestamp::from_unix(0, 0),
            index: HashMap::new(),
            flights: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            weight: 0,
            waiting: BinaryHeap::new(),
            last: None,
            remembered: HashMap::default(),
            remembered_order: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// The next line, and which event it is of.
    pub(super) fn line(
        &mut self,
        key: Key,
        head: &Head<'_>,
        (line, place): (&[u8], Place),
        when: When,
        wanted: bool,
        each: &mut dyn FnMut(Event),
    ) {
        (self.line, self.now) = (when.record, when.now);
        let at = self.flight_of(key, head.node);
        if let Some((_, flight)) = self.flights.get_mut(at) {
            let before = flight.weight();
            if flight.push(head, line, place) {
                flight.event.late = true;
                self.counts.late += 1;
            }
            self.weight += flight.weight() - before;
            flight.wanted |= wanted;
            (flight.touched, flight.newest) = (self.line, self.now);
        }
        if self.weight > IN_FLIGHT {
            self.make_room(each);
        } else if self.line >= self.settled + 64 {
            self.settled = self.line;
            self.settle(each);
        }
    }

    /// All files have ended: what is here leaves as it is.
    pub(super) fn end(&mut self, each: &mut dyn FnMut(Event)) {
        while let Some((stamp, at)) = self.queue.pop_front() {
            if self.is_queued(stamp, at) {
                self.leave(at, each);
            }
        }
        self.release(0, each);
    }

    /// What was counted so far, of events alone.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The event that a line is of, which may begin with it.
    fn flight_of(&mut self, key: Key, node: &[u8]) -> usize {
        if let Some((_, at)) = self.last.filter(|(last, _)| *last == key) {
            return at;
        }
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None => self.begin(key, node),
        };
        if let Some((_, flight)) = self.flights.get_mut(at) {
            flight.queued = self.line;
        }
        self.queue.push_back((self.line, at));
        self.last = Some((key, at));
        at
    }

    fn begin(&mut self, key: Key, node: &[u8]) -> usize {
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.flights.push((key, Flight::new(Event::new(key.id, b"", 0), self.now)));
                self.flights.len() - 1
            }
        };
        if let Some((known, flight)) = self.flights.get_mut(at) {
            *known = key;
            flight.begin(key.id, node, key.epoch);
            self.weight += flight.weight();
        }
        self.index.insert(key, at);
        at
    }

    fn is_queued(&self, stamp: u64, at: usize) -> bool {
        self.flights.get(at).is_some_and(|(_, flight)| flight.queued == stamp)
    }

    /// What has waited long enough leaves.
    fn settle(&mut self, each: &mut dyn FnMut(Event)) {
        while let Some((stamp, at)) =
            self.queue.front().copied().filter(|(stamp, _)| stamp + WINDOW <= self.line)
        {
            self.queue.pop_front();
            let Some((_, flight)) = self.flights.get_mut(at).filter(|(_, flight)| flight.queued == stamp)
            else {
                continue;
            };
            let behind = self.line - flight.touched;
            let is_over = behind >= WINDOW
                && (flight.is_complete()
                    || self.now.since(flight.newest) >= PATIENCE
                    || behind >= WINDOWS * WINDOW);
            if is_over {
                self.leave(at, each);
            } else {
                flight.queued = self.line;
                self.queue.push_back((self.line, at));
            }
        }
        self.release(WAITING, each);
    }

    /// There is too much here: what is complete leaves first, then what came first.
    fn make_room(&mut self, each: &mut dyn FnMut(Event)) {
        self.release(0, each);
        for all in [false, true] {
            for _ in 0..self.queue.len() {
                if self.weight <= IN_FLIGHT / 4 * 3 {
                    break;
                }
                let Some((stamp, at)) = self.queue.pop_front() else { break };
                let Some((_, flight)) = self.flights.get_mut(at).filter(|(_, flight)| flight.queued == stamp)
                else {
                    continue;
                };
                if !all && !flight.is_complete() {
                    self.queue.push_back((stamp, at));
                    continue;
                }
                if !flight.is_complete() {
                    flight.event.shortfalls.push(Shortfall::CutOff);
                    self.counts.cut_off += 1;
                }
                self.leave(at, each);
                self.release(0, each);
            }
        }
    }

    /// An event is over: it is dropped, or waits for those that began before it.
    fn leave(&mut self, at: usize, each: &mut dyn FnMut(Event)) {
        let Some((key, flight)) = self.flights.get_mut(at) else { return };
        self.index.remove(key);
        flight.queued = 0;
        self.counts.events += 1;
        self.counts.duplicates += flight.duplicates;
        if self.last.is_some_and(|(_, last)| last == at) {
            self.last = None;
        }
        if flight.wanted {
            self.waiting.push(Reverse((key.id, flight.touched, at)));
            self.release(WAITING, each);
        } else {
            self.recycle(at);
        }
    }

    /// Gives the earliest of those that are over, until no more than `left` are left.
    fn release(&mut self, left: usize, each: &mut dyn FnMut(Event)) {
        while self.waiting.len() > left {
            let Some(Reverse((_, _, at))) = self.waiting.pop() else { return };
            if self.is_news(at)
                && let Some((_, flight)) = self.flights.get_mut(at)
            {
                self.counts.conflicts += u64::from(flight.event.conflict);
                flight.close();
                self.weight -= flight.weight();
                let mut told: u64 = 0;
                versions(flight.take(), &mut |event| {
                    told += 1;
                    each(event);
                });
                self.counts.events += told.saturating_sub(1);
                self.weight += flight.weight();
            }
            self.recycle(at);
        }
    }

    /// Whether no event like it has left already. One that has, with other records, is not the same again.
    fn is_news(&mut self, at: usize) -> bool {
        let Some((key, flight)) = self.flights.get_mut(at) else { return false };
        let (hash, file) = (self.hasher.hash_one(*key), flight.event.place().file);
        let print = flight.print(self.seed);
        match self.remembered.get(&hash) {
            Some(known) if known.print == print && known.file != file => {
                self.counts.duplicates += flight.event.lines.len() as u64;
                self.counts.events -= 1;
                return false;
            }
            Some(known) if known.file != file => flight.event.conflict = true,
            Some(_) => {
                flight.event.late = true;
                self.counts.late += flight.event.lines.len() as u64;
            }
            None => self.remember(hash, Known { print, file }),
        }
        true
    }

    fn remember(&mut self, hash: u64, known: Known) {
        if self.remembered.len() >= REMEMBERED
            && let Some(oldest) = self.remembered_order.pop_front()
        {
            self.remembered.remove(&oldest);
            self.counts.forgotten += 1;
        }
        self.remembered.insert(hash, known);
        self.remembered_order.push_back(hash);
    }

    fn recycle(&mut self, at: usize) {
        if let Some((_, flight)) = self.flights.get_mut(at) {
            self.weight -= flight.weight();
            flight.clear(SPARE_BYTES, self.free.len() < SPARE);
            self.free.push(at);
        }
    }
}
