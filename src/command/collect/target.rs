//! Where a bundle goes, checked before anything is collected.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Dev, FileType, OFlags, makedev};

use super::Args;
use super::papers::Papers;
use super::prepare::Prepared;
use crate::collector::auditd;
use crate::host::Host;
use crate::path::HostPath;
use crate::records::audit_config;
use crate::seal::ROOM_TO_BEGIN;
use crate::seal::output::{Folder, OutputError};
use crate::term::{Failure, bytes};

/// What to do with a stream.
const SEND_IT_ON: &str = "send it on: … -o - --receipt FILE | ssh USER@HOST 'cat > incident.zip.age'";

/// Where a bundle goes.
pub enum Target {
    /// Into a folder.
    Folder(Room),
    /// To stdout; the receipt goes to a file.
    Pipe(PipedReceipt),
}

/// An output folder, and the room in it.
pub struct Room {
    /// The folder.
    pub folder: Folder,
    /// Free space that its file system keeps, in bytes.
    pub floor: u64,
    /// Free space now, in bytes.
    pub free: u64,
}

/// The receipt of a bundle that goes to stdout. Both files are made before anything is streamed: a receipt that cannot
/// be written afterwards would make the stream worthless. Until then they are called `.partial`.
pub struct PipedReceipt {
    /// Where they go.
    pub folder: Folder,
    /// Both.
    pub papers: Papers,
}

impl Target {
    /// Checks and opens the output.
    pub fn open(args: &Args, prepared: &Prepared) -> Result<Target, Failure> {
        let Some(path) = &prepared.request.output else { return Ok(Target::Pipe(PipedReceipt::take(args)?)) };
        if args.receipt.is_some() {
            return Err(receipt_without_pipe());
        }
        Ok(Target::Folder(Room::in_folder(path, &prepared.host)?))
    }
}

/// Why an output would be refused, found out without taking any name.
pub fn refusal(args: &Args, output: Option<&Path>, host: &Host) -> Option<Failure> {
    match (output, &args.receipt) {
        (Some(_), Some(_)) => Some(receipt_without_pipe()),
        (Some(path), None) => Room::in_folder(path, host).err(),
        (None, None) => Some(no_receipt_named()),
        (None, Some(receipt)) => {
            let taken = [receipt.clone(), PathBuf::from(format!("{}.sig", receipt.display()))];
            let taken = taken.into_iter().find(|path| path.symlink_metadata().is_ok());
            taken.map(|path| no_receipt(OutputError::Exists(path)))
        }
    }
}

fn receipt_without_pipe() -> Failure {
    Failure::usage("--receipt goes with -o -").hint("in a folder the receipt lies beside the bundle")
}

impl Room {
    /// The room in an output folder; an error where a bundle could not be begun there.
    pub fn in_folder(path: &Path, host: &Host) -> Result<Room, Failure> {
        let folder = Folder::open(path).map_err(unusable)?;
        if let Err(errno) = rustix::fs::access(path, rustix::fs::Access::WRITE_OK) {
            let why = io::Error::from(errno);
            return Err(Failure::new(format!("{} cannot be written: {why}", path.display()))
                .hint("choose the output folder with -o DIR"));
        }
        let space = folder.space().map_err(unusable)?;
        let floor = (space.total / 20).max(auditd_floor(host, path, space.total));
        if space.free <= floor + ROOM_TO_BEGIN {
            let message = format!(
                "{} has {} free; {} of it must stay free for the host, and {} is needed to begin",
                path.display(),
                bytes(space.free),
                bytes(floor),
                bytes(ROOM_TO_BEGIN)
            );
            return Err(Failure::new(message).hint("choose another disk with -o DIR, or stream with -o -"));
        }
        Ok(Room { folder, floor, free: space.free })
    }
}

impl PipedReceipt {
    fn take(args: &Args) -> Result<PipedReceipt, Failure> {
        let Some(path) = &args.receipt else { return Err(no_receipt_named()) };
        if io::stdout().is_terminal() {
            return Err(Failure::usage("-o - would write the sealed file to this terminal").hint(SEND_IT_ON));
        }
        if leads_nowhere() {
            return Err(Failure::usage(
                "-o - would throw the sealed file away: stdout is closed or the null device",
            )
            .hint(SEND_IT_ON));
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| Failure::usage(format!("{} names no file", path.display())))?.to_owned();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = Folder::open(parent.unwrap_or(Path::new("."))).map_err(no_receipt)?;
        let papers = Papers::promise_as_partial(&folder, &name).map_err(no_receipt)?;
        Ok(PipedReceipt { folder, papers })
    }
}

/// Linux's number of /dev/null (Documentation/admin-guide/devices.txt).
fn null_device() -> Dev {
    makedev(1, 3)
}

/// Whether the sealed file would go nowhere: stdout was closed when the program began (which then has the null device in
/// its place), or is the null device itself, or can't be written to.
fn leads_nowhere() -> bool {
    let stdout = io::stdout();
    let reads_only =
        || rustix::fs::fcntl_getfl(&stdout).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDONLY);
    rustix::fs::fstat(&stdout).is_ok_and(|met| {
        met.st_rdev == null_device() && FileType::from_raw_mode(met.st_mode) == FileType::CharacterDevice
    }) || reads_only()
}

/// What streams must leave its receipt somewhere.
fn no_receipt_named() -> Failure {
    Failure::usage("-o - needs --receipt FILE")
        .hint("the receipt says what was streamed; it holds no PHI, and goes to a file")
}

fn no_receipt(error: OutputError) -> Failure {
    Failure::new(&error).hint("name a file for the receipt that does not exist yet, with --receipt FILE")
}

/// Why an output folder cannot be used, and what to do.
fn unusable(error: OutputError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        OutputError::Link(_) => {
            failure.hint("name the folder itself; a link could be turned elsewhere meanwhile")
        }
        OutputError::WorldWritable(_) => {
            failure.hint("choose a folder that only you can write, or set its sticky bit")
        }
        _ => failure.hint("choose the output folder with -o DIR"),
    }
}

/// The space that auditd wants on its log's file system, if the output would lie there.
fn auditd_floor(host: &Host, output: &Path, total: u64) -> u64 {
    let conf = auditd::configuration(host);
    let absolute = std::path::absolute(output).ok();
    let output = absolute.and_then(|output| HostPath::new(output.as_os_str().as_encoded_bytes()).ok());
    let mount = |path: Option<HostPath>| host.mounts().holding(&path?).map(|mount| mount.id);
    let same = host.is_live() && mount(Some(auditd::log(&conf))) == mount(output);
    if same { audit_config::space_left(&conf, total).unwrap_or(0) } else { 0 }
}
