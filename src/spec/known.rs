//! Words that AWS adds to now and then: what an editor and the shell offer, and what no reader insists on.

use super::rules;
use crate::model::Kind;
use crate::model::node_type;
use crate::model::shape::Shape;
use crate::resource::alarm_preset;

/// Regions with ElastiCache.
#[rustfmt::skip]
pub const REGIONS: &[&str] = &[
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1",
    "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
    "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
];

/// Engine versions as a spec writes them, the newest first; valkey and redis.
const VERSIONS: &[&str] = &["9.0", "8.2", "8.1", "8.0", "7.2", "7.1", "7.0", "6.2", "6.x", "5.0.6"];

/// CloudWatch's metrics of ElastiCache that alarms are put on.
#[rustfmt::skip]
const METRICS: &[&str] = &[
    "ActiveDefragHits", "AuthenticationFailures", "BytesUsedForCache", "BytesUsedForCacheItems", "CacheHitRate", "CacheHits",
    "CacheMisses", "ChannelAuthorizationFailures", "CommandAuthorizationFailures", "CPUCreditBalance", "CPUUtilization",
    "CurrConnections", "CurrItems", "CurrVolatileItems", "DatabaseCapacityUsageCountedForEvictPercentage",
    "DatabaseMemoryUsageCountedForEvictPercentage", "DatabaseMemoryUsagePercentage", "ElastiCacheProcessingUnits",
    "EngineCPUUtilization", "Evictions", "FreeableMemory", "GetTypeCmds", "GlobalDatastoreReplicationLag",
    "KeyAuthorizationFailures", "MasterLinkHealthStatus", "MemoryFragmentationRatio", "NetworkBandwidthInAllowanceExceeded",
    "NetworkBandwidthOutAllowanceExceeded", "NetworkBytesIn", "NetworkBytesOut", "NetworkConntrackAllowanceExceeded",
    "NetworkPacketsPerSecondAllowanceExceeded", "NewConnections", "Reclaimed", "ReplicationBytes", "ReplicationLag",
    "SaveInProgress", "SetTypeCmds", "StringBasedCmds", "SuccessfulReadRequestLatency", "SuccessfulWriteRequestLatency",
    "SwapUsage", "ThrottledCmds", "TotalCmdsCount", "TrafficManagementActive",
];

/// What may stand in a field of this name, as far as it is known.
pub fn words(field: &str, shape: &Shape) -> Vec<&'static str> {
    match (field, shape) {
        ("region", _) => REGIONS.to_vec(),
        ("cacheNodeType", _) => node_type::all().map(|node_type| node_type.name.as_str()).collect(),
        ("engineVersion", _) => VERSIONS.to_vec(),
        ("family", _) => rules::FAMILIES.to_vec(),
        ("metricName", _) => METRICS.to_vec(),
        ("namespace", Shape::Text { .. }) => vec!["AWS/ElastiCache"],
        _ => Vec::new(),
    }
}

/// The metrics of the presets' alarms, of any cache.
pub fn preset_metrics() -> impl Iterator<Item = &'static str> {
    Kind::caches().flat_map(alarm_preset::metrics)
}
