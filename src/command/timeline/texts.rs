//! Text logs of logins. Their lines may have neither year nor zone, so that each file is read twice: once for its years,
//! and once for what it says.

use std::ops::ControlFlow;

use super::coverage::{Coverage, Read};
use super::pile::Pile;
use super::sources::{head, text};
use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::custody::entry::EntryId;
use crate::records::audit_event::Place;
use crate::records::auth_text::TimeQuality;
use crate::records::lines::{Line, Lines, Tally};
use crate::records::syslog::{Anchor, Reader, Survey};
use crate::records::tzif::Zone;
use crate::term::Failure;
use crate::view::events::said;

/// Reads them, each by itself.
pub fn read(
    evidence: &Evidence,
    ids: &[EntryId],
    pile: &mut Pile,
    coverage: &mut Coverage,
) -> Result<(), Failure> {
    let zone = &evidence.zone;
    let mut is_inferred = false;
    for log in evidence.logs(What::Auth) {
        if pile.is_lost() {
            return Ok(());
        }
        let mut survey = Survey::default();
        lines(evidence, log, &mut |line, _| survey.line(line))?;
        let years = survey
            .years(&anchor(evidence, log, &head(evidence, log)?), zone.as_ref().unwrap_or(&Zone::utc()));
        let mut reader = Reader::new(years, zone.clone().unwrap_or_default());
        let mut untimed = 0;
        let (tally, broken) = lines(evidence, log, &mut |line, offset| {
            reader.line(line, Place { file: log.number, offset }, &mut |spoken| {
                is_inferred |= spoken.time.is_some_and(|(_, quality)| quality != TimeQuality::Exact);
                match said::fact(&spoken, "text", ids) {
                    Some(fact) => pile.fact(fact),
                    None => untimed += 1,
                }
            });
        })?;
        let notes = reader.end();
        let others =
            notes.others.top(usize::MAX).iter().map(|(_, count)| count).sum::<u64>() + notes.others.beyond;
        coverage.other_lines += others;
        coverage.read.push(Read {
            records: notes.records,
            odd: notes.unparsed + tally.oversize,
            untimed,
            span: notes.span,
            broken,
            ..Read::of(log, "line")
        });
    }
    if is_inferred && zone.is_none() {
        coverage
            .notes
            .push("the host's zone is not here: lines without one are told as if they were in UTC".into());
    }
    Ok(())
}

/// When the last line of a log was written at the latest.
fn anchor(evidence: &Evidence, log: &Log, head: &[u8]) -> Anchor {
    let is_gzip = head.starts_with(b"\x1f\x8b");
    let packed = head.get(4..8).and_then(|bytes| bytes.first_chunk::<4>().copied()).map(u32::from_le_bytes);
    Anchor {
        collected: evidence.collected,
        modified: log.modified,
        packed: packed.filter(|_| is_gzip).map(|seconds| Timestamp::from_unix(seconds.into(), 0)),
        named: log.path.as_ref().and_then(|path| day_of(path.name())),
        next: None,
    }
}

/// The day in the name of a rotated file: `auth.log-20261122`, `secure-20261122.gz`.
fn day_of(name: &[u8]) -> Option<Timestamp> {
    let digits = name.rsplit(|byte| *byte == b'-').next()?.get(..8)?;
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, day) = text.split_at_checked(4)?;
    let (month, day) = day.split_at_checked(2)?;
    Timestamp::parse(&format!("{year}-{month}-{day}T00:00:00Z")).ok()
}

/// The lines of a log, each with its place.
fn lines(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(&[u8], u64),
) -> Result<(Tally, Option<String>), Failure> {
    let mut lines = Lines::default();
    let mut kept = |line: Line<'_>| {
        if let Line::Kept { bytes, offset } = line {
            each(bytes, offset);
        }
    };
    let broken = text(evidence, log, &mut |bytes| {
        lines.piece(bytes, &mut kept);
        ControlFlow::Continue(())
    })?;
    Ok((lines.end(&mut kept), broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_may_have_a_day_in_its_name() {
        assert_eq!(day_of(b"secure-20261122.gz").unwrap().day(), "2026-11-22");
        assert_eq!(day_of(b"auth.log-20261122").unwrap().day(), "2026-11-22");
        for name in [
            &b"auth.log"[..],
            b"auth.log.1",
            b"secure-2026",
            b"a-20261399",
            b"x-\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(day_of(name), None, "{name:?}");
        }
    }
}
