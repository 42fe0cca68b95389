//! What an import writes of each kind, row by row: what an operator would, and not what AWS gives anyway.

use std::collections::BTreeMap;

use cachectl::import::{self, Imported, Refused};
use cachectl::model::live::Live;
use cachectl::model::{Address, Kind, Selection};
use cachectl::spec;
use serde_json::{Map, Value, json};

fn live() -> Live {
    Live { account_id: "012345678901".into(), partition: "aws".into(), region: "us-east-1".into(), ..Live::default() }
}

fn add(live: &mut Live, address: &str, value: Value) {
    let address: Address = address.parse().expect("an address");
    live.of_mut(address.kind).insert(address.id.clone(), value);
    live.tags.insert(address, BTreeMap::new());
}

fn all(live: &Live) -> Imported {
    match import::spec(live, &Selection { all: true, globs: Vec::new() }, Some("s")) {
        Ok(imported) => imported,
        Err(Refused { message, .. }) => panic!("{message}"),
    }
}

/// The fields of one resource, as the reader takes them.
fn fields(live: &Live, address: &str) -> Map<String, Value> {
    let imported = all(live);
    let loaded = spec::from_text(&imported.yaml);
    let Some(spec) = loaded.spec else { panic!("{:#?}\n{}", loaded.diagnostics, imported.yaml) };
    let address: Address = address.parse().expect("an address");
    spec.resources.get(&address).unwrap_or_else(|| panic!("no {address}\n{}", imported.yaml)).fields.clone()
}

fn merged(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        base[name] = value.clone();
    }
    base
}

/// A group of one primary with a replica; `group` and `member` go over what AWS says of each.
fn group(group: &Value, member: &Value) -> Live {
    let mut live = live();
    let own = json!({
        "ReplicationGroupId": "g", "Description": "a cache", "Status": "available", "Engine": "valkey", "CacheNodeType": "cache.r7g.large",
        "MemberClusters": ["g-001", "g-002"], "AutomaticFailover": "enabled", "MultiAZ": "disabled", "ClusterMode": "disabled", "ClusterEnabled": false,
        "NodeGroups": [shard("0001", &["g-001", "g-002"])], "SnapshotRetentionLimit": 0, "SnapshotWindow": "01:00-02:00",
        "AutoMinorVersionUpgrade": true, "AtRestEncryptionEnabled": true, "TransitEncryptionEnabled": false, "AuthTokenEnabled": false,
        "NetworkType": "ipv4", "IpDiscovery": "ipv4", "DataTiering": "disabled", "SnapshottingClusterId": "g-002", "Durability": "default",
    });
    add(&mut live, "replicationGroup/g", merged(own, group));
    let base = json!({
        "EngineVersion": "8.0.1", "CacheClusterStatus": "available", "PreferredMaintenanceWindow": "SUN:05:00-SUN:06:00", "CacheSubnetGroupName": "default",
        "CacheParameterGroup": {"CacheParameterGroupName": "default.valkey8"}, "SecurityGroups": [{"SecurityGroupId": "sg-b"}, {"SecurityGroupId": "sg-a"}],
    });
    for id in ["g-001", "g-002", "g-0001-001", "g-0001-002", "g-0002-001", "g-0002-002", "g-0002-003"] {
        live.cache_clusters.insert(id.to_owned(), merged(base.clone(), member));
    }
    live
}

fn shard(id: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({"CacheClusterId": id})).collect();
    json!({"NodeGroupId": id, "Status": "available", "NodeGroupMembers": members, "PrimaryEndpoint": {"Address": "a", "Port": 6379}})
}

#[test]
fn a_group_says_what_it_is_and_not_what_aws_gives_anyway() {
    let found = Value::Object(fields(&group(&json!({}), &json!({})), "replicationGroup/g"));
    let expected = json!({
        "description": "a cache", "engine": "valkey", "engineVersion": "8.0", "cacheNodeType": "cache.r7g.large", "numCacheClusters": 2,
        "automaticFailoverEnabled": true, "multiAZEnabled": false, "cacheSubnetGroupName": "default", "securityGroupIds": ["sg-a", "sg-b"],
        "preferredMaintenanceWindow": "sun:05:00-sun:06:00", "atRestEncryptionEnabled": true, "transitEncryptionEnabled": false,
    });
    assert_eq!(found, expected);
}

#[test]
fn each_attribute_of_a_group_is_written_where_it_says_something() {
    let sharded = |shards: Value| {
        json!({"ClusterMode": "enabled", "ClusterEnabled": true, "NodeGroups": shards, "MultiAZ": "enabled",
            "MemberClusters": ["g-0001-001", "g-0001-002", "g-0002-001", "g-0002-002"]})
    };
    let even = json!([shard("0001", &["g-0001-001", "g-0001-002"]), shard("0002", &["g-0002-001", "g-0002-002"])]);
    let uneven = json!([
        shard("0001", &["g-0001-001", "g-0001-002"]),
        shard("0002", &["g-0002-001", "g-0002-002", "g-0002-003"])
    ]);
    let one = json!([shard("0001", &["g-0001-001", "g-0001-002"])]);
    let port = json!([merged(
        shard("0001", &["g-001", "g-002"]),
        &json!({"PrimaryEndpoint": {"Address": "a", "Port": 7000}})
    )]);
    let alone = json!({"MemberClusters": ["g-001"], "NodeGroups": [shard("0001", &["g-001"])], "AutomaticFailover": "disabled"});
    let tls = |mode: &str| json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": mode});
    let log = json!({"LogType": "slow-log", "DestinationType": "cloudwatch-logs", "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "l"}}, "LogFormat": "json", "Status": "active"});
    let none = Value::Null;
    let same = json!({});
    for (own, member, field, expected) in [
        (
            json!({"Engine": "Redis", "CacheNodeType": "cache.r5.large"}),
            json!({"EngineVersion": "5.0.6"}),
            "engineVersion",
            json!("5.0.6"),
        ),
        (json!({"Engine": "Redis"}), json!({"EngineVersion": "6.2.6"}), "engine", json!("redis")),
        (same.clone(), json!({"PendingModifiedValues": {"EngineVersion": "8.1.0"}}), "engineVersion", json!("8.1")),
        (
            same.clone(),
            json!({"PendingModifiedValues": {"CacheNodeType": "cache.r7g.xlarge"}}),
            "cacheNodeType",
            json!("cache.r7g.xlarge"),
        ),
        (alone.clone(), same.clone(), "automaticFailoverEnabled", none.clone()),
        (alone.clone(), same.clone(), "multiAZEnabled", none.clone()),
        (alone, same.clone(), "numCacheClusters", json!(1)),
        (json!({"AutomaticFailover": "enabling"}), same.clone(), "automaticFailoverEnabled", json!(true)),
        (json!({"ClusterMode": "compatible"}), same.clone(), "clusterMode", json!("compatible")),
        (json!({"ClusterMode": "compatible"}), same.clone(), "numCacheClusters", json!(2)),
        (sharded(even.clone()), same.clone(), "numNodeGroups", json!(2)),
        (sharded(even.clone()), same.clone(), "replicasPerNodeGroup", json!(1)),
        (sharded(even.clone()), same.clone(), "clusterMode", none.clone()),
        (sharded(even.clone()), same.clone(), "automaticFailoverEnabled", none.clone()),
        (sharded(even.clone()), same.clone(), "multiAZEnabled", json!(true)),
        (sharded(even.clone()), same.clone(), "numCacheClusters", none.clone()),
        (sharded(even), same.clone(), "nodeGroupConfiguration", none.clone()),
        (sharded(uneven.clone()), same.clone(), "replicasPerNodeGroup", none.clone()),
        (
            sharded(uneven),
            same.clone(),
            "nodeGroupConfiguration",
            json!([{"nodeGroupId": "0001", "replicaCount": 1}, {"nodeGroupId": "0002", "replicaCount": 2}]),
        ),
        (sharded(one.clone()), same.clone(), "clusterMode", json!("enabled")),
        (sharded(one), same.clone(), "numNodeGroups", json!(1)),
        (
            same.clone(),
            json!({"CacheParameterGroup": {"CacheParameterGroupName": "mine"}}),
            "cacheParameterGroupName",
            json!("mine"),
        ),
        (
            same.clone(),
            json!({"NotificationConfiguration": {"TopicArn": "arn:aws:sns:us-east-1:012345678901:t", "TopicStatus": "active"}}),
            "notificationTopicArn",
            json!("arn:aws:sns:us-east-1:012345678901:t"),
        ),
        (
            same.clone(),
            json!({"NotificationConfiguration": {"TopicArn": "arn:aws:sns:us-east-1:012345678901:t", "TopicStatus": "inactive"}}),
            "notificationTopicArn",
            none.clone(),
        ),
        (json!({"SnapshotRetentionLimit": 7}), same.clone(), "snapshotRetentionLimit", json!(7)),
        (json!({"SnapshotRetentionLimit": 7}), same.clone(), "snapshotWindow", json!("01:00-02:00")),
        (json!({"SnapshotRetentionLimit": 7}), same.clone(), "snapshottingClusterId", none.clone()),
        (json!({"AutoMinorVersionUpgrade": false}), same.clone(), "autoMinorVersionUpgrade", json!(false)),
        (json!({"NodeGroups": port}), same.clone(), "port", json!(7000)),
        (json!({"NetworkType": "dual_stack", "IpDiscovery": "ipv6"}), same.clone(), "networkType", json!("dual_stack")),
        (json!({"NetworkType": "dual_stack", "IpDiscovery": "ipv6"}), same.clone(), "ipDiscovery", json!("ipv6")),
        (
            json!({"KmsKeyId": "arn:aws:kms:us-east-1:012345678901:key/1"}),
            same.clone(),
            "kmsKeyId",
            json!("arn:aws:kms:us-east-1:012345678901:key/1"),
        ),
        (json!({"AtRestEncryptionEnabled": false}), same.clone(), "atRestEncryptionEnabled", json!(false)),
        (tls("preferred"), same.clone(), "transitEncryptionMode", json!("preferred")),
        (
            merged(tls("required"), &json!({"Engine": "redis"})),
            json!({"EngineVersion": "6.2.6"}),
            "transitEncryptionMode",
            none.clone(),
        ),
        (merged(tls("required"), &json!({"AuthTokenEnabled": true})), same.clone(), "authToken", none.clone()),
        (
            merged(tls("required"), &json!({"UserGroupIds": ["People"]})),
            same.clone(),
            "userGroupIds",
            json!(["people"]),
        ),
        (
            merged(
                tls("required"),
                &json!({"Durability": "sync", "ClusterMode": "enabled", "ClusterEnabled": true, "MultiAZ": "enabled"}),
            ),
            json!({"EngineVersion": "9.0.1"}),
            "durability",
            json!("sync"),
        ),
        (
            json!({"LogDeliveryConfigurations": [log]}),
            same.clone(),
            "logDeliveryConfigurations",
            json!([{"logType": "slow-log", "destinationType": "cloudwatch-logs", "destinationDetails": {"cloudWatchLogsDetails": {"logGroup": "l"}}, "logFormat": "json"}]),
        ),
        (
            json!({"CacheNodeType": "cache.r6gd.xlarge", "DataTiering": "enabled"}),
            same.clone(),
            "dataTieringEnabled",
            json!(true),
        ),
        (
            json!({"GlobalReplicationGroupInfo": {"GlobalReplicationGroupId": "world", "GlobalReplicationGroupMemberRole": "PRIMARY"}}),
            same.clone(),
            "globalReplicationGroupId",
            none.clone(),
        ),
        (
            json!({"GlobalReplicationGroupInfo": {"GlobalReplicationGroupId": "world", "GlobalReplicationGroupMemberRole": "SECONDARY"}}),
            same.clone(),
            "globalReplicationGroupId",
            json!("world"),
        ),
        (
            json!({"GlobalReplicationGroupInfo": {"GlobalReplicationGroupId": "world", "GlobalReplicationGroupMemberRole": "SECONDARY"}}),
            same,
            "engineVersion",
            none,
        ),
    ] {
        let live = group(&own, &member);
        assert_eq!(
            fields(&live, "replicationGroup/g").get(field).cloned().unwrap_or_default(),
            expected,
            "{field} of {own} {member}"
        );
    }
}

#[test]
fn each_kind_is_written_in_full_and_without_noise() {
    let metric = json!({"AlarmName": "a", "Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 3, "DatapointsToAlarm": 3, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "missing",
        "ActionsEnabled": true, "AlarmDescription": "Keys go [cachectl:stack=s]", "StateValue": "OK", "Dimensions": [{"Name": "CacheClusterId", "Value": "g-001"}]});
    let band = json!({"AlarmName": "a", "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 0, "ThresholdMetricId": "band", "ActionsEnabled": false,
        "ComparisonOperator": "GreaterThanUpperThreshold", "TreatMissingData": "ignore", "Metrics": [
            {"Id": "m", "ReturnData": true, "MetricStat": {"Metric": {"Namespace": "AWS/ElastiCache", "MetricName": "NewConnections"}, "Period": 60, "Stat": "Sum"}},
            {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)", "ReturnData": true}]});
    let user = |id: &str, mode: &str| json!({"UserId": id, "UserName": id, "Status": "active", "Engine": "valkey", "AccessString": "on ~* +@all", "Authentication": {"Type": mode}});
    for (address, value, expected) in [
        (
            "subnetGroup/n",
            json!({"CacheSubnetGroupDescription": "", "Subnets": [{"SubnetIdentifier": "subnet-b"}, {"SubnetIdentifier": "subnet-a"}]}),
            json!({"subnetIds": ["subnet-a", "subnet-b"]}),
        ),
        (
            "subnetGroup/n",
            json!({"CacheSubnetGroupDescription": "d", "Subnets": [{"SubnetIdentifier": "subnet-a"}]}),
            json!({"description": "d", "subnetIds": ["subnet-a"]}),
        ),
        (
            "parameterGroup/p.1",
            json!({"CacheParameterGroupName": "p.1", "CacheParameterGroupFamily": "redis6.x", "Description": "8.0"}),
            json!({"family": "redis6.x", "description": "8.0", "parameters": {"timeout": "300", "appendonly": "yes"}}),
        ),
        (
            "user/u",
            user("u", "iam"),
            json!({"userName": "u", "engine": "valkey", "accessString": "on ~* +@all", "authenticationMode": {"type": "iam"}}),
        ),
        (
            "user/u",
            user("u", "password"),
            json!({"userName": "u", "engine": "valkey", "accessString": "on ~* +@all", "authenticationMode": {"type": "password"}}),
        ),
        (
            "user/u",
            user("u", "no-password"),
            json!({"userName": "u", "engine": "valkey", "accessString": "on ~* +@all", "noPasswordRequired": true}),
        ),
        (
            "userGroup/ug",
            json!({"UserGroupId": "ug", "Status": "active", "Engine": "valkey", "UserIds": ["z", "default"]}),
            json!({"engine": "valkey", "userIds": ["default", "z"]}),
        ),
        (
            "userGroup/ug",
            json!({"UserGroupId": "ug", "Status": "modifying", "Engine": "valkey", "UserIds": ["a", "b"], "PendingChanges": {"UserIdsToRemove": ["a"], "UserIdsToAdd": ["c"]}}),
            json!({"engine": "valkey", "userIds": ["b", "c"]}),
        ),
        (
            "serverlessCache/sc",
            json!({"Status": "available", "Engine": "valkey", "MajorEngineVersion": "8", "Description": " ", "SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-a"],
            "SnapshotRetentionLimit": 0, "DailySnapshotTime": "03:00", "NetworkType": "ipv4", "UserGroupId": "", "CacheUsageLimits": {"DataStorage": {"Unit": "GB", "Maximum": 10}}}),
            json!({"engine": "valkey", "majorEngineVersion": "8", "description": " ", "cacheUsageLimits": {"dataStorage": {"maximum": 10, "unit": "GB"}}, "securityGroupIds": ["sg-a"], "subnetIds": ["subnet-a"]}),
        ),
        (
            "alarm/a",
            metric,
            json!({"description": "Keys go", "namespace": "AWS/ElastiCache", "metricName": "Evictions", "dimensions": [{"name": "CacheClusterId", "value": "g-001"}],
            "statistic": "Sum", "period": 60, "evaluationPeriods": 3, "threshold": 0, "comparisonOperator": "GreaterThanThreshold"}),
        ),
        (
            "alarm/a",
            band,
            json!({"actionsEnabled": false, "evaluationPeriods": 3, "datapointsToAlarm": 2, "comparisonOperator": "GreaterThanUpperThreshold", "treatMissingData": "ignore",
            "metrics": [{"id": "m", "metricStat": {"metric": {"namespace": "AWS/ElastiCache", "metricName": "NewConnections"}, "period": 60, "stat": "Sum"}, "returnData": true},
                {"id": "band", "expression": "ANOMALY_DETECTION_BAND(m, 2)", "returnData": true}], "thresholdMetricId": "band"}),
        ),
    ] {
        let mut live = live();
        add(&mut live, address, value.clone());
        let parameter =
            |name: &str, value: &str| json!({"ParameterName": name, "ParameterValue": value, "Source": "user"});
        live.parameters.insert("p.1".into(), vec![parameter("timeout", "300"), parameter("appendonly", "yes")]);
        assert_eq!(Value::Object(fields(&live, address)), expected, "{value}");
    }
}

#[test]
fn tags_are_the_users_and_protection_is_read_from_its_tag() {
    let mut live = group(&json!({}), &json!({}));
    add(&mut live, "subnetGroup/n", json!({"Subnets": [{"SubnetIdentifier": "subnet-a"}]}));
    let tags = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let g: Address = "replicationGroup/g".parse().unwrap();
    live.tags.insert(
        g,
        tags(&[
            ("team", "platform"),
            ("cost", "0042"),
            ("aws:cloudformation:stack-name", "x"),
            ("cachectl:protect", "true"),
            ("cachectl:auth-token", "m"),
        ]),
    );
    live.tags.insert("subnetGroup/n".parse().unwrap(), tags(&[("team", "platform"), ("cost", "7")]));
    let found = fields(&live, "replicationGroup/g");
    assert_eq!(found["tags"], json!({"cost": "0042"}));
    assert_eq!(found["lifecycle"], json!({"protect": true}));
    assert_eq!(
        Value::Object(all(&live).document.tags),
        json!({"team": "platform"}),
        "what all carry alike is the stack's"
    );
}

#[test]
fn what_aws_owns_and_what_is_going_are_left_out() {
    let mut live = group(&json!({}), &json!({}));
    add(
        &mut live,
        "user/default",
        json!({"UserId": "default", "UserName": "default", "Engine": "redis", "Status": "active", "AccessString": "on ~* +@all", "Authentication": {"Type": "no-password"}}),
    );
    add(
        &mut live,
        "parameterGroup/default.valkey8",
        json!({"CacheParameterGroupName": "default.valkey8", "CacheParameterGroupFamily": "valkey8"}),
    );
    add(&mut live, "subnetGroup/default", json!({"Subnets": [{"SubnetIdentifier": "subnet-a"}]}));
    add(&mut live, "serverlessCache/gone", json!({"Status": "deleting", "Engine": "valkey"}));
    let imported = all(&live);
    let addresses: Vec<String> = imported.document.entries.iter().map(|entry| entry.address.to_string()).collect();
    assert_eq!(addresses, ["replicationGroup/g"]);
    assert!(
        imported.notes.iter().any(|note| note.contains("serverlessCache/gone is being deleted")),
        "{:?}",
        imported.notes
    );
}

#[test]
fn what_a_spec_cannot_say_is_left_out_and_told() {
    let mut live = group(&json!({}), &json!({}));
    // ElastiCache reports nothing by replication group: such an alarm never has data.
    add(
        &mut live,
        "alarm/dead",
        json!({"AlarmName": "dead", "Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "Dimensions": [{"Name": "ReplicationGroupId", "Value": "g"}]}),
    );
    // An engine that nobody knew when this was built.
    add(&mut live, "serverlessCache/new", json!({"Status": "available", "Engine": "quickstore"}));
    let imported = all(&live);
    assert!(!imported.yaml.contains("quickstore"), "{}", imported.yaml);
    assert!(imported.yaml.contains("# dimensions is left out: the alarm would never have data."), "{}", imported.yaml);
    let notes = imported.notes.join("\n");
    assert!(
        notes.contains("serverlessCache/new left out") && notes.contains("alarm/dead dimensions left out"),
        "{notes}"
    );
    assert!(spec::from_text(&imported.yaml).is_sound());
}

#[test]
fn a_group_in_transit_and_one_that_failed_say_so_in_a_comment() {
    for (status, member) in [("modifying", "modifying"), ("create-failed", "available")] {
        let live = group(&json!({"Status": status}), &json!({"CacheClusterStatus": member}));
        let imported = all(&live);
        assert!(imported.yaml.contains(&format!("# It was {status} when it was read.")), "{}", imported.yaml);
        assert!(imported.notes.iter().any(|note| note.contains(&format!("is {status}"))), "{:?}", imported.notes);
    }
    let waiting = group(&json!({}), &json!({"PendingModifiedValues": {"EngineVersion": "8.1.0"}}));
    assert!(all(&waiting).yaml.contains("# Waits for the maintenance window: EngineVersion 8.1.0."));
}

#[test]
fn a_preset_is_told_from_alarms_that_only_have_its_names() {
    let (mut live, rules) = (group(&json!({}), &json!({})), ["Evictions", "ReplicationLag"]);
    for member in ["g-001", "g-002"] {
        for metric in rules {
            add(
                &mut live,
                &format!("alarm/{member}-{metric}"),
                json!({"AlarmName": format!("{member}-{metric}"), "Namespace": "AWS/ElastiCache", "MetricName": metric, "Statistic": "Sum",
                "Period": 60, "EvaluationPeriods": 1, "Threshold": 7, "ComparisonOperator": "GreaterThanThreshold", "Dimensions": [{"Name": "CacheClusterId", "Value": member}]}),
            );
        }
    }
    let imported = all(&live);
    assert!(!imported.yaml.contains("preset"), "{}", imported.yaml);
    // An entry for each of the two metrics, which both nodes have alike.
    assert_eq!(imported.document.entries.iter().filter(|entry| entry.address.kind == Kind::Alarm).count(), 2);
}

mod alarms_of_all_nodes {
    use super::*;
    use crate::plan_account::{Account, options};

    const METRICS: [&str; 6] = [
        "Evictions",
        "CurrItems",
        "NewConnections",
        "DatabaseMemoryUsagePercentage",
        "EngineCPUUtilization",
        "CacheHits",
    ];

    /// A group of three nodes of somebody else's making, with six alarms on each.
    fn account() -> Account {
        let mut account = Account::with(&crate::plan_case::group("numCacheClusters: 3"));
        for node in ["g-001", "g-002", "g-003"] {
            for metric in METRICS {
                account.call(
                    "PutMetricAlarm",
                    json!({
                        "AlarmName": format!("[prod] {node} {metric}"), "AlarmDescription": format!("{metric}\nof {node}"),
                        "Namespace": "AWS/ElastiCache", "MetricName": metric, "Dimensions": [{"Name": "CacheClusterId", "Value": node}],
                        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 3, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
                    }),
                );
            }
        }
        account
    }

    #[test]
    fn become_one_entry_each_and_adopting_them_converges() {
        let mut account = account();
        let live = account.live(&crate::plan_account::spec(""));
        let imported = import::spec(&live, &Selection { all: true, globs: Vec::new() }, Some("prod"))
            .unwrap_or_else(|refused| panic!("{}", refused.message));
        assert_eq!(imported.yaml.matches("for: ").count(), 6, "{}", imported.yaml);
        assert_eq!(imported.yaml.matches("metricName: ").count(), 6, "{}", imported.yaml);
        assert!(imported.yaml.contains("name: \"[prod] ${member} Evictions\""), "{}", imported.yaml);
        assert!(!imported.yaml.contains("g-001"), "{}", imported.yaml);
        let loaded = spec::from_text(&imported.yaml);
        let Some(own) = loaded.spec else { panic!("{:#?}\n{}", loaded.diagnostics, imported.yaml) };
        account.apply_all(&own, &options(&["adopt:*"]));
        let plan = account.plan(&own, &options(&[]));
        assert!(plan.steps.is_empty() && plan.changes.is_empty() && plan.orphans.is_empty(), "{plan:#?}");
        let alarms = account.live(&own);
        assert_eq!(alarms.of(Kind::Alarm).len(), 18);
    }
}

mod what_is_not_covered {
    use super::*;

    #[test]
    fn stands_in_a_comment() {
        let mut live = live();
        add(
            &mut live,
            "parameterGroup/p",
            json!({"CacheParameterGroupName": "p", "CacheParameterGroupFamily": "valkey8"}),
        );
        live.lone_clusters = vec!["sessions (memcached)".to_owned(), "old (redis)".to_owned()];
        let yaml = all(&live).yaml;
        assert!(yaml.contains("# Not covered, and left alone: clusters outside of a replication group: sessions (memcached), old (redis)."), "{yaml}");
        fields(&live, "parameterGroup/p");
    }
}

mod texts {
    use super::*;

    #[test]
    fn of_several_lines_stand_in_lines_and_a_description_that_cachectl_made_up_is_left_out() {
        let mut live = live();
        let group = |description: &str| json!({"CacheParameterGroupName": "p", "CacheParameterGroupFamily": "valkey8", "Description": description});
        add(&mut live, "parameterGroup/p", group("First line: ${x}\n\n  - indented # and more\nlast"));
        add(&mut live, "parameterGroup/q", group("Managed by cachectl"));
        let yaml = all(&live).yaml;
        assert!(
            yaml.contains(
                "    description: |-\n      First line: $${x}\n\n        - indented # and more\n      last\n"
            ),
            "{yaml}"
        );
        assert!(!yaml.contains("Managed by"), "{yaml}");
        let found = fields(&live, "parameterGroup/p");
        assert_eq!(found["description"], json!("First line: ${x}\n\n  - indented # and more\nlast"));
    }
}
