//! When the first record of a log was made. That stands in the log and survives every copy, as the time of a file does not.

use std::ops::ControlFlow;

use super::{Evidence, Log, What};
use crate::clock::Timestamp;
use crate::records::audit_log;
use crate::records::layout::EARLIEST;
use crate::records::unpack::Unpacker;
use crate::records::utmp::Layout;

/// Bytes of a log, unpacked, in which its first record is looked for.
const HEAD: usize = 4 << 20;
/// Bytes of records of logins that tell how they are laid out, unless the first of them were wiped: more than 64 of the
/// longest.
const SAMPLE: usize = 32 << 10;
/// A record may speak of a time a little behind that of the collection, in seconds.
const GRACE: i64 = 86_400;

/// Looks for the first record in the beginning of a log, of which more may come; or which is all there is.
type Finds<'f> = dyn FnMut(&mut Vec<u8>, bool) -> Option<Timestamp> + 'f;

impl Evidence {
    /// When the first record was made, if there is one near the beginning; none of other kinds of logs. No record is made
    /// after `latest`.
    pub(super) fn first_record(&self, log: &Log, latest: Timestamp) -> Option<Timestamp> {
        match log.what {
            What::Audit => self.first_in(log, &mut |head, is_all| {
                if is_all {
                    head.push(b'\n');
                }
                first_event(head)
            }),
            What::Wtmp | What::Btmp => {
                let mut enough = SAMPLE;
                self.first_in(log, &mut |head, is_all| {
                    if head.len() < enough && !is_all {
                        return None;
                    }
                    enough = head.len().saturating_mul(4);
                    first_login(head, is_all, latest.unix().saturating_add(GRACE))
                })
            }
            _ => None,
        }
    }

    fn first_in(&self, log: &Log, finds: &mut Finds<'_>) -> Option<Timestamp> {
        let (mut unpacker, mut head) = (Unpacker::default(), Vec::new());
        let (mut first, mut passed) = (None, 0);
        let read = self.read_while(log, &mut |bytes| {
            unpacker.piece(bytes, &mut |text| {
                // A little that is packed can be very much.
                if first.is_none() && passed <= HEAD {
                    passed += text.len();
                    head.extend_from_slice(text);
                    first = finds(&mut head, false);
                }
            });
            if first.is_some() || passed > HEAD { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // What cannot be read is told when it is its turn.
        read.ok()?;
        if first.is_none() && passed <= HEAD {
            unpacker.end(&mut |text| {
                if passed <= HEAD {
                    passed += text.len();
                    head.extend_from_slice(text);
                }
            });
            first = finds(&mut head, true);
        }
        first
    }
}

/// The time of the first whole line that is a record; lines before it are done with.
fn first_event(head: &mut Vec<u8>) -> Option<Timestamp> {
    let whole = head.iter().rposition(|byte| *byte == b'\n')? + 1;
    let lines = head.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
    let first = lines.filter_map(audit_log::record).next().map(|record| record.id.time);
    head.drain(..whole);
    first
}

/// The time of the first record of utmp's that has one which a clock that was set can have shown.
fn first_login(head: &[u8], is_all: bool, latest: i64) -> Option<Timestamp> {
    // Where its end is not known, that records divide the file speaks for no layout.
    let size = if is_all { head.len() as u64 } else { 0 };
    let layout = Layout::detect(&[(0, head)], size, latest)?;
    let mut records = head.chunks_exact(layout.length()).filter_map(|record| layout.read(record));
    let record = records.find(|record| (EARLIEST..=latest).contains(&record.seconds))?;
    let micros = u32::try_from(record.micros).ok().filter(|micros| *micros < 1_000_000);
    Some(Timestamp::from_unix(record.seconds, micros.unwrap_or(0) * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: i64 = 1_900_000_000;

    /// As utmp(5) has it on x86_64.
    fn login(seconds: i32) -> Vec<u8> {
        let mut record = vec![0; 384];
        record[0] = 7;
        record[8..13].copy_from_slice(b"pts/0");
        record[44..49].copy_from_slice(b"alice");
        record[340..344].copy_from_slice(&seconds.to_le_bytes());
        record[344..348].copy_from_slice(&250_000_i32.to_le_bytes());
        record
    }

    #[test]
    fn the_first_login_with_a_time_dates_a_file() {
        let first = |bytes: &[u8], is_all| first_login(bytes, is_all, LATEST);
        let known = Some(Timestamp::from_unix(1_795_200_000, 250_000_000));
        let plain = [login(1_795_200_000), login(1_795_200_100)].concat();
        assert_eq!((first(&plain, true), first(&plain, false)), (known, known));
        // Wiped ones have none, and a clock that was not set yet, or went wrong, says nothing.
        for odd in [vec![0; 384], login(0), login(120), login(i32::MAX)] {
            assert_eq!(first(&[odd, plain.repeat(4)].concat(), true), known);
        }
        for none in [&b""[..], &[0; 4096], &b"no log at all\n".repeat(60)[..]] {
            assert_eq!(first(none, true), None);
        }
        // The four layouts of one file.
        let of = |bytes: &[u8]| first(bytes, true).unwrap();
        let wtmp = of(include_bytes!("../../../fixtures/logins/wtmp-384-le"));
        assert_eq!(wtmp, of(include_bytes!("../../../fixtures/logins/wtmp-400-le")));
        assert_eq!(wtmp, of(include_bytes!("../../../fixtures/logins/wtmp-384-be")));
        assert_eq!(wtmp, of(include_bytes!("../../../fixtures/logins/wtmp-400-be")));
    }

    #[test]
    fn the_first_line_that_is_a_record_dates_an_audit_log() {
        let mut head = b"torn\ntype=DAEMON_START msg=audit(1795200000.500:1): op=start\ntype=".to_vec();
        assert_eq!(first_event(&mut head), Some(Timestamp::from_unix(1_795_200_000, 500_000_000)));
        assert_eq!(head, b"type=");
        assert_eq!(first_event(&mut head), None);
    }
}
