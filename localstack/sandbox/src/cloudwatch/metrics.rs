//! Metric data that was put, and read back without arithmetic.

use std::collections::BTreeMap;

use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Enough for tests; the oldest go first.
const KEPT: usize = 100_000;

#[derive(Debug, Clone)]
pub struct Datum {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    pub at: f64,
    pub values: Vec<f64>,
}

fn dimensions(holder: &Input) -> BTreeMap<String, String> {
    holder
        .list("Dimensions")
        .unwrap_or_default()
        .into_iter()
        .filter_map(|dimension| Some((dimension.text("Name")?, dimension.text("Value")?)))
        .collect()
}

pub fn put(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let namespace = input.text("Namespace").unwrap_or_default();
    if namespace.is_empty() {
        return Err(Refusal::bad("MissingParameter", "The parameter Namespace is required."));
    }
    let mut data = Vec::new();
    for item in input.list("MetricData").unwrap_or_default() {
        let name = item
            .text("MetricName")
            .ok_or_else(|| Refusal::bad("MissingParameter", "The parameter MetricName is required."))?;
        let listed: Vec<f64> =
            item.list("Values").unwrap_or_default().into_iter().filter_map(Input::as_float).collect();
        let single = item.get("Value").and_then(Input::as_float);
        let values = if listed.is_empty() { single.into_iter().collect() } else { listed };
        data.push(Datum {
            namespace: namespace.clone(),
            name,
            dimensions: dimensions(item),
            at: item.get("Timestamp").and_then(Input::as_time).unwrap_or_else(|| state.now_seconds()),
            values,
        });
    }
    let held = &mut state.monitoring.data;
    held.extend(data);
    let surplus = held.len().saturating_sub(KEPT);
    held.drain(..surplus);
    Ok(None)
}

pub fn list(state: &State, input: &Input) -> Result<Output, Refusal> {
    let (namespace, name) = (input.text("Namespace"), input.text("MetricName"));
    let mut filters = Vec::new();
    for filter in input.list("Dimensions").unwrap_or_default() {
        filters.push((filter.text("Name").unwrap_or_default(), filter.text("Value")));
    }
    let mut found: Vec<(&str, &str, &BTreeMap<String, String>)> = state
        .monitoring
        .data
        .iter()
        .filter(|datum| namespace.as_deref().is_none_or(|text| text == datum.namespace))
        .filter(|datum| name.as_deref().is_none_or(|text| text == datum.name))
        .filter(|datum| {
            filters.iter().all(|(key, value)| {
                datum.dimensions.get(key).is_some_and(|held| value.as_ref().is_none_or(|value| value == held))
            })
        })
        .map(|datum| (datum.namespace.as_str(), datum.name.as_str(), &datum.dimensions))
        .collect();
    found.sort();
    found.dedup();
    let metrics = found.into_iter().map(|(namespace, name, dimensions)| {
        let dimensions = dimensions.iter().map(|(name, value)| Record::new().put("Name", name).put("Value", value));
        Record::new().put("Namespace", namespace).put("MetricName", name).list("Dimensions", "member", dimensions)
    });
    Ok(Record::new().list("Metrics", "member", metrics).into())
}

pub fn get(state: &State, input: &Input) -> Result<Output, Refusal> {
    let missing = |member: &str| Refusal::bad("MissingParameter", format!("The parameter {member} is required."));
    let start = input.time("StartTime")?.ok_or_else(|| missing("StartTime"))?;
    let end = input.time("EndTime")?.ok_or_else(|| missing("EndTime"))?;
    if start >= end {
        return Err(Refusal::bad(
            "ValidationError",
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    let newest_first = input.text("ScanBy").as_deref() != Some("TimestampAscending");
    let mut results = Vec::new();
    for query in input.list("MetricDataQueries").unwrap_or_default() {
        let id = query.text("Id").unwrap_or_default();
        let label = query.text("Label");
        if query.get("ReturnData").and_then(Input::as_bool) == Some(false) {
            continue;
        }
        let Some(stat) = query.get("MetricStat") else {
            let message =
                Record::new().put("Code", "InternalError").put("Value", "The sandbox evaluates no metric math.");
            let result = Record::new()
                .put("Id", id.clone())
                .put("Label", label.unwrap_or(id))
                .list("Timestamps", "member", Vec::<Output>::new())
                .list("Values", "member", Vec::<Output>::new())
                .put("StatusCode", "InternalError")
                .list("Messages", "member", [message]);
            results.push(result);
            continue;
        };
        let mut points = points(state, stat, start, end);
        if newest_first {
            points.reverse();
        }
        let name = stat.get("Metric").and_then(|metric| metric.text("MetricName")).unwrap_or_default();
        let result = Record::new()
            .put("Id", id)
            .put("Label", label.unwrap_or(name))
            .list("Timestamps", "member", points.iter().map(|(at, _)| Output::Time(*at)))
            .list("Values", "member", points.iter().map(|(_, value)| Output::Float(*value)))
            .put("StatusCode", "Complete");
        results.push(result);
    }
    Ok(Record::new().list("MetricDataResults", "member", results).into())
}

/// One value a period, oldest first.
fn points(state: &State, stat: &Input, start: f64, end: f64) -> Vec<(f64, f64)> {
    let Some(metric) = stat.get("Metric") else {
        return Vec::new();
    };
    let (namespace, name) = (metric.text("Namespace"), metric.text("MetricName"));
    let wanted = dimensions(metric);
    let period = stat.get("Period").and_then(Input::as_float).unwrap_or(60.0).max(1.0);
    let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for datum in &state.monitoring.data {
        let matches = namespace.as_deref() == Some(datum.namespace.as_str())
            && name.as_deref() == Some(datum.name.as_str())
            && datum.dimensions == wanted
            && (start..end).contains(&datum.at);
        if matches {
            #[expect(clippy::cast_possible_truncation, reason = "a period number is small")]
            let bucket = (datum.at / period).floor() as i64;
            buckets.entry(bucket).or_default().extend(&datum.values);
        }
    }
    let statistic = stat.text("Stat").unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "period and sample numbers are small")]
    buckets
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(bucket, values)| (bucket as f64 * period, reduce(&statistic, values)))
        .collect()
}

fn reduce(statistic: &str, mut values: Vec<f64>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sample counts are small")]
    let count = values.len() as f64;
    match statistic {
        "Sum" => values.iter().sum(),
        "Minimum" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "Maximum" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "SampleCount" => count,
        other => match other.strip_prefix('p').and_then(|text| text.parse::<f64>().ok()) {
            Some(percentile) => {
                values.sort_by(f64::total_cmp);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the count")]
                let index = ((percentile / 100.0 * count).ceil() as usize).clamp(1, values.len()) - 1;
                values[index]
            }
            None => values.iter().sum::<f64>() / count,
        },
    }
}
