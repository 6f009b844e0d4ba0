//! Lines of text logs as syslog daemons write them, whatever form they have; a file may mix forms after an upgrade.
//!
//! Known are RFC 5424 (rsyslog's `SyslogProtocol23Format`), also with the octet counts of RFC 5425; RFC 3339 time, host
//! and tag (`RSYSLOG_FileFormat`); the classic form of RFC 3164, with or without its priority, a year or a host, also as
//! BusyBox writes it; and the forward form, whose records follow one another without a newline.
//!
//! A classic line has no year, and the years of a file are decided from its end. So a file is read twice: [`Survey`]
//! sees all lines once and holds no more than where in the year each machine is; what it resolves to, [`Years`], dates the
//! lines when [`Reader`] sees them again, all of them or some. A log that is known to have years in its lines needs no survey.

mod anchor;
mod clocks;
mod passing;
mod reader;
pub mod stamp;
mod years;

pub use anchor::{Anchor, Surveyed, named_at, packed_at, years_of};
pub use passing::Passing;
pub use reader::{Notes, Reader, Step, Tags};
use stamp::{Stamp, classic, iso, slashes};
pub use years::{Survey, Years};

/// A line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it says that it was written; RFC 5424 allows none.
    pub stamp: Option<Stamp>,
    /// The machine that it names; empty if none.
    pub host: &'a [u8],
    /// The program.
    pub tag: &'a [u8],
    /// Its process.
    pub pid: Option<u32>,
    /// What it says.
    pub message: &'a [u8],
}

/// Takes a line apart; none if it has no form that is known, or NUL bytes in it or behind it: it was torn there.
pub fn line(text: &[u8]) -> Option<Line<'_>> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let start = text.iter().position(|byte| *byte != 0).unwrap_or(text.len());
    let text = text.get(start..).filter(|text| memchr::memchr(0, text).is_none())?;
    let plain = priority(text).map_or(text, |(_, rest)| rest);
    let has_version = plain.len() < text.len() && plain.starts_with(b"1 ");
    if let Some(found) = plain.get(2..).filter(|_| has_version).and_then(rfc5424) {
        return Some(found);
    }
    let (stamp, rest) = beginning(plain)?;
    let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b": "))?;
    Some(named(stamp, rest))
}

/// Its time, in any of the forms without a version.
fn beginning(text: &[u8]) -> Option<(Stamp, &[u8])> {
    match text.first()? {
        b'0'..=b'9' => iso(text).or_else(|| slashes(text)).or_else(|| classic(text)),
        _ => classic(text),
    }
}

/// `<34>` at the beginning, and what stands behind it.
fn priority(text: &[u8]) -> Option<(u32, &[u8])> {
    let rest = text.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= 191).then_some((number, rest.get(1..)?))
}

/// Levels that stand where the host does, as ChromeOS writes them.
const LEVELS: [&[u8]; 8] = [b"EMERG", b"ALERT", b"CRIT", b"ERR", b"WARNING", b"NOTICE", b"INFO", b"DEBUG"];

/// The words of `FACILITY.LEVEL` that BusyBox's syslogd puts before the tag. Written from documentation (syslog(3);
/// BusyBox, syslogd.c: `%.15s %.64s %s.%s %s`).
const FACILITIES: [&[u8]; 20] = [
    b"kern",
    b"user",
    b"mail",
    b"daemon",
    b"auth",
    b"syslog",
    b"lpr",
    b"news",
    b"uucp",
    b"cron",
    b"authpriv",
    b"ftp",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];
const SEVERITIES: [&[u8]; 9] =
    [b"emerg", b"alert", b"crit", b"err", b"warn", b"warning", b"notice", b"info", b"debug"];

/// `HOST TAG[PID]: MESSAGE`; without the host in `last message repeated 2 times`, and where a word in its place is
/// already the tag.
fn named(stamp: Stamp, text: &[u8]) -> Line<'_> {
    let stamp = Some(stamp);
    let (first, rest) = word(text);
    let has_no_host = text.starts_with(b"last message repeated ") || is_tag(first);
    let (host, rest) = if has_no_host { (&b""[..], text) } else { (first, rest) };
    let host = if LEVELS.contains(&host) { b"" } else { host };
    let (tag, message) = tag(without_facility(rest));
    let (tag, pid) = process(tag);
    Line { stamp, host, tag, pid, message }
}

/// Without `auth.info ` in front, as BusyBox writes it.
fn without_facility(text: &[u8]) -> &[u8] {
    let (first, rest) = word(text);
    let mut names = first.splitn(2, |byte| *byte == b'.');
    let is_facility = names.next().is_some_and(|name| FACILITIES.contains(&name));
    if is_facility && names.next().is_some_and(|name| SEVERITIES.contains(&name)) { rest } else { text }
}

/// `sshd[77]:`
fn is_tag(word: &[u8]) -> bool {
    word.strip_suffix(b"]:").is_some_and(|word| process_of(word).is_some())
}

/// The tag without its colon, and the message; an empty tag where the line has none. macOS writes `TAG[PID] <Info>: `.
fn tag(text: &[u8]) -> (&[u8], &[u8]) {
    let (first, rest) = word(text);
    if let Some(tag) = first.strip_suffix(b":") {
        return (tag, rest);
    }
    if let Some(at) = memchr::memmem::find(first, b"]:") {
        return (first.get(..=at).unwrap_or_default(), without_blank(text.get(at + 2..).unwrap_or_default()));
    }
    let level =
        rest.strip_prefix(b"<").and_then(|rest| memchr::memmem::find(rest, b">: ").map(|at| (rest, at)));
    match level {
        Some((rest, at)) if at < 16 => (first, rest.get(at + 3..).unwrap_or_default()),
        _ => (b"", text),
    }
}

/// `NAME[PID]`; the name itself may hold brackets (`gdm-password]`).
fn process(tag: &[u8]) -> (&[u8], Option<u32>) {
    match tag.strip_suffix(b"]").and_then(process_of) {
        Some((name, pid)) => (name, Some(pid)),
        None => (tag, None),
    }
}

fn process_of(tag: &[u8]) -> Option<(&[u8], u32)> {
    let at = memchr::memrchr(b'[', tag)?;
    let (name, pid) = tag.split_at_checked(at)?;
    Some((name, std::str::from_utf8(pid.get(1..)?).ok()?.parse().ok()?))
}

/// `TS HOST APP PROCID MSGID SD MSG` (RFC 5424, section 6), where `-` stands for nothing.
fn rfc5424(text: &[u8]) -> Option<Line<'_>> {
    let nil = |word: &[u8]| word == b"-";
    let (time, rest) = word(text);
    let stamp = if nil(time) { None } else { Some(iso(time).filter(|(_, rest)| rest.is_empty())?.0) };
    let (host, rest) = word(rest);
    let (app, rest) = word(rest);
    let (process, rest) = word(rest);
    let (_, rest) = word(rest);
    let rest = structured(rest)?;
    let message = without_blank(rest);
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    Some(Line {
        stamp,
        host: if nil(host) { b"" } else { host },
        tag: if nil(app) { b"" } else { app },
        pid: std::str::from_utf8(process).ok().and_then(|process| process.parse().ok()),
        // The old leading blank outlives the change of form.
        message: without_blank(message),
    })
}

/// What stands behind `-` or `[id name="value" …]…`, in whose values `\"`, `\\` and `\]` are escaped.
fn structured(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = text;
    let mut found = false;
    while let Some(element) = rest.strip_prefix(b"[") {
        rest = element.get(end_of_element(element)? + 1..)?;
        found = true;
    }
    found.then_some(rest)
}

/// Where the bracket that ends an element is.
fn end_of_element(element: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    element.iter().position(|byte| {
        let ends = !quoted && *byte == b']';
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        ends
    })
}

fn without_blank(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

/// The first word, and what stands behind the blank.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let at = memchr::memchr(b' ', text).unwrap_or(text.len());
    (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
}

/// The first of the records that a line holds, and the rest: by its octet count, or, if it begins with a priority, up to
/// the next priority that has a time behind it. Whoever can put such words into a message can make a record of them, which
/// is why records that came out of one line are counted.
pub fn first_record(text: &[u8]) -> (&[u8], &[u8]) {
    if let Some((counted, rest)) = by_count(text) {
        return (counted, rest);
    }
    if priority(text).is_none() {
        return (text, b"");
    }
    let begins = |at: &usize| {
        let here = text.get(*at..).unwrap_or_default();
        priority(here).is_some_and(|(_, rest)| beginning(rest.strip_prefix(b"1 ").unwrap_or(rest)).is_some())
    };
    let next = memchr::memchr_iter(b'<', text).skip(1).find(begins).unwrap_or(text.len());
    text.split_at_checked(next).unwrap_or((text, b""))
}

/// Gives each record of a line, and how many bytes of the line are before it. NUL bytes within a line are what a loss of
/// power left of its end and of lines behind it: what stands behind them is a line of its own, and what they end is none.
fn records(text: &[u8], each: &mut dyn FnMut(usize, &[u8])) {
    let mut rest = text;
    loop {
        let begins = text.len() - rest.len();
        let (torn, behind) = until_hole(rest);
        records_between(torn, &mut |at, record| each(begins + at, record));
        if behind.is_empty() {
            return;
        }
        rest = behind;
    }
}

/// What stands before the end of the first hole of NUL bytes, and what stands behind it. A hole at the beginning ends
/// nothing.
fn until_hole(text: &[u8]) -> (&[u8], &[u8]) {
    let nuls = |from: usize| text.iter().skip(from).take_while(|byte| **byte == 0).count();
    let begins = nuls(0);
    let hole = memchr::memchr(0, text.get(begins..).unwrap_or_default()).map(|at| begins + at);
    let end = hole.map_or(text.len(), |hole| hole + nuls(hole));
    text.split_at_checked(end).unwrap_or((text, b""))
}

/// The same of a text with a hole at its end at most, which spoils its last record alone.
fn records_between(text: &[u8], each: &mut dyn FnMut(usize, &[u8])) {
    let mut rest = text;
    loop {
        let (record, behind) = first_record(rest);
        each(text.len() - rest.len(), record);
        if behind.iter().all(|byte| *byte == 0) {
            return;
        }
        rest = behind;
    }
}

/// `NNN <…`: a record of so many bytes (RFC 5425, section 4.3; RFC 6587).
fn by_count(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = text.split_at_checked(text.iter().take(7).position(|byte| *byte == b' ')?)?;
    let count: usize = std::str::from_utf8(count).ok()?.parse().ok()?;
    let rest = rest.get(1..).filter(|rest| priority(rest).is_some())?;
    Some(rest.split_at_checked(count.min(rest.len())).unwrap_or((rest, b"")))
}

#[cfg(test)]
mod tests;
