//! Sessions that have begun and not ended, found by terminal, by init's name of it, or by process.

use std::collections::{BTreeMap, HashMap};

use super::{LoginRecord, micros};
use crate::clock::Timestamp;

/// A session that has begun.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub record: LoginRecord,
    /// How far the clock had been set by then, in all.
    pub clock: i64,
    /// When the machine that it runs on was shut down, where the row of its start says so.
    pub down: Option<Timestamp>,
}

impl Open {
    /// Whether a record can end it, now that the clock has been set so far in all. Within a file the order is that of what
    /// happened, whatever its clock said; of another one it must not be of a time before it began, for files overlap, and
    /// no copy: that may have stood before the beginning where the earlier file has it.
    pub fn can_end(&self, by: &LoginRecord, clock: i64, is_copy: bool) -> bool {
        let set = clock.saturating_sub(self.clock);
        let are_known = self.record.time().is_some() && by.time().is_some();
        let is_after = are_known && micros(by) < micros(&self.record).saturating_add(set);
        by.place.file == self.record.place.file || !is_copy && !is_after
    }
}

/// All of them, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct OpenSessions {
    sessions: BTreeMap<u64, Open>,
    lines: HashMap<Vec<u8>, u64>,
    ids: HashMap<Vec<u8>, u64>,
    pids: HashMap<i64, u64>,
    next: u64,
}

impl OpenSessions {
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn add(&mut self, open: Open) {
        let number = self.next;
        self.next += 1;
        let record = &open.record;
        if !record.line.is_empty() {
            self.lines.insert(record.line.clone(), number);
        }
        if !record.id.is_empty() {
            self.ids.insert(record.id.clone(), number);
        }
        if record.pid > 0 {
            self.pids.insert(record.pid, number);
        }
        self.sessions.insert(number, open);
    }

    /// That on the terminal that a record names; of one that names none, by its id, or else by its process. None if `ends`
    /// says that the record cannot end it.
    pub fn take(&mut self, record: &LoginRecord, ends: &dyn Fn(&Open) -> bool) -> Option<Open> {
        let number = match (&record.line, &record.id) {
            (line, _) if !line.is_empty() => self.lines.get(line),
            (_, id) if !id.is_empty() && self.ids.contains_key(id) => self.ids.get(id),
            _ => self.pids.get(&record.pid),
        };
        let number = *number?;
        self.sessions.get(&number).filter(|open| ends(open))?;
        let open = self.sessions.remove(&number)?;
        forget(&mut self.lines, &open.record.line, number);
        forget(&mut self.ids, &open.record.id, number);
        forget(&mut self.pids, &open.record.pid, number);
        Some(open)
    }

    /// All of them, the earliest first; none is left.
    pub fn take_all(&mut self) -> impl Iterator<Item = Open> + use<> {
        self.lines.clear();
        self.ids.clear();
        self.pids.clear();
        std::mem::take(&mut self.sessions).into_values()
    }
}

/// What finds a session that is gone, unless it finds a later one.
fn forget<K: std::hash::Hash + Eq>(found: &mut HashMap<K, u64>, key: &K, number: u64) {
    if found.get(key) == Some(&number) {
        found.remove(key);
    }
}
