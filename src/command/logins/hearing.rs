//! What is counted and compared while the logs pass for the sessions.

use std::collections::BTreeSet;

use super::asked::Asked;
use super::coverage::{Coverage, Read};
use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::command::recorded::{self, Hears, Passed, other_lines};
use crate::records::accounts;
use crate::records::audit_event::{Event, FileRead, Place};
use crate::records::auth_text::{Said, TimeQuality};
use crate::records::login_pairing::{Found, LoginRecord, Sign, SignKind};
use crate::records::syslog::Tags;
use crate::records::utmp::{Item, Sort};
use crate::term::{Failure, counted};
use crate::view::login_sessions::{Source, paired};
use crate::view::logins::compare::{Comparison, Differences};
use crate::view::logins::{Counted, Counting, Logins};

/// Signs of failed logins' records that are kept; those of the other records have a bound of their own.
const SIGNS: usize = 10_000;

/// Listens.
pub struct Hearing<'c> {
    counting: Counting,
    comparison: Comparison,
    /// How well the times of the log that passes are known, at worst.
    quality: Option<TimeQuality>,
    signs: Vec<Sign>,
    signs_left: u64,
    /// Lines of programs that are not understood.
    others: Tags,
    coverage: &'c mut Coverage,
}

/// What was heard.
pub struct Heard {
    /// The counts.
    pub counted: Counted,
    /// Where text and journal differ.
    pub differences: Differences,
    /// Signs that wiping leaves in login records.
    pub signs: Vec<Sign>,
    /// Signs beyond those.
    pub signs_left: u64,
}

impl<'c> Hearing<'c> {
    /// For what is asked; `passwd` is that of the examined host.
    pub fn new(asked: &Asked, passwd: &[u8], coverage: &'c mut Coverage) -> Hearing<'c> {
        let known: BTreeSet<Vec<u8>> = accounts::numbers(passwd).into_keys().collect();
        let known = Some(known).filter(|known| !known.is_empty());
        Hearing {
            counting: Counting::new(Logins::new(known).only(asked.wanted.clone())),
            comparison: Comparison::new(),
            quality: None,
            signs: Vec::new(),
            signs_left: 0,
            others: Tags::default(),
            coverage,
        }
    }

    /// Reads the records of failed logins, which tell of no session.
    pub fn failed_logins(&mut self, evidence: &Evidence, now: Timestamp) -> Result<(), Failure> {
        let now = evidence.collected.unwrap_or(now).unix();
        for log in evidence.logs(What::Btmp) {
            let (findings, broken) =
                recorded::records(evidence, log, Sort::Btmp, now, &mut |item| self.failed(item, log))?;
            if let Some(findings) = findings {
                if findings.trailing > 0 {
                    let place = Place { file: log.number, offset: findings.whole };
                    self.sign(Sign { kind: SignKind::TrailingBytes, place, count: findings.trailing });
                }
                self.passed(log, &recorded::passed(&findings));
            }
            self.coverage.notes.extend(broken.map(|why| format!("{}: NOT ALL READ: {why}", log.name)));
        }
        Ok(())
    }

    fn failed(&mut self, item: &Item<'_>, log: &Log) {
        let place = |offset: u64| Place { file: log.number, offset };
        match item {
            Item::Zeros { offset, count, flag } => {
                self.sign(Sign { kind: SignKind::Record(*flag), place: place(*offset), count: *count });
            }
            Item::Record { offset, record, flags } => {
                for flag in flags {
                    self.sign(Sign { kind: SignKind::Record(*flag), place: place(*offset), count: 1 });
                }
                let record = LoginRecord::of(record, place(*offset));
                self.counting.failed_record(&record.user, record.origin(), record.time());
            }
        }
    }

    fn sign(&mut self, sign: Sign) {
        if self.signs.len() < SIGNS {
            self.signs.push(sign);
        } else {
            self.signs_left += 1;
        }
    }

    /// All has passed.
    pub fn finish(self) -> Heard {
        let tallied = self.counting.finish();
        let counted = tallied.counted;
        let told = [
            (tallied.again, "try", "of which two logs tell, counted once"),
            (counted.notes.disbelieved, "line", "not counted: another program sent it than it names"),
        ];
        let told = told.into_iter().filter(|(count, ..)| *count > 0);
        self.coverage.remarks.extend(told.map(|(count, what, words)| said(count, what, words)));
        let notes = [
            (
                counted.notes.shed,
                "time",
                "sshd said that it turned connections away unheard: tries are under-counted",
            ),
            (counted.notes.connections_left, "try", "whose connection was not counted, for want of room"),
            (counted.notes.ambiguous, "line", "that can be read in more than one way, counted for nobody"),
            (counted.notes.undated, "try or record", "without a time, in no window"),
            (tallied.forgotten, "try", "that may be counted twice, for want of room"),
            (tallied.hurried, "try or connection", "that may be counted twice, for want of room"),
            (
                tallied.unmatched,
                "line",
                "that another program sent than is named, whose copies in text logs may be counted, for want of room",
            ),
        ];
        let notes = notes.into_iter().filter(|(count, ..)| *count > 0);
        self.coverage.notes.extend(notes.map(|(count, what, words)| said(count, what, words)));
        self.coverage.remarks.extend(other_lines(&self.others));
        Heard {
            counted,
            differences: self.comparison.finish(),
            signs: self.signs,
            signs_left: self.signs_left,
        }
    }
}

fn said(count: u64, what: &str, words: &str) -> String {
    match (count, what) {
        (2.., "try") => format!("{count} tries {words}"),
        (2.., "try or record") => format!("{count} tries or records {words}"),
        (2.., "try or connection") => format!("{count} tries or connections {words}"),
        _ => format!("{} {words}", counted(count, what)),
    }
}

impl Hears for Hearing<'_> {
    fn event(&mut self, event: &Event) {
        self.counting.audit(event);
    }

    fn ends(&mut self, log: &Log, read: &FileRead, failure: Option<&Failure>) {
        self.coverage.read.push(Read::of_audit(log, read, failure));
    }

    fn said(&mut self, source: Source, said: &Said) {
        self.quality = self.quality.max(said.time.map(|(_, quality)| quality));
        self.counting.said(source, said);
        self.comparison.said(source, said);
    }

    fn others(&mut self, others: &Tags) {
        self.others.add(others);
    }

    fn found(&mut self, found: &Found) {
        found.signs.iter().for_each(|sign| self.sign(*sign));
        self.signs_left += found.signs_left;
        self.coverage.notes.extend(paired::not_followed(found));
    }

    fn passed(&mut self, log: &Log, passed: &Passed) {
        self.counting.log_ended();
        let quality = self.quality.take();
        self.coverage.read.push(Read::of(log, passed, quality));
    }
}
