//! What the answer rests on: told beside every one of them, and in full beside one of nothing.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{Absent, Evidence, Log, What};
use crate::command::recorded::{Hears, Passed, Recorded};
use crate::command::search::notes;
use crate::custody::rows::access::coverage::CoverageStatement;
use crate::records::audit_event::{Counts, Event, FileRead};
use crate::records::audit_log::{Summary, record};
use crate::records::auth_text::Said;
use crate::term::{Failure, Voice, counted};
use crate::view::access::Totals;
use crate::view::coverage::{Coverage, File, Root, lines};
use crate::view::login_sessions::Source;

/// Lines of a kind that are told one by one.
const TOLD: usize = 50;

/// Coverage in the making.
pub struct Covered {
    coverage: Coverage,
    summary: Summary,
    /// Which of their rotation the logs are, by their numbers here.
    rotation: BTreeMap<u32, u64>,
    /// Logs that could not be read to their end, and why.
    unread: Vec<String>,
    span: Option<(Timestamp, Timestamp)>,
    /// When it is asked.
    now: Timestamp,
}

impl Covered {
    pub fn new(evidence: &Evidence, now: Timestamp) -> Covered {
        let mut coverage = Coverage::new((now, now), evidence.phi_keys.clone());
        coverage.kernel(evidence.kernel.clone());
        coverage.roots(roots(evidence));
        let logs = evidence.logs(What::Audit);
        let rotation = logs.filter_map(|log| Some((log.number, evidence.rotation(log)?))).collect();
        Covered { coverage, summary: Summary::default(), rotation, unread: Vec::new(), span: None, now }
    }
}

impl Hears for Covered {
    fn wants(kind: &[u8], line: &[u8]) -> bool {
        Coverage::wants(kind, line)
    }

    fn begins(&mut self, _: &Log) {
        self.summary = Summary::default();
    }

    fn line(&mut self, line: Option<&[u8]>) {
        match line {
            Some(line) => self.summary.line(line),
            None => self.summary.oversize += 1,
        }
    }

    /// It is part of what is asked about, and the time around it is covered by the logs alone.
    fn beside(&mut self, line: &[u8]) {
        self.coverage.beside(line);
        self.spans(record(line).map(|record| (record.id.time, record.id.time)));
    }

    fn further(&mut self, lines: u64) {
        self.summary.further(lines);
    }

    fn event(&mut self, event: &Event) {
        self.coverage.event(event);
    }

    fn said(&mut self, source: Source, said: &Said) {
        self.coverage.said(source == Source::Journal, said);
    }

    fn ends(&mut self, log: &Log, read: &FileRead, failure: Option<&Failure>) {
        let mut summary = std::mem::take(&mut self.summary);
        (summary.torn_last, summary.broken) = (read.torn, read.unread);
        let why = failure.map(|failure| failure.message().to_owned());
        let why = why.or_else(|| read.unread.map(|why| format!("{}: NOT ALL READ: {why}", log.name)));
        self.unread.extend(why.clone());
        if why.is_some() && read.records == 0 {
            return self.coverage.unread();
        }
        self.file(log, summary, why.is_none());
    }

    /// A journal whose audit records stand for an audit log; what is wrong with it is a note.
    fn passed(&mut self, log: &Log, _: &Passed) {
        let summary = std::mem::take(&mut self.summary);
        if summary.records > 0 {
            self.file(log, summary, true);
        }
    }
}

impl Covered {
    fn file(&mut self, log: &Log, summary: Summary, whole: bool) {
        self.spans(summary.span());
        self.coverage.file(File {
            path: log.path.as_ref().map_or(log.name.as_bytes(), |path| path.as_bytes()).to_vec(),
            bytes: log.size,
            number: self.rotation.get(&log.number).copied(),
            whole,
            summary,
        });
    }

    fn spans(&mut self, span: Option<(Timestamp, Timestamp)>) {
        if let Some((first, last)) = span {
            let (from, to) = self.span.unwrap_or((first, last));
            self.span = Some((from.min(first), to.max(last)));
        }
    }

    /// Of files in PHI folders not all is known: why.
    pub fn unknown(&mut self, why: Vec<String>) {
        self.unread.extend(why);
    }

    /// Tells it, and whether there is nothing that keeps the answer from being whole.
    pub fn tell(
        self,
        statement: &CoverageStatement,
        evidence: &Evidence,
        (recorded, events): (&Recorded, &Counts),
        totals: &Totals,
        voice: Voice,
    ) -> bool {
        let found = totals.classified;
        let is_empty = found == 0;
        let line = |words: String| if is_empty { voice.warn(words) } else { voice.say(words) };
        if !is_empty {
            let rows = counted(totals.rows, "row");
            line(format!("{} in {rows}; {}", counted(found, "event"), files(statement)));
        }
        let told = lines(statement, found + totals.undecided);
        told.iter().take(TOLD).for_each(|words| line(words.clone()));
        more(told.len(), "of what bears on it", &line);
        if is_empty {
            line(files(statement));
        }
        // Only a bundle has listings; by their inodes files are known under other names.
        let is_missed = |absent: &&Absent| {
            absent.what == What::Audit || absent.what == What::Walk && evidence.bundle.is_some()
        };
        let missing: Vec<_> = evidence.absent.iter().filter(is_missed).collect();
        missing.iter().take(TOLD).for_each(|absent| line(format!("not read: {}", absent.words)));
        more(missing.len(), "logs that were not read", &line);
        self.unread.iter().take(TOLD).for_each(|why| line(why.clone()));
        let mut odd = notes(&recorded.audit);
        // The second reading may know more of them.
        odd.extend(notes(events));
        odd.sort();
        odd.dedup();
        let notes = evidence
            .notes
            .iter()
            .chain(&evidence.remarks)
            .chain(&odd)
            .chain(&recorded.notes)
            .chain(&recorded.remarks);
        notes.clone().take(TOLD).for_each(|note| line(format!("note: {note}")));
        more(notes.count(), "notes", &line);
        if recorded.by_journal {
            line("note: there is no audit log; the records that journald took were read".into());
        }
        beside(totals, &line);
        if is_empty {
            statement.cannot_see.iter().for_each(|what| line(format!("no audit log shows {what}")));
        } else {
            let of_sessions = [What::Auth, What::Journal, What::Wtmp];
            let other = evidence.absent.iter().filter(|absent| of_sessions.contains(&absent.what));
            other.take(TOLD).for_each(|absent| {
                line(format!("sessions are known without this: {}", absent.words));
            });
        }
        statement.verdict == "complete"
            && missing.is_empty()
            && self.unread.is_empty()
            && evidence.notes.is_empty()
            && odd.is_empty()
            && !recorded.lacks
            && totals.undecided + totals.names_forgotten + totals.files_left == 0
    }

    /// Without a window, of the time from the first record until the evidence was collected.
    pub fn statement(&mut self, evidence: &Evidence, window: TimeWindow) -> CoverageStatement {
        let latest = evidence.collected;
        let none = latest.unwrap_or(self.now);
        let (first, last) = self.span.unwrap_or((none, none));
        let from = window.since.unwrap_or(first);
        let to = window.end().unwrap_or_else(|| latest.unwrap_or(last).max(last)).max(from);
        let empty = Coverage::new((from, to), Vec::new());
        let mut coverage = std::mem::replace(&mut self.coverage, empty);
        coverage.within((from.min(to), to));
        evidence.collected.into_iter().for_each(|taken| coverage.taken(taken));
        coverage.finish()
    }
}

/// The folders of the plan by all of their paths, and those that were named beside them.
fn roots(evidence: &Evidence) -> Vec<Root> {
    let planned = &evidence.phi_folders;
    let others = evidence.phi_roots.iter().filter(|root| !planned.iter().any(|names| names.contains(root)));
    let all = planned.iter().cloned().chain(others.map(|root| vec![root.clone()]));
    all.map(|names| Root { names, is_folder: None }).collect()
}

fn more(count: usize, what: &str, line: &impl Fn(String)) {
    if count > TOLD {
        line(format!("… and {} more {what}", count - TOLD));
    }
}

fn files(statement: &CoverageStatement) -> String {
    let logs = counted(statement.files.len() as u64, "audit log");
    let records = counted(statement.counters.get("records").copied().unwrap_or(0), "record");
    match &statement.available {
        Some(span) => format!("{logs} read, {records}, {} to {}", span.from.spoken(), span.to.spoken()),
        None => format!("{logs} read, no record in them"),
    }
}

/// What of the events is not in the answer, or not with certainty.
fn beside(totals: &Totals, line: &impl Fn(String)) {
    let told = [
        (totals.outside, "event", "of PHI outside of the time that was asked for"),
        (totals.filtered, "event", "of PHI that the question leaves out"),
        (
            totals.undecided,
            "event",
            "of PHI may be asked for too: who, from where, what, or by what other name is not logged of them; ask without \
             --user, --addr, --op and --path",
        ),
        (
            totals.moved_out,
            "folder",
            "moved out of the PHI folders: what was done in it by its new name is here as far as its files were met before",
        ),
        (
            totals.moved_above,
            "time",
            "a folder above a PHI folder was renamed: what was done by the new name is here too",
        ),
        (totals.not_counted, "event", "in no summary, for want of room"),
        (
            totals.names_forgotten,
            "path",
            "forgotten for want of room: bare names in those folders are uncertain",
        ),
        (totals.files_left, "file", "of PHI that would not be known by other names, for want of room"),
    ];
    let told = told.into_iter().filter(|(count, ..)| *count > 0);
    told.for_each(|(count, what, words)| line(format!("{} {words}", counted(count, what))));
}
