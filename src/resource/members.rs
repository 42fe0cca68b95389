//! The members of a cache by their names: those that it has, those that it will have, and those that it may have had.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::live::Live;
use crate::model::{Address, Kind, Resource, Spec};

/// The names under which a cache's metrics stand: its member clusters, or the serverless cache itself.
pub fn nodes(live: &Live, cache: &Address, scope: &str) -> Vec<String> {
    let Some(view) = live.view(cache) else { return Vec::new() };
    if cache.kind.is_serverless() {
        return vec![cache.id.clone()];
    }
    view.member_ids()
        .filter(|member| scope == "node" || view.role(member).is_none_or(|role| role == scope))
        .map(str::to_owned)
        .collect()
}

/// How many nodes and shards the spec asks for.
pub fn declared(resource: &Resource) -> (usize, usize) {
    let shards = nodes_by_shard(resource);
    (shards.iter().sum(), shards.len())
}

/// How many nodes the spec asks for, shard by shard.
fn nodes_by_shard(resource: &Resource) -> Vec<usize> {
    let number = |name: &str| resource.fields.get(name).and_then(Value::as_u64).map(|number| number as usize);
    let entries =
        resource.fields.get("nodeGroupConfiguration").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let replicas = number("replicasPerNodeGroup").unwrap_or(0);
    match (resource.address.kind, number("numCacheClusters")) {
        (Kind::ServerlessCache, _) => vec![1],
        (_, Some(nodes)) if entries.is_empty() => vec![nodes],
        _ => {
            let own = |entry: &Value| entry.get("replicaCount").and_then(Value::as_u64).map(|count| count as usize);
            let shards = number("numNodeGroups").unwrap_or(entries.len().max(1));
            (0..shards).map(|shard| entries.get(shard).and_then(own).unwrap_or(replicas) + 1).collect()
        }
    }
}

/// Does the spec alone say how the members of the cache are called?
pub fn are_known(spec: &Spec, cache: &Resource) -> bool {
    let has = |name: &str| cache.fields.contains_key(name);
    let group = cache.text("cacheParameterGroupName").unwrap_or("default.");
    let knows_mode = has("clusterMode")
        || nodes_by_shard(cache).len() > 1
        || group.starts_with("default.")
        || spec.resources.contains_key(&Address::new(Kind::ParameterGroup, group));
    cache.address.kind.is_serverless()
        || ((has("numCacheClusters") || has("numNodeGroups") || has("nodeGroupConfiguration")) && knows_mode)
}

/// The names of the members of a cache that is created as the spec asks, as AWS numbers them.
pub fn to_come(spec: &Spec, resource: &Resource) -> BTreeSet<String> {
    let id = &resource.address.id;
    if resource.address.kind.is_serverless() {
        return [id.clone()].into();
    }
    let shards = nodes_by_shard(resource);
    let group = resource.text("cacheParameterGroupName").unwrap_or_default();
    let parameters = spec.resources.get(&Address::new(Kind::ParameterGroup, group));
    let on = |group: &Resource| group.fields.get("parameters")?.get("cluster-enabled")?.as_str().map(|on| on == "yes");
    let in_cluster_mode = shards.len() > 1
        || match resource.text("clusterMode") {
            Some(mode) => mode == "enabled",
            None => parameters.map_or(group.ends_with(".cluster.on"), |group| on(group).unwrap_or(false)),
        };
    let named = |(shard, nodes): (usize, usize)| {
        (1..=nodes).map(move |node| match in_cluster_mode {
            true => format!("{id}-{:04}-{node:03}", shard + 1),
            false => format!("{id}-{node:03}"),
        })
    };
    shards.into_iter().enumerate().flat_map(named).collect()
}

/// The caches that a member of this name, living or gone, can be of.
pub fn caches_of(member: &str) -> impl Iterator<Item = Address> {
    let groups = caches_of_member(member).map(|group| Address::new(Kind::ReplicationGroup, group));
    std::iter::once(Address::new(Kind::ServerlessCache, member)).chain(groups)
}

/// Can a member of this name, living or gone, be of this cache?
pub fn may_be_of(member: &str, cache: &Address) -> bool {
    match cache.kind {
        Kind::ServerlessCache => member == cache.id,
        _ => caches_of_member(member).any(|group| group == cache.id),
    }
}

/// The groups that a member of this name, living or gone, can be of.
///
/// `orders-0001-001` is the first node of the shard `0001` of `orders`, or that of `orders-0001`.
fn caches_of_member(member: &str) -> impl Iterator<Item = &str> {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let group = member.rsplit_once('-').filter(|(_, node)| digits(node, 3)).map(|(group, _)| group);
    let sharded = group.and_then(|group| group.rsplit_once('-')).filter(|(_, shard)| digits(shard, 4));
    group.into_iter().chain(sharded.map(|(group, _)| group))
}
