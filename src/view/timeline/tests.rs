//! The order of facts, and which of them were asked for.

use super::*;
use crate::custody::entry::EntryId;
use crate::view::events::At;

fn fact(seconds: i64, nanos: u32) -> Fact {
    let at = At { entry: Some(EntryId(300)), offset: 7 };
    Fact::new(Timestamp::from_unix(seconds, nanos), "audit.read", "x", "audit", at)
}

#[test]
fn keys_are_in_the_order_of_time_then_of_place() {
    let far = Fact { beyond: Some(i64::MIN), ..fact(i64::MIN, 0) };
    let other = |at| Fact { at, ..fact(5, 1) };
    let ordered = [
        far,
        fact(-62_167_219_200, 0),
        fact(-5, 0),
        fact(-5, 999_999_999),
        fact(0, 0),
        fact(5, 0),
        other(At { entry: None, offset: u64::MAX }),
        other(At { entry: Some(EntryId(2)), offset: 256 }),
        other(At { entry: Some(EntryId(300)), offset: 2 }),
        other(At { entry: Some(EntryId(300)), offset: 256 }),
        Fact { serial: 7, ..other(At { entry: Some(EntryId(2)), offset: 9 }) },
        Fact { serial: 256, ..other(At { entry: Some(EntryId(2)), offset: 3 }) },
        Fact { source: "audit_history", ..other(At::default()) },
        Fact { source: "text", ..other(At::default()) },
        Fact { what: "file.born".into(), source: "text", ..other(At::default()) },
        fact(5, 2),
        Fact { beyond: Some(i64::MAX), ..fact(i64::MAX, 0) },
    ];
    let keys: Vec<Vec<u8>> = ordered.iter().map(|fact| key(fact).unwrap()).collect();
    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    assert_eq!(key(&Fact { time: None, ..fact(0, 0) }), None);
}

#[test]
fn any_order_of_facts_sorts_to_the_same_one() {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut facts: Vec<Fact> =
        (0..2000).map(|_| fact(next() as i64 % 2000 - 1000, (next() % 1_000_000_000) as u32)).collect();
    facts.sort_by_key(|fact| key(fact).unwrap());
    assert!(facts.is_sorted_by_key(|fact| fact.time));
}

#[test]
fn only_what_was_asked_for_is_admitted() {
    let anna = Fact {
        user: b"anna".to_vec(),
        auid: Some(1000),
        address: b"192.0.2.7".to_vec(),
        path: b"/srv/phi/a".to_vec(),
        ..fact(100, 0)
    };
    let at = |seconds| Some(Timestamp::from_unix(seconds, 0));
    let paths = |path: &str| vec![HostPath::new(path).unwrap()];
    let from = |address: &str| vec![address.parse().unwrap()];
    let any = Asked::default;
    for (asked, admitted) in [
        (any(), true),
        (Asked { since: at(100), until: at(100), ..any() }, true),
        (Asked { since: at(101), ..any() }, false),
        (Asked { until: at(99), ..any() }, false),
        (Asked { users: vec![b"anna".to_vec()], ..any() }, true),
        (Asked { users: vec![b"an".to_vec()], ..any() }, false),
        (Asked { users: vec![b"other name".to_vec()], auids: vec![7, 1000], ..any() }, true),
        (Asked { paths: paths("/srv/phi"), ..any() }, true),
        (Asked { paths: paths("/srv/ph"), ..any() }, false),
        (Asked { addresses: from("192.0.2.7"), ..any() }, true),
        (Asked { addresses: from("192.0.2.8"), ..any() }, false),
        (Asked { paths: paths("/srv/phi"), addresses: from("192.0.2.8"), ..any() }, false),
    ] {
        assert_eq!(asked.admits(&anna), admitted, "{asked:?}");
    }
    // Nobody is asked for by a login identity that the fact does not have.
    assert!(!Asked { auids: vec![1000], ..any() }.admits(&fact(1, 0)));
    assert!(!Asked { paths: paths("/srv"), ..any() }.admits(&fact(1, 0)));
}

#[test]
fn a_row_has_names_exactly_where_escaping_changed_them() {
    let fact = Fact { user: b"an\xff".to_vec(), path: b"/a".to_vec(), ..fact(100, 5) };
    let line = String::from_utf8(crate::custody::json::line(&row(&fact).unwrap()).unwrap()).unwrap();
    assert_eq!(
        line,
        "{\"entry\":\"000300\",\"offset\":7,\"path\":\"/a\",\"quality\":\"exact\",\"source\":\"audit\",\
         \"time\":\"1970-01-01T00:01:40.000000005Z\",\"user\":\"an\\\\xff\",\"user_b64\":\"YW7/\",\"what\":\"audit.read\",\
         \"words\":\"x\"}\n"
    );
    assert_eq!(micros(&fact), Some(100_000_000));
    assert_eq!(micros(&Fact { beyond: Some(i64::MIN), ..fact }), Some(i64::MIN));
    assert_eq!(parts(Timestamp::from_unix(-5, 250_000_000)), (-5, 250_000_000));
}
