//! The words for numbers, as iproute2 prints them.

use super::super::attributes::word;

/// Protocols: who made a route or rule (linux/rtnetlink.h, `RTPROT_*`; iproute2's rt_protos).
const PROTOCOLS: &[(u64, &str)] = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (18, "keepalived"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (192, "eigrp"),
];

/// Scopes (`RT_SCOPE_*`).
const SCOPES: &[(u64, &str)] =
    &[(0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere")];

/// Types of routes (`RTN_*`).
const ROUTE_TYPES: &[(u64, &str)] = &[
    (0, "none"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
    (9, "throw"),
    (10, "nat"),
    (11, "xresolve"),
];

/// Tables that every system has (`RT_TABLE_*`). Others may have names in /etc/iproute2/rt_tables, which is not read.
const TABLES: &[(u64, &str)] = &[(253, "default"), (254, "main"), (255, "local")];

/// Families.
const FAMILIES: &[(u64, &str)] = &[
    (0, "unspec"),
    (2, "inet"),
    (7, "bridge"),
    (10, "inet6"),
    (17, "link"),
    (28, "mpls"),
    (128, "ipmr"),
    (129, "ip6mr"),
];

/// Who made it.
pub fn protocol(number: impl Into<u64>) -> String {
    word(number.into(), PROTOCOLS)
}

/// How far it reaches.
pub fn scope(number: impl Into<u64>) -> String {
    word(number.into(), SCOPES)
}

/// What a route does.
pub fn route_type(number: impl Into<u64>) -> String {
    word(number.into(), ROUTE_TYPES)
}

/// A routing table.
pub fn table(number: impl Into<u64>) -> String {
    word(number.into(), TABLES)
}

/// A family of addresses.
pub fn family(number: impl Into<u64>) -> String {
    word(number.into(), FAMILIES)
}
