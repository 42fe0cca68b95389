//! Tags of alarms and dashboards.

use crate::control::tags::{Tags, render};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) fn read(input: &Input) -> Result<Tags, Refusal> {
    crate::control::tags::read(input).map_err(|refusal| Refusal::bad("InvalidParameterValue", refusal.message))
}

fn require(state: &State, input: &Input) -> Result<String, Refusal> {
    let arn = input.text("ResourceARN").unwrap_or_default();
    let name = arn.split_once(":alarm:").map(|(_, name)| name);
    let dashboard = arn.split_once(":dashboard/").map(|(_, name)| name);
    let known = name.is_some_and(|name| state.monitoring.alarms.contains_key(name))
        || dashboard.is_some_and(|name| state.monitoring.dashboards.contains_key(name));
    if known { Ok(arn) } else { Err(Refusal::missing("ResourceNotFoundException", format!("Unknown resource {arn}"))) }
}

pub(crate) fn list(state: &State, input: &Input) -> Result<Output, Refusal> {
    let arn = require(state, input)?;
    let none = Tags::new();
    let held = state.monitoring.tags.get(&arn).unwrap_or(&none);
    Ok(Record::new().list("Tags", "member", render(held)).into())
}

pub(crate) fn tag(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let arn = require(state, input)?;
    let added = read(input)?;
    let held = state.monitoring.tags.entry(arn).or_default();
    let mut after = held.clone();
    after.extend(added);
    if after.len() > 50 {
        return Err(Refusal::bad("InvalidParameterValue", "A resource can have at most 50 tags."));
    }
    *held = after;
    Ok(Some(Record::new().into()))
}

pub(crate) fn untag(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let arn = require(state, input)?;
    let keys = input.texts("TagKeys").unwrap_or_default();
    if let Some(held) = state.monitoring.tags.get_mut(&arn) {
        held.retain(|key, _| !keys.contains(key));
    }
    Ok(Some(Record::new().into()))
}
