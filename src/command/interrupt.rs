//! Signals: noted, and acted upon where the run can stop and still be sealed.

use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use crate::intake::StopMark;
use crate::seal::unpack::Interruption;
use crate::term::{Exit, Failure};

/// From here on INT, TERM and HUP are noted instead of ending the program. They stay noted while the bundle is being
/// finished, however often they come.
pub fn listen() -> Result<StopMark, Failure> {
    let mark = StopMark::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, mark.flag(), number)?;
    }
    // A limit on file sizes must come back as an error, not end us in the middle of a write.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    Ok(mark)
}

/// The same for unpacking: until the first file is written, a signal ends the program at once; from then on it is
/// noted, so that what was unpacked can be removed.
pub fn listen_while_unpacking() -> Result<Interruption, Failure> {
    let interruption = Interruption::none();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let status = Exit::Interrupted as i32;
        signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&interruption.idle))?;
        let number = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, Arc::clone(&interruption.signal), number)?;
    }
    Ok(interruption)
}
