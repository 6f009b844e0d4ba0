//! wtmpdb and lastlog2: SQLite databases, with the log that may hold the newest rows.

use std::borrow::Cow;

use super::again::whole;
use super::sources::Found;
use super::table::{Table, time, time_of_micros};
use crate::collector::run::Run;
use crate::custody::rows::logins::{LoginRow, LoginSourceRow};
use crate::intake::Halt;
use crate::records::sqlite::{self, Database, Row, Tally, Unread, Value};

/// Bytes of a database and its log at most: random access wants them in memory.
const LIMIT: u64 = 24 << 20;

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Wtmpdb,
    Lastlog2,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Sort::Wtmpdb => "wtmpdb",
            Sort::Lastlog2 => "lastlog2",
        }
    }
}

/// A database with what lies beside it.
pub fn read(
    run: &mut Run<'_, '_>,
    table: &mut Table,
    found: &Found,
    wal: Option<&Found>,
    journal: Option<&Found>,
) -> Result<(), Halt> {
    let Some(main) = whole(run, table, found, LIMIT)? else { return Ok(()) };
    let wal_bytes = match wal {
        Some(wal) => whole(run, table, wal, LIMIT.saturating_sub(found.copy.size))?,
        None => None,
    };
    let journal_bytes = match journal {
        Some(journal) => whole(run, table, journal, LIMIT)?,
        None => None,
    };
    let opened = Database::open(&main, wal_bytes.as_deref()).and_then(|database| {
        let wtmp = database.table("wtmp").map(|rows| (Sort::Wtmpdb, rows));
        let either = match wtmp {
            Err(Unread::NoTable(_)) => database.table("Lastlog2").map(|rows| (Sort::Lastlog2, rows)),
            other => other,
        };
        either.map(|(sort, rows)| (database, sort, rows))
    });
    let (database, sort, rows) = match opened {
        Ok(opened) => opened,
        Err(Unread::NoTable(_)) => {
            table.refuse(found, "it has neither a table wtmp nor a table Lastlog2".into());
            return Ok(());
        }
        Err(error) => {
            table.refuse(found, error.to_string());
            return Ok(());
        }
    };
    let mut about = LoginSourceRow { read: true, format: Some(sort.word().into()), ..Table::about(found) };
    Reader { found, table, about: &mut about, database: &database, sort, rows: &rows, last_id: None }.all();
    if let Some(log) = database.wal() {
        about.wal_committed = Some(log.committed);
        about.wal_stale = Some(log.stale);
        about.wal_uncommitted = Some(log.uncommitted);
    }
    if journal_bytes.as_deref().is_some_and(sqlite::is_hot_journal) {
        about.findings.insert("hot_journal".into(), 1);
        about.reason = Some(
            "a rollback journal lies beside it: a transaction may have been written in part; the rows are those of \
             the main file as it is"
                .into(),
        );
    }
    for (name, count) in [("bad_pages", about.bad_pages), ("bad_rows", about.bad_rows)] {
        if let Some(count @ 1..) = count {
            about.findings.insert(name.into(), count);
        }
    }
    if let (Some(wal), Some(_)) = (wal, database.wal()) {
        table.add_source(
            wal,
            LoginSourceRow { read: true, format: Some("sqlite-wal".into()), ..Table::about(wal) },
        );
    }
    table.add_source(found, about);
    table.flush(run)
}

struct Reader<'r, 'd> {
    found: &'r Found,
    table: &'r mut Table,
    about: &'r mut LoginSourceRow,
    database: &'r Database<'d>,
    sort: Sort,
    rows: &'r sqlite::Table,
    last_id: Option<i64>,
}

impl Reader<'_, '_> {
    fn all(&mut self) {
        let (database, root) = (self.database, self.rows.root);
        let main = database.without_wal();
        // A log can have moved the table itself.
        let old_root = main.as_ref().and_then(|main| {
            let name = if self.sort == Sort::Wtmpdb { "wtmp" } else { "Lastlog2" };
            main.table(name).ok().map(|table| table.root)
        });
        let mut tally = Tally::default();
        database.rows(root, &mut tally, &mut |row| {
            let in_main = match (&main, old_root) {
                (Some(main), Some(old_root)) if row.logged => main.has(old_root, row.id, row.payload),
                _ if row.logged => None,
                _ => Some(true),
            };
            self.count_gap(row.id);
            let mut made = self.row(row);
            made.wal = in_main != Some(true);
            if in_main == Some(false) {
                made.flags.push("changed_in_wal");
            }
            self.push(&made);
        });
        self.about.records = Some(tally.rows);
        self.about.bad_pages = Some(tally.bad_pages);
        self.about.bad_rows = Some(tally.bad_rows);
        if let (Some(main), Some(old_root)) = (main, old_root) {
            main.rows(old_root, &mut Tally::default(), &mut |row| {
                if database.has(root, row.id, row.payload).is_none() {
                    let mut made = self.row(row);
                    made.flags.push("deleted_in_wal");
                    self.push(&made);
                }
            });
        }
    }

    /// Ids are given one after another; what is missing between them was deleted.
    fn count_gap(&mut self, id: i64) {
        let missing = self.last_id.map_or(0, |last| id.saturating_sub(last).saturating_sub(1));
        if let Ok(missing @ 1..) = u64::try_from(missing)
            && self.sort == Sort::Wtmpdb
        {
            *self.about.findings.entry("missing_ids".into()).or_default() += missing;
        }
        self.last_id = Some(id);
    }

    fn push(&mut self, row: &LoginRow) {
        // What a log changed is its ordinary work, as when a session ends.
        for flag in row.flags.iter().filter(|flag| **flag != "changed_in_wal") {
            *self.about.findings.entry((*flag).to_owned()).or_default() += 1;
        }
        if let Some(time) = row.time.filter(|time| time.unix() > 0) {
            self.about.first = Some(self.about.first.map_or(time, |first| first.min(time)));
            self.about.last = self.about.last.max(Some(time));
        }
        self.table.push(row);
    }

    fn row(&self, row: &Row<'_>) -> LoginRow {
        let get = |name| self.rows.get(row.id, &row.values, name);
        let text = |name| match get(name) {
            Value::Text(bytes) => self.database.text(bytes),
            Value::Blob(bytes) => Cow::Borrowed(bytes),
            Value::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
            Value::Null | Value::Real(_) => Cow::Borrowed(&[][..]),
        };
        let number = |name| get(name).integer();
        let entry = self.found.copy.entry;
        let made = LoginRow::of(&self.found.path, entry, self.sort.word(), "unknown")
            .host(&text("RemoteHost"))
            .line(&text("TTY"))
            .service(&text("Service"));
        let made = LoginRow { rowid: Some(row.id), ..made };
        let mut made = match self.sort {
            Sort::Wtmpdb => {
                let (login, logout) = (number("Login"), number("Logout"));
                LoginRow {
                    kind: wtmpdb_kind(number("Type")),
                    kind_number: number("Type"),
                    pid: number("PID"),
                    seconds: login.map(|login| login.div_euclid(1_000_000)),
                    micros: login.map(|login| login.rem_euclid(1_000_000)),
                    time: login.and_then(time_of_micros),
                    logout: logout.and_then(time_of_micros),
                    logout_micros: logout,
                    ..made.user(&text("User"))
                }
            }
            Sort::Lastlog2 => LoginRow {
                kind: "last_login",
                seconds: number("Time"),
                time: number("Time").and_then(|seconds| time(seconds, 0)),
                ..made.user(&text("Name"))
            },
        };
        if made.seconds.is_some_and(|seconds| seconds > self.table.now()) {
            made.flags.push("beyond_now");
        }
        made
    }
}

/// The types of wtmpdb (wtmpdb.h).
fn wtmpdb_kind(kind: Option<i64>) -> &'static str {
    match kind {
        Some(0) => "empty",
        Some(1) => "boot",
        Some(2) => "runlevel",
        Some(3) => "user",
        _ => "unknown",
    }
}
