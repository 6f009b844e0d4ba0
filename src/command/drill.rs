//! `drill`: the whole journey on this host with throw-away keys: the yearly test, and a new user's first command.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::collect::journey::{Collected, Journey, random_salt};
use super::collect::prepare::Prepared;
use super::collect::target::Target;
use super::collect::{self, Said};
use super::gaps::{Claim, Sorted};
use super::interrupt;
use crate::case::{BundleKind, Line};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::custody::completeness::Completeness;
use crate::custody::verdict::Word;
use crate::host::courtesy;
use crate::intake::StopMark;
use crate::seal::envelope::Identities;
use crate::seal::files::BundleFiles;
use crate::seal::opened::Trust;
use crate::seal::unpack::{Interruption, NewFolder};
use crate::seal::{envelope, signature};
use crate::term::{Exit, Failure, Meter, Voice, bytes, counted, span};

/// The made PHI file, so that its row in the listing can be looked for. Nobody's data.
const SAMPLE: &str = "patient 000000 (made up): blood group unknown\n";

/// Try the whole journey on this host: keys, collect, verify, open
///
/// Everything happens in a folder of its own, with keys that are made for it and a made-up PHI file. It needs no root,
/// and shows more with it. What is unpacked to be checked is removed again unless --keep is given.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The folder to make for it [default: ./drill-TIME]
    #[arg(short, long, value_name = "NEWDIR")]
    output: Option<PathBuf>,
    /// Keep what was unpacked
    #[arg(long)]
    keep: bool,
    /// How much to collect
    #[arg(long, value_name = "NAME", default_value = "incident", value_parser = collect::profile)]
    profile: crate::collector::Profile,
}

#[derive(Serialize)]
struct Document {
    folder: String,
    bundle: String,
    identity: String,
    allowed_signers: String,
    verdict: Word,
    result: Completeness,
    gaps: usize,
    files_opened: u64,
    opened: Option<String>,
    bytes: u64,
    duration_ns: u64,
}

/// Drills.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    courtesy::go_last();
    let now = SystemClock.moment().utc;
    let stop = interrupt::listen()?;
    let folder = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("drill-{}", now.compact())));
    DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
        Failure::new(format!("cannot make {}: {error}", folder.display()))
            .hint("name a folder to make with -o NEWDIR")
    })?;
    let folder = folder.canonicalize()?;
    let ended = journey(args, &folder, now, &stop, voice);
    if stop.get().is_none() {
        return ended;
    }
    // Real logs of this host, and the key that opens them: nobody asked for half of that.
    std::fs::remove_dir_all(&folder).map_err(|error| {
        Failure::new(format!("interrupted; {} could not be removed: {error}", folder.display()))
            .hint("it holds logs of this host in the clear, or the key that opens them: delete it")
    })?;
    voice.say(format!("interrupted; {} is removed again", folder.display()));
    Ok(Exit::Interrupted)
}

/// The whole journey, in a folder of its own.
fn journey(
    args: &Args,
    folder: &Path,
    now: Timestamp,
    stop: &StopMark,
    voice: Voice,
) -> Result<Exit, Failure> {
    let interruption = Interruption::noted_in(stop.flag());
    let keys = Keys::make(folder)?;
    let phi = folder.join("phi");
    DirBuilder::new().mode(0o700).create(&phi)?;
    std::fs::write(phi.join("made-up-patient.txt"), SAMPLE)?;
    voice.say(format!("1. made keys and a made-up PHI folder in {}", folder.display()));

    voice.say("2. collecting");
    let prepared = Prepared::from(&asked(args, folder, &keys, phi)?, BundleKind::Drill, &SystemClock)?;
    let target = Target::open(&collect::Args::default(), &prepared)?;
    let mut meter = Meter::new(voice);
    let journey =
        Journey { prepared: &prepared, clock: &SystemClock, salts: &random_salt, stop: stop.clone() };
    let collected = journey.travel(target, &mut meter);
    meter.finish();
    let collected = collected?;
    let bundle = collected.bundle.clone().ok_or_else(|| Failure::new("the drill wrote no bundle"))?;

    voice.say("3. verifying");
    let allowed = Some(crate::custody::signers::parse(&keys.allowed)?);
    let trust = Trust { allowed, code: Some(collected.spoken_code.clone()), ..Trust::default() };
    let files = BundleFiles::around(&bundle, None)?;
    let checked = files.examine(Some(&keys.identities), &trust, now, &mut interruption.clone())?;
    let listed = prepared.plan.evidence.iter().any(|definition| definition.id == "phi-files");
    let opened = open(folder, &files, &keys, &trust, interruption, listed)?;
    if !args.keep {
        std::fs::remove_dir_all(folder.join("opened"))?;
    }
    let worked = checked.verdict.verdict == Word::Verified && opened > 0;
    if voice.json {
        voice.document(&Document {
            folder: folder.display().to_string(),
            bundle: bundle.display().to_string(),
            identity: folder.join("officer.key").display().to_string(),
            allowed_signers: folder.join("allowed_signers").display().to_string(),
            verdict: checked.verdict.verdict,
            result: collected.seal.result,
            gaps: collected.gaps.len(),
            files_opened: opened,
            opened: args.keep.then(|| folder.join("opened").display().to_string()),
            bytes: collected.ciphertext.bytes,
            duration_ns: u64::try_from(collected.duration.as_nanos()).unwrap_or(u64::MAX),
        })?;
    } else {
        tell(args, folder, &bundle, &collected, opened, checked.verdict.verdict, voice);
    }
    Ok(if worked { Exit::Done } else { Exit::VerificationFailed })
}

struct Keys {
    recipient: String,
    identities: Identities,
    allowed: String,
}

impl Keys {
    fn make(folder: &Path) -> Result<Keys, Failure> {
        let output = crate::seal::output::Folder::open(folder)?;
        let officer = envelope::generate(&SystemClock.moment().utc.to_string());
        output.write_new("officer.key", officer.file.as_bytes())?;
        let host = signature::generate("drill")?;
        output.write_new("host.key", host.private.as_bytes())?;
        let allowed = format!("drill namespaces=\"*@phi-ir\" {}\n", host.public);
        output.write_new("allowed_signers", allowed.as_bytes())?;
        let identities = Identities::parse(&officer.file, "officer.key")?;
        Ok(Keys { recipient: officer.recipient, identities, allowed })
    }
}

fn asked(args: &Args, folder: &Path, keys: &Keys, phi: PathBuf) -> Result<collect::Args, Failure> {
    Ok(collect::Args {
        profile: args.profile,
        recipients: vec![keys.recipient.clone()],
        output: Some(folder.to_owned()),
        phi: vec![phi],
        since: "7d".into(),
        sign_with: Some(folder.join("host.key")),
        said: Said {
            examiner: Some(Line::new("a drill")?),
            description: Some(Line::new("A drill; no incident is suspected")?),
            ..Said::default()
        },
        ..collect::Args::default()
    })
}

/// Opens the bundle into `opened`, and looks for the made-up file in its listing, if the profile makes one.
fn open(
    folder: &Path,
    files: &BundleFiles,
    keys: &Keys,
    trust: &Trust,
    interruption: Interruption,
    listed: bool,
) -> Result<u64, Failure> {
    let mut unpacked = NewFolder::create(&folder.join("opened"), interruption)?;
    let now = SystemClock.moment().utc;
    let examination = files.examine(Some(&keys.identities), trust, now, &mut unpacked)?;
    unpacked.keep()?;
    let members = examination.seal.map_or(0, |seal| seal.counts.members);
    if !listed {
        return Ok(members);
    }
    let listing = folder.join("opened/data/live/phi-files/files-000001.jsonl");
    let rows = std::fs::read_to_string(&listing).map_err(|error| {
        Failure::new(format!("the opened bundle has no listing of the PHI folder: {error}"))
    })?;
    if !rows.contains("made-up-patient.txt") {
        return Err(Failure::new("the made-up PHI file is not in the listing of the opened bundle"));
    }
    Ok(members)
}

fn tell(
    args: &Args,
    folder: &Path,
    bundle: &Path,
    collected: &Collected,
    opened: u64,
    word: Word,
    voice: Voice,
) {
    let id = bundle.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id = id.trim_end_matches(".zip.age");
    let journey = if word == Word::Verified { "worked" } else { "did NOT work" };
    let sorted = Sorted::of(&collected.gaps, &collected.seal.coverage);
    let result = format!("{}: {}", Claim::from(&collected.seal).words(&[]), sorted.numbers());
    voice.result(format!(
        "The journey {journey}: collected, sealed, verified, opened ({}).",
        counted(opened, "file")
    ));
    voice.result(format!(
        "{} of evidence sealed into a file of {}, in {}.",
        bytes(collected.seal.counts.bytes),
        bytes(collected.ciphertext.bytes),
        span(collected.duration)
    ));
    voice.result(result);
    if collected.seal.result == Completeness::Partial && !crate::host::facts::is_root() {
        voice.result(
            "Gaps are to be expected without root; run the drill as root to see what an incident would give.",
        );
    }
    voice.result(format!("\nEverything is in {}:", folder.display()));
    voice.result(format!("  {id}.zip.age             the sealed bundle"));
    voice.result(format!("  {id}.receipt.json        its receipt, and beside it the receipt's signature"));
    voice.result(
        "  officer.key, host.key, allowed_signers   throw-away keys; never use them for anything else",
    );
    voice.result("  phi/                     the made-up PHI folder");
    if args.keep {
        voice.result("  opened/                  the content, unpacked");
    }
    voice.result("The bundle holds real logs of this host, and its key lies beside it: delete the folder when you are done.");
    voice.result("\nCheck it without this program:");
    voice.result(format!("  cd {}", folder.display()));
    voice.result(format!("  age -d -i officer.key -o {id}.zip {id}.zip.age && unzip -q {id}.zip -d by-hand"));
    voice.result(format!("  less by-hand/{id}/VERIFY.txt      # the whole recipe, word for word"));
    voice.result("Check it with this program:");
    voice.result(format!("  phi-ir verify {id}.zip.age -i officer.key --allowed-signers allowed_signers"));
}
