//! IncreaseReplicaCount and DecreaseReplicaCount.

use std::collections::BTreeMap;

use super::placement::{self, Placement};
use super::{ReplicationGroup, describe, rules};
use crate::control::{events, tags};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

struct Wanted {
    replicas: usize,
    zones: Vec<String>,
}

/// How many replicas each shard is to have, by shard id.
fn read(state: &State, group: &ReplicationGroup, input: &Input) -> Result<BTreeMap<String, Wanted>, Refusal> {
    if input.bool("ApplyImmediately")? != Some(true) {
        // API model: "False is not currently supported".
        return Err(Refusal::invalid_value("ApplyImmediately must be true. False is not currently supported."));
    }
    let count = input.int("NewReplicaCount")?;
    let configuration = input.list("ReplicaConfiguration").unwrap_or_default();
    let mut wanted = BTreeMap::new();
    match (count, configuration.is_empty()) {
        (Some(_), false) => {
            return Err(Refusal::invalid_combination(
                "NewReplicaCount and ReplicaConfiguration can not be used together.",
            ));
        }
        (None, true) => {
            return Err(Refusal::invalid_combination(
                "Either NewReplicaCount or ReplicaConfiguration must be specified.",
            ));
        }
        (Some(count), true) => {
            rules::replica_count(state, count)?;
            for shard in &group.shards {
                let replicas = usize::try_from(count).unwrap_or(0);
                wanted.insert(shard.id.clone(), Wanted { replicas, zones: Vec::new() });
            }
        }
        (None, false) => {
            for item in configuration {
                let text = item.required("NodeGroupId")?;
                let shard = format!("{text:0>4}");
                if group.shards.iter().all(|known| known.id != shard) {
                    return Err(Refusal::missing("NodeGroupNotFoundFault", format!("Node group {text} not found.")));
                }
                let count = item
                    .int("NewReplicaCount")?
                    .ok_or_else(|| Refusal::invalid_value("The parameter NewReplicaCount must be provided."))?;
                rules::replica_count(state, count)?;
                let replicas = usize::try_from(count).unwrap_or(0);
                let zones = item.texts("PreferredAvailabilityZones").unwrap_or_default();
                if !zones.is_empty() && zones.len() != replicas + 1 {
                    // API model, ConfigureShard: one zone for the primary and one for each replica.
                    return Err(Refusal::invalid_combination(
                        "The number of PreferredAvailabilityZones must equal NewReplicaCount plus 1.",
                    ));
                }
                wanted.insert(shard, Wanted { replicas, zones });
            }
        }
    }
    Ok(wanted)
}

pub(crate) fn increase(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.with_settled_members(&id)?;
    rules::refuse_while_compatible(group)?;
    let wanted = read(state, group, input)?;
    let current = |shard: &str| {
        let shard = group.shards.iter().find(|known| known.id == shard);
        shard.map_or(0, super::Shard::replicas)
    };
    if wanted.iter().any(|(shard, wanted)| wanted.replicas < current(shard)) {
        return Err(Refusal::invalid_value(
            "The new replica count must be greater than the current one. Use DecreaseReplicaCount to remove replicas.",
        ));
    }
    if wanted.iter().all(|(shard, wanted)| wanted.replicas == current(shard)) {
        return Err(Refusal::bad(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        ));
    }
    let zones = placement::zones(state, &group.subnet_group);
    if let Some(zone) = wanted.values().flat_map(|wanted| &wanted.zones).find(|zone| !zones.contains(zone)) {
        return Err(Refusal::invalid_value(format!(
            "Availability zone {zone} is not covered by cache subnet group {}.",
            group.subnet_group
        )));
    }
    let added: usize = wanted.iter().map(|(shard, wanted)| wanted.replicas - current(shard)).sum();
    rules::node_quota(state, group, group.node_count() + added)?;
    let now = state.now_seconds();
    let mut new_members = Vec::new();
    state.edit_group(&id, |group| {
        let placement = Placement { group: &id, clustered: group.names_shards(), zones: &zones, now };
        for (turn, shard) in group.shards.iter_mut().enumerate() {
            let Some(wanted) = wanted.get(&shard.id) else { continue };
            // The zones of the nodes that exist are taken from the list first.
            let mut free = wanted.zones.clone();
            for member in &shard.members {
                if let Some(at) = free.iter().position(|zone| *zone == member.zone) {
                    free.remove(at);
                }
            }
            let mut free = free.into_iter();
            while shard.replicas() < wanted.replicas {
                placement.add(shard, turn, free.next().as_ref());
                new_members.extend(shard.members.last().map(|member| member.id.clone()));
            }
        }
        group.status = "modifying";
    });
    let inherited = state.tags.get(&state.settings.arn("replicationgroup", &id)).cloned().unwrap_or_default();
    for member in &new_members {
        tags::put(state, &state.settings.arn("cluster", member), inherited.clone());
        events::cluster(state, member, "Cache cluster creation started");
    }
    state.touched.insert(id.clone());
    state.later(durations::ADD_REPLICAS, Job::GroupChanged(id.clone()));
    describe::answer(state, &id)
}

pub(crate) fn decrease(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.with_settled_members(&id)?;
    rules::refuse_while_compatible(group)?;
    let named: Vec<String> =
        input.texts("ReplicasToRemove").unwrap_or_default().iter().map(|member| member.to_ascii_lowercase()).collect();
    if let Some(member) = named.iter().find(|member| group.member(member).is_none()) {
        return Err(Refusal::invalid_value(format!("{member} is not a member of replication group {id}.")));
    }
    let wanted: BTreeMap<String, usize> =
        if named.is_empty() || input.has("NewReplicaCount") || input.has("ReplicaConfiguration") {
            read(state, group, input)?.into_iter().map(|(shard, wanted)| (shard, wanted.replicas)).collect()
        } else {
            if input.bool("ApplyImmediately")? != Some(true) {
                return Err(Refusal::invalid_value("ApplyImmediately must be true. False is not currently supported."));
            }
            let left = |shard: &super::Shard| shard.members.iter().filter(|member| !named.contains(&member.id)).count();
            if group.shards.iter().any(|shard| left(shard) == 0) {
                return Err(Refusal::invalid_value("A node group must keep at least one node."));
            }
            group.shards.iter().map(|shard| (shard.id.clone(), left(shard) - 1)).collect()
        };
    let current = |shard: &super::Shard| wanted.get(&shard.id).map(|wanted| (*wanted, shard.replicas()));
    if group.shards.iter().filter_map(current).any(|(wanted, now)| wanted > now) {
        return Err(Refusal::invalid_value(
            "The new replica count must be smaller than the current one. Use IncreaseReplicaCount to add replicas.",
        ));
    }
    if group.shards.iter().filter_map(current).all(|(wanted, now)| wanted == now) {
        return Err(Refusal::bad(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        ));
    }
    let will_fail_over = group.automatic_failover || group.deferred.automatic_failover == Some(true);
    let smallest = wanted.values().min().copied().unwrap_or(0);
    if smallest == 0 && !group.is_clustered() && will_fail_over {
        // TF issue 24244.
        return Err(Refusal::invalid_combination(
            "Must have at least 1 replica when cluster mode is disabled with auto failover enabled.",
        ));
    }
    if smallest == 0 && (group.multi_az || group.deferred.multi_az == Some(true)) {
        return Err(Refusal::invalid_combination(
            "Must have at least 1 replica per node group when Multi-AZ is enabled.",
        ));
    }
    if group.is_durable() {
        let replicas = group.shards.iter().map(|shard| wanted.get(&shard.id).copied().unwrap_or(shard.replicas()));
        rules::Durable { replicas: replicas.min().unwrap_or(0), ..group.durable_as_is() }.check()?;
    }
    let removed = choose(group, &wanted, &named)?;
    state.edit_group(&id, |group| {
        for shard in &mut group.shards {
            for member in &mut shard.members {
                if removed.contains(&member.id) {
                    member.status = "deleting";
                }
            }
        }
        group.status = "modifying";
    });
    for member in &removed {
        events::cluster(state, member, "Cache cluster deletion started");
    }
    state.later(durations::REMOVE_REPLICAS, Job::GroupChanged(id.clone()));
    describe::answer(state, &id)
}

/// The members that go: the named ones, else the last ones that are not the primary.
fn choose(
    group: &ReplicationGroup,
    wanted: &BTreeMap<String, usize>,
    named: &[String],
) -> Result<Vec<String>, Refusal> {
    let mut removed = Vec::new();
    for shard in &group.shards {
        let Some(wanted) = wanted.get(&shard.id) else { continue };
        let surplus = shard.replicas() - wanted;
        let in_shard: Vec<&String> =
            named.iter().filter(|name| shard.members.iter().any(|member| member.id == **name)).collect();
        if !named.is_empty() && in_shard.len() != surplus {
            return Err(Refusal::invalid_combination(
                "The number of ReplicasToRemove must agree with the new replica count of every node group.",
            ));
        }
        if named.is_empty() {
            let replicas = shard.members.iter().rev().filter(|member| !member.primary);
            removed.extend(replicas.take(surplus).map(|member| member.id.clone()));
        } else {
            removed.extend(in_shard.into_iter().cloned());
        }
    }
    Ok(removed)
}

/// Members that were told to go leave their shard; a primary among them hands over first.
pub(crate) fn retire(group: &mut ReplicationGroup) {
    for shard in &mut group.shards {
        let (leaving, mut staying): (Vec<_>, Vec<_>) =
            std::mem::take(&mut shard.members).into_iter().partition(|member| member.status == "deleting");
        if !staying.iter().any(|member| member.primary)
            && let Some(heir) = staying.first_mut()
        {
            heir.primary = true;
        }
        shard.members = staying;
        group.leaving.extend(leaving);
    }
    let gone =
        group.snapshotting_cluster.as_ref().is_some_and(|id| group.leaving.iter().any(|member| member.id == *id));
    if gone {
        group.snapshotting_cluster =
            group.shards.first().and_then(|shard| shard.members.last()).map(|member| member.id.clone());
    }
}
