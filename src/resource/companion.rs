//! Companions of caches: of such a kind a cache has one because a field of it says so. No spec declares one by itself,
//! and cachectl writes what it holds.

use serde_json::{Map, Value, json};

use crate::model::attribute::Attribute;
use crate::model::live::{Live, object};
use crate::model::plan::AttributeChange;
use crate::model::shape::Shape;
use crate::model::{Address, Kind, Resource, Spec};

/// What a spec may say of a companion: `recommended`, or `none`, which deletes it.
pub const WORDS: Shape = Shape::Enum(&[RECOMMENDED, NONE]);
/// The cache gets its companion.
pub const RECOMMENDED: &str = "recommended";
/// The cache has none, and one that there is goes.
const NONE: &str = "none";
/// The field of a declared companion that names its cache; and in place of a body, the cache whose nodes it waits for.
pub const OF: &str = "of";

/// What a kind of companions does in its own way.
pub struct Companion {
    /// The row of a cache that asks for one, in [`WORDS`].
    pub asked: Attribute,
    /// The one that a cache has in a region.
    pub address_of: fn(&Address, &str) -> Address,
    /// The attribute that cachectl writes.
    pub body: &'static str,
    /// Its name in calls and descriptions.
    pub member: &'static str,
    /// What it is for a cache of this stack, for the nodes that there are.
    pub written: fn(&str, &Live, &Address) -> Value,
    /// Are two bodies the same, whichever stacks they say they are of?
    pub shows_the_same: fn(&Value, &Value) -> bool,
    /// What changes from one body to another, for people.
    pub changes: fn(Option<&Value>, &Value) -> Vec<AttributeChange>,
}

impl Companion {
    /// The name of the cache's field that asks for one.
    pub const fn field(&self) -> &'static str {
        self.asked.field.name
    }
}

/// The kinds of companions.
pub fn kinds() -> impl Iterator<Item = (Kind, &'static Companion)> {
    Kind::ALL.into_iter().filter_map(|kind| Some((kind, kind.companion()?)))
}

/// The companions that caches ask for, as resources of their spec.
pub fn declared<'a>(region: &str, caches: impl Iterator<Item = &'a Resource>) -> Vec<Resource> {
    let caches = caches.filter(|cache| cache.address.kind.is_cache());
    let of_cache = |cache: &'a Resource| {
        let asked = kinds().filter(|(_, companion)| cache.text(companion.field()) == Some(RECOMMENDED));
        asked.map(move |(_, companion)| Resource {
            address: (companion.address_of)(&cache.address, region),
            fields: object([(OF, json!(cache.address.to_string()))]),
            path: format!("{}.{}", cache.path, companion.field()),
        })
    };
    caches.flat_map(of_cache).collect()
}

/// The companions that are to go, since their caches say so.
pub fn unwanted(spec: &Spec) -> impl Iterator<Item = Address> {
    let caches = spec.resources.values().filter(|cache| cache.address.kind.is_cache());
    caches.flat_map(|cache| {
        let refused = kinds().filter(|(_, companion)| cache.text(companion.field()) == Some(NONE));
        refused.map(|(_, companion)| (companion.address_of)(&cache.address, &spec.region))
    })
}

/// The cache that a declared companion is of.
pub fn cache_of(declared: &Resource) -> Option<Address> {
    declared.text(OF)?.parse().ok()
}

/// The cache of the spec that a companion of this name is of, whether it asks for one or not.
pub fn cache_in<'a>(spec: &'a Spec, address: &Address) -> Option<&'a Address> {
    let companion = address.kind.companion()?;
    let mut caches = spec.resources.keys().filter(|address| address.kind.is_cache());
    caches.find(|cache| (companion.address_of)(cache, &spec.region) == *address)
}

/// The cache that a call waits for, where its body could not be written yet.
pub fn to_come(kind: Kind, parameters: &Map<String, Value>) -> Option<Address> {
    parameters.get(kind.companion()?.member)?.get(OF)?.as_str()?.parse().ok()
}
