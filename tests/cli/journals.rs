//! What journals, files and exports of them, tell the verbs that answer questions.

use std::ffi::OsStr;

use serde_json::Value;

use crate::support::{FakeHost, Ran, phi, tool};

/// Where a journal lies.
const PLACE: &str = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";

fn rows(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(host: &FakeHost, verb: &str, args: &[&str]) -> crate::support::Phi {
    phi([verb]).args(["--journal".as_ref(), host.at(PLACE).as_os_str()] as [&OsStr; 2]).args(args)
}

/// Written from documentation (systemd.io/JOURNAL_EXPORT_FORMATS): entries with these fields, a second apart.
fn export(entries: &[Vec<(&str, String)>]) -> String {
    let entry = |(at, fields): (usize, &Vec<(&str, String)>)| {
        let head = format!(
            "__CURSOR=s=1;i={at:x}\n__REALTIME_TIMESTAMP={}\n",
            1_795_200_000_000_000 + at * 1_000_000
        );
        fields.iter().fold(head, |text, (name, value)| text + &format!("{name}={value}\n")) + "\n"
    };
    entries.iter().enumerate().map(entry).collect()
}

fn failed(pid: u32) -> Vec<(&'static str, String)> {
    let message = format!("Failed password for alice from 192.0.2.7 port {} ssh2", 40_000 + pid);
    vec![
        ("_TRANSPORT", "syslog".into()),
        ("_PID", pid.to_string()),
        ("_UID", "0".into()),
        ("_EXE", "/usr/sbin/sshd".into()),
        ("_HOSTNAME", "clinic".into()),
        ("SYSLOG_IDENTIFIER", "sshd".into()),
        ("MESSAGE", message),
    ]
}

/// Lines of an audit log, as journald takes the same records from the kernel (systemd, journald-audit.c).
fn audited(log: &str) -> Vec<Vec<(&'static str, String)>> {
    let entry = |line: &str| {
        let (head, body) = line.split_once("): ").unwrap();
        let (kind, id) = head.strip_prefix("type=").unwrap().split_once(" msg=audit(").unwrap();
        let (time, serial) = id.split_once(':').unwrap();
        vec![
            ("_TRANSPORT", "audit".to_owned()),
            ("_AUDIT_TYPE_NAME", kind.to_owned()),
            ("_AUDIT_ID", serial.to_owned()),
            ("_SOURCE_REALTIME_TIMESTAMP", time.replace('.', "") + "000"),
            ("MESSAGE", format!("{kind} {body}")),
        ]
    };
    log.lines().map(entry).collect()
}

#[test]
fn each_entry_counts_once_in_a_file_and_in_an_export() {
    let entries: Vec<_> = (1..=5).map(failed).collect();
    let host = FakeHost::small().file(PLACE, export(&entries));
    let ran = read(&host, "logins", &["--by", "account"]).run().code(0);
    let alice = &rows(&ran)[0];
    assert_eq!((&alice["rejected"]["password"], &alice["connections"]), (&5.into(), &5.into()), "{alice:#}");
    assert_eq!(alice["records"]["journal_failed"], 5);
    assert_eq!(ran.stderr.matches("read: [").count(), 1, "{}", ran.stderr);
    // As journald wrote it (fixtures/README.md).
    let captured =
        tool("gzip", &["-dc".as_ref(), "fixtures/journal/regular.journal.gz".as_ref()]).code(0).raw;
    let host = FakeHost::small().file(PLACE, &captured);
    let ran = read(&host, "logins", &["--by", "account"]).run();
    let told =
        rows(&ran).iter().map(|row| row["records"]["journal_failed"].as_u64().unwrap_or(0)).sum::<u64>();
    let facts = read(&host, "timeline", &["--format", "jsonl"]).run();
    let refused = rows(&facts).iter().filter(|fact| fact["what"] == "login.failed").count();
    assert!(told > 0 && told == refused as u64, "{told} of {refused}\n{}", facts.stdout);
    assert_eq!(ran.stderr.matches("read: [").count(), 1, "{}", ran.stderr);
}

#[test]
fn an_export_that_is_cut_or_damaged_is_told() {
    let whole = export(&(1..=5).map(failed).collect::<Vec<_>>());
    let host = FakeHost::small().file(PLACE, &whole[..whole.len() - 30]);
    let ran = read(&host, "logins", &["--by", "account"]).run().code(0).says("it ends within an entry");
    assert_eq!(rows(&ran)[0]["connections"], 4);
    let damaged = whole.replacen("_HOSTNAME=clinic", "no field at all", 1);
    let host = FakeHost::small().file(PLACE, damaged);
    read(&host, "timeline", &[]).run().code(0).says("1 entry damaged");
}

#[test]
fn accesses_that_journald_took_are_told_with_what_they_cover() {
    let host = FakeHost::small().file(PLACE, export(&audited(super::access::LOG)));
    let phi = ["--phi", "/var/data/phi", "--phi-key", "phi_access", "--format", "jsonl"];
    let ran = read(&host, "access", &phi).run().code(0);
    let paths: Vec<Value> = rows(&ran).iter().map(|row| row["path"].clone()).collect();
    assert_eq!(paths, ["/var/data/phi/a.txt", "/var/data/phi/b.txt", "/var/data/phi/c.txt"]);
    ran.says("1 audit log read, 16 records, 2026-11-20 18:40:00 UTC to 2026-11-20 18:40:30 UTC")
        .says("the records that journald took were read")
        .says("recording was active");
}

#[test]
fn audit_records_of_a_journal_that_no_audit_log_reaches_are_told() {
    let first: String = super::access::LOG.lines().take(9).map(|line| line.to_owned() + "\n").collect();
    let journal = export(&audited(super::access::LOG));
    let host = FakeHost::small().file(PLACE, journal).file("/var/log/audit/audit.log", first);
    let log = host.at("/var/log/audit/audit.log");
    let args = ["--phi", "/var/data/phi", "--phi-key", "phi_access"];
    let both = |args: &[&str]| {
        read(&host, "access", args).args(["--audit".as_ref(), log.as_os_str()] as [&OsStr; 2])
    };
    both(&args).run().code(0).says("7 audit records in journals, of times that no audit log here speaks of");
    // What both hold is no news.
    let host = host.file("/var/log/audit/audit.log", super::access::LOG);
    let log = host.at("/var/log/audit/audit.log");
    let ran = read(&host, "access", &args).args(["--audit".as_ref(), log.as_os_str()] as [&OsStr; 2]).run();
    assert!(!ran.code(0).stderr.contains("in journals"));
}
