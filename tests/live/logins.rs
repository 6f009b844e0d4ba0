//! Login records beside the programs that have always read them. None of this needs root: the files lie in a folder
//! that is examined like an image.
//!
//! Known differences. `utmpdump` reads 384-byte records of its own machine's byte order only, and gives the address
//! 0.0.0.0 where there is none. `last` pairs logins with logouts and shows no DEAD and no LOGIN record; it reads
//! backwards in whole records from the end, so that one stray byte garbles all of them; its times are in seconds.
//! `sqlite3` shows what is committed; we also give what the log has taken away, with a flag.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, entries, phi, tool};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logins").join(name)).unwrap()
}

struct Collected {
    opened: PathBuf,
    gaps: Vec<Value>,
    _desk: Desk,
}

impl Collected {
    fn from(host: &FakeHost) -> Collected {
        let desk = Desk::new();
        let ran = desk.collect(host).args(["--only", "login-records"]).run();
        assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
        let document = ran.json();
        let gaps = document["gaps"].as_array().unwrap().clone();
        Collected { opened: desk.open(&Bundle::of(&document)), gaps, _desk: desk }
    }

    fn rows(&self, member: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.opened.join(member)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn of(&self, file: &str) -> Vec<Value> {
        let all = self.rows("data/view/login-records.jsonl");
        all.into_iter().filter(|row| row["file"] == file).collect()
    }

    fn source(&self, file: &str) -> Value {
        let all = self.rows("data/view/login-sources.jsonl");
        all.into_iter().find(|row| row["file"] == file).unwrap_or_else(|| panic!("no source {file}"))
    }

    #[track_caller]
    fn table_entry(&self) -> Value {
        let all = entries(&self.opened);
        let found = all.into_iter().find(|entry| entry["member"] == "data/view/login-records.jsonl");
        found.expect("no table")
    }
}

fn text<'v>(row: &'v Value, column: &str) -> &'v str {
    row[column].as_str().unwrap_or_default()
}

/// A wtmp of many sessions, written by `utmpdump -r`. The last field of a line is the time.
fn many(sessions: u32) -> Vec<u8> {
    let mut lines = String::new();
    for n in 0..sessions {
        let time = format!(
            "2026-03-{:02}T{:02}:{:02}:{:02},{:06}+00:00",
            1 + n / 1000,
            n / 60 % 24,
            n % 60,
            n % 60,
            n
        );
        let address =
            if n % 3 == 0 { format!("2001:db8::{n:x}") } else { format!("198.51.100.{}", n % 250 + 1) };
        for (kind, user) in [(7, format!("user{n}")), (8, String::new())] {
            lines += &format!(
                "[{kind}] [{:05}] [{:4}] [{user:8}] [{:12}] [{:20}] [{address:15}] [{time}]\n",
                1000 + n,
                format!("p{}", n % 100),
                format!("pts/{}", n % 100),
                format!("host{n}.example")
            );
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&input, lines).unwrap();
    let ran = tool("utmpdump", &["-r".as_ref(), "-o".as_ref(), output.as_ref(), input.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::read(output).unwrap()
}

/// The bracketed fields of a line of utmpdump, without the blanks that fill them up.
fn fields(line: &str) -> Vec<String> {
    line.split('[').skip(1).map(|field| field.rsplit_once(']').unwrap().0.trim_end().to_owned()).collect()
}

fn as_utmpdump(row: &Value) -> Vec<String> {
    let time = text(row, "time");
    // 2026-09-21T14:13:20.123456000Z against 2026-09-21T14:13:20,123456+00:00
    let part = |range| time.get::<std::ops::Range<usize>>(range).unwrap();
    let time = format!("{},{}+00:00", part(0..19), part(20..26));
    vec![
        row["type"].to_string(),
        format!("{:05}", row["pid"].as_i64().unwrap()),
        text(row, "id").trim_end().to_owned(),
        text(row, "user").to_owned(),
        text(row, "line").to_owned(),
        text(row, "host").to_owned(),
        row["address"].as_str().unwrap_or("0.0.0.0").to_owned(),
        time,
    ]
}

#[test]
fn every_record_is_as_utmpdump_prints_it() {
    let files = [
        ("/var/log/wtmp", many(1500)),
        ("/var/log/wtmp.1", fixture("wtmp-384-le")),
        ("/run/utmp", fixture("wtmp-384-le")),
    ];
    let host = files.iter().fold(FakeHost::new(), |host, (path, bytes)| host.file(path, bytes));
    let collected = Collected::from(&host);
    for (path, at_least) in [("/var/log/wtmp", 3000), ("/var/log/wtmp.1", 7), ("/run/utmp", 7)] {
        let theirs = tool("utmpdump", &[host.at(path).as_os_str()]);
        let theirs: Vec<Vec<String>> = theirs.stdout.lines().map(fields).collect();
        let ours: Vec<Vec<String>> = collected.of(path).iter().map(as_utmpdump).collect();
        assert!(theirs.len() >= at_least, "utmpdump gave {} rows", theirs.len());
        assert_eq!(ours.len(), theirs.len(), "{path}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{path}");
        }
    }
    // The table says what it was made of, and those entries hold exactly the files.
    let all = entries(&collected.opened);
    let made_of = collected.table_entry()["derived_from"].as_array().unwrap().clone();
    assert_eq!(made_of.len(), 3);
    let sources = collected.rows("data/view/login-sources.jsonl");
    for row in sources.iter().filter(|row| row["read"] == true) {
        assert!(made_of.contains(&row["entry"]));
        let entry = all.iter().find(|entry| entry["id"] == row["entry"]).unwrap();
        assert_eq!((entry["kind"].as_str(), &entry["source"]["display"]), (Some("copy"), &row["file"]));
    }
}

#[test]
fn every_login_that_last_and_lastb_print_is_a_record() {
    let host = FakeHost::new().file("/var/log/wtmp", many(500)).file("/var/log/btmp", many(400));
    let collected = Collected::from(&host);
    for (program, path, kind, at_least) in
        [("last", "/var/log/wtmp", "user", 500), ("lastb", "/var/log/btmp", "failed_login", 400)]
    {
        let file = host.at(path);
        let iso: [&OsStr; 7] = [
            "-w".as_ref(),
            "-x".as_ref(),
            "-i".as_ref(),
            "--time-format".as_ref(),
            "iso".as_ref(),
            "-f".as_ref(),
            file.as_ref(),
        ];
        let printed = tool(program, &iso);
        let rows: Vec<Vec<&str>> = printed
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect())
            .filter(|words: &Vec<&str>| words.len() > 4)
            .collect();
        let rows: Vec<&Vec<&str>> = rows.iter().filter(|words| words[0].starts_with("user")).collect();
        assert!(rows.len() >= at_least, "{program} gave {} rows", rows.len());
        let ours = collected.of(path);
        for words in rows {
            // last's times are in seconds of the zone that it runs in; here that is UTC.
            let found = ours.iter().any(|row| {
                let (seconds, same) = (text(row, "time").get(..19), row["kind"] == kind);
                same && row["user"] == words[0]
                    && row["line"] == words[1]
                    && row["address"] == words[2]
                    && seconds == words[3].get(..19)
            });
            assert!(found, "{program} prints what we have not: {words:?}");
        }
        assert_eq!(ours.iter().filter(|row| row["kind"] == kind).count(), at_least);
    }
}

#[test]
fn stray_bytes_and_wiped_records_cost_nothing_else_and_are_told() {
    let good = fixture("wtmp-384-le");
    let mut wiped = good[..768].to_vec();
    wiped.extend([0; 384]);
    wiped.extend(&good[1152..]);
    wiped.extend(b"stray");
    let host = FakeHost::new()
        .file("/var/log/wtmp", &wiped)
        .file("/var/log/wtmp.1.gz", "\x1f")
        .file("/var/log/btmp", [7; 500]);
    let collected = Collected::from(&host);
    let rows = collected.of("/var/log/wtmp");
    assert_eq!(rows.len(), 7);
    assert_eq!(
        (rows[2]["kind"].as_str(), &rows[2]["records"], &rows[2]["offset"]),
        (Some("empty"), &1.into(), &768.into())
    );
    assert_eq!(rows[2]["flags"][0], "wiped");
    let source = collected.source("/var/log/wtmp");
    assert_eq!((&source["findings"]["wiped"], &source["findings"]["trailing_bytes"]), (&1.into(), &5.into()));
    let entry = collected.table_entry();
    assert_eq!(
        (entry["outcome"].as_str(), entry["reason_code"].as_str()),
        (Some("collected"), Some("remarkable"))
    );
    assert!(
        text(&entry, "reason").contains("wiped: 1") && text(&entry, "reason").contains("consistent with")
    );
    for file in ["/var/log/wtmp.1.gz", "/var/log/btmp"] {
        assert_eq!(collected.source(file)["read"], false);
        let gap =
            collected.gaps.iter().find(|gap| gap["source"] == file && gap["reason_code"] == "not_parsed");
        assert!(gap.is_some(), "{file}: {:#?}", collected.gaps);
    }
}

#[test]
fn layouts_of_other_machines_give_the_same_rows() {
    let names = ["wtmp-384-le", "wtmp-400-le", "wtmp-384-be", "wtmp-400-be"];
    let host = names
        .iter()
        .fold(FakeHost::new(), |host, name| host.file(&format!("/var/log/wtmp-{name}"), fixture(name)));
    let collected = Collected::from(&host);
    let rows = names.map(|name| {
        let rows = collected.of(&format!("/var/log/wtmp-{name}"));
        assert!(rows.iter().all(|row| row["format"] == name.replace("wtmp", "utmp")));
        rows.iter().map(as_utmpdump).collect::<Vec<_>>()
    });
    assert_eq!(rows[0].len(), 7);
    assert!(rows.iter().all(|one| *one == rows[0]));
}

/// What `sqlite3 -json` prints of a copy of the file with what lies beside it.
fn by_sqlite(name: &str, query: &str) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        if let Ok(bytes) =
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/logins/{name}{end}")))
        {
            fs::write(dir.path().join(format!("{name}{end}")), bytes).unwrap();
        }
    }
    let file = dir.path().join(name);
    let ran = tool("sqlite3", &["-json".as_ref(), file.as_os_str(), query.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json().as_array().unwrap().clone()
}

#[test]
fn every_row_of_a_database_is_as_sqlite_has_it() {
    let names = [
        ("wtmpdb-512-utf-8.db", 301),
        ("wtmpdb-4096-utf-16le.db", 61),
        ("wtmpdb-1024-utf-16be.db", 61),
        ("wtmpdb-65536-utf-8.db", 61),
        ("wtmpdb-open.db", 40),
    ];
    let mut host = FakeHost::new().file("/var/lib/lastlog/lastlog2.db", fixture("lastlog2.db"));
    for (name, _) in names {
        host = host.file(&format!("/var/lib/wtmpdb/{name}"), fixture(name));
    }
    let host = host.file("/var/lib/wtmpdb/wtmpdb-open.db-wal", fixture("wtmpdb-open.db-wal"));
    let collected = Collected::from(&host);
    for (name, at_least) in names {
        let theirs = by_sqlite(name, "SELECT * FROM wtmp ORDER BY ID");
        assert!(theirs.len() >= at_least, "sqlite3 gave {} rows of {name}", theirs.len());
        let all = collected.of(&format!("/var/lib/wtmpdb/{name}"));
        let ours: Vec<&Value> = all
            .iter()
            .filter(|row| {
                row["flags"].as_array().is_none_or(|flags| !flags.contains(&"deleted_in_wal".into()))
            })
            .collect();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let columns = [
                ("rowid", "ID"),
                ("type", "Type"),
                ("user", "User"),
                ("line", "TTY"),
                ("host", "RemoteHost"),
                ("service", "Service"),
                ("logout_micros", "Logout"),
            ];
            for (own, their) in columns {
                assert_eq!(ours[own], theirs[their], "{name}: {own}");
            }
            let micros = ours["seconds"].as_i64().unwrap() * 1_000_000 + ours["micros"].as_i64().unwrap();
            assert_eq!(Some(micros), theirs["Login"].as_i64());
        }
        if name == "wtmpdb-open.db" {
            let ids = |wanted: &dyn Fn(&Value) -> bool| -> Vec<i64> {
                all.iter().filter(|row| wanted(row)).map(|row| row["rowid"].as_i64().unwrap()).collect()
            };
            assert_eq!(ids(&|row| row["wal"] == true), [40, 41], "changed, and new, in the log alone");
            assert_eq!(ids(&|row| row["flags"][0] == "deleted_in_wal"), [20]);
            assert_eq!(collected.source("/var/lib/wtmpdb/wtmpdb-open.db")["wal_committed"], 3);
        }
    }
    let theirs = by_sqlite("lastlog2.db", "SELECT * FROM Lastlog2 ORDER BY rowid");
    let ours = collected.of("/var/lib/lastlog/lastlog2.db");
    assert_eq!((theirs.len(), ours.len()), (2, 2));
    assert_eq!((&ours[0]["user"], &ours[0]["seconds"]), (&theirs[0]["Name"], &theirs[0]["Time"]));
    assert_eq!((text(&ours[1], "user"), text(&ours[1], "user_b64")), ("bob\\u{1b}[2J", "Ym9iG1sySg=="));
}

#[test]
fn a_lastlog_of_a_terabyte_costs_seconds_and_loses_nothing() {
    use std::os::unix::fs::FileExt as _;
    let record = |seconds: u32, line: &str, from: &str| {
        let mut bytes = seconds.to_le_bytes().to_vec();
        bytes.extend(line.as_bytes());
        bytes.resize(36, 0);
        bytes.extend(from.as_bytes());
        bytes.resize(292, 0);
        bytes
    };
    let host = FakeHost::new().file("/var/log/lastlog", record(1_790_000_000, "tty1", ""));
    let file = fs::File::options().write(true).open(host.at("/var/log/lastlog")).unwrap();
    let mut expected = vec![0];
    for uid in [1000_u64, 65_534, 1_600_000_123, 4_294_967_294] {
        file.write_all_at(&record(1_790_000_000, "pts/3", "203.0.113.9"), uid * 292).unwrap();
        expected.push(uid);
    }
    assert!(file.metadata().unwrap().len() > 1 << 40);
    let began = Instant::now();
    let collected = Collected::from(&host);
    assert!(began.elapsed() < Duration::from_secs(60));
    let rows = collected.of("/var/log/lastlog");
    let uids: Vec<u64> = rows.iter().map(|row| row["uid"].as_u64().unwrap()).collect();
    assert_eq!(uids, expected);
    assert!(rows.iter().all(|row| row["kind"] == "last_login" && row["format"] == "lastlog-292-le"));
    let extents = collected.rows("data/live/login-records/lastlog-extents.jsonl");
    let sealed: u64 = extents.iter().map(|row| row["length"].as_u64().unwrap()).sum();
    assert!((5 * 292..1 << 20).contains(&sealed), "{sealed} bytes");
    let loss: Vec<&Value> =
        collected.gaps.iter().filter(|gap| text(gap, "source").contains("/var/log/lastlog")).collect();
    // The copy step says that it left it, and to whom; not that there is nothing.
    let codes: Vec<&str> = loss.iter().map(|gap| text(gap, "reason_code")).collect();
    assert_eq!(codes, ["taken_otherwise"], "{loss:#?}");
    let all = entries(&collected.opened);
    let entry =
        all.iter().find(|entry| entry["member"] == "data/live/login-records/lastlog-extents.jsonl").unwrap();
    assert!(rows.iter().all(|row| row["entry"] == entry["id"]));
    assert_eq!(entry["outcome"], "collected");
}

#[test]
fn the_failures_of_a_user_are_those_that_faillock_prints() {
    let host = FakeHost::new().file("/run/faillock/daemon", fixture("faillock-le"));
    let collected = Collected::from(&host);
    let folder = host.at("/run/faillock");
    let printed =
        tool("faillock", &["--dir".as_ref(), folder.as_os_str(), "--user".as_ref(), "daemon".as_ref()]);
    let theirs: Vec<Vec<&str>> = printed
        .stdout
        .lines()
        .filter(|line| line.starts_with("20"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(theirs.len() >= 3, "{}", printed.stdout);
    let ours = collected.of("/run/faillock/daemon");
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let column = match theirs[2] {
            "RHOST" => "host",
            "TTY" => "line",
            _ => "service",
        };
        assert_eq!((text(ours, column), text(ours, "user")), (theirs[3], "daemon"));
        assert_eq!(text(ours, "time").get(..19), Some(format!("{}T{}", theirs[0], theirs[1]).as_str()));
    }
}

#[test]
fn no_file_at_all_is_no_empty_table() {
    let collected = Collected::from(&FakeHost::new().file("/etc/hostname", "x\n"));
    assert!(!collected.opened.join("data/view/login-records.jsonl").exists());
    let looked_for = collected.rows("data/view/login-sources.jsonl");
    assert!(looked_for.len() >= 6, "{looked_for:#?}");
    for row in &looked_for {
        assert_eq!((&row["read"], row["entry"].is_null()), (&false.into(), false), "{row:#}");
        assert!(["missing", "skipped"].contains(&text(row, "outcome")), "{row:#}");
    }
    let gap = collected.gaps.iter().find(|gap| text(gap, "reason").contains("there is no table of them"));
    assert_eq!(gap.unwrap()["outcome"], "inconclusive");
}

#[test]
fn a_file_that_was_refused_or_holds_nothing_stands_among_the_sources() {
    use std::os::unix::fs::PermissionsExt as _;
    if !crate::support::only_root("to be somebody else") {
        return;
    }
    let host = FakeHost::new()
        .file("/var/log/wtmp", many(20))
        .file("/var/log/btmp", many(20))
        .file("/var/log/faillog", "")
        .mode("/var/log/btmp", 0o600)
        .mode("/", 0o755);
    let desk = Desk::new();
    let everybody = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    everybody(desk.dir.path(), 0o755);
    everybody(&desk.out(), 0o1777);
    let ran = phi(["collect", "--quiet", "--json", "--only", "login-records", "-r", &desk.recipient])
        .args([OsStr::new("--root"), host.path().as_os_str(), "-o".as_ref(), desk.out().as_os_str()])
        .by_nobody()
        .run();
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let document = ran.json();
    let gaps = document["gaps"].as_array().unwrap().clone();
    let collected = Collected { opened: desk.open(&Bundle::of(&document)), gaps, _desk: desk };
    assert_eq!(collected.of("/var/log/wtmp").len(), 40);
    assert_eq!(collected.source("/var/log/wtmp")["outcome"], Value::Null);
    let refused = collected.source("/var/log/btmp");
    assert_eq!((&refused["read"], text(&refused, "outcome")), (&false.into(), "denied"));
    assert!(text(&refused, "reason").contains("permission denied"), "{refused:#}");
    let without_a_byte = collected.source("/var/log/faillog");
    assert_eq!((&without_a_byte["read"], text(&without_a_byte, "outcome")), (&false.into(), "inconclusive"));
    assert!(text(&without_a_byte, "reason").contains("holds no byte"), "{without_a_byte:#}");
    let table = collected.table_entry();
    assert_eq!(
        (text(&table, "outcome"), text(&table, "reason_code")),
        ("inconclusive", "permission"),
        "{table:#}"
    );
    assert!(text(&table, "reason").contains("/var/log/btmp (denied)"), "{table:#}");
    assert!(!text(&table, "reason").contains("faillog"), "{table:#}");
    let all = entries(&collected.opened);
    let sources = all.iter().find(|entry| entry["member"] == "data/view/login-sources.jsonl").unwrap();
    assert!(text(sources, "reason").contains("/var/log/btmp (denied)"), "{sources:#}");
}

#[test]
fn who_is_on_is_read_from_the_sealed_bytes_though_the_host_writes_on() {
    use std::os::unix::fs::FileExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};
    let host = FakeHost::new().file("/run/utmp", fixture("wtmp-384-le")).file("/var/log/btmp.1", "");
    // It takes its time to be sealed, between utmp's copy and its table.
    let slow = fs::File::options().write(true).open(host.at("/var/log/btmp.1")).unwrap();
    slow.set_len(384 << 20).unwrap();
    let utmp = fs::File::options().write(true).open(host.at("/run/utmp")).unwrap();
    let once = || {
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0_u32.. {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    // A login takes the first slot: the beginning of its user, never the same again.
                    utmp.write_all_at(format!("{round:05}").as_bytes(), 44).unwrap();
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            let collected = Collected::from(&host);
            ended.store(true, Ordering::Relaxed);
            collected
        })
    };
    let copy_of = |collected: &Collected| {
        let is_it = |entry: &&Value| entry["source"]["display"] == "/run/utmp" && entry["kind"] == "copy";
        entries(&collected.opened).iter().find(is_it).unwrap().clone()
    };
    // Seldom somebody writes in the very moment in which it is copied: then it is changed, and is said to be.
    let held_still = |collected: &Collected| copy_of(collected)["outcome"] == "collected";
    let collected = (0..5).map(|_| once()).find(held_still).expect("it was written to at each copying");
    let copy = copy_of(&collected);
    let sealed = fs::read(collected.opened.join(copy["member"].as_str().unwrap())).unwrap();
    assert_ne!(sealed, fs::read(host.at("/run/utmp")).unwrap(), "the host did not write on");
    let rows = collected.of("/run/utmp");
    assert_eq!(rows.len(), 7);
    assert_eq!(text(&rows[0], "user").as_bytes().get(..5), sealed.get(44..49));
    assert_eq!(collected.source("/run/utmp")["read"], true);
    let changed: Vec<&Value> = collected.gaps.iter().filter(|gap| gap["outcome"] == "changed").collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

#[test]
fn a_log_without_its_database_and_one_of_another_are_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wtmp.db");
    let script = "PRAGMA journal_mode=wal; CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT, Login INTEGER, \
        Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT); \
        INSERT INTO wtmp VALUES (1, 3, 'mallory', 1790000000000000, NULL, 'pts/0', '203.0.113.9', 'sshd');";
    let keep = ".dbconfig no_ckpt_on_close on";
    let ran = tool("sqlite3", &["-cmd".as_ref(), keep.as_ref(), file.as_os_str(), script.as_ref()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let wal = fs::read(dir.path().join("wtmp.db-wal")).unwrap();
    let host = FakeHost::new()
        .file("/var/lib/wtmpdb/wtmp.db", "")
        .file("/var/lib/wtmpdb/wtmp.db-wal", &wal)
        .file("/var/lib/wtmpdb/other.db", fixture("wtmpdb-open.db"))
        .file("/var/lib/wtmpdb/other.db-wal", [7; 5000]);
    let collected = Collected::from(&host);
    let log = "/var/lib/wtmpdb/wtmp.db-wal";
    let rows = collected.of(log);
    assert_eq!((rows.len(), text(&rows[0], "user"), &rows[0]["wal"]), (1, "mallory", &true.into()));
    assert_eq!(collected.source(log)["findings"]["log_without_database"], 1);
    assert!(collected.of("/var/lib/wtmpdb/other.db").len() >= 40);
    let damaged = "/var/lib/wtmpdb/other.db-wal";
    assert_eq!(collected.source(damaged)["read"], false);
    assert!(
        text(&collected.source("/var/lib/wtmpdb/other.db"), "reason").contains("none of this database's")
    );
    assert!(collected.gaps.iter().any(|gap| gap["source"] == damaged && gap["reason_code"] == "not_parsed"));
}
