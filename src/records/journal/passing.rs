//! A journal file while it passes, once and from its beginning to its end: what it says of logins, and the audit records
//! in it. Nothing can be looked up in what has passed, so that values are kept until the last entry that has them: each
//! says how many have, and every value stands before its entries (systemd, journal-def.h, `struct DataObject`).
//!
//! What needs the whole file at hand is not done here: the list of entries is not followed, and only values that are
//! wanted are held against their hashes. Memory: 8 MiB of values, and one value more.

use std::collections::HashMap;
use std::sync::Arc;

use super::data::Field;
use super::entry::Entry;
use super::object::{self, HEAD, Kind, Object};
use super::{COMPACT, ITEMS, KEYED, KNOWN, hash};
use crate::records::journal_header::{Header, LENGTH, State};
use crate::records::unpack::payload::payload;

/// Fields of which anything is made.
pub const WANTED: [&[u8]; 15] = [
    b"MESSAGE",
    b"SYSLOG_IDENTIFIER",
    b"SYSLOG_PID",
    b"_AUDIT_ID",
    b"_AUDIT_SESSION",
    b"_AUDIT_TYPE",
    b"_AUDIT_TYPE_NAME",
    b"_COMM",
    b"_EXE",
    b"_HOSTNAME",
    b"_PID",
    b"_SOURCE_REALTIME_TIMESTAMP",
    b"_SYSTEMD_UNIT",
    b"_TRANSPORT",
    b"_UID",
];
/// Bytes of a value; programs that let in say nothing longer.
const LONGEST: usize = 256 << 10;
/// Bytes of values that are kept, with what each costs besides.
const ROOM: usize = 8 << 20;
const COST: usize = 96;
/// Bytes that a file that is being written may grow by while it passes.
const GROWTH: u64 = 4 << 30;
/// So many bytes are given at most for each byte that has passed, and these besides; to look a value up counts as some.
const WORK: u64 = 32;
const MORE_WORK: u64 = 256 << 20;
const LOOK: usize = 64;
/// What is packed may be so many times as long as what has passed, and this.
const RATIO: u64 = 64;
const SPARE: u64 = 64 << 20;

/// What was seen of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Entries that were given.
    pub entries: u64,
    /// Of these, such as have no message, or no sender, among what could be kept: more may be said in them.
    pub unheard: u64,
    /// Values that are wanted and whose hash is not theirs: changed in place.
    pub edited: u64,
    /// Places where no object stood although one should.
    pub holes: u64,
    /// It is shorter than its header says, ends within an object, or before the last one that its header names.
    pub ends_early: bool,
    /// Its header cannot be read, or asks for what is not known here: nothing was given.
    pub refused: bool,
    /// Entries that its header counts, and that did not pass.
    pub missing: u64,
    /// Entries that passed beyond those that the header of a closed file counts: hidden from whoever goes by its list,
    /// or written while it passed.
    pub beyond: u64,
}

impl Seen {
    /// All that stands in the file was given, as far as can be seen in passing.
    pub fn is_whole(&self) -> bool {
        self.shortcomings().is_none()
    }

    /// What keeps it from that, in words.
    pub fn shortcomings(&self) -> Option<String> {
        let counts = [
            (self.unheard, "entries without a message or a sender that could be read"),
            (self.missing, "entries fewer than its header counts"),
            (
                self.beyond,
                "entries more than its header counts: written while it passed, or hidden from journalctl",
            ),
            (self.edited, "values that do not have their hash: changed in place"),
            (self.holes, "places where something stands that is no part of a journal"),
        ];
        let told = counts.into_iter().filter(|(count, _)| *count > 0);
        let mut words: Vec<String> = told.map(|(count, words)| format!("{count} × {words}")).collect();
        words.extend(self.ends_early.then(|| "it ends too early".to_owned()));
        words.extend(
            self.refused.then(|| "its header cannot be read, or asks for what is not known here".to_owned()),
        );
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// A value that a later entry may have.
#[derive(Debug)]
struct Kept {
    field: Arc<Field>,
    /// Entries that have it and did not pass yet. One that is just being written may come on top.
    left: u64,
}

/// What is to be done with what is at hand.
enum Step {
    /// So many bytes are needed.
    Needs(usize),
    /// So many bytes are done with, at hand or not.
    Passes(u64),
}

/// Where a place without an object began.
#[derive(Clone, Copy, Debug, Default)]
struct Hole {
    /// Something else than NUL bytes stands there.
    written: bool,
}

/// Reads a file as it passes.
#[derive(Debug, Default)]
pub struct Passing {
    header: Option<Header>,
    compact: bool,
    key: Option<[u8; 16]>,
    /// Where the last object begins that the header names.
    tail: u64,
    /// The end of the last object that passed.
    reached: u64,
    /// Place of the first byte at hand.
    position: u64,
    /// Bytes at hand that are not enough yet.
    waiting: Vec<u8>,
    needs: usize,
    /// Bytes that are to pass unseen.
    passes: u64,
    hole: Option<Hole>,
    kept: HashMap<u64, Kept>,
    weight: usize,
    /// The weight of those of them whose entries have all passed.
    spent: usize,
    unpacked: u64,
    /// Bytes of values that were given.
    work: u64,
    fields: Vec<Arc<Field>>,
    seen: Seen,
}

type Each<'e> = dyn FnMut(Entry<'_>) + 'e;

impl Passing {
    /// The next bytes of the file. Entries have only those fields of which anything is made.
    pub fn piece(&mut self, mut bytes: &[u8], each: &mut Each<'_>) {
        while !bytes.is_empty() && !self.seen.refused {
            let unseen = usize::try_from(self.passes).unwrap_or(usize::MAX).min(bytes.len());
            if unseen > 0 {
                self.passes -= unseen as u64;
                self.position += unseen as u64;
                bytes = bytes.get(unseen..).unwrap_or_default();
            } else if self.waiting.is_empty() {
                bytes = self.steps(bytes, each);
            } else {
                bytes = self.wait(bytes, each);
            }
        }
    }

    /// All has passed.
    pub fn end(mut self) -> Seen {
        // Room that nobody has written to yet is no object.
        let torn = self.waiting.iter().any(|byte| *byte != 0) || self.hole.is_some_and(|hole| hole.written);
        let Some(header) = &self.header else { return Seen { refused: true, ..self.seen } };
        let is_closed = header.state != State::Online;
        let is_short =
            self.passes > 0 || self.position + (self.waiting.len() as u64) < header.claimed_length();
        self.seen.ends_early = is_short || self.tail >= self.reached || (torn && is_closed);
        // Its header came first: of one that is being written more passes than that counts, and never less.
        self.seen.missing = header.n_entries.saturating_sub(self.seen.entries);
        if is_closed {
            self.seen.beyond = self.seen.entries.saturating_sub(header.n_entries);
        }
        self.seen
    }

    /// Takes what makes the bytes that wait enough, and goes on with them.
    fn wait<'b>(&mut self, bytes: &'b [u8], each: &mut Each<'_>) -> &'b [u8] {
        let lacking = self.needs.saturating_sub(self.waiting.len()).min(bytes.len());
        let (more, rest) = bytes.split_at_checked(lacking).unwrap_or((bytes, b""));
        self.waiting.extend_from_slice(more);
        if self.waiting.len() >= self.needs {
            let waiting = std::mem::take(&mut self.waiting);
            self.steps(&waiting, each);
        }
        rest
    }

    /// Goes on as far as the bytes at hand allow; what is not enough waits.
    fn steps<'b>(&mut self, mut bytes: &'b [u8], each: &mut Each<'_>) -> &'b [u8] {
        while !bytes.is_empty() {
            match self.step(bytes, each) {
                Step::Needs(length) => {
                    (self.needs, self.waiting) = (length, bytes.to_vec());
                    return b"";
                }
                Step::Passes(length) => {
                    let here = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
                    self.position += here as u64;
                    self.passes = length - here as u64;
                    bytes = bytes.get(here..).unwrap_or_default();
                    if self.passes > 0 || self.seen.refused {
                        return bytes;
                    }
                }
            }
        }
        bytes
    }

    fn step(&mut self, bytes: &[u8], each: &mut Each<'_>) -> Step {
        if self.header.is_none() {
            return if bytes.len() < LENGTH { Step::Needs(LENGTH) } else { self.begin(bytes) };
        }
        if bytes.len() < HEAD as usize {
            return Step::Needs(HEAD as usize);
        }
        match Object::parse(bytes, self.position, self.limit(), self.compact) {
            // Within a hole bytes that nobody writes must be 0, or anything could be an object.
            Some(object) if self.hole.is_none() || !object.odd => self.object(object, bytes, each),
            _ => {
                let word = bytes.first_chunk::<8>().is_some_and(|word| *word != [0; 8]);
                self.hole.get_or_insert_default().written |= word;
                Step::Passes(8)
            }
        }
    }

    /// Where an object ends at the latest. One that is being written may have grown since its header was read.
    fn limit(&self) -> u64 {
        let Some(header) = &self.header else { return 0 };
        let grows = header.state == State::Online && self.hole.is_none();
        header.claimed_length().saturating_add(if grows { GROWTH } else { 0 })
    }

    fn begin(&mut self, bytes: &[u8]) -> Step {
        let known = Header::parse(bytes).ok().filter(|header| header.incompatible & !KNOWN == 0);
        let Some(header) = known else {
            self.seen.refused = true;
            return Step::Passes(0);
        };
        self.compact = header.incompatible & COMPACT != 0;
        self.key = (header.incompatible & KEYED != 0).then_some(header.file_id);
        self.tail = object::number(bytes, 136).unwrap_or(0);
        let length = header.header_size;
        self.reached = length;
        self.header = Some(header);
        Step::Passes(length)
    }

    fn object(&mut self, object: Object, bytes: &[u8], each: &mut Each<'_>) -> Step {
        let needed = match object.kind {
            Kind::Entry => object.size.min(object::ENTRY + ITEMS * object::entry_item(self.compact)),
            Kind::Data => object.size.min(object::payload_at(self.compact) + LONGEST as u64),
            Kind::Field | Kind::DataTable | Kind::FieldTable | Kind::EntryArray | Kind::Tag => HEAD,
        };
        let Some(body) = bytes.get(..needed as usize) else { return Step::Needs(needed as usize) };
        self.seen.holes += u64::from(self.hole.take().is_some());
        self.reached = object.end();
        match object.kind {
            Kind::Entry => self.entry(&object, body, each),
            Kind::Data => self.value(&object, body),
            Kind::Field | Kind::DataTable | Kind::FieldTable | Kind::EntryArray | Kind::Tag => {}
        }
        Step::Passes(object.end() - object.offset)
    }

    /// Keeps a value, if it is wanted.
    fn value(&mut self, object: &Object, bytes: &[u8]) {
        let stored = bytes.get(object::payload_at(self.compact) as usize..).unwrap_or_default();
        // What is packed shows its name only when it is unpacked.
        if object.packing().is_none() && !is_wanted(stored) || bytes.len() as u64 != object.size {
            return;
        }
        let Some(field) = self.field(object, stored) else { return };
        let of_hash =
            self.key.map_or_else(|| hash::jenkins(field.bytes()), |key| hash::siphash(&key, field.bytes()));
        self.seen.edited += u64::from(object::number(bytes, 16) != Some(of_hash));
        let left = object::number(bytes, 56).unwrap_or(0).max(1);
        let weight = COST + field.weight();
        if self.weight + weight > ROOM && self.spent > ROOM / 4 {
            self.kept.retain(|_, kept| kept.left > 0);
            (self.weight, self.spent) = (self.weight - self.spent, 0);
        }
        if self.weight + weight <= ROOM {
            self.weight += weight;
            self.kept.insert(object.offset, Kept { field: Arc::new(field), left });
        }
    }

    fn field(&mut self, object: &Object, stored: &[u8]) -> Option<Field> {
        let Some(packing) = object.packing() else { return Field::new(stored.to_vec()) };
        if self.unpacked > self.position.saturating_mul(RATIO).saturating_add(SPARE) {
            return None;
        }
        let made = payload(packing, stored, LONGEST);
        self.unpacked += made.as_ref().map_or_else(|unread| unread.made() as u64, |bytes| bytes.len() as u64);
        made.ok().filter(|bytes| is_wanted(bytes)).and_then(Field::new)
    }

    fn entry(&mut self, object: &Object, bytes: &[u8], each: &mut Each<'_>) {
        let items = bytes.get(object::ENTRY as usize..).unwrap_or_default();
        let compact = self.compact;
        self.fields.clear();
        let places = items.chunks(object::entry_item(compact) as usize);
        for place in places.filter_map(|item| object::item(item, compact)) {
            let field = self.take(place);
            self.fields.extend(field);
        }
        let number = |at| object::number(bytes, at);
        let entry = Entry {
            offset: object.offset,
            seqnum: number(16),
            realtime: number(24).unwrap_or(0),
            monotonic: number(32).unwrap_or(0),
            boot_id: bytes.get(40..).and_then(|id| id.first_chunk().copied()),
            listed: true,
            whole: false,
            edited: false,
            fields: &self.fields,
        };
        self.seen.entries += 1;
        let has_sender = [&b"SYSLOG_IDENTIFIER"[..], b"_COMM"].iter().any(|name| entry.get(name).is_some());
        self.seen.unheard += u64::from(!has_sender || entry.get(b"MESSAGE").is_none());
        each(entry);
    }

    /// The value that stands at a place.
    fn take(&mut self, place: u64) -> Option<Arc<Field>> {
        let kept = self.kept.get_mut(&place)?;
        // A file can give one long value to each of its entries.
        self.work += (LOOK + kept.field.weight()) as u64;
        if self.work > self.position.saturating_mul(WORK).saturating_add(MORE_WORK) {
            return None;
        }
        if kept.left == 1 {
            self.spent += COST + kept.field.weight();
        }
        kept.left = kept.left.saturating_sub(1);
        Some(Arc::clone(&kept.field))
    }
}

/// Whether a field, `NAME=value`, is one of those of which anything is made.
fn is_wanted(field: &[u8]) -> bool {
    WANTED.iter().any(|name| field.strip_prefix(*name).is_some_and(|rest| rest.starts_with(b"=")))
}
