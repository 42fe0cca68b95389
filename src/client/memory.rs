//! A server's memory, as it tells of it.

use super::topology::Facts;

/// One node's memory, from its `INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What counts against `maxmemory`.
    pub used: u64,
    /// 0: no limit.
    pub limit: u64,
    pub evicted: u64,
}

/// A node's memory, as its `INFO` tells it; `None` where it says nothing of it.
pub(crate) fn memory(info: &Facts) -> Option<Memory> {
    let number = |key: &str| info.get(key).and_then(|value| value.parse::<u64>().ok());
    let uncounted = number("mem_not_counted_for_evict").unwrap_or(0);
    Some(Memory {
        used: number("used_memory")?.saturating_sub(uncounted),
        limit: number("maxmemory").unwrap_or(0),
        evicted: number("evicted_keys").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::topology::facts;
    use super::*;

    #[test]
    fn the_memory_that_counts_is_without_the_buffers_of_replicas() {
        let info = facts("used_memory:1000\nmem_not_counted_for_evict:200\nmaxmemory:5000\nevicted_keys:7\n");
        assert_eq!(memory(&info), Some(Memory { used: 800, limit: 5_000, evicted: 7 }));
        assert_eq!(memory(&facts("")), None);
    }
}
