//! Companions of caches: written once their cache is as the plan makes it, for the nodes that it has then.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::whole::From;
use super::{Planned, fingerprint, guards, needs_permit, resource};
use crate::model::attribute::{Impact, Phase};
use crate::model::live::{Live, View, object};
use crate::model::operation::Verb;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::companion::{self, Companion, OF, cache_of};
use crate::resource::ownership;

pub(super) fn planned(from: From<'_>, planned: &mut Vec<Planned>) {
    let From { spec, live, options } = from;
    if options.destroy {
        let all =
            companion::kinds().flat_map(|(kind, _)| live.of(kind).keys().map(move |name| Address::new(kind, name)));
        let unread = live.unread.keys().filter(|address| address.kind.companion().is_some()).cloned();
        let going: Vec<Address> = all.chain(unread).filter(|address| options.selects(address)).collect();
        planned.extend(going.iter().filter_map(|address| gone(spec, live, options, address)));
        return;
    }
    let moving = moving(planned);
    for (kind, companion) in companion::kinds() {
        for resource in spec.of(kind).filter(|resource| options.selects(&resource.address)) {
            let Some(cache) = cache_of(resource) else { continue };
            let then = cache_then(live, &moving, &cache);
            planned.push(of_cache(from, companion, resource, &cache, &then));
        }
    }
    let unwanted = companion::unwanted(spec).filter(|address| options.selects(address));
    planned.extend(unwanted.filter_map(|address| gone(spec, live, options, &address)));
}

/// What the cache will be when its companion is written.
enum Cache {
    /// As it is now, as far as nodes go.
    Settled,
    /// Its nodes are known once its steps are done.
    Moving,
    Missing,
}

/// The caches whose nodes will be others.
fn moving(planned: &[Planned]) -> BTreeSet<Address> {
    let moves = |own: &&Planned| {
        let topology = own.draft.topology.as_ref();
        matches!(own.action, Action::Create | Action::Replace) || topology.is_some_and(|topology| topology.moves)
    };
    let caches = planned.iter().filter(|own| own.draft.address.kind.is_cache());
    caches.filter(moves).map(|own| own.draft.address.clone()).collect()
}

fn cache_then(live: &Live, moving: &BTreeSet<Address>, cache: &Address) -> Cache {
    match (moving.contains(cache), live.stays(cache)) {
        // A serverless cache has one node, of its own name.
        (true, _) if cache.kind.is_serverless() => Cache::Settled,
        (true, _) => Cache::Moving,
        (false, true) => Cache::Settled,
        (false, false) => Cache::Missing,
    }
}

fn of_cache(from: From<'_>, companion: &Companion, declared: &Resource, cache: &Address, then: &Cache) -> Planned {
    let From { spec, live, options } = from;
    let Companion { body: attribute, member, .. } = *companion;
    if let Some(unread) = resource::unread(live, &declared.address) {
        return unread;
    }
    let (body, shown) = match then {
        Cache::Settled => (Some((companion.written)(&spec.stack, live, cache)), None),
        Cache::Moving => (None, Some(format!("of the nodes of {cache}, written once they are known"))),
        Cache::Missing => (None, None),
    };
    let missing = body.is_none() && shown.is_none();
    let mut fields = object([(OF, json!(cache.to_string()))]);
    fields.insert(attribute.into(), body.unwrap_or_else(|| json!({OF: cache.to_string()})));
    let declared = Resource { fields, ..declared.clone() };
    let mut one = resource::planned(spec, live, options, &declared);
    one.draft.cache = Some(cache.clone());
    if one.ownership == Ownership::Unknown && one.action != Action::Create {
        // What does not say whose it is, and has no tags that can be read, is nobody's of this stack.
        one.action = Action::Adopt;
        needs_permit(&mut one.draft, options, Permit::Adopt);
    }
    let before = live.get(&declared.address).and_then(|own| own.get(member));
    let within = |path: &str| path.strip_prefix(attribute).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    one.draft.attributes.retain(|change| !within(&change.path));
    let changes = match shown {
        Some(shown) => vec![AttributeChange {
            path: attribute.into(),
            before: before.map_or(Value::Null, |_| json!("of the nodes that there are")),
            after: json!(shown),
            impact: Impact::None,
            sensitive: false,
        }],
        None if one.draft.calls.iter().any(|call| call.parameters.contains_key(member)) => {
            (companion.changes)(before, &declared.fields[attribute])
        }
        None => Vec::new(),
    };
    one.draft.attributes.splice(0..0, changes);
    // It is written when its cache is done.
    let puts = one.draft.calls.iter_mut().filter(|call| call.operation.verb() == Verb::Put);
    puts.for_each(|call| call.phase = Phase::Alarms);
    if missing {
        one.draft.calls.clear();
        one.draft.blocks(
            "missing-dependency",
            format!("needs {cache}, which does not exist and --only leaves out"),
            format!("add --only {cache}"),
        );
    }
    one
}

/// One that goes with its cache, or that its cache refuses: no word is needed for it.
fn gone(spec: &Spec, live: &Live, options: &Options, address: &Address) -> Option<Planned> {
    if let Some(unread) = resource::unread(live, address) {
        return Some(unread);
    }
    let mut draft = super::Draft::new(address.clone());
    let owner = ownership::of(spec, live, address);
    if owner == Ownership::Unknown && live.tags_unread.contains_key(address) {
        guards::ownership(&mut draft, live, owner);
        return Some(Planned { draft, action: Action::Noop, ownership: owner, fingerprint: None, count: None });
    }
    if owner != Ownership::Owned {
        return None;
    }
    if companion::cache_in(spec, address).is_none() {
        needs_permit(&mut draft, options, Permit::Delete);
    }
    resource::push_delete(&mut draft, None);
    let fingerprint = fingerprint::of(live, address);
    Some(Planned { draft, action: Action::Delete, ownership: Ownership::Owned, fingerprint, count: None })
}

/// Is it deleted along with what asks for it? Then no limit of the spec counts it.
pub fn goes_with_its_cache(spec: &Spec, options: &Options, planned: &Planned) -> bool {
    let address = &planned.draft.address;
    companion::cache_in(spec, address).is_some()
        && (options.destroy || companion::unwanted(spec).any(|unwanted| unwanted == *address))
}

/// The companion of a cache that is blocked is written once it is not.
pub fn wait_for_blocked_caches(planned: &mut Vec<Planned>) {
    let blocked: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache() && !planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let waits = |planned: &Planned| {
        let of_blocked = planned.draft.cache.as_ref().is_some_and(|cache| blocked.contains(cache));
        planned.draft.address.kind.companion().is_some()
            && of_blocked
            && planned.draft.blocked.is_empty()
            && !planned.draft.is_idle()
    };
    let noun = |one: &Planned| one.draft.address.kind.row().names.noun;
    let waiting: Vec<(Address, &str)> =
        planned.iter().filter(|one| waits(one)).filter_map(|one| Some((one.draft.cache.clone()?, noun(one)))).collect();
    planned.retain(|one| !waits(one));
    for (cache, noun) in waiting {
        let caches = planned.iter_mut().filter(|planned| planned.draft.address == cache);
        caches.for_each(|own| own.draft.remaining.push(format!("its {noun}, once it is not blocked")));
    }
}

/// A body that was to come, by its member: written for the nodes that there are now. `None` where there are none.
pub fn written_out(spec: &Spec, live: &Live, kind: Kind, cache: &Address) -> Option<(&'static str, Value)> {
    let companion = kind.companion()?;
    let has_nodes = |view: View<'_>| cache.kind.is_serverless() || view.member_ids().next().is_some();
    live.view(cache).is_some_and(has_nodes).then(|| (companion.member, (companion.written)(&spec.stack, live, cache)))
}
