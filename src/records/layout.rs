//! Records of fixed length whose layout is nowhere said: in which byte order they were written, how wide their times
//! are, how their text is padded. What they have in common, and how the layout is chosen that fits best.

/// The byte order of the machine that wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

impl Order {
    /// Both of them.
    pub const BOTH: [Order; 2] = [Order::Little, Order::Big];

    /// That of the machine that this program runs on, which is nearly always the examined one.
    pub const OWN: Order = if cfg!(target_endian = "little") { Order::Little } else { Order::Big };

    /// `le` or `be`, as it stands in the name of a format.
    pub fn word(self) -> &'static str {
        match self {
            Order::Little => "le",
            Order::Big => "be",
        }
    }

    /// A number of two bytes; none where the bytes end before.
    pub fn u16_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Little => u16::from_le_bytes(raw),
            Order::Big => u16::from_be_bytes(raw),
        })
    }

    /// A number of four bytes.
    pub fn u32_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(raw),
            Order::Big => u32::from_be_bytes(raw),
        })
    }

    /// A number of eight bytes.
    pub fn u64_at(self, bytes: &[u8], at: usize) -> Option<u64> {
        let raw = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Order::Little => u64::from_le_bytes(raw),
            Order::Big => u64::from_be_bytes(raw),
        })
    }

    /// A number of two bytes with a sign.
    pub fn i16_at(self, bytes: &[u8], at: usize) -> Option<i16> {
        self.u16_at(bytes, at).map(u16::cast_signed)
    }

    /// A number of four bytes with a sign.
    pub fn i32_at(self, bytes: &[u8], at: usize) -> Option<i32> {
        self.u32_at(bytes, at).map(u32::cast_signed)
    }

    /// A number of eight bytes with a sign.
    pub fn i64_at(self, bytes: &[u8], at: usize) -> Option<i64> {
        self.u64_at(bytes, at).map(u64::cast_signed)
    }
}

/// 1990-01-01T00:00:00Z: no login record that Linux wrote is older.
pub const EARLIEST: i64 = 631_152_000;

/// What text a field holds: up to its first NUL, or all of it.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether something stands behind the NUL that ends a field's text.
pub fn has_odd_padding(field: &[u8]) -> bool {
    field.iter().skip(text(field).len()).any(|byte| *byte != 0)
}

/// Whether a field is text as programs write it: no control characters, and only NUL behind it.
fn is_clean(field: &[u8]) -> bool {
    !has_odd_padding(field) && text(field).iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
}

/// Whether there is nothing but zeros.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// How well one layout fits a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    got: u64,
    possible: u64,
    length: usize,
    divides: bool,
    of_own_order: bool,
}

impl Score {
    /// The score of a layout whose records have `length` bytes in this `order`, in a file of `size`. That they divide it
    /// only breaks ties: stray bytes at the end are common. So does the order: read the wrong way round, more than one time
    /// in four is still one that could be.
    pub fn of(length: usize, order: Order, size: u64) -> Score {
        let divides = size.is_multiple_of(length.max(1) as u64);
        Score { length, divides, of_own_order: order == Order::OWN, ..Score::default() }
    }

    /// Something that speaks for the layout with this weight if it is so.
    pub fn add(&mut self, weight: u64, is_so: bool) {
        self.possible += weight;
        self.got += if is_so { weight } else { 0 };
    }

    /// A time: one between 1990 and `latest` speaks for the layout, 0 does so a little.
    pub fn add_time(&mut self, seconds: i64, latest: i64) {
        self.add(2, (EARLIEST..=latest).contains(&seconds));
        self.add(1, seconds == 0 || (EARLIEST..=latest).contains(&seconds));
    }

    /// A field of text.
    pub fn add_text(&mut self, weight: u64, field: &[u8]) {
        self.add(weight, is_clean(field));
    }

    fn permille(&self) -> u64 {
        (self.got * 1000).checked_div(self.possible).unwrap_or(0)
    }
}

/// At least so much of what can speak for a layout has to, in thousandths.
const ENOUGH: u64 = 700;

/// And so much more than for any other.
const MARGIN: u64 = 50;

/// The layout that fits clearly better than the others; where it is the order alone that is not clear, that in our own order.
/// None if it is not clear.
pub fn best<L: Copy>(candidates: impl IntoIterator<Item = (L, Score)>) -> Option<L> {
    let ranked: Vec<(L, Score)> = candidates.into_iter().collect();
    let (_, first) = ranked.iter().max_by_key(|(_, score)| (score.permille(), score.divides))?;
    let is_ahead_of = |score: &Score| {
        let ahead = first.permille().saturating_sub(score.permille());
        ahead >= MARGIN || (ahead > 0 && first.divides && !score.divides)
    };
    let (alike, others): (Vec<_>, Vec<_>) =
        ranked.iter().partition(|(_, score)| score.length == first.length);
    if first.permille() < ENOUGH || !others.iter().all(|(_, score)| is_ahead_of(score)) {
        return None;
    }
    match alike.iter().filter(|(_, score)| !is_ahead_of(score)).collect::<Vec<_>>().as_slice() {
        [(only, _)] => Some(*only),
        several => several.iter().find(|(_, score)| score.of_own_order).map(|(layout, _)| *layout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_orders_and_not_beyond_the_end() {
        let bytes = [0xff, 0xfe, 0, 0, 0, 0, 0, 1];
        assert_eq!(Order::Little.i16_at(&bytes, 0), Some(-257));
        assert_eq!(Order::Big.i16_at(&bytes, 0), Some(-2));
        assert_eq!(Order::Big.i32_at(&bytes, 4), Some(1));
        assert_eq!(Order::Little.u64_at(&bytes, 0), Some(0x0100_0000_0000_feff));
        assert_eq!((Order::Big.u32_at(&bytes, 5), Order::Big.u64_at(&bytes, usize::MAX)), (None, None));
    }

    #[test]
    fn text_ends_at_the_first_nul_and_what_stands_behind_it_is_seen() {
        assert_eq!(text(b"pts/0\0\0"), b"pts/0");
        assert_eq!(text(b"whole"), b"whole");
        assert!(has_odd_padding(b"a\0b") && !has_odd_padding(b"abc") && !has_odd_padding(b"\0\0"));
    }

    #[test]
    fn what_fits_two_layouts_alike_is_of_neither() {
        let mut good = Score::default();
        good.add(10, true);
        let mut poor = good;
        poor.add(10, false);
        assert_eq!(best([(1, good), (2, Score { length: 7, ..good })]), None);
        assert_eq!(best([(1, poor), (2, good)]), Some(2));
        assert_eq!(best([(1, poor)]), None);
        assert_eq!(best::<u8>([]), None);
        assert_eq!(best([(1, Score::default())]), None);
    }

    #[test]
    fn where_the_order_alone_is_not_clear_it_is_our_own() {
        let other = if Order::OWN == Order::Little { Order::Big } else { Order::Little };
        let of = |length, order, got: u64| {
            let mut score = Score::of(length, order, 1000);
            score.add(got, true);
            score.add(100 - got, false);
            score
        };
        let own = of(10, Order::OWN, 97);
        assert_eq!(best([(1, of(10, other, 97)), (2, own)]), Some(2));
        assert_eq!(best([(1, of(10, other, 99)), (2, own)]), Some(2), "hardly better");
        assert_eq!(best([(1, of(10, other, 99)), (2, of(10, Order::OWN, 90))]), Some(1));
        assert_eq!(best([(1, of(10, other, 97)), (2, own), (3, of(20, Order::OWN, 97))]), None);
        assert_eq!(best([(1, of(10, other, 97)), (2, own), (3, of(20, Order::OWN, 80))]), Some(2));
    }
}
