//! What the native collectors of the kernel's tables have in common: raw answers into one member, and rows into
//! others, in pieces, so that no table is ever held in memory as text.

use super::run::Run;
use crate::custody::entry::{Base64, EntryId};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::custody::rows::kernel::{AnswerRow, Cell, TableRow};
use crate::host::netlink::{Answer, Ending};
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// A member that is being written row by row.
#[derive(Default)]
pub struct Rows {
    piece: Vec<u8>,
    /// How many rows there are.
    pub count: u64,
}

impl Rows {
    /// Begins a member of `collector`.
    pub fn begin(run: &mut Run<'_, '_>, collector: &str, name: &str, draft: Draft) -> Result<Rows, Halt> {
        let modified = draft.taken.utc;
        run.intake.begin_member(Member::of_live(collector, name), draft, modified)?;
        Ok(Rows::default())
    }

    /// Appends a row.
    pub fn row<T: serde::Serialize>(&mut self, run: &mut Run<'_, '_>, row: &T) -> Result<(), Halt> {
        json::row(&mut self.piece, row)?;
        self.count += 1;
        if self.piece.len() >= PIECE {
            run.intake.write(std::mem::take(&mut self.piece))?;
        }
        Ok(())
    }

    /// Ends the member.
    pub fn end(self, run: &mut Run<'_, '_>, finish: impl FnOnce(&mut Draft)) -> Result<EntryId, Halt> {
        run.intake.write(self.piece)?;
        run.intake.end_member(finish)
    }
}

/// One question as it was put.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The namespace that was asked.
    pub netns: u64,
    /// What was asked, in words.
    pub question: &'a str,
    /// The number of the request.
    pub kind: u16,
    /// Its body.
    pub body: &'a [u8],
}

/// Writes an answer as it came, and how it ended.
pub fn write_answer(
    rows: &mut Rows,
    run: &mut Run<'_, '_>,
    put: Put<'_>,
    answer: &Answer,
) -> Result<(), Halt> {
    for datagram in &answer.datagrams {
        let row = AnswerRow {
            answer_b64: Some(Base64(datagram.clone())),
            attempt: answer.attempts,
            ending: None,
            netns: put.netns,
            question: put.question,
            request_b64: None,
            request_type: None,
        };
        rows.row(run, &row)?;
    }
    let row = AnswerRow {
        answer_b64: None,
        attempt: answer.attempts,
        ending: Some(ending(&answer.ending)),
        netns: put.netns,
        question: put.question,
        request_b64: Some(Base64(put.body.to_vec())),
        request_type: Some(put.kind),
    };
    rows.row(run, &row)
}

/// Writes a text or other bytes that were read whole.
pub fn write_bytes(
    rows: &mut Rows,
    run: &mut Run<'_, '_>,
    netns: u64,
    question: &str,
    bytes: &[u8],
) -> Result<(), Halt> {
    let row = AnswerRow {
        answer_b64: Some(Base64(bytes.to_vec())),
        attempt: 1,
        ending: Some("done"),
        netns,
        question,
        request_b64: None,
        request_type: None,
    };
    rows.row(run, &row)
}

/// The word for how an answer ended.
fn ending(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Interrupted => "interrupted",
        Ending::Refused(_) => "refused",
        Ending::Overrun => "overrun",
        Ending::TooLong => "too_long",
        Ending::Silent => "silent",
        Ending::Malformed => "malformed",
    }
}

/// A record as a row of a table: names escaped, bytes as `COLUMN_b64`.
pub fn table_row(row: Row) -> TableRow {
    let mut cells = TableRow::default();
    for (column, value) in row.0 {
        match value {
            Value::Name(name) => cells.name(&column, &name),
            Value::Raw(bytes) => cells.raw(&column, bytes),
            Value::List(values) if values.iter().any(|value| matches!(value, Value::Name(_))) => {
                let names: Vec<&[u8]> = values.iter().filter_map(name_of).collect();
                cells.names(&column, &names);
            }
            // By the number of its attribute: there is no name that an ending could be put to.
            Value::Row(other) if column == "other" => cells.set(&column, Cell::Row(unnamed(other))),
            other => cells.set(&column, cell(other)),
        }
    }
    cells
}

fn name_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Name(name) => Some(name),
        _ => None,
    }
}

fn unnamed(row: Row) -> TableRow {
    let mut cells = TableRow::default();
    for (number, value) in row.0 {
        cells.set(&number, cell(value));
    }
    cells
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Flag(flag) => Cell::Flag(flag),
        Value::Number(number) => Cell::Number(number),
        Value::Signed(number) => Cell::Signed(number),
        Value::Word(word) => Cell::Text(word),
        Value::Name(name) => Cell::Text(crate::path::shown(&name)),
        Value::Raw(bytes) => Cell::Exact(Base64(bytes)),
        Value::List(values) => Cell::List(values.into_iter().map(cell).collect()),
        Value::Row(row) => Cell::Row(table_row(row)),
    }
}
