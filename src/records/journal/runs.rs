//! The numbers that entries have, as runs without a gap. Numbers are counted over all the files of one sequence, so that
//! a gap in one file is no sign by itself: only what none of them has is missing.

/// Runs that are kept of a file.
const KEPT: usize = 65_536;

/// Numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// First and last of each run, ascending.
    pub runs: Vec<(u64, u64)>,
    /// Numbers that are not higher than the one before.
    pub backward: u64,
    /// Numbers that are in no run, because there were too many.
    pub left: u64,
}

impl Runs {
    pub(super) fn push(&mut self, number: u64) {
        let full = self.runs.len() >= KEPT;
        match self.runs.last_mut() {
            Some((_, last)) if number <= *last => self.backward += 1,
            Some((_, last)) if number - 1 == *last => *last = number,
            _ if full => self.left += 1,
            _ => self.runs.push((number, number)),
        }
    }

    /// The lowest and the highest.
    pub fn range(&self) -> Option<(u64, u64)> {
        Some((self.runs.first()?.0, self.runs.last()?.1))
    }

    /// How many numbers between the lowest and the highest are not there.
    pub fn missing(&self) -> u64 {
        let ends = self.runs.iter().map(|run| run.1);
        let gaps = ends
            .zip(self.runs.iter().skip(1))
            .map(|(end, next)| next.0.saturating_sub(end).saturating_sub(1));
        gaps.fold(0, u64::saturating_add)
    }
}
