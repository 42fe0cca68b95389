//! Randomness for key choices and run ids. Nothing here guards a secret, so the standard library's
//! per-process hasher seed and splitmix64 do; a cryptographic generator would be one more dependency.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A different number in every call and every process.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A generator of random numbers: splitmix64, so that choosing a key costs nothing next to sending it.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform in all 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number uniform in `0..bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A number uniform in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Ranks `0..n` with a probability proportional to `1 / (rank + 1)`.
///
/// A few items are asked for all the time, most hardly ever, as in a real working set.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Ranks below `n`, one at least.
    pub(crate) fn new(n: usize) -> Self {
        let mut total = 0.0;
        let mut cumulative: Vec<f64> = (1..=n.max(1))
            .map(|rank| {
                total += 1.0 / rank as f64;
                total
            })
            .collect();
        for value in &mut cumulative {
            *value /= total;
        }
        Self { cumulative }
    }

    /// The next rank, by one number of the generator.
    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let at = random.fraction();
        self.cumulative.partition_point(|share| *share < at).min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_working_set_asks_mostly_for_its_first_items() {
        let (zipf, mut random) = (Zipf::new(256), Random::new(7));
        let mut counts = [0_u32; 256];
        for _ in 0..20_000 {
            counts[zipf.pick(&mut random)] += 1;
        }
        let hot: u32 = counts[..26].iter().sum();
        assert!(hot > 11_000, "the hottest tenth got {hot} of 20000");
        assert!(counts[0] > counts[9] && counts[9] > counts[200]);
    }

    #[test]
    fn a_bound_is_never_reached() {
        let mut random = Random::new(1);
        assert!((0..10_000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
        assert_ne!(seed(), seed());
    }
}
