//! Where facts come from, each thing from one source: tables that were made of logs are left where the logs themselves are
//! read, and login records are read from their table, which has more of their files, where there is one.

use super::coverage::{Coverage, Read};
use super::pile::Pile;
use super::tabled::Tabled;
use super::{logins, texts};
use crate::command::evidence::{Evidence, Log, What};
use crate::command::recorded::{entries, unless_forged};
use crate::custody::entry::{Entry, EntryId};
use crate::custody::outcome::Outcome;
use crate::records::audit_event::{Event, Reading};
use crate::records::lines::{Line, Lines};
use crate::term::{Failure, counted};
use crate::view::events::doings::Doings;
use crate::view::events::files::LONGEST_ROW;
use crate::view::events::tables::{Reader, reader};
use crate::view::events::{At, Tally, entries as of_entry, journal as told};

/// The source of the facts of what happened to auditing, which is worked out from audit logs.
const HISTORY: &str = "audit_history";
/// That of login records.
const LOGINS: &str = "login_records";

/// Reads all of it; or, for a body file, what speaks of files.
pub fn read(
    evidence: &Evidence,
    files: bool,
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    let last = LOGS_WITH_NUMBERS.iter().flat_map(|what| evidence.logs(*what)).map(|log| log.number).max();
    // In a bundle the number of a log is that of its entry; elsewhere there are no entries.
    let ids: Vec<EntryId> = match evidence.bundle {
        Some(_) => (0..=last.unwrap_or(0)).map(EntryId).collect(),
        None => Vec::new(),
    };
    steps(evidence, files, pile, coverage)?;
    let tabled = rows(evidence, files, pile, coverage)?;
    if files {
        return Ok(());
    }
    audit(evidence, &ids, pile, coverage)?;
    texts::read(evidence, &ids, pile, coverage)?;
    journals(evidence, &ids, pile, coverage)?;
    logins::read(evidence, tabled.as_ref(), pile, coverage)
}

const LOGS_WITH_NUMBERS: [What; 3] = [What::Audit, What::Auth, What::Journal];

/// What the entries themselves date.
fn steps(evidence: &Evidence, files: bool, pile: &mut Pile, coverage: &mut Coverage) -> Result<(), Failure> {
    let pid = evidence.own.as_ref().map(|own| own.pid);
    let mut broken = 0;
    evidence.entries(&mut |entry| {
        let is_well = matches!(entry.outcome, Outcome::Collected | Outcome::Empty | Outcome::Missing);
        broken += u64::from(!is_well);
        if !is_well && is_of_logins(entry) {
            let why = entry.reason.as_deref().unwrap_or("its entry says no more").trim_end_matches('.');
            coverage.notes.push(format!(
                "the table of login records is not whole: {why}; what it lacks is sealed as it lay, and 'phi-ir logins' reads it"
            ));
        }
        match files {
            true => of_entry::file(entry).iter().for_each(|file| pile.file(file)),
            false => of_entry::facts(entry, pid).into_iter().for_each(|fact| pile.fact(fact)),
        }
    })?;
    if broken > 0 {
        let words =
            "of the bundle not obtained, or not all of it: each is a 'collector.step' with its reason";
        coverage.remarks.push(format!("{} {words}", counted(broken, "thing")));
    }
    if let Some((began, ended)) = evidence.run.filter(|_| !files) {
        of_entry::run(began, ended).into_iter().for_each(|fact| pile.fact(fact));
    }
    Ok(())
}

/// Whether an entry is the table of login records.
fn is_of_logins(entry: &Entry) -> bool {
    let table = entry.member.as_ref().and_then(|member| reader(member.as_str(), entry.kind));
    table.is_some_and(|table| table.source() == LOGINS)
}

fn tables(evidence: &Evidence) -> impl Iterator<Item = (&Log, Reader)> {
    let logs = [What::Walk, What::Table].into_iter().flat_map(|what| evidence.logs(what));
    logs.filter_map(|log| Some((log, log.table?)))
}

/// Rows of sealed tables; what that of login records has of which file comes back, if there is one and it was asked for.
fn rows(
    evidence: &Evidence,
    files: bool,
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<Option<Tabled>, Failure> {
    let has_audit_log = evidence.logs(What::Audit).next().is_some();
    let repeats = |table: Reader| table.source() == HISTORY && has_audit_log;
    let is_asked = |table: Reader| if files { table.has_files() } else { !repeats(table) };
    let mut tabled = None;
    for (log, table) in tables(evidence).filter(|(_, table)| is_asked(*table)) {
        if pile.is_lost() {
            break;
        }
        let mut tally = Tally::default();
        let mut of_logins = (table.source() == LOGINS).then(Tabled::default);
        let mut row = |pile: &mut Pile, bytes: &[u8], offset| match files {
            true => {
                let file = table.file(bytes);
                tally.count(usize::from(file.is_some()));
                file.iter().for_each(|file| pile.file(file));
            }
            false => {
                of_logins.iter_mut().for_each(|tabled| tabled.row(bytes));
                let facts = table.facts(bytes, At { entry: log.entry, offset }, &mut tally);
                facts.into_iter().for_each(|fact| pile.fact(fact));
            }
        };
        let (mut lines, mut document) = (Lines::default(), Vec::new());
        let read = evidence.read(log, &mut |bytes| match table.is_document() {
            true if document.len() <= LONGEST_ROW => document.extend_from_slice(bytes),
            true => {}
            false => lines.piece(bytes, &mut |line| {
                if let Line::Kept { bytes, offset } = line {
                    row(pile, bytes, offset);
                }
            }),
        });
        let counts = lines.end(&mut |line| {
            if let Line::Kept { bytes, offset } = line {
                row(pile, bytes, offset);
            }
        });
        if table.is_document() {
            row(pile, &document, 0);
        }
        tabled = tabled.or(of_logins);
        coverage.read.push(Read {
            records: tally.facts,
            odd: tally.unread + counts.oversize,
            untimed: tally.untimed,
            broken: unless_forged(read)?,
            ..Read::of(log, if files { "file" } else { "dated fact" })
        });
    }
    Ok(tabled)
}

/// Events of audit logs.
fn audit(
    evidence: &Evidence,
    ids: &[EntryId],
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    let mut reading = Reading::new(|_: &[u8], _: &[u8]| true);
    let mut doings = Doings::default();
    let mut take = |pile: &mut Pile, event: Event| pile.fact(doings.fact(&event, ids));
    for log in evidence.logs(What::Audit) {
        if pile.is_lost() {
            return Ok(());
        }
        reading.begin(log.number);
        let read = evidence.read(log, &mut |bytes| reading.piece(bytes, &mut |event| take(pile, event)));
        let told = reading.end_file(&mut |event| take(pile, event));
        let unread = told.unread.as_ref().map(ToString::to_string);
        coverage.read.push(Read {
            records: told.records,
            odd: told.unparsed + told.oversize,
            span: told.first.zip(told.last),
            broken: unless_forged(read)?.or(unread),
            ..Read::of(log, "record")
        });
    }
    let counts = reading.finish(&mut |event| take(pile, event));
    for (count, what, words) in [
        (counts.conflicts, "event", "of which two logs say different things; both are told"),
        (counts.forgotten, "event", "no longer remembered, so that copies of them would be told twice"),
        (counts.nodes_left, "machine", "whose boots were not told apart"),
    ] {
        if count > 0 {
            coverage.remarks.push(format!("{} {words}", counted(count, what)));
        }
    }
    if counts.cut_off > 0 {
        let words = "given up before all of their records were there, for want of room";
        coverage.notes.push(format!("{} {words}", counted(counts.cut_off, "event")));
    }
    Ok(())
}

/// Entries of journals.
fn journals(
    evidence: &Evidence,
    ids: &[EntryId],
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    for log in evidence.logs(What::Journal) {
        if pile.is_lost() {
            return Ok(());
        }
        let mut untimed = 0;
        let (passed, broken) =
            entries(evidence, log, &mut |entry| match told::fact(&entry, log.number, ids) {
                Some(fact) => pile.fact(fact),
                None => untimed += 1,
            })?;
        let (records, span) = (passed.records, passed.span);
        coverage.read.push(Read { records, untimed, span, broken, ..Read::of(log, "entry") });
    }
    Ok(())
}
