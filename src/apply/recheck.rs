//! Right before something is deleted it is read again: whose it is, whether it is protected, and whether it still is
//! what the plan was made of. Minutes may lie between a plan and its deletions.

use serde_json::{Map, Value, json};

use super::send::BUSY;
use super::task::{Task, settle};
use super::{Engine, Failure};
use crate::aws::{AwsError, reader};
use crate::model::Address;
use crate::model::live::{Live, strings};
use crate::model::plan::Ownership;
use crate::plan::{fingerprint, holder_of_another_type};
use crate::resource::ownership;
use crate::resource::readiness::{self, Condition};

/// An error, and no call, where what the step deletes has moved since it was planned.
pub async fn still_true(engine: &Engine<'_>, task: Task<'_>) -> Result<(), Failure> {
    let Task { step, call, started } = task;
    let touched: Vec<Address> = match call.parameters.get("AlarmNames") {
        Some(names) => strings(Some(names)).map(|name| Address::new(step.address.kind, name)).collect(),
        None => vec![step.address.clone()],
    };
    let identity = engine.aws.identity().await?;
    let mut now = reader::again(engine.aws, &identity, &touched).await?;
    // AWS tells no tags while it is busy with a cache, and takes no deletion either.
    while is_busy(&now, &step.address) && started.elapsed() < BUSY {
        settle(engine, task).await?;
        now = reader::again(engine.aws, &identity, &touched).await?;
    }
    let moved = touched.iter().find_map(|address| Some((address, moved(engine, &now, address)?)));
    match moved {
        None => Ok(()),
        Some((address, what)) => Err(Failure::Moved { address: address.to_string(), what }),
    }
}

/// An error, and no call, where what waited for its cache would be written over what is somebody else's by now: a Put
/// makes no difference between one that is there and one that is not.
pub async fn still_ours(engine: &Engine<'_>, address: &Address) -> Result<(), Failure> {
    let identity = engine.aws.identity().await?;
    let now = reader::again(engine.aws, &identity, std::slice::from_ref(address)).await?;
    match owner_moved(engine, &now, address) {
        None => Ok(()),
        Some(what) => Err(Failure::Moved { address: address.to_string(), what }),
    }
}

/// Why an alarm that is to be made must not be put any more: it is there by now, and not this stack's.
pub fn taken(engine: &Engine<'_>, now: &Live, address: &Address) -> Option<String> {
    match holder_of_another_type(now, address).filter(|_| now.get(address).is_none()) {
        Some(other) => Some(format!("has the name of a {other} that was created in the meantime")),
        None => owner_moved(engine, now, address),
    }
}

/// What is said where a read has ended without an answer.
pub fn given_up() -> AwsError {
    AwsError::local("DescribeAlarms", "the read was given up")
}

/// What a change of a user group is to send: without users that went, or came, since it was planned. AWS refuses the
/// whole request for one of them (Terraform issue 49945). `None` where nothing is left to send.
pub async fn of_members(
    engine: &Engine<'_>,
    address: &Address,
    mut parameters: Map<String, Value>,
) -> Result<Option<Map<String, Value>>, AwsError> {
    let lists = [("UserIdsToRemove", true), ("UserIdsToAdd", false)];
    if !lists.iter().any(|(member, _)| parameters.contains_key(*member)) {
        return Ok(Some(parameters));
    }
    let now = reader::these(engine.aws, [address.clone()]).await?;
    // What cannot be found is AWS's to refuse.
    let Some(group) = now.view(address) else { return Ok(Some(parameters)) };
    let members: Vec<&str> = strings(group.own("UserIds")).collect();
    for (member, is_there) in lists {
        let Some(ids) = parameters.get(member) else { continue };
        let left: Vec<&str> = strings(Some(ids)).filter(|id| members.contains(id) == is_there).collect();
        if left.is_empty() {
            parameters.remove(member);
        } else {
            parameters.insert(member.into(), json!(left));
        }
    }
    Ok(parameters.keys().any(|member| member != address.kind.id_member()).then_some(parameters))
}

/// Is the cache on its way, so that its tags are not told for a while?
fn is_busy(now: &Live, address: &Address) -> bool {
    address.kind.is_cache()
        && !now.tags.contains_key(address)
        && !now.tags_unread.contains_key(address)
        && readiness::of(now, address).0 == Condition::Moving
}

/// What is not as it was planned. What is gone by now needs no deletion, and AWS says so itself.
fn moved(engine: &Engine<'_>, now: &Live, address: &Address) -> Option<String> {
    let before = engine.before;
    if now.get(address).is_none() && !now.unread.contains_key(address) {
        return None;
    }
    // A failed creation holds nothing, and AWS tells no tags of it.
    if now.status(address) == Some("create-failed") && before.status(address) == Some("create-failed") {
        return None;
    }
    if let Some(what) = owner_moved(engine, now, address) {
        return Some(what);
    }
    if ownership::is_protected(now, address, engine.spec.resources.get(address)) {
        return Some("is now protected".to_owned());
    }
    (fingerprint::of_what_it_is(now, address) != fingerprint::of_what_it_is(before, address))
        .then(|| "has changed since it was planned".to_owned())
}

/// Is it another's than it was planned as, or may it be?
fn owner_moved(engine: &Engine<'_>, now: &Live, address: &Address) -> Option<String> {
    if let Some(why) = now.unread.get(address) {
        return Some(format!("could not be read: {why}"));
    }
    let owner = ownership::of(engine.spec, now, address);
    let same_owner = owner == ownership::of(engine.spec, engine.before, address) || owner == Ownership::Owned;
    match owner {
        Ownership::Absent => None,
        Ownership::Foreign => Some("now belongs to another stack".to_owned()),
        Ownership::Unknown if !same_owner => {
            let why = now.tags_unread.get(address).map(|why| format!(": {why}")).unwrap_or_default();
            Some(format!("no longer shows its tags{why}"))
        }
        _ if same_owner => None,
        _ if engine.before.get(address).is_none() => Some("was created by someone else in the meantime".to_owned()),
        _ => Some("has lost the stack's tag".to_owned()),
    }
}
