//! One resource names another: of this spec, or one that exists in AWS.

use super::{Check, Rule, finder::Finder};
use crate::model::live::strings;
use crate::model::shape::Shape;
use crate::model::suggest::suggest;
use crate::model::{Address, Kind, Resource};
use crate::resource::alarm_entries;

const NAMING: &[Kind] = &[Kind::ReplicationGroup, Kind::ServerlessCache, Kind::UserGroup];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "dangling-reference", check: Check::Resource(NAMING, names),
        why: "A name that is almost one of this spec is most likely a slip; any other is taken to be a resource that exists in AWS.",
        source: "the spec's own format: cachectl schema" },
    Rule { code: "dangling-reference", check: Check::Resource(&[Kind::Alarm], cache),
        why: "An alarm with `for` is put for the nodes of a cache of this spec, since it is created and deleted with them.",
        source: "the spec's own format: cachectl schema" },
];

fn names(finder: &mut Finder<'_>, resource: &Resource) {
    for attribute in resource.address.kind.attributes() {
        let field = attribute.field.name;
        let Some(value) = resource.fields.get(field) else { continue };
        match attribute.field.shape {
            Shape::Reference(kind) => {
                value.as_str().into_iter().for_each(|id| reference(finder, resource, field, kind, id));
            }
            Shape::List { of: Shape::Reference(kind), .. } => {
                for (index, id) in strings(Some(value)).enumerate() {
                    reference(finder, resource, &format!("{field}[{index}]"), *kind, id);
                }
            }
            _ => {}
        }
    }
}

fn reference(finder: &mut Finder<'_>, resource: &Resource, field: &str, kind: Kind, id: &str) {
    if finder.own(kind, id).is_some() {
        return;
    }
    let own = finder.spec.of(kind).map(|resource| resource.address.id.as_str());
    let Some(near) = suggest(id, own) else { return };
    finder
        .warn(
            resource,
            &[(field, "not in this spec")],
            format!("the spec has no {kind} `{id}`; it is taken to exist in AWS"),
            format!("did you mean `{near}`?"),
        )
        .instead(resource, field, &near);
}

fn cache(finder: &mut Finder<'_>, alarm: &Resource) {
    let Some(cache) = alarm.text("for") else { return };
    if alarm_entries::caches(finder.spec, alarm).next().is_some() {
        return;
    }
    if cache.contains('*') {
        finder.error(
            alarm,
            &[("for", "matches nothing")],
            format!("`for` is {cache}, which no cache of this spec matches"),
            "such as replicationGroup/*, which matches every replication group of the spec",
        );
        return;
    }
    let caches: Vec<String> =
        finder.spec.resources.keys().filter(|address| address.kind.is_cache()).map(Address::to_string).collect();
    let message = format!("`for` names {cache}, which this spec does not have");
    match suggest(cache, caches.iter().map(String::as_str)) {
        Some(near) => finder
            .error(alarm, &[("for", "not in this spec")], message, format!("did you mean `{near}`?"))
            .instead(alarm, "for", &near),
        None => {
            finder.error(
                alarm,
                &[("for", "not in this spec")],
                message,
                "declare the cache in this spec, or give `dimensions` in place of `for`",
            );
        }
    }
}
