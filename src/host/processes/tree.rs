//! Where processes are read from: past whatever is mounted over their folders in /proc.
//!
//! One mount hides a process from everybody who reads /proc: an empty folder over `/proc/PID`, or the folder of another
//! process. Root can have a procfs that is mounted nowhere, so that nothing can be mounted over it either (fsopen(2),
//! fsmount(2), Linux 5.2). Whoever cannot have one reads /proc without crossing a mount there, and says where there is one.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use rustix::process::{Pid, getpriority_process};

use super::super::facts::is_root;
use super::super::own_namespaces::FIRST_USER;
use super::super::{Host, Trouble};
use super::{ProcessFolder, numbers};
use crate::path::HostPath;
use crate::records::mounts;
use crate::records::process::figures;

/// The inode of a procfs's root (`PROC_ROOT_INO`, linux/proc_fs.h).
const ROOT: u64 = 1;

/// Bytes of a file of our own at most: a table of mounts can be long.
const OWN: usize = 64 << 20;

/// The procfs that processes are read from.
pub struct Tree {
    /// What lies at /proc.
    mounted: Option<OwnedFd>,
    /// The one that is mounted nowhere.
    detached: Option<OwnedFd>,
    /// /proc shows more than the detached one: it belongs to a pid namespace further out.
    looks_further: bool,
    /// /proc is not that of our pid namespace.
    pub(super) is_foreign: bool,
    /// The option `hidepid` of /proc, where it is not off.
    pub(super) hidepid: Option<String>,
    /// And it hides processes from us in what is read.
    pub(super) hides: bool,
}

impl Tree {
    pub(super) fn open() -> Tree {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mounted = fs::open("/proc", flags, Mode::empty()).ok();
        let is_foreign = !mounted.as_ref().is_some_and(is_our_procfs);
        let detached = if is_root() { detached().ok() } else { None };
        let count = |root: &Option<OwnedFd>| {
            root.as_ref().and_then(|root| list(root).ok()).map_or(0, |all| all.len())
        };
        let looks_further = is_foreign && count(&mounted) > count(&detached);
        let mut tree = Tree { mounted, detached, looks_further, is_foreign, hidepid: None, hides: false };
        tree.hidepid = figures::hidepid(&tree.of_ourselves("mountinfo").unwrap_or_default());
        let user_namespace = tree.own_namespace("user");
        let is_real_root = is_root() && user_namespace.is_none_or(|number| number == FIRST_USER);
        tree.hides = tree.hidepid.is_some() && !tree.is_past_mounts() && !is_real_root;
        tree
    }

    /// Whether no mount can stand between us and what is read.
    pub fn is_past_mounts(&self) -> bool {
        self.detached.is_some() && !self.looks_further
    }

    fn root(&self) -> Result<&OwnedFd, Errno> {
        let detached = self.detached.as_ref().filter(|_| self.is_past_mounts());
        detached.or(self.mounted.as_ref()).ok_or(Errno::NOENT)
    }

    /// The numbers of all processes, ascending.
    pub(in crate::host) fn pids(&self) -> Result<Vec<u32>, Errno> {
        list(self.root()?)
    }

    /// The folder of a process, and of nothing else.
    pub(in crate::host) fn folder(&self, pid: u32, covers: &Covers) -> Result<ProcessFolder, Trouble> {
        let place = || format!("/proc/{pid}");
        let trouble = |errno| match errno {
            Errno::XDEV => Trouble::Covered(place()),
            Errno::NOENT | Errno::SRCH => Trouble::Vanished(place()),
            other => Trouble::from_errno(other, place()),
        };
        if !self.is_past_mounts() && covers.contains_key(&pid) {
            return Err(Trouble::Covered(place()));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = self.root().and_then(|root| beneath(root, &pid.to_string(), flags)).map_err(trouble)?;
        Ok(ProcessFolder { pid, folder })
    }

    /// Why a process that is there no more cannot be read: it has ended, or it runs on and does not show itself.
    pub(super) fn fate(&self, pid: u32, covers: &Covers) -> Trouble {
        let place = format!("/proc/{pid}");
        // The numbers of another pid namespace mean others here.
        if self.looks_further || self.mounted_is_foreign() || !answers(pid) {
            return Trouble::Vanished(place);
        }
        match self.folder(pid, covers).map(|folder| folder.read("stat", 4096)) {
            // The number was given to another process, or it has ended and waits to be asked how.
            Ok(Ok(_)) => Trouble::Vanished(place),
            Err(covered @ Trouble::Covered(_)) => covered,
            _ if !answers(pid) => Trouble::Vanished(place),
            _ if self.hides => Trouble::Denied(place),
            _ => Trouble::Hidden(place),
        }
    }

    fn mounted_is_foreign(&self) -> bool {
        self.is_foreign && !self.is_past_mounts()
    }

    /// What is mounted over folders of processes, as our mount namespace has it.
    pub(super) fn covers(&self) -> Covers {
        mounts::over_processes(&mounts::parse(&self.of_ourselves("mountinfo").unwrap_or_default()).0)
    }

    /// The same, where they stand between us and what is read.
    pub(in crate::host) fn covers_of_what_is_read(&self) -> Covers {
        if self.is_past_mounts() { Covers::new() } else { self.covers() }
    }

    /// A file of our own process; also where /proc is not ours, if there is a procfs that is.
    pub(super) fn of_ourselves(&self, name: &str) -> Result<Vec<u8>, Errno> {
        self.ourselves()?.read(name, OWN)
    }

    /// Our own folder.
    pub(in crate::host) fn ourselves(&self) -> Result<ProcessFolder, Errno> {
        // Our number is another process's where /proc is not ours.
        let mounted = self.mounted.as_ref().filter(|_| !self.is_foreign);
        let root = self.detached.as_ref().or(mounted).ok_or(Errno::NOENT)?;
        let pid = std::process::id();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(ProcessFolder { pid, folder: beneath(root, &pid.to_string(), flags)? })
    }

    /// The number of a namespace that we are in.
    pub(super) fn own_namespace(&self, kind: &str) -> Option<u64> {
        figures::namespace(&self.ourselves().ok()?.link(&format!("ns/{kind}")).ok()?)
    }
}

/// What is mounted over a process's folder, or over something in it, by the process's number.
pub type Covers = BTreeMap<u32, Vec<HostPath>>;

/// Whether the kernel knows a process or thread of this number.
pub(super) fn answers(number: u32) -> bool {
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| getpriority_process(Some(pid)).is_ok())
}

/// A procfs that is mounted nowhere. It goes with its descriptor.
fn detached() -> Result<OwnedFd, Errno> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let harmless = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, harmless)
}

/// Whether it is the root of a procfs, and of our own pid namespace's.
fn is_our_procfs(root: &OwnedFd) -> bool {
    let is_procfs = fs::fstatfs(root).is_ok_and(|fs| fs.f_type == fs::PROC_SUPER_MAGIC);
    let is_root = fs::fstat(root).is_ok_and(|stat| stat.st_ino == ROOT);
    let me = fs::readlinkat(root, "self", Vec::new()).ok();
    is_procfs && is_root && me.is_some_and(|me| me.as_bytes() == std::process::id().to_string().as_bytes())
}

fn list(root: impl AsFd) -> Result<Vec<u32>, Errno> {
    numbers(fs::openat(root, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a name in a procfs; [`Errno::XDEV`] if a mount covers it.
fn beneath(root: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    match fs::openat2(root, name, flags, Mode::empty(), ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS) {
        // Before Linux 5.6, or where a filter of system calls does not know this one.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            let opened = fs::openat(root, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
            let same = fs::fstat(&opened)?.st_dev == fs::fstat(root)?.st_dev;
            if same { Ok(opened) } else { Err(Errno::XDEV) }
        }
        opened => opened,
    }
}

impl Host {
    /// What processes are read from, opened once in a run.
    pub(in crate::host) fn process_tree(&self) -> Arc<Tree> {
        Arc::clone(self.processes.get_or_init(|| Arc::new(Tree::open())))
    }

    /// What is mounted over the folders of processes in /proc, by their numbers; and whether these processes are read
    /// all the same.
    pub fn covered_processes(&self) -> (Covers, bool) {
        let tree = self.process_tree();
        (tree.covers(), tree.is_past_mounts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_folder_is_read_and_what_lies_elsewhere_is_not() {
        let tree = Tree::open();
        let me = std::process::id();
        assert!(!tree.is_foreign && tree.pids().unwrap().contains(&me));
        let folder = tree.folder(me, &Covers::new()).unwrap();
        assert!(folder.read("stat", 4096).unwrap().starts_with(format!("{me} (").as_bytes()));
        assert!(matches!(tree.folder(u32::MAX, &Covers::new()), Err(Trouble::Vanished(_))));
        assert!(matches!(tree.fate(u32::MAX, &Covers::new()), Trouble::Vanished(_)));
        assert!(matches!(tree.fate(me, &Covers::new()), Trouble::Vanished(_)), "it shows itself");
        assert!(is_root() || !tree.is_past_mounts());
    }

    #[test]
    fn a_folder_that_a_mount_covers_is_not_taken_for_the_process() {
        let me = std::process::id();
        let covers = Covers::from([(me, vec![HostPath::new(format!("/proc/{me}")).unwrap()])]);
        let tree = Tree { detached: None, ..Tree::open() };
        assert!(matches!(tree.folder(me, &covers), Err(Trouble::Covered(_))));
        assert!(matches!(tree.fate(me, &covers), Trouble::Covered(_)), "and it has not ended");
        // /proc lies in the root folder, and is another mount.
        let root = fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        assert_eq!(beneath(&root, "proc", OFlags::PATH).unwrap_err(), Errno::XDEV);
    }

    #[test]
    fn one_that_runs_and_has_no_folder_is_hidden_and_not_gone() {
        let me = std::process::id();
        let nowhere = tempfile::tempdir().unwrap();
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let empty = || fs::open(nowhere.path(), flags, Mode::empty()).ok();
        let open = |hides| Tree { detached: None, mounted: empty(), hides, ..Tree::open() };
        assert!(matches!(open(false).fate(me, &Covers::new()), Trouble::Hidden(_)));
        assert!(matches!(open(true).fate(me, &Covers::new()), Trouble::Denied(_)));
        assert!(matches!(open(false).fate(u32::MAX, &Covers::new()), Trouble::Vanished(_)));
    }
}
