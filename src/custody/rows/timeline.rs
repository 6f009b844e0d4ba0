//! Rows of the timeline. The columns are frozen; keys are sorted.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::{Base64, EntryId};

/// One dated fact.
#[derive(Clone, Debug, Serialize)]
pub struct FactRow<'a> {
    /// The address that is named, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_b64: Option<Base64>,
    /// The login identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid: Option<u32>,
    /// The entry that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// What is to be known of it: `collector`, `derived`, …
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub labels: &'a [&'static str],
    /// Bytes before it in that entry's member, unpacked.
    pub offset: u64,
    /// The path that it is about, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How well the time is known.
    pub quality: &'static str,
    /// What tells it.
    pub source: &'static str,
    /// When.
    pub time: Timestamp,
    /// Seconds since 1970 of a time that no calendar of four digits holds; `time` is the nearest that it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix: Option<i64>,
    /// The user that is named, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_b64: Option<Base64>,
    /// A stable word.
    pub what: &'a str,
    /// The same for people.
    pub words: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json::assert_keys_sorted;
    use crate::custody::rows::text;

    #[test]
    fn the_keys_of_a_fact_are_sorted() {
        let (shown, exact) = text(b"\xff");
        assert_keys_sorted(&FactRow {
            address: Some(shown.clone()),
            address_b64: exact.clone(),
            auid: Some(1000),
            entry: Some(EntryId(3)),
            labels: &["collector"],
            offset: 0,
            path: Some(shown.clone()),
            path_b64: exact.clone(),
            pid: Some(1),
            quality: "exact",
            source: "audit",
            time: Timestamp::from_unix(0, 0),
            unix: Some(i64::MAX),
            user: Some(shown),
            user_b64: exact,
            what: "audit.read",
            words: "x",
        });
    }
}
