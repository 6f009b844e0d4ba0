//! The zones of Berlin and New York as Debian 12 has them (tzdata 2024 and later), and rules of documents.

use super::*;
use crate::clock::Timestamp;
use crate::records::mishaps::Mishaps;

const BERLIN: &[u8] = include_bytes!("../../../fixtures/auth/zone-berlin");
const NEW_YORK: &[u8] = include_bytes!("../../../fixtures/auth/zone-new-york");

fn at(text: &str) -> i64 {
    Timestamp::parse(text).unwrap().unix()
}

#[test]
fn offsets_follow_the_table_and_the_rule_behind_it() {
    let zone = Zone::parse(BERLIN).unwrap();
    for (time, east) in [
        ("1880-01-01T00:00:00Z", 3_208),
        ("1945-06-01T00:00:00Z", 10_800),
        ("2026-03-29T00:59:59Z", 3_600),
        ("2026-03-29T01:00:00Z", 7_200),
        ("2026-10-25T00:59:59Z", 7_200),
        ("2026-10-25T01:00:00Z", 3_600),
        ("2099-07-01T00:00:00Z", 7_200),
        ("2099-12-31T23:59:59Z", 3_600),
    ] {
        assert_eq!(zone.offset(at(time)), east, "{time}");
    }
    assert_eq!(Zone::parse(NEW_YORK).unwrap().offset(at("2026-11-01T06:00:00Z")), -18_000);
}

#[test]
fn an_hour_is_there_twice_and_another_never() {
    let zone = Zone::parse(BERLIN).unwrap();
    let (first, second) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
    assert_eq!(zone.place(at("2026-10-25T02:30:00Z")), Placed::Twice(first, second));
    assert_eq!(zone.place(at("2026-10-25T01:59:59Z")), Placed::Once(at("2026-10-24T23:59:59Z")));
    assert_eq!(zone.place(at("2026-10-25T03:00:00Z")), Placed::Once(at("2026-10-25T02:00:00Z")));
    assert_eq!(zone.place(at("2026-03-29T02:30:00Z")), Placed::Never(at("2026-03-29T01:30:00Z")));
    assert_eq!(Zone::fixed(-3_600).place(0), Placed::Once(3_600));
}

/// Written from documentation: tzset(3), RFC 9636.
#[test]
fn rules_of_every_shape() {
    let offset = |rule: &str, time: &str| Rule::parse(rule.as_bytes()).unwrap().offset(at(time));
    assert_eq!(offset("<+0330>-3:30", "2026-07-01T00:00:00Z"), 12_600);
    assert_eq!(offset("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z"), 39_600);
    assert_eq!(offset("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z"), 36_000);
    assert_eq!(offset("XXX3EDT4,J60,300/0", "2028-03-01T04:59:00Z"), -10_800);
    assert_eq!(offset("XXX3EDT4,J60,300/0", "2028-03-01T05:01:00Z"), -14_400);
    assert_eq!(offset("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:01:00Z"), 10_800);
    for wrong in ["", "X", "CET", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST"] {
        assert_eq!(Rule::parse(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn spoilt_bytes_do_no_harm() {
    Mishaps::of(BERLIN).rounds(300).heads(44, 44).each(|bytes| {
        if let Some(zone) = Zone::parse(bytes) {
            for time in [i64::MIN / 2, -1, 0, 1 << 31, 1 << 40, i64::MAX / 2] {
                zone.place(time);
            }
        }
    });
}
