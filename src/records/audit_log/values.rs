//! What takes more than one field to say: the arguments of a program, and an address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::{decoded, fields, unhex};
use super::head::number;
use crate::records::audit_event::Event;

/// Pieces of arguments that are kept of one event; the others are missing.
const PIECES: usize = 1 << 16;

/// The arguments of a program, as EXECVE records have them (kernel/auditsc.c, `audit_log_execve_info`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Number and bytes of each that is there. Of one that came in pieces those that are there, joined.
    pub known: Vec<(u32, Vec<u8>)>,
    /// Arguments of which nothing, or not every piece, is there.
    pub missing: u64,
}

/// The arguments that an event has of a program; none if it ran none.
pub fn arguments(event: &Event) -> Option<Arguments> {
    let mut count = None;
    let mut pieces: BTreeMap<(u32, u32), Vec<u8>> = BTreeMap::new();
    let mut lengths: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for record in event.records().filter(|record| record.kind == b"EXECVE") {
        count = count.or(Some(0)).max(record.number("argc"));
        for (name, value) in fields(record.body) {
            let Some(name) = Name::of(name) else { continue };
            match name {
                Name::Length(argument) => lengths.entry(argument).or_default().0 = number(value).unwrap_or(0),
                Name::Piece(..) if pieces.len() >= PIECES => {}
                Name::Piece(argument, piece) => {
                    lengths.entry(argument).or_default().1 += value.len() as u64;
                    let bytes = decoded(value, true).map(|text| text.bytes.into_owned()).unwrap_or_default();
                    pieces.entry((argument, piece)).or_insert(bytes);
                }
            }
        }
    }
    let mut arguments = Arguments { known: Vec::new(), missing: count? };
    let mut next = 0;
    for ((argument, piece), bytes) in pieces {
        match arguments.known.last_mut() {
            Some((last, joined)) if *last == argument => joined.extend_from_slice(&bytes),
            _ => {
                arguments.known.push((argument, bytes));
                let whole = lengths.get(&argument).is_none_or(|(said, there)| there >= said);
                arguments.missing = arguments.missing.saturating_sub(u64::from(whole && piece == 0));
                next = 0;
            }
        }
        // A hole between pieces is as bad as a missing end.
        arguments.missing += u64::from(piece != next && piece != 0 && next != u32::MAX);
        next = if piece == next { piece.saturating_add(1) } else { u32::MAX };
    }
    Some(arguments)
}

/// What a field of an EXECVE record is called.
enum Name {
    /// `a1_len`
    Length(u32),
    /// `a0`, `a1[3]`
    Piece(u32, u32),
}

impl Name {
    fn of(name: &[u8]) -> Option<Name> {
        let text = std::str::from_utf8(name).ok()?.strip_prefix('a')?;
        if let Some(argument) = text.strip_suffix("_len") {
            return Some(Name::Length(argument.parse().ok()?));
        }
        match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((argument, piece)) => Some(Name::Piece(argument.parse().ok()?, piece.parse().ok()?)),
            None => Some(Name::Piece(text.parse().ok()?, 0)),
        }
    }
}

/// The other end of a socket, or our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// AF_INET and AF_INET6.
    Internet(IpAddr, u16),
    /// AF_UNIX: a path, or a name that begins with NUL.
    Unix(Vec<u8>),
    /// AF_NETLINK, with the port of the other end: mostly a process.
    Netlink(u32),
    /// Another family, by its number (linux/socket.h).
    Other(u16),
}

/// The address of the field `saddr` of a SOCKADDR record: a `struct sockaddr` of the machine that logged it, in
/// hexadecimal (socket(7), ip(7), ipv6(7), unix(7), netlink(7)).
pub fn address(saddr: &[u8]) -> Option<Address> {
    let bytes = unhex(saddr)?;
    let family = bytes.first_chunk().map(|family| u16::from_le_bytes(*family))?;
    // No family has a number above 255: such a one is of a machine that writes the high byte first.
    let is_swapped = family > 0xff;
    let family = if is_swapped { family.swap_bytes() } else { family };
    let port = || bytes.get(2..)?.first_chunk().map(|port| u16::from_be_bytes(*port));
    Some(match family {
        1 => {
            let name = bytes.get(2..).unwrap_or_default();
            let end = name.iter().skip(1).position(|byte| *byte == 0).map_or(name.len(), |end| end + 1);
            Address::Unix(name.get(..end).unwrap_or(name).to_vec())
        }
        2 => {
            let address: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Address::Internet(Ipv4Addr::from(address).into(), port()?)
        }
        10 => {
            let address: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            Address::Internet(Ipv6Addr::from(address).into(), port()?)
        }
        16 => {
            let pid: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Address::Netlink(if is_swapped { u32::from_be_bytes(pid) } else { u32::from_le_bytes(pid) })
        }
        other => Address::Other(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_arguments_are_joined_in_their_order_and_missing_ones_told() {
        let event = |lines: &[&[u8]]| arguments(&Event::of(lines).unwrap()).unwrap();
        let first = b"type=EXECVE msg=audit(1.0:7): argc=3 a0=\"env\" a1_len=8 a1[0]=6162";
        let rest = b"type=EXECVE msg=audit(1.0:7): a1[1]=6364 a2=\"41\"";
        let all = event(&[first, rest]);
        assert_eq!(all, event(&[rest, first]));
        assert_eq!(all.known, [(0, b"env".to_vec()), (1, b"abcd".to_vec()), (2, b"41".to_vec())]);
        assert_eq!(all.missing, 0);
        assert_eq!(event(&[first]).missing, 2);
        assert_eq!(event(&[rest]).known, [(1, b"cd".to_vec()), (2, b"41".to_vec())]);
        assert!(arguments(&Event::of(&[b"type=CWD msg=audit(1.0:7): cwd=\"/\""]).unwrap()).is_none());
    }

    #[test]
    fn addresses_of_machines_of_either_byte_order_are_read() {
        let ipv4 = Some(Address::Internet(Ipv4Addr::new(127, 0, 0, 66).into(), 22));
        assert_eq!(address(b"020000167F0000420000000000000000"), ipv4);
        assert_eq!(address(b"000200167F0000420000000000000000"), ipv4);
        let ipv6 = [&b"0A0000160000000020010DB8"[..], &b"0".repeat(23), b"100000000"].concat();
        assert_eq!(address(&ipv6), Some(Address::Internet("2001:db8::1".parse().unwrap(), 22)));
        assert_eq!(address(b"01002F612F6200FFFF"), Some(Address::Unix(b"/a/b".to_vec())));
        assert_eq!(address(b"01000061620000"), Some(Address::Unix(b"\0ab".to_vec())));
        assert_eq!(address(b"100000000500000000000000"), Some(Address::Netlink(5)));
        assert_eq!(address(b"2800"), Some(Address::Other(40)));
        assert_eq!((address(b"02"), address(b"xx"), address(b"0200001")), (None, None, None));
    }
}
