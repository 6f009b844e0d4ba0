//! Files of systemd-journald, and exports of them: what programs said, and the kernel's audit records where journald took
//! them.

mod numbers;

use std::ops::ControlFlow;

use super::{Gathering, Hears, Passed, head, unless_forged, unpacked};
use crate::command::evidence::{At, Evidence, Log, What};
use crate::records::audit_event::{Assembler, Counts, Event, Steady};
use crate::records::audit_log::witnesses::Witnesses;
use crate::records::journal::{Entry, Journal, Read, Summary, audit_line, said};
use crate::records::journal_export::{ExportSummary, Exported};
use crate::records::journal_header::{Header, is_remote};
use crate::records::unpack::Compression;
use crate::term::{Failure, counted};
use crate::view::login_sessions::Source;
use numbers::Numbers;

/// What each entry of an export begins with.
const EXPORT: &[u8] = b"__CURSOR";

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
        self.at.fill(offset, &mut self.buffer)?;
        Some(&self.buffer)
    }
}

/// Gives each entry of a journal file, or of an export; what it was comes back, and what is wrong with it in words.
pub fn entries(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(Entry<'_>),
) -> Result<(Passed, Option<String>), Failure> {
    entries_of(evidence, log, each, &mut |_, _| {})
}

/// The same; `ends` hears at its end what a journal file is.
fn entries_of(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(Entry<'_>),
    ends: &mut dyn FnMut(&Header, &Summary),
) -> Result<(Passed, Option<String>), Failure> {
    let head = head(evidence, log)?;
    let compression = Compression::of(&head).word();
    let is_export = if compression.is_some() { beginning(evidence, log)? == EXPORT } else { head == EXPORT };
    if is_export {
        return exported(evidence, log, each);
    }
    if let Some(compression) = compression {
        // It is read back and forth.
        let words = format!("it is compressed as a whole ({compression}), and was not read: unpack it first");
        return Ok((Passed::default(), Some(words)));
    }
    let at = match evidence.hold(log) {
        Ok(at) => at,
        Err(failure) => return Ok((Passed::default(), unless_forged(Err(failure))?)),
    };
    let size = at.size();
    match Journal::open(Places { at, buffer: Vec::new() }, size) {
        Ok(mut journal) => {
            let summary = journal.for_each(each);
            ends(&journal.header, &summary);
            let passed = Passed { span: summary.span, records: summary.entries, odd: summary.unreadable };
            Ok((passed, not_whole(&summary)))
        }
        Err(refused) => Ok((Passed::default(), Some(refused.to_string()))),
    }
}

/// The first bytes of what a compressed file holds.
fn beginning(evidence: &Evidence, log: &Log) -> Result<Vec<u8>, Failure> {
    let mut beginning = Vec::new();
    unpacked(evidence, log, &mut |bytes| {
        let room = EXPORT.len().saturating_sub(beginning.len()).min(bytes.len());
        beginning.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if beginning.len() < EXPORT.len() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(beginning)
}

/// What keeps a file from being whole, and as it was written.
fn not_whole(summary: &Summary) -> Option<String> {
    let signs: Vec<&str> = summary.shortcomings().into_iter().map(|sign| sign.word()).collect();
    let unreadable = match summary.unreadable {
        0 => String::new(),
        unreadable => format!("; NOT ALL READ: {unreadable} entries could not be"),
    };
    let words = || format!("not whole, or not as it was written: {}", signs.join(", "));
    (!signs.is_empty()).then(|| words() + &unreadable)
}

/// The entries of an export, as `journalctl -o export` writes it.
fn exported(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(Entry<'_>),
) -> Result<(Passed, Option<String>), Failure> {
    let (mut reader, mut passed) = (Exported::default(), Passed::default());
    let mut take = |entry: Entry<'_>| {
        passed.take(entry.time());
        each(entry);
    };
    let broken = unpacked(evidence, log, &mut |bytes| {
        reader.push(bytes, &mut take);
        ControlFlow::Continue(())
    })?;
    let summary = reader.end(&mut take);
    passed.odd = summary.damaged + summary.cut + summary.merged;
    Ok((passed, broken.or_else(|| not_all_exported(&summary))))
}

fn not_all_exported(summary: &ExportSummary) -> Option<String> {
    let mut words = Vec::new();
    if summary.damaged > 0 {
        words.push(format!("{} damaged", entries_in_words(summary.damaged)));
    }
    if summary.cut > 0 {
        words.push(format!("{} too long, or with too many fields", entries_in_words(summary.cut)));
    }
    if summary.merged > 0 {
        let entries = entries_in_words(summary.merged);
        words.push(format!("{entries} with the head of another within: bytes are missing between them"));
    }
    if summary.ends_within {
        words.push("it ends within an entry".to_owned());
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn entries_in_words(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// Gives the lines that auditd would have written, from the journal files, the oldest first, with the file and the place of
/// each. What is wrong with the files is told when they are read for the sessions.
pub fn audit_lines(evidence: &Evidence, each: &mut dyn FnMut(&Log, &[u8], u64)) -> Result<(), Failure> {
    for log in evidence.logs(What::Journal).filter(|log| !is_of_others(evidence, log)) {
        audit_lines_of(evidence, log, &mut |line, offset| each(log, line, offset))?;
    }
    Ok(())
}

/// Gives those of one journal, with the place of each; what is wrong with it comes back, in words.
pub fn audit_lines_of(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(&[u8], u64),
) -> Result<Option<String>, Failure> {
    let (_, broken) = entries(evidence, log, &mut |entry| {
        if let Some(line) = audit_line(&entry) {
            each(&line, entry.offset);
        }
    })?;
    Ok(broken)
}

/// Whether a journal holds what other machines sent, beside logs of this one: its audit records name no machine, and would
/// pass for this one's (systemd-journal-remote(8)).
pub fn is_of_others(evidence: &Evidence, log: &Log) -> bool {
    let is_remote = |log: &Log| log.path.as_ref().is_some_and(is_remote);
    let is_own = |log: &Log| !is_remote(log);
    is_remote(log)
        && (evidence.logs(What::Audit).next().is_some() || evidence.logs(What::Journal).any(is_own))
}

/// That audit records of a journal are not told of, as others are of the machine in question.
pub fn left_out(log: &Log, records: u64) -> Option<String> {
    let words = || {
        let records = counted(records, "audit record");
        format!(
            "{}: {records} of other machines, not told of beside those of this one; name the journal alone, with --journal, to \
             have them read",
            log.name
        )
    };
    (records > 0).then(words)
}

impl Gathering<'_> {
    /// What programs said; and which audit records journald took.
    pub(super) fn journals<H: Hears>(&mut self, hears: &mut H) -> Result<Witnesses, Failure> {
        let (evidence, mut both, mut numbers) = (self.evidence, Witnesses::default(), Numbers::default());
        for log in evidence.logs(What::Journal) {
            let mut foreign = is_of_others(evidence, log).then_some(0);
            let mut each = |entry: Entry<'_>| {
                self.entry(&entry, log, hears);
                match (audit_line(&entry), &mut foreign) {
                    (Some(_), Some(records)) => *records += 1,
                    (Some(line), None) => both.journal(&line),
                    (None, _) => {}
                }
            };
            let mut ends = |header: &Header, summary: &Summary| numbers.take(log, header, summary);
            let (passed, broken) = entries_of(evidence, log, &mut each, &mut ends)?;
            self.journal_ends(log, passed, broken, hears);
            self.left_out(log, foreign);
        }
        self.numbers_told(numbers);
        Ok(both)
    }

    fn entry<H: Hears>(&mut self, entry: &Entry<'_>, log: &Log, hears: &mut H) {
        if let Some(said) = said(entry, log.number) {
            self.sessions.said(Source::Journal, &said);
            hears.said(Source::Journal, &said);
        }
    }

    fn journal_ends<H: Hears>(&mut self, log: &Log, passed: Passed, broken: Option<String>, hears: &mut H) {
        hears.passed(log, &passed);
        self.notes.extend(broken.map(|why| format!("{}: {why}", log.name)));
    }

    fn numbers_told(&mut self, numbers: Numbers) {
        let (notes, remarks) = numbers.told(self.evidence);
        self.notes.extend(notes);
        self.remarks.extend(remarks);
    }

    /// Audit records that other machines sent.
    fn left_out(&mut self, log: &Log, foreign: Option<u64>) {
        self.notes.extend(left_out(log, foreign.unwrap_or(0)));
    }

    /// What programs said, and the kernel's audit records, in one reading.
    pub(super) fn audit_of_journals<H: Hears>(
        &mut self,
        wants: impl FnMut(&[u8], &[u8]) -> bool,
        hears: &mut H,
    ) -> Result<Counts, Failure> {
        let evidence = self.evidence;
        let mut assembler = Assembler::new(Steady(wants));
        let (mut events, mut numbers) = (Vec::new(), Numbers::default());
        for log in evidence.logs(What::Journal) {
            assembler.file(log.number);
            hears.begins(log);
            let mut foreign = is_of_others(evidence, log).then_some(0);
            let mut each = |entry: Entry<'_>| {
                self.entry(&entry, log, hears);
                match (audit_line(&entry), &mut foreign) {
                    (Some(_), Some(records)) => *records += 1,
                    (Some(line), None) => {
                        hears.line(Some(&line));
                        assembler.line(&line, entry.offset, &mut |event| events.push(event));
                        events.drain(..).for_each(|event| self.audit_event(&event, hears));
                    }
                    (None, _) => {}
                }
            };
            let mut ends = |header: &Header, summary: &Summary| numbers.take(log, header, summary);
            let (passed, broken) = entries_of(evidence, log, &mut each, &mut ends)?;
            self.journal_ends(log, passed, broken, hears);
            self.left_out(log, foreign);
        }
        self.numbers_told(numbers);
        Ok(assembler.end(&mut |event| self.audit_event(&event, hears)))
    }

    fn audit_event<H: Hears>(&mut self, event: &Event, hears: &mut H) {
        self.sessions.audit(event);
        hears.event(event);
    }
}
