//! The files that run: a digest of each, and the bytes of those that no path leads to any more.
//!
//! They are read through `/proc/PID/exe` and `/proc/PID/map_files`, never through the text of a path: what lies at the
//! path may be another file, in another mount namespace, or nothing. Links and mappings are only read, which opens
//! nothing. Files that lie in PHI folders are not opened: each opening would be an event in an audit log that is not sealed
//! yet. Of those that were deleted there the digest is taken all the same, within the audit allowance: they are gone with
//! their process, and no later step can find them.

mod content;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use crate::collector::run::Run;
use crate::collector::tables::tell_blinkers;
use crate::collector::undigested;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::process::ExecutableRow;
use crate::custody::rows::text;
use crate::host::Trouble;
use crate::host::allowance::FILE_EVENTS;
use crate::intake::Halt;
use crate::path::HostPath;
use content::Content;
use search::{File, Search};

/// The collector's id, in the names of its members.
const ID: &str = "process-files";

/// Processes that a row names.
const PIDS: usize = 1000;

/// Processes through which a file is tried before it counts as gone.
const TRIES: usize = 5;

/// Bytes that are read of all files together: a hole of any size costs nothing to make, and is run as often as one
/// likes.
const READ_IN_ALL: u64 = 64 << 30;

/// Bytes of the table that are handed on at once.
const PIECE: usize = 128 << 10;

fn source() -> Source {
    Source::text("/proc/PID/exe, /proc/PID/map_files")
}

/// Seals the bytes that lie on no disk, and a row for each file.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let search = match Search::of(run.host) {
        Ok(search) => search,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source(), outcome, reason)?;
            return Ok(());
        }
    };
    let places = run.request.phi_places();
    let mut work = Work { below_phi: places, ..Work::default() };
    let mut rows = Vec::new();
    for file in &search.files {
        run.intake.check()?;
        rows.push(work.file(run, file)?);
    }
    table(run, &rows)?;
    work.gaps(run, &search)
}

#[derive(Default)]
struct Work {
    below_phi: Vec<HostPath>,
    /// Bytes of content that were taken.
    taken: u64,
    /// Bytes that were read, by the sizes of the files.
    read: u64,
    /// Members by the process under whose number they stand.
    members: BTreeMap<u32, u32>,
    /// Devices that did not answer: they are not asked again.
    silent: BTreeSet<String>,
    /// Files without a digest, by why.
    missing: BTreeMap<&'static str, u64>,
    /// Files whose bytes were to be taken and were not, by why.
    withheld: BTreeMap<&'static str, u64>,
}

impl Work {
    fn file(&mut self, run: &mut Run<'_, '_>, file: &File) -> Result<ExecutableRow, Halt> {
        let (path, path_b64) = text(&file.path);
        let mut row = ExecutableRow {
            kind: file.kind,
            path,
            path_b64,
            pids: file.users.iter().map(|(pid, _)| *pid).take(PIDS).collect(),
            processes: file.users.len() as u64,
            state: file.state,
            ..ExecutableRow::default()
        };
        match self.why_not(run, file) {
            Some(why) => row.sha256_missing = Some(why),
            None => self.read(run, file, &mut row)?,
        }
        if let Some(why) = row.sha256_missing {
            *self.missing.entry(why).or_default() += 1;
        }
        Ok(row)
    }

    /// Why a file is not even opened.
    fn why_not(&self, run: &Run<'_, '_>, file: &File) -> Option<&'static str> {
        let below_phi = self.is_below_phi(file);
        if below_phi && file.state == "present" {
            return Some(undigested::PHI_FOLDER);
        }
        if self.silent.contains(&file.device) {
            return Some("timed_out");
        }
        if self.read >= READ_IN_ALL {
            return Some("too_long");
        }
        (below_phi && !run.budget.spend(FILE_EVENTS)).then_some("audit_budget")
    }

    /// What was made in memory lies in no folder.
    fn is_below_phi(&self, file: &File) -> bool {
        if file.state == "memfd" {
            return false;
        }
        let marked = file.path.strip_suffix(b" (deleted)").unwrap_or(&file.path);
        HostPath::new(marked).is_ok_and(|path| self.below_phi.iter().any(|root| path.is_within(root)))
    }

    /// Digest and, where no path leads to it, bytes; through the first of its users that still has it.
    fn read(&mut self, run: &mut Run<'_, '_>, file: &File, row: &mut ExecutableRow) -> Result<(), Halt> {
        row.sha256_missing = Some("missing");
        let wants_bytes = file.state != "present";
        let may_keep = self.may_keep(run, file, wants_bytes);
        for (pid, link) in file.users.iter().take(TRIES) {
            let earlier = self.members.get(pid).copied().unwrap_or(0);
            let left = content::IN_ALL.saturating_sub(self.taken);
            let content = Content { file, pid: *pid, link, left, earlier };
            let read = if may_keep { content.seal(run)? } else { content.digest(run)? };
            match read {
                Ok(read) => {
                    self.taken += read.kept;
                    self.read = self.read.saturating_add(read.stat.size.min(content::FOR_DIGEST));
                    if read.member.is_some() {
                        self.members.insert(*pid, earlier + 1);
                    }
                    row.member = read.member;
                    row.sha256 = read.sha256;
                    row.sha256_missing = read.missing;
                    row.stat = Some(read.stat);
                    return Ok(());
                }
                Err(Trouble::Vanished(_) | Trouble::Missing(_)) => {}
                Err(trouble) => {
                    row.sha256_missing = Some(undigested::word_for(&trouble));
                    if matches!(trouble, Trouble::Hung(..)) {
                        self.silent.insert(file.device.clone());
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the bytes are taken; where they should be and are not, it is counted.
    fn may_keep(&mut self, run: &Run<'_, '_>, file: &File, wanted: bool) -> bool {
        let why = if self.is_below_phi(file) && !run.request.include_content {
            undigested::PHI_FOLDER
        } else if self.taken >= content::IN_ALL {
            "size_limit"
        } else {
            return wanted;
        };
        if wanted {
            *self.withheld.entry(why).or_default() += 1;
        }
        false
    }

    fn gaps(&self, run: &mut Run<'_, '_>, search: &Search) -> Result<(), Halt> {
        for (why, count) in &self.missing {
            let (outcome, code, words) = match *why {
                // That a process ends is no fault of the reading.
                "missing" => (
                    Outcome::Collected,
                    ReasonCode::Vanished,
                    "their processes had ended before they were read",
                ),
                why => undigested::meaning_of(why),
            };
            let words = format!("{words}: so many running files have no digest: {count}");
            run.intake.gap(source(), outcome, Reason::new(code, words))?;
        }
        for (why, count) in &self.withheld {
            let (outcome, code, words) = if *why == undigested::PHI_FOLDER {
                (
                    Outcome::Skipped,
                    ReasonCode::PhiContent,
                    "they lay in PHI folders, so that only their digests were taken; --include-content takes their bytes",
                )
            } else {
                (
                    Outcome::Truncated,
                    ReasonCode::SizeLimit,
                    "enough bytes had been taken; only their digests were",
                )
            };
            let words = format!("deleted files and files in memory, {count} of them: {words}");
            run.intake.gap(source(), outcome, Reason::new(code, words))?;
        }
        for (outcome, code, words) in search.shortcomings() {
            run.intake.gap(source(), outcome, Reason::new(code, words))?;
        }
        tell_blinkers(run, &search.blinkers)
    }
}

fn table(run: &mut Run<'_, '_>, rows: &[ExecutableRow]) -> Result<(), Halt> {
    let mut draft = Draft::new(Kind::Listing, source(), run.intake.now());
    draft.title = Some("Files that run, with their digests".into());
    run.intake.begin_member(Member::of_live(ID, "executables.jsonl"), draft)?;
    let mut bytes = Vec::new();
    for row in rows {
        json::row(&mut bytes, row)?;
        if bytes.len() >= PIECE {
            run.intake.write(std::mem::take(&mut bytes))?;
        }
    }
    run.intake.write(bytes)?;
    run.intake.end_member(|_| ()).map(drop)
}
