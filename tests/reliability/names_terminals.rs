//! A crowd at terminals, each with a long command line.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::processes::crowd_of;
use crate::processes::{collect, decoded};
use crate::support::{Desk, only_root};
use crate::zoo::Zoo;

/// Makes so many processes, with so many to a terminal, each of which is controlled by their session; all wait.
const CROWD: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int many = atoi(argv[1]), of_one = atoi(argv[2]), made = 0;
    alarm(900);
    while (made < many) {
        int most = many - made < of_one ? many - made : of_one;
        int told[2];
        if (pipe(told)) return 1;
        if (fork() == 0) {
            setsid();
            int master = posix_openpt(O_RDWR | O_NOCTTY);
            if (master < 0 || grantpt(master) || unlockpt(master)) _exit(1);
            int terminal = open(ptsname(master), O_RDWR);
            if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0)) {}
            for (int at = 1; at < most; at++) {
                pid_t pid = fork();
                if (pid == 0) { for (;;) pause(); }
                if (pid < 0) _exit(2);
            }
            if (write(told[1], "x", 1) < 0) {}
            for (;;) pause();
        }
        char byte;
        close(told[1]);
        if (read(told[0], &byte, 1) != 1) return 2;
        close(told[0]);
        made += most;
    }
    for (;;) pause();
}
"#;

#[test]
fn a_crowd_at_terminals_has_a_row_each_in_little_memory() {
    if !only_root("a pid namespace") {
        return;
    }
    let Some(wanted) = crowd_of(10_000) else { return };
    let (desk, mut zoo) = (Desk::new(), Zoo::new());
    let (source, program) = (zoo.at(b"crowd.c"), zoo.at(b"crowd"));
    fs::write(&source, CROWD).unwrap();
    let args = ["-O1", "-w", "-static", "-o", program.to_str().unwrap(), source.to_str().unwrap()];
    crate::support::tool("gcc", &args.map(std::ffi::OsStr::new)).code(0);
    // 4 KiB that compress badly, like those of a real program with many settings.
    let mut noise = vec![0_u8; 2000];
    getrandom::fill(&mut noise).unwrap();
    let argument: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
    zoo.run(&PathBuf::from("/usr/bin/unshare"), "", b"S", |command| {
        command.args(["-p", "-f", "--kill-child", program.to_str().unwrap(), &wanted.to_string(), "50"]);
        command.arg(&argument);
    });
    let at_terminals = || {
        let text = |name: &str, pid: u32| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let pids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|name| name.unwrap().file_name().to_str()?.parse::<u32>().ok());
        let ours = pids.filter(|pid| text("cmdline", *pid).starts_with(program.to_str().unwrap().as_bytes()));
        // `name) S parent group session terminal`: 0 is none.
        let has_one = |pid: &u32| {
            let stat = String::from_utf8_lossy(&text("stat", *pid)).into_owned();
            stat.rsplit(')').next().unwrap().split_whitespace().nth(4).is_some_and(|tty| tty != "0")
        };
        ours.filter(has_one).collect::<Vec<u32>>()
    };
    let start = Instant::now();
    let mut there = at_terminals();
    while there.len() < wanted {
        assert!(start.elapsed() < Duration::from_secs(240), "only {} of {wanted}", there.len());
        std::thread::sleep(Duration::from_millis(300));
        there = at_terminals();
    }
    let collected = collect(&desk, &["nice"], &["sessions-live"]);
    let captured: std::collections::BTreeMap<u64, Vec<u8>> = collected
        .rows("sessions-live/processes.jsonl")
        .into_iter()
        .map(|row| (row["pid"].as_u64().unwrap(), decoded(row["cmdline_b64"].as_str().unwrap_or_default())))
        .collect();
    let sessions = collected.rows("sessions-live/sessions.jsonl");
    let in_sessions: std::collections::BTreeSet<u64> = sessions
        .iter()
        .filter(|row| row["terminals"].as_array().is_some_and(|all| !all.is_empty()))
        .flat_map(|row| row["processes"].as_array().unwrap().iter().map(|pid| pid.as_u64().unwrap()))
        .collect();
    for pid in there.iter().map(|pid| u64::from(*pid)) {
        let line = captured.get(&pid).unwrap_or_else(|| panic!("{pid} is not there"));
        assert!(line.len() > 4000 && line.windows(100).any(|part| part == &argument.as_bytes()[..100]));
        assert!(in_sessions.contains(&pid), "{pid} is in no session");
    }
    assert!(sessions.len() >= wanted / 50, "{} sessions", sessions.len());
    collected.is_small();
}

/// Calls itself a server of tmux, listens at the paths that it is given, and has so many descriptors.
const SERVER: &str = r#"
import ctypes, os, resource, signal, socket, sys
many, paths = int(sys.argv[1]), sys.argv[2:]
resource.setrlimit(resource.RLIMIT_NOFILE, (many + 100, many + 100))
ctypes.CDLL(None).prctl(15, b"tmux: server", 0, 0, 0)
listening = [socket.socket(socket.AF_UNIX) for path in paths]
for one, path in zip(listening, paths): one.bind(path); one.listen()
while os.open("/dev/null", os.O_RDONLY) < many: pass
open(paths[0] + ".ready", "w").close()
signal.alarm(600)
signal.pause()
"#;

#[test]
fn a_multiplexer_s_sockets_are_kept_to_the_byte_and_too_many_descriptors_are_told_as_cut() {
    if !only_root("processes of all users") {
        return;
    }
    // 4,096 are looked at.
    for (many, outcome) in [(200, "collected"), (5000, "truncated")] {
        let (desk, mut zoo) = (Desk::new(), Zoo::new());
        let (plain, forged) = (zoo.at(b"plain"), zoo.at(b"two\nlines \x1b[2J"));
        let paths = [plain.to_str().unwrap(), forged.to_str().unwrap()];
        zoo.run(&PathBuf::from("/usr/bin/env"), "", b"S", |command| {
            command.args(["python3", "-c", SERVER, &many.to_string()]).args(paths);
        });
        let start = Instant::now();
        while !zoo.at(b"plain.ready").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "no server");
            std::thread::sleep(Duration::from_millis(20));
        }
        let collected = collect(&desk, &[], &["sessions-live"]);
        let is_ours = |row: &serde_json::Value| {
            let stat = decoded(row["stat_b64"].as_str().unwrap());
            let is_named = stat.windows(14).any(|part| part == b"(tmux: server)");
            is_named && row["fds_b64"].as_object().unwrap().len() > 150
        };
        let rows = collected.rows("sessions-live/processes.jsonl");
        let row = rows.iter().find(|row| is_ours(row)).expect("the server is not there");
        assert_eq!(row["fds_b64"].as_object().unwrap().len().min(4096) == 4096, many == 5000);
        let lines = row["unix_b64"].as_array().unwrap().iter();
        let lines: Vec<Vec<u8>> = lines.map(|line| decoded(line.as_str().unwrap())).collect();
        for path in paths {
            let ends = |line: &Vec<u8>| line.ends_with(format!(" {path}").as_bytes());
            assert!(lines.iter().any(ends), "{path:?} is not in {lines:?}");
        }
        let entry = collected.entries.iter().find(|entry| {
            entry["member"].as_str().is_some_and(|name| name.ends_with("sessions-live/processes.jsonl"))
        });
        let entry = entry.unwrap();
        assert_eq!(entry["outcome"], outcome, "{entry:#}");
        if many == 5000 {
            assert_eq!(entry["reason_code"], "count_limit");
            assert!(entry["reason"].as_str().unwrap().contains("more than 4096 descriptors"), "{entry:#}");
        }
    }
}
