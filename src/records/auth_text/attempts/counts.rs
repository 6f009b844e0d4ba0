//! What tries are counted in.

use std::collections::BTreeMap;

use super::super::Answer;
use super::Attempt;

/// Three figures that are never one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections in which a secret was tried.
    pub connections: u64,
    /// Secrets that were rejected.
    pub rejected: u64,
    /// Secrets that were accepted, those that were only one of several among them.
    pub accepted: u64,
    /// Lines that speak of them.
    pub lines: u64,
}

impl Counts {
    pub(super) fn add(&mut self, attempt: &Attempt, is_new: bool) {
        self.connections += u64::from(is_new);
        self.lines += u64::from(attempt.lines);
        let tries = u64::from(attempt.tries);
        match attempt.answer {
            Answer::Accepted | Answer::Partial => self.accepted += tries,
            Answer::Failed | Answer::Postponed => self.rejected += tries,
        }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of all.
    pub total: Counts,
    /// By the name that was given.
    pub accounts: BTreeMap<Vec<u8>, Counts>,
    /// By address.
    pub sources: BTreeMap<Vec<u8>, Counts>,
    /// Attempts whose account or source is in neither, for want of room.
    pub beyond: u64,
    /// Connections that were forgotten for want of room: one that came back is counted twice.
    pub forgotten: u64,
    /// Tries that were told before their other lines could have come, for want of room.
    pub hurried: u64,
    /// Lines of PAM that only sum up tries that had lines of their own.
    pub summaries: u64,
}
