//! From the bytes of one process's files to its row in the table.

use crate::clock::Moment;
use crate::custody::entry::Base64;
use crate::custody::rows::process::raw::RawLink;
use crate::custody::rows::process::{
    Capabilities, DescriptorRow, IoCounts, LimitPair, MapsSummary, ProcessRow,
};
use crate::custody::rows::text;
use crate::path::shown;
use crate::records::cgroup;
use crate::records::process::target::{self, Target};
use crate::records::process::{ProcessStat, Status, figures, maps, terminal_name};

/// Groups that a row keeps.
const GROUPS: usize = 1024;

/// `stat`; it tells the start by the clock of `now`.
pub fn stat(row: &mut ProcessRow, stat: &ProcessStat, now: Moment) {
    let (comm, comm_b64) = text(&stat.name);
    (row.comm, row.comm_b64) = (Some(comm), comm_b64);
    row.ppid = Some(stat.parent);
    row.pgrp = Some(stat.group);
    row.session = Some(stat.session);
    row.state = Some(stat.state.to_string());
    row.start_ticks = Some(stat.start_ticks);
    row.start = Some(now.at_tick(stat.start_ticks));
    row.tty = stat.terminal.map(|(major, minor)| format!("{major}:{minor}"));
    row.tty_name = stat.terminal.and_then(terminal_name);
    row.kernel_thread = stat.kernel_thread;
    row.threads = u64::try_from(stat.threads).ok();
    row.cpu_user_ticks = Some(stat.user_ticks);
    row.cpu_system_ticks = Some(stat.system_ticks);
    row.vsz_bytes = (!stat.kernel_thread).then_some(stat.virtual_bytes);
}

/// `status`
pub fn status(row: &mut ProcessRow, bytes: &[u8]) {
    let status = Status::of(bytes);
    let ids = |name: &str| {
        let mut ids = status.numbers(name).into_iter();
        (ids.next(), ids.next(), ids.next(), ids.next())
    };
    (row.uid, row.euid, row.suid, row.fsuid) = ids("Uid");
    (row.gid, row.egid, row.sgid, row.fsgid) = ids("Gid");
    row.groups = status.numbers("Groups");
    row.groups.truncate(GROUPS);
    row.tgid = status.number("Tgid").filter(|tgid| *tgid != u64::from(row.pid));
    row.tracer = status.number("TracerPid").filter(|tracer| *tracer != 0);
    let inside = status.numbers("NSpid");
    row.pids_inside = if inside.len() > 1 { inside } else { Vec::new() };
    row.rss_bytes = status.number("VmRSS").map(|kib| kib.saturating_mul(1024));
    row.no_new_privs = status.number("NoNewPrivs");
    row.seccomp = status.number("Seccomp");
    row.seccomp_filters = status.number("Seccomp_filters");
    row.capabilities = Some(Capabilities {
        ambient: status.mask("CapAmb"),
        bounding: status.mask("CapBnd"),
        effective: status.mask("CapEff"),
        inheritable: status.mask("CapInh"),
        permitted: status.mask("CapPrm"),
    })
    .filter(|sets| sets.effective.is_some());
    if row.tracer.is_some() {
        row.flags.push("traced");
    }
}

/// `cgroup`
pub fn control_group(row: &mut ProcessRow, bytes: &[u8]) {
    let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let path_of =
        |line: &[u8]| -> Option<Vec<u8>> { Some(line.splitn(3, |byte| *byte == b':').nth(2)?.to_vec()) };
    let named = |prefix: &[u8]| lines().find(|line| line.starts_with(prefix));
    let systemd = || lines().find(|line| line.windows(14).any(|part| part == b":name=systemd:"));
    let chosen = named(b"0::").filter(|line| *line != b"0::/").or_else(systemd).or_else(|| lines().next());
    if let Some(path) = chosen.and_then(path_of) {
        let (group, exact) = text(&path);
        (row.cgroup, row.cgroup_b64) = (Some(group), exact);
    }
    row.unit = cgroup::unit(bytes).map(|unit| shown(&unit));
    row.container = cgroup::container(bytes).map(|container| shown(&container));
}

/// `limits`
pub fn limits(row: &mut ProcessRow, bytes: &[u8]) {
    let wanted = [("core", "Max core file size"), ("nofile", "Max open files"), ("nproc", "Max processes")];
    for (column, name) in wanted {
        if let Some(limit) = figures::limit(bytes, name) {
            row.limits.insert(column, LimitPair { hard: limit.hard, soft: limit.soft });
        }
    }
}

/// `io`
pub fn io(row: &mut ProcessRow, bytes: &[u8]) {
    let counts = IoCounts {
        read_bytes: figures::io(bytes, "read_bytes"),
        read_chars: figures::io(bytes, "rchar"),
        write_bytes: figures::io(bytes, "write_bytes"),
        write_chars: figures::io(bytes, "wchar"),
    };
    row.io = (counts != IoCounts::default()).then_some(counts);
}

/// `cmdline`, of which `keep` bytes are kept.
pub fn command(row: &mut ProcessRow, bytes: &[u8], keep: usize) {
    row.command_cut = bytes.len() > keep;
    let kept = bytes.get(..keep.min(bytes.len())).unwrap_or_default();
    let arguments = figures::arguments(kept);
    if arguments.is_empty() {
        return;
    }
    let joined = arguments.join(&b' ');
    let (command, odd) = text(&joined);
    let unclear = arguments.iter().any(|argument| argument.is_empty() || argument.contains(&b' '));
    row.command_b64 = (odd.is_some() || unclear).then(|| Base64(kept.to_vec()));
    row.command = Some(command);
    // Kernel threads have no arguments: brackets around the first are what ps would make of none.
    let first = arguments.first().copied().unwrap_or_default();
    if !row.kernel_thread && first.starts_with(b"[") && first.ends_with(b"]") {
        row.flags.push("looks_like_kernel_thread");
    }
}

/// `maps`
pub fn memory(row: &mut ProcessRow, bytes: &[u8]) {
    let sum = maps::summary(bytes);
    row.maps = Some(MapsSummary {
        executable_anonymous: sum.executable_anonymous,
        executable_deleted: sum.executable_deleted,
        executable_files: sum.executable_files,
        executable_memfd: sum.executable_memfd,
        mappings: sum.mappings,
        unread: sum.unread,
        without_name: sum.without_name.iter().map(|name| shown(name)).collect(),
        writable_executable: sum.writable_executable,
    });
}

/// The links `exe`, `cwd`, `root` and those of `ns`. `memory_device` is where files without a path lie.
pub fn links(row: &mut ProcessRow, links: &[RawLink], memory_device: Option<&str>) {
    for link in links {
        let exact = link.exact();
        let told = || (link.target.clone(), link.target_b64.clone());
        match (link.name.as_str(), exact) {
            ("exe", _) => program(row, link, memory_device),
            ("cwd", Some(_)) => (row.cwd, row.cwd_b64) = told(),
            ("root", Some(root)) if root != b"/" => {
                (row.root, row.root_b64) = told();
                row.flags.push("root_differs");
            }
            (name, Some(exact)) => {
                let kind = KINDS.iter().find(|kind| name.strip_prefix("ns/") == Some(kind));
                if let Some((kind, number)) = kind.zip(figures::namespace(exact)) {
                    row.namespaces.insert(kind, number);
                }
            }
            (_, None) => {}
        }
    }
}

/// The kinds of namespaces that are told.
pub const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

fn program(row: &mut ProcessRow, link: &RawLink, memory_device: Option<&str>) {
    (row.exe, row.exe_b64) = (link.target.clone(), link.target_b64.clone());
    (row.exe_dev, row.exe_ino) = (link.dev.clone(), link.ino);
    let exact = link.exact().unwrap_or_default();
    let state = program_state(link, memory_device);
    row.exe_state = Some(state);
    match state {
        "deleted" => row.flags.push("exe_deleted"),
        "memfd" => row.flags.push("exe_memfd"),
        // Another name of it is left, or it is really called so.
        "present" if target::is_marked_deleted(exact) => row.flags.push("exe_marked_deleted"),
        _ => {}
    }
    if row.kernel_thread && row.exe.is_some() {
        row.flags.push("kernel_thread_with_exe");
    }
}

/// Judged by the file itself and not by the text of the link: any file may be called `x (deleted)`.
pub fn program_state(link: &RawLink, memory_device: Option<&str>) -> &'static str {
    let Some(exact) = link.exact() else {
        return if link.error.is_some() && !link.absent { "unreadable" } else { "none" };
    };
    let in_memory = memory_device.is_none_or(|device| link.dev.as_deref() == Some(device));
    match link.nlink {
        Some(0) if target::sort(exact) == Target::Memory && in_memory => "memfd",
        Some(0) => "deleted",
        Some(_) => "present",
        None => "unreadable",
    }
}

/// A descriptor's row.
pub fn descriptor<'l>(pid: u32, fd: u32, link: &'l RawLink) -> DescriptorRow<'l> {
    let sorted = link.exact().map(target::sort);
    let kind = match &sorted {
        Some(Target::Path) => kind_of_file(link),
        Some(Target::Memory) => {
            if link.nlink == Some(0) {
                "memfd"
            } else {
                kind_of_file(link)
            }
        }
        Some(Target::Socket(_)) => "socket",
        Some(Target::Pipe(_)) => "pipe",
        Some(Target::Anonymous(_)) => "anon_inode",
        Some(Target::Namespace(..)) => "namespace",
        Some(Target::Other) => "other",
        None => "unreadable",
    };
    let number = match sorted {
        Some(Target::Socket(number) | Target::Pipe(number) | Target::Namespace(_, number)) => Some(number),
        _ => link.ino,
    };
    DescriptorRow {
        dev: link.dev.as_deref(),
        fd,
        ino: number,
        kind,
        pid,
        size: link.size,
        target: link.target.as_deref(),
        target_b64: link.target_b64.as_ref(),
    }
}

fn kind_of_file(link: &RawLink) -> &'static str {
    let mode = link.mode.as_deref().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0);
    match mode & 0o170_000 {
        0o040_000 => "folder",
        0o020_000 | 0o060_000 => "device",
        0o010_000 => "fifo",
        0o140_000 => "socket",
        _ if link.nlink == Some(0) => "deleted",
        _ => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, target: &[u8], nlink: u64, dev: &str) -> RawLink {
        let stat = RawLink::leading(name.into(), target);
        RawLink {
            nlink: Some(nlink),
            dev: Some(dev.into()),
            mode: Some("100755".into()),
            ino: Some(5),
            ..stat
        }
    }

    #[test]
    fn a_program_is_judged_by_the_file_and_not_by_its_name() {
        let state = |target: &[u8], nlink, dev| program_state(&link("exe", target, nlink, dev), Some("0:1"));
        assert_eq!(state(b"/bin/sh", 1, "8:1"), "present");
        assert_eq!(state(b"/tmp/x (deleted)", 0, "8:1"), "deleted");
        assert_eq!(state(b"/tmp/named so (deleted)", 1, "8:1"), "present");
        assert_eq!(state(b"/memfd:x (deleted)", 0, "0:1"), "memfd");
        assert_eq!(state(b"/memfd:x (deleted)", 0, "8:1"), "deleted", "a file in / that was called so");
        let gone = RawLink { error: Some("x".into()), name: "exe".into(), ..RawLink::default() };
        assert_eq!(program_state(&gone, None), "unreadable");
        let mut row = ProcessRow::default();
        links(
            &mut row,
            &[link("exe", b"/tmp/named so (deleted)", 1, "8:1"), link("root", b"/jail", 2, "8:1")],
            None,
        );
        assert_eq!(row.flags, ["exe_marked_deleted", "root_differs"]);
        assert_eq!(row.root.as_deref(), Some("/jail"));
    }

    #[test]
    fn descriptors_are_sorted_by_what_they_are() {
        let kind = |target: &[u8], mode: &str, nlink| {
            let link = RawLink { mode: Some(mode.into()), ..link("3", target, nlink, "8:1") };
            descriptor(1, 3, &link).kind
        };
        assert_eq!(kind(b"/x", "100644", 1), "file");
        assert_eq!(kind(b"/x (deleted)", "100644", 0), "deleted");
        assert_eq!(kind(b"/x (deleted)", "100644", 1), "file");
        assert_eq!(kind(b"/dev/null", "020666", 1), "device");
        assert_eq!(kind(b"/", "040755", 9), "folder");
        assert_eq!(kind(b"/memfd:x (deleted)", "100777", 0), "memfd");
        let socket = RawLink::leading("4".into(), b"socket:[77]");
        let denied =
            RawLink { name: "5".into(), error: Some("Permission denied".into()), ..RawLink::default() };
        assert_eq!(descriptor(1, 5, &denied).kind, "unreadable");
        assert_eq!((descriptor(1, 4, &socket).kind, descriptor(1, 4, &socket).ino), ("socket", Some(77)));
    }

    #[test]
    fn arguments_are_kept_exactly_where_joining_them_loses_anything() {
        let mut row = ProcessRow::default();
        command(&mut row, b"ls\0-l\0", 100);
        assert_eq!((row.command.as_deref(), &row.command_b64), (Some("ls -l"), &None));
        for odd in [&b"sh\0-c\0a b\0"[..], b"x\0\0", b"x\xff\0", b"a\nb\0"] {
            let mut row = ProcessRow::default();
            command(&mut row, odd, 100);
            assert_eq!(row.command_b64, Some(Base64(odd.to_vec())));
        }
        let mut row = ProcessRow::default();
        command(&mut row, b"[kworker/0:1]\0", 5);
        assert!(row.command_cut && row.command.as_deref() == Some("[kwor"));
        command(&mut row, b"[kworker/0:1]\0", 100);
        assert_eq!(row.flags, ["looks_like_kernel_thread"]);
    }
}
