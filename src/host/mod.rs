//! The machine under examination: the only code that reads evidence.
//!
//! A [`Host`] is a directory: `/` with a running kernel behind it, or an image's root. Everything is opened from
//! that directory downwards, component by component, never through a link that was not asked for, never a device
//! or FIFO, without changing access times where the kernel allows it, and on threads that can be left behind when
//! a file system does not answer.

pub mod allowance;
pub mod audit;
pub mod courtesy;
pub mod cross_view;
pub mod extended;
pub mod extents;
pub mod facts;
pub mod file;
pub mod footprint;
pub mod held;
pub mod iptables;
pub mod kernel_text;
pub mod kmsg;
pub mod knock;
pub mod log_tail;
pub mod mounts;
pub mod myself;
pub mod netlink;
pub mod netns;
pub mod own_namespaces;
pub mod pace;
pub mod page_cache;
pub mod patience;
pub mod pattern;
pub mod place;
pub mod processes;
pub mod running;
pub mod sockets;
pub mod stat;
pub mod sys;
pub mod tool;
pub mod walk;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::path::HostPath;
use footprint::Footprint;
use mounts::MountTable;
use netns::NetworkScan;
use own_namespaces::TrustedOwners;
use pace::Pace;
use patience::Patience;
use processes::tree::Tree;
use tool::offspring::Offspring;

/// How long one read of evidence may take before its mount counts as dead.
pub const READ_DEADLINE: Duration = Duration::from_secs(20);

/// How long readers may take to notice that nobody waits for them any more.
const GRACE: Duration = Duration::from_millis(400);

/// How many places are remembered that did not answer.
const SILENT: usize = 16;

/// The examined machine.
pub struct Host {
    root: Arc<OwnedFd>,
    image: Option<PathBuf>,
    trusted_owners: TrustedOwners,
    mounts: Arc<MountTable>,
    patience: Patience,
    footprint: Arc<Footprint>,
    /// What did not answer, the first few of it.
    silent: Mutex<Vec<String>>,
    own_output: OnceLock<(u64, u64)>,
    questions: AtomicU32,
    network: OnceLock<Arc<NetworkScan>>,
    processes: OnceLock<Arc<Tree>>,
    offspring: OnceLock<Option<Offspring>>,
}

/// Why something on the host could not be obtained.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Not there.
    #[error("{0} is not there")]
    Missing(String),
    /// It was listed a moment ago and is gone.
    #[error("{0} was there a moment ago and is gone")]
    Vanished(String),
    /// Something is mounted over the folder of a process, and shows something else in its place.
    #[error("{0} is covered by a mount; what lies there is not the process's")]
    Covered(String),
    /// A process that runs on and does not open.
    #[error("{0} does not open, though the kernel knows its process")]
    Hidden(String),
    /// Something else took its name between two looks.
    #[error(
        "{0} was a moment ago another thing than now: something else took its name, and was not followed"
    )]
    Replaced(String),
    /// It was written to while it was read.
    #[error("{0} changed while it was read")]
    Changed(String),
    /// It is all but a hole, which was not read.
    #[error("{0} is long and all but a hole; it was not read through")]
    Hollow(String),
    /// The kernel refused.
    #[error("{0}: permission denied")]
    Denied(String),
    /// A link on the way that somebody else than the root's owner made.
    #[error("{0} is a link that its owner could point anywhere; it was not followed")]
    UntrustedLink(String),
    /// A link on the way whose owner is not known in our user namespace.
    #[error("{0} is a link whose owner is not known in this user namespace; it was not followed")]
    UnknownOwner(String),
    /// Something on the way, or in place of a file, is of another type.
    #[error("{0} is {1}")]
    OtherType(String, &'static str),
    /// No answer within the deadline.
    #[error("{0}: no answer within {1} s")]
    Hung(String, u64),
    /// No answer yet when the run was stopped.
    #[error("{0}: no answer yet when the run was stopped")]
    Stopped(String),
    /// The mount did not answer before.
    #[error("{0} lies on a mount that does not answer")]
    DeadMount(String),
    /// It lies on a network or FUSE mount that nobody named.
    #[error("{0} lies on a network mount that was not named")]
    NetworkMount(String),
    /// The kernel reported an error.
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

impl Trouble {
    /// Sorts an error of the kernel, met at `place`.
    pub fn from_errno(errno: Errno, place: impl Into<String>) -> Trouble {
        let place = place.into();
        match errno {
            Errno::NOENT => Trouble::Missing(place),
            Errno::ACCESS | Errno::PERM => Trouble::Denied(place),
            Errno::NOTDIR => Trouble::OtherType(place, "not a folder"),
            other => Trouble::Io(place, other.into()),
        }
    }

    /// The outcome and reason that an entry gets for it.
    pub fn verdict(&self) -> (Outcome, Reason) {
        let (outcome, code) = match self {
            Trouble::Missing(_) => (Outcome::Missing, ReasonCode::NotFound),
            Trouble::Vanished(_) => (Outcome::Missing, ReasonCode::Vanished),
            Trouble::Covered(_) | Trouble::Hidden(_) => (Outcome::Inconclusive, ReasonCode::ViewsDisagree),
            Trouble::Changed(_) | Trouble::Replaced(_) => (Outcome::Changed, ReasonCode::Overwritten),
            Trouble::Hollow(_) => (Outcome::Truncated, ReasonCode::SizeLimit),
            Trouble::Denied(_) => (Outcome::Denied, ReasonCode::Permission),
            Trouble::UntrustedLink(_) => (Outcome::Skipped, ReasonCode::UntrustedLink),
            Trouble::UnknownOwner(_) => (Outcome::Skipped, ReasonCode::OwnerUnknown),
            Trouble::OtherType(..) => (Outcome::Failed, ReasonCode::SpecialFile),
            Trouble::Hung(..) => (Outcome::TimedOut, ReasonCode::Deadline),
            Trouble::Stopped(_) => (Outcome::Skipped, ReasonCode::Interrupted),
            Trouble::DeadMount(_) => (Outcome::TimedOut, ReasonCode::DeadMount),
            Trouble::NetworkMount(_) => (Outcome::Skipped, ReasonCode::NetworkMount),
            Trouble::Io(..) => (Outcome::Failed, ReasonCode::IoError),
        };
        (outcome, Reason::new(code, self.to_string()))
    }
}

impl Host {
    /// The running machine. `named` are paths that a person pointed at: network mounts are entered only there.
    pub fn live(named: &[HostPath]) -> io::Result<Host> {
        Host::open(Path::new("/"), false, named)
    }

    /// An image's root, such as a mounted disk.
    pub fn image(root: &Path, named: &[HostPath]) -> io::Result<Host> {
        Host::open(root, true, named)
    }

    fn open(root: &Path, is_image: bool, named: &[HostPath]) -> io::Result<Host> {
        let patience = Patience::new(READ_DEADLINE);
        let root = root.to_owned();
        let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
        let (fd, owner, image) = patience.ask(move || open_root(&root, is_image)).map_err(silent)??;
        Ok(Host {
            root: Arc::new(fd),
            mounts: Arc::new(MountTable::read(image.as_deref(), named)),
            image,
            trusted_owners: TrustedOwners::root_and(owner),
            patience,
            footprint: Arc::new(Footprint::default()),
            silent: Mutex::default(),
            own_output: OnceLock::new(),
            questions: AtomicU32::new(0),
            network: OnceLock::new(),
            processes: OnceLock::new(),
            offspring: OnceLock::new(),
        })
    }

    /// Whether there is a running kernel to ask.
    pub fn is_live(&self) -> bool {
        self.image.is_none()
    }

    /// The image's root on this machine, if it is one.
    pub fn image_root(&self) -> Option<&Path> {
        self.image.as_deref()
    }

    /// The mounts below the examined root.
    pub fn mounts(&self) -> &Arc<MountTable> {
        &self.mounts
    }

    /// What this run has done to the host so far.
    pub fn footprint(&self) -> &Arc<Footprint> {
        &self.footprint
    }

    /// The ceiling on processor time, which whoever takes evidence keeps to.
    pub fn pace(&self) -> &Arc<Pace> {
        self.patience.pace()
    }

    fn root(&self) -> &Arc<OwnedFd> {
        &self.root
    }

    fn trusted_owners(&self) -> TrustedOwners {
        self.trusted_owners
    }

    fn patience(&self) -> &Patience {
        &self.patience
    }

    /// A reader waits at `place` for what does not come, and is left there.
    fn leave_behind_at(&self, place: &str) {
        self.footprint.left_behind();
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent.len() < SILENT && !silent.iter().any(|known| known == place) {
            silent.push(place.to_owned());
        }
    }

    /// What still does not answer at the end of a run: mount points, or places. The kernel may keep this program until it
    /// does, for a request that a server has read cannot be taken back.
    pub fn kept_by(&self) -> Vec<String> {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dead = self.mounts.dead().into_iter().map(|dead| dead.to_string());
        silent.extend(dead.filter(|dead| !silent.contains(dead)).collect::<Vec<_>>());
        if silent.is_empty() || !self.patience.is_kept_waiting(GRACE) { Vec::new() } else { silent }
    }

    /// The bytes that are free for everybody on the file system of the folder that holds `path`, and all of its bytes.
    pub fn space(&self, path: &HostPath) -> Option<(u64, u64)> {
        let folder = self.locate(path, true).ok()?.spot.folder;
        let room = self.patience().ask(move || fs::fstatvfs(&folder)).ok()?.ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
        Some((bytes(room.f_bavail), bytes(room.f_blocks)))
    }

    /// Something on the host itself points at `path`, as its configuration at its log: the mount that holds it is entered
    /// whatever its kind.
    pub fn point_at(&self, path: HostPath) {
        self.mounts.name(path);
    }

    /// A number for the next question to the kernel, so that its answer is known by it.
    fn next_question(&self) -> u32 {
        self.questions.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Whether this file is our own output.
    pub fn is_own_output(&self, identity: (u64, u64)) -> bool {
        self.own_output.get() == Some(&identity)
    }

    /// From here on the file with this device and inode is our own output, and is not read.
    pub fn exclude_own_output(&self, identity: (u64, u64)) {
        // There is one output in a run.
        let _ = self.own_output.set(identity);
    }
}

/// The examined root, whom its links are trusted of, and its path if it is an image.
fn open_root(root: &Path, is_image: bool) -> io::Result<(OwnedFd, u32, Option<PathBuf>)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::open(root, flags, Mode::empty())?;
    // An image may have been unpacked by somebody who is not root; on a live host, whoever owns `/` by mistake or on
    // purpose gains nothing by it.
    let owner = if is_image { fs::fstat(&fd)?.st_uid } else { 0 };
    Ok((fd, owner, is_image.then(|| root.canonicalize()).transpose()?))
}

#[cfg(test)]
pub(crate) mod test_host {
    use super::*;

    /// A host made of a folder, with the files given.
    pub fn host_with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let host = Host::image(dir.path(), &[]).unwrap();
        (dir, host)
    }
}
