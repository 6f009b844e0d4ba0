//! The bundle without this program: age, unzip, sha256sum, ssh-keygen, and bagit-python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Desk, Ran, tool};

/// The commands of VERIFY.txt, word for word: the lines that begin with four blanks.
pub fn recipe(verify_txt: &str) -> String {
    let lines: Vec<&str> = verify_txt.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(lines.len() > 20, "{verify_txt}");
    lines.join("\n")
}

/// Follows the recipe in a folder that holds the files and `allowed_signers` and `officer.key`.
pub fn follow(recipe: &str, folder: &Path) -> Ran {
    let output = Command::new("sh")
        .args(["-e", "-u", "-c", recipe])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::from(output)
}

/// A folder with a bundle's files and what its reader has.
pub fn reader(desk: &Desk, files: &[PathBuf]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = [desk.path("officer.key"), desk.path("allowed_signers")];
    for file in files.iter().chain(&own) {
        fs::copy(file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn verify_txt_followed_word_for_word_passes() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let signature = PathBuf::from(format!("{}.sig", bundle.receipt.display()));
    let folder = reader(&desk, &[bundle.sealed.clone(), bundle.receipt.clone(), signature]);
    let text = fs::read_to_string(desk.open(&bundle).join("VERIFY.txt")).unwrap();
    follow(&recipe(&text), folder.path())
        .code(0)
        .says("Good \"receipt@phi-ir\"")
        .says("Good \"seal@phi-ir\"");

    // The control: the same recipe over a receipt with one digit changed does not pass.
    let receipt = folder.path().join(bundle.receipt.file_name().unwrap());
    let changed = fs::read_to_string(&receipt).unwrap().replace("\"members\": ", "\"members\": 1");
    fs::write(&receipt, changed).unwrap();
    assert_ne!(follow(&recipe(&text), folder.path()).code, 0);
}

#[test]
fn verify_txt_without_a_list_of_signers_passes_and_says_who_signed() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let signature = PathBuf::from(format!("{}.sig", bundle.receipt.display()));
    let folder = reader(&desk, &[bundle.sealed.clone(), bundle.receipt.clone(), signature]);
    let text = fs::read_to_string(desk.open(&bundle).join("VERIFY.txt")).unwrap();
    let instead = text.lines().find_map(|line| line.strip_prefix("  ssh-keygen")).unwrap();
    let lines = recipe(&text);
    let without: Vec<String> =
        lines
            .lines()
            .filter(|line| !line.contains("WHO"))
            .map(|line| {
                if line.starts_with("cd ") { format!("{line}\nssh-keygen{instead}") } else { line.to_owned() }
            })
            .collect();
    let code = phi_ir::custody::receipt::spoken_code(&fs::read(&bundle.receipt).unwrap());
    follow(&without.join("\n"), folder.path())
        .code(0)
        .says("SHA256:")
        .says(&code)
        .says("as they were sealed");
}

#[test]
fn verify_txt_notices_a_broken_order_and_a_planted_link() {
    let desk = Desk::new();
    let opened = desk.open(&desk.bundle());
    let text = fs::read_to_string(opened.join("VERIFY.txt")).unwrap();
    let steps = |from: &str, to: &str| {
        let part = text.split(from).nth(1).unwrap().split(to).next().unwrap();
        part.lines().filter_map(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n")
    };
    let (six, seven) = (steps("\n6. ", "\n7. "), steps("\n7. ", "\nWhat this shows"));
    follow(&six, &opened).code(0);
    follow(&seven, &opened).code(0);
    std::os::unix::fs::symlink("/etc/shadow", opened.join("data/root/etc/evil")).unwrap();
    assert_ne!(follow(&six, &opened).code, 0);
    let entry = opened.join("entries/000003.json");
    fs::write(&entry, fs::read_to_string(&entry).unwrap().replace("\"prev\":\"", "\"prev\":\"0")).unwrap();
    let ran = follow(&seven, &opened).says("order broken at entries/000003.json");
    assert_ne!(ran.code, 0);
}

#[test]
fn bagit_python_validates_the_opened_bag_and_notices_a_change() {
    let desk = Desk::new();
    let opened = desk.open(&desk.bundle());
    let validate = || tool("bagit.py", &["--validate".as_ref(), "--quiet".as_ref(), opened.as_os_str()]);
    validate().code(0);
    fs::write(opened.join("data/root/etc/group"), "root:x:0:mallory\n").unwrap();
    assert_ne!(validate().code, 0);
}

#[test]
fn debian_s_age_opens_it_and_the_clear_archive_lists() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let zip = desk.path("clear.zip");
    let (key, zip_path) = (desk.path("officer.key"), zip.as_os_str());
    let args =
        ["-d".as_ref(), "-i".as_ref(), key.as_os_str(), "-o".as_ref(), zip_path, bundle.sealed.as_os_str()];
    tool("age", &args).code(0);
    let listed = tool("unzip", &["-Z1".as_ref(), zip_path]).code(0);
    assert!(listed.stdout.lines().all(|name| name.starts_with(&format!("{}/", bundle.id))));
}
