//! The kernel's tables of links, addresses, routes, rules, neighbours and nexthops, as rtnetlink(7) gives them
//! (linux/rtnetlink.h and what it includes). Columns have the names that `ip -j` uses where it has one.

pub mod address;
pub mod link;
pub mod multicast;
pub mod neighbour;
pub mod nexthop;
pub mod route;
pub mod rule;
pub mod traffic;
pub mod words;

use super::attributes::{Row, Value};
use super::netlink::Message;

/// Number of a question; the rows of its answer have the number two less.
pub mod ask {
    /// Links, `struct ifinfomsg`.
    pub const LINK: u16 = 18;
    /// Addresses, `struct ifaddrmsg`.
    pub const ADDRESS: u16 = 22;
    /// Routes, `struct rtmsg`.
    pub const ROUTE: u16 = 26;
    /// Neighbours, `struct ndmsg`.
    pub const NEIGHBOUR: u16 = 30;
    /// Rules, `struct fib_rule_hdr`.
    pub const RULE: u16 = 34;
    /// Queueing disciplines, `struct tcmsg`.
    pub const QDISC: u16 = 38;
    /// Filters of traffic, `struct tcmsg`.
    pub const FILTER: u16 = 46;
    /// Multicast groups, `struct ifaddrmsg`.
    pub const MULTICAST: u16 = 58;
    /// Anycast addresses, `struct ifaddrmsg`.
    pub const ANYCAST: u16 = 62;
    /// Numbers of other namespaces, `struct rtgenmsg`.
    pub const NAMESPACE: u16 = 90;
    /// Nexthop objects, `struct nhmsg`.
    pub const NEXTHOP: u16 = 106;
}

/// IPv4.
pub const INET: u8 = 2;
/// Bridges: their forwarding tables.
pub const BRIDGE: u8 = 7;
/// IPv6.
pub const INET6: u8 = 10;
/// MPLS.
pub const MPLS: u8 = 28;
/// Multicast routing of IPv4.
pub const IPMR: u8 = 128;
/// Multicast routing of IPv6.
pub const IP6MR: u8 = 129;

/// The family of the addresses in a route or rule of `family`.
fn family_of_addresses(family: u8) -> u8 {
    match family {
        IPMR => INET,
        IP6MR => INET6,
        other => other,
    }
}

/// One row of an answer; none if the message is not a row of the question `asked`, or too short for its header.
pub fn row(asked: u16, message: &Message<'_>) -> Option<Row> {
    if message.kind.checked_add(2)? != asked && message.kind != asked {
        return None;
    }
    let payload = message.payload;
    match asked {
        ask::LINK => link::row(payload),
        ask::ADDRESS | ask::MULTICAST | ask::ANYCAST => address::row(payload),
        ask::ROUTE => route::row(payload),
        ask::NEIGHBOUR => neighbour::row(payload),
        ask::RULE => rule::row(payload),
        ask::NEXTHOP => nexthop::row(payload),
        ask::QDISC | ask::FILTER => traffic::row(payload),
        ask::NAMESPACE => Some(traffic::namespace(payload)),
        _ => None,
    }
}

/// The family of a row: the first byte of every header.
pub fn family(message: &Message<'_>) -> Option<u8> {
    message.payload.first().copied()
}

/// `10.0.0.0/8`, as `ip` writes it: `default` for everything, and a single address without its length.
fn prefix(address: Option<Value>, length: u8, family: u8) -> Option<Value> {
    let whole = if family == INET { 32 } else { 128 };
    match address {
        Some(Value::Word(address)) if length == whole => Some(Value::Word(address)),
        Some(Value::Word(address)) => Some(Value::Word(format!("{address}/{length}"))),
        None if length == 0 => None,
        None => Some(Value::Word(format!("0/{length}"))),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::testing::hex;
    use super::super::mishaps::Mishaps;
    use super::super::netlink::{Message, messages};
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Message<'_> {
        Message { kind, flags: 2, sequence: 1, payload }
    }

    #[test]
    fn a_row_of_another_question_is_none_of_ours() {
        assert!(row(ask::ROUTE, &message(16, &[0; 16])).is_none());
        assert!(row(ask::LINK, &message(16, &[0; 15])).is_none(), "too short");
        assert!(row(ask::LINK, &message(16, &[0; 16])).is_some());
        assert!(row(u16::MAX, &message(u16::MAX, &[])).is_none());
    }

    /// A route of two ways and a metric, put together from linux/rtnetlink.h for a machine of little-endian order.
    const ROUTE: &str = "02100000fe030001 00000000 08000f00fe000000 08000100 0a0d0000
        24000900 10000002 02000000 08000500 0a010002 10000000 02000000 08000500 0a010003
        0c000800 08000200 78050000";

    #[test]
    #[cfg(target_endian = "little")]
    fn a_route_of_several_ways_is_read() {
        let bytes = hex(ROUTE);
        let row = row(ask::ROUTE, &message(24, &bytes)).unwrap();
        assert_eq!((row.word_of("dst"), row.word_of("table")), (Some("10.13.0.0/16"), Some("main")));
        assert_eq!((row.word_of("protocol"), row.word_of("type")), (Some("boot"), Some("unicast")));
        let ways = row.list_of("nexthops");
        let Some(Value::Row(first)) = ways.first() else { panic!("{row:?}") };
        assert_eq!(
            (ways.len(), first.word_of("gateway"), first.number_of("weight")),
            (2, Some("10.1.0.2"), Some(3))
        );
        assert_eq!(row.row_of("metrics").unwrap().number_of("mtu"), Some(1400));
        assert!(row.row_of("other").is_none(), "{row:?}");
    }

    #[test]
    fn no_bytes_make_a_reader_panic() {
        let asked = [
            ask::LINK,
            ask::ADDRESS,
            ask::ROUTE,
            ask::NEIGHBOUR,
            ask::RULE,
            ask::QDISC,
            ask::FILTER,
            ask::NEXTHOP,
            ask::NAMESPACE,
            ask::ANYCAST,
        ];
        Mishaps::of(&hex(ROUTE)).each(|bytes| {
            for asked in asked {
                let _ = row(asked, &message(asked - 2, bytes));
            }
            for message in messages(bytes).flatten() {
                let _ = (family(&message), row(message.kind, &message));
            }
        });
    }
}
