//! Sessions that have begun and not ended, found by terminal, by init's name of it, or by process.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
        let is_after = micros_without(by, clock).is_some_and(|end| end < self.began());
        by.place.file == self.record.place.file || !is_copy && !is_after
    }

    /// When it began if the clock had never been set; before all times where it has none.
    fn began(&self) -> i128 {
        micros_without(&self.record, self.clock).unwrap_or(i128::MIN)
    }
}

/// The time of a record in microseconds, if the clock had not been set so far.
fn micros_without(record: &LoginRecord, clock: i64) -> Option<i128> {
    record.time().map(|_| i128::from(micros(record)) - i128::from(clock))
}

/// All of them, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct OpenSessions {
    sessions: BTreeMap<u64, Open>,
    /// By when they began, and by the file in which they did: of many that are open, a record may end few.
    starts: BTreeSet<(i128, u64)>,
    files: BTreeSet<(u32, u64)>,
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
        self.starts.insert((open.began(), number));
        self.files.insert((record.place.file, number));
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
        self.remove(number)
    }

    /// Those that a record can end ([`Open::can_end`]), the earliest first; the others stay where they are.
    pub fn take_ended(&mut self, by: &LoginRecord, clock: i64, is_copy: bool) -> Vec<Open> {
        let file = by.place.file;
        let of_file = self.files.range((file, 0)..=(file, u64::MAX)).map(|(_, number)| *number);
        let until = micros_without(by, clock).unwrap_or(i128::MAX);
        let begun = || self.starts.range(..=(until, u64::MAX)).map(|(_, number)| *number);
        let begun = (!is_copy).then(begun).into_iter().flatten();
        let ended: BTreeSet<u64> = of_file.chain(begun).collect();
        ended.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.sessions.remove(&number)?;
        self.starts.remove(&(open.began(), number));
        self.files.remove(&(open.record.place.file, number));
        forget(&mut self.lines, &open.record.line, number);
        forget(&mut self.ids, &open.record.id, number);
        forget(&mut self.pids, &open.record.pid, number);
        Some(open)
    }

    /// All of them, the earliest first.
    pub fn into_all(self) -> impl Iterator<Item = Open> {
        self.sessions.into_values()
    }
}

/// What finds a session that is gone, unless it finds a later one.
fn forget<K: std::hash::Hash + Eq>(found: &mut HashMap<K, u64>, key: &K, number: u64) {
    if found.get(key) == Some(&number) {
        found.remove(key);
    }
}
