//! Which key comes next, and what is known of each: its slot, and whether a write of it was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};

use super::settings::{Distribution, Keys};
use crate::client::random::{Random, Zipf};
use crate::client::topology::key_slot;

/// Draws key numbers.
#[derive(Clone, Debug)]
pub(super) struct Picker {
    random: Random,
    count: u32,
    zipf: Option<Zipf>,
}

impl Picker {
    /// A picker of these keys by their distribution; the same seed draws the same keys.
    pub(super) fn new(keys: &Keys, seed: u64) -> Self {
        let count = keys.count.max(1);
        let zipf = match keys.distribution {
            Distribution::Uniform => None,
            Distribution::Zipf(exponent) => Some(Zipf::new(count, exponent)),
        };
        Self { random: Random::new(seed), count, zipf }
    }

    /// Draws a key's number, from 0 up to the number of keys less 1.
    pub(super) fn key(&mut self) -> u32 {
        match &self.zipf {
            None => self.random.below(self.count as usize) as u32,
            Some(zipf) => zipf.pick(&mut self.random),
        }
    }

    /// True with this probability; the certain ones cost no draw.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        share >= 1.0 || (share > 0.0 && self.random.fraction() < share)
    }
}

/// One bit a key, shared by all threads.
#[derive(Debug)]
pub(super) struct Marks(Vec<AtomicU64>);

impl Marks {
    /// Marks for this many keys, none of them set.
    pub(super) fn new(count: u32) -> Self {
        Self((0..=count / 64).map(|_| AtomicU64::new(0)).collect())
    }

    /// Is this key marked?
    pub(super) fn has(&self, key: u32) -> bool {
        self.0[key as usize / 64].load(Ordering::Relaxed) >> (key % 64) & 1 == 1
    }

    /// Marks a key, which may be marked already.
    pub(super) fn set(&self, key: u32) {
        // Most are set already, and a load leaves the other threads' caches alone.
        if !self.has(key) {
            self.0[key as usize / 64].fetch_or(1 << (key % 64), Ordering::Relaxed);
        }
    }

    /// Clears a key's mark. Was it set?
    pub(super) fn take(&self, key: u32) -> bool {
        self.0[key as usize / 64].fetch_and(!(1 << (key % 64)), Ordering::Relaxed) >> (key % 64) & 1 == 1
    }

    /// How many keys are marked.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }
}

/// The slot of every key.
pub(super) fn slots(keys: &Keys) -> Vec<u16> {
    (0..keys.count.max(1)).map(|number| key_slot(&keys.name(number))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(distribution: Distribution, count: u32, draws: u32) -> Vec<f64> {
        let mut picker = Picker::new(&Keys { distribution, count, ..Keys::default() }, 7);
        let mut seen = vec![0_u32; count as usize];
        for _ in 0..draws {
            seen[picker.key() as usize] += 1;
        }
        seen.into_iter().map(|seen| f64::from(seen) / f64::from(draws)).collect()
    }

    #[test]
    fn zipf_asks_for_each_key_as_often_as_its_law_says() {
        for exponent in [0.5, 0.99, 1.0, 1.5] {
            let seen = shares(Distribution::Zipf(exponent), 100, 200_000);
            let total: f64 = (1..=100).map(|rank| f64::from(rank).powf(-exponent)).sum();
            for rank in [1_u32, 2, 3, 10, 50, 100] {
                let wanted = f64::from(rank).powf(-exponent) / total;
                let error = (seen[rank as usize - 1] - wanted).abs();
                assert!(error < 5.0 * (wanted / 200_000.0).sqrt(), "rank {rank} of s={exponent}: off by {error}");
            }
        }
    }

    #[test]
    fn uniform_asks_for_all_keys_alike() {
        assert!(shares(Distribution::Uniform, 10, 100_000).iter().all(|share| (share - 0.1).abs() < 0.01));
        assert_eq!(shares(Distribution::Zipf(1.0), 1, 100), [1.0]);
    }

    #[test]
    fn a_mark_is_taken_once() {
        let marks = Marks::new(64);
        marks.set(64);
        assert!(marks.has(64) && !marks.has(0));
        assert_eq!(marks.count(), 1);
        assert!(marks.take(64) && !marks.take(64));
    }
}
