//! Cache-aside: read the cache, on a miss read the source and fill the cache.
//!
//! Promises: a hit is what the source holds; a filled key expires; after an invalidation the next
//! read asks the source again. The hit rate counts the cold start too, over a working set of which a
//! few items are asked for most of the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::cmd;

use super::{Ground, Run, each};
use crate::client::caller::Caller;
use crate::client::random::{Random, Zipf, seed};

const WORKING_SET: usize = 100;

/// Items that are asked for, as far as the budget allows.
pub(in crate::smoke) fn working_set(keys: usize) -> usize {
    keys.clamp(1, WORKING_SET)
}

/// A query that is much slower than the cache and does not hold up a short run.
const SOURCE_TIME: Duration = Duration::from_millis(2);

/// Stands for the database behind the cache.
struct Source {
    ground: Ground,
    versions: Vec<AtomicU64>,
    reads: AtomicU64,
}

impl Source {
    fn row(&self, id: usize) -> String {
        let version = self.versions[id].load(Ordering::SeqCst);
        self.ground.value(&format!("{{\"id\":{id},\"version\":{version}}}"))
    }

    async fn read(&self, id: usize) -> String {
        tokio::time::sleep(SOURCE_TIME).await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.row(id)
    }

    /// The pattern itself. `Some(true)` was a hit; `None` is an error, already counted.
    async fn get(&self, client: &mut Caller, id: usize) -> Option<bool> {
        let key = self.ground.key(format_args!("user:{id}"));
        let cached: Option<String> = client.call(cmd("GET").arg(&key)).await?;
        client.tally.read(cached.is_some());
        let hit = cached.is_some();
        if let Some(value) = cached {
            if value != self.row(id) {
                client.tally.violated("a hit differed from the source");
            }
        } else {
            let row = self.read(id).await;
            client.call::<()>(&self.ground.set(&key, &row)).await?;
        }
        client.tally.ops += 1;
        Some(hit)
    }
}

pub(super) async fn play(clients: Vec<Caller>, ground: &Ground) -> Run {
    let items = working_set(ground.keys);
    let source = Arc::new(Source {
        ground: ground.clone(),
        versions: (0..items).map(|_| AtomicU64::new(1)).collect(),
        reads: AtomicU64::new(0),
    });
    let zipf = Arc::new(Zipf::new(items as u32, 1.0));
    let begun = Instant::now();
    let until = begun + ground.window;
    let mut clients = each(clients, |_, mut client| {
        let (source, zipf) = (Arc::clone(&source), Arc::clone(&zipf));
        async move {
            let mut random = Random::new(seed());
            while source.ground.goes_on(until) {
                source.get(&mut client, zipf.pick(&mut random) as usize).await;
            }
            client
        }
    })
    .await;
    let took = begun.elapsed();
    if let Some(client) = clients.first_mut() {
        invalidate(client, &source).await;
    }
    let reads = source.reads.load(Ordering::SeqCst);
    let told = format!("hits match the source, invalidation seen, {reads} source reads");
    (clients, told, took)
}

/// Changes a row, invalidates its key and reads it twice: once from the source, once from the cache.
async fn invalidate(client: &mut Caller, source: &Source) -> Option<()> {
    let key = source.ground.key("user:0");
    source.get(client, 0).await?;
    source.versions[0].fetch_add(1, Ordering::SeqCst);
    client.call::<i64>(cmd("DEL").arg(&key)).await?;
    if source.get(client, 0).await? {
        client.tally.violated("an invalidated key was still there");
    }
    // Without eviction pressure a key that was written a moment ago is there.
    if !source.get(client, 0).await? {
        client.tally.violated("a filled key was not there");
    }
    let ttl: i64 = client.call(cmd("PTTL").arg(&key)).await?;
    if !(1..=source.ground.key_ttl.as_millis() as i64).contains(&ttl) {
        client.tally.violated("a filled key would not expire");
    }
    Some(())
}
