//! What a source of evidence covers, beside every answer from it. Keys are sorted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::rows::audit_coverage::Lapse;

/// `coverage/1`
#[derive(Clone, Debug, Serialize)]
pub struct CoverageStatement {
    /// From the first record to the last; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<Span>,
    /// What it cannot show, however well it is kept.
    pub cannot_see: Vec<String>,
    /// Counts: records, unread lines, signs that were not kept.
    pub counters: BTreeMap<&'static str, u64>,
    /// The files that were read.
    pub files: Vec<CoveredFile>,
    /// Times of which it is not shown that everything was recorded and kept, in their order.
    pub gaps: Vec<Lapse>,
    /// What was asked about.
    pub requested: Span,
    /// `known`: what the rules record was asked of the kernel; `by_key`: the logs name their keys alone.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rules: &'static str,
    /// `coverage/1`
    pub schema: &'static str,
    /// What happened to recording and to clocks, in the order of the log.
    pub signs: Vec<Sign>,
    /// The longest time without any record, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Span>,
    /// `audit`
    pub source: &'static str,
    /// `complete`, `partial`, `none` or `unknown`.
    pub verdict: &'static str,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The beginning.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

/// A file that was read.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredFile {
    /// Its size as it lies there.
    pub bytes: u64,
    /// Its first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_utc: Option<Timestamp>,
    /// Its last record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_utc: Option<Timestamp>,
    /// Its path, escaped.
    pub path: String,
    /// Records in it.
    pub records: u64,
    /// It begins or ends in the middle of a line.
    pub torn: bool,
    /// Lines that are no records.
    pub unparsed: u64,
}

/// Something that bears on how far the log can be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// `clock_step`, `clock_adjusted`, `loginuid_changed`, `locked`, `limits`, `suspended`, `loss`, `feature`, `command`.
    pub kind: &'static str,
    /// When.
    pub time: Timestamp,
    /// In words.
    pub words: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn the_keys_are_sorted() {
        let zero = Timestamp::from_unix(0, 0);
        let span = Span { from: zero, to: zero };
        json::assert_keys_sorted(&CoverageStatement {
            available: Some(span),
            cannot_see: Vec::new(),
            counters: BTreeMap::new(),
            files: vec![CoveredFile {
                bytes: 0,
                first_utc: Some(zero),
                last_utc: Some(zero),
                path: String::new(),
                records: 0,
                torn: false,
                unparsed: 0,
            }],
            gaps: Vec::new(),
            requested: span,
            rules: "known",
            schema: "coverage/1",
            signs: vec![Sign { kind: "x", time: zero, words: String::new() }],
            silence: Some(Span { from: zero, to: zero }),
            source: "audit",
            verdict: "complete",
        });
    }
}
