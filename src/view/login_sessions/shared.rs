//! Addresses and machines as several programs name them, and accounts that more than one place used at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Flag, Session};
use crate::clock::Timestamp;
use crate::records::addresses;

/// Whether both are addresses, and not the same one.
pub(super) fn differ(one: &[u8], other: &[u8]) -> bool {
    matches!((addresses::read(one), addresses::read(other)), (Some(one), Some(other)) if one != other)
}

/// Whether both name the same address, however they write it.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    !one.is_empty() && addresses::same(one, other)
}

/// Whether two names may be of the same machine: one is not known, or is the other's without its domain.
pub(crate) fn may_be_one_machine(one: &[u8], other: &[u8]) -> bool {
    let short = |name: &[u8], full: &[u8]| {
        full.split(|byte| *byte == b'.').next().is_some_and(|first| first.eq_ignore_ascii_case(name))
    };
    let unknown = one.is_empty() || other.is_empty();
    unknown || one.eq_ignore_ascii_case(other) || short(one, other) || short(other, one)
}

/// Whether two names may be of the same account: the name of a directory's is written with its domain or without, and in
/// capitals or not (sssd.conf(5), `full_name_format`, `case_sensitive`).
pub(super) fn may_be_one_account(one: &[u8], other: &[u8]) -> bool {
    let bare = |name: &'_ [u8]| -> Vec<u8> {
        let name = name.rsplit(|byte| *byte == b'\\').next().unwrap_or_default();
        name.split(|byte| *byte == b'@').next().unwrap_or_default().to_ascii_lowercase()
    };
    one == other || !one.is_empty() && bare(one) == bare(other)
}

/// Where a session came from, by what could tell two persons apart.
type Origin = (Option<IpAddr>, Vec<u8>);

/// Origins of one account that are looked at, at a time.
const MOST_ORIGINS: usize = 64;

/// Flags the sessions of accounts that were used from two addresses, or with two keys, at the same time. Of a session
/// whose end is not logged it is only certain that it was on when it began.
pub(super) fn flag(sessions: &mut [Session]) {
    let shared: Vec<usize> =
        accounts(sessions).into_values().flat_map(|of_one| overlapping(sessions, of_one)).collect();
    for at in shared {
        if let Some(session) = sessions.get_mut(at) {
            session.flags.insert(Flag::SharedAccount);
        }
    }
}

/// The machine, as it is named, and where a session on it came from.
type Way<'a> = (&'a [u8], Origin);
/// A name, and the first label of a machine's; a full name and its short one have the same.
type Account<'a> = (&'a [u8], Vec<u8>);

/// Sessions that may be of one account. Such as name no machine may be of any on which there is that name.
fn accounts(sessions: &[Session]) -> BTreeMap<Account<'_>, Vec<usize>> {
    let is_one = |session: &Session| {
        session.start.is_some() && !session.from.address.is_empty() && !session.user.is_empty()
    };
    let mut accounts: BTreeMap<Account<'_>, Vec<usize>> = BTreeMap::new();
    let mut unplaced: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate().filter(|(_, session)| is_one(session)) {
        let label = session.host.split(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
        if session.host.is_empty() {
            unplaced.entry(&session.user).or_default().push(at);
        } else {
            accounts.entry((&session.user, label)).or_default().push(at);
        }
    }
    for (user, unplaced) in unplaced {
        accounts.entry((user, Vec::new())).or_default();
        let of_user = accounts.range_mut((user, Vec::new())..).take_while(|((name, _), _)| *name == user);
        of_user.for_each(|(_, all)| all.extend_from_slice(&unplaced));
    }
    accounts
}

fn overlapping(sessions: &[Session], mut of_one: Vec<usize>) -> Vec<usize> {
    of_one.sort_by_key(|at| sessions.get(*at).and_then(|session| session.start));
    let mut on: BTreeMap<Way<'_>, Vec<(Timestamp, usize)>> = BTreeMap::new();
    let mut shared = Vec::new();
    for at in of_one {
        let Some(session) = sessions.get(at) else { continue };
        let Some(start) = session.start else { continue };
        let mine = origin(session);
        let here = on.iter_mut().filter(|((host, _), _)| may_be_one_machine(host, &session.host));
        for (_, others) in here.take(MOST_ORIGINS).filter(|((_, theirs), _)| is_another(theirs, &mine)) {
            others.retain(|(end, _)| *end >= start);
            if !others.is_empty() {
                shared.push(at);
                shared.extend(others.iter().map(|(_, other)| *other));
                // One that is known to be on is enough to tell the next.
                others.sort_unstable();
                let last = others.last().copied();
                others.clear();
                others.extend(last);
            }
        }
        on.retain(|_, others| !others.is_empty());
        on.entry((&session.host, mine)).or_default().push((session.end.unwrap_or(start), at));
    }
    shared.sort_unstable();
    shared.dedup();
    shared
}

fn origin(session: &Session) -> Origin {
    let key = session.key.as_ref().map(|key| key.fingerprint.clone()).unwrap_or_default();
    (addresses::read(&session.from.address), key)
}

fn is_another(one: &Origin, other: &Origin) -> bool {
    from_several([one, other].into_iter().map(|origin| (origin.0, origin.1.as_slice())))
}

/// Whether sessions came from more than one address, or with more than one key: what is not known of one is no other one.
pub(crate) fn are_several<'s>(sessions: impl Iterator<Item = &'s Session> + Clone) -> bool {
    let key = |session: &'s Session| session.key.as_ref().map_or(&b""[..], |key| &key.fingerprint);
    from_several(sessions.map(|session| (addresses::read(&session.from.address), key(session))))
}

fn from_several<'k>(origins: impl Iterator<Item = (Option<IpAddr>, &'k [u8])> + Clone) -> bool {
    let mut addresses = origins.clone().filter_map(|(address, _)| address);
    let mut keys = origins.map(|(_, key)| key).filter(|key| !key.is_empty());
    let address = addresses.next();
    let key = keys.next();
    address.is_some_and(|first| addresses.any(|other| other != first))
        || key.is_some_and(|first| keys.any(|other| other != first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (sssd.conf(5), winbindd(8)).
    #[test]
    fn an_account_is_the_same_with_and_without_its_domain() {
        for (one, other, expected) in [
            ("alice", "Alice", true),
            (r"CORP\alice", "alice@corp.example.org", true),
            ("alice", "alice", true),
            ("alice", "alicia", false),
            ("", "alice", false),
        ] {
            assert_eq!(may_be_one_account(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }

    /// Written from documentation (auditd.conf(5), `name_format`; RFC 5424, HOSTNAME).
    #[test]
    fn a_machine_is_the_same_with_and_without_its_domain() {
        for (one, other, expected) in [
            ("db1", "db1", true),
            ("db1", "DB1.example.org", true),
            ("db1.Example.org", "db1.example.org", true),
            ("", "db1", true),
            ("", "", true),
            ("db1", "db2", false),
            ("db1", "db10.example.org", false),
            ("db1.example.org", "db1.example.com", false),
            ("db1.example.org", "db1.example", false),
            ("example", "db1.example", false),
            ("db1", ".db1", false),
        ] {
            let found = [(one, other), (other, one)]
                .map(|(one, other)| may_be_one_machine(one.as_bytes(), other.as_bytes()));
            assert_eq!(found, [expected; 2], "{one} {other}");
        }
    }
}
