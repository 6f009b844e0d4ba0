//! `timeline`

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, PHI_IR, Phi, only_root, phi, skipped, tool};

// Written from documentation (auditd(8), auditctl(8)). The second event is of a program that calls itself as we do.
const AUDIT: &str = "\
type=DAEMON_START msg=audit(1795200000.000:10): op=start ver=3.0.9 auid=4294967295 pid=1 uid=0 ses=4294967295 res=success
type=SYSCALL msg=audit(1795200010.123:100): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=1 a2=0 a3=0 items=1 ppid=1 pid=70 auid=1001 uid=1001 gid=1001 euid=1001 suid=1001 fsuid=1001 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=3 comm=\"phi-ir\" exe=\"/tmp/phi-ir\" key=\"phi_access\"
type=CWD msg=audit(1795200010.123:100): cwd=\"/var/data/phi\"
type=PATH msg=audit(1795200010.123:100): item=0 name=\"a.txt\" inode=7 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
type=USER_LOGIN msg=audit(1795292400.000:201): pid=90 uid=0 auid=1001 ses=5 msg='op=login acct=\"alice\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=success'
";
// Of two days, without a year; the third line's name is perhaps a password.
const AUTH: &str = "\
Nov 20 10:00:00 clinic-db sshd[50]: Server listening on 0.0.0.0 port 22.
Nov 21 20:19:48 clinic-db sshd[77]: Accepted password for alice from 192.0.2.7 port 50000 ssh2
Nov 21 20:19:50 clinic-db sshd[78]: Failed password for invalid user Tr0ub4dor&3 from 192.0.2.8 port 50001 ssh2
Nov 21 20:20:00 clinic-db ntpd[9]: kernel reports TIME_ERROR
";
// With years and a zone.
const DATED: &str = "2026-11-20T10:00:00.000000+00:00 clinic-db sshd[50]: Accepted password for alice from 192.0.2.7 port 50000 ssh2\n";
const LATER: &str = "2026-12-10T10:00:00.000000+00:00 clinic-db sshd[77]: Accepted password for alice from 192.0.2.7 port 50001 ssh2\n";
// RFC 5424: a dash stands for a time that is not known.
const UNDATED: &str =
    "<38>1 - clinic-db sshd 77 - - Accepted password for alice from 192.0.2.7 port 50000 ssh2\n";
const JOURNAL: &str = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";
const HOSTILE: &str = "x\x1b[2J|y%\u{202e}z\n.txt";

fn host() -> FakeHost {
    let host = FakeHost::small()
        .file("/var/log/audit/audit.log", AUDIT)
        .file("/var/log/auth.log", AUTH)
        .file("/var/log/wtmp", wtmp("alice", 1_795_292_389))
        .file(&format!("/var/data/phi/{HOSTILE}"), "made up\n");
    // The year of its lines follows from when it was written.
    let log = fs::File::options().append(true).open(host.at("/var/log/auth.log")).unwrap();
    log.set_modified(UNIX_EPOCH + Duration::from_secs(1_795_292_400)).unwrap();
    host
}

/// One that has every kind of log, each from before 20:19:50 on.
fn whole() -> FakeHost {
    // Captured (fixtures/README.md), and packed.
    let journal = tool("gzip", &["-dc".as_ref(), "fixtures/journal/compact.journal.gz".as_ref()]).code(0).raw;
    host()
        .file("/var/log/auth.log", DATED)
        .file("/var/log/btmp", wtmp("admin", 1_795_292_380))
        .file(JOURNAL, journal)
}

/// As utmp(5) has it on x86_64: a login.
pub fn wtmp(user: &str, seconds: u32) -> Vec<u8> {
    let mut record = vec![0; 384];
    record[0] = 7;
    record[4] = 77;
    record[8..13].copy_from_slice(b"pts/0");
    record[44..44 + user.len()].copy_from_slice(user.as_bytes());
    record[340..344].copy_from_slice(&seconds.to_le_bytes());
    record[348..352].copy_from_slice(&[192, 0, 2, 7]);
    record
}

/// A sealed bundle of it, and the arguments that name it.
fn sealed() -> (Desk, Vec<OsString>) {
    let desk = Desk::new();
    let evidence = sealed_of(&desk, &host());
    (desk, evidence)
}

fn sealed_of(desk: &Desk, host: &FakeHost) -> Vec<OsString> {
    let bundle = Bundle::of(&desk.collect(host).run().json());
    vec![bundle.sealed.into(), "-i".into(), desk.path("officer.key").into()]
}

fn timeline<S: AsRef<OsStr>>(evidence: &[S], args: &[&str]) -> Phi {
    phi(["timeline"]).args(evidence).args(args)
}

fn facts(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[track_caller]
fn one<'f>(facts: &'f [Value], what: &str, source: &str) -> &'f Value {
    let mut found = facts.iter().filter(|fact| fact["what"] == what && fact["source"] == source);
    let first = found.next().unwrap_or_else(|| panic!("no {what} of {source}"));
    assert!(found.next().is_none(), "more than one {what} of {source}");
    first
}

#[test]
fn everything_dated_stands_in_one_order_with_the_entry_that_holds_it() {
    let (desk, evidence) = sealed();
    let ran = timeline(&evidence, &["--format", "jsonl"]).run().code(0);
    let facts = facts(&ran.stdout);
    let times: Vec<&str> = facts.iter().map(|fact| fact["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && facts.len() > 50, "{}", facts.len());

    let read = one(&facts, "audit.read", "audit");
    assert_eq!((read["path"].as_str(), read["auid"].as_u64()), (Some("/var/data/phi/a.txt"), Some(1001)));
    assert!(read["words"].as_str().unwrap().contains("was opened for reading by /tmp/phi-ir"), "{read}");
    let login = one(&facts, "login.accepted", "text");
    assert_eq!(
        (login["time"].as_str(), login["quality"].as_str()),
        (Some("2026-11-21T20:19:48.000000000Z"), Some("year_and_zone_inferred"))
    );
    assert_eq!((login["user"].as_str(), login["address"].as_str()), (Some("alice"), Some("192.0.2.7")));
    one(&facts, "login.accepted", "audit");
    // Its table and its file say the same, which is told once.
    let record = one(&facts, "login_record.user", "login_records");

    // Each stands where it says: the entry's member has it at its offset.
    let opened = desk.open(&Bundle {
        id: String::new(),
        sealed: evidence[0].clone().into(),
        receipt: String::new().into(),
    });
    for (fact, begins) in [(read, "type=SYSCALL msg=audit(1795200010.123:100)"), (login, "Nov 21 20:19:48")] {
        let entry = opened.join("entries").join(format!("{}.json", fact["entry"].as_str().unwrap()));
        let entry: Value = serde_json::from_slice(&fs::read(entry).unwrap()).unwrap();
        let member = fs::read_to_string(opened.join(entry["member"].as_str().unwrap())).unwrap();
        assert!(member[fact["offset"].as_u64().unwrap() as usize..].starts_with(begins), "{fact}");
    }
    assert!(record["entry"].is_string());

    // What is left out is told.
    let ran = ran.says("of programs that are not understood here").says("names that may be passwords");
    assert!(!ran.stdout.contains("Tr0ub4dor") && !ran.stderr.contains("Tr0ub4dor"));
    one(&facts, "login.failed", "text");
    // The folder says the same.
    let again = timeline(&[&opened], &["--format", "jsonl"]).run().code(0);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn what_the_collection_did_is_labelled_and_a_program_of_its_name_is_not() {
    let (_desk, evidence) = sealed();
    let facts = facts(&timeline(&evidence, &[]).run().code(0).stdout);
    let is_ours =
        |fact: &&Value| fact["labels"].as_array().is_some_and(|labels| labels.contains(&"collector".into()));
    let ours: Vec<&Value> = facts.iter().filter(is_ours).collect();
    assert!(ours.iter().all(|fact| fact["what"].as_str().unwrap().starts_with("collector.")));
    assert!(ours.iter().any(|fact| fact["what"] == "collector.step" && fact["path"] == "/var/log/auth.log"));
    one(&facts, "collector.began", "seal");
    one(&facts, "collector.ended", "seal");
    let theirs = one(&facts, "audit.read", "audit");
    assert!(theirs["words"].as_str().unwrap().contains("phi-ir") && !is_ours(&theirs), "{theirs}");
}

#[test]
fn on_a_living_host_our_process_is_ours_and_one_of_our_name_is_not() {
    if !only_root("the processes of the host") {
        return;
    }
    let desk = Desk::new();
    let other = desk.path("phi-ir");
    // By another process: one of ours that holds it for writing keeps it from being run.
    tool("cp", &["/bin/sleep".as_ref(), other.as_os_str()]).code(0);
    let mut child = std::process::Command::new(&other).arg("60").spawn().unwrap();
    let only = ["invoker", "clock-start", "processes"].iter().flat_map(|id| ["--only", id]);
    let made = phi(["collect", "--quiet", "--json", "-r", &desk.recipient])
        .args(only)
        .args(["-o".as_ref(), desk.out().as_os_str()]);
    let made = made.run();
    child.kill().unwrap();
    child.wait().unwrap();
    let bundle = Bundle::of(&made.json());
    let key = desk.path("officer.key");
    let ran = timeline(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()], &[]).run().code(0);
    let facts = facts(&ran.stdout);
    let started = |path: &Path| {
        let path = path.to_str().unwrap().to_owned();
        facts.iter().filter(move |fact| fact["what"] == "process.started" && fact["path"] == path)
    };
    // Other tests may run the program at the same time.
    let ours = started(Path::new(PHI_IR)).filter(|fact| fact["labels"] == serde_json::json!(["collector"]));
    assert_eq!(ours.count(), 1);
    assert!(started(&other).next().unwrap()["labels"].is_null());
}

#[test]
fn what_does_not_fit_into_memory_gives_the_same_answer_and_leaves_nothing() {
    let (desk, evidence) = sealed();
    let temp = desk.path("temp");
    fs::create_dir(&temp).unwrap();
    let held = timeline(&evidence, &["--format", "csv"]).run().code(0).raw;
    let spilt =
        timeline(&evidence, &["--format", "csv", "--memory", "5000", "--temp", temp.to_str().unwrap()]);
    assert_eq!(spilt.run().code(0).raw, held);
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
    timeline(&evidence, &["--memory", "5000", "--temp", "/nonexistent"])
        .run()
        .code(1)
        .says("hint: name a folder");
}

#[test]
fn every_form_can_be_read_by_what_it_is_for() {
    let (_desk, evidence) = sealed();
    let rows = facts(&timeline(&evidence, &[]).run().code(0).stdout);
    let told = |format: &str| timeline(&evidence, &["--format", format]).run().code(0).stdout;

    let events = facts(&told("timesketch"));
    assert_eq!(events.len(), rows.len());
    for (event, row) in events.iter().zip(&rows) {
        assert_eq!(
            (&event["datetime"], &event["what"], &event["message"]),
            (&row["time"], &row["what"], &row["words"])
        );
        assert!(event["timestamp"].is_i64() && event["timestamp_desc"].is_string());
    }
    for (format, head, columns) in
        [("csv", "time,what,user,", 13), ("timesketch-csv", "message,datetime,timestamp_desc,", 16)]
    {
        let text = told(format);
        assert!(text.starts_with(head), "{text}");
        let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), rows.len() + 1);
        assert!(lines.iter().all(|line| csv_cells(line) == columns), "{format}");
    }
    let table = told("table");
    assert_eq!(table.lines().count(), rows.len() + 1);
    assert!(table.starts_with("TIME "));
    for text in [
        told("table"),
        told("csv"),
        told("timesketch-csv"),
        told("bodyfile"),
        told("jsonl"),
        told("timesketch"),
    ] {
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "a name acts on a terminal");
        assert!(text.contains("u{1b}[2J"), "the name is told");
    }
}

/// Cells of a line of RFC 4180.
fn csv_cells(line: &str) -> usize {
    let count = |(cells, quoted): (usize, bool), byte: &u8| match byte {
        b'"' => (cells, !quoted),
        b',' if !quoted => (cells + 1, quoted),
        _ => (cells, quoted),
    };
    line.as_bytes().iter().fold((1, false), count).0
}

#[test]
fn a_body_file_has_each_file_once_and_mactime_reads_it() {
    let (desk, evidence) = sealed();
    let body = timeline(&evidence, &["--format", "bodyfile"]).run().code(0).stdout;
    let names: Vec<&str> = body.lines().map(|line| line.split('|').nth(1).unwrap()).collect();
    assert!(body.lines().all(|line| line.split('|').count() == 11), "{body}");
    assert_eq!(names.iter().filter(|name| **name == "/var/data/phi/a.txt").count(), 1, "{body}");
    assert!(names.contains(&"/var/log/auth.log"));
    let phi = timeline(&evidence, &["--format", "bodyfile", "--path", "/var/data/phi/records"])
        .run()
        .code(0)
        .stdout;
    assert!(phi.lines().all(|line| line.contains("|/var/data/phi/records")) && !phi.is_empty(), "{phi}");
    timeline(&evidence, &["--format", "bodyfile", "--user", "alice"]).run().code(2).says("hint:");

    if std::process::Command::new("mactime").arg("-V").output().is_err() {
        return skipped("mactime (sleuthkit) is not here");
    }
    let file = desk.path("body");
    fs::write(&file, &body).unwrap();
    let read = tool(
        "mactime",
        &["-b".as_ref(), file.as_os_str(), "-d".as_ref(), "-y".as_ref(), "-z".as_ref(), "UTC".as_ref()],
    );
    let read = read.code(0);
    assert!(read.stdout.contains("/var/data/phi/records/b.txt"), "{}", read.stdout);
    assert!(read.stdout.contains("\\\\x7cy") || read.stdout.contains("\\x7cy"), "{}", read.stdout);
}

#[test]
fn each_filter_keeps_what_it_says() {
    let (_desk, evidence) = sealed();
    let told = |args: &[&str], code: i32| facts(&timeline(&evidence, args).run().code(code).stdout);
    let alice = told(&["--user", "alice"], 0);
    one(&alice, "login.accepted", "text");
    one(&alice, "audit.read", "audit");
    assert!(alice.iter().all(|fact| fact["user"] == "alice" || fact["auid"] == 1001));
    assert_eq!(told(&["--user", "1001"], 0), alice);
    let from = told(&["--addr", "192.0.2.7"], 0);
    assert!(from.len() >= 3 && from.iter().all(|fact| fact["address"] == "192.0.2.7"));
    let phi = told(&["--path", "/var/data/phi"], 0);
    one(&phi, "audit.read", "audit");
    assert!(phi.iter().all(|fact| fact["path"].as_str().unwrap().starts_with("/var/data/phi")));
    // The logs begin later than that, which is a gap.
    let day = told(&["--since", "2026-11-20", "--until", "2026-11-21T23:59:59Z"], 3);
    assert!(day.iter().all(|fact| fact["time"].as_str().unwrap().starts_with("2026-11-2")));
    one(&day, "login.accepted", "audit");
    timeline(&evidence, &["--since", "2026-11-20"]).run().code(3).says("nothing is known of");
    timeline(&evidence, &["--user", "unset"]).run().code(2).says("hint:");
    timeline(&evidence, &["--since", "2026-11-21", "--until", "2026-11-20"]).run().code(2).says("hint:");
}

#[test]
fn an_empty_answer_says_what_it_rests_on() {
    let (_desk, evidence) = sealed();
    let ran = timeline(&evidence, &["--user", "nobody-knows"]).run().code(3);
    assert_eq!(ran.stdout, "");
    let ran = ran.says("nothing dated was found").says("audit.log").says("2026-11-20").says("not read:");
    assert!(!ran.stderr.contains("nothing happened"));
    timeline(&evidence, &["--since", "2100-01-01"])
        .run()
        .code(3)
        .says("nothing is known of audit logs: since 2100-01-01 00:00:00 UTC; what was read ends at");
    timeline(&evidence, &["--until", "2000-01-01"])
        .run()
        .code(3)
        .says("audit logs: until 2000-01-01 23:59:59 UTC; what was read begins at 2026-11-20");
    let head = timeline(&evidence, &["--user", "nobody-knows", "--format", "csv"]).run().code(3).stdout;
    assert_eq!(head.lines().count(), 1);
    phi(["timeline"]).run().code(2).says("hint: name a bundle");
}

#[test]
fn an_image_and_plain_files_are_told_without_entries() {
    let host = host();
    let of_root = facts(&timeline(&["--root".as_ref(), host.path().as_os_str()], &[]).run().code(0).stdout);
    one(&of_root, "audit.read", "audit");
    one(&of_root, "login.accepted", "text");
    assert_eq!(one(&of_root, "login_record.user", "login_records")["user"], "alice");
    assert!(of_root.iter().all(|fact| fact.get("entry").is_none()));
    let log = host.at("/var/log/audit/audit.log");
    let plain =
        timeline(&["--audit".as_ref(), log.as_os_str()], &["--since", "2026-11-20T18:40:00Z"]).run().code(0);
    assert_eq!(facts(&plain.stdout).len(), 3);
    let wtmp = host.at("/var/log/wtmp");
    assert_eq!(facts(&timeline(&["--wtmp".as_ref(), wtmp.as_os_str()], &[]).run().code(0).stdout).len(), 1);
    let odd = host.at("/var/data/phi").join(OsStr::from_bytes(HOSTILE.as_bytes()));
    timeline(&["--auth".as_ref(), odd.as_os_str()], &[]).run().code(3).says("not understood");
}

#[test]
fn a_journal_in_a_bundle_tells_what_its_file_tells() {
    // Captured (fixtures/README.md), and packed.
    let journal = tool("gzip", &["-dc".as_ref(), "fixtures/journal/compact.journal.gz".as_ref()]).code(0).raw;
    let place = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";
    let host = host().file(place, &journal);
    let file = host.at(place);
    let plain = facts(&timeline(&["--journal".as_ref(), file.as_os_str()], &[]).run().code(0).stdout);
    assert!(plain.len() > 5 && plain.iter().all(|fact| fact["source"] == "journal"), "{plain:?}");
    let desk = Desk::new();
    let bundle = Bundle::of(&desk.collect(&host).run().json());
    let key = desk.path("officer.key");
    let sealed =
        timeline(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()], &["--format", "jsonl"]);
    let sealed = facts(&sealed.run().code(0).stdout);
    let words = |facts: &[Value]| {
        let of_journal = facts.iter().filter(|fact| fact["source"] == "journal");
        of_journal.map(|fact| fact["words"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(words(&sealed), words(&plain));
    assert!(sealed.iter().filter(|fact| fact["source"] == "journal").all(|fact| fact["entry"].is_string()));
}

#[test]
fn a_table_of_logins_that_is_cut_is_told() {
    // More than the table of login records holds: what is read of them is cut, and the file itself is sealed.
    let failed = |at| super::timeline::wtmp("admin", 1_795_200_000 + at / 10);
    let desk = Desk::new();
    let host = FakeHost::small().file("/var/log/btmp", (0..70_000_u32).flat_map(failed).collect::<Vec<u8>>());
    let collected = desk.collect(&host).args(["--only", "login-records"]).run().code(3);
    let bundle = Bundle::of(&collected.json());
    let key = desk.path("officer.key");
    let evidence = [bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()];
    timeline(&evidence, &["--since", "2026-11-20", "--until", "2026-11-21"])
        .run()
        .code(3)
        .says("the table of login records is not whole: ")
        .says("what it lacks is sealed as it lay");
}

#[test]
fn a_kind_of_log_without_a_dated_record_is_a_gap_and_is_told() {
    let (audit, auth) = ("/var/log/audit/audit.log", "/var/log/auth.log");
    let host =
        whole().file(audit, "").file(auth, UNDATED).file("/var/log/wtmp", "").file("/var/log/btmp", "");
    let window = ["--since", "2026-11-21T20:19:50Z", "--until", "2026-11-21T20:19:52Z"];
    let mut ran = timeline(&["--root".as_ref(), host.path().as_os_str()], &window).run().code(3);
    for what in ["audit logs", "authentication logs", "wtmp (logins and logouts)", "btmp (failed logins)"] {
        ran = ran.says(&format!("nothing is known of {what}: 2026-11-21 20:19:50 UTC to "));
    }
    ran.says("audit.log: 0 records, for the file is empty").says("auth.log: 1 line, none with a time");
    for (kind, path) in [("--audit", audit), ("--auth", auth)] {
        let log = host.at(path);
        for args in [vec!["--since", "1d"], vec![]] {
            let ran = timeline(&[kind.as_ref(), log.as_os_str()], &args).run().code(3);
            ran.says("nothing is known of au").says("for no record of theirs has a time");
        }
    }
}

#[test]
fn an_empty_btmp_beside_records_of_logins_is_told_and_no_gap_in_an_image_and_in_its_bundle() {
    let host = whole().file("/var/log/btmp", "");
    let since = ["--since", "2026-11-21T20:19:50Z"];
    let empty = "/var/log/btmp: 0 records, for the file is empty";
    timeline(&["--root".as_ref(), host.path().as_os_str()], &since).run().code(0).says(empty);
    let desk = Desk::new();
    // What only a running kernel tells nobody expects of an image.
    let ran = timeline(&sealed_of(&desk, &host), &since).run().code(0).says(empty);
    let ran = ran.says("left out by the plan: /run/utmp (skipped)");
    assert!(!ran.stderr.contains("not read:"), "{}", ran.stderr);
}

#[test]
fn each_kind_of_log_speaks_for_itself_alone() {
    let host = host().file("/later.log", [DATED, LATER].concat());
    let (audit, later) = (host.at("/var/log/audit/audit.log"), host.at("/later.log"));
    let plain: [&OsStr; 4] = ["--audit".as_ref(), audit.as_os_str(), "--auth".as_ref(), later.as_os_str()];
    let of = |since: &str, until: &str| timeline(&plain, &["--since", since, "--until", until]).run();
    let ran = of("2026-12-01", "2026-12-05").code(3).says(
        "nothing is known of audit logs: 2026-12-01 00:00:00 UTC to 2026-12-05 23:59:59 UTC; what was read ends at \
         2026-11-21 20:20:00 UTC",
    );
    assert!(!ran.stderr.contains("nothing is known of authentication"), "{}", ran.stderr);
    of("2026-11-20T18:40:00Z", "2026-11-21T20:20:00Z").code(0);
    of("2026-11-20T18:40:00Z", "2026-11-21T20:20:01Z")
        .code(3)
        .says("audit logs: 2026-11-21 20:20:00 UTC to 2026-11-21 20:20:01 UTC, behind what was read");
}

#[test]
fn the_login_records_of_a_bundle_have_a_span_of_their_own() {
    let (_desk, evidence) = sealed();
    let ran = timeline(&evidence, &["--since", "2026-11-01", "--until", "2026-11-21"]).run().code(3);
    ran.says(
        "wtmp (logins and logouts): 2026-11-01 00:00:00 UTC to 2026-11-21 20:19:49 UTC, before the first",
    );
}

#[test]
fn a_user_whose_number_or_name_is_not_known_is_a_gap_unless_the_audit_log_says_both() {
    let (key, names) = ("key=\"phi_access\"\n", "key=\"phi_access\"\u{1d}AUID=\"alice\" UID=\"alice\"\n");
    let enriched = AUDIT.replace(key, names);
    let host = host().file("/enriched.log", enriched);
    let [audit, wtmp, enriched] =
        ["/var/log/audit/audit.log", "/var/log/wtmp", "/enriched.log"].map(|path| host.at(path));
    let since = ["--since", "2026-11-20T18:40:00Z"];
    let named = ["--user", "alice", since[0], since[1]];
    let plain = timeline(&["--audit".as_ref(), audit.as_os_str()], &named).run().code(3);
    let plain = plain.says("--user alice: which number that is, is not known here");
    assert!(facts(&plain.stdout).iter().all(|fact| fact["what"] != "audit.read"));
    timeline(&["--wtmp".as_ref(), wtmp.as_os_str()], &["--user", "1001"])
        .run()
        .code(3)
        .says("--user 1001: which name that is, is not known here");
    // Where nothing else is read, the name or the number is enough.
    timeline(&["--wtmp".as_ref(), wtmp.as_os_str()], &["--user", "bob"]).run().code(0);
    timeline(&["--audit".as_ref(), audit.as_os_str()], &["--user", "1009", since[0], since[1]]).run().code(0);

    let ran = timeline(&["--audit".as_ref(), enriched.as_os_str()], &named).run().code(0);
    let ran = ran.says("--user: alice has the number 1001, as the audit logs say themselves");
    one(&facts(&ran.stdout), "audit.read", "audit");
    let both: [&OsStr; 4] = ["--audit".as_ref(), enriched.as_os_str(), "--wtmp".as_ref(), wtmp.as_os_str()];
    let ran = timeline(&both, &["--user", "1001"]).run().code(0);
    assert_eq!(one(&facts(&ran.stdout), "login_record.user", "login_records")["user"], "alice");
}

#[test]
fn a_compressed_file_of_logins_that_was_read_is_not_told_as_unread() {
    let desk = Desk::new();
    let rotated = desk.path("wtmp.1");
    fs::write(&rotated, wtmp("bob", 1_795_200_000)).unwrap();
    let packed = tool("gzip", &["-c".as_ref(), rotated.as_os_str()]).code(0).raw;
    let evidence = sealed_of(&desk, &whole().file("/var/log/wtmp.1.gz", &packed));
    let since = ["--since", "2026-11-21T20:19:50Z"];
    for verb in ["timeline", "logins"] {
        let ran = phi([verb]).args(&evidence).args(since).run();
        assert!(!ran.stderr.contains("not read: /var/log/wtmp.1.gz"), "{verb}: {}", ran.stderr);
    }
    timeline(&evidence, &since).run().code(0);
    let facts = facts(&timeline(&evidence, &[]).run().code(0).stdout);
    assert!(facts.iter().any(|fact| fact["source"] == "login_records" && fact["user"] == "bob"));
    // One that cannot be read is a gap.
    let torn = &packed[..packed.len() / 2];
    let evidence = sealed_of(&desk, &whole().file("/var/log/wtmp.1.gz", torn));
    timeline(&evidence, &since).run().code(3).says("/var/log/wtmp.1.gz: 0 records").says("NOT ALL READ");
}
