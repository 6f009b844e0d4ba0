//! Audit events as dated facts: one each. What they say is told by the types of their records (linux/audit.h,
//! audit-records.h of libaudit).

use super::{At, Fact, named};
use crate::custody::entry::EntryId;
use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_log::{Address, Record, address};

/// No login identity was ever set.
const UNSET: u64 = 0xffff_ffff;

/// Names of files that are told in words; the others stand in the event.
const NAMED: usize = 4;

/// What a call was about, where that was worked out.
#[derive(Clone, Debug, Default)]
pub struct About<'a> {
    /// What was done to a file.
    pub done: Option<Done<'a>>,
    /// The paths of its names, directories aside; where that is not certain, as they stand there.
    pub paths: Vec<Vec<u8>>,
    /// What else a name may be: a relative one below the working directory.
    pub perhaps: Vec<Vec<u8>>,
}

/// What was done to which file.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// The word: `read`, `delete`, …
    pub op: &'a str,
    /// What people say behind the name of a file: "opened for reading", "deleted".
    pub spoken: &'a str,
    /// The path.
    pub path: &'a [u8],
    /// Its new or further name; empty for none.
    pub new_path: &'a [u8],
}

/// The fact of an event, where `entries` has the entry of each file by its number.
pub fn fact(event: &Event, about: About<'_>, entries: &[EntryId]) -> Fact {
    let at = At::of(event.place(), entries);
    let first = event.records().next();
    let subject = event.record("SYSCALL").or(first);
    // Newer kernels log the call beside what it brought about: a login's identity, a change of the rules.
    let brought = || event.records().find(|record| word(record).is_some());
    let told = match (about.done, subject) {
        (Some(done), Some(subject)) => Told::operation(done, &subject),
        (None, Some(subject)) if subject.kind == b"SYSCALL" => match brought() {
            Some(brought) => Told::of_program(&brought),
            None => Told::call(event, &subject, &about.paths),
        },
        (_, Some(subject)) => Told::of_program(&subject),
        (_, None) => Told::default(),
    };
    let further = about.paths.into_iter().chain(about.perhaps).filter(|path| *path != told.path).collect();
    let words = format!("audit event {}: {}", event.id.serial, told.words);
    let what = if told.what.is_empty() { "audit.other".to_owned() } else { told.what };
    Fact {
        user: told.user,
        address: if told.address.is_empty() { socket(event) } else { told.address },
        serial: event.id.serial,
        further,
        path: told.path,
        auid: subject.and_then(|record| set(&record, "auid")),
        pid: subject.and_then(|record| set(&record, "pid")),
        labels: event.shortfalls.iter().map(|shortfall| shortfall.word()).collect(),
        ..Fact::new(event.id.time, what, &words, "audit", at)
    }
}

#[derive(Default)]
struct Told {
    what: String,
    words: String,
    user: Vec<u8>,
    address: Vec<u8>,
    path: Vec<u8>,
}

impl Told {
    /// An operation on a file that is known.
    fn operation(done: Done<'_>, call: &Record<'_>) -> Told {
        let new =
            if done.new_path.is_empty() { String::new() } else { format!(" ({})", shown(done.new_path)) };
        let was = if call.raw("success") == Some(b"yes") { "was" } else { "was to be" };
        let words =
            format!("{} {was} {}{new}{}{}", named(done.path), done.spoken, program(call), result(call));
        Told { what: format!("audit.{}", done.op), words, path: done.path.to_vec(), ..Told::default() }
    }

    /// A system call.
    fn call(event: &Event, call: &Record<'_>, names: &[Vec<u8>]) -> Told {
        let path = names.first().cloned().unwrap_or_default();
        let listed: Vec<String> = names.iter().take(NAMED).map(|name| shown(name)).collect();
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let keys: Vec<String> = call.keys().iter().map(|key| shown(key)).collect();
        let keys = if keys.is_empty() { String::new() } else { format!(", key {}", keys.join(" ")) };
        let (what, verb) = match event.record("EXECVE") {
            Some(_) => ("audit.exec", "executed".to_owned()),
            None => ("audit.call", format!("system call {}", plain(call, "syscall"))),
        };
        let told = listed.iter().fold(verb, |told, name| told + " " + name);
        let words = format!("{told}{more}{}{}{keys}", program(call), result(call));
        Told { what: what.to_owned(), words, path, ..Told::default() }
    }

    /// A record that is no system call: of a program by way of the kernel, or of the kernel alone.
    fn of_program(record: &Record<'_>) -> Told {
        let said = Said::of(record);
        let what = word(record).map_or_else(|| format!("audit.{}", lower(record.kind)), str::to_owned);
        let address = said.plain("addr").filter(|address| address != b"?").unwrap_or_default().to_vec();
        let user = said.text("acct").unwrap_or_default();
        Told { what, words: said.words(record), user, address, path: Vec::new() }
    }
}

/// What a record of a program, or of the kernel alone, says happened or did not; none of one that has no word of its own.
fn word(record: &Record<'_>) -> Option<&'static str> {
    let said = Said::of(record);
    let ok = !matches!(said.plain("res"), Some(b"failed" | b"0" | b"no"));
    let either = |yes: &'static str, no: &'static str| if ok { yes } else { no };
    let word = match record.kind {
        b"USER_LOGIN" => either("login.accepted", "login.failed"),
        b"USER_AUTH" => either("login.authenticated", "login.not_authenticated"),
        b"USER_ACCT" => either("login.account_accepted", "login.account_refused"),
        b"USER_START" => either("session.opened", "session.not_opened"),
        b"USER_END" | b"USER_LOGOUT" => either("session.closed", "session.not_closed"),
        b"LOGIN" => either("login.identity_set", "login.identity_not_set"),
        b"USER_CMD" => either("session.elevated", "session.elevation_refused"),
        b"CRED_ACQ" | b"CRED_DISP" | b"CRED_REFR" => {
            either("session.credentials", "session.credentials_refused")
        }
        b"USER_ERR" => "login.error",
        b"ADD_USER" | b"DEL_USER" | b"ADD_GROUP" | b"DEL_GROUP" | b"USER_MGMT" | b"GRP_MGMT"
        | b"USER_CHAUTHTOK" | b"ACCT_LOCK" | b"ACCT_UNLOCK" | b"GRP_CHAUTHTOK" | b"CHGRP_ID"
        | b"CHUSER_ID" => either("account.changed", "account.not_changed"),
        b"SERVICE_START" => either("service.started", "service.not_started"),
        b"SERVICE_STOP" => either("service.stopped", "service.failed"),
        b"SYSTEM_BOOT" => "host.booted",
        b"SYSTEM_SHUTDOWN" => "host.shut_down",
        b"CONFIG_CHANGE" | b"FEATURE_CHANGE" => either("auditing.changed", "auditing.not_changed"),
        kind if kind.starts_with(b"DAEMON_") => "auditing.daemon",
        kind if kind.starts_with(b"ANOM_") => "audit.anomaly",
        kind if kind.starts_with(b"CRYPTO_") => "audit.crypto",
        _ => return None,
    };
    Some(word)
}

/// The other end of a socket that a call was about.
fn socket(event: &Event) -> Vec<u8> {
    match event.record("SOCKADDR").and_then(|record| record.raw("saddr").and_then(address)) {
        Some(Address::Internet(address, _)) => address.to_string().into_bytes(),
        _ => Vec::new(),
    }
}

/// What a record says: of programs' records that stands within `msg='…'`.
struct Said<'a> {
    inner: Option<Record<'a>>,
    outer: Record<'a>,
}

impl<'a> Said<'a> {
    fn of(record: &Record<'a>) -> Said<'a> {
        let quoted = record.raw("msg").and_then(|text| text.strip_prefix(b"'"));
        let text = quoted.map(|text| text.strip_suffix(b"'").unwrap_or(text));
        Said { inner: text.map(|body| Record { body, ..*record }), outer: *record }
    }

    /// A field that somebody chose, and that may stand in hexadecimal.
    fn text(&self, name: &str) -> Option<Vec<u8>> {
        let inner = self.inner.and_then(|inner| inner.text(name));
        inner.or_else(|| self.outer.text(name))
    }

    /// A field that stands there as it is: a number would be taken for hexadecimal.
    fn plain(&self, name: &str) -> Option<&'a [u8]> {
        let raw = self.inner.and_then(|inner| inner.raw(name)).or_else(|| self.outer.raw(name))?;
        Some(raw.strip_prefix(b"\"").map_or(raw, |quoted| quoted.strip_suffix(b"\"").unwrap_or(quoted)))
    }

    /// The type, and those of its fields that say most; the rest stands in the event.
    fn words(&self, record: &Record<'_>) -> String {
        const CHOSEN: [&str; 3] = ["acct", "exe", "cmd"];
        const TOLD: [(&str, &str); 12] = [
            ("op", "op"),
            ("acct", "account"),
            ("id", "id"),
            ("exe", "program"),
            ("unit", "unit"),
            ("cmd", "command"),
            ("addr", "address"),
            ("terminal", "terminal"),
            ("old-auid", "login before"),
            ("auid", "login"),
            ("ses", "session"),
            ("res", "result"),
        ];
        let value = |name: &str| match CHOSEN.contains(&name) {
            true => self.text(name),
            false => self.plain(name).map(<[u8]>::to_vec),
        };
        let fields = TOLD.iter().filter_map(|(name, word)| Some((word, value(name)?)));
        let told: Vec<String> = fields
            .filter(|(_, value)| !matches!(value.as_slice(), b"?" | b"4294967295"))
            .map(|(word, value)| format!("{word} {}", shown(&value)))
            .collect();
        format!("{}: {}", shown(record.kind), told.join(", "))
    }
}

fn program(call: &Record<'_>) -> String {
    let exe = call.text("exe").or_else(|| call.text("comm")).map(|exe| shown(&exe)).unwrap_or_default();
    if exe.is_empty() { String::new() } else { format!(" by {exe}") }
}

fn result(call: &Record<'_>) -> String {
    match call.raw("success") {
        Some(b"yes") => String::new(),
        Some(b"no") => format!(", refused or failed (exit {})", plain(call, "exit")),
        _ => ", result not logged".to_owned(),
    }
}

fn plain(record: &Record<'_>, name: &str) -> String {
    record.raw(name).map_or_else(|| "?".to_owned(), shown)
}

fn set(record: &Record<'_>, name: &str) -> Option<u32> {
    let number = record.number(name).filter(|number| *number != UNSET)?;
    u32::try_from(number).ok()
}

fn lower(kind: &[u8]) -> String {
    let plain = kind.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    plain.take(40).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}
