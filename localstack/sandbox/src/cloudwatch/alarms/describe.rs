//! DescribeAlarms. Without AlarmTypes only metric alarms are answered (API model).

use std::borrow::Cow;

use super::{Alarm, Type, arn};
use crate::cloudwatch::composite;
use crate::control::paging;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let validation = |text: &str| Refusal::bad("ValidationError", text);
    let names = input.texts("AlarmNames").filter(|names| !names.is_empty());
    let prefix = input.text("AlarmNamePrefix");
    if names.is_some() && prefix.is_some() {
        return Err(validation("AlarmNames and AlarmNamePrefix can not be used together."));
    }
    if names.as_ref().is_some_and(|names| names.len() > 100) {
        return Err(validation("AlarmNames can hold at most 100 names."));
    }
    let types =
        input.texts("AlarmTypes").filter(|types| !types.is_empty()).unwrap_or_else(|| vec!["MetricAlarm".into()]);
    if let Some(unknown) = types.iter().find(|word| Type::named(word).is_none()) {
        return Err(validation(&format!(
            "Value '{unknown}' at 'alarmTypes' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            Type::ALL.map(Type::word).join(", ")
        )));
    }
    let wanted = |alarm: &Alarm| types.iter().any(|word| word == alarm.kind.word());
    let children = match input.text("ChildrenOfAlarmName") {
        None => None,
        Some(parent) => {
            let alarm =
                state.monitoring.alarms.get(&parent).ok_or_else(|| super::missing(std::slice::from_ref(&parent)))?;
            Some(composite::children(alarm.text("AlarmRule").unwrap_or_default()))
        }
    };
    let parents_of = input.text("ParentsOfAlarmName");
    let is_related = children.is_some() || parents_of.is_some();
    let state_value = input.text("StateValue");
    let action_prefix = input.text("ActionPrefix");
    let found = state.monitoring.alarms.iter().filter(|(name, alarm)| {
        // Asking for relatives answers alarms of all types.
        let of_type = is_related || wanted(alarm);
        of_type
            && names.as_ref().is_none_or(|names| names.contains(name))
            && prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()))
            && children.as_ref().is_none_or(|children| children.contains(name))
            && parents_of.as_ref().is_none_or(|child| {
                alarm.kind == Type::Composite
                    && composite::children(alarm.text("AlarmRule").unwrap_or_default()).contains(child)
            })
            && state_value.as_ref().is_none_or(|value| *value == alarm.state)
            && action_prefix.as_ref().is_none_or(|prefix| has_action(alarm, prefix))
    });
    let asked = match input.int("MaxRecords").map_err(|refusal| validation(&refusal.message))? {
        None => 50,
        Some(n @ 1..=100) => usize::try_from(n).unwrap_or(50),
        Some(_) => return Err(validation("MaxRecords must be between 1 and 100.")),
    };
    // Asking by name answers all of them on one page.
    let asked = names.as_ref().map_or(asked, |names| names.len().max(asked));
    let page =
        paging::cut(input.text("NextToken"), asked, state.settings.page_size, found, |alarm| render(state, alarm))
            .map_err(|refusal| Refusal::bad("InvalidNextToken", refusal.message))?;
    let mut record = Record::new();
    // What was not asked for is not answered, so that older clients see what they know.
    for (kind, list) in LISTS.into_iter().filter(|(kind, _)| is_related || types.iter().any(|word| word == kind.word()))
    {
        let items: Vec<Output> = page.items.iter().filter(|alarm| is_of(alarm, kind)).cloned().collect();
        record = record.list(list, "member", items);
    }
    Ok(record.put_some("NextToken", page.next).into())
}

/// The lists of an answer.
const LISTS: [(Type, &str); 3] =
    [(Type::Composite, "CompositeAlarms"), (Type::Metric, "MetricAlarms"), (Type::Log, "LogAlarms")];

/// Alarms are told apart by what they have.
fn is_of(alarm: &Output, kind: Type) -> bool {
    let Output::Map(members) = alarm else { return false };
    let has = |member: &str| members.iter().any(|(name, _)| name == member);
    match kind {
        Type::Composite => has("AlarmRule"),
        Type::Log => has("ScheduledQueryConfiguration"),
        Type::Metric => !has("AlarmRule") && !has("ScheduledQueryConfiguration"),
    }
}

fn has_action(alarm: &Alarm, prefix: &str) -> bool {
    ["OKActions", "AlarmActions", "InsufficientDataActions"].iter().any(|member| {
        matches!(alarm.member(member), Some(Output::List(_, actions))
            if actions.iter().any(|action| matches!(action, Output::Text(text) if text.starts_with(prefix))))
    })
}

fn render(state: &State, alarm: &Alarm) -> Output {
    let mut members: Vec<(Cow<'static, str>, Output)> =
        alarm.members.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.clone())).collect();
    let mut fill = |name: &'static str, value: Output| {
        if alarm.member(name).is_none() {
            members.push((Cow::Borrowed(name), value));
        }
    };
    fill("ActionsEnabled", Output::Bool(true));
    for actions in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        fill(actions, Output::List("member", Vec::new()));
    }
    if alarm.kind == Type::Log {
        fill("TreatMissingData", Output::Text("missing".into()));
    }
    if alarm.kind == Type::Metric {
        if alarm.member("Metrics").is_none() && alarm.member("EvaluationCriteria").is_none() {
            fill("Dimensions", Output::List("member", Vec::new()));
        }
        if alarm.member("EvaluationCriteria").is_none() {
            fill("TreatMissingData", Output::Text("missing".into()));
        }
    }
    fill("AlarmArn", Output::Text(arn(state, &alarm.name)));
    fill("AlarmConfigurationUpdatedTimestamp", Output::Time(alarm.updated));
    fill("StateValue", Output::Text(alarm.state.clone()));
    fill("StateReason", Output::Text(alarm.reason.clone()));
    fill("StateUpdatedTimestamp", Output::Time(alarm.state_updated));
    fill("StateTransitionedTimestamp", Output::Time(alarm.state_updated));
    Output::Map(members)
}
