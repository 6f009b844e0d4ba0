//! Copying one file into the vault: its bytes as they are, and what happened to it meanwhile.

use std::sync::Arc;

use super::{Halt, Intake};
use crate::clock::Timestamp;
use crate::custody::digest::Digest;
use crate::custody::entry::{Base64, EntryId, Kind, Source, Stats};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::file::{End, Glimpse, Reading};
use crate::host::place::{LinkMet, Place};
use crate::host::stat::Met;
use crate::host::walk::Match;
use crate::host::{Host, Trouble};
use crate::path::HostPath;

/// What a copy may cost.
#[derive(Clone, Copy, Debug)]
pub struct CopyLimits {
    /// Bytes of one file at most.
    pub max_size: u64,
    /// The path was asked for by its plain name, and not found by a pattern.
    pub by_name: bool,
    /// Whether a file that begins so, and is so many bytes long, can be what it is called.
    pub fits: Option<Fits>,
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
}

/// A look at a file's beginning, at most [`BEGINNING`] bytes, and its length.
pub type Fits = fn(&[u8], u64) -> bool;

/// How much of a file's beginning is kept for that, in bytes.
pub const BEGINNING: usize = 4096;

/// The longest file whose bytes are kept, in bytes: what is longer is only ever appended to, or has changed rarely
/// when it is read again.
const KEPT_OF_ONE: usize = 2 << 20;

/// Bytes that are kept of all files together.
const KEPT_OF_ALL: usize = 8 << 20;

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
                let mut poured = self.pour(&mut reading, found, &met, most < limits.max_size, limits.keep)?;
                let given = poured.given;
                if let Some(fits) = limits.fits
                    && poured.whole
                    && given > 0
                    && !fits(&poured.beginning, given)
                {
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
        };
        self.sealed_paths.insert(spot.real.clone(), copy);
    }

    /// Pours the file's bytes into the member that was begun, and ends it with what is known then.
    fn pour(
        &mut self,
        reading: &mut Reading<'_>,
        found: &Match,
        met: &Met,
        limited_by_run: bool,
        keep: bool,
    ) -> Result<Poured, Halt> {
        let mut beginning = Vec::new();
        let room_to_keep = KEPT_OF_ONE.min(KEPT_OF_ALL.saturating_sub(self.kept));
        let mut kept = keep.then(Vec::new);
        let mut given = 0;
        let ended = loop {
            match reading.glimpse() {
                Ok(Glimpse::Bytes(bytes)) => {
                    let room = BEGINNING - beginning.len();
                    beginning.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
                    given += bytes.len() as u64;
                    kept = kept.filter(|kept| kept.len() + bytes.len() <= room_to_keep);
                    if let Some(kept) = &mut kept {
                        kept.extend_from_slice(&bytes);
                    }
                    self.write(bytes)?;
                }
                Ok(Glimpse::Done(end)) => break Ok(end),
                Ok(Glimpse::Failed(errno, doing)) => {
                    let words =
                        format!("{doing}: {}; what was read until then is kept", std::io::Error::from(errno));
                    break Err((Outcome::Failed, Reason::new(ReasonCode::IoError, words)));
                }
                Ok(_) => {}
                Err(trouble) => {
                    let (outcome, mut reason) = trouble.verdict();
                    reason.words.push_str("; what was read until then is kept");
                    break Err((outcome, reason));
                }
            }
        };
        self.copied_in_step.0 += 1;
        let mut whole = false;
        let entry = match ended {
            Ok(end) => {
                self.copied_in_step.1 += end.given;
                self.end_member(|draft| {
                    judge(draft, met, &end, limited_by_run);
                    if is_another(found, met) {
                        let words = "another file had taken its name since it was listed; this is that file";
                        *draft = draft
                            .clone()
                            .ended(Outcome::Changed, Reason::new(ReasonCode::Overwritten, words));
                    }
                    whole = draft.outcome == Outcome::Collected;
                })?
            }
            Err((failed, reason)) => self.end_member(|draft| *draft = draft.clone().ended(failed, reason))?,
        };
        Ok(Poured { entry, given, whole, beginning, kept })
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

/// What became of a file's bytes.
struct Poured {
    entry: EntryId,
    /// Bytes that were sealed.
    given: u64,
    /// They are the whole file as it was.
    whole: bool,
    /// The first of them.
    beginning: Vec<u8>,
    /// All of them, if they were to be kept and are few enough.
    kept: Option<Vec<u8>>,
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

/// Whether a log was rotated, or a file replaced, between being listed and being opened. What the kernel makes up, as
/// in /proc, has no length and no lasting number.
fn is_another(found: &Match, opened: &Met) -> bool {
    opened.stat.size > 0 && found.met.identity != opened.identity
}

/// What the metadata before and after say about the bytes between.
fn judge(draft: &mut Draft, met: &Met, end: &End, limited_by_run: bool) {
    let (before, after) = (&met.stat, &end.after.stat);
    let mut ended = |outcome, code, words: &str| {
        draft.outcome = outcome;
        draft.reason = Some(Reason::new(code, words));
    };
    if after.size < before.size || (end.given < before.size && !end.cut) {
        ended(Outcome::Changed, ReasonCode::Overwritten, "it became shorter while it was read");
    } else if before.size > 0 && after.size == before.size && after.mtime != before.mtime {
        ended(Outcome::Changed, ReasonCode::Overwritten, "it was written to while it was read");
    } else if end.cut && limited_by_run {
        ended(Outcome::Truncated, ReasonCode::ByteLimit, "the run's limit on bytes was reached");
    } else if end.cut {
        ended(Outcome::Truncated, ReasonCode::SizeLimit, "it is longer than this step takes");
    }
    draft.grew = before.size > 0 && after.size > before.size;
    if let Some(stat) = &mut draft.stat {
        stat.after = Some(after.clone());
    }
}
