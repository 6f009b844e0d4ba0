//! `access`

use std::ffi::OsStr;
use std::fs;

use crate::support::{Bundle, Desk, FakeHost, Phi, entries, phi};

// Written from documentation (auditd(8), auditctl(8), sshd(8)): alice logs in from 192.0.2.7 and opens a file; bob is
// refused; somebody without a login deletes one.
pub const LOG: &str = "\
type=DAEMON_START msg=audit(1795200000.000:10): op=start ver=3.0.9 format=raw kernel=6.1.0 auid=4294967295 pid=1 uid=0 ses=4294967295 res=success
type=CONFIG_CHANGE msg=audit(1795200000.100:50): auid=4294967295 ses=4294967295 op=add_rule key=\"phi_access\" list=4 res=1
type=USER_AUTH msg=audit(1795200001.000:51): pid=69 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication grantors=pam_unix acct=\"alice\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=success'
type=LOGIN msg=audit(1795200001.100:52): pid=69 uid=0 old-auid=4294967295 auid=1001 tty=(none) old-ses=4294967295 ses=3 res=1
type=USER_START msg=audit(1795200001.200:53): pid=69 uid=0 auid=1001 ses=3 msg='op=PAM:session_open grantors=pam_unix acct=\"alice\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=success'
type=SYSCALL msg=audit(1795200010.123:54): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2=0 a3=0 items=1 ppid=69 pid=70 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"phi_access\"
type=CWD msg=audit(1795200010.123:54): cwd=\"/home/alice\"
type=PATH msg=audit(1795200010.123:54): item=0 name=\"/var/data/phi/a.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=PROCTITLE msg=audit(1795200010.123:54): proctitle=636174
type=SYSCALL msg=audit(1795200020.000:55): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=1 a2=0 a3=0 items=1 ppid=1 pid=80 auid=1002 uid=1002 gid=1002 euid=1002 suid=1002 fsuid=1002 egid=1002 sgid=1002 fsgid=1002 tty=pts1 ses=4 comm=\"less\" exe=\"/usr/bin/less\" key=\"phi_access\"
type=CWD msg=audit(1795200020.000:55): cwd=\"/\"
type=PATH msg=audit(1795200020.000:55): item=0 name=\"/var/data/phi/b.txt\" inode=8 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=SYSCALL msg=audit(1795200030.000:56): arch=c000003e syscall=87 success=yes exit=0 a0=1 a1=1 a2=0 a3=0 items=2 ppid=1 pid=90 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"rm\" exe=\"/usr/bin/rm\" key=\"phi_access\"
type=CWD msg=audit(1795200030.000:56): cwd=\"/\"
type=PATH msg=audit(1795200030.000:56): item=0 name=\"/var/data/phi/\" inode=6 dev=08:01 mode=040700 ouid=0 ogid=0 rdev=00:00 nametype=PARENT
type=PATH msg=audit(1795200030.000:56): item=1 name=\"/var/data/phi/c.txt\" inode=9 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=DELETE
";
const AUTH: &str = "2026-11-20T18:40:01.050000+00:00 host sshd[69]: Accepted password for alice from 192.0.2.7 port 50022 ssh2\n";

fn host() -> FakeHost {
    FakeHost::small()
        .file("/var/log/audit/audit.log", LOG)
        .mode("/var/log/audit/audit.log", 0o600)
        .file("/var/log/auth.log", AUTH)
}

fn access(evidence: &[&OsStr], args: &[&str]) -> Phi {
    phi(["access"]).args(evidence).args(args)
}

fn in_files(host: &FakeHost, args: &[&str]) -> Phi {
    let (log, auth) = (host.at("/var/log/audit/audit.log"), host.at("/var/log/auth.log"));
    access(&["--audit".as_ref(), log.as_os_str(), "--auth".as_ref(), auth.as_os_str()], args).args([
        "--phi",
        "/var/data/phi",
        "--phi-key",
        "phi_access",
    ])
}

fn rows(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_access_has_who_from_where_how_and_what() {
    let host = host();
    let ran = in_files(&host, &["--format", "jsonl"]).run().code(0);
    let rows = rows(&ran.stdout);
    let told: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| {
            let text = |at: &str| row.pointer(at).and_then(|value| value.as_str()).unwrap_or("");
            [text("/op"), text("/outcome"), text("/path"), text("/actor/label")]
        })
        .collect();
    assert_eq!(
        told,
        [
            ["read", "ok", "/var/data/phi/a.txt", "A2"],
            ["read", "denied", "/var/data/phi/b.txt", "D"],
            ["delete", "ok", "/var/data/phi/c.txt", "E"],
        ],
        "{}",
        ran.stdout
    );
    assert_eq!(rows[0].pointer("/source/addr").unwrap(), "192.0.2.7");
    assert_eq!(rows[0].pointer("/source/port").unwrap(), 50_022);
    let table = in_files(&host, &["--format", "table"]).run().code(0).stdout;
    for words in
        ["opened for reading", "opened for reading: denied", "deleted", "192.0.2.7", "/usr/bin/cat", "alice"]
    {
        assert!(table.contains(words), "{words} in {table}");
    }
    assert!(
        in_files(&host, &["--format", "csv"])
            .run()
            .code(0)
            .stdout
            .starts_with("first,last,who,from,how,done,path")
    );
}

#[test]
fn thousands_of_accesses_are_printed_each_once_and_in_their_order() {
    let opened = LOG.lines().skip(5).take(4).collect::<Vec<_>>().join("\n");
    let one = |number: u64| {
        let (second, serial) = (1_795_200_010 + number / 4, 54 + number);
        opened
            .replace("1795200010.123:54", &format!("{second}.123:{serial}"))
            .replace("a.txt", &format!("{number}.txt"))
    };
    let log: String = (0..5_000).map(|number| one(number) + "\n").collect();
    let host = FakeHost::small().file("/var/log/audit/audit.log", log).file("/var/log/auth.log", AUTH);
    let rows = rows(&in_files(&host, &["--format", "jsonl"]).run().code(0).stdout);
    assert_eq!(rows.len(), 5_000);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["row_id"], number);
        assert_eq!(row["path"], format!("/var/data/phi/{number}.txt"));
    }
    let table = in_files(&host, &["--format", "csv"]).run().code(0).stdout;
    assert_eq!(table.lines().count(), 5_001);
    assert!(table.lines().last().unwrap().contains("/var/data/phi/4999.txt"), "{table}");
}

// Written from documentation (auditctl(8)): a file is moved out of the folder, and read there at once, which a rule with
// another key logs.
const MOVED: &str = "\
type=SYSCALL msg=audit(1795200040.000:57): arch=c000003e syscall=82 success=yes exit=0 a0=1 a1=2 a2=0 a3=0 items=4 ppid=69 pid=91 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"mv\" exe=\"/usr/bin/mv\" key=\"phi_access\"
type=CWD msg=audit(1795200040.000:57): cwd=\"/home/alice\"
type=PATH msg=audit(1795200040.000:57): item=0 name=\"/var/data/phi/\" inode=6 dev=08:01 mode=040700 ouid=0 ogid=0 rdev=00:00 nametype=PARENT
type=PATH msg=audit(1795200040.000:57): item=1 name=\"/var/data/\" inode=5 dev=08:01 mode=040700 ouid=0 ogid=0 rdev=00:00 nametype=PARENT
type=PATH msg=audit(1795200040.000:57): item=2 name=\"/var/data/phi/d.txt\" inode=10 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=DELETE
type=PATH msg=audit(1795200040.000:57): item=3 name=\"/var/data/spare\" inode=10 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=CREATE
type=PROCTITLE msg=audit(1795200040.000:57): proctitle=6D76
type=SYSCALL msg=audit(1795200040.100:58): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2=0 a3=0 items=1 ppid=69 pid=92 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"opens\"
type=CWD msg=audit(1795200040.100:58): cwd=\"/home/alice\"
type=PATH msg=audit(1795200040.100:58): item=0 name=\"/var/data/spare\" inode=10 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=PROCTITLE msg=audit(1795200040.100:58): proctitle=636174
";

#[test]
fn a_file_that_was_moved_out_is_known_in_the_very_next_event() {
    let desk = Desk::new();
    let host = host().folder("/var/data/phi").file("/var/log/audit/audit.log", format!("{LOG}{MOVED}"));
    let told = |rows: &[serde_json::Value]| -> Vec<(String, String)> {
        let word = |row: &serde_json::Value, at: &str| row[at].as_str().unwrap().to_owned();
        rows.iter().skip(3).map(|row| (word(row, "op"), word(row, "path"))).collect()
    };
    let found = rows(&in_files(&host, &["--format", "jsonl"]).run().code(0).stdout);
    let expected = [("rename", "/var/data/phi/d.txt"), ("read", "/var/data/spare")]
        .map(|(op, path)| (op.to_owned(), path.to_owned()));
    assert_eq!(told(&found), expected, "{found:#?}");
    assert_eq!(found[4]["phi_by"], serde_json::json!(["inode"]));
    // And in what is sealed with the log.
    let bundle = Bundle::of(&desk.collect(&host).args(["--phi", "/var/data/phi"]).run().code(3).json());
    let sealed = fs::read_to_string(desk.open(&bundle).join("data/view/access.jsonl")).unwrap();
    assert_eq!(told(&rows(&sealed)), expected);
}

#[test]
fn each_filter_keeps_what_it_says() {
    let host = host();
    let paths = |args: &[&str]| {
        let ran = in_files(&host, args).args(["--format", "jsonl"]).run().code(0);
        let names = rows(&ran.stdout);
        names.iter().map(|row| row["path"].as_str().unwrap()[14..15].to_owned()).collect::<String>()
    };
    assert_eq!(paths(&["--user", "1001"]), "a");
    assert_eq!(paths(&["--user", "unset", "--user", "1002"]), "bc");
    assert_eq!(paths(&["--path", "/var/data/phi/b.txt"]), "b");
    assert_eq!(paths(&["--addr", "192.0.2.7"]), "a");
    assert_eq!(paths(&["--addr", "::ffff:192.0.2.7"]), "a");
    assert_eq!(paths(&["--op", "delete"]), "c");
    let since = ["--since", "2026-11-20T18:40:15Z", "--until", "2026-11-20T18:40:25Z"];
    let ran = in_files(&host, &since).args(["--format", "jsonl"]).run();
    assert_eq!(rows(&ran.stdout).len(), 1);
    in_files(&host, &["--op", "copied"]).run().code(2).says("hint: one of read");
}

#[test]
fn whose_origin_is_unknown_may_be_the_one_that_is_asked_for() {
    let host = host();
    let ran = in_files(&host, &["--addr", "198.51.100.9"]).run().code(3);
    assert_eq!(ran.stdout, "");
    let ran = ran.says("2 events of PHI may be asked for too: who, from where");
    assert!(!ran.stderr.contains("would have been recorded"), "{}", ran.stderr);
    // Who came from elsewhere for certain is not meant.
    let ran = in_files(&host, &["--addr", "198.51.100.9", "--user", "1001"]).run();
    assert!(!ran.stderr.contains("may be asked for too"), "{}", ran.stderr);
}

#[test]
fn writing_is_whatever_writes_and_reading_whatever_reads() {
    let opened = |serial: u32, flags: &str, name: &str| {
        format!(
            "type=SYSCALL msg=audit(1795200050.000:{serial}): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2={flags} a3=0 items=1 ppid=69 pid=93 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"vi\" exe=\"/usr/bin/vi\" key=\"phi_access\"\n\
             type=PATH msg=audit(1795200050.000:{serial}): item=0 name=\"/var/data/phi/{name}\" inode=2{serial} dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n"
        )
    };
    // O_RDWR, O_WRONLY|O_TRUNC, O_WRONLY|O_APPEND
    let log =
        format!("{LOG}{}{}{}", opened(57, "2", "both"), opened(58, "201", "cut"), opened(59, "401", "more"));
    let host = host().file("/var/log/audit/audit.log", log);
    let names = |op: &str| {
        let ran = in_files(&host, &["--op", op, "--format", "jsonl"]).run().code(0);
        let rows = rows(&ran.stdout);
        rows.iter().map(|row| row["path"].as_str().unwrap()[14..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("write"), ["both", "cut", "more"]);
    assert_eq!(names("read"), ["a.txt", "b.txt", "both"]);
    assert_eq!(names("append"), ["more"]);
}

#[test]
fn summaries_are_of_actors_and_of_files() {
    let host = host();
    let actors = rows(&in_files(&host, &["--by", "actor", "--format", "jsonl"]).run().code(0).stdout);
    assert_eq!(actors.len(), 3);
    assert_eq!(actors[0]["auid_name"], "alice");
    let files = rows(&in_files(&host, &["--by", "file", "--format", "jsonl"]).run().code(0).stdout);
    let states: Vec<&str> = files.iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["there", "there", "deleted"]);
    in_files(&host, &["--by", "file", "--format", "ecs"]).run().code(2);
}

#[test]
fn a_siem_gets_no_names_of_files_unless_asked_to() {
    let host = host();
    for format in ["syslog", "ecs"] {
        let ran = in_files(&host, &["--format", format]).run().code(0).stdout;
        assert!(ran.contains("phi-000001") && !ran.contains("a.txt"), "{ran}");
        assert_eq!(ran.lines().count(), 3);
        let ran = in_files(&host, &["--format", format, "--paths"]).run().code(0).stdout;
        assert!(ran.contains("/var/data/phi/a.txt"), "{ran}");
    }
}

#[test]
fn nothing_found_is_told_in_words_of_its_own_for_each_reason() {
    let host = FakeHost::small();
    let about = |log: &str, args: &[&str]| {
        let host = FakeHost::small().file("/var/log/audit/audit.log", log);
        let path = host.at("/var/log/audit/audit.log");
        let ran =
            access(&["--audit".as_ref(), path.as_os_str()], &["--phi", "/var/data/phi"]).args(args).run();
        assert_eq!(ran.stdout, "");
        ran
    };
    let event = |time: u32, serial: u32| {
        format!("type=USER_CMD msg=audit({time}.000:{serial}): pid=1 uid=0 auid=0 ses=1 msg='res=success'\n")
    };
    let change = |time: u32, serial: u32, words: &str| {
        format!("type=CONFIG_CHANGE msg=audit({time}.000:{serial}): auid=0 ses=1 {words} res=1\n")
    };
    let rule = "op=add_rule key=\"phi_access\" list=4";
    let key = ["--phi-key", "phi_access"];
    let base = 1_795_200_000;
    // No rule is known.
    about(&event(base, 5), &[]).code(3).says("no key of a rule is known that watches PHI");
    about(&event(base, 5), &key).code(3).says("the logs tell of none");
    // Auditing was off.
    let off =
        [change(base, 5, rule), change(base + 1, 6, "op=set audit_enabled=0 old=1"), event(base + 60, 7)];
    about(&off.concat(), &key).code(3).says("off");
    // The rule came late.
    let ruled = [event(base, 5), change(base + 30, 6, rule), event(base + 60, 7)];
    about(&ruled.concat(), &key)
        .code(3)
        .says("no rule with this key was in force from 2026-11-20 18:40:00 UTC");
    // A file of the rotation is not there.
    let rotated = FakeHost::small()
        .file("/var/log/audit/audit.log.2", change(base, 5, rule) + &event(base + 1, 6))
        .file("/var/log/audit/audit.log", event(base + 60, 7) + &event(base + 61, 8));
    access(&["--root".as_ref(), rotated.path().as_os_str()], &["--phi", "/var/data/phi"])
        .args(key)
        .run()
        .code(3)
        .says("of the rotated logs number 1 is not there");
    // Records are missing.
    let lost = [change(base, 5, rule), event(base + 1, 6), event(base + 60, 90), event(base + 61, 91)];
    about(&lost.concat(), &key).code(3).says("the events 7 to 89 are in none of the logs");
    // The time that is asked for lies before the first record.
    let late = [change(base, 5, rule), event(base + 1, 6)];
    about(&late.concat(), &["--phi-key", "phi_access", "--since", "2026-11-01"])
        .code(3)
        .says("2026-11-01 00:00:00 UTC to");
    // It lies behind the last.
    about(&late.concat(), &["--phi-key", "phi_access", "--since", "2026-11-22", "--until", "2026-11-23"])
        .code(3)
        .says("nothing was read of the time behind 2026-11-20 18:40:01 UTC");
    // A log without a record in it.
    about("# no record\n", &key).code(3).says("1 log could not be read, or no record in it");
    // The log is damaged.
    let broken = FakeHost::small().file("/var/log/audit/audit.log", b"\x1f\x8b\x08\x00 no gzip");
    let path = broken.at("/var/log/audit/audit.log");
    access(&["--audit".as_ref(), path.as_os_str()], &["--phi", "/var/data/phi"])
        .run()
        .code(3)
        .says("NOT ALL READ");
    // Nothing was done that would not be here.
    let quiet = [change(base, 5, rule), event(base + 5, 6), event(base + 60, 7)].concat();
    let within =
        ["--phi-key", "phi_access", "--since", "2026-11-20T18:40:06Z", "--until", "2026-11-20T18:40:30Z"];
    about(&quiet, &within).code(0).says("such events would have been recorded");
    // There is no log.
    let without = FakeHost::new().folder("/var/log");
    access(&["--root".as_ref(), without.path().as_os_str()], &["--phi", "/var/data/phi"])
        .run()
        .code(3)
        .says("no record in them");
    // What holds PHI is not known.
    let path = host.at("/etc/passwd");
    access(&["--audit".as_ref(), path.as_os_str()], &[]).run().code(2).says("--phi DIR");
}

#[test]
fn a_bundle_answers_as_its_files_do_and_leaves_nothing_in_the_clear() {
    let desk = Desk::new();
    let host = host();
    let bundle = Bundle::of(&desk.collect(&host).run().code(3).json());
    let key = desk.path("officer.key");
    let count = |folder: &std::path::Path| fs::read_dir(folder).unwrap().count();
    let before = count(desk.dir.path());
    let ran = access(
        &[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()],
        &["--format", "jsonl", "--phi", "/var/data/phi", "--phi-key", "phi_access"],
    );
    let ran = ran.run().code(0);
    assert_eq!(count(desk.dir.path()), before);
    let labels: Vec<String> =
        rows(&ran.stdout).iter().map(|row| row["actor"]["label"].as_str().unwrap().to_owned()).collect();
    assert_eq!(labels, ["A2", "D", "E"]);
}

// Written from documentation (kernel/audit.c, and the words within auditd 3.0.9): the kernel lost records, and auditd had no
// room; a program of another name says what the kernel would.
const UNKEPT: &str = "\
2026-11-20T18:40:12.000000+00:00 host kernel: [   12.345678] audit: audit_lost=41 audit_rate_limit=0 audit_backlog_limit=64
2026-11-20T18:40:12.000100+00:00 host kernel: [   12.345678] audit: backlog limit exceeded
2026-11-20T18:40:14.000000+00:00 host auditd[50]: Audit daemon is suspending logging due to low disk space.
2026-11-20T18:40:16.000000+00:00 host auditd[50]: Audit daemon resumed logging.
2026-11-20T18:40:17.000000+00:00 host app: audit: rate limit exceeded
";

#[test]
fn what_the_kernel_and_auditd_say_of_records_that_they_did_not_keep_stands_beside_every_answer() {
    let desk = Desk::new();
    let host = host().folder("/var/data/phi").file("/var/log/auth.log", format!("{AUTH}{UNKEPT}"));
    let told = [
        "audit records were lost at 2026-11-20 18:40:12 UTC: the text log says so",
        "the text log says that the kernel had lost 41 audit records in all",
        "auditd did not write from 2026-11-20 18:40:14 UTC on, until 2026-11-20 18:40:16 UTC: the text log says so",
        "the text log says that auditd suspended logging",
    ];
    // Beside an answer, and beside an empty one, which is not that nothing was done.
    let all = in_files(&host, &["--format", "jsonl"]).run().code(0);
    assert_eq!(rows(&all.stdout).len(), 3);
    let some = in_files(&host, &["--until", "2026-11-20T18:40:25Z", "--user", "1009"]).run().code(3);
    assert_eq!(some.stdout, "");
    for (words, ran) in told.iter().flat_map(|words| [(words, &all), (words, &some)]) {
        assert!(ran.stderr.contains(words), "{words} in {}", ran.stderr);
    }
    assert!(!some.stderr.contains("would have been recorded"), "{}", some.stderr);
    assert!(!all.stderr.contains("rate limit"), "{}", all.stderr);
    // Of another time it says nothing.
    let after = in_files(&host, &["--since", "2026-11-20T18:40:18Z"]).run();
    assert!(!after.stderr.contains("the text log says"), "{}", after.stderr);
    // And in what is sealed with the logs.
    let bundle = Bundle::of(&desk.collect(&host).args(["--phi", "/var/data/phi"]).run().code(3).json());
    let sealed = fs::read_to_string(desk.open(&bundle).join("data/view/coverage.jsonl")).unwrap();
    let statement = &rows(&sealed)[0];
    let kinds: Vec<&str> =
        statement["signs"].as_array().unwrap().iter().map(|sign| sign["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["loss", "loss", "suspended", "suspended"], "{statement:#}");
}

#[test]
fn accesses_are_sealed_beside_the_logs_that_tell_of_them() {
    let desk = Desk::new();
    let host = host().folder("/var/data/phi");
    let bundle = Bundle::of(&desk.collect(&host).args(["--phi", "/var/data/phi"]).run().code(3).json());
    let opened = desk.open(&bundle);
    let view = |name: &str| rows(&fs::read_to_string(opened.join("data/view").join(name)).unwrap());
    let sealed = view("access.jsonl");
    let labels: Vec<&str> = sealed.iter().map(|row| row["actor"]["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["A2", "D", "E"]);
    assert_eq!((view("access-by-actor.jsonl").len(), view("access-by-file.jsonl").len()), (3, 3));
    let coverage = view("coverage.jsonl");
    let told: Vec<(&str, &str)> = coverage
        .iter()
        .map(|row| (row["source"].as_str().unwrap(), row["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!((told[1], told[2]), (("auth_text", "partial"), ("journal", "unknown")), "{coverage:#?}");
    assert_eq!((told[0].0, told.len()), ("audit", 3));
    assert_eq!(coverage[1]["files"][0]["path"], "/var/log/auth.log");
    assert_eq!(coverage[2]["gaps"][0]["words"], "no journal with a byte in it was sealed");
    // Whoever asks the bundle is told the same, from the whole logs.
    let key = desk.path("officer.key");
    let ran = access(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()], &["--format", "jsonl"]);
    assert_eq!(rows(&ran.run().code(0).stdout), sealed);
    let all = entries(&opened);
    let entry = all.iter().find(|entry| entry["member"] == "data/view/access.jsonl").unwrap();
    let log = crate::support::entry_of(&all, "/var/log/audit/audit.log");
    assert!(entry["derived_from"].as_array().unwrap().contains(&log["id"]), "{entry:#}");
}

#[test]
fn no_access_in_a_sealed_log_is_inconclusive_where_nothing_shows_that_it_would_be_there() {
    let desk = Desk::new();
    let first = LOG.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
    let host = host().folder("/var/data/phi").file("/var/log/audit/audit.log", first);
    let bundle = Bundle::of(&desk.collect(&host).args(["--phi", "/var/data/phi"]).run().code(3).json());
    let all = entries(&desk.open(&bundle));
    let entry = all.iter().find(|entry| entry["member"] == "data/view/access.jsonl").unwrap();
    assert_eq!((&entry["outcome"], &entry["size"]), (&"inconclusive".into(), &0.into()), "{entry:#}");
}

#[test]
fn what_keeps_the_answer_from_being_whole_is_told_and_ends_with_3() {
    let host = host();
    let inside = ["--since", "2026-11-20T18:40:05Z", "--until", "2026-11-20T18:40:25Z", "--format", "jsonl"];
    in_files(&host, &inside).run().code(0);
    // A copy of the log in which an event says something else.
    let altered = LOG.replace("exe=\"/usr/bin/cat\"", "exe=\"/usr/bin/cp\"");
    let host = host.file("/copy.log", altered);
    let (log, copy) = (host.at("/var/log/audit/audit.log"), host.at("/copy.log"));
    let both = access(&["--audit".as_ref(), log.as_os_str(), copy.as_os_str()], &inside);
    let both = both.args(["--phi", "/var/data/phi", "--phi-key", "phi_access"]).run();
    both.code(3).says("1 event of which two logs say different things");
    // Without the listing of the folder its files are known by their names alone.
    let desk = Desk::new();
    let collected = desk.collect(&host).args(["--phi", "/var/data/phi", "--skip", "phi-files"]).run();
    let bundle = Bundle::of(&collected.json());
    let key = desk.path("officer.key");
    access(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()], &inside)
        .run()
        .code(3)
        .says("not read: listings of PHI folders: the bundle was made without the collector phi-files");
}
