//! Threads that can be left behind. A read from a dead NFS server or an unanswered FUSE mount never returns and
//! cannot be interrupted; the run must go on without it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use super::pace::Pace;

type Job = Box<dyn FnOnce() + Send>;

/// Parts of a deadline that are waited for one after the other.
const PARTS: u32 = 20;

/// Parts that an answer still gets once somebody has asked us to end.
const PARTS_AFTER_STOP: u32 = 2;

/// Waits for what comes through a channel, in parts. The clock goes on while this process is stopped (Ctrl-Z) or the
/// machine sleeps, and whoever should answer stands still too: that may cost a part of the deadline, never all of it.
pub fn wait_for<T>(
    answers: &Receiver<T>,
    deadline: Duration,
    stop: impl Fn() -> bool,
) -> Result<T, NoAnswer> {
    wait_while_moving(answers, deadline, stop, || 0)
}

/// The same; the deadline begins anew whenever `stamp` has changed, so that it is for each thing that is asked for on the
/// way to the answer.
fn wait_while_moving<T>(
    answers: &Receiver<T>,
    deadline: Duration,
    stop: impl Fn() -> bool,
    stamp: impl Fn() -> usize,
) -> Result<T, NoAnswer> {
    let (mut waited_since_stop, mut silent, mut seen) = (0, 0, stamp());
    while silent < PARTS {
        match answers.recv_timeout(deadline / PARTS) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::Gone),
            Err(RecvTimeoutError::Timeout) if waited_since_stop == PARTS_AFTER_STOP => {
                return Err(NoAnswer::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {
                waited_since_stop += u32::from(stop());
                let now = stamp();
                silent = if now == seen { silent + 1 } else { 0 };
                seen = now;
            }
        }
    }
    Err(NoAnswer::Hung)
}

/// A pool of readers, and how long to wait for each answer. A clone shares the readers.
#[derive(Clone)]
pub struct Patience {
    deadline: Duration,
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
    /// How many readers are at work.
    busy: Arc<AtomicUsize>,
    pace: Arc<Pace>,
}

/// There was no answer within the deadline, or the reader is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Still waiting; the thread is left behind.
    Hung,
    /// The work ended without an answer.
    Gone,
    /// Somebody asked us to end before there was one; the thread is left behind.
    Stopped,
}

/// A reader at work, until this is dropped; by a panic, too.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    fn one_more(busy: &Arc<AtomicUsize>) -> AtWork {
        busy.fetch_add(1, Ordering::AcqRel);
        AtWork(Arc::clone(busy))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Patience {
    /// Readers that may take `deadline` for each answer.
    pub fn new(deadline: Duration) -> Patience {
        Patience { deadline, idle: Arc::default(), busy: Arc::default(), pace: Arc::default() }
    }

    /// The ceiling that whoever waits for answers keeps to.
    pub fn pace(&self) -> &Arc<Pace> {
        &self.pace
    }

    /// Whether a reader is still at work after `grace`, when all that was asked for has been answered or given up.
    pub fn is_kept_waiting(&self, grace: Duration) -> bool {
        let parts = (0..PARTS).map(|_| thread::sleep(grace / PARTS));
        let mut looks = std::iter::once(()).chain(parts);
        looks.all(|()| self.busy.load(Ordering::Acquire) > 0)
    }

    /// How long an answer may take.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Starts `job` on an idle reader, or a new one.
    pub fn start(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let at_work = AtWork::one_more(&self.busy);
        let mut job: Job = Box::new(move || {
            let _at_work = at_work;
            job();
        });
        loop {
            let reader = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(reader) = reader else { return self.start_new(job) };
            match reader.send(job) {
                Ok(()) => return Ok(()),
                // That one died of a panic; take the next.
                Err(refused) => job = refused.0,
            }
        }
    }

    fn start_new(&self, first: Job) -> io::Result<()> {
        let (to_self, jobs) = channel::<Job>();
        let idle = Arc::clone(&self.idle);
        thread::Builder::new().name("reader".into()).spawn(move || {
            first();
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(to_self.clone());
            for job in jobs {
                job();
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(to_self.clone());
            }
        })?;
        Ok(())
    }

    /// Does `work` on a reader and waits for its answer.
    pub fn ask<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NoAnswer> {
        self.await_one(&self.begin(work)?)
    }

    /// Begins `work` on a reader, whose answer is waited for later.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Receiver<T>, NoAnswer> {
        let (answer, answers) = sync_channel(1);
        self.start(move || drop(answer.send(work()))).map_err(|_| NoAnswer::Gone)?;
        Ok(answers)
    }

    /// Waits for the next answer of work that gives many. A pause for the ceiling's sake comes before, so that it costs
    /// nothing of the deadline.
    pub fn await_one<T>(&self, answers: &Receiver<T>) -> Result<T, NoAnswer> {
        self.await_moving(answers, || 0)
    }

    /// The same, of work that moves on as `stamp` changes: the deadline is for each of its steps. A signal, and the run's
    /// limit on time, end the wait.
    pub fn await_moving<T>(&self, answers: &Receiver<T>, stamp: impl Fn() -> usize) -> Result<T, NoAnswer> {
        self.pace.breathe();
        wait_while_moving(answers, self.deadline, || self.pace.is_in_hurry(), stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn an_answer_comes_back_and_a_reader_is_used_again() {
        let patience = Patience::new(Duration::from_secs(5));
        let first = patience.ask(|| thread::current().id()).unwrap();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(patience.ask(|| thread::current().id()).unwrap(), first);
    }

    #[test]
    fn once_asked_to_end_nothing_is_waited_out_and_an_answer_still_counts() {
        let patience = Patience::new(Duration::from_secs(40));
        let mark = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&mark);
        patience.pace().hurry_when(move || heard.load(Ordering::Acquire) != 0);
        assert_eq!(patience.ask(|| 1), Ok(1));
        mark.store(2, Ordering::Release);
        assert_eq!(patience.ask(|| 2), Ok(2));
        let start = Instant::now();
        assert_eq!(patience.ask(|| thread::sleep(Duration::from_secs(60))), Err(NoAnswer::Stopped));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[test]
    fn what_moves_on_is_waited_for_and_what_stops_moving_costs_one_deadline_from_then_on() {
        let patience = Patience::new(Duration::from_secs(2));
        let stamp = Arc::new(AtomicUsize::new(0));
        let moving = Arc::clone(&stamp);
        let answers = patience
            .begin(move || {
                for _ in 0..8 {
                    thread::sleep(Duration::from_millis(500));
                    moving.fetch_add(1, Ordering::Release);
                }
                thread::sleep(Duration::from_secs(60));
            })
            .unwrap();
        let start = Instant::now();
        let answer = patience.await_moving(&answers, || stamp.load(Ordering::Acquire));
        assert_eq!((answer, stamp.load(Ordering::Acquire)), (Err(NoAnswer::Hung), 8));
        let took = start.elapsed();
        assert!((5_900..20_000).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn a_limit_on_time_ends_the_wait_as_a_signal_does() {
        let patience = Patience::new(Duration::from_secs(40));
        patience.pace().hurry_when(|| true);
        assert_eq!(patience.ask(|| thread::sleep(Duration::from_secs(60))), Err(NoAnswer::Stopped));
    }

    #[test]
    fn what_hangs_costs_one_deadline_and_what_panics_none() {
        let patience = Patience::new(Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(patience.ask(|| thread::sleep(Duration::from_secs(30))), Err(NoAnswer::Hung));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(patience.is_kept_waiting(Duration::from_millis(40)));
        // Printing the panic takes a busy machine longer than that.
        let patience = Patience::new(Duration::from_secs(20));
        assert_eq!(patience.ask(|| -> () { panic!("on purpose") }), Err(NoAnswer::Gone));
        assert_eq!(patience.ask(|| 1), Ok(1));
        assert!(!patience.is_kept_waiting(Duration::from_secs(20)));
    }
}
