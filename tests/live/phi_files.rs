//! The listing of PHI folders on a real file system, beside `find`, `sha256sum`, and what setxattr(2) and `chattr` set.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};
use serde_json::Value;

use crate::daemons::AuditLock;
use crate::support::{Bundle, Desk, entries, only_root, phi, skipped};

/// A tree with everything that a name can be, and the bytes of names that nobody types.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut made = vec![root.to_owned()];
    let mut make = |name: &[u8], how: &dyn Fn(&Path)| {
        let path = root.join(OsStr::from_bytes(name));
        how(&path);
        made.push(path);
    };
    fs::create_dir(root).unwrap();
    for folder in ["a", "a-1", "empty", "2026", "2026/11", "sticky"] {
        make(folder.as_bytes(), &|path| fs::create_dir(path).unwrap());
    }
    let odd: [&[u8]; 8] = [
        b"new\nline",
        b"\x1b[31mred",
        b"\xff\xfe",
        b"back\\slash",
        b" ",
        "Ärzte \u{202e}txt.exe".as_bytes(),
        b"a.txt",
        &[b'n'; 255],
    ];
    for (number, name) in odd.iter().enumerate() {
        make(name, &|path| fs::write(path, vec![b'x'; number * 700]).unwrap());
    }
    for number in 0..600 {
        let name = format!("2026/11/record-{number}.txt");
        make(name.as_bytes(), &|path| fs::write(path, format!("made up {number}\n")).unwrap());
    }
    make(b"a/hard", &|path| fs::hard_link(root.join("a.txt"), path).unwrap());
    make(b"a/link", &|path| symlink("../a.txt", path).unwrap());
    make(b"a/dangling", &|path| symlink(OsStr::from_bytes(b"no\nwhere\xff"), path).unwrap());
    make(b"a/out", &|path| symlink("/etc", path).unwrap());
    let special = |kind, device| {
        move |path: &Path| mknodat(CWD, path, kind, Mode::from_raw_mode(0o640), device).unwrap()
    };
    make(b"a/fifo", &special(FileType::Fifo, 0));
    make(b"a/device", &special(FileType::CharacterDevice, makedev(1, 3)));
    make(b"a/socket", &|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()));
    make(b"a/sparse", &|path| fs::File::create(path).unwrap().set_len(1 << 32).unwrap());
    make(b"a/old", &|path| {
        let times =
            fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH).set_accessed(std::time::UNIX_EPOCH);
        fs::File::create(path).unwrap().set_times(times).unwrap();
    });
    make(b"a/before 1970", &|path| {
        let then = std::time::UNIX_EPOCH - std::time::Duration::new(86_400, 250_000_000);
        fs::File::create(path).unwrap().set_times(fs::FileTimes::new().set_modified(then)).unwrap();
    });
    make(b"a/setuid", &|path| {
        fs::write(path, b"").unwrap();
        chown(path, Some(u32::MAX - 1), Some(4711)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o6751)).unwrap();
    });
    fs::set_permissions(root.join("sticky"), fs::Permissions::from_mode(0o1777)).unwrap();
    made
}

/// Rows of all members, in their order.
fn rows(opened: &Path) -> Vec<Value> {
    let members = (1..).map(|part| opened.join(format!("data/live/phi-files/files-{part:06}.jsonl")));
    let texts = members.map_while(|member| fs::read_to_string(member).ok());
    texts
        .flat_map(|text| text.lines().map(|row| serde_json::from_str(row).unwrap()).collect::<Vec<_>>())
        .collect()
}

fn path_of(row: &Value) -> Vec<u8> {
    match row.get("path_b64") {
        Some(exact) => unbase64(exact.as_str().unwrap()),
        None => row["path"].as_str().unwrap().as_bytes().to_vec(),
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    let output = Command::new("sh").args(["-c", "printf %s \"$1\" | base64 -d", "-", text]).output().unwrap();
    output.stdout
}

fn collect(desk: &Desk, args: &[&OsStr]) -> Vec<Value> {
    let out = desk.out();
    let ran = phi(["collect", "--quiet", "--json", "--only", "phi-files", "-r", &desk.recipient])
        .args([OsStr::new("-o"), out.as_os_str()])
        .args(args)
        .run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    rows(&desk.open(&Bundle::of(&ran.json())))
}

/// What `find` says, by path: the columns of a row, as it would write them.
fn found(root: &Path) -> BTreeMap<Vec<u8>, BTreeMap<&'static str, String>> {
    let columns = [
        "path", "size", "mtime", "atime", "ctime", "kind", "mode", "uid", "gid", "ino", "nlink", "blocks",
        "target",
    ];
    let format = "%p\\0%s\\0%T@\\0%A@\\0%C@\\0%y\\0%m\\0%U\\0%G\\0%i\\0%n\\0%b\\0%l\\0";
    let output = Command::new("find").arg(root).args(["-printf", format]).output().unwrap();
    assert!(output.status.success());
    let cells: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
    let lines = cells.chunks_exact(columns.len());
    lines
        .map(|line| {
            let cell = |cell: &&[u8]| String::from_utf8_lossy(cell).into_owned();
            (line[0].to_vec(), columns.into_iter().zip(line.iter().map(cell)).skip(1).collect())
        })
        .collect()
}

/// A time of ours as `find` writes it: seconds since 1970 and ten digits behind the point.
fn as_find_writes(time: &Value) -> String {
    let output = Command::new("date").args(["-u", "+%s.%N", "-d", time.as_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (seconds, nanos) = text.trim().split_once('.').unwrap();
    // `find` writes what is before 1970 as a sum, too: -86401.7500000000 stands for 86401 s and 0.75 s before.
    format!("{seconds}.{nanos}0")
}

#[test]
fn every_field_is_what_find_says_and_no_access_time_changes() {
    if !only_root("devices and other people's files") {
        return;
    }
    let _lock = AuditLock::take();
    let desk = Desk::new();
    let root = desk.path("phi");
    let made = tree(&root);
    let access = |path: &PathBuf| {
        let met = fs::symlink_metadata(path).unwrap();
        // No kernel reads a link without its access time.
        (!met.is_symlink()).then(|| (path.clone(), met.atime(), met.atime_nsec()))
    };
    let before: Vec<_> = made.iter().filter_map(access).collect();
    let all = collect(&desk, &["--phi".as_ref(), root.as_os_str()]);
    assert_eq!(made.iter().filter_map(access).collect::<Vec<_>>(), before);
    assert_eq!(all.len(), made.len());
    let paths: Vec<Vec<u8>> = all.iter().map(path_of).collect();
    assert!(paths.is_sorted_by(|a, b| a < b));

    let theirs = found(&root);
    assert!(theirs.len() >= 600, "find found {}", theirs.len());
    for row in &all {
        let path = path_of(row);
        let theirs = theirs.get(&path).unwrap_or_else(|| panic!("only ours: {row}"));
        for (ours, name) in [
            ("size", "size"),
            ("uid", "uid"),
            ("gid", "gid"),
            ("ino", "ino"),
            ("nlink", "nlink"),
            ("blocks", "blocks"),
        ] {
            assert_eq!(row[ours].to_string(), theirs[name], "{ours} of {row}");
        }
        let mode = u32::from_str_radix(row["mode"].as_str().unwrap(), 8).unwrap();
        assert_eq!(format!("{:o}", mode & 0o7777), theirs["mode"], "{row}");
        let kinds = [("f", 8), ("d", 4), ("l", 10), ("p", 1), ("s", 12), ("c", 2)];
        assert!(kinds.contains(&(theirs["kind"].as_str(), mode >> 12)), "{row}");
        let is_link = theirs["kind"] == "l";
        let target = row.get("target_b64").map_or_else(
            || row["target"].as_str().unwrap_or_default().as_bytes().to_vec(),
            |exact| unbase64(exact.as_str().unwrap()),
        );
        assert_eq!(String::from_utf8_lossy(&target), theirs["target"], "{row}");
        // Six hundred of the same kind need not all be asked of `date`.
        if !path.ends_with(b"0.txt") && path.windows(7).any(|part| part == b"record-") {
            continue;
        }
        for time in ["mtime", "ctime", "atime"] {
            if !is_link || time != "atime" {
                assert_eq!(as_find_writes(&row[time]), theirs[time], "{time} of {row}");
            }
        }
    }
}

#[test]
fn what_changed_in_the_window_has_the_digest_that_sha256sum_gives_and_nothing_else_has() {
    if !only_root("the live file system, as a responder has it") {
        return;
    }
    let _lock = AuditLock::take();
    let desk = Desk::new();
    let root = desk.path("phi");
    tree(&root);
    std::thread::sleep(std::time::Duration::from_millis(30));
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%NZ"]).output().unwrap();
    let since = String::from_utf8(output.stdout).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(30));
    for number in 0..50 {
        fs::write(root.join(format!("2026/11/record-{number}.txt")), format!("changed {number}\n")).unwrap();
    }
    // Its owner puts the time of its content back; that its metadata changed just now stays.
    let back = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    fs::File::options().write(true).open(root.join("a/old")).unwrap().set_times(back).unwrap();
    fs::set_permissions(root.join("a/fifo"), fs::Permissions::from_mode(0o600)).unwrap();
    let all =
        collect(&desk, &["--phi".as_ref(), root.as_os_str(), "--since".as_ref(), since.trim().as_ref()]);
    let mut hashed = 0;
    for row in &all {
        let path = path_of(row);
        let Some(digest) = row.get("sha256") else {
            assert!(row.get("sha256_missing").is_none(), "{row}");
            continue;
        };
        hashed += 1;
        let output = Command::new("sha256sum").arg("-z").arg(OsStr::from_bytes(&path)).output().unwrap();
        assert_eq!(digest.as_str().unwrap().as_bytes(), &output.stdout[..64], "{row}");
    }
    assert_eq!(hashed, 51);
}

#[test]
fn attributes_and_names_of_extended_attributes_are_told() {
    if !only_root("chattr +i") {
        return;
    }
    let _lock = AuditLock::take();
    let desk = Desk::new();
    let root = desk.path("phi");
    fs::create_dir_all(root.join("folder")).unwrap();
    for name in ["plain", "listed", "marked", "fixed", "grows", "odd"] {
        fs::write(root.join(name), name).unwrap();
    }
    symlink("marked", root.join("link")).unwrap();
    let set = |name: &str, attribute: &[u8], value: &[u8]| {
        setxattr(root.join(name), attribute, value, XattrFlags::empty())
    };
    // Version 2; each entry is tag, permissions, id: owner rw, user 12 r, group r, mask r, others nothing (acl(5)).
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(1_u16, 6_u16, u32::MAX), (2, 4, 12), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
    {
        acl.extend_from_slice(&tag.to_le_bytes());
        acl.extend_from_slice(&permissions.to_le_bytes());
        acl.extend_from_slice(&id.to_le_bytes());
    }
    if set("marked", b"user.origin", b"ward 3").is_err() {
        return skipped("this file system has no extended attributes");
    }
    let listed = set("listed", b"system.posix_acl_access", &acl).is_ok();
    set("odd", b"user.\xff\n", b"").unwrap();
    set("folder", b"user.folder", b"").unwrap();
    let chattr = |how: &str, name: &str| {
        Command::new("chattr").arg(how).arg(root.join(name)).status().is_ok_and(|status| status.success())
    };
    let fixed = chattr("+i", "fixed") && chattr("+a", "grows");
    let all = collect(&desk, &["--phi".as_ref(), root.as_os_str()]);
    assert!(chattr("-i", "fixed") && chattr("-a", "grows") || !fixed);

    let row =
        |name: &str| all.iter().find(|row| path_of(row).ends_with(format!("/{name}").as_bytes())).unwrap();
    if fixed {
        assert_eq!(row("fixed")["attributes"], serde_json::json!(["immutable"]));
        assert_eq!(row("grows")["attributes"], serde_json::json!(["append"]));
    } else {
        skipped("this file system has no immutable files");
    }
    assert!(row("plain").get("attributes").is_none());
    if row("folder").get("xattrs_missing").is_some() {
        // Somebody has loaded audit rules: folders are not asked then.
        assert_eq!(row("folder")["xattrs_missing"], "audit_budget");
        return skipped(
            "audit rules are loaded on this machine, so that extended attributes are not asked for",
        );
    }
    assert_eq!(row("marked")["xattrs"], serde_json::json!(["user.origin"]));
    assert_eq!(row("folder")["xattrs"], serde_json::json!(["user.folder"]));
    assert_eq!(row("link")["xattrs"], serde_json::json!([]));
    assert_eq!(row("odd")["xattrs"], serde_json::json!(["user.\\xff\\u{a}"]));
    assert_eq!(unbase64(row("odd")["xattrs_b64"][0].as_str().unwrap()), b"user.\xff\n");
    if listed {
        assert_eq!(row("listed")["xattrs"], serde_json::json!(["system.posix_acl_access"]));
    } else {
        skipped("this file system has no access control lists");
    }
    assert_eq!(row("plain")["xattrs"], serde_json::json!([]));
}

/// Folders that lie in one another, in any order: each member is sorted by whole paths, each folder begins one, and
/// nothing is there twice or not at all.
#[test]
fn folders_in_folders_are_listed_once_and_each_member_is_sorted() {
    let desk = Desk::new();
    for folder in ["z", "b/c", "b/d", "b-c", "outside"] {
        fs::create_dir_all(desk.path(folder)).unwrap();
        fs::write(desk.path(folder).join("record"), "made up").unwrap();
    }
    symlink(desk.path("outside"), desk.path("b/link")).unwrap();
    symlink(desk.path("b/d"), desk.path("a")).unwrap();
    let out = desk.out();
    let mut command = phi(["collect", "--quiet", "--json", "--only", "phi-files", "-r", &desk.recipient])
        .args([OsStr::new("-o"), out.as_os_str()]);
    for folder in ["z", "b", "b/c", "b/link", "a", "b-c"] {
        command = command.args([OsStr::new("--phi"), desk.path(folder).as_os_str()]);
    }
    let ran = command.run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let member = |part: u32| -> Option<Vec<String>> {
        let text =
            fs::read_to_string(opened.join(format!("data/live/phi-files/files-{part:06}.jsonl"))).ok()?;
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Some(rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect())
    };
    let members: Vec<Vec<String>> = (1..).map_while(member).collect();
    let expected = [
        &["b", "b/c", "b/c/record", "b/d", "b/d/record", "b/link"][..],
        &["b-c", "b-c/record"],
        &["b/link", "b/link/record"],
        &["z", "z/record"],
    ];
    let whole = |names: &&[&str]| -> Vec<String> {
        names.iter().map(|name| desk.path(name).display().to_string()).collect()
    };
    assert_eq!(members, expected.iter().map(whole).collect::<Vec<_>>());
    let told = entries(&opened);
    let of = |name: &str| {
        told.iter().filter(|e| e["source"]["display"] == desk.path(name).display().to_string()).count()
    };
    assert_eq!((of("a"), of("b/c")), (1, 0), "{told:#?}");
}
