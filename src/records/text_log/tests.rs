//! What is learnt of text logs, of damaged ones too.

use super::*;
use crate::records::inflate::{Broken, packed};
use crate::records::mishaps::Mishaps;

/// Captured on Debian 12 with rsyslogd 8.2302.0, whose default is RSYSLOG_FileFormat; names changed.
const ISO: &[u8] = b"2026-11-22T01:15:40.318812+00:00 clinic-db sshd[8291]: Server listening on 127.0.0.1 port 2222.\n\
    2026-11-22T01:15:41.002190+00:00 clinic-db sshd[8293]: Accepted publickey for alice from 127.0.0.1 port 40110 ssh2: ED25519 SHA256:x\n\
    2026-11-22T01:15:41.020001+00:00 clinic-db sshd[8293]: pam_unix(sshd:session): session opened for user alice(uid=1001) by (uid=0)\n";

/// The same daemon with RSYSLOG_TraditionalFileFormat; names changed.
const CLASSIC: &[u8] = b"Nov 21 20:19:48 clinic-db sshd[8291]: Server listening on 127.0.0.1 port 2222.\n\
    Nov 22 01:15:41 clinic-db sshd[8293]: Accepted publickey for alice from 127.0.0.1 port 40110 ssh2: ED25519 SHA256:x\n";

fn look(bytes: &[u8], piece: usize) -> Summary {
    let mut looker = Looker::default();
    bytes.chunks(piece).for_each(|piece| looker.piece(piece));
    looker.end()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn exact_times_are_read_whatever_the_pieces() {
    for piece in [1, 13, 4096] {
        let summary = look(ISO, piece);
        let span = (time("2026-11-22T01:15:40.318812Z"), time("2026-11-22T01:15:41.020001Z"));
        assert_eq!(summary.lines.span, Some(span));
        assert_eq!((summary.lines.lines, summary.lines.exact, summary.lines.unread), (3, 3, 0));
        assert_eq!(summary, Summary { unread: None, ..look(ISO, 7) });
        assert!(!summary.lines.torn && summary.lines.texts.is_none() && summary.holds_records());
    }
}

#[test]
fn classic_times_stay_as_they_stand() {
    let lines = look(CLASSIC, 5).lines;
    assert_eq!(lines.texts, Some(("Nov 21 20:19:48".into(), "Nov 22 01:15:41".into())));
    assert_eq!((lines.span, lines.classic, lines.exact), (None, 2, 0));
}

#[test]
fn every_form_of_a_beginning() {
    let exact = |text: &str| Some(Written::Exactly(time(text)));
    let classic = |text: &str| Some(Written::Classic(text.into()));
    let cases: [(&[u8], Option<Written>); 18] = [
        // RFC 5424, 6.5, examples 1 and 3.
        (
            b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root'",
            exact("2003-10-11T22:14:15.003Z"),
        ),
        (b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc", exact("2003-08-24T12:14:15.000003Z")),
        (b"<165>1 - host app", None),
        // RFC 3164, 5.4, example 1.
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", classic("Oct 11 22:14:15")),
        (b"Feb  5 17:32:18 10.0.0.99 x", classic("Feb  5 17:32:18")),
        (b"Feb 05 17:32:18 10.0.0.99 x", classic("Feb 05 17:32:18")),
        (b"Nov 21 20:19:48\r", classic("Nov 21 20:19:48")),
        // journalctl -o short-iso.
        (b"2026-11-21T20:19:48+0100 host x", exact("2026-11-21T19:19:48Z")),
        (b"2026-11-21T20:19:48 no zone", None),
        (b"2026-11-21 20:19:48 no zone", None),
        (b"Nov 32 20:19:48 host", None),
        (b"Nov 21 24:19:48 host", None),
        (b"Nav 21 20:19:48 host", None),
        (b"Nov 21 20:19:4", None),
        (b"<9999>Nov 21 20:19:48 host", None),
        (b"<>Nov 21 20:19:48 host", None),
        (b"\xff\xfe\x00", None),
        (b"", None),
    ];
    for (line, expected) in cases {
        assert_eq!(written(line), expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn what_is_torn_or_overwritten_is_counted_and_costs_no_other_line() {
    let mut bytes = b"ed publickey for alice\r\n".to_vec();
    bytes.extend([0; 4096]);
    bytes.extend(
        b"2026-11-22T01:15:40Z host a\r\n\r\n \n\xff\xfe host\n2026-11-22T01:15:39Z host b\n2026-11-22T01:1",
    );
    for piece in [1, 100, 10_000] {
        let lines = look(&bytes, piece).lines;
        assert_eq!((lines.lines, lines.exact, lines.unread), (5, 2, 3), "{piece}");
        assert_eq!((lines.nul_bytes, lines.torn, lines.steps_back), (4096, true, 1));
        assert_eq!(lines.longest, 4096 + 28);
        assert_eq!(lines.span, Some((time("2026-11-22T01:15:39Z"), time("2026-11-22T01:15:40Z"))));
    }
    // Nothing but what a crash left, and nothing at all.
    assert_eq!(look(&[0; 9000], 4096).lines.lines, 0);
    assert_eq!(look(b"", 1).lines, Lines::default());
    let long = look(&vec![b'x'; 1 << 20], 4096).lines;
    assert_eq!((long.lines, long.longest, long.unread), (1, 1 << 20, 1));
}

#[test]
fn compressed_ones_are_read_or_named() {
    let summary = look(&[packed(CLASSIC), packed(ISO)].concat(), 11);
    assert_eq!((summary.compression, summary.unread), (Compression::Gzip, None));
    assert_eq!((summary.lines.classic, summary.lines.exact), (2, 3));
    assert_eq!(summary.text_bytes, (ISO.len() + CLASSIC.len()) as u64);
    let bomb = look(&packed(&vec![b'x'; 64 << 20]), 4096);
    assert_eq!(bomb.unread, Some(Unread::Broken(Broken::Swells)));
    let whole = packed(ISO);
    let cut = look(&whole[..whole.len() - 5], 9);
    assert_eq!((cut.unread, cut.lines.exact), (Some(Unread::Broken(Broken::CutOff)), 3));
    let xz = look(include_bytes!("../../../fixtures/packed/auth.log.xz"), 4096);
    assert_eq!((xz.compression, xz.unread, xz.text_bytes), (Compression::Xz, None, 120_052));
    assert!(xz.lines.classic > 1_000 && xz.lines.classic == xz.lines.lines);
    let summary = look(b"\x1f\x9d\x90rest", 3);
    assert_eq!(summary.unread.unwrap().to_string(), "compress is not unpacked here");
    assert_eq!(summary.lines, Lines::default());
}

#[test]
fn no_mishap_makes_it_stumble() {
    let bytes = [ISO, CLASSIC].concat();
    Mishaps::of(&bytes).rounds(300).each(|bytes| {
        let summary = look(bytes, 64);
        let lines = &summary.lines;
        assert_eq!(lines.lines, lines.exact + lines.classic + lines.unread);
    });
    Mishaps::of(&packed(&bytes)).rounds(100).each(|bytes| drop(look(bytes, 64)));
}
