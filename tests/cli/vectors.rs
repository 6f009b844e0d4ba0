//! Good and broken bundles, each with what it must give: ours, and the stock recipe's.
//!
//! They lie in `fixtures/seals/`, one folder each, with an `expect` file. The generator below made them; with
//! `UPDATE_FIXTURES=1` it makes them anew. Keys and content are made up.

mod generator;
mod raw_zip;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::stock::{follow, recipe};
use crate::support::phi;

pub const SEALS: &str = "fixtures/seals";

struct Expect {
    verdict: String,
    findings: BTreeSet<String>,
    stock: String,
}

impl Expect {
    fn read(folder: &Path) -> Expect {
        let text = fs::read_to_string(folder.join("expect")).unwrap();
        let values = |key: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("{key}: ")));
            lines.map(str::to_owned).collect()
        };
        Expect {
            verdict: values("verdict").pop().unwrap(),
            findings: values("finding").into_iter().collect(),
            stock: values("stock").pop().unwrap(),
        }
    }
}

fn vectors() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(SEALS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 25, "only {} vectors", folders.len());
    folders
}

fn file_with(folder: &Path, ending: &str) -> Option<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().ends_with(ending))
}

#[test]
fn each_vector_gives_its_verdict_and_exactly_its_findings() {
    let key = format!("{SEALS}/officer.key");
    let signers = format!("{SEALS}/allowed_signers");
    let mut wrong = Vec::new();
    for folder in vectors() {
        let expect = Expect::read(&folder);
        let sealed = file_with(&folder, ".zip.age").unwrap();
        let args = ["verify", "--json", sealed.to_str().unwrap(), "-i", &key, "--allowed-signers", &signers];
        let ran = phi(args).run();
        let verdict = ran.json();
        let codes = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
        let found: BTreeSet<String> = verdict["findings"].as_array().unwrap().iter().map(codes).collect();
        let fits = verdict["verdict"] == expect.verdict.as_str()
            && (ran.code == 4) == (expect.verdict == "failed")
            && found == expect.findings;
        if !fits {
            wrong.push(format!("{}: {} {found:?}", folder.display(), verdict["verdict"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_stock_recipe_passes_and_fails_where_it_can_see_it() {
    let mut wrong = Vec::new();
    for folder in vectors() {
        let expect = Expect::read(&folder);
        let desk = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&folder).unwrap().chain(fs::read_dir(SEALS).unwrap()) {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, desk.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let sealed = file_with(&folder, ".zip.age").unwrap();
        let id = sealed.file_name().unwrap().to_str().unwrap().strip_suffix(".zip.age").unwrap().to_owned();
        let ran = follow(&recipe(&phi_ir::custody::bag::verify_text(&id)), desk.path());
        let came = if ran.code == 0 { "passes" } else { "fails" };
        if came != expect.stock {
            wrong.push(format!("{} {came}: {}", folder.display(), ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Opening must refuse what verifying refuses, and leave nothing behind.
#[test]
fn no_broken_vector_is_unpacked() {
    let key = format!("{SEALS}/officer.key");
    for folder in vectors() {
        let expect = Expect::read(&folder);
        let desk = tempfile::tempdir().unwrap();
        let target = desk.path().join("new");
        let sealed = file_with(&folder, ".zip.age").unwrap();
        let args = ["open", sealed.to_str().unwrap(), "-i", &key, "-o", target.to_str().unwrap()];
        let ran = phi(args).run();
        assert_eq!(ran.code == 0, expect.verdict != "failed", "{}: {}", folder.display(), ran.stderr);
        assert_eq!(target.exists(), ran.code == 0, "{}", folder.display());
        assert!(ran.code == 0 || fs::read_dir(desk.path()).unwrap().next().is_none(), "{}", folder.display());
    }
}

#[test]
fn the_vectors_can_be_made_anew() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        generator::write_all(Path::new(SEALS));
        return;
    }
    // Into a folder of no consequence: the generator must not rot.
    let dir = tempfile::tempdir().unwrap();
    generator::write_all(dir.path());
    let made: BTreeSet<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let kept: BTreeSet<String> =
        fs::read_dir(SEALS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(made, kept, "UPDATE_FIXTURES=1 makes them anew");
    for name in made.iter().filter(|name| dir.path().join(name).is_dir()) {
        let text = |root: &Path| fs::read_to_string(root.join(name).join("expect")).unwrap();
        assert_eq!(text(dir.path()), text(Path::new(SEALS)), "{name}");
    }
}
