//! Serverless caches.

use super::{Check, Rule, SERVERLESS, finder::Finder};
use crate::model::Resource;

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    Rule { code: "limits-order", check: Check::Resource(SERVERLESS, order),
        why: "A limit's minimum, which is always paid for, lies below its maximum.",
        source: "API reference, DataStorage and ECPUPerSecond" },
    Rule { code: "major-engine-version", check: Check::Resource(SERVERLESS, version),
        why: "A serverless cache takes a major version: valkey from 7 on, redis 7, memcached 1.6.",
        source: "API reference, CreateServerlessCache: MajorEngineVersion" },
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
        _ => return,
    };
    finder.error(
        cache,
        &[("majorEngineVersion", &format!("not a version of {engine}")), ("engine", "this engine")],
        format!("serverless {engine} has no version {version}"),
        wanted,
    );
}
