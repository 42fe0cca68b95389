//! CloudWatch: alarms, dashboards and as much of metrics as alarms need to be looked at.

pub(crate) mod alarms;
pub(crate) mod composite;
mod dashboard_body;
pub(crate) mod dashboards;
pub(crate) mod metrics;
pub(crate) mod shapes;
pub(crate) mod tags;

use std::collections::BTreeMap;

use crate::control::Operation;

pub(crate) use alarms::Alarm;
pub(crate) use dashboards::Dashboard;
pub(crate) use metrics::Metrics;

#[derive(Debug, Clone, Default)]
pub(crate) struct Monitoring {
    pub alarms: BTreeMap<String, Alarm>,
    pub dashboards: BTreeMap<String, Dashboard>,
    pub metrics: Metrics,
    pub tags: BTreeMap<String, crate::control::tags::Tags>,
}

pub(crate) fn operation(name: &str) -> Option<Operation> {
    use Operation::{Read, Write};
    Some(match name {
        "PutMetricAlarm" => Write(alarms::put),
        "PutCompositeAlarm" => Write(composite::put),
        "PutLogAlarm" => Write(alarms::put_log),
        "DescribeAlarms" => Read(alarms::describe::describe),
        "DeleteAlarms" => Write(alarms::delete),
        "SetAlarmState" => Write(alarms::set_state),
        "EnableAlarmActions" => Write(|s, i| alarms::set_actions(s, i, true)),
        "DisableAlarmActions" => Write(|s, i| alarms::set_actions(s, i, false)),
        "TagResource" => Write(tags::tag),
        "UntagResource" => Write(tags::untag),
        "ListTagsForResource" => Read(tags::list),
        "PutDashboard" => Write(dashboards::put),
        "GetDashboard" => Read(dashboards::get),
        "ListDashboards" => Read(dashboards::list),
        "DeleteDashboards" => Write(dashboards::delete),
        "PutMetricData" => Write(metrics::put),
        "GetMetricData" => Read(metrics::get),
        "ListMetrics" => Read(metrics::list),
        _ => return None,
    })
}

/// The name of an error's shape in the API model, where it differs from the code of the query
/// protocol.
pub(crate) fn shape_of<'a>(operation: &str, code: &'a str) -> &'a str {
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "MissingParameter" => "MissingRequiredParameterException",
        "LimitExceeded" => "LimitExceededFault",
        "ValidationError" => "ValidationException",
        "InvalidFormat" => "InvalidFormatFault",
        "InvalidParameterInput" => "DashboardInvalidInputError",
        "InternalServiceError" => "InternalServiceFault",
        "ResourceNotFound" if operation.ends_with("Dashboard") || operation.ends_with("Dashboards") => {
            "DashboardNotFoundError"
        }
        code => code,
    }
}
