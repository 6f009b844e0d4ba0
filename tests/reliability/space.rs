//! A full disk: what was gathered is sealed all the same, and the host keeps its floor.

use std::fs;

use crate::disks::Disk;
use crate::support::{Bundle, Desk, FakeHost, entries, only_root};

#[test]
fn a_disk_that_fills_up_still_gets_a_whole_sealed_bundle() {
    if !only_root("a small file system of its own") {
        return;
    }
    let desk = Desk::new();
    let small = Disk::tmpfs("10m");
    let mut noise = vec![0_u8; 20_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::small().file("/srv/big", noise);
    let ran =
        crate::support::phi(["collect", "--quiet", "--json", "-r", &desk.recipient, "--also", "/srv/big"])
            .args([
                std::ffi::OsStr::new("--root"),
                host.path().as_os_str(),
                "-o".as_ref(),
                small.path().as_os_str(),
            ])
            .args([std::ffi::OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
            .run()
            .code(3);
    let document = ran.json();
    assert!(document["stopped_by"].as_str().unwrap().contains("no room"), "{document}");
    let bundle = Bundle::of(&document);
    desk.verify(&bundle.sealed).run().code(0).says("verified");
    let entries = entries(&desk.open(&bundle));
    let big = crate::support::entry_of(&entries, "/srv/big");
    assert_eq!((big["outcome"].as_str(), big["reason_code"].as_str()), (Some("truncated"), Some("no_space")));
    assert!(big["size"].as_u64().unwrap() > 4_000_000);
    assert_eq!(entries.last().unwrap()["collector"], "clock-end");
    let free = rustix::fs::statvfs(small.path()).unwrap();
    assert!(free.f_bavail * 20 >= free.f_blocks, "the floor of 5 % was not kept");
}

#[test]
fn a_disk_without_room_is_refused_before_anything_begins() {
    if !only_root("a small file system of its own") {
        return;
    }
    let desk = Desk::new();
    let small = Disk::tmpfs("2m");
    fs::write(small.path().join("filler"), vec![1_u8; 2_060_000]).unwrap();
    let host = FakeHost::small();
    crate::support::phi(["collect", "-r", &desk.recipient])
        .args([
            std::ffi::OsStr::new("--root"),
            host.path().as_os_str(),
            "-o".as_ref(),
            small.path().as_os_str(),
        ])
        .run()
        .code(1)
        .says("must stay free")
        .says("-o DIR");
    assert_eq!(fs::read_dir(small.path()).unwrap().count(), 1);
}
