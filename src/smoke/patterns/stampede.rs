//! Stampede protection: when a hot key is gone, one client refreshes it and the others wait.
//!
//! Promises: however many clients miss at once, the source is read once per round, and every client
//! gets the value.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::cmd;

use super::{Ground, Run, acquire, release};
use crate::client::caller::Caller;
use crate::client::random::{Random, seed};

const SOURCE_TIME: Duration = Duration::from_millis(3);
const LOCK_TTL: Duration = Duration::from_secs(10);

struct Round<'a> {
    ground: &'a Ground,
    key: String,
    lock: String,
    source_reads: AtomicU64,
}

pub(super) async fn play(mut clients: Vec<Caller>, ground: &Ground) -> Run {
    let begun = Instant::now();
    let until = begun + ground.window;
    let racers = clients.len();
    let mut rounds = 0_u64;
    loop {
        let round = Round {
            ground,
            key: ground.key(format_args!("hot:{rounds}")),
            lock: ground.key(format_args!("hot:{rounds}:lock")),
            source_reads: AtomicU64::new(0),
        };
        let errors: u64 = clients.iter().map(|client| client.tally.error_count()).sum();
        join_all(clients.iter_mut().enumerate().map(|(index, client)| round.get(client, index))).await;
        let failed = clients.iter().map(|client| client.tally.error_count()).sum::<u64>() - errors;
        let reads = round.source_reads.load(Ordering::SeqCst);
        // After an error nobody knows who holds the lock; such a round proves nothing.
        if failed == 0
            && reads != 1
            && let Some(client) = clients.first_mut()
        {
            client.tally.violated("a stampede read the source more than once");
        }
        if let Some(client) = clients.first_mut() {
            round.tidy(client).await;
        }
        rounds += 1;
        if !ground.goes_on(until) {
            break;
        }
    }
    let told = format!("{rounds} rounds of {racers} racers, one source read each");
    (clients, told, begun.elapsed())
}

impl Round<'_> {
    /// A round's keys go with it, so that a long run takes no more memory than a short one.
    async fn tidy(&self, client: &mut Caller) -> Option<()> {
        for key in [&self.key, &self.lock] {
            client.call::<i64>(cmd("DEL").arg(key)).await?;
            self.ground.written.forget(key);
        }
        Some(())
    }

    async fn get(&self, client: &mut Caller, racer: usize) -> Option<()> {
        let mut random = Random::new(seed());
        let token = format!("racer-{racer}-{:016x}", random.next());
        let give_up = Instant::now() + self.ground.timeout + LOCK_TTL;
        loop {
            if self.cached(client).await? {
                break;
            }
            if acquire(client, &self.lock, &token, LOCK_TTL).await? {
                // Between the miss and the lock another client may have refreshed the key and let
                // go: without this second look, the source is read twice.
                if !self.cached(client).await? {
                    tokio::time::sleep(SOURCE_TIME).await;
                    self.source_reads.fetch_add(1, Ordering::SeqCst);
                    let value = self.ground.value("refreshed");
                    client.call::<()>(&self.ground.set(&self.key, &value)).await?;
                }
                self.let_go(client, &token).await?;
                break;
            }
            if Instant::now() > give_up {
                client.tally.violated("a waiting client never got the value");
                return None;
            }
            // Different waits, so that the waiters do not come back all at once.
            tokio::time::sleep(Duration::from_micros(500 + random.below(1_500) as u64)).await;
        }
        client.tally.ops += 1;
        Some(())
    }

    async fn cached(&self, client: &mut Caller) -> Option<bool> {
        let value: Option<String> = client.call(cmd("GET").arg(&self.key)).await?;
        Some(value.is_some())
    }

    async fn let_go(&self, client: &mut Caller, token: &str) -> Option<()> {
        if self.ground.scripting {
            release(client, &self.lock, token).await?;
        } else {
            // Good enough here: the lock outlives the refresh by seconds.
            client.call::<i64>(cmd("DEL").arg(&self.lock)).await?;
        }
        Some(())
    }
}
