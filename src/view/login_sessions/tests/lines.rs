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

/// Written from documentation (OpenSSH, session.c: said at LogLevel VERBOSE of each channel).
#[test]
fn a_channel_that_is_closed_ends_no_login() {
    let login = "2026-11-20T10:00:00.1Z srv sshd[7]: Accepted publickey for alice from 10.0.0.5 port 9 ssh2: ED25519 SHA256:x
        2026-11-20T10:00:10Z srv sshd[8]: Starting session: subsystem 'sftp' for alice from 10.0.0.5 port 9 id 1
        2026-11-20T10:00:20Z srv sshd[8]: Close session: user alice from 10.0.0.5 port 9 id 1
        2026-11-20T10:31:00Z srv sshd[8]: Starting session: shell on pts/3 for alice from 10.0.0.5 port 9 id 0
        2026-11-20T10:32:00Z srv sshd[8]: Close session: user alice from 10.0.0.5 port 9 id 0\n";
    let [open] = of_lines(login).try_into().unwrap();
    assert_eq!((open.end, open.ending), (None, Ending::OpenAtEndOfLog));
    assert_eq!(open.terminal, b"pts/3");
    let last = "2026-11-20T10:40:00Z srv sshd[8]: Disconnected from user alice 10.0.0.5 port 9";
    let [ended] = of_lines(&[login, last].concat()).try_into().unwrap();
    assert_eq!((ended.end, ended.ending), (Some(at("2026-11-20T10:40:00Z")), Ending::Logout));
}

/// Made up: whoever runs sudo chooses the command, and the folder.
#[test]
fn a_command_that_looks_like_fields_hides_no_elevation() {
    let [alice] = of_lines(
        "2026-11-20T10:00:00.1Z srv sshd[7]: Accepted password for alice from 10.0.0.5 port 9 ssh2
        2026-11-20T10:00:00.2Z srv sshd[7]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)
        2026-11-20T10:05:05Z srv sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/cat /phi/all.db ; USER=a ; COMMAND=b
        2026-11-20T10:06:00Z srv sshd[7]: pam_unix(sshd:session): session closed for user alice",
    )
    .try_into()
    .unwrap();
    let [sudo] = alice.elevations.as_slice() else { panic!("{:?}", alice.elevations) };
    assert_eq!((sudo.by.as_slice(), sudo.to.as_slice(), sudo.refused), (&b"sudo"[..], &b""[..], false));
    let command = String::from_utf8_lossy(&sudo.command);
    assert!(command.starts_with("(ambiguous) PWD=/home/alice ; USER=root ; COMMAND=/bin/cat"), "{command}");
}
