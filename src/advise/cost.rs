//! What caches cost in a month by list prices, before and after a change. What is not known is said.

use serde_json::Value;

use crate::model::cost::{CacheCost, Cost, Estimate};
use crate::model::live::{Live, View};
use crate::model::prices::{HOURS_PER_MONTH, Prices};
use crate::model::version::Version;
use crate::model::{Address, Glob, Kind, Resource, Spec};

/// What no estimate holds.
pub const NOT_COUNTED: &str =
    "Not counted: backups, data transfer, logs, what CloudWatch charges, reserved nodes and savings plans, taxes";

const DEFAULT_DURABILITY: &str = "default";
const SYNC: &str = "sync";

/// What AWS bills a cache by.
#[derive(Clone, Debug, PartialEq)]
pub enum Billed {
    Nodes {
        engine: Option<String>,
        version: Option<String>,
        /// By node type, in the order of the members; a type that nobody says is empty.
        nodes: Vec<(String, u64)>,
        durability: Option<String>,
    },
    Serverless {
        engine: Option<String>,
        /// GB
        storage: Limits,
        /// ElastiCache processing units a second.
        ecpu: Limits,
    },
}

/// Usage limits of a serverless cache: what is paid for at least, and what it can come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
}

/// What a plan does to the existence of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Deleted,
}

/// The cost of the stack's caches now, and with the spec applied.
pub fn of_stack(
    spec: &Spec,
    live: &Live,
    only: &[Glob],
    prices: &Prices,
    today: &str,
    fate: &dyn Fn(&Address) -> Fate,
) -> Cost {
    let orphans =
        live.owned.iter().filter(|address| !spec.resources.contains_key(address) && live.get(address).is_some());
    let mut addresses: Vec<&Address> = spec
        .resources
        .keys()
        .chain(orphans)
        .filter(|address| address.kind.is_cache() && (only.is_empty() || only.iter().any(|glob| glob.matches(address))))
        .collect();
    addresses.sort();
    let caches: Vec<CacheCost> = addresses
        .into_iter()
        .map(|address| {
            let now = live.view(address).map(|view| billed_now(address.kind, &view));
            let then = match (fate(address), spec.resources.get(address)) {
                (Fate::Deleted, _) => None,
                (Fate::Kept, Some(resource)) => Some(billed_then(resource, live, now.as_ref())),
                (Fate::Kept, None) => now.clone(),
            };
            let priced = |billed: Option<Billed>| billed.map(|billed| estimate(&billed, &live.region, prices, today));
            CacheCost { address: address.clone(), before: priced(now), after: priced(then) }
        })
        .collect();
    let sum = |of: fn(&CacheCost) -> &Option<Estimate>| {
        caches.iter().filter_map(|cache| of(cache).as_ref()?.usd_month).fold(0.0, |sum, usd| sum + usd)
    };
    let all = || caches.iter().flat_map(|cache| cache.before.iter().chain(&cache.after));
    Cost {
        currency: prices.currency.clone(),
        region: prices.region.clone(),
        date: prices.date.clone(),
        source: prices.source.clone(),
        hours_per_month: HOURS_PER_MONTH,
        usd_month_before: cents(sum(|cache| &cache.before)),
        usd_month_after: cents(sum(|cache| &cache.after)),
        complete: all().all(|estimate| estimate.unknown.is_empty() && estimate.usd_month.is_some()),
        caches,
        not_counted: NOT_COUNTED.to_owned(),
    }
}

/// What a live cache is billed by.
pub fn billed_now(kind: Kind, view: &View<'_>) -> Billed {
    let text = |member: &str| view.text(member).map(str::to_owned);
    if kind.is_serverless() {
        let limits = view.own("CacheUsageLimits");
        return Billed::Serverless {
            engine: text("Engine"),
            storage: limits_of(limits, "/DataStorage", "Minimum", "Maximum"),
            ecpu: limits_of(limits, "/ECPUPerSecond", "Minimum", "Maximum"),
        };
    }
    let of_members =
        |member: &str| view.members.iter().find_map(|cluster| cluster.get(member)?.as_str()).map(str::to_owned);
    let mut nodes: Vec<(String, u64)> = Vec::new();
    for id in view.member_ids() {
        let cluster = view.live.cache_clusters.get(id);
        let node_type = cluster.and_then(|cluster| cluster.get("CacheNodeType")?.as_str());
        let node_type = node_type.or_else(|| view.text("CacheNodeType")).unwrap_or_default();
        match nodes.iter_mut().find(|(known, _)| known == node_type) {
            Some((_, count)) => *count += 1,
            None => nodes.push((node_type.to_owned(), 1)),
        }
    }
    Billed::Nodes {
        engine: text("Engine").or_else(|| of_members("Engine")),
        version: of_members("EngineVersion"),
        nodes,
        durability: text("EffectiveDurability").or_else(|| text("Durability")),
    }
}

/// What a cache is billed by once the spec is applied: what is declared, else what is live.
pub fn billed_then(resource: &Resource, live: &Live, now: Option<&Billed>) -> Billed {
    let text = |name: &str| resource.text(name).map(str::to_owned);
    if resource.address.kind.is_serverless() {
        let (engine_now, storage_now, ecpu_now) = match now {
            Some(Billed::Serverless { engine, storage, ecpu }) => (engine.clone(), *storage, *ecpu),
            _ => Default::default(),
        };
        let declared = resource.fields.get("cacheUsageLimits");
        let part = |name: &str, now: Limits| match declared.and_then(|limits| limits.get(name)) {
            Some(_) => limits_of(declared, &format!("/{name}"), "minimum", "maximum"),
            None => now,
        };
        return Billed::Serverless {
            engine: text("engine").or(engine_now),
            storage: part("dataStorage", storage_now),
            ecpu: part("ecpuPerSecond", ecpu_now),
        };
    }
    let (engine_now, version_now, nodes_now, durability_now) = match now {
        Some(Billed::Nodes { engine, version, nodes, durability }) => {
            (engine.clone(), version.clone(), nodes.clone(), durability.clone())
        }
        _ => Default::default(),
    };
    let type_now = nodes_now.first().map(|(node_type, _)| node_type.clone()).unwrap_or_default();
    let count = node_count(resource, live).unwrap_or_else(|| nodes_now.iter().map(|(_, count)| count).sum());
    // AWS takes a snapshot's or a global datastore's node type where none is declared.
    let nodes = match text("cacheNodeType") {
        None if nodes_now.len() > 1 && nodes_now.iter().map(|(_, nodes)| nodes).sum::<u64>() == count => nodes_now,
        declared => vec![(declared.unwrap_or(type_now), count)],
    };
    let durability = match text("durability") {
        // AWS decides what it comes to.
        Some(word) if word == DEFAULT_DURABILITY => durability_now.or(Some(word)),
        declared => declared.or(durability_now),
    };
    Billed::Nodes {
        engine: text("engine").or(engine_now),
        version: text("engineVersion").or(version_now),
        nodes,
        durability,
    }
}

/// Nodes of a group once the spec is applied. `None`: the spec says nothing of them.
fn node_count(resource: &Resource, live: &Live) -> Option<u64> {
    let number = |name: &str| resource.number(name).and_then(|number| u64::try_from(number).ok());
    let view = live.view(&resource.address);
    let shards_now: Vec<u64> = view
        .iter()
        .flat_map(|view| view.node_groups())
        .map(|shard| shard.get("NodeGroupMembers").and_then(Value::as_array).map_or(0, |members| members.len() as u64))
        .collect();
    let entries = resource.fields.get("nodeGroupConfiguration").and_then(Value::as_array);
    let replicas = number("replicasPerNodeGroup");
    if let Some(nodes) = number("numCacheClusters") {
        return Some(nodes);
    }
    if let Some(entries) = entries.filter(|entries| !entries.is_empty()) {
        let of = |entry: &Value| entry.get("replicaCount").and_then(Value::as_u64).or(replicas).unwrap_or(0) + 1;
        let shards = number("numNodeGroups").unwrap_or(entries.len() as u64);
        let listed: u64 = entries.iter().map(of).sum();
        return Some(listed + shards.saturating_sub(entries.len() as u64) * (replicas.unwrap_or(0) + 1));
    }
    let shards = number("numNodeGroups");
    match (shards, replicas) {
        (None, None) => view.is_none().then_some(1),
        (shards, Some(replicas)) => Some(shards.unwrap_or((shards_now.len() as u64).max(1)) * (replicas + 1)),
        // Shards that come are like the largest that is there; those that go are taken from the end.
        (Some(shards), None) => {
            let largest = shards_now.iter().max().copied().unwrap_or(1);
            let kept: u64 = shards_now.iter().take(shards as usize).sum();
            Some(kept + shards.saturating_sub(shards_now.len() as u64) * largest)
        }
    }
}

fn limits_of(value: Option<&Value>, pointer: &str, minimum: &str, maximum: &str) -> Limits {
    let part = value.and_then(|value| value.pointer(pointer));
    let number = |name: &str| part.and_then(|part| part.get(name)?.as_f64());
    Limits { minimum: number(minimum), maximum: number(maximum) }
}

/// The monthly cost of what is billed, by a list of prices, in a region, on a day.
pub fn estimate(billed: &Billed, region: &str, prices: &Prices, today: &str) -> Estimate {
    if prices.region != region {
        return Estimate::unknown(format!(
            "the prices are of {}, the cache is in {region}: --price-file brings others",
            prices.region
        ));
    }
    let mut estimate = match billed {
        Billed::Nodes { engine, version, nodes, durability } => {
            let Some(engine) = engine else { return Estimate::unknown("the engine is not known".to_owned()) };
            of_nodes(engine, version.as_deref(), nodes, durability.as_deref(), prices, today)
        }
        Billed::Serverless { engine, storage, ecpu } => {
            let Some(engine) = engine else { return Estimate::unknown("the engine is not known".to_owned()) };
            of_serverless(engine, *storage, *ecpu, prices)
        }
    };
    estimate.usd_month = estimate.usd_month.map(cents);
    estimate.usd_month_at_most = estimate.usd_month_at_most.map(cents);
    estimate
}

fn of_nodes(
    engine: &str,
    version: Option<&str>,
    nodes: &[(String, u64)],
    durability: Option<&str>,
    prices: &Prices,
    today: &str,
) -> Estimate {
    let mut estimate = Estimate::default();
    let mut hourly = 0.0;
    for (node_type, count) in nodes {
        if node_type.is_empty() {
            estimate.unknown.push("the node type is not known".to_owned());
            continue;
        }
        let Some(price) = prices.node_hour(node_type, engine) else {
            estimate.unknown.push(format!("no price for {engine} on {node_type} is known"));
            continue;
        };
        let usd = *count as f64 * price * HOURS_PER_MONTH;
        hourly += *count as f64 * price;
        estimate.add(
            usd,
            format!("{count} x {node_type} ({engine}) x ${price}/h x {HOURS_PER_MONTH} h = {}", dollars(usd)),
        );
        if durability == Some(SYNC) {
            match prices.durability_sync_hour(node_type) {
                Some(add_on) => {
                    let usd = *count as f64 * add_on.value * HOURS_PER_MONTH;
                    estimate.add(
                        usd,
                        format!(
                            "durability sync: {count} x ${}/h x {HOURS_PER_MONTH} h = {} ({})",
                            add_on.value,
                            dollars(usd),
                            add_on.source
                        ),
                    );
                }
                None => {
                    estimate.unknown.push(format!("the add-on of synchronous durability on {node_type} is not known"))
                }
            }
        }
    }
    let major = version.and_then(Version::parse).map(|version| version.major);
    if let Some(surcharge) = major.and_then(|major| prices.extended_support(engine, major, today)) {
        let usd = hourly * surcharge.value * HOURS_PER_MONTH;
        estimate.add(
            usd,
            format!(
                "extended support of {engine} {}: {:.0} % = {} ({})",
                version.unwrap_or_default(),
                surcharge.value * 100.0,
                dollars(usd),
                surcharge.source
            ),
        );
    }
    estimate
}

fn of_serverless(engine: &str, storage: Limits, ecpu: Limits, prices: &Prices) -> Estimate {
    let Some(price) = prices.serverless(engine) else {
        return Estimate::unknown(format!("no price for serverless {engine} is known"));
    };
    let mut estimate = Estimate::default();
    let least = storage.minimum.unwrap_or(0.0).max(price.minimum_gb);
    let usd = least * price.usd_gb_hour * HOURS_PER_MONTH;
    estimate.add(
        usd,
        format!("at least {least} GB x ${}/GB-h x {HOURS_PER_MONTH} h = {}", price.usd_gb_hour, dollars(usd)),
    );
    if let Some(units) = ecpu.minimum {
        let usd = ecpu_month(units, price.usd_million_ecpu);
        estimate.add(
            usd,
            format!(
                "at least {units} ECPU/s x 3600 s x {HOURS_PER_MONTH} h x ${}/million = {}",
                price.usd_million_ecpu,
                dollars(usd)
            ),
        );
    }
    estimate.unknown.push(format!(
        "use is billed: ${} a GB-hour and ${} a million ECPU above that",
        price.usd_gb_hour, price.usd_million_ecpu
    ));
    if let (Some(gigabytes), Some(units)) = (storage.maximum, ecpu.maximum) {
        let usd = gigabytes * price.usd_gb_hour * HOURS_PER_MONTH + ecpu_month(units, price.usd_million_ecpu);
        estimate.usd_month_at_most = Some(usd);
        estimate.arithmetic.push(format!(
            "at its limits all month: {gigabytes} GB x ${}/GB-h x {HOURS_PER_MONTH} h + {units} ECPU/s x 3600 s x {HOURS_PER_MONTH} h x ${}/million = {}",
            price.usd_gb_hour,
            price.usd_million_ecpu,
            dollars(usd)
        ));
    }
    estimate
}

/// USD for so many ElastiCache processing units a second, all month.
fn ecpu_month(units: f64, usd_million: f64) -> f64 {
    units * 3600.0 * HOURS_PER_MONTH / 1e6 * usd_million
}

/// Rounded to the cent.
pub fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

/// `$1,234.50`
pub fn dollars(usd: f64) -> String {
    let text = format!("{:.2}", usd.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}${grouped}.{cents}", if usd < 0.0 && cents_differ(usd) { "-" } else { "" })
}

fn cents_differ(usd: f64) -> bool {
    cents(usd) != 0.0
}
