//! Nodes, shards, slots, zones and failover of a replication group.

use serde_json::Value;

use super::finder::{Finder, list};
use super::{Check, GROUP, Rule};
use crate::model::Resource;
use crate::model::version::Version;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "shape-conflict", check: Check::Resource(GROUP, shape),
        why: "numCacheClusters is for cluster mode disabled; numNodeGroups, replicasPerNodeGroup and nodeGroupConfiguration are for shards. nodeGroupConfiguration has one entry for each shard, and excludes preferredCacheClusterAZs.",
        source: "API reference, CreateReplicationGroup; Terraform's ConflictsWith" },
    Rule { code: "replicas-without-shards", check: Check::Resource(GROUP, replicas_alone),
        why: "replicasPerNodeGroup without numNodeGroups makes one shard, which is seldom meant; numCacheClusters says the same more plainly.",
        source: "Terraform documentation, replicas_per_node_group" },
    Rule { code: "node-quota", check: Check::Resource(GROUP, nodes),
        why: "A group has at most 500 nodes (250 before redis 5.0.6), and by AWS's default quota 90 shards.",
        source: "API reference, CreateReplicationGroup: NumNodeGroups" },
    Rule { code: "replica-quota", check: Check::Resource(GROUP, replica_quota),
        why: "By AWS's default quota a shard has at most 5 replicas. Some accounts were given more, so that AWS decides.",
        source: "AWS guide, quotas; Terraform provider issue 46634" },
    Rule { code: "zones-of-shards", check: Check::Resource(GROUP, zones_of_shards),
        why: "preferredCacheClusterAZs places the nodes of one shard (\"PreferredCacheClusterAZs can only be specified for one node group.\"); the nodes of several are placed by nodeGroupConfiguration.",
        source: "Terraform provider issues 14425 and 1271" },
    Rule { code: "duplicate-shard", check: Check::Resource(GROUP, shard_ids),
        why: "Each shard has an id of its own.",
        source: "API reference, NodeGroupConfiguration: NodeGroupId" },
    Rule { code: "slots", check: Check::Resource(GROUP, slots),
        why: "Every one of the 16384 hash slots belongs to exactly one shard: either all shards say theirs, or none does.",
        source: "API reference, NodeGroupConfiguration: Slots" },
    Rule { code: "zone-count", check: Check::Resource(GROUP, zones),
        why: "Zones are given for all nodes: preferredCacheClusterAZs has one for the primary and one for each replica, replicaAvailabilityZones has replicaCount.",
        source: "API reference, CreateReplicationGroup: PreferredCacheClusterAZs; NodeGroupConfiguration" },
    Rule { code: "multi-az-needs-failover", check: Check::Resource(GROUP, multi_az),
        why: "Multi-AZ means that a replica in another zone is promoted, which is automatic failover.",
        source: "Terraform provider: \"automatic_failover_enabled must be true if multi_az_enabled is true\"" },
    Rule { code: "failover-needs-replica", check: Check::Resource(GROUP, failover),
        why: "With cluster mode disabled there must be a replica to fail over to (\"Replication group must have at least one read replica to enable autofailover\").",
        source: "CloudFormation coverage roadmap issue 1275; Terraform provider" },
    Rule { code: "failover-in-cluster-mode", check: Check::Resource(GROUP, cluster_failover),
        why: "Automatic failover is always on in cluster mode.",
        source: "API reference, CreateReplicationGroup: AutomaticFailoverEnabled; cfn-lint E3026; Terraform provider issue 27116" },
    Rule { code: "failover-node-type", check: Check::Resource(GROUP, failover_node_type),
        why: "Automatic failover is not supported on T1 node types, nor on T2 with cluster mode disabled.",
        source: "API reference, CreateReplicationGroup: AutomaticFailoverEnabled" },
];

fn shape(finder: &mut Finder<'_>, group: &Resource) {
    let has = |name: &str| group.fields.contains_key(name);
    let conflicts = [
        ("numNodeGroups", "numCacheClusters"),
        ("replicasPerNodeGroup", "numCacheClusters"),
        ("nodeGroupConfiguration", "numCacheClusters"),
        ("preferredCacheClusterAZs", "nodeGroupConfiguration"),
    ];
    for (one, other) in conflicts.into_iter().filter(|(one, other)| has(one) && has(other)) {
        finder.error(
            group,
            &[(one, "this"), (other, "and this")],
            format!("{one} and {other} exclude each other"),
            "numCacheClusters is for cluster mode disabled, numNodeGroups and replicasPerNodeGroup are for cluster mode",
        );
    }
    let shards = group.number("numNodeGroups");
    let configured = list(group, "nodeGroupConfiguration").len();
    match shards {
        Some(shards) if configured > 0 && shards as usize != configured => {
            finder.error(
                group,
                &[("nodeGroupConfiguration", &format!("{configured} of them here")), ("numNodeGroups", "shards")],
                "nodeGroupConfiguration has one entry for each shard",
                format!("give {shards} entries, or `numNodeGroups: {configured}`"),
            );
        }
        None if configured > 0 && !has("numCacheClusters") => {
            finder
                .warn(
                    group,
                    &[("nodeGroupConfiguration", "of how many shards?")],
                    "nodeGroupConfiguration stands without numNodeGroups",
                    format!("declare `numNodeGroups: {configured}`"),
                )
                .insert(group, "nodeGroupConfiguration", &format!("numNodeGroups: {configured}"));
        }
        Some(shards) if shards > 1 && group.text("clusterMode") == Some("disabled") => {
            finder.error(
                group,
                &[("numNodeGroups", "more than one shard"), ("clusterMode", "cluster mode is disabled")],
                "more than one shard needs cluster mode",
                "declare `clusterMode: enabled`, or one shard",
            );
        }
        _ => {}
    }
}

fn replicas_alone(finder: &mut Finder<'_>, group: &Resource) {
    let has = |name: &str| group.fields.contains_key(name);
    if has("replicasPerNodeGroup")
        && !has("numNodeGroups")
        && !has("numCacheClusters")
        && !has("nodeGroupConfiguration")
    {
        finder.warn(
            group,
            &[("replicasPerNodeGroup", "of how many shards?")],
            "replicasPerNodeGroup stands without numNodeGroups",
            "declare numNodeGroups, or numCacheClusters with cluster mode disabled",
        );
    }
}

fn nodes(finder: &mut Finder<'_>, group: &Resource) {
    let Some(shards) = group.number("numNodeGroups") else { return };
    let old = group.text("engineVersion").and_then(Version::parse).is_some_and(|version| !version.at_least(5, 0, 6));
    let most = if old { 250 } else { 500 };
    let replicas = group.number("replicasPerNodeGroup").unwrap_or(0);
    let nodes = shards * (replicas + 1);
    if nodes > most {
        let mut labels = vec![("numNodeGroups", "shards")];
        if replicas > 0 {
            labels.push(("replicasPerNodeGroup", "and replicas of each"));
        }
        let message = format!("{nodes} nodes are more than the {most} that a group may have");
        finder.error(group, &labels, message, "lower one of them");
    } else if shards > 90 {
        finder.warn(
            group,
            &[("numNodeGroups", "more than 90")],
            format!("{shards} shards need a raised quota"),
            "AWS's default quota is 90 shards a group; ask for more before the apply",
        );
    }
}

fn replica_quota(finder: &mut Finder<'_>, group: &Resource) {
    let mut counts = vec![
        ("numCacheClusters".to_owned(), group.number("numCacheClusters").map(|nodes| nodes - 1)),
        ("replicasPerNodeGroup".to_owned(), group.number("replicasPerNodeGroup")),
    ];
    for (index, shard) in list(group, "nodeGroupConfiguration").iter().enumerate() {
        let count = shard.get("replicaCount").and_then(Value::as_i64);
        counts.push((format!("nodeGroupConfiguration[{index}].replicaCount"), count));
    }
    for (field, count) in counts {
        let Some(count) = count.filter(|count| *count > 5) else { continue };
        finder.warn(
            group,
            &[(&field, "more than 5 replicas")],
            format!("{count} replicas of a shard need a raised quota"),
            "AWS's default quota is 5 replicas a shard; ask for more before the apply",
        );
    }
}

fn zones_of_shards(finder: &mut Finder<'_>, group: &Resource) {
    let Some(shards) = group.number("numNodeGroups").filter(|shards| *shards > 1) else { return };
    if !list(group, "preferredCacheClusterAZs").is_empty() {
        finder.error(
            group,
            &[("preferredCacheClusterAZs", "for one shard only"), ("numNodeGroups", &format!("{shards} shards"))],
            "preferredCacheClusterAZs places the nodes of one shard, and the group has several",
            "name the zones in nodeGroupConfiguration: primaryAvailabilityZone and replicaAvailabilityZones of each shard",
        );
    }
}

fn shard_ids(finder: &mut Finder<'_>, group: &Resource) {
    let ids: Vec<_> = list(group, "nodeGroupConfiguration").iter().map(|shard| shard.get("nodeGroupId")).collect();
    for (index, id) in ids.iter().enumerate() {
        if let (Some(Value::String(id)), Some(first)) = (id, ids[..index].iter().position(|first| first == id)) {
            let place = |index: usize| format!("nodeGroupConfiguration[{index}].nodeGroupId");
            finder.error(
                group,
                &[(&place(index), "again here"), (&place(first), "first here")],
                format!("two shards have the id `{id}`"),
                "number them 0001, 0002, …",
            );
        }
    }
}

fn slots(finder: &mut Finder<'_>, group: &Resource) {
    const SLOTS: usize = 16_384;
    let shards = list(group, "nodeGroupConfiguration");
    let mut owner: Vec<Option<usize>> = vec![None; SLOTS];
    let place = |index: usize| format!("nodeGroupConfiguration[{index}].slots");
    let mut declared = 0;
    for (index, shard) in shards.iter().enumerate() {
        let Some(slots) = shard.get("slots").and_then(Value::as_str) else { continue };
        declared += 1;
        for range in slots.split(',') {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (Ok(from), Ok(to)) = (from.parse::<usize>(), to.parse::<usize>()) else { continue };
            if from > to || to >= SLOTS {
                let label = if from > to { "backwards" } else { "beyond 16383" };
                let message = format!("`{range}` is no range of slots");
                finder.error(group, &[(&place(index), label)], message, "slots go from 0 to 16383, such as 0-5460");
                return;
            }
            if let Some((slot, other)) = (from..=to).find_map(|slot| Some((slot, owner[slot]?))) {
                finder.error(
                    group,
                    &[(&place(index), "this shard"), (&place(other), "and this one")],
                    format!("slot {slot} belongs to two shards"),
                    "each slot belongs to one shard",
                );
                return;
            }
            owner[from..=to].fill(Some(index));
        }
    }
    if declared == 0 {
        return;
    }
    if let Some(missing) = (0..shards.len()).find(|index| shards[*index].get("slots").is_none()) {
        finder.error(
            group,
            &[(&format!("nodeGroupConfiguration[{missing}]"), "has no slots")],
            "some shards say their slots, and some do not",
            "give every shard its slots, or none: then AWS spreads them evenly",
        );
    } else if let Some(slot) = owner.iter().position(Option::is_none) {
        finder.error(
            group,
            &[("nodeGroupConfiguration", &format!("slot {slot} belongs to no shard"))],
            "the shards together do not cover all 16384 slots",
            "give every shard its slots, or none: then AWS spreads them evenly",
        );
    }
}

fn zones(finder: &mut Finder<'_>, group: &Resource) {
    let one_shard = || group.number("replicasPerNodeGroup").filter(|_| group.number("numNodeGroups") == Some(1));
    let nodes = match group.number("numCacheClusters") {
        Some(nodes) => Some(("numCacheClusters", "nodes", nodes)),
        None => one_shard().map(|replicas| ("replicasPerNodeGroup", "replicas of a primary", replicas + 1)),
    };
    let zones = list(group, "preferredCacheClusterAZs").len();
    if let Some((field, label, nodes)) = nodes.filter(|(_, _, nodes)| zones > 0 && zones as i64 != *nodes) {
        finder.error(
            group,
            &[("preferredCacheClusterAZs", &format!("{zones} of them here")), (field, label)],
            "there must be as many zones as nodes",
            format!("name {nodes} zones; one may stand several times"),
        );
    }
    for (index, shard) in list(group, "nodeGroupConfiguration").iter().enumerate() {
        let zones = shard.get("replicaAvailabilityZones").and_then(Value::as_array).map(Vec::len);
        let own = shard.get("replicaCount").and_then(Value::as_u64);
        let replicas = own.or_else(|| group.number("replicasPerNodeGroup").and_then(|count| count.try_into().ok()));
        if let Some((zones, replicas)) = zones.zip(replicas).filter(|(zones, replicas)| *zones as u64 != *replicas) {
            let count = if own.is_some() {
                format!("nodeGroupConfiguration[{index}].replicaCount")
            } else {
                "replicasPerNodeGroup".to_owned()
            };
            finder.error(
                group,
                &[
                    (
                        &format!("nodeGroupConfiguration[{index}].replicaAvailabilityZones"),
                        &format!("{zones} of them here"),
                    ),
                    (&count, "replicas"),
                ],
                "there must be as many zones as replicas",
                format!("name {replicas} zones; one may stand several times"),
            );
        }
    }
}

fn multi_az(finder: &mut Finder<'_>, group: &Resource) {
    let failover = group.flag("automaticFailoverEnabled");
    if group.flag("multiAZEnabled") != Some(true) || failover == Some(true) || finder.clustered(group) {
        return;
    }
    let mut labels = vec![("multiAZEnabled", "needs automatic failover")];
    labels.push((
        "automaticFailoverEnabled",
        if failover.is_some() { "is off" } else { "automaticFailoverEnabled is not declared" },
    ));
    let reported =
        finder.error(group, &labels, "Multi-AZ needs automatic failover", "declare `automaticFailoverEnabled: true`");
    match failover {
        Some(_) => reported.instead(group, "automaticFailoverEnabled", "true"),
        None => reported.insert(group, "multiAZEnabled", "automaticFailoverEnabled: true"),
    }
}

fn failover(finder: &mut Finder<'_>, group: &Resource) {
    if group.flag("automaticFailoverEnabled") == Some(true) && group.number("numCacheClusters") == Some(1) {
        finder.error(
            group,
            &[
                ("automaticFailoverEnabled", "failover is on here"),
                ("numCacheClusters", "but there is no replica to fail over to"),
            ],
            "automatic failover needs at least one replica",
            "set numCacheClusters to 2 or more, or turn failover off",
        );
    }
}

fn cluster_failover(finder: &mut Finder<'_>, group: &Resource) {
    if group.flag("automaticFailoverEnabled") == Some(false) && finder.clustered(group) {
        let because = match group.number("numNodeGroups").filter(|shards| *shards > 1) {
            Some(_) => ("numNodeGroups", "more than one shard: cluster mode"),
            None if group.fields.contains_key("clusterMode") => ("clusterMode", "cluster mode"),
            None => ("cacheParameterGroupName", "turns cluster mode on"),
        };
        finder
            .error(
                group,
                &[("automaticFailoverEnabled", "cannot be off in cluster mode"), because],
                "automatic failover is always on in cluster mode",
                "declare true, or leave it out",
            )
            .instead(group, "automaticFailoverEnabled", "true");
    }
}

fn failover_node_type(finder: &mut Finder<'_>, group: &Resource) {
    let Some(node_type) = group.text("cacheNodeType") else { return };
    let t1 = node_type.starts_with("cache.t1.");
    let t2 = node_type.starts_with("cache.t2.") && !finder.clustered(group);
    if group.flag("automaticFailoverEnabled") == Some(true) && (t1 || t2) {
        finder.error(
            group,
            &[("cacheNodeType", "no failover on this type"), ("automaticFailoverEnabled", "on here")],
            "automatic failover is not supported on T1 and T2 node types",
            "take a newer type, such as cache.t4g.medium",
        );
    }
}
