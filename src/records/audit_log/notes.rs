//! What a log says of auditing itself: switched on and off, rules that came and went, the daemon.

use super::summary::{KEY_BYTES, KEYS_OF_ONE};
use super::{EventId, Record};
use crate::clock::Timestamp;

/// Something that the log says of auditing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event.
    pub id: EventId,
    /// The latest record before it in this file.
    pub after: Option<Timestamp>,
    /// The next event of the kernel's behind it in this file.
    pub next: Option<Timestamp>,
    /// What.
    pub kind: NoteKind,
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
    /// A rule came into force, with these keys.
    RuleAdded(Vec<Vec<u8>>),
    /// A rule went.
    RuleRemoved(Vec<Vec<u8>>),
    /// Somebody set the counter of lost records back, which had come to this.
    LostReset(u64),
    /// auditd began to write.
    DaemonStart,
    /// auditd ended, in order or not.
    DaemonEnd,
    /// auditctl or auditd changed something, and what is not said: auditing was switched on, of which there is no record,
    /// or the record is gone.
    ChangeUnsaid,
    /// The serial numbers begin anew: the machine was booted.
    Boot,
    /// Anything else, by its type and what was done.
    Other(String),
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
        b"add_rule" | b"add rule" => return NoteKind::RuleAdded(keys_of(record)),
        b"remove_rule" | b"remove rule" => return NoteKind::RuleRemoved(keys_of(record)),
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
