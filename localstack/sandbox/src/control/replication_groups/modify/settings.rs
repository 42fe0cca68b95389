//! Members that change something small, at once.

use super::{Request, if_new};
use crate::control::replication_groups::change::Change;
use crate::control::replication_groups::{LogDelivery, ReplicationGroup, Topic, request, rules, windows};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;

pub(super) fn settings(request: Request) -> Result<Change, Refusal> {
    let Request { state, group, input, .. } = request;

    let mut change = Change::default();
    if let Some(text) = input.text("ReplicationGroupDescription") {
        request::description(&text)?;
        change.description = if_new(Some(text), &group.description);
    }
    change.security_groups = if_new(request::security_groups(input)?, &group.security_groups);
    if let Some(text) = input.text("PreferredMaintenanceWindow") {
        change.maintenance_window = if_new(Some(windows::maintenance_window(&text)?), &group.maintenance_window);
    }
    if let Some(text) = input.text("SnapshotWindow") {
        windows::snapshot_window(&text)?;
        change.snapshot_window = if_new(Some(text), &group.snapshot_window);
    }
    if input.has("PreferredMaintenanceWindow") || input.has("SnapshotWindow") {
        let maintenance = change.maintenance_window.as_ref().unwrap_or(&group.maintenance_window);
        windows::apart(maintenance, change.snapshot_window.as_ref().unwrap_or(&group.snapshot_window))?;
    }
    change.auto_minor_version_upgrade =
        if_new(input.bool("AutoMinorVersionUpgrade")?, &group.auto_minor_version_upgrade);
    change.topic = topic(state, group, input)?;
    change.ip_discovery = if_new(request::network(input, "IpDiscovery", &["ipv4", "ipv6"])?, &group.ip_discovery);
    if change.ip_discovery.as_deref() == Some("ipv6") && group.network_type == "ipv4" {
        return Err(Refusal::invalid_combination("IpDiscovery ipv6 requires NetworkType ipv6 or dual_stack."));
    }
    change.durability = durability(group, input)?;
    snapshots(group, input, &mut change)?;
    Ok(change)
}

/// Exchanged in place in every direction, in a call of its own (AWS guide, Durability.ChangingDurability, since
/// October 2026).
fn durability(group: &ReplicationGroup, input: &Input) -> Result<Option<String>, Refusal> {
    let Some(wanted) = request::durability(input)? else { return Ok(None) };
    if let Some(other) = super::beside(input, &["Durability"]) {
        return Err(Refusal::invalid_combination(format!(
            "Durability is a standalone modification and can not be changed together with {other}."
        )));
    }
    if matches!(wanted.as_str(), "sync" | "async") {
        group.durable_as_is().check()?;
    }
    Ok(Some(wanted).filter(|wanted| Some(wanted) != group.durability.as_ref()))
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
        request::topic(arn, &state.settings)?;
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

pub(super) fn logs(request: Request, change: &mut Change) -> Result<(), Refusal> {
    let Request { group, input, immediately, .. } = request;
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
                    && live.status != "error"
                    && (&live.destination, &live.destination_type, &live.format)
                        == (&delivery.destination, &delivery.destination_type, &delivery.format)
            }
        }
    };
    let changed: Vec<LogDelivery> = wanted.into_iter().filter(|delivery| !same(delivery)).collect();
    change.logs = (!changed.is_empty()).then_some(changed);
    Ok(())
}
