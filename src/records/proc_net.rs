//! The kernel's tables of sockets as text, in /proc/net (proc(5)): what an older kernel offers instead of sock_diag(7), and
//! the only one for ping sockets. Less is told than there: no interface, no cookie, no groups above 32.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::Malformed;
use super::sock_diag::Question;
use super::sockets::{CLOSE, End, INET, LISTEN, NETLINK, PACKET, Protocol, Socket, Timer, UNIX};

/// A protocol that the kernel has, of /proc/net/protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The kernel's name for it.
    pub name: Vec<u8>,
    /// Sockets of it in this network namespace, where the protocol counts them.
    pub sockets: Option<u64>,
}

/// The protocols in /proc/net/protocols. None where the text has not that form, so that nothing follows from it.
pub fn protocols(text: &[u8]) -> Option<Vec<Registered>> {
    let mut lines = lines(text);
    let is_table = lines.next()?.starts_with(b"protocol ");
    is_table.then(|| {
        lines
            .filter_map(|line| {
                let mut fields = fields(line);
                let name = fields.next()?.to_vec();
                Some(Registered { name, sockets: fields.nth(1).and_then(decimal) })
            })
            .collect()
    })
}

/// The sockets in the file that answers `question` (see [`Question::text`]), without its heading. A line that cannot be
/// read is an error. The name of a UNIX socket may hold newlines; what follows one is then such a line, and the name is
/// cut there.
pub fn sockets(question: Question, text: &[u8]) -> impl Iterator<Item = Result<Socket, Malformed>> + '_ {
    lines(text).skip(1).map(move |line| {
        let socket = match question.protocol {
            Some(protocol) => inet(question.family, protocol, line),
            None if question.family == UNIX => unix(line),
            None if question.family == PACKET => packet(line),
            None if question.family == NETLINK => netlink(line),
            None => None,
        };
        socket.ok_or(Malformed)
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|field| !field.is_empty())
}

fn decimal(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn hex(field: &[u8]) -> Option<u64> {
    // `from_str_radix` takes a sign, which the kernel never writes.
    let digits = field.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(field).ok().filter(|_| digits)?, 16).ok()
}

fn hex32(field: &[u8]) -> Option<u32> {
    hex(field)?.try_into().ok()
}

fn pair(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = field.iter().position(|byte| *byte == b':')?;
    Some((field.get(..at)?, field.get(at + 1..)?))
}

fn inet(family: u8, protocol: Protocol, line: &[u8]) -> Option<Socket> {
    let mut fields = fields(line).skip(1);
    let (local, local_port) = end(family, fields.next()?)?;
    let (remote, remote_port) = end(family, fields.next()?)?;
    let state = u8::try_from(hex(fields.next()?)?).ok()?;
    let (send, receive) = pair(fields.next()?)?;
    let (timer, when) = pair(fields.next()?)?;
    let retransmits = hex(fields.next()?)?;
    let uid = u32::try_from(decimal(fields.next()?)?).ok()?;
    let inode = decimal(fields.nth(1)?)?;
    let (send, receive) = (hex32(send)?, hex32(receive)?);
    let (kind, ticks) = (u8::try_from(hex(timer)?).ok()?, hex32(when)?);
    let expires_ms = ticks.saturating_mul(10);
    let is_raw = protocol == Protocol::Raw;
    let listens = protocol == Protocol::Tcp && state == LISTEN;
    Some(Socket {
        family,
        protocol: Some(protocol),
        protocol_number: is_raw.then_some(u32::from(local_port)),
        state: Some(state),
        local: Some(End::Ip(local, if is_raw { 0 } else { local_port })),
        remote: (remote_port != 0 || !remote.is_unspecified()).then_some(End::Ip(remote, remote_port)),
        inode,
        uid: Some(uid),
        receive_queue: (!listens).then_some(receive),
        send_queue: (!listens).then_some(send),
        pending: listens.then_some(receive),
        timer: (kind != 0).then_some(Timer {
            kind,
            expires_ms,
            retransmits: u8::try_from(retransmits).unwrap_or(u8::MAX),
        }),
        ..Socket::default()
    })
}

/// `0100007F:1F90`: each word of the address in the machine's own order, the port as a number.
fn end(family: u8, field: &[u8]) -> Option<(IpAddr, u16)> {
    let (address, port) = pair(field)?;
    let port = u16::try_from(hex(port)?).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for word in address.chunks(8) {
        bytes.extend_from_slice(&hex32(word).filter(|_| word.len() == 8)?.to_ne_bytes());
    }
    let address: IpAddr = if family == INET {
        Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()
    } else {
        Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()
    };
    Some((address, port))
}

/// The sockets of /proc/net/unix, a line each. A name may hold newlines: what follows one and is no such line belongs to
/// the name. (One that holds what looks like a line cannot be told from two sockets.)
pub fn unix_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while unix(first_line(rest)).is_none() {
            rest = rest.get(first_line(rest).len() + 1..)?;
        }
        let own = first_line(rest).len();
        let mut length = own;
        while let Some(next) = rest.get(length + 1..).filter(|next| !next.is_empty()) {
            let longer = length + 1 + first_line(next).len();
            // Behind the number of a socket without a name there is no blank: what follows is of no socket.
            let is_its_name = length > own || rest.get(..longer).and_then(unix).is_some();
            if !is_its_name || unix(first_line(next)).is_some() {
                break;
            }
            length = longer;
        }
        let (line, behind) = rest.split_at_checked(length)?;
        rest = behind.get(1..).unwrap_or_default();
        Some(line)
    })
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// Reads a line of /proc/net/unix; none for its heading and what is no such line.
pub fn unix(line: &[u8]) -> Option<Socket> {
    /// `__SO_ACCEPTCON` of linux/net.h.
    const LISTENS: u64 = 1 << 16;
    let mut fields = fields(line);
    let flags = hex(fields.nth(3)?)?;
    let kind = u8::try_from(hex(fields.next()?)?).ok()?;
    let connection = hex(fields.next()?)?;
    let inode_field = fields.next()?;
    let inode = decimal(inode_field)?;
    // `socket_state` of linux/net.h, in the words of sock_diag.
    let state = match connection {
        _ if flags & LISTENS != 0 => Some(LISTEN),
        1 => Some(CLOSE),
        3 => Some(1),
        _ => None,
    };
    Some(Socket {
        family: UNIX,
        kind: Some(kind),
        state,
        inode,
        name: unix_name(line, inode_field),
        ..Socket::default()
    })
}

/// What stands behind the inode and one blank, whatever blanks it holds itself. The kernel writes `@` for each NUL.
fn unix_name(line: &[u8], inode: &[u8]) -> Option<Box<[u8]>> {
    let before = inode.as_ptr().addr().checked_sub(line.as_ptr().addr())? + inode.len();
    let name = line.get(before + 1..).filter(|name| !name.is_empty())?;
    Some(match name.strip_prefix(b"@") {
        Some(abstracted) => [b"\0", abstracted].concat().into(),
        None => name.into(),
    })
}

fn packet(line: &[u8]) -> Option<Socket> {
    let mut fields = fields(line).skip(2);
    let kind = u8::try_from(decimal(fields.next()?)?).ok()?;
    let protocol = hex32(fields.next()?)?;
    let interface = u32::try_from(decimal(fields.next()?)?).ok()?;
    let receive = u32::try_from(decimal(fields.nth(1)?)?).ok()?;
    let uid = u32::try_from(decimal(fields.next()?)?).ok()?;
    Some(Socket {
        family: PACKET,
        kind: Some(kind),
        protocol_number: Some(protocol),
        interface: (interface != 0).then_some(interface),
        receive_queue: Some(receive),
        uid: Some(uid),
        inode: decimal(fields.next()?)?,
        ..Socket::default()
    })
}

fn netlink(line: &[u8]) -> Option<Socket> {
    let mut fields = fields(line).skip(1);
    let protocol = u32::try_from(decimal(fields.next()?)?).ok()?;
    let port = u32::try_from(decimal(fields.next()?)?).ok()?;
    let groups = hex32(fields.next()?)?;
    let receive = u32::try_from(decimal(fields.next()?)?).ok()?;
    let send = u32::try_from(decimal(fields.next()?)?).ok()?;
    let drops = u32::try_from(decimal(fields.nth(2)?)?).ok();
    Some(Socket {
        family: NETLINK,
        protocol_number: Some(protocol),
        local: Some(End::Port(port)),
        groups: (groups != 0).then(|| groups.to_ne_bytes().as_slice().into()),
        receive_queue: Some(receive),
        send_queue: Some(send),
        drops,
        inode: decimal(fields.next()?)?,
        ..Socket::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;
    use crate::records::sockets::{INET6, state_word};

    fn read(family: u8, protocol: Option<Protocol>, text: &[u8]) -> Vec<Result<Socket, Malformed>> {
        sockets(Question { family, protocol }, text).collect()
    }

    // Captured on Linux 6.18: `cat /proc/net/tcp`, `tcp6`, `raw`.
    const TCP: &[u8] = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 00000000:07E8 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 484 1 0000000029dde73d 100 0 0 10 0\n   1: 020200C0:9DB0 507100CB:0050 06 00000000:00000000 03:0000174A 00000000     0        0 0 3 000000006eca3421\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn tcp_and_its_timers_are_read() {
        let read = read(INET, Some(Protocol::Tcp), TCP);
        let listening = read[0].as_ref().unwrap();
        assert_eq!(
            (state_word(listening), listening.inode, listening.pending),
            (Some("LISTEN"), 484, Some(3))
        );
        assert_eq!(listening.local, Some(End::Ip("0.0.0.0".parse().unwrap(), 2024)));
        assert_eq!((listening.remote, listening.timer), (None, None));
        let waiting = read[1].as_ref().unwrap();
        assert_eq!(state_word(waiting), Some("TIME_WAIT"));
        assert_eq!(waiting.local, Some(End::Ip("192.0.2.2".parse().unwrap(), 40368)));
        assert_eq!(waiting.remote, Some(End::Ip("203.0.113.80".parse().unwrap(), 80)));
        assert_eq!(waiting.timer.unwrap(), Timer { kind: 3, expires_ms: 59_620, retransmits: 0 });
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_words_of_an_address_of_ipv6_are_in_the_machine_s_order() {
        let text = b"heading\n   1: B80D0120000000000000000001000000:003A 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 99 2 x 0\n";
        let raw = &read(INET6, Some(Protocol::Raw), text)[0];
        let raw = raw.as_ref().unwrap();
        assert_eq!((raw.protocol_number, raw.uid), (Some(58), Some(1000)));
        assert_eq!(raw.local, Some(End::Ip("2001:db8::1".parse().unwrap(), 0)));
    }

    #[test]
    fn names_of_unix_sockets_may_hold_anything_but_what_ends_a_line() {
        // Written from documentation.
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 17 /run/a b\n0000000000000000: 00000002 00000000 00000000 0002 01    18\n0000000000000000: 00000002 00000000 00000000 0005 03 19 @x\xff@y\n0000000000000000: 00000002 00000000 00000000 0001 01 20 /cut\nhere\n";
        let read = read(UNIX, None, text);
        let first = read[0].as_ref().unwrap();
        assert_eq!((state_word(first), first.name.as_deref()), (Some("LISTEN"), Some(&b"/run/a b"[..])));
        assert_eq!((read[1].as_ref().unwrap().inode, &read[1].as_ref().unwrap().name), (18, &None));
        assert_eq!(read[2].as_ref().unwrap().name.as_deref(), Some(&b"\0x\xff@y"[..]));
        assert_eq!(read[3].as_ref().unwrap().name.as_deref(), Some(&b"/cut"[..]));
        assert_eq!(read[4], Err(Malformed));
        // What no line begins with belongs to the name before it.
        let names = unix_lines(text).map(|line| unix(line).unwrap().name);
        let last: Vec<_> = names.skip(3).collect();
        assert_eq!(last, [Some(b"/cut\nhere".as_slice().into())]);
        Mishaps::of(text).rounds(25).each(|text| assert!(unix_lines(text).all(|line| unix(line).is_some())));
    }

    #[test]
    fn packet_netlink_and_protocols_are_read() {
        // Captured on Linux 6.18.
        let packet = b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n00000000cc7dccc5 3      3    0003   0     1 0      0      603915\n";
        let socket = read(PACKET, None, packet).remove(0).unwrap();
        assert_eq!((socket.kind, socket.protocol_number, socket.inode), (Some(3), Some(3), 603_915));
        let netlink = b"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n0000000059cc92e9 12  7          00000005 0        0        0     2        1        394     \n";
        let socket = read(NETLINK, None, netlink).remove(0).unwrap();
        assert_eq!(
            (socket.protocol_number, socket.local, socket.drops),
            (Some(12), Some(End::Port(7)), Some(1))
        );
        assert_eq!(
            (crate::records::sockets::groups(&socket.groups.unwrap()), socket.inode),
            (vec![1, 3], 394)
        );
        let text = b"protocol  size sockets  memory press maxhdr  slab module     cl co\nXDP       1088      1      -1   NI       0   no   kernel\nUNIX-STREAM 1152      2      -1   NI\n";
        let known = protocols(text).unwrap();
        assert_eq!(known[0], Registered { name: b"XDP".to_vec(), sockets: Some(1) });
        assert_eq!(known[1].sockets, Some(2));
        assert_eq!((protocols(b""), protocols(b"nonsense\n")), (None, None));
    }

    #[test]
    fn no_bytes_make_it_panic_and_no_line_goes_without_an_answer() {
        for question in crate::records::sock_diag::questions() {
            Mishaps::of(TCP).rounds(25).each(|text| {
                let lines = lines(text).count().saturating_sub(1);
                assert_eq!(sockets(question, text).count(), lines);
            });
        }
        assert_eq!(read(INET, Some(Protocol::Tcp), b"h\n0: +1000000:0 0 0\n"), [Err(Malformed)]);
    }
}
