//! What is said at the end of the rounds: other names of what was taken, what was lost, and what is still unsettled.

use std::collections::HashSet;
use std::time::Duration;

use super::rounds::Rounds;
use super::{LOOKS, ROUNDS, WAITS};
use crate::collector::run::Run;
use crate::collector::steps::Group;
use crate::custody::entry::Source;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::{FileId, Halt};
use crate::path::HostPath;

/// Files that are told one by one; of more there is a count.
const TOLD: usize = 16;

impl Rounds {
    /// Says it.
    pub fn tell(&self, run: &mut Run<'_, '_>, group: &Group) -> Result<(), Halt> {
        self.tell_other_names(run)?;
        self.tell_lost(run)?;
        self.tell_unsettled(run, group)
    }

    /// A file that has two names at once was taken under one of them.
    fn tell_other_names(&self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let mut names: HashSet<(FileId, &HostPath)> = HashSet::new();
        for one in &self.last {
            names.insert((FileId::of(&one.found.met), &one.found.spot.real));
        }
        for one in &self.last {
            let id = FileId::of(&one.found.met);
            let Some(copy) = run.intake.last_of(&one.found) else { continue };
            // In the middle of a rotation one file may seem to have two names.
            let is_other = one.found.met.stat.nlink > 1
                && copy.real != one.found.spot.real
                && names.contains(&(id, &copy.real));
            let entry = copy.entry;
            if is_other {
                run.intake.refer_to(entry, &one.found)?;
            }
        }
        Ok(())
    }

    /// What was there and was removed before anybody could open it.
    fn tell_lost(&self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let there: HashSet<FileId> = self.last.iter().map(|one| FileId::of(&one.found.met)).collect();
        let names: HashSet<&HostPath> = self.last.iter().map(|one| &one.found.spot.path).collect();
        let mut lost: Vec<&Match> =
            self.unopened().filter(|found| !there.contains(&FileId::of(&found.met))).collect();
        lost.sort_by(|a, b| a.spot.path.cmp(&b.spot.path));
        for found in lost {
            let words = format!(
                "it was listed under this name ({}) and was gone, under any name, before it could be opened",
                FileId::in_words(&found.met.stat)
            );
            gap(run, found, Outcome::Missing, Reason::new(ReasonCode::Vanished, words))?;
        }
        for name in self.gone.iter().filter(|name| !names.contains(name)) {
            // In the middle of a rotation a name has no file for a moment, and has one again.
            if is_there(run, name) {
                continue;
            }
            let words = "its name was listed, and was gone before anything else was known of it";
            let reason = Reason::new(ReasonCode::Vanished, words);
            run.intake.gap(Source::path(name), Outcome::Missing, reason)?;
        }
        Ok(())
    }

    fn tell_unsettled(&self, run: &mut Run<'_, '_>, group: &Group) -> Result<(), Halt> {
        let left = self.wanted(run);
        for left in left.iter().take(TOLD) {
            let words = format!(
                "logs were still being rotated after {ROUNDS} rounds: this file ({}) was not taken, or has grown since",
                FileId::in_words(&left.found.met.stat)
            );
            gap(run, &left.found, Outcome::Changed, Reason::new(ReasonCode::Rotated, words))?;
        }
        if let Some(more) = left.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let words = format!(
                "logs were still being rotated: {more} more files were not taken, or have grown since"
            );
            let source = Source::text(group.spelt_out());
            run.intake.gap(source, Outcome::Changed, Reason::new(ReasonCode::Rotated, words))?;
        }
        if self.never_agreed {
            let words = format!("names changed with each of {LOOKS} looks; a file may have been passed over");
            let source = Source::text(group.spelt_out());
            run.intake.gap(source, Outcome::Changed, Reason::new(ReasonCode::Rotated, words))?;
        }
        Ok(())
    }
}

fn is_there(run: &Run<'_, '_>, name: &HostPath) -> bool {
    let (times, pause) = WAITS;
    (0..times).any(|time| {
        std::thread::sleep(if time == 0 { Duration::ZERO } else { pause });
        let mut found = run.host.walk(&Pattern::exactly(name), Wanted::Files, false);
        found.any(|found| matches!(found, Found::Match(_)))
    })
}

fn gap(run: &mut Run<'_, '_>, found: &Match, outcome: Outcome, reason: Reason) -> Result<(), Halt> {
    run.intake.gap(Source::led(&found.spot.path, &found.spot.real), outcome, reason).map(drop)
}
