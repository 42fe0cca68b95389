//! Nodes: how many shards, how many replicas in each, and where. Several attributes say so, one set of
//! calls carries it out: replicas up, shards, replicas down. Shards go by their live ids, which are not
//! contiguous after a scale-in, and never by position.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{cluster_mode, node_type, zones};
use crate::model::Operation;
use crate::model::attribute::{Difference, Impact, Phase};
use crate::model::draft::{Draft, Scene, Topology};
use crate::model::live::{View, strings};
use crate::model::plan::AttributeChange;
use crate::model::step::Wait;

const RESHARD: Operation = Operation::ModifyReplicationGroupShardConfiguration;

/// One live shard.
pub struct Shard<'a> {
    pub id: &'a str,
    pub replicas: usize,
    /// Of its members, the primary's first where AWS tells.
    pub zones: Vec<&'a str>,
}

/// The live shards in the order of their ids.
pub fn shards<'a>(view: &View<'a>) -> Vec<Shard<'a>> {
    let text = |value: &'a Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default();
    let mut shards: Vec<Shard<'a>> = view
        .node_groups()
        .iter()
        .map(|group| {
            let members = group.get("NodeGroupMembers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            Shard {
                id: text(group, "NodeGroupId"),
                replicas: members.len().saturating_sub(1),
                zones: members.iter().map(|member| text(member, "PreferredAvailabilityZone")).collect(),
            }
        })
        .collect();
    shards.sort_by_key(|shard| shard.id);
    shards
}

/// The live replica count of each shard, by shard id.
pub fn replica_counts(view: &View<'_>) -> Vec<(String, usize)> {
    shards(view).into_iter().map(|shard| (shard.id.to_owned(), shard.replicas)).collect()
}

/// The replicas of a shard: one number where all shards agree, else a text with the smallest and the largest.
pub fn replicas_per_node_group(view: &View<'_>) -> Option<Value> {
    let counts = || shards(view).into_iter().map(|shard| shard.replicas);
    let (min, max) = (counts().min()?, counts().max()?);
    Some(if min == max { json!(min) } else { json!(format!("{min} to {max}")) })
}

/// The live shards as a spec would list them.
pub fn node_group_configuration(view: &View<'_>) -> Option<Value> {
    Some(shards(view).iter().map(|shard| json!({"nodeGroupId": shard.id, "replicaCount": shard.replicas})).collect())
}

/// What the nodes of a group should come to.
struct Wanted<'a> {
    live: Vec<Shard<'a>>,
    /// Live shards that go.
    leaving: Vec<&'a str>,
    shards: usize,
    /// By live shard that stays: replicas, and the spec's entry for it.
    replicas: BTreeMap<&'a str, (usize, Option<&'a Value>)>,
    /// The spec's entries for shards that are to come.
    coming: Vec<&'a Value>,
    /// Replicas of every shard whose entry does not say.
    everywhere: Option<usize>,
}

impl Wanted<'_> {
    /// Replicas of the shards that are to come, as far as the spec says.
    fn replicas_coming(&self) -> impl Iterator<Item = usize> {
        (self.live.len()..self.shards).filter_map(|shard| {
            let entry = self.coming.get(shard - self.live.len());
            entry.and_then(|entry| number(entry.get("replicaCount"))).or(self.everywhere)
        })
    }
}

fn entries<'a>(scene: &Scene<'a>) -> &'a [Value] {
    scene.declared("nodeGroupConfiguration").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn entry_id(entry: &Value) -> Option<String> {
    // AWS fills ids up to four digits.
    entry.get("nodeGroupId").and_then(Value::as_str).map(|id| format!("{id:0>4}"))
}

fn number(value: Option<&Value>) -> Option<usize> {
    value.and_then(Value::as_u64).map(|number| number as usize)
}

fn wanted<'a>(scene: &Scene<'a>) -> Wanted<'a> {
    let live = shards(scene.view).len();
    let count = number(scene.declared("numNodeGroups")).unwrap_or(live);
    // Shards change only in cluster mode, and go only once the memory that takes up their data is there.
    let stays = !cluster_mode::enabled_then(scene) || count < live && node_type::grows_later(scene);
    shaped(scene, if stays { live } else { count })
}

/// What is wanted of the nodes where the group has this many shards.
fn shaped<'a>(scene: &Scene<'a>, count: usize) -> Wanted<'a> {
    let live = shards(scene.view);
    let entries = entries(scene);
    let named = |id: &str| entries.iter().any(|entry| entry_id(entry).as_deref() == Some(id));
    let mut candidates: Vec<&str> = live.iter().map(|shard| shard.id).collect();
    // Those that the spec still names stay; of the others the newest go.
    candidates.sort_by_key(|id| (named(id), std::cmp::Reverse(*id)));
    let mut leaving: Vec<&str> = candidates.into_iter().take(live.len().saturating_sub(count)).collect();
    leaving.sort_unstable();
    let staying: Vec<&Shard<'a>> = live.iter().filter(|shard| !leaving.contains(&shard.id)).collect();
    let (matched, coming) = matched(&staying, entries);
    let everywhere = match number(scene.declared("numCacheClusters")) {
        Some(nodes) if live.len() <= 1 => Some(nodes.saturating_sub(1)),
        _ => number(scene.declared("replicasPerNodeGroup")),
    };
    let replicas = staying
        .iter()
        .map(|shard| {
            let entry = matched.get(shard.id).copied();
            let own = entry.and_then(|entry| number(entry.get("replicaCount")));
            (shard.id, (own.or(everywhere).unwrap_or(shard.replicas), entry))
        })
        .collect();
    Wanted { shards: count, replicas, coming, everywhere, leaving, live }
}

/// Entries go to the shards that they name; the others to those that they change least. What is left
/// over is for shards to come.
fn matched<'a>(staying: &[&Shard<'a>], entries: &'a [Value]) -> (BTreeMap<&'a str, &'a Value>, Vec<&'a Value>) {
    let mut free: Vec<&&Shard<'a>> = staying.iter().collect();
    let mut left: Vec<&Value> = Vec::new();
    let mut matched = BTreeMap::new();
    for entry in entries {
        match free.iter().position(|shard| entry_id(entry).as_deref() == Some(shard.id)) {
            Some(at) => drop(matched.insert(free.remove(at).id, entry)),
            None => left.push(entry),
        }
    }
    let replicas = |entry: &Value| number(entry.get("replicaCount"));
    for exact in [true, false] {
        left.retain(|entry| {
            let fits = |shard: &Shard<'a>| !exact || replicas(entry).is_none_or(|count| count == shard.replicas);
            match free.iter().position(|shard| fits(shard)) {
                Some(at) => {
                    matched.insert(free.remove(at).id, entry);
                    false
                }
                None => true,
            }
        });
    }
    (matched, left)
}

/// Shows another number of nodes, and blocks it for a group of several shards.
pub fn num_cache_clusters(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if difference.live.is_none() {
        draft.blocks(
            "shape-conflict",
            "numCacheClusters is for a group of one shard, this one has several",
            "declare numNodeGroups and replicasPerNodeGroup",
        );
    }
}

/// Shows another number of replicas of every shard, where it changes any; [`plan`] makes the calls.
pub fn per_shard(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    // An entry of nodeGroupConfiguration has the last word on its shard.
    let wanted = wanted(scene);
    if wanted.live.iter().any(|shard| wanted.replicas.get(shard.id).is_some_and(|(count, _)| *count != shard.replicas))
    {
        draft.shows(difference);
    }
}

/// Shows the shards with entries of their own whose number of replicas changes; [`plan`] makes the calls.
pub fn configured(draft: &mut Draft, scene: &Scene<'_>, _difference: &Difference) {
    let wanted = wanted(scene);
    for shard in &wanted.live {
        let Some((count, Some(_))) = wanted.replicas.get(shard.id) else { continue };
        if *count != shard.replicas {
            draft.attributes.push(AttributeChange {
                path: format!("nodeGroupConfiguration.{}.replicaCount", shard.id),
                before: json!(shard.replicas),
                after: json!(count),
                impact: Impact::None,
                sensitive: false,
            });
        }
    }
}

/// Shows another number of shards, and blocks it outside of cluster mode; [`plan`] makes the call.
pub fn num_node_groups(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let count = number(Some(&difference.declared)).unwrap_or(1);
    shard_count(draft, scene, difference.attribute, shards(scene.view).len(), count);
}

fn shard_count(draft: &mut Draft, scene: &Scene<'_>, path: &str, live: usize, count: usize) {
    draft.attributes.push(AttributeChange {
        path: path.to_owned(),
        before: json!(live),
        after: json!(count),
        impact: Impact::None,
        sensitive: false,
    });
    if cluster_mode::enabled_then(scene) {
        if count < live && node_type::grows_later(scene) {
            draft.remaining.push(format!("{path} {count} {}", node_type::once(scene)));
        }
        return;
    }
    if scene.declared_text("clusterMode") == Some("enabled") {
        draft.remaining.push(format!("{path} {count} once cluster mode is enabled"));
        check_zones_to_come(draft, &shaped(scene, count));
    } else {
        draft.blocks(
            "cluster-mode-disabled",
            "shards can only be added in cluster mode, and this group has it disabled",
            "declare `clusterMode: compatible`, apply, move the clients, then `clusterMode: enabled`, apply, then numNodeGroups",
        );
    }
}

/// The fewest replicas that any shard will have.
pub fn fewest_replicas_then(scene: &Scene<'_>) -> usize {
    wanted(scene).replicas.values().map(|(count, _)| *count).min().unwrap_or(0)
}

/// Do shards go that have no replica?
pub fn loses_lonely_shards(scene: &Scene<'_>) -> bool {
    let wanted = wanted(scene);
    wanted.live.iter().any(|shard| shard.replicas == 0 && wanted.leaving.contains(&shard.id))
}

/// Makes the calls for shards and replicas, once every attribute was compared.
pub fn plan(draft: &mut Draft, scene: &Scene<'_>) {
    let mut wanted = wanted(scene);
    let places = wanted.coming.iter().any(|entry| !entry_zones(entry).is_empty());
    if places && wanted.shards > wanted.live.len() && zones_then(scene, &wanted).is_none() {
        let shards = wanted.shards;
        check_zones_to_come(draft, &wanted);
        draft.remaining.push(format!(
            "numNodeGroups {shards} once the other shards have their replicas: AWS wants the zones of all nodes"
        ));
        wanted.shards = wanted.live.len();
        wanted.coming.clear();
    }
    replicas(draft, scene, &wanted, true);
    let fewer_replicas = replicas(draft, scene, &wanted, false);
    // A new shard gets as many nodes as the smallest has by then, and loses replicas with all others.
    let by_then = |shard: &Shard<'_>, wanted: usize| match replicas_go_before_shards_come(scene) {
        true => wanted,
        false => shard.replicas.max(wanted),
    };
    let smallest = wanted.live.iter().filter_map(|shard| Some(by_then(shard, wanted.replicas.get(shard.id)?.0))).min();
    let of_new_shards = fewer_replicas.or(smallest);
    if wanted.shards != wanted.live.len() {
        shards_come_or_go(draft, scene, &wanted);
        if wanted.replicas_coming().any(|count| Some(count) != of_new_shards) {
            draft.remaining.push("nodeGroupConfiguration: replicas of the new shards, once they exist".into());
        }
    }
    let staying: usize = wanted.replicas.values().map(|(replicas, _)| replicas + 1).sum();
    let coming = wanted.shards.saturating_sub(wanted.live.len()) * (of_new_shards.unwrap_or(0) + 1);
    let leaves = |shard: &Shard<'_>| match wanted.replicas.get(shard.id) {
        Some((replicas, _)) => shard.replicas.saturating_sub(*replicas),
        None => shard.replicas + 1,
    };
    let has = |phase: Phase| draft.calls.iter().any(|call| call.phase == phase);
    let grows = has(Phase::ReplicasUp) || wanted.shards > wanted.live.len();
    draft.topology = Some(Topology {
        shards: wanted.shards,
        nodes: staying + coming,
        grows,
        moves: grows
            || has(Phase::ReplicasDown)
            || has(Phase::Shards)
            || has(Phase::ShardsInMode)
            || has(Phase::LeaveCompatible)
            || has(Phase::ClusterMode),
        leaving: wanted.leaving.iter().map(|id| (*id).to_owned()).collect(),
        leaving_nodes: wanted.live.iter().map(leaves).sum(),
        fewer_replicas,
    });
}

/// Of shards that a later apply adds: what will be refused then is told before the way there is begun.
fn check_zones_to_come(draft: &mut Draft, wanted: &Wanted<'_>) {
    let nodes = wanted.replicas.values().map(|(replicas, _)| replicas + 1).min().unwrap_or(1);
    let new = wanted.shards.saturating_sub(wanted.live.len());
    if let Err(why) = zones::are_named(&wanted.coming, new, nodes) {
        blocks_some_zones(draft, &why);
    }
    // So is a zone that no subnet reaches.
    draft.zones.extend(wanted.coming.iter().flat_map(|entry| entry_zones(entry)).map(str::to_owned));
}

fn blocks_some_zones(draft: &mut Draft, why: &str) {
    draft.blocks(
        "zones-of-new-shards",
        format!("AWS takes the zones of all nodes of all new shards or of none, and moves no node later: {why}"),
        "name primaryAvailabilityZone and replicaAvailabilityZones for every node that a new shard begins with, as many as the smallest shard has; or take the zones of the new shards out, and AWS chooses",
    );
}

fn shards_come_or_go(draft: &mut Draft, scene: &Scene<'_>, wanted: &Wanted<'_>) {
    let grows = wanted.shards > wanted.live.len();
    let placed = match (wanted.shards.checked_sub(wanted.live.len()), zones_then(scene, wanted)) {
        (Some(new), Some(live)) => zones::resharding(&live, &wanted.coming, new),
        _ => Ok(None),
    };
    let placed = placed.unwrap_or_else(|why| {
        blocks_some_zones(draft, &why);
        None
    });
    let call = draft.call(cluster_mode::shards_phase(scene), RESHARD, Wait::Available);
    call.insert("NodeGroupCount".into(), json!(wanted.shards));
    if !grows {
        call.insert("NodeGroupsToRemove".into(), json!(wanted.leaving));
    }
    if let Some(placed) = placed {
        call.insert("ReshardingConfiguration".into(), placed.parameter);
        draft.zones.extend(placed.zones);
    }
}

/// On the way into cluster mode shards come last of all; else they come before any replica goes.
fn replicas_go_before_shards_come(scene: &Scene<'_>) -> bool {
    cluster_mode::shards_phase(scene) == Phase::ShardsInMode
}

/// The zones of the live shards' nodes when shards come; `None` where neither the spec nor AWS says enough.
fn zones_then<'a>(scene: &Scene<'_>, wanted: &Wanted<'a>) -> Option<Vec<(&'a str, Vec<String>)>> {
    let of_group = scene.declared("preferredCacheClusterAZs");
    let of = |shard: &Shard<'a>| {
        let zones = match wanted.replicas.get(shard.id) {
            Some((count, entry)) if *count > shard.replicas => zones::of_shard(shard, *count, *entry, of_group)?,
            // Which ones went is AWS's choice.
            Some((count, _)) if *count < shard.replicas && replicas_go_before_shards_come(scene) => return None,
            _ => shard.zones.iter().map(|zone| (*zone).to_owned()).collect(),
        };
        Some((shard.id, zones))
    };
    wanted.live.iter().map(of).collect()
}

/// Adds or removes replicas. Returns how many every shard is to be left with, where one number says it.
fn replicas(draft: &mut Draft, scene: &Scene<'_>, wanted: &Wanted<'_>, up: bool) -> Option<usize> {
    let staying = || wanted.live.iter().filter_map(|shard| Some((shard, wanted.replicas.get(shard.id)?)));
    let off: Vec<_> = staying()
        .filter(|(shard, (count, _))| if up { shard.replicas < *count } else { shard.replicas > *count })
        .collect();
    let (_, (first, _)) = off.first()?;
    let (phase, operation) = if up {
        (Phase::ReplicasUp, Operation::IncreaseReplicaCount)
    } else {
        (Phase::ReplicasDown, Operation::DecreaseReplicaCount)
    };
    let placed = |shard: &Shard<'_>, count: usize, entry: Option<&Value>| {
        if up { zones::of_shard(shard, count, entry, scene.declared("preferredCacheClusterAZs")) } else { None }
    };
    let alike = off.iter().all(|(shard, (count, entry))| count == first && placed(shard, *count, *entry).is_none());
    // Shards that are about to go, that came meanwhile, or that are not off, must not be named along.
    let others_too = if up { wanted.leaving.is_empty() } else { wanted.replicas_coming().all(|count| count == *first) };
    let all = off.len() == staying().count() && others_too;
    if alike && all {
        draft.call(phase, operation, Wait::Available).insert("NewReplicaCount".into(), json!(first));
        return Some(*first);
    }
    let mut shards: Vec<Value> = Vec::new();
    for (shard, (count, entry)) in &off {
        let mut one = json!({"NodeGroupId": shard.id, "NewReplicaCount": count});
        if let Some(zones) = placed(shard, *count, *entry) {
            one["PreferredAvailabilityZones"] = json!(zones);
            draft.zones.extend(zones);
        }
        shards.push(one);
    }
    draft.call(phase, operation, Wait::Available).insert("ReplicaConfiguration".into(), json!(shards));
    None
}

/// Zones that an entry names: the primary's, then the replicas'.
pub fn entry_zones(entry: &Value) -> Vec<&str> {
    let primary = entry.get("primaryAvailabilityZone").and_then(Value::as_str);
    primary.into_iter().chain(strings(entry.get("replicaAvailabilityZones"))).collect()
}
