//! Accesses to PHI, who made them, which files they met, and what all of that rests on: out of lines of audit logs that
//! were kept while the logs passed into the seal, put together again from the oldest log on. No log is read twice. The verb
//! `access` of the sealed bundle reads whole logs, and knows more: what a listing of the folders says of moved files.

mod beside;
pub mod made;
mod others;

use std::collections::BTreeSet;

use serde::Serialize;

use super::logins::{Heard, Spoken};
use crate::collector::request::{PhiRoot, Request};
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source as EntrySource};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::access::AccessRow;
use crate::custody::rows::audit_coverage::Lapse;
use crate::intake::Halt;
use crate::records::audit_event::Event;
use crate::records::kept_events::Wants;
use crate::view::access::{Access, Question};
use crate::view::audit_coverage::PlaceCoverage;
use crate::view::coverage::{Coverage, Root, doubts, lines};
use crate::view::login_sessions::{Joined, Sessions, Source};
use made::Logs;

/// Bytes of a view at most.
const LIMIT: usize = 16 << 20;

/// What tells of a line of an audit log whether its event is wanted here: accesses to PHI, logins, and what bears on how far
/// the log can be believed.
pub fn wants(request: &Request) -> Wants {
    let mut of_phi = Access::new(question(request), &[]).sieve();
    Box::new(move |kind, line| {
        of_phi(kind, line) || Sessions::sieve(kind, line) || Coverage::wants(kind, line)
    })
}

fn question(request: &Request) -> Question {
    let roots = request.phi_places().iter().map(|root| root.as_bytes().to_vec()).collect();
    Question::of(roots, request.phi_keys.clone())
}

/// Seals the views.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let source = || EntrySource::text("sealed audit logs");
    let question = question(run.request);
    if question.roots.is_empty() && question.keys.is_empty() {
        let words = "no folder is known to hold PHI, so that there is none whose accesses could be told";
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NoPhiRoot, words))?;
        return Ok(());
    }
    let logs = Logs::of(run);
    if logs.is_empty() {
        let words = "no audit log with a byte in it was sealed, and no journal with an audit record: who touched PHI is not known from \
            one";
        run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NotFound, words))?;
        return Ok(());
    }
    let (joined, coverage) = told(run, &logs, &question);
    let (statement, window) = (coverage.finish(), logs.window(run));
    let question = Question { own: logs.own(run), doubts: doubts(&statement), ..question };
    let mut pages = [Page::default(), Page::default(), Page::default()];
    let counted = {
        let [rows, ..] = &mut pages;
        let mut access = Access::new(question, &joined.sessions);
        let mut each = |row: AccessRow| rows.row(&row);
        logs.replay(&mut access.sieve(), &mut |event: Event| access.take(&event, &mut each));
        access.finish(&mut each)
    };
    let found = counted.totals.classified;
    let words = logs.told().into_iter().chain(lines(&statement, found)).collect::<Vec<_>>().join("; ");
    {
        let [_, actors, files] = &mut pages;
        counted.actors.iter().for_each(|row| actors.row(row));
        counted.files().for_each(|row| files.row(&row));
    }
    let places = run.coverage.as_deref().unwrap_or_default();
    let open = uncovered(places.iter().map(|place| place.row.codes.as_slice()), &statement.gaps);
    let mut covered = Page::default();
    covered.row(&statement);
    let mut rests_on = logs.entries().clone();
    others::statements(run, window, &mut rests_on).iter().for_each(|statement| covered.row(statement));
    let named = [
        ("access.jsonl", "Accesses to PHI: who, from where, what was done to which file"),
        ("access-by-actor.jsonl", "Accesses to PHI, counted for each who made them"),
        ("access-by-file.jsonl", "Accesses to PHI, counted for each file"),
    ];
    for (page, (name, title)) in pages.into_iter().zip(named) {
        let (outcome, code) = match (logs.left() + page.cut, page.count, open) {
            (1.., ..) => (Outcome::Truncated, ReasonCode::SizeLimit),
            (0, 1.., _) => (Outcome::Collected, ReasonCode::Remarkable),
            (0, 0, None) => (Outcome::Empty, ReasonCode::NoMatch),
            (0, 0, Some(code)) => (Outcome::Inconclusive, code),
        };
        let words = format!("{}{words}", page.shortfall(logs.left()));
        seal(run, (name, title), page, logs.entries(), (outcome, Reason::new(code, words)))?;
    }
    let ending = (Outcome::Collected, Reason::new(ReasonCode::Remarkable, words));
    seal(run, ("coverage.jsonl", "What the answer of accesses rests on"), covered, &rests_on, ending)
}

/// Why an access could have left no trace; none where it is shown of every PHI folder that it would have. The folders are
/// judged for the window that was asked about, and the logs for all of their time, of which the rows are.
fn uncovered<'c>(places: impl Iterator<Item = &'c [ReasonCode]>, gaps: &[Lapse]) -> Option<ReasonCode> {
    let mut places = places.peekable();
    let unknown = places.peek().is_none().then_some(ReasonCode::CoverageUnknown);
    let of_places = unknown.or_else(|| places.find_map(|codes| codes.first().copied()));
    of_places.or_else(|| gaps.first().map(|gap| gap.code))
}

/// The PHI folders as they are called and where they really lie, and which of them are files, as far as that was seen.
fn roots(run: &Run<'_, '_>) -> Vec<Root> {
    let places = run.coverage.as_deref().unwrap_or_default();
    let is_file = |root: &PhiRoot| {
        let of_it = |place: &&PlaceCoverage| place.place == root.real;
        places.iter().find(of_it).is_some_and(|place| !place.is_folder)
    };
    let root = |root: &PhiRoot| Root {
        names: vec![root.path.clone(), root.real.clone()],
        is_folder: is_file(root).then_some(false),
    };
    run.request.phi_roots.iter().map(root).collect()
}

/// Sessions, and what the logs cover.
fn told(run: &Run<'_, '_>, logs: &Logs, question: &Question) -> (Joined, Coverage) {
    let mut coverage = Coverage::new(logs.window(run), question.keys.clone());
    coverage.kernel(run.kernel.clone());
    coverage.roots(roots(run));
    coverage.taken(run.began.utc);
    logs.files().for_each(|file| coverage.file(file));
    logs.beside().for_each(|line| coverage.beside(line));
    (0..logs.unread()).for_each(|_| coverage.unread());
    let mut sessions = Sessions::new();
    let mut wants = |kind: &[u8], line: &[u8]| Sessions::sieve(kind, line) || Coverage::wants(kind, line);
    logs.replay(&mut wants, &mut |event: Event| {
        sessions.audit(&event);
        coverage.event(&event);
    });
    Spoken::of(run).hear(&mut |heard| {
        if let Heard::Said(source, said) = heard {
            sessions.said(source, said);
            coverage.said(source == Source::Journal, said);
        }
    });
    (sessions.finish(), coverage)
}

/// Rows of a view, until they are sealed.
#[derive(Default)]
struct Page {
    bytes: Vec<u8>,
    count: u64,
    /// Rows for which there was no room.
    cut: u64,
}

impl Page {
    fn row<T: Serialize>(&mut self, row: &T) {
        let before = self.bytes.len();
        let written = json::row(&mut self.bytes, row).is_ok();
        if written && self.cut == 0 && self.bytes.len() <= LIMIT {
            self.count += 1;
        } else {
            self.bytes.truncate(before);
            self.cut += 1;
        }
    }

    fn shortfall(&self, left: u64) -> String {
        if left + self.cut == 0 {
            return String::new();
        }
        format!(
            "not all of it, for want of room: {left} of the oldest lines and {} of the last rows were left out; 'phi-ir access' of \
             the bundle tells all; ",
            self.cut
        )
    }
}

fn seal(
    run: &mut Run<'_, '_>,
    (name, title): (&str, &str),
    page: Page,
    entries: &BTreeSet<EntryId>,
    (outcome, reason): (Outcome, Reason),
) -> Result<(), Halt> {
    let mut draft = Draft::new(
        Kind::Derived,
        EntrySource::text("sealed audit logs, text logs and journals"),
        run.intake.now(),
    );
    draft.title = Some(title.into());
    draft.derived_from = entries.iter().copied().collect();
    run.intake.capture(Member::of_view(name), draft.ended(outcome, reason), page.bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn nothing_found_is_not_shown_to_be_nothing_where_a_folder_or_the_logs_have_a_gap() {
        let time = Timestamp::from_unix(1, 0);
        let lapse = Lapse { code: ReasonCode::AuditOff, from: time, to: time, words: String::new() };
        let told = |places: &[&[ReasonCode]], gaps: &[Lapse]| uncovered(places.iter().copied(), gaps);
        assert_eq!(told(&[&[], &[]], &[]), None);
        assert_eq!(told(&[], &[]), Some(ReasonCode::CoverageUnknown));
        let late = &[ReasonCode::RuleLate, ReasonCode::RecordsLost][..];
        assert_eq!(told(&[&[], late], &[]), Some(ReasonCode::RuleLate));
        assert_eq!(told(&[&[]], std::slice::from_ref(&lapse)), Some(ReasonCode::AuditOff));
    }
}
