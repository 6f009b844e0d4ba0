//! What a plan would do here, found out without opening a single file: the dry run.

use rustix::fs::FileType;
use serde::Serialize;

use super::audit_budget;
use super::definition::{Action, Definition, Step};
use super::plan::{Plan, title_of};
use super::request::Request;
use super::steps::{self, Group, Places, changed_in};
use crate::clock::Timestamp;
use crate::custody::entry::Phi;
use crate::host::allowance::{FILE_EVENTS, FOLDER_EVENTS};
use crate::host::facts::is_root;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::host::{Host, Trouble};

/// The whole preview. Keys are sorted.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// Audit events that opening below PHI folders may cause; none if nothing limits or records them.
    pub audit_budget: Option<u64>,
    /// Audit events that this run would cause below watched PHI folders, as far as it can be told beforehand.
    pub audit_events: u64,
    /// Bytes that would be read.
    pub bytes: u64,
    /// The steps, in the order of work.
    pub steps: Vec<StepPreview>,
}

/// One step. Keys are sorted.
#[derive(Debug, Serialize)]
pub struct StepPreview {
    /// Bytes of the files that are there now.
    pub bytes: u64,
    /// The collector.
    pub collector: String,
    /// How many there are.
    pub files: u64,
    /// How much it matters.
    pub need: String,
    /// Why it would not work as things stand; empty if it would.
    pub obstacle: String,
    /// What its artifacts may hold of patients' information.
    pub phi: Phi,
    /// Its id.
    pub step: String,
    /// What it takes, in words.
    pub title: String,
    /// Paths or command lines, spelt out.
    pub what: Vec<String>,
}

/// Looks at everything that the plan would look at: names and metadata only.
pub fn preview(plan: &Plan, host: &Host, request: &Request, now: Timestamp) -> Preview {
    let places = Places::of(host);
    let audit_budget = audit_budget::of(host).events();
    let mut preview = Preview { audit_budget, audit_events: 0, bytes: 0, steps: Vec::new() };
    for definition in plan.collectors() {
        for step in &definition.steps {
            let seen = look(definition, step, host, request, &places, now);
            preview.bytes += seen.bytes;
            preview.steps.push(seen);
        }
    }
    preview.audit_events = phi_events(host, request, audit_budget.unwrap_or(u64::MAX));
    preview
}

fn look(
    definition: &Definition,
    step: &Step,
    host: &Host,
    request: &Request,
    places: &Places,
    now: Timestamp,
) -> StepPreview {
    let mut preview = StepPreview {
        bytes: 0,
        collector: definition.id.clone(),
        files: 0,
        need: step.need.to_string(),
        obstacle: obstacle(definition, step, host, request),
        phi: definition.phi,
        step: step.id.clone(),
        title: title_of(definition, step),
        what: Vec::new(),
    };
    match &step.action {
        Action::Native => preview.what.push("asked of the system by code of ours".into()),
        Action::Tool(tool) => {
            preview.what = steps::command_lines(&tool.argv, request, now);
            if preview.what.is_empty() {
                preview.what.push(tool.argv.join(" "));
                preview.obstacle = "no audit key is known that watches a PHI folder".into();
            }
            let name = tool.argv.first().map(String::as_str).unwrap_or_default();
            if preview.obstacle.is_empty()
                && let Err(none) = host.tool(name)
            {
                preview.obstacle = none.verdict().1.words;
            }
        }
        Action::Copy(copy) => {
            let window = copy.changed_in_window.then_some(&request.window);
            for group in steps::expand(&copy.paths, request, places) {
                preview.what.push(group.spelt_out());
                count(
                    &mut preview,
                    &group,
                    host,
                    |met| window.is_none_or(|window| changed_in(window, &met.stat)),
                    true,
                );
            }
        }
        Action::Listing(listing) => {
            for group in steps::expand(&listing.paths, request, places) {
                preview.what.push(group.spelt_out());
                count(&mut preview, &group, host, |_| true, false);
            }
        }
        Action::Link(link) => {
            preview.what = steps::expand(&link.paths, request, places).iter().map(Group::spelt_out).collect();
        }
    }
    preview
}

fn count(
    preview: &mut StepPreview,
    group: &Group,
    host: &Host,
    counts: impl Fn(&crate::host::stat::Met) -> bool,
    with_bytes: bool,
) {
    for pattern in &group.patterns {
        for found in host.walk(pattern, Wanted::Files, pattern.is_plain()) {
            match found {
                Found::Match(found) if counts(&found.met) => {
                    preview.files += 1;
                    preview.bytes += if with_bytes { found.met.stat.size } else { 0 };
                }
                Found::Trouble(_, trouble @ Trouble::Denied(_)) if preview.obstacle.is_empty() => {
                    preview.obstacle = trouble.to_string();
                }
                _ => {}
            }
        }
    }
}

fn obstacle(definition: &Definition, step: &Step, host: &Host, request: &Request) -> String {
    let is_tool = matches!(step.action, Action::Tool(_));
    if !host.is_live() && (definition.needs_live || is_tool) {
        "needs the running host".into()
    } else if is_tool && !request.tools {
        "switched off with --no-tools".into()
    } else if definition.needs_root && !is_root() {
        "needs root".into()
    } else {
        String::new()
    }
}

/// What opening each folder, and each file that would be hashed or copied, costs up to the budget: a run stops there,
/// and so does this look at what it would do.
fn phi_events(host: &Host, request: &Request, most: u64) -> u64 {
    let mut events = 0_u64;
    for root in request.phi_paths() {
        for pattern in [Pattern::exactly(&root), Pattern::below(&root)] {
            for found in host.walk(&pattern, Wanted::Everything, true) {
                let Found::Match(found) = found else { continue };
                let changed = || changed_in(&request.window, &found.met.stat);
                events += match found.met.kind {
                    FileType::Directory => FOLDER_EVENTS,
                    FileType::RegularFile if changed() => FILE_EVENTS,
                    _ => 0,
                };
                if events >= most {
                    return most;
                }
            }
        }
    }
    events
}
