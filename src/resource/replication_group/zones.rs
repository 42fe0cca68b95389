//! Availability zones: nodes that exist stay where they are, new ones go where the spec says. AWS wants
//! the zones of all nodes of a shard, the existing ones among them.

use serde_json::{Value, json};

use super::nodes::{Shard, entry_zones};
use crate::model::live::strings;

/// The zones of a shard's nodes when it has so many replicas; `None` where the spec does not say enough.
pub fn of_shard(shard: &Shard<'_>, replicas: usize, entry: Option<&Value>, of_group: Option<&Value>) -> Option<Value> {
    let mut declared: Vec<&str> = match entry.map(entry_zones) {
        Some(zones) if !zones.is_empty() => zones,
        _ => strings(of_group).collect(),
    };
    if declared.is_empty() {
        return None;
    }
    let mut zones: Vec<&str> = shard.zones.clone();
    for zone in &zones {
        if let Some(at) = declared.iter().position(|declared| declared == zone) {
            declared.remove(at);
        }
    }
    zones.extend(declared);
    zones.truncate(replicas + 1);
    (zones.len() == replicas + 1).then(|| json!(zones))
}

/// Every shard of the result with its zones, where the spec names them for all that are to come.
pub fn resharding(live: &[Shard<'_>], coming: &[&Value]) -> Option<Value> {
    // New shards get as many nodes as the smallest has.
    let nodes = live.iter().map(|shard| shard.zones.len()).min()?;
    let mut configuration: Vec<Value> =
        live.iter().map(|shard| json!({"NodeGroupId": shard.id, "PreferredAvailabilityZones": shard.zones})).collect();
    if coming.is_empty() || coming.iter().any(|entry| entry_zones(entry).len() < nodes) {
        return None;
    }
    for entry in coming {
        let zones = &entry_zones(entry)[..nodes];
        let mut one = json!({"PreferredAvailabilityZones": zones});
        if let Some(id) = entry.get("nodeGroupId").and_then(Value::as_str) {
            one["NodeGroupId"] = json!(format!("{id:0>4}"));
        }
        configuration.push(one);
    }
    Some(json!(configuration))
}
