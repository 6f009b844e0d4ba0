//! Records that arrive in disorder: the accesses are the same.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::custody::json;
use crate::records::audit_event::{Joining, Reading, Steady, Wants};
use crate::records::mishaps::{Random, delayed};

/// Milliseconds that a record may come late, most in one of four rounds.
const LATE: [usize; 4] = [1, 20, 500, 10_000];

fn time(line: &[u8]) -> i64 {
    let since = |record: audit_log::Record<'_>| record.id.time.since(Timestamp::from_unix(0, 0));
    audit_log::record(line).map_or(0, |record| since(record).as_millis() as i64)
}

/// The recorded log, and when all of its records have come: every file that it is about is opened by another name, which
/// no rule watches.
fn log() -> Vec<u8> {
    let (rows, _) = answer(question(), &[], REAL);
    let inodes: BTreeSet<u64> = rows.iter().filter_map(|row| row.inode).collect();
    let after = inodes.into_iter().zip(9_000..).map(|(inode, serial)| {
        opening(1_795_401_240, serial, "", &format!("/mnt/{inode}"), inode)
            .replace("08:01", "fe:00")
            .replace("key=\"phi\"", "key=(null)")
    });
    REAL.iter().copied().chain(after.flat_map(String::into_bytes)).collect()
}

/// The rows without what says where they stand: their numbers and places, and the order of both. With each its events.
pub(super) fn told_of(log: &[u8], question: &Question, steady: bool) -> BTreeMap<String, BTreeSet<String>> {
    let sessions = [session(8, "203.0.113.9", 1_795_401_223, None)];
    let mut access = Access::new(question.clone(), &sessions);
    let mut rows = Vec::new();
    let sieve = access.sieve();
    let mut take = |event: Event| access.take(&event, &mut |row| rows.push(row));
    match steady {
        true => read(Steady(sieve), log, &mut take),
        false => read(|_: &[u8], _: &[u8]| true, log, &mut take),
    }
    access.finish(&mut |row| rows.push(row));
    let told: BTreeMap<String, BTreeSet<String>> = rows.iter().map(without_places).collect();
    assert_eq!(told.len(), rows.len());
    told
}

pub(super) fn read(sieve: impl Wants, log: &[u8], take: &mut dyn FnMut(Event)) {
    let mut reading = Reading::new(sieve);
    reading.begin(0);
    log.chunks(5_000).for_each(|piece| reading.piece(piece, take));
    reading.end_file(take);
    reading.finish(take);
}

fn without_places(row: &AccessRow) -> (String, BTreeSet<String>) {
    let ids: BTreeSet<String> =
        row.events.iter().map(|event| event.split('@').next().unwrap().to_owned()).collect();
    let row = AccessRow { row_id: 0, events: ids.iter().cloned().collect(), ..row.clone() };
    let mut bytes = Vec::new();
    json::row(&mut bytes, &row).unwrap();
    (String::from_utf8(bytes).unwrap(), ids)
}

fn all_ids(rows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    rows.values().flatten().cloned().collect()
}

#[test]
fn accesses_are_the_same_in_whatever_order_their_records_arrive() {
    let (roots, keys, log) = (vec![b"/var/phi".to_vec()], vec![b"phi".to_vec()], log());
    let mut random = Random::new();
    for (roots, steady, rounds) in [(roots.clone(), false, 60), (roots, true, 120), (vec![], true, 60)] {
        let question = Question::of(roots, keys.clone());
        let expected = told_of(&log, &question, false);
        let elsewhere = expected.keys().filter(|row| row.contains("\"/mnt/")).count();
        // A key alone says of an event that it matters, and of no file.
        assert_eq!(elsewhere > 5, !question.roots.is_empty(), "{elsewhere}");
        assert!(expected.len() > 35);
        for round in 0..rounds {
            let log = delayed(&log, time, LATE[round % LATE.len()], &mut random);
            assert_eq!(told_of(&log, &question, steady), expected, "{steady}, round {round}");
        }
    }
}

/// Without a key lines pass that name a folder, and those of inodes that an earlier line taught. So an event that says
/// nothing itself may pass or not where its records overtake those that teach; and never does one that matters to nobody.
#[test]
fn without_a_key_only_what_others_teach_at_the_same_time_depends_on_the_order() {
    let (question, log) = (Question::of(vec![b"/var/phi".to_vec()], vec![]), log());
    let all = all_ids(&told_of(&log, &question, false));
    let in_order = all_ids(&told_of(&log, &question, true));
    // Also what was done below a directory that is known by its descriptor alone; not what was found there and is then met by
    // another name.
    assert!(all.difference(&in_order).all(|id| id.starts_with("1795401240")), "{in_order:?}");
    let own: BTreeSet<String> =
        events(&log).iter().filter_map(|event| says_itself(&question, event)).collect();
    let certain: BTreeSet<&String> =
        in_order.iter().filter(|id| own.contains(*id) || id.starts_with("1795401240")).collect();
    assert!(certain.len() > 20 && certain.len() > own.intersection(&in_order).count() + 5);
    let mut random = Random::new();
    for round in 0..80 {
        let log = delayed(&log, time, LATE[round % LATE.len()], &mut random);
        let told = all_ids(&told_of(&log, &question, true));
        let missing: Vec<_> = certain.iter().filter(|id| !told.contains(**id)).collect();
        assert!(missing.is_empty() && told.is_subset(&all), "round {round}: {missing:?}");
    }
}

#[test]
fn a_log_that_came_another_way_tells_the_same() {
    let expected = told_of(REAL, &question(), false);
    let lines = || REAL.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    // Written from documentation: audispd's syslog plugin.
    let forwarded: Vec<u8> =
        lines().flat_map(|line| [b"Nov 23 02:33:43 web01 audispd: ", line, b"\n"].concat()).collect();
    let windows: Vec<u8> = lines().flat_map(|line| [line, b"\r\n"].concat()).collect();
    let twice = [REAL, REAL].concat();
    for (what, log) in [("forwarded", forwarded), ("CRLF", windows), ("twice", twice)] {
        for steady in [false, true] {
            assert_eq!(told_of(&log, &question(), steady), expected, "{what} {steady}");
        }
    }
}

/// The number of an event that passes though nothing was learned before.
fn says_itself(question: &Question, event: &Event) -> Option<String> {
    let mut sieve = Access::new(question.clone(), &[]).sieve();
    let passes =
        event.lines().any(|(line, _)| audit_log::record(line).is_some_and(|record| sieve(record.kind, line)));
    let line = String::from_utf8_lossy(event.lines().next()?.0).into_owned();
    let id = line.split_once("audit(")?.1.split_once(')')?.0;
    passes.then(|| id.to_owned())
}

/// Files that are met under PHI and later by another name, which no rule watches: some so soon behind that it must be known
/// at once, most across some of the places where text is let go. Between them lies what is nobody's business.
fn learning() -> Vec<u8> {
    let mut random = Random::new();
    let (mut log, mut known): (Vec<u8>, Vec<u32>) = (Vec::new(), Vec::new());
    for serial in 1..9_000_u32 {
        let time = 1_795_401_240 + i64::from(serial) / 50;
        let line = match random.below(4) {
            0 => {
                known.push(serial);
                opening(time, serial, "", &format!("/var/phi/{serial}"), serial.into())
            }
            1 if !known.is_empty() => {
                let far = known[random.below(known.len())];
                let inode = if random.below(2) == 0 { known[known.len() - 1] } else { far };
                opening(time, serial, "", &format!("/mnt/{serial}"), inode.into())
                    .replace("key=\"phi\"", "key=(null)")
            }
            _ => {
                let name = format!("/srv/{}", "x".repeat(random.below(900)));
                opening(time, serial, "", &name, 1_000_000 + u64::from(serial))
                    .replace("key=\"phi\"", "key=(null)")
            }
        };
        log.extend(line.into_bytes());
    }
    log
}

#[test]
fn what_was_looked_at_before_makes_the_same_rows_in_the_same_order() {
    let log = learning();
    assert!(log.len() > 4 << 20, "{}", log.len());
    let rows = |is_joined: bool| {
        let mut access = Access::new(Question::of(vec![b"/var/phi".to_vec()], vec![b"phi".to_vec()]), &[]);
        let (mut rows, sieve, (look, learner)) = (Vec::new(), access.sieve(), access.halves());
        let mut take = |event: Event| access.take(&event, &mut |row| rows.push(row));
        if is_joined {
            let mut joining = Joining::new(learner);
            let mut scan = joining.begin(0, look);
            log.chunks(7_000)
                .for_each(|piece| scan.piece(piece, &mut |block| joining.block(block, &mut take)));
            scan.end(&mut |block| joining.block(block, &mut take));
            joining.finish(&mut take);
        } else {
            read(Steady(sieve), &log, &mut take);
        }
        access.finish(&mut |row| rows.push(row));
        rows
    };
    let (by_line, joined) = (rows(false), rows(true));
    let elsewhere = by_line.iter().filter(|row| row.path.starts_with("/mnt/")).count();
    assert!(elsewhere > 1_500 && by_line.len() > elsewhere + 1_500, "{elsewhere} of {}", by_line.len());
    assert_eq!(by_line.len(), joined.len());
    let text = |row: &AccessRow| {
        let mut bytes = Vec::new();
        json::row(&mut bytes, row).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    by_line.iter().zip(&joined).for_each(|(one, other)| assert_eq!(text(one), text(other)));
}
