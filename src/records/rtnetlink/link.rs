//! Links: network interfaces, real and made up (linux/if_link.h).

use super::super::attributes::{Column, Form, Row, Value, flags, word};
use super::super::netlink::{u16_at, u32_at, u64_at};

/// `struct ifinfomsg`.
const HEADER: usize = 16;

const COLUMNS: &[Column] = &[
    (1, "address", Form::Hardware),
    (2, "broadcast", Form::Hardware),
    (3, "ifname", Form::Name),
    (4, "mtu", Form::U32),
    (5, "link_index", Form::U32),
    (6, "qdisc", Form::Name),
    (10, "master_index", Form::U32),
    (13, "txqlen", Form::U32),
    (16, "operstate", Form::With(operstate)),
    (17, "linkmode", Form::U8),
    (18, "linkinfo", Form::Nested(INFO)),
    (20, "ifalias", Form::Name),
    (21, "num_vf", Form::U32),
    (23, "stats64", Form::With(stats)),
    (27, "group", Form::U32),
    (30, "promiscuity", Form::U32),
    (31, "num_tx_queues", Form::U32),
    (32, "num_rx_queues", Form::U32),
    (33, "carrier", Form::U8),
    (34, "phys_port_id", Form::Hardware),
    (35, "carrier_changes", Form::U32),
    (36, "phys_switch_id", Form::Hardware),
    (37, "link_netnsid", Form::I32),
    (38, "phys_port_name", Form::Name),
    (39, "proto_down", Form::U8),
    (43, "xdp", Form::Nested(XDP)),
    (47, "carrier_up_count", Form::U32),
    (48, "carrier_down_count", Form::U32),
    (50, "min_mtu", Form::U32),
    (51, "max_mtu", Form::U32),
    (52, "altnames", Form::With(other_names)),
    (54, "permaddr", Form::Hardware),
    (56, "parentdev", Form::Name),
    (57, "parentbus", Form::Name),
    (61, "allmulti", Form::U32),
];

const INFO: &[Column] = &[
    (1, "info_kind", Form::Name),
    (2, "info_data", Form::Raw),
    (4, "info_slave_kind", Form::Name),
    (5, "info_slave_data", Form::Raw),
];

/// `IFLA_XDP_*`: programs that see every packet before anything else does.
const XDP: &[Column] = &[
    (2, "attached", Form::With(attached)),
    (3, "flags", Form::U32),
    (4, "prog_id", Form::U32),
    (5, "drv_prog_id", Form::U32),
    (6, "skb_prog_id", Form::U32),
    (7, "hw_prog_id", Form::U32),
];

const VLAN: &[Column] = &[(1, "id", Form::U16), (5, "protocol", Form::Be16)];
const VRF: &[Column] = &[(1, "table", Form::U32)];
const MACVLAN: &[Column] = &[(1, "mode", Form::U32)];
const VXLAN: &[Column] = &[
    (1, "id", Form::U32),
    (2, "group", Form::Address),
    (3, "link_index", Form::U32),
    (4, "local", Form::Address),
    (15, "port", Form::Be16),
    (16, "group6", Form::Address),
    (17, "local6", Form::Address),
];
/// linux/if_tunnel.h: GRE.
const GRE: &[Column] = &[
    (1, "link_index", Form::U32),
    (4, "ikey", Form::Be32),
    (5, "okey", Form::Be32),
    (6, "local", Form::Address),
    (7, "remote", Form::Address),
    (8, "ttl", Form::U8),
];
/// linux/if_tunnel.h: IP in IP, SIT, IPv6 tunnels.
const TUNNEL: &[Column] = &[
    (1, "link_index", Form::U32),
    (2, "local", Form::Address),
    (3, "remote", Form::Address),
    (4, "ttl", Form::U8),
];

/// One link.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let mut row = Row::default();
    row.number("ifindex", u32_at(payload, 4)?);
    row.word("link_type", link_type(u16_at(payload, 2)?));
    row.set("flags", flags(u32_at(payload, 8)?.into(), FLAGS));
    row.read(COLUMNS, attributes);
    if let Some(Value::Row(mut info)) = row.take("linkinfo") {
        details(&mut info);
        row.set("linkinfo", Value::Row(info));
    }
    Some(row)
}

/// What a kind of link says of itself; of kinds that are not known here, the bytes as they came.
fn details(info: &mut Row) {
    let columns = match info.name_of("info_kind") {
        Some(b"vlan") => VLAN,
        Some(b"vrf") => VRF,
        Some(b"macvlan" | b"macvtap") => MACVLAN,
        Some(b"vxlan") => VXLAN,
        Some(b"gre" | b"gretap" | b"ip6gre" | b"ip6gretap" | b"erspan") => GRE,
        Some(b"ipip" | b"sit" | b"ip6tnl") => TUNNEL,
        _ => return,
    };
    if let Some(Value::Raw(bytes)) = info.take("info_data") {
        info.set("info_data", Value::Row(super::super::attributes::row(columns, &bytes)));
    }
}

/// `IFF_*` of linux/if.h, in the order and words of `ip`.
const FLAGS: &[(u64, &str)] = &[
    (1 << 3, "LOOPBACK"),
    (1 << 1, "BROADCAST"),
    (1 << 4, "POINTOPOINT"),
    (1 << 12, "MULTICAST"),
    (1 << 7, "NOARP"),
    (1 << 9, "ALLMULTI"),
    (1 << 8, "PROMISC"),
    (1 << 10, "MASTER"),
    (1 << 11, "SLAVE"),
    (1 << 2, "DEBUG"),
    (1 << 15, "DYNAMIC"),
    (1 << 14, "AUTOMEDIA"),
    (1 << 13, "PORTSEL"),
    (1 << 5, "NOTRAILERS"),
    (1, "UP"),
    (1 << 6, "RUNNING"),
    (1 << 16, "LOWER_UP"),
    (1 << 17, "DORMANT"),
    (1 << 18, "ECHO"),
];

/// `ARPHRD_*` of linux/if_arp.h.
fn link_type(number: u16) -> String {
    let words = [
        (1, "ether"),
        (32, "infiniband"),
        (512, "ppp"),
        (768, "ipip"),
        (769, "tunnel6"),
        (772, "loopback"),
        (776, "sit"),
        (778, "gre"),
        (801, "ieee802.11"),
        (823, "gre6"),
        (65534, "none"),
    ];
    word(number.into(), &words)
}

fn operstate(bytes: &[u8]) -> Option<Value> {
    let words = [
        (0, "UNKNOWN"),
        (1, "NOTPRESENT"),
        (2, "DOWN"),
        (3, "LOWERLAYERDOWN"),
        (4, "TESTING"),
        (5, "DORMANT"),
        (6, "UP"),
    ];
    Some(Value::Word(word(bytes.first().copied()?.into(), &words)))
}

fn attached(bytes: &[u8]) -> Option<Value> {
    let words = [(0, "none"), (1, "driver"), (2, "generic"), (3, "offload"), (4, "multi")];
    Some(Value::Word(word(bytes.first().copied()?.into(), &words)))
}

/// `struct rtnl_link_stats64`: newer kernels have more behind, which stays in the raw answer.
fn stats(bytes: &[u8]) -> Option<Value> {
    const COUNTERS: &[&str] = &[
        "rx_packets",
        "tx_packets",
        "rx_bytes",
        "tx_bytes",
        "rx_errors",
        "tx_errors",
        "rx_dropped",
        "tx_dropped",
        "multicast",
        "collisions",
    ];
    let mut row = Row::default();
    for (at, counter) in COUNTERS.iter().enumerate() {
        row.number(counter, u64_at(bytes, at * 8)?);
    }
    Some(Value::Row(row))
}

/// `IFLA_PROP_LIST`, a list of `IFLA_ALT_IFNAME`.
fn other_names(bytes: &[u8]) -> Option<Value> {
    let mut names = Vec::new();
    for attribute in super::super::netlink::attributes(bytes) {
        let attribute = attribute.ok().filter(|attribute| attribute.kind == 53)?;
        names.push(Value::Name(attribute.value.strip_suffix(b"\0").unwrap_or(attribute.value).to_vec()));
    }
    Some(Value::List(names))
}
