//! Which tries and records are asked for.

use crate::clock::Timestamp;

/// What is counted; nothing asked for is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Not before; without a time nothing is within a window.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// Of these names.
    pub users: Vec<Vec<u8>>,
    /// From these addresses or terminals.
    pub sources: Vec<Vec<u8>>,
}

impl Wanted {
    /// Whether a try or record of this name, from there, at this time is asked for.
    pub fn holds(&self, user: &[u8], from: &[u8], time: Option<Timestamp>) -> bool {
        let is_one = |list: &[Vec<u8>], name: &[u8]| list.is_empty() || list.iter().any(|one| one == name);
        is_one(&self.users, user) && is_one(&self.sources, from) && self.is_within(time)
    }

    /// Whether a time lies in the window; of what has none nobody knows.
    pub fn is_within(&self, time: Option<Timestamp>) -> bool {
        let after = self.since.is_none_or(|since| time.is_some_and(|time| since <= time));
        let before = self.until.is_none_or(|until| time.is_some_and(|time| time <= until));
        after && before
    }

    /// Whether a window is asked for.
    pub fn has_window(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}
