//! Errors, short writes and interruptions put into system calls by strace.
//!
//! strace counts calls thread by thread: one run with `when=7` fails the seventh call of every thread that gets so far.
//! Where it hit is read off what strace has written.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::dice::{Dice, is_long};
use crate::ends::{Ended, Tally, held};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, Ran, entries, entry_of, only_root};

/// A run under strace.
struct Traced<'d> {
    desk: &'d Desk,
    host: Option<&'d FakeHost>,
    only: &'static [&'static str],
    /// A file of the host that is pointed at; then calls about it alone are traced, whichever thread makes them.
    also: Option<&'static str>,
}

/// What came of it, and the calls that were traced, thread by thread.
struct Trace {
    ran: Ran,
    out: PathBuf,
    threads: Vec<Vec<String>>,
}

impl Trace {
    fn hits(&self) -> impl Iterator<Item = &str> {
        self.threads.iter().flatten().filter(|line| line.contains("(INJECTED)")).map(String::as_str)
    }

    /// How many calls the busiest thread made; strace counts no further than 65,535.
    fn most(&self) -> usize {
        self.threads.iter().map(Vec::len).max().unwrap_or(0).min(65_535)
    }

    /// Which of its thread's calls is the last that has to do with the sealed file.
    fn last_of_the_sealed_file(&self) -> Option<usize> {
        let of_it = |lines: &Vec<String>| lines.iter().rposition(|line| line.contains(".zip.age.partial>"));
        self.threads.iter().filter_map(of_it).max().map(|at| at + 1)
    }
}

impl Traced<'_> {
    fn run(&self, calls: &str, inject: Option<&str>) -> Trace {
        let dir = tempfile::tempdir_in(self.desk.dir.path()).unwrap().keep();
        let (out, log) = (dir.join("out"), dir.join("trace"));
        fs::create_dir(&out).unwrap();
        // Live, in a PID namespace of its own: what others run here is none of it.
        let mut command = Command::new(if self.host.is_none() { "unshare" } else { "strace" });
        if self.host.is_none() {
            command.args(["--pid", "--fork", "--mount-proc", "strace"]);
        }
        command.args(["-ff", "-y", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e"]);
        command.arg(format!("trace={calls}")).arg("-o").arg(&log);
        if let Some(inject) = inject {
            command.arg("-e").arg(format!("inject={inject}"));
        }
        if let Some((host, also)) = self.host.zip(self.also) {
            command.arg("-P").arg(host.at(also));
        }
        command.args([
            PHI_IR,
            "collect",
            "--quiet",
            "--json",
            "--fast",
            "--no-tools",
            "-r",
            &self.desk.recipient,
        ]);
        command.args(self.only.iter().flat_map(|only| ["--only", only]));
        command.args(self.also.iter().flat_map(|also| ["--also", also]));
        let more: [OsString; 4] =
            ["--sign-with".into(), self.desk.path("host.key").into(), "-o".into(), out.clone().into()];
        command.args(more).env("PHI_IR_CONFIG", "/dev/null").env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        if let Some(host) = self.host {
            command.arg("--root").arg(host.path());
        }
        let output = command.output().expect("strace is needed by this test");
        let ran = Ran::from(output);
        let logs = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        let logs = logs.filter(|path| path != &out).map(|path| fs::read(path).unwrap());
        let lines = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect();
        let threads = logs.map(lines).collect();
        Trace { ran, out, threads }
    }

    /// A run in which nothing goes wrong.
    fn undisturbed(&self, call: &str) -> Trace {
        let trace = self.run(call, None);
        assert!([0, 3].contains(&trace.ran.code), "{call}: {}", trace.ran.stderr);
        trace
    }
}

/// A small host: a traced run of it takes a fraction of a second.
fn host() -> FakeHost {
    FakeHost::new()
        .file("/etc/hostname", "clinic-db\n")
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/etc/group", "root:x:0:\n")
        .file("/etc/shadow", "root:*:19000:0:99999:7:::\n")
}

/// What a call was about, by what strace says of its descriptor.
fn about(call: &str, host: &Path, out: &Path) -> &'static str {
    let (host, out) = (host.to_str().unwrap_or_default(), out.to_str().unwrap_or_default());
    match () {
        () if call.contains(".zip.age.partial>") && call.starts_with("read(") => "the sealed file, read back",
        () if call.contains(".zip.age.partial") => "the sealed file",
        () if call.contains(&format!("{out}/#"))
            || call.contains(".receipt.json")
            || call.contains("O_TMPFILE") =>
        {
            "the receipt and its signature"
        }
        () if call.contains(out) => "the output folder",
        () if call.contains(host) => "evidence",
        () if call.contains("(2<") || call.contains("(1<") => "what is said",
        () => "the program itself",
    }
}

/// The calls that reach the output, and errors that file systems give.
const OUTPUT: &[(&str, &[&str])] = &[
    ("write", &["EIO", "ENOSPC", "EINTR"]),
    ("fallocate", &["EIO", "ENOSPC", "EINTR", "EOPNOTSUPP"]),
    ("fstatfs", &["EIO", "EINTR"]),
    ("ftruncate", &["EIO", "EINTR"]),
    ("fsync", &["EIO", "ENOSPC", "EINTR"]),
    ("renameat2", &["EIO", "ENOSPC", "EINVAL", "EXDEV"]),
    ("linkat", &["EIO", "ENOSPC", "EPERM"]),
    ("pwrite64", &["EIO", "ENOSPC", "EINTR"]),
    ("lseek", &["EIO"]),
    ("fadvise64", &["EIO"]),
    ("read", &["EIO", "EINTR"]),
    ("openat", &["EMFILE", "EACCES", "ENOMEM", "ELOOP"]),
    ("close", &["EIO"]),
];

/// Runs each (call, error, number) on a few threads; holds that each ends as a run may. Counts by what was hit.
fn inject_all(
    traced: &Traced<'_>,
    trials: &[(&str, &str, usize)],
    phase: impl Fn(&str, &Trace) -> &'static str + Sync,
) -> Tally {
    let (tally, next) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((call, error, number)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trace = traced.run(call, Some(&format!("{call}:error={error}:when={number}")));
                    let what = format!("{call} number {number} of each thread gives {error}");
                    let ended = held(traced.desk, &trace.out, &trace.ran, &what);
                    let hit: BTreeSet<&str> = trace.hits().map(|line| phase(line, &trace)).collect();
                    let mut tally = tally.lock().unwrap();
                    if hit.is_empty() {
                        tally.add("nothing: no thread made so many calls", ended.word());
                    }
                    hit.into_iter().for_each(|phase| tally.add(phase, ended.word()));
                    fs::remove_dir_all(trace.out.parent().unwrap()).unwrap();
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// Of so many calls: the first two, the last five, and a few of those between; all of them where there is time.
fn chosen(most: usize, between: usize, dice: &mut Dice) -> BTreeSet<usize> {
    if is_long() {
        return (1..=most).collect();
    }
    let some = (0..between).map(|_| 1 + dice.below(most));
    [1, 2]
        .into_iter()
        .chain(most.saturating_sub(4)..=most)
        .chain(some)
        .filter(|n| (1..=most).contains(n))
        .collect()
}

#[test]
fn errors_of_the_output_s_file_system_seal_or_say_so() {
    let (desk, host) = (Desk::new(), host());
    let traced = Traced { desk: &desk, host: Some(&host), only: &["accounts"], also: None };
    let (mut dice, seed) = Dice::new();
    let mut trials = Vec::new();
    for (call, errors) in OUTPUT {
        let whole = traced.undisturbed(call);
        for (place, error) in errors.iter().enumerate() {
            // One error of each call at many places, the others at a few.
            let numbers = chosen(whole.most(), 1, &mut dice).into_iter();
            let numbers = numbers.chain(whole.last_of_the_sealed_file());
            let keep = if place == 0 || is_long() { usize::MAX } else { 2 };
            trials.extend(numbers.rev().take(keep).map(|number| (*call, *error, number)));
        }
    }
    let tally = inject_all(&traced, &trials, |line, trace| about(line, host.path(), &trace.out));
    tally.tell(&format!("{} errors of the output, seed {seed}", trials.len()));
    for phase in [
        "the sealed file",
        "the sealed file, read back",
        "the receipt and its signature",
        "the output folder",
        "evidence",
    ] {
        assert!(tally.of(phase) > 0, "nothing hit {phase}; seed {seed}");
    }
    for how in ["sealed", "sealed, stopped early", "error, no final name"] {
        assert!(tally.ended(how) > 0, "no run ended so: {how}; seed {seed}");
    }
}

/// What fails where evidence is gathered.
const EVIDENCE: &[(&str, &[&str])] = &[
    ("openat", &["EMFILE", "EACCES", "ELOOP"]),
    ("read", &["EIO", "EINTR"]),
    ("statx", &["EIO", "EACCES"]),
    ("getdents64", &["EIO"]),
    ("readlink", &["EIO"]),
    ("readlinkat", &["EIO"]),
    ("socket", &["EMFILE", "EPERM"]),
    ("bind", &["EPERM"]),
    ("sendto", &["ENOBUFS", "EINTR"]),
    ("recvfrom", &["ENOBUFS", "EINTR"]),
    ("getsockopt", &["EPERM"]),
    ("clone3", &["EAGAIN"]),
    ("prctl", &["EPERM"]),
    ("setns", &["EPERM"]),
    ("adjtimex", &["EPERM"]),
    ("poll", &["EINTR"]),
    ("fcntl", &["EMFILE"]),
];

#[test]
fn errors_where_evidence_is_gathered_cost_that_evidence() {
    if !only_root("a PID namespace") {
        return;
    }
    let desk = Desk::new();
    let traced = Traced { desk: &desk, host: None, only: &["firewall", "modules"], also: None };
    let (mut dice, seed) = Dice::new();
    let mut trials = Vec::new();
    for (call, errors) in EVIDENCE {
        let most = traced.undisturbed(call).most();
        for error in *errors {
            let numbers: Vec<usize> = (1..=most).filter(|_| is_long()).collect();
            // The first one of some thread is always hit; whether a later one is, depends on which thread does the work.
            let some = vec![1, 1 + dice.below(most)];
            let numbers = if is_long() { numbers } else { some };
            trials.extend(numbers.into_iter().map(|number| (*call, *error, number)));
        }
    }
    let tally = inject_all(&traced, &trials, |line, _| {
        let call = EVIDENCE.iter().map(|(call, _)| *call).find(|call| line.starts_with(&format!("{call}(")));
        call.unwrap_or("?")
    });
    tally.tell(&format!("{} errors where evidence is gathered, seed {seed}", trials.len()));
    for call in ["openat", "read", "statx", "getdents64", "readlink", "socket", "sendto", "clone3"] {
        assert!(tally.of(call) > 0, "no {call} was hit; seed {seed}");
    }
    assert!(tally.ended("sealed") * 2 > trials.len(), "most of them must cost no bundle; seed {seed}");
}

/// The number of the first call of some thread whose line has these words, `skip` of them passed over.
fn number_of(trace: &Trace, words: &str, skip: usize) -> usize {
    let of = |thread: &Vec<String>| {
        let found = thread.iter().enumerate().filter(|(_, line)| line.contains(words)).nth(skip);
        found.map(|(at, _)| at + 1)
    };
    trace.threads.iter().find_map(of).unwrap_or_else(|| panic!("no call has {words}"))
}

#[test]
fn what_could_be_read_of_a_failing_file_is_kept_and_an_interruption_costs_nothing() {
    let desk = Desk::new();
    let mut noise = vec![0_u8; 1_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = host().file("/srv/big", &noise);
    let traced = Traced { desk: &desk, host: Some(&host), only: &["accounts"], also: Some("/srv/big") };
    for (error, outcome) in [("EIO", "failed"), ("EINTR", "collected")] {
        let trace = traced.run("read", Some(&format!("read:error={error}:when=3")));
        assert!(trace.hits().any(|line| line.contains("/srv/big>")), "no read of the file was hit");
        let Ended::Sealed(document) = held(&desk, &trace.out, &trace.ran, error) else { panic!("{error}") };
        let opened = desk.open(&Bundle::of(&document));
        let told = entries(&opened);
        let big = entry_of(&told, "/srv/big");
        assert_eq!(big["outcome"], outcome, "{big:#}");
        assert_eq!(entry_of(&told, "/etc/passwd")["outcome"], "collected");
        let kept = fs::read(opened.join("data/root/srv/big")).unwrap();
        assert!(kept == noise[..kept.len()] && !kept.is_empty());
        match error {
            "EIO" => {
                assert_eq!(big["reason_code"], "io_error");
                assert!(kept.len() < noise.len() && big["size"] == kept.len(), "{big:#}");
                assert!(
                    big["reason"].as_str().unwrap().contains("what was read until then is kept"),
                    "{big:#}"
                );
            }
            _ => assert_eq!(kept.len(), noise.len()),
        }
    }
}

#[test]
fn bytes_that_the_disk_lost_are_noticed_when_the_file_is_read_back() {
    let (desk, host) = (Desk::new(), host());
    let traced = Traced { desk: &desk, host: Some(&host), only: &["accounts"], also: None };
    for (call, lie) in [("write", "retval=5"), ("read", "retval=5"), ("fsync", "retval=0")] {
        let number = number_of(&traced.run(call, None), ".zip.age.partial>", 0);
        let trace = traced.run(call, Some(&format!("{call}:{lie}:when={number}")));
        assert!(trace.hits().any(|line| line.contains(".zip.age.partial>")), "{call} was not hit");
        let ended = held(&desk, &trace.out, &trace.ran, lie);
        if call == "fsync" {
            // The control: what changes no byte changes nothing.
            assert!(matches!(ended, Ended::Sealed(_)), "{}", trace.ran.stderr);
            continue;
        }
        assert!(matches!(ended, Ended::Refused), "{call}: {}{}", trace.ran.stdout, trace.ran.stderr);
        assert!(trace.ran.stderr.contains("reads back differently"), "{call}: {}", trace.ran.stderr);
    }
}

#[test]
fn without_random_numbers_nothing_is_sealed() {
    let (desk, host) = (Desk::new(), host());
    let traced = Traced { desk: &desk, host: Some(&host), only: &["accounts"], also: None };
    let most = traced.undisturbed("getrandom").most();
    assert!(most >= 8, "each entry has a salt of its own: {most}");
    let mut refused = 0;
    for when in [1, 2, most / 2, most] {
        for error in ["EIO", "EINTR"] {
            let trace = traced.run("getrandom", Some(&format!("getrandom:error={error}:when={when}")));
            assert!(trace.hits().count() > 0, "{error} at {when}");
            let code = trace.ran.code;
            assert!([0, 1, 3].contains(&code), "{error} at {when}: exit {code} {}", trace.ran.stderr);
            let names = crate::ends::ending_in(&trace.out, ".zip.age").len();
            assert_eq!(names, usize::from(code != 1), "{error} at {when}: {}", trace.ran.stderr);
            assert!(trace.ran.stderr.lines().any(|line| line.starts_with("phi-ir: ")) || code != 1);
            if error == "EINTR" {
                continue;
            }
            refused += usize::from(code == 1);
        }
    }
    assert_eq!(refused, 4, "a bundle was sealed with what could be guessed");
    // A sandbox that refuses the call for good: the device serves.
    let trace = traced.run("getrandom", Some("getrandom:error=EPERM"));
    assert!(matches!(held(&desk, &trace.out, &trace.ran, "refused for good"), Ended::Sealed(_)));
}
