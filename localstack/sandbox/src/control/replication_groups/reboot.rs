//! RebootCacheCluster: the only way a parameter that needs a reboot takes effect in place.

use super::{ClusterMode, ParameterStatus};
use crate::control::{clusters, events};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub(crate) fn reboot(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("CacheClusterId")?;
    let (group, member) = clusters::find(state, &id).ok_or_else(|| clusters::not_found(&id))?;
    if group.cluster_mode == ClusterMode::Enabled {
        // AWS guide, "Rebooting nodes": not supported with cluster mode enabled.
        return Err(Refusal::invalid_combination(
            "Reboot is not supported for cluster mode enabled replication groups.",
        ));
    }
    if member.status != "available" || group.status != "available" {
        return Err(Refusal::bad("InvalidCacheClusterState", format!("Cache cluster {id} is not in available state.")));
    }
    let nodes = input.texts("CacheNodeIdsToReboot").unwrap_or_default();
    if nodes != [clusters::NODE_ID] {
        return Err(Refusal::invalid_value("CacheNodeIdsToReboot must name the cluster's nodes: 0001."));
    }
    let group = group.id.clone();
    state.edit_group(&group, |group| {
        if let Some(member) = group.members_mut().find(|member| member.id == id) {
            member.status = "rebooting cluster nodes";
        }
    });
    state.later(durations::REBOOT, Job::MemberRebooted { group, member: id.clone() });
    clusters::answer(state, &id)
}

pub(crate) fn finish(state: &mut State, group: &str, member: &str) {
    state.edit_group(group, |group| {
        if let Some(member) = group.members_mut().find(|known| known.id == member) {
            member.status = "available";
            member.parameters = ParameterStatus::InSync;
        }
    });
    events::cluster(state, member, "Cache node 0001 restarted");
    state.touched.insert(group.to_owned());
}
