//! Opening, drilling, verifying and making keys: interrupted and killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::stops_checks::Stage;
use crate::stops_checks::{Hits, dice, holds_marker, names, rounds, signalled};
use crate::support::{Bundle, PHI_IR, only_root, phi};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Opening {
    Before,
    Unpacking,
    Done,
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until `is_there`, or the end.
fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() && !is_there() {
        assert!(Instant::now() < until, "it hangs");
        sleep(Duration::from_micros(200));
    }
}

/// A sealed bundle of the stage's host.
fn sealed(stage: &Stage) -> Bundle {
    let out = stage.out("sealed");
    let ended = stage.collect(&out).output().unwrap();
    Bundle::of(&serde_json::from_slice(&ended.stdout).unwrap())
}

fn open(stage: &Stage, bundle: &Bundle, folder: &Path) -> Command {
    let mut command = signalled();
    command
        .args([
            "open".as_ref(),
            bundle.sealed.as_os_str(),
            "-i".as_ref(),
            stage.desk.path("officer.key").as_os_str(),
        ])
        .args(["-o".as_ref(), folder.as_os_str()]);
    command
}

#[test]
fn an_opening_that_is_stopped_leaves_nothing_in_the_clear_or_a_private_remnant() {
    if !only_root("a file system of its own") {
        return;
    }
    let (stage, mut dice) = (Stage::new(60, 6_000_000), dice("open"));
    let bundle = sealed(&stage);
    let (mut asked, mut killed) = (Hits::new(), Hits::new());
    let began = Instant::now();
    let whole = stage.disk.path().join("whole");
    assert!(open(&stage, &bundle, &whole).output().unwrap().status.success());
    let whole_time = began.elapsed().as_micros() as u64;
    let wanted = [Opening::Before, Opening::Unpacking];
    let mut round = 0;
    while asked.are_due(round, 2 * rounds(), &wanted) || killed.are_due(round, 2 * rounds(), &wanted) {
        let top = stage.out(&format!("open-{round}"));
        let (folder, partial) = (top.join("new"), top.join("new.partial"));
        let kill = round % 2 == 0;
        let mut child = spawn(&mut open(&stage, &bundle, &folder));
        let after = Duration::from_micros(dice.below(whole_time));
        let began = Instant::now();
        match round % 6 {
            0 | 1 => wait_until(&mut child, || partial.join("data/root").exists()),
            2 | 3 => sleep(Duration::from_micros(dice.below(1500))),
            _ => wait_until(&mut child, || began.elapsed() >= after),
        }
        let signal = if kill {
            Signal::KILL
        } else {
            [Signal::INT, Signal::TERM, Signal::HUP][dice.below(3) as usize]
        };
        let _ = kill_process(Pid::from_child(&child), signal);
        let ended = child.wait_with_output().unwrap();
        let left = names(&top);
        let phase = match left.first().map(String::as_str) {
            None if kill || ended.status.signal().is_some() => Opening::Before,
            None => {
                assert_eq!(ended.status.code(), Some(130));
                Opening::Unpacking
            }
            Some("new") => {
                assert_eq!(left.len(), 1);
                if !kill {
                    assert_eq!(ended.status.code(), Some(0));
                }
                same(&whole, &folder);
                Opening::Done
            }
            Some(_) => {
                assert!(kill, "a remnant in the clear: {left:?}");
                assert_eq!(left, ["new.partial"]);
                assert_eq!(fs::metadata(&partial).unwrap().permissions().mode() & 0o777, 0o700);
                let again = open(&stage, &bundle, &folder).output().unwrap();
                let said = String::from_utf8_lossy(&again.stderr).into_owned();
                assert!(again.status.code() == Some(1) && said.contains("left over"), "{said}");
                assert!(said.contains("in the clear: delete it"), "{said}");
                Opening::Unpacking
            }
        };
        if kill {
            killed.note(phase)
        } else {
            asked.note(phase)
        }
        fs::remove_dir_all(top).unwrap();
        round += 1;
    }
    asked.demand("open, asked to end", &wanted);
    killed.demand("open, killed", &wanted);
}

fn same(one: &Path, other: &Path) {
    let ran = crate::support::tool("diff", &["-rq".as_ref(), one.as_os_str(), other.as_os_str()]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn a_salvage_that_is_stopped_leaves_nothing_in_the_clear() {
    if !only_root("a file system of its own") {
        return;
    }
    let stage = Stage::new(200, 6_000_000);
    let bundle = sealed(&stage);
    let top = stage.out("salvage");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut child = spawn(open(&stage, &bundle, &top.join("new")).arg("--salvage"));
        wait_until(&mut child, || top.join("new.partial/entries").exists());
        let _ = kill_process(Pid::from_child(&child), signal);
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), names(&top)), (Some(130), Vec::new()));
    }
}

#[test]
fn a_drill_that_is_stopped_leaves_nothing_and_a_killed_one_nothing_that_others_can_read() {
    let top = tempfile::tempdir().unwrap();
    let drill = |folder: &Path| {
        let mut command = signalled();
        command.args(["drill", "--quiet", "--profile", "baseline", "-o"]).arg(folder);
        command
    };
    // In each part of the journey: with the keys, while it collects, and while evidence lies there in the clear.
    for (number, part) in
        ["officer.key", "host.key", "opened.partial", "opened.partial/data/live"].iter().enumerate()
    {
        let folder = top.path().join("drill");
        let signal = [Signal::INT, Signal::TERM, Signal::HUP][number % 3];
        let mut child = spawn(&mut drill(&folder));
        wait_until(&mut child, || folder.join(part).exists());
        let _ = kill_process(Pid::from_child(&child), signal);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{part}: {said}");
        assert!(!folder.exists(), "{part}: {:?}", names(&folder));
    }
    let folder = top.path().join("drill");
    let mut child = spawn(&mut drill(&folder));
    wait_until(&mut child, || folder.join("opened.partial").exists());
    let _ = kill_process(Pid::from_child(&child), Signal::KILL);
    child.wait_with_output().unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Runs the program under strace, which sends a signal at the `when`-th of these calls; gives whether it was met.
fn stopped_at(call: &str, when: u32, signal: &str, args: &[&std::ffi::OsStr]) -> std::process::Output {
    Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal={signal}:when={when}"), "env"])
        .args(["--default-signal=INT,TERM,HUP,QUIT", PHI_IR])
        .args(args)
        .env("PHI_IR_CONFIG", "/dev/null")
        .output()
        .unwrap()
}

#[test]
fn a_key_file_is_whole_or_not_there_wherever_keygen_is_stopped() {
    let top = tempfile::tempdir().unwrap();
    let (mut round, mut nothing, mut whole) = (0, 0, 0);
    for signing in [false, true] {
        for signal in ["SIGKILL", "SIGINT"] {
            for (call, whens) in [("openat", 0..0), ("write", 1..4), ("fsync", 1..4), ("linkat", 1..3)] {
                for when in whens {
                    round += 1;
                    let folder = top.path().join(format!("{round}"));
                    fs::create_dir(&folder).unwrap();
                    let key = folder.join("some.key");
                    let mut args =
                        vec!["keygen".as_ref(), "--quiet".as_ref(), "-o".as_ref(), key.as_os_str()];
                    if signing {
                        args.push("--signing".as_ref());
                    }
                    let ended = stopped_at(call, when, signal, &args);
                    if signal == "SIGINT" {
                        assert_eq!(ended.status.code(), Some(0), "{call} {when}");
                    }
                    match names(&folder).as_slice() {
                        [] => nothing += 1,
                        [first, rest @ ..] => {
                            assert!(first == "some.key" && rest.iter().all(|name| name == "some.key.pub"));
                            check_key(&key, signing, &ended);
                            whole += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(nothing > 3 && whole > 10, "{nothing} times nothing, {whole} times a key");
}

/// A stock program takes the key, and the public half belongs to it.
fn check_key(key: &Path, signing: bool, ended: &std::process::Output) {
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let (program, option) = if signing { ("ssh-keygen", "-yf") } else { ("age-keygen", "-y") };
    let public = crate::support::tool(program, &[option.as_ref(), key.as_os_str()]).code(0).stdout;
    let said = String::from_utf8_lossy(&ended.stdout);
    if ended.status.success() && !signing {
        assert_eq!(public, said);
    }
    let beside = PathBuf::from(format!("{}.pub", key.display()));
    if beside.exists() {
        let words = |text: &str| text.split_whitespace().nth(1).map(str::to_owned);
        assert_eq!(words(&fs::read_to_string(beside).unwrap()), words(&public));
    }
}

#[test]
fn verify_ends_at_once_and_leaves_nothing() {
    if !only_root("a file system of its own") {
        return;
    }
    let stage = Stage::new(5, 60_000_000);
    let bundle = sealed(&stage);
    let before = names(&stage.disk.path().join("sealed"));
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL] {
        let mut command = signalled();
        command.args(["verify".as_ref(), bundle.sealed.as_os_str(), "-i".as_ref()]);
        let child = spawn(command.arg(stage.desk.path("officer.key")));
        sleep(Duration::from_millis(60));
        let _ = kill_process(Pid::from_child(&child), signal);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(signal.as_raw()), "it had ended already, or did not end");
        assert_eq!(names(&stage.disk.path().join("sealed")), before);
    }
    stage.nothing_in_the_clear(&stage.disk.path().join("sealed"));
}

/// Where a run writes, as the kernel was asked: nowhere but the output. So a kill leaves nothing anywhere else.
#[test]
fn nothing_is_written_outside_of_the_output() {
    if !only_root("host programs and native readers as root") {
        return;
    }
    let stage = Stage::new(3, 100_000);
    let (out, log) = (stage.out("traced"), stage.desk.path("trace"));
    let calls = "openat,open,creat,openat2,memfd_create,mkdir,mkdirat,mount,symlink,symlinkat,mknod,mknodat,add_key,keyctl,\
        shmget,shm_open,msgget,link,rename,renameat,truncate,chmod,fchmodat,chown,setxattr,swapon";
    let known: Vec<&str> = calls.split(',').filter(|call| *call != "shm_open").collect();
    let ran = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-s",
            "300",
            "-o",
            log.to_str().unwrap(),
            "-e",
            &format!("trace={}", known.join(",")),
        ])
        .args([
            PHI_IR,
            "collect",
            "--quiet",
            "--fast",
            "--no-tools",
            "--profile",
            "volatile",
            "-r",
            &stage.desk.recipient,
        ])
        .args(["-o".as_ref(), out.as_os_str()])
        .env("PHI_IR_CONFIG", "/dev/null")
        .output()
        .unwrap();
    assert!([Some(0), Some(3)].contains(&ran.status.code()), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = fs::read_to_string(&log).unwrap();
    let writes = |line: &&str| {
        let opens = line.contains("open")
            && !line.contains("O_WRONLY")
            && !line.contains("O_RDWR")
            && !line.contains("O_CREAT");
        !opens && !line.contains("+++") && !line.contains("---") && !line.contains(" resumed>")
    };
    let written: Vec<&str> = text.lines().filter(writes).collect();
    let of_output = |line: &str| line.contains(".zip.age.partial") || line.contains("O_TMPFILE");
    assert!(written.iter().filter(|line| of_output(line)).count() >= 3, "the control: {written:#?}");
    // Nothing is ever written to a file in memory that only finds out a number of ours; listxattrat(2) only asks.
    let harmless =
        |line: &str| ["/dev/null", "syscall_0x1d1(", "memfd_create("].iter().any(|word| line.contains(word));
    let elsewhere: Vec<&&str> = written.iter().filter(|line| !of_output(line) && !harmless(line)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    assert!(!holds_marker(&out));
    phi(["verify"])
        .args([out.join(names(&out).iter().find(|name| name.ends_with(".age")).unwrap())])
        .run()
        .code(0);
}
