//! The one place where time is asked for, written and read.
//!
//! Everything else takes a [`Clock`], so that a test can replay a run to the byte. There is no other
//! caller of the system clock, and the binary has no flag that sets one.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, UTC, to the nanosecond. Written as RFC 3339 with nine decimals and `Z`.
/// Logs are full of them, so that it is kept as they have it, and a date is made of it only where somebody reads it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

/// Now, as two clocks tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Wall-clock time, which anyone with privileges can set.
    pub utc: Timestamp,
    /// Nanoseconds since boot, suspend included (`CLOCK_BOOTTIME`): it never steps, so it proves order.
    pub boottime_ns: u64,
}

/// A clock tick as programs see it in /proc, in nanoseconds: `USER_HZ` is 100 on every processor that we run on.
const TICK_NS: u64 = 10_000_000;

impl Moment {
    /// When so many clock ticks had passed since boot, by the wall clock of this moment.
    pub fn at_tick(self, ticks: u64) -> Timestamp {
        let boot = self.utc.minus(Duration::from_nanos(self.boottime_ns));
        boot.plus(Duration::from_nanos(ticks.saturating_mul(TICK_NS)))
    }
}

/// Where moments come from.
pub trait Clock: Send + Sync {
    /// The moment of the call.
    fn moment(&self) -> Moment;
}

/// The kernel's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn moment(&self) -> Moment {
        Moment { utc: Timestamp::bent(Some(Utc::now()), 0), boottime_ns: boottime_ns() }
    }
}

/// Nanoseconds since boot alone, for rows that are written by the hundred thousand.
pub fn boottime_ns() -> u64 {
    let boot = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(boot.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(boot.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

/// How long the machine was suspended since boot: what `CLOCK_BOOTTIME` counts and `CLOCK_MONOTONIC` does not.
pub fn suspended() -> Duration {
    let span = |time: rustix::time::Timespec| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
    };
    let monotonic = span(clock_gettime(ClockId::Monotonic));
    let difference = span(clock_gettime(ClockId::Boottime)).saturating_sub(monotonic);
    // Both are read one after the other; less than this is no sleep.
    if difference < Duration::from_millis(10) { Duration::ZERO } else { difference }
}

/// How long something lasted, for people: the two largest units, cut and not rounded.
pub fn lasting(span: Duration) -> String {
    let seconds = span.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let two = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0 || first == 3);
    two.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// A clock that starts where it is told and gains one millisecond with each question.
#[derive(Debug)]
pub struct FixedClock {
    start: Timestamp,
    asked: AtomicU64,
}

impl FixedClock {
    /// A clock whose first answer is `start`.
    pub fn starting(start: Timestamp) -> FixedClock {
        FixedClock { start, asked: AtomicU64::new(0) }
    }
}

impl Clock for FixedClock {
    fn moment(&self) -> Moment {
        let elapsed = Duration::from_millis(self.asked.fetch_add(1, Ordering::Relaxed));
        Moment {
            utc: self.start.plus(elapsed),
            boottime_ns: u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;
/// 0000-01-01T00:00:00Z
const FIRST_SECOND: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z
const LAST_SECOND: i64 = 253_402_300_799;

/// A time that a person typed and that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {text:?} as a time")]
pub struct TimeError {
    text: String,
}

impl Timestamp {
    /// From seconds since 1970-01-01T00:00:00Z and nanoseconds, bent to the years 0000 to 9999, which are all that
    /// RFC 3339 can write: any user can give a file a time beyond them.
    pub fn from_unix(seconds: i64, nanos: u32) -> Timestamp {
        let bent = seconds.clamp(FIRST_SECOND, LAST_SECOND);
        let nanos = if bent == seconds { nanos.min(999_999_999) } else { 0 };
        Timestamp { seconds: bent, nanos }
    }

    fn date(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.seconds, self.nanos).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Whether a time in seconds since 1970 can be written as it is.
    pub fn can_hold(seconds: i64) -> bool {
        (FIRST_SECOND..=LAST_SECOND).contains(&seconds)
    }

    /// RFC 3339, digit by digit: rows with four times each are written by the million.
    fn written(self) -> [u8; 30] {
        use chrono::{Datelike as _, Timelike as _};
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let time = self.date();
        let parts = [
            (0..4, u32::try_from(time.year()).unwrap_or(0)),
            (5..7, time.month()),
            (8..10, time.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..29, self.nanos),
        ];
        for (place, mut number) in parts {
            for digit in text.get_mut(place).unwrap_or_default().iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }

    /// A leap second is the end of the second before.
    fn bent(time: Option<DateTime<Utc>>, otherwise: i64) -> Timestamp {
        let (seconds, nanos) =
            time.map_or((otherwise, 0), |time| (time.timestamp(), time.timestamp_subsec_nanos()));
        Timestamp::from_unix(seconds, nanos)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn unix(self) -> i64 {
        self.seconds
    }

    /// Later by `span`.
    pub fn plus(self, span: Duration) -> Timestamp {
        let nanos = self.nanos + span.subsec_nanos();
        let seconds = self.seconds.saturating_add_unsigned(span.as_secs());
        Timestamp::from_unix(seconds.saturating_add((nanos / SECOND).into()), nanos % SECOND)
    }

    /// Earlier by `span`.
    pub fn minus(self, span: Duration) -> Timestamp {
        let nanos = self.nanos + SECOND - span.subsec_nanos();
        let seconds = self.seconds.saturating_sub_unsigned(span.as_secs()).saturating_sub(1);
        Timestamp::from_unix(seconds.saturating_add((nanos / SECOND).into()), nanos % SECOND)
    }

    /// The span from `earlier` to this moment; zero if the clock went back between them.
    pub fn since(self, earlier: Timestamp) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        let (borrowed, nanos) = match self.nanos.checked_sub(earlier.nanos) {
            Some(nanos) => (0, nanos),
            None => (1, self.nanos + SECOND - earlier.nanos),
        };
        Duration::new((self.seconds - earlier.seconds - borrowed).unsigned_abs(), nanos)
    }

    /// The span between this moment and another, whichever is the earlier.
    pub fn apart(self, other: Timestamp) -> Duration {
        self.since(other).max(other.since(self))
    }

    /// As it stands in a bundle's name: `20261121t201948z`.
    pub fn compact(self) -> String {
        self.date().format("%Y%m%dt%H%M%Sz").to_string()
    }

    /// The day alone: `2026-11-21`.
    pub fn day(self) -> String {
        self.date().format("%Y-%m-%d").to_string()
    }

    /// The same day `years` later (28 February where that year has no 29th): `2032-11-21`.
    pub fn day_after_years(self, years: u32) -> String {
        let later =
            self.date().date_naive().checked_add_months(chrono::Months::new(years.saturating_mul(12)));
        later.map_or_else(|| self.day(), |date| date.to_string())
    }

    /// To the second, for people and for `journalctl`: `2026-11-21 20:19:48 UTC`.
    pub fn spoken(self) -> String {
        self.date().format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// The date as `ausearch` reads it under `LC_ALL=C`: `11/21/26`. It follows the locale's `%x`, and a
    /// year of four digits is an error there (seen with audit 3.0.9).
    pub fn audit_date(self) -> String {
        self.date().format("%m/%d/%y").to_string()
    }

    /// The time of day as `ausearch` reads it: `20:19:48`.
    pub fn audit_time(self) -> String {
        self.date().format("%H:%M:%S").to_string()
    }

    /// Year, month, day, hour, minute, second: what a ZIP header can hold of it.
    pub fn calendar(self) -> (i32, u32, u32, u32, u32, u32) {
        use chrono::{Datelike as _, Timelike as _};
        let t = self.date();
        (t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second())
    }

    /// Reads RFC 3339 (`2026-11-21T20:19:48Z`, any offset), and nothing else.
    pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
        DateTime::parse_from_rfc3339(text)
            .map(|time| Timestamp::bent(Some(time.with_timezone(&Utc)), 0))
            .map_err(|_| TimeError { text: text.to_owned() })
    }

    /// Reads what a person types: a span back from `now` (`7d`, `36h`, `90m`), a day (`2026-11-21`), a day and
    /// time (`2026-11-21 20:19[:48]`), all UTC, or RFC 3339.
    pub fn typed(text: &str, now: Timestamp) -> Result<Timestamp, TimeError> {
        read_typed(text, now).map(|(time, _)| time)
    }

    /// The same, where an end is meant: of a day or a minute its last second.
    pub fn typed_end(text: &str, now: Timestamp) -> Result<Timestamp, TimeError> {
        read_typed(text, now).map(|(time, seconds)| time.plus(Duration::from_secs(seconds)))
    }
}

/// What was typed, and how many seconds of it are behind the first.
fn read_typed(text: &str, now: Timestamp) -> Result<(Timestamp, u64), TimeError> {
    if let Ok(span) = parse_span(text) {
        return Ok((now.minus(span), 0));
    }
    let spaced = text.trim().replacen('T', " ", 1);
    let at = |form: &str| NaiveDateTime::parse_from_str(&spaced, form).ok();
    let day = || NaiveDate::parse_from_str(&spaced, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let naive = at("%Y-%m-%d %H:%M:%S")
        .map(|time| (time, 0))
        .or_else(|| Some((at("%Y-%m-%d %H:%M")?, 59)))
        .or_else(|| Some((day()?, 86_399)));
    match naive {
        Some((time, rest)) => Ok((Timestamp::bent(Some(time.and_utc()), 0), rest)),
        None => Ok((Timestamp::parse(text.trim())?, 0)),
    }
}

/// Reads a span: digits and one of `s`, `m`, `h`, `d` (`90s`, `15m`, `36h`, `7d`).
pub fn parse_span(text: &str) -> Result<Duration, TimeError> {
    let wrong = || TimeError { text: text.to_owned() };
    let trimmed = text.trim();
    let unit = trimmed.chars().next_back().ok_or_else(wrong)?;
    let digits = trimmed.strip_suffix(unit).ok_or_else(wrong)?;
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(count.checked_mul(seconds).ok_or_else(wrong)?))
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.written()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.written()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
