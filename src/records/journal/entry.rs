//! One entry, of a journal file or of an export of one.

use std::sync::Arc;

use super::data::Field;
use crate::clock::Timestamp;

/// An entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it stands in the file, bytes.
    pub offset: u64,
    /// Its number in its sequence; none where an export does not say it.
    pub seqnum: Option<u64>,
    /// When the journal took it in, microseconds since 1970.
    pub realtime: u64,
    /// The same, microseconds since boot.
    pub monotonic: u64,
    /// The boot.
    pub boot_id: Option<[u8; 16]>,
    /// The file's list of entries names it. False for what is hidden or was saved; true in an export.
    pub listed: bool,
    /// All of its fields are there.
    pub whole: bool,
    /// A value of it was changed in place.
    pub edited: bool,
    pub(in crate::records) fields: &'a [Arc<Field>],
}

impl<'a> Entry<'a> {
    /// Its fields, in no order; a name may come more than once.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields.iter().map(|field| (field.name(), field.value()))
    }

    /// The value of a field: the first of that name.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A field that is a number.
    pub fn number(&self, name: &[u8]) -> Option<u64> {
        decimal(self.get(name)?)
    }

    /// When the journal took it in; none where no calendar has such a time.
    pub fn time(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.realtime / 1_000_000).ok()?;
        let nanos = u32::try_from(self.realtime % 1_000_000 * 1000).ok()?;
        (self.realtime > 0 && Timestamp::can_hold(seconds)).then(|| Timestamp::from_unix(seconds, nanos))
    }
}

/// Digits, and nothing else.
pub(in crate::records) fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.len() <= 20 && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}
