//! The clocks at the beginning of a run: what every other time in the bundle rests on.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::Host;
use crate::intake::Halt;
use crate::path::{HostPath, shown};

/// What the clocks say. Keys are sorted.
#[derive(Serialize)]
struct Clocks {
    /// Of this boot; another one means that the machine was restarted in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    /// Nanoseconds since boot.
    boottime_ns: u64,
    /// What a person read off another clock, if anybody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Wall-clock time.
    utc: Timestamp,
    /// The host's zone: where /etc/localtime points, or what /etc/timezone says.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
}

/// Reads them at the start.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let reference = run.request.clock_reference.as_ref().map(ToString::to_string);
    read(run, "clock_start", "clock-start", reference)
}

/// Reads them into the entry that the seal calls `role`.
pub fn read(run: &mut Run<'_, '_>, role: &str, collector: &str, reference: Option<String>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let clocks = Clocks {
        boot_id: line_of(run.host, "/proc/sys/kernel/random/boot_id").filter(|_| run.host.is_live()),
        boottime_ns: taken.boottime_ns,
        reference,
        utc: taken.utc,
        zone: zone(run.host),
    };
    let draft = Draft::new(Kind::Capture, Source::text("clock_gettime(REALTIME, BOOTTIME)"), taken);
    let entry = run.intake.capture(Member::of_live(collector, "clock.json"), draft, json::document(&clocks)?)?;
    run.intake.remember(role, entry);
    Ok(())
}

/// The first line of a small file.
pub fn line_of(host: &Host, path: &str) -> Option<String> {
    let bytes = host.peek(&HostPath::new(path).ok()?, 4096).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').next()?.trim_ascii();
    Some(shown(line)).filter(|line| !line.is_empty())
}

fn zone(host: &Host) -> Option<String> {
    let localtime = HostPath::new("/etc/localtime").ok()?;
    let located = host.locate(&localtime, true).ok()?;
    let resolved = located.spot.real.to_string();
    let named = resolved.split_once("/zoneinfo/").map(|(_, zone)| zone.to_owned());
    named.or_else(|| line_of(host, "/etc/timezone"))
}
