//! What the audit log covers of a window, beside every answer from it: when recording was on with the PHI keys, what is
//! missing of the logs, what they cannot show, and what happened to clocks and identities. That nothing was found says
//! something of the times alone in which recording was active.

mod commands;
mod kernel;
mod machines;
pub mod not_kept;
pub mod others;
mod signs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::{Timestamp, lasting};
use crate::custody::outcome::{ReasonCode, counted};
use crate::custody::rows::access::coverage::{CoverageStatement, CoveredFile, Sign, Span};
use crate::custody::rows::audit_coverage::Lapse;
use crate::path::shown;
use crate::records::audit_event::Event;
use crate::records::audit_log::{NoteKind, Summary};
use crate::view::access::Doubts;
use crate::view::recording::{Log, Recording};

pub use kernel::{Kernel, Root};

/// Signs that are kept.
const SIGNS: usize = 1_000;
/// Versions of the kernel that are named.
const KERNELS: usize = 16;
/// A shorter time without a record is not told in words.
const SILENCE: Duration = Duration::from_secs(600);

/// What no audit log shows, however well it is kept.
pub(super) const CANNOT_SEE: [&str; 8] = [
    "how much was read or written: only openings are recorded",
    "reading and writing through descriptors and mappings that were made before the window",
    "openings by io_uring and open_by_handle_at, by hard links outside of a watched folder, through the lower layers of an overlay, and \
     on volumes that were mounted below the folder for a time",
    "which files are meant by names that are given in a container or a changed root: they count from its own root",
    "copies between open files (sendfile, copy_file_range), and what a file or database server did for its own users",
    "calls that the classes of a kernel do not count among accesses: renameat2 and fallocate before Linux 4.15, openat2 before \
     5.16, and on most kernels fchmodat2 and setxattrat",
    "processes that were started before auditing was first switched on, where the kernel was not booted with audit=1, or while \
     a rule of the list 'task' left them out",
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
    roots: Vec<Root>,
    files: Vec<File>,
    beside: Summary,
    unread: u64,
    kernel: Kernel,
    /// When the logs were taken, if that is known: until then nothing came behind their last record.
    taken: Option<Timestamp>,
    signs: Vec<Sign>,
    signs_left: u64,
    kernels: BTreeSet<String>,
    told: not_kept::Told,
}

impl Coverage {
    /// Of a window, both ends included, and the keys of the rules that watch PHI.
    pub fn new(window: (Timestamp, Timestamp), keys: Vec<Vec<u8>>) -> Coverage {
        Coverage {
            window,
            keys,
            roots: Vec::new(),
            files: Vec::new(),
            beside: Summary::default(),
            unread: 0,
            kernel: Kernel::default(),
            taken: None,
            signs: Vec::new(),
            signs_left: 0,
            kernels: BTreeSet::new(),
            told: not_kept::Told::default(),
        }
    }

    /// The window is this one: what it is may be known only when the logs were read.
    pub fn within(&mut self, window: (Timestamp, Timestamp)) {
        self.window = window;
    }

    /// The PHI folders that are asked about: the rules are held against them.
    pub fn roots(&mut self, roots: Vec<Root>) {
        self.roots = roots;
    }

    /// What the kernel said at the end of the window.
    pub fn kernel(&mut self, kernel: Kernel) {
        self.kernel = kernel;
    }

    /// The logs were taken then: until that moment nothing came behind their last record.
    pub fn taken(&mut self, time: Timestamp) {
        self.taken = Some(time);
    }

    /// A log that was read.
    pub fn file(&mut self, file: File) {
        self.files.push(file);
    }

    /// A record that is in none of the logs: of a journal. It may show that auditing was changed; that it was recording the logs
    /// alone show.
    pub fn beside(&mut self, line: &[u8]) {
        self.beside.line(line);
    }

    /// A log that is there and could not be read.
    pub fn unread(&mut self) {
        self.unread += 1;
    }

    /// Whether the event of a line of this type is wanted by [`Coverage::event`].
    pub fn wants(kind: &[u8], line: &[u8]) -> bool {
        signs::may_be(kind, line) || kind == b"EXECVE" && commands::may_be(line)
    }

    /// An event that may bear on how far the log can be believed.
    pub fn event(&mut self, event: &Event) {
        let time = event.id.time;
        for (kind, words) in signs::of(event) {
            // A time service does that every few seconds: once is enough.
            if kind == "clock_adjusted" && self.signs.iter().any(|sign| sign.kind == kind) {
                continue;
            }
            self.sign(Sign { kind, time, words });
        }
        if let Some(words) = commands::quoted(event) {
            self.sign(Sign { kind: "command", time, words });
        }
        let started = event.records().find(|record| record.kind == b"DAEMON_START");
        let kernel = started.and_then(|record| record.raw("kernel")).map(shown);
        if self.kernels.len() < KERNELS {
            self.kernels.extend(kernel);
        }
    }

    fn sign(&mut self, sign: Sign) {
        if self.signs.len() < SIGNS {
            self.signs.push(sign);
        } else {
            self.signs_left += 1;
        }
    }

    /// What is covered.
    pub fn finish(mut self) -> CoverageStatement {
        let told = self.told();
        let logs = || {
            let all = self.files.iter();
            all.map(|file| Log { summary: &file.summary, number: file.number, whole: file.whole })
        };
        let recording =
            Recording::of(self.window, self.kernel.status.as_ref(), logs(), self.unread).beside(&self.beside);
        let mut gaps = recording.lapses();
        gaps.extend(recording.lapses_of_suppression(self.kernel.loaded.is_some()));
        gaps.extend(told);
        gaps.extend(self.machines());
        let has_records = logs().any(|log| log.summary.span().is_some());
        if self.keys.is_empty() {
            gaps.push(
                self.whole(
                    ReasonCode::CoverageUnknown,
                    "no key of a rule is known that watches PHI".to_owned(),
                ),
            );
        }
        for key in self.keys.iter().filter(|_| has_records) {
            self.rules(key, &recording, &mut gaps);
        }
        let left_out = self.kernel.left_out(&self.keys, &self.roots);
        gaps.extend(left_out.into_iter().map(|words| self.whole(ReasonCode::RuleNarrow, words)));
        gaps.extend(self.kernel.hidden().map(|words| self.whole(ReasonCode::CoverageUnknown, words)));
        gaps.extend(self.unreadable());
        gaps.extend(self.behind());
        gaps.sort_by_key(|gap| (gap.from, gap.to));
        gaps.dedup();
        let spans = || self.files.iter().filter_map(|file| file.summary.span());
        let available = spans().map(|(from, _)| from).min().zip(spans().map(|(_, to)| to).max());
        let (from, to) = self.window;
        let sum = |of: fn(&Summary) -> u64| self.files.iter().map(|file| of(&file.summary)).sum::<u64>();
        CoverageStatement {
            available: available.map(|(from, to)| Span { from, to }),
            cannot_see: self.cannot_see(),
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
            rules: if self.kernel.loaded.is_some() { "known" } else { "by_key" },
            schema: "coverage/1",
            silence: self.silence(),
            signs: self.signs,
            source: "audit",
        }
    }

    /// Logs of which nothing, or no record, could be read.
    fn unreadable(&self) -> Option<Lapse> {
        let odd =
            self.files.iter().filter(|file| file.bytes > 0 && file.summary.span().is_none()).count() as u64;
        let count = self.unread + odd;
        let words = || format!("{} could not be read, or no record in it", counted(count, "log"));
        (count > 0).then(|| self.whole(ReasonCode::CoverageUnknown, words()))
    }

    /// The time behind all that was read.
    fn behind(&self) -> Option<Lapse> {
        let last = self.files.iter().filter_map(|file| file.summary.span()).map(|(_, last)| last).max()?;
        let known_to = self.taken.map_or(last, |taken| taken.max(last));
        let (from, to) = (known_to.max(self.window.0), self.window.1);
        let words = || format!("nothing was read of the time behind {}", known_to.spoken());
        (to > known_to).then(|| Lapse { code: ReasonCode::WindowNotCovered, from, to, words: words() })
    }

    fn cannot_see(&self) -> Vec<String> {
        let kernels: Vec<&str> = self.kernels.iter().map(String::as_str).collect();
        let of = |what: &&str| match what.starts_with("calls") && !kernels.is_empty() {
            true => format!("{what}; here it was Linux {}", kernels.join(", ")),
            false => (*what).to_owned(),
        };
        CANNOT_SEE.iter().map(of).collect()
    }

    /// The longest time of the window without any record, as far as it is known: of each file the longest few are.
    fn silence(&self) -> Option<Span> {
        let (from, to) = self.window;
        let mut spans: Vec<_> = self.files.iter().filter_map(|file| file.summary.span()).collect();
        spans.sort();
        let mut silent: Vec<_> = self.files.iter().flat_map(|file| file.summary.silences()).collect();
        let (mut last, _) = *spans.first()?;
        for (begin, end) in spans {
            silent.push((last, begin));
            last = last.max(end);
        }
        silent.push((last, to));
        let within = silent.into_iter().map(|(begin, end)| Span { from: begin.max(from), to: end.min(to) });
        within.filter(|span| span.from < span.to).max_by_key(|span| span.to.since(span.from))
    }

    /// When no rule with a key was in force.
    fn rules(&self, key: &[u8], recording: &Recording<'_>, gaps: &mut Vec<Lapse>) {
        let notes = || self.files.iter().flat_map(|file| &file.summary.notes).chain(&self.beside.notes);
        let told = notes().any(|note| match &note.kind {
            NoteKind::RuleAdded(rule) | NoteKind::RuleRemoved(rule) => rule.has(key),
            _ => false,
        });
        let used = recording.last_with(key).is_some();
        let loaded = self.kernel.loaded.as_ref().map(|loaded| loaded.get(key).copied().unwrap_or(0));
        if loaded.is_none() && !told && !used {
            let words = format!(
                "whether a rule with the key {} was in force is not known: the logs tell of none, and of no event with it",
                shown(key)
            );
            gaps.push(self.whole(ReasonCode::CoverageUnknown, words));
            return;
        }
        gaps.extend(recording.lapses_of_rule(key, loaded));
    }

    fn whole(&self, code: ReasonCode, words: String) -> Lapse {
        Lapse { code, from: self.window.0, to: self.window.1, words }
    }
}

/// When what is logged of a session may be wrong or short.
pub fn doubts(statement: &CoverageStatement) -> Doubts {
    let lost = [ReasonCode::RecordsLost, ReasonCode::AuditOff, ReasonCode::NoDaemon];
    let losses = statement.gaps.iter().filter(|gap| lost.contains(&gap.code));
    let steps = statement.signs.iter().filter(|sign| sign.kind == "clock_step");
    Doubts::of(losses.map(|gap| (gap.from, gap.to)).collect(), steps.map(|sign| sign.time).collect())
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
            "complete" if statement.rules == "known" => {
                "no matching event was found, and such events would have been recorded".to_owned()
            }
            "complete" => "no matching event was found, and such events would have been recorded, if rules with these keys watch \
                           for them, which the logs do not tell"
                .to_owned(),
            "partial" => {
                "no matching event was found in the periods in which recording was active; nothing is known about those below"
                    .to_owned()
            }
            _ => "no matching event was found, which does not show that nothing was done".to_owned(),
        });
    }
    lines.extend(statement.gaps.iter().map(|gap| gap.words.clone()));
    let silence = statement.silence.iter().map(|span| (span, span.to.since(span.from)));
    lines.extend(silence.filter(|(_, length)| *length >= SILENCE).map(|(span, length)| {
        let (from, to) = (span.from.spoken(), span.to.spoken());
        format!("the longest time without any record: {}, from {from} to {to}", lasting(length))
    }));
    lines.extend(statement.signs.iter().map(|sign| format!("{}: {}", sign.time.spoken(), sign.words)));
    if let Some(left) = statement.counters.get("signs_left").filter(|left| **left > 0) {
        lines.push(format!("{} not told", counted(*left, "further sign")));
    }
    lines
}

#[cfg(test)]
mod tests;
