//! Lines of a text that passes piece by piece, each with where it begins. A line that lies within one piece is not
//! copied; one that is longer than any honest one is told, and not kept. NUL bytes in front of a line are no part of it: a
//! crash, or a daemon that goes on writing behind the end of a file that was cut, leaves them, megabytes of them at times.

use memchr::{memchr, memchr_iter};

/// Bytes of the longest line that is kept. The kernel's audit records have 8,970 at most (linux/audit.h,
/// `MAX_AUDIT_MESSAGE_LENGTH`), syslog's messages 8 KiB where nobody asked for more (rsyslog.conf(5), `maxMessageSize`).
pub const LONGEST: usize = 1 << 20;

/// A line, and where its first byte stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes without the newline; a carriage return is left on it.
    Kept {
        /// The bytes.
        bytes: &'a [u8],
        /// Bytes before it.
        offset: u64,
    },
    /// It is too long to be kept.
    Oversize {
        /// Bytes before it.
        offset: u64,
        /// Its bytes without the newline.
        length: u64,
    },
}

/// What is known of the text as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes that have passed.
    pub bytes: u64,
    /// Lines, the oversize ones and a torn one among them.
    pub lines: u64,
    /// Lines that were not kept.
    pub oversize: u64,
    /// NUL bytes, which no line of a log holds: a hole, or a file that was cut.
    pub nul_bytes: u64,
    /// The text ends in the middle of a line.
    pub torn: bool,
}

/// Cuts a text into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line that goes on in the next piece.
    carry: Vec<u8>,
    /// Where that line begins.
    begins: u64,
    /// NUL bytes in front of it.
    nuls: u64,
    /// Its length is counted and its bytes are left.
    passing: bool,
    tally: Tally,
}

impl Lines {
    /// The next bytes of the text.
    pub fn piece(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>)) {
        // To see that there is none takes half as long as to count none.
        if memchr(0, bytes).is_some() {
            self.tally.nul_bytes += memchr_iter(0, bytes).count() as u64;
        }
        let mut rest = bytes;
        while let Some((line, behind)) =
            memchr(b'\n', rest).and_then(|end| Some((rest.get(..end)?, rest.get(end + 1..)?)))
        {
            self.tally.bytes += line.len() as u64 + 1;
            self.line(line, self.tally.bytes - 1, each);
            self.begins = self.tally.bytes;
            rest = behind;
        }
        self.tally.bytes += rest.len() as u64;
        self.hold(rest);
    }

    /// The text has ended; what stands behind the last newline is a line too.
    pub fn end(mut self, each: &mut impl FnMut(Line<'_>)) -> Tally {
        if self.tally.bytes > self.begins {
            self.tally.torn = true;
            self.line(b"", self.tally.bytes, each);
        }
        self.tally
    }

    /// The rest of the line that has begun, which ends before `end`.
    fn line(&mut self, rest: &[u8], end: u64, each: &mut impl FnMut(Line<'_>)) {
        self.tally.lines += 1;
        let rest = self.without_nuls(rest);
        let offset = self.begins + std::mem::take(&mut self.nuls);
        if self.carry.is_empty() && !self.passing && rest.len() <= LONGEST {
            return each(Line::Kept { bytes: rest, offset });
        }
        self.hold(rest);
        if self.passing {
            self.tally.oversize += 1;
            each(Line::Oversize { offset, length: end - offset });
        } else {
            each(Line::Kept { bytes: &self.carry, offset });
        }
        self.carry.clear();
        self.passing = false;
    }

    /// The next bytes of a line, without NUL bytes in front of it.
    fn without_nuls<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let is_first = self.carry.is_empty() && !self.passing;
        let nuls = if is_first { bytes.iter().take_while(|byte| **byte == 0).count() } else { 0 };
        self.nuls += nuls as u64;
        bytes.get(nuls..).unwrap_or_default()
    }

    fn hold(&mut self, part: &[u8]) {
        let part = self.without_nuls(part);
        self.passing |= self.carry.len() + part.len() > LONGEST;
        if self.passing {
            self.carry.clear();
        } else {
            self.carry.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (Vec<(Vec<u8>, u64)>, Vec<(u64, u64)>, Tally);

    fn cut(text: &[u8], piece: usize) -> Found {
        let (mut kept, mut oversize) = (Vec::new(), Vec::new());
        let mut each = |line: Line<'_>| match line {
            Line::Kept { bytes, offset } => kept.push((bytes.to_vec(), offset)),
            Line::Oversize { offset, length } => oversize.push((offset, length)),
        };
        let mut lines = Lines::default();
        text.chunks(piece).for_each(|bytes| lines.piece(bytes, &mut each));
        let tally = lines.end(&mut each);
        (kept, oversize, tally)
    }

    #[test]
    fn lines_are_the_same_however_the_text_comes() {
        let text = b"one\n\ntwo\r\nto\0rn";
        let whole = cut(text, text.len());
        let lines: [(&[u8], u64); 4] = [(b"one", 0), (b"", 4), (b"two\r", 5), (b"to\0rn", 10)];
        assert_eq!(whole.0, lines.map(|(line, offset)| (line.to_vec(), offset)));
        assert_eq!(whole.2, Tally { bytes: 15, lines: 4, oversize: 0, nul_bytes: 1, torn: true });
        (1..text.len()).for_each(|piece| assert_eq!(cut(text, piece), whole));
        let ended = cut(b"one\n", 3).2;
        assert_eq!((ended.torn, ended.lines), (false, 1));
    }

    #[test]
    fn a_hole_before_a_line_hides_nothing() {
        let hole = vec![0; LONGEST + 9];
        let text = [b"u1\n", &hole[..], b"u2\nu\0\x003\n\0\0"].concat();
        let behind = LONGEST as u64 + 12;
        for piece in [1_000, LONGEST + 3, text.len()] {
            let (kept, oversize, tally) = cut(&text, piece);
            let lines: [(&[u8], u64); 4] =
                [(b"u1", 0), (b"u2", behind), (b"u\0\x003", behind + 3), (b"", behind + 10)];
            assert_eq!(kept, lines.map(|(line, offset)| (line.to_vec(), offset)), "{piece}");
            assert_eq!((oversize.len(), tally.nul_bytes), (0, LONGEST as u64 + 13));
            assert_eq!((tally.lines, tally.oversize, tally.torn), (4, 0, true));
        }
    }

    #[test]
    fn a_line_without_end_is_told_and_takes_no_room() {
        let text = [&b"a\n"[..], &vec![b'x'; LONGEST + 1], b"\nb\n", &vec![b'y'; LONGEST], b"\n"].concat();
        for piece in [100_000, LONGEST + 3, text.len()] {
            let (kept, oversize, tally) = cut(&text, piece);
            assert_eq!(oversize, [(2, LONGEST as u64 + 1)]);
            assert_eq!((kept.len(), kept[1].1, kept[2].0.len()), (3, LONGEST as u64 + 4, LONGEST));
            assert_eq!((tally.lines, tally.oversize, tally.torn), (4, 1, false));
        }
        let torn = cut(&vec![b'x'; LONGEST + 9], 4_096);
        assert_eq!((torn.1, torn.2.torn), (vec![(0, LONGEST as u64 + 9)], true));
    }
}
