//! What is kept of logins, told from what was sealed: text, journal, both or neither; and the settings of keeping.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use phi_ir::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, entries};

const LOGS: [&str; 6] = ["--only", "auth-logs", "--only", "journal", "--only", "log-keeping"];
const OWN: [u8; 16] = [0x5e; 16];

fn hours_ago(hours: u64) -> Timestamp {
    SystemClock.moment().utc.minus(Duration::from_secs(hours * 3600))
}

/// Lines as rsyslog writes them with exact times.
fn lines(hours: &[u64]) -> String {
    hours.iter().map(|ago| format!("{} clinic-db sshd[1]: Accepted publickey\n", hours_ago(*ago))).collect()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A journal's header with two records, as long as it says.
fn journal(machine: [u8; 16], from: u64, to: u64) -> Vec<u8> {
    let mut bytes = vec![0_u8; 4096];
    bytes[..8].copy_from_slice(b"LPKSHHRH");
    bytes[40..56].copy_from_slice(&machine);
    let mut number = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    number(88, 272);
    number(96, 4096 - 272);
    number(152, 2);
    number(160, 2);
    number(168, 1);
    number(184, hours_ago(from).unix() as u64 * 1_000_000);
    number(192, hours_ago(to).unix() as u64 * 1_000_000);
    bytes
}

fn host() -> FakeHost {
    FakeHost::new()
        .file("/etc/os-release", "ID=debian\n")
        .file("/etc/machine-id", "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e\n")
}

/// What a collection of the last three days says, and the opened bundle.
struct Said {
    keeping: Value,
    entry: Value,
    opened: PathBuf,
    _desk: Desk,
}

#[track_caller]
fn said(host: &FakeHost, code: i32) -> Said {
    let desk = Desk::new();
    let ran = desk.collect(host).args(LOGS).args(["--since", "3d"]).run().code(code);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let keeping = fs::read(opened.join("data/live/log-keeping/keeping.json")).unwrap();
    let entry = entries(&opened).into_iter().find(|entry| entry["collector"] == "log-keeping").unwrap();
    Said { keeping: serde_json::from_slice(&keeping).unwrap(), entry, opened, _desk: desk }
}

impl Said {
    #[track_caller]
    fn is(&self, keeps: &str, covered: &str, words: &str) -> &Said {
        let told = (self.keeping["keeps"].as_str(), self.keeping["covered"].as_str());
        assert_eq!(told, (Some(keeps), Some(covered)), "{:#}", self.keeping);
        assert!(self.keeping["words"].as_str().unwrap().contains(words), "{:#}", self.keeping);
        self
    }

    fn rows(&self, table: &str) -> Vec<Value> {
        rows(&self.opened.join("data/live").join(table))
    }
}

fn rows(table: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(table).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn text_alone_with_rotated_ones_that_are_compressed() {
    let logs = host()
        .file("/var/log/auth.log", lines(&[20, 1]))
        .file("/var/log/auth.log.1", lines(&[40, 21]))
        .file("/var/log/auth.log.2.gz", packed(lines(&[100, 41]).as_bytes()));
    let said = said(&logs, 0);
    said.is("text", "yes", "kept as text in /var/log/auth.log (3 files)");
    assert!(said.entry["reason_code"].is_null() && said.entry["outcome"] == "collected");
    assert_eq!(said.entry["derived_from"].as_array().unwrap().len(), 3);
    let rows = said.rows("auth-logs/files.jsonl");
    assert_eq!(rows.len(), 3);
    assert_eq!((rows[2]["compressed"].as_str(), rows[2]["rotation"].as_str()), (Some("gzip"), Some(".2.gz")));
    assert_eq!((rows[2]["exact"].as_u64(), rows[2]["unread"].as_u64()), (Some(2), Some(0)));
    assert!(rows[2]["first"].as_str() < rows[1]["first"].as_str());
    // The entry of the copy says from when to when, too.
    let all = entries(&said.opened);
    let copy = crate::support::entry_of(&all, "/var/log/auth.log.2.gz");
    assert_eq!(copy["window"]["first"], rows[2]["first"]);
    assert_eq!(copy["id"], rows[2]["entry"]);
}

#[test]
fn a_bomb_or_a_broken_one_is_not_read_and_the_copy_stands() {
    let mut broken = packed(lines(&[100, 90]).as_bytes());
    broken.truncate(broken.len() - 9);
    let logs = host()
        .file("/var/log/auth.log", lines(&[20, 1]))
        .file("/var/log/auth.log.1.gz", packed(&vec![0; 64 << 20]))
        .file("/var/log/auth.log.2.gz", broken)
        .file("/var/log/auth.log.3.xz", b"\xfd7zXZ\0\0\x04")
        .file("/var/log/auth.log.4.Z", b"\x1f\x9d\x90\x41\x00");
    let said = said(&logs, 0);
    said.is("text", "unknown", "could not be read");
    let rows = said.rows("auth-logs/files.jsonl");
    let reason = |at: usize| rows[at]["reason"].as_str().unwrap();
    let words = ["swells", "ends within", "ends within", "compress is not unpacked here"];
    for (at, words) in (1..).zip(words) {
        assert!(reason(at).contains(words), "{}", reason(at));
    }
    let all = entries(&said.opened);
    for name in ["/var/log/auth.log.1.gz", "/var/log/auth.log.2.gz", "/var/log/auth.log.3.xz"] {
        assert_eq!(crate::support::entry_of(&all, name)["outcome"], "collected", "{name}");
    }
}

#[test]
fn classic_times_cover_nothing_for_certain() {
    let logs = host().file("/var/log/secure", "Nov 21 20:19:48 clinic-db sshd[1]: Accepted\n");
    let said = said(&logs, 0);
    said.is("text", "unknown", "neither a year nor a zone");
    let row = &said.rows("auth-logs/files.jsonl")[0];
    assert_eq!((row["first_text"].as_str(), row["first"].is_null()), (Some("Nov 21 20:19:48"), true));
    assert_eq!(said.entry["reason_code"], "coverage_unknown");
}

#[test]
fn a_journal_on_the_disk_and_one_that_a_reboot_takes() {
    let persistent = host()
        .file("/var/log/journal/5e5e/system@1.journal", journal(OWN, 200, 50))
        .file("/var/log/journal/5e5e/system.journal", journal(OWN, 50, 1))
        .file("/var/log/journal/5e5e/user-1000.journal", journal(OWN, 500, 1));
    let one = said(&persistent, 0);
    one.is("journal", "yes", "in the journal on the disk (2 files)");
    let rows = one.rows("journal/files.jsonl");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["records"], 2);
    assert_eq!((rows[2]["scope"].as_str(), rows[2]["truncated"].as_bool()), (Some("user-1000"), Some(false)));
    let volatile = host().file("/run/log/journal/5e5e/system.journal", journal(OWN, 20, 1));
    let one = said(&volatile, 0);
    one.is("journal", "no", "which the next reboot takes away");
    assert_eq!(one.keeping["sources"][0]["lost_at_reboot"], true);
    assert_eq!(
        (one.entry["reason_code"].as_str(), one.entry["outcome"].as_str()),
        (Some("window_not_covered"), Some("collected"))
    );
    let both = volatile.file("/var/log/auth.log", lines(&[100, 1]));
    let one = said(&both, 0);
    one.is("both", "yes", "; logins are kept in a journal in /run alone");
    assert_eq!(one.keeping["sources"].as_array().unwrap().len(), 2);
}

#[test]
fn neither_is_partial_and_says_what_that_means() {
    let one = said(&host(), 3);
    one.is("neither", "unknown", "no login can be shown here, and none can be excluded");
    assert_eq!(
        (one.entry["outcome"].as_str(), one.entry["reason_code"].as_str()),
        (Some("inconclusive"), Some("not_found"))
    );
    // Another machine's journal, a user's, one without records, a text that is no log: none of them shows a login.
    let mut none = journal(OWN, 200, 1);
    none[152] = 0;
    let others = host()
        .file("/var/log/journal/remote/remote-10.0.0.1.journal", journal(OWN, 200, 1))
        .file("/var/log/journal/0a0a/system.journal", journal([0xa; 16], 200, 1))
        .file("/var/log/journal/5e5e/user-1000.journal", journal(OWN, 200, 1))
        .file("/var/log/journal/5e5e/system.journal", none)
        .file("/var/log/auth.log", "x\n");
    let one = said(&others, 3);
    one.is("neither", "unknown", "1 file with the name of such a log hold");
    assert_eq!(one.entry["reason_code"], "not_parsed");
    let row = &one.rows("journal/files.jsonl")[0];
    assert_eq!(
        (row["of_another_machine"].as_bool(), row["machine_id"].as_str().map(str::len)),
        (Some(true), Some(32))
    );
    let one = said(&host().file("/var/log/journal/5e5e/system.journal", "LPKSHHRH\0\0"), 3);
    one.is("neither", "unknown", "1 journal of the system has a header that could not be read");
    // Asked for alone it can say nothing.
    let desk = Desk::new();
    desk.collect(&host()).args(["--only", "log-keeping"]).run().code(3).says("coverage_unknown");
}

#[test]
fn a_journal_that_is_cut_off_is_told_by_its_header() {
    let mut cut = journal(OWN, 200, 1);
    cut.truncate(1000);
    let one = said(
        &host()
            .file("/var/log/journal/5e5e/system.journal~", "x")
            .file("/var/log/journal/5e5e/system.journal", cut),
        3,
    );
    one.is("journal", "unknown", "could not be read, or not wholly");
    let rows = one.rows("journal/files.jsonl");
    assert_eq!((rows[0]["truncated"].as_bool(), rows[0]["claimed_bytes"].as_u64()), (Some(true), Some(4096)));
    assert!(rows[1]["unclean"] == true && rows[1]["reason"].as_str().unwrap().contains("does not begin"));
}

#[test]
fn settings_come_with_their_place_and_with_what_holds_otherwise() {
    let host = host()
        .file("/usr/lib/systemd/journald.conf", "[Journal]\nSeal=no\n")
        .file("/etc/systemd/journald.conf", "[Journal]\n#Storage=auto\nStorage=volatile\nSystemMaxUse=1G\nodd\n")
        .file("/usr/lib/systemd/journald.conf.d/10-a.conf", "[Journal]\nMaxRetentionSec=1day\n")
        .link("/etc/systemd/journald.conf.d/10-a.conf", "/dev/null")
        .file("/run/systemd/journald.conf.d/50-b.conf", "[Journal]\nStorage=persistent\nSystemMaxUse=\n")
        .file("/etc/rsyslog.conf", "module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"5\")\nauth,authpriv.* /var/log/auth.log\n*.* :ommysql:db,Syslog,u,geheim\n")
        .file("/etc/logrotate.d/rsyslog", "/var/log/auth.log {\n rotate 4\n weekly\n}\n")
        .file("/var/lib/logrotate/status", "logrotate state -- version 2\n\"/var/log/auth.log\" 2026-11-22-0:0:0\n")
        .file("/etc/ssh/sshd_config", "LogLevel VERBOSE\n");
    let desk = Desk::new();
    let ran = desk.collect(&host).args(["--only", "rsyslog", "--only", "sshd"]).run().code(0);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let rows = rows(&opened.join("data/live/rsyslog/settings.jsonl"));
    let find = |program: &str, setting: &str, file: &str| -> &Value {
        let is = |row: &&Value| {
            row["program"] == program
                && row["setting"].as_str().unwrap_or_default() == setting
                && row["file"].as_str().unwrap_or_default() == file
        };
        rows.iter().find(is).unwrap_or_else(|| panic!("no {setting} of {file}: {rows:#?}"))
    };
    let storage = find("journald", "Storage", "/run/systemd/journald.conf.d/50-b.conf");
    assert_eq!(
        (&storage["value"], &storage["in_force"], &storage["line"]),
        (&"persistent".into(), &true.into(), &2.into())
    );
    assert!(storage["means"].as_str().unwrap().contains("next boot"));
    let before = find("journald", "Storage", "/etc/systemd/journald.conf");
    assert_eq!(
        (&before["value"], &before["in_force"], &before["line"]),
        (&"volatile".into(), &false.into(), &3.into())
    );
    for hidden in [
        ("Seal", "/usr/lib/systemd/journald.conf"),
        ("MaxRetentionSec", "/usr/lib/systemd/journald.conf.d/10-a.conf"),
    ] {
        let row = find("journald", hidden.0, hidden.1);
        assert!(row["in_force"] == false && row["reason"].as_str().unwrap().contains("hides"), "{row:#}");
        assert_eq!(find("journald", hidden.0, "")["in_force"], true);
    }
    // An empty value takes the default back; a line that cannot be read is there all the same.
    assert!(find("journald", "SystemMaxUse", "")["default"].as_str().unwrap().contains("10%"));
    let odd = find("journald", "", "/etc/systemd/journald.conf");
    assert_eq!((&odd["line"], &odd["value"]), (&5.into(), &"odd".into()));
    assert_eq!(
        find("rsyslog", "module(imuxsock).SysSock.RateLimit.Interval", "/etc/rsyslog.conf")["value"],
        "5"
    );
    assert_eq!(find("rsyslog", "module(imuxsock).SysSock.RateLimit.Burst", "")["default"], "200");
    assert_eq!(find("rsyslog", "module(builtin:omfile).Template", "")["default"], "RSYSLOG_FileFormat");
    assert_eq!(find("rsyslog", "file", "/etc/rsyslog.conf")["scope"], "auth,authpriv.*");
    assert_eq!(find("rsyslog", "module", "/etc/rsyslog.conf")["withheld"], true);
    assert_eq!(find("logrotate", "rotate", "/etc/logrotate.d/rsyslog")["scope"], "/var/log/auth.log");
    assert_eq!(find("logrotate", "last_rotated", "/var/lib/logrotate/status")["value"], "2026-11-22-0:0:0");
    assert_eq!(find("sshd", "LogLevel", "/etc/ssh/sshd_config")["value"], "VERBOSE");
    assert!(find("sshd", "SyslogFacility", "")["default"].as_str().unwrap().starts_with("AUTH"));
    assert!(!rows.iter().any(|row| row.to_string().contains("geheim")));
    // Every file is sealed once, and the raw ones are there.
    assert!(opened.join("data/root/run/systemd/journald.conf.d/50-b.conf").exists());
}
