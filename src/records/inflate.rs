//! gzip (RFC 1952) as it passes: bytes in, bytes out through a callback, piece by piece and bounded. A file may be far
//! longer than memory, and may be made to swell (a "bomb"): what comes out is limited by what went in.

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// What may come out of a file before its ratio is looked at, in bytes.
pub(super) const FREE: u64 = 16 << 20;

/// How many bytes may come out for each that went in, beyond that. Logs reach 10 to 100; DEFLATE cannot reach more
/// than 1,032 (RFC 1951), which only made-up content does.
pub(super) const RATIO: u64 = 250;

/// What each stream of a file counts for besides what comes out of it, in bytes: as much work as it is to begin one. rsyslogd
/// ends a stream with each line or two, where it is asked to (`veryRobustZip`); only streams of nothing are dearer than
/// [`RATIO`] allows.
pub(super) const STREAM: u64 = 8 << 10;

/// Bytes that come out in one piece.
const PIECE: usize = 32 << 10;

/// The longest header that is read, with its name and comment, in bytes.
const HEADER_LIMIT: u64 = 64 << 10;

/// Why nothing more comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Not gzip.
    #[error("it does not begin as gzip does")]
    NotGzip,
    /// A header that its format does not know, or one without an end.
    #[error("its header is damaged")]
    Header,
    /// The compressed stream is damaged.
    #[error("its compressed stream is damaged")]
    Stream,
    /// The checksum or length at a member's end is another than that of what came out.
    #[error("what came out of it does not have the checksum that it names")]
    Checksum,
    /// It ends within a member.
    #[error("it ends within its compressed stream")]
    CutOff,
    /// More comes out than logs compress to.
    #[error("it swells to more than {RATIO} times its size: it was made to fill whoever unpacks it")]
    Swells,
    /// There are more streams in it than anything that packs logs makes.
    #[error(
        "it is cut into far more streams than its content needs: it was made to keep whoever unpacks it busy"
    )]
    Streams,
    /// Something that is no other stream of its kind follows the last one.
    #[error("something else follows its compressed stream")]
    Trailing,
    /// It cannot be unpacked without as many bytes of memory, which are more than are given to one file.
    #[error("{0} bytes of memory are needed to unpack it: more than one file is given")]
    Memory(u64),
    /// It was packed with a dictionary that is not in it.
    #[error("it was packed with a dictionary that is not in it")]
    Dictionary,
    /// A filter, check or version that is not known here.
    #[error("it uses a part of its format that is not known here")]
    Unknown,
}

/// Where in a member the bytes are.
enum Stage {
    /// The ten bytes that each member begins with, as far as they have come.
    Fixed(Vec<u8>),
    /// Two bytes that say how long the extra field is, as far as they have come; flags that remain.
    ExtraLength(Vec<u8>, u8),
    /// So many bytes are passed over.
    Skip(usize, u8),
    /// A text that ends with a NUL byte is passed over.
    Text(u8),
    /// The compressed stream.
    Body,
    /// Checksum and length, as far as they have come.
    Trailer(Vec<u8>),
    /// Zeros that fill a block of a tape.
    Padding,
}

const CRC_OF_HEADER: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Unpacks as bytes come.
pub struct Inflater {
    stage: Stage,
    stream: Decompress,
    sum: Crc,
    buffer: Vec<u8>,
    members: u64,
    header_bytes: u64,
    given: u64,
    come_out: u64,
    broken: Option<Broken>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inflater({} bytes into {})", self.given, self.come_out)
    }
}

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater {
            stage: Stage::Fixed(Vec::new()),
            stream: Decompress::new(false),
            sum: Crc::new(),
            buffer: vec![0; PIECE],
            members: 0,
            header_bytes: 0,
            given: 0,
            come_out: 0,
            broken: None,
        }
    }
}

impl Inflater {
    /// Whether a file that begins so is gzip.
    pub fn fits(beginning: &[u8]) -> bool {
        beginning.starts_with(b"\x1f\x8b")
    }

    /// The next bytes of the file; what comes out goes to `each`. Once it is broken, nothing more comes out.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        self.given += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.step(rest, each) {
                Ok(used) => rest = rest.get(used..).unwrap_or_default(),
                Err(broken) => {
                    self.broken = Some(broken);
                    return Err(broken);
                }
            }
        }
        Ok(())
    }

    /// The file has ended.
    pub fn end(&self) -> Result<(), Broken> {
        match (&self.broken, &self.stage) {
            (Some(broken), _) => Err(*broken),
            (None, Stage::Padding) => Ok(()),
            (None, Stage::Fixed(come)) if come.is_empty() && self.members > 0 => Ok(()),
            (None, _) => Err(Broken::CutOff),
        }
    }

    /// Uses some of the bytes, and says how many.
    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<usize, Broken> {
        if !matches!(self.stage, Stage::Body | Stage::Padding) {
            self.header_bytes += 1;
            if self.header_bytes > HEADER_LIMIT {
                return Err(Broken::Header);
            }
        }
        match &mut self.stage {
            Stage::Body => return self.body(bytes, each),
            Stage::Fixed(come) => {
                come.extend(bytes.iter().take(1));
                self.fixed()?;
            }
            Stage::ExtraLength(come, flags) => {
                come.extend(bytes.iter().take(1));
                if let [low, high] = come.as_slice() {
                    self.stage = Stage::Skip(usize::from(u16::from_le_bytes([*low, *high])), *flags);
                    self.skipped();
                }
            }
            Stage::Skip(left, _) => {
                *left = left.saturating_sub(1);
                self.skipped();
            }
            Stage::Text(flags) => {
                if bytes.first() == Some(&0) {
                    let flags = *flags;
                    self.after(flags);
                }
            }
            Stage::Trailer(come) => {
                come.extend(bytes.iter().take(1));
                self.trailer()?;
            }
            Stage::Padding => {
                if bytes.iter().any(|byte| *byte != 0) {
                    return Err(Broken::Trailing);
                }
                return Ok(bytes.len());
            }
        }
        Ok(1)
    }

    /// The fixed part of a header: magic, method, flags, time, extra flags, system.
    fn fixed(&mut self) -> Result<(), Broken> {
        let Stage::Fixed(come) = &self.stage else { return Ok(()) };
        let magic = [0x1f, 0x8b, 8];
        let known = come.iter().zip(magic).all(|(byte, wanted)| *byte == wanted);
        if !known && self.members > 0 {
            // Tapes are filled up with zeros behind the last member; anything else does not belong there.
            if come.as_slice() == [0] {
                self.stage = Stage::Padding;
                return Ok(());
            }
            return Err(Broken::Trailing);
        }
        if !known {
            return Err(Broken::NotGzip);
        }
        if let [_, _, _, flags, _, _, _, _, _, _] = come.as_slice() {
            let flags = *flags;
            if flags & RESERVED != 0 {
                return Err(Broken::Header);
            }
            self.after(flags);
        }
        Ok(())
    }

    /// What follows, by the flags that are left.
    fn after(&mut self, flags: u8) {
        self.stage = if flags & EXTRA != 0 {
            Stage::ExtraLength(Vec::new(), flags & !EXTRA)
        } else if flags & NAME != 0 {
            Stage::Text(flags & !NAME)
        } else if flags & COMMENT != 0 {
            Stage::Text(flags & !COMMENT)
        } else if flags & CRC_OF_HEADER != 0 {
            Stage::Skip(2, flags & !CRC_OF_HEADER)
        } else {
            self.stream.reset(false);
            self.sum.reset();
            Stage::Body
        };
    }

    fn skipped(&mut self) {
        if let Stage::Skip(0, flags) = self.stage {
            self.after(flags);
        }
    }

    fn body(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<usize, Broken> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let rest = bytes.get(used..).unwrap_or_default();
            let status = self
                .stream
                .decompress(rest, &mut self.buffer, FlushDecompress::None)
                .map_err(|_| Broken::Stream)?;
            let taken = usize::try_from(self.stream.total_in() - before_in).unwrap_or(0);
            let made = usize::try_from(self.stream.total_out() - before_out).unwrap_or(0);
            used += taken;
            self.come_out += made as u64;
            let out = self.buffer.get(..made).unwrap_or_default();
            self.sum.update(out);
            each(out);
            if is_beyond(self.come_out, self.given) {
                return Err(Broken::Swells);
            }
            match status {
                Status::StreamEnd => {
                    self.stage = Stage::Trailer(Vec::new());
                    return Ok(used);
                }
                // All is used, and what it says has come out.
                _ if used == bytes.len() && made < PIECE => return Ok(used),
                _ if taken == 0 && made == 0 => return Err(Broken::Stream),
                _ => {}
            }
        }
    }

    fn trailer(&mut self) -> Result<(), Broken> {
        let Stage::Trailer(come) = &self.stage else { return Ok(()) };
        let Some((sum, length)) = come.split_first_chunk::<4>() else { return Ok(()) };
        let Some(length) = length.first_chunk::<4>() else { return Ok(()) };
        let is_same =
            (u32::from_le_bytes(*sum), u32::from_le_bytes(*length)) == (self.sum.sum(), self.sum.amount());
        if !is_same {
            return Err(Broken::Checksum);
        }
        self.members += 1;
        self.header_bytes = 0;
        if is_beyond(self.come_out + self.members * STREAM, self.given) {
            return Err(Broken::Streams);
        }
        self.stage = Stage::Fixed(Vec::new());
        Ok(())
    }
}

/// Whether so many bytes are more than may come out of what was given.
pub(super) fn is_beyond(come_out: u64, given: u64) -> bool {
    come_out > FREE && come_out > given.saturating_mul(RATIO)
}

/// Bytes as gzip packs them, for tests of what unpacks them.
#[cfg(test)]
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::mishaps::Mishaps;

    fn unpacked(bytes: &[u8], piece: usize) -> (Vec<u8>, Result<(), Broken>) {
        let (mut inflater, mut out) = (Inflater::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            if inflater.push(piece, &mut |more| out.extend_from_slice(more)).is_err() {
                break;
            }
        }
        let ended = inflater.end();
        (out, ended)
    }

    #[test]
    fn members_follow_one_another_in_pieces_of_any_size() {
        let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let both = [packed(&long), packed(b"and more\n")].concat();
        let whole = [long.as_slice(), b"and more\n"].concat();
        for piece in [1, 7, 4096, both.len()] {
            assert_eq!(unpacked(&both, piece), (whole.clone(), Ok(())), "{piece}");
        }
        // Filled up with zeros; and with something else.
        assert_eq!(unpacked(&[both.clone(), vec![0; 512]].concat(), 100), (whole.clone(), Ok(())));
        assert_eq!(unpacked(&[both, b"junk".to_vec()].concat(), 100), (whole, Err(Broken::Trailing)));
        assert_eq!(unpacked(&packed(b""), 3), (Vec::new(), Ok(())));
        assert_eq!(unpacked(b"", 3), (Vec::new(), Err(Broken::CutOff)));
    }

    #[test]
    fn every_field_of_a_header_is_passed_over() {
        // Captured with Python 3.11: gzip of "x\n"; put together with the fields of RFC 1952, 2.3.1, from documentation.
        let plain = packed(b"x\n");
        let mut full = vec![0x1f, 0x8b, 8, CRC_OF_HEADER | EXTRA | NAME | COMMENT, 0, 0, 0, 0, 0, 3];
        full.extend(b"\x03\x00abcauth.log.1\0a comment\0\x12\x34");
        full.extend(&plain[10..]);
        for piece in [1, 5, 100] {
            assert_eq!(unpacked(&full, piece), (b"x\n".to_vec(), Ok(())));
        }
        full[3] |= 0x80;
        assert_eq!(unpacked(&full, 100).1, Err(Broken::Header));
        let endless = [&[0x1f, 0x8b, 8, NAME, 0, 0, 0, 0, 0, 3][..], &[b'a'; 70_000]].concat();
        assert_eq!(unpacked(&endless, 1000).1, Err(Broken::Header));
    }

    #[test]
    fn what_swells_is_stopped_and_a_log_is_not() {
        let bomb = packed(&vec![0; 64 << 20]);
        let (out, ended) = unpacked(&bomb, 64 << 10);
        assert_eq!(ended, Err(Broken::Swells));
        assert!(out.len() as u64 <= FREE + RATIO * bomb.len() as u64 + PIECE as u64, "{}", out.len());
        let line =
            |number: u32| format!("Nov 21 20:19:48 clinic-db sshd[{number}]: Failed password for root\n");
        let log = packed((0..500_000).map(line).collect::<String>().as_bytes());
        assert_eq!(unpacked(&log, 64 << 10).1, Ok(()));
    }

    #[test]
    fn streams_of_nothing_are_not_begun_for_ever_and_one_for_each_line_is_read() {
        let (mut inflater, nothing) = (Inflater::default(), packed(b""));
        let begun = (0..100_000).take_while(|_| inflater.push(&nothing, &mut |_| ()).is_ok()).count();
        assert_eq!((begun as u64, inflater.end()), (FREE / STREAM, Err(Broken::Streams)));
        let line =
            |number: u32| format!("Nov 21 20:19:48 clinic-db sshd[{number}]: Failed password for root\n");
        let robust: Vec<u8> = (0..3_000).flat_map(|number| packed(line(number).as_bytes())).collect();
        assert_eq!(unpacked(&robust, 4096).1, Ok(()));
    }

    #[test]
    fn what_is_damaged_ends_in_words_and_never_in_a_panic() {
        let good = packed(&b"Nov 21 20:19:48 clinic-db sshd[1]: Accepted\n".repeat(50));
        let (out, ended) = unpacked(&good[..good.len() - 3], 10);
        assert_eq!((out.len() % 44, ended), (0, Err(Broken::CutOff)));
        let mut wrong = good.clone();
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        assert_eq!(unpacked(&wrong, 10).1, Err(Broken::Checksum));
        assert_eq!(unpacked(b"plain text", 4).1, Err(Broken::NotGzip));
        Mishaps::of(&good).rounds(200).each(|bytes| drop(unpacked(bytes, 64)));
    }
}
