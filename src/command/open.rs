//! `open`: unpack into a new folder, verifying on the way; or salvage what a broken bundle still holds.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::interrupt;
use super::keys::OpenWith;
use super::verify::{TrustArgs, cannot_open, find, hint_after, say_size, tell};
use crate::clock::{Clock as _, SystemClock};
use crate::custody::verdict::Verdict;
use crate::path::harmless;
use crate::seal::OpenError;
use crate::seal::envelope::Identities;
use crate::seal::files::open_file;
use crate::seal::salvage::{Salvaged, salvage};
use crate::seal::unpack::{Interruption, NewFolder, building};
use crate::term::{Exit, Failure, Voice, counted};

/// Unpack a bundle into a new folder, verifying on the way
///
/// What comes out is not encrypted any more: choose a place that may hold PHI, and delete it when it is not needed. A
/// bundle that is not as it was sealed, or not by the signer that was asked for, is not unpacked; --salvage gives back
/// those of its files that can still be proven whole.
///
/// Exit status: 0 unpacked, 3 salvaged, 4 not unpacked because it is not as it should be, 1 error, 2 usage.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The sealed file
    bundle: PathBuf,
    /// The receipt, where it does not lie beside the sealed file under its own name
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    open_with: OpenWith,
    /// The folder to make; it must not exist
    #[arg(short, long, value_name = "NEWDIR")]
    output: PathBuf,
    /// Take what is whole out of a bundle that is broken or was never finished
    #[arg(long, conflicts_with = "receipt")]
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
    let interruption = interrupt::listen_while_unpacking()?;
    let ended = if args.salvage {
        salvaged(args, &identities, interruption.clone(), voice)
    } else {
        opened(args, &identities, interruption.clone(), voice)
    };
    match ended {
        Err(_) if interruption.came() => {
            let left = building(&args.output);
            if left.symlink_metadata().is_ok() {
                return Err(Failure::new(format!("interrupted; {} could not be removed", left.display()))
                    .hint("it holds evidence in the clear: delete it"));
            }
            voice.say("interrupted; what had been unpacked is removed again");
            Ok(Exit::Interrupted)
        }
        other => other,
    }
}

fn opened(args: &Args, identities: &Identities, stop: Interruption, voice: Voice) -> Result<Exit, Failure> {
    let files = find(&args.bundle, args.receipt.as_deref())?;
    if files.sealed.is_none() {
        return Err(Failure::new(format!(
            "{}: the sealed file is not beside its receipt",
            args.bundle.display()
        )));
    }
    let trust = args.trust.trust()?;
    let mut folder = new_folder(&args.output, stop)?;
    say_size(&files, voice);
    let examination = files
        .examine(Some(identities), &trust, SystemClock.moment().utc, &mut folder)
        .map_err(|error| cannot_open(&args.bundle, error))?;
    let exit = args.trust.exit(&examination.verdict);
    let kept = if exit == Exit::Done {
        folder.keep()?;
        Some(args.output.display().to_string())
    } else {
        folder.discard()?;
        None
    };
    if voice.json {
        voice.document(&Opened { folder: kept, verdict: &examination.verdict })?;
        return Ok(exit);
    }
    tell(&examination, voice);
    match kept {
        Some(kept) => {
            voice.result(format!("\nunpacked into {kept}, and not encrypted any more"));
            voice.result(
                "data/root is the examined file system; VERIFY.txt says how to check all of it by hand",
            );
        }
        None if examination.verdict.unchanged == crate::custody::verdict::Answer::No => {
            voice.warn("nothing was unpacked");
            hint_after(&args.bundle, &examination.verdict, voice);
        }
        None => voice.warn("nothing was unpacked: it is not signed by whom you asked for"),
    }
    Ok(exit)
}

fn salvaged(args: &Args, identities: &Identities, stop: Interruption, voice: Voice) -> Result<Exit, Failure> {
    let source = open_file(&args.bundle)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", args.bundle.display())))?;
    let source = identities.decrypt(source).map_err(|error| match error {
        OpenError::Header => cannot_open(&args.bundle, error).hint(
            "a run that was stopped before it had sealed anything leaves such a file; there is nothing in it",
        ),
        other => cannot_open(&args.bundle, other),
    })?;
    let mut folder = new_folder(&args.output, stop)?;
    let salvaged =
        salvage(source, &mut folder).map_err(|error| cannot_open(&args.bundle, OpenError::Io(error)))?;
    if salvaged.entries == 0 {
        folder.discard()?;
        let message = format!(
            "{}: nothing in it can be proven whole; it ended {}",
            args.bundle.display(),
            salvaged.ended
        );
        return Err(Failure::new(message).hint("the run was stopped before it had sealed anything"));
    }
    folder.keep()?;
    tell_salvaged(args, &salvaged, voice)?;
    Ok(Exit::Gaps)
}

fn new_folder(path: &Path, stop: Interruption) -> Result<NewFolder, Failure> {
    NewFolder::create(path, stop).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists if error.to_string().ends_with(".partial") => {
            Failure::new(format!("{error} is left over from an earlier attempt"))
                .hint("it holds evidence in the clear: delete it, then try again")
        }
        io::ErrorKind::AlreadyExists => Failure::new(format!("{} exists already", path.display()))
            .hint("a bundle is unpacked only into a folder that does not exist yet; choose another name"),
        _ => Failure::new(format!("cannot make {}: {error}", path.display()))
            .hint("name a folder to make with -o NEWDIR"),
    })
}

fn tell_salvaged(args: &Args, salvaged: &Salvaged, voice: Voice) -> Result<(), Failure> {
    let folder = args.output.display().to_string();
    if voice.json {
        return voice.document(&SalvagedDocument { folder, salvaged });
    }
    if salvaged.whole {
        voice.result("everything is there; this bundle is not broken");
        voice.result(
            "  its seal was not checked: 'phi-ir verify' does that, and 'phi-ir open' without --salvage too",
        );
    } else {
        voice.result("salvaged; this is NOT the whole bundle, and there was no seal to check");
        voice.result(format!("  it ends {}", harmless(&salvaged.ended)));
    }
    let (files, entries) = (counted(salvaged.members, "file"), salvaged.entries);
    voice.result(format!("  proven whole by their entries: {files}; entries: {entries}"));
    voice.result(format!("unpacked into {folder}, and not encrypted any more"));
    Ok(())
}
