//! Names of extended attributes: what lies beside a file's content and mode. `system.posix_acl_access` and
//! `system.posix_acl_default` say that there is an access control list, `security.capability` that a program has
//! capabilities, `user.*` is what anybody wrote. Asking opens nothing and changes no time; where reading is audited it
//! is an event ([`super::allowance::ATTRIBUTE_EVENTS`]).

use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::buffer::spare_capacity;
use rustix::fs;
use rustix::io::Errno;

use super::place::Spot;
use super::{Host, Trouble, sys};

/// Bytes of names that are kept of one file; xattr(7) allows 64 KiB, and folders hold a million files.
const KEPT: usize = 4 << 10;

/// The kernel does not know listxattrat(2), new in Linux 6.13, or a filter refuses it.
static UNKNOWN: AtomicBool = AtomicBool::new(false);

/// The names of a file's extended attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// They, sorted.
    pub names: Vec<Vec<u8>>,
    /// There are more than are kept.
    pub cut: bool,
}

impl Host {
    /// The names of the extended attributes of what lies at `spot`; of a link itself.
    pub fn extended(&self, spot: &Spot) -> Result<Names, Trouble> {
        self.may_ask(&spot.real)?;
        let (folder, name) = (Arc::clone(&spot.folder), spot.name.clone());
        match self.patience().ask(move || at(&folder, &name)) {
            Ok(names) => names.map_err(|errno| Trouble::from_errno(errno, spot.path.to_string())),
            Err(none) => Err(self.no_answer(none, &spot.real)),
        }
    }
}

/// The names for a name in a folder; of a link itself.
pub fn at(folder: impl AsFd, name: &[u8]) -> Result<Names, Errno> {
    let mut short = [0; KEPT];
    match list(&folder, name, &mut short) {
        Ok(length) => Ok(sorted(short.get(..length).unwrap_or_default(), false)),
        // The file system keeps none.
        Err(Errno::NOTSUP) => Ok(Names::default()),
        Err(Errno::RANGE) => {
            let mut long = vec![0; 64 << 10];
            let length = list(&folder, name, &mut long)?;
            let kept = long.get(..length.min(KEPT)).unwrap_or_default();
            let whole = kept.iter().rposition(|byte| *byte == 0).map_or(0, |last| last + 1);
            Ok(sorted(kept.get(..whole).unwrap_or_default(), whole < length))
        }
        Err(errno) => Err(errno),
    }
}

/// Names come one after the other, each with a NUL behind it.
fn sorted(list: &[u8], cut: bool) -> Names {
    let mut names: Vec<Vec<u8>> =
        list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    names.sort_unstable();
    Names { names, cut }
}

fn list(folder: &impl AsFd, name: &[u8], into: &mut [u8]) -> Result<usize, Errno> {
    if !UNKNOWN.load(Ordering::Relaxed) {
        match sys::list_xattrs(folder.as_fd(), name, into) {
            Err(Errno::NOSYS | Errno::PERM) => UNKNOWN.store(true, Ordering::Relaxed),
            other => return other,
        }
    }
    list_through_proc(folder, name, into)
}

/// Where the kernel takes no folder and name: by a path through the folder's descriptor.
fn list_through_proc(folder: &impl AsFd, name: &[u8], into: &mut [u8]) -> Result<usize, Errno> {
    let mut path = format!("/proc/self/fd/{}/", folder.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let mut found = Vec::with_capacity(into.len());
    let length = fs::llistxattr(path.as_slice(), spare_capacity(&mut found))?;
    into.get_mut(..length).ok_or(Errno::RANGE)?.copy_from_slice(found.get(..length).ok_or(Errno::RANGE)?);
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags, XattrFlags};

    #[test]
    fn names_are_told_sorted_by_either_way_and_a_long_list_is_cut_at_a_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = fs::open(dir.path(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        std::fs::write(dir.path().join("a"), b"").unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        assert_eq!(at(&folder, b"link").unwrap(), Names::default());
        assert_eq!(at(&folder, b"none"), Err(Errno::NOENT));
        let set = |name: &[u8]| fs::setxattr(dir.path().join("a"), name, b"", XattrFlags::empty());
        if set(b"user.z").is_err() {
            let skipped = b"SKIPPED: this file system has no extended attributes\n";
            let _ = std::io::Write::write_all(&mut std::io::stderr(), skipped);
            return;
        }
        set(b"user.a\xff\n").unwrap();
        let expected = [b"user.a\xff\n".to_vec(), b"user.z".to_vec()];
        assert_eq!(at(&folder, b"a").unwrap(), Names { names: expected.to_vec(), cut: false });
        let mut through = [0; 100];
        let length = list_through_proc(&folder, b"a", &mut through).unwrap();
        assert_eq!(sorted(&through[..length], false).names, expected);
        assert_eq!(at(&folder, b"link").unwrap(), Names::default());
    }
}
