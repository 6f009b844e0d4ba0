//! What every network namespace is asked.

use rustix::io::Errno;

use crate::collector::parts::Named;
use crate::records::rtnetlink::{BRIDGE, INET, INET6, IP6MR, IPMR, MPLS, ask};

/// A table that is made of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Links,
    Addresses,
    Routes,
    Rules,
    Neighbours,
    Nexthops,
    Multicast,
    NamespaceIds,
    Qdiscs,
    Filters,
}

/// All tables, in their order.
pub const TABLES: &[Table] = &[
    Table::Links,
    Table::Addresses,
    Table::Routes,
    Table::Rules,
    Table::Neighbours,
    Table::Nexthops,
    Table::Multicast,
    Table::NamespaceIds,
    Table::Qdiscs,
    Table::Filters,
];

impl Table {
    /// Its member's name, without its ending, and its title.
    pub fn named(self) -> Named {
        match self {
            Table::Links => ("links", "Links and their counters"),
            Table::Addresses => ("addresses", "Addresses of links"),
            Table::Routes => ("routes", "Routes of all tables"),
            Table::Rules => ("rules", "Routing rules"),
            Table::Neighbours => ("neighbours", "Neighbours and forwarding tables of bridges"),
            Table::Nexthops => ("nexthops", "Nexthop objects"),
            Table::Multicast => ("multicast", "Multicast groups and anycast addresses"),
            Table::NamespaceIds => ("namespace-ids", "Numbers that namespaces have for each other"),
            Table::Qdiscs => ("qdiscs", "Queueing disciplines"),
            Table::Filters => ("filters", "Filters of traffic"),
        }
    }
}

/// One question.
pub struct Question {
    /// In words, for the capture.
    pub name: &'static str,
    /// The table that its rows go into.
    pub table: Table,
    /// Its number.
    pub kind: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// The family that was asked for; rows of others are the kernel's answer to a family that it does not know.
    pub family: Option<u8>,
    /// Whether a kernel that does not know the question has none of it, so that nothing is missing.
    pub may_lack: bool,
}

/// How a kernel says that it does not know a question, or a family.
pub const ABSENT: &[Errno] = &[Errno::OPNOTSUPP, Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT];

/// Numbers of our own for the tables of /proc/net, above all of rtnetlink's.
pub const LINK_GROUPS: u16 = 0xff01;
pub const INET_GROUPS: u16 = 0xff02;
pub const INET6_GROUPS: u16 = 0xff03;

/// Tables of multicast groups below /proc/net.
pub const GROUP_TABLES: &[(&str, u16)] =
    &[("dev_mcast", LINK_GROUPS), ("igmp", INET_GROUPS), ("igmp6", INET6_GROUPS)];

/// All questions, links first: the others name them by number.
pub fn all() -> Vec<Question> {
    let always = |name, table, kind, length, family: Option<u8>| {
        let body = body(length, family.unwrap_or(0));
        Question { name, table, kind, body, family, may_lack: false }
    };
    let maybe = |name, table, kind, length, family| Question {
        may_lack: true,
        ..always(name, table, kind, length, family)
    };
    // `ndm_flags` of `struct ndmsg` set to NTF_PROXY: those that this host answers for.
    let mut proxies = maybe("proxy neighbours", Table::Neighbours, ask::NEIGHBOUR, 12, None);
    if let Some(flags) = proxies.body.get_mut(10) {
        *flags = 8;
    }
    vec![
        always("links", Table::Links, ask::LINK, 16, None),
        always("addresses", Table::Addresses, ask::ADDRESS, 8, None),
        always("IPv4 routes", Table::Routes, ask::ROUTE, 12, Some(INET)),
        maybe("IPv6 routes", Table::Routes, ask::ROUTE, 12, Some(INET6)),
        maybe("MPLS routes", Table::Routes, ask::ROUTE, 12, Some(MPLS)),
        maybe("IPv4 multicast routes", Table::Routes, ask::ROUTE, 12, Some(IPMR)),
        maybe("IPv6 multicast routes", Table::Routes, ask::ROUTE, 12, Some(IP6MR)),
        // A kernel without policy routing has no rules.
        maybe("IPv4 rules", Table::Rules, ask::RULE, 12, Some(INET)),
        maybe("IPv6 rules", Table::Rules, ask::RULE, 12, Some(INET6)),
        maybe("IPv4 multicast rules", Table::Rules, ask::RULE, 12, Some(IPMR)),
        maybe("IPv6 multicast rules", Table::Rules, ask::RULE, 12, Some(IP6MR)),
        always("neighbours", Table::Neighbours, ask::NEIGHBOUR, 12, None),
        proxies,
        maybe("forwarding tables of bridges", Table::Neighbours, ask::NEIGHBOUR, 12, Some(BRIDGE)),
        maybe("nexthops", Table::Nexthops, ask::NEXTHOP, 8, None),
        // Where the kernel does not know these, /proc/net lists them.
        maybe("IPv4 multicast groups", Table::Multicast, ask::MULTICAST, 8, Some(INET)),
        maybe("IPv6 multicast groups", Table::Multicast, ask::MULTICAST, 8, Some(INET6)),
        maybe("IPv6 anycast addresses", Table::Multicast, ask::ANYCAST, 8, Some(INET6)),
        maybe("numbers of namespaces", Table::NamespaceIds, ask::NAMESPACE, 4, None),
        maybe("queueing disciplines", Table::Qdiscs, ask::QDISC, 20, None),
    ]
}

/// The question about filters with this body.
pub fn filters(body: Vec<u8>) -> Question {
    Question {
        name: "filters of traffic",
        table: Table::Filters,
        kind: ask::FILTER,
        body,
        family: None,
        may_lack: true,
    }
}

/// A header of zeros, with a family.
fn body(length: usize, family: u8) -> Vec<u8> {
    let mut body = vec![0; length];
    if let Some(first) = body.first_mut() {
        *first = family;
    }
    body
}
