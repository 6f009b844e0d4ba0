//! The table while it grows: rows go out as they come, and what is to be said of them is kept until its member is
//! closed, because nothing else can be sealed while it is open.

use std::collections::BTreeMap;

use super::again::Again;
use super::sources::Found;
use crate::clock::Timestamp;
use crate::collector::login_evidence::{DatabaseRows, LoginEvidence, RecordFile};
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source, Taken};
use crate::custody::json::{self, JsonError};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::logins::{LoginRow, LoginSourceRow};
use crate::host::Trouble;
use crate::intake::Halt;
use crate::records::kept_lines::KeptLines;
use crate::records::login_pairing::LoginRecord;
use crate::records::utmp::{Item, Layout, Sort};

/// Bytes of the table at most.
const LIMIT: u64 = 16 << 20;

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// Files that are named in the words of an entry; each has a row.
const NAMED: usize = 8;

/// Clocks differ between a file's writer and its reader, in seconds at most by this.
const DAY: i64 = 86_400;

/// The table and what is known of its files.
pub struct Table {
    taken: Taken,
    pending: Vec<u8>,
    open: bool,
    bytes: u64,
    rows: u64,
    left_out: u64,
    made_of: Vec<EntryId>,
    mixed: Vec<String>,
    in_doubt: Vec<(ReasonCode, String)>,
    sources: Vec<LoginSourceRow>,
    gaps: Vec<(Source, Outcome, Reason)>,
    kept: Vec<RecordFile>,
    databases: Vec<DatabaseRows>,
    failed: Option<JsonError>,
}

impl Table {
    /// An empty one, begun at this moment.
    pub fn new(taken: Taken) -> Table {
        Table {
            taken,
            pending: Vec::new(),
            open: false,
            bytes: 0,
            rows: 0,
            left_out: 0,
            made_of: Vec::new(),
            mixed: Vec::new(),
            in_doubt: Vec::new(),
            sources: Vec::new(),
            gaps: Vec::new(),
            kept: Vec::new(),
            databases: Vec::new(),
            failed: None,
        }
    }

    /// The moment of the collection, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.taken.utc.unix()
    }

    /// The last second that a record of a file can plausibly speak of: its clock may have been ahead of ours.
    pub fn latest(&self, modified: Timestamp) -> i64 {
        self.now().max(modified.unix()).saturating_add(DAY)
    }

    /// The records of a file follow; those of logins and of failed ones are kept for the views.
    pub fn keep_records(&mut self, found: &Found, layout: Layout, sort: Sort) {
        if sort == Sort::Utmp {
            return;
        }
        let records = KeptLines::within(LoginEvidence::room(&self.kept));
        let (entry, modified, is_failed) = (found.copy.entry, found.copy.modified, sort == Sort::Btmp);
        self.kept.push(RecordFile { entry, modified, is_failed, layout, records });
    }

    /// A record of that file.
    pub fn keep(&mut self, found: &Found, item: &Item<'_>) {
        let file = self.kept.last_mut().filter(|file| file.entry == found.copy.entry);
        if let (Some(file), Item::Record { offset, record, .. }) = (file, item) {
            file.records.push(*offset, record.raw);
        }
    }

    /// All of its records have passed.
    pub fn kept(&mut self) {
        self.kept.iter_mut().for_each(|file| file.records.close());
    }

    /// The rows of a database of logins follow, and those of the log beside it; they are kept for the views.
    pub fn keep_database(&mut self, found: &Found, log: Option<&Found>, is_partial: bool) {
        let entries = [Some(found), log].into_iter().flatten().map(|one| one.copy.entry).collect();
        self.databases.push(DatabaseRows::new(entries, is_partial));
    }

    /// Not all rows of that database could be read.
    pub fn kept_in_part(&mut self) {
        if let Some(database) = self.databases.last_mut() {
            database.is_partial = true;
        }
    }

    /// A row of that database.
    pub fn keep_row(&mut self, row: LoginRecord) {
        let room = DatabaseRows::room(&self.databases);
        if let Some(database) = self.databases.last_mut() {
            database.push(row, room);
        }
    }

    /// Whether this is such a database.
    pub fn keeps_rows_of(&self, found: &Found) -> bool {
        self.databases.iter().any(|database| database.entries.first() == Some(&found.copy.entry))
    }

    /// One more row; past the limit it is only counted.
    pub fn push(&mut self, row: &LoginRow) {
        let before = self.pending.len();
        match json::row(&mut self.pending, row) {
            Ok(()) => {
                let length = (self.pending.len() - before) as u64;
                if self.left_out > 0 || self.bytes + length > LIMIT {
                    self.pending.truncate(before);
                    self.left_out += 1;
                    return;
                }
                self.bytes += length;
                self.rows += 1;
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// Hands on what has come together, if it is enough. To be called between rows, and whenever time passes.
    pub fn flush(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        if self.pending.len() >= PIECE {
            return self.hand_on(run);
        }
        if self.open { run.intake.check_within_member() } else { run.intake.check() }
    }

    fn hand_on(&mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if !self.open {
            // Entries stand in the order of time, and others may have been written since the table was begun.
            let taken = run.intake.now();
            let mut draft = Draft::new(Kind::Derived, Source::text("sealed login records"), taken);
            draft.title = Some("Login records, one row each".into());
            draft.derived_from.clone_from(&self.made_of);
            run.intake.begin_member(Member::of_view("login-records.jsonl"), draft)?;
            self.open = true;
        }
        let rows = std::mem::take(&mut self.pending);
        for piece in rows.chunks(PIECE) {
            run.intake.write(piece.to_vec())?;
        }
        Ok(())
    }

    /// A file whose records are in the table.
    pub fn add_source(&mut self, found: &Found, row: LoginSourceRow) {
        self.made_of.push(found.copy.entry);
        self.sources.push(row);
    }

    /// A file that was not copied but captured; if its records could be read, they are in the table.
    pub fn add_captured(&mut self, entry: EntryId, row: LoginSourceRow) {
        self.made_of.extend(row.read.then_some(entry));
        let outcome = (!row.read).then_some(Outcome::Inconclusive);
        self.sources.push(LoginSourceRow { outcome, ..row });
    }

    /// Whether the file of this row has one already.
    pub fn has(&self, row: &LoginSourceRow) -> bool {
        self.sources.iter().any(|known| (&known.file, &known.file_b64) == (&row.file, &row.file_b64))
    }

    /// A source of which there is nothing to be read; where it may hold records all the same, with the code of why and what
    /// is to be said of it.
    pub fn add_unread(&mut self, row: LoginSourceRow, in_doubt: Option<(ReasonCode, String)>) {
        self.in_doubt.extend(in_doubt);
        self.sources.push(row);
    }

    /// A row about a file, with nothing read yet.
    pub fn about(found: &Found) -> LoginSourceRow {
        let words = "its sealed copy is not all of it, or not of one moment; the copy's entry says why";
        let (file, file_b64) = crate::custody::rows::text(found.path.as_bytes());
        LoginSourceRow {
            entry: Some(found.copy.entry),
            file,
            file_b64,
            modified: Some(found.copy.modified),
            reason: (!found.copy.whole).then(|| words.into()),
            size: found.copy.size,
            ..LoginSourceRow::default()
        }
    }

    /// A file whose bytes are sealed, and none of whose records could be read.
    pub fn refuse(&mut self, found: &Found, words: String) {
        self.not_read(found, Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words));
    }

    fn not_read(&mut self, found: &Found, outcome: Outcome, reason: Reason) {
        let (outcome_of_row, words) = (Some(outcome), Some(reason.words.clone()));
        let row = LoginSourceRow { outcome: outcome_of_row, reason: words, ..Table::about(found) };
        self.sources.push(row);
        let words = format!("not in the table of login records: {}", reason.words);
        self.gaps.push((found.source(), outcome, Reason::new(reason.code, words)));
    }

    /// Whether a second reading gave what was sealed; it is said if not.
    pub fn is_same(&mut self, found: &Found, read: Again) -> bool {
        let (outcome, reason) = match read {
            Again::Same => return true,
            Again::Changed => {
                let words = "the host wrote to it after it was sealed, so that it could not be read once more; the \
                    sealed bytes are whole and hold its records";
                (Outcome::Inconclusive, Reason::new(ReasonCode::Overwritten, words))
            }
            Again::Trouble(Trouble::Missing(path)) => Trouble::Vanished(path).verdict(),
            Again::Trouble(trouble) => trouble.verdict(),
        };
        self.not_read(found, outcome, reason);
        false
    }

    /// Rows of this file were written, and then its bytes turned out not to be those that were sealed.
    pub fn mix(&mut self, found: &Found, row: LoginSourceRow) {
        self.mixed.push(found.path.to_string());
        let words = "the host wrote to it after it was sealed: the rows of this file are of other bytes than those that \
            are sealed, which are whole";
        self.sources.push(LoginSourceRow { reason: Some(words.into()), ..row });
    }

    /// A file of whose rows it can be said which bytes they were made of, or not.
    pub fn add_read(&mut self, found: &Found, row: LoginSourceRow, read: &Again) {
        match read {
            Again::Same => self.add_source(found, row),
            Again::Changed | Again::Trouble(_) => self.mix(found, row),
        }
    }

    /// Closes the table, and says what is to be said.
    pub fn finish(mut self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        run.logins.files = std::mem::take(&mut self.kept);
        run.logins.databases = std::mem::take(&mut self.databases);
        self.flush(run)?;
        if !self.pending.is_empty() {
            self.hand_on(run)?;
        }
        if self.open {
            let ending = self.ending();
            let made_of = self.made_of.clone();
            run.intake.end_member(|draft| {
                draft.derived_from = made_of;
                if let Some((outcome, reason)) = ending {
                    *draft = draft.clone().ended(outcome, reason);
                }
            })?;
        }
        self.tell_sources(run)?;
        for (source, outcome, reason) in std::mem::take(&mut self.gaps) {
            run.intake.gap(source, outcome, reason)?;
        }
        if !self.open {
            let words = if self.sources.iter().all(|source| source.size == 0) {
                "no file with login records could be sealed, so that there is no table of them; the other entries of \
                 this collector and login-sources.jsonl say what was looked for. That is no sign that nobody logged in"
            } else {
                "no file that was sealed holds a login record that could be read, so that there is no table of them; \
                 login-sources.jsonl has each file. That is no sign that nobody logged in"
            };
            let reason = Reason::new(ReasonCode::NotFound, words);
            run.intake.gap(Source::text("sealed login records"), Outcome::Inconclusive, reason)?;
        }
        Ok(())
    }

    /// How the table ended, where that is more than that it is there.
    fn ending(&self) -> Option<(Outcome, Reason)> {
        if !self.mixed.is_empty() {
            let words = format!(
                "the host wrote to these files after they were sealed, and the rows of them are not of the sealed bytes, \
                 which are whole: {}; recompute them from the raw files",
                self.mixed.join(", ")
            );
            return Some((Outcome::Inconclusive, Reason::new(ReasonCode::Overwritten, words)));
        }
        let findings = self.findings();
        if self.left_out > 0 {
            let words = format!(
                "{} more rows would make it longer than 16 MiB: recompute from the raw files. {findings}",
                self.left_out
            );
            return Some((Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words.trim_end())));
        }
        if let Some(doubt) = self.doubt() {
            let words = format!("{} {findings}", doubt.words);
            return Some((Outcome::Inconclusive, Reason::new(doubt.code, words.trim_end())));
        }
        (!findings.is_empty()).then(|| (Outcome::Collected, Reason::new(ReasonCode::Remarkable, findings)))
    }

    /// What could not be read and may hold records: that a login is not in the table does not say that there was none.
    fn doubt(&self) -> Option<Reason> {
        let (code, _) = self.in_doubt.first()?;
        let named: Vec<&str> = self.in_doubt.iter().take(NAMED).map(|(_, words)| words.as_str()).collect();
        let more = match self.in_doubt.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let words = format!(
            "records may be missing, because this could not be read: {}{more}; login-sources.jsonl says why.",
            named.join(", ")
        );
        Some(Reason::new(*code, words))
    }

    fn findings(&self) -> String {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, count) in self.sources.iter().flat_map(|source| &source.findings) {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(*count);
        }
        if sums.is_empty() {
            return String::new();
        }
        let counted: Vec<String> = sums.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        format!(
            "{}; consistent with tampering and with innocent causes, which docs/tables.md names; the rows have flags, \
             and login-sources.jsonl has each file",
            counted.join(", ")
        )
    }

    fn tell_sources(&self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        if self.sources.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        for source in &self.sources {
            json::row(&mut rows, source)?;
        }
        let mut draft = Draft::new(Kind::Derived, Source::text("sealed login records"), run.intake.now());
        draft.title = Some("Files with login records: what was read of each, and what was not".into());
        draft.derived_from = self.sources.iter().filter_map(|source| source.entry).collect();
        if let Some(doubt) = self.doubt() {
            draft = draft.ended(Outcome::Collected, Reason::new(ReasonCode::Remarkable, doubt.words));
        }
        run.intake.capture(Member::of_view("login-sources.jsonl"), draft, rows)?;
        Ok(())
    }
}

/// A time in seconds since 1970, where it is one that can be written.
pub fn time(seconds: i64, nanos: u32) -> Option<Timestamp> {
    Timestamp::can_hold(seconds).then(|| Timestamp::from_unix(seconds, nanos))
}

/// A time in microseconds since 1970.
pub fn time_of_micros(micros: i64) -> Option<Timestamp> {
    let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or(0);
    time(micros.div_euclid(1_000_000), nanos)
}
