//! What is probed (`Target`), how (`Settings`), and what is demanded of it (`Expect`, `Requirements`).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::client::{Way, random};

/// One cache, as its clients see it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `replicationGroup/prod-cache`.
    pub address: String,
    pub way: Way,
    /// PEM file with the certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `transitEncryptionMode: preferred`: the port speaks plaintext too.
    pub plaintext_too: bool,
    /// The reader endpoint, where there is one (cluster mode disabled, serverless).
    pub reader: Option<(String, u16)>,
    pub serverless: bool,
    pub expect: Expect,
}

/// What the spec (or AWS) says about the cache. `None` is not checked, only reported.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// `valkey` or `redis`.
    pub engine: Option<String>,
    /// As in the spec: `7.2`, `6.x`, `5.0.6`. Only major and minor are compared.
    pub engine_version: Option<String>,
    pub maxmemory_policy: Option<String>,
    /// Replicas per shard.
    pub replicas: Option<usize>,
    pub shards: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Pattern {
    CacheAside,
    WriteThrough,
    Stampede,
    Session,
    Lock,
}

impl Pattern {
    pub const ALL: [Self; 5] = [Self::CacheAside, Self::WriteThrough, Self::Stampede, Self::Session, Self::Lock];

    /// The name used in specs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CacheAside => "cacheAside",
            Self::WriteThrough => "writeThrough",
            Self::Stampede => "stampede",
            Self::Session => "session",
            Self::Lock => "lock",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|pattern| pattern.as_str() == text).ok_or(())
    }
}

/// What it means that this machine cannot reach the cache: most caches live in a VPC, and a laptop
/// that is not in it says nothing about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnreachable {
    #[default]
    Warn,
    Fail,
    Skip,
}

impl FromStr for OnUnreachable {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "warn" => Ok(Self::Warn),
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            _ => Err(()),
        }
    }
}

/// Limits that turn measurements into a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Requirements {
    /// Highest 99th percentile of the load's latency, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Highest share of failed commands, 0 to 1.
    pub error_rate: Option<f64>,
    /// Lowest share of cache-aside reads that the cache answered, 0 to 1.
    pub hit_rate: Option<f64>,
    /// Lowest closed-loop throughput.
    pub ops_per_second: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub patterns: Vec<Pattern>,
    /// Time for the patterns and the load together; checks and clean-up come on top (seconds).
    pub duration: Duration,
    /// Connections, each with one command in flight.
    pub clients: usize,
    /// Bytes per value.
    pub value_size: usize,
    pub key_prefix: String,
    /// For a connect, and for each command.
    pub timeout: Duration,
    pub on_unreachable: OnUnreachable,
    pub require: Requirements,
    /// Commands per second of the latency measurement; without it half of the measured capacity, at
    /// most 10,000.
    /// With it, the capacity is measured only when `require.ops_per_second` asks for it, so that a
    /// cache in service is never driven to its limit.
    pub rate: Option<f64>,
}

impl Settings {
    /// A prefix that no other run uses, so that parallel runs never delete each other's keys.
    pub fn fresh_key_prefix() -> String {
        format!("cachectl:smoke:{:08x}:", random::seed() as u32)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patterns: Pattern::ALL.to_vec(),
            duration: Duration::from_secs(10),
            clients: 8,
            value_size: 512,
            key_prefix: Self::fresh_key_prefix(),
            timeout: Duration::from_secs(3),
            on_unreachable: OnUnreachable::Warn,
            require: Requirements::default(),
            rate: None,
        }
    }
}
