//! Parameter groups, and what their parameters mean for the groups that use them.

use serde_json::Value;

use super::{Check, GROUP, Rule, finder::Finder};
use crate::model::suggest::suggest;
use crate::model::version::{Version, family};
use crate::model::{Kind, Resource};
use crate::resource::parameter_group::{family_of_aws_own, is_aws_own};

const PARAMETERS: &[Kind] = &[Kind::ParameterGroup];

/// AWS adds families with each major version: another one is worth a word, not a refusal.
#[rustfmt::skip]
pub(crate) const FAMILIES: &[&str] = &[
    "valkey9", "valkey8", "valkey7", "redis7", "redis6.x", "redis5.0", "redis4.0", "redis3.2", "redis2.8", "redis2.6",
    "memcached1.6", "memcached1.5", "memcached1.4",
];

/// Eviction policies that data tiering works with.
const TIERED_POLICIES: [&str; 5] = ["volatile-lru", "allkeys-lru", "volatile-lfu", "allkeys-lfu", "noeviction"];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "unknown-family", check: Check::Resource(PARAMETERS, known_family),
        why: "A family is an engine with its major version, such as valkey8. One that was not known when this was built may be new, or a slip.",
        source: "API reference, CreateCacheParameterGroup: CacheParameterGroupFamily" },
    Rule { code: "duplicate-parameter", check: Check::Resource(PARAMETERS, letter_case),
        why: "AWS compares parameter names in lower case, so that two that differ in case only are one.",
        source: "Terraform provider, aws_elasticache_parameter_group" },
    Rule { code: "parameter-group-family", check: Check::Resource(GROUP, fits),
        why: "A parameter group is of one family, and AWS refuses one of another engine or major version (\"Expected a parameter group of family valkey8 but found one of family valkey7\").",
        source: "langgenius/dify issue 24; ACK elasticache-controller pull request 188" },
    Rule { code: "cluster-parameter", check: Check::Resource(GROUP, cluster),
        why: "More than one shard needs a parameter group with `cluster-enabled: yes`, and that parameter cannot be changed once a group uses it.",
        source: "API reference, CreateReplicationGroup: CacheParameterGroupName; Terraform provider issue 35636" },
    Rule { code: "data-tiering-policy", check: Check::Resource(GROUP, tiering),
        why: "Data tiering works with the eviction policies volatile-lru, allkeys-lru, volatile-lfu, allkeys-lfu and noeviction; not with random ones, nor with volatile-ttl.",
        source: "AWS guide, data tiering" },
    Rule { code: "aof-node-type", check: Check::Resource(GROUP, append_only),
        why: "Append-only files are not supported on T1 and T2 node types.",
        source: "API reference, CreateReplicationGroup: CacheNodeType" },
];

fn known_family(finder: &mut Finder<'_>, group: &Resource) {
    let Some(family) = group.text("family") else { return };
    if FAMILIES.iter().any(|known| known.eq_ignore_ascii_case(family)) {
        return;
    }
    let help = match suggest(family, FAMILIES.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", FAMILIES.join(", ")),
    };
    finder.warn(group, &[("family", "not a known family")], format!("the family `{family}` is not known here"), help);
}

fn letter_case(finder: &mut Finder<'_>, group: &Resource) {
    let Some(parameters) = group.fields.get("parameters").and_then(Value::as_object) else { return };
    let names: Vec<&String> = parameters.keys().collect();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names[..index].iter().find(|first| first.eq_ignore_ascii_case(name)) {
            finder.error(
                group,
                &[(&format!("parameters.{name}"), "again here"), (&format!("parameters.{first}"), "first here")],
                format!("the parameter `{}` appears twice", name.to_ascii_lowercase()),
                "keep one of them",
            );
        }
    }
}

fn fits(finder: &mut Finder<'_>, group: &Resource) {
    let Some(name) = group.text("cacheParameterGroupName") else { return };
    let default = family_of_aws_own(name);
    let own = finder.own(Kind::ParameterGroup, name);
    let Some(found) = own.and_then(|own| own.text("family")).or(default) else { return };
    let Some(engine) = group.text("engine") else { return };
    let (wanted, because) = match group.text("engineVersion").and_then(|version| family(engine, version)) {
        Some(wanted) => (wanted, "engineVersion"),
        // Without a version the engine alone tells.
        None if found.starts_with(engine) => return,
        None => (format!("{engine}…"), "engine"),
    };
    if found.eq_ignore_ascii_case(&wanted) {
        return;
    }
    let help = match default {
        Some(_) if because == "engineVersion" => {
            format!("AWS's own is default.{wanted}, or default.{wanted}.cluster.on")
        }
        _ => format!("declare a parameter group with `family: {wanted}`"),
    };
    finder.error(
        group,
        &[
            ("cacheParameterGroupName", &format!("a group of family {found}")),
            (because, &format!("needs family {wanted}")),
        ],
        format!("`{name}` is of family {found}, the group needs {wanted}"),
        help,
    );
}

fn cluster(finder: &mut Finder<'_>, group: &Resource) {
    let Some(name) = group.text("cacheParameterGroupName") else { return };
    let on = match finder.own(Kind::ParameterGroup, name) {
        Some(_) => finder.parameter(group, "cluster-enabled").is_some_and(|(_, value)| value == "yes"),
        None if is_aws_own(name) => name.ends_with(".cluster.on"),
        None => return,
    };
    let shards = group.number("numNodeGroups").filter(|shards| *shards > 1);
    let enabled = group.text("clusterMode") == Some("enabled");
    if !on && (shards.is_some() || enabled) {
        let because =
            if shards.is_some() { ("numNodeGroups", "more than one shard") } else { ("clusterMode", "enabled here") };
        let help = if is_aws_own(name) {
            format!("`{name}.cluster.on`, or a group of your own with `cluster-enabled: \"yes\"`")
        } else {
            format!(
                "put `cluster-enabled: \"yes\"` into the parameters of {name}; where a cache uses {name} already, into a \
                 new parameter group instead: AWS does not change it in one that is in use"
            )
        };
        finder.error(
            group,
            &[("cacheParameterGroupName", "cluster-enabled is not yes there"), because],
            "cluster mode needs a parameter group with `cluster-enabled: yes`",
            help,
        );
    }
    if on && group.text("clusterMode") == Some("disabled") {
        finder.error(
            group,
            &[("cacheParameterGroupName", "cluster-enabled is yes there"), ("clusterMode", "disabled here")],
            "the parameter group turns cluster mode on, clusterMode turns it off",
            "take one of them out",
        );
    }
}

fn tiering(finder: &mut Finder<'_>, group: &Resource) {
    let tiered = group.flag("dataTieringEnabled") == Some(true)
        || group.text("cacheNodeType").is_some_and(|node_type| node_type.starts_with("cache.r6gd."));
    let Some((own, policy)) = finder.parameter(group, "maxmemory-policy") else { return };
    if !tiered || TIERED_POLICIES.contains(&policy) {
        return;
    }
    let message = format!("{} tiers data, which does not work with maxmemory-policy {policy}", group.address);
    finder.warn(
        own,
        &[("parameters.maxmemory-policy", "not with data tiering")],
        message,
        crate::model::suggest::either(&TIERED_POLICIES),
    );
}

fn append_only(finder: &mut Finder<'_>, group: &Resource) {
    let old = group
        .text("cacheNodeType")
        .is_some_and(|node_type| node_type.starts_with("cache.t1.") || node_type.starts_with("cache.t2."));
    let on = finder.parameter(group, "appendonly").is_some_and(|(_, value)| value == "yes");
    if old && on {
        finder.error(
            group,
            &[("cacheNodeType", "no append-only files on this type"), ("cacheParameterGroupName", "turns them on")],
            "append-only files are not supported on T1 and T2 node types",
            "take a newer type, or `appendonly: \"no\"`",
        );
    }
}

/// Is ElastiCache known to run this version? Up to redis 5 versions are full.
pub(super) fn known_version(engine: &str, version: Version) -> bool {
    let known: &[(u32, u32)] = match engine {
        "redis" => &[(6, 0), (6, 2), (7, 0), (7, 1)],
        _ => &[(7, 2), (8, 0), (8, 1), (8, 2), (9, 0), (9, 1)],
    };
    let Some(minor) = version.minor else { return true };
    if version.major < 6 {
        return version.patch.is_none_or(|patch| OLD_REDIS.contains(&(version.major, minor, patch)));
    }
    known.contains(&(version.major, minor))
}

/// Versions of redis up to 5; all but 4.0.10 and 5.0.6 run in old groups only.
#[rustfmt::skip]
const OLD_REDIS: [(u32, u32, u32); 16] = [
    (2, 6, 13), (2, 8, 6), (2, 8, 19), (2, 8, 21), (2, 8, 22), (2, 8, 23), (2, 8, 24), (3, 2, 4), (3, 2, 6), (3, 2, 10), (4, 0, 10),
    (5, 0, 0), (5, 0, 3), (5, 0, 4), (5, 0, 5), (5, 0, 6),
];
