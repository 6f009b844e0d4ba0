//! The clear archive changed at random: nothing passes that any reader would read otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flate2::{Compress, Compression, FlushCompress};
use phi_ir::clock::Timestamp;
use phi_ir::custody::verdict::{Verdict, Word};
use phi_ir::seal::envelope::Identities;
use phi_ir::seal::files::BundleFiles;
use phi_ir::seal::inspect::Nowhere;
use phi_ir::seal::opened::Trust;

use crate::archives::note;
use crate::dice::{Dice, is_long};
use crate::support::tool;
use crate::workbench::{Good, tree};

/// The program as a library: hundreds of archives in seconds.
struct Reader {
    dir: tempfile::TempDir,
    identities: Identities,
}

impl Reader {
    fn of(good: &Good) -> Reader {
        let key = fs::read_to_string(good.desk.path("officer.key")).unwrap();
        Reader { dir: tempfile::tempdir().unwrap(), identities: Identities::parse(&key, "key").unwrap() }
    }

    fn verdict(&self, good: &Good, clear: &[u8], with_receipt: bool) -> Verdict {
        let sealed = self.dir.path().join(format!("{}.zip.age", good.id));
        let receipt = self.dir.path().join(format!("{}.receipt.json", good.id));
        let _ = fs::remove_file(&receipt);
        if with_receipt {
            fs::write(&receipt, &good.receipt).unwrap();
        }
        fs::write(&sealed, good.encrypt(clear)).unwrap();
        let files = BundleFiles::around(&sealed, None).unwrap();
        let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
        files.examine(Some(&self.identities), &Trust::default(), now, &mut Nowhere).unwrap().verdict
    }
}

/// What the four programs make of an archive that we accept; each must see what was sealed.
#[track_caller]
fn four_readers_see(sealed: &BTreeMap<String, Vec<u8>>, clear: &[u8], what: &str) {
    let desk = tempfile::tempdir().unwrap();
    let zip = desk.path().join("x.zip");
    fs::write(&zip, clear).unwrap();
    let zip = zip.to_str().unwrap();
    let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    for name in ["unzip", "7z", "bsdtar", "python3"] {
        let folder = desk.path().join(name);
        fs::create_dir(&folder).unwrap();
        let (to, into) = (folder.to_str().unwrap(), format!("-o{}", folder.display()));
        let args: Vec<&str> = match name {
            "unzip" => vec!["-qq", zip, "-d", to],
            "7z" => vec!["x", "-bd", &into, zip],
            "bsdtar" => vec!["-xf", zip, "-C", to],
            _ => vec!["-c", unpack, zip, to],
        };
        let args: Vec<&std::ffi::OsStr> = args.iter().map(Path::new).map(Path::as_os_str).collect();
        let ran = tool(name, &args);
        assert!(tree(&folder) == *sealed, "{what}: {name} sees something else: {}", ran.stderr);
    }
}

#[test]
fn no_mutation_of_the_clear_archive_passes_but_what_means_the_same_to_every_reader() {
    let good = Good::new();
    let (reader, sealed) = (Reader::of(&good), good.content());
    let clear = good.archive();
    let consistent =
        |clear: &[u8], with_receipt: bool| reader.verdict(&good, clear, with_receipt).verdict != Word::Failed;
    assert!(consistent(&clear, false), "the control");
    four_readers_see(&sealed, &clear, "the control");
    // The packed form of a member is not sealed, only what it unpacks to.
    let repacked = good.lie(|member| {
        let mut packed = Vec::with_capacity(10_000);
        Compress::new(Compression::best(), false)
            .compress_vec(&member.bytes, &mut packed, FlushCompress::Finish)
            .unwrap();
        member.packed = Some(packed);
    });
    assert!(repacked != clear && consistent(&repacked, false) && !consistent(&repacked, true));
    four_readers_see(&sealed, &repacked, "packed otherwise");
    let rounds = if is_long() { 20_000 } else { 700 };
    let (mut dice, seed) = Dice::or(0x5eed);
    let mut random = |below: usize| dice.below(below);
    let directory = clear.len() - 22 - 80 * good.members.len();
    let (mut kinds, mut passed) = ([0; 6], 0);
    for round in 0..rounds {
        let mut bad = clear.clone();
        // Half of them in the directory and in the end, where there is most to lie about.
        let at = if round % 2 == 0 { random(bad.len()) } else { directory + random(bad.len() - directory) };
        let kind = random(6);
        match kind {
            0 => bad[at] ^= 1 << random(8),
            1 => bad[at] = random(256) as u8,
            2 => drop(bad.remove(at)),
            3 => bad.insert(at, random(256) as u8),
            4 => bad.truncate(at),
            _ => {
                // A piece of it somewhere else.
                let (from, length) = (random(bad.len() - 64), 1 + random(64));
                let piece = bad[from..from + length].to_vec();
                let at = at.min(bad.len() - length);
                bad[at..at + length].copy_from_slice(&piece);
            }
        }
        if bad == clear {
            continue;
        }
        kinds[kind] += 1;
        if consistent(&bad, false) {
            passed += 1;
            assert!(!consistent(&bad, true), "seed {seed}, round {round}: with a receipt");
            four_readers_see(&sealed, &bad, &format!("seed {seed}, round {round}"));
        }
    }
    note(&format!("seed {seed}: {kinds:?} mutations, {passed} of no meaning to any reader"));
    assert!(kinds.iter().all(|count| *count > rounds / 20) && passed < rounds / 20, "{kinds:?}, {passed}");
}
