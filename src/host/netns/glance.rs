//! What one process shows of network namespaces and sockets: its own namespace, those of its threads, and its descriptors.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::super::processes::ProcessFolder;
use super::super::sys;
use super::{SocketDescriptor, number_of, number_of_door};
use crate::records::process::target::{self, Target};

/// Descriptors of one process that are looked at, at most.
pub const DESCRIPTORS: usize = 1 << 20;

/// Threads that are looked at in one scan, at most.
const THREADS: usize = 1 << 16;

/// What one process shows.
#[derive(Default)]
pub struct Glance {
    pub namespace: Option<u64>,
    pub door: Option<OwnedFd>,
    pub sockets: Vec<SocketDescriptor>,
    /// Namespaces that it keeps open, each with the first descriptor that does. A descriptor is opened for each, and a
    /// process may have a million of one.
    pub keeps: BTreeMap<u64, (u32, Result<OwnedFd, Errno>)>,
    /// Namespaces of its threads that are not its own, each with the first thread in it.
    pub threads: BTreeMap<u64, (u32, Result<OwnedFd, Errno>)>,
    /// Threads that were not looked at.
    pub threads_left_out: usize,
    pub refused: Option<Errno>,
    pub cut: bool,
}

/// What all glances of one scan share.
#[derive(Default)]
pub struct Shared {
    /// How many threads have been looked at.
    threads: AtomicUsize,
    /// Namespaces that were opened through some process: opening them once more for each process in them would take
    /// longer than all the rest.
    opened: Mutex<BTreeSet<u64>>,
    /// The device that namespaces are files of.
    device: Option<(u32, u32)>,
}

impl Shared {
    /// Before the first process.
    pub fn begin() -> Shared {
        let own = rustix::fs::stat("/proc/self/ns/net").ok();
        let device = own.map(|own| (rustix::fs::major(own.st_dev), rustix::fs::minor(own.st_dev)));
        Shared { device, ..Shared::default() }
    }

    /// So many of `count` threads may be looked at.
    fn take(&self, count: usize) -> usize {
        let before = self.threads.fetch_add(count, Ordering::Relaxed);
        THREADS.saturating_sub(before).min(count)
    }

    fn opened(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at a process.
pub fn glance(process: &ProcessFolder, shared: &Shared) -> Result<Glance, Errno> {
    let mut glance = Glance::default();
    match process.link("ns/net") {
        Ok(link) if number_of(&link).is_some_and(|number| shared.opened().contains(&number)) => {
            glance.namespace = number_of(&link);
        }
        Ok(link) => {
            glance.door = match process.open("ns/net", OFlags::RDONLY) {
                Ok(door) => Some(door),
                // It has ended since.
                Err(Errno::SRCH | Errno::NOENT) => return Err(Errno::SRCH),
                Err(_) => None,
            };
            // It may have gone elsewhere since the link was read.
            let entered = glance.door.as_ref().and_then(|door| number_of_door(door).ok());
            shared.opened().extend(entered);
            glance.namespace = entered.or_else(|| number_of(&link));
        }
        // A process that has ended and was not waited for is in no namespace any more.
        Err(Errno::NOENT) => {}
        Err(errno @ Errno::SRCH) => return Err(errno),
        Err(errno) => glance.refused = Some(errno),
    }
    let alive = glance.threads(process, shared);
    // Where only the first thread has ended, its folder has no descriptors any more, and those of the others do.
    let folder = match (glance.namespace, alive) {
        (None, Some(thread)) => format!("task/{thread}/fd"),
        _ => "fd".to_owned(),
    };
    glance.descriptors(process, &folder, shared);
    Ok(glance)
}

impl Glance {
    /// The namespaces of its threads; gives one that lives.
    fn threads(&mut self, process: &ProcessFolder, shared: &Shared) -> Option<u32> {
        // A folder has a link for each folder in it, and two more: nearly every process has one thread, and costs no more
        // than to know that.
        if process.nature("task").is_ok_and(|task| task.nlink == 3) || process.pid == std::process::id() {
            return None;
        }
        let threads = match process.numbers("task") {
            Ok(threads) => threads,
            Err(Errno::NOENT | Errno::SRCH) => return None,
            Err(errno) => {
                self.refused = Some(errno);
                return None;
            }
        };
        let others: Vec<u32> = threads.into_iter().filter(|thread| *thread != process.pid).collect();
        let looked_at = shared.take(others.len());
        self.threads_left_out = others.len() - looked_at;
        let mut alive = None;
        for thread in others.into_iter().take(looked_at) {
            let name = format!("task/{thread}/ns/net");
            match process.link(&name) {
                Ok(link) => {
                    alive = alive.or(Some(thread));
                    let inode = number_of(&link).filter(|inode| self.namespace != Some(*inode));
                    if let Some(inode) = inode
                        && let Entry::Vacant(first) = self.threads.entry(inode)
                    {
                        first.insert((thread, process.open(&name, OFlags::RDONLY)));
                    }
                }
                // It has ended.
                Err(Errno::NOENT | Errno::SRCH) => {}
                Err(errno) => self.refused = Some(errno),
            }
        }
        alive
    }

    fn descriptors(&mut self, process: &ProcessFolder, folder: &str, shared: &Shared) {
        let (descriptors, cut) = match process.descriptors_in(folder, DESCRIPTORS, |_| true) {
            Ok(listed) => listed,
            Err(errno) => return self.refused = Some(errno),
        };
        self.cut = cut;
        for descriptor in descriptors {
            let name = || format!("{folder}/{}", descriptor.fd);
            match target::sort(&descriptor.target) {
                Target::Socket(inode) => {
                    self.sockets.push(SocketDescriptor { inode, pid: process.pid, fd: descriptor.fd });
                }
                // Our own lead to those that are asked.
                _ if process.pid == std::process::id() => {}
                Target::Namespace(b"net", inode) => {
                    if let Entry::Vacant(first) = self.keeps.entry(inode) {
                        first.insert((descriptor.fd, process.open(&name(), OFlags::RDONLY)));
                    }
                }
                Target::Path if may_be_mounted_namespace(&descriptor.target) => {
                    if let Some((inode, door)) = mounted_namespace(process, &name(), shared) {
                        self.keeps.entry(inode).or_insert((descriptor.fd, Ok(door)));
                    }
                }
                _ => {}
            }
        }
    }
}

/// A namespace that was opened where it is mounted is called by that path, and `/` once it is mounted no more.
fn may_be_mounted_namespace(target: &[u8]) -> bool {
    target == b"/" || target.starts_with(b"/run/") || target.starts_with(b"/var/run/")
}

/// The network namespace that a descriptor leads to, if it leads to one.
fn mounted_namespace(process: &ProcessFolder, name: &str, shared: &Shared) -> Option<(u64, OwnedFd)> {
    let nature = process.nature(name).ok().filter(|nature| Some(nature.dev) == shared.device)?;
    let door = process.open(name, OFlags::RDONLY).ok()?;
    let is_same = number_of_door(&door) == Ok(nature.ino) && sys::is_network_namespace(door.as_fd());
    is_same.then_some((nature.ino, door))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_threads_are_looked_at_in_a_scan() {
        let room = Shared::default();
        assert_eq!(room.take(10), 10);
        assert_eq!(room.take(THREADS), THREADS - 10);
        assert_eq!(room.take(7), 0);
    }
}
