//! Alarms that are somebody else's, or of a type that is no kind of cachectl's, under the names of alarms of a spec.

use cachectl_sandbox::Fault;
use serde_json::{Value, json};

use crate::harness::Ran;
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

/// A serverless cache with the alarms of a preset, an alarm of its own on it, and composite alarms over both.
const SERVERLESS: &str = r#"
apiVersion: cachectl/v1
stack: shop
region: us-east-1
serverlessCaches:
  s: {engine: valkey, smoke: none, alarms: {preset: recommended}}
alarms:
  own: {namespace: AWS/ElastiCache, metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold, dimensions: [{name: clusterId, value: s}]}
compositeAlarms:
  any: {of: serverlessCache/s}
  page: {rule: ALARM(own)}
"#;

/// Applies while the creation of the cache is held, with this call of CloudWatch's in the meantime.
fn apply_meanwhile(rig: &Rig, action: &str, parameters: &Value) -> Ran {
    rig.sandbox.inject(Fault::hold(2_000).on("CreateServerlessCache").times(1));
    // Whatever may be adopted: what comes meanwhile was never shown.
    let mut apply = rig.start(&["apply", "--yes", "--no-smoke", "--allow", "adopt:*"]);
    rig.begun("CreateServerlessCache", &mut apply);
    let answer = rig.at_cloudwatch(action, parameters);
    assert!(answer.contains("200 OK"), "{answer}");
    apply.end()
}

/// An alarm that somebody makes by hand, with this description.
fn by_hand(name: &str, description: &str) -> Value {
    json!({"AlarmName": name, "AlarmDescription": description, "Namespace": "Theirs", "MetricName": "Errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 7, "ComparisonOperator": "GreaterThanThreshold"})
}

#[test]
fn an_alarm_that_somebody_makes_while_its_cache_is_made_is_left_alone() {
    let rig = Rig::new(SERVERLESS);
    let ran = apply_meanwhile(&rig, "PutMetricAlarm", &by_hand("own", "Mine"));
    ran.exits(6).says("alarm/own was created by someone else in the meantime: the call was not sent");
    let theirs = rig.at_cloudwatch("DescribeAlarms", &json!({"AlarmNames": ["own"]}));
    assert!(theirs.contains("Theirs") && !theirs.contains("cachectl:stack"), "{theirs}");
    // The next plan shows it, and asks.
    rig.run(&["plan"]).exits(3).says("adopt:alarm/own");
    rig.run(&["apply", "--yes", "--no-smoke", "--allow", "adopt:alarm/own"]).exits(0);
    rig.settled();
}

#[test]
fn so_is_one_under_the_name_of_a_presets_or_a_composite_alarm() {
    let composite = json!({"AlarmName": "page", "AlarmRule": "TRUE"});
    for (action, parameters, said) in [
        ("PutMetricAlarm", by_hand("s-ThrottledCmds", ""), "alarm/s-ThrottledCmds exists and is not this stack's"),
        ("PutCompositeAlarm", composite, "compositeAlarm/page was created by someone else in the meantime"),
        ("PutMetricAlarm", by_hand("page", ""), "compositeAlarm/page has the name of a metric alarm that was created"),
    ] {
        let rig = Rig::new(SERVERLESS);
        apply_meanwhile(&rig, action, &parameters).exits(6).says(said);
        let named = json!({"AlarmNames": [parameters["AlarmName"]], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]});
        let theirs = rig.at_cloudwatch("DescribeAlarms", &named);
        assert!(!theirs.contains("cachectl:stack=shop"), "{theirs}");
    }
}

#[test]
fn one_that_another_run_of_the_same_stack_made_is_put_all_the_same() {
    let rig = Rig::new(SERVERLESS);
    apply_meanwhile(&rig, "PutMetricAlarm", &by_hand("own", "[cachectl:stack=shop]")).exits(0);
    let own = rig.at_cloudwatch("DescribeAlarms", &json!({"AlarmNames": ["own"]}));
    assert!(!own.contains("Theirs"), "{own}");
}

#[test]
fn alarms_that_are_to_be_made_are_looked_at_a_hundred_a_call() {
    let names: Vec<String> = (0..250).map(|number| format!("own-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rig = Rig::new(&shop(&names, None));
    let described = |arguments: &[&str]| {
        let before = rig.called("DescribeAlarms");
        rig.run(arguments).exits(0);
        rig.called("DescribeAlarms") - before
    };
    let apply = ["apply", "--yes", "--no-smoke"];
    assert_eq!(described(&["plan"]), 3);
    // The plans before and after take three each. A slow machine takes longer than a look holds.
    let calls = described(&apply);
    assert!((9..30).contains(&calls), "{calls}");
    assert_eq!(rig.accepted("PutMetricAlarm"), 250);
    // What is there was shown, and is not looked at again.
    rig.spec(&shop(&names, None).replace("threshold: 1", "threshold: 2"));
    let of_a_plan = described(&["plan"]);
    assert_eq!(described(&apply), 2 * of_a_plan);
}
