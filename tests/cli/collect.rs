//! `collect`

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, entries, entry_of, only_root, phi};

#[test]
fn what_a_host_has_is_in_the_bundle_byte_for_byte() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let bundle = Bundle::of(&desk.collect(&host).run().code(3).json());
    let opened = desk.open(&bundle);
    for path in ["/var/log/audit/audit.log", "/var/log/auth.log", "/home/alice/.bash_history", "/etc/passwd"]
    {
        let sealed = fs::read(opened.join(format!("data/root{path}"))).unwrap();
        assert_eq!(sealed, fs::read(host.at(path)).unwrap(), "{path}");
    }
    let entries = entries(&opened);
    let audit = entry_of(&entries, "/var/log/audit/audit.log");
    assert_eq!(audit["collector"], "audit-logs");
    assert_eq!(audit["outcome"], "collected");
    assert_eq!(
        audit["stat"]["before"]["uid"],
        fs::metadata(host.at("/var/log/audit/audit.log")).unwrap().uid()
    );
    assert_eq!(audit["hipaa"][0], "164.312(b)");
}

#[test]
fn the_bundle_is_private_and_alone_in_its_folder() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let mut names: Vec<String> = fs::read_dir(desk.out())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let id = &bundle.id;
    assert_eq!(
        names,
        [format!("{id}.receipt.json"), format!("{id}.receipt.json.sig"), format!("{id}.zip.age")]
    );
    for name in names {
        let mode = fs::metadata(desk.out().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(id.starts_with("clinic-db-2") && id.len() <= 80, "{id}");
}

#[test]
fn phi_content_stays_where_it_is_and_its_metadata_is_listed() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let opened = desk.open(&bundle);
    let rows = fs::read_to_string(opened.join("data/live/phi-files/files-000001.jsonl")).unwrap();
    let paths: Vec<String> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["path"].as_str().unwrap().to_owned())
        .collect();
    let expected =
        ["/var/data/phi", "/var/data/phi/a.txt", "/var/data/phi/records", "/var/data/phi/records/b.txt"];
    assert_eq!(paths, expected);
    assert!(rows.contains("\"sha256\":"), "files that changed in the window are hashed: {rows}");
    assert!(!opened.join("data/root/var/data/phi").exists());
}

#[test]
fn content_needs_a_reason_and_is_taken_with_one() {
    let desk = Desk::new();
    let host = FakeHost::small();
    desk.collect(&host).args(["--include-content"]).run().code(2).says("--reason").says("hint:");
    // From a pipe, so that it need not stand in anybody's shell history.
    let args = ["--include-content", "--reason", "-"];
    let bundle = Bundle::of(&desk.collect(&host).args(args).stdin("court order\n").run().code(3).json());
    let opened = desk.open(&bundle);
    assert_eq!(fs::read_to_string(opened.join("data/root/var/data/phi/a.txt")).unwrap(), "made up\n");
    let plan: Value = serde_json::from_slice(&fs::read(opened.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["asked"]["reason"], "court order");
    let content = entries(&opened);
    assert_eq!(entry_of(&content, "/var/data/phi/a.txt")["phi"], "content");
}

#[test]
fn password_hashes_never_get_into_the_bundle() {
    let desk = Desk::new();
    let bundle = desk.bundle();
    let opened = desk.open(&bundle);
    let shadow = fs::read_to_string(opened.join("data/live/accounts/shadow.jsonl")).unwrap();
    assert!(shadow.contains("sha512crypt") && shadow.contains("alice"), "{shadow}");
    let mut files = vec![opened];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(8).any(|part| part == b"notahash"), "a hash is in {}", path.display());
        }
    }
}

#[test]
fn without_a_recipient_nothing_begins_and_the_hint_says_whom_to_ask() {
    let desk = Desk::new();
    let ran = phi(["collect"]).current_dir(&desk.out()).run().code(2);
    ran.says("no recipient").says("phi-ir keygen -o officer.key").says("--passphrase");
    assert_eq!(fs::read_dir(desk.out()).unwrap().count(), 0);
}

#[test]
fn a_private_key_as_recipient_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let secret = fs::read_to_string(desk.path("officer.key")).unwrap();
    let secret = secret.lines().last().unwrap();
    let ran = phi(["collect", "-r", secret]).current_dir(&desk.out()).run().code(2).says("private key");
    assert!(!ran.stderr.contains(secret));
    phi(["collect", "-r", "ssh-ed25519 AAAA"]).current_dir(&desk.out()).run().code(2).says("SSH key");
}

#[test]
fn recipients_come_from_files_with_labels() {
    let desk = Desk::new();
    let file = desk.path("recipients.txt");
    fs::write(&file, format!("# Compliance officer\n{}\n", desk.recipient)).unwrap();
    let host = FakeHost::small();
    let ran = phi(["collect", "--only", "mounts"])
        .args([std::ffi::OsStr::new("-R"), file.as_os_str(), "--root".as_ref(), host.path().as_os_str()])
        .current_dir(&desk.out())
        .run();
    ran.code(0).says("Compliance officer").says("COMPLETE for: mounts");
}

#[test]
fn an_output_that_is_a_link_or_open_to_all_is_refused() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let link = desk.path("link");
    symlink(desk.out(), &link).unwrap();
    let base = || phi(["collect", "-r", &desk.recipient, "--root", host.path().to_str().unwrap(), "-o"]);
    base().args([&link]).run().code(1).says("symbolic link").says("hint:");
    fs::set_permissions(desk.out(), fs::Permissions::from_mode(0o777)).unwrap();
    base().args([&desk.out()]).run().code(1).says("sticky");
    base().args([desk.path("none")]).run().code(1).says("none");
    assert_eq!(fs::read_dir(desk.out()).unwrap().count(), 0);
}

#[test]
fn a_passphrase_from_a_descriptor_seals_and_opens() {
    let desk = Desk::new();
    let host = FakeHost::small();
    // The shell opens the descriptor, as an administrator would.
    let script = format!(
        "exec 7<<'EOF'\ncorrect horse\nEOF\n{} collect --quiet --json --passphrase-fd 7 --root {} -o {} --only mounts",
        crate::support::PHI_IR,
        host.path().display(),
        desk.out().display()
    );
    let ran = crate::support::tool("bash", &["-c".as_ref(), script.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let bundle = Bundle::of(&ran.json());
    let verify = |phrase: &str| {
        let script = format!(
            "{} verify --passphrase-fd 7 {} 7<<< '{phrase}'",
            crate::support::PHI_IR,
            bundle.sealed.display()
        );
        crate::support::tool("bash", &["-c".as_ref(), script.as_ref()])
    };
    assert_eq!(verify("correct horse").code, 0);
    verify("wrong horse").code(1).says("none of the keys");
    desk.verify(&bundle.sealed).run().code(1).says("sealed with a passphrase");
    assert!(!fs::read_to_string(&bundle.receipt).unwrap().contains("horse"));
}

#[test]
fn a_stream_goes_to_stdout_and_its_receipt_to_a_file() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let root = host.path().to_str().unwrap();
    phi(["collect", "-r", &desk.recipient, "--root", root, "-o", "-"]).run().code(2).says("--receipt");
    let receipt = desk.path("stream.receipt.json");
    let ran =
        phi(["collect", "--json", "--quiet", "-r", &desk.recipient, "--root", root, "-o", "-", "--receipt"])
            .args([&receipt])
            .run()
            .code(3);
    let document: Value = serde_json::from_str(&ran.stderr[ran.stderr.find('{').unwrap()..]).unwrap();
    assert!(document["bundle"].is_null());
    let sealed = desk.path("stream.zip.age");
    fs::write(&sealed, &ran.raw).unwrap();
    let verdict = desk.verify(&sealed).args(["--json"]).run().code(0).json();
    assert_eq!(verdict["unchanged"], "yes");
    assert_eq!(document["bytes"], ran.raw.len() as u64);
}

#[test]
fn the_json_reconciles_with_the_entries() {
    let desk = Desk::new();
    let document = desk.collect(&FakeHost::small()).run().code(3).json();
    let bundle = Bundle::of(&document);
    let entries = entries(&desk.open(&bundle));
    assert_eq!(document["counts"]["entries"], entries.len() as u64);
    for (outcome, count) in document["counts"]["outcomes"].as_object().unwrap() {
        let found = entries.iter().filter(|entry| entry["outcome"] == outcome.as_str()).count();
        assert_eq!(*count, found as u64, "{outcome}");
    }
    let gaps = entries.iter().filter(|e| e["outcome"] != "collected" && e["outcome"] != "empty").count();
    assert_eq!(document["gaps"].as_array().unwrap().len(), gaps);
    let code = document["spoken_code"].as_str().unwrap();
    let receipt = crate::support::tool("sha256sum", &[bundle.receipt.as_os_str()]);
    assert_eq!(code.replace('-', ""), receipt.stdout[..24]);
    assert!(!fs::read_to_string(&bundle.receipt).unwrap().contains(code), "the code is never written inside");
}

#[test]
fn names_that_no_desktop_could_unpack_are_collected_and_harmless() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let folder = host.at("/srv/odd");
    fs::create_dir_all(&folder).unwrap();
    use std::os::unix::ffi::OsStrExt as _;
    let names: [&[u8]; 9] = [
        b"new\nline",
        b"\x1b[31mred",
        b"\xff\xfe",
        b"a:b?c*d",
        b"CON",
        b"dot.",
        b"-rf",
        "\u{202e}txt.exe".as_bytes(),
        &[b'n'; 255],
    ];
    for name in names {
        fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(folder.join("Twin"), "T").unwrap();
    fs::write(folder.join("twin"), "t").unwrap();
    let ran = desk.collect(&host).args(["--only", "also", "--also", "/srv/odd"]).run().code(0);
    assert!(!ran.stderr.contains('\x1b') && !ran.stdout.contains('\x1b'));
    let opened = desk.open(&Bundle::of(&ran.json()));
    let copies: Vec<Value> =
        entries(&opened).into_iter().filter(|entry| entry["collector"] == "also").collect();
    assert_eq!(copies.len(), names.len() + 2);
    for entry in copies {
        let member = entry["member"].as_str().unwrap();
        assert!(member.is_ascii() && member.len() <= 200, "{member}");
        let sealed = fs::read(opened.join(member)).unwrap();
        use base64::Engine as _;
        let path = entry["source"]["path_b64"].as_str().unwrap();
        let path = base64::prelude::BASE64_STANDARD.decode(path).unwrap();
        let original = host.path().join(std::ffi::OsStr::from_bytes(&path[1..]));
        assert_eq!(sealed, fs::read(original).unwrap(), "{member}");
    }
}

#[test]
fn links_are_recorded_and_lead_nowhere_that_was_not_asked_for() {
    let desk = Desk::new();
    let host = FakeHost::small()
        .link("/home/alice/.zsh_history", "/etc/shadow")
        .link("/var/log/auth.log.1", "/etc/shadow")
        .file("/run/resolv.conf", "nameserver 10.0.0.1\n")
        .link("/etc/resolv.conf", "../run/resolv.conf");
    let opened = desk.open(&Bundle::of(&desk.collect(&host).run().code(3).json()));
    let entries = entries(&opened);
    let link =
        entries.iter().find(|e| e["kind"] == "link" && e["source"]["display"] == "/var/log/auth.log.1");
    assert!(link.is_some(), "the planted link is recorded");
    assert!(!opened.join("data/root/var/log/auth.log.1").exists());
    assert!(!opened.join("data/root/home/alice/.zsh_history").exists());
    let resolv = fs::read_to_string(opened.join("data/root/etc/resolv.conf")).unwrap();
    assert_eq!(resolv, "nameserver 10.0.0.1\n", "a link of root's that was asked for by name is followed");
}

#[test]
fn the_examined_tree_is_unchanged_to_the_access_times() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let old =
        fs::FileTimes::new().set_accessed(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000));
    fn walk(path: &std::path::Path, all: &mut Vec<std::path::PathBuf>) {
        all.push(path.to_owned());
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), all));
        }
    }
    let mut all = Vec::new();
    walk(host.path(), &mut all);
    for path in &all {
        fs::File::open(path).unwrap().set_times(old).unwrap();
    }
    let state = || -> Vec<_> {
        all.iter()
            .map(|path| {
                let met = fs::symlink_metadata(path).unwrap();
                (
                    path.clone(),
                    met.atime(),
                    met.mtime(),
                    met.ctime(),
                    met.ctime_nsec(),
                    met.mode(),
                    met.size(),
                )
            })
            .collect()
    };
    let before = state();
    desk.collect(&host).run().code(3);
    assert_eq!(state(), before);
}

#[test]
fn a_user_without_privileges_gets_an_honest_bundle() {
    if !only_root("a run as nobody over files of root") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::small().mode("/etc/shadow", 0o600).mode("/var/log/audit", 0o700);
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(desk.out(), Some(65534), Some(65534)).unwrap();
    let ran =
        phi(["collect", "--quiet", "--json", "-r", &desk.recipient, "--root", host.path().to_str().unwrap()])
            .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
            .by_nobody()
            .run()
            .code(3);
    let document = ran.json();
    assert_eq!(document["result"], "partial");
    let gaps = document["gaps"].as_array().unwrap();
    let denied =
        |collector: &str| gaps.iter().any(|gap| gap["collector"] == collector && gap["outcome"] == "denied");
    assert!(denied("accounts") && denied("audit-logs"), "{document}");
}

#[test]
fn names_below_phi_folders_are_told_only_inside() {
    if !only_root("a PHI folder that nobody may list") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::small().folder("/var/data/phi/Jane Roe").mode("/var/data/phi/Jane Roe", 0o000);
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(desk.out(), Some(65534), Some(65534)).unwrap();
    let run = |json: &[&str]| {
        phi(["collect", "-r", &desk.recipient, "--root", host.path().to_str().unwrap()])
            .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()])
            .args(json)
            .by_nobody()
            .run()
            .code(3)
    };
    for ran in [run(&[]), run(&["--json"])] {
        assert!(!ran.stdout.contains("Jane") && !ran.stderr.contains("Jane"), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("denied"));
    }
    for found in fs::read_dir(desk.out()).unwrap() {
        let path = found.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            assert!(!fs::read_to_string(path).unwrap().contains("Jane"));
        }
    }
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_before_anything_begins() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let try_with = |args: &[&str]| desk.collect(&host).args(args).run().code(2);
    try_with(&["--since", "yesterday"]).says("--since").says("hint:");
    try_with(&["--since", "2999-01-01"]).says("future");
    try_with(&["--only", "audit-log"]).says("\"audit-logs\"").says("hint:");
    try_with(&["--case", "Jane Roe"]).says("a-z");
    try_with(&["--max-bytes", "many"]).says("hint:");
    try_with(&["--profile", "huge"]).says("incident");
    try_with(&["--nonsense"]);
    assert_eq!(fs::read_dir(desk.out()).unwrap().count(), 0);
}

#[test]
fn a_limit_on_bytes_or_time_seals_what_there_is() {
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/big", vec![b'x'; 3_000_000]);
    let args = ["--also", "/srv/big", "--max-bytes", "1000000"];
    let document = desk.collect(&host).args(args).run().code(3).json();
    assert!(document["stopped_by"].as_str().unwrap().contains("--max-bytes"), "{document}");
    assert_eq!(document["result"], "partial");
    let bundle = Bundle::of(&document);
    desk.verify(&bundle.sealed).run().code(0);
    let entries = entries(&desk.open(&bundle));
    let big = entry_of(&entries, "/srv/big");
    assert_eq!(
        (big["outcome"].as_str(), big["reason_code"].as_str()),
        (Some("truncated"), Some("byte_limit"))
    );
    assert!(entries.iter().any(|e| e["outcome"] == "skipped" && e["reason_code"] == "byte_limit"));
    assert_eq!(entries.last().unwrap()["collector"], "clock-end");

    let document = desk.collect(&host).args(["--max-time", "0s"]).run().code(3).json();
    assert!(document["stopped_by"].as_str().unwrap().contains("--max-time"));
    desk.verify(&Bundle::of(&document).sealed).run().code(0);
}

#[test]
fn a_config_gives_recipients_and_folders_and_is_sealed() {
    let desk = Desk::new();
    let host = FakeHost::small().folder("/srv/charts");
    let config = desk.path("config.toml");
    let text = format!(
        "phi = [\"/srv/charts\"]\noutput = {:?}\n[[recipients]]\nlabel = \"Officer\"\nkey = {:?}\n",
        desk.out(),
        desk.recipient
    );
    fs::write(&config, &text).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let run = || {
        phi(["collect", "--root", host.path().to_str().unwrap()])
            .env("PHI_IR_CONFIG", &config)
            .args(["--json"])
            .run()
    };
    let ran = run().code(3).says("Officer x25519 from config").says("/srv/charts (config)");
    let opened = desk.open(&Bundle::of(&ran.json()));
    let sealed: Value =
        serde_json::from_slice(&fs::read(opened.join("data/live/settings/config.json")).unwrap()).unwrap();
    assert_eq!(sealed["config"], text.as_str());
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    run().code(1).says("others than its owner can write it");
}
