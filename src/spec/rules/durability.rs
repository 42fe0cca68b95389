//! Durable writes: what a group must be to have them. A field that is not declared may be right on the live group.

use super::finder::{Finder, set};
use super::security::{tls, without_tls};
use super::{Check, GROUP, Rule};
use crate::model::version::Version;
use crate::model::{Resource, node_type};
use crate::resource::replication_group::durability::FAMILIES;

const GUIDE: &str = "AWS guide, Durability.Limitations and Durability.ChangingDurability; what's new of 2026-10";

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "durability-needs-tls", check: Check::Resource(GROUP, encrypted), source: GUIDE,
        why: "Durable writes (`sync`, `async`) need encryption in transit. It is on before durability comes, and off only after durability went." },
    Rule { code: "durability-engine", check: Check::Resource(GROUP, engine), source: GUIDE,
        why: "Durable writes begin with valkey 9.0." },
    Rule { code: "durability-shape", check: Check::Resource(GROUP, shape), source: GUIDE,
        why: "Durable writes need cluster mode, Multi-AZ and a replica of every shard." },
    Rule { code: "durability-node-type", check: Check::Resource(GROUP, family), source: GUIDE,
        why: "Durable writes are offered on r8g, r7g, r6g, m8g, m7g, m6g, c8gn and c7gn: not on burstable types, and not with data tiering." },
    Rule { code: "durability-global", check: Check::Resource(GROUP, global), source: GUIDE,
        why: "A member of a global datastore has no durable writes." },
];

fn durable(group: &Resource) -> bool {
    matches!(group.text("durability"), Some("sync" | "async"))
}

fn disagrees(finder: &mut Finder<'_>, group: &Resource, field: &str, label: &str, message: &str, help: &str) {
    let durability = ("durability", "durable writes");
    finder.error(group, &[durability, (field, label)], message, help);
}

fn encrypted(finder: &mut Finder<'_>, group: &Resource) {
    if durable(group) && !tls(group) {
        without_tls(finder, group, "durability", "durability needs encryption in transit");
    }
}

fn engine(finder: &mut Finder<'_>, group: &Resource) {
    if !durable(group) {
        return;
    }
    if group.text("engine") == Some("redis") {
        disagrees(finder, group, "engine", "redis", "redis has no durable writes", "they begin with valkey 9.0");
    } else if group.text("engineVersion").and_then(Version::parse).is_some_and(|version| !version.at_least(9, 0, 0)) {
        let help = "declare `engineVersion: \"9.0\"` or later";
        disagrees(finder, group, "engineVersion", "older than 9.0", "the engine version has no durable writes", help);
    }
}

fn shape(finder: &mut Finder<'_>, group: &Resource) {
    if !durable(group) {
        return;
    }
    let mode = group.text("clusterMode").filter(|mode| *mode != "enabled");
    // Nodes instead of shards say cluster mode disabled, unless a parameter group or clusterMode says more.
    let alone = group.fields.contains_key("numCacheClusters")
        && group.text("clusterMode").is_none()
        && !set(group, "cacheParameterGroupName");
    if mode.is_some() || alone {
        let (field, label) = match mode {
            Some(mode) => ("clusterMode", format!("{mode} here")),
            None => ("numCacheClusters", "a group without shards".to_owned()),
        };
        let help = "declare `clusterMode: enabled`, or numNodeGroups and replicasPerNodeGroup";
        disagrees(finder, group, field, &label, "durability needs cluster mode", help);
    }
    if group.flag("multiAZEnabled") == Some(false) {
        let help = "declare `multiAZEnabled: true`";
        disagrees(finder, group, "multiAZEnabled", "is off here", "durability needs Multi-AZ", help);
    }
    let lonely = [("replicasPerNodeGroup", 0), ("numCacheClusters", 1)];
    for (field, few) in lonely.into_iter().filter(|(field, few)| group.number(field) == Some(*few)) {
        let help = "declare `replicasPerNodeGroup: 1` or more";
        disagrees(finder, group, field, &format!("{few} here"), "durability needs a replica of every shard", help);
    }
    for (index, shard) in super::finder::list(group, "nodeGroupConfiguration").iter().enumerate() {
        if shard.get("replicaCount").and_then(serde_json::Value::as_i64) == Some(0) {
            let field = format!("nodeGroupConfiguration[{index}].replicaCount");
            let help = "give every shard a replica";
            disagrees(finder, group, &field, "0 here", "durability needs a replica of every shard", help);
        }
    }
}

fn family(finder: &mut Finder<'_>, group: &Resource) {
    if !durable(group) {
        return;
    }
    let family = group.text("cacheNodeType").map(node_type::family_of);
    if let Some(family) = family.filter(|family| !FAMILIES.contains(family)) {
        let message = format!("{family} nodes have no durable writes");
        let help = "take a type such as cache.r7g.large";
        disagrees(finder, group, "cacheNodeType", "not offered on this type", &message, help);
    } else if group.flag("dataTieringEnabled") == Some(true) {
        let help = "take one of them out";
        disagrees(finder, group, "dataTieringEnabled", "data tiering", "data tiering has no durable writes", help);
    }
}

fn global(finder: &mut Finder<'_>, group: &Resource) {
    if durable(group) && set(group, "globalReplicationGroupId") {
        let message = "a member of a global datastore has no durable writes";
        disagrees(
            finder,
            group,
            "globalReplicationGroupId",
            "joins a global datastore",
            message,
            "take durability out",
        );
    }
}
