//! Counts of one account, or one source.

use std::collections::BTreeMap;

use crate::clock::Timestamp;

/// Methods that are told apart; beyond, they are counted as `other`.
const MOST_METHODS: usize = 16;

/// Tries that were accepted, as their times and events name them.
pub const ACCEPTED: &str = "accepted";
/// Tries that were rejected.
pub const REJECTED: &str = "failed";

/// The counts, each of its own kind: they are not to be added to one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections within which there was a try.
    pub connections: u64,
    /// Tries that were accepted, by method.
    pub accepted: BTreeMap<Vec<u8>, u64>,
    /// Tries that were rejected, by method.
    pub rejected: BTreeMap<Vec<u8>, u64>,
    /// Records that tell of them, by kind: `text_failed`, `audit_user_auth_failed`, `btmp`, …
    pub records: BTreeMap<&'static str, u64>,
    /// When the first of all that is, and when the last.
    pub times: Option<Times>,
    /// The same of tries that were accepted ([`ACCEPTED`]), of such as were rejected ([`REJECTED`]), and of each kind of
    /// record; of what has no time, none.
    pub each: BTreeMap<&'static str, Times>,
    /// sshd says that there is no such user.
    pub unknown_user: bool,
    /// A log knows it as an account: it was let in, or sshd says why it is not.
    pub known: bool,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the first.
    pub first: Timestamp,
    /// When the last.
    pub last: Timestamp,
}

/// What a line says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Unsaid,
    /// That it is an account.
    Known,
    /// That there is no such user.
    Unknown,
}

impl Tally {
    /// Counts a try.
    pub(super) fn tried(&mut self, method: &[u8], accepted: bool, time: Option<Timestamp>) {
        self.at(if accepted { ACCEPTED } else { REJECTED }, time);
        let methods = if accepted { &mut self.accepted } else { &mut self.rejected };
        let method = method.get(..64).unwrap_or(method);
        let is_room = methods.len() < MOST_METHODS || methods.contains_key(method);
        *methods.entry(if is_room { method } else { b"other" }.to_vec()).or_default() += 1;
    }

    /// Counts a record of a kind, which may stand for several.
    pub(super) fn recorded(&mut self, kind: &'static str, times: u64, time: Option<Timestamp>) {
        self.at(kind, time);
        *self.records.entry(kind).or_default() += times;
    }

    /// Notes what a line says of the name.
    pub(super) fn stands(&mut self, standing: Standing) {
        match standing {
            Standing::Unsaid => {}
            Standing::Known => self.known = true,
            Standing::Unknown => self.unknown_user = true,
        }
    }

    /// Widens its times, of all and of what this is.
    fn at(&mut self, what: &'static str, time: Option<Timestamp>) {
        let Some(time) = time else { return };
        let moment = Times { first: time, last: time };
        self.times.get_or_insert(moment).widen(time);
        self.each.entry(what).or_insert(moment).widen(time);
    }

    /// Tries that were rejected, by whatever method.
    pub fn all_rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}

impl Times {
    fn widen(&mut self, time: Timestamp) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}
