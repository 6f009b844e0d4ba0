//! SQLite databases (sqlite.org/fileformat2.html), read from bytes at hand and never written: no lock is taken, no
//! journal is played back, and nothing that a damaged or hostile file holds can loop or panic.
//!
//! Ordinary tables with row ids are read, in any page size and text encoding, with what a write-ahead log adds to the
//! main file. Not read: tables WITHOUT ROWID, indexes, generated columns, freed pages.

mod btree;
mod schema;
mod value;
mod wal;

pub use btree::{Row, Tally};
pub use schema::Table;
pub use value::Value;
pub use wal::Wal;

use std::borrow::Cow;

/// Bytes of the header of the main file.
const HEADER: usize = 100;

/// A database whose header could be read.
pub struct Database<'a> {
    main: &'a [u8],
    wal: Option<Wal<'a>>,
    /// Bytes of a page.
    pub page_size: usize,
    /// Bytes of a page that hold something.
    usable: usize,
    /// How text is written.
    pub encoding: Encoding,
}

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
}

/// Why nothing of a database can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It does not begin as one, or its header holds what none can hold.
    #[error("it does not have the header of a SQLite database")]
    Header,
    /// There is no table of this name.
    #[error("it has no table {0}")]
    NoTable(&'static str),
    /// The table is stored in a way that this version does not read.
    #[error("its table {0} is WITHOUT ROWID, or its definition cannot be read")]
    Unsupported(&'static str),
}

/// A journal that lies beside a database holds what a transaction was about to change: it was not finished.
pub fn is_hot_journal(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
}

impl<'a> Database<'a> {
    /// A database and the log that lay beside it. The main file may be empty where the log holds its pages.
    pub fn open(main: &'a [u8], wal: Option<&'a [u8]>) -> Result<Database<'a>, Unread> {
        let wal = wal.and_then(Wal::read);
        let newest = wal.as_ref().and_then(|wal| wal.page(1)).or_else(|| main.get(..HEADER));
        let header = newest.ok_or(Unread::Header)?;
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(Unread::Header);
        }
        let page_size = page_size(header).ok_or(Unread::Header)?;
        let reserved = usize::from(*header.get(20).ok_or(Unread::Header)?);
        let usable = page_size - reserved;
        let encoding = match header.get(56..60) {
            Some([0, 0, 0, 0 | 1]) => Encoding::Utf8,
            Some([0, 0, 0, 2]) => Encoding::Utf16Le,
            Some([0, 0, 0, 3]) => Encoding::Utf16Be,
            _ => return Err(Unread::Header),
        };
        if usable < 480 {
            return Err(Unread::Header);
        }
        // A log of another page size belongs to another database.
        let wal = wal.filter(|wal| wal.page_size == page_size);
        Ok(Database { main, wal, page_size, usable, encoding })
    }

    /// The log, if one was given and belongs to the database.
    pub fn wal(&self) -> Option<&Wal<'a>> {
        self.wal.as_ref()
    }

    /// The same database as its main file alone has it; none without a log, or if the main file cannot be read.
    pub fn without_wal(&self) -> Option<Database<'a>> {
        self.wal.as_ref()?;
        Database::open(self.main, None).ok()
    }

    /// A page by its number from 1, and whether it stands in the log.
    fn page(&self, number: u32) -> Option<(&'a [u8], bool)> {
        if let Some(wal) = &self.wal {
            if wal.pages > 0 && number > wal.pages {
                return None;
            }
            if let Some(page) = wal.page(number) {
                return Some((page, true));
            }
        }
        let at = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.page_size)?;
        Some((self.main.get(at..at.checked_add(self.page_size)?)?, false))
    }

    /// How many pages there can be.
    fn page_count(&self) -> usize {
        let logged = self.wal.as_ref().map_or(0, |wal| usize::try_from(wal.pages).unwrap_or(0));
        let held = self.main.len() / self.page_size + self.wal.as_ref().map_or(0, Wal::held);
        (self.main.len() / self.page_size).max(logged.min(held))
    }

    /// Text of the database in UTF-8. Halves of UTF-16 pairs that stand alone become three bytes that are not UTF-8.
    pub fn text<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let unit: fn([u8; 2]) -> u16 = match self.encoding {
            Encoding::Utf8 => return Cow::Borrowed(bytes),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let (pairs, odd) = bytes.as_chunks::<2>();
        let mut text = Vec::with_capacity(bytes.len());
        for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
            match decoded {
                Ok(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(lone) => {
                    let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                    text.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 63]);
                }
            }
        }
        text.extend_from_slice(odd);
        Cow::Owned(text)
    }
}

fn page_size(header: &[u8]) -> Option<usize> {
    match u16::from_be_bytes(*header.get(16..)?.first_chunk()?) {
        1 => Some(65_536),
        size if size >= 512 && size.is_power_of_two() => Some(usize::from(size)),
        _ => None,
    }
}

/// A number of two bytes.
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?)))
}

/// A number of four bytes.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
