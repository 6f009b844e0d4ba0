//! Rows of sealed tables, read without knowing their type, and sentences with their columns in them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text, escaped already where the host chose it.
    Text(String),
    /// A number.
    Number(i128),
    /// Columns within it.
    Object(Row),
    /// Anything else: lists, truth.
    Other,
}

/// A row: its columns by name. A column that stands twice counts once, as it stands last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<String, Cell>);

impl Row {
    /// A column, or one within another, as `machine.boot_time_unix`.
    pub fn cell(&self, path: &str) -> Option<&Cell> {
        match path.split_once('.') {
            Some((outer, inner)) => match self.0.get(outer)? {
                Cell::Object(row) => row.cell(inner),
                _ => None,
            },
            None => self.0.get(path),
        }
    }

    /// A column of text.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.cell(path)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A column that is a number, or text that is one.
    pub fn number(&self, path: &str) -> Option<i128> {
        match self.cell(path)? {
            Cell::Number(number) => Some(*number),
            Cell::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A sentence with columns in it: `{column}`. What stands in brackets is left out where one of its columns is not
    /// there; elsewhere a question mark stands for it.
    pub fn fill(&self, template: &str) -> String {
        let mut sentence = String::new();
        let mut rest = template;
        while let Some((before, from)) = rest.split_once('[') {
            let Some((optional, behind)) = from.split_once(']') else { break };
            sentence.push_str(&self.clause(before).unwrap_or_else(|gaps| gaps));
            if let Ok(clause) = self.clause(optional) {
                sentence.push_str(&clause);
            }
            rest = behind;
        }
        sentence.push_str(&self.clause(rest).unwrap_or_else(|gaps| gaps));
        sentence
    }

    /// A part without brackets; an error, with question marks in it, where a column is missing.
    fn clause(&self, template: &str) -> Result<String, String> {
        let (mut filled, mut whole, mut rest) = (String::new(), true, template);
        while let Some((before, (column, behind))) =
            rest.split_once('{').and_then(|(before, from)| Some((before, from.split_once('}')?)))
        {
            filled.push_str(before);
            match self.cell(column) {
                Some(Cell::Text(text)) => filled.push_str(text),
                Some(Cell::Number(number)) => filled.push_str(&number.to_string()),
                _ => {
                    filled.push('?');
                    whole = false;
                }
            }
            rest = behind;
        }
        filled.push_str(rest);
        if whole { Ok(filled) } else { Err(filled) }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row, D::Error> {
        BTreeMap::deserialize(deserializer).map(Row)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cell, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Cell, E> {
                Ok(Cell::Text(text))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell::Number(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell::Number(number.into()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Cell, E> {
                Ok(Cell::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Cell, E> {
                Ok(Cell::Other)
            }

            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Cell::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Cell, A::Error> {
                let mut row = BTreeMap::new();
                while let Some((name, cell)) = pairs.next_entry()? {
                    row.insert(name, cell);
                }
                Ok(Cell::Object(Row(row)))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    fn row(text: &str) -> Row {
        json::read(text.as_bytes(), 10_000).unwrap()
    }

    #[test]
    fn a_sentence_has_its_columns_and_leaves_out_what_is_not_there() {
        let row =
            row(r#"{"user":"anna","pid":7,"inner":{"deep":5},"list":[1,[2]],"none":null,"b":true,"f":1.5}"#);
        assert_eq!(row.fill("{user} as {pid}[ from {address}][ at {inner.deep}]"), "anna as 7 at 5");
        assert_eq!(row.fill("from {address}"), "from ?");
        assert_eq!(row.fill("[a{list}b]x"), "x");
        assert_eq!(row.fill("[open {user}"), "[open anna");
        assert_eq!(row.fill("{open"), "{open");
        assert_eq!((row.number("pid"), row.number("user"), row.text("pid")), (Some(7), None, None));
    }

    #[test]
    fn what_is_nested_deep_does_no_harm() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(json::read::<Row>(deep.as_bytes(), 1 << 20).unwrap().cell("a"), Some(&Cell::Other));
        let deep = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
        assert!(json::read::<Row>(deep.as_bytes(), 1 << 20).is_err());
    }
}
