//! What collectors learn of logins on their way, for the views that are made at the end: so that no log is read twice.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::custody::entry::EntryId;
use crate::records::audit_event::Place;
use crate::records::kept_lines::KeptLines;
use crate::records::login_pairing::LoginRecord;
use crate::records::utmp::Layout;

/// Bytes of login records that are kept of all files together, compressed.
const RECORDS: usize = 1 << 20;
/// Bytes of rows that are kept of all databases together.
const ROWS: usize = 3 << 20;

/// Records of one file, as they stand there.
#[derive(Debug)]
pub struct RecordFile {
    /// Its sealed copy.
    pub entry: EntryId,
    /// When the file was last changed, as it claims.
    pub modified: Timestamp,
    /// Whether its records are of failed logins.
    pub is_failed: bool,
    /// How they are laid out.
    pub layout: Layout,
    /// They.
    pub records: KeptLines,
}

/// What is known of logins so far.
#[derive(Debug, Default)]
pub struct LoginEvidence {
    /// Files of utmp(5) of logins and logouts, and of failed logins.
    pub files: Vec<RecordFile>,
    /// Sessions of logind's, and the entry that they stand in.
    pub living: Vec<(EntryId, BTreeMap<String, Vec<u8>>)>,
    /// Databases of logins and logouts (wtmpdb(8)).
    pub databases: Vec<DatabaseRows>,
    /// Such databases that could not be read.
    pub unread_databases: u64,
    /// Files of utmp(5) that are compressed: they are not read while they pass.
    pub compressed: u64,
}

/// Rows of one database, those of the log beside it among them.
#[derive(Debug)]
pub struct DatabaseRows {
    /// Its sealed copy, and that of its log.
    pub entries: Vec<EntryId>,
    /// They.
    pub rows: Vec<LoginRecord>,
    /// Rows for which there was no room.
    pub left: u64,
    /// Not all of it could be read.
    pub is_partial: bool,
    /// Bytes of the rows.
    weight: usize,
}

impl DatabaseRows {
    /// Of a database in these entries; `is_partial` if not all of it can be read.
    pub fn new(entries: Vec<EntryId>, is_partial: bool) -> DatabaseRows {
        DatabaseRows { entries, rows: Vec::new(), left: 0, is_partial, weight: 0 }
    }

    /// Bytes that there is still room for.
    pub fn room(databases: &[DatabaseRows]) -> usize {
        ROWS.saturating_sub(databases.iter().map(|database| database.weight).sum())
    }

    /// One more, where there is room for it.
    pub fn push(&mut self, row: LoginRecord, room: usize) {
        let weight = row.weight();
        if weight <= room && self.left == 0 {
            self.weight += weight;
            self.rows.push(row);
        } else {
            self.left += 1;
        }
    }
}

impl LoginEvidence {
    /// Bytes that there is still room for.
    pub fn room(files: &[RecordFile]) -> usize {
        RECORDS.saturating_sub(files.iter().map(|file| file.records.weight()).sum())
    }
}

impl RecordFile {
    /// Gives each of its records.
    pub fn each(&self, each: &mut dyn FnMut(LoginRecord)) {
        self.records.replay(&mut |offset, bytes| {
            if let Some(record) = self.layout.read(bytes) {
                each(LoginRecord::of(&record, Place { file: self.entry.0, offset }));
            }
        });
    }
}
