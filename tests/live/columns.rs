//! Every name that stands in what the native collectors write is explained in docs/tables.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;

use crate::support::{Bundle, Desk, entries, only_root, phi};

/// Objects whose keys are data: files, attribute numbers, lines of a kernel message, times, variables of os-release, and
/// flags, which the section on what is odd explains.
const KEYED_BY_DATA: [&str; 6] = ["unread", "other", "fields", "unix", "os_release", "findings"];

/// What stands between backticks, part by part, in the section of a collector and in what all sections share.
fn explained(collector: &str) -> BTreeSet<String> {
    let document = fs::read_to_string("docs/tables.md").unwrap();
    let mut own = 0;
    let mut words = BTreeSet::new();
    for (number, section) in document.split("\n## ").enumerate() {
        let heading = section.lines().next().unwrap();
        let of_it = heading.split(", ").any(|id| id == collector);
        own += usize::from(of_it);
        if number == 0 || of_it {
            let spans = section.split('`').skip(1).step_by(2);
            let parts = spans.flat_map(|span| span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
            words.extend(parts.map(str::to_owned));
        }
    }
    assert_eq!(own, 1, "docs/tables.md has {own} sections on {collector}");
    words
}

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                found.insert(key.clone());
                if !KEYED_BY_DATA.contains(&key.as_str()) {
                    keys(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

/// The exact form of an escaped text, and the number of a named interface, are explained once for all; the number of a
/// descriptor, under which what it leads to stands, needs no word.
fn is_explained(key: &str, words: &BTreeSet<String>) -> bool {
    if key.parse::<u32>().is_ok() {
        return true;
    }
    let bases = ["_b64", "_index"].iter().filter_map(|end| key.strip_suffix(end));
    words.contains(key) || bases.into_iter().any(|base| words.contains(base))
}

#[test]
fn every_name_in_a_native_table_is_explained() {
    if !only_root("what only root is told has columns too") {
        return;
    }
    let desk = Desk::new();
    let ran = phi(["collect", "--quiet", "--json", "--no-tools", "--profile", "full", "-r", &desk.recipient])
        .args([
            std::ffi::OsStr::new("-o"),
            desk.out().as_os_str(),
            "--phi".as_ref(),
            "/usr/share/doc/bash".as_ref(),
        ])
        .run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let own = fs::metadata("/proc/self/ns/net").unwrap().ino();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in entries(&opened).iter().filter(|entry| entry["step"] == "native") {
        let Some(member) = entry["member"].as_str() else { continue };
        let Ok(text) = fs::read_to_string(opened.join(member)) else { continue };
        let keys_of = found.entry(entry["collector"].as_str().unwrap().to_owned()).or_default();
        if member.ends_with(".jsonl") {
            // What other tests have in network namespaces of theirs may have keys of its own.
            let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let is_ours = |row: &Value| row.get("netns").is_none_or(|netns| *netns == own);
            rows.filter(is_ours).for_each(|row| keys(&row, keys_of));
        } else if member.ends_with(".json") {
            keys(&serde_json::from_str(&text).unwrap(), keys_of);
        }
    }
    found.retain(|_, keys| !keys.is_empty());
    let mut missing = Vec::new();
    for (collector, keys) in &found {
        let words = explained(collector);
        missing.extend(
            keys.iter().filter(|key| !is_explained(key, &words)).map(|key| format!("{collector}: {key}")),
        );
    }
    assert!(missing.is_empty(), "docs/tables.md does not explain {missing:#?}");
    let names: usize = found.values().map(BTreeSet::len).sum();
    assert!(found.len() >= 14 && names >= 300, "{} collectors, {names} names", found.len());
}
