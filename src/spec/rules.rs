//! Rules across fields and resources: what AWS would refuse whatever is live. No lint setting silences
//! them. Each says where it was learned.

use regex_lite::Regex;
use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::node::Key;
use super::{Resource, Spec, suggest};
use crate::resource::live::strings;
use crate::resource::shape::Shape;
use crate::resource::version::{Version, family};
use crate::resource::{Address, Kind};

/// Ids by kind: pattern, longest, in words. From the API documentation of each Create call.
fn id_form(kind: Kind) -> (&'static str, usize, &'static str) {
    match kind {
        Kind::ReplicationGroup | Kind::ServerlessCache => (
            "^[a-zA-Z](-?[a-zA-Z0-9])*$",
            40,
            "1 to 40 letters, digits and single hyphens, beginning with a letter and not ending in a hyphen",
        ),
        Kind::User | Kind::UserGroup => {
            ("^[a-zA-Z][a-zA-Z0-9-]*$", 40, "1 to 40 letters, digits and hyphens, beginning with a letter")
        }
        Kind::ParameterGroup | Kind::SubnetGroup => {
            ("^[a-zA-Z](-?[a-zA-Z0-9.])*$", 255, "1 to 255 letters, digits and single hyphens, beginning with a letter")
        }
        Kind::Alarm => ("^[^:].*$", 255, "1 to 255 characters"),
    }
}

pub fn id(kind: Kind, key: &Key, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    let (pattern, max, words) = id_form(kind);
    let sound = key.text.chars().count() <= max && Regex::new(pattern).is_ok_and(|regex| regex.is_match(&key.text));
    if !sound {
        diagnostics.push(
            Diagnostic::error("id-format", format!("`{}` is no id for a {kind}", key.text))
                .path(path)
                .at(key.span, format!("expected {words}")),
        );
    }
    let reserved = matches!(kind, Kind::ParameterGroup | Kind::SubnetGroup)
        && (key.text.starts_with("default.") || key.text == "default");
    if reserved {
        diagnostics.push(
            Diagnostic::error("reserved-name", format!("`{}` is AWS's own", key.text))
                .path(path)
                .at(key.span, "default groups cannot be managed")
                .help("choose another name"),
        );
    }
}

pub fn check(spec: &Spec, diagnostics: &mut Vec<Diagnostic>) {
    let mut rules = Rules { spec, diagnostics };
    for resource in spec.resources.values() {
        rules.references(resource);
        rules.tags(resource);
        rules.windows(resource);
        match resource.address.kind {
            Kind::ReplicationGroup => rules.replication_group(resource),
            Kind::ServerlessCache => rules.serverless_cache(resource),
            Kind::Alarm => rules.alarm(resource),
            Kind::User => rules.user(resource),
            Kind::UserGroup => rules.user_group(resource),
            Kind::ParameterGroup | Kind::SubnetGroup => {}
        }
    }
}

struct Rules<'a> {
    spec: &'a Spec,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Rules<'_> {
    /// Reports at the first field, with the others as the places that disagree with it.
    fn error(
        &mut self,
        code: &'static str,
        resource: &Resource,
        fields: &[(&str, &str)],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let mut diagnostic = Diagnostic::error(code, message).help(help);
        for (index, (field, label)) in fields.iter().enumerate() {
            let path = format!("{}.{field}", resource.path);
            if index == 0 {
                diagnostic = diagnostic.path(&path);
            }
            let locations = &self.spec.locations;
            let span = locations.value(&path).or_else(|| locations.nearest(&path));
            diagnostic = diagnostic.maybe_at(span, *label);
        }
        self.diagnostics.push(diagnostic);
    }

    /// A name that is almost one of this spec is most likely a slip; any other is taken to exist in AWS.
    fn references(&mut self, resource: &Resource) {
        for attribute in resource.address.kind.attributes() {
            let Some(value) = resource.fields.get(attribute.field.name) else { continue };
            let (kind, names): (Kind, Vec<&str>) = match attribute.field.shape {
                Shape::Reference(kind) => (kind, value.as_str().into_iter().collect()),
                Shape::List { of: Shape::Reference(kind), .. } => (*kind, strings(Some(value)).collect()),
                _ => continue,
            };
            for name in names {
                self.reference(resource, attribute.field.name, kind, name);
            }
        }
        if let Some(cache) = resource.text("for").filter(|_| resource.address.kind == Kind::Alarm) {
            let known = cache.parse::<Address>().is_ok_and(|address| self.spec.resources.contains_key(&address));
            if !known {
                let caches =
                    self.spec.resources.keys().filter(|address| address.kind.is_cache()).map(Address::to_string);
                let near = suggest(cache, caches.collect::<Vec<_>>().iter().map(String::as_str));
                let help = near.map_or_else(
                    || "declare the cache in this spec, or give `dimensions` in place of `for`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error(
                    "dangling-reference",
                    resource,
                    &[("for", "not in this spec")],
                    format!("`for` names {cache}, which this spec does not have"),
                    help,
                );
            }
        }
    }

    fn reference(&mut self, resource: &Resource, field: &str, kind: Kind, name: &str) {
        if self.spec.resources.contains_key(&Address::new(kind, name)) {
            return;
        }
        let own = self.spec.resources.keys().filter(|address| address.kind == kind).map(|address| address.id.as_str());
        if let Some(near) = suggest(name, own) {
            let path = format!("{}.{field}", resource.path);
            self.diagnostics.push(
                Diagnostic::warn(
                    "dangling-reference",
                    format!("the spec has no {kind} `{name}`; it is taken to exist in AWS"),
                )
                .path(&path)
                .maybe_at(self.spec.locations.value(&path), "not in this spec")
                .help(format!("did you mean `{near}`?")),
            );
        }
    }

    /// API Tag: keys 1 to 128 characters, not beginning with aws:, values 0 to 256, 50 tags at most.
    fn tags(&mut self, resource: &Resource) {
        let Some(tags) = resource.fields.get("tags").and_then(Value::as_object) else { return };
        let sound = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _./=+:-@".contains(c));
        for (key, value) in tags {
            let field = format!("tags.{key}");
            let value = value.as_str().unwrap_or_default();
            if key.to_ascii_lowercase().starts_with("aws:") || key.starts_with("cachectl:") {
                self.error(
                    "tag-format",
                    resource,
                    &[(&field, "reserved")],
                    format!("the tag `{key}` has a reserved prefix"),
                    "`aws:` is AWS's, `cachectl:` is cachectl's",
                );
            } else if key.is_empty()
                || key.chars().count() > 128
                || value.chars().count() > 256
                || !sound(key)
                || !sound(value)
            {
                self.error(
                    "tag-format",
                    resource,
                    &[(&field, "not a tag that AWS takes")],
                    format!("the tag `{key}` is not one that AWS takes"),
                    "keys have 1 to 128 characters, values up to 256: letters, digits, space and _ . / = + : - @",
                );
            }
        }
        if tags.len() + self.spec.tags.len() > 48 {
            self.error(
                "too-many-tags",
                resource,
                &[("tags", "here")],
                "AWS takes 50 tags a resource, cachectl needs two of them",
                "take some away",
            );
        }
    }

    /// API: windows of at least 60 minutes; a snapshot window may not overlap the maintenance window.
    fn windows(&mut self, resource: &Resource) {
        let minutes = |text: &str| -> Option<u32> {
            let (hours, minutes) = text.split_once(':')?;
            Some(hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?)
        };
        if let Some((from, to)) = resource.text("snapshotWindow").and_then(|window| window.split_once('-')) {
            let length = minutes(from).zip(minutes(to)).map(|(from, to)| (to + 1440 - from) % 1440);
            if length.is_some_and(|length| length < 60) {
                self.error(
                    "window-length",
                    resource,
                    &[("snapshotWindow", "too short")],
                    "the snapshot window is shorter than 60 minutes",
                    "AWS wants at least an hour, such as 03:00-04:00",
                );
            }
        }
        if let Some((from, to)) = resource.text("preferredMaintenanceWindow").and_then(|window| window.split_once('-'))
        {
            let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
            let at = |text: &str| {
                let (day, time) = text.split_once(':')?;
                Some(days.iter().position(|name| name.eq_ignore_ascii_case(day))? as u32 * 1440 + minutes(time)?)
            };
            let length = at(from).zip(at(to)).map(|(from, to)| (to + 7 * 1440 - from) % (7 * 1440));
            if length.is_some_and(|length| length < 60) {
                self.error(
                    "window-length",
                    resource,
                    &[("preferredMaintenanceWindow", "too short")],
                    "the maintenance window is shorter than 60 minutes",
                    "AWS wants at least an hour, such as sun:05:00-sun:06:00",
                );
            }
        }
    }

    fn replication_group(&mut self, group: &Resource) {
        self.engine(group);
        self.shape(group);
        self.failover(group);
        self.encryption(group);
        self.node_type(group);
        self.logs(group);
    }

    fn engine(&mut self, group: &Resource) {
        let engine = group.text("engine");
        let Some(version) = group.text("engineVersion") else { return };
        let Some(parsed) = Version::parse(version) else { return };
        // The API's own forms: redis up to 5 in full, 6.x, then major.minor; valkey major.minor.
        let form = match (engine, parsed.major) {
            (Some("redis"), ..=5) if parsed.patch.is_none() || parsed.minor.is_none() => {
                Some("redis up to 5 is written in full, such as \"5.0.6\"")
            }
            (Some("redis"), 8..) => Some("redis ends at 7.1 in ElastiCache; from 8 on the engine is valkey"),
            (Some("valkey"), ..=6) => Some("valkey begins with 7.2"),
            (Some("valkey"), _) if parsed.minor.is_none() => Some("valkey is written as major.minor, such as \"8.0\""),
            (_, major) if major >= 6 && parsed.patch.is_some() => {
                Some("from redis 6 and valkey on the patch level is AWS's: write major.minor")
            }
            _ => None,
        };
        if let Some(form) = form {
            self.error(
                "engine-version",
                group,
                &[("engineVersion", "not a version of this engine")],
                format!("`{version}` is no engine version to ask for"),
                form,
            );
        }
        let own_group = group
            .text("cacheParameterGroupName")
            .and_then(|name| self.spec.resources.get(&Address::new(Kind::ParameterGroup, name)));
        if let (Some(engine), Some(found)) = (engine, own_group.and_then(|group| group.text("family")))
            && let Some(wanted) = family(engine, version)
            && !found.eq_ignore_ascii_case(&wanted)
        {
            self.error(
                "parameter-group-family",
                group,
                &[
                    ("cacheParameterGroupName", &format!("a group of family {found}")),
                    ("engineVersion", &format!("needs family {wanted}")),
                ],
                format!("{engine} {version} needs a parameter group of family {wanted}"),
                format!("declare a parameter group with `family: {wanted}`"),
            );
        }
    }

    fn shape(&mut self, group: &Resource) {
        for (one, other) in [
            ("numCacheClusters", "numNodeGroups"),
            ("numCacheClusters", "replicasPerNodeGroup"),
            ("nodeGroupConfiguration", "preferredCacheClusterAZs"),
        ] {
            if group.fields.contains_key(one) && group.fields.contains_key(other) {
                self.error(
                    "shape-conflict",
                    group,
                    &[(other, "and this"), (one, "this")],
                    format!("{one} and {other} exclude each other"),
                    "numCacheClusters is for cluster mode disabled, numNodeGroups and replicasPerNodeGroup are for cluster mode",
                );
            }
        }
        let shards = group.number("numNodeGroups");
        if let Some(configurations) = group.fields.get("nodeGroupConfiguration").and_then(Value::as_array) {
            if shards.is_some_and(|shards| shards as usize != configurations.len()) {
                self.error(
                    "shape-conflict",
                    group,
                    &[("nodeGroupConfiguration", "one entry for each shard"), ("numNodeGroups", "shards")],
                    "nodeGroupConfiguration and numNodeGroups disagree",
                    "give one entry for each shard",
                );
            }
            self.slots(group, configurations);
            for (index, configuration) in configurations.iter().enumerate() {
                let zones = configuration.get("replicaAvailabilityZones").and_then(Value::as_array).map(Vec::len);
                let replicas = configuration.get("replicaCount").and_then(Value::as_u64);
                if zones.zip(replicas).is_some_and(|(zones, replicas)| zones as u64 != replicas) {
                    let field = format!("nodeGroupConfiguration[{index}].replicaAvailabilityZones");
                    self.error(
                        "zone-count",
                        group,
                        &[(&field, "one zone for each replica")],
                        "as many zones as replicas are needed",
                        "AWS refuses other counts",
                    );
                }
            }
        }
        let zones = group.fields.get("preferredCacheClusterAZs").and_then(Value::as_array).map(Vec::len);
        if zones.zip(group.number("numCacheClusters")).is_some_and(|(zones, nodes)| zones as i64 != nodes) {
            self.error(
                "zone-count",
                group,
                &[("preferredCacheClusterAZs", "one zone for each node"), ("numCacheClusters", "nodes")],
                "as many zones as nodes are needed",
                "AWS refuses other counts",
            );
        }
        let one_shard = matches!(group.text("clusterMode"), Some("disabled"));
        if one_shard && shards.is_some_and(|shards| shards > 1) {
            self.error(
                "shape-conflict",
                group,
                &[("numNodeGroups", "more than one shard"), ("clusterMode", "cluster mode is disabled")],
                "more than one shard needs cluster mode",
                "declare `clusterMode: enabled`",
            );
        }
        if let Some(global) = group.text("globalReplicationGroupId") {
            // The global datastore decides these for its members.
            for field in [
                "engine",
                "engineVersion",
                "cacheNodeType",
                "numNodeGroups",
                "cacheParameterGroupName",
                "transitEncryptionEnabled",
                "atRestEncryptionEnabled",
                "snapshotArns",
                "snapshotName",
            ] {
                if group.fields.contains_key(field) {
                    self.error(
                        "global-member",
                        group,
                        &[(field, "decided by the global datastore")],
                        format!("{field} is decided by {global}"),
                        "take it out",
                    );
                }
            }
        } else if !group.fields.contains_key("cacheNodeType") {
            self.error(
                "missing-key",
                group,
                &[("cacheNodeType", "needs `cacheNodeType`")],
                "`cacheNodeType` is missing",
                "such as `cacheNodeType: cache.r7g.large`; only a member of a global datastore goes without",
            );
        }
    }

    fn slots(&mut self, group: &Resource, configurations: &[Value]) {
        let mut owner = vec![false; 16_384];
        let mut declared = 0;
        for (index, configuration) in configurations.iter().enumerate() {
            let Some(slots) = configuration.get("slots").and_then(Value::as_str) else { continue };
            declared += 1;
            let field = format!("nodeGroupConfiguration[{index}].slots");
            for range in slots.split(',') {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                let (Ok(from), Ok(to)) = (from.parse::<usize>(), to.parse::<usize>()) else { continue };
                if from > to || to > 16_383 {
                    self.error(
                        "slots",
                        group,
                        &[(&field, "out of range")],
                        format!("`{range}` is no range of slots"),
                        "slots go from 0 to 16383",
                    );
                    return;
                }
                if owner[from..=to].iter().any(|taken| *taken) {
                    self.error(
                        "slots",
                        group,
                        &[(&field, "taken by an earlier shard")],
                        format!("slots {range} belong to two shards"),
                        "each slot belongs to one shard",
                    );
                    return;
                }
                owner[from..=to].fill(true);
            }
        }
        if declared > 0 && (declared < configurations.len() || owner.contains(&false)) {
            self.error(
                "slots",
                group,
                &[("nodeGroupConfiguration", "here")],
                "the shards together do not cover all 16384 slots",
                "give every shard its slots, or none",
            );
        }
    }

    fn failover(&mut self, group: &Resource) {
        let off = group.flag("automaticFailoverEnabled") == Some(false);
        let nodes = group.number("numCacheClusters");
        if group.flag("multiAZEnabled") == Some(true) && group.flag("automaticFailoverEnabled") != Some(true) {
            let label = if off { "is off" } else { "is not declared" };
            self.error(
                "multi-az-needs-failover",
                group,
                &[("multiAZEnabled", "needs automatic failover"), ("automaticFailoverEnabled", label)],
                "Multi-AZ needs automatic failover",
                "declare `automaticFailoverEnabled: true`",
            );
        }
        if group.flag("automaticFailoverEnabled") == Some(true) && nodes == Some(1) {
            self.error(
                "failover-needs-replica",
                group,
                &[
                    ("automaticFailoverEnabled", "failover is on here"),
                    ("numCacheClusters", "but there is no replica to fail over to"),
                ],
                "automatic failover needs at least one replica",
                "set numCacheClusters to 2 or more, or turn failover off",
            );
        }
        let cluster = group.number("numNodeGroups").is_some_and(|shards| shards > 1)
            || group.text("clusterMode") == Some("enabled");
        if cluster && off {
            self.error(
                "failover-in-cluster-mode",
                group,
                &[("automaticFailoverEnabled", "cannot be off in cluster mode")],
                "automatic failover is always on in cluster mode",
                "leave it out, or declare true",
            );
        }
    }

    fn encryption(&mut self, group: &Resource) {
        let tls_off = group.flag("transitEncryptionEnabled") != Some(true);
        let token = group.fields.get("authToken").is_some_and(|token| !token.is_null());
        let users = strings(group.fields.get("userGroupIds")).next().is_some();
        if tls_off && token {
            self.error(
                "auth-needs-tls",
                group,
                &[("authToken", "needs TLS")],
                "an AUTH token needs encryption in transit",
                "declare `transitEncryptionEnabled: true`",
            );
        }
        if tls_off && users {
            self.error(
                "auth-needs-tls",
                group,
                &[("userGroupIds", "needs TLS")],
                "user groups need encryption in transit",
                "declare `transitEncryptionEnabled: true`",
            );
        }
        if token && users {
            self.error(
                "token-and-users",
                group,
                &[("authToken", "a token"), ("userGroupIds", "and users")],
                "an AUTH token and user groups exclude each other",
                "keep one; `authToken: null` beside userGroupIds moves from the token to users",
            );
        }
        if tls_off && group.fields.contains_key("transitEncryptionMode") {
            self.error(
                "tls-mode-without-tls",
                group,
                &[("transitEncryptionMode", "only with TLS")],
                "transitEncryptionMode is for encryption in transit, which is not on",
                "declare `transitEncryptionEnabled: true`, or take the mode out",
            );
        }
        if group.fields.contains_key("kmsKeyId") && group.flag("atRestEncryptionEnabled") == Some(false) {
            self.error(
                "kms-without-encryption",
                group,
                &[("kmsKeyId", "a key for nothing"), ("atRestEncryptionEnabled", "encryption at rest is off")],
                "kmsKeyId is for encryption at rest, which is off",
                "declare `atRestEncryptionEnabled: true`, or take the key out",
            );
        }
        if matches!(group.text("durability"), Some("sync" | "async")) && tls_off {
            self.error(
                "durability-needs-tls",
                group,
                &[("durability", "needs TLS")],
                "durability needs encryption in transit",
                "declare `transitEncryptionEnabled: true`",
            );
        }
    }

    fn node_type(&mut self, group: &Resource) {
        let Some(node_type) = group.text("cacheNodeType") else { return };
        let tiering = group.flag("dataTieringEnabled");
        let tiered_type = node_type.starts_with("cache.r6gd.");
        if tiered_type && tiering != Some(true) {
            self.error(
                "data-tiering",
                group,
                &[("cacheNodeType", "r6gd always tiers data")],
                "r6gd node types need data tiering",
                "declare `dataTieringEnabled: true`",
            );
        }
        if !tiered_type && tiering == Some(true) {
            self.error(
                "data-tiering",
                group,
                &[("dataTieringEnabled", "only on r6gd"), ("cacheNodeType", "not r6gd")],
                "data tiering needs an r6gd node type",
                "such as cache.r6gd.xlarge",
            );
        }
        let burstable = |family: &str| node_type.starts_with(&format!("cache.{family}."));
        let cluster = group.number("numNodeGroups").is_some_and(|shards| shards > 1);
        if group.flag("automaticFailoverEnabled") == Some(true) && (burstable("t1") || (burstable("t2") && !cluster)) {
            self.error(
                "failover-node-type",
                group,
                &[("cacheNodeType", "no failover on this type"), ("automaticFailoverEnabled", "on here")],
                "automatic failover is not supported for T1 and T2 node types",
                "take a newer type, such as cache.t4g.medium",
            );
        }
        if node_type == "cache.t1.micro" && group.number("snapshotRetentionLimit").is_some_and(|days| days > 0) {
            self.error(
                "snapshot-node-type",
                group,
                &[("snapshotRetentionLimit", "no snapshots on cache.t1.micro")],
                "snapshots are not supported on cache.t1.micro",
                "take another node type",
            );
        }
    }

    fn logs(&mut self, group: &Resource) {
        let version = group.text("engineVersion").and_then(Version::parse);
        let Some(logs) = group.fields.get("logDeliveryConfigurations").and_then(Value::as_array) else { return };
        for (index, log) in logs.iter().enumerate() {
            let old = match (log.get("logType").and_then(Value::as_str), version) {
                (Some("slow-log"), Some(version)) => !version.at_least(6, 0, 0),
                (Some("engine-log"), Some(version)) => !version.at_least(6, 2, 0),
                _ => false,
            };
            if old {
                let field = format!("logDeliveryConfigurations[{index}].logType");
                self.error(
                    "log-engine-version",
                    group,
                    &[(&field, "not in this engine version"), ("engineVersion", "here")],
                    "the engine version has no such log",
                    "slow-log begins with redis 6.0, engine-log with 6.2",
                );
            }
            let details = match log.get("destinationType").and_then(Value::as_str) {
                Some("cloudwatch-logs") => "cloudWatchLogsDetails",
                _ => "kinesisFirehoseDetails",
            };
            if log.get("destinationDetails").is_some_and(|found| {
                found.get(details).is_none() || found.as_object().is_some_and(|map| map.len() != 1)
            }) {
                let field = format!("logDeliveryConfigurations[{index}].destinationDetails");
                self.error(
                    "log-destination",
                    group,
                    &[(&field, "does not fit the type")],
                    format!("this destinationType needs `{details}`, and nothing else"),
                    format!("write destinationDetails: {{{details}: ...}}"),
                );
            }
        }
    }

    fn serverless_cache(&mut self, cache: &Resource) {
        for limit in ["dataStorage", "ecpuPerSecond"] {
            let bound = |name: &str| cache.fields.get("cacheUsageLimits")?.get(limit)?.get(name)?.as_i64();
            if bound("minimum").zip(bound("maximum")).is_some_and(|(min, max)| min > max) {
                let (minimum, maximum) =
                    (format!("cacheUsageLimits.{limit}.minimum"), format!("cacheUsageLimits.{limit}.maximum"));
                self.error(
                    "limits-order",
                    cache,
                    &[(&minimum, "larger than"), (&maximum, "this")],
                    "the minimum is above the maximum",
                    "lower the minimum",
                );
            }
        }
    }

    /// PutMetricAlarm: one metric or a set of queries, never both.
    fn alarm(&mut self, alarm: &Resource) {
        let has = |name: &str| alarm.fields.contains_key(name);
        if has("metrics") == has("metricName") {
            let message = if has("metrics") {
                "metrics and metricName exclude each other"
            } else {
                "an alarm needs metricName or metrics"
            };
            self.error(
                "alarm-metric",
                alarm,
                &[("metricName", "here")],
                message,
                "metricName for one metric, metrics for metric math",
            );
            return;
        }
        if has("metrics") {
            for single in ["namespace", "dimensions", "statistic", "extendedStatistic", "period", "unit"] {
                if has(single) {
                    self.error(
                        "alarm-metric",
                        alarm,
                        &[(single, "belongs to a single metric"), ("metrics", "but these are given")],
                        format!("{single} and metrics exclude each other"),
                        "put it into the entries of metrics",
                    );
                }
            }
            let queries = alarm.fields.get("metrics").and_then(Value::as_array).cloned().unwrap_or_default();
            let returned = queries.iter().filter(|query| query.get("returnData") != Some(&Value::Bool(false))).count();
            if returned != 1 && !has("thresholdMetricId") {
                self.error(
                    "alarm-return-data",
                    alarm,
                    &[("metrics", "here")],
                    format!("{returned} of the metrics return data, the alarm watches exactly one"),
                    "set `returnData: false` on all others",
                );
            }
            for (index, query) in queries.iter().enumerate() {
                if query.get("expression").is_some() == query.get("metricStat").is_some() {
                    let field = format!("metrics[{index}]");
                    self.error(
                        "alarm-query",
                        alarm,
                        &[(&field, "here")],
                        "an entry has an expression or a metricStat, not both",
                        "keep one of them",
                    );
                }
            }
        } else {
            if has("statistic") == has("extendedStatistic") {
                self.error(
                    "alarm-statistic",
                    alarm,
                    &[("statistic", "here")],
                    "an alarm has a statistic or an extendedStatistic, and needs one of them",
                    "such as `statistic: Average`",
                );
            }
            if !has("period") {
                self.error(
                    "missing-key",
                    alarm,
                    &[("period", "needs `period`")],
                    "`period` is missing",
                    "seconds of one datapoint, such as 60",
                );
            }
            if !has("for") && !has("namespace") {
                self.error(
                    "missing-key",
                    alarm,
                    &[("namespace", "needs `namespace`")],
                    "`namespace` is missing",
                    "such as AWS/ElastiCache, or give `for`",
                );
            }
            self.alarm_dimension(alarm);
        }
        if has("threshold") == has("thresholdMetricId") {
            self.error(
                "alarm-threshold",
                alarm,
                &[("threshold", "here")],
                "an alarm has a threshold or a thresholdMetricId, and needs one of them",
                "such as `threshold: 0`",
            );
        }
        if let Some(period) = alarm.number("period") {
            let periods = alarm.number("evaluationPeriods").unwrap_or(1);
            if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
                self.error(
                    "alarm-period",
                    alarm,
                    &[("period", "here")],
                    format!("a period of {period} s is not allowed"),
                    "10, 20, 30 or a multiple of 60 seconds",
                );
            } else if period * periods > 604_800 || (period < 3600 && period * periods > 86_400) {
                self.error(
                    "alarm-period",
                    alarm,
                    &[("evaluationPeriods", "too many"), ("period", "of this length")],
                    "the alarm looks back too far",
                    "at most a day, or a week with periods of an hour or more",
                );
            }
        }
        if alarm
            .number("datapointsToAlarm")
            .zip(alarm.number("evaluationPeriods"))
            .is_some_and(|(datapoints, periods)| datapoints > periods)
        {
            self.error(
                "alarm-datapoints",
                alarm,
                &[("datapointsToAlarm", "more than"), ("evaluationPeriods", "these")],
                "more datapoints must breach than are looked at",
                "lower datapointsToAlarm",
            );
        }
        if alarm.fields.contains_key("scope") && !has("for") {
            self.error(
                "alarm-scope",
                alarm,
                &[("scope", "only with `for`")],
                "scope chooses among the nodes of a cache, and no cache is named",
                "add `for: replicationGroup/NAME`",
            );
        }
    }

    /// ElastiCache has no metrics by group: an alarm on one never has data.
    fn alarm_dimension(&mut self, alarm: &Resource) {
        let Some(dimensions) = alarm.fields.get("dimensions").and_then(Value::as_array) else { return };
        if alarm.text("namespace").unwrap_or("AWS/ElastiCache") != "AWS/ElastiCache" {
            return;
        }
        for (index, dimension) in dimensions.iter().enumerate() {
            let (name, value) = (
                dimension.get("name").and_then(Value::as_str).unwrap_or_default(),
                dimension.get("value").and_then(Value::as_str).unwrap_or_default(),
            );
            let group = name == "CacheClusterId"
                && self.spec.resources.contains_key(&Address::new(Kind::ReplicationGroup, value));
            if matches!(name, "ReplicationGroupId" | "ServerlessCacheName") || group {
                let field = format!("dimensions[{index}]");
                self.error("alarm-dimension", alarm, &[(&field, "ElastiCache reports nothing under this")], "the alarm would never have data", "metrics are by node: CacheClusterId with a member's id (clusterId for a serverless cache), or `for: replicationGroup/NAME`");
            }
        }
    }

    fn user(&mut self, user: &Resource) {
        let mode = user.fields.get("authenticationMode").and_then(|mode| mode.get("type")).and_then(Value::as_str);
        let passwords = user.fields.contains_key("passwords");
        let open = user.flag("noPasswordRequired") == Some(true) || mode == Some("no-password-required");
        if passwords && (open || mode == Some("iam")) {
            self.error(
                "user-authentication",
                user,
                &[("passwords", "passwords"), ("authenticationMode", "and another way in")],
                "a user has passwords, IAM, or no password: one of them",
                "keep one",
            );
        }
        if !passwords && !open && mode != Some("iam") {
            self.error(
                "user-authentication",
                user,
                &[("passwords", "needs a way to log in")],
                "the user has no way to log in",
                "declare passwords, `authenticationMode: {type: iam}` or `noPasswordRequired: true`",
            );
        }
        if mode == Some("iam") && user.text("userName").is_some_and(|name| !name.eq_ignore_ascii_case(&user.address.id))
        {
            self.error(
                "iam-user-name",
                user,
                &[("userName", "must equal the id")],
                "with IAM the user's name must equal its id",
                format!("write `userName: {}`", user.address.id),
            );
        }
        let access = user.text("accessString").unwrap_or_default();
        if let Some(rule) = access
            .split_whitespace()
            .find(|rule| rule.starts_with(['>', '<', '#', '!']) || matches!(*rule, "nopass" | "resetpass" | "reset"))
        {
            let rule = if rule.starts_with(['>', '<', '#', '!']) { &rule[..1] } else { rule };
            self.error(
                "access-string",
                user,
                &[("accessString", "here")],
                format!("`{rule}` is not allowed in an access string"),
                "passwords are declared under `passwords`",
            );
        }
    }

    fn user_group(&mut self, group: &Resource) {
        let declared = |id: &str| self.spec.resources.get(&Address::new(Kind::User, id));
        let ids: Vec<_> = strings(group.fields.get("userIds")).collect();
        let members: Vec<_> = ids.iter().filter_map(|id| declared(id)).collect();
        let engine = group.text("engine");
        let default = members.iter().any(|user| user.text("userName") == Some("default")) || ids.contains(&"default");
        if engine == Some("redis") && members.len() == ids.len() && !default {
            self.error(
                "default-user",
                group,
                &[("userIds", "no user named default")],
                "a redis user group needs a user whose name is `default`",
                "declare one, such as `accessString: off -@all`",
            );
        }
        if engine == Some("valkey")
            && let Some(open) = members.iter().find(|user| user.flag("noPasswordRequired") == Some(true))
        {
            let message =
                format!("the user {} needs no password, which a valkey user group does not take", open.address.id);
            self.error("open-user", group, &[("userIds", "here")], message, "give the user passwords or IAM");
        }
        let mut names: Vec<_> = members.iter().filter_map(|user| user.text("userName")).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("two users of the group are named `{}`", twice[0]);
            self.error(
                "duplicate-user-name",
                group,
                &[("userIds", "here")],
                message,
                "names are unique within a group",
            );
        }
    }
}
