//! Letting the machine's own work go first: on the processor, and on the disk.
//!
//! The nice value counts among the threads of one group alone. Most kernels make a group of each session of its own
//! (sched(7), "The autogroup feature"), so that a program that is as nice as can be still takes half of a processor from
//! whatever runs in another session, such as a database. The session has a nice value too. It is lowered where nobody but
//! us and who waits for us runs in it, and put back at the end.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, open};
use rustix::process::{getpid, setpriority_process};
use rustix::thread::gettid;

use super::patience::Patience;
use super::sys;
use crate::records::process::{ProcessStat, parse_stat};

/// The nice value of who goes last.
const LAST: i32 = 19;

/// What the session is read from and told.
const SESSION: &str = "/proc/self/autogroup";

/// How long looking for who else is in the session may take. Something may be mounted over what is read.
const DEADLINE: Duration = Duration::from_secs(2);

/// Lets others go first, from this thread and whatever it starts from here on; and from the first thread, which only waits,
/// but whose rank is shown as ours.
pub fn go_last() {
    // Neither is worth failing for: without them the collection is merely less polite.
    for thread in [gettid(), getpid()] {
        let _ = setpriority_process(Some(thread), LAST);
        let _ = sys::use_idle_io(thread);
    }
}

/// A session that lets others go first until this is dropped.
pub struct Session {
    /// The nice value that it had.
    had: i32,
}

/// Lets the whole session go last, where nobody else is in it.
pub fn session_goes_last() -> Option<Session> {
    let lower = || {
        let had = session_nice().filter(|had| *had < LAST)?;
        we_are_alone()?;
        fs::write(SESSION, LAST.to_string()).ok()?;
        Some(Session { had })
    };
    Patience::new(DEADLINE).ask(lower).ok().flatten()
}

impl Drop for Session {
    fn drop(&mut self) {
        if session_nice() != Some(LAST) {
            return;
        }
        // Who is not root may say it ten times a second.
        if fs::write(SESSION, self.had.to_string()).is_err() {
            std::thread::sleep(Duration::from_millis(150));
            let _ = fs::write(SESSION, self.had.to_string());
        }
    }
}

/// The nice value of our session as a whole; none where the kernel makes no groups of sessions.
pub fn session_nice() -> Option<i32> {
    // `/autogroup-1876 nice 0`
    fs::read_to_string(SESSION).ok()?.trim_end().rsplit_once(" nice ")?.1.parse().ok()
}

/// Says so if everybody in our session is one of us or waits for us.
fn we_are_alone() -> Option<()> {
    let own = stat("self")?;
    // A session that began outside of our namespace of process numbers has number 0, and people whom we do not see.
    if own.session == 0 {
        return None;
    }
    let mut above = HashSet::from([own.pid]);
    let mut next = own.parent;
    while next > 0 && above.insert(next) {
        next = stat(&next.to_string())?.parent;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listing = Dir::new(open("/proc", flags, Mode::empty()).ok()?).ok()?;
    for entry in listing.flatten() {
        let name = entry.file_name().to_str();
        let Some(pid) = name.ok().filter(|name| name.parse::<i32>().is_ok()) else { continue };
        let Some(stat) = stat(pid) else { continue };
        if stat.session == own.session && !above.contains(&stat.pid) {
            return None;
        }
    }
    Some(())
}

fn stat(pid: &str) -> Option<ProcessStat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}
