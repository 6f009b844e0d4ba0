//! `open`: unpack into a new folder, verifying on the way; or salvage what a broken bundle still holds.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::keys::OpenWith;
use super::verify::{TrustArgs, cannot_open, find, tell};
use crate::clock::{Clock as _, SystemClock};
use crate::custody::verdict::{Verdict, Word};
use crate::seal::salvage::{Salvaged, salvage};
use crate::seal::unpack::NewFolder;
use crate::term::{Exit, Failure, Voice, counted};

/// Unpack a bundle into a new folder, verifying on the way
///
/// What comes out is not encrypted any more: choose a place that may hold PHI. A bundle that is not as it was sealed is
/// not unpacked; --salvage gives back those of its members that can still be proven whole.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The sealed file
    bundle: PathBuf,
    #[command(flatten)]
    open_with: OpenWith,
    /// The folder to make; it must not exist
    #[arg(short, long, value_name = "NEWDIR")]
    output: PathBuf,
    /// Take what is whole out of a bundle that is broken or was never finished
    #[arg(long)]
    salvage: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

#[derive(Serialize)]
struct Opened<'a> {
    folder: Option<String>,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

#[derive(Serialize)]
struct SalvagedDocument<'a> {
    folder: String,
    #[serde(flatten)]
    salvaged: &'a Salvaged,
}

/// Opens.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let Some(identities) = args.open_with.identities()? else {
        return Err(Failure::usage("a bundle opens only with a key or a passphrase")
            .hint("name the key with -i KEY, or use --passphrase"));
    };
    let mut folder =
        NewFolder::create(&args.output).map_err(|error| not_a_new_folder(&args.output, &error))?;
    if args.salvage {
        let source = std::fs::File::open(&args.bundle)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", args.bundle.display())))?;
        let salvaged = identities
            .decrypt(source)
            .map_err(|error| cannot_open(&args.bundle, error))
            .and_then(|source| Ok(salvage(source, &mut folder)?));
        let salvaged = or_discard(salvaged, folder)?;
        return tell_salvaged(args, &salvaged, voice);
    }
    let files = find(&args.bundle)?;
    let trust = args.trust.trust()?;
    let examined = files
        .examine(Some(&identities), &trust, SystemClock.moment().utc, &mut folder)
        .map_err(|error| cannot_open(&args.bundle, error));
    let examination = match examined {
        Ok(examination) if examination.verdict.verdict != Word::Failed => {
            folder.keep()?;
            examination
        }
        Ok(examination) => {
            folder.discard()?;
            if !voice.json {
                voice.warn("nothing was unpacked; --salvage gives back what can still be proven whole");
            }
            examination
        }
        Err(failure) => {
            folder.discard()?;
            return Err(failure);
        }
    };
    let kept = (examination.verdict.verdict != Word::Failed).then(|| args.output.display().to_string());
    if voice.json {
        voice.document(&Opened { folder: kept, verdict: &examination.verdict })?;
    } else {
        tell(&examination, voice);
        if let Some(kept) = kept {
            voice.result(format!("unpacked into {kept}; data/root is the examined file system"));
        }
    }
    Ok(args.trust.exit(&examination.verdict))
}

fn or_discard<T>(result: Result<T, Failure>, folder: NewFolder) -> Result<T, Failure> {
    match result {
        Ok(value) => {
            folder.keep()?;
            Ok(value)
        }
        Err(failure) => {
            folder.discard()?;
            Err(failure)
        }
    }
}

fn not_a_new_folder(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot make {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            failure.hint("a bundle is unpacked only into a folder that does not exist yet")
        }
        _ => failure,
    }
}

fn tell_salvaged(args: &Args, salvaged: &Salvaged, voice: Voice) -> Result<Exit, Failure> {
    let folder = args.output.display().to_string();
    if voice.json {
        voice.document(&SalvagedDocument { folder, salvaged })?;
        return Ok(Exit::Gaps);
    }
    voice.result("salvaged; this is NOT the whole bundle, and its seal was not checked");
    voice.result(format!("  proven whole by their entries: {}", counted(salvaged.members, "file")));
    voice.result(format!("  the bundle ended or broke at:  {}", salvaged.ended));
    voice.result(format!("unpacked into {folder}"));
    Ok(Exit::Gaps)
}
