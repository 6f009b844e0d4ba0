//! An output that is read-only, has a quota, is replaced, or goes away in the middle of a run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::disks::Disk;
use crate::ends::{Ended, ending_in, held};
use crate::support::{Desk, FakeHost, PHI_IR, Ran, only_root, phi, tool};

fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0_u8; bytes];
    getrandom::fill(&mut noise).unwrap();
    noise
}

/// Begins a collection into `out` and waits until evidence is on its way.
fn begin(desk: &Desk, host: &FakeHost, out: &Path) -> Child {
    let mut child = Command::new(PHI_IR)
        .args(["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "--also", "/srv/big"])
        .args([OsStr::new("--root"), host.path().as_os_str(), OsStr::new("-o"), out.as_os_str()])
        .args([OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
        .env("PHI_IR_CONFIG", "/dev/null")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let begun = ending_in(out, ".partial");
        if begun.first().is_some_and(|path| fs::metadata(path).is_ok_and(|met| met.len() > 1_000_000)) {
            return child;
        }
        if child.try_wait().unwrap().is_some() {
            let ran = end(child);
            panic!("it ended before anybody could disturb it: {}{}", ran.stdout, ran.stderr);
        }
        assert!(Instant::now() < deadline, "nothing was written");
        sleep(Duration::from_millis(1));
    }
}

fn end(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran::from(output)
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_begins() {
    if !only_root("file systems and attributes") {
        return;
    }
    let (desk, host, disk) = (Desk::new(), FakeHost::small(), Disk::ext4(20, &[]));
    let refused = |path: &Path, what: &str| {
        let ran = phi(["collect", "--quiet", "-r", &desk.recipient, "--root"])
            .args([host.path(), Path::new("-o"), path])
            .run();
        assert!(matches!(held(&desk, path, &ran, what), Ended::Refused));
        assert!(ran.stderr.contains("-o DIR"), "{what}: {}", ran.stderr);
        assert_eq!(ending_in(path, ".partial").len(), 0, "{what}");
    };
    tool("chattr", &["+i".as_ref(), disk.path().as_os_str()]).code(0);
    refused(disk.path(), "a folder that nobody may change");
    tool("chattr", &["-i".as_ref(), disk.path().as_os_str()]).code(0);
    tool("mount", &["-o".as_ref(), "remount,ro".as_ref(), disk.path().as_os_str()]).code(0);
    refused(disk.path(), "mounted read-only");
    refused(Path::new("/proc/1"), "a folder of /proc");
    refused(&desk.path("missing"), "no folder");
    refused(&desk.path("officer.key"), "a file");
    tool("mount", &["-o".as_ref(), "remount,rw".as_ref(), disk.path().as_os_str()]).code(0);
    // The control: the same folder, when it can be written.
    let ran = phi(["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "--root"])
        .args([host.path(), Path::new("-o"), disk.path(), Path::new("--sign-with"), &desk.path("host.key")])
        .run();
    assert!(matches!(held(&desk, disk.path(), &ran, "the control"), Ended::Sealed(_)));
}

#[test]
fn a_folder_to_which_names_can_only_be_added_says_where_the_bundle_is() {
    if !only_root("file attributes") {
        return;
    }
    let (desk, host, disk) = (Desk::new(), FakeHost::small(), Disk::ext4(20, &[]));
    // Nothing can be renamed there: the last step fails.
    tool("chattr", &["+a".as_ref(), disk.path().as_os_str()]).code(0);
    let ran = phi(["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "--root"])
        .args([host.path(), Path::new("-o"), disk.path(), Path::new("--sign-with"), &desk.path("host.key")])
        .run();
    tool("chattr", &["-a".as_ref(), disk.path().as_os_str()]).code(0);
    assert!(matches!(held(&desk, disk.path(), &ran, "append only"), Ended::Refused));
    let partial = ending_in(disk.path(), ".zip.age.partial");
    if let [partial] = partial.as_slice() {
        assert!(ran.stderr.contains("the sealed file is whole"), "{}", ran.stderr);
        let whole = partial.with_extension("");
        fs::rename(partial, &whole).unwrap();
        desk.verify(&whole).run().code(0).says("verified");
    }
}

#[test]
fn whatever_becomes_of_the_folder_s_name_the_bundle_lands_in_the_folder() {
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", noise(30_000_000)));
    for what in ["renamed", "replaced by a folder", "replaced by a link"] {
        let dir = tempfile::tempdir().unwrap();
        let (out, moved, trap) = (dir.path().join("out"), dir.path().join("moved"), dir.path().join("trap"));
        fs::create_dir(&out).unwrap();
        fs::create_dir(&trap).unwrap();
        let child = begin(&desk, &host, &out);
        fs::rename(&out, &moved).unwrap();
        match what {
            "replaced by a folder" => fs::create_dir(&out).unwrap(),
            "replaced by a link" => symlink(&trap, &out).unwrap(),
            _ => {}
        }
        let ran = end(child);
        assert!(matches!(held(&desk, &moved, &ran, what), Ended::Sealed(_)));
        assert_eq!(fs::read_dir(&trap).unwrap().count(), 0, "{what}");
        assert_eq!(ending_in(&out, "").len(), 0, "{what}: something went to the new folder");
    }
}

#[test]
fn a_folder_that_is_removed_and_a_file_that_is_replaced_give_no_final_name() {
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", noise(30_000_000)));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let child = begin(&desk, &host, &out);
    fs::remove_dir_all(&out).unwrap();
    let ran = end(child);
    assert!(matches!(held(&desk, &out, &ran, "removed"), Ended::Refused), "{}", ran.stdout);

    fs::create_dir(&out).unwrap();
    let child = begin(&desk, &host, &out);
    let partial = ending_in(&out, ".zip.age.partial").remove(0);
    fs::rename(&partial, out.join("aside")).unwrap();
    fs::write(&partial, "not what was sealed").unwrap();
    let ran = end(child);
    assert!(
        matches!(held(&desk, &out, &ran, "another file under its name"), Ended::Refused),
        "{}",
        ran.stdout
    );
    assert!(out.join("aside").exists());
}

#[test]
fn a_disk_that_is_taken_away_ends_in_an_error_or_in_a_whole_bundle() {
    if !only_root("a file system of its own") {
        return;
    }
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", noise(30_000_000)));
    // Unmounted lazily: it stays for whoever has it open.
    let disk = Disk::ext4(80, &[]);
    let child = begin(&desk, &host, disk.path());
    tool("umount", &["--lazy".as_ref(), disk.path().as_os_str()]).code(0);
    let ran = end(child);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let found = tempfile::tempdir().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let again = || {
        let image = disk.image();
        tool("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), found.path().as_os_str()]).code
    };
    while again() != 0 {
        assert!(Instant::now() < deadline, "the image cannot be mounted again");
        sleep(Duration::from_millis(50));
    }
    let ended = held(&desk, found.path(), &ran, "unmounted");
    tool("umount", &["--lazy".as_ref(), found.path().as_os_str()]);
    assert!(matches!(ended, Ended::Sealed(_)), "{}", ran.stderr);

    // The file system gives up, as it does when its disk fails.
    let disk = Disk::ext4(80, &[]);
    let child = begin(&desk, &host, disk.path());
    tool("mount", &["-o".as_ref(), "remount,abort".as_ref(), disk.path().as_os_str()]);
    let ran = end(child);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!(ending_in(disk.path(), ".zip.age").len(), 0);
}

#[test]
fn a_quota_is_a_full_disk() {
    if !only_root("a file system of its own") {
        return;
    }
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", noise(40_000_000)));
    // On a busy machine btrfs may refuse, by its quota, what it had set aside (9 of 60 runs with Linux 6.18): then nothing
    // has its final name, and the error says what is left.
    let is_sealed = (0..10).any(|_| match within_a_quota(&desk, &host) {
        (_, Ended::Sealed(document)) => {
            assert!(document["stopped_by"].as_str().unwrap().contains("no room"), "{document}");
            true
        }
        (ran, Ended::Refused) => {
            assert!(
                ran.stderr.contains("Disk quota exceeded") && ran.stderr.contains("--salvage"),
                "{}",
                ran.stderr
            );
            false
        }
        (ran, Ended::SealedWithError) => panic!("{}{}", ran.stdout, ran.stderr),
    });
    assert!(is_sealed, "no run within a quota was sealed");
}

/// A run into a file system that lets it have 24 MiB.
fn within_a_quota(desk: &Desk, host: &FakeHost) -> (Ran, Ended) {
    let disk = Disk::btrfs(160);
    // What is there is counted in the background; a limit holds when that is done.
    for args in [["quota", "enable"].as_slice(), &["quota", "rescan", "-w"], &["qgroup", "limit", "24M"]] {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).chain([disk.path().as_os_str()]).collect();
        tool("btrfs", &args).code(0);
    }
    fs::set_permissions(disk.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let ran = end(begin(desk, host, disk.path()));
    let ended = held(desk, disk.path(), &ran, "a quota of 24 MiB");
    (ran, ended)
}
