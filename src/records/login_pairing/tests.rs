//! Records in, sessions out; the same as last(1) says of a file that utmpdump(1) wrote.

use super::*;
use crate::records::mishaps::Mishaps;
use crate::records::sqlite::Database;
use crate::records::utmp::{Judge, Layout, Sort};

const NOW: i64 = 1_800_000_000;
const T: i64 = 1_790_000_000;

fn rec(kind: i16, pid: i64, line: &str, user: &str, seconds: i64) -> LoginRecord {
    let (line, user) = (line.as_bytes().to_vec(), user.as_bytes().to_vec());
    LoginRecord { kind, pid, line, user, seconds: T + seconds, ..LoginRecord::default() }
}

/// Sessions as `user line start-end how`, in seconds.
fn paired(records: Vec<LoginRecord>) -> (Vec<String>, Found) {
    let (mut pairing, mut sessions) = (Pairing::default(), Vec::new());
    for (number, mut record) in records.into_iter().enumerate() {
        record.place.offset = number as u64;
        pairing.record(record, &mut |session| sessions.push(session));
    }
    let found = pairing.end(&mut |session| sessions.push(session));
    (sessions.iter().map(said).collect(), found)
}

fn said(session: &PairedLogin) -> String {
    let at = |time: Option<Timestamp>| time.map_or("?".into(), |time| (time.unix() - T).to_string());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (start, end) = (at(session.start), at(session.end));
    format!("{} {} {start}-{end} {:?}", text(&session.user), text(&session.line), session.ended)
}

#[test]
fn a_session_ends_by_whatever_says_so_first() {
    let (sessions, found) = paired(vec![
        rec(BOOT, 0, "~", "reboot", 0),
        rec(USER, 10, "pts/0", "alice", 10),
        rec(USER, 11, "pts/1", "bob", 11),
        rec(USER, 12, "tty1", "carol", 12),
        rec(USER, 13, "pts/2", "dave", 13),
        rec(USER, 14, "pts/3", "erin", 14),
        rec(DEAD, 10, "pts/0", "", 20),
        rec(USER, 20, "pts/1", "frank", 21),
        rec(LOGIN, 21, "tty1", "LOGIN", 22),
        rec(RUN_LEVEL, 0, "~", "shutdown", 30),
        rec(BOOT, 0, "~", "reboot", 40),
        rec(USER, 30, "pts/0", "gina", 50),
        rec(BOOT, 0, "~", "reboot", 60),
        rec(USER, 31, "pts/0", "hal", 70),
        rec(RUN_LEVEL, i64::from(b'6') + 256 * i64::from(b'5'), "~", "runlevel", 75),
        rec(USER, 32, "pts/0", "ida", 80),
    ]);
    let expected = [
        "alice pts/0 10-20 Logout",
        "bob pts/1 11-21 Replaced",
        "carol tty1 12-22 LineFree",
        "dave pts/2 13-30 Down",
        "erin pts/3 14-30 Down",
        "frank pts/1 21-30 Down",
        "gina pts/0 50-60 Crash",
        "hal pts/0 70-75 Down",
        "ida pts/0 80-? OpenAtEndOfLog",
    ];
    assert_eq!(sessions, expected);
    assert_eq!((found.signs.len(), found.records), (0, 16));
}

#[test]
fn a_crash_lies_between_the_last_record_and_the_next_start() {
    let records =
        [rec(USER, 1, "pts/0", "alice", 10), rec(OLD_TIME, 0, "|", "", 50), rec(BOOT, 0, "~", "", 90)];
    let (mut pairing, mut sessions) = (Pairing::default(), Vec::new());
    for record in records {
        pairing.record(record, &mut |session| sessions.push(session));
    }
    let at = |seconds: i64| Some(Timestamp::from_unix(T + seconds, 0));
    assert_eq!((sessions[0].end_after, sessions[0].end, sessions[0].ended), (at(50), at(90), Ended::Crash));
}

#[test]
fn an_end_without_a_terminal_is_found_by_id_and_then_by_process() {
    let with_id = |record: LoginRecord, id: &[u8]| LoginRecord { id: id.to_vec(), ..record };
    let (sessions, _) = paired(vec![
        with_id(rec(USER, 1, "pts/0", "alice", 1), b"ts/0"),
        rec(USER, 2, "pts/1", "bob", 2),
        rec(USER, 3, "", "ftp", 3),
        with_id(rec(DEAD, 99, "", "", 4), b"ts/0"),
        with_id(rec(DEAD, 2, "", "", 5), b"none"),
        rec(DEAD, 3, "", "", 6),
    ]);
    assert_eq!(sessions, ["alice pts/0 1-4 Logout", "bob pts/1 2-5 Logout", "ftp  3-6 Logout"]);
}

#[test]
fn how_far_the_clock_was_set_is_told_and_nothing_is_put_in_another_order() {
    let records = [
        rec(USER, 1, "pts/0", "alice", 100),
        rec(OLD_TIME, 0, "|", "", 200),
        rec(NEW_TIME, 0, "{", "", 50),
        rec(DEAD, 1, "pts/0", "", 60),
        rec(USER, 2, "pts/0", "bob", 70),
    ];
    let (mut pairing, mut sessions) = (Pairing::default(), Vec::new());
    for record in records {
        pairing.record(record, &mut |session| sessions.push(session));
    }
    let found = pairing.end(&mut |session| sessions.push(session));
    assert_eq!(said(&sessions[0]), "alice pts/0 100-60 Logout");
    assert_eq!((sessions[0].clock_set, sessions[1].clock_set, found.clock_steps), (-150_000_000, 0, 1));
}

#[test]
fn an_end_of_what_never_began_is_a_sign_only_where_the_beginning_would_be_known() {
    let (sessions, found) = paired(vec![
        rec(DEAD, 5, "pts/7", "", 0),
        rec(BOOT, 0, "~", "reboot", 1),
        rec(INIT, 6, "tty1", "", 2),
        rec(DEAD, 6, "tty1", "", 3),
        rec(USER, 7, "pts/0", "alice", 4),
        rec(DEAD, 7, "pts/0", "", 5),
        rec(DEAD, 7, "pts/0", "", 6),
        rec(DEAD, 8, "pts/9", "", 7),
    ]);
    assert_eq!(sessions, ["alice pts/0 4-5 Logout"]);
    let place = Place { file: 0, offset: 7 };
    assert_eq!(found.signs, [Sign { kind: SignKind::DeadWithoutUser, place, count: 1 }]);
    assert_eq!(found.begun_before, 1);
}

#[test]
fn what_the_records_have_about_themselves_stands_with_the_other_signs() {
    let mut bytes = include_bytes!("../../../fixtures/logins/wtmp-384-le").to_vec();
    // Bob's login is wiped, as plaso's wtmp.1 has it; alice's end has lost its time; the file has a stray byte.
    bytes[768..1152].fill(0);
    bytes[1152 + 340..1152 + 344].fill(0);
    bytes.push(1);
    let (sessions, found) = chain(&[&bytes, &bytes]);
    assert_eq!(sessions[0], "alice pts/0 100-? Logout");
    let signs: Vec<_> = found
        .signs
        .iter()
        .map(|sign| (sign.kind.word(), sign.place.file, sign.place.offset, sign.count))
        .collect();
    let expected = [
        ("wiped", 0, 768, 1),
        ("zeroed_time", 0, 1152, 1),
        ("dead_without_user", 0, 2304, 1),
        ("trailing_bytes", 0, 2688, 1),
        // What the copy has about itself; its records count once.
        ("wiped", 1, 768, 1),
        ("zeroed_time", 1, 1152, 1),
        ("trailing_bytes", 1, 2688, 1),
    ];
    assert_eq!((&signs[..], sessions.len()), (&expected[..], 1));
}

/// The sessions of files that follow one another.
fn chain(files: &[&[u8]]) -> (Vec<String>, Found) {
    let (mut pairing, mut sessions) = (Pairing::default(), Vec::new());
    for (file, bytes) in files.iter().enumerate() {
        let (file, layout) = (file as u32, Layout::ALL[0]);
        let mut judge = Judge::new(layout, Sort::Wtmp, NOW);
        let mut each =
            |item: Item<'_>| pairing.item(&item, file, &mut |session| sessions.push(said(&session)));
        judge.feed(bytes, &mut each);
        let findings = judge.finish(&mut each);
        pairing.file_end(file, &findings);
    }
    let found = pairing.end(&mut |session| sessions.push(said(&session)));
    (sessions, found)
}

#[test]
fn a_session_goes_on_in_the_next_file() {
    let bytes = include_bytes!("../../../fixtures/logins/wtmp-384-le");
    let (one, _) = chain(&[bytes]);
    assert_eq!(one, ["alice pts/0 100-3700 Logout", "bob pts/1 200-4000 Logout"]);
    let (first, second) = bytes.split_at(384 * 3);
    assert_eq!(chain(&[first, second]).0, one);
    assert_eq!(chain(&[first]).0, ["alice pts/0 100-? OpenAtEndOfLog", "bob pts/1 200-? OpenAtEndOfLog"]);
}

fn in_file(file: u32, record: LoginRecord) -> LoginRecord {
    LoginRecord { place: Place { file, offset: 0 }, ..record }
}

#[test]
fn files_that_overlap_tell_of_each_session_once_and_of_none_that_ends_before_it_begins() {
    let bytes = include_bytes!("../../../fixtures/logins/wtmp-384-le");
    let (one, found) = chain(&[bytes]);
    assert_eq!(found.copies, 0);
    let (sessions, copied) = chain(&[bytes, bytes]);
    assert_eq!((sessions, copied.records, copied.copies), (one.clone(), found.records, found.records));
    assert_eq!(copied.signs, found.signs);
    let (half, whole) = (chain(&[&bytes[..384 * 3], bytes]), chain(&[bytes]));
    assert_eq!((half.0, half.1.copies), (whole.0, 3));
    // An older file behind a newer one.
    let (sessions, _) = paired(vec![
        in_file(1, rec(USER, 1, "pts/0", "alice", 100)),
        in_file(1, rec(USER, 2, "pts/1", "bob", 101)),
        in_file(2, rec(DEAD, 9, "pts/0", "", 40)),
        in_file(2, rec(BOOT, 0, "~", "reboot", 50)),
        in_file(2, rec(USER, 3, "pts/1", "carol", 60)),
        in_file(2, rec(BOOT, 0, "~", "reboot", 200)),
    ]);
    let expected = ["alice pts/0 100-200 Crash", "bob pts/1 101-200 Crash", "carol pts/1 60-200 Crash"];
    assert_eq!(sessions, expected);
    // A clock that was set back, as the records say: the machine did begin again.
    let (sessions, _) = paired(vec![
        rec(USER, 1, "pts/0", "alice", 1_000),
        rec(OLD_TIME, 0, "|", "", 1_100),
        rec(NEW_TIME, 0, "{", "", 100),
        rec(BOOT, 0, "~", "reboot", 200),
    ]);
    assert_eq!(sessions, ["alice pts/0 1000-200 Crash"]);
}

/// Written from documentation (logrotate.conf(5)): wtmp, and then wtmp.1 and wtmp put together.
#[test]
fn a_copied_end_ends_what_only_its_own_file_has() {
    let ends = [
        (rec(DEAD, 2, "pts/1", "", 60), "bob pts/1 50-60 Logout"),
        (rec(LOGIN, 9, "pts/1", "LOGIN", 60), "bob pts/1 50-60 LineFree"),
        (rec(BOOT, 0, "~", "reboot", 60), "bob pts/1 50-60 Crash"),
        (rec(RUN_LEVEL, 0, "~", "shutdown", 60), "bob pts/1 50-60 Down"),
    ];
    for (end, expected) in ends {
        let bob = rec(USER, 2, "pts/1", "bob", 50);
        let (sessions, found) = paired(vec![in_file(1, end.clone()), in_file(2, bob), in_file(2, end)]);
        assert_eq!((&sessions[..], found.copies, found.records), (&[expected.to_owned()][..], 1, 2));
        assert!(found.signs.iter().all(|sign| sign.kind == SignKind::FilesOverlap));
    }
    // A clock that was set back: where the earlier file has it, the end stood before the beginning.
    let records =
        [rec(USER, 1, "pts/0", "alice", 90), rec(DEAD, 1, "pts/0", "", 99), rec(USER, 2, "pts/0", "bob", 50)];
    let twice = [1, 2].into_iter().flat_map(|file| records.clone().map(|record| in_file(file, record)));
    let (sessions, found) = paired(twice.collect());
    assert_eq!(
        (&sessions[..], found.copies),
        (&["alice pts/0 90-99 Logout", "bob pts/0 50-? OpenAtEndOfLog"].map(String::from)[..], 3)
    );
}

/// Made up.
#[test]
fn records_beyond_those_that_are_remembered_are_told() {
    let mut pairing = Pairing::default();
    let most = i64::try_from(copies::REMEMBERED).unwrap();
    for file in 1..=2 {
        for number in (0..most + 3).filter(|number| file == 1 || *number < 2 || *number >= most) {
            pairing.record(in_file(file, rec(OLD_TIME, 0, "|", "", number)), &mut |_| {});
        }
    }
    let found = pairing.end(&mut |_| {});
    assert_eq!((found.copies, found.copies_unknown), (2, 6));
}

/// Written from documentation (wtmp(5)): no record says that the clock was set back.
#[test]
fn within_a_file_a_start_of_the_machine_ends_what_is_open_whatever_the_clock_said() {
    let begun = || rec(USER, 1, "pts/0", "alice", 1_000);
    assert_eq!(paired(vec![begun(), rec(BOOT, 0, "~", "reboot", 200)]).0, ["alice pts/0 1000-200 Crash"]);
    let down = rec(RUN_LEVEL, 0, "~", "shutdown", 200);
    assert_eq!(paired(vec![begun(), down]).0, ["alice pts/0 1000-200 Down"]);
    let other = paired(vec![in_file(1, begun()), in_file(2, rec(BOOT, 0, "~", "reboot", 200))]);
    assert_eq!(other.0, ["alice pts/0 1000-? OpenAtEndOfLog"]);
}

#[test]
fn rows_of_a_database_have_their_ends_with_them() {
    let row =
        |record: LoginRecord, logout: i64| LoginRecord { logout: Some((T + logout) * 1_000_000), ..record };
    let (sessions, _) = paired(vec![
        row(rec(BOOT, 0, "~", "reboot", 0), 100),
        row(rec(USER, 0, "pts/0", "alice", 10), 20),
        rec(USER, 0, "pts/1", "bob", 30),
        rec(BOOT, 0, "~", "reboot", 200),
        rec(USER, 0, "pts/0", "carol", 210),
        row(rec(BOOT, 0, "~", "reboot", 300), 400),
        rec(USER, 0, "pts/0", "dave", 310),
    ]);
    let expected = [
        "alice pts/0 10-20 Logout",
        "bob pts/1 30-100 Down",
        "carol pts/0 210-300 Crash",
        "dave pts/0 310-400 Down",
    ];
    assert_eq!(sessions, expected);
    let bytes = include_bytes!("../../../fixtures/logins/wtmpdb-4096-utf-16le.db");
    let database = Database::open(bytes, None).unwrap();
    let table = database.table("wtmp").unwrap();
    let mut users = 0;
    database.rows(table.root, &mut Default::default(), &mut |row| {
        let record = LoginRecord::of_row(&database, &table, row, 3);
        assert_eq!(record.place, Place { file: 3, offset: row.id as u64 });
        users += usize::from(record.kind == USER && !record.user.is_empty() && record.time().is_some());
    });
    assert!(users > 0);
}

#[test]
fn what_is_kept_is_bounded_and_what_is_left_is_counted() {
    let mut pairing = Pairing::default();
    let mut ends = 0;
    for number in 0..OPEN_LIMIT as i64 + 5 {
        pairing.record(rec(USER, number, &format!("x{number}"), "a", 0), &mut |session| {
            assert_eq!(session.ended, Ended::NotFollowed);
            ends += 1;
        });
    }
    pairing.record(rec(BOOT, 0, "~", "", 0), &mut |_| ends += 1);
    for number in 0..SIGNS_KEPT as i64 + 5 {
        pairing.record(rec(DEAD, number + 1, "gone", "", 0), &mut |_| {});
    }
    let found = pairing.end(&mut |_| {});
    assert_eq!((found.not_followed, ends, found.signs_left), (5, OPEN_LIMIT + 5, 5));
}

/// Made up.
#[test]
fn starts_of_earlier_times_do_not_go_through_all_that_is_open() {
    let begun = std::time::Instant::now();
    let (mut pairing, mut ends) = (Pairing::default(), Vec::new());
    let mut each = |session: PairedLogin| ends.push(session.ended);
    for number in 0..16_000 {
        let user = rec(USER, number + 1, &format!("pts/{number}"), "a", 100_000 + number);
        pairing.record(in_file(1, user), &mut each);
    }
    // Once more as copies, which end nothing of another file.
    for file in [2, 3] {
        for number in 0..50_000 {
            pairing.record(in_file(file, rec(BOOT, 0, "~", "", number)), &mut each);
        }
    }
    pairing.record(in_file(3, rec(BOOT, 0, "~", "", 108_000)), &mut each);
    pairing.end(&mut each);
    let crashed = ends.iter().filter(|ended| **ended == Ended::Crash).count();
    assert_eq!((ends.len(), crashed), (16_000, 8_001));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// Written from documentation (wtmp(5)): the clock was set back by an hour before the second login.
#[test]
fn what_a_start_of_another_file_ends_is_told_by_the_clock_as_it_was_then() {
    let (sessions, _) = paired(vec![
        in_file(1, rec(USER, 1, "pts/0", "alice", 5_000)),
        in_file(1, rec(OLD_TIME, 0, "|", "", 5_100)),
        in_file(1, rec(NEW_TIME, 0, "{", "", 1_500)),
        in_file(1, rec(USER, 2, "pts/1", "bob", 1_600)),
        in_file(2, rec(BOOT, 0, "~", "reboot", 1_550)),
        in_file(2, rec(USER, 3, "pts/2", "carol", 9_000)),
        in_file(2, rec(BOOT, 0, "~", "reboot", 1_560)),
    ]);
    let expected =
        ["alice pts/0 5000-1550 Crash", "carol pts/2 9000-1560 Crash", "bob pts/1 1600-? OpenAtEndOfLog"];
    assert_eq!(sessions, expected);
}

#[test]
fn no_mishap_makes_it_stumble_and_no_login_is_lost() {
    let bytes = include_bytes!("../../../fixtures/logins/wtmp-384-le");
    Mishaps::of(bytes).rounds(300).each(|bytes| {
        let mut users = 0;
        let mut judge = Judge::new(Layout::ALL[0], Sort::Wtmp, NOW);
        let mut each = |item: Item<'_>| {
            users += usize::from(matches!(item, Item::Record { record, .. } if record.kind == USER));
        };
        judge.feed(bytes, &mut each);
        assert_eq!(chain(&[bytes]).0.len(), users);
    });
}
