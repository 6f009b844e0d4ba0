//! Rows of the tables of sockets. The columns are frozen and stand in docs/tables.md; keys are sorted.

use std::borrow::Cow;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::custody::entry::Base64;

/// One process as the owners' capture has it: what its files in /proc held. Keys are sorted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProcessCapture {
    /// `cgroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_b64: Option<Base64>,
    /// `cmdline`: arguments, each with a NUL behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline_b64: Option<Base64>,
    /// It is longer than these 64 KiB.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cmdline_cut: bool,
    /// `comm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comm_b64: Option<Base64>,
    /// What could not be read of it, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where its `exe` leads. Of a process that holds no socket nothing else is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_b64: Option<Base64>,
    /// The file that `exe` leads to has no name any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exe_unlinked: bool,
    /// Its descriptors of sockets: number and inode.
    pub fds: Vec<(u32, u64)>,
    /// Its number.
    pub pid: u32,
    /// `stat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat: Option<String>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stat_b64: Option<Base64>,
    /// Descriptors of sockets in tables that threads have of their own: thread, number and inode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thread_fds: Vec<(u32, u32, u64)>,
    /// The line `Uid:` of its `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uids: Option<String>,
}

/// One descriptor that leads to a socket, with what is known of its process. Keys are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OwnerRow<'a> {
    /// Its control group in the unified hierarchy or systemd's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<&'a str>,
    /// What it was called with, at most 1024 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
    /// The command line is longer; the capture has more of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub command_cut: bool,
    /// Id or name of its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<&'a str>,
    /// What it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<&'a str>,
    /// The file that it runs has no name any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exe_deleted: bool,
    /// It runs from memory (memfd_create(2)) and never had a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exe_memfd: bool,
    /// The descriptor.
    pub fd: u32,
    /// What it calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Its number.
    pub pid: u32,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// When it started, in clock ticks since boot; with its number, this names it for certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ticks: Option<u64>,
    /// The thread that holds it, where that has a table of descriptors of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u32>,
    /// Effective user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'a str>,
}

/// One socket. Keys are sorted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SocketRow<'a> {
    /// Of a listening one: how many connections may wait to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u32>,
    /// Bytes that the other end has acknowledged since the connection was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_acked: Option<u64>,
    /// Bytes received since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<u64>,
    /// Number of the control group that it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_id: Option<u64>,
    /// It is this very program's: the one that asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub collector: bool,
    /// Congestion control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<String>,
    /// The kernel's number for it that is never used again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<u64>,
    /// Packets dropped for want of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
    /// `inet`, `inet6`, `unix`, …; or what the kernel calls the protocol, of a family without a table.
    pub family: &'a str,
    /// Device of the file that a UNIX socket is bound to, `major:minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_dev: Option<String>,
    /// Its inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_ino: Option<u32>,
    /// The classic BPF program of a packet socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_b64: Option<Base64>,
    /// Groups of netlink that it listens to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
    /// Inode in the file system of sockets; 0 if no descriptor leads to it any more.
    pub inode: u64,
    /// Number of the interface that it is bound to, or of the scope of its addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<u32>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_name: Option<&'a str>,
    /// Exactly, where the escaped one is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_name_b64: Option<&'a Base64>,
    /// Own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// Own machine, of vsock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_cid: Option<u32>,
    /// Own port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u32>,
    /// Some attribute had not the form that it should have; it stands in the capture alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub malformed: bool,
    /// SO_MARK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<u64>,
    /// It listens, and no descriptor was found that leads to it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub owner_unknown: bool,
    /// The descriptors that lead to it.
    pub owners: Vec<OwnerRow<'a>>,
    /// Name of a UNIX socket, escaped; abstract ones with an `@` in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Exactly; of an abstract one the first byte is a NUL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_b64: Option<Base64>,
    /// The UNIX socket at the other end, by inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_inode: Option<u32>,
    /// Of a listening one: connections that wait to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u32>,
    /// `tcp`, `udp`, …, or netlink's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'a str>,
    /// IP protocol of a raw socket, Ethernet protocol of a packet socket, netlink's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_number: Option<u32>,
    /// Bytes that wait to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_queue: Option<u32>,
    /// The other end's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Its machine, of vsock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_cid: Option<u32>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u32>,
    /// How often the timer's doing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u8>,
    /// Bytes that wait to be sent or acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_queue: Option<u32>,
    /// `read`, `write`, `both`: what is shut down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<&'a str>,
    /// The kernel's word, or its number where this version knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'a, str>>,
    /// What a running timer waits for; the kernel's number where this version knows no word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<Cow<'a, str>>,
    /// Milliseconds until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer_ms: Option<u32>,
    /// Type of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Traffic class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_class: Option<u8>,
    /// `stream`, `dgram`, `raw`, `seqpacket`, …
    #[serde(skip_serializing_if = "Option::is_none", rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    /// Owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Takes IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6only: Option<bool>,
    /// `sock_diag`, `proc` (the text in /proc/net) or `descriptor` (a process holds it, and no table lists it).
    pub via: &'static str,
}

/// One network namespace. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct NamespaceRow<'a> {
    /// How the second reader of TCP and UDP ended: `agrees`, `differs`, or why it could not be had. Our own one's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_view: Option<&'a str>,
    /// What was asked in it.
    pub dumps: Vec<DumpRow<'a>>,
    /// Processes outside that keep it open.
    pub held_by: Vec<HolderRow<'a>>,
    /// Kernel modules that were loaded while the kernel was asked, and are not on the list of before. Our own one's alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules_loaded: Vec<String>,
    /// Number.
    pub netns: u64,
    /// Whether it is the one that the collection ran in.
    pub own: bool,
    /// Where it is mounted, escaped.
    pub paths: Vec<String>,
    /// Exactly, where the escaped ones are not the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths_b64: Vec<Base64>,
    /// The processes in it.
    pub processes: Vec<HolderRow<'a>>,
    /// Threads in it whose process is in another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<ThreadRow>,
}

/// A thread that is in another network namespace than its process. Keys are sorted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ThreadRow {
    /// The process.
    pub pid: u32,
    /// The number of the thread.
    pub thread: u32,
}

/// A process in a namespace, or one that keeps it open. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct HolderRow<'a> {
    /// What it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<&'a str>,
    /// The descriptor that keeps it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// Number.
    pub pid: u32,
}

/// How one question ended. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct DumpRow<'a> {
    /// How often it was put.
    pub attempts: u32,
    /// Sockets that the kernel listed twice; the table has them once.
    #[serde(skip_serializing_if = "is_zero")]
    pub doubled: u64,
    /// What stands in for it, where the kernel has no such table: `/proc/net`, `descriptors`, `not registered`,
    /// `none counted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<&'a str>,
    /// The question.
    pub question: &'a str,
    /// `whole`, `unsupported`, or what went wrong.
    pub result: &'a str,
    /// Sockets that came.
    pub rows: u64,
    /// Messages or lines that could not be read; they stand in the capture.
    #[serde(skip_serializing_if = "is_zero")]
    pub unread: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Two views that disagree. Keys are sorted.
#[derive(Clone, Debug, Serialize)]
pub struct FindingRow<'a> {
    /// The socket, by inode.
    pub inode: u64,
    /// `unlisted_socket` or `views_disagree`.
    pub kind: &'static str,
    /// Who holds it.
    pub owners: Vec<OwnerRow<'a>>,
    /// What the kernel calls its protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'a str>,
    /// What each view says.
    pub views: Vec<ViewRow<'a>>,
    /// In words.
    pub words: &'a str,
}

/// What one view says. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewRow<'a> {
    /// What it says.
    pub says: String,
    /// Which one it is.
    pub view: &'a str,
}

#[cfg(test)]
mod tests;
