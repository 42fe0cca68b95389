//! Engine, version, parameter group, cluster mode.

use super::{Request, if_new};
use crate::control::engine::{Engine, Version};
use crate::control::parameter_groups::{self, ParameterGroup};
use crate::control::replication_groups::change::Change;
use crate::control::replication_groups::{ClusterMode, rules};
use crate::control::user_groups;
use crate::refusal::Refusal;

/// Engine, version, parameter group and cluster mode hang together by the parameter group's family
/// and its `cluster-enabled`.
pub(super) fn engine(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { group, input, .. } = request;

    let engine = input.text("Engine").map(|text| Engine::parse_replicated(&text)).transpose()?;
    let engine_after = engine.unwrap_or(group.version.engine);
    if engine_after != group.version.engine && !input.has("EngineVersion") {
        return Err(Refusal::invalid_combination("EngineVersion must be specified when the engine is modified."));
    }
    if let Some(text) = input.text("EngineVersion") {
        let names_it = engine_after == group.version.engine
            && (text == group.version.full() || text == group.version.offered_name());
        let wanted = if names_it { group.version } else { Version::requested(engine_after, &text)? };
        let upgrades = wanted.engine != group.version.engine
            || (wanted.major, wanted.minor, wanted.patch)
                >= (group.version.major, group.version.minor, group.version.patch);
        if !upgrades {
            // API model, EngineVersion: "you cannot downgrade to an earlier engine version".
            return Err(Refusal::invalid_combination(format!(
                "Cannot downgrade engine version from {} to {}.",
                group.version.full(),
                wanted.full()
            )));
        }
        if wanted.engine == Engine::Redis && group.version.engine == Engine::Valkey {
            rollback(request, wanted)?;
        }
        for node_type in [Some(&group.node_type), request.waiting.node_type.as_ref()].into_iter().flatten() {
            rules::node_type_runs(node_type, wanted)?;
        }
        change.version = if_new(Some(wanted), &group.version);
    }
    cluster_mode(request, change)?;
    parameter_group(request, change)
}

/// Back to Redis OSS leads one documented way, from 7.2 to 7.1, and only once all that the group knows of users is
/// Redis OSS again (AWS guide, VersionManagement.HowTo).
fn rollback(request: Request, wanted: Version) -> Result<(), Refusal> {
    let Request { state, group, .. } = request;
    let is_documented = (group.version.major, group.version.minor, wanted.major, wanted.minor) == (7, 2, 7, 1);
    if !is_documented {
        return Err(Refusal::invalid_combination(format!(
            "Modification of engine from valkey {} to redis {} is not supported.",
            group.version.full(),
            wanted.full()
        )));
    }
    for id in &group.access.user_groups {
        let users = user_groups::require(state, id)?;
        let odd = users.users.iter().find(|id| state.users.get(*id).is_some_and(|user| user.engine == Engine::Valkey));
        if users.engine == Engine::Valkey || odd.is_some() {
            return Err(Refusal::invalid_combination(format!(
                "User group {id} and its users must have engine redis before the engine is modified to redis."
            )));
        }
    }
    Ok(())
}

fn cluster_mode(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { group, input, .. } = request;

    let Some(text) = input.text("ClusterMode") else {
        return Ok(());
    };
    if let Some(other) = super::beside(input, &["ClusterMode", "CacheParameterGroupName"]) {
        // AWS guide, modify-cluster-mode.
        return Err(Refusal::invalid_combination(format!("ClusterMode can not be modified together with {other}.")));
    }
    let wanted = ClusterMode::parse(&text)?;
    let refuse = |text: &str| Err(Refusal::invalid_combination(text));
    match (group.cluster_mode, wanted) {
        (now, wanted) if now == wanted => return Ok(()),
        (ClusterMode::Disabled, ClusterMode::Enabled) => {
            return refuse(
                "Cluster mode can not be changed from disabled to enabled directly. Change it to compatible first.",
            );
        }
        (ClusterMode::Enabled, _) => {
            return refuse("Cluster mode can not be changed once it is enabled.");
        }
        (ClusterMode::Disabled, _) => {
            if !group.version.at_least(7, 0, 0) {
                return refuse("ClusterMode compatible requires engine version 7.0 or later.");
            }
            if !group.automatic_failover {
                return refuse("ClusterMode compatible requires automatic failover and at least one replica.");
            }
        }
        (ClusterMode::Compatible, _) => {}
    }
    change.cluster_mode = Some(wanted);
    Ok(())
}

/// What a cache has from its creation on stays; so does what is static where a redis cache with a parameter group of its
/// user's becomes valkey (AWS guide, ParameterGroups.Engine and VersionManagement.HowTo; the text is that of
/// `cluster-enabled`).
fn keeps_parameters(current: &ParameterGroup, new: &ParameterGroup) -> Result<(), Refusal> {
    let becomes_valkey = current.family.name.starts_with("redis") && new.family.name.starts_with("valkey");
    let kept: Vec<&str> = if current.family.name == new.family.name {
        vec!["cluster-databases"]
    } else if becomes_valkey && !current.is_default {
        current.family.rows().filter(|row| row.reboot && row.name != "cluster-enabled").map(|row| row.name).collect()
    } else {
        Vec::new()
    };
    let differs = |name: &&str| current.value(name).zip(new.value(name)).is_some_and(|(before, after)| before != after);
    match kept.into_iter().find(differs) {
        None => Ok(()),
        Some(name) => Err(Refusal::invalid_combination(format!(
            "The parameter {name} has a different value in the requested parameter group than the current parameter group. \
             This parameter value cannot be changed while creating or modifying a cache cluster."
        ))),
    }
}

fn parameter_group(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { state, group, input, waiting, .. } = request;

    // What waits already counts: this change is applied with it, or after it.
    let version = change.version.or(waiting.version).unwrap_or(group.version);
    let mode = change.cluster_mode.or(waiting.cluster_mode).unwrap_or(group.cluster_mode);
    let clustered = mode != ClusterMode::Disabled;
    let current = parameter_groups::require(state, waiting.parameter_group.as_ref().unwrap_or(&group.parameter_group))?;
    match input.id("CacheParameterGroupName") {
        Some(name) => {
            rules::parameter_group_fits(state, &name, &version)?;
            if parameter_groups::require(state, &name)?.is_clustered() != clustered {
                // TF issue 35636.
                return Err(Refusal::invalid_combination(
                    "The parameter cluster-enabled has a different value in the requested parameter group than \
                     the current parameter group. This parameter value cannot be changed while creating or \
                     modifying a cache cluster.",
                ));
            }
            keeps_parameters(current, parameter_groups::require(state, &name)?)?;
            rules::tiering_policy(state, &group.node_type, &name)?;
            change.parameter_group = if_new(Some(name), &group.parameter_group);
        }
        None => {
            let fits = current.family.name == version.family() && current.is_clustered() == clustered;
            if !fits && current.is_default {
                // AWS swaps its own groups by itself.
                change.parameter_group = Some(parameter_groups::default_name(&version.family(), clustered));
            } else if current.family.name != version.family() {
                // The text for an upgrade without its parameter group (dify issue 24).
                return Err(Refusal::invalid_combination(format!(
                    "Expected a parameter group of family {} but found one of family {}",
                    version.family(),
                    current.family.name
                )));
            } else if !fits {
                return Err(Refusal::invalid_combination(format!(
                    "Changing the cluster mode requires a parameter group with cluster-enabled set to {}.",
                    if clustered { "yes" } else { "no" }
                )));
            }
        }
    }
    Ok(())
}
