//! `open --salvage`: what a run that was cut off still gives.

use std::fs;
use std::path::PathBuf;

use crate::support::{Bundle, Desk, FakeHost, entries, phi};

fn salvage(desk: &Desk, sealed: &std::path::Path, name: &str) -> (PathBuf, serde_json::Value) {
    let folder = desk.path(name);
    let key = desk.path("officer.key");
    let args = ["open", "--salvage", "--json", sealed.to_str().unwrap(), "-i", key.to_str().unwrap(), "-o"];
    let ran = phi(args).args([&folder]).run();
    if ran.code == 1 {
        assert!(
            !folder.exists() && ran.stderr.contains("nothing in it can be proven whole"),
            "{}",
            ran.stderr
        );
        return (folder, serde_json::json!({ "entries": 0, "members": 0, "ended": "at once" }));
    }
    (folder, ran.code(3).json())
}

/// A host whose bundle has stored members that hold forged archives: whoever fills a PHI server with files can do that.
fn hostile(desk: &Desk) -> (FakeHost, Bundle) {
    let mut noise = vec![0_u8; 200_000];
    getrandom::fill(&mut noise).unwrap();
    // A whole earlier archive of ours, entries and all, in the middle of bytes that do not compress.
    let earlier =
        Bundle::of(&desk.collect(&FakeHost::small()).args(["--only", "mounts"]).run().code(0).json());
    let key = fs::read_to_string(desk.path("officer.key")).unwrap();
    let identities = phi_ir::seal::envelope::Identities::parse(&key, "key").unwrap();
    let mut archive = Vec::new();
    let mut source = identities.decrypt(fs::File::open(&earlier.sealed).unwrap()).unwrap();
    std::io::Read::read_to_end(&mut source, &mut archive).unwrap();
    // And a descriptor that fits everything before it.
    let mut fitting = noise[..100_000].to_vec();
    let crc = crc32fast::hash(&fitting);
    fitting.extend_from_slice(b"PK\x07\x08");
    fitting.extend_from_slice(&crc.to_le_bytes());
    fitting.extend_from_slice(&100_000_u64.to_le_bytes());
    fitting.extend_from_slice(&100_000_u64.to_le_bytes());
    fitting.extend_from_slice(&archive);
    fitting.extend_from_slice(&noise);
    let nested = [&noise[..], &archive, &noise].concat();
    let host = FakeHost::small()
        .file("/srv/a-nested", nested)
        .file("/srv/b-fitting", fitting)
        .file("/srv/c", "after\n");
    let document = desk.collect(&host).args(["--only", "also", "--also", "/srv"]).run().code(0).json();
    (host, Bundle::of(&document))
}

#[test]
fn a_whole_bundle_salvages_whole() {
    let desk = Desk::new();
    let (host, bundle) = hostile(&desk);
    let (folder, told) = salvage(&desk, &bundle.sealed, "whole");
    for path in ["/srv/a-nested", "/srv/b-fitting", "/srv/c"] {
        let salvaged = fs::read(folder.join(format!("data/root{path}"))).unwrap();
        assert!(salvaged == fs::read(host.at(path)).unwrap(), "{path}");
    }
    assert_eq!(told["entries"], entries(&desk.open(&bundle)).len() as u64);
    assert_eq!(told["whole"], true);
}

#[test]
fn a_repeated_name_and_a_stranger_s_file_end_a_salvage_and_cost_nothing_before_them() {
    let key = "fixtures/seals/officer.key";
    for vector in ["member-duplicated", "file-and-folder-of-one-name", "tag-file-added"] {
        let folder = format!("fixtures/seals/{vector}");
        let sealed = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let sealed = sealed.into_iter().find(|path| path.to_string_lossy().ends_with(".zip.age")).unwrap();
        let desk = tempfile::tempdir().unwrap();
        let out = desk.path().join("out");
        let ran = phi([
            "open",
            "--salvage",
            "--json",
            "-i",
            key,
            sealed.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ]);
        let told = ran.run().code(3).json();
        assert!(told["entries"].as_u64().unwrap() > 5, "{vector}: {told}");
        assert!(!out.join("README.txt").exists() && out.join("data/root/etc/hostname").is_file(), "{vector}");
        assert_eq!(told["whole"], false, "{vector}");
    }
}

#[test]
fn a_cut_bundle_gives_exactly_the_members_that_are_proven() {
    let desk = Desk::new();
    let (_, bundle) = hostile(&desk);
    let whole = desk.open(&bundle);
    let sealed = fs::read(&bundle.sealed).unwrap();
    let mut counts = Vec::new();
    for cut in (1..20).map(|part| sealed.len() * part / 20) {
        let partial = desk.path(&format!("cut-{cut}.zip.age.partial"));
        fs::write(&partial, &sealed[..cut]).unwrap();
        let (folder, told) = salvage(&desk, &partial, &format!("cut-{cut}"));
        let salvaged = if folder.join("entries").exists() { entries(&folder) } else { Vec::new() };
        let mut with_member = 0;
        for entry in &salvaged {
            if let Some(member) = entry["member"].as_str() {
                with_member += 1;
                assert!(
                    fs::read(folder.join(member)).unwrap() == fs::read(whole.join(member)).unwrap(),
                    "{member}"
                );
            }
        }
        assert_eq!(told["members"], with_member as u64);
        assert_eq!(told["entries"], salvaged.len() as u64);
        let files = walk(&folder.join("data"));
        assert_eq!(files, with_member, "a file without a proof was left at {cut}");
        counts.push(with_member);
    }
    assert!(counts.windows(2).all(|pair| pair[0] <= pair[1]) && counts.last() > counts.first(), "{counts:?}");
}

#[test]
fn a_damaged_chunk_ends_the_salvage_before_it() {
    let desk = Desk::new();
    let (_, bundle) = hostile(&desk);
    let mut sealed = fs::read(&bundle.sealed).unwrap();
    let middle = sealed.len() / 2;
    sealed[middle] ^= 1;
    let damaged = desk.path("damaged.zip.age");
    fs::write(&damaged, &sealed).unwrap();
    let (folder, told) = salvage(&desk, &damaged, "damaged");
    assert!(told["entries"].as_u64().unwrap() > 5 && !told["ended"].as_str().unwrap().is_empty());
    assert!(!folder.join("seal.json").exists());
}

fn walk(folder: &std::path::Path) -> usize {
    let Ok(found) = fs::read_dir(folder) else { return 0 };
    found.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[test]
fn a_disk_that_fills_up_keeps_what_was_proven_until_then() {
    if !crate::support::only_root("a small disk") {
        return;
    }
    let desk = Desk::new();
    let mut noise = vec![0_u8; 40_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::new().file("/srv/a", "small\n").file("/srv/b", noise);
    let args = ["--only", "also", "--also", "/srv"];
    let bundle = Bundle::of(&desk.collect(&host).args(args).run().code(0).json());
    let disk = desk.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=60M none {0} && {1} open --salvage --json {2} -i {3} -o {0}/out; code=$?; \
            cat {0}/out/data/root/srv/a; test ! -e {0}/out/data/root/srv/b && exit $code",
        disk.display(),
        crate::support::PHI_IR,
        bundle.sealed.display(),
        desk.path("officer.key").display()
    );
    let args = ["-m", "sh", "-c", &script].map(std::ffi::OsStr::new);
    let ran = crate::support::tool("unshare", &args).code(3).says("no room for more").says("small");
    assert!(ran.stdout.contains("\"whole\": false"), "{}", ran.stdout);
}
