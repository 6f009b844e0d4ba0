//! A run that is interrupted, and one that is killed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries, phi};

/// Begins a collection that takes its time, and waits until evidence is on its way to the disk.
fn begin(desk: &Desk, host: &FakeHost) -> (std::process::Child, PathBuf) {
    let child = Command::new(PHI_IR)
        .args(["collect", "--quiet", "--json", "-r", &desk.recipient, "--also", "/srv/big"])
        .args([OsStr::new("--root"), host.path().as_os_str(), OsStr::new("-o"), desk.out().as_os_str()])
        .args([OsStr::new("--sign-with"), desk.path("host.key").as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let partial = fs::read_dir(desk.out()).unwrap().map(|entry| entry.unwrap().path()).next();
        if let Some(partial) = partial
            && fs::metadata(&partial).is_ok_and(|met| met.len() > 3_000_000)
        {
            return (child, partial);
        }
        assert!(Instant::now() < deadline, "nothing was written");
        sleep(Duration::from_millis(2));
    }
}

/// Long enough that a signal meets it half-way, and with a marker that no clear text may leave behind.
fn host() -> FakeHost {
    let mut noise = vec![0_u8; 150_000_000];
    getrandom::fill(&mut noise).unwrap();
    FakeHost::small().file("/srv/big", noise).file("/var/log/syslog", "MARKER-4711-clear-text\n".repeat(2000))
}

#[test]
fn an_interrupted_run_seals_what_it_has() {
    let host = host();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let desk = Desk::new();
        let (child, _) = begin(&desk, &host);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["result"], "partial");
        let bundle = Bundle::of(&document);
        desk.verify(&bundle.sealed).run().code(0).says("verified");
        let entries = entries(&desk.open(&bundle));
        let big = entries.iter().find(|entry| entry["source"]["display"] == "/srv/big").unwrap();
        assert_eq!(
            (big["outcome"].as_str(), big["reason_code"].as_str()),
            (Some("truncated"), Some("interrupted"))
        );
        assert_eq!(entries.last().unwrap()["collector"], "clock-end");
    }
}

#[test]
fn a_killed_run_leaves_no_final_name_no_clear_text_and_a_salvage() {
    let host = host();
    let desk = Desk::new();
    let (mut child, partial) = begin(&desk, &host);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let names: Vec<PathBuf> = fs::read_dir(desk.out()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, std::slice::from_ref(&partial));
    assert!(partial.to_str().unwrap().ends_with(".zip.age.partial"));
    assert!(!holds(&partial, b"MARKER-4711"), "clear text on the disk");
    assert!(holds(&host.at("/var/log/syslog"), b"MARKER-4711"), "the control: the marker can be found");

    let key = desk.path("officer.key");
    let folder = desk.path("salvaged");
    let args = ["open", "--salvage", partial.to_str().unwrap(), "-i", key.to_str().unwrap(), "-o"];
    phi(args).args([&folder]).run().code(3).says("NOT the whole bundle");
    let salvaged = fs::read(folder.join("data/root/var/log/syslog")).unwrap();
    assert!(salvaged == fs::read(host.at("/var/log/syslog")).unwrap());
    assert!(!folder.join("data/root/srv/big").exists(), "what was cut off is not there");
}

fn holds(path: &Path, marker: &[u8]) -> bool {
    fs::read(path).unwrap().windows(marker.len()).any(|part| part == marker)
}
