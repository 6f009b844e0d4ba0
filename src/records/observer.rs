//! What is learnt from a file's bytes while they pass into the seal, so that no log is read twice.

use std::sync::Arc;

use super::audit_log::{Asked, Summary};
use super::form::Form;
use super::journal_header::Beginning;
use super::text_log::{self, Looker};
use super::unpack::Unpacker;
use crate::clock::Timestamp;

/// Looks on while a file passes, piece by piece.
#[derive(Debug)]
pub enum Observer {
    /// An audit log.
    Audit(Box<(Unpacker, Summary)>),
    /// A journal.
    Journal(Box<Beginning>),
    /// A text log.
    Text(Box<Looker>),
}

/// What has been learnt.
#[derive(Clone, Debug)]
pub enum Observed {
    /// Of an audit log.
    Audit(Arc<Summary>),
    /// Of a journal.
    Journal(Box<Beginning>),
    /// Of a text log.
    Text(Box<text_log::Summary>),
}

impl Observer {
    /// One for files of this form; none where there is nothing to be learnt in passing. `asked` is
    /// for audit logs; of text logs, lines that speak of logins are kept within `room` bytes, compressed.
    pub fn of(form: Form, asked: Asked, room: usize) -> Option<Observer> {
        match form {
            Form::Audit => Some(Observer::Audit(Box::new((Unpacker::default(), Summary::asked(asked))))),
            Form::Journal => Some(Observer::Journal(Box::default())),
            Form::Text => Some(Observer::Text(Box::new(Looker::within(room)))),
            Form::Sqlite | Form::Utmp => None,
        }
    }

    /// The next bytes.
    pub fn piece(&mut self, bytes: &[u8]) {
        match self {
            Observer::Audit(audit) => {
                let (unpacker, summary) = &mut **audit;
                unpacker.piece(bytes, &mut |text| summary.piece(text));
            }
            Observer::Journal(beginning) => beginning.piece(bytes),
            Observer::Text(looker) => looker.piece(bytes),
        }
    }

    /// All has passed that will.
    pub fn end(self) -> Observed {
        match self {
            Observer::Audit(audit) => {
                let (unpacker, mut summary) = *audit;
                let (_, unread) = unpacker.end(&mut |text| summary.piece(text));
                summary.end();
                summary.broken = unread;
                Observed::Audit(Arc::new(summary))
            }
            Observer::Journal(beginning) => Observed::Journal(beginning),
            Observer::Text(looker) => Observed::Text(Box::new(looker.end())),
        }
    }
}

impl Observed {
    /// Bytes that lines take which are kept for a view.
    pub fn weight(&self) -> usize {
        match self {
            Observed::Text(summary) => summary.told.lines.weight(),
            Observed::Audit(_) | Observed::Journal(_) => 0,
        }
    }

    /// The times of the earliest and the latest record, where there are any.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Observed::Audit(summary) => summary.span(),
            Observed::Journal(beginning) => {
                let header = beginning.header().ok()?;
                let (first, last) = (header.first()?, header.last()?);
                // After the clock was set back the record that was written last is not the latest.
                Some((first.min(last), last.max(first)))
            }
            // Classic times have no year: nothing exact can be said of a file with such a line.
            Observed::Text(summary) => summary.lines.span.filter(|_| summary.lines.classic == 0),
        }
    }
}
