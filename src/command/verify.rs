//! `verify`: the receipt alone, or the whole bundle: a verdict with every finding.

use std::path::{Path, PathBuf};

use super::keys::OpenWith;
use crate::clock::{Clock as _, SystemClock};
use crate::custody::completeness::Completeness;
use crate::custody::signers;
use crate::custody::verdict::{Answer, FindingCode, Verdict, Word};
use crate::seal::OpenError;
use crate::seal::inspect::Nowhere;
use crate::seal::opened::{BundleFiles, Examination, Trust};
use crate::term::{Exit, Failure, Voice, counted};

/// Findings that are told one by one on a screen.
const TOLD: usize = 50;

/// Check a bundle, or its receipt alone where no key is at hand
///
/// Exit status: 0 nothing is wrong, 4 something is, or --require-signer was given and the signer is not known.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The sealed file, or its receipt
    #[arg(value_name = "BUNDLE|RECEIPT")]
    bundle: PathBuf,
    #[command(flatten)]
    open_with: OpenWith,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Whom the reader trusts.
#[derive(clap::Args, Debug)]
pub struct TrustArgs {
    /// Who may sign: a file in OpenSSH's form, from somebody you trust
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    allowed_signers: Option<PathBuf>,
    /// The one key that must have signed
    #[arg(long, value_name = "SHA256:…")]
    signer: Option<String>,
    /// Fail if the signer is not known
    #[arg(long)]
    require_signer: bool,
}

impl TrustArgs {
    /// Reads them.
    pub fn trust(&self) -> Result<Trust, Failure> {
        let allowed = self.allowed_signers.as_deref().map(read_signers).transpose()?;
        if let Some(signer) = &self.signer
            && !signer.starts_with("SHA256:")
        {
            return Err(Failure::usage(format!("--signer: {signer:?} is no fingerprint"))
                .hint("it begins with SHA256:, as 'ssh-keygen -l' prints it"));
        }
        Ok(Trust { allowed, expected: self.signer.clone() })
    }

    /// How a verdict ends the program.
    pub fn exit(&self, verdict: &Verdict) -> Exit {
        match verdict.verdict {
            Word::Failed => Exit::VerificationFailed,
            Word::Unknown if self.require_signer => Exit::VerificationFailed,
            Word::Unknown | Word::Verified => Exit::Done,
        }
    }
}

fn read_signers(path: &Path) -> Result<Vec<signers::AllowedSigner>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    signers::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// Verifies.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let files = find(&args.bundle)?;
    let identities = args.open_with.identities()?;
    let trust = args.trust.trust()?;
    let examination = files
        .examine(identities.as_ref(), &trust, SystemClock.moment().utc, &mut Nowhere)
        .map_err(|error| cannot_open(&args.bundle, error))?;
    if voice.json {
        voice.document(&examination.verdict)?;
    } else {
        tell(&examination, voice);
    }
    Ok(args.trust.exit(&examination.verdict))
}

/// The files around the path that was named.
pub fn find(path: &Path) -> Result<BundleFiles, Failure> {
    BundleFiles::around(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// Why a bundle cannot be examined, and what to do.
pub fn cannot_open(path: &Path, error: OpenError) -> Failure {
    let failure = Failure::new(format!("{}: {error}", path.display()));
    match error {
        OpenError::NoKey => failure.hint("name the key that it was sealed for with -i KEY"),
        OpenError::OtherKind(_) => {
            failure.hint("use -i KEY for keys, and --passphrase or --passphrase-fd N for a passphrase")
        }
        OpenError::Header | OpenError::Io(_) => failure,
    }
}

/// Tells a verdict: the word, four answers, and the findings.
pub fn tell(examination: &Examination, voice: Voice) {
    let verdict = &examination.verdict;
    voice.result(match verdict.verdict {
        Word::Verified => "verified",
        Word::Unknown if verdict.unchanged == Answer::Yes => "consistent; signer not known here",
        Word::Unknown => "not examined; nothing contradicts the receipt",
        Word::Failed => "FAILED: this is not as it was sealed",
    });
    voice.result(format!("  unchanged since sealing:  {}", word(verdict.unchanged)));
    voice.result(format!("  sealed by a known key:    {}", sealed_by(verdict)));
    voice.result(format!("  existed no later than:    {}", not_later_than(verdict)));
    voice.result(format!("  missing evidence:         {}", missing(examination)));
    if let Some(code) = &examination.spoken_code {
        voice.result(format!("  code to compare:          {code}"));
    }
    for finding in verdict.findings.iter().take(TOLD) {
        let kind = if finding.code.fails() { "finding" } else { "note" };
        voice.result(format!(
            "{kind}: {} [{}]",
            crate::path::shown(finding.to_string().as_bytes()),
            code(finding.code)
        ));
    }
    if verdict.findings.len() > TOLD {
        voice.result(format!("… and {} more; --json lists them all", verdict.findings.len() - TOLD));
    }
}

fn code(code: FindingCode) -> String {
    let json = crate::custody::json::line(&code).unwrap_or_default();
    String::from_utf8_lossy(&json).trim().trim_matches('"').to_owned()
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "NO",
        Answer::Unknown => "cannot be told from what is here",
    }
}

fn sealed_by(verdict: &Verdict) -> String {
    let fingerprint = verdict.sealed_by.fingerprint.as_deref().unwrap_or("an unreadable signature");
    match (verdict.sealed_by.known, &verdict.sealed_by.principal) {
        (Answer::Yes, Some(name)) => format!("yes, {name}, {fingerprint}"),
        (Answer::Yes, None) => format!("yes, {fingerprint}"),
        (Answer::No, _) => format!("NO, {fingerprint}"),
        (Answer::Unknown, _) => format!("not known here: {fingerprint}"),
    }
}

fn not_later_than(verdict: &Verdict) -> String {
    match verdict.not_later_than.claimed {
        Some(claimed) => {
            format!("cannot be told without a time-stamp token; the host's clock said {}", claimed.spoken())
        }
        None => "cannot be told".into(),
    }
}

fn missing(examination: &Examination) -> String {
    let result = examination.seal.as_ref().map(|seal| seal.result);
    let result = result.or(examination.receipt.as_ref().map(|receipt| receipt.result));
    let word = match result {
        Some(Completeness::Complete) => "COMPLETE",
        Some(Completeness::Partial) => "PARTIAL",
        None => return "cannot be told".into(),
    };
    if examination.verdict.opened {
        let gaps = examination.verdict.missing.len() as u64;
        format!("{word}, {} with their reasons (--json lists them)", counted(gaps, "gap"))
    } else {
        format!("{word}, as the receipt says; the particulars are inside")
    }
}
