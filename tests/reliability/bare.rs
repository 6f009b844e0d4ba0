//! A host without what every host has: no /proc, /sys, /dev, no root, process number 1, small limits.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ends::{Ended, ending_in, held};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, Ran, entries, is_root, only_root, phi, tool};

/// Runs a shell script in a mount namespace of its own; `$PHI` is the program with what every run here has.
fn shell(desk: &Desk, out: &str, script: &str) -> Ran {
    let phi = format!(
        "{PHI_IR} collect --quiet --json --fast -r {} --sign-with {} -o {out}",
        desk.recipient,
        desk.path("host.key").display()
    );
    let apart: &[&str] = if is_root() { &["unshare", "-m"] } else { &[] };
    let output = Command::new("timeout")
        .arg("120")
        .args(apart)
        .args(["sh", "-c", script])
        .env("PHI", phi)
        .env("PHI_IR_CONFIG", "/dev/null")
        .env("DESK", desk.dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::from(output)
}

fn sealed(desk: &Desk, ran: &Ran, what: &str) -> Value {
    match held(desk, &desk.out(), ran, what) {
        Ended::Sealed(document) => document,
        _ => panic!("{what}: {}{}", ran.stdout, ran.stderr),
    }
}

/// The entries of the sealed bundle in the desk's folder, by where they lie now.
fn told(desk: &Desk) -> Vec<Value> {
    let sealed = ending_in(&desk.out(), ".zip.age").remove(0);
    let receipt = ending_in(&desk.out(), ".receipt.json").remove(0);
    entries(&desk.open(&Bundle { id: String::new(), sealed, receipt }))
}

/// The program, a key and an account in a folder that becomes `/`; `prepare` is done in that folder before.
fn jailed(prepare: &str, profile: &str) -> (Desk, Ran) {
    let desk = Desk::new();
    let jail = desk.path("jail");
    fs::create_dir_all(jail.join("etc")).unwrap();
    fs::create_dir(jail.join("out")).unwrap();
    fs::write(jail.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::copy(desk.path("host.key"), jail.join("key")).unwrap();
    fs::copy(PHI_IR, jail.join("phi-ir")).unwrap();
    let script = format!(
        "set -e; cd $DESK/jail; mount --bind . .; cd $DESK/jail; mount --bind ../out out; {prepare}\n\
        exec chroot . /phi-ir collect --quiet --json --fast -r {} --sign-with /key -o /out {profile}",
        desk.recipient
    );
    let ran = shell(&desk, "/out", &script);
    (desk, ran)
}

#[test]
fn a_root_with_nothing_in_it_but_the_program_gives_a_bundle_that_says_so() {
    if !only_root("chroot") {
        return;
    }
    for profile in ["--profile volatile", "--profile incident"] {
        let (desk, ran) = jailed("", profile);
        let document = sealed(&desk, &ran, profile);
        assert_eq!(document["result"], "partial", "{profile}");
        let told = told(&desk);
        for collector in ["sockets", "processes"] {
            let of = told.iter().filter(|entry| entry["collector"] == collector);
            let bad: Vec<&Value> = of.filter(|entry| entry["outcome"] == "empty").collect();
            assert!(bad.is_empty(), "{collector} claims that there is nothing: {bad:#?}");
        }
    }
}

#[test]
fn parts_of_proc_are_told_as_parts() {
    if !only_root("chroot") {
        return;
    }
    for options in ["hidepid=2", "subset=pid"] {
        let prepare = format!("mkdir proc; mount -t proc -o {options} proc proc");
        let (desk, ran) = jailed(&prepare, "--profile volatile");
        sealed(&desk, &ran, options);
        if options == "subset=pid" {
            let told = told(&desk);
            let modules = told.iter().find(|entry| entry["source"]["display"] == "/proc/modules");
            assert!(modules.is_none_or(|entry| entry["outcome"] != "empty"), "{modules:#?}");
        }
    }
}

#[test]
fn an_accounts_file_that_is_none_costs_the_accounts_alone() {
    if !only_root("chroot") {
        return;
    }
    for (what, prepare) in [
        ("none", "rm etc/passwd"),
        ("a folder", "rm etc/passwd; mkdir etc/passwd"),
        ("a FIFO", "rm etc/passwd; mkfifo etc/passwd"),
        ("a read-only root", "mount -o remount,bind,ro ."),
    ] {
        let started = Instant::now();
        let (desk, ran) = jailed(prepare, "--only accounts");
        sealed(&desk, &ran, what);
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        let told = told(&desk);
        let of_accounts = told.iter().filter(|entry| entry["source"]["display"] == "/etc/passwd");
        let outcomes: Vec<&str> = of_accounts.filter_map(|entry| entry["outcome"].as_str()).collect();
        let obtained = outcomes.contains(&"collected");
        assert_eq!(obtained, what == "a read-only root", "{what}: {outcomes:?}");
        assert!(!outcomes.contains(&"empty"), "{what}: {outcomes:?}");
    }
}

#[test]
fn process_number_one_of_a_container_collects_and_can_be_stopped() {
    if !only_root("a PID namespace") {
        return;
    }
    let desk = Desk::new();
    let out = desk.out();
    let script = "exec unshare --pid --fork --mount-proc $PHI --profile volatile";
    let ran = shell(&desk, out.to_str().unwrap(), script);
    sealed(&desk, &ran, "process number 1");
    assert!(ran.stdout.contains("pid namespace"), "that others exist is told: {}", ran.stdout);

    // A signal that process number 1 has not asked for would be ignored by the kernel.
    let desk = Desk::new();
    let mut noise = vec![0_u8; 60_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::small().file("/srv/big", noise);
    let script = format!(
        "exec unshare --pid --fork --kill-child --mount-proc $PHI --also /srv/big --root {}",
        host.path().display()
    );
    let out = desk.out();
    let ran = std::thread::scope(|scope| {
        let running = scope.spawn(|| shell(&desk, out.to_str().unwrap(), &script));
        let deadline = Instant::now() + Duration::from_secs(60);
        let began = || {
            let partial = ending_in(&out, ".partial").pop();
            partial.is_some_and(|path| fs::metadata(path).is_ok_and(|met| met.len() > 3_000_000))
        };
        while !began() && !running.is_finished() {
            assert!(Instant::now() < deadline, "it never began");
            std::thread::sleep(Duration::from_millis(2));
        }
        let inner = writer_of(&out).expect("nobody writes there");
        tool("kill", &["-TERM".as_ref(), OsStr::new(&inner)]).code(0);
        running.join().unwrap()
    });
    assert_eq!(ran.code, 130, "{}{}", ran.stdout, ran.stderr);
    let bundle = Bundle::of(&ran.json());
    desk.verify(&bundle.sealed).run().code(0).says("verified");
}

/// The process that holds a file of this folder open, by its number.
fn writer_of(out: &Path) -> Option<String> {
    let partial = ending_in(out, ".partial").pop()?;
    let holds = |process: &Path| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path == partial)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let found = processes.filter(|path| holds(path)).last()?;
    Some(found.file_name()?.to_str()?.to_owned())
}

#[test]
fn root_without_its_powers_gives_a_bundle_that_says_so() {
    if !only_root("giving up capabilities") {
        return;
    }
    for how in [
        "exec setpriv --bounding-set=-all --inh-caps=-all $PHI --profile volatile",
        "exec setpriv --no-new-privs --securebits=+noroot,+no_setuid_fixup $PHI --profile volatile",
        "exec unshare --user --map-root-user $PHI --profile volatile",
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups $PHI --profile volatile",
    ] {
        let desk = Desk::new();
        fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(desk.out(), fs::Permissions::from_mode(0o1777)).unwrap();
        let out = desk.out();
        let keyless = how.replace(
            "$PHI",
            &format!("{PHI_IR} collect --quiet --json -r {} -o {}", desk.recipient, out.display()),
        );
        let ran = shell(&desk, "", &keyless.replace("exec", "unset PHI_IR_CONFIG; exec"));
        assert_eq!(ran.code, 3, "{how}: {}{}", ran.stdout, ran.stderr);
        let sealed = ending_in(&out, ".zip.age").remove(0);
        let key = desk.path("officer.key");
        phi(["verify".as_ref(), sealed.as_os_str(), "-i".as_ref(), key.as_os_str()])
            .run()
            .code(0)
            .says("consistent");
        let outcomes = &ran.json()["counts"]["outcomes"];
        assert!(outcomes["denied"].as_u64().is_some_and(|count| count > 0), "{how}: {outcomes}");
    }
}

#[test]
fn small_limits_cost_what_they_must_and_no_bundle() {
    let host = FakeHost::small();
    let root = host.path().display();
    // The limit, and whether a bundle comes of it.
    for (limit, is_sealed) in [
        ("--nofile=64:64", true),
        ("--nofile=20:20", true),
        ("--nofile=12:12", true),
        ("--nofile=6:6", false),
        ("--as=268435456", true),
        ("--stack=65536:65536", true),
        ("--stack=unlimited", true),
        ("--memlock=0", true),
        ("--core=unlimited", true),
        ("--fsize=3000000", true),
        ("--fsize=20000", false),
        ("--cpu=30", true),
    ] {
        let desk = Desk::new();
        let out = desk.out();
        let ran = shell(&desk, out.to_str().unwrap(), &format!("exec prlimit {limit} $PHI --root {root}"));
        let ended = held(&desk, &out, &ran, limit);
        assert_eq!(matches!(ended, Ended::Sealed(_)), is_sealed, "{limit}: {}{}", ran.stdout, ran.stderr);
        if !is_sealed {
            assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{limit}: something is left");
        }
    }
    // Live, with all that is open there.
    let desk = Desk::new();
    let out = desk.out();
    let script = "exec prlimit --nofile=64:64 --as=268435456 $PHI --profile volatile";
    sealed(&desk, &shell(&desk, out.to_str().unwrap(), script), "64 descriptors and 256 MiB");
}

#[test]
fn a_passphrase_without_the_memory_for_it_is_refused_in_words() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    let password = desk.path("password");
    fs::write(&password, "correct horse battery staple\n").unwrap();
    let sealing = |limit: &str| {
        let script = format!(
            "exec prlimit --as={limit} {PHI_IR} collect --quiet --json --passphrase-fd 3 --only accounts --root {} -o {} 3<{}",
            host.path().display(),
            desk.out().display(),
            password.display()
        );
        shell(&desk, "", &script)
    };
    let ran = sealing("268435456").code(1).says("256 MiB").says("hint: ");
    assert!(!ran.stderr.contains("memory allocation"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(desk.out()).unwrap().count(), 0);
    // The control: with enough of it the same is sealed; and opening it takes as much.
    let bundle = Bundle::of(&sealing("1073741824").code(0).json());
    let opening = |limit: &str| {
        let script = format!(
            "exec prlimit --as={limit} {PHI_IR} verify {} --passphrase-fd 3 3<{}",
            bundle.sealed.display(),
            password.display()
        );
        shell(&desk, "", &script)
    };
    opening("1073741824").code(0).says("consistent");
    let ran = opening("268435456");
    assert!(![0, -1, 101, 134].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("MiB of memory") || ran.stdout.contains("MiB of memory"), "{}", ran.stderr);
}

#[test]
fn a_stream_that_leads_nowhere_is_refused_and_one_that_breaks_is_no_bundle() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    let root = host.path().display().to_string();
    let receipt = desk.path("r.json");
    let stream = |redirection: &str| {
        let _ = fs::remove_file(&receipt);
        let script = format!("$PHI --receipt {} --root {root} {redirection}", receipt.display());
        let ran = shell(&desk, "-", &script);
        assert!(
            !ran.stderr.contains("panicked") && !ran.stderr.contains("programming error"),
            "{}",
            ran.stderr
        );
        ran
    };
    for nowhere in [">&-", ">/dev/null", "1</dev/null"] {
        let ran = stream(nowhere);
        assert_eq!(ran.code, 2, "{nowhere}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: ") && !receipt.exists(), "{nowhere}: {}", ran.stderr);
    }
    let ran = stream(">/dev/full");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left") && !receipt.exists(), "{}", ran.stderr);
    for bytes in [0, 1, 1000, 30_000] {
        let code = desk.path("code");
        let script = format!(
            "{{ $PHI --receipt {} --root {root}; echo $? >{}; }} | head -c {bytes} >/dev/null",
            receipt.display(),
            code.display()
        );
        let ran = shell(&desk, "-", &script);
        // A pipe takes 64 KiB before it is seen that nobody reads.
        let code = fs::read_to_string(&code).unwrap();
        assert!(["1\n", "3\n"].contains(&code.as_str()), "{code}{}", ran.stderr);
        assert_eq!(receipt.exists(), code == "3\n", "{bytes}: {}", ran.stderr);
        let _ = fs::remove_file(&receipt);
        let _ = fs::remove_file(desk.path("r.json.sig"));
    }
    let mut noise = vec![0_u8; 1_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = host.file("/srv/big", noise);
    let script = format!(
        "{{ $PHI --receipt {} --also /srv/big --root {}; echo $? >&2; }} | head -c 9999 >/dev/null",
        receipt.display(),
        host.path().display()
    );
    let ran = shell(&desk, "-", &script).says("Broken pipe").says("no whole bundle");
    assert!(ran.stderr.ends_with("\n1\n") && !receipt.exists(), "{}", ran.stderr);
    // The control.
    let whole = desk.path("whole");
    stream(&format!(">{}", whole.display())).code(3);
    phi([
        "verify".as_ref(),
        whole.as_os_str(),
        "--receipt".as_ref(),
        receipt.as_os_str(),
        "-i".as_ref(),
        desk.path("officer.key").as_os_str(),
    ])
    .run()
    .code(0);
}

#[test]
fn closed_descriptors_never_become_the_sealed_file() {
    let host = FakeHost::small();
    let root = host.path().display();
    for closed in
        ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", ">/dev/full", "1</dev/null", "2>/dev/full"]
    {
        let desk = Desk::new();
        let out = desk.out();
        let ran = shell(&desk, out.to_str().unwrap(), &format!("$PHI --root {root} {closed}"));
        let bundles = ending_in(&out, ".zip.age");
        assert_eq!(bundles.len(), 1, "{closed}: {}", ran.stderr);
        desk.verify(&bundles[0]).run().code(0).says("verified");
        let is_lost = [">/dev/full", "1</dev/null"].contains(&closed);
        assert_eq!(ran.code, if is_lost { 1 } else { 3 }, "{closed}: {}", ran.stderr);
        assert!(
            !is_lost || (ran.stderr.contains("hint: ") && ran.stderr.contains(".receipt.json")),
            "{}",
            ran.stderr
        );
        let mut start = [0; 21];
        fs::File::open(&bundles[0]).unwrap().read_exact(&mut start).unwrap();
        assert_eq!(&start, b"age-encryption.org/v1");
    }
}
