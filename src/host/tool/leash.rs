//! The leash of a running program: it, everything in its group, and whatever fled from that end when its time is over, or
//! ours.

use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::offspring::{Left, Offspring};
use crate::host::pace::Pace;

/// What one look at the clock may take off a program's time at most. The clock goes on while this process is stopped
/// (Ctrl-Z), and the program waits for us to read what it prints.
const LOOK: Duration = Duration::from_secs(1);

/// A child, and how long it may run.
pub struct Leash {
    child: Option<Child>,
    time: Duration,
    looked: Instant,
    pace: Arc<Pace>,
    /// How long we had paused when the clock was looked at.
    paused: Duration,
    ended: Option<ExitStatus>,
    offspring: Option<Offspring>,
    left: Left,
}

impl Leash {
    /// A child that may run for `timeout`, our own pauses not counted. Without `offspring` nobody is found who leaves its
    /// group.
    pub fn new(child: Child, timeout: Duration, offspring: Option<Offspring>, pace: Arc<Pace>) -> Leash {
        let left = Left { unwatched: offspring.is_none(), ..Left::default() };
        let paused = pace.paused();
        Leash {
            child: Some(child),
            time: timeout,
            looked: Instant::now(),
            pace,
            paused,
            ended: None,
            offspring,
            left,
        }
    }

    /// What became of those whom it left running, as far as it has ended.
    pub fn left_running(&self) -> &Left {
        &self.left
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.ended
    }

    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?))
    }

    /// Ends the program and whatever it has started in its group. Only while the program has not been reaped: its
    /// number could be another's afterwards.
    pub fn kill(&mut self) {
        if let (None, Some(group)) = (self.ended, self.pid()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// How long it may still run. While we pause it waits for us, and that is no time of its own.
    pub fn time_left(&mut self) -> Duration {
        let paused = self.pace.paused();
        let passed = self.looked.elapsed().saturating_sub(paused.saturating_sub(self.paused));
        (self.looked, self.paused) = (Instant::now(), paused);
        self.time = self.time.saturating_sub(passed.min(LOOK));
        self.time
    }

    /// Waits for the end until the deadline; then nothing that it started is left either.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        let seen = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while self.ended.is_none() {
            let pid = self.pid()?;
            match waitid(WaitId::Pid(pid), seen) {
                Ok(Some(_)) => {
                    self.kill();
                    self.ended = self.child.as_mut()?.try_wait().ok().flatten();
                    self.end_offspring(None);
                }
                Ok(None) => match self.time_left() {
                    Duration::ZERO => return None,
                    left => thread::sleep(left.min(Duration::from_millis(5))),
                },
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        self.ended
    }

    /// Whether somebody may be left, once it has ended, who holds its output open.
    pub fn may_be_held(&self) -> bool {
        self.left.unwatched || !self.left.running.is_empty()
    }

    fn end_offspring(&mut self, but: Option<u32>) {
        if let Some(offspring) = &self.offspring {
            let before = self.left.killed;
            self.left = offspring.end(but);
            self.left.killed += before;
        }
    }

    /// Whether the program itself has ended; what it started is left alone.
    pub fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.ended.is_some()
            || self.pid().is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), look), Ok(Some(_))))
    }

    /// Whether it has ended already; then nothing that it started is left either.
    pub fn has_ended(&mut self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// Whether it ends so soon; then nothing that it started is left either.
    pub fn ends_within(&mut self, span: Duration) -> bool {
        let span = span.min(self.time_left());
        let rest = std::mem::replace(&mut self.time, span).saturating_sub(span);
        let ended = self.wait().is_some();
        self.time += rest;
        ended
    }

    /// Waits a moment for what was killed.
    pub fn wait_a_moment(&mut self) -> Option<ExitStatus> {
        (self.time, self.looked) = (Duration::from_secs(2), Instant::now());
        let ended = self.wait();
        if ended.is_none() {
            // It waits for a disk; what it started need not.
            self.end_offspring(self.child.as_ref().map(Child::id));
        }
        ended
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.kill();
        // What waits for a disk that does not answer cannot even be killed: somebody else waits for it.
        if self.wait_a_moment().is_none()
            && let Some(mut child) = self.child.take()
        {
            let _ = thread::Builder::new().name("reaper".into()).spawn(move || child.wait());
        }
    }
}
