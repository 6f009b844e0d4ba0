//! `/proc/PID/maps` (proc_pid_maps(5)): what a process has in its memory.

use std::collections::HashSet;

use super::target;

/// Names that a summary keeps.
const NAMES: usize = 16;

/// One mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'t> {
    /// Where it begins.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// `r`, `w`, `x` and `p` or `s`, or `-`.
    pub permissions: [u8; 4],
    /// Inode of the file; 0 for anonymous memory.
    pub inode: u64,
    /// The file as the kernel tells it (a newline in it is written as `\012`), `[heap]`, `[stack]`, or nothing.
    pub path: &'t [u8],
}

impl Mapping<'_> {
    /// Whether it may be run.
    pub fn is_executable(&self) -> bool {
        self.permissions.get(2) == Some(&b'x')
    }

    /// Whether it may be run and written.
    pub fn is_writable_and_executable(&self) -> bool {
        self.is_executable() && self.permissions.get(1) == Some(&b'w')
    }

    /// Whether it belongs to no file, and is none of the kernel's own pages (`[vdso]`, `[vsyscall]`, …).
    pub fn is_anonymous(&self) -> bool {
        self.inode == 0 && matches!(self.path, b"" | b"[heap]" | b"[stack]" | b"[anon]")
            || self.path.starts_with(b"[anon:")
            || self.path.starts_with(b"[stack:")
    }

    /// Its name in `/proc/PID/map_files`, which leads to the file itself.
    pub fn file_name(&self) -> String {
        format!("{:x}-{:x}", self.start, self.end)
    }
}

/// The mappings, in order; none for a line that is not one.
pub fn mappings(text: &[u8]) -> impl Iterator<Item = Option<Mapping<'_>>> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(mapping)
}

/// `START-END PERMISSIONS OFFSET DEVICE INODE   PATH`; the path may hold blanks.
fn mapping(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let (range, permissions) = (fields.next()?, fields.next()?);
    let inode = super::figures::number(fields.nth(2)?)?;
    let path = fields.next().unwrap_or_default();
    let blanks = path.iter().take_while(|byte| **byte == b' ').count();
    let dash = range.iter().position(|byte| *byte == b'-')?;
    Some(Mapping {
        start: hex(range.get(..dash)?)?,
        end: hex(range.get(dash + 1..)?)?,
        permissions: permissions.try_into().ok()?,
        inode,
        path: path.get(blanks..)?,
    })
}

fn hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What matters of all mappings of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary<'t> {
    /// Mappings.
    pub mappings: u64,
    /// Files with a mapping that may be run, each counted once.
    pub executable_files: u64,
    /// Those of them whose name is gone or that never had one, the first sixteen.
    pub without_name: Vec<&'t [u8]>,
    /// Mappings that may be run of files whose name is gone.
    pub executable_deleted: u64,
    /// Mappings that may be run of files that never had a path (memfd_create(2)).
    pub executable_memfd: u64,
    /// Mappings that may be run and belong to no file.
    pub executable_anonymous: u64,
    /// Mappings that may be run and written.
    pub writable_executable: u64,
    /// Lines that could not be read.
    pub unread: u64,
}

/// Sums up a whole file.
pub fn summary(text: &[u8]) -> Summary<'_> {
    let (mut sum, mut seen) = (Summary::default(), HashSet::new());
    for mapping in mappings(text) {
        let Some(mapping) = mapping else {
            sum.unread += 1;
            continue;
        };
        sum.mappings += 1;
        if !mapping.is_executable() {
            continue;
        }
        sum.writable_executable += u64::from(mapping.is_writable_and_executable());
        sum.executable_anonymous += u64::from(mapping.is_anonymous());
        if !mapping.path.starts_with(b"/") {
            continue;
        }
        match target::sort(mapping.path) {
            target::Target::Memory => sum.executable_memfd += 1,
            _ => sum.executable_deleted += u64::from(target::is_marked_deleted(mapping.path)),
        }
        if seen.insert(mapping.path)
            && target::is_marked_deleted(mapping.path)
            && sum.without_name.len() < NAMES
        {
            sum.without_name.push(mapping.path);
        }
    }
    sum.executable_files = seen.len() as u64;
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    // Captured on Linux 6.18 from python3 that had mapped a deleted file and a memfd to be run, and anonymous memory
    // to be run and written; addresses shortened.
    const MAPS: &[u8] =
        b"5594c31ce000-5594c31d0000 r--p 00000000 fe:00 247282                     /usr/bin/python3.11\n\
        5594c31d0000-5594c31d6000 r-xp 00002000 fe:00 247282                     /usr/bin/python3.11\n\
        5594d6f7d000-5594d6f9e000 rw-p 00000000 00:00 0                          [heap]\n\
        7f0000000000-7f0000001000 r-xp 00000000 fe:00 99                         /tmp/a b\xff (deleted)\n\
        7f0000002000-7f0000003000 r-xs 00000000 00:01 1234                       /memfd:pay load (deleted)\n\
        7f0000004000-7f0000005000 rwxp 00000000 00:00 0 \n\
        7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0                          [vdso]\n\
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

    #[test]
    fn what_can_be_run_is_summed_up() {
        let sum = summary(MAPS);
        assert_eq!((sum.mappings, sum.unread), (8, 0));
        assert_eq!(sum.executable_files, 3);
        assert_eq!(sum.without_name, [&b"/tmp/a b\xff (deleted)"[..], b"/memfd:pay load (deleted)"]);
        assert_eq!((sum.executable_deleted, sum.executable_memfd), (1, 1));
        assert_eq!((sum.executable_anonymous, sum.writable_executable), (1, 1));
        let first = mappings(MAPS).next().unwrap().unwrap();
        assert_eq!(first.file_name(), "5594c31ce000-5594c31d0000");
    }

    #[test]
    fn a_line_that_is_none_is_counted_and_costs_no_other() {
        let text = [b"nonsense\n\xff\n", MAPS].concat();
        assert_eq!((summary(&text).unread, summary(&text).mappings), (2, 8));
        Mishaps::of(MAPS).each(|bytes| drop(summary(bytes)));
    }
}
