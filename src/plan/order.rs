//! From the plans of single resources to numbered steps: one resource's steps in series, and across
//! resources what is needed first, first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::late::users_of;
use super::model::{Action, Step, Wait};
use super::{Planned, alarms};
use crate::resource::attribute::Phase;
use crate::resource::live::{Live, object, strings};
use crate::resource::shape::Shape;
use crate::resource::{Address, Kind};
use crate::spec::{Resource, Spec};

/// What a resource refers to: subnet group, parameter group, users, user groups.
pub fn references(resource: &Resource) -> Vec<Address> {
    let mut out = Vec::new();
    for attribute in resource.address.kind.attributes() {
        let value = resource.fields.get(attribute.field.name);
        match attribute.field.shape {
            Shape::Reference(kind) => out.extend(value.and_then(Value::as_str).map(|id| Address::new(kind, id))),
            Shape::List { of: Shape::Reference(kind), .. } => {
                out.extend(strings(value).map(|id| Address::new(*kind, id)))
            }
            _ => {}
        }
    }
    out
}

/// Deletions run the other way: first what uses others.
const DELETE_ORDER: [Kind; 7] = [
    Kind::Alarm,
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
    let ready = |planned: &&Planned| planned.draft.blocked.is_empty() && !planned.draft.calls.is_empty();
    let changes = |kind: Kind| {
        planned
            .iter()
            .filter(ready)
            .filter(move |planned| planned.action != Action::Delete && planned.draft.address.kind == kind)
    };
    for kind in Kind::ALL {
        for planned in changes(kind) {
            let after = needs(spec, planned, &order);
            order.serial(planned, after);
        }
    }
    late(spec, planned, &mut order);
    deletions(live, planned, &mut order);
    order.steps
}

/// What waits for the caches: user groups before their users.
fn late(spec: &Spec, planned: &[Planned], order: &mut Order) {
    for kind in [Kind::UserGroup, Kind::User, Kind::SubnetGroup] {
        let of_kind =
            planned.iter().filter(|planned| planned.draft.address.kind == kind && planned.draft.blocked.is_empty());
        for planned in of_kind {
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
        let cache = address.id.strip_suffix("-*");
        let watched = |candidate: &Address| {
            candidate.kind.is_cache()
                && cache.map_or_else(
                    || address.id.starts_with(&format!("{}-", candidate.id)),
                    |cache| cache == candidate.id,
                )
        };
        return order.last_of(watched);
    }
    let Some(resource) = spec.resources.get(address) else { return Vec::new() };
    let references = references(resource);
    order.last_of(|candidate| references.contains(candidate))
}

fn deletions(live: &Live, planned: &[Planned], order: &mut Order) {
    let changed: Vec<usize> = order.last_of(|address| address.kind != Kind::Alarm);
    let mut earlier: Vec<usize> = Vec::new();
    for kind in DELETE_ORDER {
        let of_kind: Vec<&Planned> = planned
            .iter()
            .filter(|planned| {
                planned.action == Action::Delete
                    && planned.draft.blocked.is_empty()
                    && planned.draft.address.kind == kind
            })
            .filter(|planned| !planned.draft.calls.is_empty())
            .collect();
        if kind == Kind::Alarm {
            earlier.extend(delete_alarms(&of_kind, order));
            continue;
        }
        // What is still referred to until other steps are done is deleted after them.
        let mut ids = Vec::new();
        for planned in of_kind {
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
    let (placeholders, named): (Vec<&Planned>, Vec<&Planned>) =
        planned.iter().copied().partition(|planned| planned.draft.address.id.ends_with("-*"));
    let mut ids = Vec::new();
    for placeholder in placeholders {
        let cache = placeholder.draft.address.id.trim_end_matches("-*").to_owned();
        let after = order.last_of(|address| address.kind.is_cache() && address.id == cache);
        order.serial(placeholder, after);
    }
    let names: Vec<String> = named.iter().map(|planned| planned.draft.address.id.clone()).collect();
    for chunk in alarms::delete_chunks(&names) {
        let address = Address::new(Kind::Alarm, &chunk[0]);
        ids.push(order.push(
            &address,
            "DeleteAlarms",
            object([("AlarmNames", json!(chunk))]),
            Vec::new(),
            Wait::Nothing,
        ));
    }
    ids
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
