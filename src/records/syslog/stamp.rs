//! The time of a line, and the little of the calendar that it takes.

use crate::clock::Timestamp;

/// When a line says that it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// With year and zone. The second number is the local one, in seconds since 1970 as if it were UTC.
    Exact(Timestamp, i64),
    /// With a year and without a zone: local, in seconds since 1970 as if it were UTC, and nanoseconds.
    Local(i64, u32),
    /// `Nov 21 20:19:48`: neither.
    Classic(Day),
}

/// A day and time without a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
    /// Since midnight; a leap second is the first of the next day.
    pub second: u32,
    /// Nanoseconds.
    pub nanos: u32,
}

impl Day {
    /// The local time of the day in a year, in seconds since 1970 as if it were UTC.
    pub fn local(self, year: i64) -> i64 {
        days(year, self.month, self.day) * 86_400 + i64::from(self.second)
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; of a 29 February that is none, to the 1 March. Years are
/// counted from March here, so that the leap day is the last one.
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    let before = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + before + (153 * months + 2) / 5 + day - 1 - 719_468
}

/// The year of a day that is counted from 1970-01-01.
pub fn year_of(day: i64) -> i64 {
    // Bent to what a `Timestamp` can hold; 400 years have 146,097 days, and the guess is at most two years too early.
    let day = day.clamp(-719_528, 2_932_896);
    let guess = 1969 + (day * 400).div_euclid(146_097);
    (guess..guess + 3).find(|year| day < days(year + 1, 1, 1)).unwrap_or(guess)
}

/// Whether a year has a 29 February.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The month of three letters, from 1.
fn month(text: &[u8]) -> Option<u32> {
    (1..).zip(MONTHS).find(|(_, name)| text == *name).map(|(month, _)| month)
}

/// `count` digits.
fn digits(text: &[u8], from: usize, count: usize) -> Option<u32> {
    text.get(from..from + count)?
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// `hh:mm:ss` at the beginning, as seconds since midnight, and what stands behind it.
fn time_of_day(text: &[u8]) -> Option<(u32, &[u8])> {
    let colons = text.get(2) == Some(&b':') && text.get(5) == Some(&b':');
    let (hour, minute, second) = (digits(text, 0, 2)?, digits(text, 3, 2)?, digits(text, 6, 2)?);
    let possible = colons && hour < 24 && minute < 60 && second <= 60;
    possible.then_some((hour * 3_600 + minute * 60 + second, text.get(8..)?))
}

/// `.123456`, if it is there, as nanoseconds, and what stands behind it.
fn fraction(text: &[u8]) -> (u32, &[u8]) {
    let Some(rest) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return (0, text) };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let Some((figures, behind)) = rest.split_at_checked(end).filter(|(figures, _)| !figures.is_empty())
    else {
        return (0, text);
    };
    let nine = figures.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    (nine.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')), behind)
}

/// `[YYYY ]Mon [d]d hh:mm:ss[.fraction]` at the beginning (RFC 3164, 4.1.2), and what stands behind it: the day with a
/// blank, or as older daemons write it a zero, in front; Cisco's like with the year behind the day are none of these.
pub fn classic(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let year = digits(text, 0, 4).filter(|_| text.get(4) == Some(&b' '));
    let text = if year.is_some() { text.get(5..)? } else { text };
    let month = month(text.get(..3)?)?;
    let rest = text.get(3..)?.strip_prefix(b" ")?;
    let (day, rest) = match rest.first()? {
        b' ' => (digits(rest, 1, 1)?, rest.get(2..)?),
        _ if rest.get(1) == Some(&b' ') => (digits(rest, 0, 1)?, rest.get(1..)?),
        _ => (digits(rest, 0, 2)?, rest.get(2..)?),
    };
    let (second, rest) = time_of_day(rest.strip_prefix(b" ")?)?;
    let (nanos, rest) = fraction(rest);
    let day = Day { month, day, second, nanos };
    is_day(year.map(i64::from), month, day.day).then_some(())?;
    Some((year.map_or(Stamp::Classic(day), |year| Stamp::Local(day.local(i64::from(year)), nanos)), rest))
}

/// `dd/Mon/YYYY:hh:mm:ss[ +hhmm]` at the beginning, and what stands behind it.
pub fn slashes(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let month = month(text.get(3..6)?)?;
    let marks = text.get(2) == Some(&b'/') && text.get(6) == Some(&b'/') && text.get(11) == Some(&b':');
    let (day, year) = (digits(text, 0, 2)?, i64::from(digits(text, 7, 4)?));
    (marks && is_day(Some(year), month, day)).then_some(())?;
    let (second, rest) = time_of_day(text.get(12..)?)?;
    let (nanos, rest) = fraction(rest);
    let local = Day { month, day, second, nanos }.local(year);
    Some(
        rest.strip_prefix(b" ")
            .and_then(zone)
            .map_or((Stamp::Local(local, nanos), rest), |(east, rest)| (exactly(local, nanos, east), rest)),
    )
}

/// `YYYY-MM-DDThh:mm:ss[.fraction][Z|+hh:mm|+hhmm]` at the beginning (RFC 3339; a blank for the `T` too), and what stands
/// behind it.
pub fn iso(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let marks = text.get(4) == Some(&b'-')
        && text.get(7) == Some(&b'-')
        && matches!(text.get(10), Some(b'T' | b't' | b' '));
    marks.then_some(())?;
    let (year, month, day) = (i64::from(digits(text, 0, 4)?), digits(text, 5, 2)?, digits(text, 8, 2)?);
    is_day(Some(year), month, day).then_some(())?;
    let (second, rest) = time_of_day(text.get(11..)?)?;
    let (nanos, rest) = fraction(rest);
    let local = Day { month, day, second, nanos }.local(year);
    Some(
        zone(rest)
            .map_or((Stamp::Local(local, nanos), rest), |(east, rest)| (exactly(local, nanos, east), rest)),
    )
}

fn exactly(local: i64, nanos: u32, east: i64) -> Stamp {
    Stamp::Exact(Timestamp::from_unix(local - east, nanos), local)
}

/// `Z`, `+hh:mm` or `+hhmm` as seconds east, and what stands behind it.
fn zone(text: &[u8]) -> Option<(i64, &[u8])> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, text.get(1..)?)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let minutes = if text.get(3) == Some(&b':') { 4 } else { 3 };
    let (hour, minute) = (digits(text, 1, 2)?, digits(text, minutes, 2)?);
    let possible = hour < 24 && minute < 60;
    possible.then_some((sign * i64::from(hour * 3_600 + minute * 60), text.get(minutes + 2..)?))
}

fn is_day(year: Option<i64>, month: u32, day: u32) -> bool {
    let length = match month {
        2 => 28 + u32::from(year.is_none_or(is_leap)),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=length).contains(&day)
}
