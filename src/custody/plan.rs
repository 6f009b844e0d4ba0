//! `plan.json`: what was going to be done, written before anything was done. Schema 1, frozen.
//!
//! Its steps are the unit of account: each must end in at least one entry, and a bundle in which one does not
//! fails verification.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::completeness::Need;
use super::digest::Digest;
use super::entry::{Base64, Phi, Window};
use super::seal::Tool;
use crate::case::{BundleKind, Line};
use crate::clock::Timestamp;
use crate::path::HostPath;

/// The longest plan that is read back, in bytes.
pub const PLAN_LIMIT: usize = 4 << 20;

/// The schema's name.
pub const PLAN_SCHEMA: &str = "phi-ir.plan/1";

/// The whole plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanDocument {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The bundle's id.
    pub id: String,
    /// What kind of bundle.
    pub kind: BundleKind,
    /// When the plan was made.
    pub made: Timestamp,
    /// The program that made it.
    pub tool: Tool,
    /// What was asked for.
    pub asked: Asked,
    /// What it is limited by.
    pub limits: Limits,
    /// What will be done, in the order of work.
    pub collectors: Vec<PlannedCollector>,
}

impl PlanDocument {
    /// Every path below which PHI lies: the PHI folders as they are called, and where else they are.
    pub fn phi_places(&self) -> Vec<HostPath> {
        self.phi_folders().concat()
    }

    /// The PHI folders, each by all of its paths, the one that it is called by first.
    pub fn phi_folders(&self) -> Vec<Vec<HostPath>> {
        let places = |root: &NamedRoot| {
            let all = [&root.path_b64].into_iter().chain(&root.also_b64);
            all.filter_map(|place| HostPath::new(&place.0).ok()).collect()
        };
        self.asked.phi_roots.iter().map(places).collect()
    }

    /// The collectors that speak of the run itself.
    pub fn framing(&self) -> HashSet<String> {
        let frames = |one: &&PlannedCollector| ["opening", "closing"].contains(&one.volatility.as_str());
        self.collectors.iter().filter(frames).map(|one| one.id.clone()).collect()
    }

    /// Where not the whole profile was asked for, the collectors that the result speaks of.
    pub fn speaks_of(&self) -> Option<Vec<String>> {
        let whole = self.asked.only.is_empty() && self.asked.skip.is_empty();
        let framing = self.framing();
        let of_evidence = self.collectors.iter().filter(|one| !framing.contains(&one.id));
        (!whole).then(|| of_evidence.map(|one| one.id.clone()).collect())
    }

    /// How much each step matters, and what it takes in words; by collector and step.
    pub fn steps(&self) -> HashMap<(String, String), (Need, String)> {
        let rows = self.collectors.iter().flat_map(|collector| {
            collector.steps.iter().map(|step| {
                let title = if step.title.is_empty() { &collector.title } else { &step.title };
                ((collector.id.clone(), step.id.clone()), (step.need.clone(), title.clone()))
            })
        });
        rows.collect()
    }
}

/// What the person at the keyboard asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The profile.
    pub profile: String,
    /// The examined root, if it is an image and not the running host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_b64: Option<Base64>,
    /// The window of interest.
    pub window: Window,
    /// The folders that hold PHI, and how each became known.
    pub phi_roots: Vec<NamedRoot>,
    /// The audit keys that belong to them.
    pub phi_keys_b64: Vec<Base64>,
    /// Whether the content of PHI files is taken.
    pub include_content: bool,
    /// Whether the environment of processes is taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub environ: bool,
    /// Why this is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
    /// Whether host programs are run.
    pub tools: bool,
    /// Further paths that were pointed at.
    pub also_b64: Vec<Base64>,
    /// Only these collectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Not these collectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
}

/// A folder that holds PHI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRoot {
    /// Escaped, for people.
    pub display: String,
    /// Exactly.
    pub path_b64: Base64,
    /// Where else it is: behind links, and under other mounts of the same file system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_b64: Vec<Base64>,
    /// How it became known: `argument`, `config`, or the audit rules file that watches it.
    pub origin: String,
}

/// The limits of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Evidence bytes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Processor time at most, in percent of one processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cpu_percent: Option<u32>,
    /// Running time at most, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_time_ns: Option<u64>,
    /// How long one read may take, in nanoseconds.
    pub read_deadline_ns: u64,
    /// Files below PHI folders that may be opened before the audit log would suffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_events: Option<u64>,
}

/// One collector in the plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedCollector {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Its place in the order of volatility, or `opening` and `closing`.
    pub volatility: String,
    /// SHA-256 of its definition, which is sealed as a member.
    pub definition_sha256: Digest,
    /// Where the definition came from: `built in`, or a file.
    pub origin: String,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// One step in the plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its id, unique within the collector.
    pub id: String,
    /// What it takes, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// `copy`, `listing`, `link`, `tool` or `native`.
    pub kind: String,
    /// How much it matters.
    pub need: Need,
    /// What it may hold of patients' information.
    pub phi: Phi,
    /// Paths or arguments as the definition has them.
    pub what: Vec<String>,
}
