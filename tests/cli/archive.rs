//! The archive inside, in the hands of other people's programs.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use crate::support::{Bundle, Desk, FakeHost, tool};

/// The clear archive of a host with text, noise, nothing, and many small files.
fn clear(desk: &Desk) -> (FakeHost, PathBuf, String) {
    let mut noise = vec![0_u8; 300_000];
    getrandom::fill(&mut noise).unwrap();
    let mut host = FakeHost::small()
        .file("/srv/noise", noise)
        .file("/srv/text", "the same line again\n".repeat(50_000))
        .file("/srv/nothing", "");
    for n in 0..300 {
        host = host.file(&format!("/srv/many/{n}"), format!("{n}\n"));
    }
    let document = desk.collect(&host).args(["--only", "also", "--also", "/srv"]).run().code(0).json();
    let bundle = Bundle::of(&document);
    let zip = desk.path("clear.zip");
    let key = fs::read_to_string(desk.path("officer.key")).unwrap();
    let identities = phi_ir::seal::envelope::Identities::parse(&key, "key").unwrap();
    let mut bytes = Vec::new();
    identities.decrypt(fs::File::open(&bundle.sealed).unwrap()).unwrap().read_to_end(&mut bytes).unwrap();
    fs::write(&zip, bytes).unwrap();
    (host, zip, bundle.id)
}

#[test]
fn unzip_7z_python_and_bsdtar_give_back_the_same_bytes() {
    let desk = Desk::new();
    let (host, zip, id) = clear(&desk);
    let zip = zip.to_str().unwrap().to_owned();
    let unpackers: [(&str, Vec<String>); 4] = [
        ("unzip", vec!["-q".into(), zip.clone(), "-d".into(), "@".into()]),
        ("7z", vec!["x".into(), "-y".into(), "-o@".into(), zip.clone()]),
        (
            "python3",
            vec![
                "-c".into(),
                "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])"
                    .into(),
                zip.clone(),
                "@".into(),
            ],
        ),
        ("bsdtar", vec!["-x".into(), "-f".into(), zip.clone(), "-C".into(), "@".into()]),
    ];
    for (program, args) in unpackers {
        let folder = desk.path(program);
        fs::create_dir(&folder).unwrap();
        let args: Vec<String> = args.iter().map(|arg| arg.replace('@', folder.to_str().unwrap())).collect();
        let args: Vec<&std::ffi::OsStr> = args.iter().map(|arg| arg.as_ref()).collect();
        tool(program, &args).code(0);
        for path in ["/srv/noise", "/srv/text", "/srv/nothing", "/srv/many/299"] {
            let unpacked = fs::read(folder.join(&id).join(format!("data/root{path}"))).unwrap();
            assert!(unpacked == fs::read(host.at(path)).unwrap(), "{program} {path}");
        }
    }
}

#[test]
fn noise_is_stored_and_text_is_deflated_and_every_member_is_a_private_file() {
    let desk = Desk::new();
    let (_, zip, _) = clear(&desk);
    let listed = tool("zipinfo", &["-l".as_ref(), zip.as_os_str()]).code(0);
    let line = |name: &str| listed.stdout.lines().find(|line| line.ends_with(name)).unwrap().to_owned();
    assert!(line("/srv/noise").contains(" stor "), "{}", line("/srv/noise"));
    assert!(line("/srv/text").contains(" def"), "{}", line("/srv/text"));
    let members = listed.stdout.lines().filter(|line| line.contains("/data/") || line.contains("/entries/"));
    assert!(members.clone().count() > 600);
    assert!(members.into_iter().all(|line| line.starts_with("-rw-------")), "{}", listed.stdout);
}

#[test]
fn every_member_of_evidence_is_followed_by_its_entry_and_the_tail_stands_last() {
    let desk = Desk::new();
    let (_, zip, id) = clear(&desk);
    let listed = tool("unzip", &["-Z1".as_ref(), zip.as_os_str()]).code(0);
    let names: Vec<&str> =
        listed.stdout.lines().map(|name| name.strip_prefix(&format!("{id}/")).unwrap()).collect();
    assert_eq!(names[..2], ["bagit.txt", "plan.json"]);
    let tail =
        ["entries-sha256.txt", "manifest-sha256.txt", "bag-info.txt", "VERIFY.txt", "tagmanifest-sha256.txt"];
    assert_eq!(names[names.len() - 7..names.len() - 2], tail);
    assert_eq!(names[names.len() - 2..], ["seal.json", "seal.json.sig"]);
    for pair in names.windows(2).filter(|pair| pair[0].starts_with("data/")) {
        assert!(pair[1].starts_with("entries/"), "{pair:?}");
    }
}
