//! Roles and slots in a group with cluster mode.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    group::Link,
    replication::{catch_up, synced},
    reshard::{Move, reshard},
    resp::Command,
    server::{CONFIG, HURRIED_NODE_TIMEOUT, Host, PATIENT_NODE_TIMEOUT},
    shape::Shard,
    topology::{Seen, joined, missing, view},
};

/// How long the nodes may take to agree.
const AGREE: Duration = Duration::from_secs(30);

/// How long the old primary may take to agree to a failover.
const FAILOVER: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(20);

const ALL_SLOTS: &[(u16, u16)] = &[(0, 16383)];

pub(super) type Links = BTreeMap<String, Link>;

/// What the cluster should become.
pub(super) struct Plan<'a> {
    pub(super) shards: &'a [Shard],
    /// Who has the data that a primary needs, by shard id. It may be the primary itself.
    pub(super) sources: BTreeMap<String, String>,
}

pub(super) async fn is_settled(links: &mut Links, plan: &Plan<'_>) -> io::Result<bool> {
    if links.len() != plan.shards.iter().map(|shard| shard.nodes.len()).sum::<usize>() {
        return Ok(false);
    }
    let ids = ids(links).await?;
    Ok(disagreement(links, plan, &ids).await?.is_none())
}

/// Moves roles and slots to where the plan wants them. Nodes that the plan does not name end up without slots.
pub(super) async fn arrange(links: &mut Links, plan: &Plan<'_>, host: &Arc<Host>) -> io::Result<()> {
    set_node_timeout(links, HURRIED_NODE_TIMEOUT).await?;
    let is_new = found(links, plan).await?;
    meet(links).await?;
    let ids = ids(links).await?;
    if is_new {
        return attach(links, plan, &ids).await;
    }
    for shard in plan.shards {
        let Some(primary) = shard.primary() else { continue };
        promote(links, primary, plan.sources.get(&shard.id), &ids).await?;
    }
    // Nodes whose process died are no part of the plan; their slots are free again once they are forgotten. A
    // replica cannot forget its primary, so it gets its new one before (and if that fails, after).
    let _ = attach(links, plan, &ids).await;
    forget_strangers(links, &ids).await?;
    hand_out_slots(links, plan, &ids, host).await?;
    attach(links, plan, &ids).await
}

/// Waits until every node sees what the plan says.
pub(super) async fn agree(links: &mut Links, plan: &Plan<'_>) -> io::Result<()> {
    let ids = ids(links).await?;
    let deadline = Instant::now() + AGREE;
    loop {
        let Some(odd) = disagreement(links, plan, &ids).await? else { break };
        if Instant::now() > deadline {
            let text = format!("the cluster did not settle within {} s: {odd}", AGREE.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        forget_strangers(links, &ids).await?;
        sleep(POLL).await;
    }
    for shard in plan.shards {
        for node in shard.nodes.iter().filter(|node| !node.primary) {
            if let Some(link) = links.get_mut(&node.member) {
                synced(link).await?;
            }
            catch_up(links, shard.primary().unwrap_or_default(), &node.member).await?;
        }
    }
    set_node_timeout(links, PATIENT_NODE_TIMEOUT).await
}

async fn set_node_timeout(links: &mut Links, milliseconds: &str) -> io::Result<()> {
    for link in links.values_mut() {
        link.connection.call([CONFIG, "SET", "cluster-node-timeout", milliseconds]).await?;
    }
    Ok(())
}

async fn ids(links: &mut Links) -> io::Result<BTreeMap<String, String>> {
    let mut ids = BTreeMap::new();
    for (name, link) in links {
        ids.insert(name.clone(), link.connection.call(["CLUSTER", "MYID"]).await?.text().to_owned());
    }
    Ok(ids)
}

/// If no node is in any cluster yet, gives them their slots before they meet: they introduce themselves with them,
/// which saves a round of gossip.
async fn found(links: &mut Links, plan: &Plan<'_>) -> io::Result<bool> {
    for link in links.values_mut() {
        let view = view(&mut link.connection).await?;
        if view.len() > 1 || view.iter().any(|seen| !seen.slots.is_empty()) {
            return Ok(false);
        }
    }
    for (epoch, link) in links.values_mut().enumerate() {
        // Without epochs of their own the nodes would have to settle who wins, one pair after the other. A node that
        // has one from an attempt before keeps it.
        let command = Command::new(["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()]);
        link.connection.pipeline(&[command]).await?;
    }
    for shard in plan.shards {
        if let Some(link) = shard.primary().and_then(|primary| links.get_mut(primary)) {
            add_slots(link, &shard.slots).await?;
        }
    }
    Ok(true)
}

async fn add_slots(link: &mut Link, ranges: &[(u16, u16)]) -> io::Result<()> {
    if ranges.is_empty() {
        return Ok(());
    }
    let mut words = vec!["CLUSTER".to_owned(), "ADDSLOTSRANGE".to_owned()];
    words.extend(ranges.iter().flat_map(|(first, last)| [first.to_string(), last.to_string()]));
    link.connection.call(words).await.map(drop)
}

/// Introduces every node to every other, and waits until they are on speaking terms.
async fn meet(links: &mut Links) -> io::Result<()> {
    let ids = ids(links).await?;
    let places: Vec<(String, [String; 3])> = links
        .iter()
        .map(|(name, link)| {
            (name.clone(), [link.address.to_string(), link.port.to_string(), link.bus_port.to_string()])
        })
        .collect();
    let deadline = Instant::now() + AGREE;
    let mut introduced: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        let mut strangers = false;
        for (name, link) in links.iter_mut() {
            let view = view(&mut link.connection).await?;
            let knows = |id: &str| view.iter().any(|seen| seen.id == id && (seen.myself || seen.healthy));
            let unknown: Vec<_> = places.iter().filter(|(other, _)| !knows(&ids[other])).collect();
            strangers |= !unknown.is_empty();
            // A handshake takes a few rounds; asking again before it is over only starts another.
            if introduced.get(name).is_some_and(|at| at.elapsed() < Duration::from_secs(2)) {
                continue;
            }
            introduced.insert(name.clone(), Instant::now());
            let commands: Vec<Command> = unknown
                .iter()
                .filter(|(other, _)| other > name)
                .map(|(_, [address, port, bus])| Command::new(["CLUSTER", "MEET", address, port, bus]))
                .collect();
            link.connection.all(&commands).await?;
        }
        if !strangers {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the cluster's nodes did not find each other"));
        }
        sleep(POLL).await;
    }
}

/// Makes a node the primary of its shard, with the data of the source.
async fn promote(
    links: &mut Links,
    next: &str,
    source: Option<&String>,
    ids: &BTreeMap<String, String>,
) -> io::Result<()> {
    let link = links.get_mut(next).ok_or(io::ErrorKind::NotFound)?;
    let Some(source) = source.filter(|name| *name != next) else { return take_over(link).await };
    if myself(link).await?.and_then(|seen| seen.replica_of).as_ref() != ids.get(source) {
        link.connection.call(["CLUSTER", "REPLICATE", &ids[source]]).await?;
    }
    synced(link).await?;
    catch_up(links, source, next).await?;
    let link = links.get_mut(next).ok_or(io::ErrorKind::NotFound)?;
    // Primaries vote once in two node timeouts, and tests fail over again at once.
    fail_over(link, &[ORDERLY, TAKEOVER]).await?;
    let deadline = Instant::now() + FAILOVER;
    let link = links.get_mut(source).ok_or(io::ErrorKind::NotFound)?;
    while Instant::now() < deadline && myself(link).await?.is_some_and(|seen| seen.primary) {
        sleep(POLL).await;
    }
    Ok(())
}

/// Makes a node a primary without asking anyone, as the replica of a primary that died has to.
pub(super) async fn take_over(link: &mut Link) -> io::Result<()> {
    fail_over(link, &[TAKEOVER]).await
}

const ORDERLY: &[&str] = &["CLUSTER", "FAILOVER"];
const TAKEOVER: &[&str] = &["CLUSTER", "FAILOVER", "TAKEOVER"];

/// Tries one way after the other, until the node is a primary.
async fn fail_over(link: &mut Link, ways: &[&[&str]]) -> io::Result<()> {
    for way in ways {
        let deadline = Instant::now() + FAILOVER;
        let mut asked: Option<Instant> = None;
        while Instant::now() < deadline {
            if myself(link).await?.is_some_and(|seen| seen.primary) {
                return Ok(());
            }
            if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
                // The orderly way is refused while the link to the primary is down.
                let _ = link.connection.call(*way).await;
                asked = Some(Instant::now());
            }
            sleep(POLL).await;
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} did not become primary", link.address)))
}

async fn myself(link: &mut Link) -> io::Result<Option<Seen>> {
    Ok(view(&mut link.connection).await?.into_iter().find(|seen| seen.myself))
}

/// The slots that a node itself takes for its own.
pub(super) async fn owned(links: &mut Links, name: &str) -> io::Result<Vec<(u16, u16)>> {
    let link = links.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
    Ok(myself(link).await?.map(|seen| seen.slots).unwrap_or_default())
}

/// Makes the replicas follow the primaries of their shards.
async fn attach(links: &mut Links, plan: &Plan<'_>, ids: &BTreeMap<String, String>) -> io::Result<()> {
    for shard in plan.shards {
        let Some(primary) = shard.primary().and_then(|primary| ids.get(primary)) else { continue };
        for node in shard.nodes.iter().filter(|node| !node.primary) {
            let Some(link) = links.get_mut(&node.member) else { continue };
            if myself(link).await?.and_then(|seen| seen.replica_of).as_ref() != Some(primary) {
                link.connection.call(["CLUSTER", "REPLICATE", primary]).await?;
            }
        }
    }
    Ok(())
}

/// Nodes that no longer run.
async fn forget_strangers(links: &mut Links, ids: &BTreeMap<String, String>) -> io::Result<()> {
    let known: BTreeSet<&String> = ids.values().collect();
    for link in links.values_mut() {
        let view = view(&mut link.connection).await?;
        let strangers = view.iter().filter(|seen| !known.contains(&seen.id));
        let commands: Vec<Command> =
            strangers.map(|seen| Command::new(["CLUSTER", "FORGET", seen.id.as_str()])).collect();
        // Handshakes have passing ids, which may be gone by now.
        link.connection.pipeline(&commands).await?;
    }
    Ok(())
}

async fn hand_out_slots(
    links: &mut Links,
    plan: &Plan<'_>,
    ids: &BTreeMap<String, String>,
    host: &Arc<Host>,
) -> io::Result<()> {
    // Every primary knows best what it owns itself.
    let mut owned: BTreeMap<String, Vec<(u16, u16)>> = BTreeMap::new();
    for (name, link) in links.iter_mut() {
        owned.insert(name.clone(), myself(link).await?.map(|seen| seen.slots).unwrap_or_default());
    }
    let all_owned = joined(owned.values().flatten().copied().collect());
    let mut moves = Vec::new();
    for shard in plan.shards {
        let Some(target) = shard.primary() else { continue };
        let free: Vec<(u16, u16)> = missing(&shard.slots, &all_owned).into_iter().map(|slot| (slot, slot)).collect();
        if let Some(link) = links.get_mut(target) {
            add_slots(link, &joined(free)).await?;
        }
        for (source, has) in owned.iter().filter(|(source, _)| *source != target) {
            let elsewhere = missing(ALL_SLOTS, has);
            let elsewhere = joined(elsewhere.into_iter().map(|slot| (slot, slot)).collect());
            let slots = missing(&shard.slots, &joined([elsewhere, owned[target].clone()].concat()));
            if !slots.is_empty() {
                moves.push(Move { source: source.clone(), target: target.to_owned(), slots });
            }
        }
    }
    let voters: Vec<String> = plan.shards.iter().filter_map(|shard| shard.primary().map(str::to_owned)).collect();
    for step in moves {
        reshard(links, &step, ids, &voters, host).await?;
    }
    Ok(())
}

/// The first thing in which a node's view differs from the plan.
async fn disagreement(
    links: &mut Links,
    plan: &Plan<'_>,
    ids: &BTreeMap<String, String>,
) -> io::Result<Option<String>> {
    let all: Vec<(u16, u16)> = plan.shards.iter().flat_map(|shard| shard.slots.iter().copied()).collect();
    let is_complete = joined(all) == ALL_SLOTS;
    for (viewer, link) in links {
        let view = view(&mut link.connection).await?;
        if view.len() != ids.len() {
            return Ok(Some(format!("{viewer} sees {} nodes of {}", view.len(), ids.len())));
        }
        for shard in plan.shards {
            let primary = shard.primary().and_then(|primary| ids.get(primary));
            let slots = joined(shard.slots.clone());
            for node in &shard.nodes {
                let seen = view.iter().find(|seen| Some(&seen.id) == ids.get(&node.member));
                let agrees = seen.is_some_and(|seen| {
                    let role = if node.primary {
                        seen.primary && seen.slots == slots
                    } else {
                        !seen.primary && seen.replica_of.as_ref() == primary
                    };
                    role && (seen.healthy || seen.myself)
                });
                if !agrees {
                    return Ok(Some(format!("{viewer} sees {} as {seen:?}", node.member)));
                }
            }
        }
        let state = link.connection.call(["CLUSTER", "INFO"]).await?;
        if is_complete && !state.text().contains("cluster_state:ok") {
            return Ok(Some(format!("{viewer} is not in state ok")));
        }
    }
    Ok(None)
}
