//! Accesses in recorded and made-up logs: who, from where, which file, and how many.

mod asked;
mod cases;
mod order;

use std::collections::BTreeMap;

use super::*;
use crate::records::audit_event::Place;
use crate::records::audit_log::{self, EventId};
use crate::records::auth_text::From;
use crate::view::login_sessions::{Elevation, Ending, Evidence, Label, Source};

/// Done with cat, mv, rm, find and python3 under `-w /var/phi -p rwa -k phi`: `fixtures/audit/README.md`.
const REAL: &[u8] = include_bytes!("../../../fixtures/audit/names.log");

/// The events of a log, in the order of their numbers.
fn events(log: &[u8]) -> Vec<Event> {
    let mut events: BTreeMap<EventId, Event> = BTreeMap::new();
    let mut offset = 0;
    for line in log.split(|byte| *byte == b'\n') {
        if let Some(record) = audit_log::record(line) {
            let event = events.entry(record.id).or_insert_with(|| Event::new(record.id, b"", 0));
            event.push(line, Place { file: 0, offset });
        }
        offset += line.len() as u64 + 1;
    }
    events.into_values().collect()
}

fn question() -> Question {
    Question::of(vec![b"/var/phi".to_vec()], vec![b"phi".to_vec()])
}

fn answer(question: Question, sessions: &[Session], log: &[u8]) -> (Vec<AccessRow>, Counted) {
    let mut access = Access::new(question, sessions);
    let mut rows = Vec::new();
    let mut sieve = access.sieve();
    for event in events(log) {
        // What the sieve does not let through never comes here.
        if !event
            .lines()
            .any(|(line, _)| audit_log::record(line).is_some_and(|record| sieve(record.kind, line)))
        {
            continue;
        }
        access.take(&event, &mut |row| rows.push(row));
        assert!(access.weight() < 24 << 20);
    }
    let counted = access.finish(&mut |row| rows.push(row));
    let sum: u64 = rows.iter().map(|row| row.count).sum();
    assert_eq!((sum, rows.len() as u64), (counted.totals.classified, counted.totals.rows));
    (rows, counted)
}

fn told(rows: &[AccessRow]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let new = row.new_path.as_ref().map(|new| format!(" -> {new}")).unwrap_or_default();
            format!("{} {} {}{new}", row.op, row.outcome, row.path)
        })
        .collect()
}

/// The other end of a session's line.
fn from(address: &str) -> From {
    From { address: address.as_bytes().to_vec(), port: Some(40_000) }
}

fn session(ses: u32, address: &str, start: i64, end: Option<i64>) -> Session {
    Session {
        epoch: Some(0),
        ses: Some(ses),
        auid: Some(1002),
        user: b"mallory".to_vec(),
        service: b"sshd".to_vec(),
        pid: Some(100),
        from: from(address),
        hostname: Vec::new(),
        terminal: b"ssh".to_vec(),
        method: b"publickey".to_vec(),
        key: None,
        start: Some(Timestamp::from_unix(start, 0)),
        end: end.map(|end| Timestamp::from_unix(end, 0)),
        ending: Ending::OpenAtEndOfLog,
        elevations: Vec::new(),
        label: Label::A1,
        flags: std::collections::BTreeSet::new(),
        evidence: Vec::new(),
        ..Session::default()
    }
}

/// An opening for reading.
fn opening(second: i64, serial: u32, fields: &str, name: &str, inode: u64) -> String {
    format!(
        "type=SYSCALL msg=audit({second}.000:{serial}): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=0 a3=0 items=1 \
         ppid=1 pid=50 auid=1002 uid=1002 gid=1002 euid=1002 fsuid=1002 ses=7 comm=\"cat\" exe=\"/usr/bin/cat\" {fields} key=\"phi\"\n\
         type=CWD msg=audit({second}.000:{serial}): cwd=\"/root\"\n\
         type=PATH msg=audit({second}.000:{serial}): item=0 name=\"{name}\" inode={inode} dev=08:01 mode=0100640 ouid=0 ogid=0 nametype=NORMAL\n"
    )
}

#[test]
fn a_real_log_tells_what_was_done_to_which_file() {
    let sessions = [session(8, "203.0.113.9", 1_795_401_223, None)];
    let (rows, counted) = answer(question(), &sessions, REAL);
    let told = told(&rows);
    for expected in [
        "read ok /var/phi/records/mrn-1.txt",
        "rename ok /var/phi/records/mrn-3.txt -> /var/phi/records/mrn-3-old.txt",
        "rename ok /var/phi/records/mrn-4.txt -> /var/phi/records/mrn-5.txt",
        "rename ok /var/phi/records/mrn-6.txt -> /var/phi/out/mrn-6.txt",
        "delete ok /var/phi/records/ward/a/w1.txt",
        "delete ok /var/phi/scans/s/1.dcm",
        "link ok /var/phi/records/mrn-9b.txt -> /var/phi/records/alias.txt",
        "symlink ok /var/phi/records/sym.txt",
        "rename ok /var/phi/records/x1 -> /var/phi/records/x2",
        "list ok /var/phi/records",
        // By a link from elsewhere: its own name, and the inode of a file that is PHI.
        "read ok /tmp/acc-cap/way",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{}", told.join("\n"));
    }
    let of = |path: &str, op: &str| rows.iter().find(|row| row.path.ends_with(path) && row.op == op).unwrap();
    assert_eq!(of("way", "read").phi_by, ["key", "inode"]);
    assert_eq!(of("/mrn-4.txt", "rename").overwritten_inode, Some(827_404));
    assert_eq!(of("/x1", "rename").overwritten_inode, None, "an exchange destroys nothing");
    assert_eq!(of("/sym.txt", "symlink").symlink_target.as_deref(), Some("mrn-9b.txt"));
    let row = of("/mrn-1.txt", "read");
    assert_eq!((row.actor.label, row.source.as_ref().unwrap().addr.as_str()), ("A1", "203.0.113.9"));
    assert!(row.events[0].starts_with("1795401223.374:7458@0:"));
    assert_eq!(row.program.cmdline_hint, "cat mrn-1.txt");
    // Renamings add no file; one that was moved over another is one, and so is its victim.
    let files: Vec<FileState> = counted.files().map(|file| (file.paths, file.state)).collect();
    let paths = |first: &str| files.iter().find(|(paths, _)| paths[0].ends_with(first)).unwrap();
    assert_eq!(paths("/mrn-9.txt").0.len(), 3, "{files:?}");
    assert_eq!((paths("/w1.txt").1, paths("/mrn-3.txt").1), ("deleted", "renamed"));
    assert_eq!(counted.actors.len(), 1);
    assert_eq!(counted.actors[0].labels["A1"], counted.totals.classified);
}

type FileState = (Vec<String>, &'static str);

#[test]
fn what_makes_an_attribution_doubtful_is_told_of_the_accesses_behind_it() {
    let sessions = [session(7, "192.0.2.7", 900, None)];
    let flags = |losses: &[(i64, i64)], steps: &[i64]| {
        let at = |second: &i64| Timestamp::from_unix(*second, 0);
        let losses = losses.iter().map(|(from, to)| (at(from), at(to))).collect();
        let doubts = Doubts::of(losses, steps.iter().map(at).collect());
        let log = opening(1_000, 1, "", "/var/phi/a", 5);
        answer(Question { doubts, ..question() }, &sessions, log.as_bytes()).0[0].actor.flags.clone()
    };
    assert!(flags(&[], &[]).is_empty());
    // Before the session, and behind the access, it does not matter.
    assert!(flags(&[(800, 899), (1_001, 1_100)], &[899, 1_001]).is_empty());
    assert_eq!(flags(&[(800, 900)], &[]), ["loss_in_window"]);
    assert_eq!(flags(&[(950, 960), (10, 20)], &[900]), ["loss_in_window", "clock_step"]);
    // One that spans others.
    assert_eq!(flags(&[(10, 950), (20, 30), (2_000, 2_001)], &[]), ["loss_in_window"]);
}

#[test]
fn how_somebody_came_to_act_as_another_stands_beside_what_was_done_so() {
    let act = |second: i64, to: &str, refused: bool| Elevation {
        time: Timestamp::from_unix(second, 0),
        by: b"sudo".to_vec(),
        to: to.as_bytes().to_vec(),
        command: Vec::new(),
        refused,
        evidence: Evidence { source: Source::Audit, place: Place { file: 0, offset: 9 } },
    };
    let mut one = session(7, "192.0.2.7", 900, None);
    one.elevations = vec![act(950, "root", false), act(960, "ann", true), act(1_500, "bob", false)];
    let told = |fields: (&str, &str)| {
        let log = opening(1_000, 1, "", "/var/phi/a", 5).replace(fields.0, fields.1);
        let rows = answer(question(), std::slice::from_ref(&one), log.as_bytes()).0;
        rows[0].elevations.iter().map(|row| row.time.unix()).collect::<Vec<_>>()
    };
    assert_eq!(told((" euid=1002", " euid=0")), [950]);
    assert!(told(("", "")).is_empty());
}

#[test]
fn a_thousand_openings_of_one_file_are_one_row_and_what_is_between_makes_two() {
    let mut log = String::new();
    for at in 0..1_000 {
        log += &opening(1_000 + at / 10, 1 + at as u32, "", "/var/phi/a", 5);
    }
    let (rows, _) = answer(question(), &[], log.as_bytes());
    assert_eq!((rows.len(), rows[0].count, rows[0].events.len()), (1, 1_000, 16));
    assert_eq!((rows[0].first_utc.unix(), rows[0].last_utc.unix()), (1_000, 1_099));
    // A pause.
    let with = |between: &str| {
        let log = opening(1_000, 1, "", "/var/phi/a", 5) + between + &opening(1_030, 9, "", "/var/phi/a", 5);
        answer(question(), &[], log.as_bytes()).0.iter().filter(|row| row.op == "read").count()
    };
    assert_eq!(with(""), 1);
    assert_eq!(with("type=CONFIG_CHANGE msg=audit(1010.000:5): op=set audit_enabled=0 old=1 res=1\n"), 2);
    let renamed = "type=SYSCALL msg=audit(1010.000:5): arch=c000003e syscall=82 success=yes exit=0 pid=9 auid=1002 ses=7 key=\"phi\"\n\
        type=CWD msg=audit(1010.000:5): cwd=\"/root\"\n\
        type=PATH msg=audit(1010.000:5): item=0 name=\"/var/phi/\" inode=1 dev=08:01 mode=040755 nametype=PARENT\n\
        type=PATH msg=audit(1010.000:5): item=1 name=\"/var/phi/a\" inode=5 dev=08:01 mode=0100640 nametype=DELETE\n\
        type=PATH msg=audit(1010.000:5): item=2 name=\"/var/phi/b\" inode=5 dev=08:01 mode=0100640 nametype=CREATE\n";
    assert_eq!(with(renamed), 2);
    let log = opening(1_000, 1, "", "/var/phi/a", 5) + &opening(1_061, 9, "", "/var/phi/a", 5);
    assert_eq!(answer(question(), &[], log.as_bytes()).0.len(), 2);
    let apart = Question { gap: Duration::ZERO, ..question() };
    let log = opening(1_000, 1, "", "/var/phi/a", 5) + &opening(1_000, 2, "", "/var/phi/a", 5);
    assert_eq!(answer(apart, &[], log.as_bytes()).0.len(), 2);
}

#[test]
fn an_access_after_the_end_of_its_session_is_of_all_that_were_open() {
    let log = opening(2_000, 1, "", "/var/phi/a", 5);
    let sessions = [
        session(7, "198.51.100.1", 1_000, Some(1_500)),
        session(9, "203.0.113.9", 1_900, Some(2_100)),
        session(11, "203.0.113.9", 2_050, None),
    ];
    let (rows, _) = answer(question(), &sessions, log.as_bytes());
    let row = &rows[0];
    assert_eq!((row.actor.label, row.source.is_none()), ("C", true));
    assert!(row.actor.flags.contains(&"after_session_end"));
    let candidates: Vec<Option<u32>> = row.candidates.iter().map(|source| source.ses).collect();
    assert_eq!((candidates, row.candidates_total), (vec![Some(9), Some(7)], 2));
}

#[test]
fn what_tmux_started_may_have_been_typed_in_any_session() {
    // The server, as the log tells of it; then what it started.
    let server = "type=SYSCALL msg=audit(1990.000:1): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=40 auid=1002 uid=1002 ses=7 \
        comm=746D75783A20736572766572 exe=\"/usr/bin/tmux\" key=(null)\n";
    let log = server.to_owned() + &opening(2_000, 2, "", "/var/phi/a", 5).replace("ppid=1 ", "ppid=40 ");
    let sessions = [session(7, "198.51.100.1", 1_000, None), session(9, "203.0.113.9", 1_900, None)];
    let (rows, counted) = answer(question(), &sessions, log.as_bytes());
    assert_eq!((rows.len(), counted.totals.events), (1, 2));
    assert_eq!((rows[0].actor.label, rows[0].candidates_total), ("C", 2));
    assert!(rows[0].actor.flags.contains(&"multiplexer") && rows[0].actor.flags.contains(&"shared_account"));
    assert_eq!(counted.actors[0].addresses, ["198.51.100.1", "203.0.113.9"]);
}

#[test]
fn without_a_session_or_an_identity_nothing_is_made_up() {
    let log = opening(2_000, 1, "", "/var/phi/a", 5);
    let (rows, _) = answer(question(), &[], log.as_bytes());
    assert_eq!((rows[0].actor.label, rows[0].source.is_none()), ("D", true));
    let daemon = log.replace("auid=1002", "auid=4294967295").replace("ses=7", "ses=4294967295");
    let (rows, _) = answer(question(), &[session(7, "203.0.113.9", 1, None)], daemon.as_bytes());
    assert_eq!((rows[0].actor.label, rows[0].actor.auid), ("E", None));
    // A session of that number of another boot is another.
    let mut other = session(7, "203.0.113.9", 1, None);
    other.epoch = Some(1);
    assert_eq!(answer(question(), &[other], log.as_bytes()).0[0].actor.label, "D");
}

#[test]
fn only_our_own_process_is_the_collector() {
    let log = opening(2_000, 1, "", "/var/phi/a", 5) + &opening(3_000, 2, "", "/var/phi/b", 6);
    let at = |second| Timestamp::from_unix(second, 0);
    let own = Question { own: vec![(50, at(1_990), at(2_010))], ..question() };
    let (rows, counted) = answer(own, &[], log.as_bytes());
    let collector: Vec<bool> = rows.iter().map(|row| row.collector).collect();
    assert_eq!((collector, counted.actors.len()), (vec![true, false], 2));
}

#[test]
fn a_file_is_phi_by_its_inode_wherever_it_was_moved() {
    let moved = "type=SYSCALL msg=audit(1010.000:5): arch=c000003e syscall=82 success=yes exit=0 pid=9 auid=1002 ses=7 key=\"phi\"\n\
        type=CWD msg=audit(1010.000:5): cwd=\"/root\"\n\
        type=PATH msg=audit(1010.000:5): item=0 name=\"/var/phi/\" inode=1 dev=08:01 mode=040755 nametype=PARENT\n\
        type=PATH msg=audit(1010.000:5): item=1 name=\"/tmp/\" inode=2 dev=08:01 mode=041777 nametype=PARENT\n\
        type=PATH msg=audit(1010.000:5): item=2 name=\"/var/phi/a\" inode=5 dev=08:01 mode=0100640 nametype=DELETE\n\
        type=PATH msg=audit(1010.000:5): item=3 name=\"/tmp/x\" inode=5 dev=08:01 mode=0100640 nametype=CREATE\n";
    let later = opening(1_020, 6, "", "/tmp/x", 5).replace("key=\"phi\"", "key=(null)");
    let (rows, counted) = answer(question(), &[], (moved.to_owned() + &later).as_bytes());
    let last = rows.last().unwrap();
    assert_eq!((last.path.as_str(), last.phi_by.as_slice()), ("/tmp/x", &["inode"][..]));
    assert_eq!(counted.totals.files, 1);
    // Another file of that number is none.
    let deleted = "type=SYSCALL msg=audit(1015.000:7): arch=c000003e syscall=87 success=yes exit=0 pid=9 auid=1002 ses=7 key=(null)\n\
        type=CWD msg=audit(1015.000:7): cwd=\"/root\"\n\
        type=PATH msg=audit(1015.000:7): item=0 name=\"/tmp/\" inode=2 dev=08:01 mode=041777 nametype=PARENT\n\
        type=PATH msg=audit(1015.000:7): item=1 name=\"/tmp/x\" inode=5 dev=08:01 mode=0100640 nametype=DELETE\n";
    let (rows, _) = answer(question(), &[], [moved, deleted, &later].concat().as_bytes());
    assert_eq!(told(&rows), ["rename ok /var/phi/a -> /tmp/x", "delete ok /tmp/x"]);
}

#[test]
fn what_is_filtered_out_is_counted() {
    let log = opening(2_000, 1, "", "/var/phi/a", 5) + &opening(2_001, 2, "", "/var/phi/w/b", 6);
    let sessions = [session(7, "203.0.113.9", 1_000, None)];
    let with = |filter: Filter| {
        let (rows, counted) = answer(Question { filter, ..question() }, &sessions, log.as_bytes());
        assert_eq!(rows.len() as u64 + counted.totals.filtered, 2);
        rows.len()
    };
    assert_eq!(with(Filter { paths: vec![b"/var/phi/w".to_vec()], ..Filter::default() }), 1);
    assert_eq!(with(Filter { addresses: vec![b"203.0.113.9".to_vec()], ..Filter::default() }), 2);
    assert_eq!(with(Filter { addresses: vec![b"203.0.113.8".to_vec()], ..Filter::default() }), 0);
    assert_eq!(with(Filter { ops: vec![Op::Read], ..Filter::default() }), 2);
    assert_eq!(with(Filter { auids: vec![Some(0)], ..Filter::default() }), 0);
    let at = |second| Timestamp::from_unix(second, 0);
    let window = Question { window: Some((at(2_001), at(2_001))), ..question() };
    let (rows, counted) = answer(window, &[], log.as_bytes());
    assert_eq!((rows.len(), counted.totals.outside), (1, 1));
}

#[test]
fn however_long_the_log_its_memory_is_bounded_and_no_event_is_lost() {
    let mut access = Access::new(question(), &[]);
    let (mut rows, mut sum) = (0_u64, 0_u64);
    let mut random = 1_u64;
    for serial in 0..45_000_u32 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let inode = random >> 40;
        let name = format!("/var/phi/{inode}/{}", "x".repeat((random >> 33) as usize % 200));
        let auid = format!("auid={}", random >> 45 & 0xfff);
        let log =
            opening(2_000 + i64::from(serial) / 100, serial, "", &name, inode).replace("auid=1002", &auid);
        let lines: Vec<&[u8]> = log.trim_end().split('\n').map(str::as_bytes).collect();
        access.take(&Event::of(&lines).unwrap(), &mut |row| {
            rows += 1;
            sum += row.count;
        });
        if serial % 1_000 == 0 {
            assert!(access.weight() < 24 << 20, "{}", access.weight());
        }
    }
    let counted = access.finish(&mut |row| {
        rows += 1;
        sum += row.count;
    });
    assert_eq!((sum, rows), (45_000, counted.totals.rows));
    assert!(counted.totals.not_counted > 0 && counted.totals.names_forgotten > 0);
}
