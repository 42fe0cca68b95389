//! Replication groups: engine, node type, logs, global datastores.

use serde_json::Value;

use super::finder::{Finder, list, set};
use super::{Check, GROUP, Rule, parameter_group};
use crate::model::version::Version;
use crate::model::{Kind, Resource};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "engine-version", check: Check::Resource(GROUP, engine_version),
        why: "Versions are asked for in AWS's own form: redis up to 5 in full (5.0.6), redis 6 as 6.x or 6.2, then major.minor; valkey as major.minor from 7.2 on; redis ends at 7.1. The patch level is AWS's.",
        source: "API reference, CreateReplicationGroup: EngineVersion; Terraform's engine_version.go; cfn-lint E3695" },
    Rule { code: "zone-region", check: Check::Resource(GROUP, zones),
        why: "Nodes are in zones of their own region, which are called by it: us-east-1a.",
        source: "API reference, CreateReplicationGroup: PreferredCacheClusterAZs" },
    Rule { code: "unknown-engine-version", check: Check::Resource(GROUP, known_version),
        why: "ElastiCache does not run every version of an engine. This one was not among them when cachectl was built.",
        source: "cfn-lint E3695; DescribeCacheEngineVersions lists what a region has" },
    Rule { code: "auto-minor-version", check: Check::Resource(GROUP, auto_minor),
        why: "Minor versions are taken automatically from redis 6 and valkey on. AWS accepts the field before that, and does nothing.",
        source: "API reference, CreateReplicationGroup: AutoMinorVersionUpgrade; Terraform documentation" },
    Rule { code: "node-type-missing", check: Check::Resource(GROUP, node_type_given),
        why: "A replication group needs a node type, unless a global datastore decides it.",
        source: "Terraform provider, aws_elasticache_replication_group: node_type" },
    Rule { code: "data-tiering", check: Check::Resource(GROUP, data_tiering),
        why: "r6gd node types always tier data to disk, and no others do: the node type and dataTieringEnabled must say the same.",
        source: "API reference, CreateReplicationGroup: DataTieringEnabled" },
    Rule { code: "snapshot-node-type", check: Check::Resource(GROUP, snapshots),
        why: "Snapshots are not supported on cache.t1.micro.",
        source: "API reference, CreateReplicationGroup: SnapshotRetentionLimit" },
    Rule { code: "log-engine-version", check: Check::Resource(GROUP, log_version),
        why: "Slow logs are delivered from redis 6.0 on, engine logs from 6.2 on; both with every valkey.",
        source: "API reference, LogDeliveryConfigurationRequest; Terraform provider issue 46440" },
    Rule { code: "log-destination", check: Check::Resource(GROUP, log_destination),
        why: "CloudWatch Logs takes a log group, Kinesis Data Firehose a delivery stream: the details must be those of the destination's type.",
        source: "API reference, DestinationDetails" },
    Rule { code: "notification-topic", check: Check::Resource(GROUP, topic),
        why: "ElastiCache notifies an SNS topic of the account that owns the group.",
        source: "API reference, CreateReplicationGroup: NotificationTopicArn" },
    Rule { code: "global-member", check: Check::Resource(GROUP, global),
        why: "A secondary takes engine, node type, shards, encryption and parameters from its global datastore, and cannot be filled from a snapshot.",
        source: "API reference, CreateReplicationGroup: GlobalReplicationGroupId; Terraform's ConflictsWith" },
];

fn engine_version(finder: &mut Finder<'_>, group: &Resource) {
    let Some(version) = group.text("engineVersion") else { return };
    let Some(parsed) = Version::parse(version) else { return };
    let form = match (group.text("engine"), parsed.major) {
        (Some("redis"), ..=5) if parsed.patch.is_none() || parsed.minor.is_none() => {
            "redis up to 5 is written in full, such as \"5.0.6\""
        }
        (Some("redis"), 8..) => "redis ends at 7.1 in ElastiCache; from 8 on the engine is valkey",
        (Some("redis"), 7) if parsed.minor > Some(1) => {
            "redis ends at 7.1 in ElastiCache; 7.2 is valkey's first version"
        }
        (Some("redis"), 7) if parsed.minor.is_none() => "only redis 6 has an x: write \"7.0\" or \"7.1\"",
        (Some("valkey"), ..=6) => "valkey begins with 7.2",
        (Some("valkey"), 7) if parsed.minor.is_some_and(|minor| minor < 2) => "valkey begins with 7.2",
        (Some("valkey"), _) if parsed.minor.is_none() => "valkey is written as major.minor, such as \"8.0\"",
        (_, major) if major >= 6 && parsed.patch.is_some() => {
            let minor = parsed.minor.map_or("x".to_owned(), |minor| minor.to_string());
            finder
                .error(
                    group,
                    &[("engineVersion", "with a patch level")],
                    format!("`{version}` is no engine version to ask for"),
                    "from redis 6 and valkey on the patch level is AWS's",
                )
                .instead(group, "engineVersion", &format!("\"{}.{minor}\"", parsed.major));
            return;
        }
        _ => return,
    };
    let message = format!("`{version}` is no engine version to ask for");
    let engine = group.text("engine").unwrap_or_default();
    let labels = [("engineVersion", format!("not a version of {engine}")), ("engine", "this engine".to_owned())];
    finder.error(group, &labels.each_ref().map(|(field, label)| (*field, label.as_str())), message, form);
}

fn known_version(finder: &mut Finder<'_>, group: &Resource) {
    let (Some(engine), Some(text)) = (group.text("engine"), group.text("engineVersion")) else { return };
    let Some(version) = Version::parse(text) else { return };
    // What is no version at all was told before.
    let possible = match engine {
        "valkey" => version.minor.is_none() || version.at_least(7, 2, 0),
        _ => !version.at_least(7, 2, 0),
    };
    if !possible || parameter_group::known_version(engine, version) {
        return;
    }
    finder.warn(
        group,
        &[("engineVersion", "not a known version")],
        format!("ElastiCache was not known to run {engine} {text} when this was built"),
        "aws elasticache describe-cache-engine-versions lists what it runs",
    );
}

fn auto_minor(finder: &mut Finder<'_>, group: &Resource) {
    let old = group.text("engineVersion").and_then(Version::parse).is_some_and(|version| version.major < 6);
    if old && group.flag("autoMinorVersionUpgrade") == Some(true) {
        finder.warn(
            group,
            &[("autoMinorVersionUpgrade", "does nothing here"), ("engineVersion", "before redis 6")],
            "minor versions are taken automatically from redis 6 on",
            "remove it, or upgrade the engine",
        );
    }
}

fn node_type_given(finder: &mut Finder<'_>, group: &Resource) {
    if !group.fields.contains_key("cacheNodeType") && !set(group, "globalReplicationGroupId") {
        finder.error(
            group,
            &[("cacheNodeType", "needs `cacheNodeType`")],
            "`cacheNodeType` is missing",
            "such as `cacheNodeType: cache.r7g.large`; only a member of a global datastore goes without",
        );
    }
}

fn data_tiering(finder: &mut Finder<'_>, group: &Resource) {
    let Some(node_type) = group.text("cacheNodeType") else { return };
    let declared = group.flag("dataTieringEnabled");
    let tiered = node_type.starts_with("cache.r6gd.");
    if tiered && declared != Some(true) {
        let label = if declared.is_some() { "off here" } else { "dataTieringEnabled is not declared" };
        let reported = finder.error(
            group,
            &[("cacheNodeType", "r6gd always tiers data"), ("dataTieringEnabled", label)],
            "r6gd node types need data tiering",
            "declare `dataTieringEnabled: true`",
        );
        match declared {
            Some(_) => reported.instead(group, "dataTieringEnabled", "true"),
            None => reported.insert(group, "cacheNodeType", "dataTieringEnabled: true"),
        }
    }
    if !tiered && declared == Some(true) {
        finder.error(
            group,
            &[("dataTieringEnabled", "only on r6gd"), ("cacheNodeType", "not r6gd")],
            "data tiering needs an r6gd node type",
            "such as cache.r6gd.xlarge",
        );
    }
}

fn snapshots(finder: &mut Finder<'_>, group: &Resource) {
    if group.text("cacheNodeType") == Some("cache.t1.micro")
        && group.number("snapshotRetentionLimit").is_some_and(|days| days > 0)
    {
        finder.error(
            group,
            &[("snapshotRetentionLimit", "keeps snapshots"), ("cacheNodeType", "which cannot take them")],
            "snapshots are not supported on cache.t1.micro",
            "take another node type, or `snapshotRetentionLimit: 0`",
        );
    }
}

fn log_version(finder: &mut Finder<'_>, group: &Resource) {
    let Some(text) = group.text("engineVersion") else { return };
    let Some(version) = Version::parse(text) else { return };
    for (index, log) in list(group, "logDeliveryConfigurations").iter().enumerate() {
        let Some(log_type) = log.get("logType").and_then(Value::as_str) else { continue };
        let (since, old) = match log_type {
            "slow-log" => ("6.0", !version.at_least(6, 0, 0)),
            _ => ("6.2", !version.at_least(6, 2, 0)),
        };
        if old {
            finder.error(
                group,
                &[
                    (&format!("logDeliveryConfigurations[{index}].logType"), &format!("since redis {since}")),
                    ("engineVersion", "older"),
                ],
                format!("redis {text} delivers no {log_type}"),
                "take the log out, or upgrade the engine",
            );
        }
    }
}

fn log_destination(finder: &mut Finder<'_>, group: &Resource) {
    for (index, log) in list(group, "logDeliveryConfigurations").iter().enumerate() {
        let (wanted, inner) = match log.get("destinationType").and_then(Value::as_str) {
            Some("cloudwatch-logs") => ("cloudWatchLogsDetails", "logGroup"),
            Some("kinesis-firehose") => ("kinesisFirehoseDetails", "deliveryStream"),
            _ => continue,
        };
        let Some(details) = log.get("destinationDetails").and_then(Value::as_object) else { continue };
        if details.len() == 1 && details.contains_key(wanted) {
            continue;
        }
        finder.error(
            group,
            &[
                (&format!("logDeliveryConfigurations[{index}].destinationDetails"), &format!("not `{wanted}` alone")),
                (&format!("logDeliveryConfigurations[{index}].destinationType"), &format!("needs `{wanted}`")),
            ],
            "the destination's details do not fit its type",
            format!("write `destinationDetails: {{{wanted}: {{{inner}: NAME}}}}`"),
        );
    }
}

fn topic(finder: &mut Finder<'_>, group: &Resource) {
    let Some(arn) = group.text("notificationTopicArn") else { return };
    let parts: Vec<&str> = arn.split(':').collect();
    let field = "notificationTopicArn";
    if parts.get(2) != Some(&"sns") {
        finder.error(
            group,
            &[(field, "not a topic of SNS")],
            "ElastiCache notifies SNS topics only",
            "such as arn:aws:sns:us-east-1:012345678901:cache-events",
        );
    } else if let (Some(account), Some(found)) = (finder.spec.account_id.clone(), parts.get(4))
        && *found != account
    {
        finder.error(
            group,
            &[(field, &format!("of account {found}"))],
            format!("the topic is not in the spec's account {account}"),
            "the topic must belong to the owner of the group",
        );
    } else if let Some(found) = parts.get(3).filter(|found| **found != finder.spec.region) {
        let message = format!("the topic is not in the spec's region {}", finder.spec.region);
        let label = format!("of {found}");
        finder.error(group, &[(field, &label)], message, "the topic must be in the region of the group");
    }
}

fn zones(finder: &mut Finder<'_>, group: &Resource) {
    let texts = |value: &Value, field: String| -> Vec<(String, String)> {
        let list = value.as_array().into_iter().flatten().filter_map(Value::as_str).enumerate();
        let one = value.as_str().map(|zone| (field.clone(), zone.to_owned()));
        list.map(|(index, zone)| (format!("{field}[{index}]"), zone.to_owned())).chain(one).collect()
    };
    let mut zones = Vec::new();
    if let Some(own) = group.fields.get("preferredCacheClusterAZs") {
        zones.extend(texts(own, "preferredCacheClusterAZs".to_owned()));
    }
    for (index, entry) in list(group, "nodeGroupConfiguration").iter().enumerate() {
        for name in ["primaryAvailabilityZone", "replicaAvailabilityZones"] {
            let Some(own) = entry.get(name) else { continue };
            zones.extend(texts(own, format!("nodeGroupConfiguration[{index}].{name}")));
        }
    }
    let region = finder.spec.region.clone();
    // Local zones are called by their region too: us-west-2-lax-1a.
    let is_elsewhere = |zone: &str| {
        let rest = zone.strip_prefix(region.as_str());
        rest.is_none_or(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-'))
    };
    for (field, zone) in zones.iter().filter(|(_, zone)| is_elsewhere(zone)) {
        let message = format!("`{zone}` is no zone of the spec's region {region}");
        finder.error(group, &[(field, "of another region")], message, format!("such as {region}a"));
    }
}

fn global(finder: &mut Finder<'_>, group: &Resource) {
    let Some(global) = group.text("globalReplicationGroupId") else { return };
    let rows = Kind::ReplicationGroup.attributes().iter().filter(|row| row.datastore.speaks_for_secondary());
    for field in rows.map(|row| row.field.name).filter(|field| group.fields.contains_key(*field)) {
        finder.error(
            group,
            &[(field, "not for a secondary"), ("globalReplicationGroupId", "joins this global datastore")],
            format!("`{field}` is decided by {global}"),
            "remove it",
        );
    }
}
