//! GetMetricData: up to 500 queries a call, paged by datapoints.

use std::collections::BTreeMap;

use super::{Metric, Sample, dimensions};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// API model: queries of one call, and datapoints of one answer.
const QUERIES: usize = 500;
const DATAPOINTS: usize = 100_800;

const MINUTE: f64 = 60.0;
const DAY: f64 = 86_400.0;

/// The finest period of data of this age, in seconds: a minute for 15 days, five for 63, an hour after (API model).
fn finest(age: f64) -> f64 {
    if age <= 15.0 * DAY {
        MINUTE
    } else if age <= 63.0 * DAY {
        5.0 * MINUTE
    } else {
        60.0 * MINUTE
    }
}

/// One query's answer, before it is cut into pages.
struct Answer {
    id: String,
    label: String,
    points: Vec<(f64, f64)>,
    /// Why there is none.
    failure: Option<&'static str>,
}

fn validation(text: impl Into<String>) -> Refusal {
    Refusal::bad("ValidationError", text)
}

pub(crate) fn get(state: &State, input: &Input) -> Result<Output, Refusal> {
    let missing = |member: &str| Refusal::bad("MissingParameter", format!("The parameter {member} is required."));
    let start = input.time("StartTime")?.ok_or_else(|| missing("StartTime"))?;
    let end = input.time("EndTime")?.ok_or_else(|| missing("EndTime"))?;
    if start >= end {
        return Err(validation("The parameter StartTime must be less than the parameter EndTime."));
    }
    // "rounded down" by age (API model).
    let grid = finest(state.now_seconds() - start);
    let start = (start / grid).floor() * grid;
    let queries = input.list("MetricDataQueries").unwrap_or_default();
    if queries.is_empty() || queries.len() > QUERIES {
        return Err(validation(format!("The collection MetricDataQueries must have a size of 1 to {QUERIES}.")));
    }
    let most = match input.int("MaxDatapoints")? {
        None => state.quotas.datapoints.min(DATAPOINTS),
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|asked| (1..=DATAPOINTS).contains(asked))
            .ok_or_else(|| validation(format!("MaxDatapoints must be between 1 and {DATAPOINTS}.")))?,
    };
    let newest_first = match input.text("ScanBy").as_deref() {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => return Err(validation(format!("Invalid value {other} for ScanBy."))),
    };
    let mut answers: Vec<Answer> = Vec::new();
    let mut ids = Vec::new();
    for query in queries {
        let id = legal_id(query, &ids)?;
        ids.push(id.clone());
        if query.get("ReturnData").and_then(Input::as_bool) == Some(false) {
            continue;
        }
        let mut answer = answer(state, query, id, (start, end))?;
        if newest_first {
            answer.points.reverse();
        }
        answers.push(answer);
    }
    let from = match input.text("NextToken").filter(|token| !token.is_empty()) {
        None => 0,
        Some(token) => token
            .strip_prefix("points-")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Refusal::bad("InvalidNextToken", format!("Invalid token: {token}")))?,
    };
    Ok(page(&answers, from, most))
}

fn legal_id(query: &Input, known: &[String]) -> Result<String, Refusal> {
    let id = query.text("Id").unwrap_or_default();
    let is_legal = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_legal {
        return Err(validation(format!(
            "The value {id} for parameter MetricDataQueries Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )));
    }
    if known.contains(&id) {
        return Err(validation(format!("The values for parameter id in MetricDataQueries are not unique: {id}.")));
    }
    Ok(id)
}

fn answer(state: &State, query: &Input, id: String, span: (f64, f64)) -> Result<Answer, Refusal> {
    let label = query.text("Label");
    let Some(stat) = query.get("MetricStat") else {
        let label = label.unwrap_or_else(|| id.clone());
        let failure = Some("The sandbox evaluates no metric math.");
        return Ok(Answer { id, label, points: Vec::new(), failure });
    };
    let metric = stat.get("Metric").ok_or_else(|| validation(format!("Query {id} names no metric.")))?;
    let metric = Metric {
        namespace: metric.text("Namespace").unwrap_or_default(),
        name: metric.text("MetricName").unwrap_or_default(),
        dimensions: dimensions(metric)?,
    };
    let period = stat.get("Period").and_then(Input::as_float).unwrap_or(0.0);
    let is_legal = [1.0, 5.0, 10.0, 20.0, 30.0].contains(&period) || period >= MINUTE && period % MINUTE == 0.0;
    if !is_legal {
        return Err(validation(format!("The Period of query {id} must be 1, 5, 10, 20, 30 or a multiple of 60.")));
    }
    let statistic = Statistic::parse(&stat.text("Stat").unwrap_or_default())
        .ok_or_else(|| validation(format!("The Stat of query {id} is not a statistic.")))?;
    let now = state.now_seconds();
    let mut buckets: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
    let samples = state.monitoring.metrics.samples(&metric);
    let first = samples.partition_point(|sample| sample.at < span.0);
    for sample in samples[first..].iter().take_while(|sample| sample.at < span.1) {
        if period % finest(now - sample.at) == 0.0 || now - sample.at <= 3.0 * 3600.0 {
            #[expect(clippy::cast_possible_truncation, reason = "a period's number is small")]
            let bucket = (sample.at / period).floor() as i64;
            buckets.entry(bucket).or_default().push(*sample);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a period's number is small")]
    let points =
        buckets.into_iter().map(|(bucket, samples)| (bucket as f64 * period, statistic.of(&samples))).collect();
    Ok(Answer { label: label.unwrap_or(metric.name), id, points, failure: None })
}

/// A statistic by its name: `Average`, `p99.9`.
#[derive(Clone, Copy)]
enum Statistic {
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
    Percentile(f64),
}

impl Statistic {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            other => {
                let percent =
                    other.strip_prefix('p')?.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
                Self::Percentile(percent)
            }
        })
    }

    fn of(self, samples: &[Sample]) -> f64 {
        let count: f64 = samples.iter().map(|sample| sample.count).sum();
        let sum: f64 = samples.iter().map(|sample| sample.sum).sum();
        match self {
            Self::Average => sum / count,
            Self::Sum => sum,
            Self::Minimum => samples.iter().map(|sample| sample.minimum).fold(f64::INFINITY, f64::min),
            Self::Maximum => samples.iter().map(|sample| sample.maximum).fold(f64::NEG_INFINITY, f64::max),
            Self::SampleCount => count,
            Self::Percentile(percent) => percentile(samples, percent / 100.0 * count),
        }
    }
}

/// The value below which this many of the samples lie; of a set of statistics its average counts.
fn percentile(samples: &[Sample], rank: f64) -> f64 {
    let mut values: Vec<(f64, f64)> = samples.iter().map(|sample| (sample.sum / sample.count, sample.count)).collect();
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut passed = 0.0;
    let found = values.iter().find(|(_, count)| {
        passed += count;
        passed >= rank
    });
    found.or(values.last()).map_or(0.0, |(value, _)| *value)
}

/// Datapoints from number `from` on, over all queries in turn. A query whose points go on is `PartialData`.
fn page(answers: &[Answer], from: usize, most: usize) -> Output {
    let (mut skip, mut room) = (from, most);
    let mut results = Vec::new();
    let mut goes_on = false;
    for answer in answers {
        let skipped = skip.min(answer.points.len());
        skip -= skipped;
        let rest = &answer.points[skipped..];
        let is_new = skipped == 0 && skip == 0 || !rest.is_empty();
        if !is_new {
            continue;
        }
        if room == 0 && !rest.is_empty() {
            goes_on = true;
            break;
        }
        let shown = &rest[..rest.len().min(room)];
        room -= shown.len();
        goes_on = shown.len() < rest.len();
        let status = match answer.failure {
            Some(_) => "InternalError",
            None if goes_on => "PartialData",
            None => "Complete",
        };
        let messages = answer.failure.map(|failure| Record::new().put("Code", "InternalError").put("Value", failure));
        results.push(
            Record::new()
                .put("Id", &answer.id)
                .put("Label", &answer.label)
                .list("Timestamps", "member", shown.iter().map(|(at, _)| Output::Time(*at)))
                .list("Values", "member", shown.iter().map(|(_, value)| Output::Float(*value)))
                .put("StatusCode", status)
                .list("Messages", "member", messages),
        );
        if goes_on {
            break;
        }
    }
    let next = goes_on.then(|| format!("points-{}", from + most));
    Record::new().put_some("NextToken", next).list("MetricDataResults", "member", results).into()
}
