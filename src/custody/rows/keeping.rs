//! Rows about logs: each file with its first and last record, what this host keeps of logins, and the settings of
//! keeping. The columns are frozen; keys are sorted.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::{Base64, EntryId};

/// One text log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TextLogRow {
    /// Bytes that are sealed.
    pub bytes: u64,
    /// Lines with a time that has neither year nor zone.
    pub classic: u64,
    /// How it is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<&'static str>,
    /// Its sealed copy.
    pub entry: Option<EntryId>,
    /// Lines with an exact time.
    pub exact: u64,
    /// Earliest exact time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// First time without year and zone, as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_text: Option<String>,
    /// `authentication`, or `general` for what may hold logins beside others.
    pub holds: &'static str,
    /// Latest exact time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Last time without year and zone, as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_text: Option<String>,
    /// Lines with anything in them.
    pub lines: u64,
    /// Bytes of the longest line.
    pub longest: u64,
    /// When it was last changed, as it claims.
    pub modified: Option<Timestamp>,
    /// NUL bytes.
    pub nul_bytes: u64,
    /// The file.
    pub path: String,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// Why its lines were not read, or not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its name has behind that of the log that is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// Exact times that are earlier than the one before.
    pub steps_back: u64,
    /// Bytes of text, unpacked.
    pub text_bytes: u64,
    /// Its last line has no newline.
    pub torn: bool,
    /// Lines whose time could not be read.
    pub unread: u64,
    /// The copy is all of the file, of one moment.
    pub whole: bool,
}

/// One journal file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JournalRow {
    /// Bytes that are sealed.
    pub bytes: u64,
    /// Bytes that it has at least, as its header says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_bytes: Option<u64>,
    /// Its sealed copy.
    pub entry: Option<EntryId>,
    /// Of this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// Time of the first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// What a reader must know of it, by name.
    pub flags: Vec<String>,
    /// Number of the first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_seqnum: Option<u64>,
    /// `persistent`, or `volatile`: gone after a reboot.
    pub keeping: &'static str,
    /// Time of the record that was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Of the machine that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// When it was last changed, as it claims.
    pub modified: Option<Timestamp>,
    /// Field objects with their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_data: Option<u64>,
    /// Objects of any kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_objects: Option<u64>,
    /// Seals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_tags: Option<u64>,
    /// Another machine's, by its id.
    pub of_another_machine: bool,
    /// The file.
    pub path: String,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// Why its header was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Whose records: `system`, `user-1000`, `remote`, `namespace NAME`, `other`.
    pub scope: String,
    /// The sequence that its numbers belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seqnum_id: Option<String>,
    /// `offline`, `online`, `archived`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The boot of its last record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail_boot_id: Option<String>,
    /// Number of the last record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail_seqnum: Option<u64>,
    /// It is shorter than its header says.
    pub truncated: bool,
    /// journald found it damaged or not closed, and put it aside (`.journal~`).
    pub unclean: bool,
    /// The copy is all of the file, of one moment.
    pub whole: bool,
}

/// One setting of logging.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SettingRow {
    /// What holds where nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<&'static str>,
    /// The sealed copy of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// The file; none of a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_b64: Option<Base64>,
    /// Whether it is this value that counts, where that was worked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<bool>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<&'static str>,
    /// `journald`, `rsyslog`, `logrotate`, `sshd`, `syslog-ng`.
    pub program: &'static str,
    /// Why the line, or the whole file, was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it applies to, where that is not everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_b64: Option<Base64>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting_b64: Option<Base64>,
    /// Its value; of a line that was not read, the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Exactly, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_b64: Option<Base64>,
    /// There is a value, which may hold a password; the sealed file has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
}

/// What this host keeps of logins, by what was sealed.
#[derive(Clone, Debug, Serialize)]
pub struct Keeping {
    /// Whether the window is covered by any of the sources: `yes`, `no`, `unknown`.
    pub covered: &'static str,
    /// `text`, `journal`, `both`, `neither`.
    pub keeps: &'static str,
    /// Each kind of log that holds logins.
    pub sources: Vec<KeepingSource>,
    /// From when on the run was interested.
    pub window_from: Option<Timestamp>,
    /// Until when.
    pub window_to: Option<Timestamp>,
    /// All of it for a person.
    pub words: String,
}

/// One kind of log.
#[derive(Clone, Debug, Serialize)]
pub struct KeepingSource {
    /// Whether it covers the window: `yes`, `no`, `unknown`.
    pub covered: &'static str,
    /// The earliest record whose time is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Timestamp>,
    /// The first time of the file that was changed longest ago, as it stands, where it has neither year nor zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest_text: Option<String>,
    /// Files of it that were sealed.
    pub files: u64,
    /// The latest record whose time is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    /// The last time of the file that was changed last, as it stands, where it has neither year nor zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_text: Option<String>,
    /// It is gone after a reboot.
    pub lost_at_reboot: bool,
    /// Numbers of rotated files that are missing between others, or records between journals.
    pub missing_between: u64,
    /// `text` or `journal`.
    pub source: &'static str,
    /// Files that could not be read to their end, or not to the times in them.
    pub unread_files: u64,
    /// Why it is covered, or not, or unknown.
    pub words: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;
    use crate::custody::rows::text;

    #[test]
    fn the_keys_are_sorted() {
        let (time, word, b64) = (Some(Timestamp::from_unix(0, 0)), Some("x".to_owned()), text(b"\xff").1);
        json::assert_keys_sorted(&TextLogRow {
            compressed: Some("gzip"),
            entry: Some(EntryId(1)),
            first: time,
            first_text: word.clone(),
            last: time,
            last_text: word.clone(),
            path_b64: b64.clone(),
            reason: word.clone(),
            rotation: word.clone(),
            ..TextLogRow::default()
        });
        json::assert_keys_sorted(&JournalRow {
            claimed_bytes: Some(1),
            file_id: word.clone(),
            first: time,
            head_seqnum: Some(1),
            last: time,
            machine_id: word.clone(),
            n_data: Some(1),
            n_objects: Some(1),
            n_tags: Some(1),
            path_b64: b64.clone(),
            reason: word.clone(),
            records: Some(1),
            seqnum_id: word.clone(),
            state: word.clone(),
            tail_boot_id: word.clone(),
            tail_seqnum: Some(1),
            ..JournalRow::default()
        });
        json::assert_keys_sorted(&SettingRow {
            default: Some("x"),
            entry: Some(EntryId(1)),
            file: word.clone(),
            file_b64: b64.clone(),
            in_force: Some(true),
            line: Some(1),
            means: Some("x"),
            reason: word.clone(),
            scope: word.clone(),
            scope_b64: b64.clone(),
            setting: word.clone(),
            setting_b64: b64.clone(),
            value: word.clone(),
            value_b64: b64,
            withheld: true,
            program: "x",
        });
        let source = KeepingSource {
            covered: "no",
            earliest: time,
            earliest_text: word.clone(),
            files: 1,
            latest: time,
            latest_text: word,
            lost_at_reboot: true,
            missing_between: 0,
            source: "text",
            unread_files: 0,
            words: String::new(),
        };
        json::assert_keys_sorted(&source);
        json::assert_keys_sorted(&Keeping {
            covered: "no",
            keeps: "text",
            sources: vec![source],
            window_from: time,
            window_to: None,
            words: String::new(),
        });
    }
}
