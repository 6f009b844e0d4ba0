//! What the audit log covers of a window, beside every answer from it: when recording was on with the PHI keys, what is
//! missing of the logs, what they cannot show, and what happened to clocks and identities. That nothing was found says
//! something of the times alone in which recording was active.

pub mod not_kept;

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::access::coverage::{CoverageStatement, CoveredFile, Sign, Span};
use crate::custody::rows::audit_coverage::Lapse;
use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_event::operation;
use crate::records::audit_log::{NoteKind, Record, Summary};
use crate::records::audit_status::AuditStatus;
use crate::view::recording::{Log, Recording};

/// Signs that are kept.
const SIGNS: usize = 1_000;

/// What no audit log shows, however well it is kept.
const CANNOT_SEE: [&str; 5] = [
    "how much was read or written: only openings are recorded",
    "reading and writing through descriptors and mappings that were made before the window",
    "openings by io_uring and open_by_handle_at, and by hard links outside of a watched folder",
    "copies between open files (sendfile, copy_file_range), and what a file or database server did for its own users",
    "what somebody who was root has taken out of the log, or written into it, so that it holds together",
];

/// A log that was read.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path.
    pub path: Vec<u8>,
    /// Its size as it lies there.
    pub bytes: u64,
    /// Which it is in its rotation, if it is of one.
    pub number: Option<u64>,
    /// It is all here, not cut and not changed while it was read.
    pub whole: bool,
    /// What it says as a whole.
    pub summary: Summary,
}

/// What is covered, in the making.
#[derive(Clone, Debug)]
pub struct Coverage {
    window: (Timestamp, Timestamp),
    keys: Vec<Vec<u8>>,
    files: Vec<File>,
    unread: u64,
    status: Option<AuditStatus>,
    loaded: Option<BTreeMap<Vec<u8>, u64>>,
    signs: Vec<Sign>,
    signs_left: u64,
    told: not_kept::Told,
}

impl Coverage {
    /// Of a window, both ends included, and the keys of the rules that watch PHI.
    pub fn new(window: (Timestamp, Timestamp), keys: Vec<Vec<u8>>) -> Coverage {
        Coverage {
            window,
            keys,
            files: Vec::new(),
            unread: 0,
            status: None,
            loaded: None,
            signs: Vec::new(),
            signs_left: 0,
            told: not_kept::Told::default(),
        }
    }

    /// The window is this one: what it is may be known only when the logs were read.
    pub fn within(&mut self, window: (Timestamp, Timestamp)) {
        self.window = window;
    }

    /// The kernel's state at the end of the window, and how many rules it had with each key.
    pub fn kernel(&mut self, status: Option<AuditStatus>, loaded: Option<BTreeMap<Vec<u8>, u64>>) {
        (self.status, self.loaded) = (status, loaded);
    }

    /// A log that was read.
    pub fn file(&mut self, file: File) {
        self.files.push(file);
    }

    /// A log that is there and could not be read.
    pub fn unread(&mut self) {
        self.unread += 1;
    }

    /// Whether the event of a line of this type is wanted by [`Coverage::event`].
    pub fn wants(kind: &[u8]) -> bool {
        matches!(
            kind,
            b"CONFIG_CHANGE"
                | b"LOGIN"
                | b"TIME_INJOFFSET"
                | b"TIME_ADJNTPVAL"
                | b"FEATURE_CHANGE"
                | b"KERNEL"
        ) || kind.starts_with(b"DAEMON_")
    }

    /// An event that may bear on how far the log can be believed.
    pub fn event(&mut self, event: &Event) {
        for record in event.records() {
            let Some((kind, words)) = sign(&record) else { continue };
            if self.signs.len() < SIGNS {
                self.signs.push(Sign { kind, time: event.id.time, words });
            } else {
                self.signs_left += 1;
            }
        }
        let call = operation::of(event).call;
        if let Some(call @ ("settimeofday" | "clock_settime" | "adjtimex" | "clock_adjtime")) = call
            && self.signs.len() < SIGNS
        {
            let words = format!("the clock was set by {call}");
            self.signs.push(Sign { kind: "clock_step", time: event.id.time, words });
        }
    }

    /// What is covered.
    pub fn finish(mut self) -> CoverageStatement {
        let told = self.told();
        let logs = || {
            let all = self.files.iter();
            all.map(|file| Log { summary: &file.summary, number: file.number, whole: file.whole })
        };
        let recording = Recording::of(self.window, self.status.as_ref(), logs(), self.unread);
        let mut gaps = recording.lapses();
        gaps.extend(told);
        let has_records = logs().any(|log| log.summary.span().is_some());
        if self.keys.is_empty() {
            gaps.push(
                self.whole(ReasonCode::NoRule, "no key of a rule is known that watches PHI".to_owned()),
            );
        }
        for key in self.keys.iter().filter(|_| has_records) {
            self.rules(key, &recording, &mut gaps);
        }
        gaps.sort_by_key(|gap| (gap.from, gap.to));
        gaps.dedup();
        let spans = || self.files.iter().filter_map(|file| file.summary.span());
        let available = spans().map(|(from, _)| from).min().zip(spans().map(|(_, to)| to).max());
        let (from, to) = self.window;
        let sum = |of: fn(&Summary) -> u64| self.files.iter().map(|file| of(&file.summary)).sum::<u64>();
        CoverageStatement {
            available: available.map(|(from, to)| Span { from, to }),
            cannot_see: CANNOT_SEE.iter().map(|words| (*words).to_owned()).collect(),
            counters: BTreeMap::from([
                ("files_unread", self.unread),
                ("records", sum(|summary| summary.records)),
                ("signs_left", self.signs_left),
                ("unparsed", sum(|summary| summary.unread + summary.oversize)),
            ]),
            verdict: verdict(&gaps, has_records, (from, to)),
            files: self.files.iter().map(covered).collect(),
            gaps,
            requested: Span { from, to },
            schema: "coverage/1",
            signs: self.signs,
            source: "audit",
        }
    }

    /// When no rule with a key was in force.
    fn rules(&self, key: &[u8], recording: &Recording<'_>, gaps: &mut Vec<Lapse>) {
        let notes = || self.files.iter().flat_map(|file| &file.summary.notes);
        let told = notes().any(|note| match &note.kind {
            NoteKind::RuleAdded(keys) | NoteKind::RuleRemoved(keys) => keys.iter().any(|other| other == key),
            _ => false,
        });
        let used = recording.last_with(key).is_some();
        let loaded = match &self.loaded {
            Some(loaded) => loaded.get(key).copied().unwrap_or(0),
            // Of another machine's log what is in force now is not known: by what came and went.
            None if told => self.left_by_notes(key),
            None => u64::from(used),
        };
        if self.loaded.is_none() && !told && !used {
            let words = format!(
                "whether a rule with the key {} was in force is not known: the logs tell of none, and of no event with it",
                shown(key)
            );
            gaps.push(self.whole(ReasonCode::CoverageUnknown, words));
            return;
        }
        gaps.extend(recording.lapses_of_rule(key, loaded));
    }

    fn left_by_notes(&self, key: &[u8]) -> u64 {
        let mut files: Vec<&File> = self.files.iter().collect();
        files.sort_by_key(|file| file.summary.span());
        let notes = files.iter().flat_map(|file| &file.summary.notes);
        notes.fold(0, |count: u64, note| match &note.kind {
            NoteKind::Boot => 0,
            NoteKind::RuleAdded(keys) if keys.iter().any(|other| other == key) => count + 1,
            NoteKind::RuleRemoved(keys) if keys.iter().any(|other| other == key) => count.saturating_sub(1),
            _ => count,
        })
    }

    fn whole(&self, code: ReasonCode, words: String) -> Lapse {
        Lapse { code, from: self.window.0, to: self.window.1, words }
    }
}

/// What a record says beyond what recording itself is judged by.
fn sign(record: &Record<'_>) -> Option<(&'static str, String)> {
    let changed = |field: &str| {
        let now = record.number(field)?;
        Some(format!(
            "{field} was set to {now}{}",
            record.number("old").map(|old| format!(" from {old}")).unwrap_or_default()
        ))
    };
    match record.kind {
        b"LOGIN" => {
            let old = record.number("old-auid").filter(|old| *old != u64::from(u32::MAX))?;
            let now = record.number("auid")?;
            Some((
                "loginuid_changed",
                format!("the login identity {old} became {now}: who is behind either is less certain"),
            ))
        }
        b"TIME_INJOFFSET" | b"TIME_ADJNTPVAL" => Some(("clock_step", "the clock was adjusted".to_owned())),
        b"FEATURE_CHANGE" => Some(("feature", "a feature of auditing was changed".to_owned())),
        b"CONFIG_CHANGE" if record.number("audit_enabled") == Some(2) => {
            Some(("locked", "auditing was locked until the next boot".to_owned()))
        }
        b"CONFIG_CHANGE" => {
            let limits =
                ["audit_rate_limit", "audit_backlog_limit", "audit_failure", "audit_backlog_wait_time"];
            limits.into_iter().find_map(changed).map(|words| ("limits", words))
        }
        b"DAEMON_ERR" | b"DAEMON_RESUME" => Some(("suspended", "auditd had trouble writing".to_owned())),
        _ => None,
    }
}

fn covered(file: &File) -> CoveredFile {
    let summary = &file.summary;
    CoveredFile {
        bytes: file.bytes,
        first_utc: summary.span().map(|(first, _)| first),
        last_utc: summary.span().map(|(_, last)| last),
        path: shown(&file.path),
        records: summary.records,
        torn: summary.torn_first || summary.torn_last,
        unparsed: summary.unread + summary.oversize,
    }
}

/// `none` if nothing can have been recorded at any time, `unknown` if at no time that is shown.
fn verdict(gaps: &[Lapse], has_records: bool, (from, to): (Timestamp, Timestamp)) -> &'static str {
    let all = |gap: &Lapse| gap.from <= from && gap.to >= to;
    let off = [ReasonCode::AuditOff, ReasonCode::NoRule, ReasonCode::RuleLate];
    if gaps.iter().any(|gap| all(gap) && off.contains(&gap.code)) {
        "none"
    } else if !has_records || gaps.iter().any(all) {
        "unknown"
    } else if gaps.is_empty() {
        "complete"
    } else {
        "partial"
    }
}

/// The statement for a terminal. `found` is how many events were found: of none it is told what that means.
pub fn lines(statement: &CoverageStatement, found: u64) -> Vec<String> {
    let Span { from, to } = statement.requested;
    let window = format!("from {} to {}", from.spoken(), to.spoken());
    let mut lines = vec![match statement.verdict {
        "complete" => format!("recording was active {window}, and the records are here"),
        "partial" => format!("recording was active for parts of the time {window}"),
        "none" => format!("nothing can have been recorded {window}"),
        _ => format!("whether anything was recorded {window} is not known"),
    }];
    if found == 0 {
        lines.push(match statement.verdict {
            "complete" => "no matching event was found, and such events would have been recorded".to_owned(),
            "partial" => {
                "no matching event was found in the periods in which recording was active; nothing is known about those below"
                    .to_owned()
            }
            _ => "no matching event was found, which does not show that nothing was done".to_owned(),
        });
    }
    lines.extend(statement.gaps.iter().map(|gap| gap.words.clone()));
    lines.extend(statement.signs.iter().map(|sign| format!("{}: {}", sign.time.spoken(), sign.words)));
    if let Some(left) = statement.counters.get("signs_left").filter(|left| **left > 0) {
        lines.push(format!("{} not told", counted(*left, "further sign")));
    }
    lines
}

#[cfg(test)]
mod tests;
