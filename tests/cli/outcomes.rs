//! Every outcome, made for real, and told apart on the screen, in `--json`, and in the entry.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, Ran, entries, is_root, phi};

/// One collector of one step, run alone.
struct Try {
    desk: Desk,
    host: FakeHost,
}

impl Try {
    fn new(host: FakeHost) -> Try {
        Try { desk: Desk::new(), host }
    }

    fn define(&self, steps: &str) -> std::path::PathBuf {
        let folder = self.desk.path("definitions");
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "title = \"A trial\"\nwhy = \"a test\"\nvolatility = \"persistent\"\nprofiles = [\"incident\"]\nphi = \"none\"\n{steps}"
        );
        fs::write(folder.join("trial.toml"), text).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("trial.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        folder
    }

    /// Runs it twice, for the screen and for a program, and gives the entries of the trial.
    fn run(&self, steps: &str, live: bool) -> (Ran, Value, Vec<Value>) {
        let definitions = self.define(steps);
        let run = |json: &[&str]| {
            let mut run =
                phi(["collect", "--quiet", "--only", "trial", "-r", &self.desk.recipient, "--definitions"])
                    .args([&definitions])
                    .args([std::ffi::OsStr::new("-o"), self.desk.out().as_os_str()])
                    .args(json);
            if !live {
                run = run.args([std::ffi::OsStr::new("--root"), self.host.path().as_os_str()]);
            }
            run.run()
        };
        let screen = run(&[]);
        let document = run(&["--json"]).json();
        let entries = entries(&self.desk.open(&Bundle::of(&document)));
        (screen, document, entries.into_iter().filter(|entry| entry["collector"] == "trial").collect())
    }

    /// The outcome of the one entry that is not `collected`, after checking that all three places agree on it.
    #[track_caller]
    fn shows(&self, steps: &str, live: bool, outcome: &str, code: &str) {
        let (screen, document, entries) = self.run(steps, live);
        let found = entries.iter().find(|entry| entry["outcome"] == outcome);
        let entry = found.unwrap_or_else(|| panic!("no entry is {outcome}: {entries:#?}"));
        assert_eq!(entry["reason_code"], code, "{entry:#}");
        assert!(!entry["reason"].as_str().unwrap().is_empty());
        let count = document["counts"]["outcomes"][outcome].as_u64();
        assert!(count >= Some(1), "{document:#}");
        if outcome == "empty" {
            return;
        }
        let gaps = document["gaps"].as_array().unwrap();
        let told = gaps.iter().any(|gap| {
            gap["collector"] == "trial" && gap["outcome"] == outcome && gap["reason_code"] == code
        });
        assert!(told, "{document:#}");
        let by_plan = code == "not_live";
        let on_screen = screen.stdout.contains(&format!("({outcome}"))
            || by_plan && screen.stdout.contains("by the plan");
        assert!(on_screen, "{outcome} is not on the screen:\n{}", screen.stdout);
    }
}

#[test]
fn collected() {
    let (screen, document, entries) = Try::new(FakeHost::new().file("/etc/a", "a"))
        .run("[[copy]]\npaths=[\"/etc/a\"]\nneed=\"required\"\n", false);
    assert_eq!((entries.len(), entries[0]["outcome"].as_str()), (1, Some("collected")));
    assert_eq!(document["result"], "complete");
    screen.code(0).says("COMPLETE for: trial");
}

#[test]
fn empty() {
    let host = FakeHost::new().folder("/etc/cron.d");
    Try::new(host).shows("[[copy]]\npaths=[\"/etc/cron.d/*\"]\n", false, "empty", "not_found");
}

#[test]
fn inconclusive() {
    let host = FakeHost::new().file("/var/log/auth.log", "");
    let steps = "[[copy]]\npaths=[\"/var/log/auth.log*\"]\nneed=\"required\"\n";
    Try::new(host).shows(steps, false, "inconclusive", "zero_bytes");
}

#[test]
fn inconclusive_because_a_program_printed_nothing() {
    Try::new(FakeHost::new()).shows("[[tool]]\nargv=[\"true\"]\n", true, "inconclusive", "tool_silent");
}

#[test]
fn changed() {
    let host = FakeHost::new().file("/var/log/busy", vec![b'x'; 60_000_000]);
    let busy = host.at("/var/log/busy");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // Somebody goes on overwriting the file while it is read.
    let writer = std::thread::spawn(move || {
        let file = fs::File::options().write(true).open(busy).unwrap();
        while !stopped.load(Ordering::Relaxed) {
            file.write_at(b"y", 0).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let trial = Try::new(host);
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        trial.shows("[[copy]]\npaths=[\"/var/log/busy\"]\n", false, "changed", "overwritten");
    }));
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    shown.unwrap();
}

#[test]
fn grew_is_collected_and_says_so() {
    let host = FakeHost::new().file("/var/log/growing", vec![b'x'; 60_000_000]);
    let growing = host.at("/var/log/growing");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut file = fs::File::options().append(true).open(growing).unwrap();
        while !stopped.load(Ordering::Relaxed) {
            std::io::Write::write_all(&mut file, b"one more line\n").unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let (_, _, entries) = Try::new(host).run("[[copy]]\npaths=[\"/var/log/growing\"]\n", false);
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(
        (entries[0]["outcome"].as_str(), entries[0]["grew"].as_bool()),
        (Some("collected"), Some(true))
    );
    assert_eq!(
        entries[0]["size"], entries[0]["stat"]["before"]["size"],
        "kept up to its length when it was opened"
    );
}

#[test]
fn truncated() {
    let host = FakeHost::new().file("/srv/big", vec![b'x'; 5000]);
    let steps = "[[copy]]\npaths=[\"/srv/big\"]\nmax_size=\"4 KiB\"\n";
    Try::new(host).shows(steps, false, "truncated", "size_limit");
    let host = FakeHost::new().file("/srv/a", "").file("/srv/b", "");
    Try::new(host).shows("[[copy]]\npaths=[\"/srv/*\"]\nmax_files=1\n", false, "truncated", "count_limit");
    Try::new(FakeHost::new()).shows(
        "[[tool]]\nargv=[\"yes\"]\nmax_output=1000\n",
        true,
        "truncated",
        "output_limit",
    );
}

#[test]
fn a_listing_of_what_is_not_there_does_not_say_that_there_is_nothing() {
    let steps = |paths: &str| format!("[[listing]]\npaths=[{paths}]\nneed=\"required\"\n");
    Try::new(FakeHost::new()).shows(&steps("\"/no/such/x*\""), false, "missing", "not_found");
    Try::new(FakeHost::new()).shows(&steps("\"~/.ssh/**\""), false, "inconclusive", "no_place");
    let (_, _, entries) = Try::new(FakeHost::new().folder("/srv/x")).run(&steps("\"/srv/x/*\""), false);
    assert_eq!(entries[0]["outcome"], "empty");
}

#[test]
fn a_limit_that_ends_a_step_says_what_was_not_looked_at_and_keeps_what_was_known() {
    let host = FakeHost::new().file("/srv/a", "").file("/srv/b", "").file("/opt/c", "");
    let steps = "[[copy]]\npaths=[\"/none\", \"/srv/*\", \"/opt/*\"]\nmax_files=1\n";
    let (_, _, entries) = Try::new(host).run(steps, false);
    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry["source"]["display"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    for expected in
        [("/none", "missing"), ("/srv/a", "collected"), ("/srv/*", "truncated"), ("/opt/*", "truncated")]
    {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
}

#[test]
fn missing() {
    let steps = "[[copy]]\npaths=[\"/var/log/audit/audit.log*\"]\nneed=\"required\"\n";
    Try::new(FakeHost::new()).shows(steps, false, "missing", "not_found");
    let steps = "[[tool]]\nargv=[\"no-such-program\"]\nneed=\"required\"\n";
    Try::new(FakeHost::new()).shows(steps, true, "missing", "tool_missing");
}

#[test]
fn denied() {
    let host = FakeHost::new().file("/srv/secret", "x").mode("/srv/secret", 0o000);
    let trial = Try::new(host);
    let steps = "[[copy]]\npaths=[\"/srv/secret\"]\nneed=\"required\"\n";
    if !is_root() {
        return trial.shows(steps, false, "denied", "permission");
    }
    // Root is denied nothing here, so somebody else asks.
    fs::set_permissions(trial.host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(trial.desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(trial.desk.out(), Some(65534), Some(65534)).unwrap();
    let definitions = trial.define(steps);
    let ran = phi([
        "collect",
        "--quiet",
        "--json",
        "--only",
        "trial",
        "-r",
        &trial.desk.recipient,
        "--definitions",
    ])
    .args([&definitions])
    .args([std::ffi::OsStr::new("-o"), trial.desk.out().as_os_str()])
    .args([std::ffi::OsStr::new("--root"), trial.host.path().as_os_str()])
    .by_nobody()
    .run()
    .code(3);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["collector"] == "trial").unwrap();
    assert_eq!((gap["outcome"].as_str(), gap["reason_code"].as_str()), (Some("denied"), Some("permission")));
}

#[test]
fn failed() {
    // Reading one's own memory at address zero is an I/O error; the kernel offers it as a regular file.
    let steps = "[[copy]]\npaths=[\"/proc/self/mem\"]\n";
    Try::new(FakeHost::new()).shows(steps, true, "failed", "io_error");
    let host = FakeHost::new();
    fs::create_dir_all(host.at("/srv")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        host.at("/srv/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    Try::new(host).shows("[[copy]]\npaths=[\"/srv/fifo\"]\n", false, "failed", "special_file");
    Try::new(FakeHost::new()).shows("[[tool]]\nargv=[\"false\"]\n", true, "failed", "tool_status");
}

#[test]
fn timed_out() {
    let steps = "[[tool]]\nargv=[\"sleep\", \"60\"]\ntimeout=\"1s\"\n";
    Try::new(FakeHost::new()).shows(steps, true, "timed_out", "tool_deadline");
}

#[test]
fn skipped() {
    let host = FakeHost::new().folder("/proc/net");
    Try::new(host).shows("[[copy]]\npaths=[\"/proc/net/tcp\"]\n", false, "skipped", "not_live");
}

#[test]
fn what_a_program_printed_and_complained_of_are_two_members_of_one_run() {
    let trial = Try::new(FakeHost::new());
    // `ls` finds one of two: it prints, complains, and ends with 2.
    let (_, _, entries) = trial
        .run("[[tool]]\nargv=[\"ls\", \"/etc/passwd\", \"/nonexistent\"]\nexit={2=\"collected\"}\n", true);
    assert_eq!(entries.len(), 2);
    let [out, err] = [&entries[0], &entries[1]];
    assert_eq!(
        (out["source"]["stream"].as_str(), err["source"]["stream"].as_str()),
        (Some("stdout"), Some("stderr"))
    );
    assert!(out["run"].is_string() && out["run"] == err["run"]);
    assert_eq!((out["exit"].as_i64(), out["outcome"].as_str()), (Some(2), Some("collected")));
    let digest = out["source"]["exe"]["sha256"].as_str().unwrap();
    let ls = crate::support::tool(
        "sh",
        &["-c".as_ref(), "sha256sum \"$(readlink -f \"$(command -v ls)\")\"".as_ref()],
    );
    assert!(ls.stdout.starts_with(digest), "{} {digest}", ls.stdout);
}

#[test]
fn a_program_that_others_could_replace_is_not_run() {
    if !crate::support::only_root("a program in a system folder that others may write") {
        return;
    }
    let program = "/usr/bin/phi-ir-test-untrusted";
    fs::write(program, "#!/bin/sh\ntouch /tmp/phi-ir-test-was-run\n").unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o777)).unwrap();
    let trial = Try::new(FakeHost::new());
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        trial.shows("[[tool]]\nargv=[\"phi-ir-test-untrusted\"]\n", true, "denied", "tool_untrusted");
    }));
    fs::remove_file(program).unwrap();
    shown.unwrap();
    assert!(!std::path::Path::new("/tmp/phi-ir-test-was-run").exists());
}
