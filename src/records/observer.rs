//! What is learnt from a file's bytes while they pass into the seal, so that no log is read twice.

use std::sync::Arc;

use super::audit_log::{Asked, Summary};
use super::form::Form;
use super::journal_log;
use super::kept_events::{KeptEvents, Wants};
use super::kept_lines::KeptLines;
use super::text_log::{self, Looker};
use super::unpack::Unpacker;
use crate::clock::Timestamp;

/// Looks on while a file passes, piece by piece.
#[derive(Debug)]
pub enum Observer {
    /// An audit log.
    Audit(Box<AuditLooker>),
    /// A journal.
    Journal(Box<journal_log::Looker>),
    /// A text log.
    Text(Box<Looker>),
}

/// What looks on while an audit log passes.
#[derive(Debug)]
pub struct AuditLooker {
    unpacker: Unpacker,
    summary: Summary,
    events: Option<KeptEvents>,
}

impl AuditLooker {
    fn piece(&mut self, bytes: &[u8]) {
        let AuditLooker { unpacker, summary, events } = self;
        unpacker.piece(bytes, &mut |text| look(summary, events, text));
    }

    fn end(self) -> Observed {
        let AuditLooker { unpacker, mut summary, mut events } = self;
        let (_, unread) = unpacker.end(&mut |text| look(&mut summary, &mut events, text));
        summary.end();
        summary.broken = unread;
        Observed::Audit(Arc::new(summary), Arc::new(events.map(KeptEvents::end).unwrap_or_default()))
    }
}

fn look(summary: &mut Summary, events: &mut Option<KeptEvents>, text: &[u8]) {
    summary.piece(text);
    if let Some(events) = events {
        events.piece(text);
    }
}

/// What is wanted of logs while they pass.
pub struct Wanted {
    /// What audit logs are asked.
    pub asked: Asked,
    /// The audit events whose lines are kept, and the bytes that they may take, compressed.
    pub events: Option<(Wants, usize)>,
    /// Bytes for lines of text logs, and entries of journals, that speak of logins, compressed.
    pub room: usize,
}

/// What has been learnt.
#[derive(Clone, Debug)]
pub enum Observed {
    /// Of an audit log; with the lines of events that are wanted of it.
    Audit(Arc<Summary>, Arc<KeptLines>),
    /// Of a journal.
    Journal(Box<journal_log::Summary>),
    /// Of a text log.
    Text(Box<text_log::Summary>),
}

impl Observer {
    /// One for files of this form; none where there is nothing to be learnt in passing.
    pub fn of(form: Form, wanted: Wanted) -> Option<Observer> {
        match form {
            Form::Audit => Some(Observer::Audit(Box::new(AuditLooker {
                unpacker: Unpacker::default(),
                summary: Summary::asked(wanted.asked),
                events: wanted.events.map(|(wants, room)| KeptEvents::new(wants, room)),
            }))),
            Form::Journal => {
                let (wants, asked) = (wanted.events.map(|(wants, _)| wants), wanted.asked);
                Some(Observer::Journal(Box::new(journal_log::Looker::within(wanted.room, asked, wants))))
            }
            Form::Text => Some(Observer::Text(Box::new(Looker::within(wanted.room)))),
            Form::Sqlite | Form::Utmp => None,
        }
    }

    /// The next bytes.
    pub fn piece(&mut self, bytes: &[u8]) {
        match self {
            Observer::Audit(audit) => audit.piece(bytes),
            Observer::Journal(looker) => looker.piece(bytes),
            Observer::Text(looker) => looker.piece(bytes),
        }
    }

    /// All has passed that will.
    pub fn end(self) -> Observed {
        match self {
            Observer::Audit(audit) => audit.end(),
            Observer::Journal(looker) => Observed::Journal(Box::new(looker.end())),
            Observer::Text(looker) => Observed::Text(Box::new(looker.end())),
        }
    }
}

impl Observed {
    /// Bytes that lines take which are kept for a view.
    pub fn weight(&self) -> usize {
        match self {
            Observed::Text(summary) => summary.told.lines.weight(),
            Observed::Audit(_, events) => events.weight(),
            Observed::Journal(summary) => summary.weight(),
        }
    }

    /// The times of the earliest and the latest record, where there are any.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Observed::Audit(summary, _) => summary.span(),
            Observed::Journal(summary) => {
                let header = summary.beginning.header().ok()?;
                let (first, last) = (header.first()?, header.last()?);
                // After the clock was set back the record that was written last is not the latest.
                Some((first.min(last), last.max(first)))
            }
            // Classic times have no year: nothing exact can be said of a file with such a line.
            Observed::Text(summary) => summary.lines.span.filter(|_| summary.lines.classic == 0),
        }
    }
}
