//! A run on a live host that is stopped while it waits: for a program, for a reader that hangs, for a table.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::stops_checks::{heeding, names, signalled};
use crate::support::{Bundle, Desk, PHI_IR, entries, only_root};

/// Mounts FUSE at its first argument, answers nothing, and becomes the program that the others name; in a mount namespace
/// of its own.
const UNANSWERED: &str = r#"
import ctypes, os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_DFL)
fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"none", sys.argv[1].encode(), b"fuse.unanswered", 0, options) != 0: sys.exit("cannot mount")
if os.fork() == 0:
    os.setsid()
    for number in range(3): os.dup2(os.open("/dev/null", os.O_RDWR), number)
    time.sleep(60)
    os._exit(0)
os.close(fuse)
os.execv(sys.argv[2], sys.argv[2:])
"#;

/// How long anything may take that is asked to end: far more than it takes, far less than what it waits for.
const SECONDS: Duration = Duration::from_secs(12);

/// A desk with a collector of one tool.
fn with_tool(argv: &str) -> (Desk, PathBuf) {
    let desk = Desk::new();
    let folder = desk.path("definitions");
    fs::create_dir(&folder).unwrap();
    let text = format!(
        "title = \"A trial\"\nwhy = \"a test\"\nvolatility = \"persistent\"\nprofiles = [\"incident\"]\nphi = \"none\"\n\
         [[tool]]\nargv = {argv}\ntimeout = \"300s\"\n"
    );
    fs::write(folder.join("trial.toml"), text).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.join("trial.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    (desk, folder)
}

fn run_tool(desk: &Desk, definitions: &Path) -> Child {
    let mut command = signalled();
    command
        .args([
            "collect",
            "--quiet",
            "--json",
            "--fast",
            "--only",
            "trial",
            "-r",
            &desk.recipient,
            "--definitions",
        ])
        .args([definitions.as_os_str(), "-o".as_ref(), desk.out().as_os_str()])
        .args(["--sign-with".as_ref(), desk.path("host.key").as_os_str()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Processes whose command line holds these words.
fn running(words: &str) -> Vec<String> {
    let pids = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let has = |pid: &String| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(words)
    };
    let numbers = pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.filter(has).filter(|pid| *pid != std::process::id().to_string()).collect()
}

fn until(what: &str, span: Duration, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + span;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(5));
    }
}

/// Sends a signal and takes the time until the end.
fn stop(child: Child, signal: Signal) -> Output {
    let began = Instant::now();
    kill_process(Pid::from_child(&child), signal).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(began.elapsed() < SECONDS, "{signal:?}: it took {:?}", began.elapsed());
    ended
}

/// The entries of an interrupted run's bundle, which verifies.
fn sealed(desk: &Desk, ended: &Output) -> Vec<Value> {
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(document["result"], "partial");
    let bundle = Bundle::of(&document);
    desk.verify(&bundle.sealed).run().code(0).says("verified");
    entries(&desk.open(&bundle))
}

#[test]
fn a_signal_while_a_program_is_waited_for_ends_both_and_keeps_what_it_printed() {
    if !only_root("host programs") {
        return;
    }
    // One that is silent, and one that has closed its output and goes on.
    for (number, shut) in ["", "exec >&- 2>&-; "].iter().enumerate() {
        let seconds = format!("24{}{number}", std::process::id() % 10_000);
        let argv = format!("[\"sh\", \"-c\", \"echo printed; {shut}sleep {seconds}; true\"]");
        let (desk, definitions) = with_tool(&argv);
        let child = run_tool(&desk, &definitions);
        let sleeps = format!("sleep {seconds}");
        until("the program never ran", Duration::from_secs(30), || running(&sleeps).len() > 1);
        // What it has printed is on its way to us.
        std::thread::sleep(Duration::from_millis(500));
        let ended = stop(child, [Signal::INT, Signal::TERM][number]);
        let told = sealed(&desk, &ended);
        let tool =
            told.iter().find(|entry| entry["collector"] == "trial" && entry["kind"] == "tool").unwrap();
        assert_eq!((&tool["outcome"], &tool["reason_code"]), (&"truncated".into(), &"interrupted".into()));
        assert_eq!(tool["size"], 8, "{tool}");
        until("the program goes on", Duration::from_secs(5), || running(&sleeps).is_empty());
    }
}

#[test]
fn a_kill_while_a_program_runs_leaves_no_program_behind() {
    if !only_root("host programs") {
        return;
    }
    let seconds = format!("25{}", std::process::id() % 10_000);
    let (desk, definitions) = with_tool(&format!("[\"sleep\", \"{seconds}\"]"));
    let child = run_tool(&desk, &definitions);
    let sleeps = format!("sleep {seconds}");
    until("the program never ran", Duration::from_secs(30), || !running(&sleeps).is_empty());
    let ended = stop(child, Signal::KILL);
    assert_eq!(ended.status.signal(), Some(9));
    until("the program goes on without us", Duration::from_secs(5), || running(&sleeps).is_empty());
    let left = names(&desk.out());
    assert!(left.len() == 1 && left[0].ends_with(".zip.age.partial"), "{left:?}");
}

#[test]
fn a_signal_or_a_kill_while_a_reader_hangs_is_not_waited_out() {
    if !only_root("a FUSE mount") {
        return;
    }
    if !Path::new("/dev/fuse").exists() {
        return crate::support::skipped("this kernel has no FUSE: a reader that hangs");
    }
    for signal in [Signal::INT, Signal::KILL] {
        let (desk, mount) = (Desk::new(), tempfile::tempdir().unwrap());
        let out = desk.out();
        let at = mount.path().to_str().unwrap();
        let args = [
            "-m", "python3", "-c", UNANSWERED, at, PHI_IR, "collect", "--quiet", "--json", "--fast",
            "--only", "also",
        ];
        let mut command = heeding("unshare");
        command
            .args(args)
            .args(["-r", &desk.recipient, "--also", at, "--sign-with"])
            .args([desk.path("host.key").as_os_str(), OsStr::new("-o"), out.as_os_str()])
            .env("PHI_IR_CONFIG", "/dev/null");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("nothing was begun", Duration::from_secs(30), || !names(&out).is_empty());
        let (pid, tasks) = (child.id(), format!("/proc/{}/task", child.id()));
        let waits = || {
            let tasks = fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path().join("wchan"));
            tasks
                .filter_map(|wchan| fs::read_to_string(wchan).ok())
                .any(|at| at.contains("fuse") || at.contains("request_wait"))
        };
        until("no reader hangs", Duration::from_secs(15), waits);
        sleep(Duration::from_millis(300));
        let ended = stop(child, signal);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is still there");
        if signal == Signal::KILL {
            assert!(names(&out)[0].ends_with(".partial"));
            continue;
        }
        let told = sealed(&desk, &ended);
        let also = told.iter().filter(|entry| entry["collector"] == "also");
        let interrupted = also.filter(|entry| entry["reason_code"] == "interrupted").count();
        assert!(interrupted > 0, "{told:#?}");
        assert!(!told.iter().any(|entry| entry["reason_code"] == "deadline"), "nothing was waited out");
    }
}

#[test]
fn a_signal_while_a_native_table_is_made_ends_the_table_and_says_so() {
    if !only_root("processes of all users") {
        return;
    }
    let (mut hit, mut rounds, mut whole) = (0, 0, Duration::ZERO);
    while hit < 2 && rounds < 30 {
        rounds += 1;
        let desk = Desk::new();
        let mut command = signalled();
        command
            .args([
                "collect",
                "--fast",
                "--quiet",
                "--json",
                "--no-tools",
                "-r",
                &desk.recipient,
                "--only",
                "processes",
            ])
            .args(["--only", "process-files", "--only", "sockets", "--sign-with"])
            .args([desk.path("host.key").as_os_str(), OsStr::new("-o"), desk.out().as_os_str()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("nothing was begun", Duration::from_secs(30), || {
            !names(&desk.out()).is_empty() || child.try_wait().is_ok_and(|ended| ended.is_some())
        });
        let begun = Instant::now();
        // The first is left alone: a signal comes at a thirtieth of its time, two thirtieths, and so on.
        if rounds == 1 {
            child.wait_with_output().unwrap();
            whole = begun.elapsed();
            continue;
        }
        sleep(whole * rounds / 30);
        let ended = stop(child, Signal::TERM);
        if ended.status.code() == Some(3) || ended.status.code() == Some(0) {
            continue;
        }
        let told = sealed(&desk, &ended);
        let native = ["processes", "process-files", "sockets"];
        let cut = told.iter().filter(|entry| {
            native.contains(&entry["collector"].as_str().unwrap()) && entry["reason_code"] == "interrupted"
        });
        let cut: Vec<&Value> = cut.collect();
        assert!(!cut.is_empty(), "{told:#?}");
        // One that had begun: what it has is there, and that it is not all is said.
        hit += usize::from(cut.iter().any(|entry| entry["outcome"] == "truncated"));
        assert!(
            cut.iter().all(|entry| ["truncated", "skipped"].contains(&entry["outcome"].as_str().unwrap()))
        );
    }
    crate::stops_checks::say(&format!("a native table cut {hit} times in {rounds} rounds"));
    assert!(hit >= 1, "no table was ever cut in {rounds} rounds");
}
