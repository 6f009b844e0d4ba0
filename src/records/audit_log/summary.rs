//! What an audit log says as a whole: from when to when it reaches, which keys occur in it, what it says of auditing
//! itself, and which serial numbers are not in it. Learnt while it passes, in bounded memory.

use std::collections::BTreeMap;

use super::serials::Serials;
use super::{EventId, OwnEvents, Record, record};
use crate::clock::Timestamp;
use crate::records::unpack::Unread;

/// Bytes of a line that are read; the kernel's records have 8,970 at most.
const LINE_LIMIT: usize = 64 << 10;
/// Changes of auditing that are kept of one file.
const NOTES_KEPT: usize = 1_000;
/// Keys that are kept of one file.
const KEYS_KEPT: usize = 1_000;
/// The list of rules about records that are left out (linux/audit.h, `AUDIT_FILTER_EXCLUDE`).
const EXCLUDE: u64 = 5;

/// What one file says as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    carry: Vec<u8>,
    /// The line is longer than what is read: the rest of it passes unread.
    passing: bool,
    span: Option<(Timestamp, Timestamp)>,
    /// Why the file could not be unpacked, or not to its end.
    pub broken: Option<Unread>,
    /// Records that could be read.
    pub records: u64,
    /// Lines that are no record, torn and empty ones aside.
    pub unread: u64,
    /// Lines longer than what is read of one.
    pub oversize: u64,
    /// The first line is the rest of one that began in another file, or was cut.
    pub torn_first: bool,
    /// The file ends in the middle of a line.
    pub torn_last: bool,
    /// NUL bytes, which no record holds: a hole, or a file that was cut.
    pub nuls: u64,
    /// Events whose system call carries a key, by key.
    pub keys: BTreeMap<Vec<u8>, KeyUse>,
    /// Keys that were not kept.
    pub keys_left: u64,
    /// What it says of auditing itself, in the order of the file.
    pub notes: Vec<Note>,
    /// Such records that were not kept.
    pub notes_left: u64,
    /// The serial numbers.
    pub serials: Serials,
    /// From here on notes have no next event yet.
    notes_open: usize,
    own: Option<OwnEvents>,
    /// Events of system calls that are our own, whatever their keys.
    pub own_events: u64,
}

/// How often a key occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Events of system calls.
    pub events: u64,
    /// The earliest.
    pub first: Timestamp,
    /// The latest.
    pub last: Timestamp,
}

/// Something that the log says of auditing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event.
    pub id: EventId,
    /// The latest record before it in this file.
    pub after: Option<Timestamp>,
    /// The next event of the kernel's behind it in this file.
    pub next: Option<Timestamp>,
    /// What.
    pub kind: NoteKind,
}

/// What is said of auditing itself (kernel/audit.c `audit_log_config_change`, kernel/auditfilter.c
/// `audit_log_rule_change`; auditd's own records).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// Switched to `now` from `before`: 0 off, 1 on, 2 on and locked.
    Enabled {
        /// The new state.
        now: u64,
        /// The old one, where it is said.
        before: Option<u64>,
    },
    /// A rule came into force, with these keys.
    RuleAdded(Vec<Vec<u8>>),
    /// A rule went.
    RuleRemoved(Vec<Vec<u8>>),
    /// A rule about records that are left out went: which they were, is not said.
    ExclusionRemoved,
    /// Somebody set the counter of lost records back, which had come to this.
    LostReset(u64),
    /// auditd began to write.
    DaemonStart,
    /// auditd ended, in order or not.
    DaemonEnd,
    /// The serial numbers begin anew: the machine was booted.
    Boot,
    /// Anything else, by its type and what was done.
    Other(String),
}

impl Summary {
    /// Of a file in which events of our own may stand.
    pub fn without(own: Option<OwnEvents>) -> Summary {
        Summary { own, ..Summary::default() }
    }

    /// The next bytes of the file.
    pub fn piece(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end);
            if self.carry.is_empty() && !self.passing {
                self.line(line);
            } else {
                self.hold(line);
                let line = std::mem::take(&mut self.carry);
                self.passing = false;
                self.line(&line);
                // Kept for the next one.
                self.carry = line;
                self.carry.clear();
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        self.hold(rest);
    }

    /// The file has ended.
    pub fn end(&mut self) {
        if !self.carry.is_empty() {
            self.torn_last = true;
            let line = std::mem::take(&mut self.carry);
            // It may be whole but for its end; if it is not, it is torn and not odd.
            let unread = self.unread;
            self.line(&line);
            self.unread = unread;
        }
    }

    /// The times of the earliest and the latest record.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    fn hold(&mut self, part: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.carry.len());
        if part.len() > room && !self.passing {
            self.passing = true;
            self.oversize += 1;
        }
        self.carry.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
    }

    fn line(&mut self, line: &[u8]) {
        let Some(record) = record(line) else {
            self.nuls += line.iter().filter(|byte| **byte == 0).count() as u64;
            let is_first = self.records == 0 && self.unread == 0 && !self.torn_first;
            if is_first && !line.is_empty() {
                self.torn_first = true;
            } else if !line.trim_ascii().is_empty() {
                self.unread += 1;
            }
            return;
        };
        self.records += 1;
        let before = self.span.map(|(_, last)| last);
        let time = record.id.time;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        // auditd numbers what it says of itself on its own.
        if !record.kind.starts_with(b"DAEMON_") {
            if self.serials.saw(record.id) {
                self.keep(Note { id: record.id, after: before, next: None, kind: NoteKind::Boot });
            }
            self.follows(record.id);
        }
        if record.kind == b"SYSCALL" {
            self.keyed(&record);
        } else if let Some(kind) = note(&record) {
            self.keep(Note { id: record.id, after: before, next: None, kind });
        }
    }

    fn keep(&mut self, note: Note) {
        if self.notes.len() < NOTES_KEPT {
            self.notes.push(note);
        } else {
            self.notes_left += 1;
        }
    }

    /// An event of the kernel's: it is the next one for the notes before it.
    fn follows(&mut self, id: EventId) {
        for note in self.notes.iter_mut().skip(self.notes_open).filter(|note| note.id != id) {
            note.next = Some(id.time);
            self.notes_open += 1;
        }
    }

    fn keyed(&mut self, record: &Record<'_>) {
        // Most records have none, and it stands near the end: no need to read all fields.
        if record.body.ends_with(b"key=(null)") {
            return;
        }
        if self.own.is_some_and(|own| own.is(record)) {
            self.own_events += 1;
            return;
        }
        let time = record.id.time;
        for key in record.keys() {
            let full = self.keys.len() >= KEYS_KEPT && !self.keys.contains_key(&key);
            if full {
                self.keys_left += 1;
                continue;
            }
            let used = self.keys.entry(key).or_insert(KeyUse { events: 0, first: time, last: time });
            used.events += 1;
            (used.first, used.last) = (used.first.min(time), used.last.max(time));
        }
    }
}

fn note(record: &Record<'_>) -> Option<NoteKind> {
    match record.kind {
        b"CONFIG_CHANGE" => Some(config_change(record)),
        b"DAEMON_START" => Some(NoteKind::DaemonStart),
        b"DAEMON_END" | b"DAEMON_ABORT" => Some(NoteKind::DaemonEnd),
        b"KERNEL" | b"SYSTEM_BOOT" | b"SYSTEM_SHUTDOWN" | b"FEATURE_CHANGE" => {
            Some(NoteKind::Other(spoken(record)))
        }
        kind if kind.starts_with(b"DAEMON_") => Some(NoteKind::Other(spoken(record))),
        _ => None,
    }
}

fn config_change(record: &Record<'_>) -> NoteKind {
    // What was tried and refused changed nothing.
    if record.number("res") == Some(0) {
        return NoteKind::Other(spoken(record));
    }
    let op = record.text("op").unwrap_or_default();
    // Kernels before 3.19 wrote "add rule" in quotes, and "remove rule".
    match op.as_slice() {
        b"add_rule" | b"add rule" => return NoteKind::RuleAdded(record.keys()),
        b"remove_rule" | b"remove rule" if record.number("list") == Some(EXCLUDE) => {
            return NoteKind::ExclusionRemoved;
        }
        b"remove_rule" | b"remove rule" => return NoteKind::RuleRemoved(record.keys()),
        _ => {}
    }
    if let Some(now) = record.number("audit_enabled") {
        return NoteKind::Enabled { now, before: record.number("old") };
    }
    match (record.number("lost"), record.number("old")) {
        (Some(0), Some(old)) => NoteKind::LostReset(old),
        _ => NoteKind::Other(spoken(record)),
    }
}

/// Type and operation, as plain text.
fn spoken(record: &Record<'_>) -> String {
    let printable = |bytes: &[u8]| -> String {
        bytes.iter().take(60).map(|byte| if byte.is_ascii_graphic() { *byte as char } else { '?' }).collect()
    };
    match record.text("op") {
        Some(op) => format!("{} {}", printable(record.kind), printable(&op)),
        None => printable(record.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CONFIG, SYSCALL};
    use super::*;
    use crate::records::mishaps::Mishaps;

    fn summary(text: &[u8], piece: usize) -> Summary {
        let mut summary = Summary::default();
        text.chunks(piece).for_each(|bytes| summary.piece(bytes));
        summary.end();
        summary
    }

    /// Written from documentation where it is not of the test machine.
    fn log() -> Vec<u8> {
        let mut log = b"of another line\n".to_vec();
        for line in [
            b"type=DAEMON_START msg=audit(1795349465.839:5422): op=start ver=3.0.9 auid=4294967295 pid=1 res=success".as_slice(),
            b"type=CONFIG_CHANGE msg=audit(1795349466.843:2019): op=set audit_enabled=1 old=0 auid=4294967295 ses=1 res=1",
            CONFIG,
            SYSCALL,
            b"type=PROCTITLE msg=audit(1795349467.143:2021): proctitle=6175",
            b"type=CONFIG_CHANGE msg=audit(1795349468.000:2022): op=set lost=0 old=12 auid=1 ses=1 res=1",
            b"type=SYSCALL msg=audit(1795349468.000:2026): pid=1 key=610162",
            b"not a record",
            b"type=DAEMON_END msg=audit(1795349470.000:5423): op=terminate auid=0 pid=1 res=success",
            b"type=SYSCALL msg=audit(1795349469.000:2030): pid=1 ke",
        ] {
            log.extend_from_slice(line);
            log.push(b'\n');
        }
        log.pop();
        log
    }

    #[test]
    fn the_whole_is_the_same_however_it_comes() {
        let log = log();
        let whole = summary(&log, log.len());
        for piece in [1, 7, 64, 1000] {
            assert_eq!(format!("{:?}", summary(&log, piece)), format!("{whole:?}"));
        }
        let (first, last) = whole.span().unwrap();
        assert_eq!((first.unix(), last.unix()), (1_795_349_465, 1_795_349_470));
        assert_eq!((whole.records, whole.unread), (9, 1));
        assert!(whole.torn_first && whole.torn_last);
        let keys: Vec<_> = whole.keys.iter().map(|(key, used)| (key.as_slice(), used.events)).collect();
        assert_eq!(keys, [(&b"a"[..], 1), (b"b", 1), (b"phik", 1)]);
    }

    #[test]
    fn what_it_says_of_auditing_itself_is_kept_in_its_order() {
        let summary = summary(&log(), 100);
        let kinds: Vec<NoteKind> = summary.notes.iter().map(|note| note.kind.clone()).collect();
        assert_eq!(
            kinds,
            [
                NoteKind::DaemonStart,
                NoteKind::Enabled { now: 1, before: Some(0) },
                NoteKind::RuleAdded(vec![b"phik".to_vec()]),
                NoteKind::LostReset(12),
                NoteKind::DaemonEnd,
            ]
        );
        assert_eq!(summary.notes[0].after, None);
        assert_eq!(summary.notes[4].after.unwrap().unix(), 1_795_349_468);
        let refused = b"type=CONFIG_CHANGE msg=audit(1.0:1): op=add_rule key=\"x\" list=4 res=0\n";
        let mut other = Summary::default();
        other.piece(refused);
        assert_eq!(other.notes[0].kind, NoteKind::Other("CONFIG_CHANGE add_rule".into()));
    }

    #[test]
    fn what_we_did_ourselves_is_nobody_s_access_and_what_had_our_number_before_is() {
        let mut summary = Summary::without(Some(OwnEvents { pid: 7, since: Timestamp::from_unix(100, 0) }));
        summary.piece(b"type=SYSCALL msg=audit(90.0:1): pid=7 key=\"k\"\n");
        summary.piece(b"type=SYSCALL msg=audit(100.0:2): pid=7 key=\"k\"\n");
        summary.piece(b"type=SYSCALL msg=audit(101.0:3): pid=8 key=\"k\"\n");
        assert_eq!((summary.keys[&b"k"[..]].events, summary.own_events), (2, 1));
    }

    #[test]
    fn a_line_without_an_end_costs_no_memory() {
        let mut summary = Summary::default();
        let begin = b"type=SYSCALL msg=audit(1.0:1): a0=";
        summary.piece(begin);
        (0..100).for_each(|_| summary.piece(&[b'x'; 100_000]));
        assert!(summary.carry.capacity() <= 4 * LINE_LIMIT);
        summary.piece(b"\ntype=SYSCALL msg=audit(2.0:2): key=\"k\"\n");
        summary.end();
        assert_eq!((summary.oversize, summary.records, summary.keys.len()), (1, 2, 1));
    }

    #[test]
    fn no_mishap_makes_it_panic() {
        Mishaps::of(&log()).each(|bytes| drop(summary(bytes, 50)));
    }
}
