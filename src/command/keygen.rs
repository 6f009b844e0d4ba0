//! `keygen`: an age identity for the officer, or an Ed25519 key that signs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::interrupt;
use crate::clock::{Clock as _, SystemClock};
use crate::seal::output::{Folder, OutputError};
use crate::seal::{envelope, signature};
use crate::term::{Exit, Failure, Voice};

/// Make a key: to open bundles, or with --signing to sign them
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the private key goes; the file must not exist
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Make an OpenSSH Ed25519 key that signs bundles, instead of an age key that opens them
    #[arg(long)]
    signing: bool,
    /// Who the signing key is, as allowed_signers files will name it
    #[arg(long, value_name = "NAME", requires = "signing")]
    principal: Option<String>,
}

#[derive(Serialize)]
struct Made {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_signer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// Makes the key.
pub fn run(args: &Args, voice: Voice) -> Result<Exit, Failure> {
    let (folder, name) = place(&args.output)?;
    // Short as it is, it is not stopped half-way.
    interrupt::listen()?;
    let made =
        if args.signing { signing_key(args, &folder, &name)? } else { identity(args, &folder, &name)? };
    if voice.json {
        voice.document(&made)?;
        return Ok(Exit::Done);
    }
    if let Some(recipient) = &made.recipient {
        voice.result(recipient);
        voice.say("That line is the recipient: give it to whoever runs 'phi-ir collect', with -r.");
        voice.say(format!(
            "{} opens what is sealed for it. Keep it off the servers, and keep a copy safe:",
            made.file
        ));
        voice.say("without it nobody can open the evidence.");
    }
    if let Some(line) = &made.allowed_signer {
        voice.result(line);
        voice.say("Send that line to whoever verifies bundles: it belongs into their allowed_signers file.");
        voice.say(format!("Sign with: phi-ir collect --sign-with {} …", made.file));
    }
    Ok(Exit::Done)
}

fn place(path: &Path) -> Result<(Folder, String), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage(format!("{} names no file", path.display())))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((Folder::open(parent)?, name.to_owned()))
}

fn identity(args: &Args, folder: &Folder, name: &str) -> Result<Made, Failure> {
    let new = envelope::generate(&SystemClock.moment().utc.to_string());
    folder.write_new(name, new.file.as_bytes()).map_err(taken)?;
    folder.sync()?;
    Ok(Made {
        file: args.output.display().to_string(),
        recipient: Some(new.recipient),
        allowed_signer: None,
        fingerprint: None,
    })
}

fn signing_key(args: &Args, folder: &Folder, name: &str) -> Result<Made, Failure> {
    let stem = name.split('.').next().unwrap_or(name);
    let principal = args.principal.as_deref().unwrap_or(stem);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if principal.is_empty() || !principal.chars().all(legal) {
        return Err(Failure::usage(format!("{principal:?} cannot be a principal"))
            .hint("use letters, digits and - _ . @ :"));
    }
    let new = signature::generate(principal)?;
    let public = format!("{name}.pub");
    // Should we end between the two, the private key is the one that is worth having: the other follows from it.
    folder.write_new(name, new.private.as_bytes()).map_err(taken)?;
    let public_line = format!("{}\n", new.public);
    folder.write_new(&public, public_line.as_bytes()).inspect_err(|_| folder.discard(name)).map_err(taken)?;
    folder.sync()?;
    let line = format!("{principal} namespaces=\"*@phi-ir\" {}", new.public);
    Ok(Made {
        file: args.output.display().to_string(),
        recipient: None,
        allowed_signer: Some(line),
        fingerprint: Some(new.fingerprint),
    })
}

fn taken(error: OutputError) -> Failure {
    match error {
        OutputError::Exists(_) => Failure::new(error).hint("a key is never overwritten; choose another name"),
        other => Failure::new(other),
    }
}
