//! Entries that stand for the alarms of many nodes: which nodes, and what each alarm is called.

use std::collections::{BTreeMap, HashMap};

use super::alarm::has;
use super::{ALARM, Check, Rule, finder::Finder};
use crate::model::{Address, Resource, Spec};
use crate::resource::alarm_entries;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "alarm-scope", check: Check::Resource(ALARM, scope), source: "the spec's own format: cachectl schema",
        why: "scope chooses among the nodes of a cache, which `for` names." },
    Rule { code: "alarm-name", check: Check::Resource(ALARM, name),
        source: "the spec's own format: cachectl schema",
        why: "With `for`, an entry stands for the alarms of many nodes, and each needs a name of its own: `${member}` stands for the node. Without `for` the key is the alarm's name." },
    Rule { code: "alarm-name", check: Check::Spec(alike),
        source: "the spec's own format: cachectl schema",
        why: "Two entries that stand for alarms of one cache need names of their own: what puts one alarm overwrites the other." },
];

fn scope(finder: &mut Finder<'_>, alarm: &Resource) {
    if has(alarm, "scope") && !has(alarm, "for") {
        finder.error(
            alarm,
            &[("scope", "only with `for`")],
            "scope chooses among the nodes of a cache, and no cache is named",
            "add `for: replicationGroup/NAME`",
        );
    }
}

fn name(finder: &mut Finder<'_>, alarm: &Resource) {
    if !has(alarm, "for") {
        if has(alarm, "name") {
            let help =
                format!("remove it, or add `for: replicationGroup/NAME`; the alarm is called {}", alarm.address.id);
            finder.error(alarm, &[("name", "only with `for`")], "an alarm's name is its key", help);
        } else if alarm.text("description").is_some_and(alarm_entries::has_pattern) {
            finder.error(
                alarm,
                &[("description", "only with `for`")],
                "`${member}` and `${cache}` stand for a node and its cache, and no cache is named",
                "add `for: replicationGroup/NAME`",
            );
        }
        return;
    }
    if !names_each(finder.spec, alarm) {
        finder.error(
            alarm,
            &[("name", "one name for all nodes")],
            "the alarms of several nodes would have one name",
            "put ${member} into it, which stands for the node",
        );
    }
}

/// Does each of the entry's alarms get a name of its own?
fn names_each(spec: &Spec, alarm: &Resource) -> bool {
    let pattern = alarm_entries::pattern(alarm);
    if pattern.contains(alarm_entries::MEMBER) {
        return true;
    }
    let caches: Vec<&Address> = alarm_entries::caches(spec, alarm).collect();
    // A serverless cache is a node by itself.
    let by_cache = pattern.contains(alarm_entries::CACHE) || caches.len() == 1;
    caches.iter().all(|cache| cache.kind.is_serverless()) && by_cache
}

/// Looks for entries whose alarms of one cache are called alike.
fn alike(finder: &mut Finder<'_>) {
    let mut alike: BTreeMap<&Address, &Address> = BTreeMap::new();
    for (cache, entries) in alarm_entries::by_cache(finder.spec) {
        let mut first: HashMap<String, &Address> = HashMap::new();
        for entry in entries {
            let address = &entry.address;
            let other = *first.entry(alarm_entries::pattern_of(entry, cache)).or_insert(address);
            if other != address {
                let told = alike.entry(address).or_insert(other);
                *told = other.min(told);
            }
        }
    }
    for (address, other) in alike {
        let Some(alarm) = finder.spec.resources.get(address).filter(|alarm| names_each(finder.spec, alarm)) else {
            continue;
        };
        let field = if has(alarm, "name") { "name" } else { "for" };
        finder.error(
            alarm,
            &[(field, "the same names")],
            format!("its alarms would be called as those of `{}`, for the same cache", other.id),
            "give one of the two another `name`",
        );
    }
}
