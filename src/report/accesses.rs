//! Accesses to PHI, who made them and which files they met, as people, spreadsheets and a SIEM take them.

use std::collections::BTreeMap;

use super::rows::{Column, Row};
use super::siem::{Naming, Outcome, SiemEvent, Subject};
use crate::custody::rows::access::{AccessRow, ActorRow, FileAccessRow, SourcePart};
use crate::records::audit_event::operation::Op;

/// Addresses that a cell names.
const ADDRESSES: usize = 3;

const fn column(name: &'static str, width: usize) -> Column {
    Column { name, width }
}

/// What was done, for people: `opened for reading`, to what a mode or an owner was set, what a renaming destroyed, and
/// what became of it if it was not done.
fn done(row: &AccessRow) -> String {
    let op = Op::of_word(row.op);
    let sets = matches!(op, Some(Op::Chmod | Op::Chown)) && !row.arg_flags_text.is_empty();
    let detail = if sets { format!(" ({})", row.arg_flags_text) } else { String::new() };
    let destroyed = if row.overwritten_inode.is_some() { ", in place of another file" } else { "" };
    let done = format!("{}{detail}{destroyed}", op.map_or(row.op, Op::spoken));
    match row.outcome {
        "ok" => done,
        outcome => format!("{done}: {outcome}"),
    }
}

/// As which user the kernel judged it.
fn acts_as(row: &AccessRow) -> Option<u32> {
    row.actor.fsuid.or(row.actor.euid).or(row.actor.uid)
}

/// Who: the name that was logged in under, else the number; whom it acted as, if that is another.
fn who(row: &AccessRow) -> String {
    let actor = &row.actor;
    let login = match (actor.auid_name.as_str(), actor.auid) {
        ("", Some(auid)) => auid.to_string(),
        ("", None) if actor.flags.contains(&"identity_not_logged") => "unknown".to_owned(),
        ("", None) => "nobody logged in".to_owned(),
        (name, _) => name.to_owned(),
    };
    let own = if row.collector { " (this collection)" } else { "" };
    match acts_as(row) {
        Some(acted) if actor.auid != Some(acted) => format!("{login} as uid {acted}{own}"),
        _ => format!("{login}{own}"),
    }
}

fn place(source: &SourcePart) -> String {
    let (addr, hostname, terminal) = (&source.addr, &source.hostname, &source.terminal);
    let known = [addr, hostname, terminal].into_iter().find(|text| !text.is_empty());
    known.cloned().unwrap_or_else(|| "unknown".to_owned())
}

/// From where; of several sessions that it may have been, the first addresses.
fn origin(row: &AccessRow) -> String {
    if let Some(source) = &row.source {
        return place(source);
    }
    let mut places: Vec<String> = Vec::new();
    for candidate in row.candidates.iter().map(place) {
        if !places.contains(&candidate) {
            places.push(candidate);
        }
    }
    let more = if places.len() > ADDRESSES { ", …" } else { "" };
    places.truncate(ADDRESSES);
    match places.is_empty() {
        true => "unknown".to_owned(),
        false => format!("one of {}{more}", places.join(", ")),
    }
}

/// The path, and where it went.
fn path(row: &AccessRow) -> String {
    let unsure = if matches!(row.name_res, "cmdline" | "unresolved") { " (name not certain)" } else { "" };
    match &row.new_path {
        Some(new) => format!("{} -> {new}{unsure}", row.path),
        None => format!("{}{unsure}", row.path),
    }
}

impl Row for AccessRow {
    const COLUMNS: &'static [Column] = &[
        column("first", 30),
        column("last", 30),
        column("who", 24),
        column("from", 24),
        column("how", 24),
        column("done", 32),
        column("path", 60),
        column("count", 7),
        column("label", 5),
    ];

    fn cells(&self) -> Vec<String> {
        let how = if self.program.exe.is_empty() { &self.program.comm } else { &self.program.exe };
        vec![
            self.first_utc.to_string(),
            self.last_utc.to_string(),
            who(self),
            origin(self),
            how.clone(),
            done(self),
            path(self),
            self.count.to_string(),
            self.actor.label.to_owned(),
        ]
    }
}

/// `NAME: COUNT, …`
fn counted<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let mut counts: Vec<(&K, &u64)> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let words: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    words.join(", ")
}

impl Row for ActorRow {
    const COLUMNS: &'static [Column] = &[
        column("first", 30),
        column("last", 30),
        column("who", 24),
        column("from", 40),
        column("events", 8),
        column("files", 7),
        column("files_by_op", 40),
        column("denied", 7),
        column("labels", 16),
        column("how", 40),
    ];

    fn cells(&self) -> Vec<String> {
        let number = |kind: &str, number: Option<u32>| number.map(|number| format!("{kind} {number}"));
        let name = (!self.auid_name.is_empty()).then(|| self.auid_name.clone());
        let who = name.or_else(|| number("auid", self.auid)).or_else(|| number("no login, uid", self.uid));
        let own = if self.collector { " (this collection)" } else { "" };
        vec![
            self.first_utc.to_string(),
            self.last_utc.to_string(),
            format!("{}{own}", who.unwrap_or_else(|| "unknown".to_owned())),
            if self.addresses.is_empty() { "unknown".to_owned() } else { self.addresses.join(", ") },
            self.events.to_string(),
            self.files.to_string(),
            counted(&self.files_by_op),
            self.denied.to_string(),
            counted(&self.labels),
            counted(&self.programs),
        ]
    }
}

impl Row for FileAccessRow {
    const COLUMNS: &'static [Column] = &[
        column("first", 30),
        column("last", 30),
        column("events", 8),
        column("state", 11),
        column("actors", 40),
        column("path", 60),
    ];

    fn cells(&self) -> Vec<String> {
        let actors = self.actors.iter().map(|(actor, ops)| format!("{actor}: {}", ops.join(" ")));
        vec![
            self.first_utc.to_string(),
            self.last_utc.to_string(),
            self.events.to_string(),
            self.state.to_owned(),
            actors.collect::<Vec<_>>().join(", "),
            self.paths.join(" -> "),
        ]
    }
}

/// The access as a SIEM takes it.
pub fn siem(row: &AccessRow, naming: &mut Naming) -> SiemEvent {
    let source = row.source.as_ref();
    let mut flags = row.actor.flags.clone();
    if row.collector {
        flags.push("collector");
    }
    let program = if row.program.exe.is_empty() { &row.program.comm } else { &row.program.exe };
    SiemEvent {
        time: row.first_utc,
        last: Some(row.last_utc).filter(|last| *last != row.first_utc),
        subject: Subject::Access,
        op: row.op.to_owned(),
        outcome: match row.outcome {
            "ok" => Outcome::Success,
            "denied" | "failed" => Outcome::Failure,
            _ => Outcome::Unknown,
        },
        user: row.actor.auid_name.clone(),
        auid: row.actor.auid,
        uid: row.actor.uid,
        euid: acts_as(row),
        to: String::new(),
        ses: row.actor.ses,
        address: source.map(|source| source.addr.clone()).unwrap_or_default(),
        port: source.and_then(|source| source.port),
        program: naming.program(program),
        pid: row.program.pid,
        file: naming.file(&row.path),
        new_file: naming.file(row.new_path.as_deref().unwrap_or_default()),
        label: row.actor.label,
        flags,
        count: row.count,
        row: row.row_id.to_string(),
    }
}

#[cfg(test)]
mod tests;
