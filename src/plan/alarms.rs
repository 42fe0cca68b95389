//! Alarms belong to their cache: they come and go with its members. Where the members are not known
//! yet, one change stands for all of them, and its step names them once they were read.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Planned, fingerprint, guards, needs_permit, tags};
use crate::model::attribute::{Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, object};
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::step::{MemberAlarms, Wait};
use crate::model::text::plural;
use crate::model::{Address, Kind, Operation, Resource, Spec};
use crate::resource::alarm::{self, Alarm, Alarms};
use crate::resource::attribute;
use crate::resource::ownership;

/// AWS takes this many names in a DeleteAlarms call.
pub const DELETE_CHUNK: usize = 100;

pub fn planned(spec: &Spec, live: &Live, options: &Options, planned: &mut Vec<Planned>) {
    if options.destroy {
        destroyed(spec, live, options, planned);
        return;
    }
    let wanted = alarm::wanted(spec, live);
    let moving = moving_caches(planned);
    // Members of a cache that is there now are its members afterwards, but for those that come and go.
    let unread = |cache: &Address| {
        live.view(cache).is_none_or(|view| view.status() == "deleting") || moving.get(cache) == Some(&Moving::Replaced)
    };
    let later = |cache: &Address| unread(cache) && options.selects(&Address::alarms_of(&cache.id));
    // Which nodes go is known once they are gone: nothing is put on one of them before.
    let shrinks = |cache: &Address| moving.get(cache) == Some(&Moving::Topology) && leaving_nodes(planned, cache) > 0;
    let shrinking: BTreeSet<Address> = moving.keys().filter(|cache| shrinks(cache)).cloned().collect();
    let mut put_later = BTreeSet::new();
    for alarm in &wanted.named {
        if options.selects(&Address::new(Kind::Alarm, &alarm.name)) {
            let one = one(spec, live, options, alarm);
            let of_fewer =
                alarm.cache.as_ref().filter(|cache| one.action == Action::Create && shrinking.contains(cache));
            if let Some(cache) = of_fewer.filter(|cache| options.selects(&Address::alarms_of(&cache.id))) {
                put_later.insert(cache.clone());
                continue;
            }
            if !alarm.cache.as_ref().is_some_and(later) || !one.draft.blocked.is_empty() {
                planned.push(one);
            }
        }
    }
    gone(spec, live, options, &wanted, &later, planned);
    // Alarms that are orphans go with their member all the same.
    for (cache, moving) in moving.iter().filter(|(cache, _)| !wanted.per_node.contains_key(cache)) {
        let going = orphans_that_go(spec, live, cache, *moving, planned);
        if going > 0 && options.selects(&Address::alarms_of(&cache.id)) {
            planned.push(of_members_to_come(Address::alarms_of(&cache.id), &cache.id, (Action::Delete, going)));
        }
    }
    for (cache, per_node) in &wanted.per_node {
        let Some(resource) = spec.resources.get(cache) else { continue };
        let change = if unread(cache) {
            let (nodes, shards) = alarm::declared_nodes(resource);
            by_numbers(existing(spec, live, cache).count(), per_node.count(nodes, shards))
        } else if moving.contains_key(cache) {
            let (shards, nodes) = live_size(live, cache);
            let (shards_then, nodes_then) = size_then(planned, cache).unwrap_or((shards, nodes));
            let now = if put_later.contains(cache) {
                existing(spec, live, cache).count()
            } else {
                per_node.count(nodes, shards)
            };
            by_numbers(now, per_node.count(nodes_then, shards_then))
        } else {
            continue;
        };
        let address = Address::alarms_of(&cache.id);
        if change.1 > 0 && options.selects(&address) {
            planned.push(of_members_to_come(address, &cache.id, change));
        }
    }
}

/// How many of a cache's alarms that the spec no longer asks for lose their member, beyond those planned to go.
fn orphans_that_go(spec: &Spec, live: &Live, cache: &Address, moving: Moving, planned: &[Planned]) -> usize {
    let deleted: BTreeSet<&str> = planned
        .iter()
        .filter(|planned| planned.action == Action::Delete && planned.draft.address.kind == Kind::Alarm)
        .map(|planned| planned.draft.address.id.as_str())
        .collect();
    let goes =
        |alarm: &&Value| alarm.get("AlarmName").and_then(Value::as_str).is_some_and(|name| deleted.contains(name));
    let left: Vec<&Value> = existing(spec, live, cache).filter(|alarm| !goes(alarm)).collect();
    match (moving, spec.resources.get(cache)) {
        (Moving::Replaced, Some(resource)) => {
            let members = alarm::members_to_come(spec, resource);
            left.into_iter().filter(|alarm| !alarm::watches_any(alarm, &members)).count()
        }
        (Moving::Topology, _) => {
            // Which of the nodes go is known afterwards.
            let (_, nodes) = live_size(live, cache);
            (left.len() * leaving_nodes(planned, cache)).div_ceil(nodes.max(1))
        }
        (Moving::Replaced, None) => 0,
    }
}

/// What so many alarms come to where there will be so many.
fn by_numbers(now: usize, then: usize) -> (Action, usize) {
    match then.cmp(&now) {
        Ordering::Greater => (Action::Create, then - now),
        Ordering::Less => (Action::Delete, now - then),
        // As many as before, of other members.
        Ordering::Equal => (Action::Update, then),
    }
}

fn of_members_to_come(address: Address, cache: &str, (action, count): (Action, usize)) -> Planned {
    let mut draft = Draft::new(address);
    draft.member_alarms = Some(MemberAlarms { cache: cache.to_owned(), count, fewer: action == Action::Delete });
    Planned { draft, action, ownership: Ownership::Absent, fingerprint: None, count: Some(count) }
}

/// An alarm can watch what has its member's name; its cache is the one that there is.
pub fn find_caches(spec: &Spec, live: &Live, planned: &mut [Planned]) {
    for planned in planned.iter_mut().filter(|planned| planned.draft.address.kind == Kind::Alarm) {
        let exists = |cache: &&Address| spec.resources.contains_key(*cache) || live.get(cache).is_some();
        let mut caches = planned.draft.watches.iter().filter(exists);
        let first = caches.next().filter(|_| caches.next().is_none()).cloned();
        planned.draft.cache = first;
    }
}

/// The alarms of a cache that is blocked are put once it is not: they are no change, and no step, before that.
pub fn wait_for_blocked_caches(planned: &mut Vec<Planned>) {
    let blocked: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache() && !planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let mut waiting: BTreeMap<Address, usize> = BTreeMap::new();
    planned.retain(|planned| {
        let cache = match &planned.draft.member_alarms {
            Some(alarms) => blocked.iter().find(|cache| cache.id == alarms.cache),
            None if planned.draft.address.kind == Kind::Alarm => {
                planned.draft.watches.iter().find_map(|cache| blocked.get(cache))
            }
            None => None,
        };
        let waits = planned.draft.blocked.is_empty() && !planned.draft.is_idle();
        match cache.filter(|_| waits) {
            Some(cache) => *waiting.entry(cache.clone()).or_default() += planned.count.unwrap_or(1),
            None => return true,
        }
        false
    });
    for planned in planned {
        if let Some(count) = waiting.get(&planned.draft.address) {
            planned.draft.remaining.push(format!("{} of it, once it is not blocked", plural(*count, "alarm")));
        }
    }
}

/// Only the alarms of one cache, once its members are known.
pub fn of_cache(spec: &Spec, live: &Live, options: &Options, cache: &str) -> Vec<Planned> {
    let mut all = Vec::new();
    planned(spec, live, options, &mut all);
    let address = |planned: &Planned| planned.draft.address.clone();
    let caches: Vec<_> =
        spec.resources.keys().filter(|address| address.kind.is_cache() && address.id == cache).collect();
    let wanted = alarm::wanted(spec, live);
    let mine: BTreeSet<String> = wanted
        .named
        .iter()
        .filter(|alarm| alarm.cache.as_ref().is_some_and(|cache| caches.contains(&cache)))
        .map(|alarm| alarm.name.clone())
        .collect();
    all.retain(|planned| {
        let id = address(planned).id;
        mine.contains(&id)
            || live
                .of(Kind::Alarm)
                .get(&id)
                .is_some_and(|alarm| caches.iter().any(|cache| alarm::belongs_to(alarm, cache)))
    });
    all
}

#[derive(Clone, Copy, PartialEq)]
enum Moving {
    Replaced,
    Topology,
}

/// The caches whose members will not be the ones that are live now.
fn moving_caches(planned: &[Planned]) -> BTreeMap<Address, Moving> {
    planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache() && planned.draft.blocked.is_empty())
        .filter_map(|planned| {
            let topology = planned.draft.topology.as_ref();
            match planned.action {
                Action::Replace => Some((planned.draft.address.clone(), Moving::Replaced)),
                _ if topology.is_some_and(|topology| topology.moves) => {
                    Some((planned.draft.address.clone(), Moving::Topology))
                }
                _ => None,
            }
        })
        .collect()
}

/// The stack's alarms that watch the cache now.
fn existing<'a>(spec: &Spec, live: &'a Live, cache: &Address) -> impl Iterator<Item = &'a Value> {
    let own = |alarm: &&Value| alarm::stack_of(alarm) == Some(spec.stack.as_str()) && alarm::belongs_to(alarm, cache);
    live.of(Kind::Alarm).values().filter(own)
}

fn live_size(live: &Live, cache: &Address) -> (usize, usize) {
    live.view(cache).map_or((0, 0), |view| (view.node_groups().len().max(1), view.member_ids().count()))
}

/// How many nodes the change takes away, whatever others it brings.
fn leaving_nodes(planned: &[Planned], cache: &Address) -> usize {
    let planned = planned.iter().find(|planned| planned.draft.address == *cache);
    planned.and_then(|planned| planned.draft.topology.as_ref()).map_or(0, |topology| topology.leaving_nodes)
}

/// Shards and nodes after the change.
fn size_then(planned: &[Planned], cache: &Address) -> Option<(usize, usize)> {
    let planned = planned.iter().find(|planned| planned.draft.address == *cache)?;
    planned.draft.topology.as_ref().map(|topology| (topology.shards, topology.nodes))
}

fn one(spec: &Spec, live: &Live, options: &Options, wanted: &Alarm) -> Planned {
    let address = Address::new(Kind::Alarm, &wanted.name);
    let mut draft = Draft::new(address.clone());
    let owner = ownership::of(spec, live, &address);
    let resource = tag_resource(spec, wanted, &address);
    let Some(view) = live.view(&address) else {
        let mut parameters = alarm::parameters(wanted, None, &spec.stack);
        draft.watches = watches(wanted, &parameters);
        parameters.insert("Tags".into(), ownership::tag_list(&ownership::wanted_tags(spec, live, &resource)));
        draft.attributes.extend(wanted.fields.iter().map(|(name, value)| shown(name, Value::Null, value.clone())));
        if let Some(row) = attribute(Kind::Alarm, "warmUpConfiguration")
            .filter(|row| wanted.cache.is_some() && !wanted.fields.contains_key(row.field.name))
        {
            let warm_up = alarm::warm_up();
            draft.attributes.push(shown(row.field.name, Value::Null, row.field.shape.from_api(&warm_up)));
            parameters.insert(row.field.member.into(), warm_up);
        }
        draft.push(Phase::Alarms, Operation::PutMetricAlarm, Wait::Nothing, parameters);
        return Planned { draft, action: Action::Create, ownership: owner, fingerprint: None, count: None };
    };
    let differences = alarm::differences(wanted, &view);
    draft.attributes.extend(
        differences
            .iter()
            .map(|(name, live, declared)| shown(name, live.clone().unwrap_or(Value::Null), declared.clone())),
    );
    let unnamed = alarm::stack_of(view.own).is_none();
    if !differences.is_empty() || unnamed {
        if let Some(member) = alarm::unkept(view.own) {
            draft.blocks(
                "alarm-member",
                format!("its {member} is of a kind that this cachectl does not know, and PutMetricAlarm would drop it"),
                "change the alarm where it was made, or take it out of the spec",
            );
        }
        let parameters = alarm::parameters(wanted, Some(view.own), &spec.stack);
        if unnamed {
            // The note of its stack is no difference later on; where it is first written, it is one to see.
            let text = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            draft.attributes.retain(|change| change.path != "description");
            draft.attributes.push(shown(
                "description",
                text(view.own("AlarmDescription")),
                text(parameters.get("AlarmDescription")),
            ));
        }
        draft.watches = watches(wanted, &parameters);
        draft.push(Phase::Alarms, Operation::PutMetricAlarm, Wait::Nothing, parameters);
    } else {
        draft.watches = alarm::watched(view.own);
    }
    guards::ownership(&mut draft, live, owner);
    let scene = Scene { spec, live, resource: &resource, view: &view, options, rows: address.kind.attributes() };
    if owner != Ownership::Foreign {
        tags::change_tags(&mut draft, &scene);
    }
    let action = match owner {
        Ownership::Foreign => Action::Update,
        Ownership::Unowned | Ownership::Unknown => {
            needs_permit(&mut draft, options, Permit::Adopt);
            Action::Adopt
        }
        _ if draft.is_idle() => Action::Noop,
        _ => Action::Update,
    };
    Planned { draft, action, ownership: owner, fingerprint: fingerprint::of(live, &address), count: None }
}

fn shown(name: &str, before: Value, after: Value) -> AttributeChange {
    AttributeChange { path: name.to_owned(), before, after, impact: Impact::None, sensitive: false }
}

/// The caches that an alarm waits for.
fn watches(alarm: &Alarm, parameters: &Map<String, Value>) -> BTreeSet<Address> {
    match &alarm.cache {
        Some(cache) => [cache.clone()].into(),
        None => alarm::watched(&Value::Object(parameters.clone())),
    }
}

/// The tags of an alarm: the stack's, and its own where the spec declares the alarm itself.
fn tag_resource(spec: &Spec, alarm: &Alarm, address: &Address) -> Resource {
    let declared = spec.resources.get(&alarm.entry).filter(|entry| entry.address.kind == Kind::Alarm);
    let fields = declared
        .and_then(|resource| resource.fields.get("tags"))
        .map(|tags| object([("tags", tags.clone())]))
        .unwrap_or_default();
    Resource { address: address.clone(), fields, path: String::new() }
}

/// Alarms of members that are gone, or that the spec no longer asks for: they go with their cache.
/// Where the members are read once more, the alarms that went with them are found then.
fn gone(
    spec: &Spec,
    live: &Live,
    options: &Options,
    wanted: &Alarms,
    later: &impl Fn(&Address) -> bool,
    planned: &mut Vec<Planned>,
) {
    let named: BTreeSet<&str> = wanted.named.iter().map(|alarm| alarm.name.as_str()).collect();
    for (name, alarm) in live.of(Kind::Alarm) {
        let address = Address::new(Kind::Alarm, name);
        let unwanted = !named.contains(name.as_str()) && !spec.resources.contains_key(&address);
        let of_a_cache_to_come = || wanted.per_node.keys().any(|cache| later(cache) && alarm::belongs_to(alarm, cache));
        if !unwanted
            || of_a_cache_to_come()
            || alarm::stack_of(alarm) != Some(spec.stack.as_str())
            || !options.selects(&address)
        {
            continue;
        }
        if follows_a_cache(spec, live, &address) {
            planned.push(deleted(live, &address));
        }
    }
}

/// Does a live alarm go with a cache of the spec, without a word on the command line?
pub fn follows_a_cache(spec: &Spec, live: &Live, address: &Address) -> bool {
    let Some(alarm) = live.of(Kind::Alarm).get(&address.id) else { return false };
    let caches = spec.resources.values().filter(|resource| resource.address.kind.is_cache());
    let mut watched = caches.filter(|cache| alarm::belongs_to(alarm, &cache.address)).peekable();
    watched.peek().is_some() && watched.all(|cache| alarm::follows(spec, live, cache, &address.id, alarm))
}

fn deleted(live: &Live, address: &Address) -> Planned {
    let mut draft = Draft::new(address.clone());
    draft.watches = live.get(address).map(alarm::watched).unwrap_or_default();
    draft.push(Phase::Delete, Operation::DeleteAlarms, Wait::Nothing, object([("AlarmNames", json!([address.id]))]));
    Planned {
        draft,
        action: Action::Delete,
        ownership: Ownership::Owned,
        fingerprint: fingerprint::of(live, address),
        count: None,
    }
}

/// Does a live alarm watch a cache of the spec?
fn belongs_to_a_cache(spec: &Spec, live: &Live, address: &Address) -> bool {
    live.of(Kind::Alarm).get(&address.id).is_some_and(|alarm| {
        spec.resources.keys().any(|cache| cache.kind.is_cache() && alarm::belongs_to(alarm, cache))
    })
}

/// Alarms that go with their cache are not counted as deletions.
pub fn goes_with_its_cache(spec: &Spec, live: &Live, options: &Options, planned: &Planned) -> bool {
    let address = &planned.draft.address;
    planned.draft.member_alarms.is_some()
        || (address.kind == Kind::Alarm
            && (follows_a_cache(spec, live, address) || (options.destroy && belongs_to_a_cache(spec, live, address))))
}

fn destroyed(spec: &Spec, live: &Live, options: &Options, planned: &mut Vec<Planned>) {
    for (name, alarm) in live.of(Kind::Alarm) {
        let address = Address::new(Kind::Alarm, name);
        if alarm::stack_of(alarm) == Some(spec.stack.as_str()) && options.selects(&address) {
            let mut one = deleted(live, &address);
            if !belongs_to_a_cache(spec, live, &address) {
                needs_permit(&mut one.draft, options, Permit::Delete);
            }
            planned.push(one);
        }
    }
}
