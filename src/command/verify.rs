//! `verify`: the receipt alone, or the whole bundle: a verdict with every finding.

use std::io;
use std::path::{Path, PathBuf};

use super::gaps::{Claim, Sorted};
use super::keys::{self, OpenWith};
use crate::clock::{Clock as _, SystemClock};
use crate::custody::receipt::is_code;
use crate::custody::signers::{self, AllowedSigner};
use crate::custody::verdict::{Answer, FindingCode, Verdict, Word};
use crate::seal::OpenError;
use crate::seal::files::{BundleFiles, FilesError};
use crate::seal::inspect::Nowhere;
use crate::seal::opened::{Examination, Trust};
use crate::term::{Exit, Failure, Voice, bytes};

/// Findings that are told one by one on a screen.
const TOLD: usize = 50;

/// Check a bundle, or its receipt alone where no key is at hand
///
/// Exit status: 0 nothing is wrong, 4 something is, or --require-signer was given and the signer is not known; 1 error,
/// 2 usage.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The sealed file, or its receipt
    #[arg(value_name = "BUNDLE|RECEIPT")]
    bundle: PathBuf,
    /// The receipt, where it does not lie beside the sealed file under its own name
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
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
    /// The code that was read out to you at the end of the collection; it must be the receipt's
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
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
        if let Some(code) = self.code.as_deref().filter(|code| !is_code(code)) {
            return Err(Failure::usage(format!("--code: {code:?} is no code"))
                .hint("it has six groups of four of 0-9 and a-f, as 'collect' prints it"));
        }
        Ok(Trust { allowed, expected: self.signer.clone(), code: self.code.clone() })
    }

    /// How a verdict ends the program.
    pub fn exit(&self, verdict: &Verdict) -> Exit {
        match verdict.verdict {
            Word::Failed => Exit::VerificationFailed,
            _ if self.require_signer && verdict.sealed_by.known != Answer::Yes => Exit::VerificationFailed,
            Word::Unknown | Word::Verified => Exit::Done,
        }
    }
}

fn read_signers(path: &Path) -> Result<Vec<AllowedSigner>, Failure> {
    let text = keys::read_list(path)?;
    signers::parse(&text).map_err(|error| {
        let failure = Failure::new(format!("{}: {error}", path.display()));
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") {
            failure.hint("this is a public key; put the signer's name before it: NAME ssh-ed25519 AAAA…")
        } else {
            failure.hint("each line: NAME ssh-ed25519 AAAA…, as 'phi-ir keygen --signing' prints it")
        }
    })
}

/// Verifies.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let files = find(&args.bundle, args.receipt.as_deref())?;
    let identities = args.open_with.identities()?;
    if files.receipt.is_none() && identities.is_none() {
        let message =
            format!("{}: there is nothing to check it with: no key, and no receipt", args.bundle.display());
        return Err(Failure::new(message)
            .hint(format!("bring the receipt, {}, or name it with --receipt FILE", files.receipt_name))
            .hint("or open the bundle with -i KEY"));
    }
    let trust = args.trust.trust()?;
    say_size(&files, voice);
    let examination = files
        .examine(identities.as_ref(), &trust, SystemClock.moment().utc, &mut Nowhere)
        .map_err(|error| cannot_open(&args.bundle, error))?;
    if voice.json {
        voice.document(&examination.verdict)?;
    } else {
        tell(&examination, voice);
        hint_after(&args.bundle, &examination.verdict, voice);
    }
    Ok(args.trust.exit(&examination.verdict))
}

/// The files around the path that was named.
pub fn find(path: &Path, receipt: Option<&Path>) -> Result<BundleFiles, Failure> {
    BundleFiles::around(path, receipt).map_err(|error| {
        let failure = Failure::new(&error);
        match error {
            FilesError::Neither { .. } => {
                failure.hint("name the file that ends in .zip.age, or the one that ends in .receipt.json")
            }
            FilesError::Io { .. } => failure,
        }
    })
}

/// Reading a large bundle takes a while.
pub fn say_size(files: &BundleFiles, voice: Voice) {
    if let Some(met) = files.sealed.as_ref().and_then(|sealed| sealed.metadata().ok()) {
        voice.say(format!("reading {} …", bytes(met.len())));
    }
}

/// What to do about a verdict.
pub fn hint_after(path: &Path, verdict: &Verdict, voice: Voice) {
    if verdict.findings.iter().any(|finding| finding.code == FindingCode::CodeDiffers) {
        voice.say("hint: check how the code was written down; if it is right, these are not the files of that collection");
    }
    if verdict.unchanged != Answer::No {
        return;
    }
    if path.to_string_lossy().ends_with(".partial") {
        voice.say("hint: its name says that it was never finished");
    }
    voice.say("hint: compare with another copy of the three files; do not use this one as evidence");
    voice.say("hint: 'phi-ir open --salvage' gives back what can still be proven whole");
}

/// Why a bundle cannot be examined, and what to do.
pub fn cannot_open(path: &Path, error: OpenError) -> Failure {
    let failure = Failure::new(format!("{}: {error}", path.display()));
    match error {
        OpenError::NoKey => failure.hint("name the key that it was sealed for with -i KEY"),
        OpenError::WrongPassphrase => failure.hint("try again; capitals and blanks count"),
        OpenError::OtherKind(_) => {
            failure.hint("use -i KEY for keys, and --passphrase or --passphrase-fd N for a passphrase")
        }
        OpenError::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
            failure.hint("choose a folder on a larger disk with -o NEWDIR")
        }
        OpenError::OtherKeys => failure.hint("it was not made by 'phi-ir collect'; ask whoever sent it"),
        OpenError::TooMuchWork => failure.hint(
            "do not try it elsewhere: a bundle asks for seconds; ask whoever sent it for the file again",
        ),
        OpenError::Header | OpenError::LastPiece | OpenError::Armored => {
            failure.hint("name the file that ends in .zip.age; if this is the one, bring another copy of it")
        }
        OpenError::Io(_) => failure,
    }
}

/// Tells a verdict: the word, four answers, the findings, and what was not obtained.
pub fn tell(examination: &Examination, voice: Voice) {
    let verdict = &examination.verdict;
    voice.result(first_line(verdict));
    voice.result(format!("  unchanged since sealing:  {}", word(verdict.unchanged)));
    voice.result(format!("  sealed by a known key:    {}", sealed_by(verdict)));
    voice.result(format!("  existed no later than:    {}", not_later_than(verdict)));
    voice.result(format!("  missing evidence:         {}", missing(examination)));
    if let Some(code) = &verdict.spoken_code {
        let unsigned = verdict.findings.iter().any(|finding| finding.code == FindingCode::ReceiptUnsigned);
        let note = if unsigned { "; nobody signed this receipt" } else { "" };
        voice.result(format!(
            "  code of the receipt:      {code} (compare it with the one that was read out{note})"
        ));
    }
    for finding in verdict.findings.iter().take(TOLD) {
        let kind = if finding.code.fails() { "finding" } else { "note" };
        let words = crate::path::shown(finding.to_string().as_bytes());
        voice.result(format!("{kind}: {words} [{}]", finding.code.word()));
    }
    if verdict.findings.len() > TOLD {
        voice.result(format!("… and {} more; --json lists them all", verdict.findings.len() - TOLD));
    }
    if let (Some(seal), true) = (&examination.seal, verdict.unchanged == Answer::Yes) {
        Sorted::of(&verdict.missing, &seal.coverage).tell("--json lists them all", voice);
    }
}

/// The verdict in a line.
pub fn first_line(verdict: &Verdict) -> &'static str {
    let failing = |code| verdict.findings.iter().any(|finding| finding.code == code);
    match (verdict.verdict, verdict.unchanged, verdict.sealed_by.known) {
        (Word::Verified, ..) => "verified",
        (Word::Unknown, Answer::Yes, _) => "consistent; signer not known here",
        (Word::Unknown, _, Answer::Yes) => "receipt verified; the sealed file was not examined",
        (Word::Unknown, ..) => {
            "not examined; nothing contradicts the receipt, and who signed it is not known here"
        }
        (Word::Failed, Answer::No, _) => "FAILED: this is not as it was sealed",
        (Word::Failed, ..) if failing(FindingCode::CodeDiffers) => {
            "FAILED: the receipt is not the one whose code was read out"
        }
        (Word::Failed, ..) => "FAILED: not signed by the key that you named",
    }
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "NO",
        Answer::Unknown => "cannot be told from what is here",
    }
}

fn sealed_by(verdict: &Verdict) -> String {
    let Some(fingerprint) = verdict.sealed_by.fingerprint.as_deref() else {
        return "cannot be told: there is no good signature".into();
    };
    match (verdict.sealed_by.known, &verdict.sealed_by.principal) {
        (Answer::Yes, Some(name)) => format!("yes, {}, {fingerprint}", crate::path::shown(name.as_bytes())),
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
    let verdict = &examination.verdict;
    let claim = examination.seal.as_ref().map(Claim::from);
    let claim = claim.or(examination.receipt.as_ref().map(Claim::from));
    let Some(claim) = claim else { return "cannot be told".into() };
    if verdict.unchanged == Answer::No {
        let said = examination.receipt.as_ref().map(|receipt| Claim::from(receipt).words(&[]));
        let said = said.map(|said| format!(" (its receipt said {said})")).unwrap_or_default();
        return format!("cannot be told: the bundle is not as it was sealed{said}");
    }
    let skipped = examination.plan.as_ref().map(|plan| plan.asked.skip.as_slice()).unwrap_or_default();
    match &examination.seal {
        Some(seal) => {
            let numbers = Sorted::of(&verdict.missing, &seal.coverage).numbers();
            format!("{}: {numbers}", claim.words(skipped))
        }
        None => format!("{}, as the receipt says; the particulars are inside", claim.words(skipped)),
    }
}
