//! Alarms: PutMetricAlarm overwrites the whole alarm, so every change sends all of it. One module an
//! attribute.

use serde_json::{Value, json};

use super::plan_account::{shown, spec};
use super::plan_case::{change, parameters};

const BASE: [(&str, &str); 8] = [
    ("namespace", "AWS/ElastiCache"),
    ("metricName", "Evictions"),
    ("statistic", "Average"),
    ("period", "60"),
    ("evaluationPeriods", "3"),
    ("threshold", "10"),
    ("comparisonOperator", "GreaterThanThreshold"),
    ("description", "evictions"),
];

/// An alarm `a` with these fields in place of the usual ones; an empty value leaves one out.
fn alarm(fields: &[(&str, &str)]) -> String {
    let mut all: Vec<(&str, &str)> =
        BASE.iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name)).copied().collect();
    all.extend(fields.iter().filter(|(_, value)| !value.is_empty()));
    let lines: String = all.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
    format!("alarms:\n  a:\n{lines}")
}

/// One PutMetricAlarm that holds the change and all the rest.
#[track_caller]
fn put(before: &[(&str, &str)], after: &[(&str, &str)], member: &str, value: Value) {
    let mut case = change(&alarm(before), &alarm(after));
    let plan = case.plan();
    assert_eq!(plan.steps.len(), 1, "{}", shown(&plan));
    let sent = parameters(&plan, "PutMetricAlarm");
    assert_eq!(sent[member], value, "{}", shown(&plan));
    for always in ["AlarmName", "EvaluationPeriods", "ComparisonOperator", "AlarmDescription"] {
        assert!(!sent[always].is_null(), "{always} is missing:\n{}", shown(&plan));
    }
    case.account.apply_all(&spec(&case.after), &case.options);
}

macro_rules! overwritten {
    ($($attribute:ident: $before:expr => $after:expr, $member:literal, $value:expr;)*) => {$(
        mod $attribute {
            #[test]
            fn the_whole_alarm_is_sent() {
                super::put(&$before, &$after, $member, $value);
            }
        }
    )*};
}

use serde_json::json as j;

overwritten! {
    alarm_description: [("description", "old")] => [("description", "new")], "AlarmDescription", super::j!("new [cachectl:stack=prod]");
    actions_enabled: [("actionsEnabled", "true")] => [("actionsEnabled", "false")], "ActionsEnabled", super::j!(false);
    alarm_actions: [] => [("alarmActions", "[arn:aws:sns:us-east-1:012345678901:a]")], "AlarmActions", super::j!(["arn:aws:sns:us-east-1:012345678901:a"]);
    ok_actions: [] => [("okActions", "[arn:aws:sns:us-east-1:012345678901:a]")], "OKActions", super::j!(["arn:aws:sns:us-east-1:012345678901:a"]);
    insufficient_data_actions: [] => [("insufficientDataActions", "[arn:aws:sns:us-east-1:012345678901:a]")], "InsufficientDataActions", super::j!(["arn:aws:sns:us-east-1:012345678901:a"]);
    metric_name: [] => [("metricName", "CurrConnections")], "MetricName", super::j!("CurrConnections");
    namespace: [] => [("namespace", "Other")], "Namespace", super::j!("Other");
    statistic: [] => [("statistic", "Maximum")], "Statistic", super::j!("Maximum");
    extended_statistic: [] => [("statistic", ""), ("extendedStatistic", "p99")], "ExtendedStatistic", super::j!("p99");
    dimensions: [("dimensions", "[{name: CacheClusterId, value: x-001}]")] => [("dimensions", "[{name: CacheClusterId, value: x-002}]")], "Dimensions", super::j!([{"Name": "CacheClusterId", "Value": "x-002"}]);
    period: [] => [("period", "300")], "Period", super::j!(300);
    evaluation_periods: [] => [("evaluationPeriods", "5")], "EvaluationPeriods", super::j!(5);
    datapoints_to_alarm: [] => [("datapointsToAlarm", "2")], "DatapointsToAlarm", super::j!(2);
    threshold: [] => [("threshold", "0.5")], "Threshold", super::j!(0.5);
    comparison_operator: [] => [("comparisonOperator", "LessThanThreshold")], "ComparisonOperator", super::j!("LessThanThreshold");
    treat_missing_data: [] => [("treatMissingData", "breaching")], "TreatMissingData", super::j!("breaching");
    evaluate_low_sample_count_percentile: [("statistic", ""), ("extendedStatistic", "p99")] => [("statistic", ""), ("extendedStatistic", "p99"), ("evaluateLowSampleCountPercentile", "ignore")], "EvaluateLowSampleCountPercentile", super::j!("ignore");
    unit: [] => [("unit", "Count")], "Unit", super::j!("Count");
}

mod alarm_name {
    use super::*;

    #[test]
    fn another_name_is_another_alarm_and_the_old_one_an_orphan() {
        let mut case = change(&alarm(&[]), &alarm(&[]).replace("  a:", "  b:"));
        let plan = case.plan();
        assert_eq!(parameters(&plan, "PutMetricAlarm")["AlarmName"], "b");
        assert_eq!(plan.orphans.iter().map(ToString::to_string).collect::<Vec<_>>(), ["alarm/a"]);
    }

    #[test]
    fn an_alarm_of_somebody_else_under_that_name_is_not_overwritten_unasked() {
        change("", &alarm(&[]))
            .meanwhile(|account| {
                account.call(
                    "PutMetricAlarm",
                    json!({"AlarmName": "a", "Namespace": "X", "MetricName": "Y", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}),
                );
            })
            .blocked("adopt-not-allowed", "--allow adopt:alarm/a");
    }
}

mod metrics {
    use super::*;

    const SINGLE: [(&str, &str); 5] =
        [("namespace", ""), ("metricName", ""), ("statistic", ""), ("period", ""), ("threshold", "80")];

    fn math(expression: &str) -> String {
        let stat = |id: &str, metric: &str| {
            format!(
                "{{id: {id}, returnData: false, metricStat: {{metric: {{namespace: AWS/ElastiCache, metricName: {metric}, dimensions: [{{name: CacheClusterId, value: x-001}}]}}, period: 60, stat: Sum}}}}"
            )
        };
        format!(
            "[{{id: rate, expression: \"{expression}\"}}, {}, {}]",
            stat("hits", "CacheHits"),
            stat("misses", "CacheMisses")
        )
    }

    #[test]
    fn an_expression_is_changed_with_all_its_metrics_sent() {
        let with = |expression: &str| {
            let metrics = math(expression);
            let mut fields = SINGLE.to_vec();
            fields.push(("metrics", metrics.as_str()));
            alarm(&fields)
        };
        let mut case = change(&with("100 * hits / (hits + misses)"), &with("hits / (hits + misses)"));
        let plan = case.plan();
        let sent = parameters(&plan, "PutMetricAlarm");
        assert_eq!(sent["Metrics"].as_array().map(Vec::len), Some(3));
        assert_eq!(sent.get("MetricName"), None);
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn from_one_metric_to_math_the_single_metrics_fields_go() {
        let metrics = math("100 * hits / (hits + misses)");
        let mut fields = SINGLE.to_vec();
        fields.push(("metrics", metrics.as_str()));
        let mut case = change(&alarm(&[]), &alarm(&fields));
        let sent = parameters(&case.plan(), "PutMetricAlarm");
        for single in ["MetricName", "Namespace", "Statistic", "Period"] {
            assert_eq!(sent.get(single), None, "{single}");
        }
        case.account.apply_all(&spec(&case.after), &case.options);
    }
}

mod threshold_metric_id {
    use super::*;

    #[test]
    fn a_band_takes_the_place_of_the_threshold() {
        let metrics = "[{id: m, metricStat: {metric: {namespace: AWS/ElastiCache, metricName: Evictions}, period: 60, stat: Average}}, {id: band, expression: \"ANOMALY_DETECTION_BAND(m, 2)\"}]";
        let single = [("namespace", ""), ("metricName", ""), ("statistic", ""), ("period", "")];
        let mut after = single.to_vec();
        after.extend([
            ("threshold", ""),
            ("metrics", metrics),
            ("thresholdMetricId", "band"),
            ("comparisonOperator", "GreaterThanUpperThreshold"),
        ]);
        let mut case = change(&alarm(&[]), &alarm(&after));
        let sent = parameters(&case.plan(), "PutMetricAlarm");
        assert_eq!((sent["ThresholdMetricId"].clone(), sent.get("Threshold")), (json!("band"), None));
        case.account.apply_all(&spec(&case.after), &case.options);
    }
}

mod evaluation_criteria {
    use super::*;

    #[test]
    fn a_query_takes_the_place_of_metric_and_threshold() {
        let query = "{promQLCriteria: {query: \"evictions > 0\", pendingPeriod: 60, recoveryPeriod: 60}}";
        let mut after: Vec<(&str, &str)> =
            BASE.iter().filter(|(name, _)| *name != "description").map(|(name, _)| (*name, "")).collect();
        after.extend([("evaluationCriteria", query), ("evaluationInterval", "60")]);
        let mut case = change(&alarm(&[]), &alarm(&after));
        let sent = parameters(&case.plan(), "PutMetricAlarm");
        assert_eq!(
            sent["EvaluationCriteria"],
            json!({"PromQLCriteria": {"Query": "evictions > 0", "PendingPeriod": 60, "RecoveryPeriod": 60}})
        );
        assert_eq!(sent["EvaluationInterval"], json!(60));
        for gone in
            ["MetricName", "Namespace", "Period", "Statistic", "Threshold", "ComparisonOperator", "EvaluationPeriods"]
        {
            assert_eq!(sent.get(gone), None, "{gone}");
        }
        case.account.apply_all(&spec(&case.after), &case.options);
    }
}

mod what_the_spec_leaves_out {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:012345678901:a";

    /// Whatever a metric alarm can have beside what it compares.
    fn beside() -> Value {
        json!({
            "AlarmName": "a", "AlarmDescription": "mine [cachectl:stack=prod]", "ActionsEnabled": false,
            "OKActions": [TOPIC], "AlarmActions": [TOPIC], "InsufficientDataActions": [TOPIC],
            "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 30, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": true},
            "ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": true, "IncludedTagKeys": ["team"]}},
        })
    }

    /// Somebody put the alarm with these members besides; the spec declares these fields, of which one changes.
    #[track_caller]
    fn is_kept(put: Value, declared: &[(&str, &str)], changed: (&str, Value)) {
        let mut all = beside();
        all.as_object_mut().expect("members").extend(put.as_object().expect("members").clone());
        let sections: String = declared.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
        let mut case = change(&alarm(&[]), &format!("alarms:\n  a:\n{sections}")).meanwhile(|account| {
            account.call("PutMetricAlarm", all.clone());
        });
        let plan = case.plan();
        assert_eq!(plan.steps.len(), 1, "{}", shown(&plan));
        let sent = parameters(&plan, "PutMetricAlarm");
        all[changed.0] = changed.1;
        assert_eq!(sent, all, "{}", shown(&plan));
        case.account.apply_all(&spec(&case.after), &case.options);
        let live = case.account.call("DescribeAlarms", json!({"AlarmNames": ["a"]}));
        for (member, value) in all.as_object().expect("members") {
            let live = &live["MetricAlarms"][0][member];
            // A threshold is a number with a point in it.
            let same = live == value || value.as_f64().is_some_and(|number| live.as_f64() == Some(number));
            assert!(same, "{member}: {live}, not {value}");
        }
    }

    #[test]
    fn of_an_alarm_on_one_metric_is_sent_again_with_another_threshold() {
        is_kept(
            json!({
                "Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "ExtendedStatistic": "p99", "Period": 300,
                "Dimensions": [{"Name": "CacheClusterId", "Value": "x-001"}], "Unit": "Count",
                "EvaluationPeriods": 5, "DatapointsToAlarm": 3, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "breaching", "EvaluateLowSampleCountPercentile": "ignore",
                "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Berlin"}},
            }),
            &[
                ("namespace", "AWS/ElastiCache"),
                ("metricName", "Evictions"),
                ("extendedStatistic", "p99"),
                ("period", "300"),
                ("evaluationPeriods", "5"),
                ("threshold", "20"),
                ("comparisonOperator", "GreaterThanThreshold"),
            ],
            ("Threshold", json!(20)),
        );
    }

    #[test]
    fn of_an_alarm_on_metric_math_is_sent_again_with_another_threshold() {
        let metrics = "[{id: m, metricStat: {metric: {namespace: AWS/ElastiCache, metricName: Evictions}, period: 60, stat: Sum}}]";
        is_kept(
            json!({
                "Metrics": [{"Id": "m", "Label": "evicted", "MetricStat": {"Metric": {"Namespace": "AWS/ElastiCache", "MetricName": "Evictions"}, "Period": 60, "Stat": "Sum"}}],
                "EvaluationPeriods": 5, "DatapointsToAlarm": 3, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching", "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}},
            }),
            &[
                ("metrics", metrics),
                ("evaluationPeriods", "5"),
                ("threshold", "20"),
                ("comparisonOperator", "GreaterThanThreshold"),
            ],
            ("Threshold", json!(20)),
        );
    }

    #[test]
    fn of_an_alarm_on_a_query_is_sent_again_with_another_interval() {
        is_kept(
            json!({"EvaluationCriteria": {"PromQLCriteria": {"Query": "evictions > 0", "PendingPeriod": 60}}, "EvaluationInterval": 60}),
            &[("evaluationCriteria", "{promQLCriteria: {query: \"evictions > 0\"}}"), ("evaluationInterval", "120")],
            ("EvaluationInterval", json!(120)),
        );
    }
}

mod tags {
    use super::*;

    #[test]
    fn go_apart_since_put_metric_alarm_ignores_them_on_an_existing_alarm() {
        let arn = "arn:aws:cloudwatch:us-east-1:012345678901:alarm:a";
        change(&alarm(&[("tags", "{x: \"1\", y: \"1\"}")]), &alarm(&[("tags", "{x: \"2\", y: null}")])).calls(&[
            ("TagResource", json!({"ResourceARN": arn, "Tags": [{"Key": "x", "Value": "2"}]})),
            ("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["y"]})),
        ]);
    }
}
