//! Which serial numbers a log holds. The kernel numbers its events one after another since boot, so that what lies
//! between two of them was written once, or lost on the way; that none is missing shows nothing of times when auditing
//! was off.

use super::EventId;
use crate::clock::Timestamp;

/// Ranges that are kept apart.
const RANGES_KEPT: usize = 256;
/// A number that falls by more is of another boot.
const BOOT_STEP: u64 = 1_000_000;
/// The first numbers after a boot.
const BOOT_FIRST: u64 = 100;

/// Serial numbers of one file, or of several in their order.
#[derive(Clone, Debug, Default)]
pub struct Serials {
    /// The lowest number of the first boot that is in it.
    pub first: Option<EventId>,
    /// The highest number of the last boot.
    pub last: Option<EventId>,
    /// How many boots there are behind the first.
    pub boots: u64,
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

impl Serials {
    /// A record of this event came. True if it is the first of another boot.
    pub fn saw(&mut self, id: EventId) -> bool {
        let Some(last) = self.last else {
            (self.first, self.last) = (Some(id), Some(id));
            return false;
        };
        if id.serial == last.serial {
            return false;
        }
        if id.serial > last.serial {
            if id.serial > last.serial + 1 {
                self.miss(MissingSerials {
                    from: last.serial + 1,
                    to: id.serial - 1,
                    after: last.time,
                    before: id.time,
                });
            }
            self.last = Some(id);
        } else if id.serial + BOOT_STEP < last.serial || (id.serial < BOOT_FIRST && id.time > last.time) {
            self.boots += 1;
            self.last = Some(id);
            return true;
        } else {
            self.late(id);
        }
        false
    }

    fn miss(&mut self, range: MissingSerials) {
        if self.missing.len() < RANGES_KEPT {
            self.missing.push(range);
        } else {
            self.missing_left += 1;
        }
    }

    /// A slow call's record stands behind those of later events.
    fn late(&mut self, id: EventId) {
        if self.boots == 0
            && let Some(first) = self.first.filter(|first| id.serial < first.serial)
        {
            self.first = Some(EventId { time: first.time.min(id.time), ..id });
            return;
        }
        let Some(at) =
            self.missing.iter().rposition(|range| range.from <= id.serial && id.serial <= range.to)
        else {
            return;
        };
        let range = self.missing.remove(at);
        if id.serial > range.from {
            self.missing.insert(at, MissingSerials { to: id.serial - 1, ..range });
        }
        if id.serial < range.to {
            let behind = at + usize::from(id.serial > range.from);
            self.missing.insert(behind, MissingSerials { from: id.serial + 1, ..range });
        }
    }

    /// What is missing between this file and the one that follows it in time; and what of this one's gaps may stand there.
    pub fn missing_before(&self, next: &Serials) -> Option<MissingSerials> {
        let (last, first) = (self.last?, next.first?);
        let same_boot = first.serial > last.serial || first.serial + BOOT_STEP >= last.serial;
        (same_boot && first.serial > last.serial + 1).then_some(MissingSerials {
            from: last.serial + 1,
            to: first.serial - 1,
            after: last.time,
            before: first.time,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: u64) -> EventId {
        EventId { time: Timestamp::from_unix(1_000 + i64::try_from(serial % 1_000).unwrap(), 0), serial }
    }

    fn seen(numbers: &[u64]) -> Serials {
        let mut serials = Serials::default();
        for number in numbers {
            serials.saw(id(*number));
        }
        serials
    }

    fn missing(numbers: &[u64]) -> Vec<(u64, u64)> {
        seen(numbers).missing.iter().map(|range| (range.from, range.to)).collect()
    }

    #[test]
    fn what_is_not_there_is_found_and_what_comes_late_is_there() {
        assert_eq!(missing(&[5, 5, 6, 7]), []);
        assert_eq!(missing(&[5, 9]), [(6, 8)]);
        assert_eq!(missing(&[5, 9, 7]), [(6, 6), (8, 8)]);
        assert_eq!(missing(&[5, 9, 6, 8]), [(7, 7)]);
        assert_eq!(missing(&[5, 9, 8, 7, 6, 4]), []);
        assert_eq!(seen(&[5, 9, 4]).first.unwrap().serial, 4);
    }

    #[test]
    fn another_boot_begins_anew_and_misses_nothing() {
        let serials = seen(&[5_000_000, 5_000_001, 17, 18]);
        assert_eq!((serials.boots, serials.missing.len(), serials.last.unwrap().serial), (1, 0, 18));
    }

    #[test]
    fn between_two_files_nothing_may_be_missing() {
        let between = |older: &[u64], newer: &[u64]| {
            seen(older).missing_before(&seen(newer)).map(|range| (range.from, range.to))
        };
        assert_eq!(between(&[5, 6], &[7, 8]), None);
        assert_eq!(between(&[5, 6], &[9, 10]), Some((7, 8)));
        assert_eq!(between(&[5, 8], &[7, 9]), None);
        assert_eq!(between(&[5_000_000], &[3]), None);
    }

    #[test]
    fn ranges_are_bounded() {
        let serials = seen(&(0..1_000).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!((serials.missing.len(), serials.missing_left), (RANGES_KEPT, 743));
    }
}
