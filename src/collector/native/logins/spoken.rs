//! What programs said of logins, in the text logs and journals that passed into the seal.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::custody::outcome::{counted, named};
use crate::path::HostPath;
use crate::records::audit_event::Place;
use crate::records::auth_text::Said;
use crate::records::journal_log;
use crate::records::observer::Observed;
use crate::records::syslog::{Anchor, Notes, Reader, Surveyed, Years, named_at, years_of};
use crate::records::text_log::Told;
use crate::records::tzif::Zone;
use crate::view::login_sessions::Source;

/// Bytes of a zone.
const ZONE: u64 = 256 << 10;
/// Journals that are named where not all of them could be read.
const NAMED: usize = 3;

/// What is heard of the logs.
pub enum Heard<'a> {
    /// Something was said.
    Said(Source, &'a Said),
    /// The log has ended.
    End,
}

/// A text log that passed.
struct Text {
    entry: EntryId,
    path: HostPath,
    modified: Timestamp,
    packed: Option<Timestamp>,
    told: Arc<Told>,
    years: Years,
}

/// A journal that passed.
struct Journal {
    entry: EntryId,
    path: HostPath,
    summary: Box<journal_log::Summary>,
}

/// All of them, those of each kind the oldest first.
pub struct Spoken {
    texts: Vec<Text>,
    journals: Vec<Journal>,
    zone: Option<Zone>,
}

impl Spoken {
    /// What passed in this run.
    pub fn of(run: &Run<'_, '_>) -> Spoken {
        let zone = super::peek(run, "/etc/localtime", ZONE).and_then(|bytes| Zone::parse(&bytes));
        Spoken { texts: texts(run, zone.as_ref()), journals: journals(run), zone }
    }

    /// Nothing of which sessions could be made.
    pub fn is_nothing(&self) -> bool {
        self.texts.is_empty() && self.journals.is_empty()
    }

    /// Text logs, and journals.
    pub fn count(&self) -> (u64, u64) {
        (self.texts.len() as u64, self.journals.len() as u64)
    }

    /// Whether the zone of the machine is known.
    pub fn knows_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// The sealed copies.
    pub fn entries(&self) -> impl Iterator<Item = EntryId> {
        let journals = self.journals.iter().map(|journal| journal.entry);
        self.texts.iter().map(|text| text.entry).chain(journals)
    }

    /// Lines and entries for which there was no room.
    pub fn left(&self) -> u64 {
        let lines: u64 = self.texts.iter().map(|text| text.told.lines.left).sum();
        lines + self.journals.iter().map(|journal| journal.summary.left()).sum::<u64>()
    }

    /// All that was said, log after log; what is to be told of the lines of texts. Journals come first, since they tell
    /// which lines another program sent than the one that is named.
    pub fn hear(&self, each: &mut dyn FnMut(Heard<'_>)) -> Notes {
        for journal in &self.journals {
            journal.summary.said(journal.entry.0, &mut |said| each(Heard::Said(Source::Journal, &said)));
            each(Heard::End);
        }
        let mut notes = Notes::default();
        for text in &self.texts {
            let mut reader = Reader::new(text.years.clone(), self.zone.clone().unwrap_or_default());
            text.told.lines.replay(&mut |offset, line| {
                let place = Place { file: text.entry.0, offset };
                reader.line(line, place, &mut |said| each(Heard::Said(Source::Text, &said)));
            });
            let of_text = reader.end();
            notes.doubtful_years += of_text.doubtful_years;
            notes.ahead_years += of_text.ahead_years;
            notes.ambiguous_times += of_text.ambiguous_times;
            each(Heard::End);
        }
        notes
    }

    /// What could not be read, in words.
    pub fn doubts(&self) -> Vec<String> {
        let odd: u64 = self.texts.iter().map(|text| text.told.odd).sum();
        let odd = (odd > 0).then(|| format!("text logs: not understood: {}", counted(odd, "line")));
        odd.into_iter().chain(self.unread_journals()).collect()
    }

    /// Journals of which not all could be read as they passed.
    pub fn unread_journals(&self) -> Option<String> {
        let told =
            |journal: &Journal| Some(format!("{}: {}", journal.path, journal.summary.seen.shortcomings()?));
        let not_whole: Vec<String> = self.journals.iter().filter_map(told).collect();
        let journals = counted(not_whole.len() as u64, "journal");
        let words = || {
            format!(
                "{journals} not whole, or not as written, or not read to the end in passing ({}); 'phi-ir logins' reads them \
                 from any place",
                named(&not_whole, NAMED)
            )
        };
        (!not_whole.is_empty()).then(words)
    }
}

/// The text logs, with their years.
fn texts(run: &Run<'_, '_>, zone: Option<&Zone>) -> Vec<Text> {
    let copies = run.intake.sealed_copies();
    let texts = copies.filter_map(|copy| match &copy.observed {
        Some(Observed::Text(summary)) if summary.holds_records() => {
            let (path, told) = (copy.path().clone(), summary.told.clone());
            let (modified, packed) = (copy.modified, summary.packed);
            Some(Text { entry: copy.entry, path, modified, packed, told, years: Years::default() })
        }
        _ => None,
    });
    let mut texts: Vec<Text> = texts.collect();
    texts.sort_by_key(|text| (text.modified, text.entry));
    let surveyed: Vec<Surveyed<'_>> = texts.iter().map(|text| text.surveyed(run.began.utc)).collect();
    let years = years_of(&surveyed, zone.unwrap_or(&Zone::utc()));
    texts.iter_mut().zip(years).for_each(|(text, years)| text.years = years);
    texts
}

fn journals(run: &Run<'_, '_>) -> Vec<Journal> {
    let copies = run.intake.sealed_copies();
    let journals = copies.filter_map(|copy| match &copy.observed {
        Some(Observed::Journal(summary)) => {
            Some(Journal { entry: copy.entry, path: copy.path().clone(), summary: summary.clone() })
        }
        _ => None,
    });
    let mut journals: Vec<Journal> = journals.collect();
    journals.sort_by_key(|journal| (journal.summary.span, journal.entry));
    journals
}

impl Text {
    fn surveyed(&self, collected: Timestamp) -> Surveyed<'_> {
        let anchor = Anchor {
            collected: Some(collected),
            modified: Some(self.modified),
            packed: self.packed,
            named: named_at(self.path.name()),
            next: None,
        };
        Surveyed { survey: &self.told.survey, anchor, path: Some(self.path.as_bytes()) }
    }
}
