//! Which machine this is. Under an image: the image's, and the workstation that it was examined on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::clock_start::line_of;
use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::facts::{Kernel, Totals, kernel, totals};
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::os_release;

/// What identifies it. Keys are sorted; what is not there is absent.
#[derive(Serialize)]
struct HostFacts {
    /// The running kernel, if the host is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<Kernel>,
    /// Vendor, product and serial number, as the firmware has them.
    dmi: BTreeMap<&'static str, String>,
    /// As /etc/hostname has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    /// Whether this is the running machine.
    live: bool,
    /// /etc/machine-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_id: Option<String>,
    /// os-release.
    os_release: BTreeMap<String, String>,
    /// Its size, if the host is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
    /// The machine that an image was examined on.
    #[serde(skip_serializing_if = "Option::is_none")]
    workstation: Option<Kernel>,
}

/// Gathers the facts.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let live = run.host.is_live();
    let facts = HostFacts {
        kernel: live.then(kernel),
        dmi: if live { dmi(run) } else { BTreeMap::new() },
        hostname: line_of(run.host, "/etc/hostname"),
        live,
        machine_id: line_of(run.host, "/etc/machine-id"),
        os_release: os_release::parse(&release(run)),
        totals: live.then(totals),
        workstation: (!live).then(kernel),
    };
    let draft = Draft::new(Kind::Capture, Source::text("uname(2), os-release, machine-id, DMI"), taken);
    let entry = run.intake.capture(Member::of_live("host", "host.json"), draft, json::document(&facts)?)?;
    run.intake.remember("host", entry);
    Ok(())
}

fn release(run: &Run<'_, '_>) -> Vec<u8> {
    ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| run.host.peek(&HostPath::new(path).ok()?, 64 << 10).ok())
        .unwrap_or_default()
}

fn dmi(run: &Run<'_, '_>) -> BTreeMap<&'static str, String> {
    ["sys_vendor", "product_name", "product_serial", "product_uuid", "board_serial"]
        .into_iter()
        .filter_map(|name| Some((name, line_of(run.host, &format!("/sys/class/dmi/id/{name}"))?)))
        .collect()
}
