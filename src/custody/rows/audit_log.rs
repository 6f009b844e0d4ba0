//! Rows of the audit logs that were sealed: each file as a whole, what it says of auditing itself, and how it is rotated.
//! Keys are sorted.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::{Base64, EntryId};

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct AuditLogRow {
    /// Bytes that were sealed.
    pub bytes: u64,
    /// Its entry.
    pub entry: EntryId,
    /// The earliest record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// Its kernel serial number; the lowest of the first boot that is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_serial: Option<u64>,
    /// Events of which a further record is in it, and not the first.
    pub headless: u64,
    /// The latest record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The highest kernel serial number of the last boot that is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_serial: Option<u64>,
    /// Ranges of serial numbers that stood between what is in it and are not.
    pub missing_ranges: u64,
    /// When it was last written to, as the file system says.
    pub modified: Timestamp,
    /// Bytes 0 in it, which no record holds.
    pub nuls: u64,
    /// Which it is in its rotation: 0 the one that is being written, the highest the oldest; none for another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Lines longer than what is read of one.
    pub oversize: u64,
    /// Its path, escaped.
    pub path: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// Why it could not be unpacked, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Records that could be read.
    pub records: u64,
    /// It begins in the middle of a line.
    pub torn_first: bool,
    /// It ends in the middle of one.
    pub torn_last: bool,
    /// Other lines that are no records.
    pub unread: u64,
    /// It was sealed whole: not cut, and not changed meanwhile.
    pub whole: bool,
}

/// Something that a log says of auditing itself.
#[derive(Clone, Debug, Serialize)]
pub struct AuditHistoryRow {
    /// The latest record before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// The file's entry.
    pub entry: EntryId,
    /// The keys of the rule, escaped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// `switched`, `rule_added`, `rule_removed`, `lost_reset`, `daemon_start`, `daemon_end`, `boot`, `change_unsaid`, `other`.
    pub kind: &'static str,
    /// Its serial number: the kernel's, or for a daemon's record auditd's own.
    pub serial: u64,
    /// When.
    pub time: Timestamp,
    /// What, in words.
    pub words: String,
}

/// How the log is rotated, and how far it reaches back.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRotation {
    /// What auditd does with a log that is full: `max_log_file_action`.
    pub action: String,
    /// Bytes of one file: `max_log_file`.
    pub file_bytes: u64,
    /// Files that are there of this rotation.
    pub files: u64,
    /// How many it keeps: `num_logs`.
    pub files_kept: u64,
    /// The file that it writes, escaped.
    pub log_file: String,
    /// Numbers between the lowest and the highest of which there is no file.
    pub missing_numbers: Vec<u64>,
    /// The earliest record of all files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// Bytes that can be logged before the oldest file is removed, or auditd stops; none where nothing but the disk limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_bytes: Option<u64>,
    /// Whether the records reach back to the beginning of the time of interest.
    pub window_covered: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn keys_are_sorted() {
        let zero = Timestamp::from_unix(0, 0);
        json::assert_keys_sorted(&AuditLogRow {
            bytes: 0,
            entry: EntryId(1),
            first: Some(zero),
            first_serial: Some(1),
            headless: 0,
            last: Some(zero),
            last_serial: Some(1),
            missing_ranges: 0,
            modified: zero,
            nuls: 0,
            number: Some(0),
            oversize: 0,
            path: String::new(),
            path_b64: Some(Base64(Vec::new())),
            reason: Some(String::new()),
            records: 0,
            torn_first: false,
            torn_last: false,
            unread: 0,
            whole: true,
        });
        json::assert_keys_sorted(&AuditHistoryRow {
            after: Some(zero),
            entry: EntryId(1),
            keys: vec![String::new()],
            kind: "boot",
            serial: 1,
            time: zero,
            words: String::new(),
        });
        json::assert_keys_sorted(&AuditRotation {
            action: String::new(),
            file_bytes: 0,
            files: 0,
            files_kept: 0,
            log_file: String::new(),
            missing_numbers: Vec::new(),
            oldest: Some(zero),
            room_bytes: Some(0),
            window_covered: true,
        });
    }
}
