//! What the person at the keyboard sees.
//!
//! The rules of this interface:
//! - Results go to stdout, everything else to stderr; with `--json`, stdout holds one JSON document and nothing else.
//! - An error is one line, what and where, without a capital or a full stop; then `hint:` lines that say what to do.
//! - Nothing that came from the examined host reaches the terminal unescaped.
//! - Progress is a bar on a terminal, lines otherwise, nothing with `--quiet`.
//! - Times are UTC. Colour only on a terminal, and never the only carrier of a meaning.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::io::retry_on_intr;
use serde::Serialize;

use crate::custody::json;
use crate::intake::Progress;
use crate::path::{harmless, shown};

/// How the program ends. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or the answer is yes.
    Done = 0,
    /// An error; nothing was done.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Sealed with gaps, or the question cannot be answered.
    Gaps = 3,
    /// The bundle is not as it was sealed.
    VerificationFailed = 4,
    /// The answer is no.
    No = 5,
    /// Interrupted, and what was gathered is sealed.
    Interrupted = 130,
}

/// An error for a person: one line, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hints: Vec<String>,
    exit: Exit,
}

impl Failure {
    /// An error of the world.
    pub fn new(message: impl fmt::Display) -> Failure {
        Failure { message: message.to_string(), hints: Vec::new(), exit: Exit::Error }
    }

    /// An error of the command line.
    pub fn usage(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Usage, ..Failure::new(message) }
    }

    /// A bundle that is not as it was sealed, where nothing else can be done then.
    pub fn verification(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::VerificationFailed, ..Failure::new(message) }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Failure {
        self.hints.push(hint.to_string());
        self
    }

    /// Whether it is a bundle that is not as it was sealed.
    pub fn is_of_verification(&self) -> bool {
        self.exit == Exit::VerificationFailed
    }

    /// What and where, on one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Tells it and gives the exit.
    pub fn tell(&self) -> Exit {
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "phi-ir: {}", one_line(&self.message));
        for hint in &self.hints {
            let _ = writeln!(err, "hint: {}", one_line(hint));
        }
        self.exit
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::new(error)
    }
}

/// A message may quote what a stranger named; backslashes of an escaped name stay single. The numbers of the system's
/// errors say nothing to a person that their words do not.
fn one_line(text: &str) -> String {
    let mut line = shown(text.as_bytes()).replace("\\\\", "\\");
    while let Some(start) = line.find(" (os error ") {
        let Some(end) = line.get(start..).and_then(|rest| rest.find(')')) else { break };
        line.replace_range(start..=start + end, "");
    }
    line
}

/// Lines of ours: whatever was put into them, no character of it acts on a terminal. Who puts a stranger's words into a
/// line keeps their newlines out of it, with [`harmless`].
fn lines(text: &str) -> String {
    let kept: Vec<String> = text.split('\n').map(harmless).collect();
    kept.join("\n")
}

/// Bytes as text of which nothing acts on a terminal, with its backslashes as they are: what is escaped stays as it is.
fn shown_once(bytes: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid: String = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        harmless(chunk.valid()) + &invalid
    };
    bytes.utf8_chunks().map(chunk).collect()
}

/// The first error of writing the result.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// What kept the result from being written, if anything did.
pub fn lost_result() -> Option<Failure> {
    LOST.get().map(|error| Failure::new(format!("the result could not be written to stdout: {error}")))
}

/// Writes through to the descriptor. The library's own stdout takes for written what one that is closed, or open for
/// reading alone, has refused.
fn write_all(out: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = retry_on_intr(|| rustix::io::write(&out, bytes))?;
        bytes = bytes.get(count..).filter(|_| count > 0).ok_or(io::ErrorKind::WriteZero)?;
    }
    Ok(())
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    /// The result as JSON.
    pub json: bool,
    /// Nothing but results, warnings and errors.
    pub quiet: bool,
    /// stdout carries a bundle: the result goes to stderr.
    pub stdout_taken: bool,
}

impl Voice {
    /// Whether the result goes to a terminal.
    pub fn is_read_by_people() -> bool {
        io::stdout().is_terminal()
    }

    /// A line of the result. Should it get lost, the program does not end as if all were well: see [`lost_result`].
    pub fn result(self, line: impl fmt::Display) {
        let line = lines(&line.to_string());
        let written = if self.stdout_taken {
            writeln!(io::stderr().lock(), "{line}")
        } else {
            write_all(io::stdout().lock(), format!("{line}\n").as_bytes())
        };
        if let Err(error) = written {
            let _ = LOST.set(error);
        }
    }

    /// Part of the result, of whole lines, byte for byte; on a terminal without what would act on it.
    pub fn bytes(self, part: &[u8]) {
        if part.is_empty() {
            return;
        }
        let written = match io::stdout().is_terminal() {
            true => {
                let text: Vec<String> = part.split(|byte| *byte == b'\n').map(shown_once).collect();
                write_all(io::stdout().lock(), text.join("\n").as_bytes())
            }
            false => write_all(io::stdout().lock(), part),
        };
        if let Err(error) = written {
            let _ = LOST.set(error);
        }
    }

    /// The result as JSON.
    pub fn document<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text = String::from_utf8(json::document(value)?)?;
        self.result(text.trim_end());
        Ok(())
    }

    /// A line on the way.
    pub fn say(self, line: impl fmt::Display) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{}", lines(&line.to_string()));
        }
    }

    /// Something that should be known, `--quiet` or not.
    pub fn warn(self, line: impl fmt::Display) {
        let _ = writeln!(io::stderr().lock(), "warning: {}", one_line(&line.to_string()));
    }
}

/// Bytes for people: `1.4 GB`, powers of ten as disks are sold.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    let mut scaled = count;
    let mut rest = 0;
    while scaled >= 1000 && unit + 1 < UNITS.len() {
        rest = scaled % 1000 / 100;
        scaled /= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 || scaled >= 100 { format!("{scaled} {name}") } else { format!("{scaled}.{rest} {name}") }
}

/// A span for people: `0.7 s`, `42 s`, `3 min 07 s`, `2 h 05 min`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds < 10 {
        return format!("{seconds}.{} s", span.subsec_millis() / 100);
    }
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

pub use crate::custody::outcome::counted;

/// Progress of a run: a bar on a terminal, a line for each collector otherwise.
pub struct Meter {
    bar: Option<ProgressBar>,
    lines: bool,
    started: Instant,
    number: usize,
    total: usize,
    bytes: u64,
}

impl Meter {
    /// A meter that says as much as `voice` does.
    pub fn new(voice: Voice) -> Meter {
        let on_terminal = io::stderr().is_terminal();
        let bar = (on_terminal && !voice.quiet).then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{spinner} [{pos}/{len}] {wide_msg} {prefix}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Meter {
            bar,
            lines: !on_terminal && !voice.quiet,
            started: Instant::now(),
            number: 0,
            total: 0,
            bytes: 0,
        }
    }

    fn amounts(&self) -> String {
        let elapsed = self.started.elapsed();
        let rate = self.bytes * 1000 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        format!("{} · {}/s · {}", bytes(self.bytes), bytes(rate), span(elapsed))
    }

    /// The run is over.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Meter {
    fn collector(&mut self, number: usize, total: usize, title: &str) {
        (self.number, self.total) = (number, total);
        let title = shown(title.as_bytes());
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(number as u64);
            bar.set_message(title);
        } else if self.lines {
            let _ = writeln!(io::stderr().lock(), "[{number}/{total}] {title} ({})", self.amounts());
        }
    }

    fn bytes(&mut self, total: u64) {
        self.bytes = total;
        if let Some(bar) = &self.bar {
            bar.set_prefix(self.amounts());
        }
    }

    fn phase(&mut self, words: &str) {
        let words = shown(words.as_bytes());
        if let Some(bar) = &self.bar {
            bar.set_message(words);
        } else if self.lines {
            let _ = writeln!(io::stderr().lock(), "{words} ({})", self.amounts());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_for_people() {
        assert_eq!(
            [0, 999, 1000, 1449, 123_456, 2_500_000_000].map(bytes).join(", "),
            "0 B, 999 B, 1.0 kB, 1.4 kB, 123 kB, 2.5 GB"
        );
        assert_eq!(
            [7, 187, 7500].map(|s| span(Duration::from_secs(s))).join(", "),
            "7.0 s, 3 min 07 s, 2 h 05 min"
        );
        assert_eq!((counted(1, "gap"), counted(0, "gap")), ("1 gap".into(), "0 gaps".into()));
    }

    #[test]
    fn a_message_cannot_act_on_the_terminal() {
        assert_eq!(one_line(&std::io::Error::from_raw_os_error(2).to_string()), "No such file or directory");
        assert_eq!(shown_once(b"a\\b \x1b[2J \xff"), "a\\b \\u{1b}[2J \\xff");
        assert_eq!(one_line("bad \x1b[2J name\n\\x"), "bad \\u{1b}[2J name\\u{a}\\x");
    }
}
