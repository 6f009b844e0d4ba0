//! Fields of packets, of the kernel's own data, and of connections, by the names that nft(8) has for them.

use super::types;

/// A place in a packet: its header's name, the field's name, offset and length in bytes, and the type of its value.
type Field = (&'static str, u64, u64, u64);

const ETHER: &[Field] =
    &[("daddr", 0, 6, types::ETHER), ("saddr", 6, 6, types::ETHER), ("type", 12, 2, types::ETHERTYPE)];
const IP: &[Field] = &[
    ("dscp", 1, 1, types::DSCP),
    ("length", 2, 2, types::INTEGER),
    ("id", 4, 2, types::INTEGER),
    ("frag-off", 6, 2, types::INTEGER),
    ("ttl", 8, 1, types::INTEGER),
    ("protocol", 9, 1, types::PROTOCOL),
    ("checksum", 10, 2, types::INTEGER),
    ("saddr", 12, 4, types::IPV4),
    ("daddr", 16, 4, types::IPV4),
];
const IP6: &[Field] = &[
    ("length", 4, 2, types::INTEGER),
    ("nexthdr", 6, 1, types::PROTOCOL),
    ("hoplimit", 7, 1, types::INTEGER),
    ("saddr", 8, 16, types::IPV6),
    ("daddr", 24, 16, types::IPV6),
];
const ARP: &[Field] = &[
    ("htype", 0, 2, types::INTEGER),
    ("ptype", 2, 2, types::ETHERTYPE),
    ("hlen", 4, 1, types::INTEGER),
    ("plen", 5, 1, types::INTEGER),
    ("operation", 6, 2, types::ARP_OPERATION),
    ("saddr ether", 8, 6, types::ETHER),
    ("saddr ip", 14, 4, types::IPV4),
    ("daddr ether", 18, 6, types::ETHER),
    ("daddr ip", 24, 4, types::IPV4),
];
const TCP: &[Field] = &[
    ("sport", 0, 2, types::SERVICE),
    ("dport", 2, 2, types::SERVICE),
    ("sequence", 4, 4, types::INTEGER),
    ("ackseq", 8, 4, types::INTEGER),
    ("flags", 13, 1, types::TCP_FLAGS),
    ("window", 14, 2, types::INTEGER),
    ("checksum", 16, 2, types::INTEGER),
    ("urgptr", 18, 2, types::INTEGER),
];
const UDP: &[Field] = &[
    ("sport", 0, 2, types::SERVICE),
    ("dport", 2, 2, types::SERVICE),
    ("length", 4, 2, types::INTEGER),
    ("checksum", 6, 2, types::INTEGER),
];
const PORTS: &[Field] = &[("sport", 0, 2, types::SERVICE), ("dport", 2, 2, types::SERVICE)];
const ICMP: &[Field] = &[("type", 0, 1, types::ICMP_TYPE)];
const ICMP6: &[Field] = &[("type", 0, 1, types::ICMP6_TYPE)];

/// The header at base `base` (`NFT_PAYLOAD_*`), as far as the rule has already said which it is.
pub fn header(
    base: u64,
    network: Option<u64>,
    transport: Option<u64>,
) -> Option<(&'static str, &'static [Field])> {
    match (base, network, transport) {
        (0, ..) => Some(("ether", ETHER)),
        (1, Some(2), _) => Some(("ip", IP)),
        (1, Some(10), _) => Some(("ip6", IP6)),
        (1, Some(3), _) => Some(("arp", ARP)),
        (2, _, Some(6)) => Some(("tcp", TCP)),
        (2, _, Some(17)) => Some(("udp", UDP)),
        (2, _, Some(136)) => Some(("udplite", PORTS)),
        (2, _, Some(132)) => Some(("sctp", PORTS)),
        (2, _, Some(33)) => Some(("dccp", PORTS)),
        (2, _, Some(1)) => Some(("icmp", ICMP)),
        (2, _, Some(58)) => Some(("icmpv6", ICMP6)),
        (2, _, None) => Some(("th", PORTS)),
        _ => None,
    }
}

/// The field at an offset, and whether all of it is meant; if not, the beginning of an address.
pub fn field(fields: &[Field], offset: u64, length: u64) -> Option<(&'static str, u64, bool)> {
    let (name, _, whole, kind) = fields.iter().find(|(_, at, ..)| *at == offset)?;
    let begins = length < *whole && matches!(*kind, types::IPV4 | types::IPV6);
    (length == *whole || begins).then_some((*name, *kind, length == *whole))
}

/// What `meta` loads: name and type, by `NFT_META_*`.
pub fn meta(key: u64) -> Option<(&'static str, u64)> {
    Some(match key {
        1 => ("meta protocol", types::ETHERTYPE),
        3 => ("meta mark", types::MARK),
        4 => ("iif", types::IFINDEX),
        5 => ("oif", types::IFINDEX),
        6 => ("iifname", types::IFNAME),
        7 => ("oifname", types::IFNAME),
        8 => ("iiftype", types::ARPHRD),
        9 => ("oiftype", types::ARPHRD),
        10 => ("meta skuid", types::UID),
        11 => ("meta skgid", types::GID),
        15 => ("meta nfproto", types::NFPROTO),
        16 => ("meta l4proto", types::PROTOCOL),
        17 => ("meta ibrname", types::IFNAME),
        18 => ("meta obrname", types::IFNAME),
        19 => ("meta pkttype", types::PACKET_TYPE),
        _ => return None,
    })
}

/// What `ct` loads: name and type, by `NFT_CT_*`; behind a direction for keys that have one.
pub fn connection(key: u64) -> Option<(&'static str, u64)> {
    Some(match key {
        0 => ("state", types::CT_STATE),
        1 => ("direction", types::CT_DIRECTION),
        2 => ("status", types::CT_STATUS),
        3 => ("mark", types::MARK),
        7 => ("l3proto", types::NFPROTO),
        10 => ("protocol", types::PROTOCOL),
        11 => ("proto-src", types::SERVICE),
        12 => ("proto-dst", types::SERVICE),
        19 => ("ip saddr", types::IPV4),
        20 => ("ip daddr", types::IPV4),
        21 => ("ip6 saddr", types::IPV6),
        22 => ("ip6 daddr", types::IPV6),
        _ => return None,
    })
}
