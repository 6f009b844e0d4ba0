//! Other looks at the same processes than the listing of /proc: what a rootkit hides from one, another may show.
//!
//! Every number up to the highest that was given is asked for by getpriority(2), which sends no signal and goes past
//! /proc; and the control groups list who is in them.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::super::own_namespaces::FIRST_PID;
use super::super::{Host, Trouble};
use super::tree::{self, Covers};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::records::process::{Status, figures};

/// Numbers that are asked for one by one, at most.
const NUMBERS: u32 = 1 << 20;

/// Numbers that are asked for whatever was given last, where there are so many.
const ALWAYS: u32 = 1 << 16;

/// Folders of control groups that are looked into, at most.
const GROUPS: usize = 20_000;

/// Which numbers answer.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// Processes and threads, ascending.
    pub numbers: Vec<u32>,
    /// The highest number that was asked for.
    pub up_to: u32,
    /// There are higher ones that were not.
    pub cut: bool,
}

/// Who is in which control group.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// Processes, ascending.
    pub pids: Vec<u32>,
    /// Folders that were looked into.
    pub folders: usize,
    /// There are more.
    pub cut: bool,
}

/// What keeps /proc from showing everybody.
#[derive(Clone, Debug, Default)]
pub struct Blinkers {
    /// The mount option `hidepid` of /proc, where it is not off.
    pub hidepid: Option<String>,
    /// And it hides other users' processes from us.
    pub hides: bool,
    /// We run in a pid namespace within another, and see only who is in it.
    pub inner_namespace: bool,
    /// /proc belongs to another pid namespace than ours.
    pub foreign_proc: bool,
}

impl Blinkers {
    /// What is said of them, each by itself; nothing where we see everybody. Without it, that nobody was found who does
    /// something proves that nobody does.
    pub fn verdicts(&self) -> Vec<(Outcome, Reason)> {
        let mut verdicts = Vec::new();
        if let Some(option) = self.hidepid.as_ref().filter(|_| self.hides) {
            let words =
                format!("/proc is mounted with hidepid={option}: other users' processes are not shown");
            verdicts.push((Outcome::Denied, Reason::new(ReasonCode::Permission, words)));
        }
        for (so, words) in [
            (
                self.inner_namespace,
                "this run is in a pid namespace of its own; who runs outside of it is not shown",
            ),
            (
                self.foreign_proc,
                "/proc belongs to another pid namespace than this run, or is not the kernel's",
            ),
        ] {
            if so {
                verdicts.push((Outcome::Inconclusive, Reason::new(ReasonCode::Unsupported, words)));
            }
        }
        verdicts
    }
}

impl Host {
    /// Asks for every number by getpriority(2), up to `highest` and the number that the kernel gave last.
    pub fn probe_numbers(&self, highest: u32) -> Result<Probe, Trouble> {
        let read = |path: &str| std::fs::read(path).unwrap_or_default();
        let limit = figures::last_number(&read("/proc/sys/kernel/pid_max")).unwrap_or(NUMBERS);
        // Numbers are given upwards. Once they have begun anew, any may be in use.
        let last = figures::last_number(&read("/proc/loadavg")).unwrap_or(limit);
        let wanted = if last < highest { limit } else { last.max(highest).saturating_add(64).min(limit) };
        // They may have begun anew, and who hides be the only one left with a high number: where all can be asked for in
        // little time, they are.
        let wanted = wanted.max(limit.min(ALWAYS));
        let up_to = wanted.min(NUMBERS);
        let answers = move || (1..=up_to).filter(|number| tree::answers(*number)).collect();
        let numbers = self.patience().ask(answers).map_err(|_| Trouble::Hung("getpriority".into(), 20))?;
        Ok(Probe { numbers, up_to, cut: up_to < wanted })
    }

    /// Whether the kernel still knows a process or thread of this number.
    pub fn answers(&self, number: u32) -> bool {
        tree::answers(number)
    }

    /// The process that a number belongs to, as /proc tells it when it is asked for that number: the number itself, or
    /// that of the process whose thread it is.
    pub fn thread_group(&self, number: u32) -> Option<u32> {
        let tree = self.process_tree();
        let read = move || tree.folder(number, &Covers::new()).ok()?.read("status", 64 << 10).ok();
        let status = self.patience().ask(read).ok()??;
        Status::of(&status).number("Tgid").and_then(|tgid| u32::try_from(tgid).ok())
    }

    /// Who is in the control groups of every mounted hierarchy.
    pub fn in_control_groups(&self) -> Result<Groups, Trouble> {
        let is_group = |fstype: &[u8]| fstype == b"cgroup" || fstype == b"cgroup2";
        let mut roots: Vec<PathBuf> = self
            .mounts()
            .all()
            .filter(|mount| is_group(&mount.fstype))
            .map(|mount| Path::new(std::ffi::OsStr::from_bytes(mount.point.as_bytes())).into())
            .collect();
        roots.sort();
        self.patience().ask(move || members(roots)).map_err(|_| Trouble::Hung("control groups".into(), 20))
    }

    /// What keeps /proc from showing us every process.
    pub fn blinkers(&self) -> Blinkers {
        let tree = self.process_tree();
        Blinkers {
            hidepid: tree.hidepid.clone(),
            hides: tree.hides,
            inner_namespace: tree.own_namespace("pid").is_some_and(|number| number != FIRST_PID),
            foreign_proc: tree.is_foreign,
        }
    }
}

fn members(mut folders: Vec<PathBuf>) -> Groups {
    let (mut groups, mut pids) = (Groups::default(), BTreeSet::new());
    while let Some(folder) = folders.pop() {
        if groups.folders == GROUPS {
            groups.cut = true;
            break;
        }
        groups.folders += 1;
        // A threaded group answers with an error, and its processes are told by the group above it.
        let text = std::fs::read(folder.join("cgroup.procs")).unwrap_or_default();
        // Who is in a pid namespace beside ours stands as 0.
        let numbers =
            text.split(|byte| *byte == b'\n').filter_map(figures::number).filter(|number| *number != 0);
        pids.extend(numbers.filter_map(|number| u32::try_from(number).ok()));
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(
            below.filter(|name| name.file_type().is_ok_and(|kind| kind.is_dir())).map(|name| name.path()),
        );
    }
    groups.pids = pids.into_iter().collect();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_view_shows_ourselves() {
        let host = Host::live(&[]).unwrap();
        let me = std::process::id();
        let probe = host.probe_numbers(me).unwrap();
        assert!(probe.numbers.contains(&me) && probe.up_to >= me);
        assert!(host.answers(me) && !host.answers(u32::MAX));
        assert_eq!(host.thread_group(me), Some(me));
        let thread = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        assert_eq!(
            host.thread_group(thread),
            Some(me),
            "a thread answers to its own number and belongs to its process"
        );
        let groups = host.in_control_groups().unwrap();
        assert!(groups.folders == 0 || groups.pids.contains(&me), "{} folders", groups.folders);
        assert!(!host.blinkers().foreign_proc);
    }
}
