//! utmp, wtmp and btmp (utmp(5); glibc, bits/utmp.h): records of 384 bytes, or of 400 where time has 64 bits, in the
//! byte order of the machine that wrote them. Read forwards from the first byte, so that a stray byte at the end costs
//! nothing; `last` reads backwards, and then loses or garbles all of them.

mod judge;
mod sample;

use std::net::{Ipv4Addr, Ipv6Addr};

use super::layout::{Order, Score, best, is_zero};

pub use judge::{Findings, Flag, Item, Judge, Sort};
pub use sample::Sample;

/// How a file's records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Session and time have 64 bits (aarch64, s390x, loongarch64; utmps on musl).
    pub wide: bool,
    /// The byte order.
    pub order: Order,
}

/// One record. Text fields are whole: what stands behind the first NUL is kept.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// `ut_type`.
    pub kind: i16,
    /// `ut_pid`.
    pub pid: i32,
    /// `ut_line`, 32 bytes.
    pub line: &'a [u8],
    /// `ut_id`, 4 bytes.
    pub id: &'a [u8],
    /// `ut_user`, 32 bytes.
    pub user: &'a [u8],
    /// `ut_host`, 256 bytes.
    pub host: &'a [u8],
    /// `ut_exit.e_termination`.
    pub termination: i16,
    /// `ut_exit.e_exit`.
    pub exit: i16,
    /// `ut_session`.
    pub session: i64,
    /// `ut_tv.tv_sec`: seconds since 1970, as they stand there.
    pub seconds: i64,
    /// `ut_tv.tv_usec`.
    pub micros: i64,
    /// `ut_addr_v6`, in network order.
    pub address: [u8; 16],
    /// `__glibc_reserved`.
    pub reserved: &'a [u8],
    /// All of its bytes.
    pub raw: &'a [u8],
}

impl Layout {
    /// All that are known.
    pub const ALL: [Layout; 4] = [
        Layout { wide: false, order: Order::Little },
        Layout { wide: true, order: Order::Little },
        Layout { wide: false, order: Order::Big },
        Layout { wide: true, order: Order::Big },
    ];

    /// Bytes of a record.
    pub fn length(self) -> usize {
        if self.wide { 400 } else { 384 }
    }

    /// `utmp-384-le` and the like.
    pub fn word(self) -> String {
        format!("utmp-{}-{}", self.length(), self.order.word())
    }

    /// Reads one record; none if the bytes are fewer than one has.
    pub fn read(self, bytes: &[u8]) -> Option<Record<'_>> {
        let raw = bytes.get(..self.length())?;
        let order = self.order;
        let (session, seconds, micros, address) = if self.wide {
            (order.i64_at(raw, 336)?, order.i64_at(raw, 344)?, order.i64_at(raw, 352)?, 360)
        } else {
            let number = |at| order.i32_at(raw, at).map(i64::from);
            (number(336)?, number(340)?, number(344)?, 348)
        };
        Some(Record {
            kind: order.i16_at(raw, 0)?,
            pid: order.i32_at(raw, 4)?,
            line: raw.get(8..40)?,
            id: raw.get(40..44)?,
            user: raw.get(44..76)?,
            host: raw.get(76..332)?,
            termination: order.i16_at(raw, 332)?,
            exit: order.i16_at(raw, 334)?,
            session,
            seconds,
            micros,
            address: *raw.get(address..)?.first_chunk()?,
            reserved: raw.get(address + 16..)?,
            raw,
        })
    }

    fn score(self, score: &mut Score, bytes: &[u8], latest: i64) {
        let Some(record) = self.read(bytes) else { return };
        score.add(2, (0..=9).contains(&record.kind));
        score.add_time(record.seconds, latest);
        score.add(2, (0..1_000_000).contains(&record.micros));
        for field in [record.line, record.user, record.host] {
            score.add_text(1, field);
        }
        score.add(1, is_zero(record.reserved));
    }

    /// The layout of a file of `size` bytes, from parts of it, each with its offset; none if it is not clear. `latest`
    /// is the last second, since 1970, that a record can speak of.
    pub fn detect(parts: &[(u64, &[u8])], size: u64, latest: i64) -> Option<Layout> {
        best(Layout::ALL.map(|layout| {
            let mut score = Score::of(layout.length(), layout.order, size);
            for (offset, bytes) in parts {
                let length = layout.length();
                // Parts begin anywhere; records at multiples of their length.
                let ahead = (length - usize::try_from(offset % length as u64).unwrap_or(0)) % length;
                let records = bytes.get(ahead..).unwrap_or_default().chunks_exact(length);
                for record in records.filter(|record| !is_zero(record)) {
                    layout.score(&mut score, record, latest);
                }
            }
            (layout, score)
        }))
    }
}

impl Record<'_> {
    /// The address; none where there is none. IPv4 stands in the first of four words, the others are zero then.
    pub fn address_text(&self) -> Option<String> {
        let [a, b, c, d, rest @ ..] = self.address;
        if is_zero(&self.address) {
            return None;
        }
        Some(match is_zero(&rest) {
            true => Ipv4Addr::new(a, b, c, d).to_string(),
            false => Ipv6Addr::from(self.address).to_string(),
        })
    }
}

/// `ut_type` in words; `unknown` above 9.
pub fn kind_word(kind: i16) -> &'static str {
    match kind {
        0 => "empty",
        1 => "runlevel",
        2 => "boot",
        3 => "new_time",
        4 => "old_time",
        5 => "init",
        6 => "login",
        7 => "user",
        8 => "dead",
        9 => "accounting",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::layout::text;

    /// `utmpdump -r` of util-linux 2.38 on x86-64; fixtures/README.md says how.
    const WTMP: &[u8] = include_bytes!("../../fixtures/logins/wtmp-384-le");
    /// The same records, packed by fixtures/logins/make.py in the other layouts.
    const OTHERS: [(&str, &[u8]); 3] = [
        ("utmp-400-le", include_bytes!("../../fixtures/logins/wtmp-400-le")),
        ("utmp-384-be", include_bytes!("../../fixtures/logins/wtmp-384-be")),
        ("utmp-400-be", include_bytes!("../../fixtures/logins/wtmp-400-be")),
    ];
    const LATEST: i64 = 1_900_000_000;

    fn facts(layout: Layout, bytes: &[u8]) -> Vec<String> {
        bytes
            .chunks(layout.length())
            .filter_map(|record| layout.read(record))
            .map(|record| {
                let shown = [record.line, record.id, record.user, record.host]
                    .map(|field| String::from_utf8_lossy(text(field)).into_owned());
                format!(
                    "{} {} {shown:?} {:?} {}.{}",
                    kind_word(record.kind),
                    record.pid,
                    record.address_text(),
                    record.seconds,
                    record.micros
                )
            })
            .collect()
    }

    #[test]
    fn every_layout_is_told_from_the_others_and_gives_the_same_records() {
        let first = Layout::detect(&[(0, WTMP)], WTMP.len() as u64, LATEST).unwrap();
        assert_eq!(first.word(), "utmp-384-le");
        let expected = facts(first, WTMP);
        assert!(expected.len() >= 6);
        assert!(expected[1].contains("alice") && expected[1].contains("192.0.2.7"), "{expected:?}");
        assert!(expected.iter().any(|row| row.contains("2001:db8::1")), "{expected:?}");
        for (word, bytes) in OTHERS {
            let layout = Layout::detect(&[(0, bytes)], bytes.len() as u64, LATEST).unwrap();
            assert_eq!((layout.word().as_str(), facts(layout, bytes)), (word, expected.clone()));
        }
    }

    #[test]
    fn one_record_is_enough_and_a_part_may_begin_anywhere() {
        for (_, bytes) in OTHERS.into_iter().chain([("", WTMP)]) {
            let layout = Layout::detect(&[(0, bytes)], bytes.len() as u64, LATEST).unwrap();
            let one = &bytes[layout.length()..2 * layout.length()];
            assert_eq!(Layout::detect(&[(0, one)], one.len() as u64, LATEST), Some(layout));
            let part = &bytes[100..];
            assert_eq!(Layout::detect(&[(100, part)], bytes.len() as u64, LATEST), Some(layout));
        }
    }

    #[test]
    fn what_is_no_utmp_has_no_layout() {
        let text = b"Nov 21 20:19:48 clinic-db sshd[1]: Accepted publickey for alice\n".repeat(50);
        for bytes in [&text[..], &[0; 4096], b"", b"\n", &[0xff; 4000]] {
            assert_eq!(Layout::detect(&[(0, bytes)], bytes.len() as u64, LATEST), None);
        }
    }
}
