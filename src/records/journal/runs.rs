//! The numbers that entries have, as runs without a gap, each of one boot. Numbers are counted over all the files of one
//! sequence, so that a gap in one file is no sign by itself: what none of them has, [`super::Sequences`] tells.

use super::Entry;

/// Runs that are kept of a file: 48 bytes each.
const KEPT: usize = 65_536;

/// Numbers one behind the other, of entries of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The lowest.
    pub first: u64,
    /// The highest.
    pub last: u64,
    /// The boot; zeros where it is not known.
    pub boot: [u8; 16],
    /// Time of the first entry, microseconds since 1970.
    pub begun: u64,
    /// Time of the last.
    pub ended: u64,
}

/// Numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// In the order of the entries; ascending, where these are as journald writes them.
    pub runs: Vec<Run>,
    /// Numbers that are not higher than the one before.
    pub backward: u64,
    /// Numbers that are in no run, because there were too many.
    pub left: u64,
}

impl Runs {
    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        if let Some(number) = entry.seqnum {
            self.push(number, entry.boot_id.unwrap_or_default(), entry.realtime);
        }
    }

    pub(super) fn push(&mut self, number: u64, boot: [u8; 16], time: u64) {
        let full = self.runs.len() >= KEPT;
        if let Some(run) = self.runs.last_mut() {
            self.backward += u64::from(number <= run.last);
            if Some(number) == run.last.checked_add(1) && boot == run.boot {
                (run.last, run.ended) = (number, time);
                return;
            }
        }
        if full {
            self.left += 1;
        } else {
            self.runs.push(Run { first: number, last: number, boot, begun: time, ended: time });
        }
    }
}
