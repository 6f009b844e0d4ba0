//! Rows of tables that the kernel answers in attributes: which columns a row has depends on what the kernel had to say,
//! so that a row is a map. And the rows of the raw answers themselves.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::entry::Base64;
use super::text;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Whether it is so.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A number that may be negative.
    Signed(i64),
    /// Text, escaped.
    Text(String),
    /// Bytes.
    Exact(Base64),
    /// Several.
    List(Vec<Cell>),
    /// Columns of its own.
    Row(TableRow),
}

/// A row: columns by name, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TableRow(BTreeMap<String, Cell>);

impl TableRow {
    /// Sets a column.
    pub fn set(&mut self, column: &str, cell: Cell) {
        self.0.insert(column.to_owned(), cell);
    }

    /// Sets a column to a number.
    pub fn number(&mut self, column: &str, number: u64) {
        self.set(column, Cell::Number(number));
    }

    /// Sets a column to an escaped text, and `COLUMN_b64` to the exact bytes where escaping changed anything.
    pub fn name(&mut self, column: &str, bytes: &[u8]) {
        let (escaped, exact) = text(bytes);
        self.set(column, Cell::Text(escaped));
        if let Some(exact) = exact {
            self.set(&format!("{column}_b64"), Cell::Exact(exact));
        }
    }

    /// Sets a column to a list of escaped texts, and `COLUMN_b64` to all of their bytes where escaping changed any.
    pub fn names(&mut self, column: &str, names: &[&[u8]]) {
        let texts: Vec<_> = names.iter().map(|name| text(name)).collect();
        if texts.iter().any(|(_, exact)| exact.is_some()) {
            let exact = names.iter().map(|name| Cell::Exact(Base64(name.to_vec()))).collect();
            self.set(&format!("{column}_b64"), Cell::List(exact));
        }
        self.set(column, Cell::List(texts.into_iter().map(|(text, _)| Cell::Text(text)).collect()));
    }

    /// Sets `COLUMN_b64` to bytes.
    pub fn raw(&mut self, column: &str, bytes: Vec<u8>) {
        self.set(&format!("{column}_b64"), Cell::Exact(Base64(bytes)));
    }
}

/// A part of a raw answer, or how one ended. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerRow<'a> {
    /// A datagram, or another piece of an answer, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_b64: Option<Base64>,
    /// Which attempt it came at, from 1; at the end, how many there were.
    pub attempt: u32,
    /// How the answer ended, in a word; stands in the last row of each question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<&'a str>,
    /// The number of the network namespace that was asked.
    pub netns: u64,
    /// What was asked.
    pub question: &'a str,
    /// The body of the request, behind its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_b64: Option<Base64>,
    /// The number of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_type: Option<u16>,
    /// Asked in the first round, or in the second because something was missing in it; where there are rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::super::super::json;
    use super::*;

    #[test]
    fn keys_are_sorted_and_odd_names_survive() {
        let mut row = TableRow::default();
        row.number("zeta", 1);
        row.name("dev", b"v\n\x1b\xff");
        row.names("names", &[b"a", b"\xff"]);
        row.raw("malformed", vec![1, 2]);
        row.set("inner", Cell::Row(TableRow::default()));
        row.set("signed", Cell::List(vec![Cell::Signed(-1), Cell::Flag(true)]));
        let mut bytes = Vec::new();
        json::row(&mut bytes, &row).unwrap();
        assert_eq!(bytes, json::line(&row).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains(r#""dev_b64":"dgob/w==""#) && text.contains(r#""names_b64":["YQ==","/w=="]"#),
            "{text}"
        );
        assert_eq!(text.matches('\n').count(), 1);
    }

    #[test]
    fn the_keys_of_an_answer_are_sorted() {
        let row = AnswerRow {
            answer_b64: Some(Base64(vec![1])),
            attempt: 1,
            ending: Some("done"),
            netns: 4_026_531_840,
            question: "links",
            request_b64: Some(Base64(vec![])),
            request_type: Some(18),
            round: Some(1),
        };
        json::assert_keys_sorted(&row);
    }
}
