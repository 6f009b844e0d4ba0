//! The entries of a systemd journal file (systemd.io/JOURNAL_FILE_FORMAT; systemd, journal-def.h): regular or compact,
//! hashes keyed or not, values packed by xz, lz4 or zstd.
//!
//! A file is read in two ways at once: along the list of entries that its header begins, as journalctl(1) does, and from
//! object to object. What only one of the two finds is told: entries that a list leaves out were hidden, or saved from
//! behind damage. Every entry that can be read is given, and the [`Summary`] says what keeps the file from being whole;
//! then its outcome is `inconclusive: not_parsed`, never a shorter journal.
//!
//! Memory: 32 MiB for the fields of one entry, 16 MiB and one value more for values that are kept, 3 MiB for numbers, 1 MiB
//! for notes. Work: 128 times the size of the file and 256 MiB.

mod bridge;
mod chain;
mod clock;
mod data;
mod entry;
mod hash;
mod notes;
mod object;
mod passing;
mod runs;
mod sequences;
mod summary;
mod walk;

pub use bridge::{audit_line, said};
pub use chain::List;
pub use clock::{Clock, StepBack};
pub use data::Field;
pub use entry::Entry;
pub use notes::{Note, NoteKind, Notes};
pub use passing::{Passing, Seen, WANTED};
pub use runs::{Run, Runs};
pub use sequences::{Missing, Sequences};
pub use summary::{Shortcoming, Summary};
pub use walk::Way;

pub(in crate::records) use entry::decimal;

use std::sync::Arc;

use super::journal_header::{Header, LENGTH, State, Unread};
use chain::Chain;
use data::{Bounds, Data, Lost};
use object::{Kind, Object};
use walk::Walk;

/// Bits of the header that are known here: xz, lz4, keyed hashes, zstd, compact.
const KNOWN: u32 = 31;
const KEYED: u32 = 4;
const COMPACT: u32 = 16;
const SEALED: u32 = 1;
/// Items of an entry that are read: journald writes no more than 1,024.
const ITEMS: u64 = 4096;

/// The bytes of a file, wherever they are asked for.
pub trait Read {
    /// The `length` bytes at an offset; none if the file has not got all of them, or they cannot be read. Up to 16 MiB
    /// are asked for at once.
    fn at(&mut self, offset: u64, length: usize) -> Option<&[u8]>;
}

impl Read for &[u8] {
    fn at(&mut self, offset: u64, length: usize) -> Option<&[u8]> {
        let begin = usize::try_from(offset).ok()?;
        self.get(begin..begin.checked_add(length)?)
    }
}

/// Why no entry of a file is read. It is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has no header that can be read.
    #[error("{0}")]
    Header(#[from] Unread),
    /// It is of a format that is newer than this reader.
    #[error("its header asks for something that is not known here (incompatible flags {bits:#x})")]
    Unknown {
        /// The bits that are not known.
        bits: u32,
        /// What the header says all the same.
        header: Box<Header>,
    },
}

/// A journal file.
#[derive(Debug)]
pub struct Journal<R> {
    source: R,
    size: u64,
    /// What its header says.
    pub header: Header,
    /// Offset of the last object, and of the first array of the list.
    tail: u64,
    list: u64,
    bounds: Bounds,
}

impl<R: Read> Journal<R> {
    /// Opens a file of `size` bytes.
    pub fn open(mut source: R, size: u64) -> Result<Journal<R>, Refused> {
        let length = usize::try_from(size).map_or(LENGTH, |size| size.min(LENGTH));
        let bytes = source.at(0, length).ok_or(Unread::Short)?;
        let header = Header::parse(bytes)?;
        let number = |at| object::number(bytes, at).ok_or(Unread::Short);
        let (tail, list) = (number(136)?, number(176)?);
        match header.incompatible & !KNOWN {
            0 => Ok(Journal { source, size, header, tail, list, bounds: Bounds::default() }),
            bits => Err(Refused::Unknown { bits, header: Box::new(header) }),
        }
    }

    /// Gives every entry that can be read, in the order in which they stand in the file: that in which they were written.
    pub fn for_each(&mut self, each: &mut dyn FnMut(Entry<'_>)) -> Summary {
        let compact = self.header.incompatible & COMPACT != 0;
        let (header, size) = (&self.header, self.size);
        let key = (header.incompatible & KEYED != 0).then_some(header.file_id);
        let summary = Summary {
            size,
            claimed_length: header.claimed_length(),
            claimed_objects: header.n_objects,
            online: header.state == State::Online,
            sealed: header.compatible & SEALED != 0,
            ..Summary::default()
        };
        let begin = header.header_size;
        let reading = Reading {
            compact,
            size,
            last_known: header.tail_seqnum,
            chain: Chain::new(header, self.list, size, compact),
            bounds: self.bounds,
            data: Data::new(self.bounds, size, compact, key),
            fields: Vec::new(),
            summary,
            each,
        };
        let walk = Walk::new(&mut self.source, begin, size, self.tail, compact);
        reading.run(walk, &mut self.source)
    }
}

/// A file that is being read.
struct Reading<'a> {
    compact: bool,
    size: u64,
    /// Number of the last entry that the header knows.
    last_known: u64,
    chain: Chain,
    bounds: Bounds,
    data: Data,
    fields: Vec<Arc<Field>>,
    summary: Summary,
    each: &'a mut dyn FnMut(Entry<'_>),
}

impl Reading<'_> {
    fn run(mut self, mut walk: Walk, source: &mut impl Read) -> Summary {
        while let Some(object) = walk.next(source) {
            self.listed_before(source, object.offset);
            match object.kind {
                Kind::Entry => {
                    let listed = self.chain.is_next(source, object.offset);
                    self.entry(source, object, listed);
                }
                Kind::Data => self.value(source, object.offset),
                Kind::Tag => self.tag(),
                Kind::Field | Kind::DataTable | Kind::FieldTable | Kind::EntryArray => {}
            }
        }
        self.listed_before(source, u64::MAX);
        (self.summary.list, self.summary.way) = (self.chain.list, walk.way);
        self.summary
    }

    /// What the list names in places that the walk has passed over.
    fn listed_before(&mut self, source: &mut impl Read, end: u64) {
        while let Some(offset) = self.chain.before(source, end) {
            match Object::at(source, offset, self.size, self.compact)
                .filter(|object| object.kind == Kind::Entry)
            {
                Some(object) => self.entry(source, object, true),
                None => self.summary.unreadable += 1,
            }
        }
    }

    /// Each value is looked at when it is passed, once, whether an entry has it or not.
    fn value(&mut self, source: &mut impl Read, offset: u64) {
        let edited = self.data.get(source, offset).is_ok_and(|field| field.edited);
        self.summary.hash_mismatch += u64::from(edited);
    }

    fn tag(&mut self) {
        self.summary.tags += 1;
        self.summary.sealed_until = self.summary.span.map(|(_, last)| last);
    }

    fn entry(&mut self, source: &mut impl Read, object: Object, listed: bool) {
        let read = self.read(source, object);
        let Some((entry, hash, whole)) = read else {
            self.summary.unreadable += 1;
            return;
        };
        let edited = self.fields.iter().any(|field| field.edited);
        let entry = Entry { listed, whole, edited, fields: &self.fields, ..entry };
        let late = self.summary.online && entry.seqnum > Some(self.last_known);
        self.summary.unfinished += u64::from(!listed && late);
        self.summary.entry_hash_mismatch += u64::from(whole && !is_hash_of(hash, &self.fields));
        self.summary.take(&entry);
        (self.each)(entry);
    }

    /// Its head, its hash, and whether all of its fields could be read.
    fn read(&mut self, source: &mut impl Read, object: Object) -> Option<(Entry<'static>, u64, bool)> {
        let item = object::entry_item(self.compact);
        let items = (object.size - object::ENTRY) / item;
        // Entries can lie one upon the other: each is worth its items only while there is work to spare.
        let kept = if self.data.is_spent() { 0 } else { items.min(ITEMS) };
        let bytes = source.at(object.offset, usize::try_from(object::ENTRY + kept * item).ok()?)?;
        let number = |at| object::number(bytes, at);
        let entry = Entry {
            offset: object.offset,
            seqnum: number(16),
            realtime: number(24)?,
            monotonic: number(32)?,
            boot_id: bytes.get(40..)?.first_chunk().copied(),
            listed: false,
            whole: false,
            edited: false,
            fields: &[],
        };
        let hash = number(56)?;
        let places = bytes.get(object::ENTRY as usize..)?.chunks(item as usize);
        let places: Vec<u64> = places.filter_map(|bytes| object::item(bytes, self.compact)).collect();
        match self.data.is_spent() {
            true => self.summary.fields_spent += items,
            false => self.summary.fields_cut += items - kept,
        }
        let whole = self.gather(source, &places) && items == kept;
        Some((entry, hash, whole))
    }

    fn gather(&mut self, source: &mut impl Read, places: &[u64]) -> bool {
        self.fields.clear();
        let mut weight = 0;
        for place in places {
            match self.data.get(source, *place) {
                Ok(field) if weight + field.weight() <= self.bounds.entry => {
                    weight += field.weight();
                    self.fields.push(field);
                }
                Ok(_) | Err(Lost::Oversize) => self.summary.fields_cut += 1,
                Err(Lost::Damaged) => self.summary.fields_lost += 1,
                Err(Lost::Spent) => self.summary.fields_spent += 1,
            }
        }
        self.fields.len() == places.len()
    }
}

/// Whether an entry's hash is that of its fields: of all of them combined by exclusive or. A program that says the same
/// twice is counted twice in the hash and once among the fields, so that one or another may be missing from it.
fn is_hash_of(hash: u64, fields: &[Arc<Field>]) -> bool {
    let rest = fields.iter().fold(hash, |rest, field| rest ^ field.jenkins);
    rest == 0 || fields.iter().any(|field| field.jenkins == rest)
}

#[cfg(test)]
mod tests;
