//! Dated facts: whatever a bundle holds that has a time, as one shape, so that all of it can stand in one order. A row
//! with several times gives several facts; a statement without a time gives none, and is counted.

pub mod audit;
pub mod doings;
pub mod entries;
pub mod files;
pub mod journal;
pub mod login_records;
pub mod said;
mod secrets;
pub mod sessions;
pub mod tables;
mod template;

use std::borrow::Cow;

use crate::clock::Timestamp;
use crate::custody::entry::EntryId;
use crate::path::{harmless, shown};
use crate::records::audit_event::Place;
use crate::records::auth_text::TimeQuality;

pub use secrets::conceal;

/// Characters of the words of a fact; what is longer stands in the evidence.
pub const WORDS: usize = 2000;

/// How well a time is known, and what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Written with year and zone by what it is of.
    #[default]
    Exact,
    /// The owner of a file can set it to anything (utimensat(2)).
    Settable,
    /// Told from the time since boot and the clock of the collection: wrong by as much as the clock was set since.
    SinceBoot,
    /// No more than the day.
    Day,
    /// Without a zone: the zone of the machine was taken.
    Zone,
    /// Without a year: it follows from the lines around it.
    YearInferred,
    /// With neither.
    YearAndZone,
    /// Outside of the years 0 to 9999: the nearest that can be written stands for it.
    BeyondCalendar,
}

impl Quality {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Quality::Exact => "exact",
            Quality::Settable => "settable",
            Quality::SinceBoot => "since_boot",
            Quality::Day => "day",
            Quality::Zone => "zone_assumed",
            Quality::YearInferred => "year_inferred",
            Quality::YearAndZone => "year_and_zone_inferred",
            Quality::BeyondCalendar => "beyond_calendar",
        }
    }
}

impl From<TimeQuality> for Quality {
    fn from(quality: TimeQuality) -> Quality {
        match quality {
            TimeQuality::Exact => Quality::Exact,
            TimeQuality::Zone => Quality::Zone,
            TimeQuality::YearInferred => Quality::YearInferred,
            TimeQuality::YearAndZone => Quality::YearAndZone,
        }
    }
}

/// Where a fact stands in the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The entry that holds it.
    pub entry: Option<EntryId>,
    /// Bytes before it in the text of that member, unpacked.
    pub offset: u64,
}

impl At {
    /// In the file of a place, where `entries` has the entry of each file by its number.
    pub fn of(place: Place, entries: &[EntryId]) -> At {
        At { entry: entries.get(place.file as usize).copied(), offset: place.offset }
    }
}

/// Something that happened, or is said to have happened, at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// When; where [`Fact::beyond`] is there, the nearest that a calendar holds.
    pub time: Option<Timestamp>,
    /// Seconds since 1970 of a time that no calendar of four digits holds.
    pub beyond: Option<i64>,
    /// How well that is known.
    pub quality: Quality,
    /// A stable word, as `login.accepted`, `file.modified`, `audit.read`.
    pub what: Cow<'static, str>,
    /// The same for people, in one harmless line.
    pub words: String,
    /// What tells it: `audit`, `text`, `journal`, `login_records`, `listing`, …
    pub source: &'static str,
    /// Where it stands.
    pub at: At,
    /// The user that is named; empty for none.
    pub user: Vec<u8>,
    /// A further name in the words that somebody typed in vain: as whom they wanted to act; empty for none.
    pub typed: Vec<u8>,
    /// The login identity.
    pub auid: Option<u32>,
    /// The address that is named; empty for none.
    pub address: Vec<u8>,
    /// The path that it is about; empty for none.
    pub path: Vec<u8>,
    /// Other paths that it is about: a file's new name, what else a call names.
    pub further: Vec<Vec<u8>>,
    /// What its source counts by, where that says more of the order than where it stands: an audit event's number.
    pub serial: u64,
    /// The process.
    pub pid: Option<u32>,
    /// What is to be known of it, as `collector`: this very collection did it.
    pub labels: Vec<&'static str>,
}

impl Fact {
    /// Of this time, told by `source`; words are made harmless, and cut where they are too long.
    pub fn new(
        time: Timestamp,
        what: impl Into<Cow<'static, str>>,
        words: &str,
        source: &'static str,
        at: At,
    ) -> Fact {
        let (what, words) = (what.into(), bounded(words));
        Fact { time: Some(time), what, words, source, at, ..Fact::default() }
    }

    /// With what is known of its time.
    pub fn quality(mut self, quality: Quality) -> Fact {
        self.quality = quality;
        self
    }

    /// With a label.
    pub fn label(mut self, label: &'static str) -> Fact {
        self.labels.push(label);
        self
    }

    /// About a path.
    pub fn path(mut self, path: &[u8]) -> Fact {
        self.path = path.to_vec();
        self
    }
}

/// The label of what this collection itself did.
pub const COLLECTOR: &str = "collector";

/// The process of the collection: its number, and its time, which lies within one boot. Another program that calls
/// itself by the same name is not it.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Its number.
    pub pid: u32,
    /// When it started.
    pub from: Timestamp,
    /// When the bundle was closed.
    pub to: Timestamp,
}

impl Own {
    /// Whether the collection did it.
    pub fn did(&self, fact: &Fact) -> bool {
        // The kernel cuts times to the millisecond, and a process's start to a hundredth of a second; numbers of
        // processes are not given anew as fast as that.
        let from = self.from.minus(std::time::Duration::from_millis(10));
        fact.pid == Some(self.pid) && fact.time.is_some_and(|time| from <= time && time <= self.to)
    }

    /// Labels a fact that the collection did.
    pub fn mark(&self, fact: &mut Fact) {
        if self.did(fact) && !fact.labels.contains(&COLLECTOR) {
            fact.labels.push(COLLECTOR);
        }
    }
}

/// What gave no fact, so that nobody takes it for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Facts.
    pub facts: u64,
    /// Statements without a time that could be made out.
    pub untimed: u64,
    /// Rows that could not be read.
    pub unread: u64,
}

impl Tally {
    /// Counts what one row or record gave.
    pub fn count(&mut self, facts: usize) {
        self.facts += facts as u64;
        self.untimed += u64::from(facts == 0);
    }
}

/// Text for people in one line, at most [`WORDS`] characters of it.
pub fn bounded(words: &str) -> String {
    let words = harmless(words);
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => {
            let (kept, rest) = words.split_at_checked(end).unwrap_or((&words, ""));
            format!("{kept}… ({} characters more)", rest.chars().count())
        }
        None => words,
    }
}

/// Something that the host named, for people; a dash for nothing.
pub(crate) fn named(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".to_owned() } else { shown(bytes) }
}

#[cfg(test)]
mod tests;
