//! What an answer about logins rests on: each log with its times and how well they are known, and what is not here.

use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{Absent, Evidence, Log, What};
use crate::command::holes::{self, Kept};
use crate::command::recorded::{Passed, Recorded};
use crate::path::shown;
use crate::records::audit_event::FileRead;
use crate::records::auth_text::TimeQuality;
use crate::term::{Failure, Voice, bytes, counted};

/// Logs that are told one by one.
const TOLD: usize = 50;

/// What became of one log.
pub struct Read {
    number: u32,
    what: What,
    name: String,
    /// The whole path, where it is known.
    path: String,
    bytes: u64,
    span: Option<(Timestamp, Timestamp)>,
    records: u64,
    odd: u64,
    quality: Option<TimeQuality>,
    broken: Option<String>,
}

impl Read {
    /// Of an audit log.
    pub fn of_audit(log: &Log, read: &FileRead, failure: Option<&Failure>) -> Read {
        let unread = read.unread.as_ref().map(ToString::to_string);
        let passed = Passed {
            span: read.first.zip(read.last),
            records: read.records,
            odd: read.unparsed + read.oversize,
        };
        Read {
            broken: failure.map(|failure| failure.message().to_owned()).or(unread),
            ..Read::of(log, &passed, Some(TimeQuality::Exact))
        }
    }

    /// Of another log, whose times are known so well at worst.
    pub fn of(log: &Log, passed: &Passed, quality: Option<TimeQuality>) -> Read {
        Read {
            number: log.number,
            what: log.what,
            name: log.name.clone(),
            path: log.path.as_ref().map_or_else(|| log.name.clone(), |path| shown(path.as_bytes())),
            bytes: log.size,
            span: passed.span,
            records: passed.records,
            odd: passed.odd,
            quality,
            broken: None,
        }
    }

    /// What is odd among much else is no gap; where there is hardly anything else, the log is something other than it was
    /// taken for.
    fn is_understood(&self) -> bool {
        self.odd == 0 || self.records > self.odd
    }

    fn words(&self, zone: &str) -> String {
        let span = match self.span {
            Some((first, last)) => format!("{} to {}", first.spoken(), last.spoken()),
            None if self.what == What::Logind => "a living session".into(),
            None => "no record with a time in it".into(),
        };
        let quality = match self.quality {
            Some(TimeQuality::Zone) => format!("; times without a zone, taken as of {zone}"),
            Some(TimeQuality::YearInferred) => "; years inferred".into(),
            Some(TimeQuality::YearAndZone) => {
                format!("; years inferred, times without a zone, taken as of {zone}")
            }
            Some(TimeQuality::Exact) | None => String::new(),
        };
        let odd = match self.odd {
            0 => String::new(),
            odd => format!("; not understood: {odd}"),
        };
        let broken = self.broken.as_ref().map(|why| format!("; NOT ALL READ: {why}")).unwrap_or_default();
        let records = counted(self.records, "record");
        let (number, name) = (self.number, &self.name);
        format!("[{number}] {name}: {span}; {records}, {}{quality}{odd}{broken}", bytes(self.bytes))
    }
}

/// How much was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Rows of the answer that tell of something.
    pub rows: u64,
    /// In a word, what one of them is.
    pub what: &'static str,
    /// And of what, behind it.
    pub of: &'static str,
}

impl Found {
    /// There is nothing.
    pub fn is_nothing(self) -> bool {
        self.rows == 0
    }
}

/// What was read for an answer.
pub struct Coverage {
    /// Each log, in the order in which they were read.
    pub read: Vec<Read>,
    /// What is missing or may be wrong in the answer.
    pub notes: Vec<String>,
    /// What is to be known, and no lack.
    pub remarks: Vec<String>,
    /// The zone of times without one, in words.
    pub zone: String,
    absent: Vec<Absent>,
    is_plain: bool,
    collected: Option<Timestamp>,
    texts: bool,
}

impl Coverage {
    /// Of evidence that is not read yet. Who names plain files has chosen: what was not named is told, and is no lack.
    pub fn of(evidence: &Evidence, is_plain: bool) -> Coverage {
        // The database of logins stands for the file.
        let by_database = evidence.logs(What::Wtmpdb).next().is_some();
        let is_absent = |absent: &&Absent| !(absent.what == What::Wtmp && by_database);
        let zone = match evidence.zone {
            Some(_) => "that of the examined host (/etc/localtime)",
            None => "UTC, for that of the host is not known: name it with --zone",
        };
        Coverage {
            read: Vec::new(),
            notes: evidence.notes.clone(),
            remarks: evidence.remarks.clone(),
            zone: zone.into(),
            absent: evidence.absent.iter().filter(is_absent).cloned().collect(),
            is_plain,
            collected: evidence.collected,
            texts: [What::Auth, What::Journal].into_iter().any(|what| evidence.logs(what).next().is_some()),
        }
    }

    /// What the sessions are made of.
    pub fn learn(&mut self, recorded: &Recorded, window: TimeWindow) {
        let is_asked = |time: Timestamp| {
            window.since.is_none_or(|since| since <= time) && window.end().is_none_or(|end| time <= end)
        };
        self.notes.extend(recorded.joined.numbered_alone(&is_asked));
        self.notes.extend(recorded.notes.iter().cloned());
        self.remarks.extend(recorded.remarks.iter().cloned());
        if recorded.by_journal {
            self.absent.retain(|absent| absent.what != What::Audit);
            self.remarks
                .push("audit records: those that journald took from the kernel; no audit log is here".into());
        }
        if !self.texts {
            self.remarks.push(
                "tries and connections are counted from authentication logs and journals, and there is none: records \
                 alone are counted"
                    .into(),
            );
        }
        let services = recorded.joined.untold.text_of_services;
        if services > 0 {
            let lines = counted(services, "line");
            self.remarks.push(format!("{lines} of cron and service managers, for which there was no room"));
        }
        let unplaced = recorded.joined.untold.unplaced_elevations;
        if unplaced > 0 {
            let acts = counted(unplaced, "act");
            self.remarks.push(format!(
                "{acts} as another user (sudo, su) could be of more than one session, or of none"
            ));
        }
    }

    /// From the earliest record of one kind of log to the latest.
    fn span(&self, what: What) -> Option<(Timestamp, Timestamp)> {
        let spans = || self.read.iter().filter(|read| read.what == what).filter_map(|read| read.span);
        Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
    }

    /// What of the window the logs do not speak of, by kind of log, in words.
    pub fn beyond(&self, window: TimeWindow) -> Vec<String> {
        let kinds = [What::Audit, What::Auth, What::Journal, What::Wtmp, What::Wtmpdb, What::Btmp];
        let spans: Vec<_> = kinds.into_iter().filter_map(|what| Some((what, self.span(what)?))).collect();
        if spans.is_empty() {
            return vec![format!("{}: there is no record with a time at all", window.words())];
        }
        // A window without an end may begin behind a log that had nothing to say of late; another that goes on shows that
        // logs were kept.
        let latest = spans.iter().map(|(_, (_, last))| *last).max();
        let beyond = |(what, (first, last)): (What, (Timestamp, Timestamp))| {
            // Behind the last record nothing was logged as long as the log was still being written: until it was collected.
            // Nobody may fail to log in for weeks.
            let is_open = window.until.is_none() || what == What::Btmp;
            let went_on = self.collected.max(latest.filter(|_| is_open));
            let known_to = went_on.map_or(last, |latest| latest.max(last));
            beyond_span(window, what.words(), first, known_to)
        };
        let holes = holes::unknown(&self.kept(), window);
        spans.into_iter().flat_map(beyond).chain(holes).collect()
    }

    fn kept(&self) -> Vec<Kept<'_>> {
        self.read.iter().map(|read| Kept { what: read.what, path: &read.path, span: read.span }).collect()
    }

    /// Whether everything was read that was looked for.
    pub fn is_whole(&self) -> bool {
        let is_read = |read: &Read| read.broken.is_none() && read.is_understood();
        (self.is_plain || self.absent.iter().all(|absent| absent.by_plan))
            && self.notes.is_empty()
            && self.read.iter().all(is_read)
            && !self.read.is_empty()
    }

    /// Tells it, beside every answer.
    pub fn tell(&self, found: Found, window: TimeWindow, voice: Voice) {
        let logs = counted(self.read.len() as u64, "log");
        let line = |words: String| if found.is_nothing() { voice.warn(words) } else { voice.say(words) };
        if found.is_nothing() {
            line(format!(
                "no {}{} was found ({}): that means only what is logged in these, and read; {logs} read",
                found.what,
                found.of,
                window.words()
            ));
        } else {
            let rows = counted(found.rows, found.what);
            line(format!("{rows}{} ({}); {logs} read", found.of, window.words()));
        }
        let mut read: Vec<&Read> = self.read.iter().filter(|read| read.what != What::Logind).collect();
        read.sort_by_key(|read| (read.what, read.number));
        read.iter().take(TOLD).for_each(|read| line(format!("read: {}", read.words(&self.zone))));
        if read.len() > TOLD {
            line(format!("… and {} more", counted((read.len() - TOLD) as u64, "log")));
        }
        let living = self.read.len() - read.len();
        if living > 0 {
            line(format!("read: {} of logind's, of living sessions", counted(living as u64, "file")));
        }
        let told = |words: &[String], what: &str| {
            words.iter().take(TOLD).for_each(|words| line(format!("{what}: {words}")));
            if words.len() > TOLD {
                line(format!("… and {} more", counted((words.len() - TOLD) as u64, what)));
            }
        };
        told(&self.remarks, "remark");
        told(&holes::quiet(&self.kept(), window), "remark");
        told(&self.notes, "note");
        let absent = |by_plan: bool| -> Vec<String> {
            let absent = self.absent.iter().filter(|absent| absent.by_plan == by_plan);
            absent.map(|absent| absent.words.clone()).collect()
        };
        told(&absent(false), "not read");
        told(&absent(true), "left out by the plan");
        told(&self.beyond(window), "nothing is known of");
    }
}

/// What of the window a kind of log does not speak of that is known from `first` to `last`: all of it, or its ends.
fn beyond_span(window: TimeWindow, what: &str, first: Timestamp, last: Timestamp) -> Vec<String> {
    if window.end().is_some_and(|end| end < first) {
        return vec![format!("{}: {what} begin later, {}", window.words(), first.spoken())];
    }
    if window.since.is_some_and(|since| since > last) {
        return vec![format!("{}: {what} end before, {}", window.words(), last.spoken())];
    }
    let before = window
        .since
        .filter(|since| *since < first)
        .map(|since| format!("{} to {}: {what} begin later", since.spoken(), first.spoken()));
    let after = window
        .until
        .filter(|until| *until > last)
        .map(|until| format!("{} to {}: {what} end before", last.spoken(), until.spoken()));
    before.into_iter().chain(after).collect()
}
