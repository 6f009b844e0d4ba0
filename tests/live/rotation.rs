//! Logs that are rotated while they are taken: a daemon that writes numbered lines and rotates every few milliseconds, and
//! the real binary beside it. Every line that was there when the run began must be in the bundle, once, and none may
//! be missing between two that are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, entries, phi};

/// The collector of audit logs as it is built in.
const AUDIT_LOGS: &str = include_str!("../../collectors/audit-logs.toml");

const LOG: &str = "var/log/audit/audit.log";

/// A daemon that writes a log, and rotates it as auditd does: each gets the next number, and a new one is made. None is
/// removed, so that every line must be found.
struct Daemon {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Vec<u64>>,
}

struct Rhythm {
    /// Rotations; after them it goes on writing.
    rotations: usize,
    /// Lines before a rotation.
    lines: u64,
    /// Between two lines.
    pause: Duration,
    /// Lines that are still written into the renamed file before the new one is opened, as by rsyslog before its HUP.
    late: u64,
}

fn boottime_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}

fn line(number: u64) -> String {
    format!("type=USER_LOGIN msg=audit(1795292388.000:{number}): n={number:08} {}\n", "x".repeat(100))
}

impl Daemon {
    fn start(root: &Path, rhythm: Rhythm) -> Daemon {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let log = root.join(LOG);
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
        let thread = std::thread::spawn(move || {
            let numbered = |n: usize| PathBuf::from(format!("{}.{n}", log.display()));
            let mut rotations = Vec::new();
            let mut number = 0;
            let mut file = File::create(&log).unwrap();
            let mut write = |file: &mut File| {
                file.write_all(line(number).as_bytes()).unwrap();
                number += 1;
                count.store(number, Ordering::SeqCst);
            };
            // A few long ones to begin with, so that reading takes a while.
            for _ in 0..4 {
                for _ in 0..4000 {
                    write(&mut file);
                }
                rotate(&log, &numbered);
                file = File::create(&log).unwrap();
            }
            while !stopped.load(Ordering::SeqCst) {
                for _ in 0..rhythm.lines {
                    write(&mut file);
                    std::thread::sleep(rhythm.pause);
                }
                if rotations.len() == rhythm.rotations {
                    continue;
                }
                rotate(&log, &numbered);
                let new = File::create(&log).unwrap();
                rotations.push(boottime_ns());
                for _ in 0..rhythm.late {
                    write(&mut file);
                    std::thread::sleep(rhythm.pause);
                }
                file = new;
            }
            rotations
        });
        let daemon = Daemon { stop, written, thread };
        while daemon.written() < 16_010 {
            std::thread::sleep(Duration::from_millis(1));
        }
        daemon
    }

    /// Lines that were written for certain.
    fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    /// When it rotated, in nanoseconds since boot.
    fn end(self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn rotate(log: &Path, numbered: &dyn Fn(usize) -> PathBuf) {
    let kept = (1..).take_while(|n| numbered(*n).exists()).count();
    for n in (1..=kept).rev() {
        fs::rename(numbered(n), numbered(n + 1)).unwrap();
    }
    fs::rename(log, numbered(1)).unwrap();
}

/// What a bundle says of the log.
struct Taken {
    /// How often each line is in it, not counting what was taken again under another entry.
    lines: BTreeMap<u64, usize>,
    /// Lines at all.
    all: BTreeMap<u64, usize>,
    entries: Vec<Value>,
    began_ns: u64,
    ended_ns: u64,
}

impl Taken {
    fn of(opened: &Path, collector: &str) -> Taken {
        let entries: Vec<Value> = entries(opened)
            .into_iter()
            .filter(|entry| {
                entry["collector"] == collector && entry["step"].as_str().unwrap().starts_with("copy")
            })
            .collect();
        let copies: Vec<&Value> =
            entries.iter().filter(|entry| entry["kind"] == "copy" && entry["size"] != 0).collect();
        // What was taken again stands for what was taken of the same file before.
        let is_superseded = |entry: &Value| {
            copies.iter().any(|later| {
                later["reason"].as_str().is_some_and(|words| {
                    words.contains("taken again, whole")
                        && words.contains(&format!("under entry {}", entry["id"].as_str().unwrap()))
                })
            })
        };
        let (mut lines, mut all) = (BTreeMap::new(), BTreeMap::new());
        for entry in &copies {
            let text = fs::read_to_string(opened.join(entry["member"].as_str().unwrap())).unwrap();
            assert!(text.ends_with('\n'), "lines are written whole: {entry:#}");
            let numbers = text.lines().map(|line| {
                line.split("n=").nth(1).and_then(|rest| rest.get(..8)).unwrap().parse::<u64>().unwrap()
            });
            for number in numbers {
                *all.entry(number).or_default() += 1;
                if !is_superseded(entry) {
                    *lines.entry(number).or_default() += 1;
                }
            }
        }
        let times: Vec<u64> =
            entries.iter().map(|entry| entry["taken"]["boottime_ns"].as_u64().unwrap()).collect();
        let ends = entries.iter().map(|entry| {
            entry["taken"]["boottime_ns"].as_u64().unwrap() + entry["duration_ns"].as_u64().unwrap()
        });
        let (began_ns, ended_ns) = (*times.iter().min().unwrap(), ends.max().unwrap());
        Taken { lines, all, entries, began_ns, ended_ns }
    }

    /// Lines that are missing between the first and the last that are there.
    fn holes(&self) -> u64 {
        let (first, last) = (self.lines.keys().next(), self.lines.keys().next_back());
        let (Some(first), Some(last)) = (first, last) else { return 0 };
        last - first + 1 - self.lines.len() as u64
    }

    fn doubled(&self) -> usize {
        self.lines.values().filter(|times| **times > 1).count()
    }

    fn lacks_before(&self, written: u64) -> u64 {
        (0..written).filter(|number| !self.all.contains_key(number)).count() as u64
    }

    fn short(&self) -> String {
        let words = self.entries.iter().map(|entry| {
            format!(
                "{} {} {} size {} [{}] {} {}\n",
                entry["id"],
                entry["step"],
                entry["source"]["display"],
                entry["size"],
                entry["outcome"],
                entry["reason_code"],
                entry["reason"]
            )
        });
        words.collect()
    }
}

/// One collection beside a daemon, and what was written when it began.
fn collect(desk: &Desk, host: &FakeHost, daemon: &Daemon, definitions: Option<&Path>) -> (u64, Taken) {
    let collector = if definitions.is_some() { "trial" } else { "audit-logs" };
    let written = daemon.written();
    let mut run =
        phi(["collect", "--quiet", "--json", "--no-tools", "--only", collector, "-r", &desk.recipient])
            .args([std::ffi::OsStr::new("--root"), host.path().as_os_str()])
            .args([std::ffi::OsStr::new("-o"), desk.out().as_os_str()]);
    if let Some(definitions) = definitions {
        run = run.args([std::ffi::OsStr::new("--definitions"), definitions.as_os_str()]);
    }
    let ran = run.run();
    assert!([0, 3].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    (written, Taken::of(&desk.open(&Bundle::of(&ran.json())), collector))
}

fn host() -> FakeHost {
    FakeHost::new()
        .file("/etc/hostname", "clinic-db\n")
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
}

/// Runs beside a daemon of this rhythm; each is given to `check`. Gives how many rotations fell into the taking: if none did,
/// as on a machine on which the taking begins late, the daemon goes on for twice as long in as many runs more.
fn beside(runs: usize, rhythm: impl Fn() -> Rhythm, mut check: impl FnMut(u64, &Taken)) -> usize {
    let desk = Desk::new();
    let (mut fell, mut run) = (0, 0);
    while run < runs || (fell == 0 && run < 4 * runs) {
        let host = host();
        let mut rhythm = rhythm();
        rhythm.rotations <<= run / runs;
        let daemon = Daemon::start(host.path(), rhythm);
        let (written, taken) = collect(&desk, &host, &daemon, None);
        let rotations = daemon.end();
        fell += rotations.iter().filter(|at| (taken.began_ns..taken.ended_ns).contains(at)).count();
        check(written, &taken);
        run += 1;
    }
    fell
}

fn check_whole(written: u64, taken: &Taken) {
    assert_eq!(taken.lacks_before(written), 0, "lines that were there before the run:\n{}", taken.short());
    assert_eq!(taken.holes(), 0, "lines in the middle:\n{}", taken.short());
    assert_eq!(taken.doubled(), 0, "lines that are there twice without a reason:\n{}", taken.short());
    // A log that was made a moment ago may be empty still, and that is said.
    let is_fine = |entry: &&Value| {
        ["collected", "changed"].contains(&entry["outcome"].as_str().unwrap())
            || entry["reason_code"] == "zero_bytes"
            || ["copy-3", "copy-4", "copy-5"].contains(&entry["step"].as_str().unwrap())
    };
    assert!(taken.entries.iter().all(|entry| is_fine(&entry)), "{}", taken.short());
}

#[test]
fn no_line_is_lost_or_doubled_while_logs_are_rotated() {
    let every_few_milliseconds =
        || Rhythm { rotations: 80, lines: 3, pause: Duration::from_millis(1), late: 0 };
    let mut renamed = 0;
    let fell = beside(6, every_few_milliseconds, |written, taken| {
        check_whole(written, taken);
        renamed += taken.entries.iter().filter(|entry| entry["reason_code"] == "rotated").count();
    });
    assert!(fell > 0, "no rotation fell into the taking of the logs");
    let figures = format!("{fell} rotations fell into the taking of the logs, {renamed} entries say so\n");
    std::io::stderr().write_all(figures.as_bytes()).unwrap();
}

#[test]
fn no_line_is_lost_where_the_renamed_log_is_still_written() {
    let like_rsyslog = || Rhythm { rotations: 40, lines: 8, pause: Duration::from_millis(1), late: 6 };
    let fell = beside(4, like_rsyslog, check_whole);
    assert!(fell > 0, "no rotation fell into the taking of the logs");
}

#[test]
fn one_rotation_now_and_then_leaves_nothing_to_say_but_what_happened() {
    let now_and_then = || Rhythm { rotations: 8, lines: 40, pause: Duration::from_millis(1), late: 0 };
    let mut settled = 0;
    beside(4, now_and_then, |written, taken| {
        check_whole(written, taken);
        settled += usize::from(taken.entries.iter().all(|entry| entry["outcome"] != "changed"));
    });
    assert!(settled >= 2, "only {settled} of 4 runs settled");
}

#[test]
fn without_the_key_lines_are_lost_or_doubled() {
    let desk = Desk::new();
    let definitions = desk.path("definitions");
    fs::create_dir(&definitions).unwrap();
    // Nor has it the native code, which belongs to the collector of that name.
    let left_out = ["rotates", "native", "derives"];
    let without: String = AUDIT_LOGS
        .lines()
        .filter(|line| !left_out.iter().any(|key| line.starts_with(key)))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_ne!(without, AUDIT_LOGS);
    fs::write(definitions.join("trial.toml"), without).unwrap();
    let (mut troubles, mut run) = (0, 0);
    while run < 8 || (troubles == 0 && run < 32) {
        let host = host();
        let rotations = 80 << (run / 8);
        let rhythm = Rhythm { rotations, lines: 3, pause: Duration::from_millis(1), late: 0 };
        let daemon = Daemon::start(host.path(), rhythm);
        let (written, taken) = collect(&desk, &host, &daemon, Some(&definitions));
        daemon.end();
        let odd = taken.lacks_before(written) + taken.holes() + taken.doubled() as u64;
        troubles += usize::from(odd > 0);
        run += 1;
    }
    assert!(troubles > 0, "the race that these tests are about does not happen here");
}
