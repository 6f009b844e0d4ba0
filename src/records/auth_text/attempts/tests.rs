//! Counts of what was captured.

use super::*;
use crate::records::audit_event::Place;
use crate::records::mishaps::Mishaps;
use crate::records::syslog::{Reader, Years};
use crate::records::tzif::Zone;

/// sshd of OpenSSH 9.2 at LogLevel VERBOSE, as rsyslog wrote it.
const LOG: &str = include_str!("../../../../fixtures/auth/iso.log");

/// Lines between two marks.
fn between(from: &str, to: &str) -> Vec<&'static str> {
    let behind = LOG.lines().skip_while(move |line| !line.ends_with(&format!("mark: {from}")));
    behind.take_while(move |line| !line.ends_with(&format!("mark: {to}"))).collect()
}

fn count(lines: &[&str]) -> (Vec<Attempt>, Tally) {
    let mut reader = Reader::new(Years::default(), Zone::utc());
    let mut attempts = Attempts::default();
    let mut all = Vec::new();
    for (offset, line) in (0..).zip(lines) {
        let place = Place { file: 0, offset };
        reader
            .line(line.as_bytes(), place, &mut |said| attempts.said(&said, &mut |attempt| all.push(attempt)));
    }
    let tally = attempts.end(&mut |attempt| all.push(attempt));
    (all, tally)
}

fn counts(connections: u64, rejected: u64, accepted: u64, lines: u64) -> Counts {
    Counts { connections, rejected, accepted, lines }
}

/// Two of the clients went away before sshd could say `Failed password`. At LogLevel INFO, with these two, it is 20 lines.
#[test]
fn five_runs_with_a_wrong_password_are_5_connections_and_10_secrets() {
    let verbose = between("five", "mallory");
    let (attempts, tally) = count(&verbose);
    assert_eq!(tally.total, counts(5, 10, 0, 23));
    assert_eq!(attempts.len(), 10);
    assert_eq!(tally.accounts.get(&b"alice"[..]), Some(&counts(5, 10, 0, 23)));
    assert_eq!(tally.sources.get(&b"127.0.0.1"[..]), Some(&counts(5, 10, 0, 23)));
    let mut info: Vec<&str> = verbose.into_iter().filter(|line| !line.contains("Failed keyboard")).collect();
    for (pid, next, second) in [(214, 220, 2), (232, 238, 14)] {
        let at = info.iter().position(|line| line.contains(&format!("sshd[{next}]: Postponed"))).unwrap();
        let port = if pid == 214 { 39150 } else { 35068 };
        let text = format!("Failed password for alice from 127.0.0.1 port {port} ssh2");
        let line = format!("2026-11-23T02:23:{second:02}.1+00:00 web1 sshd[{pid}]: {text}");
        info.insert(at, line.leak());
    }
    assert_eq!(count(&info).1.total, counts(5, 10, 0, 20));
}

#[test]
fn a_user_that_nobody_knows_is_counted_by_the_name_that_was_given() {
    let (attempts, tally) = count(&between("mallory", "good")[..20]);
    let mallory = tally.accounts.get(&b"mallory"[..]).unwrap();
    assert_eq!((mallory.connections, mallory.rejected), (1, 2));
    assert!(attempts[..2].iter().all(|attempt| attempt.invalid && attempt.user == b"mallory"));
    assert!(!tally.accounts.contains_key(&b""[..]), "{attempts:?}");
}

#[test]
fn accepted_secrets_and_keys_are_one_attempt_each() {
    let (attempts, tally) = count(&between("good", "hostile"));
    assert_eq!(tally.total, counts(6, 0, 6, 6));
    assert_eq!(attempts.iter().filter(|attempt| attempt.method == b"publickey").count(), 3);
}

/// Written from documentation.
#[test]
fn what_pam_sums_up_at_the_end_of_a_connection_is_no_further_attempt() {
    let line = |second: u32, text: &str| format!("2026-01-01T00:00:{second:02}Z h sshd[7]: {text}");
    let failed = "Failed password for alice from 10.0.0.1 port 22 ssh2";
    let fields = "logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1  user=alice";
    for more in [1, 2] {
        let mut lines =
            vec![line(0, &format!("pam_unix(sshd:auth): authentication failure; {fields}")), line(2, failed)];
        (1..=more).for_each(|count| lines.push(line(2 + count * 5, failed)));
        let s = if more == 1 { "" } else { "s" };
        lines.push(line(3 + more * 5, &format!("PAM {more} more authentication failure{s}; {fields}")));
        let (_, tally) = count(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            (tally.total.rejected, tally.total.connections, tally.summaries),
            (u64::from(more) + 1, 1, 1)
        );
    }
}

/// Written from documentation (OpenSSH, log.c).
#[test]
fn a_name_with_a_backslash_is_one_try() {
    let pam = r"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.5  user=CORP\alice";
    let lines = [
        format!("2026-01-01T00:00:00Z h sshd[7]: {pam}"),
        r"2026-01-01T00:00:02Z h sshd[7]: Failed password for CORP\\alice from 10.0.0.5 port 9 ssh2"
            .to_owned(),
    ];
    let (attempts, tally) = count(&[&lines[0], &lines[1]]);
    assert_eq!((attempts[0].method.as_slice(), tally.total), (&b"password"[..], counts(1, 1, 0, 2)));
}

/// Written from documentation (Linux-PAM, pam_strerror.c; OpenSSH, auth-pam.c).
#[test]
fn one_try_too_many_for_pam_is_one_try_of_the_same_user() {
    let total = |reason: &str| {
        let line = |text: &str| format!("2026-01-01T00:00:02Z h sshd[7]: {text}");
        let rejected = line(&format!("error: PAM: {reason} for alice from 192.0.2.7"));
        let failed = line("Failed keyboard-interactive/pam for alice from 192.0.2.7 port 9 ssh2");
        let (_, tally) = count(&[&rejected, &failed]);
        (tally.total, tally.accounts.get(&b"alice"[..]).copied())
    };
    let exhausted = total("Have exhausted maximum number of retries for service");
    assert_eq!(exhausted, total("Authentication failure"));
    assert_eq!(exhausted.1, Some(exhausted.0));
}

/// Written from documentation (OpenSSH, auth2-none.c).
#[test]
fn who_is_let_in_without_a_password_is_let_in() {
    let line = |answer: &str| {
        format!("2026-01-01T00:00:00Z h sshd[7]: {answer} none for alice from 10.0.0.5 port 9 ssh2")
    };
    assert_eq!(count(&[&line("Accepted")]).1.total, counts(1, 0, 1, 1));
    assert_eq!(count(&[&line("Failed")]).1.total, Counts::default());
}

/// What PAM says in sshd's name, a time and a process before it.
fn pam(time: &str, pid: u32, module: &str, what: &str, user: &str) -> String {
    format!(
        "2026-01-01T00:00:{time}Z h sshd[{pid}]: pam_{module}(sshd:auth): authentication {what}; \
         logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.5 user={user}"
    )
}

fn password(time: &str, pid: u32, answer: &str, user: &str) -> String {
    format!("2026-01-01T00:00:{time}Z h sshd[{pid}]: {answer} password for {user} from 10.0.0.5 port 9 ssh2")
}

fn total(lines: &[String]) -> Counts {
    count(&lines.iter().map(String::as_str).collect::<Vec<_>>()).1.total
}

/// Written from documentation (pam_faildelay(8), sssd; OpenSSH, auth-pam.c).
#[test]
fn a_try_of_which_several_modules_speak_is_one_however_long_sshd_waits() {
    let failure = |time: &str, module: &str| pam(time, 7, module, "failure", "bob");
    let failed = |time: &str| password(time, 7, "Failed", "bob");
    assert_eq!(total(&[failure("00.0", "unix"), failed("03.9")]), counts(1, 1, 0, 2));
    let both = [failure("00.1", "unix"), failure("00.2", "sss"), failed("05")];
    assert_eq!(total(&both), counts(1, 1, 0, 3));
    // The next try of the connection: pam_unix is silent till the end, and sums up then.
    let rest = [failure("07", "sss"), failed("11")];
    let sum = both[0].replace("00.1Z", "12Z").replace("pam_unix(sshd:auth):", "PAM 1 more");
    let all = [&both[..], &rest[..], &[sum][..]].concat();
    assert_eq!(total(&all), counts(1, 2, 0, 6));
    // A module that speaks twice speaks of two tries, and who says nothing of the process may be another.
    assert_eq!(total(&[failure("00", "sss"), failure("01", "sss")]), counts(1, 2, 0, 2));
    let another = password("04", 8, "Failed", "bob");
    assert_eq!(total(&[failure("00", "unix"), another]), counts(2, 2, 0, 2));
    let others: Vec<String> = (10..70).map(|pid| pam("00", pid, "unix", "failure", "bob")).collect();
    let verdicts = (10..70).rev().map(|pid| password("09", pid, "Failed", "bob"));
    assert_eq!(total(&others.iter().cloned().chain(verdicts).collect::<Vec<_>>()), counts(60, 60, 0, 120));
}

/// Written from documentation (pam_faildelay(8); OpenSSH, auth-pam.c): PAM speaks from a process of its own.
#[test]
fn a_try_by_questions_is_one_however_long_sshd_waits() {
    let pam = |time: &str, pid: u32| pam(time, pid, "unix", "failure", "alice");
    let line = |time: &str, pid: u32, text: &str| {
        format!("2026-01-01T00:00:{time}Z h sshd[{pid}]: {text} for alice from 10.0.0.5 port 9 ssh2")
    };
    let error = |time: &str, pid: u32| {
        line(time, pid, "error: PAM: Authentication failure").replace(" port 9 ssh2", "")
    };
    let failed = |time: &str, pid: u32| line(time, pid, "Failed keyboard-interactive/pam");
    assert_eq!(total(&[pam("00", 8), error("05", 7)]), counts(1, 1, 0, 2));
    assert_eq!(total(&[pam("00", 8), error("05", 7), failed("05.1", 7)]), counts(1, 1, 0, 3));
    assert_eq!(total(&[pam("00", 8), failed("05", 7)]), counts(1, 1, 0, 2));
    // The next one of the connection has another process for its questions.
    let next = [pam("06", 9), error("11", 7), failed("11", 7)];
    assert_eq!(
        total(&[&[pam("00", 8), error("05", 7), failed("05", 7)][..], &next].concat()),
        counts(1, 2, 0, 6)
    );
    // Of two that wait, nothing tells which one it is.
    assert_eq!(total(&[pam("00", 8), pam("01", 10), error("06", 7)]).rejected, 3);
    // A password is checked by the process that speaks of it.
    assert_eq!(total(&[pam("00", 8), line("05", 7, "Failed password")]).rejected, 2);
}

/// Written from documentation (sssd; Linux-PAM, pam.conf(5)).
#[test]
fn a_secret_that_the_next_module_knows_is_no_rejection() {
    let unix = || pam("00.1", 7, "unix", "failure", "carol");
    let accepted = || password("00.3", 7, "Accepted", "carol");
    let sss = || pam("00.2", 7, "sss", "success", "carol");
    for lines in [vec![unix(), sss(), accepted()], vec![unix(), accepted()]] {
        let found = total(&lines);
        assert_eq!((found.connections, found.accepted, found.rejected), (1, 1, 0), "{lines:?}");
    }
    // By questions, PAM speaks in a process of its own, and of what sshd then says the right one is kept.
    assert_eq!(total(&[unix(), sss()]).rejected, 0);
    // A wrong password before the right one stays wrong, and so does that of another.
    let failed = password("00.2", 7, "Failed", "carol");
    assert_eq!(total(&[unix(), failed, accepted()]).rejected, 1);
    let other = pam("00.2", 8, "sss", "success", "carol");
    assert_eq!(total(&[unix(), other]).rejected, 1);
    assert_eq!(total(&[unix(), accepted().replace("carol", "dan")]).rejected, 1);
}

#[test]
fn what_is_remembered_has_a_bound_and_what_is_beyond_is_told() {
    let mut attempts = Attempts::default();
    for number in 0..70_000u32 {
        let said = Said {
            time: Some((
                Timestamp::from_unix(1_000_000 + i64::from(number.saturating_sub(400)) * 4, 0),
                super::super::TimeQuality::Exact,
            )),
            host: Vec::new(),
            tag: b"sshd".to_vec(),
            pid: Some(number),
            witness: None,
            place: Place::default(),
            times: 1,
            message: Message::PamRejected {
                reason: Vec::new(),
                user: number.to_string().into_bytes(),
                unknown_user: true,
                from: From { address: number.to_string().into_bytes(), port: None },
            },
        };
        attempts.said(&said, &mut |_| ());
    }
    let tally = attempts.end(&mut |_| ());
    assert_eq!(
        (tally.total.rejected, tally.accounts.len(), tally.beyond),
        (70_000, NAMES, 70_000 - NAMES as u64)
    );
    assert!(tally.hurried > 0 && tally.forgotten > 0);
}

#[test]
fn spoilt_lines_are_counted_without_harm() {
    let lines = between("five", "good").join("\n");
    Mishaps::of(lines.as_bytes()).rounds(20).each(|bytes| {
        let mut reader = Reader::new(Years::default(), Zone::utc());
        let mut attempts = Attempts::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            reader.line(line, Place::default(), &mut |said| attempts.said(&said, &mut |_| ()));
        }
        attempts.end(&mut |_| ());
    });
}
