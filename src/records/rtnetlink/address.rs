//! Addresses of links, and the groups that they listen to (linux/if_addr.h).

use super::super::attributes::{Column, Form, Row, Value, flags};
use super::super::netlink::u32_at;
use super::words;

/// `struct ifaddrmsg`.
const HEADER: usize = 8;

const COLUMNS: &[Column] = &[
    (1, "address", Form::Address),
    (2, "local", Form::Address),
    (3, "label", Form::Name),
    (4, "broadcast", Form::Address),
    (5, "anycast", Form::Address),
    (6, "cacheinfo", Form::With(lifetimes)),
    (7, "multicast", Form::Address),
    (8, "flags", Form::U32),
    (9, "metric", Form::U32),
    (11, "protocol", Form::U8),
];

/// `IFA_F_*`, in the words of `ip`. A permanent address is one that is not `dynamic` there.
const FLAGS: &[(u64, &str)] = &[
    (0x01, "secondary"),
    (0x02, "nodad"),
    (0x04, "optimistic"),
    (0x08, "dadfailed"),
    (0x10, "home"),
    (0x20, "deprecated"),
    (0x40, "tentative"),
    (0x80, "permanent"),
    (0x100, "mngtmpaddr"),
    (0x200, "noprefixroute"),
    (0x400, "autojoin"),
    (0x800, "stable-privacy"),
];

/// One address. Of an address without a peer, `local` is the same as `address`, which is then left out.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let &[family, prefix, short_flags, scope] = payload.first_chunk::<4>()?;
    let mut row = Row::default();
    row.word("family", words::family(family));
    row.number("prefixlen", prefix);
    row.word("scope", words::scope(scope));
    row.number("dev_index", u32_at(payload, 4)?);
    row.read(COLUMNS, attributes);
    let bits = row.number_of("flags").unwrap_or_else(|| short_flags.into());
    row.set("flags", flags(bits, FLAGS));
    if row.word_of("local").is_none()
        && let Some(address) = row.take("address")
    {
        row.set("local", address);
    }
    if row.word_of("local") == row.word_of("address") {
        row.take("address");
    }
    if let Some(Value::Row(times)) = row.take("cacheinfo") {
        row.0.extend(times.0);
    }
    Some(row)
}

/// `struct ifa_cacheinfo`: seconds left, where 2^32 - 1 is for ever; made and changed in hundredths of a second since
/// the start of the system.
fn lifetimes(bytes: &[u8]) -> Option<Value> {
    let mut row = Row::default();
    row.number("preferred_life_time", u32_at(bytes, 0)?);
    row.number("valid_life_time", u32_at(bytes, 4)?);
    row.number("created_ticks", u32_at(bytes, 8)?);
    row.number("updated_ticks", u32_at(bytes, 12)?);
    Some(Value::Row(row))
}
