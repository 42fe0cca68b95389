//! Which node serves which slot, as all event loops of an engine see it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::settings::ReadFrom;
use crate::client::line::{Door, Line, Trouble};
use crate::client::topology::{self, Facts, SLOTS, Shard, facts, shards};

/// A node's place in the list of nodes, which only grows.
pub(super) type NodeIndex = u16;

/// A node by its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) replica: bool,
}

impl Node {
    /// The node's name, as `host:port`.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The slots' owners at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    /// By slot; one entry for everything outside of cluster mode.
    pub(super) owners: Vec<NodeIndex>,
    /// By slot: somebody serves it. The owner of one that nobody serves is just who is asked for it.
    pub(super) served: Vec<bool>,
    /// By primary, the replicas that reads go to.
    pub(super) replicas: Vec<Vec<NodeIndex>>,
}

impl Map {
    /// How many slots the node serves as their primary; 0 outside of cluster mode.
    pub(super) fn slots_of(&self, node: NodeIndex) -> u16 {
        if self.owners.len() == 1 { 0 } else { self.served_by(node).count() as u16 }
    }

    /// The first of its slots.
    pub(super) fn first_slot(&self, node: NodeIndex) -> Option<usize> {
        self.served_by(node).next()
    }

    fn served_by(&self, node: NodeIndex) -> impl Iterator<Item = usize> {
        let owners = self.owners.iter().zip(&self.served).enumerate();
        owners.filter(move |(_, (owner, served))| **owner == node && **served).map(|(slot, _)| slot)
    }
}

/// The map that all share, and its refreshing.
#[derive(Debug)]
pub(super) struct Atlas {
    door: Door,
    read_from: ReadFrom,
    nodes: Mutex<Vec<Node>>,
    map: Mutex<Arc<Map>>,
    generation: AtomicU64,
    /// A node said MOVED, or cannot be had: the map may be old.
    pub(super) doubtful: AtomicBool,
}

impl Atlas {
    /// Asks the endpoint once for the first map; an error where it tells none.
    pub(super) fn open(door: Door, read_from: ReadFrom) -> Result<Self, Trouble> {
        let atlas = Self {
            door,
            read_from,
            nodes: Mutex::default(),
            map: Mutex::default(),
            generation: AtomicU64::new(0),
            doubtful: AtomicBool::new(false),
        };
        let way = atlas.door.way();
        let mut line = atlas.door.open(&way.host, way.port)?;
        let found = atlas.ask(&mut line, (&way.host, way.port))?;
        atlas.publish(&found);
        Ok(atlas)
    }

    /// The door through which the nodes are asked.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// A copy of the list of nodes, by their places.
    pub(super) fn nodes(&self) -> Vec<Node> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The present map.
    pub(super) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of the present map, which grows with every new one.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The place of a node, which is new if a redirection was the first to name it.
    pub(super) fn index(&self, host: &str, port: u16, replica: bool) -> NodeIndex {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = nodes.iter().position(|node| node.host == host && node.port == port) {
            return at as NodeIndex;
        }
        nodes.push(Node { host: host.to_owned(), port, replica });
        (nodes.len() - 1) as NodeIndex
    }

    fn ask(&self, line: &mut Line, asked: (&str, u16)) -> Result<Vec<Shard>, Trouble> {
        if self.door.way().cluster {
            let found = shards(&line.ask(&["CLUSTER", "SLOTS"])?, asked);
            return if found.is_empty() {
                Err(Trouble::new("CLUSTERDOWN", "CLUSTER SLOTS names no shard"))
            } else {
                Ok(found)
            };
        }
        let mut only = Shard::only(asked.0, asked.1);
        if self.read_from == ReadFrom::Replica {
            only.replicas = self.replicas(line)?;
        }
        Ok(vec![only])
    }

    /// Outside of cluster mode: of the nodes that are known by name those that say so, else those that the primary names.
    fn replicas(&self, primary: &mut Line) -> Result<Vec<(String, u16)>, Trouble> {
        let found = replicas(&primary.text(&["INFO", "replication"])?)?;
        let nodes = &self.door.way().nodes;
        if nodes.is_empty() {
            return Ok(found);
        }
        let says_so = |(host, port): &&(String, u16)| {
            let told = self.door.open(host, *port).and_then(|mut line| line.text(&["INFO", "replication"]));
            told.is_ok_and(|info| follows(&facts(&info)))
        };
        Ok(nodes.iter().filter(says_so).cloned().collect())
    }

    fn publish(&self, found: &[Shard]) {
        let slots = if self.door.way().cluster { SLOTS as usize } else { 1 };
        let mut map = Map { owners: vec![0; slots], served: vec![false; slots], replicas: Vec::new() };
        for shard in found {
            let primary = self.index(&shard.primary.0, shard.primary.1, false);
            for (first, last) in &shard.slots {
                let (first, last) = (usize::from(*first), usize::from(*last).min(map.owners.len() - 1));
                map.owners[first.min(last)..=last].fill(primary);
                map.served[first.min(last)..=last].fill(true);
            }
            if self.read_from == ReadFrom::Replica {
                let replicas = shard.replicas.iter().map(|(host, port)| self.index(host, *port, true)).collect();
                map.replicas.resize(map.replicas.len().max(usize::from(primary) + 1), Vec::new());
                map.replicas[usize::from(primary)] = replicas;
            }
        }
        for (index, node) in self.nodes.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().enumerate() {
            node.replica = map.replicas.iter().any(|replicas| replicas.contains(&(index as NodeIndex)));
        }
        *self.map.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Asks the known nodes in turn until one tells the present map. Blocks, for the door's limit per node at most.
    pub(super) fn refresh(&self) {
        let way = self.door.way();
        // Without cluster mode only the endpoint knows who is the primary.
        let known = self.nodes().into_iter().filter(|_| way.cluster).map(|node| (node.host, node.port));
        for (host, port) in known.chain([(way.host.clone(), way.port)]) {
            let found = self.door.open(&host, port).and_then(|mut line| self.ask(&mut line, (&host, port)));
            if let Ok(found) = found {
                self.publish(&found);
                return;
            }
        }
    }
}

/// The replicas that a primary names, those in sync. An error where it is no primary (any more).
fn replicas(info: &str) -> Result<Vec<(String, u16)>, Trouble> {
    let info = facts(info);
    if info.get("role").is_some_and(|role| role != "master") {
        return Err(Trouble::new("READONLY", "the endpoint leads to a replica"));
    }
    let all = topology::replicas(&info);
    let place = |name: &str| name.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    Ok(all.iter().filter(|replica| replica.online).filter_map(|replica| place(&replica.name)).collect())
}

/// Is this a replica that gets its primary's stream?
fn follows(info: &Facts) -> bool {
    info.get("role").is_some_and(|role| role == "slave")
        && info.get("master_link_status").is_some_and(|link| link == "up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_nobody_serves_is_nobodys() {
        let mut map = Map { owners: vec![0; 16], served: vec![true; 16], replicas: Vec::new() };
        map.owners[8..].fill(1);
        map.served[..3].fill(false);
        assert_eq!((map.slots_of(0), map.slots_of(1)), (5, 8));
        assert_eq!((map.first_slot(0), map.first_slot(1), map.first_slot(2)), (Some(3), Some(8), None));
    }

    #[test]
    fn a_primary_names_its_replicas_in_sync_and_a_replica_names_none() {
        let info = "role:master\r\nconnected_slaves:2\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=1,lag=0\r\n\
                    slave1:ip=10.0.0.3,port=6381,state=wait_bgsave,offset=0,lag=0\r\n";
        assert_eq!(replicas(info), Ok(vec![("10.0.0.2".to_owned(), 6380)]));
        assert!(replicas("role:slave\r\nmaster_link_status:up\r\nconnected_slaves:0\r\n").is_err());
        assert!(follows(&facts("role:slave\r\nmaster_link_status:up\r\n")));
        assert!(!follows(&facts("role:slave\r\nmaster_link_status:down\r\n")));
    }
}
