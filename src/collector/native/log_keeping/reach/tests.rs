//! When logs cover a window, and when it cannot be told.

use super::*;
use crate::custody::entry::EntryId;
use crate::records::journal_header::Header;
use crate::records::text_log::Looker;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn text(rotation: Option<&str>, lines: &str) -> TextLog {
    let mut looker = Looker::default();
    looker.piece(lines.as_bytes());
    TextLog {
        path: HostPath::new("/var/log/auth.log").unwrap(),
        entry: EntryId(1),
        bytes: lines.len() as u64,
        modified: time("2026-11-21T20:00:00Z"),
        whole: true,
        summary: looker.end(),
        is_authentication: true,
        rotation: rotation.map(str::to_owned),
        base: HostPath::new("/var/log/auth.log").unwrap(),
    }
}

fn window() -> Window {
    let (from, to) = (Some(time("2026-11-14T20:00:00Z")), Some(time("2026-11-21T20:00:00Z")));
    Window { from, to, ..Window::default() }
}

#[track_caller]
fn covers(logs: &[TextLog], word: &str, why: &str) {
    let source = of_texts(logs, &window()).unwrap();
    assert!(source.covered == word && source.words.contains(why), "{source:?}");
}

const OLD: &str = "2026-11-10T08:00:00+00:00 h sshd[1]: a\n";
const NEW: &str = "2026-11-21T19:00:00+00:00 h sshd[1]: b\n";

#[test]
fn a_window_is_covered_from_its_beginning_to_its_end_or_not() {
    covers(&[text(None, NEW), text(Some(".1"), OLD)], "yes", "2026-11-10 08:00:00 UTC");
    covers(&[text(None, NEW)], "no", "begins before");
    covers(&[text(None, OLD)], "unknown", "silence");
    assert!(of_texts(&[], &window()).is_none());
    let source = of_texts(&[text(None, NEW)], &Window::default()).unwrap();
    assert_eq!(source.covered, "unknown");
}

#[test]
fn what_is_missing_between_or_not_read_leaves_it_unknown() {
    covers(&[text(None, NEW), text(Some(".3.gz"), OLD)], "unknown", "missing (2)");
    let mut packed = text(Some(".2.xz"), "");
    let mut looker = Looker::default();
    looker.piece(b"\xfd7zXZ\0\0\x04");
    packed.summary = looker.end();
    covers(&[text(None, NEW), text(Some(".1"), NEW), packed], "unknown", "may be older");
    let mut cut = text(Some(".1"), OLD);
    cut.whole = false;
    covers(&[text(None, NEW), cut], "unknown", "not wholly");
    covers(&[text(None, NEW), text(Some("-20261101"), OLD)], "yes", "lies within");
}

#[test]
fn times_without_a_year_cover_nothing_for_certain() {
    let logs =
        [text(None, "Nov 21 19:00:00 h sshd[1]: b\n"), text(Some(".1"), "Nov 10 08:00:00 h sshd[1]: a\n")];
    covers(&logs, "unknown", "neither a year nor a zone");
    let source = of_texts(&logs, &window()).unwrap();
    assert!(source.earliest_text.is_some() && source.earliest.is_none());
    // What is exact and old enough is not made doubtful by what is not.
    covers(
        &[text(None, "Nov 21 19:00:00 h a\n"), text(Some(".1"), &format!("{OLD}{NEW}"))],
        "yes",
        "lies within",
    );
}

fn journal(persistent: bool, first: &str, last: &str, size: u64) -> Journal {
    let mut bytes = vec![0_u8; 272];
    bytes[..8].copy_from_slice(b"LPKSHHRH");
    bytes[88..96].copy_from_slice(&272_u64.to_le_bytes());
    bytes[152..160].copy_from_slice(&5_u64.to_le_bytes());
    for (at, text) in [(184, first), (192, last)] {
        bytes[at..at + 8].copy_from_slice(&(time(text).unix() as u64 * 1_000_000).to_le_bytes());
    }
    Journal {
        path: HostPath::new("/var/log/journal/1/system.journal").unwrap(),
        entry: EntryId(1),
        bytes: size,
        modified: time("2026-11-21T20:00:00Z"),
        whole: true,
        header: Header::parse(&bytes),
        scope: "system".into(),
        is_persistent: persistent,
        of_another_machine: false,
        shortcomings: None,
    }
}

#[test]
fn journals_on_the_disk_count_before_those_that_a_reboot_takes() {
    let (old, new) = ("2026-11-10T08:00:00Z", "2026-11-21T19:00:00Z");
    let both = [journal(true, old, new, 272), journal(false, new, new, 272)];
    let source = of_journals(&both, 0, &window()).unwrap();
    assert_eq!((source.covered, source.files, source.lost_at_reboot), ("yes", 1, false));
    let source = of_journals(&both[1..], 0, &window()).unwrap();
    assert_eq!((source.covered, source.lost_at_reboot), ("no", true));
    assert!(source.words.contains("reboot takes away"), "{}", source.words);
    let source = of_journals(&[journal(true, old, new, 200)], 0, &window()).unwrap();
    assert_eq!((source.covered, source.unread_files), ("unknown", 1));
    let source = of_journals(&both, 1, &window()).unwrap();
    assert_eq!((source.covered, source.unread_files), ("unknown", 1));
    // After the clock was set back.
    let source = of_journals(&[journal(true, new, old, 272)], 0, &window()).unwrap();
    assert_eq!(source.earliest, Some(time(old)));
    assert!(of_journals(&[], 0, &window()).is_none());
}
