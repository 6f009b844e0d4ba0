//! When a log was written at the latest: what survives a copy says it best, and the next file of the rotation bounds it too.

use std::time::Duration;

use super::{Survey, Years};
use crate::clock::Timestamp;
use crate::records::tzif::Zone;

/// Clocks go wrong.
const DAY: Duration = Duration::from_secs(86_400);
/// From the beginning of the day in a name to the end of what may be in the file: to the end of that day, or, where the name
/// has the day before the one on which the file got it (`dateyesterday`, logrotate.conf(5)), of the next.
const NAMED: Duration = Duration::from_secs(2 * 86_400);
/// Daemons go on writing into a file that was given its next name already.
const HANDOVER: Duration = Duration::from_secs(3_600);
/// A log is left alone shortly after its last line was written.
const SHORTLY: Duration = Duration::from_secs(2 * 86_400);
/// What packers put behind a name.
const PACKED: [&[u8]; 6] = [b".gz", b".xz", b".bz2", b".zst", b".lz4", b".Z"];

/// When the last line can have been written at the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// When the evidence was collected.
    pub collected: Option<Timestamp>,
    /// When the file was last written to, which a copy may have lost.
    pub modified: Option<Timestamp>,
    /// The time in the header of a gzip file (RFC 1952; zero is none), which survives a copy.
    pub packed: Option<Timestamp>,
    /// The beginning of the day in the name of a rotated file (`auth.log-20261122`), which survives it too.
    pub named: Option<Timestamp>,
    /// When the next newer file of the chain begins.
    pub next: Option<Timestamp>,
}

/// From when to when.
pub(super) type Within = (Timestamp, Timestamp);

impl Anchor {
    /// The latest time a line can have. The next file tells of a time of this one's own that is too late; where most lines
    /// end shortly before that time, and not before the next file begins, it is the next one's clock that was wrong.
    pub(super) fn latest(&self, ending: &dyn Fn(Within) -> u64) -> Option<Timestamp> {
        let own = self.own();
        let graced = [own.map(|(_, to)| to), self.collected].into_iter().flatten().min();
        let own = own.map(|(from, to)| (from.minus(SHORTLY), to.plus(DAY)));
        let next = self.next.map(|time| (time.minus(SHORTLY), time.plus(HANDOVER)));
        let next = next.filter(|next| own.is_none_or(|own| ending(own) <= ending(*next)));
        [graced.map(|time| time.plus(DAY)), next.map(|(_, to)| to)].into_iter().flatten().min()
    }

    /// When the file was written last, as it says itself: what survives a copy first.
    fn own(&self) -> Option<Within> {
        let known = |time: &Timestamp| time.unix() > 0;
        let packed = self.packed.filter(known).map(|time| (time, time));
        let named = self.named.filter(known).map(|day| (day, day.plus(NAMED)));
        let survives = [packed, named].into_iter().flatten().min_by_key(|(_, to)| *to);
        survives.or(self.modified.map(|time| (time, time)))
    }
}

/// The time in the header of a gzip file that begins with these bytes.
pub fn packed_at(head: &[u8]) -> Option<Timestamp> {
    let time = head.strip_prefix(b"\x1f\x8b").and_then(|rest| rest.get(2..)?.first_chunk::<4>())?;
    Some(u32::from_le_bytes(*time)).filter(|time| *time > 0).map(|time| Timestamp::from_unix(time.into(), 0))
}

/// The beginning of the day in the name of a rotated file: `auth.log-20261122`, `secure-20261122.gz`.
pub fn named_at(name: &[u8]) -> Option<Timestamp> {
    let digits = name.rsplit(|byte| *byte == b'-').next()?.get(..8)?;
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, day) = text.split_at_checked(4)?;
    let (month, day) = day.split_at_checked(2)?;
    Timestamp::parse(&format!("{year}-{month}-{day}T00:00:00Z")).ok()
}

/// Which file of which rotation lies at a path, 0 for the one that is being written: `auth.log`, `auth.log.1`,
/// `auth.log.2.gz`.
fn rotation(path: &[u8]) -> (&[u8], u64) {
    let path = PACKED.iter().find_map(|ending| path.strip_suffix(*ending)).unwrap_or(path);
    let numbered = || {
        let (stem, number) = path.split_at_checked(path.iter().rposition(|byte| *byte == b'.')?)?;
        let digits = number.get(1..).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        Some((stem, std::str::from_utf8(digits).ok()?.parse().ok()?))
    };
    numbered().unwrap_or((path, 0))
}

/// A log whose lines were surveyed.
#[derive(Clone, Copy, Debug)]
pub struct Surveyed<'s> {
    /// What its days are.
    pub survey: &'s Survey,
    /// When it was written, as far as it tells itself.
    pub anchor: Anchor,
    /// Where it lay.
    pub path: Option<&'s [u8]>,
}

impl<'s> Surveyed<'s> {
    /// Its rotation, and which file of it this is.
    fn place(&self) -> Option<(&'s [u8], u64)> {
        self.path.map(rotation)
    }
}

/// The years of logs, in their order. Of a rotation each file ends where the next newer one begins, so that they are dated
/// from the newest on.
pub fn years_of(logs: &[Surveyed<'_>], zone: &Zone) -> Vec<Years> {
    let mut dated: Vec<Option<Years>> = vec![None; logs.len()];
    let mut order: Vec<usize> = (0..logs.len()).collect();
    order.sort_by_key(|at| logs.get(*at).and_then(Surveyed::place));
    let mut newer: Option<Newer<'_>> = None;
    for at in order {
        let (Some(log), Some(dated)) = (logs.get(at), dated.get_mut(at)) else { continue };
        let here = log.place();
        let next = newer.as_ref().zip(here).and_then(|(newer, here)| newer.bound(here));
        let years = log.survey.years(&Anchor { next: log.anchor.next.or(next), ..log.anchor }, zone);
        if let Some(here) = here {
            newer = Some(Newer { here, begins: log.survey.begins(&years, zone).or(next), next });
        }
        *dated = Some(years);
    }
    dated.into_iter().map(Option::unwrap_or_default).collect()
}

/// The newer files of a rotation.
struct Newer<'n> {
    here: (&'n [u8], u64),
    begins: Option<Timestamp>,
    /// What bounds this file, and with it a copy of the same number.
    next: Option<Timestamp>,
}

impl Newer<'_> {
    /// What bounds the file at this place.
    fn bound(&self, (stem, number): (&[u8], u64)) -> Option<Timestamp> {
        let bound = if number > self.here.1 { self.begins } else { self.next };
        bound.filter(|_| stem == self.here.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_may_have_a_day_in_its_name_and_a_packed_one_a_time_in_its_header() {
        assert_eq!(named_at(b"secure-20261122.gz").unwrap().day(), "2026-11-22");
        assert_eq!(named_at(b"auth.log-20261122").unwrap().day(), "2026-11-22");
        let others: [&[u8]; 5] = [
            b"auth.log",
            b"auth.log.1",
            b"secure-2026",
            b"a-20261399",
            b"x-\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        others.iter().for_each(|name| assert_eq!(named_at(name), None, "{name:?}"));
        assert_eq!(packed_at(b"\x1f\x8b\x08\x08\x01\x02\0\0").unwrap().unix(), 513);
        let none: [&[u8]; 4] = [b"\x1f\x8b\x08\x08\0\0\0\0", b"\x1f\x8b\x08\x08\x01", b"Nov 21 1", b""];
        none.iter().for_each(|head| assert_eq!(packed_at(head), None, "{head:?}"));
    }

    #[test]
    fn rotations_have_numbers() {
        let is = |name: &[u8], stem: &str, number| assert_eq!(rotation(name), (stem.as_bytes(), number));
        is(b"/log.1/auth.log", "/log.1/auth.log", 0);
        is(b"auth.log.12", "auth.log", 12);
        is(b"auth.log.2.gz", "auth.log", 2);
        is(b"secure-20261122.xz", "secure-20261122", 0);
        is(b"auth.log.99999999999999999999999", "auth.log.99999999999999999999999", 0);
    }

    fn surveyed(lines: &[&str]) -> Survey {
        let mut survey = Survey::default();
        let lines = lines.iter().map(|line| format!("{line} h sshd[1]: x")).zip(0..);
        lines.for_each(|(line, offset)| survey.line(line.as_bytes(), offset));
        survey
    }

    /// Copies, whose times are those of the copying.
    #[test]
    fn a_rotated_file_ends_where_the_next_newer_one_begins() {
        let [live, first, second] = [
            surveyed(&["Dec 21 10:00:00", "Jan 18 10:00:00"]),
            surveyed(&["Nov 25 10:00:00", "Dec 20 10:00:00"]),
            surveyed(&["Feb 25 10:00:00", "Nov 20 10:00:00"]),
        ];
        let modified = Some(Timestamp::parse("2026-11-23T00:00:00Z").unwrap());
        let log = |survey, path: &'static str| Surveyed {
            survey,
            anchor: Anchor { modified, ..Anchor::default() },
            path: Some(path.as_bytes()),
        };
        let begin = |logs: &[Surveyed<'_>]| -> Vec<String> {
            let years = years_of(logs, &Zone::utc());
            let begins = years.iter().zip(logs).map(|(years, log)| log.survey.begins(years, &Zone::utc()));
            begins.map(|begins| begins.unwrap().day()).collect()
        };
        let chain = [
            log(&second, "/var/log/auth.log.2"),
            log(&first, "/var/log/auth.log.1.gz"),
            log(&live, "/var/log/auth.log"),
            log(&first, "/var/log/auth.log.1"),
        ];
        assert_eq!(begin(&chain), ["2025-11-20", "2025-12-20", "2026-01-18", "2025-12-20"]);
        let apart = [log(&second, "/a/auth.log.2"), log(&live, "/b/auth.log")];
        assert_eq!(begin(&apart), ["2026-11-20", "2026-01-18"]);
    }

    /// Written from documentation (RFC 3164, 4.1.2): what came through a relay from a machine that is behind.
    #[test]
    fn a_wrong_clock_in_the_next_file_moves_none_that_knows_its_own_time() {
        let live = surveyed(&["Aug 17 00:01:00", "Aug 17 00:02:00"]);
        let mut first = Survey::default();
        let lines = ["Aug 16 23:59:00 old", "Nov 15 10:00:00 h", "Nov 18 10:00:00 h", "Nov 21 23:50:00 h"];
        let lines = lines.iter().map(|line| format!("{line} sshd[1]: x")).zip(0..);
        lines.for_each(|(line, offset)| first.line(line.as_bytes(), offset));
        let time = |text| Some(Timestamp::parse(text).unwrap());
        let day = |path: &'static str, anchor| {
            let now = Anchor { modified: time("2026-11-23T00:10:00Z"), ..Anchor::default() };
            let logs = [
                Surveyed { survey: &live, anchor: now, path: Some(b"auth.log") },
                Surveyed { survey: &first, anchor, path: Some(path.as_bytes()) },
            ];
            let years = years_of(&logs, &Zone::utc());
            first.begins(&years[1], &Zone::utc()).unwrap().day()
        };
        let modified = Anchor { modified: time("2026-11-22T00:00:00Z"), ..Anchor::default() };
        assert_eq!(day("auth.log.1", modified), "2026-11-21");
        let late = Anchor { modified: time("2027-02-01T00:00:00Z"), ..Anchor::default() };
        assert_eq!(day("auth.log.1", Anchor { packed: modified.modified, ..late }), "2026-11-21");
        assert_eq!(day("auth.log.1", Anchor { named: named_at(b"x-20261122"), ..late }), "2026-11-21");
        // It does not know it: the next file is the better witness.
        assert_eq!(day("auth.log.1", late), "2025-11-21");
    }
}
