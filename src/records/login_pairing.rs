//! Sessions out of login records, as login, sshd, getty and init wrote them one behind the other: a login begins one on a
//! terminal, and something later ends it. Read forwards, file after file, the oldest first; what the records do not say
//! stays unsaid: a session without an end is open at the end of the log, and not "still logged in".

mod copies;
mod ids;
mod open;
mod record;

use std::collections::HashSet;

use super::audit_event::Place;
use super::utmp::{Findings, Flag, Item};
use crate::clock::Timestamp;
use copies::Copies;
use open::{Open, OpenSessions};

pub use ids::Ids;
pub use record::{BOOT, DEAD, INIT, LOGIN, LoginRecord, NEW_TIME, OLD_TIME, RUN_LEVEL, USER};

/// Sessions that are followed at the same time. Half a kilobyte each, at most.
const OPEN_LIMIT: usize = 16_384;
/// Signs that are kept; the others are counted.
const SIGNS_KEPT: usize = 10_000;
/// Processes and lines that are known since the machine began.
const KNOWN_LIMIT: usize = 65_536;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// A record says that its process ended, or a row has its end.
    Logout,
    /// Its terminal waits for the next login: it had ended by then.
    LineFree,
    /// Another login took its terminal: it had ended by then.
    Replaced,
    /// The machine was shut down.
    Down,
    /// The machine began again without having been shut down.
    Crash,
    /// No record says.
    OpenAtEndOfLog,
    /// More sessions were open at once than are followed.
    NotFollowed,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedLogin {
    /// The name that was logged in under; empty where it was made empty.
    pub user: Vec<u8>,
    /// The terminal.
    pub line: Vec<u8>,
    /// The other side, as the program wrote it.
    pub host: Vec<u8>,
    /// Its address.
    pub address: Option<String>,
    /// The process that logged in; 0 for none.
    pub pid: i64,
    /// `ut_session`.
    pub session: i64,
    /// When it began; none where the record has no time.
    pub start: Option<Timestamp>,
    /// When it had ended at the latest.
    pub end: Option<Timestamp>,
    /// Of a crash: the last record before it. The session ended between this and `end`.
    pub end_after: Option<Timestamp>,
    /// How it ended.
    pub ended: Ended,
    /// By how many microseconds the clock was set forward while it lasted, back if negative.
    pub clock_set: i64,
    /// Where its beginning stands.
    pub begin_place: Place,
    /// Where its end stands.
    pub end_place: Option<Place>,
}

/// What kind of sign something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignKind {
    /// What a record has about itself.
    Record(Flag),
    /// The end of a process that no record since the machine began speaks of.
    DeadWithoutUser,
    /// A file begins with an earlier time than that which the file before it ends with.
    FilesOverlap,
    /// Bytes behind the last whole record.
    TrailingBytes,
    /// Rows that a database has numbered and has no more.
    MissingIds,
}

impl SignKind {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            SignKind::Record(flag) => flag.word(),
            SignKind::DeadWithoutUser => "dead_without_user",
            SignKind::FilesOverlap => "files_overlap",
            SignKind::TrailingBytes => "trailing_bytes",
            SignKind::MissingIds => "missing_ids",
        }
    }
}

/// Something that wiping leaves, and other things do as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// Which.
    pub kind: SignKind,
    /// Where it stands.
    pub place: Place,
    /// How many records, or bytes.
    pub count: u64,
}

/// What was found beside the sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Signs of wiping, in the order of the records.
    pub signs: Vec<Sign>,
    /// Signs that were not kept.
    pub signs_left: u64,
    /// Records that were taken.
    pub records: u64,
    /// Records that stood in an earlier file already: they begin nothing, and end what only their own file has.
    pub copies: u64,
    /// Records that were not remembered: a copy of one of them counts again.
    pub copies_unknown: u64,
    /// Ends of sessions that began before the first record that tells of a start of the machine.
    pub begun_before: u64,
    /// How often the clock was set.
    pub clock_steps: u64,
    /// Sessions that were not followed to their end, since too many were open at once.
    pub not_followed: u64,
}

/// Takes records in order and gives sessions as they end.
#[derive(Debug, Default)]
pub struct Pairing {
    open: OpenSessions,
    copies: Copies,
    /// The record that is being read stood in an earlier file.
    is_copy: bool,
    found: Found,
    /// How far the clock was set in all, in microseconds.
    clock: i64,
    old_time: Option<i64>,
    /// The latest record, whatever it says.
    last: Option<(Timestamp, Place)>,
    /// Since the machine began; none before a record says that it did.
    known: Option<Known>,
    down: Option<Timestamp>,
}

/// What has begun since the machine did.
#[derive(Debug, Default)]
struct Known {
    pids: HashSet<i64>,
    lines: HashSet<Vec<u8>>,
    is_full: bool,
}

impl Pairing {
    /// One thing that was found in the file of this number; sessions that end with it go to `each`.
    pub fn item(&mut self, item: &Item<'_>, file: u32, each: &mut dyn FnMut(PairedLogin)) {
        match item {
            Item::Zeros { offset, count, flag } => {
                self.sign(SignKind::Record(*flag), Place { file, offset: *offset }, *count);
            }
            Item::Record { offset, record, flags } => {
                let place = Place { file, offset: *offset };
                flags.iter().for_each(|flag| self.sign(SignKind::Record(*flag), place, 1));
                self.record(LoginRecord::of(record, place), each);
            }
        }
    }

    /// The file of this number has ended, and this was found in it.
    pub fn file_end(&mut self, file: u32, findings: &Findings) {
        if findings.trailing > 0 {
            let place = Place { file, offset: findings.whole };
            self.sign(SignKind::TrailingBytes, place, findings.trailing);
        }
    }

    /// The next record; sessions that end with it go to `each`.
    pub fn record(&mut self, record: LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        self.is_copy = self.copies.is_one(&record);
        if self.is_copy {
            self.found.copies += 1;
            self.copy_ends(&record, each);
            return;
        }
        self.found.records += 1;
        self.note_order(&record);
        match record.kind {
            RUN_LEVEL if record.is_shutdown() => self.all_end(Ended::Down, &record, each),
            BOOT => self.boot(&record, each),
            OLD_TIME => self.old_time = Some(micros(&record)),
            NEW_TIME => self.clock_set(&record),
            // getty(8) and init(8) say that the terminal is free again.
            INIT | LOGIN => {
                self.know(&record);
                self.one_ends(Ended::LineFree, &record, each);
            }
            USER => self.begin(&record, each),
            DEAD => self.dead(&record, each),
            _ => {}
        }
        if let Some(time) = record.time() {
            self.last = Some((time, record.place));
        }
    }

    /// What an earlier file held as well is not counted again, and still ends what began before it in its own file: the
    /// earlier one may have begun in between.
    fn copy_ends(&mut self, record: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        match record.kind {
            RUN_LEVEL if record.is_shutdown() => self.all_end(Ended::Down, record, each),
            BOOT => self.all_end(Ended::Crash, record, each),
            INIT | LOGIN => drop(self.one_ends(Ended::LineFree, record, each)),
            DEAD => drop(self.one_ends(Ended::Logout, record, each)),
            _ => {}
        }
    }

    /// All files have ended: what is open goes to `each`.
    pub fn end(mut self, each: &mut dyn FnMut(PairedLogin)) -> Found {
        let (clock, down) = (self.clock, self.down);
        for open in self.open.into_all() {
            // A row that tells when the machine was shut down may be the last that there is.
            match open.down.or(down).filter(|down| open.record.time().is_none_or(|start| start <= *down)) {
                Some(down) => each(login(open, Ended::Down, Some(down), None, clock)),
                None => each(login(open, Ended::OpenAtEndOfLog, None, None, clock)),
            }
        }
        self.found.copies_unknown = self.copies.unknown;
        self.found
    }

    fn begin(&mut self, record: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        self.know(record);
        if !record.line.is_empty() {
            self.one_ends(Ended::Replaced, record, each);
        }
        let open = Open { record: record.clone(), clock: self.clock, down: self.down };
        if let Some(end) = record.logout_time() {
            each(login(open, Ended::Logout, Some(end), Some(record.place), self.clock));
        } else if self.open.len() >= OPEN_LIMIT {
            self.found.not_followed += 1;
            each(login(open, Ended::NotFollowed, None, None, self.clock));
        } else {
            self.open.add(open);
        }
    }

    fn dead(&mut self, record: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        if self.one_ends(Ended::Logout, record, each) {
            return;
        }
        match &self.known {
            None => self.found.begun_before += 1,
            Some(known) if known.lacks(record) => self.sign(SignKind::DeadWithoutUser, record.place, 1),
            Some(_) => {}
        }
    }

    fn boot(&mut self, record: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        self.all_end(Ended::Crash, record, each);
        self.known = Some(Known::default());
        self.down = record.logout_time();
    }

    fn clock_set(&mut self, record: &LoginRecord) {
        if let Some(old) = self.old_time.take() {
            self.found.clock_steps += 1;
            self.clock = self.clock.saturating_add(micros(record).saturating_sub(old));
        }
    }

    /// Whether a session ended.
    fn one_ends(&mut self, ended: Ended, by: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) -> bool {
        let (clock, is_copy) = (self.clock, self.is_copy);
        let Some(open) = self.open.take(by, &|open| open.can_end(by, clock, is_copy)) else { return false };
        each(login(open, ended, by.time(), Some(by.place), self.clock));
        true
    }

    fn all_end(&mut self, ended: Ended, by: &LoginRecord, each: &mut dyn FnMut(PairedLogin)) {
        let last = self.last.map(|(time, _)| time);
        for open in self.open.take_ended(by, self.clock, self.is_copy) {
            let session = match (ended, open.down) {
                (Ended::Crash, Some(down)) => {
                    login(open, Ended::Down, Some(down), Some(by.place), self.clock)
                }
                (Ended::Crash, None) => {
                    let session = login(open, ended, by.time(), Some(by.place), self.clock);
                    PairedLogin { end_after: last, ..session }
                }
                _ => login(open, ended, by.time(), Some(by.place), self.clock),
            };
            each(session);
        }
    }

    /// Files that follow one another do so in time as well; within one, that is told of each record.
    fn note_order(&mut self, record: &LoginRecord) {
        let (Some(time), Some((last, place))) = (record.time(), self.last) else { return };
        if place.file != record.place.file && time < last {
            self.sign(SignKind::FilesOverlap, record.place, 1);
        }
    }

    fn know(&mut self, record: &LoginRecord) {
        let Some(known) = &mut self.known else { return };
        if known.pids.len().max(known.lines.len()) >= KNOWN_LIMIT {
            known.is_full = true;
            return;
        }
        known.pids.insert(record.pid);
        for name in [&record.line, &record.id] {
            if !name.is_empty() && !known.lines.contains(name) {
                known.lines.insert(name.clone());
            }
        }
    }

    fn sign(&mut self, kind: SignKind, place: Place, count: u64) {
        if self.found.signs.len() < SIGNS_KEPT {
            self.found.signs.push(Sign { kind, place, count });
        } else {
            self.found.signs_left += 1;
        }
    }
}

impl Known {
    /// Whether neither the process nor the terminal has begun anything; not said once there were too many.
    fn lacks(&self, record: &LoginRecord) -> bool {
        let has = |name: &Vec<u8>| !name.is_empty() && self.lines.contains(name);
        let is_known = self.pids.contains(&record.pid) || has(&record.line) || has(&record.id);
        !self.is_full && !is_known && record.pid > 0
    }
}

fn micros(record: &LoginRecord) -> i64 {
    record.seconds.saturating_mul(1_000_000).saturating_add(record.micros)
}

fn login(
    open: Open,
    ended: Ended,
    end: Option<Timestamp>,
    end_place: Option<Place>,
    clock: i64,
) -> PairedLogin {
    let start = open.record.time();
    let Open { record, clock: before, .. } = open;
    PairedLogin {
        user: record.user,
        line: record.line,
        host: record.host,
        address: record.address,
        pid: record.pid,
        session: record.session,
        start,
        end,
        end_after: None,
        ended,
        clock_set: clock.saturating_sub(before),
        begin_place: record.place,
        end_place,
    }
}

#[cfg(test)]
mod tests;
