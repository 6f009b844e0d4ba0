//! Processes that do all they can to be unreadable.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;

use crate::dice::is_long;
use crate::support::{Bundle, Desk, PHI_IR, entries, only_root, skipped, tool};
use crate::zoo::Zoo;

/// What one collection of these collectors gave.
pub struct Collected {
    pub opened: PathBuf,
    pub entries: Vec<Value>,
    took: Duration,
    /// The highest that it had in memory, in KiB.
    peak: u64,
}

/// Runs a program, and tells on stderr what it had in memory at most.
const MEASURE: &str = "import os, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

const ALL: [&str; 5] = ["processes", "process-files", "open-files", "sockets", "sessions-live"];

pub fn collect(desk: &Desk, before: &[&str], ids: &[&str]) -> Collected {
    let out = desk.out();
    let mut words: Vec<&OsStr> = before.iter().map(OsStr::new).collect();
    words.extend(
        ["python3", "-c", MEASURE, PHI_IR, "collect", "--json", "--no-tools", "-r", &desk.recipient]
            .map(OsStr::new),
    );
    words.extend(ids.iter().flat_map(|id| ["--only", id]).map(OsStr::new));
    let key = desk.path("host.key");
    words.extend([OsStr::new("--sign-with"), key.as_os_str(), OsStr::new("-o"), out.as_os_str()]);
    let started = Instant::now();
    let ran = tool(words[0].to_str().unwrap(), &words[1..]);
    let took = started.elapsed();
    assert!([0, 3].contains(&ran.code), "{} {}{}", ran.code, ran.stdout, ran.stderr);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}') && !text.contains("panicked"), "{text}");
    }
    let peak = ran.stderr.lines().find_map(|line| line.strip_prefix("peak ")).unwrap().parse().unwrap();
    let bundle = Bundle::of(&ran.json());
    desk.verify(&bundle.sealed).run().code(0);
    let opened = desk.open(&bundle);
    Collected { entries: entries(&opened), opened, took, peak }
}

impl Collected {
    /// The rows of all members whose names begin so. None of them holds a byte that acts on a terminal.
    pub fn rows(&self, begin: &str) -> Vec<Value> {
        let (folder, name) = begin.rsplit_once('/').unwrap();
        let mut names: Vec<PathBuf> = fs::read_dir(self.opened.join("data/live").join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name))
            .collect();
        names.sort();
        assert!(!names.is_empty(), "no {begin}");
        let mut rows = Vec::new();
        for name in names {
            let text = fs::read_to_string(name).unwrap();
            let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!text.contains(acts), "{begin} holds a character that acts");
            rows.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        rows
    }

    fn processes(&self) -> BTreeMap<u32, Value> {
        let rows = self.rows("processes/processes.jsonl");
        let count = rows.len();
        let by_pid: BTreeMap<u32, Value> =
            rows.into_iter().map(|row| (u32::try_from(row["pid"].as_u64().unwrap()).unwrap(), row)).collect();
        assert_eq!(by_pid.len(), count, "a number stands twice");
        by_pid
    }

    /// 64 MiB, and 1 KiB for each member.
    #[track_caller]
    pub fn is_small(&self) {
        let members = self.entries.iter().filter(|entry| entry["member"].is_string()).count() as u64;
        let said = format!("{} KiB at most, {members} members, {:?}\n", self.peak, self.took);
        let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
        assert!(self.peak <= (64 << 10) + members, "{} KiB for {members} members", self.peak);
    }
}

pub fn decoded(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

pub fn exact(row: &Value, column: &str) -> Vec<u8> {
    match row[format!("{column}_b64")].as_str() {
        Some(text) => decoded(text),
        None => row[column].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

/// What a row of the capture holds.
fn held(row: &Value) -> Vec<u8> {
    match row["bytes_b64"].as_str() {
        Some(text) => decoded(text),
        None => row["text"].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

/// Names that a file can have: every byte, what breaks `stat`, a terminal or a line, and what is no text.
fn names() -> Vec<Vec<u8>> {
    let every = |from: u8, to: u8| (from..=to).filter(|byte| *byte != b'/').collect::<Vec<u8>>();
    let mut names: Vec<Vec<u8>> =
        (0..16).map(|sixteenth: u8| every((sixteenth * 16).max(1), sixteenth * 16 + 15)).collect();
    let odd: [&[u8]; 9] = [
        b"a) R 1 1 1 0 (",
        b"x)\nZ 2 (",
        b"\n",
        b")",
        b"\x1b]0;owned\x07\x1b[2J",
        "\u{202e}txt.exe\u{202c}".as_bytes(),
        b"\xff\xfe\xc0\x80",
        b"gone (deleted)",
        b"[kworker_0:1]",
    ];
    names.extend(odd.map(<[u8]>::to_vec));
    names
}

#[test]
fn every_byte_of_names_arguments_and_folders_comes_through() {
    if !only_root("other processes' links") {
        return;
    }
    let (desk, mut zoo) = (Desk::new(), Zoo::new());
    let every: Vec<u8> = (1..=255).collect();
    let mut held_there = BTreeMap::new();
    for name in names() {
        let program = zoo.named(&name);
        let folder = zoo.at(&[b"in ", name.as_slice()].concat());
        fs::create_dir(&folder).unwrap();
        let arguments = [every.as_slice(), b"", name.as_slice(), b"\xe2\x80"];
        let pid = zoo.run(&program, "", b"S", |command| {
            command
                .arg0(OsStr::from_bytes(&name))
                .args(arguments.map(OsStr::from_bytes))
                .current_dir(&folder);
        });
        let command = [&[name.as_slice()], &arguments[..]]
            .concat()
            .iter()
            .flat_map(|part| [part, &b"\0"[..]].concat())
            .collect::<Vec<u8>>();
        held_there.insert(pid, (name, program, folder, command));
    }
    let collected = collect(&desk, &["nice"], &ALL);
    let rows = collected.processes();
    let raw = collected.rows("processes/raw-");
    let members: BTreeMap<u64, &Value> = raw
        .iter()
        .filter(|row| row["file"] == "cmdline")
        .map(|row| (row["pid"].as_u64().unwrap(), row))
        .collect();
    for (pid, (name, program, folder, command)) in &held_there {
        let row = rows.get(pid).unwrap_or_else(|| panic!("{name:?} is not there"));
        assert_eq!(exact(row, "comm"), name[..name.len().min(15)], "{row:#}");
        assert_eq!(exact(row, "exe"), program.as_os_str().as_bytes(), "{row:#}");
        assert_eq!(exact(row, "cwd"), folder.as_os_str().as_bytes(), "{row:#}");
        assert_eq!(decoded(row["command_b64"].as_str().unwrap()), *command, "{row:#}");
        assert_eq!(held(members[&u64::from(*pid)]), *command);
        assert_eq!(
            (row["exe_state"].as_str(), row["state"].as_str()),
            (Some("present"), Some("S")),
            "{row:#}"
        );
        assert_eq!(row["ppid"], std::process::id());
    }
    // Nothing of it on the opened folder's names, and nobody's digest is missing.
    let programs = collected.rows("process-files/executables.jsonl");
    for (name, program, ..) in held_there.values() {
        let wanted = program.as_os_str().as_bytes();
        let found = programs.iter().any(|row| exact(row, "path") == wanted && row["sha256"].is_string());
        assert!(found, "no digest of {name:?}");
    }
}

#[test]
fn whoever_is_in_an_odd_state_has_a_row_that_says_so() {
    if !only_root("other processes' links") {
        return;
    }
    let (desk, mut zoo) = (Desk::new(), Zoo::new());
    let program = zoo.program();
    let plain = |zoo: &mut Zoo, mode: &str, states: &[u8]| zoo.run(&program, mode, states, |_| ());
    let overwritten = zoo.run(&program, "overwrite", b"S", |command| {
        command.args(["0123456789", "and more"]);
    });
    std::thread::sleep(Duration::from_millis(100));
    let wanted = fs::read(format!("/proc/{overwritten}/cmdline")).unwrap();
    assert!(wanted.contains(&0x1b) && wanted.contains(&0xff));
    let noargs = plain(&mut zoo, "noargs", b"S");
    let headless = plain(&mut zoo, "headless", b"Z");
    let parent = plain(&mut zoo, "zombie", b"S");
    let stopped = plain(&mut zoo, "stopped", b"T");
    let waiting = plain(&mut zoo, "vfork", b"D");
    let doomed = zoo.named(b"doomed");
    let deleted = zoo.run(&doomed, "", b"S", |_| ());
    fs::remove_file(&doomed).unwrap();
    let long = vec!["x".repeat(100_000); 20];
    let long_one = zoo.run(&program, "", b"S", |command| {
        command.args(&long);
    });
    // 4 MB of arguments need a larger stack.
    let larger = "import os, resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, (1 << 26, 1 << 26))\nos.execv(sys.argv[1], [sys.argv[1]] + ['y' * 100000] * 40)";
    let python = PathBuf::from("/usr/bin/python3");
    let too_long = zoo.run(&python, "", b"S", |command| {
        command.args(["-c", larger, program.to_str().unwrap()]);
    });
    let in_memory = "import os, sys\nfd = os.memfd_create('\\x1b[2Jodd\\n)')\nos.write(fd, open(sys.argv[1], 'rb').read())\nos.execve(fd, ['m'], {})";
    let memfd = zoo.run(&python, "", b"S", |command| {
        command.args(["-c", in_memory, program.to_str().unwrap()]);
    });
    let apart = zoo.run(&PathBuf::from("/usr/bin/unshare"), "", b"S", |command| {
        command.args([
            "-U",
            "-r",
            "-p",
            "-f",
            "-m",
            "-n",
            "--kill-child",
            program.to_str().unwrap(),
            "apart",
        ]);
    });
    std::thread::sleep(Duration::from_millis(300));
    let collected = collect(&desk, &["nice"], &ALL);
    let rows = collected.processes();
    let row = |pid: u32| rows.get(&pid).unwrap_or_else(|| panic!("{pid} is not there"));
    let flags = |pid: u32| row(pid)["flags"].to_string();
    assert_eq!(decoded(row(overwritten)["command_b64"].as_str().unwrap()), wanted);
    assert!(row(noargs)["exe"].as_str().unwrap().ends_with("/pauser"));
    assert!(row(noargs)["command"].is_null() || row(noargs)["command"] == "", "{:#}", row(noargs));
    // Its first thread has ended, and it runs on.
    assert_eq!((row(headless)["state"].as_str(), row(headless)["threads"].as_u64()), (Some("Z"), Some(2)));
    let zombie = rows.values().find(|row| row["ppid"] == parent).expect("the zombie");
    assert_eq!((zombie["state"].as_str(), zombie["comm"].as_str()), (Some("Z"), Some("pauser")));
    assert_eq!(row(stopped)["state"], "T");
    assert_eq!(row(waiting)["state"], "D");
    assert!(flags(deleted).contains("exe_deleted") && flags(memfd).contains("exe_memfd"));
    assert!(exact(row(memfd), "exe").starts_with(b"/memfd:\x1b[2Jodd\n)"), "{:#}", row(memfd));
    let inner = rows.values().find(|row| row["ppid"] == apart).expect("the one apart");
    assert_eq!(inner["pids_inside"][1], 1, "{inner:#}");
    assert_ne!(inner["namespaces"]["user"], row(stopped)["namespaces"]["user"]);
    // The rows keep a beginning; the capture keeps 2 MiB, and says where there is more.
    let raw = collected.rows("processes/raw-");
    let capture = |pid: u32| raw.iter().find(|row| row["pid"] == pid && row["file"] == "cmdline").unwrap();
    assert!(row(long_one)["command_cut"] == true && capture(long_one)["cut"].is_null());
    assert_eq!(held(capture(long_one)), fs::read(format!("/proc/{long_one}/cmdline")).unwrap());
    assert!(held(capture(long_one)).len() > 2_000_000);
    assert_eq!((capture(too_long)["cut"].as_bool(), held(capture(too_long)).len()), (Some(true), 2 << 20));
    let told = |entry: &&Value| entry["outcome"] == "truncated" && entry["collector"] == "processes";
    let cut = collected.entries.iter().find(told).expect("it is not told");
    assert!(cut["reason"].as_str().unwrap().contains(&format!("cmdline of {too_long}")), "{cut:#}");
    collected.is_small();
}

/// How large a crowd can be: 30,000 where there is time, as far as there are numbers for so many. None if there are not even
/// enough for this one; that is said then.
pub fn crowd_of(ordinary: usize) -> Option<usize> {
    let in_use = fs::read_dir("/proc").unwrap().count();
    let most: usize = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap().trim().parse().unwrap();
    let wanted = if is_long() { 30_000.min(most.saturating_sub(in_use + 1500)) } else { ordinary };
    if most < in_use + wanted + 500 {
        skipped("pid_max leaves no room for a crowd");
        return None;
    }
    Some(wanted)
}

#[test]
fn a_crowd_is_listed_to_the_last_one_in_little_memory() {
    if !only_root("a pid namespace") {
        return;
    }
    let Some(wanted) = crowd_of(4000) else { return };
    let (desk, mut zoo) = (Desk::new(), Zoo::new());
    let program = zoo.program();
    let number = wanted.to_string();
    let leader = zoo.run(&PathBuf::from("/usr/bin/unshare"), "crowd", b"S", |command| {
        command.args(["-p", "-f", "--kill-child", program.to_str().unwrap(), &number]);
    });
    let of_crowd = || {
        let pids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|name| name.unwrap().file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|text| text.starts_with(program.as_os_str().as_bytes()))
        })
        .collect::<std::collections::BTreeSet<u32>>()
    };
    let start = Instant::now();
    let mut there = of_crowd();
    while there.len() < wanted + 1 {
        assert!(start.elapsed() < Duration::from_secs(180), "only {} of {wanted}", there.len());
        std::thread::sleep(Duration::from_millis(200));
        there = of_crowd();
    }
    let ids: &[&str] = if is_long() { &ALL } else { &["processes", "sessions-live"] };
    let collected = collect(&desk, &["nice"], ids);
    let rows = collected.processes();
    let missing: Vec<&u32> =
        there.iter().filter(|pid| rows.get(pid).is_none_or(|row| row["vanished"] == true)).collect();
    assert!(
        missing.is_empty() && there.len() == wanted + 1,
        "{} of {} are missing: {missing:?}",
        missing.len(),
        there.len()
    );
    for pid in &there {
        assert_eq!(exact(&rows[pid], "exe"), program.as_os_str().as_bytes(), "{leader}");
    }
    println!("{} rows of {}", rows.len(), there.len());
    collected.is_small();
}

#[test]
fn in_a_storm_of_forks_no_row_is_of_two_processes() {
    if !only_root("a pid namespace") {
        return;
    }
    let (desk, zoo) = (Desk::new(), Zoo::new());
    let program = zoo.program();
    let program = program.to_str().unwrap();
    // Four that fork for ever, within a dozen numbers each, and one that becomes another program all the time; all of
    // them end with the namespace.
    let script = format!(
        "for from in 5000 5006 6000 7000; do MODE=storm {program} $from 0123456789 >/dev/null 2>&1 & done
         MODE=reborn {program} again >/dev/null 2>&1 &
         \"$@\"; code=$?; kill -9 -1; exit $code"
    );
    let before = ["unshare", "-p", "-f", "-m", "--mount-proc", "--kill-child", "sh", "-c", &script, "sh"];
    let rounds = if is_long() { 40 } else { 4 };
    let (mut vanished, mut whole, mut changed, mut named, mut tried) = (0, 0, 0, 0, 0);
    // On a busy machine the storm is a breeze now and then: some more rounds.
    while tried < rounds || tried < 30 && [vanished, whole, changed, named].contains(&0) {
        tried += 1;
        let collected = collect(&desk, &before, &ALL);
        // What is read of one process is read before it ends, and nobody is waited for.
        assert!(collected.took < Duration::from_secs(100), "{:?}", collected.took);
        for (pid, row) in collected.processes() {
            let flags = row["flags"].to_string();
            vanished += u32::from(row["vanished"] == true);
            changed += u32::from(flags.contains("changed_while_read"));
            whole += u32::from(row["vanished"] != true && row["command"].is_string());
            for column in ["comm", "command"] {
                let told = row[column].as_str().unwrap_or_default();
                let number: Option<u32> = told.strip_prefix('s').and_then(|number| number.parse().ok());
                if let Some(number) = number {
                    named += 1;
                    assert_eq!(number, pid, "a row of two processes: {row:#}");
                }
            }
        }
        // The same of the capture: a name in it is of the process that it says.
        for row in collected.rows("processes/raw-") {
            let bytes = held(&row);
            let text = String::from_utf8_lossy(&bytes);
            let name = match row["file"].as_str().unwrap() {
                "stat" => text.split(['(', ')']).nth(1).unwrap_or_default().to_owned(),
                "cmdline" => text.split('\0').next().unwrap_or_default().to_owned(),
                _ => continue,
            };
            if let Some(number) = name.strip_prefix('s').and_then(|number| number.parse::<u32>().ok()) {
                assert_eq!(Some(u64::from(number)), row["pid"].as_u64(), "{row:#}");
            }
        }
    }
    println!(
        "{tried} rounds: {vanished} vanished, {changed} changed while read, {named} named by themselves, {whole} whole"
    );
    assert!(
        vanished > 0 && changed > 0 && named > 0 && whole > 0,
        "the storm did not hit: {vanished} {changed} {named} {whole}"
    );
}
