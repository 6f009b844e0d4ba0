//! Running a program of the examined host: never the only source, always labelled, and on a short leash.
//!
//! Exact arguments and no shell; from the system directories only, and only if nobody but root can change it; its
//! digest taken first; an empty environment; no input, no descriptors of ours, a process group of its own that is
//! killed as a whole when time or output run out.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::file::PIECE;
use super::{Host, Trouble};
use crate::custody::entry::{Base64, Executable};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::path::HostPath;

/// Where programs are looked for, in this order, and the `PATH` that they get.
pub const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a silent program is waited for before whoever listens is asked again.
const TICK: Duration = Duration::from_millis(200);

/// What is kept of a program's stderr, in bytes.
const STDERR_LIMIT: usize = 1 << 20;

/// A program that may be run.
#[derive(Clone, Debug)]
pub struct Tool {
    /// What it was when it was examined.
    pub executable: Executable,
    path: HostPath,
    name: String,
}

/// Why a program is not run.
#[derive(Debug)]
pub enum NoTool {
    /// It is not there.
    Missing(String),
    /// Others than root could change it; says how.
    Untrusted(String),
    /// It could not be examined.
    Trouble(Trouble),
}

impl NoTool {
    /// The outcome and reason that the entry gets.
    pub fn verdict(&self) -> (Outcome, Reason) {
        match self {
            NoTool::Missing(name) => {
                let words = format!("{name} is not in {}", DIRECTORIES.join(", "));
                (Outcome::Missing, Reason::new(ReasonCode::ToolMissing, words))
            }
            NoTool::Untrusted(words) => {
                (Outcome::Denied, Reason::new(ReasonCode::ToolUntrusted, words.clone()))
            }
            NoTool::Trouble(trouble) => trouble.verdict(),
        }
    }
}

impl Host {
    /// Finds a program by name, examines it, and takes its digest.
    pub fn tool(&self, name: &str) -> Result<Tool, NoTool> {
        for directory in DIRECTORIES {
            let Ok(path) = HostPath::new(format!("{directory}/{name}")) else { break };
            match self.locate(&path, true) {
                Ok(located) => return self.examine(name, located),
                Err(Trouble::Missing(_)) => {}
                Err(trouble) => return Err(NoTool::Trouble(trouble)),
            }
        }
        Err(NoTool::Missing(name.to_owned()))
    }

    fn examine(&self, name: &str, located: super::place::Located) -> Result<Tool, NoTool> {
        let path = located.resolved;
        let folder = super::stat::of(&located.spot.folder);
        let folder = folder.map_err(|errno| NoTool::Trouble(Trouble::from_errno(errno, path.to_string())))?;
        let met = super::stat::at(&located.spot.folder, &located.spot.name);
        let met = met.map_err(|errno| NoTool::Trouble(Trouble::from_errno(errno, path.to_string())))?;
        let sha256 = self.digest(&located.spot).map_err(NoTool::Trouble)?;
        for (what, stat) in [("the program", &met.stat), ("its folder", &folder.stat)] {
            let others_write = u32::from_str_radix(&stat.mode, 8).unwrap_or(u32::MAX) & 0o022 != 0;
            if stat.uid != 0 || others_write {
                let words = format!("{path}: {what} can be changed by others than root");
                return Err(NoTool::Untrusted(words));
            }
        }
        let executable = Executable { path_b64: Base64(path.as_bytes().to_vec()), sha256, stat: met.stat };
        Ok(Tool { executable, path, name: name.to_owned() })
    }

    /// Starts a program with these arguments; it may run for `timeout` and print `limit` bytes.
    pub fn run(
        &self,
        tool: &Tool,
        arguments: &[Vec<u8>],
        timeout: Duration,
        limit: u64,
    ) -> io::Result<Running> {
        let mut command = Command::new(OsStr::from_bytes(tool.path.as_bytes()));
        command
            .arg0(&tool.name)
            .args(arguments.iter().map(|argument| OsStr::from_bytes(argument)))
            .env_clear()
            .envs([("LC_ALL", "C"), ("TZ", "UTC"), ("PATH", &DIRECTORIES.join(":"))])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn()?;
        self.footprint().tool();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let stdout = stdout.map(|pipe| pump(pipe, PIECE)).transpose()?;
        let stderr = stderr.map(|pipe| pump(pipe, 16 << 10)).transpose()?;
        let leash = Leash { child, deadline: Instant::now() + timeout, ended: None };
        Ok(Running { leash, stdout, stderr, left: limit, cut: false, timed_out: false })
    }
}

/// Reads a pipe on a thread of its own, which ends with the pipe. A program that flees from its group may keep the
/// pipe open for ever: the thread is left behind then.
fn pump(mut pipe: impl Read + Send + 'static, piece: usize) -> io::Result<Receiver<Vec<u8>>> {
    let (pieces, incoming) = sync_channel(4);
    thread::Builder::new().name("tool".into()).spawn(move || {
        let mut buffer = vec![0; piece];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    if pieces.send(bytes).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    })?;
    Ok(incoming)
}

struct Leash {
    child: Child,
    deadline: Instant,
    ended: Option<ExitStatus>,
}

impl Leash {
    fn kill(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if self.ended.is_none()
            && let Some(group) = group
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for the end until the deadline.
    fn wait(&mut self) -> Option<ExitStatus> {
        while self.ended.is_none() {
            match self.child.try_wait() {
                Ok(Some(status)) => self.ended = Some(status),
                Ok(None) if self.left().is_zero() => return None,
                Ok(None) => thread::sleep(self.left().min(Duration::from_millis(5))),
                Err(_) => return None,
            }
        }
        self.ended
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// A program that is running.
pub struct Running {
    leash: Leash,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
    left: u64,
    cut: bool,
    timed_out: bool,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status, if it exited.
    pub exit: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// It was killed because its time was over.
    pub timed_out: bool,
    /// It was killed because it printed too much.
    pub cut: bool,
    /// What it printed on stderr, at most 1 MiB.
    pub stderr: Vec<u8>,
}

impl Running {
    /// More of its standard output, possibly none yet; nothing at its end, or when it must not go on.
    pub fn output(&mut self) -> Option<Vec<u8>> {
        let pieces = self.stdout.as_ref()?;
        match pieces.recv_timeout(self.leash.left().min(TICK)) {
            Ok(mut bytes) => {
                let room = usize::try_from(self.left).unwrap_or(usize::MAX);
                if bytes.len() > room {
                    bytes.truncate(room);
                    self.cut = true;
                    self.leash.kill();
                    self.stdout = None;
                }
                self.left -= bytes.len() as u64;
                Some(bytes)
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.stdout = None;
                None
            }
            Err(RecvTimeoutError::Timeout) if !self.leash.left().is_zero() => Some(Vec::new()),
            Err(RecvTimeoutError::Timeout) => {
                self.timed_out = true;
                self.leash.kill();
                self.stdout = None;
                None
            }
        }
    }

    /// Waits for its end; kills it at the deadline.
    pub fn finish(mut self) -> Ended {
        if self.leash.wait().is_none() {
            self.timed_out = !self.cut;
            self.leash.kill();
            self.leash.deadline = Instant::now() + Duration::from_secs(2);
            self.leash.wait();
        }
        let stderr = self.stderr.take().map(|pieces| gather(&pieces)).unwrap_or_default();
        let status = self.leash.ended;
        Ended {
            exit: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            timed_out: self.timed_out,
            cut: self.cut,
            stderr,
        }
    }
}

/// What waits in a pipe; a moment of silence ends it, because a fled child may hold it open.
fn gather(pieces: &Receiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok(piece) = pieces.recv_timeout(Duration::from_millis(200)) {
        let room = STDERR_LIMIT.saturating_sub(all.len());
        all.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
        if all.len() >= STDERR_LIMIT {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, timeout: u64, limit: u64) -> (Vec<u8>, Ended) {
        let host = Host::live(&[]).unwrap();
        let tool = host.tool("sh").unwrap();
        let arguments = [b"-c".to_vec(), script.as_bytes().to_vec()];
        let mut running = host.run(&tool, &arguments, Duration::from_secs(timeout), limit).unwrap();
        let mut all = Vec::new();
        while let Some(bytes) = running.output() {
            all.extend_from_slice(&bytes);
        }
        (all, running.finish())
    }

    #[test]
    fn both_outputs_and_the_status_come_back() {
        let (out, ended) = run("echo out; echo err >&2; exit 3", 20, 1000);
        assert_eq!((out.as_slice(), ended.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!((ended.exit, ended.signal, ended.timed_out, ended.cut), (Some(3), None, false, false));
    }

    #[test]
    fn a_program_gets_no_environment_no_input_and_no_descriptors() {
        super::super::sys::close_descriptors_on_exec();
        let (out, _) =
            run("env | cut -d= -f1 | sort | tr '\\n' ' '; cat; ls /proc/self/fd | tr '\\n' ' '", 20, 1000);
        assert_eq!(String::from_utf8(out).unwrap(), "LC_ALL PATH PWD TZ 0 1 2 3 ");
    }

    #[test]
    fn what_never_ends_or_prints_for_ever_is_ended() {
        let start = Instant::now();
        let (_, ended) = run("sleep 60 & sleep 60", 1, 1000);
        assert!(ended.timed_out && ended.signal == Some(9), "{ended:?}");
        let (out, ended) = run("yes", 20, 1000);
        assert!(out.len() == 1000 && ended.cut && !ended.timed_out, "{} {ended:?}", out.len());
        let (_, ended) = run("exec >&-; exec 2>&-; sleep 60", 1, 1000);
        assert!(ended.timed_out, "{ended:?}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_is_known_by_its_digest_and_taken_from_system_folders_only() {
        let host = Host::live(&[]).unwrap();
        let tool = host.tool("sh").unwrap();
        let bytes = std::fs::read(OsStr::from_bytes(&tool.executable.path_b64.0)).unwrap();
        assert_eq!(tool.executable.sha256, crate::custody::digest::Digest::of(&bytes));
        assert!(matches!(host.tool("no-such-program"), Err(NoTool::Missing(_))));
    }
}
