//! Alarms that are somebody else's, or of a type that is no kind of cachectl's, under the names of alarms of a spec.

use cachectl_sandbox::Fault;
use serde_json::{Value, json};

use crate::rig::Rig;

const ALARM: &str = "namespace: Shop, metricName: Errors, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold";

/// A stack with these alarms, one of them of a composite kind.
fn shop(alarms: &[&str], composite: Option<&str>) -> String {
    let mut spec = "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\n".to_owned();
    if !alarms.is_empty() {
        spec += "alarms:\n";
    }
    spec.extend(alarms.iter().map(|name| format!("  {name}: {{{ALARM}}}\n")));
    spec.extend(composite.map(|name| format!("compositeAlarms:\n  {name}: {{rule: \"TRUE\"}}\n")));
    spec
}

/// A log alarm of this name, with these tags.
fn log_alarm(rig: &Rig, name: &str, tags: &Value) {
    let answer = rig.at_cloudwatch(
        "PutLogAlarm",
        &json!({"AlarmName": name, "ScheduledQueryConfiguration": {"QueryString": "fields @message"}, "Tags": tags,
            "QueryResultsToEvaluate": 1, "QueryResultsToAlarm": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}),
    );
    assert!(answer.contains("200 OK"), "{answer}");
}

fn is_there(rig: &Rig, kind: &str, name: &str) -> bool {
    rig.at_cloudwatch("DescribeAlarms", &json!({"AlarmTypes": [kind], "AlarmNames": [name]})).contains(name)
}

#[test]
fn a_name_that_a_log_alarm_has_is_blocked_before_anything_is_written() {
    let rig = Rig::new(&shop(&["errors", "others"], Some("page")));
    log_alarm(&rig, "errors", &json!([]));
    log_alarm(&rig, "page", &json!([]));
    let plan = rig.run(&["plan", "--format", "json"]).exits(3).json();
    let changes = plan["changes"].as_array().expect("changes");
    for address in ["alarm/errors", "compositeAlarm/page"] {
        let change = changes.iter().find(|change| change["address"] == json!(address)).expect("a change");
        assert_eq!(change["blocked"]["rule"], json!("alarm-names"), "{change:#}");
        assert_eq!(change["blocked"]["reason"], json!("a log alarm of that name exists"));
    }
    assert_eq!(plan["summary"]["blocked"], json!(2), "{plan:#}");
    assert_eq!(rig.called("DescribeAlarms"), 1, "the same call tells of all types");
    rig.apply().exits(3).says("give one of them another");
    rig.destroy().exits(0);
    assert_eq!(rig.writes(), ["PutLogAlarm", "PutLogAlarm"], "nothing but what the test did");
    rig.run(&["import", "alarm/errors", "--region", "us-east-1"]).exits(64).says("alarm/errors is a log alarm");
    assert!(is_there(&rig, "LogAlarm", "errors"));
}

#[test]
fn a_log_alarm_with_the_stacks_tag_is_named_and_left_alone() {
    let rig = Rig::new(&shop(&["others"], None));
    log_alarm(&rig, "logged", &json!([{"Key": "cachectl:stack", "Value": "shop"}]));
    rig.apply().exits(0).says("logged carries the stack's tag and is a log alarm");
    let plan = rig.run(&["plan", "--prune", "--allow", "delete:*", "--format", "json"]).exits(0).json();
    assert_eq!((&plan["orphans"], &plan["steps"]), (&json!([]), &json!([])), "{plan:#}");
    rig.run(&["status"]).exits(0);
    rig.destroy().exits(0);
    assert!(is_there(&rig, "LogAlarm", "logged") && !is_there(&rig, "MetricAlarm", "others"));
}

#[test]
fn the_alarm_of_a_member_is_not_put_over_a_log_alarm() {
    let rig = Rig::new(
        "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\nreplicationGroups:\n  c: {description: C, engine: valkey, cacheNodeType: cache.t4g.small, numCacheClusters: 1, transitEncryptionEnabled: true, smoke: none, alarms: {preset: recommended}}\n",
    );
    log_alarm(&rig, "c-001-Evictions", &json!([]));
    rig.apply().exits(6).says("alarm/c-001-Evictions: a log alarm of that name exists");
    assert_eq!(rig.called("PutMetricAlarm"), 0, "none of the cache's alarms is put");
    rig.run(&["plan"]).exits(3).says("a log alarm of that name exists");
}

#[test]
fn an_endpoint_that_does_not_know_log_alarms_is_asked_for_the_others() {
    let rig = Rig::new(&shop(&["errors", "others"], None));
    let refusal = "Value 'LogAlarm' at 'alarmTypes' failed to satisfy constraint: Member must satisfy enum value set: [CompositeAlarm, MetricAlarm]";
    rig.sandbox.inject(Fault::error(400, "ValidationError", refusal).on("DescribeAlarms").times(1));
    rig.run(&["plan"]).exits(0).says("log alarms cannot be asked for here");
    assert_eq!(rig.called("DescribeAlarms"), 2, "once more, without them");
    // What cannot be seen before is AWS's to refuse.
    log_alarm(&rig, "errors", &json!([]));
    rig.sandbox.inject(Fault::error(400, "ValidationError", refusal).on("DescribeAlarms").times(1));
    let ran = rig.apply().exits(6).says("An alarm of another type is already named errors");
    assert!(!ran.all().contains("run the same command again"), "{}", ran.all());
    assert!(is_there(&rig, "LogAlarm", "errors") && is_there(&rig, "MetricAlarm", "others"));
    // A refusal for another cause is one.
    rig.sandbox.inject(Fault::error(400, "ValidationError", "MaxRecords is wrong.").on("DescribeAlarms"));
    rig.run(&["plan"]).exits(1).says("MaxRecords is wrong.");
}
