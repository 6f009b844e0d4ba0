//! Sockets that processes hold and no table lists. Most are of families without a table, or were never bound; one that
//! ought to be listed, and is not when the tables are asked again, is hidden, or in a namespace that was not found.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rustix::io::Errno;

use super::answers::Answers;
use super::gather::{Gathered, Listed};
use crate::collector::run::Run;
use crate::custody::outcome::ReasonCode;
use crate::host::netlink::Subsystem;
use crate::host::netns::{NetworkScan, SocketDescriptor};
use crate::host::sockets::{Examination, Examined};
use crate::intake::Halt;
use crate::records::sock_diag::Question;
use crate::records::sockets::{End, NETLINK, PACKET, Protocol, UNIX, XDP, of_kernel_name};

/// Descriptors that one socket is looked at through: one of them may be closed meanwhile.
const DESCRIPTORS: usize = 3;

/// A socket that no table lists.
pub struct Unlisted {
    /// What its descriptor says.
    pub examined: Examined,
    /// A table ought to list it, and does not after a second look either.
    pub is_finding: bool,
}

impl Unlisted {
    /// The table that ought to list it, if there is one for its kind.
    pub fn question(&self) -> Option<Question> {
        question(&self.examined)
    }
}

/// What came of the search.
#[derive(Default)]
pub struct Search {
    /// What is still held and not listed.
    pub unlisted: Vec<Unlisted>,
    /// What a second look at the tables did list.
    pub late: Vec<Listed>,
    /// What could not be asked, so that nobody knows whether a table ought to list it; by why.
    pub unasked: Unasked,
}

/// Why sockets could not be asked, with their inodes.
pub type Unasked = BTreeMap<(ReasonCode, String), BTreeSet<u64>>;

/// Looks at what is held and not listed.
pub fn find(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    scan: &NetworkScan,
    gathered: &Gathered,
) -> Result<Search, Halt> {
    let mut unasked = Unasked::new();
    let examined = examine(run, &candidates(scan, &gathered.inodes()), &mut unasked);
    let suspects: BTreeMap<u64, Question> = examined
        .iter()
        .filter(|(_, examined)| ought_to_be_listed(examined))
        .filter_map(|(inode, examined)| Some((*inode, question(examined)?)))
        .filter(|(_, question)| is_whole_everywhere(gathered, *question))
        .collect();
    let late = if suspects.is_empty() { Vec::new() } else { ask_again(run, answers, scan, &suspects)? };
    let listed_now: HashSet<u64> = late.iter().map(|listed| listed.socket.inode).collect();
    // It may have been closed, or unbound, between the two looks.
    let left = suspects.keys().filter(|inode| !listed_now.contains(inode));
    let descriptors: Vec<SocketDescriptor> =
        left.filter_map(|inode| examined.get(inode)).map(|examined| examined.descriptor).collect();
    let again = examine(run, &descriptors, &mut unasked);
    let persisting: HashSet<u64> =
        again.into_iter().filter(|(_, again)| ought_to_be_listed(again)).map(|(inode, _)| inode).collect();
    let unlisted = examined
        .into_iter()
        .filter(|(inode, _)| !listed_now.contains(inode))
        .map(|(inode, examined)| Unlisted { examined, is_finding: persisting.contains(&inode) })
        .collect();
    Ok(Search { unlisted, late, unasked })
}

/// The descriptors, sorted by inode, of what is not listed.
fn candidates(scan: &NetworkScan, listed: &HashSet<u64>) -> Vec<SocketDescriptor> {
    let same_socket = scan.sockets.chunk_by(|one, other| one.inode == other.inode);
    let unlisted =
        same_socket.filter(|held| held.first().is_some_and(|first| !listed.contains(&first.inode)));
    unlisted.flat_map(|held| held.iter().take(DESCRIPTORS)).copied().collect()
}

/// Each socket through the descriptor that tells most of it.
fn examine(
    run: &Run<'_, '_>,
    descriptors: &[SocketDescriptor],
    unasked: &mut Unasked,
) -> BTreeMap<u64, Examined> {
    let Examination { examined, unseen } = run.host.examine_sockets(descriptors);
    let mut found: BTreeMap<u64, Examined> = BTreeMap::new();
    for examined in examined {
        let known = found.entry(examined.descriptor.inode).or_insert_with(|| examined.clone());
        if known.answers.is_err() && examined.answers.is_ok() {
            *known = examined;
        }
    }
    for (inode, examined) in &found {
        if let Some(errno) = unanswered(examined) {
            unasked.entry(reason(errno)).or_default().insert(*inode);
        }
    }
    for (descriptor, words) in unseen {
        if !found.contains_key(&descriptor.inode) {
            unasked.entry((ReasonCode::IoError, words)).or_default().insert(descriptor.inode);
        }
    }
    found
}

/// Why a socket was not asked, if that matters: the kinds that are listed from their making on need not be asked, and of
/// those without a table nothing can be missing.
fn unanswered(examined: &Examined) -> Option<Errno> {
    let errno = examined.answers.as_ref().err()?;
    let matters = match (&examined.protocol, question(examined)) {
        // Of what kind it is, the kernel did not tell either.
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(question)) => match question.protocol {
            Some(protocol) => !matches!(protocol, Protocol::Raw | Protocol::Sctp | Protocol::Mptcp),
            None => question.family == NETLINK,
        },
    };
    matters.then_some(*errno)
}

fn reason(errno: Errno) -> (ReasonCode, String) {
    let code = match errno {
        Errno::NOSYS | Errno::OPNOTSUPP => ReasonCode::Unsupported,
        Errno::PERM | Errno::ACCESS => ReasonCode::Permission,
        _ => ReasonCode::IoError,
    };
    (code, format!("pidfd_getfd: {}", std::io::Error::from(errno)))
}

fn question(examined: &Examined) -> Option<Question> {
    let (family, protocol) = of_kernel_name(examined.protocol.as_deref()?)?;
    Some(Question { family, protocol })
}

/// Whether the kernel keeps such a socket in its tables. UNIX, packet, raw and XDP sockets it does from the moment that
/// they are made; the others once they are bound or connected. Those of multipath TCP leave the table when the other end
/// does not speak it.
fn ought_to_be_listed(examined: &Examined) -> bool {
    let Some(question) = question(examined) else { return false };
    let answers = examined.answers.as_ref().ok();
    match question.protocol {
        None if [UNIX, PACKET, XDP].contains(&question.family) => true,
        Some(Protocol::Raw) => true,
        Some(Protocol::Tcp | Protocol::Dccp) => {
            answers.is_some_and(|answers| answers.listens || answers.remote.is_some())
        }
        Some(Protocol::Udp | Protocol::UdpLite | Protocol::Ping) => {
            answers.is_some_and(|answers| matches!(answers.local, Some(End::Ip(_, port)) if port != 0))
        }
        None if question.family == NETLINK => {
            answers.is_some_and(|answers| matches!(answers.local, Some(End::Port(port)) if port != 0))
        }
        _ => false,
    }
}

/// Where a table was not had whole, that something is not in it shows nothing.
fn is_whole_everywhere(gathered: &Gathered, question: Question) -> bool {
    gathered.asked.iter().all(|asked| {
        asked.trouble.is_none() && asked.dumps.iter().any(|dump| dump.question == question && dump.is_whole())
    })
}

/// Puts the questions again that ought to have listed the suspects; gives those that are listed now.
fn ask_again(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    scan: &NetworkScan,
    suspects: &BTreeMap<u64, Question>,
) -> Result<Vec<Listed>, Halt> {
    let questions: BTreeSet<Question> = suspects.values().copied().collect();
    let mut late = Vec::new();
    let host = run.host;
    for (index, namespace) in scan.namespaces.iter().enumerate() {
        // One that could not be entered the first time left no suspects.
        let Ok(netlink) = host.netlink(Subsystem::SockDiag, Some(namespace)) else { continue };
        for question in &questions {
            let each = |socket: crate::records::sockets::Socket| {
                if suspects.contains_key(&socket.inode) {
                    late.push(Listed { namespace: index, from_text: false, socket });
                }
            };
            answers.ask(run, namespace.inode, &netlink, *question, each)?;
        }
    }
    Ok(late)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sockets;

    fn examined(protocol: &str, answers: Option<sockets::Answers>) -> Examined {
        let descriptor = SocketDescriptor { inode: 1, pid: 1, fd: 1 };
        let protocol = Some(protocol.as_bytes().to_vec());
        Examined { descriptor, protocol, answers: answers.ok_or(Errno::NOSYS) }
    }

    fn said(listens: bool, port: Option<u16>, connected: bool) -> Option<sockets::Answers> {
        let end = |port| End::Ip("127.0.0.1".parse().unwrap(), port);
        Some(sockets::Answers { listens, local: port.map(end), remote: connected.then(|| end(9)) })
    }

    #[test]
    fn what_was_never_bound_is_nothing_to_find_and_what_is_in_use_is() {
        for (protocol, answers, wanted) in [
            ("UNIX", None, true),
            ("UNIX-STREAM", None, true),
            ("PACKET", None, true),
            ("RAWv6", None, true),
            ("TCP", None, false),
            ("TCP", said(false, Some(80), false), false),
            ("TCP", said(true, Some(80), false), true),
            ("TCPv6", said(false, Some(80), true), true),
            ("UDP", said(false, Some(0), false), false),
            ("UDP", said(false, Some(53), false), true),
            ("NETLINK", None, false),
            (
                "NETLINK",
                Some(sockets::Answers { listens: false, local: Some(End::Port(7)), remote: None }),
                true,
            ),
            ("MPTCP", said(false, Some(80), true), false),
            ("ALG", None, false),
        ] {
            assert_eq!(
                ought_to_be_listed(&examined(protocol, answers.clone())),
                wanted,
                "{protocol} {answers:?}"
            );
        }
    }

    #[test]
    fn what_could_not_be_asked_is_told_where_it_matters() {
        for (protocol, wanted) in [
            ("TCP", true),
            ("TCPv6", true),
            ("UDP", true),
            ("UDPLITEv6", true),
            ("PING", true),
            ("NETLINK", true),
            ("UNIX-STREAM", false),
            ("PACKET", false),
            ("RAW", false),
            ("AF_VSOCK", false),
            ("ALG", false),
        ] {
            assert_eq!(unanswered(&examined(protocol, None)).is_some(), wanted, "{protocol}");
        }
        assert_eq!(unanswered(&examined("TCP", said(true, Some(80), false))), None);
        let unknown = Examined { protocol: None, ..examined("", None) };
        assert_eq!(unanswered(&unknown), Some(Errno::NOSYS));
        let (code, words) = reason(Errno::NOSYS);
        assert_eq!((code, words.contains("not implemented")), (ReasonCode::Unsupported, true), "{words}");
    }

    #[test]
    fn a_socket_is_looked_at_through_a_few_of_its_descriptors() {
        let descriptor = |inode, fd| SocketDescriptor { inode, pid: 1, fd };
        let mut scan = NetworkScan { sockets: vec![descriptor(1, 1)], ..NetworkScan::default() };
        scan.sockets.extend((0..10).map(|fd| descriptor(2, fd)));
        let found = candidates(&scan, &HashSet::from([1]));
        assert_eq!(found, [descriptor(2, 0), descriptor(2, 1), descriptor(2, 2)]);
    }
}
