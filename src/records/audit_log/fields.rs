//! Fields of a record, and what their values mean. Nothing is allocated to find one.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memrchr};

use super::Record;
use super::head::number;

/// Fields that the kernel or a program writes in hexadecimal where they hold what would not stand there in quotes
/// (kernel/audit.c, `audit_log_untrustedstring`; libaudit's `audit_encode_nv_string`). Any other value means itself,
/// however much it looks like hexadecimal.
const ENCODED: [&[u8]; 12] = [
    b"name",
    b"cwd",
    b"comm",
    b"ocomm",
    b"exe",
    b"proctitle",
    b"key",
    b"acct",
    b"cmd",
    b"data",
    b"path",
    b"file",
];

/// A value as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// What it means.
    pub bytes: Cow<'a, [u8]>,
    /// It is neither quoted nor hexadecimal where it should be: the bytes are as they stand there.
    pub bad: bool,
}

impl<'a> Record<'a> {
    /// The value of a field as it stands there, with its quotes; the first of that name. What a program says for itself
    /// is one field, `msg`.
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        find(self.body, name.as_bytes())
    }

    /// The value of a field within what a program says for itself, in `msg='…'`.
    pub fn inner(&self, name: &str) -> Option<&'a [u8]> {
        let said = self.raw("msg")?.strip_prefix(b"'")?;
        find(said.strip_suffix(b"'").unwrap_or(said), name.as_bytes())
    }

    /// The value of a field wherever it stands, as bytes; `(null)` is none.
    pub fn decoded(&self, name: &str) -> Option<Text<'a>> {
        let value = self.raw(name).or_else(|| self.inner(name))?;
        let is_argument = self.kind == b"EXECVE" && name.starts_with('a');
        decoded(value, is_argument || is_encoded(name.as_bytes()))
    }

    /// The bytes of [`Record::decoded`].
    pub fn text(&self, name: &str) -> Option<Vec<u8>> {
        self.decoded(name).map(|text| text.bytes.into_owned())
    }

    /// Its fields, names and values as they stand there.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        fields(self.body)
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        number(self.raw(name)?)
    }

    /// The keys of the rule that wrote it: several are joined with 0x01.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let text = self.key().and_then(|value| decoded(value, true));
        let keys = text.iter().flat_map(|text| text.bytes.split(|byte| *byte == 1));
        keys.filter(|key| !key.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// The field of the keys. The kernel writes it last (kernel/auditsc.c, `audit_log_exit`): no need to read all before it.
    fn key(&self) -> Option<&'a [u8]> {
        let last = memrchr(b' ', self.body).and_then(|blank| self.body.get(blank + 1..));
        last.and_then(|field| field.strip_prefix(b"key=")).or_else(|| self.raw("key"))
    }
}

/// Whether a field of this name is in hexadecimal where it is not quoted.
fn is_encoded(name: &[u8]) -> bool {
    ENCODED.contains(&name) || name == b"dir"
}

/// What the value of a field holds that the kernel does not trust, from the value as it stands there; `(null)` is none.
pub fn untrusted(value: &[u8]) -> Option<Vec<u8>> {
    decoded(value, true).map(|text| text.bytes.into_owned())
}

/// What a value means.
pub(super) fn decoded(value: &[u8], is_encoded: bool) -> Option<Text<'_>> {
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let bytes = Cow::Borrowed(quoted.strip_suffix(b"\"").unwrap_or(quoted));
        return Some(Text { bytes, bad: !quoted.ends_with(b"\"") });
    }
    if value == b"(null)" {
        return None;
    }
    let plain = Text { bytes: Cow::Borrowed(value), bad: false };
    if !is_encoded || matches!(value, b"(none)" | b"?" | b"") {
        return Some(plain);
    }
    Some(match unhex(value) {
        Some(bytes) => Text { bytes: Cow::Owned(bytes), bad: false },
        None => Text { bad: true, ..plain },
    })
}

/// The bytes that hexadecimal digits stand for.
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    // Whoever writes it does so with letters of one kind.
    let is_mixed = text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase);
    if text.is_empty() || !text.len().is_multiple_of(2) || is_mixed {
        return None;
    }
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.chunks(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

/// The value behind the first `name=` that follows a blank, or stands at the beginning. Values in quotes hold neither
/// blank nor quote, but for `msg='…'`, which is passed over.
fn find<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    fields(body).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Names and values as they stand there, in their order.
pub(super) fn fields(body: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut from = 0;
    memchr_iter(b'=', body).filter_map(move |at| {
        let before = body.get(from..at)?;
        let begins = before.iter().rposition(|byte| matches!(byte, b' ' | b'(')).map_or(0, |blank| blank + 1);
        let name = before.get(begins..)?;
        let value = value_of(body.get(at + 1..)?);
        from = at + 1 + value.len();
        Some((name, value))
    })
}

/// A value, from where it begins.
fn value_of(rest: &[u8]) -> &[u8] {
    let blank = || memchr(b' ', rest).unwrap_or(rest.len());
    let end = match rest.first() {
        Some(b'"') => memchr(b'"', rest.get(1..).unwrap_or_default()).map_or_else(blank, |end| end + 2),
        // A text of a program's within which anything may stand: it ends with the last such mark.
        Some(b'\'') => memrchr(b'\'', rest).filter(|end| *end > 0).map_or(rest.len(), |end| end + 1),
        _ => blank(),
    };
    let value = rest.get(..end).unwrap_or(rest);
    // Once addresses stood in parentheses: `(hostname=…, addr=…, terminal=… res=success)`.
    value
        .strip_suffix(b",")
        .or_else(|| value.strip_suffix(b")").filter(|_| !value.contains(&b'(')))
        .unwrap_or(value)
}
