//! The fields of entries: each value stands in the file once, however many entries have it. What was read is kept for a
//! while, because the same few values come in nearly every entry.

use std::collections::HashMap;
use std::sync::Arc;

use super::object::{self, Kind, Object};
use super::{Read, hash};
use crate::records::unpack::payload::payload;

/// What a file may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// A longer value is not read: journald itself takes none of more than 768 MiB, and of a program's 64 MiB.
    pub value: usize,
    /// Bytes of the fields of one entry.
    pub entry: usize,
    /// Bytes of values that are kept; twice as many for a moment.
    pub kept: usize,
    /// A file is not worth more work than [`WORK`] times its size, and this: what is packed can be long, and a hostile
    /// file can name the same long value in each of its entries.
    pub work: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { value: 16 << 20, entry: 32 << 20, kept: 8 << 20, work: 256 << 20 }
    }
}

/// What a value costs to keep besides its bytes.
const COST: usize = 128;
/// How much work a byte of a file is worth, in bytes.
const WORK: u64 = 128;
/// To look a value up is as much work as to read so many bytes.
const LOOK: usize = 256;

/// A name and a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    bytes: Vec<u8>,
    /// Bytes of the name.
    name: usize,
    pub(super) jenkins: u64,
    /// Its hash in the file is not that of its bytes.
    pub(super) edited: bool,
}

impl Field {
    /// From `NAME=value`.
    pub(in crate::records) fn new(bytes: Vec<u8>) -> Option<Field> {
        let name = memchr::memchr(b'=', &bytes)?;
        Some(Field { bytes, name, jenkins: 0, edited: false })
    }

    /// As `MESSAGE`; what begins with `_` journald wrote itself.
    pub fn name(&self) -> &[u8] {
        self.bytes.get(..self.name).unwrap_or_default()
    }

    /// Any bytes.
    pub fn value(&self) -> &[u8] {
        self.bytes.get(self.name + 1..).unwrap_or_default()
    }

    /// `NAME=value`.
    pub(in crate::records) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::records) fn weight(&self) -> usize {
        self.bytes.len()
    }
}

/// Why a field is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No value stands where it should, it cannot be unpacked, or it has no name.
    Damaged,
    /// It is longer than is read.
    Oversize,
    /// The work that the file is worth is done.
    Spent,
}

type Found = Result<Arc<Field>, Lost>;

/// The values of a file.
#[derive(Debug)]
pub(super) struct Data {
    bounds: Bounds,
    limit: u64,
    compact: bool,
    /// The key of the hashes; none where they are Jenkins'.
    key: Option<[u8; 16]>,
    young: HashMap<u64, Found>,
    old: HashMap<u64, Found>,
    weight: usize,
    left: u64,
}

impl Data {
    pub(super) fn new(bounds: Bounds, limit: u64, compact: bool, key: Option<[u8; 16]>) -> Data {
        let left = limit.saturating_mul(WORK).saturating_add(bounds.work);
        Data { bounds, limit, compact, key, young: HashMap::new(), old: HashMap::new(), weight: 0, left }
    }

    /// The field whose value stands at an offset. What is given out is work as well, for whoever reads it.
    pub(super) fn get(&mut self, source: &mut impl Read, offset: u64) -> Found {
        self.work(LOOK)?;
        let found = match self.young.get(&offset) {
            Some(found) => found.clone(),
            None => {
                let found = self.old.remove(&offset).unwrap_or_else(|| self.load(source, offset));
                self.keep(offset, found.clone());
                found
            }
        };
        self.work(found.as_ref().map_or(0, |field| field.weight()))?;
        found
    }

    /// Nothing more is read.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }

    fn keep(&mut self, offset: u64, found: Found) {
        self.weight += COST + found.as_ref().map_or(0, |field| field.weight());
        self.young.insert(offset, found);
        if self.weight > self.bounds.kept {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }

    fn work(&mut self, bytes: usize) -> Result<(), Lost> {
        self.left = self.left.saturating_sub(bytes as u64);
        if self.left == 0 { Err(Lost::Spent) } else { Ok(()) }
    }

    fn load(&mut self, source: &mut impl Read, offset: u64) -> Found {
        let object = Object::at(source, offset, self.limit, self.compact).ok_or(Lost::Damaged)?;
        if object.kind != Kind::Data {
            return Err(Lost::Damaged);
        }
        let head = object::payload_at(self.compact);
        let length = usize::try_from(object.size - head).map_err(|_| Lost::Oversize)?;
        if length > self.bounds.value {
            return Err(Lost::Oversize);
        }
        self.work(length)?;
        let hash = source.at(offset, 24).and_then(|head| object::number(head, 16)).ok_or(Lost::Damaged)?;
        let bytes = source.at(offset + head, length).ok_or(Lost::Damaged)?;
        let bytes = match object.packing() {
            None => bytes.to_vec(),
            Some(packing) => match payload(packing, bytes, self.bounds.value) {
                Ok(bytes) => bytes,
                Err(unread) => {
                    self.work(unread.made())?;
                    let oversize = matches!(unread, crate::records::unpack::payload::Unread::Oversize { .. });
                    return Err(if oversize { Lost::Oversize } else { Lost::Damaged });
                }
            },
        };
        let mut field = Field::new(bytes).ok_or(Lost::Damaged)?;
        // The hashes are those of the value unpacked.
        field.jenkins = hash::jenkins(&field.bytes);
        field.edited = hash != self.key.map_or(field.jenkins, |key| hash::siphash(&key, &field.bytes));
        Ok(Arc::new(field))
    }
}
