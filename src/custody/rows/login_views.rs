//! Rows of the views of logins: sessions, and tries to log in. Keys are sorted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::text;
use crate::clock::Timestamp;
use crate::custody::entry::Base64;

/// Text: escaped, and exactly where that is not the same.
#[derive(Clone, Debug, Serialize)]
pub struct TextColumn {
    /// Exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_b64: Option<Base64>,
    /// Escaped.
    pub text: String,
}

impl TextColumn {
    /// Of these bytes; none of none.
    pub fn of(bytes: &[u8]) -> Option<TextColumn> {
        let (text, exact_b64) = text(bytes);
        (!bytes.is_empty()).then_some(TextColumn { exact_b64, text })
    }
}

/// Where a field's value stands.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceRow {
    /// Which field.
    pub field: &'static str,
    /// The file, by its number among the sources.
    pub file: u32,
    /// Bytes before it.
    pub offset: u64,
    /// `audit`, `text`, `journal`, `logind`, `login_records`.
    pub source: &'static str,
}

/// Somebody acted as another.
#[derive(Clone, Debug, Serialize)]
pub struct ElevationRow {
    /// As `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<TextColumn>,
    /// The command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<TextColumn>,
    /// The file that tells of it, by its number among the sources.
    pub file: u32,
    /// Bytes before it there.
    pub offset: u64,
    /// It was not let.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Which kind of log.
    pub source: &'static str,
    /// When.
    pub time: Timestamp,
    /// As whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<TextColumn>,
}

/// A row of `sessions.jsonl`: one login. What no log tells is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginSessionRow {
    /// Address of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<TextColumn>,
    /// The login identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auid: Option<u32>,
    /// Who acted as another in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elevations: Vec<ElevationRow>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// How: `logout`, `replaced`, `down`, `crash`, `open_at_end_of_log`.
    pub ending: &'static str,
    /// The boot that its number belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// Where each of the columns stands.
    pub evidence: Vec<EvidenceRow>,
    /// What is odd about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The machine, where the logs name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<TextColumn>,
    /// The name of the other side, as its owner or the DNS says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<TextColumn>,
    /// Of the key, what its holder chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_detail: Option<TextColumn>,
    /// Its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<TextColumn>,
    /// As `ED25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_kind: Option<TextColumn>,
    /// `A1` to `E`: how well its origin is known.
    pub label: &'static str,
    /// As `publickey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<TextColumn>,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The port at the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `phi-ir.login-session/1`
    pub schema: &'static str,
    /// What let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TextColumn>,
    /// The kernel's number of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ses: Option<u32>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Terminal; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TextColumn>,
    /// How well its times are known: `exact`, `zone`, `year_inferred`, `year_and_zone`.
    pub time_quality: &'static str,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<TextColumn>,
}

/// A row of `logins.jsonl`: one account, or one source, with counts that are not to be added to one another.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginCountRow {
    /// Tries that were accepted, by method.
    pub accepted: BTreeMap<String, u64>,
    /// `account`, `source`, `other_accounts`, `other_sources`, `all`.
    pub by: &'static str,
    /// Connections within which there was a try.
    pub connections: u64,
    /// When the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// When the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The name looks like a password, and is not shown; what was logged is sealed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
    /// The account, the address or the terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<TextColumn>,
    /// Records that tell of them, by kind of log and of record.
    pub records: BTreeMap<&'static str, u64>,
    /// Tries that were rejected, by method.
    pub rejected: BTreeMap<String, u64>,
    /// `phi-ir.logins/1`
    pub schema: &'static str,
    /// sshd says that there is no such user.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown_user: bool,
}

/// A row of what differs between a text log and the journal.
#[derive(Clone, Debug, Serialize)]
pub struct DifferenceRow {
    /// `other_sender`, `not_in_journal`, `not_in_text`.
    pub difference: &'static str,
    /// The file, by its number among the sources.
    pub file: u32,
    /// Bytes before the line.
    pub offset: u64,
    /// `phi-ir.login-difference/1`
    pub schema: &'static str,
    /// Which kind of log has it.
    pub source: &'static str,
    /// When.
    pub time: Timestamp,
    /// In words.
    pub words: String,
}

/// A row of a sign that wiping leaves in login records, and other things do as well.
#[derive(Clone, Debug, Serialize)]
pub struct SignRow {
    /// How many records, or bytes.
    pub count: u64,
    /// The file, by its number among the sources.
    pub file: u32,
    /// Bytes before it.
    pub offset: u64,
    /// `phi-ir.login-sign/1`
    pub schema: &'static str,
    /// `wiped`, `zeroed_user`, `dead_without_user`, `files_overlap`, `trailing_bytes`, …
    pub sign: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    #[test]
    fn the_keys_are_sorted_and_odd_text_survives() {
        let odd = || TextColumn::of(b"a\n\xff");
        let time = Timestamp::from_unix(0, 0);
        let evidence = EvidenceRow { field: "address", file: 0, offset: 0, source: "audit" };
        let (by, command, to) = (odd(), odd(), odd());
        let elevation =
            ElevationRow { by, command, file: 0, offset: 0, refused: true, source: "text", time, to };
        let session = LoginSessionRow {
            address: odd(),
            auid: Some(0),
            elevations: vec![elevation],
            end: Some(time),
            ending: "logout",
            epoch: Some(0),
            evidence: vec![evidence],
            flags: vec!["direct_root"],
            host: odd(),
            hostname: odd(),
            key_detail: odd(),
            key_fingerprint: odd(),
            key_kind: odd(),
            label: "A1",
            method: odd(),
            pid: Some(1),
            port: Some(22),
            schema: "x",
            service: odd(),
            ses: Some(1),
            start: Some(time),
            terminal: odd(),
            time_quality: "exact",
            user: odd(),
        };
        json::assert_keys_sorted(&session);
        let count = LoginCountRow {
            accepted: BTreeMap::from([("password".into(), 1)]),
            by: "account",
            first: Some(time),
            last: Some(time),
            masked: true,
            name: odd(),
            records: BTreeMap::from([("btmp", 1)]),
            rejected: BTreeMap::from([("password".into(), 1)]),
            unknown_user: true,
            ..LoginCountRow::default()
        };
        json::assert_keys_sorted(&count);
        let (difference, source, words) = ("other_sender", "journal", String::new());
        let (file, offset, schema) = (0, 0, "x");
        json::assert_keys_sorted(&DifferenceRow { difference, file, offset, schema, source, time, words });
        json::assert_keys_sorted(&SignRow { count: 1, file, offset, schema, sign: "wiped" });
        let user = session.user.unwrap();
        assert_eq!((user.text.as_str(), user.exact_b64.is_some()), ("a\\u{a}\\xff", true));
        assert!(TextColumn::of(b"").is_none() && TextColumn::of(b"bob").unwrap().exact_b64.is_none());
    }
}
