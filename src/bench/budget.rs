//! How many keys the run may hold, decided before the first is written.

const MIB: u64 = 1 << 20;
/// Never more than this in one shard.
const MOST: u64 = 32 * MIB;
/// Where the user may not ask how much memory there is.
const UNSEEN: u64 = MIB;
/// What a server keeps of a connection, besides the commands that are under way.
const CONNECTION: u64 = 20 << 10;
/// With fewer a benchmark measures one slot.
const FEWEST: u64 = 16;

/// The keys that fit, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) keys: u32,
    pub(super) reason: String,
}

/// What there is to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) keys: u32,
    pub(super) value_size: usize,
    pub(super) prefix: usize,
    pub(super) clients: usize,
    pub(super) pipeline: usize,
}

/// `memory`: used bytes and limit (0: none) of every shard that tells. An error says why nothing must be written.
pub(super) fn budget(load: Load, shards: usize, memory: &[(u64, u64)]) -> Result<Budget, String> {
    // A server's own book-keeping and the allocator's rounding.
    let each = load.value_size as u64 * 5 / 4 + load.prefix as u64 + 192;
    let connections = load.clients as u64 * (CONNECTION + 2 * load.value_size as u64 * load.pipeline as u64);
    let mut room = if memory.len() < shards {
        (UNSEEN, "the user may not see how much memory there is")
    } else {
        (MOST, "32 MiB a shard")
    };
    for (used, limit) in memory.iter().filter(|(_, limit)| *limit > 0) {
        let half = (limit.saturating_sub(*used) / 2).saturating_sub(connections);
        if half < FEWEST * each {
            return Err(format!("it is full: {} of {} MiB are used", used / MIB, limit / MIB));
        }
        for candidate in [(half, "half of the free memory"), (limit / 100, "1 % of maxmemory")] {
            if candidate.0 < room.0 {
                room = candidate;
            }
        }
    }
    let shards = shards.max(1) as u64;
    // Slots spread keys unevenly.
    let fits = room.0 / each * if shards > 1 { shards * 3 / 4 } else { 1 };
    if fits < FEWEST {
        return Err(format!("{} KiB ({}) hold no {FEWEST} values of {} bytes", room.0 >> 10, room.1, load.value_size));
    }
    Ok(Budget { keys: u32::try_from(fits).unwrap_or(u32::MAX).min(load.keys), reason: room.1.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(keys: u32, value_size: usize) -> Load {
        Load { keys, value_size, prefix: 32, clients: 50, pipeline: 1 }
    }

    #[test]
    fn the_budget_is_the_least_of_what_is_safe() {
        let keys = |memory| budget(load(10_000_000, 64), 1, &[memory]).unwrap();
        assert_eq!(keys((0, 0)).reason, "32 MiB a shard");
        assert_eq!(keys((0, 500 * MIB)).reason, "1 % of maxmemory");
        assert_eq!(keys((495 * MIB, 500 * MIB)).reason, "half of the free memory");
        assert!(u64::from(keys((0, 0)).keys) * 304 <= 32 * MIB);
        assert_eq!(budget(load(100, 64), 1, &[(0, 0)]).unwrap().keys, 100);
    }

    #[test]
    fn a_full_server_and_one_that_tells_nothing_get_little_or_nothing() {
        assert!(budget(load(1_000, 64), 1, &[(99 * MIB, 100 * MIB)]).unwrap_err().contains("full"));
        assert!(budget(load(1_000, 1 << 20), 1, &[]).unwrap_err().contains("hold no 16"));
        assert!(u64::from(budget(load(1_000_000, 64), 1, &[]).unwrap().keys) * 304 <= MIB);
        assert!(budget(load(1_000, 64), 2, &[(0, 0)]).unwrap().reason.contains("may not see"));
    }
}
