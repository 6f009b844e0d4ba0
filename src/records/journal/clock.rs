//! The clock of the day against the one that counts from the start of the machine. journald begins a new file when it
//! finds the clock of the day set back (journald-server.c), so that within a file, of one boot, both only ascend; old
//! versions of it did not.

use std::collections::BTreeMap;

use super::Entry;

/// Boots that are followed in one file; journald writes few into each.
const BOOTS: usize = 1024;

/// Where the clock of the day goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBack {
    /// Where the entry with the earlier time stands in the file, bytes.
    pub offset: u64,
    /// Time of the entry before it, microseconds since 1970.
    pub from: u64,
    /// Its own.
    pub to: u64,
}

/// How often it goes back in a file, while the other goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How often.
    pub back: u64,
    /// Where it does first.
    pub first: Option<StepBack>,
    /// Both clocks at the last entry of each boot.
    last: BTreeMap<[u8; 16], (u64, u64)>,
}

impl Clock {
    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        let Some(boot) = entry.boot_id else { return };
        let now = (entry.realtime, entry.monotonic);
        let last = self.last.get(&boot).copied();
        if last.is_some() || self.last.len() < BOOTS {
            self.last.insert(boot, now);
        }
        let Some((from, monotonic)) = last else { return };
        if entry.realtime < from && entry.monotonic >= monotonic {
            self.back += 1;
            self.first.get_or_insert(StepBack { offset: entry.offset, from, to: entry.realtime });
        }
    }
}
