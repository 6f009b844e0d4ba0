//! Which boot a serial number is of: the kernel numbers its events anew with each, so that two events of one log may
//! have the same number.

use std::time::Duration;

use super::super::audit_log::EventId;
use crate::clock::Timestamp;

/// Boots of one machine that are kept apart; those before them are forgotten.
const BOOTS_KEPT: usize = 64;
/// Records of events that end at the same time stand in the log in any order: so far behind one may come.
const LATE: u64 = 10_000;
/// And so much earlier its event may have begun.
const SLOW: Duration = Duration::from_secs(60);
/// A machine does not boot in less.
const QUICK: Duration = Duration::from_secs(1);
/// Signs of one boot stand together: the kernel's, the daemon's, and that of the init system.
const TOGETHER: Duration = Duration::from_secs(600);
/// A number near the end of 32 bits begins anew without a boot.
const NEARLY_ALL: u64 = u32::MAX as u64 - 1_000_000;

/// A record that says that the machine was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign<'a> {
    /// auditd began, and names the kernel: another than before is of another boot.
    Daemon(&'a [u8]),
    /// The init system said so (systemd-update-utmp(8)).
    Init,
    /// The kernel said that it has begun to audit.
    Kernel,
}

/// One boot: what was seen of its numbers.
#[derive(Clone, Debug)]
struct Boot {
    began: Timestamp,
    ended: Timestamp,
    lowest: u64,
    highest: u64,
    init: bool,
    kernel: bool,
}

/// The boots of one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Boots {
    /// The latest of them.
    boots: Vec<Boot>,
    /// Boots before those.
    before: u32,
    /// The kernel that auditd last named.
    release: Vec<u8>,
}

impl Boots {
    /// The boot of an event of the kernel's or of a program's.
    pub(super) fn of(&mut self, id: EventId) -> u32 {
        let Some(boot) = self.boots.last_mut() else { return self.begin(id) };
        // As it mostly is.
        if id.serial >= boot.highest && id.time >= boot.ended {
            (boot.highest, boot.ended) = (id.serial, id.time);
            return self.latest();
        }
        if id.serial >= boot.lowest.saturating_sub(LATE) && id.time.plus(SLOW) >= boot.began && !boot.fell(id)
        {
            boot.saw(id);
            return self.latest();
        }
        if id.time >= boot.ended && boot.fell(id) {
            return self.begin(id);
        }
        let known = self.boots.iter().rposition(|boot| boot.holds(id)).and_then(|at| u32::try_from(at).ok());
        known.map_or_else(|| self.latest(), |at| self.before + at)
    }

    /// The boot of what auditd says of itself, which it numbers on its own.
    pub(super) fn latest(&self) -> u32 {
        self.before + u32::try_from(self.boots.len().saturating_sub(1)).unwrap_or(0)
    }

    /// A record says that the machine was booted.
    pub(super) fn sign(&mut self, sign: Sign<'_>, id: EventId) {
        let same = |known: &Boot| known.began.plus(TOGETHER) >= id.time;
        let is_new = match (sign, self.boots.last()) {
            (Sign::Daemon(release), known) => {
                let is_other = !self.release.is_empty() && self.release != release;
                self.release = release.to_vec();
                is_other && known.is_some()
            }
            (_, None) => false,
            (Sign::Init, Some(known)) => known.init || !same(known),
            (Sign::Kernel, Some(known)) => known.kernel || !same(known),
        };
        if is_new {
            self.begin(id);
            // auditd's own number says nothing of the kernel's.
            if let (Sign::Daemon(_), Some(boot)) = (sign, self.boots.last_mut()) {
                (boot.lowest, boot.highest) = (0, 0);
            }
        }
        if let Some(boot) = self.boots.last_mut() {
            boot.init |= sign == Sign::Init;
            boot.kernel |= sign == Sign::Kernel;
        }
    }

    fn begin(&mut self, id: EventId) -> u32 {
        if self.boots.len() >= BOOTS_KEPT {
            self.boots.remove(0);
            self.before += 1;
        }
        let (time, number) = (id.time, id.serial);
        self.boots.push(Boot {
            began: time,
            ended: time,
            lowest: number,
            highest: number,
            init: false,
            kernel: false,
        });
        self.latest()
    }
}

impl Boot {
    fn saw(&mut self, id: EventId) {
        self.ended = self.ended.max(id.time);
        self.began = self.began.min(id.time);
        let wraps = self.highest > NEARLY_ALL && id.serial < LATE;
        self.highest = if wraps { id.serial } else { self.highest.max(id.serial) };
        self.lowest = if wraps { 0 } else { self.lowest.min(id.serial) };
    }

    /// Whether the numbers fell while the time went on, as they do with a boot and not because a call was slow, which
    /// only makes the time fall.
    fn fell(&self, id: EventId) -> bool {
        if id.serial >= self.highest || id.time < self.ended.plus(QUICK) {
            return false;
        }
        let fall = self.highest - id.serial;
        let is_deep = fall > 100_000 || id.serial < self.highest / 2 || id.serial < 100;
        let wraps = self.highest > NEARLY_ALL && id.serial < 1_000_000;
        !wraps && (is_deep || id.time > self.ended.plus(SLOW))
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
    fn what_is_kept_has_a_bound() {
        let mut boots = Boots::default();
        let last =
            (0..1_000_u32).map(|at| boots.of(id(i64::from(at) * 1_000, 1_000_000 - u64::from(at)))).last();
        assert_eq!((boots.boots.len(), last), (BOOTS_KEPT, Some(999)));
    }
}
