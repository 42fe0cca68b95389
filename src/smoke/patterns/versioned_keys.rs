//! Versioned keys: the version is part of every key, and one increment of it invalidates them all.
//!
//! Promise: a client that reads the version after an increment was acknowledged never gets a value from
//! before it, whatever other clients fill meanwhile. Keys of old versions go by their TTL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::cmd;

use super::{Ground, Run, each};
use crate::client::caller::Caller;
use crate::client::random::{Random, seed};

const ITEMS: usize = 8;
/// Every version leaves its items behind until they expire, so that a run has only so many.
const MOST_VERSIONS: usize = 50;
const INVALIDATE_EVERY: Duration = Duration::from_millis(15);

struct Catalog {
    ground: Ground,
    version: String,
    items: usize,
    /// What the source holds now, and the newest of it whose invalidation was acknowledged.
    epoch: AtomicU64,
    acknowledged: AtomicU64,
}

pub(super) async fn play(clients: Vec<Caller>, ground: &Ground) -> Run {
    let items = ITEMS.min(ground.keys / 2).max(1);
    let catalog = Arc::new(Catalog {
        ground: ground.clone(),
        version: ground.key("catalog:version"),
        items,
        epoch: AtomicU64::new(1),
        acknowledged: AtomicU64::new(1),
    });
    let mut editor = ground.caller();
    editor.connect().await;
    editor.call::<()>(&ground.set(&catalog.version, "1")).await;
    let begun = Instant::now();
    let until = begun + ground.window;
    let reading = each(clients, |_, mut client| {
        let catalog = Arc::clone(&catalog);
        async move {
            let mut random = Random::new(seed());
            while catalog.ground.goes_on(until) {
                catalog.read(&mut client, random.below(catalog.items)).await;
            }
            client
        }
    });
    let editing = async {
        let mut edits = 0;
        while catalog.ground.goes_on(until) && edits < MOST_VERSIONS.min(catalog.ground.keys / items) {
            tokio::time::sleep(INVALIDATE_EVERY).await;
            edits += usize::from(catalog.edit(&mut editor).await.is_some());
        }
        edits
    };
    let timed = async { (reading.await, begun.elapsed()) };
    let ((mut clients, took), edits) = tokio::join!(timed, editing);
    if let Some(client) = clients.first_mut() {
        client.tally.merge(&editor.take_tally());
    }
    (clients, format!("{edits} versions of {items} keys, none read after its end"), took)
}

impl Catalog {
    /// The source changes first, then the version: who sees the new version finds the new source.
    async fn edit(&self, client: &mut Caller) -> Option<()> {
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        client.call::<i64>(cmd("INCR").arg(&self.version)).await?;
        self.acknowledged.fetch_max(epoch, Ordering::SeqCst);
        client.tally.ops += 1;
        Some(())
    }

    async fn read(&self, client: &mut Caller, item: usize) -> Option<()> {
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        let version: Option<String> = client.call(cmd("GET").arg(&self.version)).await?;
        let Some(version) = version else {
            client.tally.violated("the version was gone");
            return None;
        };
        let key = self.ground.key(format_args!("catalog:v{version}:item:{item}"));
        let cached: Option<String> = client.call(cmd("GET").arg(&key)).await?;
        client.tally.read(cached.is_some());
        match cached {
            Some(value) => {
                let epoch = value.trim_end_matches('.').parse().unwrap_or(0);
                if epoch < acknowledged {
                    client.tally.violated("a value from before an invalidation was read after it");
                }
            }
            None => {
                let epoch = self.epoch.load(Ordering::SeqCst);
                let value = self.ground.value(&epoch.to_string());
                client.call::<()>(&self.ground.set(&key, &value)).await?;
            }
        }
        client.tally.ops += 1;
        Some(())
    }
}
