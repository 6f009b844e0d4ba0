//! A host of its own for the tests of the audit trail: this machine's kernel, with an auditd, a configuration and logs
//! that nobody else sees.
//!
//! The kernel has one audit subsystem, so that one test at a time has it; its settings and rules are put back. The files
//! are those of a mount namespace that a sleeping child keeps open: `/etc/audit`, `/var/log/audit` and `/run` are folders
//! of the test in it, and whatever a test lays over a folder is gone with it. auditctl, ausearch and phi-ir run inside.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::audit_state::Rules;
use crate::daemons::{AuditLock, output, succeed, until};
use crate::support::{Bundle, Desk, PHI_IR, Ran, entries, only_root, skipped};

/// What is collected, unless a test wants more.
pub const ONLY: [&str; 4] = ["audit-state", "audit-logs", "phi-files", "audit-coverage"];

/// What auditd is told. Its file is the rest of Debian's, but that nothing depends on how full this machine's disk is.
#[derive(Clone)]
pub struct Conf {
    /// MiB.
    pub max_log_file: u32,
    pub num_logs: u32,
    pub log_file: String,
    /// MiB.
    pub space_left: u32,
    pub admin_space_left: u32,
}

impl Default for Conf {
    fn default() -> Conf {
        Conf {
            max_log_file: 8,
            num_logs: 5,
            log_file: "/var/log/audit/audit.log".into(),
            space_left: 2,
            admin_space_left: 1,
        }
    }
}

impl Conf {
    fn text(&self) -> String {
        let Conf { max_log_file, num_logs, log_file, space_left, admin_space_left } = self;
        format!(
            "local_events = yes\nwrite_logs = yes\nlog_file = {log_file}\nlog_group = root\nlog_format = ENRICHED\n\
             flush = INCREMENTAL_ASYNC\nfreq = 50\nmax_log_file = {max_log_file}\nnum_logs = {num_logs}\n\
             max_log_file_action = ROTATE\npriority_boost = 4\nname_format = NONE\nspace_left = {space_left}\n\
             space_left_action = IGNORE\nverify_email = no\naction_mail_acct = root\n\
             admin_space_left = {admin_space_left}\nadmin_space_left_action = SUSPEND\ndisk_full_action = SUSPEND\n\
             disk_error_action = SUSPEND\nuse_libwrap = no\ndistribute_network = no\nq_depth = 2000\n\
             overflow_action = IGNORE\nmax_restarts = 10\nplugin_dir = /etc/audit/plugins.d\n\
             end_of_event_timeout = 2\n"
        )
    }
}

/// A setting of the kernel's auditing, as `auditctl -s` says it.
pub fn status(name: &str) -> u64 {
    let said = output("auditctl", &["-s"]);
    let value = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {said}"))
}

/// The kernel's settings and rules, put back when the test ends. How many records were lost cannot be put back: each
/// test begins at none.
struct Kernel {
    rules: Option<Rules>,
    before: Vec<(&'static str, u64)>,
}

const SETTINGS: [(&str, &str); 4] = [
    ("failure", "-f"),
    ("rate_limit", "-r"),
    ("backlog_limit", "-b"),
    ("backlog_wait_time", "--backlog_wait_time"),
];

impl Kernel {
    fn take() -> Kernel {
        let before = SETTINGS.map(|(name, option)| (option, status(name))).to_vec();
        let kernel = Kernel { rules: Some(Rules::replace()), before };
        // Enough that nothing is lost where a test does not want it.
        succeed("auditctl", &["-b", "8192"]);
        succeed("auditctl", &["-r", "0"]);
        let _ = output("auditctl", &["--reset-lost"]);
        kernel
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        let _ = Command::new("auditctl").args(["-e", "0"]).stdout(Stdio::null()).status();
        self.rules = None;
        for (option, value) in &self.before {
            let value = value.to_string();
            let _ = Command::new("auditctl").args([option, value.as_str()]).stdout(Stdio::null()).status();
        }
        let _ = output("auditctl", &["--reset-lost"]);
    }
}

/// The auditd of a test.
struct Auditd {
    child: Child,
}

impl Auditd {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::CONT);
        end(&mut self.child);
    }
}

/// Asks a child to end, and makes it end.
fn end(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Keeps a mount namespace open.
struct Keeper(Child);

impl Keeper {
    fn start() -> Keeper {
        // Whoever ends the test ends the namespace.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sleep", "300"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let keeper = Keeper(child);
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap();
        let sleeps = || {
            let comm = fs::read_to_string(format!("/proc/{}/comm", keeper.0.id())).unwrap_or_default();
            comm == "sleep\n" && of(&keeper.0.id().to_string()) != of("self")
        };
        until("a mount namespace", sleeps);
        keeper
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

/// The host. What stands first goes first: rules, auditd, namespace, files, lock.
pub struct AuditHost {
    _kernel: Kernel,
    auditd: Option<Auditd>,
    keeper: Keeper,
    pub desk: Desk,
    files: TempDir,
    pub conf: Conf,
    /// What is collected.
    pub only: Vec<&'static str>,
    _lock: AuditLock,
}

impl AuditHost {
    /// With auditing on, an auditd and no rule; none, and said, where a test cannot have that.
    pub fn new(what: &str) -> Option<AuditHost> {
        AuditHost::with(what, Conf::default())
    }

    pub fn with(what: &str, conf: Conf) -> Option<AuditHost> {
        let mut host = AuditHost::without_daemon(what, conf)?;
        host.start_auditd();
        Some(host)
    }

    pub fn without_daemon(what: &str, conf: Conf) -> Option<AuditHost> {
        if !only_root(what) {
            return None;
        }
        let lock = AuditLock::take();
        if status("pid") != 0 || status("enabled") == 2 {
            skipped(&format!("an auditd of this machine runs, or its rules are locked: {what}"));
            return None;
        }
        let files = tempfile::tempdir().unwrap();
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let desk = Desk::new();
        let host = AuditHost {
            _kernel: Kernel::take(),
            auditd: None,
            keeper: Keeper::start(),
            desk,
            files,
            conf,
            only: ONLY.to_vec(),
            _lock: lock,
        };
        for folder in ["etc", "etc/rules.d", "etc/plugins.d", "log", "run"] {
            fs::create_dir(host.at(folder)).unwrap();
        }
        fs::write(host.at("config.toml"), "").unwrap();
        fs::set_permissions(host.at("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        host.configure();
        for (ours, there) in [("etc", "/etc/audit"), ("log", "/var/log/audit"), ("run", "/run")] {
            host.bind(&host.at(ours), there);
        }
        Some(host)
    }

    /// A file or folder of the test.
    pub fn at(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Writes auditd.conf.
    pub fn configure(&self) {
        fs::write(self.at("etc/auditd.conf"), self.conf.text()).unwrap();
        fs::set_permissions(self.at("etc/auditd.conf"), fs::Permissions::from_mode(0o640)).unwrap();
    }

    /// Lays a folder of the test over one of the machine, for those inside.
    pub fn bind(&self, ours: &Path, there: &str) {
        self.done(&["mount", "--bind", ours.to_str().unwrap(), there]);
    }

    /// A command that will run inside.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.keeper.0.id().to_string(), "-m"]).args(args);
        command.env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// Runs a command inside, however it ends.
    pub fn inside(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// Runs a command inside that must succeed, and gives what it printed.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let ran = self.inside(args);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs what a shell would inside.
    #[track_caller]
    pub fn shell(&self, script: &str) -> String {
        self.done(&["sh", "-e", "-c", script])
    }

    /// Starts auditd inside, which switches auditing on, and waits until it writes.
    pub fn start_auditd(&mut self) {
        self.start_auditd_unseen();
        self.settle();
    }

    /// Starts auditd inside, where its log cannot be seen from outside.
    pub fn start_auditd_unseen(&mut self) {
        let said = self.at("auditd.said");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter", "-t", &self.keeper.0.id().to_string(), "-m"]);
        command.args(["auditd", "-n"]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(File::create(&said).unwrap()).spawn().unwrap();
        let mut auditd = Auditd { child };
        let deadline = Instant::now() + Duration::from_secs(30);
        while status("pid") != u64::from(auditd.child.id()) {
            let ended = auditd.child.try_wait().unwrap();
            let said = || fs::read_to_string(&said).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "auditd does not run: {}", said());
            sleep(Duration::from_millis(10));
        }
        self.auditd = Some(auditd);
        until("auditing to be on", || status("enabled") == 1);
    }

    pub fn stop_auditd(&mut self) {
        self.auditd = None;
        until("auditd to be gone", || status("pid") == 0);
    }

    /// Sends auditd a signal: it stands still at STOP, and rotates its logs at USR1.
    pub fn signal_auditd(&self, signal: Signal) {
        kill_process(self.auditd.as_ref().unwrap().pid(), signal).unwrap();
    }

    pub fn auditd_pid(&self) -> u32 {
        self.auditd.as_ref().unwrap().child.id()
    }

    /// A folder of the test with some files in it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.at(name);
        fs::create_dir(&folder).unwrap();
        for file in ["a.txt", "b.txt", "c.txt"] {
            fs::write(folder.join(file), format!("made up {file}\n")).unwrap();
        }
        folder
    }

    /// Loads one rule.
    #[track_caller]
    pub fn load(&self, rule: &str) {
        let args: Vec<&str> = std::iter::once("auditctl").chain(rule.split(' ')).collect();
        let ran = self.inside(&args);
        assert!(ran.code == 0 && ran.stderr.is_empty(), "{rule}: {}{}", ran.stdout, ran.stderr);
    }

    /// Watches a folder as hardening guides do.
    #[track_caller]
    pub fn watch(&self, folder: &Path, key: &str) {
        self.load(&format!("-w {} -p rwxa -k {key}", folder.display()));
    }

    /// Where auditd writes, seen from outside.
    fn log_folder(&self) -> PathBuf {
        match Path::new(&self.conf.log_file).parent().unwrap() {
            folder if folder == Path::new("/var/log/audit") => self.at("log"),
            folder => folder.to_owned(),
        }
    }

    /// The logs that are there: the one that is being written first, then from the newest to the oldest.
    pub fn logs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let name = Path::new(&self.conf.log_file).file_name().unwrap().to_str().unwrap();
        let number = |path: &Path| -> Option<u32> {
            match path.file_name()?.to_str()?.strip_prefix(name)? {
                "" => Some(0),
                ending => ending.strip_prefix('.')?.parse().ok(),
            }
        };
        let listed = fs::read_dir(self.log_folder()).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<(u32, PathBuf)> = listed.filter_map(|path| Some((number(&path)?, path))).collect();
        all.sort();
        // Whatever is rotated away meanwhile is gone.
        all.into_iter()
            .filter_map(|(_, path)| Some((fs::read(&path).ok()?, path)))
            .map(|(b, p)| (p, b))
            .collect()
    }

    /// All that is logged, the oldest first.
    pub fn log(&self) -> String {
        let all = self.logs();
        all.iter().rev().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect()
    }

    /// Waits until all that the kernel has recorded so far is in the log.
    #[track_caller]
    pub fn settle(&self) {
        let mark = self.mark("settled");
        until("auditd to have written", || self.log().contains(&mark));
    }

    /// A record of the test's own; gives its words.
    pub fn mark(&self, words: &str) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mark = format!("phi-ir-test-{words}-{}", since.as_nanos());
        self.done(&["auditctl", "-m", &mark]);
        mark
    }

    /// What ausearch finds of a key in a window, asked by hand as its manual says.
    pub fn ausearch(&self, key: &str, since: &str) -> Ran {
        let (date, time) = ausearch_time(since);
        self.inside(&["ausearch", "--input-logs", "-k", key, "-ts", &date, &time, "--raw"])
    }

    /// That ausearch finds nothing of a key in a window, nor does whoever reads the log.
    #[track_caller]
    pub fn finds_nothing(&self, key: &str, since: &str) {
        self.matches_nothing(key, since);
        let after: i64 = output("date", &["-u", "-d", since, "+%s"]).trim().parse().unwrap();
        let log = self.log();
        let quoted = format!("key=\"{key}\"");
        let read =
            log.lines().filter(|line| line.contains(&quoted) && at(line).is_some_and(|at| at >= after));
        assert_eq!(read.count(), 0);
    }

    /// That ausearch finds nothing of a key in a window. Asked for raw records it does not say so, and complains of
    /// whatever else is the matter.
    #[track_caller]
    pub fn matches_nothing(&self, key: &str, since: &str) {
        let found = self.ausearch(key, since);
        let said = (found.code, found.stdout.as_str(), found.stderr.as_str());
        assert_eq!(said, (1, "", ""), "key {key}");
    }

    /// How many events of a key a process caused, by the log.
    pub fn events_of(&self, pid: u32, key: &str) -> usize {
        let (by, quoted) = (format!(" pid={pid} "), format!("key=\"{key}\""));
        let log = self.log();
        let calls = log.lines().filter(|line| line.starts_with("type=SYSCALL "));
        let serials = calls.filter(|line| line.contains(&by) && line.contains(&quoted)).filter_map(event);
        serials.collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The command line of a collection inside.
    pub fn collecting(
        &self,
        through: &[&str],
        verb: &str,
        phi: &Path,
        since: &str,
        more: &[&str],
    ) -> Command {
        let config = format!("PHI_IR_CONFIG={}", self.at("config.toml").display());
        let by_root = !through.contains(&"--reuid");
        let config: &[&str] = if by_root { &[&config] } else { &["-u", "PHI_IR_CONFIG"] };
        let mut args: Vec<&str> = through.to_vec();
        args.push("env");
        args.extend(config);
        let out = self.desk.out();
        args.extend([PHI_IR, verb, "--quiet", "--json", "--since", since, "--phi", phi.to_str().unwrap()]);
        args.extend(["-o", out.to_str().unwrap()]);
        if verb == "collect" {
            args.extend(["-r", &self.desk.recipient]);
        }
        args.extend(self.only.iter().flat_map(|id| ["--only", id]));
        args.extend(more);
        self.command(&args)
    }

    /// Collects inside.
    #[track_caller]
    pub fn collect(&self, phi: &Path, since: &str, more: &[&str]) -> Seen {
        self.collect_through(&[], phi, since, more)
    }

    /// Collects inside, started through another program.
    #[track_caller]
    pub fn collect_through(&self, through: &[&str], phi: &Path, since: &str, more: &[&str]) -> Seen {
        // A run that begins in a later second can be told from all that the window is about, by a tool as well that knows
        // no smaller time.
        if ago(0).as_str() <= since {
            a_new_second();
        }
        let mut command = self.collecting(through, "collect", phi, since, more);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.seen(child)
    }

    /// What a collection gave that is under way.
    #[track_caller]
    pub fn seen(&self, child: Child) -> Seen {
        let pid = child.id();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!([0, 3].contains(&ran.code), "{}: {}{}", ran.code, ran.stdout, ran.stderr);
        let told = ran.json();
        let opened = self.desk.open(&Bundle::of(&told));
        Seen { pid, entries: entries(&opened), opened, told }
    }
}

/// Waits until a new second has begun, and gives it: all that was recorded so far is older. ausearch knows no smaller
/// time.
pub fn a_new_second() -> String {
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = second();
    // The kernel takes the time of a record from a coarse clock, which is some milliseconds behind.
    while second() <= before {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(20));
    in_words(second())
}

/// A time of a number of seconds ago.
pub fn ago(seconds: u64) -> String {
    in_words(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - seconds)
}

fn in_words(unix: u64) -> String {
    output("date", &["-u", "-d", &format!("@{unix}"), "+%Y-%m-%dT%H:%M:%SZ"]).trim().to_owned()
}

fn ausearch_time(since: &str) -> (String, String) {
    let said = output("date", &["-u", "-d", since, "+%m/%d/%y %H:%M:%S"]);
    let (date, time) = said.trim().split_once(' ').unwrap();
    (date.to_owned(), time.to_owned())
}

/// The time of a record, in whole seconds.
pub fn at(line: &str) -> Option<i64> {
    line.split_once("msg=audit(")?.1.split_once('.')?.0.parse().ok()
}

/// The time and serial number of a record, which all records of an event have.
fn event(line: &str) -> Option<&str> {
    Some(line.split_once("msg=audit(")?.1.split_once(')')?.0)
}

/// What one collection gave.
pub struct Seen {
    pub pid: u32,
    pub opened: PathBuf,
    pub entries: Vec<Value>,
    pub told: Value,
}

impl Seen {
    pub fn member(&self, path: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.opened.join(path)).unwrap_or_default()).into_owned()
    }

    pub fn rows(&self, path: &str) -> Vec<Value> {
        self.member(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What became of the questions to ausearch of one collector, where it printed what it found.
    pub fn ausearch_of(&self, collector: &str) -> Vec<&Value> {
        let asked = |entry: &&Value| {
            let display = entry["source"]["display"].as_str().unwrap_or_default();
            entry["collector"] == collector
                && display.starts_with("ausearch")
                && entry["source"]["stream"] != "stderr"
        };
        self.entries.iter().filter(asked).collect()
    }

    /// The same of the audit trail's collector, for one key.
    pub fn ausearch(&self, key: &str) -> Vec<&Value> {
        let key = format!(" -k {key} ");
        let all = self.ausearch_of("audit-logs").into_iter();
        all.filter(|entry| entry["source"]["display"].as_str().unwrap().contains(&key)).collect()
    }

    pub fn coverage(&self) -> Vec<Value> {
        self.rows("data/view/audit-coverage.jsonl")
    }

    /// The row of a mount, which may be the one that the folder lies on.
    #[track_caller]
    pub fn covering(&self, root: &Path, mount: Option<&Path>) -> Value {
        let all = self.coverage();
        let is_of = |row: &&Value| {
            let its = row["mount"].as_str().map_or(Path::new(""), Path::new);
            let wanted = match mount {
                Some(mount) => its == mount,
                // The one that is not below it.
                None => its == root || !its.starts_with(root),
            };
            row["root"].as_str() == root.to_str() && wanted
        };
        let mut rows = all.iter().filter(is_of);
        let row = rows.next().unwrap_or_else(|| panic!("no row of {}: {all:#?}", root.display()));
        assert!(rows.next().is_none(), "more than one row of {}: {all:#?}", root.display());
        row.clone()
    }

    /// All questions to ausearch about this key ended so.
    #[track_caller]
    pub fn judged(&self, key: &str, outcome: &str, code: &str) {
        let asked = self.ausearch(key);
        assert_eq!(asked.len(), 2, "raw and explained: {:#?}", self.ausearch_of("audit-logs"));
        for entry in asked {
            let (is, of) = (&entry["outcome"], &entry["reason_code"]);
            let code_is = of.as_str().unwrap_or_default();
            assert!(
                is == outcome && code_is == code,
                "{is} {of} instead of {outcome} {code}: {entry:#}\n{:#?}",
                self.coverage()
            );
        }
    }

    /// Nothing in the coverage of this folder claims that all would be known, and one row says why not.
    #[track_caller]
    pub fn uncovered(&self, root: &Path, code: &str) {
        let all = self.coverage();
        let of: Vec<&Value> = all.iter().filter(|row| row["root"].as_str() == root.to_str()).collect();
        assert!(!of.is_empty(), "no row of {}: {all:#?}", root.display());
        let bad: Vec<&&Value> = of.iter().filter(|row| row["verdict"] == "inconclusive").collect();
        let says = |row: &Value| row["codes"].as_array().is_some_and(|codes| codes.contains(&code.into()));
        assert!(bad.iter().any(|row| says(row)), "{code}: {of:#?}");
        for row in bad {
            assert!(row["words"].as_str().is_some_and(|words| !words.is_empty()), "{row:#}");
        }
    }

    /// The folder is covered, and our own opening was recorded.
    #[track_caller]
    pub fn covered(&self, root: &Path, key: &str) {
        let row = self.covering(root, None);
        assert_eq!(
            (&row["verdict"], &row["canary"], &row["scope"]),
            (&"covered".into(), &"seen".into(), &"tree".into()),
            "{row:#}"
        );
        assert!(row["keys"].as_array().unwrap().iter().any(|of| of["key"] == key), "{row:#}");
        assert!(row["rule"].as_str().unwrap().contains(root.to_str().unwrap()), "{row:#}");
        assert_eq!(row["codes"], serde_json::json!([]), "{row:#}");
    }

    /// The entries of the gaps that the summary tells of, with this code.
    pub fn gaps(&self, code: &str) -> Vec<&Value> {
        let told = self.told["gaps"].as_array().unwrap().iter().filter(|gap| gap["reason_code"] == code);
        let numbers: Vec<&Value> = told.map(|gap| &gap["entry"]).collect();
        self.entries.iter().filter(|entry| numbers.contains(&&entry["id"])).collect()
    }

    /// Every audit log of the bundle, as one text.
    pub fn sealed_logs(&self) -> String {
        let copies = self.entries.iter().filter(|e| e["collector"] == "audit-logs" && e["kind"] == "copy");
        let members = copies.filter_map(|entry| entry["member"].as_str());
        members.filter(|member| member.contains(".log")).map(|member| self.member(member)).collect()
    }
}
