//! Lines of a log that passes into the seal, kept in memory for a view that is made when all logs have passed: so no log is
//! read twice. They are compressed, for lines of logs are much alike, and take no more room than they were given.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Bytes of text that are compressed together.
const BLOCK: usize = 128 << 10;

/// Bytes that stand before each line: where it begins in its file, and how long it is.
const HEAD: usize = 12;

/// Lines, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLines {
    blocks: Vec<Vec<u8>>,
    filling: Vec<u8>,
    packed: usize,
    /// Bytes that all of it may take, compressed.
    room: usize,
    /// Lines that are kept.
    pub lines: u64,
    /// Lines for which there was no room.
    pub left: u64,
}

impl KeptLines {
    /// None as yet; they may take `room` bytes, compressed.
    pub fn within(room: usize) -> KeptLines {
        KeptLines { room, ..KeptLines::default() }
    }

    /// Keeps a line that stands at `offset`. Once one was left out, so are all that follow: what is kept has no holes.
    pub fn push(&mut self, offset: u64, line: &[u8]) {
        let length = u32::try_from(line.len()).ok().filter(|_| self.left == 0 && self.packed < self.room);
        let Some(length) = length else {
            self.left += 1;
            return;
        };
        self.filling.extend_from_slice(&offset.to_le_bytes());
        self.filling.extend_from_slice(&length.to_le_bytes());
        self.filling.extend_from_slice(line);
        self.lines += 1;
        if self.filling.len() >= BLOCK {
            self.pack();
        }
    }

    /// No more will come: what waits is compressed too.
    pub fn close(&mut self) {
        self.pack();
        self.filling = Vec::new();
        self.blocks.shrink_to_fit();
    }

    /// Bytes that it takes.
    pub fn weight(&self) -> usize {
        self.packed + self.filling.len()
    }

    /// Hands every line to `each`, with where it stands, in the order in which they came.
    pub fn replay(&self, each: &mut dyn FnMut(u64, &[u8])) {
        let mut text = Vec::with_capacity(BLOCK + (BLOCK >> 2));
        for block in &self.blocks {
            text.clear();
            // Memory that was written here is read here: it does not fail.
            if DeflateDecoder::new(block.as_slice()).read_to_end(&mut text).is_ok() {
                unpack(&text, each);
            }
        }
        unpack(&self.filling, each);
    }

    fn pack(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(&self.filling).and_then(|()| encoder.finish());
        if let Ok(mut block) = packed {
            block.shrink_to_fit();
            self.packed += block.len();
            self.blocks.push(block);
            self.filling.clear();
        }
    }
}

fn unpack(mut text: &[u8], each: &mut dyn FnMut(u64, &[u8])) {
    while let Some((head, rest)) = text.split_at_checked(HEAD) {
        let (offset, length) = head.split_at(8);
        let offset = offset.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let length = length.try_into().map(u32::from_le_bytes).unwrap_or_default();
        let Some((line, rest)) = rest.split_at_checked(length as usize) else { return };
        each(offset, line);
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> Vec<u8> {
        format!("type=PATH msg=audit(1.0:{number}): item=0 name=\"/srv/phi/{number}\"").into_bytes()
    }

    #[test]
    fn every_line_comes_back_in_order_in_a_tenth_of_its_room() {
        let mut kept = KeptLines::within(1 << 20);
        (0..20_000).for_each(|number| kept.push(number * 7, &line(number)));
        let before = kept.weight();
        kept.close();
        assert!(kept.weight() <= before && kept.weight() < 20_000 * 60 / 5, "{}", kept.weight());
        let mut next = 0;
        kept.replay(&mut |offset, bytes| {
            assert_eq!((offset, bytes), (next * 7, &line(next)[..]));
            next += 1;
        });
        assert_eq!((next, kept.lines, kept.left), (20_000, 20_000, 0));
    }

    #[test]
    fn what_has_no_room_is_counted_and_leaves_no_hole() {
        let mut kept = KeptLines::within(1000);
        (0..20_000).for_each(|number| kept.push(number, &line(number)));
        kept.close();
        let mut lines = 0;
        kept.replay(&mut |offset, _| {
            assert_eq!(offset, lines);
            lines += 1;
        });
        assert_eq!((lines, kept.lines + kept.left), (kept.lines, 20_000));
        assert!(kept.left > 0 && kept.weight() < 1000 + BLOCK / 4, "{} {}", kept.left, kept.weight());
        let mut without = KeptLines::default();
        without.push(0, b"x");
        assert_eq!((without.lines, without.left), (0, 1));
    }
}
