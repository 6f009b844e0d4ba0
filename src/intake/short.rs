//! What is said of things that are not there to be read; and the memory of it, for native code that derives: a table
//! that is made of what was sealed has to say what could not be.

use super::{Halt, Intake};
use crate::clock::Timestamp;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};

/// Something of the collector at work that holds nothing to be read: a gap, or a file without a byte.
#[derive(Clone, Debug)]
pub struct Shortfall {
    /// The entry that says so.
    pub entry: EntryId,
    /// What was looked for, or at.
    pub source: Source,
    /// When the file without a byte was last changed, as it claims.
    pub modified: Option<Timestamp>,
    /// How the entry ended: `collected` for the file without a byte.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
}

impl Shortfall {
    /// What `draft`, of which `size` bytes are sealed, falls short of; none if it does not.
    pub(super) fn of(draft: &Draft, size: u64) -> Option<Shortfall> {
        let without_a_byte = draft.kind == Kind::Copy && size == 0;
        (draft.outcome.is_gap() || without_a_byte).then(|| Shortfall {
            entry: EntryId(0),
            source: draft.source.clone(),
            modified: draft.stat.as_ref().map(|stats| stats.before.mtime),
            outcome: draft.outcome,
            reason: draft.reason.clone(),
        })
    }

    /// Whether it may hide something: it was there, or may have been, and was to be taken.
    pub fn may_hide_something(&self) -> bool {
        let by_plan = self.outcome == Outcome::Skipped && self.code().is_some_and(ReasonCode::is_by_plan);
        self.outcome.is_gap() && self.outcome != Outcome::Missing && !by_plan
    }

    /// Why, as a code.
    pub fn code(&self) -> Option<ReasonCode> {
        self.reason.as_ref().map(|reason| reason.code)
    }
}

/// Those of one collector; no more are remembered than the ledger has gaps.
#[derive(Debug, Default)]
pub(super) struct Shortfalls {
    collector: String,
    list: Vec<Shortfall>,
}

impl Shortfalls {
    /// A step of `collector` begins: those of another are forgotten.
    pub(super) fn begin(&mut self, collector: &str) {
        if self.collector != collector {
            self.list = Vec::new();
            collector.clone_into(&mut self.collector);
        }
    }

    pub(super) fn note(&mut self, entry: EntryId, short: Option<Shortfall>) {
        self.list.extend(short.map(|short| Shortfall { entry, ..short }));
    }
}

impl Intake<'_> {
    /// What the collector at work has fallen short of so far, in the order of its entries.
    pub fn shortfalls(&self) -> &[Shortfall] {
        &self.shortfalls.list
    }

    /// Records that something is not here, or stands elsewhere.
    pub fn gap(&mut self, source: Source, outcome: Outcome, reason: Reason) -> Result<EntryId, Halt> {
        let draft = Draft::new(Kind::Gap, source, self.now()).ended(outcome, reason);
        self.record(draft, None)
    }

    /// The same, under a title of its own.
    pub fn gap_called(
        &mut self,
        title: impl Into<String>,
        source: Source,
        outcome: Outcome,
        reason: Reason,
    ) -> Result<EntryId, Halt> {
        let mut draft = Draft::new(Kind::Gap, source, self.now()).ended(outcome, reason);
        draft.title = Some(title.into());
        self.record(draft, None)
    }

    /// Records an entry without a member that is no gap, such as a link.
    pub fn note(&mut self, draft: Draft) -> Result<EntryId, Halt> {
        self.check()?;
        self.record(draft, None)
    }

    /// Seals bytes that are all at hand.
    pub fn capture(&mut self, member: Member, draft: Draft, bytes: Vec<u8>) -> Result<EntryId, Halt> {
        self.begin_member(member, draft)?;
        self.write(bytes)?;
        self.end_member(|_| ())
    }
}
