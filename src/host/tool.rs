//! Running a program of the examined host: never the only source, always labelled, and on a short leash.
//!
//! Exact arguments and no shell; from the system directories only, and only if nobody but root can change it; its
//! digest taken first; an empty environment; no input, no descriptors of ours, a process group of its own that is
//! killed as a whole when time or output run out.

mod complaints;
mod leash;

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use complaints::{Complaints, listen};
use leash::Leash;

use super::file::PIECE;
use super::own_namespaces::Owner;
use super::pace::Pace;
use super::{Host, Trouble};
use crate::custody::entry::{Base64, Executable};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::path::HostPath;

/// Where programs are looked for, in this order, and the `PATH` that they get.
pub const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a silent program is waited for before whoever listens is asked again.
const TICK: Duration = Duration::from_millis(200);

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
    /// Who could change it is not known in our user namespace; says what of it.
    UnknownOwner(String),
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
            NoTool::UnknownOwner(words) => {
                (Outcome::Denied, Reason::new(ReasonCode::OwnerUnknown, words.clone()))
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
        let path = located.spot.real.clone();
        let folder = super::stat::of(&located.spot.folder);
        let folder = folder.map_err(|errno| NoTool::Trouble(Trouble::from_errno(errno, path.to_string())))?;
        let met = super::stat::at(&located.spot.folder, &located.spot.name);
        let met = met.map_err(|errno| NoTool::Trouble(Trouble::from_errno(errno, path.to_string())))?;
        let sha256 = self.digest(&located.spot).map_err(NoTool::Trouble)?;
        for (what, stat) in [("the program", &met.stat), ("its folder", &folder.stat)] {
            let others_write = u32::from_str_radix(&stat.mode, 8).unwrap_or(u32::MAX) & 0o022 != 0;
            if !others_write && self.trusted_owners().judge(stat.uid) == Owner::Unknown {
                let words = format!(
                    "{path}: the owner of {what} is not known in this user namespace; it was not run"
                );
                return Err(NoTool::UnknownOwner(words));
            }
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
        let leash = Leash::new(child, timeout, self.pace().paused());
        let stdout = stdout.map(|pipe| pump(pipe, PIECE)).transpose()?;
        let complaints = Arc::<Mutex<Complaints>>::default();
        if let Some(pipe) = stderr {
            listen(pipe, Arc::clone(&complaints))?;
        }
        Ok(Running {
            leash,
            pace: Arc::clone(self.pace()),
            stdout,
            complaints,
            left: limit,
            cut: false,
            timed_out: false,
        })
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

/// A program that is running.
pub struct Running {
    leash: Leash,
    pace: Arc<Pace>,
    stdout: Option<Receiver<Vec<u8>>>,
    complaints: Arc<Mutex<Complaints>>,
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
    /// It printed more there.
    pub stderr_cut: bool,
}

impl Running {
    /// More of its standard output, possibly none yet; nothing at its end, or when it must not go on.
    pub fn output(&mut self) -> Option<Vec<u8>> {
        // It waits for us when we pause, and that is no time of its own.
        self.leash.forgive(self.pace.paused());
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
            // Once the program itself has ended, its group is ended too; one that fled from that gets no more time.
            Err(RecvTimeoutError::Timeout) if self.leash.has_ended() => {
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
        self.leash.forgive(self.pace.paused());
        if self.leash.wait().is_none() {
            self.timed_out = !self.cut;
            self.leash.kill();
            self.leash.wait_a_moment();
        }
        let complaints = self.complaints();
        let status = self.leash.ended();
        Ended {
            exit: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            timed_out: self.timed_out,
            cut: self.cut,
            stderr: complaints.kept,
            stderr_cut: complaints.cut,
        }
    }

    /// Everything from stderr. One that has fled from the group may hold it open for ever: it is not waited for.
    fn complaints(&self) -> Complaints {
        let until = Instant::now() + Duration::from_millis(500);
        loop {
            let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            if complaints.ended || Instant::now() >= until {
                return std::mem::take(&mut *complaints);
            }
            drop(complaints);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::complaints::STDERR_LIMIT;
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
    fn what_it_complains_of_is_drained_and_a_cut_is_said() {
        let start = Instant::now();
        let (out, ended) = run("head -c 700000 /dev/zero >&2; echo done", 20, 1000);
        assert_eq!((out.as_slice(), ended.exit, ended.timed_out), (&b"done\n"[..], Some(0), false));
        assert_eq!((ended.stderr.len(), ended.stderr_cut), (700_000, false));
        let (_, ended) = run("head -c 1200000 /dev/zero >&2", 20, 1000);
        assert_eq!((ended.stderr.len(), ended.stderr_cut), (STDERR_LIMIT, true));
        assert!(start.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn what_it_started_ends_with_it() {
        let (out, _) = run("sleep 3331 >/dev/null 2>&1 & echo $!", 20, 1000);
        let pid = String::from_utf8(out).unwrap();
        let gone = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim()));
            status.map_or(true, |status| status.contains("State:\tZ"))
        };
        let until = Instant::now() + Duration::from_secs(5);
        while !gone() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(gone(), "sleep {pid} goes on");
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
