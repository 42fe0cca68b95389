//! What `--live` saw of a cache: its memory, its policy, and some of its keys.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Address;

/// The size in bytes above which a value is told as large: 1 MiB.
pub const BIG_VALUE: u64 = 1 << 20;

/// What `--live` saw of each cache.
pub type Samples = BTreeMap<Address, Sample>;

/// One cache, looked at once. No key is in it by its name: only what keys begin with, where several do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The nodes that answered, by AWS's names or endpoints: replicas where there are any.
    pub nodes: Vec<String>,
    /// As INFO says.
    pub maxmemory_policy: Option<String>,
    /// Of the fullest node, as INFO says: what counts against `maxmemory`, in bytes.
    pub used_memory: Option<u64>,
    /// Of that node, in bytes; 0 is no limit.
    pub maxmemory: Option<u64>,
    /// In the whole cache, as INFO says: all keys, and those with a time to live.
    pub keys_in_cache: Option<u64>,
    pub with_ttl_in_cache: Option<u64>,
    /// Keys that were looked at.
    pub keys: usize,
    /// Of these: with a time to live.
    pub with_ttl: usize,
    /// Of these: larger than [`BIG_VALUE`]: what they begin with and their sizes in bytes, the largest first.
    pub big: Vec<(String, u64)>,
    /// Bytes of these keys by prefix (up to the first separator), the largest first.
    pub prefixes: Vec<(String, u64)>,
    /// What could not be seen and why, a sentence each.
    pub unseen: Vec<String>,
}

impl Sample {
    /// The share of all keys that have a time to live, in percent, and of which keys that is known.
    pub fn ttl_share(&self) -> Option<(f64, Basis)> {
        let share = |part: f64, all: f64| (all > 0.0).then(|| 100.0 * part / all);
        match (self.with_ttl_in_cache, self.keys_in_cache) {
            (Some(part), Some(all)) => Some((share(part as f64, all as f64)?, Basis::All)),
            _ => Some((share(self.with_ttl as f64, self.keys as f64)?, Basis::Sampled)),
        }
    }

    /// Were keys looked at, and their sizes told?
    pub fn is_sized(&self) -> bool {
        !self.prefixes.is_empty()
    }

    /// Has every key a time to live, as far as anything tells?
    pub fn all_end(&self) -> bool {
        self.keys == self.with_ttl && self.keys_in_cache.zip(self.with_ttl_in_cache).is_none_or(|(all, end)| all == end)
    }
}

/// Which keys a share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The server counted.
    All,
    /// Those that were looked at.
    Sampled,
}
