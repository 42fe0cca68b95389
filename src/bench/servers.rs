//! The servers' side: who they are, how full they are, and what they count meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::report::{CommandDelta, Server, ServerDelta};
use crate::client::engine::{Reason, Stop};
use crate::client::line::{Door, Line, Trouble};
use crate::client::memory::{Memory, memory};
use crate::client::topology::{Facts, facts, shards};

/// One primary, with a line of our own to it.
struct Node {
    host: String,
    port: u16,
    line: Option<Line>,
    before: Option<Facts>,
}

pub(super) struct Servers {
    door: Door,
    nodes: Vec<Node>,
    looked: Duration,
}

/// The watcher asks this often.
const EVERY: Duration = Duration::from_millis(400);

impl Servers {
    /// Asks the endpoint who it is. Cluster mode is what the server says it is, where it says so.
    pub(super) fn open(door: Door) -> Result<Self, Trouble> {
        let (host, port) = (door.way().host.clone(), door.way().port);
        let mut line = door.open(&host, port)?;
        let first = line.text(&["INFO", "all"]).ok().map(|text| facts(&text));
        let is_cluster = first.as_ref().and_then(|info| info.get("cluster_enabled")).map(|value| value == "1");
        let mut way = door.way().clone();
        match is_cluster {
            Some(false) if way.cluster => {
                return Err(Trouble { class: "ERR".into(), detail: "the server does not run in cluster mode".into() });
            }
            Some(true) => way.cluster = true,
            _ => {}
        }
        let door = door.through(way);
        let nodes = if door.way().cluster {
            let found = shards(&line.ask(&["CLUSTER", "SLOTS"])?, (&host, port));
            let nodes = found.into_iter().map(|shard| Node {
                host: shard.primary.0,
                port: shard.primary.1,
                line: None,
                before: None,
            });
            nodes.collect()
        } else {
            vec![Node { host, port, line: Some(line), before: first }]
        };
        Ok(Self { door, nodes, looked: Duration::ZERO })
    }

    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// Reads every primary's counters. Those that may not be read stay unknown.
    pub(super) fn look(&mut self) {
        for node in &mut self.nodes {
            node.before = info(&self.door, node);
        }
    }

    /// The nodes whose counters cannot be read: nobody sees them evict keys.
    pub(super) fn unseen(&self) -> Vec<String> {
        let unseen = self.nodes.iter().filter(|node| node.before.is_none());
        unseen.map(|node| format!("{}:{}", node.host, node.port)).collect()
    }

    /// Ends the run at the first key that a server evicts.
    pub(super) fn watch(&mut self, elapsed: Duration, stop: &Stop) {
        if elapsed.saturating_sub(self.looked) < EVERY && elapsed >= self.looked {
            return;
        }
        self.looked = elapsed;
        for node in &mut self.nodes {
            let Some(before) = node.before.as_ref() else { continue };
            let (run, evicted) = (before.get("run_id").cloned(), number(before, "evicted_keys"));
            if let Some(now) = info(&self.door, node) {
                // Another process counts from nothing.
                let before = if now.get("run_id") == run.as_ref() { evicted } else { 0 };
                if number(&now, "evicted_keys") > before {
                    stop.ask(Reason::Evicted(format!("{}:{}", node.host, node.port)));
                }
            }
        }
    }

    /// In cluster mode, does the endpoint name the same primaries as at the beginning?
    fn has_same_primaries(&self) -> bool {
        let way = self.door.way();
        if !way.cluster {
            return true;
        }
        let asked = self.door.open(&way.host, way.port).and_then(|mut line| line.ask(&["CLUSTER", "SLOTS"]));
        let now: BTreeSet<(String, u16)> = asked
            .map(|reply| shards(&reply, (&way.host, way.port)).into_iter().map(|shard| shard.primary).collect())
            .unwrap_or_default();
        now == self.nodes.iter().map(|node| (node.host.clone(), node.port)).collect()
    }

    /// Memory of every primary that tells it.
    pub(super) fn memory(&self) -> Vec<Memory> {
        self.nodes.iter().filter_map(|node| memory(node.before.as_ref()?)).collect()
    }

    pub(super) fn shards(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn describe(&self) -> Server {
        let info = self.nodes.first().and_then(|node| node.before.clone()).unwrap_or_default();
        let name = info.get("server_name").cloned();
        let engine = name.or_else(|| info.get("redis_version").map(|_| "redis".to_owned()));
        let version = engine.as_ref().and_then(|engine| info.get(&format!("{engine}_version")).cloned());
        let way = self.door.way();
        Server {
            endpoint: way.endpoint(),
            engine,
            version,
            cluster: way.cluster,
            tls: way.tls.is_some(),
            shards: self.nodes.len(),
            maxmemory_bytes: info.get("maxmemory").and_then(|bytes| bytes.parse().ok()),
            maxmemory_policy: info.get("maxmemory_policy").cloned(),
        }
    }

    /// Nodes that are another server process than at the last look.
    pub(super) fn restarted(&mut self) -> Vec<String> {
        let door = &self.door;
        let changed = self.nodes.iter_mut().filter_map(|node| {
            let before = node.before.as_ref()?.get("run_id")?.clone();
            (info(door, node)?.get("run_id")? != &before).then(|| format!("{}:{}", node.host, node.port))
        });
        changed.collect()
    }

    /// What changed since the last look; nothing where other servers count by now: restarted, replaced, shards added.
    pub(super) fn delta(&mut self) -> Option<ServerDelta> {
        if !self.has_same_primaries() {
            return None;
        }
        let mut delta = ServerDelta::default();
        let mut commands: BTreeMap<String, (u64, f64)> = BTreeMap::new();
        for node in &mut self.nodes {
            let (before, now) = (node.before.clone()?, info(&self.door, node)?);
            if before.get("run_id") != now.get("run_id") {
                return None;
            }
            let grown = |key: &str| number(&now, key).saturating_sub(number(&before, key));
            delta.evicted_keys += grown("evicted_keys");
            delta.expired_keys += grown("expired_keys");
            delta.connections_received += grown("total_connections_received");
            delta.rejected_connections += grown("rejected_connections");
            for key in ["used_cpu_sys", "used_cpu_user"] {
                delta.cpu_seconds += (decimal(&now, key) - decimal(&before, key)).max(0.0);
            }
            for (name, line) in now.iter().filter_map(|(key, line)| Some((key.strip_prefix("cmdstat_")?, line))) {
                let of = |line: Option<&String>, field: &str| {
                    line.and_then(|line| command_field(line, field)).unwrap_or(0.0)
                };
                let earlier = before.get(&format!("cmdstat_{name}"));
                let calls = (of(Some(line), "calls") - of(earlier, "calls")).max(0.0);
                if calls > 0.0 {
                    let sum = commands.entry(name.to_owned()).or_default();
                    sum.0 += calls as u64;
                    sum.1 += (of(Some(line), "usec") - of(earlier, "usec")).max(0.0);
                }
            }
        }
        delta.commands = commands
            .into_iter()
            .map(|(name, (calls, micros))| (name, CommandDelta { calls, micros_per_call: micros / calls as f64 }))
            .collect();
        Some(delta)
    }
}

/// A node's `INFO all`, over its line, which is made anew when it broke.
fn info(door: &Door, node: &mut Node) -> Option<Facts> {
    if node.line.is_none() {
        node.line = door.open(&node.host, node.port).ok();
    }
    let text = node.line.as_mut()?.text(&["INFO", "all"]);
    if text.is_err() {
        node.line = None;
    }
    text.ok().map(|text| facts(&text))
}

fn number(info: &Facts, key: &str) -> u64 {
    info.get(key).and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn decimal(info: &Facts, key: &str) -> f64 {
    info.get(key).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// A field of `calls=1,usec=5,usec_per_call=5.00`.
fn command_field(line: &str, field: &str) -> Option<f64> {
    line.split(',').find_map(|part| part.strip_prefix(field)?.strip_prefix('=')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_commands_counters_is_read_by_its_whole_name() {
        let line = "calls=12,usec=30,usec_per_call=2.50,rejected_calls=0";
        assert_eq!(command_field(line, "usec"), Some(30.0));
        assert_eq!(command_field(line, "usec_per_call"), Some(2.5));
        assert_eq!(command_field(line, "p99"), None);
    }
}
