//! CloudWatch over JSON and CBOR.

use ciborium::Value;

use crate::client::Aws;

const MATH: &str = r#"{"AlarmName": "math", "EvaluationPeriods": 3, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
    "AlarmDescription": "d [cachectl:stack=s]", "Tags": [{"Key": "k", "Value": "v"}],
    "Metrics": [{"Id": "m", "ReturnData": false, "MetricStat": {"Metric": {"Namespace": "AWS/ElastiCache", "MetricName": "Evictions",
        "Dimensions": [{"Name": "CacheClusterId", "Value": "a-001"}]}, "Period": 60, "Stat": "Sum"}}, {"Id": "e", "Expression": "m * 2"}]}"#;

fn target(operation: &str) -> String {
    format!("GraniteServiceVersion20100801.{operation}")
}

fn cbor(aws: &Aws, operation: &str, body: &Value) -> (u16, Value) {
    let mut bytes = Vec::new();
    ciborium::into_writer(body, &mut bytes).expect("it encodes");
    let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let reply = aws.send("POST", &path, &headers, &bytes).expect("an answer");
    assert!(reply.head.contains("smithy-protocol: rpc-v2-cbor"), "{}", reply.head);
    (reply.status, ciborium::from_reader(reply.body.as_slice()).expect("CBOR"))
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    let members = value.as_map().expect("a map");
    let found = members.iter().find(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value).unwrap_or(&Value::Null)
}

#[test]
fn an_alarm_put_over_json_is_the_same_over_cbor() {
    let aws = Aws::instant();
    assert_eq!(aws.json(&target("PutMetricAlarm"), MATH).status, 200);
    let (status, answer) = cbor(&aws, "DescribeAlarms", &Value::Map(vec![]));
    assert_eq!(status, 200);
    let alarm = &member(&answer, "MetricAlarms").as_array().expect("a list")[0];
    assert_eq!(member(alarm, "Threshold"), &Value::Float(1.0), "the model has a double");
    assert_eq!(member(alarm, "StateValue").as_text(), Some("INSUFFICIENT_DATA"));
    assert!(matches!(member(alarm, "StateUpdatedTimestamp"), Value::Tag(1, _)));
    assert_eq!(member(alarm, "Metrics").as_array().map(Vec::len), Some(2));
}

#[test]
fn tags_in_a_put_count_only_when_the_alarm_is_new() {
    let aws = Aws::instant();
    aws.json(&target("PutMetricAlarm"), MATH);
    aws.json(&target("PutMetricAlarm"), &MATH.replace(r#""Value": "v""#, r#""Value": "other""#));
    let tags = aws.json(
        &target("ListTagsForResource"),
        r#"{"ResourceARN": "arn:aws:cloudwatch:us-east-1:012345678901:alarm:math"}"#,
    );
    assert_eq!(tags.text(), r#"{"Tags":[{"Key":"k","Value":"v"}]}"#);
}

#[test]
fn illegal_alarms_are_refused() {
    let aws = Aws::instant();
    let plain = r#"{"AlarmName": "a", "Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 3, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}"#;
    for (from, to) in [
        (r#""Period": 60"#, r#""Period": 7"#),
        (r#""EvaluationPeriods": 3"#, r#""EvaluationPeriods": 3, "DatapointsToAlarm": 4"#),
        (r#""EvaluationPeriods": 3"#, r#""EvaluationPeriods": 2000"#),
        (r#""Statistic": "Sum","#, ""),
        (r#""Statistic": "Sum""#, r#""Statistic": "Sum", "ExtendedStatistic": "p99""#),
        (r#""Threshold": 1,"#, ""),
        ("GreaterThanThreshold", "Greater"),
        (r#""AWS/ElastiCache""#, r#"":x""#),
        (r#""Period": 60"#, r#""Period": 60, "Metrics": []"#),
    ] {
        let body = plain.replace(from, to);
        assert_ne!(body, plain, "{from} is in the request");
        assert_eq!(aws.json(&target("PutMetricAlarm"), &body).status, 400, "{to}");
    }
    assert_eq!(aws.json(&target("PutMetricAlarm"), plain).status, 200);
}

#[test]
fn metric_math_names_statistics_and_ids_that_there_are() {
    let aws = Aws::instant();
    let stat = |stat: &str| MATH.replace(r#""Stat": "Sum""#, &format!(r#""Stat": "{stat}""#));
    let expression = |text: &str| MATH.replace("m * 2", text);
    for (body, status) in [
        (stat("Sm"), 400),
        (stat("p101"), 400),
        (stat("p99.9"), 200),
        (expression("m * x"), 400),
        (expression("IF(m > 1, other, 0)"), 400),
        (expression("FILL(m, REPEAT) * 1e3"), 200),
        (expression(r#"SELECT MAX(CPUUtilization) FROM SCHEMA(\"AWS/ElastiCache\", CacheClusterId)"#), 200),
    ] {
        assert_eq!(aws.json(&target("PutMetricAlarm"), &body).status, status, "{body}");
    }
}

#[test]
fn errors_carry_the_code_of_the_query_protocol_too() {
    let aws = Aws::instant();
    let names = Value::Map(vec![(Value::Text("AlarmNames".into()), Value::Array(vec![Value::Text("none".into())]))]);
    let (status, error) = cbor(&aws, "DeleteAlarms", &names);
    assert_eq!(status, 404);
    assert_eq!(member(&error, "__type").as_text(), Some("com.amazonaws.cloudwatch#ResourceNotFound"));
    let reply = aws.json(&target("GetDashboard"), r#"{"DashboardName": "none"}"#);
    assert!(reply.text().contains("DashboardNotFoundError"), "{}", reply.text());
    assert!(reply.head.contains("x-amzn-query-error: ResourceNotFound;Sender"), "{}", reply.head);
}

#[test]
fn the_query_protocol_works_for_cloudwatch_too() {
    let aws = Aws::instant();
    let put = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=q&Namespace=n&MetricName=m&Statistic=Sum&Period=60&EvaluationPeriods=1\
        &Threshold=5&ComparisonOperator=GreaterThanThreshold&Dimensions.member.1.Name=a&Dimensions.member.1.Value=b";
    assert_eq!(aws.send("POST", "/", &[], put.as_bytes()).expect("an answer").status, 200);
    let (_, answer) = cbor(&aws, "DescribeAlarms", &Value::Map(vec![]));
    let alarm = &member(&answer, "MetricAlarms").as_array().expect("a list")[0];
    assert_eq!(member(alarm, "Period"), &Value::Integer(60.into()));
    assert_eq!(member(alarm, "Dimensions").as_array().map(Vec::len), Some(1));
}

const PLAIN: &str = r#"{"AlarmName": "NAME", "Namespace": "AWS/ElastiCache", "MetricName": "Evictions", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 3, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}"#;

fn put(aws: &Aws, name: &str) {
    assert_eq!(aws.json(&target("PutMetricAlarm"), &PLAIN.replace("NAME", name)).status, 200);
}

fn delete(aws: &Aws, names: &str) -> String {
    aws.json(&target("DeleteAlarms"), &format!(r#"{{"AlarmNames": {names}}}"#)).text()
}

fn names(aws: &Aws) -> Vec<String> {
    let all = r#"{"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}"#;
    let text = aws.json(&target("DescribeAlarms"), all).text();
    text.split(r#""AlarmName":""#).skip(1).map(|part| part.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_newest_members_of_an_alarm_are_kept_and_returned() {
    let aws = Aws::instant();
    let newest = r#""WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 15, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": true},
        "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC"}},
        "ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": true, "IncludedTagKeys": ["team"]}}, "#;
    let body = PLAIN.replace("NAME", "new").replacen('{', &format!("{{{newest}"), 1);
    assert_eq!(aws.json(&target("PutMetricAlarm"), &body).status, 200);
    let (_, answer) = cbor(&aws, "DescribeAlarms", &Value::Map(vec![]));
    let alarm = &member(&answer, "MetricAlarms").as_array().expect("a list")[0];
    let warm_up = member(alarm, "WarmUpConfiguration");
    assert_eq!(member(warm_up, "WarmUpPeriodDurationInMinutes"), &Value::Integer(15.into()));
    assert_eq!(member(warm_up, "OnlyStartEvaluatingAfterWarmUpPeriodEnds"), &Value::Bool(true));
    let clock = member(member(alarm, "EvaluationWindow"), "WallClockWindow");
    assert_eq!(member(clock, "Timezone").as_text(), Some("UTC"));
    let tags = member(member(alarm, "ActionConfiguration"), "AlarmTagsPropagation");
    assert_eq!(member(tags, "IncludedTagKeys").as_array().map(Vec::len), Some(1));
    put(&aws, "new");
    let (_, answer) = cbor(&aws, "DescribeAlarms", &Value::Map(vec![]));
    let alarm = &member(&answer, "MetricAlarms").as_array().expect("a list")[0];
    assert_eq!(member(alarm, "WarmUpConfiguration"), &Value::Null, "Put overwrites the whole alarm");
    for (from, to) in [
        ("\"WarmUpPeriodDurationInMinutes\": 15", "\"WarmUpPeriodDurationInMinutes\": 2881"),
        ("\"Period\": 60", "\"Period\": 120"),
        ("\"IncludedTagKeys\": [\"team\"]", "\"IncludedTagKeys\": [\"team\"], \"ExcludedTagKeys\": [\"x\"]"),
        ("\"IncludedTagKeys\": [\"team\"]", "\"IncludedTagKeys\": []"),
    ] {
        let body = body.replace(from, to);
        assert_eq!(aws.json(&target("PutMetricAlarm"), &body).status, 400, "{to}");
    }
}

#[test]
fn a_composite_alarm_holds_its_children() {
    let aws = Aws::instant();
    let composite = r#"{"AlarmName": "all", "AlarmRule": "ALARM(one) OR ALARM(\"two\")"}"#;
    let reply = aws.json(&target("PutCompositeAlarm"), composite);
    assert_eq!(reply.status, 400);
    let text = "Could not save the composite alarm as alarms [one, two] in the alarm rule do not exist";
    assert!(reply.text().contains(text), "{}", reply.text());
    ["one", "two", "three"].iter().for_each(|name| put(&aws, name));
    assert_eq!(aws.json(&target("PutCompositeAlarm"), composite).status, 200);
    let error = delete(&aws, r#"["one", "three"]"#);
    assert!(error.contains("ValidationException"), "{error}");
    assert!(error.contains("Cannot delete one as there are composite alarm(s) depending on it."), "{error}");
    let error = delete(&aws, r#"["one", "two"]"#);
    assert!(error.contains("Cannot delete one,two as there are composite alarm(s) depending on them."), "{error}");
    assert_eq!(names(&aws).len(), 4, "nothing went");
    delete(&aws, r#"["all"]"#);
    delete(&aws, r#"["one", "two", "three"]"#);
    assert!(names(&aws).is_empty());
}

#[test]
fn a_rule_has_a_hundred_alarms_and_five_hundred_elements_at_most() {
    let aws = Aws::instant();
    (0..101).for_each(|at| put(&aws, &format!("a{at}")));
    let status = |rule: &str| {
        let body = format!(r#"{{"AlarmName": "all", "AlarmRule": "{rule}"}}"#);
        aws.json(&target("PutCompositeAlarm"), &body).status
    };
    let children = |count: usize| (0..count).map(|at| format!("ALARM (a{at})")).collect::<Vec<_>>().join(" OR ");
    assert_eq!((status(&children(100)), status(&children(101))), (200, 400));
    let grouped = |depth: usize| format!("{}ALARM(a1) OR TRUE{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!((status(&grouped(498)), status(&grouped(499))), (200, 400));
}

#[test]
fn wrong_names_do_not_keep_the_right_ones_from_being_deleted() {
    let aws = Aws::instant();
    put(&aws, "one");
    let error = delete(&aws, r#"["none", "one"]"#);
    assert!(error.contains("ResourceNotFound"), "{error}");
    assert!(names(&aws).is_empty());
    put(&aws, "one");
    for name in ["c1", "c2"] {
        let body = format!(r#"{{"AlarmName": "{name}", "AlarmRule": "OK(one)"}}"#);
        assert_eq!(aws.json(&target("PutCompositeAlarm"), &body).status, 200);
    }
    assert!(delete(&aws, r#"["c1", "c2"]"#).contains("Only one composite alarm"));
}

#[test]
fn alarms_of_all_types_share_their_names() {
    let aws = Aws::instant();
    let log = r#"{"AlarmName": "log", "ScheduledQueryConfiguration": {"QueryString": "fields @message", "LogGroupIdentifiers": ["app"]},
        "QueryResultsToEvaluate": 3, "QueryResultsToAlarm": 2, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}"#;
    let put_log = |body: &str| aws.json(&target("PutLogAlarm"), body).status;
    assert_eq!(put_log(log), 200);
    assert_eq!(put_log(&log.replace(r#""QueryResultsToAlarm": 2"#, r#""QueryResultsToAlarm": 4"#)), 400);
    put(&aws, "metric");
    let composite = r#"{"AlarmName": "composite", "AlarmRule": "ALARM(metric)"}"#;
    assert_eq!(aws.json(&target("PutCompositeAlarm"), composite).status, 200);
    for taken in ["metric", "composite"] {
        assert_eq!(put_log(&log.replace(r#""log""#, &format!("{taken:?}"))), 400, "{taken}");
    }
    let twin = MATH.replace(r#""AlarmName": "math""#, r#""AlarmName": "log""#);
    assert_eq!(aws.json(&target("PutMetricAlarm"), &twin).status, 400);
    assert_eq!(aws.json(&target("PutCompositeAlarm"), &composite.replace("composite", "log")).status, 400);
    // A log alarm is described where it is asked for, and deleted alone.
    let described = |types: &str| aws.json(&target("DescribeAlarms"), &format!(r#"{{"AlarmTypes": [{types}]}}"#));
    let all = described(r#""LogAlarm", "MetricAlarm""#).text();
    assert!(all.contains(r#""QueryString":"fields @message""#) && all.contains(r#""AlarmName":"metric""#), "{all}");
    assert!(!described(r#""MetricAlarm""#).text().contains("LogAlarms"));
    assert_eq!(described(r#""QueryAlarm""#).status, 400);
    assert!(delete(&aws, r#"["log", "composite"]"#).contains("log alarm"));
    delete(&aws, r#"["log"]"#);
    assert_eq!(put_log(log), 200);
}

#[test]
fn an_alarm_does_not_search() {
    let aws = Aws::instant();
    let body = MATH.replace("m * 2", "MAX(SEARCH ('{AWS/ElastiCache,CacheClusterId} MetricName=Evictions', 'Sum'))");
    let reply = aws.json(&target("PutMetricAlarm"), &body);
    assert!(reply.text().contains("SEARCH is not supported on Metric Alarms."), "{}", reply.text());
}
