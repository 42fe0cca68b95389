//! Session store: a session lives as long as it is used.
//!
//! Promises: every request of a live session finds its data and pushes the expiry back; a session
//! that is left alone is gone after its TTL; one that was invalidated is gone at once.

use std::time::{Duration, Instant};

use redis::cmd;

use super::{Ground, Run, each};
use crate::client::caller::{Caller, Tally};
use crate::client::random::{Random, seed};

/// Requests before a user logs out and in again.
const REQUESTS_PER_SESSION: u32 = 20;
/// Short, because the check has to wait for it; long enough for a slow link to renew it in time.
const SHORT_TTL: Duration = Duration::from_millis(400);

pub(super) async fn play(clients: Vec<Caller>, ground: &Ground) -> Run {
    let begun = Instant::now();
    let until = begun + ground.window;
    let requests = each(clients, |_, mut client| {
        let ground = ground.clone();
        async move {
            let mut random = Random::new(seed());
            while ground.goes_on(until) {
                visit(&mut client, &ground, &mut random, until).await;
            }
            client
        }
    });
    // The sliding expiry takes longer than a short window, so it runs beside the requests.
    let sliding = async {
        let mut client = ground.caller();
        client.connect().await;
        let slid = slide(&mut client, ground).await;
        (client.take_tally(), slid)
    };
    let timed = async { (requests.await, begun.elapsed()) };
    let ((mut clients, took), (mut tally, slid)) = tokio::join!(timed, sliding);
    if let Some(client) = clients.first_mut() {
        // Its few commands wait on purpose; only their errors and findings belong to the pattern.
        tally.latency = Default::default();
        client.tally.merge(&Tally { ops: 0, ..tally });
    }
    let told = match slid {
        Some(true) => "sliding TTL renewed, idle session expired",
        Some(false) => "sliding TTL renewed; this link is too slow to time the expiry",
        None => "sessions served; the sliding TTL could not be checked",
    };
    (clients, told.to_owned(), took)
}

/// One user's visit: log in, some requests, log out.
async fn visit(client: &mut Caller, ground: &Ground, random: &mut Random, until: Instant) -> Option<()> {
    let id = format!("{:016x}{:016x}", random.next(), random.next());
    let key = ground.key(format_args!("session:{id}"));
    let data = ground.value(&format!("{{\"userId\":\"user-{}\"}}", random.below(1_000)));
    let ttl = ground.key_ttl.as_millis() as u64;
    client.call::<()>(&ground.set(&key, &data)).await?;
    client.tally.ops += 1;
    for _ in 0..REQUESTS_PER_SESSION {
        if !ground.goes_on(until) {
            break;
        }
        let found: Option<String> = client.call(cmd("GET").arg(&key)).await?;
        client.tally.read(found.is_some());
        if found.is_some_and(|found| found != data) {
            client.tally.violated("a session held another session's data");
        }
        client.call::<i64>(cmd("PEXPIRE").arg(&key).arg(ttl)).await?;
        client.tally.ops += 1;
    }
    client.call::<i64>(cmd("DEL").arg(&key)).await?;
    let gone: Option<String> = client.call(cmd("GET").arg(&key)).await?;
    if gone.is_some() {
        client.tally.violated("an invalidated session was still there");
    }
    ground.written.forget(&key);
    Some(())
}

/// Renews a short-lived session once and waits for its end. `Some(false)`: commands took so long
/// that nothing can be said about the times.
async fn slide(client: &mut Caller, ground: &Ground) -> Option<bool> {
    let key = ground.key("session:sliding");
    let ttl = SHORT_TTL.as_millis() as u64;
    let created = Instant::now();
    client.call::<()>(cmd("SET").arg(&key).arg("{}").arg("PX").arg(ttl)).await?;
    tokio::time::sleep(SHORT_TTL / 2).await;
    let before: i64 = client.call(cmd("PTTL").arg(&key)).await?;
    let renewed: i64 = client.call(cmd("PEXPIRE").arg(&key).arg(ttl)).await?;
    let after: i64 = client.call(cmd("PTTL").arg(&key)).await?;
    let renewed_at = Instant::now();
    if created.elapsed() >= SHORT_TTL {
        return Some(false);
    }
    if renewed != 1 || after <= before {
        client.tally.violated("a request did not push the session's expiry back");
    }
    // Past the first expiry, well before the second.
    tokio::time::sleep_until((created + SHORT_TTL + SHORT_TTL / 8).into()).await;
    let alive: Option<String> = client.call(cmd("GET").arg(&key)).await?;
    let in_time = renewed_at.elapsed() < SHORT_TTL * 3 / 4;
    if in_time && alive.is_none() {
        client.tally.violated("a renewed session expired at its old time");
    }
    tokio::time::sleep_until((renewed_at + SHORT_TTL + SHORT_TTL / 8).into()).await;
    let gone: Option<String> = client.call(cmd("GET").arg(&key)).await?;
    if gone.is_some() {
        client.tally.violated("an idle session outlived its TTL");
    }
    Some(in_time)
}
