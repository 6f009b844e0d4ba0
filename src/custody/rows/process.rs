//! Tables of processes. Keys are sorted, what is not known is absent, and `docs/tables.md` explains each column.

pub mod raw;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::digest::Digest;
use crate::custody::entry::{Base64, FileStat};

/// What has nothing to say and is left out of a row.
trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Absent for BTreeMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

/// Numbers and words that every row has.
macro_rules! always_there {
    ($($kind:ty),*) => {
        $(impl Absent for $kind {
            fn is_absent(&self) -> bool {
                false
            }
        })*
    };
}

always_there!(u32, u64, &str, String);

/// Declares a row whose empty columns are left out.
macro_rules! row {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])+ $column:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct $name {
            $($(#[$meaning])+ #[serde(skip_serializing_if = "Absent::is_absent")] pub $column: $kind,)*
        }
    };
}

row! {
    /// One process.
    ProcessRow {
        /// The audit system's number of the login.
        audit_session: Option<u32>,
        /// Capability sets.
        capabilities: Option<Capabilities>,
        /// Its control group: of version 2, else systemd's, else the first.
        cgroup: Option<String>,
        /// Exactly.
        cgroup_b64: Option<Base64>,
        /// The name that it has given itself.
        comm: Option<String>,
        /// Exactly.
        comm_b64: Option<Base64>,
        /// Its arguments, joined by blanks.
        command: Option<String>,
        /// `cmdline` exactly, arguments apart by NUL, where joining or escaping changed anything else.
        command_b64: Option<Base64>,
        /// The command is longer than what this table keeps; the whole is in the capture.
        command_cut: bool,
        /// The container that it runs in.
        container: Option<String>,
        /// Clock ticks (1/100 s) that the kernel spent for it.
        cpu_system_ticks: Option<u64>,
        /// Clock ticks (1/100 s) spent in its own code.
        cpu_user_ticks: Option<u64>,
        /// Its working folder.
        cwd: Option<String>,
        /// Exactly.
        cwd_b64: Option<Base64>,
        /// Open descriptors.
        descriptors: Option<u64>,
        /// Effective group.
        egid: Option<u64>,
        /// Effective user.
        euid: Option<u64>,
        /// Its program, as the kernel tells it.
        exe: Option<String>,
        /// Exactly.
        exe_b64: Option<Base64>,
        /// Device of the program, `major:minor`.
        exe_dev: Option<String>,
        /// Inode of the program.
        exe_ino: Option<u64>,
        /// `present`, `deleted`, `memfd`, `none`, `unreadable`.
        exe_state: Option<&'static str>,
        /// What is odd about it.
        flags: Vec<&'static str>,
        /// Group for files.
        fsgid: Option<u64>,
        /// User for files.
        fsuid: Option<u64>,
        /// Real group.
        gid: Option<u64>,
        /// Further groups, the first 1,024.
        groups: Vec<u64>,
        /// What it has read and written.
        io: Option<IoCounts>,
        /// It runs in the kernel and has no program.
        kernel_thread: bool,
        /// The limits that matter.
        limits: BTreeMap<&'static str, LimitPair>,
        /// Who had logged in.
        login_uid: Option<u32>,
        /// What is in its memory.
        maps: Option<MapsSummary>,
        /// Namespaces, by kind.
        namespaces: BTreeMap<&'static str, u64>,
        /// It and its children can never gain privileges: 1.
        no_new_privs: Option<u64>,
        /// How gladly the kernel would end it for want of memory: -1000 to 1000.
        oom_score_adj: Option<i64>,
        /// Its parent, that one's parent, and so on.
        parents: Vec<Parent>,
        /// Process group.
        pgrp: Option<i32>,
        /// Its number.
        pid: u32,
        /// Its number in each pid namespace, ours first, where it is in another.
        pids_inside: Vec<u64>,
        /// Its parent's number.
        ppid: Option<i32>,
        /// Its root folder, if it is not `/`.
        root: Option<String>,
        /// Exactly.
        root_b64: Option<Base64>,
        /// Bytes of it that are in memory.
        rss_bytes: Option<u64>,
        /// Filter of system calls: 0 none, 1 strict, 2 filters.
        seccomp: Option<u64>,
        /// How many filters.
        seccomp_filters: Option<u64>,
        /// Session.
        session: Option<i32>,
        /// Saved group.
        sgid: Option<u64>,
        /// When it started, by the clock of now; to 10 ms.
        start: Option<Timestamp>,
        /// When it started, in clock ticks (1/100 s) since boot.
        start_ticks: Option<u64>,
        /// `R`, `S`, `D`, `T`, `Z`, …
        state: Option<String>,
        /// Saved user.
        suid: Option<u64>,
        /// When it was read, in nanoseconds since boot.
        taken_boottime_ns: u64,
        /// The process that this is a thread of, where it is one.
        tgid: Option<u64>,
        /// The different names of its threads, the first sixteen.
        thread_names: Vec<String>,
        /// Threads.
        threads: Option<u64>,
        /// The process that traces it.
        tracer: Option<u64>,
        /// Its terminal's device, `major:minor`.
        tty: Option<String>,
        /// Its terminal's name below /dev.
        tty_name: Option<String>,
        /// Real user.
        uid: Option<u64>,
        /// Its systemd unit.
        unit: Option<String>,
        /// What of it could not be read, and why.
        unread: BTreeMap<&'static str, String>,
        /// It was listed, and ended before it was read, or while it was.
        vanished: bool,
        /// Size of its address space.
        vsz_bytes: Option<u64>,
    }
}

row! {
    /// Capability sets (capabilities(7)), hexadecimal.
    Capabilities {
        /// Kept over an exec of a plain program.
        ambient: Option<String>,
        /// The most that it can ever have.
        bounding: Option<String>,
        /// What it may do now.
        effective: Option<String>,
        /// What a program may inherit.
        inheritable: Option<String>,
        /// What it may take.
        permitted: Option<String>,
    }
}

row! {
    /// What a process has read and written, in bytes (proc_pid_io(5)).
    IoCounts {
        /// From storage.
        read_bytes: Option<u64>,
        /// By read(2) and the like, from anywhere.
        read_chars: Option<u64>,
        /// To storage.
        write_bytes: Option<u64>,
        /// By write(2) and the like, to anywhere.
        write_chars: Option<u64>,
    }
}

row! {
    /// A limit; what is absent is unlimited.
    LimitPair {
        /// How far the process may raise it.
        hard: Option<u64>,
        /// What holds now.
        soft: Option<u64>,
    }
}

row! {
    /// Mappings that may be run, summed up.
    MapsSummary {
        /// Belong to no file.
        executable_anonymous: u64,
        /// Of files whose name is gone.
        executable_deleted: u64,
        /// Files, each counted once.
        executable_files: u64,
        /// Of files that never had a path.
        executable_memfd: u64,
        /// All mappings.
        mappings: u64,
        /// Lines that could not be read.
        unread: u64,
        /// The names of those that are deleted or never had a path, the first sixteen.
        without_name: Vec<String>,
        /// Can be written too.
        writable_executable: u64,
    }
}

row! {
    /// An ancestor.
    Parent {
        /// The name that it has given itself.
        comm: Option<String>,
        /// Its number.
        pid: u32,
    }
}

row! {
    /// A process that one view shows and another does not.
    FindingRow {
        /// What is odd, as a word: `not_listed`, `covered`, `does_not_open`.
        finding: &'static str,
        /// The process.
        pid: u32,
        /// Whether /proc answers when it is asked for it by its number.
        reachable: bool,
        /// The views that show it.
        seen_in: Vec<String>,
    }
}

row! {
    /// One program, or one other file that may be run, as processes have it open.
    ExecutableRow {
        /// How it is used: `exe`, or `mapping`.
        kind: &'static str,
        /// The member that holds its bytes.
        member: Option<String>,
        /// Its path as the kernel tells it.
        path: String,
        /// Exactly, where the escaped one is not the same.
        path_b64: Option<Base64>,
        /// The processes, ascending, the first thousand.
        pids: Vec<u32>,
        /// How many processes.
        processes: u64,
        /// SHA-256 of its bytes.
        sha256: Option<Digest>,
        /// Why there is none.
        sha256_missing: Option<&'static str>,
        /// Its metadata.
        stat: Option<FileStat>,
        /// `present`, `deleted`, `memfd`.
        state: &'static str,
    }
}

/// One descriptor.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DescriptorRow<'a> {
    /// Device of the file, `major:minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<&'a str>,
    /// Its number.
    pub fd: u32,
    /// Inode of the file, socket, pipe or namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ino: Option<u64>,
    /// `file`, `folder`, `deleted`, `memfd`, `socket`, `pipe`, `fifo`, `device`, `anon_inode`, `namespace`, `other`.
    pub kind: &'static str,
    /// The process.
    pub pid: u32,
    /// Size of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it leads, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_b64: Option<&'a Base64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::json;

    /// The columns stand in the source as they are declared, which is the order in which they are written.
    #[test]
    fn columns_are_declared_sorted() {
        let source = include_str!("process.rs").split("#[cfg(test)]").next().unwrap();
        let mut rows = 0;
        for row in source.split("\nrow! {").skip(1).chain(source.split("pub struct DescriptorRow").skip(1)) {
            let body = row.split("\n}").next().unwrap();
            let column = |line: &str| {
                let line = line.trim().trim_start_matches("pub ").to_owned();
                let (name, _) = line.split_once(": ")?;
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
                    .then(|| name.to_owned())
            };
            let columns: Vec<String> =
                body.lines().filter(|line| line.ends_with(',')).filter_map(column).collect();
            assert!(columns.len() >= 2 && columns.is_sorted(), "{columns:?}");
            rows += 1;
        }
        assert_eq!(rows, 9);
    }

    #[test]
    fn a_row_is_written_as_with_sorted_keys_and_without_what_it_lacks() {
        let row = ProcessRow {
            capabilities: Some(Capabilities { bounding: Some("1".into()), ..Capabilities::default() }),
            comm: Some("x".into()),
            command_cut: true,
            limits: BTreeMap::from([("core", LimitPair { hard: None, soft: Some(0) })]),
            maps: Some(MapsSummary::default()),
            parents: vec![Parent { comm: None, pid: 1 }],
            pid: 7,
            start: Some(Timestamp::from_unix(0, 0)),
            ..ProcessRow::default()
        };
        let mut bytes = Vec::new();
        json::row(&mut bytes, &row).unwrap();
        assert_eq!(bytes, json::line(&row).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains("\"pid\":7") && !text.contains("kernel_thread") && !text.contains("null"),
            "{text}"
        );
        let exact = Base64(b"\xff".to_vec());
        json::assert_keys_sorted(&DescriptorRow {
            target: Some("\\xff"),
            target_b64: Some(&exact),
            ..DescriptorRow::default()
        });
    }
}
