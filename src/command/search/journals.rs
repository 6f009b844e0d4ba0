//! The kernel's audit records that journald took: they are searched where there is no audit log, and where somebody names
//! journals beside audit logs what these lack is searched with them.

use super::coverage::{Coverage, Read};
use crate::clock::Timestamp;
use crate::command::evidence::{Evidence, Log, What};
use crate::command::recorded::{KeptBeside, audit_lines_of, beside_logs, is_of_others, left_out};
use crate::records::audit_event::{Assembler, Counts, Event, Steady};
use crate::records::audit_log::record;
use crate::records::audit_log::witnesses::Witnesses;
use crate::term::Failure;
use crate::view::audit_witnesses;

/// Reads journals in the place of audit logs.
pub fn alone(
    evidence: &Evidence,
    wants: impl FnMut(&[u8], &[u8]) -> bool,
    take: &mut dyn FnMut(Event),
    coverage: &mut Coverage,
) -> Result<Counts, Failure> {
    let mut assembler = Assembler::new(Steady(wants));
    for log in evidence.logs(What::Journal) {
        assembler.file(log.number);
        let (mut passed, mut foreign, is_foreign) = (Passed::default(), 0, is_of_others(evidence, log));
        let broken = audit_lines_of(evidence, log, &mut |line, offset| {
            if is_foreign {
                foreign += 1;
                return;
            }
            passed.line(line);
            assembler.line(line, offset, take);
        })?;
        coverage.notes.extend(left_out(log, foreign));
        coverage.read.push(passed.read(log, broken));
    }
    Ok(assembler.end(take))
}

/// What the audit logs lack of journals that are named with them.
pub fn beside(evidence: &Evidence, coverage: &mut Coverage) -> Result<KeptBeside, Failure> {
    let mut both = Witnesses::default();
    for log in evidence.logs(What::Journal) {
        let (mut foreign, is_foreign) = (0, is_of_others(evidence, log));
        let broken = audit_lines_of(evidence, log, &mut |line, _| match is_foreign {
            true => foreign += 1,
            false => both.journal(line),
        })?;
        coverage.notes.extend(broken.map(|why| format!("{}: {why}", log.name)));
        coverage.notes.extend(left_out(log, foreign));
    }
    let beside = beside_logs(evidence, both)?;
    let told = audit_witnesses::told(beside.both());
    coverage.notes.extend(told.notes);
    coverage.remarks.extend(told.remarks);
    Ok(beside)
}

/// Audit records of a journal.
#[derive(Default)]
struct Passed {
    records: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl Passed {
    fn line(&mut self, line: &[u8]) {
        let Some(time) = record(line).map(|record| record.id.time) else { return };
        let (first, last) = self.span.unwrap_or((time, time));
        self.records += 1;
        self.span = Some((first.min(time), last.max(time)));
    }

    fn read(self, log: &Log, broken: Option<String>) -> Read {
        let (name, bytes, Passed { records, span }) = (log.name.clone(), log.size, self);
        Read { name, bytes, span, records, odd: 0, torn: false, broken }
    }
}
