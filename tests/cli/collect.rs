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
    verify("wrong horse").code(1).says("the passphrase does not open");
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
    // A receipt that could not be written afterwards would make the stream worthless: nothing is streamed.
    for taken in ["stream.receipt.json", "stream.receipt.json.sig"] {
        fs::write(desk.path(taken), "taken").unwrap();
        let ran = phi(["collect", "-r", &desk.recipient, "--root", root, "-o", "-", "--receipt"])
            .args([&receipt])
            .run();
        assert!(ran.code(1).says("exists already").raw.is_empty());
        fs::remove_file(desk.path(taken)).unwrap();
        assert!(!receipt.exists() && !desk.path("stream.receipt.json.sig").exists());
    }
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
fn a_sealed_file_never_goes_to_a_terminal() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let receipt = desk.path("t.json");
    let command = format!(
        "{} collect -r {} --root {} -o - --receipt {}",
        crate::support::PHI_IR,
        desk.recipient,
        host.path().display(),
        receipt.display()
    );
    // script(1) gives it a terminal.
    let args = ["-q", "-e", "-c", &command, "/dev/null"].map(std::ffi::OsStr::new);
    crate::support::tool("script", &args).code(2).says("to this terminal");
    assert!(!receipt.exists());
}

#[test]
fn a_stream_that_the_config_asked_for_is_as_clean() {
    let desk = Desk::new();
    let host = FakeHost::small();
    let config = desk.path("config.toml");
    fs::write(&config, "output = \"-\"\n").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let root = host.path().to_str().unwrap();
    let receipt = desk.path("s.receipt.json");
    let ran = phi(["collect", "--quiet", "-r", &desk.recipient, "--root", root, "--receipt"])
        .args([&receipt])
        .env("PHI_IR_CONFIG", &config)
        .run()
        .code(3)
        .says("Next:");
    let sealed = desk.path("s.zip.age");
    fs::write(&sealed, &ran.raw).unwrap();
    let verdict = desk.verify(&sealed).args(["--json"]).run().code(0).json();
    assert_eq!(verdict["unchanged"], "yes");
}

#[test]
fn our_own_output_is_never_evidence() {
    let desk = Desk::new();
    let host = FakeHost::small().folder("/srv/out").file("/srv/out/notes", "of the host\n");
    let out = host.at("/srv/out");
    let args =
        ["collect", "--quiet", "--json", "--only", "also", "--also", "/srv/out", "-r", &desk.recipient];
    let ran = phi(args).args(["--root".as_ref(), host.path(), "-o".as_ref(), &out]).run().code(0);
    let entries = entries(&desk.open(&Bundle::of(&ran.json())));
    let own = entries.iter().find(|entry| entry["reason_code"] == "own_output").expect("no entry of it");
    assert_eq!(own["outcome"], "skipped");
    assert!(
        !entries.iter().any(|entry| entry["member"].as_str().is_some_and(|name| name.contains(".partial")))
    );
    assert_eq!(entry_of(&entries, "/srv/out/notes")["outcome"], "collected");
}

#[test]
fn what_a_person_points_at_is_taken_but_neither_hashes_nor_content_of_phi_files() {
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/x", "x");
    let args = ["--only", "auth-logs", "--also", "/etc", "--also", "/var/data", "--also", "/nonexistent"];
    let ran = desk.collect(&host).args(args).run().code(3);
    let opened = desk.open(&Bundle::of(&ran.json()));
    assert!(opened.join("data/root/etc/passwd").exists());
    assert!(!opened.join("data/root/etc/shadow").exists());
    assert!(!opened.join("data/root/var/data/phi/a.txt").exists());
    let gaps = ran.json()["gaps"].clone();
    let with = |code: &str| {
        let mut named = gaps.as_array().unwrap().iter().filter(|gap| gap["collector"] == "also");
        let gap = named.find(|gap| gap["reason_code"] == code);
        gap.unwrap_or_else(|| panic!("no {code}: {gaps}")).clone()
    };
    assert!(with("secret")["reason"].as_str().unwrap().contains("1 files of password hashes"));
    assert!(with("phi_content")["reason"].as_str().unwrap().contains("2 files below PHI folders"));
    // Each path that was named has its own answer.
    assert_eq!(with("not_found")["source"], "/nonexistent");
    let folder = FakeHost::new().folder("/srv/empty");
    let ran = desk.collect(&folder).args(["--only", "also", "--also", "/srv/empty"]).run().code(0);
    let entries = entries(&desk.open(&Bundle::of(&ran.json())));
    assert_eq!(entry_of(&entries, "/srv/empty")["outcome"], "empty");
}

#[test]
fn a_file_that_was_kept_in_part_is_taken_whole_when_it_is_asked_for() {
    let desk = Desk::new();
    let host = FakeHost::new().file("/etc/big.conf", vec![b'x'; 5000]);
    let folder = desk.path("definitions");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let text = "title='T'\nwhy='w'\nvolatility='temporary'\nprofiles=['full']\nphi='none'\n[[copy]]\n\
        paths=['/etc/big.conf']\nmax_size=1000\n";
    fs::write(folder.join("first.toml"), text).unwrap();
    fs::set_permissions(folder.join("first.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let args = ["--only", "first", "--also", "/etc/big.conf", "--definitions", folder.to_str().unwrap()];
    let opened = desk.open(&Bundle::of(&desk.collect(&host).args(args).run().code(0).json()));
    let sizes: Vec<(String, u64)> = entries(&opened)
        .iter()
        .filter(|entry| entry["source"]["display"] == "/etc/big.conf")
        .map(|entry| (entry["outcome"].as_str().unwrap().to_owned(), entry["size"].as_u64().unwrap()))
        .collect();
    assert_eq!(sizes, [("truncated".to_owned(), 1000), ("collected".to_owned(), 5000)]);
}

#[test]
fn an_account_with_a_home_below_run_hides_nobody_s_keys() {
    let desk = Desk::new();
    let host = FakeHost::new()
        .file(
            "/etc/passwd",
            "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\nroot:x:0:0:root:/root:/bin/bash\n",
        )
        .file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA intruder\n");
    let opened = desk.open(&Bundle::of(&desk.collect(&host).args(["--only", "sshd"]).run().code(0).json()));
    assert!(opened.join("data/root/root/.ssh/authorized_keys").exists());
}

#[test]
fn the_audit_log_is_where_auditd_conf_says() {
    let desk = Desk::new();
    let host = FakeHost::new()
        .file("/etc/audit/auditd.conf", "log_file = /data/au[1]/real.log\n")
        .file("/data/au[1]/real.log", "type=DAEMON_START msg=audit(1795292388.000:1): op=start\n")
        .file("/data/au[1]/real.log.1", "type=DAEMON_END msg=audit(1795292000.000:1): op=terminate\n")
        .file("/var/log/audit/audit.log", "type=DAEMON_END msg=audit(1625292000.000:1): op=terminate\n");
    let only = ["--only", "audit-logs"];
    let opened = desk.open(&Bundle::of(&desk.collect(&host).args(only).run().code(0).json()));
    let logs = entries(&opened);
    assert_eq!(entry_of(&logs, "/data/au[1]/real.log")["step"], "copy-1");
    assert_eq!(entry_of(&logs, "/data/au[1]/real.log.1")["step"], "copy-2");
    assert_eq!(entry_of(&logs, "/var/log/audit/audit.log")["step"], "copy-3");
    fs::remove_dir_all(host.at("/data")).unwrap();
    let document = desk.collect(&host).args(only).run().code(3).json();
    let gap = document["gaps"].as_array().unwrap().iter().find(|gap| gap["need"] == "required").unwrap();
    assert_eq!(gap["source"], "/data/au[1]/real.log");
}

#[test]
fn a_name_where_the_log_should_be_is_not_the_log() {
    let desk = Desk::new();
    let logs =
        |host: FakeHost| desk.collect(&host).args(["--only", "audit-logs", "--only", "auth-logs"]).run();
    let log = "type=DAEMON_START msg=audit(1795292388.000:1): op=start\n";
    // A link of root's is followed to the log itself.
    let led = FakeHost::new()
        .file("/data/audit.log", log)
        .file("/data/auth.log", "Nov 21 sshd\n")
        .link("/var/log/audit/audit.log", "/data/audit.log")
        .link("/var/log/auth.log", "/data/auth.log");
    let opened = desk.open(&Bundle::of(&logs(led).code(0).json()));
    let sealed =
        entries(&opened).iter().filter(|e| e["kind"] == "copy" && e["collector"] == "audit-logs").count();
    assert_eq!(sealed, 1);
    // One that leads nowhere, a FIFO, or a file without a byte is not enough; and the link is told.
    let nowhere = FakeHost::new().link("/var/log/audit", "/mnt/gone").file("/var/log/auth.log", "x");
    let ran = logs(nowhere).code(3);
    let told = entries(&desk.open(&Bundle::of(&ran.json())));
    assert_eq!(entry_of(&told, "/var/log/audit")["kind"], "link");
    let fifo = FakeHost::new().file("/var/log/auth.log", "x").folder("/var/log/audit");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let at = fifo.at("/var/log/audit/audit.log");
    rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    logs(fifo).code(3).says("special_file");
    let audit = || FakeHost::new().file("/var/log/audit/audit.log", log);
    logs(audit().file("/var/log/auth.log", "")).code(3).says("zero_bytes");
    // Nor are two names for nothing, or what is left of an earlier week.
    logs(audit().file("/var/log/auth.log", "").link("/var/log/secure", "auth.log")).code(3);
    logs(audit().file("/var/log/auth.log.1", "older")).code(3);
    let emptied =
        FakeHost::new().file("/var/log/audit/audit.log", "").file("/var/log/audit/audit.log.1", log);
    logs(emptied.file("/var/log/auth.log", "x")).code(3).says("zero_bytes");
    let removed = FakeHost::new().file("/var/log/audit/audit.log.1", log).file("/var/log/auth.log", "x");
    logs(removed).code(3).says("not_found");
    logs(FakeHost::new().file("/var/log/audit/audit.log", log).file("/var/log/auth.log", "x")).code(0);
}

#[test]
fn a_phi_folder_that_cannot_be_listed_is_a_gap() {
    if !crate::support::only_root("a folder that nobody else may list") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::small().file("/srv/records/x", "x").mode("/srv/records", 0o700);
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let out = tempfile::tempdir().unwrap();
    fs::set_permissions(out.path(), fs::Permissions::from_mode(0o777 | 0o1000)).unwrap();
    let ran = phi(["collect", "--quiet", "--json", "-r", &desk.recipient, "--only", "phi-files"])
        .args(["--phi", "/srv/records", "--root"])
        .args([host.path(), "-o".as_ref(), out.path()])
        .by_nobody()
        .run()
        .code(3);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["collector"] == "phi-files" && gap["outcome"] == "denied"), "{gaps:?}");
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
    try_with(&["--only", "audit-log"]).says("did you mean audit-logs?").says("hint:");
    try_with(&["--only", "audit-logs,auth-logs"]).says("name one at a time");
    try_with(&["--only", "phi-content"]).says("without --include-content");
    try_with(&["--only", "clock-start"]).says("nothing would be collected");
    try_with(&["--phi", "/etc/passwd"]).says("not a folder");
    try_with(&["--since", "0001-01-01"]).says("--since");
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
    let ran = run().code(3).says("can be opened by: Officer, age1").says("/srv/charts (config)");
    let opened = desk.open(&Bundle::of(&ran.json()));
    let sealed: Value =
        serde_json::from_slice(&fs::read(opened.join("data/live/settings/config.json")).unwrap()).unwrap();
    assert_eq!(sealed["config"], text.as_str());
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    run().code(1).says("others than its owner can write it");
}

#[test]
fn an_image_is_asked_for_what_it_holds_below_run_and_dev_all_the_same() {
    let desk = Desk::new();
    let host =
        FakeHost::new().file("/dev/.hid", "hidden").file("/run/log/journal/1/system.journal", "LPKSHHRH");
    let args = ["--only", "journal", "--also", "/dev/.hid", "--also", "/run/none"];
    let ran = desk.collect(&host).args(args).run().code(3);
    let told = entries(&desk.open(&Bundle::of(&ran.json())));
    assert_eq!(entry_of(&told, "/dev/.hid")["outcome"], "collected");
    assert_eq!(entry_of(&told, "/run/none")["outcome"], "missing");
    assert_eq!(entry_of(&told, "/run/log/journal/1/system.journal")["outcome"], "collected");
}

#[test]
fn shadow_that_holds_nothing_or_noise_is_no_shadow() {
    let desk = Desk::new();
    for (text, code) in [("", "zero_bytes"), ("\u{1}\u{2}noise\n", "not_parsed")] {
        let host = FakeHost::small().file("/etc/shadow", text);
        desk.collect(&host).args(["--only", "accounts"]).run().code(3).says(code);
    }
    desk.collect(&FakeHost::small()).args(["--only", "accounts"]).run().code(0);
}

#[test]
fn hashes_and_phi_content_stay_under_whatever_name() {
    if !crate::support::only_root("hard links and mounts") {
        return;
    }
    let desk = Desk::new();
    let host =
        FakeHost::small().folder("/many").file("/srv/chroot/etc/shadow", "x:notahash").folder("/mnt/b");
    fs::hard_link(host.at("/etc/shadow"), host.at("/many/s")).unwrap();
    let script = format!(
        "mount --bind {0}/var/data {0}/mnt/b && exec {1} collect --quiet --json -r {2} --root {0} --only also \
            --also /many --also /mnt --also /srv -o {3}",
        host.path().display(),
        crate::support::PHI_IR,
        desk.recipient,
        desk.out().display()
    );
    let args = ["-m", "sh", "-c", &script].map(std::ffi::OsStr::new);
    let ran = crate::support::tool("unshare", &args).code(3);
    let opened = desk.open(&Bundle::of(&ran.json()));
    for path in ["many/s", "srv/chroot/etc/shadow", "mnt/b/phi/a.txt"] {
        assert!(!opened.join("data/root").join(path).exists(), "{path}");
    }
    assert!(!ran.stdout.contains("a.txt"), "a name below a PHI folder is told");
}

#[test]
fn names_below_a_phi_folder_are_not_told_when_a_link_led_there() {
    let desk = Desk::new();
    let host = FakeHost::small()
        .file("/var/data/phi/john-doe.pdf", "more than ten bytes")
        .link("/lnk", "/var/data/phi");
    let folder = desk.path("definitions");
    fs::create_dir(&folder).unwrap();
    let text = "title='T'\nwhy='w'\nvolatility='temporary'\nprofiles=['full']\nphi='content'\n[[copy]]\n\
        paths=['/lnk/*']\nmax_size=10\n";
    fs::write(folder.join("trial.toml"), text).unwrap();
    for path in [&folder, &folder.join("trial.toml")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let args = ["--only", "trial", "--include-content", "--reason", "r", "--definitions"];
    let ran = desk.collect(&host).args(args).args([&folder]).run().code(0).says("size_limit");
    assert!(!ran.stdout.contains("john-doe") && !ran.stderr.contains("john-doe"), "{}", ran.stdout);
    let verdict = desk.verify(&Bundle::of(&ran.json()).sealed).args(["--json"]).run().code(0);
    assert!(!verdict.stdout.contains("john-doe"), "{}", verdict.stdout);
    // The control: the entry has it.
    let told = entries(&desk.open(&Bundle::of(&ran.json())));
    assert!(told.iter().any(|entry| entry["source"]["display"] == "/lnk/john-doe.pdf"));
}

#[test]
fn a_time_that_no_calendar_holds_costs_no_bundle() {
    if !crate::support::only_root("a file system with 64-bit times") {
        return;
    }
    let desk = Desk::new();
    let host = FakeHost::small().folder("/srv/far");
    let script = format!(
        "mount -t tmpfs none {0}/srv/far && echo x > {0}/srv/far/late && echo y > {0}/srv/far/early && \
            touch -d @300000000000 {0}/srv/far/late && touch -d @-99999999999 {0}/srv/far/early && \
            exec {1} collect --quiet --json -r {2} --root {0} --only also --also /srv/far -o {3}",
        host.path().display(),
        crate::support::PHI_IR,
        desk.recipient,
        desk.out().display()
    );
    let args = ["-m", "sh", "-c", &script].map(std::ffi::OsStr::new);
    let ran = crate::support::tool("unshare", &args).code(0);
    let bundle = Bundle::of(&ran.json());
    desk.verify(&bundle.sealed).run().code(0);
    let told = entries(&desk.open(&bundle));
    let late = &entry_of(&told, "/srv/far/late")["stat"]["before"];
    assert_eq!(late["unix"]["mtime"], 300_000_000_000_i64);
    assert_eq!(late["mtime"], "9999-12-31T23:59:59.000000000Z");
    assert_eq!(entry_of(&told, "/srv/far/early")["stat"]["before"]["unix"]["mtime"], -99_999_999_999_i64);
    desk.collect(&host).args(["--first-alert", "1000000d"]).run().code(2).says("--first-alert");
}

#[test]
fn the_longest_names_still_make_a_bundle_that_verifies() {
    let desk = Desk::new();
    let case = "123456789012345678901234";
    for name in
        ["con.abcdefghijklmnopqrstuvwxyz", "aux", "a-very-long-name-of-a-host-indeed.example", "..", "é"]
    {
        let args = ["--only", "mounts", "--pseudonym", name, "--case", case];
        let bundle = Bundle::of(&desk.collect(&FakeHost::small()).args(args).run().code(0).json());
        assert!(bundle.id.len() <= 80, "{}", bundle.id);
        desk.verify(&bundle.sealed).run().code(0);
    }
}

#[test]
fn a_run_that_is_stopped_at_once_still_says_what_it_was() {
    let desk = Desk::new();
    let document = desk.collect(&FakeHost::small()).args(["--max-time", "0s"]).run().code(3).json();
    let opened = desk.open(&Bundle::of(&document));
    let seal: Value = serde_json::from_slice(&fs::read(opened.join("seal.json")).unwrap()).unwrap();
    for role in ["host", "clock_start", "clock_end", "invoker", "footprint", "config", "limits"] {
        assert!(seal["entries"][role].is_string(), "{role}");
    }
    assert!(opened.join("data/live/definitions/audit-logs.toml").exists());
}

#[test]
fn a_phi_folder_without_a_single_file_is_no_answer() {
    let desk = Desk::new();
    let host = FakeHost::small().folder("/srv/records/2026");
    let ran = desk.collect(&host).args(["--only", "phi-files", "--phi", "/srv/records"]).run().code(3);
    ran.says("no_files").says("holds no file at all");
    let ran = desk.collect(&host).args(["--only", "phi-files", "--phi", "/srv/none"]).run().code(3);
    ran.says("no_phi_root");
    desk.collect(&host).args(["--phi", "srv/records"]).run().code(2).says("relative path");
}

#[test]
fn one_byte_is_no_log_and_a_rotated_one_alone_is_told_by_name() {
    let desk = Desk::new();
    let audit = "type=DAEMON_START msg=audit(1795292388.000:1): op=start\n";
    let run = |host: FakeHost, only: &str| desk.collect(&host).args(["--only", only]).run();
    run(FakeHost::new().file("/var/log/audit/audit.log", "\n"), "audit-logs").code(3).says("odd_form");
    run(FakeHost::new().file("/var/log/wtmp", "\n"), "login-records").code(3).says("odd_form");
    run(FakeHost::new().file("/var/log/wtmp", vec![0_u8; 384]), "login-records").code(0);
    let journal = FakeHost::new().file("/var/log/journal/1/system.journal", "j\n");
    run(journal, "journal").code(3).says("odd_form");
    let renamed = FakeHost::new()
        .file("/var/log/audit/audit.log", audit)
        .file("/var/log/auth.log.1", "older\n")
        .file("/var/log/journal/1/system.journal", "LPKSHHRH\0\0");
    let ran = desk.collect(&renamed).args(["--only", "auth-logs", "--only", "journal"]).run().code(0);
    ran.says("only_rotated").says("/var/log/auth.log");
}

#[test]
fn systems_that_keep_things_elsewhere_are_not_partial_for_that() {
    let desk = Desk::new();
    let system = |id: &str| {
        FakeHost::new()
            .file("/etc/os-release", format!("ID={id}\nID_LIKE=\"suse\"\n"))
            .file("/var/log/messages", "Nov 21 20:19:48 h sshd[1]: Accepted\n")
    };
    let run =
        |host: FakeHost, only: &str, code| drop(desk.collect(&host).args(["--only", only]).run().code(code));
    run(system("opensuse-leap"), "auth-logs", 0);
    run(FakeHost::new().file("/var/log/messages", "x"), "auth-logs", 3);
    run(FakeHost::new().file("/etc/os-release", "ID=alpine\n").file("/var/log/wtmp", ""), "login-records", 0);
    run(FakeHost::new().file("/etc/os-release", "ID=debian\n").file("/var/log/wtmp", ""), "login-records", 3);
}

#[test]
fn homes_of_a_domain_and_keys_elsewhere_are_looked_into() {
    let desk = Desk::new();
    let host = FakeHost::new()
        .file("/etc/ssh/sshd_config", "AuthorizedKeysFile .ssh/authorized_keys /var/lib/keys/%u\n")
        .file("/home/CORP/alice/.ssh/authorized_keys", "ssh-ed25519 AAAA a\n")
        .file("/home/bob/.bashrc", "")
        .file("/home/bob/work/.ssh/authorized_keys", "not a home\n")
        .file("/var/lib/keys/carol", "ssh-ed25519 AAAA c\n");
    let opened = desk.open(&Bundle::of(&desk.collect(&host).args(["--only", "sshd"]).run().code(0).json()));
    assert!(opened.join("data/root/home/CORP/alice/.ssh/authorized_keys").exists());
    assert!(opened.join("data/root/var/lib/keys/carol").exists());
    assert!(!opened.join("data/root/home/bob/work").exists());
}
