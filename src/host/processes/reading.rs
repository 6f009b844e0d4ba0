//! Reading many processes side by side, in order, without waiting for ever for any.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::super::patience::wait_for;
use super::super::{Host, Trouble};
use super::ProcessFolder;
use super::tree::{Covers, Tree};

/// How long one process may take, in the beginning.
const DEADLINE: Duration = Duration::from_secs(3);

/// How long, once many did not answer.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);

/// How many may cost the whole deadline.
const PATIENT_WITH: usize = 10;

/// Processes that are read side by side.
const READERS: usize = 2;

/// How far the readers may be ahead of what is delivered: one that waits must not make the others fill the memory.
const AHEAD: usize = 48;

/// Readers that wait for room are woken once there is so much of it: waking costs more than reading a small file.
const WAKE_AT: usize = AHEAD / 4;

impl Host {
    /// Does `work` for each of `pids`, two at a time on reader threads, and hands the results to `each` in the order of
    /// `pids`. A process that is gone is [`Trouble::Vanished`]; one whose folder something else is mounted over, and that
    /// can't be read past it, is [`Trouble::Covered`]; one that runs on and does not open is [`Trouble::Hidden`]; one that does not answer is [`Trouble::Hung`], and
    /// costs one deadline. `each` ends the reading by an error.
    pub fn each_process<T: Send + 'static, E>(
        &self,
        pids: Vec<u32>,
        work: impl Fn(&ProcessFolder) -> Result<T, Errno> + Send + Sync + 'static,
        mut each: impl FnMut(u32, Result<T, Trouble>) -> Result<(), E>,
    ) -> Result<(), E> {
        let queue = Arc::new(Queue::of(pids));
        // However this ends, no reader waits for it any longer.
        let _release = Release(&queue);
        let work = Arc::new(Work {
            covers: self.process_tree().covers_of_what_is_read(),
            tree: self.process_tree(),
            work,
        });
        let (result, results) = sync_channel(AHEAD);
        let mut readers = 0;
        for _ in 0..READERS {
            readers += usize::from(self.start_reader(&queue, &work, &result));
        }
        let mut order = Order { queue: Arc::clone(&queue), waiting: BTreeMap::new(), next: 0 };
        let mut hung = 0;
        while order.next < queue.pids.len() {
            self.pace().breathe();
            let deadline = if hung < PATIENT_WITH { DEADLINE } else { SHORT_DEADLINE };
            let received = if readers > 0 { wait_for(&results, deadline, || false).ok() } else { None };
            match received {
                Some((index, outcome)) => order.put(index, outcome),
                None if readers == 0 => order.give_up_next(),
                None => {
                    for index in queue.overdue(deadline) {
                        hung += 1;
                        let place = order.place(index);
                        self.leave_behind_at(&place);
                        order.put(index, Err(Trouble::Hung(place, deadline.as_secs())));
                        readers -= 1;
                        readers += usize::from(self.start_reader(&queue, &work, &result));
                    }
                }
            }
            while let Some((pid, outcome)) = order.take() {
                each(pid, outcome)?;
            }
            queue.deliver(order.next);
        }
        Ok(())
    }

    /// Whether a reader could be started.
    fn start_reader<T: Send + 'static>(
        &self,
        queue: &Arc<Queue>,
        work: &Arc<Work<impl Fn(&ProcessFolder) -> Result<T, Errno> + Send + Sync + 'static>>,
        result: &SyncSender<(usize, Result<T, Trouble>)>,
    ) -> bool {
        let (queue, work, result) = (Arc::clone(queue), Arc::clone(work), result.clone());
        let started = self.patience().start(move || {
            while let Some((index, pid)) = queue.begin() {
                let outcome = work.of(pid);
                // One that was given up has been told already, and its reader was replaced.
                if !queue.end(index) || result.send((index, outcome)).is_err() {
                    return;
                }
            }
        });
        started.is_ok()
    }
}

/// What is done for each process, and where it is read from.
struct Work<W> {
    tree: Arc<Tree>,
    covers: Covers,
    work: W,
}

impl<W> Work<W> {
    fn of<T>(&self, pid: u32) -> Result<T, Trouble>
    where
        W: Fn(&ProcessFolder) -> Result<T, Errno>,
    {
        let done = self.tree.folder(pid, &self.covers).and_then(|folder| {
            (self.work)(&folder).map_err(|errno| match errno {
                Errno::NOENT | Errno::SRCH => Trouble::Vanished(format!("/proc/{pid}")),
                other => Trouble::from_errno(other, format!("/proc/{pid}")),
            })
        });
        // Whoever answers has not ended.
        done.map_err(|trouble| match trouble {
            Trouble::Vanished(_) => self.tree.fate(pid, &self.covers),
            trouble => trouble,
        })
    }
}

/// What is to be read, what is being read since when, and how much was delivered.
struct Queue {
    pids: Vec<u32>,
    next: AtomicUsize,
    current: Mutex<BTreeMap<usize, Instant>>,
    delivered: Mutex<usize>,
    room: Condvar,
}

/// Lets readers go on that wait for what they read to be wanted.
struct Release<'q>(&'q Queue);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.deliver(self.0.pids.len());
    }
}

impl Queue {
    fn of(pids: Vec<u32>) -> Queue {
        Queue {
            pids,
            next: AtomicUsize::new(0),
            current: Mutex::default(),
            delivered: Mutex::default(),
            room: Condvar::new(),
        }
    }

    fn begin(&self) -> Option<(usize, u32)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let pid = *self.pids.get(index)?;
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        while index >= delivered.saturating_add(AHEAD) {
            delivered = self.room.wait(delivered).unwrap_or_else(PoisonError::into_inner);
        }
        drop(delivered);
        self.current.lock().unwrap_or_else(PoisonError::into_inner).insert(index, Instant::now());
        Some((index, pid))
    }

    fn deliver(&self, so_many: usize) {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        // Until then as if nothing more were delivered: of who reads further ahead, nobody is woken for one.
        if so_many >= delivered.saturating_add(WAKE_AT) || so_many >= self.pids.len() {
            *delivered = so_many;
            drop(delivered);
            self.room.notify_all();
        }
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

    /// There is no thread to read with.
    fn give_up_next(&mut self) {
        let none = std::io::Error::other("no thread could be started to read it");
        self.put(self.next, Err(Trouble::Io(self.place(self.next), none)));
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
}
