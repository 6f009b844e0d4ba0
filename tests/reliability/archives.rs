//! Archives that are not as ours are: what ZIP readers stumble over, or differ about.

use std::fs;

use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;

use crate::dice::is_long;
use crate::raw_zip::{Raw, archive, deflate};
use crate::workbench::{Good, Measured, measured, tree};

const STRUCTURE: &[&str] = &["archive_structure"];
const HEADERS: &[&str] = &["archive_headers_differ"];
const DAMAGED: &[&str] = &["member_damaged"];
const NAME: &[&str] = &["member_name"];

/// Seconds and mebibytes that one verb may take over one of them, on a slow and busy machine.
const SECONDS: f64 = 60.0;
const MEBIBYTES: u64 = 128;

/// A quirk: what it is called, the clear archive, and one of the findings that must be told.
type Quirk = (String, Vec<u8>, &'static [&'static str]);

#[track_caller]
fn try_all(good: &Good, quirks: &[Quirk]) {
    let room = tempfile::tempdir().unwrap();
    let control = ("as it was sealed".to_owned(), good.archive(), STRUCTURE);
    let mut commands = Vec::new();
    for (number, (_, clear, _)) in std::iter::once(&control).chain(quirks).enumerate() {
        // Two folders deep, so that what leaves the new folder is found.
        let desk = room.path().join(format!("{number}/inner"));
        fs::create_dir_all(&desk).unwrap();
        fs::write(desk.join("x.zip.age"), good.encrypt(clear)).unwrap();
        commands.extend(good.verbs(&desk.join("x.zip.age")));
    }
    let ran = measured(room.path(), &commands);
    let inner = room.path().join("0/inner");
    let sealed = good.content();
    for (run, code) in ran.iter().zip([0, 0, 3]) {
        assert_eq!(run.code, code, "the control: {run:?}");
    }
    assert_eq!(tree(&inner.join("opened")).len(), sealed.len());
    let mut wrong = Vec::new();
    for (number, (what, _, findings)) in quirks.iter().enumerate() {
        let runs = &ran[3 * (number + 1)..][..3];
        if let Err(words) = judged(runs, findings) {
            wrong.push(format!("{what}: {words}"));
        }
        for (name, bytes) in tree(&room.path().join((number + 1).to_string())) {
            let proven = name.strip_prefix("inner/salvaged/").is_some_and(|name| {
                !name.starts_with("data/") && !name.starts_with("entries/")
                    || sealed.get(&good.name(name)) == Some(&bytes)
            });
            if name != "inner/x.zip.age" && !proven {
                wrong.push(format!("{what}: left {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let most = |of: fn(&Measured) -> u64| ran.iter().map(of).max().unwrap();
    note(&format!(
        "{} archives: {} MiB, {} ms at most",
        quirks.len(),
        most(|r| r.mebibytes),
        most(|r| (r.seconds * 1e3) as u64)
    ));
}

fn judged(runs: &[Measured], findings: &[&str]) -> Result<(), String> {
    for run in runs {
        if run.seconds > SECONDS || run.mebibytes > MEBIBYTES {
            return Err(format!("{} s, {} MiB", run.seconds, run.mebibytes));
        }
        if run.stderr.contains("panicked") || run.stdout.contains('\u{1b}') || run.stderr.contains('\u{1b}') {
            return Err(format!("{run:?}"));
        }
    }
    for run in &runs[..2] {
        let told = serde_json::from_str::<Value>(&run.stdout).ok();
        let codes = told.as_ref().map(|told| told["findings"].to_string()).unwrap_or_default();
        let told = findings.iter().any(|code| codes.contains(&format!("\"{code}\"")));
        // Room on the disk is looked at before anything is unpacked.
        let no_room = run.code == 1 && run.stderr.contains("it unpacks to") && run.stderr.contains("hint:");
        if !(run.code == 4 && told || no_room) {
            return Err(format!("{} {codes} {}", run.code, run.stderr));
        }
    }
    match runs[2].code {
        1 if runs[2].stderr.contains("hint:") => Ok(()),
        3 => Ok(()),
        _ => Err(format!("salvage: {:?}", runs[2])),
    }
}

/// What was measured, past the harness.
pub fn note(words: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{words}\n").as_bytes());
}

fn quirk(what: &str, clear: Vec<u8>, findings: &'static [&'static str]) -> Quirk {
    (what.to_owned(), clear, findings)
}

#[test]
fn names_that_mislead_are_refused() {
    let good = Good::new();
    let folder = |name: &str| good.name(name);
    let long = folder(&format!("data/root/{}", "x".repeat(60_000)));
    let names = [
        folder("data/root/etc/FSTAB"),
        folder("data/root/etc/fstab"),
        folder("data/root/etc/caf\u{e9}"),
        folder("data/root/etc/cafe\u{301}"),
        folder("../x"),
        folder("data/../../x"),
        folder("data/root/./x"),
        folder("data//x"),
        folder("data/root/"),
        folder(""),
        String::new(),
        "/etc/x".into(),
        "../../x".into(),
        "//host/share/x".into(),
        "C:\\x".into(),
        "C:x".into(),
        folder("data\\..\\..\\x"),
        folder("data/root/a\0b"),
        folder("data/root/a\u{1b}[2Jb"),
        folder("data/root/a\nb"),
        folder("data/root/x."),
        folder("data/root/x "),
        folder("data/root/con"),
        folder("data/root/aux.txt"),
        folder("data/root/etc"),
        folder("data/root/etc/fstab/x"),
        folder("data/root/a:b"),
        folder("README.txt"),
        folder("entries/999999.json"),
        folder("seal.json"),
        folder(&format!("data/root/{}", "x".repeat(191))),
        long,
        "other/data/root/x".into(),
        good.id.clone(),
    ];
    let any: &[&str] =
        &["member_name", "archive_structure", "member_unlisted", "member_order", "entry_unreadable"];
    let mut quirks: Vec<Quirk> = names
        .iter()
        .map(|name| (format!("a member called {name:.60?}"), good.with(Raw::new(name, "x")), any))
        .collect();
    for name in names[..8].iter().filter(|name| **name != folder("data/root/etc/fstab")) {
        let lied = good.lie(|member| member.local_name = Some(name.clone()));
        quirks.push((
            format!("called {name:?} in its own header"),
            lied,
            &["archive_headers_differ", "archive_structure"],
        ));
    }
    let twin = good.members[good.at("data/root/etc/fstab")].clone();
    quirks.push(quirk("the same member twice", good.with(twin), NAME));
    try_all(&good, &quirks);
}

#[test]
fn lying_headers_are_refused() {
    let good = Good::new();
    let mut quirks = Vec::new();
    for mode in [0o120_777, 0o020_666, 0o060_600, 0o010_600, 0o040_700, 0o104_600, 0o100_644, 0] {
        quirks.push(quirk(&format!("mode {mode:o}"), good.lie(|member| member.mode = mode), STRUCTURE));
    }
    // Encrypted, patched, strongly encrypted, UTF-8, masked headers, no descriptor.
    for flags in [9, 0x28, 0x49, 0x808, 0x2008, 0, 0xffff] {
        quirks.push(quirk(&format!("flags {flags:x}"), good.lie(|member| member.flags = flags), STRUCTURE));
        let own = good.lie(|member| member.local_flags = Some(flags));
        quirks.push(quirk(&format!("flags {flags:x} in its own header"), own, STRUCTURE));
    }
    for method in [1, 6, 9, 12, 14, 93, 95, 97, 99] {
        let lied = good.lie(|member| member.methods = Some([method; 2]));
        quirks.push(quirk(&format!("method {method}"), lied, STRUCTURE));
    }
    for methods in [[0, 8], [8, 0]] {
        let lied = good.lie(|member| member.methods = Some(methods));
        quirks.push(quirk(&format!("methods {methods:?}"), lied, HEADERS));
    }
    let other_name = [b"up\x0b\0\x01\0\0\0\0".as_slice(), b"passwd"].concat();
    let extras: [(&str, Vec<u8>); 6] = [
        ("Unicode path", other_name),
        ("Info-ZIP Unix", b"ux\x0b\0\x01\x04\0\0\0\0\x04\0\0\0\0".to_vec()),
        ("NTFS times", [b"\x0a\0\x20\0".as_slice(), &[0; 32]].concat()),
        ("a second time", b"UT\x05\0\x01\0\0\0\0".to_vec()),
        ("second sizes", [b"\x01\0\x10\0".as_slice(), &[0xff; 16]].concat()),
        ("one byte", vec![0]),
    ];
    for (what, extra) in extras {
        for header in [0, 1] {
            let lied = good.lie(|member| member.extra[header].clone_from(&extra));
            quirks.push(quirk(&format!("{what} in header {header}"), lied, STRUCTURE));
        }
    }
    try_all(&good, &quirks);
}

#[test]
fn lying_sizes_and_streams_are_refused() {
    let good = Good::new();
    let fstab = &good.members[good.at("data/root/etc/fstab")];
    let packed = deflate(&fstab.bytes);
    let (crc, short, size) = (crc32fast::hash(&fstab.bytes), packed.len() as u64, fstab.bytes.len() as u64);
    let any: &[&str] =
        &["archive_structure", "member_damaged", "archive_headers_differ", "sealed_file_damaged"];
    let mut quirks = Vec::new();
    let claims = [
        (crc ^ 1, short, size),
        (crc, short, size + 1),
        (crc, short, size - 1),
        (crc, short, 0),
        (crc, short, u64::MAX),
        (crc, short, 1 << 40),
        (crc, short + 1, size),
        (crc, short - 1, size),
        (crc, u64::MAX, size),
        (crc, 0, size),
        (crc, u64::MAX - 100, u64::MAX),
        (0, 0, 0),
    ];
    for claim in claims {
        for (what, claims) in [
            ("record", [Some(claim), None]),
            ("descriptor", [None, Some(claim)]),
            ("both", [Some(claim), Some(claim)]),
        ] {
            quirks.push(quirk(
                &format!("{claim:?} in {what}"),
                good.lie(|member| member.claims = claims),
                any,
            ));
        }
    }
    // The truth in lengths, and a stream that is odd: bytes behind its end, none of its end, another content, a reserved
    // kind of block, a reach back before its beginning, a code without an end.
    let half = packed[..packed.len() / 2].to_vec();
    let streams = [
        [&packed[..], b"x"].concat(),
        [&packed[..], &packed].concat(),
        half,
        deflate(b"other"),
        vec![7],
        vec![],
        vec![0x73, 0x04, 0x62, 0],
        vec![0xff; 100],
        [&[0, 0, 0, 0xff, 0xff][..], &packed[..packed.len() - 2]].concat(),
    ];
    for stream in streams {
        let what = format!("a stream of {} bytes", stream.len());
        quirks.push(quirk(&what, good.lie(|member| member.packed = Some(stream)), DAMAGED));
    }
    try_all(&good, &quirks);
}

#[test]
fn a_lying_directory_is_refused() {
    let good = Good::new();
    let clear = good.archive();
    let end = clear.len() - 22;
    let word = |at: usize| u32::from_le_bytes(clear[at..at + 4].try_into().unwrap());
    let (bytes, start) = (word(end + 12), word(end + 16) as usize);
    let patched = |at: usize, new: &[u8]| {
        let mut patched = clear.clone();
        patched[at..at + new.len()].copy_from_slice(new);
        patched
    };
    let count = u16::from_le_bytes([clear[end + 10], clear[end + 11]]);
    let counted = |count: u16| patched(end + 8, &[count.to_le_bytes(), count.to_le_bytes()].concat());
    // The 64-bit records that ours have only where they must.
    let wide = |count: u64, bytes: u64, start: u64, versions: u32, narrow: &[u8]| {
        let mut wide = clear[..end].to_vec();
        wide.extend_from_slice(b"PK\x06\x06\x2c\0\0\0\0\0\0\0");
        wide.extend_from_slice(&versions.to_le_bytes());
        wide.extend_from_slice(&[0; 8]);
        [count, count, bytes, start].iter().for_each(|number| wide.extend_from_slice(&number.to_le_bytes()));
        wide.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        wide.extend_from_slice(&(end as u64).to_le_bytes());
        wide.extend_from_slice(&[1, 0, 0, 0]);
        wide.extend_from_slice(narrow);
        wide
    };
    let full = patched(end + 8, &[0xff; 12])[end..].to_vec();
    let (count64, bytes64, start64) = (u64::from(count), u64::from(bytes), start as u64);
    let comment =
        |comment: &[u8]| [&patched(end + 20, &(comment.len() as u16).to_le_bytes())[..], comment].concat();
    let mut shifted = good.members.clone();
    let fstab = good.at("data/root/etc/fstab");
    shifted[fstab + 1].offset = Some(0);
    let mut inside = good.members.clone();
    inside[fstab + 1].offset = Some(200);
    // Members quoted within another: the kernel of a bomb whose members overlap.
    let mut outer = Raw::new(&good.name("data/root/srv/outer"), archive(&good.members[..3]));
    outer.stored = true;
    let mut overlapping = good.members.clone();
    overlapping.insert(fstab, outer);
    overlapping[fstab + 1].offset = Some(900);
    let mut other = good.members.clone();
    other[fstab].bytes = b"another content".to_vec();
    let quirks = vec![
        quirk("bytes before", [b"#!/bin/sh\n", &clear[..]].concat(), STRUCTURE),
        quirk("an archive before", [&archive(&other)[..], &clear].concat(), STRUCTURE),
        quirk("an archive behind", [&clear[..], &archive(&other)].concat(), STRUCTURE),
        quirk("bytes behind", [&clear[..], b"\0"].concat(), STRUCTURE),
        quirk("two ends", [&clear[..], &clear[end..]].concat(), STRUCTURE),
        quirk("two directories", [&clear[..end], &clear[start..end], &clear[end..]].concat(), STRUCTURE),
        quirk("a comment", comment(b"hello"), STRUCTURE),
        quirk("a comment with an end", comment(&clear[end..]), STRUCTURE),
        quirk("no end", clear[..end].to_vec(), STRUCTURE),
        quirk("only an end", clear[end..].to_vec(), STRUCTURE),
        quirk("an empty archive", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(), &["tag_file"]),
        quirk("nothing", Vec::new(), STRUCTURE),
        quirk("one member less", counted(count - 1), STRUCTURE),
        quirk("one member more", counted(count + 1), STRUCTURE),
        quirk("65,535 members", counted(u16::MAX), STRUCTURE),
        quirk("a second disk", patched(end + 4, &[1, 0]), STRUCTURE),
        quirk("a directory at 0", patched(end + 16, &[0; 4]), STRUCTURE),
        quirk("a directory behind the end", patched(end + 16, &[0xfe, 0xff, 0xff, 0xff]), STRUCTURE),
        quirk("64 bits, and no record", patched(end + 8, &[0xff; 12]), STRUCTURE),
        quirk(
            "64-bit records that nobody needs",
            wide(count64, bytes64, start64, 0x2d_002d, &clear[end..]),
            STRUCTURE,
        ),
        quirk("64-bit records that disagree", wide(1, bytes64, start64, 0x2d_002d, &full), STRUCTURE),
        quirk("64-bit sizes beyond all", wide(u64::MAX, u64::MAX, u64::MAX, 0x2d_002d, &full), STRUCTURE),
        quirk(
            "so many members as no bundle has",
            wide(1 << 40, bytes64, start64, 0x2d_002d, &full),
            STRUCTURE,
        ),
        quirk(
            "64-bit records of another version",
            wide(count64, bytes64, start64, 0x3f_003f, &full),
            STRUCTURE,
        ),
        quirk("two members at one place", archive(&shifted), STRUCTURE),
        quirk("a member within a member", archive(&inside), STRUCTURE),
        quirk("a quoted member", archive(&overlapping), STRUCTURE),
        quirk(
            "a hidden member",
            good.with(Raw { hidden: true, ..Raw::new(&good.name("data/root/h"), "h") }),
            STRUCTURE,
        ),
        quirk("bytes between members", good.lie(|member| member.gap = b"smuggled".to_vec()), STRUCTURE),
        quirk(
            "out of order",
            archive(&{
                let mut m = good.members.clone();
                m.swap(fstab, fstab + 2);
                m
            }),
            &["entry_member"],
        ),
        quirk(
            "backwards",
            archive(&good.members.iter().rev().cloned().collect::<Vec<_>>()),
            &["member_order"],
        ),
    ];
    try_all(&good, &quirks);
}

/// A deflated stream of so many mebibytes of one byte.
fn bomb(mebibytes: usize, byte: u8) -> (Vec<u8>, (u32, u64, u64)) {
    let piece = vec![byte; 1 << 20];
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(1 << 16);
    compress.compress_vec(&piece, &mut block, FlushCompress::Full).unwrap();
    // Blocks end on whole bytes and do not reach back; the last one is empty.
    let mut packed = block.repeat(mebibytes);
    packed.extend_from_slice(&[3, 0]);
    let one = crc32fast::Hasher::new_with_initial_len(crc32fast::hash(&piece), 1 << 20);
    let mut all = crc32fast::Hasher::new();
    (0..mebibytes).for_each(|_| all.combine(&one));
    let claims = (all.finalize(), packed.len() as u64, (mebibytes as u64) << 20);
    (packed, claims)
}

#[test]
fn bombs_cost_time_in_proportion_and_neither_memory_nor_disk() {
    let good = Good::new();
    let long = is_long();
    let of = |name: &str, mebibytes: usize, byte: u8| {
        let (packed, claims) = bomb(mebibytes, byte);
        let mut raw = Raw::new(&good.name(name), "");
        (raw.packed, raw.claims) = (Some(packed), [Some(claims), Some(claims)]);
        raw
    };
    let size = if long { 10 << 10 } else { 96 };
    let in_place = |name: &str, byte: u8| {
        let mut members = good.members.clone();
        let at = good.at(name);
        members[at] = Raw { modified: members[at].modified, ..of(name, size, byte) };
        archive(&members)
    };
    let mut quirks = vec![
        quirk("evidence of zeros", good.with(of("data/root/bomb", size, 0)), &["entry_missing"]),
        quirk("an entry of blanks", in_place("entries/000001.json", b' '), &["entry_unreadable"]),
        quirk("a plan of brackets", in_place("plan.json", b'['), &["tag_file"]),
        quirk("a seal of digits", in_place("seal.json", b'1'), &["tag_file"]),
        quirk(
            "a list of newlines",
            in_place("manifest-sha256.txt", b'\n'),
            &["list_differs", "member_unlisted"],
        ),
        quirk("a signature of letters", in_place("seal.json.sig", b'A'), &["signature_bad"]),
    ];
    let mut claimed = of("data/root/bomb", 1, 0);
    claimed.claims = [Some((0, claimed.packed.as_ref().unwrap().len() as u64, 1 << 50)); 2];
    quirks.push(quirk("a petabyte, as it says", good.with(claimed), DAMAGED));
    for count in [65_535 - good.members.len(), 70_000] {
        let mut members = good.members[..2].to_vec();
        let many =
            (0..count).map(|n| Raw { stored: true, ..Raw::new(&good.name(&format!("data/root/{n}")), "") });
        members.extend(many);
        members.extend_from_slice(&good.members[2..]);
        let what = format!("{} members", members.len());
        quirks.push((what, archive(&members), &["entry_missing", "archive_structure"]));
    }
    let long_name = good.name(&format!("data/root/{}", "x".repeat(65_000)));
    let mut members = good.members.clone();
    members.extend((0..300).map(|_| Raw { stored: true, ..Raw::new(&long_name, "") }));
    quirks.push(quirk("twenty megabytes of names", archive(&members), STRUCTURE));
    try_all(&good, &quirks);
}
