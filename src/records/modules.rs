//! /proc/modules (proc_modules(5)): the kernel's loaded modules, a line each, the name first.

use std::collections::BTreeSet;

/// The names in the text.
pub fn names(text: &[u8]) -> BTreeSet<Vec<u8>> {
    let first = |line: &[u8]| line.split(|byte| *byte == b' ').next().map(<[u8]>::to_vec);
    text.split(|byte| *byte == b'\n').filter_map(first).filter(|name| !name.is_empty()).collect()
}

/// The names that only the later text has.
pub fn loaded_between(before: &[u8], after: &[u8]) -> Vec<Vec<u8>> {
    names(after).difference(&names(before)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written from documentation.
    const BEFORE: &[u8] = b"virtio_net 102400 0 - Live 0x0000000000000000\n";
    const AFTER: &[u8] = b"tcp_diag 12288 0 - Live 0x0000000000000000\n\
        inet_diag 28672 1 tcp_diag, Live 0x0000000000000000\n\
        virtio_net 102400 0 - Live 0x0000000000000000\n";

    #[test]
    fn what_came_between_two_looks_is_told() {
        assert_eq!(loaded_between(BEFORE, AFTER), [b"inet_diag".to_vec(), b"tcp_diag".to_vec()]);
        assert!(loaded_between(AFTER, BEFORE).is_empty() && loaded_between(b"", b"\n\n").is_empty());
    }

    #[test]
    fn any_text_has_only_names_that_are_in_it() {
        for cut in 0..AFTER.len() {
            assert!(
                names(&AFTER[..cut]).iter().all(|name| AFTER.windows(name.len()).any(|part| part == name))
            );
        }
        assert_eq!(names(b"\xff\x1b x\n"), BTreeSet::from([b"\xff\x1b".to_vec()]));
    }
}
