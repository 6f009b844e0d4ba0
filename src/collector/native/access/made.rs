//! The audit logs as they passed: what was kept of their lines, and what each says as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::collector::auditd;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::records::audit_event::{Assembler, Event};
use crate::records::audit_log::Summary;
use crate::records::kept_lines::KeptLines;
use crate::records::observer::Observed;
use crate::view::coverage::File;

/// One log.
struct Log {
    entry: EntryId,
    path: Vec<u8>,
    bytes: u64,
    number: Option<u64>,
    whole: bool,
    summary: Arc<Summary>,
    kept: Arc<KeptLines>,
}

/// All of them, the oldest first.
#[derive(Default)]
pub struct Logs {
    logs: Vec<Log>,
    entries: BTreeSet<EntryId>,
    unread: u64,
}

impl Logs {
    /// Those that passed in this run.
    pub fn of(run: &Run<'_, '_>) -> Logs {
        let live = &run.places.audit_log;
        let copies = run.intake.sealed_copies().filter_map(|copy| match &copy.observed {
            Some(Observed::Audit(summary, kept)) => Some(Log {
                entry: copy.entry,
                path: copy.path().as_bytes().to_vec(),
                bytes: copy.size,
                number: auditd::number(live, copy.path()),
                whole: copy.whole,
                summary: Arc::clone(summary),
                kept: Arc::clone(kept),
            }),
            _ => None,
        });
        let mut logs: Vec<Log> = copies.collect();
        logs.sort_by_key(|log| (log.summary.span().map(|(first, _)| first), log.entry));
        let entries = logs.iter().map(|log| log.entry).collect();
        Logs { logs, entries, unread: run.audit_logs.map_or(0, |logs| logs.unread) }
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
        self.logs.iter().map(|log| log.kept.left).sum()
    }

    /// From the first record until now.
    pub fn window(&self, run: &Run<'_, '_>) -> (Timestamp, Timestamp) {
        let now = run.began.utc;
        let first = self.logs.iter().filter_map(|log| log.summary.span()).map(|(first, _)| first).min();
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
        for log in &self.logs {
            assembler.file(log.entry.0);
            log.kept.replay(&mut |offset, line| assembler.line(line, offset, each));
        }
        assembler.end(each);
    }
}
