//! The names of alarms: metric alarms and composite ones share them, whatever they come from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::alarm::Alarm;
use super::{alarm_entries, alarm_preset, members};
use crate::model::{Address, Kind, Live, Resource, Spec};

/// Names that more than one entry of the spec would give to an alarm, with those entries.
pub type Shared<'a> = BTreeMap<String, BTreeSet<&'a Address>>;

/// The names that more than one entry gives, among these alarms and the spec's composite ones.
pub fn shared<'a>(spec: &'a Spec, alarms: impl Iterator<Item = &'a Alarm>) -> Shared<'a> {
    let composites = spec.of(Kind::CompositeAlarm).map(|composite| (&*composite.address.id, &composite.address));
    let mut first: HashMap<&str, &Address> = HashMap::new();
    let mut shared = Shared::new();
    for (name, entry) in alarms.map(|alarm| (&*alarm.name, &alarm.entry)).chain(composites) {
        let other = *first.entry(name).or_insert(entry);
        if other != entry {
            shared.entry(name.to_owned()).or_default().extend([other, entry]);
        }
    }
    shared
}

/// The names that more than one entry gives, as far as the spec alone tells.
///
/// Entries with `for` that are called alike are told by a rule of their own.
pub fn shared_offline(spec: &Spec) -> Shared<'_> {
    let mut shared = Shared::new();
    let composites: BTreeMap<&str, &Address> =
        spec.of(Kind::CompositeAlarm).map(|composite| (&*composite.address.id, &composite.address)).collect();
    let plain = spec.of(Kind::Alarm).filter(|alarm| !alarm.fields.contains_key("for"));
    let plain: Vec<&Address> = plain.map(|alarm| &alarm.address).collect();
    for alarm in &plain {
        if let Some(composite) = composites.get(&*alarm.id) {
            shared.entry(alarm.id.clone()).or_default().extend([*alarm, *composite]);
        }
    }
    let entries = alarm_entries::by_cache(spec);
    for cache in spec.resources.values().filter(|resource| resource.address.kind.is_cache()) {
        let of_preset = of_preset(cache);
        let of_entries: Vec<(String, &Address)> = entries
            .get(&cache.address)
            .into_iter()
            .flatten()
            .map(|entry| (alarm_entries::pattern_of(entry, &cache.address), &entry.address))
            .collect();
        for (pattern, entry) in of_entries.iter().filter(|(pattern, _)| of_preset.contains(pattern)) {
            shared.entry(pattern.clone()).or_default().extend([&cache.address, *entry]);
        }
        let patterns: Vec<(String, &Address)> =
            of_preset.into_iter().map(|pattern| (pattern, &cache.address)).chain(of_entries).collect();
        let mut members = None;
        // A member's name begins with that of its cache.
        let given = plain.iter().copied().chain(composites.values().copied());
        for given in given.filter(|given| given.id.contains(&cache.address.id)) {
            for (pattern, entry) in &patterns {
                let Some(member) = member_in(&given.id, pattern) else { continue };
                let members = members.get_or_insert_with(|| match members::are_known(spec, cache) {
                    true => members::to_come(spec, cache),
                    false => BTreeSet::new(),
                });
                if members.contains(member) {
                    shared.entry(given.id.clone()).or_default().extend([given, *entry]);
                }
            }
        }
    }
    shared
}

/// What the alarms of a cache's preset are called, with `${member}` in place of the node.
fn of_preset(cache: &Resource) -> Vec<String> {
    let preset = cache.fields.get("alarms").and_then(|alarms| alarms.as_object());
    let rules = preset.map(|preset| alarm_preset::rules(cache, preset, &Live::default())).unwrap_or_default();
    rules.into_iter().map(|(metric, _)| format!("{}-{metric}", alarm_entries::MEMBER)).collect()
}

/// The member whose alarm has this name by that pattern.
fn member_in<'n>(name: &'n str, pattern: &str) -> Option<&'n str> {
    let (before, after) = pattern.split_once(alarm_entries::MEMBER)?;
    let rest = name.strip_prefix(before)?;
    let member = match after.split_once(alarm_entries::MEMBER) {
        None => rest.strip_suffix(after)?,
        // Named twice: the first one ends where what follows it begins.
        Some((between, _)) => rest.split_once(between).filter(|_| !between.is_empty())?.0,
    };
    (pattern.replace(alarm_entries::MEMBER, member) == name).then_some(member)
}

/// What gives an alarm its name, in words.
pub fn giver(entry: &Address) -> String {
    if entry.kind.is_cache() { format!("the preset of {entry}") } else { entry.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_member_by_its_pattern() {
        assert_eq!(member_in("[p] g-001 x", "[p] ${member} x"), Some("g-001"));
        assert_eq!(member_in("g-001-g-001", "${member}-x"), None);
        assert_eq!(member_in("a/g-001/g-001", "a/${member}/${member}"), Some("g-001"));
        assert_eq!(member_in("a/g-001/g-002", "a/${member}/${member}"), None);
    }
}
