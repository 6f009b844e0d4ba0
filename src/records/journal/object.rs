//! The objects that a journal file is made of (systemd, journal-def.h, `struct ObjectHeader` and what follows): type,
//! flags and size, then what the type asks for; each begins at a multiple of 8.

use super::Read;
use crate::records::unpack::payload::Packing;

/// Bytes before what a type asks for.
pub(super) const HEAD: u64 = 16;
/// Bytes of an entry before its items.
pub(super) const ENTRY: u64 = 64;
/// Bytes of an array before its items.
pub(super) const ARRAY: u64 = 24;
/// Bytes of a tag.
const TAG: u64 = 64;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Field,
    Entry,
    DataTable,
    FieldTable,
    EntryArray,
    Tag,
}

/// The beginning of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// The bytes that nobody writes are not 0.
    pub(super) odd: bool,
}

impl Object {
    /// The object at an offset; none if no object can be what stands there.
    pub(super) fn at(source: &mut impl Read, offset: u64, limit: u64, compact: bool) -> Option<Object> {
        Object::parse(source.at(offset, HEAD as usize)?, offset, limit, compact)
    }

    /// From its first 16 bytes.
    pub(super) fn parse(head: &[u8], offset: u64, limit: u64, compact: bool) -> Option<Object> {
        let kind = match head.first()? {
            1 => Kind::Data,
            2 => Kind::Field,
            3 => Kind::Entry,
            4 => Kind::DataTable,
            5 => Kind::FieldTable,
            6 => Kind::EntryArray,
            7 => Kind::Tag,
            _ => return None,
        };
        let (flags, size) = (*head.get(1)?, number(head, 8)?);
        let odd = head.get(2..8)?.iter().any(|byte| *byte != 0);
        let object = Object { kind, flags, offset, size, odd };
        let fits = offset.is_multiple_of(8) && offset.checked_add(size)? <= limit;
        (fits && object.can_be(compact)).then_some(object)
    }

    fn can_be(&self, compact: bool) -> bool {
        let items = |before: u64, item: u64| {
            self.size.checked_sub(before).is_some_and(|rest| rest > 0 && rest.is_multiple_of(item))
        };
        let flags =
            if self.kind == Kind::Data { matches!(self.flags, 0 | 1 | 2 | 4) } else { self.flags == 0 };
        flags
            && match self.kind {
                Kind::Data => self.size > payload_at(compact),
                Kind::Field => self.size > 40,
                Kind::Entry => items(ENTRY, entry_item(compact)),
                Kind::DataTable | Kind::FieldTable => items(HEAD, 16),
                Kind::EntryArray => items(ARRAY, array_item(compact)),
                Kind::Tag => self.size == TAG,
            }
    }

    /// Where the next one begins.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size).div_ceil(8).saturating_mul(8)
    }

    /// How a value is packed.
    pub(super) fn packing(&self) -> Option<Packing> {
        match self.flags {
            1 => Some(Packing::Xz),
            2 => Some(Packing::Lz4),
            4 => Some(Packing::Zstd),
            _ => None,
        }
    }
}

/// Where the value of a data object begins in it.
pub(super) fn payload_at(compact: bool) -> u64 {
    if compact { 72 } else { 64 }
}

/// Bytes of an item of an entry: an offset, and in a file that is not compact its hash too.
pub(super) fn entry_item(compact: bool) -> u64 {
    if compact { 4 } else { 16 }
}

/// Bytes of an item of an array.
pub(super) fn array_item(compact: bool) -> u64 {
    if compact { 4 } else { 8 }
}

/// The offset that an item begins with.
pub(super) fn item(bytes: &[u8], compact: bool) -> Option<u64> {
    if compact {
        bytes.first_chunk().map(|word| u64::from(u32::from_le_bytes(*word)))
    } else {
        number(bytes, 0)
    }
}

pub(super) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}
