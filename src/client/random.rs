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

/// Numbers `0..n` with a probability proportional to `1 / (number + 1)^s`.
///
/// Rejection-inversion (W. Hoermann and G. Derflinger, 1996): no table, so that ten million keys cost no more than ten.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    n: f64,
    s: f64,
    first: f64,
    last: f64,
    sure: f64,
}

impl Zipf {
    /// Numbers below `n`, one at least.
    pub(crate) fn new(n: u32, exponent: f64) -> Self {
        let mut zipf = Self { n: f64::from(n), s: exponent, first: 0.0, last: 0.0, sure: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(zipf.n + 0.5);
        zipf.sure = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    /// The next number, by one or more of the generator.
    pub(crate) fn pick(&self, random: &mut Random) -> u32 {
        loop {
            let u = self.last + random.fraction() * (self.first - self.last);
            let x = self.inverse(u);
            let rank = x.round().clamp(1.0, self.n);
            if rank - x <= self.sure || u >= self.integral(rank + 0.5) - self.density(rank) {
                return rank as u32 - 1;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        (-self.s * x.ln()).exp()
    }

    /// `(x^(1-s) - 1) / (1-s)`, which is `ln x` for `s = 1`.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let t = (1.0 - self.s) * log;
        log * if t.abs() > 1e-8 { t.exp_m1() / t } else { 1.0 + t / 2.0 }
    }

    fn inverse(&self, y: f64) -> f64 {
        let t = (y * (1.0 - self.s)).max(-1.0);
        (y * if t.abs() > 1e-8 { t.ln_1p() / t } else { 1.0 - t / 2.0 }).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_working_set_asks_mostly_for_its_first_items() {
        let (zipf, mut random) = (Zipf::new(256, 1.0), Random::new(7));
        let mut counts = [0_u32; 256];
        for _ in 0..20_000 {
            counts[zipf.pick(&mut random) as usize] += 1;
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
