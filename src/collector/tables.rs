//! What the native collectors of the kernel's tables have in common: raw answers into one member, and rows into
//! others, in pieces, so that no table is ever held in memory as text.

use super::run::Run;
use crate::custody::entry::{Base64, EntryId, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, counted, named};
use crate::custody::rows::kernel::{AnswerRow, Cell, TableRow};
use crate::host::kernel_text::Text;
use crate::host::netlink::{Answer, Ending};
use crate::host::netns::NetworkScan;
use crate::intake::Halt;
use crate::records::attributes::{Row, Value};

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// Bytes of a text that stand in one row of a capture.
const TEXT_PIECE: usize = 64 << 10;

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
        run.intake.begin_member(Member::of_live(collector, name), draft)?;
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

/// A table of which there is a member only if it has a row: its member begins with the first.
pub struct Table {
    collector: &'static str,
    member: String,
    draft: Option<Draft>,
    rows: Option<Rows>,
}

impl Table {
    /// A table that will be `member` of `collector`.
    pub fn new(collector: &'static str, member: String, draft: Draft) -> Table {
        Table { collector, member, draft: Some(draft), rows: None }
    }

    /// Appends a row.
    pub fn row<T: serde::Serialize>(&mut self, run: &mut Run<'_, '_>, row: &T) -> Result<(), Halt> {
        if let Some(draft) = self.draft.take() {
            self.rows = Some(Rows::begin(run, self.collector, &self.member, draft)?);
        }
        self.rows.as_mut().map_or(Ok(()), |rows| rows.row(run, row))
    }

    /// Ends the member, if there is one; gives how many rows there are.
    pub fn end(self, run: &mut Run<'_, '_>, finish: impl FnOnce(&mut Draft)) -> Result<u64, Halt> {
        let Some(rows) = self.rows else { return Ok(0) };
        let count = rows.count;
        rows.end(run, finish)?;
        Ok(count)
    }
}

/// `links.jsonl`, and in further parts `links-000002.jsonl`.
pub fn member_of(part: u32, table: &str) -> String {
    if part > 1 { format!("{table}-{part:06}.jsonl") } else { format!("{table}.jsonl") }
}

/// One question as it was put.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The namespace that was asked.
    pub netns: u64,
    /// What was asked, in words.
    pub question: &'a str,
    /// The number and the body of the request, if it was one over netlink.
    pub request: Option<(u16, &'a [u8])>,
    /// Which round of questions it belongs to, where there are several.
    pub round: Option<u32>,
}

impl<'a> Put<'a> {
    /// A text or other bytes that are no answer over netlink.
    pub fn text(netns: u64, question: &'a str) -> Put<'a> {
        Put { netns, question, request: None, round: None }
    }

    fn row(self, attempt: u32) -> AnswerRow<'a> {
        let Put { netns, question, round, .. } = self;
        AnswerRow {
            answer_b64: None,
            attempt,
            ending: None,
            netns,
            question,
            request_b64: None,
            request_type: None,
            round,
        }
    }

    /// Writes a datagram, or another piece of an answer, as it came.
    pub fn piece(
        self,
        rows: &mut Rows,
        run: &mut Run<'_, '_>,
        attempt: u32,
        bytes: Vec<u8>,
    ) -> Result<(), Halt> {
        rows.row(run, &AnswerRow { answer_b64: Some(Base64(bytes)), ..self.row(attempt) })
    }

    /// Writes how the answer ended, behind its pieces.
    pub fn ended(
        self,
        rows: &mut Rows,
        run: &mut Run<'_, '_>,
        attempts: u32,
        ending: &Ending,
    ) -> Result<(), Halt> {
        let row = AnswerRow {
            ending: Some(word_for(ending)),
            request_b64: self.request.map(|(_, body)| Base64(body.to_vec())),
            request_type: self.request.map(|(kind, _)| kind),
            ..self.row(attempts)
        };
        rows.row(run, &row)
    }
}

/// Writes an answer as it came, and how it ended.
pub fn write_answer(
    rows: &mut Rows,
    run: &mut Run<'_, '_>,
    put: Put<'_>,
    answer: &Answer,
) -> Result<(), Halt> {
    for datagram in &answer.datagrams {
        put.piece(rows, run, answer.attempts, datagram.clone())?;
    }
    put.ended(rows, run, answer.attempts, &answer.ending)
}

/// Writes a text or other bytes in pieces, which put together are the text, and how its reading ended.
pub fn write_bytes(
    rows: &mut Rows,
    run: &mut Run<'_, '_>,
    put: Put<'_>,
    bytes: &[u8],
    ending: &Ending,
) -> Result<(), Halt> {
    for piece in bytes.chunks(TEXT_PIECE) {
        put.piece(rows, run, 1, piece.to_vec())?;
    }
    put.ended(rows, run, 1, ending)
}

/// Writes a text of the kernel's, and whether it is whole.
pub fn write_text(rows: &mut Rows, run: &mut Run<'_, '_>, put: Put<'_>, text: &Text) -> Result<(), Halt> {
    write_bytes(rows, run, put, &text.bytes, &text.ending())
}

/// What is said of a table without a row, where `asked` namespaces answered whole. It is proven to be empty only if those
/// are all that there may be.
pub fn without_rows(scan: &NetworkScan, asked: u64) -> (Outcome, Reason) {
    let namespaces = counted(asked, "network namespace");
    if scan.is_whole() && asked == scan.namespaces.len() as u64 {
        let words = format!("the kernel was asked in {namespaces}, answered in full, and there is none");
        return (Outcome::Empty, Reason::new(ReasonCode::NotFound, words));
    }
    let words = format!("there is none in {namespaces}, but there may be others, which were not asked");
    (Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))
}

/// Tells what the look for namespaces did not see, where there may be more of them.
pub fn tell_unseen(run: &mut Run<'_, '_>, scan: &NetworkScan) -> Result<(), Halt> {
    let source = || Source::text("network namespaces");
    if let Some(first) = scan.unseen.first() {
        let processes = counted(scan.unseen.len() as u64, "process");
        let words = format!(
            "{processes} did not show a network namespace or descriptors, the first is {}: {}",
            first.pid, first.words
        );
        let denied = scan.unseen.iter().all(|unseen| unseen.outcome == Outcome::Denied);
        let (outcome, code) = if denied {
            (Outcome::Denied, ReasonCode::Permission)
        } else {
            (Outcome::Inconclusive, ReasonCode::IoError)
        };
        run.intake.gap(source(), outcome, Reason::new(code, words))?;
    }
    if !scan.left_out.is_empty() {
        let words = format!("not looked at: {}", named(&scan.left_out, 1));
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))?;
    }
    if scan.unlisted() > 0 {
        let sockets = counted(scan.unlisted(), "socket");
        let words = format!(
            "{sockets} that processes hold and no network namespace lists may lie in one that was not found"
        );
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::ViewsDisagree, words))?;
    }
    tell_blinkers(run, &scan.blinkers)
}

/// Tells what keeps /proc from showing every process: one entry of a collector's for each.
pub fn tell_blinkers(run: &mut Run<'_, '_>, blinkers: &[(Outcome, Reason)]) -> Result<(), Halt> {
    for (outcome, reason) in blinkers {
        run.intake.gap(Source::text("all processes"), *outcome, reason.clone())?;
    }
    Ok(())
}

/// The word for how an answer ended.
fn word_for(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Interrupted => "interrupted",
        Ending::Refused(_) => "refused",
        Ending::Overrun => "overrun",
        Ending::TooLong(_) => "too_long",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netns::Unseen;

    #[test]
    fn only_where_every_namespace_was_asked_nothing_is_proven() {
        let mut scan = NetworkScan::default();
        assert_eq!(without_rows(&scan, 0).0, Outcome::Empty);
        assert_eq!(without_rows(&scan, 1).0, Outcome::Inconclusive, "another number than there are");
        scan.left_out.push("network namespace 7 of process 9".into());
        assert_eq!(without_rows(&scan, 0).0, Outcome::Inconclusive);
        scan.left_out.clear();
        scan.unseen.push(Unseen { pid: 9, outcome: Outcome::Denied, words: "permission denied".into() });
        assert_eq!(without_rows(&scan, 0).0, Outcome::Inconclusive);
        assert!(without_rows(&scan, 1).1.words.contains("1 network namespace,"));
        scan.unseen.clear();
        scan.blinkers.push((Outcome::Denied, Reason::new(ReasonCode::Permission, "hidepid")));
        assert_eq!(without_rows(&scan, 0).0, Outcome::Inconclusive, "who is not shown may be elsewhere");
    }

    #[test]
    fn the_first_part_has_no_number() {
        assert_eq!(member_of(1, "links"), "links.jsonl");
        assert_eq!(member_of(2, "links"), "links-000002.jsonl");
    }
}
