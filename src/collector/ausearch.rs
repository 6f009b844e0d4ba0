//! What it means that ausearch(8) ends with status 1: it does so where nothing matches, where an argument is wrong, and
//! where it cannot read a log. Which it is, its words on stderr tell; what no match means, only what is known natively.

use super::run::Run;
use crate::clock::Timestamp;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::tool::Ended;
use crate::path::shown;
use crate::view::audit_coverage::{KeyCoverage, PlaceCoverage, meaning_of_nothing};

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
    if ended.timed_out || ended.cut {
        return None;
    }
    if ended.exit == Some(0) {
        return only_changes(run, key?);
    }
    if ended.exit != Some(1) {
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

/// What came and went of rules bears their keys too. Where the sealed logs hold no access with the key, that is all it found.
fn only_changes(run: &Run<'_, '_>, key: &[u8]) -> Option<(Outcome, Reason)> {
    let coverage = run.coverage.as_ref()?;
    let all_read = run.audit_logs.is_some_and(|logs| !logs.denied && logs.unread == 0);
    let accessed = |known: &KeyCoverage| known.last().is_some_and(|last| since(run, last));
    let mut of_key = known(coverage, key).peekable();
    if !all_read || !run.all_keys_known || of_key.peek().is_none() || of_key.any(accessed) {
        return None;
    }
    let (outcome, reason) = meaning_of_nothing(coverage, key, "it found changes of rules, and no access");
    (outcome == Outcome::Inconclusive).then_some((outcome, reason))
}

/// What is known of a key, place by place.
fn known<'c>(coverage: &'c [PlaceCoverage], key: &'c [u8]) -> impl Iterator<Item = &'c KeyCoverage> {
    coverage.iter().flat_map(|place| &place.keys).filter(move |known| known.key == key)
}

/// Whether a time lies in the window, by whole seconds.
fn since(run: &Run<'_, '_>, time: Timestamp) -> bool {
    run.intake.window().from.is_none_or(|from| time.unix() >= from.unix())
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
    if let Some(seen) = known(coverage, key).filter_map(|known| known.asked).max() {
        let words = format!(
            "it found nothing, and the sealed logs hold events with this key, as of {}: do not rely on it",
            seen.spoken()
        );
        return (Outcome::Inconclusive, Reason::new(ReasonCode::ViewsDisagree, words));
    }
    if let Some(later) =
        known(coverage, key).filter_map(KeyCoverage::last).filter(|time| since(run, *time)).max()
    {
        let words = format!(
            "nothing matched until {}, and it was not asked about later; the sealed logs hold a later event with this key, of {}",
            run.asked_until().spoken(),
            later.spoken()
        );
        return (Outcome::Inconclusive, Reason::new(ReasonCode::ToolStatus, words));
    }
    meaning_of_nothing(coverage, key, "nothing matched")
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
