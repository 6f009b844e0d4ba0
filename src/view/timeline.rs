//! The timeline: facts in one order, and those of them that were asked for. The order is that of the keys' bytes, so
//! that any sorter can make it.

use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;
use crate::custody::rows::text;
use crate::custody::rows::timeline::FactRow;
use crate::path::HostPath;
use crate::records::addresses;
use crate::view::events::Fact;

/// What facts are asked for; all that is set must hold, and of several of a kind one. A fact that does not say what is asked for is left out, and counted
/// by whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// These users, by the names that the logs have.
    pub users: Vec<Vec<u8>>,
    /// These login identities, as another way to name the same users.
    pub auids: Vec<u32>,
    /// At these paths or below them.
    pub paths: Vec<HostPath>,
    /// From these addresses, however the logs write them.
    pub addresses: Vec<IpAddr>,
}

impl Asked {
    /// Whether a fact is asked for.
    pub fn admits(&self, fact: &Fact) -> bool {
        let after = self.since.is_none_or(|since| fact.time.is_some_and(|time| time >= since));
        let before = self.until.is_none_or(|until| fact.time.is_some_and(|time| time <= until));
        let whose = self.users.is_empty() && self.auids.is_empty()
            || self.users.contains(&fact.user)
            || fact.auid.is_some_and(|auid| self.auids.contains(&auid));
        let whence = self.addresses.is_empty()
            || addresses::read(&fact.address).is_some_and(|address| self.addresses.contains(&address));
        let mut paths = std::iter::once(&fact.path).chain(&fact.further);
        after && before && whose && whence && paths.any(|path| self.has_path(path))
    }

    /// Whether a path is at or below one that is asked for.
    pub fn has_path(&self, path: &[u8]) -> bool {
        self.paths.is_empty()
            || HostPath::new(path).is_ok_and(|named| self.paths.iter().any(|path| named.is_within(path)))
    }
}

/// The key of a fact: time, source, number, entry, place in it, and what; all such that greater bytes are later. Facts without a
/// time have none.
pub fn key(fact: &Fact) -> Option<Vec<u8>> {
    let (seconds, nanos) = match (fact.beyond, fact.time?) {
        (Some(seconds), _) => (seconds, 0),
        (None, time) => parts(time),
    };
    let entry = fact.at.entry.map_or(0, |entry| entry.0);
    let mut key = Vec::with_capacity(48 + fact.source.len());
    // Times before 1970 are negative: with the sign turned round, their bytes are the smaller ones.
    key.extend_from_slice(&(seconds ^ i64::MIN).to_be_bytes());
    key.extend_from_slice(&nanos.to_be_bytes());
    key.extend_from_slice(fact.source.as_bytes());
    key.push(0);
    key.extend_from_slice(&fact.serial.to_be_bytes());
    key.extend_from_slice(&entry.to_be_bytes());
    key.extend_from_slice(&fact.at.offset.to_be_bytes());
    key.extend_from_slice(fact.what.as_bytes());
    Some(key)
}

/// The row of a fact; none of one without a time.
pub fn row(fact: &Fact) -> Option<FactRow<'_>> {
    let ((address, address_b64), (path, path_b64), (user, user_b64)) =
        (name(&fact.address), name(&fact.path), name(&fact.user));
    Some(FactRow {
        address,
        address_b64,
        auid: fact.auid,
        entry: fact.at.entry,
        labels: &fact.labels,
        offset: fact.at.offset,
        path,
        path_b64,
        pid: fact.pid,
        quality: fact.quality.word(),
        source: fact.source,
        time: fact.time?,
        unix: fact.beyond,
        user,
        user_b64,
        what: &fact.what,
        words: &fact.words,
    })
}

fn name(bytes: &[u8]) -> (Option<String>, Option<Base64>) {
    match bytes {
        [] => (None, None),
        bytes => {
            let (shown, exact) = text(bytes);
            (Some(shown), exact)
        }
    }
}

/// Seconds since 1970, and nanoseconds from there on.
pub fn parts(time: Timestamp) -> (i64, u32) {
    let seconds = time.unix();
    (seconds, time.since(Timestamp::from_unix(seconds, 0)).subsec_nanos())
}

/// Microseconds since 1970, cut; of times that 64 bits do not hold the nearest.
pub fn micros(fact: &Fact) -> Option<i64> {
    let (seconds, nanos) = match (fact.beyond, fact.time?) {
        (Some(seconds), _) => (seconds, 0),
        (None, time) => parts(time),
    };
    Some(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1000)))
}

#[cfg(test)]
mod tests;
