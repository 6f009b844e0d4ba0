//! The definitions of this run, each as a member: what was asked for can be read years later, whoever wrote it.

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::intake::Halt;

/// Seals each definition's text; the plan has its digest.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    for definition in run.plan.collectors() {
        let name = format!("{}.toml", definition.id);
        let mut draft = Draft::new(Kind::Capture, Source::text(&definition.origin), run.intake.now());
        draft.title = Some(format!("Definition of {}", definition.id));
        run.intake.capture(
            Member::of_live("definitions", &name),
            draft,
            definition.text.clone().into_bytes(),
        )?;
    }
    Ok(())
}
