//! What audit events say that bears on how far the log can be believed, beyond what recording itself is judged by.

use crate::records::audit_event::Event;
use crate::records::audit_event::operation;
use crate::records::audit_log::Record;

/// Whether a record of this type may be one.
pub fn may_be(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"CONFIG_CHANGE" | b"LOGIN" | b"TIME_INJOFFSET" | b"TIME_ADJNTPVAL" | b"FEATURE_CHANGE" | b"KERNEL"
    ) || kind.starts_with(b"DAEMON_")
}

/// The kind of each, and its words.
pub fn of(event: &Event) -> Vec<(&'static str, String)> {
    let mut found: Vec<_> = event.records().filter_map(|record| sign(&record)).collect();
    // One record of a step is enough.
    let is_told = found.iter().any(|(kind, _)| *kind == "clock_step");
    if let Some(call @ ("settimeofday" | "clock_settime" | "adjtimex" | "clock_adjtime")) =
        operation::of(event).call
        && !is_told
    {
        found.push(("clock_step", format!("the clock was set by {call}")));
    }
    found
}

/// What a record says beyond what recording itself is judged by.
fn sign(record: &Record<'_>) -> Option<(&'static str, String)> {
    let changed = |field: &str| {
        let now = record.number(field)?;
        Some(format!(
            "{field} was set to {now}{}",
            record.number("old").map(|old| format!(" from {old}")).unwrap_or_default()
        ))
    };
    match record.kind {
        b"LOGIN" => {
            let old = record.number("old-auid").filter(|old| *old != u64::from(u32::MAX))?;
            let now = record.number("auid")?;
            Some((
                "loginuid_changed",
                format!("the login identity {old} became {now}: who is behind either is less certain"),
            ))
        }
        b"TIME_INJOFFSET" | b"TIME_ADJNTPVAL" => Some(("clock_step", "the clock was adjusted".to_owned())),
        b"FEATURE_CHANGE" => Some(("feature", "a feature of auditing was changed".to_owned())),
        b"CONFIG_CHANGE" if record.number("audit_enabled") == Some(2) => {
            Some(("locked", "auditing was locked until the next boot".to_owned()))
        }
        b"CONFIG_CHANGE" => {
            let limits =
                ["audit_rate_limit", "audit_backlog_limit", "audit_failure", "audit_backlog_wait_time"];
            limits.into_iter().find_map(changed).map(|words| ("limits", words))
        }
        b"DAEMON_ERR" | b"DAEMON_RESUME" => Some(("suspended", "auditd had trouble writing".to_owned())),
        _ => None,
    }
}
