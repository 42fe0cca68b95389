//! The writes: a step's operation and parameters, by the API's own names, into the SDK's call.

use aws_sdk_cloudwatch::types as cw;
use aws_sdk_elasticache::operation::RequestId;
use aws_sdk_elasticache::types as ec;
use serde_json::{Map, Value};

use super::client::Aws;
use super::error::AwsError;
use super::params::Params;
use crate::model::Operation;

/// Sends one call and returns its request id. Secrets were put in place of their references before.
pub async fn execute(
    aws: &Aws,
    operation: Operation,
    parameters: Map<String, Value>,
) -> Result<Option<String>, AwsError> {
    aws.pace.quota(operation).await;
    let mut p = Params::new(operation.name(), parameters);
    let client = &aws.elasticache;
    // Builds the call, makes sure that it holds every parameter, sends it.
    macro_rules! send {
        ($builder:expr) => {{
            let builder = $builder;
            p.finish()?;
            let answer = builder.send().await.map_err(|error| AwsError::of(operation.name(), error))?;
            Ok(answer.request_id().map(str::to_owned))
        }};
    }
    match operation {
        Operation::CreateReplicationGroup => send!(create_replication_group(client, &mut p)),
        Operation::ModifyReplicationGroup => send!(modify_replication_group(client, &mut p)),
        Operation::DeleteReplicationGroup => send!(
            client
                .delete_replication_group()
                .set_replication_group_id(p.text("ReplicationGroupId"))
                .set_final_snapshot_identifier(p.text("FinalSnapshotIdentifier"))
        ),
        Operation::IncreaseReplicaCount => send!(
            client
                .increase_replica_count()
                .set_replication_group_id(p.text("ReplicationGroupId"))
                .set_new_replica_count(p.integer("NewReplicaCount"))
                .set_replica_configuration(p.list("ReplicaConfiguration", configure_shard))
                .set_apply_immediately(p.flag("ApplyImmediately"))
        ),
        Operation::DecreaseReplicaCount => send!(
            client
                .decrease_replica_count()
                .set_replication_group_id(p.text("ReplicationGroupId"))
                .set_new_replica_count(p.integer("NewReplicaCount"))
                .set_replica_configuration(p.list("ReplicaConfiguration", configure_shard))
                .set_replicas_to_remove(p.texts("ReplicasToRemove"))
                .set_apply_immediately(p.flag("ApplyImmediately"))
        ),
        Operation::ModifyReplicationGroupShardConfiguration => send!(
            client
                .modify_replication_group_shard_configuration()
                .set_replication_group_id(p.text("ReplicationGroupId"))
                .set_node_group_count(p.integer("NodeGroupCount"))
                .set_node_groups_to_remove(p.texts("NodeGroupsToRemove"))
                .set_node_groups_to_retain(p.texts("NodeGroupsToRetain"))
                .set_resharding_configuration(p.list("ReshardingConfiguration", resharding))
                .set_apply_immediately(p.flag("ApplyImmediately"))
        ),
        Operation::RebootCacheCluster => send!(
            client
                .reboot_cache_cluster()
                .set_cache_cluster_id(p.text("CacheClusterId"))
                .set_cache_node_ids_to_reboot(p.texts("CacheNodeIdsToReboot"))
        ),
        Operation::CreateServerlessCache => send!(
            client
                .create_serverless_cache()
                .set_serverless_cache_name(p.text("ServerlessCacheName"))
                .set_description(p.text("Description"))
                .set_engine(p.text("Engine"))
                .set_major_engine_version(p.text("MajorEngineVersion"))
                .set_cache_usage_limits(p.object("CacheUsageLimits", usage_limits))
                .set_kms_key_id(p.text("KmsKeyId"))
                .set_security_group_ids(p.texts("SecurityGroupIds"))
                .set_snapshot_arns_to_restore(p.texts("SnapshotArnsToRestore"))
                .set_tags(p.tags())
                .set_user_group_id(p.text("UserGroupId"))
                .set_subnet_ids(p.texts("SubnetIds"))
                .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
                .set_daily_snapshot_time(p.text("DailySnapshotTime"))
                .set_network_type(p.word("NetworkType"))
                .set_connection_type(p.word("ConnectionType"))
        ),
        Operation::ModifyServerlessCache => send!(
            client
                .modify_serverless_cache()
                .set_serverless_cache_name(p.text("ServerlessCacheName"))
                .set_description(p.text("Description"))
                .set_cache_usage_limits(p.object("CacheUsageLimits", usage_limits))
                .set_remove_user_group(p.flag("RemoveUserGroup"))
                .set_user_group_id(p.text("UserGroupId"))
                .set_security_group_ids(p.texts("SecurityGroupIds"))
                .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
                .set_daily_snapshot_time(p.text("DailySnapshotTime"))
                .set_engine(p.text("Engine"))
                .set_major_engine_version(p.text("MajorEngineVersion"))
        ),
        Operation::DeleteServerlessCache => send!(
            client
                .delete_serverless_cache()
                .set_serverless_cache_name(p.text("ServerlessCacheName"))
                .set_final_snapshot_name(p.text("FinalSnapshotName"))
        ),
        Operation::CreateCacheSubnetGroup => send!(
            client
                .create_cache_subnet_group()
                .set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
                .set_cache_subnet_group_description(p.text("CacheSubnetGroupDescription"))
                .set_subnet_ids(p.texts("SubnetIds"))
                .set_tags(p.tags())
        ),
        Operation::ModifyCacheSubnetGroup => send!(
            client
                .modify_cache_subnet_group()
                .set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
                .set_cache_subnet_group_description(p.text("CacheSubnetGroupDescription"))
                .set_subnet_ids(p.texts("SubnetIds"))
        ),
        Operation::DeleteCacheSubnetGroup => {
            send!(client.delete_cache_subnet_group().set_cache_subnet_group_name(p.text("CacheSubnetGroupName")))
        }
        Operation::CreateCacheParameterGroup => send!(
            client
                .create_cache_parameter_group()
                .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
                .set_cache_parameter_group_family(p.text("CacheParameterGroupFamily"))
                .set_description(p.text("Description"))
                .set_tags(p.tags())
        ),
        Operation::ModifyCacheParameterGroup => send!(
            client
                .modify_cache_parameter_group()
                .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
                .set_parameter_name_values(p.list("ParameterNameValues", parameter))
        ),
        Operation::ResetCacheParameterGroup => send!(
            client
                .reset_cache_parameter_group()
                .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
                .set_parameter_name_values(p.list("ParameterNameValues", parameter))
                .set_reset_all_parameters(p.flag("ResetAllParameters"))
        ),
        Operation::DeleteCacheParameterGroup => {
            send!(
                client.delete_cache_parameter_group().set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
            )
        }
        Operation::CreateUser => send!(
            client
                .create_user()
                .set_user_id(p.text("UserId"))
                .set_user_name(p.text("UserName"))
                .set_engine(p.text("Engine"))
                .set_passwords(p.texts("Passwords"))
                .set_access_string(p.text("AccessString"))
                .set_no_password_required(p.flag("NoPasswordRequired"))
                .set_authentication_mode(p.object("AuthenticationMode", authentication_mode))
                .set_tags(p.tags())
        ),
        Operation::ModifyUser => send!(
            client
                .modify_user()
                .set_user_id(p.text("UserId"))
                .set_engine(p.text("Engine"))
                .set_passwords(p.texts("Passwords"))
                .set_access_string(p.text("AccessString"))
                .set_no_password_required(p.flag("NoPasswordRequired"))
                .set_authentication_mode(p.object("AuthenticationMode", authentication_mode))
        ),
        Operation::DeleteUser => send!(client.delete_user().set_user_id(p.text("UserId"))),
        Operation::CreateUserGroup => send!(
            client
                .create_user_group()
                .set_user_group_id(p.text("UserGroupId"))
                .set_engine(p.text("Engine"))
                .set_user_ids(p.texts("UserIds"))
                .set_tags(p.tags())
        ),
        Operation::ModifyUserGroup => send!(
            client
                .modify_user_group()
                .set_user_group_id(p.text("UserGroupId"))
                .set_engine(p.text("Engine"))
                .set_user_ids_to_add(p.texts("UserIdsToAdd"))
                .set_user_ids_to_remove(p.texts("UserIdsToRemove"))
        ),
        Operation::DeleteUserGroup => send!(client.delete_user_group().set_user_group_id(p.text("UserGroupId"))),
        Operation::AddTagsToResource => {
            send!(client.add_tags_to_resource().set_resource_name(p.text("ResourceName")).set_tags(p.tags()))
        }
        Operation::RemoveTagsFromResource => {
            send!(
                client
                    .remove_tags_from_resource()
                    .set_resource_name(p.text("ResourceName"))
                    .set_tag_keys(p.texts("TagKeys"))
            )
        }
        Operation::PutMetricAlarm => send!(put_metric_alarm(&aws.cloudwatch, &mut p)),
        Operation::DeleteAlarms => send!(aws.cloudwatch.delete_alarms().set_alarm_names(p.texts("AlarmNames"))),
        Operation::TagResource => {
            send!(aws.cloudwatch.tag_resource().set_resource_arn(p.text("ResourceARN")).set_tags(alarm_tags(&mut p)))
        }
        Operation::UntagResource => {
            send!(
                aws.cloudwatch
                    .untag_resource()
                    .set_resource_arn(p.text("ResourceARN"))
                    .set_tag_keys(p.texts("TagKeys"))
            )
        }
    }
}

type CreateGroup =
    aws_sdk_elasticache::operation::create_replication_group::builders::CreateReplicationGroupFluentBuilder;

fn create_replication_group(client: &aws_sdk_elasticache::Client, p: &mut Params) -> CreateGroup {
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

type ModifyGroup =
    aws_sdk_elasticache::operation::modify_replication_group::builders::ModifyReplicationGroupFluentBuilder;

fn modify_replication_group(client: &aws_sdk_elasticache::Client, p: &mut Params) -> ModifyGroup {
    client
        .modify_replication_group()
        .set_replication_group_id(p.text("ReplicationGroupId"))
        .set_replication_group_description(p.text("ReplicationGroupDescription"))
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

/// The parameters of one entry of a list; `None` where something in it is not known.
fn inner<T>(value: &Value, read: impl Fn(&mut Params) -> T) -> Option<T> {
    let mut p = Params::new("", value.as_object()?.clone());
    let read = read(&mut p);
    p.finish().is_ok().then_some(read)
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

fn usage_limits(p: &mut Params) -> ec::CacheUsageLimits {
    ec::CacheUsageLimits::builder()
        .set_data_storage(p.object("DataStorage", |p| {
            ec::DataStorage::builder()
                .set_maximum(p.integer("Maximum"))
                .set_minimum(p.integer("Minimum"))
                .set_unit(p.word("Unit"))
                .build()
        }))
        .set_ecpu_per_second(p.object("ECPUPerSecond", |p| {
            ec::EcpuPerSecond::builder().set_maximum(p.integer("Maximum")).set_minimum(p.integer("Minimum")).build()
        }))
        .build()
}

fn authentication_mode(p: &mut Params) -> ec::AuthenticationMode {
    ec::AuthenticationMode::builder().set_type(p.word("Type")).set_passwords(p.texts("Passwords")).build()
}

fn parameter(value: &Value) -> Option<ec::ParameterNameValue> {
    inner(value, |p| {
        ec::ParameterNameValue::builder()
            .set_parameter_name(p.text("ParameterName"))
            .set_parameter_value(p.text("ParameterValue"))
            .build()
    })
}

type PutAlarm = aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder;

fn put_metric_alarm(client: &aws_sdk_cloudwatch::Client, p: &mut Params) -> PutAlarm {
    client
        .put_metric_alarm()
        .set_alarm_name(p.text("AlarmName"))
        .set_alarm_description(p.text("AlarmDescription"))
        .set_actions_enabled(p.flag("ActionsEnabled"))
        .set_ok_actions(p.texts("OKActions"))
        .set_alarm_actions(p.texts("AlarmActions"))
        .set_insufficient_data_actions(p.texts("InsufficientDataActions"))
        .set_metric_name(p.text("MetricName"))
        .set_namespace(p.text("Namespace"))
        .set_statistic(p.word("Statistic"))
        .set_extended_statistic(p.text("ExtendedStatistic"))
        .set_dimensions(p.list("Dimensions", dimension))
        .set_period(p.integer("Period"))
        .set_unit(p.word("Unit"))
        .set_evaluation_periods(p.integer("EvaluationPeriods"))
        .set_datapoints_to_alarm(p.integer("DatapointsToAlarm"))
        .set_threshold(p.number("Threshold"))
        .set_comparison_operator(p.word("ComparisonOperator"))
        .set_treat_missing_data(p.text("TreatMissingData"))
        .set_evaluate_low_sample_count_percentile(p.text("EvaluateLowSampleCountPercentile"))
        .set_metrics(p.list("Metrics", metric_query))
        .set_threshold_metric_id(p.text("ThresholdMetricId"))
        .set_evaluation_criteria(p.object("EvaluationCriteria", evaluation_criteria))
        .set_evaluation_interval(p.integer("EvaluationInterval"))
        .set_evaluation_window(p.object("EvaluationWindow", evaluation_window))
        .set_warm_up_configuration(p.object("WarmUpConfiguration", warm_up))
        .set_action_configuration(p.object("ActionConfiguration", action_configuration))
        .set_tags(alarm_tags(p))
}

fn alarm_tags(p: &mut Params) -> Option<Vec<cw::Tag>> {
    p.list("Tags", |tag| {
        Some(cw::Tag::builder().key(tag.get("Key")?.as_str()?).value(tag.get("Value")?.as_str()?).build())
    })
}

fn dimension(value: &Value) -> Option<cw::Dimension> {
    inner(value, |p| cw::Dimension::builder().set_name(p.text("Name")).set_value(p.text("Value")).build())
}

fn evaluation_criteria(p: &mut Params) -> cw::EvaluationCriteria {
    let query = p.object("PromQLCriteria", |p| {
        cw::AlarmPromQlCriteria::builder()
            .set_query(p.text("Query"))
            .set_pending_period(p.integer("PendingPeriod"))
            .set_recovery_period(p.integer("RecoveryPeriod"))
            .build()
    });
    // A query is all that the spec's shape lets through.
    cw::EvaluationCriteria::PromQlCriteria(query.unwrap_or_else(|| cw::AlarmPromQlCriteria::builder().build()))
}

fn evaluation_window(p: &mut Params) -> cw::EvaluationWindow {
    let wall_clock =
        p.object("WallClockWindow", |p| cw::WallClockWindow::builder().set_timezone(p.text("Timezone")).build());
    // Nothing can be said of a sliding window; its member is taken all the same, since none may be left over.
    p.object("SlidingWindow", |_| ());
    wall_clock.map_or_else(
        || cw::EvaluationWindow::SlidingWindow(cw::SlidingWindow::builder().build()),
        cw::EvaluationWindow::WallClockWindow,
    )
}

fn warm_up(p: &mut Params) -> cw::WarmUpConfiguration {
    cw::WarmUpConfiguration::builder()
        .set_warm_up_period_duration_in_minutes(p.integer("WarmUpPeriodDurationInMinutes"))
        .set_only_start_evaluating_after_warm_up_period_ends(p.flag("OnlyStartEvaluatingAfterWarmUpPeriodEnds"))
        .build()
}

fn action_configuration(p: &mut Params) -> cw::ActionConfiguration {
    let propagation = p.object("AlarmTagsPropagation", |p| {
        cw::AlarmTagsPropagation::builder()
            .set_enabled(p.flag("Enabled"))
            .set_included_tag_keys(p.texts("IncludedTagKeys"))
            .set_excluded_tag_keys(p.texts("ExcludedTagKeys"))
            .build()
    });
    cw::ActionConfiguration::builder().set_alarm_tags_propagation(propagation).build()
}

fn metric_query(value: &Value) -> Option<cw::MetricDataQuery> {
    inner(value, |p| {
        cw::MetricDataQuery::builder()
            .set_id(p.text("Id"))
            .set_expression(p.text("Expression"))
            .set_label(p.text("Label"))
            .set_return_data(p.flag("ReturnData"))
            .set_period(p.integer("Period"))
            .set_account_id(p.text("AccountId"))
            .set_metric_stat(p.object("MetricStat", |p| {
                cw::MetricStat::builder()
                    .set_metric(p.object("Metric", |p| {
                        cw::Metric::builder()
                            .set_namespace(p.text("Namespace"))
                            .set_metric_name(p.text("MetricName"))
                            .set_dimensions(p.list("Dimensions", dimension))
                            .build()
                    }))
                    .set_period(p.integer("Period"))
                    .set_stat(p.text("Stat"))
                    .set_unit(p.word("Unit"))
                    .build()
            }))
            .build()
    })
}
