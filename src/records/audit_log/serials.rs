//! Which serial numbers a log holds. The kernel numbers its events one after another since boot, so that what lies
//! between two of them was written once, or lost on the way; that none is missing shows nothing of times when auditing
//! was off.

use std::time::Duration;

use super::EventId;
use crate::clock::Timestamp;

/// Ranges that are kept apart in one boot of one file.
const RANGES_KEPT: usize = 256;
/// Boots that are kept apart in one file.
const BOOTS_KEPT: usize = 64;
/// Records of events that end at the same time stand in the log in any order: so far behind one may come.
const LATE: u64 = 10_000;
/// And so much earlier its event may have begun.
const SLOW: Duration = Duration::from_secs(60);

/// Serial numbers of one file.
#[derive(Clone, Debug, Default)]
pub struct Serials {
    /// One after another; at most 64.
    pub boots: Vec<Boot>,
    /// Boots that were not kept.
    pub boots_left: u64,
    /// How often the time fell by more than a minute while the numbers went on, for more than one event: a clock that was set
    /// back, or a log that was edited. One event alone may be of a call that took so long: its time is that of its beginning,
    /// and its number of its end.
    pub steps_back: u64,
    /// Events one after another that are behind.
    behind: u64,
}

/// What is of one boot.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The lowest number.
    pub first: EventId,
    /// The highest.
    pub last: EventId,
    /// What is not there, between what is.
    pub missing: Vec<MissingSerials>,
    /// Ranges that were not kept.
    pub missing_left: u64,
}

/// Numbers that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSerials {
    /// The first of them.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The time of the event before.
    pub after: Timestamp,
    /// The time of the event behind.
    pub before: Timestamp,
}

/// Numbers that are there, one after another.
#[derive(Clone, Copy, Debug)]
struct Present {
    from: u64,
    to: u64,
    began: Timestamp,
    ended: Timestamp,
}

impl Serials {
    /// A record of this event came. True if it is the first of another boot.
    pub fn saw(&mut self, id: EventId) -> bool {
        let Some(boot) = self.boots.last_mut() else {
            self.boots.push(Boot::of(id));
            return false;
        };
        let last = boot.last;
        if id.serial == last.serial {
            return false;
        }
        if id.serial > last.serial {
            self.behind = if id.time.plus(SLOW) < last.time { self.behind + 1 } else { 0 };
            self.steps_back += u64::from(self.behind == 2);
            boot.goes_on(id);
            return false;
        }
        if is_late(last, id) {
            boot.late(id);
            return false;
        }
        if self.boots.len() >= BOOTS_KEPT {
            self.boots_left += 1;
            self.boots.pop();
        }
        self.boots.push(Boot::of(id));
        true
    }

    /// Whether the event that came last is more than a minute earlier than one before it.
    pub fn is_behind(&self) -> bool {
        self.behind > 0
    }

    /// Ranges that are missing within the boots.
    pub fn missing_ranges(&self) -> u64 {
        self.boots.iter().map(|boot| boot.missing.len() as u64 + boot.missing_left).sum()
    }
}

/// Whether a lower number is only late, and not of another boot, which would be later.
fn is_late(last: EventId, id: EventId) -> bool {
    last.serial - id.serial <= LATE && id.time <= last.time.plus(SLOW)
}

/// Whether a file that begins with `first` is of another boot than one before it that ends with `last`. What begins far
/// earlier than that is a copy.
pub fn is_other_boot(last: EventId, first: EventId) -> bool {
    first.serial < last.serial && first.time.plus(SLOW) >= last.time && !is_late(last, first)
}

/// What is in none of these, which are of one boot: whatever files they stand in.
pub fn missing_in_all<'b>(boots: impl IntoIterator<Item = &'b Boot>) -> Vec<MissingSerials> {
    let mut present: Vec<Present> = boots.into_iter().flat_map(Boot::present).collect();
    present.sort_by_key(|range| (range.from, range.to));
    let mut missing = Vec::new();
    let mut end: Option<(u64, Timestamp)> = None;
    for range in present {
        if let Some((to, ended)) = end
            && range.from > to.saturating_add(1)
        {
            missing.push(MissingSerials {
                from: to + 1,
                to: range.from - 1,
                after: ended,
                before: range.began,
            });
        }
        if end.is_none_or(|(to, _)| range.to >= to) {
            end = Some((range.to, range.ended));
        }
    }
    missing
}

impl Boot {
    fn of(id: EventId) -> Boot {
        Boot { first: id, last: id, missing: Vec::new(), missing_left: 0 }
    }

    fn goes_on(&mut self, id: EventId) {
        if id.serial > self.last.serial.saturating_add(1) {
            let range = MissingSerials {
                from: self.last.serial + 1,
                to: id.serial - 1,
                after: self.last.time,
                before: id.time,
            };
            self.miss(self.missing.len(), range);
        }
        self.last = EventId { time: id.time.max(self.last.time), ..id };
    }

    fn miss(&mut self, at: usize, range: MissingSerials) {
        if self.missing.len() < RANGES_KEPT {
            self.missing.insert(at.min(self.missing.len()), range);
        } else {
            self.missing_left += 1;
        }
    }

    /// A record that stands behind those of later events.
    fn late(&mut self, id: EventId) {
        if id.serial < self.first.serial {
            let behind = MissingSerials {
                from: id.serial + 1,
                to: self.first.serial - 1,
                after: id.time,
                before: self.first.time,
            };
            if behind.from <= behind.to {
                self.miss(0, behind);
            }
            self.first = id;
            return;
        }
        let holds = |range: &MissingSerials| range.from <= id.serial && id.serial <= range.to;
        let Some(at) = self.missing.iter().rposition(holds) else { return };
        let range = self.missing.remove(at);
        if id.serial < range.to {
            self.miss(at, MissingSerials { from: id.serial + 1, after: id.time, ..range });
        }
        if id.serial > range.from {
            self.miss(at, MissingSerials { to: id.serial - 1, before: id.time, ..range });
        }
    }

    fn present(&self) -> Vec<Present> {
        let mut present = Vec::with_capacity(self.missing.len() + 1);
        let (mut from, mut began) = (self.first.serial, self.first.time);
        for range in &self.missing {
            present.push(Present { from, to: range.from.saturating_sub(1), began, ended: range.after });
            (from, began) = (range.to.saturating_add(1), range.before);
        }
        present.push(Present { from, to: self.last.serial, began, ended: self.last.time });
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: u64) -> EventId {
        EventId { time: Timestamp::from_unix(1_000, 0), serial }
    }

    fn seen(numbers: &[u64]) -> Serials {
        let mut serials = Serials::default();
        for number in numbers {
            serials.saw(id(*number));
        }
        serials
    }

    fn told(missing: &[MissingSerials]) -> Vec<(u64, u64)> {
        missing.iter().map(|range| (range.from, range.to)).collect()
    }

    fn missing(numbers: &[u64]) -> Vec<(u64, u64)> {
        told(&missing_in_all(&seen(numbers).boots))
    }

    #[test]
    fn what_is_not_there_is_found_and_what_comes_late_is_there() {
        assert_eq!(missing(&[5, 5, 6, 7]), []);
        assert_eq!(missing(&[5, 9]), [(6, 8)]);
        assert_eq!(missing(&[5, 9, 7]), [(6, 6), (8, 8)]);
        assert_eq!(missing(&[5, 9, 6, 8]), [(7, 7)]);
        assert_eq!(missing(&[5, 9, 8, 7, 6, 4]), []);
        assert_eq!(missing(&[5, 2]), [(3, 4)]);
        assert_eq!(seen(&[5, 9, 4]).boots[0].first.serial, 4);
    }

    #[test]
    fn a_lower_number_much_later_is_of_another_boot_however_small_the_fall() {
        let mut serials = seen(&[500, 501]);
        assert!(serials.saw(EventId { time: Timestamp::from_unix(2_000, 0), serial: 480 }));
        assert_eq!(serials.boots.len(), 2);
        assert_eq!(seen(&[5_000_000, 5_000_001, 17, 18]).boots.len(), 2);
        let at = |second: i64, serial: u64| EventId { time: Timestamp::from_unix(second, 0), serial };
        assert!(is_other_boot(at(100, 900), at(200, 800)) && !is_other_boot(at(100, 900), at(101, 899)));
        // A copy of what is here already.
        assert!(!is_other_boot(at(1_000, 900), at(100, 800)));
    }

    #[test]
    fn a_file_stands_for_what_it_holds_and_no_more() {
        let all = |files: &[&[u64]]| {
            let seen: Vec<Serials> = files.iter().map(|numbers| seen(numbers)).collect();
            told(&missing_in_all(seen.iter().flat_map(|serials| &serials.boots)))
        };
        assert_eq!(all(&[&[5, 6], &[7, 8]]), []);
        assert_eq!(all(&[&[5, 6], &[9, 10]]), [(7, 8)]);
        assert_eq!(all(&[&[5, 8], &[7, 9]]), [(6, 6)]);
        // One number alone does not stand for those behind it.
        assert_eq!(all(&[&[5, 20], &[6]]), [(7, 19)]);
        assert_eq!(all(&[&[5, 6, 7], &[5, 6, 7]]), []);
    }

    #[test]
    fn times_that_fall_while_numbers_go_on_are_counted() {
        let mut serials = seen(&[5]);
        let early = |serial| EventId { time: Timestamp::from_unix(10, 0), serial };
        serials.saw(early(6));
        assert_eq!((serials.steps_back, serials.is_behind()), (0, true), "a slow call");
        serials.saw(early(7));
        assert_eq!(serials.steps_back, 1);
        serials.saw(id(8));
        assert!(!serials.is_behind());
        // What is late behind a slow call is of the same boot.
        let mut serials = seen(&[5, 6]);
        serials.saw(early(8));
        assert!(!serials.saw(id(7)));
    }

    #[test]
    fn hostile_numbers_cost_no_memory_and_no_panic() {
        let boot = &seen(&(0..1_000).map(|n| n * 2).collect::<Vec<_>>()).boots[0];
        assert_eq!((boot.missing.len(), boot.missing_left), (RANGES_KEPT, 743));
        let mut serials = seen(&[1, 9_000]);
        for n in 1..4_000 {
            serials.saw(id(9_000 - 2 * n));
        }
        assert!(serials.boots.iter().all(|boot| boot.missing.len() <= RANGES_KEPT));
        let extremes = seen(&[u64::MAX, u64::MAX - 1, 0, u64::MAX, 5]);
        let _ = missing_in_all(&extremes.boots);
        let alternating: Vec<u64> = (0..1_000).map(|n| if n % 2 == 0 { 1_000_000 } else { 5 }).collect();
        assert!(seen(&alternating).boots.len() <= BOOTS_KEPT);
    }
}
