//! Logs that real daemons wrote: a journal of systemd-journal-remote against what `journalctl --header` says of it, and
//! files of rsyslogd in both of its forms against their own lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::daemons::{output, succeed, until};
use crate::support::{Bundle, Desk, FakeHost, only_root};

fn rows(desk: &Desk, host: &FakeHost, collector: &str) -> (PathBuf, Vec<Value>) {
    let ran = desk.collect(host).args(["--only", collector]).run();
    let opened = desk.open(&Bundle::of(&ran.json()));
    let text = fs::read_to_string(opened.join("data/live").join(collector).join("files.jsonl")).unwrap();
    (opened, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// In the form that systemd-journal-remote reads (systemd.io/JOURNAL_EXPORT_FORMATS).
fn records(seconds: std::ops::Range<u64>) -> String {
    let record = |at: u64| {
        format!(
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
            MESSAGE=Accepted publickey for user {at}\n\n",
            at * 1_000_000 + 7,
            at % 1000 * 1_000_000
        )
    };
    seconds.map(record).collect()
}

#[test]
fn journals_say_what_journalctl_says() {
    if !only_root("a journal that systemd-journal-remote writes") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::new().folder("/var/log/journal/1");
    for (name, seconds) in [
        ("system.journal", 1_795_292_388..1_795_292_988),
        ("user-1000.journal", 1_795_292_400..1_795_292_402),
    ] {
        let export = desk.path("export");
        fs::write(&export, records(seconds)).unwrap();
        let to = host.at("/var/log/journal/1").join(name);
        let args = ["-o", to.to_str().unwrap(), export.to_str().unwrap()];
        let status =
            Command::new("/lib/systemd/systemd-journal-remote").args(args).stderr(Stdio::null()).status();
        assert!(status.expect("systemd-journal-remote is needed by this test").success());
    }
    let (_, rows) = rows(&desk, &host, "journal");
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let path = host.at(row["path"].as_str().unwrap());
        let said = output("journalctl", &["--utc", "--header", "--file", path.to_str().unwrap()]);
        assert!(said.lines().count() > 20, "{said}");
        let value = |key: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: ")));
            line.unwrap_or_else(|| panic!("no {key}: {said}")).to_owned()
        };
        for (column, key) in [
            ("file_id", "File ID"),
            ("machine_id", "Machine ID"),
            ("tail_boot_id", "Boot ID"),
            ("seqnum_id", "Sequential number ID"),
        ] {
            assert_eq!(row[column], value(key), "{column}");
        }
        for (column, key) in
            [("records", "Entry objects"), ("n_objects", "Objects"), ("n_data", "Data objects")]
        {
            assert_eq!(row[column].as_u64(), value(key).parse().ok(), "{column}");
        }
        assert_eq!(row["state"], value("State").to_lowercase());
        let claimed: u64 =
            ["Header size", "Arena size"].map(value).iter().map(|size| size.parse::<u64>().unwrap()).sum();
        assert_eq!(row["claimed_bytes"], claimed);
        // In brackets journalctl prints numbers and times in hexadecimal digits.
        let in_brackets = |key: &str| {
            let text = value(key);
            let hex = text.split_once('(').unwrap().1.trim_end_matches(')').to_owned();
            u64::from_str_radix(&hex, 16).unwrap()
        };
        assert_eq!(row["tail_seqnum"], in_brackets("Tail sequential number"));
        for (column, key) in [("first", "Head realtime timestamp"), ("last", "Tail realtime timestamp")] {
            let time = phi_ir::clock::Timestamp::parse(row[column].as_str().unwrap()).unwrap();
            assert_eq!(time.unix() as u64, in_brackets(key) / 1_000_000, "{column}");
        }
        let flags: Vec<String> =
            value("Incompatible flags").split_whitespace().map(str::to_lowercase).collect();
        assert!(
            flags.iter().all(|flag| row["flags"].as_array().unwrap().contains(&Value::from(flag.clone()))),
            "{row:#} {flags:?}"
        );
        assert_eq!((&row["truncated"], &row["whole"]), (&false.into(), &true.into()));
    }
    assert_eq!((&rows[0]["records"], &rows[0]["scope"]), (&600.into(), &"system".into()));
}

/// An rsyslogd of our own, that listens on a socket of its own.
struct Syslog {
    child: Child,
}

impl Drop for Syslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn syslog(folder: &Path, template: &str, file: &Path) -> Syslog {
    let conf = folder.join("rsyslog.conf");
    let text = format!(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"{0}/log\")\n\
        module(load=\"builtin:omfile\" Template=\"{template}\")\nauthpriv.* {1}\n",
        folder.display(),
        file.display()
    );
    fs::write(&conf, text).unwrap();
    let pid = folder.join("pid");
    let child = Command::new("rsyslogd")
        .args(["-n", "-f", conf.to_str().unwrap(), "-i", pid.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("rsyslogd is needed by this test");
    until("rsyslogd to listen", || folder.join("log").exists());
    Syslog { child }
}

#[test]
fn text_logs_of_rsyslogd_in_both_forms() {
    if !only_root("an rsyslogd of our own") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::new().folder("/var/log");
    for (template, name) in [
        ("RSYSLOG_FileFormat", "/var/log/auth.log"),
        ("RSYSLOG_TraditionalFileFormat", "/var/log/auth.log.1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = host.at(name);
        let running = syslog(folder.path(), template, &log);
        let socket = folder.path().join("log");
        for number in 0..5 {
            let message = format!("trial {number}");
            succeed(
                "logger",
                &["-u", socket.to_str().unwrap(), "-p", "authpriv.info", "-t", "sshd", &message],
            );
        }
        until("five lines", || fs::read_to_string(&log).unwrap_or_default().contains("trial 4"));
        drop(running);
    }
    let (_, rows) = rows(&desk, &host, "auth-logs");
    assert_eq!(rows.len(), 2);
    let lines = |name: &str| {
        fs::read_to_string(host.at(name)).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let word =
        |line: &str| phi_ir::clock::Timestamp::parse(line.split(' ').next().unwrap()).unwrap().to_string();
    let exact = lines("/var/log/auth.log");
    assert!(exact.len() >= 5);
    assert_eq!(rows[0]["lines"], exact.len());
    assert_eq!(rows[0]["exact"], exact.len());
    assert_eq!(rows[0]["first"], word(&exact[0]));
    assert_eq!(rows[0]["last"], word(exact.last().unwrap()));
    let classic = lines("/var/log/auth.log.1");
    assert_eq!((&rows[1]["classic"], &rows[1]["unread"]), (&classic.len().into(), &0.into()));
    assert_eq!(rows[1]["first_text"], classic[0].get(..15).unwrap());
    assert_eq!(rows[1]["last_text"], classic.last().unwrap().get(..15).unwrap());
}

/// What this machine's own logs say, against programs that read them: nothing is left out.
#[test]
fn settings_of_this_machine_are_all_there() {
    if !only_root("this machine's own configuration") {
        return;
    }
    let desk = Desk::new();
    let ran = crate::support::phi([
        "collect",
        "--quiet",
        "--json",
        "--no-tools",
        "--only",
        "rsyslog",
        "-r",
        &desk.recipient,
    ])
    .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
    .run();
    let opened = desk.open(&Bundle::of(&ran.json()));
    let text = fs::read_to_string(opened.join("data/live/rsyslog/settings.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Debian ships both with every package that logs; what its files say is readable to the last line.
    let of = |program: &str| rows.iter().filter(|row| row["program"] == program).count();
    assert!(of("rsyslog") > 10 && of("logrotate") > 10 && of("journald") > 10, "{text}");
    let shipped = [
        "/etc/rsyslog.conf",
        "/etc/logrotate.conf",
        "/etc/logrotate.d/rsyslog",
        "/etc/systemd/journald.conf",
    ];
    let unread = rows.iter().filter(|row| {
        row.get("reason").is_some() && shipped.contains(&row["file"].as_str().unwrap_or_default())
    });
    assert_eq!(unread.count(), 0, "{text}");
}
