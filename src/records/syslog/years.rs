//! Which year a classic line is of. Between two lines that follow one another nothing but their days is needed: a step
//! back by more than 30 days is a New Year, a small one an adjusted clock or lines out of order. Which year the last line is
//! of follows from when the file was written.

use super::anchor::Anchor;
use super::stamp::{Day, Stamp, is_leap, year_of};
use crate::clock::Timestamp;
use crate::records::tzif::Zone;

/// Steps back of more days than this are a New Year.
const NEW_YEAR: i64 = 30 * DAY;
/// A step of nearly a year forward that is a step back by less than this: lines out of order, or an adjusted clock, around
/// midnight of New Year. A log that is silent for all of a year but these hours would be read one year too late.
const OUT_OF_ORDER: i64 = 2 * 3_600;
const DAY: i64 = 86_400;
/// Leap days at different distances that are remembered; a log of more than these is longer than any.
const LEAP_DAYS: usize = 16;
/// Lines that tell when a file begins.
const BEGINNING: u64 = 256;

/// How many years behind the first line a line is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    year: i64,
    last: Option<Day>,
}

impl Chain {
    fn step(&mut self, day: Day) -> i64 {
        if let Some(last) = self.last {
            // As of a leap year, so that every day has its place.
            let (before, now) = (last.local(2000), day.local(2000));
            if before - now > NEW_YEAR {
                self.year += 1;
            } else if before - (now - 366 * DAY) <= OUT_OF_ORDER {
                self.year -= 1;
            }
        }
        self.last = Some(day);
        self.year
    }
}

/// The first of two passes over a file: what dates its lines in the second. It does not grow with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    chain: Chain,
    /// The year of the first line, if a line had its year.
    known: Option<i64>,
    latest: Option<(i64, Day)>,
    leap_days: Vec<i64>,
    beginning: Beginning,
}

/// The latest of the first lines: of one alone the clock may not have been set yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Beginning {
    lines: u64,
    exact: Option<Timestamp>,
    classic: Option<(i64, Day)>,
}

impl Survey {
    /// A line of the file, in the order of the file.
    pub fn line(&mut self, text: &[u8]) {
        super::records(text, &mut |_, record| {
            if let Some(stamp) = super::line(record).and_then(|line| line.stamp) {
                self.stamp(stamp);
            }
        });
    }

    /// How many years the last line is behind the first.
    pub fn years_behind(&self) -> i64 {
        self.chain.year
    }

    fn stamp(&mut self, stamp: Stamp) {
        let Stamp::Classic(day) = stamp else { return self.with_year(stamp) };
        let year = self.chain.step(day);
        if self.beginning.is_on() {
            self.beginning.classic = self.beginning.classic.max(Some((year, day)));
        }
        self.latest = self.latest.max(Some((year, day)));
        let leap_day = (day.month, day.day) == (2, 29);
        if leap_day && self.leap_days.len() < LEAP_DAYS && !self.leap_days.contains(&year) {
            self.leap_days.push(year);
        }
    }

    fn with_year(&mut self, stamp: Stamp) {
        let Some((year, day)) = dated(stamp) else { return };
        if self.beginning.is_on()
            && let Stamp::Exact(time, _) = stamp
        {
            self.beginning.exact = self.beginning.exact.max(Some(time));
        }
        let behind = self.chain.step(day);
        let known = *self.known.get_or_insert(year - behind);
        self.chain.year = year - known;
    }

    /// The years, as of a file that was written at the latest so. Without any time to go by, and without a line that has
    /// its year, classic lines get no time.
    pub fn years(&self, anchor: &Anchor, zone: &Zone) -> Years {
        let by_anchor = || {
            let latest = anchor.latest()?.unix();
            let local = latest + i64::from(zone.offset(latest));
            let (behind, day) = self.latest?;
            let year = year_of(local.div_euclid(DAY));
            let year = if day.local(year) <= local { year } else { year - 1 };
            Some(self.with_leap_days(year - behind))
        };
        Years { first: self.known.or_else(by_anchor), chain: Chain::default() }
    }

    /// When the file begins, as these years have it: no sooner than its first lines say.
    pub fn begins(&self, years: &Years, zone: &Zone) -> Option<Timestamp> {
        let Beginning { exact, classic, .. } = self.beginning;
        let classic = classic.zip(years.first).map(|((behind, day), first)| {
            Timestamp::from_unix(zone.place(day.local(first + behind)).first(), day.nanos)
        });
        exact.max(classic)
    }

    /// The newest first year, from this one back, in which each 29 February is one: all of the file moves with it, as a
    /// time of writing that is too late is likelier than a year of silence.
    fn with_leap_days(&self, first: i64) -> i64 {
        let fits = |first: &i64| self.leap_days.iter().all(|behind| is_leap(first + behind));
        let newest = |first: &i64| self.leap_days.iter().max().is_none_or(|behind| is_leap(first + behind));
        let back = || (first - 8..=first).rev();
        back().find(fits).or_else(|| back().find(newest)).unwrap_or(first)
    }
}

impl Beginning {
    /// Whether the next line is one of the first.
    fn is_on(&mut self) -> bool {
        self.lines += 1;
        self.lines <= BEGINNING
    }
}

/// Year and day of a line that has its year.
fn dated(stamp: Stamp) -> Option<(i64, Day)> {
    let (local, nanos) = match stamp {
        Stamp::Exact(_, local) => (local, 0),
        Stamp::Local(local, nanos) => (local, nanos),
        Stamp::Classic(_) => return None,
    };
    let day = local.div_euclid(DAY);
    let year = year_of(day);
    let month = (1..=12).rev().find(|month| super::stamp::days(year, *month, 1) <= day)?;
    let of_month = u32::try_from(day - super::stamp::days(year, month, 1)).ok()? + 1;
    Some((year, Day { month, day: of_month, second: u32::try_from(local.rem_euclid(DAY)).ok()?, nanos }))
}

/// Dates the lines of a file, in the order of the file: what a [`Survey`] resolved to. The default dates none but those
/// with their years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Years {
    first: Option<i64>,
    chain: Chain,
}

impl Years {
    /// The local time of the next line without a year, in seconds since 1970 as if it were UTC.
    pub fn local(&mut self, day: Day) -> Option<i64> {
        let first = self.first?;
        Some(day.local(first + self.chain.step(day)))
    }

    /// A line with its year: what follows is of the same.
    pub fn with_year(&mut self, stamp: Stamp) {
        // Only a file that mixes them needs it.
        let Some(first) = self.first else { return };
        let Some((year, day)) = dated(stamp) else { return };
        self.chain.step(day);
        self.chain.year = year - first;
    }
}
