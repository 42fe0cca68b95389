//! Ownership reads from tags; of kinds that note their stack, from what they say themselves too.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::live::Live;
use crate::model::plan::Ownership;
use crate::model::{Address, Resource, Spec};
use crate::resource::secret;

/// The tag that names the stack which owns a resource.
pub const STACK: &str = "cachectl:stack";
/// The tag that keeps `lifecycle.protect` when the spec no longer does; its value is `true`.
pub const PROTECT: &str = "cachectl:protect";

/// Whose a resource is, seen from this stack: what it says itself goes before its tags.
pub fn of(spec: &Spec, live: &Live, address: &Address) -> Ownership {
    let Some(own) = live.get(address) else { return Ownership::Absent };
    if let Some(stack) = address.kind.row().stack_noted.and_then(|noted| noted(own)) {
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

/// Does the resource itself say whose it is, so that its tags need not be asked for?
pub fn says_itself(live: &Live, address: &Address) -> bool {
    let noted = address.kind.row().stack_noted;
    live.get(address).zip(noted).is_some_and(|(own, noted)| noted(own).is_some())
}

/// The stack that a resource carries; `None` where it carries none, or its tags cannot be read.
pub fn stack_of<'a>(live: &'a Live, address: &Address) -> Option<&'a str> {
    let noted = live.get(address).and_then(|own| address.kind.row().stack_noted?(own));
    noted.or_else(|| live.tags.get(address)?.get(STACK).map(String::as_str))
}

/// Do `lifecycle.protect` or its tag forbid to delete and to replace the resource?
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
