//! File systems that never answer: FUSE mounts whose server does nothing, or answers until it is asked for one thing.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use crate::support::{Bundle, Desk, FakeHost, PHI_IR, Ran, entries, entry_of, only_root, tool};

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

/// Mounts FUSE at its first argument, with a folder `d` and a file `f` in it, answers everything but the request of the
/// number in its second argument, and becomes the program that the others name. linux/fuse.h, version 7.31.
const HALF_ANSWERED: &str = r#"
import ctypes, os, struct, sys, threading, time
fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"none", sys.argv[1].encode(), b"fuse.half", 0, options) != 0:
    sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")
silent = int(sys.argv[2])
def attributes(node):
    mode = 0o100600 if node == 3 else 0o040700
    return struct.pack("<6Q10I", node, 6, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
def answer(kind, node, body):
    if kind == 26: return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 8, 6, 65536, 1, 0, 0, *[0] * 8)[:64]
    if kind == 1:
        child = {b"d": 2, b"f": 3}.get(body.rstrip(b"\0")) if node == 1 else None
        return struct.pack("<4Q2I", child, 0, 0, 0, 0, 0) + attributes(child) if child else -2
    if kind == 3: return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if kind in (14, 27): return struct.pack("<QII", 0, 0, 0)
    if kind == 28:
        if node != 1 or struct.unpack("<QQ", body[:16])[1]: return b""
        entry = lambda number, kind, name: struct.pack("<QQII", number, number, 1, kind) + name + bytes(7)
        return entry(2, 4, b"d") + entry(3, 8, b"f")
    if kind == 15: return b"bytes\n" if struct.unpack("<QQ", body[:16])[1] == 0 else b""
    if kind in (18, 25, 29): return b""
    return -38
if os.fork() == 0:
    os.setsid(); os.closerange(0, fuse)
    asked = os.getppid()
    def until_it_ends():
        # Whoever waits for an answer can't be ended, and is a zombie as soon as the rest of it is.
        end = time.time() + 120
        while time.time() < end:
            try: state = open(f"/proc/{asked}/stat").read().rsplit(")", 1)[1].split()[0]
            except OSError: break
            if state == "Z": break
            time.sleep(0.05)
        os._exit(0)
    threading.Thread(target=until_it_ends, daemon=True).start()
    while True:
        request = os.read(fuse, 1 << 20)
        length, kind, unique, node = struct.unpack("<IIQQ", request[:24])
        if kind == silent or kind in (2, 36, 42): continue
        told = answer(kind, node, request[40:length])
        data, error = (b"", told) if isinstance(told, int) else (told, 0)
        os.write(fuse, struct.pack("<IiQ", 16 + len(data), error, unique) + data)
os.close(fuse)
os.execv(sys.argv[3], sys.argv[3:])
"#;

/// Collects from `host` with the mount in it, in a mount namespace of its own; gives the run and how long it took.
fn collect_half_answered(host: &FakeHost, desk: &Desk, silent: u32, args: &[&str]) -> (Ran, Duration) {
    let (point, root, out) = (host.at("/srv/phi/m"), host.path().to_owned(), desk.out());
    let number = silent.to_string();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let fixed = ["-m", "python3", "-c", HALF_ANSWERED].map(str::to_owned);
    let rest = ["collect", "--quiet", "--json", "-r", &desk.recipient].map(str::to_owned);
    let mut all: Vec<String> = fixed.into();
    all.extend([text(&point), number, PHI_IR.to_owned()]);
    all.extend(rest);
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    all.extend(["--root".to_owned(), text(&root), "-o".to_owned(), text(&out)]);
    let all: Vec<&OsStr> = all.iter().map(OsStr::new).collect();
    let started = Instant::now();
    (tool("timeout", &[&["100".as_ref(), "unshare".as_ref()][..], &all].concat()), started.elapsed())
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
fn what_hangs_within_a_walk_costs_one_deadline_and_hides_nothing_beside_it() {
    if !only_root("a FUSE mount") {
        return;
    }
    if !std::path::Path::new("/dev/fuse").exists() {
        return crate::support::skipped("this kernel has no FUSE: a mount that stops answering");
    }
    // Of linux/fuse.h: nothing (the control), GETATTR, OPENDIR, READDIR.
    let cases = [0, 3, 27, 28];
    let runs = cases.map(|silent| {
        std::thread::spawn(move || {
            let (host, desk) = (phi_host(), Desk::new());
            // The name lies below the mount point's own folder, so that this mount counts as named, and is entered.
            let args = ["--only", "phi-files", "--phi", "/srv/phi", "--also", "/srv/phi/m/f"];
            let (ran, took) = collect_half_answered(&host, &desk, silent, &args);
            let opened = desk.open(&Bundle::of(&ran.json()));
            (silent, ran.code, took, entries(&opened), listed(&opened))
        })
    });
    for run in runs {
        let (silent, code, took, told, rows) = run.join().unwrap();
        let beside = ["", "/a", "/l", "/l/deep", "/l/deep/one", "/m.txt", "/n", "/n/two", "/z"]
            .map(|name| format!("/srv/phi{name}"));
        for name in &beside {
            let times = rows.iter().filter(|row| *row == name).count();
            assert_eq!(times, 1, "{name}, with {silent} unanswered: {rows:?}\n{told:#?}");
        }
        let hung: Vec<_> = told.iter().filter(|entry| entry["outcome"] == "timed_out").collect();
        if silent == 0 {
            assert!(rows.contains(&"/srv/phi/m/f".to_owned()), "the control lists it: {rows:?}");
            assert!(hung.is_empty() && took < Duration::from_secs(18), "{took:?} {hung:#?}");
            continue;
        }
        assert_eq!(code, 3);
        assert!((18..60).contains(&took.as_secs()), "{took:?}, with {silent} unanswered");
        let place = |entry: &&serde_json::Value| {
            entry["source"]["display"].as_str().is_some_and(|place| place.starts_with("/srv/phi/m"))
        };
        assert!(hung.iter().any(place), "{silent}: {told:#?}");
    }
}

/// The paths in the rows of the listing.
fn listed(opened: &std::path::Path) -> Vec<String> {
    let text =
        std::fs::read_to_string(opened.join("data/live/phi-files/files-000001.jsonl")).unwrap_or_default();
    let rows = text.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect()
}
