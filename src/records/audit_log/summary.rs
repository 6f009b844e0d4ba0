//! What an audit log says as a whole: from when to when it reaches, which keys occur in it, what it says of auditing
//! itself, and which serial numbers are not in it. Learnt while it passes, in bounded memory.

mod switches;

use std::collections::{BTreeMap, VecDeque};

use memchr::memchr;

use super::head::head;
use super::ids::Ids;
use super::notes::{Note, NoteKind, note};
use super::serials::Serials;
use super::{EventId, OwnEvents, Record, is_call, is_further, record_of};
use crate::clock::Timestamp;
use crate::records::unpack::Unread;

/// Bytes of a line that are read; the kernel's records have 8,970 at most.
const LINE_LIMIT: usize = 64 << 10;
/// Changes of auditing that are kept of one file.
const NOTES_KEPT: usize = 1_000;
/// Keys that are kept of one file.
const KEYS_KEPT: usize = 1_000;
/// Keys of one record, and bytes of one: the kernel takes no longer one (linux/audit.h, `AUDIT_MAX_KEY_LEN`).
pub(super) const KEYS_OF_ONE: usize = 16;
pub(super) const KEY_BYTES: usize = 256;
/// Events that are remembered while the records of others come between theirs.
const RECENT: usize = 1_024;
/// Events without their first record that are kept of one file.
const HEADLESS_KEPT: usize = 64;
/// Machines that are kept of one file, and bytes of the name of one.
const NODES_KEPT: usize = 4;
const NODE_BYTES: usize = 255;
/// Runs of numbers that are kept of one file that passes: some 150 KiB.
const RUNS: usize = 2_048;
/// Times without a record that are kept of one file.
const SILENCES: usize = 32;
/// sendto(2), by which auditing is changed, on x86_64, i386, aarch64, ppc and s390x.
const SENDTO: [u64; 5] = [44, 369, 206, 335, 369];

/// What is asked of a log beside what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// What we did ourselves is nobody's access; none where the log is another machine's.
    pub own: Option<OwnEvents>,
    /// The time that host programs are asked about, in whole seconds.
    pub within: Option<(i64, i64)>,
}

/// What one file says as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    carry: Vec<u8>,
    /// The line is longer than what is read: the rest of it passes unread.
    passing: bool,
    span: Option<(Timestamp, Timestamp)>,
    /// When the kernel's events begin and end: auditd's own records say nothing of them.
    pub kernel_span: Option<(Timestamp, Timestamp)>,
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
    /// The machines that its records name, the first few; of records that name none, the empty name.
    pub nodes: Vec<Vec<u8>>,
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
    /// The event of a system call that the latest line is of, as the line says it.
    current: Vec<u8>,
    /// The first events that show that auditing was on.
    on: Vec<EventId>,
    /// Switches to off behind which there is none yet.
    off: Vec<EventId>,
    /// What stood before the first of the numbers that may be of another boot: notes, and the latest time.
    fall: (usize, Option<Timestamp>),
    asked: Asked,
    /// Events of system calls, the latest of them.
    pub recent: VecDeque<EventId>,
    /// Events of which a further record is here, and not the first, which says who did what.
    pub headless: Vec<EventId>,
    /// Such events that were not kept.
    pub headless_left: u64,
    /// All events of the kernel's, where a log passes into the seal.
    pub ids: Option<Ids>,
    /// Events of system calls that are our own, whatever their keys.
    pub own_events: u64,
    /// The longest times without a record, the shortest of them first.
    silences: Vec<(Timestamp, Timestamp)>,
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
    /// The latest within the time that host programs are asked about.
    pub asked: Option<Timestamp>,
}

impl Summary {
    /// Of a file that passes into the seal, of which this is asked.
    pub fn asked(asked: Asked) -> Summary {
        Summary { asked, ids: Some(Ids::within(RUNS)), ..Summary::default() }
    }

    /// The next bytes of the file.
    pub fn piece(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            if self.carry.is_empty() && !self.passing && line.len() <= LINE_LIMIT {
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

    /// The longest times within the file without a record.
    pub fn silences(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.silences.iter().copied()
    }

    /// A record came behind one of `before`, the latest until then.
    fn silent(&mut self, before: Timestamp, time: Timestamp) {
        let length = time.since(before);
        let shortest = self.silences.first().map(|(from, to)| to.since(*from));
        let is_full = self.silences.len() >= SILENCES;
        if length.is_zero() || is_full && shortest.is_some_and(|shortest| length <= shortest) {
            return;
        }
        if is_full {
            self.silences.remove(0);
        }
        let at = self.silences.partition_point(|(from, to)| to.since(*from) <= length);
        self.silences.insert(at, (before, time));
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

    /// The next line, without its newline, where the file is cut into lines already.
    pub fn line(&mut self, line: &[u8]) {
        let head = head(line);
        // Most lines go on with the event of the line before, and say nothing that is not known of it.
        if head.is_some_and(|head| head.id == self.current && is_further(head.kind)) {
            self.records += 1;
            return;
        }
        let Some(record) = head.and_then(record_of) else {
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
        self.names(record.node);
        let before = self.span.map(|(_, last)| last);
        let time = record.id.time;
        if let Some(before) = before {
            self.silent(before, time);
        }
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        self.booted(&record, before);
        // auditd numbers what it says of itself on its own.
        if !record.kind.starts_with(b"DAEMON_") {
            self.ids.iter_mut().for_each(|ids| ids.saw(record.id));
            self.was_on(&record);
            self.kernel_span = Some(
                self.kernel_span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))),
            );
        }
        let is_first = is_call(record.kind);
        if is_first || is_further(record.kind) {
            self.current.clear();
            self.current.extend_from_slice(head.map_or(b"", |head| head.id));
        }
        if is_further(record.kind) {
            self.belongs(record.id);
        } else if is_first {
            self.began(record.id);
            self.unsaid(&record, before);
            self.keyed(&record);
        } else if let Some(kind) = note(&record) {
            let note = Note { id: record.id, after: before, next: None, kind };
            self.went_off(&note);
            self.keep(note);
        }
    }

    /// So many lines more, right behind one of a call or of what belongs to it, that belong to it as well: of it they say
    /// nothing that is not known.
    pub fn further(&mut self, lines: u64) {
        self.records += lines;
    }

    /// A record of this machine: nearly always of the one that the record before was of.
    fn names(&mut self, node: &[u8]) {
        let node = node.get(..NODE_BYTES).unwrap_or(node);
        // Most records name none. To compare what is empty takes longer than anything else here: memcmp(3) may look at bytes
        // that are not there, and the processor has to be told that it did not (seen with glibc 2.36 and AVX-512).
        let is_known = |known: &Vec<u8>| known.is_empty() && node.is_empty() || known == node;
        if self.nodes.len() < NODES_KEPT && !self.nodes.iter().rev().any(is_known) {
            self.nodes.push(node.to_vec());
        }
    }

    /// The first record of an event.
    fn began(&mut self, id: EventId) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    /// A further record of an event: without the first nobody knows who did what.
    fn belongs(&mut self, id: EventId) {
        let known = self.recent.iter().rev().any(|recent| *recent == id);
        if known || self.headless.last() == Some(&id) {
            return;
        }
        if self.headless.len() < HEADLESS_KEPT {
            self.headless.push(id);
        } else {
            self.headless_left += 1;
        }
    }

    /// What auditctl sends to the kernel has a record of its own before this one, unless it switches auditing on.
    fn unsaid(&mut self, record: &Record<'_>, before: Option<Timestamp>) {
        let is_theirs = || {
            let exe = record.text("exe").unwrap_or_default();
            exe.ends_with(b"/auditctl") || exe.ends_with(b"/auditd")
        };
        let is_change = record.body.ends_with(b"key=(null)")
            && record.number("syscall").is_some_and(|call| SENDTO.contains(&call))
            && is_theirs();
        if is_change && self.notes.last().is_none_or(|note| note.id != record.id) {
            self.keep(Note { id: record.id, after: before, next: None, kind: NoteKind::ChangeUnsaid });
        }
    }

    fn keep(&mut self, note: Note) {
        self.keep_at(self.notes.len(), note);
    }

    fn keep_at(&mut self, at: usize, note: Note) {
        if self.notes.len() < NOTES_KEPT {
            self.notes.insert(at.min(self.notes.len()), note);
        } else {
            self.notes_left += 1;
        }
    }

    fn keyed(&mut self, record: &Record<'_>) {
        // Most records have none, and it stands near the end: no need to read all fields.
        if record.body.ends_with(b"key=(null)") {
            return;
        }
        if self.asked.own.is_some_and(|own| own.is(record)) {
            self.own_events += 1;
            return;
        }
        // An access that is logged far from its time is not where anybody looks for it.
        self.serials.steps_back += u64::from(self.serials.is_behind());
        let time = record.id.time;
        for (key, at) in record.keys().into_iter().zip(0..) {
            let full = self.keys.len() >= KEYS_KEPT && !self.keys.contains_key(&key);
            if full || at >= KEYS_OF_ONE || key.len() > KEY_BYTES {
                self.keys_left += 1;
                continue;
            }
            let unused = KeyUse { events: 0, first: time, last: time, asked: None };
            let used = self.keys.entry(key).or_insert(unused);
            used.events += 1;
            (used.first, used.last) = (used.first.min(time), used.last.max(time));
            if self.asked.within.is_some_and(|(from, until)| (from..=until).contains(&time.unix())) {
                used.asked = used.asked.max(Some(time));
            }
        }
    }
}

#[cfg(test)]
mod tests;
