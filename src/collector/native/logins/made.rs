//! What the views are made of: all that passed into the seal and tells of logins, and what is joined and counted of it.

use std::collections::BTreeSet;

use super::spoken::{Heard, Spoken};
use crate::collector::login_evidence::LoginEvidence;
use crate::collector::native::access::made::Logs;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::records::accounts;
use crate::records::audit_event::Place;
use crate::records::login_pairing::{Found, PairedLogin, Pairing};
use crate::records::syslog::Notes;
use crate::view::login_sessions::{Joined, Sessions};
use crate::view::logins::compare::{Comparison, Differences};
use crate::view::logins::{Counting, Logins, Tallied};

/// All of it.
pub struct Made {
    pub audit: Logs,
    pub spoken: Spoken,
    pub evidence: LoginEvidence,
}

/// The sessions, and what is to be known of what they were joined of.
pub struct Sessioned {
    pub joined: Joined,
    /// Of the lines of texts.
    pub lines: Notes,
    /// Of the records of logins.
    pub records: Found,
}

impl Made {
    /// What passed in this run.
    pub fn of(run: &mut Run<'_, '_>) -> Made {
        let spoken = Spoken::of(run);
        let mut evidence = std::mem::take(&mut run.logins);
        evidence.files.sort_by_key(|file| (file.modified, file.entry));
        Made { audit: Logs::of(run), spoken, evidence }
    }

    /// Nothing that could tell of a login.
    pub fn is_nothing(&self) -> bool {
        let LoginEvidence { files, databases, living, .. } = &self.evidence;
        self.audit.is_empty()
            && self.spoken.is_nothing()
            && living.is_empty()
            && files.iter().all(|file| file.records.lines == 0)
            && databases.iter().all(|database| database.rows.is_empty())
    }

    /// The sealed copies.
    pub fn entries(&self) -> Vec<EntryId> {
        let LoginEvidence { files, databases, living, .. } = &self.evidence;
        let files = files.iter().map(|file| file.entry);
        let databases = databases.iter().flat_map(|database| database.entries.iter().copied());
        let living = living.iter().map(|(entry, _)| *entry);
        let all: BTreeSet<EntryId> =
            self.spoken.entries().chain(files).chain(databases).chain(living).collect();
        all.union(self.audit.entries()).copied().collect()
    }

    /// Databases of which not all could be read.
    pub fn partial_databases(&self) -> u64 {
        self.evidence.databases.iter().filter(|database| database.is_partial).count() as u64
    }

    /// Lines, entries and records for which there was no room.
    pub fn left(&self) -> u64 {
        let LoginEvidence { files, databases, .. } = &self.evidence;
        let records: u64 = files.iter().map(|file| file.records.left).sum();
        let rows: u64 = databases.iter().map(|database| database.left).sum();
        self.audit.left() + self.spoken.left() + records + rows
    }

    /// The sessions.
    pub fn sessions(&self) -> Sessioned {
        let mut sessions = Sessions::new();
        self.audit.replay(&mut Sessions::sieve, &mut |event| sessions.audit(&event));
        let lines = self.spoken.hear(&mut |heard| match heard {
            Heard::Said(source, said) => sessions.said(source, said),
            Heard::End => {}
        });
        let mut pairing = Pairing::default();
        let mut each = |login: PairedLogin| sessions.record(login);
        for file in self.evidence.files.iter().filter(|file| !file.is_failed) {
            file.each(&mut |record| pairing.record(record, &mut each));
        }
        let records = pairing.end(&mut each);
        for database in &self.evidence.databases {
            let mut pairing = Pairing::default();
            database.rows.iter().for_each(|row| pairing.record(row.clone(), &mut each));
            pairing.end(&mut each);
        }
        for (entry, values) in &self.evidence.living {
            sessions.logind(values, Place { file: entry.0, offset: 0 });
        }
        Sessioned { joined: sessions.finish(), lines, records }
    }

    /// Where text and journal differ; none where not all of them was kept, as what is not here may be there.
    pub fn differences(&self) -> Option<Differences> {
        if self.spoken.count().1 == 0 {
            return Some(Differences::default());
        }
        if self.spoken.left() > 0 {
            return None;
        }
        let mut comparison = Comparison::new();
        self.spoken.hear(&mut |heard| {
            if let Heard::Said(source, said) = heard {
                comparison.said(source, said);
            }
        });
        Some(comparison.finish())
    }

    /// The counts; `passwd` is that of the machine.
    pub fn counts(&self, passwd: &[u8]) -> Tallied {
        let known: BTreeSet<Vec<u8>> = accounts::numbers(passwd).into_keys().collect();
        let mut counting = Counting::new(Logins::new(Some(known).filter(|known| !known.is_empty())));
        self.audit.replay(&mut Sessions::sieve, &mut |event| counting.audit(&event));
        self.spoken.hear(&mut |heard| match heard {
            Heard::Said(source, said) => counting.said(source, said),
            Heard::End => counting.log_ended(),
        });
        for file in self.evidence.files.iter().filter(|file| file.is_failed) {
            file.each(&mut |record| counting.failed_record(&record.user, record.origin(), record.time()));
        }
        counting.finish()
    }
}
