//! The audit logs of the evidence, and among their lines those that journals alone have.

use super::beside::KeptBeside;
use crate::command::evidence::{Evidence, Log, What};
use crate::records::audit_event::{Counts, FileRead, Heard, Joining, Judges, Looks, Reading, Steady};
use crate::records::audit_log::witnesses::Stands;
use crate::term::Failure;

/// What passes.
pub enum Passes<'p> {
    /// A log begins.
    Begins(&'p Log),
    /// A line of it, where lines are heard, or an event.
    Heard(Heard<'p>),
    /// It ended: what it was, and why it could not be read to its end.
    Ends(&'p Log, &'p FileRead, Option<&'p Failure>),
}

/// Which events are wanted, said in two ways that mean the same.
pub struct Wanted<L, J, S> {
    /// By a look at a line, which can be had ahead of the others, and a judgement of what was seen in their order.
    pub ahead: (L, J),
    /// Line by line.
    pub by_line: S,
    /// Whether lines are heard too, and not events alone.
    pub lines: bool,
}

/// Reads them, the oldest first. A bundle that is not what it was ends everything.
pub fn audit_logs<L, J, S>(
    evidence: &Evidence,
    beside: &KeptBeside,
    wanted: Wanted<L, J, S>,
    each: &mut dyn FnMut(Passes<'_>),
) -> Result<Counts, Failure>
where
    L: Looks + Clone,
    J: Judges<Glance = L::Glance>,
    S: FnMut(&[u8], &[u8]) -> bool,
{
    if beside.is_nothing() {
        return in_blocks(evidence, wanted.ahead, wanted.lines, each);
    }
    among(evidence, beside, wanted.by_line, each)
}

/// The logs alone, on two processors, where there are two; with all lines too, or events alone.
fn in_blocks<L: Looks + Clone, J: Judges<Glance = L::Glance>>(
    evidence: &Evidence,
    (look, judge): (L, J),
    lines: bool,
    each: &mut dyn FnMut(Passes<'_>),
) -> Result<Counts, Failure> {
    let mut joining = Joining::new(judge);
    for log in evidence.logs(What::Audit) {
        each(Passes::Begins(log));
        let scan = joining.begin(log.number, look.clone());
        let (ended, read) = evidence.blocks(log, scan, &mut |block| match lines {
            true => joining.hear(block, &mut |heard| each(Passes::Heard(heard))),
            false => joining.block(block, &mut |event| each(Passes::Heard(Heard::Event(event)))),
        });
        ends(log, &joining.end_file(ended), read, each)?;
    }
    Ok(joining.finish(&mut |event| each(Passes::Heard(Heard::Event(event)))))
}

/// Line by line, so that the lines of journals come where they belong.
fn among(
    evidence: &Evidence,
    beside: &KeptBeside,
    wants: impl FnMut(&[u8], &[u8]) -> bool,
    each: &mut dyn FnMut(Passes<'_>),
) -> Result<Counts, Failure> {
    let mut reading = Reading::beside(Steady(wants), beside.replay());
    let hear = |each: &mut dyn FnMut(Passes<'_>), heard: Heard<'_>| each(Passes::Heard(heard));
    beside.pass(evidence, Stands::Before, &mut |line, place| {
        reading.other(line, place, &mut |heard| hear(each, heard));
    })?;
    for log in evidence.logs(What::Audit) {
        each(Passes::Begins(log));
        reading.begin(log.number);
        let read = evidence.read(log, &mut |bytes| reading.hear(bytes, &mut |heard| hear(each, heard)));
        let told = reading.end_hear(&mut |heard| hear(each, heard));
        ends(log, &told, read, each)?;
    }
    beside.pass(evidence, Stands::Behind, &mut |line, place| {
        reading.other(line, place, &mut |heard| hear(each, heard));
    })?;
    Ok(reading.finish_hear(&mut |heard| hear(each, heard)))
}

fn ends(
    log: &Log,
    told: &FileRead,
    read: Result<(), Failure>,
    each: &mut dyn FnMut(Passes<'_>),
) -> Result<(), Failure> {
    match read {
        Err(failure) if failure.is_of_verification() => return Err(failure),
        read => each(Passes::Ends(log, told, read.err().as_ref())),
    }
    Ok(())
}
