//! Clocks, times and spans.

use super::*;

#[test]
fn how_long_something_lasted_is_told_in_two_units() {
    let told = |seconds| lasting(Duration::from_secs(seconds));
    assert_eq!(
        [0, 59, 60, 800, 3_600, 7_205, 90_000, 172_800].map(told),
        ["0 s", "59 s", "1 min", "13 min 20 s", "1 h", "2 h", "1 d 1 h", "2 d"]
    );
}

#[test]
fn every_time_that_can_be_had_can_be_written_and_read() {
    for seconds in [i64::MIN, FIRST_SECOND - 1, FIRST_SECOND, -1, 0, LAST_SECOND, LAST_SECOND + 1, i64::MAX] {
        let time = Timestamp::from_unix(seconds, 5);
        assert_eq!(Timestamp::parse(&time.to_string()).unwrap(), time, "{seconds}");
        assert_eq!(Timestamp::can_hold(seconds), time.unix() == seconds);
    }
    let far = Duration::from_secs(u64::MAX);
    for time in [Timestamp::from_unix(0, 0).plus(far), Timestamp::from_unix(0, 0).minus(far)] {
        assert_eq!(Timestamp::parse(&time.to_string()).unwrap(), time);
    }
}

#[test]
fn ticks_since_boot_are_told_by_the_clock_of_the_moment() {
    let now = Moment { utc: Timestamp::from_unix(1000, 0), boottime_ns: 50_000_000_000 };
    assert_eq!(now.at_tick(1001), Timestamp::from_unix(960, 10_000_000));
    // Something may have started since.
    assert_eq!(now.at_tick(9000), Timestamp::from_unix(1040, 0));
    assert_eq!(now.at_tick(u64::MAX), Timestamp::from_unix(950, 0).plus(Duration::from_nanos(u64::MAX)));
}

#[test]
fn a_timestamp_is_written_in_utc_to_the_nanosecond() {
    assert_eq!(Timestamp::from_unix(1_795_292_388, 5).to_string(), "2026-11-21T20:19:48.000000005Z");
    assert_eq!(Timestamp::from_unix(1_795_292_388, 0).compact(), "20261121t201948z");
}

#[test]
fn digit_by_digit_is_what_chrono_writes() {
    let mut seconds = FIRST_SECOND;
    while seconds <= LAST_SECOND {
        let time = Timestamp::from_unix(seconds, (seconds.unsigned_abs() % 1_000_000_000) as u32);
        assert_eq!(time.to_string(), time.date().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true));
        seconds += 86_400 * 47 + 12_345;
    }
    for text in ["2024-02-29T00:00:00Z", "0000-01-01T00:00:00Z"] {
        let time = Timestamp::parse(text).unwrap();
        assert_eq!(time.to_string(), time.date().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true));
    }
}

#[test]
fn a_leap_second_is_the_end_of_the_second_before_and_spans_are_carried_and_borrowed() {
    let leap = Timestamp::parse("2016-12-31T23:59:60.5Z").unwrap();
    assert_eq!(leap.to_string(), "2016-12-31T23:59:59.999999999Z");
    let (at, nanos) = (|seconds, nanos| Timestamp::from_unix(seconds, nanos), Duration::from_nanos);
    assert_eq!(at(5, 1).minus(nanos(2)), at(4, 999_999_999));
    assert_eq!(at(5, 999_999_999).plus(nanos(2)), at(6, 1));
    assert_eq!(at(-1, 5).minus(nanos(5)), at(-1, 0));
    assert_eq!((at(6, 1).since(at(5, 2)), at(5, 2).since(at(6, 1))), (nanos(999_999_999), Duration::ZERO));
    assert_eq!(at(LAST_SECOND, 999_999_999).plus(nanos(1)), at(LAST_SECOND, 0).plus(Duration::MAX));
    assert_eq!(at(FIRST_SECOND, 0).minus(Duration::MAX), at(FIRST_SECOND, 0));
}

#[test]
fn what_a_person_types_is_read_as_utc() {
    let now = Timestamp::from_unix(1_795_292_388, 0);
    for (typed, meant) in [
        ("1d", "2026-11-20T20:19:48Z"),
        ("90m", "2026-11-21T18:49:48Z"),
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01 08:30", "2026-11-01T08:30:00Z"),
        ("2026-11-01T08:30:15", "2026-11-01T08:30:15Z"),
        ("2026-11-01T08:30:15+02:00", "2026-11-01T06:30:15Z"),
    ] {
        assert_eq!(Timestamp::typed(typed, now).unwrap(), Timestamp::parse(meant).unwrap(), "{typed}");
    }
    for (typed, meant) in [
        ("1d", "2026-11-20T20:19:48Z"),
        ("2026-11-01", "2026-11-01T23:59:59Z"),
        ("2026-11-01T08:30", "2026-11-01T08:30:59Z"),
        ("2026-11-01 08:30:00", "2026-11-01T08:30:00Z"),
    ] {
        let end = Timestamp::typed_end(typed, now).unwrap();
        assert_eq!(end, Timestamp::parse(meant).unwrap(), "{typed}");
    }
    for nonsense in ["", "yesterday", "7 d", "d", "-1d", "2026-13-01", "99999999999999999999d", "7é"] {
        assert!(Timestamp::typed(nonsense, now).is_err(), "{nonsense}");
    }
}

#[test]
fn a_time_beyond_any_calendar_becomes_its_edge_and_does_not_panic() {
    assert!(Timestamp::from_unix(i64::MAX, 0) > Timestamp::from_unix(0, 0));
    assert!(Timestamp::from_unix(i64::MIN, u32::MAX) < Timestamp::from_unix(0, 0));
    assert_eq!(Timestamp::from_unix(i64::MAX, 0).plus(Duration::MAX), Timestamp::from_unix(i64::MAX, 0));
}

#[test]
fn retention_survives_a_leap_day() {
    let leap = Timestamp::parse("2028-02-29T12:00:00Z").unwrap();
    assert_eq!(leap.day_after_years(6), "2034-02-28");
}

#[test]
fn how_far_two_times_are_apart_does_not_hang_on_their_order() {
    let (one, other) = (Timestamp::from_unix(5, 0), Timestamp::from_unix(3, 500_000_000));
    let apart = Duration::from_millis(1_500);
    assert_eq!((one.apart(other), other.apart(one), one.apart(one)), (apart, apart, Duration::ZERO));
}
