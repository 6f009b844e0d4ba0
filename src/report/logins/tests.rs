//! Sessions and counts in the forms that answers have.

use super::*;
use crate::custody::rows::login_views::EvidenceRow;
use crate::report::siem::{ecs, syslog};
use crate::view::logins::{Attempt, Logins, Times};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_795_292_388 + seconds, 0)
}

fn session() -> LoginSessionRow {
    let elevation = ElevationRow {
        by: TextColumn::of(b"sudo"),
        command: TextColumn::of(b"/usr/bin/id"),
        file: 4,
        offset: 9,
        refused: true,
        source: "text",
        time: at(5),
        to: TextColumn::of(b"root"),
    };
    LoginSessionRow {
        address: TextColumn::of(b"192.0.2.7"),
        auid: Some(1001),
        elevations: vec![elevation],
        ending: "logout",
        end: Some(at(9)),
        flags: vec!["shared_account"],
        key_fingerprint: TextColumn::of(b"SHA256:x"),
        key_kind: TextColumn::of(b"ED25519"),
        label: "A2",
        start: Some(at(0)),
        time_quality: "exact",
        user: TextColumn::of(b"alice"),
        ..LoginSessionRow::default()
    }
}

#[test]
fn a_session_has_a_cell_for_each_column_and_shows_who_acted_as_another() {
    let cells = session().cells();
    assert_eq!(cells.len(), LoginSessionRow::COLUMNS.len());
    assert_eq!(cells[0], "2026-11-21T20:19:48.000000000Z");
    assert_eq!(cells[10..12], ["ED25519 SHA256:x", "sudo to root: /usr/bin/id (refused)"]);
}

#[test]
fn a_session_is_its_beginning_what_was_done_as_another_and_its_end() {
    let nobody = |_: &[u8]| false;
    let events = of_session(&session(), &nobody);
    let told: Vec<(&str, &str)> =
        events.iter().map(|event| (event.op.as_str(), event.outcome.word())).collect();
    assert_eq!(told, [("opened", "success"), ("elevated", "failure"), ("closed", "success")]);
    let open = LoginSessionRow { ending: OPEN, end: None, elevations: Vec::new(), ..session() };
    assert_eq!(of_session(&open, &nobody).len(), 1);
    assert!(of_session(&LoginSessionRow::default(), &nobody).is_empty());
    let line = syslog::line(&events[0], "ehr01");
    assert!(line.contains("user=\"alice\"") && line.contains("addr=\"192.0.2.7\""), "{line}");
    assert!(ecs::line(&events[2], "ehr01").unwrap().ends_with(b"\n"));
}

#[test]
fn each_event_of_a_session_has_a_name_of_its_own_and_says_as_whom_somebody_acted() {
    let evidence = EvidenceRow { field: "address", file: 1, offset: 0, source: "text" };
    let of = |to: &[u8], refused: bool, offset: u64| ElevationRow {
        to: TextColumn::of(to),
        refused,
        offset,
        ..session().elevations.remove(0)
    };
    let elevations = vec![
        of(b"root", false, 20),
        of(b"root", true, 30),
        of(b"Hunter2!", true, 40),
        of(b"Let-In1!", false, 50),
    ];
    let session = LoginSessionRow { evidence: vec![evidence], elevations, ..session() };
    let events = of_session(&session, &|name| name.ends_with(b"!"));
    let told: Vec<(&str, &str, bool)> = events
        .iter()
        .map(|event| (event.row.as_str(), event.to.as_str(), event.flags.contains(&"masked")))
        .collect();
    let expected = [
        ("sessions/1:0/opened", "", false),
        ("sessions/4:20/elevated", "root", false),
        ("sessions/4:30/elevated", "root", false),
        // su asks for a name, and then for a password.
        ("sessions/4:40/elevated", "***", true),
        ("sessions/4:50/elevated", "Let-In1!", false),
        ("sessions/1:0/closed", "", false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_became_of_a_record_follows_from_its_kind() {
    let failed = [
        "failed",
        "invalid_user",
        "error_pam",
        "not_allowed",
        "too_many_tries",
        "pam_failure",
        "console_failed",
    ];
    for log in ["text", "journal"] {
        for kind in failed {
            assert_eq!(outcome(&format!("{log}_{kind}")), Outcome::Failure, "{kind}");
        }
        for kind in ["accepted", "console_accepted"] {
            assert_eq!(outcome(&format!("{log}_{kind}")), Outcome::Success, "{kind}");
        }
        assert_eq!(outcome(&format!("{log}_partial")), Outcome::Unknown);
    }
    for kind in ["auth", "login"] {
        assert_eq!(outcome(&format!("audit_user_{kind}_failed")), Outcome::Failure);
        assert_eq!(outcome(&format!("audit_user_{kind}_success")), Outcome::Success);
    }
    assert_eq!(outcome("btmp"), Outcome::Failure);
    let mut logins = Logins::new(None);
    logins.failed_record(b"bob", b"192.0.2.7", Some(at(7)));
    let counted = logins.finish();
    let told = counted.dated(false).find(|told| told.row.by == "account").unwrap();
    let event = of_counts(&told).remove(0);
    assert_eq!(event.outcome, Outcome::Failure);
    assert!(syslog::line(&event, "h").starts_with("<108>1 "));
    let line = String::from_utf8(ecs::line(&event, "h").unwrap()).unwrap();
    assert!(line.contains("\"outcome\":\"failure\",\"type\":[\"start\"]"), "{line}");
}

#[test]
fn accepted_and_rejected_tries_are_events_of_their_own_and_records_are_not_added_to_them() {
    let count = LoginCountRow {
        accepted: BTreeMap::from([("password".into(), 1), ("publickey".into(), 2)]),
        by: "account",
        connections: 3,
        first: Some(at(0)),
        last: Some(at(9)),
        name: TextColumn::of(b"alice"),
        records: BTreeMap::from([("btmp", 7), ("text_failed", 4)]),
        rejected: BTreeMap::from([("password".into(), 4)]),
        ..LoginCountRow::default()
    };
    assert_eq!(count.cells().len(), LoginCountRow::COLUMNS.len());
    assert_eq!(count.cells()[3..6], ["password 1, publickey 2", "password 4", "btmp 7, text_failed 4"]);
    let times = |op| (op, Times { first: at(0), last: at(9) });
    let each = BTreeMap::from(["accepted", "btmp", "failed", "text_failed"].map(times));
    let told = |row: &LoginCountRow| {
        let told = Dated { row: row.clone(), masked: None, each: each.clone() };
        of_counts(&told).into_iter().map(|event| (event.op, event.count)).collect::<Vec<_>>()
    };
    assert_eq!(told(&count), [("accepted".into(), 3), ("failed".into(), 4)]);
    let none = BTreeMap::new;
    let records = LoginCountRow { accepted: none(), rejected: none(), ..count };
    assert_eq!(told(&records), [("btmp".into(), 7), ("text_failed".into(), 4)]);
    let timeless = Dated { row: records, masked: None, each: BTreeMap::new() };
    assert_eq!((of_counts(&timeless).len(), without_time(&timeless)), (0, 2));
}

fn attempt(user: &str, accepted: bool, time: Option<Timestamp>) -> Attempt {
    let (method, from) = (b"password".to_vec(), b"192.0.2.7".to_vec());
    Attempt { time, user: user.into(), method, accepted, from, ..Attempt::default() }
}

fn events_of_accounts(logins: Logins) -> Vec<(String, Timestamp, Option<Timestamp>)> {
    let counted = logins.finish();
    let accounts = counted.dated(false).filter(|told| told.row.by == "account");
    let events = accounts.flat_map(|told| of_counts(&told));
    events.map(|event| (event.row, event.time, event.last)).collect()
}

#[test]
fn what_was_accepted_is_not_dated_to_what_failed_nor_named_as_it() {
    let mut logins = Logins::new(None);
    for (seconds, accepted) in [(0, false), (5, false), (900, true), (901, true)] {
        logins.attempt(&attempt("root", accepted, Some(at(seconds))));
    }
    logins.failed_record(b"bob", b"192.0.2.7", Some(at(7)));
    logins.failed_record(b"bob", b"192.0.2.7", Some(at(3)));
    let told = events_of_accounts(logins);
    let one = |row: &str, first, last| (row.to_owned(), at(first), Some(at(last)));
    let expected = [
        one("logins/account/accepted/root", 900, 901),
        one("logins/account/failed/root", 0, 5),
        one("logins/account/btmp/bob", 3, 7),
    ];
    assert_eq!(told, expected);
}

#[test]
fn masked_names_are_told_apart_by_what_is_no_secret() {
    let mut logins = Logins::new(None);
    for user in ["Tr0ub4dor", "Sommer2026!", "alice"] {
        logins.attempt(&Attempt { invalid: user != "alice", ..attempt(user, false, Some(at(0))) });
    }
    let rows: Vec<String> = events_of_accounts(logins).into_iter().map(|(row, ..)| row).collect();
    let expected =
        ["logins/masked_account/failed/1", "logins/masked_account/failed/2", "logins/account/failed/alice"];
    assert_eq!(rows, expected);
}

#[test]
fn a_try_without_a_time_is_no_event_and_is_counted_as_none() {
    let mut logins = Logins::new(None);
    logins.attempt(&attempt("root", false, Some(at(0))));
    logins.attempt(&attempt("root", true, None));
    let counted = logins.finish();
    let told = counted.dated(false).find(|told| told.row.by == "account").unwrap();
    assert_eq!((of_counts(&told).len(), without_time(&told)), (1, 1));
}
