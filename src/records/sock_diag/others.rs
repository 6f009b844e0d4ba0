//! unix_diag, packet_diag, netlink_diag, vsock_diag and xdp_diag, by the headers of those names below linux/.

use super::super::netlink::{Attribute, u8_at, u16_at, u32_at};
use super::super::sockets::{End, LISTEN, NETLINK, PACKET, Socket, UNIX, VSOCK, XDP};
use super::{cookie, drops, each_attribute};

/// No port and no machine of vsock(7).
const ANY: u32 = u32::MAX;

pub fn request(family: u8) -> Vec<u8> {
    match family {
        // Name, file, peer, queue, memory, owner; not the connections that wait, which are sockets of their own.
        UNIX => with_states(family, 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x20 | 0x40),
        // All: what it listens to, its rings, fan-out, memory and filter.
        PACKET => without_states(family, 0, 0x3f),
        // Memory, groups, rings, flags, of all protocols (255).
        NETLINK => without_states(family, 255, 0x0f),
        VSOCK => with_states(family, 0),
        // Where it is bound, rings, memory, statistics.
        _ => without_states(family, 0, 0x1f),
    }
}

/// `struct unix_diag_req` and `struct vsock_diag_req`, for all states.
fn with_states(family: u8, show: u32) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    for number in [u32::MAX, 0, show, u32::MAX, u32::MAX] {
        body.extend_from_slice(&number.to_ne_bytes());
    }
    body
}

/// `struct packet_diag_req`, `struct netlink_diag_req` and `struct xdp_diag_req`.
fn without_states(family: u8, protocol: u8, show: u32) -> Vec<u8> {
    let mut body = vec![family, protocol, 0, 0];
    for number in [0, show, u32::MAX, u32::MAX] {
        body.extend_from_slice(&number.to_ne_bytes());
    }
    body
}

pub fn socket(family: u8, payload: &[u8]) -> Option<Socket> {
    // A message of another family would be read wrongly.
    if u8_at(payload, 0)? != family {
        return None;
    }
    match family {
        UNIX => unix(payload),
        PACKET => packet(payload),
        NETLINK => netlink(payload),
        VSOCK => vsock(payload),
        XDP => xdp(payload),
        _ => None,
    }
}

fn unix(payload: &[u8]) -> Option<Socket> {
    let mut socket = Socket {
        family: UNIX,
        kind: Some(u8_at(payload, 1)?),
        state: Some(u8_at(payload, 2)?),
        inode: u64::from(u32_at(payload, 4)?),
        cookie: cookie(payload, 8),
        ..Socket::default()
    };
    payload.get(..16)?;
    each_attribute(&mut socket, payload, 16, unix_attribute);
    Some(socket)
}

fn unix_attribute(socket: &mut Socket, attribute: Attribute<'_>) -> Option<()> {
    let value = attribute.value;
    match attribute.kind {
        // A path has the NUL behind it that it was bound with.
        0 if value.first() != Some(&0) => {
            socket.name = Some(value.strip_suffix(b"\0").unwrap_or(value).into())
        }
        0 => socket.name = Some(value.into()),
        // struct unix_diag_vfs: inode, device.
        1 => socket.file = Some((u32_at(value, 4)?, u32_at(value, 0)?)),
        2 => socket.peer = Some(u32_at(value, 0)?),
        4 => {
            let (receive, send) = (Some(u32_at(value, 0)?), Some(u32_at(value, 4)?));
            if socket.state == Some(LISTEN) {
                (socket.pending, socket.backlog) = (receive, send);
            } else {
                (socket.receive_queue, socket.send_queue) = (receive, send);
            }
        }
        5 => socket.drops = drops(value),
        6 => socket.shutdown = Some(u8_at(value, 0)?),
        7 => socket.uid = Some(u32_at(value, 0)?),
        _ => {}
    }
    Some(())
}

fn packet(payload: &[u8]) -> Option<Socket> {
    let mut socket = Socket {
        family: PACKET,
        kind: Some(u8_at(payload, 1)?),
        protocol_number: Some(u32::from(u16_at(payload, 2)?)),
        inode: u64::from(u32_at(payload, 4)?),
        cookie: cookie(payload, 8),
        ..Socket::default()
    };
    payload.get(..16)?;
    each_attribute(&mut socket, payload, 16, packet_attribute);
    Some(socket)
}

fn packet_attribute(socket: &mut Socket, attribute: Attribute<'_>) -> Option<()> {
    let value = attribute.value;
    match attribute.kind {
        // struct packet_diag_info begins with the interface.
        0 => socket.interface = Some(u32_at(value, 0)?).filter(|interface| *interface != 0),
        5 => socket.uid = Some(u32_at(value, 0)?),
        6 => {
            socket.receive_queue = Some(u32_at(value, 0)?);
            socket.send_queue = u32_at(value, 2 * 4);
            socket.drops = drops(value);
        }
        7 => socket.filter = (!value.is_empty()).then(|| value.into()),
        _ => {}
    }
    Some(())
}

fn netlink(payload: &[u8]) -> Option<Socket> {
    let (port, other) = (u32_at(payload, 4)?, u32_at(payload, 8)?);
    let state = u8_at(payload, 3)?;
    let mut socket = Socket {
        family: NETLINK,
        kind: Some(u8_at(payload, 1)?),
        protocol_number: Some(u32::from(u8_at(payload, 2)?)),
        state: Some(state),
        local: Some(End::Port(port)),
        remote: (state == 1 || other != 0).then_some(End::Port(other)),
        inode: u64::from(u32_at(payload, 16)?),
        cookie: cookie(payload, 20),
        ..Socket::default()
    };
    payload.get(..28)?;
    each_attribute(&mut socket, payload, 28, netlink_attribute);
    Some(socket)
}

fn netlink_attribute(socket: &mut Socket, attribute: Attribute<'_>) -> Option<()> {
    let value = attribute.value;
    match attribute.kind {
        0 => {
            socket.receive_queue = Some(u32_at(value, 0)?);
            socket.send_queue = u32_at(value, 2 * 4);
            socket.drops = drops(value);
        }
        1 => socket.groups = Some(value.into()),
        _ => {}
    }
    Some(())
}

fn vsock(payload: &[u8]) -> Option<Socket> {
    let (machine, port) = (u32_at(payload, 4)?, u32_at(payload, 8)?);
    let (other, other_port) = (u32_at(payload, 12)?, u32_at(payload, 16)?);
    let socket = Socket {
        family: VSOCK,
        kind: Some(u8_at(payload, 1)?),
        state: Some(u8_at(payload, 2)?),
        shutdown: Some(u8_at(payload, 3)?),
        local: Some(End::Machine(machine, port)),
        remote: (other != ANY || other_port != ANY).then_some(End::Machine(other, other_port)),
        inode: u64::from(u32_at(payload, 20)?),
        cookie: cookie(payload, 24),
        ..Socket::default()
    };
    payload.get(..32)?;
    Some(socket)
}

fn xdp(payload: &[u8]) -> Option<Socket> {
    let mut socket = Socket {
        family: XDP,
        kind: Some(u8_at(payload, 1)?),
        inode: u64::from(u32_at(payload, 4)?),
        cookie: cookie(payload, 8),
        ..Socket::default()
    };
    payload.get(..16)?;
    each_attribute(&mut socket, payload, 16, xdp_attribute);
    Some(socket)
}

fn xdp_attribute(socket: &mut Socket, attribute: Attribute<'_>) -> Option<()> {
    let value = attribute.value;
    match attribute.kind {
        // struct xdp_diag_info: interface, queue.
        1 => socket.interface = Some(u32_at(value, 0)?).filter(|interface| *interface != 0),
        2 => socket.uid = Some(u32_at(value, 0)?),
        _ => {}
    }
    Some(())
}
