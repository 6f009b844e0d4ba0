//! Which tries and records are asked for.

use crate::clock::Timestamp;
use crate::records::addresses::same;

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
        let of_user = self.users.is_empty() || self.users.iter().any(|one| one == user);
        of_user && self.is_from(&[from]) && self.is_within(time)
    }

    /// Whether one of these places is asked for; addresses count however they are written.
    pub fn is_from(&self, places: &[&[u8]]) -> bool {
        let is_asked = |place: &&[u8]| self.sources.iter().any(|source| same(source, place));
        self.sources.is_empty() || places.iter().any(is_asked)
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
