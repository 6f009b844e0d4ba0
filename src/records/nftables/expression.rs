//! The expressions of a rule: what the kernel does, step by step, with registers.

use super::super::attributes::{Column, Form, Row, Value, row as columns_of};
use super::super::netlink::attributes;
use super::DATA;

pub(super) const LIMIT: &[Column] = &[
    (1, "rate", Form::Be64),
    (2, "unit_s", Form::Be64),
    (3, "burst", Form::Be32),
    (4, "type", Form::Be32),
    (5, "flags", Form::Be32),
];

pub(super) const QUOTA: &[Column] =
    &[(1, "bytes", Form::Be64), (2, "flags", Form::Be32), (4, "consumed", Form::Be64)];

/// The columns of each expression, by its name.
const EXPRESSIONS: &[(&[u8], &[Column])] = &[
    (b"immediate", &[(1, "dreg", Form::Be32), (2, "data", Form::Nested(DATA))]),
    (b"cmp", &[(1, "sreg", Form::Be32), (2, "op", Form::Be32), (3, "data", Form::Nested(DATA))]),
    (
        b"range",
        &[
            (1, "sreg", Form::Be32),
            (2, "op", Form::Be32),
            (3, "from", Form::Nested(DATA)),
            (4, "to", Form::Nested(DATA)),
        ],
    ),
    (
        b"bitwise",
        &[
            (1, "sreg", Form::Be32),
            (2, "dreg", Form::Be32),
            (3, "len", Form::Be32),
            (4, "mask", Form::Nested(DATA)),
            (5, "xor", Form::Nested(DATA)),
            (6, "op", Form::Be32),
            (7, "data", Form::Nested(DATA)),
        ],
    ),
    (
        b"byteorder",
        &[
            (1, "sreg", Form::Be32),
            (2, "dreg", Form::Be32),
            (3, "op", Form::Be32),
            (4, "len", Form::Be32),
            (5, "size", Form::Be32),
        ],
    ),
    (
        b"lookup",
        &[
            (1, "set", Form::Name),
            (2, "sreg", Form::Be32),
            (3, "dreg", Form::Be32),
            (4, "set_id", Form::Be32),
            (5, "flags", Form::Be32),
        ],
    ),
    (
        b"dynset",
        &[
            (1, "set", Form::Name),
            (2, "set_id", Form::Be32),
            (3, "op", Form::Be32),
            (4, "sreg_key", Form::Be32),
            (5, "sreg_data", Form::Be32),
            (6, "timeout_ms", Form::Be64),
            (7, "expression", Form::Raw),
            (9, "flags", Form::Be32),
            (10, "expressions", Form::Raw),
        ],
    ),
    (
        b"payload",
        &[
            (1, "dreg", Form::Be32),
            (2, "base", Form::Be32),
            (3, "offset", Form::Be32),
            (4, "len", Form::Be32),
            (5, "sreg", Form::Be32),
            (6, "csum_type", Form::Be32),
            (7, "csum_offset", Form::Be32),
            (8, "csum_flags", Form::Be32),
        ],
    ),
    (
        b"exthdr",
        &[
            (1, "dreg", Form::Be32),
            (2, "type", Form::U8),
            (3, "offset", Form::Be32),
            (4, "len", Form::Be32),
            (5, "flags", Form::Be32),
            (6, "op", Form::Be32),
            (7, "sreg", Form::Be32),
        ],
    ),
    (b"meta", &[(1, "dreg", Form::Be32), (2, "key", Form::Be32), (3, "sreg", Form::Be32)]),
    (b"rt", &[(1, "dreg", Form::Be32), (2, "key", Form::Be32)]),
    (b"socket", &[(1, "key", Form::Be32), (2, "dreg", Form::Be32), (3, "level", Form::Be32)]),
    (
        b"ct",
        &[
            (1, "dreg", Form::Be32),
            (2, "key", Form::Be32),
            (3, "direction", Form::U8),
            (4, "sreg", Form::Be32),
        ],
    ),
    (b"limit", LIMIT),
    (b"counter", &[(1, "bytes", Form::Be64), (2, "packets", Form::Be64)]),
    (b"connlimit", &[(1, "count", Form::Be32), (2, "flags", Form::Be32)]),
    (b"quota", QUOTA),
    (
        b"log",
        &[
            (1, "group", Form::Be16),
            (2, "prefix", Form::Name),
            (3, "snaplen", Form::Be32),
            (4, "qthreshold", Form::Be16),
            (5, "level", Form::Be32),
            (6, "flags", Form::Be32),
        ],
    ),
    (
        b"queue",
        &[
            (1, "num", Form::Be16),
            (2, "total", Form::Be16),
            (3, "flags", Form::Be16),
            (4, "sreg", Form::Be32),
        ],
    ),
    (b"reject", &[(1, "type", Form::Be32), (2, "icmp_code", Form::U8)]),
    (
        b"nat",
        &[
            (1, "type", Form::Be32),
            (2, "family", Form::Be32),
            (3, "reg_addr_min", Form::Be32),
            (4, "reg_addr_max", Form::Be32),
            (5, "reg_proto_min", Form::Be32),
            (6, "reg_proto_max", Form::Be32),
            (7, "flags", Form::Be32),
        ],
    ),
    (
        b"masq",
        &[(1, "flags", Form::Be32), (2, "reg_proto_min", Form::Be32), (3, "reg_proto_max", Form::Be32)],
    ),
    (
        b"redir",
        &[(1, "reg_proto_min", Form::Be32), (2, "reg_proto_max", Form::Be32), (3, "flags", Form::Be32)],
    ),
    (b"fib", &[(1, "dreg", Form::Be32), (2, "result", Form::Be32), (3, "flags", Form::Be32)]),
    (
        b"objref",
        &[
            (1, "type", Form::Be32),
            (2, "object", Form::Name),
            (3, "sreg", Form::Be32),
            (4, "set", Form::Name),
            (5, "set_id", Form::Be32),
        ],
    ),
    (b"match", &[(1, "xt", Form::Name), (2, "rev", Form::Be32), (3, "info", Form::Raw)]),
    (b"target", &[(1, "xt", Form::Name), (2, "rev", Form::Be32), (3, "info", Form::Raw)]),
    (b"flow_offload", &[(1, "flowtable", Form::Name)]),
    (b"dup", &[(1, "sreg_addr", Form::Be32), (2, "sreg_dev", Form::Be32)]),
    (b"fwd", &[(1, "sreg_dev", Form::Be32), (2, "sreg_addr", Form::Be32), (3, "nfproto", Form::Be32)]),
    (b"tproxy", &[(1, "family", Form::Be32), (2, "reg_addr", Form::Be32), (3, "reg_port", Form::Be32)]),
    (b"notrack", &[]),
];

/// One expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// Its name, such as `cmp`.
    pub name: Vec<u8>,
    /// Its attributes as columns; of one that is not known here, all under `other`.
    pub columns: Row,
    /// Its attributes as they came.
    pub raw: Vec<u8>,
}

/// The expressions of a rule, as a list of `NFTA_LIST_ELEM`. Whether the list was whole.
pub fn read(bytes: &[u8]) -> (Vec<Expression>, bool) {
    let mut found = Vec::new();
    for element in attributes(bytes) {
        match element {
            Ok(element) => found.push(one(element.value)),
            Err(_) => return (found, false),
        }
    }
    (found, true)
}

/// One expression: `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`.
pub fn one(bytes: &[u8]) -> Expression {
    let mut outer = columns_of(&[(1, "name", Form::Name), (2, "data", Form::Raw)], bytes);
    let name = outer.name_of("name").unwrap_or_default().to_vec();
    let raw = match outer.take("data") {
        Some(Value::Raw(raw)) => raw,
        _ => Vec::new(),
    };
    let columns =
        EXPRESSIONS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, columns)| columns);
    let mut columns = columns_of(columns, &raw);
    // What stands beside name and data, or is torn, is kept too.
    for odd in ["other", "malformed"] {
        if let Some(value) = outer.take(odd) {
            columns.set(&format!("outer_{odd}"), value);
        }
    }
    Expression { name, columns, raw }
}

impl Expression {
    /// Whether every attribute has a column, so that nothing that it does is overlooked.
    pub fn is_plain(&self) -> bool {
        let odd = ["other", "malformed", "outer_other", "outer_malformed"];
        let known = EXPRESSIONS.iter().any(|(known, _)| *known == self.name);
        known && odd.iter().all(|column| !self.columns.0.contains_key(*column))
    }
}
