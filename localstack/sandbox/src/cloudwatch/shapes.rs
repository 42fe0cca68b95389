//! Types of the members of alarms. The query protocol sends everything as text, and JSON sends
//! whole numbers where the model has a double; what is stored has the model's types.

use std::borrow::Cow;

use crate::refusal::Refusal;
use crate::wire::input::Input;
use crate::wire::output::Output;

const INTEGERS: &[&str] = &[
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "EvaluationInterval",
    "PendingPeriod",
    "RecoveryPeriod",
    "WarmUpPeriodDurationInMinutes",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
    "QueryResultsToEvaluate",
    "QueryResultsToAlarm",
    "ActionLogLineCount",
];
const DOUBLES: &[&str] = &["Threshold"];
const BOOLEANS: &[&str] = &["ActionsEnabled", "ReturnData", "Enabled", "OnlyStartEvaluatingAfterWarmUpPeriodEnds"];
const LISTS: &[&str] = &[
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "Dimensions",
    "Metrics",
    "Tags",
    "IncludedTagKeys",
    "ExcludedTagKeys",
    "LogGroupIdentifiers",
];

pub(crate) fn typed(name: &str, value: &Input) -> Result<Output, Refusal> {
    let wrong = || Refusal::bad("ValidationError", format!("The value of {name} has the wrong type."));
    if INTEGERS.contains(&name) {
        return value.as_int().map(Output::Int).ok_or_else(wrong);
    }
    if DOUBLES.contains(&name) {
        return value.as_float().map(Output::Float).ok_or_else(wrong);
    }
    if BOOLEANS.contains(&name) {
        return value.as_bool().map(Output::Bool).ok_or_else(wrong);
    }
    if LISTS.contains(&name) {
        let holder = Input::Map([(name.to_owned(), value.clone())].into());
        let items = holder.list(name).unwrap_or_default();
        let items: Result<Vec<Output>, Refusal> = items.into_iter().map(structure).collect();
        return Ok(Output::List("member", items?));
    }
    structure(value)
}

fn structure(value: &Input) -> Result<Output, Refusal> {
    if !matches!(value, Input::Map(_)) {
        return Ok(Output::from(value));
    }
    let mut members = Vec::new();
    for (name, member) in value.members().filter(|(_, member)| **member != Input::Null) {
        members.push((Cow::Owned(name.clone()), typed(name, member)?));
    }
    Ok(Output::Map(members))
}
