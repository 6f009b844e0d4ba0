//! Which file is which, and which copy has all of it.

use super::*;
use crate::host::Host;
use crate::host::pattern::Pattern;
use crate::host::test_host::host_with;
use crate::host::walk::{Found, Wanted};

fn found(host: &Host, path: &str) -> Match {
    let pattern = Pattern::exactly(&HostPath::new(path).unwrap());
    match host.walk(&pattern, Wanted::Files, false).next() {
        Some(Found::Match(found)) => *found,
        other => panic!("{path}: {other:?}"),
    }
}

/// As if it had been sealed as it is now, under this number.
fn sealed(found: &Match, number: u32) -> SealedCopy {
    SealedCopy {
        entry: EntryId(number),
        sha256: Digest::of(b""),
        size: found.met.stat.size,
        modified: found.met.stat.mtime,
        whole: true,
        to_its_end: true,
        asked: None,
        kept: None,
        observed: None,
        file: FileId::of(&found.met),
        real: found.spot.real.clone(),
        has_length: found.met.stat.size > 0,
        taken_again: false,
    }
}

fn append(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) {
    let mut file = std::fs::File::options().append(true).open(dir.path().join(name)).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

fn covering(copies: &SealedCopies, found: &Match) -> Option<u32> {
    copies.covering(found).map(|copy| copy.entry.0)
}

#[test]
fn a_renamed_log_is_known_again_and_its_successor_is_not_taken_for_it() {
    let (dir, host) = host_with(&[("/log", b"one\n")]);
    let mut copies = SealedCopies::default();
    copies.add(sealed(&found(&host, "/log"), 1));
    append(&dir, "log", b"two\n");
    assert_eq!(covering(&copies, &found(&host, "/log")), Some(1), "it goes on being written in its place");
    std::fs::rename(dir.path().join("log"), dir.path().join("log.1")).unwrap();
    std::fs::write(dir.path().join("log"), b"three\n").unwrap();
    let (new, old) = (found(&host, "/log"), found(&host, "/log.1"));
    assert_eq!(covering(&copies, &new), None, "another file has its name");
    assert!(copies.has_passed_on_its_name(&new) && !copies.has_passed_on_its_name(&old));
    assert!(copies.was_given_its_name(&new) && !copies.was_given_its_name(&old));
    // What is younger than the log whose name its own begins with, as copytruncate leaves it, was given no name of another.
    std::fs::write(dir.path().join("log.0"), b"zero\n").unwrap();
    let copied = found(&host, "/log.0");
    assert!(copies.has_passed_on_its_name(&copied) && !copies.was_given_its_name(&copied));
    assert_eq!(covering(&copies, &old), None, "it had grown before it was renamed");
    assert_eq!(copies.outgrown(&old).map(|copy| copy.entry.0), Some(1));
    copies.add(sealed(&old, 2));
    assert_eq!((covering(&copies, &old), copies.outgrown(&old).is_none()), (Some(2), true));
    // The longer copy stands for both, and the name leads to what was sealed last under it.
    assert_eq!(copies.all().map(|copy| copy.entry.0).collect::<Vec<_>>(), [2]);
    copies.add(sealed(&new, 3));
    assert_eq!(copies.last_at(&new.spot.real).map(|copy| copy.entry.0), Some(3));
    assert_eq!(copies.all().map(|copy| copy.entry.0).collect::<Vec<_>>(), [2, 3]);
    std::fs::rename(dir.path().join("log.1"), dir.path().join("log.2")).unwrap();
    assert_eq!(covering(&copies, &found(&host, "/log.2")), Some(2), "nothing but its name has changed");
}

#[test]
fn a_log_that_was_renamed_while_it_was_read_is_due_again_and_one_that_was_cut_is_not() {
    let (dir, host) = host_with(&[("/log", b"one\n")]);
    let changed = SealedCopy { whole: false, ..sealed(&found(&host, "/log"), 1) };
    append(&dir, "log", b"two\n");
    std::fs::rename(dir.path().join("log"), dir.path().join("log.1")).unwrap();
    let old = found(&host, "/log.1");
    let cut = SealedCopy { to_its_end: false, ..changed.clone() };
    for (copy, is_due) in [(changed, true), (cut, false)] {
        let mut copies = SealedCopies::default();
        copies.add(copy);
        assert_eq!(copies.outgrown(&old).is_some(), is_due);
    }
}

#[test]
fn a_rotated_log_that_is_still_written_is_due_again_once_its_successor_was_sealed() {
    let (dir, host) = host_with(&[("/log.1", b"one\n"), ("/log", b"three\n")]);
    let mut copies = SealedCopies::default();
    copies.add(sealed(&found(&host, "/log.1"), 1));
    append(&dir, "log.1", b"two\n");
    assert!(copies.outgrown(&found(&host, "/log.1")).is_none(), "nothing that follows is here");
    let mut successor = sealed(&found(&host, "/log"), 2);
    successor.file.born = FileId::of(&found(&host, "/log.1").met).born;
    copies.add(successor);
    assert_eq!(copies.outgrown(&found(&host, "/log.1")).map(|copy| copy.entry.0), Some(1));
    copies.add(sealed(&found(&host, "/log.1"), 3));
    append(&dir, "log.1", b"never let go\n");
    assert!(copies.outgrown(&found(&host, "/log.1")).is_none(), "it was sealed after its successor");
}

#[test]
fn a_hard_link_is_the_same_file_and_a_copy_of_the_same_bytes_is_not() {
    let (dir, host) = host_with(&[("/a", b"bytes")]);
    let mut copies = SealedCopies::default();
    copies.add(sealed(&found(&host, "/a"), 1));
    std::fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
    std::fs::copy(dir.path().join("a"), dir.path().join("c")).unwrap();
    assert_eq!(covering(&copies, &found(&host, "/b")), Some(1));
    assert_eq!(covering(&copies, &found(&host, "/c")), None);
}

#[test]
fn the_number_of_a_removed_file_does_not_make_the_next_one_it() {
    let (_dir, host) = host_with(&[("/log", b"the first\n"), ("/other", b"shorter\n")]);
    let mut first = found(&host, "/log");
    let mut copies = SealedCopies::default();
    let mut reused = found(&host, "/other");
    reused.met.identity = first.met.identity;
    if first.met.stat.btime.is_some() {
        // Births differ, whatever else is the same.
        let mut born_later = found(&host, "/log");
        born_later.met.stat.btime = Some(Timestamp::from_unix(4_000_000_000, 0));
        let mut copies = SealedCopies::default();
        copies.add(sealed(&first, 1));
        assert_eq!(covering(&copies, &born_later), None);
    }
    (first.met.stat.btime, reused.met.stat.btime) = (None, None);
    copies.add(sealed(&first, 1));
    assert_eq!(covering(&copies, &first), Some(1));
    assert_eq!(covering(&copies, &reused), None, "it is shorter");
    assert!(copies.is_replaced(&reused) && !copies.is_replaced(&first));
}

#[test]
fn what_was_cut_or_holds_nothing_covers_nothing() {
    let (_dir, host) = host_with(&[("/cut", b"bytes"), ("/empty", b"")]);
    let (cut, empty) = (found(&host, "/cut"), found(&host, "/empty"));
    let mut copies = SealedCopies::default();
    copies.add(SealedCopy { whole: false, ..sealed(&cut, 1) });
    copies.add(sealed(&empty, 2));
    assert_eq!((covering(&copies, &cut), covering(&copies, &empty)), (None, None));
    assert_eq!(copies.all().map(|copy| copy.entry.0).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_the_kernel_makes_up_is_known_by_its_path_alone() {
    let (_dir, host) = host_with(&[("/a", b""), ("/b", b"")]);
    let (a, mut b) = (found(&host, "/a"), found(&host, "/b"));
    b.met.identity = a.met.identity;
    let mut copies = SealedCopies::default();
    // No length, and bytes all the same.
    copies.add(SealedCopy { size: 10, has_length: false, ..sealed(&a, 1) });
    assert_eq!((covering(&copies, &a), covering(&copies, &b)), (Some(1), None));
}
