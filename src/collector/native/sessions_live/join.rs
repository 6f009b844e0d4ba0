//! Processes and logind's state joined to sessions.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::custody::entry::Taken;
use crate::custody::rows::sessions::{SessionRow, StateFileRow};
use crate::custody::rows::text;
use crate::path::shown;
use crate::records::logind;

use super::processes::Process;

/// By what processes belong together: the audit session, or, where none is set, the terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Audit(u32),
    /// A session of logind's that no process carries the number of.
    Logind(String),
    /// A terminal, and the leader of the session that it controls: containers have terminals of the same names.
    Terminal(String, i32),
}

/// One row for each session that any view shows.
pub fn sessions(
    processes: &[Process],
    state_files: &[StateFileRow],
    names: &BTreeMap<u32, Vec<u8>>,
    now: Taken,
) -> Vec<SessionRow> {
    let mut rows = BTreeMap::<Key, SessionRow>::new();
    for process in processes {
        let key = match (process.audit_session, &process.terminal) {
            (Some(session), _) => Key::Audit(session),
            (None, Some(terminal)) => Key::Terminal(terminal.clone(), process.stat.session),
            // A listening sshd, or a multiplexer that no login began.
            (None, None) => continue,
        };
        add(rows.entry(key).or_default(), process, now);
    }
    for file in state_files.iter().filter(|file| file.path.starts_with("/run/systemd/sessions/")) {
        let values = logind::parse(&file.bytes_b64.0);
        let id = file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let number = |key: &str| logind::number(&values, key).and_then(|number| u32::try_from(number).ok());
        let by_number = number("AUDIT").filter(|session| *session != u32::MAX).map(Key::Audit);
        let by_leader = number("LEADER").and_then(|leader| key_of(&rows, leader));
        let free = |key: &Key| rows.get(key).is_none_or(|row| row.session.is_none());
        // Two of logind's sessions under one number are two rows: neither takes the other's place.
        let key = by_number.or(by_leader).filter(free).unwrap_or_else(|| Key::Logind(id.clone()));
        let row = rows.entry(key.clone()).or_default();
        if let Key::Audit(session) = key {
            row.audit_session = Some(session);
        }
        of_logind(row, &values, id);
    }
    for row in rows.values_mut() {
        if let Some(name) = row.login_uid.and_then(|uid| names.get(&uid)) {
            let (shown, exact) = text(name);
            (row.name, row.name_b64) = (Some(shown), exact);
        }
    }
    rows.into_values().collect()
}

fn key_of(rows: &BTreeMap<Key, SessionRow>, pid: u32) -> Option<Key> {
    rows.iter().find(|(_, row)| row.processes.contains(&pid)).map(|(key, _)| key.clone())
}

fn add(row: &mut SessionRow, process: &Process, now: Taken) {
    row.processes.push(process.pid);
    row.audit_session = row.audit_session.or(process.audit_session);
    row.login_uid = row.login_uid.or(process.login_uid);
    let begun = now.at_tick(process.stat.start_ticks);
    row.started = Some(row.started.map_or(begun, |earliest| earliest.min(begun)));
    insert(&mut row.terminals, process.terminal.clone());
    if let Some((_, terminal)) = &process.ssh {
        row.sshd.push(process.pid);
        insert(&mut row.terminals, terminal.as_ref().map(|terminal| shown(terminal)));
        note(row, "sshd");
    }
    insert(&mut row.uids, process.uid);
    note(row, if process.audit_session.is_some() { "audit" } else { "terminal" });
}

/// Into a sorted list, once.
fn insert<T: Ord>(list: &mut Vec<T>, one: Option<T>) {
    if let Some(one) = one
        && let Err(at) = list.binary_search(&one)
    {
        list.insert(at, one);
    }
}

fn note(row: &mut SessionRow, view: &'static str) {
    if !row.evidence.contains(&view) {
        row.evidence.push(view);
        row.evidence.sort_unstable();
    }
}

fn of_logind(row: &mut SessionRow, values: &BTreeMap<String, Vec<u8>>, id: String) {
    let word = |key: &str| values.get(key).filter(|value| !value.is_empty()).map(|value| shown(value));
    let number = |key: &str| logind::number(values, key).and_then(|number| u32::try_from(number).ok());
    note(row, "logind");
    row.session = Some(id);
    row.class = word("CLASS");
    row.kind = word("TYPE");
    row.leader = number("LEADER");
    row.login_uid = row.login_uid.or(number("UID"));
    row.remote = word("REMOTE_HOST");
    row.service = word("SERVICE");
    row.state = word("STATE");
    if let Some(us) = logind::number(values, "REALTIME").filter(|us| *us > 0) {
        row.started = Some(Timestamp::from_unix(0, 0).plus(Duration::from_micros(us)));
    }
    if let Some(terminal) = word("TTY").filter(|terminal| !row.terminals.contains(terminal)) {
        row.terminals.push(terminal);
    }
}
