//! What lies in the system's folders under a program's name, and is none, or not the one that was examined.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::support::{only_root, tool};
use crate::tools::{Told, Trial};

/// A folder to be mounted over /usr/sbin, with everything in it that is no honest program.
fn folder(at: &Path) {
    let set =
        |name: &str, mode: u32| fs::set_permissions(at.join(name), fs::Permissions::from_mode(mode)).unwrap();
    let script = |name: &str, text: &[u8], mode: u32| {
        fs::write(at.join(name), text).unwrap();
        set(name, mode);
    };
    fs::create_dir(at).unwrap();
    set(".", 0o755);
    script("t-good", b"#!/bin/sh\necho good\n", 0o755);
    script("t-no-interpreter", b"echo by a shell\n", 0o755);
    script("t-missing-interpreter", b"#!/nowhere/sh\necho x\n", 0o755);
    script("t-relative", b"#!bin/sh\necho x\n", 0o755);
    script("t-not-executable", b"#!/bin/sh\necho x\n", 0o644);
    script("t-empty", b"", 0o755);
    script("t-writable", b"#!/bin/sh\necho x\n", 0o777);
    script("t-set-uid", b"#!/bin/sh\nid -u\n", 0o4755);
    script("t-env", b"#!/usr/bin/env sh\necho by env\n", 0o755);
    fs::create_dir(at.join("t-folder")).unwrap();
    tool("mkfifo", &[at.join("t-fifo").as_os_str()]).code(0);
    script("t-theirs", b"#!/bin/sh\necho x\n", 0o755);
    chown(at.join("t-theirs"), Some(1234), Some(1234)).unwrap();
    // Root's own program, in a folder of somebody else's.
    fs::create_dir_all(at.join("home/bin")).unwrap();
    chown(at.join("home"), Some(1234), Some(1234)).unwrap();
    script("home/bin/sh", b"#!/bin/sh\necho theirs\n", 0o755);
    script("t-untrusted-interpreter", b"#!/usr/sbin/home/bin/sh\n", 0o755);
    symlink("home/bin/sh", at.join("t-link-into-home")).unwrap();
    symlink("../../tmp/t-nowhere", at.join("t-link-to-nothing")).unwrap();
    symlink("t-good", at.join("t-link")).unwrap();
    symlink("t-good", at.join("t-their-link")).unwrap();
    std::os::unix::fs::lchown(at.join("t-their-link"), Some(1234), Some(1234)).unwrap();
    fs::copy("/bin/true", at.join("t-busy")).unwrap();
}

#[test]
fn what_is_no_program_or_not_root_s_is_told_and_not_run() {
    if !only_root("a mount over /usr/sbin") {
        return;
    }
    let trial = Trial::new();
    let sbin = trial.desk.path("sbin");
    folder(&sbin);
    let cases: [(&str, &str, Option<&str>); 19] = [
        ("t-good", "collected", None),
        ("t-env", "collected", None),
        ("t-link", "collected", None),
        ("t-set-uid", "collected", None),
        ("t-no-interpreter", "failed", Some("odd_form")),
        ("t-missing-interpreter", "missing", Some("tool_missing")),
        ("t-relative", "denied", Some("tool_untrusted")),
        ("t-not-executable", "denied", Some("permission")),
        ("t-empty", "failed", Some("odd_form")),
        ("t-writable", "denied", Some("tool_untrusted")),
        ("t-folder", "failed", Some("special_file")),
        ("t-fifo", "failed", Some("special_file")),
        ("t-theirs", "denied", Some("tool_untrusted")),
        ("t-untrusted-interpreter", "denied", Some("tool_untrusted")),
        ("t-link-into-home", "denied", Some("tool_untrusted")),
        ("t-link-to-nothing", "missing", Some("tool_missing")),
        ("t-their-link", "skipped", Some("untrusted_link")),
        ("t-busy", "failed", Some("io_error")),
        ("t-nowhere", "missing", Some("tool_missing")),
    ];
    let steps: Vec<String> =
        cases.iter().map(|(name, ..)| format!("[[tool]]\nargv = ['{name}']\ntimeout = '20s'\n")).collect();
    // One of them is being written all the time.
    let script = "mount --bind \"$0\" /usr/sbin && exec 8>>/usr/sbin/t-busy && exec \"$@\"";
    let way = ["unshare", "-m", "sh", "-c", script, sbin.to_str().unwrap()];
    let told = trial.by_way_of(&way, &steps);
    for ((name, outcome, code), step) in cases.iter().zip(1..) {
        println!("{name}: {}", told.of(step)["reason"]);
        told.ended(step, outcome, *code);
    }
    assert_eq!((told.printed(1), told.printed(2)), (b"good\n".to_vec(), b"by env\n".to_vec()));
    assert!(told.took < Duration::from_secs(60), "{:?}", told.took);
    // And nothing can be run from a file system that forbids it.
    let script = "mount --bind \"$0\" /usr/sbin && mount -o remount,bind,noexec /usr/sbin && exec \"$@\"";
    let way = ["unshare", "-m", "sh", "-c", script, sbin.to_str().unwrap()];
    trial.by_way_of(&way, &steps[..1]).ended(1, "denied", Some("permission"));
}

#[test]
fn what_printed_is_what_the_digest_was_taken_of() {
    if !only_root("a mount over /usr/sbin") {
        return;
    }
    let trial = Trial::new();
    let sbin = trial.desk.path("sbin");
    fs::create_dir(&sbin).unwrap();
    fs::set_permissions(&sbin, fs::Permissions::from_mode(0o755)).unwrap();
    // Two programs that say who they are, and somebody who exchanges them, or puts a link in the place, all the time.
    let mut digests = Vec::new();
    for name in ["one", "two"] {
        let text = format!("#!/bin/sh\necho {name}\n");
        for place in [name, &format!("{name}.spare")] {
            fs::write(sbin.join(place), &text).unwrap();
            fs::set_permissions(sbin.join(place), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let digest: String =
            Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        digests.push((format!("{name}\n"), digest));
    }
    fs::copy(sbin.join("one"), sbin.join("t-which")).unwrap();
    let swap = "import ctypes, os, random, sys, time\nos.chdir('/usr/sbin')\nlibc = ctypes.CDLL(None)\nopen('ready', 'w')\nwhile os.getppid() != 1:\n time.sleep(random.random() / 30)\n if random.random() < 0.2:\n  try: os.symlink('two', 'link')\n  except OSError: pass\n  os.rename('link', 't-which')\n else: libc.renameat2(-100, random.choice((b'one.spare', b'two.spare')), -100, b't-which', 2)";
    let script = format!(
        "mount --bind \"$0\" /usr/sbin && {{ python3 -c '{}' >/dev/null 2>&1 & while ! [ -e /usr/sbin/ready ]; do sleep 0.02; done; \"$@\"; code=$?; kill $!; exit $code; }}",
        swap.replace('\'', "'\\''")
    );
    let way = ["unshare", "-m", "sh", "-c", &script, sbin.to_str().unwrap()];
    let steps = vec!["[[tool]]\nargv = ['t-which']\ntimeout = '20s'\n".to_owned(); 120];
    let (mut ran, mut refused) = (0, 0);
    for round in 1..=8 {
        let (ran_now, refused_now) = exchanged(&trial.by_way_of(&way, &steps), steps.len(), &digests);
        (ran, refused) = (ran + ran_now, refused + refused_now);
        if ran > 0 && refused > 0 {
            break;
        }
        assert!(round < 8, "{ran} ran, {refused} were found to be replaced");
        fs::remove_file(sbin.join("ready")).unwrap();
    }
    println!("{ran} ran, {refused} were found to be replaced");
}

/// How many printed what they should, and how many were found to be replaced.
fn exchanged(told: &Told, steps: usize, digests: &[(String, String)]) -> (u32, u32) {
    let (mut ran, mut refused) = (0, 0);
    for step in 1..=steps {
        let entry = told.of(step);
        match entry["outcome"].as_str().unwrap() {
            "collected" => {
                ran += 1;
                let printed = String::from_utf8(told.printed(step)).unwrap();
                let wanted = &digests.iter().find(|(name, _)| *name == printed).expect("one of the two").1;
                assert_eq!(entry["source"]["exe"]["sha256"], wanted.as_str(), "{entry:#}");
            }
            "denied" | "missing" | "failed" | "changed" | "inconclusive" => refused += 1,
            other => panic!("{other}: {entry:#}"),
        }
    }
    (ran, refused)
}
