//! What `--live` saw of a cache: its memory, its policy, and some of its keys.

use std::collections::BTreeMap;

use super::Address;

/// The size in bytes above which a value is told as large: 1 MiB.
pub const BIG_VALUE: u64 = 1 << 20;

/// What `--live` saw of each cache.
pub type Samples = BTreeMap<Address, Sample>;

/// One cache, looked at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// As INFO says.
    pub maxmemory_policy: Option<String>,
    /// Keys that were looked at.
    pub keys: usize,
    /// Of these: with a time to live.
    pub with_ttl: usize,
    /// Of these: larger than [`BIG_VALUE`], with their sizes in bytes, the largest first.
    pub big: Vec<(String, u64)>,
    /// Bytes by prefix (up to the first `:`), the largest first.
    pub prefixes: Vec<(String, u64)>,
}
