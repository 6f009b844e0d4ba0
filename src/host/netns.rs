//! Network namespaces: each has its own sockets, routes and packet filter, and what one shows the others hide.
//!
//! They are found through the processes that are in them, through descriptors that keep them open, and through mounts
//! of theirs (`/run/netns`, container runtimes); a thread can be in another than its process. One that only another mount
//! namespace or a socket holds is not found.

mod glance;

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{Host, Trouble};
use crate::custody::ledger::Reason;
use crate::custody::outcome::Outcome;
use crate::path::HostPath;
use crate::records::mounts;
use crate::records::process::target::{self, Target};
use glance::{DESCRIPTORS, Glance, Shared, glance};

/// Descriptors of sockets that are kept at most, of all processes together.
const SOCKETS: usize = 1 << 20;

/// Namespaces that are entered at most.
const NAMESPACES: usize = 4096;

/// One network namespace.
#[derive(Clone, Debug)]
pub struct NetworkNamespace {
    /// Its number, as in `net:[4026531840]`.
    pub inode: u64,
    /// Whether it is the one that we run in.
    pub own: bool,
    /// Where it is mounted.
    pub paths: Vec<HostPath>,
    /// The processes in it, ascending.
    pub processes: Vec<u32>,
    /// Processes outside that keep it open, by number and the first descriptor that does. Our own, which opens every one
    /// to ask in it, is not among them.
    pub held_by: Vec<(u32, u32)>,
    /// Threads in it whose process is in another, or in none any more: of each process the first, by both numbers.
    pub threads: Vec<(u32, u32)>,
    door: Arc<OwnedFd>,
}

/// A descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketDescriptor {
    /// The socket's number.
    pub inode: u64,
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
}

/// What one look through all processes shows of the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkScan {
    /// The namespaces, our own first, then by number.
    pub namespaces: Vec<NetworkNamespace>,
    /// Who holds which socket, by its number, then by pid and descriptor.
    pub sockets: Vec<SocketDescriptor>,
    /// Processes that did not let us look; those that were gone are not among them.
    pub unseen: Vec<Unseen>,
    /// Processes that were gone when they were looked at.
    pub vanished: u64,
    /// Namespaces, descriptors or processes that were left out because there are too many, or did not open.
    pub left_out: Vec<String>,
    /// What keeps /proc from showing every process, each by itself.
    pub blinkers: Vec<(Outcome, Reason)>,
    /// Sockets that no namespace of these lists, though their tables ought to: there may be one that was not found. It
    /// comes out when sockets are asked for, after the scan.
    pub unlisted: OnceLock<u64>,
}

/// A process that did not let us look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Its number.
    pub pid: u32,
    /// `denied`, `timed_out`, `failed`, or `inconclusive` where something hides it.
    pub outcome: Outcome,
    /// Why.
    pub words: String,
}

impl Unseen {
    fn new(pid: u32, trouble: &Trouble, words: String) -> Unseen {
        let outcome = match trouble.verdict().0 {
            outcome @ (Outcome::Denied | Outcome::TimedOut | Outcome::Inconclusive) => outcome,
            _ => Outcome::Failed,
        };
        Unseen { pid, outcome, words }
    }
}

/// What is put together of all glances.
#[derive(Default)]
struct Found {
    namespaces: BTreeMap<u64, NetworkNamespace>,
    /// Processes by the namespace that they are in, also of those that did not open through them.
    inside: BTreeMap<u64, Vec<u32>>,
    held_by: BTreeMap<u64, Vec<(u32, u32)>>,
    threads: BTreeMap<u64, Vec<(u32, u32)>>,
    /// What did not open, with why. It is left out only if nothing else opened it.
    shut: BTreeMap<u64, String>,
}

/// Does `work` in a namespace, on a thread that ends with it; or, for our own, here.
pub fn within<T: Send + 'static>(
    namespace: Option<&NetworkNamespace>,
    work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
) -> Result<T, Errno> {
    through(door_of(namespace), work)
}

/// None for our own.
fn door_of(namespace: Option<&NetworkNamespace>) -> Option<Arc<OwnedFd>> {
    namespace.filter(|namespace| !namespace.own).map(|namespace| Arc::clone(&namespace.door))
}

fn through<T: Send + 'static>(
    door: Option<Arc<OwnedFd>>,
    work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
) -> Result<T, Errno> {
    let Some(door) = door else { return work() };
    let entering = std::thread::Builder::new().name("namespace".into()).spawn(move || {
        move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))?;
        work()
    });
    match entering.map(std::thread::JoinHandle::join) {
        Ok(Ok(done)) => done,
        Ok(Err(_)) | Err(_) => Err(Errno::AGAIN),
    }
}

impl Host {
    /// Looks through all processes once, for the sockets that they hold and the namespaces that they are in.
    pub fn scan_network(&self) -> Result<NetworkScan, Trouble> {
        let own = number_of(
            &fs::readlink("/proc/self/ns/net", Vec::new()).map_or(Vec::new(), |link| link.into_bytes()),
        );
        let mut scan = NetworkScan { blinkers: self.blinkers().verdicts(), ..NetworkScan::default() };
        let mut found = Found::default();
        let shared = Shared::begin();
        let each = |pid, glance: Result<Glance, Trouble>| {
            match glance {
                Ok(glance) => scan.note(pid, glance, &mut found),
                Err(Trouble::Vanished(_)) => scan.vanished += 1,
                Err(trouble) => scan.unseen.push(Unseen::new(pid, &trouble, trouble.to_string())),
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.each_process(self.pids()?, move |process| glance(process, &shared), each);
        found.note_mounted();
        scan.conclude(found, own);
        Ok(scan)
    }

    /// The namespaces as the first scan of this run found them.
    pub fn network(&self) -> Result<Arc<NetworkScan>, Trouble> {
        if let Some(scan) = self.network.get() {
            return Ok(Arc::clone(scan));
        }
        let scan = Arc::new(self.scan_network()?);
        Ok(Arc::clone(self.network.get_or_init(|| scan)))
    }

    /// Does `work` in a namespace, or in our own, on a reader that may be left behind: a lock that somebody holds in the
    /// kernel can keep it waiting for ever. `place` names what was asked, where that fails.
    pub(super) fn inside<T: Send + 'static>(
        &self,
        namespace: Option<&NetworkNamespace>,
        place: &str,
        work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
    ) -> Result<T, Trouble> {
        let door = door_of(namespace);
        match self.patience().ask(move || through(door, work)) {
            Ok(done) => done.map_err(|errno| Trouble::from_errno(errno, place)),
            Err(none) => Err(self.no_answer_from_kernel(none, place)),
        }
    }
}

/// `net:[4026531840]`
fn number_of(link: &[u8]) -> Option<u64> {
    match target::sort(link) {
        Target::Namespace(b"net", inode) => Some(inode),
        _ => None,
    }
}

fn number_of_door(door: &OwnedFd) -> Result<u64, Errno> {
    Ok(fs::fstat(door)?.st_ino)
}

impl NetworkScan {
    /// Whether every process was looked at, and every namespace of theirs is known: only then can be said what is not
    /// there.
    pub fn is_whole(&self) -> bool {
        self.unseen.is_empty() && self.left_out.is_empty() && self.blinkers.is_empty() && self.unlisted() == 0
    }

    /// How many sockets are held that no namespace lists, as far as that was looked for.
    pub fn unlisted(&self) -> u64 {
        self.unlisted.get().copied().unwrap_or(0)
    }

    /// So many sockets are held that no namespace lists, after a second look.
    pub fn note_unlisted(&self, sockets: u64) {
        // Sockets are asked for once in a run.
        let _ = self.unlisted.set(sockets);
    }

    fn note(&mut self, pid: u32, glance: Glance, found: &mut Found) {
        if self.sockets.len().saturating_add(glance.sockets.len()) <= SOCKETS {
            self.sockets.extend(glance.sockets);
        } else {
            let words = format!("{} descriptors of sockets of process {pid}", glance.sockets.len());
            self.left_out.push(words);
        }
        if let Some(errno) = glance.refused {
            let trouble = Trouble::from_errno(errno, format!("/proc/{pid}"));
            self.unseen.push(Unseen::new(pid, &trouble, std::io::Error::from(errno).to_string()));
        }
        if glance.cut {
            self.left_out.push(format!("descriptors of process {pid} beyond the first {DESCRIPTORS}"));
        }
        if let Some(inode) = glance.namespace {
            found.inside.entry(inode).or_default().push(pid);
            match glance.door {
                Some(door) => {
                    meet(&mut found.namespaces, inode, door);
                }
                // It did not open, or was opened through another process.
                None => found.note_shut(inode, || format!("of process {pid}")),
            }
        }
        if glance.threads_left_out > 0 {
            self.left_out.push(format!("namespaces of {} threads of process {pid}", glance.threads_left_out));
        }
        for (inode, (fd, door)) in glance.keeps {
            found.held_by.entry(inode).or_default().push((pid, fd));
            // The descriptor may have been closed, or lead elsewhere by now.
            found.try_door(inode, door, || format!("kept open by process {pid}"));
        }
        for (inode, (tid, door)) in glance.threads {
            found.threads.entry(inode).or_default().push((pid, tid));
            found.try_door(inode, door, || format!("of thread {tid} of process {pid}"));
        }
    }

    /// The namespaces in their order, and what is left out.
    fn conclude(&mut self, mut found: Found, own: Option<u64>) {
        for (inode, words) in found.shut {
            if !found.namespaces.contains_key(&inode) {
                self.left_out.push(format!("network namespace {inode} {words}"));
            }
        }
        for (inode, mut namespace) in found.namespaces {
            namespace.own = Some(inode) == own;
            namespace.processes = found.inside.remove(&inode).unwrap_or_default();
            namespace.held_by = found.held_by.remove(&inode).unwrap_or_default();
            namespace.threads = found.threads.remove(&inode).unwrap_or_default();
            // Who is in it keeps it open anyway.
            let inside = &namespace.processes;
            namespace.held_by.retain(|(pid, _)| inside.binary_search(pid).is_err());
            self.namespaces.push(namespace);
        }
        self.sockets.sort_unstable_by_key(|socket| (socket.inode, socket.pid, socket.fd));
        self.namespaces.sort_by_key(|namespace| (!namespace.own, namespace.inode));
        if self.namespaces.len() > NAMESPACES {
            self.left_out.push(format!("{} network namespaces", self.namespaces.len() - NAMESPACES));
            self.namespaces.truncate(NAMESPACES);
        }
    }
}

impl Found {
    fn try_door(&mut self, inode: u64, door: Result<OwnedFd, Errno>, words: impl FnOnce() -> String) {
        match door {
            Ok(door) if number_of_door(&door) == Ok(inode) => {
                meet(&mut self.namespaces, inode, door);
            }
            Ok(_) | Err(_) => self.note_shut(inode, words),
        }
    }

    fn note_shut(&mut self, inode: u64, words: impl FnOnce() -> String) {
        self.shut.entry(inode).or_insert_with(words);
    }

    /// Namespaces that are mounted somewhere, as `ip netns` does it.
    fn note_mounted(&mut self) {
        let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
        for mount in mounts::parse(&table).0 {
            let Some(inode) = mount.namespace.as_deref().and_then(number_of) else { continue };
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let door = fs::open(mount.point.as_bytes(), flags, Mode::empty());
            // Something else may be mounted over it.
            match door.and_then(|door| Ok((number_of_door(&door)?, door))) {
                Ok((number, door)) if number == inode => {
                    meet(&mut self.namespaces, inode, door).paths.push(mount.point);
                }
                Ok(_) => self.note_shut(inode, || format!("at {}, which is hidden", mount.point)),
                Err(errno) => {
                    let words = std::io::Error::from(errno);
                    self.note_shut(inode, || format!("at {}: {words}", mount.point));
                }
            }
        }
    }
}

fn meet(found: &mut BTreeMap<u64, NetworkNamespace>, inode: u64, door: OwnedFd) -> &mut NetworkNamespace {
    found.entry(inode).or_insert_with(|| NetworkNamespace {
        inode,
        own: false,
        paths: Vec::new(),
        processes: Vec::new(),
        held_by: Vec::new(),
        threads: Vec::new(),
        door: Arc::new(door),
    })
}

#[cfg(test)]
mod tests;
