//! What audit events say that bears on how far the log can be believed, beyond what recording itself is judged by.

use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_event::operation::{self, Outcome};
use crate::records::audit_log::{Record, call_number};

/// Numbers of settimeofday and clock_settime on the processors that the kernel logs: of others they are other calls.
const SETS_CLOCK: [&[u8]; 10] =
    [b"164", b"227", b"79", b"264", b"404", b"170", b"112", b"262", b"245", b"259"];

/// Whether a line with a record of this type may be one.
pub fn may_be(kind: &[u8], line: &[u8]) -> bool {
    match kind {
        b"SYSCALL" => may_set_clock(line),
        b"CONFIG_CHANGE" | b"LOGIN" | b"TIME_INJOFFSET" | b"TIME_ADJNTPVAL" | b"FEATURE_CHANGE"
        | b"KERNEL" => true,
        _ => kind.starts_with(b"DAEMON_"),
    }
}

fn may_set_clock(line: &[u8]) -> bool {
    call_number(line).is_some_and(|number| SETS_CLOCK.contains(&number))
}

/// The kind of each, and its words.
pub fn of(event: &Event) -> Vec<(&'static str, String)> {
    let mut found: Vec<_> = event.records().filter_map(|record| sign(&record)).collect();
    // One record of a step is enough.
    let is_told = found.iter().any(|(kind, _)| *kind == "clock_step");
    if !is_told && event.lines().any(|(line, _)| may_set_clock(line)) {
        let done = operation::of(event);
        let call = done.call.filter(|call| matches!(*call, "settimeofday" | "clock_settime"));
        if let Some(call) = call.filter(|_| done.outcome == Outcome::Ok) {
            found.push(("clock_step", format!("the clock was set by {call}")));
        }
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
        b"TIME_INJOFFSET" => {
            let by = record.raw("sec").map(|seconds| format!(" by {} s", shown(seconds)));
            Some(("clock_step", format!("the clock was set{}", by.unwrap_or_default())))
        }
        b"TIME_ADJNTPVAL" => {
            Some(("clock_adjusted", "the clock was adjusted, as a time service does all the time".to_owned()))
        }
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
