//! Alarms belong to their cache: they come and go with its members. Where the members are not known
//! yet, one change stands for all of them, and its step names them once they were read.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::whole::{self, From, Whole};
use super::{Planned, needs_permit};
use crate::model::draft::Draft;
use crate::model::live::{Live, object};
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, Ownership};
use crate::model::step::MemberAlarms;
use crate::model::text::plural;
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::alarm::{self, Alarm, Alarms};
use crate::resource::{alarm_whole, attribute, members};

/// AWS takes this many names in a DeleteAlarms call.
pub const DELETE_CHUNK: usize = 100;

pub(super) fn planned(from: From<'_>, wanted: &Alarms, planned: &mut Vec<Planned>) {
    let From { spec, live, options } = from;
    if options.destroy {
        destroyed(spec, live, options, planned);
        return;
    }
    let moving = moving_caches(planned);
    // Members of a cache that is there now are its members afterwards, but for those that come and go.
    let unread = |cache: &Address| !live.stays(cache) || moving.get(cache) == Some(&Moving::Replaced);
    let later = |cache: &Address| unread(cache) && options.selects(&Address::alarms_of(&cache.id));
    // Which nodes go is known once they are gone: nothing is put on one of them before.
    let shrinks = |cache: &Address| moving.get(cache) == Some(&Moving::Topology) && leaving_nodes(planned, cache) > 0;
    let shrinking: BTreeSet<Address> = moving.keys().filter(|cache| shrinks(cache)).cloned().collect();
    let mut put_later = BTreeSet::new();
    for alarm in &wanted.named {
        if options.selects(&alarm.address()) {
            let one = one(from, alarm);
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
    gone(from, wanted, &later, planned);
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
            let (nodes, shards) = members::declared(resource);
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
            let members = members::to_come(spec, resource);
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
    let fewer = action == Action::Delete;
    draft.member_alarms = Some(MemberAlarms { cache: cache.to_owned(), count, fewer, composites: Vec::new() });
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

/// The alarms of a cache that is blocked are put once it is not, and so are the composite alarms over them: they are no
/// change, and no step, before that.
pub fn wait_for_blocked_caches(live: &Live, planned: &mut Vec<Planned>) {
    let blocked: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache() && !planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let mut waiting: BTreeMap<Address, usize> = BTreeMap::new();
    let mut names: BTreeMap<String, Address> = BTreeMap::new();
    planned.retain(|planned| {
        let draft = &planned.draft;
        let cache = match &draft.member_alarms {
            Some(alarms) => blocked.iter().find(|cache| cache.id == alarms.cache),
            None if draft.address.kind == Kind::Alarm => draft.watches.iter().find_map(|cache| blocked.get(cache)),
            None => None,
        };
        let waits = draft.blocked.is_empty() && !draft.is_idle();
        let Some(cache) = cache.filter(|_| waits) else { return true };
        *waiting.entry(cache.clone()).or_default() += planned.count.unwrap_or(1);
        if draft.member_alarms.is_none() {
            names.insert(draft.address.id.clone(), cache.clone());
        }
        false
    });
    let comes_with = |name: &String| {
        let is_of = |cache: &&Address| name.strip_prefix(&cache.id).is_some_and(|rest| rest.starts_with('-'));
        blocked.iter().find(is_of).filter(|_| !live.of(Kind::Alarm).contains_key(name))
    };
    planned.retain(|planned| {
        let draft = &planned.draft;
        let named = draft.children.names.iter().find_map(|name| names.get(name).or_else(|| comes_with(name)));
        let cache = draft.children.of.as_ref().and_then(|cache| blocked.get(cache)).or(named);
        let is_change = matches!(planned.action, Action::Create | Action::Update | Action::Adopt);
        let Some(cache) = cache.filter(|_| is_change && draft.blocked.is_empty()) else { return true };
        *waiting.entry(cache.clone()).or_default() += 1;
        false
    });
    for planned in planned {
        if let Some(count) = waiting.get(&planned.draft.address) {
            planned.draft.remaining.push(format!("{} of it, once it is not blocked", plural(*count, "alarm")));
        }
    }
}

/// Only the alarms of one cache, once its members are known.
pub(super) fn of_cache(from: From<'_>, wanted: &Alarms, cache: &str) -> Vec<Planned> {
    let From { spec, live, .. } = from;
    let mut all = Vec::new();
    planned(from, wanted, &mut all);
    let caches: Vec<_> =
        spec.resources.keys().filter(|address| address.kind.is_cache() && address.id == cache).collect();
    let is_one = |alarm: &&Alarm| alarm.cache.as_ref().is_some_and(|cache| caches.contains(&cache));
    let mine: BTreeSet<&str> = wanted.named.iter().filter(is_one).map(|alarm| alarm.name.as_str()).collect();
    let watches_one = |alarm: &Value| caches.iter().any(|cache| alarm::belongs_to(alarm, cache));
    all.retain(|planned| {
        let id = &planned.draft.address.id;
        mine.contains(id.as_str()) || live.of(Kind::Alarm).get(id).is_some_and(watches_one)
    });
    all
}

/// How the members of a cache come to be others.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Moving {
    Replaced,
    Topology,
}

/// The caches whose members will not be the ones that are live now.
pub(super) fn moving_caches(planned: &[Planned]) -> BTreeMap<Address, Moving> {
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

/// The caches whose members are not there now, or will be others.
pub(super) fn made_caches(from: From<'_>, planned: &[Planned]) -> BTreeSet<Address> {
    if from.options.destroy {
        return BTreeSet::new();
    }
    let caches = from.spec.resources.keys().filter(|address| address.kind.is_cache());
    caches.filter(|cache| !from.live.stays(cache)).cloned().chain(moving_caches(planned).into_keys()).collect()
}

/// The stack's alarms that watch the cache now.
pub(super) fn existing<'a>(spec: &Spec, live: &'a Live, cache: &Address) -> impl Iterator<Item = &'a Value> {
    let own = |alarm: &&Value| alarm::stack_of(alarm) == Some(spec.stack.as_str()) && alarm::belongs_to(alarm, cache);
    live.of(Kind::Alarm).values().filter(own)
}

fn live_size(live: &Live, cache: &Address) -> (usize, usize) {
    live.view(cache).map_or((0, 0), |view| (view.node_groups().len().max(1), view.member_ids().count()))
}

/// How many nodes the change takes away, whatever others it brings.
pub(super) fn leaving_nodes(planned: &[Planned], cache: &Address) -> usize {
    let planned = planned.iter().find(|planned| planned.draft.address == *cache);
    planned.and_then(|planned| planned.draft.topology.as_ref()).map_or(0, |topology| topology.leaving_nodes)
}

/// Shards and nodes after the change.
fn size_then(planned: &[Planned], cache: &Address) -> Option<(usize, usize)> {
    let planned = planned.iter().find(|planned| planned.draft.address == *cache)?;
    planned.draft.topology.as_ref().map(|topology| (topology.shards, topology.nodes))
}

fn one(from: From<'_>, wanted: &Alarm) -> Planned {
    let From { spec, live, .. } = from;
    let address = wanted.address();
    let mut draft = Draft::new(address.clone());
    let resource = tag_resource(spec, wanted, &address);
    let mut fields = Cow::Borrowed(&wanted.fields);
    let own = live.get(&address);
    let warm_up = attribute(Kind::Alarm, "warmUpConfiguration").filter(|_| own.is_none() && wanted.cache.is_some());
    if let Some(row) = warm_up {
        fields.to_mut().entry(row.field.name).or_insert_with(|| row.field.shape.from_api(&alarm::warm_up()));
    }
    if let Some(member) = own.and_then(alarm_whole::unkept) {
        let view = live.view(&address);
        let differs = view.is_some_and(|view| !alarm_whole::differences(Kind::Alarm, &fields, &view).is_empty());
        if differs || own.and_then(alarm::stack_of).is_none() {
            draft.blocks(
                "alarm-member",
                format!("its {member} is of a kind that this cachectl does not know, and PutMetricAlarm would drop it"),
                "change the alarm where it was made, or remove it from the spec",
            );
        }
    }
    draft.watches = match &wanted.cache {
        Some(cache) => [cache.clone()].into(),
        None => alarm::watched(&Value::Object(alarm_whole::parameters(&address, &fields, own, &spec.stack))),
    };
    whole::planned(from, draft, &Whole { resource: &resource, fields: &fields, puts: true })
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
fn gone(from: From<'_>, wanted: &Alarms, later: &impl Fn(&Address) -> bool, planned: &mut Vec<Planned>) {
    let From { spec, live, options } = from;
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
    let mut deleted = whole::deleted(live, address);
    deleted.draft.watches = live.get(address).map(alarm::watched).unwrap_or_default();
    deleted
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
