//! Made logs, whole and spoilt, and what is learnt of them.

use super::super::notes::RuleNamed;
use super::super::tests::{CONFIG, SYSCALL};
use super::*;
use crate::records::mishaps::{Mishaps, Random, delayed};

fn summary(text: &[u8], piece: usize) -> Summary {
    let mut summary = Summary::default();
    text.chunks(piece).for_each(|bytes| summary.piece(bytes));
    summary.end();
    summary
}

/// Written from documentation where it is not of the test machine.
fn log() -> Vec<u8> {
    let mut log = b"of another line\n".to_vec();
    for line in [
        b"type=DAEMON_START msg=audit(1795349465.839:5422): op=start ver=3.0.9 auid=4294967295 pid=1 res=success".as_slice(),
        b"type=CONFIG_CHANGE msg=audit(1795349466.843:2019): op=set audit_enabled=1 old=0 auid=4294967295 ses=1 res=1",
        CONFIG,
        SYSCALL,
        b"type=PROCTITLE msg=audit(1795349467.143:2021): proctitle=6175",
        b"type=CONFIG_CHANGE msg=audit(1795349468.000:2022): op=set lost=0 old=12 auid=1 ses=1 res=1",
        b"type=SYSCALL msg=audit(1795349468.000:2026): pid=1 key=610162",
        b"not a record",
        b"type=DAEMON_END msg=audit(1795349470.000:5423): op=terminate auid=0 pid=1 res=success",
        b"type=SYSCALL msg=audit(1795349469.000:2030): pid=1 ke",
    ] {
        log.extend_from_slice(line);
        log.push(b'\n');
    }
    log.pop();
    log
}

#[test]
fn the_whole_is_the_same_however_it_comes() {
    let log = log();
    let whole = summary(&log, log.len());
    for piece in [1, 7, 64, 1000] {
        assert_eq!(format!("{:?}", summary(&log, piece)), format!("{whole:?}"));
    }
    let (first, last) = whole.span().unwrap();
    assert_eq!((first.unix(), last.unix()), (1_795_349_465, 1_795_349_470));
    assert_eq!((whole.records, whole.unread), (9, 1));
    assert!(whole.torn_first && whole.torn_last);
    let keys: Vec<_> = whole.keys.iter().map(|(key, used)| (key.as_slice(), used.events)).collect();
    assert_eq!(keys, [(&b"a"[..], 1), (b"b", 1), (b"phik", 1)]);
}

#[test]
fn what_it_says_of_auditing_itself_is_kept_in_its_order() {
    let summary = summary(&log(), 100);
    let kinds: Vec<NoteKind> = summary.notes.iter().map(|note| note.kind.clone()).collect();
    assert_eq!(
        kinds,
        [
            NoteKind::DaemonStart,
            NoteKind::Enabled { now: 1, before: Some(0) },
            NoteKind::RuleAdded(RuleNamed { keys: vec![b"phik".to_vec()], list: Some(4) }),
            NoteKind::LostReset(12),
            NoteKind::DaemonEnd,
        ]
    );
    assert_eq!(summary.notes[0].after, None);
    assert_eq!(summary.notes[4].after.unwrap().unix(), 1_795_349_468);
    let refused = b"type=CONFIG_CHANGE msg=audit(1.0:1): op=add_rule key=\"x\" list=4 res=0\n";
    let mut other = Summary::default();
    other.piece(refused);
    assert_eq!(other.notes[0].kind, NoteKind::Other("CONFIG_CHANGE add_rule".into()));
}

#[test]
fn what_we_did_ourselves_is_nobody_s_access_and_what_had_our_number_before_is() {
    let mut summary = Summary::asked(Asked {
        own: Some(OwnEvents { pid: 7, since: Timestamp::from_unix(100, 0) }),
        within: Some((80, 95)),
    });
    summary.piece(b"type=SYSCALL msg=audit(90.0:1): pid=7 key=\"k\"\n");
    summary.piece(b"type=SYSCALL msg=audit(100.0:2): pid=7 key=\"k\"\n");
    summary.piece(b"type=SYSCALL msg=audit(101.0:3): pid=8 key=\"k\"\n");
    let used = summary.keys[&b"k"[..]];
    assert_eq!((used.events, summary.own_events), (2, 1));
    assert_eq!((used.last.unix(), used.asked.unwrap().unix()), (101, 90));
}

#[test]
fn an_event_whose_first_record_is_gone_is_noticed() {
    let mut summary = Summary::default();
    summary.piece(b"type=SYSCALL msg=audit(1.0:1): pid=7\ntype=SYSCALL msg=audit(1.0:2): pid=7\n");
    summary.piece(b"type=PATH msg=audit(1.0:1): item=0\ntype=CWD msg=audit(1.0:3): cwd=\"/\"\n");
    summary.piece(b"type=PATH msg=audit(1.0:3): item=0\ntype=PROCTITLE msg=audit(1.0:2): x=1\n");
    assert_eq!(summary.headless.iter().map(|id| id.serial).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_change_of_auditing_that_is_not_said_is_noticed() {
    let call = "syscall=44 success=yes pid=7 comm=\"auditctl\" exe=\"/usr/sbin/auditctl\" key=(null)";
    let kinds = |log: String| {
        let mut summary = Summary::default();
        summary.piece(log.as_bytes());
        summary.notes.iter().map(|note| note.kind.clone()).collect::<Vec<_>>()
    };
    let alone = format!("type=SYSCALL msg=audit(1.0:1): {call}\n");
    assert_eq!(kinds(alone.clone()), [NoteKind::ChangeUnsaid]);
    let said = "type=CONFIG_CHANGE msg=audit(1.0:1): op=add_rule key=\"k\" list=4 res=1\n";
    assert_eq!(
        kinds(format!("{said}{alone}")),
        [NoteKind::RuleAdded(RuleNamed { keys: vec![b"k".to_vec()], list: Some(4) })]
    );
}

/// What is on at the time of a note of auditing being switched off at 10 s as number 520. Written from documentation
/// (kernel/audit.c, kernel/auditsc.c).
fn on_again(behind: &str) -> Option<i64> {
    let mut summary = Summary::default();
    summary.piece(b"type=CONFIG_CHANGE msg=audit(10.000:520): op=set audit_enabled=0 old=1 res=1\n");
    summary.piece(format!("{behind}\n").as_bytes());
    summary.notes[0].next.map(Timestamp::unix)
}

#[test]
fn only_what_is_recorded_of_auditing_that_is_on_shows_that_it_is() {
    for kind in ["SYSCALL", "USER_START", "SERVICE_START", "SYSTEM_BOOT", "USER", "CRYPTO_KEY_USER"] {
        assert_eq!(on_again(&format!("type={kind} msg=audit(30.000:521): pid=1")), Some(30), "{kind}");
    }
    for change in ["audit_enabled=1 old=0", "audit_enabled=2 old=1", "audit_enabled=0 old=1"] {
        let line = format!("type=CONFIG_CHANGE msg=audit(30.000:521): op=set {change} res=1");
        assert_eq!(on_again(&line), Some(30), "{change}");
    }
    for kind in
        ["USER_AVC", "AVC", "APPARMOR", "URINGOP", "PATH", "PROCTITLE", "KERNEL", "DAEMON_START", "EOE"]
    {
        assert_eq!(on_again(&format!("type={kind} msg=audit(30.000:521): pid=1")), None, "{kind}");
    }
    for change in ["audit_enabled=0 old=0", "lost=0 old=3"] {
        assert_eq!(
            on_again(&format!("type=CONFIG_CHANGE msg=audit(30.000:521): op=set {change} res=1")),
            None
        );
    }
    // Of calls that were entered before, in the same step of the clock, or that began before and end behind.
    for id in ["9.900:519", "10.000:520", "10.000:521", "10.004:521", "9.900:521", "12.000:519"] {
        assert_eq!(on_again(&format!("type=SYSCALL msg=audit({id}): pid=1")), None, "{id}");
    }
    let booted = "type=SYSCALL msg=audit(100.000:3): pid=1";
    assert_eq!(on_again(booted), Some(100));
}

#[test]
fn a_boot_stands_before_what_is_of_it() {
    let mut summary = Summary::default();
    for line in [
        "type=SERVICE_START msg=audit(10.000:143): pid=1",
        "type=SERVICE_START msg=audit(40.000:101): pid=1",
        "type=CONFIG_CHANGE msg=audit(40.100:102): op=add_rule key=\"k\" list=4 res=1",
        "type=SYSTEM_BOOT msg=audit(40.200:103): pid=1 msg=' comm=\"systemd-update-utmp\" res=success'",
        "type=DAEMON_START msg=audit(42.000:905): op=start ver=3.0.9 kernel=6.1.0 res=success",
        "type=SERVICE_START msg=audit(43.000:104): pid=1",
    ] {
        summary.piece(format!("{line}\n").as_bytes());
    }
    let told: Vec<_> = summary.notes.iter().map(|note| (note.kind.clone(), note.id.serial)).collect();
    let rule = NoteKind::RuleAdded(RuleNamed { keys: vec![b"k".to_vec()], list: Some(4) });
    let said = NoteKind::Other("SYSTEM_BOOT".to_owned());
    assert_eq!(told, [(NoteKind::Boot, 101), (rule, 102), (said, 103), (NoteKind::DaemonStart, 905)]);
    assert_eq!(summary.notes[0].after.map(Timestamp::unix), Some(10));
    assert_eq!((summary.serials.boots.len(), summary.serials.missing_ranges()), (2, 0));
}

/// What auditd wrote: see fixtures/README.md.
const LOGS: [&[u8]; 2] = [
    include_bytes!("../../../../fixtures/audit/scripted.log"),
    include_bytes!("../../../../fixtures/audit/names.log"),
];

#[test]
fn records_that_are_late_are_of_no_other_boot_and_none_is_missing() {
    let time = |line: &[u8]| {
        let id = head(line).and_then(|head| head.event_id());
        id.map_or(0, |id| id.time.since(Timestamp::from_unix(0, 0)).as_millis() as i64)
    };
    let mut random = Random::new();
    for log in LOGS {
        let missing = summary(log, log.len()).serials.missing_ranges();
        for round in 0..100 {
            let log = delayed(log, time, [1, 50, 1_000, 10_000][round % 4], &mut random);
            let seen = summary(&log, log.len());
            assert_eq!(
                (seen.serials.boots.len(), seen.serials.missing_ranges()),
                (1, missing),
                "round {round}"
            );
            assert!(seen.notes.iter().all(|note| note.kind != NoteKind::Boot));
        }
    }
}

#[test]
fn keys_that_no_kernel_takes_cost_no_memory() {
    let mut summary = Summary::default();
    let keys = "610162".repeat(10_000);
    summary.piece(
        format!("type=CONFIG_CHANGE msg=audit(1.0:1): op=add_rule key={keys} list=4 res=1\n").as_bytes(),
    );
    let NoteKind::RuleAdded(kept) = &summary.notes[0].kind else { panic!() };
    assert!(kept.keys.len() <= KEYS_OF_ONE);
}

#[test]
fn a_line_without_an_end_costs_no_memory() {
    let mut summary = Summary::default();
    let begin = b"type=SYSCALL msg=audit(1.0:1): a0=";
    summary.piece(begin);
    (0..100).for_each(|_| summary.piece(&[b'x'; 100_000]));
    assert!(summary.carry.capacity() <= 4 * LINE_LIMIT);
    summary.piece(b"\ntype=SYSCALL msg=audit(2.0:2): key=\"k\"\n");
    summary.end();
    assert_eq!((summary.oversize, summary.records, summary.keys.len()), (1, 2, 1));
}

#[test]
fn a_long_line_is_cut_alike_in_one_piece_and_in_many() {
    let long =
        [b"type=SYSCALL msg=audit(1.0:1): a0=".to_vec(), vec![b'x'; 2 * LINE_LIMIT], b"\n".to_vec()].concat();
    let whole = summary(&long, long.len());
    assert_eq!((whole.oversize, whole.records), (1, 1));
    assert_eq!(format!("{whole:?}"), format!("{:?}", summary(&long, 1000)));
}

#[test]
fn no_mishap_makes_it_panic() {
    Mishaps::of(&log()).each(|bytes| drop(summary(bytes, 50)));
}
