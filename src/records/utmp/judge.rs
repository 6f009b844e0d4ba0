//! Record after record of one file, with what is odd about each. Odd is no verdict: each flag is consistent with
//! tampering, and with something innocent, which docs/tables.md names.

use std::collections::BTreeMap;

use super::{Layout, Record};
use crate::records::layout::{has_odd_padding, is_zero, text};

/// What a file's records speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Who is on: one slot per line, rewritten in place, so that their order means nothing.
    Utmp,
    /// Logins and logouts, appended.
    Wtmp,
    /// Failed logins, appended.
    Btmp,
}

/// What is odd about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Nothing but zeros, before another record.
    Wiped,
    /// Nothing but zeros up to the end of the file.
    ZeroTail,
    /// Its time is before that of the record in front of it, and no clock was set between them.
    TimeRegress,
    /// A session without a user.
    ZeroedUser,
    /// It holds something, and its time is 0.
    ZeroedTime,
    /// Something stands behind the end of a text, or in what is reserved; the row has its raw bytes.
    OddPadding,
    /// Its type is none of utmp(5); the row has its raw bytes.
    UnknownType,
    /// Microseconds that are no part of a second.
    OddMicros,
    /// Its time lies after the moment of the collection.
    BeyondNow,
    /// A time of 32 bits that is negative: before 1970, or after 2038-01-19; the row has no time then.
    TimeWrap,
}

impl Flag {
    /// As it stands in rows.
    pub fn word(self) -> &'static str {
        match self {
            Flag::Wiped => "wiped",
            Flag::ZeroTail => "zero_tail",
            Flag::TimeRegress => "time_regress",
            Flag::ZeroedUser => "zeroed_user",
            Flag::ZeroedTime => "zeroed_time",
            Flag::OddPadding => "odd_padding",
            Flag::UnknownType => "unknown_type",
            Flag::OddMicros => "odd_micros",
            Flag::BeyondNow => "beyond_now",
            Flag::TimeWrap => "time_wrap",
        }
    }
}

/// One thing found in the file.
#[derive(Debug)]
pub enum Item<'a> {
    /// So many records of nothing but zeros, one behind the other.
    Zeros {
        /// Where the first begins, in bytes.
        offset: u64,
        /// How many.
        count: u64,
        /// `Wiped` or `ZeroTail`.
        flag: Flag,
    },
    /// A record.
    Record {
        /// Where it begins, in bytes.
        offset: u64,
        /// It.
        record: Record<'a>,
        /// What is odd about it.
        flags: Vec<Flag>,
    },
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records, those of nothing but zeros included.
    pub records: u64,
    /// How many of them have which flag.
    pub flags: BTreeMap<Flag, u64>,
    /// Bytes of the whole records, from the first byte on.
    pub whole: u64,
    /// Bytes behind the last whole record.
    pub trailing: u64,
    /// The earliest time, in seconds since 1970.
    pub first: Option<i64>,
    /// The latest time.
    pub last: Option<i64>,
}

/// Takes a file's bytes in order and gives its records.
pub struct Judge {
    layout: Layout,
    sort: Sort,
    latest: i64,
    at: u64,
    rest: Vec<u8>,
    zeros: Option<(u64, u64)>,
    previous: Option<i64>,
    clock_set: bool,
    findings: Findings,
}

impl Judge {
    /// A judge of one file's records. `now` is the moment of the collection, in seconds since 1970.
    pub fn new(layout: Layout, sort: Sort, now: i64) -> Judge {
        Judge {
            layout,
            sort,
            latest: now,
            at: 0,
            rest: Vec::new(),
            zeros: None,
            previous: None,
            clock_set: false,
            findings: Findings::default(),
        }
    }

    /// The next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        let length = self.layout.length();
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(length - self.rest.len()));
            self.rest.extend_from_slice(now);
            bytes = later;
            if self.rest.len() < length {
                return;
            }
            let whole = std::mem::take(&mut self.rest);
            self.one(&whole, each);
        }
        let records = bytes.chunks_exact(length);
        self.rest.extend_from_slice(records.remainder());
        for record in records {
            self.one(record, each);
        }
    }

    /// The file has ended.
    pub fn finish(mut self, each: &mut dyn FnMut(Item<'_>)) -> Findings {
        self.tell_zeros(Flag::ZeroTail, each);
        (self.findings.whole, self.findings.trailing) = (self.at, self.rest.len() as u64);
        self.findings
    }

    fn one(&mut self, bytes: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        let offset = self.at;
        self.at += bytes.len() as u64;
        self.findings.records += 1;
        if is_zero(bytes) {
            let (_, count) = self.zeros.get_or_insert((offset, 0));
            *count += 1;
            return;
        }
        self.tell_zeros(Flag::Wiped, each);
        let Some(record) = self.layout.read(bytes) else { return };
        let flags = self.flags(&record);
        for flag in &flags {
            *self.findings.flags.entry(*flag).or_default() += 1;
        }
        self.remember(&record);
        each(Item::Record { offset, record, flags });
    }

    fn tell_zeros(&mut self, flag: Flag, each: &mut dyn FnMut(Item<'_>)) {
        if let Some((offset, count)) = self.zeros.take() {
            *self.findings.flags.entry(flag).or_default() += count;
            each(Item::Zeros { offset, count, flag });
        }
    }

    fn flags(&self, record: &Record<'_>) -> Vec<Flag> {
        let seconds = record.seconds;
        let wraps = seconds < 0 && !self.layout.wide;
        let sets_clock = matches!(record.kind, 3 | 4) || self.clock_set;
        let earlier = self.previous.is_some_and(|previous| seconds < previous);
        let padded = [record.line, record.user, record.host].into_iter().any(has_odd_padding);
        let session = record.kind == 7 && self.sort != Sort::Btmp;
        [
            (Flag::TimeRegress, earlier && seconds > 0 && !sets_clock && self.sort != Sort::Utmp),
            (Flag::ZeroedUser, session && text(record.user).is_empty()),
            (Flag::ZeroedTime, seconds == 0 && record.kind != 0),
            (Flag::OddPadding, padded || !is_zero(record.reserved)),
            (Flag::UnknownType, !(0..=9).contains(&record.kind)),
            (Flag::OddMicros, !(0..1_000_000).contains(&record.micros)),
            (Flag::BeyondNow, seconds > self.latest),
            (Flag::TimeWrap, wraps),
        ]
        .into_iter()
        .filter_map(|(flag, is_so)| is_so.then_some(flag))
        .collect()
    }

    fn remember(&mut self, record: &Record<'_>) {
        if record.seconds <= 0 {
            return;
        }
        // NEW_TIME follows OLD_TIME; what comes behind them may rightly be earlier than what came before.
        self.clock_set = matches!(record.kind, 3 | 4);
        self.previous = Some(record.seconds);
        let findings = &mut self.findings;
        findings.first = Some(findings.first.map_or(record.seconds, |first| first.min(record.seconds)));
        findings.last = Some(findings.last.map_or(record.seconds, |last| last.max(record.seconds)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::layout::Order;
    use crate::records::mishaps::Mishaps;

    const LAYOUT: Layout = Layout { wide: false, order: Order::Little };
    const NOW: i64 = 1_800_000_000;

    fn record(kind: i16, user: &[u8], seconds: i32) -> Vec<u8> {
        let mut bytes = vec![0; 384];
        bytes[..2].copy_from_slice(&kind.to_le_bytes());
        bytes[44..44 + user.len()].copy_from_slice(user);
        bytes[340..344].copy_from_slice(&seconds.to_le_bytes());
        bytes
    }

    fn judged(sort: Sort, bytes: &[u8], piece: usize) -> (Vec<String>, Findings) {
        let mut seen = Vec::new();
        let mut each = |item: Item<'_>| {
            seen.push(match item {
                Item::Zeros { offset, count, flag } => format!("{offset} zeros {count} {}", flag.word()),
                Item::Record { offset, record, flags } => {
                    let words: Vec<&str> = flags.into_iter().map(Flag::word).collect();
                    format!("{offset} {} {}", record.kind, words.join(","))
                }
            });
        };
        let mut judge = Judge::new(LAYOUT, sort, NOW);
        for piece in bytes.chunks(piece) {
            judge.feed(piece, &mut each);
        }
        let findings = judge.finish(&mut each);
        (seen, findings)
    }

    #[test]
    fn what_is_odd_is_flagged_and_counted_however_the_bytes_come() {
        let mut odd = record(7, b"eve\0was", 1_700_000_020);
        odd[383] = 1;
        let bytes = [
            record(2, b"reboot", 1_700_000_000),
            vec![0; 768],
            record(7, b"alice", 1_700_000_010),
            record(7, b"", 1_700_000_005),
            odd,
            record(4, b"", 1_700_000_030),
            record(3, b"", 1_600_000_000),
            record(7, b"bob", 1_600_000_001),
            record(7, b"late", 1_900_000_000),
            record(7, b"nul", 0),
            record(7, b"wrap", -5),
            record(77, b"x", 1_900_000_000),
            vec![0; 384],
            vec![9; 12],
        ]
        .concat();
        let expected = [
            "0 2 ",
            "384 zeros 2 wiped",
            "1152 7 ",
            "1536 7 time_regress,zeroed_user",
            "1920 7 odd_padding",
            "2304 4 ",
            "2688 3 ",
            "3072 7 ",
            "3456 7 beyond_now",
            "3840 7 zeroed_time",
            "4224 7 time_wrap",
            "4608 77 unknown_type,beyond_now",
            "4992 zeros 1 zero_tail",
        ];
        for piece in [1, 7, 383, 384, 385, 100_000] {
            let (seen, findings) = judged(Sort::Wtmp, &bytes, piece);
            assert_eq!(seen, expected, "{piece}");
            assert_eq!((findings.records, findings.whole, findings.trailing), (14, 14 * 384, 12));
            assert_eq!(findings.flags[&Flag::Wiped], 2);
            assert_eq!((findings.first, findings.last), (Some(1_600_000_000), Some(1_900_000_000)));
        }
    }

    #[test]
    fn the_order_of_slots_in_utmp_means_nothing() {
        let bytes = [record(7, b"a", 1_700_000_010), record(7, b"b", 1_700_000_000)].concat();
        assert_eq!(judged(Sort::Utmp, &bytes, 99).0, ["0 7 ", "384 7 "]);
    }

    #[test]
    fn mutations_and_truncations_give_no_more_records_than_fit_and_lose_none() {
        let good = include_bytes!("../../../fixtures/logins/wtmp-384-le");
        Mishaps::of(good).rounds(400).each(|bytes| {
            for layout in Layout::ALL {
                let mut judge = Judge::new(layout, Sort::Btmp, NOW);
                let mut rows = 0;
                let mut each = |item: Item<'_>| match item {
                    Item::Zeros { count, .. } => rows += count,
                    Item::Record { .. } => rows += 1,
                };
                judge.feed(bytes, &mut each);
                let findings = judge.finish(&mut each);
                assert_eq!(rows, (bytes.len() / layout.length()) as u64);
                assert_eq!(findings.records, rows);
                assert_eq!(findings.trailing, (bytes.len() % layout.length()) as u64);
            }
            let _ = Layout::detect(&[(0, bytes)], bytes.len() as u64, NOW);
        });
    }
}
