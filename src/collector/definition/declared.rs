//! The steps as a definition declares them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::values::{exits, silence, span, tool_output, tool_timeout};
use crate::config;
use crate::custody::completeness::Need;
use crate::custody::outcome::Outcome;
use crate::records::form::Form;

/// `[[copy]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyStep {
    /// Which files; `~` is each home, `{phi_roots}` each PHI folder.
    pub paths: Vec<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) need: Need,
    /// Bytes of one file at most.
    #[serde(default, deserialize_with = "config::size")]
    pub max_size: Option<u64>,
    /// Files longer than this are left to the native step, which takes them in another way.
    #[serde(default, deserialize_with = "config::size")]
    pub leave_above: Option<u64>,
    /// The bytes are kept at hand for native code that derives.
    #[serde(skip)]
    pub keep: bool,
    /// Files at most.
    #[serde(default)]
    pub max_files: Option<u64>,
    /// Not these.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Also follow links that are found by a pattern, if root made them.
    #[serde(default)]
    pub follow: bool,
    /// These are logs, which are rotated by renaming: each file is taken once, whatever it is called at the moment, and
    /// they are listed again until nothing is left.
    #[serde(default)]
    pub rotates: bool,
    /// Only files that changed in the window.
    #[serde(default)]
    pub changed_in_window: bool,
    /// What such a file looks like; another is taken all the same, and said to be odd.
    #[serde(default)]
    pub form: Option<Form>,
    /// Only on these systems, by `ID` or `ID_LIKE` of os-release.
    #[serde(default)]
    pub only_on: Vec<String>,
    /// Not on these.
    #[serde(default)]
    pub not_on: Vec<String>,
}

/// `[[listing]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingStep {
    /// Which files and folders.
    pub paths: Vec<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) need: Need,
    /// Rows at most.
    #[serde(default)]
    pub max_files: Option<u64>,
    /// Not these.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// `[[link]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkStep {
    /// Which links.
    pub paths: Vec<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) need: Need,
}

/// `[[tool]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolStep {
    /// Program and arguments; `{phi_keys}` runs it once for each key, `{since}` and the like are filled in.
    pub argv: Vec<String>,
    #[serde(default)]
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) need: Need,
    /// How long it may run.
    #[serde(default = "tool_timeout", deserialize_with = "span")]
    pub timeout: Duration,
    /// Bytes that it may print.
    #[serde(default = "tool_output", deserialize_with = "config::size")]
    pub max_output: Option<u64>,
    /// What its exit statuses mean; 0 is `collected` and everything else `failed` unless said otherwise.
    #[serde(default, deserialize_with = "exits")]
    pub exit: BTreeMap<i32, Outcome>,
    /// What it means that it ends well and prints nothing.
    #[serde(default = "silence")]
    pub silent: Outcome,
    /// What its statuses mean where they do not say it themselves.
    #[serde(default)]
    pub judge: Option<Judge>,
}

/// A program whose end has to be read beside what is known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// ausearch(8): status 1 is no match, a wrong argument and an unreadable log alike.
    Ausearch,
}
