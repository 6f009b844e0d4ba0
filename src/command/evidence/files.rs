//! Plain files that somebody names.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::what::AUDIT_LOG;
use super::{Evidence, Log, Reads, What};
use crate::clock::Timestamp;
use crate::path::{HostPath, shown};
use crate::seal::files::open_file;
use crate::term::Failure;

/// Journal files that are taken from one folder at most.
const MOST: usize = 10_000;
/// Bytes of one piece.
const PIECE: usize = 128 << 10;

/// Files by the place where they stand here.
struct Files(Vec<PathBuf>);

/// The evidence of files that were named.
pub fn of(named: &[(What, PathBuf)], wanted: &[What]) -> Result<Evidence, Failure> {
    if !named.iter().any(|(what, _)| wanted.contains(what)) {
        let needed: Vec<&str> = wanted.iter().filter_map(|what| option(*what)).collect();
        return Err(Failure::usage("there is nothing to search: no evidence was named")
            .hint("name a bundle with its key: BUNDLE -i KEY; or the root of an image: --root DIR")
            .hint(format!("or plain files: {}", needed.join(", "))));
    }
    let (mut paths, mut unread) = (Vec::new(), BTreeSet::new());
    for (what, path) in named {
        let inside = match *what == What::Journal && path.is_dir() {
            true => journals(path, &mut unread)?,
            false => vec![path.clone()],
        };
        paths.extend(inside.into_iter().map(|path| (*what, path)));
    }
    // What is named twice is read once.
    let mut named_before = BTreeSet::new();
    paths.retain(|(what, path)| {
        named_before.insert((*what, path.canonicalize().unwrap_or_else(|_| path.clone())))
    });
    let mut logs = Vec::new();
    for (at, (what, path)) in paths.iter().enumerate() {
        let met = open_file(path).and_then(|file| file.metadata()).map_err(|error| cannot(path, &error))?;
        if !met.is_file() {
            return Err(Failure::new(format!("{} is a folder", path.display()))
                .hint("name the files themselves, or the root of an image with --root DIR"));
        }
        logs.push(Log {
            number: 0,
            what: *what,
            name: told(path),
            path: std::path::absolute(path)
                .ok()
                .and_then(|path| HostPath::new(path.as_os_str().as_encoded_bytes()).ok()),
            size: met.len(),
            modified: met.modified().ok().and_then(time),
            entry: None,
            first: None,
            table: None,
            at,
        });
    }
    let files = Files(paths.into_iter().map(|(_, path)| path).collect());
    let audit_log = HostPath::new(AUDIT_LOG).map_err(Failure::new)?;
    let mut evidence = Evidence::new(logs, Box::new(files), audit_log);
    // Whoever names a folder has asked for all that is in it.
    evidence.notes.extend(unread);
    for what in wanted.iter().filter(|what| !named.iter().any(|(named, _)| named == *what)) {
        if option(*what).is_some() {
            evidence.lack(*what, format!("{}: none was named", what.words()));
        }
    }
    Ok(evidence)
}

/// The option that names files of a kind.
fn option(what: What) -> Option<&'static str> {
    match what {
        What::Audit => Some("--audit FILE…"),
        What::Auth => Some("--auth FILE…"),
        What::Wtmp => Some("--wtmp FILE…"),
        What::Btmp => Some("--btmp FILE…"),
        What::Journal => Some("--journal DIR"),
        What::Utmp | What::Wtmpdb | What::Logind | What::Passwd | What::Walk | What::Table => None,
    }
}

fn time(modified: std::time::SystemTime) -> Option<Timestamp> {
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos()))
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {}: {error}", path.display()))
        .hint("nothing was searched; name files that you can read")
}

/// The journal files of a folder, and of the folders in it, which are called by machine ids; links are followed, as
/// journalctl does (sd-journal(3)). What cannot be read is told in `unread`.
fn journals(folder: &Path, unread: &mut BTreeSet<String>) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in names(folder)? {
        match path.metadata() {
            Ok(met) if met.is_dir() => {
                names(&path)?.into_iter().for_each(|path| journal(path, &mut found, unread));
            }
            Ok(_) => journal(path, &mut found, unread),
            Err(error) => drop(unread.insert(gone(&path, &error))),
        }
    }
    if found.is_empty() {
        let failure = Failure::new(format!("{}: there is no journal file in it", folder.display()))
            .hint("journal files end in .journal; they lie in /var/log/journal/MACHINE-ID");
        return Err(unread.iter().fold(failure, |failure, words| failure.hint(words)));
    }
    Ok(found)
}

fn names(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = std::fs::read_dir(folder).map_err(|error| cannot(folder, &error))?;
    let mut names: Vec<PathBuf> = names.take(MOST).filter_map(|name| Some(name.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

/// Takes what is called as a journal is, if it is a file.
fn journal(path: PathBuf, found: &mut Vec<PathBuf>, unread: &mut BTreeSet<String>) {
    if !path.file_name().is_some_and(|name| name.to_string_lossy().contains(".journal")) {
        return;
    }
    match path.metadata() {
        Ok(met) if met.is_file() => found.push(path),
        Ok(met) => drop(unread.insert(format!("{} is {}, not read", told(&path), kind(&met)))),
        Err(error) => drop(unread.insert(gone(&path, &error))),
    }
}

/// Why there is nothing behind a name.
fn gone(path: &Path, error: &io::Error) -> String {
    match path.read_link() {
        Ok(target) => format!("{} is a link to {}, not read: {error}", told(path), told(&target)),
        Err(_) => format!("{}: not read: {error}", told(path)),
    }
}

fn kind(met: &Metadata) -> &'static str {
    let kind = met.file_type();
    match (kind.is_dir(), kind.is_fifo(), kind.is_socket()) {
        (true, ..) => "a folder",
        (_, true, _) => "a FIFO",
        (.., true) => "a socket",
        _ => "a device",
    }
}

fn told(path: &Path) -> String {
    shown(path.as_os_str().as_encoded_bytes())
}

/// The bytes of a file, until `each` has had enough.
pub fn pour(mut file: File, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if each(buffer.get(..count).unwrap_or_default()).is_break() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Reads for Files {
    fn read(&self, at: usize, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Failure> {
        let Some(path) = self.0.get(at) else { return Ok(()) };
        open_file(path).and_then(|file| pour(file, each)).map_err(|error| cannot(path, &error))
    }
}
