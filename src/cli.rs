//! The command line: parser and dispatch, nothing else.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::command::{collect, collectors, drill, generate, keygen, open, plan, verify};
use crate::host::sys;
use crate::term::{Exit, Failure, Voice};

/// Forensic evidence from Linux servers that hold patients' health information
///
/// phi-ir gathers what an incident needs in order of volatility, hashes all of it into a signed chain of custody, and
/// seals it so that only the compliance officer can open it. Begin with 'phi-ir drill', which tries the whole journey
/// on this host with throw-away keys.
#[derive(Parser, Debug)]
#[command(name = "phi-ir", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Collect(Box<collect::Args>),
    Plan(Box<plan::Args>),
    Collectors(collectors::Args),
    Verify(verify::Args),
    Open(open::Args),
    Drill(drill::Args),
    Keygen(keygen::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    sys::keep_name_service_to_files();
    harden();
    let cli = Cli::parse();
    let voice = Voice { json: cli.json, quiet: cli.quiet, stdout_taken: false };
    let exit = dispatch(&cli.verb, voice).unwrap_or_else(|failure: Failure| failure.tell());
    ExitCode::from(exit as u8)
}

fn dispatch(verb: &Verb, voice: Voice) -> Result<Exit, Failure> {
    match verb {
        Verb::Collect(args) => collect::run(args, voice),
        Verb::Plan(args) => plan::run(args, voice),
        Verb::Collectors(args) => collectors::run(args, voice),
        Verb::Verify(args) => verify::run(args, voice),
        Verb::Open(args) => open::run(args, voice),
        Verb::Drill(args) => drill::run(args, voice),
        Verb::Keygen(args) => keygen::run(args, voice),
        Verb::Generate(args) => generate::run(args, Cli::command()),
    }
}

/// Evidence and keys pass through this process: no core dump may hold them, no other user may look in, and nothing
/// that we write may be readable by others.
fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(Resource::Core, none);
    if rustix::process::geteuid().is_root() {
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    sys::close_descriptors_on_exec();
    let files = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit { current: files.maximum, maximum: files.maximum },
    );
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        Voice::default().warn(format!("a programming error at {place}; please report it"));
    }));
}
