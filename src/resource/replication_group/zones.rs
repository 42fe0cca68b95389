//! Availability zones: nodes that exist stay where they are, new ones go where the spec says. AWS wants
//! the zones of all nodes of a shard, the existing ones among them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::nodes::{Shard, entry_zones};
use crate::model::live::strings;

/// The zones that a group's entry names, for all its nodes.
pub fn declared(fields: &Map<String, Value>) -> BTreeSet<String> {
    let shards = fields.get("nodeGroupConfiguration").and_then(Value::as_array).into_iter().flatten();
    let named = strings(fields.get("preferredCacheClusterAZs")).chain(shards.flat_map(entry_zones));
    named.map(str::to_owned).collect()
}

/// The zones of a shard's nodes when it has so many replicas; `None` where the spec does not say enough.
pub fn of_shard(
    shard: &Shard<'_>,
    replicas: usize,
    entry: Option<&Value>,
    of_group: Option<&Value>,
) -> Option<Vec<String>> {
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
    (zones.len() == replicas + 1).then(|| zones.into_iter().map(str::to_owned).collect())
}

/// A member of a call, and the zones that it names.
pub struct Placed {
    pub parameter: Value,
    pub zones: Vec<String>,
}

/// Every shard of the result with its zones, where the spec names them for all that are to come.
pub fn resharding(live: &[(&str, Vec<String>)], coming: &[&Value]) -> Option<Placed> {
    // New shards get as many nodes as the smallest has.
    let nodes = live.iter().map(|(_, zones)| zones.len()).min()?;
    let mut configuration: Vec<Value> =
        live.iter().map(|(id, zones)| json!({"NodeGroupId": id, "PreferredAvailabilityZones": zones})).collect();
    if coming.is_empty() || coming.iter().any(|entry| entry_zones(entry).len() < nodes) {
        return None;
    }
    let mut named: Vec<String> = live.iter().flat_map(|(_, zones)| zones.clone()).collect();
    for entry in coming {
        let zones = &entry_zones(entry)[..nodes];
        named.extend(zones.iter().map(|zone| (*zone).to_owned()));
        let mut one = json!({"PreferredAvailabilityZones": zones});
        if let Some(id) = entry.get("nodeGroupId").and_then(Value::as_str) {
            one["NodeGroupId"] = json!(format!("{id:0>4}"));
        }
        configuration.push(one);
    }
    Some(Placed { parameter: json!(configuration), zones: named })
}
