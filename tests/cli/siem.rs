//! What a SIEM gets of `logins` and `access`; and that no verb tells a password that was typed where a name belongs.

use std::ffi::OsString;

use serde_json::Value;

use super::timeline::wtmp;
use crate::support::{FakeHost, phi};

// Written from documentation (audit-record dictionary): of a program that runs as its owner.
const SUID: &str = "\
type=SYSCALL msg=audit(1795292000.400:13): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=0 a3=0 items=1 ppid=70 pid=80 auid=1001 uid=1001 gid=1001 euid=0 suid=0 fsuid=0 egid=1001 sgid=1001 fsgid=1001 tty=pts0 ses=4 comm=\"suidcat\" exe=\"/usr/local/bin/suidcat\" key=\"phi\"
type=CWD msg=audit(1795292000.400:13): cwd=\"/home/alice\"
type=PATH msg=audit(1795292000.400:13): item=0 name=\"/srv/phi/b.txt\" inode=9 dev=08:01 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL
";
const SESSION: &str = "\
2026-11-21T20:00:00Z ehr sshd[105]: Accepted password for bob from 192.0.2.7 port 10 ssh2
2026-11-21T20:00:00Z ehr sshd[105]: pam_unix(sshd:session): session opened for user bob(uid=1002) by (uid=0)
2026-11-21T20:00:05Z ehr sudo:      bob : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/bin/cat a
2026-11-21T20:00:06Z ehr sudo:      bob : command not allowed ; TTY=pts/0 ; PWD=/srv ; USER=postgres ; COMMAND=/bin/cat b
2026-11-21T20:10:00Z ehr sshd[105]: pam_unix(sshd:session): session closed for user bob
";
const TRIES: &str = "\
type=USER_ERR msg=audit(1795292000.603:23): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:bad_ident acct=\"Secret9!x\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=failed'
type=USER_AUTH msg=audit(1795292000.604:24): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication acct=\"Secret9!x\" exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh res=failed'
type=USER_LOGIN msg=audit(1795292000.605:25): pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=login acct=\"alice\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'
";
// Somebody typed a password where a name belongs, at whatever asks for one.
const AUTH: &str = "\
2026-11-21T20:11:00Z ehr sshd[106]: Invalid user hunter2hunter2 from 192.0.2.9 port 11
2026-11-21T20:11:00Z ehr sshd[106]: Failed password for invalid user hunter2hunter2 from 192.0.2.9 port 11 ssh2
2026-11-21T20:11:05Z ehr sshd[107]: Failed password for invalid user correct horse! from 192.0.2.9 port 11 ssh2
2026-11-21T20:11:08Z ehr su: pam_unix(su:auth): authentication failure; logname=alice uid=1001 euid=0 tty=/dev/pts/0 ruser=alice rhost=  user=Hunter2!
2026-11-21T20:11:09Z ehr su: FAILED SU (to Hunter2!) alice on pts/0
2026-11-21T20:11:10Z ehr login[5]: FAILED LOGIN (1) on '/dev/tty1' FOR 'Hunter2!', Authentication failure
2026-11-21T20:11:12Z ehr sshd[110]: error: PAM: Authentication failure for illegal user Hunter2! from 192.0.2.9
2026-11-21T20:11:15Z ehr sshd[110]: pam_access(sshd:account): access denied for user `Hunter2!' from `192.0.2.9'
2026-11-21T20:11:20Z ehr sshd[111]: Accepted password for Kim2Admin from 192.0.2.9 port 12 ssh2
2026-11-21T20:11:21Z ehr sshd[112]: Failed password for alice from 192.0.2.9 port 13 ssh2
";
// As `journalctl -o export` (systemd 252) has an audit record, some of its fields.
const JOURNAL: &str = "\
__CURSOR=s=6b1a;i=9
__REALTIME_TIMESTAMP=1795292000000009
__MONOTONIC_TIMESTAMP=5
_BOOT_ID=0123456789abcdef0123456789abcdef
SYSLOG_IDENTIFIER=audit
_TRANSPORT=audit
_AUDIT_TYPE=1100
_AUDIT_TYPE_NAME=USER_AUTH
_AUDIT_ID=9
_SOURCE_REALTIME_TIMESTAMP=1795292000000000
MESSAGE=USER_AUTH pid=1 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:authentication acct=\"Secret9!x\" exe=\"/usr/sbin/sshd\" hostname=h addr=192.0.2.9 terminal=ssh res=failed'

";
const SECRETS: [&str; 4] = ["hunter2hunter2", "correct horse", "Hunter2", "Secret9"];

/// Files of a host without a passwd, and the arguments that name them.
fn files(files: &[(&str, &[u8])]) -> (FakeHost, Vec<OsString>) {
    let (mut host, mut args) = (FakeHost::small(), Vec::new());
    for (option, bytes) in files {
        let path = format!("/{option}.log");
        host = host.file(&path, bytes);
        args.extend([OsString::from(format!("--{option}")), host.at(&path).into_os_string()]);
    }
    (host, args)
}

fn told(verb: &str, evidence: &[OsString], args: &[&str]) -> String {
    phi([verb]).args(evidence).args(args).run().stdout
}

fn ecs(verb: &str, evidence: &[OsString], args: &[&str]) -> Vec<Value> {
    let text = told(verb, evidence, &[args, &["--format", "ecs"]].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_siem_learns_as_whom_a_program_acted() {
    let (_host, evidence) = files(&[("audit", SUID.as_bytes())]);
    let asked = ["--phi", "/srv/phi", "--phi-key", "phi"];
    let events = ecs("access", &evidence, &asked);
    let [event] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!((&event["user"]["id"], &event["user"]["effective"]["id"]), (&"1001".into(), &"0".into()));
    let line = told("access", &evidence, &[&asked[..], &["--format", "syslog"]].concat());
    assert!(line.contains(" uid=\"1001\" euid=\"0\" "), "{line}");
    // The first row of an answer is row 0 (docs/tables.md).
    let row: Value =
        serde_json::from_str(&told("access", &evidence, &[&asked[..], &["--format", "jsonl"]].concat()))
            .unwrap();
    assert_eq!((&row["row_id"], &event["event"]["id"]), (&0.into(), &"0".into()));
}

#[test]
fn what_failed_reaches_a_siem_as_a_failure_whatever_record_tells_of_it() {
    let btmp = wtmp("bob", 1_795_292_003);
    let (_host, evidence) = files(&[("audit", TRIES.as_bytes()), ("btmp", btmp.as_slice())]);
    let events = ecs("logins", &evidence, &[]);
    let mut actions: Vec<&str> =
        events.iter().map(|event| event["event"]["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(
        actions,
        ["login-audit_user_auth_failed", "login-audit_user_login_failed", "login-btmp"],
        "{events:#?}"
    );
    for event in &events {
        let event = &event["event"];
        assert_eq!((&event["outcome"], &event["type"][0]), (&"failure".into(), &"start".into()), "{event}");
    }
    let lines = told("logins", &evidence, &["--format", "syslog"]);
    // Facility log audit, severity warning.
    assert!(lines.lines().all(|line| line.starts_with("<108>1 ")), "{lines}");
}

#[test]
fn each_event_of_a_session_has_an_id_of_its_own_and_says_as_whom() {
    let (_host, evidence) = files(&[("auth", SESSION.as_bytes())]);
    let events = ecs("logins", &evidence, &["--sessions"]);
    let id = |event: &Value| event["event"]["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = events.iter().map(id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((events.len(), ids.len()), (4, 4), "{events:#?}");
    let elevated = |outcome: &str| {
        let is_it = |event: &&Value| {
            event["event"]["action"] == "session-elevated" && event["event"]["outcome"] == outcome
        };
        events.iter().find(is_it).unwrap()
    };
    assert_eq!(elevated("success")["user"]["effective"]["name"], "root");
    assert_eq!(elevated("failure")["user"]["target"]["name"], "postgres");
    let refused = SESSION.find("2026-11-21T20:00:06Z").unwrap();
    assert!(id(elevated("failure")).ends_with(&format!(":{refused}/elevated")), "{ids:?}");
    let lines = told("logins", &evidence, &["--sessions", "--format", "syslog"]);
    assert!(
        lines.contains(" to=\"postgres\" ") && lines.contains("session elevated to root: bob"),
        "{lines}"
    );
}

#[test]
fn what_one_verb_keeps_to_itself_the_other_does_not_tell() {
    let btmp = wtmp("Secret9!x", 1_795_292_003);
    let (_host, evidence) = files(&[
        ("audit", TRIES.as_bytes()),
        ("auth", AUTH.as_bytes()),
        ("btmp", btmp.as_slice()),
        ("journal", JOURNAL.as_bytes()),
    ]);
    let of_logins = ["table", "jsonl", "csv", "syslog", "ecs"].map(|form| ("logins", form));
    let of_timeline = ["table", "jsonl", "csv", "timesketch"].map(|form| ("timeline", form));
    for (verb, form) in of_logins.into_iter().chain(of_timeline) {
        let text = told(verb, &evidence, &["--format", form]);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{verb} {form}: {text}");
        }
        // Who is named as nothing but an account can be, and who was let in.
        assert!(text.contains("alice") && text.contains("Kim2Admin"), "{verb} {form}: {text}");
    }
    // Of each kind of evidence by itself as well.
    for option in ["audit", "btmp", "journal"] {
        let at = evidence.iter().position(|word| *word == *format!("--{option}")).unwrap();
        for (verb, form) in [("logins", "jsonl"), ("logins", "ecs"), ("timeline", "jsonl")] {
            let text = told(verb, &evidence[at..at + 2], &["--format", form]);
            assert!(!text.is_empty() && !text.contains("Secret9"), "{verb} --{option}: {text}");
        }
    }
    let shown = told("logins", &evidence, &["--show-masked"]);
    assert!(SECRETS.iter().all(|secret| shown.contains(secret)), "{shown}");
}

/// As whom somebody wanted to act stands in the events of sessions too.
#[test]
fn a_password_that_was_typed_at_su_reaches_no_siem() {
    let su = "2026-11-21T20:00:07Z ehr su: FAILED SU (to Hunter2!) bob on pts/0\n";
    let shell = "2026-11-21T20:00:01Z ehr sshd[105]: Starting session: shell on pts/0 for bob from 192.0.2.7 port 10 id 0\n";
    let (before, behind) = SESSION.split_once("2026-11-21T20:00:05Z").unwrap();
    let (between, end) = behind.split_once("2026-11-21T20:10:00Z").unwrap();
    let log = format!("{before}{shell}2026-11-21T20:00:05Z{between}{su}2026-11-21T20:10:00Z{end}");
    let (_host, evidence) = files(&[("auth", log.as_bytes())]);
    let events = ecs("logins", &evidence, &["--sessions"]);
    let masked = events.iter().find(|event| event["user"]["target"]["name"] == "***");
    let masked = masked.unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!(masked["labels"]["flags"].as_str().unwrap().split(' ').next_back(), Some("masked"));
    for form in ["syslog", "ecs"] {
        assert!(!told("logins", &evidence, &["--sessions", "--format", form]).contains("Hunter2"));
    }
}
