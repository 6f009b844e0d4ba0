//! Sessions of lines as they stand in a log.

use super::*;
use crate::records::syslog::{Reader, Years};
use crate::records::tzif::Zone;

/// The sessions that lines of one file tell of.
fn of_lines(lines: &str) -> Vec<Session> {
    let mut reader = Reader::new(Years::default(), Zone::utc());
    let mut sessions = Sessions::new();
    for (offset, line) in (0..).zip(lines.lines()) {
        let place = Place { file: 0, offset };
        reader.line(line.trim_start().as_bytes(), place, &mut |said| sessions.said(Source::Text, &said));
    }
    sessions.finish().sessions
}

/// Written from documentation (OpenSSH, log.c).
#[test]
fn a_name_with_a_backslash_makes_one_session() {
    let [alice] = of_lines(
        r"2026-11-20T10:00:00.1Z srv sshd[7]: Accepted password for CORP\\alice from 10.0.0.5 port 9 ssh2
        2026-11-20T10:00:00.2Z srv sshd[7]: pam_unix(sshd:session): session opened for user CORP\alice(uid=5001) by (uid=0)
        2026-11-20T10:02:00.2Z srv sshd[7]: pam_unix(sshd:session): session closed for user CORP\alice",
    )
    .try_into()
    .unwrap();
    assert_eq!((alice.user.as_slice(), alice.auid), (&br"CORP\alice"[..], Some(5001)));
    assert_eq!((alice.method.as_slice(), alice.ending), (&b"password"[..], Ending::Logout));
}
