//! Events as they come out of whole logs, and of made-up ones.

use super::*;
use crate::records::audit_log::head;
use crate::records::mishaps::{Random, delayed};

fn read(files: &[&[u8]]) -> (Vec<Event>, Counts, Vec<FileRead>) {
    let mut events = Vec::new();
    let mut reading = Reading::new(|_: &[u8], _: &[u8]| true);
    let mut told = Vec::new();
    for (file, text) in (0..).zip(files) {
        reading.begin(file);
        text.chunks(1_000).for_each(|piece| reading.piece(piece, &mut |event| events.push(event)));
        told.push(reading.end_file(&mut |event| events.push(event)));
    }
    let counts = reading.finish(&mut |event| events.push(event));
    (events, counts, told)
}

/// #148 of linux-audit/audit-userspace: a call that took long. Written from documentation, as all lines here.
const SLOW: &str = "type=SYSCALL msg=audit(100.000:7): arch=c000003e syscall=257 success=yes items=1 pid=1 key=\"phi\"\n\
    type=USER_CMD msg=audit(103.300:8): pid=2 msg='cmd=\"x\" res=success'\n\
    type=CWD msg=audit(100.000:7): cwd=\"/\"\n\
    type=PATH msg=audit(100.000:7): item=0 name=\"/x\" inode=5 nametype=NORMAL\n\
    type=PROCTITLE msg=audit(100.000:7): proctitle=\"cat\"\n";

#[test]
fn a_slow_call_is_one_event() {
    let (events, counts, told) = read(&[SLOW.as_bytes()]);
    assert_eq!(events.iter().map(|event| event.records().count()).collect::<Vec<_>>(), [4, 1]);
    assert_eq!((counts.events, counts.records, counts.late), (2, 5, 0));
    assert!(events.iter().all(|event| event.shortfalls.is_empty() && !event.late));
    assert_eq!((told[0].lines, told[0].first.unwrap().unix(), told[0].last.unwrap().unix()), (5, 100, 103));
}

/// What auditd wrote: see fixtures/README.md.
const SCRIPTED: &[u8] = include_bytes!("../../../fixtures/audit/scripted.log");

fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}

/// The events by what they are, whatever the order of their records.
fn contents(events: &[Event]) -> Vec<(EventId, u32, Vec<Vec<u8>>)> {
    let mut all: Vec<_> = events
        .iter()
        .map(|event| {
            let mut lines: Vec<Vec<u8>> = event.lines().map(|(line, _)| line.to_vec()).collect();
            lines.sort();
            (event.id, event.epoch, lines)
        })
        .collect();
    all.sort();
    all
}

/// Lines of another file.
struct Others(std::collections::VecDeque<(EventId, Vec<u8>)>);

impl Beside for Others {
    fn next(&self) -> Option<EventId> {
        self.0.front().map(|(id, _)| *id)
    }

    fn give(&mut self, each: &mut dyn FnMut(&[u8], Place)) {
        let (_, line) = self.0.pop_front().unwrap();
        each(&line, Place { file: 9, offset: 1 });
    }
}

#[test]
fn lines_of_another_file_are_of_the_events_and_not_of_the_log() {
    let (whole, ..) = read(&[SCRIPTED]);
    let id = |line: &[u8]| {
        record(line).filter(|record| !record.kind.starts_with(b"DAEMON_")).map(|record| record.id)
    };
    let is_other = |line: &&[u8]| id(line).is_some_and(|id| id.serial % 3 == 0);
    let mut others: Vec<_> = lines_of(SCRIPTED)
        .into_iter()
        .filter(is_other)
        .map(|line| (id(line).unwrap(), line.to_vec()))
        .collect();
    others.sort_by_key(|(id, _)| *id);
    let log: Vec<&[u8]> = lines_of(SCRIPTED).into_iter().filter(|line| !is_other(line)).collect();
    let (count, log) = (others.len(), log.join(&b'\n'));
    let (_, alone, told) = read(&[&log]);
    let mut reading = Reading::beside(|_: &[u8], _: &[u8]| true, Others(others.into()));
    let (mut events, mut lines, mut beside) = (Vec::new(), 0, 0);
    let mut hear = |heard: Heard<'_>| match heard {
        Heard::Line(_) => lines += 1,
        Heard::Beside(_) => beside += 1,
        Heard::Event(event) => events.push(event),
        Heard::Further(_) => {}
    };
    reading.begin(0);
    log.chunks(700).for_each(|piece| reading.hear(piece, &mut hear));
    assert_eq!(reading.end_hear(&mut hear), told[0]);
    let counts = reading.finish_hear(&mut hear);
    assert!(count > 20 && counts.records == alone.records + count as u64, "{count}");
    assert_eq!((lines, beside), (alone.records, count));
    assert_eq!(contents(&events), contents(&whole));
    let is_placed = |event: &Event| event.lines().all(|(line, place)| (place.file == 9) == is_other(&line));
    assert!(events.iter().all(is_placed));
}

#[test]
fn every_line_of_a_log_is_in_one_event_and_stands_where_it_says() {
    let (events, counts, told) = read(&[SCRIPTED]);
    let mut out: Vec<&[u8]> = events.iter().flat_map(|event| event.lines().map(|(line, _)| line)).collect();
    let mut lines = lines_of(SCRIPTED);
    out.sort();
    lines.sort();
    assert_eq!(out, lines);
    assert_eq!(
        (counts.records, counts.unparsed, counts.late, counts.conflicts),
        (lines.len() as u64, 0, 0, 0)
    );
    assert_eq!(
        (told[0].records, told[0].bytes, told[0].torn),
        (counts.records, SCRIPTED.len() as u64, false)
    );
    for (line, place) in events.iter().flat_map(Event::lines) {
        assert!(SCRIPTED[place.offset as usize..].starts_with(line));
    }
}

/// Done with cat, mv, rm, find and python3: `fixtures/audit/README.md`.
const NAMES: &[u8] = include_bytes!("../../../fixtures/audit/names.log");

/// Milliseconds since 1970.
fn time(line: &[u8]) -> i64 {
    let id = head(line).and_then(|head| head.event_id());
    id.map_or(0, |id| id.time.since(crate::clock::Timestamp::from_unix(0, 0)).as_millis() as i64)
}

#[test]
fn events_are_the_same_in_whatever_order_their_records_arrive() {
    let keyed =
        |kind: &[u8], line: &[u8]| kind == b"SYSCALL" && !line.windows(10).any(|part| part == b"key=(null)");
    let mut random = Random::new();
    for log in [SCRIPTED, NAMES] {
        let (all, wanted) = (contents(&read(&[log]).0), contents(&steadily(&[log], keyed).0));
        assert!(wanted.len() > 30 && wanted.len() < all.len());
        for round in 0..200 {
            let log = delayed(log, time, [1, 50, 1_000, 10_000][round % 4], &mut random);
            let (events, counts, _) = read(&[&log]);
            assert_eq!((contents(&events) == all, counts.conflicts), (true, 0), "round {round}");
            assert!(contents(&steadily(&[&log], keyed).0) == wanted, "round {round}");
        }
    }
}

/// Written again and again, so that much more passes than is waited for. No more lines than that come in ten seconds: of
/// an event of which all seemed to be there, what comes behind more than [`WINDOW`](assembly::WINDOW) lines is told as late.
#[test]
fn a_record_may_come_ten_seconds_late_in_a_long_log_too() {
    let again = |copy: usize| {
        lines_of(NAMES).into_iter().filter_map(move |line| {
            let text = String::from_utf8_lossy(line).into_owned();
            let id = head(line)?.event_id()?;
            let old = text.split_once("audit(")?.1.split_once(')')?.0.to_owned();
            let milliseconds = time(line) as usize + copy * 600;
            let (seconds, part) = (milliseconds / 1_000, milliseconds % 1_000);
            Some(
                text.replacen(&old, &format!("{seconds}.{part:03}:{}", id.serial as usize + copy * 50), 1)
                    + "\n",
            )
        })
    };
    let log: Vec<u8> = (0..60).flat_map(again).flat_map(String::into_bytes).collect();
    let all = contents(&read(&[&log]).0);
    assert!(all.len() > 2_500);
    let mut random = Random::new();
    for _ in 0..3 {
        let (events, counts, _) = read(&[&delayed(&log, time, 10_000, &mut random)]);
        assert_eq!((events.len(), counts.cut_off), (all.len(), 0));
        assert!(contents(&events) == all);
    }
}

#[test]
fn events_are_the_same_in_whatever_files_their_records_stand() {
    let expected = contents(&read(&[SCRIPTED]).0);
    let half = SCRIPTED.len() / 2
        + SCRIPTED[SCRIPTED.len() / 2..].iter().position(|byte| *byte == b'\n').unwrap()
        + 1;
    assert_eq!(contents(&read(&[&SCRIPTED[..half], &SCRIPTED[half..]]).0), expected);
}

#[test]
fn a_copy_of_a_log_is_no_news_and_another_text_of_it_is_a_conflict() {
    let expected = contents(&read(&[SCRIPTED]).0);
    let plain = lines_of(SCRIPTED).into_iter().map(|line| line.split(|byte| *byte == 0x1D).next().unwrap());
    let plain = [plain.collect::<Vec<_>>().join(&b"\r\n"[..]), b"\r\n".to_vec()].concat();
    let (events, counts, _) = read(&[SCRIPTED, &plain]);
    assert_eq!(contents(&events), expected);
    assert_eq!((counts.duplicates, counts.events), (counts.records / 2, expected.len() as u64));
    let other = SLOW.replace("inode=5", "inode=6");
    let (events, counts, _) = read(&[SLOW.as_bytes(), other.as_bytes()]);
    assert_eq!((counts.conflicts, counts.duplicates, counts.events), (1, 4, events.len() as u64));
    // Each file's own event, whole: what they have in common is of both.
    let inodes =
        |event: &Event| event.records().filter_map(|record| record.number("inode")).collect::<Vec<_>>();
    assert_eq!((inodes(&events[0]), inodes(&events[1])), (vec![5], vec![6]));
    assert!(events[..2].iter().all(|event| event.conflict && event.records().count() == 4));
    assert!(!events[2].conflict);
}

#[test]
fn machines_and_boots_with_equal_numbers_are_kept_apart() {
    let line = "type=USER_CMD msg=audit(1.0:7): pid=2";
    let (events, ..) = read(&[format!("node=a {line}\nnode=b {line}\n{line}\n").as_bytes()]);
    assert_eq!(events.iter().map(|event| event.node.len()).collect::<Vec<_>>().iter().sum::<usize>(), 2);
    assert_eq!(events.len(), 3);
    let boots = "type=USER_CMD msg=audit(100.0:700): pid=2\ntype=USER_CMD msg=audit(200.0:7): pid=2\n";
    assert_eq!(read(&[boots.as_bytes()]).0.iter().map(|event| event.epoch).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn what_is_missing_is_told_and_what_is_torn_is_counted() {
    let without = SLOW.lines().filter(|line| !line.contains("SYSCALL")).collect::<Vec<_>>().join("\n");
    assert_eq!(read(&[without.as_bytes()]).0[0].shortfalls, [Shortfall::NoSyscall]);
    let without = SLOW.lines().filter(|line| !line.contains("PATH")).collect::<Vec<_>>().join("\n");
    assert_eq!(read(&[without.as_bytes()]).0[0].shortfalls, [Shortfall::ItemsShort]);
    let (events, counts, told) = read(&[format!("{SLOW}\nx\n\0\0type=SYSCALL msg=aud").as_bytes()]);
    assert_eq!((events.len(), counts.unparsed, told[0].torn, told[0].nul_bytes), (2, 2, true, 2));
    let long = format!("type=PATH msg=audit(1.0:7): item=0 name={} inode=5\n", "2F".repeat(12 << 10));
    let (events, ..) = read(&[long.as_bytes()]);
    assert_eq!(events[0].record("PATH").unwrap().text("name").unwrap().len(), 12 << 10);
}

#[test]
fn what_cannot_be_held_is_given_up_and_told() {
    let mut text = Vec::new();
    for number in 0..40_000 {
        text.extend(format!("type=CWD msg=audit(1.0:{number}): cwd=\"{}\"\n", "x".repeat(500)).bytes());
    }
    let (events, counts, _) = read(&[&text]);
    assert_eq!((events.len(), counts.events), (40_000, 40_000));
    assert!(counts.cut_off > 0 && events.iter().any(|event| event.shortfalls.contains(&Shortfall::CutOff)));
}

#[test]
fn what_is_wanted_is_the_same_whether_all_is_put_together_or_only_that() {
    let mut random = crate::records::mishaps::Random::new();
    let mut lines = Vec::new();
    for number in 0..12_000 {
        let id = format!("msg=audit({}.{:03}:{number})", 100 + number / 50, number % 50);
        let key = if random.below(10) == 0 { "\"phi\"" } else { "(null)" };
        let call =
            format!("type=SYSCALL {id}: arch=c000003e syscall=257 success=yes items=2 pid=1 key={key}");
        let path = |item| format!("type=PATH {id}: item={item} name=\"/srv/{}\" inode=5", "x".repeat(90));
        let title = format!("type=PROCTITLE {id}: proctitle=\"cat\"");
        for (at, line) in [call, path(0), path(1), title].into_iter().enumerate() {
            // The system call itself may come last, and some 2,000 lines behind the first.
            lines.push((number * 4 + at + random.below(2_000), line));
        }
    }
    lines.sort();
    let text = lines.into_iter().flat_map(|(_, line)| (line + "\n").into_bytes()).collect::<Vec<u8>>();
    assert!(text.len() > 5 << 20, "more than is held");
    let wants = |kind: &[u8], line: &[u8]| kind == b"SYSCALL" && line.ends_with(b"\"phi\"");
    let (steady, counts) = steadily(&[&text], wants);
    let mut events = Vec::new();
    let mut reading = Reading::new(wants);
    reading.begin(0);
    reading.piece(&text, &mut |event| events.push(event));
    reading.end_file(&mut |event| events.push(event));
    let all = reading.finish(&mut |event| events.push(event));
    assert_eq!(contents(&steady), contents(&events));
    assert!(events.len() > 1_000 && events.iter().all(|event| event.records().count() == 4));
    assert_eq!((counts.records, counts.events, all.events), (all.records, steady.len() as u64, 12_000));
    for (line, place) in steady.iter().flat_map(Event::lines) {
        assert!(text[place.offset as usize..].starts_with(line));
    }
    assert_eq!(steady.first().map(|event| event.id.time.unix()), Some(100));
}

fn steadily(files: &[&[u8]], wants: impl FnMut(&[u8], &[u8]) -> bool) -> (Vec<Event>, Counts) {
    let mut events = Vec::new();
    let mut reading = Reading::new(Steady(wants));
    for (file, text) in (0..).zip(files) {
        reading.begin(file);
        text.chunks(1_000).for_each(|piece| reading.piece(piece, &mut |event| events.push(event)));
        reading.end_file(&mut |event| events.push(event));
    }
    let counts = reading.finish(&mut |event| events.push(event));
    (events, counts)
}

#[test]
fn what_auditd_said_of_itself_in_an_older_log_is_no_news_in_a_copy() {
    let boot = |began: u32| {
        format!(
            "type=DAEMON_START msg=audit({began}.100:77{began}): op=start ver=3.0.9 kernel=6.1 pid=1 res=success\n\
            type=USER_CMD msg=audit({began}.200:5): pid=2 msg='cmd=\"x\" res=success'\n\
            type=USER_CMD msg=audit({began}.900:6): pid=2 msg='cmd=\"y\" res=success'\n\
            type=DAEMON_END msg=audit({}.000:78{began}): op=terminate res=success\n",
            began + 50
        )
    };
    let (older, newer) = (boot(1_000), boot(9_000));
    let logs = [older.as_bytes(), newer.as_bytes()];
    let (events, counts, _) = read(&[logs[0], logs[1], logs[0]]);
    assert_eq!((events.len(), counts.duplicates), (8, 4));
    assert_eq!(contents(&events), contents(&read(&logs).0));
    assert_eq!(events.iter().map(|event| event.epoch).max(), Some(1));
}

#[test]
fn only_what_is_wanted_is_known_by_its_boot_and_by_its_copies_too() {
    let any = |kind: &[u8], _: &[u8]| kind == b"SYSCALL";
    let half =
        SCRIPTED.len() / 2 + SCRIPTED[SCRIPTED.len() / 2..].iter().position(|b| *b == b'\n').unwrap() + 1;
    let (whole, _) = steadily(&[SCRIPTED], any);
    assert_eq!(contents(&steadily(&[&SCRIPTED[..half], &SCRIPTED[half..]], any).0), contents(&whole));
    let (twice, counts) = steadily(&[SCRIPTED, SCRIPTED], any);
    assert_eq!((contents(&twice), counts.conflicts), (contents(&whole), 0));
    assert!(counts.duplicates > 0);
    let boots = "type=USER_CMD msg=audit(100.0:700): pid=2\ntype=SYSCALL msg=audit(200.0:7): pid=2\n";
    assert_eq!(steadily(&[boots.as_bytes()], any).0.iter().map(|event| event.epoch).collect::<Vec<_>>(), [1]);
}
