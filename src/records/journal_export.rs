//! The journal's export format, as `journalctl -o export` and other tools write it (systemd.io/JOURNAL_EXPORT_FORMATS): a
//! field a line, `NAME=value`; a value that is no plain text behind its name, its length (64 bits, little-endian) and
//! before a newline; an empty line behind each entry. Read while it passes.
//!
//! Bounds: 16 MiB a value, 4,096 fields and 32 MiB an entry; what is more is counted. Damage costs the entry it is in; an
//! entry that has grown together with the next one, for want of the bytes between them, is given and told.

use std::sync::Arc;

use super::journal::{Entry, Field, Notes, decimal};

/// Bytes of a field, name and value.
const FIELD_CAP: usize = 16 << 20;
/// Bytes of the fields of an entry.
const ENTRY_CAP: usize = 32 << 20;
/// Fields of an entry.
const FIELDS: usize = 4096;
/// No name is longer.
const NAME: usize = 64;
/// Each entry has one of each, at its beginning: with two it is made of two.
const HEAD: [&[u8]; 2] = [b"__CURSOR", b"__REALTIME_TIMESTAMP"];
/// journald takes no longer value; who claims one is damaged.
const CLAIM: u64 = 768 << 20;

/// What an export was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// Entries that were given.
    pub entries: u64,
    /// Entries that were not, because what stands there is no field.
    pub damaged: u64,
    /// Entries of these that have a field too many, or too long.
    pub cut: u64,
    /// Entries of these that have the head of another in them: the bytes between the two are not there.
    pub merged: u64,
    /// The export ends within an entry: its last one is given as far as it goes.
    pub ends_within: bool,
    /// What the journal says of itself.
    pub notes: Notes,
}

impl ExportSummary {
    /// All entries were given whole.
    pub fn is_whole(&self) -> bool {
        self.damaged == 0 && self.cut == 0 && self.merged == 0 && !self.ends_within
    }
}

/// What is expected next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    /// A line.
    #[default]
    Line,
    /// The rest of a line that is too long to keep.
    LongLine,
    /// The length of a value.
    Length,
    /// So many bytes of a value and the newline behind it.
    Value(u64),
    /// So many bytes of a value that is too long to keep, and the newline.
    LongValue(u64),
    /// Anything, up to an empty line: an entry is damaged.
    EmptyLine,
}

/// Reads an export.
#[derive(Debug, Default)]
pub struct Exported {
    expected: Expected,
    /// What is still incomplete of what is expected; of a value its name before it, and `=`.
    kept: Vec<u8>,
    /// Bytes of the name and `=`, while a value is expected.
    name: usize,
    entry: Vec<Arc<Field>>,
    weight: usize,
    /// Some bytes of this entry have passed.
    begun: bool,
    cut: bool,
    begin: u64,
    passed: u64,
    summary: ExportSummary,
}

impl Exported {
    /// The next bytes.
    pub fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Entry<'_>)) {
        while !bytes.is_empty() {
            let taken = match self.expected {
                Expected::Line | Expected::LongLine | Expected::EmptyLine => self.line(bytes, each),
                Expected::Length => self.length(bytes),
                Expected::Value(left) | Expected::LongValue(left) => self.value(bytes, left),
            };
            self.passed += taken as u64;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// All has passed.
    pub fn end(mut self, each: &mut dyn FnMut(Entry<'_>)) -> ExportSummary {
        if self.begun {
            self.summary.ends_within = true;
            // Every field that it has is whole; that it has all of them cannot be said.
            if self.expected != Expected::EmptyLine && !self.entry.is_empty() {
                self.give(false, each);
            }
        }
        self.summary
    }

    fn line(&mut self, bytes: &[u8], each: &mut dyn FnMut(Entry<'_>)) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if !self.begun && (end != Some(0) || !self.kept.is_empty()) {
            (self.begun, self.begin) = (true, self.passed);
        }
        if self.expected != Expected::LongLine {
            // Of damage only whether the line is empty counts.
            let cap = if self.expected == Expected::EmptyLine { 1 } else { FIELD_CAP + 1 };
            let room = cap.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or(piece));
        }
        if self.expected == Expected::Line && self.kept.len() > FIELD_CAP {
            (self.expected, self.cut) = (Expected::LongLine, true);
            self.kept.clear();
        }
        if end.is_some() {
            let line = std::mem::take(&mut self.kept);
            self.line_ended(line, each);
        }
        piece.len() + usize::from(end.is_some())
    }

    fn line_ended(&mut self, line: Vec<u8>, each: &mut dyn FnMut(Entry<'_>)) {
        match self.expected {
            Expected::EmptyLine if line.is_empty() => self.forget(),
            Expected::EmptyLine => {}
            Expected::LongLine => self.expected = Expected::Line,
            _ if line.is_empty() && self.begun => self.give(true, each),
            _ if line.is_empty() => {}
            _ if is_field(&line) => self.field(line),
            _ if is_name(&line) => {
                (self.kept, self.expected) = (line, Expected::Length);
                self.kept.push(b'=');
                self.name = self.kept.len();
            }
            _ => self.damage(false),
        }
    }

    fn length(&mut self, bytes: &[u8]) -> usize {
        let taken = self.take(bytes, 8);
        let length = self.kept.get(self.name..).and_then(|length| length.first_chunk::<8>());
        if let Some(length) = length.map(|length| u64::from_le_bytes(*length)) {
            self.kept.truncate(self.name);
            match length {
                long if long > CLAIM => self.damage(true),
                long if long > FIELD_CAP as u64 => {
                    (self.cut, self.expected) = (true, Expected::LongValue(long + 1));
                    self.kept.clear();
                }
                length => self.expected = Expected::Value(length + 1),
            }
        }
        taken
    }

    /// Takes up to `length` bytes behind the name.
    fn take(&mut self, bytes: &[u8], length: usize) -> usize {
        let room = (self.name + length).saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
        room
    }

    fn value(&mut self, bytes: &[u8], left: u64) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let piece = bytes.get(..taken).unwrap_or_default();
        let left = left - taken as u64;
        let ends_well = left > 0 || piece.last() == Some(&b'\n');
        let long = matches!(self.expected, Expected::LongValue(_));
        if !long {
            self.kept.extend_from_slice(piece);
        }
        self.expected = match (left, long) {
            (0, _) => Expected::Line,
            (left, true) => Expected::LongValue(left),
            (left, false) => Expected::Value(left),
        };
        if !ends_well {
            self.damage(true);
        } else if left == 0 && !long {
            self.kept.pop();
            let field = std::mem::take(&mut self.kept);
            self.field(field);
        }
        taken
    }

    fn field(&mut self, field: Vec<u8>) {
        self.expected = Expected::Line;
        if self.entry.len() >= FIELDS || self.weight + field.len() > ENTRY_CAP {
            self.cut = true;
            return;
        }
        self.weight += field.len();
        self.entry.extend(Field::new(field).map(Arc::new));
    }

    /// `within` a line, so that the end of this line is none of an empty one.
    fn damage(&mut self, within: bool) {
        self.forget();
        self.kept.extend(within.then_some(b' '));
        self.summary.damaged += 1;
        (self.expected, self.begun) = (Expected::EmptyLine, true);
    }

    fn give(&mut self, ended: bool, each: &mut dyn FnMut(Entry<'_>)) {
        let merged = self.has_two_heads();
        let address = |name: &[u8]| self.entry.iter().find(|field| field.name() == name);
        let number = |name: &[u8]| address(name).and_then(|field| decimal(field.value()));
        let boot_id = address(b"_BOOT_ID").and_then(|field| id(field.value()));
        let (realtime, monotonic) = (number(b"__REALTIME_TIMESTAMP"), number(b"__MONOTONIC_TIMESTAMP"));
        let seqnum = number(b"__SEQNUM");
        // What stands for the head of an entry is none of its fields.
        self.entry.retain(|field| !field.name().starts_with(b"__"));
        let entry = Entry {
            offset: self.begin,
            seqnum,
            realtime: realtime.unwrap_or(0),
            monotonic: monotonic.unwrap_or(0),
            boot_id,
            listed: true,
            whole: ended && !self.cut && !merged,
            edited: false,
            fields: &self.entry,
        };
        self.summary.entries += 1;
        self.summary.cut += u64::from(self.cut);
        self.summary.merged += u64::from(merged);
        self.summary.notes.take(&entry);
        each(entry);
        self.forget();
    }

    fn has_two_heads(&self) -> bool {
        let times = |name: &[u8]| self.entry.iter().filter(|field| field.name() == name).count();
        HEAD.into_iter().any(|name| times(name) > 1)
    }

    fn forget(&mut self) {
        self.entry.clear();
        self.kept.clear();
        (self.expected, self.weight, self.begun, self.cut) = (Expected::Line, 0, false, false);
    }
}

/// Writes an entry as an export has it: its time, and of each of these fields the first value, behind its length.
pub fn write(entry: &Entry<'_>, names: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("__REALTIME_TIMESTAMP={}\n", entry.realtime).as_bytes());
    for (name, value) in names.iter().filter_map(|name| Some((name, entry.get(name)?))) {
        out.extend_from_slice(name);
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// A name, `=`, and a value that is text: of any other its length is said. Only the zeros that a crash leaves are looked for
/// in it; other programs may be less strict about the rest.
fn is_field(line: &[u8]) -> bool {
    let end = memchr::memchr(b'=', line);
    let name = end.and_then(|end| line.get(..end));
    name.is_some_and(is_name) && memchr::memchr(0, line).is_none()
}

/// Capital letters, digits and `_`, no digit first (systemd, journal-file.c, `journal_field_valid`).
fn is_name(line: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let begins = line.first().is_some_and(|byte| !byte.is_ascii_digit());
    begins && line.len() <= NAME && line.iter().all(fits)
}

/// 32 hexadecimal digits.
fn id(text: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 32)?;
    let id =
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u128::from_str_radix(text, 16).ok())?;
    id.map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests;
