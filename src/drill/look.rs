//! How a shard is before a drill: who is primary, whether a replica is in step, and whether there is room.

use std::time::{Duration, Instant};

use super::setup::{Node, Setup};
use crate::client::line::{Door, Trouble};
use crate::client::topology::{Facts, Shard, facts, replicas, shards};

/// The shard, seen from its nodes.
#[derive(Clone, Debug)]
pub struct Look {
    /// AWS's name of the primary.
    pub primary: String,
    pub shard: Shard,
    /// With cluster mode, a hash tag whose keys lie in the shard.
    pub tag: Option<String>,
    /// How long connecting and logging in took, at the longest.
    pub connecting: Duration,
    /// Of the nodes, by AWS's names, what speaks against a failover.
    pub objections: Vec<Objection>,
}

/// What speaks against a drill, by a rule's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    pub rule: &'static str,
    pub reason: String,
    pub hint: String,
}

impl Objection {
    pub fn new(rule: &'static str, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { rule, reason: reason.into(), hint: hint.into() }
    }
}

/// A replica that is further behind than this may lack what was written a second ago.
const MOST_BEHIND: u64 = 1 << 20;
const LONGEST_LAG: u64 = 2;
/// What the drill's keys and connections take of a node, with room to spare.
const NEEDS: u64 = 2 << 20;
const LIMIT: Duration = Duration::from_secs(3);

/// Asks every node of the shard. `Err` says what is in the way of asking.
pub fn look(setup: &Setup) -> Result<Look, Objection> {
    let door = Door::new(setup.way.clone(), LIMIT).map_err(|trouble| unreachable(&setup.way.endpoint(), &trouble))?;
    let (mut infos, mut connecting) = (Vec::new(), Duration::ZERO);
    for node in &setup.nodes {
        let begun = Instant::now();
        let mut line =
            door.open(&node.endpoint.0, node.endpoint.1).map_err(|trouble| unreachable(&node.id, &trouble))?;
        connecting = connecting.max(begun.elapsed());
        let info = line.text(&["INFO"]).map_err(|trouble| unseen(&node.id, &trouble))?;
        infos.push((node.clone(), facts(&info)));
    }
    let is_primary = |info: &Facts| info.get("role").is_some_and(|role| role == "master");
    let primaries: Vec<&(Node, Facts)> = infos.iter().filter(|(_, info)| is_primary(info)).collect();
    let [(primary, info)] = primaries[..] else {
        let names: Vec<&str> = primaries.iter().map(|(node, _)| node.id.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Objection::new(
            "roles-unclear",
            format!("one primary is expected, and these say that they are: {names}"),
            "look at `cachectl status`, and drill once the shard is as it should be",
        ));
    };
    let shard =
        if setup.way.cluster { of_cluster(&door, primary)? } else { Shard::only(&setup.way.host, setup.way.port) };
    let mut objections: Vec<Objection> = out_of_step(primary, info, &infos).into_iter().collect();
    objections.extend(infos.iter().filter_map(|(node, info)| no_room(node, info)));
    let tag = setup.way.cluster.then(|| shard.tag()).flatten();
    Ok(Look { primary: primary.id.clone(), shard, tag, connecting, objections })
}

/// The shard of this primary, as the cluster tells it to clients: by addresses, where AWS tells names.
fn of_cluster(door: &Door, primary: &Node) -> Result<Shard, Objection> {
    let (host, port) = &primary.endpoint;
    let asked = door.open(host, *port).and_then(|mut line| {
        let nodes = line.text(&["CLUSTER", "NODES"])?;
        Ok((nodes, line.ask(&["CLUSTER", "SLOTS"])?))
    });
    let (nodes, slots) = asked.map_err(|trouble| unseen(&primary.id, &trouble))?;
    let own = first_slot(&nodes);
    let found = own.and_then(|slot| shards(&slots, (host, *port)).into_iter().find(|shard| shard.serves(slot)));
    found.ok_or_else(|| {
        let hint = "give the shard slots, or drill another one with --shard";
        Objection::new("no-slots", format!("{} serves no slot, so nothing can be written to it", primary.id), hint)
    })
}

/// The first slot that the node serves that was asked for `CLUSTER NODES`.
fn first_slot(nodes: &str) -> Option<u16> {
    let own = nodes.lines().find(|line| line.split(' ').nth(2).is_some_and(|flags| flags.contains("myself")))?;
    own.split_whitespace().skip(8).find_map(|range| range.split('-').next()?.parse().ok())
}

/// At least one replica that is in step with the primary.
fn out_of_step(primary: &Node, info: &Facts, infos: &[(Node, Facts)]) -> Option<Objection> {
    let all = replicas(info);
    let in_step =
        all.iter().filter(|replica| replica.online && replica.behind <= MOST_BEHIND && replica.lag <= LONGEST_LAG);
    let linked = infos.iter().filter(|(_, info)| info.get("master_link_status").is_some_and(|link| link == "up"));
    if in_step.count().min(linked.count()) > 0 {
        return None;
    }
    let told: Vec<String> = all
        .iter()
        .map(|replica| format!("{} {} bytes and {} s behind", replica.name, replica.behind, replica.lag))
        .collect();
    let told = if told.is_empty() { "it has none".to_owned() } else { told.join(", ") };
    Some(Objection::new(
        "no-replica-in-sync",
        format!("no replica of {} is in sync: {told}", primary.id),
        "wait until a replica has caught up: a failover now would lose writes for certain",
    ))
}

/// A node that is full would have to evict an application's keys for the drill's.
fn no_room(node: &Node, info: &Facts) -> Option<Objection> {
    let memory = crate::client::memory::memory(info)?;
    let free = memory.limit.saturating_sub(memory.used);
    (memory.limit > 0 && free / 2 < NEEDS).then(|| {
        Objection::new(
            "no-memory",
            format!("{} has no memory left: {} of {} MiB are used", node.id, memory.used >> 20, memory.limit >> 20),
            "scale up, or drill when there is room: nothing of an application's is evicted for a drill",
        )
    })
}

fn unreachable(node: &str, trouble: &Trouble) -> Objection {
    Objection::new(
        "unreachable",
        format!("{node} is not reached from here: {} ({})", trouble.detail, trouble.class),
        "a drill needs clients: run it inside the VPC, or open tunnels and name them in `smoke.endpointMap`",
    )
}

fn unseen(node: &str, trouble: &Trouble) -> Objection {
    Objection::new(
        "roles-unseen",
        format!("{node} does not report its role and its replicas: {}", trouble.detail),
        "allow the user INFO (`+info`), and with cluster mode `+cluster|slots +cluster|nodes`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str) -> Node {
        Node { id: id.into(), endpoint: (id.into(), 6379) }
    }

    fn primary(slave: &str) -> Facts {
        facts(&format!("role:master\nconnected_slaves:1\nslave0:{slave}\nmaster_repl_offset:5000000\n"))
    }

    #[test]
    fn a_replica_is_in_sync_when_both_ends_say_so() {
        let judged = |slave: &str, link: &str| {
            let info = primary(slave);
            let replica = facts(&format!("role:slave\nmaster_link_status:{link}\n"));
            let infos = [(node("a"), info.clone()), (node("b"), replica)];
            out_of_step(&node("a"), &info, &infos)
        };
        let well = "ip=10.0.0.1,port=6379,state=online,offset=4999990,lag=0";
        assert_eq!(judged(well, "up"), None);
        assert!(judged(well, "down").is_some());
        for bad in [
            "ip=10.0.0.1,port=6379,state=wait_bgsave,offset=0,lag=0",
            "ip=10.0.0.1,port=6379,state=online,offset=100,lag=0",
            "ip=10.0.0.1,port=6379,state=online,offset=4999990,lag=9",
        ] {
            let objection = judged(bad, "up").expect(bad);
            assert_eq!(objection.rule, "no-replica-in-sync");
        }
        let none = facts("role:master\nconnected_slaves:0\nmaster_repl_offset:10\n");
        assert!(out_of_step(&node("a"), &none, &[(node("a"), none.clone())]).unwrap().reason.contains("none"));
    }

    #[test]
    fn the_first_slot_of_a_node_is_read_off_its_own_line() {
        let nodes = "07c 10.0.0.1:6379@16379 slave e7d 0 1426 3 connected\n\
                     e7d 10.0.0.2:6379@16379,name myself,master - 0 0 1 connected 5461-10922 16000\n";
        assert_eq!(first_slot(nodes), Some(5_461));
        assert_eq!(first_slot("e7d 10.0.0.2:6379@16379 myself,master - 0 0 1 connected"), None);
    }

    #[test]
    fn a_full_node_is_not_drilled() {
        let full = |used: u64, limit: u64| facts(&format!("used_memory:{used}\nmaxmemory:{limit}\n"));
        assert_eq!(no_room(&node("a"), &full(1 << 20, 0)), None, "no limit");
        assert_eq!(no_room(&node("a"), &full(10 << 20, 100 << 20)), None);
        assert_eq!(no_room(&node("a"), &full(99 << 20, 100 << 20)).unwrap().rule, "no-memory");
    }
}
