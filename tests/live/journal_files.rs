//! The entries of journals that systemd wrote, as we read them and as `journalctl -o export` prints them. None of this needs
//! root: systemd-journal-remote makes the journals of made-up entries, in a folder of the test.
//!
//! Known differences. `journalctl` prints each entry's cursor and, from version 254 on, its number and sequence
//! (`__CURSOR`, `__SEQNUM`, `__SEQNUM_ID`), which are not fields of the entry; fields come in another order. It opens no file
//! that is shorter than its header says, and shows no more entries than the header counts; we give all that are there,
//! and say what is wrong with the file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use phi_ir::records::journal::{Journal, Shortcoming, Summary};
use phi_ir::records::journal_export::Exported;

use crate::support::{skipped, tool};

const WRITER: &str = "/lib/systemd/systemd-journal-remote";
const ENTRIES: usize = 600;
/// Where the header of a journal counts its entries (systemd.io/JOURNAL_FILE_FORMAT).
const N_ENTRIES: usize = 152;

/// Names and values, sorted; with the times and the boot as `journalctl` names them.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn can_run() -> bool {
    let is_there = Path::new(WRITER).exists();
    if !is_there {
        skipped(&format!("{WRITER} is not installed"));
    }
    is_there
}

/// In the form that systemd-journal-remote reads (systemd.io/JOURNAL_EXPORT_FORMATS): most of the values in many entries, some of
/// more lines than one, some not UTF-8, some so long that they are packed.
fn entries() -> Vec<u8> {
    let mut export = Vec::new();
    for number in 0..ENTRIES as u64 {
        let lines = [
            format!("__REALTIME_TIMESTAMP={}", 1_795_292_388_000_000 + number * 700_001),
            format!("__MONOTONIC_TIMESTAMP={}", 2_000_000 + number * 700_001),
            "_BOOT_ID=0123456789abcdef0123456789abcdef".to_owned(),
            "_HOSTNAME=clinic-db1".to_owned(),
            "SYSLOG_IDENTIFIER=sshd".to_owned(),
            format!("_PID={}", 1_000 + number % 50),
            format!("_UID={}", number % 3),
            format!(
                "MESSAGE=Accepted publickey for nurse{} from 192.0.2.{} port {number}",
                number % 17,
                number % 250
            ),
        ];
        export.extend(lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()));
        if number % 20 == 7 {
            binary(&mut export, b"BLOB", &[b"two\nlines\0\xff", number.to_string().as_bytes()].concat());
        }
        if number % 25 == 3 {
            let long = format!("{number} {}", "the same words again and again ".repeat(100));
            export.extend(format!("LONG={long}\n").bytes());
        }
        export.push(b'\n');
    }
    export
}

fn binary(export: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    export.extend([name, b"\n", &(value.len() as u64).to_le_bytes(), value, b"\n"].concat());
}

/// A journal that systemd made of those entries.
fn written(dir: &Path, compact: u8, keyed: u8) -> Vec<u8> {
    let (export, journal) = (dir.join("export"), dir.join(format!("{compact}{keyed}.journal")));
    fs::write(&export, entries()).unwrap();
    let status = Command::new(WRITER)
        .args([Path::new("-o"), &journal, &export])
        .env("SYSTEMD_JOURNAL_COMPACT", compact.to_string())
        .env("SYSTEMD_JOURNAL_KEYED_HASH", keyed.to_string())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    fs::read(journal).unwrap()
}

/// What `journalctl` prints of a journal.
fn theirs(dir: &Path, bytes: &[u8]) -> Vec<Fields> {
    let file = dir.join("looked-at.journal");
    fs::write(&file, bytes).unwrap();
    let args = ["-q", "-o", "export", "--file", file.to_str().unwrap()];
    let output = Command::new("journalctl").args(args).stdin(Stdio::null()).output().unwrap();
    parsed(&output.stdout)
}

fn parsed(export: &[u8]) -> Vec<Fields> {
    let (mut rest, mut entries, mut entry) = (export, Vec::new(), Fields::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], &rest[end + 1..]);
        rest = behind;
        let field = match line.iter().position(|byte| *byte == b'=') {
            _ if line.is_empty() => {
                entry.sort();
                entries.push(std::mem::take(&mut entry));
                continue;
            }
            Some(at) => (line[..at].to_vec(), line[at + 1..].to_vec()),
            None => {
                let (length, behind) = rest.split_first_chunk::<8>().unwrap();
                let (value, behind) = behind.split_at(u64::from_le_bytes(*length) as usize);
                rest = &behind[1..];
                (line.to_vec(), value.to_vec())
            }
        };
        if ![&b"__CURSOR"[..], b"__SEQNUM", b"__SEQNUM_ID"].contains(&field.0.as_slice()) {
            entry.push(field);
        }
    }
    entries
}

/// What we read of a journal, with the offset of each entry.
fn ours(bytes: &[u8]) -> (Vec<(u64, Fields)>, Summary) {
    let mut entries = Vec::new();
    let summary = Journal::open(bytes, bytes.len() as u64).unwrap().for_each(&mut |entry| {
        let mut fields: Fields =
            entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let boot: String = entry.boot_id.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut add = |name: &str, value: String| fields.push((name.into(), value.into()));
        add("__REALTIME_TIMESTAMP", entry.realtime.to_string());
        add("__MONOTONIC_TIMESTAMP", entry.monotonic.to_string());
        if entry.get(b"_BOOT_ID").is_none() {
            add("_BOOT_ID", boot);
        }
        fields.sort();
        entries.push((entry.offset, fields));
    });
    (entries, summary)
}

fn fields(entries: &[(u64, Fields)]) -> Vec<&Fields> {
    entries.iter().map(|(_, fields)| fields).collect()
}

#[test]
fn every_entry_and_field_is_as_journalctl_prints_it_in_every_layout() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (compact, keyed) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let bytes = written(dir.path(), compact, keyed);
        let ((ours, summary), theirs) = (ours(&bytes), theirs(dir.path(), &bytes));
        assert!(theirs.len() >= 500, "journalctl gave {} entries", theirs.len());
        assert!(fields(&ours).into_iter().eq(&theirs), "compact {compact}, keyed {keyed}");
        assert_eq!(summary.shortcomings(), [], "compact {compact}, keyed {keyed}");
        // What was asked for is what was made.
        let flags = Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap().header.incompatible;
        assert_eq!((flags >> 4 & 1, flags >> 2 & 1), (u32::from(compact), u32::from(keyed)));
        let long = theirs.iter().flatten().filter(|(name, _)| name == b"LONG").count();
        assert_eq!(long, ENTRIES / 25, "values that are packed");
    }
}

#[test]
fn what_journalctl_exports_is_read_as_the_journal_itself() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), 1, 1);
    let file = dir.path().join("11.journal");
    let args = ["-q", "-o", "export", "--file"].map(std::ffi::OsStr::new);
    let export = Command::new("journalctl").args(args).arg(&file).output().unwrap().stdout;
    let (mut exported, mut read) = (Exported::default(), Vec::new());
    let mut each = |entry: phi_ir::records::journal::Entry<'_>| {
        read.push((
            entry.realtime,
            entry.get(b"MESSAGE").map(<[u8]>::to_vec),
            entry.get(b"BLOB").map(<[u8]>::to_vec),
        ));
    };
    export.chunks(1009).for_each(|piece| exported.push(piece, &mut each));
    assert!(exported.end(&mut each).is_whole());
    let mut own = Vec::new();
    Journal::open(bytes.as_slice(), bytes.len() as u64).unwrap().for_each(&mut |entry| {
        own.push((
            entry.realtime,
            entry.get(b"MESSAGE").map(<[u8]>::to_vec),
            entry.get(b"BLOB").map(<[u8]>::to_vec),
        ));
    });
    assert!(read.len() >= 500 && read == own, "{} and {}", read.len(), own.len());
}

#[test]
fn of_a_journal_that_was_cut_off_we_give_what_is_there_and_journalctl_nothing() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (compact, keyed) in [(0, 0), (1, 1)] {
        let bytes = written(dir.path(), compact, keyed);
        let (whole, _) = ours(&bytes);
        let cut = &bytes[..whole[ENTRIES / 2].0 as usize];
        let (rest, summary) = ours(cut);
        assert!(fields(&rest) == fields(&whole[..ENTRIES / 2]), "{} entries", rest.len());
        assert!(summary.shortcomings().contains(&Shortcoming::Truncated));
        // It gives all of the file that is whole: that it gives none of this one is its own doing.
        assert_eq!(theirs(dir.path(), &bytes).len(), ENTRIES);
        assert_eq!(theirs(dir.path(), cut).len(), 0);
    }
}

#[test]
fn entries_that_the_header_does_not_count_are_given_by_us_and_not_by_journalctl() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bytes = written(dir.path(), 1, 1);
    let (whole, _) = ours(&bytes);
    let mut lowered = bytes.clone();
    lowered[N_ENTRIES..N_ENTRIES + 8].copy_from_slice(&(ENTRIES as u64 - 5).to_le_bytes());
    let (given, summary) = ours(&lowered);
    assert!(fields(&given) == fields(&whole), "{} entries", given.len());
    assert!(!summary.is_whole(), "{summary:#?}");
    // They stand in the file, byte for byte as in the one of which it prints them: the header alone hides them.
    let theirs = theirs(dir.path(), &lowered);
    assert!(theirs.len() == ENTRIES - 5 && fields(&given[..theirs.len()]).into_iter().eq(&theirs));
    let file = dir.path().join("looked-at.journal");
    let said = tool("journalctl", &["--header".as_ref(), "--file".as_ref(), file.as_ref()]);
    assert!(said.stdout.contains("Entry objects: 595"), "{}", said.stdout);
}
