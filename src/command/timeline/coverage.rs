//! What a timeline rests on: which sources were read, from when to when each speaks, and what was not read.

use super::pile::Told;
use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{Absent, Evidence, Log, What};
use crate::command::holes::{self, Kept};
use crate::command::recorded::other_lines;
use crate::records::syslog::Tags;
use crate::term::{Voice, counted};

/// Sources that are told one by one; beside an answer fewer.
const TOLD: (usize, usize) = (50, 10);
/// Kinds of logs that are written to for as long as a host lives, each by a program of its own: where one is silent, another
/// does not speak for it.
const KINDS: [What; 6] = [What::Audit, What::Auth, What::Journal, What::Wtmp, What::Wtmpdb, What::Btmp];

/// From the earliest to the latest.
pub type Span = (Timestamp, Timestamp);

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
    pub span: Option<Span>,
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

    /// Whether it is a log that speaks of no time. A table need not speak of one.
    fn is_silent(&self) -> bool {
        let is_log = self.what == What::Utmp || KINDS.contains(&self.what);
        is_log && self.span.is_none()
    }

    fn is_worth_telling(&self) -> bool {
        let has_none = self.records == 0 && self.bytes > 0;
        self.broken.is_some() || self.odd > 0 || has_none || self.is_silent()
    }

    fn words(&self) -> String {
        let span = match self.span {
            Some((first, last)) => format!(", {} to {}", first.spoken(), last.spoken()),
            None if self.is_silent() && self.bytes == 0 => ", for the file is empty".to_owned(),
            None if self.is_silent() => ", none with a time that could be made out".to_owned(),
            None => String::new(),
        };
        let counts = [(self.odd, "not understood"), (self.untimed, "without a time")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: String = counts.map(|(count, words)| format!("; {words}: {count}")).collect();
        let broken = self.broken.as_ref().map(|why| format!("; NOT ALL READ: {why}")).unwrap_or_default();
        let records = match (self.unit, self.records) {
            ("entry", count) if count != 1 => format!("{count} entries"),
            (unit, count) => counted(count, unit),
        };
        format!("{}: {records}{span}{counts}{broken}", self.name)
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
        let mut absent = if is_plain { Vec::new() } else { evidence.absent.clone() };
        // Gaps first: not all may be told one by one.
        absent.sort_by_key(|absent| absent.by_plan);
        Coverage {
            read: Vec::new(),
            absent,
            notes: evidence.notes.clone(),
            remarks: evidence.remarks.clone(),
            others: Tags::default(),
            collected: evidence.collected,
        }
    }

    /// Whether everything was read that was looked for.
    pub fn is_whole(&self) -> bool {
        self.absent.iter().all(|absent| absent.by_plan)
            && self.notes.is_empty()
            && self
                .read
                .iter()
                .all(|read| read.broken.is_none() && (read.records > read.odd || read.odd == 0))
            && !self.read.is_empty()
    }

    /// From the earliest record of one kind of log to the latest.
    fn span(&self, what: What) -> Option<Span> {
        let spans = || self.read.iter().filter(|read| read.what == what).filter_map(|read| read.span);
        Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
    }

    /// What of the window the logs do not speak of, by kind of log, in words.
    pub fn beyond(&self, window: TimeWindow) -> Vec<String> {
        let spans: Vec<(What, Span)> =
            KINDS.into_iter().filter_map(|what| Some((what, self.span(what)?))).collect();
        // A window without an end may begin behind a log that had nothing to say of late; another that goes on shows that
        // logs were kept.
        let latest = spans.iter().map(|(_, (_, last))| *last).max();
        let beyond = |(what, (first, last)): (What, Span)| {
            // Behind the last record nothing was logged as long as the log was still being written: until it was collected.
            // Nobody may fail to log in for weeks.
            let is_open = window.until.is_none() || what == What::Btmp;
            let went_on = self.collected.max(latest.filter(|_| is_open));
            let known_to = went_on.map_or(last, |latest| latest.max(last));
            beyond_span(window, what.words(), (first, known_to))
        };
        let silent = self
            .silent()
            .map(|what| format!("{}: {}, for no record of theirs has a time", what.words(), window.words()));
        let kept: Vec<Kept<'_>> = self
            .read
            .iter()
            .map(|read| Kept { what: read.what, path: &read.name, span: read.span })
            .collect();
        let gone = holes::unknown(&kept, window);
        spans.into_iter().flat_map(beyond).chain(silent).chain(gone).collect()
    }

    /// Kinds of which files are here and no record with a time: they were emptied, or are no such logs.
    fn silent(&self) -> impl Iterator<Item = What> {
        let has_logins = [What::Wtmp, What::Wtmpdb].into_iter().any(|what| self.span(what).is_some());
        // Where nobody failed to log in since it was rotated, btmp is empty; that wtmp has records shows that they are kept. And
        // of wtmp and its database one is enough.
        let is_excused =
            move |what: What| has_logins && matches!(what, What::Wtmp | What::Wtmpdb | What::Btmp);
        let is_here = move |what: What| self.read.iter().any(|read| read.what == what);
        KINDS
            .into_iter()
            .filter(move |what| is_here(*what) && self.span(*what).is_none() && !is_excused(*what))
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
        let is_told = |read: &&Read| is_empty || read.is_worth_telling();
        let mut reads: Vec<&Read> = self.read.iter().filter(is_told).collect();
        // Logs that say nothing first: not all may be told one by one.
        reads.sort_by_key(|read| !read.is_silent());
        reads.iter().take(most).for_each(|read| line(format!("read: {}", read.words())));
        if reads.len() > most {
            line(format!("… and {} more", counted((reads.len() - most) as u64, "source")));
        }
        self.notes.iter().chain(&self.remarks).for_each(|note| line(format!("note: {note}")));
        self.absent.iter().take(most).for_each(|absent| {
            let why = if absent.by_plan { "left out by the plan" } else { "not read" };
            line(format!("{why}: {}", absent.words));
        });
        if self.absent.len() > most {
            line(format!("… and {} more that were not read", self.absent.len() - most));
        }
    }
}

/// What of the window a kind of log does not speak of that is known in this span: all of it, or its ends.
fn beyond_span(window: TimeWindow, what: &str, (first, last): Span) -> Vec<String> {
    if window.end().is_some_and(|end| end < first) {
        return vec![format!("{what}: {}; what was read begins at {}", window.words(), first.spoken())];
    }
    if window.since.is_some_and(|since| since > last) {
        return vec![format!("{what}: {}; what was read ends at {}", window.words(), last.spoken())];
    }
    let before = window
        .since
        .filter(|since| *since < first)
        .map(|since| format!("{what}: {} to {}, before the first record", since.spoken(), first.spoken()));
    let behind = window
        .until
        .filter(|until| *until > last)
        .map(|until| format!("{what}: {} to {}, behind what was read", last.spoken(), until.spoken()));
    before.into_iter().chain(behind).collect()
}
