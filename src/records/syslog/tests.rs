//! The same messages in four forms, as rsyslog 8.2302 wrote them at once; years and zones of made-up lines.

mod clocks;
mod odd;

use std::fmt::Write as _;

use super::stamp::{days, year_of};
use super::*;
use crate::clock::Timestamp;
use crate::records::audit_event::Place;
use crate::records::auth_text::{Message, Said, TimeQuality};
use crate::records::mishaps::Mishaps;
use crate::records::tzif::Zone;

const CLASSIC: &[u8] = include_bytes!("../../../fixtures/auth/classic.log");
const ISO: &[u8] = include_bytes!("../../../fixtures/auth/iso.log");
const RFC5424: &[u8] = include_bytes!("../../../fixtures/auth/rfc5424.log");
const FORWARD: &[u8] = include_bytes!("../../../fixtures/auth/forward.log");

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn read(log: &[u8], anchor: &str, zone: &Zone) -> (Vec<Said>, Notes) {
    let mut survey = Survey::default();
    let lines = || {
        let lines = log.split_inclusive(|byte| *byte == b'\n').scan(0, |next, line| {
            let offset = *next;
            *next += line.len() as u64;
            Some((line.strip_suffix(b"\n").unwrap_or(line), offset))
        });
        lines.filter(|(line, _)| !line.is_empty())
    };
    lines().for_each(|(line, offset)| survey.line(line, offset));
    let anchor = Anchor { modified: Some(time(anchor)), ..Anchor::default() };
    let mut reader = Reader::new(survey.years(&anchor, zone), zone.clone());
    let mut all = Vec::new();
    for (line, offset) in lines() {
        reader.line(line, Place { file: 0, offset }, &mut |said| all.push(said));
    }
    (all, reader.end())
}

/// The times of lines of sshd with these beginnings.
fn times(lines: &[&str], anchor: &str, zone: &Zone) -> Vec<String> {
    let mut log = String::new();
    lines.iter().for_each(|line| writeln!(log, "{line} h sshd[1]: x").unwrap());
    read(log.as_bytes(), anchor, zone).0.iter().map(|said| said.time.unwrap().0.spoken()).collect()
}

fn parts(text: &str) -> (String, String, Option<u32>, String) {
    let line = line(text.as_bytes()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(line.host), text(line.tag), line.pid, text(line.message))
}

#[test]
fn four_forms_of_a_log_say_the_same() {
    let now = "2026-11-23T03:00:00Z";
    let (iso, notes) = read(ISO, now, &Zone::utc());
    assert_eq!((notes.unparsed, notes.undated, notes.split, notes.steps), (0, 0, 0, 0));
    assert_eq!(notes.records, notes.said + notes.others.top(20).iter().map(|(_, count)| count).sum::<u64>());
    let (classic, _) = read(CLASSIC, now, &Zone::utc());
    let (newest, _) = read(RFC5424, now, &Zone::utc());
    assert_eq!((classic.len(), newest.len()), (iso.len(), iso.len()));
    for ((one, other), third) in iso.iter().zip(&classic).zip(&newest) {
        let said = |said: &Said| (said.host.clone(), said.tag.clone(), said.pid, said.message.clone());
        assert_eq!((said(one), said(one)), (said(other), said(third)));
        let (exact, classic) = (one.time.unwrap(), other.time.unwrap());
        assert_eq!((exact.0.unix(), TimeQuality::YearAndZone), (classic.0.unix(), classic.1));
        assert_eq!(third.time, one.time);
    }
    let (forward, notes) = read(FORWARD, now, &Zone::utc());
    assert!(notes.split > 80 && notes.unparsed == 0, "{notes:?}");
    let left_out =
        |said: &Said| matches!(&said.message, Message::Other { text } if text.starts_with(b"Excess"));
    let whole = forward.len() - 1;
    let forward: Vec<Said> = forward.into_iter().take(whole).filter(|said| !left_out(said)).collect();
    assert!(forward.iter().zip(&iso).all(|(one, other)| one.message == other.message));
}

/// Written from documentation: RFC 5424 and others.
#[test]
fn forms_of_a_line() {
    let is = |text: &str, host: &str, tag: &str, pid: Option<u32>, message: &str| {
        assert_eq!(parts(text), (host.to_owned(), tag.to_owned(), pid, message.to_owned()), "{text}");
    };
    is(
        "<34>1 2026-11-21T20:19:48.003Z h su - ID47 - \u{feff}'su root' failed",
        "h",
        "su",
        None,
        "'su root' failed",
    );
    is("<34>1 - - a 7 - [x k=\"]\\\"\\]\" l=\"\\\\\"][y] m", "", "a", Some(7), "m");
    is("<86>Nov 21 20:19:48 h sshd[7]: m", "h", "sshd", Some(7), "m");
    is("Nov  1 20:19:48 fe80::1 gdm-password][7]: m", "fe80::1", "gdm-password]", Some(7), "m");
    is("Nov  1 20:19:48 h su(pam_unix)[1]: m", "h", "su(pam_unix)", Some(1), "m");
    is(
        "Nov 1 20:19:48 h/relay polkitd(authority=local): m",
        "h/relay",
        "polkitd(authority=local)",
        None,
        "m",
    );
    is("Nov 01 20:19:48 sshd[7]: m", "", "sshd", Some(7), "m");
    is("2026 Nov 01 20:19:48 h sshd[7]:m", "h", "sshd", Some(7), "m");
    is("21/Nov/2026:20:19:48 +0100 h sshd[7]: m", "h", "sshd", Some(7), "m");
    is("2026-11-21T20:19:48.1Z INFO sshd[7]: m", "", "sshd", Some(7), "m");
    is("Nov 21 20:19:48 mac sshd[7] <Info>: m", "mac", "sshd", Some(7), "m");
    is("Nov 21 20:19:48 last message repeated 3 times", "", "", None, "last message repeated 3 times");
    for wrong in [
        "",
        "hello",
        "Feb 30 20:19:48 h a: b",
        "2026-13-01T00:00:00Z h a: b",
        "2026-02-29T00:00:00Z h a: b",
        "Nov 21 24:00:00 h a: b",
    ] {
        assert_eq!(line(wrong.as_bytes()), None, "{wrong}");
    }
    let counted = b"21 <38>Nov 21 20:19:48 x<38>Nov 21 20:19:49 y";
    assert_eq!(first_record(counted).0, b"<38>Nov 21 20:19:48 x");
}

#[test]
fn what_was_repeated_is_said_as_often() {
    let log = "Nov 21 20:19:48 h sshd[7]: Failed password for a from 10.0.0.1 port 2 ssh2\n\
               Nov 21 20:19:50 last message repeated 2 times\n\
               Nov 21 20:19:52 h sshd[7]: message repeated 3 times: [ Failed password for a from 10.0.0.1 port 2 ssh2]\n\
               \tmore of it\nno form\nNov 21 20:19:53 h other: x\n";
    let (said, notes) = read(log.as_bytes(), "2026-12-01T00:00:00Z", &Zone::utc());
    assert_eq!(said.iter().map(|said| said.times).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(said.iter().all(|said| matches!(said.message, Message::Tried { .. }) && said.pid == Some(7)));
    assert_eq!((notes.continued, notes.unparsed, notes.repeats, notes.records), (1, 1, 2, 6));
    assert_eq!(notes.others.top(20), [(&b"other"[..], 1)]);
}

#[test]
fn years_over_new_year() {
    let of = |lines: &[&str], anchor: &str| -> Vec<String> {
        times(lines, anchor, &Zone::utc()).iter().map(|time| time.get(..10).unwrap().to_owned()).collect()
    };
    let lines = ["Nov 30 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:00", "Jan  2 00:00:00"];
    assert_eq!(of(&lines, "2026-01-03T00:00:00Z"), ["2025-11-30", "2025-12-31", "2026-01-01", "2026-01-02"]);
    // Out of order around midnight: one New Year and not two.
    let lines = ["Dec 31 23:59:59", "Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"];
    assert_eq!(of(&lines, "2026-01-03T00:00:00Z"), ["2025-12-31", "2026-01-01", "2025-12-31", "2026-01-01"]);
    // Nearly a year of one line a month, and nearly all of it silent.
    assert_eq!(
        of(&["Jan  3 00:00:00", "Dec 30 00:00:00"], "2026-12-31T00:00:00Z"),
        ["2026-01-03", "2026-12-30"]
    );
    // Later than the anchor by more than a day: of the year before.
    assert_eq!(of(&["Nov 25 00:00:00"], "2026-11-23T12:00:00Z"), ["2025-11-25"]);
    assert_eq!(of(&["Nov 24 00:00:00"], "2026-11-23T12:00:00Z"), ["2026-11-24"]);
}

#[test]
fn a_leap_day_moves_the_whole_file() {
    let lines =
        ["Dec 31 00:00:00", "Feb 28 00:00:00", "Feb 29 00:00:00", "Mar  5 00:00:00", "Jan  1 00:00:00"];
    let years: Vec<String> = times(&lines, "2026-11-23T00:00:00Z", &Zone::utc())
        .iter()
        .map(|time| time.get(..10).unwrap().to_owned())
        .collect();
    assert_eq!(years, ["2023-12-31", "2024-02-28", "2024-02-29", "2024-03-05", "2025-01-01"]);
}

#[test]
fn a_line_with_its_year_dates_those_around_it() {
    let lines = ["Dec 31 23:00:00", "Jan  1 00:00:00", "2020-01-01T00:00:05+00:00", "Jan  1 00:00:06"];
    let years: Vec<String> = times(&lines, "2026-11-23T00:00:00Z", &Zone::utc())
        .iter()
        .map(|time| time.get(..4).unwrap().to_owned())
        .collect();
    assert_eq!(years, ["2019", "2020", "2020", "2020"]);
}

#[test]
fn what_survives_a_copy_says_when_a_file_was_written() {
    let mut survey = Survey::default();
    survey.line(b"Nov 21 20:19:48 h sshd[7]: x", 0);
    let first = |anchor: Anchor| {
        let mut reader = Reader::new(survey.years(&anchor, &Zone::utc()), Zone::utc());
        let mut year = None;
        reader.line(b"Nov 21 20:19:48 h sshd[7]: x", Place::default(), &mut |said| year = said.time);
        year.map(|(time, _)| time.day())
    };
    let modified = Anchor { modified: Some(time("2026-11-22T00:00:00Z")), ..Anchor::default() };
    assert_eq!(first(modified).as_deref(), Some("2026-11-21"));
    let named = Anchor { named: Some(time("2023-11-22T00:00:00Z")), ..modified };
    assert_eq!(first(named).as_deref(), Some("2023-11-21"));
    let next = Some(time("2026-11-21T00:00:00Z"));
    let next = Anchor { next, modified: Some(time("2027-02-01T00:00:00Z")), ..Anchor::default() };
    assert_eq!(first(next).as_deref(), Some("2025-11-21"));
    assert_eq!(first(Anchor::default()), None);
}

/// Written from documentation (logrotate.conf(5), `dateext` and `dateyesterday`).
#[test]
fn the_day_in_a_name_holds_all_of_what_was_written_on_it_wherever_that_was() {
    let last = |line: &str, name: &str, hours: i32| {
        let zone = Zone::fixed(hours * 3_600);
        let mut survey = Survey::default();
        let line = format!("{line} h sshd[7]: x");
        survey.line(line.as_bytes(), 0);
        let modified = Some(time("2027-03-01T00:00:00Z"));
        let anchor = Anchor { named: named_at(name.as_bytes()), modified, ..Anchor::default() };
        let mut reader = Reader::new(survey.years(&anchor, &zone), zone);
        let mut year = None;
        reader.line(line.as_bytes(), Place::default(), &mut |said| year = said.time);
        year.unwrap().0.spoken().get(..4).unwrap().to_owned()
    };
    for hours in [-12, -5, 0, 14] {
        assert_eq!(last("Nov 22 20:00:00", "secure-20261122", hours), "2026", "{hours}");
        assert_eq!(last("Nov 23 03:00:00", "secure-20261122", hours), "2026", "{hours}");
        assert_eq!(last("Dec  1 00:00:00", "secure-20261122", hours), "2025", "{hours}");
    }
}

#[test]
fn summer_time_ends_once_and_a_clock_that_was_set_is_told() {
    let berlin = Zone::parse(include_bytes!("../../../fixtures/auth/zone-berlin")).unwrap();
    let lines = [
        "Oct 25 01:59:59",
        "Oct 25 02:30:00",
        "Oct 25 02:59:59",
        "Oct 25 02:00:01",
        "Oct 25 02:30:00",
        "Oct 25 03:00:00",
    ];
    let utc: Vec<String> = times(&lines, "2026-11-23T00:00:00Z", &berlin)
        .iter()
        .map(|time| time.get(11..19).unwrap().to_owned())
        .collect();
    assert_eq!(utc, ["23:59:59", "00:30:00", "00:59:59", "01:00:01", "01:30:00", "02:00:00"]);
    let log = lines.map(|line| format!("{line} h sshd[1]: x\n")).concat();
    let (_, notes) = read(log.as_bytes(), "2026-11-23T00:00:00Z", &berlin);
    assert_eq!((notes.ambiguous_times, notes.steps), (4, 0));
    let doubt = notes.doubt().unwrap_or_default();
    assert!(doubt.starts_with("4 lines lie in an hour that the zone has twice, or never"), "{doubt}");
    let (_, notes) = read(log.as_bytes(), "2026-11-23T00:00:00Z", &Zone::utc());
    assert_eq!((notes.ambiguous_times, notes.steps, notes.first_steps[0].back), (0, 1, 3_598));
    assert_eq!(notes.doubt(), None);
}

#[test]
fn the_calendar_is_the_clocks() {
    for day in (-719_000..2_900_000).step_by(97) {
        let (year, month, of_month, ..) = Timestamp::from_unix(day * 86_400, 0).calendar();
        assert_eq!((days(year.into(), month, of_month), year_of(day)), (day, year.into()));
    }
}

#[test]
fn names_of_programs_that_are_told_apart_have_a_bound() {
    let mut reader = Reader::new(Years::default(), Zone::utc());
    for number in 0..2_000 {
        let line = format!("2026-01-01T00:00:00Z h p{number}: x");
        reader.line(line.as_bytes(), Place::default(), &mut |_| ());
    }
    let notes = reader.end();
    assert_eq!((notes.others.top(20).len(), notes.others.beyond), (20, 976));
}

#[test]
fn spoilt_lines_do_no_harm() {
    let lines = [&CLASSIC[..1_500], b"\n", &RFC5424[..1_500], b"\n", &FORWARD[..1_000]].concat();
    Mishaps::of(&lines).rounds(100).each(|bytes| drop(read(bytes, "2026-11-23T00:00:00Z", &Zone::utc())));
}

/// A megabyte of one line: beginnings of records, brackets and quotes, each of which is looked at a few times only.
#[test]
fn long_lines_take_no_longer_than_many() {
    for unit in ["<38>", "<38>Nov 21 20:19:48 h a: b", "<1>1 - - - - - [", "[a b=\"\\\"", "7 <38>x"] {
        let line = ["<38>1 - h a - - ", &unit.repeat(1_000_000 / unit.len())].concat();
        read(line.as_bytes(), "2026-11-23T00:00:00Z", &Zone::utc());
    }
}
