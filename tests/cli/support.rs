//! Fake hosts, keys, and the program itself.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const PHI_IR: &str = env!("CARGO_BIN_EXE_phi-ir");

/// One run of the program.
pub struct Phi {
    command: Command,
}

/// What a run gave.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub raw: Vec<u8>,
}

pub fn phi<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Phi {
    let mut command = Command::new(PHI_IR);
    command.args(args).stdin(Stdio::null()).env_remove("PHI_IR_CONFIG");
    // A config of this machine must not decide a test.
    command.env("PHI_IR_CONFIG", empty_config());
    Phi { command }
}

fn empty_config() -> PathBuf {
    let path = std::env::temp_dir().join(format!("phi-ir-test-config-{}.toml", std::process::id()));
    if !path.exists() {
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

impl Phi {
    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Phi {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Phi {
        self.command.env(name, value);
        self
    }

    pub fn current_dir(mut self, dir: &Path) -> Phi {
        self.command.current_dir(dir);
        self
    }

    pub fn stdin(mut self, text: &str) -> Phi {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        self.command.stdin(Stdio::from(file));
        self
    }

    /// As a user without privileges; only root can ask for that.
    pub fn by_nobody(mut self) -> Phi {
        self.command.uid(65534).gid(65534);
        // The config file of the tests is root's alone.
        self.command.env_remove("PHI_IR_CONFIG");
        self
    }

    /// In so much address space.
    pub fn within_kib(self, kib: u64) -> Phi {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &kib.to_string()]).stdin(Stdio::null());
        command.arg(self.command.get_program()).args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Phi { command }
    }

    pub fn run(mut self) -> Ran {
        let output = self.command.output().expect("the program cannot be started");
        Ran::from(output)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            raw: output.stdout,
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn code(self, expected: i32) -> Ran {
        assert_eq!(self.code, expected, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Ran {
        let said = self.stdout.contains(words) || self.stderr.contains(words);
        assert!(said, "nothing says {words:?}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A small host in a folder.
pub struct FakeHost {
    dir: TempDir,
}

impl FakeHost {
    pub fn new() -> FakeHost {
        FakeHost { dir: tempfile::tempdir().unwrap() }
    }

    /// A Debian-like host with logs, accounts and a PHI folder; its login records are missing, so that it is PARTIAL.
    pub fn small() -> FakeHost {
        FakeHost::new()
            .file("/etc/hostname", "clinic-db\n")
            .file("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n")
            .file(
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n",
            )
            .file("/etc/group", "root:x:0:\n")
            .file("/etc/shadow", "root:*:19000:0:99999:7:::\nalice:$6$madeup$notahash:20000:0:90:7:::\n")
            .file("/etc/audit/rules.d/hipaa.rules", "-w /var/data/phi -p rwxa -k phi_access\n")
            .file("/var/log/audit/audit.log", "type=DAEMON_START msg=audit(1795292388.000:1): op=start\n")
            .file("/var/log/auth.log", "Nov 21 20:19:48 clinic-db sshd[1]: Accepted publickey for alice\n")
            .file("/home/alice/.bash_history", "ls /var/data/phi\n")
            .file("/var/data/phi/a.txt", "made up\n")
            .file("/var/data/phi/records/b.txt", "made up too\n")
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    pub fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> FakeHost {
        let file = self.at(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        self
    }

    pub fn folder(self, path: &str) -> FakeHost {
        fs::create_dir_all(self.at(path)).unwrap();
        self
    }

    pub fn link(self, path: &str, target: &str) -> FakeHost {
        let link = self.at(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
        self
    }

    pub fn mode(self, path: &str, mode: u32) -> FakeHost {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }
}

/// Keys for a test, and a folder for its output.
pub struct Desk {
    pub dir: TempDir,
    pub recipient: String,
}

impl Desk {
    pub fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let made = phi(["keygen", "-o"]).args([dir.path().join("officer.key")]).run().code(0);
        let signer = phi(["keygen", "--signing", "-o"]).args([dir.path().join("host.key")]).run().code(0);
        fs::write(dir.path().join("allowed_signers"), &signer.stdout).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        Desk { recipient: made.stdout.trim().to_owned(), dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// A collection from `host` that is signed with the desk's key.
    pub fn collect(&self, host: &FakeHost) -> Phi {
        phi(["collect", "--quiet", "--json", "-r", &self.recipient])
            .args([std::ffi::OsStr::new("--root"), host.path().as_os_str()])
            .args([std::ffi::OsStr::new("-o"), self.out().as_os_str()])
            .args([std::ffi::OsStr::new("--sign-with"), self.path("host.key").as_os_str()])
    }

    /// A sealed small host.
    pub fn bundle(&self) -> Bundle {
        Bundle::of(&self.collect(&FakeHost::small()).run().code(3).json())
    }

    pub fn verify(&self, path: &Path) -> Phi {
        phi([std::ffi::OsStr::new("verify"), path.as_os_str()])
            .args([std::ffi::OsStr::new("-i"), self.path("officer.key").as_os_str()])
            .args([std::ffi::OsStr::new("--allowed-signers"), self.path("allowed_signers").as_os_str()])
    }

    /// The opened folder of a bundle.
    pub fn open(&self, bundle: &Bundle) -> PathBuf {
        let folder = self.path(&format!("opened-{}", fs::read_dir(self.dir.path()).unwrap().count()));
        phi([std::ffi::OsStr::new("open"), bundle.sealed.as_os_str()])
            .args([std::ffi::OsStr::new("-i"), self.path("officer.key").as_os_str()])
            .args([std::ffi::OsStr::new("-o"), folder.as_os_str()])
            .run()
            .code(0);
        folder
    }
}

/// The files of a bundle.
pub struct Bundle {
    pub id: String,
    pub sealed: PathBuf,
    pub receipt: PathBuf,
}

impl Bundle {
    pub fn of(document: &Value) -> Bundle {
        let sealed = PathBuf::from(document["bundle"].as_str().expect("no bundle"));
        let name = sealed.file_name().unwrap().to_str().unwrap();
        Bundle {
            id: name.strip_suffix(".zip.age").unwrap().to_owned(),
            receipt: PathBuf::from(document["receipt"].as_str().unwrap()),
            sealed,
        }
    }
}

/// Every entry of an opened bundle.
pub fn entries(opened: &Path) -> Vec<Value> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(opened.join("entries")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.iter().map(|name| serde_json::from_slice(&fs::read(name).unwrap()).unwrap()).collect()
}

/// The entry whose source displays as `source`.
#[track_caller]
pub fn entry_of<'e>(entries: &'e [Value], source: &str) -> &'e Value {
    let found = entries.iter().find(|entry| entry["source"]["display"] == source);
    found.unwrap_or_else(|| panic!("no entry of {source}"))
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Skips, visibly, what only root can show.
pub fn only_root(what: &str) -> bool {
    if !is_root() {
        skipped(&format!("not root: {what}"));
    }
    is_root()
}

/// Says that a test shows nothing here, past the harness, which hides what a passing test prints.
pub fn skipped(why: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {why}\n").as_bytes());
}

/// Runs a stock tool; a test that needs one fails without it.
#[track_caller]
pub fn tool(name: &str, args: &[&std::ffi::OsStr]) -> Ran {
    let output = Command::new(name).args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{name} is needed by this test: {error}"));
    Ran::from(output)
}
