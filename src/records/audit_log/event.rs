//! Events of one process: how a run finds its own openings in the log.

use std::collections::BTreeMap;

use super::{EventId, Record, record};
use crate::clock::Timestamp;

/// What names our own process in a log for certain: its number, and since when it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnEvents {
    /// The number.
    pub pid: u32,
    /// When the process started.
    pub since: Timestamp,
}

impl OwnEvents {
    /// Whether a record is of it.
    pub fn is(&self, record: &Record<'_>) -> bool {
        record.id.time >= self.since && record.number("pid") == Some(self.pid.into())
    }
}

/// An event of a process that we know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnEvent {
    /// The keys of the rule that wrote it.
    pub keys: Vec<Vec<u8>>,
    /// The inodes of its PATH records.
    pub inodes: Vec<u64>,
    /// Its records as they were logged, each with its line feed.
    pub lines: Vec<u8>,
}

/// The events of the process `pid` whose call was entered not before it began, whole records only. A record of an event
/// may stand before the one that names the process, so that all lines are looked at twice.
pub fn events_of(log: &[u8], pid: u32) -> BTreeMap<EventId, OwnEvent> {
    let lines = || log.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let records = || lines().filter_map(|line| Some((line, record(line.strip_suffix(b"\n")?)?)));
    let mut events = BTreeMap::new();
    for (_, found) in records() {
        if found.kind == b"SYSCALL" && found.number("pid") == Some(u64::from(pid)) {
            events.insert(found.id, OwnEvent { keys: found.keys(), ..OwnEvent::default() });
        }
    }
    for (line, found) in records() {
        if let Some(event) = events.get_mut(&found.id) {
            event.lines.extend_from_slice(line);
            if found.kind == b"PATH" {
                event.inodes.extend(found.number("inode"));
            }
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_events_are_found_with_all_of_their_records() {
        let log = b"type=PATH msg=audit(2.0:9): item=0 name=\"x\" inode=77 nametype=NORMAL\n\
            type=SYSCALL msg=audit(2.0:8): syscall=257 pid=5 key=\"a\"\n\
            type=SYSCALL msg=audit(2.0:9): syscall=257 pid=4 key=\"phi\"\n\
            type=PATH msg=audit(2.0:8): item=0 name=\"y\" inode=78\n\
            type=PATH msg=audit(2.0:9): item=1 name=\"z\" inode=79\n\
            type=SYSCALL msg=audit(2.0:10): pid=4 key=\"torn";
        let events = events_of(log, 4);
        assert_eq!(events.len(), 1);
        let event = events.values().next().unwrap();
        assert_eq!((event.keys.as_slice(), event.inodes.as_slice()), (&[b"phi".to_vec()][..], &[77, 79][..]));
        assert_eq!(event.lines.iter().filter(|byte| **byte == b'\n').count(), 3);
    }
}
