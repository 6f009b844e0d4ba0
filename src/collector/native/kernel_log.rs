//! The kernel's log buffer, from /dev/kmsg, as it is (one of the two devices that are ever opened), and its records as
//! a table.

use std::time::Duration;

use crate::clock::{Timestamp, suspended};
use crate::collector::run::Run;
use crate::custody::entry::{EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::kmsg::KmsgRow;
use crate::custody::rows::text;
use crate::host::kmsg::KernelLog;
use crate::intake::Halt;
use crate::path::shown;
use crate::records::kmsg::{self, Record};

/// Rows are handed on in pieces of this many bytes.
const PIECE: usize = 128 << 10;

/// Seals the records that the kernel still has, oldest first.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let source = Source::text("/dev/kmsg");
    match run.host.kernel_log() {
        Ok(log) if log.bytes.is_empty() => {
            let words = "the kernel gave no record; its buffer was cleared or is closed to us";
            let reason = Reason::new(ReasonCode::NotFound, words);
            run.intake.gap(source, Outcome::Inconclusive, reason)?;
        }
        Ok(log) => {
            let mut draft = Draft::new(Kind::Capture, source, taken);
            if let Some((outcome, reason)) = verdict(&log) {
                draft = draft.ended(outcome, reason);
            }
            // The times of its records count from boot, without suspend.
            let asleep = suspended();
            let awake = Duration::from_nanos(taken.boottime_ns).saturating_sub(asleep);
            let times = Times { booted: taken.utc.minus(awake), asleep };
            run.intake.begin_member(Member::of_live("kernel-log", "kmsg"), draft)?;
            for piece in log.bytes.chunks(PIECE) {
                run.intake.write(piece.to_vec())?;
            }
            let raw = run.intake.end_member(|_| ())?;
            table(run, &log.bytes, raw, times)?;
        }
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source, outcome, reason)?;
        }
    }
    Ok(())
}

/// How the reading ended, where that is more than that the records are here.
fn verdict(log: &KernelLog) -> Option<(Outcome, Reason)> {
    let overtaken =
        format!("places where records were overwritten before they could be read: {}", log.overwritten);
    if log.cut {
        let words = format!("more records came than are taken; {overtaken}");
        return Some((Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words)));
    }
    (log.overwritten > 0).then(|| (Outcome::Changed, Reason::new(ReasonCode::Overwritten, overtaken)))
}

/// What a record's time is reckoned with.
#[derive(Clone, Copy)]
struct Times {
    /// When the machine would have booted, had it never slept.
    booted: Timestamp,
    /// How long it slept.
    asleep: Duration,
}

fn table(run: &mut Run<'_, '_>, bytes: &[u8], raw: EntryId, times: Times) -> Result<(), Halt> {
    let mut draft = Draft::new(Kind::Derived, Source::text("/dev/kmsg"), run.intake.now());
    draft.title = Some("Records of the kernel's log buffer".into());
    draft.derived_from.push(raw);
    run.intake.begin_member(Member::of_live("kernel-log", "kmsg.jsonl"), draft)?;
    let (mut rows, mut expected, mut missing, mut unread) = (Vec::new(), 0, 0_u64, 0_u64);
    for record in kmsg::parse(bytes) {
        let row = match record {
            Ok(record) => {
                let lost = record.sequence.saturating_sub(expected);
                expected = record.sequence.saturating_add(1);
                missing = missing.saturating_add(lost);
                row(&record, lost, times)
            }
            Err(other) => {
                unread += 1;
                let (message, message_b64) = text(other.trim_ascii_end());
                KmsgRow { message, message_b64, ..KmsgRow::default() }
            }
        };
        json::row(&mut rows, &row)?;
        if rows.len() >= PIECE {
            run.intake.write(std::mem::take(&mut rows))?;
        }
    }
    run.intake.write(rows)?;
    run.intake.end_member(|draft| {
        if unread > 0 {
            let words = format!("lines that are no record of the kernel's: {unread}; they stand as they are");
            *draft = draft.clone().ended(Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words));
        } else if missing > 0 {
            let words = format!("records since boot that the buffer does not hold any more: {missing}");
            *draft = draft.clone().ended(Outcome::Collected, Reason::new(ReasonCode::Overwritten, words));
        }
    })?;
    Ok(())
}

fn row(record: &Record, lost: u64, times: Times) -> KmsgRow {
    let (message, message_b64) = text(&record.message);
    let utc = times.booted.plus(Duration::from_micros(record.boot_us));
    let more = if record.more.is_empty() { String::new() } else { format!(",{}", shown(&record.more)) };
    KmsgRow {
        boot_us: Some(record.boot_us),
        facility: Some(kmsg::facility(record.facility)),
        fields: record.fields.iter().map(|(key, value)| (shown(key), shown(value))).collect(),
        flags: Some(shown(&record.flags) + &more),
        level: Some(kmsg::level(record.level)),
        message,
        message_b64,
        missing_before: (lost > 0).then_some(lost),
        sequence: Some(record.sequence),
        topic: record.topic(),
        utc: Some(utc),
        utc_not_before: (times.asleep >= Duration::from_secs(1)).then(|| utc.minus(times.asleep)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_was_cut_or_overtaken_is_not_whole() {
        let log = |overwritten, cut| KernelLog { bytes: vec![1], overwritten, cut };
        let outcome = |log: KernelLog| verdict(&log).map(|(outcome, _)| outcome);
        assert_eq!(outcome(log(0, false)), None);
        assert_eq!(outcome(log(1, false)), Some(Outcome::Changed));
        assert_eq!(outcome(log(1, true)), Some(Outcome::Truncated));
    }
}
