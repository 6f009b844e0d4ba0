//! Trees that change while they are walked: folders that become links, files that are written while they are read, names
//! that become something else, names that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, inotify, makedev, mknodat, renameat_with};
use serde_json::Value;
use tempfile::TempDir;

use crate::dice::{Dice, is_long};
use crate::support::{Bundle, Desk, entries, only_root, phi, tool};

/// In every file that nobody asked for, and in its name.
const SECRET: &str = "outside-of-all-that-was-asked-for";

/// Somebody who changes things in a tight loop until it is dropped.
struct Racer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Racer {
    fn run(mut round: impl FnMut() + Send + 'static) -> Racer {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let work = move || {
            // The program goes last on a processor, and must not wait for whoever never rests.
            rustix::process::setpriority_process(None, 19).unwrap();
            while !seen.load(Ordering::Relaxed) {
                round();
            }
        };
        Racer { stop, thread: Some(std::thread::spawn(work)) }
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the racer failed");
    }
}

/// How often each thing was seen.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// Whether one more round is wanted: after the first few only where something was not seen yet.
    fn wants_more(&self, round: usize, most_when_long: usize, wanted: &[&str]) -> bool {
        let all = wanted.iter().all(|what| self.0.contains_key(*what));
        round < if is_long() { most_when_long } else { 3 } || (!all && round < 40)
    }

    /// Tells all, and fails if one of these was never seen.
    #[track_caller]
    fn end(&self, test: &str, seed: u64, wanted: &[&str]) {
        let words = format!("races: {test}: PHI_IR_SEED={seed} {:?}\n", self.0);
        let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
        let never: Vec<&&str> = wanted.iter().filter(|what| !self.0.contains_key(**what)).collect();
        assert!(never.is_empty(), "never seen: {never:?} in {:?}", self.0);
    }
}

/// A tree, keys, and what came of a collection from it.
struct Field {
    dir: TempDir,
    desk: Desk,
    _alone: MutexGuard<'static, ()>,
}

/// One race at a time, so that each has a processor for either side.
static ALONE: Mutex<()> = Mutex::new(());

struct Opened {
    folder: PathBuf,
    told: Vec<Value>,
}

impl Field {
    fn new() -> Field {
        Field::on(Path::new("/tmp"))
    }

    fn on(place: &Path) -> Field {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let field = Field { _alone: alone, dir: TempDir::new_in(place).unwrap(), desk: Desk::new() };
        field.file("etc/passwd", "root:x:0:0::/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n");
        field
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn folder(&self, path: &str) -> PathBuf {
        fs::create_dir_all(self.at(path)).unwrap();
        self.at(path)
    }

    fn file(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), bytes).unwrap();
        self.at(path)
    }

    /// Collects, verifies, opens.
    fn collect(&self, args: &[&str]) -> Opened {
        let started = Instant::now();
        let ran = phi(["collect", "--quiet", "--json", "-r", &self.desk.recipient])
            .args([OsStr::new("--root"), self.dir.path().as_os_str()])
            .args([OsStr::new("-o"), self.desk.out().as_os_str()])
            .args([OsStr::new("--sign-with"), self.desk.path("host.key").as_os_str()])
            .args(args)
            .run();
        assert!([0, 3].contains(&ran.code), "{} {}", ran.code, ran.stderr);
        assert!(started.elapsed() < Duration::from_secs(60), "it hung: {:?}", started.elapsed());
        let bundle = Bundle::of(&ran.json());
        self.desk.verify(&bundle.sealed).run().code(0);
        let folder = self.desk.open(&bundle);
        fs::remove_file(&bundle.sealed).unwrap();
        let told = entries(&folder);
        Opened { folder, told }
    }
}

impl Opened {
    /// Every file of the bundle that holds the secret's word.
    fn spilt(&self) -> String {
        tool("grep", &["-rlaF".as_ref(), SECRET.as_ref(), self.folder.as_os_str()]).stdout
    }

    /// Rows of the listing of the PHI folder.
    fn rows(&self) -> Vec<Value> {
        let members =
            (1..).map(|part| self.folder.join(format!("data/live/phi-files/files-{part:06}.jsonl")));
        let texts: Vec<String> = members.map_while(|member| fs::read_to_string(member).ok()).collect();
        texts.iter().flat_map(|text| text.lines()).map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    /// The bytes that an entry speaks of.
    fn bytes(&self, entry: &Value) -> Vec<u8> {
        fs::read(self.folder.join(entry["member"].as_str().unwrap())).unwrap()
    }

    /// Entries of paths below this one.
    fn below(&self, path: &str) -> impl Iterator<Item = &Value> {
        self.told.iter().filter(move |entry| display(entry).starts_with(path))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn display(entry: &Value) -> &str {
    entry["source"]["display"].as_str().unwrap_or_default()
}

fn word<'e>(entry: &'e Value, key: &str) -> &'e str {
    entry[key].as_str().unwrap_or("none")
}

fn kind_of(row: &Value) -> u32 {
    u32::from_str_radix(row["mode"].as_str().unwrap(), 8).unwrap() >> 12
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Folders in a PHI folder, in a folder named with `--also`, and on the way to a history in a home, which become links to
/// a folder that nobody asked for and folders again, all the time.
#[test]
fn folders_that_become_links_in_mid_walk_lead_nowhere() {
    if !only_root("somebody else's links") {
        return;
    }
    let (mut dice, seed) = Dice::new();
    let field = Field::new();
    for number in 0..20 {
        field.file(&format!("srv/vault/{SECRET}-{number}"), SECRET);
    }
    // The names that are asked for lead there as well.
    field.file("srv/vault/share/fish/fish_history", SECRET);
    field.file("srv/vault/f-0", SECRET);
    let mut pairs = Vec::new();
    let mut pair = |folder: PathBuf, target: &str| {
        let spare = field.at(&format!("spare-{}", pairs.len()));
        symlink(target, &spare).unwrap();
        lchown(&spare, Some(1001), None).unwrap();
        pairs.push((folder, spare));
    };
    for top in ["srv/phi", "srv/also"] {
        for folder in 0..40 {
            for file in 0..4 {
                field.file(&format!("{top}/d-{folder:02}/f-{file}"), "made up");
            }
            pair(field.at(&format!("{top}/d-{folder:02}")), "../vault");
        }
    }
    field.file("home/alice/.local/share/fish/fish_history", "made up");
    pair(field.at("home/alice/.local"), "../../srv/vault");

    let asked = [
        "--only",
        "phi-files",
        "--only",
        "phi-content",
        "--only",
        "shell-history",
        "--only",
        "also",
        "--phi",
        "/srv/phi",
        "--include-content",
        "--reason",
        "a drill",
        "--also",
        "/srv/also",
    ];
    // The control: what is asked for is found.
    let control = field.collect(&["--only", "also", "--also", "/srv/vault"]);
    assert!(!control.spilt().is_empty(), "the word would not be noticed");

    let racer = Racer::run(move || {
        let (folder, spare) = &pairs[dice.below(pairs.len())];
        exchange(folder, spare);
    });
    let mut tally = Tally::default();
    let wanted = [
        "phi row: a folder",
        "phi row: a file",
        "phi row: a link",
        "phi: copy collected none",
        "phi: link collected none",
        "phi: gap changed overwritten",
        "also: copy collected none",
        "also: link collected none",
        "also: gap changed overwritten",
        "home: copy collected none",
        "home: gap skipped untrusted_link",
    ];
    for round in 0.. {
        if !tally.wants_more(round, 200, &wanted) {
            break;
        }
        let opened = field.collect(&asked);
        assert_eq!(opened.spilt(), "");
        for row in opened.rows().iter().filter(|row| row["path"].as_str().unwrap().starts_with("/srv/phi/d-"))
        {
            let kind = ["a folder", "a file", "a link"]
                [[4, 8, 10].iter().position(|kind| kind_of(row) == *kind).unwrap()];
            tally.note(format!("phi row: {kind}"));
        }
        let places = [("phi", "/srv/phi/"), ("also", "/srv/also/"), ("home", "/home/alice/.local")];
        for (what, place) in places {
            for entry in opened.below(place) {
                tally.note(format!(
                    "{what}: {} {} {}",
                    word(entry, "kind"),
                    word(entry, "outcome"),
                    word(entry, "reason_code")
                ));
            }
        }
    }
    drop(racer);
    tally.end("folders and links", seed, &wanted);
}

const BLOCK: usize = 4096;

/// Blocks that all tell which generation they are of.
fn generation(number: u64, blocks: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(blocks * BLOCK / 8)
}

/// The generations in these bytes, each as often as another one came before it.
fn generations(bytes: &[u8]) -> Vec<u64> {
    let mut found: Vec<u64> =
        bytes.chunks_exact(8).map(|number| u64::from_le_bytes(number.try_into().unwrap())).collect();
    found.dedup();
    found
}

/// Whether a file was ever so, at one moment: all of a generation, or a newer one up to where its writer, who goes from the
/// beginning to the end, had come just then.
fn is_of_one_moment(generations: &[u64]) -> bool {
    matches!(generations, [] | [_]) || matches!(generations, [newer, older] if newer > older)
}

/// Files that are written to, cut, replaced and removed while they are read. Whatever is told as collected, and did not
/// grow, is of one moment.
#[test]
fn files_that_are_written_to_while_they_are_read_are_no_mixture_that_is_not_told() {
    let (mut dice, seed) = Dice::new();
    let field = Field::new();
    // 2 MiB take longer to read than to write a part of them anew.
    const BLOCKS: usize = 512;
    for kind in ["steady", "grow", "shrink", "rename", "rewrite", "setback", "vanish"] {
        for number in 0..2 {
            field.file(&format!("srv/files/{kind}-{number}"), generation(1, BLOCKS));
        }
    }
    let files = field.at("srv/files");
    let path = move |kind: &str, number: usize| files.join(format!("{kind}-{number}"));
    let (at, mut other) = (path.clone(), Dice::new().0);
    let mut now = 1;
    let rewriting = Racer::run(move || {
        now += 1;
        let kind = ["rewrite", "setback"][other.below(2)];
        let file = fs::File::options().write(true).open(at(kind, other.below(2))).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        for block in 0..BLOCKS {
            file.write_all_at(&generation(now, 1), (block * BLOCK) as u64).unwrap();
            if kind == "setback" {
                // Whoever writes can set the time of that back, as often as he writes.
                file.set_modified(modified).unwrap();
            }
        }
        std::thread::sleep(Duration::from_micros(other.below(3000) as u64));
    });
    let spare = field.at("spare");
    let mut now = 1;
    let racer = Racer::run(move || {
        now += 1;
        let number = dice.below(2);
        let replace = |kind: &str, with: u64| {
            fs::write(&spare, generation(with, BLOCKS)).unwrap();
            fs::rename(&spare, path(kind, number)).unwrap();
        };
        let open = |kind: &str| fs::File::options().write(true).open(path(kind, number)).unwrap();
        match dice.below(4) {
            0 => {
                // A log: what is there stays, and more comes; now and then it begins anew, under another name.
                for _ in 0..50 {
                    let file = open("grow");
                    let length = file.metadata().unwrap().len();
                    file.write_all_at(&generation(1, 1), length).unwrap();
                }
                if open("grow").metadata().unwrap().len() > 2 * (BLOCKS * BLOCK) as u64 {
                    replace("grow", 1);
                }
            }
            1 => {
                open("shrink").set_len((dice.below(BLOCKS) * BLOCK) as u64).unwrap();
                replace("shrink", 1);
            }
            2 => replace("rename", now),
            _ => {
                fs::remove_file(path("vanish", number)).unwrap();
                std::thread::sleep(Duration::from_micros(dice.below(20_000) as u64));
                fs::write(path("vanish", number), generation(now, BLOCKS)).unwrap();
            }
        }
        std::thread::sleep(Duration::from_micros(dice.below(1000) as u64));
    });
    let mut tally = Tally::default();
    let wanted = [
        "steady: collected none",
        "grow: collected none grew",
        "shrink: changed overwritten",
        "rename: changed overwritten",
        "rewrite: changed overwritten",
        "rewrite: a mixture that is told",
        "setback: changed overwritten",
        "setback: a mixture that is told",
        "vanish: missing vanished",
    ];
    for round in 0.. {
        if !tally.wants_more(round, 100, &wanted) {
            break;
        }
        let opened = field.collect(&["--only", "also", "--also", "/srv/files"]);
        for entry in opened.below("/srv/files/") {
            let kind = display(entry).rsplit('/').next().unwrap().split('-').next().unwrap();
            let grew = if entry["grew"] == true { " grew" } else { "" };
            tally.note(format!("{kind}: {} {}{grew}", word(entry, "outcome"), word(entry, "reason_code")));
            if word(entry, "member") == "none" {
                continue;
            }
            let bytes = opened.bytes(entry);
            assert_eq!(entry["size"], bytes.len(), "{entry:#}");
            let member = opened.folder.join(word(entry, "member"));
            let digest = tool("sha256sum", &["-b".as_ref(), member.as_os_str()]).stdout;
            assert!(digest.starts_with(word(entry, "sha256")), "{digest} {entry:#}");
            let seen = generations(&bytes);
            if !is_of_one_moment(&seen) {
                tally.note(format!("{kind}: a mixture that is told"));
                let claims_whole = entry["outcome"] == "collected" && entry["grew"] != true;
                assert!(!claims_whole, "{seen:?}, and it is not told; seed {seed}: {entry:#}");
            }
            if kind == "grow" && entry["outcome"] == "collected" {
                assert!(bytes.len() >= BLOCKS * BLOCK && seen == [1], "{entry:#}");
            }
            if kind == "steady" {
                assert!(entry["outcome"] == "collected" && bytes.len() == BLOCKS * BLOCK, "{entry:#}");
            }
        }
    }
    drop((racer, rewriting));
    tally.end("files", seed, &wanted);
}

/// Names that are a file, a FIFO, a device, a link out of all that was asked for, and a file again, all the time.
#[test]
fn names_that_become_pipes_devices_and_links_are_not_opened() {
    if !only_root("a device") {
        return;
    }
    let (mut dice, seed) = Dice::new();
    let field = Field::new();
    field.file("srv/vault", SECRET);
    field.folder("srv/also");
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
    let mut names = Vec::new();
    for number in 0..60 {
        let name = field.file(&format!("srv/also/n-{number:02}"), "made up");
        let spare = field.at(&format!("spare-{number:02}"));
        let special = |kind, device| mknodat(CWD, &spare, kind, Mode::from_raw_mode(0o600), device).unwrap();
        match number % 3 {
            0 => special(FileType::Fifo, 0),
            1 => special(FileType::CharacterDevice, makedev(1, 3)),
            _ => symlink("../vault", &spare).unwrap(),
        }
        if number % 3 < 2 {
            inotify::add_watch(&watch, &spare, inotify::WatchFlags::OPEN).unwrap();
        }
        names.push((name, spare));
    }
    let opened_since = || {
        let mut bytes = [0_u8; 4096];
        rustix::io::read(&watch, &mut bytes).unwrap_or(0)
    };
    // The control: an opening without a wait is noticed.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK;
    drop(rustix::fs::open(&names[0].1, flags, Mode::empty()).unwrap());
    assert!(opened_since() > 0, "an opening would not be noticed");

    let racer = Racer::run(move || {
        let (name, spare) = &names[dice.below(names.len())];
        exchange(name, spare);
    });
    let mut tally = Tally::default();
    let wanted = [
        "copy collected none",
        "link collected none",
        "listing collected special_file",
        "copy changed overwritten",
    ];
    for round in 0.. {
        if !tally.wants_more(round, 200, &wanted) {
            break;
        }
        let opened = field.collect(&["--only", "also", "--also", "/srv/also"]);
        assert_eq!(opened.spilt(), "");
        assert_eq!(opened_since(), 0, "a pipe or a device was opened; seed {seed}");
        let names: Vec<&str> = opened.below("/srv/also/n-").map(display).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 60, "each name is told: {names:?}");
        for entry in opened.below("/srv/also/n-") {
            tally.note(format!(
                "{} {} {}",
                word(entry, "kind"),
                word(entry, "outcome"),
                word(entry, "reason_code")
            ));
        }
    }
    drop(racer);
    tally.end("names", seed, &wanted);
}

/// A folder in which names come and go while it is listed, on disk and in memory.
#[test]
fn a_folder_that_is_emptied_and_filled_is_listed_without_doubles_and_with_all_that_stays() {
    let mut seeds = Vec::new();
    let mut tally = Tally::default();
    let mut seed = 0;
    for place in ["/tmp", "/dev/shm"] {
        let (mut dice, new) = Dice::new();
        seed = new;
        seeds.push(seed);
        let field = Field::on(Path::new(place));
        for number in 0..3000 {
            field.file(&format!("srv/phi/stays-{number:04}"), "");
        }
        let folder = field.at("srv/phi");
        let racer = Racer::run(move || {
            let name =
                |number: usize| folder.join(OsStr::from_bytes(format!("comes-{number:04}").as_bytes()));
            let (one, other) = (name(dice.below(3000)), name(dice.below(3000)));
            match dice.below(3) {
                0 => drop(fs::File::create(one).unwrap()),
                1 => drop(fs::remove_file(one)),
                // So that one and the same file has many names, one after the other.
                _ => drop(fs::rename(one, other)),
            }
        });
        for _ in 0..if is_long() { 50 } else { 2 } {
            let opened = field.collect(&["--only", "phi-files", "--phi", "/srv/phi"]);
            let rows = opened.rows();
            let names: Vec<&str> = rows.iter().map(|row| row["path"].as_str().unwrap()).collect();
            assert!(
                names.is_sorted_by(|one, other| one < other),
                "a name twice, or out of order; seed {seed}"
            );
            let stay = names.iter().filter(|name| name.starts_with("/srv/phi/stays-")).count();
            assert_eq!(stay, 3000, "seed {seed}");
            if names.len() > 3001 {
                tally.note("some of those that come and go");
            }
            for entry in opened.told.iter().filter(|entry| entry["reason_code"] == "vanished") {
                tally.note(format!("vanished: {}", word(entry, "outcome")));
            }
        }
        drop(racer);
    }
    tally.end("a folder", seed, &["some of those that come and go", "vanished: missing"]);
}
