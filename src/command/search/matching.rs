//! Which events are meant: every filter that is given must hold, and of its values one is enough. A filter holds if one
//! record of the event, or several of them together, say so.

use std::net::IpAddr;

use crate::command::asked::TimeWindow;
use crate::path::HostPath;
use crate::records::audit_event::Event;
use crate::records::audit_log::Record;

/// What is looked for.
#[derive(Debug, Default)]
pub struct Filter {
    /// When.
    pub window: TimeWindow,
    /// Users who logged in.
    pub users: Vec<u32>,
    /// Keys of rules, whole.
    pub keys: Vec<Vec<u8>>,
    /// Sessions of logins.
    pub sessions: Vec<u32>,
    /// Types of records.
    pub kinds: Vec<Vec<u8>>,
    /// Numbers of system calls.
    pub syscalls: Vec<u32>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// Programs, by path.
    pub exes: Vec<Vec<u8>>,
    /// What processes call themselves.
    pub comms: Vec<Vec<u8>>,
    /// Processes.
    pub pids: Vec<u32>,
    /// Files and folders, and what lies below.
    pub paths: Vec<HostPath>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

impl Filter {
    /// Whether the event is meant.
    pub fn holds(&self, event: &Event) -> bool {
        let any = |is_it: &dyn Fn(&Record<'_>) -> bool| event.records().any(|record| is_it(&record));
        let number = |wanted: &[u32], field: &str| {
            wanted.is_empty()
                || any(&|record| {
                    let number = record.number(field).and_then(|number| u32::try_from(number).ok());
                    number.is_some_and(|number| wanted.contains(&number))
                })
        };
        let word = |wanted: &[Vec<u8>], field: &str| {
            wanted.is_empty() || any(&|record| said(record, field).is_some_and(|text| wanted.contains(&text)))
        };
        self.window.holds(event.id.time)
            && number(&self.users, "auid")
            && number(&self.sessions, "ses")
            && number(&self.syscalls, "syscall")
            && number(&self.pids, "pid")
            && word(&self.exes, "exe")
            && word(&self.comms, "comm")
            && (self.kinds.is_empty() || any(&|record| self.kinds.iter().any(|kind| kind == record.kind)))
            && (self.keys.is_empty()
                || any(&|record| record.keys().iter().any(|key| self.keys.contains(key))))
            && self.success.is_none_or(|wanted| any(&|record| success(record) == Some(wanted)))
            && (self.addresses.is_empty() || any(&|record| self.is_from(record)))
            && (self.paths.is_empty() || self.is_about(event))
    }

    fn is_from(&self, record: &Record<'_>) -> bool {
        let said = ["addr", "hostname"].into_iter().filter_map(|field| said(record, field));
        let addresses = said.filter_map(|text| std::str::from_utf8(&text).ok()?.parse::<IpAddr>().ok());
        addresses
            .map(|address| address.to_canonical())
            .any(|address| self.addresses.iter().any(|wanted| wanted.to_canonical() == address))
    }

    /// Whether a name of the event is one of the paths or lies below; a name that is no whole path is one from the
    /// folder that the process stood in.
    fn is_about(&self, event: &Event) -> bool {
        let of = |kind: &'static str, field: &'static str| {
            event
                .records()
                .filter(move |record| record.kind == kind.as_bytes())
                .filter_map(move |record| record.text(field))
        };
        let folder = of("CWD", "cwd").next().unwrap_or_default();
        of("PATH", "name").any(|name| {
            let whole = if name.starts_with(b"/") { name } else { [folder.as_slice(), b"/", &name].concat() };
            let whole = HostPath::new(&whole);
            whole.is_ok_and(|whole| self.paths.iter().any(|path| whole.is_within(path)))
        })
    }
}

/// A field of the record, or of what a program says in its `msg='…'`.
fn said(record: &Record<'_>, field: &str) -> Option<Vec<u8>> {
    record.text(field).or_else(|| inner(record)?.text(field))
}

/// What a program says, as a record of its own.
fn inner<'a>(record: &Record<'a>) -> Option<Record<'a>> {
    let body = record.raw("msg")?.strip_prefix(b"'")?;
    Some(Record { body: body.strip_suffix(b"'").unwrap_or(body), ..*record })
}

/// `success=` of a system call, `res=` of a program or of a change of rules.
fn success(record: &Record<'_>) -> Option<bool> {
    if let Some(value) = record.raw("success") {
        return Some(value == b"yes");
    }
    match record.raw("res").or_else(|| inner(record)?.raw("res"))? {
        b"success" | b"1" => Some(true),
        b"failed" | b"0" => Some(false),
        _ => None,
    }
}
