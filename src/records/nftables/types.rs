//! Types of data as nft(8) numbers them, and how it writes their values.

use std::collections::BTreeMap;

use super::super::attributes::{address, hardware, word};
use super::super::netlink::{be16_at, u16_at, u32_at};
use crate::path::shown;

/// Links by number, of the namespace that the rules are of.
pub type Links = BTreeMap<u64, Vec<u8>>;

pub const NFPROTO: u64 = 2;
pub const INTEGER: u64 = 4;
pub const IPV4: u64 = 7;
pub const IPV6: u64 = 8;
pub const ETHER: u64 = 9;
pub const ETHERTYPE: u64 = 10;
pub const ARP_OPERATION: u64 = 11;
pub const PROTOCOL: u64 = 12;
pub const SERVICE: u64 = 13;
pub const ICMP_TYPE: u64 = 14;
pub const TCP_FLAGS: u64 = 15;
pub const MARK: u64 = 19;
pub const IFINDEX: u64 = 20;
pub const ARPHRD: u64 = 21;
pub const UID: u64 = 24;
pub const GID: u64 = 25;
pub const CT_STATE: u64 = 26;
pub const CT_DIRECTION: u64 = 27;
pub const CT_STATUS: u64 = 28;
pub const ICMP6_TYPE: u64 = 29;
pub const PACKET_TYPE: u64 = 31;
pub const DSCP: u64 = 36;
pub const FIB_TYPE: u64 = 38;
pub const BOOLEAN: u64 = 39;
pub const IFNAME: u64 = 41;

/// Names of types, in the order of their numbers.
const NAMES: &[&str] = &[
    "invalid",
    "verdict",
    "nf_proto",
    "bitmask",
    "integer",
    "string",
    "ll_addr",
    "ipv4_addr",
    "ipv6_addr",
    "ether_addr",
    "ether_type",
    "arp_op",
    "inet_proto",
    "inet_service",
    "icmp_type",
    "tcp_flag",
    "dccp_pkttype",
    "mh_type",
    "time",
    "mark",
    "iface_index",
    "iface_type",
    "realm",
    "classid",
    "uid",
    "gid",
    "ct_state",
    "ct_dir",
    "ct_status",
    "icmpv6_type",
    "ct_label",
    "pkt_type",
    "icmp_code",
    "icmpv6_code",
    "icmpx_code",
    "devgroup",
    "dscp",
    "ecn",
    "fib_addrtype",
    "boolean",
    "ct_event",
    "ifname",
    "igmp_type",
    "time",
    "hour",
    "day",
    "cgroupsv2",
];

const TCP_FLAG_BITS: &[(u64, &str)] =
    &[(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg"), (64, "ecn"), (128, "cwr")];
const CT_STATE_BITS: &[(u64, &str)] =
    &[(1, "invalid"), (2, "established"), (4, "related"), (8, "new"), (64, "untracked")];
const CT_STATUS_BITS: &[(u64, &str)] = &[
    (1, "expected"),
    (2, "seen-reply"),
    (4, "assured"),
    (8, "confirmed"),
    (16, "snat"),
    (32, "dnat"),
    (512, "dying"),
];
const ICMP: &[(u64, &str)] = &[
    (0, "echo-reply"),
    (3, "destination-unreachable"),
    (4, "source-quench"),
    (5, "redirect"),
    (8, "echo-request"),
    (9, "router-advertisement"),
    (10, "router-solicitation"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
    (15, "info-request"),
    (16, "info-reply"),
    (17, "address-mask-request"),
    (18, "address-mask-reply"),
];
const ICMP6: &[(u64, &str)] = &[
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
    (138, "router-renumbering"),
    (141, "ind-neighbor-solicit"),
    (142, "ind-neighbor-advert"),
    (143, "mld2-listener-report"),
];
/// As Debian's /etc/protocols names them.
const PROTOCOLS: &[(u64, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (132, "sctp"),
    (136, "udplite"),
];
const FIB_TYPES: &[(u64, &str)] = &[
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];
const DSCPS: &[(u64, &str)] = &[
    (0, "cs0"),
    (8, "cs1"),
    (16, "cs2"),
    (24, "cs3"),
    (32, "cs4"),
    (40, "cs5"),
    (48, "cs6"),
    (56, "cs7"),
    (1, "lephb"),
    (10, "af11"),
    (12, "af12"),
    (14, "af13"),
    (18, "af21"),
    (20, "af22"),
    (22, "af23"),
    (26, "af31"),
    (28, "af32"),
    (30, "af33"),
    (34, "af41"),
    (36, "af42"),
    (38, "af43"),
    (44, "va"),
    (46, "ef"),
];

/// The parts of a type, which may be several put together, of six bits each.
pub fn parts(kind: u64) -> Vec<u64> {
    let mut parts = Vec::new();
    let mut left = kind;
    while left > 0 {
        parts.push(left & 0x3f);
        left >>= 6;
    }
    parts.reverse();
    parts
}

/// `ipv4_addr . inet_service`
pub fn name(kind: u64) -> String {
    let one = |part: u64| {
        let known = usize::try_from(part).ok().and_then(|part| NAMES.get(part));
        known.map_or_else(|| part.to_string(), |name| (*name).to_owned())
    };
    parts(kind).into_iter().map(one).collect::<Vec<_>>().join(" . ")
}

/// Whether values of the type are bits, of which `!= 0` means that any is set.
pub fn is_bits(kind: u64) -> bool {
    matches!(kind, TCP_FLAGS | CT_STATE | CT_STATUS)
}

/// Whether its bytes stand in the machine's order, but for sets with intervals.
pub fn is_of_host_order(kind: u64) -> bool {
    matches!(
        kind,
        NFPROTO
            | CT_STATE
            | CT_STATUS
            | CT_DIRECTION
            | MARK
            | IFINDEX
            | ARPHRD
            | UID
            | GID
            | PACKET_TYPE
            | FIB_TYPE
            | BOOLEAN
    )
}

/// A value of one type; none if it does not have the length that the type has, or the type is not known here.
pub fn value(kind: u64, bytes: &[u8], links: &Links) -> Option<String> {
    let host = || match bytes.len() {
        1 => bytes.first().map(|byte| u64::from(*byte)),
        2 => u16_at(bytes, 0).map(u64::from),
        4 => u32_at(bytes, 0).map(u64::from),
        _ => None,
    };
    let network = || {
        let wide = bytes.len() <= 8;
        wide.then(|| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let text = match kind {
        NFPROTO => word(host()?, &[(2, "ipv4"), (10, "ipv6")]),
        INTEGER | SERVICE => network()?.to_string(),
        IPV4 if bytes.len() == 4 => address(bytes)?,
        IPV6 if bytes.len() == 16 => address(bytes)?,
        ETHER if bytes.len() == 6 => hardware(bytes),
        ETHERTYPE => {
            let number = be16_at(bytes, 0)?;
            let words =
                [(0x0800, "ip"), (0x0806, "arp"), (0x86dd, "ip6"), (0x8100, "8021q"), (0x88a8, "8021ad")];
            let known = words.iter().find(|(known, _)| *known == number);
            known.map_or_else(|| format!("{number:#06x}"), |(_, word)| (*word).to_owned())
        }
        ARP_OPERATION => word(network()?, &[(1, "request"), (2, "reply"), (3, "rrequest"), (4, "rreply")]),
        PROTOCOL => word(network()?, PROTOCOLS),
        ICMP_TYPE => word(network()?, ICMP),
        ICMP6_TYPE => word(network()?, ICMP6),
        TCP_FLAGS => bit_words(network()?, TCP_FLAG_BITS),
        CT_STATE => bit_words(host()?, CT_STATE_BITS),
        CT_STATUS => bit_words(host()?, CT_STATUS_BITS),
        CT_DIRECTION => word(host()?, &[(0, "original"), (1, "reply")]),
        MARK => format!("{:#010x}", u32_at(bytes, 0)?),
        IFINDEX => {
            let number = host()?;
            links.get(&number).map_or_else(|| number.to_string(), |name| format!("\"{}\"", shown(name)))
        }
        ARPHRD => word(host()?, &[(1, "ether"), (772, "loopback")]),
        UID | GID => host()?.to_string(),
        PACKET_TYPE => word(host()?, &[(0, "host"), (1, "broadcast"), (2, "multicast"), (3, "other")]),
        DSCP => {
            let number = network()?;
            DSCPS
                .iter()
                .find(|(known, _)| *known == number)
                .map_or_else(|| format!("{number:#04x}"), |(_, word)| (*word).to_owned())
        }
        FIB_TYPE => word(host()?, FIB_TYPES),
        BOOLEAN => word(host()?, &[(0, "missing"), (1, "exists")]),
        IFNAME => interface(bytes)?,
        _ => return None,
    };
    Some(text)
}

/// `"eth0"`, or `"eth*"` where what is compared is shorter than a name can be.
fn interface(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let name = bytes.get(..end.unwrap_or(bytes.len()))?;
    let more = if end.is_none() && bytes.len() < 16 { "*" } else { "" };
    Some(format!("\"{}{more}\"", shown(name)))
}

/// `syn,ack`; bits without a word as one number.
fn bit_words(bits: u64, words: &[(u64, &str)]) -> String {
    let mut left = bits;
    let mut found = Vec::new();
    for (bit, word) in words {
        if bits & bit != 0 {
            found.push((*word).to_owned());
            left &= !bit;
        }
    }
    if left != 0 || found.is_empty() {
        found.push(format!("{left:#x}"));
    }
    found.join(",")
}

/// A value of several types put together, each at a multiple of four bytes.
pub fn joined(kind: u64, mut bytes: &[u8], links: &Links) -> Option<String> {
    let parts = parts(kind);
    if let [only] = parts.as_slice() {
        return value(*only, bytes, links);
    }
    let mut texts = Vec::new();
    for part in parts {
        let length = length(part)?;
        texts.push(value(part, bytes.get(..length)?, links)?);
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
    bytes.is_empty().then(|| texts.join(" . "))
}

/// Bytes of a value where the type has one length.
pub fn length(kind: u64) -> Option<usize> {
    Some(match kind {
        NFPROTO | PROTOCOL | ICMP_TYPE | ICMP6_TYPE | TCP_FLAGS | CT_DIRECTION | PACKET_TYPE | DSCP => 1,
        ETHERTYPE | ARP_OPERATION | SERVICE | ARPHRD => 2,
        IPV4 | MARK | IFINDEX | UID | GID | CT_STATE | CT_STATUS | FIB_TYPE => 4,
        ETHER => 6,
        IPV6 | IFNAME => 16,
        _ => return None,
    })
}
