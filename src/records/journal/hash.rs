//! The two hashes of a journal: Jenkins' lookup3 (2006, public domain) for old files and for what an entry keeps of its
//! fields, and SipHash-2-4 keyed by the file's id for the objects of newer ones (systemd, journal-file.c,
//! `journal_file_hash_data`).

use std::hash::Hasher;

/// `hashlittle2` with both seeds 0: the first half above, the second below.
pub(super) fn jenkins(bytes: &[u8]) -> u64 {
    let begin = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (begin, begin, begin);
    // The last block is mixed in another way, a full one too.
    let (blocks, last) =
        bytes.split_at_checked(bytes.len().saturating_sub(1) / 12 * 12).unwrap_or((bytes, b""));
    for block in blocks.chunks_exact(12) {
        add(&mut a, &mut b, &mut c, block);
        mix(&mut a, &mut b, &mut c);
    }
    if !last.is_empty() {
        let mut padded = [0; 12];
        padded.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
        add(&mut a, &mut b, &mut c, &padded);
        finish(&mut a, &mut b, &mut c);
    }
    u64::from(c) << 32 | u64::from(b)
}

fn add(a: &mut u32, b: &mut u32, c: &mut u32, block: &[u8]) {
    let mut words = block.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    for sum in [a, b, c] {
        *sum = sum.wrapping_add(words.next().unwrap_or(0));
    }
}

fn mix(a: &mut u32, b: &mut u32, c: &mut u32) {
    let step = |x: &mut u32, y: &mut u32, z: u32, turn: u32| {
        *x = x.wrapping_sub(*y) ^ y.rotate_left(turn);
        *y = y.wrapping_add(z);
    };
    step(a, c, *b, 4);
    step(b, a, *c, 6);
    step(c, b, *a, 8);
    step(a, c, *b, 16);
    step(b, a, *c, 19);
    step(c, b, *a, 4);
}

fn finish(a: &mut u32, b: &mut u32, c: &mut u32) {
    let step = |x: &mut u32, y: u32, turn: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(turn));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

/// SipHash-2-4 under a key of 16 bytes. Of the standard library's two it is the one that it no longer recommends; here
/// the format asks for it.
#[expect(deprecated, reason = "DefaultHasher is another function, and says of none which it is")]
pub(super) fn siphash(key: &[u8; 16], bytes: &[u8]) -> u64 {
    let key = u128::from_le_bytes(*key);
    let mut hasher = std::hash::SipHasher::new_with_keys(key as u64, (key >> 64) as u64);
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup3_is_as_its_author_published_it() {
        // lookup3.c, driver5, with both seeds 0: c and b.
        assert_eq!(jenkins(b""), 0xdead_beef_dead_beef);
        assert_eq!(jenkins(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }

    #[test]
    fn siphash_is_as_its_authors_published_it() {
        // The paper's appendix A: key 00..0f, message 00..0e.
        let key: [u8; 16] = std::array::from_fn(|at| at as u8);
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(&key, &message), 0xa129_ca61_49be_45e5);
    }
}
