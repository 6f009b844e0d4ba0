//! CSV after RFC 4180, with the head line. A cell that a spreadsheet would take for a formula gets an apostrophe before it
//! (OWASP, "CSV Injection"): whoever names a file or logs in as a user could otherwise have a command run where it is opened.

use super::rows::Column;
use crate::path::harmless;

/// What a formula begins with in one of the usual spreadsheets; the wide ones are taken for the narrow ones by some.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// The names of the columns.
pub fn head(columns: &[Column], out: &mut Vec<u8>) {
    let names: Vec<String> = columns.iter().map(|column| column.name.to_owned()).collect();
    row(&names, out);
}

/// One row.
pub fn row(cells: &[String], out: &mut Vec<u8>) {
    for (cell, number) in cells.iter().zip(0..) {
        if number > 0 {
            out.push(b',');
        }
        self::cell(cell, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// A number is what it is, below zero too; everything else that could be a formula is not one any more.
fn cell(text: &str, out: &mut Vec<u8>) {
    let is_formula = text.starts_with(FORMULA) && text.parse::<i64>().is_err();
    let text = harmless(text);
    let guard = if is_formula { "'" } else { "" };
    // Some also begin a cell at a semicolon, whatever the file is.
    if text.contains([',', '"', ';', ' ']) || text.is_empty() && guard.is_empty() {
        let doubled = text.replace('"', "\"\"");
        out.extend_from_slice(format!("\"{guard}{doubled}\"").as_bytes());
    } else {
        out.extend_from_slice(format!("{guard}{text}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut out = Vec::new();
        row(&cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_and_commas_are_kept_as_the_standard_says() {
        assert_eq!(written(&["a", "b,c", "say \"x\"", "", "d"]), "a,\"b,c\",\"say \"\"x\"\"\",\"\",d\r\n");
        assert_eq!(written(&["two\r\nlines"]), "two\\u{d}\\u{a}lines\r\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(
            written(&["=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)"]),
            "\"'=cmd|' /C calc'!A0\",'+1+1,'@SUM(A1)\r\n"
        );
        assert_eq!(written(&["-2+3", "\t=1", "\r=1", "＝1"]), "'-2+3,'\\u{9}=1,'\\u{d}=1,'＝1\r\n");
        assert_eq!(written(&["-1", "4294967295", "a=1"]), "-1,4294967295,a=1\r\n");
    }
}
