//! Processes, descriptors and running programs, beside `ps`, `lsof`, `sha256sum` and what the test itself knows.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;

use crate::support::{Bundle, Desk, PHI_IR, Ran, entries, only_root, phi, tool};

/// Processes of this test's own, ended with it.
#[derive(Default)]
struct Held(Vec<Child>);

impl Held {
    fn hold(&mut self, command: &mut Command) -> u32 {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.0.push(child);
        self.0.last().unwrap().id()
    }

    /// A process that has got as far as to run a program of this name.
    fn running(&mut self, command: &mut Command, comm: &[u8]) -> u32 {
        let pid = self.hold(command);
        wait_until(|| {
            fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.strip_suffix(b"\n") == Some(comm))
        });
        pid
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn wait_until(so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn sleep() -> Command {
    let mut command = Command::new("/bin/sleep");
    command.arg("300");
    command
}

/// A copy of a program that sleeps, under another name.
fn copy_of_sleep(folder: &Path, name: &[u8]) -> PathBuf {
    let copy = folder.join(OsStr::from_bytes(name));
    // By another process: what this one holds open for writing, a child that another test begins may hold as well, and a
    // program that is being written cannot be run.
    tool("cp", &["/bin/sleep".as_ref(), copy.as_os_str()]).code(0);
    copy
}

/// What one collection gave.
struct Collected {
    opened: PathBuf,
    ran: Value,
}

fn collect(desk: &Desk, ids: &[&str], more: &[&str]) -> Collected {
    let only = ids.iter().flat_map(|id| ["--only", id]);
    let ran = phi(["collect", "--quiet", "--json", "--no-tools", "-r", &desk.recipient])
        .args(only)
        .args(more)
        .args([OsStr::new("-o"), desk.out().as_os_str()])
        .run();
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    let ran = ran.json();
    Collected { opened: desk.open(&Bundle::of(&ran)), ran }
}

impl Collected {
    fn rows(&self, member: &str) -> Vec<Value> {
        let text = fs::read(self.opened.join("data/live").join(member)).unwrap();
        assert!(!text.contains(&0x1b) && !text.contains(&0), "{member} holds a control character");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn processes(&self) -> BTreeMap<u64, Value> {
        let rows = self.rows("processes/processes.jsonl");
        rows.into_iter().map(|row| (row["pid"].as_u64().unwrap(), row)).collect()
    }

    /// Gaps that are no fault of a host on which other processes come and go. A process that refuses even root (a
    /// security module's, or one with more capabilities than a test has) is an honest `denied`.
    fn unexpected_gaps(&self) -> Vec<&Value> {
        let gaps = self.ran["gaps"].as_array().unwrap();
        gaps.iter().filter(|gap| gap["outcome"] != "denied" && gap["reason_code"] != "tools_off").collect()
    }
}

fn flags(row: &Value) -> Vec<&str> {
    row["flags"].as_array().map(|flags| flags.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn exact(row: &Value, column: &str) -> Vec<u8> {
    match row[format!("{column}_b64")].as_str() {
        Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        None => row[column].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

/// Columns of `ps` that hold no blank, by pid: pid, ppid, pgid, sess, ruid, euid, tty, threads, elapsed seconds.
fn ps() -> BTreeMap<u64, Vec<String>> {
    let columns = "pid=,ppid=,pgid=,sess=,ruid=,euid=,tty=,nlwp=,etimes=";
    let ran = tool("ps", &["-e".as_ref(), "-o".as_ref(), columns.as_ref()]).code(0);
    let row = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        (words[0].parse().unwrap(), words)
    };
    ran.stdout.lines().map(row).collect()
}

/// A test of what a table says against `ps`; how many processes it compared.
fn compare_with_ps(
    rows: &BTreeMap<u64, Value>,
    before: &BTreeMap<u64, Vec<String>>,
    after: &BTreeMap<u64, Vec<String>>,
    while_asked: [i64; 2],
) -> Vec<u64> {
    let mut compared = Vec::new();
    for (pid, words) in after {
        // Only who is the same before and after; the last column grows.
        if before.get(pid).is_none_or(|earlier| earlier[..7] != words[..7]) {
            continue;
        }
        let row = rows.get(pid).unwrap_or_else(|| panic!("{pid} is not in the table: {words:?}"));
        let number =
            |column: &str| row[column].as_i64().map_or("none".to_owned(), |number| number.to_string());
        let ours = ["pid", "ppid", "pgrp", "session", "uid", "euid"].map(number);
        assert_eq!(ours, words[..6], "{row:#}");
        // Known differences: ps writes ? for no terminal, and for one whose device has gone from /dev, and knows names of
        // more devices than we do.
        match row["tty_name"].as_str() {
            Some(name) if words[6] == "?" => assert!(!Path::new("/dev").join(name).exists(), "{row:#}"),
            Some(name) => assert_eq!(name, words[6], "{row:#}"),
            None => assert!(words[6] == "?" || row["tty"].is_string(), "{words:?} {row:#}"),
        }
        // Known difference: ps rounds to seconds, and takes the boot time from /proc/stat, rounded too.
        let start: phi_ir::clock::Timestamp = serde_json::from_value(row["start"].clone()).unwrap();
        let elapsed: i64 = words[8].parse().unwrap();
        let began = while_asked.map(|now| now - elapsed);
        assert!((began[0] - 3..=began[1] + 3).contains(&start.unix()), "{pid}: {row:#} {words:?}");
        compared.push(*pid);
    }
    compared
}

fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// A memfd that holds a program, and the path through which it can be run.
fn program_in_memory() -> (OwnedFd, String) {
    let file = rustix::fs::memfd_create("pay load", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let program = fs::read("/bin/sleep").unwrap();
    let mut written = 0;
    while written < program.len() {
        written += rustix::io::write(&file, &program[written..]).unwrap();
    }
    let path = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&file));
    (file, path)
}

#[test]
fn processes_of_every_kind_are_as_ps_and_the_kernel_have_them() {
    if !only_root("processes of other users and namespaces") {
        return;
    }
    let (desk, mut held) = (Desk::new(), Held::default());
    let folder = desk.path("programs");
    fs::create_dir(&folder).unwrap();
    let mut mine: Vec<u32> = (0..14).map(|_| held.running(&mut sleep(), b"sleep")).collect();

    let hostile = b"a) R (b\n\xff\x1b[2J";
    let odd_name =
        held.running(Command::new(copy_of_sleep(&folder, hostile)).arg("300"), &hostile[..hostile.len()]);
    let odd_arguments: Vec<OsString> = [&b"x\n\xff\x1b]0;t\x07"[..], b"", b"two words"]
        .map(|bytes| OsString::from_vec(bytes.to_vec()))
        .to_vec();
    let odd_argv =
        held.running(Command::new("/bin/sh").args(["-c", "sleep 300; :"]).args(&odd_arguments), b"sh");
    let masked =
        held.running(Command::new("bash").args(["-c", "exec -a '[kworker/0:9]' sleep 300"]), b"sleep");
    let gone_path = copy_of_sleep(&folder, b"gone");
    let gone = held.running(Command::new(&gone_path).arg("300"), b"gone");
    fs::remove_file(&gone_path).unwrap();
    let named = held.running(Command::new(copy_of_sleep(&folder, b"x (deleted)")).arg("300"), b"x (deleted)");
    let (memory, through) = program_in_memory();
    let in_memory = held.hold(Command::new(&through).arg("300"));
    wait_until(|| {
        fs::read_link(format!("/proc/{in_memory}/exe"))
            .is_ok_and(|exe| exe.starts_with("/memfd:pay load (deleted)"))
    });
    let apart =
        held.running(Command::new("unshare").args(["--net", "--uts", "--ipc", "sleep", "300"]), b"sleep");
    let nobody = ["--reuid", "65534", "--regid", "65533", "--clear-groups", "sleep", "300"];
    let nobody = held.running(Command::new("setpriv").args(nobody), b"sleep");
    let bound = ["--no-new-privs", "--bounding-set", "-all", "sleep", "300"];
    let bound = held.running(Command::new("setpriv").args(bound), b"sleep");
    let jail = desk.path("jail");
    fs::create_dir(&jail).unwrap();
    let script = "import os, sys, time\nos.chroot(sys.argv[1])\nopen('/in', 'w').close()\ntime.sleep(300)";
    let jailed = held.hold(Command::new("python3").args(["-c", script]).arg(&jail));
    wait_until(|| jail.join("in").exists());
    let ended = held.hold(&mut Command::new("true"));
    wait_until(|| fs::read_to_string(format!("/proc/{ended}/stat")).is_ok_and(|stat| stat.contains(") Z ")));
    mine.extend([odd_name, odd_argv, masked, gone, named, in_memory, apart, nobody, bound, jailed, ended]);

    let before = ps();
    let collected = collect(&desk, &["processes"], &[]);
    let asked = unix_now();
    let after = ps();
    assert!(after.len() >= 20);
    let rows = collected.processes();
    let compared = compare_with_ps(&rows, &before, &after, [asked, unix_now()]);
    for pid in &mine {
        assert!(compared.contains(&u64::from(*pid)), "{pid} was not compared");
    }
    assert!(mine.len() >= 20 && compared.len() > mine.len());
    assert!(collected.unexpected_gaps().is_empty(), "{:#}", collected.ran["gaps"]);
    assert!(collected.rows("processes/findings.jsonl").is_empty());

    let row = |pid: u32| &rows[&u64::from(pid)];
    assert_eq!(exact(row(odd_name), "comm"), &hostile[..hostile.len().min(15)]);
    assert!(exact(row(odd_name), "exe").ends_with(hostile));
    let cmdline = fs::read(format!("/proc/{odd_argv}/cmdline")).unwrap();
    assert_eq!(exact(row(odd_argv), "command"), cmdline);
    assert!(
        flags(row(masked)).contains(&"looks_like_kernel_thread") && row(masked)["kernel_thread"].is_null()
    );
    assert_eq!(row(gone)["exe_state"], "deleted");
    assert_eq!(row(named)["exe_state"], "present");
    assert!(flags(row(named)).contains(&"exe_marked_deleted"), "{:#}", row(named));
    assert_eq!(row(in_memory)["exe_state"], "memfd");
    for (kind, same) in [("net", false), ("uts", false), ("ipc", false), ("mnt", true), ("pid", true)] {
        let theirs = fs::metadata(format!("/proc/{apart}/ns/{kind}")).unwrap().ino();
        let ours = fs::metadata(format!("/proc/self/ns/{kind}")).unwrap().ino();
        assert_eq!(row(apart)["namespaces"][kind], theirs);
        assert_eq!(theirs == ours, same, "{kind}");
    }
    assert_eq!((&row(nobody)["uid"], &row(nobody)["gid"]), (&65534.into(), &65533.into()));
    assert_eq!(row(nobody)["capabilities"]["effective"], "0000000000000000");
    assert_eq!(row(bound)["no_new_privs"], 1);
    assert_eq!(row(bound)["capabilities"]["bounding"], "0000000000000000");
    assert_eq!(exact(row(jailed), "root"), jail.as_os_str().as_bytes());
    assert!(flags(row(jailed)).contains(&"root_differs"));
    assert_eq!((&row(ended)["state"], &row(ended)["exe_state"]), (&"Z".into(), &"none".into()));
    let kthreadd = rows.values().find(|row| row["comm"] == "kthreadd" && row["ppid"] == 0);
    assert!(kthreadd.is_none_or(|row| row["kernel_thread"] == true && row["exe_state"] == "none"));
    let parents = row(mine[0])["parents"].as_array().unwrap();
    assert_eq!(parents[0]["pid"], std::process::id());
    every_raw_row_is_of_a_process_in_the_table(&collected, &rows);
    drop(memory);
}

fn every_raw_row_is_of_a_process_in_the_table(collected: &Collected, rows: &BTreeMap<u64, Value>) {
    let all = entries(&collected.opened);
    let table = all.iter().find(|entry| entry["member"] == "data/live/processes/processes.jsonl").unwrap();
    assert_eq!(table["kind"], "derived");
    let captures: Vec<&Value> = table["derived_from"].as_array().unwrap().iter().collect();
    assert!(captures.len() >= 2);
    let raw = collected.rows("processes/raw-000001.jsonl");
    assert!(raw.len() > 100);
    for line in &raw {
        assert!(rows.contains_key(&line["pid"].as_u64().unwrap()), "{line}");
    }
    assert!(raw.iter().all(|line| line["file"] != "environ"), "nobody asked for environments");
}

#[test]
fn descriptors_are_as_the_kernel_and_lsof_have_them() {
    if !only_root("descriptors of other processes") {
        return;
    }
    let (desk, mut held) = (Desk::new(), Held::default());
    let path = desk.path("open file\n");
    let deleted = fs::File::create(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let (socket, _other_end) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut command = Command::new("/bin/sh");
    // Descriptors 3 to 6: a device, a pipe of the shell's own, a file, a folder.
    let script = "exec 3</dev/zero 5</etc/passwd 6</; sleep 300 | exec 4<&0 sleep 300";
    command.args(["-c", script]).stdin(deleted).stdout(OwnedFd::from(socket)).stderr(Stdio::null());
    held.0.push(command.spawn().unwrap());
    let shell = held.0[0].id();
    let inner = || -> Option<u32> {
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap_or_default();
        let last = children.split_whitespace().last()?.parse().ok()?;
        fs::read(format!("/proc/{last}/comm")).is_ok_and(|comm| comm == b"sleep\n").then_some(last)
    };
    wait_until(|| inner().is_some_and(|pid| fs::read_link(format!("/proc/{pid}/fd/4")).is_ok()));
    let mut compared = 0;
    let collected = collect(&desk, &["processes"], &[]);
    let rows = collected.rows("processes/descriptors.jsonl");
    for pid in [shell, inner().unwrap()] {
        let ours: BTreeMap<u64, &Value> = rows
            .iter()
            .filter(|row| row["pid"] == pid)
            .map(|row| (row["fd"].as_u64().unwrap(), row))
            .collect();
        let theirs: BTreeMap<u64, PathBuf> = fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|link| {
                (link.file_name().unwrap().to_str().unwrap().parse().unwrap(), fs::read_link(&link).unwrap())
            })
            .collect();
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (fd, target) in &theirs {
            assert_eq!(exact(ours[fd], "target"), target.as_os_str().as_bytes());
            compared += 1;
        }
        // Known differences: lsof escapes names, so that numbers and inodes are compared and names are not.
        let lsof = tool(
            "lsof",
            &["-n", "-P", "-w", "-a", "-d0-999", "-Ffi", "-p", &pid.to_string()].map(OsStr::new),
        )
        .code(0);
        let numbers = lsof.stdout.lines().filter_map(|line| line.strip_prefix('f')?.parse::<u64>().ok());
        assert_eq!(
            numbers.collect::<Vec<_>>(),
            theirs.keys().copied().collect::<Vec<_>>(),
            "{}",
            lsof.stdout
        );
        let mut at = 0;
        for line in lsof.stdout.lines() {
            match (line.as_bytes()[0], line.split_at(1).1.parse::<u64>()) {
                (b'f', Ok(fd)) => at = fd,
                (b'i', Ok(inode)) => assert_eq!(ours[&at]["ino"], inode, "{}", ours[&at]),
                _ => {}
            }
        }
    }
    assert!(compared >= 10, "{compared}");
    let kind = |pid: u32, fd: u32| {
        let row = rows.iter().find(|row| row["pid"] == pid && row["fd"] == fd).unwrap();
        row["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [0, 1, 2, 3, 5, 6].map(|fd| kind(shell, fd)),
        ["deleted", "socket", "device", "device", "file", "folder"]
    );
    assert_eq!(kind(inner().unwrap(), 4), "pipe");
    let _ = tool("kill", &[OsStr::new(&inner().unwrap().to_string())]);
}

#[test]
fn programs_that_lie_on_no_disk_are_taken_and_all_are_digested() {
    if !only_root("programs of other processes") {
        return;
    }
    let (desk, mut held) = (Desk::new(), Held::default());
    let folder = desk.path("programs");
    fs::create_dir(&folder).unwrap();
    let gone_path = copy_of_sleep(&folder, b"gone\n\xff");
    let gone = held.running(Command::new(&gone_path).arg("300"), b"gone\n\xff");
    fs::remove_file(&gone_path).unwrap();
    // Another file takes the name: its bytes must not be mistaken for those that run.
    fs::write(&gone_path, "not what runs").unwrap();
    let (_memory, through) = program_in_memory();
    let in_memory = held.hold(Command::new(&through).arg("300"));
    wait_until(|| {
        fs::read_link(format!("/proc/{in_memory}/exe"))
            .is_ok_and(|exe| exe.starts_with("/memfd:pay load (deleted)"))
    });
    let plain = held.running(&mut sleep(), b"sleep");
    // A library that is deleted while it is mapped to be run.
    let library = desk.path("library.so");
    fs::copy("/bin/sleep", &library).unwrap();
    let script = "import mmap, os, sys, time\nf = os.open(sys.argv[1], os.O_RDONLY)\n\
        m = mmap.mmap(f, 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE)\n\
        os.unlink(sys.argv[1])\ntime.sleep(300)";
    let mapping = held.hold(Command::new("python3").args(["-c", script]).arg(&library));
    wait_until(|| !library.exists());

    let collected = collect(&desk, &["process-files"], &[]);
    let rows = collected.rows("process-files/executables.jsonl");
    let of = |pid: u32, kind: &str| {
        let has = |row: &&Value| row["kind"] == kind && row["pids"].as_array().unwrap().contains(&pid.into());
        rows.iter().find(has).unwrap_or_else(|| panic!("no {kind} of {pid}"))
    };
    let expected = tool("sha256sum", &["/bin/sleep".as_ref()]).code(0).stdout;
    let expected = expected.split_whitespace().next().unwrap();
    let sleep_bytes = fs::read("/bin/sleep").unwrap();
    for (row, state) in [
        (of(gone, "exe"), "deleted"),
        (of(in_memory, "exe"), "memfd"),
        (of(mapping, "mapping"), "deleted"),
        (of(plain, "exe"), "present"),
    ] {
        assert_eq!((row["sha256"].as_str(), row["state"].as_str()), (Some(expected), Some(state)), "{row:#}");
        assert_eq!(row["member"].is_string(), state != "present");
        if let Some(member) = row["member"].as_str() {
            assert!(fs::read(collected.opened.join(member)).unwrap() == sleep_bytes, "{member}");
        }
    }
    let mut compared = 0;
    for row in rows.iter().filter(|row| row["state"] == "present" && row["path_b64"].is_null()) {
        // Known difference: a path in another mount namespace may lead elsewhere from here.
        let path = row["path"].as_str().unwrap();
        let same = fs::metadata(path).is_ok_and(|met| row["stat"]["ino"] == met.ino());
        if let (true, Some(digest)) = (same, row["sha256"].as_str()) {
            let sum = tool("sha256sum", &[path.as_ref()]);
            if sum.code == 0 || Path::new(path).exists() {
                assert!(sum.code(0).stdout.contains(digest), "{path}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 3, "{compared}");
    assert!(collected.unexpected_gaps().is_empty(), "{:#}", collected.ran["gaps"]);
}

#[test]
fn environments_are_taken_only_when_asked_for_with_a_reason() {
    if !only_root("environments of other processes") {
        return;
    }
    let (desk, mut held) = (Desk::new(), Held::default());
    let pid = held.running(sleep().env_clear().env("PHI_IR_TRIAL", "a secret"), b"sleep");
    phi(["collect", "--environ", "--only", "processes", "-r", &desk.recipient])
        .run()
        .code(2)
        .says("--reason");
    let collected = collect(&desk, &["processes"], &["--environ", "--reason", "a trial"]);
    let raw = collected.rows("processes/raw-000001.jsonl");
    let environment = raw.iter().find(|row| row["pid"] == pid && row["file"] == "environ").unwrap();
    assert_eq!(environment["text"], "PHI_IR_TRIAL=a secret\0");
    let plan: Value = serde_json::from_slice(&fs::read(collected.opened.join("plan.json")).unwrap()).unwrap();
    assert_eq!((&plan["asked"]["environ"], &plan["asked"]["reason"]), (&true.into(), &"a trial".into()));
}

/// As nobody; `before` is what the shell does first, as root.
fn as_nobody(desk: &Desk, before: &str) -> Ran {
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    chown(desk.out(), Some(65534), Some(65534)).unwrap();
    let script = format!(
        "{before} exec setpriv --reuid 65534 --regid 65534 --clear-groups env -u PHI_IR_CONFIG {PHI_IR} collect --quiet \
         --json --no-tools --only processes -r {} -o {}",
        desk.recipient,
        desk.out().display()
    );
    tool("unshare", &["--mount", "sh", "-e", "-c", &script].map(OsStr::new))
}

#[test]
fn whom_a_user_cannot_look_into_is_said_and_so_is_whom_proc_hides() {
    if !only_root("becoming another user") {
        return;
    }
    let desk = Desk::new();
    let ran = as_nobody(&desk, "");
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    let says = |outcome: &str, words: &str| {
        gaps.iter().any(|gap| gap["outcome"] == outcome && gap["reason"].as_str().unwrap().contains(words))
    };
    assert!(says("denied", "did not let everything be read"), "{document:#}");
    let opened = desk.open(&Bundle::of(&document));
    let table = fs::read_to_string(opened.join("data/live/processes/processes.jsonl")).unwrap();
    assert!(table.lines().count() >= 5 && table.contains("\"exe_state\":\"unreadable\""));

    let desk = Desk::new();
    let ran = as_nobody(&desk, "mount -t proc -o hidepid=2 proc /proc;");
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap();
    let hides =
        |gap: &&Value| gap["outcome"] == "denied" && gap["reason"].as_str().unwrap().contains("hidepid=");
    assert!(gaps.iter().any(|gap| hides(&gap)), "{document:#}");
    assert!(gaps.iter().all(|gap| gap["reason_code"] != "views_disagree"), "{document:#}");
    // Whom the listing hides, the kernel's other views show.
    let opened = desk.open(&Bundle::of(&document));
    let findings = fs::read_to_string(opened.join("data/live/processes/findings.jsonl")).unwrap();
    assert!(findings.lines().count() >= 5 && findings.contains("getpriority"), "{findings}");
}

// No live test makes a process hang. Since Linux 4.17 the kernel reads command lines from anonymous memory only (FOLL_ANON),
// so that a FUSE file laid over the arguments gives nothing, and a page that userfaultfd holds gives an error (both tried
// on Linux 6.18). What is left is a lock on the process's memory; the deadline has a unit test in host/processes.
