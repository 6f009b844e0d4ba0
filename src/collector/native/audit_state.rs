//! The kernel's audit state: on or off, locked, records lost. Without it no absence in the audit log means anything.

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Loss, Source};
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
    Ok(())
}
