//! The text of a log as it passes, however it is compressed: plain and gzip are read, the others are known by their first
//! bytes and told.

pub mod payload;

use super::inflate::{Broken, Inflater};

/// How a file is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The .xz file format, 2.1.1.1; or LZMA's own.
    Xz,
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
            (b"\x5d\0\0", Compression::Xz),
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

/// Gives the text of a file that passes.
#[derive(Debug, Default)]
pub struct Unpacker {
    /// The first bytes, until they are enough to tell what the file is.
    beginning: Vec<u8>,
    told: Option<Compression>,
    inflater: Option<Box<Inflater>>,
}

impl Unpacker {
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
        let unread = match (compression, &self.inflater) {
            (Compression::None, _) => None,
            (Compression::Gzip, Some(inflater)) => inflater.end().err().map(Unread::Broken),
            (other, _) => other.word().map(Unread::Compression),
        };
        (compression, unread)
    }

    fn tell(&mut self, each: &mut dyn FnMut(&[u8])) {
        let beginning = std::mem::take(&mut self.beginning);
        let compression = Compression::of(&beginning);
        self.told = Some(compression);
        self.inflater = (compression == Compression::Gzip).then(Box::default);
        self.known(&beginning, each);
    }

    fn known(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        match (self.told, &mut self.inflater) {
            (Some(Compression::None), _) => each(bytes),
            // Why it ends is kept within, and told at the end.
            (Some(Compression::Gzip), Some(inflater)) => drop(inflater.push(bytes, each)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inflate::packed;
    use super::*;

    fn text(bytes: &[u8], piece: usize) -> (Vec<u8>, Compression, Option<Unread>) {
        let (mut unpacker, mut text) = (Unpacker::default(), Vec::new());
        bytes.chunks(piece).for_each(|bytes| unpacker.piece(bytes, &mut |more| text.extend_from_slice(more)));
        let (compression, unread) = unpacker.end(&mut |more| text.extend_from_slice(more));
        (text, compression, unread)
    }

    #[test]
    fn the_text_is_the_same_however_it_is_kept() {
        let plain = b"one\ntwo\n".repeat(100);
        for piece in [1, 5, 4096] {
            assert_eq!(text(&plain, piece), (plain.clone(), Compression::None, None));
            assert_eq!(text(&packed(&plain), piece), (plain.clone(), Compression::Gzip, None));
        }
        assert_eq!(text(b"abc", 1), (b"abc".to_vec(), Compression::None, None));
        assert_eq!(text(b"BZh91AY", 2).2, Some(Unread::Compression("bzip2")));
        let cut = &packed(&plain)[..20];
        assert!(matches!(text(cut, 7).2, Some(Unread::Broken(_))));
    }
}
