//! Processes as they come in: their rows of the capture go on at once, their rows of the tables are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kept::Kept;
use super::take::{Taken, take};
use super::wanted::Wanted;
use super::{ID, PIECE, source};
use crate::clock::boottime_ns;
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind};
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::custody::rows::process::ProcessRow;
use crate::host::Trouble;
use crate::intake::Halt;

/// Bytes of one member of the capture, about.
const MEMBER: usize = 32 << 20;

/// Bytes of descriptors' rows that are kept before they become a member.
const DESCRIPTORS: usize = 8 << 20;

/// Everything about processes, as far as it has come.
pub struct Gathering {
    /// The table's rows.
    pub rows: Kept,
    /// Threads of processes with more than one.
    pub threads: Vec<u32>,
    /// The entries of the capture.
    pub captures: Vec<EntryId>,
    /// Who did not answer.
    pub hung: Vec<u32>,
    /// Processes that did not let something be read, by what.
    pub refused: BTreeMap<&'static str, u64>,
    /// How many processes that were.
    pub refusing: BTreeSet<u32>,
    /// The same for other errors.
    pub failed: BTreeMap<&'static str, u64>,
    /// And for what is longer than what is taken, by file and process.
    pub cut: Vec<(&'static str, u32)>,
    /// Processes whose folder a mount covers or hides, so that they could not be read: by number, and whether it does
    /// not open at all.
    pub hidden: BTreeMap<u32, bool>,
    /// Processes that could not be read at all.
    pub unread: Vec<(u32, String)>,
    /// Descriptors in all.
    pub descriptors: u64,
    parts: u32,
    open: bool,
    in_member: usize,
    waiting: Vec<u8>,
    descriptor_rows: Vec<u8>,
    descriptor_parts: u32,
}

impl Gathering {
    /// Nothing yet.
    pub fn new() -> Gathering {
        Gathering {
            rows: Kept::default(),
            threads: Vec::new(),
            captures: Vec::new(),
            hung: Vec::new(),
            refused: BTreeMap::new(),
            refusing: BTreeSet::new(),
            failed: BTreeMap::new(),
            cut: Vec::new(),
            hidden: BTreeMap::new(),
            unread: Vec::new(),
            descriptors: 0,
            parts: 0,
            open: false,
            in_member: 0,
            waiting: Vec::new(),
            descriptor_rows: Vec::new(),
            descriptor_parts: 0,
        }
    }

    /// Reads these processes.
    pub fn round(&mut self, run: &mut Run<'_, '_>, pids: Vec<u32>, wanted: &Wanted) -> Result<(), Halt> {
        if pids.is_empty() {
            return Ok(());
        }
        let (wanted, memory) = (Arc::new(wanted.clone()), wanted.memory);
        let host = run.host;
        host.each_process(
            pids,
            move |process| take(process, &wanted),
            |pid, outcome| match outcome {
                Ok(taken) => self.keep(run, taken),
                Err(trouble) => {
                    self.trouble(pid, &trouble, memory)?;
                    if self.open { run.intake.check_within_member() } else { run.intake.check() }
                }
            },
        )
    }

    fn trouble(&mut self, pid: u32, trouble: &Trouble, memory: bool) -> Result<(), Halt> {
        match trouble {
            Trouble::Vanished(_) => {
                let row = ProcessRow { pid, vanished: true, ..ProcessRow::default() };
                self.rows.push(&row)?;
            }
            // It runs on, and what /proc shows in its place is not taken for it.
            Trouble::Covered(_) | Trouble::Hidden(_) => {
                let unread = BTreeMap::from([("stat", trouble.to_string())]);
                let row =
                    ProcessRow { pid, taken_boottime_ns: boottime_ns(), unread, ..ProcessRow::default() };
                self.rows.push(&row)?;
                self.hidden.insert(pid, matches!(trouble, Trouble::Hidden(_)));
            }
            // There will be a row once it is asked for less.
            Trouble::Hung(..) if memory => self.hung.push(pid),
            trouble => {
                let unread = BTreeMap::from([("stat", trouble.to_string())]);
                self.rows.push(&ProcessRow { pid, unread, ..ProcessRow::default() })?;
                self.unread.push((pid, trouble.to_string()));
            }
        }
        Ok(())
    }

    fn keep(&mut self, run: &mut Run<'_, '_>, taken: Taken) -> Result<(), Halt> {
        let pid = taken.row.pid;
        for name in &taken.refused {
            *self.refused.entry(name).or_default() += 1;
            self.refusing.insert(pid);
        }
        for name in taken.failed {
            *self.failed.entry(name).or_default() += 1;
        }
        self.cut.extend(taken.cut.into_iter().map(|name| (name, pid)));
        self.threads.extend(taken.threads);
        self.descriptors += taken.row.descriptors.unwrap_or(0);
        self.rows.push(&taken.row)?;
        if !self.open {
            self.begin_capture(run)?;
        }
        self.in_member += taken.raw.len();
        self.waiting.extend_from_slice(&taken.raw);
        if self.waiting.len() >= PIECE {
            run.intake.write(std::mem::take(&mut self.waiting))?;
        }
        self.descriptor_rows.extend_from_slice(&taken.descriptors);
        if self.in_member >= MEMBER {
            self.end_capture(run)?;
        }
        if self.descriptor_rows.len() >= DESCRIPTORS {
            self.end_capture(run)?;
            self.end_descriptors(run)?;
        }
        Ok(())
    }

    fn begin_capture(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        self.parts += 1;
        let mut draft = Draft::new(Kind::Capture, source(), run.intake.now());
        draft.title = Some("Files and links of each process, as they came".into());
        let name = format!("raw-{:06}.jsonl", self.parts);
        run.intake.begin_member(Member::of_live(ID, &name), draft)?;
        self.open = true;
        Ok(())
    }

    /// Ends the member of the capture that is open, if one is.
    pub fn end_capture(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if self.open {
            run.intake.write(std::mem::take(&mut self.waiting))?;
            self.captures.push(run.intake.end_member(|_| ())?);
            (self.open, self.in_member) = (false, 0);
        }
        Ok(())
    }

    /// Seals the descriptors that have come since the last time; the first time also if there are none.
    pub fn end_descriptors(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if self.descriptor_rows.is_empty() && self.descriptor_parts > 0 {
            return Ok(());
        }
        self.descriptor_parts += 1;
        let name = match self.descriptor_parts {
            1 => "descriptors.jsonl".to_owned(),
            part => format!("descriptors-{part:06}.jsonl"),
        };
        let mut draft = Draft::new(Kind::Derived, source(), run.intake.now());
        draft.title = Some("Table of open descriptors".into());
        draft.derived_from.clone_from(&self.captures);
        run.intake.begin_member(Member::of_live(ID, &name), draft)?;
        let rows = std::mem::take(&mut self.descriptor_rows);
        for piece in rows.chunks(PIECE) {
            run.intake.write(piece.to_vec())?;
        }
        run.intake.end_member(|_| ()).map(drop)
    }
}
