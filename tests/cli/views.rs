//! What is sealed as a view is what the verb makes of the bundle, row by row.

use serde_json::Value;

use crate::support::{Bundle, Desk, FakeHost, Ran, entries, phi, tool};

// As one machine logged them, and as systemd and wtmpdb wrote it (fixtures/README.md).
const AUDIT: &[u8] = include_bytes!("../../fixtures/sessions/audit.log");
const TEXT: &[u8] = include_bytes!("../../fixtures/sessions/auth.log");
const WTMP: &[u8] = include_bytes!("../../fixtures/sessions/wtmp");
const BTMP: &[u8] = include_bytes!("../../fixtures/sessions/btmp");
const ROWS: &[u8] = include_bytes!("../../fixtures/logins/wtmpdb-open.db");
const ROWS_LOG: &[u8] = include_bytes!("../../fixtures/logins/wtmpdb-open.db-wal");
const JOURNAL: &str = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";

fn journal() -> Vec<u8> {
    tool("gzip", &["-dc".as_ref(), "fixtures/journal/compact.journal.gz".as_ref()]).code(0).raw
}

fn host() -> FakeHost {
    let log = [AUDIT, super::access::LOG.as_bytes()].concat();
    FakeHost::small()
        .folder("/var/data/phi")
        .file("/var/log/audit/audit.log", log)
        .file("/var/log/auth.log", TEXT)
        .file("/var/log/wtmp", WTMP)
        .file("/var/log/btmp", BTMP)
        .file("/var/lib/wtmpdb/wtmp.db", ROWS)
        .file("/var/lib/wtmpdb/wtmp.db-wal", ROWS_LOG)
        .file(JOURNAL, journal())
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A collection of a host with PHI, and its opened bundle.
struct Case {
    desk: Desk,
    bundle: Bundle,
}

impl Case {
    fn of(host: &FakeHost) -> Case {
        let desk = Desk::new();
        let phi = ["--phi", "/var/data/phi"];
        let bundle = Bundle::of(&desk.collect(host).args(phi).run().json());
        Case { desk, bundle }
    }

    fn sealed(&self, name: &str) -> Vec<Value> {
        let opened = self.desk.open(&self.bundle);
        rows(&std::fs::read_to_string(opened.join("data/view").join(name)).unwrap())
    }

    fn words(&self, name: &str) -> String {
        let entries = entries(&self.desk.open(&self.bundle));
        let member = format!("data/view/{name}");
        let entry = entries.iter().find(|entry| entry["member"] == member.as_str()).unwrap();
        entry["reason"].to_string()
    }

    fn ask(&self, verb: &str, args: &[&str]) -> Ran {
        let key = self.desk.path("officer.key");
        phi([verb])
            .args([self.bundle.sealed.as_os_str(), "-i".as_ref(), key.as_os_str()])
            .args(args)
            .args(["--format", "jsonl"])
            .run()
    }
}

#[test]
fn sessions_and_logins_are_those_of_the_verb_over_every_kind_of_log() {
    let case = Case::of(&host());
    let sealed = case.sealed("sessions.jsonl");
    let asked: Vec<Value> = rows(&case.ask("logins", &["--sessions"]).stdout)
        .into_iter()
        .filter(|row| row.get("sign").is_none())
        .collect();
    let sessions: Vec<Value> = asked.into_iter().filter(|row| row.get("difference").is_none()).collect();
    assert!(sealed.len() > 40, "{}", sealed.len());
    for (sealed, told) in sealed.iter().zip(&sessions) {
        assert_eq!(sealed, told);
    }
    assert_eq!(sealed.len(), sessions.len());
    let sources: Vec<&str> = sealed
        .iter()
        .flat_map(|row| row["evidence"].as_array().unwrap())
        .map(|evidence| evidence["source"].as_str().unwrap())
        .collect();
    for source in ["audit", "text", "journal", "login_records"] {
        assert!(sources.contains(&source), "{source}");
    }
    let counts = case.sealed("logins.jsonl");
    let told = case.ask("logins", &[]).stdout;
    let told: Vec<Value> = rows(&told).into_iter().filter(|row| row.get("by").is_some()).collect();
    assert_eq!(counts, told);
    let of_journal = |row: &Value| row["records"].get("journal_failed").is_some();
    assert!(counts.iter().any(of_journal), "{counts:#?}");
    // The fixtures are of different machines: neither has what the other tells, and their times do not meet.
    let differs = |name: &str| case.words(name).contains("names where texts and journals differ");
    assert!(!differs("logins.jsonl"));
    let words = case.words("sessions.jsonl");
    assert!(words.contains("1 journal") && words.contains("1 database of logins"), "{words}");
    assert!(!words.contains("not used for it"), "{words}");
    // The journal has an audit event of its own, before the first of the log.
    assert!(sealed.iter().any(|row| row["ses"] == 12 && row["user"]["text"] == "nurse"), "{sealed:#?}");
    assert!(
        words.contains("of the events that were kept for the views: 1 audit event in journals"),
        "{words}"
    );
}

#[test]
fn accesses_and_their_summaries_are_those_of_the_verb() {
    let case = Case::of(&host());
    for (name, args) in [
        ("access.jsonl", &[][..]),
        ("access-by-actor.jsonl", &["--by", "actor"]),
        ("access-by-file.jsonl", &["--by", "file"]),
    ] {
        let (sealed, told) = (case.sealed(name), rows(&case.ask("access", args).stdout));
        assert!(sealed.len() >= 3, "{name}");
        assert_eq!(sealed, told, "{name}");
    }
}

#[test]
fn a_journal_that_is_damaged_or_cut_is_told_with_the_sealed_sessions() {
    let whole = journal();
    // The first value of a field that is wanted, changed in place.
    let mut edited = whole.clone();
    let at = whole.windows(8).position(|bytes| bytes == b"Accepted").unwrap();
    edited[at] = b'R';
    for (bytes, words) in [
        (edited, "values that do not have their hash: changed in place"),
        (whole[..whole.len() * 6 / 10].to_vec(), "it ends too early"),
        (b"LPKSHHRH".to_vec(), "its header cannot be read"),
    ] {
        let case = Case::of(&host().file(JOURNAL, bytes));
        let told = case.words("sessions.jsonl");
        assert!(told.contains("1 journal not whole") && told.contains(words), "{words}: {told}");
        let table = case.words_of_journals();
        assert!(table.contains("1 file could not be read, or not wholly"), "{table}");
    }
}

impl Case {
    fn words_of_journals(&self) -> String {
        let entries = entries(&self.desk.open(&self.bundle));
        let entry = entries.iter().find(|entry| entry["member"] == "data/live/journal/files.jsonl").unwrap();
        entry["reason"].to_string()
    }
}

#[test]
fn where_there_is_no_audit_log_the_records_that_journald_took_are_in_the_sealed_views() {
    // The one record in it is of a session that PAM opened.
    let host = FakeHost::small().folder("/var/data/phi").file(JOURNAL, journal());
    std::fs::remove_file(host.at("/var/log/audit/audit.log")).unwrap();
    let case = Case::of(&host);
    let words = case.words("access.jsonl");
    assert!(words.contains("the records that journald took were read"), "{words}");
    let session = &case.sealed("sessions.jsonl")[0];
    assert_eq!((&session["ses"], &session["user"]["text"]), (&12.into(), &"nurse".into()), "{session:#?}");
    let coverage = case.sealed("coverage.jsonl");
    assert_eq!(coverage[0]["counters"]["records"], 1, "{coverage:#?}");
}

/// Written from documentation (sshd(8)): at the time of the journal somebody wrote into the text what no sshd said.
#[test]
fn that_text_and_journal_differ_is_told_with_the_sealed_logins() {
    let line = |second: u32| {
        format!(
            "2026-11-21T20:19:{second}.000000+00:00 clinic-db1 sshd[99]: Accepted password for eve from 192.0.2.9 port 9 ssh2\n"
        )
    };
    let case = Case::of(&host().file("/var/log/auth.log", [48, 49, 50, 51, 52].map(line).concat()));
    let verb = case.ask("logins", &[]).stdout;
    let found = rows(&verb).iter().filter(|row| row["difference"] == "not_in_journal").count();
    assert!(found >= 1, "{verb}");
    let words = case.words("logins.jsonl");
    assert!(words.contains(&format!("{found} × line of a text log that the journal lacks")), "{words}");
}

#[test]
fn a_log_without_a_byte_is_no_log_that_journals_stand_for() {
    let host = FakeHost::small()
        .folder("/var/data/phi")
        .file(JOURNAL, journal())
        .file("/var/log/audit/audit.log", "");
    let case = Case::of(&host);
    let words = case.words("access.jsonl");
    assert!(words.contains("without a byte in it: 1 audit log"), "{words}");
    assert!(words.contains("1 audit event in journals alone") && !words.contains("were read"), "{words}");
    let coverage = &case.sealed("coverage.jsonl")[0];
    assert!(coverage["verdict"] != "complete" && coverage["counters"]["records"] == 0, "{coverage:#}");
}
