//! The packet filter nf_tables as the kernel lists it (linux/netfilter/nf_tables.h). Numbers are of network order, but
//! the data of expressions are as the packet or the kernel has them.

pub mod expression;
mod fields;
pub mod intervals;
pub mod render;
mod statement;
mod types;

pub use types::{Links, joined as value_text, name as type_name};

use super::attributes::{Column, Form, Row, Value, flags, row as columns_of, word};

/// `struct nfgenmsg`: family, version, resource.
pub const HEADER: usize = 4;

/// The type of a message of nf_tables: its subsystem in the upper byte.
pub const fn message(op: u16) -> u16 {
    (10 << 8) | op
}

/// Numbers of questions and of the messages that answer them.
pub mod op {
    /// Asks for tables; their rows have the number one less, as all of these but the generation's.
    pub const GET_TABLE: u16 = 1;
    /// Chains.
    pub const GET_CHAIN: u16 = 4;
    /// Rules.
    pub const GET_RULE: u16 = 7;
    /// Sets and maps, without what is in them.
    pub const GET_SET: u16 = 10;
    /// What is in one set.
    pub const GET_ELEMENTS: u16 = 13;
    /// The generation of the rule set.
    pub const GET_GENERATION: u16 = 16;
    /// Objects with a state: counters, quotas, helpers.
    pub const GET_OBJECT: u16 = 19;
    /// Flow tables.
    pub const GET_FLOWTABLE: u16 = 23;
}

const TABLE: &[Column] = &[
    (1, "name", Form::Name),
    (2, "flags", Form::With(table_flags)),
    (3, "use", Form::Be32),
    (4, "handle", Form::Be64),
    (6, "userdata", Form::Raw),
    (7, "owner", Form::Be32),
];

const HOOK: &[Column] = &[
    (1, "number", Form::Be32),
    (2, "priority", Form::BeI32),
    (3, "dev", Form::Name),
    (4, "devices", Form::With(devices)),
];

const COUNTER: &[Column] = &[(1, "bytes", Form::Be64), (2, "packets", Form::Be64)];

const CHAIN: &[Column] = &[
    (1, "table", Form::Name),
    (2, "handle", Form::Be64),
    (3, "name", Form::Name),
    (4, "hook", Form::Nested(HOOK)),
    (5, "policy", Form::With(policy)),
    (6, "use", Form::Be32),
    (7, "type", Form::Name),
    (8, "counters", Form::Nested(COUNTER)),
    (10, "flags", Form::With(chain_flags)),
    (12, "userdata", Form::Raw),
];

const RULE: &[Column] = &[
    (1, "table", Form::Name),
    (2, "chain", Form::Name),
    (3, "handle", Form::Be64),
    (4, "expressions", Form::Raw),
    (6, "position", Form::Be64),
    (7, "userdata", Form::Raw),
];

const SET_DESCRIPTION: &[Column] = &[(1, "size", Form::Be32), (2, "concat", Form::Raw)];

const SET: &[Column] = &[
    (1, "table", Form::Name),
    (2, "name", Form::Name),
    (3, "flags", Form::With(set_flags)),
    (4, "key_type", Form::Be32),
    (5, "key_len", Form::Be32),
    (6, "data_type", Form::Be32),
    (7, "data_len", Form::Be32),
    (8, "policy", Form::Be32),
    (9, "description", Form::Nested(SET_DESCRIPTION)),
    (11, "timeout_ms", Form::Be64),
    (12, "gc_interval_ms", Form::Be32),
    (13, "userdata", Form::Raw),
    (15, "object_type", Form::Be32),
    (16, "handle", Form::Be64),
    (17, "expression", Form::Raw),
    (18, "expressions", Form::Raw),
    // Since Linux 6.16: what it is kept in, by a function of the kernel's, and how many elements it has.
    (19, "kept_in", Form::Name),
    (20, "count", Form::Be32),
];

const VERDICT: &[Column] = &[(1, "code", Form::BeI32), (2, "chain", Form::Name)];
pub(super) const DATA: &[Column] = &[(1, "value", Form::Raw), (2, "verdict", Form::Nested(VERDICT))];

const ELEMENT: &[Column] = &[
    (1, "key", Form::Nested(DATA)),
    (2, "data", Form::Nested(DATA)),
    (3, "flags", Form::With(element_flags)),
    (4, "timeout_ms", Form::Be64),
    (5, "expires_ms", Form::Be64),
    (6, "userdata", Form::Raw),
    (7, "expression", Form::Raw),
    (9, "object", Form::Name),
    (10, "key_end", Form::Nested(DATA)),
    (11, "expressions", Form::Raw),
];

const ELEMENTS: &[Column] =
    &[(1, "table", Form::Name), (2, "set", Form::Name), (3, "elements", Form::Each(ELEMENT))];

const OBJECT: &[Column] = &[
    (1, "table", Form::Name),
    (2, "name", Form::Name),
    (3, "type_number", Form::Be32),
    (4, "data", Form::Raw),
    (5, "use", Form::Be32),
    (6, "handle", Form::Be64),
    (8, "userdata", Form::Raw),
];

const FLOWTABLE: &[Column] = &[
    (1, "table", Form::Name),
    (2, "name", Form::Name),
    (3, "hook", Form::Nested(HOOK)),
    (4, "use", Form::Be32),
    (5, "handle", Form::Be64),
    (7, "flags", Form::Be32),
];

const GENERATION: &[Column] = &[(1, "id", Form::Be32), (2, "pid", Form::Be32), (3, "name", Form::Name)];

/// `NFT_OBJECT_*`
const OBJECTS: &[(u64, &str)] = &[
    (1, "counter"),
    (2, "quota"),
    (3, "ct helper"),
    (4, "limit"),
    (5, "connlimit"),
    (6, "tunnel"),
    (7, "ct timeout"),
    (8, "secmark"),
    (9, "ct expectation"),
    (10, "synproxy"),
];

/// `NFPROTO_*`
const FAMILIES: &[(u64, &str)] =
    &[(0, "unspec"), (1, "inet"), (2, "ip"), (3, "arp"), (5, "netdev"), (7, "bridge"), (10, "ip6")];

/// The word for a family.
pub fn family(number: u8) -> String {
    word(number.into(), FAMILIES)
}

/// One row of the answer to question `op`; none if the payload is too short for its header. A rule's expressions are
/// as they came, for [`expression`].
pub fn row(op: u16, payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let family = payload.first().copied()?;
    let columns = match op {
        op::GET_TABLE => TABLE,
        op::GET_CHAIN => CHAIN,
        op::GET_RULE => RULE,
        op::GET_SET => SET,
        op::GET_ELEMENTS => ELEMENTS,
        op::GET_OBJECT => OBJECT,
        op::GET_FLOWTABLE => FLOWTABLE,
        op::GET_GENERATION => GENERATION,
        _ => return None,
    };
    let mut row = columns_of(columns, attributes);
    row.word("family", self::family(family));
    match op {
        op::GET_CHAIN | op::GET_FLOWTABLE => name_hook(&mut row, family),
        op::GET_OBJECT => object(&mut row),
        _ => {}
    }
    if let Some(comment) =
        row.raw_of("userdata").and_then(|data| comment(data, if op == op::GET_SET { 7 } else { 0 }))
    {
        row.set("comment", Value::Name(comment));
    }
    Some(row)
}

/// The word for a hook, which depends on the family.
fn name_hook(row: &mut Row, family: u8) {
    let Some(Value::Row(hook)) = row.0.get_mut("hook") else { return };
    let Some(number) = hook.number_of("number") else { return };
    let words: &[(u64, &str)] = match family {
        3 => &[(0, "input"), (1, "output")],
        5 => &[(0, "ingress"), (1, "egress")],
        _ => &[
            (0, "prerouting"),
            (1, "input"),
            (2, "forward"),
            (3, "output"),
            (4, "postrouting"),
            (5, "ingress"),
        ],
    };
    hook.word("name", word(number, words));
}

/// An object's data, in the columns of its kind.
fn object(row: &mut Row) {
    let Some(number) = row.number_of("type_number") else { return };
    row.word("type", word(number, OBJECTS));
    const HELPER: &[Column] =
        &[(1, "name", Form::Name), (2, "l3proto", Form::Be16), (3, "l4proto", Form::U8)];
    let columns = match number {
        1 => COUNTER,
        2 => expression::QUOTA,
        3 => HELPER,
        4 => expression::LIMIT,
        _ => return,
    };
    if let Some(Value::Raw(data)) = row.take("data") {
        row.set("data", Value::Row(columns_of(columns, &data)));
    }
}

/// The word for a kind of object.
pub fn object_type(number: u64) -> String {
    word(number, OBJECTS)
}

/// The comment in user data as nft(8) writes them: type and length of a byte each; in sets the comment is number 7.
pub fn comment(mut data: &[u8], number: u8) -> Option<Vec<u8>> {
    while let [kind, length, rest @ ..] = data {
        let value = rest.get(..usize::from(*length))?;
        if *kind == number {
            return Some(value.strip_suffix(b"\0").unwrap_or(value).to_vec());
        }
        data = rest.get(usize::from(*length)..)?;
    }
    None
}

fn bits(bytes: &[u8], words: &[(u64, &str)]) -> Option<Value> {
    let number = u32::from_be_bytes(bytes.try_into().ok()?);
    Some(flags(number.into(), words))
}

fn table_flags(bytes: &[u8]) -> Option<Value> {
    bits(bytes, &[(1, "dormant"), (2, "owner"), (4, "persist")])
}

fn chain_flags(bytes: &[u8]) -> Option<Value> {
    bits(bytes, &[(1, "base"), (2, "offload"), (4, "binding")])
}

fn set_flags(bytes: &[u8]) -> Option<Value> {
    bits(
        bytes,
        &[
            (1, "anonymous"),
            (2, "constant"),
            (4, "interval"),
            (8, "map"),
            (16, "timeout"),
            (32, "dynamic"),
            (64, "object"),
            (128, "concat"),
        ],
    )
}

fn element_flags(bytes: &[u8]) -> Option<Value> {
    bits(bytes, &[(1, "interval_end"), (2, "catch_all")])
}

fn policy(bytes: &[u8]) -> Option<Value> {
    let number = u32::from_be_bytes(bytes.try_into().ok()?);
    Some(Value::Word(word(number.into(), &[(0, "drop"), (1, "accept")])))
}

/// A list of `NFTA_DEVICE_NAME`.
fn devices(bytes: &[u8]) -> Option<Value> {
    let mut names = Vec::new();
    for attribute in super::netlink::attributes(bytes) {
        let attribute = attribute.ok().filter(|attribute| attribute.kind == 1)?;
        names.push(Value::Name(attribute.value.strip_suffix(b"\0").unwrap_or(attribute.value).to_vec()));
    }
    Some(Value::List(names))
}
