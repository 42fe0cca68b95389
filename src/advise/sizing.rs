//! Another size: node types, replicas and shards that hold what a group needs, with the arithmetic.

use serde_json::{Value, json};

use super::cost::{Billed, dollars, estimate};
use super::figures::bytes;
use super::group::{Group, MANY_VCPU, Shard};
use crate::model::advice::{Advice, PatchEntry, Severity};
use crate::model::node_type::{self, NodeType};

/// Of a size that is recommended: memory is this full then.
const ROOM: f64 = 0.6;
/// Of a size that is recommended: the engine's thread is this busy then, in percent.
const CALM: f64 = 60.0;
/// A smaller size leaves the engine's thread this much to do, in percent.
const QUIET: f64 = 50.0;
/// Free on the shards that stay, as a multiple of what the others hold (AWS's best practices of resharding).
const SCALE_IN_ROOM: f64 = 1.5;
/// AWS's quota of nodes in a group of one shard.
const NODES: usize = 6;

/// What a group of one shard or more should become.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) memory: bool,
    pub(super) cpu: bool,
    pub(super) network: bool,
    pub(super) reasons: Vec<String>,
}

/// Node types of the same family, the smaller first.
pub(super) fn family(current: &NodeType) -> Vec<&'static NodeType> {
    let mut types: Vec<&NodeType> = node_type::all().filter(|other| other.family() == current.family()).collect();
    types.sort_by_key(|node_type| node_type.maxmemory);
    types
}

/// The cost with another number of nodes, or of another type.
fn cost(group: &Group<'_>, node_type: &str, nodes: usize) -> Option<f64> {
    let durability =
        group.input.live.get(group.address).and_then(|own| own.get("Durability")?.as_str()).map(str::to_owned);
    let billed = Billed::Nodes {
        engine: Some(group.engine.clone()),
        version: Some(group.version.clone()),
        nodes: vec![(node_type.to_owned(), nodes as u64)],
        durability,
    };
    estimate(&billed, &group.input.live.region, group.input.prices, group.input.today).usd_month
}

pub(super) fn patch(group: &Group<'_>, field: &str, after: Value) -> Vec<PatchEntry> {
    if group.ignores(field) {
        return Vec::new();
    }
    let before = group.resource.fields.get(field).cloned().unwrap_or(Value::Null);
    vec![PatchEntry { path: format!("{}.{field}", group.resource.path), before, after }]
}

pub(super) fn change(
    group: &Group<'_>,
    id: &'static str,
    severity: Severity,
    summary: String,
    arithmetic: Vec<String>,
    patch: Vec<PatchEntry>,
    after: Option<f64>,
) -> Advice {
    let mut arithmetic = arithmetic;
    if let (Some(before), Some(after)) = (group.cost.usd_month, after) {
        arithmetic.push(format!(
            "{} -> {} a month ({}{})",
            dollars(before),
            dollars(after),
            if after >= before { "+" } else { "" },
            dollars(after - before)
        ));
    }
    Advice {
        id,
        severity,
        summary,
        arithmetic,
        patch,
        monthly_cost_before: group.cost.usd_month,
        monthly_cost_after: after,
    }
}

/// More of what is short: a larger type, more shards, or another replica.
pub(super) fn larger(group: &Group<'_>, needs: &Needs, advice: &mut Vec<Advice>) {
    let Some(current) = group.node_type.filter(|node_type| !node_type.has_data_tiering()) else { return };
    let reasons = needs.reasons.join(", ");
    let small = current.vcpu < MANY_VCPU;
    if needs.cpu && !small && !group.cluster {
        add_replica(group, &reasons, advice);
    }
    if needs.cpu && !small && group.cluster {
        more_shards(group, &reasons, advice);
        return;
    }
    if !(needs.memory || needs.network || small) {
        return;
    }
    let fits = |candidate: &NodeType| {
        let memory =
            group.used().is_none_or(|used| used <= ROOM * candidate.usable_memory(group.reserved_percent) as f64);
        let network = group.network().is_none_or(|rate| rate * 8.0 / 1e9 <= candidate.baseline_gbps);
        (!needs.memory || memory)
            && (!needs.network || (network && candidate.baseline_gbps > current.baseline_gbps))
            && (!needs.cpu || candidate.vcpu > current.vcpu)
    };
    let Some(next) =
        family(current).into_iter().find(|candidate| candidate.maxmemory > current.maxmemory && fits(candidate))
    else {
        if group.cluster {
            more_shards(group, &reasons, advice);
        }
        return;
    };
    let mut arithmetic = vec![reasons];
    if let Some(used) = group.used() {
        let usable = next.usable_memory(group.reserved_percent) as f64;
        arithmetic.push(format!("{} in {} is {:.0} %", bytes(used), bytes(usable), 100.0 * used / usable));
    }
    if needs.network {
        arithmetic.push(format!("baseline {} -> {} Gbps", current.baseline_gbps, next.baseline_gbps));
    }
    if needs.cpu {
        arithmetic.push(format!("{} -> {} vCPU", current.vcpu, next.vcpu));
    }
    let after = cost(group, &next.name, group.node_count());
    advice.push(change(
        group,
        "scale-up",
        Severity::Warn,
        format!("{} -> {}", current.name, next.name),
        arithmetic,
        patch(group, "cacheNodeType", json!(next.name)),
        after,
    ));
}

fn add_replica(group: &Group<'_>, reasons: &str, advice: &mut Vec<Advice>) {
    let nodes = group.node_count();
    let Some(share) = group.read_share().filter(|share| *share >= 70.0) else { return };
    if nodes >= NODES {
        return;
    }
    let cpu = group.cpu().unwrap_or(0.0);
    let arithmetic = vec![
        reasons.to_owned(),
        format!(
            "{share:.0} % reads, spread over {} nodes instead of {nodes}: about {:.0} %",
            nodes + 1,
            cpu * nodes as f64 / (nodes + 1) as f64
        ),
    ];
    // Zones are listed for each node: one more cannot be guessed.
    let known = group.resource.fields.contains_key("numCacheClusters")
        && !group.resource.fields.contains_key("preferredCacheClusterAZs");
    let patch = if known { patch(group, "numCacheClusters", json!(nodes + 1)) } else { Vec::new() };
    let after = group.node_type.and_then(|node_type| cost(group, &node_type.name, nodes + 1));
    advice.push(change(
        group,
        "add-replica",
        Severity::Warn,
        format!("{nodes} -> {} nodes, with reads at the reader endpoint", nodes + 1),
        arithmetic,
        patch,
        after,
    ));
}

fn more_shards(group: &Group<'_>, reasons: &str, advice: &mut Vec<Advice>) {
    let Some(current) = group.node_type else { return };
    let shards = group.shards.len();
    let cpu = group.cpu().unwrap_or(0.0);
    let by_cpu = (shards as f64 * cpu / CALM).ceil() as usize;
    let by_memory =
        group.used_total().zip(group.usable()).map_or(0, |(used, usable)| (used / (ROOM * usable)).ceil() as usize);
    let wanted = by_cpu.max(by_memory).max(shards + 1);
    let mut arithmetic =
        vec![reasons.to_owned(), format!("{shards} shards x {cpu:.0} % / {CALM:.0} % = {by_cpu} shards")];
    if cpu >= 80.0 {
        arithmetic.push("resharding takes CPU too: do it when the load is below 80 %".to_owned());
    }
    let after = cost(group, &current.name, wanted * group.node_count() / shards.max(1));
    advice.push(change(
        group,
        "scale-out",
        Severity::Warn,
        format!("{shards} -> {wanted} shards"),
        arithmetic,
        shard_patch(group, wanted),
        after,
    ));
}

/// Only where the spec counts shards: a list of them wants a person.
fn shard_patch(group: &Group<'_>, shards: usize) -> Vec<PatchEntry> {
    let listed = group.resource.fields.contains_key("nodeGroupConfiguration");
    let declared = group.resource.number("numNodeGroups") == Some(group.shards.len() as i64);
    if listed || !declared { Vec::new() } else { patch(group, "numNodeGroups", json!(shards)) }
}

/// Less, where a whole week would have fitted into it with room to spare.
pub(super) fn smaller(group: &Group<'_>, advice: &mut Vec<Advice>) {
    let Some(current) = group.node_type.filter(|node_type| !node_type.has_data_tiering()) else { return };
    if group.evictions.sum() > 0.0 || group.exceeded.sum() > 0.0 {
        return;
    }
    let (down, fewer) = (smaller_type(group, current), fewer_shards(group, current));
    let saving = |advice: &Option<Advice>| {
        advice.as_ref().and_then(|one| Some(one.monthly_cost_before? - one.monthly_cost_after?)).unwrap_or(0.0)
    };
    // One of both: together they would be judged by figures that neither has.
    let best = if saving(&fewer) > saving(&down) { fewer } else { down.or(fewer) };
    advice.extend(best);
}

fn smaller_type(group: &Group<'_>, current: &NodeType) -> Option<Advice> {
    let (used, rate) = (group.used()?, group.network()?);
    let host = group.nodes().filter_map(|node| node.host_cpu.p95()).reduce(f64::max)?;
    let cpu = group.cpu()?;
    let fits = |candidate: &NodeType| {
        let core = host * f64::from(current.vcpu) / f64::from(candidate.vcpu);
        let calm = if candidate.vcpu < MANY_VCPU { core <= 0.7 * 90.0 / f64::from(candidate.vcpu) } else { true };
        used <= ROOM * candidate.usable_memory(group.reserved_percent) as f64
            && rate * 8.0 / 1e9 <= ROOM * candidate.baseline_gbps
            && cpu <= QUIET
            && calm
            && node_type::family(candidate.family()).is_some_and(|family| !family.closed)
    };
    let next =
        family(current).into_iter().find(|candidate| candidate.maxmemory < current.maxmemory && fits(candidate))?;
    let usable = next.usable_memory(group.reserved_percent) as f64;
    let arithmetic = vec![
        format!(
            "{} in {} is {:.0} % (at most {:.0} %)",
            bytes(used),
            bytes(usable),
            100.0 * used / usable,
            ROOM * 100.0
        ),
        format!(
            "CPU {cpu:.0} %, network {:.2} of {} Gbps baseline, no evictions, over {} hours",
            rate * 8.0 / 1e9,
            next.baseline_gbps,
            group.hours
        ),
    ];
    let after = cost(group, &next.name, group.node_count());
    Some(change(
        group,
        "scale-down",
        Severity::Info,
        format!("{} -> {}", current.name, next.name),
        arithmetic,
        patch(group, "cacheNodeType", json!(next.name)),
        after,
    ))
}

fn fewer_shards(group: &Group<'_>, current: &NodeType) -> Option<Advice> {
    let shards = group.shards.len();
    let (total, usable) = (group.used_total()?, group.usable()?);
    let cpu: f64 = group.shards.iter().map(Shard::cpu).sum::<Option<f64>>()?;
    if !group.cluster || shards < 2 {
        return None;
    }
    let fits = |kept: usize| {
        let leaving = total * (shards - kept) as f64 / shards as f64;
        let free = kept as f64 * usable - (total - leaving);
        total <= ROOM * kept as f64 * usable && cpu / kept as f64 <= QUIET && free >= SCALE_IN_ROOM * leaving
    };
    let kept = (1..shards).find(|kept| fits(*kept))?;
    let arithmetic = vec![
        format!(
            "{} in {kept} x {} is {:.0} % (at most {:.0} %)",
            bytes(total),
            bytes(usable),
            100.0 * total / (kept as f64 * usable),
            ROOM * 100.0
        ),
        format!(
            "CPU of all shards {cpu:.0} % / {kept} = {:.0} % (at most {QUIET:.0} %), over {} hours",
            cpu / kept as f64,
            group.hours
        ),
    ];
    let after = cost(group, &current.name, kept * group.node_count() / shards);
    Some(change(
        group,
        "scale-in",
        Severity::Info,
        format!("{shards} -> {kept} shards"),
        arithmetic,
        shard_patch(group, kept),
        after,
    ))
}
