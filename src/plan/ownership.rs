//! Ownership reads from tags; of alarms, from their description too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::draft::{Call, Draft, Scene, ignored};
use super::model::{AttributeChange, Ownership};
use crate::resource::attribute::{Impact, Phase};
use crate::resource::live::{Live, object};
use crate::resource::{Address, Kind, alarm, secret, user};
use crate::spec::{Resource, Spec};

pub const STACK: &str = "cachectl:stack";
pub const PROTECT: &str = "cachectl:protect";

pub fn of(spec: &Spec, live: &Live, address: &Address) -> Ownership {
    let Some(own) = live.get(address) else { return Ownership::Absent };
    if address.kind == Kind::Alarm
        && let Some(stack) = alarm::stack_of(own)
    {
        return if stack == spec.stack { Ownership::Owned } else { Ownership::Foreign };
    }
    match live.tags.get(address) {
        None => Ownership::Unknown,
        Some(tags) => match tags.get(STACK) {
            Some(stack) if *stack == spec.stack => Ownership::Owned,
            Some(_) => Ownership::Foreign,
            None => Ownership::Unowned,
        },
    }
}

pub fn is_protected(live: &Live, address: &Address, resource: Option<&Resource>) -> bool {
    resource.and_then(|resource| resource.lifecycle("protect")) == Some(true)
        || live.tags.get(address).and_then(|tags| tags.get(PROTECT)).is_some_and(|value| value == "true")
}

/// The tags that a resource should carry; `None` removes one.
pub fn wanted_tags(spec: &Spec, live: &Live, resource: &Resource) -> BTreeMap<String, Option<String>> {
    let own = resource.fields.get("tags").and_then(Value::as_object);
    let mut tags: BTreeMap<String, Option<String>> = spec
        .tags
        .iter()
        .chain(own.into_iter().flatten())
        .map(|(key, value)| (key.clone(), value.as_str().map(str::to_owned)))
        .collect();
    tags.insert(STACK.to_owned(), Some(spec.stack.clone()));
    if let Some(protect) = resource.lifecycle("protect") {
        tags.insert(PROTECT.to_owned(), protect.then(|| "true".to_owned()));
    }
    if let Some((field, tag)) = secret::field(resource.address.kind)
        && resource.fields.get(field).is_some_and(Value::is_null)
    {
        // A secret that is declared away leaves no mark.
        tags.insert(tag.to_owned(), None);
    }
    if let Some((field, tag)) = secret::field(resource.address.kind)
        && let Some(seen) = live.secrets.get(&secret::key(&resource.address, field))
        && !seen.matches
    {
        tags.insert(tag.to_owned(), Some(seen.mark.clone()));
    }
    tags
}

/// Tags as a create call takes them.
pub fn tag_list(tags: &BTreeMap<String, Option<String>>) -> Value {
    tags.iter().filter_map(|(key, value)| Some(json!({"Key": key, "Value": value.as_ref()?}))).collect()
}

/// The tag calls of an existing resource: the last of its changes, since they make a group `modifying`.
pub fn change_tags(draft: &mut Draft, scene: &Scene<'_>) {
    let address = draft.address.clone();
    let Some(live) = scene.live.tags.get(&address) else { return };
    let mut wanted = wanted_tags(scene.spec, scene.live, scene.resource);
    let announced = mark_secrets(draft, scene, &mut wanted);
    let mut set = Vec::new();
    let mut remove = Vec::new();
    let left_alone: Vec<&str> = ignored(scene.resource).collect();
    for (key, value) in &wanted {
        let path = format!("tags.{key}");
        let managed = key.starts_with("cachectl:");
        if !managed && left_alone.iter().any(|ignored| *ignored == "tags" || *ignored == path) {
            continue;
        }
        let before = live.get(key);
        match value {
            Some(value) if before != Some(value) => set.push(json!({"Key": key, "Value": value})),
            None if before.is_some() => remove.push(json!(key)),
            _ => continue,
        }
        draft.attributes.push(AttributeChange {
            path,
            before: json!(before),
            after: json!(value),
            impact: Impact::None,
            sensitive: false,
        });
    }
    let (tag, untag, member) = if address.kind == Kind::Alarm {
        ("TagResource", "UntagResource", "ResourceARN")
    } else {
        ("AddTagsToResource", "RemoveTagsFromResource", "ResourceName")
    };
    let arn = json!(scene.live.arn(&address));
    if let Some(Announced { key, value, before }) = announced
        && live.get(key) != Some(&value)
    {
        let own = json!([{"Key": key, "Value": value}]);
        let last = wanted.get(key).is_some_and(|wanted| wanted.as_ref() == Some(&value));
        // What else is to be tagged goes along, unless another tag call has to follow anyway.
        let tags = if last { json!(std::mem::take(&mut set)) } else { own };
        let phase = draft.calls[before].phase;
        let parameters = object([(member, arn.clone()), ("Tags", tags)]);
        draft.calls.insert(before, Call { phase, operation: tag, parameters, wait: address.kind.ready() });
    }
    if !set.is_empty() {
        draft.push(Phase::Tags, tag, address.kind.ready(), object([(member, arn.clone()), ("Tags", json!(set))]));
    }
    if !remove.is_empty() {
        draft.push(Phase::Tags, untag, address.kind.ready(), object([(member, arn), ("TagKeys", json!(remove))]));
    }
}

/// A tag that is written before the call at this place.
struct Announced {
    key: &'static str,
    value: String,
    before: usize,
}

/// The tag that says which secret is set. It is written after the call where a second call would do no harm, and
/// before it where only the tag tells the next run what a killed one was about.
fn mark_secrets(draft: &Draft, scene: &Scene<'_>, wanted: &mut BTreeMap<String, Option<String>>) -> Option<Announced> {
    let (field, key) = secret::field(draft.address.kind)?;
    let seen = scene.live.secrets.get(&secret::key(&draft.address, field))?;
    let sends = |call: &Call| call.parameters.contains_key(secret::member(field));
    let Some(first) = draft.calls.iter().position(sends) else {
        // Nothing was sent: a secret that was set by hand stays unknown.
        wanted.remove(key);
        return None;
    };
    let rotates = |call: &Call| call.parameters.get("AuthTokenUpdateStrategy") == Some(&json!("ROTATE"));
    let announces = |value: String| Some(Announced { key, value, before: first });
    let last = draft.calls.iter().rfind(|call| sends(call));
    let mut value = seen.mark.clone();
    let mut announced = None;
    if rotates(&draft.calls[first]) {
        let announcement = secret::announcement(scene.live, &draft.address, seen);
        if last.is_some_and(rotates) {
            value.clone_from(&announcement);
        }
        announced = announces(announcement);
    } else if !has_secret(scene) {
        // As long as clients come in another way, the tag means nothing.
        announced = announces(value.clone());
    }
    wanted.insert(key.to_owned(), Some(value));
    announced
}

/// Do clients log in with a secret of the kind that the spec declares?
fn has_secret(scene: &Scene<'_>) -> bool {
    match scene.resource.address.kind {
        Kind::ReplicationGroup => scene.view.flag("AuthTokenEnabled"),
        _ => !user::logs_in_without_password(scene.view),
    }
}
