//! Whether other views of the system show processes that the listing of /proc does not.
//!
//! Processes come and go while views are taken one after the other. What counts is a number that answers before a
//! listing and after it, and is not in that listing: while a process lives, the kernel lists it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::custody::rows::process::FindingRow;
use crate::host::{Host, Trouble};

/// Listings that a number must be missing from before it is told.
const ROUNDS: usize = 3;

/// Time between them.
const PAUSE: Duration = Duration::from_millis(30);

/// Numbers that are followed up, at most.
pub const MOST: usize = 16_384;

/// Numbers that some view shows and the listing does not, by who shows them.
#[derive(Debug, Default)]
pub struct Suspects(BTreeMap<u32, BTreeSet<String>>);

impl Suspects {
    /// What a view shows beyond what is `known`: the listing, and the threads of who is listed.
    pub fn note(&mut self, view: &str, shown: impl IntoIterator<Item = u32>, known: &BTreeSet<u32>) {
        for number in shown.into_iter().filter(|number| *number != 0 && !known.contains(number)) {
            self.0.entry(number).or_default().insert(view.to_owned());
        }
    }

    /// Whether nothing is to be followed up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks again, and keeps who is there all the time and still not listed. Also whether there were too many.
    pub fn confirm(self, host: &Host) -> Result<(Vec<FindingRow>, bool), Trouble> {
        let too_many = self.0.len() > MOST;
        let mut left: BTreeMap<u32, BTreeSet<String>> = self.0.into_iter().take(MOST).collect();
        for round in 0..ROUNDS {
            left.retain(|number, _| host.answers(*number));
            if left.is_empty() {
                break;
            }
            if round > 0 {
                std::thread::sleep(PAUSE);
            }
            let listed: BTreeSet<u32> = host.pids()?.into_iter().collect();
            left.retain(|number, _| !listed.contains(number) && host.answers(*number));
            left.retain(|number, _| !belongs_to_listed(host.thread_group(*number), *number, &listed));
        }
        let finding = |(pid, seen_in): (u32, BTreeSet<String>)| FindingRow {
            finding: "not_listed",
            pid,
            reachable: host.thread_group(pid).is_some(),
            seen_in: seen_in.into_iter().collect(),
        };
        Ok((left.into_iter().map(finding).collect(), too_many))
    }
}

/// Threads answer to numbers that are not listed; they are no findings while their process is listed.
fn belongs_to_listed(group: Option<u32>, number: u32, listed: &BTreeSet<u32>) -> bool {
    group.is_some_and(|group| group != number && listed.contains(&group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_view_shows_beyond_the_listing_is_followed_up() {
        let known = BTreeSet::from([1, 2, 3]);
        let mut suspects = Suspects::default();
        suspects.note("getpriority", [1, 2, 3, 0], &known);
        assert!(suspects.is_empty());
        suspects.note("getpriority", [4], &known);
        suspects.note("cgroup", [4, 5], &known);
        assert_eq!(suspects.0.keys().copied().collect::<Vec<_>>(), [4, 5]);
        assert_eq!(suspects.0[&4].len(), 2);
    }

    #[test]
    fn who_is_listed_who_is_gone_and_who_is_a_thread_is_no_finding() {
        let host = Host::live(&[]).unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let id = gone.id();
        gone.wait().unwrap();
        let thread = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        let mut suspects = Suspects::default();
        suspects.note("test", [std::process::id(), thread, id], &BTreeSet::new());
        let (findings, too_many) = suspects.confirm(&host).unwrap();
        assert!(findings.is_empty() && !too_many, "{findings:?}");
    }

    #[test]
    fn a_thread_of_a_process_that_is_not_listed_is_a_finding() {
        let listed = BTreeSet::from([1]);
        assert!(belongs_to_listed(Some(1), 7, &listed));
        assert!(!belongs_to_listed(Some(6), 7, &listed));
        assert!(!belongs_to_listed(Some(7), 7, &listed));
        assert!(!belongs_to_listed(None, 7, &listed));
    }
}
