//! The years of text logs, the same for every verb: all logs pass once for their days, and each is dated by what it says of
//! itself and by the next newer one of its rotation.

use std::ops::ControlFlow;

use super::unless_forged;
use crate::command::evidence::{Evidence, Log, What};
use crate::records::syslog::{Anchor, Survey, Surveyed, Years, named_at, packed_at, years_of};
use crate::term::Failure;

/// Surveys a log.
type Pass<'p> = dyn FnMut(&Log, &mut Survey) -> Result<(), Failure> + 'p;

/// The text logs with their years, in the order of the evidence; `pass` gives all lines of one to its survey.
pub fn dated<'e>(evidence: &'e Evidence, pass: &mut Pass<'_>) -> Result<Vec<(&'e Log, Years)>, Failure> {
    let mut surveyed = Vec::new();
    for log in evidence.logs(What::Auth) {
        let mut survey = Survey::default();
        pass(log, &mut survey)?;
        surveyed.push((log, survey, anchor(evidence, log)?));
    }
    let logs: Vec<Surveyed<'_>> = surveyed
        .iter()
        .map(|(log, survey, anchor)| {
            let path = log.path.as_ref().map(|path| path.as_bytes());
            Surveyed { survey, anchor: *anchor, path }
        })
        .collect();
    let years = years_of(&logs, &evidence.zone.clone().unwrap_or_default());
    Ok(surveyed.iter().map(|(log, ..)| *log).zip(years).collect())
}

/// When the last line of a log was written at the latest, as far as it tells itself.
fn anchor(evidence: &Evidence, log: &Log) -> Result<Anchor, Failure> {
    Ok(Anchor {
        collected: evidence.collected,
        modified: log.modified,
        packed: packed_at(&head(evidence, log)?),
        named: log.path.as_ref().and_then(|path| named_at(path.name())),
        next: None,
    })
}

/// The first eight bytes of a log, or fewer. What cannot be read is told when it is its turn.
pub fn head(evidence: &Evidence, log: &Log) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    let read = evidence.read_while(log, &mut |bytes| {
        let room = bytes.len().min(8_usize.saturating_sub(head.len()));
        head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        if head.len() >= 8 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    unless_forged(read).map(|_| head)
}
