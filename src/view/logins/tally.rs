//! Counts of one account, or one source.

use std::collections::BTreeMap;

use crate::clock::Timestamp;

/// Methods that are told apart; beyond, they are counted as `other`.
const MOST_METHODS: usize = 16;

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
    /// When the first of all that is.
    pub first: Option<Timestamp>,
    /// When the last.
    pub last: Option<Timestamp>,
    /// sshd says that there is no such user.
    pub unknown_user: bool,
    /// A log says that the name is not valid: there is no such user, or it is not let in.
    pub invalid: bool,
    /// A log knows it as an account: it was let in, or sshd says why it is not.
    pub known: bool,
}

/// What a line says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Unsaid,
    /// That it is an account.
    Known,
    /// `invalid user`: sshd says so of who is not let in too (`authctxt->valid`, auth.c and auth2.c of OpenSSH).
    Invalid,
    /// That there is no such user.
    Unknown,
}

impl Tally {
    /// Counts a try.
    pub(super) fn tried(&mut self, method: &[u8], accepted: bool) {
        let methods = if accepted { &mut self.accepted } else { &mut self.rejected };
        let method = method.get(..64).unwrap_or(method);
        let is_room = methods.len() < MOST_METHODS || methods.contains_key(method);
        *methods.entry(if is_room { method } else { b"other" }.to_vec()).or_default() += 1;
    }

    /// Notes what a line says of the name.
    pub(super) fn stands(&mut self, standing: Standing) {
        match standing {
            Standing::Unsaid => {}
            Standing::Known => self.known = true,
            Standing::Invalid => self.invalid = true,
            Standing::Unknown => self.unknown_user = true,
        }
    }

    /// Widens its time.
    pub(super) fn at(&mut self, time: Option<Timestamp>) {
        let Some(time) = time else { return };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
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
