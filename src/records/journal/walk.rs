//! From one object to the next, from the header to the end of the file, whatever any list says; where something stands
//! that is no object, on to the next place where one can begin.

use super::Read;
use super::object::{HEAD, Object};

/// Bytes that are searched at once for the next object.
const AT_ONCE: u64 = 64 << 10;

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Objects of any kind.
    pub objects: u64,
    /// Places where no object stood although one should.
    pub holes: u64,
    /// Bytes that lie in them.
    pub hole_bytes: u64,
    /// Behind the last object that the header knows is something that is no object: what its writer had not finished.
    pub torn_end: bool,
}

/// Walks.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) way: Way,
    position: u64,
    limit: u64,
    /// The end of the last object that the header knows; 0 where it knows of none that could be.
    tail: u64,
    compact: bool,
}

impl Walk {
    pub(super) fn new(source: &mut impl Read, begin: u64, limit: u64, tail: u64, compact: bool) -> Walk {
        let tail = match Object::at(source, tail, limit, compact) {
            Some(object) => object.end(),
            // It is not there any more: as far as the file goes.
            None if tail > begin => limit,
            None => 0,
        };
        Walk { way: Way::default(), position: begin, limit, tail, compact }
    }

    /// The next object.
    pub(super) fn next(&mut self, source: &mut impl Read) -> Option<Object> {
        let object = self.here(source).or_else(|| self.search(source))?;
        self.position = object.end();
        self.way.objects += 1;
        Some(object)
    }

    fn here(&self, source: &mut impl Read) -> Option<Object> {
        Object::at(source, self.position, self.limit, self.compact)
    }

    fn search(&mut self, source: &mut impl Read) -> Option<Object> {
        let begin = self.position;
        let known = begin < self.tail;
        // Room that nobody has written to yet is no hole.
        let mut written = false;
        let found = loop {
            let length = self.limit.saturating_sub(self.position).min(AT_ONCE + HEAD);
            let Some(bytes) = source.at(self.position, length as usize).filter(|bytes| !bytes.is_empty())
            else {
                break None;
            };
            written |= bytes.iter().any(|byte| *byte != 0);
            let (offset, limit, compact) = (self.position, self.limit, self.compact);
            let places = bytes.windows(HEAD as usize).step_by(8).zip((offset..).step_by(8));
            let mut objects = places
                .filter(|(head, _)| head.first().is_some_and(|kind| *kind != 0))
                .filter_map(|(head, at)| Object::parse(head, at, limit, compact))
                .filter(|object| !object.odd);
            if let Some(object) = objects.next() {
                break Some(object);
            }
            if length < AT_ONCE + HEAD {
                break None;
            }
            self.position += AT_ONCE;
        };
        let end = found.map_or(self.limit.min(self.tail.max(begin)), |object| object.offset);
        if found.is_some() || (known && end > begin) {
            self.way.holes += 1;
            self.way.hole_bytes += end.saturating_sub(begin);
        } else {
            self.way.torn_end |= written;
        }
        self.position = found.map_or(self.limit, |_| end);
        found
    }
}
