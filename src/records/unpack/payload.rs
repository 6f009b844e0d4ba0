//! One value that was packed by itself, as a journal keeps its long ones: unpacked in memory, up to a cap.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;
use xz4rust::{XzDecoder, XzNextBlockResult};

/// Dictionary of an xz stream: journald uses 1 MiB, xz(1) by default 8 MiB; a bigger one is refused.
const DICTIONARY: usize = 8 << 20;
/// Window of a zstd frame: every decoder is to have so much (RFC 8878, 3.1.1.1.2); a short value may ask for it too.
const WINDOW: u64 = 8 << 20;
/// Bytes that are made at once.
const PIECE: usize = 64 << 10;

/// How a value is packed (systemd, journal-def.h, `OBJECT_COMPRESSED_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// An .xz stream.
    Xz,
    /// The size unpacked, 64 bits little-endian, and one LZ4 block.
    Lz4,
    /// One frame of RFC 8878.
    Zstd,
}

/// Why a value was not unpacked, and how many bytes had been made of it by then: the work that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is longer than the cap.
    #[error("unpacked it is longer than is read")]
    Oversize {
        /// Bytes.
        made: usize,
    },
    /// It cannot be unpacked.
    #[error("it cannot be unpacked")]
    Damaged {
        /// Bytes.
        made: usize,
    },
}

impl Unread {
    /// Bytes that were made in vain.
    pub fn made(self) -> usize {
        match self {
            Unread::Oversize { made } | Unread::Damaged { made } => made,
        }
    }
}

/// Unpacks a value of at most `cap` bytes.
pub fn payload(packing: Packing, bytes: &[u8], cap: usize) -> Result<Vec<u8>, Unread> {
    match packing {
        Packing::Xz => xz(bytes, cap),
        Packing::Lz4 => lz4(bytes, cap),
        Packing::Zstd => zstd(bytes, cap),
    }
}

fn lz4(bytes: &[u8], cap: usize) -> Result<Vec<u8>, Unread> {
    let damaged = |made| Unread::Damaged { made };
    let (size, block) = bytes.split_first_chunk::<8>().ok_or(damaged(0))?;
    let size = usize::try_from(u64::from_le_bytes(*size)).map_err(|_| Unread::Oversize { made: 0 })?;
    if size > cap {
        return Err(Unread::Oversize { made: 0 });
    }
    // A byte of a block stands for 255 bytes at most: what claims more is not worth its memory.
    if size > block.len().saturating_mul(255).saturating_add(16) {
        return Err(damaged(0));
    }
    let text = lz4_flex::block::decompress(block, size).map_err(|_| damaged(size))?;
    if text.len() == size { Ok(text) } else { Err(damaged(text.len())) }
}

fn zstd(bytes: &[u8], cap: usize) -> Result<Vec<u8>, Unread> {
    let decoder = StreamingDecoder::new_with_max_window_size(bytes, WINDOW.max(cap as u64));
    let decoder = decoder.map_err(|_| Unread::Damaged { made: 0 })?;
    let mut text = Vec::new();
    let read = decoder.take((cap as u64).saturating_add(1)).read_to_end(&mut text);
    let made = text.len();
    match read {
        _ if made > cap => Err(Unread::Oversize { made }),
        Ok(_) => Ok(text),
        Err(_) => Err(Unread::Damaged { made }),
    }
}

fn xz(bytes: &[u8], cap: usize) -> Result<Vec<u8>, Unread> {
    let mut decoder = XzDecoder::in_heap_with_alloc_dict_size(0, DICTIONARY);
    let (mut rest, mut text) = (bytes, Vec::new());
    let mut piece = vec![0; PIECE.min(cap.saturating_add(1))];
    loop {
        let damaged = Unread::Damaged { made: text.len() };
        let (used, made, done) = match decoder.decode(rest, &mut piece).map_err(|_| damaged)? {
            XzNextBlockResult::NeedMoreData(used, made) => (used, made, false),
            XzNextBlockResult::EndOfStream(used, made) => (used, made, true),
        };
        text.extend_from_slice(piece.get(..made).ok_or(damaged)?);
        rest = rest.get(used..).ok_or(damaged)?;
        if text.len() > cap {
            return Err(Unread::Oversize { made: text.len() });
        }
        if done {
            return Ok(text);
        }
        if used == 0 && made == 0 {
            return Err(damaged);
        }
    }
}

#[cfg(test)]
pub(in crate::records) mod tests;
