//! The sealed tables that hold times, and what each of their times says (docs/tables.md). A table that repeats what its
//! sources say (`files.jsonl`, `login-sources.jsonl`, `sockets.jsonl` of its owners), or that speaks of spans (coverage),
//! is not among them: its sources are.

use super::files::{FileLine, LONGEST_ROW};
use super::login_records::whence;
use super::template::Row;
use super::{At, COLLECTOR, Fact, Quality, Tally};
use crate::clock::Timestamp;
use crate::custody::entry::{Base64, EntryId, Kind};
use crate::custody::json::{self, JsonError};

/// A table: its member, and what its columns say.
#[derive(Debug)]
pub struct Table {
    /// The member below the folder of the bundle; a star stands for anything.
    member: &'static str,
    source: &'static str,
    times: &'static [Dated],
    about: About,
    labels: &'static [&'static str],
}

/// A column that is a time.
#[derive(Debug)]
struct Dated {
    column: &'static str,
    what: &'static str,
    form: Form,
    words: &'static str,
}

/// How a time stands there.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// RFC 3339.
    Text(Quality),
    /// Seconds since 1970, by the clock of the collection.
    BootSeconds,
    /// Days since 1970; 0 says something else.
    Days,
}

/// The columns that name somebody or something; empty for none.
#[derive(Debug)]
struct About {
    user: &'static str,
    auid: &'static str,
    address: &'static str,
    host: &'static str,
    path: &'static str,
    pid: &'static str,
}

const NOBODY: About = About { user: "", auid: "", address: "", host: "", path: "", pid: "" };

const EXACT: Form = Form::Text(Quality::Exact);
const SINCE_BOOT: Form = Form::Text(Quality::SinceBoot);

static TABLES: &[Table] = &[
    Table {
        member: "data/live/processes/processes*.jsonl",
        source: "processes",
        times: &[Dated {
            column: "start",
            what: "process.started",
            form: SINCE_BOOT,
            words: "process {pid} started, still running at the collection: {comm}[, program {exe}][, command {command}]\
                [, user {uid}][, login {login_uid}]",
        }],
        about: About { auid: "login_uid", path: "exe", pid: "pid", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/sessions-live/sessions.jsonl",
        source: "sessions_live",
        times: &[Dated {
            column: "started",
            what: "session.opened",
            form: EXACT,
            words: "session[ {audit_session}][ of {name}] opened, still there at the collection[, from {remote}][, by {service}]\
                [, first process {leader}]",
        }],
        about: About { user: "name", auid: "login_uid", address: "remote", pid: "leader", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/sessions-live/multiplexers.jsonl",
        source: "sessions_live",
        times: &[Dated {
            column: "started",
            what: "process.started",
            form: SINCE_BOOT,
            words: "{kind} {role}[, process {pid},] started, still there at the collection[, user {uid}]",
        }],
        about: About { auid: "login_uid", pid: "pid", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/kernel-log/kmsg*.jsonl",
        source: "kernel",
        times: &[Dated {
            column: "utc",
            what: "kernel.message",
            form: SINCE_BOOT,
            words: "kernel log[ ({facility} {level})]: {message}",
        }],
        about: NOBODY,
        labels: &[],
    },
    Table {
        member: "data/view/login-records.jsonl",
        source: "login_records",
        times: &[
            Dated {
                column: "time",
                what: "login_record.{kind}",
                form: EXACT,
                words: "login record {kind}[ of {user}][ at {line}][ from {host}][ ({address})], in {file}",
            },
            Dated {
                column: "logout",
                what: "session.closed",
                form: EXACT,
                words: "login record: session[ of {user}][ at {line}] closed, in {file}",
            },
        ],
        about: About { user: "user", address: "address", host: "host", pid: "pid", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/audit-logs/history.jsonl",
        source: "audit_history",
        times: &[Dated { column: "time", what: "auditing.{kind}", form: EXACT, words: "auditing: {words}" }],
        about: NOBODY,
        labels: &["derived"],
    },
    Table {
        member: "data/live/audit-coverage/canary.jsonl",
        source: "audit",
        times: &[Dated {
            column: "time",
            what: "collector.canary",
            form: EXACT,
            words: "phi-ir's own opening in a PHI folder was recorded as audit event {serial}",
        }],
        about: NOBODY,
        labels: &[COLLECTOR],
    },
    Table {
        member: "data/live/audit-state/rules-files.jsonl",
        source: "listing",
        times: &[Dated {
            column: "mtime",
            what: "file.modified",
            form: Form::Text(Quality::Settable),
            words: "{path}: content last changed, as its owner may have set it",
        }],
        about: About { path: "path", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/accounts/shadow*.jsonl",
        source: "accounts",
        times: &[Dated {
            column: "last_change",
            what: "account.password_changed",
            form: Form::Days,
            words: "password of {name} last changed on this day, as the shadow file says ({state})",
        }],
        about: About { user: "name", ..NOBODY },
        labels: &[],
    },
    Table {
        member: "data/live/clock-*/clock.json",
        source: "clock",
        times: &[Dated {
            column: "utc",
            what: "collector.clock",
            form: EXACT,
            words: "phi-ir read the clock[, {boottime_ns} ns after boot][, beside another clock: {reference}]",
        }],
        about: NOBODY,
        labels: &[COLLECTOR],
    },
    Table {
        member: "data/live/host/host.json",
        source: "host",
        times: &[Dated {
            column: "totals.boot_time_unix",
            what: "host.booted",
            form: Form::BootSeconds,
            words: "{hostname} booted, by the clock of the collection",
        }],
        about: NOBODY,
        labels: &[],
    },
];

/// What reads the rows of a member.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// Rows of this table.
    Table(&'static Table),
    /// Rows of a listing.
    Listing,
    /// Rows with `path` and the metadata of a file in `stat`.
    Stat,
}

/// What reads the rows of a member; none of one that holds no dated rows that are known here. `member` is its name below
/// the folder of the bundle.
pub fn reader(member: &str, kind: Kind) -> Option<Reader> {
    const WITH_STAT: [&str; 2] =
        ["data/live/process-files/executables.jsonl", "data/live/sessions-live/logind.jsonl"];
    match TABLES.iter().find(|table| fits(table.member, member)) {
        Some(table) => Some(Reader::Table(table)),
        None if WITH_STAT.contains(&member) => Some(Reader::Stat),
        None => (kind == Kind::Listing && member.ends_with(".jsonl")).then_some(Reader::Listing),
    }
}

/// A pattern of which each star stands for anything but a slash.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else { return pattern == name };
    name.strip_prefix(before).is_some_and(|rest| {
        let reach = rest.find('/').unwrap_or(rest.len());
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).take_while(|at| *at <= reach);
        ends.filter_map(|at| rest.split_at_checked(at)).any(|(_, rest)| fits(behind, rest))
    })
}

impl Reader {
    /// What its facts have as their source.
    pub fn source(self) -> &'static str {
        match self {
            Reader::Table(table) => table.source,
            Reader::Listing | Reader::Stat => "listing",
        }
    }

    /// Whether its rows are about files, with all of their metadata.
    pub fn has_files(self) -> bool {
        matches!(self, Reader::Listing | Reader::Stat)
    }

    /// The file that a row is about, where it has all of its metadata.
    pub fn file(self, row: &[u8]) -> Option<FileLine> {
        match self {
            Reader::Table(_) => None,
            Reader::Listing => FileLine::read(row).ok(),
            Reader::Stat => Stated::read(row).ok(),
        }
    }

    /// Whether the member is one document, and no rows.
    pub fn is_document(self) -> bool {
        matches!(self, Reader::Table(table) if table.member.ends_with(".json"))
    }

    /// The facts of one row, which stands so many bytes into the member of `entry`; what gives none is counted.
    pub fn facts(self, row: &[u8], at: At, tally: &mut Tally) -> Vec<Fact> {
        let read = match self {
            Reader::Table(table) => table.facts(row, at),
            Reader::Listing => FileLine::read(row).map(|line| line.facts("listing", at)),
            Reader::Stat => Stated::read(row).map(|line| line.facts("listing", at)),
        };
        match read {
            Ok(facts) => {
                tally.count(facts.len());
                facts
            }
            Err(_) => {
                tally.unread += 1;
                Vec::new()
            }
        }
    }
}

impl Table {
    fn facts(&self, row: &[u8], at: At) -> Result<Vec<Fact>, JsonError> {
        let row: Row = json::read(row, LONGEST_ROW)?;
        Ok(self.times.iter().filter_map(|dated| self.fact(dated, &row, at)).collect())
    }

    fn fact(&self, dated: &Dated, row: &Row, at: At) -> Option<Fact> {
        let (time, quality) = dated.form.read(row, dated.column)?;
        let what = stable(&row.fill(dated.what));
        let fact =
            Fact::new(time, what, &row.fill(dated.words), self.source, within(row, at)).quality(quality);
        let small = |column| row.number(column).and_then(|number| u32::try_from(number).ok());
        Some(Fact {
            user: bytes(row, self.about.user),
            auid: small(self.about.auid),
            address: whence(bytes(row, self.about.address), &bytes(row, self.about.host)),
            path: bytes(row, self.about.path),
            pid: small(self.about.pid),
            labels: self.labels.to_vec(),
            ..fact
        })
    }
}

impl Form {
    fn read(self, row: &Row, column: &str) -> Option<(Timestamp, Quality)> {
        let number = |scale| i64::try_from(row.number(column)?).ok()?.checked_mul(scale);
        match self {
            Form::Text(quality) => Some((Timestamp::parse(row.text(column)?).ok()?, quality)),
            Form::BootSeconds => Some((Timestamp::from_unix(number(1)?, 0), Quality::SinceBoot)),
            Form::Days => {
                let seconds = number(86_400).filter(|seconds| *seconds > 0)?;
                Some((Timestamp::from_unix(seconds, 0), Quality::Day))
            }
        }
    }
}

/// A row that says itself where its evidence lies is of that place.
fn within(row: &Row, at: At) -> At {
    let entry = row.text("entry").filter(|text| text.len() == 6).and_then(|text| text.parse().ok());
    match entry {
        Some(entry) => {
            let offset = row.number("offset").and_then(|offset| u64::try_from(offset).ok());
            At { entry: Some(EntryId(entry)), offset: offset.unwrap_or(0) }
        }
        None => at,
    }
}

/// What the host chose, exactly where the row has it so.
fn bytes(row: &Row, column: &str) -> Vec<u8> {
    let exact = row.text(&format!("{column}_b64")).and_then(|text| {
        let quoted = format!("\"{text}\"");
        json::read::<Base64>(quoted.as_bytes(), LONGEST_ROW).ok()
    });
    exact.map(|exact| exact.0).unwrap_or_else(|| row.text(column).unwrap_or_default().as_bytes().to_vec())
}

/// A word that a row may have had a part in: a bundle that was tampered with puts nothing else into it.
fn stable(word: &str) -> String {
    word.chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.')).take(64).collect()
}

/// A row that has the metadata of a file within it.
struct Stated;

impl Stated {
    fn read(row: &[u8]) -> Result<FileLine, JsonError> {
        #[derive(serde::Deserialize)]
        struct Line {
            path: String,
            #[serde(default)]
            path_b64: Option<Base64>,
            stat: crate::custody::entry::FileStat,
        }
        let line: Line = json::read(row, LONGEST_ROW)?;
        let exact = line.path_b64.map_or_else(|| line.path.into_bytes(), |exact| exact.0);
        Ok(FileLine::of(&exact, &line.stat))
    }
}

#[cfg(test)]
mod tests;
