//! What a plan would do here, found out without opening a single file: the dry run.

mod events;

use std::sync::Arc;

use serde::Serialize;

use super::audit_budget;
use super::definition::{Action, Definition, Step};
use super::plan::{Plan, title_of};
use super::request::Request;
use super::steps::{self, Group, Places, changed_in};
use crate::clock::Timestamp;
use crate::custody::entry::Phi;
use crate::host::allowance::Allowance;
use crate::host::facts::is_root;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Manner, Wanted};
use crate::host::{Host, Trouble};
use events::Asked;

/// The collectors that look below the PHI folders.
const LISTING: &str = "phi-files";
const CONTENT: &str = "phi-content";
/// The collector that opens them to see that recorded.
const COVERAGE: &str = "audit-coverage";

/// The whole preview. Keys are sorted.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// Audit events that opening below PHI folders may cause; none if nothing limits or records them.
    pub audit_budget: Option<u64>,
    /// Audit events that this run would cause below the PHI folders if all of them are watched, as far as it can be told
    /// beforehand.
    pub audit_events: u64,
    /// Those that this look itself has caused; none where none is recorded.
    pub audit_events_of_plan: u64,
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
    let allowance = Arc::new(audit_budget::of(host));
    let mut preview = Preview {
        audit_budget: allowance.events(),
        audit_events: 0,
        audit_events_of_plan: 0,
        bytes: 0,
        steps: Vec::new(),
    };
    for definition in plan.collectors() {
        for step in &definition.steps {
            let seen = look(definition, step, host, request, &places, &allowance, now);
            preview.bytes += seen.bytes;
            preview.steps.push(seen);
        }
    }
    preview.look_at_phi(plan, host, request, &allowance);
    preview
}

impl Preview {
    /// What lies below the PHI folders, and what opening it costs.
    fn look_at_phi(&mut self, plan: &Plan, host: &Host, request: &Request, allowance: &Arc<Allowance>) {
        let holds = |id: &str| plan.collectors().any(|definition| definition.id == id);
        let asked = Asked { listing: holds(LISTING), content: holds(CONTENT), coverage: holds(COVERAGE) };
        let ahead = events::forecast(host, request, asked, allowance);
        self.audit_events = ahead.events;
        if allowance.is_limited() {
            self.audit_events_of_plan = allowance.spent();
        }
        if let Some(step) = self.steps.iter_mut().find(|step| step.collector == LISTING) {
            (step.files, step.bytes) = (ahead.files, ahead.bytes);
            self.bytes += ahead.bytes;
        }
    }
}

fn look(
    definition: &Definition,
    step: &Step,
    host: &Host,
    request: &Request,
    places: &Places,
    allowance: &Arc<Allowance>,
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
                    |pattern| manner(request, allowance, pattern),
                    |met| window.is_none_or(|window| changed_in(window, &met.stat)),
                    true,
                );
            }
        }
        Action::Listing(listing) => {
            for group in steps::expand(&listing.paths, request, places) {
                preview.what.push(group.spelt_out());
                let manner = |pattern: &Pattern| manner(request, allowance, pattern);
                count(&mut preview, &group, host, manner, |_| true, false);
            }
        }
        Action::Link(link) => {
            preview.what =
                steps::expand(&link.paths, request, places).map(|group| group.spelt_out()).collect();
        }
    }
    preview
}

/// Below PHI folders what is opened is taken from the allowance. Where links lead does not matter here.
fn manner(request: &Request, allowance: &Arc<Allowance>, pattern: &Pattern) -> Manner {
    let is_private = request.phi_places().iter().any(|place| pattern.base().is_within(place));
    Manner {
        targets: false,
        allowance: is_private.then(|| Arc::clone(allowance)),
        ..Manner::plain(Wanted::Files, pattern.is_plain())
    }
}

fn count(
    preview: &mut StepPreview,
    group: &Group,
    host: &Host,
    manner: impl Fn(&Pattern) -> Manner,
    counts: impl Fn(&crate::host::stat::Met) -> bool,
    with_bytes: bool,
) {
    for pattern in &group.patterns {
        for found in host.walk_in(pattern, manner(pattern)) {
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
