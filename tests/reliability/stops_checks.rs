//! What a run that was stopped is held to, with stock tools: shared by the tests of interruptions.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::dice::Dice;
use crate::disks::Disk;
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries, phi, tool};

/// In the clear in text, in noise, and in a name.
pub const MARKER: &str = "MARKER-4711-clear-text";

/// Reads an unfinished archive from its beginning, as the format says and without our code: which members of evidence
/// have their entry whole behind them, and how far it goes.
const MEMBERS: &str = r#"
import hashlib, json, re, struct, sys, zlib
data = open(sys.argv[1], "rb").read()
at, waiting, proven, entries, tail = 0, None, {}, 0, False
def member(at):
    sig, _, flags, method, _, _, _, _, _, names, extra = struct.unpack_from("<4sHHHHHIIIHH", data, at)
    if sig != b"PK\x03\x04": return None
    start = at + 30 + names + extra
    name = data[at + 30:at + 30 + names]
    if len(name) < names or start > len(data): return None
    name = name.decode().split("/", 1)[1]
    if method == 8:
        z = zlib.decompressobj(-15)
        content = z.decompress(memoryview(data)[start:])
        if not z.eof: return name, None, 0
        end = len(data) - len(z.unused_data)
        return (name, content, end + 24) if end + 24 <= len(data) else (name, None, 0)
    for found in re.finditer(b"PK\x07\x08", memoryview(data)[start:]):
        end = start + found.start()
        if end + 24 > len(data): break
        crc, packed, size = struct.unpack_from("<IQQ", data, end + 4)
        if packed == size == end - start and crc == zlib.crc32(data[start:end]):
            return name, data[start:end], end + 24
    return name, None, 0
while at + 30 <= len(data):
    met = member(at)
    if met is None: break
    name, content, at = met
    tail = tail or name == "entries-sha256.txt"
    if content is None: break
    if name.startswith("entries/"):
        entries += 1
        entry = json.loads(content)
        assert (waiting and waiting[0]) == entry.get("member"), (waiting, entry)
        if waiting: proven[waiting[0]] = waiting[1]
        waiting = None
    elif name.startswith("data/"):
        waiting = name, hashlib.sha256(content).hexdigest()
print(json.dumps({"proven": proven, "entries": entries, "tail": tail}))
"#;

/// A host, keys, and a disk of its own, whose raw bytes can be searched.
pub struct Stage {
    pub desk: Desk,
    pub host: FakeHost,
    pub disk: Disk,
}

/// Where a killed run was, by what lies on the disk; in the order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    BeforeTheFile,
    NothingSealed,
    Sealing,
    Finishing,
    ReadingBack,
    Receipt,
    Signature,
    Named,
}

/// How often what was hit.
pub struct Hits<P>(pub BTreeMap<P, usize>);

impl<P: Ord + Copy + std::fmt::Debug> Hits<P> {
    pub fn new() -> Hits<P> {
        Hits(BTreeMap::new())
    }

    pub fn note(&mut self, phase: P) {
        *self.0.entry(phase).or_default() += 1;
    }

    /// Whether another round is due: there are so many, and up to three times as many until chance has hit all of these.
    pub fn are_due(&self, round: u64, rounds: u64, phases: &[P]) -> bool {
        round < rounds || (round < 3 * rounds && !phases.iter().all(|phase| self.0.contains_key(phase)))
    }

    /// Tells all, and fails if one of these was not hit.
    pub fn demand(&self, what: &str, phases: &[P]) {
        say(&format!("{what}: {:?}", self.0));
        for phase in phases {
            assert!(self.0.contains_key(phase), "{what}: nothing hit {phase:?}");
        }
    }
}

/// Past the harness.
pub fn say(words: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("stops: {words}\n").as_bytes());
}

/// Random numbers whose seed is told.
pub fn dice(what: &str) -> Dice {
    let (dice, seed) = Dice::new();
    say(&format!("{what}: PHI_IR_SEED={seed}"));
    dice
}

/// How many rounds: 20, or PHI_IR_STOPS.
pub fn rounds() -> u64 {
    std::env::var("PHI_IR_STOPS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// A program with the signals that end programs at their defaults, whatever started the test.
pub fn heeding(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP,QUIT,XCPU,XFSZ,PIPE", program]);
    command
}

/// Our own program so.
pub fn signalled() -> Command {
    let mut command = heeding(PHI_IR);
    command.env("PHI_IR_CONFIG", "/dev/null").stdin(Stdio::null());
    command
}

impl Stage {
    /// `files` small ones, and noise of so many bytes.
    pub fn new(files: usize, noise: usize) -> Stage {
        let mut bytes = vec![0_u8; noise];
        getrandom::fill(&mut bytes).unwrap();
        for piece in bytes.chunks_mut(1000) {
            let length = MARKER.len().min(piece.len());
            piece[..length].copy_from_slice(&MARKER.as_bytes()[..length]);
        }
        let mut host = FakeHost::small()
            .file("/var/log/syslog", format!("{MARKER}\n").repeat(3000))
            .file(&format!("/srv/named-{MARKER}"), "x")
            .file("/srv/zz-noise", bytes);
        for number in 0..files {
            host = host.file(&format!("/srv/{number:03}.txt"), format!("{MARKER} {number}\n").repeat(50));
        }
        Stage { desk: Desk::new(), host, disk: Disk::ext4(128, &["-m", "0"]) }
    }

    /// A new folder on the disk.
    pub fn out(&self, name: &str) -> PathBuf {
        let out = self.disk.path().join(name);
        fs::create_dir(&out).unwrap();
        out
    }

    /// What a collection is asked.
    pub fn asked(&self, command: &mut Command, out: &Path) {
        command
            .args(["collect", "--quiet", "--json", "--fast", "-r", &self.desk.recipient, "--also", "/srv"])
            .args([OsStr::new("--root"), self.host.path().as_os_str(), OsStr::new("-o"), out.as_os_str()])
            .args([OsStr::new("--sign-with"), self.desk.path("host.key").as_os_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// A collection that is not begun yet.
    pub fn collect(&self, out: &Path) -> Command {
        let mut command = signalled();
        self.asked(&mut command, out);
        command
    }

    /// The same with strace(1) putting a signal before the `when`-th call of `call`.
    pub fn collect_until(&self, out: &Path, call: &str, when: u32, signal: &str) -> Output {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal={signal}:when={when}"), "env"])
            .args(["--default-signal=INT,TERM,HUP,QUIT,XCPU,XFSZ,PIPE", PHI_IR])
            .env("PHI_IR_CONFIG", "/dev/null")
            .stdin(Stdio::null());
        self.asked(&mut command, out);
        command.output().unwrap()
    }

    /// Everything that the disk's file system has in memory goes to the disk.
    pub fn sync(&self) {
        rustix::fs::syncfs(fs::File::open(self.disk.path()).unwrap()).unwrap();
    }

    /// No marker in the folder, nor anywhere on the raw disk.
    pub fn nothing_in_the_clear(&self, out: &Path) {
        self.sync();
        for place in [out.to_owned(), self.disk.image()] {
            assert!(!holds_marker(&place), "clear text in {}", place.display());
        }
    }

    /// The control: the same search finds a marker that lies there in the clear.
    pub fn a_marker_would_be_found(&self) {
        let file = self.disk.path().join("control");
        fs::write(&file, format!("some {MARKER} text")).unwrap();
        self.sync();
        assert!(holds_marker(&file) && holds_marker(&self.disk.image()), "the search finds nothing");
        // Overwritten, not only removed: the raw disk is searched again.
        let over = fs::File::options().write(true).open(&file).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&over, &[0; 4096], 0).unwrap();
        self.sync();
        assert!(!holds_marker(&self.disk.image()), "the control cannot be taken back");
    }

    /// After a kill: nothing in the clear, no final name but of a whole bundle, and a salvage of exactly what is whole.
    pub fn check_killed(&self, out: &Path) -> Phase {
        self.nothing_in_the_clear(out);
        let names = names(out);
        if let Some(sealed) = names.iter().find(|name| name.ends_with(".zip.age")) {
            assert_eq!(names.len(), 3, "{names:?}");
            self.desk.verify(&out.join(sealed)).run().code(0).says("verified");
            return Phase::Named;
        }
        let receipts = names.iter().filter(|name| name.contains(".receipt.json")).count();
        for name in names.iter().filter(|name| name.ends_with(".receipt.json")) {
            let _: Value =
                serde_json::from_slice(&fs::read(out.join(name)).unwrap()).expect("half a receipt");
        }
        let Some(partial) = names.iter().find(|name| name.ends_with(".zip.age.partial")) else {
            assert!(names.is_empty(), "{names:?}");
            return Phase::BeforeTheFile;
        };
        assert_eq!(names.len(), 1 + receipts, "{names:?}");
        let phase = self.check_salvage(&out.join(partial));
        match receipts {
            0 => phase,
            1 => Phase::Receipt,
            _ => Phase::Signature,
        }
    }

    /// Salvage gives back exactly what stock tools find whole, byte for byte as the host has it.
    pub fn check_salvage(&self, partial: &Path) -> Phase {
        let (clear, folder) = (self.desk.path("clear.zip"), self.desk.path("salvaged"));
        let key = self.desk.path("officer.key");
        let _ = fs::remove_file(&clear);
        let decrypt = ["-d".as_ref(), "-i".as_ref(), key.as_os_str(), "-o".as_ref(), clear.as_os_str()];
        let decrypted = tool("age", &[&decrypt[..], &[partial.as_os_str()]].concat());
        if !clear.exists() {
            fs::write(&clear, "").unwrap();
        }
        let listed = tool("python3", &["-c".as_ref(), MEMBERS.as_ref(), clear.as_os_str()]).code(0).json();
        let salvage = phi(["open", "--salvage", "--json"])
            .args([partial.as_os_str(), "-i".as_ref(), key.as_os_str(), "-o".as_ref(), folder.as_os_str()])
            .run();
        if listed["entries"] == 0 {
            assert_eq!(salvage.code, 1, "{}", salvage.stderr);
            assert!(salvage.stderr.contains("hint: "), "{}", salvage.stderr);
            assert!(!folder.exists());
            return Phase::NothingSealed;
        }
        let told = salvage.code(3).json();
        let proven: BTreeMap<String, String> = serde_json::from_value(listed["proven"].clone()).unwrap();
        let given: BTreeSet<String> = files_below(&folder.join("data"), &folder);
        assert_eq!(given, proven.keys().cloned().collect(), "not exactly what is whole");
        assert_eq!((&told["entries"], &told["members"]), (&listed["entries"], &Value::from(proven.len())));
        for name in &given {
            let found = fs::read(folder.join(name)).unwrap();
            assert_eq!(proven[name], phi_ir::custody::digest::Digest::of(&found).to_string(), "{name}");
            if let Some(path) = name.strip_prefix("data/root/") {
                assert!(found == fs::read(self.host.at(path)).unwrap(), "{name} is not as the host has it");
            }
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(told["whole"].as_bool().unwrap(), decrypted.code == 0);
        match (decrypted.code, listed["tail"].as_bool().unwrap()) {
            (0, _) => Phase::ReadingBack,
            (_, true) => Phase::Finishing,
            (_, false) => Phase::Sealing,
        }
    }

    /// After a signal that asks: nothing at all, or three files that hold by stock tools; gives the opened entries.
    pub fn check_asked(&self, out: &Path, ended: &Output) -> Option<Vec<Value>> {
        self.nothing_in_the_clear(out);
        if ended.status.signal().is_some() {
            assert!(names(out).is_empty(), "before it listens, nothing may be there: {:?}", names(out));
            return None;
        }
        let errors = String::from_utf8_lossy(&ended.stderr);
        let code = ended.status.code();
        assert!([Some(130), Some(3)].contains(&code), "{code:?} {errors}");
        assert!(!errors.contains("programming error"), "{errors}");
        let names = names(out);
        let ending = |ending: &str| names.iter().any(|name| name.ends_with(ending));
        assert!(
            names.len() == 3 && ending(".zip.age") && ending(".receipt.json") && ending(".receipt.json.sig"),
            "{names:?}"
        );
        let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(document["result"], "partial");
        let bundle = Bundle::of(&document);
        self.desk.verify(&bundle.sealed).run().code(0).says("verified");
        let folder = self.recipe(&bundle);
        let told = entries(&folder.path().join("unpacked").join(&bundle.id));
        let interrupted = told.iter().any(|entry| entry["reason_code"] == "interrupted");
        assert_eq!(interrupted, code == Some(130), "told: {interrupted}, exit {code:?}");
        assert_eq!(document["stopped_by"].is_string(), code == Some(130), "{document}");
        assert_eq!(told.last().unwrap()["collector"], "clock-end");
        Some(told)
    }

    /// Follows VERIFY.txt word for word, and has unzip(1) test the archive; gives the folder with what it unpacked.
    fn recipe(&self, bundle: &Bundle) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let signature = PathBuf::from(format!("{}.sig", bundle.receipt.display()));
        let own = [self.desk.path("officer.key"), self.desk.path("allowed_signers")];
        for file in [&bundle.sealed, &bundle.receipt, &signature].into_iter().chain(&own) {
            fs::copy(file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        let unpack = format!(
            "age -d -i officer.key -o check.zip {0}.zip.age && unzip -tqq check.zip && unzip -qq check.zip -d unpacked",
            bundle.id
        );
        sh(&unpack, folder.path());
        let text =
            fs::read_to_string(folder.path().join("unpacked").join(&bundle.id).join("VERIFY.txt")).unwrap();
        let recipe: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        assert!(recipe.len() > 20, "{text}");
        let said = sh(&recipe.join("\n"), folder.path());
        assert!(said.contains("Good \"receipt@phi-ir\"") && said.contains("Good \"seal@phi-ir\""), "{said}");
        folder
    }
}

fn sh(script: &str, folder: &Path) -> String {
    let ran =
        Command::new("sh").args(["-euc", script]).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ran.status.success(), "{script}\n{said}");
    said
}

/// Whether a file, or anything below a folder, holds the marker: its bytes, or a name.
pub fn holds_marker(place: &Path) -> bool {
    if place.is_dir() {
        assert!(!names(place).iter().any(|name| name.contains(MARKER)), "the marker is in a name");
    }
    let found = tool("grep", &["-rqaF".as_ref(), MARKER.as_ref(), place.as_os_str()]);
    assert!(found.code < 2, "{}", found.stderr);
    found.code == 0
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let read = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        read.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn files_below(folder: &Path, top: &Path) -> BTreeSet<String> {
    let Ok(read) = fs::read_dir(folder) else { return BTreeSet::new() };
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path, top),
        false => BTreeSet::from([path.strip_prefix(top).unwrap().to_str().unwrap().to_owned()]),
    };
    read.flat_map(|entry| below(entry.unwrap().path())).collect()
}
