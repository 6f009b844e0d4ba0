//! What may have happened to bytes before a parser gets them: cut off, altered, a piece put in or gone. Every test that
//! feeds a parser with spoilt bytes takes them from here. They are the same in every run, so that what one has found,
//! the next one finds too.

/// Of longer input than this not every beginning is taken, but [`SPREAD`] of them.
const ALL_BEGINNINGS: usize = 4_096;
/// How many are taken where not all are, evenly spread; and how many single bits are flipped at most.
const SPREAD: usize = 512;
/// Bytes with a meaning in texts, and numbers at the edges of what a byte can hold.
const TELLING: &[u8] = b"\0\x01\t\n\r \"#%()+,-./09:;=[\\]\x7f\x80\xff";

/// Every beginning that is shorter than the bytes; of more than 4,096 bytes some.
pub fn beginnings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length = bytes.len();
    let step = if length <= ALL_BEGINNINGS { 1 } else { length.div_ceil(SPREAD) };
    (0..length).step_by(step).map(|end| &bytes[..end])
}

/// Mishaps of bytes: every beginning; every single bit flipped (of more than 64 bytes one bit of each, of more than 512
/// bytes some); and in each of a number of rounds four copies: with some bytes overwritten by any others, with some by
/// telling ones, with a piece put in or taken out, and with some overwritten and the end cut off.
pub struct Mishaps<'a> {
    bytes: &'a [u8],
    rounds: usize,
    heads: Option<(usize, usize)>,
}

impl<'a> Mishaps<'a> {
    /// The mishaps of these bytes, in 500 rounds: 2,000 copies.
    pub fn of(bytes: &'a [u8]) -> Mishaps<'a> {
        Mishaps { bytes, rounds: 500, heads: None }
    }

    /// As many rounds instead: more for much input, fewer where the parser is slow.
    pub fn rounds(self, rounds: usize) -> Mishaps<'a> {
        Mishaps { rounds, ..self }
    }

    /// Half of what is overwritten is among the first `length` bytes of a block of `size` bytes: of a page, say, which
    /// has its kind, counts and pointers there, where chance alone seldom hits.
    pub fn heads(self, size: usize, length: usize) -> Mishaps<'a> {
        Mishaps { heads: Some((size, length)), ..self }
    }

    /// Gives each of them to a test.
    pub fn each(self, mut test: impl FnMut(&[u8])) {
        let mut random = Random::new();
        beginnings(self.bytes).for_each(&mut test);
        self.flipped(&mut random, &mut test);
        for _ in 0..self.rounds {
            test(&self.overwritten(&mut random));
            test(&self.with_telling(&mut random));
            test(&self.shifted(&mut random));
            test(&cut(self.overwritten(&mut random), &mut random));
        }
    }

    fn flipped(&self, random: &mut Random, test: &mut impl FnMut(&[u8])) {
        let mut bytes = self.bytes.to_vec();
        let mut flip = |at: usize, bit: usize| {
            bytes[at] ^= 1 << bit;
            test(&bytes);
            bytes[at] ^= 1 << bit;
        };
        let length = self.bytes.len();
        if length * 8 <= SPREAD {
            (0..length * 8).for_each(|bit| flip(bit / 8, bit % 8));
        } else {
            (0..length).step_by(length.div_ceil(SPREAD)).for_each(|at| flip(at, random.below(8)));
        }
    }

    /// One to eight bytes overwritten, each by any other.
    fn overwritten(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        for _ in 0..=random.below(8) {
            let at = self.place(random);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.below(256) as u8;
            }
        }
        bytes
    }

    /// One to four places overwritten by a telling byte, some of them as wide as a number.
    fn with_telling(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        for _ in 0..=random.below(4) {
            let at = self.place(random);
            let width = [1, 1, 1, 2, 4, 8][random.below(6)];
            let telling = TELLING[random.below(TELLING.len())];
            bytes.iter_mut().skip(at).take(width).for_each(|byte| *byte = telling);
        }
        bytes
    }

    /// Up to 32 bytes gone, said twice, or put in from nowhere; what follows stands elsewhere.
    fn shifted(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        let start = random.below(bytes.len() + 1);
        let end = bytes.len().min(start + 1 + random.below(32));
        match random.below(3) {
            0 => drop(bytes.drain(start..end)),
            1 => {
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, self.bytes[start..end].iter().copied());
            }
            _ => {
                let length = 1 + random.below(32);
                bytes.splice(start..start, random.bytes(length));
            }
        }
        bytes
    }

    fn place(&self, random: &mut Random) -> usize {
        let at = random.below(self.bytes.len());
        match self.heads {
            Some((size, length)) if random.below(2) == 0 => at / size * size + random.below(length),
            _ => at,
        }
    }
}

/// Without its last bytes: often a few hundred at most, so that most of it is still there.
fn cut(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let most = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(400) };
    bytes.truncate(bytes.len() - random.below(most + 1));
    bytes
}

/// Numbers without a pattern, always the same ones (xorshift64, Marsaglia 2003).
pub struct Random(u64);

impl Random {
    /// From their beginning.
    pub fn new() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One that is less than `limit`; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        // The high bits: the low ones are the weaker ones of this sequence.
        (self.next() >> 20) as usize % limit.max(1)
    }

    /// Bytes that mean nothing.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let numbers = std::iter::repeat_with(|| self.next().to_le_bytes());
        numbers.take(length.div_ceil(8)).flatten().take(length).collect()
    }
}

/// The lines of a log in an order in which they may arrive if each is up to `late` on its way: each has a time, and is
/// never behind one that was sent more than `late` after it.
pub fn delayed(text: &[u8], time: impl Fn(&[u8]) -> i64, late: usize, random: &mut Random) -> Vec<u8> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut lines: Vec<(i64, &[u8])> = lines.map(|line| (time(line), line)).collect();
    for (time, _) in &mut lines {
        *time += random.below(late + 1) as i64;
    }
    lines.sort_by_key(|(arrives, _)| *arrives);
    lines.into_iter().flat_map(|(_, line)| [line, b"\n"]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all(mishaps: Mishaps<'_>) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        mishaps.each(|bytes| seen.push(bytes.to_vec()));
        seen
    }

    #[test]
    fn every_beginning_every_bit_and_every_round_is_there_and_the_same_again() {
        let good: Vec<u8> = (0..64).collect();
        let seen = all(Mishaps::of(&good).rounds(600));
        assert_eq!(seen, all(Mishaps::of(&good).rounds(600)));
        assert_eq!(seen.len(), 64 + 512 + 4 * 600);
        let different: BTreeSet<&[u8]> = seen.iter().map(Vec::as_slice).collect();
        assert!(different.len() > 2_500 && (0..64).all(|end| different.contains(&good[..end])));
        for bit in 0..512 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(different.contains(flipped.as_slice()), "{bit}");
        }
        // Every place is hit, to every value in all; pieces come and go.
        let rounds = &seen[576..];
        let overwritten = || rounds.iter().filter(|bytes| bytes.len() == 64);
        assert!((0..64).all(|at| overwritten().any(|bytes| bytes[at] != good[at])));
        assert!((0..=255).all(|value| overwritten().any(|bytes| bytes.contains(&value))));
        assert!(rounds.iter().filter(|bytes| bytes.len() > 64).count() > 100);
        assert!(rounds.iter().filter(|bytes| bytes.len() < 64).count() > 300);
    }

    #[test]
    fn of_long_input_there_are_some_and_of_none_what_can_be() {
        let long = vec![7; 10_000];
        let seen = all(Mishaps::of(&long).rounds(50).heads(512, 24));
        assert!((900..=1_024).contains(&(seen.len() - 200)), "{}", seen.len());
        let altered = seen.iter().flat_map(|bytes| (0..bytes.len()).filter(|at| bytes[*at] != 7));
        let (heads, others): (Vec<usize>, Vec<usize>) = altered.skip(SPREAD).partition(|at| at % 512 < 24);
        assert!(heads.len() > 100 && !others.is_empty(), "{} {}", heads.len(), others.len());
        let seen = all(Mishaps::of(b"").rounds(99));
        assert!(seen.contains(&Vec::new()) && seen.iter().any(|bytes| !bytes.is_empty()));
    }
}
