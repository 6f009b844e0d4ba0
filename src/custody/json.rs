//! JSON as this project writes and reads it: UTF-8, sorted keys, no floats. The only user of `serde_json`.
//!
//! Signatures and digests cover exact bytes, so nothing ever needs to be canonicalised to be verified; one
//! spelling merely makes two bundles comparable.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::path::is_treacherous;

/// JSON that cannot be written, or that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not of the expected shape.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// Rows that were put aside did not come back.
    #[error("rows that were put aside did not come back: {0}")]
    PutAside(#[from] std::io::Error),
    /// Longer than anything this project writes in that place.
    #[error("{size} bytes are more than the {limit} that such a document may have")]
    TooLong {
        /// Bytes found.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// One object on one line, keys sorted, with a final newline.
pub fn line<T: Serialize>(value: &T) -> Result<Vec<u8>, JsonError> {
    // Through `Value`, whose objects are sorted maps.
    let mut bytes = serde_json::to_vec(&serde_json::to_value(value)?)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// One object over several lines for people to read, keys sorted, with a final newline. Nothing in it acts on a
/// terminal.
pub fn document<T: Serialize>(value: &T) -> Result<Vec<u8>, JsonError> {
    let text = serde_json::to_string_pretty(&serde_json::to_value(value)?)?;
    // People read these on a terminal, where a name from the host could hold what acts on it. Outside of strings
    // such characters do not occur, and in a string their escape means the same.
    let mut harmless = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && is_treacherous(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(harmless, "\\u{unit:04x}");
            }
        } else {
            harmless.push(c);
        }
    }
    harmless.push('\n');
    Ok(harmless.into_bytes())
}

/// Appends one table row. Rows come by the million, so the keys stand as the type declares them; each row type
/// declares them sorted and has a test that says so.
pub fn row<T: Serialize>(rows: &mut Vec<u8>, value: &T) -> Result<(), JsonError> {
    serde_json::to_writer(&mut *rows, value)?;
    rows.push(b'\n');
    Ok(())
}

/// Appends a table row that was written before, with more in it: lists are continued, and everything else is put in its
/// place.
pub fn row_with<T: Serialize>(rows: &mut Vec<u8>, written: &[u8], more: &T) -> Result<(), JsonError> {
    let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(written)?;
    let more: serde_json::Map<String, serde_json::Value> =
        serde_json::from_value(serde_json::to_value(more)?)?;
    for (key, value) in more {
        match (all.get_mut(&key), value) {
            (Some(serde_json::Value::Array(list)), serde_json::Value::Array(rest)) => list.extend(rest),
            (_, value) => drop(all.insert(key, value)),
        }
    }
    row(rows, &all)
}

/// Reads one document of at most `limit` bytes. Unknown keys are ignored (a schema may gain optional ones); a
/// known key that stands twice is an error, and so is a known value nested deeper than 128.
pub fn read<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLong { size: bytes.len(), limit });
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// A map of which no key stands twice: readers differ in which of the two they believe.
pub fn unique<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Unique<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<BTreeMap<K, V>, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = pairs.next_entry()? {
                if map.insert(key, value).is_some() {
                    return Err(de::Error::custom("a key stands twice"));
                }
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}

/// What every type of row must stand: its keys are declared sorted, so that a row is written as a line would be.
#[cfg(test)]
pub(crate) fn assert_keys_sorted(row: &impl Serialize) {
    let mut bytes = Vec::new();
    self::row(&mut bytes, row).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), String::from_utf8(line(row).unwrap()).unwrap());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Sample {
        zeta: u32,
        alpha: String,
    }

    #[test]
    fn keys_are_sorted() {
        let sample = Sample { zeta: 1, alpha: "é".into() };
        assert_eq!(line(&sample).unwrap(), "{\"alpha\":\"é\",\"zeta\":1}\n".as_bytes());
        assert_eq!(document(&sample).unwrap(), "{\n  \"alpha\": \"é\",\n  \"zeta\": 1\n}\n".as_bytes());
    }

    #[test]
    fn a_document_cannot_act_on_a_terminal() {
        let sample = Sample { zeta: 1, alpha: "a\u{9b}2J\u{202e}\u{7f}\u{e0041}".into() };
        let text = String::from_utf8(document(&sample).unwrap()).unwrap();
        assert!(text.contains(r#""a\u009b2J\u202e\u007f\udb40\udc41""#), "{text}");
        assert_eq!(read::<Sample>(text.as_bytes(), 1000).unwrap().alpha, sample.alpha);
    }

    #[test]
    fn a_key_that_stands_twice_in_a_map_is_refused_too() {
        #[derive(Deserialize)]
        struct Map {
            #[serde(deserialize_with = "unique")]
            map: BTreeMap<String, u64>,
        }
        assert_eq!(read::<Map>(br#"{"map":{"a":1,"b":2}}"#, 100).unwrap().map.len(), 2);
        assert!(read::<Map>(br#"{"map":{"a":1,"a":1}}"#, 100).is_err());
        // The same key in another spelling.
        assert!(read::<Map>(br#"{"map":{"a":1,"\u0061":2}}"#, 100).is_err());
    }

    #[test]
    fn a_repeated_key_and_a_long_document_are_refused_and_a_deep_one_does_no_harm() {
        assert!(read::<Sample>(br#"{"zeta":1,"alpha":"x","zeta":2}"#, 100).is_err());
        assert!(read::<Sample>(br#"{"zeta":1,"alpha":"x","new":2}"#, 100).is_ok());
        assert!(read::<Sample>(br#"{"zeta":1,"alpha":"x"}"#, 10).is_err());
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let ignored = format!("{{\"zeta\":1,\"alpha\":\"x\",\"new\":{nested}}}");
        assert!(read::<Sample>(ignored.as_bytes(), 1 << 20).is_ok());
        let known = format!("{{\"zeta\":{nested},\"alpha\":\"x\"}}");
        assert!(read::<Sample>(known.as_bytes(), 1 << 20).is_err());
    }
}
