//! When is a resource ready? A replication group is, when it, its node groups and all its members are.

use serde_json::{Value, json};

use crate::model::live::{Live, View};
use crate::model::report::WaitState;
use crate::model::{Address, Kind};

/// How far a resource is from being at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Ready,
    /// On its way.
    Moving,
    /// It will not get ready by itself.
    Broken,
    Gone,
}

const BROKEN: [&str; 3] = ["create-failed", "incompatible-network", "restore-failed"];

/// How far a resource is from being at rest, and what to show of that while it is waited for.
pub fn of(live: &Live, address: &Address) -> (Condition, WaitState) {
    let Some(view) = live.view(address) else {
        return (Condition::Gone, WaitState { status: "gone".into(), ..WaitState::default() });
    };
    let status = view.status().to_owned();
    if let Some(broken) = broken(&view) {
        return (Condition::Broken, WaitState { status: broken, ..WaitState::default() });
    }
    match address.kind {
        Kind::ReplicationGroup => replication_group(&view, status),
        kind => match kind.row().states {
            Some(states) => single(status, states.at_rest),
            None => (Condition::Ready, WaitState::default()),
        },
    }
}

fn single(status: String, ready: &str) -> (Condition, WaitState) {
    let condition = if status.eq_ignore_ascii_case(ready) { Condition::Ready } else { Condition::Moving };
    (condition, WaitState { status, ..WaitState::default() })
}

fn broken(view: &View<'_>) -> Option<String> {
    let members = view.members.iter().filter_map(|cluster| cluster.get("CacheClusterStatus")?.as_str());
    std::iter::once(view.status()).chain(members).find(|status| BROKEN.contains(status)).map(str::to_owned)
}

fn replication_group(view: &View<'_>, status: String) -> (Condition, WaitState) {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let declared: usize = view
        .node_groups()
        .iter()
        .map(|group| group.get("NodeGroupMembers").and_then(Value::as_array).map_or(0, Vec::len))
        .sum();
    let members: Vec<&str> = view.member_ids().collect();
    let ready = view.members.iter().filter(|cluster| text(cluster, "CacheClusterStatus") == "available").count();
    let slow: Vec<String> = view
        .members
        .iter()
        .filter_map(|cluster| {
            let status = text(cluster, "CacheClusterStatus");
            let applying = cluster.pointer("/CacheParameterGroup/ParameterApplyStatus") == Some(&json!("applying"));
            let what = if status == "available" && applying { "applying parameters".to_owned() } else { status };
            (what != "available").then(|| format!("{} {what}", text(cluster, "CacheClusterId")))
        })
        .collect();
    let shards_ready = view.node_groups().iter().all(|group| text(group, "Status") == "available");
    // Describe answers that come apart in time disagree on the members for a while.
    let whole = !members.is_empty() && members.len() == declared && view.members.len() == members.len();
    let resharding = view.pending("Resharding").and_then(|resharding| resharding.get("ProgressPercentage")?.as_f64());
    let detail = match (resharding, slow.first()) {
        (Some(percent), _) => format!("resharding {percent:.0} %"),
        (None, Some(slow)) => slow.clone(),
        (None, None) if !whole => "members are being listed".to_owned(),
        (None, None) => String::new(),
    };
    let condition = if status == "available" && shards_ready && whole && slow.is_empty() && resharding.is_none() {
        Condition::Ready
    } else {
        Condition::Moving
    };
    (condition, WaitState { status, ready, total: members.len().max(declared), detail, ..WaitState::default() })
}
