//! What DescribeReplicationGroups shows, and what every call on a group answers with.

use super::change::{Change, TokenChange};
use super::{ClusterMode, Member, ReplicationGroup, Shard, Tls, endpoints};
use crate::control::engine::Engine;
use crate::control::{clusters, paging};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let id = input.id("ReplicationGroupId");
    let page = match &id {
        Some(id) => {
            let group = state.group(id)?;
            paging::page(input, state.settings.page_size, [(id, group)].into_iter(), |group| render(state, group))?
        }
        None => paging::page(input, state.settings.page_size, state.groups.iter(), |group| render(state, group))?,
    };
    Ok(Record::new().put_some("Marker", page.next).list("ReplicationGroups", "ReplicationGroup", page.items).into())
}

/// The answer of a call on one group.
pub(crate) fn answer(state: &State, id: &str) -> Result<Output, Refusal> {
    let group = state.group(id)?;
    Ok(Record::new().put("ReplicationGroup", render(state, group)).into())
}

pub(crate) fn render(state: &State, group: &ReplicationGroup) -> Output {
    let change = group.pending();
    let ready = group.status != "creating" && !group.has_failed();
    let failover = match (group.automatic_failover, group.applying.automatic_failover) {
        (false, Some(true)) => "enabling",
        (true, Some(false)) => "disabling",
        (true, _) => "enabled",
        (false, _) => "disabled",
    };
    let configuration = (group.is_clustered() && ready)
        .then(|| endpoints::endpoint(state, endpoints::configuration(state, group), group.port));
    let shards = group.shards.iter().map(|shard| render_shard(state, group, shard, ready));
    let logs = group.logs.iter().map(super::LogDelivery::render);
    let storage = match (group.is_stored_encrypted, &group.kms_key) {
        (false, _) => "none",
        (true, None) => "sse-elasticache",
        (true, Some(_)) => "sse-kms",
    };
    let global = group.global.as_ref().map_or_else(Record::new, |global| {
        Record::new()
            .put("GlobalReplicationGroupId", &global.id)
            .put("GlobalReplicationGroupMemberRole", if global.is_primary { "PRIMARY" } else { "SECONDARY" })
    });
    let (durability, effective) = durability(group);
    Record::new()
        .put("ReplicationGroupId", &group.id)
        .put("Description", &group.description)
        .put("GlobalReplicationGroupInfo", global)
        .put("Status", group.status)
        .put("PendingModifiedValues", pending(state, group, &change))
        .list("MemberClusters", "ClusterId", group.members().map(|member| &member.id))
        .list("NodeGroups", "NodeGroup", shards)
        .put_some("SnapshottingClusterId", group.snapshotting_cluster.as_ref())
        .put("AutomaticFailover", failover)
        .put("MultiAZ", if group.multi_az { "enabled" } else { "disabled" })
        .put_some("ConfigurationEndpoint", configuration)
        .put("SnapshotRetentionLimit", group.snapshot_retention)
        .put("SnapshotWindow", &group.snapshot_window)
        .put("ClusterEnabled", group.is_clustered())
        .put("CacheNodeType", &group.node_type)
        .put("AuthTokenEnabled", group.access.has_token())
        .put_some("AuthTokenLastModifiedDate", group.access.token_changed.map(Output::Time))
        .put("TransitEncryptionEnabled", group.tls != Tls::Off)
        .put("AtRestEncryptionEnabled", group.at_rest)
        .put_some("KmsKeyId", group.kms_key.as_ref())
        .put("StorageEncryptionType", storage)
        .put("ARN", state.settings.arn("replicationgroup", &group.id))
        .list("UserGroupIds", "member", &group.access.user_groups)
        .list("LogDeliveryConfigurations", "LogDeliveryConfiguration", logs)
        .put("ReplicationGroupCreateTime", Output::Time(group.created))
        .put("DataTiering", if group.has_data_tiering() { "enabled" } else { "disabled" })
        .put("AutoMinorVersionUpgrade", group.auto_minor_version_upgrade)
        .put("NetworkType", &group.network_type)
        .put("IpDiscovery", &group.ip_discovery)
        .put_some("TransitEncryptionMode", group.tls.mode())
        .put("ClusterMode", group.cluster_mode.name())
        .put("Engine", group.version.engine.name())
        .put_some("Durability", durability)
        .put_some("EffectiveDurability", effective)
        .into()
}

/// What was asked for and what is in effect. From Valkey 9.0 on AWS fills in `default`, which is `disabled` (AWS guide,
/// Durability.Configuring).
fn durability(group: &ReplicationGroup) -> (Option<&str>, Option<&str>) {
    let has_it = group.version.engine == Engine::Valkey && group.version.at_least(9, 0, 0);
    let filled_in = has_it.then_some("default");
    let effective = group.effective_durability.as_deref().or(filled_in);
    let effective = effective.map(|mode| if mode == "default" { "disabled" } else { mode });
    (group.durability.as_deref().or(filled_in), effective)
}

fn render_shard(state: &State, group: &ReplicationGroup, shard: &Shard, ready: bool) -> Output {
    let primary_endpoint = endpoints::has_primary(group) && ready;
    let primary = primary_endpoint.then(|| endpoints::endpoint(state, endpoints::primary(state, group), group.port));
    let reader = primary_endpoint.then(|| endpoints::endpoint(state, endpoints::reader(state, group), group.port));
    let slots = (group.is_clustered() && !shard.slots.0.is_empty()).then(|| shard.slots.to_string());
    let members = shard.members.iter().map(|member| render_member(state, group, shard, member, ready));
    Record::new()
        .put("NodeGroupId", &shard.id)
        .put("Status", shard.status)
        .put_some("PrimaryEndpoint", primary)
        .put_some("ReaderEndpoint", reader)
        .put_some("Slots", slots)
        .list("NodeGroupMembers", "NodeGroupMember", members)
        .into()
}

/// Roles are shown in cluster mode disabled only.
fn render_member(state: &State, group: &ReplicationGroup, shard: &Shard, member: &Member, ready: bool) -> Output {
    let read = (ready && group.cluster_mode == ClusterMode::Disabled && member.status != "creating").then(|| {
        let name = endpoints::member(state, group, &member.id);
        endpoints::endpoint(state, name, group.port)
    });
    let role = if shard.is_shown_as_primary(member) { "primary" } else { "replica" };
    let role = (group.cluster_mode == ClusterMode::Disabled).then_some(role);
    Record::new()
        .put("CacheClusterId", &member.id)
        .put("CacheNodeId", clusters::NODE_ID)
        .put_some("ReadEndpoint", read)
        .put("PreferredAvailabilityZone", &member.zone)
        .put_some("CurrentRole", role)
        .into()
}

fn pending(state: &State, group: &ReplicationGroup, change: &Change) -> Record {
    let user_groups = change.user_groups.as_ref().map(|links| {
        Record::new().list("UserGroupIdsToAdd", "member", &links.add).list(
            "UserGroupIdsToRemove",
            "member",
            &links.remove,
        )
    });
    let resharding = group
        .under_way
        .filter(|_| group.applying.is_empty() && group.shards.iter().any(|shard| shard.status != "available"))
        .map(|span| {
            let progress = Output::Float(progress(state.now, span));
            let migration = Record::new().put("ProgressPercentage", progress);
            Record::new().put("SlotMigration", migration)
        });
    let failover = change.automatic_failover.map(|on| if on { "enabled" } else { "disabled" });
    Record::new()
        .put_some("PrimaryClusterId", change.primary.as_ref())
        .put_some("AutomaticFailoverStatus", failover)
        .put_some("Resharding", resharding)
        .put_some("AuthTokenStatus", token_status(change))
        .put_some("UserGroups", user_groups)
        .put_some("LogDeliveryConfigurations", pending_logs(change))
        .put_some("TransitEncryptionEnabled", change.tls.map(|tls| tls != Tls::Off))
        .put_some("TransitEncryptionMode", change.tls.and_then(Tls::mode))
        .put_some("ClusterMode", change.cluster_mode.map(ClusterMode::name))
}

fn progress(now: i64, span: super::Span) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "spans are hours at most")]
    let part = (now - span.from) as f64 / (span.to - span.from).max(1) as f64;
    (part.clamp(0.0, 0.99) * 1000.0).round() / 10.0
}

pub(crate) fn token_status(change: &Change) -> Option<&'static str> {
    match change.token.as_ref()? {
        TokenChange::Rotate(_) => Some("ROTATING"),
        TokenChange::Set(_) => Some("SETTING"),
        TokenChange::Delete => None,
    }
}

pub(crate) fn pending_logs(change: &Change) -> Option<Output> {
    let logs = change.logs.as_ref()?;
    let items = logs.iter().map(|delivery| delivery.render_pending().into());
    Some(Output::List("member", items.collect()))
}
