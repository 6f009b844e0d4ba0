//! Which boot a serial number is of: the kernel numbers its events anew with each, so that two events of one log may
//! have the same number.

use std::collections::VecDeque;

use super::super::audit_log::EventId;
use super::super::audit_log::signs::{LATE, NEARLY_ALL, Release, SLOW, Sign, Told, fell, is_fallen};
use crate::clock::Timestamp;

/// Boots of one machine that are kept apart; those before them are forgotten.
const BOOTS_KEPT: usize = 64;
/// Signs of boots that are known again in a copy of the log.
const SIGNS_KEPT: usize = 4 * BOOTS_KEPT;

/// One boot: what was seen of its numbers.
#[derive(Clone, Debug)]
struct Boot {
    /// When the one before it had ended.
    over: Option<Timestamp>,
    /// The event that it was known by.
    first: EventId,
    began: Timestamp,
    ended: Timestamp,
    lowest: u64,
    highest: u64,
    /// Since the highest there were lower ones that are later than all before it: late ones, or of another boot.
    fallen: bool,
}

/// The boots of one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Boots {
    /// The latest of them.
    boots: Vec<Boot>,
    /// Boots before those.
    before: u32,
    /// What has told of the latest, and the kernel that auditd last named.
    told: Told,
    release: Release,
    /// auditd began, and nothing of the kernel's came since.
    restarted: bool,
    /// The signs that came.
    signs: VecDeque<EventId>,
}

impl Boots {
    /// The boot of an event of the kernel's or of a program's.
    pub(super) fn of(&mut self, id: EventId) -> u32 {
        let restarted = std::mem::take(&mut self.restarted);
        let Some(boot) = self.boots.last_mut() else { return self.begin(id, restarted) };
        // As it mostly is.
        if id.serial >= boot.highest && id.time >= boot.ended {
            boot.fallen &= id.serial == boot.highest;
            (boot.highest, boot.ended) = (id.serial, id.time);
            return self.latest();
        }
        // What comes first when auditd began again is of the boot in which it did.
        let fell = fell(boot.last(), id) || restarted && is_fallen(boot.last(), id);
        if boot.may_hold(id) && !fell {
            boot.saw(id);
            return self.latest();
        }
        if fell {
            return self.begin(id, restarted);
        }
        let known = self.boots.iter().rposition(|boot| boot.holds(id)).and_then(|at| u32::try_from(at).ok());
        known.map_or_else(|| self.latest(), |at| self.before + at)
    }

    /// The boot of what auditd says of itself, which it numbers on its own: a copy of an older log says it again.
    pub(super) fn at(&self, time: Timestamp) -> u32 {
        let at = self.boots.iter().rposition(|boot| boot.began <= time).unwrap_or(0);
        self.before + u32::try_from(at).unwrap_or(0)
    }

    /// The last one.
    fn latest(&self) -> u32 {
        self.before + u32::try_from(self.boots.len().saturating_sub(1)).unwrap_or(0)
    }

    /// A record says that the machine was booted. A few records of that boot may stand before it, of programs that are
    /// started before anybody can log in: they stay with the boot before.
    pub(super) fn sign(&mut self, sign: Sign<'_>, id: EventId) {
        // A copy of the log says it again.
        if self.signs.contains(&id) {
            return;
        }
        if self.signs.len() >= SIGNS_KEPT {
            self.signs.pop_front();
        }
        self.signs.push_back(id);
        let is_sign = self.release.is_sign(sign);
        let is_new = self.boots.last().is_some_and(|known| {
            let fell = !sign.is_daemons() && (known.fallen || is_fallen(known.last(), id));
            is_sign && (fell || self.told.is_again(sign, known.began, known.highest, id))
        });
        if is_new {
            self.begin(id, self.restarted);
        }
        // auditd's own number says nothing of the kernel's.
        if let Some(boot) = self.boots.last_mut().filter(|_| is_new && sign.is_daemons()) {
            (boot.lowest, boot.highest) = (0, 0);
        }
        self.restarted |= sign.is_daemons();
        self.told.tell(sign);
    }

    fn begin(&mut self, id: EventId, restarted: bool) -> u32 {
        let over = self.boots.last().map(|boot| boot.ended);
        // Of the first one of the log all came that has come.
        if over.is_some() {
            self.told = Told::of_daemon(restarted);
        }
        if self.boots.len() >= BOOTS_KEPT {
            self.boots.remove(0);
            self.before += 1;
        }
        let (time, number) = (id.time, id.serial);
        self.boots.push(Boot {
            over,
            first: id,
            began: time,
            ended: time,
            lowest: number,
            highest: number,
            fallen: false,
        });
        self.latest()
    }
}

impl Boot {
    fn last(&self) -> EventId {
        EventId { time: self.ended, serial: self.highest }
    }

    fn saw(&mut self, id: EventId) {
        self.fallen = id.serial < self.highest && (self.fallen || is_fallen(self.last(), id));
        self.ended = self.ended.max(id.time);
        self.began = self.began.min(id.time);
        let wraps = self.highest > NEARLY_ALL && id.serial < LATE;
        self.highest = if wraps { id.serial } else { self.highest.max(id.serial) };
        self.lowest = if wraps { 0 } else { self.lowest.min(id.serial) };
    }

    /// Whether an event may be of this boot though it is out of order: its number is not far below the others, and nothing
    /// of the boot before was later.
    fn may_hold(&self, id: EventId) -> bool {
        let is_of_before = id < self.first && self.over.is_some_and(|over| id.time <= over);
        id.serial >= self.lowest.saturating_sub(LATE) && id.time.plus(SLOW) >= self.began && !is_of_before
    }

    fn holds(&self, id: EventId) -> bool {
        (self.lowest..=self.highest.saturating_add(LATE)).contains(&id.serial)
            && (self.began..=self.ended.plus(SLOW)).contains(&id.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(second: i64, serial: u64) -> EventId {
        EventId { time: Timestamp::from_unix(second, 0), serial }
    }

    fn of(ids: &[(i64, u64)]) -> Vec<u32> {
        let mut boots = Boots::default();
        ids.iter().map(|(second, serial)| boots.of(id(*second, *serial))).collect()
    }

    #[test]
    fn numbers_that_fall_while_time_goes_on_are_of_another_boot() {
        assert_eq!(of(&[(100, 5_000), (100, 5_001), (130, 60), (130, 61)]), [0, 0, 1, 1]);
        assert_eq!(of(&[(100, 500), (400, 480), (400, 481)]), [0, 1, 1]);
        assert_eq!(of(&[(100, 3_000_000), (130, 2_000_000)]), [0, 1]);
        // A slow call, records in disorder, and 32 bits that are full.
        assert_eq!(of(&[(100, 500), (97, 501), (100, 499), (100, 90), (101, 502)]), [0; 5]);
        assert_eq!(of(&[(100, 4_294_967_295), (101, 0), (102, 1), (103, 700)]), [0; 4]);
    }

    #[test]
    fn a_copy_of_an_older_log_is_of_the_boot_that_it_was() {
        let twice =
            [(100, 5_000), (101, 5_001), (200, 60), (300, 4_000), (100, 5_000), (101, 5_001), (300, 4_001)];
        assert_eq!(of(&twice), [0, 0, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn signs_of_one_boot_are_one() {
        let mut boots = Boots::default();
        boots.of(id(100, 400));
        boots.sign(Sign::Daemon(b"6.1"), id(101, 9));
        assert_eq!(boots.latest(), 0);
        boots.sign(Sign::Kernel, id(5_000, 1));
        boots.sign(Sign::Init, id(5_002, 9));
        assert_eq!((boots.latest(), boots.of(id(5_003, 10))), (1, 1));
        // It came up again before it had as many events as before.
        boots.sign(Sign::Init, id(5_100, 12));
        assert_eq!((boots.latest(), boots.of(id(5_101, 13))), (2, 2));
        boots.sign(Sign::Daemon(b"6.2"), id(6_000, 7_000));
        assert_eq!((boots.latest(), boots.of(id(6_001, 14))), (3, 3));
    }

    #[test]
    fn a_boot_that_is_told_of_is_one_however_quick_it_was_and_however_little_the_numbers_fell() {
        let mut boots = Boots::default();
        assert_eq!(
            [(0, 140), (3, 141), (6, 143)].map(|(second, serial)| boots.of(id(second, serial))),
            [0; 3]
        );
        // Nobody knows as yet whether it is late.
        assert_eq!(boots.of(id(40, 101)), 0);
        boots.sign(Sign::Init, id(40, 102));
        boots.sign(Sign::Daemon(b"6.1"), id(42, 905));
        assert_eq!(
            [(40, 102), (45, 103), (50, 160)].map(|(second, serial)| boots.of(id(second, serial))),
            [1; 3]
        );
        // A further record of an event is of the same boot as the first, and so is a copy.
        boots.sign(Sign::Init, id(40, 102));
        assert_eq!(
            [(40, 101), (6, 143), (45, 103)].map(|(second, serial)| boots.of(id(second, serial))),
            [0, 0, 1]
        );
        // The next one ends without a sign before auditd's.
        boots.sign(Sign::Daemon(b"6.1"), id(80, 906));
        assert_eq!([(79, 130), (80, 131)].map(|(second, serial)| boots.of(id(second, serial))), [2; 2]);
        boots.sign(Sign::Init, id(80, 132));
        assert_eq!(boots.of(id(80, 132)), 2);
    }

    #[test]
    fn a_sign_beside_late_records_is_of_the_same_boot() {
        let mut boots = Boots::default();
        assert_eq!(
            [(100, 5_000), (130, 3), (130, 5)].map(|(second, serial)| boots.of(id(second, serial))),
            [0, 1, 1]
        );
        boots.sign(Sign::Init, id(130, 4));
        assert_eq!([(130, 4), (131, 6)].map(|(second, serial)| boots.of(id(second, serial))), [1; 2]);
        // A container says that it was booted.
        boots.sign(Sign::Init, id(150, 7));
        assert_eq!(boots.of(id(150, 7)), 1);
        // auditd began again: its log goes on.
        boots.sign(Sign::Daemon(b"6.1"), id(200, 9));
        assert_eq!([(199, 8), (201, 9)].map(|(second, serial)| boots.of(id(second, serial))), [1; 2]);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut boots = Boots::default();
        let last =
            (0..1_000_u32).map(|at| boots.of(id(i64::from(at) * 1_000, 1_000_000 - u64::from(at)))).last();
        assert_eq!((boots.boots.len(), last), (BOOTS_KEPT, Some(999)));
    }
}
