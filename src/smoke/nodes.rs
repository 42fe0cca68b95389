//! What every node says of itself, by its own name, and what changed between two looks.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::future::join_all;
use redis::RedisResult;

use super::budget::{Memory, memory};
use super::checks::Finding;
use super::report::ServerDelta;
use super::target::Target;
use crate::client::connect::{Connector, ask, is_denied};
use crate::client::topology::{Facts, Replica, Shard, facts, replicas};

/// One node at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeState {
    /// AWS's name and the endpoint.
    pub(super) name: String,
    pub(super) at: (String, u16),
    /// Why it told nothing.
    pub(super) trouble: Option<String>,
    /// The user may not ask.
    pub(super) denied: bool,
    pub(super) primary: bool,
    pub(super) run_id: String,
    pub(super) uptime_seconds: u64,
    /// When this was read.
    pub(super) read_at: Option<Instant>,
    pub(super) memory: Option<Memory>,
    pub(super) rejected: u64,
    pub(super) connected_clients: Option<u64>,
    pub(super) offset: u64,
    /// `up` or `down`, of a replica.
    pub(super) link: Option<String>,
    /// What a primary says of its replicas.
    pub(super) replicas: Vec<Replica>,
    /// Calls and microseconds by command.
    pub(super) calls: BTreeMap<String, (u64, u64)>,
}

/// Asks one node. What cannot be had is in `trouble`.
pub(super) async fn state(connector: &Connector, target: &Target, at: &(String, u16)) -> NodeState {
    let mut state = NodeState { name: target.named(&at.0, at.1), at: at.clone(), ..NodeState::default() };
    let asked: RedisResult<(String, String)> = async {
        let mut connection = connector.node(&at.0, at.1).await?;
        let info = ask::<String>(&mut connection, &["INFO"]).await?;
        let calls = ask::<String>(&mut connection, &["INFO", "commandstats"]).await.unwrap_or_default();
        Ok((info, calls))
    }
    .await;
    state.read_at = Some(Instant::now());
    match asked {
        Ok((info, calls)) => state.read(&facts(&info), &facts(&calls)),
        Err(error) => {
            state.denied = is_denied(&error);
            state.trouble = Some(connector.describe(&error));
        }
    }
    if target.serverless {
        // Which server answers is AWS's affair, and whether it is a primary.
        state.run_id.clear();
        state.primary = true;
    }
    state
}

impl NodeState {
    fn read(&mut self, info: &Facts, calls: &Facts) {
        let text = |key: &str| info.get(key).cloned();
        let number = |key: &str| info.get(key).and_then(|value| value.parse::<u64>().ok());
        self.primary = text("role").is_some_and(|role| role == "master");
        self.run_id = text("run_id").unwrap_or_default();
        self.uptime_seconds = number("uptime_in_seconds").unwrap_or(0);
        self.memory = memory(info);
        self.rejected = number("rejected_connections").unwrap_or(0);
        self.connected_clients = number("connected_clients");
        self.offset = number(if self.primary { "master_repl_offset" } else { "slave_repl_offset" }).unwrap_or(0);
        self.link = text("master_link_status");
        self.replicas = replicas(info);
        for (key, value) in calls {
            let Some(command) = key.strip_prefix("cmdstat_") else { continue };
            let field = |name: &str| {
                value
                    .split(',')
                    .find_map(|part| part.split_once('=').filter(|(key, _)| *key == name)?.1.parse::<u64>().ok())
            };
            if let (Some(calls), Some(usec)) = (field("calls"), field("usec")) {
                self.calls.insert(command.to_owned(), (calls, usec));
            }
        }
    }
}

/// Every primary, at once.
pub(super) async fn primaries(connector: &Connector, target: &Target, shards: &[Shard]) -> Vec<NodeState> {
    join_all(shards.iter().map(|shard| state(connector, target, &shard.primary))).await
}

/// What the servers counted between two looks.
pub(super) fn delta(before: &[NodeState], after: &[NodeState]) -> Option<ServerDelta> {
    let mut delta = ServerDelta::default();
    let mut spent: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut told = false;
    for now in after.iter().filter(|now| now.trouble.is_none()) {
        let same = |then: &&NodeState| then.at == now.at && then.run_id == now.run_id && then.trouble.is_none();
        let Some(then) = before.iter().find(same) else { continue };
        told = true;
        let evicted = |state: &NodeState| state.memory.map_or(0, |memory| memory.evicted);
        delta.evicted_keys += evicted(now).saturating_sub(evicted(then));
        delta.rejected_connections += now.rejected.saturating_sub(then.rejected);
        delta.connected_clients = delta.connected_clients.max(now.connected_clients);
        for (command, (calls, usec)) in &now.calls {
            let (calls_then, usec_then) = then.calls.get(command).copied().unwrap_or_default();
            let entry = spent.entry(command.clone()).or_default();
            entry.0 += calls.saturating_sub(calls_then);
            entry.1 += usec.saturating_sub(usec_then);
        }
    }
    for (command, (calls, usec)) in spent {
        if calls > 0 && matches!(command.as_str(), "get" | "set" | "eval") {
            delta.usec_per_call.insert(command, usec as f64 / calls as f64);
        }
    }
    told.then_some(delta)
}

/// What happened to the nodes meanwhile: restarts, failovers, replicas that are gone.
///
/// `wanted` is how many replicas each primary should have; a restart loses what was in memory.
pub(super) fn compare(before: &[NodeState], after: &[NodeState], wanted: Option<usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for now in after {
        let then = before.iter().find(|then| then.at == now.at);
        if let Some(trouble) = now.trouble.as_ref().filter(|_| !now.denied) {
            let hint = Some("it answered before the load, or took a primary's place since".to_owned());
            findings.push(Finding::failed(format!("{}: {trouble}", now.name), hint));
            continue;
        }
        if now.denied {
            continue;
        }
        if !now.primary {
            let hint = Some("a failover may be under way: its primary endpoint leads to a replica".to_owned());
            findings.push(Finding::failed(format!("{} is a replica now", now.name), hint));
        }
        if let Some(then) = then.filter(|then| then.trouble.is_none() && then.run_id != now.run_id) {
            let text = format!(
                "{} was restarted during the test ({} s ago); what it held only in memory is gone",
                now.name, now.uptime_seconds
            );
            // A failover changes the server behind an endpoint, too: the new one has been up for longer.
            let between = then.read_at.zip(now.read_at).map_or(0, |(then, now)| now.duration_since(then).as_secs());
            if now.uptime_seconds <= between + 1 {
                findings.push(Finding::failed(text, Some("see DescribeEvents and the engine's log".to_owned())));
            } else {
                let text = format!("{}: another server answers now: a failover took place during the test", now.name);
                findings.push(Finding::warned(text, None));
            }
        } else if then.is_none() {
            let text = format!("{} is a primary now: a failover took place during the test", now.name);
            findings.push(Finding::warned(text, None));
        }
        let online = now.replicas.iter().filter(|replica| replica.online).count();
        let had = then.map_or(0, |then| then.replicas.iter().filter(|replica| replica.online).count());
        let due = wanted.unwrap_or(had);
        if now.primary && online < due {
            findings.push(Finding::failed(
                format!("{} has {online} of {due} replicas after the load", now.name),
                Some("without one in sync the next failure of the primary loses data".to_owned()),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn node(at: &str, run_id: &str, uptime_seconds: u64, replicas: usize) -> NodeState {
        let replica = Replica { name: "r".into(), online: true, behind: 0, lag: 0 };
        NodeState {
            name: at.into(),
            at: (at.into(), 6379),
            primary: true,
            run_id: run_id.into(),
            uptime_seconds,
            replicas: vec![replica; replicas],
            ..NodeState::default()
        }
    }

    fn worst(before: &[NodeState], after: &[NodeState]) -> Option<Verdict> {
        compare(before, after, None).into_iter().map(|finding| finding.status).max()
    }

    #[test]
    fn a_restart_in_between_fails_and_a_failover_is_told() {
        let before = [node("a", "1", 100, 1)];
        assert_eq!(worst(&before, &[node("a", "1", 110, 1)]), None);
        assert_eq!(worst(&before, &[node("a", "2", 1, 1)]), Some(Verdict::Failed));
        assert_eq!(worst(&before, &[node("a", "3", 500, 1)]), Some(Verdict::Warned));
        assert_eq!(worst(&before, &[node("b", "4", 500, 0)]), Some(Verdict::Warned));
    }

    #[test]
    fn a_shard_without_its_replica_fails() {
        let before = [node("a", "1", 100, 1)];
        assert_eq!(worst(&before, &[node("a", "1", 110, 0)]), Some(Verdict::Failed));
        let wanted = compare(&before, &[node("b", "4", 500, 0)], Some(1));
        assert!(wanted.iter().any(|finding| finding.detail.contains("0 of 1 replicas")));
    }

    #[test]
    fn a_node_that_no_longer_answers_fails_and_one_that_may_not_be_asked_does_not() {
        let before = [node("a", "1", 100, 0)];
        let gone = NodeState { trouble: Some("timeout".into()), ..node("a", "", 0, 0) };
        assert_eq!(worst(&before, std::slice::from_ref(&gone)), Some(Verdict::Failed));
        assert_eq!(worst(&before, &[NodeState { denied: true, ..gone }]), None);
    }

    #[test]
    fn the_servers_own_time_is_the_difference_of_two_looks() {
        let (mut before, mut after) = (node("a", "1", 1, 0), node("a", "1", 2, 0));
        let stats = |text: &str| facts(&format!("cmdstat_get:{text}"));
        before.read(&facts("run_id:1\nevicted_keys:1\nused_memory:9\n"), &stats("calls=10,usec=20"));
        after.read(&facts("run_id:1\nevicted_keys:4\nused_memory:9\n"), &stats("calls=20,usec=50"));
        let delta = delta(&[before], &[after]).unwrap();
        assert_eq!((delta.evicted_keys, delta.usec_per_call["get"]), (3, 3.0));
    }
}
