//! Who holds a socket that no process was seen to hold: a thread may have a table of descriptors of its own
//! (unshare(2), CLONE_FILES), which /proc shows below the thread and not below the process. So has a thread whose process's
//! first thread has ended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use crate::host::netns::NetworkScan;
use crate::host::processes::ProcessFolder;
use crate::host::{Host, Trouble, sys};
use crate::records::process::target::{self, Target};

/// Descriptors that are looked at, of all processes and threads together.
const DESCRIPTORS: u64 = 1 << 20;

/// A descriptor that leads to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The socket.
    pub inode: u64,
    /// The process.
    pub pid: u32,
    /// The thread, where it has a table of its own.
    pub tid: Option<u32>,
    /// The descriptor.
    pub fd: u32,
}

/// What a search for holders gave.
#[derive(Debug, Default)]
pub struct Holders {
    /// Who holds what, sorted.
    pub found: Vec<Held>,
    /// Processes that were not looked at, or not to their end.
    pub unseen: u64,
}

impl Host {
    /// Looks once more through the descriptors of all processes, and of those threads that have a table of their own, for
    /// the sockets in `wanted`. What led to a socket in the `scan` is known, and is not read again.
    pub fn holders_of(&self, wanted: HashSet<u64>, scan: &NetworkScan) -> Result<Holders, Trouble> {
        let mut known: HashMap<u32, HashSet<u32>> = HashMap::new();
        for socket in &scan.sockets {
            known.entry(socket.pid).or_default().insert(socket.fd);
        }
        let left = Arc::new(AtomicU64::new(DESCRIPTORS));
        let work = move |process: &ProcessFolder| {
            let known = known.get(&process.pid);
            look(process, &wanted, |fd| known.is_none_or(|known| !known.contains(&fd)), &left)
        };
        let mut holders = Holders::default();
        let each = |_, looked: Result<(Vec<Held>, bool), Trouble>| {
            match looked {
                Ok((found, whole)) => {
                    holders.found.extend(found);
                    holders.unseen += u64::from(!whole);
                }
                Err(Trouble::Vanished(_)) => {}
                Err(_) => holders.unseen += 1,
            }
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.each_process(self.pids()?, work, each);
        holders.found.sort_unstable();
        Ok(holders)
    }
}

/// What of `wanted` one process holds, and whether all of it was looked at.
fn look(
    process: &ProcessFolder,
    wanted: &HashSet<u64>,
    is_new: impl Fn(u32) -> bool,
    left: &AtomicU64,
) -> Result<(Vec<Held>, bool), Errno> {
    let mut found = Vec::new();
    let mut whole = look_in(process, None, wanted, is_new, left, &mut found)?;
    for tid in process.numbers("task")?.into_iter().filter(|tid| *tid != process.pid) {
        // A kernel that cannot compare shows it by looking.
        if sys::share_descriptors(process.pid, tid).unwrap_or(false) {
            continue;
        }
        match look_in(process, Some(tid), wanted, |_| true, left, &mut found) {
            Ok(all) => whole &= all,
            Err(Errno::NOENT | Errno::SRCH) => {}
            Err(_) => whole = false,
        }
    }
    Ok((found, whole))
}

fn look_in(
    process: &ProcessFolder,
    tid: Option<u32>,
    wanted: &HashSet<u64>,
    is_new: impl Fn(u32) -> bool,
    left: &AtomicU64,
    found: &mut Vec<Held>,
) -> Result<bool, Errno> {
    let folder = tid.map_or_else(|| "fd".to_owned(), |tid| format!("task/{tid}/fd"));
    let room = usize::try_from(left.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let (descriptors, cut) = process.descriptors_in(&folder, room, is_new)?;
    let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        Some(left.saturating_sub(descriptors.len() as u64))
    });
    for descriptor in descriptors {
        if let Target::Socket(inode) = target::sort(&descriptor.target)
            && wanted.contains(&inode)
        {
            found.push(Held { inode, pid: process.pid, tid, fd: descriptor.fd });
        }
    }
    Ok(!cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn the_holder_of_a_socket_is_found_and_nothing_that_was_not_asked_for() {
        let (told, tells) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            told.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
            let _ = ends.recv();
        });
        let pid = std::process::id();
        match sys::share_descriptors(pid, tells.recv().unwrap()) {
            Ok(shared) => assert!(shared, "threads of one program"),
            Err(error) => assert_eq!(error.raw_os_error(), Some(Errno::NOSYS.raw_os_error())),
        }
        assert!(!sys::share_descriptors(pid, 1).unwrap_or(false));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        let host = Host::live(&[]).unwrap();
        let holders = host.holders_of(HashSet::from([inode]), &NetworkScan::default()).unwrap();
        // A program that another test starts has a copy of it for a moment.
        let own: Vec<&Held> = holders.found.iter().filter(|held| held.pid == pid).collect();
        assert_eq!(own, [&Held { inode, pid, tid: None, fd: listener.as_raw_fd() as u32 }]);
        assert!(holders.found.iter().all(|held| held.inode == inode));
        // What the scan has seen is not read again.
        let seen = host.scan_network().unwrap();
        assert!(seen.sockets.iter().any(|socket| socket.inode == inode));
        let again = host.holders_of(HashSet::from([inode]), &seen).unwrap();
        assert!(!again.found.iter().any(|held| held.pid == pid));
        drop(end);
        thread.join().unwrap();
    }
}
