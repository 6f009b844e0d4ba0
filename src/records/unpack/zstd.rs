//! Zstandard frames (RFC 8878), block by block.

use std::io::{self, Write};

use ruzstd::decoding::errors::{FrameDecoderError, FrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::members::{Held, Member, Step, guarded, is_skippable};
use crate::records::inflate::Broken;

/// `Magic_Number` (3.1.1).
const MAGIC: u32 = 0xfd2f_b528;
/// A block of 128 KiB at most, and no more than that in any case (3.1.1.2.4).
const BLOCK_LIMIT: usize = 128 << 10;

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
    BlockHeader,
    /// A block of so many bytes, with its header and what ends the frame behind it.
    Block(usize),
}

/// Decodes one frame. It holds the window that the frame asks for, within the limit, a block, and 256 KiB beside.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    limit: u64,
    stage: Stage,
    held: Held,
    has_sum: bool,
}

impl Zstd {
    /// With a window of so many bytes at most.
    pub fn new(limit: usize) -> Zstd {
        let limit = limit as u64;
        Zstd { decoder: decoder(limit), limit, stage: Stage::Magic, held: Held::default(), has_sum: false }
    }

    fn wanted(&self) -> usize {
        match self.stage {
            Stage::Magic => 4,
            Stage::Descriptor => 5,
            Stage::SkipLength => 8,
            Stage::BlockHeader => 3,
            Stage::Header(length) | Stage::Block(length) => length,
            Stage::Skip(_) => 0,
        }
    }

    /// All that was waited for has come; whether it ends the frame.
    fn come(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let number = |at| self.held.number(at).ok_or(Broken::Header);
        let byte = |at| self.held.bytes().get(at).copied().ok_or(Broken::Header);
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
            Stage::Descriptor => {
                let descriptor = byte(4)?;
                self.has_sum = descriptor & 4 != 0;
                self.stage = Stage::Header(header_length(descriptor));
            }
            Stage::Header(_) => {
                self.decoder.reset(self.held.bytes()).map_err(|error| broken(&error))?;
                self.held.clear();
                self.stage = Stage::BlockHeader;
            }
            Stage::BlockHeader => {
                let header = u32::from_le_bytes([byte(0)?, byte(1)?, byte(2)?, 0]);
                self.stage = Stage::Block(self.block_length(header)?);
            }
            Stage::Block(_) => return self.block(each),
            Stage::Skip(_) => {}
        }
        Ok(false)
    }

    /// How long a block is with all that belongs to it (3.1.1.2.3).
    fn block_length(&self, header: u32) -> Result<usize, Broken> {
        let (is_last, kind, size) = (header & 1 != 0, header >> 1 & 3, (header >> 3) as usize);
        let content = if kind == 1 { 1 } else { size };
        if size > BLOCK_LIMIT || kind == 3 {
            return Err(Broken::Stream);
        }
        Ok(3 + content + if is_last && self.has_sum { 4 } else { 0 })
    }

    fn block(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<bool, Broken> {
        let is_last = self.decode()?;
        self.held.clear();
        self.stage = Stage::BlockHeader;
        self.give(each);
        let is_other = self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum();
        match is_last && self.has_sum && is_other {
            true => Err(Broken::Checksum),
            false => Ok(is_last),
        }
    }

    fn decode(&mut self) -> Result<bool, Broken> {
        let Zstd { decoder, held, .. } = self;
        let mut stumbled = true;
        let decoded = guarded(|| {
            let decoded = decoder.decode_blocks(held.bytes(), BlockDecodingStrategy::UptoBlocks(1));
            stumbled = false;
            decoded.map_err(|error| broken(&error))
        });
        if stumbled {
            // What it then holds is not to be relied upon.
            *decoder = self::decoder(self.limit);
        }
        decoded
    }

    /// Gives what no later block can point back to.
    fn give(&mut self, each: &mut dyn FnMut(&[u8])) {
        // Nothing that takes the bytes fails.
        drop(self.decoder.collect_to_writer(Taker(each)));
    }
}

impl Member for Zstd {
    fn begins_with(&self, byte: u8) -> bool {
        byte == 0x28 || byte & 0xf0 == 0x50
    }

    fn begin(&mut self) {
        self.stage = Stage::Magic;
        self.held.clear();
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
        // Stages whose bytes are there already go on at once.
        let has_more = has_come && !is_done && self.held.bytes().len() >= self.wanted().max(1);
        Ok(Step { used, is_done, has_more })
    }

    fn give_up(&mut self, each: &mut dyn FnMut(&[u8])) {
        // The window waits for blocks that may point back to it. A last one, empty, says that there are none; the
        // sum of nobody's making that may follow it is not looked at.
        const LAST: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
        self.held.clear();
        self.held.fill(LAST.len(), LAST);
        if !self.decoder.is_finished() && self.decode().is_ok() {
            self.give(each);
        }
    }
}

/// Passes on what it is written.
struct Taker<'t>(&'t mut dyn FnMut(&[u8]));

impl Write for Taker<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decoder(limit: u64) -> FrameDecoder {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(limit);
    decoder
}

/// Bytes of a frame's header, by its descriptor (3.1.1.1.1).
fn header_length(descriptor: u8) -> usize {
    let is_single = descriptor & 0x20 != 0;
    let size = match descriptor >> 6 {
        0 => usize::from(is_single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let dictionary = match descriptor & 3 {
        3 => 4,
        length => usize::from(length),
    };
    5 + usize::from(!is_single) + dictionary + size
}

fn broken(error: &FrameDecoderError) -> Broken {
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, .. } => Broken::Memory(*requested),
        FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { got }) => Broken::Memory(*got),
        FrameDecoderError::FrameHeaderError(_) | FrameDecoderError::ReadFrameHeaderError(_) => Broken::Header,
        FrameDecoderError::DictNotProvided { .. } => Broken::Dictionary,
        _ => Broken::Stream,
    }
}
