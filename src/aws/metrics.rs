//! GetMetricData: many metrics in few calls.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatch::types::{Dimension, Metric as Named, MetricDataQuery, MetricStat, ScanBy, StatusCode};
use aws_smithy_types::DateTime;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::client::Aws;
use super::error::AwsError;
use super::lists::CONCURRENCY;
use super::pages::Pages;
use crate::model::metrics::{Metric, Metrics, PERIOD};

const OPERATION: &str = "GetMetricData";
/// AWS takes this many queries in a call.
pub const QUERIES: usize = 500;
/// And gives back this many values.
const DATAPOINTS: i32 = 100_800;
const NAMESPACE: &str = "AWS/ElastiCache";

/// The whole hours of this length of time, up to now.
pub async fn read(aws: &Aws, metrics: &[Metric], since: Duration) -> Result<Metrics, AwsError> {
    let hour = i64::from(PERIOD);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
    let end = now / hour * hour;
    let start = end - (since.as_secs() as i64).max(hour) / hour * hour;
    let chunks = metrics.chunks(QUERIES).map(|chunk| of_chunk(aws, chunk, start, end));
    let parts: Vec<Vec<Page>> = stream::iter(chunks).buffered(CONCURRENCY).try_collect().await?;
    let mut read = Metrics::default();
    for page in parts.into_iter().flatten() {
        read.calls += 1;
        for (metric, points) in page.series {
            read.add(metric, points);
        }
        read.failures.extend(page.failures);
    }
    Ok(read)
}

#[derive(Default)]
struct Page<'a> {
    series: Vec<(&'a Metric, Vec<(i64, f64)>)>,
    failures: BTreeSet<String>,
}

async fn of_chunk<'a>(aws: &Aws, metrics: &'a [Metric], start: i64, end: i64) -> Result<Vec<Page<'a>>, AwsError> {
    let queries: Vec<MetricDataQuery> =
        metrics.iter().enumerate().map(|(index, metric)| query(index, metric)).collect();
    let (mut pages, mut list) = (Vec::new(), Pages::of(OPERATION));
    loop {
        let call = aws
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampAscending)
            .max_datapoints(DATAPOINTS)
            .set_next_token(list.token());
        let answer = call.send().await.map_err(|error| AwsError::of(OPERATION, error))?;
        let mut page = Page::default();
        for result in answer.metric_data_results() {
            let index = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
            let Some(metric) = index.and_then(|index| metrics.get(index)) else { continue };
            if matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden)) {
                let why =
                    result.messages().first().and_then(|message| message.value()).unwrap_or("no reason was given");
                page.failures.insert(format!("{} could not be read: {why}", metric.name));
            }
            let times = result.timestamps().iter().map(DateTime::secs);
            page.series.push((metric, times.zip(result.values().iter().copied()).collect()));
        }
        pages.push(page);
        if !list.turn(answer.next_token())? {
            return Ok(pages);
        }
    }
}

fn query(index: usize, metric: &Metric) -> MetricDataQuery {
    let dimension = if metric.serverless { "clusterId" } else { "CacheClusterId" };
    let named = Named::builder()
        .namespace(NAMESPACE)
        .metric_name(metric.name)
        .dimensions(Dimension::builder().name(dimension).value(&metric.node).build())
        .build();
    let stat = MetricStat::builder().metric(named).period(PERIOD as i32).stat(metric.statistic.name()).build();
    MetricDataQuery::builder().id(format!("m{index}")).metric_stat(stat).return_data(true).build()
}
