//! LZ4 frames (LZ4 Frame Format Description, 1.6.3), block by block.

mod xxh32;

use lz4_flex::block::decompress_into_with_dict;

use super::members::{Held, Member, Step, guarded, is_skippable};
use crate::records::inflate::Broken;
use xxh32::Xxh32;

const MAGIC: u32 = 0x184d_2204;
/// How far back a block may point.
const WINDOW: usize = 64 << 10;

/// What is waited for.
#[derive(Clone, Copy)]
enum Stage {
    Magic,
    Descriptor,
    /// A header of so many bytes.
    Header(usize),
    /// The length of what is passed over.
    SkipLength,
    Skip(u64),
    BlockLength,
    /// A block of so many bytes, with its checksum; and whether it is stored as it is.
    Block(usize, bool),
    ContentSum,
}

/// The descriptor's flags.
#[derive(Clone, Copy, Default)]
struct Flags(u8);

impl Flags {
    fn has_version_1(self) -> bool {
        self.0 >> 6 == 1
    }

    fn blocks_are_independent(self) -> bool {
        self.0 & 0x20 != 0
    }

    fn has_block_sums(self) -> bool {
        self.0 & 0x10 != 0
    }

    fn has_content_size(self) -> bool {
        self.0 & 8 != 0
    }

    fn has_content_sum(self) -> bool {
        self.0 & 4 != 0
    }

    fn has_dictionary(self) -> bool {
        self.0 & 1 != 0
    }
}

/// Decodes one frame. It holds a block as it is packed and as it comes out, 4 MiB each at most, and 64 KiB that the
/// next may point back to.
pub(super) struct Lz4 {
    stage: Stage,
    held: Held,
    flags: Flags,
    largest: usize,
    buffer: Vec<u8>,
    window: Vec<u8>,
    sum: Xxh32,
}

impl Lz4 {
    /// Before the first byte.
    pub fn new() -> Lz4 {
        Lz4 {
            stage: Stage::Magic,
            held: Held::default(),
            flags: Flags::default(),
            largest: 0,
            buffer: Vec::new(),
            window: Vec::new(),
            sum: Xxh32::default(),
        }
    }

    fn wanted(&self) -> usize {
        match self.stage {
            Stage::Magic | Stage::BlockLength | Stage::ContentSum => 4,
            Stage::Descriptor => 6,
            Stage::SkipLength => 8,
            Stage::Header(length) => length,
            Stage::Block(length, _) => length + self.sum_length(),
            Stage::Skip(_) => 0,
        }
    }

    fn sum_length(&self) -> usize {
        if self.flags.has_block_sums() { 4 } else { 0 }
    }

    /// All that was waited for has come; whether it ends the frame.
    fn come(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let number = |at| self.held.number(at).ok_or(Broken::Header);
        match self.stage {
            Stage::Magic => {
                self.stage = match number(0)? {
                    MAGIC => Stage::Descriptor,
                    magic if is_skippable(magic) => Stage::SkipLength,
                    _ => return Err(Broken::Header),
                };
            }
            Stage::SkipLength => {
                self.stage = Stage::Skip(u64::from(number(4)?));
                return Ok(matches!(self.stage, Stage::Skip(0)));
            }
            Stage::Descriptor => self.stage = Stage::Header(self.descriptor()?),
            Stage::Header(_) => {
                self.header()?;
                self.next(Stage::BlockLength);
            }
            Stage::BlockLength => {
                let stored = number(0)?;
                let (length, is_stored) = ((stored & 0x7fff_ffff) as usize, stored >> 31 == 1);
                if length > self.largest {
                    return Err(Broken::Stream);
                }
                if stored == 0 && !self.flags.has_content_sum() {
                    return Ok(true);
                }
                self.next(if stored == 0 { Stage::ContentSum } else { Stage::Block(length, is_stored) });
            }
            Stage::Block(length, is_stored) => {
                self.block(length, is_stored, each)?;
                self.next(Stage::BlockLength);
            }
            Stage::ContentSum => {
                return if number(0)? == self.sum.digest() { Ok(true) } else { Err(Broken::Checksum) };
            }
            Stage::Skip(_) => {}
        }
        Ok(false)
    }

    fn next(&mut self, stage: Stage) {
        self.held.clear();
        self.stage = stage;
    }

    /// Flags and block size; gives the length of the whole header.
    fn descriptor(&mut self) -> Result<usize, Broken> {
        let [_, _, _, _, flags, size, ..] = self.held.bytes() else { return Err(Broken::Header) };
        self.flags = Flags(*flags);
        self.largest = match size >> 4 & 7 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(Broken::Header),
        };
        let size = if self.flags.has_content_size() { 8 } else { 0 };
        match self.flags {
            flags if !flags.has_version_1() => Err(Broken::Unknown),
            flags if flags.has_dictionary() => Err(Broken::Dictionary),
            _ => Ok(7 + size),
        }
    }

    /// The header's last byte is the second byte of the checksum of all between the magic number and it.
    fn header(&mut self) -> Result<(), Broken> {
        let Some((check, [_, _, _, _, covered @ ..])) = self.held.bytes().split_last() else {
            return Err(Broken::Header);
        };
        let mut sum = Xxh32::default();
        sum.update(covered);
        if (sum.digest() >> 8) as u8 != *check {
            return Err(Broken::Header);
        }
        self.sum = Xxh32::default();
        self.window.clear();
        // Never smaller again: frames that take turns would have it filled anew each time.
        self.buffer.resize(self.largest.max(self.buffer.len()), 0);
        Ok(())
    }

    fn block(&mut self, length: usize, is_stored: bool, each: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        let (packed, check) = self.held.bytes().split_at_checked(length).ok_or(Broken::Stream)?;
        if let Some(check) = check.first_chunk() {
            let mut sum = Xxh32::default();
            sum.update(packed);
            if sum.digest() != u32::from_le_bytes(*check) {
                return Err(Broken::Checksum);
            }
        }
        let buffer = self.buffer.get_mut(..self.largest).ok_or(Broken::Stream)?;
        let window = &self.window;
        let out = match is_stored {
            true => packed,
            false => {
                let made = guarded(|| {
                    decompress_into_with_dict(packed, buffer, window).map_err(|_| Broken::Stream)
                })?;
                buffer.get(..made).unwrap_or_default()
            }
        };
        if self.flags.has_content_sum() {
            self.sum.update(out);
        }
        if !self.flags.blocks_are_independent() {
            remember(&mut self.window, out);
        }
        each(out);
        Ok(())
    }
}

/// Keeps the latest bytes.
fn remember(window: &mut Vec<u8>, out: &[u8]) {
    let latest = out.get(out.len().saturating_sub(WINDOW)..).unwrap_or(out);
    let surplus = (window.len() + latest.len()).saturating_sub(WINDOW);
    window.drain(..surplus.min(window.len()));
    window.extend_from_slice(latest);
}

impl Member for Lz4 {
    fn begins_with(&self, byte: u8) -> bool {
        byte == 0x04 || byte & 0xf0 == 0x50
    }

    fn begin(&mut self) {
        self.next(Stage::Magic);
    }

    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<Step, Broken> {
        if let Stage::Skip(left) = self.stage {
            let used = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.stage = Stage::Skip(left - used as u64);
            return Ok(Step { used, is_done: left == used as u64, has_more: false });
        }
        let wanted = self.wanted();
        let used = self.held.fill(wanted, bytes);
        let has_come = self.held.bytes().len() == wanted;
        let is_done = has_come && self.come(each)?;
        Ok(Step { used, is_done, has_more: false })
    }
}
