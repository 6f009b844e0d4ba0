//! Files with a record for each user id. A short one was copied; of a long one the data is sealed here, without the
//! holes, and read as it passes.

use super::again::again;
use super::sources::Found;
use super::table::{Table, time};
use crate::clock::Timestamp;
use crate::collector::run::Run;
use crate::custody::entry::{Base64, EntryId, FileStat, Kind, Source, Stats};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows;
use crate::custody::rows::logins::{ExtentRow, LoginRow, LoginSourceRow};
use crate::host::Trouble;
use crate::host::extents::{Extents, Patch};
use crate::host::place::Spot;
use crate::host::stat::Met;
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::lastlog::{Layout, Slots, Sort};
use crate::records::layout::{has_odd_padding, is_zero, text};

/// Bytes of data of one file at most: those of three million accounts.
const DATA_LIMIT: u64 = 1 << 30;

/// Bytes of data that tell the layout.
const SAMPLE: usize = 1 << 20;

const FILES: [(&str, Sort); 3] = [
    ("/var/log/lastlog", Sort::Lastlog),
    ("/var/log/tallylog", Sort::Tallylog),
    ("/var/log/faillog", Sort::Faillog),
];

/// Puts the records together once enough has passed to tell their layout.
struct Records {
    sort: Sort,
    size: u64,
    latest: i64,
    now: i64,
    held: Vec<(u64, Vec<u8>)>,
    held_bytes: usize,
    reading: Option<(Layout, Slots)>,
    unsure: bool,
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
    rows: LoginSourceRow,
}

impl Records {
    fn new(sort: Sort, size: u64, table: &Table, rows: LoginSourceRow) -> Records {
        Records {
            sort,
            size,
            latest: table.latest(rows.modified.unwrap_or(Timestamp::from_unix(0, 0))),
            now: table.now(),
            held: Vec::new(),
            held_bytes: 0,
            reading: None,
            unsure: false,
            count: 0,
            first: None,
            last: None,
            rows,
        }
    }

    fn feed(&mut self, offset: u64, bytes: &[u8], each: &mut dyn FnMut(LoginRow)) {
        if self.reading.is_some() {
            return self.read(offset, bytes, each);
        }
        if !self.unsure && !is_zero(bytes) {
            self.held_bytes += bytes.len();
            self.held.push((offset, bytes.to_vec()));
            if self.held_bytes >= SAMPLE {
                self.choose(each);
            }
        }
    }

    fn choose(&mut self, each: &mut dyn FnMut(LoginRow)) {
        let held = std::mem::take(&mut self.held);
        let parts: Vec<(u64, &[u8])> =
            held.iter().map(|(offset, bytes)| (*offset, bytes.as_slice())).collect();
        match Layout::detect(self.sort, &parts, self.size, self.latest) {
            Some(layout) => {
                self.rows.format = Some(layout.word());
                self.reading = Some((layout, Slots::new(layout.length())));
                for (offset, bytes) in parts {
                    self.read(offset, bytes, each);
                }
            }
            None => self.unsure = self.held_bytes > 0,
        }
    }

    fn read(&mut self, offset: u64, bytes: &[u8], each: &mut dyn FnMut(LoginRow)) {
        let Some((layout, mut slots)) = self.reading.take() else { return };
        slots.feed(offset, bytes, &mut |number, bytes| self.one(layout, number, bytes, each));
        self.reading = Some((layout, slots));
    }

    fn one(&mut self, layout: Layout, number: u64, bytes: &[u8], each: &mut dyn FnMut(LoginRow)) {
        let Some(account) = layout.read(bytes) else { return };
        let kind = if layout.sort == Sort::Lastlog { "last_login" } else { "failure_count" };
        let odd = has_odd_padding(account.line) || has_odd_padding(account.host);
        let wraps = account.seconds < 0 && !layout.wide;
        let flags = [
            ("odd_padding", odd),
            ("beyond_now", account.seconds > self.now),
            ("zeroed_time", account.seconds == 0),
            ("time_wrap", wraps),
        ];
        let row = LoginRow {
            count: account.count,
            entry: self.rows.entry,
            file: self.rows.file.clone(),
            flags: flags.iter().filter_map(|(flag, is_so)| is_so.then_some(*flag)).collect(),
            format: self.rows.format.clone().unwrap_or_default(),
            kind,
            offset: number.checked_mul(layout.length() as u64),
            raw_b64: odd.then(|| Base64(account.raw.to_vec())),
            seconds: Some(account.seconds),
            time: if wraps { None } else { time(account.seconds, 0) },
            uid: Some(number),
            ..LoginRow::default()
        };
        for flag in &row.flags {
            *self.rows.findings.entry((*flag).to_owned()).or_default() += 1;
        }
        self.count += 1;
        let when = Some(account.seconds).filter(|seconds| *seconds > 0);
        self.first = self.first.into_iter().chain(when).min();
        self.last = self.last.max(when);
        each(row.line(text(account.line)).host(text(account.host)));
    }

    /// What is known of the file at its end; none if its layout could not be told.
    fn finish(mut self, each: &mut dyn FnMut(LoginRow)) -> Option<LoginSourceRow> {
        if self.reading.is_none() && !self.unsure {
            self.choose(each);
        }
        if self.unsure {
            return None;
        }
        if let Some((layout, slots)) = self.reading.take() {
            let size = self.size;
            let trailing = slots.finish(size, &mut |number, bytes| self.one(layout, number, bytes, each));
            if trailing > 0 {
                self.rows.findings.insert("trailing_bytes".into(), trailing);
            }
        }
        Some(LoginSourceRow {
            read: true,
            records: Some(self.count),
            first: self.first.and_then(|first| time(first, 0)),
            last: self.last.and_then(|last| time(last, 0)),
            ..self.rows
        })
    }
}

/// One that was copied.
pub fn copied(run: &mut Run<'_, '_>, table: &mut Table, found: &Found, sort: Sort) -> Result<(), Halt> {
    let read = again(run, table, found, &mut |_, _| ())?;
    if !table.is_same(found, read) {
        return Ok(());
    }
    let mut records = Records::new(sort, found.copy.size, table, Table::about(found));
    let mut offset = 0;
    let read = again(run, table, found, &mut |table, bytes| {
        records.feed(offset, bytes, &mut |row| table.push(&row));
        offset += bytes.len() as u64;
    })?;
    match records.finish(&mut |row| table.push(&row)) {
        Some(row) => table.add_read(found, row, &read),
        None => table.refuse(found, "the layout of its records could not be told".into()),
    }
    table.flush(run)
}

/// Those that are too long to be copied with all their holes.
pub fn long_ones(run: &mut Run<'_, '_>, table: &mut Table) -> Result<(), Halt> {
    for (path, sort) in FILES {
        let Ok(path) = HostPath::new(path) else { continue };
        // What is not there, or cannot be reached, the copy step has told.
        let Ok(located) = run.host.locate(&path, true) else { continue };
        if run.intake.sealed(&located.spot.real).is_none() {
            long_one(run, table, &located.spot, sort)?;
        }
    }
    Ok(())
}

fn long_one(run: &mut Run<'_, '_>, table: &mut Table, spot: &Spot, sort: Sort) -> Result<(), Halt> {
    let taken = run.intake.now();
    let host = run.host;
    let mut extents = match host.extents(spot, DATA_LIMIT) {
        Ok(extents) => extents,
        Err(trouble) => return run.intake.trouble(&spot.place(), &trouble),
    };
    let met = match extents.patch() {
        // It may have become shorter since the copy step left it to us: it is taken here all the same. Of one that the
        // copy step failed at, this is a second attempt.
        Ok(Patch::Opened(met)) if met.stat.size > 0 => met,
        // Anything else was the copy step's to take, and it has told.
        Ok(Patch::Failed(errno, _)) => {
            let trouble = Trouble::from_errno(errno, spot.path.to_string());
            return run.intake.trouble(&spot.place(), &trouble);
        }
        Ok(_) => return Ok(()),
        Err(trouble) => return run.intake.trouble(&spot.place(), &trouble),
    };
    let source = || Source::led(&spot.path, &spot.real);
    let mut draft = Draft::new(Kind::Capture, source(), taken);
    draft.title = Some("The data of a long sparse file, without its holes".into());
    draft.mount = host.mounts().facts(met.stat.mount_id);
    draft.stat = Some(Stats { before: met.stat.clone(), after: None });
    let name = String::from_utf8_lossy(spot.path.name()).into_owned();
    run.intake.begin_member(Member::of_live("login-records", &format!("{name}-extents.jsonl")), draft)?;
    // Its rows name it before it is written: the next entry is that of the member that is open.
    let entry = EntryId(u32::try_from(run.intake.ledger().len() + 1).unwrap_or(u32::MAX));
    let (file, file_b64) = rows::text(spot.path.as_bytes());
    let about = LoginSourceRow {
        entry: Some(entry),
        file,
        file_b64,
        modified: Some(met.stat.mtime),
        size: met.stat.size,
        ..LoginSourceRow::default()
    };
    let mut records = Records::new(sort, met.stat.size, table, about.clone());
    let ended = pour(run, &mut extents, &met, &mut |offset, bytes| {
        records.feed(offset, bytes, &mut |row| table.push(&row));
    })?;
    let entry = run.intake.end_member(|draft| {
        if let Some(stat) = &mut draft.stat {
            stat.after = ended.after;
        }
        if let Some((outcome, reason)) = ended.verdict {
            *draft = draft.clone().ended(outcome, reason);
        }
    })?;
    match records.finish(&mut |row| table.push(&row)) {
        Some(row) => table.add_captured(entry, row),
        None => {
            let words = "the layout of its records could not be told";
            table.add_captured(entry, LoginSourceRow { reason: Some(words.into()), ..about });
            run.intake.gap(source(), Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words))?;
        }
    }
    Ok(())
}

/// How a long file ended.
struct Ended {
    after: Option<FileStat>,
    verdict: Option<(Outcome, Reason)>,
}

fn pour(
    run: &mut Run<'_, '_>,
    extents: &mut Extents<'_>,
    met: &Met,
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<Ended, Halt> {
    loop {
        let trouble = match extents.patch() {
            Ok(Patch::Data { offset, bytes }) => {
                each(offset, &bytes);
                let length = bytes.len() as u64;
                let bytes_b64 = (!is_zero(&bytes)).then_some(Base64(bytes));
                let mut row = Vec::new();
                json::row(&mut row, &ExtentRow { bytes_b64, length, offset })?;
                run.intake.write(row)?;
                continue;
            }
            Ok(Patch::Done { after, cut }) => {
                let (before, after) = (&met.stat, after.stat);
                let verdict = if (before.size, before.mtime) != (after.size, after.mtime) {
                    let words = "it was written to while it was read";
                    Some((Outcome::Changed, Reason::new(ReasonCode::Overwritten, words)))
                } else if cut {
                    let words = "it holds more data than this step takes";
                    Some((Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words)))
                } else {
                    None
                };
                return Ok(Ended { after: Some(after), verdict });
            }
            Ok(Patch::Failed(errno, doing)) => {
                let words = format!("{doing}: {}", std::io::Error::from(errno));
                (Outcome::Failed, Reason::new(ReasonCode::IoError, words))
            }
            Ok(_) => continue,
            Err(trouble) => trouble.verdict(),
        };
        return Ok(Ended { after: None, verdict: Some(trouble) });
    }
}
