//! Alarms of a cache's nodes that differ in the node only: one entry with `for` in their place, which follows the
//! topology.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::entry::{Entry, Line};
use crate::model::live::Live;
use crate::model::{Address, Kind, Resource};
use crate::resource::alarm::{self, NAMESPACE};
use crate::resource::alarm_entries::{MEMBER, PATTERNS};
use crate::resource::alarm_rule::is_any_of;
use crate::resource::members;
use crate::spec::rules::id;

/// What the alarms of several nodes have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    cache: Address,
    /// The names, with `${member}` for the node.
    pattern: String,
    /// The fields as text, so that they can be compared.
    fields: String,
}

/// The alarms that have it in common, by their nodes.
struct Alike {
    alarms: BTreeMap<String, Address>,
    fields: Map<String, Value>,
}

/// Puts one entry in place of those that every node of a cache has alike.
pub(super) fn gathered(live: &Live, entries: &mut Vec<Entry>) {
    let caches: Vec<Address> =
        entries.iter().map(|entry| &entry.address).filter(|address| address.kind.is_cache()).cloned().collect();
    let mut alike: BTreeMap<Common, Alike> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.address.kind == Kind::Alarm) {
        let Some((common, node, fields)) = common(live, &caches, entry) else { continue };
        let alike = alike.entry(common).or_insert_with(|| Alike { alarms: BTreeMap::new(), fields });
        alike.alarms.insert(node, entry.address.clone());
    }
    let mut taken: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.address.kind == Kind::Alarm)
        .map(|entry| entry.address.id.clone())
        .collect();
    for (common, Alike { alarms, fields }) in alike {
        let nodes = members::nodes(live, &common.cache, "node");
        // What only some nodes have, somebody chose for these.
        if nodes.len() < 2 || nodes.iter().any(|node| !alarms.contains_key(node)) {
            continue;
        }
        let gone: BTreeSet<&Address> = alarms.values().collect();
        entries.retain(|entry| !gone.contains(&entry.address));
        let id = id_of(&common, &taken);
        taken.insert(id.clone());
        entries.push(written(id, &common, fields));
    }
}

/// A composite alarm that is any alarm of a cache says so, and follows its nodes.
pub(super) fn of_caches(live: &Live, entries: &mut [Entry]) {
    let caches: Vec<Address> =
        entries.iter().map(|entry| &entry.address).filter(|address| address.kind.is_cache()).cloned().collect();
    for entry in entries.iter_mut().filter(|entry| entry.address.kind == Kind::CompositeAlarm) {
        let Some(rule) = entry.field("rule").and_then(Value::as_str).map(str::to_owned) else { continue };
        let alarms = |cache: &Address| -> BTreeSet<String> {
            let own = live.of(Kind::Alarm).iter().filter(|(_, alarm)| alarm::belongs_to(alarm, cache));
            own.map(|(name, _)| name.clone()).collect()
        };
        let Some(cache) = caches.iter().find(|cache| is_any_of(&rule, &alarms(cache))) else {
            continue;
        };
        for line in &mut entry.lines {
            if matches!(line, Line::Field("rule", _)) {
                *line = Line::Field("of", json!(cache.to_string()));
            }
        }
    }
}

/// What an alarm says but for its node, where it watches one node of one of these caches.
fn common(live: &Live, caches: &[Address], entry: &Entry) -> Option<(Common, String, Map<String, Value>)> {
    // What is told of one alarm alone stays with it.
    if entry.lines.iter().any(|line| matches!(line, Line::Remark(_))) {
        return None;
    }
    let resource = Resource { address: entry.address.clone(), fields: entry.fields(), path: String::new() };
    let members: BTreeSet<String> = alarm::declared_members(&resource).into_iter().collect();
    let node = members.first().filter(|_| members.len() == 1)?.clone();
    let is_of = |cache: &&Address| members::nodes(live, cache, "node").contains(&node);
    let cache = caches.iter().find(is_of).filter(|cache| cache.kind == Kind::ReplicationGroup)?;
    let pattern = Some(entry.address.id.replace(&node, MEMBER)).filter(|pattern| pattern.contains(MEMBER))?;
    let mut fields = resource.fields;
    let dimensions = json!([{"name": "CacheClusterId", "value": node}]);
    let plainly = |metric: &mut Map<String, Value>| {
        metric.retain(|name, value| {
            let is_filled_in = match name.as_str() {
                "dimensions" => *value == dimensions,
                "namespace" => *value == json!(NAMESPACE),
                _ => false,
            };
            !is_filled_in
        });
    };
    plainly(&mut fields);
    for query in fields.get_mut("metrics").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(metric) = query.pointer_mut("/metricStat/metric").and_then(Value::as_object_mut) {
            plainly(metric);
        }
    }
    for field in PATTERNS {
        if let Some(text) = fields.get(field).and_then(Value::as_str) {
            let text = text.replace(&node, MEMBER);
            fields.insert(field.to_owned(), json!(text));
        }
    }
    let fields_text = Value::Object(fields.clone()).to_string();
    Some((Common { cache: cache.clone(), pattern, fields: fields_text }, node, fields))
}

/// The key of the entry: what the names have beside the node.
fn id_of(common: &Common, taken: &BTreeSet<String>) -> String {
    let rest = common.pattern.replace(MEMBER, "");
    let rest = rest.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | ')' | '('));
    let fits = |id: &String| !taken.contains(id) && id::is_fit(Kind::Alarm, id);
    let cache = &common.cache.id;
    let plain = [rest.to_owned(), format!("{cache}-{rest}")];
    let counted = (2..).map(|count| format!("{cache}-{rest}-{count}"));
    plain.into_iter().chain(counted.take(taken.len() + 2)).find(fits).unwrap_or_else(|| cache.clone())
}

fn written(id: String, common: &Common, fields: Map<String, Value>) -> Entry {
    let address = Address::new(Kind::Alarm, &id);
    let mut fields = fields;
    fields.insert("for".to_owned(), json!(common.cache.to_string()));
    if common.pattern != format!("{MEMBER}-{id}") {
        fields.insert("name".to_owned(), json!(common.pattern));
    }
    let rows = Kind::Alarm.attributes().iter().map(|row| row.field.name);
    let lines = rows.filter_map(|name| Some(Line::Field(name, fields.remove(name)?))).collect();
    Entry { address, lines, notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Locations, Spec};

    fn alarm(name: &str, node: &str, threshold: i64) -> Entry {
        Entry {
            address: Address::new(Kind::Alarm, name),
            lines: vec![
                Line::Field("description", json!(format!("{node} evicts"))),
                Line::Field("namespace", json!(NAMESPACE)),
                Line::Field("metricName", json!("Evictions")),
                Line::Field("dimensions", json!([{"name": "CacheClusterId", "value": node}])),
                Line::Field("threshold", json!(threshold)),
            ],
            notes: Vec::new(),
        }
    }

    fn account() -> (Live, Entry) {
        let mut live = Live::default();
        let group = json!({"ReplicationGroupId": "c", "MemberClusters": ["c-001", "c-002"]});
        live.of_mut(Kind::ReplicationGroup).insert("c".to_owned(), group);
        let cache = Address::new(Kind::ReplicationGroup, "c");
        (live, Entry { address: cache, lines: Vec::new(), notes: Vec::new() })
    }

    #[test]
    fn alarms_that_all_nodes_have_alike_become_one_entry_with_their_names_as_a_pattern() {
        let (live, cache) = account();
        let mut entries =
            vec![cache, alarm("[prod] c-001 evicts", "c-001", 5), alarm("[prod] c-002 evicts", "c-002", 5)];
        gathered(&live, &mut entries);
        assert_eq!(entries.len(), 2);
        let fields = entries[1].fields();
        assert_eq!(fields["for"], json!("replicationGroup/c"));
        assert_eq!(fields["name"], json!("[prod] ${member} evicts"));
        assert_eq!(fields["description"], json!("${member} evicts"));
        assert!(!fields.contains_key("dimensions") && !fields.contains_key("namespace"), "{fields:?}");
        // And what it stands for is what there was.
        let spec = Spec {
            stack: "s".into(),
            region: String::new(),
            account_id: None,
            environment: None,
            tags: Map::new(),
            policy: Map::new(),
            aws: Map::new(),
            resources: entries
                .iter()
                .map(|entry| {
                    let fields = entry.fields();
                    (entry.address.clone(), Resource { address: entry.address.clone(), fields, path: String::new() })
                })
                .collect(),
            locations: Locations::default(),
            digest: String::new(),
        };
        let wanted = alarm::wanted(&spec, &live).named;
        let names: Vec<&str> = wanted.iter().map(|alarm| alarm.name.as_str()).collect();
        assert_eq!(names, ["[prod] c-001 evicts", "[prod] c-002 evicts"]);
        assert_eq!(wanted[1].fields["description"], json!("c-002 evicts"));
        assert_eq!(wanted[1].fields["dimensions"], json!([{"name": "CacheClusterId", "value": "c-002"}]));
    }

    #[test]
    fn alarms_of_some_nodes_or_that_differ_stay_as_they_are() {
        for others in [vec![], vec![alarm("c-002-x", "c-002", 6)], vec![alarm("another-x", "c-002", 5)]] {
            let (live, cache) = account();
            let mut entries = vec![cache, alarm("c-001-x", "c-001", 5)];
            entries.extend(others);
            let before = entries.len();
            gathered(&live, &mut entries);
            assert_eq!(entries.len(), before);
            assert!(entries.iter().all(|entry| entry.field("for").is_none()));
        }
    }
}
