//! Sessions, and tries to log in, out of what passed on its way into the seal: events of audit logs and lines of text logs
//! that speak of logins, records of utmp and its like, and logind's files. No log is read again for it. Journals are not
//! among it; whoever wants those joined too asks the verb `logins` of the sealed bundle.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::access::made::Logs;
use crate::clock::Timestamp;
use crate::collector::login_evidence::LoginEvidence;
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source as EntrySource};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::accounts;
use crate::records::audit_event::Place;
use crate::records::auth_text::Said;
use crate::records::auth_text::attempts::Attempts;
use crate::records::login_pairing::{Found, Pairing};
use crate::records::observer::Observed;
use crate::records::syslog::{Anchor, Notes, Reader, Surveyed, Years, named_at, years_of};
use crate::records::text_log::Told;
use crate::records::tzif::Zone;
use crate::view::login_sessions::{Joined, Sessions, Source, paired};
use crate::view::logins::{Attempt, Counted, Logins, Once};

/// Bytes of a view at most.
const LIMIT: usize = 16 << 20;
/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;
/// Bytes of a zone, and of /etc/passwd.
const ZONE: u64 = 256 << 10;
const PASSWD: u64 = 16 << 20;

/// A text log that passed.
struct Text {
    entry: EntryId,
    path: HostPath,
    modified: Timestamp,
    packed: Option<Timestamp>,
    told: Arc<Told>,
    years: Years,
}

/// What the views are made of.
struct Made {
    audit: Logs,
    texts: Vec<Text>,
    evidence: LoginEvidence,
    zone: Option<Zone>,
}

/// What is to be told of what was joined.
#[derive(Default)]
struct Heard {
    /// Of the lines of all texts.
    lines: Notes,
    /// Of the records of logins.
    records: Found,
}

/// Seals both views.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let made = Made::of(run);
    if made.is_nothing() {
        let words = "no audit log, text log, login record or session of logind's was sealed of which a view could be made: that none \
            is here does not say that nobody logged in; journals are read by 'phi-ir logins'";
        let source = EntrySource::text("logins and sessions");
        run.intake.gap(source, Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let unused = unused(run);
    let (joined, heard) = made.sessions();
    let texts = made.doubts(&heard);
    let left = [left_of_sessions(&joined), left_of_records(&heard.records), texts.clone()].concat();
    let rows = joined.sessions.iter().map(|session| session.row());
    view(run, &made, ("sessions.jsonl", "Sessions, one row for each login"), rows, &unused, &left)?;
    drop(joined);
    let passwd = peek(run, "/etc/passwd", PASSWD).unwrap_or_default();
    let counted = made.counts(&passwd);
    let is_any = !counted.total.is_empty();
    let rows = counted.rows(false).filter(|_| is_any);
    let left = [left_of_counts(&counted), texts].concat();
    view(run, &made, ("logins.jsonl", "Tries to log in, by account and by source"), rows, &unused, &left)
}

fn peek(run: &Run<'_, '_>, path: &str, limit: u64) -> Option<Vec<u8>> {
    run.host.peek(&HostPath::new(path).ok()?, limit).ok()
}

/// What was sealed and is not in the views, in words.
fn unused(run: &Run<'_, '_>) -> Vec<String> {
    let journals =
        run.intake.sealed_copies().filter(|copy| matches!(copy.observed, Some(Observed::Journal(_))));
    let (journals, databases) = (journals.count() as u64, run.logins.databases);
    let kinds = [(journals, "journal"), (databases, "database of logins")];
    let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
    kinds.map(|(count, what)| counted(count, what)).collect()
}

/// What text logs say, for a view that needs it too.
pub fn texts(run: &Run<'_, '_>, each: &mut dyn FnMut(Said)) {
    let zone = peek(run, "/etc/localtime", ZONE).and_then(|bytes| Zone::parse(&bytes));
    let texts = passed(run, zone.as_ref());
    let made = Made { audit: Logs::default(), texts, evidence: LoginEvidence::default(), zone };
    for text in &made.texts {
        made.said(text, each);
    }
}

/// The text logs that passed, the oldest first, with their years.
fn passed(run: &Run<'_, '_>, zone: Option<&Zone>) -> Vec<Text> {
    let copies = run.intake.sealed_copies().filter(|copy| !copy.taken_again);
    let texts = copies.filter_map(|copy| match &copy.observed {
        Some(Observed::Text(summary)) if summary.holds_records() => {
            let (path, told) = (copy.path().clone(), summary.told.clone());
            let (modified, packed) = (copy.modified, summary.packed);
            Some(Text { entry: copy.entry, path, modified, packed, told, years: Years::default() })
        }
        _ => None,
    });
    let mut texts: Vec<Text> = texts.collect();
    texts.sort_by_key(|text| (text.modified, text.entry));
    let surveyed: Vec<Surveyed<'_>> = texts.iter().map(|text| text.surveyed(run.began.utc)).collect();
    let years = years_of(&surveyed, zone.unwrap_or(&Zone::utc()));
    texts.iter_mut().zip(years).for_each(|(text, years)| text.years = years);
    texts
}

impl Text {
    fn surveyed(&self, collected: Timestamp) -> Surveyed<'_> {
        let anchor = Anchor {
            collected: Some(collected),
            modified: Some(self.modified),
            packed: self.packed,
            named: named_at(self.path.name()),
            next: None,
        };
        Surveyed { survey: &self.told.survey, anchor, path: Some(self.path.as_bytes()) }
    }
}

impl Made {
    fn of(run: &mut Run<'_, '_>) -> Made {
        let zone = peek(run, "/etc/localtime", ZONE).and_then(|bytes| Zone::parse(&bytes));
        let texts = passed(run, zone.as_ref());
        let mut evidence = std::mem::take(&mut run.logins);
        evidence.files.sort_by_key(|file| (file.modified, file.entry));
        Made { audit: Logs::of(run), texts, evidence, zone }
    }

    fn is_nothing(&self) -> bool {
        let LoginEvidence { files, living, .. } = &self.evidence;
        let are_none = self.audit.is_empty() && self.texts.is_empty() && living.is_empty();
        are_none && files.iter().all(|file| file.records.lines == 0)
    }

    fn entries(&self) -> Vec<EntryId> {
        let texts = self.texts.iter().map(|text| text.entry);
        let files = self.evidence.files.iter().map(|file| file.entry);
        let all: BTreeSet<EntryId> =
            texts.chain(files).chain(self.evidence.living.iter().map(|(entry, _)| *entry)).collect();
        all.union(self.audit.entries()).copied().collect()
    }

    /// Lines and records for which there was no room.
    fn left(&self) -> u64 {
        let texts: u64 = self.texts.iter().map(|text| text.told.lines.left).sum();
        self.audit.left() + texts + self.evidence.files.iter().map(|file| file.records.left).sum::<u64>()
    }

    /// What is to be told of the lines of texts.
    fn doubts(&self, heard: &Heard) -> Vec<String> {
        let odd: u64 = self.texts.iter().map(|text| text.told.odd).sum();
        let odd = (odd > 0).then(|| format!("text logs: not understood: {}", counted(odd, "line")));
        odd.into_iter().chain(heard.lines.doubt().map(|doubt| format!("text logs: {doubt}"))).collect()
    }

    /// What is said in a text, line by line; what is to be told of those lines.
    fn said(&self, text: &Text, each: &mut dyn FnMut(Said)) -> Notes {
        let mut reader = Reader::new(text.years.clone(), self.zone.clone().unwrap_or_default());
        text.told.lines.replay(&mut |offset, line| {
            reader.line(line, Place { file: text.entry.0, offset }, each);
        });
        reader.end()
    }

    fn sessions(&self) -> (Joined, Heard) {
        let (mut sessions, mut heard) = (Sessions::new(), Heard::default());
        self.audit.replay(&mut Sessions::sieve, &mut |event| sessions.audit(&event));
        for text in &self.texts {
            let notes = self.said(text, &mut |said| sessions.said(Source::Text, &said));
            heard.lines.doubtful_years += notes.doubtful_years;
            heard.lines.ahead_years += notes.ahead_years;
        }
        let mut pairing = Pairing::default();
        let mut each = |login| sessions.record(login);
        for file in self.evidence.files.iter().filter(|file| !file.is_failed) {
            file.each(&mut |record| pairing.record(record, &mut each));
        }
        heard.records = pairing.end(&mut each);
        for (entry, values) in &self.evidence.living {
            sessions.logind(values, Place { file: entry.0, offset: 0 });
        }
        (sessions.finish(), heard)
    }

    fn counts(&self, passwd: &[u8]) -> Counted {
        let known: BTreeSet<Vec<u8>> = accounts::numbers(passwd).into_keys().collect();
        let mut logins = Logins::new(Some(known).filter(|known| !known.is_empty()));
        let mut once = Once::default();
        self.audit.replay(&mut Sessions::sieve, &mut |event| logins.audit(&event));
        for text in &self.texts {
            let (mut attempts, mut tried) = (Attempts::default(), Vec::new());
            self.said(text, &mut |said| {
                logins.said(Source::Text, &said);
                attempts.said(&said, &mut |attempt| tried.push(attempt));
                let new = tried.drain(..).filter(|attempt| once.is_new(attempt));
                new.for_each(|attempt| Attempt::all_of(&attempt).for_each(|one| logins.attempt(&one)));
            });
            attempts.end(&mut |attempt| {
                if once.is_new(&attempt) {
                    Attempt::all_of(&attempt).for_each(|one| logins.attempt(&one));
                }
            });
        }
        for file in self.evidence.files.iter().filter(|file| file.is_failed) {
            file.each(&mut |record| logins.failed_record(&record.user, record.origin(), record.time()));
        }
        logins.finish()
    }
}

fn left_of_sessions(joined: &Joined) -> Vec<String> {
    let untold = &joined.untold;
    let left = untold.text + untold.records + untold.logind + untold.elevations;
    let told = [
        (left, "line or record for which there was no room in the joining"),
        (untold.timeless, "line without a time"),
        (
            untold.unplaced_elevations,
            "act as another user that could be of more than one session, or of none",
        ),
    ];
    told.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} × {words}"))
        .collect()
}

fn left_of_records(found: &Found) -> Vec<String> {
    [paired::copies(found), paired::copies_unknown(found), paired::not_followed(found)]
        .into_iter()
        .flatten()
        .collect()
}

fn left_of_counts(counted: &Counted) -> Vec<String> {
    let notes = counted.notes;
    let told = [
        (notes.shed, "sshd said that it turned connections away unheard: tries are under-counted"),
        (notes.connections_left, "a connection was not counted, for want of room"),
        (notes.ambiguous, "a line can be read in more than one way, and is counted for nobody"),
    ];
    told.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} × {words}"))
        .collect()
}

/// One view as a member, with what it rests on.
fn view<T: Serialize>(
    run: &mut Run<'_, '_>,
    made: &Made,
    (name, title): (&str, &str),
    rows: impl Iterator<Item = T>,
    unused: &[String],
    notes: &[String],
) -> Result<(), Halt> {
    let source = EntrySource::text("sealed audit logs, text logs, login records and logind's sessions");
    let mut draft = Draft::new(Kind::Derived, source, run.intake.now());
    draft.title = Some(title.into());
    draft.derived_from = made.entries();
    run.intake.begin_member(Member::of_view(name), draft)?;
    let (mut piece, mut bytes, mut count, mut cut) = (Vec::new(), 0, 0_u64, 0_u64);
    for row in rows {
        let before = piece.len();
        json::row(&mut piece, &row)?;
        let length = piece.len() - before;
        if cut > 0 || bytes + length > LIMIT {
            piece.truncate(before);
            cut += 1;
            continue;
        }
        (bytes, count) = (bytes + length, count + 1);
        if piece.len() >= PIECE {
            run.intake.write(std::mem::take(&mut piece))?;
        }
    }
    run.intake.write(piece)?;
    let (outcome, reason) = made.ending(count, cut, unused, notes);
    run.intake.end_member(|draft| *draft = draft.clone().ended(outcome, reason))?;
    Ok(())
}

impl Made {
    /// How a view ended of which so many rows are there, and so many had no room.
    fn ending(&self, rows: u64, cut: u64, unused: &[String], notes: &[String]) -> (Outcome, Reason) {
        let read = [
            (self.audit.entries().len() as u64, "audit log"),
            (self.texts.len() as u64, "text log"),
            (self.evidence.files.len() as u64, "file of login records"),
            (self.evidence.living.len() as u64, "session of logind's"),
        ];
        let read: Vec<String> = read.into_iter().map(|(number, what)| many(number, what)).collect();
        let mut words = format!("made of {}", read.join(", "));
        if !unused.is_empty() {
            words += &format!(
                "; sealed and not used for it: {}; 'phi-ir logins' of the bundle joins all of them",
                unused.join(", ")
            );
        }
        if self.zone.is_none() {
            words += "; times without a zone are taken as of UTC";
        }
        notes.iter().for_each(|note| words += &format!("; {note}"));
        let left = self.left();
        if left + cut > 0 {
            words += &format!(
                "; left out for want of room: {left} of the oldest lines and records, {cut} of the last rows; make it again \
                 with 'phi-ir logins'"
            );
            return (Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words));
        }
        if rows > 0 {
            return (Outcome::Collected, Reason::new(ReasonCode::Remarkable, words));
        }
        words += "; none of them tells of any";
        match self.texts.is_empty() && self.audit.is_empty() || !unused.is_empty() {
            true => (Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words)),
            false => (Outcome::Empty, Reason::new(ReasonCode::NotFound, words)),
        }
    }
}

/// `1 text log`, `2 text logs`, `2 files of login records`.
fn many(number: u64, what: &str) -> String {
    match what.split_once(' ').filter(|_| number != 1) {
        Some((first @ ("file" | "session"), rest)) => format!("{number} {first}s {rest}"),
        _ => counted(number, what),
    }
}
