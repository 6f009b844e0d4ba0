//! The rule behind a table: `CET-1CEST,M3.5.0,M10.5.0/3` (tzset(3); with hours from -167 to 167 as RFC 9636 allows).

use crate::records::syslog::stamp::{days, is_leap, year_of};

/// Standard time, and summer time where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    standard: i32,
    summer: Option<Summer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Summer {
    east: i32,
    begins: Change,
    ends: Change,
}

/// On which day, and how many seconds after its midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    day: Day,
    second: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Day {
    /// Month, week (5 is the last), day of the week from Sunday.
    Weekday(u32, u32, u32),
    /// From 1, without 29 February.
    NoLeap(u32),
    /// From 0.
    Any(u32),
}

impl Rule {
    /// From its text.
    pub fn parse(text: &[u8]) -> Option<Rule> {
        let (standard, rest) = offset(name(text)?)?;
        if rest.is_empty() {
            return Some(Rule { standard, summer: None });
        }
        let rest = name(rest)?;
        let (east, rest) = match rest.first() {
            Some(b',') => (standard + 3_600, rest),
            _ => offset(rest)?,
        };
        let (begins, rest) = Change::parse(rest.strip_prefix(b",")?)?;
        let (ends, _) = Change::parse(rest.strip_prefix(b",")?)?;
        Some(Rule { standard, summer: Some(Summer { east, begins, ends }) })
    }

    /// Seconds east at a time in seconds since 1970.
    pub fn offset(&self, utc: i64) -> i32 {
        let Some(summer) = &self.summer else { return self.standard };
        let year = year_of(utc.saturating_add(i64::from(self.standard)).div_euclid(86_400));
        let begins = summer.begins.local(year) - i64::from(self.standard);
        let ends = summer.ends.local(year) - i64::from(summer.east);
        let is_summer = match begins < ends {
            true => (begins..ends).contains(&utc),
            false => !(ends..begins).contains(&utc),
        };
        if is_summer { summer.east } else { self.standard }
    }
}

impl Change {
    fn parse(text: &[u8]) -> Option<(Change, &[u8])> {
        let (day, rest) = match text.split_first()? {
            (b'M', rest) => {
                let (month, rest) = digits(rest)?;
                let (week, rest) = digits(rest.strip_prefix(b".")?)?;
                let (weekday, rest) = digits(rest.strip_prefix(b".")?)?;
                let possible = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday < 7;
                (possible.then_some(Day::Weekday(month, week, weekday))?, rest)
            }
            (b'J', rest) => {
                let (day, rest) = digits(rest)?;
                ((1..=365).contains(&day).then_some(Day::NoLeap(day))?, rest)
            }
            _ => {
                let (day, rest) = digits(text)?;
                ((0..=365).contains(&day).then_some(Day::Any(day))?, rest)
            }
        };
        let (second, rest) = match rest.strip_prefix(b"/") {
            Some(rest) => seconds(rest)?,
            None => (7_200, rest),
        };
        Some((Change { day, second: i64::from(second) }, rest))
    }

    /// Its local time in a year, in seconds since 1970 as if it were UTC.
    fn local(&self, year: i64) -> i64 {
        let day = match self.day {
            Day::Weekday(month, week, weekday) => {
                let first = days(year, month, 1);
                // 1 January 1970 was a Thursday.
                let ahead = (i64::from(weekday) - (first + 4)).rem_euclid(7);
                let wanted = first + ahead + 7 * i64::from(week - 1);
                let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
                if wanted >= next { wanted - 7 } else { wanted }
            }
            Day::NoLeap(day) => days(year, 1, 1) + i64::from(day) - 1 + i64::from(day >= 60 && is_leap(year)),
            Day::Any(day) => days(year, 1, 1) + i64::from(day),
        };
        day * 86_400 + self.second
    }
}

/// What stands behind a name: letters, or anything in angle brackets.
fn name(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"<") {
        let end = rest.iter().position(|byte| *byte == b'>')?;
        return rest.get(end + 1..);
    }
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    (end >= 3).then(|| text.get(end..))?
}

/// POSIX counts seconds *west*.
fn offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (west, rest) = seconds(text)?;
    Some((-west, rest))
}

/// `[+|-]hh[:mm[:ss]]`
fn seconds(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, text) = match text.split_first()? {
        (b'-', rest) => (-1, rest),
        (b'+', rest) => (1, rest),
        _ => (1, text),
    };
    let (hours, mut rest) = digits(text)?;
    let mut total = hours.min(168) as i32 * 3_600;
    for unit in [60, 1] {
        if let Some((count, behind)) = rest.strip_prefix(b":").and_then(digits) {
            total += count.min(59) as i32 * unit;
            rest = behind;
        }
    }
    Some((sign * total, rest))
}

fn digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((value, rest))
}
