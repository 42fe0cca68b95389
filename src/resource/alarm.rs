//! Metric alarms. Written out in full with every call: PutMetricAlarm overwrites the whole alarm.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::alarm_whole::plain_description;
use super::kind_row::{Arn, Calls, IdForm, KindRow, Names, TagCalls};
use super::{alarm_entries, alarm_preset, local, members};
use crate::model::attribute::{Attribute, Impact, Read, Route};
use crate::model::live::Live;
use crate::model::shape::{ARN, Field, Order, Shape, integer, list, pattern, text};
use crate::model::{Address, Kind, Operation, Resource, Spec};

const DIMENSION: Shape = Shape::Object(&[
    Field::new("name", "Name", text(255), "The dimension's name, such as CacheClusterId.").required(),
    Field::new("value", "Value", text(1024), "The dimension's value, such as prod-cache-001.").required(),
]);
const DIMENSIONS: Shape = Shape::List { of: &DIMENSION, min: 0, max: 30, order: Order::By("name") };
/// Periods, in seconds, of a window that goes by the clock.
pub const CLOCK_PERIODS: [i64; 5] = [60, 300, 3600, 86_400, 604_800];
/// Statistics that are no percentiles or the like.
pub const STATISTICS: &[&str] = &["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits",
    "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
    "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
];
#[rustfmt::skip]
const OPERATORS: &[&str] = &[
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold",
];
#[rustfmt::skip]
const QUERY: Shape = Shape::Object(&[
    Field::new("id", "Id", pattern("^[a-z][a-zA-Z0-9_]*$", 255, "hits"), "Name of the value within the alarm.").required(),
    Field::new("expression", "Expression", text(2048), "Metric math over the other ids, such as `100 * hits / (hits + misses)`."),
    Field::new("metricStat", "MetricStat", Shape::Object(&[
        Field::new("metric", "Metric", Shape::Object(&[
            Field::new("namespace", "Namespace", text(255), "Namespace. Default AWS/ElastiCache where the alarm has `for`."),
            Field::new("metricName", "MetricName", text(255), "Name of the metric.").required(),
            Field::new("dimensions", "Dimensions", DIMENSIONS, "Dimensions. Filled in where the alarm has `for`."),
        ]), "The metric.").required(),
        Field::new("period", "Period", integer(10, 86_400), "Seconds of one datapoint.").required(),
        Field::new("stat", "Stat", text(64), "Statistic, such as Sum or p99.").required(),
        Field::new("unit", "Unit", Shape::Enum(UNITS), "Only datapoints of this unit."),
    ]), "A metric to read; instead of `expression`."),
    Field::new("label", "Label", text(255), "Name in graphs."),
    Field::new("returnData", "ReturnData", Shape::Bool, "true for the one value that the alarm watches."),
    Field::new("period", "Period", integer(10, 86_400), "Seconds of one datapoint of an expression."),
    Field::new("accountId", "AccountId", text(255), "Account that the metric is in."),
]);

#[rustfmt::skip]
const CRITERIA: Shape = Shape::Object(&[
    Field::new("promQLCriteria", "PromQLCriteria", Shape::Object(&[
        Field::new("query", "Query", text(10_000), "PromQL query; each entry of the vector that it returns is watched separately.").required(),
        Field::new("pendingPeriod", "PendingPeriod", integer(0, 86_400), "Seconds that an entry must breach before the alarm fires."),
        Field::new("recoveryPeriod", "RecoveryPeriod", integer(0, 86_400), "Seconds that it must not breach before the alarm recovers."),
    ]), "A PromQL query.").required(),
]);

#[rustfmt::skip]
const WARM_UP: Shape = Shape::Object(&[
    Field::new("warmUpPeriodDurationInMinutes", "WarmUpPeriodDurationInMinutes", integer(1, 2880), "Minutes, 1 to 2880.").required(),
    Field::new("onlyStartEvaluatingAfterWarmUpPeriodEnds", "OnlyStartEvaluatingAfterWarmUpPeriodEnds", Shape::Bool,
        "true: the whole period is waited for. Default false: it ends early once there are datapoints enough."),
]);
/// The shape of an alarm's window: the stretch of time that the alarm looks at.
#[rustfmt::skip]
pub(super) const WINDOW: Shape = Shape::Object(&[
    Field::new("slidingWindow", "SlidingWindow", Shape::Object(&[]), "`{}`: the window moves with each evaluation. AWS's default."),
    Field::new("wallClockWindow", "WallClockWindow", Shape::Object(&[
        Field::new("timezone", "Timezone", text(64), "Time zone whose hours, days and weeks count, such as Europe/Berlin. Default UTC."),
    ]), "The window begins with the hour, the day or the week. Periods of 60, 300, 3600, 86400 or 604800 seconds."),
]);
/// What the actions of an alarm carry, of a composite one too.
#[rustfmt::skip]
pub const ACTIONS: Shape = Shape::Object(&[
    Field::new("alarmTagsPropagation", "AlarmTagsPropagation", Shape::Object(&[
        Field::new("enabled", "Enabled", Shape::Bool, "Whether the alarm's tags are sent.").required(),
        Field::new("includedTagKeys", "IncludedTagKeys", list(&text(128), 1, 50), "Only these tags."),
        Field::new("excludedTagKeys", "ExcludedTagKeys", list(&text(128), 1, 50), "All tags but these."),
    ]), "The alarm's tags in messages to SNS, Lambda and EventBridge. Who applies needs cloudwatch:ListTagsForResource."),
]);

const fn row(field: Field, member: &'static str) -> Attribute {
    Attribute::new(field, Read::Own(member), Route::Whole, Impact::None, "")
}

/// The rows of a metric alarm: what PutMetricAlarm takes, and what an entry for the nodes of caches says besides.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("for", "", Shape::Text { pattern: Some("^([*].*|(replicationGroup|serverlessCache)/.+)$"), min: 1, max: 128, example: "replicationGroup/prod-cache" },
        "A cache of this spec, or a glob of caches: one alarm for each node, with dimensions filled in."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("name", "", pattern("^[^:].*$", 200, "[prod] ${member} hit rate"),
        "With `for`: what the alarms are called, with `${member}` for the node and `${cache}` for its cache. Default `${member}-<key>`."), Read::Never, Route::Local, Impact::None, ""),
    Attribute::new(Field::new("scope", "", Shape::Enum(&["node", "primary", "replica"]),
        "With `for`: which nodes. AWS reports roles only with cluster mode disabled. Default node."), Read::Never, Route::Local, Impact::None, ""),
    row(Field::new("description", "AlarmDescription", text(960), "What the alarm means and what to do. With `for`, `${member}` and `${cache}` stand for the node and its cache."), "AlarmDescription")
        .import(|_, value| super::local::text_of(&plain_description(value.as_str()?))),
    row(Field::new("actionsEnabled", "ActionsEnabled", Shape::Bool, "Whether actions run. Default true."), "ActionsEnabled")
        .import(|_, value| (value == json!(false)).then_some(value)),
    row(Field::new("alarmActions", "AlarmActions", list(&ARN, 0, 5), "ARNs that are notified when the alarm fires."), "AlarmActions"),
    row(Field::new("okActions", "OKActions", list(&ARN, 0, 5), "ARNs that are notified when the alarm recovers."), "OKActions"),
    row(Field::new("insufficientDataActions", "InsufficientDataActions", list(&ARN, 0, 5), "ARNs that are notified when there is no data."), "InsufficientDataActions"),
    row(Field::new("namespace", "Namespace", pattern("^[^:].*$", 255, "AWS/ElastiCache"), "Namespace. Default AWS/ElastiCache where the alarm has `for`."), "Namespace"),
    row(Field::new("metricName", "MetricName", text(255), "Name of the metric, such as Evictions. Not with `metrics`."), "MetricName"),
    row(Field::new("dimensions", "Dimensions", DIMENSIONS, "Dimensions. Filled in where the alarm has `for`."), "Dimensions"),
    row(Field::new("statistic", "Statistic", Shape::Enum(STATISTICS), "Statistic over one period."), "Statistic"),
    row(Field::new("extendedStatistic", "ExtendedStatistic", text(64), "Percentile or the like, such as p99, instead of `statistic`."), "ExtendedStatistic"),
    row(Field::new("period", "Period", integer(10, 604_800), "Seconds of one datapoint: 10, 20, 30 or a multiple of 60."), "Period"),
    row(Field::new("unit", "Unit", Shape::Enum(UNITS), "Only datapoints of this unit."), "Unit"),
    row(Field::new("evaluationPeriods", "EvaluationPeriods", integer(1, 10_080), "Datapoints that are looked at."), "EvaluationPeriods"),
    row(Field::new("datapointsToAlarm", "DatapointsToAlarm", integer(1, 10_080), "Datapoints of those that must breach."), "DatapointsToAlarm")
        .import(|view, value| (view.own("EvaluationPeriods") != Some(&value)).then_some(value)),
    row(Field::new("threshold", "Threshold", Shape::Number, "Value that is compared with."), "Threshold")
        .import(|view, value| view.own("ThresholdMetricId").is_none().then_some(value)),
    row(Field::new("comparisonOperator", "ComparisonOperator", Shape::Enum(OPERATORS), "How the value is compared with the threshold."), "ComparisonOperator"),
    row(Field::new("treatMissingData", "TreatMissingData", Shape::Enum(&["breaching", "notBreaching", "ignore", "missing"]), "What a period without data counts as. Default missing."), "TreatMissingData")
        .import(|_, value| (value != json!("missing")).then_some(value)),
    row(Field::new("evaluateLowSampleCountPercentile", "EvaluateLowSampleCountPercentile", Shape::Enum(&["evaluate", "ignore"]), "With percentiles: what few samples count as."), "EvaluateLowSampleCountPercentile")
        .import(|_, value| (value != json!("evaluate")).then_some(value)),
    row(Field::new("metrics", "Metrics", Shape::List { of: &QUERY, min: 1, max: 20, order: Order::By("id") }, "Metric math, instead of `metricName` and its companions."), "Metrics"),
    row(Field::new("thresholdMetricId", "ThresholdMetricId", text(255), "Id of the anomaly detection band, instead of `threshold`."), "ThresholdMetricId"),
    row(Field::new("evaluationCriteria", "EvaluationCriteria", CRITERIA, "A PromQL query, instead of a metric, metric math and a threshold."), "EvaluationCriteria"),
    row(Field::new("evaluationInterval", "EvaluationInterval", integer(10, 3600), "With `evaluationCriteria`: every how many seconds; 10, 20, 30 or a multiple of 60."), "EvaluationInterval"),
    row(Field::new("warmUpConfiguration", "WarmUpConfiguration", WARM_UP, "How long after its creation or update the alarm has INSUFFICIENT_DATA and runs no actions. Where it is left out, an alarm of a cache is created with 15 minutes, so that a node that is being filled does not page.").nullable(), "WarmUpConfiguration")
        .import(|_, value| (WARM_UP.to_api(&value) != warm_up()).then_some(value)),
    row(Field::new("evaluationWindow", "EvaluationWindow", WINDOW, "Which stretch of time is looked at; one of the two."), "EvaluationWindow")
        .import(|_, value| value.get("wallClockWindow").is_some().then_some(value)),
    row(Field::new("actionConfiguration", "ActionConfiguration", ACTIONS, "What the alarm's actions carry.").nullable(), "ActionConfiguration"),
    local::TAGS_ROW,
];

/// The ARN of an alarm, which does not tell a metric alarm from a composite one.
pub const ARN_OF: Arn = Arn { service: "cloudwatch", resource: "alarm", separator: ':', regional: true };

/// The name of an alarm of either kind.
pub const NAME: IdForm = IdForm {
    pattern: "^[^:].*$",
    longest: 255,
    words: "1 to 255 characters that can be seen, not beginning with a colon",
    of_aws: None,
};

/// Metric alarms as a kind: one call both makes and changes an alarm.
pub const KIND: KindRow = KindRow {
    reads: &["cloudwatch:DescribeAlarms"],
    tags: TagCalls::CLOUDWATCH,
    keeps_letter_case: true,
    stack_noted: Some(stack_of),
    patterns: &alarm_entries::PATTERNS,
    in_bulk: true,
    deletes_many: Some("AlarmNames"),
    state: |view| view.text("StateValue").unwrap_or("INSUFFICIENT_DATA"),
    facts: |view| vec![view.word("MetricName")],
    ..KindRow::plain(
        Names {
            kind: "alarm",
            section: "alarms",
            noun: "alarm",
            about: "CloudWatch metric alarms, by name; with `for`, one for each node of a cache.",
        },
        ATTRIBUTES,
        ARN_OF,
        NAME,
        Calls {
            create: Operation::PutMetricAlarm,
            modify: Operation::PutMetricAlarm,
            delete: Operation::DeleteAlarms,
            id_member: "AlarmName",
        },
    )
};

/// The namespace of ElastiCache's own metrics.
pub const NAMESPACE: &str = "AWS/ElastiCache";

/// One alarm as it should be: fields as in the spec, dimensions filled in.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub fields: Map<String, Value>,
    /// The entry of the spec that declares it: a cache with its preset, or an alarm.
    pub entry: Address,
    /// The cache that it belongs to.
    pub cache: Option<Address>,
}

/// The alarms of a spec: those that can be named now, and for each cache how many cannot.
#[derive(Debug, Default)]
pub struct Alarms {
    pub named: Vec<Alarm>,
    pub per_node: BTreeMap<Address, PerNode>,
}

/// Alarms of a cache by the nodes that get them.
#[derive(Clone, Copy, Debug, Default)]
pub struct PerNode {
    pub every: usize,
    pub primary: usize,
    pub replica: usize,
}

impl Alarm {
    /// The alarm's address, under which it stands in a plan.
    pub fn address(&self) -> Address {
        Address::new(Kind::Alarm, &self.name)
    }
}

impl PerNode {
    /// How many alarms so many nodes have.
    pub fn count(self, nodes: usize, shards: usize) -> usize {
        self.every * nodes + self.primary * shards + self.replica * nodes.saturating_sub(shards)
    }
}

/// The note of its stack that stands at the end of an alarm's description.
pub fn suffix(stack: &str) -> String {
    format!("[cachectl:stack={stack}]")
}

/// The stack that an alarm's description names.
pub fn stack_of(alarm: &Value) -> Option<&str> {
    let description = alarm.get("AlarmDescription")?.as_str()?;
    description.rsplit_once("[cachectl:stack=")?.1.strip_suffix(']')
}

/// Every alarm that the spec asks for, written out for the live members of the caches.
pub fn wanted(spec: &Spec, live: &Live) -> Alarms {
    written_out(spec, live, &|cache, scope| members::nodes(live, cache, scope))
}

/// The alarms of these caches, written out for the members that they have when they are made as the spec says.
pub fn to_come(spec: &Spec, live: &Live, caches: &BTreeSet<Address>) -> Alarms {
    written_out(spec, live, &|cache, scope| {
        let made = spec.resources.get(cache).filter(|_| caches.contains(cache));
        let members = made.map(|cache| members::to_come(spec, cache)).unwrap_or_default();
        // The first node of a shard is its primary.
        let is_primary = |member: &String| member.ends_with("-001");
        let is_in = |member: &String| match scope {
            _ if cache.kind.is_serverless() => true,
            "primary" => is_primary(member),
            "replica" => !is_primary(member),
            _ => true,
        };
        members.into_iter().filter(is_in).collect()
    })
}

type Nodes<'a> = dyn Fn(&Address, &str) -> Vec<String> + 'a;

fn written_out(spec: &Spec, live: &Live, nodes: &Nodes<'_>) -> Alarms {
    let mut alarms = Alarms::default();
    for resource in spec.resources.values() {
        match resource.address.kind {
            Kind::Alarm => match resource.fields.get("for").and_then(Value::as_str) {
                None => alarms.named.push(Alarm {
                    name: resource.address.id.clone(),
                    fields: own_fields(resource),
                    entry: resource.address.clone(),
                    cache: None,
                }),
                Some(_) => alarms_for(resource, spec, nodes, &mut alarms),
            },
            kind if kind.is_cache() => {
                let Some(preset) = resource.fields.get("alarms").and_then(Value::as_object) else { continue };
                let rules = alarm_preset::rules(resource, preset, live);
                alarms.per_node.entry(resource.address.clone()).or_default().every += rules.len();
                for node in nodes(&resource.address, "node") {
                    for (metric, fields) in &rules {
                        let mut fields = filled(fields.clone(), &resource.address, &node);
                        alarm_preset::node_dimension(metric, &mut fields);
                        alarms.named.push(Alarm {
                            name: format!("{node}-{metric}"),
                            fields,
                            entry: resource.address.clone(),
                            cache: Some(resource.address.clone()),
                        });
                    }
                }
            }
            _ => {}
        }
    }
    alarms
}

/// The alarms of an entry, for the nodes of each of its caches.
fn alarms_for(entry: &Resource, spec: &Spec, nodes: &Nodes<'_>, alarms: &mut Alarms) {
    let scope = entry.text("scope").unwrap_or("node");
    for cache in alarm_entries::caches(spec, entry) {
        let per_node = alarms.per_node.entry(cache.clone()).or_default();
        match scope {
            "primary" => per_node.primary += 1,
            "replica" => per_node.replica += 1,
            _ => per_node.every += 1,
        }
        for node in nodes(cache, scope) {
            let own = own_fields(entry).into_iter();
            let own = own.map(|(name, value)| {
                let value = alarm_entries::value(&name, &value, cache, &node);
                (name, value)
            });
            alarms.named.push(Alarm {
                name: alarm_entries::name(entry, cache, &node),
                fields: filled(own.collect(), cache, &node),
                entry: entry.address.clone(),
                cache: Some(cache.clone()),
            });
        }
    }
}

/// The warm-up of a new alarm of a node: 15 minutes, waited for in full.
///
/// What an alarm of a node is created with, so that a node that is being filled does not page: AWS takes the alarm for
/// one without data that long, and its actions do not run.
pub fn warm_up() -> Value {
    json!({"WarmUpPeriodDurationInMinutes": 15, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": true})
}

fn own_fields(resource: &Resource) -> Map<String, Value> {
    resource
        .fields
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "for" | "name" | "scope" | "tags"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Does the alarm watch one of these members?
pub fn watches_any(alarm: &Value, members: &BTreeSet<String>) -> bool {
    watched_members(alarm).any(|member| members.contains(member))
}

fn filled(mut fields: Map<String, Value>, cache: &Address, node: &str) -> Map<String, Value> {
    let dimension = if cache.kind.is_serverless() { "clusterId" } else { "CacheClusterId" };
    let dimensions = json!([{"name": dimension, "value": node}]);
    if fields.contains_key("metricName") {
        fields.entry("namespace").or_insert_with(|| json!(NAMESPACE));
        fields.entry("dimensions").or_insert_with(|| dimensions.clone());
    }
    for query in fields.get_mut("metrics").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(metric) = query.pointer_mut("/metricStat/metric").and_then(Value::as_object_mut) {
            metric.entry("namespace").or_insert_with(|| json!(NAMESPACE));
            metric.entry("dimensions").or_insert_with(|| dimensions.clone());
        }
    }
    fields
}

/// The names under which the alarm looks for metrics of caches. By its dimensions: its own name can be anything.
pub fn watched_members(alarm: &Value) -> impl Iterator<Item = &str> {
    let queries = alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten();
    let of_queries = queries.filter_map(|query| query.pointer("/MetricStat/Metric/Dimensions"));
    let dimensions = alarm.get("Dimensions").into_iter().chain(of_queries).filter_map(Value::as_array).flatten();
    dimensions.filter_map(|dimension| {
        let text = |member: &str| dimension.get(member).and_then(Value::as_str);
        matches!(text("Name"), Some("CacheClusterId" | "clusterId")).then(|| text("Value")).flatten()
    })
}

/// The caches whose members, living or gone, the alarm can watch.
pub fn watched(alarm: &Value) -> BTreeSet<Address> {
    watched_members(alarm).flat_map(members::caches_of).collect()
}

/// Is an alarm of a cache, which the spec does not ask for, deleted without an `--allow`?
///
/// It is where its member went; where what made it still stands in the spec and decides otherwise now; where the cache
/// says `alarms: none`. An alarm whose entry is gone from the spec stays: a lost line is not a decision.
pub fn follows(spec: &Spec, live: &Live, cache: &Resource, name: &str, alarm: &Value) -> bool {
    // Of a cache that is made anew, the members to come.
    let members: BTreeSet<String> = if live.stays(&cache.address) {
        members::nodes(live, &cache.address, "node").into_iter().collect()
    } else {
        members::to_come(spec, cache)
    };
    let Some(member) = watched_members(alarm).find(|watched| members.contains(*watched)) else {
        return true;
    };
    let key = name.strip_prefix(member).and_then(|rest| rest.strip_prefix('-'));
    let by_preset = cache.fields.contains_key("alarms")
        && key.is_some_and(|key| alarm_preset::metrics(cache.address.kind).contains(&key));
    let is_of = |entry: &Resource| {
        alarm_entries::is_for(entry, &cache.address)
            && (key == Some(entry.address.id.as_str()) || alarm_entries::name(entry, &cache.address, member) == name)
    };
    by_preset || spec.resources.values().any(is_of)
}

/// Does the alarm watch a member of this cache, living or gone?
pub fn belongs_to(alarm: &Value, cache: &Address) -> bool {
    watched_members(alarm).any(|member| members::may_be_of(member, cache))
}

/// The names under which an alarm that is declared by itself looks for metrics of caches.
pub fn declared_members(alarm: &Resource) -> Vec<String> {
    let rows = ATTRIBUTES.iter().filter(|row| matches!(row.field.name, "dimensions" | "metrics"));
    let pairs = rows.filter_map(|row| {
        let declared = alarm.fields.get(row.field.name)?;
        Some((row.field.member.to_owned(), row.field.shape.to_api(declared)))
    });
    watched_members(&Value::Object(pairs.collect())).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_belongs_to_the_cache_whose_member_it_watches_even_after_the_member_is_gone() {
        let alarm = |member: &str| json!({"Dimensions": [{"Name": "CacheClusterId", "Value": member}]});
        let cache = Address::new(Kind::ReplicationGroup, "prod-cache");
        assert!(belongs_to(&alarm("prod-cache-001"), &cache));
        assert!(belongs_to(&alarm("prod-cache-0001-002"), &cache));
        assert!(!belongs_to(&alarm("prod-cache-cluster-0001-001"), &cache));
        assert!(!belongs_to(&alarm("prod-cache-2-001"), &cache));
    }
}
