//! The write-ahead log (fileformat2.html, 4): pages that were written and not yet moved into the main file.

use std::collections::HashMap;

use super::u32_at;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// A log whose header is good, and what of it counts.
pub struct Wal<'a> {
    /// The newest committed bytes of each page.
    frames: HashMap<u32, &'a [u8]>,
    /// Bytes of a page.
    pub page_size: usize,
    /// Pages of the database after the last commit; 0 if nothing was committed.
    pub pages: u32,
    /// Frames up to the last commit.
    pub committed: u64,
    /// Good frames behind it: a transaction that was not finished, or not yet.
    pub uncommitted: u64,
    /// Frames behind the last good one: of an earlier round of the log, or damaged.
    pub stale: u64,
}

impl<'a> Wal<'a> {
    /// Reads a log; none if its header is not good, as one of a log that was reset to nothing.
    pub fn read(bytes: &'a [u8]) -> Option<Wal<'a>> {
        let big = match u32_at(bytes, 0)? {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page_size = usize::try_from(u32_at(bytes, 8)?).ok()?;
        if !(512..=65_536).contains(&page_size) || !page_size.is_power_of_two() {
            return None;
        }
        let mut sum = checksum(big, (0, 0), bytes.get(..24)?);
        if sum != (u32_at(bytes, 24)?, u32_at(bytes, 28)?) {
            return None;
        }
        let salts = bytes.get(16..24)?;
        let mut wal =
            Wal { frames: HashMap::new(), page_size, pages: 0, committed: 0, uncommitted: 0, stale: 0 };
        let mut pending: Vec<(u32, &[u8])> = Vec::new();
        let mut frames = bytes.get(HEADER..)?.chunks_exact(FRAME_HEADER + page_size);
        for frame in frames.by_ref() {
            let (header, page) = frame.split_at(FRAME_HEADER);
            let next = checksum(big, checksum(big, sum, header.get(..8)?), page);
            let number = u32_at(header, 0)?;
            let good = header.get(8..16)? == salts
                && next == (u32_at(header, 16)?, u32_at(header, 20)?)
                && number > 0;
            if !good {
                wal.stale += 1;
                break;
            }
            sum = next;
            pending.push((number, page));
            let pages = u32_at(header, 4)?;
            if pages > 0 {
                wal.committed += pending.len() as u64;
                wal.pages = pages;
                wal.frames.extend(pending.drain(..));
            }
        }
        wal.stale += frames.count() as u64;
        wal.uncommitted = pending.len() as u64;
        Some(wal)
    }

    /// The newest committed bytes of a page.
    pub fn page(&self, number: u32) -> Option<&'a [u8]> {
        self.frames.get(&number).copied()
    }

    /// How many different pages it holds.
    pub(super) fn held(&self) -> usize {
        self.frames.len()
    }
}

/// The running checksum over whole pairs of 32-bit words.
fn checksum(big: bool, (mut first, mut second): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |raw: [u8; 4]| if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) };
    for [a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
        first = first.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(second);
        second = second.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(first);
    }
    (first, second)
}
