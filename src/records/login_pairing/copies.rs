//! Records that stand in more than one file: a file and its copy, wtmp and the utmp beside it, or rotated files that were
//! put together.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::LoginRecord;

/// Records that are remembered, of all files: eight bytes each, and the room of the set.
pub(super) const REMEMBERED: usize = 1 << 19;

/// What earlier files held.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Whoever writes records does not know how they are told apart.
    state: RandomState,
    file: u32,
    earlier: HashSet<u64>,
    /// Of the file that is being read: within one file each record counts.
    these: HashSet<u64>,
    /// Records that there was no room to remember.
    pub unknown: u64,
}

impl Copies {
    /// Whether the same stood in an earlier file.
    pub fn is_one(&mut self, record: &LoginRecord) -> bool {
        if record.place.file != self.file {
            self.file = record.place.file;
            self.earlier.extend(self.these.drain());
        }
        let what = self.state.hash_one(record.says());
        if self.earlier.contains(&what) {
            return true;
        }
        if self.earlier.len() + self.these.len() < REMEMBERED {
            self.these.insert(what);
        } else if !self.these.contains(&what) {
            self.unknown += 1;
        }
        false
    }
}
