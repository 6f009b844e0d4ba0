//! sock_diag(7): the questions for each kind of socket, and the sockets in the answers. The layouts are of the kernel's
//! headers linux/inet_diag.h, unix_diag.h, packet_diag.h, netlink_diag.h, vm_sockets_diag.h and xdp_diag.h.

mod inet;
mod others;

use super::netlink::{Attribute, Malformed, attributes, messages, u32_at, u64_at};
use super::sockets::{INET, INET6, NETLINK, PACKET, Protocol, Socket, UNIX, VSOCK, XDP};

/// Type of the questions and of the answers.
pub const BY_FAMILY: u16 = 20;

/// One question: all sockets of one family and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// Address family.
    pub family: u8,
    /// Protocol, in the families of IP.
    pub protocol: Option<Protocol>,
}

/// The protocols that inet_diag may know. Ping sockets it does not.
const INET_PROTOCOLS: [Protocol; 7] = [
    Protocol::Tcp,
    Protocol::Udp,
    Protocol::UdpLite,
    Protocol::Raw,
    Protocol::Sctp,
    Protocol::Dccp,
    Protocol::Mptcp,
];

/// All questions, the most short-lived sockets first.
pub fn questions() -> Vec<Question> {
    let families = [INET, INET6];
    let inet = INET_PROTOCOLS.into_iter().flat_map(|protocol| {
        families.into_iter().map(move |family| Question { family, protocol: Some(protocol) })
    });
    let others =
        [UNIX, PACKET, NETLINK, VSOCK, XDP].into_iter().map(|family| Question { family, protocol: None });
    inet.chain(others).collect()
}

impl Question {
    /// Its name in captures and tables: `inet_diag tcp inet6`, `unix_diag`.
    pub fn name(&self) -> String {
        match (self.protocol, self.family) {
            (Some(protocol), INET6) => format!("inet_diag {} inet6", protocol.word()),
            (Some(protocol), _) => format!("inet_diag {} inet", protocol.word()),
            (None, UNIX) => "unix_diag".into(),
            (None, PACKET) => "packet_diag".into(),
            (None, NETLINK) => "netlink_diag".into(),
            (None, VSOCK) => "vsock_diag".into(),
            (None, _) => "xdp_diag".into(),
        }
    }

    /// What the kernel calls the protocol in /proc/net/protocols.
    pub fn kernel_name(&self) -> &'static str {
        match (self.protocol, self.family) {
            (Some(Protocol::Tcp), INET) => "TCP",
            (Some(Protocol::Tcp), _) => "TCPv6",
            (Some(Protocol::Udp), INET) => "UDP",
            (Some(Protocol::Udp), _) => "UDPv6",
            (Some(Protocol::UdpLite), INET) => "UDP-Lite",
            (Some(Protocol::UdpLite), _) => "UDPLITEv6",
            (Some(Protocol::Raw), INET) => "RAW",
            (Some(Protocol::Raw), _) => "RAWv6",
            (Some(Protocol::Ping), INET) => "PING",
            (Some(Protocol::Ping), _) => "PINGv6",
            (Some(Protocol::Sctp), INET) => "SCTP",
            (Some(Protocol::Sctp), _) => "SCTPv6",
            (Some(Protocol::Dccp), INET) => "DCCP",
            (Some(Protocol::Dccp), _) => "DCCPv6",
            (Some(Protocol::Mptcp), INET) => "MPTCP",
            (Some(Protocol::Mptcp), _) => "MPTCPv6",
            (None, UNIX) => "UNIX",
            (None, PACKET) => "PACKET",
            (None, NETLINK) => "NETLINK",
            (None, VSOCK) => "AF_VSOCK",
            (None, _) => "XDP",
        }
    }

    /// The file of /proc/net that lists the same sockets; none if there is none.
    pub fn text(&self) -> Option<&'static str> {
        Some(match (self.protocol, self.family) {
            (Some(Protocol::Tcp), INET) => "tcp",
            (Some(Protocol::Tcp), _) => "tcp6",
            (Some(Protocol::Udp), INET) => "udp",
            (Some(Protocol::Udp), _) => "udp6",
            (Some(Protocol::UdpLite), INET) => "udplite",
            (Some(Protocol::UdpLite), _) => "udplite6",
            (Some(Protocol::Raw), INET) => "raw",
            (Some(Protocol::Raw), _) => "raw6",
            (Some(Protocol::Ping), INET) => "icmp",
            (Some(Protocol::Ping), _) => "icmp6",
            (None, UNIX) => "unix",
            (None, PACKET) => "packet",
            (None, NETLINK) => "netlink",
            _ => return None,
        })
    }

    /// The body of the request, without netlink's header.
    pub fn body(&self) -> Vec<u8> {
        match self.protocol {
            Some(protocol) => inet::request(self.family, protocol),
            None => others::request(self.family),
        }
    }

    /// The sockets in one datagram of the answer. A message that cannot be read at all is an error, and costs itself
    /// alone; one with a malformed attribute gives a socket that says so.
    pub fn sockets<'d>(&self, datagram: &'d [u8]) -> impl Iterator<Item = Result<Socket, Malformed>> + 'd {
        let question = *self;
        messages(datagram).filter_map(move |message| match message {
            Ok(message) if message.kind == BY_FAMILY => {
                Some(question.socket(message.payload).ok_or(Malformed))
            }
            Ok(_) => None,
            Err(Malformed) => Some(Err(Malformed)),
        })
    }

    fn socket(&self, payload: &[u8]) -> Option<Socket> {
        match self.protocol {
            Some(protocol) => inet::socket(protocol, payload),
            None => others::socket(self.family, payload),
        }
    }
}

/// Applies `read` to each attribute behind the first `header` bytes; it says whether it could read it.
fn each_attribute(
    socket: &mut Socket,
    payload: &[u8],
    header: usize,
    read: impl Fn(&mut Socket, Attribute<'_>) -> Option<()>,
) {
    for attribute in attributes(payload.get(header..).unwrap_or_default()) {
        let done = attribute.ok().and_then(|attribute| read(socket, attribute));
        socket.malformed |= done.is_none();
    }
}

/// Two words, the lower first, whatever the machine's order; all ones stand for none.
fn cookie(payload: &[u8], at: usize) -> Option<u64> {
    let (low, high) = (u32_at(payload, at)?, u32_at(payload, at + 4)?);
    let cookie = u64::from(high) << 32 | u64::from(low);
    (cookie != u64::MAX).then_some(cookie)
}

/// Packets dropped, of the array that SO_MEMINFO gives (linux/sock_diag.h, SK_MEMINFO_DROPS).
fn drops(meminfo: &[u8]) -> Option<u32> {
    u32_at(meminfo, 8 * 4)
}

/// A number of eight bytes that is not there on older kernels.
fn later_u64(bytes: &[u8], at: usize) -> Option<u64> {
    u64_at(bytes, at)
}

#[cfg(test)]
mod tests;
