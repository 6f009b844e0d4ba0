//! A tree with everything in it that a file system can hold, as long as it stands still.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Bundle, PHI_IR, entries, only_root, phi};
use crate::tree_zoo::{Tree, bytes};

const WHAT: &str = "devices, file systems and filters of system calls";

/// How deep a walk goes.
const DEPTH: usize = 256;

/// (names in one folder, folders in each other)
fn size() -> (u32, u32) {
    if std::env::var_os("PHI_IR_LONG").is_some() { (1_000_000, 10_000) } else { (100_000, 10_000) }
}

/// The rows of a listing, by their exact paths.
fn listed(opened: &Path, folder: &str) -> BTreeMap<Vec<u8>, Value> {
    let mut rows = BTreeMap::new();
    let Ok(members) = fs::read_dir(opened.join("data/live").join(folder)) else { return rows };
    for member in members {
        let text = fs::read_to_string(member.unwrap().path()).unwrap();
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let path = match row.get("path_b64") {
                Some(exact) => bytes(exact),
                None => row["path"].as_str().unwrap().as_bytes().to_vec(),
            };
            assert!(rows.insert(path, row).is_none(), "a row is there twice: {line}");
        }
    }
    rows
}

fn path_of(row: &Value) -> Vec<u8> {
    bytes(&row["path"])
}

fn kind(row: &Value) -> u32 {
    u32::from_str_radix(row["mode"].as_str().unwrap(), 8).unwrap() & 0o170_000
}

const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const FILE: u32 = 0o100_000;

/// Whether a collector that copies was asked for it.
fn is_copied(row: &Value) -> bool {
    let path = path_of(row);
    let asked = [&b"/srv/zoo/"[..], b"/var/log/auth.log.", b"/home/alice/.bash_history"];
    asked.iter().any(|start| path.starts_with(start)) && kind(row) != FOLDER
}

/// What python's listing has and the PHI listing must have.
fn check_listing(opened: &Path, rows: &[Value], told: &[Value]) {
    let listing = listed(opened, "phi-files");
    let within = |path: &[u8]| path == b"/var/data/phi" || path.starts_with(b"/var/data/phi/");
    let depth = |path: &[u8]| path.iter().filter(|byte| **byte == b'/').count() - 3;
    let found: BTreeMap<Vec<u8>, &Value> = rows
        .iter()
        .map(|row| (path_of(row), row))
        .filter(|(path, _)| within(path) && depth(path) <= DEPTH)
        .collect();
    assert!(found.len() > 102_000, "python found only {}", found.len());
    let missing: Vec<_> = found.keys().filter(|path| !listing.contains_key(*path)).take(5).collect();
    let made_up: Vec<_> = listing.keys().filter(|path| !found.contains_key(*path)).take(5).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "missing {missing:?}, made up {made_up:?}");
    for (path, row) in &found {
        let ours = &listing[path];
        for column in ["ino", "nlink", "size", "mode"] {
            assert_eq!(ours[column], row[column], "{column} of {}", path.escape_ascii());
        }
        if kind(row) == LINK {
            let target =
                ours.get("target_b64").map_or_else(|| ours["target"].as_str().unwrap().into(), bytes);
            assert_eq!(target, bytes(&row["target"]), "{}", path.escape_ascii());
        }
        if let Some(sha256) = row.get("sha256") {
            assert_eq!(&ours["sha256"], sha256, "{}", path.escape_ascii());
        }
    }
    assert_eq!(listing[&b"/var/data/phi/sparse"[..]]["sha256_missing"], "sparse");
    let deep = told.iter().find(|entry| entry["reason_code"] == "too_deep").expect("nobody says too deep");
    assert_eq!(depth(&bytes(&deep["source"]["path_b64"])), DEPTH);
}

/// What python's listing has and an entry must tell.
fn check_copies(opened: &Path, rows: &[Value], told: &[Value]) -> BTreeMap<&'static str, u32> {
    let mut by_path: BTreeMap<Vec<u8>, Vec<&Value>> = BTreeMap::new();
    for entry in told.iter().filter(|entry| entry["source"]["path_b64"].is_string()) {
        by_path.entry(bytes(&entry["source"]["path_b64"])).or_default().push(entry);
    }
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| is_copied(row)) {
        let path = path_of(row);
        let shown = path.escape_ascii().to_string();
        let of = by_path.get(&path).unwrap_or_else(|| panic!("nothing tells of {shown}"));
        let sort = match kind(row) {
            LINK => {
                let is = |entry: &&Value| {
                    entry["kind"] == "link" && bytes(&entry["source"]["target_b64"]) == bytes(&row["target"])
                };
                assert!(of.iter().any(|entry| is(entry)), "{shown}: {of:?}");
                "link"
            }
            FILE if row["size"].as_u64().unwrap() > 1 << 30 => {
                assert!(of.iter().any(|entry| entry["outcome"] == "truncated"), "{shown}: {of:?}");
                "sparse"
            }
            FILE if of[0]["reason_code"] == "sealed_earlier" => {
                assert!(row["nlink"].as_u64() > Some(1), "{shown}: {of:?}");
                "sealed_earlier"
            }
            FILE => {
                let entry = of[0];
                assert_eq!(
                    (&entry["outcome"], &entry["kind"]),
                    (&"collected".into(), &"copy".into()),
                    "{entry}"
                );
                let member = fs::read(opened.join(entry["member"].as_str().unwrap())).unwrap();
                assert_eq!(member.len() as u64, row["size"].as_u64().unwrap());
                assert!(row.get("sha256").is_none_or(|sha256| *sha256 == entry["sha256"]), "{shown}");
                "file"
            }
            _ => {
                assert_eq!(of[0]["reason_code"], "special_file", "{shown}: {of:?}");
                "special"
            }
        };
        *counts.entry(sort).or_default() += 1;
    }
    counts
}

/// The data behind the hole is there, at its place.
fn check_sparse(opened: &Path) {
    let mut seen = 0;
    for member in fs::read_dir(opened.join("data/live/sparse")).unwrap() {
        let text = fs::read_to_string(member.unwrap().path()).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(
            rows[0]["offset"] == 4_u64 << 30 && bytes(&rows[0]["bytes_b64"]).starts_with(b"middle"),
            "{text}"
        );
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// Regular files and folders that only their owner reads, under names that every system takes, unique without regard to
/// case.
fn check_opened(opened: &Path) -> usize {
    let (mut folders, mut names, mut count) = (vec![opened.to_owned()], BTreeSet::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let met = path.symlink_metadata().unwrap();
            let mode = met.permissions().mode();
            let name = path.file_name().unwrap().to_str().unwrap();
            let stem = name.split('.').next().unwrap().to_lowercase();
            let device = ["con", "nul", "prn", "aux"].contains(&stem.as_str())
                || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
            let legal = |byte: u8| (b' '..0x7f).contains(&byte) && !b"<>:\"|?*\\".contains(&byte);
            assert!(name.bytes().all(legal) && !name.ends_with(['.', ' ']) && !device, "{path:?}");
            assert!(names.insert(path.to_str().unwrap().to_lowercase()), "{path:?} is there twice");
            if met.is_dir() {
                assert_eq!(mode & 0o7777, 0o700, "{path:?}");
                folders.push(path);
            } else {
                assert!(met.is_file() && met.nlink() == 1, "{path:?} is no file of its own");
                assert_eq!(mode & 0o7777, 0o600, "{path:?}");
            }
            count += 1;
        }
    }
    count
}

/// Everything but the access times of links, which reading where they lead changes whoever does it.
fn unchanging(rows: &[Value]) -> Vec<String> {
    let without = |row: &Value| {
        let mut row = row.clone();
        if kind(&row) == LINK {
            row["times"][0] = Value::Null;
        }
        row.to_string()
    };
    rows.iter().map(without).collect()
}

#[test]
fn everything_in_a_hostile_tree_has_its_outcome_and_nothing_of_it_changes() {
    if !only_root(WHAT) {
        return;
    }
    let (crowd, depth) = size();
    let tree = Tree::new(crowd, depth);
    let before = tree.rows();
    assert!(before.len() as u32 > crowd + depth);
    let mut args = tree.sealing(&tree.desk.out());
    args.extend(["--quiet", "--json"].map(str::to_owned));
    let ran = crate::workbench::measured(tree.desk.dir.path(), &[args]).remove(0);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let after = tree.rows();
    let (before_text, after_text) = (unchanging(&before), unchanging(&after));
    let differ: Vec<_> =
        before_text.iter().zip(&after_text).filter(|(one, other)| one != other).take(3).collect();
    assert!(before_text.len() == after_text.len() && differ.is_empty(), "{differ:?}");
    // Anybody else who looks does change it.
    fs::read(tree.root().join("srv/zoo/plain")).unwrap();
    fs::read_dir(tree.root().join("srv/zoo")).unwrap().count();
    let looked_at = tree.rows();
    let changed = unchanging(&looked_at).iter().zip(&after_text).filter(|(one, other)| one != other).count();
    assert_eq!(changed, 2, "the file system does not note who reads");
    println!("{} names in {:.1} s, {} MiB", before.len(), ran.seconds, ran.mebibytes);
    assert!(ran.mebibytes <= 64, "{} MiB", ran.mebibytes);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let bundle = Bundle::of(&document);
    tree.desk.verify(&bundle.sealed).run().code(0);
    let opened = tree.desk.open(&bundle);
    let told = entries(&opened);
    check_listing(&opened, &before, &told);
    let counts = check_copies(&opened, &before, &told);
    println!("{counts:?}");
    assert!(
        counts["file"] > 100 && counts["sealed_earlier"] >= 300 - 200 && counts["sparse"] == 3,
        "{counts:?}"
    );
    assert!(counts["link"] > 40 && counts["special"] > 12, "{counts:?}");
    check_sparse(&opened);
    assert!(check_opened(&opened) > 600);
    let text = fs::read(opened.join("plan.json")).unwrap();
    for file in [text, fs::read(&bundle.receipt).unwrap()] {
        assert!(!file.windows(9).any(|window| window == b"thesecret"));
    }
}

#[test]
fn a_closed_file_is_denied_to_nobody_and_read_by_root() {
    if !only_root(WHAT) {
        return;
    }
    let tree = Tree::new(10, 10);
    let out = tree.disk.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).unwrap();
    let above = tree.disk.path().parent().unwrap();
    fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
    let root = tree.root();
    let ran = phi([
        "collect",
        "--quiet",
        "--json",
        "-r",
        &tree.desk.recipient,
        "--only",
        "also",
        "--also",
        "/srv/zoo",
    ])
    .args(["--root".as_ref(), root.as_os_str(), "-o".as_ref(), out.as_os_str()])
    .by_nobody()
    .run()
    .code(3);
    let sealed = PathBuf::from(ran.json()["bundle"].as_str().unwrap());
    let bundle = Bundle { id: String::new(), receipt: sealed.clone(), sealed };
    let told = entries(&tree.desk.open(&bundle));
    for name in ["/srv/zoo/mode 000", "/srv/zoo/closed"] {
        assert_eq!(crate::support::entry_of(&told, name)["outcome"], "denied", "{name}");
    }
    assert_eq!(crate::support::entry_of(&told, "/srv/zoo/plain")["outcome"], "collected");
}

/// What of a hostile name acts on whoever shows it, in what came.
fn acts(came: &[u8]) -> Vec<&'static str> {
    let signs: [(&[u8], &str); 7] = [
        (b"\x1b]", "a title"),
        (b"\x1b[31m", "a colour"),
        (b"\x1b[7m", "reverse"),
        (b"\x07", "a bell"),
        ("\u{202e}".as_bytes(), "text that runs backwards"),
        ("\u{9b}".as_bytes(), "a control of eight bits"),
        (b"\nline", "a line of its own"),
    ];
    let mut found: Vec<&str> = signs
        .iter()
        .filter(|(sign, _)| came.windows(sign.len()).any(|at| at == *sign))
        .map(|(_, what)| *what)
        .collect();
    if std::str::from_utf8(came).is_err() {
        found.push("no UTF-8");
    }
    found
}

#[test]
fn no_name_acts_on_a_terminal() {
    if !only_root(WHAT) {
        return;
    }
    let tree = Tree::new(10, 300);
    let zoo = tree.root().join("srv/zoo");
    let (_, control) = tree.in_terminal(
        "ls",
        &["--literal".into(), "--show-control-chars".into(), zoo.to_str().unwrap().into()],
    );
    assert_eq!(acts(&control).len(), 8, "a terminal does get what acts: {:?}", acts(&control));
    let out = tree.desk.out();
    let (code, said) = tree.in_terminal(PHI_IR, &tree.sealing(&out));
    assert_eq!(code, 3, "{}", String::from_utf8_lossy(&said));
    let sealed = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let sealed = sealed.into_iter().find(|path| path.extension().is_some_and(|end| end == "age")).unwrap();
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let key = text(tree.desk.path("officer.key"));
    let of = |verb: &str, more: &[&str]| -> Vec<String> {
        let (sealed, key) = (text(sealed.clone()), key.clone());
        let more = more.iter().map(|word| (*word).to_owned());
        [verb.to_owned(), sealed, "-i".to_owned(), key].into_iter().chain(more).collect()
    };
    let (opened, salvaged) = (text(tree.desk.path("opened")), text(tree.desk.path("salvaged")));
    let mut runs = vec![
        (tree.collect("plan"), 0),
        ([tree.collect("plan"), vec!["--json".into()]].concat(), 0),
        ([tree.sealing(&out), vec!["--json".into()]].concat(), 3),
        (of("verify", &[]), 0),
        (of("verify", &["--json"]), 0),
        (of("open", &["-o", &opened]), 0),
        (of("open", &["--salvage", "--json", "-o", &salvaged]), 0),
    ];
    let mut all = said;
    for (args, expected) in runs.drain(..) {
        let (code, said) = tree.in_terminal(PHI_IR, &args);
        assert_eq!(code, expected, "{args:?}: {}", String::from_utf8_lossy(&said));
        all.extend(said);
    }
    assert!(acts(&all).is_empty(), "{:?}: {}", acts(&all), String::from_utf8_lossy(&all).escape_debug());
    assert!(all.len() > 2000, "next to nothing was said");
}

/// What a run says of each thing: all but when, and the salt.
fn said(opened: &Path) -> Vec<String> {
    let of = |entry: &Value| {
        let columns =
            ["collector", "kind", "member", "outcome", "reason", "reason_code", "source", "sha256", "size"];
        let mut row: Vec<String> = columns.iter().map(|column| entry[column].to_string()).collect();
        if entry["collector"] == "phi-files" || entry["kind"] == "listing" || entry["kind"] == "derived" {
            // Rows tell of metadata, which an old kernel has less of; they are compared by themselves.
            row.truncate(7);
        }
        row.join(" ")
    };
    let kept = |entry: &&Value| {
        let framing = ["clock-start", "clock-end", "host", "invoker", "footprint", "settings"];
        !framing.contains(&entry["collector"].as_str().unwrap())
    };
    entries(opened).iter().filter(kept).map(of).collect()
}

/// The rows of the PHI folders, without what only statx(2) tells.
fn rows_without(opened: &Path, columns: &[&str]) -> Vec<String> {
    let mut rows = listed(opened, "phi-files");
    for row in rows.values_mut() {
        columns.iter().for_each(|column| drop(row.as_object_mut().unwrap().remove(*column)));
    }
    rows.values().map(Value::to_string).collect()
}

#[test]
fn a_kernel_without_newer_calls_gives_the_same_evidence() {
    if !only_root(WHAT) {
        return;
    }
    let tree = Tree::new(10, 300);
    let newer = ["atime", "attributes", "btime", "mount_id"];
    // close_range(2), openat2(2), listxattrat(2): they have these numbers on every processor but alpha.
    let filters: [&[i64]; 3] = [&[], &[437], &[libc::SYS_statx, 436, 465]];
    let runs = filters.map(|calls| {
        let out = tree.desk.path(&format!("out-{}", calls.len()));
        fs::create_dir(&out).unwrap();
        let mut command = tree.without(calls);
        let ran = command
            .args(tree.sealing(&out))
            .args(["--quiet", "--json"])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        // 98: the filter does not hold.
        assert_eq!(ran.status.code(), Some(3), "{calls:?}: {}", String::from_utf8_lossy(&ran.stderr));
        let bundle = Bundle::of(&serde_json::from_slice(&ran.stdout).unwrap());
        tree.desk.verify(&bundle.sealed).run().code(0);
        let opened = tree.desk.open(&bundle);
        (said(&opened), rows_without(&opened, &[]), rows_without(&opened, &newer))
    });
    assert!(runs[0].0.len() > 400 && runs[0].1.len() > 2300, "{} {}", runs[0].0.len(), runs[0].1.len());
    for (calls, run) in filters.iter().zip(&runs).skip(1) {
        let differ: Vec<_> =
            run.0.iter().zip(&runs[0].0).filter(|(one, other)| one != other).take(3).collect();
        assert!(differ.is_empty() && run.0.len() == runs[0].0.len(), "{calls:?}: {differ:#?}");
        assert_eq!(run.2, runs[0].2, "{calls:?}");
    }
    assert_eq!(runs[1].1, runs[0].1);
    assert_ne!(runs[2].1, runs[0].1, "without statx nobody knows the births: the filter did not hold");
    // The one place where openat2 is used: to stay within /proc. Without it a table of processes is made all the same.
    let out = tree.desk.path("out-live");
    fs::create_dir(&out).unwrap();
    let args = ["collect", "--quiet", "--json", "-r", &tree.desk.recipient, "--only", "processes", "-o"];
    let ran = tree.without(&[437]).args(args).arg(&out).output().unwrap();
    let opened = tree.desk.open(&Bundle::of(&serde_json::from_slice(&ran.stdout).unwrap()));
    let told = entries(&opened);
    let table =
        told.iter().find(|entry| entry["collector"] == "processes" && entry["kind"] == "derived").unwrap();
    assert_eq!(table["outcome"], "collected");
}
