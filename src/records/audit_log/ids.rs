//! Which events a log holds, kept as runs of serial numbers with the times between which they lie: numbers ascend, so that
//! a whole day takes a few bytes. A number alone is no event, as each boot counts anew: the time has to be that of its run.
//!
//! Of a run all numbers were seen, and of their times the earliest and the latest. An event of another boot that has the
//! same number, and a time within that run's, would be taken for one that was seen: a clock that was set back over a boot
//! could bring that about.

use std::cmp::Reverse;
use std::time::Duration;

use super::EventId;
use super::signs::SLOW;
use crate::clock::Timestamp;

/// Runs that are kept: a few MiB.
const RUNS: usize = 32_768;
/// Runs, of those that were touched last, that an event may go on with: records of several events stand among one another.
const RECENT: usize = 32;
/// After a longer silence another run begins: so its times are not far from those of its events.
const SILENCE: Duration = Duration::from_secs(3_600);
/// And so it does with a call that was entered so long before those that have lower numbers. No machine is booted within
/// that time, so that no run is of two boots.
const DISORDER: Duration = Duration::from_secs(1);

/// Events, in any order.
#[derive(Clone, Debug)]
pub struct Ids {
    /// Runs that may be kept.
    room: usize,
    runs: Vec<Run>,
    /// The lowest number of each run and all before it, and the highest of those that ended then or later: there when all are
    /// seen.
    lowest: Vec<u64>,
    highest: Vec<(Timestamp, u64)>,
    /// The latest time of each run and all before it; there when all are seen.
    reach: Vec<Timestamp>,
    /// The event of the record before.
    latest: Option<EventId>,
    span: Option<(Timestamp, Timestamp)>,
    /// Events, or copies of them, that are in no run, because there were too many runs.
    pub left: u64,
}

/// Where an event lies that was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    /// Before all that were.
    Before,
    /// Among them.
    Within,
    /// Behind them.
    Behind,
}

/// Numbers one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    began: Timestamp,
    ended: Timestamp,
}

impl Run {
    fn of(EventId { time, serial }: EventId) -> Run {
        Run { first: serial, last: serial, began: time, ended: time }
    }

    fn holds(&self, id: EventId) -> bool {
        (self.first..=self.last).contains(&id.serial) && (self.began..=self.ended).contains(&id.time)
    }

    /// Whether all of another lies in it.
    fn covers(&self, other: &Run) -> bool {
        self.first <= other.first
            && other.last <= self.last
            && self.began <= other.began
            && other.ended <= self.ended
    }

    /// Whether another goes on where this one ends, in the same boot as far as is known: a machine that is booted once more
    /// goes through the same numbers again, later.
    fn goes_on_in(&self, other: &Run) -> bool {
        self.last.checked_add(1) == Some(other.first)
            && self.ended <= other.began.plus(DISORDER)
            && other.began <= self.ended.plus(SILENCE)
    }

    fn joins(&self, other: &Run) -> bool {
        self.goes_on_in(other) || other.goes_on_in(self)
    }

    fn join(&mut self, other: &Run) {
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
        (self.began, self.ended) = (self.began.min(other.began), self.ended.max(other.ended));
    }
}

impl Default for Ids {
    fn default() -> Ids {
        Ids::within(RUNS)
    }
}

impl Ids {
    /// None as yet, in so many runs at most.
    pub fn within(room: usize) -> Ids {
        let (runs, lowest, highest, reach) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ids { room, runs, lowest, highest, reach, latest: None, span: None, left: 0 }
    }

    /// Those of another log as well, before all are seen. There may be more runs of both than of one.
    pub fn add(&mut self, other: &Ids) {
        self.runs.extend_from_slice(&other.runs);
        self.left = self.left.saturating_add(other.left);
        let (first, last) = (self.span, other.span);
        self.span = first.zip(last).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).or(first).or(last);
    }

    /// Whether an event is in both, as far as runs tell, when all are seen.
    pub fn meets(&self, other: &Ids) -> bool {
        let is_in = |run: &Run, others: &Ids| {
            others.around(run.began).any(|own| own.first <= run.last && run.first <= own.last)
        };
        self.runs.iter().any(|run| is_in(run, other)) || other.runs.iter().any(|run| is_in(run, self))
    }

    /// A record of this event came.
    pub fn saw(&mut self, id: EventId) {
        if self.latest.replace(id) == Some(id) {
            return;
        }
        let (first, last) = self.span.unwrap_or((id.time, id.time));
        self.span = Some((first.min(id.time), last.max(id.time)));
        let recent = self.runs.len().saturating_sub(RECENT);
        if !self.runs.iter().skip(recent).any(|run| run.holds(id)) {
            self.push(Run::of(id), recent);
        }
    }

    /// A new run, or more of one of those from `recent` on.
    fn push(&mut self, mut new: Run, recent: usize) {
        // It may fill what was missing between two.
        for at in (recent..self.runs.len()).rev() {
            if let Some(run) = self.runs.get(at).filter(|run| run.joins(&new)) {
                new.join(run);
                self.runs.remove(at);
            }
        }
        if self.runs.len() < self.room {
            self.runs.push(new);
        } else {
            self.left += 1;
        }
    }

    /// All are seen: from now on it can be asked which.
    pub fn settle(&mut self) {
        self.latest = None;
        self.runs
            .sort_unstable_by_key(|run| (run.began, Reverse(run.last - run.first), run.first, run.ended));
        // Of a log there may be copies.
        self.runs.dedup_by(|later, run| run.covers(later));
        let mut reach = None;
        let latest = self
            .runs
            .iter()
            .map(|run| *reach.insert(reach.map_or(run.ended, |time: Timestamp| time.max(run.ended))));
        self.reach = latest.collect();
        let mut lowest = u64::MAX;
        let lower = |run: &Run| {
            lowest = lowest.min(run.first);
            lowest
        };
        self.lowest = self.runs.iter().map(lower).collect();
        self.highest = self.runs.iter().map(|run| (run.ended, run.last)).collect();
        self.highest.sort_unstable();
        let mut highest = 0;
        self.highest.iter_mut().rev().for_each(|(_, last)| {
            highest = highest.max(*last);
            *last = highest;
        });
    }

    /// Whether the event was seen.
    pub fn has(&self, id: EventId) -> bool {
        self.around(id.time).any(|run| run.holds(id))
    }

    /// Where an event lies that was not seen. It counts as one among them if others before and behind it were: so by their times
    /// and, near the ends, by their numbers, as a call that took long is logged behind what is later, and may be the first or
    /// the last that a log has.
    pub fn lies(&self, id: EventId) -> Lies {
        let Some((first, last)) = self.span else { return Lies::Before };
        let began = self.runs.partition_point(|run| run.began <= id.time);
        let lowest = began.checked_sub(1).and_then(|at| self.lowest.get(at));
        let ended = self.highest.partition_point(|(ended, _)| *ended < id.time);
        let highest = self.highest.get(ended).map(|(_, last)| last);
        if first.plus(SLOW) >= id.time && lowest.is_none_or(|lowest| *lowest >= id.serial) {
            Lies::Before
        } else if last <= id.time.plus(SLOW) && highest.is_none_or(|highest| *highest <= id.serial) {
            Lies::Behind
        } else {
            Lies::Within
        }
    }

    /// Whether it is shown that all of another's events were seen.
    pub fn has_all_of(&self, other: &Ids) -> bool {
        let is_covered = |run: &Run| self.around(run.began).any(|own| own.covers(run));
        other.left == 0 && other.runs.iter().all(is_covered)
    }

    /// How many there are, when all are seen. Copies of such as had no room may be counted again.
    pub fn events(&self) -> u64 {
        let events = self.runs.iter().map(|run| (run.last - run.first).saturating_add(1));
        events.fold(self.left, u64::saturating_add)
    }

    /// None was seen.
    pub fn is_empty(&self) -> bool {
        self.span.is_none()
    }

    /// Times of the earliest and the latest.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// The runs that speak of a time, the last of them first.
    fn around(&self, time: Timestamp) -> impl Iterator<Item = &Run> {
        let end = self.runs.partition_point(|run| run.began <= time);
        let runs = self.runs.iter().zip(&self.reach).take(end).rev();
        runs.take_while(move |(_, reach)| **reach >= time).map(|(run, _)| run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(milli: i64, serial: u64) -> EventId {
        let nanos = u32::try_from(milli % 1_000).unwrap() * 1_000_000;
        EventId { time: Timestamp::from_unix(1_795_200_000 + milli / 1_000, nanos), serial }
    }

    fn of(ids: impl IntoIterator<Item = EventId>) -> Ids {
        let mut seen = Ids::default();
        ids.into_iter().for_each(|id| seen.saw(id));
        seen.settle();
        seen
    }

    #[test]
    fn a_million_events_are_one_run_and_what_is_missing_of_them_is_known() {
        let all = of((0..1_000_000_u32).map(|at| id(i64::from(at), at.into())));
        assert_eq!((all.runs.len(), all.left), (1, 0));
        let without = |at: &u32| *at != 77_777;
        let short = of((0..1_000_000_u32).filter(without).map(|at| id(i64::from(at), at.into())));
        assert_eq!(short.runs.len(), 2);
        assert!(all.has_all_of(&short) && !short.has_all_of(&all));
        assert!(!short.has(id(77_777, 77_777)) && short.has(id(77_778, 77_778)));
        assert_eq!(all.span(), Some((id(0, 0).time, id(999_999, 0).time)));
    }

    #[test]
    fn records_in_disorder_make_no_more_runs() {
        // Two by two the wrong way round, of each a record before and a record behind.
        let pairs = (0..20_000_u32).step_by(2).flat_map(|at| {
            let (one, other) = (id(i64::from(at), (at + 1).into()), id(i64::from(at) + 3, at.into()));
            [one, other, one, other]
        });
        let seen = of(pairs);
        assert_eq!((seen.events(), seen.runs.len(), seen.left), (20_000, 1, 0));
    }

    #[test]
    fn a_number_is_another_event_at_another_time() {
        let boots = of((0..300)
            .map(|at| id(at, 50 + at as u64))
            .chain((0..300).map(|at| id(9_000_000 + at, 50 + at as u64))));
        assert_eq!(boots.runs.len(), 2);
        assert!(boots.has(id(7, 57)) && boots.has(id(9_000_007, 57)));
        assert!(!boots.has(id(4_000_000, 57)) && !boots.has(id(9_000_299, 350)));
        let first = of((0..300).map(|at| id(at, 50 + at as u64)));
        assert!(boots.has_all_of(&first) && !first.has_all_of(&boots));
        // A clock that was set back by a day is no reason to believe that the events are the same.
        let back = of([id(90_000_000, 7), id(90_000_001, 8), id(500, 9), id(501, 10)]);
        assert!(back.has(id(501, 10)) && back.has(id(90_000_001, 8)) && !back.has(id(501, 8)));
    }

    /// Within the hour, as after a crash.
    #[test]
    fn a_boot_that_follows_at_once_does_not_fill_what_is_missing_of_the_one_before() {
        let boot = |began: i64| (0..300).map(move |at| id(began + at * 10, 50 + at as u64));
        let lacks = |of: i64, serial: u64| {
            move |id: &EventId| !(id.serial == serial && (id.time >= self::id(20_000, 0).time) == (of == 1))
        };
        for (missing, began) in [(0, 0), (1, 20_000)] {
            let short = of(boot(0).chain(boot(20_000)).filter(lacks(missing, 57)));
            assert!(!short.has(id(began + 70, 57)) && short.has(id(20_000 - began + 70, 57)), "{missing}");
            assert!(!short.has_all_of(&of(boot(began))) && short.has_all_of(&of(boot(20_000 - began))));
        }
    }

    /// #148 of linux-audit/audit-userspace: a call that took long is logged when it is over, and numbered then.
    #[test]
    fn a_slow_call_at_the_end_of_a_log_does_not_draw_in_what_lies_beside_the_log() {
        let log = of([id(5_000, 20), id(35_000, 21), id(36_000, 22), id(60_000, 23), id(61_000, 24)]);
        let lies = |milli: i64, serial: u64| log.lies(id(milli, serial));
        assert_eq!([lies(6_000, 12), lies(30_000, 19), lies(1_000, 5)], [Lies::Before; 3]);
        assert_eq!([lies(59_000, 25), lies(36_500, 26), lies(70_000, 27)], [Lies::Behind; 3]);
        let gap = of([id(5_000, 20), id(35_000, 21), id(60_000, 23), id(61_000, 24)]);
        assert_eq!(gap.lies(id(36_000, 22)), Lies::Within);
        // Numbers of another boot say nothing far from the ends.
        let boots = of((0..300)
            .flat_map(|at| [id(at * 1_000, 5_000 + at as u64), id(400_000 + at * 1_000, 10 + at as u64)]));
        assert_eq!([boots.lies(id(390_000, 9)), boots.lies(id(399_000, 5_301))], [Lies::Within; 2]);
        assert_eq!(Ids::default().lies(id(1, 1)), Lies::Before);
    }

    #[test]
    fn copies_and_logs_in_any_order_are_the_same() {
        let older = (0..500).map(|at| id(at, 50 + at as u64));
        let newer = (500..900).map(|at| id(at, 50 + at as u64));
        let one = of(older.clone().chain(newer.clone()));
        let other = of(newer.clone().chain(older.clone()).chain(newer).chain(older));
        assert!(one.has_all_of(&other) && other.has_all_of(&one));
        assert_eq!((one.events(), other.events()), (900, 900));
    }

    #[test]
    fn what_is_kept_has_a_bound_and_what_is_left_is_counted() {
        let all = of((0..400_000_u32).map(|at| id(i64::from(at), u64::from(at) * 2)));
        assert_eq!((all.runs.len(), all.left, all.events()), (RUNS, 400_000 - RUNS as u64, 400_000));
        assert!(all.runs.len() * (size_of::<Run>() + size_of::<Timestamp>()) <= 4 << 20);
        assert!(all.has(id(7, 14)) && !all.has(id(399_999, 799_998)));
        assert!(!of([id(7, 14)]).has_all_of(&all) && all.has_all_of(&of([id(7, 14)])));
    }
}
