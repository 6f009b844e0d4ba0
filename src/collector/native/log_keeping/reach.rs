//! How far back the logs of one kind reach, and whether that covers the window of interest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::collector::native::auth_logs::TextLog;
use crate::collector::native::journal::Journal;
use crate::custody::entry::Window;
use crate::custody::outcome::counted;
use crate::custody::rows::keeping::KeepingSource;
use crate::path::HostPath;

/// A log that was silent for longer than this before the window's end may not be written any more: a server that runs
/// writes of its own timers every hour.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// Whether records of the window would be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// From its beginning to its end, as far as times tell.
    Yes,
    /// The records begin after it does.
    No,
    /// That cannot be told.
    Unknown,
}

impl Covered {
    /// As it stands in the document.
    pub fn word(self) -> &'static str {
        match self {
            Covered::Yes => "yes",
            Covered::No => "no",
            Covered::Unknown => "unknown",
        }
    }

    /// One source that covers it is enough; that none does is known only if it is known of each.
    pub fn any(sources: &[KeepingSource]) -> Covered {
        let is = |word: &str| sources.iter().any(|source| source.covered == word);
        match (is("yes"), is("unknown"), sources.is_empty()) {
            (true, ..) => Covered::Yes,
            (false, false, false) => Covered::No,
            (false, ..) => Covered::Unknown,
        }
    }
}

/// What is known of the times of a kind of log.
#[derive(Debug, Default)]
struct Reach {
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
    /// Files whose times could not be read, or not to their end.
    unread: u64,
    /// Files with lines whose times have no year.
    classic: u64,
    missing: u64,
}

impl Reach {
    fn note(&mut self, span: Option<(Timestamp, Timestamp)>) {
        let Some((first, last)) = span else { return };
        self.earliest = Some(self.earliest.map_or(first, |earliest| earliest.min(first)));
        self.latest = Some(self.latest.map_or(last, |latest| latest.max(last)));
    }

    /// With the reason in words.
    fn covers(&self, window: &Window) -> (Covered, String) {
        let Some(from) = window.from else {
            return (Covered::Unknown, "no window was asked about".into());
        };
        let (Some(earliest), Some(latest)) = (self.earliest, self.latest) else {
            let why = match self.classic {
                0 => "no time in them could be read",
                _ => "their times have neither a year nor a zone",
            };
            return (Covered::Unknown, format!("whether they cover the window cannot be told: {why}"));
        };
        let reach = format!("they reach from {} to {}", earliest.spoken(), latest.spoken());
        let silent = window.to.is_some_and(|to| latest < to.minus(SILENCE));
        let (covered, why) = if earliest > from && self.unread + self.classic + self.missing == 0 {
            (Covered::No, "and the window begins before that".to_owned())
        } else if earliest > from {
            let files = counted(self.unread + self.classic, "file");
            (Covered::Unknown, format!("and what {files} without times that can be read hold may be older"))
        } else if self.missing > 0 {
            (Covered::Unknown, format!("but between them something is missing ({})", self.missing))
        } else if self.unread > 0 {
            let files = counted(self.unread, "file");
            (Covered::Unknown, format!("but {files} of them could not be read, or not wholly"))
        } else if silent {
            let words = "but nothing was written in the last day of the window or longer: silence, or nothing writes there any more";
            (Covered::Unknown, words.to_owned())
        } else {
            (Covered::Yes, "and the window lies within that".to_owned())
        };
        (covered, format!("{reach}, {why}"))
    }
}

/// Of text logs for authentication; none where there is none.
pub fn of_texts(logs: &[TextLog], window: &Window) -> Option<KeepingSource> {
    if logs.is_empty() {
        return None;
    }
    let mut reach = Reach { missing: missing_rotations(logs), ..Reach::default() };
    for log in logs {
        reach.note(log.summary.lines.span);
        reach.unread += u64::from(log.summary.unread.is_some() || !log.copy.whole);
        reach.classic += u64::from(log.summary.lines.classic > 0);
    }
    let (covered, why) = reach.covers(window);
    let with_texts = || logs.iter().filter(|log| log.summary.lines.texts.is_some());
    let oldest =
        with_texts().min_by_key(|log| log.copy.modified).and_then(|log| log.summary.lines.texts.as_ref());
    let newest =
        with_texts().max_by_key(|log| log.copy.modified).and_then(|log| log.summary.lines.texts.as_ref());
    let bases: BTreeSet<String> = logs.iter().map(|log| log.base.to_string()).collect();
    let bases: Vec<String> = bases.into_iter().collect();
    let files = counted(logs.len() as u64, "file");
    let words = format!("logins are kept as text in {} ({files}): {why}", bases.join(" and "));
    Some(KeepingSource {
        covered: covered.word(),
        earliest: reach.earliest,
        earliest_text: oldest.map(|(first, _)| first.clone()),
        files: logs.len() as u64,
        latest: reach.latest,
        latest_text: newest.map(|(_, last)| last.clone()),
        lost_at_reboot: false,
        missing_between: reach.missing,
        source: "text",
        unread_files: reach.unread,
        words,
    })
}

/// `auth.log.1` and `auth.log.3` without `auth.log.2`: how many are missing between those that are there.
fn missing_rotations(logs: &[TextLog]) -> u64 {
    let mut numbers: BTreeMap<&HostPath, BTreeSet<u64>> = BTreeMap::new();
    for log in logs {
        let digits = log.rotation.as_deref().and_then(|suffix| suffix.strip_prefix('.')?.split('.').next());
        // Longer ones are dates.
        if let Some(number) = digits.filter(|digits| digits.len() < 5).and_then(|digits| digits.parse().ok())
        {
            numbers.entry(&log.base).or_default().insert(number);
        }
    }
    let missing = |present: &BTreeSet<u64>| {
        let highest = present.last().copied().unwrap_or(0);
        (1..=highest).filter(|number| !present.contains(number)).count() as u64
    };
    numbers.values().map(missing).sum()
}

/// Of this machine's own journals; none where there is none. Those on the disk count, and those of /run only where there
/// are no others.
pub fn of_journals(all: &[Journal], window: &Window) -> Option<KeepingSource> {
    let persistent = all.iter().any(|journal| journal.is_persistent);
    let journals: Vec<&Journal> = all.iter().filter(|journal| journal.is_persistent || !persistent).collect();
    if journals.is_empty() {
        return None;
    }
    let mut reach = Reach::default();
    for journal in &journals {
        let Ok(header) = &journal.header else { continue };
        let span = header.first().zip(header.last());
        reach.note(span.map(|(first, last)| (first.min(last), last.max(first))));
        reach.unread += u64::from(span.is_none() || journal.is_truncated() || !journal.copy.whole);
    }
    let (covered, why) = reach.covers(window);
    let files = counted(journals.len() as u64, "file");
    let where_ = match persistent {
        true => format!("logins are kept in the journal on the disk ({files})"),
        false => format!(
            "logins are kept in a journal in /run alone ({files}), which the next reboot takes away, as the last one took what \
             was before"
        ),
    };
    Some(KeepingSource {
        covered: covered.word(),
        earliest: reach.earliest,
        earliest_text: None,
        files: journals.len() as u64,
        latest: reach.latest,
        latest_text: None,
        lost_at_reboot: !persistent,
        missing_between: 0,
        source: "journal",
        unread_files: reach.unread,
        words: format!("{where_}: {why}"),
    })
}

#[cfg(test)]
mod tests;
