//! The kernel's log buffer, from /dev/kmsg, as it is: one of the two devices that are ever opened.

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::intake::Halt;

/// Seals the records that the kernel still has, oldest first.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let source = Source::text("/dev/kmsg");
    match run.host.kernel_log() {
        Ok(log) if log.bytes.is_empty() => {
            let reason = Reason::new(ReasonCode::NotFound, "the kernel gave no record; its buffer was cleared or is closed to us");
            run.intake.gap(source, Outcome::Inconclusive, reason)?;
        }
        Ok(log) => {
            let mut draft = Draft::new(Kind::Capture, source, taken);
            if log.overwritten > 0 {
                let words = format!("the buffer was overwritten {} times while it was read", log.overwritten);
                draft = draft.ended(Outcome::Changed, Reason::new(ReasonCode::Overwritten, words));
            }
            run.intake.capture(Member::of_live("kernel-log", "kmsg"), draft, log.bytes)?;
        }
        Err(trouble) => {
            let (outcome, reason) = trouble.verdict();
            run.intake.gap(source, outcome, reason)?;
        }
    }
    Ok(())
}
