//! Node types: their memory, which decides what is a scale-up, and the engines that run on them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::control::engine::Version;

/// The repository's one dated file of node types, with its sources in it.
const DATA: &str = include_str!("../../../../data/elasticache.json");

#[derive(Deserialize)]
struct Data {
    families: BTreeMap<String, Family>,
    nodes: BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Family {
    /// By engine: the first version that runs on it; `None` is any. An engine left out does not run on it.
    engines: BTreeMap<String, Option<String>>,
    /// No new cluster is created on it.
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
struct Node {
    /// Bytes, before `reserved-memory-percent`.
    maxmemory: u64,
}

static TABLE: LazyLock<Data> = LazyLock::new(|| serde_json::from_str(DATA).expect("the file is read in a test"));

/// Families that keep writes durable (AWS guide, Durability.Limitations).
const DURABLE: [&str; 8] = ["r8g", "r7g", "r6g", "m8g", "m7g", "m6g", "c8gn", "c7gn"];

/// Memory of `cache.r7g.large`, `None` for a type that does not exist.
pub(crate) fn memory(node_type: &str) -> Option<u64> {
    TABLE.nodes.get(node_type).map(|node| node.maxmemory)
}

pub(crate) fn all() -> impl Iterator<Item = (String, u64)> {
    TABLE.nodes.iter().map(|(name, node)| (name.clone(), node.maxmemory))
}

pub(crate) fn family(node_type: &str) -> &str {
    node_type.strip_prefix("cache.").and_then(|rest| rest.split_once('.')).map_or("", |(family, _)| family)
}

/// r6gd keeps part of its data on SSD; a group can neither enter nor leave that family.
pub(crate) fn has_data_tiering(node_type: &str) -> bool {
    family(node_type) == "r6gd"
}

pub(crate) fn keeps_writes_durable(node_type: &str) -> bool {
    DURABLE.contains(&family(node_type))
}

/// "You will no longer be able to create" (AWS guide, CacheNodes.SupportedTypes): t2.
pub(crate) fn is_closed(node_type: &str) -> bool {
    TABLE.families.get(family(node_type)).is_some_and(|family| family.closed)
}

/// Whether a version runs on a node type (AWS guide, CacheNodes.SupportedTypes).
pub(crate) fn runs(node_type: &str, version: Version) -> bool {
    let Some(family) = TABLE.families.get(family(node_type)) else { return false };
    match family.engines.get(version.engine.name()) {
        None => false,
        Some(None) => true,
        Some(Some(first)) => {
            let mut parts = first.split('.').map(|part| part.parse().unwrap_or(0));
            let mut next = || parts.next().unwrap_or(0);
            version.at_least(next(), next(), next())
        }
    }
}

/// Types a group can change to: (up, down). Types of equal memory count as up.
pub(crate) fn allowed_modifications(current: &str, version: Version) -> (Vec<String>, Vec<String>) {
    let Some(memory_now) = memory(current) else {
        return (Vec::new(), Vec::new());
    };
    let candidates = all().filter(|(name, _)| {
        name != current
            && has_data_tiering(name) == has_data_tiering(current)
            && runs(name, version)
            && (!is_closed(name) || is_closed(current))
    });
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (name, bytes) in candidates {
        if bytes >= memory_now { &mut up } else { &mut down }.push(name);
    }
    (up, down)
}

/// Whether a change of type is a scale-up.
pub(crate) fn is_scale_up(from: &str, to: &str) -> bool {
    memory(to) >= memory(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::engine::Engine;

    #[test]
    fn the_newest_families_run_valkey_only_and_others_have_a_first_redis() {
        let version = |engine, text| Version::requested(engine, text).expect("a version on offer");
        let (valkey, redis) = (version(Engine::Valkey, "7.2"), version(Engine::Redis, "7.1"));
        for family in ["r8g", "m8g", "c8gn"] {
            let name = format!("cache.{family}.large");
            assert!(runs(&name, valkey) && !runs(&name, redis), "{name}");
        }
        for (name, first, before) in [
            ("cache.r7g.large", "6.2", "6.0"),
            ("cache.c7gn.large", "6.2", "6.0"),
            ("cache.r6gd.xlarge", "6.2", "6.0"),
            ("cache.t4g.small", "5.0.6", "4.0.10"),
        ] {
            assert!(runs(name, version(Engine::Redis, first)) && !runs(name, version(Engine::Redis, before)), "{name}");
        }
        assert!(runs("cache.m5.large", version(Engine::Redis, "4.0.10")));
        assert!(is_closed("cache.t2.micro") && !is_closed("cache.t3.micro"));
        assert_eq!(memory("cache.t3.smal"), None);
    }
}
