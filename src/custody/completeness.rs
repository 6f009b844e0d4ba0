//! COMPLETE or PARTIAL: whether everything that had to be there is there, and if not, which steps are why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::outcome::{Outcome, ReasonCode};
use super::seal::Coverage;

/// How much a step matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Need {
    /// Without it the bundle is PARTIAL.
    Required,
    /// Taken where it is.
    #[default]
    Optional,
    /// At least one step of the named group must be collected, over all collectors.
    AnyOf(String),
}

/// A word that is no need.
#[derive(Debug, thiserror::Error)]
#[error("need is {0:?}; it may be \"required\", \"optional\" or \"any-of GROUP\"")]
pub struct NeedError(String);

impl TryFrom<String> for Need {
    type Error = NeedError;
    fn try_from(text: String) -> Result<Need, NeedError> {
        match text.as_str() {
            "required" => Ok(Need::Required),
            "optional" => Ok(Need::Optional),
            _ => match text.strip_prefix("any-of ").map(str::trim) {
                Some(group) if !group.is_empty() => Ok(Need::AnyOf(group.to_owned())),
                _ => Err(NeedError(text)),
            },
        }
    }
}

impl From<Need> for String {
    fn from(need: Need) -> String {
        need.to_string()
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Required => f.write_str("required"),
            Need::Optional => f.write_str("optional"),
            Need::AnyOf(group) => write!(f, "any-of {group}"),
        }
    }
}

/// The word on the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Every required step ended well, each any-of group has a member, nothing changed or was cut short.
    Complete,
    /// Something of that is not so.
    Partial,
}

/// How one step of the plan ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// How much it matters.
    pub need: Need,
    /// How many of its entries ended in which way.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// One of its entries was skipped while the run went on.
    pub skipped_mid_run: bool,
    /// One of its entries was skipped, and the plan had not foreseen that.
    pub skipped_unplanned: bool,
    /// One of its entries holds something.
    pub obtained: bool,
}

impl StepRecord {
    /// Counts one more entry of the step.
    pub fn count(&mut self, entry: &Entry) {
        let (outcome, code) = (entry.outcome, entry.reason_code);
        self.obtained |= outcome == Outcome::Collected && is_evidence(entry);
        *self.outcomes.entry(outcome).or_default() += 1;
        if outcome == Outcome::Skipped {
            self.skipped_mid_run |= code.is_some_and(ReasonCode::is_mid_run);
            self.skipped_unplanned |= !code.is_some_and(ReasonCode::is_by_plan);
        }
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.outcomes.contains_key(&outcome)
    }

    /// Whether one of its entries says that something is not there.
    pub fn has_gap(&self) -> bool {
        self.outcomes.keys().any(|outcome| outcome.is_gap())
    }

    /// Whether the step itself spoils completeness, groups aside.
    fn spoils(&self) -> bool {
        let fell_short = || self.fell_short() || self.has(Outcome::Missing) || self.holds_nothing();
        self.has(Outcome::Changed) || self.skipped_mid_run || (self.need == Need::Required && fell_short())
    }

    /// Something of it was there and was not obtained whole.
    fn fell_short(&self) -> bool {
        let short =
            [Outcome::Denied, Outcome::Failed, Outcome::TimedOut, Outcome::Truncated, Outcome::Inconclusive];
        short.iter().any(|outcome| self.has(*outcome)) || self.skipped_unplanned
    }

    /// Nothing of it was obtained, it is not proven that there is nothing, and the plan did not leave it out: a link
    /// alone, a FIFO, a file without a byte.
    pub fn holds_nothing(&self) -> bool {
        !self.obtained && !self.has(Outcome::Empty) && !self.is_left_out()
    }

    /// All of it was skipped, as the plan had foreseen.
    fn is_left_out(&self) -> bool {
        self.outcomes.keys().all(|outcome| *outcome == Outcome::Skipped) && !self.skipped_unplanned
    }

    /// Whether the step alone is enough for its group: something is there, and all of it.
    fn suffices(&self) -> bool {
        self.obtained && !self.fell_short()
    }
}

/// Whether a collected entry is what was looked for, and not merely a name where it should be.
fn is_evidence(entry: &Entry) -> bool {
    // A reference stands for an earlier member that holds something; anything else must hold something itself, which a
    // link or a FIFO never does.
    entry.size > 0 || entry.reason_code == Some(ReasonCode::SealedEarlier)
}

/// The collectors that are why a bundle is PARTIAL, by id; none if it is COMPLETE. `steps` are keyed by
/// collector and step.
fn incomplete_collectors(steps: &BTreeMap<(String, String), StepRecord>) -> BTreeSet<String> {
    let spoiled = steps.iter().filter(|(_, step)| step.spoils()).map(|((collector, _), _)| collector.clone());
    let mut groups: BTreeMap<&str, Vec<(&String, &StepRecord)>> = BTreeMap::new();
    for ((collector, _), step) in steps {
        if let Need::AnyOf(group) = &step.need {
            groups.entry(group).or_default().push((collector, step));
        }
    }
    // Of a group of which this kind of system keeps nothing, nothing can be missing.
    let unmet = groups.into_values().filter(|members| {
        let left_out = members.iter().all(|(_, step)| step.is_left_out());
        !left_out && !members.iter().any(|(_, step)| step.suffices())
    });
    spoiled.chain(unmet.flatten().map(|(collector, _)| collector.clone())).collect()
}

/// The word, and per collector what ended how. What was stopped before its end is never complete.
pub fn account(
    steps: &BTreeMap<(String, String), StepRecord>,
    stopped: bool,
) -> (Completeness, BTreeMap<String, Coverage>) {
    let incomplete = incomplete_collectors(steps);
    let mut coverage: BTreeMap<String, Coverage> = BTreeMap::new();
    for ((collector, _), step) in steps {
        let row = coverage.entry(collector.clone()).or_default();
        row.complete = !incomplete.contains(collector);
        row.steps += 1;
        for (outcome, count) in &step.outcomes {
            *row.outcomes.entry(*outcome).or_default() += count;
        }
    }
    let complete = incomplete.is_empty() && !stopped;
    (if complete { Completeness::Complete } else { Completeness::Partial }, coverage)
}

#[cfg(test)]
mod tests {
    use super::super::entry::Kind;
    use super::*;

    fn entry(kind: Kind, size: u64, outcome: Outcome, code: Option<ReasonCode>) -> Entry {
        let text = format!(
            r#"{{"id":"000001","salt":"{0}","prev":"{0}","collector":"c","step":"s","title":"t","kind":"copy",
            "source":{{"display":"d"}},"taken":{{"utc":"2026-11-21T00:00:00Z","boottime_ns":0}},"duration_ns":0,
            "size":{size},"outcome":"collected","phi":"none"}}"#,
            "0".repeat(64)
        );
        let entry: Entry = crate::custody::json::read(text.as_bytes(), 10_000).unwrap();
        Entry { kind, outcome, reason_code: code, ..entry }
    }

    fn steps(rows: &[(&str, &str, &str, &[Outcome])]) -> BTreeMap<(String, String), StepRecord> {
        rows.iter()
            .map(|(collector, step, need, outcomes)| {
                let mut record =
                    StepRecord { need: Need::try_from(need.to_string()).unwrap(), ..StepRecord::default() };
                outcomes.iter().for_each(|outcome| record.count(&entry(Kind::Copy, 1, *outcome, None)));
                ((collector.to_string(), step.to_string()), record)
            })
            .collect()
    }

    fn spoils(need: &str, entry: &Entry) -> bool {
        let mut record = StepRecord { need: Need::try_from(need.to_owned()).unwrap(), ..Default::default() };
        record.count(entry);
        !incomplete_collectors(&BTreeMap::from([(("a".to_owned(), "1".to_owned()), record)])).is_empty()
    }

    #[test]
    fn a_name_where_evidence_should_be_is_not_enough() {
        let collected = |kind, size, code| entry(kind, size, Outcome::Collected, code);
        for need in ["required", "any-of logs"] {
            assert!(!spoils(need, &collected(Kind::Copy, 1, None)));
            assert!(!spoils(need, &collected(Kind::Gap, 0, Some(ReasonCode::SealedEarlier))));
            assert!(spoils(need, &collected(Kind::Link, 0, None)), "a link alone");
            assert!(spoils(need, &collected(Kind::Copy, 0, None)), "a file without a byte");
            assert!(spoils(need, &collected(Kind::Listing, 0, Some(ReasonCode::SpecialFile))), "a FIFO");
        }
        assert!(!spoils("required", &entry(Kind::Gap, 0, Outcome::Empty, None)));
        assert!(!spoils("optional", &collected(Kind::Link, 0, None)));
    }

    #[test]
    fn a_required_step_that_fell_short_spoils_and_an_optional_one_does_not() {
        let some = [Outcome::Collected, Outcome::Denied];
        assert!(incomplete_collectors(&steps(&[("a", "1", "optional", &some)])).is_empty());
        assert!(incomplete_collectors(&steps(&[("a", "1", "required", &some)])).contains("a"));
        assert!(incomplete_collectors(&steps(&[("a", "1", "required", &[Outcome::Empty])])).is_empty());
    }

    #[test]
    fn what_changed_while_it_was_read_spoils_wherever_it_was() {
        let changed = [Outcome::Collected, Outcome::Changed];
        assert!(incomplete_collectors(&steps(&[("a", "1", "optional", &changed)])).contains("a"));
    }

    #[test]
    fn one_member_of_a_group_is_enough_and_none_is_not() {
        let text = ("auth-logs", "debian", "any-of auth", &[Outcome::Missing][..]);
        let journal = ("journal", "files", "any-of auth", &[Outcome::Collected][..]);
        assert!(incomplete_collectors(&steps(&[text, journal])).is_empty());
        let empty = ("journal", "files", "any-of auth", &[Outcome::Empty][..]);
        assert_eq!(incomplete_collectors(&steps(&[text, empty])).len(), 2);
        let no_byte = ("journal", "files", "any-of auth", &[Outcome::Collected, Outcome::Inconclusive][..]);
        assert_eq!(
            incomplete_collectors(&steps(&[text, no_byte])).len(),
            2,
            "files without a byte are no log"
        );
    }

    #[test]
    fn what_was_required_and_passed_over_spoils_unless_the_plan_said_so() {
        let skipped = |need: &str, code| spoils(need, &entry(Kind::Gap, 0, Outcome::Skipped, code));
        assert!(skipped("required", Some(ReasonCode::UntrustedLink)));
        assert!(skipped("required", Some(ReasonCode::NetworkMount)));
        assert!(skipped("required", None));
        assert!(!skipped("required", Some(ReasonCode::NotLive)));
        assert!(!skipped("optional", Some(ReasonCode::UntrustedLink)));
        assert!(skipped("optional", Some(ReasonCode::Interrupted)));
    }

    #[test]
    fn a_need_is_read_as_it_is_written() {
        for text in ["required", "optional", "any-of auth"] {
            assert_eq!(Need::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert!(Need::try_from("any-of ".to_owned()).is_err());
        assert!(Need::try_from("maybe".to_owned()).is_err());
    }
}
