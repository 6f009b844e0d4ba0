//! Rows of the table until it can be written: who is whose parent, and who is hidden, is known at the end only.
//!
//! A hostile host has 30,000 processes, or a million. A row takes some kilobytes in memory, and less than two hundred bytes
//! as compressed text, for rows are much alike.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;

use super::ANCESTORS;
use crate::custody::json;
use crate::custody::rows::process::{FindingRow, Parent, ProcessRow};
use crate::intake::Halt;

/// Bytes of text that are compressed together.
const BLOCK: usize = 128 << 10;

/// Blocks that are kept as text while the table is written. Rows of later rounds lie far behind those of the first, and
/// stand between them in the table.
const OPEN: usize = 6;

/// Rows, in the order in which they came.
#[derive(Default)]
pub struct Kept {
    /// What is asked of rows before they are written.
    pub briefs: Vec<Brief>,
    blocks: Vec<Vec<u8>>,
    filling: Vec<u8>,
    open: VecDeque<(usize, Vec<u8>)>,
}

/// What is asked of a row before it is written.
#[derive(Clone, Debug, Default)]
pub struct Brief {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: Option<u32>,
    /// Its process group.
    pub group: Option<u32>,
    /// Its session.
    pub session: Option<u32>,
    /// Who traces it.
    pub tracer: Option<u32>,
    /// Its threads.
    pub threads: u64,
    /// It runs in the kernel.
    pub kernel_thread: bool,
    /// It has ended.
    pub vanished: bool,
    comm: Option<Box<str>>,
    block: usize,
    from: usize,
    to: usize,
}

/// What a row gains when all are known. Keys are sorted.
#[derive(Serialize)]
struct More {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parents: Vec<Parent>,
}

impl Kept {
    /// Keeps a row.
    pub fn push(&mut self, row: &ProcessRow) -> Result<(), Halt> {
        let from = self.filling.len();
        json::row(&mut self.filling, row)?;
        let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        self.briefs.push(Brief {
            pid: row.pid,
            parent: number(row.ppid),
            group: number(row.pgrp),
            session: number(row.session),
            tracer: row.tracer.and_then(|tracer| u32::try_from(tracer).ok()),
            threads: row.threads.unwrap_or(0),
            kernel_thread: row.kernel_thread,
            vanished: row.vanished,
            comm: row.comm.as_deref().map(Into::into),
            block: self.blocks.len(),
            from,
            to: self.filling.len(),
        });
        if self.filling.len() >= BLOCK {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&self.filling).map_err(not_kept)?;
            let mut block = encoder.finish().map_err(not_kept)?;
            block.shrink_to_fit();
            self.blocks.push(block);
            self.filling.clear();
        }
        Ok(())
    }

    /// Hands every row to `each` as text, by number, with its ancestors and what `findings` say of it.
    pub fn write(
        &mut self,
        findings: &[FindingRow],
        mut each: impl FnMut(Vec<u8>) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let mut order: Vec<u32> = (0..).take(self.briefs.len()).collect();
        order.sort_by_key(|at| self.briefs.get(*at as usize).map(|brief| brief.pid));
        // Of two rows of one number the last counts, as a parent.
        let by_pid: BTreeMap<u32, u32> =
            self.briefs.iter().zip(0..).map(|(brief, at)| (brief.pid, at)).collect();
        for at in order {
            let Some(brief) = self.briefs.get(at as usize).cloned() else { continue };
            let of_it = findings.iter().filter(|finding| finding.pid == brief.pid && !brief.vanished);
            let flags = of_it.map(|finding| finding.finding).collect();
            let more = More { flags, parents: self.ancestors(&brief, &by_pid) };
            let text = self.text(brief.block)?;
            let written = text.get(brief.from..brief.to).unwrap_or_default();
            let mut row = Vec::with_capacity(written.len() + 256);
            json::row_with(&mut row, written, &more)?;
            each(row)?;
        }
        Ok(())
    }

    fn ancestors(&self, of: &Brief, by_pid: &BTreeMap<u32, u32>) -> Vec<Parent> {
        let mut parents: Vec<Parent> = Vec::new();
        let mut at = of.parent.unwrap_or(0);
        while at != 0 && parents.len() < ANCESTORS && parents.iter().all(|parent| parent.pid != at) {
            let brief = by_pid.get(&at).and_then(|at| self.briefs.get(*at as usize));
            let comm = brief.and_then(|brief| brief.comm.as_deref()).map(str::to_owned);
            parents.push(Parent { comm, pid: at });
            at = brief.and_then(|brief| brief.parent).unwrap_or(0);
        }
        parents
    }

    /// The text of a block; those that were asked for last are at hand.
    fn text(&mut self, number: usize) -> Result<&[u8], Halt> {
        let Some(block) = self.blocks.get(number) else { return Ok(&self.filling) };
        let known = self.open.iter().position(|(open, _)| *open == number);
        let found = match known.and_then(|at| self.open.remove(at)) {
            Some(found) => found,
            None => {
                let mut text = Vec::with_capacity(BLOCK + (BLOCK >> 2));
                DeflateDecoder::new(block.as_slice()).read_to_end(&mut text).map_err(not_kept)?;
                self.open.truncate(OPEN - 1);
                (number, text)
            }
        };
        self.open.push_front(found);
        Ok(self.open.front().map(|(_, text)| text.as_slice()).unwrap_or_default())
    }
}

/// Memory does not fail so; nothing may be lost silently all the same.
fn not_kept(error: io::Error) -> Halt {
    Halt::from(json::JsonError::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_back_in_order_with_what_became_known_later() {
        let mut kept = Kept::default();
        let row = |pid: u32, ppid: i32| ProcessRow {
            pid,
            ppid: Some(ppid),
            comm: Some(format!("c{pid}")),
            command: Some("x".repeat(500)),
            flags: vec!["traced"],
            vanished: pid == 3,
            ..ProcessRow::default()
        };
        // A second round comes behind the first and stands between its rows.
        let pids = (1..=3000).step_by(2).chain((2..=3000).step_by(2));
        for pid in pids {
            kept.push(&row(pid, i32::try_from(pid / 2).unwrap())).unwrap();
        }
        assert!(kept.blocks.len() > 5 && kept.blocks.iter().all(|block| block.len() < BLOCK / 5));
        let finding =
            |pid| FindingRow { finding: "covered", pid, reachable: true, seen_in: vec!["opening".into()] };
        let mut rows = Vec::new();
        let each = |text| {
            rows.push(text);
            Ok(())
        };
        kept.write(&[finding(3), finding(6)], each).unwrap();
        assert_eq!(rows.len(), 3000);
        for (text, pid) in rows.iter().zip(1..) {
            let mut wanted = row(pid, i32::try_from(pid / 2).unwrap());
            if pid == 6 {
                wanted.flags.push("covered");
            }
            let mut above = pid / 2;
            while above != 0 {
                wanted.parents.push(Parent { comm: Some(format!("c{above}")), pid: above });
                above /= 2;
            }
            let mut exact = Vec::new();
            json::row(&mut exact, &wanted).unwrap();
            assert_eq!(String::from_utf8_lossy(text), String::from_utf8_lossy(&exact));
        }
    }
}
