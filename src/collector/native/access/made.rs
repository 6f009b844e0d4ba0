//! The audit logs as they passed: what was kept of their lines, and what each says as a whole. What journals have of the
//! kernel's audit records and the logs lack comes between; where there is no log, the journals stand for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::beside::Beside;
use crate::clock::Timestamp;
use crate::collector::auditd;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
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

/// The journals with audit records in them.
fn journals(run: &Run<'_, '_>) -> Vec<Log> {
    let copies = run.intake.sealed_copies().filter(|copy| !copy.taken_again);
    let journals = copies.filter_map(|copy| match &copy.observed {
        Some(Observed::Journal(journal)) if journal.audit.records > 0 => {
            Some(Log::of(copy, None, &journal.audit, &journal.events))
        }
        _ => None,
    });
    journals.collect()
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
        let (mut logs, journals): (Vec<Log>, Vec<Log>) = (audit.collect(), journals(run));
        let by_journal = logs.is_empty() && !journals.is_empty();
        let (beside, of_journals) = match by_journal {
            true => (Beside::default(), journals),
            false => (Beside::of(&logs, &journals), Vec::new()),
        };
        logs.extend(of_journals);
        logs.sort_by_key(|log| (log.summary.span().map(|(first, _)| first), log.entry));
        let mut entries: BTreeSet<EntryId> = logs.iter().map(|log| log.entry).collect();
        entries.extend(beside.lines.iter().map(|line| EntryId(line.place.file)));
        Logs { logs, entries, unread: run.audit_logs.map_or(0, |logs| logs.unread), beside, by_journal }
    }

    /// None passed.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
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
        let stands = self
            .by_journal
            .then(|| "there is no audit log; the records that journald took were read".to_owned());
        stands.into_iter().chain(self.beside.told.iter().cloned()).collect()
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
