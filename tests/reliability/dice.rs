//! How many rounds there are, and random numbers that can be had again.

/// Random numbers (SplitMix64): the same seed gives the same run.
pub struct Dice(u64);

impl Dice {
    /// `PHI_IR_SEED`, or another one each time; and the seed, to be told.
    pub fn new() -> (Dice, u64) {
        let seed = given().unwrap_or_else(|| getrandom::u64().unwrap() >> 16);
        (Dice(seed), seed)
    }

    /// `PHI_IR_SEED`, or this one; and which it is.
    pub fn or(seed: u64) -> (Dice, u64) {
        let seed = given().unwrap_or(seed);
        (Dice(seed), seed)
    }

    /// From 0 to below `limit`.
    pub fn below<N: TryFrom<u64> + TryInto<u64>>(&mut self, limit: N) -> N {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = limit.try_into().ok().expect("a limit is not below zero");
        N::try_from((z ^ (z >> 31)) % limit.max(1)).ok().expect("it is below the limit")
    }
}

fn given() -> Option<u64> {
    std::env::var("PHI_IR_SEED").ok().map(|seed| seed.parse().expect("PHI_IR_SEED is a number"))
}

/// Whether all rounds and sizes are wanted (`PHI_IR_LONG=1`), and not only what every change can wait for.
pub fn is_long() -> bool {
    std::env::var("PHI_IR_LONG").is_ok_and(|value| value == "1")
}
