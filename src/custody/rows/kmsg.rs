//! Rows of the kernel's log. Keys are sorted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;

/// One record of the kernel's log buffer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KmsgRow {
    /// Microseconds since boot, without the time in suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_us: Option<u64>,
    /// `kern`, `user`, `daemon`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility: Option<String>,
    /// Lines `KEY=value` that belong to it, escaped.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// What stands between the time and the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
    /// `emerg` to `debug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<&'static str>,
    /// The message, escaped; of what is no record all of it.
    pub message: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_b64: Option<Base64>,
    /// Records between the one before and this one that the buffer does not hold any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_before: Option<u64>,
    /// Its number since boot; absent where these bytes are no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What it is about, if that matters to other evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<&'static str>,
    /// When, by the clock of now; too late by up to the time in suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc: Option<Timestamp>,
    /// The earliest that it can have been, where the machine was suspended since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_not_before: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn the_keys_are_sorted() {
        let time = Some(Timestamp::from_unix(0, 0));
        let row = KmsgRow {
            boot_us: Some(1),
            facility: Some("kern".into()),
            fields: BTreeMap::from([("A".into(), "b".into())]),
            flags: Some("-".into()),
            level: Some("err"),
            message: "x".into(),
            message_b64: Some(Base64(vec![1])),
            missing_before: Some(1),
            sequence: Some(1),
            topic: Some("taint"),
            utc: time,
            utc_not_before: time,
        };
        json::assert_keys_sorted(&row);
    }
}
