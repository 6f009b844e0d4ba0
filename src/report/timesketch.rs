//! The timeline as Timesketch imports it (timesketch.org, "Import from JSON or CSV"): one event a line, with `message`,
//! `datetime` (ISO 8601) and `timestamp_desc`, which it asks for, `timestamp` in microseconds since 1970 and `data_type`,
//! which it knows, and our own columns.

use serde::Serialize;

use crate::custody::json::{self, JsonError};
use crate::path::{harmless, shown};
use crate::view::events::Fact;
use crate::view::timeline::micros;

/// Bytes of a field: its index refuses terms of more than 32,766 (OpenSearch, Lucene's longest term).
const FIELD: usize = 32_000;

/// The columns of the CSV, in the order of [`cells`].
pub const COLUMNS: [&str; 16] = [
    "message",
    "datetime",
    "timestamp_desc",
    "timestamp",
    "data_type",
    "what",
    "source",
    "entry",
    "offset",
    "user",
    "auid",
    "address",
    "path",
    "pid",
    "time_quality",
    "labels",
];

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auid: Option<u32>,
    data_type: String,
    datetime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    labels: Vec<&'static str>,
    message: String,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    source: &'static str,
    time_quality: &'static str,
    timestamp: i64,
    timestamp_desc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    what: String,
}

impl Line {
    fn of(fact: &Fact) -> Option<Line> {
        Some(Line {
            address: named(&fact.address),
            auid: fact.auid,
            data_type: format!("phi_ir:{}:{}", fact.source, fact.what.replace('.', ":")),
            datetime: fact.time?.to_string(),
            entry: fact.at.entry.map(|entry| entry.to_string()),
            labels: fact.labels.clone(),
            message: cut(harmless(&fact.words)),
            offset: fact.at.offset,
            path: named(&fact.path),
            pid: fact.pid,
            source: fact.source,
            time_quality: fact.quality.word(),
            timestamp: micros(fact)?,
            timestamp_desc: description(&fact.what),
            user: named(&fact.user),
            what: fact.what.to_string(),
        })
    }
}

/// The line of a fact, with its newline; nothing of one without a time.
pub fn line(fact: &Fact) -> Result<Vec<u8>, JsonError> {
    let mut bytes = Vec::new();
    if let Some(line) = Line::of(fact) {
        json::row(&mut bytes, &line)?;
    }
    Ok(bytes)
}

/// The cells of a fact in the order of [`COLUMNS`]; what makes them safe for spreadsheets is the writer's business.
pub fn cells(fact: &Fact) -> Option<[String; 16]> {
    let line = Line::of(fact)?;
    let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    Some([
        line.message,
        line.datetime,
        line.timestamp_desc.to_owned(),
        line.timestamp.to_string(),
        line.data_type,
        line.what,
        line.source.to_owned(),
        line.entry.unwrap_or_default(),
        line.offset.to_string(),
        line.user.unwrap_or_default(),
        number(line.auid),
        line.address.unwrap_or_default(),
        line.path.unwrap_or_default(),
        number(line.pid),
        line.time_quality.to_owned(),
        line.labels.join(" "),
    ])
}

/// What kind of time it is, in the words that Timesketch and Plaso have for it where they have any.
fn description(what: &str) -> &'static str {
    match what {
        "file.modified" => "Content Modification Time",
        "file.changed" => "Metadata Modification Time",
        "file.accessed" => "Last Access Time",
        "file.born" => "Creation Time",
        "process.started" | "session.opened" => "Start Time",
        "session.closed" => "End Time",
        "login.accepted" => "Last Login Time",
        "account.password_changed" => "Last Password Reset",
        what if what.starts_with("kernel.") || what.starts_with("journal.") => "Recorded Time",
        what if what.starts_with("collector.") => "Collection Time",
        _ => "Event Time",
    }
}

fn named(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| cut(shown(bytes)))
}

/// At most [`FIELD`] bytes, and how much there was.
fn cut(text: String) -> String {
    if text.len() <= FIELD {
        return text;
    }
    let end = (0..=FIELD).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let kept = text.split_at_checked(end).map_or("", |(kept, _)| kept);
    format!("{kept}… (of {} bytes)", text.len())
}

#[cfg(test)]
mod tests;
