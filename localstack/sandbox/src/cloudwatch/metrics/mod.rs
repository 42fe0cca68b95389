//! Metric data: put by callers, seeded through the control door, read back by the period.

mod read;
mod seed;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::paging;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) use read::get;
pub use seed::Seeded;
pub(crate) use seed::seed;

/// Samples a series keeps; the oldest go first.
const KEPT: usize = 50_000;

/// What tells one series from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

/// What was measured at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Seconds since 1970.
    pub at: f64,
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

impl Sample {
    pub(crate) fn one(at: f64, value: f64) -> Self {
        Sample { at, count: 1.0, sum: value, minimum: value, maximum: value }
    }
}

/// All series. Past states of the sandbox share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Arc<BTreeMap<Metric, Vec<Sample>>>);

impl Metrics {
    fn add(&mut self, metric: Metric, samples: impl IntoIterator<Item = Sample>) {
        let held = Arc::make_mut(&mut self.0).entry(metric).or_default();
        let sorted = held.len();
        held.extend(samples);
        let from = sorted.saturating_sub(1);
        if !held[from..].is_sorted_by(|one, next| one.at <= next.at) {
            held.sort_by(|one, other| one.at.total_cmp(&other.at));
        }
        let surplus = held.len().saturating_sub(KEPT);
        held.drain(..surplus);
    }

    /// Oldest first.
    fn samples(&self, metric: &Metric) -> &[Sample] {
        self.0.get(metric).map_or(&[], Vec::as_slice)
    }
}

fn dimensions(holder: &Input) -> Result<BTreeMap<String, String>, Refusal> {
    let listed = holder.list("Dimensions").unwrap_or_default();
    if listed.len() > 30 {
        return Err(Refusal::bad("InvalidParameterValue", "A metric has at most 30 dimensions."));
    }
    Ok(listed.into_iter().filter_map(|dimension| Some((dimension.text("Name")?, dimension.text("Value")?))).collect())
}

pub(crate) fn put(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let required = |holder: &Input, member: &str| {
        holder
            .text(member)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::bad("MissingParameter", format!("The parameter {member} is required.")))
    };
    let namespace = required(input, "Namespace")?;
    let data = input.list("MetricData").unwrap_or_default();
    if data.len() > 1_000 {
        return Err(Refusal::bad("InvalidParameterValue", "MetricData holds at most 1000 metrics."));
    }
    let mut read = Vec::new();
    for item in data {
        let metric =
            Metric { namespace: namespace.clone(), name: required(item, "MetricName")?, dimensions: dimensions(item)? };
        let at = item.get("Timestamp").and_then(Input::as_time).unwrap_or_else(|| state.now_seconds());
        read.push((metric, samples(item, at)?));
    }
    for (metric, samples) in read {
        state.monitoring.metrics.add(metric, samples);
    }
    Ok(None)
}

/// A value, values with how often each occurred, or a set of statistics.
fn samples(item: &Input, at: f64) -> Result<Vec<Sample>, Refusal> {
    let floats = |member: &str| -> Vec<f64> {
        item.list(member).unwrap_or_default().into_iter().filter_map(Input::as_float).collect()
    };
    let (values, counts) = (floats("Values"), floats("Counts"));
    if let Some(set) = item.get("StatisticValues") {
        let part = |member: &str| set.get(member).and_then(Input::as_float);
        let all = (part("SampleCount"), part("Sum"), part("Minimum"), part("Maximum"));
        let (Some(count), Some(sum), Some(minimum), Some(maximum)) = all else {
            return Err(Refusal::bad(
                "MissingParameter",
                "StatisticValues has a count, a sum, a minimum and a maximum.",
            ));
        };
        return Ok(vec![Sample { at, count, sum, minimum, maximum }]);
    }
    if !values.is_empty() {
        if !counts.is_empty() && counts.len() != values.len() {
            return Err(Refusal::bad("InvalidParameterValue", "Values and Counts must be of the same length."));
        }
        let counts = counts.into_iter().chain(std::iter::repeat(1.0));
        let sample = |(value, count): (f64, f64)| Sample { count, sum: value * count, ..Sample::one(at, value) };
        return Ok(values.into_iter().zip(counts).map(sample).collect());
    }
    match item.get("Value").and_then(Input::as_float) {
        Some(value) => Ok(vec![Sample::one(at, value)]),
        None => Err(Refusal::bad("MissingParameter", "At least one of the parameters must be specified: Value.")),
    }
}

pub(crate) fn list(state: &State, input: &Input) -> Result<Output, Refusal> {
    const PAGE: usize = 500;
    let (namespace, name) = (input.text("Namespace"), input.text("MetricName"));
    let mut filters = Vec::new();
    for filter in input.list("Dimensions").unwrap_or_default() {
        filters.push((filter.text("Name").unwrap_or_default(), filter.text("Value")));
    }
    let recent = input.text("RecentlyActive").map(|_| state.now_seconds() - 3.0 * 3600.0);
    let found = state.monitoring.metrics.0.iter().filter(|(metric, samples)| {
        namespace.as_ref().is_none_or(|text| *text == metric.namespace)
            && name.as_ref().is_none_or(|text| *text == metric.name)
            && recent.is_none_or(|since| samples.last().is_some_and(|sample| sample.at >= since))
            && filters.iter().all(|(key, value)| {
                metric.dimensions.get(key).is_some_and(|held| value.as_ref().is_none_or(|value| value == held))
            })
    });
    let found = found.enumerate().map(|(number, (metric, _))| (format!("{number:08}"), metric));
    let page = paging::cut(input.text("NextToken"), PAGE, state.settings.page_size, found, |metric| {
        let dimensions =
            metric.dimensions.iter().map(|(name, value)| Record::new().put("Name", name).put("Value", value));
        Record::new()
            .put("Namespace", &metric.namespace)
            .put("MetricName", &metric.name)
            .list("Dimensions", "member", dimensions)
            .into()
    })
    .map_err(|refusal| Refusal::bad("InvalidParameterValue", refusal.message))?;
    Ok(Record::new().list("Metrics", "member", page.items).put_some("NextToken", page.next).into())
}
