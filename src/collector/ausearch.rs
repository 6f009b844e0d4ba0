//! What it means that ausearch(8) ends with status 1: it does so where nothing matches, where an argument is wrong, and
//! where it cannot read a log. Which it is, its words on stderr tell; what no match means, only what is known natively.

use super::run::Run;
use crate::clock::Timestamp;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::tool::Ended;
use crate::path::shown;
use crate::view::audit_coverage::meaning_of_nothing;

/// Bytes of a complaint that stand in a reason.
const COMPLAINT: usize = 200;

/// How a status 1 is read.
#[derive(Debug, PartialEq, Eq)]
enum Complaint {
    /// Nothing matched.
    NoMatch,
    /// A log could not be read.
    Unreadable(String),
    /// Anything else, such as a date that it does not understand.
    Other(String),
}

/// The outcome, where the status alone does not say it.
pub fn judge(
    run: &Run<'_, '_>,
    key: Option<&[u8]>,
    ended: &Ended,
    printed: u64,
) -> Option<(Outcome, Reason)> {
    if ended.exit != Some(1) || ended.timed_out || ended.cut {
        return None;
    }
    Some(match complaint(&ended.stderr) {
        Complaint::Unreadable(words) => (
            Outcome::Denied,
            Reason::new(ReasonCode::Permission, format!("it could not read a log: {words}")),
        ),
        Complaint::Other(words) => {
            let words = format!("it ended with status 1, and not because nothing matched: {words}");
            (Outcome::Failed, Reason::new(ReasonCode::ToolStatus, words))
        }
        Complaint::NoMatch if printed > 0 => {
            let words = "it ended with status 1, which means that nothing matched, and printed something all the same";
            (Outcome::Failed, Reason::new(ReasonCode::ToolStatus, words))
        }
        Complaint::NoMatch => nothing_matched(run, key),
    })
}

fn nothing_matched(run: &Run<'_, '_>, key: Option<&[u8]>) -> (Outcome, Reason) {
    if run.audit_logs.is_some_and(|logs| logs.denied) {
        let words = "nothing matched in what it could read, and an audit log could not be read";
        return (Outcome::Denied, Reason::new(ReasonCode::Permission, words));
    }
    let (Some(key), Some(coverage)) = (key, run.coverage.as_ref()) else {
        let words = "nothing matched; whether it would have been recorded was not found out (collector audit-coverage)";
        return (Outcome::Inconclusive, Reason::new(ReasonCode::CoverageUnknown, words));
    };
    let last = coverage
        .iter()
        .flat_map(|place| &place.keys)
        .filter(|known| known.key == key)
        .filter_map(|known| known.last());
    // It was asked in whole seconds.
    let until = run.asked_until().unix();
    let within = |time: &Timestamp| {
        time.unix() <= until && run.intake.window().from.is_none_or(|from| time.unix() > from.unix())
    };
    if let Some(seen) = last.filter(within).max() {
        let words = format!(
            "it found nothing, and the sealed logs hold events with this key, the latest of {}: do not rely on it",
            seen.spoken()
        );
        return (Outcome::Inconclusive, Reason::new(ReasonCode::ViewsDisagree, words));
    }
    meaning_of_nothing(coverage, key)
}

/// ausearch 3.0 says `<no matches>` on stderr where it interprets, and nothing at all with `--raw`.
fn complaint(stderr: &[u8]) -> Complaint {
    let text = stderr.trim_ascii();
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    if text.is_empty() || text == b"<no matches>" {
        return Complaint::NoMatch;
    }
    let words = shown(text.get(..COMPLAINT.min(text.len())).unwrap_or_default());
    // "Error opening /var/log/audit/audit.log (Permission denied)", "No such file or directory"
    if has(b"Permission denied") || has(b"Error opening") {
        return Complaint::Unreadable(words);
    }
    Complaint::Other(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ausearch 3.0.9 printed them here.
    #[test]
    fn three_ends_that_look_alike_are_told_apart() {
        assert_eq!(complaint(b"<no matches>\n"), Complaint::NoMatch);
        assert_eq!(complaint(b""), Complaint::NoMatch);
        let date = b"Invalid start time (11/21/2026 00:00:00). Hour, Minute, and Second are required.\n";
        assert!(matches!(complaint(date), Complaint::Other(words) if words.contains("Invalid start time")));
        let denied = b"Error opening config file (Permission denied)\nNOTE - using built-in logs: /var/log/audit/audit.log\n\
            Error opening /var/log/audit/audit.log (Permission denied)\n";
        assert!(matches!(complaint(denied), Complaint::Unreadable(_)));
    }
}
