//! Routes: unicast and multicast, of IPv4, IPv6 and MPLS (linux/rtnetlink.h).

use super::super::attributes::{Column, Form, Row, Value, address, flags, hardware, row as columns_of, word};
use super::super::netlink::{u16_at, u32_at, u64_at};
use super::{MPLS, prefix, words};

/// `struct rtmsg`.
const HEADER: usize = 12;

/// `struct rtnexthop`.
const NEXTHOP: usize = 8;

/// Ticks of a second, as user programs see them on every architecture but Alpha.
const TICKS: i64 = 100;

const COLUMNS: &[Column] = &[
    (1, "dst", Form::Raw),
    (2, "from", Form::Raw),
    (3, "iif_index", Form::U32),
    (4, "dev_index", Form::U32),
    (5, "gateway", Form::Address),
    (6, "metric", Form::U32),
    (7, "prefsrc", Form::Address),
    (8, "metrics", Form::Nested(METRICS)),
    (9, "nexthops", Form::With(nexthops)),
    (11, "realm", Form::U32),
    (12, "cacheinfo", Form::With(cache)),
    (15, "table_id", Form::U32),
    (16, "mark", Form::U32),
    (17, "mfc_stats", Form::With(multicast_counters)),
    (18, "via", Form::With(via)),
    (19, "newdst", Form::Raw),
    (20, "pref", Form::With(preference)),
    (21, "encap_type", Form::U16),
    (22, "encap", Form::Raw),
    (23, "mfc_expires_ticks", Form::U64),
    (26, "ttl_propagate", Form::U8),
    (30, "nhid", Form::U32),
];

/// `RTAX_*`.
const METRICS: &[Column] = &[
    (1, "lock", Form::U32),
    (2, "mtu", Form::U32),
    (3, "window", Form::U32),
    (4, "rtt", Form::U32),
    (5, "rttvar", Form::U32),
    (6, "ssthresh", Form::U32),
    (7, "cwnd", Form::U32),
    (8, "advmss", Form::U32),
    (9, "reordering", Form::U32),
    (10, "hoplimit", Form::U32),
    (11, "initcwnd", Form::U32),
    (12, "features", Form::U32),
    (13, "rto_min", Form::U32),
    (14, "initrwnd", Form::U32),
    (15, "quickack", Form::U32),
    (16, "congctl", Form::Name),
    (17, "fastopen_no_cookie", Form::U32),
];

/// `RTNH_F_*`, and of rtm_flags `RTM_F_*`.
pub(super) const FLAGS: &[(u64, &str)] = &[
    (1, "dead"),
    (2, "pervasive"),
    (4, "onlink"),
    (8, "offload"),
    (16, "linkdown"),
    (32, "unresolved"),
    (64, "trap"),
    (0x100, "notify"),
    (0x200, "cloned"),
    (0x400, "equalize"),
    (0x800, "prefix"),
    (0x4000, "rt_offload"),
    (0x8000, "rt_trap"),
    (0x2000_0000, "rt_offload_failed"),
];

/// One route.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let &[family, dst_length, src_length, tos, table, protocol, scope, kind] = payload.first_chunk::<8>()?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.read(COLUMNS, attributes);
    let table = row.number_of("table_id").unwrap_or_else(|| table.into());
    row.number("table_id", table);
    row.word("table", words::table(table));
    row.word("protocol", words::protocol(protocol));
    row.word("scope", words::scope(scope));
    row.word("type", words::route_type(kind));
    row.set("flags", flags(u32_at(payload, 8)?.into(), FLAGS));
    if tos != 0 {
        row.number("tos", tos);
    }
    let inner = super::family_of_addresses(family);
    let dst = take_address(&mut row, "dst", inner);
    let dst = if inner == MPLS { dst } else { prefix(dst, dst_length, inner) };
    row.set("dst", dst.unwrap_or_else(|| Value::Word("default".into())));
    let from = take_address(&mut row, "from", inner);
    if let Some(from) = prefix(from, src_length, inner) {
        row.set("from", from);
    }
    if let Some(labels) = take_address(&mut row, "newdst", MPLS) {
        row.set("newdst", labels);
    }
    if let Some(Value::Row(times)) = row.take("cacheinfo") {
        row.0.extend(times.0);
    }
    encapsulation(&mut row);
    Some(row)
}

/// The kind of encapsulation by its word, and what is known of it in columns.
pub(super) fn encapsulation(row: &mut Row) {
    let Some(kind) = row.number_of("encap_type") else { return };
    let words = [
        (1, "mpls"),
        (2, "ip"),
        (3, "ila"),
        (4, "ip6"),
        (5, "seg6"),
        (6, "bpf"),
        (7, "seg6local"),
        (8, "rpl"),
        (9, "ioam6"),
        (10, "xfrm"),
    ];
    row.word("encap_type", word(kind, &words));
    // LWTUNNEL_IP_* of linux/lwtunnel.h.
    const IP: &[Column] = &[
        (1, "id", Form::Be64),
        (2, "dst", Form::Address),
        (3, "src", Form::Address),
        (4, "ttl", Form::U8),
        (5, "tos", Form::U8),
        (6, "flags", Form::U16),
    ];
    if matches!(kind, 2 | 4)
        && let Some(Value::Raw(bytes)) = row.take("encap")
    {
        row.set("encap", Value::Row(columns_of(IP, &bytes)));
    }
}

/// A column's bytes as an address, or as labels of MPLS; left as they came if they are neither.
fn take_address(row: &mut Row, column: &str, family: u8) -> Option<Value> {
    let Some(Value::Raw(bytes)) = row.take(column) else { return None };
    let text = if family == MPLS { labels(&bytes) } else { address(&bytes) };
    Some(text.map_or(Value::Raw(bytes), Value::Word))
}

/// Labels of MPLS (RFC 3032): each the upper twenty of thirty-two bits.
fn labels(bytes: &[u8]) -> Option<String> {
    let label = |label: &[u8]| Some((u32::from_be_bytes(label.try_into().ok()?) >> 12).to_string());
    let labels: Vec<String> = bytes.chunks(4).map(label).collect::<Option<_>>()?;
    (!labels.is_empty()).then(|| labels.join("/"))
}

/// `struct rtvia`: a gateway of another family.
fn via(bytes: &[u8]) -> Option<Value> {
    let family = u16_at(bytes, 0)?;
    let host = bytes.get(2..)?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.word("host", address(host).unwrap_or_else(|| hardware(host)));
    Some(Value::Row(row))
}

/// `struct rta_mfc_stats`.
fn multicast_counters(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    row.number("packets", u64_at(bytes, 0)?);
    row.number("bytes", u64_at(bytes, 8)?);
    row.number("wrong_if", u64_at(bytes, 16)?);
    Some(Value::Row(row))
}

fn preference(bytes: &[u8]) -> Option<Value> {
    let words = [(0, "medium"), (1, "high"), (3, "low")];
    Some(Value::Word(word(bytes.first().copied()?.into(), &words)))
}

/// `struct rta_cacheinfo`: when it ends, in seconds from now, and the error that it gives.
fn cache(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    let expires = i64::from(u32_at(bytes, 8)?.cast_signed());
    if expires != 0 {
        row.set("expires", Value::Signed(expires / TICKS));
    }
    let error = u32_at(bytes, 12)?;
    if error != 0 {
        row.set("error", Value::Signed(error.cast_signed().into()));
    }
    u32_at(bytes, 28)?;
    Some(Value::Row(row))
}

/// `struct rtnexthop`, several, each with attributes of its own.
fn nexthops(mut bytes: &[u8]) -> Option<Value> {
    let mut ways = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(u16_at(bytes, 0)?);
        let attributes = bytes.get(NEXTHOP..length)?;
        let mut way = Row::default();
        way.set("flags", flags(bytes.get(2).copied()?.into(), FLAGS));
        // The kernel keeps the weight less one; in multicast routes it is the least time to live.
        way.number("weight", u64::from(bytes.get(3).copied()?) + 1);
        way.number("dev_index", u32_at(bytes, 4)?);
        way.read(COLUMNS, attributes);
        encapsulation(&mut way);
        ways.push(Value::Row(way));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Value::List(ways))
}
