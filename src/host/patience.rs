//! Threads that can be left behind. A read from a dead NFS server or an unanswered FUSE mount never returns and
//! cannot be interrupted; the run must go on without it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

type Job = Box<dyn FnOnce() + Send>;

/// A pool of readers, and how long to wait for each answer. A clone shares the readers.
#[derive(Clone, Debug)]
pub struct Patience {
    deadline: Duration,
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
    /// Not 0 as soon as the run is to end.
    stop: Arc<OnceLock<Arc<AtomicUsize>>>,
}

/// How often whoever waits looks whether the run is to end.
const LOOK: Duration = Duration::from_millis(100);

/// How long an answer may take when the run is to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// There was no answer within the deadline, or the reader is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Still waiting; the thread is left behind.
    Hung,
    /// The work ended without an answer.
    Gone,
    /// The run is to end, and nobody waits any longer; the thread is left behind.
    Interrupted,
}

impl Patience {
    /// Readers that may take `deadline` for each answer.
    pub fn new(deadline: Duration) -> Patience {
        Patience { deadline, idle: Arc::default(), stop: Arc::default() }
    }

    /// From here on a wait is cut short once `stop` is not 0.
    pub fn heed(&self, stop: Arc<AtomicUsize>) {
        // There is one such mark in a run.
        let _ = self.stop.set(stop);
    }

    fn is_to_end(&self) -> bool {
        self.stop.get().is_some_and(|stop| stop.load(Ordering::Acquire) != 0)
    }

    /// How long an answer may take.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Starts `job` on an idle reader, or a new one.
    pub fn start(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut job: Job = Box::new(job);
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

    /// Waits for the next answer of work that gives many.
    pub fn await_one<T>(&self, answers: &Receiver<T>) -> Result<T, NoAnswer> {
        let begun = Instant::now();
        let mut until = begun + self.deadline;
        let mut ending = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match answers.recv_timeout(left.min(LOOK)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::Gone),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(if ending { NoAnswer::Interrupted } else { NoAnswer::Hung });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !ending && self.is_to_end() {
                ending = true;
                until = until.min(Instant::now() + LAST_WAIT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_and_a_reader_is_used_again() {
        let patience = Patience::new(Duration::from_secs(5));
        let first = patience.ask(|| thread::current().id()).unwrap();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(patience.ask(|| thread::current().id()).unwrap(), first);
    }

    #[test]
    fn nobody_waits_long_for_what_hangs_when_the_run_is_to_end() {
        let (patience, stop) = (Patience::new(Duration::from_secs(60)), Arc::new(AtomicUsize::new(0)));
        patience.heed(Arc::clone(&stop));
        let start = Instant::now();
        let interrupting = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            stop.store(2, Ordering::Release);
        });
        assert_eq!(patience.ask(|| thread::sleep(Duration::from_secs(90))), Err(NoAnswer::Interrupted));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        // What answers is heard all the same.
        assert_eq!(patience.ask(|| 1), Ok(1));
        interrupting.join().unwrap();
    }

    #[test]
    fn what_hangs_costs_one_deadline_and_what_panics_none() {
        let patience = Patience::new(Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(patience.ask(|| thread::sleep(Duration::from_secs(30))), Err(NoAnswer::Hung));
        assert!(start.elapsed() < Duration::from_secs(5));
        // Printing the panic takes a busy machine longer than that.
        let patience = Patience::new(Duration::from_secs(20));
        assert_eq!(patience.ask(|| -> () { panic!("on purpose") }), Err(NoAnswer::Gone));
        assert_eq!(patience.ask(|| 1), Ok(1));
    }
}
