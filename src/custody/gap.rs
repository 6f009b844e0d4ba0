//! What is not plainly there, as it is told outside the bundle: at the end of a run, and by whoever checks it.

use serde::Serialize;

use super::completeness::Need;
use super::entry::{Entry, EntryId};
use super::outcome::{Outcome, ReasonCode};

/// An entry that is not plainly there. Where it lies below a PHI folder, nothing names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its entry.
    pub entry: EntryId,
    /// The collector's id.
    pub collector: String,
    /// What it is.
    pub title: String,
    /// Where it was looked for; none below a PHI folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<ReasonCode>,
    /// Why, in words; empty below a PHI folder.
    pub reason: String,
    /// How much the step matters.
    pub need: Need,
}

impl Gap {
    /// What `entry` says is not there; none if it is. A `private` one lies below a PHI folder, and is called by
    /// its step's title.
    pub fn of(entry: &Entry, need: &Need, step_title: &str, private: bool) -> Option<Gap> {
        let told = |text: &str| if private { String::new() } else { text.to_owned() };
        entry.outcome.is_gap().then(|| Gap {
            entry: entry.id,
            collector: entry.collector.clone(),
            title: if private { step_title.to_owned() } else { entry.title.clone() },
            source: (!private).then(|| entry.source.display.clone()),
            outcome: entry.outcome,
            reason_code: entry.reason_code,
            reason: entry.reason.as_deref().map(told).unwrap_or_default(),
            need: need.clone(),
        })
    }

    /// This host merely does not have it. Of a required step that matters all the same.
    pub fn is_absent(&self) -> bool {
        let plainly = [ReasonCode::NotFound, ReasonCode::ToolMissing];
        self.outcome == Outcome::Missing && self.reason_code.is_some_and(|code| plainly.contains(&code))
    }

    /// It was never going to be taken.
    pub fn is_by_plan(&self) -> bool {
        self.outcome == Outcome::Skipped && self.reason_code.is_some_and(ReasonCode::is_by_plan)
    }

    /// It was to be taken, and a stop came before it.
    pub fn is_unreached(&self) -> bool {
        let stops = [
            ReasonCode::Interrupted,
            ReasonCode::NoSpace,
            ReasonCode::NoReserve,
            ReasonCode::ByteLimit,
            ReasonCode::TimeLimit,
            ReasonCode::EntryLimit,
        ];
        self.outcome == Outcome::Skipped && self.reason_code.is_some_and(|code| stops.contains(&code))
    }

    /// Whether it may be why a bundle is PARTIAL; for one of a group that depends on the others.
    pub fn matters(&self) -> bool {
        let in_mid_run =
            self.outcome == Outcome::Skipped && self.reason_code.is_some_and(ReasonCode::is_mid_run);
        self.outcome == Outcome::Changed || in_mid_run || (self.need != Need::Optional && !self.is_by_plan())
    }
}
