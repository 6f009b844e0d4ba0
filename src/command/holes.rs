//! Times between two logs of a kind. That nothing was logged for a day is usual, and no gap: only where the numbers of a
//! rotation show that a file between two others is not here, nothing is known of the time between these. Of names without
//! numbers, as those with a day in them, it is told where a window lies wholly between two files.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Timestamp;
use crate::command::asked::TimeWindow;
use crate::command::evidence::{What, numbered};

/// From its first record to its last.
type Span = (Timestamp, Timestamp);

/// A log that was read.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'r> {
    /// What it is.
    pub what: What,
    /// By its whole path, where that is known.
    pub path: &'r str,
    /// None where no record has a time.
    pub span: Option<Span>,
}

/// A time of which files would tell that are not here.
struct Hole {
    what: What,
    from: Timestamp,
    to: Timestamp,
    missing: String,
}

/// What of a window nothing is known of, since files of a rotation are not here; in words.
pub fn unknown(kept: &[Kept<'_>], window: TimeWindow) -> Vec<String> {
    holes(kept).iter().filter_map(|hole| hole.words(window)).collect()
}

/// Kinds of log of which no file tells of a window, though others tell of times before and behind it, and none of a
/// rotation is known to be missing; in words.
pub fn quiet(kept: &[Kept<'_>], window: TimeWindow) -> Vec<String> {
    let Some((since, end)) = window.since.zip(window.end()) else { return Vec::new() };
    let holes = holes(kept);
    let words = |what: What| {
        let spans = || kept.iter().filter(|log| log.what == what).filter_map(|log| log.span);
        let before = spans().map(|(_, last)| last).filter(|last| *last < since).max()?;
        let behind = spans().map(|(first, _)| first).filter(|first| *first > end).min()?;
        let is_told = holes.iter().any(|hole| hole.what == what && hole.words(window).is_some());
        if is_told || spans().any(|(first, last)| first <= end && since <= last) {
            return None;
        }
        let (what, before, behind) = (what.words(), before.spoken(), behind.spoken());
        let window = window.words();
        Some(format!(
            "{window}: {what} end {before} and begin again {behind}: a quiet time, or one of a file that is not here"
        ))
    };
    let kinds: BTreeSet<What> = kept.iter().map(|log| log.what).collect();
    kinds.into_iter().filter_map(words).collect()
}

impl Hole {
    /// What of it is in a window.
    fn words(&self, window: TimeWindow) -> Option<String> {
        let is_before = window.end().is_some_and(|end| end <= self.from);
        let is_behind = window.since.is_some_and(|since| since >= self.to);
        if is_before || is_behind {
            return None;
        }
        let from = window.since.map_or(self.from, |since| since.max(self.from));
        let to = window.until.map_or(self.to, |until| until.min(self.to));
        let what = self.what.words();
        Some(format!("{} to {}: {what}: {}", from.spoken(), to.spoken(), self.missing))
    }
}

fn holes(kept: &[Kept<'_>]) -> Vec<Hole> {
    let mut rotations: BTreeMap<(What, &str), BTreeMap<u64, Option<Span>>> = BTreeMap::new();
    for log in kept {
        let (live, number) = rotation(log.path);
        let span = rotations.entry((log.what, live)).or_default().entry(number).or_default();
        *span = around(*span, log.span);
    }
    let mut holes = Vec::new();
    for ((what, live), files) in rotations {
        let spans = files.iter().filter_map(|(number, span)| Some((*number, (*span)?)));
        let older = spans.clone().skip(1);
        for ((number, (to, _)), (older, (_, from))) in spans.zip(older) {
            let missing: Vec<u64> =
                (number + 1..older).filter(|number| !files.contains_key(number)).collect();
            let missing = missing_words(live, &missing).filter(|_| from < to);
            let is_told = || kept.iter().any(|log| log.what == what && stands_in(log, live, (from, to)));
            if let Some(missing) = missing.filter(|_| !is_told()) {
                holes.push(Hole { what, from, to, missing });
            }
        }
    }
    holes
}

fn missing_words(live: &str, missing: &[u64]) -> Option<String> {
    match missing {
        [] => None,
        [one] => Some(format!("{live}.{one} is not here")),
        [first, .., last] => {
            Some(format!("{} files from {live}.{first} to {live}.{last} are not here", missing.len()))
        }
    }
}

/// Whether a log with another kind of name, as `auth.log-20261101` or `auth.log.bak`, tells of some of a time: it may be
/// one of the files that seem to be missing.
fn stands_in(log: &Kept<'_>, live: &str, (from, to): Span) -> bool {
    let (other, _) = rotation(log.path);
    let is_like = other != live && name(other).starts_with(name(live));
    is_like && log.span.is_some_and(|(first, last)| first < to && from < last)
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The file that is being written, and which of its rotation this one is.
fn rotation(path: &str) -> (&str, u64) {
    let (live, number) = numbered(path.as_bytes());
    (path.get(..live.len()).unwrap_or(path), number)
}

fn around(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_unix(1_772_323_200 + (day - 1) * 86_400, 0)
    }

    fn log(path: &str, days: Option<(i64, i64)>) -> Kept<'_> {
        let span = days.map(|(first, last)| (day(first), day(last)));
        Kept { what: What::Auth, path, span }
    }

    fn window(since: i64, until: i64) -> TimeWindow {
        TimeWindow { since: Some(day(since)), until: Some(day(until)) }
    }

    /// Written from documentation (logrotate(8)).
    #[test]
    fn of_the_time_of_a_rotated_file_that_is_missing_nothing_is_known() {
        let live = log("/var/log/auth.log", Some((15, 21)));
        let old = log("/var/log/auth.log.2.gz", Some((1, 7)));
        let told = |kept: &[Kept<'_>], window| (unknown(kept, window), quiet(kept, window).len());
        let words = |from: i64, to: i64, missing: &str| {
            let (from, to) = (day(from).spoken(), day(to).spoken());
            vec![format!("{from} to {to}: authentication logs: /var/log/{missing}")]
        };
        let one = "auth.log.1 is not here";
        assert_eq!(told(&[live, old], window(9, 12)), (words(9, 12, one), 0));
        assert_eq!(told(&[old, live], window(5, 12)), (words(7, 12, one), 0));
        assert_eq!(told(&[live, old], TimeWindow::default()), (words(7, 15, one), 0));
        let older = log("/var/log/auth.log.4.gz", Some((1, 7)));
        let more = "auth.log.1 to /var/log/auth.log.3 are not here";
        let found = unknown(&[live, older], window(9, 12));
        let more = format!(": 3 files from /var/log/{more}");
        assert!(found.len() == 1 && found[0].ends_with(&more), "{found:?}");
        // What is within the files that are here, and where none is missing.
        for kept in [
            &[live, old][..],
            &[live, log("/var/log/auth.log.1", Some((8, 14))), old],
            &[live, log("/var/log/auth.log.1", None), old],
        ] {
            assert_eq!(told(kept, window(2, 6)), (vec![], 0));
            assert_eq!(told(kept, window(16, 20)), (vec![], 0));
        }
        // An empty file of the rotation is a quiet time, as far as is known.
        assert_eq!(told(&[live, log("/var/log/auth.log.1", None), old], window(9, 12)), (vec![], 1));
        // Of another kind, or in another folder, it is no file of that rotation.
        let elsewhere = log("/srv/auth.log.2.gz", Some((1, 7)));
        assert_eq!(told(&[live, elsewhere], window(9, 12)), (vec![], 1));
        let wtmp = Kept { what: What::Wtmp, ..old };
        assert_eq!(told(&[live, wtmp], window(9, 12)), (vec![], 0));
    }

    /// Written from documentation (logrotate.conf(5), `dateext`).
    #[test]
    fn without_numbers_a_window_between_two_files_is_told_and_no_gap() {
        let (live, old) = (log("/a/secure", Some((15, 21))), log("/a/secure-20260308", Some((1, 7))));
        assert!(unknown(&[live, old], window(9, 12)).is_empty());
        let quiet_then = quiet(&[live, old], window(9, 12));
        assert!(quiet_then.len() == 1 && quiet_then[0].contains("authentication logs end 2026-03-07"));
        assert!(quiet(&[live, old], window(6, 12)).is_empty());
        assert!(quiet(&[live, old], window(22, 23)).is_empty());
        // A file of another name that may be the missing one.
        let (one, two) = (log("/a/auth.log", Some((15, 21))), log("/a/auth.log.2", Some((1, 7))));
        let saved = log("/save/auth.log.1.bak", Some((8, 14)));
        assert!(unknown(&[one, two, saved], window(9, 12)).is_empty());
        assert!(!unknown(&[one, two, log("/a/syslog", Some((1, 20)))], window(9, 12)).is_empty());
    }

    #[test]
    fn a_number_of_a_rotation_is_told_from_days_and_addresses() {
        for (path, live, number) in [
            ("/var/log/auth.log", "/var/log/auth.log", 0),
            ("/var/log/wtmp.1", "/var/log/wtmp", 1),
            ("/var/log/auth.log.12.xz", "/var/log/auth.log", 12),
            ("/var/log/secure-20260308.gz", "/var/log/secure-20260308", 0),
            ("/var/log/btmp.20260308", "/var/log/btmp.20260308", 0),
            ("/var/log/hosts/10.0.0.5", "/var/log/hosts/10.0.0.5", 0),
            ("/var/log/.5", "/var/log/.5", 0),
            ("wtmp.", "wtmp.", 0),
        ] {
            assert_eq!(rotation(path), (live, number));
        }
    }
}
