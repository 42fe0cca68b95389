//! Composite alarms: what PutCompositeAlarm refuses, and what the spec cannot mean.

use std::collections::BTreeSet;

use super::finder::Finder;
use super::{Check, Rule};
use crate::model::suggest::suggest;
use crate::model::{Address, Kind, Resource};
use crate::resource::alarm_names::{giver, shared_offline};
use crate::resource::alarm_rule::unfit;
use crate::resource::composite_alarm::cache_of;

const COMPOSITE: &[Kind] = &[Kind::CompositeAlarm];
const PUT: &str = "CloudWatch API reference, PutCompositeAlarm";

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "composite-rule", check: Check::Resource(COMPOSITE, rule), source: PUT,
        why: "A composite alarm has a rule over other alarms: `rule`, or `of` for any alarm of a cache. The rule has at most 10,240 characters, 100 alarms and 500 elements: alarms, TRUE and FALSE, and parentheses." },
    Rule { code: "composite-suppressor", check: Check::Resource(COMPOSITE, suppressor), source: PUT,
        why: "An alarm that suppresses actions comes with how long it is waited for, and how long it holds on." },
    Rule { code: "alarm-names", check: Check::Spec(names), source: PUT,
        why: "Metric alarms and composite alarms share their names, and what puts one overwrites the other: two entries that give one name would take turns." },
];

fn has(alarm: &Resource, name: &str) -> bool {
    alarm.fields.contains_key(name)
}

fn rule(finder: &mut Finder<'_>, alarm: &Resource) {
    match (has(alarm, "of"), has(alarm, "rule")) {
        (true, true) => {
            finder.error(
                alarm,
                &[("of", "any alarm of a cache"), ("rule", "and a rule")],
                "of and rule exclude each other",
                "keep one of them",
            );
        }
        (false, false) => {
            finder.error(
                alarm,
                &[("rule", "needs a rule")],
                "a composite alarm needs a rule",
                "`of: replicationGroup/NAME` for any alarm of a cache, or `rule: ALARM(one) OR ALARM(two)`",
            );
        }
        (true, false) => cache(finder, alarm),
        (false, true) => {
            if let Some(why) = alarm.text("rule").and_then(unfit) {
                let help = "put a composite alarm over parts of it, and name that here";
                finder.error(alarm, &[("rule", "too large")], why, help);
            }
        }
    }
}

fn cache(finder: &mut Finder<'_>, alarm: &Resource) {
    let Some(cache) = cache_of(alarm).filter(|cache| !finder.spec.resources.contains_key(cache)) else { return };
    let caches: Vec<String> =
        finder.spec.resources.keys().filter(|address| address.kind.is_cache()).map(Address::to_string).collect();
    let near = suggest(&cache.to_string(), caches.iter().map(String::as_str));
    let help = near.map_or_else(
        || "declare the cache in this spec, or write an `rule`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("`of` names {cache}, which this spec does not have");
    finder.error(alarm, &[("of", "not in this spec")], message, help);
}

fn suppressor(finder: &mut Finder<'_>, alarm: &Resource) {
    let periods = ["actionsSuppressorWaitPeriod", "actionsSuppressorExtensionPeriod"];
    for period in periods {
        match (has(alarm, "actionsSuppressor"), has(alarm, period)) {
            (true, false) => {
                let label = format!("needs {period}");
                let message = format!("actionsSuppressor needs {period}");
                finder.error(alarm, &[("actionsSuppressor", &label)], message, format!("such as `{period}: 60`"));
            }
            (false, true) => {
                let message = format!("{period} is for an actionsSuppressor, and there is none");
                finder.error(alarm, &[(period, "of no suppressor")], message, "remove it, or name the alarm");
            }
            _ => {}
        }
    }
}

/// Looks at all names that the spec alone decides.
fn names(finder: &mut Finder<'_>) {
    let spec = finder.spec;
    let mut told: BTreeSet<Vec<&Address>> = BTreeSet::new();
    for (name, entries) in shared_offline(spec) {
        let entries: Vec<&Address> = entries.into_iter().collect();
        let resources: Vec<&Resource> = entries.iter().filter_map(|entry| spec.resources.get(entry)).collect();
        let Some(last) = resources.last().filter(|_| told.insert(entries.clone())) else { continue };
        let givers: Vec<String> = entries.iter().map(|entry| giver(entry)).collect();
        finder.error(
            last,
            &[(named_by(last), "one of the two")],
            format!("the name `{name}` is that of {}", givers.join(" and of ")),
            "metric alarms and composite alarms share their names: give one of them another",
        );
    }
}

/// The field that a resource's alarms have their names from, or stand in.
fn named_by(resource: &Resource) -> &'static str {
    let fields = ["alarms", "name", "for", "of", "rule", "metricName", "metrics"];
    fields.into_iter().find(|field| has(resource, field)).unwrap_or("description")
}
