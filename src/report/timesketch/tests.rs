//! What Timesketch asks of every line.

use super::*;
use crate::clock::Timestamp;
use crate::custody::entry::EntryId;
use crate::view::events::{At, COLLECTOR};

fn fact() -> Fact {
    let at = At { entry: Some(EntryId(9)), offset: 40 };
    Fact {
        user: b"an\xff".to_vec(),
        auid: Some(1000),
        path: b"/srv/phi/a".to_vec(),
        ..Fact::new(
            Timestamp::from_unix(1_795_292_388, 123_456_789),
            "audit.read",
            "read\n/srv/phi/a",
            "audit",
            at,
        )
        .label(COLLECTOR)
    }
}

#[test]
fn a_line_has_the_fields_that_timesketch_asks_for() {
    assert_eq!(
        String::from_utf8(line(&fact()).unwrap()).unwrap(),
        "{\"auid\":1000,\"data_type\":\"phi_ir:audit:audit:read\",\"datetime\":\"2026-11-21T20:19:48.123456789Z\",\
         \"entry\":\"000009\",\"labels\":[\"collector\"],\"message\":\"read\\\\u{a}/srv/phi/a\",\"offset\":40,\
         \"path\":\"/srv/phi/a\",\"source\":\"audit\",\"time_quality\":\"exact\",\"timestamp\":1795292388123456,\
         \"timestamp_desc\":\"Event Time\",\"user\":\"an\\\\xff\",\"what\":\"audit.read\"}\n"
    );
    assert!(line(&Fact { time: None, ..fact() }).unwrap().is_empty());
}

#[test]
fn the_columns_of_the_csv_are_those_of_the_cells() {
    assert_eq!(COLUMNS[..3], ["message", "datetime", "timestamp_desc"]);
    let cells = cells(&fact()).unwrap();
    let at = |name| cells[COLUMNS.iter().position(|column| *column == name).unwrap()].as_str();
    assert_eq!((at("timestamp"), at("what"), at("entry")), ("1795292388123456", "audit.read", "000009"));
    assert_eq!((at("user"), at("auid"), at("address"), at("pid")), ("an\\xff", "1000", "", ""));
    assert_eq!((at("labels"), at("offset"), at("path")), ("collector", "40", "/srv/phi/a"));
}

#[test]
fn the_keys_of_a_line_are_sorted_and_no_field_is_too_long_for_its_index() {
    let long = Fact { path: vec![0xff; 200_000], address: b"x".to_vec(), pid: Some(1), ..fact() };
    let made = Line::of(&long).unwrap();
    assert!(made.path.as_ref().unwrap().len() < 32_766);
    assert!(made.path.as_ref().unwrap().ends_with("… (of 800000 bytes)"));
    crate::custody::json::assert_keys_sorted(&made);
}
