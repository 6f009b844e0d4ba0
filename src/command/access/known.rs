//! What a bundle knows of the files in PHI folders: their inodes, by which the log may speak of them under other names.

use std::ops::ControlFlow;

use serde::Deserialize;

use crate::command::evidence::{Evidence, What};
use crate::command::recorded::unless_forged;
use crate::custody::entry::Base64;
use crate::custody::json;
use crate::records::audit_event::items::FileId;
use crate::records::lines::{Line, Lines};
use crate::term::{Failure, counted};
use crate::view::access::Access;

/// Bytes of a row.
const ROW: usize = 1 << 20;

/// A row of a listing, as far as it matters here.
#[derive(Deserialize)]
struct Listed {
    dev: String,
    ino: u64,
    mode: String,
    nlink: u64,
    path: String,
    path_b64: Option<Base64>,
}

/// Tells it to the answer in the making; what of it could not be read comes back in words.
pub fn tell(evidence: &Evidence, access: &mut Access<'_>) -> Result<Vec<String>, Failure> {
    let mut unread = Vec::new();
    for log in evidence.logs(What::Walk) {
        let (mut lines, mut odd) = (Lines::default(), 0_u64);
        let mut know = |line: Line<'_>| {
            let Line::Kept { bytes, .. } = line else { return };
            match json::read::<Listed>(bytes, ROW) {
                Ok(row) => learn(access, &row),
                Err(_) => odd += 1,
            }
        };
        let read = evidence.read_while(log, &mut |bytes| {
            lines.piece(bytes, &mut know);
            ControlFlow::Continue(())
        });
        odd += lines.end(&mut know).oversize;
        // Without it files are known by their names alone.
        let why = unless_forged(read)?.or((odd > 0).then(|| counted(odd, "row") + " not understood"));
        unread.extend(why.map(|why| format!("{}: NOT ALL READ: {why}", log.name)));
    }
    Ok(unread)
}

fn learn(access: &mut Access<'_>, row: &Listed) {
    let Some(id) = id(row) else { return };
    // What links to a folder is its own, and what lies in it.
    let names = if row.mode.starts_with("40") { 1 } else { u32::try_from(row.nlink).unwrap_or(u32::MAX) };
    access.know(id, row.path_b64.as_ref().map_or(row.path.as_bytes(), |exact| &exact.0), names);
}

/// `8:1`, as mountinfo and stat(2) have it: the kernel logs the same but on btrfs and overlayfs.
fn id(row: &Listed) -> Option<FileId> {
    let (major, minor) = row.dev.split_once(':')?;
    Some(FileId { system: 0, major: major.parse().ok()?, minor: minor.parse().ok()?, inode: row.ino })
}
