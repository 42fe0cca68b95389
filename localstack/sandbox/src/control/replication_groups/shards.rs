//! ModifyReplicationGroupShardConfiguration: online resharding.

use super::placement::{self, Placement};
use super::{ClusterMode, ReplicationGroup, Shard, Slots, describe, rules, slots};
use crate::control::{events, tags};
use crate::failures;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.modifiable_group(&id)?;
    if group.cluster_mode != ClusterMode::Enabled {
        // widdix issue 573.
        return Err(Refusal::invalid_value(
            "Operation is only applicable for cluster mode enabled replication groups.",
        ));
    }
    rules::refuse_for_global_member(group)?;
    state.with_settled_members(&id)?;
    if input.bool("ApplyImmediately")? != Some(true) {
        // API model: "the only permitted value for this parameter is true".
        return Err(Refusal::invalid_value("ApplyImmediately must be true. The only permitted value is true."));
    }
    let count = input
        .int("NodeGroupCount")?
        .ok_or_else(|| Refusal::invalid_value("The parameter NodeGroupCount must be provided."))?;
    rules::shard_quota(count, &group.version)?;
    let current = group.shards.len();
    let Some(count) = usize::try_from(count).ok().filter(|count| *count >= 1) else {
        return Err(Refusal::invalid_value("NodeGroupCount must be at least 1."));
    };
    let ids = |member: &str| -> Option<Vec<String>> {
        let listed = input.texts(member).filter(|listed| !listed.is_empty())?;
        Some(listed.iter().map(|text| format!("{text:0>4}")).collect())
    };
    let (remove, retain) = (ids("NodeGroupsToRemove"), ids("NodeGroupsToRetain"));
    let configuration = input.list("ReshardingConfiguration").unwrap_or_default();
    if count >= current && (remove.is_some() || retain.is_some()) {
        return Err(Refusal::invalid_combination(
            "NodeGroupsToRemove and NodeGroupsToRetain can only be used when NodeGroupCount is less than the current number of node groups.",
        ));
    }
    if count <= current && !configuration.is_empty() {
        return Err(Refusal::invalid_combination(
            "ReshardingConfiguration can only be used when NodeGroupCount is greater than the current number of node groups.",
        ));
    }
    if count > current {
        let zones = new_shard_zones(state, group, &configuration, count)?;
        grow(state, &id, count, &zones)?;
    } else if count < current {
        let leaving = leaving(group, count, remove, retain)?;
        state.edit_group(&id, |group| {
            for shard in &mut group.shards {
                shard.status = if leaving.contains(&shard.id) { "deleting" } else { "modifying" };
            }
        });
    } else {
        state.edit_group(&id, |group| {
            for shard in &mut group.shards {
                shard.status = "modifying";
            }
        });
    }
    let span = state.span(durations::RESHARD);
    state.edit_group(&id, |group| {
        group.status = "modifying";
        group.under_way = Some(span);
    });
    events::group(state, &id, format!("Resharding replication group {id} to {count} node groups started"));
    state.touched.insert(id.clone());
    state.later(durations::RESHARD, Job::GroupResharded(id.clone()));
    describe::answer(state, &id)
}

/// A resharding configuration lists every node group of the result, the existing ones first.
fn new_shard_zones(
    state: &State,
    group: &ReplicationGroup,
    configuration: &[&Input],
    count: usize,
) -> Result<Vec<Vec<String>>, Refusal> {
    if configuration.is_empty() {
        return Ok(Vec::new());
    }
    if configuration.len() != count {
        return Err(Refusal::invalid_combination(format!(
            "ReshardingConfiguration must list all {count} node groups.",
        )));
    }
    let reached = placement::zones(state, &group.subnet_group);
    let mut zones = Vec::new();
    for item in configuration {
        let listed = item.texts("PreferredAvailabilityZones").unwrap_or_default();
        if let Some(zone) = listed.iter().find(|zone| !reached.contains(zone)) {
            return Err(Refusal::invalid_value(format!(
                "Availability zone {zone} is not covered by cache subnet group {}.",
                group.subnet_group
            )));
        }
        // A new shard gets as many nodes as the smallest one has (AWS guide, online resharding).
        let nodes = group.fewest_replicas() + 1;
        let id = item.text("NodeGroupId").map(|text| format!("{text:0>4}"));
        let known = group.shards.iter().find(|shard| id.as_ref() == Some(&shard.id));
        // "Every node group with its zones": none of them, or all.
        if listed.len() != known.map_or(nodes, |shard| shard.members.len()) {
            return Err(Refusal::invalid_combination(
                "The number of PreferredAvailabilityZones must match the number of nodes of the node group.",
            ));
        }
        if known.is_none() {
            zones.push(listed);
        }
    }
    // Without ids the last entries are the new ones.
    let new = count - group.shards.len();
    Ok(zones.split_off(zones.len().saturating_sub(new)))
}

/// New shards get as many nodes as the smallest existing one, and their number goes on from the
/// highest: ids are not contiguous after a scale-in.
fn grow(state: &mut State, id: &str, count: usize, zones: &[Vec<String>]) -> Result<(), Refusal> {
    let group = state.group(id)?;
    let nodes = group.shards.iter().map(|shard| shard.members.len()).min().unwrap_or(1);
    let new = count - group.shards.len();
    rules::node_quota(state, group, group.node_count() + new * nodes)?;
    let own_zones = placement::zones(state, &group.subnet_group);
    let now = state.now_seconds();
    let highest = group.last_shard;
    let mut members = Vec::new();
    state.edit_group(id, |group| {
        for shard in &mut group.shards {
            shard.status = "modifying";
        }
        group.last_shard += new;
        let placement = Placement { group: id, clustered: true, zones: &own_zones, now };
        for turn in 0..new {
            let mut shard = Shard {
                id: format!("{:04}", highest + turn + 1),
                status: "creating",
                slots: Slots::default(),
                members: Vec::new(),
                failing: None,
            };
            for node in 0..nodes {
                let zone = zones.get(turn).and_then(|zones| zones.get(node));
                placement.add(&mut shard, turn, zone);
            }
            members.extend(shard.members.iter().map(|member| member.id.clone()));
            group.shards.push(shard);
        }
    });
    let inherited = state.tags.get(&state.settings.arn("replicationgroup", id)).cloned().unwrap_or_default();
    for member in &members {
        tags::put(state, &state.settings.arn("cluster", member), inherited.clone());
    }
    Ok(())
}

fn leaving(
    group: &ReplicationGroup,
    count: usize,
    remove: Option<Vec<String>>,
    retain: Option<Vec<String>>,
) -> Result<Vec<String>, Refusal> {
    let known = |listed: &[String]| -> Result<(), Refusal> {
        match listed.iter().find(|id| group.shards.iter().all(|shard| shard.id != **id)) {
            Some(id) => Err(Refusal::invalid_value(format!("Node group {id} not found in the replication group."))),
            None => Ok(()),
        }
    };
    let disagree = || {
        Refusal::invalid_combination("The number of node groups to remove or retain must agree with NodeGroupCount.")
    };
    match (remove, retain) {
        (Some(remove), None) => {
            known(&remove)?;
            if group.shards.len() - count != remove.len() {
                return Err(disagree());
            }
            Ok(remove)
        }
        (None, Some(retain)) => {
            known(&retain)?;
            if retain.len() != count {
                return Err(disagree());
            }
            let others = group.shards.iter().map(|shard| shard.id.clone());
            Ok(others.filter(|id| !retain.contains(id)).collect())
        }
        _ => Err(Refusal::invalid_combination(
            "Exactly one of NodeGroupsToRemove and NodeGroupsToRetain must be specified when node groups are removed.",
        )),
    }
}

/// Slots are spread evenly, or everything is as before and only an event tells.
pub(crate) fn finish(state: &mut State, id: &str) {
    if !state.groups.contains_key(id) {
        return;
    }
    let rolled_back = failures::strikes(state, failures::Kind::ReshardRolledBack, id);
    state.edit_group(id, |group| {
        group.under_way = None;
        let goes = |shard: &Shard| {
            if rolled_back { shard.status == "creating" } else { shard.status == "deleting" }
        };
        if !rolled_back {
            let now: Vec<(Slots, bool)> =
                group.shards.iter().map(|shard| (shard.slots.clone(), !goes(shard))).collect();
            for (shard, slots) in group.shards.iter_mut().zip(slots::rebalance(&now)) {
                shard.slots = slots;
            }
        }
        let (going, staying): (Vec<Shard>, Vec<Shard>) = std::mem::take(&mut group.shards).into_iter().partition(goes);
        group.shards = staying;
        for shard in &mut group.shards {
            shard.status = "available";
        }
        for mut member in going.into_iter().flat_map(|shard| shard.members) {
            member.status = "deleting";
            group.leaving.push(member);
        }
    });
    let text = if rolled_back {
        format!("Resharding of replication group {id} failed and was rolled back")
    } else {
        format!("Resharding of replication group {id} completed")
    };
    events::group(state, id, text);
    state.touched.insert(id.to_owned());
    state.later(0.0, Job::GroupAvailable(id.to_owned()));
    state.later(durations::MEMBER_LAG, Job::MembersSettled(id.to_owned()));
}
