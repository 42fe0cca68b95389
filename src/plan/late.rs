//! Changes of one resource that must wait for the caches that use it: a subnet goes after its nodes, and
//! users turn from redis to valkey after their groups, those after their caches.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Planned;
use crate::model::attribute::Phase;
use crate::model::draft::Call;
use crate::model::live::{Live, View};
use crate::model::plan::{Action, AttributeChange};
use crate::model::{Address, Kind, Operation, Spec};
use crate::resource::references;
use crate::resource::replication_group::engine;

/// Which of these use the resource, directly or by a user group.
pub fn users_of(spec: &Spec, address: &Address) -> Vec<Address> {
    let direct: Vec<Address> = spec
        .resources
        .values()
        .filter(|resource| references(resource).contains(address))
        .map(|resource| resource.address.clone())
        .collect();
    let of_groups: Vec<Address> =
        direct.iter().filter(|user| user.kind == Kind::UserGroup).flat_map(|group| users_of(spec, group)).collect();
    direct.into_iter().chain(of_groups).collect()
}

pub fn postpone(spec: &Spec, live: &Live, planned: &mut [Planned]) {
    let busy: Vec<Address> = planned
        .iter()
        .filter(|planned| planned.action != Action::Delete && !planned.draft.calls.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    for index in 0..planned.len() {
        let one = &planned[index];
        if !matches!(one.action, Action::Update | Action::Adopt) {
            continue;
        }
        let users = users_of(spec, &one.draft.address);
        let used = users.iter().any(|user| busy.contains(user));
        match one.draft.address.kind {
            Kind::SubnetGroup => subnets(live, planned, index, &users),
            Kind::User | Kind::UserGroup if used && turns_valkey(&planned[index]) => {
                let draft = &mut planned[index].draft;
                let modify = draft.address.kind.modify();
                let calls = draft.calls.iter_mut();
                calls.filter(|call| call.operation == modify).for_each(|call| call.phase = Phase::AfterCaches);
            }
            _ => {}
        }
    }
    // Groups before their users, which follow them.
    for kind in [Kind::UserGroup, Kind::User] {
        for index in 0..planned.len() {
            let one = &planned[index];
            if one.draft.address.kind == kind && turns_valkey(one) {
                after_what_uses_it(live, planned, index);
            }
        }
    }
}

/// Is there a step that turns what is there to engine valkey, and not in the window?
fn turns_valkey(planned: &Planned) -> bool {
    let sends = |call: &Call| call.parameters.get("Engine").and_then(Value::as_str) == Some("valkey");
    let mut calls = planned.draft.calls.iter();
    calls.any(|call| !call.operation.creates() && call.phase != Phase::Window && sends(call))
}

/// What uses a user or a user group while it turns to valkey.
enum Use {
    /// Of valkey by then, or it uses the resource no longer.
    Fits,
    /// Of valkey once AWS carries out in the maintenance window what waits.
    Later,
    Stays,
}

/// A cache or a user group of redis takes nothing of valkey: it turns first, in this plan or in the window.
fn after_what_uses_it(live: &Live, planned: &mut [Planned], index: usize) {
    let address = planned[index].draft.address.clone();
    let (mut later, mut stays) = (Vec::new(), Vec::new());
    for user in address.kind.row().uses.map(|uses| (uses.users)(live, &address)).into_iter().flatten() {
        match use_then(live, planned, &address, &user) {
            Use::Fits => {}
            Use::Later => later.push(user.to_string()),
            Use::Stays => stays.push(user.to_string()),
        }
    }
    let draft = &mut planned[index].draft;
    if !stays.is_empty() {
        let stays = stays.join(", ");
        draft.blocks(
            "user-group-engine",
            format!("{stays} stays of engine redis, and takes users and user groups of redis only"),
            format!("declare `engine: valkey` for {stays} too, or keep `engine: redis` here"),
        );
    } else if !later.is_empty() {
        draft.remaining.push(format!("engine valkey once {} is of engine valkey", later.join(", ")));
        let (modify, id) = (address.kind.modify(), address.kind.id_member());
        for call in draft.calls.iter_mut().filter(|call| call.operation == modify) {
            call.parameters.remove("Engine");
        }
        draft.calls.retain(|call| call.operation != modify || call.parameters.keys().any(|member| member != id));
    }
}

fn use_then(live: &Live, planned: &[Planned], used: &Address, user: &Address) -> Use {
    let Some(view) = live.view(user) else { return Use::Fits };
    let is_valkey = |value: Option<&Value>| {
        value.and_then(Value::as_str).is_some_and(|engine| engine.eq_ignore_ascii_case("valkey"))
    };
    let plan = planned.iter().find(|planned| planned.draft.address == *user);
    let lets_go = |planned: &Planned| {
        planned.draft.calls.iter().any(|call| call.phase != Phase::Window && call.lets_go.contains(used))
    };
    let is_gone = |planned: &Planned| matches!(planned.action, Action::Delete | Action::Replace);
    let goes = plan.is_some_and(|planned| is_gone(planned) || lets_go(planned));
    if goes || is_valkey(view.own("Engine")) || plan.is_some_and(turns_valkey) {
        return Use::Fits;
    }
    let waits = user.kind == Kind::ReplicationGroup && is_valkey(engine::pending_engine(&view).as_ref());
    let comes = |planned: &Planned| planned.draft.attributes.iter().any(is_to_be_valkey);
    if waits || plan.is_some_and(comes) { Use::Later } else { Use::Stays }
}

/// Shown as a difference, though no step of this plan makes it.
fn is_to_be_valkey(change: &AttributeChange) -> bool {
    change.path == "engine" && change.after == json!("valkey")
}

/// A subnet of a group as AWS describes it.
struct Subnet {
    id: String,
    zone: String,
}

/// Additions go first, removals last; what nodes live in cannot be removed.
fn subnets(live: &Live, planned: &mut [Planned], index: usize, users: &[Address]) {
    let Some(view) = live.view(&planned[index].draft.address) else { return };
    let calls = &planned[index].draft.calls;
    let Some(at) = calls.iter().position(|call| call.operation == Operation::ModifyCacheSubnetGroup) else { return };
    let Some(wanted) = planned[index].draft.subnets.clone() else { return };
    let text =
        |subnet: &Value, pointer: &str| subnet.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let subnets = view.own("Subnets").and_then(Value::as_array).into_iter().flatten();
    let (kept, removed): (Vec<Subnet>, Vec<Subnet>) = subnets
        .map(|subnet| Subnet {
            id: text(subnet, "/SubnetIdentifier"),
            zone: text(subnet, "/SubnetAvailabilityZone/Name"),
        })
        .partition(|subnet| wanted.contains(&subnet.id));
    if removed.is_empty() {
        return;
    }
    // A zone's only subnet is where the zone's nodes live.
    let zones: Vec<&str> = removed
        .iter()
        .map(|subnet| subnet.zone.as_str())
        .filter(|zone| kept.iter().all(|kept| kept.zone != *zone))
        .collect();
    let address = planned[index].draft.address.clone();
    let lived_in = nodes_in(live, &address.id, &zones);
    let grows = planned.iter().any(|planned| users.contains(&planned.draft.address) && adds_nodes(planned));
    let mut staying = staying_nodes(live, planned, lived_in.clone());
    if staying.is_empty() && !lived_in.is_empty() && grows {
        // New nodes may be put where others only just went.
        staying = lived_in.values().flatten().cloned().collect();
    }
    let draft = &mut planned[index].draft;
    if kept.is_empty() {
        let vpc = view.text("VpcId").unwrap_or_default();
        draft
            .warnings
            .push(("subnetIds".into(), format!("no subnet stays; AWS takes only subnets of the group's VPC, {vpc}")));
    }
    if !staying.is_empty() {
        draft.blocks(
            "subnet-in-use",
            "AWS does not remove a subnet that nodes live in",
            format!("remove {} first, or keep the subnet", staying.join(", ")),
        );
        return;
    }
    // What nobody lives in goes at once, before anybody moves in.
    if lived_in.is_empty() {
        return;
    }
    let call = &mut draft.calls[at];
    if wanted.len() == kept.len() && !call.parameters.contains_key("CacheSubnetGroupDescription") {
        call.phase = Phase::AfterCaches;
        draft.subnets = None;
        return;
    }
    let mut late = call.parameters.clone();
    late.remove("CacheSubnetGroupDescription");
    let all: Vec<String> = wanted.into_iter().chain(removed.into_iter().map(|subnet| subnet.id)).collect();
    call.parameters.insert("SubnetIds".into(), json!(all));
    let (operation, wait) = (call.operation, call.wait);
    draft.subnets = Some(all);
    draft.push(Phase::AfterCaches, operation, wait, late);
}

fn adds_nodes(planned: &Planned) -> bool {
    matches!(planned.action, Action::Create | Action::Replace)
        || planned.draft.topology.as_ref().is_some_and(|topology| topology.grows)
}

/// The nodes in these zones, by their replication group.
fn nodes_in(live: &Live, subnet_group: &str, zones: &[&str]) -> BTreeMap<String, Vec<String>> {
    let text =
        |cluster: &Value, member: &str| cluster.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut by_group: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, cluster) in &live.cache_clusters {
        let zone = text(cluster, "PreferredAvailabilityZone");
        if text(cluster, "CacheSubnetGroupName") == subnet_group && zones.contains(&zone.as_str()) {
            by_group.entry(text(cluster, "ReplicationGroupId")).or_default().push(id.clone());
        }
    }
    by_group
}

/// Those of them that stay. Replicas that go are chosen among them.
fn staying_nodes(live: &Live, planned: &mut [Planned], by_group: BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut staying = Vec::new();
    for (group, mut nodes) in by_group {
        let address = Address::new(Kind::ReplicationGroup, &group);
        let of_group =
            planned.iter_mut().find(|planned| planned.draft.address == address && planned.action != Action::Replace);
        if let (Some(planned), Some(view)) = (of_group, live.view(&address)) {
            nodes.retain(|node| !leaves_with_its_shard(planned, &view, node));
            choose_replicas(planned, &view, &mut nodes);
        }
        staying.extend(nodes);
    }
    staying
}

fn leaves_with_its_shard(planned: &Planned, view: &View<'_>, node: &str) -> bool {
    let Some(topology) = &planned.draft.topology else { return false };
    let leaving = |shard: &Value| {
        let id = shard.get("NodeGroupId").and_then(Value::as_str);
        topology.leaving.iter().any(|leaving| Some(leaving.as_str()) == id)
    };
    let has = |shard: &Value| {
        let members = shard.get("NodeGroupMembers").and_then(Value::as_array);
        members.into_iter().flatten().any(|member| member.get("CacheClusterId").and_then(Value::as_str) == Some(node))
    };
    view.node_groups().iter().any(|shard| has(shard) && leaving(shard))
}

/// AWS removes the replicas that are named; which are replicas it only tells with cluster mode disabled.
fn choose_replicas(planned: &mut Planned, view: &View<'_>, nodes: &mut Vec<String>) {
    let topology = planned.draft.topology.as_ref();
    let Some(count) = topology.and_then(|topology| topology.fewer_replicas) else { return };
    let Some(call) = planned.draft.calls.iter_mut().find(|call| call.phase == Phase::ReplicasDown) else { return };
    let replicas: Vec<&str> = view.member_ids().filter(|member| view.role(member) == Some("replica")).collect();
    let surplus = replicas.len().saturating_sub(count);
    if nodes.is_empty() || nodes.len() > surplus || nodes.iter().any(|node| !replicas.contains(&node.as_str())) {
        return;
    }
    let others = replicas.iter().rev().map(|replica| (*replica).to_owned()).filter(|replica| !nodes.contains(replica));
    let chosen: Vec<String> = nodes.iter().cloned().chain(others).take(surplus).collect();
    call.parameters.insert("ReplicasToRemove".into(), json!(chosen));
    nodes.clear();
}
