//! When the audit log was recording, as far as it can tell: every time of the window of which it does not show that
//! events were recorded and kept, with the reason.
//!
//! That no serial number is missing does not show that nothing was: while auditing is off, none is given.

mod evidence;
mod notes;
mod rules;

use crate::clock::Timestamp;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::audit_coverage::Lapse;
use crate::records::audit_log::{KeyUse, Note, NoteKind, Summary};
use crate::records::audit_status::AuditStatus;

/// A log, or a part of one.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    /// What it says.
    pub summary: &'a Summary,
    /// Which it is in its rotation, if it is of one.
    pub number: Option<u64>,
    /// It is all here, not cut and not changed while it was read.
    pub whole: bool,
}

/// What is known about the recording of events in a window.
pub struct Recording<'a> {
    from: Timestamp,
    to: Timestamp,
    status: Option<&'a AuditStatus>,
    /// In the order of time; only those with a record in them.
    logs: Vec<Log<'a>>,
    notes: Vec<Note>,
    /// Auditing was changed more often than is known.
    is_more: bool,
    /// Logs that are there and could not be read.
    unread: u64,
}

impl<'a> Recording<'a> {
    /// From the logs, in any order, and the kernel's state at the end of the window. `unread` logs are there and could
    /// not be read.
    pub fn of(
        (from, to): (Timestamp, Timestamp),
        status: Option<&'a AuditStatus>,
        logs: impl IntoIterator<Item = Log<'a>>,
        unread: u64,
    ) -> Recording<'a> {
        let mut logs: Vec<Log<'_>> = logs.into_iter().filter(|log| log.summary.span().is_some()).collect();
        logs.sort_by_key(|log| log.summary.span());
        let notes = notes::of(&logs);
        let is_more = logs.iter().any(|log| log.summary.notes_left > 0);
        Recording { from, to, status, logs, notes, is_more, unread }
    }

    /// What records that are in none of the logs say of auditing counts as well. That it was recording the logs alone show.
    pub fn beside(self, records: &Summary) -> Recording<'a> {
        let notes = notes::with(self.notes, records, &self.logs);
        Recording { notes, is_more: self.is_more || records.notes_left > 0, ..self }
    }

    /// The window.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    /// The times at which no event at all was recorded and kept, whatever rules were in force.
    pub fn lapses(&self) -> Vec<Lapse> {
        let mut lapses = Vec::new();
        self.begin(&mut lapses);
        self.switched_off(&mut lapses);
        self.without_daemon(&mut lapses);
        self.lost(&mut lapses);
        self.rules_gone(&mut lapses);
        self.unsaid(&mut lapses);
        self.evidence(&mut lapses);
        lapses
    }

    /// When the latest event with this key was recorded.
    pub fn last_with(&self, key: &[u8]) -> Option<Timestamp> {
        self.uses_of(key).map(|used| used.last).max()
    }

    /// When the latest event with it was recorded within the time that host programs are asked about.
    pub fn last_asked(&self, key: &[u8]) -> Option<Timestamp> {
        self.uses_of(key).filter_map(|used| used.asked).max()
    }

    /// Whether the keys of all events are known.
    pub fn knows_all_keys(&self) -> bool {
        self.logs.iter().all(|log| log.summary.keys_left == 0)
    }

    fn uses_of(&self, key: &[u8]) -> impl Iterator<Item = &KeyUse> {
        self.logs.iter().filter_map(move |log| log.summary.keys.get(key))
    }

    fn earliest(&self) -> Option<Timestamp> {
        self.logs.iter().filter_map(|log| log.summary.kernel_span).map(|(first, _)| first).min()
    }

    fn latest(&self) -> Option<Timestamp> {
        self.logs.iter().filter_map(|log| log.summary.span()).map(|(_, last)| last).max()
    }

    /// Only what lies in the window counts, and not what touches it.
    fn add(&self, lapses: &mut Vec<Lapse>, code: ReasonCode, from: Timestamp, to: Timestamp, words: String) {
        // What is slow is logged behind what is later.
        let (begin, end) = (from.min(to), from.max(to));
        let (from, to) = (begin.max(self.from), end.min(self.to));
        if from < to || from == to && begin == end {
            lapses.push(Lapse { code, from, to, words });
        }
    }

    fn begin(&self, lapses: &mut Vec<Lapse>) {
        let unread = match self.unread {
            0 => String::new(),
            unread => format!("; {} could not be read", counted(unread, "further log")),
        };
        match self.earliest() {
            None => {
                let words = format!("no audit log with a record in it could be read{unread}");
                self.add(lapses, ReasonCode::CoverageUnknown, self.from, self.to, words);
            }
            Some(earliest) if earliest > self.from => {
                let words = format!("the audit logs that are there begin at {}{unread}", earliest.spoken());
                self.add(lapses, ReasonCode::WindowNotCovered, self.from, earliest, words);
            }
            Some(_) => {}
        }
        if self.is_more {
            let words = "auditing was changed more often than is read of one log".to_owned();
            self.add(lapses, ReasonCode::CoverageUnknown, self.from, self.to, words);
        }
    }

    /// From the record that switches it off to the next event that shows that it was on: that it is switched on again is
    /// not always told.
    fn switched_off(&self, lapses: &mut Vec<Lapse>) {
        let mut told_until = None;
        for note in &self.notes {
            let NoteKind::Enabled { now, before } = note.kind else { continue };
            let time = note.id.time;
            if now == 0 {
                let end = note.next.unwrap_or(self.to);
                let words =
                    format!("auditing was switched off at {} and on by {}", time.spoken(), end.spoken());
                let words = if note.next.is_some() {
                    words
                } else {
                    format!(
                        "auditing was switched off at {}, and nothing in the log shows that it was on since",
                        time.spoken()
                    )
                };
                self.add(lapses, ReasonCode::AuditOff, time, end, words);
                told_until = Some(end);
            } else if before == Some(0) && told_until.is_none_or(|told| told < time) {
                // Who switched it off left no record, or it has been off since the machine was booted.
                let since = note.after.unwrap_or(self.from);
                let words =
                    format!("auditing was off until {}, at least since {}", time.spoken(), since.spoken());
                self.add(lapses, ReasonCode::AuditOff, since, time, words);
            }
        }
        let is_told = lapses.iter().any(|lapse| lapse.code == ReasonCode::AuditOff && lapse.to == self.to);
        if self.status.is_some_and(|status| status.enabled == 0) && !is_told {
            let since = self.latest().unwrap_or(self.from);
            let words = format!("auditing is off; the latest record is of {}", since.spoken());
            self.add(lapses, ReasonCode::AuditOff, since, self.to, words);
        }
    }

    fn without_daemon(&self, lapses: &mut Vec<Lapse>) {
        let mut ended: Option<Timestamp> = None;
        let mut runs = false;
        for note in &self.notes {
            match note.kind {
                NoteKind::DaemonEnd => (ended, runs) = (Some(note.id.time), false),
                NoteKind::DaemonStart => {
                    let start = note.id.time;
                    // One that did not say that it ends was killed, or the machine went down.
                    let since = ended.take().or(note.after.filter(|_| runs || note.after.is_some()));
                    if let Some(since) = since {
                        let words =
                            format!("auditd did not write from {} to {}", since.spoken(), start.spoken());
                        self.add(lapses, ReasonCode::NoDaemon, since, start, words);
                    }
                    runs = true;
                }
                _ => {}
            }
        }
        if self.status.is_some_and(|status| status.pid == 0) {
            let since = ended.or(self.latest()).unwrap_or(self.from);
            let words = format!("no daemon takes the audit records, at least since {}", since.spoken());
            self.add(lapses, ReasonCode::NoDaemon, since, self.to, words);
        } else if let Some(since) = ended {
            let words =
                format!("auditd ended at {}, and its log does not say that it began again", since.spoken());
            self.add(lapses, ReasonCode::NoDaemon, since, self.to, words);
        }
    }

    fn lost(&self, lapses: &mut Vec<Lapse>) {
        for note in &self.notes {
            if let NoteKind::LostReset(old @ 1..) = note.kind {
                let words = format!(
                    "the kernel had lost {} when its counter was set back at {}; when is not recorded",
                    counted(old, "audit record"),
                    note.id.time.spoken()
                );
                self.add(lapses, ReasonCode::RecordsLost, self.from, note.id.time, words);
            }
        }
        if let Some(lost @ 1..) = self.status.map(|status| status.lost) {
            let words = format!(
                "the kernel has lost {} since it was booted or its counter was set back; when is not recorded",
                counted(lost.into(), "audit record")
            );
            self.add(lapses, ReasonCode::RecordsLost, self.from, self.to, words);
        }
    }

    fn unsaid(&self, lapses: &mut Vec<Lapse>) {
        for note in self.notes.iter().filter(|note| note.kind == NoteKind::ChangeUnsaid) {
            let since = note.after.unwrap_or(self.from);
            let words = format!(
                "auditing was changed at {}, and what is not in the log; the record before is of {}",
                note.id.time.spoken(),
                since.spoken()
            );
            self.add(lapses, ReasonCode::CoverageUnknown, since, note.id.time, words);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
