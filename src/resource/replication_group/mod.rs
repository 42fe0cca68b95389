//! Replication groups: one primary with replicas, or shards of them in cluster mode.

use serde_json::{Value, json};

pub mod routes;
pub mod token;

use super::Kind;
use super::attribute::{Attribute, Impact, Phase, Read, Route};
use super::live::View;
use super::local;
use super::shape::{ARN, Field, Order, S3_ARN, Shape, TAGS, integer, list, pattern, text};

pub const ENGINES: Shape = Shape::Enum(&["valkey", "redis"]);
const AZ: Shape = text(64);
#[rustfmt::skip]
const NODE_GROUP: Shape = Shape::Object(&[
    Field::new("nodeGroupId", "NodeGroupId", pattern("^[0-9]{1,4}$", 4, "0001"), "Id of the shard, one to four digits."),
    Field::new("slots", "Slots", pattern("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", 1024, "0-5460"), "Hash slots of the shard, of 0 to 16383. All shards together must cover them all."),
    Field::new("replicaCount", "ReplicaCount", integer(0, 5), "Replicas of the shard."),
    Field::new("primaryAvailabilityZone", "PrimaryAvailabilityZone", AZ, "Zone of the shard's first primary."),
    Field::new("replicaAvailabilityZones", "ReplicaAvailabilityZones", Shape::List { of: &AZ, min: 0, max: 5, order: Order::Kept }, "Zones of the replicas, one for each."),
]);
#[rustfmt::skip]
const LOG_DELIVERY: Shape = Shape::Object(&[
    Field::new("logType", "LogType", Shape::Enum(&["slow-log", "engine-log"]), "Which log.").required(),
    Field::new("destinationType", "DestinationType", Shape::Enum(&["cloudwatch-logs", "kinesis-firehose"]), "Where it goes.").required(),
    Field::new("destinationDetails", "DestinationDetails", Shape::Object(&[
        Field::new("cloudWatchLogsDetails", "CloudWatchLogsDetails", Shape::Object(&[Field::new("logGroup", "LogGroup", text(512), "Log group, which must exist.").required()]), "With `cloudwatch-logs`."),
        Field::new("kinesisFirehoseDetails", "KinesisFirehoseDetails", Shape::Object(&[Field::new("deliveryStream", "DeliveryStream", text(64), "Delivery stream, which must exist.").required()]), "With `kinesis-firehose`."),
    ]), "The log group or delivery stream.").required(),
    Field::new("logFormat", "LogFormat", Shape::Enum(&["text", "json"]), "Format of the entries.").required(),
]);

#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        Field::new("description", "ReplicationGroupDescription", text(255), "What the group is for; 1 to 255 characters.").required(),
        Read::Own("Description"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("engine", "Engine", ENGINES, "`valkey` or `redis`."),
        Read::Own("Engine"), Route::With(routes::engine), Impact::Brief,
        "redis to valkey is an upgrade in place, together with engineVersion and a parameter group of the new family. valkey to redis is not offered.",
    ),
    Attribute::new(
        Field::new("engineVersion", "EngineVersion", Shape::Version, "A string such as \"8.0\". The patch level is AWS's from redis 6 and valkey on; redis 5 and older are written in full."),
        Read::Member("EngineVersion"), Route::With(routes::engine_version), Impact::Brief,
        "Upgrades are made in place, a new major version together with a parameter group of its family. AWS refuses a downgrade: that is a replacement.",
    ).pending(|view| view.member_pending("EngineVersion").cloned()),
    Attribute::new(
        Field::new("cacheNodeType", "CacheNodeType", pattern("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", 64, "cache.r7g.large"), "Node type, such as `cache.r7g.large`."),
        Read::Own("CacheNodeType"), Route::With(routes::cache_node_type), Impact::Brief,
        "Made online, node by node, with a failover of each primary. Scaling down is rolled back by AWS when the data does not fit, which only the events tell. r6gd (data tiering) to or from another family is a replacement.",
    ).pending(|view| view.member_pending("CacheNodeType").cloned()),
    Attribute::new(
        Field::new("numCacheClusters", "NumCacheClusters", integer(1, 6), "Nodes of the group, primary included: 1 to 6. Cluster mode disabled only."),
        Read::With(|view| (!view.flag("ClusterEnabled")).then(|| json!(view.member_ids().count()))),
        Route::With(routes::num_cache_clusters), Impact::None,
        "Replicas are added and removed online. The last replica can only go once automatic failover and Multi-AZ are off.",
    ),
    Attribute::new(
        Field::new("numNodeGroups", "NumNodeGroups", integer(1, 500), "Shards: 1 to 90, up to 500 by quota. More than one means cluster mode."),
        Read::With(|view| Some(json!(view.node_groups().len()))), Route::With(routes::num_node_groups), Impact::None,
        "Resharding is online: slots move while the cache serves. Cluster mode enabled only. Shards that go are named in the plan.",
    ),
    Attribute::new(
        Field::new("replicasPerNodeGroup", "ReplicasPerNodeGroup", integer(0, 5), "Replicas of every shard, 0 to 5."),
        Read::With(replicas_per_node_group), Route::With(routes::replicas_per_node_group), Impact::None,
        "Replicas are added and removed online, in all shards at once.",
    ),
    Attribute::new(
        Field::new("nodeGroupConfiguration", "NodeGroupConfiguration", Shape::List { of: &NODE_GROUP, min: 1, max: 500, order: Order::Kept }, "Shards one by one: slots, replicas, zones. Read when the group is created; afterwards only the replica counts are compared, by the shard's id."),
        Read::Never, Route::Seed, Impact::None,
        "Slots and zones are chosen at creation only: resharding spreads slots evenly, and a failover swaps zones.",
    ),
    Attribute::new(
        Field::new("automaticFailoverEnabled", "AutomaticFailoverEnabled", Shape::Bool, "Promote a replica when the primary fails. Always on in cluster mode."),
        Read::With(|view| switch(view, "AutomaticFailover")), Route::With(routes::automatic_failover), Impact::None,
        "Needs a replica. Cannot be turned off in cluster mode.",
    ).pending(|view| view.pending("AutomaticFailoverStatus").and_then(Value::as_str).map(|status| json!(status.starts_with("enabl")))),
    Attribute::new(
        Field::new("multiAZEnabled", "MultiAZEnabled", Shape::Bool, "Spread nodes over availability zones. Needs automatic failover."),
        Read::With(|view| switch(view, "MultiAZ")), Route::With(routes::multi_az), Impact::None,
        "Needs automatic failover and a replica in another zone.",
    ),
    Attribute::new(
        Field::new("clusterMode", "ClusterMode", Shape::Enum(&["disabled", "compatible", "enabled"]), "`disabled`, `compatible` (a stage between, for both kinds of clients) or `enabled`."),
        Read::With(|view| Some(view.own("ClusterMode").cloned().unwrap_or_else(|| json!(if view.flag("ClusterEnabled") { "enabled" } else { "disabled" })))),
        Route::With(routes::cluster_mode), Impact::Brief,
        "disabled to compatible to enabled, one stage at a time; clients move to cluster-aware connections in between. enabled cannot be left again.",
    ).pending(|view| view.pending("ClusterMode").cloned()),
    Attribute::new(
        Field::new("cacheParameterGroupName", "CacheParameterGroupName", Shape::Reference(Kind::ParameterGroup), "Parameter group: one of this spec or an existing one."),
        Read::With(|view| view.members.iter().find_map(|cluster| cluster.get("CacheParameterGroup")?.get("CacheParameterGroupName").cloned())),
        Route::With(routes::parameter_group), Impact::None,
        "Within a family it is exchanged online; parameters that need a reboot wait for one.",
    ),
    Attribute::new(
        Field::new("cacheSubnetGroupName", "CacheSubnetGroupName", Shape::Reference(Kind::SubnetGroup), "Subnet group: one of this spec or an existing one."),
        Read::Member("CacheSubnetGroupName"), Route::Replace, Impact::Replace, "AWS cannot move a group to another subnet group; change the subnets of the group instead",
    ),
    Attribute::new(
        Field::new("securityGroupIds", "SecurityGroupIds", list(&text(255), 1, 50), "VPC security groups; cannot be emptied."),
        Read::With(|view| {
            let groups = view.members.first()?.get("SecurityGroups")?.as_array()?;
            Some(groups.iter().filter_map(|group| group.get("SecurityGroupId").cloned()).collect())
        }),
        Route::Call(Phase::Settings), Impact::None, "The whole list is replaced.",
    ),
    Attribute::new(
        Field::new("preferredMaintenanceWindow", "PreferredMaintenanceWindow", local::WINDOW, "Weekly maintenance window in UTC, `ddd:hh:mm-ddd:hh:mm`, at least 60 minutes."),
        Read::Member("PreferredMaintenanceWindow"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("notificationTopicArn", "NotificationTopicArn", ARN, "SNS topic for ElastiCache's own notifications; `null` stops them.").nullable(),
        Read::With(|view| {
            let notification = view.members.iter().find_map(|cluster| cluster.get("NotificationConfiguration"))?;
            (notification.get("TopicStatus").and_then(Value::as_str) == Some("active")).then(|| notification.get("TopicArn").cloned()).flatten()
        }),
        Route::With(routes::notification_topic), Impact::None, "",
    ),
    Attribute::new(
        Field::new("snapshotRetentionLimit", "SnapshotRetentionLimit", integer(0, 35), "Days that automatic snapshots are kept; 0 turns them off."),
        Read::Own("SnapshotRetentionLimit"), Route::With(routes::snapshot_retention), Impact::None, "",
    ),
    Attribute::new(
        Field::new("snapshotWindow", "SnapshotWindow", local::DAILY_WINDOW, "Daily snapshot window in UTC, `hh:mm-hh:mm`, at least 60 minutes."),
        Read::Own("SnapshotWindow"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("snapshottingClusterId", "SnapshottingClusterId", text(50), "Member that snapshots are taken from. Cluster mode disabled only; stale after a failover."),
        Read::Own("SnapshottingClusterId"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("autoMinorVersionUpgrade", "AutoMinorVersionUpgrade", Shape::Bool, "Take minor engine versions by itself, in the maintenance window."),
        Read::Own("AutoMinorVersionUpgrade"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("port", "Port", integer(1, 65_535), "Port of every endpoint. Default 6379."),
        Read::With(port), Route::Replace, Impact::Replace, "the port is chosen at creation",
    ),
    Attribute::new(
        Field::new("networkType", "NetworkType", Shape::Enum(&["ipv4", "ipv6", "dual_stack"]), "IP versions of the nodes."),
        Read::Own("NetworkType"), Route::Replace, Impact::Replace, "the network type is chosen at creation",
    ),
    Attribute::new(
        Field::new("ipDiscovery", "IpDiscovery", Shape::Enum(&["ipv4", "ipv6"]), "IP version that clients discover."),
        Read::Own("IpDiscovery"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("atRestEncryptionEnabled", "AtRestEncryptionEnabled", Shape::Bool, "Encrypt snapshots, swap and, with data tiering, disks. Default true for valkey, false for redis."),
        Read::Own("AtRestEncryptionEnabled"), Route::Replace, Impact::Replace, "encryption at rest is chosen at creation",
    ),
    Attribute::new(
        Field::new("kmsKeyId", "KmsKeyId", Shape::Text { pattern: None, min: 1, max: 2048, example: "alias/cache" }, "KMS key for encryption at rest: id, ARN or alias. An alias is not compared."),
        Read::With(|view| view.own("KmsKeyId").cloned()), Route::With(routes::kms_key), Impact::Replace, "the key is chosen at creation",
    ),
    Attribute::new(
        Field::new("transitEncryptionEnabled", "TransitEncryptionEnabled", Shape::Bool, "TLS between clients and nodes."),
        Read::Own("TransitEncryptionEnabled"), Route::With(routes::transit_encryption), Impact::Brief,
        "From engine version 7.0.5 on: off to preferred to required, and back the same way, one stage at a time; clients change their URL in between. Endpoints change. Before 7.0.5 it is a replacement.",
    ).pending(|view| view.pending("TransitEncryptionEnabled").cloned()),
    Attribute::new(
        Field::new("transitEncryptionMode", "TransitEncryptionMode", Shape::Enum(&["preferred", "required"]), "`required`, or `preferred`, which answers both TLS and plain connections."),
        Read::With(|view| view.flag("TransitEncryptionEnabled").then(|| view.own("TransitEncryptionMode").cloned()).flatten()),
        Route::With(routes::transit_encryption_mode), Impact::Brief, "With `required`, plain connections are closed.",
    ).pending(|view| view.pending("TransitEncryptionMode").cloned()),
    Attribute::new(
        Field::new("authToken", "AuthToken", Shape::Secret, "Where the AUTH token is kept. Needs TLS; excludes userGroupIds. `null` beside userGroupIds moves from the token to user groups.").nullable(),
        Read::With(|view| view.flag("AuthTokenEnabled").then(|| json!("(set)"))), Route::With(routes::auth_token), Impact::None,
        "A new token is added (ROTATE) beside the old one, which goes with the next hop (SET). AWS cannot remove a token but by moving to user groups.",
    ),
    Attribute::new(
        Field::new("userGroupIds", "UserGroupIds", list(&Shape::Reference(Kind::UserGroup), 0, 1), "User group whose users may log in; at most one. Needs TLS."),
        Read::Own("UserGroupIds"), Route::With(routes::user_groups), Impact::None, "",
    ).pending(routes::pending_user_groups),
    Attribute::new(
        Field::new("logDeliveryConfigurations", "LogDeliveryConfigurations", Shape::List { of: &LOG_DELIVERY, min: 0, max: 2, order: Order::By("logType") }, "Slow log and engine log; one entry for each log type."),
        Read::Own("LogDeliveryConfigurations"), Route::With(routes::log_delivery), Impact::None, "A log that is left out of the list is turned off.",
    ),
    Attribute::new(
        Field::new("dataTieringEnabled", "DataTieringEnabled", Shape::Bool, "Keep part of the data on SSD; r6gd node types, and always there."),
        Read::With(|view| view.own("DataTiering").and_then(Value::as_str).map(|state| json!(state == "enabled"))),
        Route::Replace, Impact::Replace, "data tiering is chosen at creation",
    ),
    Attribute::new(
        Field::new("durability", "Durability", Shape::Enum(&["default", "async", "sync", "disabled"]), "Whether writes are acknowledged after they are durable. Needs TLS at creation."),
        Read::Own("Durability"), Route::With(routes::durability), Impact::None, "sync and async are exchanged in place; turning durability on or off is a replacement.",
    ),
    Attribute::new(
        Field::new("globalReplicationGroupId", "GlobalReplicationGroupId", text(64), "Global datastore that the group joins as a secondary, at creation."),
        Read::With(|view| view.own("GlobalReplicationGroupInfo")?.get("GlobalReplicationGroupId").cloned()),
        Route::Replace, Impact::Replace, "membership of a global datastore is chosen at creation",
    ),
    Attribute::new(
        Field::new("primaryClusterId", "PrimaryClusterId", text(50), "Existing cache cluster that becomes the primary, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ),
    Attribute::new(
        Field::new("preferredCacheClusterAZs", "PreferredCacheClusterAZs", Shape::List { of: &AZ, min: 1, max: 6, order: Order::Kept }, "Zones of the nodes, one for each, at creation."),
        Read::Never, Route::Seed, Impact::None, "Existing nodes cannot be moved.",
    ),
    Attribute::new(
        Field::new("snapshotArns", "SnapshotArns", list(&S3_ARN, 1, 500), "RDB files in S3 that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ),
    Attribute::new(
        Field::new("snapshotName", "SnapshotName", text(255), "Snapshot that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ),
    Attribute::new(
        Field::new("serverlessCacheSnapshotName", "ServerlessCacheSnapshotName", text(255), "Serverless snapshot that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ),
    Attribute::new(
        Field::new("tags", "Tags", TAGS, "Tags, over those of the stack. `null` removes one; others are left alone."),
        Read::Never, Route::Whole, Impact::None, "",
    ),
    Attribute::new(
        Field::new("applyImmediately", "", Shape::Bool, "false: node type, engine and parameter group wait for the maintenance window. Default true."),
        Read::Never, Route::Local, Impact::None, "",
    ),
    Attribute::new(Field::new("lifecycle", "", local::LIFECYCLE, "How the group may end."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("alarms", "", local::ALARMS, "Alarms for every member, from a preset."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("smoke", "", local::SMOKE, "The smoke test of this group; `none` leaves it out."), Read::Never, Route::Local, Impact::None, ""),
];

fn switch(view: &View<'_>, member: &str) -> Option<Value> {
    // `enabling` and `disabling` are on their way.
    view.text(member).map(|status| json!(status.starts_with("enabl")))
}

fn port(view: &View<'_>) -> Option<Value> {
    let node_port = |cluster: &&Value| cluster.get("CacheNodes")?.get(0)?.get("Endpoint")?.get("Port").cloned();
    view.own("ConfigurationEndpoint")
        .and_then(|endpoint| endpoint.get("Port").cloned())
        .or_else(|| view.node_groups().first()?.get("PrimaryEndpoint")?.get("Port").cloned())
        .or_else(|| view.members.iter().find_map(node_port))
}

/// The live replica count of each shard, by shard id.
pub fn replica_counts(view: &View<'_>) -> Vec<(String, usize)> {
    view.node_groups()
        .iter()
        .map(|group| {
            let id = group.get("NodeGroupId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let members = group.get("NodeGroupMembers").and_then(Value::as_array).map_or(0, Vec::len);
            (id, members.saturating_sub(1))
        })
        .collect()
}

/// One number where all shards agree, else the smallest and the largest.
fn replicas_per_node_group(view: &View<'_>) -> Option<Value> {
    let counts = replica_counts(view);
    let (min, max) = (counts.iter().map(|(_, count)| count).min()?, counts.iter().map(|(_, count)| count).max()?);
    Some(if min == max { json!(min) } else { json!(format!("{min} to {max}")) })
}
