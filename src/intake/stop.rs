//! Why a collection stops, and where a signal leaves its mark.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Intake;
use crate::custody::VaultError;
use crate::custody::json::JsonError;
use crate::custody::ledger::{LedgerError, MAX_ENTRIES, Reason};
use crate::custody::outcome::ReasonCode;

/// Entries kept back for the steps that an early end leaves undone.
const ENTRIES_KEPT_BACK: usize = 2_000;

/// Why a collection does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The bundle cannot be written; it is lost.
    #[error(transparent)]
    Seal(#[from] VaultError),
    /// An entry cannot be written; it is lost.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A document cannot be written; it is lost.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It was stopped; what was gathered can be sealed.
    #[error("stopped: {}", .0.words())]
    Stopped(StopCause),
}

/// What stops a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A signal, by number.
    Signal(i32),
    /// The floor of free space.
    NoSpace,
    /// The output's file system failed when more room was to be kept; the number is the kernel's error.
    NoReserve(Option<i32>),
    /// The run's limit on bytes.
    ByteLimit,
    /// The run's limit on time.
    TimeLimit,
    /// The bundle has as many entries as it can.
    Full,
}

impl StopCause {
    /// In words, for reasons and the seal.
    pub fn words(self) -> String {
        match self {
            StopCause::Signal(2) => "interrupted from the keyboard (SIGINT)".into(),
            StopCause::Signal(15) => "asked to end (SIGTERM)".into(),
            StopCause::Signal(24) => "the limit on processor time was reached (SIGXCPU)".into(),
            StopCause::Signal(1) => "the terminal went away (SIGHUP)".into(),
            StopCause::Signal(number) => format!("ended by signal {number}"),
            StopCause::NoSpace => "the output's file system has no room for more".into(),
            StopCause::NoReserve(errno) => {
                let why =
                    errno.map_or_else(|| io::Error::other("unknown error"), io::Error::from_raw_os_error);
                format!("no more room could be kept on the output's file system ({why})")
            }
            StopCause::ByteLimit => "the limit on bytes was reached (--max-bytes)".into(),
            StopCause::TimeLimit => "the limit on time was reached (--max-time)".into(),
            StopCause::Full => format!("the bundle has as many as {MAX_ENTRIES} entries"),
        }
    }

    fn code(self) -> ReasonCode {
        match self {
            StopCause::Signal(_) => ReasonCode::Interrupted,
            StopCause::NoSpace => ReasonCode::NoSpace,
            StopCause::NoReserve(_) => ReasonCode::NoReserve,
            StopCause::ByteLimit => ReasonCode::ByteLimit,
            StopCause::TimeLimit => ReasonCode::TimeLimit,
            StopCause::Full => ReasonCode::EntryLimit,
        }
    }

    /// Why what comes after the stop is not there.
    pub fn reason(self) -> Reason {
        Reason::new(self.code(), self.words())
    }
}

impl Intake<'_> {
    /// No room is not the end of the bundle: what was kept back for finishing may be used from here on.
    pub(super) fn stop_for(&mut self, error: VaultError) -> Halt {
        let cause = match error {
            VaultError::NoSpace => StopCause::NoSpace,
            VaultError::NoReserve(why) => StopCause::NoReserve(why.raw_os_error()),
            lost @ VaultError::Io(_) => return Halt::Seal(lost),
        };
        self.vault.release_reserve();
        Halt::Stopped(self.stop(cause))
    }

    /// What stops the run now, if anything does.
    pub(super) fn cause_to_stop(&self) -> Option<StopCause> {
        if let Some(signal) = self.terms.stop.get() {
            return Some(StopCause::Signal(signal));
        }
        if is_over(self.deadline) {
            return Some(StopCause::TimeLimit);
        }
        if self.terms.max_bytes.is_some_and(|most| self.bytes >= most) {
            return Some(StopCause::ByteLimit);
        }
        (self.ledger.len() + ENTRIES_KEPT_BACK >= MAX_ENTRIES as usize).then_some(StopCause::Full)
    }

    /// Evidence bytes that may still be taken.
    pub(super) fn bytes_left(&self) -> u64 {
        self.terms.max_bytes.map_or(u64::MAX, |most| most.saturating_sub(self.bytes))
    }
}

/// Whether a run has had its time.
pub(super) fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Where a signal handler leaves its mark.
#[derive(Clone, Debug, Default)]
pub struct StopMark(Arc<AtomicUsize>);

impl StopMark {
    /// The place that a handler writes the signal's number to.
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// The signal that came, if one did.
    pub fn get(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Acquire)).ok().filter(|signal| *signal != 0)
    }
}
