//! Queueing disciplines and filters of traffic, which may hide or redirect packets (linux/pkt_sched.h,
//! linux/pkt_cls.h); and the numbers that a namespace has for others (linux/net_namespace.h).

use super::super::attributes::{Column, Form, Row, Value, row as columns_of};
use super::super::netlink::u32_at;

/// `struct tcmsg`.
const HEADER: usize = 20;

const COLUMNS: &[Column] = &[
    (1, "kind", Form::Name),
    (2, "options", Form::Raw),
    (11, "chain", Form::U32),
    (12, "hw_offload", Form::U8),
    (13, "ingress_block", Form::U32),
    (14, "egress_block", Form::U32),
];

/// `TCA_BPF_*`: a program that decides.
const BPF: &[Column] = &[
    (3, "classid", Form::U32),
    (7, "name", Form::Name),
    (8, "flags", Form::U32),
    (9, "flags_gen", Form::U32),
    (10, "tag", Form::Raw),
    (11, "id", Form::U32),
];

const NAMESPACE: &[Column] =
    &[(1, "nsid", Form::I32), (4, "target_nsid", Form::I32), (5, "current_nsid", Form::I32)];

/// The inner side of a link where packets come in, which holds filters and no queue.
pub const INGRESS: u32 = 0xffff_fff2;
/// The same where they go out.
pub const EGRESS: u32 = 0xffff_fff3;

/// A queueing discipline, or a filter.
pub fn row(payload: &[u8]) -> Option<Row> {
    let attributes = payload.get(HEADER..)?;
    let mut row = Row::default();
    row.number("dev_index", u32_at(payload, 4)?);
    row.number("handle", u32_at(payload, 8)?);
    row.number("parent", u32_at(payload, 12)?);
    let info = u32_at(payload, 16)?;
    row.number("info", info);
    row.read(COLUMNS, attributes);
    if row.name_of("kind") == Some(b"bpf")
        && let Some(Value::Raw(bytes)) = row.take("options")
    {
        row.set("options", Value::Row(columns_of(BPF, &bytes)));
    }
    Some(row)
}

/// The body of a question about the filters of one link, below one parent.
pub fn filters_of(ifindex: u32, parent: u32) -> Vec<u8> {
    let mut body = vec![0; HEADER];
    for (at, number) in [(4, ifindex), (12, parent)] {
        if let Some(place) = body.get_mut(at..at + 4) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
    }
    body
}

/// The parents below which filters can hang, of a queueing discipline.
pub fn parents_of(qdisc: &Row) -> Vec<u32> {
    let handle = qdisc.number_of("handle").and_then(|handle| u32::try_from(handle).ok()).unwrap_or(0);
    match qdisc.name_of("kind") {
        Some(b"clsact") => vec![INGRESS, EGRESS],
        Some(b"ingress") => vec![INGRESS],
        // These have no classes and ask no filter.
        Some(b"noqueue" | b"noop" | b"pfifo_fast" | b"pfifo" | b"bfifo" | b"mq" | b"fq" | b"tbf") => {
            Vec::new()
        }
        _ if handle == 0 => Vec::new(),
        _ => vec![handle],
    }
}

/// The number of another namespace: `struct rtgenmsg` and attributes.
pub fn namespace(payload: &[u8]) -> Row {
    columns_of(NAMESPACE, payload.get(4..).unwrap_or_default())
}
