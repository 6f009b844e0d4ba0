//! One record of who logged in or out, of whichever file: utmp(5), or a row of wtmpdb.

use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::layout::text;
use crate::records::{sqlite, utmp};

/// `ut_type` of a change of the runlevel, a shutdown among them.
pub const RUN_LEVEL: i16 = 1;
/// Of the start of the machine.
pub const BOOT: i16 = 2;
/// Of the time after the clock was set.
pub const NEW_TIME: i16 = 3;
/// Of the time before it was.
pub const OLD_TIME: i16 = 4;
/// Of a process that init began on a terminal.
pub const INIT: i16 = 5;
/// Of one that waits for somebody to log in.
pub const LOGIN: i16 = 6;
/// Of a login.
pub const USER: i16 = 7;
/// Of a process that ended.
pub const DEAD: i16 = 8;

/// A record, its texts up to their first NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginRecord {
    /// As `ut_type` of utmp(5).
    pub kind: i16,
    /// The process; of a runlevel, the level and the one before it as letters (`level + 256 * before`).
    pub pid: i64,
    /// The terminal, as `pts/0`.
    pub line: Vec<u8>,
    /// `ut_id`: what init(8) calls the line.
    pub id: Vec<u8>,
    /// The name that was logged in under.
    pub user: Vec<u8>,
    /// The other side, as the program wrote it.
    pub host: Vec<u8>,
    /// Its address, where the record has one.
    pub address: Option<String>,
    /// `ut_session`.
    pub session: i64,
    /// Seconds since 1970, as they stand there.
    pub seconds: i64,
    /// Microseconds.
    pub micros: i64,
    /// Of a row that speaks of a session as a whole: its end, in microseconds since 1970.
    pub logout: Option<i64>,
    /// Where it stands; of a row of a database, the number of the row for the offset.
    pub place: Place,
}

impl LoginRecord {
    /// A record of utmp or wtmp that stands at this place.
    pub fn of(record: &utmp::Record<'_>, place: Place) -> LoginRecord {
        // utmpdump(1) fills an id up with blanks.
        let id = text(record.id).trim_ascii_end();
        LoginRecord {
            kind: record.kind,
            pid: i64::from(record.pid),
            line: text(record.line).to_vec(),
            id: id.to_vec(),
            user: text(record.user).to_vec(),
            host: text(record.host).to_vec(),
            address: record.address_text(),
            session: record.session,
            seconds: record.seconds,
            micros: record.micros,
            logout: None,
            place,
        }
    }

    /// A row of wtmpdb's table `wtmp` (wtmpdb(8), lib/sqlite.c), in the file of this number.
    pub fn of_row(
        database: &sqlite::Database<'_>,
        table: &sqlite::Table,
        row: &sqlite::Row<'_>,
        file: u32,
    ) -> LoginRecord {
        let get = |name| table.get(row.id, &row.values, name);
        let number = |name| get(name).integer();
        let text = |name| match get(name) {
            sqlite::Value::Text(bytes) => database.text(bytes).into_owned(),
            sqlite::Value::Blob(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let kind = match number("Type") {
            Some(1) => BOOT,
            Some(2) => RUN_LEVEL,
            Some(3) => USER,
            _ => 0,
        };
        let login = number("Login").unwrap_or(0);
        LoginRecord {
            kind,
            pid: number("PID").unwrap_or(0),
            line: text("TTY"),
            user: text("User"),
            host: text("RemoteHost"),
            seconds: login.div_euclid(1_000_000),
            micros: login.rem_euclid(1_000_000),
            logout: number("Logout"),
            place: Place { file, offset: u64::try_from(row.id).unwrap_or(0) },
            ..LoginRecord::default()
        }
    }

    /// Bytes that it holds in memory.
    pub fn weight(&self) -> usize {
        let texts = [&self.line, &self.id, &self.user, &self.host].map(Vec::capacity);
        size_of::<LoginRecord>()
            + texts.iter().sum::<usize>()
            + self.address.as_ref().map_or(0, String::capacity)
    }

    /// All that it says, whatever file it stands in.
    pub(super) fn says(&self) -> impl std::hash::Hash {
        let texts = (&self.line, &self.id, &self.user, &self.host, &self.address);
        (self.kind, self.pid, texts, self.session, self.seconds, self.micros, self.logout)
    }

    /// From where: the address, else the name of the other side, else the terminal.
    pub fn origin(&self) -> &[u8] {
        match &self.address {
            Some(address) => address.as_bytes(),
            None if self.host.is_empty() => &self.line,
            None => &self.host,
        }
    }

    /// Its time; none where it has none, or one of 32 bits that is negative.
    pub fn time(&self) -> Option<Timestamp> {
        let is_one = self.seconds > 0 && Timestamp::can_hold(self.seconds);
        let nanos = u32::try_from(self.micros).ok().filter(|micros| *micros < 1_000_000).unwrap_or(0) * 1_000;
        is_one.then(|| Timestamp::from_unix(self.seconds, nanos))
    }

    /// The end of the session that the record itself tells.
    pub fn logout_time(&self) -> Option<Timestamp> {
        let micros = self.logout.filter(|micros| *micros > 0)?;
        let nanos = u32::try_from(micros % 1_000_000).unwrap_or(0) * 1_000;
        Some(Timestamp::from_unix(micros / 1_000_000, nanos))
    }

    /// Whether the machine goes down: to runlevel 0 or 6, or as systemd-update-utmp(8) says it.
    pub fn is_shutdown(&self) -> bool {
        let level = u8::try_from(self.pid & 0xff).unwrap_or(0);
        self.kind == RUN_LEVEL && (self.user == b"shutdown" || matches!(level, b'0' | b'6'))
    }
}
