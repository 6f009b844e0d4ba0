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

/// Tries that are alike, and when.
type Key = (u64, Timestamp);

/// Knows tries again; at most 8 MiB.
#[derive(Debug, Default)]
pub struct Once {
    known: BTreeMap<Key, Known>,
    /// Those of which the log that passes told, or that were told of as often as it has them: none of its further tries is
    /// one of these, and however many there are, they are not looked through.
    spent: BTreeMap<Key, Known>,
    /// The log that passes.
    file: u32,
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
        if self.file != file {
            self.file = file;
            self.known.extend(std::mem::take(&mut self.spent));
        }
        if self.is_again(alike, time) {
            self.again += 1;
            return false;
        }
        if self.known.len() + self.spent.len() >= MOST {
            self.forgotten += 1;
            return true;
        }
        let key = (alike, time);
        let met = self.known.remove(&key).unwrap_or(Known { count: 0, file, left: 0 });
        self.spent.entry(key).or_insert(met).count += 1;
        true
    }

    fn is_again(&mut self, alike: u64, time: Timestamp) -> bool {
        let (near, file) = ((alike, time.minus(SAME))..=(alike, time.plus(SAME)), self.file);
        let mut others = self.known.range_mut(near);
        let Some((key, known)) = others.find(|(_, known)| known.has_for(file)) else { return false };
        known.left = known.for_file(file) - 1;
        known.file = file;
        if known.left == 0 {
            let (key, known) = (*key, *known);
            self.known.remove(&key);
            self.spent.insert(key, known);
        }
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
