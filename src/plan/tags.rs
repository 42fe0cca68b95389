//! The tag calls of a resource, and the marks of its secrets among them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::attribute::{Impact, Phase};
use crate::model::draft::{Call, Draft, Scene};
use crate::model::ignored;
use crate::model::live::object;
use crate::model::plan::AttributeChange;
use crate::model::step::adds_token;
use crate::resource::kind_row::{Secret, TagCalls};
use crate::resource::ownership::wanted_tags;
use crate::resource::secret;

/// The tag calls of an existing resource: the last of its changes, since they make a group `modifying`.
pub(super) fn change_tags(draft: &mut Draft, scene: &Scene<'_>) {
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
    let TagCalls { tag, untag, arn_member: member } = address.kind.row().tags;
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
        draft.calls.insert(before, Call { parameters, ..Call::new(phase, tag, address.kind.ready()) });
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
    let Secret { attribute, member, tag: key, is_in_force } = draft.address.kind.row().secret?;
    let seen = scene.live.secrets.get(&secret::key(&draft.address, attribute))?;
    let sends = |call: &Call| call.parameters.contains_key(member);
    let Some(first) = draft.calls.iter().position(sends) else {
        // Nothing was sent: a secret that was set by hand stays unknown.
        wanted.remove(key);
        return None;
    };
    let rotates = |call: &Call| adds_token(&call.parameters);
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
    } else if !is_in_force(scene) {
        // As long as clients come in another way, the tag means nothing.
        announced = announces(value.clone());
    }
    wanted.insert(key.to_owned(), Some(value));
    announced
}
