//! What follows from a group's figures: what is wrong, and the change that is certain to help.

use serde_json::{Value, json};

use super::cost::{Billed, cents, dollars, estimate};
use super::figures::{bytes, many};
use super::group::{CONNECTIONS, Group, HIT_RATE, LAG, MANY_VCPU, MEMORY, Shard};
use super::sizing::{Needs, change, larger, patch, smaller};
use super::{LEAST_HOURS, SIZING_HOURS};
use crate::model::advice::{Advice, PatchEntry, Severity};
use crate::model::node_type::{self, NodeType, Runs};
use crate::model::prices::HOURS_PER_MONTH;
use crate::model::sample::{BIG_VALUE, Basis};
use crate::model::version::Version;
use crate::resource::parameter_group;

/// Hours that make a habit of what happened in them.
const HABIT: usize = 3;
/// Reads below this say nothing of a hit rate.
const READS: f64 = 1_000.0;
/// One command a minute.
const IDLE: f64 = 1.0 / 60.0;
/// Other hosting is worth a move below this share of the cost.
const WORTH: f64 = 0.75;

/// The advice on a group; `settled`: the spec's node type is the live one.
pub(super) fn of_group(group: &Group<'_>, settled: bool) -> Vec<Advice> {
    let mut advice = Vec::new();
    if group.hours >= LEAST_HOURS {
        if let Some(idle) = idle(group) {
            advice.push(idle);
        } else {
            let mut needs = Needs::default();
            memory(group, &mut needs, &mut advice);
            hit_rate(group, &needs, &mut advice);
            cpu(group, &mut needs, &mut advice);
            network(group, &mut needs, &mut advice);
            connections(group, &mut advice);
            lag(group, &mut advice);
            if settled {
                let strained = needs.memory || needs.cpu || needs.network;
                if strained {
                    larger(group, &needs, &mut advice);
                } else if group.hours >= SIZING_HOURS && advice.iter().all(|one| one.severity != Severity::Warn) {
                    smaller(group, &mut advice);
                    to_serverless(group, &mut advice);
                }
            }
        }
    }
    sampled(group, &mut advice);
    to_valkey(group, &mut advice);
    advice
}

fn finding(id: &'static str, severity: Severity, summary: String, arithmetic: Vec<String>) -> Advice {
    Advice { id, severity, summary, arithmetic, patch: Vec::new(), monthly_cost_before: None, monthly_cost_after: None }
}

fn idle(group: &Group<'_>) -> Option<Advice> {
    let rate = group.commands.per_second().mean()?;
    if group.hours < SIZING_HOURS || rate >= IDLE {
        return None;
    }
    let mut advice = finding(
        "idle",
        Severity::Warn,
        "nothing uses the cache: remove it from the spec, or find out what should".into(),
        vec![format!("{} commands in {} hours: {rate:.4} a second", many(group.commands.sum()), group.hours)],
    );
    advice.monthly_cost_before = group.cost.usd_month;
    Some(advice)
}

fn memory(group: &Group<'_>, needs: &mut Needs, advice: &mut Vec<Advice>) {
    let Some(percent) = group.memory_percent() else { return };
    let evicting = group.evictions.hours_above(0.0);
    let refuses = group.policy.as_deref() == Some("noeviction");
    let only_volatile = group.policy.as_deref().is_some_and(|policy| policy.starts_with("volatile-"));
    let misses = group.hit_rate().is_some_and(|rate| rate < HIT_RATE);
    let mut arithmetic = vec![format!("memory {percent:.0} % (threshold {MEMORY:.0} %)")];
    if let (Some(used), Some(usable)) = (group.used(), group.usable()) {
        arithmetic.push(format!("{} of {} that data may use on a node", bytes(used), bytes(usable)));
    }
    if evicting > 0 {
        arithmetic.push(format!("{} evictions in {evicting} of {} hours", many(group.evictions.sum()), group.hours));
    }
    if let Some(rate) = group.hit_rate() {
        arithmetic.push(format!("hit rate {rate:.1} % (threshold {HIT_RATE:.0} %)"));
    }
    let starving = evicting >= HABIT && misses;
    let about_to_refuse = percent >= MEMORY && evicting == 0 && (refuses || only_volatile);
    if !starving && !about_to_refuse {
        return;
    }
    let summary = if starving {
        "memory is full: keys are evicted that clients ask for again".to_owned()
    } else if refuses {
        "memory is nearly full under noeviction: writes will be refused".to_owned()
    } else {
        "memory is nearly full and nothing is evicted: under volatile-* only keys with a time to live can be, and writes are refused once there are none".to_owned()
    };
    advice.push(finding("memory-full", Severity::Warn, summary, arithmetic.clone()));
    needs.memory = true;
    needs.reasons.push(format!("memory {percent:.0} %"));
    if about_to_refuse {
        advice.push(eviction_policy(group, arithmetic));
    }
}

/// A policy is changed for people only where no key can be lost that was to stay.
fn eviction_policy(group: &Group<'_>, mut arithmetic: Vec<String>) -> Advice {
    let policy = group.policy.clone().unwrap_or_default();
    let mut patch = Vec::new();
    let summary = match group.sample {
        Some(sample) if policy == "noeviction" && sample.keys >= 100 && sample.all_end() => {
            arithmetic.push(format!("all {} sampled keys have a time to live", sample.keys));
            patch.extend(policy_patch(group, "volatile-lru"));
            "volatile-lru evicts only keys that end anyway, instead of refusing writes"
        }
        Some(_) => {
            "choose between allkeys-lru (every key may go: a cache) and the policy as it is (keys without a time to live stay)"
        }
        None => {
            "if this is a cache, allkeys-lru evicts what is least used instead of refusing writes; if keys without a time to live must stay, volatile-lru"
        }
    };
    let mut advice =
        finding("eviction-policy", Severity::Warn, format!("maxmemory-policy is {policy}: {summary}"), arithmetic);
    advice.patch = patch;
    advice
}

fn policy_patch(group: &Group<'_>, policy: &str) -> Option<PatchEntry> {
    let name = group.resource.text("cacheParameterGroupName")?;
    let own = parameter_group::declared_as(group.input.spec, name)?;
    let shared =
        group.input.spec.resources.values().filter(|other| other.text("cacheParameterGroupName") == Some(name)).count();
    let before = own
        .fields
        .get("parameters")
        .and_then(|parameters| parameters.get("maxmemory-policy"))
        .cloned()
        .unwrap_or(Value::Null);
    (shared == 1).then(|| PatchEntry {
        path: format!("{}.parameters.maxmemory-policy", own.path),
        before,
        after: json!(policy),
    })
}

fn hit_rate(group: &Group<'_>, needs: &Needs, advice: &mut Vec<Advice>) {
    let Some(rate) = group.hit_rate().filter(|rate| *rate < HIT_RATE) else { return };
    let asked = group.hits.sum() + group.misses.sum();
    if needs.memory || asked < READS {
        return;
    }
    let mut arithmetic = vec![format!(
        "{} hits of {} reads: {rate:.1} % (threshold {HIT_RATE:.0} %)",
        many(group.hits.sum()),
        many(asked)
    )];
    if let Some(percent) = group.memory_percent() {
        arithmetic.push(format!("memory {percent:.0} %, {} evictions: there is room", many(group.evictions.sum())));
    }
    if group.reclaimed.sum() > 0.0 {
        arithmetic.push(format!("{} keys reached the end of their lives", many(group.reclaimed.sum())));
    }
    advice.push(finding(
        "hit-rate",
        Severity::Warn,
        "fewer than nine reads in ten are answered, and memory is not the reason: keys live too short, or are read before they are written".into(),
        arithmetic,
    ));
}

fn cpu(group: &Group<'_>, needs: &mut Needs, advice: &mut Vec<Advice>) {
    let threshold = group.cpu_threshold();
    let Some(busiest) = group.cpu().filter(|cpu| *cpu >= threshold) else { return };
    let line =
        format!("busiest shard {busiest:.0} % (threshold {threshold:.0} %), 95th percentile of {} hours", group.hours);
    let mut others: Vec<f64> = group.shards.iter().filter_map(Shard::cpu).collect();
    others.sort_by(f64::total_cmp);
    others.pop();
    let median = others.get(others.len() / 2).copied();
    if let (Some(median), Some(hot)) = (median.filter(|median| *median < busiest / 2.0), hottest(group)) {
        advice.push(finding(
            "cpu-bound",
            Severity::Warn,
            format!("shard {hot} is hot: find the key that draws the load; more shards do not divide one key"),
            vec![line, format!("the other shards: {median:.0} %")],
        ));
        return;
    }
    let small = group.node_type.is_some_and(|node_type| node_type.vcpu < MANY_VCPU);
    let reads = group.read_share();
    let mut arithmetic = vec![line];
    arithmetic.extend(reads.map(|share| format!("{share:.0} % of the commands read")));
    let summary = match (small, group.cluster) {
        (true, _) => "the cores of this small node are busy".to_owned(),
        (false, true) => "the engine's thread is busy in all shards".to_owned(),
        (false, false) if reads_on_primary(group) => {
            "the engine's thread of the primary is busy, and its replicas are not: send reads to the reader endpoint"
                .to_owned()
        }
        (false, false) => "the engine's thread is busy".to_owned(),
    };
    let unused_replicas = !small && !group.cluster && reads_on_primary(group);
    advice.push(finding("cpu-bound", Severity::Warn, summary, arithmetic));
    if !unused_replicas {
        needs.cpu = true;
        needs.reasons.push(format!("CPU {busiest:.0} %"));
    }
}

fn hottest<'a>(group: &'a Group<'_>) -> Option<&'a str> {
    let of = |shard: &&Shard| shard.cpu().unwrap_or(0.0);
    group.shards.iter().max_by(|one, other| of(one).total_cmp(&of(other))).map(|shard| shard.id.as_str())
}

/// Do reads load the primary while its replicas have little to do?
fn reads_on_primary(group: &Group<'_>) -> bool {
    let cpu = |primary: bool| {
        group
            .nodes()
            .filter(move |node| node.is_primary == Some(primary))
            .filter_map(|node| node.cpu.p95())
            .reduce(f64::max)
    };
    let reads = group.read_share().is_some_and(|share| share >= 70.0);
    reads && cpu(true).zip(cpu(false)).is_some_and(|(primary, replicas)| replicas < primary / 2.0)
}

fn network(group: &Group<'_>, needs: &mut Needs, advice: &mut Vec<Advice>) {
    let hours = group.exceeded.hours_above(0.0);
    if hours < HABIT {
        return;
    }
    let mut arithmetic = vec![format!(
        "the allowance was exceeded in {hours} of {} hours ({} packets)",
        group.exceeded.hours(),
        many(group.exceeded.sum())
    )];
    if let (Some(rate), Some(node_type)) = (group.network(), group.node_type) {
        arithmetic.push(format!(
            "{:.2} Gbps in the busy hours, baseline of {} {} Gbps",
            rate * 8.0 / 1e9,
            node_type.name,
            node_type.baseline_gbps
        ));
    }
    advice.push(finding(
        "network-bound",
        Severity::Warn,
        "the node's network allowance is exceeded: packets wait or are dropped".into(),
        arithmetic,
    ));
    needs.network = true;
    needs.reasons.push(format!("network exceeded in {hours} hours"));
}

fn connections(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let Some(most) = group.connections.max().filter(|most| *most >= CONNECTIONS) else { return };
    advice.push(finding(
        "connections",
        Severity::Warn,
        "close to the 65,000 connections that a node takes, of whatever size: pool them, and close idle ones (parameter timeout)".into(),
        vec![format!("{most:.0} connections of 65,000 (threshold {CONNECTIONS:.0})")],
    ));
}

fn lag(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let hours = group.lag.hours_above(LAG);
    if hours < HABIT {
        return;
    }
    advice.push(finding(
        "replication-lag",
        Severity::Warn,
        "replicas are more than a second behind: clients that read from them see the past, and a failover loses it"
            .into(),
        vec![format!(
            "above {LAG:.0} s in {hours} of {} hours, at most {:.1} s on average of an hour",
            group.lag.hours(),
            group.lag.max().unwrap_or(0.0)
        )],
    ));
}

/// What the same use would cost without nodes.
fn to_serverless(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let tiered = group.node_type.is_none_or(NodeType::has_data_tiering);
    let durable = group
        .input
        .live
        .get(group.address)
        .and_then(|own| own.get("Durability")?.as_str())
        .is_some_and(|word| word != "disabled" && word != "default");
    // Beside the nodes that would be left.
    let smaller = advice.iter().filter_map(|one| one.monthly_cost_after).reduce(f64::min);
    let (Some(nodes), Some(price)) = (smaller.or(group.cost.usd_month), group.input.prices.serverless("valkey")) else {
        return;
    };
    if tiered || durable || !group.cost.unknown.is_empty() {
        return;
    }
    let stored: Option<f64> =
        group.shards.iter().map(|shard| shard.nodes.iter().filter_map(|node| node.bytes.mean()).reduce(f64::max)).sum();
    let (Some(stored), Some(commands)) = (stored, group.commands.per_second().mean()) else { return };
    let moved: f64 = group.nodes().filter_map(|node| node.network.mean()).sum();
    let units = commands.max(moved / 1024.0);
    let gigabytes = (stored / 1e9).max(price.minimum_gb);
    let storage = gigabytes * price.usd_gb_hour * HOURS_PER_MONTH;
    let processing = units * 3600.0 * HOURS_PER_MONTH / 1e6 * price.usd_million_ecpu;
    let after = cents(storage + processing);
    if after > WORTH * nodes {
        return;
    }
    let arithmetic = vec![
        format!("{gigabytes:.2} GB x ${}/GB-h x {HOURS_PER_MONTH} h = {}", price.usd_gb_hour, dollars(storage)),
        format!(
            "{units:.1} ECPU/s (commands, or kilobytes moved) x 3600 s x {HOURS_PER_MONTH} h x ${}/million = {}",
            price.usd_million_ecpu,
            dollars(processing)
        ),
        "an estimate: costly commands take more units, and clients must speak TLS and cluster mode".to_owned(),
    ];
    advice.push(change(
        group,
        "to-serverless",
        Severity::Info,
        "a serverless cache would cost less: create one from a snapshot of this and move the clients".into(),
        arithmetic,
        Vec::new(),
        Some(after),
    ));
}

fn sampled(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let Some(sample) = group.sample else { return };
    if let Some((prefix, size)) = sample.big.first() {
        advice.push(finding(
            "big-values",
            Severity::Warn,
            format!("values of more than {}: they hold up every other command of their shard", bytes(BIG_VALUE as f64)),
            vec![format!(
                "{} of {} sampled keys, the largest {}, under {prefix}",
                sample.big.len(),
                sample.keys,
                bytes(*size as f64)
            )],
        ));
    }
    let volatile = group.policy.as_deref().is_some_and(|policy| policy.starts_with("volatile-"));
    if let Some((share, basis)) = sample.ttl_share().filter(|(share, _)| volatile && *share < 50.0) {
        let of = match basis {
            Basis::All => "all keys".to_owned(),
            Basis::Sampled => format!("{} sampled keys", sample.keys),
        };
        advice.push(finding(
            "no-ttl",
            Severity::Warn,
            format!(
                "most keys have no time to live, and {} evicts none of those",
                group.policy.as_deref().unwrap_or_default()
            ),
            vec![format!("{:.0} % of {of} without a time to live", 100.0 - share)],
        ));
    }
}

/// The engine that takes over in place and costs less.
fn to_valkey(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let new_enough = Version::parse(&group.version).is_some_and(|version| version.at_least(5, 0, 6));
    let declared = group.resource.text("engine").is_none_or(|engine| engine == "redis");
    if group.engine != "redis"
        || !declared
        || !new_enough
        || group.resource.fields.contains_key("globalReplicationGroupId")
    {
        return;
    }
    let Some(node_type) = group
        .node_type
        .filter(|one| node_type::family(one.family()).is_some_and(|family| family.runs("valkey") != Runs::Never))
    else {
        return;
    };
    let billed = Billed::Nodes {
        engine: Some("valkey".into()),
        version: Some("7.2".into()),
        nodes: vec![(node_type.name.clone(), group.node_count() as u64)],
        durability: None,
    };
    let after = estimate(&billed, &group.input.live.region, group.input.prices, group.input.today).usd_month;
    let mut arithmetic = Vec::new();
    if group.input.prices.region == group.input.live.region
        && let (Some(redis), Some(valkey)) = (
            group.input.prices.node_hour(&node_type.name, "redis"),
            group.input.prices.node_hour(&node_type.name, "valkey"),
        )
    {
        arithmetic.push(format!("{} x {}: ${redis} -> ${valkey} an hour", group.node_count(), node_type.name));
    }
    let patch = valkey_patch(group);
    let summary = if patch.is_empty() {
        "redis -> valkey 7.2 in place; its parameter group and users have to move along, which needs a person"
    } else {
        "redis -> valkey 7.2 in place"
    };
    advice.push(change(group, "to-valkey", Severity::Info, summary.to_owned(), arithmetic, patch, after));
}

/// Only where AWS's own parameter group is used: another one has to be made for the new engine.
fn valkey_patch(group: &Group<'_>) -> Vec<PatchEntry> {
    let own_group = group.resource.fields.get("cacheParameterGroupName").is_some();
    let users = group.resource.fields.get("userGroupIds").and_then(Value::as_array).is_some_and(|ids| !ids.is_empty());
    if own_group || users || ["engine", "engineVersion"].iter().any(|field| group.ignores(field)) {
        return Vec::new();
    }
    ["engine", "engineVersion"]
        .into_iter()
        .zip([json!("valkey"), json!("7.2")])
        .flat_map(|(field, after)| patch(group, field, after))
        .collect()
}
