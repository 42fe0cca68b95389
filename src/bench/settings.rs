//! What a benchmark is asked to measure.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::client::Way;
use crate::client::engine::{Distribution, ReadFrom};

/// What keys begin with where nothing else is said.
pub const PREFIX: &str = "cachectl:bench:";

#[derive(Clone, Debug)]
pub struct Settings {
    pub way: Way,
    pub clients: usize,
    pub pipeline: usize,
    pub threads: usize,
    /// Share of reads, 0 to 1.
    pub read_ratio: f64,
    pub value_size: usize,
    pub keys: u32,
    pub distribution: Distribution,
    /// For warm-up, capacity and latency together; filling and deleting come on top.
    pub duration: Duration,
    /// Commands of each of the two measurements, instead of the duration.
    pub requests: Option<u64>,
    pub aim: Aim,
    pub read_from: ReadFrom,
    pub timeout: Duration,
    /// Begins every key.
    pub key_prefix: String,
    /// Neither a memory budget nor a stop at the first eviction. The keys are deleted all the same.
    pub unbounded: bool,
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            way: Way::default(),
            clients: 50,
            pipeline: 1,
            threads: 1,
            read_ratio: 1.0,
            value_size: 64,
            keys: 100_000,
            distribution: Distribution::Uniform,
            duration: Duration::from_secs(10),
            requests: None,
            aim: Aim::HalfOfCapacity,
            read_from: ReadFrom::Primary,
            timeout: Duration::from_secs(3),
            key_prefix: format!("{PREFIX}{:08x}:", crate::client::random::seed() >> 32),
            unbounded: false,
            seed: crate::client::random::seed(),
        }
    }
}

/// The rate at which latency is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    HalfOfCapacity,
    /// This many commands a second; capacity is not measured, which spares the server the closed loop.
    Rate(f64),
    /// The highest rate that holds a bound.
    Find(Bound),
}

/// A latency that a rate must hold, such as `p99=5ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub quantile: Quantile,
    pub limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    P50,
    P95,
    P99,
    P999,
    Max,
}

impl Quantile {
    const ALL: [(&'static str, Self, f64); 5] = [
        ("p50", Self::P50, 0.5),
        ("p95", Self::P95, 0.95),
        ("p99", Self::P99, 0.99),
        ("p99.9", Self::P999, 0.999),
        ("max", Self::Max, 1.0),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, quantile, _)| *quantile == self).map_or("", |(name, ..)| name)
    }

    pub fn share(self) -> f64 {
        Self::ALL.iter().find(|(_, quantile, _)| *quantile == self).map_or(1.0, |(_, _, share)| *share)
    }

    /// Samples without which the percentile is one or two outliers.
    pub fn least_samples(self) -> u64 {
        match self {
            Self::P50 | Self::Max => 30,
            Self::P95 => 60,
            Self::P99 => 300,
            Self::P999 => 3_000,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}ms", self.quantile.name(), self.limit.as_secs_f64() * 1e3)
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "expected a percentile and a time, such as p99=5ms (p50, p95, p99, p99.9, max)".to_owned();
        let (name, limit) = text.split_once('=').ok_or_else(wanted)?;
        let name = if name == "p999" { "p99.9" } else { name };
        let quantile = Quantile::ALL.iter().find(|(known, ..)| *known == name).ok_or_else(wanted)?.1;
        let (number, unit) =
            limit.split_at(limit.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(limit.len()));
        let factor = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            _ => return Err(wanted()),
        };
        let seconds = number.parse::<f64>().map_err(|_| wanted())? * factor;
        let limit = Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero()).ok_or_else(wanted)?;
        Ok(Self { quantile, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_percentile_and_a_time() {
        let bound: Bound = "p99=5ms".parse().unwrap();
        assert_eq!(bound, Bound { quantile: Quantile::P99, limit: Duration::from_millis(5) });
        assert_eq!("p99.9=1.5s".parse::<Bound>().unwrap().to_string(), "p99.9=1500ms");
        assert_eq!("max=800us".parse::<Bound>().unwrap().limit, Duration::from_micros(800));
        for wrong in ["p99", "p98=5ms", "p99=5", "p99=ms", "p99=0ms", "p99=-1ms", "=5ms"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
