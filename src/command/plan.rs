//! `plan`: the dry run. Reads names and metadata, opens no file, writes nothing.

use serde::Serialize;

use super::collect;
use super::collect::prepare::{load_config, plan_for};
use crate::case::BundleKind;
use crate::clock::SystemClock;
use crate::collector::preview::{Preview, preview};
use crate::host::facts::is_root;
use crate::seal::envelope::Recipients;
use crate::seal::output::Folder;
use crate::term::{Exit, Failure, Voice, bytes};

/// Show what 'collect' with the same arguments would do: read, run, cause, and miss
///
/// Reads names and metadata only, opens no file and writes nothing.
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
    output: Option<String>,
    output_free_bytes: Option<u64>,
    #[serde(flatten)]
    preview: &'a Preview,
}

/// Shows what `collect` with the same arguments would do.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let (host, request, plan) =
        plan_for(&args.collect, BundleKind::Incident, &SystemClock, load_config()?, &Recipients::none())?;
    let preview = preview(&plan, &host, &request);
    let free = match &request.output {
        Some(path) => Some(Folder::open(path)?.space()?.free),
        None => None,
    };
    let phi_roots: Vec<String> =
        request.phi_roots.iter().map(|root| format!("{} ({})", root.path, root.origin)).collect();
    if voice.json {
        let output = request.output.as_ref().map(|path| path.display().to_string());
        voice.document(&Document {
            root: is_root(),
            phi_roots,
            output,
            output_free_bytes: free,
            preview: &preview,
        })?;
        return Ok(Exit::Done);
    }
    tell(&preview, voice);
    voice.result(format!(
        "\nreads about {} in {} steps; as {}",
        bytes(preview.bytes),
        preview.steps.len(),
        if is_root() { "root" } else { "an ordinary user: expect gaps" }
    ));
    match phi_roots.as_slice() {
        [] => voice.result("holds PHI: no folder is known; name it with --phi DIR"),
        roots => voice.result(format!("holds PHI: {}", roots.join(", "))),
    }
    let budget =
        preview.audit_budget.map_or("no limit applies".into(), |most| format!("at most {most} are allowed"));
    voice.result(format!("audit events below PHI folders: about {} ({budget})", preview.audit_events));
    if let (Some(path), Some(free)) = (&request.output, free) {
        voice.result(format!("output: {}, {} free", path.display(), bytes(free)));
        if free < preview.bytes {
            voice.warn("the output may not have room for all of it; choose another disk with -o DIR");
        }
    }
    voice.say("nothing was collected; 'phi-ir collect' with the same arguments does it");
    Ok(Exit::Done)
}

fn tell(preview: &Preview, voice: Voice) {
    let mut last = "";
    for step in &preview.steps {
        if step.collector != last {
            voice.result(&step.collector);
            last = &step.collector;
        }
        let amount = if step.files > 0 {
            format!(" [{} files, {}]", step.files, bytes(step.bytes))
        } else {
            String::new()
        };
        let need = if step.need == "optional" { String::new() } else { format!(" ({})", step.need) };
        voice.result(format!("  {}{need}{amount}: {}", step.step, step.what.join(" ")));
        if !step.obstacle.is_empty() {
            voice.result(format!("      obstacle: {}", step.obstacle));
        }
    }
}
