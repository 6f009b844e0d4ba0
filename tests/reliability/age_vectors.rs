//! age files that are not as they must be: C2SP's vectors (CCTV/age), through every verb that reads.
//!
//! They come with the age library's package. Each has a head: what must come of it, and the key or passphrase for it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Ran, phi, tool};

/// Vectors that age itself reads and no bundle is: files in letters.
const ARMORED: usize = 5;

struct Vector {
    name: String,
    expect: String,
    identity: Option<String>,
    passphrases: Vec<String>,
    armored: bool,
    bytes: Vec<u8>,
}

/// The folder of the vectors: in the package of the age library that this program is built with.
fn folder() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or("cargo".into());
    // What other systems alone need is not there on a machine that has built nothing but this.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let asked = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &host])
        .output();
    let told: serde_json::Value = serde_json::from_slice(&asked.unwrap().stdout).expect("cargo metadata");
    let packages = told["packages"].as_array().unwrap();
    let age = packages.iter().find(|package| package["name"] == "age").expect("the age library");
    Path::new(age["manifest_path"].as_str().unwrap()).with_file_name("tests/testdata/testkit")
}

fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> =
        fs::read_dir(folder()).unwrap().map(|file| vector(&file.unwrap().path())).collect();
    vectors.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(vectors.len() >= 100, "only {} vectors", vectors.len());
    vectors
}

fn vector(path: &Path) -> Vector {
    let whole = fs::read(path).unwrap();
    let end = whole.windows(2).position(|two| two == b"\n\n").expect("a head");
    let head = std::str::from_utf8(&whole[..end]).unwrap();
    let of = |wanted: &str| -> Vec<String> {
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| *key == wanted).map(|(_, value)| value.to_owned()).collect()
    };
    let mut bytes = whole[end + 2..].to_vec();
    if of("compressed") == ["zlib"] {
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        bytes = plain;
    }
    Vector {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        expect: of("expect").pop().unwrap(),
        identity: of("identity").pop(),
        passphrases: of("passphrase"),
        armored: of("armored") == ["yes"],
        bytes,
    }
}

/// A desk with one sealed file and its key; what the program leaves there beside them is found.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn of(vector: &Vector) -> Desk {
        let desk = Desk { dir: tempfile::tempdir().unwrap() };
        fs::write(desk.at("x.zip.age"), &vector.bytes).unwrap();
        // Those without a key are opened with one that is nobody's.
        let key = vector.identity.clone().unwrap_or_else(|| {
            "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6".to_owned()
        });
        fs::write(desk.at("key"), format!("{key}\n")).unwrap();
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let found = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = found.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// One verb, with the passphrase if the vector has one, and how long it took.
    fn run(&self, verb: &[&str], vector: &Vector) -> (Ran, Duration) {
        let began = Instant::now();
        let sealed = self.at("x.zip.age");
        let mut ran = phi(verb).args([&sealed]);
        let ran = match vector.passphrases.first() {
            Some(passphrase) => ran.args(["--passphrase-fd", "0"]).stdin(passphrase).run(),
            None => {
                ran = ran.args([Path::new("-i"), &self.at("key")]);
                ran.run()
            }
        };
        (ran, began.elapsed())
    }
}

/// What the program must say of a vector, and the exits of `verify` and `open`, and of `open --salvage`.
fn due(vector: &Vector) -> (&'static [&'static str], [i32; 2]) {
    // Which stanzas there are is looked at before the key: a file for a passphrase alone is told as that.
    let by_name: Option<(&[&str], [i32; 2])> = match vector.name.as_str() {
        // An archive is read from its end, and what stands there is no archive's end: which of its two last pieces is the
        // wrong one is not reached.
        "stream_two_final_chunks_full" => {
            Some((&["archive_structure", "nothing in it can be proven whole"], [4, 1]))
        }
        "scrypt_work_factor_23" => Some((&["more work to try a passphrase"], [1, 1])),
        _ => None,
    };
    if let Some(due) = by_name {
        return due;
    }
    if vector.armored {
        // Whatever is before the first line of an armor: then it does not look like one.
        return (&["in letters", "neither a sealed bundle", "not an age file"], [1, 1]);
    }
    match vector.expect.as_str() {
        // Opened, and what is inside is no archive; a stream of which nothing is there is none either.
        "success" => (&["archive_structure", "nothing in it can be proven whole"], [4, 1]),
        "no match" => (
            &["none of the keys", "the passphrase does not open", "not X25519 keys", "sealed with keys"],
            [1, 1],
        ),
        "payload failure" => {
            (&["sealed_file_damaged", "its last piece is empty", "nothing in it can be proven whole"], [4, 1])
        }
        "HMAC failure" | "header failure" => (
            &["sealed_file_damaged", "not an age file, or its beginning is damaged", "neither a sealed"],
            [4, 1],
        ),
        other => panic!("{}: {other}", vector.name),
    }
}

#[test]
fn each_of_the_vectors_is_refused_with_its_reason_by_every_verb() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, String::new());
    for vector in vectors() {
        let desk = Desk::of(&vector);
        let (words, [refused, not_salvaged]) = due(&vector);
        let new = desk.at("new");
        let new = new.to_str().unwrap();
        let verbs: [(&[&str], i32); 3] = [
            (&["verify"], refused),
            (&["open", "-o", new], refused),
            (&["open", "--salvage", "-o", new], not_salvaged),
        ];
        for (verb, code) in verbs {
            let (ran, took) = desk.run(verb, &vector);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            // A file that does not even begin as one is not taken for a sealed bundle at all.
            let code = if said.contains("neither a sealed bundle") { 1 } else { code };
            let told = words.iter().any(|words| said.contains(words)) && said.contains("hint:");
            let whole = ran.code == code && told && desk.files() == ["key", "x.zip.age"];
            if !whole || said.contains("panicked") {
                wrong.push(format!(
                    "{} ({}) {verb:?}: {} {said} {:?}",
                    vector.name,
                    vector.expect,
                    ran.code,
                    desk.files()
                ));
            }
            if took > slowest.0 {
                slowest = (took, vector.name.clone());
            }
        }
        *seen.entry(vector.expect.clone()).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(slowest.0 < Duration::from_secs(60), "{slowest:?}");
    for expected in
        ["success", "no match", "HMAC failure", "header failure", "payload failure", "armor failure"]
    {
        assert!(seen.contains_key(expected), "no vector of {expected}: {seen:?}");
    }
}

/// What we take for damaged, and what for opened, is what the other program does; files in letters aside, which it reads
/// and we never do.
#[test]
fn what_opens_and_what_does_not_is_the_same_as_with_age_itself() {
    let (mut compared, mut wrong, mut armored) = (0, Vec::new(), 0);
    for vector in vectors() {
        // It asks a terminal for passphrases. And see above.
        if !vector.passphrases.is_empty() || vector.name == "stream_two_final_chunks_full" {
            continue;
        }
        let desk = Desk::of(&vector);
        let (key, sealed, clear) = (desk.at("key"), desk.at("x.zip.age"), desk.at("clear"));
        let args = [
            "-d".as_ref(),
            "-i".as_ref(),
            key.as_os_str(),
            "-o".as_ref(),
            clear.as_os_str(),
            sealed.as_os_str(),
        ];
        let theirs = tool("age", &args).code == 0;
        let (ran, _) = desk.run(&["verify"], &vector);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let ours = said.contains("archive_structure") && !said.contains("sealed_file_damaged");
        if vector.armored && theirs {
            armored += 1;
            assert!(!ours, "{}", vector.name);
        } else if ours != theirs {
            wrong.push(format!("{}: age {theirs}, {said}", vector.name));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 90 && armored == ARMORED, "{compared}, {armored} in letters");
}

#[test]
fn a_file_for_keys_of_another_kind_is_told_as_that() {
    let desk = tempfile::tempdir().unwrap();
    let at = |name: &str| desk.path().join(name);
    let made = tool(
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-f", at("ssh").to_str().unwrap()].map(str::as_ref),
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    fs::write(at("clear"), "anything").unwrap();
    let (public, clear, sealed) = (at("ssh.pub"), at("clear"), at("x.zip.age"));
    let args = ["-R".as_ref(), public.as_os_str(), "-o".as_ref(), sealed.as_os_str(), clear.as_os_str()];
    assert_eq!(tool("age", &args).code, 0);
    phi(["keygen", "--quiet", "-o"]).args([at("key")]).run().code(0);
    for verb in [
        &["verify"][..],
        &["open", "-o", "/nonexistent/new"],
        &["open", "--salvage", "-o", "/nonexistent/new"],
    ] {
        let ran =
            phi(verb).args([&sealed]).args([Path::new("-i"), &at("key")]).current_dir(desk.path()).run();
        if !verb.contains(&"-o") || verb.contains(&"--salvage") {
            assert!(ran.stderr.contains("not X25519 keys"), "{verb:?}: {}", ran.stderr);
        }
        assert!(ran.code == 1 && ran.stderr.contains("hint:"), "{verb:?}: {}", ran.stderr);
    }
    // The control: a stranger's key of our kind is told as a stranger's.
    let stranger = phi(["keygen", "--quiet", "-o"]).args([at("stranger")]).run().code(0);
    let other = at("y.zip.age");
    let recipient = stranger.stdout.trim().to_owned();
    let args = ["-r".as_ref(), recipient.as_ref(), "-o".as_ref(), other.as_os_str(), clear.as_os_str()];
    assert_eq!(tool("age", &args).code, 0);
    let ran = phi(["verify"]).args([&other]).args([Path::new("-i"), &at("key")]).run();
    ran.code(1).says("none of the keys given");
}
