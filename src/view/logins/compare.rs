//! A text log beside the journal of the same machine: lines of sshd, sudo and su that one has and the other lacks, and
//! lines that another program sent than the one they name. Anybody may write to a text log by `logger -t sshd`; the
//! journal notes who did.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use super::super::login_sessions::{Source, witness::disbelieved};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::{Answer, Message, Said, TimeQuality};

/// Lines that are compared, of each.
const MOST: usize = 100_000;
/// Findings that are told one by one; the rest are counted.
const MOST_FINDINGS: usize = 1_000;
/// Text and journal have a line at the same time if not more lies between.
const SAME: Duration = Duration::from_secs(3);

/// How they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// The journal saw another program, user or process send it.
    OtherSender,
    /// The text has a line that the journal lacks.
    NotInJournal,
    /// The journal has an entry that the text lacks.
    NotInText,
}

impl Difference {
    /// As rows name it.
    pub fn word(self) -> &'static str {
        match self {
            Difference::OtherSender => "other_sender",
            Difference::NotInJournal => "not_in_journal",
            Difference::NotInText => "not_in_text",
        }
    }
}

/// One line that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// When it was said.
    pub time: Timestamp,
    /// How they differ.
    pub difference: Difference,
    /// The log that has the line.
    pub source: Source,
    /// Where in it.
    pub place: Place,
    /// In words.
    pub words: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The first of them, in order of time.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
    /// Lines that both have.
    pub agreeing: u64,
    /// Lines of times that only one of the two covers, or whose time is not known exactly.
    pub not_compared: u64,
    /// Lines that one lacks at a time when records were lost.
    pub while_lost: u64,
    /// Lines for which there was no room.
    pub left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    message: u64,
    time: Timestamp,
    what: &'static str,
    place: Place,
}

/// Compares a text log with a journal; at most 16 MiB.
#[derive(Debug, Default)]
pub struct Comparison {
    text: Vec<Line>,
    journal: Vec<Line>,
    senders: Vec<(Line, String)>,
    lost: Vec<(Timestamp, Timestamp)>,
    done: Differences,
}

impl Comparison {
    /// With nothing to compare yet.
    pub fn new() -> Comparison {
        Comparison::default()
    }

    /// Takes up a line of a text, or an entry of a journal.
    pub fn said(&mut self, source: Source, said: &Said) {
        let Some(what) = what(said) else { return };
        let Some((time, TimeQuality::Exact)) = said.time else {
            self.done.not_compared += 1;
            return;
        };
        let line = Line { message: fingerprint(said), time, what, place: said.place };
        let list = match source {
            Source::Text => &mut self.text,
            Source::Journal => &mut self.journal,
            _ => return,
        };
        if list.len() >= MOST {
            self.done.left_out += 1;
            return;
        }
        list.push(line);
        if let Some(why) = disbelieved(said).filter(|_| source == Source::Journal) {
            if self.senders.len() < MOST_FINDINGS {
                self.senders.push((line, why));
            } else {
                self.done.more += 1;
            }
        }
    }

    /// From when to when a log says that it lost records.
    pub fn lost(&mut self, from: Timestamp, to: Timestamp) {
        if self.lost.len() < MOST_FINDINGS {
            self.lost.push((from, to));
        }
    }

    /// Compares them.
    pub fn finish(mut self) -> Differences {
        self.text.sort_unstable();
        self.journal.sort_unstable();
        for (line, why) in std::mem::take(&mut self.senders) {
            let words = format!("{}: not by that program: {why}", line.what);
            self.found(Source::Journal, line, Difference::OtherSender, words);
        }
        let (text, journal) = (std::mem::take(&mut self.text), std::mem::take(&mut self.journal));
        let (of_text, of_journal) = (span(&text), span(&journal));
        for line in &text {
            if !covers(of_journal, line.time) {
                self.done.not_compared += 1;
            } else if has(&journal, line) {
                self.done.agreeing += 1;
            } else {
                let words = "the text has it and the journal, which was kept at the time, does not: the journal may have \
                    lost it, or somebody wrote it into the text, or sent it over the network";
                self.lacking(Source::Text, *line, Difference::NotInJournal, words);
            }
        }
        for line in journal.iter().filter(|line| covers(of_text, line.time) && !has(&text, line)) {
            let words = "the journal has it and the text, which was kept at the time, does not: the syslog service may \
                have lost it, or be told not to write it, or somebody took it out";
            self.lacking(Source::Journal, *line, Difference::NotInText, words);
        }
        self.done.findings.sort();
        let beyond = self.done.findings.len().saturating_sub(MOST_FINDINGS);
        self.done.findings.truncate(MOST_FINDINGS);
        self.done.more += beyond as u64;
        self.done
    }

    fn lacking(&mut self, source: Source, line: Line, difference: Difference, words: &str) {
        let lost =
            self.lost.iter().any(|(from, to)| *from <= line.time.plus(SAME) && line.time.minus(SAME) <= *to);
        if lost {
            self.done.while_lost += 1;
        } else {
            self.found(source, line, difference, format!("{}: {words}", line.what));
        }
    }

    fn found(&mut self, source: Source, line: Line, difference: Difference, words: String) {
        // Twice as many are held, so that those of one kind do not hide the other.
        if self.done.findings.len() < 3 * MOST_FINDINGS {
            let (time, place) = (line.time, line.place);
            self.done.findings.push(Finding { time, difference, source, place, words });
        } else {
            self.done.more += 1;
        }
    }
}

fn span(lines: &[Line]) -> Option<(Timestamp, Timestamp)> {
    let times = || lines.iter().map(|line| line.time);
    times().min().zip(times().max())
}

fn covers(span: Option<(Timestamp, Timestamp)>, time: Timestamp) -> bool {
    span.is_some_and(|(first, last)| first <= time && time <= last)
}

/// Whether a list, in order, has the same message at about the same time.
fn has(list: &[Line], line: &Line) -> bool {
    let from = (line.message, line.time.minus(SAME));
    let at = list.partition_point(|other| (other.message, other.time) < from);
    list.get(at).is_some_and(|other| other.message == line.message && other.time <= line.time.plus(SAME))
}

/// What a line is about, of those that matter; none for other programs.
fn what(said: &Said) -> Option<&'static str> {
    let program = program(&said.tag)?;
    Some(match (&said.message, program) {
        (Message::Tried { answer: Answer::Accepted, .. }, _) => "sshd let somebody in",
        (Message::Tried { .. } | Message::PamRejected { .. } | Message::PamFailure { .. }, _) => {
            "somebody was rejected"
        }
        (Message::SessionOpened { .. }, _) => "a session was opened",
        (Message::SessionClosed { .. } | Message::Ended { .. }, _) => "a session or connection ended",
        (Message::Elevated { .. }, _) => "somebody acted as another",
        (_, "sshd") => "a line of sshd",
        (_, "sudo") => "a line of sudo",
        _ => "a line of su",
    })
}

fn program(tag: &[u8]) -> Option<&'static str> {
    match tag {
        b"sudo" => Some("sudo"),
        b"su" | b"su-l" => Some("su"),
        tag => tag.starts_with(b"sshd").then_some("sshd"),
    }
}

/// A number for a message: the same words of the same program.
fn fingerprint(said: &Said) -> u64 {
    let mut words = Words(DefaultHasher::new());
    let _ = write!(words, "{:?} {:?}", program(&said.tag), said.message);
    words.0.finish()
}

/// Text that is not kept.
struct Words(DefaultHasher);

impl fmt::Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
