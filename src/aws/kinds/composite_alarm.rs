//! Composite alarms at AWS.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::put_composite_alarm;
use aws_sdk_cloudwatch::types as cw;
use serde_json::Value;

use super::alarm::{action_configuration, describe_actions};
use super::log_alarm;
use super::tags::tags_of_cloudwatch;
use crate::aws::params::Params;
use crate::aws::record::record;
use crate::model::live::{Found, Live};
use crate::model::{Address, Kind};

pub(super) fn describe(alarm: &cw::CompositeAlarm) -> Value {
    record! {
        "AlarmName": alarm.alarm_name(),
        "AlarmArn": alarm.alarm_arn(),
        "AlarmDescription": alarm.alarm_description(),
        "AlarmRule": alarm.alarm_rule(),
        "ActionsEnabled": alarm.actions_enabled(),
        "OKActions": alarm.ok_actions(),
        "AlarmActions": alarm.alarm_actions(),
        "InsufficientDataActions": alarm.insufficient_data_actions(),
        "StateValue": alarm.state_value().map(|state| state.as_str()),
        "ActionsSuppressor": alarm.actions_suppressor(),
        "ActionsSuppressorWaitPeriod": alarm.actions_suppressor_wait_period(),
        "ActionsSuppressorExtensionPeriod": alarm.actions_suppressor_extension_period(),
        "ActionConfiguration": alarm.action_configuration().map(describe_actions),
    }
}

pub(super) fn put_composite_alarm(
    client: &Client,
    p: &mut Params,
) -> put_composite_alarm::builders::PutCompositeAlarmFluentBuilder {
    client
        .put_composite_alarm()
        .set_alarm_name(p.text("AlarmName"))
        .set_alarm_rule(p.text("AlarmRule"))
        .set_alarm_description(p.text("AlarmDescription"))
        .set_actions_enabled(p.flag("ActionsEnabled"))
        .set_ok_actions(p.texts("OKActions"))
        .set_alarm_actions(p.texts("AlarmActions"))
        .set_insufficient_data_actions(p.texts("InsufficientDataActions"))
        .set_actions_suppressor(p.text("ActionsSuppressor"))
        .set_actions_suppressor_wait_period(p.integer("ActionsSuppressorWaitPeriod"))
        .set_actions_suppressor_extension_period(p.integer("ActionsSuppressorExtensionPeriod"))
        .set_action_configuration(p.object("ActionConfiguration", action_configuration))
        .set_tags(tags_of_cloudwatch(p))
}

/// Puts alarms of all types where they belong. The list that they come from tells them apart by what they have, and
/// so must tags, since an ARN does not.
pub(in crate::aws) fn store(found: Found, live: &mut Live) {
    for (name, value) in found {
        if log_alarm::is_one(&value) {
            live.log_alarms.insert(name);
            continue;
        }
        let kind = if value.get("AlarmRule").is_some() { Kind::CompositeAlarm } else { Kind::Alarm };
        live.of_mut(kind).insert(name, value);
    }
}

/// What the tags say of alarms is said of those that turned out to be composite, and of none that turned out to be one
/// of logs, which is nobody's to manage here.
pub(in crate::aws) fn claim_tags(live: &mut Live) {
    for name in &live.log_alarms {
        let alarm = Address::new(Kind::Alarm, name);
        live.tags.remove(&alarm);
        if live.owned.remove(&alarm) {
            live.notes.push(format!("{name} carries the stack's tag and is a log alarm: cachectl leaves it alone"));
        }
    }
    let names: Vec<String> = live.of(Kind::CompositeAlarm).keys().cloned().collect();
    for name in names {
        let (alarm, own) = (Address::new(Kind::Alarm, &name), Address::new(Kind::CompositeAlarm, &name));
        if let Some(tags) = live.tags.remove(&alarm) {
            live.tags.insert(own.clone(), tags);
        }
        if live.owned.remove(&alarm) {
            live.owned.insert(own);
        }
    }
}
