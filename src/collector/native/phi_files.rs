//! The files of the PHI folders: metadata of every one, digests of those that changed in the window. Their content
//! is not taken.
//!
//! Listing a folder opens the folder and none of its files. Only digests open files, within the audit budget.

use std::collections::BTreeMap;

use rustix::fs::FileType;

use crate::collector::run::Run;
use crate::collector::steps::{self, changed_in};
use crate::collector::undigested;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::FileRow;
use crate::host::Trouble;
use crate::host::allowance::{FILE_EVENTS, FOLDER_EVENTS};
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::Halt;
use crate::path::HostPath;

/// Rows of one member at most, so that two listings can be compared without holding either in memory.
const ROWS: u64 = 32_768;

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// Troubles that one listing keeps apart.
const TROUBLES_KEPT: usize = 10_000;

/// Lists every PHI folder that is known.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let roots = run.request.phi_paths();
    if roots.is_empty() {
        let rules = match run.request.rules_unread.as_deref() {
            None => "no audit rule watches one".to_owned(),
            Some(why) => format!("the audit rules could not all be read ({why})"),
        };
        let words = format!("no folder is known to hold PHI: none was named, and {rules}");
        let reason = Reason::new(ReasonCode::NoPhiRoot, words);
        run.intake.gap(Source::text("PHI folders"), Outcome::Inconclusive, reason)?;
        return Ok(());
    }
    let mut listing = Listing::default();
    for root in &roots {
        if !listing.unlisted {
            listing.folder(run, root)?;
        }
    }
    listing.finish(run)?;
    if run.request.phi_roots_left > 0 {
        let words =
            format!("the audit rules watch {} more folders than were listed", run.request.phi_roots_left);
        let reason = Reason::new(ReasonCode::CountLimit, words);
        run.intake.gap(Source::text("PHI folders"), Outcome::Truncated, reason)?;
    }
    Ok(())
}

#[derive(Default)]
struct Listing {
    part: u32,
    rows: u64,
    bytes: Vec<u8>,
    /// Files that changed in the window and have no digest, by why.
    unhashed: BTreeMap<&'static str, u64>,
    /// Names that are no folders.
    files: u64,
    missing: Vec<HostPath>,
    without_files: Vec<HostPath>,
    /// The audit budget ended the walk.
    unlisted: bool,
    troubles: Vec<Found>,
    untold: u64,
}

impl Listing {
    fn folder(&mut self, run: &mut Run<'_, '_>, root: &HostPath) -> Result<(), Halt> {
        let mut said = None;
        let before = self.files;
        for pattern in [Pattern::exactly(root), Pattern::below(root)] {
            let host = run.host;
            for found in host.walk(&pattern, Wanted::Everything, true) {
                if let Found::Match(found) = &found
                    && found.met.kind == FileType::Directory
                    && !run.budget.spend(FOLDER_EVENTS)
                {
                    // Opening a folder is an event too; the walk goes no further than the log can bear.
                    self.unlisted = true;
                    return Ok(());
                }
                match found {
                    Found::Match(found) => self.row(run, &found)?,
                    // The same trouble was said of the folder itself.
                    Found::Trouble(place, trouble)
                        if said.as_ref() == Some(&(place.clone(), trouble.to_string())) => {}
                    // A single file is watched: there is nothing below it.
                    Found::Trouble(place, Trouble::OtherType(..))
                        if place.path == *root && !pattern.is_plain() => {}
                    Found::Led(_) if !pattern.is_plain() => {}
                    Found::Trouble(place, trouble) if pattern.is_plain() => {
                        said = Some((place.clone(), trouble.to_string()));
                        if let Trouble::Missing(_) = trouble {
                            self.missing.push(root.clone());
                            continue;
                        }
                        self.troubles.push(Found::Trouble(place, trouble));
                    }
                    other if self.troubles.len() < TROUBLES_KEPT => self.troubles.push(other),
                    _ => self.untold += 1,
                }
            }
        }
        if self.files == before && said.is_none() {
            self.without_files.push(root.clone());
        }
        Ok(())
    }

    fn row(&mut self, run: &mut Run<'_, '_>, found: &Match) -> Result<(), Halt> {
        let mut row = FileRow::new(&found.spot.path, found.met.stat.clone(), found.target.as_deref());
        if found.met.kind == FileType::RegularFile && changed_in(run.intake.window(), &found.met.stat) {
            match self.digest(run, found)? {
                Ok(digest) => row.sha256 = Some(digest),
                Err(why) => {
                    row.sha256_missing = Some(why);
                    // What this very run is writing is no evidence that is missing.
                    if why != "own_output" {
                        *self.unhashed.entry(why).or_default() += 1;
                    }
                }
            }
        }
        if self.rows == 0 {
            self.begin(run)?;
        }
        json::row(&mut self.bytes, &row)?;
        self.rows += 1;
        self.files += u64::from(found.met.kind != FileType::Directory);
        if self.bytes.len() >= PIECE {
            run.intake.write(std::mem::take(&mut self.bytes))?;
        }
        if self.rows >= ROWS { self.end(run) } else { Ok(()) }
    }

    fn digest(
        &mut self,
        run: &mut Run<'_, '_>,
        found: &Match,
    ) -> Result<Result<crate::custody::digest::Digest, &'static str>, Halt> {
        run.intake.check_within_member()?;
        if run.host.is_own_output(found.met.identity) {
            return Ok(Err("own_output"));
        }
        if !run.budget.spend(FILE_EVENTS) {
            return Ok(Err("audit_budget"));
        }
        Ok(run.host.digest(&found.spot).map_err(|trouble| undigested::word_for(&trouble)))
    }

    fn begin(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        self.part += 1;
        let name = format!("files-{:06}.jsonl", self.part);
        let mut draft = Draft::new(Kind::Listing, Source::text("PHI folders"), run.intake.now());
        draft.window = Some(run.intake.window().clone());
        run.intake.begin_member(Member::of_live("phi-files", &name), draft)
    }

    fn end(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if !self.bytes.is_empty() {
            run.intake.write(std::mem::take(&mut self.bytes))?;
        }
        self.rows = 0;
        run.intake.end_member(|_| ()).map(drop)
    }

    fn finish(mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if self.rows > 0 {
            self.end(run)?;
        }
        for found in std::mem::take(&mut self.troubles) {
            steps::tell(run, found)?;
        }
        if self.untold > 0 {
            let words = format!("{} more places below the PHI folders could not be listed", self.untold);
            let reason = Reason::new(ReasonCode::CountLimit, words);
            run.intake.gap(Source::text("PHI folders"), Outcome::Truncated, reason)?;
        }
        for root in &self.missing {
            let words = "this folder that holds PHI is not there";
            run.intake.gap(
                Source::path(root),
                Outcome::Missing,
                Reason::new(ReasonCode::NoPhiRoot, words),
            )?;
        }
        for root in &self.without_files {
            let words = "this folder that holds PHI holds no file at all";
            run.intake.gap(
                Source::path(root),
                Outcome::Inconclusive,
                Reason::new(ReasonCode::NoFiles, words),
            )?;
        }
        if self.unlisted {
            let words = "would overwrite the audit log: not all folders of the PHI folders were opened";
            let reason = Reason::new(ReasonCode::AuditBudget, words);
            run.intake.gap(Source::text("PHI folders"), Outcome::Truncated, reason)?;
        }
        for (why, count) in &self.unhashed {
            let (outcome, code, words) = undigested::meaning_of(why);
            let words = format!("{words}: so many files that changed in the window have no digest: {count}");
            run.intake.gap(Source::text("digests of PHI files"), outcome, Reason::new(code, words))?;
        }
        Ok(())
    }
}
