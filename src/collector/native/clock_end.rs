//! The clocks at the end of a run: with those of the beginning they show whether anybody set them meanwhile.

use crate::collector::run::Run;
use crate::intake::Halt;

/// Reads them at the end.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    super::clock_start::read(run, "clock_end", "clock-end", None)
}
