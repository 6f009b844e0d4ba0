//! Lines into what programs say in them of logins.

use std::collections::BTreeMap;

use super::stamp::Stamp;
use super::{Line, Years, line, records};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::{Said, TimeQuality, understand};
use crate::records::tzif::{Placed, Zone};

/// Programs that are told apart among those whose messages are not read here; further ones are counted together.
const TAGS: usize = 1_024;
/// Bytes of a tag that are kept (RFC 5424 allows 48).
const TAG: usize = 48;
/// Steps of the clock that are kept; further ones are counted.
const STEPS: usize = 64;
/// Two lines may be this much out of order, in seconds, without a clock that was set.
const JITTER: u64 = 2;

/// A line whose time is before that of the line above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the later line stands.
    pub place: Place,
    /// Its time.
    pub to: Timestamp,
    /// By how many seconds it is earlier: less than two hours is a clock that was set, or lines out of order.
    pub back: u64,
}

/// Counts by the name of a program, which any sender chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    counts: BTreeMap<Vec<u8>, u64>,
    /// Lines of programs beyond those that are told apart.
    pub beyond: u64,
}

impl Tags {
    fn count(&mut self, tag: &[u8], lines: u64) {
        let tag = tag.get(..TAG).unwrap_or(tag);
        if let Some(count) = self.counts.get_mut(tag) {
            *count += lines;
        } else if self.counts.len() < TAGS {
            self.counts.insert(tag.to_vec(), lines);
        } else {
            self.beyond += lines;
        }
    }

    /// Those of another log as well.
    pub fn add(&mut self, others: &Tags) {
        others.counts.iter().for_each(|(tag, lines)| self.count(tag, *lines));
        self.beyond += others.beyond;
    }

    /// Lines, of whichever programs.
    pub fn lines(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.beyond
    }

    /// The names with the most lines, most first.
    pub fn top(&self, most: usize) -> Vec<(&[u8], u64)> {
        let mut all: Vec<(&[u8], u64)> =
            self.counts.iter().map(|(tag, count)| (tag.as_slice(), *count)).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.truncate(most);
        all
    }
}

impl Notes {
    /// What is to be told of the years and hours, in words.
    pub fn doubt(&self) -> Option<String> {
        let lines = |lines: u64, lie: &str| match lines {
            1 => format!("1 line {}", lie.replacen("lie", "lies", 1)),
            lines => format!("{lines} lines {lie}"),
        };
        let aside = "lie more than 30 days aside of those around: taken for a clock that was wrong, and not for a year gone by, \
                     which it may be";
        let ahead = "lie after the time at which the log was written last, in the year of those around: taken for one of the \
                     year before, where the clock that was ahead may have been wrong by less";
        let hour = "lie in an hour that the zone has twice, or never, where summer time ends or begins: the time may be \
                    wrong by an hour";
        let all = [(self.doubtful_years, aside), (self.ahead_years, ahead), (self.ambiguous_times, hour)];
        let told: Vec<String> =
            all.into_iter().filter(|(count, _)| *count > 0).map(|(count, lie)| lines(count, lie)).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// What became of the lines of a file. Each record is in exactly one of `said`, `others`, `continued` and `unparsed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Records: lines, and those that came out of one line.
    pub records: u64,
    /// Of these, such as came out of a line behind another one.
    pub split: u64,
    /// Of programs that are known here, or of PAM.
    pub said: u64,
    /// Of other programs, by name.
    pub others: Tags,
    /// Without a form and indented: the rest of the line above.
    pub continued: u64,
    /// Without any form that is known.
    pub unparsed: u64,
    /// Lines that only say how often another was said.
    pub repeats: u64,
    /// Of a program that is known here, but without a time that could be made out.
    pub undated: u64,
    /// In the hour that was there twice, or in the one that never was, as summer time ended or began: the time of each is
    /// the earlier one, until the log itself steps back.
    pub ambiguous_times: u64,
    /// Lines that lie more than 30 days aside of those around them, which was taken for a clock that was wrong, and not for a
    /// New Year.
    pub doubtful_years: u64,
    /// Lines that would be of a time after the log was written last, or of a machine that has such, and are taken for those
    /// of the year before.
    pub ahead_years: u64,
    /// Steps back of the time.
    pub steps: u64,
    /// The first of them.
    pub first_steps: Vec<Step>,
    /// The earliest and the latest time.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Reads one file, line by line. What it holds does not grow with the file.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    years: Years,
    zone: Zone,
    notes: Notes,
    last: Last,
    second_time: bool,
    last_local: Option<i64>,
    last_time: Option<Timestamp>,
    was_read: bool,
}

/// The line above, for a line that only says that it was said again; empty where that was not understood.
#[derive(Clone, Debug, Default)]
struct Last {
    host: Vec<u8>,
    tag: Vec<u8>,
    pid: Option<u32>,
    message: Vec<u8>,
}

impl Reader {
    /// For a file whose lines are of these years, on a machine in this zone.
    pub fn new(years: Years, zone: Zone) -> Reader {
        Reader { years, zone, ..Reader::default() }
    }

    /// The next line, without its newline, and what is said in it.
    pub fn line(&mut self, text: &[u8], place: Place, out: &mut dyn FnMut(Said)) {
        records(text, &mut |at, record| {
            self.notes.split += u64::from(at > 0);
            self.record(record, Place { offset: place.offset + at as u64, ..place }, out);
        });
    }

    /// All lines were there.
    pub fn end(self) -> Notes {
        Notes { doubtful_years: self.years.doubtful, ..self.notes }
    }

    fn record(&mut self, text: &[u8], place: Place, out: &mut dyn FnMut(Said)) {
        self.notes.records += 1;
        let Some(line) = line(text) else {
            let continued = indented(text) && self.was_read;
            self.notes.continued += u64::from(continued);
            self.notes.unparsed += u64::from(!continued);
            if !continued {
                self.last = Last::default();
            }
            return;
        };
        self.was_read = true;
        let time = self.time(&line, place);
        self.say(&line, time, place, out);
    }

    fn say(
        &mut self,
        line: &Line,
        time: Option<(Timestamp, TimeQuality)>,
        place: Place,
        out: &mut dyn FnMut(Said),
    ) {
        let again = repeated(line.message);
        self.notes.repeats += u64::from(again.is_some());
        let (tag, pid, message, times) = match again {
            Some((times, Some(quoted))) => (line.tag, line.pid, quoted, times),
            Some((times, None)) if is_of_the_same(line, &self.last.host) => {
                (self.last.tag.as_slice(), self.last.pid, self.last.message.as_slice(), times)
            }
            // Of a machine whose line is not above it nobody knows what was repeated.
            Some((times, None)) => (&b""[..], None, &b""[..], times),
            None => (line.tag, line.pid, line.message, 1),
        };
        match understand(tag, message) {
            Some(message) => {
                self.notes.said += 1;
                self.notes.undated += u64::from(time.is_none());
                let (host, tag) = (line.host.to_vec(), tag.to_vec());
                out(Said { time, host, tag, pid, witness: None, place, times, message });
            }
            None => self.notes.others.count(tag, 1),
        }
        if again.is_none() {
            self.last.take(line);
        }
    }

    fn time(&mut self, line: &Line, place: Place) -> Option<(Timestamp, TimeQuality)> {
        let (time, quality) = match line.stamp? {
            Stamp::Exact(time, _) => (time, TimeQuality::Exact),
            Stamp::Local(local, nanos) => (self.place(local, nanos), TimeQuality::Zone),
            Stamp::Classic(day) => {
                let (local, is_ahead) = self.years.at(line.host, place.offset, day)?;
                self.notes.ahead_years += u64::from(is_ahead);
                (self.place(local, day.nanos), TimeQuality::YearAndZone)
            }
        };
        self.note_time(time, place);
        Some((time, quality))
    }

    /// A local time in UTC. In the hour that is there twice the log is in its second half from where it steps back.
    fn place(&mut self, local: i64, nanos: u32) -> Timestamp {
        let placed = self.zone.place(local);
        let back = self.last_local.replace(local).map_or(0, |last| last - local);
        let utc = match placed {
            Placed::Twice(first, second) => {
                self.notes.ambiguous_times += 1;
                self.second_time |= back > 600 && back <= second - first;
                if self.second_time { second } else { first }
            }
            _ => {
                self.notes.ambiguous_times += u64::from(matches!(placed, Placed::Never(_)));
                self.second_time = false;
                placed.first()
            }
        };
        Timestamp::from_unix(utc, nanos)
    }

    fn note_time(&mut self, time: Timestamp, place: Place) {
        let back = self.last_time.map_or(0, |last| last.since(time).as_secs());
        self.last_time = Some(time);
        if back > JITTER {
            self.notes.steps += 1;
            if self.notes.first_steps.len() < STEPS {
                self.notes.first_steps.push(Step { place, to: time, back });
            }
        }
        let (first, last) = self.notes.span.unwrap_or((time, time));
        self.notes.span = Some((first.min(time), last.max(time)));
    }
}

/// Whether a record without a form is the rest of the line above, if there is one.
pub(super) fn indented(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| b" \t".contains(byte)) || text.starts_with(b"#011")
}

/// Whether a line that says that the last was repeated is of the machine of the line above; it may name none.
pub(super) fn is_of_the_same(line: &Line, above: &[u8]) -> bool {
    line.host.is_empty() || line.host == above
}

impl Last {
    fn take(&mut self, line: &Line) {
        let keep = |to: &mut Vec<u8>, from: &[u8]| {
            to.clear();
            to.extend_from_slice(from);
        };
        keep(&mut self.host, line.host);
        keep(&mut self.tag, line.tag);
        keep(&mut self.message, line.message);
        self.pid = line.pid;
    }
}

/// `message repeated N times: [ MESSAGE]`, or `last message repeated N times`: how often, and what.
pub(super) fn repeated(message: &[u8]) -> Option<(u32, Option<&[u8]>)> {
    let (rest, is_last) = match message.strip_prefix(b"message repeated ") {
        Some(rest) => (rest, false),
        None => (message.strip_prefix(b"last message repeated ")?, true),
    };
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let (count, rest) = rest.split_at_checked(end)?;
    let count = std::str::from_utf8(count).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b" times")?;
    if is_last {
        return rest.trim_ascii().is_empty().then_some((count, None));
    }
    let quoted = rest.strip_prefix(b": [")?.trim_ascii_end().strip_suffix(b"]")?;
    Some((count, Some(quoted.trim_ascii_start())))
}
