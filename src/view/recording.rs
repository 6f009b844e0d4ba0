//! When the audit log was recording, as far as it can tell: every time of the window of which it does not show that
//! events were recorded and kept, with the reason.
//!
//! That no serial number is missing does not show that nothing was: while auditing is off, none is given.

mod evidence;

use std::collections::HashSet;

use crate::clock::Timestamp;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::audit_coverage::Lapse;
use crate::records::audit_log::serials::is_other_boot;
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
        let notes = notes(&logs);
        Recording { from, to, status, logs, notes, unread }
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

    /// The times at which no rule with this key was in force, where `loaded` of them are now. Rules without a key have the
    /// empty one.
    pub fn lapses_of_rule(&self, key: &[u8], loaded: u64) -> Vec<Lapse> {
        let mut lapses = Vec::new();
        let boots: Vec<usize> = (0..self.notes.len())
            .filter(|at| self.notes.get(*at).is_some_and(|note| note.kind == NoteKind::Boot))
            .collect();
        let mut begin = self.earliest().unwrap_or(self.from);
        let mut first = 0;
        for end in boots.iter().map(|at| Some(*at)).chain([None]) {
            let notes = self.notes.get(first..end.unwrap_or(self.notes.len())).unwrap_or_default();
            let until = end.and_then(|at| self.notes.get(at)).map_or(self.to, |boot| boot.id.time);
            let changes: Vec<(Timestamp, bool)> = notes.iter().filter_map(|note| change(note, key)).collect();
            let sum: i64 = changes.iter().map(|(_, added)| if *added { 1 } else { -1 }).sum();
            let start = match (first, end) {
                (0, None) => Some(i64::try_from(loaded).unwrap_or(i64::MAX).saturating_sub(sum)),
                // Nothing is in force when a machine has booted.
                (1.., _) => Some(0),
                // What went first must have been there.
                (0, Some(_)) => changes.first().filter(|(_, added)| !added).map(|_| 1),
            };
            self.follow(start, begin, until, &changes, &mut lapses);
            begin = until;
            first = end.map_or(first, |at| at + 1);
        }
        self.before_the_last(key, &mut lapses);
        lapses
    }

    /// A record that a rule came names no path: which rules of this key were in force before it, nobody knows.
    fn before_the_last(&self, key: &[u8], lapses: &mut Vec<Lapse>) {
        let mut added = self.notes.iter().filter_map(|note| change(note, key)).filter(|(_, added)| *added);
        let Some((time, _)) = added.next_back().filter(|(time, _)| *time > self.from) else { return };
        if lapses.iter().any(|lapse| (lapse.from, lapse.to) == (self.from, time)) {
            return;
        }
        let words = format!(
            "a rule with this key came into force at {}; whether those before it had the same recorded is not known",
            time.spoken()
        );
        self.add(lapses, ReasonCode::CoverageUnknown, self.from, time, words);
    }

    /// Follows how many rules were in force from `begin` to `until`.
    fn follow(
        &self,
        start: Option<i64>,
        begin: Timestamp,
        until: Timestamp,
        changes: &[(Timestamp, bool)],
        lapses: &mut Vec<Lapse>,
    ) {
        let mut count = start.unwrap_or(0);
        let mut without = (count <= 0).then_some(begin);
        let mut known = start.is_some();
        for (time, added) in changes {
            count = (count + if *added { 1 } else { -1 }).max(0);
            match (without, count) {
                (Some(since), 1..) => {
                    self.without_rule(since, *time, known, lapses);
                    without = None;
                }
                (None, 0) => without = Some(*time),
                _ => {}
            }
            known = true;
        }
        if let Some(since) = without {
            self.without_rule(since, until, known, lapses);
        }
    }

    fn without_rule(&self, since: Timestamp, until: Timestamp, known: bool, lapses: &mut Vec<Lapse>) {
        // Where the rule's own record is the first of all, no time lies before it.
        if since == until {
            return;
        }
        let (code, words) = if known {
            let words =
                format!("no rule with this key was in force from {} to {}", since.spoken(), until.spoken());
            (ReasonCode::RuleLate, words)
        } else {
            let words = format!(
                "whether a rule with this key was in force from {} to {}, before the machine was booted, is in none of the logs",
                since.spoken(),
                until.spoken()
            );
            (ReasonCode::CoverageUnknown, words)
        };
        self.add(lapses, code, since, until, words);
    }

    fn earliest(&self) -> Option<Timestamp> {
        self.logs.iter().filter_map(|log| log.summary.kernel_span).map(|(first, _)| first).min()
    }

    fn latest(&self) -> Option<Timestamp> {
        self.logs.iter().filter_map(|log| log.summary.span()).map(|(_, last)| last).max()
    }

    /// Only what lies in the window counts.
    fn add(&self, lapses: &mut Vec<Lapse>, code: ReasonCode, from: Timestamp, to: Timestamp, words: String) {
        // What is slow is logged behind what is later.
        let (from, to) = (from.min(to).max(self.from), from.max(to).min(self.to));
        if from <= to {
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
        if self.logs.iter().any(|log| log.summary.notes_left > 0) {
            let words = "auditing was changed more often than is read of one log".to_owned();
            self.add(lapses, ReasonCode::CoverageUnknown, self.from, self.to, words);
        }
    }

    /// From the record that switches it off to the next event of the kernel's: that it is switched on again is not
    /// always told.
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
                    format!("auditing was switched off at {}, and nothing was recorded since", time.spoken())
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

    /// A record that a rule went does not say what it was: it may have kept events from being recorded until then.
    fn rules_gone(&self, lapses: &mut Vec<Lapse>) {
        let removed = |note: &&Note| matches!(note.kind, NoteKind::RuleRemoved(_));
        if let Some(note) = self.notes.iter().rfind(removed).filter(|note| note.id.time > self.from) {
            let until = note.id.time;
            let words = format!(
                "rules were taken out, the last at {}; what they had recorded or left out until then is not known",
                until.spoken()
            );
            self.add(lapses, ReasonCode::CoverageUnknown, self.from, until, words);
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

/// The notes of all logs in their order, each with what came before and behind it in other files, and the boots between
/// files.
fn notes(logs: &[Log<'_>]) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    let mut before: Option<&Summary> = None;
    let mut seen = HashSet::new();
    for (at, Log { summary: log, .. }) in logs.iter().enumerate() {
        let ended = before.and_then(Summary::span).map(|(_, last)| last);
        let last = before.and_then(|before| before.serials.boots.last());
        if let (Some(last), Some(first)) = (last, log.serials.boots.first())
            && is_other_boot(last.last, first.first)
        {
            all.push(Note { id: first.first, after: ended, next: None, kind: NoteKind::Boot });
        }
        let following = logs.get(at + 1).and_then(|next| next.summary.kernel_span).map(|(first, _)| first);
        // Of a file there may be copies, and of its end a second look.
        let fresh =
            log.notes.iter().filter(|note| seen.insert((note.id, std::mem::discriminant(&note.kind))));
        all.extend(fresh.map(|note| Note {
            after: note.after.or(ended),
            next: note.next.or(following),
            ..note.clone()
        }));
        before = Some(log);
    }
    all
}

/// When a rule with this key came (true) or went.
fn change(note: &Note, key: &[u8]) -> Option<(Timestamp, bool)> {
    let has = |keys: &[Vec<u8>]| {
        if key.is_empty() { keys.is_empty() } else { keys.iter().any(|other| other == key) }
    };
    match &note.kind {
        NoteKind::RuleAdded(keys) if has(keys) => Some((note.id.time, true)),
        NoteKind::RuleRemoved(keys) if has(keys) => Some((note.id.time, false)),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
