//! Metrics with a past, and dashboards that validate.

use cachectl_sandbox::{Quotas, Seeded};
use serde_json::{Value, json};

use crate::client::Aws;

fn call(aws: &Aws, operation: &str, body: &Value) -> (u16, Value) {
    let reply = aws.json(&format!("GraniteServiceVersion20100801.{operation}"), &body.to_string());
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

fn query(id: &str, name: &str, cluster: &str, period: u64, stat: &str) -> Value {
    let metric = json!({"Namespace": "AWS/ElastiCache", "MetricName": name,
        "Dimensions": [{"Name": "CacheClusterId", "Value": cluster}]});
    json!({"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}})
}

fn get(queries: &[Value], days: u64) -> Value {
    json!({"MetricDataQueries": queries, "StartTime": now() - days * 86_400, "EndTime": now()})
}

fn values(answer: &Value, result: usize) -> Vec<f64> {
    let values = answer["MetricDataResults"][result]["Values"].as_array().cloned().unwrap_or_default();
    values.iter().filter_map(Value::as_f64).collect()
}

#[test]
fn two_weeks_of_a_groups_metrics_are_seeded_and_read_by_the_hour() {
    let aws = Aws::instant();
    aws.group("m", "NumCacheClusters=2");
    let body = json!({"metrics": [{"name": "Evictions", "group": "m", "values": [0, 12]},
        {"name": "CacheHits", "dimensions": {"clusterId": "s"}, "values": [5], "days": 1}]});
    let reply = aws.door("POST", "metrics", &body.to_string());
    assert_eq!(reply.text(), r#"{"series":5}"#, "with CacheClusterId, and with CacheNodeId beside it");
    let (status, answer) = call(&aws, "GetMetricData", &get(&[query("a", "Evictions", "m-002", 3600, "Sum")], 14));
    assert_eq!(status, 200, "{answer}");
    let read = values(&answer, 0);
    assert!((335..=337).contains(&read.len()), "{}", read.len());
    assert!(read[1..300].iter().all(|sum| *sum == 72.0), "twelve periods of five minutes: {:?}", &read[..5]);
    let stats = ["Average", "Maximum", "Minimum", "SampleCount", "p50", "p99"];
    let queries: Vec<Value> =
        stats.iter().enumerate().map(|(n, stat)| query(&format!("q{n}"), "Evictions", "m-001", 3600, stat)).collect();
    let (_, answer) = call(&aws, "GetMetricData", &get(&queries, 2));
    let second = |result| values(&answer, result)[1];
    assert_eq!([0, 1, 2, 3, 4, 5].map(second), [6.0, 12.0, 0.0, 12.0, 0.0, 12.0]);
    let times = answer["MetricDataResults"][0]["Timestamps"].as_array().cloned().unwrap_or_default();
    assert!(times[0].as_f64() > times[1].as_f64(), "newest first");
}

#[test]
fn five_hundred_queries_are_one_call_and_one_more_is_refused() {
    let aws = Aws::instant();
    let queries = |count: usize| -> Vec<Value> {
        (0..count).map(|n| query(&format!("q{n}"), "CacheHits", &format!("c-{n}"), 300, "Sum")).collect()
    };
    let (status, answer) = call(&aws, "GetMetricData", &get(&queries(500), 1));
    assert_eq!((status, answer["MetricDataResults"].as_array().map(Vec::len)), (200, Some(500)));
    assert_eq!(call(&aws, "GetMetricData", &get(&queries(501), 1)).0, 400);
    assert_eq!(call(&aws, "GetMetricData", &get(&[query("A", "m", "c", 60, "Sum")], 1)).0, 400, "an id in capitals");
    assert_eq!(call(&aws, "GetMetricData", &get(&[query("a", "m", "c", 61, "Sum")], 1)).0, 400, "a period of 61 s");
    assert_eq!(call(&aws, "GetMetricData", &get(&[query("a", "m", "c", 60, "Sun")], 1)).0, 400, "no statistic");
    let twice = [query("a", "m", "c", 60, "Sum"), query("a", "m", "c", 60, "Sum")];
    assert_eq!(call(&aws, "GetMetricData", &get(&twice, 1)).0, 400);
}

#[test]
fn pages_of_datapoints_join_without_gap_or_overlap() {
    let aws = Aws::instant();
    for (cluster, value) in [("c-1", 1.0), ("c-2", 2.0), ("c-3", 3.0)] {
        let seeded = Seeded { days: 0.5, ..Seeded::new("CacheHits", &[value]) };
        aws.sandbox.seed_metrics(&[seeded.with_dimension("CacheClusterId", cluster)]).expect("it is seeded");
    }
    let queries =
        ["c-1", "none", "c-2", "c-3"].map(|cluster| query(&cluster.replace('-', ""), "CacheHits", cluster, 300, "Sum"));
    aws.sandbox.set_quotas(Quotas { datapoints: 100, ..Quotas::default() });
    let mut body = get(&queries, 1);
    let mut seen: Vec<(String, f64, f64)> = Vec::new();
    let mut pages = 0;
    loop {
        let (status, answer) = call(&aws, "GetMetricData", &body);
        assert_eq!(status, 200, "{answer}");
        pages += 1;
        for result in answer["MetricDataResults"].as_array().into_iter().flatten() {
            let (times, values) = (result["Timestamps"].as_array(), result["Values"].as_array());
            let points = times.into_iter().flatten().zip(values.into_iter().flatten());
            let id = result["Id"].as_str().unwrap_or_default();
            seen.extend(
                points.map(|(at, value)| (id.to_owned(), at.as_f64().unwrap_or(0.0), value.as_f64().unwrap_or(0.0))),
            );
        }
        match answer["NextToken"].as_str() {
            Some(token) => body["NextToken"] = json!(token),
            None => break,
        }
    }
    assert_eq!(pages, 5, "432 points in pages of 100");
    let count = seen.len();
    seen.sort_by(|one, other| one.partial_cmp(other).expect("no NaN"));
    seen.dedup();
    assert_eq!((seen.len(), count), (432, 432));
    assert!(seen.iter().all(|(id, _, value)| *id == format!("c{value}")));
    body["NextToken"] = json!("made up");
    assert_eq!(call(&aws, "GetMetricData", &body).0, 400);
}

#[test]
fn what_is_put_is_read_and_listed() {
    let aws = Aws::instant();
    let at = now() - 120;
    let metric = |name: &str, more: Value| {
        let mut metric =
            json!({"MetricName": name, "Timestamp": at, "Dimensions": [{"Name": "CacheClusterId", "Value": "c"}]});
        metric.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        metric
    };
    let set = json!({"SampleCount": 4, "Sum": 20, "Minimum": 1, "Maximum": 9});
    let data = [
        metric("One", json!({"Value": 7})),
        metric("Many", json!({"Values": [1, 5], "Counts": [3, 1]})),
        metric("Set", json!({"StatisticValues": set})),
    ];
    let (status, answer) = call(&aws, "PutMetricData", &json!({"Namespace": "AWS/ElastiCache", "MetricData": data}));
    assert_eq!(status, 200, "{answer}");
    let queries = [
        query("a", "One", "c", 60, "Sum"),
        query("b", "Many", "c", 60, "Average"),
        query("c", "Set", "c", 60, "Maximum"),
        query("d", "Set", "c", 60, "Average"),
    ];
    let (_, answer) = call(&aws, "GetMetricData", &get(&queries, 1));
    assert_eq!([0, 1, 2, 3].map(|result| values(&answer, result)), [[7.0], [2.0], [9.0], [5.0]]);
    let (_, listed) = call(&aws, "ListMetrics", &json!({"Namespace": "AWS/ElastiCache", "MetricName": "Many"}));
    assert_eq!(listed["Metrics"][0]["Dimensions"][0]["Value"], "c");
}

#[test]
fn a_dashboard_is_kept_as_it_was_put_and_validated() {
    let aws = Aws::instant();
    let body = r#"{"widgets":[{"type":"text","x":0,"y":0,"width":24,"height":2,"properties":{"markdown":"d"}}]}"#;
    let put =
        |name: &str, body: &str| call(&aws, "PutDashboard", &json!({"DashboardName": name, "DashboardBody": body}));
    assert_eq!(put("orders", body).0, 200);
    assert_eq!(call(&aws, "GetDashboard", &json!({"DashboardName": "orders"})).1["DashboardBody"], body);
    let (status, error) = put("orders", r#"{"widgets":[{"type":"text"}]}"#);
    assert_eq!(status, 400);
    assert!(error["__type"].as_str().is_some_and(|name| name.ends_with("DashboardInvalidInputError")), "{error}");
    assert!(error.to_string().contains("/widgets/0") && error.to_string().contains("1 validation errors"), "{error}");
    assert_eq!(put("or ders", body).0, 400);
    put("other", body);
    let listed = call(&aws, "ListDashboards", &json!({"DashboardNamePrefix": "or"})).1;
    assert_eq!(listed["DashboardEntries"].as_array().map(Vec::len), Some(1));
    assert_eq!(call(&aws, "DeleteDashboards", &json!({"DashboardNames": ["other", "none"]})).0, 404);
    assert_eq!(call(&aws, "DeleteDashboards", &json!({"DashboardNames": ["other", "orders"]})).0, 200);
    assert_eq!(call(&aws, "ListDashboards", &json!({})).1["DashboardEntries"].as_array().map(Vec::len), Some(0));
}
