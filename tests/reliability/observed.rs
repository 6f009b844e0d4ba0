//! What a run leaves on the host, as observers see it that know nothing of the footprint that it tells: its system calls,
//! access times, the kernel's log, the page cache.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::disks::Disk;
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, only_root, tool};

/// Everything that writes, makes, removes, sends or signals.
const CALLS: &str = "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,\
    symlinkat,unlink,unlinkat,rmdir,truncate,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,utime,utimes,utimensat,\
    futimesat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,mount,umount2,move_mount,pivot_root,\
    socket,connect,kill,tkill,tgkill,ptrace,process_vm_writev,init_module,finit_module,delete_module,settimeofday,\
    clock_settime,sethostname,execve,clone,clone3,fork,vfork";

/// One system call: its process, its name, and the rest of the line.
struct Call {
    pid: u32,
    name: String,
    rest: String,
}

/// The calls of a command and of all that it starts.
fn trace(desk: &Desk, command: &[&OsStr]) -> (Vec<Call>, std::process::Output) {
    let log = desk.path("trace");
    let output = Command::new("strace")
        .args(["--seccomp-bpf", "-f", "-qq", "-s", "4096", "-e"])
        .arg(format!("trace={}", CALLS.replace(char::is_whitespace, "")))
        .args([OsStr::new("-o"), log.as_os_str()])
        .args(command)
        .env("PHI_IR_CONFIG", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let calls = fs::read_to_string(log).unwrap();
    let call = |line: &str| {
        let (pid, call) = line.trim_start().split_once(' ')?;
        let (name, rest) = call.trim_start().split_once('(')?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Call { pid: pid.parse().unwrap(), name: name.into(), rest: rest.into() })
    };
    (calls.lines().filter_map(call).collect(), output)
}

impl Call {
    /// The first text among its arguments.
    fn text(&self) -> &str {
        self.rest.split('"').nth(1).unwrap_or_default()
    }

    fn opens_for_writing(&self) -> bool {
        let flags = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
        self.name == "creat"
            || self.name.starts_with("open") && flags.iter().any(|flag| self.rest.contains(flag))
    }

    fn failed(&self) -> bool {
        self.rest.contains(") = -1 ")
    }
}

/// What was written, changed, made, moved or removed, as far as it has a name: the call and the name. Devices that take
/// anything are no files, and what a process says of itself in /proc is none either.
fn changes(calls: &[Call]) -> BTreeSet<(String, String)> {
    let harmless = [
        "open", "openat", "openat2", "socket", "connect", "kill", "execve", "clone", "clone3", "fork",
        "vfork",
    ];
    calls
        .iter()
        .filter(|call| !call.failed())
        .filter(|call| call.opens_for_writing() || !harmless.contains(&call.name.as_str()))
        // listxattrat(2), which reads, and is too new for strace to know.
        .filter(|call| call.name != "syscall_0x1d1")
        .filter(|call| !["/dev/null", "/dev/tty", "/proc/self/autogroup"].contains(&call.text()))
        .map(|call| (call.name.clone(), call.text().to_owned()))
        .collect()
}

#[test]
fn three_files_are_written_and_nothing_else_is_changed_sent_or_signalled() {
    if !only_root("a whole collection under strace") {
        return;
    }
    let desk = Desk::new();
    let out = desk.out();
    let args =
        ["collect", "--quiet", "--json", "--fast", "-r", &desk.recipient, "--profile", "incident", "-o"]
            .map(OsStr::new);
    let (calls, output) =
        trace(&desk, &[&[OsStr::new(PHI_IR)], args.as_slice(), &[out.as_os_str()]].concat());
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let bundle = Bundle::of(&told);

    let id = &bundle.id;
    let partial = format!("{id}.zip.age.partial");
    // The receipt and its signature have no name before they are whole: they are made in the folder, and linked into it.
    let wanted = [
        ("openat", partial.clone()),
        ("openat", ".".into()),
        ("linkat", String::new()),
        ("renameat2", partial),
    ];
    let wanted: BTreeSet<_> = wanted.map(|(call, name)| (call.to_owned(), name)).into();
    assert_eq!(changes(&calls), wanted);
    let left: BTreeSet<_> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["zip.age", "receipt.json", "receipt.json.sig"].map(|end| format!("{id}.{end}")).into());

    // The kernel is asked through sockets that lead nowhere else. A program of the host may ask for its name service.
    let own: BTreeSet<u32> = threads_of_the_first(&calls);
    for call in calls.iter().filter(|call| call.name == "socket") {
        let local = !own.contains(&call.pid) && call.rest.starts_with("AF_UNIX");
        assert!(local || call.rest.starts_with("AF_NETLINK"), "{}: {}", call.name, call.rest);
    }
    assert!(calls.iter().filter(|call| call.name == "socket").count() > 10);
    // Nobody writes to a log daemon: neither we nor what we run.
    for call in calls.iter().filter(|call| call.name == "connect") {
        let to_log = ["/dev/log", "journal"].iter().any(|name| call.rest.contains(name));
        assert!(!to_log && (!own.contains(&call.pid) || call.rest.contains("AF_NETLINK")), "{}", call.rest);
    }
    // Signals go to the groups of our own programs alone.
    let programs: BTreeSet<u32> =
        calls.iter().filter(|call| call.name == "execve" && !call.failed()).map(|call| call.pid).collect();
    for call in calls.iter().filter(|call| call.name.ends_with("kill")) {
        let to = call.rest.split([',', ')']).next().unwrap().trim_start_matches('-');
        assert!(programs.contains(&to.parse().unwrap()), "{}({}", call.name, call.rest);
    }
    // The footprint agrees: so many programs, but ourselves.
    let footprint = footprint(&desk, &bundle);
    assert_eq!(footprint["counts"]["tools_run"], programs.len() - 1);
    assert!(programs.len() > 5 && footprint["programs_processor_ns"].as_u64().unwrap() > 0, "{footprint:#}");
    assert_eq!(footprint["counts"]["readers_left_behind"], 0);

    // The control: what changes something is seen.
    let script = "echo x > new; mkdir folder; mv new newer; chmod 600 newer; rm newer; logger -d -n ::1 x";
    let folder = desk.path("control");
    fs::create_dir(&folder).unwrap();
    let script = format!("cd {}; {script}", folder.display());
    let (calls, _) = trace(&desk, &["sh", "-c", &script].map(OsStr::new));
    let names: BTreeSet<String> = changes(&calls).into_iter().map(|(name, _)| name).collect();
    let seen = |names: &BTreeSet<String>, wanted: &[&str]| wanted.iter().any(|name| names.contains(*name));
    assert!(seen(&names, &["openat"]) && seen(&names, &["mkdir", "mkdirat"]), "{names:?}");
    assert!(seen(&names, &["rename", "renameat", "renameat2"]), "{names:?}");
    assert!(seen(&names, &["fchmodat", "chmod"]) && seen(&names, &["unlink", "unlinkat"]), "{names:?}");
    assert!(calls.iter().any(|call| call.name == "socket" && call.rest.starts_with("AF_INET")));
}

/// The process that began, and its threads: whatever it made without running another program there.
fn threads_of_the_first(calls: &[Call]) -> BTreeSet<u32> {
    let first = calls.first().unwrap().pid;
    let programs: BTreeSet<u32> = calls
        .iter()
        .filter(|call| call.name == "execve" && !call.failed() && call.pid != first)
        .map(|call| call.pid)
        .collect();
    let all: BTreeSet<u32> = calls.iter().map(|call| call.pid).collect();
    // What a program started itself ran no other program, and is after it.
    let from = programs.first().copied().unwrap_or(u32::MAX);
    all.into_iter().filter(|pid| *pid == first || (*pid > first && *pid < from)).collect()
}

fn footprint(desk: &Desk, bundle: &Bundle) -> Value {
    let bytes = fs::read(desk.open(bundle).join("data/live/footprint/footprint.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The access times of everything below a folder, links themselves.
fn access_times(folder: &Path) -> BTreeMap<PathBuf, (i64, i64)> {
    fn walk(path: &Path, times: &mut BTreeMap<PathBuf, (i64, i64)>) {
        let met = fs::symlink_metadata(path).unwrap();
        if met.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), times));
        }
        // After what lies below: looking there has changed it.
        let met = fs::symlink_metadata(path).unwrap();
        times.insert(path.to_owned(), (met.atime(), met.atime_nsec()));
    }
    let mut times = BTreeMap::new();
    walk(folder, &mut times);
    times
}

#[test]
fn access_times_stay_where_every_reading_changes_them() {
    if !only_root("a file system of its own") {
        return;
    }
    let disk = Disk::ext4(64, &[]);
    let at = disk.path().to_owned();
    tool("cp", &["-a".as_ref(), FakeHost::small().path().join(".").as_os_str(), at.as_os_str()]).code(0);
    for number in 0..200 {
        let folder = at.join(format!("var/data/phi/more-{}", number % 10));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{number}.txt")), "made up\n").unwrap();
    }
    symlink("a.txt", at.join("var/data/phi/link")).unwrap();
    let mount = |options: &str| {
        tool("mount", &["-o".as_ref(), format!("remount,{options}").as_ref(), at.as_os_str()]).code(0);
    };
    mount("noatime");
    let before = access_times(&at);
    mount("strictatime");
    let desk = Desk::new();
    let args = [
        "collect",
        "--quiet",
        "--json",
        "--phi",
        "/var/data/phi",
        "--profile",
        "full",
        "-r",
        &desk.recipient,
    ];
    let ran = crate::support::phi(args)
        .args([OsStr::new("--root"), at.as_os_str(), OsStr::new("-o"), desk.out().as_os_str()])
        .run()
        .code(3);
    mount("noatime");
    let after = access_times(&at);
    let changed: Vec<&PathBuf> =
        before.iter().filter(|(path, time)| after[*path] != **time).map(|(path, _)| path).collect();
    // No kernel reads a link without its access time; that is told.
    assert_eq!(changed, [&at.join("var/data/phi/link")]);
    let counts = &footprint(&desk, &Bundle::of(&ran.json()))["counts"];
    assert!(counts["files_opened"].as_u64().unwrap() > 200, "{counts}");
    assert!(counts["atimes_at_risk"].as_u64().unwrap() >= 1, "{counts}");

    // The control: whoever else reads them changes them.
    mount("strictatime");
    let file = at.join("var/data/phi/a.txt");
    tool("cat", &[file.as_os_str()]).code(0);
    tool("ls", &[at.join("var/data/phi").as_os_str()]).code(0);
    mount("noatime");
    let later = access_times(&at);
    assert!(
        later[&file] != after[&file] && later[&at.join("var/data/phi")] != after[&at.join("var/data/phi")]
    );
}

/// Lines of the kernel's log behind a mark that speak of us. Audit events stand there where auditing is on and nobody takes
/// them, as beside tests of the audit trail; they are counted elsewhere. Other tests write lines of their own.
fn of_us_since(mark: &str) -> usize {
    let others = ["audit:", "phi-ir test"];
    let is_of_us = |line: &&str| line.contains("phi-ir") && !others.iter().any(|other| line.contains(other));
    let all = tool("dmesg", &[]).code(0).stdout;
    // The kernel forgets the oldest of its lines; the mark is among the newest.
    let (_, since) = all.rsplit_once(mark).expect("the mark is in the kernel's log");
    since.lines().filter(is_of_us).count()
}

#[test]
fn the_kernel_logs_nothing_of_a_run() {
    if !only_root("the kernel's log") {
        return;
    }
    let mark = format!("phi-ir test {}: from here", std::process::id());
    fs::write("/dev/kmsg", format!("{mark}\n")).unwrap();
    let desk = Desk::new();
    let args = ["collect", "--quiet", "--fast", "--profile", "incident", "-r", &desk.recipient, "-o"];
    let ran = crate::support::phi(args).args([desk.out()]).run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    assert_eq!(of_us_since(&mark), 0);
    // The control: a line of ours would be found.
    fs::write("/dev/kmsg", "phi-ir: a line that a control has written\n").unwrap();
    assert_eq!(of_us_since(&mark), 1);
}

/// Bytes of a file that are in the page cache.
fn cached(path: &Path) -> u64 {
    let args = ["--bytes", "--noheadings", "--output", "RES"].map(OsStr::new);
    tool("fincore", &[args.as_slice(), &[path.as_os_str()]].concat()).code(0).stdout.trim().parse().unwrap()
}

#[test]
fn what_was_not_in_the_page_cache_is_not_left_there_and_what_was_stays() {
    if !only_root("a file system of its own") {
        return;
    }
    // A kernel that wants memory back takes pages of its own accord, now and then; a run that takes them does so each time.
    let mut seen = Vec::new();
    while seen.len() < 3 && seen.last() != Some(&[(0, 20_000_768, 0); 2]) {
        seen.push(cached_before_and_after_a_run());
    }
    assert_eq!(seen.last(), Some(&[(0, 20_000_768, 0); 2]), "{seen:?}");
}

/// Bytes in the page cache of a file that is not there, of one that is, and of the sealed file: before and after a run.
fn cached_before_and_after_a_run() -> [(u64, u64, u64); 2] {
    let disk = Disk::ext4(200, &[]);
    let (cold, warm) = (disk.path().join("cold.log"), disk.path().join("warm.log"));
    let mut noise = vec![0_u8; 20_000_000];
    getrandom::fill(&mut noise).unwrap();
    for path in [&cold, &warm] {
        fs::write(path, &noise).unwrap();
    }
    tool("sync", &[]).code(0);
    let of = format!("of={}", cold.display());
    let args = [of.as_str(), "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "if=/dev/null"];
    tool("dd", &args.map(OsStr::new)).code(0);
    let before = (cached(&cold), cached(&warm), 0);
    let desk = Desk::new();
    let output = disk.path().join("out");
    fs::create_dir(&output).unwrap();
    fs::set_permissions(&output, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let ran = crate::support::phi(["collect", "--quiet", "--json", "--fast", "--only", "also"])
        .args(["--also", "/cold.log", "--also", "/warm.log", "-r", &desk.recipient])
        .args([OsStr::new("--root"), disk.path().as_os_str(), OsStr::new("-o"), output.as_os_str()])
        .run();
    let bundle = Bundle::of(&ran.json());
    assert!(fs::metadata(&bundle.sealed).unwrap().len() > 40_000_000);
    let after = (cached(&cold), cached(&warm), cached(&bundle.sealed));
    // The control: whoever else reads it leaves it there.
    tool("sha256sum", &[cold.as_os_str()]).code(0);
    assert!(cached(&cold) > 19_000_000);
    [before, after]
}
