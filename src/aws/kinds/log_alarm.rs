//! Log alarms at AWS: no kind of cachectl's, but they share their names with alarms that are.

use aws_sdk_cloudwatch::types as cw;
use serde_json::Value;

use crate::aws::record::record;

/// The type is no member of AWS's: the list that an alarm is in tells it.
pub(super) fn describe(alarm: &cw::LogAlarm) -> Value {
    record! {
        "AlarmName": alarm.alarm_name(),
        "AlarmArn": alarm.alarm_arn(),
        "AlarmDescription": alarm.alarm_description(),
        "AlarmType": Some(cw::AlarmType::LogAlarm.as_str()),
    }
}

pub(super) fn is_one(alarm: &Value) -> bool {
    alarm.get("AlarmType").and_then(Value::as_str) == Some(cw::AlarmType::LogAlarm.as_str())
}
