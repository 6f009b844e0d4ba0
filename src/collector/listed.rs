//! Rows of listings, made of what a walk came across.

use super::undigested;
use crate::custody::rows::FileRow;
use crate::host::Trouble;
use crate::host::extended::Names;
use crate::host::walk::{Seen, Untold};

/// Why something was not asked for while openings are counted: the word in a row.
pub const OVER_BUDGET: &str = "audit_budget";

/// The row of a name. Where the names of extended attributes would have been asked for if nothing counted openings,
/// the row says that they were not. `path` is memory for its path.
pub fn row(found: &Seen<'_>, path: &mut Vec<u8>, counted: bool) -> FileRow {
    found.write_path(path);
    let mut row = FileRow::of(path, found.met.stat.clone(), found.target);
    row.attributes = found.met.attributes.names();
    row.target_missing = found.target_missing.map(|why| match why {
        Untold::OverAllowance => OVER_BUDGET,
        Untold::Refused(errno) => undigested::word_for(&Trouble::from_errno(errno, "")),
    });
    match found.extended {
        Some(Ok(names)) => name_extended(&mut row, names),
        Some(Err(errno)) => {
            row.xattrs_missing = Some(undigested::word_for(&Trouble::from_errno(*errno, "")));
        }
        None => row.xattrs_missing = counted.then_some(OVER_BUDGET),
    }
    row
}

/// Puts the names of extended attributes into a row.
pub fn name_extended(row: &mut FileRow, names: &Names) {
    row.name_xattrs(&names.names);
    row.xattrs_missing = names.cut.then_some("too_long");
}
