//! The audit logs as they passed: what was kept of their lines, and what each says as a whole. What journals have of the
//! kernel's audit records and the logs lack comes between; where there is no log, the journals stand for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::beside::Beside;
use crate::clock::Timestamp;
use crate::collector::auditd;
use crate::collector::native::journal::{self, Journal};
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::custody::outcome::counted;
use crate::intake::SealedCopy;
use crate::records::audit_event::{Assembler, Event};
use crate::records::audit_log::{Summary, head};
use crate::records::kept_lines::KeptLines;
use crate::records::observer::Observed;
use crate::view::coverage::File;

/// One log.
pub struct Log {
    /// Its sealed copy.
    pub entry: EntryId,
    path: Vec<u8>,
    bytes: u64,
    number: Option<u64>,
    /// It is all here.
    pub whole: bool,
    /// What it says as a whole.
    pub summary: Arc<Summary>,
    /// Lines of the events that are wanted of it.
    pub kept: Arc<KeptLines>,
}

#[cfg(test)]
impl Log {
    /// One of these lines, of which the events of a type are kept.
    pub fn made(entry: u32, lines: &[String], kind: &'static [u8]) -> Log {
        let mut summary = Summary::asked(crate::records::audit_log::Asked::default());
        let wants = move |found: &[u8], _: &[u8]| found == kind;
        let mut events = crate::records::kept_events::KeptEvents::new(Box::new(wants), 1 << 20);
        for (offset, line) in (0..).zip(lines) {
            summary.line(line.as_bytes());
            events.line(line.as_bytes(), offset);
        }
        let (summary, kept) = (Arc::new(summary), Arc::new(events.end()));
        Log { entry: EntryId(entry), path: Vec::new(), bytes: 1, number: None, whole: true, summary, kept }
    }
}

impl Log {
    fn of(copy: &SealedCopy, number: Option<u64>, summary: &Arc<Summary>, kept: &Arc<KeptLines>) -> Log {
        Log {
            entry: copy.entry,
            path: copy.path().as_bytes().to_vec(),
            bytes: copy.size,
            number,
            whole: copy.whole,
            summary: Arc::clone(summary),
            kept: Arc::clone(kept),
        }
    }
}

/// The journals with audit records in them, and how many of other machines there are: those are no witnesses here.
fn journals(run: &Run<'_, '_>) -> (Vec<Log>, u64) {
    let all = journal::sealed(run).into_iter();
    let foreign: BTreeSet<EntryId> = all.filter(Journal::is_foreign).map(|journal| journal.entry).collect();
    let copies = run.intake.sealed_copies();
    let journals = copies.filter_map(|copy| match &copy.observed {
        Some(Observed::Journal(journal)) if journal.audit.records > 0 => {
            let log = Log::of(copy, None, &journal.audit, &journal.events);
            Some(Log { whole: log.whole && journal.seen.is_whole(), ..log })
        }
        _ => None,
    });
    let (foreign, own): (Vec<Log>, Vec<Log>) = journals.partition(|log| foreign.contains(&log.entry));
    (own, foreign.len() as u64)
}

fn by_time(logs: &mut [Log]) {
    logs.sort_by_key(|log| (log.summary.span().map(|(first, _)| first), log.entry));
}

/// All of them, the oldest first.
#[derive(Default)]
pub struct Logs {
    logs: Vec<Log>,
    entries: BTreeSet<EntryId>,
    unread: u64,
    beside: Beside,
    /// They are journals, there being no audit log.
    pub by_journal: bool,
    /// Journals of other machines with audit records.
    foreign: u64,
    /// Audit logs without a byte.
    empty: u64,
}

impl Logs {
    /// Those that passed in this run.
    pub fn of(run: &Run<'_, '_>) -> Logs {
        let live = &run.places.audit_log;
        let audit = run.intake.sealed_copies().filter_map(|copy| match &copy.observed {
            Some(Observed::Audit(summary, kept)) => {
                Some(Log::of(copy, auditd::number(live, copy.path()), summary, kept))
            }
            _ => None,
        });
        let (mut logs, (mut journals, foreign)): (Vec<Log>, _) = (audit.collect(), journals(run));
        by_time(&mut logs);
        by_time(&mut journals);
        let empty = run.intake.empty_copies().filter(|copy| auditd::number(live, copy.path()).is_some());
        let empty = empty.count() as u64;
        let unread = run.audit_logs.map_or(0, |logs| logs.unread);
        // A log that is emptied, or cannot be read, is one that journals do not stand for.
        let has_log =
            !logs.is_empty() || empty + unread > 0 || run.audit_logs.is_some_and(|logs| logs.denied);
        let by_journal = !has_log && !journals.is_empty();
        let beside = if by_journal { Beside::default() } else { Beside::of(&logs, &journals) };
        logs.extend(journals.into_iter().filter(|_| by_journal));
        let mut entries: BTreeSet<EntryId> = logs.iter().map(|log| log.entry).collect();
        entries.extend(beside.lines.iter().map(|line| EntryId(line.place.file)));
        Logs { logs, entries, unread, beside, by_journal, foreign, empty }
    }

    /// Nothing passed of which an event could be told.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.beside.lines.is_empty()
    }

    /// The sealed copies.
    pub fn entries(&self) -> &BTreeSet<EntryId> {
        &self.entries
    }

    /// Logs that are there, or may be, and were not read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Lines for which there was no room.
    pub fn left(&self) -> u64 {
        self.logs.iter().map(|log| log.kept.left).sum::<u64>() + self.beside.left
    }

    /// How many audit logs there are, or journals that stand for them.
    pub fn count(&self) -> u64 {
        self.logs.len() as u64
    }

    /// What is to be told of them, in words.
    pub fn told(&self) -> Vec<String> {
        let words = [
            (self.by_journal, "there is no audit log; the records that journald took were read".to_owned()),
            (self.empty > 0, format!("without a byte in it: {}", counted(self.empty, "audit log"))),
            (
                self.foreign > 0,
                format!(
                    "audit records of other machines are not told of: {}",
                    counted(self.foreign, "journal")
                ),
            ),
        ];
        let words = words.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words);
        words.chain(self.beside.told.iter().cloned()).collect()
    }

    /// Lines that journals alone have.
    pub fn beside(&self) -> impl Iterator<Item = &[u8]> {
        self.beside.lines.iter().map(|line| line.text.as_slice())
    }

    /// From the first record until now.
    pub fn window(&self, run: &Run<'_, '_>) -> (Timestamp, Timestamp) {
        let now = run.began.utc;
        let firsts = self.logs.iter().filter_map(|log| log.summary.span()).map(|(first, _)| first);
        let first = firsts.chain(self.beside.first()).min();
        (first.unwrap_or(now).min(now), now)
    }

    /// What each says as a whole.
    pub fn files(&self) -> impl Iterator<Item = File> {
        self.logs.iter().map(|log| File {
            path: log.path.clone(),
            bytes: log.bytes,
            number: log.number,
            whole: log.whole,
            summary: (*log.summary).clone(),
        })
    }

    /// This process, and the time in which it ran.
    pub fn own(&self, run: &Run<'_, '_>) -> Vec<(u32, Timestamp, Timestamp)> {
        let own = run.intake.asked().own;
        own.map(|own| (own.pid, own.since, run.intake.now().utc)).into_iter().collect()
    }

    /// Puts the events together that are wanted.
    pub fn replay(&self, wants: &mut dyn FnMut(&[u8], &[u8]) -> bool, each: &mut dyn FnMut(Event)) {
        let mut assembler = Assembler::new(|kind: &[u8], line: &[u8]| wants(kind, line));
        let mut others = self.beside.lines.iter().peekable();
        for log in &self.logs {
            assembler.file(log.entry.0);
            log.kept.replay(&mut |offset, line| {
                let id = others.peek().and_then(|_| head(line)?.event_id());
                while let Some(other) = others.next_if(|other| id.is_some_and(|id| other.id < id)) {
                    assembler.line_of(&other.text, other.place, each);
                }
                assembler.line(line, offset, each);
            });
        }
        others.for_each(|other| assembler.line_of(&other.text, other.place, each));
        assembler.end(each);
    }
}
