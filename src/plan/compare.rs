//! What differs, attribute by attribute, and what its row makes of it.

use crate::model::attribute::{Attribute, Difference, Impact, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::plan::PendingValue;
use crate::resource::replication_group::{datastore, pending};
use serde_json::Value;

/// Compares every declared attribute with the live one and lets its row decide.
pub(super) fn compare(draft: &mut Draft, scene: &Scene<'_>) {
    let mut unknown = Vec::new();
    for attribute in scene.rows {
        let Some(declared) = scene.declared(attribute.field.name) else { continue };
        if matches!(attribute.route, Route::Local | Route::Seed | Route::Whole) {
            continue;
        }
        let live = attribute.live(scene.view, Some(declared));
        if live.is_none() && scene.view.is_without_members() {
            unknown.push(attribute.field.name);
            continue;
        }
        // The members of a group that is being created cannot be read yet.
        let is_to_come = live.is_none() && scene.view.status() == "creating";
        if is_to_come || attribute.same(declared, live.as_ref()) {
            contradicted(draft, attribute, scene, declared);
            continue;
        }
        let difference = Difference {
            attribute: attribute.field.name,
            member: attribute.field.member,
            declared: declared.clone(),
            live,
            impact: attribute.impact,
        };
        if let Some(value) = attribute.accepted(scene.view).filter(|value| attribute.field.shape.same(declared, value))
        {
            pending::waits(draft, scene, &difference, value);
            continue;
        }
        if datastore::decides(draft, scene, &difference) {
            continue;
        }
        route(draft, attribute, scene, &difference);
    }
    if !unknown.is_empty() {
        draft.blocks(
            "members-unread",
            format!("AWS lists none of its nodes, so this is not known: {}", unknown.join(", ")),
            "plan again in a while; if that does not help, look at `aws elasticache describe-cache-clusters`",
        );
    }
}

/// Live as declared, but AWS has accepted another value: that is a difference. What waits for the window is replaced by
/// a newer modification; of what is under way no call is known that takes it back.
fn contradicted(draft: &mut Draft, attribute: &Attribute, scene: &Scene<'_>, declared: &Value) {
    let Some(value) = pending::otherwise(scene, attribute, declared) else { return };
    let name = attribute.field.name;
    let difference = Difference {
        attribute: name,
        member: attribute.field.member,
        declared: declared.clone(),
        live: Some(value.clone()),
        impact: Impact::None,
    };
    if datastore::decides(draft, scene, &difference) {
        return;
    }
    draft.shows(&difference);
    if attribute.may_wait {
        draft.takes_back.push(attribute.field.member);
    } else {
        let message = "AWS is changing it against the spec, and no call is known that stops that: once it is through, the next plan changes it back";
        draft.warnings.push((name.to_owned(), message.to_owned()));
    }
    draft.pending.push(PendingValue { contradicts: true, ..PendingValue::new(name, value) });
}

fn route(draft: &mut Draft, attribute: &Attribute, scene: &Scene<'_>, difference: &Difference) {
    match attribute.route {
        Route::Local | Route::Seed | Route::Whole => {}
        Route::Fixed => draft.warnings.push((
            difference.attribute.to_owned(),
            format!(
                "AWS cannot change {} and a replacement is not worth it: the difference is left alone",
                difference.attribute
            ),
        )),
        Route::Replace => draft.replaces(difference, attribute.note),
        Route::Call(phase) => {
            draft.shows(difference);
            let operation = scene.resource.address.kind.modify();
            let value = attribute.field.shape.to_api(&difference.declared);
            draft
                .call(phase, operation, scene.resource.address.kind.ready())
                .insert(difference.member.to_owned(), value);
        }
        Route::With(decide) => decide(draft, scene, difference),
    }
}
