//! How a cache is tested (`Settings`), and what is demanded of it (`Requirements`).

use std::time::Duration;

use crate::client::engine::Distribution;
use crate::client::random;
use crate::model::pattern::Pattern;

/// What it means that this machine cannot reach the cache: most caches live in a VPC, and a laptop
/// that is not in it says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnreachable {
    Warn,
    Fail,
    Skip,
}

/// What it means that a measurement cannot tell whether a requirement holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUndecided {
    #[default]
    Fail,
    Warn,
}

/// Limits that turn measurements into a verdict; latencies in milliseconds, from when each command was due.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Requirements {
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    pub max_ms: Option<f64>,
    /// Longest time without an answer.
    pub max_gap_ms: Option<f64>,
    /// Highest share of failed commands of the scheduled load, 0 to 1.
    pub error_rate: Option<f64>,
    /// Lowest share of cache-aside reads that the cache answered, 0 to 1.
    pub hit_rate: Option<f64>,
    /// Lowest closed-loop throughput.
    pub ops_per_second: Option<f64>,
}

impl Requirements {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub patterns: Vec<Pattern>,
    /// Time for the patterns and the load together; checks and clean-up come on top (seconds).
    pub duration: Duration,
    /// Connections of the load.
    pub clients: usize,
    /// Commands that each connection has under way at most.
    pub pipeline: usize,
    /// Share of the load's commands that read, 0 to 1.
    pub read_ratio: f64,
    /// Keys of the load, as far as the budget allows.
    pub keys: u32,
    pub distribution: Distribution,
    /// Bytes per value.
    pub value_size: usize,
    /// Memory that the test may take in each shard; `None` is the default budget.
    pub max_bytes: Option<u64>,
    /// Begins every key of the run.
    pub key_prefix: String,
    /// Keys outlast what they are for by this much, so that a run that was killed leaves nothing behind for long.
    pub key_ttl: Duration,
    /// The user may only read: nothing is written.
    pub read_only: bool,
    /// For a connect, and for each command.
    pub timeout: Duration,
    /// `None`: fail where the host refuses or something is required, else warn.
    pub on_unreachable: Option<OnUnreachable>,
    pub on_undecided: OnUndecided,
    pub require: Requirements,
    /// Commands per second of the latency measurement; without it half of the measured capacity, at most 10,000.
    ///
    /// With it, the capacity is measured only when `require.ops_per_second` asks for it, so that a
    /// cache in service is never driven to its limit.
    pub rate: Option<f64>,
    /// Look for leftover keys with a SCAN over the whole keyspace.
    pub thorough: bool,
}

/// What keys begin with where nothing else is declared.
pub const PREFIX: &str = "cachectl:smoke:";

impl Settings {
    /// A prefix that no other run uses, so that parallel runs never delete each other's keys.
    pub fn fresh_key_prefix(base: &str) -> String {
        format!("{base}{:08x}:", random::seed() as u32)
    }

    /// The TTL of the keys of a load of this length; one that is longer renews them.
    pub fn load_ttl(&self, load: Duration) -> Duration {
        load.min(self.key_ttl) + self.key_ttl
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patterns: Pattern::ALL.to_vec(),
            duration: Duration::from_secs(10),
            clients: 8,
            pipeline: 1,
            read_ratio: 0.9,
            keys: 1_000,
            distribution: Distribution::Uniform,
            value_size: 512,
            max_bytes: None,
            key_prefix: Self::fresh_key_prefix(PREFIX),
            key_ttl: Duration::from_secs(60),
            read_only: false,
            timeout: Duration::from_secs(3),
            on_unreachable: None,
            on_undecided: OnUndecided::Fail,
            require: Requirements::default(),
            rate: None,
            thorough: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_not_used_twice() {
        let (a, b) = (Settings::default().key_prefix, Settings::default().key_prefix);
        assert!(a.starts_with(PREFIX) && a.ends_with(':'));
        assert_ne!(a, b);
    }
}
