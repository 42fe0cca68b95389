//! Write-behind counters: increments go to the cache, and a drain carries them to the source later.
//!
//! Promise: while the cache lives, the drained sum is exactly what was acknowledged. What is not yet
//! drained is in the cache alone, and is lost with it: the largest such sum is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::cmd;

use super::{Ground, Run, each};
use crate::client::caller::Caller;

const COUNTERS: usize = 8;
/// How often the drain comes round.
const DRAIN_EVERY: Duration = Duration::from_millis(20);

struct Ledger {
    ground: Ground,
    keys: Vec<String>,
    /// Increments that the cache acknowledged, and those whose answer was lost.
    acknowledged: AtomicU64,
    unknown: AtomicU64,
    drained: AtomicU64,
    most_undrained: AtomicU64,
}

pub(super) async fn play(clients: Vec<Caller>, ground: &Ground) -> Run {
    let keys: Vec<String> =
        (0..COUNTERS.min(ground.keys)).map(|index| ground.key(format_args!("views:{index}"))).collect();
    let ledger = Arc::new(Ledger {
        ground: ground.clone(),
        keys,
        acknowledged: AtomicU64::new(0),
        unknown: AtomicU64::new(0),
        drained: AtomicU64::new(0),
        most_undrained: AtomicU64::new(0),
    });
    let mut drain = ground.caller();
    drain.connect().await;
    for key in &ledger.keys {
        // A TTL from the start: INCR keeps it.
        drain.call::<()>(&ground.set(key, "0")).await;
    }
    let begun = Instant::now();
    let until = begun + ground.window;
    let counting = each(clients, |index, mut client| {
        let ledger = Arc::clone(&ledger);
        async move {
            let mut turn = index;
            while ledger.ground.goes_on(until) {
                turn += 1;
                ledger.count(&mut client, turn).await;
            }
            client
        }
    });
    let draining = async {
        let mut drains = 0_u64;
        while ledger.ground.goes_on(until) {
            tokio::time::sleep(DRAIN_EVERY).await;
            ledger.drain(&mut drain).await;
            drains += 1;
        }
        drains
    };
    let timed = async { (counting.await, begun.elapsed()) };
    let ((mut clients, took), drains) = tokio::join!(timed, draining);
    ledger.drain(&mut drain).await;
    let (acknowledged, drained) = (ledger.acknowledged.load(Ordering::SeqCst), ledger.drained.load(Ordering::SeqCst));
    if ledger.unknown.load(Ordering::SeqCst) == 0 && acknowledged != drained {
        drain.tally.violated("the drained counters are not what was acknowledged");
    }
    if let Some(client) = clients.first_mut() {
        client.tally.merge(&drain.take_tally());
    }
    let most = ledger.most_undrained.load(Ordering::SeqCst);
    let told = format!(
        "{acknowledged} increments in {drains} drains, none lost; up to {most} were in the cache alone and would be lost with it"
    );
    (clients, told, took)
}

impl Ledger {
    async fn count(&self, client: &mut Caller, turn: usize) {
        match client.call::<i64>(cmd("INCR").arg(&self.keys[turn % self.keys.len()])).await {
            Some(_) => {
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
                client.tally.ops += 1;
            }
            None => {
                self.unknown.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Reads each counter and takes away what was read: what is counted in between stays.
    async fn drain(&self, client: &mut Caller) {
        let mut found = 0;
        for key in &self.keys {
            let Some(read) = client.call::<Option<u64>>(cmd("GET").arg(key)).await else {
                self.unknown.fetch_add(1, Ordering::SeqCst);
                continue;
            };
            let count = read.unwrap_or(0);
            if count > 0 && client.call::<i64>(cmd("DECRBY").arg(key).arg(count)).await.is_none() {
                self.unknown.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            found += count;
            let ttl = self.ground.key_ttl.as_millis() as u64;
            client.call::<i64>(cmd("PEXPIRE").arg(key).arg(ttl)).await;
        }
        self.drained.fetch_add(found, Ordering::SeqCst);
        self.most_undrained.fetch_max(found, Ordering::SeqCst);
    }
}
