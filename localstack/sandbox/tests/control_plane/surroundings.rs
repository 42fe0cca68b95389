//! What surrounds a group: global datastores, service updates, quotas, log deliveries.

use cachectl_sandbox::{FailureKind, Quotas};

use crate::client::Aws;

#[test]
fn a_member_of_a_global_datastore_is_neither_deleted_nor_changed_in_what_the_datastore_owns() {
    let aws = Aws::instant();
    aws.group("x", "NumNodeGroups=2&ReplicasPerNodeGroup=1&EngineVersion=8.0");
    let reply = aws.door("POST", "global-datastore", r#"{"group": "x", "id": "ldgnf-y", "role": "SECONDARY"}"#);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let group = aws.describe("x");
    assert_eq!(group.one("GlobalReplicationGroupId"), "ldgnf-y");
    assert_eq!(group.one("GlobalReplicationGroupMemberRole"), "SECONDARY");
    let text = "InvalidParameterValue: Cluster [x] is part of a global cluster [ldgnf-y]. Request rejected.";
    assert_eq!(aws.refused("DeleteReplicationGroup", "ReplicationGroupId=x"), text);
    for owned in ["CacheNodeType=cache.r7g.xlarge", "EngineVersion=8.1", "TransitEncryptionEnabled=true"] {
        let error =
            aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId=x&ApplyImmediately=true&{owned}"));
        assert_eq!(error, text, "{owned}");
    }
    let shards = "ReplicationGroupId=x&NodeGroupCount=3&ApplyImmediately=true";
    assert_eq!(aws.refused("ModifyReplicationGroupShardConfiguration", shards), text);
    aws.modify("x", "ReplicationGroupDescription=own&ApplyImmediately=true");
    aws.call("IncreaseReplicaCount", "ReplicationGroupId=x&NewReplicaCount=2&ApplyImmediately=true");
    assert_eq!(aws.door("POST", "global-datastore", r#"{"group": "x"}"#).status, 200);
    aws.call("DeleteReplicationGroup", "ReplicationGroupId=x");
}

#[test]
fn service_updates_are_due_for_the_groups_they_concern() {
    let aws = Aws::with(cachectl_sandbox::Options { page_size: Some(1), ..Default::default() });
    aws.group("a", "NumCacheClusters=2");
    aws.group("b", "NumCacheClusters=1");
    let update =
        r#"{"name": "elasticache-2026-11", "type": "engine-update", "severity": "critical", "groups": ["a", "b"]}"#;
    assert_eq!(aws.door("POST", "service-update", update).status, 200);
    let done = r#"{"name": "elasticache-2026-05", "groups": ["a"], "action": "complete"}"#;
    assert_eq!(aws.door("POST", "service-update", done).status, 200);
    let of_a = "ReplicationGroupIds.member.1=a";
    let due = aws.call("DescribeUpdateActions", &format!("{of_a}&UpdateActionStatus.member.1=not-applied"));
    assert_eq!(due.all("ServiceUpdateName"), ["elasticache-2026-11"]);
    assert_eq!((due.one("ServiceUpdateType"), due.one("NodesUpdated")), ("engine-update".into(), "0/2".into()));
    assert_eq!((due.one("SlaMet"), due.one("UpdateActionStatus")), ("n/a".into(), "not-applied".into()));
    aws.pass(15 * 86_400);
    let late = aws.call("DescribeUpdateActions", &format!("{of_a}&UpdateActionStatus.member.1=not-applied"));
    assert_eq!(late.one("SlaMet"), "no", "critical updates are to be applied within 14 days");
    let first = aws.call("DescribeUpdateActions", "");
    assert_eq!(first.all("ServiceUpdateName"), ["elasticache-2026-05"]);
    let second = aws.call("DescribeUpdateActions", &format!("Marker={}", first.one("Marker")));
    assert_eq!(second.all("ReplicationGroupId"), ["a"]);
    assert_eq!(aws.call("DescribeServiceUpdates", "").all("ServiceUpdateName"), ["elasticache-2026-05"]);
    assert!(
        aws.refused("DescribeUpdateActions", "ReplicationGroupIds.member.1=none")
            .starts_with("ReplicationGroupNotFound")
    );
}

#[test]
fn an_account_can_be_given_more_replicas() {
    let aws = Aws::instant();
    let create = "ReplicationGroupId=r&ReplicationGroupDescription=d&Engine=valkey&CacheNodeType=cache.r7g.large&NumCacheClusters=9";
    assert!(aws.refused("CreateReplicationGroup", create).contains("between 1 and 6"));
    aws.sandbox.set_quotas(Quotas { replicas: 15, ..Quotas::default() });
    aws.call("CreateReplicationGroup", create);
    assert_eq!(aws.describe("r").all("ClusterId").len(), 9);
}

#[test]
fn alarm_calls_are_throttled_only_where_rates_are_switched_on() {
    let aws = Aws::instant();
    let put = |name: usize| {
        let body = format!(
            r#"{{"AlarmName": "a{name}", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}}"#
        );
        aws.json("GraniteServiceVersion20100801.PutMetricAlarm", &body)
    };
    assert!((0..20).all(|name| put(name).status == 200));
    assert_eq!(aws.door("POST", "quotas", r#"{"callRates": true}"#).status, 200);
    let answers: Vec<_> = (0..20).map(put).collect();
    let throttled = answers.iter().filter(|reply| reply.status == 400).count();
    assert!(throttled > 0 && answers[..3].iter().all(|reply| reply.status == 200), "{throttled}");
    let refused = answers.iter().find(|reply| reply.status == 400).expect("one was throttled");
    assert!(refused.text().contains("Rate exceeded") && refused.text().contains("Throttling"), "{}", refused.text());
    aws.pass(1);
    assert_eq!(put(0).status, 200);
}

#[test]
fn a_log_delivery_can_end_in_error_while_its_group_is_available() {
    let aws = Aws::instant();
    aws.group("logs", "NumCacheClusters=1&EngineVersion=8.0");
    let one = "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1";
    let log = format!(
        "{one}.LogType=slow-log&{one}.DestinationType=cloudwatch-logs&{one}.LogFormat=json&{one}.DestinationDetails.CloudWatchLogsDetails.LogGroup=gone&ApplyImmediately=true"
    );
    aws.sandbox.fail_next(FailureKind::LogDeliveryFailed, Some("logs"));
    aws.modify("logs", &log);
    assert_eq!(aws.status("logs"), "available");
    for reply in [aws.describe("logs"), aws.member("logs-001")] {
        let delivery = reply.one("LogDeliveryConfiguration");
        assert!(delivery.contains("<Status>error</Status>") && delivery.contains("Access denied"), "{delivery}");
    }
    aws.modify("logs", &log);
    let delivery = aws.describe("logs").one("LogDeliveryConfiguration");
    assert!(delivery.contains("<Status>active</Status>") && !delivery.contains("Message"), "{delivery}");
}
