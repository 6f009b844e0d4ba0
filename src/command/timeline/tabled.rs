//! From when to when the files speak whose records stand in a bundle's table of login records, each by itself. What the table
//! has of lastlog, faillock and their like tells of the last time alone: they are no logs, and count for nothing here.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::coverage::{Read, Span};
use crate::clock::Timestamp;
use crate::command::evidence::Log;
use crate::custody::entry::EntryId;
use crate::custody::json;
use crate::view::events::files::LONGEST_ROW;

/// What a row says of where it comes from, and of when.
#[derive(Deserialize)]
struct Origin {
    entry: Option<EntryId>,
    time: Option<Timestamp>,
}

/// What the table has of one file.
#[derive(Clone, Copy, Debug, Default)]
struct OfFile {
    records: u64,
    span: Option<Span>,
}

/// The files that have rows in the table, by the entries that hold them.
#[derive(Debug, Default)]
pub struct Tabled(BTreeMap<EntryId, OfFile>);

impl Tabled {
    /// The next row. One that cannot be read is counted where its facts are.
    pub fn row(&mut self, row: &[u8]) {
        let Ok(Origin { entry: Some(entry), time }) = json::read::<Origin>(row, LONGEST_ROW) else { return };
        let file = self.0.entry(entry).or_default();
        file.records += 1;
        let Some(time) = time else { return };
        let (first, last) = file.span.unwrap_or((time, time));
        file.span = Some((first.min(time), last.max(time)));
    }

    /// Whether it has rows of this file.
    pub fn has(&self, log: &Log) -> bool {
        self.file(log).is_some()
    }

    /// What was read of a file by way of the table.
    pub fn read(&self, log: &Log) -> Read {
        let OfFile { records, span } = self.file(log).unwrap_or_default();
        Read { records, span, ..Read::of(log, "record") }
    }

    fn file(&self, log: &Log) -> Option<OfFile> {
        self.0.get(&log.entry?).copied()
    }
}
