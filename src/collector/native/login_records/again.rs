//! Reading once more what was sealed a moment ago. A table may say that it was made of an entry only if the bytes are
//! the same: those of short files were kept when they were sealed, since who is on changes at every login; of long ones
//! the digest tells.

use super::sources::Found;
use super::table::Table;
use crate::collector::run::Run;
use crate::custody::digest::Hasher;
use crate::host::Trouble;
use crate::host::file::{Glimpse, PIECE};
use crate::intake::Halt;

/// What became of the second reading.
pub enum Again {
    /// The bytes are those that were sealed.
    Same,
    /// They are not any more. What was given is of no use.
    Changed,
    /// It could not be read.
    Trouble(Trouble),
}

/// Reads as many bytes as were sealed, piece by piece: what was appended since then does not matter.
pub fn again(
    run: &mut Run<'_, '_>,
    table: &mut Table,
    found: &Found,
    each: &mut dyn FnMut(&mut Table, &[u8]),
) -> Result<Again, Halt> {
    if let Some(kept) = &found.copy.kept {
        for piece in kept.chunks(PIECE) {
            table.flush(run)?;
            each(table, piece);
        }
        return Ok(Again::Same);
    }
    let host = run.host;
    let located = host.locate(&found.copy.real, false);
    let mut reading = match located.and_then(|located| host.read(&located.spot, found.copy.size)) {
        Ok(reading) => reading,
        Err(trouble) => return Ok(Again::Trouble(trouble)),
    };
    let mut hasher = Hasher::new();
    loop {
        table.flush(run)?;
        match reading.glimpse() {
            Ok(Glimpse::Opened(_)) => {}
            Ok(Glimpse::Bytes(bytes)) => {
                hasher.update(&bytes);
                each(table, &bytes);
            }
            Ok(Glimpse::Done(_)) => {
                let same = hasher.finish() == found.copy.sha256;
                return Ok(if same { Again::Same } else { Again::Changed });
            }
            Ok(Glimpse::Other(_)) => return Ok(Again::Changed),
            Ok(Glimpse::Failed(errno, _)) => {
                return Ok(Again::Trouble(Trouble::from_errno(errno, found.path.to_string())));
            }
            Err(trouble) => return Ok(Again::Trouble(trouble)),
        }
    }
}

/// All bytes of a file, if it is not longer than `most` and still as it was sealed; otherwise it is said why not.
pub fn whole(
    run: &mut Run<'_, '_>,
    table: &mut Table,
    found: &Found,
    most: u64,
) -> Result<Option<Vec<u8>>, Halt> {
    if found.copy.size > most {
        let words = format!("it is longer than the {} MiB that are read into memory", most >> 20);
        table.refuse(found, words);
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = again(run, table, found, &mut |_, more| bytes.extend_from_slice(more))?;
    Ok(table.is_same(found, read).then_some(bytes))
}
