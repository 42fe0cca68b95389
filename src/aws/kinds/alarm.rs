//! Alarms at AWS.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::operation::{delete_alarms, put_metric_alarm};
use aws_sdk_cloudwatch::types as cw;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::tags::tags_of_cloudwatch;
use super::{composite_alarm, log_alarm};
use crate::aws::client::Aws;
use crate::aws::error::{AwsError, Kind as ErrorKind};
use crate::aws::lists::CONCURRENCY;
use crate::aws::pages::Pages;
use crate::aws::params::{Params, inner};
use crate::aws::record::record;
use crate::model::live::Found;

const OPERATION: &str = "DescribeAlarms";
/// AWS takes this many names in a call.
pub const NAMES: usize = 100;

/// Does the endpoint know log alarms? CloudWatch does; what stands in for it, and a region that is behind, may refuse
/// to be asked for a type that it does not know.
#[derive(Clone, Debug, Default)]
pub struct LogAlarms(Arc<AtomicBool>);

impl LogAlarms {
    /// It refused to be asked for them, and answered without.
    pub fn are_unknown(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn found_unknown(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Which alarms are listed.
#[derive(Clone, Default)]
struct Which {
    names: Option<Vec<String>>,
    prefix: Option<String>,
    /// Without metric alarms.
    only_composite: bool,
}

impl Which {
    /// Without types, AWS tells of metric alarms alone. A log alarm matters by the name that it holds.
    fn types(&self, with_log_alarms: bool) -> Vec<cw::AlarmType> {
        let types = [
            Some(cw::AlarmType::CompositeAlarm),
            (!self.only_composite).then_some(cw::AlarmType::MetricAlarm),
            with_log_alarms.then_some(cw::AlarmType::LogAlarm),
        ];
        types.into_iter().flatten().collect()
    }
}

pub(in crate::aws) async fn alarms_by_name(aws: &Aws, names: BTreeSet<String>) -> Result<Found, AwsError> {
    let chunks: Vec<Vec<String>> =
        names.into_iter().collect::<Vec<_>>().chunks(NAMES).map(<[String]>::to_vec).collect();
    let which = |names| Which { names: Some(names), ..Which::default() };
    let by_name = chunks.into_iter().map(|names| listed(aws, which(names), |_| true));
    let pages: Vec<Found> = stream::iter(by_name).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(pages.into_iter().flatten().collect())
}

/// All alarms, or those whose names begin with a prefix, as far as they are taken.
pub(in crate::aws) async fn described_alarms(
    aws: &Aws,
    prefix: Option<String>,
    takes: impl Fn(&Value) -> bool,
) -> Result<Found, AwsError> {
    listed(aws, Which { prefix, ..Which::default() }, takes).await
}

/// Every composite alarm of the region.
pub async fn composite_alarms(aws: &Aws) -> Result<Found, AwsError> {
    listed(aws, Which { only_composite: true, ..Which::default() }, |_| true).await
}

async fn listed(aws: &Aws, which: Which, takes: impl Fn(&Value) -> bool) -> Result<Found, AwsError> {
    let (mut found, mut pages) = (Found::new(), Pages::of(OPERATION));
    loop {
        let answer = page(aws, &which, pages.token()).await?;
        let metric = answer.metric_alarms().iter().map(|item| (item.alarm_name(), describe(item)));
        let composite =
            answer.composite_alarms().iter().map(|item| (item.alarm_name(), composite_alarm::describe(item)));
        let log = answer.log_alarms().iter().map(|item| (item.alarm_name(), log_alarm::describe(item)));
        for (name, value) in metric.chain(composite).chain(log).filter(|(_, value)| takes(value)) {
            found.insert(name.unwrap_or_default().to_owned(), value);
        }
        if !pages.turn(answer.next_token())? {
            return Ok(found);
        }
    }
}

async fn page(aws: &Aws, which: &Which, token: Option<String>) -> Result<DescribeAlarmsOutput, AwsError> {
    let with_log_alarms = which.names.is_some() && !aws.log_alarms.are_unknown();
    let of_types = async |with_log_alarms| {
        let call = aws.cloudwatch.describe_alarms().set_alarm_types(Some(which.types(with_log_alarms)));
        let call = call.set_alarm_names(which.names.clone()).set_alarm_name_prefix(which.prefix.clone());
        let answer = call.max_records(100).set_next_token(token.clone()).send().await;
        answer.map_err(|error| AwsError::of(OPERATION, error))
    };
    match of_types(with_log_alarms).await {
        Err(error) if with_log_alarms && error.kind == ErrorKind::Refused => {
            let answer = of_types(false).await?;
            aws.log_alarms.found_unknown();
            Ok(answer)
        }
        answer => answer,
    }
}

fn describe(alarm: &cw::MetricAlarm) -> Value {
    let query = |query: &cw::MetricDataQuery| {
        record! {
            "Id": query.id(),
            "Expression": query.expression(),
            "Label": query.label(),
            "ReturnData": query.return_data(),
            "Period": query.period(),
            "AccountId": query.account_id(),
            "MetricStat": query.metric_stat().map(|stat| record! {
                "Metric": stat.metric().map(|metric| record! {
                    "Namespace": metric.namespace(),
                    "MetricName": metric.metric_name(),
                    "Dimensions": describe_dimensions(metric.dimensions()),
                }),
                "Period": stat.period(),
                "Stat": stat.stat(),
                "Unit": stat.unit().map(|unit| unit.as_str()),
            }),
        }
    };
    record! {
        "AlarmName": alarm.alarm_name(),
        "AlarmArn": alarm.alarm_arn(),
        "AlarmDescription": alarm.alarm_description(),
        "ActionsEnabled": alarm.actions_enabled(),
        "OKActions": alarm.ok_actions(),
        "AlarmActions": alarm.alarm_actions(),
        "InsufficientDataActions": alarm.insufficient_data_actions(),
        "StateValue": alarm.state_value().map(|state| state.as_str()),
        "MetricName": alarm.metric_name(),
        "Namespace": alarm.namespace(),
        "Statistic": alarm.statistic().map(|statistic| statistic.as_str()),
        "ExtendedStatistic": alarm.extended_statistic(),
        "Dimensions": describe_dimensions(alarm.dimensions()),
        "Period": alarm.period(),
        "Unit": alarm.unit().map(|unit| unit.as_str()),
        "EvaluationPeriods": alarm.evaluation_periods(),
        "DatapointsToAlarm": alarm.datapoints_to_alarm(),
        "Threshold": alarm.threshold(),
        "ComparisonOperator": alarm.comparison_operator().map(|operator| operator.as_str()),
        "TreatMissingData": alarm.treat_missing_data(),
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile(),
        "Metrics": alarm.metrics().iter().map(query).collect::<Vec<_>>(),
        "ThresholdMetricId": alarm.threshold_metric_id(),
        "EvaluationInterval": alarm.evaluation_interval(),
        "EvaluationCriteria": alarm.evaluation_criteria().and_then(|criteria| criteria.as_prom_ql_criteria().ok()).map(|query| json!({
            "PromQLCriteria": {
                "Query": query.query(),
                "PendingPeriod": query.pending_period(),
                "RecoveryPeriod": query.recovery_period(),
            },
        })),
        "EvaluationWindow": alarm.evaluation_window().map(describe_window),
        "WarmUpConfiguration": alarm.warm_up_configuration().map(|warm_up| record! {
            "WarmUpPeriodDurationInMinutes": warm_up.warm_up_period_duration_in_minutes(),
            "OnlyStartEvaluatingAfterWarmUpPeriodEnds": warm_up.only_start_evaluating_after_warm_up_period_ends(),
        }),
        "ActionConfiguration": alarm.action_configuration().map(describe_actions),
    }
}

pub(super) fn describe_actions(configuration: &cw::ActionConfiguration) -> Value {
    record! {
        "AlarmTagsPropagation": configuration.alarm_tags_propagation().map(|propagation| record! {
            "Enabled": propagation.enabled(),
            "IncludedTagKeys": propagation.included_tag_keys(),
            "ExcludedTagKeys": propagation.excluded_tag_keys(),
        }),
    }
}

fn describe_dimensions(dimensions: &[cw::Dimension]) -> Vec<Value> {
    dimensions.iter().map(|dimension| record! { "Name": dimension.name(), "Value": dimension.value() }).collect()
}

/// A window of a kind that this SDK does not know is told as `Unknown`, since no call can send it again.
fn describe_window(window: &cw::EvaluationWindow) -> Value {
    match window {
        cw::EvaluationWindow::SlidingWindow(_) => json!({"SlidingWindow": {}}),
        cw::EvaluationWindow::WallClockWindow(clock) => {
            json!({"WallClockWindow": record! { "Timezone": clock.timezone() }})
        }
        _ => json!({"Unknown": {}}),
    }
}

pub(super) fn put_metric_alarm(
    client: &Client,
    p: &mut Params,
) -> put_metric_alarm::builders::PutMetricAlarmFluentBuilder {
    client
        .put_metric_alarm()
        .set_alarm_name(p.text("AlarmName"))
        .set_alarm_description(p.text("AlarmDescription"))
        .set_actions_enabled(p.flag("ActionsEnabled"))
        .set_ok_actions(p.texts("OKActions"))
        .set_alarm_actions(p.texts("AlarmActions"))
        .set_insufficient_data_actions(p.texts("InsufficientDataActions"))
        .set_metric_name(p.text("MetricName"))
        .set_namespace(p.text("Namespace"))
        .set_statistic(p.word("Statistic"))
        .set_extended_statistic(p.text("ExtendedStatistic"))
        .set_dimensions(p.list("Dimensions", dimension))
        .set_period(p.integer("Period"))
        .set_unit(p.word("Unit"))
        .set_evaluation_periods(p.integer("EvaluationPeriods"))
        .set_datapoints_to_alarm(p.integer("DatapointsToAlarm"))
        .set_threshold(p.number("Threshold"))
        .set_comparison_operator(p.word("ComparisonOperator"))
        .set_treat_missing_data(p.text("TreatMissingData"))
        .set_evaluate_low_sample_count_percentile(p.text("EvaluateLowSampleCountPercentile"))
        .set_metrics(p.list("Metrics", metric_query))
        .set_threshold_metric_id(p.text("ThresholdMetricId"))
        .set_evaluation_criteria(p.object("EvaluationCriteria", evaluation_criteria))
        .set_evaluation_interval(p.integer("EvaluationInterval"))
        .set_evaluation_window(p.object("EvaluationWindow", evaluation_window))
        .set_warm_up_configuration(p.object("WarmUpConfiguration", warm_up))
        .set_action_configuration(p.object("ActionConfiguration", action_configuration))
        .set_tags(tags_of_cloudwatch(p))
}

pub(super) fn delete_alarms(client: &Client, p: &mut Params) -> delete_alarms::builders::DeleteAlarmsFluentBuilder {
    client.delete_alarms().set_alarm_names(p.texts("AlarmNames"))
}

fn dimension(value: &Value) -> Option<cw::Dimension> {
    inner(value, |p| cw::Dimension::builder().set_name(p.text("Name")).set_value(p.text("Value")).build())
}

fn evaluation_criteria(p: &mut Params) -> cw::EvaluationCriteria {
    let query = p.object("PromQLCriteria", |p| {
        cw::AlarmPromQlCriteria::builder()
            .set_query(p.text("Query"))
            .set_pending_period(p.integer("PendingPeriod"))
            .set_recovery_period(p.integer("RecoveryPeriod"))
            .build()
    });
    // A query is all that the spec's shape lets through.
    cw::EvaluationCriteria::PromQlCriteria(query.unwrap_or_else(|| cw::AlarmPromQlCriteria::builder().build()))
}

fn evaluation_window(p: &mut Params) -> cw::EvaluationWindow {
    let wall_clock =
        p.object("WallClockWindow", |p| cw::WallClockWindow::builder().set_timezone(p.text("Timezone")).build());
    // Nothing can be said of a sliding window; its member is taken all the same, since none may be left over.
    p.object("SlidingWindow", |_| ());
    wall_clock.map_or_else(
        || cw::EvaluationWindow::SlidingWindow(cw::SlidingWindow::builder().build()),
        cw::EvaluationWindow::WallClockWindow,
    )
}

fn warm_up(p: &mut Params) -> cw::WarmUpConfiguration {
    cw::WarmUpConfiguration::builder()
        .set_warm_up_period_duration_in_minutes(p.integer("WarmUpPeriodDurationInMinutes"))
        .set_only_start_evaluating_after_warm_up_period_ends(p.flag("OnlyStartEvaluatingAfterWarmUpPeriodEnds"))
        .build()
}

pub(super) fn action_configuration(p: &mut Params) -> cw::ActionConfiguration {
    let propagation = p.object("AlarmTagsPropagation", |p| {
        cw::AlarmTagsPropagation::builder()
            .set_enabled(p.flag("Enabled"))
            .set_included_tag_keys(p.texts("IncludedTagKeys"))
            .set_excluded_tag_keys(p.texts("ExcludedTagKeys"))
            .build()
    });
    cw::ActionConfiguration::builder().set_alarm_tags_propagation(propagation).build()
}

fn metric_query(value: &Value) -> Option<cw::MetricDataQuery> {
    inner(value, |p| {
        cw::MetricDataQuery::builder()
            .set_id(p.text("Id"))
            .set_expression(p.text("Expression"))
            .set_label(p.text("Label"))
            .set_return_data(p.flag("ReturnData"))
            .set_period(p.integer("Period"))
            .set_account_id(p.text("AccountId"))
            .set_metric_stat(p.object("MetricStat", |p| {
                cw::MetricStat::builder()
                    .set_metric(p.object("Metric", |p| {
                        cw::Metric::builder()
                            .set_namespace(p.text("Namespace"))
                            .set_metric_name(p.text("MetricName"))
                            .set_dimensions(p.list("Dimensions", dimension))
                            .build()
                    }))
                    .set_period(p.integer("Period"))
                    .set_stat(p.text("Stat"))
                    .set_unit(p.word("Unit"))
                    .build()
            }))
            .build()
    })
}
