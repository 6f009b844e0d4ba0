//! Host programs that print for ever, never end, or get away.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Bundle, Desk, PHI_IR, entries, only_root, tool};

/// A collector that runs host programs, and a word that all of them have in their command line or name.
pub struct Trial {
    pub desk: Desk,
    pub mark: String,
}

/// What one run told of each step.
pub struct Told {
    pub took: Duration,
    opened: PathBuf,
    entries: Vec<Value>,
}

impl Trial {
    pub fn new() -> Trial {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Trial { desk: Desk::new(), mark: format!("mk{:06}x{number:02}", std::process::id()) }
    }

    /// A step that runs a shell script, or one in Python; more keys of the step are given behind a semicolon.
    fn step(&self, interpreter: &str, script: &str, keys: &str) -> String {
        let (mark, keys) = (&self.mark, keys.replace("; ", "\n"));
        format!(
            "[[tool]]\nargv = ['{interpreter}', '-c', '''{}''', '{mark}']\n{keys}\n",
            script.replace("MARK", mark)
        )
    }

    pub fn sh(&self, script: &str, keys: &str) -> String {
        self.step("sh", script, keys)
    }

    pub fn python(&self, script: &str, keys: &str) -> String {
        self.step("python3", script, keys)
    }

    /// The arguments that run these steps.
    pub fn arguments(&self, steps: &[String]) -> Vec<String> {
        let folder = self.desk.path("definitions");
        fs::create_dir_all(&folder).unwrap();
        let head = "title = \"A trial\"\nwhy = \"a test\"\nvolatility = \"persistent\"\nprofiles = [\"incident\"]\nphi = \"none\"\n";
        fs::write(folder.join("trial.toml"), format!("{head}{}", steps.concat())).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("trial.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        let key = self.desk.path("host.key");
        let words = [
            PHI_IR,
            "collect",
            "--fast",
            "--json",
            "--only",
            "trial",
            "-r",
            &self.desk.recipient,
            "--definitions",
            folder.to_str().unwrap(),
            "-o",
            self.desk.out().to_str().unwrap(),
            "--sign-with",
            key.to_str().unwrap(),
        ]
        .map(str::to_owned);
        words.to_vec()
    }

    /// Runs them by way of other programs: `unshare -m sh -c …`.
    pub fn by_way_of(&self, before: &[&str], steps: &[String]) -> Told {
        let words: Vec<String> =
            before.iter().map(|word| (*word).to_owned()).chain(self.arguments(steps)).collect();
        let started = Instant::now();
        let ran = tool(&words[0], &words[1..].iter().map(OsStr::new).collect::<Vec<_>>());
        let took = started.elapsed();
        assert!([0, 3].contains(&ran.code), "{} {}{}", ran.code, ran.stdout, ran.stderr);
        assert!(
            !ran.stderr.contains('\x1b') && !ran.stdout.contains('\x1b'),
            "an escape reached the terminal"
        );
        let bundle = Bundle::of(&ran.json());
        self.desk.verify(&bundle.sealed).run().code(0);
        let opened = self.desk.open(&bundle);
        let all = entries(&opened).into_iter().filter(|entry| entry["collector"] == "trial").collect();
        Told { took, opened, entries: all }
    }

    pub fn run(&self, steps: &[String]) -> Told {
        self.by_way_of(&["nice", "-n", "0"], steps)
    }

    /// Every process that has the mark in its command line, its environment or its name.
    pub fn marked(&self) -> Vec<u32> {
        let has = |bytes: Vec<u8>| bytes.windows(self.mark.len()).any(|part| part == self.mark.as_bytes());
        let pids = fs::read_dir("/proc").unwrap();
        let pids = pids.filter_map(|name| name.unwrap().file_name().to_str()?.parse::<u32>().ok());
        let is_marked = |pid: &u32| {
            let files = ["cmdline", "environ", "stat"];
            files.iter().any(|file| has(fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()))
        };
        pids.filter(is_marked).collect()
    }

    /// Nobody is left, neither running nor as a zombie.
    #[track_caller]
    pub fn is_gone(&self) {
        let words = |pid: &u32| {
            String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
                .into_owned()
        };
        let left: Vec<_> = self.marked().iter().map(|pid| (*pid, words(pid))).collect();
        assert!(left.is_empty(), "left running: {left:#?}");
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        for pid in self.marked() {
            tool("kill", &["-9".as_ref(), pid.to_string().as_ref()]);
        }
    }
}

impl Told {
    /// The entry of a step's stdout, or of its gap.
    #[track_caller]
    pub fn of(&self, step: usize) -> &Value {
        let id = format!("tool-{step}");
        let found =
            self.entries.iter().find(|entry| entry["step"] == id && entry["source"]["stream"] != "stderr");
        found.unwrap_or_else(|| panic!("no entry of step {step}: {:#?}", self.entries))
    }

    #[track_caller]
    pub fn ended(&self, step: usize, outcome: &str, code: Option<&str>) -> &Value {
        let entry = self.of(step);
        assert_eq!(
            (entry["outcome"].as_str(), entry["reason_code"].as_str()),
            (Some(outcome), code),
            "step {step}: {entry:#}"
        );
        entry
    }

    /// What a step printed.
    #[track_caller]
    pub fn printed(&self, step: usize) -> Vec<u8> {
        fs::read(self.opened.join(self.of(step)["member"].as_str().unwrap())).unwrap()
    }

    fn complained(&self, step: usize) -> &Value {
        let id = format!("tool-{step}");
        self.entries
            .iter()
            .find(|entry| entry["step"] == id && entry["source"]["stream"] == "stderr")
            .unwrap()
    }
}

#[test]
fn what_never_ends_or_prints_for_ever_costs_its_deadline_and_nothing_else() {
    let trial = Trial::new();
    let ignoring = "import signal, time\nfor s in (1, 2, 3, 13, 15, 20): signal.signal(s, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(3600)";
    let steps = [
        trial.sh("yes", "timeout = '60s'; max_output = '200K'"),
        trial.sh("echo first; yes >&2", "timeout = '1s'"),
        trial.sh("yes >&2 & yes", "timeout = '60s'; max_output = '200K'"),
        trial.sh("while :; do echo forever; done", "timeout = '1s'; max_output = '1T'"),
        trial.python(ignoring, "timeout = '2s'"),
        trial.sh("exec >&- 2>&-; sleep 3600", "timeout = '1s'"),
        trial.sh("echo stopped; kill -STOP $$", "timeout = '1s'"),
        trial.sh("while :; do printf x; sleep 1; done", "timeout = '3s'"),
        trial.sh("while :; do sleep 3600 & done", "timeout = '1s'").replace("while :;", "ulimit -u 500; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30;") ,
        trial.sh("echo after all", ""),
    ];
    let told = trial.run(&steps);
    trial.is_gone();
    let cut = told.ended(1, "truncated", Some("output_limit"));
    assert_eq!((cut["size"].as_u64(), cut["signal"].as_i64()), (Some(200 << 10), Some(9)));
    told.ended(2, "timed_out", Some("tool_deadline"));
    assert_eq!(told.printed(2), b"first\n");
    assert_eq!(told.complained(2)["outcome"], "truncated");
    assert_eq!(told.complained(2)["size"], 1 << 20);
    told.ended(3, "truncated", Some("output_limit"));
    told.ended(4, "timed_out", Some("tool_deadline"));
    assert!(told.printed(4).starts_with(b"forever\nforever\n"));
    told.ended(5, "timed_out", Some("tool_deadline"));
    assert_eq!(told.printed(5), b"here\n");
    told.ended(6, "timed_out", Some("tool_deadline"));
    told.ended(7, "timed_out", Some("tool_deadline"));
    let slow = told.ended(8, "timed_out", Some("tool_deadline"));
    assert!((2..=4).contains(&slow["size"].as_u64().unwrap()), "{slow:#}");
    // It ends well, and what it leaves in its group is told and gone.
    let left = told.ended(9, "inconclusive", Some("tool_silent"));
    assert!(left["reason"].as_str().unwrap().contains("left running were killed: "), "{left:#}");
    told.ended(10, "collected", None);
    // 9 s of deadlines.
    assert!(told.took < Duration::from_secs(60), "{:?}", told.took);
}

/// Ways to leave a group, each with whoever flees still running: what it prints itself, and whether its pipe stays open.
fn flights(trial: &Trial) -> Vec<String> {
    let python = |script: &str| {
        let head = "import ctypes, os, signal, sys, time\nopen('/proc/self/comm', 'w').write('MARK')\n";
        trial.python(&format!("{head}{script}"), "timeout = '60s'")
    };
    vec![
        // Holds the pipe open.
        trial.sh(
            "M=MARK setsid sleep 3600 & M=MARK setsid sh -c 'sleep 3600' & sleep 0.3; echo done",
            "timeout = '60s'",
        ),
        // A daemon by the book: two forks, a session, nothing open, elsewhere.
        python(
            "if os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  os.closerange(0, 99); os.chdir('/'); time.sleep(3600)\n os._exit(0)\ntime.sleep(0.3); print('done')",
        ),
        // Ignores everything, and is stopped.
        python(
            "if os.fork() == 0:\n os.setsid()\n for s in (1, 2, 15, 17): signal.signal(s, signal.SIG_IGN)\n os.kill(os.getpid(), 19)\n time.sleep(3600)\ntime.sleep(0.3); print('done')",
        ),
        // Prints for ever after its parent's end.
        python(
            "if os.fork() == 0:\n os.setsid()\n while True: os.write(1, b'more\\n')\ntime.sleep(0.3); print('done', flush=True)",
        ),
        // Each of a hundred has a session, a group and a child of its own.
        python(
            "for i in range(100):\n if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.setsid()\n  time.sleep(3600)\ntime.sleep(1); print('done')",
        ),
        // Never the same process twice: each starts the next and ends.
        python(
            "if os.fork() == 0:\n end = time.time() + 120\n while time.time() < end:\n  os.setsid()\n  if os.fork() != 0: os._exit(0)\ntime.sleep(0.3); print('done')",
        ),
        // Beside the program instead of beneath it (clone(2), CLONE_PARENT).
        python(
            "if ctypes.CDLL(None).syscall({'x86_64': 56}.get(os.uname().machine, 220), 0x8000 | 17, 0, 0, 0, 0) == 0:\n os.setsid()\n time.sleep(3600)\ntime.sleep(0.3); print('done')",
        ),
    ]
}

#[test]
fn nobody_gets_away_from_a_program_s_group() {
    let trial = Trial::new();
    let mut steps = flights(&trial);
    if only_root("a pid namespace") {
        steps.push(
            trial.sh("M=MARK unshare -p -f -m setsid sleep 3600 & sleep 0.5; echo done", "timeout = '60s'"),
        );
    }
    steps.push(trial.sh("echo last", ""));
    let told = trial.run(&steps);
    trial.is_gone();
    for step in 1..steps.len() {
        let entry = told.ended(step, "collected", Some("tool_left"));
        println!("{step}: {} ms, {}", entry["duration_ns"].as_u64().unwrap() / 1_000_000, entry["reason"]);
        let reason = entry["reason"].as_str().unwrap();
        assert!(reason.contains("left running were killed: "), "step {step}: {reason}");
        assert!(!reason.contains("could not be ended") && !reason.contains("holds its output"), "{reason}");
        let printed = told.printed(step);
        assert!(String::from_utf8_lossy(&printed).contains("done\n"), "step {step}");
    }
    told.ended(steps.len(), "collected", None);
    assert!(told.took < Duration::from_secs(90), "nobody is waited for: {:?}", told.took);
}

#[test]
fn who_flees_from_somebody_else_does_get_away() {
    // The control of the test above: without us, the same programs leave somebody behind.
    let trial = Trial::new();
    let scripts: Vec<String> = flights(&trial);
    for step in scripts.iter().take(3) {
        let parsed: BTreeMap<&str, &str> = step.lines().filter_map(|line| line.split_once(" = ")).collect();
        assert!(parsed.contains_key("argv"));
        let words: Vec<&str> = step.split('\'').collect();
        let (interpreter, script) = (words[1], step.split("'''").nth(1).unwrap());
        let ran = Command::new(interpreter)
            .args(["-c", script, &trial.mark])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(ran.unwrap().success());
        let left = trial.marked();
        assert!(!left.is_empty(), "nobody was left behind by {script}");
        for pid in left {
            tool("kill", &["-9".as_ref(), pid.to_string().as_ref()]);
        }
    }
}

#[test]
fn children_that_we_were_started_with_are_not_harmed() {
    let trial = Trial::new();
    // Whoever runs us by exec leaves us his children, and theirs: an orphan among them must not be taken for a tool's.
    let before = "exec 5>/dev/null; (sleep 97 & sleep 1) >&5 2>&5 & sleep 98 >&5 2>&5 & exec \"$0\" \"$@\"";
    let steps = [
        trial.sh("sleep 2; M=MARK setsid sleep 99 & echo done", "timeout = '20s'"),
        trial.sh("sleep 3; echo done", "timeout = '20s'"),
    ];
    let steps = steps.map(|step| step.replace("& echo done", "& sleep 0.3; echo done"));
    let told =
        trial.by_way_of(&["setsid", "env", &format!("TRIAL={}", trial.mark), "sh", "-c", before], &steps);
    // The one of the program cannot be told from them, and is said to hold its output.
    let entry = told.ended(1, "collected", Some("tool_left"));
    assert!(entry["reason"].as_str().unwrap().contains("somebody holds its output open"), "{entry:#}");
    assert_eq!(told.printed(1), b"done\n");
    told.ended(2, "collected", None);
    let alive: Vec<String> = trial
        .marked()
        .iter()
        .map(|pid| {
            String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap()).replace('\0', " ")
        })
        .collect();
    for number in ["97", "98"] {
        assert!(alive.iter().any(|line| line.starts_with(&format!("sleep {number}"))), "{number}: {alive:?}");
    }
}

#[test]
fn how_a_program_ends_is_learnt_where_the_caller_ignores_it() {
    let trial = Trial::new();
    let ignoring = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])";
    let steps = [
        trial.sh("echo a; sleep 1; echo b; exit 3", "timeout = '60s'"),
        trial.sh("exec >&- 2>&-; sleep 1; exit 0", "timeout = '60s'"),
    ];
    let told = trial.by_way_of(&["python3", "-c", ignoring], &steps);
    let entry = told.ended(1, "failed", Some("tool_status"));
    assert_eq!((entry["exit"].as_i64(), told.printed(1).as_slice()), (Some(3), &b"a\nb\n"[..]));
    told.ended(2, "inconclusive", Some("tool_silent"));
    trial.is_gone();
}

#[test]
fn what_a_program_prints_is_kept_to_the_byte_and_what_it_gets_is_nothing() {
    let trial = Trial::new();
    let every = "import os, sys\nb = bytes(range(256)) + b'\\x1b]0;owned\\x07\\x1b[2J\\xff\\n'\nos.write(1, b); os.write(2, b)";
    let steps = [
        trial.python(every, ""),
        trial.sh("ulimit -c; kill -SEGV $$", ""),
        trial.sh("cat; env | cut -d= -f1 | sort | tr '\\n' ' '", ""),
        trial.sh("ls /proc/self/fd | tr '\\n' ' '", ""),
        trial.sh("cat", ""),
        // Six hundred lines, the last of them just before its end, 300 times over: none is lost.
        trial.sh("sleep 0.2; seq 600", ""),
    ];
    let huge = format!("HUGE={}", "x".repeat(100_000));
    let before = [
        "env",
        "LD_PRELOAD=/nowhere/evil.so",
        "LD_LIBRARY_PATH=/tmp",
        &huge,
        "sh",
        "-c",
        "exec 9</etc/passwd 7</; exec \"$0\" \"$@\"",
    ];
    let told = trial.by_way_of(&before, &steps);
    trial.is_gone();
    let wanted: Vec<u8> = (0..=255).chain(*b"\x1b]0;owned\x07\x1b[2J\xff\n").collect();
    assert_eq!(told.printed(1), wanted);
    let complaints = told.opened.join(told.complained(1)["member"].as_str().unwrap());
    assert_eq!(fs::read(complaints).unwrap(), wanted);
    let crashed = told.ended(2, "failed", Some("tool_signal"));
    assert_eq!((crashed["signal"].as_i64(), told.printed(2).as_slice()), (Some(11), &b"0\n"[..]));
    assert_eq!(String::from_utf8(told.printed(3)).unwrap(), "LC_ALL PATH PWD TZ ");
    assert_eq!(String::from_utf8(told.printed(4)).unwrap(), "0 1 2 3 ");
    told.ended(5, "inconclusive", Some("tool_silent"));
    assert_eq!(told.printed(6).iter().filter(|byte| **byte == b'\n').count(), 600);
}
