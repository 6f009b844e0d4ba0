//! `logins`

use std::ffi::OsStr;

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, Phi, Ran, entries, phi};

// As one machine logged them (fixtures/README.md).
const AUDIT: &[u8] = include_bytes!("../../fixtures/sessions/audit.log");
const TEXT: &[u8] = include_bytes!("../../fixtures/sessions/auth.log");
const WTMP: &[u8] = include_bytes!("../../fixtures/sessions/wtmp");
const BTMP: &[u8] = include_bytes!("../../fixtures/sessions/btmp");
const BERLIN: &[u8] = include_bytes!("../../fixtures/auth/zone-berlin");

fn host() -> FakeHost {
    FakeHost::small()
        .file("/var/log/audit/audit.log", AUDIT)
        .file("/var/log/auth.log", TEXT)
        .file("/var/log/wtmp", WTMP)
        .file("/var/log/btmp", BTMP)
}

fn logins(evidence: &[&OsStr], args: &[&str]) -> Phi {
    phi(["logins"]).args(evidence).args(args)
}

fn in_root(host: &FakeHost, args: &[&str]) -> Phi {
    logins(&["--root".as_ref(), host.path().as_os_str()], args)
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn row<'r>(rows: &'r [Value], by: &str, name: &str) -> &'r Value {
    let is_it = |row: &&Value| row["by"] == by && row["name"]["text"] == name;
    rows.iter().find(is_it).unwrap_or_else(|| panic!("no row of {by} {name}"))
}

#[test]
fn connections_tries_and_records_are_three_figures() {
    let ran = in_root(&host(), &[]).run().code(0);
    let rows = rows(&ran);
    let alice = row(&rows, "account", "alice");
    assert_eq!(alice["connections"], 2);
    let rejected: u64 =
        alice["rejected"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let accepted: u64 =
        alice["accepted"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((rejected, accepted), (2, 1));
    assert_eq!((&alice["records"]["btmp"], &alice["records"]["text_failed"]), (&2.into(), &1.into()));
    assert!(alice["records"]["audit_user_auth_failed"].as_u64() > Some(0));
    assert_eq!(row(&rows, "account", "mallory")["unknown_user"], true);
    assert_eq!(row(&rows, "source", "127.0.0.1")["connections"], 4);
    ran.says("auth.log: 2026-11-23 02:33:46 UTC to 2026-11-23 02:34:07 UTC")
        .says("btmp: ")
        .says("not read: journal");
}

#[test]
fn a_session_is_joined_from_all_logs_and_says_where_each_column_stands() {
    let ran = in_root(&host(), &["--sessions"]).run().code(0);
    let rows = rows(&ran);
    let of = |user: &str, pid: u64| {
        let found = rows.iter().find(|row| row["user"]["text"] == user && row["pid"] == pid);
        found.unwrap_or_else(|| panic!("no session of {user}")).clone()
    };
    let alice = of("alice", 26126);
    assert_eq!((&alice["label"], &alice["terminal"]["text"]), (&"A2".into(), &"pts/0".into()));
    let sources: Vec<&Value> =
        alice["evidence"].as_array().unwrap().iter().map(|evidence| &evidence["source"]).collect();
    for source in ["audit", "text", "login_records"] {
        assert!(sources.contains(&&source.into()), "{source}");
    }
    let bob = of("bob", 26104);
    assert_eq!(bob["key_kind"]["text"], "ED25519");
    // As it was typed: the audit log has that, and the text the whole path.
    assert_eq!(bob["elevations"][0]["command"]["text"], "true");
    assert!(bob.get("terminal").is_none());
    let only = in_root(&host(), &["--sessions", "--user", "bob", "--format", "table"]).run().code(0).stdout;
    assert_eq!(only.lines().count(), 2, "{only}");
    let none = in_root(&host(), &["--sessions", "--addr", "192.0.2.99"]).run().code(3);
    assert_eq!(none.stdout, "");
    none.says("no session was found").says("not read: journal").says("read: [");
}

#[test]
fn a_bundle_and_plain_files_answer_as_the_root_does() {
    let desk = Desk::new();
    let host = host();
    let bundle = Bundle::of(&desk.collect(&host).run().json());
    let key = desk.path("officer.key");
    let counts = |evidence: &[&OsStr]| {
        let ran = logins(evidence, &["--format", "csv"]).run().code(0);
        ran.stdout.clone()
    };
    let of_root = counts(&["--root".as_ref(), host.path().as_os_str()]);
    assert_eq!(counts(&[bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()]), of_root);
    let opened = desk.open(&bundle);
    assert_eq!(counts(&[opened.as_os_str()]), of_root);
    let files =
        ["--audit", "/var/log/audit/audit.log", "--auth", "/var/log/auth.log", "--btmp", "/var/log/btmp"];
    let paths: Vec<_> = files
        .iter()
        .map(|word| match word.strip_prefix('/') {
            Some(_) => host.at(word).into_os_string(),
            None => (*word).into(),
        })
        .collect();
    let paths: Vec<&OsStr> = paths.iter().map(AsRef::as_ref).collect();
    assert_eq!(counts(&paths), of_root);
}

#[test]
fn a_window_that_the_logs_do_not_reach_is_told_and_ends_with_3() {
    let host = host();
    let inside = ["--since", "2026-11-23 02:33:53", "--until", "2026-11-23 02:33:58"];
    let rows = rows(&in_root(&host, &inside).run());
    assert!(!rows.iter().any(|row| row["name"]["text"] == "alice"));
    assert_eq!(row(&rows, "account", "mallory")["records"]["btmp"], 3);
    in_root(&host, &["--since", "2026-11-01"])
        .run()
        .code(3)
        .says("nothing is known of: 2026-11-01 00:00:00 UTC to");
}

#[test]
fn a_name_that_may_be_a_password_is_masked_unless_asked_for() {
    let line = "2026-11-23T02:33:53.482653+00:00 vm sshd[25966]: Failed password for invalid user Sommer2026! from 192.0.2.7 port 33874 ssh2\n";
    let host = FakeHost::small().file("/var/log/auth.log", line);
    let masked = in_root(&host, &[]).run().code(0);
    assert!(!masked.stdout.contains("Sommer") && !masked.stdout.contains("U29tbWVy"), "{}", masked.stdout);
    let shown = masked.says("1 name masked").says("--show-masked");
    assert!(shown.stdout.contains("\"masked\":true"));
    let asked = in_root(&host, &["--show-masked", "--by", "account"]).run().code(0);
    assert!(asked.stdout.contains("Sommer2026!"));
    assert!(!asked.stdout.contains("\"by\":\"source\""));
}

#[test]
fn a_classic_log_is_of_the_zone_of_its_host_or_the_one_that_is_named() {
    let line = "Nov 21 20:19:48 vm sshd[5]: Failed password for alice from 192.0.2.7 port 33874 ssh2\n";
    let host = FakeHost::small().file("/var/log/auth.log", line);
    let alone = FakeHost::small().file("/var/log/auth.log", line).file("/etc/localtime", BERLIN);
    let hour = |host: &FakeHost, args: &[&str]| {
        let ran = in_root(host, args).args(["--user", "alice"]).run().code(0);
        let first = rows(&ran)[0]["first"].as_str().unwrap()[5..16].to_owned();
        (first, ran)
    };
    let (utc, ran) = hour(&host, &[]);
    assert_eq!(utc, "11-21T20:19");
    ran.says("years inferred").says("name it with --zone");
    let (berlin, ran) = hour(&alone, &[]);
    assert_eq!(berlin, "11-21T19:19");
    ran.says("/etc/localtime");
    assert_eq!(hour(&alone, &["--zone", "-05:00"]).0, "11-22T01:19");
    in_root(&host, &["--zone", "../x"]).run().code(2).says("hint:");
}

// Written from documentation (sshd(8)): a server that listens on IPv6 logs an address of IPv4 within it, and one of a link
// with its zone.
const WITHIN: &str = "\
2026-11-23T02:33:53.482653+00:00 vm sshd[25966]: Accepted password for alice from ::ffff:203.0.113.66 port 33874 ssh2
2026-11-23T02:34:53.482653+00:00 vm sshd[25970]: Failed password for bob from fe80::1%eth0 port 33875 ssh2
";

#[test]
fn an_address_is_found_however_it_is_written() {
    let host = FakeHost::small().file("/var/log/auth.log", WITHIN);
    let log = host.at("/var/log/auth.log");
    let of = |args: &[&str]| logins(&["--auth".as_ref(), log.as_os_str()], args).run().code(0);
    let mapped = of(&["--addr", "203.0.113.66"]);
    let found = rows(&mapped);
    assert_eq!(row(&found, "account", "alice")["connections"], 1);
    assert!(!found.iter().any(|row| row["name"]["text"] == "bob"), "{found:#?}");
    mapped.says(" rows of tries to log in (all times)");
    assert_eq!(rows(&of(&["--sessions", "--addr", "203.0.113.66"])).len(), 1);
    for zone in ["fe80::1%eth0", "FE80:0::1", "fe80::1%2"] {
        row(&rows(&of(&["--addr", zone])), "account", "bob");
    }
    phi(["timeline", "--auth"]).args([&log]).args(["--addr", "fe80::1%eth0"]).run().says("1 dated fact");
}

#[test]
fn signs_of_wiping_are_rows_and_warnings() {
    let wiped = [WTMP, &[0; 384], WTMP].concat();
    let host = host().file("/var/log/wtmp", wiped);
    let ran = in_root(&host, &["--sessions"]).run();
    assert!(rows(&ran).iter().any(|row| row["sign"] == "wiped" && row["count"] == 1), "{}", ran.stdout);
    in_root(&host, &["--format", "table"]).run().says("wiped, 1; wiping leaves this");
}

#[test]
fn every_form_is_made_of_the_same_rows() {
    let host = host();
    let form = |form: &str| in_root(&host, &["--format", form]).run().code(0).stdout;
    assert!(form("csv").starts_with("by,name,connections,accepted,rejected,records,"));
    assert!(form("table").starts_with("BY"));
    let syslog = form("syslog");
    assert!(syslog.lines().all(|line| line.contains(" login [phi-ir@32473 ")), "{syslog}");
    assert!(syslog.contains("op=\"failed\" outcome=\"failure\" user=\"mallory\""), "{syslog}");
    let ecs = form("ecs");
    assert!(ecs.contains("\"dataset\":\"phi_ir.login\"") && !ecs.contains("\"source\":{"), "{ecs}");
}

#[test]
fn without_any_evidence_there_is_no_answer() {
    phi(["logins"]).run().code(2).says("no evidence was named").says("--auth FILE");
}

#[test]
fn both_views_are_sealed_of_what_passed_and_name_what_they_are_made_of() {
    let desk = Desk::new();
    let opened = desk.open(&Bundle::of(&desk.collect(&host()).run().json()));
    let view = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(opened.join("data/view").join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let sessions = view("sessions.jsonl");
    let alice = sessions.iter().find(|row| row["user"]["text"] == "alice" && row["pid"] == 26126).unwrap();
    assert_eq!(
        (&alice["terminal"]["text"], &alice["address"]["text"]),
        (&"pts/0".into(), &"127.0.0.1".into())
    );
    // Without a terminal, and joined from the audit log and the text.
    let is_bare = |row: &&Value| row["label"] == "A2" && !row["terminal"]["text"].to_string().contains("pts");
    assert!(sessions.iter().any(|row| is_bare(&row)), "{sessions:#?}");
    let logins = view("logins.jsonl");
    let mallory = row(&logins, "account", "mallory");
    assert!(mallory["records"]["audit_user_auth_failed"].as_u64() > Some(0), "{mallory}");
    assert_eq!((&mallory["records"]["btmp"], &mallory["unknown_user"]), (&3.into(), &true.into()));
    let entries = entries(&opened);
    for name in ["data/view/sessions.jsonl", "data/view/logins.jsonl"] {
        let entry = entries.iter().find(|entry| entry["member"] == name).unwrap();
        assert!(entry["derived_from"].as_array().unwrap().len() >= 2, "{entry}");
        let words = entry["reason"].to_string();
        assert!(words.contains("made of 1 audit log"), "{words}");
    }
}

/// Written from documentation (RFC 3164, 4.1.2): a boot before the clock was set, and a line without a form.
#[test]
fn what_is_in_doubt_in_the_sealed_views_is_told_with_them() {
    let lines = ["Nov 10 10:00:00 h", "Jan  1 00:00:05 h", "Nov 10 10:01:00 h"];
    let lines =
        lines.map(|line| format!("{line} sshd[7]: Failed password for alice from 192.0.2.7 port 9 ssh2\n"));
    let host = host().file("/var/log/auth.log", lines.concat() + "no form\n").file("/var/log/wtmp.1", WTMP);
    let desk = Desk::new();
    let entries = entries(&desk.open(&Bundle::of(&desk.collect(&host).run().json())));
    let words = |name: &str| {
        let entry = entries.iter().find(|entry| entry["member"] == name).unwrap();
        entry["reason"].to_string()
    };
    for words in [words("data/view/sessions.jsonl"), words("data/view/logins.jsonl")] {
        assert!(words.contains("text logs: not understood: 1 line;"), "{words}");
        assert!(words.contains("text logs: 1 line lies more than 30 days aside"), "{words}");
    }
    let sessions = words("data/view/sessions.jsonl");
    assert!(sessions.contains("of wtmp that an earlier file held as well, counted once"), "{sessions}");
}

#[test]
fn a_sparse_lastlog_of_two_gigabytes_is_read_in_little_room_and_time() {
    use std::os::unix::fs::FileExt as _;
    // The last account that has a record in it. glibc, bits/utmp.h: time, line, host.
    let (length, uid) = (2_u64 << 30, (2_u64 << 30) / 292 - 1);
    let mut record = 1_790_000_000_u32.to_ne_bytes().to_vec();
    record.extend(b"pts/3");
    record.resize(36, 0);
    record.extend(b"203.0.113.9");
    record.resize(292, 0);
    let host = FakeHost::small().file("/var/log/lastlog", "");
    let file = std::fs::File::options().write(true).open(host.at("/var/log/lastlog")).unwrap();
    file.set_len(length).unwrap();
    file.write_all_at(&record, uid * 292).unwrap();
    let (desk, began) = (Desk::new(), std::time::Instant::now());
    // Less than it is long.
    let ran = desk.collect(&host).args(["--only", "login-records"]).within_kib(1 << 20).run();
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let opened = desk.open(&Bundle::of(&ran.json()));
    let table = std::fs::read_to_string(opened.join("data/view/login-records.jsonl")).unwrap();
    let rows: Vec<Value> = table.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<&Value> = rows.iter().filter(|row| row["file"] == "/var/log/lastlog").collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!((&rows[0]["uid"], &rows[0]["line"]), (&uid.into(), &"pts/3".into()));
}

/// Written from documentation (logrotate(8), gzip(1)): copies, whose times are those of the copying.
#[test]
fn the_name_of_a_file_its_header_and_its_rotation_say_of_which_year_its_lines_are() {
    let line = |day: &str, user: &str| {
        format!("{day} 10:00:00 srv sshd[1]: Accepted password for {user} from 10.0.0.1 port 1 ssh2\n")
    };
    // A gzip member that is stored, of 2025-01-12 (RFC 1951, 3.2.4; RFC 1952, 2.3); without its sum it is not whole.
    let text = line("Jan  9", "erin");
    let size = u16::try_from(text.len()).unwrap();
    let header = [&b"\x1f\x8b\x08\0"[..], &1_736_640_000_u32.to_le_bytes(), b"\0\x03\x01"].concat();
    let packed = [&header[..], &size.to_le_bytes(), &(!size).to_le_bytes(), text.as_bytes()].concat();
    let host = FakeHost::small()
        .file("/secure-20250112", line("Jan 11", "alice"))
        .file("/auth.log", line("Dec 21", "bob") + &line("Jan 18", "bob"))
        .file("/auth.log.1", line("Nov 25", "carol") + &line("Dec 20", "carol"))
        .file("/auth.log.2", line("Feb 25", "dave") + &line("Nov 20", "dave"))
        .file("/other.log.gz", packed);
    let paths = ["/secure-20250112", "/auth.log", "/auth.log.1", "/auth.log.2", "/other.log.gz"];
    let paths = paths.map(|path| host.at(path));
    let mut evidence: Vec<&OsStr> = vec!["--auth".as_ref()];
    evidence.extend(paths.iter().map(|path| path.as_os_str()));
    let sessions = rows(&logins(&evidence, &["--sessions"]).run());
    let year = |row: &Value| row["start"].as_str().unwrap()[..4].parse::<i32>().unwrap();
    let of = |user: &str| {
        let mut years: Vec<i32> =
            sessions.iter().filter(|row| row["user"]["text"] == user).map(year).collect();
        years.sort_unstable();
        years
    };
    assert_eq!((of("alice"), of("erin")), (vec![2025], vec![2025]));
    let newest = of("bob")[1];
    assert_eq!(of("bob"), [newest - 1, newest]);
    assert_eq!((of("carol"), of("dave")), (vec![newest - 1; 2], vec![newest - 1; 2]));
    let told = phi(["timeline", "--format", "jsonl"]).args(&evidence).run().stdout;
    let mut facts: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["time"].as_str().unwrap()[..19].to_owned())
        .collect();
    let mut starts: Vec<String> =
        sessions.iter().map(|row| row["start"].as_str().unwrap()[..19].to_owned()).collect();
    facts.sort();
    starts.sort();
    assert_eq!(facts, starts);
}

/// Written from documentation: a hole, as a crash leaves it, and a line that is longer than any.
#[test]
fn a_login_behind_a_hole_is_there_and_a_line_that_is_too_long_is_told() {
    let line = |user: &str| {
        format!("2026-11-21T10:00:00Z srv sshd[1]: Accepted password for {user} from 10.0.0.1 port 1 ssh2\n")
    };
    let log = [
        line("alice").as_bytes(),
        &vec![0; 3_000_000],
        line("bob").as_bytes(),
        &vec![b'x'; 2_000_000],
        b"\n",
        line("carol").as_bytes(),
    ]
    .concat();
    let host = FakeHost::small().file("/var/log/auth.log", log);
    let path = host.at("/var/log/auth.log");
    let evidence = ["--auth".as_ref(), path.as_os_str()];
    let ran = logins(&evidence, &["--sessions"]).run().says("not understood: 1 line");
    assert_eq!(rows(&ran).len(), 3);
    let ran = phi(["timeline", "--format", "jsonl"]).args(evidence).run().says("not understood: 1");
    assert_eq!(ran.stdout.lines().count(), 3);
}

/// Written from documentation (RFC 3164, 4.1.2): classic lines, one of a clock that was wrong.
#[test]
fn a_line_of_another_time_moves_no_login_and_is_told() {
    let line = |day: &str, words: &str| format!("{day} srv sshd[1]: {words}\n");
    let accepted = "Accepted password for alice from 10.0.0.1 port 1 ssh2";
    let log = line("Mar  3 10:00:00", accepted)
        + &line("Jan  1 00:00:05", "Server listening on 0.0.0.0 port 22.")
        + &line("Mar  4 10:00:00", accepted);
    let host = FakeHost::small().file("/var/log/auth.log", log);
    let path = host.at("/var/log/auth.log");
    let evidence = ["--auth".as_ref(), path.as_os_str()];
    let ran = logins(&evidence, &["--sessions"]).run().says("1 line lies more than 30 days aside");
    let years: Vec<String> =
        rows(&ran).iter().map(|row| row["start"].as_str().unwrap()[..4].to_owned()).collect();
    assert_eq!((years.len(), &years[0]), (2, &years[1]));
    phi(["timeline"]).args(evidence).run().says("1 line lies more than 30 days aside");
}

/// The same records under two names, and a file that is named twice.
#[test]
fn a_session_of_wtmp_that_two_files_tell_of_is_one() {
    let host = host().file("/var/log/wtmp.1", WTMP);
    let of = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| host.at(name)).collect();
        let mut evidence: Vec<&OsStr> = vec!["--wtmp".as_ref()];
        evidence.extend(paths.iter().map(|path| path.as_os_str()));
        logins(&evidence, &["--sessions"]).run()
    };
    let one = of(&["/var/log/wtmp"]);
    assert!(!rows(&one).is_empty());
    assert_eq!(of(&["/var/log/wtmp", "/var/log/wtmp"]).stdout, one.stdout);
    let two = of(&["/var/log/wtmp", "/var/log/wtmp.1"]).says("that an earlier file held as well");
    assert_eq!(rows(&two).len(), rows(&one).len());
}

/// Packed, and cut off by a full disk.
#[test]
fn what_is_left_of_a_packed_file_of_logins_is_told() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    for at in 0..30 {
        encoder.write_all(&super::timeline::wtmp(&format!("user{at}"), 1_795_200_000 + at)).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let sessions = |bytes: &[u8]| {
        let host = FakeHost::small().file("/var/log/wtmp.1.gz", bytes);
        let path = host.at("/var/log/wtmp.1.gz");
        logins(&["--wtmp".as_ref(), path.as_os_str()], &["--sessions"]).run()
    };
    let whole = rows(&sessions(&packed).code(0)).len();
    let cut = sessions(&packed[..packed.len() * 2 / 3]).code(0);
    let left = rows(&cut);
    assert!(!left.is_empty() && left.len() < whole, "{} of {whole}", left.len());
    assert!(left.iter().all(|row| row["kind"] != "sign"), "{left:#?}");
    cut.says("wtmp.1.gz: NOT ALL READ: ");
}

#[test]
fn who_names_files_is_not_told_that_others_are_missing() {
    let host = host();
    let auth = host.at("/var/log/auth.log");
    let window = ["--since", "2026-11-23 02:33:50", "--until", "2026-11-23 02:34:00"];
    logins(&["--auth".as_ref(), auth.as_os_str()], &window).run().code(0).says("not read: audit");
    let odd = logins(&["--auth".as_ref(), auth.as_os_str()], &["--user", "4711"]).run();
    odd.code(3).says("--user 4711: which name that is, is not known here");
    logins(&["--auth".as_ref(), auth.as_os_str()], &["--user", "unset"]).run().code(2);
}

/// Written from documentation (RFC 5424): programs that are not understood here may let people in too.
#[test]
fn lines_of_programs_that_are_not_understood_are_counted_by_program() {
    let line = |tag: &str| {
        format!("2026-11-23T02:33:53.482653+00:00 vm {tag}: login: user=<alice>, rip=192.0.2.7\n")
    };
    let many: String = (0..30).map(|number| line(&format!("p{number:02}"))).collect();
    let text = [WITHIN.to_owned(), line("dovecot").repeat(7), line("vsftpd[5]").repeat(3), many].concat();
    let host =
        FakeHost::small().file("/var/log/auth.log", &text).file("/var/log/auth.log.1", line("dovecot"));
    let (log, old) = (host.at("/var/log/auth.log"), host.at("/var/log/auth.log.1"));
    let evidence = ["--auth".as_ref(), log.as_os_str(), old.as_os_str()];
    let words =
        "41 lines of text logs, of programs that are not understood here: dovecot 8, vsftpd 3, p00 1,";
    logins(&evidence, &["--user", "nobody-of-that-name"]).run().says(words).says("others 12");
    phi(["timeline"]).args(evidence).run().says(words);
    // Beside an answer as well.
    logins(&evidence, &[]).run().code(0).says(words);
}

/// Written from documentation (OpenSSH, auth.c): a name may be empty.
#[test]
fn tries_without_a_name_are_a_row_of_accounts_and_an_event() {
    let line = "2026-11-23T02:33:53.482653+00:00 vm sshd[25966]: Invalid user  from 192.0.2.7 port 33874\n";
    let host = FakeHost::small().file("/var/log/auth.log", line);
    let log = host.at("/var/log/auth.log");
    let of = |args: &[&str]| logins(&["--auth".as_ref(), log.as_os_str()], args).run().code(0);
    let rows = rows(&of(&["--by", "account"]));
    let [nameless] = rows.as_slice() else { panic!("{rows:#?}") };
    assert_eq!((&nameless["by"], &nameless["records"]["text_invalid_user"]), (&"account".into(), &1.into()));
    assert!(nameless.get("name").is_none() && nameless.get("masked").is_none(), "{nameless:#}");
    let told = of(&["--format", "syslog"]).stdout;
    assert!(told.contains("op=\"text_invalid_user\"") && !told.contains("user=\""), "{told}");
    assert!(of(&["--format", "ecs"]).stdout.contains("\"id\":\"logins/account/text_invalid_user/\""));
}

#[test]
fn what_was_accepted_and_what_failed_are_two_events_with_times_and_names_of_their_own() {
    let line = |day: u32, words: &str| {
        let words = format!("{words} password for root from 192.0.2.7 port {day} ssh2");
        format!("2026-11-{day:02}T02:33:53+00:00 vm sshd[{day}]: {words}\n")
    };
    let log = line(1, "Failed") + &line(2, "Failed") + &line(20, "Accepted");
    let host = FakeHost::small().file("/var/log/auth.log", log);
    let path = host.at("/var/log/auth.log");
    let told = logins(&["--auth".as_ref(), path.as_os_str()], &["--format", "ecs"]).run().code(0).stdout;
    let events: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let days: Vec<(&str, &str)> = events
        .iter()
        .map(|event| (event["event"]["id"].as_str().unwrap(), &event["@timestamp"].as_str().unwrap()[..10]))
        .collect();
    let expected =
        [("logins/account/accepted/root", "2026-11-20"), ("logins/account/failed/root", "2026-11-01")];
    assert_eq!(days, expected);
}

#[test]
fn a_window_wholly_outside_of_the_logs_is_told_and_ends_with_3() {
    let host = FakeHost::small().file("/var/log/auth.log", WITHIN);
    let log = host.at("/var/log/auth.log");
    let of = |args: &[&str]| logins(&["--auth".as_ref(), log.as_os_str()], args).run();
    for kind in [&[][..], &["--sessions"]] {
        of(&[kind, &["--since", "2026-11-24"]].concat())
            .code(3)
            .says("nothing is known of: since 2026-11-24 00:00:00 UTC: ")
            .says(" end before, 2026-11-23 02:34:53 UTC");
        of(&[kind, &["--until", "2026-11-22"]].concat())
            .code(3)
            .says("nothing is known of: until 2026-11-22 23:59:59 UTC: ")
            .says(" begin later, 2026-11-23 02:33:53 UTC");
        of(&[kind, &["--since", "2026-11-01", "--until", "2026-11-02"]].concat()).code(3).says("begin later");
    }
    // The second of the first record is asked for.
    of(&["--until", "2026-11-23 02:33:53"]).code(0);
}

#[test]
fn nothing_found_in_what_tells_nothing_ends_with_3() {
    let first = AUDIT.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    let host = FakeHost::small()
        .file("/odd", "no log\nat all\n")
        .file("/empty", "")
        .file("/auth.log", WITHIN)
        .file("/half-odd", [&b"no log\nat all\n"[..], first].concat());
    let of = |kind: &str, path: &str, args: &[&str]| {
        logins(&[kind.as_ref(), host.at(path).as_os_str()], args).run()
    };
    for (kind, path) in
        [("--audit", "/odd"), ("--audit", "/empty"), ("--auth", "/empty"), ("--wtmp", "/empty")]
    {
        of(kind, path, &[]).code(3).says("nothing is known of: all times");
        of(kind, path, &["--sessions"]).code(3);
    }
    let nobody = ["--user", "nobody-of-that-name"];
    of("--audit", "/half-odd", &nobody).code(3).says("not understood: 2");
    // A log that speaks, and not of this, has answered.
    of("--auth", "/auth.log", &nobody).code(0).says("no row of tries to log in was found");
}

/// The sign of this name among the rows: how often, and where.
fn sign(ran: &Ran, name: &str) -> Option<(u64, u64)> {
    let rows = rows(ran);
    let found = rows.iter().find(|row| row["sign"] == name)?;
    Some((found["count"].as_u64().unwrap(), found["offset"].as_u64().unwrap()))
}

/// As a tester did it: the first hundred records of a file were zeroed.
#[test]
fn records_behind_any_number_of_zeros_are_read() {
    let wiped = [vec![0; 384 * 100].as_slice(), WTMP].concat();
    let host = FakeHost::small().file("/wtmp", &wiped).file("/btmp", &wiped).file("/zeros", vec![0; 40_000]);
    let of =
        |kind: &str, path: &str| logins(&[kind.as_ref(), host.at(path).as_os_str()], &["--sessions"]).run();
    let ran = of("--wtmp", "/wtmp").code(0);
    assert!(rows(&ran).iter().any(|row| row.get("user").is_some()), "{}", ran.stdout);
    assert_eq!(sign(&ran, "wiped"), Some((100, 0)));
    assert_eq!(sign(&of("--btmp", "/btmp"), "wiped"), Some((100, 0)));
    of("--wtmp", "/zeros").code(3).says("NOT ALL READ: it holds nothing but zeros");
    // Whoever collects it reads them too.
    let desk = Desk::new();
    let host = FakeHost::small().file("/var/log/wtmp", [wiped.as_slice(), &[0; 384 * 100]].concat());
    let opened = desk.open(&Bundle::of(&desk.collect(&host).run().json()));
    let sources = std::fs::read_to_string(opened.join("data/view/login-sources.jsonl")).unwrap();
    let sources: Vec<Value> = sources.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let source = sources.iter().find(|row| row["file"] == "/var/log/wtmp").unwrap();
    assert_eq!((&source["read"], &source["findings"]["wiped"]), (&true.into(), &100.into()), "{source:#}");
}

#[test]
fn bytes_behind_the_last_record_stand_at_its_end_whatever_the_file_is_packed_with() {
    use std::io::Write as _;
    let torn = [WTMP, &BTMP[..100]].concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&torn).unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < WTMP.len());
    let host = FakeHost::small().file("/wtmp", &torn).file("/wtmp.gz", packed);
    let end = WTMP.len() as u64;
    for kind in ["--wtmp", "--btmp"] {
        for path in ["/wtmp", "/wtmp.gz"] {
            let ran = logins(&[kind.as_ref(), host.at(path).as_os_str()], &[]).run();
            assert_eq!(sign(&ran, "trailing_bytes"), Some((100, end)), "{kind} {path}: {}", ran.stdout);
        }
    }
}

/// As sqlite3 wrote it (fixtures/README.md): the log beside the database deletes row 20 of 40.
#[test]
fn a_row_that_a_database_of_logins_has_no_more_is_a_sign() {
    let main = include_bytes!("../../fixtures/logins/wtmpdb-open.db");
    let log = include_bytes!("../../fixtures/logins/wtmpdb-open.db-wal");
    let host = FakeHost::small().file("/var/lib/wtmpdb/wtmp.db", main);
    assert_eq!(sign(&in_root(&host, &["--sessions"]).run(), "missing_ids"), None);
    let host = host.file("/var/lib/wtmpdb/wtmp.db-wal", log);
    assert_eq!(sign(&in_root(&host, &["--sessions"]).run(), "missing_ids"), Some((1, 21)));
    in_root(&host, &["--format", "table"]).run().says("row 21: missing_ids, 1");
}
