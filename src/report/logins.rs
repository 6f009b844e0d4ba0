//! Logins: sessions and counts of tries as tables, CSV and JSON Lines, and as events for a SIEM.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::rows::{Column, Row};
use super::siem::{File, Outcome, SiemEvent, Subject};
use crate::clock::Timestamp;
use crate::custody::rows::login_views::{
    DifferenceRow, ElevationRow, LoginCountRow, LoginSessionRow, SignRow, TextColumn,
};
use crate::records::auth_text::MASK;
use crate::view::logins::{ACCEPTED, Dated, REJECTED};

/// Words of a flag that say that an end is not known.
const OPEN: &str = "open_at_end_of_log";

fn text(column: &Option<TextColumn>) -> String {
    column.as_ref().map(|column| column.text.clone()).unwrap_or_default()
}

fn bytes(column: &TextColumn) -> &[u8] {
    column.exact_b64.as_ref().map_or(column.text.as_bytes(), |exact| exact.0.as_slice())
}

fn number(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// `password 2, publickey 1`
fn counts<K: Display>(counts: &BTreeMap<K, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    each.join(", ")
}

impl Row for LoginCountRow {
    const COLUMNS: &'static [Column] = &[
        Column { name: "by", width: 8 },
        Column { name: "name", width: 24 },
        Column { name: "connections", width: 11 },
        Column { name: "accepted", width: 16 },
        Column { name: "rejected", width: 16 },
        Column { name: "records", width: 36 },
        Column { name: "first", width: 20 },
        Column { name: "last", width: 20 },
        Column { name: "of_the_name", width: 12 },
    ];

    fn cells(&self) -> Vec<String> {
        let about = [(self.unknown_user, "unknown_user"), (self.masked, "masked")];
        let about: Vec<&str> = about.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
        vec![
            self.by.to_owned(),
            text(&self.name),
            self.connections.to_string(),
            counts(&self.accepted),
            counts(&self.rejected),
            counts(&self.records),
            time(self.first),
            time(self.last),
            about.join(" "),
        ]
    }
}

impl Row for LoginSessionRow {
    const COLUMNS: &'static [Column] = &[
        Column { name: "start", width: 24 },
        Column { name: "end", width: 24 },
        Column { name: "ending", width: 8 },
        Column { name: "user", width: 12 },
        Column { name: "from", width: 15 },
        Column { name: "service", width: 7 },
        Column { name: "method", width: 10 },
        Column { name: "terminal", width: 8 },
        Column { name: "ses", width: 5 },
        Column { name: "label", width: 5 },
        Column { name: "key", width: 16 },
        Column { name: "elevations", width: 16 },
        Column { name: "flags", width: 16 },
        Column { name: "time_quality", width: 12 },
    ];

    fn cells(&self) -> Vec<String> {
        let key = [text(&self.key_kind), text(&self.key_fingerprint)];
        let elevations: Vec<String> = self.elevations.iter().map(elevation).collect();
        vec![
            time(self.start),
            time(self.end),
            self.ending.to_owned(),
            text(&self.user),
            from(self),
            text(&self.service),
            text(&self.method),
            text(&self.terminal),
            number(self.ses),
            self.label.to_owned(),
            key.join(" ").trim().to_owned(),
            elevations.join("; "),
            self.flags.join(" "),
            self.time_quality.to_owned(),
        ]
    }
}

/// The address; without one, the name that the other side had.
fn from(session: &LoginSessionRow) -> String {
    text(if session.address.is_some() { &session.address } else { &session.hostname })
}

/// `sudo to root: /usr/bin/id`
fn elevation(elevation: &ElevationRow) -> String {
    let to = match text(&elevation.to) {
        to if to.is_empty() => to,
        to => format!(" to {to}"),
    };
    let command = match text(&elevation.command) {
        command if command.is_empty() => command,
        command => format!(": {command}"),
    };
    let refused = if elevation.refused { " (refused)" } else { "" };
    format!("{}{to}{command}{refused}", text(&elevation.by))
}

impl Row for DifferenceRow {
    const COLUMNS: &'static [Column] = &[
        Column { name: "time", width: 24 },
        Column { name: "difference", width: 14 },
        Column { name: "source", width: 7 },
        Column { name: "file", width: 5 },
        Column { name: "offset", width: 8 },
        Column { name: "words", width: 60 },
    ];

    fn cells(&self) -> Vec<String> {
        let place = [self.file.to_string(), self.offset.to_string()];
        let [file, offset] = place;
        vec![
            time(Some(self.time)),
            self.difference.to_owned(),
            self.source.to_owned(),
            file,
            offset,
            self.words.clone(),
        ]
    }
}

impl Row for SignRow {
    const COLUMNS: &'static [Column] = &[
        Column { name: "sign", width: 20 },
        Column { name: "count", width: 5 },
        Column { name: "file", width: 5 },
        Column { name: "offset", width: 8 },
    ];

    fn cells(&self) -> Vec<String> {
        let numbers = [self.count, self.file.into(), self.offset];
        std::iter::once(self.sign.to_owned()).chain(numbers.map(|number| number.to_string())).collect()
    }
}

/// What stands in every event of a kind.
fn event(subject: Subject, op: &str, outcome: Outcome, time: Timestamp) -> SiemEvent {
    SiemEvent {
        time,
        last: None,
        subject,
        op: op.to_owned(),
        outcome,
        user: String::new(),
        auid: None,
        uid: None,
        euid: None,
        to: String::new(),
        ses: None,
        address: String::new(),
        port: None,
        program: String::new(),
        pid: None,
        file: File::None,
        new_file: File::None,
        label: "",
        flags: Vec::new(),
        count: 1,
        row: String::new(),
    }
}

/// The events of a session: its beginning, its end, and who acted as another in it, each with a name of its own. Of what
/// has no time there is none. As whom somebody wanted to act in vain is not told where that is masked: su asks for a name,
/// and then for a password.
pub fn of_session(session: &LoginSessionRow, is_masked: &dyn Fn(&[u8]) -> bool) -> Vec<SiemEvent> {
    let place = |file: u32, offset: u64, what: &str| format!("sessions/{file}:{offset}/{what}");
    let row = |what: &str| match session.evidence.first() {
        Some(at) => place(at.file, at.offset, what),
        None => format!("sessions/{what}"),
    };
    let of = |op: &str, outcome: Outcome, time: Timestamp| SiemEvent {
        user: text(&session.user),
        auid: session.auid,
        ses: session.ses,
        address: from(session),
        port: session.port,
        program: text(&session.service),
        pid: session.pid,
        label: session.label,
        flags: session.flags.clone(),
        row: row(op),
        ..event(Subject::Session, op, outcome, time)
    };
    let opened = session.start.map(|time| of("opened", Outcome::Success, time));
    let elevated = session.elevations.iter().map(|elevation| {
        let outcome = if elevation.refused { Outcome::Failure } else { Outcome::Success };
        let masked = elevation.refused && elevation.to.as_ref().is_some_and(|to| is_masked(bytes(to)));
        let event = of("elevated", outcome, elevation.time);
        SiemEvent {
            program: text(&elevation.by),
            pid: None,
            to: if masked { MASK.to_owned() } else { text(&elevation.to) },
            flags: event.flags.iter().copied().chain(masked.then_some("masked")).collect(),
            // Where it stands itself: a session may have many.
            row: place(elevation.file, elevation.offset, "elevated"),
            ..event
        }
    });
    let closed = session.end.filter(|_| session.ending != OPEN);
    let closed = closed.map(|time| of("closed", Outcome::Success, time));
    opened.into_iter().chain(elevated).chain(closed).collect()
}

/// The events of an account or a source: tries that were accepted, and such that were rejected; of one of which no try
/// is told, its records by their kind. Each has times and a name of its own, so that a receiver mistakes none for another;
/// of what has no time there is none.
pub fn of_counts(told: &Dated) -> Vec<SiemEvent> {
    figures(&told.row).into_iter().filter_map(|figure| of_figure(told, figure)).collect()
}

/// How many events there would be if everything had a time, and are not.
pub fn without_time(told: &Dated) -> usize {
    figures(&told.row).iter().filter(|(op, ..)| !told.each.contains_key(op)).count()
}

/// What is counted, what became of it, and how often.
type Figure = (&'static str, Outcome, u64);

fn figures(row: &LoginCountRow) -> Vec<Figure> {
    let (accepted, rejected) = (row.accepted.values().sum(), row.rejected.values().sum());
    let tries = [(ACCEPTED, Outcome::Success, accepted), (REJECTED, Outcome::Failure, rejected)];
    let tries: Vec<Figure> = tries.into_iter().filter(|(.., count)| *count > 0).collect();
    if !tries.is_empty() {
        return tries;
    }
    row.records.iter().map(|(kind, count)| (*kind, outcome(kind), *count)).collect()
}

/// Ends of the kinds of records that tell of what failed, beside btmp.
const FAILED: [&str; 6] =
    ["_failed", "_invalid_user", "_error_pam", "_not_allowed", "_too_many_tries", "_pam_failure"];

/// What became of what a kind of record tells of; of a part of what is asked for, nobody knows.
fn outcome(kind: &str) -> Outcome {
    if ["_accepted", "_success"].iter().any(|end| kind.ends_with(end)) {
        Outcome::Success
    } else if kind == "btmp" || FAILED.iter().any(|end| kind.ends_with(end)) {
        Outcome::Failure
    } else {
        Outcome::Unknown
    }
}

fn of_figure(told: &Dated, (op, outcome, count): Figure) -> Option<SiemEvent> {
    let (row, times) = (&told.row, told.each.get(op)?);
    let name = text(&row.name);
    // The name comes last, for anybody may put a slash into it.
    let place = match told.masked {
        Some(number) => format!("logins/masked_account/{op}/{number}"),
        None => format!("logins/{}/{op}/{name}", row.by),
    };
    Some(SiemEvent {
        last: Some(times.last),
        address: if row.by == "source" { name.clone() } else { String::new() },
        user: if row.by == "account" { name } else { String::new() },
        flags: [(row.unknown_user, "unknown_user"), (row.masked, "masked")]
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .collect(),
        count,
        row: place,
        ..event(Subject::Login, op, outcome, times.first)
    })
}

#[cfg(test)]
mod tests;
