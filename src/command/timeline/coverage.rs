//! What a timeline rests on: which sources were read, from when to when each speaks, and what was not read.

use std::collections::BTreeMap;

use super::pile::Told;
use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{Absent, Evidence, Log, What};
use crate::command::recorded::other_lines;
use crate::records::syslog::Tags;
use crate::term::{Voice, counted};

/// Sources that are told one by one; beside an answer fewer.
const TOLD: (usize, usize) = (50, 10);

/// What became of one source.
pub struct Read {
    /// As a person knows it.
    pub name: String,
    /// What it is.
    pub what: What,
    /// Its bytes, as it lies.
    pub bytes: u64,
    /// What its records are called.
    pub unit: &'static str,
    /// What it holds, in its own unit.
    pub records: u64,
    /// What of it was not understood.
    pub odd: u64,
    /// What has no time that could be made out.
    pub untimed: u64,
    /// From when to when it speaks, where that is known.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Why it could not be read, or not to its end.
    pub broken: Option<String>,
}

impl Read {
    /// Of a log that is being read.
    pub fn of(log: &Log, unit: &'static str) -> Read {
        Read {
            name: log.name.clone(),
            what: log.what,
            bytes: log.size,
            unit,
            records: 0,
            odd: 0,
            untimed: 0,
            span: None,
            broken: None,
        }
    }

    fn words(&self) -> String {
        let span = self.span.map(|(first, last)| format!(", {} to {}", first.spoken(), last.spoken()));
        let counts = [(self.odd, "not understood"), (self.untimed, "without a time")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: String = counts.map(|(count, words)| format!("; {words}: {count}")).collect();
        let broken = self.broken.as_ref().map(|why| format!("; NOT ALL READ: {why}")).unwrap_or_default();
        let records = match (self.unit, self.records) {
            ("entry", count) if count != 1 => format!("{count} entries"),
            (unit, count) => counted(count, unit),
        };
        format!("{}: {records}{}{counts}{broken}", self.name, span.unwrap_or_default())
    }
}

/// What was read.
pub struct Coverage {
    /// Each source.
    pub read: Vec<Read>,
    absent: Vec<Absent>,
    /// What keeps the answer from being whole.
    pub notes: Vec<String>,
    /// What should be known all the same.
    pub remarks: Vec<String>,
    /// Lines of programs that are not understood here.
    pub others: Tags,
    collected: Option<Timestamp>,
}

impl Coverage {
    /// Of evidence that is about to be read. Who names plain files has chosen: what was not named is missing to nobody.
    pub fn of(evidence: &Evidence, is_plain: bool) -> Coverage {
        Coverage {
            read: Vec::new(),
            absent: if is_plain { Vec::new() } else { evidence.absent.clone() },
            notes: evidence.notes.clone(),
            remarks: Vec::new(),
            others: Tags::default(),
            collected: evidence.collected,
        }
    }

    /// Whether everything was read that was looked for.
    pub fn is_whole(&self) -> bool {
        self.absent.is_empty()
            && self.notes.is_empty()
            && self
                .read
                .iter()
                .all(|read| read.broken.is_none() && (read.records > read.odd || read.odd == 0))
            && !self.read.is_empty()
    }

    /// What of the window which logs do not speak of, in words.
    pub fn beyond(&self, window: TimeWindow) -> Vec<String> {
        let mut spans: BTreeMap<What, (Timestamp, Timestamp)> = BTreeMap::new();
        let logs =
            self.read.iter().filter(|read| !matches!(read.what, What::Utmp | What::Table | What::Walk));
        for (what, (first, last)) in logs.filter_map(|read| Some((read.what, read.span?))) {
            let span = spans.entry(what).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
        let before = spans.iter().filter_map(|(what, (first, _))| {
            let since = window.since.filter(|since| since < first)?;
            Some(format!(
                "{}: {} to {}, before the first record",
                what.words(),
                since.spoken(),
                first.spoken()
            ))
        });
        let last = spans.values().map(|(_, last)| *last).chain(self.collected).max();
        let behind = window.until.zip(last).filter(|(until, last)| until > last);
        let behind = behind
            .map(|(until, last)| format!("{} to {}, behind what was read", last.spoken(), until.spoken()));
        let all = window.since.zip(last).filter(|(since, last)| since > last);
        let all = all.map(|(since, last)| {
            format!("the time from {} on: what was read ends at {}", since.spoken(), last.spoken())
        });
        // A window that begins somewhere is told for each kind of log.
        let first = spans.values().map(|(first, _)| *first).min().filter(|_| window.since.is_none());
        let none = window.end().zip(first).filter(|(end, first)| end < first);
        let none = none.map(|(end, first)| {
            format!("the time to {}: what was read begins at {}", end.spoken(), first.spoken())
        });
        before.chain(behind).chain(all).chain(none).collect()
    }

    /// Tells it: in a few lines beside an answer, and all of it where there is none.
    pub fn tell(&self, told: &Told, window: TimeWindow, voice: Voice) {
        let is_empty = told.shown == 0;
        let line = |words: String| if is_empty { voice.warn(words) } else { voice.say(words) };
        let read = counted(self.read.len() as u64, "source");
        match is_empty {
            true => line(format!("nothing dated was found in what was read ({}): {read}", window.words())),
            false => line(format!("{}; {read} read", counted(told.shown, "dated fact"))),
        }
        if told.left > 0 {
            line(format!("not asked for, or without what was asked for: {}", counted(told.left, "fact")));
        }
        if told.concealed > 0 {
            line(format!("names that may be passwords, and are not shown: {}", told.concealed));
        }
        self.tell_sources(is_empty, &line);
        for beyond in self.beyond(window) {
            line(format!("nothing is known of {beyond}"));
        }
    }

    fn tell_sources(&self, is_empty: bool, line: &dyn Fn(String)) {
        let most = if is_empty { TOLD.0 } else { TOLD.1 };
        let sum = |count: fn(&Read) -> u64| self.read.iter().map(count).sum::<u64>();
        let (untimed, odd) = (sum(|read| read.untimed), sum(|read| read.odd));
        if untimed > 0 {
            line(format!(
                "without a time that could be made out, and so in no place here: {}",
                counted(untimed, "statement")
            ));
        }
        if odd > 0 {
            line(format!("not understood, and so not here: {}", counted(odd, "record")));
        }
        other_lines(&self.others).into_iter().for_each(|lines| line(format!("not here: {lines}")));
        let is_told = |read: &&Read| {
            is_empty || read.broken.is_some() || read.odd > 0 || read.records == 0 && read.bytes > 0
        };
        let reads: Vec<&Read> = self.read.iter().filter(is_told).collect();
        reads.iter().take(most).for_each(|read| line(format!("read: {}", read.words())));
        if reads.len() > most {
            line(format!("… and {} more", counted((reads.len() - most) as u64, "source")));
        }
        self.notes.iter().chain(&self.remarks).for_each(|note| line(format!("note: {note}")));
        self.absent.iter().take(most).for_each(|absent| line(format!("not read: {}", absent.words)));
        if self.absent.len() > most {
            line(format!("… and {} more that were not read", self.absent.len() - most));
        }
    }
}
