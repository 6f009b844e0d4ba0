//! Running a program of the examined host: never the only source, always labelled, and on a short leash.
//!
//! Exact arguments and no shell; from the system directories only, and only if nobody but root can change it; its
//! digest taken first; an empty environment; no input, no descriptors of ours, a process group of its own that is
//! killed as a whole when time or output run out, and so is whoever has left that group.

mod complaints;
mod leash;
pub(in crate::host) mod offspring;
mod refusal;
mod trust;

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
use offspring::{Left, Offspring};
pub use refusal::{NoTool, NotRun};
use trust::Looked;

use super::file::PIECE;
use super::{Host, sys};
use crate::custody::entry::Executable;
use crate::path::HostPath;

/// Where programs are looked for, in this order, and the `PATH` that they get.
pub const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a silent program is waited for before whoever listens is asked again.
const TICK: Duration = Duration::from_millis(200);

/// How long what an ended program has printed is waited for, where somebody holds its output open.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// A program that may be run.
#[derive(Clone, Debug)]
pub struct Tool {
    /// What it was when it was examined.
    pub executable: Executable,
    path: HostPath,
    name: String,
    /// Itself, and what interprets it.
    looked_at: Vec<Looked>,
}

impl Host {
    /// From now on whoever a program of the host leaves behind falls to us, and is ended with it; see [`Offspring`].
    pub fn adopt_orphans(&self) {
        if self.is_live() {
            self.offspring.get_or_init(|| Offspring::adopt(self.process_tree()));
        }
    }

    /// Starts a program with these arguments; it may run for `timeout` and print `limit` bytes.
    pub fn run(
        &self,
        tool: &Tool,
        arguments: &[Vec<u8>],
        timeout: Duration,
        limit: u64,
    ) -> Result<Running, NotRun> {
        self.is_unchanged(tool)?;
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
        sys::end_with_us(&mut command);
        let mut child = command.spawn()?;
        self.footprint().tool();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let leash =
            Leash::new(child, timeout, self.offspring.get().cloned().flatten(), Arc::clone(self.pace()));
        // Whatever was at that path when it was started is there now, unless somebody is at work there.
        self.is_unchanged(tool)?;
        let stdout = stdout.map(|pipe| pump(pipe, PIECE)).transpose()?;
        let complaints = Arc::<Mutex<Complaints>>::default();
        if let Some(pipe) = stderr {
            listen(pipe, Arc::clone(&complaints))?;
        }
        Ok(Running {
            leash,
            stdout,
            complaints,
            left: limit,
            cut: false,
            timed_out: false,
            held: false,
            looked: Instant::now(),
            others: None,
            until: None,
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
    stdout: Option<Receiver<Vec<u8>>>,
    complaints: Arc<Mutex<Complaints>>,
    left: u64,
    cut: bool,
    timed_out: bool,
    held: bool,
    /// When it was last looked whether it has ended.
    looked: Instant,
    /// It has ended, and others may print on until then.
    others: Option<Instant>,
    /// It has ended, and its output is waited for until then.
    until: Option<Instant>,
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
    /// What became of those whom it left running.
    pub left: Left,
    /// Somebody held its output open after its end, and was not waited for.
    pub held: bool,
}

impl Running {
    /// More of its standard output, possibly none yet; nothing at its end, or when it must not go on.
    pub fn output(&mut self) -> Option<Vec<u8>> {
        self.stdout.as_ref()?;
        let no_time = self.leash.time_left().is_zero();
        // Also one that prints without a pause.
        if no_time && !self.leash.has_ended() {
            self.timed_out = true;
            self.leash.kill();
            self.stdout = None;
            return None;
        }
        if no_time && self.leash.may_be_held() {
            self.until.get_or_insert_with(|| Instant::now() + AFTERWARDS);
        }
        self.give_others_a_moment();
        if self.until.is_some_and(|until| Instant::now() >= until) {
            self.held = true;
            self.stdout = None;
            return None;
        }
        let tick = if no_time { TICK } else { self.leash.time_left().min(TICK) };
        match self.stdout.as_ref()?.recv_timeout(tick) {
            Ok(bytes) => Some(self.within_limit(bytes)),
            Err(RecvTimeoutError::Disconnected) => {
                self.stdout = None;
                None
            }
            Err(RecvTimeoutError::Timeout) => {
                // Once it has ended, so has whatever it started; what it printed at the very end is on its way.
                if self.until.is_none() && self.leash.has_ended() {
                    self.until = Some(Instant::now() + AFTERWARDS);
                }
                Some(Vec::new())
            }
        }
    }

    /// Whether it still runs, its output over, and may; waits a moment for its end.
    pub fn goes_on(&mut self) -> bool {
        !self.cut && !self.timed_out && !self.leash.time_left().is_zero() && !self.leash.ends_within(TICK)
    }

    /// Others whom the program has started may print on when it has ended, but not for long.
    fn give_others_a_moment(&mut self) {
        if self.until.is_some() || self.looked.elapsed() < TICK {
            return;
        }
        self.looked = Instant::now();
        if self.others.is_none() && self.leash.is_over() {
            self.others = Some(Instant::now() + AFTERWARDS);
        }
        if self.others.is_some_and(|others| Instant::now() >= others)
            && self.leash.has_ended()
            && self.leash.may_be_held()
        {
            self.until = Some(Instant::now() + AFTERWARDS);
        }
    }

    fn within_limit(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX);
        if bytes.len() > room {
            bytes.truncate(room);
            self.cut = true;
            self.leash.kill();
            self.stdout = None;
        }
        self.left -= bytes.len() as u64;
        // Nobody is left who could print for ever: all of it is taken, however slowly.
        if !self.leash.may_be_held() {
            self.until = None;
        }
        bytes
    }

    /// Waits for its end; kills it at the deadline.
    pub fn finish(mut self) -> Ended {
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
            left: self.leash.left_running().clone(),
            held: self.held || !complaints.ended,
        }
    }

    /// Everything from stderr. One that has fled from the group may hold it open for ever: it is not waited for.
    fn complaints(&self) -> Complaints {
        let until = Instant::now() + AFTERWARDS;
        loop {
            let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            if complaints.ended || Instant::now() >= until {
                let ended = complaints.ended;
                return Complaints { ended, ..std::mem::take(&mut *complaints) };
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
