//! Did AWS do what it accepted? A step's parameters are compared with what is live afterwards.

use serde_json::{Value, json};

use crate::model::attribute::Pending;
use crate::model::live::{Live, View, strings};
use crate::model::node_type;
use crate::model::operation::Effect;
use crate::model::report::Remedy;
use crate::model::step::Call;
use crate::model::{Address, Kind};
use crate::resource::replication_group::nodes::replica_counts;

/// What a look says of a call's effect.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    There,
    /// Why it is not there yet, in words.
    Missing(String),
    /// Nothing that is read tells.
    Untold,
}

/// Can all that the call sets be seen afterwards? Else what is live proves nothing about it.
pub fn is_readable(kind: Kind, call: &Call) -> bool {
    let rows = kind.attributes().iter().filter(|row| row.unproven);
    !rows.into_iter().any(|row| call.parameters.contains_key(row.field.member))
}

/// Is the effect of the call to be seen?
pub fn seen(address: &Address, call: &Call, live: &Live) -> Seen {
    let told = |missing: Option<String>| missing.map_or(Seen::There, Seen::Missing);
    let Some(view) = live.view(address) else {
        return match call.operation.effect() {
            Effect::Gone => Seen::There,
            _ => Seen::Missing("it does not exist".to_owned()),
        };
    };
    match call.operation.effect() {
        Effect::Gone => Seen::Missing("it still exists".to_owned()),
        Effect::Exists => Seen::There,
        Effect::Replicas => told(replicas(call, &view)),
        Effect::Shards => told(shards(call, &view)),
        Effect::Members => told(members(address.kind, call, &view)),
        Effect::Unseen => Seen::Untold,
    }
}

/// What of an immediate call AWS still has before it, in words: the group can be `available` meanwhile.
pub fn pending(address: &Address, call: &Call, live: &Live) -> Option<String> {
    let view = live.view(address)?;
    if call.is_deferred() {
        return None;
    }
    if let Some((log_type, status)) = deliveries(call, &view).find(|(_, status)| status.ends_with("ing")) {
        return Some(format!("the {log_type} is {status}"));
    }
    let member = address.kind.attributes().iter().find_map(|row| {
        let (member, sent) = call.parameters.iter().find(|(member, _)| row.sends(member))?;
        let waits = row.accepted(&view);
        // What may wait can be another value that waits for the window: that is nothing that this call began.
        let begun =
            waits.is_some_and(|waits| !row.may_wait || row.field.shape.same(&row.field.shape.from_api(sent), &waits));
        (begun || row.under_way.is_some_and(|state| view.pending(state).is_some())).then_some(member)
    })?;
    Some(format!("{member} is pending"))
}

/// The logs that a step turns on, with the live state of each.
fn deliveries<'a>(call: &'a Call, view: &'a View<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let list = |value: Option<&'a Value>| value.and_then(Value::as_array).into_iter().flatten();
    let text = |value: &'a Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default();
    let sent = list(call.parameters.get("LogDeliveryConfigurations"));
    sent.filter(|entry| entry.get("Enabled") == Some(&json!(true))).filter_map(move |entry| {
        let log_type = text(entry, "LogType");
        let live = list(view.own("LogDeliveryConfigurations")).find(|live| text(live, "LogType") == log_type)?;
        Some((log_type, text(live, "Status")))
    })
}

/// What has to happen before a call that AWS took and did not carry out can pass.
pub fn remedy(address: &Address, call: &Call, live: &Live) -> Remedy {
    let Some(view) = live.view(address) else { return Remedy::Time };
    if deliveries(call, &view).any(|(_, status)| status == "error") {
        return Remedy::Destination;
    }
    let memory = |name: Option<&str>| name.and_then(node_type::get).map(|node_type| node_type.maxmemory);
    let wanted = memory(call.parameters.get("CacheNodeType").and_then(Value::as_str));
    let shrinks = wanted.zip(memory(view.text("CacheNodeType"))).is_some_and(|(wanted, live)| wanted < live);
    if shrinks || call.operation.effect() == Effect::Shards { Remedy::TakenBack } else { Remedy::Time }
}

fn replicas(call: &Call, view: &View<'_>) -> Option<String> {
    let counts = replica_counts(view);
    let wrong = |wanted: u64, shard: Option<&str>| {
        counts
            .iter()
            .find(|(id, count)| shard.is_none_or(|shard| shard == id) && *count as u64 != wanted)
            .map(|(id, count)| format!("shard {id} has {count} replicas, not {wanted}"))
    };
    if let Some(wanted) = call.parameters.get("NewReplicaCount").and_then(Value::as_u64) {
        return wrong(wanted, None);
    }
    let shards = call.parameters.get("ReplicaConfiguration").and_then(Value::as_array);
    shards
        .into_iter()
        .flatten()
        .find_map(|shard| wrong(shard.get("NewReplicaCount")?.as_u64()?, shard.get("NodeGroupId")?.as_str()))
}

fn shards(call: &Call, view: &View<'_>) -> Option<String> {
    let wanted = call.parameters.get("NodeGroupCount").and_then(Value::as_u64)?;
    let found = view.node_groups().len() as u64;
    (found != wanted).then(|| format!("there are {found} shards, not {wanted}"))
}

/// Every parameter that an attribute's row can read back.
fn members(kind: Kind, call: &Call, view: &View<'_>) -> Option<String> {
    if let Some((log_type, _)) = deliveries(call, view).find(|(_, status)| *status == "error") {
        let logs = view.own("LogDeliveryConfigurations").and_then(Value::as_array).into_iter().flatten();
        let broken = logs.filter(|log| log.get("LogType").and_then(Value::as_str) == Some(log_type));
        let message = broken.filter_map(|log| log.get("Message")?.as_str()).next().unwrap_or("AWS does not say why");
        return Some(format!("the {log_type} cannot be delivered: {message}"));
    }
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let deferred = call.is_deferred();
    let rows = || kind.attributes().iter().filter(|row| !row.unproven);
    for (member, value) in &call.parameters {
        match member.as_str() {
            "UserGroupIdsToAdd" | "UserIdsToAdd" => {
                let list = member.trim_end_matches("ToAdd");
                if let Some(absent) = strings(Some(value)).find(|id| !strings(view.own(list)).any(|live| live == *id)) {
                    return Some(format!("{absent} is not attached"));
                }
                continue;
            }
            "UserGroupIdsToRemove" | "UserIdsToRemove" => {
                let list = member.trim_end_matches("ToRemove");
                if let Some(present) = strings(Some(value)).find(|id| strings(view.own(list)).any(|live| live == *id)) {
                    return Some(format!("{present} is still attached"));
                }
                continue;
            }
            _ => {}
        }
        let Some(attribute) = rows().find(|attribute| attribute.field.member == member) else {
            continue;
        };
        let wanted = attribute.field.shape.from_api(value);
        let live = attribute.live(view, Some(&wanted));
        let same = live.as_ref().is_some_and(|live| attribute.field.shape.same(&wanted, live));
        let waits = attribute.accepted(view);
        let is_wanted = |waits: &Value| attribute.field.shape.same(&wanted, waits);
        if let Some(other) = waits.as_ref().filter(|waits| same && !is_wanted(waits)) {
            return Some(format!("{} {} still waits for the maintenance window", attribute.field.name, shown(other)));
        }
        // What waits for the window is accepted, and that is all it should be. Where AWS tells what waits, it must be this.
        let accepted = matches!(attribute.pending, Pending::Nowhere) || waits.as_ref().is_some_and(is_wanted);
        let done = same || (deferred && accepted);
        if !done && live.is_some() {
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
