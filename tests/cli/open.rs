//! `open`

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Desk, FakeHost, phi};

#[test]
fn a_bundle_unpacks_into_a_new_private_folder() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let opened = desk.open(&bundle);
    assert_eq!(fs::metadata(&opened).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(opened.join("seal.json").exists() && opened.join("data/root/etc/passwd").exists());
    let sealed = bundle.sealed.to_str().unwrap();
    let key = desk.path("officer.key");
    phi(["open", sealed, "-i", key.to_str().unwrap(), "-o", opened.to_str().unwrap()])
        .run()
        .code(1)
        .says("does not exist yet");
    phi(["open", sealed, "-o", "x"]).run().code(2).says("hint:");
}

#[test]
fn the_times_of_the_files_are_those_of_the_host() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_001);
    fs::File::options().write(true).open(host.at("/etc/group")).unwrap().set_modified(old).unwrap();
    let bundle = crate::support::Bundle::of(&desk.collect(&host).run().code(3).json());
    let opened = desk.open(&bundle);
    assert_eq!(fs::metadata(opened.join("data/root/etc/group")).unwrap().modified().unwrap(), old);
}

#[test]
fn what_is_not_as_it_was_sealed_is_not_unpacked() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let mut bytes = fs::read(&bundle.sealed).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    fs::write(&bundle.sealed, bytes).unwrap();
    let folder = desk.path("unpacked");
    let key = desk.path("officer.key");
    let args = [
        "open",
        bundle.sealed.to_str().unwrap(),
        "-i",
        key.to_str().unwrap(),
        "-o",
        folder.to_str().unwrap(),
    ];
    phi(args).run().code(4).says("FAILED").says("--salvage");
    assert!(!folder.exists() && !folder.with_extension("partial").exists());
}

#[test]
fn a_signer_that_was_asked_for_and_is_not_known_opens_nothing() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let folder = desk.path("unpacked");
    let key = desk.path("officer.key");
    let args =
        ["open", bundle.sealed.to_str().unwrap(), "-i", key.to_str().unwrap(), "--require-signer", "-o"];
    phi(args).args([&folder]).run().code(4).says("nothing was unpacked");
    assert!(!folder.exists());
}

#[test]
fn a_mistyped_name_leaves_nothing_behind_and_a_remnant_is_called_by_its_name() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let folder = desk.path("unpacked");
    let key = desk.path("officer.key");
    let open = |sealed: &str| phi(["open", sealed, "-i", key.to_str().unwrap(), "-o"]).args([&folder]).run();
    open("/nonexistent.zip.age").code(1);
    open(bundle.receipt.with_extension("json.sig").to_str().unwrap()).code(1).says("it is a signature");
    assert!(!folder.exists() && !desk.path("unpacked.partial").exists());
    fs::create_dir(desk.path("unpacked.partial")).unwrap();
    open(bundle.sealed.to_str().unwrap()).code(1).says("left over from an earlier attempt");
    fs::remove_dir(desk.path("unpacked.partial")).unwrap();
    open(bundle.sealed.to_str().unwrap()).code(0);
}

#[test]
fn an_interrupted_unpacking_leaves_nothing_in_the_clear() {
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/big", vec![b'x'; 60_000_000]);
    let args = ["--only", "also", "--also", "/srv/big"];
    let bundle = crate::support::Bundle::of(&desk.collect(&host).args(args).run().code(0).json());
    let (folder, partial) = (desk.path("unpacked"), desk.path("unpacked.partial"));
    // A signal that whoever started the tests ignores would be ignored by us too.
    let mut child = std::process::Command::new("env")
        .args(["--default-signal=INT", crate::support::PHI_IR])
        .args([std::ffi::OsStr::new("open"), bundle.sealed.as_os_str(), "-o".as_ref(), folder.as_os_str()])
        .args(["-i".as_ref(), desk.path("officer.key").as_os_str()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !partial.join("data/root/srv/big").exists() {
        assert!(std::time::Instant::now() < until, "nothing was ever unpacked");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!partial.exists() && !folder.exists());
}
