//! What an answer rests on: which logs were read, from when to when, and what was not read. An answer of nothing is worth
//! no more than this.

use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{Absent, Evidence, Log, What};
use crate::records::audit_event::FileRead;
use crate::term::{Failure, Voice, bytes, counted};

/// Logs that are told one by one.
const TOLD: usize = 50;

/// What became of one log.
pub struct Read {
    /// As a person knows it.
    pub name: String,
    /// Its bytes, as it lies.
    pub bytes: u64,
    /// The times of its earliest and latest record.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Lines of it that are records.
    pub records: u64,
    /// Lines that are none.
    pub odd: u64,
    /// It ends in the middle of a line, as one that is being written may.
    pub torn: bool,
    /// Why it could not be read, or not to its end.
    pub broken: Option<String>,
}

impl Read {
    /// Of a log that was read, as far as it could be.
    pub fn of(log: &Log, read: &FileRead, failure: Option<&Failure>) -> Read {
        let unread = read.unread.as_ref().map(ToString::to_string);
        Read {
            name: log.name.clone(),
            bytes: log.size,
            span: read.first.zip(read.last),
            records: read.records,
            odd: read.unparsed + read.oversize,
            torn: read.torn,
            broken: failure.map(|failure| failure.message().to_owned()).or(unread),
        }
    }

    fn words(&self) -> String {
        let span = match self.span {
            Some((first, last)) => format!("{} to {}", first.spoken(), last.spoken()),
            None => "no record in it".into(),
        };
        let odd = if self.odd > 0 {
            format!("; not understood: {}", counted(self.odd, "line"))
        } else {
            String::new()
        };
        let torn = if self.torn { "; it ends in the middle of a line" } else { "" };
        let broken = self.broken.as_ref().map(|why| format!("; NOT ALL READ: {why}")).unwrap_or_default();
        format!(
            "{}: {span}; {}, {}{odd}{torn}{broken}",
            self.name,
            counted(self.records, "record"),
            bytes(self.bytes)
        )
    }
}

/// What was read for an answer.
#[derive(Default)]
pub struct Coverage {
    /// Each log, the oldest first.
    pub read: Vec<Read>,
    /// What is not here.
    pub absent: Vec<Absent>,
    /// What is odd.
    pub notes: Vec<String>,
    /// What is to be known, and no lack.
    pub remarks: Vec<String>,
    /// When the evidence was collected.
    pub collected: Option<Timestamp>,
    /// Plain files were named, and what was not named is missing to nobody.
    pub is_plain: bool,
    /// Journals stand for the audit logs, of which there is none.
    pub by_journal: bool,
}

impl Coverage {
    /// Of evidence that is not read yet.
    pub fn of(evidence: &Evidence, is_plain: bool) -> Coverage {
        let has = |what: What| evidence.logs(what).next().is_some();
        let by_journal = !has(What::Audit) && has(What::Journal);
        // Journals are read in the place of audit logs, or where they are named.
        let is_missed = |absent: &&Absent| match absent.what {
            What::Journal => !has(What::Audit),
            _ => !(is_plain && by_journal),
        };
        let absent = evidence.absent.iter().filter(is_missed).cloned().collect();
        let (notes, collected) = (evidence.notes.clone(), evidence.collected);
        Coverage { absent, notes, collected, is_plain, by_journal, ..Coverage::default() }
    }

    /// From the earliest record to the latest.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let spans = || self.read.iter().filter_map(|read| read.span);
        Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
    }

    /// What of the window the logs do not speak of, in words.
    pub fn beyond(&self, window: TimeWindow) -> Vec<String> {
        let Some((first, last)) = self.span() else {
            return vec![format!("{}: there is no record at all", window.words())];
        };
        let before = window.since.filter(|since| *since < first);
        let before =
            before.map(|since| format!("{} to {}, before the first record", since.spoken(), first.spoken()));
        // Behind the last record nothing was logged as long as the log was still being written: until it was collected.
        let known_to = self.collected.map_or(last, |collected| collected.max(last));
        let after = window.until.filter(|until| *until > known_to);
        let after =
            after.map(|until| format!("{} to {}, behind what was read", known_to.spoken(), until.spoken()));
        let all = window.since.filter(|since| *since > known_to);
        let all = all.map(|since| {
            format!("the time from {} on: what was read ends at {}", since.spoken(), known_to.spoken())
        });
        before.into_iter().chain(after).chain(all).collect()
    }

    /// Whether everything was read that was looked for.
    pub fn is_whole(&self) -> bool {
        let is_read = |read: &Read| read.broken.is_none() && (read.records > 0 || read.bytes == 0);
        self.absent.iter().all(|absent| absent.by_plan)
            && self.notes.is_empty()
            && self.read.iter().all(is_read)
            && self.span().is_some()
    }

    /// Tells it: in a few lines beside an answer, and all of it where there is none.
    pub fn tell(&self, found: u64, window: TimeWindow, voice: Voice) {
        let span = self.span().map(|(first, last)| format!(", {} to {}", first.spoken(), last.spoken()));
        let what = if self.by_journal { "journal" } else { "audit log" };
        let read = counted(self.read.len() as u64, what);
        let summary = format!("{read} read{}", span.unwrap_or_default());
        let is_empty = found == 0;
        if is_empty {
            voice.warn(format!("no event matched in what was read ({}): {summary}", window.words()));
        } else {
            voice.say(format!("{}; {summary}", counted(found, "event")));
        }
        let line = |words: String| if is_empty { voice.warn(words) } else { voice.say(words) };
        let worth_telling =
            |read: &&Read| is_empty || read.broken.is_some() || read.odd > 0 || read.records == 0;
        let told: Vec<&Read> = self.read.iter().filter(worth_telling).collect();
        told.iter().take(TOLD).for_each(|read| line(format!("read: {}", read.words())));
        if told.len() > TOLD {
            line(format!("… and {} more", counted((told.len() - TOLD) as u64, "log")));
        }
        self.notes.iter().chain(&self.remarks).for_each(|note| line(format!("note: {note}")));
        self.absent.iter().take(TOLD).for_each(|absent| line(format!("not searched: {}", absent.words)));
        if self.absent.len() > TOLD {
            line(format!("… and {} more that were not searched", self.absent.len() - TOLD));
        }
        for beyond in self.beyond(window) {
            line(format!("nothing is known of {beyond}"));
        }
        if is_empty && let Some((first, _)) = self.span().filter(|_| window.since.is_none()) {
            voice.warn(format!(
                "nothing is known of the time before {}, nor of what no rule was there to log",
                first.spoken()
            ));
        }
    }
}
