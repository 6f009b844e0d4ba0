//! `seal.json`: the statement that is signed. Schema 1, frozen.
//!
//! It goes to counsel, so it holds no path, no argument and no user name but the examiner's and the authority's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::completeness::Completeness;
use super::digest::Digest;
use super::entry::EntryId;
use super::json::unique;
use super::outcome::Outcome;
use crate::case::{BundleKind, Case, Line};
use crate::clock::Timestamp;

/// The longest seal that is read back, in bytes.
pub const SEAL_LIMIT: usize = 1 << 20;

/// The schema's name.
pub const SEAL_SCHEMA: &str = "phi-ir.seal/1";

/// The whole statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealDocument {
    /// [`SEAL_SCHEMA`].
    pub schema: String,
    /// The bundle's id, which is also the name of the folder in the archive.
    pub id: String,
    /// What kind of bundle.
    pub kind: BundleKind,
    /// The case.
    pub case: Case,
    /// Who collected, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examiner: Option<Line>,
    /// On whose authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Line>,
    /// Beginning of the run.
    pub started: Timestamp,
    /// End of the run, when this was written.
    pub ended: Timestamp,
    /// How much was to be collected: `volatile`, `incident`, `baseline` or `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// COMPLETE or PARTIAL.
    pub result: Completeness,
    /// What stopped the run before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// The collectors that the result speaks of, where not the whole profile was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_for: Option<Vec<String>>,
    /// The numbers that must come out.
    pub counts: Counts,
    /// Per collector, what ended how.
    #[serde(deserialize_with = "unique")]
    pub coverage: BTreeMap<String, Coverage>,
    /// `DIGEST  NAME` of the three lists, so that a checksum tool can be fed with them.
    pub lists: Vec<String>,
    /// The entries that hold the facts about the run: `host`, `clock_start`, `clock_end`, `invoker`, `footprint`,
    /// `config`, `limits`.
    #[serde(deserialize_with = "unique")]
    pub entries: BTreeMap<String, EntryId>,
    /// The program.
    pub tool: Tool,
    /// Who can open the bundle. Recipients do not show in an age file, so this is the only record.
    pub recipients: Vec<Recipient>,
    /// Whose key signed.
    pub signer: Signer,
    /// The series that the bundle belongs to.
    pub chain: Chain,
    /// How long it must be kept.
    pub retention: Retention,
}

/// Numbers that must come out when the bundle is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Entries.
    pub entries: u64,
    /// Files under `data/`.
    pub members: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Steps of the plan that have an entry.
    pub steps: u64,
    /// Entries by outcome.
    #[serde(deserialize_with = "unique")]
    pub outcomes: BTreeMap<Outcome, u64>,
}

/// What became of one collector's steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Nothing of it makes the bundle PARTIAL.
    pub complete: bool,
    /// Its steps.
    pub steps: u64,
    /// Its entries by outcome.
    #[serde(deserialize_with = "unique")]
    pub outcomes: BTreeMap<Outcome, u64>,
}

/// The program that made the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `phi-ir`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// What it was built for.
    pub target: String,
    /// SHA-256 of the running binary; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// Somebody who can open the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// What it is called where it was named, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Line>,
    /// `x25519` or `passphrase`.
    pub kind: String,
    /// SHA-256 of the recipient's text (`age1…`); none for a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// How it became known: `argument`, `file` or `config`.
    pub source: String,
}

/// The key that signed seal and receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// `file`, `config`, `enrolled`, or `one_run`: a key that existed for this run only.
    pub kind: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The public key, as in an `allowed_signers` file. Proves nothing by standing here.
    pub public_key: String,
}

/// The series of bundles of one enrolled host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// `not-enrolled` where this host keeps no series.
    pub state: String,
    /// The number in the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// SHA-256 of the receipt before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_receipt: Option<Digest>,
}

impl Chain {
    /// A bundle that stands alone.
    pub fn not_enrolled() -> Chain {
        Chain { state: "not-enrolled".into(), sequence: None, previous_receipt: None }
    }
}

/// How long the bundle must be kept. A legal hold stands in the case and overrides the date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The rule that the date follows.
    pub rule: String,
    /// Not to be destroyed before this day.
    pub not_before: String,
}
