//! DeleteReplicationGroup.

use super::{describe, rules};
use crate::control::{events, snapshots, tags, user_groups};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.group(&id)?;
    if input.bool("RetainPrimaryCluster")?.unwrap_or(false) {
        return Err(Refusal::invalid_combination(
            "RetainPrimaryCluster is not supported by this sandbox: it has no clusters outside a group.",
        ));
    }
    rules::refuse_for_global_member(group)?;
    // AWS lets go of a group in these states only; Terraform retries for ten minutes.
    if group.status != "available" && !group.has_failed() {
        return Err(Refusal::group_state(format!(
            "Replication group {id} has status {} which is not valid for deletion.",
            group.status
        )));
    }
    let snapshot = input.text("FinalSnapshotIdentifier").filter(|name| !name.is_empty());
    if let Some(name) = &snapshot {
        if group.has_failed() {
            return Err(Refusal::group_state(
                "A replication group in create-failed has nothing to take a snapshot of.",
            ));
        }
        snapshots::start(state, name, &id, tags::Tags::new())?;
    }
    let mut wait = durations::DELETE_GROUP;
    if snapshot.is_some() {
        wait += durations::FINAL_SNAPSHOT;
    }
    state.edit_group(&id, |group| {
        group.status = "deleting";
        group.set_member_status("deleting");
        for shard in &mut group.shards {
            shard.status = "deleting";
        }
    });
    state.timetable.cancel(|job| matches!(job, Job::MembersSettled(group) if *group == id));
    state.later(wait, Job::GroupGone(id.clone()));
    describe::answer(state, &id)
}

pub(crate) fn finish(state: &mut State, id: &str) {
    let Some(group) = state.groups.remove(id) else {
        return;
    };
    for member in group.members() {
        let arn = state.settings.arn("cluster", &member.id);
        tags::forget(state, &arn);
        events::cluster(state, &member.id, "Cache cluster deleted");
    }
    let arn = state.settings.arn("replicationgroup", id);
    tags::forget(state, &arn);
    user_groups::unlink(state, &group.access.user_groups, id);
    state.touched.insert(id.to_owned());
    events::group(state, id, format!("Replication group {id} deleted"));
}
