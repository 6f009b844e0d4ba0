//! Which collectors run, and in which order.

use super::catalog::Catalog;
use super::definition::{Action, Definition, Step};
use super::request::Request;
use super::steps::ALSO;
use super::{Bracket, Volatility};
use crate::clock::Timestamp;
use crate::custody::entry::{Base64, Phi};
use crate::custody::ledger::StepContext;
use crate::custody::plan::{Asked, PLAN_SCHEMA, PlanDocument, PlannedCollector, PlannedStep};

/// The collectors of one run, in the order of work. Host programs run after every other step of the evidence.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Before everything else.
    pub opening: Vec<Definition>,
    /// In the order of volatility.
    pub evidence: Vec<Definition>,
    /// After everything else.
    pub closing: Vec<Definition>,
}

/// Why there is nothing to carry out, or not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A name that no collector has.
    #[error("there is no collector {0:?}")]
    Unknown(String),
    /// A collector was named that does nothing by itself.
    #[error("--only {0} collects nothing without {1}")]
    Needs(String, &'static str),
    /// Nothing is left but what frames every run.
    #[error("nothing would be collected: what is left speaks of the run itself, and not of this host")]
    Nothing,
}

impl Plan {
    /// Chooses and orders what the request asks for.
    pub fn make(catalog: &Catalog, request: &Request) -> Result<Plan, PlanError> {
        for wanted in request.only.iter().chain(&request.skip) {
            let Some(definition) = catalog.get(wanted) else {
                return Err(PlanError::Unknown(wanted.clone()));
            };
            if let Some(what) = lacks(definition, request).filter(|_| request.only.contains(wanted)) {
                return Err(PlanError::Needs(wanted.clone(), what));
            }
        }
        let at =
            |bracket| catalog.all().iter().filter(move |one| one.bracket == Some(bracket)).cloned().collect();
        let evidence = catalog.all().iter().filter(|one| one.bracket.is_none() && chosen(one, request));
        let evidence: Vec<Definition> = evidence.cloned().collect();
        if evidence.is_empty() {
            return Err(PlanError::Nothing);
        }
        Ok(Plan {
            opening: in_order(at(Bracket::Opening)),
            evidence: in_order(evidence),
            closing: in_order(at(Bracket::Closing)),
        })
    }

    /// All of them, in the order of work.
    pub fn collectors(&self) -> impl Iterator<Item = &Definition> {
        self.opening.iter().chain(&self.evidence).chain(&self.closing)
    }

    /// As it is sealed before the work begins.
    pub fn document(&self, request: &Request, made: Timestamp, image: Option<Vec<u8>>) -> PlanDocument {
        PlanDocument {
            schema: PLAN_SCHEMA.into(),
            id: request.id.clone(),
            kind: request.kind,
            made,
            tool: request.tool.clone(),
            asked: Asked {
                profile: request.profile.word().into(),
                image_b64: image.map(Base64),
                window: request.window.clone(),
                phi_roots: request.phi_roots.iter().map(super::request::PhiRoot::named).collect(),
                phi_keys_b64: request.phi_keys.iter().cloned().map(Base64).collect(),
                include_content: request.include_content,
                environ: request.environ,
                reason: request.reason.clone(),
                tools: request.tools,
                also_b64: request.also.iter().map(|path| Base64(path.as_bytes().to_vec())).collect(),
                only: request.only.clone(),
                skip: request.skip.clone(),
            },
            limits: request.limits.clone(),
            collectors: self.collectors().map(planned).collect(),
        }
    }
}

/// What all entries of a step have in common.
pub fn context(definition: &Definition, step: &Step) -> StepContext {
    StepContext {
        collector: definition.id.clone(),
        step: step.id.clone(),
        title: title_of(definition, step),
        phi: definition.phi,
        hipaa: definition.hipaa.clone(),
        need: step.need.clone(),
    }
}

/// What a step takes, in words.
pub fn title_of(definition: &Definition, step: &Step) -> String {
    step.title.clone().unwrap_or_else(|| definition.title.clone())
}

/// The option without which a collector has nothing to do.
fn lacks(definition: &Definition, request: &Request) -> Option<&'static str> {
    if definition.phi == Phi::Content && !request.include_content {
        return Some("--include-content");
    }
    (definition.id == ALSO && request.also.is_empty()).then_some("--also PATH")
}

fn chosen(definition: &Definition, request: &Request) -> bool {
    let id = &definition.id;
    if request.skip.contains(id) || lacks(definition, request).is_some() {
        return false;
    }
    // What was pointed at by its path is asked for, however few collectors are.
    let named = request.only.contains(id) || definition.phi == Phi::Content || id == ALSO;
    if request.only.is_empty() { named || definition.profiles.contains(&request.profile) } else { named }
}

/// By volatility, then by what comes after what, then by name.
pub fn in_order(mut definitions: Vec<Definition>) -> Vec<Definition> {
    definitions.sort_by(|a, b| (a.volatility, &a.id).cmp(&(b.volatility, &b.id)));
    let mut ordered: Vec<Definition> = Vec::with_capacity(definitions.len());
    while !definitions.is_empty() {
        let lowest: Option<Volatility> = definitions.first().and_then(|first| first.volatility);
        let waits = |one: &Definition| {
            definitions
                .iter()
                .any(|other| other.volatility == one.volatility && one.after.contains(&other.id))
        };
        let next = definitions.iter().position(|one| one.volatility == lowest && !waits(one));
        // A circle cannot be ordered; then the name decides, and a test of the catalogue complains.
        ordered.push(definitions.remove(next.unwrap_or(0)));
    }
    ordered
}

fn planned(definition: &Definition) -> PlannedCollector {
    PlannedCollector {
        id: definition.id.clone(),
        title: definition.title.clone(),
        volatility: definition.place().into(),
        definition_sha256: definition.digest,
        origin: definition.origin.clone(),
        steps: definition.steps.iter().map(|step| planned_step(definition, step)).collect(),
    }
}

fn planned_step(definition: &Definition, step: &Step) -> PlannedStep {
    let what = match &step.action {
        Action::Native => Vec::new(),
        Action::Copy(copy) => copy.paths.clone(),
        Action::Listing(listing) => listing.paths.clone(),
        Action::Link(link) => link.paths.clone(),
        Action::Tool(tool) => tool.argv.clone(),
    };
    PlannedStep {
        id: step.id.clone(),
        title: title_of(definition, step),
        kind: step.action.word().into(),
        need: step.need.clone(),
        phi: definition.phi,
        what,
    }
}
