//! Logs that are rotated while they are taken.
//!
//! A rotation gives every file another name, makes a new one, and removes the oldest. So a step of such logs goes by the
//! files and not by their names:
//!
//! - **It looks** until two looks in a row show the same files under the same names, and in between opens whatever it
//!   does not hold yet, the oldest first: that is the one which the next rotation removes, while all others only change
//!   their names and are found again. What two equal looks show is how things stood at one moment, and all of it is held.
//! - **It reads** what it holds, the newest first. Whatever stands in a file was written after all that stands in
//!   the older ones, and those are read later, so that no line is missing between two files, whichever of them its daemon
//!   still writes.
//! - **It looks again**, and takes what came meanwhile, and once more what had grown before it was given another name.
//!   When nothing is left, it is done.

mod rounds;
mod settled;

use std::time::Duration;

use rustix::fs::FileType;

use super::copy::Copying;
use super::{Group, Seen};
use crate::collector::run::Run;
use crate::host::Trouble;
use crate::host::held::Holding;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::{Halt, Hold};
use rounds::{InHand, Rounds, Sighting};

/// How often logs are taken until nothing is left; rounds in which there was more than can be held do not count.
const ROUNDS: usize = 32;

/// How often is looked in one round until two looks agree.
const LOOKS: usize = 16;

/// Looks in a row that show nothing new, and are as good as two that agree where names change with each.
const CALM: usize = 4;

/// Files that are held open at once.
const HELD: usize = 64;

/// How often, and for how long, a log that was given another name a moment ago is waited for: its daemon will make a new
/// one.
const WAITS: (usize, Duration) = (5, Duration::from_millis(20));

impl Copying<'_> {
    /// Copies all that the group asks for, each file once, whatever it is called at the moment. False if a limit ends the
    /// whole step; that is said then.
    pub(super) fn in_rounds(
        &mut self,
        run: &mut Run<'_, '_>,
        group: &Group,
        seen: &mut Seen,
    ) -> Result<bool, Halt> {
        let mut rounds = Rounds::default();
        let (mut left, mut crowded) = (ROUNDS, None);
        while left > 0 {
            let goes_on = self.hold_all(run, group, &mut rounds, seen)?;
            let in_hand = std::mem::take(&mut rounds.in_hand);
            let is_settled = in_hand.is_empty();
            let is_full = in_hand.len() >= HELD;
            self.read_all(run, &mut rounds, in_hand)?;
            if !goes_on {
                return Ok(false);
            }
            if is_settled {
                break;
            }
            // As many more as there were to begin with; whoever makes files without end does not keep us here.
            let crowded = crowded.get_or_insert(rounds.last.len() / HELD);
            match is_full && *crowded > 0 {
                true => *crowded -= 1,
                false => left -= 1,
            }
        }
        if left == 0 {
            rounds.last = self.look(run, group, &mut rounds, seen)?;
        }
        rounds.tell(run, group)?;
        Ok(true)
    }

    /// Looks, and holds whatever is not held yet, until two looks in a row agree and nothing is left, or as much is held as
    /// can be. False if a limit ends the step.
    fn hold_all(
        &mut self,
        run: &mut Run<'_, '_>,
        group: &Group,
        rounds: &mut Rounds,
        seen: &mut Seen,
    ) -> Result<bool, Halt> {
        let (mut before, mut calm) = (None, 0);
        for _ in 0..LOOKS {
            run.intake.check()?;
            rounds.last = self.look(run, group, rounds, seen)?;
            let (names, wanted) = (rounds.names(), rounds.wanted(run));
            let is_full = rounds.in_hand.len() >= HELD;
            // Two looks that agree show how things stood at one moment. That nothing came since then, one shows.
            calm = if wanted.is_empty() { calm + 1 } else { 0 };
            let agrees = before.as_ref() == Some(&names)
                || calm == CALM
                || (rounds.has_read && rounds.in_hand.is_empty());
            if agrees && (wanted.is_empty() || is_full) {
                return Ok(true);
            }
            before = Some(names);
            for sighting in wanted {
                if rounds.in_hand.len() < HELD && !self.hold(run, group, rounds, seen, sighting)? {
                    return Ok(false);
                }
            }
        }
        rounds.never_agreed = true;
        Ok(true)
    }

    /// One look at everything that the group asks for: the regular files that are for this step. Anything else is told,
    /// once.
    fn look(
        &mut self,
        run: &mut Run<'_, '_>,
        group: &Group,
        rounds: &mut Rounds,
        seen: &mut Seen,
    ) -> Result<Vec<Sighting>, Halt> {
        let mut files = Vec::new();
        for pattern in &group.patterns {
            let mut waits = if rounds.has_looked() { 0 } else { WAITS.0 };
            while !self.look_for(run, pattern, rounds, seen, &mut files)?
                && waits > 0
                && has_older(run, pattern)
            {
                waits -= 1;
                std::thread::sleep(WAITS.1);
            }
        }
        for pattern in group.patterns.iter().filter(|pattern| pattern.is_plain()) {
            look_beside(run, pattern, rounds, &mut files);
        }
        rounds.note(&files);
        Ok(files)
    }

    /// Whether anything matches.
    fn look_for(
        &mut self,
        run: &mut Run<'_, '_>,
        pattern: &Pattern,
        rounds: &mut Rounds,
        seen: &mut Seen,
        files: &mut Vec<Sighting>,
    ) -> Result<bool, Halt> {
        let host = run.host;
        let mut matches = false;
        for found in host.walk_in(pattern, run.manner(pattern, Wanted::Files)) {
            if rounds.has_heard(pattern, &found) {
                continue;
            }
            let Some(found) = run.sort_out(found, pattern, seen)? else { continue };
            matches = true;
            let sighting = Sighting { found: *found, by_name: pattern.is_plain() };
            if sighting.found.target.is_some() {
                self.look_behind(run, rounds, seen, &sighting.found, files)?;
            } else {
                self.sort_in(run, rounds, seen, sighting, files)?;
            }
        }
        Ok(matches)
    }

    /// A link is told once; where the step follows links, what a trusted one leads to is taken.
    fn look_behind(
        &mut self,
        run: &mut Run<'_, '_>,
        rounds: &mut Rounds,
        seen: &mut Seen,
        link: &Match,
        files: &mut Vec<Sighting>,
    ) -> Result<(), Halt> {
        if self.passes_over(run, link) {
            seen.passed_over = true;
            return Ok(());
        }
        seen.taken = true;
        let host = run.host;
        if rounds.is_first_word_of(link) {
            run.intake.take(host, link, self.limits(false))?;
        }
        if !self.step.follow {
            return Ok(());
        }
        let exactly = Pattern::exactly(&link.spot.path);
        for led in host.walk(&exactly, Wanted::Files, true) {
            if rounds.has_heard(&exactly, &led) {
                continue;
            }
            match led {
                Found::Match(led) if led.target.is_none() => {
                    self.sort_in(run, rounds, seen, Sighting { found: *led, by_name: false }, files)?;
                }
                Found::Match(_) | Found::Led(_) => {}
                other => super::tell(run, other)?,
            }
        }
        Ok(())
    }

    /// What is no link: a regular file for this step goes into the list.
    fn sort_in(
        &mut self,
        run: &mut Run<'_, '_>,
        rounds: &mut Rounds,
        seen: &mut Seen,
        sighting: Sighting,
        files: &mut Vec<Sighting>,
    ) -> Result<(), Halt> {
        let found = &sighting.found;
        if self.passes_over(run, found) && !is_left_behind(run, found) {
            seen.passed_over = true;
        } else if self.leaves(found) {
            seen.other = true;
            if rounds.is_first_word_of(found) {
                super::copy::tell_left(run, found)?;
            }
        } else if found.met.kind == FileType::RegularFile {
            seen.taken = true;
            files.push(sighting);
        } else if rounds.is_first_word_of(found) {
            seen.taken = true;
            run.intake.take(run.host, found, self.limits(sighting.by_name))?;
        }
        Ok(())
    }

    /// Opens what is to be taken, under the name that it had a moment ago. False if a limit ends the step.
    fn hold(
        &mut self,
        run: &mut Run<'_, '_>,
        group: &Group,
        rounds: &mut Rounds,
        seen: &mut Seen,
        sighting: Sighting,
    ) -> Result<bool, Halt> {
        let (host, Sighting { found, by_name }) = (run.host, sighting);
        if self.was_sealed_earlier(run, rounds, &found)? {
            return Ok(true);
        }
        if self.withheld.holds_back(run, &found) {
            rounds.settle(&found);
            return Ok(true);
        }
        if !self.may_go_on(run, group, &found)? {
            return Ok(false);
        }
        match host.hold(&found.spot) {
            Ok(Holding::File(held)) => {
                let opened = Match::of(found.spot.clone(), held.met.clone());
                let is_another = opened.met.identity != found.met.identity;
                if !rounds.wants(run, &opened)
                    || self.was_sealed_earlier(run, rounds, &opened)?
                    || is_another && self.withheld.holds_back(run, &opened)
                {
                    self.left = self.left.saturating_add(1);
                    return Ok(true);
                }
                let words = rounds.words_for(run, &opened);
                rounds.settle(&opened);
                rounds.in_hand.push(InHand { by_name: by_name && !rounds.has_read, opened, held, words });
            }
            // The next look will show what lies there, and under which name the file does.
            Ok(Holding::Other(_)) | Err(Trouble::Missing(_)) => self.left = self.left.saturating_add(1),
            Err(trouble) => {
                seen.other = true;
                rounds.settle(&found);
                run.intake.trouble(&found.spot.place(), &trouble)?;
            }
        }
        Ok(true)
    }

    /// Whether an earlier step has sealed all that there is of it; that is told then.
    fn was_sealed_earlier(
        &mut self,
        run: &mut Run<'_, '_>,
        rounds: &mut Rounds,
        found: &Match,
    ) -> Result<bool, Halt> {
        let is_covered = run.intake.covering(found).is_some() && run.intake.outgrown(found).is_none();
        let was = !rounds.knows(found) && is_covered;
        if was {
            rounds.settle(found);
            run.intake.take(run.host, found, self.limits(false))?;
        }
        Ok(was)
    }

    /// Reads all that is held, the newest first; each is let go when it was read.
    fn read_all(
        &mut self,
        run: &mut Run<'_, '_>,
        rounds: &mut Rounds,
        mut in_hand: Vec<InHand>,
    ) -> Result<(), Halt> {
        in_hand.sort_by(|a, b| (b.made(), &a.opened.spot.path).cmp(&(a.made(), &b.opened.spot.path)));
        for one in in_hand {
            rounds.has_read = true;
            let words = one.words.as_deref().or_else(|| rounds.has_lost_its_name(&one.opened));
            let hold = Hold { held: &one.held, rotated: words };
            run.intake.take_held(run.host, &one.opened, self.limits(one.by_name), hold)?;
        }
        Ok(())
    }
}

/// A name that is left to another step stays so, unless that step is over and has sealed another file under it, or this one
/// under another name and shorter: then what it took is not what lies here.
fn is_left_behind(run: &Run<'_, '_>, found: &Match) -> bool {
    run.intake.has_passed_on_its_name(found) || run.intake.outgrown(found).is_some()
}

/// A log that was asked for by its plain name, and was given another before it could be opened, is looked for beside it.
fn look_beside(run: &Run<'_, '_>, pattern: &Pattern, rounds: &Rounds, files: &mut Vec<Sighting>) {
    let is_seen = |found: &Match| files.iter().any(|one| one.found.met.identity == found.met.identity);
    if rounds.unopened().all(is_seen) {
        return;
    }
    let Ok(beside) = Pattern::beside(pattern.base(), "?*") else { return };
    for found in run.host.walk(&beside, Wanted::Files, false) {
        if let Found::Match(found) = found
            && rounds.is_unopened(&found)
        {
            files.push(Sighting { found: *found, by_name: true });
        }
    }
}

/// Whether older logs lie beside where one is looked for and is not.
fn has_older(run: &Run<'_, '_>, pattern: &Pattern) -> bool {
    let beside = Pattern::beside(pattern.base(), "?*").ok().filter(|_| pattern.is_plain());
    beside.is_some_and(|beside| {
        run.host.walk(&beside, Wanted::Files, false).any(|found| matches!(found, Found::Match(_)))
    })
}
