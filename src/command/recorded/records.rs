//! Logins and logouts of utmp(5) and wtmpdb(8), paired.

use std::ops::ControlFlow;

use super::{Gathering, Hears, Passed, unpacked};
use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::records::login_pairing::{Ids, LoginRecord, PairedLogin, Pairing};
use crate::records::sqlite::{Database, Tally};
use crate::records::utmp::{Findings, Item, Judge, Sample, Sort};
use crate::term::Failure;
use crate::view::login_sessions::paired;

/// Bytes of a database of logins with its log; wtmpdb(8) cuts it long before.
const DATABASE: usize = 24 << 20;
/// The end of the name of the log beside a database, which holds its newest rows; and of all that SQLite puts there.
const WAL: &str = "-wal";
const BESIDE: [&str; 3] = [WAL, "-shm", "-journal"];
/// A record may speak of a time a little behind that of the collection, in seconds.
const GRACE: i64 = 86_400;

/// Gives what is in a file of utmp's, unpacked, as far as it could be; what it was comes back, none if it is not of a layout
/// that is known, and what is wrong with it in words. `now` is when it was collected, in seconds since 1970.
pub fn records(
    evidence: &Evidence,
    log: &Log,
    sort: Sort,
    now: i64,
    each: &mut dyn FnMut(&Item<'_>),
) -> Result<(Option<Findings>, Option<String>), Failure> {
    let mut sample = Sample::default();
    let broken = unpacked(evidence, log, &mut |bytes| {
        sample.feed(bytes);
        ControlFlow::Continue(())
    })?;
    if sample.size() == 0 {
        return Ok((Some(Findings::default()), broken));
    }
    let layout = match sample.layout(now.saturating_add(GRACE)) {
        Ok(layout) => layout,
        Err(words) => return Ok((None, broken.or_else(|| Some(words.to_owned())))),
    };
    let mut judge = Judge::new(layout, sort, now);
    unpacked(evidence, log, &mut |bytes| {
        judge.feed(bytes, &mut |item| each(&item));
        ControlFlow::Continue(())
    })?;
    let mut findings = judge.finish(&mut |item| each(&item));
    if broken.is_some() {
        // What is left of a record then was not left by whoever wiped one.
        findings.trailing = 0;
    }
    Ok((Some(findings), broken))
}

/// Gives the rows of a database of logins, as the log beside it has changed them, and their ids; words where not all could be
/// read.
fn database(
    bytes: &[u8],
    log: Option<&[u8]>,
    file: u32,
    ids: &mut Ids,
    each: &mut dyn FnMut(LoginRecord),
) -> Result<(), String> {
    let database = Database::open(bytes, log).map_err(|error| error.to_string())?;
    let table = database.table("wtmp").map_err(|error| error.to_string())?;
    let mut tally = Tally::default();
    database.rows(table.root, &mut tally, &mut |row| {
        ids.take(row.id);
        each(LoginRecord::of_row(&database, &table, row, file));
    });
    match tally.bad_rows + tally.bad_pages {
        0 if log.is_some_and(|log| !log.is_empty()) && database.wal().is_none() => {
            Err("the log beside it is damaged, or of another database, and was not read".to_owned())
        }
        0 => Ok(()),
        bad => Err(format!("{bad} rows or pages of it could not be read")),
    }
}

impl Gathering<'_> {
    /// wtmp, the oldest file first, and its database.
    pub(super) fn login_records<H: Hears>(&mut self, hears: &mut H) -> Result<(), Failure> {
        let evidence = self.evidence;
        let now = evidence.collected.unwrap_or(self.now).unix();
        let mut pairing = Pairing::default();
        for log in evidence.logs(What::Wtmp) {
            let sessions = &mut self.sessions;
            let mut each = |login: PairedLogin| {
                hears.login(&login);
                sessions.record(login);
            };
            let (findings, broken) = records(evidence, log, Sort::Wtmp, now, &mut |item| {
                pairing.item(item, log.number, &mut each);
            })?;
            if let Some(findings) = findings {
                pairing.file_end(log.number, &findings);
                hears.passed(log, &passed(&findings));
            }
            self.notes.extend(broken.map(|why| format!("{}: NOT ALL READ: {why}", log.name)));
        }
        let found = pairing.end(&mut |login| {
            hears.login(&login);
            self.sessions.record(login);
        });
        self.remarks.extend(paired::copies(&found));
        self.notes.extend(paired::copies_unknown(&found));
        hears.found(&found);
        for log in evidence.logs(What::Wtmpdb) {
            self.rows(log, hears)?;
        }
        Ok(())
    }

    /// Whether the database that a log belongs to is here.
    fn has_database(&self, log: &Log) -> bool {
        let name = log.name.strip_suffix(WAL).unwrap_or_default();
        self.evidence.logs(What::Wtmpdb).any(|other| other.name == name)
    }

    fn rows<H: Hears>(&mut self, log: &Log, hears: &mut H) -> Result<(), Failure> {
        let beside = |end: &&&str| log.name.ends_with(**end);
        let (main, wal) = match BESIDE.iter().find(beside) {
            // What SQLite puts beside a database is read with it; a log whose database is gone, by itself.
            Some(end) if *end != WAL || self.has_database(log) => return Ok(()),
            Some(_) => (Vec::new(), self.whole(log, DATABASE)?),
            None => {
                let Some(main) = self.whole(log, DATABASE)? else { return Ok(()) };
                let room = DATABASE.saturating_sub(main.len());
                let is_beside = |other: &&Log| other.name.strip_suffix(WAL) == Some(log.name.as_str());
                let wal = self.evidence.logs(What::Wtmpdb).find(is_beside);
                (main, wal.map(|wal| self.whole(wal, room)).transpose()?.flatten())
            }
        };
        let (mut pairing, mut ids) = (Pairing::default(), Ids::default());
        let (mut logins, mut told) = (Vec::new(), Passed::default());
        let read = database(&main, wal.as_deref(), log.number, &mut ids, &mut |row| {
            told.take(row.time());
            pairing.record(row, &mut |login| logins.push(login));
            for login in logins.drain(..) {
                hears.login(&login);
                self.sessions.record(login);
            }
        });
        let mut found = pairing.end(&mut |login| {
            hears.login(&login);
            self.sessions.record(login);
        });
        found.signs.extend(ids.sign(log.number));
        hears.found(&found);
        hears.passed(log, &told);
        if let Err(why) = read {
            self.notes.push(format!("{}: {why}", log.name));
        }
        Ok(())
    }
}

/// What a file of records was.
pub fn passed(findings: &Findings) -> Passed {
    let time = |seconds: i64| Timestamp::can_hold(seconds).then(|| Timestamp::from_unix(seconds, 0));
    let span = findings.first.and_then(time).zip(findings.last.and_then(time));
    Passed { span, records: findings.records, odd: u64::from(findings.trailing > 0) }
}

impl Passed {
    /// A record of this time.
    pub(super) fn take(&mut self, time: Option<Timestamp>) {
        self.records += 1;
        let Some(time) = time else { return };
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }
}
