//! The parts of a file that tell how its records are laid out: its first bytes that are not zeros, whatever was wiped
//! before them, and its last ones. The same for whoever collects a file and whoever reads it.

use super::Layout;

/// Bytes of each part: more than 64 of the longest records.
const PART: usize = 32 << 10;
/// Bytes of the longest record.
const LONGEST: u64 = 400;

/// Takes the bytes of a file in order.
#[derive(Debug, Default)]
pub struct Sample {
    /// Where the first part begins.
    begin: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    passed: u64,
}

impl Sample {
    /// The next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.head.is_empty() {
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            bytes = bytes.get(zeros..).unwrap_or_default();
            self.passed += zeros as u64;
            if bytes.is_empty() {
                return;
            }
            // A record may begin with zeros: as many are taken with it as fit before its first other byte.
            self.begin = self.passed.saturating_sub(LONGEST - 1);
            self.head.resize((self.passed - self.begin) as usize, 0);
        }
        self.passed += bytes.len() as u64;
        let room = PART.saturating_sub(self.head.len()).min(bytes.len());
        let (head, behind) = bytes.split_at_checked(room).unwrap_or((bytes, b""));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(behind);
        let surplus = self.tail.len().saturating_sub(PART);
        self.tail.drain(..surplus);
    }

    /// Bytes that have passed.
    pub fn size(&self) -> u64 {
        self.passed
    }

    /// The layout of the records, of both parts or else of one; where it is not clear, in words why not. `latest` is the last
    /// second, since 1970, that a record can speak of.
    pub fn layout(&self, latest: i64) -> Result<Layout, &'static str> {
        let parts = [
            (self.begin, self.head.as_slice()),
            (self.passed - self.tail.len() as u64, self.tail.as_slice()),
        ];
        let mut both_and_each = parts.chunks(2).chain(parts.chunks(1));
        let layout = both_and_each.find_map(|parts| Layout::detect(parts, self.passed, latest));
        layout.ok_or(if self.head.is_empty() {
            "it holds nothing but zeros; consistent with records that were wiped, and with space that was reserved and never \
             written"
        } else {
            "the layout of its records could not be told: it is none of the four of utmp(5), or damaged"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: i64 = 1_900_000_000;
    const FILES: [(&str, &[u8]); 4] = [
        ("utmp-384-le", include_bytes!("../../../fixtures/logins/wtmp-384-le")),
        ("utmp-400-le", include_bytes!("../../../fixtures/logins/wtmp-400-le")),
        ("utmp-384-be", include_bytes!("../../../fixtures/logins/wtmp-384-be")),
        ("utmp-400-be", include_bytes!("../../../fixtures/logins/wtmp-400-be")),
    ];

    fn layout(bytes: &[u8], piece: usize) -> Result<String, &'static str> {
        let mut sample = Sample::default();
        bytes.chunks(piece).for_each(|bytes| sample.feed(bytes));
        assert_eq!(sample.size(), bytes.len() as u64);
        assert!(sample.head.len() <= PART && sample.tail.len() <= PART);
        sample.layout(LATEST).map(Layout::word)
    }

    /// As a tester did it: the first hundred records were zeroed.
    #[test]
    fn records_behind_any_number_of_zeros_and_before_them_tell_the_layout() {
        for (word, bytes) in FILES {
            let length = if word.contains("384") { 384 } else { 400 };
            let zeros = |records: usize| vec![0; records * length];
            for (before, behind) in [(0, 0), (1, 0), (100, 0), (100, 200), (0, 200)] {
                let file = [zeros(before).as_slice(), bytes, zeros(behind).as_slice()].concat();
                for piece in [7, 400, 1 << 17] {
                    assert_eq!(layout(&file, piece).as_deref(), Ok(word), "{before} {behind} {piece}");
                }
            }
            // One record alone.
            let one = [zeros(100).as_slice(), &bytes[length..2 * length]].concat();
            assert_eq!(layout(&one, 1000).as_deref(), Ok(word));
        }
    }

    #[test]
    fn the_end_tells_it_where_the_beginning_does_not() {
        let other = b"Nov 21 20:19:48 clinic-db sshd[1]: Accepted\n".repeat(900);
        let bytes = [&other[..384 * 90], FILES[0].1.repeat(12).as_slice()].concat();
        assert_eq!(layout(&bytes, 4096).as_deref(), Ok("utmp-384-le"));
    }

    #[test]
    fn what_has_no_layout_is_told_by_what_it_is() {
        let text = b"Nov 21 20:19:48 clinic-db sshd[1]: Accepted publickey for alice\n".repeat(2_000);
        assert!(layout(&text, 1000).unwrap_err().contains("none of the four"));
        assert!(layout(&[0; 40_000], 1000).unwrap_err().starts_with("it holds nothing but zeros"));
    }
}
