//! Who holds the sockets, and who is in the namespaces: a capture of what /proc says of each process, and what of it the
//! tables repeat.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::collector::tables::Rows;
use crate::custody::entry::{Base64, EntryId, Kind, Source, Taken};
use crate::custody::ledger::Draft;
use crate::custody::rows::sockets::{OwnerRow, ProcessCapture};
use crate::custody::rows::text;
use crate::host::Trouble;
use crate::host::netns::NetworkScan;
use crate::host::processes::ProcessFolder;
use crate::host::sockets::holders::Held;
use crate::intake::Halt;
use crate::path::shown;
use crate::records::cgroup;
use crate::records::process::parse_stat;

/// Bytes of a command line that the capture holds; `processes` takes all of it.
const COMMAND_LIMIT: usize = 64 << 10;

/// Bytes of it that each row of the table repeats.
const COMMAND_SHOWN: usize = 1024;

/// Bytes of another file of /proc.
const FILE_LIMIT: usize = 64 << 10;

/// Descriptors of sockets, for each process.
type ByProcess = HashMap<u32, Descriptors>;

/// The descriptors of sockets of one process.
#[derive(Default)]
struct Descriptors {
    /// Descriptor and inode.
    own: Vec<(u32, u64)>,
    /// Thread, descriptor and inode.
    of_threads: Vec<(u32, u32, u64)>,
}

/// What the tables say of a process.
#[derive(Default)]
struct Owner {
    cgroup: Option<String>,
    command: Option<String>,
    command_cut: bool,
    container: Option<String>,
    exe: Option<String>,
    exe_deleted: bool,
    exe_memfd: bool,
    name: Option<String>,
    start: Option<Timestamp>,
    start_ticks: Option<u64>,
    uid: Option<u32>,
    unit: Option<String>,
}

/// All processes that matter here.
pub struct Holders {
    /// The entry of the capture.
    pub capture: EntryId,
    owners: HashMap<u32, Owner>,
    /// Who was found when it was looked for once more, sorted by inode.
    late: Vec<Held>,
}

impl Holders {
    /// What a process runs.
    pub fn exe(&self, pid: u32) -> Option<&str> {
        self.owners.get(&pid)?.exe.as_deref()
    }

    /// Who holds the socket, by pid and descriptor, or was found to hold it later. `scan` is sorted by inode.
    pub fn of<'h>(&'h self, scan: &NetworkScan, inode: u64) -> Vec<OwnerRow<'h>> {
        if inode == 0 {
            return Vec::new();
        }
        let from = scan.sockets.partition_point(|held| held.inode < inode);
        let held = scan.sockets.get(from..).unwrap_or_default().iter().take_while(|held| held.inode == inode);
        let seen = held.map(|held| (held.pid, None, held.fd));
        let from = self.late.partition_point(|held| held.inode < inode);
        let late = self.late.get(from..).unwrap_or_default().iter().take_while(|held| held.inode == inode);
        let late = late.map(|held| (held.pid, held.tid, held.fd));
        seen.chain(late).map(|(pid, tid, fd)| self.row(pid, tid, fd)).collect()
    }

    fn row(&self, pid: u32, tid: Option<u32>, fd: u32) -> OwnerRow<'_> {
        let Some(owner) = self.owners.get(&pid) else {
            return OwnerRow { pid, tid, fd, ..OwnerRow::default() };
        };
        OwnerRow {
            cgroup: owner.cgroup.as_deref(),
            command: owner.command.as_deref(),
            command_cut: owner.command_cut,
            container: owner.container.as_deref(),
            exe: owner.exe.as_deref(),
            exe_deleted: owner.exe_deleted,
            exe_memfd: owner.exe_memfd,
            fd,
            name: owner.name.as_deref(),
            pid,
            start: owner.start,
            start_ticks: owner.start_ticks,
            tid,
            uid: owner.uid,
            unit: owner.unit.as_deref(),
        }
    }
}

/// Reads and seals what /proc says of every process that holds a socket, and what those in the namespaces run. A process
/// that started after `began` has only the number of one that was seen, and is left out; unless it is among those that
/// were found later, in `late`.
pub fn capture(
    run: &mut Run<'_, '_>,
    scan: &NetworkScan,
    late: Vec<Held>,
    began: Taken,
) -> Result<Holders, Halt> {
    let source = Source::text("/proc/PID of every process that holds a socket or is in a network namespace");
    let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
    draft.title = Some("Processes that hold sockets, as /proc shows them".into());
    let mut sheet = Rows::begin(run, super::ID, "owners.jsonl", draft)?;
    let mut owners = HashMap::new();
    let (host, held, run_began) = (run.host, Arc::new(by_process(scan, &late)), run.began);
    let of_work = Arc::clone(&held);
    let work = move |process: &ProcessFolder| read(process, of_work.contains_key(&process.pid));
    host.each_process(pids(scan, &held), work, |pid, found| {
        let file = match found {
            Ok(file) => file,
            Err(Trouble::Vanished(_)) => return Ok(()),
            Err(trouble) => Files { error: Some(trouble.to_string()), ..Files::default() },
        };
        owners.insert(pid, file.owner(run_began));
        sheet.row(run, &file.row(pid, held.get(&pid).unwrap_or(&Descriptors::default())))
    })?;
    // The look itself took some time after that moment.
    let latest = began.utc.plus(Duration::from_secs(1));
    let is_late: HashSet<u32> = late.iter().map(|held| held.pid).collect();
    let in_time = |owner: &Owner| owner.start_ticks.is_none_or(|ticks| began.at_tick(ticks) <= latest);
    owners.retain(|pid, owner| is_late.contains(pid) || in_time(owner));
    let capture = sheet.end(run, |_| ())?;
    Ok(Holders { capture, owners, late })
}

fn by_process(scan: &NetworkScan, late: &[Held]) -> ByProcess {
    let mut held = ByProcess::new();
    for socket in &scan.sockets {
        held.entry(socket.pid).or_default().own.push((socket.fd, socket.inode));
    }
    for Held { inode, pid, tid, fd } in late {
        let descriptors = held.entry(*pid).or_default();
        match tid {
            Some(tid) => descriptors.of_threads.push((*tid, *fd, *inode)),
            None => descriptors.own.push((*fd, *inode)),
        }
    }
    held
}

fn pids(scan: &NetworkScan, held: &ByProcess) -> Vec<u32> {
    let in_namespaces = scan.namespaces.iter().flat_map(|namespace| {
        namespace.processes.iter().copied().chain(namespace.held_by.iter().map(|(pid, _)| *pid))
    });
    held.keys().copied().chain(in_namespaces).collect::<BTreeSet<u32>>().into_iter().collect()
}

/// What the files of one process hold.
#[derive(Default)]
struct Files {
    cgroup: Option<Vec<u8>>,
    cmdline: Option<Vec<u8>>,
    comm: Option<Vec<u8>>,
    error: Option<String>,
    exe: Option<Vec<u8>>,
    exe_unlinked: bool,
    stat: Option<Vec<u8>>,
    uids: Option<Vec<u8>>,
}

/// Of one that holds no socket, only what it runs.
fn read(process: &ProcessFolder, holds: bool) -> Result<Files, Errno> {
    let mut files = Files::default();
    let mut error = None;
    let mut note = |file: &str, read: Result<Vec<u8>, Errno>| match read {
        Ok(bytes) => Some(bytes),
        // A kernel thread has no program.
        Err(Errno::NOENT) if file == "exe" => None,
        Err(errno) => {
            error.get_or_insert_with(|| format!("{file}: {}", std::io::Error::from(errno)));
            None
        }
    };
    files.exe = note("exe", process.link("exe"));
    if holds {
        files.stat = Some(process.read("stat", FILE_LIMIT)?);
        files.comm = note("comm", process.read("comm", FILE_LIMIT));
        files.cmdline = note("cmdline", process.read("cmdline", COMMAND_LIMIT + 1));
        files.cgroup = note("cgroup", process.read("cgroup", FILE_LIMIT));
        files.uids = note("status", process.read("status", FILE_LIMIT)).and_then(|status| uids(&status));
        files.exe_unlinked = process.nature("exe").is_ok_and(|exe| exe.nlink == 0);
    }
    files.error = error;
    Ok(files)
}

/// The numbers of the line `Uid:`: real, effective, saved, of the file system.
fn uids(status: &[u8]) -> Option<Vec<u8>> {
    let mut lines = status.split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
    let numbers = line.split(|byte| *byte == b'\t').filter(|number| !number.is_empty());
    Some(numbers.collect::<Vec<_>>().join(&b' '))
}

fn exact(bytes: Option<Vec<u8>>) -> (Option<String>, Option<Base64>) {
    bytes.map_or((None, None), |bytes| {
        let (text, exact) = text(&bytes);
        (Some(text), exact)
    })
}

impl Files {
    fn owner(&self, now: Taken) -> Owner {
        let stat = self.stat.as_deref().and_then(parse_stat);
        let command = self.cmdline.as_deref().map(|command| command.strip_suffix(b"\0").unwrap_or(command));
        let command = command.filter(|command| !command.is_empty());
        let exe = self.exe.as_deref();
        let show = |bytes: Option<Vec<u8>>| bytes.as_deref().map(shown);
        Owner {
            cgroup: self.cgroup.as_deref().and_then(cgroup::path).map(shown),
            command: command.map(|command| arguments(command.get(..COMMAND_SHOWN).unwrap_or(command))),
            command_cut: command.is_some_and(|command| command.len() > COMMAND_SHOWN),
            container: show(self.cgroup.as_deref().and_then(cgroup::container)),
            exe: exe.map(shown),
            exe_deleted: self.exe_unlinked,
            exe_memfd: self.exe_unlinked && exe.is_some_and(|exe| exe.starts_with(b"/memfd:")),
            name: stat.as_ref().map(|stat| shown(&stat.name)),
            start: stat.as_ref().map(|stat| now.at_tick(stat.start_ticks)),
            start_ticks: stat.as_ref().map(|stat| stat.start_ticks),
            uid: self.uids.as_deref().and_then(effective),
            unit: show(self.cgroup.as_deref().and_then(cgroup::unit)),
        }
    }

    fn row(self, pid: u32, held: &Descriptors) -> ProcessCapture {
        let (cgroup, cgroup_b64) = exact(self.cgroup);
        let (comm, comm_b64) = exact(self.comm);
        let (exe, exe_b64) = exact(self.exe);
        let (stat, stat_b64) = exact(self.stat);
        let cmdline_cut = self.cmdline.as_ref().is_some_and(|command| command.len() > COMMAND_LIMIT);
        ProcessCapture {
            cgroup,
            cgroup_b64,
            cmdline_b64: self.cmdline.map(Base64),
            cmdline_cut,
            comm,
            comm_b64,
            error: self.error,
            exe,
            exe_b64,
            exe_unlinked: self.exe_unlinked,
            fds: held.own.clone(),
            pid,
            stat,
            stat_b64,
            thread_fds: held.of_threads.clone(),
            uids: self.uids.as_deref().map(shown),
        }
    }
}

/// The arguments with blanks between them.
fn arguments(command: &[u8]) -> String {
    shown(&command.split(|byte| *byte == 0).collect::<Vec<_>>().join(&b' '))
}

fn effective(uids: &[u8]) -> Option<u32> {
    std::str::from_utf8(uids.split(|byte| *byte == b' ').nth(1)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_calls_itself_cannot_act_on_a_terminal_or_lose_a_column() {
        let files = Files {
            cgroup: Some(b"0::/system.slice/a\x1b.service\n".to_vec()),
            cmdline: Some(b"a\0b\nc\xff\0".to_vec()),
            exe: Some(b"/memfd:x\n (deleted)".to_vec()),
            exe_unlinked: true,
            stat: Some(b"nonsense".to_vec()),
            uids: uids(b"Name:\tUid:\t7\nUid:\t1\t2\t3\t4\n"),
            ..Files::default()
        };
        let began = Taken { utc: Timestamp::from_unix(1000, 0), boottime_ns: 50_000_000_000 };
        let owner = files.owner(began);
        assert_eq!((owner.uid, owner.start, owner.exe_memfd), (Some(2), None, true));
        assert_eq!(owner.command.unwrap(), "a b\\u{a}c\\xff");
        assert_eq!(owner.unit.unwrap(), "a\\u{1b}.service");
        let row = files.row(1, &Descriptors::default());
        assert!(row.cgroup_b64.is_some() && row.exe_b64.is_some() && row.stat_b64.is_none());
    }
}
