//! What a modification changes, while it waits and when it takes effect.

use super::{ClusterMode, LogDelivery, ReplicationGroup, Tls, Topic, logs};
use crate::control::engine::Version;
use crate::control::{events, node_types, parameter_groups};
use crate::failures;
use crate::life::{Job, durations};
use crate::state::State;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenChange {
    Rotate(String),
    Set(String),
    Delete,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct UserGroupChange {
    pub add: Vec<String>,
    pub remove: Vec<String>,
}

/// `None` is untouched.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Change {
    pub description: Option<String>,
    pub node_type: Option<String>,
    pub version: Option<Version>,
    pub parameter_group: Option<String>,
    pub automatic_failover: Option<bool>,
    pub multi_az: Option<bool>,
    pub cluster_mode: Option<ClusterMode>,
    pub tls: Option<Tls>,
    pub token: Option<TokenChange>,
    pub user_groups: Option<UserGroupChange>,
    pub logs: Option<Vec<LogDelivery>>,
    pub security_groups: Option<Vec<String>>,
    pub maintenance_window: Option<String>,
    pub topic: Option<Option<Topic>>,
    pub auto_minor_version_upgrade: Option<bool>,
    pub snapshot_retention: Option<i64>,
    pub snapshot_window: Option<String>,
    pub snapshotting_cluster: Option<String>,
    pub ip_discovery: Option<String>,
    pub primary: Option<String>,
    pub durability: Option<String>,
}

impl Change {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Change::default()
    }

    /// A newer modification replaces an earlier one that is still waiting, member by member.
    pub(crate) fn overlaid_by(self, newer: &Change) -> Change {
        let newer = newer.clone();
        Change {
            description: newer.description.or(self.description),
            node_type: newer.node_type.or(self.node_type),
            version: newer.version.or(self.version),
            parameter_group: newer.parameter_group.or(self.parameter_group),
            automatic_failover: newer.automatic_failover.or(self.automatic_failover),
            multi_az: newer.multi_az.or(self.multi_az),
            cluster_mode: newer.cluster_mode.or(self.cluster_mode),
            tls: newer.tls.or(self.tls),
            token: newer.token.or(self.token),
            user_groups: newer.user_groups.or(self.user_groups),
            logs: newer.logs.or(self.logs),
            security_groups: newer.security_groups.or(self.security_groups),
            maintenance_window: newer.maintenance_window.or(self.maintenance_window),
            topic: newer.topic.or(self.topic),
            auto_minor_version_upgrade: newer.auto_minor_version_upgrade.or(self.auto_minor_version_upgrade),
            snapshot_retention: newer.snapshot_retention.or(self.snapshot_retention),
            snapshot_window: newer.snapshot_window.or(self.snapshot_window),
            snapshotting_cluster: newer.snapshotting_cluster.or(self.snapshotting_cluster),
            ip_discovery: newer.ip_discovery.or(self.ip_discovery),
            primary: newer.primary.or(self.primary),
            durability: newer.durability.or(self.durability),
        }
    }

    /// Takes out what waits for the maintenance window without ApplyImmediately: node type, engine
    /// version, parameter group, failover, TLS, cluster mode (TF issue 18737 for failover). The
    /// rest happens at once whatever the flag says.
    pub(crate) fn split_deferrable(mut self) -> (Change, Change) {
        let deferred = Change {
            node_type: self.node_type.take(),
            version: self.version.take(),
            parameter_group: self.parameter_group.take(),
            automatic_failover: self.automatic_failover.take(),
            multi_az: self.multi_az.take(),
            cluster_mode: self.cluster_mode.take(),
            tls: self.tls.take(),
            ..Change::default()
        };
        (self, deferred)
    }

    /// How long AWS takes over it, in seconds: the slowest part decides.
    pub(crate) fn duration(&self) -> f64 {
        let parts = [
            (self.node_type.is_some(), durations::NODE_TYPE),
            (self.version.is_some(), durations::ENGINE),
            (self.parameter_group.is_some(), durations::PARAMETERS),
            (self.automatic_failover.is_some() || self.multi_az.is_some(), durations::FAILOVER_SETTING),
            (self.cluster_mode.is_some(), durations::CLUSTER_MODE),
            (self.tls.is_some(), durations::TLS),
            (self.token.is_some() || self.user_groups.is_some(), durations::ACCESS),
            (self.logs.is_some(), durations::LOGS),
            (self.primary.is_some(), durations::TEST_FAILOVER),
        ];
        parts
            .iter()
            .filter(|(present, _)| *present)
            .map(|(_, seconds)| *seconds)
            .fold(durations::SMALL_CHANGE, f64::max)
    }

    /// Whether every node is replaced or restarted, so that members lag behind their group.
    fn touches_nodes(&self) -> bool {
        self.node_type.is_some() || self.version.is_some() || self.cluster_mode.is_some()
    }
}

/// Starts carrying out `change` and whatever `now` flushes with it.
pub(crate) fn start(state: &mut State, id: &str, change: Change) {
    let duration = change.duration();
    let span = state.span(duration);
    state.edit_group(id, |group| {
        group.status = "modifying";
        if change.touches_nodes() {
            group.set_member_status("modifying");
        }
        for member in group.members_mut() {
            if change.parameter_group.is_some() {
                member.parameters = super::ParameterStatus::Applying;
            }
        }
        for delivery in &mut group.logs {
            let changes = change.logs.iter().flatten().find(|wanted| wanted.log_type == delivery.log_type);
            if let Some(wanted) = changes {
                delivery.status = if wanted.enabled { "modifying" } else { "disabling" };
            }
        }
        group.under_way = Some(span);
        group.applying = change;
    });
    state.later(duration, Job::GroupChanged(id.to_owned()));
}

/// The change takes effect, or AWS takes it back.
pub(crate) fn finish(state: &mut State, id: &str) {
    let Some(group) = state.groups.get(id) else {
        return;
    };
    let mut change = group.applying.clone();
    let (node_type, engine) = (group.node_type.clone(), group.version);
    if let Some(wanted) = &change.node_type {
        let shrinks = node_types::memory(wanted) < node_types::memory(&node_type);
        if shrinks && failures::strikes(state, failures::Kind::ScaleDownRolledBack, id) {
            // CFN roadmap 2273: accepted, taken back, and only DescribeEvents says so.
            let text = format!(
                "Scale down operation from {node_type} to {wanted} failed and was rolled back: \
                 not enough memory on the target node type to hold the current data."
            );
            events::group(state, id, text);
            change.node_type = None;
        }
    }
    let reboot_needed =
        change.parameter_group.as_ref().is_some_and(|new| parameter_groups::apply::needs_reboot(state, id, new));
    let now = state.now_seconds();
    let logs_fail = change.logs.is_some() && failures::strikes(state, failures::Kind::LogDeliveryFailed, id);
    state.edit_group(id, |group| {
        group.applying = Change::default();
        group.under_way = None;
        take_effect(group, &change, now);
        if logs_fail {
            group.logs.iter_mut().for_each(super::LogDelivery::fail);
        }
        super::replicas::retire(group);
        for member in group.members_mut() {
            if change.version.is_some() {
                member.parameters = super::ParameterStatus::InSync;
            } else if change.parameter_group.is_some() {
                member.parameters =
                    if reboot_needed { super::ParameterStatus::PendingReboot } else { super::ParameterStatus::InSync };
            }
        }
    });
    if let Some(version) = change.version.filter(|version| *version != engine) {
        let text = format!(
            "Finished upgrading engine from {} {} to {} {}",
            engine.engine.name(),
            engine.full(),
            version.engine.name(),
            version.full()
        );
        events::group(state, id, text);
    }
    if let Some(wanted) = &change.node_type {
        let text = format!("Finished modifying cache node type from {node_type} to {wanted}");
        events::group(state, id, text);
    }
    if let Some(user_groups) = &change.user_groups {
        crate::control::user_groups::settle_links(state, id, user_groups);
    }
    state.touched.insert(id.to_owned());
    state.later(0.0, Job::GroupAvailable(id.to_owned()));
    state.later(durations::MEMBER_LAG, Job::MembersSettled(id.to_owned()));
}

fn take_effect(group: &mut ReplicationGroup, change: &Change, now: f64) {
    if change.node_type.is_some() || change.version.is_some() {
        group.generation += 1;
    }
    let change = change.clone();
    set(&mut group.description, change.description);
    set(&mut group.node_type, change.node_type);
    set(&mut group.version, change.version);
    set(&mut group.parameter_group, change.parameter_group);
    set(&mut group.automatic_failover, change.automatic_failover);
    set(&mut group.multi_az, change.multi_az);
    set(&mut group.cluster_mode, change.cluster_mode);
    set(&mut group.tls, change.tls);
    set(&mut group.security_groups, change.security_groups);
    set(&mut group.maintenance_window, change.maintenance_window);
    set(&mut group.topic, change.topic);
    set(&mut group.auto_minor_version_upgrade, change.auto_minor_version_upgrade);
    if change.snapshot_retention == Some(0) {
        group.snapshotting_cluster = None;
    }
    set(&mut group.snapshot_retention, change.snapshot_retention);
    set(&mut group.snapshot_window, change.snapshot_window);
    if change.snapshotting_cluster.is_some() {
        group.snapshotting_cluster = change.snapshotting_cluster;
    }
    set(&mut group.ip_discovery, change.ip_discovery);
    if change.durability.is_some() {
        group.durability = change.durability;
        group.is_stored_encrypted |= group.is_durable();
    }
    if let Some(token) = change.token {
        let access = &mut group.access;
        // Two changes of AWS's never share a date: each takes minutes.
        access.token_changed = Some(access.token_changed.map_or(now, |before| now.max(before + 0.001)));
        match token {
            TokenChange::Rotate(token) => {
                // Also one that had user groups: access without a token is open until SET (AWS guide, auth).
                access.open = access.tokens.is_empty();
                access.tokens.push(token);
                // AWS keeps the new and the last one.
                let surplus = access.tokens.len().saturating_sub(2);
                access.tokens.drain(..surplus);
            }
            TokenChange::Set(token) => {
                access.tokens = vec![token];
                access.open = false;
            }
            TokenChange::Delete => {
                access.tokens.clear();
                access.open = false;
            }
        }
    }
    if let Some(links) = change.user_groups {
        let groups = &mut group.access.user_groups;
        groups.retain(|id| !links.remove.contains(id));
        groups.extend(links.add);
    }
    if let Some(wanted) = change.logs {
        logs::merge(&mut group.logs, &wanted);
    }
    if let Some(primary) = change.primary {
        for member in group.members_mut() {
            member.primary = member.id == primary;
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
