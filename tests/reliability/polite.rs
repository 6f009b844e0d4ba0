//! What a run takes of processor and disk: the ceiling is kept, pauses cost nothing but time, and everything that runs for
//! it goes last.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries, only_root, skipped, tool};

/// A run that is under way.
struct Collection {
    child: Child,
    began: Instant,
}

/// What came of it.
struct Done {
    code: i32,
    told: Value,
    /// Processor time as a part of the time that it took.
    share: f64,
    took: Duration,
}

impl Collection {
    fn begin(desk: &Desk, args: &[&OsStr]) -> Collection {
        let child = Command::new(PHI_IR)
            .args(["collect", "--quiet", "--json", "-r", &desk.recipient])
            .args([OsStr::new("-o"), desk.out().as_os_str()])
            .args([OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
            .args(args)
            .env("PHI_IR_CONFIG", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Collection { child, began: Instant::now() }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended, and reads of /proc what it has used, before it is gone.
    fn end(self) -> Done {
        let pid = Pid::from_child(&self.child);
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        let took = self.began.elapsed();
        // Own and of programs that it waited for, in hundredths of a second: fields 14 to 17 of proc_pid_stat(5).
        let ticks: u64 = stat(&format!("/proc/{}/stat", self.pid()))[11..15]
            .iter()
            .map(|field| field.parse::<u64>().unwrap())
            .sum();
        let output = self.child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap(),
            told: serde_json::from_slice(&output.stdout).unwrap(),
            share: ticks as f64 / 100.0 / took.as_secs_f64(),
            took,
        }
    }
}

/// The fields of a stat file in /proc, from the third on.
fn stat(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.rsplit_once(") ").unwrap().1.split(' ').map(str::to_owned).collect()
}

/// A host whose sealing takes so many megabytes' work.
fn host(megabytes: usize) -> FakeHost {
    let mut noise = vec![0_u8; 100_000];
    getrandom::fill(&mut noise).unwrap();
    let text: String = noise.iter().map(|byte| format!("{byte:03} made up ")).collect();
    FakeHost::small().file("/srv/big", text.repeat(megabytes * 1_000_000 / text.len()))
}

fn of<'a>(host: &'a FakeHost, more: &'a [&'a str]) -> Vec<&'a OsStr> {
    let mut args =
        vec![OsStr::new("--root"), host.path().as_os_str(), "--also".as_ref(), "/srv/big".as_ref()];
    args.extend(more.iter().map(OsStr::new));
    args
}

fn document(opened: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(opened.join("data/live").join(name)).unwrap()).unwrap()
}

#[test]
fn a_ceiling_on_processor_time_is_kept() {
    let host = host(30);
    let desk = Desk::new();
    // The control: without a ceiling it takes far more, even where others are busy.
    let free = Collection::begin(&desk, &of(&host, &["--fast"])).end();
    let below = Collection::begin(&desk, &of(&host, &["--fast", "--max-cpu", "10"])).end();
    assert!(free.share > 0.2, "{}: nothing to hold down", free.share);
    assert!(below.share < 0.125, "{} of a processor where a tenth is allowed", below.share);
    assert!(below.took > Duration::from_secs(2), "{:?}", below.took);
    assert_eq!((free.code, below.code), (3, 3));
    assert_eq!(free.told["counts"]["outcomes"], below.told["counts"]["outcomes"]);

    let bundle = Bundle::of(&below.told);
    desk.verify(&bundle.sealed).run().code(0).says("verified");
    let opened = desk.open(&bundle);
    assert_eq!(document(&opened, "settings/limits.json")["max_cpu_percent"], 10);
    let footprint = document(&opened, "footprint/footprint.json");
    let paused = Duration::from_nanos(footprint["paused_ns"].as_u64().unwrap());
    assert!(paused > below.took / 2 && paused < below.took, "{paused:?} of {:?}", below.took);
    let unlimited = document(&desk.open(&Bundle::of(&free.told)), "footprint/footprint.json");
    assert_eq!(unlimited["paused_ns"], 0);
}

#[test]
fn a_pause_ends_with_a_signal_and_with_the_time_limit() {
    // At one percent of a processor this would take minutes.
    let host = host(30);
    let desk = Desk::new();
    // The ceiling alone is to slow it down, not its low rank beside other tests.
    let ceiling = ["--fast", "--max-cpu", "1"];
    let running = Collection::begin(&desk, &of(&host, &ceiling));
    // Until it has begun to listen for signals, which end it otherwise.
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::read_dir(desk.out()).unwrap().count() == 0 {
        assert!(Instant::now() < deadline, "it does not begin");
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_secs(1));
    let asked = Instant::now();
    kill_process(Pid::from_child(&running.child), Signal::TERM).unwrap();
    let done = running.end();
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert_eq!((done.code, done.told["result"].as_str()), (130, Some("partial")));
    desk.verify(&Bundle::of(&done.told).sealed).run().code(0).says("verified");

    let desk = Desk::new();
    let limits = [ceiling.as_slice(), &["--max-time", "3s"]].concat();
    let done = Collection::begin(&desk, &of(&host, &limits)).end();
    assert!(done.took < Duration::from_secs(30), "{:?}", done.took);
    assert_eq!((done.code, done.told["result"].as_str()), (3, Some("partial")));
    assert!(done.told["stopped_by"].as_str().unwrap().contains("--max-time"), "{}", done.told);
    desk.verify(&Bundle::of(&done.told).sealed).run().code(0).says("verified");
}

/// A folder with one collector that runs one program.
fn definition(desk: &Desk, argv: &str, timeout: &str) -> PathBuf {
    let folder = desk.path("definitions");
    fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "title = \"One program\"\nwhy = \"a trial\"\nvolatility = \"persistent\"\nprofiles = [\"full\"]\n\
         hipaa = [\"164.312(b)\"]\nphi = \"none\"\n[[tool]]\nargv = {argv}\ntimeout = \"{timeout}\"\n\
         exit = {{ 0 = \"collected\" }}\n"
    );
    fs::write(folder.join("one-program.toml"), text).unwrap();
    folder
}

#[test]
fn a_program_that_waits_for_our_pauses_is_not_timed_out() {
    if !only_root("host programs") {
        return;
    }
    let desk = Desk::new();
    let folder = definition(&desk, r#"["seq", "4000000"]"#, "2s");
    let args = ["--only", "one-program", "--fast", "--max-cpu", "10", "--definitions"].map(OsStr::new);
    let done = Collection::begin(&desk, &[args.as_slice(), &[folder.as_os_str()]].concat()).end();
    assert!(done.took > Duration::from_secs(4), "it did not pause for longer than its time: {:?}", done.took);
    let entries = entries(&desk.open(&Bundle::of(&done.told)));
    let program = entries.iter().find(|entry| entry["source"]["display"] == "seq 4000000").unwrap();
    assert_eq!(
        (program["outcome"].as_str(), program["size"].as_u64()),
        (Some("collected"), Some(30_888_896))
    );
}

/// One thread, as the kernel ranks it.
#[derive(Debug, PartialEq, Eq)]
struct Rank {
    who: String,
    nice: i32,
    class: String,
}

/// All threads of a process.
fn threads(pid: u32) -> Vec<Rank> {
    let mut ranks = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let tid = entry.unwrap().file_name().into_string().unwrap();
        let Ok(who) = fs::read_to_string(format!("/proc/{tid}/comm")) else { continue };
        let class = tool("ionice", &["-p".as_ref(), tid.as_ref()]);
        let nice = stat(&format!("/proc/{pid}/task/{tid}/stat"))[16].parse().unwrap();
        ranks.push(Rank { who: who.trim().into(), nice, class: class.stdout.trim().into() });
    }
    ranks
}

/// All threads of a live collection and of the program that it runs, while that runs; and the nice value of its session.
fn ranks(desk: &Desk, command: &mut Command) -> (Vec<Rank>, Option<String>, Value) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let (collection, found) = loop {
        let family = descendants(child.id());
        let by = |name: &str| family.iter().find(|(_, comm)| comm == name).map(|(pid, _)| *pid);
        let found = by("phi-ir").zip(by("sleep")).map(|(collection, program)| {
            let found: Vec<Rank> = threads(collection).into_iter().chain(threads(program)).collect();
            (collection, found)
        });
        // A thread has its name, and a program its rank, a moment after they have begun.
        let wanted = ["phi-ir", "hash", "archive", "envelope", "reader", "tool", "sleep"];
        let is_there = |wanted: &str, found: &[Rank]| found.iter().any(|rank| rank.who == wanted);
        match found {
            Some((collection, found)) if wanted.iter().all(|wanted| is_there(wanted, &found)) => {
                break (collection, found);
            }
            _ => assert!(Instant::now() < deadline, "not all of {wanted:?} in {found:#?} of {family:?}"),
        }
        sleep(Duration::from_millis(10));
    };
    // Empty where nobody has begun a session since the machine did: such processes are in no group of their own.
    let session = fs::read_to_string(format!("/proc/{collection}/autogroup")).unwrap_or_default();
    let session = session.trim().rsplit_once(' ').map(|(_, nice)| nice.to_owned());
    child.wait().unwrap();
    let sealed = fs::read_dir(desk.out()).unwrap().map(|entry| entry.unwrap().path());
    let sealed = sealed.into_iter().find(|path| path.to_str().unwrap().ends_with(".zip.age")).unwrap();
    let told = serde_json::json!({"bundle": sealed, "receipt": ""});
    let footprint = document(&desk.open(&Bundle::of(&told)), "footprint/footprint.json");
    (found, session, footprint)
}

/// Every process that descends from one, and its name.
fn descendants(pid: u32) -> Vec<(u32, String)> {
    let mut found = vec![(pid, fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default())];
    let mut next = 0;
    while let Some((pid, _)) = found.get(next).cloned() {
        next += 1;
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace() {
                let comm = fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
                found.push((child.parse().unwrap(), comm));
            }
        }
    }
    found.iter().map(|(pid, comm)| (*pid, comm.trim().to_owned())).collect()
}

/// `collect` of one program that runs for a while.
fn sleeping(desk: &Desk, fast: bool) -> Vec<String> {
    let folder = definition(desk, r#"["sleep", "4"]"#, "30s");
    let mut args =
        vec![PHI_IR.to_owned(), "collect".into(), "--quiet".into(), "-r".into(), desk.recipient.clone()];
    args.extend([
        "--only".into(),
        "one-program".into(),
        "--definitions".into(),
        folder.to_str().unwrap().into(),
    ]);
    args.extend(["-o".into(), desk.out().to_str().unwrap().into()]);
    args.extend(fast.then(|| "--fast".to_owned()));
    args
}

#[test]
fn every_thread_and_every_program_goes_last_on_processor_and_disk() {
    if !only_root("host programs") {
        return;
    }
    let run = |fast: bool| {
        let desk = Desk::new();
        let args = sleeping(&desk, fast);
        ranks(&desk, Command::new(&args[0]).args(&args[1..]).env("PHI_IR_CONFIG", "/dev/null"))
    };
    let (polite, _, footprint) = run(false);
    assert!(polite.iter().all(|rank| rank.nice == 19 && rank.class == "idle"), "{polite:#?}");
    assert_eq!((footprint["nice"].as_i64(), footprint["io_class"].as_str()), (Some(19), Some("idle")));
    // The control: nothing of it with --fast.
    let (fast, _, footprint) = run(true);
    let own = stat("/proc/self/stat")[16].parse::<i32>().unwrap();
    assert!(fast.iter().all(|rank| rank.nice == own && rank.class != "idle"), "{fast:#?}");
    assert_eq!(footprint["nice"], own);
    assert_ne!(footprint["io_class"], "idle");
}

#[test]
fn a_session_goes_last_where_nobody_else_is_in_it_and_is_put_back() {
    if !only_root("host programs") {
        return;
    }
    if fs::metadata("/proc/self/autogroup").is_err() {
        return skipped("this kernel makes no groups of sessions");
    }
    let desk = Desk::new();
    let collect = sleeping(&desk, false).join(" ");
    // A shell that waits for the run, as where somebody has typed it; the shell says how the session was left.
    let after = desk.path("after");
    let script = format!("{collect}; cat /proc/self/autogroup > {}", after.display());
    let in_session = |script: &str| {
        let mut command = Command::new("setsid");
        command.args(["--wait", "sh", "-c", script]).env("PHI_IR_CONFIG", "/dev/null");
        command
    };
    let (_, session, footprint) = ranks(&desk, &mut in_session(&script));
    assert_eq!((session.as_deref(), footprint["session_nice"].as_i64()), (Some("19"), Some(19)));
    assert!(fs::read_to_string(&after).unwrap().trim().ends_with(" nice 0"));

    // With somebody else in it, whom that would slow down; and where it was asked not to.
    for (others, fast) in [("tail -f /dev/null & ", false), ("", true)] {
        let desk = Desk::new();
        let collect = sleeping(&desk, fast).join(" ");
        let script = format!("{others}{collect}; kill %1 2>/dev/null; true");
        let script = if others.is_empty() { script } else { format!("set -m; {script}") };
        let (_, session, footprint) = ranks(&desk, &mut in_session(&script));
        assert_eq!(
            (session.as_deref(), footprint["session_nice"].as_i64()),
            (Some("0"), Some(0)),
            "{script}"
        );
    }
}

#[test]
fn a_ceiling_is_shown_by_the_plan_and_one_that_makes_no_sense_is_refused() {
    let host = FakeHost::small();
    let desk = Desk::new();
    let config = desk.path("config.toml");
    fs::write(&config, "max-cpu = 40\n").unwrap();
    fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let plan = |more: &[&str]| {
        let root = [OsStr::new("--root"), host.path().as_os_str()];
        crate::support::phi(["plan", "--json"]).args(root).args(more).env("PHI_IR_CONFIG", &config).run()
    };
    let ceiling = |more: &[&str]| plan(more).code(0).json()["limits"]["max_cpu_percent"].as_u64();
    let typed = ["--max-cpu", "70%"];
    assert_eq!((ceiling(&[]), ceiling(&typed)), (Some(40), Some(70)));
    assert_eq!((ceiling(&["--fast"]), ceiling(&["--fast", "--max-cpu", "70"])), (None, Some(70)));
    for wrong in ["0", "half", "-3", "1e2", ""] {
        plan(&[&format!("--max-cpu={wrong}")]).code(2).says("hint: write it as 50");
    }
    let root = [OsStr::new("--root"), host.path().as_os_str()];
    crate::support::phi(["plan"]).args(root).args(typed).run().code(0).says("at most 70 % of one processor");
}
