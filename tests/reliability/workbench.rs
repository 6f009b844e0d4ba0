//! A small good bundle taken apart, what puts it together again, and runs that are measured.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use phi_ir::seal::container::Container;
use phi_ir::seal::envelope::{Identities, Recipients};
use serde_json::{Value, json};

use crate::raw_zip::{Raw, archive};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, tool};

/// Runs commands one after another, and tells of each how it ended, what it said, how long it took and how much memory it
/// had at most.
const MEASURE: &str = r#"
import json, os, subprocess, sys, tempfile, time
for command in json.load(open(sys.argv[1])):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        row = {"code": run.returncode, "seconds": time.monotonic() - began, "kib": usage.ru_maxrss}
        for name, stream in (("stdout", out), ("stderr", err)):
            stream.seek(0)
            row[name] = stream.read().decode("utf-8", "backslashreplace")
    print(json.dumps(row))
"#;

/// One run.
#[derive(Debug)]
pub struct Measured {
    pub code: i64,
    pub seconds: f64,
    pub mebibytes: u64,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program with each of these arguments.
pub fn measured(desk: &Path, commands: &[Vec<String>]) -> Vec<Measured> {
    let list: Vec<Value> =
        commands.iter().map(|args| json!([&[PHI_IR.to_owned()], &args[..]].concat())).collect();
    let at = desk.join("commands");
    fs::write(&at, serde_json::to_vec(&list).unwrap()).unwrap();
    let ran = tool("python3", &["-c".as_ref(), MEASURE.as_ref(), at.as_os_str()]).code(0);
    fs::remove_file(&at).unwrap();
    let rows = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows: Vec<Measured> = rows
        .map(|row| Measured {
            code: row["code"].as_i64().unwrap(),
            seconds: row["seconds"].as_f64().unwrap(),
            mebibytes: row["kib"].as_u64().unwrap() / 1024,
            stdout: row["stdout"].as_str().unwrap().to_owned(),
            stderr: row["stderr"].as_str().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(rows.len(), commands.len());
    rows
}

/// A good bundle, and the keys to seal what is made of it.
pub struct Good {
    pub desk: Desk,
    pub id: String,
    pub members: Vec<Raw>,
    pub receipt: Vec<u8>,
}

impl Good {
    pub fn new() -> Good {
        let desk = Desk::new();
        let mut noise = vec![0_u8; 6000];
        getrandom::fill(&mut noise).unwrap();
        let host = FakeHost::new()
            .file("/etc/hostname", "clinic-db\n")
            .file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n".repeat(40))
            .file("/etc/crypttab", "phi /dev/sdb none luks\n")
            .file("/srv/noise", noise);
        let only = ["--only", "mounts", "--only", "also", "--also", "/srv/noise"];
        let bundle = Bundle::of(&desk.collect(&host).args(only).run().code(0).json());
        let key = fs::read_to_string(desk.path("officer.key")).unwrap();
        let sealed = fs::read(&bundle.sealed).unwrap();
        let mut clear = Vec::new();
        let identities = Identities::parse(&key, "key").unwrap();
        identities.decrypt(Cursor::new(sealed)).unwrap().read_to_end(&mut clear).unwrap();
        let container = Container::open(Cursor::new(&clear[..])).unwrap();
        let times: Vec<i64> = container.records().iter().map(|record| record.modified).collect();
        let mut zip = zip::ZipArchive::new(Cursor::new(clear)).unwrap();
        let members = (0..zip.len()).map(|index| {
            let mut member = zip.by_index(index).unwrap();
            let name = member.name().unwrap().into_owned();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            let stored = member.compression() == zip::CompressionMethod::Stored;
            Raw { stored, modified: times[index].try_into().unwrap(), ..Raw::new(&name, bytes) }
        });
        let members = members.collect();
        Good { id: bundle.id.clone(), members, receipt: fs::read(&bundle.receipt).unwrap(), desk }
    }

    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.id)
    }

    #[track_caller]
    pub fn at(&self, name: &str) -> usize {
        let name = self.name(name);
        self.members.iter().position(|member| member.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn archive(&self) -> Vec<u8> {
        archive(&self.members)
    }

    /// The archive with one lie about its fstab.
    pub fn lie(&self, lie: impl FnOnce(&mut Raw)) -> Vec<u8> {
        let mut members = self.members.clone();
        lie(&mut members[self.at("data/root/etc/fstab")]);
        archive(&members)
    }

    /// The archive with one member more, before its fstab.
    pub fn with(&self, more: Raw) -> Vec<u8> {
        let mut members = self.members.clone();
        members.insert(self.at("data/root/etc/fstab"), more);
        archive(&members)
    }

    pub fn encrypt(&self, clear: &[u8]) -> Vec<u8> {
        let mut recipients = Recipients::none();
        recipients.add(&self.desk.recipient, None, "argument", "-r").unwrap();
        let mut sealing = recipients.encrypt(Vec::new()).unwrap();
        sealing.write_all(clear).unwrap();
        sealing.finish().unwrap()
    }

    /// What each of the members must unpack to.
    pub fn content(&self) -> BTreeMap<String, Vec<u8>> {
        self.members.iter().map(|member| (member.name.clone(), member.bytes.clone())).collect()
    }

    /// `verify`, `open`, and `open --salvage` of a sealed file, each measured. What they unpack lies in `opened` and
    /// `salvaged` beside it.
    pub fn verbs(&self, sealed: &Path) -> [Vec<String>; 3] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let key = text(self.desk.path("officer.key"));
        let of = |words: &[&str]| -> Vec<String> {
            let words = words.iter().map(|word| (*word).to_owned());
            words.chain([text(sealed.to_owned()), "-i".to_owned(), key.clone()]).collect()
        };
        let mut opens = [of(&["open", "--json"]), of(&["open", "--json", "--salvage"])];
        for (args, name) in opens.iter_mut().zip(["opened", "salvaged"]) {
            args.extend(["-o".to_owned(), text(sealed.with_file_name(name))]);
        }
        let [open, salvage] = opens;
        [of(&["verify", "--json"]), open, salvage]
    }
}

/// Every file below a folder, and what it holds.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                let bytes =
                    if kind.is_file() { fs::read(&path).unwrap() } else { format!("{kind:?}").into_bytes() };
                found.insert(name, bytes);
            }
        }
    }
    found
}
