//! What /proc tells of every process, read on threads that can be left behind: a process whose memory is locked keeps
//! whoever reads its command line waiting for ever.
//!
//! Each process is read through a descriptor of its folder, so that a number that was given to another process
//! meanwhile gives an error and never another process's data.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::fs::{self, AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::{Host, Trouble};

/// How long one process may take, in the beginning.
const DEADLINE: Duration = Duration::from_secs(3);

/// How long, once many did not answer.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);

/// How many may cost the whole deadline.
const PATIENT_WITH: usize = 10;

/// Processes that are read side by side.
const READERS: usize = 2;

/// Bytes of one piece.
const PIECE: usize = 64 << 10;

/// The folder of one process in /proc, held open.
pub struct ProcessFolder {
    /// Its number.
    pub pid: u32,
    folder: OwnedFd,
}

/// One file descriptor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub fd: u32,
    /// What it leads to: a path, `socket:[INODE]`, `net:[INODE]`, …
    pub target: Vec<u8>,
}

impl ProcessFolder {
    /// A file of it whole, at most `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, Errno> {
        let file = fs::openat(
            &self.folder,
            name,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        let mut bytes = Vec::new();
        let mut piece = vec![0; PIECE.min(limit)];
        while bytes.len() < limit {
            let room = piece.len().min(limit - bytes.len());
            match rustix::io::read(&file, piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(bytes)
    }

    /// Where one of its links leads: `exe`, `cwd`, `ns/net`, `fd/0`.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        Ok(fs::readlinkat(&self.folder, name, Vec::new())?.into_bytes())
    }

    /// The names in one of its folders that are numbers, such as `fd` or `task`.
    pub fn numbers(&self, name: &str) -> Result<Vec<u32>, Errno> {
        let folder = self.open(name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        numbers(folder)
    }

    /// Opens what one of its links leads to, such as `ns/net` or `exe`.
    pub fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        fs::openat(&self.folder, name, flags | OFlags::CLOEXEC, Mode::empty())
    }

    /// An extended attribute of what one of its links leads to, such as `system.sockprotoname` of `fd/3`.
    pub fn attribute(&self, name: &str, attribute: &str) -> Result<Vec<u8>, Errno> {
        // Through the descriptor of the folder, so that it is this process and no later one of the same number.
        let place = format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd());
        let mut value = Vec::with_capacity(256);
        fs::getxattr(place.as_str(), attribute, spare_capacity(&mut value))?;
        Ok(value)
    }

    /// Whether the file that one of its links leads to has no name any more.
    pub fn is_unlinked(&self, name: &str) -> Result<bool, Errno> {
        Ok(fs::statat(&self.folder, name, AtFlags::empty())?.st_nlink == 0)
    }

    /// Its file descriptors, at most `limit`, and whether there are more. One that is closed meanwhile is left out.
    pub fn descriptors(&self, limit: usize) -> Result<(Vec<Descriptor>, bool), Errno> {
        let folder = self.open("fd", OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut found = Vec::new();
        for fd in numbers(folder.try_clone().map_err(|_| Errno::MFILE)?)? {
            if found.len() == limit {
                return Ok((found, true));
            }
            match fs::readlinkat(&folder, fd.to_string(), Vec::new()) {
                Ok(target) => found.push(Descriptor { fd, target: target.into_bytes() }),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok((found, false))
    }
}

fn numbers(folder: OwnedFd) -> Result<Vec<u32>, Errno> {
    let mut numbers = Vec::new();
    for entry in Dir::new(folder)? {
        if let Some(number) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Host {
    /// The numbers of all processes, ascending.
    pub fn pids(&self) -> Result<Vec<u32>, Trouble> {
        let place = "/proc";
        if !self.is_live() {
            return Err(Trouble::Missing(place.into()));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listed = fs::open(place, flags, Mode::empty()).and_then(numbers);
        let pids = listed.map_err(|errno| Trouble::from_errno(errno, place))?;
        // /proc that is not mounted, or shows nobody, must not look like a machine without processes.
        if pids.is_empty() { Err(Trouble::Missing("any process in /proc".into())) } else { Ok(pids) }
    }

    /// Does `work` for each of `pids`, two at a time on reader threads, and hands the results to `each` in the order of
    /// `pids`. A process that is gone is [`Trouble::Vanished`]; one that does not answer is [`Trouble::Hung`], and
    /// costs one deadline. `each` ends the reading by an error.
    pub fn each_process<T: Send + 'static, E>(
        &self,
        pids: Vec<u32>,
        work: impl Fn(&ProcessFolder) -> Result<T, Errno> + Send + Sync + 'static,
        mut each: impl FnMut(u32, Result<T, Trouble>) -> Result<(), E>,
    ) -> Result<(), E> {
        let queue = Arc::new(Queue { pids, next: AtomicUsize::new(0), current: Mutex::default() });
        let work = Arc::new(work);
        let (result, results) = sync_channel(64);
        for _ in 0..READERS {
            self.start_reader(&queue, &work, &result);
        }
        let mut order = Order { queue: Arc::clone(&queue), waiting: BTreeMap::new(), next: 0 };
        let mut hung = 0;
        while order.next < queue.pids.len() {
            let deadline = if hung < PATIENT_WITH { DEADLINE } else { SHORT_DEADLINE };
            match results.recv_timeout(deadline).ok() {
                Some((index, outcome)) => order.put(index, outcome),
                None => {
                    for index in queue.overdue(deadline) {
                        hung += 1;
                        order.put(index, Err(Trouble::Hung(order.place(index), deadline.as_secs())));
                        self.start_reader(&queue, &work, &result);
                    }
                }
            }
            while let Some((pid, outcome)) = order.take() {
                each(pid, outcome)?;
            }
        }
        Ok(())
    }

    fn start_reader<T: Send + 'static>(
        &self,
        queue: &Arc<Queue>,
        work: &Arc<impl Fn(&ProcessFolder) -> Result<T, Errno> + Send + Sync + 'static>,
        result: &SyncSender<(usize, Result<T, Trouble>)>,
    ) {
        let (queue, work, result) = (Arc::clone(queue), Arc::clone(work), result.clone());
        // Without a thread the processes become overdue, and are told as such.
        let _ = self.patience().start(move || {
            while let Some((index, pid)) = queue.begin() {
                let place = format!("/proc/{pid}");
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let folder = fs::open(place.as_str(), flags, Mode::empty());
                let outcome = folder.and_then(|folder| work(&ProcessFolder { pid, folder }));
                let outcome = outcome.map_err(|errno| match errno {
                    Errno::NOENT | Errno::SRCH => Trouble::Vanished(place),
                    other => Trouble::from_errno(other, place),
                });
                // One that was given up has been told already, and its reader was replaced.
                if !queue.end(index) || result.send((index, outcome)).is_err() {
                    return;
                }
            }
        });
    }
}

/// What is to be read, and what is being read since when.
struct Queue {
    pids: Vec<u32>,
    next: AtomicUsize,
    current: Mutex<BTreeMap<usize, Instant>>,
}

impl Queue {
    fn begin(&self) -> Option<(usize, u32)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let pid = *self.pids.get(index)?;
        self.current.lock().unwrap_or_else(PoisonError::into_inner).insert(index, Instant::now());
        Some((index, pid))
    }

    /// Whether it was still waited for.
    fn end(&self, index: usize) -> bool {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).remove(&index).is_some()
    }

    /// Gives up what has been waited for longer than the deadline.
    fn overdue(&self, deadline: Duration) -> Vec<usize> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let given_up: Vec<usize> = current
            .iter()
            .filter(|(_, since)| since.elapsed() >= deadline)
            .map(|(index, _)| *index)
            .collect();
        current.retain(|index, _| !given_up.contains(index));
        given_up
    }
}

/// Puts what comes from several readers into the order of the list.
struct Order<T> {
    queue: Arc<Queue>,
    waiting: BTreeMap<usize, Result<T, Trouble>>,
    next: usize,
}

impl<T> Order<T> {
    fn put(&mut self, index: usize, outcome: Result<T, Trouble>) {
        self.waiting.insert(index, outcome);
    }

    fn place(&self, index: usize) -> String {
        format!("/proc/{}", self.queue.pids.get(index).copied().unwrap_or_default())
    }

    fn take(&mut self) -> Option<(u32, Result<T, Trouble>)> {
        let outcome = self.waiting.remove(&self.next)?;
        let pid = *self.queue.pids.get(self.next)?;
        self.next += 1;
        Some((pid, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(host: &Host, pids: Vec<u32>) -> Vec<(u32, Result<Vec<u8>, Trouble>)> {
        let mut read = Vec::new();
        let each = |pid, name| {
            read.push((pid, name));
            Ok::<(), ()>(())
        };
        host.each_process(pids, |process| process.read("comm", 100), each).unwrap();
        read
    }

    #[test]
    fn every_process_is_read_in_order_and_one_that_is_gone_says_so() {
        let host = Host::live(&[]).unwrap();
        let mut pids = host.pids().unwrap();
        let me = std::process::id();
        assert!(pids.contains(&me));
        pids.push(u32::MAX);
        let read = names(&host, pids.clone());
        assert_eq!(read.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(), pids);
        let own = read.iter().find(|(pid, _)| *pid == me).unwrap().1.as_ref().unwrap();
        assert_eq!(*own, std::fs::read("/proc/self/comm").unwrap());
        assert!(matches!(read.last().unwrap().1, Err(Trouble::Vanished(_))));
    }

    #[test]
    fn one_that_hangs_costs_a_deadline_and_the_others_are_read_all_the_same() {
        let host = Host::live(&[]).unwrap();
        let (me, start) = (std::process::id(), Instant::now());
        let pids = vec![1, me, me, 1];
        let (hangs, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = move |_: &ProcessFolder| {
            if calls.fetch_add(1, Ordering::Relaxed) == 1 && hangs.fetch_add(1, Ordering::Relaxed) == 0 {
                std::thread::sleep(Duration::from_secs(60));
            }
            Ok(())
        };
        let mut outcomes = Vec::new();
        let each = |_, outcome: Result<(), Trouble>| {
            outcomes.push(outcome.is_ok());
            Ok::<(), ()>(())
        };
        host.each_process(pids, work, each).unwrap();
        assert_eq!(outcomes.iter().filter(|ok| **ok).count(), 3, "{outcomes:?}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_descriptors_of_a_process_are_read_with_their_targets() {
        let host = Host::live(&[]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let wanted = file.path().as_os_str().as_encoded_bytes().to_vec();
        let mut seen = Vec::new();
        let each = |_, found: Result<_, Trouble>| {
            seen.push(found.unwrap());
            Ok::<(), ()>(())
        };
        host.each_process(vec![std::process::id()], |process| process.descriptors(10_000), each).unwrap();
        let (descriptors, more): &(Vec<Descriptor>, bool) = &seen[0];
        assert!(descriptors.iter().any(|descriptor| descriptor.target == wanted) && !more);
    }
}
