//! Login records as they lie: of an image and of plain files, and of a bundle those that its table has not, which are the
//! compressed ones.

use std::ops::ControlFlow;
use std::time::Duration;

use super::coverage::{Coverage, Read};
use super::pile::Pile;
use super::sources::text;
use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::command::recorded::head;
use crate::records::unpack::Compression;
use crate::records::utmp::{Item, Judge, Layout, Sort};
use crate::term::Failure;
use crate::view::events::{At, login_records};

/// Bytes of a file's beginning that tell its layout: more than 64 of the longest records.
const SAMPLE: usize = 32 << 10;
/// Clocks differ between a file's writer and its reader, at most by this.
const DAY: Duration = Duration::from_secs(86_400);

/// Reads them.
pub fn read(
    evidence: &Evidence,
    has_table: bool,
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    for (what, sort) in [(What::Utmp, Sort::Utmp), (What::Wtmp, Sort::Wtmp), (What::Btmp, Sort::Btmp)] {
        for log in evidence.logs(what) {
            if pile.is_lost() {
                return Ok(());
            }
            if !has_table || is_compressed(evidence, log)? {
                coverage.read.push(one(evidence, log, sort, pile)?);
            }
        }
    }
    let unread = evidence.logs(What::Wtmpdb).filter(|_| !has_table);
    coverage
        .notes
        .extend(unread.map(|log| format!("{}: databases of logins are read from a bundle alone", log.name)));
    Ok(())
}

fn is_compressed(evidence: &Evidence, log: &Log) -> Result<bool, Failure> {
    Ok(Compression::of(&head(evidence, log)?) != Compression::None)
}

/// One file: once to learn its layout, and once for its records.
fn one(evidence: &Evidence, log: &Log, sort: Sort, pile: &mut Pile) -> Result<Read, Failure> {
    let mut read = Read::of(log, "record");
    let (mut head, mut size) = (Vec::new(), 0_u64);
    read.broken = text(evidence, log, &mut |bytes| {
        let room = SAMPLE.saturating_sub(head.len());
        head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        size += bytes.len() as u64;
        ControlFlow::Continue(())
    })?;
    let latest = [evidence.collected, log.modified].into_iter().flatten().max();
    let latest = latest.map_or(i64::MAX, |latest| latest.plus(DAY).unix());
    let Some(layout) = Layout::detect(&[(0, &head)], size, latest).filter(|_| size > 0) else {
        let why =
            if size == 0 { None } else { Some("the layout of its records could not be told".to_owned()) };
        read.broken = read.broken.or(why);
        return Ok(read);
    };
    let mut judge = Judge::new(layout, sort, latest);
    let mut untimed = 0;
    let mut item = |item: Item<'_>| match item {
        Item::Zeros { count, .. } => untimed += count,
        Item::Record { offset, record, .. } => {
            match login_records::fact(&record, sort, &log.name, At { entry: log.entry, offset }) {
                Some(fact) => pile.fact(fact),
                None => untimed += 1,
            }
        }
    };
    let broken = text(evidence, log, &mut |bytes| {
        judge.feed(bytes, &mut item);
        ControlFlow::Continue(())
    })?;
    let findings = judge.finish(&mut item);
    let time = |seconds: i64| Timestamp::from_unix(seconds, 0);
    Ok(Read {
        records: findings.records,
        odd: u64::from(findings.trailing > 0),
        untimed,
        span: findings.first.map(time).zip(findings.last.map(time)),
        broken: broken.or(read.broken),
        ..Read::of(log, "record")
    })
}
