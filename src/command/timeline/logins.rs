//! Login records as they lie: of an image and of plain files, and of a bundle those that its table has not, which are the
//! compressed ones.

use std::time::Duration;

use super::coverage::{Coverage, Read};
use super::pile::Pile;
use super::tabled::Tabled;
use crate::command::evidence::{Evidence, Log, What};
use crate::command::recorded::{head, passed, records};
use crate::records::unpack::Compression;
use crate::records::utmp::{Item, Sort};
use crate::term::Failure;
use crate::view::events::{At, login_records};

/// Clocks differ between a file's writer and its reader, at most by this.
const DAY: Duration = Duration::from_secs(86_400);

/// Reads them; of those that the table has it is told from when to when they speak.
pub fn read(
    evidence: &Evidence,
    tabled: Option<&Tabled>,
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    for (what, sort) in [(What::Utmp, Sort::Utmp), (What::Wtmp, Sort::Wtmp), (What::Btmp, Sort::Btmp)] {
        for log in evidence.logs(what) {
            if pile.is_lost() {
                return Ok(());
            }
            let is_packed = is_compressed(evidence, log)?;
            coverage.read.push(match tabled.filter(|_| !is_packed) {
                Some(tabled) => tabled.read(log),
                None => one(evidence, log, sort, pile)?,
            });
        }
    }
    databases(evidence, tabled, coverage);
    Ok(())
}

/// Databases of logins: what SQLite keeps beside one has no rows of its own, and is no log.
fn databases(evidence: &Evidence, tabled: Option<&Tabled>, coverage: &mut Coverage) {
    for log in evidence.logs(What::Wtmpdb) {
        match tabled {
            Some(tabled) if tabled.has(log) => coverage.read.push(tabled.read(log)),
            Some(_) => {}
            None => {
                coverage.notes.push(format!("{}: databases of logins are read from a bundle alone", log.name))
            }
        }
    }
}

fn is_compressed(evidence: &Evidence, log: &Log) -> Result<bool, Failure> {
    Ok(Compression::of(&head(evidence, log)?) != Compression::None)
}

/// The records of one file.
fn one(evidence: &Evidence, log: &Log, sort: Sort, pile: &mut Pile) -> Result<Read, Failure> {
    let latest = [evidence.collected, log.modified].into_iter().flatten().max();
    let latest = latest.map_or(i64::MAX, |latest| latest.plus(DAY).unix());
    let mut untimed = 0;
    let (findings, broken) = records(evidence, log, sort, latest, &mut |item| match item {
        Item::Zeros { count, .. } => untimed += count,
        Item::Record { offset, record, .. } => {
            match login_records::fact(record, sort, &log.name, At { entry: log.entry, offset: *offset }) {
                Some(fact) => pile.fact(fact),
                None => untimed += 1,
            }
        }
    })?;
    let told = findings.as_ref().map(passed).unwrap_or_default();
    let (records, odd, span) = (told.records, told.odd, told.span);
    Ok(Read { records, odd, untimed, span, broken, ..Read::of(log, "record") })
}
