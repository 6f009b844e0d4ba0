//! A small incident on this very machine, and its facts in the raw members of a bundle.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::daemons::{AuditLock, User, Watch, auditd, rsyslogd, sshd, succeed, until};
use crate::support::{Bundle, Desk, entries, only_root, phi};

const PORT: u16 = 22_022;

fn ssh(key: &str, user: &str, command: &str) -> std::process::Output {
    Command::new("ssh")
        .args([
            "-p",
            &PORT.to_string(),
            "-i",
            key,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", &format!("{user}@127.0.0.1"), command])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn the_facts_of_an_incident_are_in_the_raw_members() {
    if !only_root("an incident with real auditd, rsyslogd and sshd") {
        return;
    }
    let _lock = AuditLock::take();
    let desk = Desk::new();
    let key = format!("phi_test_{}", std::process::id());
    let user = User::add("phitest");
    let phi_folder = desk.path("phi");
    fs::create_dir(&phi_folder).unwrap();
    for folder in [desk.dir.path(), &phi_folder] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(phi_folder.join("mrn 4711.txt"), "made up\n").unwrap();
    fs::write(phi_folder.join("mrn-4712.txt"), "made up\n").unwrap();
    fs::set_permissions(&phi_folder, fs::Permissions::from_mode(0o777)).unwrap();

    let _rsyslogd = rsyslogd();
    let _auditd = auditd();
    succeed("auditctl", &["-e", "1"]);
    let _watch = Watch::on(&phi_folder, &key);
    let _sshd = sshd(PORT);

    // A key that lets its holder in, used without a terminal; and somebody who guesses.
    let stolen = desk.path("stolen");
    succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", stolen.to_str().unwrap()]);
    let ssh_folder = user.home().join(".ssh");
    fs::create_dir(&ssh_folder).unwrap();
    fs::copy(stolen.with_extension("pub"), ssh_folder.join("authorized_keys")).unwrap();
    succeed("chown", &["-R", "phitest:", ssh_folder.to_str().unwrap()]);
    succeed("chmod", &["700", ssh_folder.to_str().unwrap()]);
    let read = format!("cat '{0}/mrn 4711.txt'; rm '{0}/mrn-4712.txt'", phi_folder.display());
    let done = ssh(stolen.to_str().unwrap(), "phitest", &read);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let guess = Command::new("sshpass")
        .args(["-p", "wrong", "ssh", "-p", &PORT.to_string(), "-o", "StrictHostKeyChecking=no"])
        .args([
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "PubkeyAuthentication=no",
            "-o",
            "NumberOfPasswordPrompts=1",
        ])
        .args(["mallory@127.0.0.1", "true"])
        .stdin(Stdio::null())
        .output()
        .expect("sshpass is needed by this test");
    assert!(!guess.status.success());
    let holds = |path: &str, words: &str| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(words.len()).any(|part| part == words.as_bytes()))
    };
    until("the audit log", || {
        holds("/var/log/audit/audit.log", &key) && holds("/var/log/audit/audit.log", "mrn-4712")
    });
    until("the authentication log", || holds("/var/log/auth.log", "Invalid user mallory"));

    // The folder is not named: the loaded watch is what tells that it holds PHI.
    let ran = phi(["collect", "--quiet", "--json", "-r", &desk.recipient, "--since", "1d"])
        .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
        .args([std::ffi::OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
        .run();
    let document = ran.json();
    let bundle = Bundle::of(&document);
    desk.verify(&bundle.sealed).run().code(0).says("verified");
    let opened = desk.open(&bundle);
    let member = |path: &str| String::from_utf8_lossy(&fs::read(opened.join(path)).unwrap()).into_owned();

    let audit = member("data/root/var/log/audit/audit.log");
    // The kernel writes a name with a blank in hexadecimal, where no text search finds it.
    let hex: String =
        format!("{}/mrn 4711.txt", phi_folder.display()).bytes().map(|b| format!("{b:02X}")).collect();
    assert!(
        audit.contains(&format!("key=\"{key}\"")) && audit.contains(&hex),
        "the read is in the raw audit log"
    );
    assert!(audit.contains("mrn-4712.txt") && audit.contains("nametype=DELETE"), "and the deletion");
    let auth = member("data/root/var/log/auth.log");
    assert!(auth.contains("Accepted publickey for phitest from 127.0.0.1"), "the stolen key");
    assert!(auth.contains("Invalid user mallory from 127.0.0.1"), "and the guess");
    let keys = member("data/root/home/phitest/.ssh/authorized_keys");
    assert!(keys.starts_with("ssh-ed25519 "));

    let rows = member("data/live/phi-files/files-000001.jsonl");
    assert!(rows.contains("mrn 4711.txt") && !rows.contains("mrn-4712.txt"), "{rows}");
    let entries = entries(&opened);
    check_order(&entries);
    check_tools(&entries, &opened, &key);
}

/// Monotonic times prove the order of work.
fn check_order(entries: &[Value]) {
    let begun = |collector: &str| {
        let of = entries.iter().filter(|entry| entry["collector"] == collector);
        let times: Vec<u64> = of.map(|entry| entry["taken"]["boottime_ns"].as_u64().unwrap()).collect();
        assert!(!times.is_empty(), "no entry of {collector}");
        (*times.iter().min().unwrap(), *times.iter().max().unwrap())
    };
    assert!(begun("sockets").0 < begun("audit-logs").0, "volatile state first");
    let logs_sealed = entries
        .iter()
        .filter(|e| e["kind"] == "copy" && (e["collector"] == "audit-logs" || e["collector"] == "auth-logs"))
        .map(|entry| entry["taken"]["boottime_ns"].as_u64().unwrap())
        .max();
    assert!(logs_sealed.unwrap() < begun("phi-files").0, "logs before any PHI folder is opened");
    let first_tool = entries.iter().position(|entry| entry["kind"] == "tool").unwrap();
    let late = entries[first_tool..].iter().filter(|e| e["kind"] == "copy" || e["kind"] == "listing");
    assert_eq!(late.count(), 0, "host programs run last");
    let times: Vec<u64> = entries.iter().map(|e| e["taken"]["boottime_ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "each entry was begun after the one before");
}

fn check_tools(entries: &[Value], opened: &std::path::Path, key: &str) {
    let printed = |program: &str, more: &str| {
        let found = entries.iter().find(|entry| {
            let display = entry["source"]["display"].as_str().unwrap_or_default();
            entry["kind"] == "tool" && display.starts_with(program) && display.contains(more)
        });
        let entry = found.unwrap_or_else(|| panic!("{program} {more} left no output"));
        let text = fs::read(opened.join(entry["member"].as_str().unwrap())).unwrap();
        (entry.clone(), String::from_utf8_lossy(&text).into_owned())
    };
    let (entry, raw) = printed("ausearch", "--raw");
    assert_eq!(entry["outcome"], "collected", "{entry:#}");
    assert!(raw.contains(&format!("key=\"{key}\"")), "ausearch was called so that it works: {raw}");
    assert!(printed("ausearch", " -i").1.contains("mrn 4711.txt"), "the explained form spells the name out");
    assert!(printed("auditctl", "-l").1.contains(key));
    assert!(printed("auditctl", "-s").1.contains("enabled 1"));
    assert!(printed("ss", "-Hanpe").1.contains(&format!("127.0.0.1:{PORT}")));
    assert!(printed("lastb", "-F").1.contains("mallory"));
    let status = fs::read(opened.join("data/live/audit-state/status.json")).unwrap();
    let status: Value = serde_json::from_slice(&status).unwrap();
    assert_eq!(status["enabled"], 1);
    let (_, auditctl) = printed("auditctl", "-s");
    for field in ["pid", "backlog_limit", "lost"] {
        let theirs = auditctl.lines().find_map(|line| line.strip_prefix(&format!("{field} "))).unwrap();
        assert_eq!(status[field].to_string(), theirs.trim(), "{field}: ours natively, theirs by auditctl");
    }
}
