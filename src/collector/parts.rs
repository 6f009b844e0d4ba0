//! What the kernel answers in each network namespace, in parts: raw answers go into a capture until enough of them are
//! kept in memory, then come the tables that are made of that capture, then the next part.

use std::collections::HashMap;
use std::sync::Arc;

use super::run::Run;
use super::tables::{Rows, Table, member_of};
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::outcome::Outcome;
use crate::host::netns::NetworkScan;
use crate::intake::Halt;

/// Why something is not whole, or not there.
pub type Why = (Outcome, Reason);

/// A name, and the title that goes with it.
pub type Named = (&'static str, &'static str);

/// Members of one collector, part by part.
pub struct Parts {
    collector: &'static str,
    /// What was asked about, in words; sources of tables begin with it.
    subject: &'static str,
    /// What was asked, and the title of the answers.
    asked: Named,
    part: u32,
    answers: Option<Rows>,
    captures: Vec<EntryId>,
    /// Rows of each table in all parts.
    counts: HashMap<&'static str, u64>,
}

/// The namespaces, or, where they cannot be had, a gap.
pub fn namespaces(run: &mut Run<'_, '_>) -> Result<Option<Arc<NetworkScan>>, Halt> {
    match run.host.network() {
        Ok(scan) => Ok(Some(scan)),
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(Source::text("processes and network namespaces"), outcome, reason)?;
            Ok(None)
        }
    }
}

impl Parts {
    /// Members of `collector`, which asks about `subject`; the captures have the source and the title `asked`.
    pub fn of(collector: &'static str, subject: &'static str, asked: Named) -> Parts {
        Parts {
            collector,
            subject,
            asked,
            part: 0,
            answers: None,
            captures: Vec::new(),
            counts: HashMap::new(),
        }
    }

    /// Before more is asked: whether the run goes on.
    pub fn check(&self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        match self.answers {
            Some(_) => run.intake.check_within_member(),
            None => run.intake.check(),
        }
    }

    /// The capture of this part, begun if it is not open.
    pub fn answers(&mut self, run: &mut Run<'_, '_>) -> Result<&mut Rows, Halt> {
        let answers = match self.answers.take() {
            Some(answers) => answers,
            None => {
                self.part += 1;
                let (source, title) = self.asked;
                let source = Source::text(format!("{source}, in each network namespace"));
                let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
                draft.title = Some(title.into());
                Rows::begin(run, self.collector, &member_of(self.part, "answers"), draft)?
            }
        };
        Ok(self.answers.insert(answers))
    }

    /// Ends the capture of this part, if it was begun.
    pub fn end(&mut self, run: &mut Run<'_, '_>, why: Option<&Why>) -> Result<bool, Halt> {
        let Some(answers) = self.answers.take() else { return Ok(false) };
        let capture = answers.end(run, |draft| set(draft, why))?;
        self.captures.push(capture);
        Ok(true)
    }

    /// A table that is made of the part that was ended last. One that has no row in it may have some in another part.
    pub fn table<'r, 'v>(
        &mut self,
        run: &mut Run<'r, 'v>,
        named: Named,
        why: Option<&Why>,
        write: impl FnOnce(&mut Run<'r, 'v>, &mut Table) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let last = self.captures.len().saturating_sub(1);
        let draft = self.draft(run, named, self.captures.get(last..).unwrap_or_default());
        let mut table = Table::new(self.collector, member_of(self.part, named.0), draft);
        write(run, &mut table)?;
        *self.counts.entry(named.0).or_default() += table.end(run, |draft| set(draft, why))?;
        Ok(())
    }

    /// Whether a table has a row in some part.
    pub fn has_rows(&self, named: Named) -> bool {
        self.counts.get(named.0).is_some_and(|count| *count > 0)
    }

    /// A table that has no row in any part, with why.
    pub fn without_rows(&self, run: &mut Run<'_, '_>, named: Named, why: &Why) -> Result<(), Halt> {
        let draft = self.draft(run, named, &self.captures);
        let rows = Rows::begin(run, self.collector, &member_of(1, named.0), draft)?;
        rows.end(run, |draft| set(draft, Some(why))).map(drop)
    }

    fn draft(&self, run: &Run<'_, '_>, (name, title): Named, captures: &[EntryId]) -> Draft {
        let source = Source::text(format!("{}, {name}", self.subject));
        let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
        draft.title = Some(title.into());
        draft.derived_from.extend_from_slice(captures);
        draft
    }
}

fn set(draft: &mut Draft, why: Option<&Why>) {
    if let Some((outcome, reason)) = why {
        draft.outcome = *outcome;
        draft.reason = Some(reason.clone());
    }
}
