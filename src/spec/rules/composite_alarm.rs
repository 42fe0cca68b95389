//! Composite alarms: what PutCompositeAlarm refuses, and what the spec cannot mean.

use super::finder::Finder;
use super::{Check, Rule};
use crate::model::suggest::suggest;
use crate::model::{Address, Kind, Resource};
use crate::resource::composite_alarm::cache_of;

const COMPOSITE: &[Kind] = &[Kind::CompositeAlarm];
const PUT: &str = "CloudWatch API reference, PutCompositeAlarm";

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "composite-rule", check: Check::Resource(COMPOSITE, rule), source: PUT,
        why: "A composite alarm has a rule over other alarms: `rule`, or `of` for any alarm of a cache. The rule has at most 10,240 characters." },
    Rule { code: "composite-suppressor", check: Check::Resource(COMPOSITE, suppressor), source: PUT,
        why: "An alarm that suppresses actions comes with how long it is waited for, and how long it holds on." },
    Rule { code: "alarm-name", check: Check::Resource(COMPOSITE, name), source: PUT,
        why: "Metric alarms and composite alarms share their names." },
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
        (false, true) => {}
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
                finder.error(alarm, &[(period, "of no suppressor")], message, "take it out, or name the alarm");
            }
            _ => {}
        }
    }
}

fn name(finder: &mut Finder<'_>, alarm: &Resource) {
    let twin = Address::new(Kind::Alarm, &alarm.address.id);
    let is_named = |twin: &Resource| !twin.fields.contains_key("for");
    if finder.spec.resources.get(&twin).is_some_and(is_named) {
        let field = if has(alarm, "of") { "of" } else { "rule" };
        finder.error(
            alarm,
            &[(field, "of the composite alarm")],
            format!("`{}` is the name of a metric alarm, too", alarm.address.id),
            "metric alarms and composite alarms share their names: give one of them another",
        );
    }
}
