//! Search of audit events, as ausearch(8) has it: an event is found if each thing that is asked for is in any of its
//! records. Its output is what was logged, byte for byte.

mod sieve;

pub use sieve::Sieve;

use super::addresses::same;
use super::audit_event::Event;
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
    /// Numbers of system calls, on whichever machine.
    pub syscalls: Vec<u32>,
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
        match self.matches_beside_paths(event) {
            true if self.paths.is_empty() => Finds::Yes,
            true => self.path(event),
            false => Finds::No,
        }
    }

    fn matches_beside_paths(&self, event: &Event) -> bool {
        let time = event.id.time;
        if self.since.is_some_and(|since| time < since) || self.until.is_some_and(|until| time > until) {
            return false;
        }
        let any = |is: &dyn Fn(&Record<'_>) -> bool| {
            event.records().filter(|record| !is_of_names(record.kind)).any(|record| is(&record))
        };
        let numbers = [
            ("auid", &self.auids),
            ("uid", &self.uids),
            ("ses", &self.sessions),
            ("syscall", &self.syscalls),
            ("pid", &self.pids),
        ];
        let names = [("exe", &self.exes), ("comm", &self.comms)];
        numbers.iter().all(|(name, asked)| asked.is_empty() || any(&|record| has_number(record, name, asked)))
            && names
                .iter()
                .all(|(name, asked)| asked.is_empty() || any(&|record| is_name(record, name, asked)))
            && (self.keys.is_empty() || any(&|record| self.has_key(record)))
            && (self.kinds.is_empty()
                || event.records().any(|record| self.kinds.iter().any(|kind| kind == record.kind)))
            && self.success.is_none_or(|asked| any(&|record| outcome(record) == Some(asked)))
            && (self.hosts.is_empty() || any(&|record| self.has_host(record)))
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
    /// descriptor its end alone is known, and where it lies not.
    fn path(&self, event: &Event) -> Finds {
        let cwd = event.record("CWD").and_then(|record| record.text("cwd"));
        let is_path = |record: &Record<'_>| record.kind == b"PATH";
        let names: Vec<Vec<u8>> =
            event.records().filter(is_path).filter_map(|record| record.text("name")).collect();
        let is_asked = |name: &[u8]| {
            let from = cwd.as_deref().filter(|_| !name.starts_with(b"/")).unwrap_or_default();
            self.paths.iter().any(|folder| is_within(&[from, b"/", name].concat(), folder.as_bytes()))
        };
        if names.iter().chain(&cwd).any(|name| is_asked(name)) {
            return Finds::Yes;
        }
        let mut relative = names.iter().filter(|name| !name.starts_with(b"/")).peekable();
        if relative.peek().is_none() || begins_here(event) {
            return Finds::No;
        }
        let ends_so = |name: &Vec<u8>| {
            let end = [b"/", name.as_slice()].concat();
            self.paths.iter().any(|path| path.as_bytes().ends_with(&end))
        };
        if relative.any(ends_so) { Finds::Yes } else { Finds::Maybe }
    }
}

/// Whether relative names of an event count from the working directory, for certain.
fn begins_here(event: &Event) -> bool {
    let call = event.records().find_map(|record| Syscall::of(&record)).unwrap_or_default();
    operation::of(event).is_from_here(&call)
}

/// Whether an event is what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finds {
    /// It is.
    Yes,
    /// It may be: of a name that begins at a descriptor it is not logged where that is.
    Maybe,
    /// It is not.
    No,
}

/// Whether records of this type say nothing but names and arguments.
fn is_of_names(kind: &[u8]) -> bool {
    matches!(kind, b"PATH" | b"CWD" | b"PROCTITLE" | b"EXECVE")
}

fn is_name(record: &Record<'_>, name: &str, asked: &[Vec<u8>]) -> bool {
    record.decoded(name).is_some_and(|text| asked.iter().any(|asked| *asked == *text.bytes))
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
