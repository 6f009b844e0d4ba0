//! Numbers in their order and out of it, and boots between them.

use super::*;

fn id(serial: u64) -> EventId {
    EventId { time: Timestamp::from_unix(1_000, 0), serial }
}

fn seen(numbers: &[u64]) -> Serials {
    let mut serials = Serials::default();
    for number in numbers {
        serials.saw(id(*number));
    }
    serials
}

fn told(missing: &[MissingSerials]) -> Vec<(u64, u64)> {
    missing.iter().map(|range| (range.from, range.to)).collect()
}

fn missing(numbers: &[u64]) -> Vec<(u64, u64)> {
    told(&missing_in_all(&seen(numbers).boots))
}

#[test]
fn what_is_not_there_is_found_and_what_comes_late_is_there() {
    assert_eq!(missing(&[5, 5, 6, 7]), []);
    assert_eq!(missing(&[5, 9]), [(6, 8)]);
    assert_eq!(missing(&[5, 9, 7]), [(6, 6), (8, 8)]);
    assert_eq!(missing(&[5, 9, 6, 8]), [(7, 7)]);
    assert_eq!(missing(&[5, 9, 8, 7, 6, 4]), []);
    assert_eq!(missing(&[5, 2]), [(3, 4)]);
    assert_eq!(seen(&[5, 9, 4]).boots[0].first.serial, 4);
}

#[test]
fn a_lower_number_much_later_is_of_another_boot_however_small_the_fall() {
    let mut serials = seen(&[500, 501]);
    assert_eq!(serials.saw(EventId { time: Timestamp::from_unix(2_000, 0), serial: 480 }), Seen::Boot);
    assert_eq!(serials.boots.len(), 2);
    assert_eq!(seen(&[5_000_000, 5_000_001, 17, 18]).boots.len(), 2);
    let at = |second: i64, serial: u64| EventId { time: Timestamp::from_unix(second, 0), serial };
    assert!(is_other_boot(at(100, 900), at(200, 800)) && !is_other_boot(at(100, 900), at(101, 899)));
    // A copy of what is here already.
    assert!(!is_other_boot(at(1_000, 900), at(100, 800)));
}

/// Of each boot: the lowest number, the highest, and what is missing.
type Told = (u64, u64, Vec<(u64, u64)>);

/// Numbers and when they came; those of the signs come with it.
fn boots(events: &[(i64, u64, Option<Sign<'_>>)]) -> (Vec<Told>, Vec<u64>) {
    let mut serials = Serials::default();
    let mut begun = Vec::new();
    for (second, serial, sign) in events {
        let id = EventId { time: Timestamp::from_unix(*second, 0), serial: *serial };
        begun.extend(sign.and_then(|sign| serials.sign(sign, id)).map(|id| id.serial));
        if !sign.is_some_and(Sign::is_daemons) && serials.saw(id) == Seen::Boot {
            begun.push(id.serial);
        }
    }
    let each = |boot: &Boot| (boot.first.serial, boot.last.serial, told(&missing_in_all([boot])));
    (serials.boots.iter().map(each).collect(), begun)
}

#[test]
fn a_quick_boot_is_one_where_a_sign_tells_of_it_from_the_first_of_its_numbers() {
    let two = (vec![(140, 143, vec![(142, 142)]), (101, 106, vec![(104, 104)])], vec![101]);
    let old = [(0, 140, None), (3, 141, None), (6, 143, None)];
    let begins = [(40, 101, None), (40, 102, None)];
    let rest = [(43, 103, None), (50, 105, None), (55, 106, None)];
    for sign in [Sign::Init, Sign::Kernel] {
        let told = [&old[..], &begins, &[(41, 103, Some(sign))], &rest].concat();
        assert_eq!(boots(&told), two);
        // A second sign is of the same boot.
        let again = [(42, 900, Some(Sign::Daemon(b"6.1"))), (42, 103, Some(Sign::Init))];
        if sign == Sign::Kernel {
            assert_eq!(boots(&[&old[..], &begins, &[(41, 103, Some(sign))], &again, &rest].concat()), two);
        }
    }
    // auditd's own record comes first.
    let daemon = [(42, 900, Some(Sign::Daemon(b"6.1")))];
    assert_eq!(boots(&[&old[..], &daemon, &begins, &[(41, 103, Some(Sign::Init))], &rest].concat()), two);
    // Nothing tells of it: they may be late.
    assert_eq!(boots(&[&old[..], &begins, &rest].concat()).0.len(), 1);
    // They were: a sign that comes later is not of theirs.
    let late =
        [(7, 144, None), (9, 142, None), (10, 145, None), (11, 146, Some(Sign::Init)), (12, 147, None)];
    assert_eq!(boots(&[&old[..], &late].concat()), (vec![(140, 147, vec![])], vec![]));
}

#[test]
fn a_sign_of_a_boot_that_was_seen_is_none_of_a_further_one() {
    let deep = [(10, 4_002, None), (30, 5, None), (30, 3, None), (30, 4, Some(Sign::Init)), (32, 6, None)];
    assert_eq!(boots(&deep), (vec![(4_002, 4_002, vec![]), (3, 6, vec![])], vec![5]));
    // Numbers that did not fall: another kernel, or a second sign.
    let kernel = |second, name| (second, 9_000, Some(Sign::Daemon(name)));
    let other =
        [kernel(0, b"6.1"), (1, 7, None), kernel(30, b"6.2"), (29, 8, None), (31, 9, Some(Sign::Init))];
    assert_eq!(boots(&other), (vec![(7, 7, vec![]), (8, 9, vec![])], vec![9_000]));
    let same = [kernel(0, b"6.1"), (1, 7, None), kernel(30, b"6.1"), (31, 8, None)];
    assert_eq!(boots(&same).0.len(), 1);
    let twice = [(0, 7, Some(Sign::Init)), (1, 8, None), (30, 20, Some(Sign::Init)), (31, 21, None)];
    assert_eq!(boots(&twice), (vec![(7, 8, vec![]), (20, 21, vec![])], vec![20]));
    // A container on the same kernel.
    let inside =
        [(0, 7, Some(Sign::Init)), (30, 8, Some(Sign::Init)), (900, 9, Some(Sign::Init)), (901, 10, None)];
    assert_eq!(boots(&inside), (vec![(7, 10, vec![])], vec![]));
}

#[test]
fn a_file_that_begins_with_a_quick_boot_is_of_another_one() {
    let of = |events: &[(i64, u64)], sign: Option<(i64, u64)>| {
        let mut serials = Serials::default();
        for (second, serial) in events {
            let id = EventId { time: Timestamp::from_unix(*second, 0), serial: *serial };
            if sign == Some((*second, *serial)) {
                serials.sign(Sign::Init, id);
            }
            serials.saw(id);
        }
        serials.boots
    };
    let before = of(&[(0, 140), (6, 143)], None);
    let behind = [(40, 101), (41, 102), (45, 103)];
    assert!(before[0].is_over(&of(&behind, Some((41, 102)))[0]));
    assert!(!before[0].is_over(&of(&behind, None)[0]));
    // Of a boot without so many numbers as the one behind it, and a container in a file that goes on.
    let short = of(&[(0, 2), (6, 9)], Some((6, 9)));
    assert!(short[0].is_over(&of(&[(40, 12), (41, 13)], Some((41, 13)))[0]));
    assert!(!short[0].is_over(&of(&[(40, 10), (41, 11)], Some((41, 11)))[0]));
    // A copy of what has the sign, and its end once more.
    let whole = of(&behind, Some((41, 102)));
    assert!(!whole[0].is_over(&whole[0]) && !whole[0].is_over(&of(&behind[1..], Some((41, 102)))[0]));
}

#[test]
fn a_file_stands_for_what_it_holds_and_no_more() {
    let all = |files: &[&[u64]]| {
        let seen: Vec<Serials> = files.iter().map(|numbers| seen(numbers)).collect();
        told(&missing_in_all(seen.iter().flat_map(|serials| &serials.boots)))
    };
    assert_eq!(all(&[&[5, 6], &[7, 8]]), []);
    assert_eq!(all(&[&[5, 6], &[9, 10]]), [(7, 8)]);
    assert_eq!(all(&[&[5, 8], &[7, 9]]), [(6, 6)]);
    // One number alone does not stand for those behind it.
    assert_eq!(all(&[&[5, 20], &[6]]), [(7, 19)]);
    assert_eq!(all(&[&[5, 6, 7], &[5, 6, 7]]), []);
}

#[test]
fn times_that_fall_while_numbers_go_on_are_counted() {
    let mut serials = seen(&[5]);
    let early = |serial| EventId { time: Timestamp::from_unix(10, 0), serial };
    serials.saw(early(6));
    assert_eq!((serials.steps_back, serials.is_behind()), (0, true), "a slow call");
    serials.saw(early(7));
    assert_eq!(serials.steps_back, 1);
    serials.saw(id(8));
    assert!(!serials.is_behind());
    // What is late behind a slow call is of the same boot.
    let mut serials = seen(&[5, 6]);
    serials.saw(early(8));
    assert_eq!(serials.saw(id(7)), Seen::Same);
}

#[test]
fn hostile_numbers_cost_no_memory_and_no_panic() {
    let boot = &seen(&(0..1_000).map(|n| n * 2).collect::<Vec<_>>()).boots[0];
    assert_eq!((boot.missing.len(), boot.missing_left), (RANGES_KEPT, 743));
    let mut serials = seen(&[1, 9_000]);
    for n in 1..4_000 {
        serials.saw(id(9_000 - 2 * n));
    }
    assert!(serials.boots.iter().all(|boot| boot.missing.len() <= RANGES_KEPT));
    let extremes = seen(&[u64::MAX, u64::MAX - 1, 0, u64::MAX, 5]);
    let _ = missing_in_all(&extremes.boots);
    let alternating: Vec<u64> = (0..1_000).map(|n| if n % 2 == 0 { 1_000_000 } else { 5 }).collect();
    assert!(seen(&alternating).boots.len() <= BOOTS_KEPT);
}
