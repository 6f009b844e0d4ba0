//! `/run/faillock/USER` (Linux-PAM, modules/pam_faillock/faillock.h): one record of 64 bytes per failed attempt since
//! the last success, in the byte order of the machine.

use super::layout::{Order, Score, best, is_zero};

/// Bytes of a record.
pub const LENGTH: usize = 64;

/// Where an attempt came from, as the record's status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A remote host.
    Host,
    /// A terminal.
    Line,
    /// Neither: the PAM service.
    Service,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Host, terminal or service: 52 bytes.
    pub source: &'a [u8],
    /// What `source` is.
    pub origin: Origin,
    /// It still counts. What expired or was reset is overwritten by the next failure.
    pub valid: bool,
    /// Seconds since 1970.
    pub seconds: u64,
    /// All of its bytes.
    pub raw: &'a [u8],
}

/// Reads one record; none if the bytes are fewer than one has.
pub fn read(order: Order, bytes: &[u8]) -> Option<Attempt<'_>> {
    let raw = bytes.get(..LENGTH)?;
    let status = order.u16_at(raw, 54)?;
    let origin = match (status & 2 != 0, status & 4 != 0) {
        (true, _) => Origin::Host,
        (false, true) => Origin::Line,
        (false, false) => Origin::Service,
    };
    Some(Attempt {
        source: raw.get(..52)?,
        origin,
        valid: status & 1 != 0,
        seconds: order.u64_at(raw, 56)?,
        raw,
    })
}

/// The records that are not nothing but zeros, with their offsets.
pub fn records(order: Order, bytes: &[u8]) -> impl Iterator<Item = (u64, Attempt<'_>)> {
    let records = bytes.chunks_exact(LENGTH).zip((0..).step_by(LENGTH));
    records.filter(|(raw, _)| !is_zero(raw)).filter_map(move |(raw, at)| Some((at, read(order, raw)?)))
}

/// The byte order that the file was written in; none if that is not clear. `latest` is the last second, since 1970,
/// that a record can speak of.
pub fn detect(bytes: &[u8], latest: i64) -> Option<Order> {
    best(Order::BOTH.map(|order| {
        let mut score = Score::of(LENGTH, order, bytes.len() as u64);
        for (_, attempt) in records(order, bytes) {
            score.add_time(i64::try_from(attempt.seconds).unwrap_or(i64::MAX), latest);
            score.add_text(2, attempt.source);
        }
        (order, score)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::layout::text;
    use crate::records::mishaps::Mishaps;

    /// Written by pam_faillock of Linux-PAM 1.5.2; fixtures/README.md says how.
    const FILE: &[u8] = include_bytes!("../../fixtures/logins/faillock-le");

    #[test]
    fn the_attempts_of_a_real_file_are_read() {
        let order = detect(FILE, 2_000_000_000).unwrap();
        assert_eq!(order, Order::Little);
        let seen: Vec<_> = records(order, FILE).collect();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|(_, attempt)| attempt.valid && attempt.seconds > 1_700_000_000));
        assert_eq!(seen[0].1.origin, Origin::Host);
        assert_eq!(text(seen[0].1.source), b"203.0.113.9");
        assert_eq!((seen[1].1.origin, text(seen[1].1.source)), (Origin::Line, &b"tty7"[..]));
        assert_eq!((seen[2].0, seen[2].1.origin), (128, Origin::Service));
    }

    #[test]
    fn bytes_that_say_nothing_have_no_order_and_nothing_panics() {
        assert_eq!(detect(&[0; 640], 2_000_000_000), None);
        Mishaps::of(FILE).each(|bytes| {
            let _ = detect(bytes, 2_000_000_000);
            assert!(records(Order::Big, bytes).count() <= bytes.len() / LENGTH);
        });
    }
}
