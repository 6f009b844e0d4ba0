//! Which year a classic line is of. How many years lie between two lines follows from their days (see [`super::clocks`]);
//! which year the last line is of, from when the file was written.

use std::collections::BTreeMap;

use super::Line;
use super::anchor::{Anchor, Within};
use super::clocks::{At, Clocks, DAY, Host, Piece, short};
use super::stamp::{Day, Stamp, is_leap, year_of};
use crate::clock::Timestamp;
use crate::records::tzif::Zone;

/// Lines that tell when a file begins.
const BEGINNING: usize = 256;

/// The first of two passes over a file: what dates its lines in the second. It does not grow with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    clocks: Clocks,
    /// The year of the first line, if a line had its year.
    known: Option<i64>,
    beginning: Beginning,
}

/// The first lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Beginning {
    exact: Option<Timestamp>,
    classic: Vec<(Vec<u8>, u64, Day)>,
    lines: usize,
}

impl Survey {
    /// A line of the file, in the order of the file, and how many bytes are before it.
    pub fn line(&mut self, text: &[u8], offset: u64) {
        super::records(text, &mut |at, record| {
            super::line(record).iter().for_each(|line| self.record(line, offset + at as u64));
        });
    }

    /// The next record, taken apart, and where it stands.
    pub(super) fn record(&mut self, line: &Line<'_>, offset: u64) {
        line.stamp.into_iter().for_each(|stamp| self.stamp(line.host, stamp, offset));
    }

    fn stamp(&mut self, host: &[u8], stamp: Stamp, offset: u64) {
        self.beginning.take(host, stamp, offset);
        match stamp {
            Stamp::Classic(day) => {
                self.clocks.line(host, day, offset);
            }
            _ => self.with_year(host, stamp, offset),
        }
    }

    fn with_year(&mut self, host: &[u8], stamp: Stamp, offset: u64) {
        let Some((year, day)) = dated(stamp) else { return };
        let (behind, _) = self.clocks.would_be(host, day);
        let known = *self.known.get_or_insert(year - behind);
        self.clocks.dated(host, (year - known, day), offset);
    }

    /// The years, as of a file that was written at the latest so. Without any time to go by, and without a line that has
    /// its year, classic lines get no time.
    pub fn years(&self, anchor: &Anchor, zone: &Zone) -> Years {
        let latest = anchor.latest(&|within| self.ending(within, zone)).map(|latest| local(latest, zone));
        let latest = latest.filter(|_| self.known.is_none());
        let Some(first) = self.known.or_else(|| self.first(latest?)) else { return Years::default() };
        let of_host = |host: &Host| {
            // Of a machine whose clock is ahead of the time of writing the lines are of the year before, as far as that tells:
            // all of them, or those behind the step that took it there.
            let ahead = latest.zip(fitting(host, latest)).map_or(0, |(_, fits)| (first - fits).max(0));
            let ahead = |piece: usize| if piece < host.unsteady() { 0 } else { ahead };
            let pieces = host.pieces.iter().enumerate();
            let dated = |(at, piece): (usize, &Piece)| Dated {
                from: piece.from,
                year: first + piece.year - ahead(at),
                is_ahead: ahead(at) > 0,
            };
            pieces.map(dated).collect()
        };
        let hosts = self.clocks.hosts.iter().map(|(name, host)| (name.clone(), of_host(host))).collect();
        Years { hosts, latest, doubtful: self.clocks.doubtful() }
    }

    /// How many lines are of machines whose last day lies within, in whatever year.
    fn ending(&self, (from, to): Within, zone: &Zone) -> u64 {
        let (from, to) = (local(from, zone), local(to, zone));
        let ends = |host: &&Host| {
            let last = host.latest().map(|(_, day)| day.local(newest(day, to)));
            last.is_some_and(|last| last >= from)
        };
        self.clocks.hosts.iter().map(|(_, host)| host).filter(ends).map(Host::lines).sum()
    }

    /// The year of the first line: the newest one in which no machine's clock is behind the time of writing. Those that are
    /// ahead of the others do not count, and neither does one of which nothing says that it is right, unless most lines are
    /// theirs.
    fn first(&self, latest: i64) -> Option<i64> {
        let hosts: Vec<&Host> = self.clocks.hosts.iter().map(|(_, host)| host).collect();
        let beside = unless_few(hosts, |host| host.is_ahead);
        let sure = unless_few(beside, Host::is_unconfirmed);
        let first = sure.iter().filter_map(|host| fitting(host, Some(latest))).min()?;
        Some(self.with_leap_days(first))
    }

    /// When the file begins, as these years have it: no sooner than all of its first lines say, as the clock may not have
    /// been set yet when the very first one was written.
    pub fn begins(&self, years: &Years, zone: &Zone) -> Option<Timestamp> {
        let Beginning { exact, classic, .. } = &self.beginning;
        let local = |(host, offset, day): &(Vec<u8>, u64, Day)| {
            let place = zone.place(years.local(host, *offset, *day)?);
            Some(Timestamp::from_unix(place.first(), day.nanos))
        };
        classic.iter().filter_map(local).max().max(*exact)
    }

    /// The newest first year, from this one back, in which each 29 February is one: all of the file moves with it, as a
    /// time of writing that is too late is likelier than a year of silence.
    fn with_leap_days(&self, first: i64) -> i64 {
        let pieces = self.clocks.hosts.iter().flat_map(|(_, host)| &host.pieces);
        let leap_days: Vec<i64> = pieces.filter(|piece| piece.has_leap_day).map(|piece| piece.year).collect();
        let fits = |first: &i64| leap_days.iter().all(|behind| is_leap(first + behind));
        let newest = |first: &i64| leap_days.iter().max().is_none_or(|behind| is_leap(first + behind));
        let back = || (first - 8..=first).rev();
        back().find(fits).or_else(|| back().find(newest)).unwrap_or(first)
    }
}

impl Beginning {
    fn take(&mut self, host: &[u8], stamp: Stamp, offset: u64) {
        if self.lines >= BEGINNING {
            return;
        }
        self.lines += 1;
        match stamp {
            Stamp::Exact(time, _) => self.exact = self.exact.max(Some(time)),
            Stamp::Classic(day) => self.classic.push((short(host).to_vec(), offset, day)),
            Stamp::Local(..) => {}
        }
    }
}

/// These machines without the odd ones; all of them if the odd ones hold most lines.
fn unless_few(hosts: Vec<&Host>, is_odd: impl Fn(&Host) -> bool) -> Vec<&Host> {
    let all: u64 = hosts.iter().map(|host| host.lines()).sum();
    let odd: u64 = hosts.iter().filter(|host| is_odd(host)).map(|host| host.lines()).sum();
    hosts.into_iter().filter(|host| odd * 2 > all || !is_odd(host)).collect()
}

/// The newest year of the file's first line with which a machine's latest day is not behind this local time.
fn fitting(host: &Host, latest: Option<i64>) -> Option<i64> {
    let (latest, (behind, day)) = latest.zip(host.latest())?;
    Some(newest(day, latest) - behind)
}

/// The newest year with which a day is not behind this local time.
fn newest(day: Day, latest: i64) -> i64 {
    let year = year_of(latest.div_euclid(DAY));
    if day.local(year) <= latest { year } else { year - 1 }
}

/// In seconds since 1970 as if it were UTC.
fn local(time: Timestamp, zone: &Zone) -> i64 {
    time.unix() + i64::from(zone.offset(time.unix()))
}

/// Year and day of a line that has its year.
fn dated(stamp: Stamp) -> Option<At> {
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

/// Dates the lines of a file: what a [`Survey`] resolved to. The default dates none but those with their years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Years {
    /// Of each machine, from where in the file on its lines are of which year.
    hosts: BTreeMap<Vec<u8>, Vec<Dated>>,
    /// The latest local time that a line can have.
    latest: Option<i64>,
    /// Lines that lie more than 30 days aside of those around them, where that was taken for a clock that was wrong and not
    /// for a New Year.
    pub doubtful: u64,
}

/// Lines of one machine from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dated {
    from: u64,
    year: i64,
    /// They were moved back by a year, for they would be of a time after the writing.
    is_ahead: bool,
}

impl Years {
    /// The local time of a line without a year that this machine wrote and that stands there, in seconds since 1970 as if it
    /// were UTC.
    pub fn local(&self, host: &[u8], offset: u64, day: Day) -> Option<i64> {
        self.at(host, offset, day).map(|(local, _)| local)
    }

    /// The same, and whether the line would be of a time after the writing, were it not taken for one of the year before.
    pub(super) fn at(&self, host: &[u8], offset: u64, day: Day) -> Option<(i64, bool)> {
        let pieces = self.hosts.get(short(host)).or_else(|| self.hosts.get(&b""[..]))?;
        let at = pieces.partition_point(|piece| piece.from <= offset);
        let Dated { year, is_ahead, .. } = *pieces.get(at.saturating_sub(1))?;
        let is_late = self.latest.is_some_and(|latest| day.local(year) > latest);
        Some((day.local(if is_late { year - 1 } else { year }), is_late || is_ahead))
    }
}
