//! Copying one file into the vault: its bytes as they are, and what happened to it meanwhile.

use std::sync::Arc;

use super::pour::Poured;
use super::sealed::{FileId, SealedCopy};
use super::{Halt, Intake, StopMark};
use crate::custody::Sealed;
use crate::custody::entry::{Base64, EntryId, Kind, Source, Stats};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::file::Glimpse;
use crate::host::held::Held;
use crate::host::place::{LinkMet, Place};
use crate::host::stat::Met;
use crate::host::walk::Match;
use crate::host::{Host, Trouble};
use crate::records::form::Form;

/// What a copy may cost.
#[derive(Clone, Copy)]
pub struct CopyLimits {
    /// Bytes of one file at most.
    pub max_size: u64,
    /// The path was asked for by its plain name, and not found by a pattern.
    pub by_name: bool,
    /// What such a file looks like, where that is known: one that does not is said to be odd, and what can be learnt
    /// while it passes is learnt.
    pub form: Option<Form>,
    /// The bytes are kept at hand as they are sealed, if they are few enough: code that derives reads exactly them.
    pub keep: bool,
}

/// A file that is held open, and is to be taken from there.
#[derive(Clone, Copy)]
pub struct Hold<'h> {
    /// The file.
    pub held: &'h Held,
    /// What a rotation has done to its name, if one has.
    pub rotated: Option<&'h str>,
}

impl Intake<'_> {
    /// Takes what a walk has found: a file's bytes, a link's target, anything else's metadata.
    pub fn take(&mut self, host: &Host, found: &Match, limits: CopyLimits) -> Result<(), Halt> {
        self.check()?;
        let path = &found.spot.path;
        if self.is_own_output(host, found)? {
            return Ok(());
        }
        let earlier = match found.target {
            Some(_) => self.links_told.get(path).copied(),
            None => self.covering(found),
        };
        if let Some(earlier) = earlier {
            return self.refer_to(earlier, found);
        }
        match &found.target {
            Some(target) => {
                let stat = found.met.stat.clone();
                self.take_link(&LinkMet { path: path.clone(), target: target.clone(), stat })
            }
            None => self.copy(host, found, limits, None),
        }
    }

    /// Takes a file that is held open already, whatever was sealed before. `found` says where it was opened.
    pub fn take_held(
        &mut self,
        host: &Host,
        found: &Match,
        limits: CopyLimits,
        hold: Hold<'_>,
    ) -> Result<(), Halt> {
        self.check()?;
        if self.is_own_output(host, found)? {
            return Ok(());
        }
        self.copy(host, found, limits, Some(hold))
    }

    /// Whether it is our own output; that is said then.
    fn is_own_output(&mut self, host: &Host, found: &Match) -> Result<bool, Halt> {
        let is = host.is_own_output(found.met.identity);
        if is {
            let words = "this is what is being written by this very run";
            self.gap(source_of(found), Outcome::Skipped, Reason::new(ReasonCode::OwnOutput, words))?;
        }
        Ok(is)
    }

    /// The same file under an earlier entry, perhaps by another path: nothing is sealed twice.
    pub fn refer_to(&mut self, earlier: EntryId, found: &Match) -> Result<(), Halt> {
        let words = format!("already sealed, under entry {earlier}");
        let mut draft = Draft::new(Kind::Gap, source_of(found), self.now())
            .ended(Outcome::Collected, Reason::new(ReasonCode::SealedEarlier, words));
        draft.derived_from.push(earlier);
        self.note(draft)?;
        Ok(())
    }

    /// Records a link, once in a run.
    pub fn take_link(&mut self, link: &LinkMet) -> Result<(), Halt> {
        if self.links_told.contains_key(&link.path) {
            return Ok(());
        }
        let mut source = Source::path(&link.path);
        source.target_b64 = Some(Base64(link.target.clone()));
        let mut draft = Draft::new(Kind::Link, source, self.now());
        draft.stat = Some(Stats { before: link.stat.clone(), after: None });
        let id = self.note(draft)?;
        self.links_told.insert(link.path.clone(), id);
        Ok(())
    }

    fn copy(
        &mut self,
        host: &Host,
        found: &Match,
        limits: CopyLimits,
        hold: Option<Hold<'_>>,
    ) -> Result<(), Halt> {
        let path = &found.spot.path;
        let rotated = hold.and_then(|hold| hold.rotated);
        let taken = self.now();
        let most = limits.max_size.min(self.bytes_left());
        let begun = match hold {
            Some(hold) => host.read_held(hold.held, &found.spot, most),
            None => host.read(&found.spot, most),
        };
        let mut reading = match begun {
            Ok(reading) => reading,
            Err(trouble) => return self.trouble(&found.spot.place(), &trouble),
        };
        match reading.glimpse() {
            Ok(Glimpse::Opened(met)) => {
                let mut draft = Draft::new(Kind::Copy, source_of(found), taken);
                draft.mount = host.mounts().facts(met.stat.mount_id);
                draft.stat = Some(Stats { before: met.stat.clone(), after: None });
                self.begin_member(Member::of_file(path), draft)?;
                let stop = self.terms.stop.clone();
                let mut poured =
                    self.pour(&mut reading, &met, limits, most < limits.max_size, &mut |draft, sealed| {
                        if let Some(hold) = hold
                            && was_only_touched(draft)
                            && reads_the_same(host, hold.held, found, sealed, &stop)
                        {
                            (draft.outcome, draft.reason) = (Outcome::Collected, None);
                        }
                        judge_name(draft, found, &met, rotated)
                    })?;
                let given = poured.given;
                if poured.is_odd(limits.form) {
                    let words = "it does not have the form that such a file has";
                    self.gap(
                        source_of(found),
                        Outcome::Inconclusive,
                        Reason::new(ReasonCode::OddForm, words),
                    )?;
                }
                if !poured.whole && self.bytes_left() == 0 {
                    // The run's limit has cut it: the run ends here, even if nothing would follow.
                    self.check()?;
                }
                self.remember_copy(found, &met, &mut poured);
                if let Some(hole) = poured.hole {
                    self.take_behind(host, found, &met, hole, most.saturating_sub(given))?;
                }
                if given == 0 && poured.whole && limits.by_name {
                    self.without_a_byte(source_of(found))?;
                }
                Ok(())
            }
            Ok(Glimpse::Other(met)) => self.special(found, met, limits.by_name),
            Ok(Glimpse::Failed(errno, _)) => {
                self.trouble(&found.spot.place(), &vanished(Trouble::from_errno(errno, path.to_string())))
            }
            Ok(_) => self.trouble(
                &found.spot.place(),
                &Trouble::Io(path.to_string(), std::io::Error::other("it was not opened")),
            ),
            Err(trouble) => self.trouble(&found.spot.place(), &trouble),
        }
    }

    fn remember_copy(&mut self, found: &Match, met: &Met, poured: &mut Poured) {
        let spot = &found.spot;
        let Some((_, sha256)) = self.ledger.members().last() else { return };
        self.kept += poured.kept.as_ref().map_or(0, Vec::len);
        self.copies.add(SealedCopy {
            entry: poured.entry,
            sha256: *sha256,
            size: poured.given,
            modified: met.stat.mtime,
            whole: poured.whole,
            to_its_end: poured.to_its_end,
            asked: (spot.path != spot.real).then(|| spot.path.clone()),
            kept: poured.kept.take().map(Arc::new),
            observed: poured.observed.take(),
            file: FileId::of(met),
            real: spot.real.clone(),
            has_length: met.stat.size > 0,
            taken_again: false,
        });
    }

    /// Something that holds no bytes of its own. Found by a pattern its metadata is all there is to take; asked for
    /// by name, a file was expected.
    fn special(&mut self, found: &Match, met: Met, by_name: bool) -> Result<(), Halt> {
        let words =
            format!("it is {}, which is never opened; its metadata is in this entry", met.kind_in_words());
        let outcome = if by_name { Outcome::Failed } else { Outcome::Collected };
        let mut draft = Draft::new(Kind::Listing, source_of(found), self.now())
            .ended(outcome, Reason::new(ReasonCode::SpecialFile, words));
        draft.stat = Some(Stats { before: met.stat, after: None });
        self.note(draft)?;
        Ok(())
    }

    /// Records a trouble at a path.
    pub fn trouble(&mut self, place: &Place, trouble: &Trouble) -> Result<(), Halt> {
        self.check()?;
        let (outcome, reason) = trouble.verdict();
        self.gap(Source::led(&place.path, &place.real), outcome, reason)?;
        Ok(())
    }
}

pub(super) fn source_of(found: &Match) -> Source {
    Source::led(&found.spot.path, &found.spot.real)
}

/// Whether nothing but the time of the file's last change says that it was written to while it was read: a rotation
/// changes that too.
fn was_only_touched(draft: &Draft) -> bool {
    let Some(Stats { before, after: Some(after) }) = &draft.stat else { return false };
    draft.outcome == Outcome::Changed && (before.size, before.mtime) == (after.size, after.mtime)
}

/// Whether a file that is held still begins with the bytes that were sealed: what was appended since takes nothing from
/// them. It is read a second time for that, so only where its name is expected to change.
fn reads_the_same(host: &Host, held: &Held, found: &Match, sealed: &Sealed, stop: &StopMark) -> bool {
    let again = host.read_held(held, &found.spot, sealed.size);
    again
        .and_then(|reading| reading.digest(&found.spot, &|| stop.get().is_none()))
        .is_ok_and(|digest| digest == sealed.sha256)
}

/// It was there when it was listed.
fn vanished(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Missing(path) => Trouble::Vanished(path),
        other => other,
    }
}

/// What is said of the name: it was rotated, or, where nobody reckons with that, another file has it. What the kernel
/// makes up, as in /proc, has no length and no lasting number.
fn judge_name(draft: &mut Draft, found: &Match, opened: &Met, rotated: Option<&str>) {
    let was_read_to_its_end = draft.stat.as_ref().is_some_and(|stat| stat.after.is_some());
    match (rotated, &mut draft.reason) {
        (Some(words), None) => draft.reason = Some(Reason::new(ReasonCode::Rotated, words)),
        (Some(words), Some(reason)) => reason.words = format!("{}; {words}", reason.words),
        (None, _) if was_read_to_its_end && opened.stat.size > 0 && found.met.identity != opened.identity => {
            let words = "another file had taken its name since it was listed; this is that file";
            *draft = draft.clone().ended(Outcome::Changed, Reason::new(ReasonCode::Overwritten, words));
        }
        (None, _) => {}
    }
}
