//! What alarms of both kinds have in common in a plan: a call writes them whole.

use serde_json::{Map, Value, json};

use super::{Planned, fingerprint, guards, needs_permit, resource, tags};
use crate::model::attribute::{Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::step::Wait;
use crate::model::{Address, Resource, Spec};
use crate::resource::{alarm, alarm_whole, ownership};

/// What a plan is made from.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub spec: &'a Spec,
    pub live: &'a Live,
    pub options: &'a Options,
}

/// An alarm as it should be.
pub(super) struct Whole<'a> {
    /// Its address and its tags.
    pub resource: &'a Resource,
    /// What is declared, written out.
    pub fields: &'a Map<String, Value>,
    /// Is it put by a call of its own, in this plan?
    pub puts: bool,
}

/// The alarm's plan: created, changed, adopted, or as it should be.
pub(super) fn planned(from: From<'_>, mut draft: Draft, whole: &Whole<'_>) -> Planned {
    let From { spec, live, options } = from;
    let address = &whole.resource.address;
    let owner = ownership::of(spec, live, address);
    let put = address.kind.modify();
    let Some(view) = live.view(address) else {
        let wanted = ownership::wanted_tags(spec, live, whole.resource);
        let declared = whole.fields.iter().filter(|(_, value)| !value.is_null());
        draft.attributes.extend(declared.map(|(name, value)| shown(name, Value::Null, value.clone())));
        let told = wanted.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        draft.attributes.extend(told.map(|(key, value)| shown(&format!("tags.{key}"), Value::Null, json!(value))));
        if whole.puts {
            let mut parameters = alarm_whole::parameters(address, whole.fields, None, &spec.stack);
            parameters.insert("Tags".into(), ownership::tag_list(&wanted));
            draft.push(Phase::Alarms, put, Wait::Nothing, parameters);
        }
        return Planned { draft, action: Action::Create, ownership: owner, fingerprint: None, count: None };
    };
    let differences = alarm_whole::differences(address.kind, whole.fields, &view);
    let unnamed = alarm::stack_of(view.own).is_none();
    let is_put = !differences.is_empty() || unnamed;
    let before = |value: Option<Value>| value.unwrap_or(Value::Null);
    draft.attributes.extend(differences.into_iter().map(|(name, live, declared)| shown(name, before(live), declared)));
    if is_put {
        let parameters = alarm_whole::parameters(address, whole.fields, Some(view.own), &spec.stack);
        if unnamed {
            // The note of its stack is no difference later on; where it is first written, it is one to see.
            draft.attributes.retain(|change| change.path != "description");
            let after = before(parameters.get("AlarmDescription").cloned());
            draft.attributes.push(shown("description", before(view.own("AlarmDescription").cloned()), after));
        }
        if whole.puts {
            draft.push(Phase::Alarms, put, Wait::Nothing, parameters);
        }
    }
    guards::ownership(&mut draft, live, owner);
    let resource = whole.resource;
    let scene = Scene { spec, live, resource, view: &view, options, rows: address.kind.attributes() };
    if owner != Ownership::Foreign {
        tags::change_tags(&mut draft, &scene);
    }
    let action = match owner {
        Ownership::Foreign => Action::Update,
        Ownership::Unowned | Ownership::Unknown => {
            needs_permit(&mut draft, options, Permit::Adopt);
            Action::Adopt
        }
        _ if draft.is_idle() && draft.attributes.is_empty() => Action::Noop,
        _ => Action::Update,
    };
    Planned { draft, action, ownership: owner, fingerprint: fingerprint::of(live, address), count: None }
}

/// The deletion of one of the stack's own.
pub(super) fn deleted(live: &Live, address: &Address) -> Planned {
    let mut draft = Draft::new(address.clone());
    resource::push_delete(&mut draft, None);
    Planned {
        draft,
        action: Action::Delete,
        ownership: Ownership::Owned,
        fingerprint: fingerprint::of(live, address),
        count: None,
    }
}

pub(super) fn shown(path: &str, before: Value, after: Value) -> AttributeChange {
    AttributeChange { path: path.to_owned(), before, after, impact: Impact::None, sensitive: false }
}
