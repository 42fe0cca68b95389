//! The changes of a replication group that depend on what else changes and on what is live.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::plan::draft::{Draft, Scene};
use crate::plan::model::Wait;
use crate::resource::attribute::{Difference, Impact, Phase};
use crate::resource::live::{View, object, strings};
use crate::resource::version::{Version, family};
use crate::resource::{Address, Kind};

use super::replica_counts;

const MODIFY: &str = "ModifyReplicationGroup";
const RESHARD: &str = "ModifyReplicationGroupShardConfiguration";

fn modify(draft: &mut Draft, phase: Phase) -> &mut serde_json::Map<String, Value> {
    draft.call(phase, MODIFY, Wait::Available)
}

pub fn cluster_enabled(view: &View<'_>) -> bool {
    view.flag("ClusterEnabled")
}

fn live_version(scene: &Scene<'_>) -> Option<Version> {
    Version::parse(&scene.live_text("engineVersion")?)
}

/// Every change of engine or version names both, and the parameter group where its family changes.
fn engine_call(draft: &mut Draft, scene: &Scene<'_>) {
    let engine = scene.wanted("engine").unwrap_or_else(|| json!("redis"));
    let call = modify(draft, Phase::Engine);
    call.insert("Engine".into(), engine);
    if let Some(version) = scene.declared("engineVersion") {
        call.insert("EngineVersion".into(), version.clone());
    }
}

pub fn engine(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if difference.declared == json!("redis") {
        draft.shows(difference);
        draft.blocks(
            "engine-downgrade",
            "valkey to redis is not offered: AWS documents no such change, and a replacement would lose the data",
            "keep `engine: valkey`; it speaks the same protocol",
        );
        return;
    }
    draft.shows(difference);
    if scene.declared("engineVersion").is_none() {
        draft.blocks(
            "engine-needs-version",
            "AWS wants the engine version in the call that changes the engine",
            "declare engineVersion, such as \"8.0\"",
        );
        return;
    }
    engine_call(draft, scene);
    needs_family(draft, scene);
}

/// AWS exchanges `default.*` parameter groups by itself and refuses any other of the wrong family.
fn needs_family(draft: &mut Draft, scene: &Scene<'_>) {
    let (Some(engine), Some(version)) = (scene.wanted("engine"), scene.declared_text("engineVersion")) else { return };
    let Some(wanted) = family(engine.as_str().unwrap_or_default(), version) else { return };
    let Some(name) = scene.wanted("cacheParameterGroupName").and_then(|name| name.as_str().map(str::to_owned)) else {
        return;
    };
    if name.starts_with("default.") && !scene.differs("cacheParameterGroupName") {
        return;
    }
    if let Some(found) = scene.family_of(&name)
        && found != wanted
    {
        draft.blocks(
            "parameter-group-family",
            format!("engine version {version} needs a parameter group of family {wanted}, {name} is of family {found}"),
            format!("declare a new parameter group with `family: {wanted}` under another name and set cacheParameterGroupName to it; the old one can go with the next apply"),
        );
    }
}

pub fn engine_version(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let (Some(declared), Some(live)) = (difference.declared.as_str().and_then(Version::parse), live_version(scene))
    else {
        draft.shows(difference);
        draft.blocks(
            "engine-version-unreadable",
            "the running engine version could not be read",
            "run again once the members of the group answer",
        );
        return;
    };
    if scene.differs("engine") {
        // The engine's own row sends the version.
        draft.shows(difference);
        return;
    }
    if declared.compare(live) == Ordering::Less {
        draft.replaces(difference, "AWS refuses an engine downgrade");
        return;
    }
    draft.shows(difference);
    engine_call(draft, scene);
    needs_family(draft, scene);
}

pub fn parameter_group(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let to_compatible = scene.differs("clusterMode") && scene.declared_text("clusterMode") == Some("compatible");
    // The cluster-mode hop takes its parameter group along.
    let phase = if to_compatible { Phase::ClusterMode } else { Phase::Engine };
    modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
}

pub fn cache_node_type(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let (wanted, live) =
        (difference.declared.as_str().unwrap_or_default(), scene.live_text("cacheNodeType").unwrap_or_default());
    let tiered = |node_type: &str| node_type.starts_with("cache.r6gd.");
    if tiered(wanted) != tiered(&live) {
        draft.replaces(difference, "AWS does not scale between r6gd (data tiering) and other node types");
        return;
    }
    draft.shows(difference);
    let allowed = scene.live.allowed_node_types.get(&scene.resource.address.id);
    let lists =
        |list: &str| allowed.is_some_and(|allowed| strings(allowed.get(list)).any(|node_type| node_type == wanted));
    let up = match allowed {
        Some(_) if lists("ScaleUpModifications") => true,
        Some(_) if lists("ScaleDownModifications") => false,
        Some(allowed) => {
            let offered: Vec<_> = strings(allowed.get("ScaleUpModifications"))
                .chain(strings(allowed.get("ScaleDownModifications")))
                .collect();
            draft.blocks(
                "allowed-node-type",
                format!("AWS does not offer {wanted} for this group"),
                format!(
                    "it offers {}",
                    if offered.is_empty() { "no change at the moment".to_owned() } else { offered.join(", ") }
                ),
            );
            return;
        }
        // The endpoint has no ListAllowedNodeTypeModifications: go by the size's name.
        None => size(wanted) >= size(&live),
    };
    let phase = if up { Phase::NodeTypeUp } else { Phase::NodeTypeDown };
    modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
}

fn size(node_type: &str) -> u32 {
    match node_type.rsplit('.').next().unwrap_or_default() {
        "micro" => 1,
        "small" => 2,
        "medium" => 4,
        "large" => 8,
        "xlarge" => 16,
        other => other.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).map_or(0, |times| times * 16),
    }
}

pub fn num_cache_clusters(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if cluster_enabled(scene.view) {
        draft.blocks(
            "shape-conflict",
            "numCacheClusters is for cluster mode disabled, this group is in cluster mode",
            "declare numNodeGroups and replicasPerNodeGroup",
        );
        return;
    }
    let wanted = difference.declared.as_u64().unwrap_or(1);
    let live = scene.view.member_ids().count() as u64;
    change_replicas(draft, wanted > live, json!(wanted.saturating_sub(1)));
}

fn change_replicas(draft: &mut Draft, up: bool, count: Value) {
    let (phase, operation) =
        if up { (Phase::ReplicasUp, "IncreaseReplicaCount") } else { (Phase::ReplicasDown, "DecreaseReplicaCount") };
    draft.call(phase, operation, Wait::Available).insert("NewReplicaCount".into(), count);
}

pub fn replicas_per_node_group(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let wanted = difference.declared.as_u64().unwrap_or(0) as usize;
    let counts = replica_counts(scene.view);
    for up in [true, false] {
        let off: Vec<_> =
            counts.iter().filter(|(_, count)| if up { *count < wanted } else { *count > wanted }).collect();
        if off.is_empty() {
            continue;
        }
        if off.len() == counts.len() {
            change_replicas(draft, up, json!(wanted));
            continue;
        }
        let shards: Vec<_> = off.iter().map(|(id, _)| json!({"NodeGroupId": id, "NewReplicaCount": wanted})).collect();
        let (phase, operation) = if up {
            (Phase::ReplicasUp, "IncreaseReplicaCount")
        } else {
            (Phase::ReplicasDown, "DecreaseReplicaCount")
        };
        draft.call(phase, operation, Wait::Available).insert("ReplicaConfiguration".into(), json!(shards));
    }
}

pub fn num_node_groups(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if !cluster_enabled(scene.view) || scene.differs("clusterMode") {
        if scene.declared_text("clusterMode").is_some() {
            draft.remaining.push(format!("numNodeGroups {} once cluster mode is enabled", difference.declared));
        } else {
            draft.blocks(
                "cluster-mode-disabled",
                "shards can only be added in cluster mode, and this group has it disabled",
                "declare `clusterMode: compatible`, apply, move the clients, then `clusterMode: enabled`, apply, then numNodeGroups",
            );
        }
        return;
    }
    let wanted = difference.declared.as_u64().unwrap_or(1) as usize;
    let mut ids: Vec<_> =
        scene.view.node_groups().iter().filter_map(|group| group.get("NodeGroupId")?.as_str()).collect();
    ids.sort_unstable();
    let call = draft.call(Phase::Shards, RESHARD, Wait::Available);
    call.insert("NodeGroupCount".into(), json!(wanted));
    if wanted < ids.len() {
        call.insert("NodeGroupsToRemove".into(), json!(ids[wanted..]));
    }
}

pub fn automatic_failover(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if difference.declared == json!(true) {
        modify(draft, Phase::FailoverOn).insert(difference.member.into(), json!(true));
        return;
    }
    if cluster_enabled(scene.view) {
        draft.blocks(
            "failover-in-cluster-mode",
            "AWS cannot turn automatic failover off in cluster mode",
            "declare `automaticFailoverEnabled: true`, or leave it out",
        );
        return;
    }
    let multi_az = scene.live_value("multiAZEnabled") == Some(json!(true));
    if multi_az && scene.declared("multiAZEnabled") != Some(&json!(false)) {
        draft.blocks(
            "multi-az-needs-failover",
            "Multi-AZ is on and needs automatic failover",
            "declare `multiAZEnabled: false` too",
        );
        return;
    }
    let call = modify(draft, Phase::FailoverOff);
    call.insert(difference.member.into(), json!(false));
    if multi_az {
        call.insert("MultiAZEnabled".into(), json!(false));
    }
}

pub fn multi_az(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let on = difference.declared == json!(true);
    let phase = if on { Phase::FailoverOn } else { Phase::FailoverOff };
    let failover_live = scene.live_value("automaticFailoverEnabled") == Some(json!(true));
    let call = modify(draft, phase);
    call.insert(difference.member.into(), difference.declared.clone());
    // Sending an unchanged automatic failover is refused in cluster mode without replicas.
    if on && !failover_live {
        call.insert("AutomaticFailoverEnabled".into(), json!(true));
    }
}

pub fn cluster_mode(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let live = scene.live_text("clusterMode").unwrap_or_else(|| "disabled".to_owned());
    let wanted = difference.declared.as_str().unwrap_or_default();
    match (live.as_str(), wanted) {
        ("enabled", _) => {
            draft.blocks(
                "cluster-mode-oneway",
                format!("cluster mode cannot go from enabled to {wanted}: AWS has no way back, and a replacement would lose the data and the endpoints"),
                "declare `clusterMode: enabled`; to go back, create a second group and move the clients",
            );
        }
        ("disabled", "enabled") => {
            if scene.wanted("automaticFailoverEnabled") != Some(json!(true)) {
                draft.blocks(
                    "cluster-mode-needs-failover",
                    "the way to cluster mode needs automatic failover with a replica",
                    "declare `automaticFailoverEnabled: true` and a replica first",
                );
                return;
            }
            modify(draft, Phase::ClusterMode).insert(difference.member.into(), json!("compatible"));
            if scene.options.all_hops {
                draft.push(Phase::ClusterMode, MODIFY, Wait::Available, object([("ClusterMode", json!("enabled"))]));
            } else {
                draft.remaining.push("clusterMode enabled: apply again once all clients connect cluster-aware".into());
            }
        }
        _ => {
            modify(draft, Phase::ClusterMode).insert(difference.member.into(), difference.declared.clone());
        }
    }
}

pub fn snapshot_retention(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let first = difference.live == Some(json!(0));
    // With cluster mode disabled AWS wants to know which member to take snapshots from; a replica spares the primary.
    let source = (first && !cluster_enabled(scene.view) && scene.declared("snapshottingClusterId").is_none())
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

pub fn notification_topic(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let _ = scene;
    draft.shows(difference);
    let call = modify(draft, Phase::Settings);
    if difference.declared.is_null() {
        call.insert("NotificationTopicStatus".into(), json!("inactive"));
    } else {
        call.insert(difference.member.into(), difference.declared.clone());
        call.insert("NotificationTopicStatus".into(), json!("active"));
    }
}

pub fn kms_key(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    let tail = |value: &str| value.rsplit('/').next().unwrap_or_default().to_owned();
    let declared = difference.declared.as_str().unwrap_or_default();
    let live = difference.live.as_ref().and_then(Value::as_str).unwrap_or_default();
    // Which key an alias names is only known to KMS.
    if declared.contains("alias/") || tail(declared) == tail(live) {
        return;
    }
    draft.replaces(difference, "the key of encryption at rest is chosen at creation");
}

fn access_control(scene: &Scene<'_>) -> bool {
    scene.view.flag("AuthTokenEnabled") || strings(scene.view.own("UserGroupIds")).next().is_some()
}

pub fn transit_encryption(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if !live_version(scene).is_some_and(|version| version.at_least(7, 0, 5)) {
        draft.replaces(difference, "before engine version 7.0.5 TLS is chosen at creation");
        return;
    }
    draft.shows(difference);
    if access_control(scene) {
        draft.blocks(
            "tls-with-access-control",
            "AWS does not change TLS while an AUTH token or user groups are in force",
            "declare `userGroupIds: []` and apply first",
        );
        return;
    }
    let mode = |mode: &str| object([("TransitEncryptionMode", json!(mode))]);
    if difference.declared == json!(true) {
        let call = modify(draft, Phase::Tls);
        call.insert("TransitEncryptionEnabled".into(), json!(true));
        call.insert("TransitEncryptionMode".into(), json!("preferred"));
        if scene.declared_text("transitEncryptionMode") == Some("preferred") {
            return;
        }
        if scene.options.all_hops {
            draft.push(Phase::Tls, MODIFY, Wait::Available, mode("required"));
        } else {
            draft.remaining.push(
                "transitEncryptionMode required: apply again once all clients use TLS and the new endpoints".into(),
            );
        }
        return;
    }
    if scene.view.text("TransitEncryptionMode") == Some("preferred") {
        modify(draft, Phase::Tls).insert("TransitEncryptionEnabled".into(), json!(false));
        return;
    }
    draft.push(Phase::Tls, MODIFY, Wait::Available, mode("preferred"));
    if scene.options.all_hops {
        draft.push(Phase::Tls, MODIFY, Wait::Available, object([("TransitEncryptionEnabled", json!(false))]));
    } else {
        draft.remaining.push("transitEncryptionEnabled false: apply again once all clients connect without TLS".into());
    }
}

pub fn transit_encryption_mode(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if scene.differs("transitEncryptionEnabled") {
        return;
    }
    if !scene.view.flag("TransitEncryptionEnabled") {
        draft.blocks("tls-off", "the group has no TLS", "declare `transitEncryptionEnabled: true`");
        return;
    }
    if access_control(scene) {
        draft.blocks(
            "tls-with-access-control",
            "AWS does not change TLS while an AUTH token or user groups are in force",
            "declare `userGroupIds: []` and apply first",
        );
        return;
    }
    modify(draft, Phase::Tls).insert(difference.member.into(), difference.declared.clone());
}

pub fn auth_token(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let to_users = strings(scene.declared("userGroupIds")).next().is_some();
    if difference.declared.is_null() {
        draft.shows(difference);
        if to_users {
            let add: Vec<_> = strings(scene.declared("userGroupIds")).collect();
            let add = json!(add);
            let call = modify(draft, Phase::Auth);
            call.insert("AuthTokenUpdateStrategy".into(), json!("DELETE"));
            call.insert("UserGroupIdsToAdd".into(), add);
        } else {
            draft.blocks(
                "token-removal",
                "AWS cannot remove an AUTH token but by moving to user groups",
                "declare userGroupIds beside `authToken: null`, or keep the token",
            );
        }
        return;
    }
    super::token::change(draft, scene, difference);
}

pub fn pending_user_groups(view: &View<'_>) -> Option<Value> {
    let pending = view.pending("UserGroups")?;
    let removed: Vec<_> = strings(pending.get("UserGroupIdsToRemove")).collect();
    let kept = strings(view.own("UserGroupIds")).filter(|id| !removed.contains(id));
    Some(kept.chain(strings(pending.get("UserGroupIdsToAdd"))).collect())
}

pub fn user_groups(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if scene.view.flag("AuthTokenEnabled") {
        if scene.declared("authToken").is_some_and(Value::is_null) {
            // The token's own row makes the one call that AWS accepts.
            draft.shows(difference);
            return;
        }
        draft.shows(difference);
        draft.blocks(
            "token-and-users",
            "the group has an AUTH token, which excludes user groups",
            "declare `authToken: null` beside userGroupIds to move from the token to user groups in one call",
        );
        return;
    }
    draft.shows(difference);
    if scene.declared("authToken").is_some_and(|token| !token.is_null()) {
        // From users to a token is one call too, which the token's row makes.
        return;
    }
    let live: Vec<_> = strings(scene.view.own("UserGroupIds")).collect();
    let wanted: Vec<_> = strings(Some(&difference.declared)).collect();
    let add: Vec<_> = wanted.iter().filter(|id| !live.contains(id)).collect();
    let remove: Vec<_> = live.iter().filter(|id| !wanted.contains(id)).collect();
    let call = modify(draft, Phase::Auth);
    if wanted.is_empty() {
        call.insert("RemoveUserGroups".into(), json!(true));
        return;
    }
    if !add.is_empty() {
        call.insert("UserGroupIdsToAdd".into(), json!(add));
    }
    if !remove.is_empty() {
        call.insert("UserGroupIdsToRemove".into(), json!(remove));
    }
}

pub fn log_delivery(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let shape = crate::plan::draft::attribute(Kind::ReplicationGroup, "logDeliveryConfigurations")
        .map(|attribute| attribute.field.shape);
    let mut entries = shape.map_or(Value::Null, |shape| shape.to_api(&difference.declared));
    let log_type = |entry: &Value| entry.get("LogType").cloned();
    let declared: Vec<_> = entries.as_array().into_iter().flatten().filter_map(log_type).collect();
    if let Some(entries) = entries.as_array_mut() {
        entries.iter_mut().for_each(|entry| entry["Enabled"] = json!(true));
        let live = scene.view.own("LogDeliveryConfigurations").and_then(Value::as_array).into_iter().flatten();
        for gone in live.filter_map(log_type).filter(|live| !declared.contains(live)) {
            entries.push(json!({"LogType": gone, "Enabled": false}));
        }
    }
    modify(draft, Phase::Logs).insert(difference.member.into(), entries);
}

pub fn durability(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    let on = |value: Option<&Value>| matches!(value.and_then(Value::as_str), Some("sync" | "async"));
    if on(Some(&difference.declared)) != on(difference.live.as_ref()) {
        draft.replaces(difference, "durability is turned on or off at creation only");
        return;
    }
    draft.shows(difference);
    modify(draft, Phase::Settings).insert(difference.member.into(), difference.declared.clone());
}

impl Scene<'_> {
    /// The family of a parameter group: as this spec declares it, as AWS describes it, or as a default group's name says.
    pub fn family_of(&self, name: &str) -> Option<String> {
        let address = Address::new(Kind::ParameterGroup, name);
        if let Some(family) = self.spec.resources.get(&address).and_then(|group| group.fields.get("family")?.as_str()) {
            return Some(family.to_owned());
        }
        if let Some(family) = self.live.get(&address).and_then(|group| group.get("CacheParameterGroupFamily")?.as_str())
        {
            return Some(family.to_owned());
        }
        Some(name.strip_prefix("default.")?.trim_end_matches(".cluster.on").to_owned())
    }
}

/// Adds what every modification carries: the group, and whether AWS may do it now.
pub fn finish(draft: &mut Draft, scene: &Scene<'_>) {
    let immediately = scene.declared("applyImmediately") != Some(&json!(false));
    let pending = pending_changes(scene.view);
    for index in 0..draft.calls.len() {
        let call = &mut draft.calls[index];
        call.parameters.insert("ReplicationGroupId".into(), json!(draft.address.id));
        let may_wait = matches!(call.phase, Phase::NodeTypeUp | Phase::NodeTypeDown | Phase::Engine);
        let free = matches!(call.phase, Phase::Settings);
        let mut now = immediately || !may_wait;
        if !pending.is_empty() && now && !scene.options.allows(crate::plan::options::Permit::Flush, &draft.address) {
            // Immediacy would carry out everything that waits for the window.
            if may_wait || free {
                now = false;
            } else {
                let operation = call.operation;
                draft.blocks(
                    "flush-pending",
                    format!(
                        "{operation} is carried out at once, and so would be what waits for the maintenance window: {}",
                        pending.join(", ")
                    ),
                    format!("--allow flush:{} carries both out now; or wait for the window", draft.address),
                );
                continue;
            }
        }
        draft.calls[index].parameters.insert("ApplyImmediately".into(), json!(now));
        if !now && may_wait {
            let phase_members = ["CacheNodeType", "EngineVersion", "Engine", "CacheParameterGroupName"];
            let sent: Vec<_> =
                phase_members.iter().filter(|member| draft.calls[index].parameters.contains_key(**member)).collect();
            for change in &mut draft.attributes {
                let attribute = crate::plan::draft::attribute(Kind::ReplicationGroup, &change.path);
                if attribute.is_some_and(|attribute| sent.contains(&&attribute.field.member)) {
                    change.impact = Impact::Deferred;
                }
            }
        }
    }
}

/// What waits for the maintenance window, by AWS's names.
pub fn pending_changes(view: &View<'_>) -> Vec<String> {
    let of = |value: Option<&Value>| -> Vec<String> {
        value
            .and_then(|value| value.get("PendingModifiedValues"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, value)| !crate::resource::shape::is_empty(value))
            .map(|(member, value)| {
                format!("{member} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect()
    };
    let mut pending = of(Some(view.own));
    pending.extend(view.members.iter().flat_map(|cluster| of(Some(cluster))));
    pending.sort();
    pending.dedup();
    pending
}
