//! Which logs the verbs that answer questions read, and in which order; what they leave is told.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::journals::{export, failed};
use crate::support::{FakeHost, Ran, phi};

/// Written from documentation (OpenSSH, auth.c; RFC 5424 for the time).
fn accepted(day: u32, user: &str) -> String {
    let words = format!("Accepted password for {user} from 192.0.2.7 port 10{day:02} ssh2");
    format!("2026-03-{day:02}T10:00:00+00:00 h sshd[{day}]: {words}\n")
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sessions(host: &FakeHost) -> Ran {
    phi(["logins", "--sessions", "--root"]).args([host.path()]).run()
}

fn users(ran: &Ran) -> Vec<String> {
    let rows = rows(ran);
    let named = rows.iter().filter_map(|row| row["user"]["text"].as_str());
    let mut users: Vec<String> = named.map(str::to_owned).collect();
    users.sort();
    users
}

fn fifo(host: &FakeHost, path: &str) {
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, host.at(path), kind, mode, 0).unwrap();
}

#[test]
fn a_log_that_is_a_link_is_read_below_the_root_and_once() {
    let host = FakeHost::new()
        .file("/data/log/auth.log", accepted(20, "alice"))
        .file("/var/log/auth.log.1", accepted(10, "bob"))
        .link("/var/log/auth.log", "/data/log/auth.log")
        .link("/var/log/auth.log.old", "auth.log")
        // Under its own name, and not under that of the link.
        .file("/var/log/secure", accepted(12, "carol"))
        .link("/var/log/messages", "secure");
    let ran = sessions(&host).says("; 3 logs read");
    assert_eq!(users(&ran), ["alice", "bob", "carol"], "{}", ran.stderr);
    let ran = ran.says("/var/log/auth.log: ").says("/var/log/secure: ");
    assert!(!ran.stderr.contains("/var/log/messages"), "{}", ran.stderr);
}

#[test]
fn an_audit_log_that_is_a_link_is_searched() {
    let line = |second: u32, serial: u32| {
        format!(
            "type=USER_LOGIN msg=audit({second}.000:{serial}): pid=5 uid=0 auid=1001 ses=5 msg='op=login res=success'\n"
        )
    };
    let host = FakeHost::new()
        .file("/data/log/audit.log", line(1_795_200_100, 10))
        .file("/var/log/audit/audit.log.1", line(1_795_200_000, 5))
        .link("/var/log/audit/audit.log", "/data/log/audit.log");
    let window = ["--since", "2026-11-20 18:40:00", "--until", "2026-11-20 18:41:40"];
    let search = |host: &FakeHost| {
        let ran = phi(["search", "--format", "ids", "--root"]).args([host.path()]).args(window).run();
        (ran.stdout.clone(), ran)
    };
    let (ids, ran) = search(&host);
    assert_eq!(ids, "1795200000.000:5\n1795200100.000:10\n", "{}", ran.stderr);
    ran.code(0);
    // What it leads to is not there.
    fs::remove_file(host.at("/data/log/audit.log")).unwrap();
    let (ids, ran) = search(&host);
    assert_eq!(ids, "1795200000.000:5\n");
    ran.code(3).says(
        "not searched: /var/log/audit/audit.log is a link to /data/log/audit.log, not read: /data/log/audit.log is not there",
    );
}

#[test]
fn what_is_no_file_where_a_log_should_be_is_told() {
    let host = FakeHost::new()
        .file("/var/log/auth.log.1", accepted(10, "bob"))
        .link("/var/log/secure", "/mnt/gone")
        .link("/var/log/messages", "auth.log")
        .link("/var/log/wtmp", "/dev/null")
        .folder("/var/log/btmp")
        .link("/var/log/audit", "/mnt/gone")
        .link("/var/log/journal/0a", "/mnt/gone");
    fifo(&host, "/var/log/auth.log");
    let ran = phi(["logins", "--root"]).args([host.path()]).run();
    let gone = "is a link to /mnt/gone, not read: /mnt is not there";
    let ran = ran
        .says("not read: /var/log/auth.log is a FIFO, not read")
        .says("not read: /var/log/messages is a link to auth.log, not read: that is a FIFO")
        .says(&format!("not read: /var/log/secure {gone}"))
        .says("not read: /var/log/wtmp is a link to /dev/null, not read: /dev is not there")
        .says("not read: /var/log/btmp is a folder, not read")
        .says(&format!("not read: /var/log/audit {gone}"))
        .says(&format!("not read: /var/log/journal/0a {gone}"));
    assert!(!ran.stderr.contains("there is none below"), "{}", ran.stderr);
}

#[test]
fn a_folder_of_journals_that_is_a_link_is_read() {
    let host = FakeHost::new()
        .file("/data/journals/system.journal", export(&(1..=5).map(failed).collect::<Vec<_>>()))
        .link("/var/log/journal/0a", "../../../data/journals")
        .link("/var/log/journal/0b", "../gone")
        .folder("/var/log/journal/0c");
    fifo(&host, "/var/log/journal/0c/system.journal");
    let folder = host.at("/var/log/journal");
    let of = |evidence: [&OsStr; 2]| {
        let ran = phi(["logins", "--by", "account"]).args(evidence).run();
        assert_eq!(rows(&ran)[0]["connections"], 5, "{}", ran.stdout);
        ran.says("0b is a link to ../gone, not read: ").says("0c/system.journal is a FIFO, not read")
    };
    of(["--root".as_ref(), host.path().as_os_str()]);
    of(["--journal".as_ref(), folder.as_os_str()]);
    // The same files by two names are read once.
    let host = host.link("/var/log/journal/0d", "0a");
    of(["--root".as_ref(), host.path().as_os_str()]);
    of(["--journal".as_ref(), folder.as_os_str()]);
    let window = ["--since", "2026-11-20 18:40:00", "--until", "2026-11-20 18:40:04"];
    let asked = |args: [&OsStr; 2]| phi(["logins"]).args(args).args(window).run();
    asked(["--journal".as_ref(), folder.as_os_str()]).code(3);
    let file = host.at("/data/journals/system.journal");
    asked(["--journal".as_ref(), file.as_os_str()]).code(0);
}

/// As utmp(5) has it on x86_64.
fn record(kind: u8, pid: u32, line: &str, user: &str, seconds: u32) -> Vec<u8> {
    let mut record = vec![0; 384];
    record[0] = kind;
    record[4..8].copy_from_slice(&pid.to_le_bytes());
    record[8..8 + line.len()].copy_from_slice(line.as_bytes());
    record[44..44 + user.len()].copy_from_slice(user.as_bytes());
    record[340..344].copy_from_slice(&seconds.to_le_bytes());
    record
}

/// Copies have times of their own.
#[test]
fn files_of_logins_come_in_the_order_of_their_records() {
    let at = 1_700_000_000;
    let old = [
        record(2, 0, "~", "reboot", at),
        record(7, 101, "pts/0", "bob", at + 60),
        record(7, 102, "pts/1", "carol", at + 120),
    ];
    let new = [
        record(8, 101, "pts/0", "", at + 600),
        record(7, 103, "pts/0", "dave", at + 660),
        record(8, 103, "pts/0", "", at + 720),
        record(8, 102, "pts/1", "", at + 780),
    ];
    let host = FakeHost::new().file("/wtmp", new.concat()).file("/wtmp.1", old.concat());
    let of = |names: &[&str], times: &[u64]| {
        let paths: Vec<_> = names.iter().map(|name| host.at(name)).collect();
        for (path, time) in paths.iter().zip(times) {
            let file = fs::File::options().append(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(*time)).unwrap();
        }
        phi(["logins", "--sessions", "--wtmp"]).args(paths).run()
    };
    let late = 1_700_100_000;
    let right = of(&["/wtmp", "/wtmp.1"], &[late, late - 1_000]);
    assert_eq!(users(&right), ["bob", "carol", "dave"]);
    assert!(!right.stdout.contains("open_at_end_of_log") && !right.stdout.contains("files_overlap"));
    for times in [[late, late], [late, late + 1]] {
        assert_eq!(of(&["/wtmp", "/wtmp.1"], &times).stdout, right.stdout, "{times:?}");
        assert_eq!(of(&["/wtmp.1", "/wtmp"], &[times[1], times[0]]).stdout, right.stdout, "{times:?}");
    }
    // Packed ones too.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&old.concat()).unwrap();
    fs::write(host.at("/wtmp.1.gz"), encoder.finish().unwrap()).unwrap();
    let packed = of(&["/wtmp", "/wtmp.1.gz"], &[late, late + 1]);
    assert_eq!(users(&packed), ["bob", "carol", "dave"]);
    assert!(!packed.stdout.contains("open_at_end_of_log") && !packed.stdout.contains("files_overlap"));
    // Without the later file nobody has logged out.
    assert!(of(&["/wtmp.1"], &[late]).stdout.contains("open_at_end_of_log"));
}

#[test]
fn a_number_of_a_rotation_that_is_not_here_is_told_of_every_kind() {
    let host = FakeHost::new()
        .file("/var/log/auth.log", accepted(20, "carol"))
        .file("/var/log/auth.log.2", accepted(1, "bob"))
        .file("/var/log/secure-20260301", accepted(1, "erin"))
        .file("/var/log/secure-20260308", accepted(8, "erin"))
        .file("/var/log/wtmp", record(7, 1, "pts/0", "carol", 1_774_000_000))
        .file("/var/log/wtmp.3", record(7, 2, "pts/0", "bob", 1_772_000_000))
        .file("/var/log/btmp.1", record(7, 1, "ssh:notty", "carol", 1_774_000_000))
        .file("/var/log/btmp.3", record(7, 2, "ssh:notty", "bob", 1_772_000_000));
    let note = |name: &str, numbers: &str| {
        format!("remark: of the rotation of {name} these numbers are not here: {numbers}\n")
    };
    let ran = phi(["logins", "--root"]).args([host.path()]).run();
    let ran = ran.says(&note("auth.log", "1")).says(&note("wtmp", "1 to 2")).says(&note("btmp", "2"));
    assert_eq!(ran.stderr.matches("of the rotation of").count(), 3, "{}", ran.stderr);
    // What was asked of a time is not known for sure then.
    let window = ["--since", "2026-03-01 10:00:00", "--until", "2026-03-20 10:00:00"];
    let of = |names: &[&str]| {
        let paths = names.iter().map(|name| host.at(name));
        phi(["logins", "--auth"]).args(paths).args(window).run()
    };
    of(&["/var/log/auth.log", "/var/log/auth.log.2"]).code(3).says(&note("auth.log", "1"));
    // Of another time than that of the file which is gone it is no lack; nor is it one that a timeline passes over.
    let timeline = |since: &str, until: &str| {
        let paths = ["/var/log/auth.log", "/var/log/auth.log.2"].map(|name| host.at(name));
        let window = ["--since", since, "--until", until];
        phi(["timeline", "--auth"])
            .args(paths)
            .args(window)
            .run()
            .says(&note("auth.log", "1").replace("remark", "note"))
    };
    timeline("2026-03-20 10:00:00", "2026-03-20 10:00:00").code(0);
    timeline("2026-03-08 10:00:00", "2026-03-09 10:00:00").code(3).says("auth.log.1 is not here");
    fs::write(host.at("/var/log/auth.log.1"), accepted(10, "dave")).unwrap();
    of(&["/var/log/auth.log", "/var/log/auth.log.1", "/var/log/auth.log.2"]).code(0);
}
