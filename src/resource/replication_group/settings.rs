//! Settings that one call can change together, and what AWS wants to know besides.

use serde_json::{Value, json};

use super::{cluster_mode, durability, engine, modify, windows};
use crate::model::Kind;
use crate::model::attribute::{Difference, Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::plan::AttributeChange;
use crate::model::version::Version;
use crate::resource::attribute;

/// Plans the days that snapshots are kept, and the member that they come from where AWS wants one named.
pub fn snapshot_retention(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let first = difference.live == Some(json!(0));
    // With cluster mode disabled AWS wants to know which member to take snapshots from; a replica spares the primary.
    let unnamed =
        first && !cluster_mode::speaks_cluster_meanwhile(scene) && scene.declared("snapshottingClusterId").is_none();
    let source = unnamed
        .then(|| {
            let replica = scene.view.member_ids().find(|member| scene.view.role(member) == Some("replica"));
            replica.or_else(|| scene.view.member_ids().next())
        })
        .flatten();
    let call = modify(draft, Phase::Settings);
    call.insert(difference.member.into(), difference.declared.clone());
    if let Some(source) = source {
        call.insert("SnapshottingClusterId".into(), json!(source));
    }
}

/// Plans the member that snapshots are taken from: one that exists, outside of cluster mode.
pub fn snapshotting_cluster(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if cluster_mode::next_speaks_cluster(scene) {
        draft.blocks(
            "snapshotting-cluster",
            "in cluster mode AWS takes snapshots of all shards, and no member can be named",
            "leave it out",
        );
        return;
    }
    let known = scene.view.member_ids().any(|member| difference.declared == json!(member));
    if !known {
        let members: Vec<_> = scene.view.member_ids().collect();
        draft.blocks(
            "snapshotting-cluster",
            format!("{} is no member of the group", difference.declared.as_str().unwrap_or_default()),
            format!("its members are {}; or leave it out", members.join(", ")),
        );
        return;
    }
    modify(draft, Phase::Settings).insert(difference.member.into(), difference.declared.clone());
}

/// Plans the maintenance window, compared in lower case, as AWS keeps it.
pub fn maintenance_window(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    let lower = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_ascii_lowercase);
    let declared = lower(Some(&difference.declared));
    if declared == lower(difference.live.as_ref()) {
        return;
    }
    draft.shows(difference);
    modify(draft, Phase::Settings).insert(difference.member.into(), json!(declared));
}

/// Plans the SNS topic of ElastiCache's notifications, or their end.
pub fn notification_topic(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let call = modify(draft, Phase::Settings);
    if difference.declared.is_null() {
        call.insert("NotificationTopicStatus".into(), json!("inactive"));
    } else {
        call.insert(difference.member.into(), difference.declared.clone());
        call.insert("NotificationTopicStatus".into(), json!("active"));
    }
}

/// Plans the IP version that clients discover, which the group's network must have.
pub fn ip_discovery(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if difference.declared == json!("ipv6") && scene.live_text("networkType").as_deref() == Some("ipv4") {
        draft.blocks(
            "ip-discovery",
            "clients cannot discover IPv6 addresses in a group that has none: its networkType is ipv4",
            "declare networkType dual_stack, which is a replacement, or leave ipDiscovery out",
        );
        return;
    }
    modify(draft, Phase::Settings).insert(difference.member.into(), difference.declared.clone());
}

/// Plans another KMS key: an id is the end of its ARN, and which key an alias names only KMS knows.
pub fn kms_key(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    let tail = |value: &str| value.rsplit('/').next().unwrap_or_default().to_owned();
    let declared = difference.declared.as_str().unwrap_or_default();
    let live = difference.live.as_ref().and_then(Value::as_str).unwrap_or_default();
    if declared.contains("alias/") || tail(declared) == tail(live) {
        return;
    }
    draft.replaces(difference, "the key of encryption at rest is chosen at creation");
}

/// Plans encryption at rest, which only a replacement changes, unless durable writes turn it on.
pub fn at_rest(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if difference.declared == json!(true) {
        if durability::is_encrypted(scene.view) {
            return;
        }
        if durability::comes(scene) {
            let note = "AWS turns it on together with durable writes";
            draft.warnings.push((difference.attribute.into(), note.into()));
            return;
        }
    }
    draft.replaces(difference, "encryption at rest is chosen at creation");
}

/// Blocks a snapshot window that meets the maintenance window, also where one of them is not declared.
pub fn windows_apart(draft: &mut Draft, scene: &Scene<'_>) {
    let (snapshot, maintenance) = ("snapshotWindow", "preferredMaintenanceWindow");
    let text = |name: &str| scene.wanted(name).and_then(|window| window.as_str().map(str::to_owned));
    let (Some(daily), Some(weekly)) = (text(snapshot), text(maintenance)) else { return };
    let changes = draft.attributes.iter().any(|change| change.path == snapshot || change.path == maintenance);
    if changes && windows::overlap(&daily, &weekly) {
        draft.blocks(
            "windows-overlap",
            format!("the snapshot window {daily} and the maintenance window {weekly} overlap"),
            "move one of them; where only one is declared the other is the live one",
        );
    }
}

/// Plans a log delivery that ended in `error` once more, and tells AWS's message.
pub fn broken_logs(draft: &mut Draft, scene: &Scene<'_>) {
    let Some(row) = scene.row("logDeliveryConfigurations") else { return };
    let declared = scene.declared(row.field.name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let live = scene.view.own("LogDeliveryConfigurations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for broken in live.iter().filter(|delivery| delivery.get("Status") == Some(&json!("error"))) {
        let log_type = broken.get("LogType").and_then(Value::as_str).unwrap_or_default();
        let message = broken.get("Message").and_then(Value::as_str).unwrap_or("AWS does not say why");
        draft.warnings.push((row.field.name.into(), format!("AWS could not deliver the {log_type}: {message}")));
        let is_declared = |entry: &&Value| entry.get("logType").and_then(Value::as_str) == Some(log_type);
        let Some(entry) = declared.iter().find(is_declared) else { continue };
        let sent = modify(draft, Phase::Logs).parameters.entry(row.field.member).or_insert_with(|| json!([]));
        let Some(sent) = sent.as_array_mut() else { continue };
        if sent.iter().any(|other| other.get("LogType").and_then(Value::as_str) == Some(log_type)) {
            continue;
        }
        let mut again = row.field.shape.to_api(&json!([entry]))[0].clone();
        again["Enabled"] = json!(true);
        sent.push(again);
        draft.attributes.push(AttributeChange {
            path: format!("{}.{log_type}", row.field.name),
            before: json!("error"),
            after: json!("active"),
            impact: Impact::None,
            sensitive: false,
        });
    }
}

/// Plans the logs that differ, each by its type; one that is left out is turned off.
pub fn log_delivery(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let Some(row) = attribute(Kind::ReplicationGroup, "logDeliveryConfigurations") else { return };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let log_type = |entry: &Value| entry.get("logType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (declared, live) = (list(&difference.declared), difference.live.as_ref().map(list).unwrap_or_default());
    let mut entries = Vec::new();
    for entry in &declared {
        let one = json!([entry]);
        if live.iter().any(|live| row.field.shape.same(&one, &json!([live]))) {
            continue;
        }
        let minimum = if log_type(entry) == "slow-log" { 0 } else { 2 };
        let is_too_old = |version: Option<Version>| version.is_some_and(|version| !version.at_least(6, minimum, 0));
        if is_too_old(engine::version_then(scene)) {
            if !is_too_old(engine::version_to_come(scene)) {
                draft.remaining.push(format!("{} {} {}", row.field.name, log_type(entry), engine::once(scene)));
                continue;
            }
            draft.blocks(
                "log-engine-version",
                format!("the running engine version has no {}", log_type(entry)),
                format!("upgrade to redis 6.{minimum} or later first"),
            );
        }
        let mut sent = row.field.shape.to_api(&one)[0].clone();
        sent["Enabled"] = json!(true);
        entries.push(sent);
    }
    let kept: Vec<String> = declared.iter().map(log_type).collect();
    for gone in live.iter().map(log_type).filter(|live| !kept.contains(live)) {
        entries.push(json!({"LogType": gone, "Enabled": false}));
    }
    if !entries.is_empty() {
        modify(draft, Phase::Logs).insert(difference.member.into(), json!(entries));
    }
}
