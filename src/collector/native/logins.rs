//! Sessions, and tries to log in, out of what passed on its way into the seal: events of audit logs, lines of text logs and
//! entries of journals that speak of logins, records of utmp and its like, and logind's files. No log is read again for it.

mod made;
mod spoken;
mod told;

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source as EntrySource};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::intake::Halt;
use crate::path::HostPath;
use made::Made;
pub use spoken::{Heard, Spoken};

/// Bytes of a view at most.
const LIMIT: usize = 16 << 20;
/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;
/// Bytes of /etc/passwd.
const PASSWD: u64 = 16 << 20;

/// Seals both views.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let made = Made::of(run);
    if made.is_nothing() {
        let words = "no audit log, text log, journal, login record or session of logind's was sealed of which a view could be made: \
            that none is here does not say that nobody logged in";
        let source = EntrySource::text("logins and sessions");
        run.intake.gap(source, Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let told = made.sessions();
    let doubts = made.doubts(&told.lines);
    let notes = [told::of_sessions(&told.joined), told::of_records(&told.records), doubts.clone()].concat();
    let rows = told.joined.sessions.iter().map(|session| session.row());
    view(run, &made, ("sessions.jsonl", "Sessions, one row for each login"), rows, &notes)?;
    drop(told);
    let differences = told::of_differences(made.differences().as_ref());
    let passwd = peek(run, "/etc/passwd", PASSWD).unwrap_or_default();
    let tallied = made.counts(&passwd);
    let is_any = !tallied.counted.total.is_empty();
    let rows = tallied.counted.rows(false).filter(|_| is_any);
    let notes = [told::of_counts(&tallied), differences, doubts].concat();
    view(run, &made, ("logins.jsonl", "Tries to log in, by account and by source"), rows, &notes)
}

fn peek(run: &Run<'_, '_>, path: &str, limit: u64) -> Option<Vec<u8>> {
    run.host.peek(&HostPath::new(path).ok()?, limit).ok()
}

/// One view as a member, with what it rests on.
fn view<T: Serialize>(
    run: &mut Run<'_, '_>,
    made: &Made,
    (name, title): (&str, &str),
    rows: impl Iterator<Item = T>,
    notes: &[String],
) -> Result<(), Halt> {
    let source =
        EntrySource::text("sealed audit logs, text logs, journals, login records and logind's sessions");
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
    let (outcome, reason) = made.ending(count, cut, notes);
    run.intake.end_member(|draft| *draft = draft.clone().ended(outcome, reason))?;
    Ok(())
}

impl Made {
    /// How a view ended of which so many rows are there, and so many had no room.
    fn ending(&self, rows: u64, cut: u64, notes: &[String]) -> (Outcome, Reason) {
        let unused = self.unused();
        let mut words = format!("made of {}", self.read().join(", "));
        if !unused.is_empty() {
            words += &format!(
                "; sealed and not used for it: {}; 'phi-ir logins' of the bundle reads what can be read of them",
                unused.join(", ")
            );
        }
        if !self.spoken.knows_zone() {
            words += "; times without a zone are taken as of UTC";
        }
        self.audit.told().iter().chain(notes).for_each(|note| words += &format!("; {note}"));
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
        let is_read =
            unused.is_empty() && self.spoken.unread_journals().is_none() && self.partial_databases() == 0;
        match is_read && !(self.spoken.is_nothing() && self.audit.is_empty()) {
            true => (Outcome::Empty, Reason::new(ReasonCode::NotFound, words)),
            false => (Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words)),
        }
    }

    /// What the views are made of, in words.
    fn read(&self) -> Vec<String> {
        let (texts, journals) = self.spoken.count();
        let read = [
            (
                self.audit.count(),
                if self.audit.by_journal { "journal of audit records" } else { "audit log" },
            ),
            (texts, "text log"),
            (journals, "journal"),
            (self.evidence.files.len() as u64, "file of login records"),
            (self.evidence.databases.len() as u64, "database of logins"),
            (self.evidence.living.len() as u64, "session of logind's"),
        ];
        // A machine without a database of logins is the usual one.
        let is_told = |(count, what): &(u64, &str)| *count > 0 || !what.starts_with("database");
        read.into_iter().filter(is_told).map(|(number, what)| many(number, what)).collect()
    }

    /// What was sealed and is not in the views, in words.
    fn unused(&self) -> Vec<String> {
        let kinds = [
            (self.evidence.unread_databases, "database of logins"),
            (self.evidence.compressed, "compressed file of login records"),
        ];
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
        kinds.map(|(count, what)| many(count, what)).collect()
    }
}

/// `1 text log`, `2 text logs`, `2 files of login records`.
fn many(number: u64, what: &str) -> String {
    match what.split_once(" of ").filter(|_| number != 1) {
        Some((first, rest)) => format!("{} of {rest}", counted(number, first)),
        None => counted(number, what),
    }
}
