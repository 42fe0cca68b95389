//! What alarms look at: statistics and expressions that CloudWatch refuses, and slips that leave an alarm without data.

use std::collections::BTreeSet;

use serde_json::Value;

use super::alarm::PUT;
use super::finder::{Finder, list};
use super::{ALARM, Check, Rule};
use crate::model::Resource;
use crate::model::suggest::suggest;
use crate::resource::alarm::{NAMESPACE, STATISTICS};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "alarm-statistic", check: Check::Resource(ALARM, statistics),
        source: "CloudWatch guide, statistics definitions",
        why: "A statistic is one of SampleCount, Average, Sum, Minimum and Maximum; a percentile or another trimmed one: p99, tm90, TM(10%:90%), PR(:300), IQM." },
    Rule { code: "alarm-expression", check: Check::Resource(ALARM, expression), source: PUT,
        why: "An expression computes with the ids of the alarm's own metrics; an id that there is none of is refused." },
    Rule { code: "alarm-metrics", check: Check::Resource(ALARM, count),
        source: "CloudWatch guide, alarms based on metric math",
        why: "An alarm reads at most ten metrics." },
    Rule { code: "alarm-data", check: Check::Resource(ALARM, names),
        source: "AWS guide, metrics for Valkey and Redis OSS; host-level metrics; serverless metrics",
        why: "A metric, namespace, dimension or time zone that is nearly one that there is may be new, or a slip: then the alarm never has data." },
];

/// Time zones of the IANA database.
const TIME_ZONES: &str = include_str!("../../../data/timezones.txt");

/// Dimensions of ElastiCache's metrics; Tier is for data tiering, clusterId for serverless caches.
const DIMENSIONS: [&str; 4] = ["CacheClusterId", "CacheNodeId", "clusterId", "Tier"];

#[rustfmt::skip]
const METRICS: &[&str] = &[
    // Of hosts.
    "CPUUtilization", "CPUCreditBalance", "CPUCreditUsage", "FreeableMemory", "NetworkBandwidthInAllowanceExceeded",
    "NetworkBandwidthOutAllowanceExceeded", "NetworkBytesIn", "NetworkBytesOut", "NetworkConntrackAllowanceExceeded",
    "NetworkLinkLocalAllowanceExceeded", "NetworkMaxBytesIn", "NetworkMaxBytesOut", "NetworkMaxPacketsIn", "NetworkMaxPacketsOut",
    "NetworkPacketsIn", "NetworkPacketsOut", "NetworkPacketsPerSecondAllowanceExceeded", "SwapUsage",
    // Of redis and valkey.
    "ActiveDefragHits", "AuthenticationFailures", "BytesReadFromDisk", "BytesUsedForCache", "BytesWrittenToDisk", "CacheHitRate",
    "CacheHits", "CacheMisses", "ChannelAuthorizationFailures", "CommandAuthorizationFailures", "CurrConnections", "CurrItems",
    "CurrItemsWithVolatileFields", "CurrVolatileItems", "DB0AverageTTL", "DatabaseAuthorizationFailures",
    "DatabaseCapacityUsageCountedForEvictPercentage", "DatabaseCapacityUsagePercentage",
    "DatabaseMemoryUsageCountedForEvictPercentage", "DatabaseMemoryUsagePercentage", "DurabilityBufferExceededErrorCount",
    "DurabilityLag", "EngineCPUUtilization", "ErrorCount", "Evictions", "GlobalDatastoreReplicationLag",
    "IamAuthenticationExpirations", "IamAuthenticationThrottling", "IsMaster", "IsPrimary", "KeyAuthorizationFailures", "KeysTracked",
    "MasterLinkHealthStatus", "MemoryFragmentationRatio", "NewConnections", "NumItemsReadFromDisk", "NumItemsWrittenToDisk",
    "PrimaryLinkHealthStatus", "Reclaimed", "ReclaimedFields", "ReplicationBytes", "ReplicationLag", "SaveInProgress",
    "SuccessfulReadRequestLatency", "SuccessfulWriteRequestLatency", "TrafficManagementActive",
    // Of serverless caches.
    "ElastiCacheProcessingUnits", "ThrottledCmds", "TotalCmdsCount",
    // Of memcached.
    "BytesReadIntoMemcached", "BytesUsedForCacheItems", "BytesUsedForHash", "BytesWrittenOutFromMemcached", "CasBadval", "CasHits",
    "CasMisses", "CmdConfigGet", "CmdConfigSet", "CmdFlush", "CmdGets", "CmdSet", "CmdTouch", "CurrConfig", "DecrHits", "DecrMisses",
    "DeleteHits", "DeleteMisses", "EvictedUnfetched", "ExpiredUnfetched", "GetHits", "GetMisses", "IncrHits", "IncrMisses", "NewItems",
    "SlabsMoved", "TouchHits", "TouchMisses", "UnusedMemory",
];

/// Commands that are counted by their type, each as `<Type>Cmds`, `<Type>CmdsLatency` and, serverless, `<Type>CmdsECPUs`.
const COMMANDS: [&str; 24] = [
    "BloomFilterBased",
    "ClusterBased",
    "EvalBased",
    "GeoSpatialBased",
    "GetType",
    "HashBased",
    "HyperLogLogBased",
    "JsonBased",
    "JsonBasedGet",
    "JsonBasedSet",
    "KeyBased",
    "ListBased",
    "NonKeyType",
    "Other",
    "PubSubBased",
    "SearchBased",
    "SearchBasedGet",
    "SearchBasedSet",
    "SetBased",
    "SetType",
    "SortedSetBased",
    "StreamBased",
    "StringBased",
    "VectorSearchBased",
];

/// The entries of `metrics`, each with its field.
fn queries(alarm: &Resource) -> impl Iterator<Item = (String, &Value)> {
    list(alarm, "metrics").iter().enumerate().map(|(index, query)| (format!("metrics[{index}]"), query))
}

/// A metric that an alarm looks at, as far as it is named.
pub(super) struct Metric<'a> {
    /// Where it stands, before the names of its own fields.
    pub(super) field: String,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    pub(super) dimensions: &'a [Value],
}

impl Metric<'_> {
    /// ElastiCache's namespace is the one that is meant where none is named.
    pub(super) fn is_of_elasticache(&self) -> bool {
        self.namespace.is_none_or(|namespace| namespace == NAMESPACE)
    }
}

/// The alarm's own metric, and those of its entries of `metrics`.
pub(super) fn metrics(alarm: &Resource) -> impl Iterator<Item = Metric<'_>> {
    let own = Metric {
        field: String::new(),
        namespace: alarm.text("namespace"),
        name: alarm.text("metricName"),
        dimensions: list(alarm, "dimensions"),
    };
    let of_queries = queries(alarm).filter_map(|(field, query)| {
        let metric = query.pointer("/metricStat/metric")?;
        let text = |name: &str| metric.get(name).and_then(Value::as_str);
        Some(Metric {
            field: format!("{field}.metricStat.metric."),
            namespace: text("namespace"),
            name: text("metricName"),
            dimensions: metric.get("dimensions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice),
        })
    });
    std::iter::once(own).chain(of_queries)
}

fn statistics(finder: &mut Finder<'_>, alarm: &Resource) {
    let own = alarm.text("extendedStatistic").map(|text| ("extendedStatistic".to_owned(), text, false));
    let of_queries = queries(alarm).filter_map(|(field, query)| {
        Some((format!("{field}.metricStat.stat"), query.pointer("/metricStat/stat")?.as_str()?, true))
    });
    for (field, text, plain_too) in own.into_iter().chain(of_queries) {
        if is_extended(text) || (plain_too && STATISTICS.contains(&text)) {
            continue;
        }
        let words = STATISTICS.iter().copied().filter(|_| plain_too).chain(["IQM"]);
        let help = match suggest(text, words) {
            Some(near) => format!("did you mean `{near}`?"),
            None if STATISTICS.contains(&text) => format!("write `statistic: {text}` instead"),
            None => "such as p99 (up to p100), tm90, TM(10%:90%) or PR(:300)".to_owned(),
        };
        finder.error(alarm, &[(&field, "not a statistic")], format!("`{text}` is no statistic of CloudWatch"), help);
    }
}

/// `p99.9`, `tm90`, `TM(10%:90%)`, `PR(:300)`, `IQM`.
fn is_extended(text: &str) -> bool {
    let text: String = text.to_ascii_lowercase().split_whitespace().collect();
    if text == "iqm" {
        return true;
    }
    let percent = |text: &str| text.parse::<f64>().is_ok_and(|value| (0.0..=100.0).contains(&value));
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if let Some((name, range)) = text.split_once('(') {
        let bound = |text: &str| match text.strip_suffix('%') {
            Some(text) => name != "pr" && is_plain(text) && percent(text),
            None => is_plain(text) && text.parse::<f64>().is_ok(),
        };
        let bounds = range.strip_suffix(')').and_then(|range| range.split_once(':'));
        return matches!(name, "tm" | "tc" | "ts" | "wm" | "pr")
            && bounds.is_some_and(|(low, high)| {
                (!low.is_empty() || !high.is_empty()) && [low, high].iter().all(|it| it.is_empty() || bound(it))
            });
    }
    let number = ["tm", "tc", "ts", "wm", "p"].iter().find_map(|name| text.strip_prefix(name));
    number.is_some_and(|number| is_plain(number) && percent(number))
}

fn expression(finder: &mut Finder<'_>, alarm: &Resource) {
    let known: Vec<&str> = queries(alarm).filter_map(|(_, query)| query.get("id")?.as_str()).collect();
    for (field, query) in queries(alarm) {
        let Some(text) = query.get("expression").and_then(Value::as_str) else { continue };
        let own = query.get("id").and_then(Value::as_str);
        for id in ids_in(text) {
            let help = match known.iter().find(|known| **known == id) {
                Some(_) if own == Some(id) => "it would compute with its own result".to_owned(),
                Some(_) => continue,
                None => match suggest(id, known.iter().copied().filter(|known| Some(*known) != own)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the ids are {}", known.join(", ")),
                },
            };
            let message = format!("the expression computes with `{id}`, which no other entry of metrics is");
            finder.error(alarm, &[(&format!("{field}.expression"), "computes with it")], message, help);
        }
    }
}

/// The ids that metric math computes with. They begin with a small letter, functions and words of math do not; a query
/// of Metrics Insights has none.
fn ids_in(expression: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    if expression.trim_start().get(..6).is_some_and(|first| first.eq_ignore_ascii_case("select")) {
        return found;
    }
    let mut quote: Option<char> = None;
    let mut begun: Option<usize> = None;
    for (at, c) in expression.char_indices().chain([(expression.len(), ' ')]) {
        if let Some(open) = quote {
            quote = Some(open).filter(|open| *open != c);
            continue;
        }
        let goes_on = c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match begun {
            None if goes_on => begun = Some(at),
            Some(start) if !goes_on => {
                begun = None;
                let word = &expression[start..at];
                let calls = expression[at..].trim_start().starts_with('(');
                if word.starts_with(|c: char| c.is_ascii_lowercase()) && !calls && !word.contains('.') {
                    found.insert(word);
                }
            }
            _ => {}
        }
        if begun.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
    }
    found
}

fn count(finder: &mut Finder<'_>, alarm: &Resource) {
    const MOST: usize = 10;
    let read: Vec<String> = queries(alarm)
        .filter(|(_, query)| query.get("metricStat").is_some())
        .map(|(field, _)| format!("{field}.id"))
        .collect();
    if let Some(first) = read.get(MOST) {
        finder.error(
            alarm,
            &[(first, "one too many")],
            format!("the alarm reads {} metrics, and CloudWatch takes {MOST}", read.len()),
            "split it into several alarms, with a composite alarm over them",
        );
    }
}

fn names(finder: &mut Finder<'_>, alarm: &Resource) {
    for Metric { field, namespace, name: metric, dimensions } in metrics(alarm) {
        if let Some(namespace) = namespace.filter(|namespace| *namespace != NAMESPACE) {
            near(finder, alarm, &format!("{field}namespace"), "namespace", namespace, [NAMESPACE].into_iter());
            continue;
        }
        if let Some(metric) = metric.filter(|metric| !is_metric(metric)) {
            near(finder, alarm, &format!("{field}metricName"), "metric", metric, METRICS.iter().copied());
        }
        for (index, dimension) in dimensions.iter().enumerate() {
            let name = dimension.get("name").and_then(Value::as_str).unwrap_or_default();
            if !DIMENSIONS.contains(&name) {
                near(
                    finder,
                    alarm,
                    &format!("{field}dimensions[{index}].name"),
                    "dimension",
                    name,
                    DIMENSIONS.into_iter(),
                );
            }
        }
    }
    let zone =
        alarm.fields.get("evaluationWindow").and_then(|window| window.pointer("/wallClockWindow/timezone")?.as_str());
    if let Some(zone) = zone.filter(|zone| !TIME_ZONES.lines().any(|known| known == *zone)) {
        near(finder, alarm, "evaluationWindow.wallClockWindow.timezone", "time zone", zone, TIME_ZONES.lines());
    }
}

fn is_metric(name: &str) -> bool {
    let command = ["CmdsLatency", "CmdsECPUs", "Cmds"].iter().find_map(|ending| name.strip_suffix(ending));
    METRICS.contains(&name) || command.is_some_and(|command| COMMANDS.contains(&command))
}

/// Warns of a name that is nearly a known one: another one may be new, or somebody's own.
fn near<'a>(
    finder: &mut Finder<'_>,
    alarm: &Resource,
    field: &str,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let Some(meant) = suggest(name, known) else { return };
    finder.warn(
        alarm,
        &[(field, &format!("not a known {what}"))],
        format!("the {what} `{name}` is not known here: the alarm would be refused, or never have data"),
        format!("did you mean `{meant}`?"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn statistics_are_told_from_slips() {
        for good in
            ["p0", "p99", "p99.9", "p100", "tm90", "TM(10%:90%)", "TM(:0.5)", "PR(150:)", "IQM", "WM98.5", "ts99"]
        {
            assert!(is_extended(good), "{good}");
        }
        for bad in
            ["foo", "p101", "p", "p99%", "p-1", "Sm", "tm(10%)", "PR(:)", "PR(10%:)", "TM(:101%)", "pinf", "p1e1"]
        {
            assert!(!is_extended(bad), "{bad}");
        }
    }

    #[test]
    fn ids_are_found_among_functions_words_texts_and_numbers() {
        let of = |text| ids_in(text).into_iter().collect::<Vec<_>>();
        assert_eq!(of("100 * hits / (hits + misses)"), ["hits", "misses"]);
        assert_eq!(of("IF(m1 > 1e3 AND m2 < 0.5, FILL(m1, REPEAT), 0)"), ["m1", "m2"]);
        assert_eq!(of("SUM(METRICS('errors')) + abs(m1) + \"it's e9\""), ["m1"]);
        assert_eq!(of("SELECT MAX(x) FROM y"), [""; 0]);
        assert_eq!(of("ANOMALY_DETECTION_BAND(m1,2)"), ["m1"]);
    }

    #[test]
    fn every_metric_of_the_presets_is_known() {
        let asked = Kind::caches().flat_map(crate::resource::alarm_preset::metrics);
        let unknown: Vec<_> = asked.filter(|metric| !is_metric(metric)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
