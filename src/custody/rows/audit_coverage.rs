//! What the audit log can show of accesses to a folder, and what it cannot. Keys are sorted.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;
use crate::custody::outcome::ReasonCode;

/// One of our own openings, as it was logged.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryRow {
    /// The keys of the rule that recorded it, escaped.
    pub keys: Vec<String>,
    /// Its records, escaped.
    pub lines: String,
    /// Exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_b64: Option<Base64>,
    /// Its serial number.
    pub serial: u64,
    /// When the call was entered.
    pub time: Timestamp,
}

/// One place: a PHI folder, or another mount below it.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceCoverageRow {
    /// Whether our own openings appeared in the log: `seen`, `absent`, `not_expected` where no rule in force asks for them
    /// or its conditions may leave us out, `unknown` where that could not be found out.
    pub canary: &'static str,
    /// What was opened and looked for, and what came of it.
    pub canary_words: String,
    /// Why it is not covered, the gravest first; empty if it is.
    pub codes: Vec<ReasonCode>,
    /// What is recorded under each key that touches the folder.
    pub keys: Vec<KeyCoverageRow>,
    /// What no audit log shows, whatever the verdict.
    pub limits: &'static [&'static str],
    /// The folder that this mount begins at; the PHI folder itself, or one below it.
    pub mount: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_b64: Option<Base64>,
    /// The PHI folder.
    pub root: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_b64: Option<Base64>,
    /// The rule that counts, as auditctl writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How far it reaches: `tree` the folder and everything in it, `name` that name alone, `part` what its conditions let
    /// through, `none`.
    pub scope: &'static str,
    /// `covered`: accesses of the window would have been recorded and kept; `inconclusive`: that is not shown.
    pub verdict: &'static str,
    /// The window's beginning.
    pub window_from: Timestamp,
    /// Its end.
    pub window_to: Timestamp,
    /// The verdict in words.
    pub words: String,
}

/// One key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyCoverageRow {
    /// Why what was done is not all under this key, the gravest first; empty if it is.
    pub codes: Vec<ReasonCode>,
    /// The key, escaped; empty for a rule without one.
    pub key: String,
    /// Exactly, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_b64: Option<Base64>,
    /// The latest event with it in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The times of the window of which the log does not show that all was recorded.
    pub lapses: Vec<Lapse>,
    /// The kinds of access that its rules have recorded of the whole folder, of `rwxa`.
    pub permissions: String,
    /// Rules with this key that are in force.
    pub rules: u64,
}

/// A time of which the log does not show that everything was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lapse {
    /// Why.
    pub code: ReasonCode,
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Why, in words that name the times.
    pub words: String,
}
