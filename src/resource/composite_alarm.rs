//! Composite alarms: one page for many alarms. Written out in full with every call, as metric alarms are.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::alarm;
use super::kind_row::{Calls, KindRow, Names, TagCalls};
use super::local;
use crate::model::attribute::{Attribute, Impact, Read, Route};
use crate::model::live::{Live, View};
use crate::model::shape::{ARN, Field, Shape, integer, list, pattern, text};
use crate::model::{Address, Operation, Resource, Spec};

/// AWS takes rules up to this length.
pub const LONGEST_RULE: usize = 10_240;

const fn row(field: Field, member: &'static str) -> Attribute {
    Attribute::new(field, Read::Own(member), Route::Whole, Impact::None, "")
}

/// The rows of a composite alarm: what PutCompositeAlarm takes, and the cache whose alarms it stands for.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("of", "", pattern("^(replicationGroup|serverlessCache)/[^*]+$", 128, "replicationGroup/prod-cache"),
        "A cache of this spec: any alarm of that cache. The rule follows its nodes and its alarms. Instead of `rule`."), Read::Never, Route::Local, Impact::None, ""),
    row(Field::new("rule", "AlarmRule", text(LONGEST_RULE), "Which alarms in which states, such as `ALARM(orders-errors) AND NOT ALARM(deploying)`. Instead of `of`."), "AlarmRule"),
    row(Field::new("description", "AlarmDescription", text(960), "What the alarm means and what to do."), "AlarmDescription")
        .import(|_, value| local::text_of(&alarm::plain_description(value.as_str()?))),
    row(Field::new("actionsEnabled", "ActionsEnabled", Shape::Bool, "Whether actions run. Default true."), "ActionsEnabled")
        .import(|_, value| (value == json!(false)).then_some(value)),
    row(Field::new("alarmActions", "AlarmActions", list(&ARN, 0, 5), "ARNs that are notified when the alarm fires."), "AlarmActions"),
    row(Field::new("okActions", "OKActions", list(&ARN, 0, 5), "ARNs that are notified when the alarm recovers."), "OKActions"),
    row(Field::new("insufficientDataActions", "InsufficientDataActions", list(&ARN, 0, 5), "ARNs that are notified when there is no data."), "InsufficientDataActions"),
    row(Field::new("actionsSuppressor", "ActionsSuppressor", text(1600), "Name or ARN of an alarm that keeps this one's actions from running while it is in ALARM."), "ActionsSuppressor"),
    row(Field::new("actionsSuppressorWaitPeriod", "ActionsSuppressorWaitPeriod", integer(0, 86_400), "Seconds to wait for the suppressor to go into ALARM."), "ActionsSuppressorWaitPeriod"),
    row(Field::new("actionsSuppressorExtensionPeriod", "ActionsSuppressorExtensionPeriod", integer(0, 86_400), "Seconds that actions stay suppressed after the suppressor recovered."), "ActionsSuppressorExtensionPeriod"),
    row(Field::new("actionConfiguration", "ActionConfiguration", alarm::ACTIONS, "What the alarm's actions carry.").nullable(), "ActionConfiguration"),
    local::TAGS_ROW,
];

/// Composite alarms as a kind, named, tagged and deleted as metric alarms are.
pub const KIND: KindRow = KindRow {
    tags: TagCalls::CLOUDWATCH,
    keeps_letter_case: true,
    stack_noted: Some(alarm::stack_of),
    deletes_many: Some("AlarmNames"),
    state: |view| view.text("StateValue").unwrap_or("INSUFFICIENT_DATA"),
    ..KindRow::plain(
        Names {
            kind: "compositeAlarm",
            section: "compositeAlarms",
            noun: "composite alarm",
            about: "CloudWatch composite alarms, by name: one alarm over others, such as any alarm of a cache with `of`.",
        },
        ATTRIBUTES,
        alarm::ARN_OF,
        alarm::NAME,
        Calls {
            create: Operation::PutCompositeAlarm,
            modify: Operation::PutCompositeAlarm,
            delete: Operation::DeleteAlarms,
            id_member: "AlarmName",
        },
    )
};

/// The cache that the alarm is of.
pub fn cache_of(resource: &Resource) -> Option<Address> {
    resource.text("of")?.parse().ok()
}

/// The alarms that the spec has for a cache, by name: those of its nodes, and those declared by themselves that watch one.
fn alarms_of(spec: &Spec, live: &Live, cache: &Address) -> BTreeSet<String> {
    let is_of = |alarm: &alarm::Alarm| match &alarm.cache {
        Some(of) => of == cache,
        None => spec
            .resources
            .get(&alarm.entry)
            .is_some_and(|entry| alarm::declared_members(entry).iter().any(|member| alarm::is_member(member, cache))),
    };
    alarm::wanted(spec, live).named.into_iter().filter(is_of).map(|alarm| alarm.name).collect()
}

/// `ALARM("one") OR ALARM("two")`
fn any_of(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("ALARM(\"{name}\")")).collect::<Vec<_>>().join(" OR ")
}

/// Is the rule any alarm of these, and of no other?
pub fn is_any_of(rule: &str, names: &BTreeSet<String>) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    !names.is_empty() && plain(rule) == plain(&any_of(names))
}

/// What is declared, with the rule written out for the nodes that there are.
pub fn fields(spec: &Spec, live: &Live, resource: &Resource) -> Map<String, Value> {
    let mut fields = resource.fields.clone();
    fields.remove("tags");
    fields.remove("of");
    if let Some(cache) = cache_of(resource) {
        fields.insert("rule".to_owned(), json!(any_of(&alarms_of(spec, live, &cache))));
    }
    fields
}

/// The alarm's call: what is declared, and what AWS has where nothing is declared.
pub fn parameters(id: &str, fields: &Map<String, Value>, live: Option<&Value>, stack: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for row in ATTRIBUTES.iter().filter(|row| matches!(row.read, Read::Own(_))) {
        let kept = live.and_then(|live| live.get(row.field.member));
        let value = match fields.get(row.field.name) {
            Some(Value::Null) => None,
            Some(declared) => Some(alarm::completed(&row.field.shape, row.field.shape.to_api(declared), kept)),
            None => kept.filter(|value| !crate::model::shape::is_empty(value)).cloned(),
        };
        parameters.extend(value.map(|value| (row.field.member.to_owned(), value)));
    }
    alarm::name_stack(&mut parameters, stack);
    parameters.insert("AlarmName".to_owned(), json!(id));
    parameters
}

/// What is declared and differs: attribute, live value, declared value.
pub fn differences(fields: &Map<String, Value>, view: &View<'_>) -> Vec<(&'static str, Option<Value>, Value)> {
    let plain = |name: &str, value: Value| match (name, value.as_str()) {
        ("description", Some(text)) => json!(alarm::plain_description(text)),
        // White space means nothing in a rule.
        ("rule", Some(text)) => json!(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        _ => value,
    };
    let rows = ATTRIBUTES.iter().filter(|row| matches!(row.read, Read::Own(_)));
    let differs = rows.filter_map(|row| {
        let name = row.field.name;
        let declared = plain(name, fields.get(name)?.clone());
        let live = row.live(view, Some(&declared)).map(|value| plain(name, value));
        (!row.same(&declared, live.as_ref())).then_some((name, live, declared))
    });
    differs.collect()
}
