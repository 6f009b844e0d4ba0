//! Static glibc crashes in name-service plug-ins; ours does not reach them.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{PHI_IR, only_root, skipped};

/// The little program of `name_service_trial.rs`, built beside this test.
fn trial() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let examples = here.parent().unwrap().parent().unwrap().join("examples");
    let program = examples.join("name_service_trial");
    assert!(program.exists(), "cargo builds examples with the tests; {} is not there", program.display());
    program
}

/// Runs a program in a mount namespace whose nsswitch.conf says `passwd: files systemd`.
fn under_systemd_names(dir: &Path, program: &str) -> std::process::Output {
    let conf = dir.join("nsswitch.conf");
    fs::write(&conf, "passwd: files systemd\ngroup: files systemd\nshadow: files systemd\nhosts: files\n")
        .unwrap();
    let script = format!("mount --bind {} /etc/nsswitch.conf && exec {program}", conf.display());
    Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn an_unfixed_program_crashes_and_ours_does_not() {
    if !only_root("a name service of its own") {
        return;
    }
    if !cfg!(target_feature = "crt-static") {
        skipped("not linked statically: the crash is one of static glibc");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let trial = trial();
    let unfixed = under_systemd_names(dir.path(), &format!("{} unfixed", trial.display()));
    let killed = unfixed.status.signal() == Some(11) || unfixed.status.code() == Some(139);
    assert!(killed, "the control did not crash (is libnss-systemd installed?): {unfixed:?}");
    let fixed = under_systemd_names(dir.path(), &format!("{} fixed", trial.display()));
    assert!(fixed.status.success(), "{fixed:?}");

    let drill = dir.path().join("drill");
    let ours = under_systemd_names(dir.path(), &format!("{PHI_IR} drill --quiet -o {}", drill.display()));
    assert!(ours.status.success(), "{}", String::from_utf8_lossy(&ours.stderr));
}
