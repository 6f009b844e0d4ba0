//! Datagrams as the kernel gave them: Linux 6.18 on x86_64, sockets made by a Python program and asked for with these very
//! questions, one message each.

use super::super::sockets::{End, state_word};
use super::*;
use crate::records::mishaps::{Mishaps, beginnings};

const LISTEN: &str = "\
        d80100001400020007000000c8380000020a0000a26900007f00000100000000000000000000000000000000000000000000\
        00000000000000000000591000000000000000000000000000000700000000000000de790900050008000000000005000500\
        0000000008000f000000000008001100000000000c0015000100000000000000060016005200000028000700000000000000\
        0200000000000040000000000000000000000000000000000000000000001c0102000a000000000000000000000000000000\
        0000000000000000000000000700000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000a0000000000000003000000000000000000000000000000ffffffffffffffffffffffff\
        ffffffff00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000800040062627200";

const CONNECTED: &str = "\
        d80100001400020007000000c838000002010000e4cca2697f0000010000000000000000000000007f000001000000000000\
        000000000000000000005b1000000000000000000000050000000000000000000000df790900050008000000000005000500\
        0000000008000f000000000008001100000000000c0015000100000000000000060016005200000028000700450300000000\
        020000000000001e3c00bb0c0000000000000000000000000000000000001c010200010000000007aa01e01c0300409c0000\
        0080000018020000000000000000000000000000000000000000000014000000000000001400000014000000ffff0000d7ff\
        00002b00000015000000ffffff7f0a000000cbff00000300000000000000d7ff000000000000e77e021105000000ffffffff\
        ffffffff010000000000000005000000000000000300000002000000000000002b0000000100000000000000000000000000\
        0000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000\
        0000000000000000000000000000010000000100000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000800040062627200";

const LISTEN6: &str = "\
        e80100001400020007000000c83800000a0a0000a34900000000000000000000000000000000000100000000000000000000\
        000000000000000000005c1000000000000000000000000000000300000000000000e1790900050008000000000005000500\
        00000000050006000000000005000b000100000008000f000000000008001100000000000c00150001000000000000000600\
        160012000000280007000000000000000200000000000040000000000000000000000000000000000000000000001c010200\
        0a00000000000000000000000000000000000000000000000000000003000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000a00000000000000030000000000000000000000\
        00000000ffffffffffffffffffffffffffffffff000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000800040062627200";

const BOUND: &str = "\
        b400000014000200070000002e40000002070000c42b00007f00000100000000000000000000000000000000000000000000\
        000000000000000000006d350200000000000000000000000000000000000000000075e82800050008000000000005000500\
        0000000008000f000000000008001100000000000c0015000100000000000000060016005200000028000700000000000000\
        020000000000004000000000000000000000000000000000000000000000";

const BOUND6: &str = "\
        c400000014000200070000002e4000000a070000a11900000000000000000000000000000000000100000000000000000000\
        000000000000000000006e350200000000000000000000000000000000000000000077e82800050008000000000005000500\
        00000000050006000000000005000b000100000008000f000000000008001100000000000c00150001000000000000000600\
        16001200000028000700000000000000020000000000004000000000000000000000000000000000000000000000";

const UDP: &str = "\
        b40000001400020007000000c838000002070000ce3c00007f00000100000000000000000000000000000000000000000000\
        000000000000000000005d1000000000000000000000000000000000000000000000e2790900050008000000000005000500\
        0000000008000f000000000008001100000000000c0015000100000000000000060016005000000028000700000000000040\
        030000000000004003000000000000000000000000000000000000000000";

const MPTCP: &str = "\
        180100001400020007000000c8380000020a0000b13500007f00000100000000000000000000000000000000000000000000\
        000000000000000000005e1000000000000000000000000000000100000000000000e7790900050008000000000005000500\
        0000000008000f000000000008001100000000000c0015000100000000000000060016005200000028000700000000000000\
        0200000000000040000000000000000000000000000000000000000000006400020000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        000000000000000000000000000000000000000000000000000000000000";

const UNIX_: &str = "\
        740000001400020007000000c838000001010a00e4790900671000000000000009000000007068ff1b000000040003000c00\
        0400000000000500000028000500000000000040030000000000004003000000000000000000000000000000000000000000\
        05000600000000000800070000000000";

const PACKET_: &str = "\
        7c0000001400020007000000c838000011030008e579090068100000000000001c0000000100000000000000000000000000\
        0000000000000100000008000500000000000400010028000600000000000040030000000000004003000000000000000000\
        8800000000000000000000000c0007000600000000000000";

const NETLINK_: &str = "\
        680000001400020007000000c838000010030f07c83800000000000000000000e67909006a100000000000000c0001000500\
        0000000000002800000000000000004003000000000000400300000000000000000000000000000000000000000008000400\
        00000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn inet(family: u8, protocol: Protocol) -> Question {
    Question { family, protocol: Some(protocol) }
}

fn other(family: u8) -> Question {
    Question { family, protocol: None }
}

/// All captures with the questions that they answer.
fn captures() -> Vec<(Question, Vec<u8>)> {
    vec![
        (inet(INET, Protocol::Tcp), bytes(LISTEN)),
        (inet(INET, Protocol::Tcp), bytes(CONNECTED)),
        (inet(INET6, Protocol::Tcp), bytes(LISTEN6)),
        (inet(INET, Protocol::Tcp), bytes(BOUND)),
        (inet(INET6, Protocol::Tcp), bytes(BOUND6)),
        (inet(INET, Protocol::Udp), bytes(UDP)),
        (inet(INET, Protocol::Mptcp), bytes(MPTCP)),
        (other(UNIX), bytes(UNIX_)),
        (other(PACKET), bytes(PACKET_)),
        (other(NETLINK), bytes(NETLINK_)),
    ]
}

#[track_caller]
fn only(question: Question, hex: &str) -> Socket {
    let read: Vec<_> = question.sockets(&bytes(hex)).collect();
    assert_eq!(read.len(), 1);
    let socket = read[0].clone().unwrap();
    assert!(!socket.malformed, "{socket:?}");
    socket
}

fn end(address: &str, port: u16) -> Option<End> {
    Some(End::Ip(address.parse().unwrap(), port))
}

#[test]
#[cfg(target_endian = "little")]
fn tcp_listening_and_connected() {
    let listening = only(inet(INET, Protocol::Tcp), LISTEN);
    assert_eq!((state_word(&listening), listening.inode, listening.uid), (Some("LISTEN"), 621022, Some(0)));
    assert_eq!((listening.local, listening.remote), (end("127.0.0.1", 41577), None));
    assert_eq!((listening.pending, listening.backlog, listening.send_queue), (Some(0), Some(7), None));
    let connected = only(inet(INET, Protocol::Tcp), CONNECTED);
    assert_eq!((state_word(&connected), connected.inode), (Some("ESTABLISHED"), 621023));
    assert_eq!((connected.local, connected.remote), (end("127.0.0.1", 58572), end("127.0.0.1", 41577)));
    // The other end had sent "hello".
    assert_eq!(
        (connected.receive_queue, connected.send_queue, connected.bytes_received),
        (Some(5), Some(0), Some(5))
    );
    assert!(connected.cookie.is_some_and(|cookie| cookie > 0) && connected.cgroup.is_some());
    assert_eq!(
        (connected.shutdown, connected.mark, connected.congestion.as_deref()),
        (Some(0), Some(0), Some(&b"bbr"[..]))
    );
    assert_eq!((connected.interface, connected.timer), (None, None));
}

#[test]
#[cfg(target_endian = "little")]
fn tcp_of_ipv6_udp_and_multipath_tcp() {
    let listening = only(inet(INET6, Protocol::Tcp), LISTEN6);
    assert_eq!(
        (listening.local, listening.v6only, listening.backlog),
        (end("::1", 41801), Some(true), Some(3))
    );
    let udp = only(inet(INET, Protocol::Udp), UDP);
    assert_eq!((udp.local, udp.inode, udp.receive_queue), (end("127.0.0.1", 52796), 621026, Some(0)));
    assert_eq!((state_word(&udp), udp.drops), (Some("CLOSE"), Some(0)));
    let multipath = only(inet(INET, Protocol::Mptcp), MPTCP);
    assert_eq!((multipath.local, multipath.inode), (end("127.0.0.1", 45365), 621031));
}

#[test]
#[cfg(target_endian = "little")]
fn tcp_that_is_bound_and_not_in_use_says_so_although_the_kernel_calls_it_closed() {
    let bound = only(inet(INET, Protocol::Tcp), BOUND);
    assert_eq!((state_word(&bound), bound.inode), (Some("BOUND_INACTIVE"), 2_680_949));
    assert_eq!((bound.local, bound.remote), (end("127.0.0.1", 50219), None));
    let bound = only(inet(INET6, Protocol::Tcp), BOUND6);
    assert_eq!((state_word(&bound), bound.local), (Some("BOUND_INACTIVE"), end("::1", 41241)));
}

#[test]
#[cfg(target_endian = "little")]
fn unix_packet_and_netlink() {
    let unix = only(other(UNIX), UNIX_);
    assert_eq!((unix.name.as_deref(), unix.inode), (Some(&b"\0ph\xff\x1b"[..]), 621028));
    assert_eq!(
        (state_word(&unix), unix.kind, unix.backlog, unix.uid),
        (Some("LISTEN"), Some(1), Some(5), Some(0))
    );
    let packet = only(other(PACKET), PACKET_);
    assert_eq!((packet.protocol_number, packet.interface, packet.inode), (Some(0x800), Some(1), 621029));
    assert_eq!(packet.filter.as_deref(), Some(&[6, 0, 0, 0, 0, 0, 0, 0][..]));
    let netlink = only(other(NETLINK), NETLINK_);
    assert_eq!(
        (netlink.local, netlink.protocol_number, netlink.inode),
        (Some(End::Port(14536)), Some(15), 621030)
    );
    assert_eq!(super::super::sockets::groups(netlink.groups.as_deref().unwrap()), [1, 3]);
}

// Written from documentation: this kernel has neither of the two.
#[test]
fn vsock_and_xdp() {
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<u8>>();
    let vsock = [vec![VSOCK, 1, 10, 0], numbers(&[2, 22, u32::MAX, u32::MAX, 99, 7, 1])].concat();
    let socket = other(VSOCK).socket(&vsock).unwrap();
    assert_eq!((socket.local, socket.remote, socket.inode), (Some(End::Machine(2, 22)), None, 99));
    assert_eq!((state_word(&socket), socket.cookie), (Some("LISTEN"), Some(1 << 32 | 7)));
    let xdp = [vec![XDP, 3, 0, 0], numbers(&[98, 1, 0]), vec![12, 0, 1, 0], numbers(&[4, 0])].concat();
    let socket = other(XDP).socket(&xdp).unwrap();
    assert_eq!((socket.interface, socket.inode, socket.cookie), (Some(4), 98, Some(1)));
}

#[test]
fn the_questions_have_the_lengths_of_the_kernel_s_structures() {
    for question in questions() {
        let wanted = match (question.protocol, question.family) {
            (Some(Protocol::Mptcp), _) => 56 + 8,
            (Some(_), _) => 56,
            (None, UNIX | VSOCK) => 24,
            (None, _) => 20,
        };
        assert_eq!(
            (question.body().len(), question.body()[0]),
            (wanted, question.family),
            "{}",
            question.name()
        );
    }
    assert_eq!(questions().len(), 19);
}

#[test]
fn a_torn_answer_is_said_to_be_torn_and_never_read_as_something_else() {
    for (question, whole) in captures() {
        for beginning in beginnings(&whole) {
            let length = beginning.len();
            let read: Vec<_> = question.sockets(beginning).collect();
            assert!(read.iter().all(Result::is_err) && read.len() == usize::from(length > 0));
            // The same with a header that says so: the fixed part must be there, and a torn attribute is noted.
            let mut torn = beginning.to_vec();
            if length >= 16 {
                torn[..4].copy_from_slice(&(length as u32).to_ne_bytes());
                for socket in question.sockets(&torn).flatten() {
                    assert_eq!(socket.family, question.family);
                }
            }
        }
    }
}

#[test]
fn no_change_of_any_byte_makes_it_panic() {
    for (question, whole) in captures() {
        Mishaps::of(&whole).rounds(1_250).each(|bytes| {
            for question in [question, inet(INET6, Protocol::Sctp), other(VSOCK), other(XDP)] {
                for socket in question.sockets(bytes).flatten() {
                    let _ = state_word(&socket);
                }
            }
        });
    }
}
