//! `collect`: gather by profile, hash, seal.

pub mod journey;
pub mod naming;
pub mod papers;
pub mod prepare;
pub mod summary;
mod tags;
pub mod target;

use std::path::PathBuf;

use crate::case::{BundleKind, CaseId, Line};
use crate::clock::SystemClock;
use crate::collector::Profile;
use crate::command::interrupt;
use crate::host::courtesy;
use crate::term::{Exit, Failure, Meter, Voice, lost_result};
use journey::{Collected, Journey, random_salt};
use prepare::Prepared;
use target::Target;

const OPENS: &str = "Who can open it, who signs it";
const TAKES: &str = "What is collected";
const GOES: &str = "Where it goes, and limits";

const EXAMPLES: &str = "\
Examples:
  phi-ir collect -r age1…                        what an incident needs, into this folder
  phi-ir collect -R officers.txt -o /mnt/usb     for everyone in a file, onto another disk
  phi-ir collect -r age1… --phi /srv/records --since 2026-11-14
  phi-ir collect -r age1… -o - --receipt r.json | ssh vault 'cat > incident.zip.age'
  phi-ir collect -r age1… --root /mnt/image      from a mounted disk image

Profiles: volatile (what a reboot takes away), incident (the default), baseline (the state of the safeguards), full.
All times are UTC. Settings of /etc/phi-ir/config.toml hold where nothing is said here.";

/// Gather evidence from this host, or an image, and seal it for the recipients
///
/// Nothing is written but the sealed file, its receipt and the receipt's signature. Exit status: 0 complete, 3 sealed
/// with gaps, 130 interrupted but sealed, 1 error, 2 usage.
#[derive(clap::Args, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Who may open the bundle: an age1… key; may be repeated
    #[arg(short = 'r', long = "recipient", value_name = "AGE1…", help_heading = OPENS)]
    pub recipients: Vec<String>,
    /// A file of recipients, one age1… a line
    #[arg(short = 'R', long, value_name = "FILE", help_heading = OPENS)]
    pub recipients_file: Option<PathBuf>,
    /// Seal with a passphrase instead of keys; asked twice
    #[arg(long, conflicts_with_all = ["recipients", "recipients_file"], help_heading = OPENS)]
    pub passphrase: bool,
    /// Seal with a passphrase read from this open file descriptor
    #[arg(long, value_name = "N", conflicts_with_all = ["recipients", "recipients_file", "passphrase"], help_heading = OPENS)]
    pub passphrase_fd: Option<i32>,
    /// Sign with this OpenSSH Ed25519 key
    #[arg(long, value_name = "KEY", help_heading = OPENS)]
    pub sign_with: Option<PathBuf>,
    /// How much to collect
    #[arg(long, value_name = "NAME", default_value = "incident", value_parser = profile, help_heading = TAKES)]
    pub profile: Profile,
    /// Examine a mounted image or folder instead of this host
    #[arg(long, value_name = "DIR", help_heading = TAKES)]
    pub root: Option<PathBuf>,
    /// A folder that holds PHI (with --root: as it is called in the image); may be repeated
    #[arg(long, value_name = "DIR", help_heading = TAKES)]
    pub phi: Vec<PathBuf>,
    /// The beginning of the time of interest, UTC: 7d, 36h, 2026-11-14, or RFC 3339
    #[arg(long, value_name = "TIME", default_value = "7d", help_heading = TAKES)]
    pub since: String,
    /// Take this file or folder too; may be repeated
    #[arg(long, value_name = "PATH", help_heading = TAKES)]
    pub also: Vec<PathBuf>,
    /// Only this collector; may be repeated
    #[arg(long, value_name = "ID", help_heading = TAKES)]
    pub only: Vec<String>,
    /// Not this collector; may be repeated
    #[arg(long, value_name = "ID", conflicts_with = "only", help_heading = TAKES)]
    pub skip: Vec<String>,
    /// Take the content of changed PHI files too; needs --reason
    #[arg(long, help_heading = TAKES)]
    pub include_content: bool,
    /// Take the environment of every process too, which holds passwords and keys; needs --reason
    #[arg(long, help_heading = TAKES)]
    pub environ: bool,
    /// Run no program of the examined host
    #[arg(long, help_heading = TAKES)]
    pub no_tools: bool,
    /// Further collector definitions
    #[arg(long, value_name = "DIR", help_heading = TAKES)]
    pub definitions: Option<PathBuf>,
    /// Where the bundle goes: a folder, or '-' for stdout [default: the config's, else here]
    #[arg(short, long, value_name = "DIR", help_heading = GOES)]
    pub output: Option<PathBuf>,
    /// Where the receipt goes when the bundle goes to stdout
    #[arg(long, value_name = "FILE", help_heading = GOES)]
    pub receipt: Option<PathBuf>,
    /// Stop after so many bytes of evidence, and seal those: 500M, 20G (M: 2^20 bytes)
    #[arg(long, value_name = "N", help_heading = GOES)]
    pub max_bytes: Option<String>,
    /// Stop after so long, and seal what there is: 30m, 2h
    #[arg(long, value_name = "TIME", help_heading = GOES)]
    pub max_time: Option<String>,
    /// Use at most so many percent of one processor, on average: 50
    #[arg(long, value_name = "PERCENT", help_heading = GOES)]
    pub max_cpu: Option<String>,
    /// Do not yield to other programs; lifts the config's max-cpu too
    #[arg(long, help_heading = GOES)]
    pub fast: bool,
    /// What people say about this collection
    #[command(flatten)]
    pub said: Said,
}

/// What people say about a collection.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "What people say about it")]
pub struct Said {
    /// An opaque case number: up to 24 of a-z, 0-9 and '-'
    #[arg(long = "case", value_name = "ID")]
    pub case_id: Option<CaseId>,
    /// Who collects
    #[arg(long, value_name = "NAME")]
    pub examiner: Option<Line>,
    /// On whose authority
    #[arg(long, value_name = "TEXT")]
    pub authority: Option<Line>,
    /// Why; '-' reads it from stdin
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The evidence number that your organisation gives this bundle
    #[arg(long, value_name = "TEXT")]
    pub evidence_no: Option<Line>,
    /// What is being collected
    #[arg(long, value_name = "TEXT")]
    pub description: Option<Line>,
    /// When somebody first noticed
    #[arg(long, value_name = "TIME")]
    pub first_alert: Option<String>,
    /// Who reported it
    #[arg(long, value_name = "NAME")]
    pub reported_by: Option<Line>,
    /// A legal hold applies
    #[arg(long)]
    pub hold: bool,
    /// 42 CFR Part 2 records may be concerned
    #[arg(long)]
    pub part2: bool,
    /// Collected at the direction of counsel
    #[arg(long)]
    pub privileged: bool,
    /// What a trusted clock showed at the start, in your words
    #[arg(long, value_name = "TEXT")]
    pub clock_reference: Option<Line>,
    /// Use this name instead of the host's in the bundle's name and receipt
    #[arg(long, value_name = "NAME")]
    pub pseudonym: Option<String>,
}

impl Args {
    /// What kind of bundle comes of it.
    pub fn kind(&self) -> BundleKind {
        if self.profile == Profile::Baseline { BundleKind::Baseline } else { BundleKind::Incident }
    }
}

/// Reads a profile's name.
pub fn profile(text: &str) -> Result<Profile, String> {
    let named = Profile::ALL.into_iter().find(|profile| profile.word() == text);
    named.ok_or_else(|| format!("the profiles are {}", Profile::ALL.map(Profile::word).join(", ")))
}

/// Collects.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    if !args.fast {
        courtesy::go_last();
    }
    let prepared = Prepared::from(args, args.kind(), &SystemClock)?;
    let voice = Voice { stdout_taken: prepared.request.output.is_none(), ..voice };
    // Before anything is made that would be left behind.
    let stop = interrupt::listen()?;
    let target = Target::open(args, &prepared)?;
    summary::before(&prepared, &target, voice);
    // Put back when this ends, which no signal does before.
    let _session = (!args.fast).then(courtesy::session_goes_last);
    let mut meter = Meter::new(voice);
    let journey = Journey { prepared: &prepared, clock: &SystemClock, salts: &random_salt, stop };
    let collected = journey.travel(target, &mut meter);
    meter.finish();
    let told = collected.and_then(|collected| tell(&collected, &prepared, voice));
    summary::of_what_keeps_us(&prepared.host, told.is_ok(), voice);
    told
}

fn tell(collected: &Collected, prepared: &Prepared, voice: Voice) -> Result<Exit, Failure> {
    summary::after(collected, prepared, voice)?;
    match lost_result() {
        Some(lost) if collected.exit() != Exit::Interrupted => Err(lost
            .hint(format!(
                "what was collected is sealed all the same; its receipt: {}",
                collected.receipt.display()
            ))
            .hint(format!("the code to read out: {}", collected.spoken_code))),
        _ => Ok(collected.exit()),
    }
}
