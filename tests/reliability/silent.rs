//! A FUSE server that falls silent: at certain requests, after one, or slowly; and the program run before it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stops_checks::heeding;
use crate::support::{Desk, PHI_IR, Ran, only_root, skipped};

/// The numbers of requests in linux/fuse.h.
pub const LOOKUP: u32 = 1;
pub const GETATTR: u32 = 3;
pub const READLINK: u32 = 5;
pub const OPEN: u32 = 14;
pub const READ: u32 = 15;
pub const RELEASE: u32 = 18;
pub const LISTXATTR: u32 = 23;
pub const OPENDIR: u32 = 27;
pub const READDIR: u32 = 28;
pub const RELEASEDIR: u32 = 29;

/// Mounts FUSE as its first argument says in JSON, and becomes the program that the others name. On it lie a folder `d`
/// with files in it, a file `f` and a link `k`. linux/fuse.h, version 7.31.
const SERVER: &str = r#"
import ctypes, json, os, struct, sys, threading, time
how = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def mount(point, kind, options):
    if libc.mount(b"none", point.encode(), kind, 0, options.encode()) != 0:
        sys.exit(f"cannot mount at {point}: {os.strerror(ctypes.get_errno())}")
for folder in how["fresh"]:
    mount(folder, b"tmpfs", "mode=0755")
for path, text in how["files"].items():
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)
devices = []
for point in how["points"]:
    os.makedirs(point, exist_ok=True)
    devices.append(os.open("/dev/fuse", os.O_RDWR))
    mount(point, b"fuse.silent", f"fd={devices[-1]},rootmode=40000,user_id=0,group_id=0")
FOLDER = {"f%02d" % number: 100 + number for number in range(how["many"])}
TOP = {"d": 2, "f": 3, "k": 4}
def attributes(node):
    mode = {1: 0o040700, 2: 0o040700, 4: 0o120777}.get(node, 0o100600)
    return struct.pack("<6Q10I", node, 6, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
def kind(node): return {2: 4, 4: 10}.get(node, 8)
def attribute(data, body):
    room = struct.unpack("<I", body[:4])[0]
    return data if room else struct.pack("<II", len(data), 0)
def answer(number, node, body):
    children = {1: TOP, 2: FOLDER}.get(node, {})
    if number == 26: return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 8, 6, 65536, 1, 0, 0, *[0] * 8)[:64]
    if number == 1:
        child = children.get(body.rstrip(b"\0").decode())
        return struct.pack("<4Q2I", child, 0, 0, 0, 0, 0) + attributes(child) if child else -2
    if number == 3: return struct.pack("<QII", 0, 0, 0) + attributes(node)
    if number == 5: return b"f"
    if number in (14, 27): return struct.pack("<QII", 0, 0, 0)
    if number == 15: return b"bytes\n" if struct.unpack("<QQ", body[:16])[1] == 0 else b""
    if number == 22: return attribute(b"value", body) if body[8:].rstrip(b"\0") == b"user.note" else -61
    if number == 23: return attribute(b"user.note\0", body)
    if number == 28:
        offset, room = struct.unpack("<QQI", body[:20])[1:]
        told = b""
        for place, (name, child) in enumerate(sorted(children.items())):
            name = name.encode()
            entry = struct.pack("<QQII", child, place + 1, len(name), kind(child)) + name + bytes(-len(name) % 8)
            if place >= offset and len(told) + len(entry) <= room: told += entry
        return told
    if number in (18, 25, 29): return b""
    return -38
def serve(fuse):
    while True:
        request = os.read(fuse, 1 << 20)
        length, number, unique, node = struct.unpack("<IIQQ", request[:24])
        if number in how["silent"] or number in (2, 36, 42): continue
        if number != 26: time.sleep(how["delay"])
        told = answer(number, node, request[40:length])
        data, error = (b"", told) if isinstance(told, int) else (told, 0)
        os.write(fuse, struct.pack("<IiQ", 16 + len(data), error, unique) + data)
        if number == how["deaf"]: return
asked = os.getpid()
if os.fork() == 0:
    os.setsid(); os.closerange(0, min(devices))
    open(how["desk"] + "/server", "w").write(str(os.getpid()))
    for fuse in devices: threading.Thread(target=serve, args=(fuse,), daemon=True).start()
    end, most = time.time() + 280, {"Threads": 0, "VmHWM": 0}
    while time.time() < end:
        try: status = dict(line.split(":", 1) for line in open(f"/proc/{asked}/status"))
        except OSError: break
        # Whoever waits for an answer can't be ended, and is a zombie as soon as the rest of it is.
        if status["State"].split()[0] == "Z" and not how["lingers"]: break
        for key in most: most[key] = max(most[key], int(status.get(key, "0").split()[0]))
        time.sleep(0.02)
    open(how["desk"] + "/most.new", "w").write(json.dumps(most))
    os.rename(how["desk"] + "/most.new", how["desk"] + "/most")
    os._exit(0)
for fuse in devices: os.close(fuse)
os.execv(sys.argv[2], sys.argv[2:])
"#;

/// How the server behaves, and where it is mounted.
pub struct Silent {
    how: Value,
    /// Where the server tells who it is.
    desk: TempDir,
}

/// Whether such a mount can be made here; says so, if not.
pub fn can_be_made() -> bool {
    if !Path::new("/dev/fuse").exists() {
        skipped("this kernel has no FUSE: a mount that does not answer");
        return false;
    }
    only_root("a FUSE mount")
}

impl Silent {
    /// At these places, without an answer to these requests.
    pub fn at(points: &[PathBuf], requests: &[u32]) -> Silent {
        let desk = tempfile::tempdir().unwrap();
        let how = json!({
            "points": points, "silent": requests, "deaf": 0, "delay": 0, "lingers": false, "many": 3,
            "fresh": [], "files": {}, "desk": desk.path(),
        });
        Silent { how, desk }
    }

    /// The same, with something of it otherwise.
    pub fn with(mut self, key: &str, value: Value) -> Silent {
        assert!(self.how.get(key).is_some(), "{key}");
        self.how[key] = value;
        self
    }

    /// The program with these arguments, in a mount namespace of its own.
    pub fn before<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = heeding("unshare");
        command.args(["-m", "python3", "-c", SERVER]).arg(self.how.to_string()).arg(PHI_IR);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A collection before it, to its end.
    pub fn collect(&self, desk: &Desk, args: &[&str]) -> Ran {
        ended(self.start(desk, args))
    }

    /// A collection before it.
    pub fn start(&self, desk: &Desk, args: &[&str]) -> Child {
        let out = desk.out();
        let fixed =
            ["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "-o", out.to_str().unwrap()];
        self.before(fixed.iter().chain(args)).spawn().unwrap()
    }

    /// The most threads and kilobytes that the program had.
    pub fn most(&self) -> (u64, u64) {
        let path = self.desk.path().join("most");
        for _ in 0..200 {
            if path.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let most: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        (most["Threads"].as_u64().unwrap(), most["VmHWM"].as_u64().unwrap())
    }

    /// Ends the server, and its mounts with it.
    pub fn end(&self) {
        let server = fs::read_to_string(self.desk.path().join("server")).unwrap();
        let server = rustix::process::Pid::from_raw(server.parse().unwrap()).unwrap();
        rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    }
}

/// Waits for the end of a run.
pub fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran::from(output)
}
