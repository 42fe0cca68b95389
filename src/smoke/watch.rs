//! Looks after the cache while the test runs: the first key that is evicted ends it.

use std::time::Duration;

use super::budget::Memory;
use crate::client::connect::{Connection, Connector, ask};
use crate::client::engine::Stop;
use crate::client::topology::{Shard, facts};

/// Why a run was ended by its watcher.
pub(super) const EVICTING: &str = "keys were evicted";

/// A task beside the run that ends with it.
pub(super) struct Watch(tokio::task::JoinHandle<()>);

impl Watch {
    pub(super) fn over(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches every primary that told its memory, and asks for the end at the first eviction.
pub(super) fn evictions(
    connector: &Connector,
    shards: &[Shard],
    before: &[Memory],
    every: Duration,
    stop: &Stop,
) -> Watch {
    let connector = connector.clone();
    let stop = stop.clone();
    let mut nodes: Vec<(Shard, u64, Option<Connection>)> =
        shards.iter().cloned().zip(before).map(|(shard, memory)| (shard, memory.evicted, None)).collect();
    Watch::over(async move {
        loop {
            tokio::time::sleep(every).await;
            for (shard, before, connection) in &mut nodes {
                if connection.is_none() {
                    *connection = connector.node(&shard.primary.0, shard.primary.1).await.ok();
                }
                let Some(open) = connection else { continue };
                match ask::<String>(open, &["INFO", "stats"]).await {
                    Ok(text) => {
                        let evicted = facts(&text).get("evicted_keys").and_then(|value| value.parse::<u64>().ok());
                        if evicted.is_some_and(|evicted| evicted > *before) {
                            stop.ask(EVICTING);
                            return;
                        }
                    }
                    Err(_) => *connection = None,
                }
            }
        }
    })
}
