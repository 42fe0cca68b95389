//! How much memory a run may take, decided before the first byte is written: neither a test nor a benchmark may ever
//! push an application's keys out.

use super::report::BudgetReport;
use super::settings::Settings;
pub(crate) use crate::client::memory::Memory;
pub(super) use crate::client::memory::memory;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Never more than this in one shard, unless `maxBytes` says so.
const MOST: u64 = 32 * MIB;
/// Where the user may not ask how much memory there is.
const UNSEEN: u64 = MIB;
/// What a server keeps for a connection besides its commands.
const CONNECTION: u64 = 20 * KIB;
/// With less room than this the test is not worth its risk.
const LEAST: u64 = 64 * KIB;
/// Keys that every pattern needs to show anything.
const FEWEST_KEYS: u64 = 8;

/// What a run would hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Over all shards.
    pub(crate) keys: u32,
    pub(crate) value_size: usize,
    /// Length of what begins every key.
    pub(crate) key_prefix: usize,
    pub(crate) clients: usize,
    pub(crate) pipeline: usize,
    /// In every shard; `None` is the default budget.
    pub(crate) max_bytes: Option<u64>,
}

impl Load {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            keys: settings.keys,
            value_size: settings.value_size,
            key_prefix: settings.key_prefix.len(),
            clients: settings.clients,
            pipeline: settings.pipeline,
            max_bytes: settings.max_bytes,
        }
    }

    /// What a key costs, with the servers' own book-keeping and the allocator's rounding.
    fn each(&self) -> u64 {
        (self.value_size as u64) * 5 / 4 + self.key_prefix as u64 + 192
    }
}

/// Room for the run, in every shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) bytes: u64,
    /// Keys of the load, over all shards.
    pub(crate) keys: u32,
    /// Keys that one pattern may hold at once.
    pub(super) pattern_keys: usize,
    pub(crate) reason: String,
}

impl Room {
    pub(super) fn report(&self) -> BudgetReport {
        BudgetReport { bytes_per_shard: self.bytes, keys: self.keys, reason: self.reason.clone() }
    }
}

/// Decides; `Err` says why nothing must be written. `before` is the same memory a moment earlier, `shards` how many there
/// are, whether they tell of their memory or not.
pub(crate) fn budget(load: &Load, shards: usize, before: &[Memory], now: &[Memory]) -> Result<Room, String> {
    let evicting: u64 = now.iter().zip(before).map(|(now, before)| now.evicted.saturating_sub(before.evicted)).sum();
    if evicting > 0 {
        return Err(format!("it is evicting keys already ({evicting} in the last moments)"));
    }
    let connections = load.clients as u64 * (CONNECTION + 2 * (load.value_size as u64) * load.pipeline as u64);
    let mut room = match load.max_bytes {
        Some(bytes) => (bytes, "maxBytes"),
        None if now.len() < shards.max(1) => (UNSEEN, "the user may not see how much memory there is"),
        None => (MOST, "32 MiB"),
    };
    for memory in now.iter().filter(|memory| memory.limit > 0) {
        let free = memory.limit.saturating_sub(memory.used);
        // Connections take of the same memory as keys.
        let half = (free / 2).saturating_sub(connections);
        if half < LEAST.max(FEWEST_KEYS * load.each()) {
            return Err(format!(
                "it is full: {} of {} are used, and the connections alone take {}",
                size(memory.used),
                size(memory.limit),
                size(connections)
            ));
        }
        if half < room.0 {
            room = (half, "half of what is free");
        }
        if load.max_bytes.is_none() && memory.limit / 100 < room.0 {
            room = (memory.limit / 100, "1 % of maxmemory");
        }
    }
    let (bytes, reason) = room;
    let fits = bytes / load.each();
    if fits < FEWEST_KEYS {
        return Err(format!(
            "{} ({reason}) hold no {FEWEST_KEYS} values of {}",
            size(bytes),
            size(load.value_size as u64)
        ));
    }
    // Slots spread keys unevenly; a pattern's keys are gone before the next begins.
    let shards = shards.max(1) as u64;
    let keys = (fits * if shards > 1 { shards * 3 / 4 } else { 1 }).min(u64::from(load.keys)).max(1);
    Ok(Room { bytes, keys: keys as u32, pattern_keys: fits.min(100_000) as usize, reason: reason.to_owned() })
}

/// `1.5 MiB`
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{:.0} KiB", bytes as f64 / KIB as f64),
        _ => format!("{:.1} MiB", bytes as f64 / MIB as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory_of(used: u64, limit: u64) -> Memory {
        Memory { used, limit, evicted: 0 }
    }

    fn decided(settings: &Settings, now: Memory) -> Result<Room, String> {
        budget(&Load::of(settings), 1, &[now], &[now])
    }

    #[test]
    fn the_budget_is_the_least_of_what_is_safe() {
        let settings = Settings { keys: 10_000_000, ..Settings::default() };
        let room = |used, limit| decided(&settings, memory_of(used, limit)).unwrap();
        assert_eq!((room(0, 0).bytes, room(0, 0).reason.as_str()), (32 * MIB, "32 MiB"));
        assert_eq!(room(0, 1_000 * MIB).bytes, 10 * MIB);
        assert_eq!(room(0, 100_000 * MIB).bytes, 32 * MIB);
        let tight = room(994 * MIB, 1_000 * MIB);
        assert!(tight.bytes < 3 * MIB && tight.reason == "half of what is free", "{tight:?}");
        assert!(u64::from(tight.keys) * Load::of(&settings).each() <= tight.bytes);
    }

    #[test]
    fn a_full_cache_is_not_written_to() {
        let settings = Settings { value_size: 65_536, ..Settings::default() };
        assert!(decided(&settings, memory_of(99 * MIB, 100 * MIB)).unwrap_err().contains("full"));
        assert!(decided(&Settings::default(), memory_of(101 * MIB, 100 * MIB)).is_err());
        assert!(decided(&Settings::default(), memory_of(10 * MIB, 100 * MIB)).is_ok());
    }

    #[test]
    fn a_cache_that_is_evicting_is_not_written_to() {
        let (before, now) = (Memory { evicted: 5, ..Memory::default() }, Memory { evicted: 6, ..Memory::default() });
        assert!(budget(&Load::of(&Settings::default()), 1, &[before], &[now]).unwrap_err().contains("evicting"));
    }

    #[test]
    fn a_declared_budget_is_kept_and_never_takes_more_than_half_of_what_is_free() {
        let settings = Settings { max_bytes: Some(64 * MIB), keys: 1_000_000, ..Settings::default() };
        assert_eq!(decided(&settings, memory_of(0, 1_000 * MIB)).unwrap().bytes, 64 * MIB);
        assert!(decided(&settings, memory_of(900 * MIB, 1_000 * MIB)).unwrap().bytes < 50 * MIB);
        let tiny = Settings { max_bytes: Some(100), ..Settings::default() };
        assert!(decided(&tiny, memory_of(0, 0)).is_err());
    }

    #[test]
    fn a_user_who_sees_nothing_writes_little() {
        let load = Load { keys: 1_000_000, ..Load::of(&Settings::default()) };
        let room = budget(&load, 1, &[], &[]).unwrap();
        assert!(room.bytes == MIB && u64::from(room.keys) * load.each() <= MIB, "{room:?}");
        // One shard that tells nothing is enough.
        let told = memory_of(0, 0);
        assert!(budget(&load, 2, &[told], &[told]).unwrap().reason.contains("may not see"));
        assert!(budget(&Load { value_size: 1 << 20, ..load }, 1, &[], &[]).unwrap_err().contains("hold no"));
    }
}
