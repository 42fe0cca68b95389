//! Whether the data fit what a plan makes of a cache: by the measurements of the last day.

use serde_json::Value;

use super::course::Course;
use super::figures::bytes;
use crate::model::live::{Live, View};
use crate::model::metrics::{Metric, Metrics, Statistic};
use crate::model::node_type::{self, NodeType, RESERVED_MEMORY_PERCENT};
use crate::model::plan::{Action, Blocked, Change, Plan};
use crate::model::{Address, Spec};
use crate::resource::parameter_group;

/// Memory may be this full afterwards without a word.
const FULL: f64 = 0.8;
/// AWS's best practices of resharding: below this on the engine's thread, and below half of it on one core.
const RESHARD_CPU: f64 = 80.0;
const RESHARD_CPU_ONE_CORE: f64 = 50.0;
/// And free on the shards that stay, as a multiple of what the others hold.
const SCALE_IN_ROOM: f64 = 1.5;
const RULE: &str = "data-does-not-fit";

/// A change of a group's size that live data speak for or against.
struct Resizing<'a> {
    address: &'a Address,
    node_type: &'static NodeType,
    is_smaller: bool,
    shards: (usize, usize),
}

impl Resizing<'_> {
    fn reshards(&self) -> bool {
        self.shards.0 != self.shards.1
    }
}

/// What to measure before a plan is believed; nothing where it makes no cache smaller and moves no slots.
pub fn wanted(plan: &Plan, live: &Live) -> Vec<Metric> {
    resizings(plan, live)
        .into_iter()
        .filter_map(|resizing| live.view(resizing.address))
        .flat_map(|view| view.member_ids().map(str::to_owned).collect::<Vec<_>>())
        .flat_map(|node| {
            let metric = |name, statistic| Metric { node: node.clone(), serverless: false, name, statistic };
            [metric("BytesUsedForCache", Statistic::Maximum), metric("EngineCPUUtilization", Statistic::Average)]
        })
        .collect()
}

/// Writes into the plan what the measurements say: a note where it will be tight, a block where it does not fit.
pub fn judge(plan: &mut Plan, spec: &Spec, live: &Live, metrics: &Metrics) {
    let mut notes = Vec::new();
    let mut blocked: Vec<(Address, Blocked)> = Vec::new();
    for resizing in resizings(plan, live) {
        let Some(view) = live.view(resizing.address) else { continue };
        let reserved = reserved_percent(spec, live, resizing.address, &view);
        match judged(&resizing, &view, metrics, resizing.node_type.usable_memory(reserved) as f64) {
            Verdict::Fits(said) => notes.extend(said.into_iter().map(|note| format!("{}: {note}", resizing.address))),
            Verdict::DoesNot(block) => blocked.push((resizing.address.clone(), block)),
        }
    }
    plan.notes.extend(notes);
    for (address, block) in blocked {
        refuse(plan, &address, block);
    }
}

enum Verdict {
    Fits(Vec<String>),
    DoesNot(Blocked),
}

/// Changes of groups that stay the same group, and are not blocked anyway.
fn updates(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| {
        change.address.kind.is_cache()
            && !change.address.kind.is_serverless()
            && matches!(change.action, Action::Update | Action::Adopt)
            && change.blocked.is_none()
    })
}

/// Of which changes of size nobody can say whether the data fit, and why.
pub fn unjudged(plan: &Plan, live: &Live) -> Vec<String> {
    let why = |change: &Change| {
        let view = live.view(&change.address)?;
        let resizes = ["cacheNodeType", "numNodeGroups", "nodeGroupConfiguration"];
        resizes.into_iter().find(|path| value(change, path).is_some())?;
        let before = view.members.iter().find_map(|cluster| cluster.get("CacheNodeType")?.as_str());
        let names = before.into_iter().chain(value(change, "cacheNodeType").and_then(Value::as_str));
        names.into_iter().find_map(|name| match node_type::get(name) {
            None => Some(format!("{name} is not in the table of node types")),
            Some(known) => known.has_data_tiering().then(|| format!("{name} keeps data on disk, too")),
        })
    };
    let told =
        |change: &Change| Some(format!("{}: whether the data fit was not checked: {}", change.address, why(change)?));
    updates(plan).filter_map(told).collect()
}

fn resizings<'a>(plan: &'a Plan, live: &Live) -> Vec<Resizing<'a>> {
    updates(plan)
        .filter_map(|change| {
            let view = live.view(&change.address)?;
            let before =
                node_type::get(view.members.iter().find_map(|cluster| cluster.get("CacheNodeType")?.as_str())?)?;
            let after = match value(change, "cacheNodeType") {
                Some(name) => node_type::get(name.as_str()?)?,
                None => before,
            };
            let shards = view.node_groups().len();
            let shards_then = match (value(change, "numNodeGroups"), value(change, "nodeGroupConfiguration")) {
                (Some(count), _) => count.as_u64().map_or(shards, |count| count as usize),
                (None, Some(Value::Array(entries))) => entries.len(),
                _ => shards,
            };
            let is_smaller = after.maxmemory < before.maxmemory;
            let tiered = before.has_data_tiering() || after.has_data_tiering();
            ((is_smaller || shards_then != shards) && !tiered && shards > 0).then_some(Resizing {
                address: &change.address,
                node_type: after,
                is_smaller,
                shards: (shards, shards_then),
            })
        })
        .collect()
}

fn value<'a>(change: &'a Change, path: &str) -> Option<&'a Value> {
    change.attributes.iter().find(|attribute| attribute.path == path).map(|attribute| &attribute.after)
}

/// Bytes of each shard: in the fullest hour of the day, and in the last one.
fn used(view: &View<'_>, metrics: &Metrics) -> Option<Vec<(f64, f64)>> {
    let node = |id: &str| {
        let points = metrics.of(id, "BytesUsedForCache");
        Some((Course::new(points).max()?, points.last()?.1))
    };
    view.node_groups()
        .iter()
        .map(|shard| {
            let members = shard.get("NodeGroupMembers").and_then(Value::as_array).into_iter().flatten();
            let measured = members.filter_map(|member| node(member.get("CacheClusterId")?.as_str()?));
            measured.reduce(|one, other| (one.0.max(other.0), one.1.max(other.1)))
        })
        .collect()
}

fn judged(resizing: &Resizing<'_>, view: &View<'_>, metrics: &Metrics, usable: f64) -> Verdict {
    let mut notes = Vec::new();
    if resizing.reshards() {
        notes.extend(busy(resizing, view, metrics));
    }
    let Some(shards) = used(view, metrics).filter(|shards| !shards.is_empty()) else {
        notes.push("no measurements of the last day tell whether the data fit".to_owned());
        return Verdict::Fits(notes);
    };
    let (before, then) = resizing.shards;
    let total = |of: fn(&(f64, f64)) -> f64| shards.iter().map(of).sum::<f64>();
    let most = |of: fn(&(f64, f64)) -> f64| shards.iter().map(of).fold(0.0, f64::max);
    // Slots are spread evenly over shards that come or stay; otherwise the fullest decides.
    let per_shard = |of: fn(&(f64, f64)) -> f64| if then == before { most(of) } else { total(of) / then.max(1) as f64 };
    let (in_day, now) = (per_shard(|used| used.0), per_shard(|used| used.1));
    if resizing.is_smaller || then < before {
        let says = |used: f64| {
            format!(
                "{} a shard in {} that data may use on {} ({:.0} %)",
                bytes(used),
                bytes(usable),
                resizing.node_type.name,
                100.0 * used / usable
            )
        };
        if now > usable {
            let hint = "choose a larger node type or more shards, or delete data first; what was measured is BytesUsedForCache of the last hour that has measurements".to_owned();
            return Verdict::DoesNot(Blocked {
                rule: RULE.to_owned(),
                reason: format!("the data do not fit: {}", says(now)),
                hint,
            });
        }
        if in_day > FULL * usable {
            notes.push(format!("it will be tight: {}, in the fullest hour of the last day", says(in_day)));
        }
    }
    if then < before {
        let mut each: Vec<f64> = shards.iter().map(|used| used.0).collect();
        each.sort_by(f64::total_cmp);
        // At worst the fullest shards go.
        let leaving: f64 = each.iter().rev().take(before - then).sum();
        let free = then as f64 * usable - each.iter().take(then).sum::<f64>();
        if free < SCALE_IN_ROOM * leaving {
            notes.push(format!(
                "the shards that stay have {} free, those that go hold up to {}: AWS requires {SCALE_IN_ROOM} times as much free",
                bytes(free.max(0.0)),
                bytes(leaving)
            ));
        }
    }
    Verdict::Fits(notes)
}

/// Moving slots takes CPU: a shard that has none to spare answers its clients late.
fn busy(resizing: &Resizing<'_>, view: &View<'_>, metrics: &Metrics) -> Option<String> {
    let cores = view
        .members
        .iter()
        .find_map(|cluster| node_type::get(cluster.get("CacheNodeType")?.as_str()?))
        .map_or(2, |one| one.vcpu);
    let most = if cores == 1 { RESHARD_CPU_ONE_CORE } else { RESHARD_CPU };
    let last =
        view.member_ids().filter_map(|id| metrics.of(id, "EngineCPUUtilization").last()).map(|(_, value)| *value);
    let cpu = last.reduce(f64::max).filter(|cpu| *cpu > most)?;
    Some(format!(
        "resharding from {} to {} shards while the engine's thread is at {cpu:.0} %: AWS requires it to be below {most:.0} %; do it when there is less load",
        resizing.shards.0, resizing.shards.1
    ))
}

fn reserved_percent(spec: &Spec, live: &Live, address: &Address, view: &View<'_>) -> u64 {
    const NAME: &str = "reserved-memory-percent";
    let declared = spec.resources.get(address).and_then(|resource| resource.text("cacheParameterGroupName"));
    let live_group = view
        .members
        .iter()
        .find_map(|cluster| cluster.pointer("/CacheParameterGroup/CacheParameterGroupName")?.as_str());
    let Some(group) = declared.or(live_group) else { return RESERVED_MEMORY_PERCENT };
    parameter_group::parameter(spec, live, group, NAME)
        .and_then(|text| text.parse().ok())
        .unwrap_or(RESERVED_MEMORY_PERCENT)
}

/// What is blocked has no steps, and nothing waits for them.
fn refuse(plan: &mut Plan, address: &Address, block: Blocked) {
    let Some(change) = plan.changes.iter_mut().find(|change| change.address == *address) else { return };
    change.blocked = Some(block);
    plan.summary.blocked += 1;
    let gone: Vec<_> = plan.steps.iter().filter(|step| step.address == *address).map(|step| step.id).collect();
    plan.steps.retain(|step| !gone.contains(&step.id));
    plan.steps.iter_mut().for_each(|step| step.after.retain(|id| !gone.contains(id)));
}
