//! What the SDK read, as JSON by the API's own member names: the planner's only view of AWS.

use aws_sdk_cloudwatch::types as cw;
use aws_sdk_elasticache::types as ec;
use serde_json::{Map, Value, json};

/// Anything that the SDK returns for a member; nothing where AWS said nothing.
trait Member {
    fn json(self) -> Option<Value>;
}

impl Member for Option<&str> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<bool> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<i32> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<f64> {
    fn json(self) -> Option<Value> {
        // Thresholds are mostly whole numbers, and are declared as such.
        self.map(
            |number| if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) },
        )
    }
}

impl Member for &[String] {
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then(|| json!(self))
    }
}

impl Member for Vec<Value> {
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then_some(Value::Array(self))
    }
}

impl Member for Option<Value> {
    fn json(self) -> Option<Value> {
        self.filter(|value| !value.as_object().is_some_and(Map::is_empty))
    }
}

macro_rules! record {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut map = Map::new();
        $(if let Some(value) = Member::json($value) { map.insert($name.to_owned(), value); })*
        Value::Object(map)
    }};
}

fn endpoint(endpoint: Option<&ec::Endpoint>) -> Option<Value> {
    endpoint.map(|endpoint| record! { "Address": endpoint.address(), "Port": endpoint.port() })
}

pub fn replication_group(group: &ec::ReplicationGroup) -> Value {
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
        "NodeGroups": group.node_groups().iter().map(node_group).collect::<Vec<_>>(),
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
        "LogDeliveryConfigurations": group.log_delivery_configurations().iter().map(log_delivery).collect::<Vec<_>>(),
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

fn node_group(group: &ec::NodeGroup) -> Value {
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

fn log_delivery(log: &ec::LogDeliveryConfiguration) -> Value {
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

pub fn cache_cluster(cluster: &ec::CacheCluster) -> Value {
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

pub fn serverless_cache(cache: &ec::ServerlessCache) -> Value {
    record! {
        "ServerlessCacheName": cache.serverless_cache_name(),
        "Description": cache.description(),
        "Status": cache.status(),
        "Engine": cache.engine(),
        "MajorEngineVersion": cache.major_engine_version(),
        "FullEngineVersion": cache.full_engine_version(),
        "CacheUsageLimits": cache.cache_usage_limits().map(|limits| record! {
            "DataStorage": limits.data_storage().map(|storage| record! {
                "Maximum": storage.maximum(),
                "Minimum": storage.minimum(),
                "Unit": storage.unit().map(|unit| unit.as_str()),
            }),
            "ECPUPerSecond": limits.ecpu_per_second().map(|units| record! { "Maximum": units.maximum(), "Minimum": units.minimum() }),
        }),
        "KmsKeyId": cache.kms_key_id(),
        "SecurityGroupIds": cache.security_group_ids(),
        "Endpoint": endpoint(cache.endpoint()),
        "ReaderEndpoint": endpoint(cache.reader_endpoint()),
        "ARN": cache.arn(),
        "UserGroupId": cache.user_group_id(),
        "SubnetIds": cache.subnet_ids(),
        "SnapshotRetentionLimit": cache.snapshot_retention_limit(),
        "DailySnapshotTime": cache.daily_snapshot_time(),
        "NetworkType": cache.network_type().map(|kind| kind.as_str()),
        "ConnectionType": cache.connection_type().map(|kind| kind.as_str()),
        "StorageEncryptionType": cache.storage_encryption_type().map(|encryption| encryption.as_str()),
        "Migration": cache.migration().map(|migration| record! { "Status": migration.status() }),
    }
}

pub fn parameter_group(group: &ec::CacheParameterGroup) -> Value {
    record! {
        "CacheParameterGroupName": group.cache_parameter_group_name(),
        "CacheParameterGroupFamily": group.cache_parameter_group_family(),
        "Description": group.description(),
        "ARN": group.arn(),
    }
}

pub fn parameter(parameter: &ec::Parameter) -> Value {
    record! {
        "ParameterName": parameter.parameter_name(),
        "ParameterValue": parameter.parameter_value(),
        "Source": parameter.source(),
        "DataType": parameter.data_type(),
        "AllowedValues": parameter.allowed_values(),
        "IsModifiable": parameter.is_modifiable(),
        "MinimumEngineVersion": parameter.minimum_engine_version(),
        "ChangeType": parameter.change_type().map(|kind| kind.as_str()),
    }
}

pub fn subnet_group(group: &ec::CacheSubnetGroup) -> Value {
    let subnet = |subnet: &ec::Subnet| {
        record! {
            "SubnetIdentifier": subnet.subnet_identifier(),
            "SubnetAvailabilityZone": subnet.subnet_availability_zone().map(|zone| record! { "Name": zone.name() }),
        }
    };
    record! {
        "CacheSubnetGroupName": group.cache_subnet_group_name(),
        "CacheSubnetGroupDescription": group.cache_subnet_group_description(),
        "VpcId": group.vpc_id(),
        "Subnets": group.subnets().iter().map(subnet).collect::<Vec<_>>(),
        "ARN": group.arn(),
    }
}

pub fn user(user: &ec::User) -> Value {
    record! {
        "UserId": user.user_id(),
        "UserName": user.user_name(),
        "Status": user.status(),
        "Engine": user.engine(),
        "AccessString": user.access_string(),
        "UserGroupIds": user.user_group_ids(),
        "Authentication": user.authentication().map(|authentication| record! {
            "Type": authentication.r#type().map(|kind| kind.as_str()),
            "PasswordCount": authentication.password_count(),
        }),
        "ARN": user.arn(),
    }
}

pub fn user_group(group: &ec::UserGroup) -> Value {
    record! {
        "UserGroupId": group.user_group_id(),
        "Status": group.status(),
        "Engine": group.engine(),
        "UserIds": group.user_ids(),
        "PendingChanges": group.pending_changes().map(|pending| record! {
            "UserIdsToAdd": pending.user_ids_to_add(),
            "UserIdsToRemove": pending.user_ids_to_remove(),
        }),
        "ReplicationGroups": group.replication_groups(),
        "ServerlessCaches": group.serverless_caches(),
        "ARN": group.arn(),
    }
}

fn dimensions(dimensions: &[cw::Dimension]) -> Vec<Value> {
    dimensions.iter().map(|dimension| record! { "Name": dimension.name(), "Value": dimension.value() }).collect()
}

pub fn composite_alarm(alarm: &cw::CompositeAlarm) -> Value {
    record! {
        "AlarmName": alarm.alarm_name(),
        "AlarmDescription": alarm.alarm_description(),
        "AlarmRule": alarm.alarm_rule(),
    }
}

pub fn metric_alarm(alarm: &cw::MetricAlarm) -> Value {
    let query = |query: &cw::MetricDataQuery| {
        record! {
            "Id": query.id(),
            "Expression": query.expression(),
            "Label": query.label(),
            "ReturnData": query.return_data(),
            "Period": query.period(),
            "AccountId": query.account_id(),
            "MetricStat": query.metric_stat().map(|stat| record! {
                "Metric": stat.metric().map(|metric| record! {
                    "Namespace": metric.namespace(),
                    "MetricName": metric.metric_name(),
                    "Dimensions": dimensions(metric.dimensions()),
                }),
                "Period": stat.period(),
                "Stat": stat.stat(),
                "Unit": stat.unit().map(|unit| unit.as_str()),
            }),
        }
    };
    record! {
        "AlarmName": alarm.alarm_name(),
        "AlarmArn": alarm.alarm_arn(),
        "AlarmDescription": alarm.alarm_description(),
        "ActionsEnabled": alarm.actions_enabled(),
        "OKActions": alarm.ok_actions(),
        "AlarmActions": alarm.alarm_actions(),
        "InsufficientDataActions": alarm.insufficient_data_actions(),
        "StateValue": alarm.state_value().map(|state| state.as_str()),
        "MetricName": alarm.metric_name(),
        "Namespace": alarm.namespace(),
        "Statistic": alarm.statistic().map(|statistic| statistic.as_str()),
        "ExtendedStatistic": alarm.extended_statistic(),
        "Dimensions": dimensions(alarm.dimensions()),
        "Period": alarm.period(),
        "Unit": alarm.unit().map(|unit| unit.as_str()),
        "EvaluationPeriods": alarm.evaluation_periods(),
        "DatapointsToAlarm": alarm.datapoints_to_alarm(),
        "Threshold": alarm.threshold(),
        "ComparisonOperator": alarm.comparison_operator().map(|operator| operator.as_str()),
        "TreatMissingData": alarm.treat_missing_data(),
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile(),
        "Metrics": alarm.metrics().iter().map(query).collect::<Vec<_>>(),
        "ThresholdMetricId": alarm.threshold_metric_id(),
        "EvaluationInterval": alarm.evaluation_interval(),
        "EvaluationCriteria": alarm.evaluation_criteria().and_then(|criteria| criteria.as_prom_ql_criteria().ok()).map(|query| json!({
            "PromQLCriteria": {
                "Query": query.query(),
                "PendingPeriod": query.pending_period(),
                "RecoveryPeriod": query.recovery_period(),
            },
        })),
        "EvaluationWindow": alarm.evaluation_window().map(evaluation_window),
        "WarmUpConfiguration": alarm.warm_up_configuration().map(|warm_up| record! {
            "WarmUpPeriodDurationInMinutes": warm_up.warm_up_period_duration_in_minutes(),
            "OnlyStartEvaluatingAfterWarmUpPeriodEnds": warm_up.only_start_evaluating_after_warm_up_period_ends(),
        }),
        "ActionConfiguration": alarm.action_configuration().map(|configuration| record! {
            "AlarmTagsPropagation": configuration.alarm_tags_propagation().map(|propagation| record! {
                "Enabled": propagation.enabled(),
                "IncludedTagKeys": propagation.included_tag_keys(),
                "ExcludedTagKeys": propagation.excluded_tag_keys(),
            }),
        }),
    }
}

/// A window of a kind that this SDK does not know is told as `Unknown`, since no call can send it again.
fn evaluation_window(window: &cw::EvaluationWindow) -> Value {
    match window {
        cw::EvaluationWindow::SlidingWindow(_) => json!({"SlidingWindow": {}}),
        cw::EvaluationWindow::WallClockWindow(clock) => {
            json!({"WallClockWindow": record! { "Timezone": clock.timezone() }})
        }
        _ => json!({"Unknown": {}}),
    }
}
