//! What is checked of a bundle made of the hostile tree, against python's listing of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::Value;

use crate::tree_zoo::bytes;

/// How deep a walk goes.
const DEPTH: usize = 256;

/// The rows of a listing, by their exact paths.
pub fn listed(opened: &Path, folder: &str) -> BTreeMap<Vec<u8>, Value> {
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

pub fn path_of(row: &Value) -> Vec<u8> {
    bytes(&row["path"])
}

pub fn kind(row: &Value) -> u32 {
    u32::from_str_radix(row["mode"].as_str().unwrap(), 8).unwrap() & 0o170_000
}

const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const FILE: u32 = 0o100_000;

/// Whether a collector that copies was asked for it.
pub fn is_copied(row: &Value) -> bool {
    let path = path_of(row);
    let asked = [&b"/srv/zoo/"[..], b"/var/log/auth.log.", b"/home/alice/.bash_history"];
    asked.iter().any(|start| path.starts_with(start)) && kind(row) != FOLDER
}

/// What python's listing has and the PHI listing must have.
pub fn check_listing(opened: &Path, rows: &[Value], told: &[Value]) {
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
    let deep = told
        .iter()
        .find(|entry| entry["reason"].as_str().is_some_and(|words| words.starts_with("deeper than")))
        .expect("nobody says too deep");
    assert_eq!(depth(&bytes(&deep["source"]["path_b64"])), DEPTH);
}

/// What python's listing has and an entry must tell.
pub fn check_copies(opened: &Path, rows: &[Value], told: &[Value]) -> BTreeMap<&'static str, u32> {
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
                assert!(of.iter().any(is), "{shown}: {of:?}");
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
pub fn check_sparse(opened: &Path) {
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
pub fn check_opened(opened: &Path) -> usize {
    let (mut folders, mut names, mut count) = (vec![opened.to_owned()], BTreeMap::new(), 0);
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
            // Where case means nothing, folders that are twins become one; files must not, nor may a file be where
            // others need a folder.
            let lower = path.to_str().unwrap().to_lowercase();
            let twin = names.insert(lower, met.is_dir());
            assert!(twin.is_none() || (met.is_dir() && twin == Some(true)), "{path:?} is there twice");
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
pub fn unchanging(rows: &[Value]) -> Vec<String> {
    let without = |row: &Value| {
        let mut row = row.clone();
        if kind(&row) == LINK {
            row["times"][0] = Value::Null;
        }
        row.to_string()
    };
    rows.iter().map(without).collect()
}
