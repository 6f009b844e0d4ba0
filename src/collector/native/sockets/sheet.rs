//! Rows on their way into the member that is open.

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::intake::Halt;

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// One member that is being written, row by row.
#[derive(Default)]
pub struct Sheet {
    bytes: Vec<u8>,
    /// Rows so far.
    pub rows: u64,
}

impl Sheet {
    /// Begins the member `name` of this collector.
    pub fn begin(run: &mut Run<'_, '_>, name: &str, draft: Draft) -> Result<Sheet, Halt> {
        let modified = draft.taken.utc;
        run.intake.begin_member(Member::of_live(super::ID, name), draft, modified)?;
        Ok(Sheet::default())
    }

    /// Appends a row.
    pub fn row(&mut self, run: &mut Run<'_, '_>, row: &impl Serialize) -> Result<(), Halt> {
        json::row(&mut self.bytes, row)?;
        self.rows += 1;
        if self.bytes.len() >= PIECE { run.intake.write(std::mem::take(&mut self.bytes)) } else { Ok(()) }
    }

    /// Ends the member; `finish` may still say how it went.
    pub fn end(self, run: &mut Run<'_, '_>, finish: impl FnOnce(&mut Draft)) -> Result<EntryId, Halt> {
        run.intake.write(self.bytes)?;
        run.intake.end_member(finish)
    }
}
