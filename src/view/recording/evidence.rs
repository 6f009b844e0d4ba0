//! What in the logs themselves shows that something is not there: numbers that are in none of them, events without their
//! first record, lines that are no records, files of a rotation that are missing, times that fall.

use std::cmp::Reverse;

use super::Recording;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::audit_coverage::Lapse;
use crate::records::audit_log::serials::{Boot, MissingSerials, missing_in_all};

/// Gaps that are told one by one.
const TOLD: usize = 16;

impl Recording<'_> {
    pub(super) fn evidence(&self, lapses: &mut Vec<Lapse>) {
        self.missing_numbers(lapses);
        self.missing_files(lapses);
        self.headless(lapses);
        self.unreadable(lapses);
        self.times_fall(lapses);
    }

    fn missing_numbers(&self, lapses: &mut Vec<Lapse>) {
        let mut missing: Vec<MissingSerials> = Vec::new();
        for boots in self.boots() {
            missing.extend(missing_in_all(boots));
        }
        // One that is shown to lie before the window is none of its.
        missing.retain(|range| range.before.max(range.after) >= self.from);
        let left: u64 = self
            .logs
            .iter()
            .map(|log| {
                let serials = &log.summary.serials;
                serials.boots_left + serials.boots.iter().map(|boot| boot.missing_left).sum::<u64>()
            })
            .sum();
        missing.sort_by_key(|range| Reverse(range.to - range.from));
        for range in missing.iter().take(TOLD) {
            let words = format!(
                "the events {} to {} are in none of the logs; they stood between {} and {}",
                range.from,
                range.to,
                range.after.spoken(),
                range.before.spoken()
            );
            self.add(lapses, ReasonCode::RecordsLost, range.after, range.before, words);
        }
        let more = left + missing.len().saturating_sub(TOLD) as u64;
        if more > 0 {
            let words = format!("{} of events are in none of the logs", counted(more, "further range"));
            self.add(lapses, ReasonCode::RecordsLost, self.from, self.to, words);
        }
    }

    /// The boots of all files, those of one boot together.
    fn boots(&self) -> Vec<Vec<&Boot>> {
        let mut groups: Vec<Vec<&Boot>> = Vec::new();
        for log in &self.logs {
            for (at, boot) in log.summary.serials.boots.iter().enumerate() {
                let last = groups.last().and_then(|group| group.iter().max_by_key(|boot| boot.last.serial));
                let joins = at == 0 && last.is_some_and(|last| !last.is_over(boot));
                match groups.last_mut().filter(|_| joins) {
                    Some(group) => group.push(boot),
                    None => groups.push(vec![boot]),
                }
            }
        }
        groups
    }

    /// A rotation leaves no number out.
    fn missing_files(&self, lapses: &mut Vec<Lapse>) {
        let mut numbered: Vec<_> =
            self.logs.iter().filter_map(|log| Some((log.number?, log.summary.span()?))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        for pair in numbered.windows(2) {
            let [(newer, (began, _)), (older, (_, ended))] = pair else { continue };
            if *older > newer + 1 {
                let missing = match (newer + 1, older - 1) {
                    (first, last) if first == last => format!("number {first} is not there"),
                    (first, last) => format!("the numbers {first} to {last} are not there"),
                };
                let words = format!(
                    "of the rotated logs {missing}; those beside end at {} and begin at {}",
                    ended.spoken(),
                    began.spoken()
                );
                self.add(lapses, ReasonCode::RecordsLost, *ended, *began, words);
            }
        }
    }

    /// An event may begin in the file before.
    fn headless(&self, lapses: &mut Vec<Lapse>) {
        for log in &self.logs {
            let begins_elsewhere = |id| self.logs.iter().any(|other| other.summary.recent.contains(id));
            let mut alone = log.summary.headless.iter().filter(|id| !begins_elsewhere(id));
            let Some(first) = alone.next() else { continue };
            let (mut from, mut to, mut count) = (first.time, first.time, 1 + log.summary.headless_left);
            for id in alone {
                (from, to, count) = (from.min(id.time), to.max(id.time), count + 1);
            }
            // How far those reach that were not kept is not known.
            let to = if log.summary.headless_left > 0 { self.to } else { to };
            let words = format!(
                "of {} the record is missing that says who did what, the first of {}",
                counted(count, "event"),
                from.spoken()
            );
            self.add(lapses, ReasonCode::RecordsLost, from, to, words);
        }
    }

    fn unreadable(&self, lapses: &mut Vec<Lapse>) {
        for log in &self.logs {
            let (summary, Some((first, last))) = (log.summary, log.summary.span()) else { continue };
            let odd = summary.unread + summary.oversize + u64::from(summary.nuls > 0);
            if odd == 0 && log.whole && summary.broken.is_none() {
                continue;
            }
            let words = format!(
                "the log from {} to {} was not read whole, or has lines in it that are no records",
                first.spoken(),
                last.spoken()
            );
            self.add(lapses, ReasonCode::CoverageUnknown, first, last, words);
        }
    }

    fn times_fall(&self, lapses: &mut Vec<Lapse>) {
        let falls: u64 = self.logs.iter().map(|log| log.summary.serials.steps_back).sum();
        if falls > 0 {
            let words = format!(
                "while the events' numbers go on, their times fall by more than a minute ({}): times in the log are not certain",
                counted(falls, "time")
            );
            self.add(lapses, ReasonCode::CoverageUnknown, self.from, self.to, words);
        }
    }
}
