//! wtmpdb and lastlog2: SQLite databases, with the log that may hold the newest rows.

use std::borrow::Cow;

use super::again::{again, whole};
use super::sources::Found;
use super::table::{Table, time, time_of_micros};
use crate::collector::run::Run;
use crate::custody::rows::logins::{LoginRow, LoginSourceRow};
use crate::intake::Halt;
use crate::records::login_pairing::{Ids, LoginRecord};
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

/// What is known of a log beside a database.
enum Log {
    /// There is none.
    None,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It could not be read; that is said.
    Unread,
}

/// A database with what lies beside it.
pub fn read(
    run: &mut Run<'_, '_>,
    table: &mut Table,
    found: &Found,
    wal: Option<&Found>,
    journal: Option<&Found>,
) -> Result<(), Halt> {
    let Some(main) = whole(run, table, found, LIMIT)? else {
        if let Some(wal) = wal {
            table.refuse(wal, "the database that it belongs to could not be read".into());
        }
        return Ok(());
    };
    let log = match wal {
        None => Log::None,
        Some(wal) => match whole(run, table, wal, LIMIT.saturating_sub(found.copy.size))? {
            Some(bytes) => Log::Bytes(bytes),
            None => Log::Unread,
        },
    };
    let hot_journal = match journal {
        Some(journal) => is_hot(run, table, journal)?,
        None => false,
    };
    rows(run, table, found, &Parts { main: &main, log: &log, wal, hot_journal })
}

/// A write-ahead log whose database holds no byte, or is not here: SQLite could not say what was in it, and its pages
/// are rows all the same.
pub fn read_orphan(run: &mut Run<'_, '_>, table: &mut Table, wal: &Found) -> Result<(), Halt> {
    let Some(bytes) = whole(run, table, wal, LIMIT)? else { return Ok(()) };
    rows(run, table, wal, &Parts { main: &[], log: &Log::Bytes(bytes), wal: None, hot_journal: false })
}

/// Whether a rollback journal has a header. Its first bytes tell; the others are not kept.
fn is_hot(run: &mut Run<'_, '_>, table: &mut Table, journal: &Found) -> Result<bool, Halt> {
    let mut first = Vec::new();
    let read = again(run, table, journal, &mut |_, bytes| {
        first.extend(bytes.iter().take(8_usize.saturating_sub(first.len())));
    })?;
    Ok(table.is_same(journal, read) && sqlite::is_hot_journal(&first))
}

/// What a database consists of.
struct Parts<'p> {
    main: &'p [u8],
    log: &'p Log,
    wal: Option<&'p Found>,
    hot_journal: bool,
}

fn rows(run: &mut Run<'_, '_>, table: &mut Table, found: &Found, parts: &Parts<'_>) -> Result<(), Halt> {
    let wal_bytes = match parts.log {
        Log::Bytes(bytes) => Some(bytes.as_slice()),
        Log::None | Log::Unread => None,
    };
    let opened = Database::open(parts.main, wal_bytes).and_then(|database| {
        let wtmp = database.table("wtmp").map(|rows| (Sort::Wtmpdb, rows));
        let either = match wtmp {
            Err(Unread::NoTable(_)) => database.table("Lastlog2").map(|rows| (Sort::Lastlog2, rows)),
            other => other,
        };
        either.map(|(sort, rows)| (database, sort, rows))
    });
    let (database, sort, rows) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let words = match error {
                Unread::NoTable(_) => "it has neither a table wtmp nor a table Lastlog2".into(),
                _ if parts.main.is_empty() => {
                    "the database that this log belongs to holds no byte, or was not sealed, and the log has not the page \
                     that the others are found by"
                        .into()
                }
                error => error.to_string(),
            };
            for one in [Some(found), parts.wal.filter(|_| wal_bytes.is_some())].into_iter().flatten() {
                table.refuse(one, words.clone());
            }
            return Ok(());
        }
    };
    let mut about = LoginSourceRow { read: true, format: Some(sort.word().into()), ..Table::about(found) };
    let mut remarks: Vec<String> = about.reason.take().into_iter().collect();
    if parts.main.is_empty() {
        about.findings.insert("log_without_database".into(), 1);
        let words = "the database that this log belongs to holds no byte, or was not sealed: the rows are those of the log";
        remarks.push(words.into());
    }
    if matches!(parts.log, Log::Unread) {
        remarks
            .push("its write-ahead log could not be read: the rows are those of the main file alone".into());
    }
    if sort == Sort::Wtmpdb {
        let is_partial = matches!(parts.log, Log::Unread) || wal_bytes.is_some() && database.wal().is_none();
        table.keep_database(found, parts.wal.filter(|_| database.wal().is_some()), is_partial);
    }
    let ids = Ids::default();
    Reader { found, table, about: &mut about, database: &database, sort, rows: &rows, ids }.all();
    if let Some(log) = database.wal() {
        about.wal_committed = Some(log.committed);
        about.wal_stale = Some(log.stale);
        about.wal_uncommitted = Some(log.uncommitted);
    }
    if parts.hot_journal {
        about.findings.insert("hot_journal".into(), 1);
        let words = "a rollback journal lies beside it: a transaction may have been written in part; the rows are those of \
             the main file as it is";
        remarks.push(words.into());
    }
    for (name, count) in [("bad_pages", about.bad_pages), ("bad_rows", about.bad_rows)] {
        if let Some(count @ 1..) = count {
            about.findings.insert(name.into(), count);
        }
    }
    match (parts.wal.filter(|_| wal_bytes.is_some()), database.wal()) {
        (Some(wal), Some(_)) => table.add_source(
            wal,
            LoginSourceRow { read: true, format: Some("sqlite-wal".into()), ..Table::about(wal) },
        ),
        (Some(wal), None) => {
            remarks.push("the write-ahead log beside it is none of this database's".into());
            let words = "its header is damaged, or of another database than the one beside it: SQLite passes it over, and \
                no row of it is in the table";
            table.refuse(wal, words.into());
        }
        (None, _) => {}
    }
    about.reason = (!remarks.is_empty()).then(|| remarks.join("; "));
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
    ids: Ids,
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
            self.ids.take(row.id);
            if self.sort == Sort::Wtmpdb {
                let file = self.found.copy.entry.0;
                self.table.keep_row(LoginRecord::of_row(database, self.rows, row, file));
            }
            let mut made = self.row(row);
            made.wal = in_main != Some(true);
            if in_main == Some(false) {
                made.flags.push("changed_in_wal");
            }
            self.push(&made);
        });
        if self.sort == Sort::Wtmpdb && tally.bad_pages + tally.bad_rows > 0 {
            self.table.kept_in_part();
        }
        if self.sort == Sort::Wtmpdb && self.ids.missing > 0 {
            self.about.findings.insert("missing_ids".into(), self.ids.missing);
        }
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
