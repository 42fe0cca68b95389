//! The recommended alarms: CloudWatch's own recommendations for ElastiCache, and the limits that its
//! user guide says to watch.

use serde_json::{Map, Value, json};

use crate::model::live::{Live, object};
use crate::model::{Kind, Resource, node_type};

const GREATER: &str = "GreaterThanThreshold";

struct Rule {
    metric: &'static str,
    statistic: &'static str,
    period: u32,
    datapoints: u32,
    periods: u32,
    threshold: f64,
    comparison: &'static str,
    missing: &'static str,
    description: &'static str,
}

const fn rule(
    metric: &'static str,
    statistic: &'static str,
    period: u32,
    of: (u32, u32),
    threshold: f64,
    description: &'static str,
) -> Rule {
    Rule {
        metric,
        statistic,
        period,
        datapoints: of.0,
        periods: of.1,
        threshold,
        comparison: GREATER,
        missing: "missing",
        description,
    }
}

#[rustfmt::skip]
const PROVISIONED: [&str; 11] = [
    "EngineCPUUtilization", "CPUUtilization", "DatabaseMemoryUsagePercentage", "Evictions", "CurrConnections", "NewConnections",
    "TrafficManagementActive", "NetworkBandwidthInAllowanceExceeded", "NetworkBandwidthOutAllowanceExceeded", "ReplicationLag", FREEABLE,
];
/// An alarm that is there only where the spec names it: `override: {FreeableMemory: {}}`.
const FREEABLE: &str = "FreeableMemory";
#[rustfmt::skip]
const SERVERLESS: [&str; 8] = [
    "ThrottledCmds", "SuccessfulReadRequestLatency", "SuccessfulWriteRequestLatency", "AuthenticationFailures",
    "CommandAuthorizationFailures", "KeyAuthorizationFailures", "BytesUsedForCache", "ElastiCacheProcessingUnits",
];

#[rustfmt::skip]
const ARTICLE: [&str; 8] = [
    "CacheHitRate", "Evictions", "DatabaseMemoryUsagePercentage", "ReplicationLag", "CurrConnections", "NetworkBytesIn", "NetworkBytesOut",
    "EngineCPUUtilization",
];
const ARTICLE_SERVERLESS: [&str; 4] = ["CacheHitRate", "Evictions", "BytesUsedForCache", "ElastiCacheProcessingUnits"];

/// The presets, by name.
pub const PRESETS: [&str; 2] = ["recommended", "article"];

/// The metrics that the alarms of a preset may be on; which of them depends on the cache's nodes and limits.
pub fn metrics_of(kind: Kind, preset: &str) -> &'static [&'static str] {
    match (kind, preset) {
        (Kind::ServerlessCache, "article") => &ARTICLE_SERVERLESS,
        (Kind::ServerlessCache, _) => &SERVERLESS,
        (_, "article") => &ARTICLE,
        _ => &PROVISIONED,
    }
}

/// The metrics that the alarms of any preset may be on.
pub fn metrics(kind: Kind) -> Vec<&'static str> {
    PRESETS.into_iter().flat_map(|preset| metrics_of(kind, preset).iter().copied()).collect()
}

/// The alarms of one cache: metric and alarm fields, without dimensions.
pub fn rules(resource: &Resource, preset: &Map<String, Value>, live: &Live) -> Vec<(String, Map<String, Value>)> {
    let rules = match (resource.address.kind, preset.get("preset").and_then(Value::as_str)) {
        (Kind::ServerlessCache, Some("article")) => article_serverless(resource),
        (Kind::ServerlessCache, _) => serverless(resource),
        (_, Some("article")) => article(resource, live),
        _ => provisioned(resource, live),
    };
    let overrides = preset.get("override").and_then(Value::as_object);
    let asked = |metric: &str| overrides.is_some_and(|overrides| overrides.contains_key(metric));
    rules
        .into_iter()
        .filter(|rule| rule.metric != FREEABLE || asked(FREEABLE))
        .filter_map(|rule| {
            let change = overrides.and_then(|overrides| overrides.get(rule.metric));
            if change.and_then(Value::as_str) == Some("none") {
                return None;
            }
            let mut fields = fields(&rule);
            for name in ["alarmActions", "okActions", "insufficientDataActions"] {
                if let Some(actions) = preset.get(name) {
                    fields.insert(name.to_owned(), actions.clone());
                }
            }
            let change = change.and_then(Value::as_object).cloned().unwrap_or_default();
            // Fewer evaluation periods than datapoints is not what anybody means.
            if change.contains_key("evaluationPeriods") && !change.contains_key("datapointsToAlarm") {
                fields.insert("datapointsToAlarm".to_owned(), change["evaluationPeriods"].clone());
            }
            fields.extend(change);
            Some((rule.metric.to_owned(), fields))
        })
        .collect()
}

fn fields(rule: &Rule) -> Map<String, Value> {
    let pairs = [
        ("description", json!(rule.description)),
        ("namespace", json!("AWS/ElastiCache")),
        ("metricName", json!(rule.metric)),
        ("statistic", json!(rule.statistic)),
        ("period", json!(rule.period)),
        ("evaluationPeriods", json!(rule.periods)),
        ("datapointsToAlarm", json!(rule.datapoints)),
        ("threshold", json!(rule.threshold)),
        ("comparisonOperator", json!(rule.comparison)),
        ("treatMissingData", json!(rule.missing)),
    ];
    object(pairs)
}

fn node_type<'a>(resource: &'a Resource, live: &'a Live) -> &'a str {
    let live_type = || live.get(&resource.address).and_then(|group| group.get("CacheNodeType")?.as_str());
    resource.text("cacheNodeType").or_else(live_type).unwrap_or_default()
}

/// On every node, since a failover moves the primary, which has no lag to report.
fn replication_lag(resource: &Resource) -> Option<Rule> {
    let lag =
        rule("ReplicationLag", "Average", 60, (15, 15), 1.0, "A replica is more than a second behind its primary.");
    (super::members::declared(resource).0 > 1).then_some(Rule { missing: "notBreaching", ..lag })
}

const CONNECTIONS: Rule = rule(
    "CurrConnections",
    "Average",
    60,
    (10, 10),
    52_000.0,
    "80 % of the 65,000 connections that a node takes are open.",
);
const HIT_RATE: Rule = Rule {
    comparison: "LessThanThreshold",
    missing: "notBreaching",
    ..rule(
        "CacheHitRate",
        "Average",
        300,
        (3, 3),
        90.0,
        "Fewer than nine of ten reads hit: the cache is too small, its TTLs are too short, or the accesses are too uniform.",
    )
};
const ANY_EVICTION: Rule =
    rule("Evictions", "Sum", 60, (3, 3), 0.0, "Keys are evicted to make room: memory is short. Consider scaling up.");

/// What "Redis, Valkey, and Caching Patterns for Production" watches.
fn article(resource: &Resource, live: &Live) -> Vec<Rule> {
    let mut rules = vec![
        HIT_RATE,
        ANY_EVICTION,
        rule(
            "DatabaseMemoryUsagePercentage",
            "Average",
            60,
            (5, 5),
            80.0,
            "Memory is above 80 %: evictions or refused writes are near.",
        ),
        CONNECTIONS,
        rule(
            "EngineCPUUtilization",
            "Average",
            60,
            (5, 5),
            90.0,
            "The engine's main thread is busy: large KEYS scans, SORT, complex Lua, or too few shards.",
        ),
    ];
    // Of a node type that is not known, nobody knows what is much.
    if let Some(node_type) = node_type::get(node_type(resource, live)) {
        let bytes = (0.8 * node_type.baseline_gbps * 1e9 / 8.0 * 60.0).round();
        for (metric, what) in [
            (
                "NetworkBytesIn",
                "Incoming traffic is above 80 % of the node type's baseline: large values or too few nodes.",
            ),
            (
                "NetworkBytesOut",
                "Outgoing traffic is above 80 % of the node type's baseline: large values or too few nodes.",
            ),
        ] {
            rules.push(rule(metric, "Sum", 60, (3, 5), bytes, what));
        }
    }
    rules.extend(replication_lag(resource));
    rules
}

fn article_serverless(resource: &Resource) -> Vec<Rule> {
    let of_limits = serverless(resource).into_iter().filter(|rule| ARTICLE_SERVERLESS.contains(&rule.metric));
    let mut rules = vec![HIT_RATE, Rule { missing: "notBreaching", ..ANY_EVICTION }];
    rules.extend(of_limits);
    rules
}

fn provisioned(resource: &Resource, live: &Live) -> Vec<Rule> {
    let vcpus = vcpus(node_type(resource, live));
    // The engine has one main thread: below four cores the node's CPU says more than the engine's.
    let cpu = if vcpus >= 4 {
        rule(
            "EngineCPUUtilization",
            "Average",
            60,
            (5, 5),
            90.0,
            "The engine's main thread is busy. Scale up or add shards.",
        )
    } else {
        rule(
            "CPUUtilization",
            "Average",
            60,
            (5, 5),
            90.0 / f64::from(vcpus),
            "One core's worth of the node is busy. Scale up or add shards.",
        )
    };
    let mut rules = vec![
        cpu,
        rule(
            "DatabaseMemoryUsagePercentage",
            "Average",
            60,
            (5, 5),
            80.0,
            "Memory is nearly full: evictions or refused writes are near.",
        ),
        rule(
            "Evictions",
            "Sum",
            300,
            (2, 3),
            100.0,
            "Keys are evicted to make room. Scale up, or shorten the keys' lives.",
        ),
        CONNECTIONS,
        rule("NewConnections", "Sum", 60, (2, 3), 1_000.0, "Clients connect again and again instead of pooling."),
        Rule {
            comparison: "GreaterThanOrEqualToThreshold",
            ..rule(
                "TrafficManagementActive",
                "Maximum",
                60,
                (3, 5),
                1.0,
                "The node sheds traffic: more commands arrive than it can process.",
            )
        },
        rule(
            "NetworkBandwidthInAllowanceExceeded",
            "Sum",
            60,
            (3, 5),
            0.0,
            "Incoming traffic is above what the node type allows.",
        ),
        rule(
            "NetworkBandwidthOutAllowanceExceeded",
            "Sum",
            60,
            (3, 5),
            0.0,
            "Outgoing traffic is above what the node type allows.",
        ),
    ];
    rules.extend(replication_lag(resource));
    rules.push(freeable_memory(node_type::get(node_type(resource, live))));
    rules
}

/// Of a larger node, more has to be left: AWS's guide says 100 MB, which a node of 400 GB uses in a moment.
fn freeable_memory(node_type: Option<&node_type::NodeType>) -> Rule {
    const LEAST: f64 = 100e6;
    let share = node_type.map_or(0.0, |node_type| 0.02 * node_type.maxmemory as f64);
    Rule {
        comparison: "LessThanThreshold",
        ..rule(
            FREEABLE,
            "Minimum",
            60,
            (5, 5),
            share.max(LEAST).round(),
            "The node is out of memory soon, whatever the data takes: the threshold is 2 % of its maxmemory, and 100 MB at least.",
        )
    }
}

fn serverless(resource: &Resource) -> Vec<Rule> {
    let limit =
        |pointer: &str| resource.fields.get("cacheUsageLimits").and_then(|limits| limits.pointer(pointer)?.as_f64());
    let mut rules = vec![
        rule(
            "ThrottledCmds",
            "Sum",
            60,
            (2, 3),
            0.0,
            "Commands are throttled: the cache is at its limit or still scaling.",
        ),
        rule("SuccessfulReadRequestLatency", "Average", 60, (3, 5), 5_000.0, "Reads take more than 5 ms."),
        rule("SuccessfulWriteRequestLatency", "Average", 60, (3, 5), 5_000.0, "Writes take more than 5 ms."),
        rule("AuthenticationFailures", "Sum", 60, (1, 5), 0.0, "Somebody fails to log in."),
        rule("CommandAuthorizationFailures", "Sum", 60, (1, 5), 0.0, "A user tries commands that it may not run."),
        rule("KeyAuthorizationFailures", "Sum", 60, (1, 5), 0.0, "A user tries keys that it may not touch."),
    ];
    if let Some(gigabytes) = limit("/dataStorage/maximum") {
        rules.push(rule(
            "BytesUsedForCache",
            "Maximum",
            300,
            (2, 3),
            0.8 * gigabytes * 1e9,
            "80 % of the storage limit is used.",
        ));
    }
    if let Some(units) = limit("/ecpuPerSecond/maximum") {
        rules.push(rule(
            "ElastiCacheProcessingUnits",
            "Sum",
            60,
            (3, 5),
            0.8 * units * 60.0,
            "80 % of the processing limit is used.",
        ));
    }
    rules.into_iter().map(|rule| Rule { missing: "notBreaching", ..rule }).collect()
}

/// Metrics of the host are those of a node within the cluster.
pub fn node_dimension(metric: &str, fields: &mut Map<String, Value>) {
    if let Some((name, value)) = host_dimension(metric)
        && let Some(dimensions) = fields.get_mut("dimensions").and_then(Value::as_array_mut)
        && dimensions.iter().any(|dimension| dimension["name"] == "CacheClusterId")
    {
        dimensions.push(json!({"name": name, "value": value}));
    }
}

/// The node within its cluster, which a metric of the host has for a dimension.
pub fn host_dimension(metric: &str) -> Option<(&'static str, &'static str)> {
    matches!(metric, "CPUUtilization" | "CurrConnections").then_some(("CacheNodeId", "0001"))
}

/// Cores by the table of node types; of one that it does not have, by the size in its name.
fn vcpus(node_type: &str) -> u32 {
    if let Some(known) = node_type::get(node_type) {
        return known.vcpu;
    }
    let mut parts = node_type.split('.').skip(1);
    let (family, size) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (family, size) {
        ("t1", _) | ("t2", "micro" | "small") => 1,
        (_, "micro" | "small" | "medium" | "large") => 2,
        (_, "xlarge") => 4,
        (_, size) => {
            size.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).map_or(2, |times| times * 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, live};

    #[test]
    fn the_metrics_that_can_be_overridden_are_those_of_the_preset() {
        let cache = |kind, fields| Resource { address: Address::new(kind, "c"), fields, path: String::new() };
        let group = |node_type: &str| {
            cache(
                Kind::ReplicationGroup,
                live::object([("cacheNodeType", json!(node_type)), ("numCacheClusters", json!(2))]),
            )
        };
        let limits = json!({"dataStorage": {"maximum": 10}, "ecpuPerSecond": {"maximum": 5000}});
        let caches = [
            group("cache.r7g.large"),
            group("cache.r7g.4xlarge"),
            cache(Kind::ServerlessCache, live::object([("cacheUsageLimits", limits)])),
        ];
        for kind in [Kind::ReplicationGroup, Kind::ServerlessCache] {
            let of_kind = caches.iter().filter(|cache| cache.address.kind == kind);
            let mut found: Vec<String> = of_kind
                .flat_map(|cache| PRESETS.map(|preset| rules(cache, &asking(preset), &Live::default())))
                .flatten()
                .map(|(metric, _)| metric)
                .collect();
            found.sort();
            found.dedup();
            let mut known = metrics(kind);
            known.sort_unstable();
            known.dedup();
            assert_eq!(found, known);
        }
    }

    /// With the alarms that are there only where they are asked for.
    fn asking(preset: &str) -> Map<String, Value> {
        let asked = if preset == "recommended" { json!({FREEABLE: {}}) } else { json!({}) };
        live::object([("preset", json!(preset)), ("override", asked)])
    }

    #[test]
    fn free_memory_is_watched_where_it_is_asked_for_and_by_the_node_s_own_memory() {
        let threshold = |node_type: &str, preset: &Map<String, Value>| {
            let fields = live::object([("cacheNodeType", json!(node_type))]);
            let group = Resource { address: Address::new(Kind::ReplicationGroup, "c"), fields, path: String::new() };
            let rules = rules(&group, preset, &Live::default());
            rules.into_iter().find(|(metric, _)| metric == FREEABLE).map(|(_, fields)| fields["threshold"].clone())
        };
        assert_eq!(threshold("cache.r7g.large", &named("recommended")), None);
        let maxmemory = node_type::get("cache.r7g.16xlarge").expect("a node type").maxmemory as f64;
        let asking = asking("recommended");
        assert_eq!(threshold("cache.r7g.16xlarge", &asking), Some(json!((0.02 * maxmemory).round())));
        assert_eq!(threshold("cache.t4g.micro", &asking), Some(json!(100e6)));
        assert_eq!(threshold("cache.x99.large", &asking), Some(json!(100e6)));
        let own = live::object([("preset", json!("recommended")), ("override", json!({FREEABLE: {"threshold": 5}}))]);
        assert_eq!(threshold("cache.r7g.large", &own), Some(json!(5)));
    }

    fn named(preset: &str) -> Map<String, Value> {
        live::object([("preset", json!(preset))])
    }

    #[test]
    fn the_article_s_alarms_have_its_thresholds_and_the_network_s_by_the_node_type() {
        let group = live::object([("cacheNodeType", json!("cache.r7g.xlarge")), ("numCacheClusters", json!(3))]);
        let group = Resource { address: Address::new(Kind::ReplicationGroup, "c"), fields: group, path: String::new() };
        let rules = rules(&group, &named("article"), &Live::default());
        let of = |metric: &str| {
            let (_, fields) = rules.iter().find(|(name, _)| name == metric).expect(metric);
            let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
            (text("comparisonOperator"), fields["threshold"].as_f64().unwrap_or_default(), fields["period"].clone())
        };
        let above = "GreaterThanThreshold".to_owned();
        assert_eq!(rules.len(), 8);
        assert_eq!(of("CacheHitRate"), ("LessThanThreshold".to_owned(), 90.0, json!(300)));
        assert_eq!(of("Evictions"), (above.clone(), 0.0, json!(60)));
        assert_eq!(of("DatabaseMemoryUsagePercentage"), (above.clone(), 80.0, json!(60)));
        assert_eq!(of("ReplicationLag"), (above.clone(), 1.0, json!(60)));
        let gbps = node_type::get("cache.r7g.xlarge").expect("a node type").baseline_gbps;
        assert_eq!(of("NetworkBytesIn"), (above, (0.8 * gbps * 7.5e9).round(), json!(60)));
        let unknown = live::object([("cacheNodeType", json!("cache.x99.large"))]);
        let unknown = Resource { address: group.address, fields: unknown, path: String::new() };
        let rules = super::rules(&unknown, &named("article"), &Live::default());
        assert!(rules.iter().all(|(metric, _)| !metric.starts_with("Network")));
    }
}
