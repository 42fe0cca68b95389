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

/// Do these entries name the zones of all `nodes` of each new shard? No, where they leave all of them to AWS.
///
/// # Errors
/// What is named of them, where that is some and not all.
pub fn are_named(coming: &[&Value], new: usize, nodes: usize) -> Result<bool, String> {
    if coming.iter().all(|entry| entry_zones(entry).is_empty()) {
        return Ok(false);
    }
    let few = coming.iter().filter(|entry| entry_zones(entry).len() < nodes);
    let few: Vec<String> =
        few.map(|entry| format!("{} names {} of {nodes}", entry_name(entry), entry_zones(entry).len())).collect();
    if !few.is_empty() {
        return Err(few.join(", "));
    }
    if coming.len() != new {
        return Err(format!("{} of {new} new shards have an entry", coming.len()));
    }
    Ok(true)
}

/// Every shard of the result with its zones; `None` where the spec leaves the zones of all new shards to AWS.
///
/// # Errors
/// Why zones that the spec names cannot be sent. AWS takes those of every node or none, and moves no node later.
pub fn resharding(live: &[(&str, Vec<String>)], coming: &[&Value], new: usize) -> Result<Option<Placed>, String> {
    // New shards get as many nodes as the smallest has.
    let Some(nodes) = live.iter().map(|(_, zones)| zones.len()).min() else { return Ok(None) };
    if !are_named(coming, new, nodes)? {
        return Ok(None);
    }
    let mut configuration: Vec<Value> =
        live.iter().map(|(id, zones)| json!({"NodeGroupId": id, "PreferredAvailabilityZones": zones})).collect();
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
    Ok(Some(Placed { parameter: json!(configuration), zones: named }))
}

/// An entry of nodeGroupConfiguration in words: by its id, else by what it names.
fn entry_name(entry: &Value) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("nodeGroupId"), entry_zones(entry).as_slice()) {
        (Some(id), _) => format!("shard {id}"),
        (None, []) => "an entry without zones".to_owned(),
        (None, zones) => format!("the entry with {}", zones.join(", ")),
    }
}
