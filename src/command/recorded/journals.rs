//! Files of systemd-journald: what programs said, and the kernel's audit records where journald took them.

use super::{Gathering, Hears, Passed};
use crate::command::evidence::{At, Evidence, Log, What};
use crate::records::audit_event::{Assembler, Counts, Event, Steady};
use crate::records::journal::{Entry, Journal, Read, Summary, audit_line, said};
use crate::term::Failure;
use crate::view::login_sessions::Source;

/// A journal at any of its places.
struct Places {
    at: Box<dyn At>,
    buffer: Vec<u8>,
}

impl Read for Places {
    fn at(&mut self, offset: u64, length: usize) -> Option<&[u8]> {
        // A damaged file may ask for what it has not got.
        if offset.checked_add(length as u64)? > self.at.size() {
            return None;
        }
        self.buffer.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            match self.at.read_at(offset + filled as u64, self.buffer.get_mut(filled..)?) {
                Ok(0) | Err(_) => return None,
                Ok(count) => filled += count,
            }
        }
        Some(&self.buffer)
    }
}

/// Gives each entry of a journal file; what it was comes back, and what is wrong with it in words.
fn entries(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(Entry<'_>),
) -> Result<(Passed, Option<String>), Failure> {
    let none = |words: String| Ok((Passed::default(), Some(words)));
    let at = match evidence.hold(log) {
        Ok(at) => at,
        Err(failure) if failure.is_of_verification() => return Err(failure),
        Err(failure) => return none(failure.message().to_owned()),
    };
    let size = at.size();
    match Journal::open(Places { at, buffer: Vec::new() }, size) {
        Ok(mut journal) => {
            let summary = journal.for_each(each);
            let passed = Passed { span: summary.span, records: summary.entries, odd: summary.unreadable };
            Ok((passed, not_whole(log, &summary)))
        }
        Err(refused) => none(format!("{}: {refused}", log.name)),
    }
}

/// What keeps a file from being whole, and as it was written.
fn not_whole(log: &Log, summary: &Summary) -> Option<String> {
    let signs: Vec<&str> = summary.shortcomings().into_iter().map(|sign| sign.word()).collect();
    let unreadable = match summary.unreadable {
        0 => String::new(),
        unreadable => format!("; NOT ALL READ: {unreadable} entries could not be"),
    };
    let words = || format!("{}: not whole, or not as it was written: {}", log.name, signs.join(", "));
    (!signs.is_empty()).then(|| words() + &unreadable)
}

/// Gives the lines that auditd would have written, from the journal files, the oldest first, with the file and the place of
/// each. What is wrong with the files comes back in words.
pub fn audit_lines(
    evidence: &Evidence,
    each: &mut dyn FnMut(&Log, &[u8], u64),
) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    for log in evidence.logs(What::Journal) {
        let (_, note) = entries(evidence, log, &mut |entry| {
            if let Some(line) = audit_line(&entry) {
                each(log, &line, entry.offset);
            }
        })?;
        notes.extend(note);
    }
    Ok(notes)
}

impl Gathering<'_> {
    /// What programs said.
    pub(super) fn journals<H: Hears>(&mut self, hears: &mut H) -> Result<(), Failure> {
        let evidence = self.evidence;
        for log in evidence.logs(What::Journal) {
            let (passed, note) = entries(evidence, log, &mut |entry| self.entry(&entry, log, hears))?;
            hears.passed(log, &passed);
            self.notes.extend(note);
        }
        Ok(())
    }

    fn entry<H: Hears>(&mut self, entry: &Entry<'_>, log: &Log, hears: &mut H) {
        if let Some(said) = said(entry, log.number) {
            self.sessions.said(Source::Journal, &said);
            hears.said(Source::Journal, &said);
        }
    }

    /// Both, in one reading.
    pub(super) fn audit_of_journals<H: Hears>(
        &mut self,
        wants: impl FnMut(&[u8], &[u8]) -> bool,
        hears: &mut H,
    ) -> Result<(Counts, bool), Failure> {
        let evidence = self.evidence;
        let mut assembler = Assembler::new(Steady(wants));
        let mut events = Vec::new();
        for log in evidence.logs(What::Journal) {
            assembler.file(log.number);
            let (passed, note) = entries(evidence, log, &mut |entry| {
                self.entry(&entry, log, hears);
                if let Some(line) = audit_line(&entry) {
                    hears.line(Some(&line));
                    assembler.line(&line, entry.offset, &mut |event| events.push(event));
                    events.drain(..).for_each(|event| self.audit_event(&event, hears));
                }
            })?;
            hears.passed(log, &passed);
            self.notes.extend(note);
        }
        let counts = assembler.end(&mut |event| self.audit_event(&event, hears));
        Ok((counts, counts.records > 0))
    }

    fn audit_event<H: Hears>(&mut self, event: &Event, hears: &mut H) {
        self.sessions.audit(event);
        hears.event(event);
    }
}
