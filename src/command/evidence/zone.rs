//! The zone of the examined host.

use std::ops::ControlFlow;

use super::Reads;
use crate::records::tzif::Zone;

/// Where a host keeps its zone (localtime(5)).
pub const LOCALTIME: &str = "/etc/localtime";
/// Bytes of a zone; the largest has 4 kB.
const ZONE: usize = 256 << 10;

/// The zone that a reader has at one of its places.
pub fn zone_at(reader: &dyn Reads, at: usize) -> Option<Zone> {
    let mut bytes = Vec::new();
    let read = reader.read(at, &mut |more| {
        bytes.extend_from_slice(more);
        if bytes.len() > ZONE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    read.ok().and_then(|()| Zone::parse(&bytes))
}
