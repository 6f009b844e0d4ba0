//! How a run ends that waits for what does not answer: by itself, by a signal, by its time limit; and a mount that is
//! merely slow.

use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dice::is_long;
use crate::silent::{self, OPEN, OPENDIR, READ, Silent, ended};
use crate::support::{Bundle, Desk, FakeHost, Ran, entries, entry_of};

/// What a run is waiting for when it is asked to end.
fn host() -> FakeHost {
    FakeHost::new()
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/srv/data/before", "made up\n")
        .folder("/srv/data/m")
}

/// Waits until a thread of the program's waits for the mount's server, and goes on waiting.
fn until_it_waits(pid: u32) {
    let waiting = || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let stack =
            |path: std::path::PathBuf| std::fs::read_to_string(path.join("stack")).unwrap_or_default();
        let mut waiting = threads.filter(|thread| stack(thread.path()).contains("request_wait_answer"));
        waiting.next().is_some()
    };
    let (end, mut times) = (Instant::now() + Duration::from_secs(30), 0);
    while times < 40 {
        assert!(Instant::now() < end, "nobody waits for the mount");
        times = if waiting() { times + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The bundle is sealed, whole, and opens; gives its entries.
fn told(desk: &Desk, ran: &Ran) -> Vec<Value> {
    let bundle = Bundle::of(&ran.json());
    desk.verify(&bundle.sealed).run().code(0);
    entries(&desk.open(&bundle))
}

#[test]
fn a_signal_during_a_hang_seals_within_seconds() {
    if !silent::can_be_made() {
        return;
    }
    let runs = [READ, OPEN, OPENDIR].map(|request| {
        std::thread::spawn(move || {
            let (host, desk) = (host(), Desk::new());
            let mount = Silent::at(&[host.at("/srv/data/m")], &[request]);
            let root = host.path().to_str().unwrap();
            let args =
                ["--only", "also", "--also", "/srv/data/before", "--also", "/srv/data/m", "--root", root];
            let child = mount.start(&desk, &args);
            until_it_waits(child.id());
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
            let started = Instant::now();
            let ran = ended(child);
            let took = started.elapsed();
            assert!(took < Duration::from_secs(10), "{request}: {took:?}");
            let ran = ran.code(130);
            let told = told(&desk, &ran);
            assert_eq!(entry_of(&told, "/srv/data/before")["outcome"], "collected");
            let interrupted = told
                .iter()
                .any(|entry| entry["outcome"] == "skipped" && entry["reason_code"] == "interrupted");
            assert!(interrupted, "{request}: {told:#?}");
            assert!(ran.stderr.contains("may not let this program end"), "{}", ran.stderr);
        })
    });
    runs.into_iter().for_each(|run| run.join().unwrap());
}

/// The server has read the request and lives on: the kernel keeps our process for it, which nothing can end. All that is
/// to be known is told before, whoever reads what we print comes to its end, and no file or folder is held.
#[test]
fn who_is_kept_by_a_server_has_sealed_and_told_all_before() {
    if !silent::can_be_made() {
        return;
    }
    let (host, desk) = (host(), Desk::new());
    let mount = Silent::at(&[host.at("/srv/data/m")], &[READ]).with("lingers", true.into());
    let root = host.path().to_str().unwrap();
    let mut child = mount.start(&desk, &["--only", "also", "--also", "/srv/data/m/f", "--root", root]);
    until_it_waits(child.id());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let place = "/srv/data/m does not answer";
    assert!(stderr.contains(place) && stderr.contains("the bundle is whole"), "{stderr}");
    let sealed = Ran { code: 130, raw: Vec::new(), stdout, stderr };
    told(&desk, &sealed);
    let task = format!("/proc/{}/task", child.id());
    std::thread::sleep(Duration::from_secs(1));
    // The control: without its server's end it does not end, killed or not.
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "this kernel lets it go: the warning can be dropped");
    let out = desk.out();
    for thread in std::fs::read_dir(task).unwrap().flatten() {
        let held = std::fs::read_dir(thread.path().join("fd")).into_iter().flatten().flatten();
        for file in held.filter_map(|file| std::fs::read_link(file.path()).ok()) {
            assert!(!file.starts_with(&out), "it still holds {}", file.display());
        }
    }
    mount.end();
    let started = Instant::now();
    assert!(!child.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Where the server has not read the request, as with NFS, the kernel lets us end at once. (A file that is open on FUSE
/// is another matter: its server is asked when it is closed, and is waited for whatever comes.)
#[test]
fn who_waits_for_a_server_that_hears_nothing_ends_at_once() {
    if !silent::can_be_made() {
        return;
    }
    let (host, desk) = (host(), Desk::new());
    let mount =
        Silent::at(&[host.at("/srv/data/m")], &[]).with("deaf", OPENDIR.into()).with("lingers", true.into());
    let root = host.path().to_str().unwrap();
    let child = mount.start(&desk, &["--only", "also", "--also", "/srv/data/m", "--root", root]);
    until_it_waits(child.id());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let started = Instant::now();
    let ran = ended(child).code(130);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    told(&desk, &ran);
    mount.end();
}

#[test]
fn a_slow_mount_is_not_taken_for_dead_and_the_time_limit_ends_it() {
    if !silent::can_be_made() {
        return;
    }
    let runs = [None, Some("6s")].map(|limit| {
        std::thread::spawn(move || {
            let (host, desk) = (host(), Desk::new());
            let mount = Silent::at(&[host.at("/srv/data/m")], &[]).with("delay", json!(0.5));
            let mount = mount.with("many", if limit.is_some() { 200 } else { 3 }.into());
            let root = host.path().to_str().unwrap();
            let mut args = vec!["--only", "also", "--also", "/srv/data/m", "--root", root];
            args.extend(limit.iter().flat_map(|limit| ["--max-time", limit]));
            let started = Instant::now();
            let ran = mount.collect(&desk, &args);
            let took = started.elapsed();
            let told = told(&desk, &ran);
            let slow = told.iter().filter(|entry| entry["outcome"] == "timed_out").count();
            assert_eq!(slow, 0, "{told:#?}");
            if limit.is_none() {
                assert_eq!(entry_of(&told, "/srv/data/m/d/f02")["outcome"], "collected");
                assert!(took > Duration::from_secs(4), "it was not slow: {took:?}");
            } else {
                assert_eq!(ran.code, 3, "{}", ran.stderr);
                assert!(ran.json()["stopped_by"].is_string(), "{}", ran.stdout);
                assert!((5..25).contains(&took.as_secs()), "{took:?}");
            }
        })
    });
    runs.into_iter().for_each(|run| run.join().unwrap());
}

/// Each mount costs one deadline, wherever it lies and however often it is come to, and nothing but itself.
#[test]
fn several_hung_mounts_cost_a_deadline_each() {
    if !silent::can_be_made() {
        return;
    }
    let count: u32 = if is_long() { 10 } else { 2 };
    let (host, desk) = (host(), Desk::new());
    let points: Vec<_> = (0..count).map(|number| host.at(&format!("/srv/data/m{number}"))).collect();
    let mount = Silent::at(&points, &[OPENDIR]);
    let root = host.path().to_str().unwrap().to_owned();
    let named = (0..count).flat_map(|number| ["--also".to_owned(), format!("/srv/data/m{number}/d")]);
    let mut args: Vec<String> = named.collect();
    args.extend(["--only", "also", "--also", "/srv/data", "--root", &root].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let started = Instant::now();
    let ran = mount.collect(&desk, &args).code(3);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(u64::from(count) * 20 + 15), "{took:?}");
    let told = told(&desk, &ran);
    assert_eq!(entry_of(&told, "/srv/data/before")["outcome"], "collected");
    for number in 0..count {
        let place = format!("/srv/data/m{number}");
        let hung = told.iter().filter(|entry| entry["outcome"] == "timed_out");
        let mut here = hung.filter_map(|entry| entry["source"]["display"].as_str());
        assert!(here.any(|source| source.starts_with(&place)), "{place}: {told:#?}");
    }
    let (threads, kilobytes) = mount.most();
    assert!(
        threads < u64::from(count) * 2 + 12 && kilobytes < 128 << 10,
        "{threads} threads, {kilobytes} kB"
    );
}

/// Of the running machine: somebody's home, and the folder of the logs.
#[test]
fn homes_and_logs_that_hang_cost_a_deadline_and_hide_nothing_beside_them() {
    if !silent::can_be_made() {
        return;
    }
    let cases =
        [("/home/bob", "/home/zoe/.ssh/authorized_keys"), ("/var/log", "/home/zoe/.ssh/authorized_keys")];
    let runs = cases.map(|(point, beside)| {
        std::thread::spawn(move || {
            let desk = Desk::new();
            let mount = Silent::at(&[point.into()], &[silent::READDIR, silent::LOOKUP])
                .with("fresh", json!(["/home"]))
                .with("files", json!({ beside: "ssh-ed25519 AAAA intruder\n" }));
            let named = format!("{point}/f");
            let only = ["sshd", "auth-logs", "web-logs", "shell-history"].map(|id| ["--only", id]).concat();
            let args = [&only[..], &["--also", &named, "--also", beside]].concat();
            let started = Instant::now();
            let ran = mount.collect(&desk, &args).code(3);
            let took = started.elapsed();
            assert!((18..45).contains(&took.as_secs()), "{point}: {took:?}");
            let told = told(&desk, &ran);
            assert_eq!(entry_of(&told, beside)["outcome"], "collected", "{point}");
            let hung = told.iter().filter(|entry| entry["outcome"] == "timed_out");
            let mut here = hung.filter_map(|entry| entry["source"]["display"].as_str());
            assert!(here.any(|source| source.starts_with(point)), "{point}: {told:#?}");
        })
    });
    runs.into_iter().for_each(|run| run.join().unwrap());
}
