//! Replication groups: one primary with replicas, or shards of them in cluster mode.

use serde_json::{Value, json};

pub mod access;
pub mod cluster_mode;
pub mod datastore;
pub mod durability;
pub mod engine;
mod facts;
pub mod failover;
pub mod import;
pub mod node_type;
pub mod nodes;
pub mod pending;
pub mod reboot;
pub mod settings;
pub mod tls;
pub mod windows;
pub mod zones;

use super::kind_row::{Arn, Calls, Creation, KindRow, Names, Secret, States};
use super::local;
use super::serverless_cache::CACHE_ID;
use crate::model::attribute::{Attribute, Datastore, Impact, Phase, Read, Route};
use crate::model::draft::{Call, Draft, Scene};
use crate::model::live::{View, object};
use crate::model::shape::{ARN, Field, Order, S3_ARN, Shape, integer, list, pattern, text};
use crate::model::step::Wait;
use crate::model::{Kind, Operation};

/// The engines of replication groups, of users and of user groups.
pub const ENGINES: Shape = Shape::Enum(&["valkey", "redis"]);
const AZ: Shape = text(64);
/// By default AWS takes 5 replicas a shard; an account was given 15 (Terraform issue 46634), so that more is AWS's to
/// refuse, up to the nodes that a group can have.
const REPLICAS: i64 = 499;
#[rustfmt::skip]
const NODE_GROUP: Shape = Shape::Object(&[
    Field::new("nodeGroupId", "NodeGroupId", pattern("^[0-9]{1,4}$", 4, "0001"), "Id of the shard, one to four digits."),
    Field::new("slots", "Slots", pattern("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", 1024, "0-5460"), "Hash slots of the shard, of 0 to 16383. All shards together must cover them all."),
    Field::new("replicaCount", "ReplicaCount", integer(0, REPLICAS), "Replicas of the shard; more than 5 need a raised quota."),
    Field::new("primaryAvailabilityZone", "PrimaryAvailabilityZone", AZ, "Zone of the shard's first primary."),
    Field::new("replicaAvailabilityZones", "ReplicaAvailabilityZones", Shape::List { of: &AZ, min: 0, max: REPLICAS as usize, order: Order::Kept }, "Zones of the replicas, one for each."),
    Field::new("primaryOutpostArn", "PrimaryOutpostArn", ARN, "Outpost of the shard's first primary."),
    Field::new("replicaOutpostArns", "ReplicaOutpostArns", Shape::List { of: &ARN, min: 0, max: REPLICAS as usize, order: Order::Kept }, "Outposts of the replicas, one for each."),
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

/// The rows of a replication group.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(
        Field::new("description", "ReplicationGroupDescription", text(255), "What the group is for; 1 to 255 characters.").required(),
        Read::Own("Description"), Route::Call(Phase::Settings), Impact::None, "",
    ),
    Attribute::new(
        Field::new("engine", "Engine", ENGINES, "`valkey` or `redis`."),
        Read::Own("Engine"), Route::With(engine::engine), Impact::Brief,
        "redis to valkey is an upgrade in place, together with engineVersion and a parameter group of the new family. valkey 7.2 goes back to redis 7.1 the same way, once its users and user groups are of redis; AWS has no other way back. Node addresses change, names stay.",
    ).may_wait().datastore(Datastore::Decides).pending(engine::pending_engine),
    Attribute::new(
        Field::new("engineVersion", "EngineVersion", Shape::Version, "A string such as \"8.0\". The patch level is AWS's from redis 6 and valkey on; redis 5 and older are written in full."),
        Read::Member("EngineVersion"), Route::With(engine::engine_version), Impact::Brief,
        "Upgrades are made in place, a new major version together with a parameter group of its family. AWS refuses a downgrade: that is a replacement.",
    ).may_wait().datastore(Datastore::Decides).pending(|view| view.member_pending("EngineVersion").cloned()),
    Attribute::new(
        Field::new("cacheNodeType", "CacheNodeType", pattern("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", 64, "cache.r7g.large"), "Node type, such as `cache.r7g.large`."),
        Read::Own("CacheNodeType"), Route::With(node_type::cache_node_type), Impact::Brief,
        "Made online, node by node, with a failover of each primary. A type that the live engine does not run comes after the engine. Scaling down is rolled back by AWS when the data does not fit, which only the events tell. r6gd (data tiering) to or from another family is a replacement.",
    ).may_wait().datastore(Datastore::Decides).pending(|view| view.member_pending("CacheNodeType").cloned()),
    Attribute::new(
        Field::new("numCacheClusters", "NumCacheClusters", integer(1, REPLICAS + 1), "Nodes of the group, primary included: 1 to 6, more by quota. For a group of one shard."),
        Read::With(|view| (view.node_groups().len() <= 1).then(|| json!(view.member_ids().count()))),
        Route::With(nodes::num_cache_clusters), Impact::None,
        "Replicas are added and removed online. The last replica can only go once automatic failover and Multi-AZ are off.",
    ).import(import::nodes),
    Attribute::new(
        Field::new("numNodeGroups", "NumNodeGroups", integer(1, 500), "Shards: 1 to 90, up to 500 by quota. More than one means cluster mode."),
        Read::With(|view| Some(json!(view.node_groups().len()))), Route::With(nodes::num_node_groups), Impact::None,
        "Resharding is online: slots move while the cache serves. Cluster mode enabled only. Shards that go are named in the plan.",
    ).datastore(Datastore::Decides).import(import::shards),
    Attribute::new(
        Field::new("replicasPerNodeGroup", "ReplicasPerNodeGroup", integer(0, REPLICAS), "Replicas of every shard: 0 to 5, more by quota."),
        Read::With(nodes::replicas_per_node_group), Route::With(nodes::per_shard), Impact::None,
        "Replicas are added and removed online, in all shards at once.",
    ).import(import::replicas),
    Attribute::new(
        Field::new("nodeGroupConfiguration", "NodeGroupConfiguration", Shape::List { of: &NODE_GROUP, min: 1, max: 500, order: Order::Kept }, "Shards one by one: slots, replicas, zones. Read when the group is created; afterwards only the replica counts are compared, by the shard's id."),
        Read::With(nodes::node_group_configuration), Route::With(nodes::configured), Impact::None,
        "Slots and zones are chosen at creation only: resharding spreads slots evenly, and a failover swaps zones.",
    ).import(import::uneven_shards),
    Attribute::new(
        Field::new("automaticFailoverEnabled", "AutomaticFailoverEnabled", Shape::Bool, "Promote a replica when the primary fails. Always on in cluster mode."),
        Read::With(|view| switch(view, "AutomaticFailover")), Route::With(failover::automatic_failover), Impact::None,
        "Needs a replica. Cannot be turned off in cluster mode.",
    ).datastore(Datastore::Decides).import(import::failover).pending(|view| view.pending("AutomaticFailoverStatus").and_then(Value::as_str).map(|status| json!(status.starts_with("enabl")))),
    Attribute::new(
        Field::new("multiAZEnabled", "MultiAZEnabled", Shape::Bool, "Spread nodes over availability zones. Needs automatic failover."),
        Read::With(|view| switch(view, "MultiAZ")), Route::With(failover::multi_az), Impact::None,
        "Needs automatic failover and a replica in another zone.",
    ).import(import::with_replicas),
    Attribute::new(
        Field::new("clusterMode", "ClusterMode", Shape::Enum(&["disabled", "compatible", "enabled"]), "`disabled`, `compatible` (a stage between, for both kinds of clients) or `enabled`."),
        Read::With(|view| Some(view.own("ClusterMode").cloned().unwrap_or_else(|| json!(if view.flag("ClusterEnabled") { "enabled" } else { "disabled" })))),
        Route::With(cluster_mode::cluster_mode), Impact::Brief,
        "disabled to compatible to enabled, one stage at a time; clients move to cluster-aware connections in between. While it is compatible AWS takes no other change; from there disabled is a way back. enabled cannot be left again.",
    ).datastore(Datastore::Alike).import(import::cluster_mode).pending(|view| view.pending("ClusterMode").cloned()),
    Attribute::new(
        Field::new("cacheParameterGroupName", "CacheParameterGroupName", Shape::Reference(Kind::ParameterGroup), "Parameter group: one of this spec or an existing one."),
        Read::With(|view| view.members.iter().find_map(|cluster| cluster.get("CacheParameterGroup")?.get("CacheParameterGroupName").cloned())),
        Route::With(engine::parameter_group), Impact::None,
        "Within a family it is replaced online; parameters that need a reboot wait for one.",
    ).may_wait().datastore(Datastore::Sets).import(import::parameter_group_name),
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
        Read::Member("PreferredMaintenanceWindow"), Route::With(settings::maintenance_window), Impact::None, "",
    ).import(import::window),
    Attribute::new(
        Field::new("notificationTopicArn", "NotificationTopicArn", ARN, "SNS topic for ElastiCache's own notifications; `null` stops them.").nullable(),
        Read::With(|view| {
            let notification = view.members.iter().find_map(|cluster| cluster.get("NotificationConfiguration"))?;
            (notification.get("TopicStatus").and_then(Value::as_str) == Some("active")).then(|| notification.get("TopicArn").cloned()).flatten()
        }),
        Route::With(settings::notification_topic), Impact::None, "",
    ),
    Attribute::new(
        Field::new("snapshotRetentionLimit", "SnapshotRetentionLimit", integer(0, 35), "Days that automatic snapshots are kept; 0 turns them off."),
        Read::Own("SnapshotRetentionLimit"), Route::With(settings::snapshot_retention), Impact::None, "",
    ).import(import::not_zero),
    Attribute::new(
        Field::new("snapshotWindow", "SnapshotWindow", local::DAILY_WINDOW, "Daily snapshot window in UTC, `hh:mm-hh:mm`, at least 60 minutes."),
        Read::Own("SnapshotWindow"), Route::Call(Phase::Settings), Impact::None, "",
    ).import(import::with_snapshots),
    Attribute::new(
        Field::new("snapshottingClusterId", "SnapshottingClusterId", text(50), "Member that snapshots are taken from. Cluster mode disabled only; stale after a failover."),
        Read::Own("SnapshottingClusterId"), Route::With(settings::snapshotting_cluster), Impact::None, "",
    ).later().import(import::nothing),
    Attribute::new(
        Field::new("autoMinorVersionUpgrade", "AutoMinorVersionUpgrade", Shape::Bool, "Install minor engine versions automatically, in the maintenance window."),
        Read::Own("AutoMinorVersionUpgrade"), Route::Call(Phase::Settings), Impact::None, "",
    ).datastore(Datastore::Overrides).import(import::only_off),
    Attribute::new(
        Field::new("port", "Port", integer(1, 65_535), "Port of every endpoint. Default 6379."),
        Read::With(port), Route::Replace, Impact::Replace, "the port is chosen at creation",
    ).import(import::port),
    Attribute::new(
        Field::new("networkType", "NetworkType", Shape::Enum(&["ipv4", "ipv6", "dual_stack"]), "IP versions of the nodes."),
        Read::Own("NetworkType"), Route::Replace, Impact::Replace, "the network type is chosen at creation",
    ).import(import::network),
    Attribute::new(
        Field::new("ipDiscovery", "IpDiscovery", Shape::Enum(&["ipv4", "ipv6"]), "IP version that clients discover."),
        Read::Own("IpDiscovery"), Route::With(settings::ip_discovery), Impact::None, "",
    ).import(import::network),
    Attribute::new(
        Field::new("atRestEncryptionEnabled", "AtRestEncryptionEnabled", Shape::Bool, "Encrypt snapshots, swap and, with data tiering, disks. Default true for valkey, false for redis."),
        Read::Own("AtRestEncryptionEnabled"), Route::With(settings::at_rest), Impact::Replace, "encryption at rest is chosen at creation; durable writes turn it on by themselves",
    ).datastore(Datastore::Hands),
    Attribute::new(
        Field::new("kmsKeyId", "KmsKeyId", Shape::Text { pattern: None, min: 1, max: 2048, example: "alias/cache" }, "KMS key for encryption at rest: id, ARN or alias. An alias is not compared."),
        Read::With(|view| view.own("KmsKeyId").cloned()), Route::With(settings::kms_key), Impact::Replace, "the key is chosen at creation",
    ).unproven(),
    Attribute::new(
        Field::new("transitEncryptionEnabled", "TransitEncryptionEnabled", Shape::Bool, "TLS between clients and nodes."),
        Read::Own("TransitEncryptionEnabled"), Route::With(tls::transit_encryption), Impact::Brief,
        "From engine version 7.0.5 on: off to preferred to required, and back the same way, one stage at a time; clients change their URL in between. Endpoints change. Before 7.0.5 it is a replacement, but where a newer engine waits for the maintenance window: then TLS comes after it.",
    ).datastore(Datastore::Decides).pending(|view| view.pending("TransitEncryptionEnabled").cloned()),
    Attribute::new(
        Field::new("transitEncryptionMode", "TransitEncryptionMode", Shape::Enum(&["preferred", "required"]), "`required`, or `preferred`, which answers both TLS and plain connections."),
        Read::With(|view| view.flag("TransitEncryptionEnabled").then(|| view.own("TransitEncryptionMode").cloned()).flatten()),
        Route::With(tls::transit_encryption_mode), Impact::Brief, "With `required`, plain connections are closed.",
    ).datastore(Datastore::Decides).import(import::tls_mode).pending(|view| view.pending("TransitEncryptionMode").cloned()),
    Attribute::new(
        Field::new("authToken", "AuthToken", Shape::Secret, "Where the AUTH token is kept. Needs TLS; excludes userGroupIds. `null` beside userGroupIds moves from the token to user groups, or to nothing where they are empty.").nullable(),
        Read::With(|view| view.flag("AuthTokenEnabled").then(|| json!("(set)"))), Route::With(access::auth_token), Impact::None,
        "A new token is added (ROTATE) beside the old one, which the next hop removes (SET). AWS removes a token only in exchange for user groups: `authToken: null` beside `userGroupIds: []` does it in two hops, by way of a user group of the spec.",
    ).unproven().under_way("AuthTokenStatus").remark(import::auth_token),
    Attribute::new(
        Field::new("userGroupIds", "UserGroupIds", list(&Shape::Reference(Kind::UserGroup), 0, 1), "User group whose users may log in; at most one. Needs TLS."),
        Read::Own("UserGroupIds"), Route::With(access::user_groups), Impact::None, "",
    ).pending(access::pending_user_groups),
    Attribute::new(
        Field::new("logDeliveryConfigurations", "LogDeliveryConfigurations", Shape::List { of: &LOG_DELIVERY, min: 0, max: 2, order: Order::By("logType") }, "Slow log and engine log; one entry for each log type."),
        Read::Own("LogDeliveryConfigurations"), Route::With(settings::log_delivery), Impact::None, "A log that is left out of the list is turned off.",
    ).unproven().under_way("LogDeliveryConfigurations"),
    Attribute::new(
        Field::new("dataTieringEnabled", "DataTieringEnabled", Shape::Bool, "Keep part of the data on SSD; r6gd node types, and always there."),
        Read::With(|view| view.own("DataTiering").and_then(Value::as_str).map(|state| json!(state == "enabled"))),
        Route::Replace, Impact::Replace, "data tiering is chosen at creation",
    ).import(import::only_on),
    Attribute::new(
        Field::new("durability", "Durability", Shape::Enum(&["default", "async", "sync", "disabled"]), "Whether writes are acknowledged after they are durable. Needs valkey 9.0, cluster mode, Multi-AZ with replicas, TLS and node types such as r7g."),
        Read::With(durability::in_effect), Route::With(durability::durability), Impact::None, "Exchanged in place in every direction, in a call of its own. Turns encryption at rest on. At most 100 MiB of writes a second and primary.",
    ).datastore(Datastore::Excludes).import(import::durability).pending(durability::pending),
    Attribute::new(
        Field::new("globalReplicationGroupId", "GlobalReplicationGroupId", text(64), "Global datastore that the group joins as a secondary, at creation."),
        Read::With(|view| view.own("GlobalReplicationGroupInfo")?.get("GlobalReplicationGroupId").cloned()),
        Route::Replace, Impact::Replace, "membership of a global datastore is chosen at creation",
    ).import(import::joined_datastore),
    Attribute::new(
        Field::new("primaryClusterId", "PrimaryClusterId", text(50), "Existing cache cluster that becomes the primary, at creation; of a group that exists, the member that is to be its primary."),
        Read::With(failover::primary), Route::With(failover::promotion), Impact::Brief,
        "A member is promoted in place while automatic failover is off, and outside of cluster mode. While it is on AWS chooses the primary: a difference is told and left alone.",
    ).drifts().import(import::nothing),
    Attribute::new(
        Field::new("preferredCacheClusterAZs", "PreferredCacheClusterAZs", Shape::List { of: &AZ, min: 1, max: REPLICAS as usize + 1, order: Order::Kept }, "Zones of the nodes, one for each: as many as numCacheClusters. For a group of one shard."),
        Read::Never, Route::Seed, Impact::None, "Existing nodes cannot be moved. When nodes are added, the new ones go to the zones that the existing ones do not have.",
    ),
    Attribute::new(
        Field::new("snapshotArns", "SnapshotArns", list(&S3_ARN, 1, 500), "RDB files in S3 that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ).datastore(Datastore::Hands),
    Attribute::new(
        Field::new("snapshotName", "SnapshotName", text(255), "Snapshot that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ).datastore(Datastore::Hands),
    Attribute::new(
        Field::new("serverlessCacheSnapshotName", "ServerlessCacheSnapshotName", text(255), "Serverless snapshot that the group is filled from, at creation."),
        Read::Never, Route::Seed, Impact::None, "",
    ),
    local::TAGS_ROW,
    Attribute::new(
        Field::new("applyImmediately", "", Shape::Bool, "false: node type, engine and parameter group wait for the maintenance window, and what rests on them comes afterwards. Default true."),
        Read::Never, Route::Local, Impact::None, "",
    ),
    Attribute::new(Field::new("lifecycle", "", local::LIFECYCLE, "How the group may end."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("alarms", "", local::ALARMS, "Alarms for every member, from a preset."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("smoke", "", crate::resource::smoke::SMOKE, "The smoke test of this group; `none` leaves it out."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("drill", "", crate::resource::drill::DRILL, "What a failover drill of this group must show."), Read::Never, Route::Local, Impact::None, ""),
];

/// Replication groups as a kind: caches of nodes, whose attributes hang together in many ways.
pub const KIND: KindRow = KindRow {
    reads: &[
        "elasticache:DescribeReplicationGroups",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeUpdateActions",
        "elasticache:ListAllowedNodeTypeModifications",
    ],
    states: Some(States { at_rest: "available", ready: Wait::Available }),
    state: |view| view.status(),
    facts: facts::of,
    is_cache: true,
    fails_over: true,
    secret: Some(Secret {
        attribute: "authToken",
        member: "AuthToken",
        tag: "cachectl:auth-token",
        is_in_force: |scene| scene.view.flag("AuthTokenEnabled"),
    }),
    final_snapshot: Some("FinalSnapshotIdentifier"),
    create,
    finish,
    replaced: failover::loses_its_seed,
    ..KindRow::plain(
        Names {
            kind: "replicationGroup",
            section: "replicationGroups",
            noun: "replication group",
            about: "Replication groups, by id: a primary with replicas, or with cluster mode shards of them. A field left out is not managed.",
        },
        ATTRIBUTES,
        Arn::elasticache("replicationgroup"),
        CACHE_ID,
        Calls {
            create: Operation::CreateReplicationGroup,
            modify: MODIFY,
            delete: Operation::DeleteReplicationGroup,
            id_member: "ReplicationGroupId",
        },
    )
};

fn create(draft: &mut Draft, creation: &mut Creation<'_>) {
    durability::at_creation(draft, creation);
    let Creation { resource, restore, parameters, .. } = creation;
    draft.zones = zones::declared(&resource.fields);
    node_type::at_creation(draft, resource);
    for log in parameters.get_mut("LogDeliveryConfigurations").and_then(Value::as_array_mut).into_iter().flatten() {
        log["Enabled"] = json!(true);
    }
    if let Some(snapshot) = restore {
        parameters.insert("SnapshotName".into(), json!(snapshot));
    }
    if let Some(member) = resource.fields.get("snapshottingClusterId") {
        // Only a member that exists can be named.
        let call = [
            ("ReplicationGroupId", json!(resource.address.id)),
            ("SnapshottingClusterId", member.clone()),
            ("ApplyImmediately", json!(true)),
        ];
        draft.push(Phase::Settings, MODIFY, Wait::Available, object(call));
    }
}

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

const MODIFY: Operation = Operation::ModifyReplicationGroup;

/// Can AWS let a change of this member wait for the maintenance window?
fn member_may_wait(member: &str) -> bool {
    ATTRIBUTES.iter().any(|row| row.field.member == member && row.may_wait)
}

fn modify(draft: &mut Draft, phase: Phase) -> &mut Call {
    draft.call(phase, MODIFY, Wait::Available)
}

/// Does this apply itself bring what AWS could let wait: node type, engine and version?
///
/// `applyImmediately: false` lets them wait, and so does what waits already, which a call that takes effect at once
/// would carry out. Nothing waits that comes together with what is flushed.
fn is_immediate(scene: &Scene<'_>) -> bool {
    pending::flushes(scene) || (scene.declared("applyImmediately") != Some(&json!(false)) && !pending::goes_on(scene))
}

/// What the attributes come to together, once each was compared.
pub fn finish(draft: &mut Draft, scene: &Scene<'_>) {
    datastore::note(draft, scene);
    tls::ahead_of_access(draft, scene);
    node_type::ahead_of_engine(draft, scene);
    cluster_mode::comes_last(draft, scene);
    nodes::plan(draft, scene);
    failover::check(draft, scene);
    durability::check(draft, scene);
    settings::windows_apart(draft, scene);
    settings::broken_logs(draft, scene);
    cluster_mode::leaves_compatible_alone(draft, scene);
    pending::finish(draft, scene);
    reboot::plan(draft, scene);
}
