//! XXH32 with seed 0 (xxHash fast digest algorithm, 0.1.1): the checksum of LZ4 frames.

const P1: u32 = 0x9e37_79b1;
const P2: u32 = 0x85eb_ca77;
const P3: u32 = 0xc2b2_ae3d;
const P4: u32 = 0x27d4_eb2f;
const P5: u32 = 0x1656_67b1;

/// Bytes of a stripe: a number of four bytes for each of four accumulators.
const STRIPE: usize = 16;

/// The sum of what has come.
pub(super) struct Xxh32 {
    accumulators: [u32; 4],
    rest: Vec<u8>,
    length: u64,
}

impl Default for Xxh32 {
    fn default() -> Xxh32 {
        let accumulators = [P1.wrapping_add(P2), P2, 0, 0_u32.wrapping_sub(P1)];
        Xxh32 { accumulators, rest: Vec::with_capacity(STRIPE), length: 0 }
    }
}

impl Xxh32 {
    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let missing = if self.rest.is_empty() { 0 } else { STRIPE - self.rest.len() };
        let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.rest.extend_from_slice(now);
        if self.rest.len() == STRIPE {
            let stripe = std::mem::take(&mut self.rest);
            self.stripe(&stripe);
        }
        let stripes = later.chunks_exact(STRIPE);
        self.rest.extend_from_slice(stripes.remainder());
        stripes.for_each(|stripe| self.stripe(stripe));
    }

    fn stripe(&mut self, stripe: &[u8]) {
        for (accumulator, lane) in self.accumulators.iter_mut().zip(numbers(stripe)) {
            *accumulator = accumulator.wrapping_add(lane.wrapping_mul(P2)).rotate_left(13).wrapping_mul(P1);
        }
    }

    /// The sum so far.
    pub fn digest(&self) -> u32 {
        let [a, b, c, d] = self.accumulators;
        let mut sum = match self.length >= STRIPE as u64 {
            true => a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18)),
            false => P5,
        };
        // Modulo 2^32.
        sum = sum.wrapping_add(self.length as u32);
        for number in numbers(&self.rest) {
            sum = sum.wrapping_add(number.wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
        }
        for byte in self.rest.chunks_exact(4).remainder() {
            sum = sum.wrapping_add(u32::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
        }
        sum = (sum ^ sum >> 15).wrapping_mul(P2);
        sum = (sum ^ sum >> 13).wrapping_mul(P3);
        sum ^ sum >> 16
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_that_others_give_however_the_bytes_come() {
        // Written from documentation; the files of lz4 itself are tested where they are unpacked.
        for (text, expected) in [
            (&b""[..], 0x02cc_5d05),
            (b"a", 0x550d_7456),
            (b"abc", 0x32d1_53ff),
            (b"Nobody inspects the spammish repetition", 0xe229_3b2f),
        ] {
            for piece in [1, 3, 16, 100] {
                let mut sum = Xxh32::default();
                text.chunks(piece).for_each(|piece| sum.update(piece));
                assert_eq!(sum.digest(), expected, "{piece}");
            }
        }
    }
}
