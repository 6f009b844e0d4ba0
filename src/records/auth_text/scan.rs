//! Small steps that the readers of messages have in common, over bytes and without going back.

use std::borrow::Cow;

use memchr::memmem;

use super::From;

/// What stands before and behind the first `mark`.
pub fn cut<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    apart(text, memmem::find(text, mark)?, mark.len())
}

/// What stands before and behind the last `mark`.
pub fn cut_last<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    apart(text, memmem::rfind(text, mark)?, mark.len())
}

/// What stands before and behind each `mark`.
pub fn cuts<'a>(text: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    memmem::find_iter(text, mark).filter_map(|at| apart(text, at, mark.len()))
}

fn apart(text: &[u8], at: usize, length: usize) -> Option<(&[u8], &[u8])> {
    Some((text.get(..at)?, text.get(at + length..)?))
}

/// The text behind the first of these beginnings that it has, or all of it.
pub fn without<'a>(text: &'a [u8], beginning: &[u8]) -> &'a [u8] {
    text.strip_prefix(beginning).unwrap_or(text)
}

/// A number in decimal digits and nothing else.
pub fn number(text: &[u8]) -> Option<u32> {
    let is_one = !text.is_empty() && text.len() <= 10;
    is_one.then_some(())?;
    let value = text.iter().try_fold(0u64, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0'))
    })?;
    u32::try_from(value).ok()
}

/// A number at the beginning, and what stands behind it.
pub fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((number(digits)?, rest))
}

/// What stands between the first of these quotes and the next, and what stands behind it.
pub fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"'").or_else(|| text.strip_prefix(b"`"))?;
    cut(inner, b"'")
}

/// The first word, and what stands behind the blank.
pub fn word(text: &[u8]) -> (&[u8], &[u8]) {
    cut(text, b" ").unwrap_or((text, b""))
}

/// Whether a word can be an address, or the name of a machine: sshd writes `UNKNOWN` where it has none.
pub fn is_address(word: &[u8]) -> bool {
    !word.is_empty()
        && word.len() <= 256
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b".:%_-".contains(byte))
}

/// `ADDRESS port N` at the beginning, and what stands behind it.
pub fn address_and_port(text: &[u8]) -> Option<(From, &[u8])> {
    let (address, rest) = word(text);
    let (port, rest) = leading_number(rest.strip_prefix(b"port ")?)?;
    let port = u16::try_from(port).ok()?;
    is_address(address).then(|| (From { address: address.to_vec(), port: Some(port) }, rest))
}

/// `ADDRESS`, alone or with a port, and nothing else.
pub fn whole_address(text: &[u8]) -> Option<From> {
    match address_and_port(text) {
        Some((from, b"")) => Some(from),
        _ => is_address(text).then(|| From { address: text.to_vec(), port: None }),
    }
}

/// What the only item of an iterator says; `Err` if there are more.
pub fn only<T>(mut items: impl Iterator<Item = T>) -> Result<Option<T>, ()> {
    let first = items.next();
    if first.is_some() && items.next().is_some() { Err(()) } else { Ok(first) }
}

/// Control bytes as they were before rsyslog wrote them as `#012`; sshd itself writes them in another way.
pub fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'#', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        match control(rest) {
            Some(byte) => {
                plain.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    Cow::Owned(plain)
}

/// The control byte of `#` and three octal digits.
fn control(text: &[u8]) -> Option<u8> {
    octal(text.strip_prefix(b"#")?).filter(|byte| *byte < 32 || *byte == 127)
}

/// The byte of three octal digits at the beginning.
pub fn octal(text: &[u8]) -> Option<u8> {
    let value = text.get(..3)?.iter().try_fold(0u32, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value * 8 + u32::from(digit - b'0'))
    });
    u8::try_from(value?).ok()
}
