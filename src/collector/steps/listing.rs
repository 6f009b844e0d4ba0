//! `[[listing]]`: metadata of files, one JSON row each.

use super::{Absent, excluded, expand, is_excluded, tell};
use crate::collector::definition::{Definition, ListingStep, Step};
use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::FileRow;
use crate::host::Trouble;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::Halt;

/// Rows are handed on in pieces of this many bytes.
const ROWS_PIECE: usize = 128 << 10;

/// Troubles that one listing keeps apart; more are told as a count.
const TROUBLES_KEPT: usize = 10_000;

/// `[[listing]]`: one member of rows, and an entry for whatever could not be listed.
pub fn listing(
    run: &mut Run<'_, '_>,
    definition: &Definition,
    step: &Step,
    listing: &ListingStep,
) -> Result<(), Halt> {
    let mut absent = Absent::default();
    let mut groups = Vec::new();
    for group in expand(&listing.paths, run.request, run.places) {
        if run.is_out_of_reach(&group) {
            absent.out_of_reach.push(group);
        } else {
            groups.push(group);
        }
    }
    absent.tell(run)?;
    if groups.is_empty() {
        return Ok(());
    }
    let excluded = excluded(run, &listing.exclude);
    let name = format!("{}.jsonl", step.id);
    let source = Source::text(listing.paths.join(" "));
    let draft = Draft::new(Kind::Listing, source, run.intake.now());
    let modified = draft.taken.utc;
    run.intake.begin_member(Member::of_live(&definition.id, &name), draft, modified)?;
    let mut table = Table { rows: Vec::new(), count: 0, untold: Vec::new(), uncounted: 0 };
    let mut cut = false;
    'all: for group in &groups {
        for pattern in &group.patterns {
            for found in run.host.walk(pattern, Wanted::Everything, pattern.is_plain()) {
                match found {
                    Found::Match(found) if is_excluded(&excluded, &found.spot.path) => {}
                    Found::Match(_) if listing.max_files.is_some_and(|most| table.count >= most) => {
                        cut = true;
                        break 'all;
                    }
                    Found::Match(found) => table.add(run, &found)?,
                    Found::Trouble(path, Trouble::Missing(_)) if path == *pattern.base() => {}
                    other => table.note(other),
                }
            }
        }
    }
    table.finish(run, cut)
}

struct Table {
    rows: Vec<u8>,
    count: u64,
    untold: Vec<Found>,
    uncounted: u64,
}

impl Table {
    fn add(&mut self, run: &mut Run<'_, '_>, found: &Match) -> Result<(), Halt> {
        let row = FileRow::new(&found.spot.path, found.met.stat.clone(), found.target.as_deref());
        json::row(&mut self.rows, &row)?;
        self.count += 1;
        if self.rows.len() >= ROWS_PIECE { run.intake.write(std::mem::take(&mut self.rows)) } else { Ok(()) }
    }

    /// Only one member can be open, so that troubles wait for their entries.
    fn note(&mut self, found: Found) {
        if self.untold.len() < TROUBLES_KEPT { self.untold.push(found) } else { self.uncounted += 1 }
    }

    fn finish(self, run: &mut Run<'_, '_>, cut: bool) -> Result<(), Halt> {
        if !self.rows.is_empty() {
            run.intake.write(self.rows)?;
        }
        let troubles = self.untold.iter().filter(|found| !matches!(found, Found::Led(_))).count();
        let count = self.count;
        run.intake.end_member(|draft| {
            if cut {
                let reason = Reason::new(ReasonCode::CountLimit, format!("cut after {count} rows"));
                *draft = draft.clone().ended(Outcome::Truncated, reason);
            } else if count == 0 && troubles > 0 {
                let reason = Reason::new(
                    ReasonCode::Permission,
                    "nothing could be listed; see the entries behind this",
                );
                *draft = draft.clone().ended(Outcome::Inconclusive, reason);
            } else if count == 0 {
                let reason = Reason::new(ReasonCode::NotFound, "looked, and there is nothing of this kind");
                *draft = draft.clone().ended(Outcome::Empty, reason);
            }
        })?;
        for found in self.untold {
            tell(run, found)?;
        }
        if self.uncounted > 0 {
            let words = format!("{} more places could not be listed", self.uncounted);
            run.intake.gap(
                Source::text("listing"),
                Outcome::Truncated,
                Reason::new(ReasonCode::CountLimit, words),
            )?;
        }
        Ok(())
    }
}
