//! Write-through: every change goes to the source and to the cache.
//!
//! Promise: a client that read its own write finds it, never an older value.

use std::time::Instant;

use redis::cmd;

use super::{Ground, Run, each};
use crate::client::caller::Caller;
use crate::client::random::{Random, seed};

/// Rows per client. Each client writes only its own, so that "the latest" is well defined.
const ROWS: usize = 64;

pub(super) async fn play(clients: Vec<Caller>, ground: &Ground) -> Run {
    let begun = Instant::now();
    let until = begun + ground.window;
    let rows = (ground.keys / clients.len().max(1)).clamp(1, ROWS);
    let clients = each(clients, |index, mut client| {
        let ground = ground.clone();
        async move {
            let mut random = Random::new(seed());
            let mut version = 0_u64;
            while ground.goes_on(until) {
                version += 1;
                let row = random.below(rows);
                update(&mut client, &ground, &format!("row:{index}:{row}"), version).await;
            }
            client
        }
    })
    .await;
    let writes: u64 = clients.iter().map(|client| client.tally.ops).sum();
    (clients, format!("{writes} writes read back, none stale"), begun.elapsed())
}

async fn update(client: &mut Caller, ground: &Ground, name: &str, version: u64) -> Option<()> {
    let key = ground.key(name);
    let value = ground.value(&format!("{{\"version\":{version}}}"));
    client.call::<()>(&ground.set(&key, &value)).await?;
    let read: Option<String> = client.call(cmd("GET").arg(&key)).await?;
    client.tally.read(read.is_some());
    match read {
        Some(read) if read == value => {}
        Some(_) => client.tally.violated("a read returned an older write"),
        None => client.tally.violated("a write was not there to read"),
    }
    client.tally.ops += 1;
    Some(())
}
