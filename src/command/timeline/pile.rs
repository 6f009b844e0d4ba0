//! Facts on their way from where they stand to where they are printed: filtered, labelled, put into words, sorted.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::Format;
use crate::custody::json;
use crate::custody::rows::timeline::FactRow;
use crate::path::harmless;
use crate::report::rows::Row as _;
use crate::report::table::Table;
use crate::report::{bodyfile, csv, timesketch};
use crate::seal::spill::Sorter;
use crate::term::{Failure, Voice, lost_result};
use crate::view::events::files::FileLine;
use crate::view::events::{Fact, Own, conceal};
use crate::view::timeline::{self, Asked};

/// Bytes of the answer that are written at a time.
const PIECE: usize = 64 << 10;

/// Facts that wait for their order, each as it will be printed.
pub struct Pile {
    format: Format,
    asked: Asked,
    own: Option<Own>,
    known: BTreeSet<Vec<u8>>,
    sorter: Sorter,
    folder: PathBuf,
    row: Vec<u8>,
    told: Told,
    lost: Option<Failure>,
}

/// What became of facts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Printed.
    pub shown: u64,
    /// Not what was asked for.
    pub left: u64,
    /// Of those that are printed, what has a name that may be a password.
    pub concealed: u64,
    /// Lines that stood there twice.
    pub twice: u64,
}

impl Pile {
    /// One for what is asked. Names that are not `known` may be passwords that somebody typed into the wrong field.
    pub fn new(
        format: Format,
        asked: Asked,
        own: Option<Own>,
        known: BTreeSet<Vec<u8>>,
        (sorter, folder): (Sorter, PathBuf),
    ) -> Pile {
        let (row, told) = (Vec::new(), Told::default());
        Pile { format, asked, own, known, sorter, folder, row, told, lost: None }
    }

    /// The next fact, in any order.
    pub fn fact(&mut self, mut fact: Fact) {
        if self.lost.is_some() {
            return;
        }
        if let Some(own) = &self.own {
            own.mark(&mut fact);
        }
        if !self.asked.admits(&fact) {
            self.told.left += 1;
            return;
        }
        let labels = fact.labels.len();
        conceal(&mut fact, &|name| self.known.contains(name));
        self.told.concealed += u64::from(fact.labels.len() > labels);
        if let Some(key) = timeline::key(&fact) {
            self.row.clear();
            let written = self.write(&fact).and_then(|()| self.push(&key));
            self.lost = written.err();
        }
    }

    /// The next file, for a body file.
    pub fn file(&mut self, file: &FileLine) {
        let times = [Some(file.mtime), Some(file.ctime), Some(file.atime), file.btime];
        let within = times.into_iter().flatten().any(|time| {
            self.asked.since.is_none_or(|since| time >= since)
                && self.asked.until.is_none_or(|until| time <= until)
        });
        if !within || !self.asked.has_path(file.path()) {
            self.told.left += 1;
        } else if self.lost.is_none() {
            self.row = bodyfile::line(file).into_bytes();
            self.lost = self.push(file.path()).err();
        }
    }

    /// Whether it is of no use to go on.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Puts a fact into the form that is asked for; of a table, its cells.
    fn write(&mut self, fact: &Fact) -> Result<(), Failure> {
        let row = &mut self.row;
        match self.format {
            Format::Timesketch => row.extend_from_slice(&timesketch::line(fact)?),
            Format::TimesketchCsv => timesketch::cells(fact).iter().for_each(|cells| csv::row(cells, row)),
            Format::Jsonl => timeline::row(fact).iter().try_for_each(|fact| json::row(row, fact))?,
            Format::Csv => timeline::row(fact).iter().for_each(|fact| csv::row(&fact.cells(), row)),
            Format::Table => {
                let cells = timeline::row(fact).map(|row| row.cells()).unwrap_or_default();
                // No newline is left in any of them.
                let cells: Vec<String> = cells.iter().map(|cell| harmless(cell)).collect();
                row.extend_from_slice(cells.join("\n").as_bytes());
            }
            Format::Bodyfile => {}
        }
        Ok(())
    }

    fn push(&mut self, key: &[u8]) -> Result<(), Failure> {
        self.sorter.push(key, &self.row).map_err(|error| cannot_wait(&self.folder, &error))
    }

    /// All are here: prints them in their order.
    pub fn print(mut self, voice: Voice) -> Result<Told, Failure> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        let (mut out, mut last) = (Vec::new(), None);
        let mut table = Table::new(FactRow::COLUMNS);
        match self.format {
            Format::Csv => csv::head(FactRow::COLUMNS, &mut out),
            Format::TimesketchCsv => csv::row(&timesketch::COLUMNS.map(str::to_owned), &mut out),
            _ => {}
        }
        let cannot = |error| cannot_wait(&self.folder, &error);
        for row in self.sorter.finish().map_err(cannot)? {
            let (_, row) = row.map_err(cannot)?;
            if self.format == Format::Bodyfile && last.as_ref() == Some(&row) {
                // A file that was copied stands in a listing too.
                self.told.twice += 1;
                continue;
            }
            self.told.shown += 1;
            match self.format {
                Format::Table => table.row(cells(&row), &mut out),
                _ => out.extend_from_slice(&row),
            }
            if self.format == Format::Bodyfile {
                last = Some(row);
            }
            if out.len() >= PIECE {
                voice.bytes(&out);
                out.clear();
                if lost_result().is_some() {
                    break;
                }
            }
        }
        table.end(&mut out);
        voice.bytes(&out);
        Ok(self.told)
    }
}

fn cells(row: &[u8]) -> Vec<String> {
    row.split(|byte| *byte == b'\n').map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

fn cannot_wait(folder: &std::path::Path, error: &io::Error) -> Failure {
    Failure::new(format!("what is sorted cannot wait in {}: {error}", folder.display()))
        .hint("name a folder with room and write access with --temp DIR; what is written there is encrypted")
}
