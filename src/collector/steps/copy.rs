//! `[[copy]]`: bytes and metadata of files.

use super::withheld::Withheld;
use super::{Absent, Group, Seen, changed_in, excluded, expand, is_excluded, tell};
use crate::collector::definition::CopyStep;
use crate::collector::run::Run;
use crate::custody::entry::Source;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::allowance::FILE_EVENTS;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::{CopyLimits, Halt};
use crate::path::HostPath;

/// `[[copy]]`: a member for each file, and an entry for whatever could not be copied.
pub fn copy(run: &mut Run<'_, '_>, step: &CopyStep) -> Result<(), Halt> {
    if !is_for(step, &run.places.system) {
        let words = "this kind of system keeps it elsewhere, or not at all";
        run.intake.gap(
            Source::text(step.paths.join(" ")),
            Outcome::Skipped,
            Reason::new(ReasonCode::OtherSystem, words),
        )?;
        return Ok(());
    }
    let mut copying = Copying {
        step,
        excluded: excluded(run, &step.exclude),
        left: step.max_files.unwrap_or(u64::MAX),
        absent: Absent::default(),
        withheld: Withheld::default(),
    };
    let mut ended = false;
    for group in expand(&step.paths, run.request, run.places) {
        if run.is_out_of_reach(&group) {
            copying.absent.out_of_reach.push(group);
        } else if ended {
            copying.absent.unreached.push(group.without_homes());
        } else {
            ended = !copying.group(run, group)?;
        }
    }
    copying.withheld.tell(run)?;
    copying.absent.tell(run)
}

/// Whether the step is for a system of one of these names.
fn is_for(step: &CopyStep, system: &[String]) -> bool {
    let among = |names: &[String]| system.iter().any(|name| names.contains(name));
    (step.only_on.is_empty() || among(&step.only_on)) && !among(&step.not_on)
}

/// It is there, and not a byte of it was taken here: neither collected nor nothing.
pub(super) fn tell_left(run: &mut Run<'_, '_>, found: &Match) -> Result<(), Halt> {
    let words = format!(
        "its length of {} bytes is more than this step copies; the native step of this collector, behind this one, \
         takes its data without the holes, and has an entry of its own for that",
        found.met.stat.size
    );
    let source = Source::led(&found.spot.path, &found.spot.real);
    run.intake.gap(source, Outcome::Skipped, Reason::new(ReasonCode::TakenOtherwise, words)).map(drop)
}

pub(super) struct Copying<'s> {
    pub(super) step: &'s CopyStep,
    excluded: Vec<Pattern>,
    /// Files that may still be taken.
    pub(super) left: u64,
    absent: Absent,
    pub(super) withheld: Withheld,
}

impl Copying<'_> {
    /// Copies all that the group asks for. False if a limit ends the whole step; that is said then.
    fn group(&mut self, run: &mut Run<'_, '_>, group: Group) -> Result<bool, Halt> {
        let mut seen = Seen::default();
        let goes_on = if self.step.rotates {
            self.in_rounds(run, &group, &mut seen)?
        } else {
            self.one_by_one(run, &group, &mut seen)?
        };
        if !goes_on {
            return Ok(false);
        }
        if seen.taken {
            self.tell_only_rotated(run, &group)?;
        }
        self.absent.note(group, &seen);
        Ok(true)
    }

    /// Takes each match as it is found. False if a limit ends the whole step.
    fn one_by_one(&mut self, run: &mut Run<'_, '_>, group: &Group, seen: &mut Seen) -> Result<bool, Halt> {
        for pattern in &group.patterns {
            let host = run.host;
            for found in host.walk_in(pattern, run.manner(pattern, Wanted::Files)) {
                let Some(found) = run.sort_out(found, pattern, seen)? else { continue };
                if self.passes_over(run, &found) {
                    seen.passed_over = true;
                    continue;
                }
                if self.leaves(&found) {
                    seen.other = true;
                    tell_left(run, &found)?;
                    continue;
                }
                seen.taken = true;
                if self.withheld.holds_back(run, &found) {
                    continue;
                }
                if !self.may_go_on(run, group, &found)? {
                    return Ok(false);
                }
                self.take(run, &found, self.limits(pattern.is_plain()))?;
            }
        }
        Ok(true)
    }

    /// What one file may cost.
    pub(super) fn limits(&self, by_name: bool) -> CopyLimits {
        let max_size = self.step.max_size.unwrap_or(u64::MAX);
        CopyLimits { max_size, by_name, form: self.step.form, keep: self.step.keep }
    }

    /// `/var/log/auth.log?*` are what became of `/var/log/auth.log`. That they are here and it is not is no matter of
    /// another system.
    fn tell_only_rotated(&self, run: &mut Run<'_, '_>, group: &Group) -> Result<(), Halt> {
        let Some(live) = group.text.strip_suffix("?*").and_then(|live| HostPath::new(live).ok()) else {
            return Ok(());
        };
        if let Err(Trouble::Missing(_)) = run.host.locate(&live, true) {
            let words = "older ones are here, and the one that is being written is not";
            let reason = Reason::new(ReasonCode::OnlyRotated, words);
            run.intake.gap(Source::path(&live), Outcome::Missing, reason)?;
        }
        Ok(())
    }

    pub(super) fn passes_over(&self, run: &Run<'_, '_>, found: &Match) -> bool {
        let unchanged = self.step.changed_in_window && !changed_in(run.intake.window(), &found.met.stat);
        unchanged || is_excluded(&self.excluded, &found.spot.path)
    }

    /// Whether it is so long that native code takes it in another way.
    pub(super) fn leaves(&self, found: &Match) -> bool {
        found.target.is_none() && self.step.leave_above.is_some_and(|most| found.met.stat.size > most)
    }

    /// Whether one more file may be opened: for the step, and for the audit log if it lies below a PHI folder.
    pub(super) fn may_go_on(
        &mut self,
        run: &mut Run<'_, '_>,
        group: &Group,
        found: &Match,
    ) -> Result<bool, Halt> {
        if self.left == 0 {
            let most = self.step.max_files.unwrap_or_default();
            let words = format!("there are more than the {most} files that this step takes");
            let reason = Reason::new(ReasonCode::CountLimit, words);
            run.intake.gap(Source::text(group.spelt_out()), Outcome::Truncated, reason)?;
            return Ok(false);
        }
        self.left -= 1;
        if run.is_below_phi(found) && !run.budget.spend(FILE_EVENTS) {
            let words = "would overwrite the audit log: no further file below the PHI folders was opened";
            let reason = Reason::new(ReasonCode::AuditBudget, words);
            run.intake.gap(Source::text("PHI files"), Outcome::Truncated, reason)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes a match; where the step follows links, also what a trusted one leads to.
    fn take(&mut self, run: &mut Run<'_, '_>, found: &Match, limits: CopyLimits) -> Result<(), Halt> {
        let host = run.host;
        run.intake.take(host, found, limits)?;
        if !self.step.follow || found.target.is_none() {
            return Ok(());
        }
        for led in host.walk(&Pattern::exactly(&found.spot.path), Wanted::Files, true) {
            match led {
                Found::Match(led) if led.target.is_none() && !self.withheld.holds_back(run, &led) => {
                    run.intake.take(host, &led, limits)?;
                }
                Found::Match(_) | Found::Led(_) => {}
                other => tell(run, other)?,
            }
        }
        Ok(())
    }
}
