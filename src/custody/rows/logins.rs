//! Rows of what login records say. The columns are frozen; keys are sorted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::text;
use crate::clock::Timestamp;
use crate::custody::entry::{Base64, EntryId};
use crate::custody::outcome::Outcome;
use crate::path::HostPath;

/// One record of one file, or a run of records that hold nothing. What a format does not have is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginRow {
    /// IPv4 or IPv6 address of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Failures counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// The entry that holds the file's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// `ut_exit.e_exit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i16>,
    /// The file, escaped.
    pub file: String,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_b64: Option<Base64>,
    /// What is odd about the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// `utmp-384-le`, `lastlog-292-le`, `faillock-64-le`, `wtmpdb`, `lastlog2`, …
    pub format: String,
    /// Host, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_b64: Option<Base64>,
    /// `ut_id`, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_b64: Option<Base64>,
    /// What happened, in a word.
    pub kind: &'static str,
    /// Terminal, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_b64: Option<Base64>,
    /// When the session ended, where the record itself says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logout: Option<Timestamp>,
    /// The end of the session in microseconds since 1970, as it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logout_micros: Option<i64>,
    /// Microseconds as they stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros: Option<i64>,
    /// Where the record begins in the file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// The whole record, where the other columns do not say all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_b64: Option<Base64>,
    /// How many records of nothing but zeros follow one another from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Id of the row in its database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rowid: Option<i64>,
    /// Seconds since 1970 as they stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// PAM service, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_b64: Option<Base64>,
    /// `ut_session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<i64>,
    /// `ut_exit.e_termination`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination: Option<i16>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The type as a number.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind_number: Option<i64>,
    /// User id, where the record's place says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// User, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_b64: Option<Base64>,
    /// It stands in the write-ahead log, and not so in the main file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wal: bool,
}

/// A column of text: escaped, and exactly where that is not the same. Empty text is absent.
fn column(bytes: &[u8]) -> (Option<String>, Option<Base64>) {
    if bytes.is_empty() {
        return (None, None);
    }
    let (escaped, exact) = text(bytes);
    (Some(escaped), exact)
}

impl LoginRow {
    /// A row of a file, with nothing in it yet.
    pub fn of(file: &HostPath, entry: EntryId, format: &str, kind: &'static str) -> LoginRow {
        let (file, file_b64) = text(file.as_bytes());
        LoginRow {
            file,
            file_b64,
            entry: Some(entry),
            format: format.to_owned(),
            kind,
            ..LoginRow::default()
        }
    }

    /// The same with this host.
    pub fn host(mut self, bytes: &[u8]) -> LoginRow {
        (self.host, self.host_b64) = column(bytes);
        self
    }

    /// The same with this `ut_id`.
    pub fn id(mut self, bytes: &[u8]) -> LoginRow {
        (self.id, self.id_b64) = column(bytes);
        self
    }

    /// The same with this terminal.
    pub fn line(mut self, bytes: &[u8]) -> LoginRow {
        (self.line, self.line_b64) = column(bytes);
        self
    }

    /// The same with this service.
    pub fn service(mut self, bytes: &[u8]) -> LoginRow {
        (self.service, self.service_b64) = column(bytes);
        self
    }

    /// The same with this user.
    pub fn user(mut self, bytes: &[u8]) -> LoginRow {
        (self.user, self.user_b64) = column(bytes);
        self
    }
}

/// One file with login records: what was read of it, and what was not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginSourceRow {
    /// Pages of a database that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_pages: Option<u64>,
    /// Rows of a database that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_rows: Option<u64>,
    /// The entry that holds the file's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// The file, escaped.
    pub file: String,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_b64: Option<Base64>,
    /// What is odd, and how often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<String, u64>,
    /// The earliest time in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// As in the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The latest time in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// When the file was last changed, as it claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// What became of it, where its records are not in the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Whether its records are in the table.
    pub read: bool,
    /// Why they are not, or not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Bytes that were read.
    pub size: u64,
    /// Frames of a write-ahead log up to its last commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_committed: Option<u64>,
    /// Frames of an earlier round, or damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_stale: Option<u64>,
    /// Good frames behind the last commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_uncommitted: Option<u64>,
}

/// A stretch of a sparse file.
#[derive(Clone, Debug, Serialize)]
pub struct ExtentRow {
    /// Its bytes; absent if all of them are zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_b64: Option<Base64>,
    /// How many bytes.
    pub length: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn the_keys_are_sorted_and_odd_text_survives() {
        let odd = b"a\n\xff";
        let path = HostPath::new(b"/a\xff").unwrap();
        let (time, one) = (Timestamp::from_unix(0, 0), Some(1));
        let row =
            LoginRow::of(&path, EntryId(1), "x", "user").host(odd).id(odd).line(odd).service(odd).user(odd);
        let row = LoginRow {
            address: Some("::1".into()),
            count: Some(1),
            exit: Some(1),
            flags: vec!["wiped"],
            logout: Some(time),
            logout_micros: one,
            micros: one,
            offset: Some(0),
            pid: one,
            raw_b64: Some(Base64(vec![1])),
            records: Some(1),
            rowid: one,
            seconds: one,
            session: one,
            termination: Some(1),
            time: Some(time),
            kind_number: one,
            uid: Some(0),
            wal: true,
            ..row
        };
        let source = LoginSourceRow {
            bad_pages: Some(1),
            bad_rows: Some(1),
            entry: Some(EntryId(1)),
            file_b64: Some(Base64(vec![1])),
            findings: BTreeMap::from([("wiped".into(), 1)]),
            first: Some(time),
            format: Some("x".into()),
            last: Some(time),
            modified: Some(time),
            outcome: Some(Outcome::Denied),
            reason: Some("x".into()),
            records: Some(1),
            wal_committed: Some(1),
            wal_stale: Some(1),
            wal_uncommitted: Some(1),
            ..LoginSourceRow::default()
        };
        let extent = ExtentRow { bytes_b64: Some(Base64(vec![1])), length: 1, offset: 0 };
        json::assert_keys_sorted(&row);
        json::assert_keys_sorted(&source);
        json::assert_keys_sorted(&extent);
        assert!(row.user_b64.is_some() && row.file_b64.is_some());
        assert_eq!(LoginRow::of(&path, EntryId(1), "x", "user").user(b"").user, None);
    }
}
