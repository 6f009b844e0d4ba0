//! What a program has started and left running, wherever it fled to: into a session, a group or a namespace of its own.
//!
//! Whoever loses its parent falls to the nearest process above that asks for orphans (prctl(2),
//! `PR_SET_CHILD_SUBREAPER`). We do, so that nothing that descends from a program of the host can leave us: once the
//! program has ended, whoever is still our child is its doing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, set_child_subreaper, waitid,
};

use crate::host::processes::tree::Tree;
use crate::records::process::{figures, parse_stat};

/// How long the last of them are hunted: each that is killed leaves its own children to us, which come next.
const HUNT: Duration = Duration::from_secs(10);

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// Bytes of a list of children that are read: more than all the numbers that a machine has.
const LIST: usize = 64 << 20;

/// All who descend from our programs, and nobody else.
#[derive(Clone)]
pub struct Offspring {
    tree: Arc<Tree>,
}

/// What became of those whom a program left running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many were killed.
    pub killed: u64,
    /// Who could not be ended.
    pub running: BTreeSet<u32>,
    /// Somebody may have got away: there was nobody above to whom he fell.
    pub unwatched: bool,
}

impl Offspring {
    /// From now on who loses its parent beneath us falls to us. None where those who do could be others than our
    /// programs' children: as the first process of a pid namespace, and where whoever was here before us (`exec`) left
    /// children of his own; they must not be harmed.
    pub fn adopt(tree: Arc<Tree>) -> Option<Offspring> {
        let alone = getpid() != Pid::INIT && is_childless();
        (alone && set_child_subreaper(Some(getpid())).is_ok()).then_some(Offspring { tree })
    }

    /// Ends all of them but `program`, which somebody else waits for.
    pub fn end(&self, program: Option<u32>) -> Left {
        let (mut killed, until) = (0, Instant::now() + HUNT);
        loop {
            // The kernel's own word, which needs no /proc: nobody is left.
            if is_childless() {
                return Left { killed, ..Left::default() };
            }
            let mut running = self.children();
            running.retain(|child| Some(*child) != program);
            if running.is_empty() && program.is_some() {
                return Left { killed, ..Left::default() };
            }
            let over = Instant::now() >= until;
            running.retain(|child| match end(*child) {
                Some(was_killed) => {
                    killed += u64::from(was_killed);
                    false
                }
                None => true,
            });
            if over {
                // Without /proc there is somebody, and nobody knows who.
                return Left { killed, unwatched: running.is_empty(), running };
            }
            thread::sleep(PAUSE);
        }
    }

    /// The numbers of our children. A number that is in use here is nobody else's until we have asked how it ended.
    fn children(&self) -> BTreeSet<u32> {
        let Ok(folder) = self.tree.ourselves() else { return BTreeSet::new() };
        let threads = folder.numbers("task").unwrap_or_default();
        let lists: Vec<_> =
            threads.iter().map(|thread| folder.read(&format!("task/{thread}/children"), LIST)).collect();
        if lists.iter().any(Result::is_ok) {
            let numbers = |list: &Vec<u8>| -> Vec<u32> {
                let words = list.split(|byte| *byte == b' ');
                words.filter_map(|word| u32::try_from(figures::number(word)?).ok()).collect()
            };
            return lists.iter().flatten().flat_map(numbers).collect();
        }
        self.by_their_parent()
    }

    /// The same where the kernel keeps no such lists (`CONFIG_PROC_CHILDREN`).
    fn by_their_parent(&self) -> BTreeSet<u32> {
        let us = getpid().as_raw_nonzero().get();
        let is_ours = |pid: &u32| {
            let stat =
                self.tree.folder(*pid, &self.tree.covers_of_what_is_read()).ok()?.read("stat", 4096).ok()?;
            Some(parse_stat(&stat)?.parent == us)
        };
        self.tree.pids().unwrap_or_default().into_iter().filter(|pid| is_ours(pid) == Some(true)).collect()
    }
}

/// Kills a child, and whoever is in a group that it leads. Once it has ended: whether that was by being killed.
fn end(child: u32) -> Option<bool> {
    let pid = Pid::from_raw(i32::try_from(child).ok()?)?;
    // The number of a group that nobody else can have, while its leader has not been asked how it ended.
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = kill_process(pid, Signal::KILL);
    let ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok()??;
    Some(ended.terminating_signal() == Some(Signal::KILL.as_raw()))
}

/// Whether we have no child, running or ended, by the kernel's own word.
fn is_childless() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::All, look) {
            Err(Errno::INTR) => {}
            asked => return matches!(asked, Err(Errno::CHILD)),
        }
    }
}
