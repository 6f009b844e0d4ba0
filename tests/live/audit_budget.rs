//! What a collection costs the audit log of a watched folder: counted in the log itself, by the pid of the collection.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::audit_host::{AuditHost, Conf, a_new_second, status};
use crate::daemons::succeed;

const KEY: &str = "phi_budget";

/// Files in folders, all of them made up.
fn fill(phi: &Path, folders: usize, files: usize) {
    for folder in 0..folders {
        let folder = phi.join(format!("folder-{folder:03}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..files {
            fs::write(folder.join(format!("record-{file:03}.txt")), "made up\n").unwrap();
        }
    }
}

fn listed(seen: &crate::audit_host::Seen) -> Vec<serde_json::Value> {
    (1..)
        .map(|part| seen.rows(&format!("data/live/phi-files/files-{part:06}.jsonl")))
        .take_while(|r| !r.is_empty())
        .flatten()
        .collect()
}

/// One event for each folder, and none for any file: ten thousand of them would push the evidence out of the log.
#[test]
fn listing_ten_thousand_files_costs_an_event_for_each_folder() {
    let Some(host) = AuditHost::new("a large watched folder") else { return };
    let phi = host.at("phi");
    fill(&phi, 100, 100);
    // Nothing has changed in the window.
    let since = a_new_second();
    host.watch(&phi, KEY);
    host.settle();
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    assert_eq!(status("lost"), 0);
    let rows = listed(&seen);
    let files = rows.iter().filter(|row| row["path"].as_str().is_some_and(|p| p.ends_with(".txt"))).count();
    assert_eq!(files, 10_000, "{:?}", rows.first());
    let events = host.events_of(seen.pid, KEY);
    assert!((101..=101 + 20).contains(&events), "{events} events for 101 folders");
}

/// Enough changed files that reading them all would rotate the log away that was there.
#[test]
fn digests_end_before_the_log_overwrites_itself() {
    let conf = Conf { max_log_file: 1, num_logs: 2, ..Conf::default() };
    let Some(host) = AuditHost::with("changed files that do not fit into the audit budget", conf) else {
        return;
    };
    let phi = host.at("phi");
    let since = a_new_second();
    fill(&phi, 10, 200);
    host.watch(&phi, KEY);
    let mark = host.mark("evidence");
    host.settle();
    let first = |host: &AuditHost| {
        let logs = host.logs();
        let (path, bytes) = logs.last().unwrap();
        (path.clone(), bytes.split(|byte| *byte == b'\n').next().unwrap().to_vec())
    };
    let (_, before) = first(&host);
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    assert_eq!(status("lost"), 0);
    // A tenth of two logs of 1 MiB.
    let events = host.events_of(seen.pid, KEY);
    assert!((50..=300).contains(&events), "{events} events");
    let (path, after) = first(&host);
    assert_eq!(before, after, "the oldest record is no longer the first of {}", path.display());
    assert!(host.log().contains(&mark), "what was logged before the collection is still there");
    // Below a PHI folder the summary gives no reasons: the entries do.
    let gaps = seen.gaps("audit_budget");
    assert!(!gaps.is_empty(), "{:#?}", seen.told["gaps"]);
    for gap in gaps {
        assert_eq!(gap["outcome"], "truncated", "{gap:#}");
        let words = gap["reason"].as_str().unwrap();
        assert!(words.starts_with("would overwrite the audit log"), "{words}");
    }
    // Metadata of all is there, and of each file either a digest or why there is none.
    let rows = listed(&seen);
    let files: Vec<_> =
        rows.iter().filter(|row| row["path"].as_str().is_some_and(|p| p.ends_with(".txt"))).collect();
    assert_eq!(files.len(), 2_000);
    let with = files.iter().filter(|row| row["sha256"].is_string()).count();
    let without = files.iter().filter(|row| row["sha256_missing"] == "audit_budget").count();
    assert!(with > 10 && with + without == 2_000, "{with} with a digest, {without} without");
}

/// Rules that watch files deep in a PHI folder: looking at them would open each folder on the way, for each rule, before
/// the log is sealed.
#[test]
fn what_rules_watch_below_a_phi_folder_is_not_looked_at() {
    let Some(mut host) = AuditHost::new("rules on files below a PHI folder") else { return };
    host.only = vec!["audit-state"];
    let phi = host.at("phi");
    let deep = phi.join("x/y/z");
    fs::create_dir_all(&deep).unwrap();
    let since = a_new_second();
    host.watch(&phi, KEY);
    for number in 0..60 {
        let file = deep.join(format!("f{number}"));
        fs::write(&file, "made up\n").unwrap();
        host.load(&format!("-w {} -p rwxa -k file", file.display()));
    }
    host.settle();
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    assert_eq!((host.events_of(seen.pid, KEY), host.events_of(seen.pid, "file")), (0, 0));
    let rows = seen.rows("data/live/audit-state/watched-paths.jsonl");
    assert_eq!(rows.iter().filter(|row| row["is"] == "not_looked_at").count(), 60, "{rows:#?}");
    let itself = rows.iter().find(|row| row["path"] == phi.display().to_string()).unwrap();
    assert_eq!(itself["is"], "a folder");
}

/// A program that lies in a PHI folder and runs, and one that was deleted there: neither is opened, and both are told.
#[test]
fn programs_in_a_phi_folder_are_told_and_not_opened() {
    let Some(mut host) = AuditHost::new("programs below a PHI folder") else { return };
    host.only = vec!["process-files", "processes"];
    let phi = host.at("phi");
    let bin = phi.join("x/bin");
    fs::create_dir_all(&bin).unwrap();
    let run = |name: &str| {
        // Not by this process: a child that another test begins may hold what is being written, which cannot be run then.
        succeed("cp", &["/bin/sleep", bin.join(name).to_str().unwrap()]);
        Running(Command::new(bin.join(name)).arg("300").spawn().unwrap())
    };
    let running = [run("there"), run("gone")];
    fs::remove_file(bin.join("gone")).unwrap();
    let since = a_new_second();
    host.watch(&phi, KEY);
    host.settle();
    for more in [&[][..], &["--include-content", "--reason", "made up"]] {
        let seen = host.collect(&phi, &since, more);
        host.settle();
        // The deleted one is read, which may be two events; with --include-content a later step looks into the three folders
        // for files that changed, and takes the other one.
        let most = if more.is_empty() { 2 } else { 9 };
        assert!(host.events_of(seen.pid, KEY) <= most, "{more:?}: {}", host.events_of(seen.pid, KEY));
        let rows = seen.rows("data/live/process-files/executables.jsonl");
        for (process, state) in running.iter().zip(["present", "deleted"]) {
            let mine = |row: &&Value| row["pids"].as_array().unwrap().contains(&process.0.id().into());
            let row = rows.iter().find(mine).unwrap();
            assert_eq!(row["state"], state);
            let is_deleted = state == "deleted";
            assert_eq!(row["sha256"].is_string(), is_deleted, "{row:#}");
            assert_eq!(row["sha256_missing"] == "phi_folder", !is_deleted, "{row:#}");
            assert_eq!(row["member"].is_string(), is_deleted && !more.is_empty(), "{row:#}");
        }
        let told = seen.gaps("phi_content");
        let words: Vec<&str> = told.iter().map(|gap| gap["reason"].as_str().unwrap()).collect();
        assert!(told.iter().all(|gap| gap["outcome"] == "skipped"), "{told:#?}");
        assert!(words.iter().any(|words| words.ends_with("have no digest: 1")), "{words:#?}");
        let withheld =
            words.iter().any(|words| words.starts_with("deleted files and files in memory, 1 of them"));
        assert_eq!(withheld, more.is_empty(), "{words:#?}");
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `plan` foretells is what `collect` then causes.
#[test]
fn the_events_that_are_foretold_are_those_that_come() {
    let Some(host) = AuditHost::new("events that a plan foretells") else { return };
    let phi = host.at("phi");
    fill(&phi, 30, 20);
    let since = a_new_second();
    // Changed in the window.
    for file in 0..150 {
        fs::write(phi.join(format!("folder-{:03}/changed-{file:03}.txt", file % 30)), "made up too\n")
            .unwrap();
    }
    for link in 0..40 {
        symlink("record-000.txt", phi.join(format!("folder-{:03}/link-{link:03}", link % 30))).unwrap();
    }
    host.watch(&phi, KEY);
    host.settle();
    let mut plan = host.collecting(&[], "plan", &phi, &since, &[]);
    let child = plan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let planner = child.id();
    let said = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&said.stderr));
    });
    let foretold = plan["audit_events"].as_u64().unwrap();
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    assert_eq!(status("lost"), 0);
    let rows = listed(&seen);
    assert_eq!(rows.iter().filter(|row| row["sha256"].is_string()).count(), 150);
    let came = host.events_of(seen.pid, KEY) as u64;
    assert!(came >= 31 + 150, "{came} events");
    assert!(
        foretold.abs_diff(came) * 10 <= came,
        "{foretold} were foretold, {came} came; the plan itself caused {}",
        host.events_of(planner, KEY)
    );
}

/// More folders than the log can bear: those that were not looked into are spoken of, and the log is as it was.
#[test]
fn listing_ends_before_the_log_overwrites_itself() {
    let conf = Conf { max_log_file: 1, num_logs: 2, ..Conf::default() };
    let Some(host) = AuditHost::with("more folders than the audit budget", conf) else { return };
    let phi = host.at("phi");
    fill(&phi, 900, 1);
    let since = a_new_second();
    host.watch(&phi, KEY);
    let mark = host.mark("evidence");
    host.settle();
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    assert_eq!((status("lost"), host.logs().len()), (0, 1));
    assert!(host.log().contains(&mark));
    let events = host.events_of(seen.pid, KEY);
    assert!((50..=300).contains(&events), "{events} events");
    // Below a PHI folder the summary gives no reasons: the entries do.
    let gaps = seen.gaps("audit_budget");
    assert!(!gaps.is_empty(), "{:#?}", seen.told["gaps"]);
    for gap in gaps {
        assert_eq!(gap["outcome"], "truncated", "{gap:#}");
        assert!(gap["reason"].as_str().unwrap().starts_with("would overwrite the audit log"), "{gap:#}");
    }
}

/// The kernel queues few records unless it is told otherwise, and loses what comes faster than auditd takes it.
#[test]
fn a_small_backlog_is_not_overrun() {
    let Some(host) = AuditHost::new("a small backlog of audit records") else { return };
    let phi = host.at("phi");
    let since = a_new_second();
    fill(&phi, 30, 1);
    host.watch(&phi, KEY);
    for setting in ["-b 64", "--backlog_wait_time 0"] {
        host.load(setting);
    }
    host.settle();
    let seen = host.collect(&phi, &since, &[]);
    host.settle();
    let events = host.events_of(seen.pid, KEY);
    assert_eq!(status("lost"), 0, "{events} events are in the log, and others were lost");
    // Each folder once, each file twice, and perhaps the extended attributes of both.
    assert!((31 + 60..=31 + 60 + 61 + 20).contains(&events), "{events} events");
}
