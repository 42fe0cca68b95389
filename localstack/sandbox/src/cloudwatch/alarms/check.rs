//! What PutMetricAlarm and PutLogAlarm refuse, after the API model's constraints and texts.

use crate::refusal::Refusal;
use crate::wire::input::Input;

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::bad("ValidationError", message)
}

fn combination(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidParameterCombination", message)
}

const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
const OPERATORS: [&str; 7] = [
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
];
const SINGLE_METRIC: [&str; 7] =
    ["MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"];

pub(crate) fn common(input: &Input) -> Result<(), Refusal> {
    let name = input.text("AlarmName").unwrap_or_default();
    if name.is_empty() || name.chars().count() > 255 {
        return Err(validation("AlarmName must be between 1 and 255 characters long."));
    }
    if name.chars().any(|c| c.is_ascii_control()) {
        return Err(validation("AlarmName must not contain ASCII control characters."));
    }
    if input.text("AlarmDescription").is_some_and(|text| text.chars().count() > 1024) {
        return Err(validation("AlarmDescription must be at most 1024 characters long."));
    }
    for member in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        let actions = input.texts(member).unwrap_or_default();
        if actions.len() > 5 {
            return Err(validation(format!("{member} can hold at most 5 actions.")));
        }
        if let Some(action) = actions.iter().find(|action| !action.starts_with("arn:")) {
            return Err(validation(format!("Invalid arn syntax: {action}")));
        }
    }
    Ok(())
}

pub(crate) fn metric_alarm(input: &Input) -> Result<(), Refusal> {
    common(input)?;
    action_configuration(input)?;
    warm_up(input)?;
    // An alarm on a PromQL query has its own members and none of the others.
    if input.has("EvaluationCriteria") {
        if input.has("EvaluationWindow") {
            return Err(validation("EvaluationWindow can not be used with EvaluationCriteria."));
        }
        return Ok(());
    }
    let periods = int(input, "EvaluationPeriods")?
        .ok_or_else(|| Refusal::bad("MissingParameter", "The parameter EvaluationPeriods is required."))?;
    if periods < 1 {
        return Err(validation("EvaluationPeriods must be at least 1."));
    }
    if let Some(datapoints) = int(input, "DatapointsToAlarm")?
        && !(1..=periods).contains(&datapoints)
    {
        return Err(validation("DatapointsToAlarm must be between 1 and EvaluationPeriods."));
    }
    let operator = input
        .text("ComparisonOperator")
        .ok_or_else(|| Refusal::bad("MissingParameter", "The parameter ComparisonOperator is required."))?;
    one_of("ComparisonOperator", &operator, &OPERATORS)?;
    if let Some(text) = input.text("TreatMissingData") {
        one_of("TreatMissingData", &text, &["breaching", "notBreaching", "ignore", "missing"])?;
    }
    if let Some(text) = input.text("EvaluateLowSampleCountPercentile") {
        one_of("EvaluateLowSampleCountPercentile", &text, &["evaluate", "ignore"])?;
    }
    threshold(input, &operator)?;
    let period = if input.has("Metrics") { metric_math(input)? } else { single_metric(input)? };
    evaluation_window(input, period)?;
    evaluation_range(period, periods)
}

/// An alarm on a scheduled query of logs: `QueryResultsToAlarm` of the last `QueryResultsToEvaluate` results.
pub(crate) fn log_alarm(input: &Input) -> Result<(), Refusal> {
    common(input)?;
    action_configuration(input)?;
    warm_up(input)?;
    let missing = |member: &str| Refusal::bad("MissingParameter", format!("The parameter {member} is required."));
    let whole = |member: &str| int(input, member)?.ok_or_else(|| missing(member));
    if !input.has("ScheduledQueryConfiguration") {
        return Err(missing("ScheduledQueryConfiguration"));
    }
    let (evaluated, breaching) = (whole("QueryResultsToEvaluate")?, whole("QueryResultsToAlarm")?);
    if !(1..=100).contains(&evaluated) || !(1..=evaluated).contains(&breaching) {
        return Err(validation("QueryResultsToAlarm is 1 to QueryResultsToEvaluate, which is 1 to 100."));
    }
    if !input.has("Threshold") {
        return Err(missing("Threshold"));
    }
    let operator = input.text("ComparisonOperator").ok_or_else(|| missing("ComparisonOperator"))?;
    one_of("ComparisonOperator", &operator, &OPERATORS[..4])
}

fn warm_up(input: &Input) -> Result<(), Refusal> {
    let Some(configuration) = input.get("WarmUpConfiguration") else { return Ok(()) };
    match int(configuration, "WarmUpPeriodDurationInMinutes")? {
        Some(1..=2880) => Ok(()),
        _ => Err(validation("WarmUpPeriodDurationInMinutes must be between 1 and 2880.")),
    }
}

/// A window that follows the wall clock has periods that divide it (API model).
fn evaluation_window(input: &Input, period: i64) -> Result<(), Refusal> {
    let Some(window) = input.get("EvaluationWindow") else { return Ok(()) };
    match (window.has("SlidingWindow"), window.has("WallClockWindow")) {
        (true, false) => Ok(()),
        (false, true) if matches!(period, 60 | 300 | 3_600 | 86_400 | 604_800) => Ok(()),
        (false, true) => Err(validation("WallClockWindow requires a period of 60, 300, 3600, 86400 or 604800.")),
        _ => Err(validation("EvaluationWindow holds exactly one of SlidingWindow and WallClockWindow.")),
    }
}

/// Which tags of an alarm go along with its actions.
pub(crate) fn action_configuration(input: &Input) -> Result<(), Refusal> {
    let Some(tags) = input.get("ActionConfiguration").and_then(|actions| actions.get("AlarmTagsPropagation")) else {
        return Ok(());
    };
    let (included, excluded) = (tags.list("IncludedTagKeys"), tags.list("ExcludedTagKeys"));
    if included.is_some() && excluded.is_some() {
        return Err(combination("IncludedTagKeys and ExcludedTagKeys can not be used together."));
    }
    if [included, excluded].into_iter().flatten().any(|keys| !(1..=50).contains(&keys.len())) {
        return Err(validation("IncludedTagKeys and ExcludedTagKeys hold 1 to 50 keys."));
    }
    Ok(())
}

fn threshold(input: &Input, operator: &str) -> Result<(), Refusal> {
    let is_band = OPERATORS[4..].contains(&operator);
    match (input.has("Threshold"), input.has("ThresholdMetricId")) {
        (true, true) => Err(combination("Threshold and ThresholdMetricId can not be used together.")),
        (false, false) => Err(validation("Either Threshold or ThresholdMetricId must be specified.")),
        (true, false) if is_band => {
            Err(validation(format!("{operator} is only for anomaly detection alarms with ThresholdMetricId.")))
        }
        (false, true) if !is_band => Err(validation(format!("{operator} can not be used with ThresholdMetricId."))),
        _ => Ok(()),
    }
}

fn single_metric(input: &Input) -> Result<i64, Refusal> {
    for member in ["MetricName", "Namespace"] {
        if input.text(member).is_none_or(|text| text.is_empty()) {
            return Err(Refusal::bad("MissingParameter", format!("The parameter {member} is required.")));
        }
    }
    if input.text("Namespace").is_some_and(|text| text.starts_with(':')) {
        return Err(validation("Namespace must not start with a colon."));
    }
    match (input.text("Statistic"), input.text("ExtendedStatistic")) {
        (Some(statistic), None) => one_of("Statistic", &statistic, &STATISTICS)?,
        (None, Some(statistic)) => extended_statistic(&statistic)?,
        _ => return Err(combination("Exactly one of Statistic and ExtendedStatistic must be specified.")),
    }
    dimensions(input)?;
    let period =
        int(input, "Period")?.ok_or_else(|| Refusal::bad("MissingParameter", "The parameter Period is required."))?;
    valid_period(period)?;
    Ok(period)
}

fn extended_statistic(text: &str) -> Result<(), Refusal> {
    let percentile = text.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
    let trimmed = ["tm", "tc", "ts", "wm", "PR", "TM", "TC", "TS", "WM", "IQM"];
    if percentile.is_some_and(|p| (0.0..=100.0).contains(&p)) || trimmed.iter().any(|name| text.starts_with(name)) {
        return Ok(());
    }
    Err(validation(format!("The value {text} for parameter ExtendedStatistic is not supported.")))
}

fn dimensions(holder: &Input) -> Result<(), Refusal> {
    let listed = holder.list("Dimensions").unwrap_or_default();
    if listed.len() > 30 {
        return Err(validation("An alarm can have at most 30 dimensions."));
    }
    for dimension in listed {
        let (name, value) = (dimension.text("Name").unwrap_or_default(), dimension.text("Value").unwrap_or_default());
        if name.is_empty() || name.len() > 255 || value.is_empty() || value.len() > 1024 {
            return Err(validation("Dimension names have 1 to 255 characters, their values 1 to 1024."));
        }
    }
    Ok(())
}

/// 10, 20, 30 or a multiple of 60 seconds.
fn valid_period(period: i64) -> Result<(), Refusal> {
    if matches!(period, 10 | 20 | 30) || (period > 0 && period % 60 == 0) {
        return Ok(());
    }
    Err(validation(format!("Period must be 10, 20, 30 or a multiple of 60: {period}")))
}

/// A week at most, a day if the period is under an hour.
fn evaluation_range(period: i64, periods: i64) -> Result<(), Refusal> {
    let limit = if period >= 3600 { 604_800 } else { 86_400 };
    if period.saturating_mul(periods) > limit {
        return Err(validation(format!(
            "Metrics cannot be checked across more than {}. (EvaluationPeriods * Period must be <= {limit}.)",
            if limit == 86_400 { "a day" } else { "seven days" }
        )));
    }
    Ok(())
}

fn metric_math(input: &Input) -> Result<i64, Refusal> {
    if let Some(member) = SINGLE_METRIC.iter().find(|member| input.has(member)) {
        return Err(combination(format!("{member} can not be used together with Metrics.")));
    }
    let queries = input.list("Metrics").unwrap_or_default();
    let with_stat = queries.iter().filter(|query| query.has("MetricStat")).count();
    if queries.is_empty() || queries.len() > 20 || with_stat > 10 {
        return Err(validation("Metrics holds 1 to 20 queries, of which at most 10 are metrics."));
    }
    let mut ids = Vec::new();
    let mut returned = Vec::new();
    let mut longest = 60;
    for query in &queries {
        let id = query.text("Id").unwrap_or_default();
        let legal = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !legal || ids.contains(&id) {
            return Err(validation(format!("Invalid or repeated metrics id {id}.")));
        }
        match (query.get("MetricStat"), query.text("Expression")) {
            (Some(stat), None) => {
                dimensions(stat.get("Metric").unwrap_or(stat))?;
                let period = int(stat, "Period")?.unwrap_or(60);
                valid_period(period)?;
                statistic(&stat.text("Stat").unwrap_or_default())?;
                longest = longest.max(period);
            }
            (None, Some(expression)) => {
                if expression.is_empty() || expression.chars().count() > 2048 {
                    return Err(validation("Expression must be between 1 and 2048 characters long."));
                }
                if searches(&expression) {
                    return Err(validation("SEARCH is not supported on Metric Alarms."));
                }
                longest = longest.max(int(query, "Period")?.unwrap_or(60));
            }
            _ => return Err(combination(format!("Query {id} needs either MetricStat or Expression."))),
        }
        if query.get("ReturnData").and_then(Input::as_bool).unwrap_or(true) {
            returned.push(id.clone());
        }
        ids.push(id);
    }
    for expression in queries.iter().filter_map(|query| query.text("Expression")) {
        if let Some(unknown) = named_ids(&expression).find(|named| !ids.iter().any(|id| id == named)) {
            return Err(validation(format!("The expression {expression} refers to an unknown id {unknown}.")));
        }
    }
    if let Some(band) = input.text("ThresholdMetricId")
        && !ids.contains(&band)
    {
        return Err(validation(format!("ThresholdMetricId {band} is not in Metrics.")));
    }
    // An anomaly band is returned beside the metric it surrounds.
    let expected = if input.has("ThresholdMetricId") { 2 } else { 1 };
    if returned.len() != expected {
        return Err(validation("Exactly one element of the metrics list should return data."));
    }
    Ok(longest)
}

/// A statistic of metric math, plain or extended.
fn statistic(text: &str) -> Result<(), Refusal> {
    if STATISTICS.contains(&text) { Ok(()) } else { extended_statistic(text) }
}

/// The ids that an expression names. They begin in lower case, and functions do not; a query of Metrics Insights
/// (`SELECT`) names metrics and no ids.
fn named_ids(expression: &str) -> impl Iterator<Item = &str> {
    let is_query = expression.trim_start().to_ascii_uppercase().starts_with("SELECT");
    // What stands between quotation marks is text.
    let code = expression.split('"').step_by(2).filter(move |_| !is_query);
    let words = code.flat_map(|code| code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// TF issue 11011 and aws-cdk pull request 16539 quote the refusal.
fn searches(expression: &str) -> bool {
    let text = expression.to_ascii_uppercase();
    text.match_indices("SEARCH").any(|(at, word)| text[at + word.len()..].trim_start().starts_with('('))
}

fn int(input: &Input, member: &str) -> Result<Option<i64>, Refusal> {
    input.int(member).map_err(|refusal| validation(refusal.message))
}

fn one_of(member: &str, value: &str, allowed: &[&str]) -> Result<(), Refusal> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(validation(format!("Invalid value {value} for {member}. Valid values: {}", allowed.join(", "))))
}
