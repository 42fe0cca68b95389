//! Did AWS do what it accepted? A step's parameters are compared with what is live afterwards.

use serde_json::{Value, json};

use crate::model::Kind;
use crate::model::attribute::Pending;
use crate::model::live::{Live, View, strings};
use crate::model::plan::Step;
use crate::resource::replication_group::nodes::replica_counts;

/// Secrets are never read back, and a service's own wording of the others cannot be compared.
const UNREADABLE: [&str; 6] =
    ["AccessString", "AuthToken", "Passwords", "LogDeliveryConfigurations", "AuthenticationMode", "KmsKeyId"];

/// Can all that the step sets be seen afterwards? Else what is live proves nothing about the call.
pub fn is_readable(step: &Step) -> bool {
    !step.parameters.keys().any(|member| UNREADABLE.contains(&member.as_str()))
}

/// What of the step is not to be seen yet, in words; `None` when all of it is.
pub fn missing(step: &Step, live: &Live) -> Option<String> {
    if step.operation.starts_with("Delete") {
        return live.get(&step.address).map(|_| "it still exists".to_owned());
    }
    let Some(view) = live.view(&step.address) else { return Some("it does not exist".to_owned()) };
    if step.operation.starts_with("Create") {
        return None;
    }
    match step.operation.as_str() {
        "IncreaseReplicaCount" | "DecreaseReplicaCount" => replicas(step, &view),
        "ModifyReplicationGroupShardConfiguration" => shards(step, &view),
        "ModifyReplicationGroup" | "ModifyServerlessCache" | "ModifyUser" | "ModifyUserGroup" => members(step, &view),
        _ => None,
    }
}

/// What of an immediate step AWS still has before it, in words: the group can be `available` meanwhile.
pub fn pending(step: &Step, live: &Live) -> Option<String> {
    let view = live.view(&step.address).filter(|_| step.address.kind == Kind::ReplicationGroup)?;
    if step.parameters.get("ApplyImmediately") == Some(&json!(false)) {
        return None;
    }
    let own = [
        ("AutomaticFailoverEnabled", "AutomaticFailoverStatus"),
        ("AuthToken", "AuthTokenStatus"),
        ("UserGroupIdsToAdd", "UserGroups"),
        ("UserGroupIdsToRemove", "UserGroups"),
        ("LogDeliveryConfigurations", "LogDeliveryConfigurations"),
        ("TransitEncryptionEnabled", "TransitEncryptionEnabled"),
        ("TransitEncryptionMode", "TransitEncryptionMode"),
        ("ClusterMode", "ClusterMode"),
    ];
    let of_group = own.iter().filter(|(_, pending)| view.pending(pending).is_some()).map(|(member, _)| *member);
    let of_members = ["EngineVersion", "CacheNodeType"].into_iter().filter(|name| view.member_pending(name).is_some());
    let member = of_group.chain(of_members).find(|member| step.parameters.contains_key(*member))?;
    Some(format!("{member} is pending"))
}

fn replicas(step: &Step, view: &View<'_>) -> Option<String> {
    let counts = replica_counts(view);
    let wrong = |wanted: u64, shard: Option<&str>| {
        counts
            .iter()
            .find(|(id, count)| shard.is_none_or(|shard| shard == id) && *count as u64 != wanted)
            .map(|(id, count)| format!("shard {id} has {count} replicas, not {wanted}"))
    };
    if let Some(wanted) = step.parameters.get("NewReplicaCount").and_then(Value::as_u64) {
        return wrong(wanted, None);
    }
    let shards = step.parameters.get("ReplicaConfiguration").and_then(Value::as_array);
    shards
        .into_iter()
        .flatten()
        .find_map(|shard| wrong(shard.get("NewReplicaCount")?.as_u64()?, shard.get("NodeGroupId")?.as_str()))
}

fn shards(step: &Step, view: &View<'_>) -> Option<String> {
    let wanted = step.parameters.get("NodeGroupCount").and_then(Value::as_u64)?;
    let found = view.node_groups().len() as u64;
    (found != wanted).then(|| format!("there are {found} shards, not {wanted}"))
}

/// Every parameter that an attribute's row can read back.
fn members(step: &Step, view: &View<'_>) -> Option<String> {
    let deferred = step.parameters.get("ApplyImmediately") == Some(&json!(false));
    for (member, value) in &step.parameters {
        match member.as_str() {
            "UserGroupIdsToAdd" | "UserIdsToAdd" => {
                let list = if step.address.kind == Kind::UserGroup { "UserIds" } else { "UserGroupIds" };
                if let Some(absent) = strings(Some(value)).find(|id| !strings(view.own(list)).any(|live| live == *id)) {
                    return Some(format!("{absent} is not attached"));
                }
                continue;
            }
            "UserGroupIdsToRemove" | "UserIdsToRemove" => {
                let list = if step.address.kind == Kind::UserGroup { "UserIds" } else { "UserGroupIds" };
                if let Some(present) = strings(Some(value)).find(|id| strings(view.own(list)).any(|live| live == *id)) {
                    return Some(format!("{present} is still attached"));
                }
                continue;
            }
            member if UNREADABLE.contains(&member) => continue,
            _ => {}
        }
        let Some(attribute) = step.address.kind.attributes().iter().find(|attribute| attribute.field.member == member)
        else {
            continue;
        };
        let wanted = attribute.field.shape.from_api(value);
        let live = attribute.live(view, Some(&wanted));
        let same = live.as_ref().is_some_and(|live| attribute.field.shape.same(&wanted, live));
        // What waits for the window is accepted, and that is all it should be. Where AWS tells what waits, it must be this.
        let accepted = match attribute.pending {
            Pending::Nowhere => true,
            Pending::With(pending) => pending(view).is_some_and(|waits| attribute.field.shape.same(&wanted, &waits)),
        };
        let done = same || (deferred && accepted);
        if !done && live.is_some() {
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return Some(format!(
                "{} is still {}, not {}",
                attribute.field.name,
                live.as_ref().map(shown).unwrap_or_default(),
                shown(&wanted)
            ));
        }
    }
    None
}
