//! Numbers of entries that no file has. journald counts through one boot, whatever files the entries go to: those of the
//! system and those of users. Before systemd 254 the files of users are of sequences of their own all the same
//! (journald-server.c), so that a number may stand in a file of another sequence, of the same boot.
//!
//! A gap is no verdict: the file that has the numbers may not have been read, or may have been removed as a whole.

use std::collections::BTreeMap;

use super::runs::{Run, Runs};

/// Runs that are kept of all files: 64 bytes each, and 24 more when they are compared.
const KEPT: usize = 1 << 17;

/// Until /var is there journald counts from one again, in /run; then it goes on behind the higher of both numbers
/// (journald-server.c). So far the first number of a boot may be from that of the one before.
const EARLY: u64 = 1 << 14;

type Id = [u8; 16];

/// A run, and the file that it stands in.
#[derive(Clone, Copy, Debug)]
struct Span {
    run: Run,
    file: u32,
    of_user: bool,
}

/// The numbers of all files, by the sequence that they belong to.
#[derive(Debug, Default)]
pub struct Sequences {
    spans: BTreeMap<Id, Vec<Span>>,
    kept: usize,
    /// Numbers, or runs of them, for which there was no room. What is missing cannot be told then.
    pub left: u64,
}

/// Numbers of one sequence that no file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many.
    pub count: u64,
    /// In how many places.
    pub gaps: u64,
    /// The file with the last entry before the first of these.
    pub file: u32,
    /// Times of that entry and of the one behind the gap, microseconds since 1970.
    pub between: (u64, u64),
}

impl Sequences {
    /// The numbers of a file; `of_user` if it is one of those that hold what the processes of one user said.
    pub fn add(&mut self, sequence: [u8; 16], file: u32, of_user: bool, numbers: &Runs) {
        let taken = numbers.runs.len().min(KEPT.saturating_sub(self.kept));
        self.kept += taken;
        self.left += numbers.left + (numbers.runs.len() - taken) as u64;
        let spans = numbers.runs.iter().take(taken).map(|run| Span { run: *run, file, of_user });
        self.spans.entry(sequence).or_default().extend(spans);
    }

    /// What is missing of each sequence; nothing where there was no room for all of them.
    pub fn missing(self) -> Vec<Missing> {
        if self.left > 0 {
            return Vec::new();
        }
        let boots = self.boots();
        self.spans.into_values().filter_map(|spans| missing(spans, &boots)).collect()
    }

    /// What any file has of each boot.
    fn boots(&self) -> BTreeMap<Id, Covered> {
        let mut boots: BTreeMap<Id, Vec<(u64, u64)>> = BTreeMap::new();
        for span in self.spans.values().flatten().filter(|span| span.run.boot != [0; 16]) {
            boots.entry(span.run.boot).or_default().push((span.run.first, span.run.last));
        }
        boots.into_iter().map(|(boot, runs)| (boot, Covered::of(runs))).collect()
    }
}

/// What is missing of a sequence, between the lowest and the highest number in the files of the system. What a user's
/// file has beyond those is no gap: the older files of the system are removed first, and they are copied first.
fn missing(mut spans: Vec<Span>, boots: &BTreeMap<Id, Covered>) -> Option<Missing> {
    let of_system = || spans.iter().filter(|span| !span.of_user).map(|span| span.run);
    let lowest = of_system().map(|run| run.first).min()?;
    let highest = of_system().map(|run| run.last).max()?;
    spans.sort_unstable_by_key(|span| (span.run.first, span.run.last));
    let mut found: Option<Missing> = None;
    let mut reached: Option<Span> = None;
    for span in spans {
        let within = |before: &Span| before.run.last >= lowest && span.run.first <= highest;
        if let Some(before) = reached.filter(within) {
            let count = lacking(&before.run, &span.run, boots);
            let between = (before.run.ended, span.run.begun);
            if count > 0 {
                let first = Missing { count: 0, gaps: 0, file: before.file, between };
                let told = found.get_or_insert(first);
                (told.count, told.gaps) = (told.count.saturating_add(count), told.gaps + 1);
            }
        }
        if reached.is_none_or(|before| before.run.last <= span.run.last) {
            reached = Some(span);
        }
    }
    found
}

/// How many numbers between two runs no file has.
fn lacking(before: &Run, behind: &Run, boots: &BTreeMap<Id, Covered>) -> u64 {
    let gap = behind.first.saturating_sub(before.last).saturating_sub(1);
    let is_one_boot = before.boot == behind.boot;
    if gap == 0 || !is_one_boot && behind.first <= EARLY {
        return 0;
    }
    let covered = |boot: &Id| boots.get(boot).map_or(0, |numbers| numbers.between(before.last, behind.first));
    let more = if is_one_boot { 0 } else { covered(&behind.boot) };
    gap.saturating_sub(covered(&before.boot).saturating_add(more))
}

/// Runs that lie apart, ascending, each with how many numbers stand in those before it.
struct Covered(Vec<(u64, u64, u64)>);

impl Covered {
    fn of(mut runs: Vec<(u64, u64)>) -> Covered {
        runs.sort_unstable();
        let (mut apart, mut count): (Vec<(u64, u64, u64)>, u64) = (Vec::new(), 0);
        for (first, last) in runs {
            match apart.last_mut() {
                Some((_, end, _)) if first <= *end => {
                    count = count.saturating_add(last.saturating_sub(*end));
                    *end = last.max(*end);
                }
                _ => {
                    apart.push((first, last, count));
                    count = count.saturating_add(last.saturating_sub(first)).saturating_add(1);
                }
            }
        }
        Covered(apart)
    }

    /// How many there are up to this number.
    fn up_to(&self, number: u64) -> u64 {
        let behind = self.0.partition_point(|(first, ..)| *first <= number);
        let run = behind.checked_sub(1).and_then(|at| self.0.get(at));
        run.map_or(0, |(first, last, before)| {
            before.saturating_add(number.min(*last).saturating_sub(*first)).saturating_add(1)
        })
    }

    /// How many there are behind the one and before the other.
    fn between(&self, before: u64, behind: u64) -> u64 {
        self.up_to(behind.saturating_sub(1)).saturating_sub(self.up_to(before))
    }
}
