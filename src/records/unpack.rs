//! The text of a log as it passes, however it is compressed: plain, gzip, xz, bzip2, Zstandard and LZ4 are read piece by
//! piece and in bounded memory; LZMA's own format and compress(1) are known by their first bytes and told.
//!
//! A decoder holds 12 MiB at most: a window of [`WINDOW`] bytes, a block or two, and its tables. What needs a larger
//! window (`xz -7` and above, `zstd --long`) is told, unless a larger one is given.

mod bzip2;
mod lz4;
mod members;
mod xz;
mod zstd;

pub mod payload;

use super::inflate::{Broken, Inflater};
use members::Members;

/// How a file is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The .xz file format, 2.1.1.1.
    Xz,
    /// LZMA's own format, as `xz --format=lzma` writes it.
    Lzma,
    /// bzip2: `BZh`.
    Bzip2,
    /// RFC 8878, 3.1.1.
    Zstd,
    /// LZ4 frame format: 0x184D2204.
    Lz4,
    /// compress(1).
    Compress,
}

impl Compression {
    /// By the first bytes of a file.
    pub fn of(beginning: &[u8]) -> Compression {
        const MAGIC: [(&[u8], Compression); 7] = [
            (b"\x1f\x8b", Compression::Gzip),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\x5d\0\0", Compression::Lzma),
            (b"BZh", Compression::Bzip2),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
            (b"\x04\x22\x4d\x18", Compression::Lz4),
            (b"\x1f\x9d", Compression::Compress),
        ];
        let known = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic));
        known.map_or(Compression::None, |(_, compression)| *compression)
    }

    /// As it is called; none for what is not compressed.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Xz => Some("xz"),
            Compression::Lzma => Some("lzma"),
            Compression::Bzip2 => Some("bzip2"),
            Compression::Zstd => Some("zstd"),
            Compression::Lz4 => Some("lz4"),
            Compression::Compress => Some("compress"),
        }
    }
}

/// Why the lines of a file could not be read, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// A compression that is not unpacked here.
    #[error("{0} is not unpacked here")]
    Compression(&'static str),
    /// It is damaged, or was made to do harm.
    #[error("{0}")]
    Broken(#[from] Broken),
}

/// Bytes that tell the compression.
const TELLING: usize = 6;

/// Bytes that a stream may point back at most: what `xz -6` and `zstd -19` ask for.
pub const WINDOW: usize = 8 << 20;

/// Gives the text of a file that passes.
#[derive(Debug)]
pub struct Unpacker {
    /// The first bytes, until they are enough to tell what the file is.
    beginning: Vec<u8>,
    told: Option<Compression>,
    way: Way,
    window: usize,
}

/// How text is got.
#[derive(Debug)]
enum Way {
    /// It is there.
    Plain,
    Gzip(Box<Inflater>),
    Other(Members),
    /// It is not.
    None,
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker::with_window(WINDOW)
    }
}

impl Unpacker {
    /// One that gives a file as many bytes of memory as it asks for to point back into, up to these.
    pub fn with_window(window: usize) -> Unpacker {
        Unpacker { beginning: Vec::new(), told: None, way: Way::None, window }
    }

    /// The next bytes of the file; its text goes to `each`.
    pub fn piece(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        if self.told.is_some() {
            return self.known(bytes, each);
        }
        self.beginning.extend_from_slice(bytes);
        if self.beginning.len() >= TELLING {
            self.tell(each);
        }
    }

    /// All has passed: how it is compressed, and why it could not be read, or not to its end.
    pub fn end(mut self, each: &mut dyn FnMut(&[u8])) -> (Compression, Option<Unread>) {
        if self.told.is_none() {
            self.tell(each);
        }
        let compression = self.told.unwrap_or(Compression::None);
        let unread = match self.way {
            Way::Plain => None,
            Way::Gzip(inflater) => inflater.end().err().map(Unread::Broken),
            Way::Other(mut members) => members.end(each).err().map(Unread::Broken),
            Way::None => compression.word().map(Unread::Compression),
        };
        (compression, unread)
    }

    fn tell(&mut self, each: &mut dyn FnMut(&[u8])) {
        let beginning = std::mem::take(&mut self.beginning);
        let compression = Compression::of(&beginning);
        self.told = Some(compression);
        self.way = match compression {
            Compression::None => Way::Plain,
            Compression::Gzip => Way::Gzip(Box::default()),
            Compression::Xz => Way::Other(Members::of(xz::Xz::new(self.window))),
            Compression::Bzip2 => Way::Other(Members::of(bzip2::Bzip2::new())),
            Compression::Zstd => Way::Other(Members::of(zstd::Zstd::new(self.window))),
            Compression::Lz4 => Way::Other(Members::of(lz4::Lz4::new())),
            Compression::Lzma | Compression::Compress => Way::None,
        };
        self.known(&beginning, each);
    }

    fn known(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        match &mut self.way {
            Way::Plain => each(bytes),
            // Why it ends is kept within, and told at the end.
            Way::Gzip(inflater) => drop(inflater.push(bytes, each)),
            Way::Other(members) => members.push(bytes, each),
            Way::None => {}
        }
    }
}

#[cfg(test)]
mod tests;
