//! Which measurements advice is made of.

use crate::model::Kind;
use crate::model::live::View;
use crate::model::metrics::{Metric, Statistic};
use crate::model::node_type::family_of;

use Statistic::{Average, Maximum, Minimum, Sum};

const OF_NODES: [(&str, Statistic); 21] = [
    ("BytesUsedForCache", Maximum),
    ("DatabaseMemoryUsagePercentage", Maximum),
    ("Evictions", Sum),
    ("Reclaimed", Sum),
    ("CacheHits", Sum),
    ("CacheMisses", Sum),
    ("EngineCPUUtilization", Average),
    ("CPUUtilization", Average),
    ("CurrConnections", Maximum),
    ("ReplicationLag", Average),
    ("NetworkBytesIn", Sum),
    ("NetworkBytesOut", Sum),
    ("NetworkBandwidthInAllowanceExceeded", Sum),
    ("NetworkBandwidthOutAllowanceExceeded", Sum),
    ("GetTypeCmds", Sum),
    ("SetTypeCmds", Sum),
    ("EvalBasedCmds", Sum),
    ("PubSubBasedCmds", Sum),
    ("StreamBasedCmds", Sum),
    ("FreeableMemory", Minimum),
    ("SwapUsage", Maximum),
];

/// Only burstable nodes have it.
const OF_BURSTABLE_NODES: (&str, Statistic) = ("CPUCreditBalance", Minimum);

const OF_SERVERLESS: [(&str, Statistic); 11] = [
    ("BytesUsedForCache", Average),
    ("ElastiCacheProcessingUnits", Sum),
    ("TotalCmdsCount", Sum),
    ("CacheHits", Sum),
    ("CacheMisses", Sum),
    ("Evictions", Sum),
    ("ThrottledCmds", Sum),
    ("CurrConnections", Maximum),
    ("NetworkBytesIn", Sum),
    ("NetworkBytesOut", Sum),
    ("SuccessfulReadRequestLatency", Average),
];

/// The measurements of one cache: all metrics of each of its nodes.
pub fn of_cache(kind: Kind, id: &str, view: &View<'_>) -> Vec<Metric> {
    if kind.is_serverless() {
        let metric = |(name, statistic)| Metric { node: id.to_owned(), serverless: true, name, statistic };
        return OF_SERVERLESS.into_iter().map(metric).collect();
    }
    view.member_ids()
        .flat_map(|node| {
            let cluster = view.live.cache_clusters.get(node);
            let node_type = cluster.and_then(|cluster| cluster.get("CacheNodeType")?.as_str());
            let family = family_of(node_type.or_else(|| view.text("CacheNodeType")).unwrap_or_default());
            let burstable = family.starts_with('t') && family != "t2";
            let extra = burstable.then_some(OF_BURSTABLE_NODES);
            OF_NODES.into_iter().chain(extra).map(|(name, statistic)| Metric {
                node: node.to_owned(),
                serverless: false,
                name,
                statistic,
            })
        })
        .collect()
}
