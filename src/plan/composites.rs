//! Composite alarms: put after the alarms that they name, deleted before them. The rule of one that is of a cache
//! follows the cache's nodes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Planned, fingerprint, guards, needs_permit, order, tags};
use crate::model::attribute::{Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, object};
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation, Resource, Spec, Step};
use crate::resource::composite_alarm::{self, LONGEST_RULE, cache_of};
use crate::resource::{alarm, ownership};

pub fn planned(spec: &Spec, live: &Live, options: &Options, planned: &mut Vec<Planned>) {
    if options.destroy {
        let ours = live.of(Kind::CompositeAlarm).iter().filter(|(_, own)| alarm::stack_of(own) == Some(&spec.stack));
        let addresses = ours.map(|(name, _)| Address::new(Kind::CompositeAlarm, name));
        planned.extend(
            addresses.filter(|address| options.selects(address)).map(|address| deleted(live, options, &address)),
        );
        return;
    }
    let declared = spec.resources.values().filter(|resource| resource.address.kind == Kind::CompositeAlarm);
    let selected: Vec<&Resource> = declared.filter(|resource| options.selects(&resource.address)).collect();
    for resource in selected {
        let to_come = cache_of(resource).filter(|cache| {
            let alarms = Address::alarms_of(&cache.id);
            planned.iter().any(|planned| planned.draft.member_alarms.is_some() && planned.draft.address == alarms)
        });
        planned.push(match to_come {
            Some(cache) => later(spec, live, resource, &cache),
            None => one(spec, live, options, resource),
        });
    }
}

/// Those of one cache, once its members are known.
pub fn of_cache(spec: &Spec, live: &Live, options: &Options, cache: &str) -> Vec<Planned> {
    let is_of = |resource: &&Resource| cache_of(resource).is_some_and(|of| of.id == cache);
    let of_kind = spec.resources.values().filter(|resource| resource.address.kind == Kind::CompositeAlarm);
    of_kind.filter(is_of).map(|resource| one(spec, live, options, resource)).collect()
}

fn deleted(live: &Live, options: &Options, address: &Address) -> Planned {
    let mut draft = Draft::new(address.clone());
    needs_permit(&mut draft, options, Permit::Delete);
    draft.names = named_now(live, address);
    draft.push(Phase::Delete, Operation::DeleteAlarms, Wait::Nothing, object([("AlarmNames", json!([address.id]))]));
    let fingerprint = fingerprint::of(live, address);
    Planned { draft, action: Action::Delete, ownership: Ownership::Owned, fingerprint, count: None }
}

/// The alarms that the rule names as it is.
pub fn named_now(live: &Live, address: &Address) -> BTreeSet<String> {
    let rule = live.get(address).and_then(|own| own.get("AlarmRule")?.as_str());
    rule.map(alarm::named_in).unwrap_or_default()
}

fn shown(name: &str, before: Value, after: Value) -> AttributeChange {
    AttributeChange { path: name.to_owned(), before, after, impact: Impact::None, sensitive: false }
}

/// Its rule is written when the cache's members are known, together with their alarms.
fn later(spec: &Spec, live: &Live, resource: &Resource, cache: &Address) -> Planned {
    let address = &resource.address;
    let mut draft = Draft::new(address.clone());
    let owner = ownership::of(spec, live, address);
    guards::ownership(&mut draft, live, owner);
    let rule = live.get(address).and_then(|own| own.get("AlarmRule")).cloned().unwrap_or(Value::Null);
    draft.attributes.push(shown("rule", rule, json!(format!("any alarm of {cache}, named once its nodes are known"))));
    let action = if live.get(address).is_some() { Action::Update } else { Action::Create };
    Planned { draft, action, ownership: owner, fingerprint: fingerprint::of(live, address), count: None }
}

fn one(spec: &Spec, live: &Live, options: &Options, resource: &Resource) -> Planned {
    let address = &resource.address;
    let mut draft = Draft::new(address.clone());
    let owner = ownership::of(spec, live, address);
    let fields = composite_alarm::fields(spec, live, resource);
    let rule = fields.get("rule").and_then(Value::as_str);
    draft.names = rule.map(alarm::named_in).unwrap_or_default();
    check_rule(&mut draft, resource, rule);
    let Some(view) = live.view(address) else {
        let mut parameters = composite_alarm::parameters(&address.id, &fields, None, &spec.stack);
        parameters.insert("Tags".into(), ownership::tag_list(&ownership::wanted_tags(spec, live, resource)));
        draft.attributes.extend(fields.iter().map(|(name, value)| shown(name, Value::Null, value.clone())));
        draft.push(Phase::Alarms, Operation::PutCompositeAlarm, Wait::Nothing, parameters);
        return Planned { draft, action: Action::Create, ownership: owner, fingerprint: None, count: None };
    };
    let differences = composite_alarm::differences(&fields, &view);
    let unnamed = alarm::stack_of(view.own).is_none();
    let before = |value: &Option<Value>| value.clone().unwrap_or(Value::Null);
    draft
        .attributes
        .extend(differences.iter().map(|(name, live, declared)| shown(name, before(live), declared.clone())));
    if !differences.is_empty() || unnamed {
        let parameters = composite_alarm::parameters(&address.id, &fields, Some(view.own), &spec.stack);
        if unnamed {
            let text = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            draft.attributes.retain(|change| change.path != "description");
            let after = text(parameters.get("AlarmDescription"));
            draft.attributes.push(shown("description", text(view.own("AlarmDescription")), after));
        }
        draft.push(Phase::Alarms, Operation::PutCompositeAlarm, Wait::Nothing, parameters);
    }
    guards::ownership(&mut draft, live, owner);
    let scene = Scene { spec, live, resource, view: &view, options, rows: address.kind.attributes() };
    if owner != Ownership::Foreign {
        tags::change_tags(&mut draft, &scene);
    }
    let action = match owner {
        Ownership::Unowned | Ownership::Unknown => {
            needs_permit(&mut draft, options, Permit::Adopt);
            Action::Adopt
        }
        Ownership::Foreign => Action::Update,
        _ if draft.is_idle() => Action::Noop,
        _ => Action::Update,
    };
    Planned { draft, action, ownership: owner, fingerprint: fingerprint::of(live, address), count: None }
}

fn check_rule(draft: &mut Draft, resource: &Resource, rule: Option<&str>) {
    let Some(cache) = cache_of(resource) else { return };
    let rule = rule.unwrap_or_default();
    if rule.is_empty() {
        draft.blocks(
            "composite-rule",
            format!("{cache} has no alarms that it could be of"),
            "give the cache alarms, such as `alarms: {preset: recommended}`",
        );
    } else if rule.chars().count() > LONGEST_RULE {
        draft.blocks(
            "composite-rule",
            format!(
                "the alarms of {cache} make a rule of {} characters, and AWS takes {LONGEST_RULE}",
                rule.chars().count()
            ),
            "name the alarms that matter in an `rule`, or give the cache fewer",
        );
    }
}

/// The steps of a cache's alarms, one stage after the other: a composite alarm is put after the alarms that it names,
/// and before those go that it named.
pub fn stages(spec: &Spec, alarms: &[Planned], composites: &[Planned]) -> [Vec<Step>; 3] {
    let (gone, put) = order::steps(spec, alarms).into_iter().partition(|step| step.operation().deletes());
    [put, order::steps(spec, composites), gone]
}
