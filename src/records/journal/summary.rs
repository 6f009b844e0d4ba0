//! What is to be said of a journal file once all of it was read: how much of it there is, and by which signs it is not
//! whole or not as it was written.

use super::Entry;
use super::chain::List;
use super::clock::Clock;
use super::notes::Notes;
use super::runs::Runs;
use super::walk::Way;
use crate::clock::Timestamp;

/// Why the entries that were given may be fewer than were written, or others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortcoming {
    /// The file is shorter than its header says.
    Truncated,
    /// Bytes between objects are no object.
    Holes,
    /// The list of entries ends too early.
    ListBroken,
    /// Its offsets do not ascend, or one is of no entry.
    ListWrong,
    /// Entries stand in the file that the whole list leaves out.
    Hidden,
    /// An entry cannot be read.
    EntriesLost,
    /// Fields of entries cannot be read.
    FieldsLost,
    /// Fields were too many or too long.
    Cut,
    /// The file asks for more work than it is worth.
    Spent,
    /// Values do not have their hash: changed in place.
    Edited,
    /// Entries do not have the hash of their fields.
    Mismatched,
    /// The header counts other objects than there are.
    Counts,
}

impl Shortcoming {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Shortcoming::Truncated => "truncated",
            Shortcoming::Holes => "holes",
            Shortcoming::ListBroken => "entry_list_broken",
            Shortcoming::ListWrong => "entry_list_wrong",
            Shortcoming::Hidden => "hidden_entries",
            Shortcoming::EntriesLost => "entries_lost",
            Shortcoming::FieldsLost => "fields_lost",
            Shortcoming::Cut => "fields_cut",
            Shortcoming::Spent => "work_spent",
            Shortcoming::Edited => "hash_mismatch",
            Shortcoming::Mismatched => "entry_hash_mismatch",
            Shortcoming::Counts => "counts_differ",
        }
    }
}

/// Of a whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of the file.
    pub size: u64,
    /// Bytes that its header claims.
    pub claimed_length: u64,
    /// Objects that its header claims.
    pub claimed_objects: u64,
    /// It was being written: what came behind the state that the header knows is no sign of anything.
    pub online: bool,
    /// Entries that were given.
    pub entries: u64,
    /// Of these, what the list of entries does not have: hidden where the list is whole, saved where it is broken.
    pub unlisted: u64,
    /// Of these, what is later than the header of a file that was being written.
    pub unfinished: u64,
    /// What the list names that is no entry, or cannot be read.
    pub unreadable: u64,
    /// Fields of entries that are not there or damaged.
    pub fields_lost: u64,
    /// Fields that are longer than 16 MiB, or beyond the 4,096th or the 32nd MiB of an entry.
    pub fields_cut: u64,
    /// Fields that were left because the work that a file is worth was done.
    pub fields_spent: u64,
    /// Values whose hash is not theirs: changed in place. The hash is no secret: who knows it can mend it.
    pub hash_mismatch: u64,
    /// Entries with such a value.
    pub edited_entries: u64,
    /// Entries whose own hash is not that of their fields: one was changed, with its hash, or exchanged.
    pub entry_hash_mismatch: u64,
    /// Where times go back although the machine's own clock goes on: they were changed, or another program wrote them.
    pub clock: Clock,
    /// Time of the first entry, and of the last: the earliest and the latest of all.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Their numbers.
    pub numbers: Runs,
    /// The list of entries.
    pub list: List,
    /// The objects.
    pub way: Way,
    /// The file is sealed (FSS): its header says so. Proof only with the key that is held elsewhere.
    pub sealed: bool,
    /// Seals in it.
    pub tags: u64,
    /// Time of the last entry before the last seal.
    pub sealed_until: Option<Timestamp>,
    /// What the journal says of itself and of the clock.
    pub notes: Notes,
}

impl Summary {
    /// At least so many entries the list leaves out although it is whole, and although they were not just being written:
    /// an offset in it that is wrong may be one of them, damaged. A disk that was full can have left an entry out too.
    pub fn hidden(&self) -> u64 {
        let known = self.unfinished.saturating_add(self.list.disordered).saturating_add(self.unreadable);
        if self.list.broken { 0 } else { self.unlisted.saturating_sub(known) }
    }

    /// All that keeps the file from being whole; none if every entry that was written is given, as it was written, as
    /// far as the file can tell.
    pub fn shortcomings(&self) -> Vec<Shortcoming> {
        let counts = self.way.holes == 0 && !self.online && self.way.objects != self.claimed_objects;
        let signs = [
            (Shortcoming::Truncated, self.size < self.claimed_length),
            (Shortcoming::Holes, self.way.holes > 0 || (self.way.torn_end && !self.online)),
            (Shortcoming::ListBroken, self.list.broken),
            (Shortcoming::ListWrong, self.list.disordered > 0),
            (Shortcoming::Hidden, self.hidden() > 0),
            (Shortcoming::EntriesLost, self.unreadable > 0),
            (Shortcoming::FieldsLost, self.fields_lost > 0),
            (Shortcoming::Cut, self.fields_cut > 0),
            (Shortcoming::Spent, self.fields_spent > 0),
            (Shortcoming::Edited, self.hash_mismatch > 0 || self.edited_entries > 0),
            (Shortcoming::Mismatched, self.entry_hash_mismatch > 0),
            (Shortcoming::Counts, counts),
        ];
        signs.into_iter().filter(|(_, there)| *there).map(|(sign, _)| sign).collect()
    }

    /// Nothing keeps it from being whole; else the outcome is `inconclusive: not_parsed`, with what was read beside it.
    pub fn is_whole(&self) -> bool {
        self.shortcomings().is_empty()
    }

    pub(super) fn take(&mut self, entry: &Entry<'_>) {
        self.entries += 1;
        self.unlisted += u64::from(!entry.listed);
        self.edited_entries += u64::from(entry.edited);
        self.numbers.take(entry);
        self.clock.take(entry);
        if let Some(time) = entry.time() {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        self.notes.take(entry);
    }
}
