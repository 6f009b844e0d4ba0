//! The time at the beginning of a line of a text log.

use crate::clock::Timestamp;

/// When a line says that it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// With year and zone.
    Exactly(Timestamp),
    /// `Nov 21 20:19:48`, as it stands.
    Classic(String),
}

/// The time at the beginning of a line, of which at least 96 bytes are needed if it has so many. None if it has none
/// that is known.
pub fn written(line: &[u8]) -> Option<Written> {
    let line = without_priority(line);
    classic(line).map(Written::Classic).or_else(|| exact(line).map(Written::Exactly))
}

/// `<34>`, and the version that RFC 5424 puts behind it (section 6.2.2).
fn without_priority(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<") else { return line };
    let Some(at) = rest.iter().take(4).position(|byte| *byte == b'>') else { return line };
    let (number, behind) = rest.split_at(at);
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return line;
    }
    let behind = behind.get(1..).unwrap_or_default();
    behind.strip_prefix(b"1 ").unwrap_or(behind)
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// `Mmm dd hh:mm:ss` (RFC 3164, 4.1.2): the day with a blank, or as older daemons write it a zero, in front.
fn classic(line: &[u8]) -> Option<String> {
    let stamp = line.get(..15)?;
    let ends = matches!(line.get(15), None | Some(b' ' | b':' | b'\r' | b'.'));
    let month = MONTHS.contains(&stamp.get(..3)?);
    let shape = stamp.iter().zip(b"Mmm_d0_00:00:00").all(|(byte, wanted)| match wanted {
        b'_' => *byte == b' ',
        b'd' => *byte == b' ' || byte.is_ascii_digit(),
        b'0' => byte.is_ascii_digit(),
        b':' => *byte == b':',
        _ => true,
    });
    let two = |at: usize| -> Option<u32> {
        std::str::from_utf8(stamp.get(at..at + 2)?).ok()?.trim_start().parse().ok()
    };
    let possible = || Some((1..=31).contains(&two(4)?) && two(7)? < 24 && two(10)? < 60 && two(13)? < 61);
    let is_one = ends && month && shape && possible()?;
    is_one.then(|| String::from_utf8_lossy(stamp).into_owned())
}

/// The first word as RFC 3339, also with a zone without its colon, as `journalctl -o short-iso` writes it. A time
/// without a zone is none that UTC could be told from.
fn exact(line: &[u8]) -> Option<Timestamp> {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let word = std::str::from_utf8(line.get(..end)?).ok()?;
    if word.get(10..11).is_none_or(|mark| mark != "T") || word.len() > 40 {
        return None;
    }
    let with_colon = || {
        let (time, zone) = word.split_at_checked(word.len().checked_sub(5)?)?;
        let (hours, minutes) = zone.split_at_checked(3)?;
        Timestamp::parse(&format!("{time}{hours}:{minutes}")).ok()
    };
    Timestamp::parse(word).ok().or_else(with_colon)
}
