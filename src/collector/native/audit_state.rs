//! The kernel's audit state: on or off, locked, records lost. Without it no absence in the audit log means anything.

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Base64, Kind, Loss, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::intake::Halt;
use crate::records::audit_status;

/// Seals the kernel's answer as it came, and what it says.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let source = || Source::text("netlink audit, AUDIT_GET");
    let answer = match run.host.audit_status() {
        Ok(answer) => answer,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source(), outcome, reason)?;
            return Ok(());
        }
    };
    let status = audit_status::parse(&answer);
    let mut draft = Draft::new(Kind::Capture, source(), taken);
    draft.title = Some("Kernel audit status, as the kernel answered".into());
    draft.loss = status.as_ref().map(|status| Loss {
        audit_lost: Some(status.lost.into()),
        audit_backlog: Some(status.backlog.into()),
        journal_missed: None,
    });
    let raw = run.intake.capture(Member::of_live("audit-state", "status.bin"), draft, answer)?;
    let Some(status) = status else {
        let reason = Reason::new(ReasonCode::NotParsed, "the kernel's answer is shorter than its documentation says");
        run.intake.gap(source(), Outcome::Inconclusive, reason)?;
        return Ok(());
    };
    let mut draft = Draft::new(Kind::Derived, source(), taken);
    draft.title = Some("Kernel audit status".into());
    draft.derived_from.push(raw);
    run.intake.capture(Member::of_live("audit-state", "status.json"), draft, json::document(&status)?)?;
    rules(run)
}

/// One loaded rule. Keys are sorted.
#[derive(Serialize)]
struct RuleRow {
    /// `struct audit_rule_data` of linux/audit.h, as the kernel gave it.
    rule_b64: Base64,
}

/// The rules in force, as the kernel gave them: what is on disk need not be loaded.
fn rules(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let source = || Source::text("netlink audit, AUDIT_LIST_RULES");
    let rules = match run.host.audit_rules() {
        Ok(rules) => rules,
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source(), outcome, reason)?;
            return Ok(());
        }
    };
    let mut draft = Draft::new(Kind::Capture, source(), taken);
    draft.title = Some("Loaded audit rules, as the kernel gave them".into());
    if rules.is_empty() {
        let reason = Reason::new(ReasonCode::NotFound, "the kernel was asked, and no audit rule is loaded");
        draft = draft.ended(Outcome::Empty, reason);
    }
    let mut rows = Vec::new();
    for rule in rules {
        json::row(&mut rows, &RuleRow { rule_b64: Base64(rule) })?;
    }
    run.intake.capture(Member::of_live("audit-state", "rules.jsonl"), draft, rows)?;
    Ok(())
}
