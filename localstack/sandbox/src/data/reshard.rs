//! Slots, with their keys, from one primary to another while clients use them (`ASK`, then `MOVED`).

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    cluster::{Links, owned},
    endpoint::{Endpoint, Route},
    group::Link,
    resp::{Command, Connection},
    server::{Host, MIGRATE},
    shape::Tls,
    topology::{joined, missing},
};

/// Keys per `MIGRATE`.
const BATCH: &str = "500";

const CONNECTIONS: usize = 64;

const READY: Duration = Duration::from_secs(15);

pub(super) struct Move {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) slots: Vec<u16>,
}

pub(super) async fn reshard(
    links: &mut Links,
    step: &Move,
    ids: &BTreeMap<String, String>,
    voters: &[String],
    host: &Arc<Host>,
) -> io::Result<()> {
    let Move { source, target, slots } = step;
    let (from, to) = (ids[source].as_str(), ids[target].as_str());
    let set = |state: &str, id: &str| -> Vec<Command> {
        slots.iter().map(|slot| Command::new(["CLUSTER", "SETSLOT", &slot.to_string(), state, id])).collect()
    };
    // Redis learns no owner of a slot that it imports, and without all owners a node serves nobody.
    ready(links.get_mut(target).ok_or(io::ErrorKind::NotFound)?).await?;
    // Importing first: a slot that is known to migrate but not to arrive would bounce its clients.
    run(links, target, &set("IMPORTING", from), host).await?;
    run(links, source, &set("MIGRATING", to), host).await?;
    move_keys(links, step, host).await?;
    let owner = set("NODE", to);
    // The target first, so that no slot is ever without an owner.
    run(links, target, &owner, host).await?;
    run(links, source, &owner, host).await?;
    for name in voters.iter().filter(|name| *name != source && *name != target) {
        // Only news that travels faster than by gossip.
        let _ = run(links, name, &owner, host).await;
    }
    // Two primaries with one epoch settle it in favour of one of them. The source may be that one, and has then taken
    // back by gossip what it was yet to give up.
    let moved = joined(slots.iter().map(|slot| (*slot, *slot)).collect());
    let deadline = Instant::now() + READY;
    loop {
        let missed = missing(&moved, &owned(links, target).await?);
        if missed.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let text = format!("{source} took {} slots back that {target} had got", missed.len());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        if let Some(link) = links.get_mut(target) {
            link.connection.call(["CLUSTER", "BUMPEPOCH"]).await?;
        }
        run(links, target, &owner, host).await?;
        // It may have become a replica, which has no say in slots.
        let _ = run(links, source, &owner, host).await;
    }
}

/// Valkey answers `SETSLOT` when the replicas have it, some milliseconds each, so many go at the same time.
async fn run(links: &mut Links, name: &str, commands: &[Command], host: &Arc<Host>) -> io::Result<()> {
    let link = links.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
    let mut portions = JoinSet::new();
    for portion in commands.chunks(commands.len().div_ceil(CONNECTIONS).max(1)) {
        let (socket, host, portion) = (link.socket.clone(), host.clone(), portion.to_vec());
        portions.spawn(async move { Connection::open(&socket, &host.admin).await?.all(&portion).await });
    }
    while let Some(done) = portions.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Waits until a node knows all slots. A primary takes at least two seconds, in which it may yet learn that it is none.
async fn ready(link: &mut Link) -> io::Result<()> {
    let deadline = Instant::now() + READY;
    while !link.connection.call(["CLUSTER", "INFO"]).await?.text().contains("cluster_state:ok") {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} is not in state ok", link.address)));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn move_keys(links: &mut Links, step: &Move, host: &Arc<Host>) -> io::Result<()> {
    let target = links.get(&step.target).ok_or(io::ErrorKind::NotFound)?;
    // MIGRATE knows TCP only, and comes from 127.0.0.1 like any client, whom the node's own endpoint may turn away.
    let route = Route {
        tls: Tls::Off,
        servers: vec![target.socket.clone()],
        greeting: None,
        epoch: 0,
        is_cut_off: false,
        lost: Vec::new(),
    };
    let address = target.address;
    let door = Endpoint::listen(&target.gate, address, 0, route).await?;
    let source = links.get_mut(&step.source).ok_or(io::ErrorKind::NotFound)?;
    let counts: Vec<Command> =
        step.slots.iter().map(|slot| Command::new(["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()])).collect();
    let counts = source.connection.all(&counts).await?;
    let filled = step.slots.iter().zip(counts).filter(|(_, count)| count.integer() > 0);
    for slot in filled.map(|(slot, _)| slot.to_string()) {
        loop {
            let keys = source.connection.call(["CLUSTER", "GETKEYSINSLOT", &slot, BATCH]).await?;
            if keys.array().is_empty() {
                break;
            }
            let head =
                [MIGRATE, &address.to_string(), &door.port.to_string(), "", "0", "60000", "AUTH2"].map(Vec::from);
            let mut words: Vec<Vec<u8>> = head.to_vec();
            words.extend([host.admin.user.as_str(), &host.admin.password, "KEYS"].map(Vec::from));
            words.extend(keys.array().iter().map(|key| key.bytes().to_vec()));
            source.connection.call(words).await?;
        }
    }
    Ok(())
}
