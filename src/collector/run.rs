//! Carrying out a plan: every step in its turn, each behind a wall, each with at least one entry.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::audit_budget;
use super::definition::{Action, Definition, Step};
use super::login_evidence::LoginEvidence;
use super::plan::{Plan, context};
use super::request::Request;
use super::steps::Places;
use super::{native, steps};
use crate::clock::Timestamp;
use crate::custody::entry::Taken;
use crate::custody::ledger::{Reason, StepContext};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Host;
use crate::host::allowance::Allowance;
use crate::host::facts::is_root;
use crate::intake::{Halt, Intake};
use crate::view::audit_coverage::PlaceCoverage;
use crate::view::coverage::Kernel;

/// What a step has at hand.
pub struct Run<'r, 'v> {
    /// The examined machine.
    pub host: &'r Host,
    /// What was asked for.
    pub request: &'r Request,
    /// The plan that is carried out.
    pub plan: &'r Plan,
    /// The door.
    pub intake: &'r mut Intake<'v>,
    /// Where things are on the examined machine.
    pub places: &'r Places,
    /// When it began: by its wall clock is told what the kernel counts since boot, so that one process has one start in
    /// all tables.
    pub began: Taken,
    /// What opening PHI files may still cost the audit log.
    pub budget: Arc<Allowance>,
    /// What is known of the audit logs that were to be sealed, once that is done.
    pub audit_logs: Option<AuditLogs>,
    /// The keys of all events in the sealed logs are known.
    pub all_keys_known: bool,
    /// What the audit log can show of each PHI folder, once that has been found out.
    pub coverage: Option<Vec<PlaceCoverage>>,
    /// What the kernel said of auditing, once it was asked towards the end.
    pub kernel: Kernel,
    /// What was learnt of logins.
    pub logins: LoginEvidence,
}

/// The audit logs that could not be taken or read.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditLogs {
    /// One of them was refused.
    pub denied: bool,
    /// How many are there, or may be, and were not read.
    pub unread: u64,
}

/// Carries out the whole plan. A stop is no error: the steps that it leaves undone say so, and what stands at the
/// end of a run is still done. An error means that the bundle is lost.
pub fn carry_out(plan: &Plan, host: &Host, request: &Request, intake: &mut Intake<'_>) -> Result<(), Halt> {
    let places = Places::of(host);
    let mut run = Run::new(plan, host, request, intake, &places);
    let is_tool = |step: &Step| matches!(step.action, Action::Tool(_));
    let total = plan.collectors().count();
    let mut number = 0;
    for definition in &plan.opening {
        number += 1;
        run.intake.tell_collector(number, total, &definition.title);
        run.steps(definition, |_| true)?;
    }
    run.intake.begin_evidence();
    for definition in &plan.evidence {
        number += 1;
        run.intake.tell_collector(number, total, &definition.title);
        run.steps(definition, |step| !is_tool(step))?;
    }
    for definition in &plan.evidence {
        if definition.steps.iter().any(is_tool) {
            run.intake.tell_collector(number, total, &format!("{} (host programs)", definition.title));
            run.steps(definition, is_tool)?;
        }
    }
    run.intake.begin_closing();
    for definition in &plan.closing {
        number += 1;
        run.intake.tell_collector(number, total, &definition.title);
        run.steps(definition, |_| true)?;
    }
    Ok(())
}

impl<'r, 'v> Run<'r, 'v> {
    /// A run of which nothing is done yet.
    pub fn new(
        plan: &'r Plan,
        host: &'r Host,
        request: &'r Request,
        intake: &'r mut Intake<'v>,
        places: &'r Places,
    ) -> Run<'r, 'v> {
        let (began, budget) = (intake.now(), Arc::new(audit_budget::of(host)));
        Run {
            host,
            request,
            plan,
            intake,
            places,
            began,
            budget,
            audit_logs: None,
            all_keys_known: false,
            coverage: None,
            kernel: Kernel::default(),
            logins: LoginEvidence::default(),
        }
    }
}

impl Run<'_, '_> {
    /// Until when host programs are asked about events.
    pub fn asked_until(&self) -> Timestamp {
        self.intake.asked().within.map_or(self.began.utc, |(_, until)| Timestamp::from_unix(until, 0))
    }

    fn steps(&mut self, definition: &Definition, wanted: impl Fn(&Step) -> bool) -> Result<(), Halt> {
        for step in definition.steps.iter().filter(|step| wanted(step)) {
            self.step(definition, step)?;
        }
        Ok(())
    }

    fn step(&mut self, definition: &Definition, step: &Step) -> Result<(), Halt> {
        let context = context(definition, step);
        if let Some((outcome, reason)) = self.not_now(definition, step) {
            return self.intake.leave_step(context, outcome, reason);
        }
        self.guarded(context, |run| run.act(definition, step))
    }

    /// Does the work of a step behind a wall: whatever a hostile file makes a parser do, it must not cost the bundle.
    pub fn guarded(
        &mut self,
        context: StepContext,
        work: impl FnOnce(&mut Self) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        self.intake.begin_step(context.clone());
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(Ok(())) => self.intake.end_step(),
            // What was obtained of it stands; what was not is said.
            Ok(Err(Halt::Stopped(cause))) => {
                self.intake.leave_step(context, Outcome::Skipped, cause.reason())
            }
            Ok(Err(lost)) => Err(lost),
            Err(_) => self.intake.rescue(context),
        }
    }

    fn act(&mut self, definition: &Definition, step: &Step) -> Result<(), Halt> {
        match &step.action {
            Action::Native => match native::find(&definition.id) {
                Some(collect) => collect(self),
                None => Ok(()),
            },
            Action::Copy(copy) => steps::copy(self, copy),
            Action::Listing(listing) => steps::listing(self, definition, step, listing),
            Action::Link(link) => steps::link(self, link),
            Action::Tool(tool) => steps::tool(self, definition, step, tool),
        }
    }

    /// Why a step is not even tried.
    fn not_now(&self, definition: &Definition, step: &Step) -> Option<(Outcome, Reason)> {
        if let Some(cause) = self.intake.stopped().filter(|_| definition.bracket.is_none()) {
            return Some((Outcome::Skipped, cause.reason()));
        }
        let is_tool = matches!(step.action, Action::Tool(_));
        if !self.host.is_live() && (definition.needs_live || is_tool) {
            let words = "the examined root is an image; there is no running system to ask";
            return Some((Outcome::Skipped, Reason::new(ReasonCode::NotLive, words)));
        }
        if is_tool && !self.request.tools {
            let words = "host programs were switched off with --no-tools";
            return Some((Outcome::Skipped, Reason::new(ReasonCode::ToolsOff, words)));
        }
        if is_tool && definition.needs_root && !is_root() {
            let words = "the program needs root, and this run is not root's";
            return Some((Outcome::Denied, Reason::new(ReasonCode::NeedsRoot, words)));
        }
        None
    }
}
