//! How much memory the run may take, decided before the first byte is written: a test must never
//! push an application's keys out.

use super::report::BudgetReport;
use super::settings::Settings;
pub(super) use crate::client::memory::{Memory, memory};

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

/// Room for the run, in every shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) bytes: u64,
    /// Keys of the load, over all shards.
    pub(super) keys: u32,
    /// Keys that one pattern may hold at once.
    pub(super) pattern_keys: usize,
    pub(super) reason: String,
}

impl Room {
    pub(super) fn report(&self) -> BudgetReport {
        BudgetReport { bytes_per_shard: self.bytes, keys: self.keys, reason: self.reason.clone() }
    }
}

/// What a key costs, with the servers' own book-keeping and the allocator's rounding.
pub(super) fn key_bytes(settings: &Settings) -> u64 {
    (settings.value_size as u64) * 5 / 4 + settings.key_prefix.len() as u64 + 192
}

/// Decides; `Err` says why nothing must be written. `before` is the same memory a moment earlier.
pub(super) fn budget(settings: &Settings, before: &[Memory], now: &[Memory]) -> Result<Room, String> {
    let evicting: u64 = now.iter().zip(before).map(|(now, before)| now.evicted.saturating_sub(before.evicted)).sum();
    if evicting > 0 {
        return Err(format!("it is evicting keys already ({evicting} in the last moments)"));
    }
    let connections =
        settings.clients as u64 * (CONNECTION + 2 * (settings.value_size as u64) * settings.pipeline as u64);
    let mut room = (
        settings.max_bytes.unwrap_or(MOST),
        match settings.max_bytes {
            Some(_) => "maxBytes",
            None => "32 MiB",
        },
    );
    if now.is_empty() && settings.max_bytes.is_none() {
        room = (UNSEEN, "the user may not see how much memory there is");
    }
    for memory in now.iter().filter(|memory| memory.limit > 0) {
        let free = memory.limit.saturating_sub(memory.used);
        // Connections take of the same memory as keys.
        let half = (free / 2).saturating_sub(connections);
        if half < LEAST.max(FEWEST_KEYS * key_bytes(settings)) {
            return Err(format!(
                "it is full: {} of {} are used, and the test's connections alone take {}",
                size(memory.used),
                size(memory.limit),
                size(connections)
            ));
        }
        if half < room.0 {
            room = (half, "half of what is free");
        }
        if settings.max_bytes.is_none() && memory.limit / 100 < room.0 {
            room = (memory.limit / 100, "1 % of maxmemory");
        }
    }
    let (bytes, reason) = room;
    let fits = bytes / key_bytes(settings);
    if fits < FEWEST_KEYS {
        return Err(format!(
            "{} ({reason}) hold no {FEWEST_KEYS} values of {}",
            size(bytes),
            size(settings.value_size as u64)
        ));
    }
    // Slots spread keys unevenly; a pattern's keys are gone before the next begins.
    let shards = now.len().max(1) as u64;
    let keys = (fits * if shards > 1 { shards * 3 / 4 } else { 1 }).min(u64::from(settings.keys)).max(1);
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
        budget(settings, &[now], &[now])
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
        assert!(u64::from(tight.keys) * key_bytes(&settings) <= tight.bytes);
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
        assert!(budget(&Settings::default(), &[before], &[now]).unwrap_err().contains("evicting"));
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
        let room = budget(&Settings::default(), &[], &[]).unwrap();
        assert_eq!(room.bytes, MIB);
    }
}
