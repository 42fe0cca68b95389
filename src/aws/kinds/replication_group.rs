//! Replication groups and their member clusters at AWS.

use std::collections::BTreeSet;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{
    create_replication_group, decrease_replica_count, delete_replication_group, increase_replica_count,
    modify_replication_group, modify_replication_group_shard_configuration, reboot_cache_cluster,
};
use aws_sdk_elasticache::types as ec;
use futures::future::try_join_all;
use serde_json::Value;

use crate::aws::client::Aws;
use crate::aws::error::{AwsError, Kind as ErrorKind};
use crate::aws::lists::{FEW, Ids, lister, named};
use crate::aws::pages::Pages;
use crate::aws::params::{Params, inner};
use crate::aws::record::{endpoint, record};
use crate::model::live::{Found, strings};

lister!(
    list_groups,
    "DescribeReplicationGroups",
    describe_replication_groups,
    replication_group_id,
    replication_groups,
    replication_group_id,
    describe
);

/// Groups and, side by side with them, as many pages of member clusters as they need at least; then the members that
/// are still missing.
pub(super) async fn list(aws: &Aws, wanted: Ids) -> Result<(Found, Found), AwsError> {
    if wanted.is_none() {
        return Ok((Found::new(), Found::new()));
    }
    let mut pages = Pages::of(CLUSTERS);
    // A group has one member at least.
    let least = wanted.count().unwrap_or(1).div_ceil(PAGE);
    let (groups, page) = futures::try_join!(list_groups(aws, wanted), clusters_pages(aws, least, &mut pages))?;
    let needed: BTreeSet<String> =
        groups.values().flat_map(|group| strings(group.get("MemberClusters"))).map(str::to_owned).collect();
    let clusters = members(aws, &needed, page, &mut pages).await?;
    Ok((groups, clusters))
}

const CLUSTERS: &str = "DescribeCacheClusters";
/// Clusters in one answer.
const PAGE: usize = 100;

type Page = (Vec<(String, Value)>, Option<String>);

async fn clusters_page(aws: &Aws, marker: Option<String>) -> Result<Page, AwsError> {
    let call = aws.elasticache.describe_cache_clusters().max_records(PAGE as i32).show_cache_node_info(true);
    let answer = call.set_marker(marker).send().await.map_err(|error| AwsError::of(CLUSTERS, error))?;
    let clusters = answer.cache_clusters().iter().map(|cluster| {
        let id = named(CLUSTERS, cluster.cache_cluster_id())?;
        Ok((id, describe_member(cluster)))
    });
    Ok((clusters.collect::<Result<_, AwsError>>()?, answer.marker().map(str::to_owned)))
}

/// Up to so many pages, as one.
async fn clusters_pages(aws: &Aws, most: usize, pages: &mut Pages) -> Result<Page, AwsError> {
    let (mut clusters, mut marker) = clusters_page(aws, None).await?;
    for _ in 1..most {
        if !pages.turn(marker.as_deref())? {
            return Ok((clusters, None));
        }
        let (more, next) = clusters_page(aws, pages.token()).await?;
        clusters.extend(more);
        marker = next;
    }
    Ok((clusters, marker))
}

/// Clusters that are in no replication group, as `sessions (memcached)`: no kind of cachectl's.
pub(in crate::aws) async fn lone_clusters(aws: &Aws) -> Result<Vec<String>, AwsError> {
    let (mut found, mut pages) = (Vec::new(), Pages::of(CLUSTERS));
    loop {
        let call = aws.elasticache.describe_cache_clusters().max_records(PAGE as i32).set_marker(pages.token());
        let call = call.show_cache_clusters_not_in_replication_groups(true);
        let answer = match call.send().await.map_err(|error| AwsError::of(CLUSTERS, error)) {
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(found),
            answer => answer?,
        };
        // Some endpoints do not apply the filter.
        let lone = answer.cache_clusters().iter().filter(|cluster| cluster.replication_group_id().is_none());
        found.extend(lone.filter_map(|cluster| {
            Some(format!("{} ({})", cluster.cache_cluster_id()?, cluster.engine().unwrap_or("engine unknown")))
        }));
        if !pages.turn(answer.marker())? {
            return Ok(found);
        }
    }
}

/// The members that are needed: from pages as long as many are missing, by name once they are few.
async fn members(aws: &Aws, needed: &BTreeSet<String>, first: Page, pages: &mut Pages) -> Result<Found, AwsError> {
    let mut found = Found::new();
    let (mut clusters, mut marker) = first;
    loop {
        found.extend(clusters.into_iter().filter(|(id, _)| needed.contains(id)));
        let missing: Vec<_> = needed.iter().filter(|id| !found.contains_key(*id)).collect();
        if !pages.turn(marker.as_deref())? || missing.is_empty() {
            return Ok(found);
        }
        if missing.len() <= FEW {
            let reads = missing.into_iter().map(|id| member(aws, id));
            found.extend(try_join_all(reads).await?.into_iter().flatten());
            return Ok(found);
        }
        (clusters, marker) = clusters_page(aws, pages.token()).await?;
    }
}

async fn member(aws: &Aws, id: &str) -> Result<Option<(String, Value)>, AwsError> {
    let call = aws.elasticache.describe_cache_clusters().cache_cluster_id(id).show_cache_node_info(true);
    match call.send().await.map_err(|error| AwsError::of(CLUSTERS, error)) {
        Ok(answer) => {
            let clusters = answer.cache_clusters();
            Ok(clusters.first().map(|cluster| (id.to_owned(), describe_member(cluster))))
        }
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn describe(group: &ec::ReplicationGroup) -> Value {
    record! {
        "ReplicationGroupId": group.replication_group_id(),
        "Description": group.description(),
        "GlobalReplicationGroupInfo": group.global_replication_group_info().map(|info| record! {
            "GlobalReplicationGroupId": info.global_replication_group_id(),
            "GlobalReplicationGroupMemberRole": info.global_replication_group_member_role(),
        }),
        "Status": group.status(),
        "PendingModifiedValues": group.pending_modified_values().map(pending_of_group),
        "MemberClusters": group.member_clusters(),
        "NodeGroups": group.node_groups().iter().map(describe_node_group).collect::<Vec<_>>(),
        "SnapshottingClusterId": group.snapshotting_cluster_id(),
        "AutomaticFailover": group.automatic_failover().map(|status| status.as_str()),
        "MultiAZ": group.multi_az().map(|status| status.as_str()),
        "ConfigurationEndpoint": endpoint(group.configuration_endpoint()),
        "SnapshotRetentionLimit": group.snapshot_retention_limit(),
        "SnapshotWindow": group.snapshot_window(),
        "ClusterEnabled": group.cluster_enabled(),
        "CacheNodeType": group.cache_node_type(),
        "AuthTokenEnabled": group.auth_token_enabled(),
        "AuthTokenLastModifiedDate": group.auth_token_last_modified_date().map(aws_smithy_types::DateTime::as_secs_f64),
        "TransitEncryptionEnabled": group.transit_encryption_enabled(),
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled(),
        "KmsKeyId": group.kms_key_id(),
        "ARN": group.arn(),
        "UserGroupIds": group.user_group_ids(),
        "LogDeliveryConfigurations": group.log_delivery_configurations().iter().map(describe_log_delivery).collect::<Vec<_>>(),
        "DataTiering": group.data_tiering().map(|status| status.as_str()),
        "AutoMinorVersionUpgrade": group.auto_minor_version_upgrade(),
        "NetworkType": group.network_type().map(|kind| kind.as_str()),
        "IpDiscovery": group.ip_discovery().map(|kind| kind.as_str()),
        "TransitEncryptionMode": group.transit_encryption_mode().map(|mode| mode.as_str()),
        "ClusterMode": group.cluster_mode().map(|mode| mode.as_str()),
        "Engine": group.engine(),
        "Durability": group.durability().map(|durability| durability.as_str()),
        "EffectiveDurability": group.effective_durability().map(|durability| durability.as_str()),
        "StorageEncryptionType": group.storage_encryption_type().map(|encryption| encryption.as_str()),
    }
}

fn pending_of_group(pending: &ec::ReplicationGroupPendingModifiedValues) -> Value {
    record! {
        "PrimaryClusterId": pending.primary_cluster_id(),
        "AutomaticFailoverStatus": pending.automatic_failover_status().map(|status| status.as_str()),
        "Resharding": pending.resharding().and_then(|resharding| resharding.slot_migration()).map(|migration| record! {
            "ProgressPercentage": migration.progress_percentage(),
        }),
        "AuthTokenStatus": pending.auth_token_status().map(|status| status.as_str()),
        "UserGroups": pending.user_groups().map(|groups| record! {
            "UserGroupIdsToAdd": groups.user_group_ids_to_add(),
            "UserGroupIdsToRemove": groups.user_group_ids_to_remove(),
        }),
        "LogDeliveryConfigurations": pending.log_delivery_configurations().iter().map(pending_log).collect::<Vec<_>>(),
        "TransitEncryptionEnabled": pending.transit_encryption_enabled(),
        "TransitEncryptionMode": pending.transit_encryption_mode().map(|mode| mode.as_str()),
        "ClusterMode": pending.cluster_mode().map(|mode| mode.as_str()),
    }
}

fn pending_log(log: &ec::PendingLogDeliveryConfiguration) -> Value {
    record! { "LogType": log.log_type().map(|kind| kind.as_str()) }
}

fn describe_node_group(group: &ec::NodeGroup) -> Value {
    let member = |member: &ec::NodeGroupMember| {
        record! {
            "CacheClusterId": member.cache_cluster_id(),
            "CacheNodeId": member.cache_node_id(),
            "ReadEndpoint": endpoint(member.read_endpoint()),
            "PreferredAvailabilityZone": member.preferred_availability_zone(),
            "CurrentRole": member.current_role(),
        }
    };
    record! {
        "NodeGroupId": group.node_group_id(),
        "Status": group.status(),
        "PrimaryEndpoint": endpoint(group.primary_endpoint()),
        "ReaderEndpoint": endpoint(group.reader_endpoint()),
        "Slots": group.slots(),
        "NodeGroupMembers": group.node_group_members().iter().map(member).collect::<Vec<_>>(),
    }
}

fn describe_log_delivery(log: &ec::LogDeliveryConfiguration) -> Value {
    record! {
        "LogType": log.log_type().map(|kind| kind.as_str()),
        "DestinationType": log.destination_type().map(|kind| kind.as_str()),
        "DestinationDetails": log.destination_details().map(|details| record! {
            "CloudWatchLogsDetails": details.cloud_watch_logs_details().map(|details| record! { "LogGroup": details.log_group() }),
            "KinesisFirehoseDetails": details.kinesis_firehose_details().map(|details| record! { "DeliveryStream": details.delivery_stream() }),
        }),
        "LogFormat": log.log_format().map(|format| format.as_str()),
        "Status": log.status().map(|status| status.as_str()),
        "Message": log.message(),
    }
}

fn describe_member(cluster: &ec::CacheCluster) -> Value {
    let security_group = |group: &ec::SecurityGroupMembership| record! { "SecurityGroupId": group.security_group_id(), "Status": group.status() };
    let node = |node: &ec::CacheNode| {
        record! {
            "CacheNodeId": node.cache_node_id(),
            "CacheNodeStatus": node.cache_node_status(),
            "Endpoint": endpoint(node.endpoint()),
            "CustomerAvailabilityZone": node.customer_availability_zone(),
        }
    };
    record! {
        "CacheClusterId": cluster.cache_cluster_id(),
        "ReplicationGroupId": cluster.replication_group_id(),
        "CacheNodeType": cluster.cache_node_type(),
        "Engine": cluster.engine(),
        "EngineVersion": cluster.engine_version(),
        "CacheClusterStatus": cluster.cache_cluster_status(),
        "PreferredAvailabilityZone": cluster.preferred_availability_zone(),
        "PreferredMaintenanceWindow": cluster.preferred_maintenance_window(),
        "PendingModifiedValues": cluster.pending_modified_values().map(|pending| record! {
            "EngineVersion": pending.engine_version(),
            "CacheNodeType": pending.cache_node_type(),
            "AuthTokenStatus": pending.auth_token_status().map(|status| status.as_str()),
            "TransitEncryptionEnabled": pending.transit_encryption_enabled(),
            "TransitEncryptionMode": pending.transit_encryption_mode().map(|mode| mode.as_str()),
        }),
        "NotificationConfiguration": cluster.notification_configuration().map(|notification| record! {
            "TopicArn": notification.topic_arn(),
            "TopicStatus": notification.topic_status(),
        }),
        "CacheParameterGroup": cluster.cache_parameter_group().map(|group| record! {
            "CacheParameterGroupName": group.cache_parameter_group_name(),
            "ParameterApplyStatus": group.parameter_apply_status(),
            "CacheNodeIdsToReboot": group.cache_node_ids_to_reboot(),
        }),
        "CacheSubnetGroupName": cluster.cache_subnet_group_name(),
        "CacheNodes": cluster.cache_nodes().iter().map(node).collect::<Vec<_>>(),
        "SecurityGroups": cluster.security_groups().iter().map(security_group).collect::<Vec<_>>(),
        "SnapshotRetentionLimit": cluster.snapshot_retention_limit(),
        "ARN": cluster.arn(),
    }
}

pub(super) fn create_replication_group(
    client: &Client,
    p: &mut Params,
) -> create_replication_group::builders::CreateReplicationGroupFluentBuilder {
    client
        .create_replication_group()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_replication_group_description(p.text("ReplicationGroupDescription"))
        .set_global_replication_group_id(p.text("GlobalReplicationGroupId"))
        .set_primary_cluster_id(p.text("PrimaryClusterId"))
        .set_automatic_failover_enabled(p.flag("AutomaticFailoverEnabled"))
        .set_multi_az_enabled(p.flag("MultiAZEnabled"))
        .set_num_cache_clusters(p.integer("NumCacheClusters"))
        .set_preferred_cache_cluster_azs(p.texts("PreferredCacheClusterAZs"))
        .set_num_node_groups(p.integer("NumNodeGroups"))
        .set_replicas_per_node_group(p.integer("ReplicasPerNodeGroup"))
        .set_node_group_configuration(p.list("NodeGroupConfiguration", node_group))
        .set_cache_node_type(p.text("CacheNodeType"))
        .set_engine(p.text("Engine"))
        .set_engine_version(p.text("EngineVersion"))
        .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
        .set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
        .set_security_group_ids(p.texts("SecurityGroupIds"))
        .set_tags(p.tags())
        .set_snapshot_arns(p.texts("SnapshotArns"))
        .set_snapshot_name(p.text("SnapshotName"))
        .set_preferred_maintenance_window(p.text("PreferredMaintenanceWindow"))
        .set_port(p.integer("Port"))
        .set_notification_topic_arn(p.text("NotificationTopicArn"))
        .set_auto_minor_version_upgrade(p.flag("AutoMinorVersionUpgrade"))
        .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
        .set_snapshot_window(p.text("SnapshotWindow"))
        .set_auth_token(p.text("AuthToken"))
        .set_transit_encryption_enabled(p.flag("TransitEncryptionEnabled"))
        .set_at_rest_encryption_enabled(p.flag("AtRestEncryptionEnabled"))
        .set_kms_key_id(p.text("KmsKeyId"))
        .set_user_group_ids(p.texts("UserGroupIds"))
        .set_log_delivery_configurations(p.list("LogDeliveryConfigurations", log_delivery))
        .set_data_tiering_enabled(p.flag("DataTieringEnabled"))
        .set_network_type(p.word("NetworkType"))
        .set_ip_discovery(p.word("IpDiscovery"))
        .set_transit_encryption_mode(p.word("TransitEncryptionMode"))
        .set_cluster_mode(p.word("ClusterMode"))
        .set_serverless_cache_snapshot_name(p.text("ServerlessCacheSnapshotName"))
        .set_durability(p.word("Durability"))
}

pub(super) fn modify_replication_group(
    client: &Client,
    p: &mut Params,
) -> modify_replication_group::builders::ModifyReplicationGroupFluentBuilder {
    client
        .modify_replication_group()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_replication_group_description(p.text("ReplicationGroupDescription"))
        .set_primary_cluster_id(p.text("PrimaryClusterId"))
        .set_snapshotting_cluster_id(p.text("SnapshottingClusterId"))
        .set_automatic_failover_enabled(p.flag("AutomaticFailoverEnabled"))
        .set_multi_az_enabled(p.flag("MultiAZEnabled"))
        .set_security_group_ids(p.texts("SecurityGroupIds"))
        .set_preferred_maintenance_window(p.text("PreferredMaintenanceWindow"))
        .set_notification_topic_arn(p.text("NotificationTopicArn"))
        .set_notification_topic_status(p.text("NotificationTopicStatus"))
        .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
        .set_apply_immediately(p.flag("ApplyImmediately"))
        .set_engine(p.text("Engine"))
        .set_engine_version(p.text("EngineVersion"))
        .set_auto_minor_version_upgrade(p.flag("AutoMinorVersionUpgrade"))
        .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
        .set_snapshot_window(p.text("SnapshotWindow"))
        .set_cache_node_type(p.text("CacheNodeType"))
        .set_auth_token(p.text("AuthToken"))
        .set_auth_token_update_strategy(p.word("AuthTokenUpdateStrategy"))
        .set_user_group_ids_to_add(p.texts("UserGroupIdsToAdd"))
        .set_user_group_ids_to_remove(p.texts("UserGroupIdsToRemove"))
        .set_remove_user_groups(p.flag("RemoveUserGroups"))
        .set_log_delivery_configurations(p.list("LogDeliveryConfigurations", log_delivery))
        .set_ip_discovery(p.word("IpDiscovery"))
        .set_transit_encryption_enabled(p.flag("TransitEncryptionEnabled"))
        .set_transit_encryption_mode(p.word("TransitEncryptionMode"))
        .set_cluster_mode(p.word("ClusterMode"))
        .set_durability(p.word("Durability"))
}

pub(super) fn increase_replica_count(
    client: &Client,
    p: &mut Params,
) -> increase_replica_count::builders::IncreaseReplicaCountFluentBuilder {
    client
        .increase_replica_count()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_new_replica_count(p.integer("NewReplicaCount"))
        .set_replica_configuration(p.list("ReplicaConfiguration", configure_shard))
        .set_apply_immediately(p.flag("ApplyImmediately"))
}

pub(super) fn decrease_replica_count(
    client: &Client,
    p: &mut Params,
) -> decrease_replica_count::builders::DecreaseReplicaCountFluentBuilder {
    client
        .decrease_replica_count()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_new_replica_count(p.integer("NewReplicaCount"))
        .set_replica_configuration(p.list("ReplicaConfiguration", configure_shard))
        .set_replicas_to_remove(p.texts("ReplicasToRemove"))
        .set_apply_immediately(p.flag("ApplyImmediately"))
}

pub(super) fn modify_replication_group_shard_configuration(
    client: &Client,
    p: &mut Params,
) -> modify_replication_group_shard_configuration::builders::ModifyReplicationGroupShardConfigurationFluentBuilder {
    client
        .modify_replication_group_shard_configuration()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_node_group_count(p.integer("NodeGroupCount"))
        .set_node_groups_to_remove(p.texts("NodeGroupsToRemove"))
        .set_node_groups_to_retain(p.texts("NodeGroupsToRetain"))
        .set_resharding_configuration(p.list("ReshardingConfiguration", resharding))
        .set_apply_immediately(p.flag("ApplyImmediately"))
}

pub(super) fn reboot_cache_cluster(
    client: &Client,
    p: &mut Params,
) -> reboot_cache_cluster::builders::RebootCacheClusterFluentBuilder {
    client
        .reboot_cache_cluster()
        .set_cache_cluster_id(p.text("CacheClusterId"))
        .set_cache_node_ids_to_reboot(p.texts("CacheNodeIdsToReboot"))
}

pub(super) fn delete_replication_group(
    client: &Client,
    p: &mut Params,
) -> delete_replication_group::builders::DeleteReplicationGroupFluentBuilder {
    client
        .delete_replication_group()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_final_snapshot_identifier(p.text("FinalSnapshotIdentifier"))
}

fn node_group(value: &Value) -> Option<ec::NodeGroupConfiguration> {
    inner(value, |p| {
        ec::NodeGroupConfiguration::builder()
            .set_node_group_id(p.text("NodeGroupId"))
            .set_slots(p.text("Slots"))
            .set_replica_count(p.integer("ReplicaCount"))
            .set_primary_availability_zone(p.text("PrimaryAvailabilityZone"))
            .set_replica_availability_zones(p.texts("ReplicaAvailabilityZones"))
            .set_primary_outpost_arn(p.text("PrimaryOutpostArn"))
            .set_replica_outpost_arns(p.texts("ReplicaOutpostArns"))
            .build()
    })
}

fn configure_shard(value: &Value) -> Option<ec::ConfigureShard> {
    inner(value, |p| {
        ec::ConfigureShard::builder()
            .set_node_group_id(p.text("NodeGroupId"))
            .set_new_replica_count(p.integer("NewReplicaCount"))
            .set_preferred_availability_zones(p.texts("PreferredAvailabilityZones"))
            .build()
    })
}

fn resharding(value: &Value) -> Option<ec::ReshardingConfiguration> {
    inner(value, |p| {
        ec::ReshardingConfiguration::builder()
            .set_node_group_id(p.text("NodeGroupId"))
            .set_preferred_availability_zones(p.texts("PreferredAvailabilityZones"))
            .build()
    })
}

fn log_delivery(value: &Value) -> Option<ec::LogDeliveryConfigurationRequest> {
    inner(value, |p| {
        ec::LogDeliveryConfigurationRequest::builder()
            .set_log_type(p.word("LogType"))
            .set_destination_type(p.word("DestinationType"))
            .set_destination_details(p.object("DestinationDetails", |p| {
                ec::DestinationDetails::builder()
                    .set_cloud_watch_logs_details(p.object("CloudWatchLogsDetails", |p| {
                        ec::CloudWatchLogsDestinationDetails::builder().set_log_group(p.text("LogGroup")).build()
                    }))
                    .set_kinesis_firehose_details(p.object("KinesisFirehoseDetails", |p| {
                        ec::KinesisFirehoseDestinationDetails::builder()
                            .set_delivery_stream(p.text("DeliveryStream"))
                            .build()
                    }))
                    .build()
            }))
            .set_log_format(p.word("LogFormat"))
            .set_enabled(p.flag("Enabled"))
            .build()
    })
}
