//! Why a program of the host is not run.

use std::io;

use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;

/// Why a program is not run.
#[derive(Debug)]
pub enum NoTool {
    /// It, or what interprets it, is not there; says what.
    Missing(String),
    /// Others than root could change it; says how.
    Untrusted(String),
    /// It has not the form of a program; says so.
    NoProgram(String),
    /// Who could change it is not known in our user namespace; says what of it.
    UnknownOwner(String),
    /// It could not be examined.
    Trouble(Trouble),
}

impl NoTool {
    /// The outcome and reason that the entry gets.
    pub fn verdict(&self) -> (Outcome, Reason) {
        match self {
            NoTool::Missing(words) => (Outcome::Missing, Reason::new(ReasonCode::ToolMissing, words.clone())),
            NoTool::Untrusted(words) => {
                (Outcome::Denied, Reason::new(ReasonCode::ToolUntrusted, words.clone()))
            }
            NoTool::UnknownOwner(words) => {
                (Outcome::Denied, Reason::new(ReasonCode::OwnerUnknown, words.clone()))
            }
            NoTool::NoProgram(words) => (Outcome::Failed, Reason::new(ReasonCode::OddForm, words.clone())),
            NoTool::Trouble(trouble) => trouble.verdict(),
        }
    }
}

/// Why a program was not started, or not left running.
#[derive(Debug)]
pub enum NotRun {
    /// It is not what was examined any more.
    Replaced(String),
    /// The kernel did not start it.
    Refused(io::Error),
}

impl NotRun {
    /// The outcome and reason that the entry gets.
    pub fn verdict(&self) -> (Outcome, Reason) {
        match self {
            NotRun::Replaced(path) => {
                let words =
                    format!("{path} was replaced after it had been examined; it was not run, or killed");
                (Outcome::Denied, Reason::new(ReasonCode::ToolUntrusted, words))
            }
            NotRun::Refused(error) => {
                let words = format!("it could not be started: {error}");
                match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        (Outcome::Denied, Reason::new(ReasonCode::Permission, words))
                    }
                    _ => (Outcome::Failed, Reason::new(ReasonCode::IoError, words)),
                }
            }
        }
    }
}

impl From<io::Error> for NotRun {
    fn from(error: io::Error) -> NotRun {
        NotRun::Refused(error)
    }
}
