//! Processes of every hostile kind, and a program that they all run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::tool;

/// Does what `MODE` says, and waits until it is killed, at most ten minutes.
const PAUSER: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
static void *waits(void *p) { (void)p; for (;;) pause(); }
static void brief(int argc, char **argv) {
    // What it calls itself tells its number: a row that is of two processes gives itself away.
    char name[16], *end = argv[argc - 1] + strlen(argv[argc - 1]);
    snprintf(name, sizeof name, "s%d", getpid());
    prctl(PR_SET_NAME, name);
    memset(argv[0], 0, end - argv[0]);
    snprintf(argv[0], end - argv[0], "s%d", getpid());
    struct timespec t = {0, (getpid() * 7919L % 9) * 1000000L};
    nanosleep(&t, 0);
}
int main(int argc, char **argv) {
    const char *mode = getenv("MODE");
    alarm(600);
    if (!mode) mode = "";
    if (!strcmp(mode, "overwrite")) {
        char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
        for (char *at = argv[0]; at < end; at++) *at = "\x1b]0;x\n\xff)"[(at - argv[0]) % 9];
    } else if (!strcmp(mode, "noargs")) {
        char *none[] = {0}, *empty[] = {0};
        execve("/proc/self/exe", none, empty);
    } else if (!strcmp(mode, "headless")) {
        pthread_t t;
        pthread_create(&t, 0, waits, 0);
        syscall(SYS_exit, 0);
    } else if (!strcmp(mode, "zombie")) {
        if (fork() == 0) _exit(0);
    } else if (!strcmp(mode, "stopped")) {
        raise(SIGSTOP);
    } else if (!strcmp(mode, "vfork")) {
        if (vfork() == 0) { for (;;) pause(); }
    } else if (!strcmp(mode, "crowd")) {
        int many = atoi(argv[1]), made = 0;
        while (made < many) {
            pid_t pid = fork();
            if (pid == 0) { for (;;) pause(); }
            if (pid < 0) break;
            made++;
        }
        printf("%d\n", made);
        fflush(stdout);
    } else if (!strcmp(mode, "reborn")) {
        struct timespec t = {0, 200000};
        nanosleep(&t, 0);
        execv("/proc/self/exe", argv);
    } else if (!strcmp(mode, "storm")) {
        // The same few numbers are given again and again.
        int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
        for (unsigned round = 0;; round++) {
            char text[16];
            int length = snprintf(text, sizeof text, "%d", atoi(argv[1]) + round % 12);
            if (last >= 0 && pwrite(last, text, length, 0) < 0) {}
            if (fork() == 0) { brief(argc, argv); _exit(0); }
            if (round % 4 == 3) while (waitpid(-1, 0, 0) > 0) {}
        }
    }
    for (;;) pause();
}
"#;

/// A folder with the program in it, and everybody who runs it.
pub struct Zoo {
    dir: TempDir,
    held: Vec<Child>,
}

impl Zoo {
    pub fn new() -> Zoo {
        let zoo = Zoo { dir: tempfile::tempdir().unwrap(), held: Vec::new() };
        fs::write(zoo.at(b"pauser.c"), PAUSER).unwrap();
        let paths = [zoo.at(b"pauser.c"), zoo.program()];
        let args = ["-O1", "-w", "-static", "-pthread", "-o"].map(OsStr::new);
        tool("gcc", &[&args[..], &[paths[1].as_os_str(), paths[0].as_os_str()]].concat()).code(0);
        zoo
    }

    pub fn at(&self, name: &[u8]) -> PathBuf {
        self.dir.path().join(OsStr::from_bytes(name))
    }

    pub fn program(&self) -> PathBuf {
        self.at(b"pauser")
    }

    /// A copy of the program under another name.
    pub fn named(&self, name: &[u8]) -> PathBuf {
        let path = self.at(name);
        // By another process: what this one holds open for writing, a child that another test begins may hold as well,
        // and a program that is being written cannot be run.
        tool("cp", &[self.program().as_os_str(), path.as_os_str()]).code(0);
        path
    }

    /// Runs it, and waits until it is in this state, one letter of `stat`, and runs the program.
    pub fn run(&mut self, program: &Path, mode: &str, states: &[u8], set: impl FnOnce(&mut Command)) -> u32 {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("MODE", mode)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.process_group(0);
        set(&mut command);
        self.held.push(command.spawn().unwrap());
        let pid = self.held.last().unwrap().id();
        let start = Instant::now();
        while !states.contains(&state(pid)) {
            assert!(start.elapsed() < Duration::from_secs(30), "{mode} never came to {states:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        pid
    }
}

/// Its state, behind the last bracket of its name.
pub fn state(pid: u32) -> u8 {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let at = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    stat.get(at + 2).copied().unwrap_or(b'?')
}

impl Drop for Zoo {
    fn drop(&mut self) {
        for child in &mut self.held {
            tool("kill", &["-9".as_ref(), "--".as_ref(), format!("-{}", child.id()).as_ref()]);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
