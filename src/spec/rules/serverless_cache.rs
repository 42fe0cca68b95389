//! Serverless caches.

use super::finder::{Finder, set};
use super::{Check, Rule, SERVERLESS, user};
use crate::model::suggest::either;
use crate::model::{Kind, Resource};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "limits-order", check: Check::Resource(SERVERLESS, order),
        why: "A limit's minimum, which is always paid for, lies below its maximum.",
        source: "API reference, DataStorage and ECPUPerSecond" },
    Rule { code: "major-engine-version", check: Check::Resource(SERVERLESS, version),
        why: "A serverless cache takes a major version: valkey from 7 on, redis 7, memcached 1.6.",
        source: "API reference, CreateServerlessCache: MajorEngineVersion" },
    Rule { code: "public-endpoint", check: Check::Resource(SERVERLESS, public),
        why: "A public endpoint needs valkey 9 or later and a user group of IAM users; AWS's own default.iam-user-group will do.",
        source: "AWS guide, public endpoints of serverless caches" },
];

fn order(finder: &mut Finder<'_>, cache: &Resource) {
    for limit in ["dataStorage", "ecpuPerSecond"] {
        let bound = |name: &str| cache.fields.get("cacheUsageLimits")?.get(limit)?.get(name)?.as_i64();
        if let Some((min, max)) = bound("minimum").zip(bound("maximum")).filter(|(min, max)| min > max) {
            let field = |name: &str| format!("cacheUsageLimits.{limit}.{name}");
            finder.error(
                cache,
                &[(&field("minimum"), "larger than"), (&field("maximum"), "this")],
                format!("the minimum of {limit}, {min}, is above its maximum, {max}"),
                "lower the minimum, or raise the maximum",
            );
        }
    }
}

fn version(finder: &mut Finder<'_>, cache: &Resource) {
    let (Some(engine), Some(version)) = (cache.text("engine"), cache.text("majorEngineVersion")) else { return };
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    let wanted = match engine {
        "valkey" if major < 7 => "valkey begins with \"7\"",
        "redis" if major != 7 => "serverless redis is \"7\"",
        "memcached" if major != 1 => "serverless memcached is \"1.6\"",
        _ => {
            unknown_version(finder, cache, engine, version);
            return;
        }
    };
    finder.error(
        cache,
        &[("majorEngineVersion", &format!("not a version of {engine}")), ("engine", "this engine")],
        format!("serverless {engine} has no version {version}"),
        wanted,
    );
}

fn unknown_version(finder: &mut Finder<'_>, cache: &Resource, engine: &str, version: &str) {
    let known: &[&str] = match engine {
        "valkey" => &["7", "8", "9"],
        "redis" => &["7"],
        "memcached" => &["1.6"],
        _ => return,
    };
    if known.contains(&version) {
        return;
    }
    finder.warn(
        cache,
        &[("majorEngineVersion", "not a known version")],
        format!("serverless {engine} {version} was not known when this was built"),
        format!("known: {}", either(known)),
    );
}

fn public(finder: &mut Finder<'_>, cache: &Resource) {
    if cache.text("connectionType") != Some("public") {
        return;
    }
    let public = ("connectionType", "on the internet");
    let message = "a public endpoint needs valkey 9 or later";
    if cache.text("engine") != Some("valkey") {
        finder.error(cache, &[public, ("engine", "another engine")], message, "declare `engine: valkey`");
    }
    let major = cache.text("majorEngineVersion").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < 9) && cache.text("engine") == Some("valkey") {
        let help = "declare `majorEngineVersion: \"9\"`";
        finder.error(cache, &[public, ("majorEngineVersion", "older")], message, help);
    }
    if !set(cache, "userGroupId") {
        finder.error(
            cache,
            &[public, ("userGroupId", "needs `userGroupId`")],
            "a public endpoint needs a user group",
            "declare `userGroupId: default.iam-user-group`, or a group of IAM users",
        );
        return;
    }
    let Some(group) = cache.text("userGroupId").and_then(|id| finder.own(Kind::UserGroup, id)) else { return };
    if let Some((_, user)) = user::members(finder, group).into_iter().find(|(_, user)| user::mode(user) != Some("iam"))
    {
        finder.error(
            cache,
            &[public, ("userGroupId", &format!("its user {} does not log in by IAM", user.address.id))],
            "a public endpoint takes IAM users only",
            "declare `authenticationMode: {type: iam}` for every user of the group",
        );
    }
}
