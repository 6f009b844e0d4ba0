//! What is learnt from a file's bytes while they pass into the seal, so that no log is read twice.

use std::sync::Arc;

use super::audit_log::Summary;
use super::form::Form;
use crate::clock::Timestamp;

/// Looks on while a file passes, piece by piece.
#[derive(Debug)]
pub enum Observer {
    /// An audit log.
    Audit(Box<Summary>),
}

/// What has been learnt.
#[derive(Clone, Debug)]
pub enum Observed {
    /// Of an audit log.
    Audit(Arc<Summary>),
}

impl Observer {
    /// One for files of this form; none where there is nothing to be learnt in passing.
    pub fn of(form: Form) -> Option<Observer> {
        match form {
            Form::Audit => Some(Observer::Audit(Box::default())),
            Form::Journal | Form::Sqlite | Form::Utmp => None,
        }
    }

    /// The next bytes.
    pub fn piece(&mut self, bytes: &[u8]) {
        match self {
            Observer::Audit(summary) => summary.piece(bytes),
        }
    }

    /// All has passed that will.
    pub fn end(self) -> Observed {
        match self {
            Observer::Audit(mut summary) => {
                summary.end();
                Observed::Audit(Arc::from(summary))
            }
        }
    }
}

impl Observed {
    /// The times of the earliest and the latest record, where there are any.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Observed::Audit(summary) => summary.span(),
        }
    }
}
