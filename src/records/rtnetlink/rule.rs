//! Rules: which routing table is asked for which packet (linux/fib_rules.h).

use super::super::attributes::{Column, Form, Row, Value, flags, word};
use super::super::netlink::{u16_at, u32_at};
use super::{prefix, words};

/// `struct fib_rule_hdr`.
const HEADER: usize = 12;

const COLUMNS: &[Column] = &[
    (1, "dst", Form::Address),
    (2, "src", Form::Address),
    (3, "iif", Form::Name),
    (4, "goto", Form::U32),
    (6, "priority", Form::U32),
    (10, "fwmark", Form::U32),
    (11, "realms", Form::U32),
    (12, "tun_id", Form::Be64),
    (13, "suppress_ifgroup", Form::I32),
    (14, "suppress_prefixlen", Form::I32),
    (15, "table_id", Form::U32),
    (16, "fwmask", Form::U32),
    (17, "oif", Form::Name),
    (19, "l3mdev", Form::U8),
    (20, "uidrange", Form::With(users)),
    (21, "protocol", Form::U8),
    (22, "ipproto", Form::U8),
    (23, "sport", Form::With(ports)),
    (24, "dport", Form::With(ports)),
];

const ACTIONS: &[(u64, &str)] = &[
    (0, "unspec"),
    (1, "to_table"),
    (2, "goto"),
    (3, "nop"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];

const FLAGS: &[(u64, &str)] =
    &[(1, "permanent"), (2, "not"), (4, "unresolved"), (8, "iif_detached"), (16, "oif_detached")];

/// One rule.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let &[family, dst_length, src_length, tos, table, _, _, action] = payload.first_chunk::<8>()?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.read(COLUMNS, attributes);
    row.word("action", word(action.into(), ACTIONS));
    row.set("flags", flags(u32_at(payload, 8)?.into(), FLAGS));
    if tos != 0 {
        row.number("tos", tos);
    }
    let inner = super::family_of_addresses(family);
    for (column, length) in [("dst", dst_length), ("src", src_length)] {
        let value = prefix(row.take(column), length, inner);
        row.set(column, value.unwrap_or_else(|| Value::Word("all".into())));
    }
    let table = row.number_of("table_id").unwrap_or_else(|| table.into());
    row.take("table_id");
    if table != 0 {
        row.number("table_id", table);
        row.word("table", words::table(table));
    }
    let protocol = row.number_of("protocol").unwrap_or(0);
    row.word("protocol", words::protocol(protocol));
    // The absence of a limit is written as -1.
    for column in ["suppress_ifgroup", "suppress_prefixlen"] {
        if row.0.get(column) == Some(&Value::Signed(-1)) {
            row.take(column);
        }
    }
    // A rule that was given none has the highest priority, 0, and the kernel leaves it out.
    row.0.entry("priority".into()).or_insert(Value::Number(0));
    Some(row)
}

/// `struct fib_rule_uid_range`
fn users(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    row.number("start", u32_at(bytes, 0)?);
    row.number("end", u32_at(bytes, 4)?);
    Some(Value::Row(row))
}

/// `struct fib_rule_port_range`
fn ports(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    row.number("start", u16_at(bytes, 0)?);
    row.number("end", u16_at(bytes, 2)?);
    Some(Value::Row(row))
}
