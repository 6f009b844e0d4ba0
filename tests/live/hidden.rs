//! Processes and network namespaces that somebody hides from whoever reads /proc, and what keeps ourselves from seeing
//! everybody: nothing of it may look as if there were nothing.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Bundle, Desk, PHI_IR, entries, only_root, tool};

/// Listens, tells what the test wants to know, and ends after a minute.
const LISTENER: &str = "
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
def listen():
    made = socket.socket()
    made.bind(('127.0.0.1', 0))
    made.listen(1)
    print(os.fstat(made.fileno()).st_ino, os.stat('/proc/thread-self/ns/net').st_ino, threading.get_native_id(), flush=True)
    return made
def in_a_thread():
    if sys.argv[1] == 'apart':
        libc.unshare(0x40000000)
    made = listen()
    libc.sleep(60)
if sys.argv[1] == 'plain':
    made = listen()
else:
    threading.Thread(target=in_a_thread, daemon=True).start()
if sys.argv[1] == 'headless':
    # Only the first thread ends: the process runs on, and its folder in /proc has no descriptors any more.
    libc.syscall({'x86_64': 60}.get(os.uname().machine, 93), 0)
time.sleep(60)
";

struct Listener {
    child: Child,
    socket: u64,
    namespace: u64,
    thread: u64,
}

impl Listener {
    fn start(mode: &str) -> Listener {
        let mut command = Command::new("python3");
        command.args(["-c", LISTENER, mode]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Vec<u64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        Listener { child, socket: told[0], namespace: told[1], thread: told[2] }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What one collection gave.
struct Collected {
    opened: PathBuf,
    told: Value,
}

impl Collected {
    fn rows(&self, member: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.opened.join("data/live").join(member)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The row of what has this number in a column.
    #[track_caller]
    fn row(&self, member: &str, column: &str, number: u64) -> Value {
        let found = self.rows(member).into_iter().find(|row| row[column] == number);
        found.unwrap_or_else(|| panic!("no row of {column} {number} in {member}"))
    }

    fn finding(&self, pid: u32) -> Value {
        self.row("processes/findings.jsonl", "pid", pid.into())
    }

    fn gaps(&self, words: &str) -> Vec<Value> {
        let gaps = self.told["gaps"].as_array().unwrap().iter();
        gaps.filter(|gap| gap["reason"].as_str().unwrap().contains(words)).cloned().collect()
    }
}

/// Collects within a mount namespace of its own, after a shell has done `before`; `through` begins the program.
fn collect_after(desk: &Desk, unshare: &[&str], before: &str, through: &str, what: &str) -> Collected {
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.out(), fs::Permissions::from_mode(0o1777)).unwrap();
    let script = format!(
        "{before}\nexec {through} env -u PHI_IR_CONFIG {PHI_IR} collect --quiet --json --no-tools {what} -r {} -o {}",
        desk.recipient,
        desk.out().display()
    );
    let mut args = vec!["--mount"];
    args.extend(unshare);
    args.extend(["sh", "-e", "-c", &script]);
    let args: Vec<&OsStr> = args.into_iter().map(OsStr::new).collect();
    let ran = tool("unshare", &args);
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    let told = ran.json();
    Collected { opened: desk.open(&Bundle::of(&told)), told }
}

const NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

/// An empty folder laid over the one of the first process, another process's over that of the second, and an empty one
/// over the descriptors of the third.
fn covering(desk: &Desk, of: &[Listener; 3]) -> String {
    let empty = desk.path("empty");
    fs::create_dir_all(&empty).unwrap();
    let empty = empty.display();
    let [first, second, third] = of.each_ref().map(Listener::pid);
    format!(
        "mount --bind {empty} /proc/{first}\nmount --bind /proc/{} /proc/{second}\nmount --bind {empty} /proc/{third}/fd",
        std::process::id()
    )
}

#[test]
fn root_sees_past_mounts_that_cover_processes_and_says_that_they_are_there() {
    if !only_root("mounting over /proc") {
        return;
    }
    let listeners = ["plain", "plain", "plain"].map(Listener::start);
    let desk = Desk::new();
    let what = "--only processes --only sockets --only process-files";
    let collected = collect_after(&desk, &[], &covering(&desk, &listeners), "", what);
    for listener in &listeners {
        let row = collected.row("processes/processes.jsonl", "pid", listener.pid().into());
        assert_eq!((&row["comm"], &row["vanished"]), (&"python3".into(), &Value::Null), "{row:#}");
        assert_eq!(row["tgid"], Value::Null, "{row:#}");
        assert!(row["flags"].as_array().unwrap().contains(&"covered".into()), "{row:#}");
        let finding = collected.finding(listener.pid());
        assert_eq!((&finding["finding"], &finding["reachable"]), (&"covered".into(), &true.into()));
        assert_eq!(finding["seen_in"], serde_json::json!(["mountinfo"]));
        let socket = collected.row("sockets/sockets.jsonl", "inode", listener.socket);
        assert_eq!(socket["owners"][0]["pid"], listener.pid(), "{socket:#}");
    }
    // Their program is found through them, and, if only they run it, read through them.
    let files = collected.rows("process-files/executables.jsonl");
    let runs = |row: &&Value| row["pids"].as_array().unwrap().contains(&listeners[0].pid().into());
    let program = files.iter().find(runs).expect("nobody runs the listener's program");
    assert!(program["sha256"].is_string(), "{program:#}");
    let gaps = collected.gaps("is covered by a mount");
    assert_eq!(gaps[0]["reason_code"], "views_disagree");
    assert!(gaps[0]["reason"].as_str().unwrap().contains(&listeners[0].pid().to_string()));
    assert!(collected.gaps("could not be read past").is_empty());
}

#[test]
fn who_cannot_see_past_such_a_mount_takes_nobody_for_the_process_and_does_not_say_that_it_ended() {
    if !only_root("mounting over /proc") {
        return;
    }
    let listeners = ["plain", "plain", "plain"].map(Listener::start);
    let desk = Desk::new();
    let what = "--only processes --only sockets --only sessions-live --only process-files";
    let collected = collect_after(&desk, &[], &covering(&desk, &listeners), NOBODY, what);
    for listener in &listeners {
        let row = collected.row("processes/processes.jsonl", "pid", listener.pid().into());
        assert_eq!((&row["comm"], &row["vanished"]), (&Value::Null, &Value::Null), "{row:#}");
        assert!(row["unread"]["stat"].as_str().unwrap().contains("covered by a mount"), "{row:#}");
        let finding = collected.finding(listener.pid());
        assert_eq!((&finding["finding"], &finding["reachable"]), (&"covered".into(), &Value::Null));
    }
    assert!(!collected.gaps("could not be read past").is_empty());
    let of = |gap: &Value, collector: &str| {
        gap["collector"] == collector && gap["reason_code"] == "views_disagree"
    };
    let gaps = collected.told["gaps"].as_array().unwrap();
    for collector in ["processes", "sockets", "process-files"] {
        assert!(gaps.iter().any(|gap| of(gap, collector)), "{collector}: {gaps:#?}");
    }
}

/// What an entry says that is `empty` because nobody does something, in any collector.
const PROOFS: [&str; 4] =
    ["every process", "all processes", "answered in full", "the processes that could be looked at show none"];

/// Collectors that look through processes.
const LOOKING: [&str; 6] = ["sockets", "routes", "firewall", "processes", "process-files", "sessions-live"];

fn looking() -> String {
    LOOKING.map(|collector| format!("--only {collector}")).join(" ")
}

#[track_caller]
fn claims_nothing(collected: &Collected, why: &str) {
    let all = entries(&collected.opened);
    for entry in all.iter().filter(|entry| entry["outcome"] == "empty") {
        let reason = entry["reason"].as_str().unwrap();
        assert!(!PROOFS.iter().any(|proof| reason.contains(proof)), "{entry:#}");
    }
    for collector in LOOKING {
        let gaps = collected.gaps(why);
        let of = gaps.iter().filter(|gap| gap["collector"] == collector && gap["source"] == "all processes");
        assert_eq!(of.count(), 1, "{collector}: {gaps:#?}");
    }
}

#[test]
fn where_proc_hides_processes_no_collector_says_that_there_are_none() {
    if !only_root("mounting /proc") {
        return;
    }
    let desk = Desk::new();
    let hide = "mount -t proc -o hidepid=2 proc /proc";
    let collected = collect_after(&desk, &[], hide, NOBODY, &looking());
    claims_nothing(&collected, "hidepid=");
    // Nobody but root of the whole machine sees past it.
    let desk = Desk::new();
    let confined =
        collect_after(&desk, &[], hide, &format!("{NOBODY} unshare --user --map-root-user"), &looking());
    claims_nothing(&confined, "hidepid=");
    // Root does, by /proc itself or past it.
    let desk = Desk::new();
    let root = collect_after(&desk, &[], hide, "", &looking());
    assert!(root.gaps("hidepid=").is_empty(), "{:#}", root.told["gaps"]);
}

#[test]
fn in_a_pid_namespace_no_collector_speaks_of_the_whole_machine() {
    if !only_root("a pid namespace") {
        return;
    }
    let desk = Desk::new();
    let collected = collect_after(&desk, &["--pid", "--fork", "--mount-proc"], ":", "", &looking());
    claims_nothing(&collected, "pid namespace of its own");
    // The /proc of the machine shows more than the namespace: it is read, and what it is is said.
    let desk = Desk::new();
    let listener = Listener::start("plain");
    let outer = collect_after(&desk, &["--pid", "--fork"], ":", "", &looking());
    claims_nothing(&outer, "another pid namespace");
    outer.row("processes/processes.jsonl", "pid", listener.pid().into());
    // A /proc that shows less, laid over it, is not what root reads.
    let desk = Desk::new();
    let lay = "unshare --pid --fork sh -c 'mount -t proc proc /proc; exec sleep 5' >/dev/null 2>&1 &\n\
               while [ -e /proc/2 ]; do sleep 0.1; done";
    let over = collect_after(&desk, &[], lay, "", &looking());
    claims_nothing(&over, "another pid namespace");
    over.row("processes/processes.jsonl", "pid", listener.pid().into());
}

#[test]
fn a_thread_s_own_namespace_is_asked_and_a_process_without_its_first_thread_has_its_sockets() {
    if !only_root("network namespaces") {
        return;
    }
    let (apart, headless) = (Listener::start("apart"), Listener::start("headless"));
    let stat = format!("/proc/{}/stat", headless.pid());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let desk = Desk::new();
    let collected = collect_after(&desk, &[], ":", "", "--only sockets --only routes");
    let row = collected.row("sockets/namespaces.jsonl", "netns", apart.namespace);
    // A run of another test may be in it with a thread at this moment, to ask.
    let wanted = serde_json::json!({"pid": apart.pid(), "thread": apart.thread});
    assert!(row["threads"].as_array().unwrap().contains(&wanted), "{row:#}");
    assert_eq!(row["processes"], serde_json::json!([]), "{row:#}");
    let row = collected.row("routes/namespaces.jsonl", "netns", apart.namespace);
    assert!(row["threads"].as_array().unwrap().contains(&wanted), "{row:#}");
    let socket = collected.row("sockets/sockets.jsonl", "inode", apart.socket);
    assert_eq!(
        (&socket["netns"], &socket["via"]),
        (&apart.namespace.into(), &"sock_diag".into()),
        "{socket:#}"
    );
    assert_eq!(socket["owners"][0]["pid"], apart.pid(), "{socket:#}");
    let links = collected.rows("routes/links.jsonl");
    assert!(links.iter().any(|link| link["netns"] == apart.namespace));
    let socket = collected.row("sockets/sockets.jsonl", "inode", headless.socket);
    assert_eq!(socket["owners"][0]["pid"], headless.pid(), "{socket:#}");
}

#[test]
fn while_a_socket_lies_in_a_namespace_that_was_not_found_none_is_said_to_be_answered_for() {
    if !only_root("network namespaces") {
        return;
    }
    let script = "import ctypes, os, socket, sys\nlibc = ctypes.CDLL(None)\nhome = os.open('/proc/self/ns/net', 0)\n\
        libc.unshare(0x40000000)\nmade = socket.socket(socket.AF_UNIX)\nmade.bind(b'\\0unfound' + str(os.getpid()).encode())\n\
        libc.setns(home, 0x40000000)\nos.close(home)\nprint(flush=True)\nsys.stdin.read()";
    let mut command = Command::new("python3");
    let mut child =
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let desk = Desk::new();
    let collected = collect_after(&desk, &[], ":", "", "--only sockets --only routes --only firewall");
    child.kill().unwrap();
    child.wait().unwrap();
    let all = entries(&collected.opened);
    let claims = |entry: &&Value| {
        entry["outcome"] == "empty" && entry["reason"].as_str().unwrap().contains("answered in full")
    };
    assert!(!all.iter().any(|entry| claims(&entry)), "{:#?}", all.iter().find(claims));
    for collector in ["routes", "firewall"] {
        let gaps = collected.gaps("may lie in one that was not found");
        assert!(gaps.iter().any(|gap| gap["collector"] == collector), "{collector}: {gaps:#?}");
    }
    assert!(Path::new(&collected.opened).join("data/live/sockets/findings.jsonl").exists());
}
