//! Plain tables for a terminal: no colours, no lines drawn, columns two blanks apart. Widths follow from the first rows, so
//! that a long answer is printed as it is found, in memory that does not grow with it.

use super::rows::Column;
use crate::clock::Timestamp;
use crate::path::harmless;

/// Rows that are looked at before the first is printed.
const LOOKED_AT: usize = 200;

/// A table that is being printed.
pub struct Table {
    columns: &'static [Column],
    /// Rows that wait for the widths.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    /// A table of these columns.
    pub fn new(columns: &'static [Column]) -> Table {
        Table { columns, waiting: Vec::new(), widths: None }
    }

    /// A row.
    pub fn row(&mut self, cells: Vec<String>, out: &mut Vec<u8>) {
        let cells: Vec<String> = cells.iter().map(|cell| harmless(shorter(cell).as_str())).collect();
        match &self.widths {
            Some(widths) => line(&cells, widths, out),
            None => {
                self.waiting.push(cells);
                if self.waiting.len() >= LOOKED_AT {
                    self.begin(out);
                }
            }
        }
    }

    /// There are no more. Of no rows, there is no table.
    pub fn end(mut self, out: &mut Vec<u8>) {
        if !self.waiting.is_empty() {
            self.begin(out);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        let waiting = std::mem::take(&mut self.waiting);
        let names: Vec<String> =
            self.columns.iter().map(|column| column.name.replace('_', " ").to_uppercase()).collect();
        let width = |(column, number): (&Column, usize)| {
            let cells = waiting.iter().filter_map(|row| row.get(number));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let name = names.get(number).map_or(0, |name| name.chars().count());
            longest.min(column.width).max(name)
        };
        let widths: Vec<usize> = self.columns.iter().zip(0..).map(width).collect();
        line(&names, &widths, out);
        waiting.iter().for_each(|cells| line(cells, &widths, out));
        self.widths = Some(widths);
    }
}

/// A time of whole seconds, or milliseconds as audit logs have them, without the zeros behind.
fn shorter(cell: &str) -> String {
    let cut = cell.strip_suffix("000000Z").filter(|_| Timestamp::parse(cell).is_ok());
    cut.map_or_else(|| cell.to_owned(), |cut| format!("{}Z", cut.strip_suffix(".000").unwrap_or(cut)))
}

/// A line without blanks at its end. A cell that is wider than its column is kept whole.
fn line(cells: &[String], widths: &[usize], out: &mut Vec<u8>) {
    let mut text = String::new();
    let mut column_at = 0;
    let mut at = 0;
    for (cell, width) in cells.iter().zip(widths) {
        let blanks = usize::max(column_at, at) - at;
        text.extend(std::iter::repeat_n(' ', blanks));
        text.push_str(cell);
        text.push_str("  ");
        at += blanks + cell.chars().count() + 2;
        column_at += width + 2;
    }
    out.extend_from_slice(text.trim_end().as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { name: "time", width: 8 },
        Column { name: "user_name", width: 4 },
        Column { name: "path", width: 20 },
    ];

    fn printed(rows: &[[&str; 3]]) -> String {
        let (mut table, mut out) = (Table::new(COLUMNS), Vec::new());
        for row in rows {
            table.row(row.iter().map(|cell| (*cell).to_owned()).collect(), &mut out);
        }
        table.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_wider_than_its_column_is_whole_and_the_next_catch_up() {
        let text = printed(&[["1", "a", "/x"], ["20:19:48.123", "b", "/y"], ["2", "c", ""]]);
        assert_eq!(
            text,
            "TIME      USER NAME  PATH\n1         a          /x\n20:19:48.123  b      /y\n2         c\n"
        );
    }

    #[test]
    fn times_are_as_long_as_they_are_exact() {
        let text = printed(&[
            ["2026-11-23T02:33:43.374000000Z", "", "a"],
            ["2026-11-23T02:33:43.374000001Z", "", "000000Z"],
            ["2026-11-23T02:33:44.000000000Z", "", "b"],
        ]);
        assert!(text.contains("\n2026-11-23T02:33:44Z  "), "{text}");
        assert!(text.contains("\n2026-11-23T02:33:43.374Z  "), "{text}");
        assert!(
            text.contains("\n2026-11-23T02:33:43.374000001Z  ") && text.contains("  000000Z\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_acts_on_a_terminal_and_a_long_table_goes_on() {
        assert!(printed(&[["\x1b[2J", "\u{202e}a", "/x\n"]]).contains("\\u{1b}[2J"));
        let many = [["1", "a", "/x"]; 1000];
        let text = printed(&many);
        assert_eq!(text.lines().count(), 1001);
        assert!(text.lines().skip(1).all(|line| line == "1     a          /x"));
    }
}
