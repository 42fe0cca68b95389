//! TestFailover: the primary of one shard swaps roles with a replica.

use super::describe;
use crate::control::events;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub fn test(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.modifiable_group(&id)?;
    let text = input.required("NodeGroupId")?;
    let shard_id = format!("{text:0>4}");
    let Some(shard) = group.shards.iter().find(|shard| shard.id == shard_id) else {
        return Err(Refusal::missing("NodeGroupNotFoundFault", format!("Node group {text} not found.")));
    };
    if !group.automatic_failover || shard.replicas() == 0 {
        return Err(Refusal::bad(
            "TestFailoverNotAvailableFault",
            "Test failover is only available for replication groups with automatic failover and at least one replica.",
        ));
    }
    state.with_settled_members(&id)?;
    let primary = shard.primary().map(|member| member.id.clone()).unwrap_or_default();
    state.edit_group(&id, |group| group.status = "modifying");
    events::group(state, &id, format!("Test Failover API called for node group {shard_id}"));
    events::cluster(state, &primary, format!("Failover from primary node {primary} started"));
    state.later(durations::TEST_FAILOVER, Job::FailedOver { group: id.clone(), shard: shard_id });
    describe::answer(state, &id)
}

pub fn finish(state: &mut State, id: &str, shard_id: &str) {
    let mut moved = None;
    state.edit_group(id, |group| {
        let Some(shard) = group.shards.iter_mut().find(|shard| shard.id == shard_id) else {
            return;
        };
        let old = shard.members.iter().position(|member| member.primary);
        let new = shard.members.iter().position(|member| !member.primary);
        if let (Some(old), Some(new)) = (old, new) {
            shard.members[old].primary = false;
            shard.members[new].primary = true;
            moved = Some((shard.members[old].id.clone(), shard.members[new].id.clone()));
        }
    });
    if let Some((old, new)) = moved {
        let text = format!("Failover from primary node {old} to replica node {new} completed");
        events::cluster(state, &new, text.clone());
        events::group(state, id, text);
    }
    state.touched.insert(id.to_owned());
    state.later(0.0, Job::GroupAvailable(id.to_owned()));
}
