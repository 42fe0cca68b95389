//! Dashboards of caches: written once their cache is as the plan makes it, for the nodes that it has then.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Planned, fingerprint, guards, needs_permit, resource};
use crate::model::attribute::{Impact, Phase};
use crate::model::live::{Live, View, object};
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::{Address, Kind, Operation, Resource, Spec};
use crate::resource::dashboard::{self, BODY, OF, cache_of};
use crate::resource::ownership;

pub fn planned(spec: &Spec, live: &Live, options: &Options, planned: &mut Vec<Planned>) {
    if options.destroy {
        let all = live.of(Kind::Dashboard).keys().map(|name| Address::new(Kind::Dashboard, name));
        let unread = live.unread.keys().filter(|address| address.kind == Kind::Dashboard).cloned();
        let going: Vec<Address> = all.chain(unread).filter(|address| options.selects(address)).collect();
        planned.extend(going.iter().filter_map(|address| gone(spec, live, options, address)));
        return;
    }
    let moving = moving(planned);
    for resource in spec.of(Kind::Dashboard).filter(|resource| options.selects(&resource.address)) {
        let Some(cache) = cache_of(resource) else { continue };
        let then = cache_then(live, &moving, &cache);
        planned.push(one(spec, live, options, resource, &cache, &then));
    }
    let unwanted = dashboard::unwanted(spec).filter(|address| options.selects(address));
    planned.extend(unwanted.filter_map(|address| gone(spec, live, options, &address)));
}

/// What the cache will be when its dashboard is written.
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
        (true, _) if cache.kind == Kind::ServerlessCache => Cache::Settled,
        (true, _) => Cache::Moving,
        (false, true) => Cache::Settled,
        (false, false) => Cache::Missing,
    }
}

fn one(spec: &Spec, live: &Live, options: &Options, declared: &Resource, cache: &Address, then: &Cache) -> Planned {
    if let Some(unread) = resource::unread(live, &declared.address) {
        return unread;
    }
    let (body, shown) = match then {
        Cache::Settled => (Some(dashboard::body(&spec.stack, live, cache)), None),
        Cache::Moving => (None, Some(format!("of the nodes of {cache}, written once they are known"))),
        Cache::Missing => (None, None),
    };
    let missing = body.is_none() && shown.is_none();
    let mut fields = object([(OF, json!(cache.to_string()))]);
    fields.insert("body".into(), body.unwrap_or_else(|| json!({OF: cache.to_string()})));
    let declared = Resource { fields, ..declared.clone() };
    let mut one = resource::planned(spec, live, options, &declared);
    one.draft.cache = Some(cache.clone());
    if one.ownership == Ownership::Unknown && one.action != Action::Create {
        // What does not say whose it is, and has no tags that can be read, is nobody's of this stack.
        one.action = Action::Adopt;
        needs_permit(&mut one.draft, options, Permit::Adopt);
    }
    let before = live.get(&declared.address).and_then(|own| own.get(BODY));
    one.draft.attributes.retain(|change| change.path != "body" && !change.path.starts_with("body."));
    let changes = match shown {
        Some(shown) => vec![AttributeChange {
            path: "body".into(),
            before: before.map_or(Value::Null, |_| json!("of the nodes that there are")),
            after: json!(shown),
            impact: Impact::None,
            sensitive: false,
        }],
        None if one.draft.calls.iter().any(|call| call.parameters.contains_key(BODY)) => {
            dashboard::by_widget(before, &declared.fields["body"])
        }
        None => Vec::new(),
    };
    one.draft.attributes.splice(0..0, changes);
    // It is written when its cache is done.
    let puts = one.draft.calls.iter_mut().filter(|call| call.operation == Operation::PutDashboard);
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
    if dashboard::cache_in(spec, address).is_none() {
        needs_permit(&mut draft, options, Permit::Delete);
    }
    resource::push_delete(&mut draft, None);
    let fingerprint = fingerprint::of(live, address);
    Some(Planned { draft, action: Action::Delete, ownership: Ownership::Owned, fingerprint, count: None })
}

/// Is it deleted along with what asks for it? Then no limit of the spec counts it.
pub fn goes_with_its_cache(spec: &Spec, options: &Options, planned: &Planned) -> bool {
    let address = &planned.draft.address;
    address.kind == Kind::Dashboard
        && dashboard::cache_in(spec, address).is_some()
        && (options.destroy || dashboard::unwanted(spec).any(|unwanted| unwanted == *address))
}

/// The dashboard of a cache that is blocked is written once it is not.
pub fn wait_for_blocked_caches(planned: &mut Vec<Planned>) {
    let blocked: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache() && !planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let waits = |planned: &Planned| {
        let of_blocked = planned.draft.cache.as_ref().is_some_and(|cache| blocked.contains(cache));
        planned.draft.address.kind == Kind::Dashboard
            && of_blocked
            && planned.draft.blocked.is_empty()
            && !planned.draft.is_idle()
    };
    let waiting: Vec<Address> =
        planned.iter().filter(|one| waits(one)).filter_map(|one| one.draft.cache.clone()).collect();
    planned.retain(|one| !waits(one));
    for planned in planned.iter_mut().filter(|planned| waiting.contains(&planned.draft.address)) {
        planned.draft.remaining.push("its dashboard, once it is not blocked".to_owned());
    }
}

/// The members of a call, with a body that was to come written out for the nodes that there are now.
pub fn written_out(spec: &Spec, live: &Live, cache: &Address) -> Option<Value> {
    let has_nodes = |view: View<'_>| cache.kind == Kind::ServerlessCache || view.member_ids().next().is_some();
    live.view(cache).is_some_and(has_nodes).then(|| dashboard::body(&spec.stack, live, cache))
}
