//! auditd, rsyslogd and sshd for a test: those that run already are used and left alone, the others are started, and
//! stopped again.

use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// One test at a time touches the kernel's audit state.
pub struct AuditLock {
    _file: File,
    enabled_before: String,
}

impl AuditLock {
    pub fn take() -> AuditLock {
        let file = File::create("/tmp/phi-ir-test-audit.lock").unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let status = output("auditctl", &["-s"]);
        let enabled = status.lines().find_map(|line| line.strip_prefix("enabled ")).unwrap_or("0");
        AuditLock { _file: file, enabled_before: enabled.trim().to_owned() }
    }
}

impl Drop for AuditLock {
    fn drop(&mut self) {
        let _ = Command::new("auditctl").args(["-e", &self.enabled_before]).stdout(Stdio::null()).status();
    }
}

/// A daemon that this test started, or one that was there.
pub struct Daemon {
    child: Option<Child>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let pid = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
                sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(program: &str, args: &[&str]) -> Daemon {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    Daemon { child: Some(child) }
}

fn runs(name: &str) -> bool {
    Command::new("pgrep").args(["-x", name]).stdout(Stdio::null()).status().unwrap().success()
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(50));
    }
}

pub fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn succeed(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.unwrap_or_else(|error| panic!("{program}: {error}")).success(), "{program} {args:?}");
}

pub fn auditd() -> Daemon {
    if runs("auditd") {
        return Daemon { child: None };
    }
    let daemon = start("auditd", &["-n"]);
    until("auditd to take the records", || {
        output("auditctl", &["-s"]).lines().any(|line| line.starts_with("pid ") && line != "pid 0")
    });
    daemon
}

pub fn rsyslogd() -> Daemon {
    // One with a socket of its own, which another test may have begun, is not the machine's; and a socket can outlive its
    // listener.
    let is_heard = || UnixDatagram::unbound().unwrap().connect("/dev/log").is_ok();
    if runs("rsyslogd") && is_heard() {
        return Daemon { child: None };
    }
    let pid = format!("/run/phi-ir-test-rsyslogd-{}.pid", std::process::id());
    let daemon = start("rsyslogd", &["-n", "-i", &pid]);
    until("rsyslogd to listen", is_heard);
    daemon
}

/// An sshd of its own on a port of loopback: one that no other test has, and that the kernel gives nobody by itself.
pub fn sshd(port: u16) -> Daemon {
    fs::create_dir_all("/run/sshd").unwrap();
    succeed("ssh-keygen", &["-A"]);
    let port_text = port.to_string();
    let args = [
        "-D",
        "-p",
        &port_text,
        "-o",
        "ListenAddress=127.0.0.1",
        "-o",
        "UsePAM=yes",
        "-o",
        "PidFile=none",
        "-o",
        "PasswordAuthentication=yes",
        "-o",
        "PubkeyAuthentication=yes",
    ];
    let mut daemon = start("/usr/sbin/sshd", &args);
    until("sshd to listen", || {
        let ended = daemon.child.as_mut().and_then(|child| child.try_wait().unwrap());
        assert!(ended.is_none(), "sshd on port {port} has ended: {ended:?}");
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    daemon
}

/// An audit watch that goes away again.
pub struct Watch {
    folder: PathBuf,
    key: String,
}

impl Watch {
    pub fn on(folder: &Path, key: &str) -> Watch {
        succeed("auditctl", &["-w", folder.to_str().unwrap(), "-p", "rwxa", "-k", key]);
        Watch { folder: folder.to_owned(), key: key.to_owned() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let folder = self.folder.to_str().unwrap_or_default();
        let args = ["-W", folder, "-p", "rwxa", "-k", &self.key];
        let _ = Command::new("auditctl").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// A user that goes away again.
pub struct User {
    pub name: String,
}

impl User {
    pub fn add(name: &str) -> User {
        remove(name);
        succeed("useradd", &["-m", "-s", "/bin/bash", name]);
        User { name: name.to_owned() }
    }

    pub fn home(&self) -> PathBuf {
        PathBuf::from("/home").join(&self.name)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// A user with processes is not removed, and what a login began can outlive its ssh: the processes go first. The users
/// are those of tests alone.
fn remove(name: &str) {
    assert!(name.starts_with("phi"), "{name} is no user of a test");
    let is_there = || Command::new("id").arg(name).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_there().is_ok_and(|status| status.success()) && Instant::now() < deadline {
        for pid in output("pgrep", &["-u", name]).lines() {
            let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
        }
        let _ = Command::new("userdel").args(["-r", name]).stderr(Stdio::null()).status();
        sleep(Duration::from_millis(50));
    }
}
