//! Netlink attributes as columns: for each table of the kernel, which number is which column and in which form.
//!
//! The kernel's tables are lists of attributes that grow with every version. What has no column here, or does not have
//! the form that it should have, stands under `other` by its number, as the bytes that came: nothing is dropped.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::netlink::{attributes, be16_at, be32_at, be64_at, u16_at, u32_at, u64_at};

/// A cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Whether it is so.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A number that may be negative.
    Signed(i64),
    /// Text that this program made.
    Word(String),
    /// A name that somebody on the host chose.
    Name(Vec<u8>),
    /// Bytes as they came.
    Raw(Vec<u8>),
    /// Several.
    List(Vec<Value>),
    /// Columns of its own.
    Row(Row),
}

/// A row: columns by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(pub BTreeMap<String, Value>);

/// How an attribute's bytes become a value. Numbers are of this machine's order, with `Be` of network order; an
/// attribute that is shorter than its form, or longer where the form has one length, is left as it came.
#[derive(Clone, Copy)]
pub enum Form {
    /// A byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// Eight bytes.
    U64,
    /// Four bytes, signed.
    I32,
    /// Two bytes in network order.
    Be16,
    /// Four bytes in network order.
    Be32,
    /// Four bytes in network order, signed.
    BeI32,
    /// Eight bytes in network order.
    Be64,
    /// A name, up to its NUL.
    Name,
    /// Bytes as they are.
    Raw,
    /// An address of the link layer, `02:00:00:00:00:01`.
    Hardware,
    /// An address of IPv4 or IPv6, by its length.
    Address,
    /// There, and without a value.
    Present,
    /// Attributes in it, with columns of their own.
    Nested(&'static [Column]),
    /// Attributes in it, all of one kind, each with these columns.
    Each(&'static [Column]),
    /// Something else.
    With(fn(&[u8]) -> Option<Value>),
}

/// Number, name and form of an attribute.
pub type Column = (u16, &'static str, Form);

/// Nesting that is followed; the kernel nests no deeper than five.
const DEPTH: u32 = 12;

impl Row {
    /// Sets a column.
    pub fn set(&mut self, column: &str, value: Value) {
        self.0.insert(column.to_owned(), value);
    }

    /// Sets a column to a number.
    pub fn number(&mut self, column: &str, number: impl Into<u64>) {
        self.set(column, Value::Number(number.into()));
    }

    /// Sets a column to a text of our own.
    pub fn word(&mut self, column: &str, word: impl Into<String>) {
        self.set(column, Value::Word(word.into()));
    }

    /// A column's number.
    pub fn number_of(&self, column: &str) -> Option<u64> {
        match self.0.get(column) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A column's text, where it is of our own making.
    pub fn word_of(&self, column: &str) -> Option<&str> {
        match self.0.get(column) {
            Some(Value::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// A column's name.
    pub fn name_of(&self, column: &str) -> Option<&[u8]> {
        match self.0.get(column) {
            Some(Value::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// A column's bytes.
    pub fn raw_of(&self, column: &str) -> Option<&[u8]> {
        match self.0.get(column) {
            Some(Value::Raw(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// A column's columns.
    pub fn row_of(&self, column: &str) -> Option<&Row> {
        match self.0.get(column) {
            Some(Value::Row(row)) => Some(row),
            _ => None,
        }
    }

    /// A column's list; empty if there is none.
    pub fn list_of(&self, column: &str) -> &[Value] {
        match self.0.get(column) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    /// Takes a column out.
    pub fn take(&mut self, column: &str) -> Option<Value> {
        self.0.remove(column)
    }

    /// Keeps bytes that have no column, by the number of their attribute.
    pub fn keep(&mut self, number: u16, bytes: &[u8]) {
        let other = self.0.entry("other".into()).or_insert_with(|| Value::Row(Row::default()));
        let Value::Row(other) = other else { return };
        let key = |again: u64| if again < 2 { number.to_string() } else { format!("{number}.{again}") };
        // They are numbered without a gap. Looked for by halves: an answer may hold one kind ten thousand times.
        let (mut taken, mut free) = (0, 1);
        while other.0.contains_key(&key(free)) {
            (taken, free) = (free, free * 2);
        }
        while free - taken > 1 {
            let middle = taken.midpoint(free);
            if other.0.contains_key(&key(middle)) {
                taken = middle;
            } else {
                free = middle;
            }
        }
        other.0.insert(key(free), Value::Raw(bytes.to_vec()));
    }

    /// Reads attributes into columns. Bytes that are no attributes are kept whole as `malformed`.
    pub fn read(&mut self, columns: &[Column], bytes: &[u8]) {
        self.read_at(columns, bytes, 0);
    }

    fn read_at(&mut self, columns: &[Column], bytes: &[u8], depth: u32) {
        for attribute in attributes(bytes) {
            let Ok(attribute) = attribute else {
                self.set("malformed", Value::Raw(bytes.to_vec()));
                return;
            };
            let column = columns.iter().find(|(number, ..)| *number == attribute.kind);
            let value = column.and_then(|(_, name, form)| Some((*name, form.read(attribute.value, depth)?)));
            match value {
                Some((name, value)) if !self.0.contains_key(name) => self.set(name, value),
                _ => self.keep(attribute.kind, attribute.value),
            }
        }
    }
}

/// The columns in these attributes.
pub fn row(columns: &[Column], bytes: &[u8]) -> Row {
    let mut row = Row::default();
    row.read(columns, bytes);
    row
}

impl Form {
    fn read(self, bytes: &[u8], depth: u32) -> Option<Value> {
        let exactly = |length: usize| (bytes.len() == length).then_some(bytes);
        let number = |number: Option<u64>| number.map(Value::Number);
        match self {
            Form::U8 => number(exactly(1)?.first().map(|byte| u64::from(*byte))),
            Form::U16 => number(u16_at(exactly(2)?, 0).map(u64::from)),
            Form::U32 => number(u32_at(exactly(4)?, 0).map(u64::from)),
            Form::U64 => number(u64_at(exactly(8)?, 0)),
            Form::I32 => u32_at(exactly(4)?, 0).map(|number| Value::Signed(number.cast_signed().into())),
            Form::Be16 => number(be16_at(exactly(2)?, 0).map(u64::from)),
            Form::Be32 => number(be32_at(exactly(4)?, 0).map(u64::from)),
            Form::BeI32 => be32_at(exactly(4)?, 0).map(|number| Value::Signed(number.cast_signed().into())),
            Form::Be64 => number(be64_at(exactly(8)?, 0)),
            Form::Name => name(bytes).map(|name| Value::Name(name.to_vec())),
            Form::Raw => Some(Value::Raw(bytes.to_vec())),
            Form::Hardware => Some(Value::Word(hardware(bytes))),
            Form::Address => address(bytes).map(Value::Word),
            Form::Present => bytes.is_empty().then_some(Value::Flag(true)),
            Form::Nested(columns) => {
                let mut row = Row::default();
                (depth < DEPTH).then(|| row.read_at(columns, bytes, depth + 1))?;
                Some(Value::Row(row))
            }
            Form::Each(columns) => (depth < DEPTH).then(|| each(columns, bytes, depth + 1)),
            Form::With(read) => read(bytes),
        }
    }
}

fn each(columns: &[Column], bytes: &[u8], depth: u32) -> Value {
    let rows = attributes(bytes).map(|attribute| {
        let mut row = Row::default();
        match attribute {
            Ok(attribute) => row.read_at(columns, attribute.value, depth),
            Err(_) => row.set("malformed", Value::Raw(bytes.to_vec())),
        }
        Value::Row(row)
    });
    Value::List(rows.collect())
}

/// A text of the kernel's: one NUL at most, at its end. Anything behind the first NUL is no name.
fn name(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (name, rest) = bytes.split_at_checked(end)?;
    rest.iter().all(|byte| *byte == 0).then_some(name)
}

/// `02:00:00:00:00:01`
pub fn hardware(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// An address of IPv4 or IPv6, by its length.
pub fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).to_string());
    }
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string())
}

/// The words for the bits that are set; bits without a word stand together as one number, `0x100`.
pub fn flags(bits: u64, words: &[(u64, &str)]) -> Value {
    let mut left = bits;
    let mut found = Vec::new();
    for (bit, word) in words {
        if left & bit == *bit && *bit != 0 {
            found.push(Value::Word((*word).to_owned()));
            left &= !bit;
        }
    }
    if left != 0 {
        found.push(Value::Word(format!("{left:#x}")));
    }
    Value::List(found)
}

/// The word for a number; a number without one stands as itself.
pub fn word(number: u64, words: &[(u64, &str)]) -> String {
    let found = words.iter().find(|(known, _)| *known == number);
    found.map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
}

#[cfg(test)]
pub(crate) mod testing {
    //! What tests of tables have in common.

    /// An attribute.
    pub fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// Bytes of hexadecimal digits.
    pub fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::attribute;
    use super::*;

    const INNER: &[Column] = &[(1, "id", Form::Be32)];
    const TABLE: &[Column] = &[
        (1, "name", Form::Name),
        (2, "mtu", Form::U32),
        (3, "address", Form::Address),
        (4, "inner", Form::Nested(INNER)),
        (5, "list", Form::Each(INNER)),
        (6, "gone", Form::Present),
    ];

    #[test]
    fn what_stands_many_times_is_numbered_without_a_gap_and_in_order() {
        let bytes: Vec<u8> =
            (0..16_000_u32).flat_map(|number| attribute(99, &number.to_ne_bytes())).collect();
        let row = row(TABLE, &bytes);
        let other = row.row_of("other").unwrap();
        assert_eq!(other.raw_of("99"), Some(&0_u32.to_ne_bytes()[..]));
        for number in [2_u32, 3, 4, 100, 15_999, 16_000] {
            assert_eq!(other.raw_of(&format!("99.{number}")), Some(&(number - 1).to_ne_bytes()[..]));
        }
        assert_eq!(other.0.len(), 16_000);
    }

    #[test]
    fn nothing_is_dropped_whatever_its_form() {
        let bytes = [
            attribute(1, b"odd\n\xff\0"),
            attribute(2, &7_u32.to_ne_bytes()),
            attribute(2, &8_u32.to_ne_bytes()),
            attribute(3, &[10, 0, 0, 1]),
            attribute(4 | 0x8000, &[attribute(1, &[0, 0, 0, 9]), attribute(7, b"x")].concat()),
            attribute(5, &attribute(1, &attribute(1, &[0, 0, 1, 0]))),
            attribute(6, b"not empty"),
            attribute(99, b"new"),
        ]
        .concat();
        let row = row(TABLE, &bytes);
        assert_eq!(row.name_of("name"), Some(&b"odd\n\xff"[..]));
        assert_eq!((row.number_of("mtu"), row.word_of("address")), (Some(7), Some("10.0.0.1")));
        assert_eq!(row.row_of("inner").unwrap().number_of("id"), Some(9));
        assert!(row.row_of("inner").unwrap().row_of("other").unwrap().raw_of("7").is_some());
        assert_eq!(row.list_of("list").len(), 1);
        let other = row.row_of("other").unwrap();
        assert_eq!(other.raw_of("2"), Some(&8_u32.to_ne_bytes()[..]), "a second one");
        assert_eq!(other.raw_of("6"), Some(&b"not empty"[..]), "of another form");
        assert_eq!(other.raw_of("99"), Some(&b"new"[..]), "without a column");
    }

    #[test]
    fn what_is_torn_is_kept_whole() {
        let mut bytes = attribute(2, &7_u32.to_ne_bytes());
        bytes.extend([9, 0, 1]);
        let row = row(TABLE, &bytes);
        assert_eq!(row.number_of("mtu"), Some(7));
        assert_eq!(row.raw_of("malformed"), Some(bytes.as_slice()));
        assert_eq!(name(b"ab\0cd"), None);
    }

    #[test]
    fn bits_and_numbers_without_a_word_stand_as_numbers() {
        let words = [(1, "up"), (2, "down")];
        assert_eq!(flags(5, &words), Value::List(vec![Value::Word("up".into()), Value::Word("0x4".into())]));
        assert_eq!((word(2, &words), word(9, &words)), ("down".into(), "9".into()));
    }
}
