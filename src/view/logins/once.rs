//! The same try as two logs tell of it is one try: what sshd says stands in the journal and in auth.log, and perhaps in
//! a third file.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::records::auth_text::attempts::Attempt;

/// Tries that are remembered.
const MOST: usize = 100_000;
/// Two logs tell of the same try if not more lies between; a text may count whole seconds.
const SAME: Duration = Duration::from_secs(3);

/// Knows tries again; at most 8 MiB.
#[derive(Debug, Default)]
pub struct Once {
    known: BTreeMap<(u64, Timestamp), Known>,
    /// Tries that a further log told of.
    pub again: u64,
    /// Tries that were not remembered: one that a further log tells of is counted twice.
    pub forgotten: u64,
}

/// Tries that are all alike, at the same moment.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// How many.
    count: u32,
    /// The last log that told of them.
    file: u32,
    /// How many of them it has not told of yet.
    left: u32,
}

impl Once {
    /// Whether no other log has told of this try; logs come one after the other.
    pub fn is_new(&mut self, attempt: &Attempt) -> bool {
        let Some(time) = attempt.time else { return true };
        let (alike, file) = (fingerprint(attempt), attempt.place.file);
        let near = (alike, time.minus(SAME))..=(alike, time.plus(SAME));
        let other = self.known.range_mut(near).map(|(_, known)| known).find(|known| known.has_for(file));
        if let Some(known) = other {
            known.left = known.for_file(file) - 1;
            known.file = file;
            self.again += 1;
            return false;
        }
        if self.known.len() >= MOST {
            self.forgotten += 1;
            return true;
        }
        let known = self.known.entry((alike, time)).or_insert(Known { count: 0, file, left: 0 });
        known.count += 1;
        true
    }
}

impl Known {
    fn for_file(&self, file: u32) -> u32 {
        if self.file == file { self.left } else { self.count }
    }

    fn has_for(&self, file: u32) -> bool {
        self.for_file(file) > 0
    }
}

/// A number for a try: the same process, name, source, method and answer.
fn fingerprint(attempt: &Attempt) -> u64 {
    let mut hasher = DefaultHasher::new();
    (attempt.pid, &attempt.user, &attempt.from, attempt.answer, attempt.tries).hash(&mut hasher);
    hasher.finish()
}
