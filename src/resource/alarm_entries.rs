//! Entries of a spec that stand for the alarms of many nodes: which caches `for` means, and how the alarms are named.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Address, Kind, Resource, Spec, glob};

/// In a name or a description: the node, and the cache.
pub const MEMBER: &str = "${member}";
/// In a name or a description of an alarm: the id of the node's cache.
pub const CACHE: &str = "${cache}";

/// The fields that take patterns.
pub const PATTERNS: [&str; 2] = ["name", "description"];

/// Does this entry stand for alarms of that cache?
pub fn is_for(entry: &Resource, cache: &Address) -> bool {
    entry.address.kind == Kind::Alarm
        && cache.kind.is_cache()
        && entry.text("for").is_some_and(|named| glob::matches(named, cache))
}

/// The caches of the spec that this entry stands for.
pub fn caches<'a>(spec: &'a Spec, entry: &'a Resource) -> impl Iterator<Item = &'a Address> {
    let named = entry.text("for").unwrap_or_default();
    let is_pattern = named.contains('*');
    // An address is looked up: only a pattern has to be held against every cache there is.
    let plain = if is_pattern { None } else { named.parse().ok() };
    let plain = plain.and_then(|cache: Address| spec.resources.get_key_value(&cache)).map(|(cache, _)| cache);
    let all = is_pattern.then(|| spec.resources.keys()).into_iter().flatten();
    plain.into_iter().chain(all).filter(move |cache| is_for(entry, cache))
}

/// The entries that stand for alarms of each cache, in the order of their addresses.
pub fn by_cache(spec: &Spec) -> BTreeMap<&Address, Vec<&Resource>> {
    let mut entries: BTreeMap<&Address, Vec<&Resource>> = BTreeMap::new();
    for entry in spec.of(Kind::Alarm) {
        caches(spec, entry).for_each(|cache| entries.entry(cache).or_default().push(entry));
    }
    entries
}

/// What an alarm of the entry is called, with `${member}` in place of the node.
pub fn pattern(entry: &Resource) -> String {
    entry.text("name").map_or_else(|| format!("{MEMBER}-{}", entry.address.id), str::to_owned)
}

/// What the entry's alarms of one cache are called, with `${member}` in place of the node.
pub fn pattern_of(entry: &Resource, cache: &Address) -> String {
    pattern(entry).replace(CACHE, &cache.id)
}

/// The name of the entry's alarm for one node.
pub fn name(entry: &Resource, cache: &Address, node: &str) -> String {
    written_out(&pattern(entry), cache, node)
}

/// A name or a description for one node, with what stands for the node and its cache filled in.
pub fn written_out(pattern: &str, cache: &Address, node: &str) -> String {
    pattern.replace(MEMBER, node).replace(CACHE, &cache.id)
}

/// Does the text come out differently for each node or cache?
pub fn has_pattern(text: &str) -> bool {
    text.contains(MEMBER) || text.contains(CACHE)
}

/// The value of a field of the entry for one node.
pub fn value(name: &str, value: &Value, cache: &Address, node: &str) -> Value {
    match value.as_str().filter(|text| PATTERNS.contains(&name) && has_pattern(text)) {
        Some(text) => Value::from(written_out(text, cache, node)),
        None => value.clone(),
    }
}
