//! File systems that never answer: FUSE mounts whose server does nothing, or answers until it is asked for one thing.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::silent::{
    self, GETATTR, LISTXATTR, LOOKUP, OPEN, OPENDIR, READ, READDIR, READLINK, RELEASE, RELEASEDIR, Silent,
};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries, entry_of, only_root, tool};

/// Mounts FUSE at its first argument, answers nothing, and becomes the program that the others name. In a mount
/// namespace of its own, so that all of it ends with the program.
const UNANSWERED: &str = r#"
import ctypes, os, sys
fuse = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(fuse, True)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"none", sys.argv[1].encode(), b"fuse.unanswered", 0, options) != 0:
    sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")
if os.fork() == 0:
    # Keeps the mount alive and hears its requests, but never answers.
    os.setsid()
    os.closerange(0, 3)
    import time
    time.sleep(60)
    os._exit(0)
os.close(fuse)
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn a_mount_that_never_answers_is_not_touched_and_hides_nothing_beside_it() {
    if !only_root("a FUSE mount") {
        return;
    }
    if !std::path::Path::new("/dev/fuse").exists() {
        return crate::support::skipped("this kernel has no FUSE: a mount that never answers");
    }
    let desk = Desk::new();
    let keys = "ssh-ed25519 AAAA intruder\n";
    let host = FakeHost::new()
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/home/zoe/.ssh/authorized_keys", keys)
        .folder("/home/bob")
        .link("/nas", "/home/bob/deep");
    let (bob, out) = (host.at("/home/bob"), desk.out());
    let started = Instant::now();
    let args = [
        "-m",
        "python3",
        "-c",
        UNANSWERED,
        bob.to_str().unwrap(),
        PHI_IR,
        "collect",
        "--fast",
        "--quiet",
        "--json",
        "-r",
        &desk.recipient,
        "--only",
        "sshd",
        "--also",
        "/nas/x",
        "--root",
        host.path().to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ];
    // Nobody named the mount itself; a link into it is no name for it.
    let ran = tool("unshare", &args.map(OsStr::new)).code(3);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let told = entries(&desk.open(&Bundle::of(&ran.json())));
    assert_eq!(entry_of(&told, "/home/zoe/.ssh/authorized_keys")["outcome"], "collected");
    let of_sshd =
        |entry: &&serde_json::Value| entry["collector"] == "sshd" && entry["reason_code"] == "network_mount";
    let left_out = told.iter().find(of_sshd).expect("it is not told");
    assert!(left_out["source"]["display"].as_str().unwrap().starts_with("/home/bob"), "{left_out}");
    assert_eq!(entry_of(&told, "/nas/x")["outcome"], "skipped");
}

fn phi_host() -> FakeHost {
    FakeHost::new()
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/srv/phi/a", "made up\n")
        .file("/srv/phi/l/deep/one", "made up\n")
        .folder("/srv/phi/m")
        .file("/srv/phi/m.txt", "made up\n")
        .file("/srv/phi/n/two", "made up\n")
        .file("/srv/phi/z", "made up\n")
}

/// Everything beside a mount that stops answering is listed once, whatever it is that it does not answer; it costs one
/// deadline, and says so.
#[test]
fn what_hangs_costs_one_deadline_and_hides_nothing_beside_it() {
    if !silent::can_be_made() {
        return;
    }
    // What comes too late to cost anything: the files are read by then, and the kernel waits for no answer.
    let harmless = [0, RELEASE, RELEASEDIR];
    let hanging = [LOOKUP, GETATTR, READLINK, OPEN, READ, LISTXATTR, OPENDIR, READDIR];
    let runs = harmless.into_iter().chain(hanging).map(|request| {
        let run = std::thread::spawn(move || {
            let (host, desk) = (phi_host(), Desk::new());
            let mount = Silent::at(&[host.at("/srv/phi/m")], &[request]).with("many", 40.into());
            let started = Instant::now();
            // Somebody points at what lies on the mount: it is entered.
            let root = host.path().to_str().unwrap();
            let content = ["--include-content", "--reason", "a test"];
            let args = ["--only", "phi-files", "--phi", "/srv/phi", "--also", "/srv/phi/m", "--root", root];
            let args = [&args[..], &content].concat();
            let ran = mount.collect(&desk, &args);
            let took = started.elapsed();
            let bundle = Bundle::of(&ran.json());
            desk.verify(&bundle.sealed).run().code(0);
            let opened = desk.open(&bundle);
            (ran, took, entries(&opened), listed(&opened), mount.most())
        });
        (request, run)
    });
    let runs: Vec<_> = runs.collect();
    for (request, run) in runs {
        let (ran, took, told, rows, (threads, kilobytes)) = run.join().unwrap();
        let beside = ["", "/a", "/l", "/l/deep", "/l/deep/one", "/m.txt", "/n", "/n/two", "/z"]
            .map(|name| format!("/srv/phi{name}"));
        for name in &beside {
            let times = rows.iter().filter(|row| *row == name).count();
            assert_eq!(times, 1, "{name}, with {request} unanswered: {rows:?}\n{told:#?}");
        }
        assert!(threads < 20 && kilobytes < 128 << 10, "{request}: {threads} threads, {kilobytes} kB");
        let on_it = |entry: &&Value| {
            entry["source"]["display"].as_str().is_some_and(|place| place.starts_with("/srv/phi/m"))
        };
        let of = |outcome: &str| -> Vec<&Value> {
            told.iter().filter(|entry| entry["outcome"] == outcome).filter(on_it).collect()
        };
        let (hung, taken) = (of("timed_out"), of("collected"));
        eprintln!(
            "{request}: {took:?}, {threads} threads, {kilobytes} kB, {} hung, {} taken",
            hung.len(),
            taken.len()
        );
        if harmless.contains(&request) {
            assert!(rows.contains(&"/srv/phi/m/d/f39".to_owned()), "it is listed: {rows:?}");
            assert!(hung.is_empty() && taken.len() > 40, "{request}: {told:#?}");
            assert!(took < Duration::from_secs(18), "{request} took {took:?}");
            continue;
        }
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!((18..60).contains(&took.as_secs()), "{took:?}, with {request} unanswered");
        assert!(!hung.is_empty(), "{request}: {told:#?}");
        assert!(ran.stderr.contains("may not let this program end"), "{request}: {}", ran.stderr);
    }
}

/// The paths in the rows of the listing.
fn listed(opened: &std::path::Path) -> Vec<String> {
    let text =
        std::fs::read_to_string(opened.join("data/live/phi-files/files-000001.jsonl")).unwrap_or_default();
    let rows = text.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect()
}
