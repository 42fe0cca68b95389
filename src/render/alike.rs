//! What is told once for many: alarms of one cache that change alike, and the calls that put them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::plan::{Action, Change, Plan};
use crate::model::text::plural;
use crate::model::{Address, Operation, Step, StepId};

/// Names that stand in a line before the rest is a number.
const NAMED: usize = 8;

/// Changes that are told together; mostly one.
pub(super) struct Group<'a> {
    pub(super) changes: Vec<&'a Change>,
    /// The cache whose alarms they are, where there are several.
    pub(super) cache: Option<&'a Address>,
}

impl Group<'_> {
    /// What the group is called: its resource's address, or a cache's alarms and their number.
    pub(super) fn title(&self) -> (String, Option<usize>) {
        let first = self.changes[0];
        match self.cache {
            Some(cache) => (Address::alarms_of(&cache.id).to_string(), Some(self.changes.len())),
            None => (first.address.to_string(), first.count),
        }
    }

    /// What the alarms of a group are: the names that they have in common, and on how many nodes.
    pub(super) fn what(&self) -> String {
        let Some(cache) = self.cache else { return String::new() };
        let mut named: Vec<&str> = Vec::new();
        let mut nodes = BTreeSet::new();
        for change in &self.changes {
            let (node, name) = member_and_name(&change.address.id, cache);
            if !named.contains(&name) {
                named.push(name);
            }
            nodes.insert(node);
        }
        let more = named.len().saturating_sub(NAMED);
        let mut text = named[..named.len().min(NAMED)].join(", ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        if nodes.iter().all(|node| node.is_some()) {
            format!("{text} on {}", plural(nodes.len(), "node"))
        } else {
            text
        }
    }
}

/// `cache-0001-002-Evictions` is `Evictions` of the member `0001-002`; a name of somebody's own is itself.
fn member_and_name<'a>(alarm: &'a str, cache: &Address) -> (Option<&'a str>, &'a str) {
    let Some(rest) = alarm.strip_prefix(&cache.id).and_then(|rest| rest.strip_prefix('-')) else {
        return (None, alarm);
    };
    let digits = |part: &str| part.len() >= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut end = 0;
    for part in rest.split('-') {
        if !digits(part) {
            break;
        }
        end += part.len() + 1;
    }
    match end {
        0 => (None, rest),
        end if end > rest.len() => (None, alarm),
        end => (Some(&rest[..end - 1]), &rest[end..]),
    }
}

/// The changes in their order; alarms of one cache that change alike stand together where the first of them does.
pub(super) fn changes<'a>(all: impl IntoIterator<Item = &'a Change>) -> Vec<Group<'a>> {
    let mut groups: Vec<(Option<Value>, Group<'a>)> = Vec::new();
    for change in all {
        let key = key(change);
        match groups.iter_mut().find(|(other, _)| key.is_some() && *other == key) {
            Some((_, group)) => {
                group.changes.push(change);
                group.cache = change.cache.as_ref();
            }
            None => groups.push((key, Group { changes: vec![change], cache: None })),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// What alarms have in common that are told together; what is blocked says why by itself.
fn key(change: &Change) -> Option<Value> {
    if !change.address.kind.row().in_bulk || change.count.is_some() || change.blocked.is_some() {
        return None;
    }
    // What is created differs in all that it is; else what changes is what they have in common.
    let same = if change.action == Action::Create { Value::Null } else { json!(change.attributes) };
    Some(json!([change.cache.as_ref()?, change.action, change.ownership, same, change.pending, change.remaining]))
}

/// Steps that are told together: one call each for alarms of the same cache; mostly one.
pub(super) struct Calls<'a> {
    pub(super) steps: Vec<&'a Step>,
    /// The alarms of which cache, where the call is made many times, or for many at once.
    pub(super) cache: Option<Address>,
}

impl Calls<'_> {
    /// `5`, or `5-22`.
    pub(super) fn ids(&self) -> String {
        let id = |step: Option<&&Step>| step.map_or(StepId(0), |step| step.id);
        let (first, last) = (id(self.steps.first()), id(self.steps.last()));
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    }

    pub(super) fn address(&self) -> String {
        match &self.cache {
            Some(cache) => Address::alarms_of(&cache.id).to_string(),
            None => self.steps[0].address.to_string(),
        }
    }
}

/// The steps in their order; those that follow one another and put alarms of the same cache are one line.
pub(super) fn steps(plan: &Plan) -> Vec<Calls<'_>> {
    let mut groups: Vec<(Option<(Operation, &Address)>, Calls<'_>)> = Vec::new();
    for step in &plan.steps {
        let in_bulk = step.address.kind.row().in_bulk && step.call().is_some();
        let cache = plan.change(&step.address).filter(|_| in_bulk).and_then(|change| change.cache.as_ref());
        let key = cache.map(|cache| (step.operation(), cache));
        match groups.last_mut().filter(|(other, _)| key.is_some() && *other == key) {
            Some((_, group)) => {
                group.steps.push(step);
                group.cache = cache.cloned();
            }
            None => groups.push((key, Calls { steps: vec![step], cache: None })),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarms_name_is_what_follows_its_member() {
        let cache = "replicationGroup/shop".parse().expect("an address");
        for (alarm, told) in [
            ("shop-001-Evictions", (Some("001"), "Evictions")),
            ("shop-0001-002-hit-rate", (Some("0001-002"), "hit-rate")),
            ("shop-Evictions", (None, "Evictions")),
            ("[prod] shop hit rate", (None, "[prod] shop hit rate")),
            ("shop-001", (None, "shop-001")),
        ] {
            assert_eq!(member_and_name(alarm, &cache), told, "{alarm}");
        }
    }
}
