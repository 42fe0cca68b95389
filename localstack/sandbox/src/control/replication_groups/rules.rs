//! What AWS refuses for reasons that lie in several members at once or in other resources.

use super::{Change, ClusterMode, LogDelivery, ReplicationGroup, Tls};
use crate::control::engine::{Engine, Version};
use crate::control::{node_types, parameter_groups, user_groups};
use crate::refusal::Refusal;
use crate::seed;
use crate::state::State;
use crate::wire::input::Input;

/// Quotas as AWS raises them on request: by default a region has 300 nodes, too few for trying many
/// groups. Shards per group, and up to how many; nodes per group.
const NODES_PER_REGION: usize = 5_000;
const SHARDS: i64 = 90;
const SHARDS_RAISED: i64 = 500;
const NODES_PER_GROUP: usize = 500;

/// Members of Create the sandbox has no model for are refused rather than ignored.
pub(crate) fn refuse_unmodelled(input: &Input) -> Result<(), Refusal> {
    for member in ["GlobalReplicationGroupId", "PrimaryClusterId"] {
        if input.has(member) {
            return Err(Refusal::invalid_value(format!(
                "{member} is not supported by this sandbox when a replication group is created."
            )));
        }
    }
    refuse_unmodelled_modify(input)
}

/// Until it is `enabled` or `disabled`: "other modification operations such as scaling and engine version are not
/// allowed" (AWS guide, modify-cluster-mode).
pub(crate) fn refuse_while_compatible(group: &ReplicationGroup) -> Result<(), Refusal> {
    if group.cluster_mode == ClusterMode::Compatible {
        return Err(Refusal::invalid_combination(
            "The replication group is in cluster mode compatible: modify ClusterMode to enabled or disabled first.",
        ));
    }
    Ok(())
}

/// TF issue 27875 and upbound/upjet issue 1595 quote the text. A deletion is refused too (cloud-custodian issue 8815).
pub(crate) fn refuse_for_global_member(group: &ReplicationGroup) -> Result<(), Refusal> {
    match &group.global {
        None => Ok(()),
        Some(global) => Err(Refusal::invalid_value(format!(
            "Cluster [{}] is part of a global cluster [{}]. Request rejected.",
            group.id, global.id
        ))),
    }
}

/// EC2-Classic is gone, and with it cache security groups.
pub(crate) fn refuse_unmodelled_modify(input: &Input) -> Result<(), Refusal> {
    if input.texts("CacheSecurityGroupNames").is_some_and(|names| !names.is_empty()) {
        return Err(Refusal::invalid_combination(
            "Use of cache security groups is not permitted in this API version for your account.",
        ));
    }
    Ok(())
}

/// What a new group may run on.
pub(crate) fn node_type(node_type: &str, data_tiering: Option<bool>, version: Version) -> Result<(), Refusal> {
    if node_types::memory(node_type).is_none() {
        return Err(Refusal::invalid_value(format!("Invalid Cache Node Type: {node_type}.")));
    }
    if node_types::is_closed(node_type) {
        return Err(Refusal::invalid_value(format!("Node type {node_type} is not available for new clusters.")));
    }
    node_type_runs(node_type, version)?;
    match (node_types::has_data_tiering(node_type), data_tiering) {
        (true, Some(true)) | (false, None | Some(false)) => Ok(()),
        (true, _) => Err(Refusal::invalid_combination("DataTieringEnabled must be true when using r6gd node types.")),
        (false, Some(true)) => {
            Err(Refusal::invalid_combination("DataTieringEnabled is only supported for r6gd node types."))
        }
    }
}

/// AWS guide, CacheNodes.SupportedTypes: families by engine and first version.
pub(crate) fn node_type_runs(node_type: &str, version: Version) -> Result<(), Refusal> {
    if node_types::runs(node_type, version) {
        return Ok(());
    }
    Err(Refusal::invalid_combination(format!(
        "Node type {node_type} does not support engine {} version {}.",
        version.engine.name(),
        version.full()
    )))
}

/// Data tiering takes these policies only (AWS guide, data tiering).
pub(crate) fn tiering_policy(state: &State, node_type: &str, parameter_group: &str) -> Result<(), Refusal> {
    let policy = parameter_groups::require(state, parameter_group)?.value("maxmemory-policy").unwrap_or_default();
    tiering_takes(node_type, &policy)
}

pub(crate) fn tiering_takes(node_type: &str, policy: &str) -> Result<(), Refusal> {
    const POLICIES: [&str; 5] = ["volatile-lru", "allkeys-lru", "volatile-lfu", "allkeys-lfu", "noeviction"];
    if node_types::has_data_tiering(node_type) && !POLICIES.contains(&policy) {
        return Err(Refusal::invalid_combination(format!(
            "The maxmemory-policy {policy} is not supported with data tiering. Supported values: {}",
            POLICIES.join(", ")
        )));
    }
    Ok(())
}

/// What durable writes rest on (AWS guide, Durability.Limitations and Durability.ChangingDurability).
pub(crate) struct Durable<'a> {
    pub version: Version,
    pub cluster_mode: ClusterMode,
    pub multi_az: bool,
    /// The fewest of any shard.
    pub replicas: usize,
    pub tls: Tls,
    pub node_type: &'a str,
    pub is_global: bool,
}

impl Durable<'_> {
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let is_new_enough = self.version.engine == Engine::Valkey && self.version.at_least(9, 0, 0);
        let conditions = [
            (is_new_enough, "engine valkey 9.0 or later"),
            (self.cluster_mode == ClusterMode::Enabled, "cluster mode enabled"),
            (self.multi_az && self.replicas > 0, "Multi-AZ and at least one replica per node group"),
            (self.tls != Tls::Off, "encryption in transit"),
            (
                node_types::keeps_writes_durable(self.node_type),
                "a node type of R6g, R7g, R8g, M6g, M7g, M8g, C7gn or C8gn",
            ),
            (!self.is_global, "a replication group outside of a global datastore"),
        ];
        match conditions.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, what)) => Err(Refusal::invalid_combination(format!("Durability requires {what}."))),
        }
    }
}

/// Five by default; an account may have more (TF issue 46634).
pub(crate) fn replica_count(state: &State, replicas: i64) -> Result<(), Refusal> {
    let most = state.quotas.replicas;
    if (0..=most).contains(&replicas) {
        return Ok(());
    }
    Err(Refusal::invalid_value(format!("Invalid replica count {replicas}: a node group has 0 to {most} replicas.")))
}

pub(crate) fn shard_quota(count: i64, version: &Version) -> Result<(), Refusal> {
    let limit = if version.at_least(5, 0, 6) { SHARDS } else { SHARDS.min(15) };
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::bad(
        "NodeGroupsPerReplicationGroupQuotaExceeded",
        format!("A replication group can have at most {limit} node groups (up to {SHARDS_RAISED} on request)."),
    ))
}

/// Whether `nodes` nodes of this group fit, beside all others.
pub(crate) fn node_quota(state: &State, group: &ReplicationGroup, nodes: usize) -> Result<(), Refusal> {
    if nodes > NODES_PER_GROUP {
        return Err(Refusal::bad(
            "NodeQuotaForClusterExceeded",
            format!("A cluster can have at most {NODES_PER_GROUP} nodes."),
        ));
    }
    // Seeded groups do not count: AWS raises the quota of accounts that are large.
    let counts = |other: &&ReplicationGroup| other.id != group.id && !seed::is_seeded(&other.id);
    let others: usize = state.groups.values().filter(counts).map(ReplicationGroup::node_count).sum();
    if others + nodes > NODES_PER_REGION {
        return Err(Refusal::bad(
            "NodeQuotaForCustomerExceeded",
            format!("The customer has exceeded the node quota of {NODES_PER_REGION} nodes."),
        ));
    }
    Ok(())
}

/// A group's parameter group is of its engine's family.
pub(crate) fn parameter_group_fits(state: &State, name: &str, version: &Version) -> Result<(), Refusal> {
    let group = parameter_groups::require(state, name)?;
    let family = version.family();
    if group.family.name == family {
        return Ok(());
    }
    if group.family.engine != version.engine {
        // ACK pull request 188.
        return Err(Refusal::invalid_combination(format!(
            "{} parameter group is not applicable to engine {}",
            group.family.engine.name(),
            version.engine.name()
        )));
    }
    // dify-self-hosted-on-aws issue 24.
    Err(Refusal::invalid_combination(format!(
        "Expected a parameter group of family {family} but found one of family {}",
        group.family.name
    )))
}

pub(crate) fn tls_at_create(input: &Input) -> Result<Tls, Refusal> {
    let on = input.bool("TransitEncryptionEnabled")?.unwrap_or(false);
    match (on, input.text("TransitEncryptionMode").as_deref()) {
        (false, None) => Ok(Tls::Off),
        (false, Some(_)) => {
            Err(Refusal::invalid_combination("TransitEncryptionMode requires TransitEncryptionEnabled to be true."))
        }
        (true, None | Some("required")) => Ok(Tls::Required),
        (true, Some("preferred")) => Ok(Tls::Preferred),
        (true, Some(other)) => Err(Refusal::invalid_value(format!(
            "Invalid value {other} for TransitEncryptionMode. Valid values: preferred, required"
        ))),
    }
}

pub(crate) fn user_groups_fit(state: &State, ids: &[String], engine: Engine, tls: Tls) -> Result<(), Refusal> {
    if ids.is_empty() {
        return Ok(());
    }
    if ids.len() > 1 {
        return Err(Refusal::invalid_value("Only one user group can be associated with a replication group."));
    }
    if tls == Tls::Off {
        return Err(Refusal::invalid_combination(
            "User group based access control requires encryption-in-transit to be enabled on the replication group.",
        ));
    }
    for id in ids {
        let group = user_groups::require(state, id)?;
        if group.status != "active" {
            return Err(Refusal::bad("InvalidUserGroupState", format!("User group {id} is not in active state.")));
        }
        // AWS guide, role-based access control: a Redis OSS cache takes Redis OSS user groups only.
        if engine == Engine::Redis && group.engine == Engine::Valkey {
            return Err(Refusal::invalid_combination(format!(
                "User group {id} of engine valkey can not be associated with a replication group of engine redis."
            )));
        }
    }
    Ok(())
}

/// The text is quoted in CFN roadmap issue 1275.
fn needs_replica() -> Refusal {
    Refusal::invalid_combination("Replication group must have at least one read replica to enable autofailover.")
}

pub(crate) fn failover_at_create(
    asked: Option<bool>,
    multi_az: bool,
    engine: Engine,
    clustered: bool,
    replicas: usize,
    node_type: &str,
) -> Result<bool, Refusal> {
    if clustered {
        // API model: cluster mode enabled needs automatic failover, and AWS turns it on.
        return match asked {
            Some(false) => Err(Refusal::invalid_combination(
                "Automatic failover must be enabled for replication groups with cluster mode enabled.",
            )),
            _ => Ok(true),
        };
    }
    // AWS turns it on for Valkey groups that have a replica (go-to-k/cdk-real-drift issue 1508).
    let on = asked.unwrap_or(engine == Engine::Valkey && replicas > 0 && failover_node_type(true, node_type).is_ok());
    if on && replicas == 0 {
        return Err(needs_replica());
    }
    failover_node_type(on, node_type)?;
    if multi_az && !on {
        return Err(Refusal::invalid_combination("Multi-AZ requires automatic failover to be enabled."));
    }
    Ok(on)
}

pub(crate) fn failover_node_type(on: bool, node_type: &str) -> Result<(), Refusal> {
    if on && matches!(node_types::family(node_type), "t1" | "t2") {
        return Err(Refusal::invalid_combination(
            "Automatic failover is not supported for T1 and T2 cache node types.",
        ));
    }
    Ok(())
}

pub(crate) fn multi_az_possible(zones: &[String], replicas: usize) -> Result<(), Refusal> {
    if replicas == 0 {
        return Err(Refusal::invalid_combination(
            "Replication group must have at least one read replica per node group to enable Multi-AZ.",
        ));
    }
    if zones.len() < 2 {
        return Err(Refusal::invalid_combination(
            "Multi-AZ requires a cache subnet group with subnets in at least two availability zones.",
        ));
    }
    Ok(())
}

pub(crate) fn failover_change(
    group: &ReplicationGroup,
    failover: Option<bool>,
    multi_az: Option<bool>,
    waiting: &Change,
) -> Result<(), Refusal> {
    let replicas = group.shards.iter().map(super::Shard::replicas).min().unwrap_or(0);
    match failover {
        // TF issue 27116.
        Some(false) if group.is_clustered() => {
            return Err(Refusal::invalid_combination(
                "Turning off automatic failover for replication group with cluster mode enabled is not supported.",
            ));
        }
        // Also when it is on already: CFN roadmap issue 1275.
        Some(true) if replicas == 0 => return Err(needs_replica()),
        Some(true) if !group.is_clustered() => failover_node_type(true, &group.node_type)?,
        _ => {}
    }
    let failover_after = failover.or(waiting.automatic_failover).unwrap_or(group.automatic_failover);
    let multi_az_after = multi_az.or(waiting.multi_az).unwrap_or(group.multi_az);
    if multi_az_after && !failover_after {
        return Err(Refusal::invalid_combination(if failover == Some(false) {
            "Cannot disable automatic failover while Multi-AZ is enabled."
        } else {
            "Multi-AZ requires automatic failover to be enabled."
        }));
    }
    Ok(())
}

/// Slow logs came with Redis 6.0, engine logs with 6.2 (TF issue 46440 for the text).
pub(crate) fn log_engine(logs: &[LogDelivery], version: &Version) -> Result<(), Refusal> {
    for log in logs.iter().filter(|log| log.enabled) {
        let minimum = if log.log_type == "slow-log" { (6, 0) } else { (6, 2) };
        if (version.major, version.minor) < minimum {
            return Err(Refusal::invalid_combination(format!(
                "{} log delivery is not available for this {} engine version.",
                log.log_type,
                version.engine.name()
            )));
        }
    }
    Ok(())
}
