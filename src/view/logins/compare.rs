//! A text log beside the journal of the same machine: lines of sshd, sudo and su that one has and the other lacks, and
//! lines that another program sent than the one they name. Anybody may write to a text log by `logger -t sshd`; the
//! journal notes who did.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use super::super::login_sessions::kept::{Files, Kept};
use super::super::login_sessions::{Source, may_be_one_machine, witness::disbelieved};
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::{Answer, Message, Said, TimeQuality};

/// Lines that are compared, of each.
const MOST: usize = 100_000;
/// Machines that are told apart, of each.
const MOST_MACHINES: usize = 256;
/// Bytes of a machine's name that count.
const LONGEST: usize = 256;
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
    /// Lines of times or machines of which only one of the two tells, or whose time is not known exactly.
    pub not_compared: u64,
    /// Lines for which there was no room.
    pub left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    /// By number, on its side.
    machine: u16,
    message: u64,
    time: Timestamp,
    what: &'static str,
    place: Place,
}

/// The lines of the texts, or of the journals.
#[derive(Debug, Default)]
struct Side {
    lines: Vec<Line>,
    machines: BTreeMap<Vec<u8>, u16>,
}

/// What one side has of the other's lines.
struct Beside<'s> {
    lines: &'s [Line],
    /// From its first line of a machine to its last, in each of its files.
    kept: Kept,
    /// Of each machine of the other side, which of this one it may be.
    machines: BTreeMap<u16, Vec<u16>>,
}

/// Compares a text log with a journal; at most 16 MiB.
#[derive(Debug, Default)]
pub struct Comparison {
    text: Side,
    journal: Side,
    senders: Vec<(Line, String)>,
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
        let side = match source {
            Source::Text => &mut self.text,
            Source::Journal => &mut self.journal,
            _ => return,
        };
        let Some(line) = side.take(said, time, what) else {
            self.done.left_out += 1;
            return;
        };
        if let Some(why) = disbelieved(said).filter(|_| source == Source::Journal) {
            if self.senders.len() < MOST_FINDINGS {
                self.senders.push((line, why));
            } else {
                self.done.more += 1;
            }
        }
    }

    /// Compares them.
    pub fn finish(mut self) -> Differences {
        let (mut text, mut journal) = (std::mem::take(&mut self.text), std::mem::take(&mut self.journal));
        text.lines.sort_unstable();
        journal.lines.sort_unstable();
        for (line, why) in std::mem::take(&mut self.senders) {
            let words = format!("{}: not by that program: {why}", line.what);
            self.found(Source::Journal, line, Difference::OtherSender, words);
        }
        let in_journal = Beside::of(&journal, &text);
        for line in &text.lines {
            match in_journal.has(line) {
                None => self.done.not_compared += 1,
                Some(true) => self.done.agreeing += 1,
                Some(false) => {
                    let words = "the text has it and the journal, which was kept at the time, does not: the journal may \
                        have lost it, or somebody wrote it into the text, or sent it over the network";
                    self.lacking(Source::Text, *line, Difference::NotInJournal, words);
                }
            }
        }
        let in_text = Beside::of(&text, &journal);
        for line in journal.lines.iter().filter(|line| in_text.has(line) == Some(false)) {
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
        self.found(source, line, difference, format!("{}: {words}", line.what));
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

impl Side {
    /// Keeps a line, if there is room for it.
    fn take(&mut self, said: &Said, time: Timestamp, what: &'static str) -> Option<Line> {
        if self.lines.len() >= MOST {
            return None;
        }
        let machine = self.machine(&said.host)?;
        let line = Line { machine, message: fingerprint(said), time, what, place: said.place };
        self.lines.push(line);
        Some(line)
    }

    fn machine(&mut self, name: &[u8]) -> Option<u16> {
        let name = name.get(..LONGEST).unwrap_or(name);
        if let Some(number) = self.machines.get(name) {
            return Some(*number);
        }
        let count = self.machines.len();
        let number = u16::try_from(count).ok().filter(|_| count < MOST_MACHINES)?;
        self.machines.insert(name.to_vec(), number);
        Some(number)
    }
}

impl<'s> Beside<'s> {
    /// What `side`, in order, has of the lines of another one. Between two of its files there may have been a third, so that
    /// nothing is known of the time between them.
    fn of(side: &'s Side, other: &Side) -> Beside<'s> {
        let mut files = Files::default();
        side.lines.iter().for_each(|line| files.tells(line.machine, line.place.file, line.time));
        let same = |name: &[u8]| -> Vec<u16> {
            let may_be = side.machines.iter().filter(|(own, _)| may_be_one_machine(own, name));
            may_be.map(|(_, number)| *number).collect()
        };
        let machines = other.machines.iter().map(|(name, number)| (*number, same(name))).collect();
        Beside { lines: &side.lines, kept: files.finish(), machines }
    }

    /// Whether it has a line of the other side; none where it was not kept at the time, or not of that machine.
    fn has(&self, line: &Line) -> Option<bool> {
        let machines = self.machines.get(&line.machine)?;
        let is_kept = machines.iter().any(|machine| self.kept.covers(*machine, line.time));
        is_kept.then(|| machines.iter().any(|machine| self.has_of(*machine, line)))
    }

    /// Whether it has the same message of a machine at about the same time.
    fn has_of(&self, machine: u16, line: &Line) -> bool {
        let from = (machine, line.message, line.time.minus(SAME));
        let at = self.lines.partition_point(|other| (other.machine, other.message, other.time) < from);
        let is_same = |other: &Line| (other.machine, other.message) == (machine, line.message);
        self.lines.get(at).is_some_and(|other| is_same(other) && other.time <= line.time.plus(SAME))
    }
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
