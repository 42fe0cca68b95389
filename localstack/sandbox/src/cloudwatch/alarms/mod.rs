//! Alarms of all three types, kept as they were put. Their names are unique across the types.

pub(crate) mod check;
pub(crate) mod describe;

use std::collections::BTreeMap;

use crate::cloudwatch::{shapes, tags};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// AWS's default quota.
pub(crate) const QUOTA: usize = 5_000;

/// What an alarm watches: a metric, other alarms, or a query of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Metric,
    Composite,
    Log,
}

impl Type {
    const ALL: [Type; 3] = [Type::Metric, Type::Composite, Type::Log];

    /// As `AlarmTypes` has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Type::Metric => "MetricAlarm",
            Type::Composite => "CompositeAlarm",
            Type::Log => "LogAlarm",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub name: String,
    pub kind: Type,
    /// Every member of the Put call but its tags, with the model's types.
    pub members: Vec<(String, Output)>,
    pub state: String,
    pub reason: String,
    pub updated: f64,
    pub state_updated: f64,
}

impl Alarm {
    pub(crate) fn member(&self, name: &str) -> Option<&Output> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.member(name) {
            Some(Output::Text(text)) => Some(text),
            _ => None,
        }
    }
}

pub(crate) fn arn(state: &State, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", state.settings.region, state.settings.account_id)
}

pub(crate) fn put(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    check::metric_alarm(input)?;
    store(state, input, Type::Metric)
}

pub(crate) fn put_log(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    check::log_alarm(input)?;
    store(state, input, Type::Log)
}

/// Put replaces the whole alarm; its state stays, and so do its tags.
pub(crate) fn store(state: &mut State, input: &Input, kind: Type) -> Result<Option<Output>, Refusal> {
    let name = input.text("AlarmName").unwrap_or_default();
    let known = state.monitoring.alarms.get(&name);
    if known.is_some_and(|known| known.kind != kind) {
        return Err(Refusal::bad("ValidationError", format!("An alarm of another type is already named {name}.")));
    }
    if known.is_none() && state.monitoring.alarms.len() >= QUOTA {
        return Err(Refusal::bad("LimitExceeded", format!("The maximum limit for alarms was exceeded: {QUOTA}")));
    }
    let mut members = Vec::new();
    for (member, value) in input.members() {
        if !matches!(member.as_str(), "Tags" | "Action" | "Version") && *value != Input::Null {
            members.push((member.clone(), shapes::typed(member, value)?));
        }
    }
    let now = state.now_seconds();
    let alarm = match known {
        Some(known) => Alarm { members, updated: now, ..known.clone() },
        None => Alarm {
            name: name.clone(),
            kind,
            members,
            state: "INSUFFICIENT_DATA".into(),
            reason: "Unchecked: Initial alarm creation".into(),
            updated: now,
            state_updated: now,
        },
    };
    if known.is_none() {
        // API model, Tags: "ignored when you update an existing alarm".
        let held = tags::read(input)?;
        let arn = arn(state, &name);
        state.monitoring.tags.insert(arn, held);
    }
    state.monitoring.alarms.insert(name, alarm);
    Ok(None)
}

pub(crate) fn missing(names: &[String]) -> Refusal {
    Refusal::missing("ResourceNotFound", format!("Alarm not found: {}", names.join(", ")))
}

/// At most 100 alarms, of which at most one composite, and no log alarm beside others. Names that are wrong do not keep
/// the right ones (API model).
pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let names = input.texts("AlarmNames").unwrap_or_default();
    if names.is_empty() || names.len() > 100 {
        return Err(Refusal::bad("ValidationError", "AlarmNames must hold 1 to 100 names."));
    }
    let alarms = &state.monitoring.alarms;
    let of = |kind| names.iter().filter(|name| alarms.get(*name).is_some_and(|alarm| alarm.kind == kind)).count();
    if of(Type::Composite) > 1 {
        return Err(Refusal::bad("ValidationError", "Only one composite alarm can be deleted in one call."));
    }
    if of(Type::Log) > 0 && names.len() > 1 {
        return Err(Refusal::bad("ValidationError", "A log alarm can not be deleted together with other alarms."));
    }
    refuse_children(alarms, &names)?;
    let unknown: Vec<String> = names.iter().filter(|name| !alarms.contains_key(*name)).cloned().collect();
    for name in names {
        let arn = arn(state, &name);
        state.monitoring.alarms.remove(&name);
        state.monitoring.tags.remove(&arn);
    }
    if unknown.is_empty() { Ok(None) } else { Err(missing(&unknown)) }
}

/// An alarm stays as long as a composite alarm that stays names it. Text and code: ekristen/aws-nuke issue 462,
/// cloud-custodian issue 7763.
fn refuse_children(alarms: &BTreeMap<String, Alarm>, names: &[String]) -> Result<(), Refusal> {
    let parents = alarms.values().filter(|alarm| alarm.kind == Type::Composite && !names.contains(&alarm.name));
    let held: Vec<String> =
        parents.flat_map(|parent| super::composite::children(parent.text("AlarmRule").unwrap_or_default())).collect();
    let children: Vec<&str> = names.iter().filter(|name| held.contains(name)).map(String::as_str).collect();
    match children.as_slice() {
        [] => Ok(()),
        children => Err(Refusal::bad(
            "ValidationError",
            format!(
                "Cannot delete {} as there are composite alarm(s) depending on {}.",
                children.join(","),
                if children.len() == 1 { "it" } else { "them" }
            ),
        )),
    }
}

pub(crate) fn set_state(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let name = input.text("AlarmName").unwrap_or_default();
    let value = input.text("StateValue").unwrap_or_default();
    if !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(&value.as_str()) {
        return Err(Refusal::bad("ValidationError", format!("Invalid StateValue {value}.")));
    }
    let now = state.now_seconds();
    let alarm = state.monitoring.alarms.get_mut(&name).ok_or_else(|| missing(std::slice::from_ref(&name)))?;
    alarm.state = value;
    alarm.reason = input.text("StateReason").unwrap_or_default();
    alarm.state_updated = now;
    Ok(None)
}

pub(crate) fn set_actions(state: &mut State, input: &Input, enabled: bool) -> Result<Option<Output>, Refusal> {
    for name in input.texts("AlarmNames").unwrap_or_default() {
        if let Some(alarm) = state.monitoring.alarms.get_mut(&name) {
            alarm.members.retain(|(member, _)| member != "ActionsEnabled");
            alarm.members.push(("ActionsEnabled".into(), Output::Bool(enabled)));
        }
    }
    Ok(None)
}
