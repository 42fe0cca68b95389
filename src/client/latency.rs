//! Latencies: recording, percentiles that the sample can carry, and decisions about a limit.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// 1 us to 60 s with three significant digits, about 150 KB. Longer ones count as 60 s: the client's
/// own timeout ends every command before that.
const LONGEST_US: u64 = 60_000_000;

/// A percentile is stated only when at least 100 samples lie beyond it; with fewer, the next run
/// shows another number. p50: 200, p95: 2,000, p99: 10,000, p99.9: 100,000 samples.
const BEYOND: f64 = 100.0;

/// A histogram of latencies, from 1 µs to 60 s, with three significant digits.
#[derive(Clone)]
pub struct Recorder {
    histogram: Histogram<u64>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.raw_ms(0.5), self.raw_ms(0.99));
        write!(f, "Recorder({} samples, p50 {p50:?}, p99 {p99:?}, max {:?} ms)", self.len(), self.max_ms())
    }
}

impl Default for Recorder {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are constants that the crate accepts"));
        Self { histogram }
    }
}

impl Recorder {
    /// Adds a latency; one beyond the histogram's bounds counts as the bound.
    pub fn record(&mut self, latency: Duration) {
        self.record_micros(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds a latency in microseconds; one beyond the histogram's bounds counts as the bound.
    pub fn record_micros(&mut self, micros: u64) {
        self.histogram.saturating_record(micros.clamp(1, LONGEST_US));
    }

    /// Adds a latency in microseconds as often as `count` says.
    pub fn record_many(&mut self, micros: u64, count: u64) {
        if count > 0 {
            self.histogram.saturating_record_n(micros.clamp(1, LONGEST_US), count);
        }
    }

    /// The shortest latency; zero where nothing was recorded.
    pub fn least(&self) -> Duration {
        Duration::from_micros(if self.is_empty() { 0 } else { self.histogram.min() })
    }

    /// Adds all that another recorder holds.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so this cannot fail; a lost merge would show in the count.
        let _ = self.histogram.add(&other.histogram);
    }

    /// Every recorded latency in microseconds, with how often it was recorded.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()))
    }

    /// Was nothing recorded?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many latencies were recorded.
    pub fn len(&self) -> u64 {
        self.histogram.len()
    }

    /// A percentile (`quantile` 0 to 1) in milliseconds, however few samples there are; `None` where there is none.
    pub fn raw_ms(&self, quantile: f64) -> Option<f64> {
        (!self.is_empty()).then(|| self.histogram.value_at_quantile(quantile) as f64 / 1e3)
    }

    /// A percentile (`quantile` 0 to 1) in milliseconds, if there are enough samples to state it.
    pub fn percentile_ms(&self, quantile: f64) -> Option<f64> {
        // A hair of slack: 1 - 0.99 is not quite 0.01 in binary.
        (self.len() as f64 * (1.0 - quantile) + 1e-6 >= BEYOND).then(|| self.raw_ms(quantile)).flatten()
    }

    /// The longest latency in milliseconds; `None` where nothing was recorded.
    pub fn max_ms(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.histogram.max() as f64 / 1e3)
    }

    /// How many samples took longer than `limit_ms`.
    pub fn over(&self, limit_ms: f64) -> u64 {
        let limit = (limit_ms * 1e3).clamp(0.0, LONGEST_US as f64) as u64;
        self.len() - self.histogram.count_between(0, limit).min(self.len())
    }

    /// The percentiles that reports state, with the longest latency and the number of samples.
    pub fn latencies(&self) -> Latencies {
        Latencies {
            p50_ms: self.percentile_ms(0.50),
            p95_ms: self.percentile_ms(0.95),
            p99_ms: self.percentile_ms(0.99),
            p999_ms: self.percentile_ms(0.999),
            max_ms: self.max_ms(),
            samples: self.len(),
        }
    }
}

/// Percentiles of one set of latencies; `None` where there are too few samples to state one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latencies {
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub samples: u64,
}

/// Whether a share of samples is within a limit, given that the samples are only a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Within,
    Beyond,
    /// Beyond the limit, by no more than chance explains.
    Unclear,
}

/// Whether `over` of `samples` are within the share, 0 to 1, that may be beyond a limit.
///
/// Beyond by more than two standard deviations of the binomial is a finding, less could be luck.
pub(crate) fn decide(over: u64, samples: u64, allowed: f64) -> Decision {
    let expected = samples as f64 * allowed;
    let deviation = (expected * (1.0 - allowed)).sqrt();
    let over = over as f64;
    if samples == 0 {
        Decision::Unclear
    } else if over <= expected {
        Decision::Within
    } else if over > expected + 2.0 * deviation.max(0.5) {
        Decision::Beyond
    } else {
        Decision::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(samples: impl IntoIterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::default();
        for micros in samples {
            recorder.record(Duration::from_micros(micros));
        }
        recorder
    }

    #[test]
    fn a_percentile_is_stated_only_when_the_sample_can_carry_it() {
        let few = recorder(1..=9_999).latencies();
        assert_eq!((few.p99_ms, few.p999_ms), (None, None));
        assert!(few.p95_ms.is_some() && few.max_ms.is_some());
        let enough = recorder((0..10_000).map(|i| i % 100 + 1)).latencies();
        assert_eq!(enough.p99_ms, Some(0.099));
        assert_eq!(enough.p50_ms, Some(0.05));
        assert_eq!(enough.p999_ms, None);
        assert_eq!(recorder([]).latencies(), Latencies::default());
    }

    #[test]
    fn latencies_out_of_range_are_kept_at_the_bounds() {
        let recorder = recorder([0, 120_000_000]);
        assert_eq!(recorder.len(), 2);
        assert!(recorder.max_ms().unwrap() >= 60_000.0);
    }

    #[test]
    fn merging_keeps_every_sample() {
        let mut all = recorder([10, 20]);
        all.merge(&recorder([30]));
        assert_eq!(all.len(), 3);
        assert_eq!(all.max_ms(), Some(0.03));
    }

    #[test]
    fn samples_over_a_limit_are_counted() {
        let recorder = recorder([500, 1_000, 1_500, 9_000]);
        assert_eq!(recorder.over(1.0), 2);
        assert_eq!(recorder.over(60_000.0), 0);
        assert_eq!(recorder.over(0.0), 4);
    }

    #[test]
    fn a_limit_is_missed_only_by_more_than_chance() {
        assert_eq!(decide(1, 100, 0.01), Decision::Within);
        assert_eq!(decide(2, 100, 0.01), Decision::Unclear);
        assert_eq!(decide(5, 100, 0.01), Decision::Beyond);
        assert_eq!(decide(0, 0, 0.01), Decision::Unclear);
        assert_eq!(decide(105, 10_000, 0.01), Decision::Unclear);
        assert_eq!(decide(200, 10_000, 0.01), Decision::Beyond);
        assert_eq!(decide(1, 1_000_000, 0.0), Decision::Unclear);
    }
}
