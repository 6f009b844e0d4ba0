//! What this run did to the host: said by us before anybody else asks.

use std::time::Duration;

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::footprint::FootprintCounts;
use crate::host::{courtesy, sys};
use crate::intake::Halt;

/// As ioprio_get(2) numbers them.
const IO_CLASSES: [&str; 4] = ["none", "real_time", "best_effort", "idle"];

#[derive(Serialize)]
struct Footprint {
    /// Openings below PHI folders that may have caused an audit event each; nothing was counted where no rule limits
    /// them.
    audit_openings: u64,
    counts: FootprintCounts,
    /// How the disk scheduler ranks us: `idle` goes last, where it ranks at all.
    io_class: Option<&'static str>,
    /// How long the run paused to stay below its ceiling, in nanoseconds.
    paused_ns: u64,
    /// What was used of the examined host; of an image's nothing is.
    #[serde(flatten)]
    used: Option<Used>,
    /// The nice value of the session that we run in, where the kernel ranks sessions.
    session_nice: Option<i32>,
    /// The run's nice value: 19 goes last.
    nice: Option<i32>,
    /// What was written on the examined host, in words; names and sizes stand in the receipt.
    written: &'static str,
}

/// What was used so far.
#[derive(Serialize)]
struct Used {
    /// Bytes that had to come from a disk so far, for us and for the programs that we ran.
    from_disk_bytes: u64,
    /// The most memory that we had at a time, in bytes.
    memory_bytes: u64,
    /// The largest of the programs that we ran, in bytes.
    programs_memory_bytes: u64,
    /// Processor time of the programs that we ran, in nanoseconds.
    programs_processor_ns: u64,
    /// Processor time of ours so far, in nanoseconds.
    processor_ns: u64,
}

impl Used {
    fn so_far() -> Used {
        let (own, programs) = (sys::usage_of_ourselves(), sys::usage_of_programs());
        Used {
            from_disk_bytes: own.from_disk.saturating_add(programs.from_disk),
            memory_bytes: own.memory,
            programs_memory_bytes: programs.memory,
            programs_processor_ns: nanos(programs.processor),
            processor_ns: nanos(own.processor),
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
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
        io_class: sys::io_class().and_then(|class| IO_CLASSES.get(usize::from(class)).copied()),
        paused_ns: nanos(run.host.pace().paused()),
        used: run.host.is_live().then(Used::so_far),
        session_nice: courtesy::session_nice(),
        nice: rustix::process::getpriority_process(None).ok(),
        written,
    };
    let draft = Draft::new(Kind::Capture, Source::text("this run"), run.intake.now());
    let bytes = json::document(&footprint)?;
    let entry = run.intake.capture(Member::of_live("footprint", "footprint.json"), draft, bytes)?;
    run.intake.remember("footprint", entry);
    Ok(())
}
