//! Clocks that were wrong, and those that stand beside them.

use super::*;

/// The days of lines, each of the machine that stands before it, and how many of them are in doubt.
fn days_of(lines: &[&str], anchor: &str) -> (Vec<String>, u64) {
    let mut log = String::new();
    for line in lines {
        let (host, time) = line.split_once(": ").unwrap();
        writeln!(log, "{time} {host} sshd[1]: x").unwrap();
    }
    let (said, notes) = read(log.as_bytes(), anchor, &Zone::utc());
    (said.iter().map(|said| said.time.unwrap().0.day()).collect(), notes.doubtful_years)
}

/// Written from documentation (RFC 3164, 4.1.2): of one machine, and of a relay.
#[test]
fn a_clock_that_was_wrong_for_a_while_moves_no_other_line() {
    let of = |lines: &[&str], days: &[&str], doubtful| {
        assert_eq!(
            days_of(lines, "2026-11-12T12:00:00Z"),
            (days.iter().map(ToString::to_string).collect(), doubtful)
        );
    };
    let (first, last) = ("h: Nov 10 10:00:00", "h: Nov 12 10:00:00");
    // A line out of order, a boot before the clock was set, and one that was ahead.
    of(&[first, "h: Oct  1 00:00:05", last], &["2026-11-10", "2026-10-01", "2026-11-12"], 1);
    of(
        &[first, "h: Jan  1 00:00:05", "h: Jan  1 00:00:09", last],
        &["2026-11-10", "2026-01-01", "2026-01-01", "2026-11-12"],
        2,
    );
    of(&[first, "h: Dec 25 00:00:05", last], &["2026-11-10", "2025-12-25", "2026-11-12"], 1);
    // A clock takes its time: what lasted longer was a year.
    of(
        &[first, "h: Jan  1 00:00:05", "h: Jan  9 00:00:05", last],
        &["2025-11-10", "2026-01-01", "2026-01-09", "2026-11-12"],
        0,
    );
    // And so was what does not come back.
    of(&[first, "h: Jan  1 00:00:05", "h: Nov  2 10:00:00"], &["2025-11-10", "2026-01-01", "2026-11-02"], 0);
}

/// Written from documentation (RFC 3164, 4.1.2).
#[test]
fn a_machine_whose_clock_is_wrong_moves_no_other_one() {
    for (other, days) in [("Aug 17", "2026-08-17"), ("Nov 27", "2025-11-27")] {
        let lines: Vec<String> = (1..=40)
            .map(|hour| match hour % 4 {
                0 => format!("old: {other} 10:{hour:02}:00"),
                _ => format!("web: Oct  {} {:02}:00:00", 1 + hour / 24, hour % 24),
            })
            .chain([format!("old: {other} 23:00:00")])
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (all, doubtful) = days_of(&lines, "2026-10-03T12:00:00Z");
        for (line, day) in lines.iter().zip(&all) {
            assert!(
                day.starts_with("2026-10-0") || line.starts_with("old: ") && day == days,
                "{line} is {day}"
            );
        }
        assert_eq!(doubtful, if other == "Aug 17" { 11 } else { 0 });
    }
}

/// Written from documentation (RFC 3164, 4.1.2).
#[test]
fn machines_that_take_turns_are_of_one_course() {
    let of = |lines: &[&str], years: &[&str]| {
        let (days, doubtful) = days_of(lines, "2026-11-12T12:00:00Z");
        let found: Vec<&str> = days.iter().map(|day| day.get(..4).unwrap()).collect();
        assert_eq!((found.as_slice(), doubtful), (years, 0), "{lines:?}");
    };
    // An image of February, used in November; a name that changed as a year ended, and one in the middle of many years.
    of(&["ubuntu: Feb  2 00:00:00", "vm: Nov 10 00:00:00"], &["2026", "2026"]);
    of(&["a: Dec 20 00:00:00", "b: Jan  5 00:00:00", "b: Nov  5 00:00:00"], &["2025", "2026", "2026"]);
    of(&["a: Nov 20 00:00:00", "b: Jan  5 00:00:00", "b: Feb 20 00:00:00"], &["2025", "2026", "2026"]);
    of(
        &[
            "a: Dec 10 00:00:00",
            "a: Jan  2 00:00:00",
            "b: Feb 20 00:00:00",
            "b: Jan  3 00:00:00",
            "b: Nov  1 00:00:00",
        ],
        &["2024", "2025", "2025", "2026", "2026"],
    );
    // Silent for more than a year beside one that is not.
    let months =
        ["Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug"];
    let beside = months.iter().flat_map(|month| [9, 27].map(|day| format!("a: {month} {day:2} 00:00:00")));
    let lines: Vec<String> = ["b: Jun 30 00:00:00".to_owned()]
        .into_iter()
        .chain(beside)
        .chain(["b: Aug 28 00:00:00".to_owned()])
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    of(&lines, &[&["2025"; 13][..], &["2026"; 17]].concat());
}

#[test]
fn machines_and_years_that_are_told_apart_have_a_bound() {
    let mut survey = Survey::default();
    for number in 0..2_000_u64 {
        let month = ["Jan", "Jul"][number as usize % 2];
        survey.line(format!("{month}  1 00:00:00 h{number} a: x").as_bytes(), number * 2);
        survey.line(format!("{month}  1 00:00:00 h a: x").as_bytes(), number * 2 + 1);
    }
    let years = survey
        .years(&Anchor { modified: Some(time("2026-11-12T12:00:00Z")), ..Anchor::default() }, &Zone::utc());
    assert!(years.doubtful > 0);
}

/// Written from documentation (RFC 3164, 4.1.2): the wrong clock has the last word, and was not heard before.
#[test]
fn the_last_line_of_a_machine_whose_clock_is_wrong_moves_no_other_one() {
    let web: Vec<String> =
        (0..60).map(|hour| format!("web: Oct  {} {:02}:00:00", 1 + hour / 24, hour % 24)).collect();
    let of = |last: &[&str], anchor: &str| {
        let lines: Vec<&str> = web.iter().map(String::as_str).chain(last.iter().copied()).collect();
        let (days, _) = days_of(&lines, anchor);
        let (web, last) = days.split_at(60);
        assert!(web.iter().all(|day| day.starts_with("2026-10-0")), "{last:?}: {days:?}");
        last.to_vec()
    };
    let anchor = "2026-10-03T12:00:00Z";
    assert_eq!(of(&["old: Nov 27 00:00:00"], anchor), ["2025-11-27"]);
    assert_eq!(of(&["old: Nov 27 00:00:00", "old: Nov 27 00:00:09"], anchor), ["2025-11-27"; 2]);
    assert_eq!(of(&["old: Oct  2 10:00:00", "old: Oct 19 00:00:09"], anchor), ["2025-10-02", "2025-10-19"]);
    // A boot before the clock was set, of a machine that was heard and of one that was not.
    assert_eq!(of(&["pi: Jan  1 00:00:05"], anchor), ["2026-01-01"]);
    assert_eq!(of(&["pi: Oct  3 11:00:00", "pi: Jan  1 00:00:05"], anchor), ["2026-10-03", "2026-01-01"]);
}

/// Written from documentation (RFC 3164, 4.1.2): the file was copied in October, and ends in November.
#[test]
fn a_machine_that_took_the_place_of_another_one_dates_it() {
    let all =
        (2..=27).flat_map(|day| [format!("a: Oct {day:2} 00:00:00"), format!("a: Oct {day:2} 12:00:00")]);
    let all: Vec<String> = all.chain((4..=27).map(|day| format!("b: Nov {day:2} 00:00:00"))).collect();
    let lines: Vec<&str> = all.iter().map(String::as_str).collect();
    let (days, doubtful) = days_of(&lines, "2026-11-12T12:00:00Z");
    assert!(days.iter().all(|day| day.starts_with("2025-")), "{days:?}");
    assert_eq!(doubtful, 0);
    // And so it does if its clock was wrong for a while.
    let october = all.iter().take(52).cloned().chain((28..=31).map(|day| format!("b: Oct {day} 00:00:00")));
    let mut wrong: Vec<String> =
        october.chain((1..=27).map(|day| format!("b: Nov {day:2} 00:00:00"))).collect();
    wrong.insert(53, "b: Dec 20 00:00:00".to_owned());
    let lines: Vec<&str> = wrong.iter().map(String::as_str).collect();
    let (days, doubtful) = days_of(&lines, "2026-11-12T12:00:00Z");
    assert!(doubtful == 1 && days.iter().all(|day| day.starts_with("2025-")), "{days:?}");
    // And if another one came beside it.
    let two = [
        "a: Oct 20 00:00:00",
        "a: Oct 20 00:00:01",
        "a: Oct 20 00:00:02",
        "b: Nov 27 00:00:00",
        "c: Nov 27 00:00:01",
    ];
    assert_eq!(days_of(&two, "2026-11-12T12:00:00Z").0.first().map(String::as_str), Some("2025-10-20"));
}

/// Written from documentation (RFC 3164, 4.1.2).
#[test]
fn lines_that_were_moved_a_year_back_for_their_clock_are_told() {
    let ahead = |lines: &[&str]| {
        let mut log = String::new();
        lines.iter().for_each(|line| writeln!(log, "{line} sshd[1]: x").unwrap());
        let (_, notes) = read(log.as_bytes(), "2026-10-03T12:00:00Z", &Zone::utc());
        assert_eq!(notes.doubt().is_some(), notes.ahead_years + notes.doubtful_years > 0);
        (notes.ahead_years, notes.doubt().unwrap_or_default())
    };
    let web = ["Oct  1 10:00:00 web", "Oct  2 10:00:00 web", "Oct  3 10:00:00 web"];
    assert_eq!(ahead(&web).0, 0);
    // Of a machine whose last line is ahead all lines are.
    let old = ["Sep 30 10:00:00 old", "Oct  9 10:00:00 old"];
    let (count, words) = ahead(&[&web[..], &old[..]].concat());
    assert!(count == 2 && words.starts_with("2 lines lie after the time"), "{count} {words}");
    // One that was ahead for a while.
    let while_ahead = ["Oct  3 10:00:01 web", "Nov 25 00:00:00 web", "Oct  3 10:00:02 web"];
    let (count, words) = ahead(&[&web[..], &while_ahead[..]].concat());
    assert!(count == 1 && words.contains("; 1 line lies after the time"), "{count} {words}");
}
