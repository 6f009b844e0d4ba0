//! Signals: noted, and acted upon where the run can stop and still be sealed.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use crate::intake::StopMark;
use crate::term::Failure;

/// From here on INT, TERM and HUP are noted instead of ending the program. They stay noted while the bundle is being
/// finished, however often they come.
pub fn listen() -> Result<StopMark, Failure> {
    let mark = StopMark::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, mark.flag(), number)?;
    }
    // A limit on file sizes must come back as an error, not end us in the middle of a write.
    signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default())?;
    Ok(mark)
}
