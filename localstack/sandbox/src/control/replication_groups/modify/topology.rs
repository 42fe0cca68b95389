//! Failover, zones, node type, primary.

use super::{Request, if_new};
use crate::control::replication_groups::change::Change;
use crate::control::replication_groups::{Shard, placement, rules};
use crate::control::{clusters, node_types};
use crate::refusal::Refusal;

pub(super) fn topology(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { state, group, input, waiting, .. } = request;

    let failover = input.bool("AutomaticFailoverEnabled")?;
    let multi_az = input.bool("MultiAZEnabled")?;
    rules::failover_change(group, failover, multi_az, waiting)?;
    change.automatic_failover = if_new(failover, &group.automatic_failover);
    change.multi_az = if_new(multi_az, &group.multi_az);
    if change.multi_az == Some(true) {
        let replicas = group.shards.iter().map(Shard::replicas).min().unwrap_or(0);
        rules::multi_az_possible(&placement::zones(state, &group.subnet_group), replicas)?;
    }
    if let Some(node_type) = input.text("CacheNodeType").filter(|name| *name != group.node_type) {
        let (up, down) = node_types::allowed_modifications(&group.node_type, group.version);
        if !up.contains(&node_type) && !down.contains(&node_type) {
            return Err(Refusal::invalid_value(format!(
                "The node type {node_type} is not an allowed modification from {}.",
                group.node_type
            )));
        }
        change.node_type = Some(node_type);
    }
    if let Some(primary) = input.id("PrimaryClusterId") {
        let member = group.member(&primary).ok_or_else(|| clusters::not_found(&primary))?;
        if group.is_clustered() {
            return Err(Refusal::invalid_combination(
                "PrimaryClusterId can not be used with cluster mode enabled replication groups.",
            ));
        }
        if group.automatic_failover {
            return Err(Refusal::invalid_combination(
                "The primary can not be changed manually while automatic failover is enabled.",
            ));
        }
        change.primary = (!member.primary).then_some(primary);
    }
    Ok(())
}
