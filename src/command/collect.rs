//! `collect`: gather by profile, hash, seal.

mod interrupt;
pub mod journey;
pub mod prepare;
mod summary;

use std::path::PathBuf;

use crate::case::{CaseId, Line};
use crate::clock::SystemClock;
use crate::collector::Profile;
use crate::term::{Exit, Failure, Meter, Voice};
use journey::{Journey, Target, random_salt};
use prepare::Prepared;

/// Gather evidence from this host, or an image, and seal it for the recipients
///
/// Nothing is written but the sealed file, its receipt and the receipt's signature. Exit status: 0 complete, 3 sealed
/// with gaps, 130 interrupted but sealed, 1 error, 2 usage.
#[derive(clap::Args, Debug, Default)]
pub struct Args {
    /// How much to collect
    #[arg(long, value_name = "NAME", default_value = "incident", value_parser = profile)]
    pub profile: Profile,
    /// Who may open the bundle: an age1… key; may be repeated
    #[arg(short = 'r', long = "recipient", value_name = "AGE1…")]
    pub recipients: Vec<String>,
    /// A file of recipients, one age1… a line
    #[arg(short = 'R', long, value_name = "FILE")]
    pub recipients_file: Option<PathBuf>,
    /// Seal with a passphrase instead of keys; asked twice
    #[arg(long, conflicts_with_all = ["recipients", "recipients_file"])]
    pub passphrase: bool,
    /// Seal with a passphrase read from this open file descriptor
    #[arg(long, value_name = "N", conflicts_with_all = ["recipients", "recipients_file", "passphrase"])]
    pub passphrase_fd: Option<i32>,
    /// Where the bundle goes: a folder, or '-' for stdout [default: the config's, else here]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Where the receipt goes when the bundle goes to stdout
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Examine a mounted image or folder instead of this host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A folder that holds PHI; may be repeated
    #[arg(long, value_name = "DIR")]
    pub phi: Vec<PathBuf>,
    /// The beginning of the time of interest: 7d, 36h, 2026-11-14, or RFC 3339
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub since: String,
    /// Take this file or folder too; may be repeated
    #[arg(long, value_name = "PATH")]
    pub also: Vec<PathBuf>,
    /// Only this collector; may be repeated
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// Not this collector; may be repeated
    #[arg(long, value_name = "ID", conflicts_with = "only")]
    pub skip: Vec<String>,
    /// Take the content of changed PHI files too; needs --reason
    #[arg(long)]
    pub include_content: bool,
    /// Run no program of the examined host
    #[arg(long)]
    pub no_tools: bool,
    /// Further collector definitions
    #[arg(long, value_name = "DIR")]
    pub definitions: Option<PathBuf>,
    /// Sign with this OpenSSH Ed25519 key
    #[arg(long, value_name = "KEY")]
    pub sign_with: Option<PathBuf>,
    /// Stop after so many bytes of evidence, and seal those: 500M, 20G
    #[arg(long, value_name = "N")]
    pub max_bytes: Option<String>,
    /// Stop after so long, and seal what there is: 30m, 2h
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<String>,
    /// Do not yield to other programs
    #[arg(long)]
    pub fast: bool,
    /// What people say about this collection
    #[command(flatten)]
    pub said: Said,
}

/// What people say about a collection.
#[derive(clap::Args, Debug, Default)]
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

/// Reads a profile's name.
pub fn profile(text: &str) -> Result<Profile, String> {
    let named = Profile::ALL.into_iter().find(|profile| profile.word() == text);
    named.ok_or_else(|| format!("the profiles are {}", Profile::ALL.map(Profile::word).join(", ")))
}

/// Collects.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let voice =
        Voice { stdout_taken: args.output.as_deref().is_some_and(|path| path.as_os_str() == "-"), ..voice };
    if !args.fast {
        prepare::yield_to_others();
    }
    let prepared = Prepared::from(args, crate::case::BundleKind::Incident, &SystemClock)?;
    let target = Target::open(args, &prepared)?;
    summary::before(&prepared, &target, voice);
    let stop = interrupt::listen()?;
    let mut meter = Meter::new(voice);
    let journey = Journey { prepared: &prepared, clock: &SystemClock, salts: &random_salt, stop };
    let collected = journey.travel(target, &mut meter);
    meter.finish();
    let collected = collected?;
    summary::after(&collected, &prepared, voice)?;
    Ok(collected.exit())
}
