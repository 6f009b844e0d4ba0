//! Login records, read from what was just sealed: utmp, wtmp and btmp, lastlog, faillock, and the databases that follow
//! them. One table of all records as they stand there, and one of the files; sessions are made of them later.

mod again;
mod database;
mod files;
mod indexed;
mod sources;
mod table;
mod unread;

use crate::collector::run::Run;
use crate::intake::Halt;
use sources::{Found, What};
use table::Table;

/// Reads every file with login records that was sealed.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let mut table = Table::new(run.intake.now());
    // Its own capture has to be closed before the table is begun: one member at a time.
    indexed::long_ones(run, &mut table)?;
    let found = sources::found(run);
    run.intake.forget_kept();
    for source in &found {
        match &source.what {
            What::Utmp(sort) => files::utmp(run, &mut table, source, *sort)?,
            What::Indexed(sort) => indexed::copied(run, &mut table, source, *sort)?,
            What::Faillock => files::faillock(run, &mut table, source)?,
            What::Database => {
                let beside = |end: &[u8]| found.iter().find(|other| other.is_beside(source, end));
                database::read(run, &mut table, source, beside(b"-wal"), beside(b"-journal"))?;
                let is_of_logins = source.path.name().starts_with(b"wtmp");
                run.logins.unread_databases += u64::from(is_of_logins && !table.keeps_rows_of(source));
            }
            What::Companion if is_orphan(&found, source) => database::read_orphan(run, &mut table, source)?,
            What::Companion => {}
            What::Compressed => {
                run.logins.compressed += 1;
                table.refuse(
                    source,
                    "it is compressed; unpack the sealed file and read it with last -f".into(),
                );
            }
            What::Unknown => table.refuse(source, "it is of no form that login records have".into()),
        }
    }
    unread::tell(run, &mut table);
    table.finish(run)
}

/// Whether a write-ahead log is here, and its database is not. What SQLite keeps in shared memory holds no rows.
fn is_orphan(found: &[Found], log: &Found) -> bool {
    log.path.name().ends_with(b"-wal")
        && !found.iter().any(|other| matches!(other.what, What::Database) && log.is_beside(other, b"-wal"))
}
