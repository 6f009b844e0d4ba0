//! `collectors`: lists what there is, or explains one.

use std::path::PathBuf;

use serde::Serialize;

use crate::collector::Bracket;
use crate::collector::catalog::Catalog;
use crate::collector::definition::{Action, Definition};
use crate::collector::plan::in_order;
use crate::custody::entry::Phi;
use crate::term::{Exit, Failure, Voice};

/// List the collectors, or explain one
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Explain this one
    id: Option<String>,
    /// Further collector definitions
    #[arg(long, value_name = "DIR")]
    definitions: Option<PathBuf>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    why: &'a str,
    volatility: &'a str,
    profiles: Vec<&'a str>,
    hipaa: &'a [String],
    phi: Phi,
    needs_root: bool,
    needs_live: bool,
    origin: &'a str,
    sha256: String,
    steps: Vec<StepRow>,
}

#[derive(Serialize)]
struct StepRow {
    id: String,
    need: String,
    what: Vec<String>,
}

/// Lists or explains.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let mut catalog = Catalog::built_in()?;
    if let Some(folder) = &args.definitions {
        catalog.add_folder(folder)?;
    }
    if let Some(id) = &args.id {
        let Some(definition) = catalog.get(id) else {
            return Err(Failure::usage(format!("there is no collector {id:?}")).hint(catalog.suggestion(id)));
        };
        explain(definition, voice)?;
        return Ok(Exit::Done);
    }
    if voice.json {
        voice.document(&catalog.all().iter().map(row).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    voice.result(format!("{:<16} {:<10} what it takes (in the order of work)", "collector", "order"));
    for bracket in [Some(Bracket::Opening), None, Some(Bracket::Closing)] {
        let standing = catalog.all().iter().filter(|one| one.bracket == bracket).cloned().collect();
        for one in in_order(standing) {
            voice.result(format!("{:<16} {:<10} {}", one.id, one.place(), one.title));
        }
    }
    voice.say("\n'phi-ir collectors ID' explains one.");
    Ok(Exit::Done)
}

fn row(definition: &Definition) -> Row<'_> {
    Row {
        id: &definition.id,
        title: &definition.title,
        why: &definition.why,
        volatility: definition.place(),
        profiles: definition.profiles.iter().map(|profile| profile.word()).collect(),
        hipaa: &definition.hipaa,
        phi: definition.phi,
        needs_root: definition.needs_root,
        needs_live: definition.needs_live,
        origin: &definition.origin,
        sha256: definition.digest.hex(),
        steps: definition
            .steps
            .iter()
            .map(|step| StepRow {
                id: step.id.clone(),
                need: step.need.to_string(),
                what: what(&step.action),
            })
            .collect(),
    }
}

fn what(action: &Action) -> Vec<String> {
    match action {
        Action::Native => vec!["asked of the system by code of ours".into()],
        Action::Copy(copy) => copy.paths.clone(),
        Action::Listing(listing) => listing.paths.clone(),
        Action::Link(link) => link.paths.clone(),
        Action::Tool(tool) => vec![tool.argv.join(" ")],
    }
}

fn explain(definition: &Definition, voice: Voice) -> Result<(), Failure> {
    if voice.json {
        return voice.document(&row(definition));
    }
    let phi = match definition.phi {
        Phi::None => "nothing of patients",
        Phi::Metadata => "names of files and people",
        Phi::Possible => "texts that people typed, which may name patients",
        Phi::Content => "the records themselves; only with --include-content",
    };
    voice.result(format!("{}: {}", definition.id, definition.title));
    voice.result(format!("  why         {}", definition.why));
    voice.result(format!("  order       {}", definition.place()));
    let profiles: Vec<&str> = definition.profiles.iter().map(|profile| profile.word()).collect();
    voice.result(format!(
        "  profiles    {}",
        if profiles.is_empty() { "all".into() } else { profiles.join(", ") }
    ));
    if !definition.hipaa.is_empty() {
        voice.result(format!("  serves      45 CFR {}", definition.hipaa.join(", ")));
    }
    voice.result(format!("  may hold    {phi}"));
    if definition.needs_root {
        voice.result("  needs       root, to be complete");
    }
    for step in &definition.steps {
        voice.result(format!("  {:<11} {}", step.id, what(&step.action).join("\n              ")));
        if step.need.to_string() != "optional" {
            voice.result(format!("              ({})", step.need));
        }
    }
    voice.result(format!("  definition  {}, sha256 {}", definition.origin, definition.digest));
    Ok(())
}
