//! Exports as `journalctl -o export` (systemd 252) wrote them, and spoilt ones.

use super::*;
use crate::records::mishaps::Mishaps;

/// An entry: number, time, its fields, whether it is whole.
type Read = (Option<u64>, u64, Vec<(Vec<u8>, Vec<u8>)>, bool);

fn read(bytes: &[u8], piece: usize) -> (Vec<Read>, ExportSummary) {
    let (mut exported, mut entries) = (Exported::default(), Vec::new());
    let mut each = |entry: Entry<'_>| {
        let fields = entry.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        entries.push((entry.seqnum, entry.realtime, fields, entry.whole));
    };
    bytes.chunks(piece).for_each(|bytes| exported.push(bytes, &mut each));
    let summary = exported.end(&mut each);
    (entries, summary)
}

/// Two entries from `journalctl --file … -o export`, some of their fields; the second has a value that is no text.
const TWO: &[u8] =
    b"__CURSOR=s=6b1a;i=7\n__REALTIME_TIMESTAMP=1795292390651361\n__MONOTONIC_TIMESTAMP=2390651361\n\
    _BOOT_ID=0123456789abcdef0123456789abcdef\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=1006\n\
    MESSAGE=Accepted publickey for nurse6 from 192.0.2.6 port 28112 ssh2\n\n\
    __CURSOR=s=6b1a;i=8\n__REALTIME_TIMESTAMP=1795292391182790\n__MONOTONIC_TIMESTAMP=2391182790\n\
    _BOOT_ID=0123456789abcdef0123456789abcdef\nBLOB\n\x0d\0\0\0\0\0\0\0two\nlines\0\xff=7\nMESSAGE=m\n\n";

#[test]
fn lines_and_binary_values_are_read_however_the_bytes_come() {
    for piece in [1, 2, 7, 4096] {
        let (entries, summary) = read(TWO, piece);
        assert!(summary.is_whole(), "{summary:?}");
        assert_eq!((summary.entries, entries.len()), (2, 2));
        assert_eq!((entries[0].1, entries[1].1), (1_795_292_390_651_361, 1_795_292_391_182_790));
        // The head of an entry is none of its fields.
        assert_eq!(entries[0].2.len(), 4);
        assert_eq!(entries[1].2[1], (b"BLOB".to_vec(), b"two\nlines\0\xff=7".to_vec()));
        assert_eq!(entries[1].2[2], (b"MESSAGE".to_vec(), b"m".to_vec()));
    }
}

#[test]
fn a_newer_export_says_the_numbers_and_an_entry_says_where_it_stands() {
    let mut offsets = Vec::new();
    let mut exported = Exported::default();
    let bytes = b"\n\n__SEQNUM=17\n__REALTIME_TIMESTAMP=5\nA=1\n\nA=2\n\n";
    exported.push(bytes, &mut |entry| offsets.push((entry.offset, entry.seqnum, entry.boot_id)));
    assert_eq!(offsets, [(2, Some(17), None), (42, None, None)]);
}

#[test]
fn damage_costs_the_entry_that_it_is_in_and_is_told() {
    let long = [b"N".repeat(65).as_slice(), b"=1\n"].concat();
    let fits = [b"N".repeat(64).as_slice(), b"=1\n"].concat();
    assert_eq!(read(&[fits.as_slice(), TWO].concat(), 4096).1.damaged, 0);
    // A line that is no field; a length that no value has; a value that does not end where it should; names that none has;
    // zeros where bytes were lost, as a crash leaves them.
    for wrong in [
        &b"no field\n"[..],
        b"X\n\xff\xff\xff\xff\xff\xff\xff\x7f\n",
        b"X\n\x01\0\0\0\0\0\0\0abc\n",
        b"=1\n",
        b"1X=1\n",
        b"1X\n",
        b"Message=1\n",
        b"\0\0\0MESSAGE=1\n",
        b"MESSAGE=Server lis\0\0\0\0MESSAGE=Accepted\n",
        long.as_slice(),
    ] {
        let bytes = [b"A=1\n", wrong, b"B=2\n\n", TWO].concat();
        for piece in [1, 4096] {
            let (entries, summary) = read(&bytes, piece);
            assert_eq!((entries.len(), summary.damaged), (2, 1), "{wrong:?}");
            assert!(!summary.is_whole());
        }
    }
}

#[test]
fn an_export_that_is_cut_off_says_so() {
    let (whole, _) = read(TWO, 4096);
    for end in 1..TWO.len() - 1 {
        let (entries, summary) = read(&TWO[..end], 4096);
        let complete = entries.iter().filter(|entry| entry.3).count();
        assert!(entries.iter().zip(&whole).all(|(cut, entry)| !cut.3 || cut == entry));
        let between = TWO[..end].ends_with(b"\n\n") && complete == 1 && entries.len() == 1;
        assert!(summary.ends_within || between, "{end}");
    }
}

#[test]
fn what_is_too_long_is_cut_and_counted_and_what_follows_is_read() {
    let long = vec![b'x'; FIELD_CAP + 10];
    let binary = [b"LONG\n", &(long.len() as u64).to_le_bytes()[..], &long, b"\n"].concat();
    for field in [[b"LONG=", long.as_slice(), b"\n"].concat(), binary] {
        let (entries, summary) = read(&[b"A=1\n", field.as_slice(), b"B=2\n\n", TWO].concat(), 60_000);
        assert_eq!((entries.len(), summary.cut, summary.damaged), (3, 1, 0));
        assert_eq!((entries[0].2.len(), entries[0].3), (2, false));
    }
    let many = [b"A=1\n".repeat(FIELDS + 1), b"\n".to_vec()].concat();
    let (entries, summary) = read(&many, 4096);
    assert_eq!((entries[0].2.len(), summary.cut), (FIELDS, 1));
}

#[test]
fn nothing_panics() {
    Mishaps::of(TWO).each(|bytes| {
        let (entries, summary) = read(bytes, 64);
        assert_eq!(entries.len() as u64, summary.entries);
    });
}

/// As a tester did it: a piece over the boundary of two entries is lost.
#[test]
fn two_entries_that_have_grown_together_are_told() {
    let cut = memchr::memmem::find(TWO, b"SYSLOG_PID").unwrap();
    let second = memchr::memmem::rfind(TWO, b"__CURSOR").unwrap();
    for begin in [second, second + b"__CURSOR=s=6b1a;i=8\n".len()] {
        let bytes = [&TWO[..cut], &TWO[begin..], TWO].concat();
        for piece in [1, 4096] {
            let (entries, summary) = read(&bytes, piece);
            let whole: Vec<bool> = entries.iter().map(|entry| entry.3).collect();
            assert_eq!((whole, summary.merged), (vec![false, true, true], 1), "{begin}");
            assert!(!summary.is_whole());
        }
    }
}
