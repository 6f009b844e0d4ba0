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
    counts: FootprintCounts,
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
    let footprint = Footprint { counts: run.host.footprint().counts(), written };
    let draft = Draft::new(Kind::Capture, Source::text("this run"), run.intake.now());
    let bytes = json::document(&footprint)?;
    let entry = run.intake.capture(Member::of_live("footprint", "footprint.json"), draft, bytes)?;
    run.intake.remember("footprint", entry);
    Ok(())
}
