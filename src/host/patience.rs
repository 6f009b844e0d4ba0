//! Threads that can be left behind. A read from a dead NFS server or an unanswered FUSE mount never returns and
//! cannot be interrupted; the run must go on without it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use super::pace::Pace;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of readers, and how long to wait for each answer. A clone shares the readers.
#[derive(Clone)]
pub struct Patience {
    deadline: Duration,
    idle: Arc<Mutex<Vec<Sender<Job>>>>,
    pace: Arc<Pace>,
}

/// There was no answer within the deadline, or the reader is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Still waiting; the thread is left behind.
    Hung,
    /// The work ended without an answer.
    Gone,
}

impl Patience {
    /// Readers that may take `deadline` for each answer.
    pub fn new(deadline: Duration) -> Patience {
        Patience { deadline, idle: Arc::default(), pace: Arc::default() }
    }

    /// The ceiling that whoever waits for answers keeps to.
    pub fn pace(&self) -> &Arc<Pace> {
        &self.pace
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

    /// Waits for the next answer of work that gives many. A pause for the ceiling's sake comes before, so that it costs
    /// nothing of the deadline.
    pub fn await_one<T>(&self, answers: &Receiver<T>) -> Result<T, NoAnswer> {
        self.pace.breathe();
        answers.recv_timeout(self.deadline).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoAnswer::Hung,
            RecvTimeoutError::Disconnected => NoAnswer::Gone,
        })
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
