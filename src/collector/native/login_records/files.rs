//! Records that follow one another: utmp, wtmp, btmp, and the failures of one user.

use super::again::{again, whole};
use super::sources::Found;
use super::table::{Table, time};
use crate::collector::run::Run;
use crate::custody::entry::Base64;
use crate::custody::rows::logins::{LoginRow, LoginSourceRow};
use crate::intake::Halt;
use crate::records::faillock::{self, Origin};
use crate::records::layout::{has_odd_padding, text};
use crate::records::utmp::{Flag, Item, Judge, Record, Sample, Sort, kind_word};

/// Longer than any file of failures of one user: pam_faillock keeps those of some minutes.
const FAILLOCK_LIMIT: u64 = 1 << 20;

/// utmp, wtmp or btmp: read once to learn its layout and that it is what was sealed, and once for its records.
pub fn utmp(run: &mut Run<'_, '_>, table: &mut Table, found: &Found, sort: Sort) -> Result<(), Halt> {
    let mut sample = Sample::default();
    let read = again(run, table, found, &mut |_, bytes| sample.feed(bytes))?;
    if !table.is_same(found, read) {
        return Ok(());
    }
    let latest = table.latest(found.copy.modified);
    let layout = match sample.layout(latest) {
        Ok(layout) => layout,
        Err(words) => {
            table.refuse(found, words.into());
            return Ok(());
        }
    };
    let word = layout.word();
    let mut judge = Judge::new(layout, sort, table.now());
    table.keep_records(found, layout, sort);
    let each = |table: &mut Table, item: &Item<'_>| {
        table.keep(found, item);
        table.push(&utmp_row(found, &word, sort, item));
    };
    let read = again(run, table, found, &mut |table, bytes| {
        judge.feed(bytes, &mut |item| each(table, &item));
    })?;
    let findings = judge.finish(&mut |item| each(table, &item));
    table.kept();
    let mut row = LoginSourceRow {
        read: true,
        format: Some(word.clone()),
        records: Some(findings.records),
        first: findings.first.and_then(|first| time(first, 0)),
        last: findings.last.and_then(|last| time(last, 0)),
        ..Table::about(found)
    };
    row.findings = findings.flags.iter().map(|(flag, count)| (flag.word().to_owned(), *count)).collect();
    if findings.trailing > 0 {
        row.findings.insert("trailing_bytes".into(), findings.trailing);
    }
    if findings.last.is_some_and(|last| last > found.copy.modified.unix()) {
        row.findings.insert("modified_before_last_record".into(), 1);
    }
    table.add_read(found, row, &read);
    table.flush(run)
}

fn utmp_row(found: &Found, format: &str, sort: Sort, item: &Item<'_>) -> LoginRow {
    let row = |kind| LoginRow::of(&found.path, found.copy.entry, format, kind);
    match item {
        Item::Zeros { offset, count, flag } => LoginRow {
            offset: Some(*offset),
            records: Some(*count),
            flags: vec![flag.word()],
            ..row("empty")
        },
        Item::Record { offset, record, flags } => {
            let kind = match (sort, record.kind) {
                (Sort::Btmp, 6 | 7) => "failed_login",
                (_, kind) => kind_word(kind),
            };
            let raw = flags.iter().any(|flag| matches!(flag, Flag::OddPadding | Flag::UnknownType));
            LoginRow {
                offset: Some(*offset),
                flags: flags.iter().map(|flag| flag.word()).collect(),
                raw_b64: raw.then(|| Base64(record.raw.to_vec())),
                ..filled(row(kind), record, flags.contains(&Flag::TimeWrap))
            }
        }
    }
}

fn filled(row: LoginRow, record: &Record<'_>, wraps: bool) -> LoginRow {
    let micros = u32::try_from(record.micros).ok().filter(|micros| *micros < 1_000_000).unwrap_or(0);
    LoginRow {
        address: record.address_text(),
        exit: Some(record.exit),
        micros: Some(record.micros),
        pid: Some(record.pid.into()),
        seconds: Some(record.seconds),
        session: Some(record.session),
        termination: Some(record.termination),
        time: if wraps { None } else { time(record.seconds, micros * 1000) },
        kind_number: Some(record.kind.into()),
        ..row.host(text(record.host)).id(text(record.id)).line(text(record.line)).user(text(record.user))
    }
}

/// The failures of one user, whose name is the file's.
pub fn faillock(run: &mut Run<'_, '_>, table: &mut Table, found: &Found) -> Result<(), Halt> {
    let Some(bytes) = whole(run, table, found, FAILLOCK_LIMIT)? else { return Ok(()) };
    let Some(order) = faillock::detect(&bytes, table.latest(found.copy.modified)) else {
        table.refuse(found, "the byte order of its records could not be told".into());
        return Ok(());
    };
    let format = format!("faillock-64-{}", order.word());
    let mut about = LoginSourceRow { read: true, format: Some(format.clone()), ..Table::about(found) };
    let mut count = 0;
    for (offset, attempt) in faillock::records(order, &bytes) {
        let seconds = i64::try_from(attempt.seconds).unwrap_or(i64::MAX);
        let flags = [
            ("no_longer_counted", !attempt.valid),
            ("odd_padding", has_odd_padding(attempt.source)),
            ("beyond_now", seconds > table.now()),
        ];
        let row =
            LoginRow::of(&found.path, found.copy.entry, &format, "failed_login").user(found.path.name());
        let source = text(attempt.source);
        let row = match attempt.origin {
            Origin::Host => row.host(source),
            Origin::Line => row.line(source),
            Origin::Service => row.service(source),
        };
        let odd = has_odd_padding(attempt.source);
        let row = LoginRow {
            offset: Some(offset),
            seconds: Some(seconds),
            time: time(seconds, 0),
            flags: flags.iter().filter_map(|(flag, is_so)| is_so.then_some(*flag)).collect(),
            raw_b64: odd.then(|| Base64(attempt.raw.to_vec())),
            ..row
        };
        // That an old failure does not count any more is how it should be, and no finding.
        for flag in row.flags.iter().filter(|flag| **flag != "no_longer_counted") {
            *about.findings.entry((*flag).to_owned()).or_default() += 1;
        }
        count += 1;
        table.push(&row);
    }
    about.records = Some(count);
    let trailing = (bytes.len() % faillock::LENGTH) as u64;
    if trailing > 0 {
        about.findings.insert("trailing_bytes".into(), trailing);
    }
    table.add_source(found, about);
    table.flush(run)
}
