//! Nexthop objects, which routes name by their number (linux/nexthop.h).

use super::super::attributes::{Column, Form, Row, Value, flags, word};
use super::super::netlink::{u16_at, u32_at};
use super::{route, words};

/// `struct nhmsg`.
const HEADER: usize = 8;

const COLUMNS: &[Column] = &[
    (1, "id", Form::U32),
    (2, "group", Form::With(group)),
    (3, "type", Form::With(group_type)),
    (4, "blackhole", Form::Present),
    (5, "dev_index", Form::U32),
    (6, "gateway", Form::Address),
    (7, "encap_type", Form::U16),
    (8, "encap", Form::Raw),
    (10, "master_index", Form::U32),
    (11, "fdb", Form::Present),
    (12, "resilient", Form::Raw),
];

/// One object.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let &[family, scope, protocol, _] = payload.first_chunk::<4>()?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.word("scope", words::scope(scope));
    row.word("protocol", words::protocol(protocol));
    row.set("flags", flags(u32_at(payload, 4)?.into(), route::FLAGS));
    row.read(COLUMNS, attributes);
    route::encapsulation(&mut row);
    Some(row)
}

/// `struct nexthop_grp`, several.
fn group(bytes: &[u8]) -> Option<Value> {
    if !bytes.len().is_multiple_of(8) {
        return None;
    }
    let member = |bytes: &[u8]| {
        let mut row = Row::default();
        row.number("id", u32_at(bytes, 0)?);
        // The weight less one; since Linux 6.12 its high byte follows.
        row.number("weight", u64::from(u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?)) + 1);
        Some(Value::Row(row))
    };
    bytes.chunks_exact(8).map(member).collect::<Option<_>>().map(Value::List)
}

fn group_type(bytes: &[u8]) -> Option<Value> {
    Some(Value::Word(word(u16_at(bytes, 0)?.into(), &[(0, "mpath"), (1, "resilient")])))
}
