//! From the plans of single resources to numbered steps: one resource's steps in series, and across
//! resources what is needed first, first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::late::users_of;
use super::{Planned, alarms};
use crate::model::attribute::Phase;
use crate::model::live::{Live, object, strings};
use crate::model::plan::{Action, Step, Wait};
use crate::model::{Address, Kind, Spec};
use crate::resource::references;

/// Deletions run the other way: first what uses others.
const DELETE_ORDER: [Kind; 6] = [
    Kind::ReplicationGroup,
    Kind::ServerlessCache,
    Kind::UserGroup,
    Kind::User,
    Kind::ParameterGroup,
    Kind::SubnetGroup,
];

/// Blocked resources have no steps; a plan with a blocked change is not applied at all.
pub fn steps(spec: &Spec, live: &Live, planned: &[Planned]) -> Vec<Step> {
    let mut order = Order { steps: Vec::new(), last: BTreeMap::new() };
    let ready = planned.iter().filter(|planned| planned.draft.blocked.is_empty() && !planned.draft.calls.is_empty());
    let (to_come, ready): (Vec<&Planned>, Vec<&Planned>) =
        ready.partition(|planned| alarms::members_to_come(planned).is_some());
    let (deleted, changed): (Vec<&Planned>, Vec<&Planned>) =
        ready.into_iter().partition(|planned| planned.action == Action::Delete);
    for kind in Kind::ALL {
        for planned in changed.iter().filter(|planned| planned.draft.address.kind == kind) {
            let after = needs(spec, planned, &order);
            order.serial(planned, after);
        }
    }
    late(spec, &changed, &mut order);
    let alarms = delete_alarms(&deleted, &mut order);
    for planned in to_come {
        // What members to come need is found when the alarms of the others are as they should be.
        let mut after = alarms_and_cache(planned, &order);
        after.extend(&alarms);
        order.serial(planned, after);
    }
    deletions(live, &deleted, alarms, &mut order);
    order.steps
}

/// What waits for the caches: user groups before their users.
fn late(spec: &Spec, planned: &[&Planned], order: &mut Order) {
    for kind in [Kind::UserGroup, Kind::User, Kind::SubnetGroup] {
        for planned in planned.iter().filter(|planned| planned.draft.address.kind == kind) {
            for call in planned.draft.calls.iter().filter(|call| call.phase == Phase::AfterCaches) {
                let address = &planned.draft.address;
                let users = users_of(spec, address);
                let after = order.last_of(|candidate| candidate == address || users.contains(candidate));
                order.push(address, call.operation, call.parameters.clone(), after, call.wait);
            }
        }
    }
}

struct Order {
    steps: Vec<Step>,
    /// The last step of each resource.
    last: BTreeMap<Address, usize>,
}

impl Order {
    fn push(
        &mut self,
        address: &Address,
        operation: &str,
        parameters: serde_json::Map<String, Value>,
        after: Vec<usize>,
        wait_for: Wait,
    ) -> usize {
        let id = self.steps.len() + 1;
        let mut after = after;
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step {
            id,
            address: address.clone(),
            operation: operation.to_owned(),
            parameters,
            after,
            wait_for,
        });
        self.last.insert(address.clone(), id);
        id
    }

    fn serial(&mut self, planned: &Planned, after: Vec<usize>) {
        let mut calls: Vec<_> = planned.draft.calls.iter().filter(|call| call.phase != Phase::AfterCaches).collect();
        if planned.action != Action::Replace {
            // A replacement deletes first; everything else goes by phase.
            calls.sort_by_key(|call| call.phase);
        }
        let mut after = after;
        for call in calls {
            let id = self.push(&planned.draft.address, call.operation, call.parameters.clone(), after, call.wait);
            after = vec![id];
        }
    }

    fn last_of(&self, wanted: impl Fn(&Address) -> bool) -> Vec<usize> {
        self.last.iter().filter(|(address, _)| wanted(address)).map(|(_, id)| *id).collect()
    }
}

fn needs(spec: &Spec, planned: &Planned, order: &Order) -> Vec<usize> {
    let address = &planned.draft.address;
    if address.kind == Kind::Alarm {
        // The alarms of a cache wait for it; those that watch something else wait for nothing.
        return order.last_of(|candidate| candidate.kind.is_cache() && is_of(&address.id, &candidate.id));
    }
    let Some(resource) = spec.resources.get(address) else { return Vec::new() };
    let references = references(resource);
    order.last_of(|candidate| references.contains(candidate))
}

fn is_of(alarm: &str, cache: &str) -> bool {
    alarm.strip_prefix(cache).is_some_and(|rest| rest.starts_with('-'))
}

fn alarms_and_cache(to_come: &Planned, order: &Order) -> Vec<usize> {
    let cache = alarms::members_to_come(to_come).unwrap_or_default();
    order.last_of(|candidate| match candidate.kind {
        Kind::Alarm => is_of(&candidate.id, cache),
        kind => kind.is_cache() && candidate.id == cache,
    })
}

/// What uses others goes before them, and after the deletions of alarms.
fn deletions(live: &Live, planned: &[&Planned], alarms: Vec<usize>, order: &mut Order) {
    let changed: Vec<usize> = order.last_of(|address| address.kind != Kind::Alarm);
    let mut earlier = alarms;
    for kind in DELETE_ORDER {
        // What is still referred to until other steps are done is deleted after them.
        let mut ids = Vec::new();
        for planned in planned.iter().filter(|planned| planned.draft.address.kind == kind) {
            let mut after = earlier.clone();
            after.extend(changed.iter().filter(|_| !kind.is_cache()));
            let after = narrowed(live, &planned.draft.address, after, order);
            for call in &planned.draft.calls {
                ids.push(order.push(
                    &planned.draft.address,
                    call.operation,
                    call.parameters.clone(),
                    after.clone(),
                    call.wait,
                ));
            }
        }
        earlier.extend(ids);
    }
}

fn delete_alarms(planned: &[&Planned], order: &mut Order) -> Vec<usize> {
    let alarms = planned.iter().filter(|planned| planned.draft.address.kind == Kind::Alarm);
    let names: Vec<String> = alarms.map(|planned| planned.draft.address.id.clone()).collect();
    alarms::delete_chunks(&names)
        .map(|chunk| {
            let address = Address::new(Kind::Alarm, &chunk[0]);
            // A cache that is changed keeps its alarms until it is through.
            let watched = |cache: &Address| cache.kind.is_cache() && chunk.iter().any(|name| is_of(name, &cache.id));
            let after = order.last_of(watched);
            let parameters = object([("AlarmNames", json!(chunk))]);
            order.push(&address, "DeleteAlarms", parameters, after, Wait::Nothing)
        })
        .collect()
}

/// A cache waits for its own alarms only, the rest for everything that may use it.
fn narrowed(live: &Live, address: &Address, after: Vec<usize>, order: &Order) -> Vec<usize> {
    if !address.kind.is_cache() {
        return after;
    }
    after
        .into_iter()
        .filter(|id| {
            let step = &order.steps[id - 1];
            step.address.kind == Kind::Alarm
                && strings(step.parameters.get("AlarmNames")).any(|name| {
                    live.alarms.get(name).is_some_and(|alarm| crate::resource::alarm::belongs_to(alarm, address))
                })
        })
        .collect()
}
