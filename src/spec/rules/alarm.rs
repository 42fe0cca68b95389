//! Alarms: what PutMetricAlarm refuses, and alarms that could never have data.

use serde_json::Value;

use super::finder::{Finder, list};
use super::{ALARM, Check, Rule, alarm_data};
use crate::model::{Kind, Resource};
use crate::resource::alarm::CLOCK_PERIODS;

pub(super) const PUT: &str = "CloudWatch API reference, PutMetricAlarm";

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "alarm-metric", check: Check::Resource(ALARM, metric), source: PUT,
        why: "An alarm watches one metric (metricName with namespace, statistic, period), metric math (metrics), or a PromQL query (evaluationCriteria with evaluationInterval): one of them." },
    Rule { code: "alarm-statistic", check: Check::Resource(ALARM, statistic), source: PUT,
        why: "An alarm on one metric has a statistic or an extendedStatistic." },
    Rule { code: "alarm-incomplete", check: Check::Resource(ALARM, single_metric), source: PUT,
        why: "An alarm on one metric needs its namespace and period; with `for` the namespace is filled in." },
    Rule { code: "alarm-incomplete", check: Check::Resource(ALARM, comparison), source: PUT,
        why: "An alarm says over how many datapoints it looks, and how it compares them; only one on a PromQL query does not." },
    Rule { code: "alarm-query", check: Check::Resource(ALARM, query), source: PUT,
        why: "Each entry of metrics reads a metric (metricStat) or computes one (expression)." },
    Rule { code: "alarm-search", check: Check::Resource(ALARM, search),
        source: "Terraform provider issue 11011; aws-cdk pull request 16539",
        why: "SEARCH finds any number of metrics, and an alarm watches one (\"SEARCH is not supported on Metric Alarms.\")." },
    Rule { code: "alarm-window", check: Check::Resource(ALARM, window), source: PUT,
        why: "An evaluation window slides or goes by the clock; one that goes by the clock has periods of a minute, five minutes, an hour, a day or a week, and is not for PromQL." },
    Rule { code: "alarm-tag-keys", check: Check::Resource(ALARM, tag_keys), source: PUT,
        why: "The tags sent with an alarm's actions are listed, or those that are left out." },
    Rule { code: "alarm-return-data", check: Check::Resource(ALARM, return_data), source: PUT,
        why: "Of all metrics, the alarm watches the one that returns data; `returnData` is true where it is left out." },
    Rule { code: "alarm-threshold", check: Check::Resource(ALARM, threshold), source: PUT,
        why: "An alarm compares with a threshold, or with an anomaly detection band (thresholdMetricId), for which there are operators of their own." },
    Rule { code: "alarm-period", check: Check::Resource(ALARM, periods),
        source: "CloudWatch API reference, PutMetricAlarm: Period, EvaluationPeriods. cfn-lint allows 10, 30 and multiples of 60; the API takes 20 too",
        why: "A period is 10, 20 or 30 seconds or a multiple of 60. All periods together look back a day at most, or a week where a period is an hour or longer." },
    Rule { code: "alarm-datapoints", check: Check::Resource(ALARM, datapoints), source: PUT,
        why: "Of the datapoints that are looked at, no more can breach than there are." },
    Rule { code: "alarm-dimension", check: Check::Resource(ALARM, dimension),
        source: "AWS guide, metrics for Valkey and Redis OSS; Terraform provider issue 36342",
        why: "ElastiCache reports metrics by node (CacheClusterId, CacheNodeId) and for serverless caches by clusterId: an alarm on a replication group never has data." },
];

pub(super) fn has(alarm: &Resource, name: &str) -> bool {
    alarm.fields.contains_key(name)
}

fn metric(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "evaluationCriteria") {
        query_alone(finder, alarm);
        return;
    }
    if has(alarm, "evaluationInterval") {
        finder.error(
            alarm,
            &[("evaluationInterval", "only with evaluationCriteria")],
            "evaluationInterval is for alarms on a PromQL query",
            "`period` says how long a datapoint is",
        );
    }
    match (has(alarm, "metricName"), has(alarm, "metrics")) {
        (false, false) => {
            finder.error(
                alarm,
                &[("metricName", "needs metricName or metrics")],
                "an alarm needs metricName or metrics",
                "`metricName: Evictions` for one metric, `metrics:` for metric math",
            );
        }
        (_, true) => {
            let single = ["metricName", "namespace", "dimensions", "statistic", "extendedStatistic", "period", "unit"];
            let mut labels: Vec<(&str, &str)> = single
                .into_iter()
                .filter(|field| has(alarm, field))
                .map(|field| (field, "of a single metric"))
                .collect();
            if labels.is_empty() {
                return;
            }
            labels.push(("metrics", "but these are given"));
            finder.error(
                alarm,
                &labels,
                "the fields of a single metric and metrics exclude each other",
                "take metrics out, or put the fields into its entries",
            );
        }
        (true, false) => {}
    }
}

/// A PromQL query says by itself what breaches.
fn query_alone(finder: &mut Finder<'_>, alarm: &Resource) {
    #[rustfmt::skip]
    let others = [
        "metricName", "namespace", "dimensions", "statistic", "extendedStatistic", "period", "unit", "metrics", "threshold",
        "thresholdMetricId", "comparisonOperator", "evaluationPeriods", "datapointsToAlarm",
    ];
    let mut labels: Vec<(&str, &str)> =
        others.into_iter().filter(|field| has(alarm, field)).map(|field| (field, "not with a query")).collect();
    if !labels.is_empty() {
        labels.push(("evaluationCriteria", "the query"));
        finder.error(
            alarm,
            &labels,
            "evaluationCriteria excludes metrics and thresholds",
            "the query says what breaches: `query: elasticache_evictions > 0`",
        );
    }
    match alarm.number("evaluationInterval") {
        None => {
            finder
                .error(
                    alarm,
                    &[("evaluationCriteria", "needs evaluationInterval")],
                    "an alarm on a query needs evaluationInterval",
                    "every how many seconds, such as `evaluationInterval: 60`",
                )
                .insert(alarm, "evaluationCriteria", "evaluationInterval: 60");
        }
        Some(10 | 20 | 30) => {}
        Some(seconds) if seconds % 60 == 0 => {}
        Some(seconds) => {
            finder.error(
                alarm,
                &[("evaluationInterval", "not an interval")],
                format!("an interval of {seconds} s is not allowed"),
                "10, 20, 30 or a multiple of 60 seconds",
            );
        }
    }
}

fn comparison(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "evaluationCriteria") {
        return;
    }
    for (field, example) in [
        ("evaluationPeriods", "evaluationPeriods: 3"),
        ("comparisonOperator", "comparisonOperator: GreaterThanThreshold"),
    ] {
        if !has(alarm, field) {
            let label = format!("needs `{field}`");
            finder.error(alarm, &[(field, &label)], format!("`{field}` is missing"), format!("such as `{example}`"));
        }
    }
}

fn statistic(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "metrics") || !has(alarm, "metricName") {
        return;
    }
    match (has(alarm, "statistic"), has(alarm, "extendedStatistic")) {
        (true, true) => {
            finder.error(
                alarm,
                &[("extendedStatistic", "this"), ("statistic", "and this")],
                "statistic and extendedStatistic exclude each other",
                "keep one of them",
            );
        }
        (false, false) => {
            finder.error(
                alarm,
                &[("statistic", "needs `statistic`")],
                "an alarm on one metric needs a statistic",
                "such as `statistic: Average`, or `extendedStatistic: p99`",
            );
        }
        _ => {}
    }
}

fn single_metric(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "metrics") || !has(alarm, "metricName") {
        return;
    }
    if !has(alarm, "period") {
        finder.error(
            alarm,
            &[("period", "needs `period`")],
            "`period` is missing",
            "seconds of one datapoint, such as `period: 60`",
        );
    }
    if !has(alarm, "for") && !has(alarm, "namespace") {
        finder.error(
            alarm,
            &[("namespace", "needs `namespace`")],
            "`namespace` is missing",
            "such as `namespace: AWS/ElastiCache`, or name a cache with `for`",
        );
    }
}

fn query(finder: &mut Finder<'_>, alarm: &Resource) {
    for (index, query) in list(alarm, "metrics").iter().enumerate().filter(|(_, query)| query.is_object()) {
        let message = match (query.get("expression").is_some(), query.get("metricStat").is_some()) {
            (true, true) => "an entry of metrics has an expression or a metricStat, not both",
            (false, false) => "an entry of metrics needs an expression or a metricStat",
            _ => continue,
        };
        let field = format!("metrics[{index}].id");
        finder.error(alarm, &[(&field, "this entry")], message, "metricStat reads a metric, expression computes one");
    }
}

fn search(finder: &mut Finder<'_>, alarm: &Resource) {
    for (index, query) in list(alarm, "metrics").iter().enumerate() {
        let Some(expression) = query.get("expression").and_then(Value::as_str) else { continue };
        if calls_search(expression) {
            finder.error(
                alarm,
                &[(&format!("metrics[{index}].expression"), "SEARCH")],
                "SEARCH is not supported in alarms",
                "name the metrics one by one, or watch each node with `for: replicationGroup/NAME`",
            );
        }
    }
}

/// `SEARCH(`, not a value that is named so.
fn calls_search(expression: &str) -> bool {
    let text: String = expression.to_ascii_uppercase().split_whitespace().collect();
    text.match_indices("SEARCH(").any(|(at, _)| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn window(finder: &mut Finder<'_>, alarm: &Resource) {
    let Some(window) = alarm.fields.get("evaluationWindow").and_then(Value::as_object) else { return };
    if window.len() != 1 {
        finder.error(
            alarm,
            &[("evaluationWindow", "one of the two")],
            "an evaluation window is a slidingWindow or a wallClockWindow",
            "`{slidingWindow: {}}` or `{wallClockWindow: {timezone: Europe/Berlin}}`",
        );
        return;
    }
    if !window.contains_key("wallClockWindow") {
        return;
    }
    let clock = ("evaluationWindow", "goes by the clock");
    if has(alarm, "evaluationCriteria") {
        finder.error(
            alarm,
            &[clock, ("evaluationCriteria", "a PromQL query")],
            "a wall clock window is not for PromQL queries",
            "take evaluationWindow out",
        );
    }
    let mut periods = vec![("period".to_owned(), alarm.number("period"))];
    for (index, query) in list(alarm, "metrics").iter().enumerate() {
        let field = format!("metrics[{index}].metricStat.period");
        periods.push((field, query.pointer("/metricStat/period").and_then(Value::as_i64)));
    }
    for (field, period) in periods {
        let Some(period) = period.filter(|period| !CLOCK_PERIODS.contains(period)) else { continue };
        finder.error(
            alarm,
            &[(&field, "not a period of a clock"), clock],
            format!("a wall clock window has no period of {period} s"),
            "60, 300, 3600, 86400 or 604800 seconds",
        );
    }
}

fn tag_keys(finder: &mut Finder<'_>, alarm: &Resource) {
    let Some(tags) = alarm.fields.get("actionConfiguration").and_then(|it| it.get("alarmTagsPropagation")) else {
        return;
    };
    if tags.get("includedTagKeys").is_some() && tags.get("excludedTagKeys").is_some() {
        let field = |name: &str| format!("actionConfiguration.alarmTagsPropagation.{name}");
        finder.error(
            alarm,
            &[(&field("includedTagKeys"), "this"), (&field("excludedTagKeys"), "and this")],
            "includedTagKeys and excludedTagKeys exclude each other",
            "keep one of them",
        );
    }
}

fn return_data(finder: &mut Finder<'_>, alarm: &Resource) {
    let queries = list(alarm, "metrics");
    let returned: Vec<usize> =
        (0..queries.len()).filter(|index| queries[*index].get("returnData") != Some(&Value::Bool(false))).collect();
    // With a band, the metric and the band both return data.
    if queries.is_empty() || returned.len() == 1 || has(alarm, "thresholdMetricId") {
        return;
    }
    let fields: Vec<String> = returned.iter().map(|index| format!("metrics[{index}].id")).collect();
    let mut labels: Vec<(&str, &str)> = fields.iter().take(3).map(|field| (field.as_str(), "returns data")).collect();
    if labels.is_empty() {
        labels.push(("metrics", "none of these returns data"));
    }
    finder.error(
        alarm,
        &labels,
        format!("{} of the metrics return data, the alarm watches exactly one", returned.len()),
        "set `returnData: false` on all others; where it is left out it is true",
    );
}

fn threshold(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "evaluationCriteria") {
        return;
    }
    match (has(alarm, "threshold"), has(alarm, "thresholdMetricId")) {
        (true, true) => {
            finder.error(
                alarm,
                &[("thresholdMetricId", "this"), ("threshold", "and this")],
                "threshold and thresholdMetricId exclude each other",
                "keep one of them",
            );
            return;
        }
        (false, false) => {
            finder.error(
                alarm,
                &[("threshold", "needs `threshold`")],
                "an alarm needs a threshold",
                "such as `threshold: 0`, or `thresholdMetricId` for anomaly detection",
            );
            return;
        }
        _ => {}
    }
    let Some(operator) = alarm.text("comparisonOperator") else { return };
    let band = operator.contains("Lower") || operator.contains("Upper");
    if band != has(alarm, "thresholdMetricId") {
        let (field, help) = if band {
            ("threshold", "with a threshold: GreaterThanThreshold, LessThanThreshold and the like")
        } else {
            ("thresholdMetricId", "with a band: GreaterThanUpperThreshold, LessThanLowerThreshold or both")
        };
        finder.error(
            alarm,
            &[("comparisonOperator", "does not fit"), (field, "this")],
            format!("{operator} does not go with {field}"),
            help,
        );
    }
    if let Some(id) = alarm.text("thresholdMetricId") {
        let known = list(alarm, "metrics").iter().any(|query| query.get("id").and_then(Value::as_str) == Some(id));
        if !known {
            finder.error(
                alarm,
                &[("thresholdMetricId", "no entry of metrics")],
                format!("`{id}` is the id of none of the metrics"),
                "name the entry with the ANOMALY_DETECTION_BAND expression",
            );
        }
    }
}

fn periods(finder: &mut Finder<'_>, alarm: &Resource) {
    let mut fields = vec![("period".to_owned(), alarm.number("period"))];
    for (index, query) in list(alarm, "metrics").iter().enumerate() {
        let own = |pointer: &str| query.pointer(pointer).and_then(Value::as_i64);
        fields.push((format!("metrics[{index}].period"), own("/period")));
        fields.push((format!("metrics[{index}].metricStat.period"), own("/metricStat/period")));
    }
    let mut longest: Option<(String, i64)> = None;
    for (field, period) in fields {
        let Some(period) = period else { continue };
        if matches!(period, 10 | 20 | 30) || period % 60 == 0 {
            if longest.as_ref().is_none_or(|(_, length)| period > *length) {
                longest = Some((field, period));
            }
            continue;
        }
        finder.error(
            alarm,
            &[(&field, "not a period")],
            format!("a period of {period} s is not allowed"),
            "10, 20, 30 or a multiple of 60 seconds",
        );
    }
    let Some((field, period)) = longest else { return };
    let periods = alarm.number("evaluationPeriods").unwrap_or(1);
    let most = if period < 3600 { 86_400 } else { 604_800 };
    if period * periods > most {
        let days = if period < 3600 { "a day" } else { "a week" };
        finder.error(
            alarm,
            &[("evaluationPeriods", "so many"), (&field, "of this length")],
            format!("the alarm looks back {} s, more than {days}", period * periods),
            "at most a day, or a week with periods of an hour or more",
        );
    }
}

fn datapoints(finder: &mut Finder<'_>, alarm: &Resource) {
    let datapoints = alarm.number("datapointsToAlarm");
    if datapoints.zip(alarm.number("evaluationPeriods")).is_some_and(|(datapoints, periods)| datapoints > periods) {
        finder.error(
            alarm,
            &[("datapointsToAlarm", "more than"), ("evaluationPeriods", "these")],
            "more datapoints must breach than are looked at",
            "lower datapointsToAlarm",
        );
    }
}

fn dimension(finder: &mut Finder<'_>, alarm: &Resource) {
    for metric in alarm_data::metrics(alarm).filter(|metric| metric.is_of_elasticache()) {
        for (index, dimension) in metric.dimensions.iter().enumerate() {
            let text = |name: &str| dimension.get(name).and_then(Value::as_str).unwrap_or_default();
            let (name, value) = (text("name"), text("value"));
            let group = name == "CacheClusterId" && finder.own(Kind::ReplicationGroup, value).is_some();
            if !matches!(name, "ReplicationGroupId" | "ServerlessCacheName") && !group {
                continue;
            }
            let part = if group { "value" } else { "name" };
            finder.error(
                alarm,
                &[(&format!("{}dimensions[{index}].{part}", metric.field), "ElastiCache reports nothing under this")],
                "the alarm would never have data",
                "name a node, such as CacheClusterId prod-cache-001 (clusterId for a serverless cache), or a cache with `for: replicationGroup/NAME`",
            );
        }
    }
}
