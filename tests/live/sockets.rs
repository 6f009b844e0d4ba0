//! The table of sockets beside `ss`, while the test holds sockets of every kind; hidden ones, and ones that belong to
//! programs without a file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Bundle, Desk, entries, only_root, phi, tool};

/// Holds sockets, tells their inodes by what they are, and ends when its input does.
const HOLDER: &str = r#"
import ctypes, json, os, socket, struct, sys, threading, time
kept, told = [], {}
def hold(name, made):
    kept.append(made)
    told[name] = os.fstat(made.fileno()).st_ino
    return made
def listener(family, address, backlog, protocol=0):
    made = socket.socket(family, socket.SOCK_STREAM, protocol)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, 0))
    made.listen(backlog)
    return made
def states(hold, told, listener):
    accepting = listener(socket.AF_INET, "127.0.0.1", 16)
    kept.append(accepting)
    def pair():
        one = socket.socket()
        one.connect(accepting.getsockname())
        return one, accepting.accept()[0]
    def full(name):
        # What the other end does not read keeps the last packet of this one back for ever.
        one, other = pair()
        hold(name, one), hold(name + ", other end", other)
        one.setblocking(False)
        refused = 0
        while refused < 10:
            try:
                one.send(bytes(1 << 16))
                refused = 0
            except BlockingIOError:
                refused += 1
                time.sleep(0.02)
        return one, other
    one, other = full("fin wait 1")
    one.shutdown(socket.SHUT_WR)
    one, other = full("closing")
    one.shutdown(socket.SHUT_WR), other.shutdown(socket.SHUT_WR)
    one, other = full("last ack")
    other.shutdown(socket.SHUT_WR), time.sleep(0.1), one.shutdown(socket.SHUT_WR)
    full("zero window")
    one, other = pair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3000)
    hold("keepalive", one), kept.append(other)
    marked = hold("mark", listener(socket.AF_INET, "127.0.0.1", 1))
    marked.setsockopt(socket.SOL_SOCKET, 36, 0xbeef)
    for name, kind in ("tcp of a device", socket.SOCK_STREAM), ("udp of a device", socket.SOCK_DGRAM):
        bound = hold(name, socket.socket(socket.AF_INET, kind))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        bound.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            bound.listen(1)
    # Its handshake is over when there is something to read.
    patient = listener(socket.AF_INET, "127.0.0.1", 4)
    patient.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    hold("patient", patient)
    caller = socket.create_connection(patient.getsockname())
    kept.append(caller)
    told["patient port"], told["caller port"] = patient.getsockname()[1], caller.getsockname()[1]
    # What is sent there comes back, and is thrown away for its source.
    calling = hold("syn sent", socket.socket())
    calling.setblocking(False)
    calling.connect_ex(("192.0.2.1", 9))
    # Until it is sent once more.
    time.sleep(1.5)
mode = sys.argv[1]
if mode == "all":
    tcp = hold("tcp listen", listener(socket.AF_INET, "127.0.0.1", 7))
    def pair():
        return socket.create_connection(tcp.getsockname()), tcp.accept()[0]
    one, other = pair()
    other.send(b"hello")
    hold("tcp connected", one), hold("tcp accepted", other)
    one, other = pair()
    other.close()
    hold("tcp close wait", one)
    one, other = pair()
    told["time wait port"] = one.getsockname()[1]
    one.close(), other.close()
    hold("tcp6 listen", listener(socket.AF_INET6, "::1", 3))
    udp = hold("udp connected", socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", 0)), udp.connect(("127.0.0.1", 9))
    lite = hold("udplite", socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136))
    lite.bind(("127.0.0.1", 0))
    hold("udp6", socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)).bind(("::1", 0))
    hold("raw", socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    hold("raw6", socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6))
    packet = hold("packet", socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)))
    packet.bind(("lo", 0x0800))
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xffff))
    packet.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HxxxxxxP", 1, ctypes.addressof(program)))
    netlink = hold("netlink", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15))
    netlink.bind((0, 5))
    told["netlink port"] = netlink.getsockname()[0]
    stream = hold("unix listen", socket.socket(socket.AF_UNIX))
    stream.bind(sys.argv[2] + "/a b.sock"), stream.listen(5)
    datagrams = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    hold("unix dgram", datagrams[0]), hold("unix dgram peer", datagrams[1])
    abstract = hold("unix abstract", socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    abstract.bind(b"\0phi-ir\xff\x1b\n" + str(os.getpid()).encode()), abstract.listen(1)
    hold("tcp bound", socket.socket()).bind(("127.0.0.1", 0))
    hold("tcp6 bound", socket.socket(socket.AF_INET6)).bind(("::1", 0))
    hold("tcp unbound", socket.socket())
    hold("udp unbound", socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    try:
        hold("mptcp", listener(socket.AF_INET, "127.0.0.1", 2, 262))
    except OSError:
        pass
elif mode == "small":
    hold("tcp", listener(socket.AF_INET, "127.0.0.1", 1))
elif mode == "elsewhere":
    hold("tcp", listener(socket.AF_INET, "127.0.0.1", 1))
    scoped = hold("scoped", socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    scoped.bind(("fe80::1", 0, 0, 1))
    hold("ping", socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)).bind(("127.0.0.1", 77))
elif mode == "vsock":
    vsock = hold("vsock", socket.socket(40, socket.SOCK_STREAM))
    vsock.bind((0xffffffff, 0xffffffff)), vsock.listen(1)
    told["vsock port"] = vsock.getsockname()[1]
    hold("vsock unbound", socket.socket(40, socket.SOCK_STREAM))
elif mode == "lost":
    # A namespace that no process is in and no descriptor or mount leads to: only this socket keeps it.
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.unshare(0x40000000) == 0
    hold("unix", socket.socket(socket.AF_UNIX)).bind(b"\0lost" + str(os.getpid()).encode())
    hold("tcp", listener(socket.AF_INET, "0.0.0.0", 1))
    hold("udp", socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("0.0.0.0", 0))
    hold("netlink", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)).bind((0, 0))
    assert libc.setns(home, 0x40000000) == 0
    os.close(home)
elif mode == "thread":
    # In a table of descriptors that only this thread has.
    libc, ready = ctypes.CDLL(None, use_errno=True), threading.Event()
    def work():
        assert libc.unshare(0x400) == 0
        hold("tcp", listener(socket.AF_INET, "127.0.0.1", 1))
        told["tid"] = threading.get_native_id()
        ready.set()
        time.sleep(3600)
    threading.Thread(target=work, daemon=True).start()
    ready.wait()
elif mode == "on its way":
    # No table of descriptors has it: it lies in a message that nobody has taken.
    kept.extend(socket.socketpair(socket.AF_UNIX))
    made = listener(socket.AF_INET, "127.0.0.1", 1)
    told["tcp"] = os.fstat(made.fileno()).st_ino
    socket.send_fds(kept[0], [b"x"], [made.fileno()])
    made.close()
elif mode == "states":
    states(hold, told, listener)
told["pid"] = os.getpid()
print(json.dumps(told), flush=True)
sys.stdin.read()
"#;

/// Becomes the Python that its arguments name, from memory.
const FROM_MEMORY: &str = r#"
import os, sys
fd = os.memfd_create("payload", 0)
with open(sys.argv[1], "rb") as program, open(fd, "wb", closefd=False) as memory:
    memory.write(program.read())
os.execve(fd, ["[kworker/0:1]", "-c", *sys.argv[2:]], {**os.environ, "PYTHONHOME": "/usr"})
"#;

/// Another test that starts a program at this moment holds a copy of the descriptor through which this one's was written.
fn spawn_when_written(command: &mut Command) -> Child {
    for _ in 0..100 {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            spawned => return spawned.unwrap(),
        }
    }
    panic!("the program stays busy: {command:?}");
}

/// A process that holds sockets, until it is dropped.
pub struct Holder {
    child: Child,
    pub told: Value,
}

impl Holder {
    fn start(program: impl AsRef<OsStr>, args: &[&OsStr]) -> Holder {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn_when_written(&mut command);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Holder { child, told }
    }

    fn python(mode: &str, folder: &Path) -> Holder {
        Holder::start("python3", &["-c".as_ref(), HOLDER.as_ref(), mode.as_ref(), folder.as_os_str()])
    }

    pub fn inode(&self, name: &str) -> u64 {
        self.told[name].as_u64().unwrap_or_else(|| panic!("no {name} in {}", self.told))
    }

    fn pid(&self) -> u64 {
        self.inode("pid")
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one run of the collector gave.
pub struct Table {
    opened: PathBuf,
    pub rows: Vec<Value>,
    by_inode: BTreeMap<u64, Vec<usize>>,
    gaps: Vec<Value>,
}

impl Table {
    pub fn collect(desk: &Desk) -> Table {
        let ran =
            phi(["collect", "--quiet", "--json", "--no-tools", "--only", "sockets", "-r", &desk.recipient])
                .args([OsStr::new("-o"), desk.out().as_os_str()])
                .run();
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        Table::of_bundle(desk, &ran.json())
    }

    /// Of the bundle that `document` tells of.
    fn of_bundle(desk: &Desk, document: &Value) -> Table {
        let opened = desk.open(&Bundle::of(document));
        let rows = jsonl(&opened.join("data/live/sockets/sockets.jsonl"));
        let mut by_inode: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, row) in rows.iter().enumerate() {
            by_inode.entry(row["inode"].as_u64().unwrap()).or_default().push(at);
        }
        Table { opened, rows, by_inode, gaps: document["gaps"].as_array().unwrap().clone() }
    }

    /// The row of an inode. A socket of multipath TCP has a second row, of TCP, for the connection that it runs on: the
    /// kernel gives both the same inode.
    #[track_caller]
    pub fn of(&self, inode: u64) -> &Value {
        self.in_kind(inode, "mptcp")
    }

    /// The same, where there are two of the kind that is called so.
    #[track_caller]
    fn in_kind(&self, inode: u64, kind: &str) -> &Value {
        let found = self.by_inode.get(&inode).unwrap_or_else(|| panic!("no row of inode {inode}"));
        let rows: Vec<&Value> = found.iter().map(|at| &self.rows[*at]).collect();
        match rows.as_slice() {
            [row] => row,
            [one, other] => [one, other].into_iter().find(|row| row["protocol"] == kind).unwrap(),
            _ => panic!("{rows:?}"),
        }
    }

    fn namespaces(&self) -> Vec<Value> {
        jsonl(&self.opened.join("data/live/sockets/namespaces.jsonl"))
    }

    fn finding(&self, inode: u64) -> Option<Value> {
        self.findings().into_iter().find(|finding| finding["inode"] == inode)
    }

    fn findings(&self) -> Vec<Value> {
        let path = self.opened.join("data/live/sockets/findings.jsonl");
        if path.exists() { jsonl(&path) } else { Vec::new() }
    }
}

fn jsonl(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `ss` calls the kinds of sockets that it tells the inodes of.
const KINDS: [&str; 9] = ["tcp", "udp", "mptcp", "u_str", "u_dgr", "u_seq", "p_raw", "p_dgr", "v_str"];

/// The lines of `ss` that tell an inode, by that and their first word.
fn ss() -> BTreeMap<(u64, String), String> {
    let listed = tool("ss", &["-H", "-a", "-n", "-p", "-e", "-O"].map(OsStr::new)).code(0);
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // The name of a process that holds one may end the line: the rest of that is none.
        if !KINDS.iter().any(|kind| fields.first() == Some(kind)) {
            return None;
        }
        // A UNIX socket's inode stands where others have a port.
        let inode = if line.starts_with("u_") {
            let peer = fields.iter().rposition(|field| *field == "*")?;
            fields.get(peer - 1)?.parse().ok()
        } else {
            fields.iter().find_map(|field| field.strip_prefix("ino:"))?.parse().ok()
        };
        // Its columns are as wide as the widest of them, so that one long name moves all lines.
        Some(((inode?, (*fields.first()?).to_owned()), fields.join(" ")))
    };
    listed.stdout.lines().filter_map(of_line).filter(|((inode, _), _)| *inode != 0).collect()
}

/// Addresses as `ss` writes them: `127.0.0.1:80`, `[fe80::1]%lo:80`, `*:80`, `0.0.0.0:*`.
fn written(row: &Value, end: &str) -> String {
    let address = row[end].as_str();
    let any = if row["family"] == "inet" { "0.0.0.0" } else { "[::]" };
    let address = address.map_or(any.to_owned(), |address| {
        if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
    });
    let scope = row["interface_name"]
        .as_str()
        .filter(|_| end == "local")
        .map_or(String::new(), |name| format!("%{name}"));
    let port = row[format!("{end}_port")].as_u64().filter(|port| *port != 0);
    format!("{address}{scope}:{}", port.map_or("*".to_owned(), |port| port.to_string()))
}

/// Compares one line of `ss` with our row. Known differences: `ss` calls CLOSE and BOUND_INACTIVE `UNCONN`, writes states with `-` and
/// short, writes `*` for any address of IPv6 that takes IPv4 too, does not show a uid of 0, and prints an
/// abstract name as it is, newlines and all. It does not list ping and UDP-Lite sockets at all, tells no inode of raw and
/// netlink sockets, and lists those of netlink that listen to groups twice.
fn compare(line: &str, row: &Value) {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let short = |state: &str| match state {
        "ESTABLISHED" => "ESTAB".to_owned(),
        "CLOSE" | "BOUND_INACTIVE" => "UNCONN".to_owned(),
        "FIN_WAIT1" => "FIN-WAIT-1".to_owned(),
        "FIN_WAIT2" => "FIN-WAIT-2".to_owned(),
        other => other.replace('_', "-"),
    };
    // A packet socket has no state, which `ss` takes for unconnected.
    let state = row["state"].as_str().map_or("UNCONN".to_owned(), short);
    assert_eq!(fields[1], state, "{line}\n{row}");
    let queues = [("receive_queue", "pending"), ("send_queue", "backlog")];
    for (at, (queue, listening)) in queues.iter().enumerate() {
        let ours = row[queue].as_u64().or(row[listening].as_u64()).unwrap_or(0);
        // `ss` shows nothing in the send queue of a packet socket.
        if !(line.starts_with("p_") && at == 1) {
            assert_eq!(fields[2 + at], ours.to_string(), "{line}\n{row}");
        }
    }
    if line.starts_with("tcp") || line.starts_with("udp") || line.starts_with("mptcp") {
        let any = |field: &str| field.replace("*:", "[::]:");
        let same = |field: &str, ours: String| field == ours || any(field) == ours;
        assert!(same(fields[4], written(row, "local")), "{line}\n{row}");
        assert!(same(fields[5], written(row, "remote")), "{line}\n{row}");
        let uid = fields.iter().find_map(|field| field.strip_prefix("uid:")).unwrap_or("0");
        assert_eq!(row["uid"].as_u64().unwrap().to_string(), uid, "{line}\n{row}");
    }
    // Known difference: `ss` does not look at what one thread alone has open.
    let owners = row["owners"].as_array().unwrap().iter().filter(|owner| owner["tid"].is_null());
    for owner in owners.clone() {
        let wanted = format!("pid={},fd={})", owner["pid"], owner["fd"]);
        assert!(line.contains(&wanted), "{wanted}: {line}");
    }
    let users = line.matches("pid=").count();
    assert_eq!(owners.count(), users, "{line}\n{row}");
}

#[test]
fn every_socket_that_ss_shows_is_in_the_table_and_looks_the_same() {
    if !only_root("sockets of all kinds") {
        return;
    }
    let desk = Desk::new();
    let holder = Holder::python("all", desk.dir.path());
    let before = ss();
    let table = Table::collect(&desk);
    let after = ss();
    let mut compared = 0;
    for ((inode, kind), line) in before.iter().filter(|(key, line)| after.get(*key) == Some(line)) {
        compare(line, table.in_kind(*inode, kind));
        compared += 1;
    }
    assert!(compared >= 14, "ss showed only {compared} that held still");
    for name in [
        "tcp listen",
        "tcp connected",
        "tcp accepted",
        "tcp close wait",
        "tcp6 listen",
        "tcp bound",
        "tcp6 bound",
        "udp connected",
        "udplite",
        "udp6",
        "raw",
        "raw6",
        "packet",
        "netlink",
        "unix listen",
        "unix dgram",
        "unix abstract",
    ] {
        let row = table.of(holder.inode(name));
        let owners = row["owners"].as_array().unwrap();
        assert!(owners.iter().any(|owner| owner["pid"] == holder.pid()), "{name}: {row}");
        assert!(owners[0]["exe"].as_str().unwrap().contains("python3"), "{row}");
        assert!(owners[0]["start"].as_str().unwrap() < "2100", "{row}");
    }
    details(&holder, &table, desk.dir.path());
    // Another test hides a socket at the same time; of ours there is nothing to find.
    let own_pid = |owner: &Value| owner["pid"] == holder.pid();
    let is_own =
        |finding: &Value| finding["owners"].as_array().is_some_and(|owners| owners.iter().any(own_pid));
    let found: Vec<Value> = table.findings().into_iter().filter(is_own).collect();
    assert!(found.is_empty(), "{found:#?}");
    let own = table.namespaces().into_iter().find(|namespace| namespace["own"] == true).unwrap();
    assert_eq!(own["cross_view"], "agrees", "{own}");
    let asked = table.rows.iter().filter(|row| row["collector"] == true);
    assert!(asked.count() >= 1, "our own netlink socket is not marked");
}

/// What `ss` does not show, or shows in another way.
fn details(holder: &Holder, table: &Table, folder: &Path) {
    let of = |name| table.of(holder.inode(name));
    assert_eq!((&of("tcp listen")["backlog"], &of("tcp listen")["state"]), (&7.into(), &"LISTEN".into()));
    assert_eq!(
        (&of("tcp connected")["receive_queue"], &of("tcp connected")["bytes_received"]),
        (&5.into(), &5.into())
    );
    assert_eq!(of("tcp accepted")["bytes_acked"], 5);
    assert_eq!(of("tcp close wait")["state"], "CLOSE_WAIT");
    assert_eq!(of("tcp6 listen")["v6only"], true);
    let waits = |row: &&Value| {
        row["local_port"] == holder.told["time wait port"] && row["protocol"] == "tcp" && row["inode"] == 0
    };
    let waiting = table.rows.iter().find(waits).unwrap();
    assert!(["TIME_WAIT", "FIN_WAIT2"].contains(&waiting["state"].as_str().unwrap()), "{waiting}");
    assert_eq!(waiting["owners"], Value::Array(Vec::new()));
    assert_eq!((&of("raw")["protocol"], &of("raw")["protocol_number"]), (&"raw".into(), &1.into()));
    assert_eq!((&of("raw6")["family"], &of("raw6")["protocol_number"]), (&"inet6".into(), &58.into()));
    assert_eq!((&of("udp6")["family"], &of("udp6")["local"]), (&"inet6".into(), &"::1".into()));
    let packet = of("packet");
    assert_eq!((&packet["interface_name"], &packet["protocol_number"]), (&"lo".into(), &0x800.into()));
    assert_eq!(packet["filter_b64"], "BgAAAP//AAA=", "{packet}");
    let netlink = of("netlink");
    assert_eq!(netlink["local_port"], holder.told["netlink port"]);
    assert_eq!(
        (&netlink["protocol"], &netlink["groups"]),
        (&"kobject_uevent".into(), &serde_json::json!([1, 3]))
    );
    let path = format!("{}/a b.sock", folder.display());
    assert_eq!((&of("unix listen")["path"], &of("unix listen")["type"]), (&path.into(), &"stream".into()));
    assert_eq!(of("unix dgram")["peer_inode"], holder.told["unix dgram peer"]);
    let abstracted = of("unix abstract");
    let shown = format!("@phi-ir\\xff\\u{{1b}}\\u{{a}}{}", holder.pid());
    assert_eq!((&abstracted["path"], &abstracted["type"]), (&shown.into(), &"seqpacket".into()));
    assert!(abstracted["path_b64"].as_str().unwrap().starts_with("AHBoaS1pcv8b"), "{abstracted}");
    bound(holder, table);
    // They are in no table of the kernel's, and nothing is wrong with that.
    for name in ["tcp unbound", "udp unbound"] {
        assert_eq!(of(name)["via"], "descriptor", "{}", of(name));
    }
    if holder.told["mptcp"].is_u64() {
        assert_eq!((&of("mptcp")["protocol"], &of("mptcp")["backlog"]), (&"mptcp".into(), &2.into()));
    }
}

/// What is bound and neither listens nor is connected. Since Linux 6.8 the kernel lists it; `ss` asks for it only if told
/// to, and not before its version 6.8.
fn bound(holder: &Holder, table: &Table) {
    for name in ["tcp bound", "tcp6 bound"] {
        let row = table.of(holder.inode(name));
        match row["via"].as_str().unwrap() {
            "sock_diag" => assert_eq!(row["state"], "BOUND_INACTIVE", "{row}"),
            via => assert_eq!((via, &row["state"]), ("descriptor", &Value::Null), "{row}"),
        }
        assert!(row["local_port"].as_u64().is_some_and(|port| port > 0), "{row}");
    }
    let help = tool("ss", &["--help".as_ref()]).code(0);
    if !help.stdout.contains("--bound-inactive") {
        return crate::support::skipped("ss cannot be asked for sockets that are bound and inactive");
    }
    let listed = tool("ss", &["-H", "-n", "-e", "-O", "-t", "--bound-inactive"].map(OsStr::new)).code(0);
    for name in ["tcp bound", "tcp6 bound"] {
        let wanted = format!("ino:{}", holder.inode(name));
        let line = listed.stdout.lines().find(|line| line.split_whitespace().any(|field| field == wanted));
        compare(line.unwrap_or_else(|| panic!("{name}: {}", listed.stdout)), table.of(holder.inode(name)));
    }
}

/// A network namespace of a name, until it is dropped.
pub struct Namespace(pub String);

impl Namespace {
    pub fn new(what: &str) -> Namespace {
        let namespace = Namespace(format!("phi-ir-{what}-{}", std::process::id()));
        namespace.ip(&["netns", "add", &namespace.0]);
        namespace.ip(&["-n", &namespace.0, "link", "set", "lo", "up"]);
        namespace.ip(&["-n", &namespace.0, "addr", "add", "fe80::1/64", "dev", "lo", "nodad"]);
        namespace.ip(&["-n", &namespace.0, "route", "add", "192.0.2.0/24", "dev", "lo"]);
        // The group range is the namespace's own.
        let range = "echo 0 0 > /proc/sys/net/ipv4/ping_group_range";
        namespace.ip(&["netns", "exec", &namespace.0, "sh", "-c", range]);
        namespace
    }

    /// A process in it that holds sockets.
    pub fn holder(&self, mode: &str) -> Holder {
        Holder::start("ip", &["netns", "exec", &self.0, "python3", "-c", HOLDER, mode].map(OsStr::new))
    }

    fn ip(&self, args: &[&str]) {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        tool("ip", &args).code(0);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[test]
fn sockets_of_another_namespace_are_there_with_their_scope() {
    if !only_root("network namespaces") {
        return;
    }
    let desk = Desk::new();
    let namespace = Namespace::new("test");
    let holder = namespace.holder("elsewhere");
    let kept_open = fs::File::open(format!("/proc/{}/ns/net", holder.pid())).unwrap();
    let table = Table::collect(&desk);
    let inode = fs::metadata(format!("/proc/{}/ns/net", holder.pid()))
        .map(|stat| std::os::unix::fs::MetadataExt::ino(&stat));
    let inode = inode.unwrap();
    let found = table.namespaces().into_iter().find(|row| row["netns"] == inode).unwrap();
    assert_eq!(found["paths"], serde_json::json!([format!("/run/netns/{}", namespace.0)]));
    assert!(found["processes"].as_array().unwrap().iter().any(|process| process["pid"] == holder.pid()));
    let here = |holder: &Value| holder["pid"] == std::process::id() && holder["fd"] == kept_open.as_raw_fd();
    assert!(found["held_by"].as_array().unwrap().iter().any(here), "{found}");
    let tcp = table.of(holder.inode("tcp"));
    assert_eq!(
        (&tcp["netns"], &tcp["state"], &tcp["via"]),
        (&inode.into(), &"LISTEN".into(), &"sock_diag".into())
    );
    let scoped = table.of(holder.inode("scoped"));
    assert_eq!((&scoped["local"], &scoped["interface_name"]), (&"fe80::1".into(), &"lo".into()));
    let ping = table.of(holder.inode("ping"));
    assert_eq!(
        (&ping["protocol"], &ping["local_port"], &ping["via"]),
        (&"ping".into(), &77.into(), &"proc".into())
    );
    assert_eq!(ping["owners"][0]["pid"], holder.pid());
}

#[test]
fn programs_without_a_file_are_told_as_such() {
    if !only_root("other processes' programs") {
        return;
    }
    let desk = Desk::new();
    let python = fs::canonicalize("/usr/bin/python3").unwrap();
    let copy = desk.path("innocent");
    fs::copy(&python, &copy).unwrap();
    let deleted = Holder::start(&copy, &["-c", HOLDER, "small"].map(OsStr::new));
    fs::remove_file(&copy).unwrap();
    let from_memory =
        ["-c".as_ref(), FROM_MEMORY.as_ref(), python.as_os_str(), HOLDER.as_ref(), "small".as_ref()];
    let memory = Holder::start("python3", &from_memory);
    let table = Table::collect(&desk);
    let owner = &table.of(deleted.inode("tcp"))["owners"][0];
    assert_eq!((&owner["exe_deleted"], &owner["exe_memfd"]), (&true.into(), &Value::Null), "{owner}");
    assert_eq!(owner["exe"], format!("{} (deleted)", copy.display()));
    let owner = &table.of(memory.inode("tcp"))["owners"][0];
    assert_eq!((&owner["exe_deleted"], &owner["exe_memfd"]), (&true.into(), &true.into()), "{owner}");
    assert!(owner["command"].as_str().unwrap().starts_with("[kworker/0:1] -c"), "{owner}");
}

#[test]
fn a_socket_that_ought_to_be_listed_and_is_not_is_a_finding() {
    if !only_root("a namespace that nothing leads to") {
        return;
    }
    let desk = Desk::new();
    let holder = Holder::python("lost", desk.dir.path());
    let table = Table::collect(&desk);
    let row = table.of(holder.inode("unix"));
    assert_eq!(
        (&row["via"], &row["family"], &row["netns"]),
        (&"descriptor".into(), &"unix".into(), &Value::Null)
    );
    for name in ["unix", "tcp", "udp", "netlink"] {
        let finding = table.finding(holder.inode(name)).unwrap_or_else(|| panic!("no finding about {name}"));
        assert_eq!(
            (&finding["kind"], &finding["owners"][0]["pid"]),
            (&"unlisted_socket".into(), &holder.pid().into())
        );
    }
    assert!(!table.gaps.iter().any(is_unasked), "{:#?}", table.gaps);
    let gap = table.gaps.iter().find(|gap| gap["reason_code"] == "views_disagree").unwrap();
    assert_eq!(gap["outcome"], "inconclusive");
    let answers = jsonl(&table.opened.join("data/live/sockets/answers.jsonl"));
    let again = |answer: &&Value| answer["round"] == 2 && answer["question"] == "unix_diag";
    assert!(answers.iter().any(|answer| again(&answer)), "what was asked again is not in the capture");
}

/// Becomes the program that its arguments name, with pidfd_getfd(2) as on a kernel that has none.
const WITHOUT_PIDFD_GETFD: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
# Loads the number of the call; ENOSYS for 438, which it is on every processor.
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 438), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
wanted = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(program)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, wanted) == 0
assert libc.syscall(438, -1, -1, 0) == -1 and ctypes.get_errno() == 38
os.execv(sys.argv[1], sys.argv[1:])
"#;

fn is_unasked(gap: &Value) -> bool {
    gap["source"] == "sockets that only descriptors lead to"
}

#[test]
fn where_a_socket_cannot_be_asked_the_search_for_hidden_ones_does_not_end_silently() {
    if !only_root("a namespace that nothing leads to") {
        return;
    }
    let desk = Desk::new();
    let holder = Holder::python("lost", desk.dir.path());
    let program = Command::new("python3")
        .args([
            "-c",
            WITHOUT_PIDFD_GETFD,
            crate::support::PHI_IR,
            "collect",
            "--quiet",
            "--json",
            "--no-tools",
        ])
        .args(["--only", "sockets", "-r", &desk.recipient, "-o"])
        .arg(desk.out())
        .output()
        .unwrap();
    assert_eq!(program.status.code(), Some(3), "{}", String::from_utf8_lossy(&program.stderr));
    let table = Table::of_bundle(&desk, &serde_json::from_slice(&program.stdout).unwrap());
    for name in ["tcp", "udp", "netlink"] {
        assert!(table.finding(holder.inode(name)).is_none(), "{name} was asked after all");
        assert_eq!(table.of(holder.inode(name))["via"], "descriptor");
    }
    // This kind need not be asked.
    assert!(table.finding(holder.inode("unix")).is_some());
    let gap =
        table.gaps.iter().find(|gap| is_unasked(gap)).expect("nothing says that sockets were not asked");
    assert_eq!((&gap["outcome"], &gap["reason_code"]), (&"inconclusive".into(), &"unsupported".into()));
    let titles: Vec<Value> = entries(&table.opened).into_iter().map(|entry| entry["title"].clone()).collect();
    assert!(titles.contains(&"The search for hidden sockets".into()), "{titles:?}");
    let reason = gap["reason"].as_str().unwrap();
    let count: u64 = reason.split(' ').next().unwrap().parse().unwrap();
    assert!(count >= 3 && reason.contains("pidfd_getfd: Function not implemented"), "{reason}");
}

#[test]
fn a_listener_in_the_table_of_one_thread_has_its_owner() {
    if !only_root("threads of other processes") {
        return;
    }
    let desk = Desk::new();
    let holder = Holder::python("thread", desk.dir.path());
    let table = Table::collect(&desk);
    let row = table.of(holder.inode("tcp"));
    assert_eq!((&row["state"], &row["owner_unknown"]), (&"LISTEN".into(), &Value::Null), "{row}");
    let owner = &row["owners"][0];
    assert_eq!((&owner["pid"], &owner["tid"]), (&holder.pid().into(), &holder.told["tid"]), "{row}");
    assert!(owner["exe"].as_str().unwrap().contains("python3"), "{row}");
    let captured = jsonl(&table.opened.join("data/live/sockets/owners.jsonl"));
    let process = captured.iter().find(|process| process["pid"] == holder.pid()).unwrap();
    let wanted = serde_json::json!([holder.told["tid"], owner["fd"], holder.told["tcp"]]);
    assert!(process["thread_fds"].as_array().unwrap().contains(&wanted), "{process}");
}

#[test]
fn a_listener_that_nobody_holds_is_remarked() {
    if !only_root("other processes' descriptors") {
        return;
    }
    let desk = Desk::new();
    let holder = Holder::python("on its way", desk.dir.path());
    let table = Table::collect(&desk);
    let row = table.of(holder.inode("tcp"));
    assert_eq!((&row["owner_unknown"], &row["owners"]), (&true.into(), &Value::Array(Vec::new())), "{row}");
    assert!(table.finding(holder.inode("tcp")).is_none(), "it is a remark, not a finding");
    let entries = entries(&table.opened);
    let entry = entries.iter().find(|entry| {
        entry["member"].as_str().is_some_and(|member| member.ends_with("sockets/sockets.jsonl"))
    });
    let entry = entry.unwrap();
    assert_eq!((&entry["outcome"], &entry["reason_code"]), (&"collected".into(), &"remarkable".into()));
    assert!(
        entry["reason"].as_str().unwrap().contains("no process or thread that was seen holds"),
        "{entry}"
    );
}

#[test]
fn a_kind_that_the_kernel_does_not_list_is_found_by_its_descriptor_and_said_to_be_half_known() {
    if !only_root("vsock") {
        return;
    }
    let desk = Desk::new();
    let registered = fs::read_to_string("/proc/net/protocols").unwrap().contains("AF_VSOCK");
    if !registered {
        return crate::support::skipped("this kernel has no vsock");
    }
    let holder = Holder::python("vsock", desk.dir.path());
    let table = Table::collect(&desk);
    let row = table.of(holder.inode("vsock"));
    assert_eq!((&row["family"], &row["state"]), (&"vsock".into(), &"LISTEN".into()), "{row}");
    assert_eq!(
        (&row["local_cid"], &row["local_port"]),
        (&u32::MAX.into(), &holder.told["vsock port"]),
        "{row}"
    );
    assert_eq!(row["remote_port"], Value::Null, "{row}");
    assert_eq!(row["owners"][0]["pid"], holder.pid());
    let unbound = table.of(holder.inode("vsock unbound"));
    if unbound["via"] == "descriptor" {
        assert_eq!(
            (&unbound["local_cid"], &unbound["local_port"]),
            (&Value::Null, &Value::Null),
            "{unbound}"
        );
    }
    // A kernel that has vsock_diag lists it.
    let told = table.gaps.iter().any(|gap| gap["source"] == "vsock_diag" && gap["outcome"] == "inconclusive");
    assert_eq!(told, row["via"] == "descriptor", "{:#?}", table.gaps);
}

#[test]
fn without_privileges_what_was_not_seen_is_said() {
    let desk = Desk::new();
    let script = format!(
        "exec unshare --user --map-root-user {} collect --quiet --json --no-tools --only sockets -r {} -o {}",
        crate::support::PHI_IR,
        desk.recipient,
        desk.out().display()
    );
    let ran = tool("sh", &["-c".as_ref(), script.as_ref()]).code(3);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    let owners = gaps.iter().find(|gap| gap["source"] == "owners of sockets").expect("no gap of the owners");
    assert_eq!(owners["outcome"], "denied", "{owners}");
    let opened = desk.open(&Bundle::of(&document));
    // The kernel's tables of our own namespace are there all the same.
    assert!(!jsonl(&opened.join("data/live/sockets/sockets.jsonl")).is_empty());
    let told = entries(&opened);
    assert!(told.iter().any(|entry| entry["title"] == "Sockets, as the kernel answered"));
}
