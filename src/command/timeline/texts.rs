//! Text logs of logins. Their lines may have neither year nor zone, so that each file is read twice: once for its years,
//! and once for what it says.

use std::ops::ControlFlow;

use super::coverage::{Coverage, Read};
use super::pile::Pile;
use crate::command::evidence::{Evidence, Log};
use crate::command::recorded::{dated, unpacked};
use crate::custody::entry::EntryId;
use crate::records::audit_event::Place;
use crate::records::auth_text::TimeQuality;
use crate::records::lines::{Line, Lines, Tally};
use crate::records::syslog::Reader;
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
    let logs = dated(evidence, &mut |log, survey| {
        lines(evidence, log, &mut |line, offset| survey.line(line, offset)).map(drop)
    })?;
    for (log, years) in logs {
        if pile.is_lost() {
            return Ok(());
        }
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
        coverage.others.add(&notes.others);
        coverage.notes.extend(notes.doubt().map(|doubt| format!("{}: {doubt}", log.name)));
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
    let broken = unpacked(evidence, log, &mut |bytes| {
        lines.piece(bytes, &mut kept);
        ControlFlow::Continue(())
    })?;
    Ok((lines.end(&mut kept), broken))
}
