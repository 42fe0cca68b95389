//! Distributed lock: `SET NX PX` with a token, released by a compare-and-delete script.
//!
//! Promises: of all clients that try at once, exactly one gets the lock; a wrong token does not
//! release it, the right one does; when a lock has expired and someone else holds it, the former
//! holder's release leaves it alone. It is advisory: a failover can still lose it.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::cmd;

use super::{Ground, Run, acquire, release};
use crate::client::caller::Caller;
use crate::client::random::{Random, seed};

const TTL: Duration = Duration::from_secs(10);
const SHORT_TTL: Duration = Duration::from_millis(60);

pub(super) async fn play(mut clients: Vec<Caller>, ground: &Ground) -> Run {
    let begun = Instant::now();
    let until = begun + ground.window;
    let key = ground.key("lock:order");
    let mut random = Random::new(seed());
    let mut rounds = 0_u64;
    loop {
        let tokens: Vec<String> = (0..clients.len()).map(|racer| format!("{racer}-{:016x}", random.next())).collect();
        if race(&mut clients, &key, &tokens).await.is_none() {
            // An answer was lost: nobody knows who holds the lock, so start from a clean slate.
            if let Some(client) = clients.first_mut() {
                client.call::<i64>(cmd("DEL").arg(&key)).await;
            }
        }
        rounds += 1;
        if !ground.goes_on(until) {
            break;
        }
    }
    let took = begun.elapsed();
    let racers = clients.len();
    if let [first, second, ..] = &mut clients[..] {
        let key = ground.key("lock:expiring");
        overtake(first, second, &key).await;
    }
    let told = format!("{rounds} rounds of {racers} racers, one winner each; wrong token refused");
    (clients, told, took)
}

/// One round; `None` when a command failed.
async fn race(clients: &mut [Caller], key: &str, tokens: &[String]) -> Option<()> {
    let begun = Instant::now();
    let taken = join_all(clients.iter_mut().zip(tokens).map(|(client, token)| acquire(client, key, token, TTL))).await;
    let taken: Vec<bool> = taken.into_iter().collect::<Option<_>>()?;
    for client in clients.iter_mut() {
        client.tally.ops += 1;
    }
    let winners = taken.iter().filter(|taken| **taken).count();
    let in_time = begun.elapsed() < TTL / 2;
    let winner = taken.iter().position(|taken| *taken);
    let (first, _) = clients.split_first_mut()?;
    match winners {
        1 => {}
        0 => first.tally.violated("no client got a free lock"),
        _ if in_time => first.tally.violated("two clients held one lock"),
        _ => {}
    }
    let winner = winner?;
    if let Some(loser) = taken.iter().position(|taken| !*taken) {
        let client = &mut clients[loser];
        let wrong = release(client, key, &tokens[loser]).await?;
        let holder: Option<String> = client.call(cmd("GET").arg(key)).await?;
        if begun.elapsed() < TTL / 2 && (wrong || holder.as_ref() != Some(&tokens[winner])) {
            client.tally.violated("a wrong token released the lock");
        }
    }
    let client = &mut clients[winner];
    let released = release(client, key, &tokens[winner]).await?;
    if !released && begun.elapsed() < TTL / 2 {
        client.tally.violated("the holder could not release its lock");
    }
    Some(())
}

/// The race that the token is for: the first holder is too slow, the second takes over.
async fn overtake(first: &mut Caller, second: &mut Caller, key: &str) -> Option<()> {
    if !acquire(first, key, "first", SHORT_TTL).await? {
        return None;
    }
    tokio::time::sleep(SHORT_TTL + SHORT_TTL / 2).await;
    if !acquire(second, key, "second", TTL).await? {
        second.tally.violated("an expired lock could not be taken");
        return None;
    }
    if release(first, key, "first").await? {
        first.tally.violated("a former holder released the next one's lock");
    }
    if !release(second, key, "second").await? {
        second.tally.violated("the holder could not release its lock");
    }
    Some(())
}
