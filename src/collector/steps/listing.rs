//! `[[listing]]`: metadata of files, one JSON row each.

use super::{Absent, Group, Seen, excluded, expand, is_excluded, tell};
use crate::collector::definition::{Definition, ListingStep, Step};
use crate::collector::listed;
use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Manner, Match, Wanted};
use crate::host::{Host, Trouble};
use crate::intake::Halt;

/// Rows are handed on in pieces of this many bytes.
const ROWS_PIECE: usize = 128 << 10;

/// Troubles that one listing keeps apart; more are told as a count.
const TROUBLES_KEPT: usize = 10_000;

/// `[[listing]]`: one member of rows if there is anything to list, and an entry for whatever could not be listed.
pub fn listing(
    run: &mut Run<'_, '_>,
    definition: &Definition,
    step: &Step,
    listing: &ListingStep,
) -> Result<(), Halt> {
    let mut table = Table {
        member: Member::of_live(&definition.id, &format!("{}.jsonl", step.id)),
        source: Source::text(listing.paths.join(" ")),
        excluded: excluded(run, &listing.exclude),
        most: listing.max_files.unwrap_or(u64::MAX),
        rows: Vec::new(),
        count: 0,
        cut: false,
        untold: Vec::new(),
        uncounted: 0,
    };
    let mut absent = Absent::default();
    let host = run.host;
    for group in expand(&listing.paths, run.request, run.places) {
        if run.is_out_of_reach(&group) {
            absent.out_of_reach.push(group);
        } else if table.cut {
            absent.unreached.push(group.without_homes());
        } else {
            table.group(run, host, group, &mut absent)?;
        }
    }
    table.finish(run)?;
    absent.tell(run)
}

struct Table {
    member: Member,
    source: Source,
    excluded: Vec<Pattern>,
    most: u64,
    rows: Vec<u8>,
    count: u64,
    cut: bool,
    untold: Vec<Found>,
    uncounted: u64,
}

impl Table {
    fn group(
        &mut self,
        run: &mut Run<'_, '_>,
        host: &Host,
        group: Group,
        absent: &mut Absent,
    ) -> Result<(), Halt> {
        let mut seen = Seen::default();
        for pattern in &group.patterns {
            for found in host.walk_in(
                pattern,
                Manner { extended: !run.budget.is_limited(), ..run.manner(pattern, Wanted::Everything) },
            ) {
                match found {
                    Found::Match(found) if is_excluded(&self.excluded, &found.spot.path) => {
                        seen.passed_over = true
                    }
                    Found::Match(_) if self.count == self.most => {
                        self.cut = true;
                        return Ok(());
                    }
                    Found::Match(found) => {
                        (seen.matched, seen.taken) = (true, true);
                        self.add(run, &found)?;
                    }
                    Found::Trouble(place, Trouble::Missing(_)) if place.path == *pattern.base() => {
                        seen.missing_bases += 1;
                    }
                    other => {
                        seen.other |= !matches!(other, Found::Led(_));
                        self.note(other);
                    }
                }
            }
        }
        absent.note(group, &seen);
        Ok(())
    }

    fn add(&mut self, run: &mut Run<'_, '_>, found: &Match) -> Result<(), Halt> {
        if self.count == 0 {
            let draft = Draft::new(Kind::Listing, self.source.clone(), run.intake.now());
            run.intake.begin_member(self.member.clone(), draft)?;
        }
        let row = listed::row(&found.seen(), &mut Vec::new(), run.budget.is_limited());
        json::row(&mut self.rows, &row)?;
        self.count += 1;
        if self.rows.len() >= ROWS_PIECE { run.intake.write(std::mem::take(&mut self.rows)) } else { Ok(()) }
    }

    /// Only one member can be open, so that troubles wait for their entries.
    fn note(&mut self, found: Found) {
        if self.untold.len() < TROUBLES_KEPT { self.untold.push(found) } else { self.uncounted += 1 }
    }

    fn finish(self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if !self.rows.is_empty() {
            run.intake.write(self.rows)?;
        }
        if self.count > 0 {
            let reason = Reason::new(ReasonCode::CountLimit, format!("cut after {} rows", self.count));
            run.intake.end_member(|draft| {
                if self.cut {
                    *draft = draft.clone().ended(Outcome::Truncated, reason);
                }
            })?;
        }
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
