//! The leash of a running program: it and everything in its group end when its time is over, or ours.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A child, and how long it may run.
pub struct Leash {
    child: Option<Child>,
    deadline: Instant,
    /// Pauses up to here are none of its time.
    forgiven: Duration,
    ended: Option<ExitStatus>,
}

impl Leash {
    /// A child that may run for `timeout`, after we had paused for so long in all.
    pub fn new(child: Child, timeout: Duration, paused: Duration) -> Leash {
        Leash { child: Some(child), deadline: Instant::now() + timeout, forgiven: paused, ended: None }
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

    /// It may run longer by what it was kept waiting by us, not by itself; `paused` is that in all.
    pub fn forgive(&mut self, paused: Duration) {
        self.deadline += paused.saturating_sub(self.forgiven);
        self.forgiven = paused;
    }

    /// How long it may still run.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for the end until the deadline; then nothing of its group is left either.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        let seen = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while self.ended.is_none() {
            let pid = self.pid()?;
            match waitid(WaitId::Pid(pid), seen) {
                Ok(Some(_)) => {
                    self.kill();
                    self.ended = self.child.as_mut()?.try_wait().ok().flatten();
                }
                Ok(None) if self.left().is_zero() => return None,
                Ok(None) => thread::sleep(self.left().min(Duration::from_millis(5))),
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        self.ended
    }

    /// Whether it has ended already; then nothing of its group is left either.
    pub fn has_ended(&mut self) -> bool {
        let deadline = std::mem::replace(&mut self.deadline, Instant::now());
        let ended = self.wait().is_some();
        self.deadline = deadline;
        ended
    }

    /// Waits a moment for what was killed.
    pub fn wait_a_moment(&mut self) -> Option<ExitStatus> {
        self.deadline = Instant::now() + Duration::from_secs(2);
        self.wait()
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
