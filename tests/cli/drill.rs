//! `drill`

use std::fs;

use crate::support::{only_root, phi};

#[test]
fn the_whole_journey_works_here() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("drill");
    let told = phi(["drill", "--quiet", "-o", folder.to_str().unwrap()]).run().code(0);
    let told = told.says("The journey worked").says("VERIFY.txt").says("throw-away");
    assert!(!folder.join("opened").exists(), "what was unpacked is removed again");
    // The command that it names works as it stands.
    let line = told.stdout.lines().find(|line| line.trim().starts_with("phi-ir verify")).unwrap().trim();
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    phi(words).current_dir(&folder).run().code(0).says("verified");
}

#[test]
fn json_says_where_everything_is() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("drill");
    let ran =
        phi(["drill", "--json", "--quiet", "--keep", "-o", folder.to_str().unwrap()]).run().code(0).json();
    assert_eq!(ran["verdict"], "verified");
    for key in ["folder", "bundle", "identity", "allowed_signers", "opened"] {
        assert!(fs::metadata(ran[key].as_str().unwrap()).is_ok(), "{key}");
    }
}

#[test]
fn it_needs_no_root_and_never_an_existing_folder() {
    let dir = tempfile::tempdir().unwrap();
    phi(["drill", "-o", dir.path().to_str().unwrap()]).run().code(1).says("hint:");
    if only_root("a drill as nobody") {
        std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
        let folder = dir.path().join("drill");
        phi(["drill", "--quiet", "-o", folder.to_str().unwrap()])
            .by_nobody()
            .run()
            .code(0)
            .says("The journey worked")
            .says("without root");
    }
}

#[test]
fn every_profile_can_be_drilled() {
    for profile in ["volatile", "baseline"] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("drill");
        phi(["drill", "--quiet", "--profile", profile, "-o"])
            .args([&folder])
            .run()
            .code(0)
            .says("The journey worked");
    }
}
