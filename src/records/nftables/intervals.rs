//! Values of sets with intervals. There every part of a key has its bytes in the network's order, whatever its type has
//! elsewhere, so that keys compare as bytes; and where an interval begins and where it ends are two elements (seen with
//! nft 1.0.6 on Linux 6.18: `element 01000000 : 0 [end]`, `element 06000000 : 1 [end]` for the marks 1 to 5).

use super::types::{self, Links};

/// One interval as nft(8) writes it: `10.0.0.0/8`, `1000-2000`, `"eth*"`. `bound` is the first key beyond it; without one it
/// reaches to the last value that there is.
pub fn interval(kind: u64, from: &[u8], bound: Option<&[u8]>, links: &Links) -> Option<String> {
    let last = match bound {
        Some(bound) => before(bound)?,
        None => vec![u8::MAX; from.len()],
    };
    range(kind, from, &last, links)
}

/// A key of several types put together, each at a multiple of four bytes, from one value to another in each of them.
pub fn ranges(kind: u64, mut from: &[u8], mut to: &[u8], links: &Links) -> Option<String> {
    let parts = types::parts(kind);
    if let [only] = parts.as_slice() {
        return range(*only, from, to, links);
    }
    let mut texts = Vec::new();
    for part in parts {
        let length = types::length(part)?;
        texts.push(range(part, from.get(..length)?, to.get(..length)?, links)?);
        let next = length.next_multiple_of(4);
        (from, to) = (from.get(next..)?, to.get(next..)?);
    }
    from.is_empty().then(|| texts.join(" . "))
}

/// From one value to another of the same type, both included.
fn range(kind: u64, from: &[u8], to: &[u8], links: &Links) -> Option<String> {
    if from.len() != to.len() {
        return None;
    }
    if from == to {
        return one(kind, from, links);
    }
    if let Some(bits) = prefix_bits(from, to) {
        match kind {
            types::IPV4 | types::IPV6 => return Some(format!("{}/{bits}", one(kind, from, links)?)),
            // Of a name that ends in `*` the bytes before it are compared.
            types::IFNAME if bits % 8 == 0 => return types::value(kind, from.get(..bits / 8)?, links),
            _ => {}
        }
    }
    Some(format!("{}-{}", one(kind, from, links)?, one(kind, to, links)?))
}

/// A value whose bytes stand in the network's order.
fn one(kind: u64, bytes: &[u8], links: &Links) -> Option<String> {
    if types::is_of_host_order(kind) && cfg!(target_endian = "little") {
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        return types::value(kind, &turned, links);
    }
    types::value(kind, bytes, links)
}

/// How many first bits two values share, if the one has only zeros behind them and the other only ones.
fn prefix_bits(from: &[u8], to: &[u8]) -> Option<usize> {
    let differing: Vec<u8> = from.iter().zip(to).map(|(one, other)| one ^ other).collect();
    let zeros: usize = match differing.iter().position(|byte| *byte != 0) {
        Some(at) => at * 8 + differing.get(at)?.leading_zeros() as usize,
        None => return None,
    };
    let behind = |bytes: &[u8], bit: bool| (zeros..bytes.len() * 8).all(|at| is_set(bytes, at) == bit);
    (behind(from, false) && behind(to, true)).then_some(zeros)
}

fn is_set(bytes: &[u8], bit: usize) -> bool {
    bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
}

/// The value before this one; none before the first.
fn before(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = bytes.iter().rposition(|byte| *byte != 0)?;
    let mut last = bytes.to_vec();
    for (index, byte) in last.iter_mut().enumerate().skip(at) {
        *byte = if index == at { byte.wrapping_sub(1) } else { u8::MAX };
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{IFNAME, IPV4, MARK, SERVICE};

    fn told(kind: u64, from: &[u8], bound: Option<&[u8]>) -> Option<String> {
        interval(kind, from, bound, &Links::new())
    }

    #[test]
    fn intervals_are_written_as_nft_writes_them() {
        for (kind, from, bound, text) in [
            (IPV4, &[10, 0, 0, 0][..], Some(&[11, 0, 0, 0][..]), "10.0.0.0/8"),
            (IPV4, &[192, 168, 1, 5], Some(&[192, 168, 1, 10]), "192.168.1.5-192.168.1.9"),
            (IPV4, &[1, 2, 3, 4], Some(&[1, 2, 3, 5]), "1.2.3.4"),
            (IPV4, &[240, 0, 0, 0], None, "240.0.0.0/4"),
            (IPV4, &[0, 0, 0, 0], None, "0.0.0.0/0"),
            (IPV4, &[10, 0, 0, 1], Some(&[10, 0, 0, 8]), "10.0.0.1-10.0.0.7"),
            (SERVICE, &[3, 232], Some(&[7, 209]), "1000-2000"),
            (MARK, &[0, 0, 0, 1], Some(&[0, 0, 0, 6]), "0x00000001-0x00000005"),
            (MARK, &[0, 0, 1, 0], Some(&[0, 0, 1, 1]), "0x00000100"),
            (IFNAME, b"eth\0\0\0\0\0\0\0\0\0\0\0\0\0", Some(b"eti\0\0\0\0\0\0\0\0\0\0\0\0\0"), "\"eth*\""),
        ] {
            assert_eq!(told(kind, from, bound).as_deref(), Some(text), "{from:?} {bound:?}");
        }
        assert_eq!(told(IPV4, &[1, 2, 3, 4], Some(&[0, 0, 0, 0])), None, "nothing lies before the first");
        assert_eq!(told(IPV4, &[1, 2, 3], Some(&[1, 2, 4])), None);
    }

    #[test]
    fn each_part_of_a_key_has_its_range() {
        let kind = IPV4 << 6 | SERVICE;
        let (from, to) = ([10, 0, 0, 0, 0, 80, 0, 0], [10, 255, 255, 255, 0, 90, 0, 0]);
        assert_eq!(ranges(kind, &from, &to, &Links::new()).as_deref(), Some("10.0.0.0/8 . 80-90"));
        assert_eq!(ranges(kind, &from, &from, &Links::new()).as_deref(), Some("10.0.0.0 . 80"));
        for cut in 0..from.len() {
            assert_eq!(ranges(kind, &from[..cut], &to[..cut], &Links::new()), None);
        }
    }
}
