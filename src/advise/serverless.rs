//! A serverless cache: what it measured, and what follows.

use serde_json::json;

use super::cost::{Billed, billed_now, cents, dollars, estimate};
use super::course::Course;
use super::figures::{Bound, bytes, figure, many};
use super::{Input, LEAST_HOURS, SIZING_HOURS, live, too_little};
use crate::model::Resource;
use crate::model::advice::{Advice, CacheAdvice, Figure, PatchEntry, Severity};
use crate::model::live::View;
use crate::model::metrics::PERIOD;
use crate::model::node_type::{self, RESERVED_MEMORY_PERCENT};
use crate::model::prices::HOURS_PER_MONTH;

/// Of a limit: beyond it, throttling or refusals are near.
const NEAR: f64 = 0.8;
/// Of a limit that is recommended.
const ROOM: f64 = 0.6;
const HIT_RATE: f64 = 90.0;
const LATENCY: f64 = 5_000.0;
const HABIT: usize = 3;
const READS: f64 = 1_000.0;
/// One command a minute.
const IDLE: f64 = 1.0 / 60.0;
const WORTH: f64 = 0.75;
/// ECPU a second in the busiest hour that one primary takes with ease, whichever its size.
const ONE_PRIMARY: f64 = 20_000.0;
/// A primary and a replica in another zone: what a serverless cache gives is not lost.
const NODES: u64 = 2;
/// The family that nodes are compared by.
const FAMILY: &str = "r7g";

struct Used {
    hours: usize,
    stored: Course,
    /// ECPU a second.
    units: Course,
    hits: Course,
    misses: Course,
    evictions: Course,
    throttled: Course,
    commands: Course,
    latency: Course,
    /// GB and ECPU a second.
    storage_limit: Option<f64>,
    unit_limit: Option<f64>,
}

/// Figures and advice of a serverless cache.
pub(super) fn advice(input: &Input<'_>, resource: &Resource, view: &View<'_>) -> CacheAdvice {
    let of = |name: &str| Course::new(input.metrics.of(&resource.address.id, name));
    let billed = billed_now(resource.address.kind, view);
    let (storage_limit, unit_limit) = match &billed {
        Billed::Serverless { storage, ecpu, .. } => (storage.maximum, ecpu.maximum),
        Billed::Nodes { .. } => (None, None),
    };
    let used = Used {
        hours: of("BytesUsedForCache").hours(),
        stored: of("BytesUsedForCache"),
        units: of("ElastiCacheProcessingUnits").per_second(),
        hits: of("CacheHits"),
        misses: of("CacheMisses"),
        evictions: of("Evictions"),
        throttled: of("ThrottledCmds"),
        commands: of("TotalCmdsCount"),
        latency: of("SuccessfulReadRequestLatency"),
        storage_limit,
        unit_limit,
    };
    let mut list = Vec::new();
    if used.hours >= LEAST_HOURS {
        if idle(&used) {
            list.push(finding(
                "idle",
                Severity::Warn,
                "nothing uses the cache: remove it from the spec, or find out what should",
                vec![format!("{} commands in {} hours", many(used.commands.sum()), used.hours)],
            ));
        } else {
            limits(resource, &used, &mut list);
            hit_rate(&used, &mut list);
            to_nodes(input, view, &used, &mut list);
        }
    }
    to_valkey(input, resource, view, &used, &mut list);
    let sample = input.samples.get(&resource.address);
    CacheAdvice {
        address: resource.address.clone(),
        hours: used.hours,
        figures: figures(&used),
        advice: list,
        sample: sample.cloned(),
        notes: too_little(used.hours).into_iter().chain(sample.into_iter().flat_map(live::told)).collect(),
    }
}

fn finding(id: &'static str, severity: Severity, summary: &str, arithmetic: Vec<String>) -> Advice {
    Advice {
        id,
        severity,
        summary: summary.to_owned(),
        arithmetic,
        patch: Vec::new(),
        monthly_cost_before: None,
        monthly_cost_after: None,
    }
}

fn idle(used: &Used) -> bool {
    used.hours >= SIZING_HOURS && used.commands.per_second().mean().unwrap_or(0.0) < IDLE
}

fn rate(used: &Used) -> Option<f64> {
    let (hits, misses) = (used.hits.sum(), used.misses.sum());
    (hits + misses > 0.0).then(|| 100.0 * hits / (hits + misses))
}

fn figures(used: &Used) -> Vec<Figure> {
    let below = |limit: Option<f64>| limit.map_or(Bound::None, |limit| Bound::Below(NEAR * limit));
    vec![
        figure(
            "hitRate",
            rate(used),
            "percent",
            Bound::AtLeast(HIT_RATE),
            &used.hits.share(&used.misses),
            "CacheHits and CacheMisses, sums".into(),
        ),
        figure(
            "used",
            used.stored.max(),
            "bytes",
            below(used.storage_limit.map(|limit| limit * 1e9)),
            &used.stored,
            "BytesUsedForCache, highest hour; the threshold is 80 % of the limit".into(),
        ),
        figure(
            "ecpu",
            used.units.p95(),
            "per second",
            below(used.unit_limit),
            &used.units,
            "ElastiCacheProcessingUnits, 95th percentile of the hours; the threshold is 80 % of the limit".into(),
        ),
        figure(
            "throttled",
            (!used.throttled.is_empty()).then(|| used.throttled.sum()),
            "count",
            Bound::AtMost(0.0),
            &used.throttled,
            "ThrottledCmds, sum".into(),
        ),
        figure(
            "evictions",
            (!used.evictions.is_empty()).then(|| used.evictions.sum()),
            "count",
            Bound::AtMost(0.0),
            &used.evictions,
            "Evictions, sum".into(),
        ),
        figure(
            "readLatency",
            used.latency.p95(),
            "microseconds",
            Bound::AtMost(LATENCY),
            &used.latency,
            "SuccessfulReadRequestLatency, 95th percentile of the hours' averages".into(),
        ),
        figure(
            "commands",
            used.commands.per_second().mean(),
            "per second",
            Bound::None,
            &used.commands,
            "TotalCmdsCount".into(),
        ),
    ]
}

/// Limits that hold the cache back are raised, where the spec has them.
fn limits(resource: &Resource, used: &Used, list: &mut Vec<Advice>) {
    let declared =
        |pointer: &str| resource.fields.get("cacheUsageLimits").and_then(|limits| limits.pointer(pointer)).cloned();
    let entry = |name: &str, before: serde_json::Value, after: u64| PatchEntry {
        path: format!("{}.cacheUsageLimits.{name}.maximum", resource.path),
        before,
        after: json!(after),
    };
    if let (Some(most), Some(limit)) = (used.stored.max(), used.storage_limit)
        && (most >= NEAR * limit * 1e9 || used.evictions.hours_above(0.0) >= HABIT)
    {
        let arithmetic = vec![format!(
            "{} of {limit} GB ({:.0} %), {} evictions",
            bytes(most),
            most / limit / 1e7,
            many(used.evictions.sum())
        )];
        list.push(finding(
            "memory-full",
            Severity::Warn,
            "the cache is close to its storage limit",
            arithmetic.clone(),
        ));
        let wanted = ((most / 1e9 / ROOM).ceil() as u64).clamp(1, 5000);
        if wanted as f64 > limit {
            let mut advice =
                finding("scale-up", Severity::Warn, &format!("storage limit {limit} -> {wanted} GB"), arithmetic);
            advice.patch.extend(declared("/dataStorage/maximum").map(|before| entry("dataStorage", before, wanted)));
            list.push(advice);
        }
    }
    let hours = used.throttled.hours_above(0.0);
    if let (true, Some(limit)) = (hours >= HABIT, used.unit_limit) {
        let peak = used.units.max().unwrap_or(limit).max(limit);
        let wanted = ((peak / ROOM / 1000.0).ceil() as u64 * 1000).clamp(1000, 15_000_000);
        let mut advice = finding(
            "scale-up",
            Severity::Warn,
            &format!("commands are throttled: limit {limit} -> {wanted} ECPU a second"),
            vec![
                format!("{} commands throttled in {hours} of {} hours", many(used.throttled.sum()), used.hours),
                format!("{peak:.0} / {:.0} % = {wanted}", ROOM * 100.0),
            ],
        );
        advice.patch.extend(declared("/ecpuPerSecond/maximum").map(|before| entry("ecpuPerSecond", before, wanted)));
        list.push(advice);
    }
}

fn hit_rate(used: &Used, list: &mut Vec<Advice>) {
    let asked = used.hits.sum() + used.misses.sum();
    let Some(rate) = rate(used).filter(|rate| *rate < HIT_RATE && asked >= READS) else { return };
    if used.evictions.hours_above(0.0) >= HABIT {
        return;
    }
    list.push(finding(
        "hit-rate",
        Severity::Warn,
        "fewer than nine reads in ten are answered, and memory is not the reason: keys live too short, or are read before they are written",
        vec![format!("{} hits of {} reads: {rate:.1} % (threshold {HIT_RATE:.0} %)", many(used.hits.sum()), many(asked))],
    ));
}

/// What the measured use costs in a month.
fn cost(input: &Input<'_>, used: &Used, engine: &str) -> Option<(f64, Vec<String>)> {
    let price = input.prices.serverless(engine).filter(|_| input.prices.region == input.live.region)?;
    let gigabytes = (used.stored.mean()? / 1e9).max(price.minimum_gb);
    let units = used.units.mean()?;
    let storage = gigabytes * price.usd_gb_hour * HOURS_PER_MONTH;
    let processing = units * f64::from(PERIOD) * HOURS_PER_MONTH / 1e6 * price.usd_million_ecpu;
    let lines = vec![
        format!("{gigabytes:.2} GB x ${}/GB-h x {HOURS_PER_MONTH} h = {}", price.usd_gb_hour, dollars(storage)),
        format!(
            "{units:.1} ECPU/s x 3600 s x {HOURS_PER_MONTH} h x ${}/million = {}",
            price.usd_million_ecpu,
            dollars(processing)
        ),
    ];
    Some((cents(storage + processing), lines))
}

/// The smallest pair of nodes that holds it, where that costs clearly less.
fn to_nodes(input: &Input<'_>, view: &View<'_>, used: &Used, list: &mut Vec<Advice>) {
    let engine = view.text("Engine").unwrap_or_default();
    let (Some(most), Some(peak)) = (used.stored.max(), used.units.max()) else { return };
    let Some((now, mut arithmetic)) = cost(input, used, engine) else { return };
    if used.hours < SIZING_HOURS || peak > ONE_PRIMARY || engine == "memcached" {
        return;
    }
    let mut types: Vec<_> = node_type::all().filter(|node_type| node_type.family() == FAMILY).collect();
    types.sort_by_key(|node_type| node_type.maxmemory);
    let Some(next) =
        types.into_iter().find(|node_type| most <= ROOM * node_type.usable_memory(RESERVED_MEMORY_PERCENT) as f64)
    else {
        return;
    };
    let billed = Billed::Nodes {
        engine: Some("valkey".into()),
        version: None,
        nodes: vec![(next.name.clone(), NODES)],
        durability: None,
    };
    let nodes = estimate(&billed, &input.live.region, input.prices, input.today);
    let Some(after) = nodes.usd_month.filter(|after| *after <= WORTH * now) else { return };
    arithmetic.extend(nodes.arithmetic);
    arithmetic.push(format!(
        "{} in {} is {:.0} %; {peak:.0} ECPU/s in the busiest hour",
        bytes(most),
        bytes(next.usable_memory(RESERVED_MEMORY_PERCENT) as f64),
        100.0 * most / next.usable_memory(RESERVED_MEMORY_PERCENT) as f64
    ));
    arithmetic.push("an estimate: a serverless cache does not report the CPU that nodes would need".to_owned());
    let mut advice = finding(
        "to-nodes",
        Severity::Info,
        &format!(
            "{NODES} nodes of {} would cost less: create them from a snapshot of this and move the clients",
            next.name
        ),
        arithmetic,
    );
    advice.monthly_cost_before = Some(now);
    advice.monthly_cost_after = Some(after);
    list.push(advice);
}

fn to_valkey(input: &Input<'_>, resource: &Resource, view: &View<'_>, used: &Used, list: &mut Vec<Advice>) {
    if view.text("Engine") != Some("redis") || resource.text("engine") != Some("redis") {
        return;
    }
    let (before, after) = (cost(input, used, "redis"), cost(input, used, "valkey"));
    let mut advice = finding("to-valkey", Severity::Info, "redis -> valkey in place", Vec::new());
    if let (Some((before, _)), Some((after, lines))) = (&before, &after) {
        advice.arithmetic.extend(lines.iter().cloned());
        advice.arithmetic.push(format!("{} -> {} a month", dollars(*before), dollars(*after)));
    }
    // A user group is of its engine, and has to move along; so has a major version.
    if resource.fields.get("userGroupId").is_none() && resource.fields.get("majorEngineVersion").is_none() {
        advice.patch.push(PatchEntry {
            path: format!("{}.engine", resource.path),
            before: json!("redis"),
            after: json!("valkey"),
        });
    }
    advice.monthly_cost_before = before.map(|(usd, _)| usd);
    advice.monthly_cost_after = after.map(|(usd, _)| usd);
    list.push(advice);
}
