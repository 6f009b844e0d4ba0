//! Search of audit events, as ausearch(8) has it: an event is found if each thing that is asked for is in any of its
//! records. Its output is what was logged, byte for byte.

mod calls;
mod sieve;

pub use calls::Calls;
pub use sieve::Sieve;

use super::addresses::same;
use super::audit_event::Event;
use super::audit_event::items::{Item, Name, NameType};
use super::audit_event::operation::{self, Syscall};
use super::audit_log::{Address, Record, address};
use crate::clock::Timestamp;
use crate::path::HostPath;
use crate::records::audit_event::names::is_within;

/// What is asked for. Of several values of one thing any will do; nothing asked means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Keys of rules.
    pub keys: Vec<Vec<u8>>,
    /// Login identities; 4294967295 is none.
    pub auids: Vec<u32>,
    /// Users, `uid=`.
    pub uids: Vec<u32>,
    /// Sessions; 4294967295 is none.
    pub sessions: Vec<u32>,
    /// Types of records, as `USER_LOGIN`.
    pub kinds: Vec<Vec<u8>>,
    /// System calls.
    pub syscalls: Calls,
    /// Whether it came to what was wanted.
    pub success: Option<bool>,
    /// Programs, by path.
    pub exes: Vec<Vec<u8>>,
    /// Programs, by the name that they gave themselves.
    pub comms: Vec<Vec<u8>>,
    /// Processes.
    pub pids: Vec<u32>,
    /// Addresses, or names where the log has names.
    pub hosts: Vec<Vec<u8>>,
    /// Files: the name is this path, or lies beneath it; a relative name counts from the working directory of the call.
    pub paths: Vec<HostPath>,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Not later than this.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether an event is what is asked for.
    pub fn matches(&self, event: &Event) -> bool {
        self.finds(event) == Finds::Yes
    }

    /// The same; and whether that cannot be told.
    pub fn finds(&self, event: &Event) -> Finds {
        if !self.has_rest(event) {
            return Finds::No;
        }
        match self.actor(event) {
            Finds::No => Finds::No,
            actor if self.paths.is_empty() => actor,
            actor => actor.max(self.path(event)),
        }
    }

    /// Time, keys, types and hosts, which are there or are not.
    fn has_rest(&self, event: &Event) -> bool {
        let time = event.id.time;
        if self.since.is_some_and(|since| time < since) || self.until.is_some_and(|until| time > until) {
            return false;
        }
        let any = |is: &dyn Fn(&Record<'_>) -> bool| actors(event).any(|record| is(&record));
        (self.keys.is_empty() || any(&|record| self.has_key(record)))
            && (self.kinds.is_empty()
                || event.records().any(|record| self.kinds.iter().any(|kind| kind == record.kind)))
            && (self.hosts.is_empty() || any(&|record| self.has_host(record)))
    }

    /// Who it was, and how: of an access that was logged without it nobody can tell.
    fn actor(&self, event: &Event) -> Finds {
        let is_unlogged = |fields: &[&str]| {
            is_access_without_call(event)
                && !actors(event).any(|record| fields.iter().any(|field| record.decoded(field).is_some()))
        };
        let decided = |fields: &[&str], is: &dyn Fn(&Record<'_>) -> bool| {
            if actors(event).any(|record| is(&record)) {
                Finds::Yes
            } else if is_unlogged(fields) {
                Finds::Maybe
            } else {
                Finds::No
            }
        };
        let numbers =
            [("auid", &self.auids), ("uid", &self.uids), ("ses", &self.sessions), ("pid", &self.pids)];
        let numbers = numbers.into_iter().filter(|(_, asked)| !asked.is_empty());
        let names = [("exe", &self.exes), ("comm", &self.comms)];
        let names = names.into_iter().filter(|(_, asked)| !asked.is_empty());
        numbers
            .map(|(name, asked)| decided(&[name], &|record| has_number(record, name, asked)))
            .chain(names.map(|(name, asked)| decided(&[name], &|record| is_name(record, name, asked))))
            .chain(
                self.success
                    .map(|asked| decided(&["success", "res"], &|record| outcome(record) == Some(asked))),
            )
            .chain((!self.syscalls.is_empty()).then(|| {
                let found = actors(event).map(|record| self.syscalls.finds(&record)).min();
                found.unwrap_or(Finds::No).min(decided(&["syscall"], &|_| false))
            }))
            .max()
            .unwrap_or(Finds::Yes)
    }

    /// The test of single lines that goes with it.
    pub fn sieve(&self) -> Sieve {
        Sieve::of(self)
    }

    fn has_key(&self, record: &Record<'_>) -> bool {
        record.keys().iter().any(|key| self.keys.contains(key))
    }

    fn has_host(&self, record: &Record<'_>) -> bool {
        let is = |text: &[u8]| self.hosts.iter().any(|host| same(host, text));
        let named =
            ["hostname", "addr"].iter().any(|name| record.decoded(name).is_some_and(|text| is(&text.bytes)));
        named
            || record.kind == b"SOCKADDR"
                && record.raw("saddr").and_then(address).is_some_and(|address| match address {
                    Address::Internet(address, _) => is(address.to_string().as_bytes()),
                    _ => false,
                })
    }

    /// Whether a PATH record has one of the names, or the working directory is one of them. Of a name that begins at a
    /// descriptor its end alone is known, and where it lies not; of an open file, or a name that the kernel left out, nothing.
    fn path(&self, event: &Event) -> Finds {
        let cwd = event.record("CWD").and_then(|record| record.text("cwd"));
        let items =
            || event.records().filter(|record| record.kind == b"PATH").map(|record| Item::of(&record));
        let given = |item: Item<'_>| match item.name {
            Name::Given(name) => Some(name.into_owned()),
            Name::Absent | Name::Left => None,
        };
        let names: Vec<Vec<u8>> = items().filter_map(given).collect();
        let is_asked = |name: &[u8]| {
            let here = cwd.as_deref().map(undeleted).unwrap_or_default();
            let from = if name.starts_with(b"/") { &[] } else { here };
            self.paths.iter().any(|folder| is_within(&[from, b"/", name].concat(), folder.as_bytes()))
        };
        if names.iter().chain(&cwd).any(|name| is_asked(name) || is_asked(undeleted(name))) {
            return Finds::Yes;
        }
        let ends_so = |name: &[u8]| {
            let end = [b"/", name].concat();
            self.paths.iter().any(|path| path.as_bytes().ends_with(&end))
        };
        let mut relative = names.iter().filter(|name| !name.starts_with(b"/")).peekable();
        let is_elsewhere = relative.peek().is_some() && !begins_here(event);
        if is_elsewhere && relative.any(|name| ends_so(name) || ends_so(undeleted(name))) {
            return Finds::Yes;
        }
        if is_elsewhere || items().any(|item| is_nameless(&item)) { Finds::Maybe } else { Finds::No }
    }
}

/// The records that may say who it was, and not only what of.
fn actors(event: &Event) -> impl Iterator<Item = Record<'_>> {
    event.records().filter(|record| !is_of_names(record.kind))
}

/// Whether an event is of an access to files without the record that says who made it: that of io_uring does not, and
/// that of a call may have been lost.
fn is_access_without_call(event: &Event) -> bool {
    let has = |kinds: &[&[u8]]| event.records().any(|record| kinds.contains(&record.kind));
    has(&[b"URINGOP"]) || has(&[b"PATH", b"CWD"]) && !has(&[b"SYSCALL"])
}

/// Whether a file has a name that was not logged. A directory above it may have none where the file has its own.
fn is_nameless(item: &Item<'_>) -> bool {
    match item.name {
        Name::Left => true,
        Name::Absent => item.kind != NameType::Parent && item.id.is_some(),
        Name::Given(_) => false,
    }
}

/// A path without what the kernel puts behind that of a file that was deleted (fs/d_path.c).
fn undeleted(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Whether relative names of an event count from the working directory, for certain.
fn begins_here(event: &Event) -> bool {
    let call = event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default();
    operation::of(event).is_from_here(&call)
}

/// Whether an event is what is asked for. Of several things that are asked, the last of these that holds of one holds of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finds {
    /// It is.
    Yes,
    /// It may be: what would decide that is not logged.
    Maybe,
    /// It is not.
    No,
}

/// Whether records of this type say nothing but names and arguments.
fn is_of_names(kind: &[u8]) -> bool {
    matches!(kind, b"PATH" | b"CWD" | b"PROCTITLE" | b"EXECVE")
}

fn is_name(record: &Record<'_>, name: &str, asked: &[Vec<u8>]) -> bool {
    let is = |text: &[u8]| asked.iter().any(|asked| asked == text);
    record.decoded(name).is_some_and(|text| is(&text.bytes) || name == "exe" && is(undeleted(&text.bytes)))
}

/// Some records say it twice: of the process in the record, and of the one that spoke for it.
fn has_number(record: &Record<'_>, name: &str, asked: &[u32]) -> bool {
    let value = record.raw(name).and_then(unsigned);
    value.is_some_and(|value| asked.contains(&value))
}

/// A number as 32 bits; what was never set is -1 in old logs.
fn unsigned(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let is_plain = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    is_plain
        .then(|| text.parse().ok())
        .flatten()
        .or_else(|| (text == "-1" || text == "unset").then_some(u32::MAX))
}

/// Whether it came to what was wanted: `success=` of the kernel's, `res=` of a program's.
fn outcome(record: &Record<'_>) -> Option<bool> {
    match record.raw("success").or_else(|| record.raw("res")).or_else(|| record.inner("res"))? {
        b"yes" | b"success" | b"1" => Some(true),
        b"no" | b"failed" | b"0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
