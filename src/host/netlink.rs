//! Questions to the kernel over netlink(7), and its answers as the raw bytes that came. Reading only: nothing here
//! sets anything.
//!
//! An answer that was refused, interrupted, overrun or never ended says so; it never looks like an empty table.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::netns::{NetworkNamespace, within};
use super::{Host, READ_DEADLINE, Trouble};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::records::netlink::{DONE, DUMP, DUMP_INTERRUPTED, ERROR, Malformed, messages, request, u32_at};

/// How often a table is asked for again that changed while it was listed.
const ATTEMPTS: u32 = 5;

/// Bytes of one datagram at most; the kernel sends no more than 32 KiB in one, and more only if asked for more.
const DATAGRAM: usize = 256 << 10;

/// Bytes of one answer at most, where the asker sets no other limit: what a million sockets give.
pub const ANSWER_LIMIT: usize = 256 << 20;

/// The kernel's parts that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// Links, addresses, routes, rules, neighbours: rtnetlink(7).
    Route,
    /// Sockets: sock_diag(7).
    SockDiag,
    /// The audit subsystem.
    Audit,
    /// The packet filter: linux/netfilter/nfnetlink.h.
    Netfilter,
}

/// A socket to one of them, in one network namespace.
pub struct Netlink<'h> {
    host: &'h Host,
    subsystem: Subsystem,
    namespace: Option<&'h NetworkNamespace>,
    socket: RefCell<Arc<OwnedFd>>,
    inodes: RefCell<Vec<u64>>,
}

/// What came back for one question.
#[derive(Debug)]
pub struct Answer {
    /// The datagrams of the last attempt, as they came.
    pub datagrams: Vec<Vec<u8>>,
    /// How often the question was put.
    pub attempts: u32,
    /// How it ended.
    pub ending: Ending,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Done,
    /// At every attempt the table changed while it was listed.
    Interrupted,
    /// The kernel refused, or broke off, with this error.
    Refused(Errno),
    /// The kernel had more to say than we took in time.
    Overrun,
    /// It was longer than this many bytes, and no more is taken.
    TooLong(usize),
    /// No answer, or no end of it, within the deadline.
    Silent,
    /// Something that is no netlink message.
    Malformed,
}

impl Answer {
    /// Whether the whole table is here.
    pub fn is_whole(&self) -> bool {
        self.ending == Ending::Done
    }

    /// Whether this kernel does not know the question: no such protocol, table or family.
    pub fn is_unsupported(&self) -> bool {
        let errnos =
            [Errno::NOENT, Errno::OPNOTSUPP, Errno::PROTONOSUPPORT, Errno::AFNOSUPPORT, Errno::NOPROTOOPT];
        matches!(self.ending, Ending::Refused(errno) if errnos.contains(&errno))
    }

    /// Whether the kernel refused with this error.
    pub fn is_refused_with(&self, errno: Errno) -> bool {
        self.ending == Ending::Refused(errno)
    }

    /// The outcome and reason of what was `asked`; none if the whole table is here.
    pub fn verdict(&self, asked: &str) -> Option<(Outcome, Reason)> {
        let (outcome, code, words) = match &self.ending {
            Ending::Done => return None,
            Ending::Interrupted => (
                Outcome::Changed,
                ReasonCode::TableChanged,
                format!(
                    "the table changed each of the {} times it was listed; rows may be missing or doubled",
                    self.attempts
                ),
            ),
            Ending::Refused(Errno::PERM | Errno::ACCESS) => {
                (Outcome::Denied, ReasonCode::Permission, "the kernel refused: permission denied".into())
            }
            Ending::Refused(_) if self.is_unsupported() => {
                (Outcome::Inconclusive, ReasonCode::Unsupported, "this kernel offers no such table".into())
            }
            Ending::Refused(errno) => (
                Outcome::Failed,
                ReasonCode::IoError,
                format!("the kernel answered: {}", io::Error::from(*errno)),
            ),
            Ending::Overrun => (
                Outcome::Truncated,
                ReasonCode::OutputLimit,
                "the kernel had more to say than was taken in time; what came is kept".into(),
            ),
            Ending::TooLong(limit) => (
                Outcome::Truncated,
                ReasonCode::SizeLimit,
                format!(
                    "the answer is longer than the {limit} bytes that are taken; what came until then is kept"
                ),
            ),
            Ending::Silent => (
                Outcome::TimedOut,
                ReasonCode::Deadline,
                format!(
                    "no end of the answer within {} s; what came until then is kept",
                    READ_DEADLINE.as_secs()
                ),
            ),
            Ending::Malformed => (
                Outcome::Failed,
                ReasonCode::NotParsed,
                "the kernel's answer is no netlink message; what came is kept".into(),
            ),
        };
        Some((outcome, Reason::new(code, format!("{asked}: {words}"))))
    }
}

impl Host {
    /// A socket to `subsystem` in `namespace`, or in our own.
    pub fn netlink<'h>(
        &'h self,
        subsystem: Subsystem,
        namespace: Option<&'h NetworkNamespace>,
    ) -> Result<Netlink<'h>, Trouble> {
        let place = format!("netlink {subsystem:?}");
        if !self.is_live() {
            return Err(Trouble::Missing(place));
        }
        let socket = within(namespace, move || open(subsystem));
        let socket = socket.map_err(|errno| Trouble::from_errno(errno, place))?;
        let inodes = RefCell::new(inode(&socket).into_iter().collect());
        Ok(Netlink { host: self, subsystem, namespace, socket: RefCell::new(Arc::new(socket)), inodes })
    }
}

fn open(subsystem: Subsystem) -> Result<OwnedFd, Errno> {
    let protocol = match subsystem {
        // Its number is 0, which stands for none given.
        Subsystem::Route => None,
        Subsystem::SockDiag => Some(netlink::SOCK_DIAG),
        Subsystem::Audit => Some(netlink::AUDIT),
        Subsystem::Netfilter => Some(netlink::NETFILTER),
    };
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(READ_DEADLINE))?;
    // More room for what comes while we seal; a refusal leaves the default.
    let _ = sockopt::set_socket_recv_buffer_size(&socket, 1 << 20);
    Ok(socket)
}

impl Netlink<'_> {
    /// The inodes of our own sockets, which the kernel's tables of sockets list like any others.
    pub fn inodes(&self) -> Vec<u64> {
        self.inodes.borrow().clone()
    }

    /// The whole of a table. Asked again, up to five times, where it changed while it was listed.
    pub fn dump(&self, kind: u16, body: &[u8]) -> Answer {
        self.dump_up_to(kind, body, ANSWER_LIMIT)
    }

    /// The same, and of the answer no more than `limit` bytes and one datagram.
    pub fn dump_up_to(&self, kind: u16, body: &[u8], limit: usize) -> Answer {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut answer = self.ask_up_to(kind, DUMP, body, limit);
            answer.attempts = attempts;
            if answer.ending != Ending::Interrupted || attempts == ATTEMPTS {
                return answer;
            }
        }
    }

    /// One question with these flags; the answer ends with its last part, an error, or an acknowledgement, and for a
    /// question without `DUMP` or `ACKNOWLEDGE` with the first answer of its own kind.
    pub fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> Answer {
        self.ask_up_to(kind, flags, body, ANSWER_LIMIT)
    }

    fn ask_up_to(&self, kind: u16, flags: u16, body: &[u8], limit: usize) -> Answer {
        let (piece, pieces) = sync_channel(16);
        let sequence = self.host.next_question();
        let bytes = request(kind, flags, sequence, body);
        let socket = Arc::clone(&self.socket.borrow());
        let single = flags & (DUMP | crate::records::netlink::ACKNOWLEDGE) == 0;
        let mut answer = Answer { datagrams: Vec::new(), attempts: 1, ending: Ending::Silent };
        let started = self
            .host
            .patience()
            .start(move || converse(&socket, &bytes, sequence, single.then_some(kind), &piece));
        if started.is_ok() {
            self.gather(&pieces, &mut answer, limit);
        }
        let given_up = matches!(
            answer.ending,
            Ending::TooLong(_) | Ending::Silent | Ending::Overrun | Ending::Malformed
        );
        if given_up {
            self.begin_anew();
        }
        answer
    }

    /// A socket whose answer was given up is still being answered, and its kernel side refuses the next question as
    /// busy: that one must not cost the tables behind it.
    fn begin_anew(&self) {
        let subsystem = self.subsystem;
        let Ok(socket) = within(self.namespace, move || open(subsystem)) else { return };
        self.inodes.borrow_mut().extend(inode(&socket));
        self.socket.replace(Arc::new(socket));
    }

    fn gather(&self, pieces: &Receiver<Piece>, answer: &mut Answer, limit: usize) {
        let mut size = 0;
        loop {
            match self.host.patience().await_one(pieces) {
                Ok(Piece::Datagram(datagram)) => {
                    size += datagram.len();
                    answer.datagrams.push(datagram);
                    if size > limit {
                        answer.ending = Ending::TooLong(limit);
                        return;
                    }
                }
                Ok(Piece::Ended(ending)) => {
                    answer.ending = ending;
                    return;
                }
                Err(_) => return,
            }
        }
    }
}

fn inode(socket: &OwnedFd) -> Option<u64> {
    rustix::fs::fstat(socket).ok().map(|stat| stat.st_ino)
}

enum Piece {
    Datagram(Vec<u8>),
    Ended(Ending),
}

/// On a reader thread: a held lock in the kernel can keep a question waiting for ever.
fn converse(socket: &OwnedFd, request: &[u8], sequence: u32, single: Option<u16>, piece: &SyncSender<Piece>) {
    let ending = match rustix::net::sendto(socket, request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))
    {
        Ok(_) => listen(socket, sequence, single, piece),
        Err(errno) => Ending::Refused(errno),
    };
    let _ = piece.send(Piece::Ended(ending));
}

fn listen(socket: &OwnedFd, sequence: u32, single: Option<u16>, piece: &SyncSender<Piece>) -> Ending {
    let mut buffer = vec![0; DATAGRAM];
    let mut interrupted = false;
    loop {
        let (count, from) = match rustix::net::recvfrom(socket, buffer.as_mut_slice(), RecvFlags::TRUNC) {
            Ok((count, length, _)) if length > count => return Ending::TooLong(DATAGRAM),
            Ok((count, _, from)) => (count, from),
            Err(Errno::INTR) => continue,
            Err(Errno::NOBUFS) => return Ending::Overrun,
            Err(Errno::AGAIN) => return Ending::Silent,
            Err(errno) => return Ending::Refused(errno),
        };
        // Only the kernel has port 0; whatever else a process may send us is no answer.
        let of_kernel =
            from.and_then(|from| SocketAddrNetlink::try_from(from).ok()).is_some_and(|from| from.pid() == 0);
        if !of_kernel {
            continue;
        }
        let Some(datagram) = buffer.get(..count) else { return Ending::Malformed };
        let (ours, ended) = judge(datagram, sequence, single, &mut interrupted);
        if ours && piece.send(Piece::Datagram(datagram.to_vec())).is_err() {
            // Nobody listens any more.
            return Ending::Silent;
        }
        match ended {
            Some(Ending::Done) if interrupted => return Ending::Interrupted,
            Some(ending) => return ending,
            None => {}
        }
    }
}

/// Whether a datagram answers our question, and whether the answer ends with it. What is left of a question that was
/// given up is passed over.
fn judge(
    datagram: &[u8],
    sequence: u32,
    single: Option<u16>,
    interrupted: &mut bool,
) -> (bool, Option<Ending>) {
    let mut ours = false;
    for message in messages(datagram) {
        let Ok(message) = message else { return (true, Some(Ending::Malformed)) };
        if message.sequence != sequence {
            continue;
        }
        ours = true;
        *interrupted |= message.flags & DUMP_INTERRUPTED != 0;
        match message.kind {
            // An unsupported table may end with an error in DONE and none in ERROR (seen in sock_diag).
            DONE | ERROR => return (true, Some(end_of(message.payload, message.kind))),
            kind if Some(kind) == single => return (true, Some(Ending::Done)),
            _ => {}
        }
    }
    (ours, None)
}

fn end_of(payload: &[u8], kind: u16) -> Ending {
    let code = match u32_at(payload, 0).ok_or(Malformed) {
        Ok(code) => code.cast_signed(),
        Err(Malformed) if kind == DONE => 0,
        Err(Malformed) => return Ending::Malformed,
    };
    if code < 0 { Ending::Refused(Errno::from_raw_os_error(code.wrapping_neg())) } else { Ending::Done }
}

#[cfg(test)]
mod tests;
