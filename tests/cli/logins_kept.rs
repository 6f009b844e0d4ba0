//! `logins`, of logs of which a file is gone, and of journals that other machines sent.

use std::ffi::OsStr;
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::support::{FakeHost, Ran, phi};

const JOURNAL: &str = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";

/// Seconds at ten o'clock on a day of March 2026.
fn second(day: u32) -> u32 {
    1_772_323_200 + (day - 1) * 86_400 + 36_000
}

/// What sshd of a machine says of a login each day at ten o'clock.
fn accepted(day: u32, user: &str) -> String {
    format!("Accepted password for {user} from 192.0.2.7 port {} ssh2", 4_000 + day)
}

fn text(days: RangeInclusive<u32>, host: &str, user: &str) -> String {
    let line = |day| {
        let (pid, words) = (1_000 + day, accepted(day, user));
        format!("2026-03-{day:02}T10:00:00+00:00 {host} sshd[{pid}]: {words}\n")
    };
    days.map(line).collect()
}

/// The same, each login over after an hour.
fn hours(days: RangeInclusive<u32>, user: &str) -> String {
    let over = |day: u32| {
        let (pid, port) = (1_000 + day, 4_000 + day);
        format!(
            "2026-03-{day:02}T11:00:00+00:00 vm sshd[{pid}]: Disconnected from user {user} 192.0.2.7 port {port}\n"
        )
    };
    days.map(|day| text(day..=day, "vm", user) + &over(day)).collect()
}

/// Written from documentation (systemd.io/JOURNAL_EXPORT_FORMATS).
fn journal(days: RangeInclusive<u32>, host: &str, user: &str) -> String {
    let entry = |day: u32| {
        let (pid, words, micros) = (1_000 + day, accepted(day, user), u64::from(second(day)) * 1_000_000);
        format!(
            "__CURSOR=s=1;i={day:x}\n__REALTIME_TIMESTAMP={micros}\n_TRANSPORT=syslog\n_PID={pid}\n_UID=0\n\
             _EXE=/usr/sbin/sshd\n_HOSTNAME={host}\nSYSLOG_IDENTIFIER=sshd\nMESSAGE={words}\n\n"
        )
    };
    days.map(entry).collect()
}

/// As the kernel and sshd have it, on a machine that the log does not name.
fn audit(days: RangeInclusive<u32>, user: &str) -> String {
    let records = |day: u32| {
        let (pid, time, ids) = (1_000 + day, second(day), format!("auid=1001 ses={day}"));
        let op = format!(
            "op=PAM:session_open acct=\"{user}\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh \
             res=success"
        );
        format!(
            "type=LOGIN msg=audit({time}.100:{day}1): pid={pid} uid=0 old-auid=4294967295 auid=1001 tty=(none) \
             old-ses=4294967295 ses={day} res=1\n\
             type=USER_START msg=audit({time}.200:{day}2): pid={pid} uid=0 {ids} msg='{op}'\n"
        )
    };
    days.map(records).collect()
}

fn sessions(host: &FakeHost, named: &[&str], args: &[&str]) -> Ran {
    let word = |word: &&str| match word.strip_prefix('/') {
        Some(_) => host.at(word).into_os_string(),
        None => OsStr::new(word).to_owned(),
    };
    let evidence: Vec<_> = named.iter().map(word).collect();
    phi(["logins", "--sessions", "--format", "jsonl"]).args(&evidence).args(args).run()
}

/// Differences of text and journal, and sessions that are flagged.
fn odd(ran: &Ran) -> Vec<Value> {
    let rows = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let flagged = |row: &Value| {
        let flags = row["flags"].as_array().map(Vec::as_slice).unwrap_or_default();
        flags.iter().any(|flag| flag == "not_in_audit" || flag == "not_in_wtmp")
    };
    rows.filter(|row| row["difference"].is_string() || flagged(row)).collect()
}

/// Written from documentation (logrotate(8)).
#[test]
fn of_the_time_of_a_rotated_file_that_is_gone_nothing_is_known() {
    let host = FakeHost::small()
        .file("/auth.log", hours(15..=21, "carol"))
        .file("/auth.log.1", hours(8..=14, "mallory"))
        .file("/auth.log.2", hours(1..=7, "bob"))
        .file("/secure", hours(15..=21, "carol"))
        .file("/secure-20260308", hours(1..=7, "bob"));
    let window = ["--since", "2026-03-09", "--until", "2026-03-12"];
    let gone = sessions(&host, &["--auth", "/auth.log", "/auth.log.2"], &window).code(3);
    assert_eq!(gone.stdout, "");
    gone.says(
        "nothing is known of: 2026-03-09 00:00:00 UTC to 2026-03-12 23:59:59 UTC: authentication logs: ",
    )
    .says("/auth.log.1 is not here");
    let whole = sessions(&host, &["--auth", "/auth.log", "/auth.log.1", "/auth.log.2"], &window).code(0);
    assert_eq!(whole.stdout.lines().count(), 4);
    assert!(!whole.stderr.contains("nothing is known of"), "{}", whole.stderr);
    // Days in names are not counted up: that is told, and no gap.
    let dated = sessions(&host, &["--auth", "/secure", "/secure-20260308"], &window).code(0);
    assert!(!dated.stderr.contains("nothing is known of"), "{}", dated.stderr);
    dated.says("authentication logs end 2026-03-07 11:00:00 UTC and begin again 2026-03-15 10:00:00 UTC");
}

/// Written from documentation (logrotate(8), auditd.conf(5)): what is in no file that is here was not taken out of one.
#[test]
fn a_log_of_which_a_file_is_gone_lacks_nothing_of_its_time() {
    let host = FakeHost::small()
        .file("/auth.log", text(15..=21, "vm", "alice"))
        .file("/auth.log.2", text(1..=7, "vm", "alice"))
        .file("/audit.log", audit(15..=21, "alice"))
        .file("/audit.log.2", audit(1..=7, "alice"))
        .file("/j.export", journal(1..=21, "vm", "alice"));
    let with = |named: &[&str]| odd(&sessions(&host, &[named, &["--journal", "/j.export"]].concat(), &[]));
    assert_eq!(with(&["--auth", "/auth.log", "/auth.log.2"]), Vec::<Value>::new());
    assert_eq!(with(&["--audit", "/audit.log", "/audit.log.2"]), Vec::<Value>::new());
    // Of a time within a file it does.
    let less = |text: String, what: &str| {
        text.split_inclusive('\n').filter(|line| !line.contains(what)).collect::<String>()
    };
    let host = host
        .file("/less.log", less(text(1..=21, "vm", "alice"), "2026-03-10"))
        .file("/less-audit.log", less(audit(1..=21, "alice"), &format!("audit({}", second(10))));
    let with = |named: &[&str]| odd(&sessions(&host, &[named, &["--journal", "/j.export"]].concat(), &[]));
    let text = with(&["--auth", "/less.log"]);
    assert!(text.len() == 1 && text[0]["difference"] == "not_in_text", "{text:#?}");
    let audit = with(&["--audit", "/less-audit.log"]);
    assert!(audit.len() == 1 && audit[0]["label"] == "D", "{audit:#?}");
}

/// Written from documentation (systemd-journal-remote(8)).
#[test]
fn what_another_machine_sent_is_not_held_against_the_logs_of_this_one() {
    let host = FakeHost::small()
        .file("/var/log/auth.log", text(1..=7, "logsrv", "alice"))
        .file("/var/log/audit/audit.log", audit(1..=7, "alice"))
        .file(JOURNAL, journal(1..=7, "logsrv", "alice"))
        .file("/var/log/journal/remote/remote-dbsrv.journal", journal(2..=6, "dbsrv", "dbadmin"));
    let ran = sessions(&host, &["--root", "/"], &[]);
    assert_eq!(odd(&ran), Vec::<Value>::new());
    assert_eq!(ran.stdout.lines().count(), 12, "{}", ran.stdout);
}
