//! The log that auditd writes: one record a line, `type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): FIELDS`, perhaps
//! behind `node=NAME` (auditd(8), auditd.conf(5) `name_format`; kernel/audit.c, `audit_log_start`). Several records are
//! one event if they have the time and the serial number in common.
//!
//! An enriched log repeats numbers as names behind a byte 0x1D; what stands there is for display, and is not read here.

mod event;
mod notes;
pub mod serials;
mod summary;

pub use event::{OwnEvent, OwnEvents, events_of};
pub use notes::{Note, NoteKind};
pub use summary::{Asked, KeyUse, Summary};

use crate::clock::Timestamp;

/// What joins the records of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// When the system call was entered, to the millisecond, by the clock of the kernel that logged it.
    pub time: Timestamp,
    /// Its number since boot; auditd has numbers of its own for what it says of itself (`DAEMON_…`).
    pub serial: u64,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its type, as `SYSCALL`.
    pub kind: &'a [u8],
    /// Its event.
    pub id: EventId,
    /// Its fields, without what an enriched log appends.
    pub body: &'a [u8],
}

/// Reads a line; none if it is no record.
pub fn record(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let rest = match line.strip_prefix(b"node=") {
        Some(named) => named.get(named.iter().position(|byte| *byte == b' ')? + 1..)?,
        None => line,
    };
    let (kind, rest) = split_at(rest.strip_prefix(b"type=")?, b' ')?;
    let (id, rest) = split_at(rest.strip_prefix(b"msg=audit(")?, b')')?;
    let body = rest.strip_prefix(b":").unwrap_or(rest);
    let body = body.iter().position(|byte| *byte == 0x1D).map_or(Some(body), |end| body.get(..end))?;
    Some(Record { kind, id: event_id(id)?, body })
}

/// `1795292388.123:4711`
fn event_id(text: &[u8]) -> Option<EventId> {
    let (time, serial) = split_at(text, b':')?;
    let (seconds, fraction) = split_at(time, b'.')?;
    // Three digits since there is a log; more are read as what they are.
    let digits = fraction.len();
    let scale = 10_u64.checked_pow(9_u32.checked_sub(u32::try_from(digits).ok()?)?)?;
    let nanos = u32::try_from(number(fraction)?.checked_mul(scale)?).ok()?;
    let time = Timestamp::from_unix(i64::try_from(number(seconds)?).ok()?, nanos);
    Some(EventId { time, serial: number(serial)? })
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.len() <= 20 && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

fn split_at(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|other| *other == byte)?;
    let (before, from) = text.split_at_checked(at)?;
    Some((before, from.get(1..)?))
}

impl<'a> Record<'a> {
    /// The value of a field as it stands there, with its quotes; the first of that name.
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        Fields(self.body).find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| value)
    }

    /// Its fields, names and values as they stand there.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        Fields(self.body)
    }

    /// The value of a field that the kernel does not trust: quoted where it is plain, in hexadecimal where it holds a
    /// blank, a quote, or a byte that does not print. `(null)` is none.
    pub fn text(&self, name: &str) -> Option<Vec<u8>> {
        decoded(self.raw(name)?)
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        number(self.raw(name)?)
    }

    /// The keys of the rule that wrote it: several are joined with 0x01.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let text = self.text("key").unwrap_or_default();
        text.split(|byte| *byte == 1).filter(|key| !key.is_empty()).map(<[u8]>::to_vec).collect()
    }
}

/// What a field holds that the kernel does not trust, from its value as it stands there.
pub fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    match value.strip_prefix(b"\"") {
        Some(quoted) => Some(quoted.strip_suffix(b"\"").unwrap_or(quoted).to_vec()),
        None if value == b"(null)" => None,
        None => unhex(value).or_else(|| Some(value.to_vec())),
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.chunks(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

/// The fields of a body: names and values as they stand there.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.0.trim_ascii_start();
        let (name, rest) = split_at(at, b'=')?;
        // A word without a value, as `netlabel:` in some records: the name is what follows the last blank.
        let name = name.rsplit(|byte| *byte == b' ').next().unwrap_or(name);
        let end = match rest.first() {
            Some(b'"') => rest.iter().skip(1).position(|byte| *byte == b'"').map(|end| end + 2),
            // A text of a program's within which anything may stand: it ends with the last such mark.
            Some(b'\'') => {
                rest.iter().rposition(|byte| *byte == b'\'').filter(|end| *end > 0).map(|end| end + 1)
            }
            _ => rest.iter().position(|byte| *byte == b' '),
        };
        let (value, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        self.0 = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    /// From auditd 3.0.9 on Linux 6.18, enriched; the machine's own records of a test.
    pub(super) const SYSCALL: &[u8] = b"type=SYSCALL msg=audit(1795349467.143:2021): arch=c000003e syscall=257 success=yes exit=3 \
        a0=ffffff9c a1=7f31d6227dd0 a2=d0000 a3=0 items=1 ppid=12439 pid=12456 auid=4294967295 uid=0 gid=0 tty=(none) \
        ses=4294967295 comm=\"python3\" exe=\"/usr/bin/python3.11\" key=\"phik\"\x1dARCH=x86_64 SYSCALL=openat AUID=\"unset\"";
    pub(super) const CONFIG: &[u8] =
        b"type=CONFIG_CHANGE msg=audit(1795349466.851:2020): auid=4294967295 ses=4294967295 \
        op=add_rule key=\"phik\" list=4 res=1\x1dAUID=\"unset\"";

    #[test]
    fn a_record_is_taken_apart_and_its_enrichment_left() {
        let read = record(SYSCALL).unwrap();
        assert_eq!((read.kind, read.id.serial), (&b"SYSCALL"[..], 2021));
        assert_eq!(read.id.time, Timestamp::from_unix(1_795_349_467, 143_000_000));
        assert_eq!((read.number("pid"), read.raw("success")), (Some(12456), Some(&b"yes"[..])));
        assert_eq!(read.raw("AUID"), None);
        assert_eq!(
            (read.keys(), read.text("exe").unwrap()),
            (vec![b"phik".to_vec()], b"/usr/bin/python3.11".to_vec())
        );
        let read = record(CONFIG).unwrap();
        assert_eq!((read.raw("op"), read.number("list")), (Some(&b"add_rule"[..]), Some(4)));
    }

    #[test]
    fn what_the_kernel_does_not_trust_comes_in_hexadecimal() {
        let line = b"node=web01 type=PATH msg=audit(1.020:7): item=0 name=2F782F612062 inode=5 dev=fe:00 key=610162 cwd=\"41\"\r";
        let read = record(line).unwrap();
        assert_eq!(read.text("name").unwrap(), b"/x/a b");
        assert_eq!(read.keys(), [b"a".to_vec(), b"b".to_vec()]);
        // Quoted it is what it says.
        assert_eq!(read.text("cwd").unwrap(), b"41");
        assert_eq!(read.id.time, Timestamp::from_unix(1, 20_000_000));
        let null = record(b"type=SYSCALL msg=audit(1.0:7): key=(null)").unwrap();
        assert!(null.keys().is_empty() && null.text("key").is_none());
    }

    #[test]
    fn a_program_s_own_text_does_not_end_at_its_first_quote() {
        let line = b"type=USER_LOGIN msg=audit(1.0:7): pid=1 msg='op=login acct=\"o'brien\" exe=\"/x\" res=failed' end=1";
        let read = record(line).unwrap();
        assert!(read.raw("msg").unwrap().ends_with(b"res=failed'"));
        assert_eq!(read.number("end"), Some(1));
    }

    #[test]
    fn what_is_no_record_is_none_and_nothing_panics() {
        for line in [
            &b""[..],
            b"type=",
            b"type=X msg=audit(1:2): a",
            b"type=X msg=audit(1.9999999999:2):",
            b"msg=audit(1.0:1):",
        ] {
            assert!(record(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
        for line in [SYSCALL, CONFIG] {
            Mishaps::of(line).each(|bytes| {
                if let Some(read) = record(bytes) {
                    let _ = (read.keys(), read.number("pid"), read.text("msg"));
                }
            });
        }
    }
}
