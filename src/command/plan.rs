//! `plan`: the dry run. Reads names and metadata, opens no file below a PHI folder, writes nothing.

use serde::Serialize;

use super::collect;
use super::collect::prepare::{load_config, plan_for, refusals};
use super::collect::summary::warnings;
use super::collect::target::Room;
use crate::clock::{Clock as _, SystemClock};
use crate::collector::preview::{Preview, StepPreview, preview};
use crate::collector::request::Request;
use crate::custody::plan::Limits;
use crate::host::courtesy;
use crate::host::facts::is_root;
use crate::host::own_namespaces::is_root_of_namespace_only;
use crate::seal::ROOM_TO_BEGIN;
use crate::seal::envelope::Recipients;
use crate::term::{Exit, Failure, Voice, bytes, counted};

/// Show what 'collect' with the same arguments would do: read, run, cause, and miss
///
/// Reads names, metadata and the system's own settings; writes nothing. It needs no recipient, which 'collect' does.
/// Exit status: 0 nothing else would keep 'collect' from beginning, 5 something would, 1 error, 2 usage.
#[derive(clap::Args, Debug)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    collect: collect::Args,
}

#[derive(Serialize)]
struct Document<'a> {
    root: bool,
    phi_roots: Vec<String>,
    limits: &'a Limits,
    output: Option<String>,
    output_free_bytes: Option<u64>,
    output_floor_bytes: Option<u64>,
    refusals: Vec<&'a str>,
    warnings: &'a [String],
    #[serde(flatten)]
    preview: &'a Preview,
}

/// Shows what `collect` with the same arguments would do.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    if !args.collect.fast {
        courtesy::go_last();
    }
    let loaded = load_config()?;
    let config = loaded.as_ref().map(|loaded| loaded.config.clone()).unwrap_or_default();
    let (host, request, plan) =
        plan_for(&args.collect, args.collect.kind(), &SystemClock, loaded, &Recipients::none())?;
    let preview = preview(&plan, &host, &request, SystemClock.moment().utc);
    let refusals = refusals(&args.collect, &config, &request, &host);
    let warnings = warnings(&host, &request, &plan);
    let room = request.output.as_ref().and_then(|path| Room::in_folder(path, &host).ok());
    let exit = if refusals.is_empty() { Exit::Done } else { Exit::No };
    if voice.json {
        voice.document(&Document {
            root: is_root(),
            phi_roots: phi_roots(&request),
            limits: &request.limits,
            output: request.output.as_ref().map(|path| path.display().to_string()),
            output_free_bytes: room.as_ref().map(|room| room.free),
            output_floor_bytes: room.as_ref().map(|room| room.floor),
            refusals: refusals.iter().map(Failure::message).collect(),
            warnings: &warnings,
            preview: &preview,
        })?;
        return Ok(exit);
    }
    tell_whole(&preview, &request, room.as_ref(), voice);
    warnings.iter().for_each(|warning| voice.warn(warning));
    let mut last = "";
    for step in &preview.steps {
        if step.collector != last {
            voice.result(format!("\n{}", step.collector));
            last = &step.collector;
        }
        tell_step(step, voice);
    }
    for refusal in &refusals {
        voice.result(format!("\n'collect' would refuse: {}", refusal.message()));
        refusal.hints().iter().for_each(|hint| voice.result(format!("hint: {hint}")));
    }
    if refusals.is_empty() {
        let keys = args.collect.recipients.len() + config.recipients.len();
        let others = args.collect.recipients_file.is_some()
            || args.collect.passphrase
            || args.collect.passphrase_fd.is_some();
        let with = if keys > 0 || others { "" } else { ", and -r AGE1… or --passphrase," };
        voice.say(format!("\nnothing was collected; 'phi-ir collect' with the same arguments{with} does it"));
    }
    Ok(exit)
}

fn phi_roots(request: &Request) -> Vec<String> {
    request.phi_roots.iter().map(|root| format!("{} ({})", root.path, root.origin)).collect()
}

fn tell_whole(preview: &Preview, request: &Request, room: Option<&Room>, voice: Voice) {
    let who = match (is_root(), is_root_of_namespace_only()) {
        (_, true) => "as root of a user namespace only: expect gaps",
        (true, false) => "as root",
        (false, false) => "as an ordinary user: expect gaps",
    };
    let since = request.window.from.map(|from| format!("; time of interest from {}", from.spoken()));
    voice.result(format!(
        "profile {}, {who}; {} steps, about {} to read{}",
        request.profile.word(),
        preview.steps.len(),
        bytes(preview.bytes),
        since.unwrap_or_default()
    ));
    match phi_roots(request).as_slice() {
        [] => voice.result("holds PHI: no folder is known"),
        roots => voice.result(format!("holds PHI: {}", roots.join(", "))),
    }
    let budget = preview.audit_budget.map_or("no rule is loaded, so that none is recorded".into(), |most| {
        format!("at most {most} are allowed; this plan has caused {}", preview.audit_events_of_plan)
    });
    voice.result(format!("audit events below PHI folders: about {} ({budget})", preview.audit_events));
    if let Some(percent) = request.limits.max_cpu_percent {
        voice.result(format!("processor time: at most {percent} % of one processor, on average"));
    }
    if let (Some(path), Some(room)) = (&request.output, room) {
        let (free, floor) = (bytes(room.free), bytes(room.floor));
        voice.result(format!(
            "output: {}, {free} free, of which {floor} stay free for the host",
            path.display()
        ));
        if room.free.saturating_sub(room.floor) < preview.bytes.saturating_add(ROOM_TO_BEGIN) {
            voice.warn("the output may not have room for all of it; choose another disk with -o DIR");
        }
    }
}

fn tell_step(step: &StepPreview, voice: Voice) {
    let amount = match (step.files, step.bytes) {
        (0, _) => String::new(),
        (files, 0) => format!(" [{}]", counted(files, "file")),
        (files, size) => format!(" [{}, {}]", counted(files, "file"), bytes(size)),
    };
    let need = if step.need == "optional" { String::new() } else { format!(" ({})", step.need) };
    voice.result(format!("  {}{need}{amount}", step.title));
    let lines = if step.step.starts_with("tool") { step.what.join("\n      ") } else { step.what.join(" ") };
    voice.result(format!("      {lines}"));
    if !step.obstacle.is_empty() {
        voice.result(format!("      obstacle: {}", step.obstacle));
    }
}
