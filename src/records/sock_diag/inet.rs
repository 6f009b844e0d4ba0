//! inet_diag: the sockets of IP (linux/inet_diag.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::netlink::{Attribute, be16_at, u8_at, u32_at, u64_at};
use super::super::sockets::{BOUND_INACTIVE, CLOSE, End, INET, INET6, LISTEN, Protocol, Socket, Timer};
use super::{cookie, drops, each_attribute, later_u64};

/// Bytes of `struct inet_diag_msg`.
const HEADER: usize = 72;

const INFO: u16 = 2;
const CONGESTION: u16 = 4;
const TOS: u16 = 5;
const TRAFFIC_CLASS: u16 = 6;
const MEMINFO: u16 = 7;
const SHUTDOWN: u16 = 8;
const V6ONLY: u16 = 11;
const PEERS: u16 = 13;
const MARK: u16 = 15;
const CGROUP: u16 = 21;

/// What is asked for beyond the fixed part: bit N-1 for attribute N. The others come by themselves.
const EXTENSIONS: u8 = 1 << (INFO - 1)
    | 1 << (CONGESTION - 1)
    | 1 << (TOS - 1)
    | 1 << (TRAFFIC_CLASS - 1)
    | 1 << (MEMINFO - 1)
    | 1 << (SHUTDOWN - 1);

/// Attribute of the request that holds a protocol above 255.
const REQUEST_PROTOCOL: u16 = 3;

/// `struct inet_diag_req_v2`, for all states.
pub fn request(family: u8, protocol: Protocol) -> Vec<u8> {
    let (number, attribute) = match protocol {
        Protocol::Tcp => (6, None),
        Protocol::Udp => (17, None),
        Protocol::UdpLite => (136, None),
        Protocol::Raw => (255, None),
        // inet_diag has none for these; 1 is refused.
        Protocol::Ping => (1, None),
        Protocol::Sctp => (132, None),
        Protocol::Dccp => (33, None),
        // A kernel that does not know the attribute finds no protocol 0, and does not take the answer for TCP's.
        Protocol::Mptcp => (0, Some(262_u32)),
    };
    let mut body = vec![family, number, EXTENSIONS, 0];
    body.extend_from_slice(&u32::MAX.to_ne_bytes());
    // No address and port; the cookie is that of no socket.
    body.resize(8 + 40, 0);
    body.extend_from_slice(&[0xff; 8]);
    if let Some(number) = attribute {
        body.extend_from_slice(&8_u16.to_ne_bytes());
        body.extend_from_slice(&REQUEST_PROTOCOL.to_ne_bytes());
        body.extend_from_slice(&number.to_ne_bytes());
    }
    body
}

pub fn socket(protocol: Protocol, payload: &[u8]) -> Option<Socket> {
    let (family, state, timer, retransmits) =
        (u8_at(payload, 0)?, u8_at(payload, 1)?, u8_at(payload, 2)?, u8_at(payload, 3)?);
    let (local_port, remote_port) = (be16_at(payload, 4)?, be16_at(payload, 6)?);
    let (local, remote) = (address(family, payload, 8)?, address(family, payload, 24)?);
    let (receive, send) = (u32_at(payload, 56)?, u32_at(payload, 60)?);
    let expires_ms = u32_at(payload, 52)?;
    let is_raw = protocol == Protocol::Raw;
    let listens = state == LISTEN
        && matches!(protocol, Protocol::Tcp | Protocol::Mptcp | Protocol::Sctp | Protocol::Dccp);
    let mut socket = Socket {
        family,
        protocol: Some(protocol),
        // A raw socket's port is its protocol.
        protocol_number: is_raw.then_some(u32::from(local_port)),
        state: Some(state_of(protocol, state)),
        local: Some(End::Ip(local, if is_raw { 0 } else { local_port })),
        remote: (remote_port != 0 || !remote.is_unspecified())
            .then_some(End::Ip(remote, if is_raw { 0 } else { remote_port })),
        interface: u32_at(payload, 40).filter(|interface| *interface != 0),
        cookie: cookie(payload, 44),
        timer: (timer != 0).then_some(Timer { kind: timer, expires_ms, retransmits }),
        uid: u32_at(payload, 64),
        inode: u64::from(u32_at(payload, 68)?),
        ..Socket::default()
    };
    if listens {
        (socket.pending, socket.backlog) = (Some(receive), Some(send));
    } else {
        (socket.receive_queue, socket.send_queue) = (Some(receive), Some(send));
    }
    each_attribute(&mut socket, payload, HEADER, read);
    Some(socket)
}

/// A closed socket of TCP is in no table but that of bound ports (net/ipv4/inet_diag.c, `inet_diag_dump_icsk`): asked for
/// what is bound and inactive, the kernel answers with the socket's own state, which is TCP_CLOSE.
fn state_of(protocol: Protocol, state: u8) -> u8 {
    let has_bound_ports = matches!(protocol, Protocol::Tcp | Protocol::Dccp);
    if has_bound_ports && state == CLOSE { BOUND_INACTIVE } else { state }
}

fn address(family: u8, payload: &[u8], at: usize) -> Option<IpAddr> {
    let bytes = payload.get(at..)?;
    match family {
        INET => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        INET6 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into()),
        _ => None,
    }
}

fn read(socket: &mut Socket, attribute: Attribute<'_>) -> Option<()> {
    let value = attribute.value;
    match attribute.kind {
        INFO if matches!(socket.protocol, Some(Protocol::Tcp)) => {
            // struct tcp_info grew over the years: tcpi_bytes_acked and tcpi_bytes_received came with Linux 4.1.
            socket.bytes_acked = later_u64(value, 120);
            socket.bytes_received = later_u64(value, 128);
        }
        CONGESTION => socket.congestion = Some(until_nul(value).into()),
        TOS => socket.tos = Some(u8_at(value, 0)?),
        TRAFFIC_CLASS => socket.traffic_class = Some(u8_at(value, 0)?),
        MEMINFO => socket.drops = drops(value),
        SHUTDOWN => socket.shutdown = Some(u8_at(value, 0)?),
        V6ONLY => socket.v6only = Some(u8_at(value, 0)? != 0),
        // Only an association has other ends, and it has states of its own.
        PEERS => socket.sctp_state = socket.protocol == Some(Protocol::Sctp),
        MARK => socket.mark = Some(u32_at(value, 0)?),
        CGROUP => socket.cgroup = Some(u64_at(value, 0)?),
        _ => {}
    }
    Some(())
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
