//! What is known of one socket, whichever view of the kernel's it came from, and the kernel's words for its numbers.

use std::net::IpAddr;

use super::netlink::{u16_at, u32_at};

/// Address family of UNIX sockets.
pub const UNIX: u8 = 1;
/// Address family of IPv4.
pub const INET: u8 = 2;
/// Address family of IPv6.
pub const INET6: u8 = 10;
/// Address family of netlink(7).
pub const NETLINK: u8 = 16;
/// Address family of packet(7).
pub const PACKET: u8 = 17;
/// Address family of vsock(7).
pub const VSOCK: u8 = 40;
/// Address family of AF_XDP.
pub const XDP: u8 = 44;

/// What a socket speaks, of the families that have more than one protocol in this program's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// tcp(7).
    Tcp,
    /// udp(7).
    Udp,
    /// udplite(7).
    UdpLite,
    /// raw(7); the IP protocol stands in [`Socket::protocol_number`].
    Raw,
    /// icmp(7) datagram sockets, called ping sockets.
    Ping,
    /// SCTP.
    Sctp,
    /// DCCP.
    Dccp,
    /// Multipath TCP.
    Mptcp,
}

impl Protocol {
    /// Its word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::UdpLite => "udplite",
            Protocol::Raw => "raw",
            Protocol::Ping => "ping",
            Protocol::Sctp => "sctp",
            Protocol::Dccp => "dccp",
            Protocol::Mptcp => "mptcp",
        }
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Address and port.
    Ip(IpAddr, u16),
    /// A number that is the address: netlink's port, of a process or of the kernel (0).
    Port(u32),
    /// Machine and port of vsock(7).
    Machine(u32, u32),
}

/// A timer of a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it waits for, by the kernel's number; see [`timer_word`].
    pub kind: u8,
    /// Milliseconds until then; from /proc/net, clock ticks of ten milliseconds as milliseconds.
    pub expires_ms: u32,
    /// How often has been sent again, or asked.
    pub retransmits: u8,
}

/// One socket. What its view does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// Address family, by number.
    pub family: u8,
    /// What it speaks, in the families of IP.
    pub protocol: Option<Protocol>,
    /// IP protocol of a raw socket, Ethernet protocol of a packet socket, netlink protocol.
    pub protocol_number: Option<u32>,
    /// SOCK_STREAM and so on, by number.
    pub kind: Option<u8>,
    /// The kernel's number of its state; see [`state_word`].
    pub state: Option<u8>,
    /// Whether that number is SCTP's own.
    pub sctp_state: bool,
    /// Its own end.
    pub local: Option<End>,
    /// The other end; absent if there is none.
    pub remote: Option<End>,
    /// Number of the interface that it is bound to, or the scope of its addresses.
    pub interface: Option<u32>,
    /// Its own number in the file system of sockets; 0 if no descriptor leads to it (any more).
    pub inode: u64,
    /// The kernel's number for it that is never used again.
    pub cookie: Option<u64>,
    /// Owner.
    pub uid: Option<u32>,
    /// Bytes not read yet.
    pub receive_queue: Option<u32>,
    /// Bytes not sent, or not acknowledged yet.
    pub send_queue: Option<u32>,
    /// Of a listening one: connections that wait to be accepted.
    pub pending: Option<u32>,
    /// Of a listening one: how many may wait.
    pub backlog: Option<u32>,
    /// A timer that runs.
    pub timer: Option<Timer>,
    /// Bit 0: reads no more; bit 1: sends no more.
    pub shutdown: Option<u8>,
    /// Name of the congestion control.
    pub congestion: Option<Box<[u8]>>,
    /// Type of service of IPv4.
    pub tos: Option<u8>,
    /// Traffic class of IPv6.
    pub traffic_class: Option<u8>,
    /// Takes IPv6 only.
    pub v6only: Option<bool>,
    /// SO_MARK.
    pub mark: Option<u32>,
    /// Number of the control group that made it.
    pub cgroup: Option<u64>,
    /// Bytes that the other end has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes received in order.
    pub bytes_received: Option<u64>,
    /// Packets dropped for want of memory.
    pub drops: Option<u32>,
    /// Name of a UNIX socket: a path, or a NUL and an abstract name.
    pub name: Option<Box<[u8]>>,
    /// Device and inode of the file that a UNIX socket is bound to.
    pub file: Option<(u32, u32)>,
    /// The UNIX socket at the other end, by its inode.
    pub peer: Option<u32>,
    /// Groups of netlink that it listens to, as the kernel's bit map.
    pub groups: Option<Box<[u8]>>,
    /// The classic BPF program of a packet socket, eight bytes an instruction.
    pub filter: Option<Box<[u8]>>,
    /// Some attribute of it had not the form that it should have, and stands in the capture alone.
    pub malformed: bool,
}

impl Socket {
    /// Whether it waits for connections.
    pub fn listens(&self) -> bool {
        self.state == Some(LISTEN) && !self.sctp_state
    }
}

/// TCP_LISTEN.
pub const LISTEN: u8 = 10;
/// TCP_CLOSE: neither connected nor listening.
pub const CLOSE: u8 = 7;
/// TCP_BOUND_INACTIVE: bound to a port, and neither connected nor listening. The kernel knows it as a state to ask for,
/// since Linux 6.8; what it answers says [`CLOSE`].
pub const BOUND_INACTIVE: u8 = 13;

/// States of TCP (include/net/tcp_states.h), which UDP, UNIX, vsock and DCCP share.
const STATES: [&str; 13] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
    "BOUND_INACTIVE",
];

/// States of an SCTP association (include/net/sctp/constants.h).
const SCTP_STATES: [&str; 8] = [
    "CLOSED",
    "COOKIE_WAIT",
    "COOKIE_ECHOED",
    "ESTABLISHED",
    "SHUTDOWN_PENDING",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECEIVED",
    "SHUTDOWN_ACK_SENT",
];

/// The word for a socket's state; none for a number that this version does not know.
pub fn state_word(socket: &Socket) -> Option<&'static str> {
    let state = usize::from(socket.state?);
    match socket.family {
        // Numbers of its own, and TCP_CLOSE as long as it was never connected.
        NETLINK => match state {
            0 | 7 => Some("UNCONNECTED"),
            1 => Some("CONNECTED"),
            _ => None,
        },
        _ if socket.sctp_state => SCTP_STATES.get(state).copied(),
        _ => STATES.get(state.checked_sub(1)?).copied(),
    }
}

/// The word for a family; none for one without a table of its own.
pub fn family_word(family: u8) -> Option<&'static str> {
    match family {
        UNIX => Some("unix"),
        INET => Some("inet"),
        INET6 => Some("inet6"),
        NETLINK => Some("netlink"),
        PACKET => Some("packet"),
        VSOCK => Some("vsock"),
        XDP => Some("xdp"),
        _ => None,
    }
}

/// The word for a type (socket(2)).
pub fn kind_word(kind: u8) -> Option<&'static str> {
    let words =
        [None, Some("stream"), Some("dgram"), Some("raw"), Some("rdm"), Some("seqpacket"), Some("dccp")];
    let packet = (kind == 10).then_some("packet");
    words.get(usize::from(kind)).copied().flatten().or(packet)
}

/// The word for a timer (`tcp_get_info`, inet_diag): none for a number that this version does not know.
pub fn timer_word(kind: u8) -> Option<&'static str> {
    [None, Some("retransmit"), Some("keepalive"), Some("time_wait"), Some("zero_window")]
        .get(usize::from(kind))
        .copied()
        .flatten()
}

/// The word for a netlink protocol (linux/netlink.h).
pub fn netlink_word(protocol: u32) -> Option<&'static str> {
    Some(match protocol {
        0 => "route",
        2 => "usersock",
        3 => "firewall",
        4 => "sock_diag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        8 => "iscsi",
        9 => "audit",
        10 => "fib_lookup",
        11 => "connector",
        12 => "netfilter",
        13 => "ip6_fw",
        14 => "dnrtmsg",
        15 => "kobject_uevent",
        16 => "generic",
        18 => "scsitransport",
        19 => "ecryptfs",
        20 => "rdma",
        21 => "crypto",
        22 => "smc",
        _ => return None,
    })
}

/// The groups in netlink's bit map: bit 0 is group 1.
pub fn groups(bits: &[u8]) -> Vec<u32> {
    // Words of the machine's own order.
    let words = bits.chunks_exact(4).filter_map(|word| Some(u32::from_ne_bytes(*word.first_chunk()?)));
    let numbered = (0_u32..).zip(words);
    numbered
        .flat_map(|(at, word)| {
            (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 32 + bit + 1)
        })
        .collect()
}

/// The end that an address of vsock(7) tells (`struct sockaddr_vm` of linux/vm_sockets.h: family, nothing, port, machine).
/// None where it was not bound: both numbers are `VMADDR_…_ANY` then.
pub fn vsock_end(address: &[u8]) -> Option<End> {
    const ANY: u32 = u32::MAX;
    let (port, machine) = (u32_at(address, 4)?, u32_at(address, 8)?);
    let is_one = u16_at(address, 0)? == u16::from(VSOCK) && (port, machine) != (ANY, ANY);
    is_one.then_some(End::Machine(machine, port))
}

/// What the kernel calls the protocol of a socket (`system.sockprotoname`, the first column of /proc/net/protocols):
/// its family, and what it speaks in the families of IP. None for a family without a table of its own.
pub fn of_kernel_name(name: &[u8]) -> Option<(u8, Option<Protocol>)> {
    let protocol = |family, protocol| Some((family, Some(protocol)));
    match name {
        b"TCP" => protocol(INET, Protocol::Tcp),
        b"TCPv6" => protocol(INET6, Protocol::Tcp),
        b"UDP" => protocol(INET, Protocol::Udp),
        b"UDPv6" => protocol(INET6, Protocol::Udp),
        b"UDP-Lite" => protocol(INET, Protocol::UdpLite),
        b"UDPLITEv6" => protocol(INET6, Protocol::UdpLite),
        b"RAW" => protocol(INET, Protocol::Raw),
        b"RAWv6" => protocol(INET6, Protocol::Raw),
        b"PING" => protocol(INET, Protocol::Ping),
        b"PINGv6" => protocol(INET6, Protocol::Ping),
        b"SCTP" => protocol(INET, Protocol::Sctp),
        b"SCTPv6" => protocol(INET6, Protocol::Sctp),
        b"DCCP" => protocol(INET, Protocol::Dccp),
        b"DCCPv6" => protocol(INET6, Protocol::Dccp),
        b"MPTCP" => protocol(INET, Protocol::Mptcp),
        b"MPTCPv6" => protocol(INET6, Protocol::Mptcp),
        b"UNIX" | b"UNIX-STREAM" => Some((UNIX, None)),
        b"PACKET" => Some((PACKET, None)),
        b"NETLINK" => Some((NETLINK, None)),
        b"AF_VSOCK" => Some((VSOCK, None)),
        b"XDP" => Some((XDP, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_have_the_kernel_s_words_and_unknown_ones_none() {
        let word = |family, state| state_word(&Socket { family, state: Some(state), ..Socket::default() });
        assert_eq!((word(INET, 1), word(INET, 12)), (Some("ESTABLISHED"), Some("NEW_SYN_RECV")));
        assert_eq!((word(INET6, 13), word(UNIX, 10)), (Some("BOUND_INACTIVE"), Some("LISTEN")));
        assert_eq!((word(INET, 0), word(INET, 14), word(INET, 255)), (None, None, None));
        assert_eq!(
            (word(NETLINK, 0), word(NETLINK, 1), word(NETLINK, 2)),
            (Some("UNCONNECTED"), Some("CONNECTED"), None)
        );
        let association = Socket { state: Some(3), sctp_state: true, ..Socket::default() };
        assert_eq!(state_word(&association), Some("ESTABLISHED"));
        assert_eq!(
            (kind_word(1), kind_word(5), kind_word(10), kind_word(0)),
            (Some("stream"), Some("seqpacket"), Some("packet"), None)
        );
    }

    // As getsockname(2) gave them in Linux 6.18, of a socket that listens at port 4501 of any machine, and of a new one.
    #[test]
    #[cfg(target_endian = "little")]
    fn an_address_of_vsock_has_a_machine_and_a_port() {
        let listens = [40, 0, 0, 0, 0x95, 0x11, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(vsock_end(&listens), Some(End::Machine(u32::MAX, 4501)));
        let new = [40, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(vsock_end(&new), None);
        for length in 0..12 {
            assert_eq!(vsock_end(&listens[..length]), None);
        }
        assert_eq!(vsock_end(&[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]), None, "of another family");
    }

    #[test]
    fn groups_are_numbered_from_one() {
        assert_eq!(groups(&[5_u32.to_ne_bytes(), 1_u32.to_ne_bytes()].concat()), [1, 3, 33]);
        assert!(groups(&[]).is_empty() && groups(&[1, 2]).is_empty());
    }
}
