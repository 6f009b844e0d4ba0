//! How it shows that the machine was booted: numbers that fall while the time goes on, and records that say so.

use std::time::Duration;

use super::{EventId, Record, holds};
use crate::clock::Timestamp;

/// So much earlier than those before it in the log an event may have begun.
pub const SLOW: Duration = Duration::from_secs(60);
/// Records of events that end at the same time stand in the log in any order: so far behind one may come.
pub const LATE: u64 = 10_000;
/// A machine does not boot in less.
const QUICK: Duration = Duration::from_secs(1);
/// Signs of one boot stand together: the kernel's, the daemon's, and that of the init system.
const TOGETHER: Duration = Duration::from_secs(600);
/// A number near the end of 32 bits begins anew without a boot.
pub const NEARLY_ALL: u64 = u32::MAX as u64 - 1_000_000;

/// A record that says that the machine was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign<'a> {
    /// auditd began, and names the kernel: another than before is of another boot.
    Daemon(&'a [u8]),
    /// The init system said so (systemd-update-utmp(8)).
    Init,
    /// The kernel said that it has begun to audit (kernel/audit.c, `audit_init`).
    Kernel,
}

impl<'a> Sign<'a> {
    /// Whether a record of this type may say it.
    pub fn may_be(kind: &[u8]) -> bool {
        matches!(kind, b"DAEMON_START" | b"SYSTEM_BOOT" | b"KERNEL")
    }

    /// What a record says of it.
    pub fn of(record: &Record<'a>) -> Option<Sign<'a>> {
        match record.kind {
            b"DAEMON_START" => Some(Sign::Daemon(record.raw("kernel").unwrap_or_default())),
            b"SYSTEM_BOOT" => Some(Sign::Init),
            b"KERNEL" if holds(record.body, b"initialized") => Some(Sign::Kernel),
            _ => None,
        }
    }

    /// It is of the daemon's, whose numbers are its own.
    pub fn is_daemons(self) -> bool {
        matches!(self, Sign::Daemon(_))
    }
}

/// The kernel that auditd named last.
#[derive(Clone, Debug, Default)]
pub struct Release(Vec<u8>);

impl Release {
    /// Whether a sign alone can be of another boot: of the daemon's only one that names another kernel than before.
    pub fn is_sign(&mut self, sign: Sign<'_>) -> bool {
        let Sign::Daemon(release) = sign else { return true };
        if release.is_empty() || self.0 == release {
            return false;
        }
        let is_first = self.0.is_empty();
        self.0 = release.to_vec();
        !is_first
    }
}

/// The signs of one boot that have come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    daemon: bool,
    init: bool,
    kernel: bool,
}

impl Told {
    /// Whether a sign is of another boot than the one that began then and has come to the number `highest`: it has come
    /// already, or comes too late for it. Where the numbers just go on a container says that it was booted.
    pub fn is_again(self, sign: Sign<'_>, began: Timestamp, highest: u64, id: EventId) -> bool {
        let goes_on = !sign.is_daemons() && goes_on(highest, id);
        let has_come = match sign {
            Sign::Daemon(_) => self.daemon,
            Sign::Init => self.init,
            Sign::Kernel => self.kernel,
        };
        !goes_on && (has_come || is_past(began, id))
    }

    /// A sign came.
    pub fn tell(&mut self, sign: Sign<'_>) {
        match sign {
            Sign::Daemon(_) => self.daemon = true,
            Sign::Init => self.init = true,
            Sign::Kernel => self.kernel = true,
        }
    }

    /// Of a boot that begins now: the daemon may have begun already.
    pub fn of_daemon(daemon: bool) -> Told {
        Told { daemon, ..Told::default() }
    }
}

/// Whether a number is the next one.
pub fn goes_on(highest: u64, id: EventId) -> bool {
    highest.checked_add(1) == Some(id.serial)
}

/// Whether a sign comes too late for a boot that began then.
pub fn is_past(began: Timestamp, sign: EventId) -> bool {
    began.plus(TOGETHER) < sign.time
}

/// Whether a number is lower than the highest, and later than all before: that of a call which was slow is earlier. `last` has
/// the highest number and the latest time.
pub fn is_fallen(last: EventId, id: EventId) -> bool {
    id.serial < last.serial && id.time >= last.time.plus(QUICK)
}

/// Whether that is of another boot without any sign: the number fell far, or the time is long past.
pub fn fell(last: EventId, id: EventId) -> bool {
    let Some(fall) = last.serial.checked_sub(id.serial).filter(|_| is_fallen(last, id)) else { return false };
    let is_deep = fall > 100_000 || id.serial < last.serial / 2 || id.serial < 100;
    let wraps = last.serial > NEARLY_ALL && id.serial < 1_000_000;
    !wraps && (is_deep || id.time > last.time.plus(SLOW))
}
