//! A tree with everything in it that a file system can hold, as long as it stands still.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::dice::is_long;
use crate::support::{Bundle, PHI_IR, entries, only_root, phi};
use crate::tree_checks::{check_copies, check_listing, check_opened, check_sparse, listed, unchanging};
use crate::tree_zoo::Tree;

const WHAT: &str = "devices, file systems and filters of system calls";

/// (names in one folder, folders in each other)
fn size() -> (u32, u32) {
    if is_long() { (1_000_000, 10_000) } else { (100_000, 10_000) }
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
    assert!(counts["file"] > 100 && counts["sealed_earlier"] >= 100 && counts["sparse"] == 3, "{counts:?}");
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
    fs::set_permissions(&out, fs::Permissions::from_mode(0o1777)).unwrap();
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
        (of("open", &["--salvage", "--json", "-o", &salvaged]), 3),
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
        let columns = ["collector", "kind", "member", "outcome", "reason_code", "source", "sha256", "size"];
        let mut row: Vec<String> = columns.iter().map(|column| entry[column].to_string()).collect();
        if entry["collector"] == "phi-files" || entry["kind"] == "listing" || entry["kind"] == "derived" {
            // Rows tell of metadata, which an old kernel has less of; they are compared by themselves.
            row.truncate(6);
        }
        row.join(" ")
    };
    let kept = |entry: &&Value| {
        let framing = ["clock-start", "clock-end", "host", "invoker", "footprint", "settings"];
        !framing.contains(&entry["collector"].as_str().unwrap())
    };
    // Rotated logs come in the order of their births, where these are known.
    let mut all: Vec<String> = entries(opened).iter().filter(kept).map(of).collect();
    all.sort();
    all
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
        (said(&opened), rows_without(&opened, &["atime"]), rows_without(&opened, &newer))
    });
    assert!(runs[0].0.len() > 400 && runs[0].1.len() > 2300, "{} {}", runs[0].0.len(), runs[0].1.len());
    for (calls, run) in filters.iter().zip(&runs).skip(1) {
        let differ: Vec<_> =
            run.0.iter().zip(&runs[0].0).filter(|(one, other)| one != other).take(3).collect();
        assert!(differ.is_empty() && run.0.len() == runs[0].0.len(), "{calls:?}: {differ:#?}");
        assert_eq!(run.2, runs[0].2, "{calls:?}");
    }
    assert_eq!(runs[1].1, runs[0].1, "without openat2");
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
