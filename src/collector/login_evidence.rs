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
    /// Databases of logins, of which no session is made.
    pub databases: u64,
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
