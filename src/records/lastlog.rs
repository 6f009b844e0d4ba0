//! Files with one record per account, at the place that its user id gives: lastlog (glibc, bits/utmp.h), tallylog
//! (pam_tally2 of Linux-PAM 1.3) and faillog (shadow, faillog(5)). Between the accounts there are holes, and a user id
//! of 32 bits makes them a terabyte long; so the data comes in parts, and what lies between them is zero.

use super::layout::{Order, Score, best, is_zero};

/// What such a file records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The last login.
    Lastlog,
    /// Failed attempts, counted by pam_tally2.
    Tallylog,
    /// Failed attempts, counted by login.
    Faillog,
}

/// How the records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What is recorded.
    pub sort: Sort,
    /// Times have 64 bits. tallylog always has such.
    pub wide: bool,
    /// The byte order.
    pub order: Order,
}

/// The record of one account. Text fields are whole.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Seconds since 1970 of the last login or failure, as they stand there.
    pub seconds: i64,
    /// The line.
    pub line: &'a [u8],
    /// The host; lastlog alone has one.
    pub host: &'a [u8],
    /// How many failures.
    pub count: Option<u16>,
    /// All of its bytes.
    pub raw: &'a [u8],
}

impl Layout {
    fn candidates(sort: Sort) -> Vec<Layout> {
        let widths: &[bool] = if sort == Sort::Tallylog { &[true] } else { &[false, true] };
        let all = widths.iter().flat_map(|wide| Order::BOTH.map(|order| Layout { sort, wide: *wide, order }));
        all.collect()
    }

    /// Bytes of a record.
    pub fn length(self) -> usize {
        match (self.sort, self.wide) {
            (Sort::Lastlog, false) => 292,
            (Sort::Lastlog, true) => 296,
            (Sort::Tallylog, _) => 64,
            (Sort::Faillog, false) => 24,
            (Sort::Faillog, true) => 32,
        }
    }

    /// `lastlog-292-le` and the like.
    pub fn word(self) -> String {
        let name = match self.sort {
            Sort::Lastlog => "lastlog",
            Sort::Tallylog => "tallylog",
            Sort::Faillog => "faillog",
        };
        format!("{name}-{}-{}", self.length(), self.order.word())
    }

    /// Reads one record; none if the bytes are fewer than one has.
    pub fn read(self, bytes: &[u8]) -> Option<Account<'_>> {
        let raw = bytes.get(..self.length())?;
        let order = self.order;
        let time = |at| if self.wide { order.i64_at(raw, at) } else { order.i32_at(raw, at).map(i64::from) };
        Some(match self.sort {
            Sort::Lastlog => {
                let line = if self.wide { 8 } else { 4 };
                let (line, host) = raw.get(line..)?.split_at_checked(32)?;
                Account { seconds: time(0)?, line, host, count: None, raw }
            }
            Sort::Tallylog => {
                let count = order.u16_at(raw, 54);
                Account { seconds: time(56)?, line: raw.get(..52)?, host: &[], count, raw }
            }
            Sort::Faillog => {
                let count = order.u16_at(raw, 0);
                Account { seconds: time(16)?, line: raw.get(4..16)?, host: &[], count, raw }
            }
        })
    }

    /// The layout of a file of `size` bytes, from parts of its data, each with its offset, in order; none if it is not
    /// clear. `latest` is the last second, since 1970, that a record can speak of.
    pub fn detect(sort: Sort, parts: &[(u64, &[u8])], size: u64, latest: i64) -> Option<Layout> {
        best(Layout::candidates(sort).into_iter().map(|layout| {
            let mut score = Score::of(layout.length(), layout.order, size);
            let mut each = |_: u64, bytes: &[u8]| {
                if let Some(account) = layout.read(bytes) {
                    score.add_time(account.seconds, latest);
                    score.add_text(3, account.line);
                    score.add_text(3, account.host);
                }
            };
            let mut slots = Slots::new(layout.length());
            for (offset, bytes) in parts {
                slots.feed(*offset, bytes, &mut each);
            }
            slots.finish(size, &mut each);
            (layout, score)
        }))
    }
}

/// Puts records together from parts of a file, in order; what is not given is zero. Records of zeros are no records.
pub struct Slots {
    length: usize,
    number: u64,
    record: Vec<u8>,
}

impl Slots {
    /// For records of `length` bytes, at least one.
    pub fn new(length: usize) -> Slots {
        let length = length.max(1);
        Slots { length, number: 0, record: vec![0; length] }
    }

    /// The bytes at `offset`; `each` gets the number and the bytes of every record that ends there or before.
    pub fn feed(&mut self, offset: u64, bytes: &[u8], each: &mut dyn FnMut(u64, &[u8])) {
        let length = self.length as u64;
        let (mut offset, mut bytes) = (offset, bytes);
        while !bytes.is_empty() {
            let (number, within) = (offset / length, usize::try_from(offset % length).unwrap_or(0));
            if number != self.number {
                self.tell(each);
                self.number = number;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.length - within));
            if let Some(place) = self.record.get_mut(within..within + now.len()) {
                place.copy_from_slice(now);
            }
            offset = offset.saturating_add(now.len() as u64);
            bytes = later;
        }
    }

    /// The file ends at `size`: a record that would reach beyond is none. Gives the bytes behind the last whole one.
    pub fn finish(mut self, size: u64, each: &mut dyn FnMut(u64, &[u8])) -> u64 {
        let length = self.length as u64;
        if self.number < size / length {
            self.tell(each);
        }
        size % length
    }

    fn tell(&mut self, each: &mut dyn FnMut(u64, &[u8])) {
        if !is_zero(&self.record) {
            each(self.number, &self.record);
            self.record.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::layout::text;
    use crate::records::mishaps::Random;

    const LATEST: i64 = 1_900_000_000;

    /// Written from documentation: glibc, bits/utmp.h; pam_tally2, tallylog.h; shadow, faillog.h.
    fn account(layout: Layout, seconds: i64, line: &[u8], host: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; layout.length()];
        let little = |bytes: &mut [u8]| {
            if layout.order == Order::Big {
                bytes.reverse()
            }
        };
        let mut time = if layout.wide {
            seconds.to_le_bytes().to_vec()
        } else {
            (seconds as i32).to_le_bytes().to_vec()
        };
        little(&mut time);
        let (time_at, line_at) = match layout.sort {
            Sort::Lastlog => (0, time.len()),
            Sort::Tallylog => (56, 0),
            Sort::Faillog => (16, 4),
        };
        bytes[time_at..time_at + time.len()].copy_from_slice(&time);
        bytes[line_at..line_at + line.len()].copy_from_slice(line);
        if layout.sort == Sort::Lastlog {
            bytes[line_at + 32..line_at + 32 + host.len()].copy_from_slice(host);
        }
        bytes
    }

    #[test]
    fn every_layout_is_told_and_a_terabyte_of_nothing_costs_nothing() {
        for sort in [Sort::Lastlog, Sort::Tallylog, Sort::Faillog] {
            for layout in Layout::candidates(sort) {
                let length = layout.length() as u64;
                let root = account(layout, 1_700_000_000, b"tty1", b"");
                let far = account(layout, 1_700_000_100, b"pts/3", b"203.0.113.9");
                let (at, size) = (4_294_967_294 * length, 4_294_967_295 * length);
                // Extents begin at blocks, not at records.
                let (head, tail) = far.split_at(17);
                let parts: Vec<(u64, &[u8])> = vec![(0, &root), (at, head), (at + 17, tail)];
                assert_eq!(Layout::detect(sort, &parts, size, LATEST), Some(layout), "{}", layout.word());
                let mut seen = Vec::new();
                let mut each = |number: u64, bytes: &[u8]| {
                    let account = layout.read(bytes).unwrap();
                    seen.push((number, account.seconds, text(account.line).to_vec()));
                };
                let mut slots = Slots::new(layout.length());
                for (offset, bytes) in &parts {
                    slots.feed(*offset, bytes, &mut each);
                }
                assert_eq!(slots.finish(size, &mut each), 0);
                let expected =
                    [(0, 1_700_000_000, b"tty1".to_vec()), (4_294_967_294, 1_700_000_100, b"pts/3".to_vec())];
                assert_eq!(seen, expected);
            }
        }
    }

    #[test]
    fn a_single_record_whose_time_could_be_read_either_way_is_of_this_machine() {
        // Captured on Debian 12 after the first login over SSH: 2026-11-22, or 2000-03-04 the wrong way round.
        let seconds: i64 = 0x6b02_c138;
        let own = Layout { sort: Sort::Lastlog, wide: false, order: Order::OWN };
        let record = account(own, seconds, b"pts/0", b"127.0.0.1");
        let parts: Vec<(u64, &[u8])> = vec![(292_292, &record)];
        assert_eq!(Layout::detect(Sort::Lastlog, &parts, 292_584, LATEST), Some(own));
        assert!(crate::records::layout::EARLIEST < seconds.swap_bytes() >> 32);
    }

    #[test]
    fn half_a_record_at_the_end_is_counted_and_is_no_record() {
        let mut slots = Slots::new(292);
        let mut count = 0;
        let mut each = |_: u64, _: &[u8]| count += 1;
        slots.feed(0, &[7; 300], &mut each);
        assert_eq!(slots.finish(300, &mut each), 8);
        assert_eq!(count, 1);
    }

    #[test]
    fn nothing_panics_and_what_is_zero_has_no_layout() {
        let mut random = Random::new();
        for length in 0..1500 {
            let (bytes, offset) = (random.bytes(length), random.below(1000) as u64);
            for sort in [Sort::Lastlog, Sort::Tallylog, Sort::Faillog] {
                let _ = Layout::detect(sort, &[(offset, &bytes), (u64::MAX - 5, &bytes)], u64::MAX, LATEST);
            }
        }
        assert_eq!(Layout::detect(Sort::Lastlog, &[(0, &[0; 2920])], 2920, LATEST), None);
    }
}
