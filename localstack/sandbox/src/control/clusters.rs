//! Member clusters: the only place where AWS shows a group's engine version, parameter group,
//! subnet group, security groups, maintenance window and notification topic.

use crate::control::paging;
use crate::control::replication_groups::{Change, Member, ReplicationGroup, Tls, endpoints};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Every ElastiCache node is node 1 of its cluster; only Memcached clusters have more.
pub(crate) const NODE_ID: &str = "0001";

pub(crate) fn find<'a>(state: &'a State, id: &str) -> Option<(&'a ReplicationGroup, &'a Member)> {
    all(state).find(|(_, member)| member.id == id)
}

fn all(state: &State) -> impl Iterator<Item = (&ReplicationGroup, &Member)> {
    state.groups.values().flat_map(|group| group.members().chain(&group.leaving).map(move |member| (group, member)))
}

pub(crate) fn not_found(id: &str) -> Refusal {
    Refusal::missing("CacheClusterNotFound", format!("CacheCluster not found: {id}"))
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let id = input.id("CacheClusterId");
    let with_nodes = input.bool("ShowCacheNodeInfo")?.unwrap_or(false);
    let only_single = input.bool("ShowCacheClustersNotInReplicationGroups")?.unwrap_or(false);
    let mut found: Vec<(String, (&ReplicationGroup, &Member))> = match &id {
        Some(id) => {
            let entry = find(state, id).ok_or_else(|| not_found(id))?;
            vec![(entry.1.id.clone(), entry)]
        }
        // The sandbox has no cluster outside a group.
        None if only_single => Vec::new(),
        None => all(state).map(|entry| (entry.1.id.clone(), entry)).collect(),
    };
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let page = paging::page(input, state.settings.page_size, found.into_iter(), |(group, member)| {
        render(state, group, member, with_nodes)
    })?;
    Ok(Record::new().put_some("Marker", page.next).list("CacheClusters", "CacheCluster", page.items).into())
}

/// The answer of a call on one member.
pub(crate) fn answer(state: &State, id: &str) -> Result<Output, Refusal> {
    let (group, member) = find(state, id).ok_or_else(|| not_found(id))?;
    Ok(Record::new().put("CacheCluster", render(state, group, member, false)).into())
}

fn render(state: &State, group: &ReplicationGroup, member: &Member, with_nodes: bool) -> Output {
    let topic = group.topic.as_ref().map(|topic| {
        Record::new().put("TopicArn", &topic.arn).put("TopicStatus", if topic.active { "active" } else { "inactive" })
    });
    let security_groups =
        group.security_groups.iter().map(|id| Record::new().put("SecurityGroupId", id).put("Status", "active"));
    let reboot = match member.parameters.name() {
        "pending-reboot" => vec![NODE_ID],
        _ => Vec::new(),
    };
    let parameter_group = Record::new()
        .put("CacheParameterGroupName", &group.parameter_group)
        .put("ParameterApplyStatus", member.parameters.name())
        .list("CacheNodeIdsToReboot", "CacheNodeId", reboot);
    let nodes = || {
        let name = endpoints::member(state, group, &member.id);
        let node = Record::new()
            .put("CacheNodeId", NODE_ID)
            .put("CacheNodeStatus", member.status)
            .put("CacheNodeCreateTime", Output::Time(member.created))
            .put_some("Endpoint", (member.status != "creating").then(|| endpoints::endpoint(state, name, group.port)))
            .put("ParameterGroupStatus", member.parameters.name())
            .put("CustomerAvailabilityZone", &member.zone);
        Output::List("CacheNode", vec![node.into()])
    };
    let logs = group.logs.iter().map(super::replication_groups::LogDelivery::render);
    Record::new()
        .put("CacheClusterId", &member.id)
        .put("ClientDownloadLandingPage", "https://console.aws.amazon.com/elasticache/home#client-download:")
        .put("CacheNodeType", &group.node_type)
        .put("Engine", group.version.engine.name())
        .put("EngineVersion", group.version.full())
        .put("CacheClusterStatus", member.status)
        .put("NumCacheNodes", 1_i64)
        .put("PreferredAvailabilityZone", &member.zone)
        .put("CacheClusterCreateTime", Output::Time(member.created))
        .put("PreferredMaintenanceWindow", &group.maintenance_window)
        .put("PendingModifiedValues", pending(group, &group.pending()))
        .put_some("NotificationConfiguration", topic)
        .list("CacheSecurityGroups", "CacheSecurityGroup", Vec::<Output>::new())
        .put("CacheParameterGroup", parameter_group)
        .put("CacheSubnetGroupName", &group.subnet_group)
        .put_some("CacheNodes", with_nodes.then(nodes))
        .put("AutoMinorVersionUpgrade", group.auto_minor_version_upgrade)
        .list("SecurityGroups", "member", security_groups)
        .put("ReplicationGroupId", &group.id)
        .put("SnapshotRetentionLimit", group.snapshot_retention)
        .put("SnapshotWindow", &group.snapshot_window)
        .put("AuthTokenEnabled", group.access.has_token())
        .put_some("AuthTokenLastModifiedDate", group.access.token_changed.map(Output::Time))
        .put("TransitEncryptionEnabled", group.tls != Tls::Off)
        .put("AtRestEncryptionEnabled", group.at_rest)
        .put("ARN", state.settings.arn("cluster", &member.id))
        .put("ReplicationGroupLogDeliveryEnabled", !group.logs.is_empty())
        .list("LogDeliveryConfigurations", "LogDeliveryConfiguration", logs)
        .put("NetworkType", &group.network_type)
        .put("IpDiscovery", &group.ip_discovery)
        .put_some("TransitEncryptionMode", group.tls.mode())
        .into()
}

/// Engine version and node type wait here, not on the group.
fn pending(group: &ReplicationGroup, change: &Change) -> Record {
    Record::new()
        .put_some(
            "EngineVersion",
            change.version.filter(|version| *version != group.version).map(super::engine::Version::full),
        )
        .put_some("CacheNodeType", change.node_type.clone())
        .put_some("AuthTokenStatus", super::replication_groups::describe::token_status(change))
        .put_some("LogDeliveryConfigurations", super::replication_groups::describe::pending_logs(change))
        .put_some("TransitEncryptionEnabled", change.tls.map(|tls| tls != Tls::Off))
        .put_some("TransitEncryptionMode", change.tls.and_then(Tls::mode))
}
