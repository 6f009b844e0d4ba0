//! Why a file has no digest: the word in its row (`sha256_missing`), and what that means for the step.

use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;

/// The word for what lies in a PHI folder, where the audit logs are not sealed yet.
pub const PHI_FOLDER: &str = "phi_folder";

/// The word.
pub fn word_for(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Changed(_) | Trouble::Replaced(_) => "changed",
        Trouble::Denied(_) => "denied",
        Trouble::Missing(_) | Trouble::Vanished(_) => "missing",
        Trouble::Hollow(_) => "sparse",
        Trouble::Hung(..) | Trouble::DeadMount(_) => "timed_out",
        Trouble::Stopped(_) => "interrupted",
        _ => "failed",
    }
}

/// The outcome of such files, its code, and words for several of them.
pub fn meaning_of(word: &str) -> (Outcome, ReasonCode, &'static str) {
    match word {
        "audit_budget" => (Outcome::Truncated, ReasonCode::AuditBudget, "would overwrite the audit log"),
        "changed" => (Outcome::Changed, ReasonCode::Overwritten, "they changed while they were read"),
        "denied" => (Outcome::Denied, ReasonCode::Permission, "permission denied"),
        PHI_FOLDER => (
            Outcome::Skipped,
            ReasonCode::PhiContent,
            "they lie in PHI folders, of which nothing is opened before the audit logs are sealed; --include-content \
                --reason TEXT with --also PATH takes one that still lies there, after the logs",
        ),
        "interrupted" => {
            (Outcome::Skipped, ReasonCode::Interrupted, "no answer yet when the run was stopped")
        }
        "missing" => (Outcome::Missing, ReasonCode::Vanished, "they were there a moment ago and are gone"),
        "sparse" => (
            Outcome::Truncated,
            ReasonCode::SizeLimit,
            "they are long and all but a hole, and were not read through",
        ),
        "timed_out" => (Outcome::TimedOut, ReasonCode::Deadline, "no answer within the deadline"),
        "too_long" => (
            Outcome::Truncated,
            ReasonCode::SizeLimit,
            "they, or all of them together, are longer than what is read",
        ),
        _ => (Outcome::Failed, ReasonCode::IoError, "they could not be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_a_word_and_every_word_an_outcome_of_its_own() {
        let place = || String::from("/x");
        for (trouble, word, outcome) in [
            (Trouble::Changed(place()), "changed", Outcome::Changed),
            (Trouble::Denied(place()), "denied", Outcome::Denied),
            (Trouble::Vanished(place()), "missing", Outcome::Missing),
            (Trouble::Hollow(place()), "sparse", Outcome::Truncated),
            (Trouble::Hung(place(), 1), "timed_out", Outcome::TimedOut),
            (Trouble::OtherType(place(), "a FIFO"), "failed", Outcome::Failed),
        ] {
            assert_eq!((word_for(&trouble), meaning_of(word).0), (word, outcome));
        }
        let (outcome, code, words) = meaning_of(PHI_FOLDER);
        assert_eq!((outcome, code), (Outcome::Skipped, ReasonCode::PhiContent));
        assert!(words.contains("--include-content") && words.contains("--also"), "{words}");
    }
}
