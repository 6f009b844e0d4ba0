//! `search`

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::support::{Bundle, Desk, FakeHost, Phi, phi};

// Written from documentation (auditd(8), auditctl(8)): two files of one rotation, the later one read first by its name.
const OLD: &str = "\
type=DAEMON_START msg=audit(1795200000.000:10): op=start ver=3.0.9 auid=4294967295 pid=1 uid=0 ses=4294967295 res=success
type=SYSCALL msg=audit(1795200010.123:100): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2=0 a3=0 items=1 ppid=1 pid=70 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"phi_access\"
type=CWD msg=audit(1795200010.123:100): cwd=\"/home/alice\"
type=PATH msg=audit(1795200010.123:100): item=0 name=\"/var/data/phi/a.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=PROCTITLE msg=audit(1795200010.123:100): proctitle=636174
";
const NEW: &str = "\
type=SYSCALL msg=audit(1795292388.500:200): arch=c000003e syscall=87 success=no exit=-13 a0=1 a1=1 a2=0 a3=0 items=1 ppid=1 pid=80 auid=1002 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=4 comm=\"rm\" exe=\"/usr/bin/rm\" key=\"file_deletion\"
type=PATH msg=audit(1795292388.500:200): item=0 name=\"/var/data/phi/b.txt\" inode=8 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=DELETE
type=USER_LOGIN msg=audit(1795292400.000:201): pid=90 uid=0 auid=1001 ses=5 msg='op=login id=1001 exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=success'
";

fn host() -> FakeHost {
    FakeHost::small()
        .file("/var/log/audit/audit.log", NEW)
        .file("/var/log/audit/audit.log.2", OLD)
        .mode("/var/log/audit/audit.log.2", 0o600)
}

fn search(evidence: &[&OsStr], args: &[&str]) -> Phi {
    phi(["search"]).args(evidence).args(args)
}

fn in_root(host: &FakeHost, args: &[&str]) -> Phi {
    search(&["--root".as_ref(), host.path().as_os_str()], args)
}

#[test]
fn events_are_found_in_the_order_of_their_time_whatever_the_files_are_called() {
    let host = host();
    let ids = in_root(&host, &["--format", "ids", "--type", "SYSCALL"]).run().code(0);
    assert_eq!(ids.stdout, "1795200010.123:100\n1795292388.500:200\n");
    let (old, new) = (host.at("/var/log/audit/audit.log.2"), host.at("/var/log/audit/audit.log"));
    let named = search(&["--audit".as_ref(), new.as_os_str(), old.as_os_str()], &["--format", "ids"]);
    let named = named.run().code(0).stdout;
    assert_eq!(
        named.lines().map(|id| id.rsplit(':').next().unwrap()).collect::<Vec<_>>(),
        ["10", "100", "200", "201"]
    );
}

#[test]
fn each_filter_keeps_what_it_says() {
    let host = host();
    let serials = |args: &[&str]| {
        let ran = in_root(&host, args).args(["--format", "ids"]).run().code(0);
        ran.stdout.lines().map(|id| id.rsplit(':').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(serials(&["--key", "phi_access"]), "100");
    assert_eq!(serials(&["--user", "alice"]), "100 201");
    assert_eq!(serials(&["--auid", "1002"]), "200");
    assert_eq!(serials(&["--uid", "1001"]), "100");
    assert_eq!(serials(&["--session", "3"]), "100");
    assert_eq!(serials(&["--type", "USER_LOGIN"]), "201");
    assert_eq!(serials(&["--syscall", "87"]), "200");
    assert_eq!(serials(&["--syscall", "openat"]), "100");
    assert_eq!(serials(&["--success", "no"]), "200");
    assert_eq!(serials(&["--exe", "/usr/bin/cat"]), "100");
    assert_eq!(serials(&["--comm", "rm"]), "200");
    assert_eq!(serials(&["--pid", "80"]), "200");
    assert_eq!(serials(&["--path", "/var/data/phi"]), "100 200");
    assert_eq!(serials(&["--path", "/var/data/phi/b.txt"]), "200");
    assert_eq!(serials(&["--type", "1112"]), "201");
    assert_eq!(serials(&["--addr", "192.0.2.7"]), "201");
    assert_eq!(serials(&["--addr", "::ffff:192.0.2.7"]), "201");
    assert_eq!(serials(&["--key", "phi_access", "--key", "file_deletion", "--success", "yes"]), "100");
}

#[test]
fn what_the_log_cannot_decide_is_told_and_is_no_empty_answer() {
    // Written from documentation (kernel/auditsc.c, `audit_log_uring`): it says neither who logged in nor which program it was.
    let uring = "\
type=URINGOP msg=audit(1795200020.000:101): uring_op=36 success=yes exit=0 items=1 ppid=1 pid=71 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 key=\"phi_access\"
type=PATH msg=audit(1795200020.000:101): item=0 name=\"/var/data/phi/a.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=DELETE
";
    let host = FakeHost::small().file("/var/log/audit/audit.log", format!("{OLD}{uring}"));
    for asked in [["--auid", "1002"], ["--exe", "/usr/bin/rm"], ["--comm", "rm"], ["--session", "9"]] {
        let ran = in_root(&host, &asked).args(["--format", "ids"]).run().code(3);
        assert_eq!(ran.stdout, "");
        ran.says("1 event may be asked for too");
    }
    let own = in_root(&host, &["--uid", "1001", "--format", "ids"]).run().code(0);
    assert_eq!(own.stdout, "1795200010.123:100\n1795200020.000:101\n");
}

#[test]
fn a_bundle_answers_as_its_root_does_and_leaves_nothing_in_the_clear() {
    let desk = Desk::new();
    let host = host();
    let bundle = Bundle::of(&desk.collect(&host).run().code(3).json());
    let key = desk.path("officer.key");
    let scratch = desk.path("scratch");
    fs::create_dir(&scratch).unwrap();
    let before = files(desk.dir.path());
    let raw = |evidence: &[&OsStr]| {
        search(evidence, &["--format", "raw"]).env("TMPDIR", &scratch).current_dir(&scratch).run().code(0).raw
    };
    let of_bundle = raw(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()]);
    assert_eq!(String::from_utf8(of_bundle.clone()).unwrap(), format!("{OLD}{NEW}"));
    assert_eq!(files(desk.dir.path()), before);
    assert_eq!(raw(&["--root".as_ref(), host.path().as_os_str()]), of_bundle);
    let opened = desk.open(&bundle);
    assert_eq!(raw(&[opened.as_os_str()]), of_bundle);
    assert_eq!(raw(&["--root".as_ref(), opened.as_os_str()]), of_bundle);
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

#[test]
fn a_bundle_that_is_not_as_it_was_sealed_answers_nothing() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let key = desk.path("officer.key");
    let ask = |args: &[&str]| search(&[bundle.sealed.as_os_str()], args);
    ask(&[]).run().code(2).says("hint: name the key with -i KEY");
    ask(&["-i", key.to_str().unwrap(), "--require-signer"]).run().code(4).says("no question is answered");
    let mut bytes = fs::read(&bundle.sealed).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    fs::write(&bundle.sealed, bytes).unwrap();
    let ran = ask(&["-i", key.to_str().unwrap()]).run().code(4).says("FAILED").says("hint:");
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_file_of_an_opened_bundle_that_was_changed_is_found_out() {
    let desk = Desk::new();
    let opened = desk.open(&desk.bundle());
    let log = opened.join("data/root/var/log/audit/audit.log");
    let changed = fs::read_to_string(&log).unwrap().replace("op=start", "op=other");
    fs::write(&log, changed).unwrap();
    search(&[opened.as_os_str()], &[]).run().code(4).says("is not what its entry says");
}

#[test]
fn an_empty_answer_says_what_it_rests_on() {
    let host = host();
    let ran = in_root(&host, &["--key", "nothing"]).run().code(3);
    assert_eq!(ran.stdout, "");
    let ran = ran.says("no event matched").says("audit.log.2").says("2026-11-21");
    let ran = ran.says("these numbers are not here: 1");
    assert!(!ran.stderr.contains("nothing happened"));
    // With an answer, and without a window, what is not here does not change the exit.
    in_root(&host, &["--key", "phi_access"]).run().code(0);
    in_root(&host, &["--key", "phi_access", "--since", "2026-11-01"]).run().code(3).says("2026-11-20");
    let behind = in_root(&host, &["--since", "2027-01-01"]).run().code(3);
    behind.says("nothing is known of the time from 2027-01-01 00:00:00 UTC on: what was read ends at");
    let odd = FakeHost::small().file("/var/log/audit/audit.log", "no record\n");
    in_root(&odd, &[]).run().code(3);
    let nowhere = FakeHost::new().folder("/var/log");
    in_root(&nowhere, &[]).run().code(3).says("not searched").says("audit logs: there is none");
}

#[test]
fn a_window_cuts_and_a_whole_one_is_covered() {
    let host = FakeHost::small().file("/var/log/audit/audit.log", format!("{OLD}{NEW}"));
    let args = ["--since", "2026-11-20 18:40:10", "--until", "2026-11-20 18:40:10", "--format", "ids"];
    let ran = in_root(&host, &args).run().code(0);
    assert_eq!(ran.stdout, "1795200010.123:100\n");
    // A minute and a day are meant to their ends.
    for until in ["2026-11-20 18:40", "2026-11-20"] {
        let window = ["--since", "2026-11-20 18:40:10", "--until", until, "--format", "ids"];
        let ran = in_root(&host, &window).run();
        assert!(ran.stdout.starts_with("1795200010.123:100\n"), "{until}: {}", ran.stdout);
    }
    in_root(&host, &["--since", "2026-11-21", "--until", "2026-11-20"]).run().code(2).says("hint:");
    in_root(&host, &["--since", "soon"]).run().code(2).says("hint:");
}

#[test]
fn rows_are_for_people_for_programs_and_for_spreadsheets() {
    let host = host();
    let table = in_root(&host, &["--key", "phi_access"]).args(["--format", "table"]).run().code(0).stdout;
    assert!(
        table.starts_with("TIME ") && table.contains("alice") && table.contains("/var/data/phi/a.txt"),
        "{table}"
    );
    let rows = in_root(&host, &["--format", "jsonl", "--key", "phi_access"]).run().code(0);
    let row: serde_json::Value = rows.json();
    assert_eq!(row["auid_name"], "alice");
    assert_eq!(row["records"].as_array().unwrap().len(), 4);
    assert_eq!(row["records"][0]["text"], OLD.lines().nth(1).unwrap());
    let csv = in_root(&host, &["--format", "csv"]).run().code(0).stdout;
    assert!(csv.starts_with("time,serial,user,pid,"), "{csv}");
}

#[test]
fn what_is_no_evidence_is_refused_with_what_to_do() {
    phi(["search"]).run().code(2).says("hint: name a bundle");
    phi(["search", "--auth", "/etc/hostname"]).run().code(2).says("--audit FILE");
    phi(["search", "--audit", "/nonexistent/audit.log"]).run().code(1).says("cannot read").says("hint:");
    phi(["search", "--root", "/nonexistent"]).run().code(1).says("hint:");
    phi(["search", "--audit", "/etc"]).run().code(1).says("is a folder");
    let folder = tempfile::tempdir().unwrap();
    search(&[folder.path().as_os_str()], &[]).run().code(1).says("--root DIR");
    let host = host();
    in_root(&host, &["--user", "nobody-knows"]).run().code(2).says("hint: give the number");
    in_root(&host, &["--addr", "clinic"]).run().code(2).says("hint:");
    in_root(&host, &["--type", "syscal"]).run().code(2).says("hint: the nearest is SYSCALL");
    in_root(&host, &["--syscall", "opeant"]).run().code(2).says("hint: give its number");
    in_root(&host, &["--path", "phi"]).run().code(2).says("whole path");
}

#[test]
fn a_packed_log_is_read_and_one_that_is_broken_is_told() {
    let host = host();
    let packed = |text: &[u8]| {
        let mut child = std::process::Command::new("gzip")
            .arg("-c")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    let gz = packed(OLD.as_bytes());
    let host = host.file("/var/log/audit/audit.log.3.gz", &gz);
    fs::remove_file(host.at("/var/log/audit/audit.log.2")).unwrap();
    in_root(&host, &["--format", "ids", "--key", "phi_access"]).run().code(0).says("1795200010.123:100");
    let host = host.file("/var/log/audit/audit.log.3.gz", &gz[..gz.len() / 2]);
    in_root(&host, &["--key", "nothing"]).run().code(3).says("audit.log.3.gz");
}

#[test]
fn links_do_not_lead_out_of_a_root() {
    let outside = FakeHost::new().file("/secret.log", OLD);
    let host = FakeHost::small();
    let link = host.at("/var/log/audit/audit.log.1");
    std::os::unix::fs::symlink(outside.at("/secret.log"), link).unwrap();
    let ran = in_root(&host, &["--format", "ids"]).run();
    assert!(!ran.stdout.contains("1795200010"), "{}", ran.stdout);
}
