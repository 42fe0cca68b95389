//! Alarms are written whole: PutMetricAlarm and PutCompositeAlarm overwrite everything, so that what the spec leaves
//! out is read and sent again.

use serde_json::{Map, Value, json};

use super::alarm::{WINDOW, suffix};
use super::alarm_rule;
use crate::model::attribute::{Attribute, Read};
use crate::model::live::View;
use crate::model::shape::{Order, Shape, is_empty};
use crate::model::{Address, Kind};

/// The alarm's call: what is declared, and what AWS has where nothing is declared.
pub fn parameters(
    alarm: &Address,
    fields: &Map<String, Value>,
    live: Option<&Value>,
    stack: &str,
) -> Map<String, Value> {
    let mut parameters = Map::new();
    let declares = |name: &str| fields.contains_key(name);
    let math = declares("metrics");
    let single = ["MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"];
    let compared =
        ["Metrics", "Threshold", "ThresholdMetricId", "ComparisonOperator", "EvaluationPeriods", "DatapointsToAlarm"];
    for attribute in written(alarm.kind) {
        let member = attribute.field.member;
        let excluded = (math && single.contains(&member))
            || (declares("evaluationCriteria") && (single.contains(&member) || compared.contains(&member)))
            || ((math || declares("metricName")) && matches!(member, "EvaluationCriteria" | "EvaluationInterval"))
            || (declares("evaluationCriteria") && member == "EvaluationWindow")
            || (declares("metricName") && member == "Metrics")
            || (declares("statistic") && member == "ExtendedStatistic")
            || (declares("extendedStatistic") && member == "Statistic")
            || (declares("threshold") && member == "ThresholdMetricId")
            || (declares("thresholdMetricId") && member == "Threshold");
        let value = match fields.get(attribute.field.name) {
            // A cleared member is one that is not sent.
            Some(Value::Null) => None,
            Some(declared) => {
                let shape = &attribute.field.shape;
                Some(completed(shape, shape.to_api(declared), live.and_then(|live| live.get(member))))
            }
            None if excluded => None,
            None => live.and_then(|live| live.get(member)).filter(|value| !is_empty(value)).cloned(),
        };
        if let Some(value) = value {
            parameters.insert(member.to_owned(), value);
        }
    }
    name_stack(&mut parameters, stack);
    parameters.insert("AlarmName".to_owned(), json!(alarm.id));
    parameters
}

/// An alarm's description ends with the stack that the alarm is of.
fn name_stack(parameters: &mut Map<String, Value>, stack: &str) {
    let description =
        parameters.get("AlarmDescription").and_then(Value::as_str).map(plain_description).unwrap_or_default();
    let described = if description.is_empty() { suffix(stack) } else { format!("{description} {}", suffix(stack)) };
    parameters.insert("AlarmDescription".to_owned(), json!(described));
}

/// Members of which a value has one at most, so that the live one does not come beside the declared other.
const INSTEAD: [(&str, &str); 7] = [
    ("Expression", "MetricStat"),
    ("MetricStat", "Expression"),
    ("Period", "MetricStat"),
    ("SlidingWindow", "WallClockWindow"),
    ("WallClockWindow", "SlidingWindow"),
    ("IncludedTagKeys", "ExcludedTagKeys"),
    ("ExcludedTagKeys", "IncludedTagKeys"),
];

/// A declared value with what it leaves out of the live one.
fn completed(shape: &Shape, mut declared: Value, live: Option<&Value>) -> Value {
    match (shape, &mut declared, live) {
        (Shape::Object(fields), Value::Object(own), Some(Value::Object(live))) => {
            for field in *fields {
                let (member, live) = (field.member, live.get(field.member));
                let other_is_there = INSTEAD.iter().any(|(one, other)| *one == member && own.contains_key(*other));
                match own.get_mut(member) {
                    Some(value) => *value = completed(&field.shape, value.take(), live),
                    // Left out, it is true: that is how the spec is checked.
                    None if member == "ReturnData" || other_is_there => {}
                    None => own.extend(live.map(|live| (member.to_owned(), live.clone()))),
                }
            }
        }
        (Shape::List { of, order: Order::By(key), .. }, Value::Array(items), Some(Value::Array(live))) => {
            let Shape::Object(fields) = of else { return declared };
            let Some(key) = fields.iter().find(|field| field.name == *key) else { return declared };
            for item in items {
                let same = live.iter().find(|live| live.get(key.member) == item.get(key.member));
                *item = completed(of, item.take(), same);
            }
        }
        _ => {}
    }
    declared
}

/// A description without the note of its stack, which is no part of the difference.
pub fn plain_description(description: &str) -> String {
    // Only at the end is it the note: what somebody wrote after it is theirs.
    let noted = description.trim_end().strip_suffix(']').and_then(|text| text.rsplit_once("[cachectl:stack="));
    let plain = noted.filter(|(_, stack)| !stack.contains(']')).map_or(description, |(plain, _)| plain);
    // The note stands after a space: white space before it, such as the line end of a text block, cannot be told from that.
    plain.trim_end().to_owned()
}

/// What is declared and differs: attribute, live value, declared value.
pub fn differences(
    kind: Kind,
    fields: &Map<String, Value>,
    view: &View<'_>,
) -> Vec<(&'static str, Option<Value>, Value)> {
    let plain = |name: &str, value: Value| match (name, value.as_str()) {
        ("description", Some(text)) => json!(plain_description(text)),
        ("rule", Some(text)) => json!(alarm_rule::plain(text)),
        _ => value,
    };
    let differs = written(kind).filter_map(|attribute| {
        let name = attribute.field.name;
        let declared = fields.get(name)?;
        let live = attribute.live(view, Some(declared)).map(|live| plain(name, live));
        let declared = plain(name, declared.clone());
        let same = match name {
            "evaluationWindow" => same_window(&declared, live.as_ref()),
            _ => attribute.same(&declared, live.as_ref()),
        };
        (!same).then_some((name, live, declared))
    });
    differs.collect()
}

/// The attributes that stand in the alarm's call.
fn written(kind: Kind) -> impl Iterator<Item = &'static Attribute> {
    kind.attributes().iter().filter(|attribute| matches!(attribute.read, Read::Own(_)))
}

/// A window is one of two kinds, and without one it slides.
fn same_window(declared: &Value, live: Option<&Value>) -> bool {
    let clock = |window: &'_ Value| window.get("wallClockWindow").cloned();
    match (clock(declared), live.and_then(clock)) {
        (Some(declared), Some(live)) => {
            WINDOW.same(&json!({"wallClockWindow": declared}), &json!({"wallClockWindow": live}))
        }
        (None, None) => true,
        _ => false,
    }
}

/// A member of a live alarm that no call can send again, since the SDK does not know what it holds.
pub fn unkept(live: &Value) -> Option<&'static str> {
    live.pointer("/EvaluationWindow/Unknown").map(|_| "EvaluationWindow")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_a_stack_is_taken_off_and_nothing_else() {
        for (text, plain) in [
            ("CPU [cachectl:stack=prod]", "CPU"),
            ("CPU\n[cachectl:stack=prod] \n", "CPU"),
            ("CPU [cachectl:stack=prod] ask Ann", "CPU [cachectl:stack=prod] ask Ann"),
            ("CPU [cachectl:stack=prod] ask [Ann]", "CPU [cachectl:stack=prod] ask [Ann]"),
            ("CPU", "CPU"),
        ] {
            assert_eq!(plain_description(text), plain);
        }
    }
}
