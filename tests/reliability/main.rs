//! It holds: hostile trees and processes, interruptions, full and failing disks, hostile bundles.
//!
//! docs/reliability.md tells what was tried and what happened, case by case; the last test here holds that the page and
//! the tests name each other. Whatever is changed on the machine is put back.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(clippy::zombie_processes, reason = "some tests leave it to the end of their process")]

#[path = "../cli/support.rs"]
#[expect(dead_code, reason = "shared with the tests through the binary, which use all of it")]
mod support;

#[path = "../cli/vectors/raw_zip.rs"]
mod raw_zip;

mod age_vectors;
mod archives;
mod bare;
mod clocks;
mod dice;
mod disks;
mod disks_gone;
mod documents;
mod ends;
mod fuzzing;
mod hangs;
mod hangs_ends;
mod injected;
mod logs;
mod mounts;
mod mutations;
mod names;
mod names_accounts;
mod names_terminals;
mod observed;
mod polite;
mod processes;
mod races;
mod silent;
mod space;
mod stops;
mod stops_checks;
mod stops_elsewhere;
mod stops_live;
mod stops_power;
mod stops_terminal;
mod tool_files;
mod tools;
mod tree;
mod tree_checks;
mod tree_zoo;
mod workbench;
mod zoo;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every test of this folder, as `module::name`.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("tests/reliability").unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() != "#[test]" || module == "main" {
                continue;
            }
            let function = lines.find_map(|line| line.trim().strip_prefix("fn ")).unwrap();
            found.insert(format!("{module}::{}", function.split('(').next().unwrap()));
        }
    }
    found
}

/// Every test that the page names: `` `module::name` ``.
fn named() -> BTreeSet<String> {
    let page = fs::read_to_string(Path::new("docs/reliability.md")).unwrap();
    let spans = page.split('`').skip(1).step_by(2);
    spans.filter(|span| span.contains("::")).map(str::to_owned).collect()
}

#[test]
fn the_page_and_the_tests_name_each_other() {
    let (tests, named) = (tests(), named());
    assert!(tests.len() > 4, "the tests were not found: {tests:?}");
    let unnamed: Vec<&String> = tests.difference(&named).collect();
    assert!(unnamed.is_empty(), "docs/reliability.md does not name {unnamed:#?}");
    let gone: Vec<&String> = named.difference(&tests).collect();
    assert!(gone.is_empty(), "docs/reliability.md names what is no test: {gone:#?}");
}
