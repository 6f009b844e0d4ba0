//! What a log says of auditing itself: switched on and off, rules that came and went, the daemon.

use super::summary::{KEY_BYTES, KEYS_OF_ONE};
use super::{EventId, Record};
use crate::clock::Timestamp;
use crate::records::audit_rules::{names, types};

/// Refusals that a program reports (linux/audit.h).
const USER_AVC: u32 = 1107;

/// Something that the log says of auditing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event.
    pub id: EventId,
    /// The latest record before it in this file.
    pub after: Option<Timestamp>,
    /// Where auditing was switched off: the next event behind it in this file that shows that it was on again.
    pub next: Option<Timestamp>,
    /// What.
    pub kind: NoteKind,
}

impl Note {
    /// Whether auditing was switched off.
    pub fn is_off(&self) -> bool {
        matches!(self.kind, NoteKind::Enabled { now: 0, .. })
    }
}

/// What is said of auditing itself (kernel/audit.c `audit_log_config_change`, kernel/auditfilter.c
/// `audit_log_rule_change`; auditd's own records).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// Switched to `now` from `before`: 0 off, 1 on, 2 on and locked.
    Enabled {
        /// The new state.
        now: u64,
        /// The old one, where it is said.
        before: Option<u64>,
    },
    /// A rule came into force.
    RuleAdded(RuleNamed),
    /// A rule went.
    RuleRemoved(RuleNamed),
    /// Somebody set the counter of lost records back, which had come to this.
    LostReset(u64),
    /// auditd began to write.
    DaemonStart,
    /// auditd ended, in order or not.
    DaemonEnd,
    /// auditctl or auditd changed something, and what is not said: auditing was switched on, of which there is no record,
    /// or the record is gone.
    ChangeUnsaid,
    /// The machine was booted: the serial numbers begin anew, or a record says so.
    Boot,
    /// Anything else, by its type and what was done.
    Other(String),
}

/// What is said of a rule that came or went: nothing of what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleNamed {
    /// Its keys.
    pub keys: Vec<Vec<u8>>,
    /// The number of its list.
    pub list: Option<u64>,
}

/// The lists of rules at the beginning of processes, at the beginning and at the end of system calls, about the types of
/// records, and about whole file systems (linux/audit.h, `AUDIT_FILTER_…`).
const TASK: u64 = 1;
const ENTRY: u64 = 2;
const EXIT: u64 = 4;
const EXCLUDE: u64 = 5;
const FILESYSTEM: u64 = 6;

impl RuleNamed {
    fn of(record: &Record<'_>) -> RuleNamed {
        RuleNamed { keys: keys_of(record), list: record.number("list") }
    }

    /// Whether it has a key; the empty one if it has none.
    pub fn has(&self, key: &[u8]) -> bool {
        if key.is_empty() { self.keys.is_empty() } else { self.keys.iter().any(|other| other == key) }
    }

    /// Whether it can do nothing but keep something from being recorded.
    pub fn only_suppresses(&self) -> bool {
        matches!(self.list, Some(TASK | EXCLUDE | FILESYSTEM))
    }

    /// Whether it may keep accesses from being recorded. Of rules about system calls one that records has a key, mostly, so
    /// that its events can be found.
    pub fn may_suppress(&self) -> bool {
        let is_of_calls = matches!(self.list, Some(ENTRY | EXIT) | None);
        self.only_suppresses() || is_of_calls && self.keys.is_empty()
    }

    /// Its list as auditctl(8) calls it.
    pub fn list_name(&self) -> &'static str {
        self.list.and_then(|list| names::list(u32::try_from(list).ok()?)).unwrap_or("not known")
    }
}

/// Whether the kernel writes such a record while auditing is on and at no other time: of a system call, if auditing was on
/// when it was entered (kernel/auditsc.c, `__audit_syscall_entry`), and what programs say, but for the refusals of their own
/// that they report (kernel/audit.c, `audit_receive_msg`). Refusals of the kernel's come at any time, and what io_uring does
/// (`__audit_uring_entry`).
pub fn shows_on(record: &Record<'_>) -> bool {
    let is_said = |kind: u32| matches!(kind, 1005 | 1100..=1199 | 2100..=2999) && kind != USER_AVC;
    let number = || types::number(std::str::from_utf8(record.kind).ok()?);
    match record.kind {
        b"SYSCALL" => true,
        // From off to off is no change.
        b"CONFIG_CHANGE" => match config_change(record) {
            NoteKind::Enabled { now, before } => now.max(before.unwrap_or(0)) > 0,
            _ => false,
        },
        _ => number().is_some_and(is_said),
    }
}

/// What a record says of auditing itself; none if nothing.
pub fn note(record: &Record<'_>) -> Option<NoteKind> {
    match record.kind {
        b"CONFIG_CHANGE" => Some(config_change(record)),
        b"DAEMON_START" => Some(NoteKind::DaemonStart),
        b"DAEMON_END" | b"DAEMON_ABORT" => Some(NoteKind::DaemonEnd),
        b"KERNEL" | b"SYSTEM_BOOT" | b"SYSTEM_SHUTDOWN" | b"FEATURE_CHANGE" => {
            Some(NoteKind::Other(spoken(record)))
        }
        kind if kind.starts_with(b"DAEMON_") => Some(NoteKind::Other(spoken(record))),
        _ => None,
    }
}

fn config_change(record: &Record<'_>) -> NoteKind {
    // What was tried and refused changed nothing.
    if record.number("res") == Some(0) {
        return NoteKind::Other(spoken(record));
    }
    let op = record.text("op").unwrap_or_default();
    // Kernels before 3.19 wrote "add rule" in quotes, and "remove rule".
    match op.as_slice() {
        b"add_rule" | b"add rule" => return NoteKind::RuleAdded(RuleNamed::of(record)),
        b"remove_rule" | b"remove rule" => return NoteKind::RuleRemoved(RuleNamed::of(record)),
        _ => {}
    }
    if let Some(now) = record.number("audit_enabled") {
        return NoteKind::Enabled { now, before: record.number("old") };
    }
    match (record.number("lost"), record.number("old")) {
        (Some(0), Some(old)) => NoteKind::LostReset(old),
        _ => NoteKind::Other(spoken(record)),
    }
}

/// As many keys as a rule has, and as long as they can be.
fn keys_of(record: &Record<'_>) -> Vec<Vec<u8>> {
    record.keys().into_iter().take(KEYS_OF_ONE).filter(|key| key.len() <= KEY_BYTES).collect()
}

/// Type and operation, as plain text.
fn spoken(record: &Record<'_>) -> String {
    let printable = |bytes: &[u8]| -> String {
        bytes.iter().take(60).map(|byte| if byte.is_ascii_graphic() { *byte as char } else { '?' }).collect()
    };
    match record.text("op") {
        Some(op) => format!("{} {}", printable(record.kind), printable(&op)),
        None => printable(record.kind),
    }
}
