//! Journals while they pass into the seal: their header, what programs say in them of logins, and the audit records that
//! journald took. What is kept of an entry is kept as an export has it, so that one reader reads both.

use std::sync::Arc;

use super::audit_log::{self, Asked};
use super::auth_text::Said;
use super::journal::{Entry, Passing, Seen, WANTED, audit_line, said};
use super::journal_export::{self, Exported};
use super::journal_header::Beginning;
use super::kept_events::{KeptEvents, Wants};
use super::kept_lines::KeptLines;
use crate::clock::Timestamp;

/// What was learnt of one file.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Its header, and how many bytes of it passed.
    pub beginning: Beginning,
    /// Whether all that stands in it could be read in passing.
    pub seen: Seen,
    /// The times of its earliest and its latest entry.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What the audit records in it say as a whole.
    pub audit: Arc<audit_log::Summary>,
    /// Lines of those events that are wanted, as auditd writes them; each with the place of its entry.
    pub events: Arc<KeptLines>,
    entries: KeptLines,
}

impl Summary {
    /// What programs say in it, in the order of the file, which has this number.
    pub fn said(&self, file: u32, each: &mut dyn FnMut(Said)) {
        self.entries.replay(&mut |offset, bytes| {
            let mut take =
                |entry: Entry<'_>| said(&Entry { offset, ..entry }, file).into_iter().for_each(&mut *each);
            let mut reader = Exported::default();
            reader.push(bytes, &mut take);
            reader.end(&mut take);
        });
    }

    /// Whether anything stands in it of which sessions could be made.
    pub fn speaks(&self) -> bool {
        self.entries.lines + self.entries.left > 0
    }

    /// Entries for which there was no room.
    pub fn left(&self) -> u64 {
        self.entries.left
    }

    /// Bytes that it takes for what is kept.
    pub fn weight(&self) -> usize {
        self.entries.weight() + self.events.weight()
    }
}

/// Looks on while a journal passes.
#[derive(Debug)]
pub struct Looker {
    beginning: Beginning,
    passing: Passing,
    heard: Heard,
}

#[derive(Debug)]
struct Heard {
    entries: KeptLines,
    /// An entry, as an export has it.
    export: Vec<u8>,
    audit: audit_log::Summary,
    events: Option<KeptEvents>,
    span: Option<(Timestamp, Timestamp)>,
}

impl Looker {
    /// One that may keep so many bytes, compressed, of entries and of audit events each; `wants` tells which events those are.
    pub fn within(room: usize, asked: Asked, wants: Option<Wants>) -> Looker {
        let heard = Heard {
            entries: KeptLines::within(room),
            export: Vec::new(),
            audit: audit_log::Summary::asked(asked),
            events: wants.map(|wants| KeptEvents::new(wants, room)),
            span: None,
        };
        Looker { beginning: Beginning::default(), passing: Passing::default(), heard }
    }

    /// The next bytes of the file.
    pub fn piece(&mut self, bytes: &[u8]) {
        let Looker { beginning, passing, heard } = self;
        beginning.piece(bytes);
        passing.piece(bytes, &mut |entry| heard.entry(&entry));
    }

    /// All has passed.
    pub fn end(self) -> Summary {
        let Looker { beginning, passing, heard } = self;
        let Heard { mut entries, audit, events, span, .. } = heard;
        entries.close();
        let events = Arc::new(events.map(KeptEvents::end).unwrap_or_default());
        Summary { beginning, seen: passing.end(), span, audit: Arc::new(audit), events, entries }
    }
}

impl Heard {
    fn entry(&mut self, entry: &Entry<'_>) {
        if let Some(time) = entry.time() {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        if let Some(line) = audit_line(entry) {
            self.audit.line(&line);
            if let Some(events) = &mut self.events {
                events.line(&line, entry.offset);
            }
        } else if said(entry, 0).is_some() {
            self.export.clear();
            journal_export::write(entry, &WANTED, &mut self.export);
            self.entries.push(entry.offset, &self.export);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::journal::Journal;
    use crate::records::unpack::Unpacker;

    fn fixture() -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/journal/compact.journal.gz");
        let (mut unpacker, mut bytes) = (Unpacker::default(), Vec::new());
        unpacker.piece(&std::fs::read(path).unwrap(), &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    fn seen(room: usize) -> Summary {
        let mut looker = Looker::within(room, Asked::default(), Some(Box::new(|_, _| true)));
        fixture().chunks(1_000).for_each(|piece| looker.piece(piece));
        looker.end()
    }

    #[test]
    fn what_was_kept_of_a_journal_says_what_the_journal_says() {
        let (bytes, summary) = (fixture(), seen(1 << 20));
        let (mut expected, mut told) = (Vec::new(), Vec::new());
        let (mut lines, mut kept) = (Vec::new(), Vec::new());
        let whole = Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap().for_each(&mut |entry| {
            expected.extend(said(&entry, 7));
            lines.extend(audit_line(&entry).map(|line| (entry.offset, line)));
        });
        summary.said(7, &mut |said| told.push(said));
        assert!(expected.len() >= 3);
        assert_eq!(told, expected);
        summary.events.replay(&mut |offset, line| kept.push((offset, line.to_vec())));
        assert_eq!((lines.len(), kept), (1, lines));
        assert_eq!((summary.audit.records, summary.span, summary.left()), (1, whole.span, 0));
        assert!(summary.seen.is_whole() && summary.speaks());
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let summary = seen(0);
        assert!(summary.left() >= 3 && summary.speaks() && summary.weight() == 0, "{summary:?}");
        assert_eq!(summary.events.left, 1);
    }
}
