//! The beginning of a line of an audit log: what type of record it is and which event it belongs to. Every line of a log
//! comes by here, so that no more is read than that.

use memchr::memchr;
use memchr::memmem;

use super::EventId;
use crate::clock::Timestamp;
use crate::records::audit_rules::types;

/// Programs that pass records on to syslog, and the kernel itself where no daemon takes them (audispd-syslog(8),
/// kernel/audit.c `kauditd_printk_skb`).
const FORWARDERS: [&[u8]; 4] = [b"audispd", b"audisp-syslog", b"auditd", b"kernel"];

/// The beginning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The machine, where the line names it; else empty.
    pub node: &'a [u8],
    /// The type, as `SYSCALL`; where the line has a number that is known, its name.
    pub kind: &'a [u8],
    /// Time and serial number as they stand there: `1795292388.123:4711`.
    pub id: &'a [u8],
    /// What stands behind the parenthesis.
    pub rest: &'a [u8],
}

/// Reads the beginning of a line, whoever passed it on; none if it is no record.
pub fn head(line: &[u8]) -> Option<Head<'_>> {
    match line.first()? {
        b't' => logged(line),
        b'n' if line.starts_with(b"node=") => logged(line),
        _ => forwarded(line),
    }
    .or_else(|| forwarded(line))
}

/// As auditd writes it.
fn logged(line: &[u8]) -> Option<Head<'_>> {
    let (node, line) = match line.strip_prefix(b"node=") {
        Some(named) => split_at(named, b' ')?,
        None => (&b""[..], line),
    };
    let (kind, rest) = split_at(line.strip_prefix(b"type=")?, b' ')?;
    let (id, rest) = split_at(rest.strip_prefix(b"msg=audit(")?, b')')?;
    (!kind.is_empty()).then_some(Head { node, kind, id, rest })
}

/// As the kernel prints it: with the number of the type.
fn printed(line: &[u8]) -> Option<Head<'_>> {
    let (number, rest) = split_at(line.strip_prefix(b"type=")?, b' ')?;
    let (id, rest) = split_at(rest.strip_prefix(b"audit(")?, b')')?;
    let name = std::str::from_utf8(number).ok()?.parse().ok().and_then(types::name);
    Some(Head { node: b"", kind: name.map_or(number, str::as_bytes), id, rest })
}

/// Behind what syslog or the kernel's log puts before a message. Only the first tag of a line counts: the others are in a
/// message that anybody may have written.
fn forwarded(line: &[u8]) -> Option<Head<'_>> {
    if line.first() == Some(&b'[') {
        return of_kernel(line);
    }
    let end = memmem::find(line, b": ")?;
    let (before, message) = (line.get(..end)?, line.get(end + 2..)?);
    let tag = before.rsplit(|byte| *byte == b' ').next()?;
    let tag = memchr(b'[', tag).and_then(|at| tag.get(..at)).unwrap_or(tag);
    match tag {
        b"kernel" => of_kernel(message),
        b"audit" if before.len() == tag.len() => printed(message),
        _ if FORWARDERS.contains(&tag) => logged(message),
        _ => None,
    }
}

/// `[   12.345678] audit: type=1300 audit(…): …`, the first part only where times are printed.
fn of_kernel(message: &[u8]) -> Option<Head<'_>> {
    let message = match message.strip_prefix(b"[") {
        Some(timed) => split_at(timed, b']')?.1.trim_ascii_start(),
        None => message,
    };
    printed(message.strip_prefix(b"audit: ")?)
}

/// `1795292388.123:4711`
pub(super) fn event_id(text: &[u8]) -> Option<EventId> {
    let (time, serial) = split_at(text, b':')?;
    let (seconds, fraction) = split_at(time, b'.')?;
    // Three digits since there is a log; more are read as what they are.
    let scale = 10_u64.checked_pow(9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    let nanos = u32::try_from(number(fraction)?.checked_mul(scale)?).ok()?;
    // What no calendar holds is no time of an event: the nearest that one does would be taken for it.
    let seconds = i64::try_from(number(seconds)?).ok().filter(|seconds| Timestamp::can_hold(*seconds))?;
    let time = Timestamp::from_unix(seconds, nanos);
    Some(EventId { time, serial: number(serial)? })
}

/// A decimal number that 64 bits can hold.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    // Of 19 digits each number is one that 64 bits can hold.
    if digits.len() < 20 {
        return digits.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?));
    }
    digits.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(10)?.checked_add(digit(byte)?))
}

pub(super) fn split_at(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(byte, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

impl Head<'_> {
    /// The event.
    pub fn event_id(&self) -> Option<EventId> {
        event_id(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation, as is every line here.
    const RECORD: &[u8] = b"type=SYSCALL msg=audit(1.020:7): arch=c000003e";

    #[test]
    fn a_record_is_found_behind_what_others_put_before_it() {
        let plain = head(RECORD).unwrap();
        for prefix in [
            "Nov 21 20:22:14 web01 audispd: ",
            "2026-11-21T20:22:14.100+00:00 web01 audisp-syslog[77]: ",
            "<13>Nov 21 20:22:14 web01 auditd[1]: ",
        ] {
            assert_eq!(head(&[prefix.as_bytes(), RECORD].concat()), Some(plain), "{prefix}");
        }
        let named = [b"Nov 21 20:22:14 web01 audispd: node=db1 ", RECORD].concat();
        assert_eq!(head(&named), Some(Head { node: b"db1", ..plain }));
        for prefix in ["Nov 21 20:22:14 web01 kernel: [   12.3] audit: ", "[   12.3] audit: ", "audit: "] {
            let line = [prefix.as_bytes(), b"type=1300 audit(1.020:7): arch=c000003e"].concat();
            assert_eq!(head(&line), Some(plain), "{prefix}");
        }
        assert_eq!(head(b"kernel: audit: type=1999 audit(1.0:7): x").unwrap().kind, b"1999");
        assert_eq!(head(b"type=UNKNOWN[1337] msg=audit(1.0:7): x").unwrap().kind, b"UNKNOWN[1337]");
    }

    #[test]
    fn what_anybody_may_write_to_a_log_is_no_record() {
        for prefix in
            ["Nov 21 20:22:14 web01 mallory: ", "Nov 21 20:22:14 web01 root: x audispd: ", "x ", "node=a"]
        {
            assert_eq!(head(&[prefix.as_bytes(), RECORD].concat()), None, "{prefix}");
        }
        assert_eq!(head(b"Nov 21 web01 eve: kernel: audit: type=1300 audit(1.0:7): x"), None);
        assert_eq!(head(b"type= msg=audit(1.0:7): x"), None);
        assert!(event_id(b"253402300799.999:7").is_some() && event_id(b"253402300800.000:7").is_none());
    }
}
