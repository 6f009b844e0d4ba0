//! The list of the entries that the header of a file begins: arrays of offsets, each naming the next array. It is what
//! journalctl(1) goes by. A file is only ever appended to, so that entries and arrays alike come one behind the other;
//! an array that points back or into itself ends the list here, which keeps every walk as short as the file.

use super::Read;
use super::object::{self, Kind, Object};
use crate::records::journal_header::Header;

/// Items that are read at once.
const AT_ONCE: u64 = 1024;

/// What the list was found to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Entries that the header counts.
    pub claimed: u64,
    /// Offsets that the list gave, each behind the one before it.
    pub given: u64,
    /// Offsets that are not behind the one before, or of no place where an object can be: passed over.
    pub disordered: u64,
    /// It ended before it had given what the header counts: an array is not there, is damaged, or points back.
    pub broken: bool,
}

/// Goes along the list.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) list: List,
    compact: bool,
    limit: u64,
    /// Bytes that the file had once: what is cut off is still named.
    whole: u64,
    /// Offsets of the items that are still to be read of this array, and where it says the next one begins.
    next_item: u64,
    items_end: u64,
    next_array: u64,
    /// Where an array may begin.
    free: u64,
    /// Items that are to come before the header's count is reached.
    left: u64,
    read: std::collections::VecDeque<u64>,
    last: u64,
}

impl Chain {
    pub(super) fn new(header: &Header, first: u64, limit: u64, compact: bool) -> Chain {
        let claimed = header.n_entries;
        Chain {
            list: List { claimed, ..List::default() },
            compact,
            limit,
            whole: limit.max(header.claimed_length()),
            next_item: 0,
            items_end: 0,
            next_array: first,
            free: header.header_size,
            left: claimed,
            read: std::collections::VecDeque::new(),
            last: 0,
        }
    }

    /// The next offset, if it is before `end`.
    pub(super) fn before(&mut self, source: &mut impl Read, end: u64) -> Option<u64> {
        let offset = self.peek(source)?;
        (offset < end).then(|| self.take(offset))
    }

    /// Whether the next offset is this one; it is taken then.
    pub(super) fn is_next(&mut self, source: &mut impl Read, offset: u64) -> bool {
        let is_next = self.peek(source) == Some(offset);
        if is_next {
            self.take(offset);
        }
        is_next
    }

    fn take(&mut self, offset: u64) -> u64 {
        self.read.pop_front();
        self.list.given += 1;
        self.last = offset;
        offset
    }

    fn peek(&mut self, source: &mut impl Read) -> Option<u64> {
        loop {
            match self.read.front().copied() {
                Some(offset) if self.follows(offset) => return Some(offset),
                Some(_) => {
                    self.read.pop_front();
                    self.list.disordered += 1;
                }
                None => self.fill(source)?,
            }
        }
    }

    /// Whether an offset is one of an object behind the last one. One wrong offset that is too high is not to cost all that
    /// follow it: it is none if the next one would have to go before it.
    fn follows(&self, offset: u64) -> bool {
        let can_be = |offset: u64| offset > self.last && offset < self.whole && offset.is_multiple_of(8);
        can_be(offset) && !self.read.get(1).is_some_and(|next| *next < offset && can_be(*next))
    }

    /// Reads more items; none at the end of the list.
    fn fill(&mut self, source: &mut impl Read) -> Option<()> {
        if self.left == 0 {
            return None;
        }
        let filled = self.array(source).and_then(|()| self.items(source));
        if filled.is_none() {
            (self.list.broken, self.left) = (true, 0);
        }
        filled
    }

    fn array(&mut self, source: &mut impl Read) -> Option<()> {
        if self.next_item < self.items_end {
            return Some(());
        }
        if self.next_array < self.free {
            return None;
        }
        let object = Object::at(source, self.next_array, self.limit, self.compact)?;
        if object.kind != Kind::EntryArray {
            return None;
        }
        let head = source.at(object.offset, object::ARRAY as usize)?;
        self.next_array = object::number(head, 16)?;
        self.next_item = object.offset + object::ARRAY;
        (self.items_end, self.free) = (object.offset + object.size, object.end());
        Some(())
    }

    fn items(&mut self, source: &mut impl Read) -> Option<()> {
        let size = object::array_item(self.compact);
        let count = ((self.items_end - self.next_item) / size).min(AT_ONCE).min(self.left);
        let bytes = source.at(self.next_item, usize::try_from(count * size).ok()?)?;
        self.read.extend(bytes.chunks(size as usize).filter_map(|bytes| object::item(bytes, self.compact)));
        self.next_item += count * size;
        self.left -= count;
        Some(())
    }
}
