//! What this run did to the host: said by us before anybody else asks.

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::footprint::FootprintCounts;
use crate::intake::Halt;

#[derive(Serialize)]
struct Footprint {
    /// Openings below PHI folders that may have caused an audit event each; nothing was counted where no rule limits
    /// them.
    audit_openings: u64,
    counts: FootprintCounts,
    /// The run's nice value: 19 goes last.
    nice: Option<i32>,
    /// What was written on the examined host, in words; names and sizes stand in the receipt.
    written: &'static str,
}

/// Seals the counters.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let written = match (&run.request.output, run.host.is_live()) {
        (Some(_), true) => "the sealed file, its receipt and the receipt's signature, in the output folder",
        (Some(_), false) => "nothing on the examined image; the output went to the workstation",
        (None, _) => "the sealed file went to a pipe; the receipt and its signature where --receipt says",
    };
    let footprint = Footprint {
        audit_openings: run.budget.spent(),
        counts: run.host.footprint().counts(),
        nice: rustix::process::getpriority_process(None).ok(),
        written,
    };
    let draft = Draft::new(Kind::Capture, Source::text("this run"), run.intake.now());
    let bytes = json::document(&footprint)?;
    let entry = run.intake.capture(Member::of_live("footprint", "footprint.json"), draft, bytes)?;
    run.intake.remember("footprint", entry);
    Ok(())
}
