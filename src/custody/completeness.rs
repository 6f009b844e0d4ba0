//! COMPLETE or PARTIAL: whether everything that had to be there is there, and if not, which steps are why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// How much a step matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
}

impl StepRecord {
    fn has(&self, outcome: Outcome) -> bool {
        self.outcomes.contains_key(&outcome)
    }

    /// Whether the step itself spoils completeness, groups aside.
    fn spoils(&self) -> bool {
        self.has(Outcome::Changed)
            || self.skipped_mid_run
            || (self.need == Need::Required && self.fell_short())
    }

    fn fell_short(&self) -> bool {
        [
            Outcome::Denied,
            Outcome::Failed,
            Outcome::TimedOut,
            Outcome::Truncated,
            Outcome::Inconclusive,
            Outcome::Missing,
        ]
        .iter()
        .any(|outcome| self.has(*outcome))
    }
}

/// The collectors that are why a bundle is PARTIAL, by id; none if it is COMPLETE. `steps` are keyed by
/// collector and step.
pub fn incomplete_collectors(steps: &BTreeMap<(String, String), StepRecord>) -> BTreeSet<String> {
    let spoiled = steps.iter().filter(|(_, step)| step.spoils()).map(|((collector, _), _)| collector.clone());
    let mut groups: BTreeMap<&str, Vec<(&String, &StepRecord)>> = BTreeMap::new();
    for ((collector, _), step) in steps {
        if let Need::AnyOf(group) = &step.need {
            groups.entry(group).or_default().push((collector, step));
        }
    }
    let unmet =
        groups.into_values().filter(|members| !members.iter().any(|(_, step)| step.has(Outcome::Collected)));
    spoiled.chain(unmet.flatten().map(|(collector, _)| collector.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(rows: &[(&str, &str, &str, &[Outcome])]) -> BTreeMap<(String, String), StepRecord> {
        rows.iter()
            .map(|(collector, step, need, outcomes)| {
                let mut record =
                    StepRecord { need: Need::try_from(need.to_string()).unwrap(), ..StepRecord::default() };
                for outcome in *outcomes {
                    *record.outcomes.entry(*outcome).or_default() += 1;
                }
                ((collector.to_string(), step.to_string()), record)
            })
            .collect()
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
