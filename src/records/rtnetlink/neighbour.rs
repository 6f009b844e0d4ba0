//! Neighbours: which machine of the same link has which address, and the forwarding tables of bridges
//! (linux/neighbour.h).

use super::super::attributes::{Column, Form, Row, Value, address, flags, hardware};
use super::super::netlink::{u16_at, u32_at};
use super::{BRIDGE, words};

/// `struct ndmsg`.
const HEADER: usize = 12;

const COLUMNS: &[Column] = &[
    (1, "dst", Form::With(destination)),
    (2, "lladdr", Form::With(link_address)),
    (3, "cacheinfo", Form::With(ages)),
    (4, "probes", Form::U32),
    (5, "vlan", Form::U16),
    (6, "port", Form::Be16),
    (7, "vni", Form::U32),
    (8, "via_index", Form::U32),
    (9, "master_index", Form::U32),
    (10, "link_netnsid", Form::I32),
    (11, "src_vni", Form::U32),
    (12, "protocol", Form::U8),
    (13, "nhid", Form::U32),
    (15, "flags_ext", Form::U32),
];

const STATES: &[(u64, &str)] = &[
    (1, "INCOMPLETE"),
    (2, "REACHABLE"),
    (4, "STALE"),
    (8, "DELAY"),
    (0x10, "PROBE"),
    (0x20, "FAILED"),
    (0x40, "NOARP"),
    (0x80, "PERMANENT"),
];

const FLAGS: &[(u64, &str)] = &[
    (1, "use"),
    (2, "self"),
    (4, "master"),
    (8, "proxy"),
    (0x10, "extern_learn"),
    (0x20, "offload"),
    (0x40, "sticky"),
    (0x80, "router"),
];

/// One neighbour.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let family = payload.first().copied()?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.number("dev_index", u32_at(payload, 4)?);
    row.set("state", flags(u16_at(payload, 8)?.into(), STATES));
    row.set("flags", flags(payload.get(10).copied()?.into(), FLAGS));
    // What kind of address it is: single, broadcast, multicast, as for routes. A bridge's entries have none.
    let kind = payload.get(11).copied()?;
    if family != BRIDGE && kind != 0 {
        row.word("type", words::route_type(kind));
    }
    row.read(COLUMNS, attributes);
    if let Some(protocol) = row.number_of("protocol") {
        row.word("protocol", words::protocol(protocol));
    }
    if let Some(bits) = row.number_of("flags_ext") {
        row.set("flags_ext", flags(bits, &[(1, "managed"), (2, "locked"), (4, "ext_validated")]));
    }
    if let Some(Value::Row(ages)) = row.take("cacheinfo") {
        row.0.extend(ages.0);
    }
    Some(row)
}

fn destination(bytes: &[u8]) -> Option<Value> {
    Some(Value::Word(address(bytes).unwrap_or_else(|| hardware(bytes))))
}

/// Six bytes, or on tunnels the outer address.
fn link_address(bytes: &[u8]) -> Option<Value> {
    let text = match bytes.len() {
        4 | 16 => address(bytes),
        _ => None,
    };
    Some(Value::Word(text.unwrap_or_else(|| hardware(bytes))))
}

/// `struct nda_cacheinfo`: hundredths of a second since it was confirmed, used and changed.
fn ages(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    row.number("confirmed_ticks", u32_at(bytes, 0)?);
    row.number("used_ticks", u32_at(bytes, 4)?);
    row.number("updated_ticks", u32_at(bytes, 8)?);
    row.number("refcnt", u32_at(bytes, 12)?);
    Some(Value::Row(row))
}
