//! Accounts and login records with any bytes.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::dice::is_long;
use crate::processes::{decoded, exact};
use crate::support::{Bundle, Desk, FakeHost, PHI_IR, entries};
use crate::workbench::measured;

/// Collects from a host, measured: the desk and the opened folder in it. Nothing that acts on a terminal is printed or lies in a table.
fn collected(host: &FakeHost, ids: &[&str]) -> (Desk, std::path::PathBuf) {
    let desk = Desk::new();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let mut words = ["collect", "--json", "-r", &desk.recipient, "--root"].map(str::to_owned).to_vec();
    words.extend([text(host.path()), "-o".into(), text(&desk.out()), "--sign-with".into()]);
    words.push(text(&desk.path("host.key")));
    words.extend(ids.iter().flat_map(|id| ["--only".to_owned(), (*id).to_owned()]));
    let ran = measured(desk.dir.path(), &[words]).remove(0);
    assert!([0, 3].contains(&ran.code), "{PHI_IR}: {ran:#?}");
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(acts) && !text.contains("\\xff\\xfe") && !text.contains("panicked"), "{text}");
    }
    let bundle = Bundle::of(&serde_json::from_str(&ran.stdout).unwrap());
    desk.verify(&bundle.sealed).run().code(0);
    let opened = desk.open(&bundle);
    let members = entries(&opened).iter().filter(|entry| entry["member"].is_string()).count() as u64;
    let said = format!("{} MiB, {:.1} s, {members} members\n", ran.mebibytes, ran.seconds);
    let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
    assert!(ran.mebibytes <= 64 + members / 1024, "{said}");
    assert!(ran.seconds < 120.0, "{said}");
    (desk, opened)
}

fn rows(opened: &std::path::Path, member: &str) -> Vec<Value> {
    let text = fs::read_to_string(opened.join("data").join(member)).unwrap();
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(acts), "{member} holds a character that acts");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn accounts_of_any_bytes_are_kept_exactly_and_no_home_is_hidden() {
    let mut host = FakeHost::new().file("/etc/hostname", "clinic-db\n").folder("/home");
    let mut passwd: Vec<u8> = b"root:x:0:0:root:/root:/bin/bash\n".to_vec();
    // Each of these homes has a history, which must be found.
    let homes: [(&[u8], &str); 15] = [
        (b"/var/data/phi/kept", "var/data/phi/kept"),
        (b"/srv/../srv/./up", "srv/up"),
        (b"srv/relative", "srv/relative"),
        (b"../../srv/above", "srv/above"),
        (b"/srv/nul\0/elsewhere", "srv/nul"),
        (b"/srv/esc\x1b[2J", "srv/esc\x1b[2J"),
        ("/srv/\u{202e}bidi".as_bytes(), "srv/\u{202e}bidi"),
        (b"/srv//double//", "srv/double"),
        (b"/srv/glob*[a-z]?{x,y}", "srv/glob*[a-z]?{x,y}"),
        (b"/srv/~", "srv/~"),
        (b"/srv/{home}", "srv/{home}"),
        (b"/srv/%h", "srv/%h"),
        (b"/srv/back\\slash", "srv/back\\slash"),
        (b"/", ""),
        (b"/srv/blank ", "srv/blank "),
    ];
    for (number, (field, path)) in homes.iter().enumerate() {
        passwd.extend_from_slice(
            &[b"u", number.to_string().as_bytes(), b":x:0:0::", field, b":/bin/sh\n"].concat(),
        );
        host = host.file(&format!("/{path}/.bash_history"), format!("whoami {path}\n"));
    }
    let mut names: Vec<Vec<u8>> =
        (1..=255_u8).filter(|byte| !b"\n:".contains(byte)).map(|byte| vec![byte]).collect();
    names.extend([b"\x1b]0;owned\x07".to_vec(), b"\xff\xfe".to_vec(), Vec::new(), b"a\0b".to_vec()]);
    for (number, name) in names.iter().enumerate() {
        let uid = (number * 16_843_010).to_string();
        let line = [name.as_slice(), b":x:", uid.as_bytes(), b":0:\x1b\xff::\n"];
        passwd.extend_from_slice(&line.concat());
    }
    passwd.extend_from_slice(b"toor:x:0:0::/root:/bin/sh\nbig:x:4294967295:1::/root:/bin/sh\n");
    passwd
        .extend_from_slice(b"bigger:x:99999999999999999999:1::/root:/bin/sh\nminus:x:-1:1::/root:/bin/sh\n");
    passwd.extend_from_slice(b"torn:x:10\nno fields at all\n:::::::::\n\0\n");
    passwd.extend_from_slice(
        &[b"long:x:7:7:", "g".repeat(1 << 20).as_bytes(), b":/srv/long:/bin/sh\n"].concat(),
    );
    host = host.file("/srv/long/.bash_history", "whoami long\n");
    let many = if is_long() { 10_000 } else { 4000 };
    for number in 0..many {
        passwd.extend_from_slice(format!("n{number}:x:{number}:1::/nowhere/n{number}:/bin/sh\n").as_bytes());
    }
    let shadow: Vec<u8> = passwd
        .split(|byte| *byte == b'\n')
        .flat_map(|line| {
            let name = line.split(|byte| *byte == b':').next().unwrap();
            [name, b":$6$salt$secrethash\xff\x1b:20000:0:99999:7:::\n"].concat()
        })
        .collect();
    let group = passwd.clone();
    let host = host
        .file("/etc/passwd", &passwd)
        .file("/etc/group", &group)
        .file("/etc/shadow", &shadow)
        .file("/etc/gshadow", "one line, and no fields \x1b[2J");
    let (_desk, opened) = collected(&host, &["accounts", "shell-history"]);
    for (name, bytes) in [("passwd", &passwd), ("group", &group)] {
        assert!(fs::read(opened.join("data/root/etc").join(name)).unwrap() == *bytes, "{name}");
    }
    let reduced = rows(&opened, "live/accounts/shadow.jsonl");
    let lines: Vec<usize> = shadow
        .split(|byte| *byte == b'\n')
        .zip(1..)
        .filter(|(line, _)| !line.is_empty())
        .map(|(_, at)| at)
        .collect();
    let told: Vec<usize> =
        reduced.iter().map(|row| usize::try_from(row["line"].as_u64().unwrap()).unwrap()).collect();
    assert_eq!(told, lines, "a row for each line");
    assert!(reduced.iter().all(|row| row["state"] == "usable" && row["algorithm"] == "sha512crypt"));
    let everything = fs::read_to_string(opened.join("data/live/accounts/shadow.jsonl")).unwrap();
    assert!(!everything.contains("secrethash"));
    let all = entries(&opened);
    let damaged = all.iter().find(|entry| entry["source"]["display"] == "homes").expect("damage is not told");
    assert_eq!(damaged["outcome"], "inconclusive");
    // What is copied, exactly as the host has it.
    let copied: Vec<Vec<u8>> = all
        .iter()
        .filter(|entry| entry["collector"] == "shell-history" && entry["member"].is_string())
        .map(|entry| fs::read(opened.join(entry["member"].as_str().unwrap())).unwrap())
        .collect();
    for path in homes.iter().map(|(_, path)| *path).chain(["long"]) {
        assert!(
            copied.contains(&format!("whoami {path}\n").into_bytes()),
            "the history of {path:?} was not found"
        );
    }
}

#[test]
fn a_shadow_or_accounts_file_that_is_too_long_is_told_as_cut() {
    let line = |number: usize| format!("user{number:08}:$6$salt$secrethash:20000:0:99999:7:::\n");
    let shadow: String = (0..400_000).map(line).collect();
    assert!(shadow.len() > 17 << 20);
    let passwd =
        format!("{}evil:x:0:0::/srv/evil:/bin/sh\n", "filler:x:1:1::/root:/bin/sh\n".repeat(620_000));
    assert!(passwd.len() > 16 << 20);
    let host =
        FakeHost::new().file("/etc/hostname", "h\n").file("/etc/shadow", shadow).file("/etc/passwd", passwd);
    let (_desk, opened) = collected(&host, &["accounts"]);
    let all = entries(&opened);
    let of = |source: &str, words: &str| {
        let told = |entry: &&Value| {
            entry["source"]["display"] == source
                && entry["reason"].as_str().is_some_and(|reason| reason.contains(words))
        };
        all.iter().find(told).unwrap_or_else(|| panic!("nothing says {words:?} of {source}")).clone()
    };
    assert_eq!(of("/etc/shadow", "longer than 16 MiB")["outcome"], "truncated");
    assert_eq!(of("homes", "longer than 16 MiB")["outcome"], "truncated");
    let reduced = rows(&opened, "live/accounts/shadow.jsonl");
    assert!(reduced.len() > 300_000 && reduced.iter().zip(1..).all(|(row, at)| row["line"] == at));
    assert!(reduced.iter().all(|row| row["last_change"] == "20000" && row["warn"] == "7"));
}

/// A number that follows from another, as good as chance.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// A record of utmp(5) on x86-64, plain or as odd as can be.
fn record(chance: &mut Chance, odd: bool) -> Vec<u8> {
    let field = |bytes: &[u8], length: usize| {
        let mut field = bytes[..bytes.len().min(length)].to_vec();
        field.resize(length, 0);
        field
    };
    let fields: [&[u8]; 6] = [
        b"alice\x1b]0;owned\x07",
        "\u{202e}ecila".as_bytes(),
        b"\xff\xfe\xc0",
        b"",
        b"root\0behind",
        b"\n{\"a\":1}",
    ];
    let mut text = |length: usize| match chance.next() % 8 {
        0 | 1 => chance.bytes(length),
        2 => vec![b'x'; length],
        number => field(fields[usize::try_from(number).unwrap() - 3 + usize::from(number == 7)], length),
    };
    let (line, user, host) = if odd {
        (text(32), text(32), text(256))
    } else {
        (field(b"pts/0", 32), field(b"alice", 32), field(b"192.0.2.7", 256))
    };
    let plain = 1_790_000_000 + i32::try_from(chance.next() % 1_000_000).unwrap();
    let (kind, seconds, micros) = if odd {
        let seconds = [-1, i32::MIN, i32::MAX, 0, plain][usize::try_from(chance.next() % 5).unwrap()];
        let kinds = [7, 8, -1, 10, i16::MAX, 0];
        (
            kinds[usize::try_from(chance.next() % 6).unwrap()],
            seconds,
            [-1, 5, i32::MAX][usize::try_from(chance.next() % 3).unwrap()],
        )
    } else {
        (7, plain, 5)
    };
    let mut record = kind.to_le_bytes().to_vec();
    record.extend([0, 0]);
    record.extend(1234_i32.to_le_bytes());
    record.extend(line);
    record.extend(b"ts/0");
    record.extend(user);
    record.extend(host);
    record.extend([0; 8]);
    record.extend(seconds.to_le_bytes());
    record.extend(micros.to_le_bytes());
    record.extend([192, 0, 2, 7]);
    record.resize(384, 0);
    record
}

/// Each record of the raw file is a row with its bytes, is counted in a run of zeros, or is one of those left out.
fn reconcile(raw: &[u8], rows: &[&Value], left_out: usize) {
    let by_offset: BTreeMap<u64, &&Value> =
        rows.iter().map(|row| (row["offset"].as_u64().unwrap(), row)).collect();
    assert_eq!(by_offset.len(), rows.len(), "an offset stands twice");
    let (mut zeros_until, mut found, mut missing) = (0, 0, 0);
    for (number, record) in raw.chunks_exact(384).enumerate() {
        let at = (number * 384) as u64;
        let Some(row) = by_offset.get(&at) else {
            missing += usize::from(at >= zeros_until);
            continue;
        };
        found += 1;
        if row["kind"] == "empty" && row["records"].is_u64() {
            zeros_until = at + row["records"].as_u64().unwrap() * 384;
            assert!(record.iter().all(|byte| *byte == 0));
            continue;
        }
        let number = |from: usize| i64::from(i32::from_le_bytes(record[from..from + 4].try_into().unwrap()));
        assert_eq!(row["type"], i16::from_le_bytes([record[0], record[1]]), "{row:#}");
        assert_eq!((row["seconds"].as_i64(), row["micros"].as_i64()), (Some(number(340)), Some(number(344))));
        for (column, from, length) in [("line", 8, 32), ("user", 44, 32), ("host", 76, 256)] {
            let field = &record[from..from + length];
            let text = field.split(|byte| *byte == 0).next().unwrap();
            assert_eq!(exact(row, column), text, "{row:#}");
            if field[text.len()..].iter().any(|byte| *byte != 0) {
                assert_eq!(decoded(row["raw_b64"].as_str().expect("no raw bytes")), record, "{row:#}");
            }
        }
    }
    assert_eq!((missing, found), (left_out, rows.len()));
}

#[test]
fn login_records_of_any_bytes_have_a_row_each_or_are_counted() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut wtmp: Vec<u8> = Vec::new();
    for number in 0..6000 {
        match number % 50 {
            20..23 => wtmp.extend([0; 384]),
            other => wtmp.extend(record(&mut chance, other % 3 == 0)),
        }
    }
    // The last one is cut.
    wtmp.extend(&record(&mut chance, false)[..100]);
    let btmp: Vec<u8> = (0..100_000).flat_map(|number| record(&mut chance, number % 4 == 0)).collect();
    let utmp: Vec<u8> = (0..30).flat_map(|number| record(&mut chance, number % 3 == 0)).collect();
    let host = FakeHost::new()
        .file("/etc/hostname", "h\n")
        .file("/var/log/wtmp", &wtmp)
        .file("/var/log/btmp", &btmp)
        .file("/run/utmp", &utmp)
        .file("/var/log/wtmp.1", chance.bytes(384 * 40));
    let (_desk, opened) = collected(&host, &["login-records"]);
    for (path, bytes) in [("var/log/wtmp", &wtmp), ("var/log/btmp", &btmp), ("run/utmp", &utmp)] {
        assert!(fs::read(opened.join("data/root").join(path)).unwrap() == *bytes, "{path}");
    }
    let table = rows(&opened, "view/login-records.jsonl");
    let of = |file: &str| table.iter().filter(|row| row["file"] == file).collect::<Vec<_>>();
    let entry = entries(&opened)
        .into_iter()
        .find(|entry| entry["member"] == "data/view/login-records.jsonl")
        .unwrap();
    let words = entry["reason"].as_str().unwrap().to_owned();
    assert_eq!(entry["outcome"], "truncated", "{entry:#}");
    let left_out: usize = words.split(' ').next().unwrap().parse().unwrap();
    reconcile(&wtmp, &of("/var/log/wtmp"), 0);
    reconcile(&utmp, &of("/run/utmp"), 0);
    reconcile(&btmp, &of("/var/log/btmp"), left_out);
    assert!(left_out > 10_000 && of("/var/log/btmp").len() > 10_000, "{left_out}");
    let sources = rows(&opened, "view/login-sources.jsonl");
    let source = |file: &str| sources.iter().find(|row| row["file"] == file).unwrap();
    assert_eq!(source("/var/log/wtmp")["records"], 6000);
    assert_eq!(source("/var/log/wtmp")["findings"]["trailing_bytes"], 100);
    assert_eq!(source("/var/log/btmp")["records"], 100_000);
    // What is nothing but noise is no record, and says so.
    assert_eq!(source("/var/log/wtmp.1")["outcome"], "inconclusive");
    assert!(of("/var/log/wtmp.1").is_empty());
}
