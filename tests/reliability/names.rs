//! Names of UNIX sockets: whatever bytes they have, each socket has a row, and the row has these bytes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::processes::{collect, decoded, exact};
use crate::support::{Desk, only_root};

/// Binds a socket to each name, of three kinds, and tells of each: what it is, its inode, its name as getsockname(2) has
/// it, the inode of its namespace, and what /proc/net/unix must say of it. Names below the folder are removed again where
/// they end in `gone`.
const HOLDER: &str = r#"
import ctypes, json, os, socket, struct, sys, base64, time
libc = ctypes.CDLL(None, use_errno=True)
folder = os.fsencode(sys.argv[1]) + b"/"
held, told = [], []
net = os.stat("/proc/self/ns/net").st_ino
def bind(made, name):
    address = struct.pack("H", socket.AF_UNIX) + name
    if libc.bind(made.fileno(), address, len(address)):
        raise OSError(ctypes.get_errno(), repr(name))
def connect(made, name):
    address = struct.pack("H", socket.AF_UNIX) + name
    if libc.connect(made.fileno(), address, len(address)):
        raise OSError(ctypes.get_errno(), repr(name))
def bound(made):
    address, length = ctypes.create_string_buffer(200), ctypes.c_uint(200)
    libc.getsockname(made.fileno(), address, ctypes.byref(length))
    name = address.raw[2:length.value]
    # Of a path the kernel counts the NUL behind it.
    return name if name[:1] == b"\0" else name.rstrip(b"\0")
def tell(what, made, peer=None):
    held.append(made)
    name = bound(made)
    told.append([what, os.fstat(made.fileno()).st_ino, base64.b64encode(name).decode(), net,
        peer and os.fstat(peer.fileno()).st_ino])
def every(mark, name, gone=False):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bind(listening, name)
    listening.listen(4)
    tell("listening", listening)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connect(client, name)
    accepted = listening.accept()[0]
    tell("connected", accepted, client)
    tell("client", client, accepted)
    if gone:
        os.unlink(name)
def one(kind, name):
    made = socket.socket(socket.AF_UNIX, kind)
    bind(made, name)
    tell("datagram" if kind == socket.SOCK_DGRAM else "packets", made)
odd = [b"\n", b"a\nffff: 00000002 00000000 00010000 0001 01 1 /run/forged.sock", b"\x1b]0;owned\x07\x1b[2J", "\u202etxt.exe\u202c".encode(),
    b"\xff\xfe\xc0\x80", b"@looks/abstract", b" blank ", b'"quoted\\', b"\r", b"%s%n"]
everything = bytes(range(256))
abstract = [everything[:107], everything[107:214], everything[214:], b"\xff" * 107, b"", b"\0", b"a\0", b"a\0\0", b"/run/systemd/notify\0"] + odd
mark = base64.b16encode(os.urandom(4))
for number, name in enumerate(abstract):
    # Three of them have no room for what sets them apart; they are nobody else's names.
    every(mark, b"\0" + name)
    one((socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)[number % 2], b"\0d" + mark + name[:98])
paths = [bytes(b for b in range(1, 256) if b != 47)[at:at + 60] for at in range(0, 254, 60)] + odd
for name in paths:
    name = name.replace(b"/", b"|")
    every(mark, folder + name)
    every(mark, folder + name + b".gone", True)
    one(socket.SOCK_DGRAM, folder + b"d" + name[:60])
os.chdir(folder)
for length in (105, 107, 108):
    every(mark, b"r" * length)
for _ in range(3):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bind(made, b"")
    made.listen(1)
    tell("listening", made)
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
tell("nameless", pair[0], pair[1])
tell("nameless", pair[1], pair[0])
unbound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
tell("unbound", unbound)
# A name's bytes end with a newline here, which is why the text is searched, not cut to lines.
text, missing = open("/proc/net/unix", "rb").read(), []
for what, inode, name, *_ in told:
    name = base64.b64decode(name)
    shown = (b" " + name.replace(b"\0", b"@")) if name else b""
    if b" %5d%s\n" % (inode, shown) not in text:
        missing.append((what, inode, repr(name)))
print(json.dumps({"told": told, "missing": missing}), flush=True)
time.sleep(120)
"#;

/// One socket as its holder knows it.
struct Held {
    what: String,
    name: Vec<u8>,
    netns: u64,
    peer: Option<u64>,
}

struct Holder {
    child: Child,
    sockets: BTreeMap<u64, Held>,
}

impl Holder {
    fn start(before: &[&str], folder: &OsStr) -> Holder {
        let words = [before, &["python3", "-c", HOLDER]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(told["missing"], serde_json::json!([]), "the kernel's own text does not have these so");
        let rows = told["told"].as_array().unwrap().iter().map(|row| {
            let held = Held {
                what: row[0].as_str().unwrap().to_owned(),
                name: decoded(row[2].as_str().unwrap()),
                netns: row[3].as_u64().unwrap(),
                peer: row[4].as_u64(),
            };
            (row[1].as_u64().unwrap(), held)
        });
        Holder { sockets: rows.collect(), child }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_unix_socket_has_a_row_with_the_bytes_of_its_name() {
    if !only_root("other processes' sockets and namespaces") {
        return;
    }
    let desk = Desk::new();
    let folder = desk.path("s");
    fs::create_dir(&folder).unwrap();
    let hidden = "mount -t tmpfs none \"$0\" && exec \"$@\"";
    let apart = ["unshare", "-m", "-n", "sh", "-c", hidden, folder.to_str().unwrap()];
    let holders = [Holder::start(&[], folder.as_os_str()), Holder::start(&apart, folder.as_os_str())];
    let collected = collect(&desk, &["nice"], &["sockets"]);
    let rows: BTreeMap<u64, Value> = collected
        .rows("sockets/sockets.jsonl")
        .into_iter()
        .filter(|row| row["family"] == "unix")
        .map(|row| (row["inode"].as_u64().unwrap(), row))
        .collect();
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for holder in &holders {
        for (inode, held) in &holder.sockets {
            let row = rows.get(inode).unwrap_or_else(|| panic!("{} {:?} is not there", held.what, held.name));
            assert_eq!(exact(row, "path"), held.name, "{row:#}");
            assert_eq!(row["owners"][0]["pid"], holder.child.id(), "{row:#}");
            let (state, kind) = match held.what.as_str() {
                "listening" => ("LISTEN", "stream"),
                "connected" | "client" => ("ESTABLISHED", "stream"),
                "packets" => ("", "seqpacket"),
                "datagram" => ("", "dgram"),
                "nameless" => ("", "dgram"),
                _ => ("", "stream"),
            };
            assert_eq!(row["type"], kind, "{row:#}");
            assert!(state.is_empty() || row["state"] == state, "{row:#}");
            assert_eq!(row["peer_inode"].as_u64(), held.peer, "{row:#}");
            assert_eq!(row["via"], "sock_diag", "{row:#}");
            if row["netns"] != held.netns {
                panic!("another namespace: {row:#}");
            }
            *kinds.entry(&held.what).or_default() += 1;
        }
    }
    println!("{kinds:?}");
    assert!(kinds["listening"] > 90 && kinds["connected"] > 90 && kinds["datagram"] > 40, "{kinds:?}");
    // No line of text stood for another socket.
    assert!(!rows.values().any(|row| row["path"] == "/run/forged.sock"));
}
