//! Sessions of lines as they stand in a log.

use super::*;
use crate::records::syslog::{Reader, Years};
use crate::records::tzif::Zone;

/// The sessions that lines of one file tell of.
fn of_lines(lines: &str) -> Vec<Session> {
    joined(lines).sessions
}

fn joined(lines: &str) -> Joined {
    let mut reader = Reader::new(Years::default(), Zone::utc());
    let mut sessions = Sessions::new();
    for (offset, line) in (0..).zip(lines.lines()) {
        let place = Place { file: 0, offset };
        reader.line(line.trim_start().as_bytes(), place, &mut |said| sessions.said(Source::Text, &said));
    }
    sessions.finish()
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

fn numbers(lines: &str) -> Vec<(Option<u32>, Option<u32>)> {
    let mut all: Vec<_> = of_lines(lines).iter().map(|session| (session.pid, session.ses)).collect();
    all.sort_unstable();
    all
}

/// Written from documentation (systemd-logind; pam_systemd(8)).
#[test]
fn a_number_of_logind_is_of_the_login_that_it_can_only_be_of() {
    let login = |pid: u32, second: &str| {
        format!(
            "2026-11-20T10:00:{second}Z srv sshd[{pid}]: Accepted publickey for alice from 10.0.0.5 port {pid} ssh2: ED25519 SHA256:x\n"
        )
    };
    let number = |session: u32, second: &str| {
        format!("2026-11-20T10:00:{second}Z srv systemd-logind[4]: New session {session} of user alice.\n")
    };
    let with = |service: &str, pid: u32, second: &str| {
        format!(
            "2026-11-20T10:00:{second}Z srv {service}[{pid}]: pam_unix({service}:session): session opened for user alice(uid=1000) by (uid=0)\n"
        )
    };
    // Two within a moment, and as many numbers.
    let both = [login(70, "00.10"), login(71, "00.15"), number(5, "00.16"), number(6, "00.25")].concat();
    assert_eq!(numbers(&both), [(Some(70), Some(5)), (Some(71), Some(6))]);
    // Of two it may be either, and a login an hour before or behind none.
    let either = [login(70, "00.10"), login(71, "00.15"), number(5, "00.16")].concat();
    assert_eq!(numbers(&either), [(Some(70), None), (Some(71), None)]);
    let far = [login(70, "00"), login(71, "20"), number(5, "20.1"), number(6, "40")].concat();
    assert_eq!(numbers(&far), [(Some(70), None), (Some(71), Some(5))]);
    // One by itself, in a row with others of which one has no number.
    let row =
        [login(70, "00"), login(71, "04"), number(5, "04.1"), login(72, "08"), number(6, "09.5")].concat();
    assert_eq!(numbers(&row), [(Some(70), None), (Some(71), None), (Some(72), Some(6))]);
    // Its service manager has none, and where seconds are whole the lines are in the order in which they stand.
    let manager = [login(70, "00"), number(5, "00"), with("systemd-user", 72, "00")].concat();
    assert_eq!(numbers(&manager), [(Some(70), Some(5)), (Some(72), None)]);
    let whole = [login(75, "00"), number(5, "00"), login(74, "00"), number(6, "00")].concat();
    assert_eq!(numbers(&whole), [(Some(74), Some(6)), (Some(75), Some(5))]);
    // A job of cron has one on some systems, and on others not.
    let job = [with("crond", 73, "00"), number(4, "00.1"), login(70, "00.2"), number(5, "00.3")].concat();
    assert_eq!(numbers(&job), [(Some(70), Some(5)), (Some(73), Some(4))]);
    let bare = [with("crond", 73, "00"), login(70, "00.2"), number(5, "00.3")].concat();
    assert_eq!(numbers(&bare), [(Some(70), Some(5)), (Some(73), None)]);
}

/// Written from documentation (systemd-logind; pam_systemd(8)).
#[test]
fn somebody_of_whom_only_logind_tells_is_named() {
    let login =
        "2026-11-20T10:00:00.1Z srv sshd[70]: Accepted password for alice from 10.0.0.5 port 9 ssh2\n";
    let number = |second: &str, session: u32, user: &str| {
        format!("2026-11-20T10:{second}Z srv systemd-logind[4]: New session {session} of user {user}.\n")
    };
    let told = |lines: &[&str]| joined(&lines.concat()).numbered_alone(&|_| true);
    let (own, later) = (number("00:00.2", 5, "alice"), number("20:00", 6, "alice"));
    let (mallory, copy) = (number("30:00.5", 7, "mallory"), number("30:00.9", 7, "mallory"));
    assert_eq!(told(&[login, &own]), None);
    let words =
        "1 session of systemd-logind's to which no login here belongs: mallory 2026-11-20 10:30:00 UTC (7)";
    assert_eq!(told(&[login, &own, &mallory, &copy]).as_deref(), Some(words));
    let both = told(&[login, &own, &later, &mallory]).unwrap();
    assert!(both.starts_with("2 sessions") && both.contains(": alice 2026-11-20 10:20:00"), "{both}");
    // A login whose number is known has no other one.
    let second = number("00:30", 6, "alice");
    assert!(told(&[login, &own, &second]).unwrap().contains("alice 2026-11-20 10:00:30 UTC (6)"));
    // Of a login of an unknown number it may be.
    assert_eq!(told(&[login, &second]), None);
}

/// Written from documentation (sssd.conf(5), passwd(5), su(1)).
#[test]
fn a_number_is_of_a_login_however_its_account_is_written() {
    let number =
        |user: &str| format!("2026-11-20T10:00:00.5Z srv systemd-logind[4]: New session 5 of user {user}.\n");
    let told =
        |lines: &str, user: &str| joined(&(lines.to_owned() + &number(user))).numbered_alone(&|_| true);
    for (given, known) in [("Alice", "alice"), (r"CORP\\alice", "alice"), ("alice@corp.example.org", "alice")]
    {
        let login = format!(
            "2026-11-20T10:00:00.1Z srv sshd[70]: Accepted password for {given} from 10.0.0.5 port 9 ssh2\n"
        );
        assert_eq!(told(&login, known), None, "{given}");
        assert!(told(&login, "mallory").is_some());
    }
    let toor = "2026-11-20T10:00:00.1Z srv sshd[70]: pam_unix(sshd:session): session opened for user toor(uid=0) by (uid=0)\n";
    assert!(told(toor, "root").is_none() && told(toor, "alice").is_some());
    let act = "2026-11-20T10:00:00.1Z srv su[71]: (to postgres) root on none\n";
    assert!(told(act, "postgres").is_none() && told(act, "alice").is_some());
    // Only of the time that is asked for.
    let early = |time: Timestamp| time < at("2026-11-20T09:00:00Z");
    assert_eq!(joined(&number("mallory")).numbered_alone(&early), None);
}
