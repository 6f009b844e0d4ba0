//! Copying one file into the vault: its bytes as they are, and what happened to it meanwhile.

use std::sync::Arc;

use super::pour::Poured;
use super::{Halt, Intake};
use crate::clock::Timestamp;
use crate::custody::digest::Digest;
use crate::custody::entry::{Base64, EntryId, Kind, Source, Stats};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::file::Glimpse;
use crate::host::place::{LinkMet, Place};
use crate::host::stat::Met;
use crate::host::walk::Match;
use crate::host::{Host, Trouble};
use crate::path::HostPath;
use crate::records::form::Form;
use crate::records::observer::Observed;

/// What a copy may cost.
#[derive(Clone, Copy, Debug)]
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

/// A file's bytes as they were sealed.
#[derive(Clone, Debug)]
pub struct SealedCopy {
    /// The entry.
    pub entry: EntryId,
    /// SHA-256 of the member.
    pub sha256: Digest,
    /// Bytes of the member.
    pub size: u64,
    /// When the file was last changed, as it claimed when it was opened.
    pub modified: Timestamp,
    /// It is all there: not cut, and not changed while it was read.
    pub whole: bool,
    /// The path as it was asked for, where links led from there to the one that it really has.
    pub asked: Option<HostPath>,
    /// All of its bytes, where they were to be kept and are few enough.
    pub kept: Option<Arc<Vec<u8>>>,
    /// What was learnt of it while it passed, also of what is not whole; none where its form teaches nothing.
    pub observed: Option<Observed>,
}

impl Intake<'_> {
    /// Takes what a walk has found: a file's bytes, a link's target, anything else's metadata.
    pub fn take(&mut self, host: &Host, found: &Match, limits: CopyLimits) -> Result<(), Halt> {
        self.check()?;
        let path = &found.spot.path;
        if host.is_own_output(found.met.identity) {
            let words = "this is what is being written by this very run";
            self.gap(source_of(found), Outcome::Skipped, Reason::new(ReasonCode::OwnOutput, words))?;
            return Ok(());
        }
        let earlier = match found.target {
            Some(_) => self.links_told.get(path),
            // What was cut, changed or failed the first time is taken anew when somebody asks again.
            None => self.sealed(&found.spot.real).filter(|copy| copy.whole).map(|copy| &copy.entry),
        };
        if let Some(earlier) = earlier.copied() {
            return self.refer_to(earlier, found);
        }
        match &found.target {
            Some(target) => {
                let stat = found.met.stat.clone();
                self.take_link(&LinkMet { path: path.clone(), target: target.clone(), stat })
            }
            None => self.copy(host, found, limits),
        }
    }

    /// The same file under an earlier entry, perhaps by another path: nothing is sealed twice.
    fn refer_to(&mut self, earlier: EntryId, found: &Match) -> Result<(), Halt> {
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

    fn copy(&mut self, host: &Host, found: &Match, limits: CopyLimits) -> Result<(), Halt> {
        let path = &found.spot.path;
        let taken = self.now();
        let most = limits.max_size.min(self.bytes_left());
        let mut reading = match host.read(&found.spot, most) {
            Ok(reading) => reading,
            Err(trouble) => return self.trouble(&found.spot.place(), &trouble),
        };
        match reading.glimpse() {
            Ok(Glimpse::Opened(met)) => {
                let mut draft = Draft::new(Kind::Copy, source_of(found), taken);
                draft.mount = host.mounts().facts(met.stat.mount_id);
                draft.stat = Some(Stats { before: met.stat.clone(), after: None });
                self.begin_member(Member::of_file(path), draft)?;
                let mut poured = self.pour(&mut reading, found, &met, most < limits.max_size, limits)?;
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
                // What is empty costs nothing, and must not pass for what holds something.
                if given > 0 {
                    self.remember_copy(found, &met, &mut poured);
                } else if poured.whole && limits.by_name {
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

    /// What was sealed of the file that really lies at `path`.
    pub fn sealed(&self, path: &HostPath) -> Option<&SealedCopy> {
        self.sealed_paths.get(path)
    }

    /// Every file that was sealed so far and holds something, by where it really lies; in no order.
    pub fn sealed_copies(&self) -> impl Iterator<Item = (&HostPath, &SealedCopy)> {
        self.sealed_paths.iter()
    }

    /// The bytes that were kept are not needed any more.
    pub fn forget_kept(&mut self) {
        self.sealed_paths.values_mut().for_each(|copy| copy.kept = None);
        self.kept = 0;
    }

    fn remember_copy(&mut self, found: &Match, met: &Met, poured: &mut Poured) {
        let spot = &found.spot;
        let Some((_, sha256)) = self.ledger.members().last() else { return };
        self.kept += poured.kept.as_ref().map_or(0, Vec::len);
        let copy = SealedCopy {
            entry: poured.entry,
            sha256: *sha256,
            size: poured.given,
            modified: met.stat.mtime,
            whole: poured.whole,
            asked: (spot.path != spot.real).then(|| spot.path.clone()),
            kept: poured.kept.take().map(Arc::new),
            observed: poured.observed.take(),
        };
        self.sealed_paths.insert(spot.real.clone(), copy);
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

fn source_of(found: &Match) -> Source {
    Source::led(&found.spot.path, &found.spot.real)
}

/// It was there when it was listed.
fn vanished(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Missing(path) => Trouble::Vanished(path),
        other => other,
    }
}
