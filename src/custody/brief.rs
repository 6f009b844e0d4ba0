//! Short text that needs no memory of its own: device numbers and modes stand in rows by the million.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are kept in place; `4294967295:4294967295` has 21.
const ROOM: usize = 22;

/// Text, kept in place where it is short.
#[derive(Clone)]
pub struct Brief(Kept);

#[derive(Clone)]
enum Kept {
    /// Digits and a colon, so many of them.
    Here([u8; ROOM], u8),
    There(String),
}

impl Brief {
    /// `major:minor`
    pub fn device(major: u32, minor: u32) -> Brief {
        let mut digits = Digits::default();
        digits.put(minor, 10, 1);
        digits.put_byte(b':');
        digits.put(major, 10, 1);
        digits.done()
    }

    /// Type and permissions in octal, at least six digits.
    pub fn mode(mode: u32) -> Brief {
        let mut digits = Digits::default();
        digits.put(mode, 8, 6);
        digits.done()
    }
}

/// Text that grows from its end to its beginning.
#[derive(Default)]
struct Digits {
    text: [u8; ROOM],
    length: usize,
}

impl Digits {
    fn put_byte(&mut self, byte: u8) {
        if let Some(place) = self.text.iter_mut().rev().nth(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn put(&mut self, mut number: u32, base: u32, least: usize) {
        let end = self.length + least;
        while number > 0 || self.length < end {
            self.put_byte(b'0' + (number % base) as u8);
            number /= base;
        }
    }

    fn done(mut self) -> Brief {
        self.text.rotate_right(self.length);
        Brief(Kept::Here(self.text, self.length as u8))
    }
}

impl Deref for Brief {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Kept::Here(text, length) => {
                let text = text.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(text).unwrap_or_default()
            }
            Kept::There(text) => text,
        }
    }
}

impl From<&str> for Brief {
    fn from(text: &str) -> Brief {
        Brief(Kept::There(text.to_owned()))
    }
}

impl From<String> for Brief {
    fn from(text: String) -> Brief {
        Brief(Kept::There(text))
    }
}

impl PartialEq for Brief {
    fn eq(&self, other: &Brief) -> bool {
        **self == **other
    }
}

impl Eq for Brief {}

impl PartialEq<String> for Brief {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl PartialOrd for Brief {
    fn partial_cmp(&self, other: &Brief) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Brief {
    fn cmp(&self, other: &Brief) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Brief {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Brief {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Brief, D::Error> {
        String::deserialize(deserializer).map(Brief::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn numbers_are_written_as_anybody_would() {
        for (major, minor) in [(0, 0), (8, 1), (259, 10), (u32::MAX, u32::MAX), (7, 100)] {
            assert_eq!(&*Brief::device(major, minor), format!("{major}:{minor}"));
        }
        for mode in [0, 0o644, 0o100_644, 0o120_777, u32::MAX] {
            assert_eq!(&*Brief::mode(mode), format!("{mode:06o}"));
        }
    }

    #[test]
    fn text_of_any_length_is_read_and_equal_where_it_is_the_same() {
        let read = |text: &str| json::read::<Brief>(text.as_bytes(), 1000).unwrap();
        assert_eq!(read("\"8:1\""), Brief::device(8, 1));
        assert_eq!(&*read(&format!("\"{}\"", "x".repeat(100))), "x".repeat(100));
        assert_eq!(json::line(&Brief::mode(0o100_600)).unwrap(), b"\"100600\"\n");
    }
}
