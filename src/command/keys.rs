//! Keys and passphrases as the command line names them; shared by the verbs that seal and those that open.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::interrupt;
use crate::host::sys;
use crate::seal::envelope::{Identities, Passphrase};
use crate::term::Failure;

/// The longest key file that is read, in bytes.
const KEY_FILE_LIMIT: u64 = 1 << 20;
/// The longest list of keys that is read, in bytes.
const LIST_LIMIT: u64 = 16 << 20;

/// What opens a bundle.
#[derive(clap::Args, Debug)]
pub struct OpenWith {
    /// A file with the age identity that opens the bundle
    #[arg(short = 'i', long = "identity", value_name = "KEY")]
    identity: Option<PathBuf>,
    /// Read the passphrase from this open file descriptor
    #[arg(long, value_name = "N", conflicts_with = "identity")]
    passphrase_fd: Option<i32>,
    /// Ask for the passphrase
    #[arg(long, conflicts_with_all = ["identity", "passphrase_fd"])]
    passphrase: bool,
}

impl OpenWith {
    /// The identities or the passphrase; none if neither was named.
    pub fn identities(&self) -> Result<Option<Identities>, Failure> {
        if let Some(path) = &self.identity {
            let text = read_key_file(path)?;
            let text = std::str::from_utf8(&text).map_err(|_| not_an_identity(path))?;
            return Ok(Some(Identities::parse(text, &path.display().to_string()).map_err(|error| {
                Failure::new(error).hint("a key made by 'phi-ir keygen' or 'age-keygen' is needed here")
            })?));
        }
        if let Some(number) = self.passphrase_fd {
            return Ok(Some(Identities::Passphrase(passphrase_from(number)?)));
        }
        self.passphrase
            .then(|| ask("passphrase of the bundle"))
            .transpose()
            .map(|it| it.map(Identities::Passphrase))
    }
}

fn not_an_identity(path: &Path) -> Failure {
    Failure::new(format!("{}: not an age identity", path.display()))
}

/// A key file's bytes, wiped when they are dropped.
pub fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let cannot = |error| {
        Failure::new(format!("cannot read {}: {error}", path.display()))
            .hint("name a key file that you can read; 'phi-ir keygen' makes one")
    };
    let mut bytes = Zeroizing::new(Vec::new());
    read_whole(File::open(path).map_err(cannot)?, KEY_FILE_LIMIT, &mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// A list of keys, or of signers, that somebody named.
pub fn read_list(path: &Path) -> Result<String, Failure> {
    File::open(path)
        .and_then(read_text)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// Text to its end.
pub fn read_text(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    read_whole(source, LIST_LIMIT, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text"))
}

/// Reads to the end; what is longer is refused, since half a list would not look like one. A pipe will do, as a shell's
/// `<(…)`.
fn read_whole(source: impl Read, limit: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let read = source.take(limit + 1).read_to_end(bytes)?;
    if read as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit} bytes")));
    }
    Ok(())
}

/// The passphrase from a descriptor: its first line.
pub fn passphrase_from(number: i32) -> Result<Passphrase, Failure> {
    let cannot =
        |why: &dyn Display| Failure::new(format!("cannot read a passphrase from descriptor {number}: {why}"));
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::from(sys::inherited(number).map_err(|error| cannot(&error))?);
    read_whole(file, KEY_FILE_LIMIT, &mut bytes).map_err(|error| cannot(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| cannot(&"it is no text"))?;
    let passphrase = Passphrase::new(text.lines().next().unwrap_or_default().to_owned());
    if passphrase.is_empty() {
        return Err(Failure::new(format!("the passphrase from descriptor {number} is empty")));
    }
    Ok(passphrase)
}

/// Asks for a passphrase on the terminal.
pub fn ask(what: &str) -> Result<Passphrase, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("there is no terminal to ask for a passphrase on")
            .hint("hand it over with --passphrase-fd N"));
    }
    let text = interrupt::asking(|| rpassword::prompt_password(format!("{what}: ")))?
        .map_err(|error| Failure::new(format!("cannot ask for a passphrase: {error}")))?;
    Ok(Passphrase::new(text))
}
