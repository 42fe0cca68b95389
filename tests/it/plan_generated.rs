//! Legal specs from genes: each gene chooses among the values of one attribute, 0 leaves it out. So
//! proptest shrinks towards a spec that says nothing.

use std::collections::BTreeSet;
use std::fmt::Write;

pub(crate) const GROUP_GENES: usize = 32;
pub(crate) const OTHER_GENES: usize = 20;
pub(crate) const GENES: usize = GROUP_GENES + OTHER_GENES;

const VERSIONS: [(&str, &str, &str); 8] = [
    ("valkey", "8.0", "valkey8"),
    ("valkey", "7.2", "valkey7"),
    ("valkey", "8.1", "valkey8"),
    ("valkey", "9.0", "valkey9"),
    ("redis", "7.1", "redis7"),
    ("redis", "7.0", "redis7"),
    ("redis", "6.2", "redis6.x"),
    ("redis", "5.0.6", "redis5.0"),
];
/// Of any engine from redis 6.2 on, but for the last one, which runs no redis.
const NODE_TYPES: [&str; 5] =
    ["cache.r7g.large", "cache.r7g.xlarge", "cache.m7g.large", "cache.r6gd.xlarge", "cache.r8g.large"];
const OLDER_NODE_TYPES: [&str; 3] = ["cache.r5.large", "cache.r5.xlarge", "cache.r6g.large"];

const SUBNETS: [&str; 4] = [
    "subnet-1a, subnet-1b",
    "subnet-1b, subnet-1a, subnet-1c",
    "subnet-1b, subnet-1c",
    "subnet-2a, subnet-1a, subnet-1b",
];

/// Genes of one spec.
pub(crate) struct Genes<'a>(pub &'a [u8]);

impl Genes<'_> {
    fn pick<'v, T: ?Sized>(&self, gene: usize, values: &[&'v T]) -> &'v T {
        values[usize::from(self.0[gene]) % values.len()]
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Nodes(u8),
    Shards(u8, u8),
    /// Shards with their own replica counts.
    Each(&'static [u8]),
}

const SHAPES: [Shape; 11] = [
    Shape::Nodes(2),
    Shape::Nodes(1),
    Shape::Nodes(3),
    Shape::Nodes(4),
    Shape::Shards(2, 1),
    Shape::Shards(3, 1),
    Shape::Shards(2, 2),
    Shape::Shards(4, 0),
    Shape::Shards(2, 0),
    Shape::Each(&[1, 2]),
    Shape::Each(&[2, 1, 1]),
];

/// The sections of a legal spec.
pub(crate) fn spec(genes: &[u8]) -> String {
    let (group, other) = (Genes(&genes[..GROUP_GENES]), Genes(&genes[GROUP_GENES..GENES]));
    let mut needed = BTreeSet::new();
    let zones =
        if other.pick(0, &SUBNETS) == SUBNETS[2] { ["us-east-1b", "us-east-1c"] } else { ["us-east-1b", "us-east-1a"] };
    let group = replication_group(&group, zones, &mut needed);
    let mut out = String::new();
    sections(&other, &needed, &mut out);
    out + &group + &serverless(&other)
}

/// `zones` are those that the group's subnets are in.
fn replication_group(g: &Genes<'_>, zones: [&str; 2], needed: &mut BTreeSet<String>) -> String {
    let (engine, version, family) = VERSIONS[usize::from(g.0[0]) % VERSIONS.len()];
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    let at_least = |major: u32, minor: u32| (numbers[0], numbers[1]) >= (major, minor);
    let shape = SHAPES[usize::from(g.0[2]) % SHAPES.len()];
    let node_types = match engine {
        "valkey" => &NODE_TYPES[..],
        _ if at_least(6, 2) => &NODE_TYPES[..4],
        _ => &OLDER_NODE_TYPES[..],
    };
    let node_type = node_types[usize::from(g.0[1]) % node_types.len()];
    let mut lines: Vec<String> = vec![
        format!("engine: {engine}"),
        format!("engineVersion: \"{version}\""),
        format!("cacheNodeType: {node_type}"),
        format!("description: {}", g.pick(3, &["cache", "another"])),
    ];
    let mut push = |line: &str| {
        if !line.is_empty() {
            lines.push(line.to_owned());
        }
    };
    if node_type.contains("r6gd") {
        push("dataTieringEnabled: true");
    }
    let placed = g.pick(29, &["", "", "", "", "", "zones", "shard ids", "shard ids and zones"]);
    let zone = |node: usize| zones[node % zones.len()];
    let (single, has_replicas) = match shape {
        Shape::Nodes(nodes) => {
            push(&format!("numCacheClusters: {nodes}"));
            if placed.ends_with("zones") {
                let zones: Vec<&str> = (0..usize::from(nodes)).map(zone).collect();
                push(&format!("preferredCacheClusterAZs: [{}]", zones.join(", ")));
            }
            (true, nodes > 1)
        }
        Shape::Shards(shards, replicas) => {
            push(&format!("numNodeGroups: {shards}"));
            push(&format!("replicasPerNodeGroup: {replicas}"));
            (false, replicas > 0)
        }
        Shape::Each(counts) => {
            let entry = |(shard, count): (usize, &u8)| {
                let mut fields = vec![format!("replicaCount: {count}")];
                if placed.starts_with("shard ids") {
                    fields.push(format!("nodeGroupId: \"{:04}\"", shard + 1));
                }
                if placed.ends_with("zones") {
                    let replicas: Vec<&str> = (1..=usize::from(*count)).map(zone).collect();
                    fields.push(format!("primaryAvailabilityZone: {}", zone(0)));
                    fields.push(format!("replicaAvailabilityZones: [{}]", replicas.join(", ")));
                }
                format!("{{{}}}", fields.join(", "))
            };
            let entries: Vec<String> = counts.iter().enumerate().map(entry).collect();
            push(&format!("numNodeGroups: {}", counts.len()));
            push(&format!("nodeGroupConfiguration: [{}]", entries.join(", ")));
            (false, counts.iter().all(|count| *count > 0))
        }
    };
    let failover_said = g.pick(4, &["", "true", "false"]);
    let multi_az = g.pick(5, &["", "true", "false"]);
    let failover = match (failover_said, multi_az) {
        _ if !has_replicas && single => g.pick(4, &["", "false"]),
        (_, "true") if has_replicas => "true",
        ("false", _) if !single => "",
        (said, _) => said,
    };
    let multi_az = if has_replicas { multi_az } else { g.pick(5, &["", "false"]) };
    if !failover.is_empty() {
        push(&format!("automaticFailoverEnabled: {failover}"));
    }
    if !multi_az.is_empty() {
        push(&format!("multiAZEnabled: {multi_az}"));
    }
    let compatible = single && has_replicas && failover == "true" && at_least(7, 0);
    let mode = match (single, g.pick(6, &["", "one", "two"])) {
        (_, "") => "",
        (true, "one") => "disabled",
        (true, _) if compatible => "compatible",
        (true, _) => "",
        (false, _) => "enabled",
    };
    if !mode.is_empty() {
        push(&format!("clusterMode: {mode}"));
    }
    let on = !single || mode == "compatible";
    let parameters = g.pick(7, &["", "a", "b", "default"]);
    let tiered = if node_type.contains("r6gd") { "-tiered" } else { "" };
    let named = format!("{}-{}-{parameters}{tiered}", family.replace('.', "-"), if on { "on" } else { "off" });
    match parameters {
        "" => {}
        "default" => push(&format!("cacheParameterGroupName: default.{family}{}", if on { ".cluster.on" } else { "" })),
        _ => {
            push(&format!("cacheParameterGroupName: {named}"));
            needed.insert(format!("parameterGroup {named} {family} {on}"));
        }
    }
    let durable = engine == "valkey"
        && at_least(9, 0)
        && !single
        && has_replicas
        && multi_az == "true"
        && !node_type.contains("r6gd");
    access(g, engine, (at_least(6, 0), durable), needed, &mut lines);
    settings(g, at_least(6, 0), at_least(6, 2), needed, &mut lines);
    let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("replicationGroups:\n  g:\n{body}")
}

/// What this version and shape offer: user groups, durable writes.
fn access(
    g: &Genes<'_>,
    engine: &str,
    (rbac, durable): (bool, bool),
    needed: &mut BTreeSet<String>,
    lines: &mut Vec<String>,
) {
    let tls = g.pick(8, &["", "false", "true", "preferred", "required"]);
    match tls {
        "" => return,
        "true" | "false" => lines.push(format!("transitEncryptionEnabled: {tls}")),
        mode => lines.extend(["transitEncryptionEnabled: true".to_owned(), format!("transitEncryptionMode: {mode}")]),
    }
    if tls == "false" {
        match g.pick(9, &["", "users"]) {
            "" => {}
            _ => lines.push("userGroupIds: []".into()),
        }
        return;
    }
    let token = |key: &str| format!("authToken: {{secretsManager: prod/cache, key: {key}}}");
    let users = |id: &str| format!("userGroupIds: [{id}-{engine}]");
    let way = g.pick(9, &["", "one", "two", "people", "folk", "none", "token-null", "from-users"]);
    match way {
        "one" | "two" => lines.push(token(way)),
        "people" | "folk" if rbac => {
            lines.push(users(way));
            needed.insert(format!("userGroup {way}-{engine} {engine}"));
        }
        "none" => lines.push("userGroupIds: []".into()),
        "token-null" if rbac => {
            lines.extend(["authToken: null".into(), users("people")]);
            needed.insert(format!("userGroup people-{engine} {engine}"));
        }
        "from-users" => lines.extend(["userGroupIds: []".into(), token("one")]),
        _ => {}
    }
    if tls == "required" {
        let durability =
            if durable { g.pick(10, &["", "sync", "async", "disabled"]) } else { g.pick(10, &["", "", "disabled"]) };
        if !durability.is_empty() {
            lines.push(format!("durability: {durability}"));
        }
    }
}

fn settings(g: &Genes<'_>, slow_log: bool, engine_log: bool, needed: &mut BTreeSet<String>, lines: &mut Vec<String>) {
    let log = |kind: &str, format: &str| {
        format!(
            "{{logType: {kind}, destinationType: cloudwatch-logs, destinationDetails: {{cloudWatchLogsDetails: {{logGroup: logs}}}}, logFormat: {format}}}"
        )
    };
    let logs = match g.pick(11, &["", "none", "slow", "both", "text"]) {
        "none" => Some(Vec::new()),
        "slow" if slow_log => Some(vec![log("slow-log", "json")]),
        "both" if engine_log => Some(vec![log("engine-log", "json"), log("slow-log", "json")]),
        "text" if slow_log => Some(vec![log("slow-log", "text")]),
        _ => None,
    };
    lines.extend(logs.map(|logs| format!("logDeliveryConfigurations: [{}]", logs.join(", "))));
    let subnets = g.pick(12, &["", "x", "y"]);
    if !subnets.is_empty() {
        needed.insert(format!("subnetGroup {subnets}"));
        lines.push(format!("cacheSubnetGroupName: {subnets}"));
    }
    let key = "arn:aws:kms:us-east-1:012345678901:key";
    let (one, other) = (format!("kmsKeyId: {key}/1111"), format!("kmsKeyId: {key}/2222"));
    let encryption: &[&str] =
        &["", "", "", "", "", "", "", "atRestEncryptionEnabled: true", "atRestEncryptionEnabled: false"];
    let at_rest = g.pick(13, encryption);
    lines.push(at_rest.to_owned());
    if at_rest.ends_with("true") {
        lines.push(g.pick(14, &["", one.as_str(), other.as_str()]).to_owned());
    }
    let choices: &[(usize, &[&str])] = &[
        (15, &["", "securityGroupIds: [sg-a]", "securityGroupIds: [sg-a, sg-b]", "securityGroupIds: [sg-b, sg-a]"]),
        (
            16,
            &["", "preferredMaintenanceWindow: sun:05:00-sun:06:00", "preferredMaintenanceWindow: MON:05:00-MON:06:00"],
        ),
        (17, &["", "snapshotRetentionLimit: 0", "snapshotRetentionLimit: 3", "snapshotRetentionLimit: 7"]),
        (18, &["", "snapshotWindow: 01:00-02:00", "snapshotWindow: 02:00-03:00"]),
        (
            19,
            &[
                "",
                "notificationTopicArn: arn:aws:sns:us-east-1:012345678901:a",
                "notificationTopicArn: arn:aws:sns:us-east-1:012345678901:b",
                "notificationTopicArn: null",
            ],
        ),
        (20, &["", "autoMinorVersionUpgrade: true", "autoMinorVersionUpgrade: false"]),
        (21, &["", "", "", "", "", "", "port: 6379", "port: 6380"]),
        (22, &["", "tags: {a: \"1\"}", "tags: {a: \"2\", b: \"1\"}", "tags: {a: null}"]),
        (23, &["", "applyImmediately: false", "applyImmediately: true"]),
        (
            24,
            &[
                "",
                "",
                "",
                "",
                "",
                "",
                "",
                "",
                "alarms: {preset: recommended}",
                "alarms: {preset: recommended, override: {Evictions: {threshold: 5}, CurrConnections: none}}",
            ],
        ),
        (26, &["", "ipDiscovery: ipv4"]),
        (27, &["", "lifecycle: {finalSnapshot: false}", "lifecycle: {protect: false}"]),
        (30, &["", "", "", "dashboard: recommended", "dashboard: none"]),
        (28, &["", "smoke: none"]),
    ];
    lines.extend(choices.iter().map(|(gene, values)| g.pick(*gene, values).to_owned()));
    let dual_stack = if engine_log { "networkType: dual_stack" } else { "" };
    lines.push(g.pick(25, &["", "", "", "", "", "", "networkType: ipv4", dual_stack]).to_owned());
    lines.retain(|line| !line.is_empty());
}

/// What the group refers to, and what else there is.
fn sections(g: &Genes<'_>, needed: &BTreeSet<String>, out: &mut String) {
    let of = |kind: &str| -> Vec<Vec<&str>> {
        needed.iter().map(|line| line.split(' ').collect::<Vec<_>>()).filter(|words| words[0] == kind).collect()
    };
    let mut section = |name: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            let _ = write!(out, "{name}:\n{}", entries.concat());
        }
    };
    let subnets = g.pick(0, &SUBNETS);
    let description = g.pick(1, &["", "description: one, ", "description: two, "]);
    section(
        "subnetGroups",
        of("subnetGroup")
            .iter()
            .map(|words| format!("  {}: {{{description}subnetIds: [{subnets}]}}\n", words[1]))
            .collect(),
    );
    let policy = g.pick(
        2,
        &[
            "",
            "maxmemory-policy: allkeys-lru",
            "maxmemory-policy: volatile-ttl, timeout: \"20\"",
            "Timeout: \"300\", databases: \"8\"",
        ],
    );
    let parameter_groups = of("parameterGroup");
    let groups = parameter_groups.iter().map(|words| {
        let cluster = if words[3] == "true" { "cluster-enabled: \"yes\"" } else { "" };
        // Data tiering does not work with every policy.
        let policy = if words[1].ends_with("-tiered") {
            policy.replace("volatile-ttl", "volatile-lfu")
        } else {
            policy.to_owned()
        };
        let comma = if policy.is_empty() || cluster.is_empty() { "" } else { ", " };
        format!("  {}: {{family: {}, description: d, parameters: {{{cluster}{comma}{policy}}}}}\n", words[1], words[2])
    });
    section("parameterGroups", groups.collect());
    let groups = of("userGroup");
    let password = |key: &str| format!("passwords: [{{secretsManager: prod/cache, key: {key}}}]");
    let mut users = Vec::new();
    let access = g.pick(3, &["on ~* +@all", "on ~app:* +@read", "off -@all", "on allkeys allchannels +@read -get"]);
    let ways =
        [password("one"), password("two"), format!("{}, authenticationMode: {{type: password}}", password("one"))];
    let engines: BTreeSet<&str> = groups.iter().map(|words| words[2]).collect();
    for engine in &engines {
        let default = g.pick(4, &["on ~* +@all", "off -@all"]);
        let way = &ways[usize::from(g.0[5]) % ways.len()];
        users.push(format!(
            "  default-{engine}: {{userName: default, engine: {engine}, accessString: {default}, {way}}}\n"
        ));
        users.push(format!("  app-{engine}: {{userName: app, engine: {engine}, accessString: {access}, {way}}}\n"));
        users.push(format!("  iam-{engine}: {{userName: iam-{engine}, engine: {engine}, accessString: {access}, authenticationMode: {{type: iam}}}}\n"));
    }
    section("users", users);
    let entries = groups.iter().map(|words| {
        let ids = g
            .pick(6, &["default-E", "default-E, app-E", "app-E, default-E, iam-E", "iam-E, default-E"])
            .replace('E', words[2]);
        format!("  {}: {{engine: {}, userIds: [{ids}]}}\n", words[1], words[2])
    });
    section("userGroups", entries.collect());
    let threshold = g.pick(7, &["", "", "", "", "1", "2.5"]);
    if !threshold.is_empty() {
        let missing = g.pick(8, &["", ", treatMissingData: breaching"]);
        section(
            "alarms",
            vec![
                format!(
                    "  own: {{namespace: X, metricName: M, statistic: Sum, period: 60, evaluationPeriods: 2, threshold: {threshold}, comparisonOperator: GreaterThanThreshold{missing}}}\n"
                ),
                format!(
                    "  node: {{for: replicationGroup/g, metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 2, threshold: {threshold}, comparisonOperator: GreaterThanThreshold{missing}}}\n"
                ),
            ],
        );
    }
}

fn serverless(g: &Genes<'_>) -> String {
    let engine = g.pick(9, &["", "valkey", "redis", "memcached"]);
    if engine.is_empty() {
        return String::new();
    }
    let mut lines = vec![format!("engine: {engine}")];
    if engine == "valkey" {
        lines.push(g.pick(10, &["", "majorEngineVersion: \"8\"", "majorEngineVersion: \"7\""]).to_owned());
    }
    if engine != "memcached" {
        lines.push(g.pick(11, &["", "snapshotRetentionLimit: 0", "snapshotRetentionLimit: 3"]).to_owned());
        lines.push(g.pick(12, &["", "dailySnapshotTime: \"03:00\"", "dailySnapshotTime: \"05:00\""]).to_owned());
    }
    let limits = [
        "",
        "cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}}",
        "cacheUsageLimits: {ecpuPerSecond: {maximum: 5000}}",
        "cacheUsageLimits: {dataStorage: {maximum: 20, minimum: 1, unit: GB}, ecpuPerSecond: {maximum: 6000, minimum: 1000}}",
    ];
    lines.push(g.pick(13, &limits).to_owned());
    lines.push(g.pick(14, &["", "description: one", "description: two"]).to_owned());
    lines.push(g.pick(15, &["", "securityGroupIds: [sg-a]", "securityGroupIds: [sg-b, sg-a]"]).to_owned());
    lines.push(
        g.pick(16, &["", "", "subnetIds: [subnet-1a, subnet-1b]", "subnetIds: [subnet-1b, subnet-1c]"]).to_owned(),
    );
    lines.push(g.pick(17, &["", "tags: {a: \"1\"}", "tags: {a: null, b: \"2\"}"]).to_owned());
    lines.push(g.pick(18, &["", "", "", "alarms: {preset: recommended}"]).to_owned());
    lines.push(g.pick(19, &["", "", "", "dashboard: recommended", "dashboard: none"]).to_owned());
    let body: String = lines.iter().filter(|line| !line.is_empty()).map(|line| format!("    {line}\n")).collect();
    format!("serverlessCaches:\n  s:\n{body}")
}
