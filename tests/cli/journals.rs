//! What journals, files and exports of them, tell the verbs that answer questions.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use crate::support::{FakeHost, Ran, phi, tool};

/// Where a journal lies.
const PLACE: &str = "/var/log/journal/0123456789abcdef0123456789abcdef/system.journal";

fn rows(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(host: &FakeHost, verb: &str, args: &[&str]) -> crate::support::Phi {
    phi([verb]).args(["--journal".as_ref(), host.at(PLACE).as_os_str()] as [&OsStr; 2]).args(args)
}

/// Written from documentation (systemd.io/JOURNAL_EXPORT_FORMATS): entries with these fields, a second apart.
pub fn export(entries: &[Vec<(&str, String)>]) -> String {
    let entry = |(at, fields): (usize, &Vec<(&str, String)>)| {
        let head = format!(
            "__CURSOR=s=1;i={at:x}\n__REALTIME_TIMESTAMP={}\n",
            1_795_200_000_000_000 + at * 1_000_000
        );
        fields.iter().fold(head, |text, (name, value)| text + &format!("{name}={value}\n")) + "\n"
    };
    entries.iter().enumerate().map(entry).collect()
}

pub fn failed(pid: u32) -> Vec<(&'static str, String)> {
    let message = format!("Failed password for alice from 192.0.2.7 port {} ssh2", 40_000 + pid);
    vec![
        ("_TRANSPORT", "syslog".into()),
        ("_PID", pid.to_string()),
        ("_UID", "0".into()),
        ("_EXE", "/usr/sbin/sshd".into()),
        ("_HOSTNAME", "clinic".into()),
        ("SYSLOG_IDENTIFIER", "sshd".into()),
        ("MESSAGE", message),
    ]
}

/// Lines of an audit log, as journald takes the same records from the kernel (systemd, journald-audit.c).
fn audited(log: &str) -> Vec<Vec<(&'static str, String)>> {
    let entry = |line: &str| {
        let (head, body) = line.split_once("): ").unwrap();
        let (kind, id) = head.strip_prefix("type=").unwrap().split_once(" msg=audit(").unwrap();
        let (time, serial) = id.split_once(':').unwrap();
        vec![
            ("_TRANSPORT", "audit".to_owned()),
            ("_AUDIT_TYPE_NAME", kind.to_owned()),
            ("_AUDIT_ID", serial.to_owned()),
            ("_SOURCE_REALTIME_TIMESTAMP", time.replace('.', "") + "000"),
            ("MESSAGE", format!("{kind} {body}")),
        ]
    };
    log.lines().map(entry).collect()
}

#[test]
fn each_entry_counts_once_in_a_file_and_in_an_export() {
    let entries: Vec<_> = (1..=5).map(failed).collect();
    let host = FakeHost::small().file(PLACE, export(&entries));
    let ran = read(&host, "logins", &["--by", "account"]).run().code(0);
    let alice = &rows(&ran)[0];
    assert_eq!((&alice["rejected"]["password"], &alice["connections"]), (&5.into(), &5.into()), "{alice:#}");
    assert_eq!(alice["records"]["journal_failed"], 5);
    assert_eq!(ran.stderr.matches("read: [").count(), 1, "{}", ran.stderr);
    // As journald wrote it (fixtures/README.md).
    let captured =
        tool("gzip", &["-dc".as_ref(), "fixtures/journal/regular.journal.gz".as_ref()]).code(0).raw;
    let host = FakeHost::small().file(PLACE, &captured);
    let ran = read(&host, "logins", &["--by", "account"]).run();
    let told =
        rows(&ran).iter().map(|row| row["records"]["journal_failed"].as_u64().unwrap_or(0)).sum::<u64>();
    let facts = read(&host, "timeline", &["--format", "jsonl"]).run();
    let refused = rows(&facts).iter().filter(|fact| fact["what"] == "login.failed").count();
    assert!(told > 0 && told == refused as u64, "{told} of {refused}\n{}", facts.stdout);
    assert_eq!(ran.stderr.matches("read: [").count(), 1, "{}", ran.stderr);
}

#[test]
fn an_export_that_is_cut_or_damaged_is_told() {
    let whole = export(&(1..=5).map(failed).collect::<Vec<_>>());
    let host = FakeHost::small().file(PLACE, &whole[..whole.len() - 30]);
    let ran = read(&host, "logins", &["--by", "account"]).run().code(0).says("it ends within an entry");
    assert_eq!(rows(&ran)[0]["connections"], 4);
    let damaged = whole.replacen("_HOSTNAME=clinic", "no field at all", 1);
    let host = FakeHost::small().file(PLACE, damaged);
    read(&host, "timeline", &[]).run().code(0).says("1 entry damaged");
    // As a tester did it: zeros over the boundary of two entries, beginning at a field and within one.
    let at = |words: &str| whole.find(words).unwrap();
    let next = at("MESSAGE") + 7 + whole[at("MESSAGE") + 7..].find("MESSAGE").unwrap();
    for begin in [at("MESSAGE"), at("MESSAGE") + 20] {
        let zeroed = [&whole[..begin], &"\0".repeat(next - begin), &whole[next..]].concat();
        let host = FakeHost::small().file(PLACE, zeroed);
        let ran = read(&host, "logins", &["--by", "account"]).run().code(0).says("1 entry damaged");
        assert_eq!(rows(&ran)[0]["connections"], 3);
    }
    // And the bytes are not there at all.
    let second = 1 + whole[1..].find("__CURSOR").unwrap();
    let host = FakeHost::small().file(PLACE, [&whole[..at("SYSLOG_ID")], &whole[second..]].concat());
    for verb in ["logins", "timeline"] {
        read(&host, verb, &[]).run().code(0).says("1 entry with the head of another within");
    }
}

#[test]
fn accesses_that_journald_took_are_told_with_what_they_cover() {
    let host = FakeHost::small().file(PLACE, export(&audited(super::access::LOG)));
    let phi = ["--phi", "/var/data/phi", "--phi-key", "phi_access", "--format", "jsonl"];
    let ran = read(&host, "access", &phi).run().code(0);
    let paths: Vec<Value> = rows(&ran).iter().map(|row| row["path"].clone()).collect();
    assert_eq!(paths, ["/var/data/phi/a.txt", "/var/data/phi/b.txt", "/var/data/phi/c.txt"]);
    ran.says("1 audit log read, 16 records, 2026-11-20 18:40:00 UTC to 2026-11-20 18:40:30 UTC")
        .says("the records that journald took were read")
        .says("recording was active");
}

/// Where the audit log lies beside it.
const AUDIT: &str = "/var/log/audit/audit.log";
const PHI: [&str; 4] = ["--phi", "/var/data/phi", "--phi-key", "phi_access"];

/// The lines of the log that a test asks for.
fn lines(log: &str, wanted: impl Fn(&str) -> bool) -> String {
    log.lines().filter(|line| wanted(line)).map(|line| line.to_owned() + "\n").collect()
}

/// What journald has of it: what auditd says of itself never comes there.
fn taken(log: &str) -> String {
    export(&audited(&lines(log, |line| !line.contains("DAEMON_"))))
}

fn is_of(serial: u32) -> impl Fn(&str) -> bool {
    move |line: &str| line.contains(&format!(":{serial})"))
}

/// The same minute once more, so much later.
fn later(log: &str, seconds: u64) -> String {
    log.replace("audit(17952000", &format!("audit({}", 17_952_000 + seconds / 100))
}

/// An audit log, and journals beside it.
fn both(log: &str, journals: &[&str], verb: &str, args: &[&str]) -> Ran {
    let places: Vec<String> = (0..journals.len()).map(|at| format!("{PLACE}.{at}")).collect();
    let mut host = FakeHost::small().file(AUDIT, log);
    for (place, journal) in places.iter().zip(journals) {
        host = host.file(place, *journal);
    }
    let (log, journals) = (host.at(AUDIT), places.iter().map(|place| host.at(place)));
    let journals = journals.flat_map(|journal| ["--journal".into(), journal.into_os_string()]);
    phi([verb])
        .args(["--audit".as_ref(), log.as_os_str()] as [&OsStr; 2])
        .args(journals)
        .args(args)
        .args(["--format", "jsonl"])
        .run()
}

fn paths(ran: &Ran) -> Vec<String> {
    rows(ran).iter().map(|row| row["path"].as_str().unwrap()[14..15].to_owned()).collect()
}

/// What a journal has and a log lacks is told with its time, and the file it stands in; a journal that lacks it too knows of
/// nothing.
#[test]
fn an_access_that_was_taken_out_of_the_audit_log_is_told_by_the_journal() {
    let log = super::access::LOG;
    let cut = lines(log, |line| !is_of(55)(line));
    let ran = both(&cut, &[&taken(log)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "b", "c"]);
    let found = "note: 1 audit event in journals and not in the audit logs, though the logs speak of that time, at \
        2026-11-20 18:40:20 UTC: removed from the logs, or not written by auditd; they are told of with the others\n";
    assert!(ran.stderr.contains(found), "{}", ran.stderr);
    // Each says where it stands: the log is the first file, the journal the second.
    let place = |row: &Value| {
        row["events"][0].as_str().unwrap().split_once('@').unwrap().1.split(':').next().unwrap().to_owned()
    };
    assert_eq!(rows(&ran).iter().map(place).collect::<Vec<_>>(), ["1", "2", "1"]);
    // The gap is one all the same.
    let ran = ran.says("the events 55 to 55 are in none of the logs");
    assert!(ran.stderr.contains("1 audit log read, 13 records"), "{}", ran.stderr);
    // What a record says of auditing itself counts wherever it stands.
    let off =
        "type=CONFIG_CHANGE msg=audit(1795200020.000:55): auid=0 ses=1 op=set audit_enabled=0 old=1 res=1\n";
    both(&cut, &[&taken(&(cut.clone() + off))], "access", &PHI)
        .code(0)
        .says("auditing was switched off at 2026-11-20 18:40:20 UTC");
    // It is a gap of an answer of a time.
    let asked = ["--since", "2026-11-20 18:40:00", "--until", "2026-11-20 18:40:30"];
    both(&cut, &[&taken(log)], "access", &[&PHI[..], &asked].concat()).code(3);
    let ran = both(&cut, &[&taken(&cut)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "c"]);
    assert!(!ran.stderr.contains("journals"), "{}", ran.stderr);
    // A login is one too.
    let cut = lines(log, |line| !is_of(52)(line) && !is_of(51)(line) && !is_of(53)(line));
    let ran = both(&cut, &[&taken(log)], "logins", &["--sessions"]).code(0);
    let ran = ran.says("3 audit events in journals and not in the audit logs");
    assert_eq!(rows(&ran)[0]["user"]["text"], "alice", "{}", ran.stdout);
}

#[test]
fn a_journal_that_begins_before_the_audit_log_tells_of_that_time_too() {
    let log = super::access::LOG;
    let rest = lines(log, |line| is_of(56)(line));
    let ran = both(&rest, &[&taken(log)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "b", "c"]);
    let access = &rows(&ran)[0];
    let who = (&access["source"]["user"], &access["actor"]["label"]);
    assert_eq!(who, (&"alice".into(), &"A1".into()), "{access:#}");
    let ran = ran
        .says("6 audit events in journals alone, of times of which the audit logs do not speak, from 2026-11-20 18:40:00 UTC to");
    assert!(!ran.stderr.contains("removed"), "{}", ran.stderr);
    // The log does not speak of it, so that it is not covered.
    let ran = ran.says("the audit logs that are there begin at");
    assert!(!ran.stderr.contains("and the records are here"), "{}", ran.stderr);
    let asked = ["--since", "2026-11-20 18:40:00", "--until", "2026-11-20 18:40:30"];
    both(&rest, &[&taken(log)], "access", &[&PHI[..], &asked].concat())
        .code(3)
        .says("the audit logs that are there begin at");
}

#[test]
fn what_log_and_journals_both_have_is_told_once_and_no_news() {
    let log = super::access::LOG;
    let alone = both(log, &[], "access", &PHI).code(0);
    let ran = both(log, &[&taken(log)], "access", &PHI).code(0);
    assert_eq!((paths(&ran), rows(&ran).len()), (paths(&alone), 3));
    assert!(!ran.stderr.contains("in journals") && !ran.stderr.contains("in the journals"), "{}", ran.stderr);
    // And what only the journals have, however many do.
    let cut = lines(log, |line| !is_of(55)(line));
    let ran = both(&cut, &[&taken(log), &taken(log)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "b", "c"]);
    ran.says("1 audit event in journals");
    // A journal that lacks something is no more than worth a remark.
    let short = lines(log, |line| !is_of(54)(line));
    let ran = both(log, &[&taken(&short)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "b", "c"]);
    ran.says("1 audit event in audit logs and not in the journals");
}

#[test]
fn two_boots_with_the_same_numbers_are_two() {
    let second = later(super::access::LOG, 600);
    let log = super::access::LOG.to_owned() + &second;
    let journal = taken(&log);
    for (cut, told) in [
        (lines(&log, |line| !(is_of(55)(line) && line.contains("17952000"))), "18:40:20"),
        (lines(&log, |line| !(is_of(55)(line) && line.contains("17952006"))), "18:50:20"),
    ] {
        let ran = both(&cut, &[&journal], "access", &PHI).code(0);
        assert_eq!(paths(&ran), ["a", "b", "c", "a", "b", "c"], "{told}");
        ran.says(&format!("1 audit event in journals and not in the audit logs, though the logs speak of that time, at 2026-11-20 {told} UTC"));
    }
}

#[test]
fn the_order_of_entries_and_journals_does_not_matter() {
    let log = super::access::LOG;
    let cut = lines(log, |line| !is_of(52)(line) && !is_of(55)(line) && !is_of(56)(line));
    let events = audited(&lines(log, |line| !line.contains("DAEMON_")));
    let plain = both(&cut, &[&export(&events)], "access", &PHI).code(0);
    assert_eq!(paths(&plain), ["a", "b", "c"]);
    let (first, second) = events.split_at(8);
    let mut backwards = events.clone();
    backwards.reverse();
    for journals in [
        vec![export(second), export(first)],
        vec![export(&[second, first].concat())],
        vec![export(&backwards)],
    ] {
        let journals: Vec<&str> = journals.iter().map(String::as_str).collect();
        let ran = both(&cut, &journals, "access", &PHI).code(0);
        assert_eq!(paths(&ran), ["a", "b", "c"]);
        let told = |ran: &Ran| lines(&ran.stderr, |line| line.contains("in journals"));
        assert_eq!(told(&ran), told(&plain));
    }
}

/// What a log names its machine by, no journal's record has (auditd.conf(5), `name_format`).
#[test]
fn records_of_a_journal_are_of_the_machine_that_the_log_names() {
    let log = super::access::LOG;
    let named: String = log.lines().map(|line| format!("node=clinic {line}\n")).collect();
    let cut = lines(&named, |line| !is_of(52)(line) && !is_of(55)(line));
    let ran = both(&cut, &[&taken(log)], "access", &PHI).code(0);
    let rows = rows(&ran);
    let nodes: Vec<&Value> = rows.iter().map(|row| &row["node"]).collect();
    assert_eq!(
        (nodes, &rows[0]["actor"]["label"]),
        (vec![&Value::from("clinic"); 3], &"A1".into()),
        "{rows:#?}"
    );
}

/// Whoever empties a log leaves it there.
#[test]
fn a_log_without_a_record_covers_nothing_and_one_that_is_not_whole_is_told() {
    let log = super::access::LOG;
    let ran = both("", &[&taken(log)], "access", &PHI).code(0);
    assert_eq!(paths(&ran), ["a", "b", "c"]);
    ran.says("7 audit events in journals alone, of times of which the audit logs do not speak")
        .says("no audit log with a record in it could be read")
        .says("is not known");
    let packed = tool("gzip", &["-c".as_ref(), Path::new(file!()).as_os_str()]).code(0).raw;
    let host = FakeHost::small()
        .file(PLACE, taken(log))
        .file(AUDIT, lines(log, |line| !is_of(55)(line)))
        .file("/var/log/audit/audit.log.1", &packed[..packed.len() / 2]);
    let logs = [host.at(AUDIT), host.at("/var/log/audit/audit.log.1")];
    let ran = read(&host, "access", &PHI).args(["--audit"]).args(&logs).run().code(0);
    ran.says("removed from the logs, not written by auditd, or in what of the logs could not be read");
}

/// Written from documentation (systemd-journal-remote(8)): records that another machine sent name no machine.
#[test]
fn audit_records_that_another_machine_sent_are_not_this_one_s() {
    let remote = "/var/log/journal/remote/remote-10.0.0.9.journal";
    let host = FakeHost::small()
        .file(remote, export(&audited(super::access::LOG)))
        .file("/var/log/audit/audit.log", super::access::LOG.lines().next().unwrap().to_owned() + "\n");
    let (log, journal) = (host.at("/var/log/audit/audit.log"), host.at(remote));
    let args = ["--phi", "/var/data/phi", "--phi-key", "phi_access", "--format", "jsonl"];
    let access = |evidence: &[&OsStr]| phi(["access"]).args(evidence).args(args).run();
    let both = access(&["--audit".as_ref(), log.as_os_str(), "--journal".as_ref(), journal.as_os_str()]);
    assert_eq!(rows(&both).len(), 0, "{}", both.stdout);
    both.says("16 audit records of other machines, not told of beside those of this one");
    // Asked for alone they are whose they are.
    assert_eq!(rows(&access(&["--journal".as_ref(), journal.as_os_str()])).len(), 3);
}

/// A search finds what journald took as it finds what auditd wrote.
#[test]
fn a_search_reads_journals_where_there_is_no_audit_log_and_those_that_are_named_beside_one() {
    let log = super::access::LOG;
    let ids = ["1795200010.123:54", "1795200020.000:55", "1795200030.000:56"];
    let host = FakeHost::new().file(PLACE, taken(log));
    let window = ["--since", "2026-11-20 18:40:01", "--until", "2026-11-20 18:40:30"];
    let asked = [&["--type", "SYSCALL", "--format", "ids"][..], &window].concat();
    let ran = read(&host, "search", &asked).run().code(0).says("3 events; 1 journal read");
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), ids);
    // Of an image the audit log is missing.
    let ran = phi(["search", "--root"]).args([host.path()]).args(&asked).run().code(3);
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), ids);
    ran.says("not searched: audit logs: there is none below");
    // Without any such record nothing is known.
    let none = FakeHost::new().file(PLACE, export(&[failed(1)]));
    read(&none, "search", &asked).run().code(3).says("there is no record at all");
    let cut = lines(log, |line| !is_of(55)(line));
    let ran = both(&cut, &[&taken(log)], "search", &["--type", "SYSCALL"]).code(0);
    let found: Vec<String> = rows(&ran).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, ids);
    ran.says("1 audit event in journals and not in the audit logs");
    // It is a gap of what is asked of a time.
    both(&cut, &[&taken(log)], "search", &[&["--type", "SYSCALL"][..], &window].concat()).code(3);
    both(log, &[&taken(log)], "search", &[&["--type", "SYSCALL"][..], &window].concat()).code(0);
}

#[test]
fn an_export_that_is_packed_is_read_and_a_packed_journal_is_told() {
    let host = FakeHost::new().file("/x.export", export(&(1..=5).map(failed).collect::<Vec<_>>()));
    let packed = tool("gzip", &["-c".as_ref(), host.at("/x.export").as_os_str()]).code(0).raw;
    let host = host.file(PLACE, packed);
    let ran = read(&host, "logins", &["--by", "account"]).run().code(0);
    assert_eq!(rows(&ran)[0]["connections"], 5, "{}", ran.stdout);
    let facts = read(&host, "timeline", &["--format", "jsonl"]).run().code(0);
    assert_eq!(rows(&facts).iter().filter(|fact| fact["what"] == "login.failed").count(), 5);
    // As journald wrote it (fixtures/README.md), and somebody packed it.
    let words = "it is compressed as a whole (gzip), and was not read: unpack it first";
    for verb in ["logins", "timeline", "search"] {
        phi([verb, "--journal", "fixtures/journal/regular.journal.gz"]).run().code(3).says(words);
    }
}

/// A journal as systemd wrote it (fixtures/README.md), with the numbers and the times of its entries given anew.
fn renumbered(number: impl Fn(u64) -> u64, time: impl Fn(u64, u64) -> u64) -> Vec<u8> {
    let mut bytes =
        tool("gzip", &["-dc".as_ref(), "fixtures/journal/regular.journal.gz".as_ref()]).code(0).raw;
    let read = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    // Object behind object, as far as the last (systemd.io/JOURNAL_FILE_FORMAT).
    let (mut at, last) = (read(&bytes, 88) as usize, read(&bytes, 136) as usize);
    while at <= last {
        if bytes[at] == 3 {
            let old = read(&bytes, at + 16);
            let moved = time(old, read(&bytes, at + 24));
            bytes[at + 16..at + 24].copy_from_slice(&number(old).to_le_bytes());
            bytes[at + 24..at + 32].copy_from_slice(&moved.to_le_bytes());
        }
        at += (read(&bytes, at + 8) as usize).next_multiple_of(8);
    }
    bytes
}

#[test]
fn numbers_that_no_journal_has_are_a_remark_of_named_files_and_a_note_of_a_whole_host() {
    let cut = || renumbered(|number| if number > 5 { number + 4 } else { number }, |_, time| time);
    let told = "missing from the journals here: 4 numbers of entries, in 1 place, first between 2026-11-21 ";
    let host = FakeHost::small().file(PLACE, cut());
    read(&host, "logins", &["--sessions"])
        .run()
        .says(&format!("remark: {told}"))
        .says("system.journal): removed from");
    let of_root = |host: &FakeHost| phi(["logins", "--sessions", "--root"]).args([host.path()]).run().stderr;
    let stderr = of_root(&host);
    assert!(stderr.contains(&format!("note: {told}")), "{stderr}");
    // Old files of users are removed where those of the system stay.
    let beside = PLACE.replace("system", "user-1002");
    let host = host.file(&beside, renumbered(|number| number + 1_000, |_, time| time));
    let stderr = of_root(&host);
    assert!(stderr.contains(&format!("remark: {told}")), "{stderr}");
    // What stands in the file of a user is not missing.
    let host =
        host.file(&PLACE.replace("system", "user-1001"), renumbered(|number| number + 5, |_, time| time));
    let stderr = of_root(&host);
    assert!(!stderr.contains("missing from the journals"), "{stderr}");
}

#[test]
fn a_time_that_was_moved_back_is_told_with_its_place() {
    let moved = renumbered(
        |number| number,
        |number, time| if number == 6 { time - (30 * 86_400_000_000) } else { time },
    );
    let host = FakeHost::small().file(PLACE, moved);
    let ran = read(&host, "logins", &["--sessions"]).run();
    let ran =
        ran.says("remark: ").says("system.journal: 1 × a time that is earlier than that of the entry before");
    assert!(
        ran.stderr.contains("from 2026-11-21 ") && ran.stderr.contains(" to 2026-10-22 "),
        "{}",
        ran.stderr
    );
}
