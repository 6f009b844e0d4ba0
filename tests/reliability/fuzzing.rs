//! What the fuzzers reach.

use std::collections::BTreeSet;
use std::fs;

/// Only for tests, and shared forms of numbers that others read with.
const NO_PARSERS: [&str; 2] = ["mod", "mishaps"];

fn targets() -> (BTreeSet<String>, String) {
    let files = fs::read_dir("tests/fuzz/fuzz_targets").unwrap().map(|file| file.unwrap().path());
    let (mut names, mut text) = (BTreeSet::new(), String::new());
    for file in files {
        names.insert(file.file_stem().unwrap().to_str().unwrap().to_owned());
        text.push_str(&fs::read_to_string(&file).unwrap());
    }
    (names, text)
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

#[test]
fn each_parser_of_records_is_named_in_a_target() {
    let (_, text) = targets();
    let named = words(&text);
    let files = fs::read_dir("src/records").unwrap().map(|file| file.unwrap().path());
    let modules: BTreeSet<String> =
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(modules.len() > 30, "{modules:?}");
    let parsers: Vec<&String> =
        modules.iter().filter(|module| !NO_PARSERS.contains(&module.as_str())).collect();
    let missing: Vec<&&String> = parsers.iter().filter(|module| !named.contains(module.as_str())).collect();
    assert!(missing.is_empty(), "no fuzz target reaches {missing:?}");
    // The control: a module that does not exist is not named.
    assert!(!named.contains("records_of_nothing"));
}

#[test]
fn each_target_is_built_and_run() {
    let (targets, _) = targets();
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let (manifest, script) = (read("tests/fuzz/Cargo.toml"), read(".ci/fuzz"));
    let (_, listed) = script.split_once("targets=\"").expect("the list of targets");
    let run = words(listed.split('"').next().unwrap());
    for caller in [".ci/run", ".ci/long"] {
        assert!(
            read(caller).lines().any(|line| line.trim().starts_with(".ci/fuzz ")),
            "{caller} does not fuzz"
        );
    }
    for target in &targets {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in Cargo.toml");
        assert!(run.contains(target.as_str()), "{target} is not run in .ci/fuzz");
    }
    let page = fs::read_to_string("docs/reliability.md").unwrap();
    for target in &targets {
        assert!(page.contains(&format!("| `{target}` |")), "docs/reliability.md does not have {target}");
    }
}
