//! A file system that never answers: a FUSE mount whose server does nothing.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

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
