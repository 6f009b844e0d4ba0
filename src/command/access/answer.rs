//! The answer while it is printed.

use std::panic::resume_unwind;
use std::sync::mpsc::{SendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Format;
use crate::custody::rows::access::AccessRow;
use crate::path::HostPath;
use crate::report::accesses::siem;
use crate::report::rows::{Form, Printer, Row};
use crate::report::siem::{Naming, ecs, syslog};
use crate::term::{Failure, Voice};

/// Bytes of the answer that are written at a time.
const PIECE: usize = 64 << 10;
/// Rows that are handed on together, and how many times so many may wait to be printed: some 2 MiB.
const TOGETHER: usize = 64;
const WAITING: usize = 16;

/// How rows are printed.
enum Way {
    Rows(Option<Printer>, Form),
    Syslog(Naming),
    Ecs(Naming),
}

pub struct Answer {
    way: Way,
    out: Vec<u8>,
    voice: Voice,
    lost: Option<Failure>,
    /// Rows are of accesses: of none of them CSV still has its head.
    end: fn(Printer, &mut Vec<u8>),
}

impl Answer {
    pub fn new(format: Format, paths: bool, roots: &[HostPath], voice: Voice) -> Answer {
        let naming = || Naming::new(paths, roots.to_vec());
        let way = match format {
            Format::Table => Way::Rows(None, Form::Table),
            Format::Csv => Way::Rows(None, Form::Csv),
            Format::Jsonl => Way::Rows(None, Form::Jsonl),
            Format::Syslog => Way::Syslog(naming()),
            Format::Ecs => Way::Ecs(naming()),
        };
        Answer { way, out: Vec::new(), voice, lost: None, end: Printer::end::<AccessRow> }
    }

    /// The accesses that are found, printed on another processor, where there is one, while more are looked for. What is
    /// printed is the same.
    pub fn rows<T>(&mut self, find: impl FnOnce(&mut dyn FnMut(AccessRow)) -> T) -> T {
        let answer = Mutex::new(self);
        let print = &|rows: Vec<AccessRow>| {
            let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
            rows.iter().for_each(|row| answer.row(row));
        };
        thread::scope(|scope| {
            let (full, waiting) = sync_channel(WAITING);
            let printer = thread::Builder::new()
                .name("rows".into())
                .spawn_scoped(scope, move || waiting.into_iter().for_each(print));
            // Nobody takes them if there could be no other thread.
            let hand = |rows| full.send(rows).unwrap_or_else(|SendError(rows)| print(rows));
            let mut rows = Vec::new();
            let found = find(&mut |row| {
                rows.push(row);
                if rows.len() >= TOGETHER {
                    hand(std::mem::take(&mut rows));
                }
            });
            hand(rows);
            drop(full);
            if let Ok(printer) = printer {
                printer.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
            found
        })
    }

    /// An access.
    fn row(&mut self, row: &AccessRow) {
        let written = match &mut self.way {
            Way::Rows(..) => return self.summary(row),
            Way::Syslog(naming) => {
                self.out.extend_from_slice(syslog::line(&siem(row, naming), &row.node).as_bytes());
                Ok(())
            }
            Way::Ecs(naming) => {
                ecs::line(&siem(row, naming), &row.node).map(|line| self.out.extend_from_slice(&line))
            }
        };
        self.lost = self.lost.take().or(written.err().map(Failure::from));
        self.flush();
    }

    /// A row of whatever type, all of them of the same.
    pub fn summary<R: Row>(&mut self, row: &R) {
        if let Way::Rows(printer, form) = &mut self.way {
            self.end = Printer::end::<R>;
            let printer = printer.get_or_insert_with(|| Printer::new(*form, R::COLUMNS));
            let printed = printer.row(row, &mut self.out);
            self.lost = self.lost.take().or(printed.err().map(Failure::from));
        }
        self.flush();
    }

    fn flush(&mut self) {
        if self.out.len() >= PIECE {
            self.voice.bytes(&self.out);
            self.out.clear();
        }
    }

    /// All is found.
    pub fn end(mut self) -> Result<(), Failure> {
        match self.way {
            Way::Rows(printer, form) => {
                let printer = printer.unwrap_or_else(|| Printer::new(form, AccessRow::COLUMNS));
                (self.end)(printer, &mut self.out);
            }
            Way::Syslog(naming) | Way::Ecs(naming) if naming.unnumbered > 0 => self.voice.warn(format!(
                "{} namings of files are phi-000000: there are more files than get numbers",
                naming.unnumbered
            )),
            Way::Syslog(_) | Way::Ecs(_) => {}
        }
        self.voice.bytes(&self.out);
        self.lost.map_or(Ok(()), Err)
    }
}
