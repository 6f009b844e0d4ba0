//! The hostile tree, made and listed by python, which shares no code with the program; and what runs the program beside
//! it: in a terminal, and under a filter of system calls.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use serde_json::Value;

use crate::disks::Disk;
use crate::support::{Desk, PHI_IR, tool};

const ZOO: &str = include_str!("tree_zoo.py");

/// Runs a program in a terminal of its own; prints how it ended, and what came, byte for byte.
const TERMINAL: &str = r#"
import base64, json, os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
came = b""
while True:
    try: more = os.read(master, 65536)
    except OSError: break
    if not more: break
    came += more
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "said": base64.b64encode(came).decode()}))
"#;

/// Has the kernel answer ENOSYS to the calls of these numbers, says what it answers, and becomes another program.
const FILTER: &str = r#"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sock_filter code[64];
    int n = 0, at = 1, numbers[16], many = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (; at < argc && strcmp(argv[at], "--"); at++) {
        numbers[many++] = atoi(argv[at]);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(argv[at]), 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 99;
    for (int i = 0; i < many; i++)
        if (syscall(numbers[i], -1, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS) return 98;
    execv(argv[at + 1], argv + at + 1);
    return 97;
}
"#;

/// The tree, on a file system of its own that notes every access.
pub struct Tree {
    pub disk: Disk,
    pub desk: Desk,
    dir: tempfile::TempDir,
}

/// Exact bytes.
pub fn bytes(base64: &Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

impl Tree {
    /// With a folder of so many names, and folders so deep in each other.
    pub fn new(crowd: u32, depth: u32) -> Tree {
        let disk = Disk::tmpfs("3g");
        let options = "remount,strictatime,dev,nr_inodes=1500000";
        tool("mount", &["-o".as_ref(), options.as_ref(), disk.path().as_os_str()]).code(0);
        fs::set_permissions(disk.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let tree = Tree { disk, desk: Desk::new(), dir: tempfile::tempdir().unwrap() };
        fs::write(tree.dir.path().join("zoo.py"), ZOO).unwrap();
        tree.python("make", &[crowd.to_string(), depth.to_string()]);
        tree
    }

    pub fn root(&self) -> PathBuf {
        self.disk.path().join("root")
    }

    fn python(&self, verb: &str, args: &[String]) -> String {
        let (script, root) = (self.dir.path().join("zoo.py"), self.root());
        let mut all: Vec<&OsStr> = vec![script.as_os_str(), verb.as_ref(), root.as_os_str()];
        all.extend(args.iter().map(OsStr::new));
        tool("python3", &all).code(0).stdout
    }

    /// Everything in it, as python finds it.
    pub fn rows(&self) -> Vec<Value> {
        self.python("walk", &[]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What is asked of it everywhere.
    pub fn collect(&self, verb: &str) -> Vec<String> {
        let root = self.root();
        let args = [verb, "--root", root.to_str().unwrap(), "--phi", "/var/data/phi", "--also", "/srv/zoo"];
        let only = ["phi-files", "auth-logs", "shell-history", "sshd", "also"];
        let only = only.iter().flat_map(|id| ["--only", *id]);
        args.into_iter().chain(only).map(str::to_owned).collect()
    }

    /// The same, and where to.
    pub fn sealing(&self, out: &Path) -> Vec<String> {
        let mut args = self.collect("collect");
        let key = self.desk.path("host.key");
        let more =
            ["-r", &self.desk.recipient, "--sign-with", key.to_str().unwrap(), "-o", out.to_str().unwrap()];
        args.extend(more.map(str::to_owned));
        args
    }

    /// Runs the program in a terminal; how it ended, and every byte that came.
    pub fn in_terminal(&self, program: &str, args: &[String]) -> (i64, Vec<u8>) {
        let ran = Command::new("python3")
            .args(["-c", TERMINAL, program])
            .args(args)
            .env("PHI_IR_CONFIG", "/dev/null")
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        (told["code"].as_i64().unwrap(), bytes(&told["said"]))
    }

    /// A command that runs the program without these system calls.
    pub fn without(&self, calls: &[i64]) -> Command {
        let (source, launcher) = (self.dir.path().join("filter.c"), self.dir.path().join("filter"));
        if !launcher.exists() {
            fs::write(&source, FILTER).unwrap();
            let args = ["-w".as_ref(), "-o".as_ref(), launcher.as_os_str(), source.as_os_str()];
            tool("gcc", &args).code(0);
        }
        let mut command = Command::new(launcher);
        command.args(calls.iter().map(i64::to_string)).args(["--", PHI_IR]);
        command.env("PHI_IR_CONFIG", "/dev/null").stdin(Stdio::null());
        command
    }
}
