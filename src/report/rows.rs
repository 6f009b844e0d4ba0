//! Rows of an answer in the forms that all answers have: a table for people, CSV, and JSON Lines.

use serde::Serialize;

use super::csv;
use super::table::Table;
use crate::custody::json::{self, JsonError};

/// A column of a table, and of CSV.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, as CSV has it: `snake_case`.
    pub name: &'static str,
    /// How wide it is in a table at most, in characters; what is longer is not cut, and pushes the rest of its line.
    pub width: usize,
}

/// A row of an answer. As JSON it is written as it is declared, with its keys sorted.
pub trait Row: Serialize {
    /// The columns.
    const COLUMNS: &'static [Column];

    /// A cell for each column, escaped already where it holds a stranger's words ([`crate::path::shown`]).
    fn cells(&self) -> Vec<String>;
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// RFC 4180, safe to open in a spreadsheet.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Prints rows of one type.
pub enum Printer {
    /// As a table.
    Table(Table),
    /// As CSV; whether its head is written.
    Csv(bool),
    /// As JSON Lines.
    Jsonl,
}

impl Printer {
    /// One for rows of these columns.
    pub fn new(form: Form, columns: &'static [Column]) -> Printer {
        match form {
            Form::Table => Printer::Table(Table::new(columns)),
            Form::Csv => Printer::Csv(false),
            Form::Jsonl => Printer::Jsonl,
        }
    }

    /// Prints a row to the end of `out`.
    pub fn row<R: Row>(&mut self, row: &R, out: &mut Vec<u8>) -> Result<(), JsonError> {
        match self {
            Printer::Table(table) => table.row(row.cells(), out),
            Printer::Csv(begun) => {
                if !std::mem::replace(begun, true) {
                    csv::head(R::COLUMNS, out);
                }
                csv::row(&row.cells(), out);
            }
            Printer::Jsonl => return json::row(out, row),
        }
        Ok(())
    }

    /// There are no more. Of no rows at all, CSV still has its head.
    pub fn end<R: Row>(self, out: &mut Vec<u8>) {
        match self {
            Printer::Table(table) => table.end(out),
            Printer::Csv(false) => csv::head(R::COLUMNS, out),
            Printer::Csv(true) | Printer::Jsonl => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        name: String,
        size: u64,
    }

    impl Row for Sample {
        const COLUMNS: &'static [Column] =
            &[Column { name: "name", width: 6 }, Column { name: "size", width: 4 }];

        fn cells(&self) -> Vec<String> {
            vec![self.name.clone(), self.size.to_string()]
        }
    }

    fn printed(form: Form, rows: &[(&str, u64)]) -> String {
        let (mut printer, mut out) = (Printer::new(form, Sample::COLUMNS), Vec::new());
        for (name, size) in rows {
            printer.row(&Sample { name: (*name).into(), size: *size }, &mut out).unwrap();
        }
        printer.end::<Sample>(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_rows_in_every_form() {
        let rows = [("a", 1), ("=b", 22)];
        assert_eq!(printed(Form::Csv, &rows), "name,size\r\na,1\r\n'=b,22\r\n");
        assert_eq!(
            printed(Form::Jsonl, &rows),
            "{\"name\":\"a\",\"size\":1}\n{\"name\":\"=b\",\"size\":22}\n"
        );
        assert_eq!(printed(Form::Table, &rows), "NAME  SIZE\na     1\n=b    22\n");
        assert_eq!(printed(Form::Csv, &[]), "name,size\r\n");
        assert_eq!(printed(Form::Table, &[]), "");
        assert_eq!(printed(Form::Jsonl, &[]), "");
    }
}
