//! From the plans of single resources to numbered steps: one resource's steps in series, and across
//! resources what is needed first, first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::late::users_of;
use super::{Planned, alarms};
use crate::model::attribute::Phase;
use crate::model::draft::{Call, Draft};
use crate::model::live::object;
use crate::model::plan::Action;
use crate::model::step::{self, Wait, Work};
use crate::model::{Address, Kind, Operation, Spec, Step, StepId};
use crate::resource::references;

/// Blocked resources have no steps; a plan with a blocked change is not applied at all.
pub fn steps(spec: &Spec, planned: &[Planned]) -> Vec<Step> {
    let mut order = Order::default();
    let ready = planned.iter().filter(|planned| planned.draft.blocked.is_empty() && !planned.draft.is_idle());
    let (to_come, ready): (Vec<&Planned>, Vec<&Planned>) =
        ready.partition(|planned| planned.draft.member_alarms.is_some());
    let (deleted, changed): (Vec<&Planned>, Vec<&Planned>) =
        ready.into_iter().partition(|planned| planned.action == Action::Delete);
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::CompositeAlarm) {
        for planned in changed.iter().filter(|planned| planned.draft.address.kind == kind) {
            let after = needs(spec, planned, &order);
            order.serial(planned, after);
        }
    }
    late(spec, &changed, &mut order);
    let (with_members, composites): (Vec<&Planned>, Vec<&Planned>) =
        children_first(&changed).into_iter().partition(|planned| !planned.draft.children.to_come.is_empty());
    for planned in composites {
        let after = needs(spec, planned, &order);
        order.serial(planned, after);
    }
    delete_composites(&deleted, &mut order);
    // What is named until the members to come are known goes after that.
    let late_ones = planned.iter().map(|planned| &planned.draft.children);
    let late_ones = late_ones.filter(|children| children.with_members || !children.to_come.is_empty());
    let held: BTreeSet<&String> = late_ones.flat_map(|children| &children.before).collect();
    let (held, free): (Vec<&Planned>, Vec<&Planned>) =
        deleted.iter().partition(|planned| held.contains(&planned.draft.address.id));
    let mut alarms = delete_alarms(&free, &[], &mut order);
    let mut members = Vec::new();
    for planned in to_come {
        let Some(member_alarms) = &planned.draft.member_alarms else { continue };
        // What members to come need is found when the alarms of the others are as they should be.
        let mut after = order.alarms_and_cache(&member_alarms.cache);
        after.extend(&alarms);
        members.push(order.push(&planned.draft.address, Work::MemberAlarms(member_alarms.clone()), after));
    }
    for planned in with_members {
        let after = needs(spec, planned, &order).into_iter().chain(members.iter().copied()).collect();
        order.serial(planned, after);
    }
    alarms.extend(delete_alarms(&held, &members, &mut order));
    deletions(&deleted, alarms, &mut order);
    order.steps
}

/// The composite alarms of these, each after those of them that its rule names.
fn children_first<'a>(planned: &[&'a Planned]) -> Vec<&'a Planned> {
    let mut left: Vec<&Planned> =
        planned.iter().copied().filter(|planned| planned.draft.address.kind == Kind::CompositeAlarm).collect();
    let mut ordered: Vec<&Planned> = Vec::new();
    while !left.is_empty() {
        let ids: BTreeSet<String> = left.iter().map(|planned| planned.draft.address.id.clone()).collect();
        let (mut free, rest): (Vec<&Planned>, Vec<&Planned>) =
            left.into_iter().partition(|planned| planned.draft.children.names.is_disjoint(&ids));
        if free.is_empty() {
            // They name one another in a circle, which AWS refuses.
            ordered.extend(rest);
            break;
        }
        ordered.append(&mut free);
        left = rest;
    }
    ordered
}

/// AWS deletes one composite alarm a call, and no alarm before the composite ones that name it.
fn delete_composites(planned: &[&Planned], order: &mut Order) {
    for planned in children_first(planned).into_iter().rev() {
        let after = order.last_of(|address| address.kind == Kind::CompositeAlarm);
        order.serial(planned, after);
    }
}

/// What waits for the caches: user groups before their users.
fn late(spec: &Spec, planned: &[&Planned], order: &mut Order) {
    for kind in [Kind::UserGroup, Kind::User, Kind::SubnetGroup] {
        for planned in planned.iter().filter(|planned| planned.draft.address.kind == kind) {
            for call in planned.draft.calls.iter().filter(|call| call.phase == Phase::AfterCaches) {
                let address = &planned.draft.address;
                let users = users_of(spec, address);
                let after = order.last_of(|candidate| candidate == address || users.contains(candidate));
                order.call(address, call, after);
            }
        }
    }
}

#[derive(Default)]
struct Order {
    steps: Vec<Step>,
    /// The last step of each resource.
    last: BTreeMap<Address, StepId>,
    /// Of steps that put or delete alarms: the caches that those watch.
    watches: BTreeMap<StepId, BTreeSet<Address>>,
}

impl Order {
    fn push(&mut self, address: &Address, work: Work, mut after: Vec<StepId>) -> StepId {
        let id = StepId(self.steps.len() + 1);
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step { id, address: address.clone(), work, after });
        self.last.insert(address.clone(), id);
        id
    }

    fn call(&mut self, address: &Address, call: &Call, after: Vec<StepId>) -> StepId {
        let Call { operation, parameters, wait, .. } = call;
        let call = step::Call { operation: *operation, parameters: parameters.clone(), wait_for: *wait };
        self.push(address, Work::Call(call), after)
    }

    /// The last steps of a cache and of the alarms that watch it.
    fn alarms_and_cache(&self, cache: &str) -> Vec<StepId> {
        let is_it = |address: &Address| address.kind.is_cache() && address.id == cache;
        let watches = |id: &StepId| self.watches.get(id).is_some_and(|watched| watched.iter().any(is_it));
        self.last.iter().filter(|(address, id)| is_it(address) || watches(id)).map(|(_, id)| *id).collect()
    }

    fn serial(&mut self, planned: &Planned, after: Vec<StepId>) {
        let mut calls: Vec<_> = planned.draft.calls.iter().filter(|call| call.phase != Phase::AfterCaches).collect();
        if planned.action != Action::Replace {
            // A replacement deletes first; everything else goes by phase.
            calls.sort_by_key(|call| call.phase);
        }
        let mut after = after;
        for call in calls {
            let id = self.call(&planned.draft.address, call, after);
            if !planned.draft.watches.is_empty() {
                self.watches.insert(id, planned.draft.watches.clone());
            }
            after = vec![id];
        }
    }

    fn last_of(&self, wanted: impl Fn(&Address) -> bool) -> Vec<StepId> {
        self.last.iter().filter(|(address, _)| wanted(address)).map(|(_, id)| *id).collect()
    }
}

fn needs(spec: &Spec, planned: &Planned, order: &Order) -> Vec<StepId> {
    let address = &planned.draft.address;
    if address.kind == Kind::Alarm {
        // The alarms of a cache wait for it; those that watch something else wait for nothing.
        return order.last_of(|candidate| planned.draft.watches.contains(candidate));
    }
    if address.kind == Kind::CompositeAlarm {
        let named = &planned.draft.children.names;
        return order.last_of(|candidate| candidate.kind.is_alarm() && named.contains(&candidate.id));
    }
    if let Some(cache) = &planned.draft.cache {
        return order.last_of(|candidate| candidate == cache);
    }
    let Some(resource) = spec.resources.get(address) else { return Vec::new() };
    let references = references(resource);
    order.last_of(|candidate| references.contains(candidate))
}

/// What uses others goes before them, and after the deletions of alarms.
fn deletions(planned: &[&Planned], alarms: Vec<StepId>, order: &mut Order) {
    let changed: Vec<StepId> = order.last_of(|address| !address.kind.is_alarm());
    let mut earlier = alarms;
    for kind in Kind::in_order_of_deletion().filter(|kind| !kind.is_alarm()) {
        // What is still referred to until other steps are done is deleted after them.
        let mut ids = Vec::new();
        for planned in planned.iter().filter(|planned| planned.draft.address.kind == kind) {
            let mut after = earlier.clone();
            after.extend(changed.iter().filter(|_| !kind.is_cache()));
            let after = narrowed(&planned.draft.address, after, order);
            for call in &planned.draft.calls {
                ids.push(order.call(&planned.draft.address, call, after.clone()));
            }
        }
        earlier.extend(ids);
    }
}

/// Deletions of one cache's alarms share calls, as many names in each as AWS takes. A call for several bears the name
/// of none of them.
fn delete_alarms(planned: &[&Planned], earlier: &[StepId], order: &mut Order) -> Vec<StepId> {
    let mut of_caches: BTreeMap<Option<&Address>, Vec<&Draft>> = BTreeMap::new();
    for planned in planned.iter().filter(|planned| planned.draft.address.kind == Kind::Alarm) {
        of_caches.entry(planned.draft.cache.as_ref()).or_default().push(&planned.draft);
    }
    let mut ids = Vec::new();
    for (cache, drafts) in of_caches {
        for chunk in drafts.chunks(alarms::DELETE_CHUNK) {
            let watched: BTreeSet<Address> = chunk.iter().flat_map(|draft| draft.watches.clone()).collect();
            // A cache that is changed keeps its alarms until it is through, and no alarm goes that a composite alarm
            // still names.
            let mut after = order.last_of(|address| watched.contains(address) || address.kind == Kind::CompositeAlarm);
            after.extend(earlier);
            let names: Vec<&str> = chunk.iter().map(|draft| draft.address.id.as_str()).collect();
            let parameters = object([("AlarmNames", json!(names))]);
            let call = step::Call { operation: Operation::DeleteAlarms, parameters, wait_for: Wait::Nothing };
            let address = match (chunk, cache) {
                ([one], _) => one.address.clone(),
                (_, Some(cache)) => Address::alarms_of(&cache.id),
                (_, None) => Address::new(Kind::Alarm, "*"),
            };
            let id = order.push(&address, Work::Call(call), after);
            order.watches.insert(id, watched);
            ids.push(id);
        }
    }
    ids
}

/// A cache waits for its own alarms only, the rest for everything that may use it.
fn narrowed(address: &Address, after: Vec<StepId>, order: &Order) -> Vec<StepId> {
    if !address.kind.is_cache() {
        return after;
    }
    after.into_iter().filter(|id| order.watches.get(id).is_some_and(|watched| watched.contains(address))).collect()
}
