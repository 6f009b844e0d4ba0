//! When logs were kept, file by file. That one file ends and another begins says nothing of the time between them: one
//! that is not here any more may have told of it.

use std::collections::BTreeMap;

use crate::clock::Timestamp;

/// Files times machines that are told apart; of what is beyond them it is not known when it was kept.
const MOST: usize = 8_192;

/// The first and the last time that is told of.
type Span = (Timestamp, Timestamp);

/// Gathers from when to when each file tells of each machine; machines are numbered by whoever gathers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(BTreeMap<(u16, u32), Span>);

/// The times within at least one file, of each machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(BTreeMap<u16, Vec<Span>>);

impl Files {
    /// A file tells of a time of a machine.
    pub(crate) fn tells(&mut self, machine: u16, file: u32, time: Timestamp) {
        let is_full = self.0.len() >= MOST;
        match self.0.get_mut(&(machine, file)) {
            Some((first, last)) => (*first, *last) = ((*first).min(time), (*last).max(time)),
            None if is_full => {}
            None => {
                self.0.insert((machine, file), (time, time));
            }
        }
    }

    /// All have passed.
    pub(crate) fn finish(self) -> Kept {
        let mut kept: BTreeMap<u16, Vec<Span>> = BTreeMap::new();
        for ((machine, _), span) in self.0 {
            kept.entry(machine).or_default().push(span);
        }
        for spans in kept.values_mut() {
            spans.sort_unstable();
            // What overlaps becomes one, so that the one that may hold a time is found by its beginning.
            spans.dedup_by(|later, earlier| {
                let is_one = later.0 <= earlier.1;
                if is_one {
                    earlier.1 = earlier.1.max(later.1);
                }
                is_one
            });
        }
        Kept(kept)
    }
}

impl Kept {
    /// Whether a time of a machine lies within what one file tells of it.
    pub(crate) fn covers(&self, machine: u16, time: Timestamp) -> bool {
        let spans = self.0.get(&machine).map(Vec::as_slice).unwrap_or_default();
        let begun = spans.partition_point(|(first, _)| *first <= time);
        begun.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|(_, last)| time <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_two_files_is_not_known_to_be_covered() {
        let mut files = Files::default();
        let at = |second| Timestamp::from_unix(second, 0);
        for (machine, file, second) in
            [(0, 1, 17), (0, 1, 10), (0, 2, 12), (0, 2, 20), (0, 3, 30), (0, 3, 40), (0, 4, 35), (7, 1, 100)]
        {
            files.tells(machine, file, at(second));
        }
        let kept = files.finish();
        let covered = |machine: u16| -> Vec<i64> {
            (0..=120).filter(|second| kept.covers(machine, at(*second))).collect()
        };
        assert_eq!(covered(0), (10..=20).chain(30..=40).collect::<Vec<_>>());
        assert_eq!((covered(7), covered(1)), (vec![100], vec![]));
    }

    #[test]
    fn of_files_beyond_those_that_are_told_apart_nothing_is_said() {
        let mut files = Files::default();
        let most = u32::try_from(MOST).unwrap();
        (0..=most).for_each(|file| files.tells(0, file, Timestamp::from_unix(file.into(), 0)));
        let kept = files.finish();
        let covers = |second: u32| kept.covers(0, Timestamp::from_unix(second.into(), 0));
        assert_eq!((covers(most - 1), covers(most)), (true, false));
    }
}
