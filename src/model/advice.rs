//! Advice on caches, as `cachectl advise` prints it.

use serde::Serialize;
use serde_json::Value;

use super::Address;
use super::sample::Sample;

/// What was measured of a stack's caches, and what follows from it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub format_version: String,
    pub stack: String,
    pub account_id: String,
    pub region: String,
    /// How far back was looked, such as `14d`.
    pub since: String,
    /// Region and date of the prices.
    pub prices: String,
    pub caches: Vec<CacheAdvice>,
    /// What could not be seen, in a sentence each.
    pub notes: Vec<String>,
}

/// What was measured of one cache, and what follows from it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheAdvice {
    pub address: Address,
    /// Hours that have measurements.
    pub hours: usize,
    pub figures: Vec<Figure>,
    pub advice: Vec<Advice>,
    /// With `--live` only: what the cache itself showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Why nothing, or less, is said.
    pub notes: Vec<String>,
}

/// Whether a figure is on the right side of its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FigureStatus {
    Ok,
    Warn,
    /// Too little data, or no threshold is known.
    Unknown,
    /// For information; it has no threshold.
    Info,
}

/// One number with what it is held against.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    pub name: &'static str,
    pub value: Option<f64>,
    pub unit: &'static str,
    pub threshold: Option<f64>,
    pub status: FigureStatus,
    /// Which metric, summed up how, of which node.
    pub source: String,
    /// Its course, as block characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sparkline: String,
}

/// Whether something is wrong, or could be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Warn,
    Info,
}

/// Something that the measurements say, or a change that follows from them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    pub id: &'static str,
    pub severity: Severity,
    pub summary: String,
    pub arithmetic: Vec<String>,
    /// Empty where no change of the spec is certain to help.
    pub patch: Vec<PatchEntry>,
    pub monthly_cost_before: Option<f64>,
    pub monthly_cost_after: Option<f64>,
}

/// A value of the spec before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatchEntry {
    pub path: String,
    /// Null: the spec does not declare it.
    pub before: Value,
    pub after: Value,
}

/// Every id of an advice, with what it means.
#[rustfmt::skip]
pub const IDS: [(&str, &str); 18] = [
    ("scale-up", "A larger node type, or a higher limit of a serverless cache."),
    ("scale-down", "A smaller node type holds it all."),
    ("scale-out", "More shards."),
    ("scale-in", "Fewer shards hold it all."),
    ("add-replica", "One more replica for reads."),
    ("eviction-policy", "What a full cache does with new keys does not fit its use."),
    ("memory-full", "Memory is full, and keys that are wanted are evicted or writes are about to be refused."),
    ("hit-rate", "Fewer than nine reads in ten are answered, and memory is not the reason."),
    ("connections", "Close to the 65,000 connections that a node takes."),
    ("network-bound", "Packets are queued or dropped because the node's network allowance is exceeded."),
    ("cpu-bound", "The engine's thread, or one core of a small node, is busy."),
    ("replication-lag", "Replicas are more than a second behind."),
    ("idle", "Nobody uses the cache."),
    ("to-serverless", "A serverless cache would cost less for this use."),
    ("to-nodes", "Nodes would cost less for this use."),
    ("to-valkey", "The same nodes cost less with Valkey, which takes over in place."),
    ("big-values", "Values of more than a megabyte."),
    ("no-ttl", "Keys without an end of life under a policy that evicts only those with one."),
];
