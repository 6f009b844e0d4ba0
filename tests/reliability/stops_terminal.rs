//! Terminals: a prompt that is left, a terminal that goes away, a run that is stopped and goes on, pipes that break.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stops_checks::{Stage, heeding, names, rounds, signalled};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries, entry_of, only_root, tool};

/// Starts a program in a terminal of its own and does what the steps say: `see WORDS`, `expect WORDS` (a prompt that hides
/// what is typed), `send TEXT`, `signal NUMBER`, `hang up` (the terminal goes away), `wait SECONDS`. Prints how it ended,
/// and whether the terminal shows what is typed.
const TERMINAL: &str = r#"
import json, os, pty, select, signal, sys, termios, time
steps, argv = json.loads(sys.argv[1]), sys.argv[2:]
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT): signal.signal(number, signal.SIG_DFL)
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    import fcntl
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3): os.dup2(slave, number)
    os.closerange(3, 64)
    os.execvp(argv[0], argv)
seen = b""
def read(span):
    global seen
    until = time.time() + span
    while time.time() < until:
        if select.select([master], [], [], 0.02)[0]:
            try: seen += os.read(master, 65536)
            except OSError: return
shows = lambda: bool(termios.tcgetattr(slave)[3] & termios.ECHO)
hidden = None
for step in steps:
    words = step.get("expect", step.get("see", "")).encode()
    until = time.time() + 60
    while words not in seen and time.time() < until: read(0.05)
    assert words in seen, seen
    if "expect" in step:
        # The prompt is written before the terminal is told to hide.
        until = time.time() + 10
        while shows() and time.time() < until: time.sleep(0.01)
        hidden = not shows()
        seen = b""
    if "send" in step: os.write(master, step["send"].encode())
    if "signal" in step: os.kill(pid, step["signal"])
    if "wait" in step: read(step["wait"])
    if "show" in step:
        changed = termios.tcgetattr(slave); changed[3] |= termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, changed)
    if "hidden" in step:
        until = time.time() + 10
        while shows() and time.time() < until: time.sleep(0.01)
        assert not shows(), "what is typed is shown"
    if "hang up" in step:
        os.close(slave); os.close(master); master = slave = None
until = time.time() + 90
status = None
while time.time() < until:
    if master is not None: read(0.02)
    else: time.sleep(0.02)
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: break
else:
    os.kill(pid, 9); sys.exit("it hangs")
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "shows": shows() if slave is not None else None,
    "hidden": hidden, "said": seen.decode(errors="replace")}))
"#;

/// Runs the program in a terminal of its own.
fn in_terminal(steps: Value, args: &[&str]) -> Value {
    let ran = Command::new("python3")
        .args(["-c", TERMINAL, &steps.to_string(), PHI_IR])
        .args(args)
        .env("PHI_IR_CONFIG", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn a_signal_at_a_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    let (root, out) = (host.path().to_str().unwrap(), desk.out());
    let collect = ["collect", "--passphrase", "--root", root, "-o", out.to_str().unwrap()];
    for signal in [2, 15, 1, 3] {
        let steps = serde_json::json!([{"expect": "passphrase"}, {"signal": signal}]);
        let told = in_terminal(steps, &collect);
        assert_eq!(
            (&told["code"], &told["hidden"], &told["shows"]),
            (&(-signal).into(), &true.into(), &true.into())
        );
        assert!(names(&out).is_empty());
    }
    // At the second question too, from the keyboard; and the first answer was not shown.
    let steps = serde_json::json!([{"expect": "passphrase"}, {"send": "kept secret\n"}, {"expect": "again"}, {"send": "\u{3}"}]);
    let told = in_terminal(steps, &collect);
    assert_eq!((&told["code"], &told["shows"]), (&(-2).into(), &true.into()), "{told}");
    assert!(!told["said"].as_str().unwrap().contains("kept secret"), "{told}");
    // A shell that was come back to has it shown: it is hidden again.
    let steps = serde_json::json!([{"expect": "passphrase"}, {"show": 1}, {"signal": 18}, {"hidden": 1}, {"send": "\u{3}"}]);
    assert_eq!(in_terminal(steps, &collect)["shows"], true);
}

#[test]
fn after_a_prompt_a_signal_is_noted_as_ever() {
    let desk = Desk::new();
    let mut noise = vec![0_u8; 100_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::small().file("/srv/big", noise);
    let (root, out) = (host.path().to_str().unwrap(), desk.out());
    let steps = serde_json::json!([{"expect": "passphrase"}, {"send": "pass\n"}, {"expect": "again"}, {"send": "pass\n"},
        {"wait": 0.1}, {"see": "pointed at"}, {"send": "\u{3}"}, {"wait": 0.05}, {"send": "\u{3}\u{3}"}]);
    // Slow enough that the signals find it at work.
    let args = [
        "collect",
        "--fast",
        "--max-cpu",
        "20",
        "--only",
        "also",
        "--passphrase",
        "--root",
        root,
        "--also",
        "/srv/big",
        "-o",
        out.to_str().unwrap(),
    ];
    let told = in_terminal(steps, &args);
    assert_eq!((&told["code"], names(&out).len(), &told["shows"]), (&130.into(), 3, &true.into()), "{told}");
}

#[test]
fn a_terminal_that_goes_away_ends_the_run_with_a_sealed_bundle() {
    let desk = Desk::new();
    let mut noise = vec![0_u8; 100_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = FakeHost::small().file("/srv/big", noise);
    let (root, out, key) = (host.path().to_str().unwrap(), desk.out(), desk.path("host.key"));
    // Slow enough that it goes away in mid-run; the pause ends with the signal.
    let args = [
        "collect",
        "--fast",
        "--max-cpu",
        "5",
        "--only",
        "also",
        "-r",
        &desk.recipient,
        "--root",
        root,
        "--also",
        "/srv/big",
        "--sign-with",
    ];
    let args = [&args[..], &[key.to_str().unwrap(), "-o", out.to_str().unwrap()]].concat();
    // Every write to it fails from then on: progress, and the result.
    let told = in_terminal(serde_json::json!([{"see": "pointed at"}, {"wait": 0.05}, {"hang up": 1}]), &args);
    let names = names(&out);
    if told["code"] == -1 {
        assert!(names.is_empty(), "{names:?}");
        return crate::support::skipped("the terminal went away before the program listened");
    }
    assert_eq!((&told["code"], names.len()), (&130.into(), 3), "{told} {names:?}");
    let sealed = names.iter().find(|name| name.ends_with(".zip.age")).unwrap();
    desk.verify(&out.join(sealed)).run().code(0).says("verified").says("SIGHUP");
}

#[test]
fn what_nohup_ignores_is_ignored() {
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", vec![b'x'; 30_000_000]));
    let script =
        "trap '' HUP; \"$@\" & pid=$!; while kill -HUP $pid 2>/dev/null; do sleep 0.01; done; wait $pid";
    let out = desk.out();
    let ran = Command::new("sh")
        .args(["-c", script, "sh", PHI_IR, "collect", "--quiet", "--fast", "--json", "-r", &desk.recipient])
        .args(["--also", "/srv/big", "--root", host.path().to_str().unwrap(), "-o", out.to_str().unwrap()])
        .env("PHI_IR_CONFIG", "/dev/null")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
    let document: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(document["stopped_by"].is_null(), "{document}");
}

#[test]
fn stopped_and_resumed_in_the_middle_it_goes_on_as_if_nothing_had_been() {
    if !only_root("a FUSE mount and host programs") {
        return;
    }
    let (desk, host) = (Desk::new(), FakeHost::small().file("/srv/big", vec![b'y'; 60_000_000]));
    let out = desk.out();
    let mut command = signalled();
    command
        .args([
            "collect",
            "--quiet",
            "--json",
            "--fast",
            "-r",
            &desk.recipient,
            "--also",
            "/srv/big",
            "--root",
        ])
        .args([host.path().as_os_str(), "--sign-with".as_ref(), desk.path("host.key").as_os_str()])
        .args(["-o".as_ref(), out.as_os_str()]);
    // A job of its own: the kernel passes over TSTP where nobody of the session could resume it.
    command.process_group(0);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    let until = Instant::now() + Duration::from_secs(30);
    while names(&out).is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    // In the long run once for longer than any deadline: what stood still with us is not taken for hung.
    let long = if rounds() > 20 { 25_000 } else { 900 };
    for pause in [700, long, 700] {
        // Ctrl-Z sends TSTP; `fg` sends CONT.
        tool("kill", &["-TSTP".as_ref(), pid.as_ref()]).code(0);
        std::thread::sleep(Duration::from_millis(pause));
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        assert!(state.contains(") T ") || state.contains(") Z "), "it was not stopped: {state}");
        tool("kill", &["-CONT".as_ref(), pid.as_ref()]);
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let bundle = Bundle::of(&document);
    desk.verify(&bundle.sealed).run().code(0).says("verified");
    let told = entries(&desk.open(&bundle));
    assert_eq!(entry_of(&told, "/srv/big")["outcome"], "collected");
    assert!(document["stopped_by"].is_null());
    assert!(!told.iter().any(|entry| entry["outcome"] == "timed_out"));
}

#[test]
fn a_file_size_limit_ends_the_evidence_and_not_the_run() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let stage = Stage::new(3, 12_000_000);
    let out = stage.out("limited");
    let mut command = Command::new("prlimit");
    command.args(["--fsize=6000000", PHI_IR]).env("PHI_IR_CONFIG", "/dev/null").stdin(Stdio::null());
    stage.asked(&mut command, &out);
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(document["stopped_by"].as_str().unwrap().contains("no room"), "{document}");
    let bundle = Bundle::of(&document);
    stage.desk.verify(&bundle.sealed).run().code(0).says("verified");
    stage.nothing_in_the_clear(&out);
}

#[test]
fn a_limit_on_processor_time_ends_the_evidence_and_not_the_run() {
    let desk = Desk::new();
    let mut noise = vec![0_u8; 50_000_000];
    getrandom::fill(&mut noise).unwrap();
    let mut host = FakeHost::small();
    for number in 0..10 {
        host = host.file(&format!("/srv/{number}"), &noise);
    }
    // The control: without the limit it takes more processor time than that.
    for (limit, code) in [("1:60", 130), ("60:60", 3)] {
        let out = desk.path(limit);
        fs::create_dir(&out).unwrap();
        let mut command = heeding("prlimit");
        command.args([&format!("--cpu={limit}"), PHI_IR, "collect", "--quiet", "--json", "--fast"]);
        command.args(["-r", &desk.recipient, "--also", "/srv", "--root", host.path().to_str().unwrap()]);
        command.args(["-o".as_ref(), out.as_os_str()]).env("PHI_IR_CONFIG", "/dev/null");
        let ended = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{limit}: {}", String::from_utf8_lossy(&ended.stderr));
        let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let told = document["stopped_by"].as_str().unwrap_or_default();
        assert_eq!(told.contains("SIGXCPU"), code == 130, "{document}");
        desk.verify(&Bundle::of(&document).sealed).run().code(0);
    }
}

#[test]
fn pipes_that_break_cost_the_words_and_not_the_bundle() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    let out = desk.out();
    // Nobody reads either of them.
    let script = "exec 3>&1; { \"$@\"; echo $? >&3; } 2>&1 | true";
    for pipes in [script, "exec 3>&1; { \"$@\" 2>/dev/null; echo $? >&3; } | true"] {
        let ran = Command::new("sh")
            .args(["-c", pipes, "sh", PHI_IR, "collect", "-r", &desk.recipient, "--root"])
            .args([host.path().as_os_str(), "--sign-with".as_ref(), desk.path("host.key").as_os_str()])
            .args(["-o".as_ref(), out.as_os_str()])
            .env("PHI_IR_CONFIG", "/dev/null")
            .output()
            .unwrap();
        // 1: the result was lost, and that is told; never a death by SIGPIPE.
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "1");
        let names = names(&out);
        assert_eq!(names.len(), 3, "{names:?}");
        desk.verify(&out.join(names.iter().find(|name| name.ends_with(".age")).unwrap())).run().code(0);
        names.iter().for_each(|name| fs::remove_file(out.join(name)).unwrap());
    }
}

#[test]
fn a_stream_that_nobody_reads_can_be_ended() {
    let (desk, host) = (Desk::new(), FakeHost::small());
    let mut noise = vec![0_u8; 5_000_000];
    getrandom::fill(&mut noise).unwrap();
    let host = host.file("/srv/big", noise);
    let receipt = desk.path("r.json");
    let mut command = signalled();
    command
        .args([
            "collect",
            "--quiet",
            "--fast",
            "-r",
            &desk.recipient,
            "--also",
            "/srv",
            "-o",
            "-",
            "--receipt",
        ])
        .args([receipt.as_os_str(), "--root".as_ref(), host.path().as_os_str()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let unread = child.stdout.take();
    std::thread::sleep(Duration::from_secs(2));
    assert!(desk.path("r.json.partial").exists() && child.try_wait().unwrap().is_none(), "it did not wait");
    let began = Instant::now();
    tool("kill", &["-INT".as_ref(), child.id().to_string().as_ref()]).code(0);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.code() == Some(1) && said.contains("takes no more") && said.contains("hint:"),
        "{said}"
    );
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(!names(desk.dir.path()).iter().any(|name| name.starts_with("r.json")));
    drop(unread);
}

#[test]
fn a_stream_that_is_cut_leaves_no_receipt_and_is_salvaged() {
    if !only_root("a file system whose raw bytes can be searched") {
        return;
    }
    let stage = Stage::new(30, 30_000_000);
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None), ("close", Some(1))] {
        let out = stage.out(&format!("stream{signal}"));
        let (stream, receipt) = (out.join("stream.zip.age"), out.join("r.json"));
        let mut command = signalled();
        command
            .args([
                "collect",
                "--fast",
                "--quiet",
                "-r",
                &stage.desk.recipient,
                "--also",
                "/srv",
                "-o",
                "-",
                "--receipt",
            ])
            .args([receipt.as_os_str(), "--root".as_ref(), stage.host.path().as_os_str()])
            .args(["--sign-with".as_ref(), stage.desk.path("host.key").as_os_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdout.take().unwrap();
        let mut file = fs::File::create(&stream).unwrap();
        let mut taken = std::io::Read::take(&mut pipe, 5_000_000);
        std::io::copy(&mut taken, &mut file).unwrap();
        assert!(!receipt.exists(), "a receipt of what is not there yet");
        if signal != "close" {
            tool("kill", &[signal.as_ref(), child.id().to_string().as_ref()]).code(0);
            std::io::copy(&mut pipe, &mut file).unwrap();
        }
        drop(pipe);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), code, "{}", String::from_utf8_lossy(&ended.stderr));
        stage.nothing_in_the_clear(&out);
        if code == Some(130) {
            stage
                .desk
                .verify(&stream)
                .args(["--receipt".as_ref(), receipt.as_os_str()])
                .run()
                .code(0)
                .says("verified");
        } else {
            assert!(!receipt.exists() && !out.join("r.json.sig").exists());
            assert_eq!(out.join("r.json.partial").exists(), code.is_none());
            stage.check_salvage(&stream);
        }
        fs::remove_dir_all(out).unwrap();
    }
}
