//! The files of the PHI folders: metadata of every one, digests of those that changed in the window. Their content
//! is not taken.
//!
//! Listing a folder opens the folder and none of its files; a link is read. Both are taken from the audit budget before
//! they are done, on the walk's own readers. Only digests open files, and only from the first half of that budget: the
//! second is kept for the folders that are still to come, because a name that is not listed is worse than a file that
//! is not hashed. Extended attributes are asked of everything where nothing counts it, else of what is hashed.

pub mod roots;

use std::collections::BTreeMap;

use rustix::fs::FileType;

use crate::collector::listed;
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
use crate::host::allowance::{ATTRIBUTE_EVENTS, FILE_EVENTS};
use crate::host::pattern::Pattern;
use crate::host::place::Place;
use crate::host::walk::{Found, Manner, Seen, Sight, Untold};
use crate::intake::Halt;
use crate::path::HostPath;
use roots::Roots;

/// Rows of one member at most, so that two listings can be compared without holding either in memory.
const ROWS: u64 = 32_768;

/// Events that reading a file causes: its digest, and the names of its extended attributes.
pub const READ_EVENTS: u64 = FILE_EVENTS + ATTRIBUTE_EVENTS;

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// Troubles that one listing keeps apart.
const TROUBLES_KEPT: usize = 10_000;

/// Lists every PHI folder that is known.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    if run.request.phi_roots.is_empty() {
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
    let mut roots = Roots::of(&run.request.phi_roots);
    for root in roots.outer() {
        listing.folder(run, &root, &mut roots)?;
    }
    while let Some(root) = roots.next_unseen() {
        listing.folder(run, &root, &mut roots)?;
    }
    for (root, real) in roots.listed_elsewhere() {
        let words = "it lies in another folder that holds PHI, and is listed there, under the path where it really lies";
        let reason = Reason::new(ReasonCode::TakenOtherwise, words);
        run.intake.gap(Source::led(&root, &real), Outcome::Collected, reason)?;
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

/// Folders and links below a PHI folder that were not opened, for want of allowance.
struct Closed {
    /// The first folder; nothing that would be entered behind it was.
    first: Option<Place>,
    folders: u64,
    links: u64,
}

impl Closed {
    fn words(&self) -> String {
        let behind = self.first.as_ref().map_or("", |_| ": this one, and all that would have come behind it");
        format!(
            "would overwrite the audit log: {} not opened, and {} not read{behind}",
            counted(self.folders, "folder"),
            counted(self.links, "link")
        )
    }
}

fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what} was"),
        _ => format!("{number} {what}s were"),
    }
}

#[derive(Default)]
struct Listing {
    part: u32,
    rows: u64,
    bytes: Vec<u8>,
    /// Memory for the path of a row.
    path: Vec<u8>,
    /// Files that changed in the window and have no digest, by why.
    unhashed: BTreeMap<&'static str, u64>,
    /// Names that are no folders.
    files: u64,
    missing: Vec<HostPath>,
    without_files: Vec<HostPath>,
    /// What the audit budget kept us from, by PHI folder.
    closed: Vec<(HostPath, Closed)>,
    troubles: Vec<Found>,
    untold: u64,
}

impl Listing {
    /// Lists one, in members of its own.
    fn folder(&mut self, run: &mut Run<'_, '_>, root: &HostPath, roots: &mut Roots) -> Result<(), Halt> {
        let (before, mut unseen) = (self.files, false);
        let mut closed = Closed { first: None, folders: 0, links: 0 };
        let host = run.host;
        let manner = Manner { extended: !run.budget.is_limited(), ..Manner::sparing(&run.budget) };
        let mut walk = host.walk_in(&Pattern::below(root), manner);
        while let Some(sight) = walk.sight() {
            roots.notice(&sight);
            match sight {
                Sight::Seen(found) => {
                    closed.links += u64::from(found.target_missing == Some(Untold::OverAllowance));
                    self.row(run, &found)?;
                }
                Sight::Other(Found::OverAllowance(place)) => {
                    closed.folders += 1;
                    closed.first.get_or_insert(place);
                }
                Sight::Other(Found::Trouble(place, Trouble::Missing(_))) if place.path == *root => {
                    unseen = true;
                    self.missing.push(root.clone());
                }
                Sight::Other(other) => {
                    unseen |= matches!(&other, Found::Trouble(place, _) if place.path == *root);
                    if self.troubles.len() < TROUBLES_KEPT {
                        self.troubles.push(other);
                    } else {
                        self.untold += 1;
                    }
                }
            }
        }
        if closed.folders + closed.links > 0 {
            self.closed.push((root.clone(), closed));
        } else if self.files == before && !unseen {
            self.without_files.push(root.clone());
        }
        if self.rows > 0 { self.end(run) } else { Ok(()) }
    }

    fn row(&mut self, run: &mut Run<'_, '_>, found: &Seen<'_>) -> Result<(), Halt> {
        let mut row = listed::row(found, &mut self.path, run.budget.is_limited());
        if found.met.kind == FileType::RegularFile && changed_in(run.intake.window(), &found.met.stat) {
            self.read(run, found, &mut row)?;
        }
        if self.rows == 0 {
            self.begin(run)?;
        }
        json::row(&mut self.bytes, &row)?;
        self.rows += 1;
        self.files += u64::from(found.met.kind != FileType::Directory);
        if self.bytes.len() >= PIECE {
            self.hand_on(run)?;
        }
        if self.rows >= ROWS { self.end(run) } else { Ok(()) }
    }

    /// What only a file that is opened tells: its digest, and where openings are counted its extended attributes.
    fn read(&mut self, run: &mut Run<'_, '_>, found: &Seen<'_>, row: &mut FileRow) -> Result<(), Halt> {
        run.intake.check_within_member()?;
        if run.host.is_own_output(found.met.identity) {
            // What this very run is writing is no evidence that is missing.
            row.sha256_missing = Some("own_output");
            return Ok(());
        }
        let missing = if run.budget.spend_sparingly(READ_EVENTS) {
            if run.budget.is_limited() {
                match run.host.extended(&found.spot()) {
                    Ok(names) => listed::name_extended(row, &names),
                    Err(trouble) => row.xattrs_missing = Some(undigested::word_for(&trouble)),
                }
            }
            let intake = &run.intake;
            match run.host.digest(&found.spot(), &|| !intake.is_to_end()) {
                Ok(digest) => {
                    row.sha256 = Some(digest);
                    return Ok(());
                }
                Err(trouble) => undigested::word_for(&trouble),
            }
        } else {
            listed::OVER_BUDGET
        };
        row.sha256_missing = Some(missing);
        *self.unhashed.entry(missing).or_default() += 1;
        Ok(())
    }

    fn begin(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        self.part += 1;
        let name = format!("files-{:06}.jsonl", self.part);
        let mut draft = Draft::new(Kind::Listing, Source::text("PHI folders"), run.intake.now());
        draft.window = Some(run.intake.window().clone());
        run.intake.begin_member(Member::of_live("phi-files", &name), draft)
    }

    fn hand_on(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        // Room for a piece and the row that makes it full, so that it need not grow.
        let rest = Vec::with_capacity(PIECE + (4 << 10));
        run.intake.write(std::mem::replace(&mut self.bytes, rest))
    }

    fn end(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if !self.bytes.is_empty() {
            self.hand_on(run)?;
        }
        self.rows = 0;
        run.intake.end_member(|_| ()).map(drop)
    }

    /// What was not listed, and why.
    fn finish(mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
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
        for (root, closed) in &self.closed {
            let source = match &closed.first {
                Some(place) => Source::led(&place.path, &place.real),
                None => Source::path(root),
            };
            let reason = Reason::new(ReasonCode::AuditBudget, closed.words());
            run.intake.gap(source, Outcome::Truncated, reason)?;
        }
        for (why, count) in &self.unhashed {
            let (outcome, code, words) = undigested::meaning_of(why);
            let words = format!("{words}: so many files that changed in the window have no digest: {count}");
            run.intake.gap(Source::text("digests of PHI files"), outcome, Reason::new(code, words))?;
        }
        Ok(())
    }
}
