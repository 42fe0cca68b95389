//! Composite alarms: one page for many alarms. Written out in full with every call, as metric alarms are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::alarm::{self, Alarms};
use super::alarm_rule::{LONGEST, any_of, named_in, without_arn};
use super::alarm_whole::plain_description;
use super::kind_row::{Calls, KindRow, Names, TagCalls};
use super::{local, members};
use crate::model::attribute::{Attribute, Impact, Read, Route};
use crate::model::shape::{ARN, Field, Shape, integer, list, pattern, text};
use crate::model::{Address, Kind, Operation, Resource, Spec};

const fn row(field: Field, member: &'static str) -> Attribute {
    Attribute::new(field, Read::Own(member), Route::Whole, Impact::None, "")
}

/// The rows of a composite alarm: what PutCompositeAlarm takes, and the cache whose alarms it stands for.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("of", "", pattern("^(replicationGroup|serverlessCache)/[^*]+$", 128, "replicationGroup/prod-cache"),
        "A cache of this spec: any alarm of that cache. The rule follows its nodes and its alarms. Instead of `rule`."), Read::Never, Route::Local, Impact::None, ""),
    row(Field::new("rule", "AlarmRule", text(LONGEST), "Which alarms in which states, such as `ALARM(orders-errors) AND NOT ALARM(deploying)`. Instead of `of`."), "AlarmRule"),
    row(Field::new("description", "AlarmDescription", text(960), "What the alarm means and what to do."), "AlarmDescription")
        .import(|_, value| local::text_of(&plain_description(value.as_str()?))),
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
    reads: &["cloudwatch:DescribeAlarms"],
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

/// By cache: the names of the alarms of its nodes, and of those declared by themselves that watch one.
pub fn of_caches(spec: &Spec, alarms: &Alarms) -> BTreeMap<Address, BTreeSet<String>> {
    let mut of_caches: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    for alarm in &alarms.named {
        let caches: Vec<Address> = match &alarm.cache {
            Some(cache) => vec![cache.clone()],
            None => {
                let members = spec.resources.get(&alarm.entry).map(alarm::declared_members).unwrap_or_default();
                let watched = members.iter().flat_map(|member| members::caches_of(member));
                watched.filter(|cache| spec.resources.contains_key(cache)).collect()
            }
        };
        for cache in caches {
            of_caches.entry(cache).or_default().insert(alarm.name.clone());
        }
    }
    of_caches
}

/// What is declared, with the rule written out for these alarms where it is of a cache.
pub fn fields(resource: &Resource, names: &BTreeSet<String>) -> Map<String, Value> {
    let mut fields = resource.fields.clone();
    fields.remove("tags");
    fields.remove("of");
    if cache_of(resource).is_some() {
        fields.insert("rule".to_owned(), json!(any_of(names)));
    }
    fields
}

/// The alarms that a live one's rule names.
pub fn children(own: &Value) -> BTreeSet<String> {
    own.get("AlarmRule").and_then(Value::as_str).map(named_in).unwrap_or_default()
}

/// The alarms that have to be there before one of these fields is put: those of its rule, and the one that silences it.
pub fn depends_on(fields: &Map<String, Value>) -> BTreeSet<String> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let mut names = text("rule").map(named_in).unwrap_or_default();
    names.extend(text("actionsSuppressor").map(|name| without_arn(name).to_owned()));
    names
}

/// The alarms that composite alarms of the spec depend on by name.
pub fn named_by(spec: &Spec) -> BTreeSet<String> {
    spec.of(Kind::CompositeAlarm).flat_map(|composite| depends_on(&composite.fields)).collect()
}
