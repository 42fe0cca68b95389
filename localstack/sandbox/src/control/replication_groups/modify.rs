//! ModifyReplicationGroup: what is asked for, what AWS refuses of it, what waits.

use super::change::{Change, TokenChange, UserGroupChange};
use super::{ClusterMode, LogDelivery, ReplicationGroup, Tls, Topic, change, describe, placement, request, rules};
use crate::control::engine::{Engine, Version};
use crate::control::{node_types, parameter_groups, user_groups};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let immediately = input.bool("ApplyImmediately")?.unwrap_or(false);
    let group = state.modifiable_group(&id)?;
    let wanted = read(state, group, input, immediately)?;
    if wanted.node_type.is_some() || wanted.version.is_some() {
        state.with_settled_members(&id)?;
    }
    let kept = still_waiting(group, input);
    let withdraws = kept != group.deferred;
    if wanted.is_empty() && !withdraws {
        return Err(Refusal::invalid_combination("No modifications were requested"));
    }
    if let Some(links) = &wanted.user_groups {
        user_groups::note_links(state, &id, links);
    }
    let deferred = kept;
    let (now, later) = if immediately {
        // API model, ApplyImmediately: everything that waited is applied with it.
        (deferred.overlaid_by(&wanted), Change::default())
    } else {
        let (now, waiting) = wanted.split_deferrable();
        (now, deferred.overlaid_by(&waiting))
    };
    state.edit_group(&id, |group| group.deferred = later);
    if !now.is_empty() {
        change::start(state, &id, now);
    }
    describe::answer(state, &id)
}

/// What goes on waiting: asking for the value that is live already takes back a change that waits.
fn still_waiting(group: &ReplicationGroup, input: &Input) -> Change {
    let mut kept = group.deferred.clone();
    let asks = |member: &str, live: &str| input.text(member).is_some_and(|text| text.eq_ignore_ascii_case(live));
    if asks("CacheNodeType", &group.node_type) {
        kept.node_type = None;
    }
    if asks("EngineVersion", &group.version.offered_name()) || asks("EngineVersion", &group.version.full()) {
        kept.version = None;
    }
    if asks("CacheParameterGroupName", &group.parameter_group) {
        kept.parameter_group = None;
    }
    if asks("AutomaticFailoverEnabled", &group.automatic_failover.to_string()) {
        kept.automatic_failover = None;
    }
    if asks("MultiAZEnabled", &group.multi_az.to_string()) {
        kept.multi_az = None;
    }
    kept
}

/// The maintenance window opens: what waited is carried out.
pub fn open_window(state: &mut State, id: &str) -> Result<bool, Refusal> {
    let group = state.modifiable_group(id)?;
    if group.deferred.is_empty() {
        return Ok(false);
    }
    let change = group.deferred.clone();
    state.edit_group(id, |group| group.deferred = Change::default());
    change::start(state, id, change);
    Ok(true)
}

fn read(state: &State, group: &ReplicationGroup, input: &Input, immediately: bool) -> Result<Change, Refusal> {
    rules::refuse_unmodelled_modify(input)?;
    let mut change = settings(state, group, input)?;
    engine(state, group, input, &mut change)?;
    topology(state, group, input, &mut change)?;
    encryption(group, input, &mut change)?;
    access(state, group, input, immediately, &mut change)?;
    logs(group, input, immediately, &mut change)?;
    Ok(change)
}

/// Drops a value that is what the group has already.
fn if_new<T: PartialEq>(value: Option<T>, live: &T) -> Option<T> {
    value.filter(|value| value != live)
}

fn settings(state: &State, group: &ReplicationGroup, input: &Input) -> Result<Change, Refusal> {
    let mut change = Change::default();
    if let Some(text) = input.text("ReplicationGroupDescription") {
        request::description(&text)?;
        change.description = if_new(Some(text), &group.description);
    }
    change.security_groups = if_new(request::security_groups(input)?, &group.security_groups);
    if let Some(text) = input.text("PreferredMaintenanceWindow") {
        change.maintenance_window = if_new(Some(request::maintenance_window(&text)?), &group.maintenance_window);
    }
    if let Some(text) = input.text("SnapshotWindow") {
        request::snapshot_window(&text)?;
        change.snapshot_window = if_new(Some(text), &group.snapshot_window);
    }
    change.auto_minor_version_upgrade =
        if_new(input.bool("AutoMinorVersionUpgrade")?, &group.auto_minor_version_upgrade);
    change.topic = topic(state, group, input)?;
    change.ip_discovery = if_new(request::network(input, "IpDiscovery", &["ipv4", "ipv6"])?, &group.ip_discovery);
    if change.ip_discovery.as_deref() == Some("ipv6") && group.network_type == "ipv4" {
        return Err(Refusal::invalid_combination("IpDiscovery ipv6 requires NetworkType ipv6 or dual_stack."));
    }
    if let Some(wanted) = request::durability(input)? {
        let on = |mode: Option<&str>| matches!(mode, Some("sync" | "async"));
        match (on(group.durability.as_deref()), on(Some(&wanted))) {
            (true, false) => {
                return Err(Refusal::invalid_combination(
                    "Durability cannot currently be disabled on durable clusters.",
                ));
            }
            (false, true) => {
                return Err(Refusal::invalid_combination(
                    "Durability cannot currently be enabled on non-durable clusters.",
                ));
            }
            _ => change.durability = Some(wanted).filter(|wanted| Some(wanted) != group.durability.as_ref()),
        }
    }
    snapshots(group, input, &mut change)?;
    Ok(change)
}

fn snapshots(group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let cluster = input.id("SnapshottingClusterId");
    if let Some(cluster) = &cluster {
        if group.is_clustered() {
            // TF issue 20052.
            return Err(Refusal::invalid_combination(
                "SnapshottingClusterId can not be used with cluster mode enabled replication groups.",
            ));
        }
        if group.member(cluster).is_none() {
            return Err(crate::control::clusters::not_found(cluster));
        }
    }
    let retention = request::snapshot_retention(input)?;
    let turns_on = retention.is_some_and(|days| days > 0) && group.snapshot_retention == 0;
    if turns_on && !group.is_clustered() && cluster.is_none() && group.snapshotting_cluster.is_none() {
        return Err(Refusal::invalid_combination(
            "SnapshottingClusterId must be specified to enable automatic snapshots on a replication group with cluster mode disabled.",
        ));
    }
    change.snapshot_retention = if_new(retention, &group.snapshot_retention);
    change.snapshotting_cluster = cluster.filter(|cluster| Some(cluster) != group.snapshotting_cluster.as_ref());
    Ok(())
}

fn topic(state: &State, group: &ReplicationGroup, input: &Input) -> Result<Option<Option<Topic>>, Refusal> {
    let arn = input.text("NotificationTopicArn").filter(|arn| !arn.is_empty());
    let status = input.text("NotificationTopicStatus");
    if let Some(status) = &status {
        request::one_of("NotificationTopicStatus", status, &["active", "inactive"])?;
    }
    if let Some(arn) = &arn {
        request::topic(arn, &state.settings.account_id)?;
    }
    let current = group.topic.clone();
    let arn = arn.or_else(|| current.as_ref().map(|topic| topic.arn.clone()));
    let wanted = match (arn, status.as_deref()) {
        (None, _) => None,
        (Some(arn), Some("inactive")) => Some(Topic { arn, active: false }),
        (Some(arn), Some(_)) => Some(Topic { arn, active: true }),
        (Some(arn), None) if input.has("NotificationTopicArn") => Some(Topic { arn, active: true }),
        (Some(_), None) => current.clone(),
    };
    Ok(if wanted == current { None } else { Some(wanted) })
}

/// Engine, version, parameter group and cluster mode hang together by the parameter group's family
/// and its `cluster-enabled`.
fn engine(state: &State, group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let engine = input.text("Engine").map(|text| Engine::parse_replicated(&text)).transpose()?;
    let engine_after = engine.unwrap_or(group.version.engine);
    if engine_after != group.version.engine {
        if engine_after == Engine::Redis {
            return Err(Refusal::invalid_combination("Modification of engine from valkey to redis is not supported."));
        }
        if !input.has("EngineVersion") {
            return Err(Refusal::invalid_combination("EngineVersion must be specified when the engine is modified."));
        }
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
        change.version = if_new(Some(wanted), &group.version);
    }
    cluster_mode(group, input, change)?;
    parameter_group(state, group, input, change)
}

fn cluster_mode(group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let Some(text) = input.text("ClusterMode") else {
        return Ok(());
    };
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

fn parameter_group(state: &State, group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let version = change.version.unwrap_or(group.version);
    let clustered = change.cluster_mode.unwrap_or(group.cluster_mode) != ClusterMode::Disabled;
    let current = parameter_groups::require(state, &group.parameter_group)?;
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

fn topology(state: &State, group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let failover = input.bool("AutomaticFailoverEnabled")?;
    let multi_az = input.bool("MultiAZEnabled")?;
    rules::failover_change(group, failover, multi_az)?;
    change.automatic_failover = if_new(failover, &group.automatic_failover);
    change.multi_az = if_new(multi_az, &group.multi_az);
    if change.multi_az == Some(true) {
        let replicas = group.shards.iter().map(super::Shard::replicas).min().unwrap_or(0);
        rules::multi_az_possible(&placement::zones(state, &group.subnet_group), replicas)?;
    }
    if let Some(node_type) = input.text("CacheNodeType").filter(|name| *name != group.node_type) {
        let (up, down) = node_types::allowed_modifications(&group.node_type);
        if !up.contains(&node_type) && !down.contains(&node_type) {
            return Err(Refusal::invalid_value(format!(
                "The node type {node_type} is not an allowed modification from {}.",
                group.node_type
            )));
        }
        change.node_type = Some(node_type);
    }
    if let Some(primary) = input.id("PrimaryClusterId") {
        let member = group.member(&primary).ok_or_else(|| crate::control::clusters::not_found(&primary))?;
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

fn encryption(group: &ReplicationGroup, input: &Input, change: &mut Change) -> Result<(), Refusal> {
    let on = input.bool("TransitEncryptionEnabled")?;
    let mode = input.text("TransitEncryptionMode");
    if on.is_none() && mode.is_none() {
        return Ok(());
    }
    if group.access.is_controlled() {
        // Even when nothing would change: ACK issue 2536.
        return Err(Refusal::invalid_combination(
            "Modification of transit encryption is not supported for access control enabled clusters.",
        ));
    }
    let mode = match mode.as_deref() {
        None => None,
        Some("preferred") => Some(Tls::Preferred),
        Some("required") => Some(Tls::Required),
        Some(other) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value {other} for TransitEncryptionMode. Valid values: preferred, required"
            )));
        }
    };
    let refuse = |text: &str| Err(Refusal::invalid_combination(text));
    let wanted = match (on, mode) {
        (Some(false), Some(_)) => return refuse("TransitEncryptionMode requires TransitEncryptionEnabled to be true."),
        (Some(false), None) => Tls::Off,
        (_, Some(mode)) => mode,
        (Some(true), None) if group.tls == Tls::Off => {
            return refuse("TransitEncryptionMode must be set to preferred when transit encryption is enabled.");
        }
        (_, None) => group.tls,
    };
    if wanted == group.tls {
        return Ok(());
    }
    if !group.version.allows_tls_change() {
        return refuse("Modification of transit encryption requires engine version 7.0.5 or later.");
    }
    match (group.tls, wanted) {
        (Tls::Off, Tls::Required) => {
            return refuse(
                "Transit encryption can only be enabled with TransitEncryptionMode preferred. Change it to required afterwards.",
            );
        }
        (Tls::Off, Tls::Preferred) if on != Some(true) => {
            return refuse("TransitEncryptionMode requires TransitEncryptionEnabled to be true.");
        }
        (Tls::Required, Tls::Off) => {
            return refuse(
                "Transit encryption can only be disabled after TransitEncryptionMode was changed to preferred.",
            );
        }
        _ => {}
    }
    change.tls = Some(wanted);
    Ok(())
}

fn access(
    state: &State,
    group: &ReplicationGroup,
    input: &Input,
    immediately: bool,
    change: &mut Change,
) -> Result<(), Refusal> {
    let token = input.text("AuthToken").filter(|token| !token.is_empty());
    let strategy = input.text("AuthTokenUpdateStrategy");
    let add = input.texts("UserGroupIdsToAdd").unwrap_or_default();
    let remove = if input.bool("RemoveUserGroups")?.unwrap_or(false) {
        group.access.user_groups.clone()
    } else {
        input.texts("UserGroupIdsToRemove").unwrap_or_default()
    };
    let refuse = |text: &str| Err(Refusal::invalid_combination(text));
    if (token.is_some() || strategy.is_some()) && !immediately {
        return refuse("To modify the auth token, set the apply-immediately parameter to true.");
    }
    let keeps_user_groups = group.access.user_groups.iter().any(|id| !remove.contains(id));
    change.token = match (token, strategy.as_deref()) {
        (None, None) => None,
        (None, Some("DELETE")) if add.is_empty() => {
            // upjet issue 1370.
            return Err(Refusal::invalid_value("Auth token update strategy delete is not supported currently"));
        }
        (None, Some("DELETE")) => group.access.has_token().then_some(TokenChange::Delete),
        (Some(_), Some("DELETE")) => {
            return refuse("AuthToken must not be specified when AuthTokenUpdateStrategy is DELETE.");
        }
        (None, Some("SET" | "ROTATE")) => {
            return refuse("AuthTokenUpdateStrategy must be specified together with AuthToken.");
        }
        (Some(token), None | Some("ROTATE")) => Some(TokenChange::Rotate(token)),
        (Some(token), Some("SET")) => Some(TokenChange::Set(token)),
        (_, Some(other)) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value {other} for AuthTokenUpdateStrategy. Valid values: SET, ROTATE, DELETE"
            )));
        }
    };
    if let Some(TokenChange::Rotate(token) | TokenChange::Set(token)) = &change.token {
        request::auth_token(token)?;
        if group.tls == Tls::Off {
            return refuse("AuthToken is only supported when TransitEncryptionEnabled is true.");
        }
        if keeps_user_groups {
            // TF issue 34496.
            return refuse(
                "Auth tokens can't be enabled with a user group already associated. Pass RemoveUserGroups to proceed.",
            );
        }
        let sets = matches!(change.token, Some(TokenChange::Set(_)));
        let moves_from_user_groups = !group.access.user_groups.is_empty();
        if sets && !moves_from_user_groups && !group.access.tokens.contains(token) {
            // API model: "SET - allowed only after ROTATE".
            return refuse(
                "The AuthTokenUpdateStrategy SET is only allowed after the same AuthToken was added with ROTATE.",
            );
        }
    }
    let loses_token = change.token == Some(TokenChange::Delete);
    if !add.is_empty() && group.access.has_token() && !loses_token {
        // TF issue 31710.
        return refuse("User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.");
    }
    if let Some(id) = remove.iter().find(|id| !group.access.user_groups.contains(id)) {
        return Err(Refusal::invalid_value(format!("User group {id} is not associated with the replication group.")));
    }
    let added: Vec<String> =
        add.iter().filter(|id| !group.access.user_groups.contains(id) || remove.contains(id)).cloned().collect();
    let after: Vec<String> =
        group.access.user_groups.iter().filter(|id| !remove.contains(id)).chain(&added).cloned().collect();
    if !added.is_empty() {
        rules::user_groups_fit(state, &after, group.version.engine, group.tls)?;
    }
    if !added.is_empty() || !remove.is_empty() {
        change.user_groups = Some(UserGroupChange { add: added, remove });
    }
    Ok(())
}

fn logs(group: &ReplicationGroup, input: &Input, immediately: bool, change: &mut Change) -> Result<(), Refusal> {
    let Some(wanted) = LogDelivery::read(input)? else {
        return Ok(());
    };
    if !immediately {
        // TF issue 49842.
        return Err(Refusal::invalid_combination(
            "To modify the log delivery configuration, set the apply-immediately parameter to true.",
        ));
    }
    // The version that runs now counts, not the one in the same call: TF issue 46440.
    rules::log_engine(&wanted, &group.version)?;
    let same = |delivery: &LogDelivery| {
        let live = group.logs.iter().find(|live| live.log_type == delivery.log_type);
        match live {
            None => !delivery.enabled,
            Some(live) => {
                delivery.enabled
                    && (&live.destination, &live.destination_type, &live.format)
                        == (&delivery.destination, &delivery.destination_type, &delivery.format)
            }
        }
    };
    let changed: Vec<LogDelivery> = wanted.into_iter().filter(|delivery| !same(delivery)).collect();
    change.logs = (!changed.is_empty()).then_some(changed);
    Ok(())
}
