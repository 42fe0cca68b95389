//! Changes of one resource that must wait for the caches that use it: a subnet goes after its nodes, and
//! users turn from redis to valkey after their groups, those after their caches.

use serde_json::{Value, json};

use super::Planned;
use super::draft::Call;
use super::model::Action;
use crate::resource::attribute::Phase;
use crate::resource::live::{Live, strings};
use crate::resource::{Address, Kind};
use crate::spec::Spec;

/// Which of these use the resource, directly or by a user group.
pub fn users_of(spec: &Spec, address: &Address) -> Vec<Address> {
    let direct: Vec<Address> = spec
        .resources
        .values()
        .filter(|resource| super::order::references(resource).contains(address))
        .map(|resource| resource.address.clone())
        .collect();
    let of_groups: Vec<Address> = direct
        .iter()
        .filter(|user| user.kind == Kind::UserGroup)
        .flat_map(|group| users_of(spec, group))
        .collect();
    direct.into_iter().chain(of_groups).collect()
}

pub fn postpone(spec: &Spec, live: &Live, planned: &mut [Planned]) {
    let busy: Vec<Address> = planned
        .iter()
        .filter(|planned| planned.action != Action::Delete && !planned.draft.calls.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let frees_nodes: Vec<Address> = planned.iter().filter(|planned| frees_nodes(planned)).map(|planned| planned.draft.address.clone()).collect();
    for planned in planned.iter_mut().filter(|planned| matches!(planned.action, Action::Update | Action::Adopt)) {
        let users = users_of(spec, &planned.draft.address);
        let used = users.iter().any(|user| busy.contains(user));
        match planned.draft.address.kind {
            Kind::SubnetGroup => subnets(live, planned, used, users.iter().any(|user| frees_nodes.contains(user))),
            Kind::User | Kind::UserGroup if used => {
                for call in planned.draft.calls.iter_mut().filter(|call| call.parameters.get("Engine") == Some(&json!("valkey"))) {
                    call.phase = Phase::AfterCaches;
                }
            }
            _ => {}
        }
    }
}

fn frees_nodes(planned: &Planned) -> bool {
    planned.action == Action::Replace
        || planned.draft.calls.iter().any(|call| matches!(call.phase, Phase::ReplicasDown | Phase::Shards))
}

fn subnets(live: &Live, planned: &mut Planned, used: bool, frees_nodes: bool) {
    let Some(view) = live.view(&planned.draft.address) else { return };
    let ids = |value: Option<&Value>| -> Vec<String> { strings(value).map(str::to_owned).collect() };
    let draft = &mut planned.draft;
    let Some(at) = draft.calls.iter().position(|call| call.operation == "ModifyCacheSubnetGroup") else { return };
    let wanted = ids(draft.calls[at].parameters.get("SubnetIds"));
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for subnet in view.own("Subnets").and_then(Value::as_array).into_iter().flatten() {
        let id = subnet.get("SubnetIdentifier").and_then(Value::as_str).unwrap_or_default();
        let zone = subnet.pointer("/SubnetAvailabilityZone/Name").and_then(Value::as_str).unwrap_or_default();
        let list = if wanted.iter().any(|wanted| wanted == id) { &mut kept } else { &mut removed };
        list.push((id.to_owned(), zone.to_owned()));
    }
    if removed.is_empty() {
        return;
    }
    if kept.is_empty() {
        let vpc = view.text("VpcId").unwrap_or_default();
        draft.warnings.push(("subnetIds".into(), format!("no subnet stays; AWS takes only subnets of the group's VPC, {vpc}")));
    }
    if !frees_nodes {
        // A zone's only subnet is where the zone's nodes live.
        let zones: Vec<&String> = removed.iter().map(|(_, zone)| zone).filter(|zone| !kept.iter().any(|(_, other)| other == *zone)).collect();
        let nodes = nodes_in(live, &draft.address.id, &zones);
        if !nodes.is_empty() {
            draft.blocks(
                "subnet-in-use",
                "AWS does not take a subnet away that nodes live in",
                format!("remove {} first, or keep the subnet", nodes.join(", ")),
            );
            return;
        }
    }
    if !used {
        return;
    }
    let adds = wanted.len() > kept.len() || draft.calls[at].parameters.contains_key("CacheSubnetGroupDescription");
    if !adds {
        draft.calls[at].phase = Phase::AfterCaches;
        return;
    }
    let call = &mut draft.calls[at];
    let mut late = call.parameters.clone();
    late.remove("CacheSubnetGroupDescription");
    let all: Vec<String> = wanted.into_iter().chain(removed.into_iter().map(|(id, _)| id)).collect();
    call.parameters.insert("SubnetIds".into(), json!(all));
    let (operation, wait) = (call.operation, call.wait);
    draft.calls.push(Call { phase: Phase::AfterCaches, operation, parameters: late, wait });
}

fn nodes_in(live: &Live, subnet_group: &str, zones: &[&String]) -> Vec<String> {
    let text = |cluster: &Value, member: &str| cluster.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    live.cache_clusters
        .iter()
        .filter(|(_, cluster)| text(cluster, "CacheSubnetGroupName") == subnet_group)
        .filter(|(_, cluster)| zones.iter().any(|zone| **zone == text(cluster, "PreferredAvailabilityZone")))
        .map(|(id, _)| id.clone())
        .collect()
}
