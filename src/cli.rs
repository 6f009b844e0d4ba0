//! The command line: parser and dispatch, nothing else.

use std::io::Write as _;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::thread;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::command::{
    access, collect, collectors, drill, generate, keygen, logins, open, plan, search, timeline, verify,
};
use crate::host::sys;
use crate::term::{Exit, Failure, Voice, lost_result};

/// The stack of the thread that does everything, in bytes: what a first thread usually has.
const STACK: usize = 8 << 20;

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
    Search(Box<search::Args>),
    Access(Box<access::Args>),
    Logins(Box<logins::Args>),
    Timeline(Box<timeline::Args>),
    Drill(drill::Args),
    Keygen(keygen::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    sys::keep_name_service_to_files();
    // Whoever starts us decides how large the first thread's stack may grow, which can be too little.
    let exit = match thread::Builder::new().name("phi-ir".into()).stack_size(STACK).spawn(obey) {
        Ok(thread) => thread.join(),
        Err(_) => catch_unwind(obey),
    };
    // The place of the panic is told already.
    let exit = exit.unwrap_or_else(|_| {
        Failure::new("this could not be done because of an error in this program")
            .hint("what has its final name is whole; a .partial file can be opened with 'phi-ir open --salvage'")
            .tell()
    });
    let_go();
    ExitCode::from(exit as u8)
}

/// All is told. A reader that waits for what does not answer may keep this process from ending, with all that it has open:
/// whoever reads what we printed is not to wait for it, nor whoever unmounts the disk that we stand on.
fn let_go() {
    use rustix::stdio::{dup2_stderr, dup2_stdout};
    let _ = std::io::stdout().flush();
    if let Ok((read_end, _)) = std::io::pipe() {
        let _ = dup2_stdout(&read_end);
        let _ = dup2_stderr(&read_end);
    }
    let _ = rustix::process::chdir("/");
}

fn obey() -> Exit {
    harden();
    if let Err(error) = collect::journey::random_salt() {
        return Failure::new(format!("this system gives no random numbers: {error}"))
            .hint("without them nothing can be sealed; provide getrandom(2) or /dev/urandom")
            .tell();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let voice = Voice { json: cli.json, quiet: cli.quiet, stdout_taken: false };
    // What was gathered is sealed; that nobody is there any more to be told so does not undo it.
    let done = dispatch(&cli.verb, voice).and_then(|exit| match lost_result() {
        Some(lost) if exit != Exit::Interrupted => Err(lost),
        _ => Ok(exit),
    });
    done.unwrap_or_else(|failure| failure.tell())
}

/// Tells what is wrong with a command line as this program tells everything; help and version are no error.
fn not_understood(error: &clap::Error) -> Exit {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Error,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => in_our_words(&error.render().to_string()).tell(),
    }
}

/// The parser's message is a paragraph, tips, and the usage: one line, and hints, are made of it.
fn in_our_words(rendered: &str) -> Failure {
    let lines = || rendered.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_extra = |line: &&str| {
        line.starts_with("tip:") || line.starts_with("Usage:") || line.starts_with("For more information")
    };
    let message: Vec<&str> = lines().take_while(|line| !is_extra(line)).collect();
    let message = message.join(" ");
    let tips = lines().filter_map(|line| line.strip_prefix("tip:"));
    let failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(&message));
    tips.fold(failure, |failure, tip| failure.hint(tip.trim()))
        .hint("'phi-ir VERB --help' lists what a verb takes")
}

fn dispatch(verb: &Verb, voice: Voice) -> Result<Exit, Failure> {
    match verb {
        Verb::Collect(args) => collect::run(args, voice),
        Verb::Plan(args) => plan::run(args, voice),
        Verb::Collectors(args) => collectors::run(args, voice),
        Verb::Verify(args) => verify::run(args, voice),
        Verb::Open(args) => open::run(args, voice),
        Verb::Search(args) => search::run(args, voice),
        Verb::Access(args) => access::run(args, voice),
        Verb::Logins(args) => logins::run(args, voice),
        Verb::Timeline(args) => timeline::run(args, voice),
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
    sys::learn_how_children_end();
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
