//! In a user namespace of its own the program is root of nothing but that, and root's files have an owner without a
//! number.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Bundle, Desk, PHI_IR, Ran, entries, only_root, tool};

/// A desk that everybody can write to.
fn open_desk() -> Desk {
    let desk = Desk::new();
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.out(), fs::Permissions::from_mode(0o1777)).unwrap();
    desk
}

/// `collect` behind these words of a shell.
fn collect(desk: &Desk, before: &str, arguments: &str) -> (Ran, PathBuf) {
    let script = format!(
        "unset PHI_IR_CONFIG; exec {before} {PHI_IR} collect --json {arguments} -r {} -o {}",
        desk.recipient,
        desk.out().display()
    );
    let ran = tool("sh", &["-c".as_ref(), script.as_ref()]);
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    (ran, opened)
}

const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

#[test]
fn what_belongs_to_an_owner_without_a_number_is_called_that_and_procfs_is_read() {
    if !only_root("to be somebody else") {
        return;
    }
    let desk = open_desk();
    let (_, opened) = collect(&desk, &format!("{NOBODY} unshare -rn"), "--profile volatile");
    let all = entries(&opened);
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    for table in ["tcp", "udp", "unix", "dev"] {
        let path = format!("data/root/proc/net/{table}");
        assert!(fs::read(opened.join(&path)).is_ok_and(|bytes| !bytes.is_empty()), "{path}");
    }
    assert!(!fs::read(opened.join("data/root/proc/self/mountinfo")).unwrap().is_empty());
    // Every owner that is not ours has no number here: nobody can be said to be able to do anything.
    for entry in &all {
        let code = text(entry, "reason_code");
        assert!(!["untrusted_link", "tool_untrusted"].contains(&code.as_str()), "{entry:#}");
    }
    let unknown: Vec<&Value> = all.iter().filter(|entry| entry["reason_code"] == "owner_unknown").collect();
    let of_links = |entry: &&&Value| entry["outcome"] == "skipped" && entry["kind"] == "gap";
    assert!(unknown.iter().filter(of_links).count() >= 1, "{unknown:#?}");
    for entry in unknown.iter().filter(|entry| entry["kind"] != "derived") {
        assert!(!entry["source"]["display"].as_str().unwrap().starts_with("/proc"), "{entry:#}");
        assert!(text(entry, "reason").contains("not known in this user namespace"), "{entry:#}");
    }
    let tools: Vec<&Value> = all.iter().filter(|entry| text(entry, "step").starts_with("tool")).collect();
    let refused = |entry: &&&Value| entry["reason_code"] == "owner_unknown" && entry["outcome"] == "denied";
    assert!(tools.iter().filter(refused).count() >= 1, "{tools:#?}");
    assert!(tools.iter().all(|entry| entry["exit"].is_null()), "a program was run: {tools:#?}");
}

#[test]
fn the_namespace_that_keeps_audit_silent_is_the_one_that_is_named() {
    if !only_root("audit's own words") {
        return;
    }
    let user = fs::metadata("/proc/self/ns/user").unwrap().ino();
    assert_eq!(user, 0xEFFF_FFFD, "this test runs in a user namespace itself");
    let desk = open_desk();
    let (ran, opened) = collect(&desk, "unshare -r", "--only audit-state");
    let all = entries(&opened);
    let status = all.iter().find(|entry| entry["source"]["display"] == "netlink audit, AUDIT_GET").unwrap();
    let reason = status["reason"].as_str().unwrap();
    assert!(
        reason.contains("in another user namespace (") && !reason.contains("another network"),
        "{reason}"
    );
    assert!(ran.stderr.contains("root of a user namespace only"), "{}", ran.stderr);
    let (plain, _) = collect(&desk, "", "--only sessions-live");
    assert!(!plain.stderr.contains("user namespace"), "{}", plain.stderr);
    let (nobody, _) = collect(&desk, NOBODY, "--only sessions-live");
    assert!(
        nobody.stderr.contains("not root") && !nobody.stderr.contains("user namespace"),
        "{}",
        nobody.stderr
    );
}

/// A folder of tmux's in which a socket lies, and which is closed to all but root.
struct ClosedFolder {
    path: PathBuf,
    _socket: UnixListener,
}

impl ClosedFolder {
    fn new() -> ClosedFolder {
        let path = PathBuf::from(format!("/tmp/tmux-{}", 1_000_000_000 + std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let socket = UnixListener::bind(path.join("default")).unwrap();
        ClosedFolder { path, _socket: socket }
    }
}

impl Drop for ClosedFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Where something is empty and something else of the same step was refused: what the emptiness does not rest on.
/// Collector, what is empty (by title or source), what was refused, and why the one says nothing of the other.
const APART: [(&str, &str, &str, &str); 3] = [
    (
        "sockets",
        "tables of sockets",
        "owners of sockets",
        "whether a protocol has sockets is what the kernel counts, whoever holds them",
    ),
    (
        "processes",
        "/proc, getpriority(2)",
        "/proc/PID",
        "which processes there are is what a listing and calls tell, not what processes show of themselves",
    ),
    (
        "sessions-live",
        "Sessions that are open",
        "/",
        "sessions are seen in processes, logind's files and terminals, and not in sockets of multiplexers",
    ),
];

/// Whether what was refused cannot be why nothing was found.
fn is_apart(empty: &Value, refused: &Value) -> bool {
    let display = |entry: &Value| entry["source"]["display"].as_str().unwrap().to_owned();
    let (looked_for, closed) = (display(empty), display(refused));
    let listed = APART.iter().any(|(collector, what, other, _)| {
        let named = looked_for.starts_with(what) || empty["title"] == *what;
        empty["collector"] == *collector && named && closed.starts_with(other)
    });
    // Patterns of paths, and a path that lies neither above nor below the folders that they begin with.
    let is_path = |text: &str| text.starts_with('/');
    let elsewhere = looked_for.split_whitespace().all(|pattern| {
        let base = pattern.split(['*', '{', '?', '[']).next().unwrap_or_default();
        is_path(pattern) && !base.starts_with(&closed) && !closed.starts_with(base)
    });
    listed || (is_path(&closed) && elsewhere)
}

#[test]
fn nothing_is_proven_to_be_empty_where_something_was_refused() {
    if !only_root("to be somebody else") {
        return;
    }
    let closed = ClosedFolder::new();
    let desk = open_desk();
    let unshared = format!("{NOBODY} unshare -rn");
    let ways =
        [("nobody", NOBODY), ("root, unshare -r", "unshare -r"), ("nobody, unshare -rn", unshared.as_str())];
    for (who, before) in ways {
        let (_, opened) = collect(&desk, before, "--quiet --no-tools --profile full");
        let all = entries(&opened);
        let mut judged = 0;
        for empty in all.iter().filter(|entry| entry["outcome"] == "empty") {
            let refused = all.iter().filter(|entry| {
                let same = entry["collector"] == empty["collector"] && entry["step"] == empty["step"];
                let word = entry["outcome"].as_str().unwrap();
                same && ["denied", "skipped", "failed", "timed_out"].contains(&word)
            });
            for refused in refused {
                judged += 1;
                assert!(is_apart(empty, refused), "{who}: {empty:#}\nbeside {refused:#}");
            }
        }
        assert!(judged >= 2, "{who}: only {judged} pairs");
        let of = |what: &str| {
            all.iter().find(|e| e["collector"] == "sessions-live" && e["source"]["display"] == what)
        };
        if who.starts_with("nobody") {
            let folder = of(closed.path.to_str().unwrap());
            assert!(folder.is_some_and(|entry| entry["outcome"] == "denied"), "{who}: {folder:#?}");
            // Others may have sockets in places of their own meanwhile.
            let sockets = of("Sockets of terminal multiplexers").unwrap();
            let word = sockets["outcome"].as_str().unwrap();
            assert!(["inconclusive", "collected"].contains(&word), "{who}: {sockets:#}");
        }
    }
}
